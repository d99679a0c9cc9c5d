// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bytes"
	"regexp"
	"testing"
)

// The kernel's rules hold for both ports, on the releases where they change.
func TestRules(t *testing.T) {
	for _, arch := range []string{"amd64", "386"} {
		t.Run(arch, func(t *testing.T) {
			s, err := newSuite(arch)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.build(); err != nil {
				t.Fatal(err)
			}
			defer s.clean()
			s.each(regexp.MustCompile(""), "", func(r rule, release string, err error) {
				if err != nil {
					t.Errorf("%s on xnu-%s: %v", r.name, release, err)
				}
			})
			// A rule that does not exist must not pass.
			if s.run("nonsense", "1504") == nil {
				t.Error("a rule that does not exist passes")
			}
		})
	}
}

// doc/rules.md has the table, and a mutant has shown of every rule that it can fail.
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
		t.Error("the table of doc/rules.md is not what make generate writes")
	}
	kills, err := s.mutants()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, r := range s.rules {
		names[r.name] = true
		if !r.hidden && kills[r.name] == nil {
			t.Errorf("no mutant breaks rule %s", r.name)
		}
	}
	for name := range kills {
		if !names[name] {
			t.Errorf("lib/signals/mutants.tsv names a rule %s that does not exist", name)
		}
	}
}
