// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goxnu/misc/internal/tree"
)

func suiteOf(t *testing.T) *suite {
	s, err := newSuite()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(s.tmp) })
	return s
}

// TestPrograms: every program about signals says which bugs it guards against.
func TestPrograms(t *testing.T) {
	s := suiteOf(t)
	files, err := filepath.Glob(filepath.Join(s.top, "test", "sig*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if _, err := s.program(strings.TrimSuffix(filepath.Base(f), ".go")); err != nil {
			t.Error(err)
		}
	}
}

// TestMutants: every program is seen to fail by some mutant, and every mutant's
// edits still fit.
func TestMutants(t *testing.T) {
	s := suiteOf(t)
	list, err := readMutants(mutantsFile(s.top))
	if err != nil {
		t.Fatal(err)
	}
	killed := map[string]bool{}
	names := map[string]bool{}
	for _, m := range list {
		if names[m.name] {
			t.Errorf("two mutants are called %s", m.name)
		}
		names[m.name] = true
		if m.edits == nil && m.graft == nil || m.programs == nil || m.what == "" {
			t.Errorf("mutant %s: something is missing", m.name)
		}
		if _, err := tree.Releases(strings.Join(m.releases, " "), "amd64"); err != nil {
			t.Errorf("mutant %s: %v", m.name, err)
		}
		for _, p := range m.programs {
			if _, err := s.program(p); err != nil {
				t.Errorf("mutant %s: %v", m.name, err)
			}
			if !m.harmless {
				killed[p] = true
			}
		}
		texts := map[string]string{}
		for _, e := range m.edits {
			if err := s.apply(e, texts); err != nil {
				t.Errorf("mutant %s: %v", m.name, err)
			}
		}
	}
	for _, p := range s.programs {
		if !killed[p.name] {
			t.Errorf("no mutant shows that test/%s.go can fail", p.name)
		}
	}
}

// TestDoc: doc/signals.md has the table as -table prints it.
func TestDoc(t *testing.T) {
	s := suiteOf(t)
	doc, err := os.ReadFile(filepath.Join(s.top, "doc", "signals.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	if err := s.table(&want); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), want.String()) {
		t.Errorf("doc/signals.md does not have this table:\n%s", want.String())
	}
}
