// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bytes"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// An errno is one line of errno.tsv.
type errno struct {
	num   int
	name  string
	linux []int
	since int
}

func readErrnos(top string) ([]errno, error) {
	rows, err := readTable(top, "errno.tsv", 4, 4)
	if err != nil {
		return nil, err
	}
	var errnos []errno
	seen := map[int]string{}
	for i, r := range rows {
		e := errno{name: r.f[1]}
		if e.num, err = r.num(0); err != nil {
			return nil, err
		}
		if e.num != i+1 {
			return nil, r.Errorf("number %d, want %d", e.num, i+1)
		}
		if e.since, err = r.release(3); err != nil {
			return nil, err
		}
		for _, s := range strings.FieldsFunc(r.f[2], func(c rune) bool { return c == ',' }) {
			n, err := strconv.Atoi(s)
			if err != nil {
				return nil, r.Errorf("%q is not a number", s)
			}
			if seen[n] != "" {
				return nil, r.Errorf("Linux number %d stands for %s and %s", n, seen[n], e.name)
			}
			seen[n] = e.name
			e.linux = append(e.linux, n)
		}
		errnos = append(errnos, e)
	}
	return errnos, nil
}

// genErrno writes the runner's error numbers.
func genErrno(top string) ([]byte, error) {
	errnos, err := readErrnos(top)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, goHeader, "errno.tsv", "xnu")
	b.WriteString(`
// An Errno is an error number of XNU, 0 for none. The negative ones stay
// inside the kernel.
type Errno int

const (
	ERESTART    Errno = -1 // run the call again
	EJUSTRETURN Errno = -2 // the registers are set already

`)
	for _, e := range errnos {
		fmt.Fprintf(&b, "%s Errno = %d\n", e.name, e.num)
	}
	b.WriteString(`
	EWOULDBLOCK = EAGAIN
)

var errnoNames = [...]string{
`)
	for _, e := range errnos {
		fmt.Fprintf(&b, "%s: %q,\n", e.name, e.name)
	}
	b.WriteString(`}

// hostErrnos translates Linux's numbers.
var hostErrnos = [...]Errno{
`)
	type pair struct {
		linux int
		name  string
	}
	var pairs []pair
	for _, e := range errnos {
		for _, l := range e.linux {
			pairs = append(pairs, pair{l, e.name})
		}
	}
	sort.Slice(pairs, func(i, j int) bool { return pairs[i].linux < pairs[j].linux })
	for _, p := range pairs {
		fmt.Fprintf(&b, "%d: %s,\n", p.linux, p.name)
	}
	b.WriteString(`}

// fromHost translates a Linux error number; 0 stays 0, what XNU has no word
// for is EIO.
func fromHost(e uintptr) Errno {
	if e == 0 {
		return 0
	}
	if e < uintptr(len(hostErrnos)) && hostErrnos[e] != 0 {
		return hostErrnos[e]
	}
	return EIO
}

// String returns the name, for tracing.
func (e Errno) String() string {
	switch {
	case e == ERESTART:
		return "ERESTART"
	case e == EJUSTRETURN:
		return "EJUSTRETURN"
	case e > 0 && int(e) < len(errnoNames):
		return errnoNames[e]
	}
	return "E" + itoa(int(e))
}

func (e Errno) Error() string { return e.String() }

func itoa(n int) string {
	if n < 0 {
		return "-" + itoa(-n)
	}
	if n >= 10 {
		return itoa(n/10) + string(rune('0'+n%10))
	}
	return string(rune('0' + n))
}
`)
	return gofmt(b.Bytes())
}

// genSignal writes the runner's signal numbers.
func genSignal(top string) ([]byte, error) {
	rows, err := readTable(top, "signals.tsv", 4, 4)
	if err != nil {
		return nil, err
	}
	var b, t bytes.Buffer
	fmt.Fprintf(&b, goHeader, "signals.tsv", "xnu")
	b.WriteString("\n// The signals of XNU.\nconst (\n")
	acts := map[string]string{"kill": "sigKill", "core": "sigCore", "ignore": "sigIgnore", "stop": "sigStop", "ttystop": "sigTTYStop", "continue": "sigCont"}
	seen := map[int]bool{}
	for i, r := range rows {
		n, err := r.num(0)
		if err != nil {
			return nil, err
		}
		linux, err := r.num(3)
		if err != nil {
			return nil, err
		}
		if n != i+1 || acts[r.f[2]] == "" || linux != 0 && seen[linux] {
			return nil, r.Errorf("out of order, unknown default or a Linux number twice")
		}
		seen[linux] = true
		fmt.Fprintf(&b, "%s = %d\n", r.f[1], n)
		fmt.Fprintf(&t, "%s: {%q, %s, %d},\n", r.f[1], r.f[1], acts[r.f[2]], linux)
	}
	fmt.Fprintf(&b, `
	NSIG = %d
)

// What an unhandled signal does.
const (
	sigKill    = iota
	sigCore    // kill, with a core dump
	sigIgnore
	sigStop
	sigTTYStop // stop, except in an orphaned process group
	sigCont    // continue a stopped process, else ignored
)

// signals has, for each signal, its name, what it does when unhandled and
// Linux's number for it (0: none).
var signals = [NSIG]struct {
	name  string
	dflt  uint8
	linux uint8
}{
`, len(rows)+1)
	b.Write(t.Bytes())
	b.WriteString(`}

// hostSignal returns the signal that Linux calls n, 0 if XNU has none.
func hostSignal(n int) int {
	for s := 1; s < NSIG; s++ {
		if int(signals[s].linux) == n && n != 0 {
			return s
		}
	}
	return 0
}
`)
	return gofmt(b.Bytes())
}
