// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package conform

import (
	"bytes"
	"testing"

	"goxnu/misc/internal/hosttest"
	"goxnu/misc/xtest/run"
)

// The conformance tests pass on both ports, on the releases where they change.
func TestConformance(t *testing.T) {
	f := &Flags{Options: run.Options{Count: 1, Report: run.NewReport(t.Output())}}
	for _, arch := range []string{"amd64", "386"} {
		t.Run(arch, func(t *testing.T) {
			hosttest.Need(t, arch)
			s, err := newSuite(arch)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.build(); err != nil {
				t.Fatal(err)
			}
			defer s.clean()
			s.each(f)
			for _, name := range f.Report.Failures() {
				t.Errorf("%s failed", name)
			}
			if f.Report.Passed == 0 {
				t.Error("no test ran")
			}
			if s.run("nonsense", "1504") == nil {
				t.Error("a test that does not exist passes")
			}
		})
	}
}

// doc/conformance.md has the table, and a mutant kills each test.
func TestTable(t *testing.T) {
	s, err := newSuite("amd64")
	if err != nil {
		t.Fatal(err)
	}
	_, have, want, err := s.doc()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Error("the table of doc/conformance.md is not what make generate writes")
	}
	kills, err := s.mutants()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, r := range s.tests {
		names[r.name] = true
		if !r.hidden && kills[r.name] == nil {
			t.Errorf("no mutant kills test %s", r.name)
		}
	}
	for name := range kills {
		if !names[name] {
			t.Errorf("lib/signals/mutants.tsv names a conformance test %s that does not exist", name)
		}
	}
}
