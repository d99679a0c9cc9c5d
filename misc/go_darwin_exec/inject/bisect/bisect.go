// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package bisect is the target's side of the protocol of
// golang.org/x/tools/cmd/bisect: it reads the patterns that the tool puts in
// the place of PATTERN and writes the marks that the tool looks for. The
// standard library's own implementation is internal to it.
package bisect

import (
	"fmt"
	"strconv"
	"strings"
)

// A Matcher is a pattern: a set of 64-bit ids, and what to do about them.
type Matcher struct {
	quiet   bool // report nothing
	disable bool // the set is to be disabled; all else is enabled
	terms   []term
}

// A term adds the ids that end in certain bits to the set, or removes them.
type term struct {
	mask, bits uint64
	add        bool
}

// New reads a pattern:
//
//	pattern = [ "q" ] { "v" } { "!" } set | ... "n"
//	set     = [ "+" | "-" ] bits { "+" bits } { "-" bits }
//	bits    = "y" | binary digits | "x" hexadecimal digits
//
// The set is made from left to right, of ids that end in the bits; y is every
// id, a leading - begins with all of them. The ids of the set are enabled and
// reported, after ! disabled and reported; n is !y. With q nothing is
// reported, but for v, which says that the reports will be shown to the user.
func New(pattern string) (*Matcher, error) {
	fail := func(why string) (*Matcher, error) {
		return nil, fmt.Errorf("bisect pattern %q: %s", pattern, why)
	}
	m := new(Matcher)
	rest, quiet := strings.CutPrefix(pattern, "q")
	set := strings.TrimLeft(rest, "v")
	m.quiet = quiet && set == rest
	for strings.HasPrefix(set, "!") {
		m.disable = !m.disable
		set = set[1:]
	}
	if set == "n" {
		m.disable = !m.disable
		set = "y"
	}
	switch {
	case set == "":
		return fail("no bits")
	case set[0] == '-':
		m.terms = append(m.terms, term{add: true})
	case set[0] != '+':
		set = "+" + set
	}
	minus := false
	for set != "" {
		t := term{add: set[0] == '+'}
		if t.add && minus {
			return fail("+ after -")
		}
		minus = !t.add
		digits := set[1:]
		if end := strings.IndexAny(digits, "+-"); end >= 0 {
			digits = digits[:end]
		}
		set = set[1+len(digits):]
		if digits != "y" {
			base, width := 2, 1
			if hex, ok := strings.CutPrefix(digits, "x"); ok {
				digits, base, width = hex, 16, 4
			}
			width *= len(digits)
			v, err := strconv.ParseUint(digits, base, 64)
			if err != nil || width > 64 {
				return fail(fmt.Sprintf("%q is neither y nor up to 64 bits, binary or x and hexadecimal", digits))
			}
			t.bits = v
			t.mask = 1<<width - 1
		}
		m.terms = append(m.terms, t)
	}
	return m, nil
}

// has tells whether id is in the set: the last term that fits it decides.
func (m *Matcher) has(id uint64) bool {
	for i := len(m.terms) - 1; i >= 0; i-- {
		if t := &m.terms[i]; id&t.mask == t.bits {
			return t.add
		}
	}
	return false
}

// Enable tells whether what id stands for is to happen. A nil Matcher enables
// everything.
func (m *Matcher) Enable(id uint64) bool { return m == nil || m.has(id) != m.disable }

// Report tells whether a line with id's mark is to be printed.
func (m *Matcher) Report(id uint64) bool { return m != nil && !m.quiet && m.has(id) }

// AppendMark appends the mark of id, which must stand on each line about it.
func AppendMark(b []byte, id uint64) []byte {
	b = append(b, "[bisect-match 0x"...)
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[id>>shift&15])
	}
	return append(b, ']')
}
