// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// A skip is a line of test/skip.txt: tab-separated package, test, port and reason.
type skip struct {
	pkg    string // import path
	test   string // regular expressions for go test -skip, with | between; * for the whole package
	port   string // darwin/amd64 …; * for every port
	first  string // the oldest release of the system that it is about; empty for all
	last   string // and the newest
	reason string
}

// readSkips reads test/skip.txt. Empty lines and lines that begin with # are comments.
func readSkips(r io.Reader) ([]skip, error) {
	var skips []skip
	sc := bufio.NewScanner(r)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		f = slices.DeleteFunc(f, func(s string) bool { return s == "" })
		if len(f) != 4 {
			return nil, fmt.Errorf("line %d has %d fields, not 4 (package, test, port, reason, with tabs between)", n, len(f))
		}
		s := skip{pkg: f[0], test: f[1], reason: f[3]}
		var releases string
		var some bool
		if s.port, releases, some = strings.Cut(f[2], "@"); some {
			if s.first, s.last, some = strings.Cut(releases, "-"); !some {
				s.last = s.first
			}
			if releaseNumber(s.first) == 0 || releaseNumber(s.last) < releaseNumber(s.first) {
				return nil, fmt.Errorf("line %d: %q is no range of releases such as 10.6-10.9", n, releases)
			}
		}
		skips = append(skips, s)
	}
	return skips, sc.Err()
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

// inForce tells whether s is about the port on the release.
func (s *skip) inForce(port, release string) bool {
	if s.port != "*" && s.port != port {
		return false
	}
	n := releaseNumber(release)
	return s.first == "" || releaseNumber(s.first) <= n && n <= releaseNumber(s.last)
}

// skipsOf returns the tests of a package to leave out on the port and release.
func (t *tester) skipsOf(pkg, release string) []string {
	var tests []string
	for _, s := range t.skips {
		if s.pkg == pkg && s.inForce("darwin/"+t.arch, release) {
			tests = append(tests, s.test)
			t.skipped++
			fmt.Printf("skip  %s %s: %s\n", s.pkg, s.test, s.reason)
		}
	}
	return tests
}

// skipFlag returns the -skip flag for tests, each a test's name or, with slashes,
// a subtest's. go test matches each element of a name by itself.
func skipFlag(tests []string) string {
	var alternatives []string
	for _, test := range strings.Split(strings.Join(tests, "|"), "|") {
		elems := strings.Split(test, "/")
		for i, e := range elems {
			elems[i] = "^" + e + "$"
		}
		alternatives = append(alternatives, strings.Join(elems, "/"))
	}
	return "-skip=" + strings.Join(alternatives, "|")
}
