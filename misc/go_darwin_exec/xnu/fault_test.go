// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"strings"
	"testing"

	"goxnu/misc/go_darwin_exec/inject"
)

// faultProc is a process of a release with the tables of calls only, and the faults that value chooses.
func faultProc(t *testing.T, r Release, value string) *Proc {
	t.Helper()
	c, err := inject.Parse(value)
	p := &Proc{Release: r, calls: inRelease(sysents[:], r), traps: inRelease(machtraps[:], r)}
	if err == nil {
		err = p.startFaults(&Config{Fault: c, Path: "/x/y"})
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestFaultKinds: the kinds name calls that exist, in some release at least,
// and have a handler; callFaults has those kinds and no others.
func TestFaultKinds(t *testing.T) {
	known := map[string]bool{}
	for i := range sysents {
		known[sysents[i].name] = known[sysents[i].name] || sysents[i].handle != nil
	}
	for i := range machtraps {
		known[machtraps[i].name] = known[machtraps[i].name] || machtraps[i].handle != nil
	}
	atCalls := 0
	for _, k := range inject.Kinds {
		if _, ok := callFaults[k.Name]; ok != (k.Calls != "") {
			t.Errorf("%s: in callFaults: %v, calls: %q", k.Name, ok, k.Calls)
		}
		if k.Calls != "" {
			atCalls++
		}
		if k.Calls == "*" {
			continue
		}
		for _, name := range strings.Fields(k.Calls) {
			if !known[name] {
				t.Errorf("%s: there is no call %s", k.Name, name)
			}
		}
	}
	if len(callFaults) != atCalls {
		t.Errorf("callFaults has %d kinds, %d are injected at calls", len(callFaults), atCalls)
	}
	for _, k := range inject.Kinds {
		if faultProc(t, XNU3789, "kinds="+k.Name).faults.Sites() == 0 {
			t.Errorf("%s has no site", k.Name)
		}
	}
}

// TestFaultRows: the handlers are wrapped in rows of the process's own. Without -fault its
// rows are the shared ones.
func TestFaultRows(t *testing.T) {
	shared := map[*sysent]bool{}
	for i := range sysents {
		shared[&sysents[i]] = true
	}
	sharedTraps := map[*machtrap]bool{}
	for i := range machtraps {
		sharedTraps[&machtraps[i]] = true
	}
	check := func(p *Proc, want bool) {
		t.Helper()
		for nr, s := range p.calls {
			if s != nil && shared[s] != want {
				t.Fatalf("call %d has a shared row: %v, want %v", nr, !want, want)
			}
		}
		for nr, s := range p.traps {
			if s != nil && sharedTraps[s] != want {
				t.Fatalf("trap %d has a shared row: %v, want %v", nr, !want, want)
			}
		}
	}
	check(faultProc(t, XNU11215, "seed=1"), false)
	p := &Proc{Release: XNU11215, calls: inRelease(sysents[:], XNU11215), traps: inRelease(machtraps[:], XNU11215)}
	if err := p.startFaults(&Config{}); err != nil || p.faults != nil {
		t.Fatal(p.faults, err)
	}
	check(p, true)
}
