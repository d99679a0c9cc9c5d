// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package bisect

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern        string
		id             uint64
		enable, report bool
	}{
		{"y", 5, true, true},
		{"n", 5, false, true},
		{"!n", 5, true, true},
		{"qn", 5, false, false},
		{"qy", 5, true, false},
		{"qvy", 5, true, true},
		{"vvy", 5, true, true},
		{"101", 5, true, true},
		{"101", 7, false, false},
		{"+101", 0xf5, true, true},
		{"!101", 5, false, true},
		{"!101", 7, true, false},
		{"x5", 0x15, true, true},
		{"x15", 0x05, false, false},
		{"v01+10", 2, true, true},
		{"01+10", 3, false, false},
		{"01+10-1001", 9, false, false},
		{"01+10-1001", 1, true, true},
		{"-01-1000", 8, false, false},
		{"-01-1000", 0, true, true},
		{"y-01-1000", 5, false, false},
		{"!!x00000000000000ff", 0xff, true, true},
		{"xffffffffffffffff", 1<<64 - 1, true, true},
		{"xffffffffffffffff", 0, false, false},
	} {
		m, err := New(c.pattern)
		if err != nil {
			t.Error(err)
			continue
		}
		if m.Enable(c.id) != c.enable || m.Report(c.id) != c.report {
			t.Errorf("%s: id %#x: enable %v, report %v; want %v, %v", c.pattern, c.id, m.Enable(c.id), m.Report(c.id), c.enable, c.report)
		}
	}
	var none *Matcher
	if !none.Enable(1) || none.Report(1) {
		t.Error("a nil Matcher must enable everything and report nothing")
	}
}

func TestBadPatterns(t *testing.T) {
	for _, p := range []string{"", "q", "v", "!", "z", "2", "xg", "x", "+", "-", "0+", "0--1", "0+1-01+001", "-0+1", "y1", "01 ", "yy",
		strings.Repeat("0", 65), "x" + strings.Repeat("0", 17)} {
		if m, err := New(p); err == nil {
			t.Errorf("%q is taken for %+v", p, m)
		}
	}
}

// TestSplit: a suffix is the union of the two that are one bit longer, which is
// what the tool's search relies on.
func TestSplit(t *testing.T) {
	must := func(p string) *Matcher {
		m, err := New(p)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	all, zero, one := must("01"), must("001"), must("101")
	for range 1000 {
		id := rand.Uint64()
		if all.Enable(id) != (zero.Enable(id) || one.Enable(id)) || zero.Enable(id) && one.Enable(id) {
			t.Fatalf("id %#x", id)
		}
	}
}

func TestMark(t *testing.T) {
	if got, want := string(AppendMark([]byte("a "), 0x1f)), "a [bisect-match 0x000000000000001f]"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
