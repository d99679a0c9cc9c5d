// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package signals

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goxnu/misc/internal/bounded"
	"goxnu/misc/internal/releases"
)

func suiteOf(t *testing.T) *suite {
	s, err := newSuite(new(Flags))
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
		if _, err := s.unit(strings.TrimSuffix(filepath.Base(f), ".go")); err != nil {
			t.Error(err)
		}
	}
}

// TestMutants: the mutants' edits still fit.
func TestMutants(t *testing.T) {
	s := suiteOf(t)
	list, err := s.readMutants()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range list {
		if names[m.name] {
			t.Errorf("two mutants are called %s", m.name)
		}
		names[m.name] = true
		if m.edits == nil && m.graft == nil && !(m.harmless && m.runner != nil) || m.units == nil || m.what == "" {
			t.Errorf("mutant %s: something is missing", m.name)
		}
		if _, err := releases.Select(strings.Join(m.releases, " "), "amd64"); err != nil {
			t.Errorf("mutant %s: %v", m.name, err)
		}
		for _, u := range m.units {
			if m.port != "" && u.unfit(m.port) != "" {
				t.Errorf("mutant %s: %s never runs on %s", m.name, u.name, m.port)
			}
		}
		texts := map[string]string{}
		for _, e := range m.edits {
			for _, arch := range []string{"amd64", "386"} {
				if strings.HasPrefix(e.file, "src/") && strings.Contains(filepath.Base(e.file), "_"+arch+".") && m.port != arch {
					t.Errorf("mutant %s: %s needs a line port %s", m.name, e.file, arch)
				}
			}
			if err := s.apply(e, texts); err != nil {
				t.Errorf("mutant %s: %v", m.name, err)
			}
		}
	}
}

// TestJudge: only the failure that a mutant is for counts.
func TestJudge(t *testing.T) {
	exit1 := errors.New("exit status 1")
	hung := fmt.Errorf("%w after 5m", bounded.ErrTimedOut)
	u, other := new(unit), new(unit)
	fails := mutant{}
	says := mutant{says: map[*unit][]string{u: {"lost", "signal: broken pipe"}}}
	hangs := mutant{hangs: []*unit{u}, says: says.says}
	for _, tt := range []struct {
		m    mutant
		u    *unit
		out  string
		err  error
		want string
	}{
		{fails, u, "", exit1, "killed"},
		{fails, u, "", nil, "SURVIVED"},
		{fails, u, "", hung, "HUNG"},
		{fails, u, "", buildError{exit1}, "FAILED"},
		{says, u, "a signal was lost\n", exit1, "killed"},
		{says, u, "", errors.New("signal: broken pipe"), "killed"},
		{says, u, "no room\n", exit1, "SILENT"},
		{says, u, "a signal was lost\n", nil, "SURVIVED"},
		{says, u, "a signal was lost\n", hung, "HUNG"},
		{says, other, "", exit1, "killed"},
		{hangs, u, "", hung, "killed"},
		{hangs, u, "no room\n", exit1, "SILENT"},
		{hangs, other, "", hung, "HUNG"},
		{mutant{harmless: true}, u, "", nil, "passed"},
		{mutant{harmless: true}, u, "", exit1, "FAILED"},
	} {
		got, wrong := tt.m.judge(tt.u, []byte(tt.out), tt.err)
		if got != tt.want || (wrong == "") != (got == "killed" || got == "passed") {
			t.Errorf("%+v, %q, %v: %s, %q, want %s", tt.m, tt.out, tt.err, got, wrong, tt.want)
		}
	}
}

// TestNeverRan: skipping itself is no way to pass.
func TestNeverRan(t *testing.T) {
	a, b, c := new(unit), new(unit), new(unit)
	got := neverRan([]result{{unit: a, outcome: skipped}, {unit: b, outcome: skipped}, {unit: c, outcome: failed}, {outcome: skipped}, {unit: a, outcome: skipped}, {unit: b, outcome: passed}})
	if len(got) != 1 || got[0] != a {
		t.Errorf("%d tests, want the one that only skipped itself", len(got))
	}
}

// needed are the rows for which there must be a test or a reason why not.
var needed = strings.Fields(`1 2 3 4 5 6 7 8 9 10 11 12 14 15 16 17 18 19 21 22 23 24 25 26 27 28 29 30 31 32
	34 35 36 37 40 41 42 43 44 45 46 47 50 51 52 53 54 55 56 57 61 62 63 64 67 68 69 70 71 72 74 75 76 78 79 80 81 82 83
	84 85 86 87 88 91 92 93 94 95 97 98 99 100 101 102 103 104 105 106 108 109 110`)

// TestRows: every bug has a test that is seen to fail, or a reason why there is
// none, and every program guards against one.
func TestRows(t *testing.T) {
	s := suiteOf(t)
	list, err := s.readMutants()
	if err != nil {
		t.Fatal(err)
	}
	in := map[*unit]bool{}
	numbers := map[string]bool{}
	for _, r := range s.rows {
		numbers[r.number] = true
		if r.what == "" {
			t.Errorf("row %s: what is it?", r.number)
		}
		if len(r.tests) == 0 {
			if r.why == "" {
				t.Errorf("row %s has neither a test nor a reason", r.number)
			}
			if len(r.proof)+len(r.also) > 0 {
				t.Errorf("row %s: no test is seen to fail", r.number)
			}
			continue
		}
		shown := map[*unit]bool{}
		for _, name := range r.proof {
			i := slices.IndexFunc(list, func(m mutant) bool { return m.name == name })
			if i < 0 {
				// A test of this module that shows mistakes to a check.
				u, err := s.unit(name)
				of, ok := strings.CutSuffix(name, "Mistakes")
				if err != nil || u.kind != module || !ok {
					t.Errorf("row %s: there is neither a mutant nor a test of mistakes %s", r.number, name)
					continue
				}
				j := slices.IndexFunc(r.tests, func(u *unit) bool { return u.name == of })
				if j < 0 {
					t.Errorf("row %s: %s is not for its tests", r.number, name)
					continue
				}
				shown[r.tests[j]] = true
				continue
			}
			used := false
			for _, u := range r.tests {
				if !list[i].harmless && slices.Contains(list[i].units, u) {
					shown[u], used = true, true
				}
			}
			if !used {
				t.Errorf("row %s: mutant %s is not for its tests", r.number, name)
			}
		}
		for _, u := range slices.Concat(r.tests, r.also) {
			in[u] = true
		}
		for _, u := range r.tests {
			if !shown[u] {
				t.Errorf("row %s: nothing shows that %s can fail", r.number, u.name)
			}
		}
	}
	for _, n := range needed {
		if !numbers[n] {
			t.Errorf("row %s is missing", n)
		}
	}
	for _, u := range s.programs {
		if !in[u] {
			t.Errorf("no row names the program %s", u.name)
		}
		if !slices.ContainsFunc(list, func(m mutant) bool { return !m.harmless && slices.Contains(m.units, u) }) {
			t.Errorf("no mutant shows that the program %s can fail", u.name)
		}
	}
}

// TestDoc: doc/signals.md has the table as make generate writes it.
func TestDoc(t *testing.T) {
	path, have, want, err := suiteOf(t).doc()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("%s is not up to date: run make generate", path)
	}
}
