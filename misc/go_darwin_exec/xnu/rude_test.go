// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"strings"
	"testing"
)

// TestInjections: the table names calls that exist, in some release at least,
// and have a handler; every kind once, with its source.
func TestInjections(t *testing.T) {
	known := map[string]bool{}
	for i := range sysents {
		known[sysents[i].name] = known[sysents[i].name] || sysents[i].handle != nil
	}
	for i := range machtraps {
		known[machtraps[i].name] = known[machtraps[i].name] || machtraps[i].handle != nil
	}
	kinds := map[string]bool{}
	for _, in := range injections {
		if kinds[in.kind] || in.what == "" || in.source == "" || strings.ContainsAny(in.kind, ",+= ") {
			t.Errorf("%s: twice, incomplete, or not a word", in.kind)
		}
		kinds[in.kind] = true
		if in.do == nil || in.calls == "*" {
			continue
		}
		for _, name := range strings.Fields(in.calls) {
			if !known[name] {
				t.Errorf("%s: there is no call %s", in.kind, name)
			}
		}
	}
	// Each kind is put somewhere.
	for kind := range kinds {
		r, err := ParseRude("kinds=" + kind)
		if err != nil {
			t.Error(err)
			continue
		}
		p := &Proc{Release: XNU3789, calls: inRelease(sysents[:], XNU3789), traps: inRelease(machtraps[:], XNU3789)}
		if err := p.startRude(&Config{Rude: r, Path: "/x/y"}); err != nil {
			t.Error(err)
		}
		if len(p.rude.sites) == 0 {
			t.Errorf("%s goes nowhere", kind)
		}
	}
}

// TestRudeOff: without -rude the tables are the shared ones.
func TestRudeOff(t *testing.T) {
	p := &Proc{Release: XNU11215, calls: inRelease(sysents[:], XNU11215), traps: inRelease(machtraps[:], XNU11215)}
	if err := p.startRude(&Config{}); err != nil || p.rude != nil {
		t.Fatal(p.rude, err)
	}
	rows := map[*sysent]bool{}
	for i := range sysents {
		rows[&sysents[i]] = true
	}
	for nr, s := range p.calls {
		if s != nil && !rows[s] {
			t.Fatalf("call %d has a row of its own", nr)
		}
	}
}

// TestSiteHit: about one time in so many, never twice in a row for a thread
// at any rate, and the skipped time is not counted.
func TestSiteHit(t *testing.T) {
	r := &rude{Rude: &Rude{seed: 1}, program: "p"}
	th := new(Thread)
	s := r.site(&injections[0], "read", 1)
	for i := range 100 {
		if _, hit := s.hit(th); hit != (i%2 == 0) {
			t.Fatalf("rate 1, time %d: %v", i, hit)
		}
	}
	if n := s.n.Load(); n != 50 {
		t.Errorf("%d times counted, not 50", n)
	}
	s = r.site(&injections[0], "write", 16)
	hits := 0
	for range 16000 {
		if _, hit := s.hit(nil); hit {
			hits++
		}
	}
	if hits < 800 || hits > 1200 {
		t.Errorf("%d of 16000 at rate 16", hits)
	}
}
