// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"goxnu/misc/internal/releases"
)

// A lack is one line of older.tsv: what releases before since do without.
type lack struct {
	what   string
	names  []string // of libc.tsv
	since  int      // XNU branch
	before string
	err    string // what the caller sees
	tests  []string
}

// readOlder reads older.tsv. It must name every stub that depends on the
// release, with that release, and ENOSYS for those that have nothing else.
func readOlder(top string) ([]lack, error) {
	calls, err := readSyscalls(top)
	if err != nil {
		return nil, err
	}
	stubs, err := readLibc(top)
	if err != nil {
		return nil, err
	}
	rows, err := readTable(top, "older.tsv", 6, 6)
	if err != nil {
		return nil, err
	}
	var lacks []lack
	named := map[string]bool{}
	for _, r := range rows {
		l := lack{what: r.f[0], names: strings.Fields(r.f[1]), before: r.f[3], err: r.f[4], tests: strings.Fields(r.f[5])}
		if c := findCall(calls, r.f[2]); c != nil {
			l.since = c.since
		} else if l.since, err = r.release(2); err != nil {
			return nil, err
		}
		if l.since <= releases.XNU1504 {
			return nil, r.Errorf("%s: every release has it", l.what)
		}
		if darwinMajors[l.since] == 0 {
			return nil, r.Errorf("xnu-%d is not the first kernel of its Darwin release", l.since)
		}
		for _, name := range l.names {
			i := slices.IndexFunc(stubs, func(s stub) bool { return s.name == name })
			if i < 0 {
				return nil, r.Errorf("libc.tsv has no %s", name)
			}
			s := stubs[i]
			if s.major != 0 && s.major != darwinMajors[l.since] {
				return nil, r.Errorf("%s depends on Darwin %d, not %d", name, s.major, darwinMajors[l.since])
			}
			if s.onlyENOSYS() != (l.err == "ENOSYS") {
				return nil, r.Errorf("%s: the error is %q, libc.tsv says otherwise", name, l.err)
			}
			named[name] = true
		}
		lacks = append(lacks, l)
	}
	for _, s := range stubs {
		if s.major != 0 && !named[s.name] {
			return nil, fmt.Errorf("lib/xnu/older.tsv: %s, which depends on the release, is missing", s.name)
		}
	}
	return lacks, nil
}

// onlyENOSYS tells whether the stub fails on older releases, whatever its arguments.
func (s stub) onlyENOSYS() bool { return s.major != 0 && s.older == "" }

// releaseName returns the name of the system whose first kernel is of that branch.
func releaseName(branch int) string {
	i := slices.IndexFunc(releases.All, func(r releases.Release) bool { return r.Kernel == branch })
	return releases.All[i].Name
}

// docOlder makes the table of doc/releases.md.
func docOlder(top string) (string, error) {
	lacks, err := readOlder(top)
	if err != nil {
		return "", err
	}
	slices.SortStableFunc(lacks, func(a, b lack) int { return a.since - b.since })
	var b strings.Builder
	b.WriteString("| since | what | before, the port does | error there | shown by |\n|---|---|---|---|---|\n")
	for _, l := range lacks {
		got := l.err
		if got == "" {
			got = "none"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", releaseName(l.since), l.what, l.before, got, strings.Join(l.tests, ", "))
	}
	return b.String(), nil
}

// genOlder writes, for a test of package syscall, the stubs that fail on older releases.
func genOlder(top string) ([]byte, error) {
	if _, err := readOlder(top); err != nil {
		return nil, err
	}
	stubs, err := readLibc(top)
	if err != nil {
		return nil, err
	}
	stubs = slices.DeleteFunc(stubs, func(s stub) bool { return !s.onlyENOSYS() })
	var b bytes.Buffer
	b.WriteString(portHeader("libc.tsv", "syscall"))
	b.WriteString("\nimport (\n\"internal/abi\"\n_ \"unsafe\" // for linkname\n)\n\n")
	for _, s := range stubs {
		fmt.Fprintf(&b, "//go:linkname %[1]s %[1]s\nfunc %[1]s()\n\n", s.Symbol())
	}
	b.WriteString(`// OlderENOSYS has the stubs that fail with ENOSYS before a release of Darwin,
// whatever their arguments.
var OlderENOSYS = []struct {
	Name  string
	Fn    uintptr
	Since int
}{
`)
	for _, s := range stubs {
		fmt.Fprintf(&b, "{%q, abi.FuncPCABI0(%s), %s},\n", s.name, s.Symbol(), s.Darwin())
	}
	b.WriteString("}\n")
	return gofmt(b.Bytes())
}
