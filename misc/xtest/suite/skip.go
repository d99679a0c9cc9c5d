// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package suite

import (
	"slices"
	"strconv"
	"strings"

	"goxnu/misc/internal/tsv"
)

// A skip is a line of test/skip.txt: tab-separated package, test, port and reason.
type skip struct {
	pkg    string // import path
	test   string // regular expressions for go test -skip, with | between; * for the whole package
	port   string // darwin/amd64 …; * for every port
	first  string // the oldest release of the system that it is about; empty for all
	last   string // and the newest
	when   string // or a condition of the run: noBinfmt, whenFault, or whenKind and a kind
	reason string
}

// The conditions of a run that a line may name behind the port.
const (
	noBinfmt  = "no-binfmt" // the machine cannot have the runner start what its programs start
	whenFault = "fault"     // suite fault
	whenKind  = "fault="    // suite fault, if this kind is asked for by name
)

var skipColumns = []string{"package", "test", "port", "reason"}

// readSkips reads test/skip.txt.
func readSkips(top string) ([]skip, error) {
	rows, err := tsv.ReadFile(top, "test/skip.txt", skipColumns...)
	if err != nil {
		return nil, err
	}
	return parseSkips(rows)
}

func parseSkips(rows []tsv.Row) (skips []skip, err error) {
	for _, row := range rows {
		f := row.F
		s := skip{pkg: f[0], test: f[1], reason: f[3]}
		var cond string
		var some bool
		if s.port, cond, some = strings.Cut(f[2], "@"); cond == noBinfmt || cond == whenFault || strings.HasPrefix(cond, whenKind) {
			s.when = cond
		} else if some {
			if s.first, s.last, some = strings.Cut(cond, "-"); !some {
				s.last = s.first
			}
			if s.first == "" || releaseNumber(s.first) == 0 || releaseNumber(s.last) < releaseNumber(s.first) {
				return nil, row.Errorf("%q is no range of releases such as 10.6-10.9, nor %s, nor %s", cond, noBinfmt, whenFault)
			}
		}
		skips = append(skips, s)
	}
	return skips, nil
}

// releaseNumber makes the releases of the system, 10.6 to 10.15 and from 11 on,
// comparable; it is 0 for what is none. The empty release is the runner's
// default, the newest.
func releaseNumber(s string) int {
	if s == "" {
		return 1 << 30
	}
	major, minor, _ := strings.Cut(s, ".")
	m, err := strconv.Atoi(major)
	n := 0
	if err == nil && minor != "" {
		n, err = strconv.Atoi(minor)
	}
	if err != nil || m < 10 || n < 0 || n > 99 {
		return 0
	}
	return 100*m + n
}

// inForce tells whether s is about the port on the release, when the
// conditions hold.
func (s *skip) inForce(port, release string, conditions ...string) bool {
	if s.port != "*" && s.port != port || s.when != "" && !slices.Contains(conditions, s.when) {
		return false
	}
	n := releaseNumber(release)
	return s.first == "" || releaseNumber(s.first) <= n && n <= releaseNumber(s.last)
}

// leaveOut returns the tests of a package to leave out on the release, under
// the conditions, and how to change the command that runs the others.
func (t *tester) leaveOut(pkg, release string, conditions ...string) (tests []string, wrap wrapper) {
	port := "darwin/" + t.arch
	if slices.ContainsFunc(t.skips, func(s skip) bool { return s.pkg == pkg && s.when == noBinfmt && s.inForce(port, release, noBinfmt) }) {
		if w, err := t.binfmt(); err != nil {
			t.Report.Printf("      %s: %v\n", pkg, err)
			conditions = append(conditions, noBinfmt)
		} else {
			wrap = w
		}
	}
	for _, s := range t.skips {
		if s.pkg == pkg && s.inForce(port, release, conditions...) {
			tests = append(tests, s.test)
			t.skipUnit(s.pkg+" "+s.test, s.reason)
		}
	}
	return tests, wrap
}

// skipFlag returns the -skip flag for tests, each a test's name or, with slashes,
// a subtest's, as regular expressions.
func skipFlag(tests []string) string { return "-skip=" + testPattern(tests) }

// testPattern returns what -run and -skip want: go test matches each element of
// a name by itself.
func testPattern(tests []string) string {
	var alternatives []string
	for _, test := range strings.Split(strings.Join(tests, "|"), "|") {
		elems := strings.Split(test, "/")
		for i, e := range elems {
			elems[i] = "^" + e + "$"
		}
		alternatives = append(alternatives, strings.Join(elems, "/"))
	}
	return strings.Join(alternatives, "|")
}
