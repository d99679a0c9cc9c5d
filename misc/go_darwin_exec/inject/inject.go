// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package inject chooses where and when faults are injected: what XNU may do and seldom
// does. Kinds says what a fault can be. Package xnu does it: it asks for a site
// for each call and event, when a process starts, and asks the site each time.
//
// A place where a kind of fault can happen (a call, or an event in the
// kernel) is a site. The n-th time that the process comes to a site is
// a fault's identity: a hash of program, kind, site and n. The seed
// chooses some of these, by a hash again, and of the chosen ones a bisect
// pattern, if there is one, enables and reports some. So the same seed does
// the same as far as the program makes the same calls in the same order, and
// bisect's search works whatever the order is.
//
// A thread that has received a fault, as often in a row as the kind says, passes the
// same site unharmed once: a call that is retried succeeds, at any rate, and its retry is not counted.
package inject

import (
	"fmt"
	"hash/fnv"
	"sync/atomic"

	"goxnu/misc/go_darwin_exec/inject/bisect"
)

// An Injector chooses the faults of one process.
type Injector struct {
	cfg     *Config
	program string
	report  func(line []byte)
	sites   int
}

// New returns the injector for a program. Its report writes a line for bisect.
func New(cfg *Config, program string, report func(line []byte)) *Injector {
	return &Injector{cfg: cfg, program: program, report: report}
}

// Reports tells whether lines for bisect will be printed.
func (in *Injector) Reports() bool { return in.cfg.Reports() }

// Sites returns how many sites there are.
func (in *Injector) Sites() int { return in.sites }

// A Site is a place where one kind of fault can happen.
type Site struct {
	in    *Injector
	index int // in Thread.received
	kind  *Kind
	name  string
	id    uint64 // of the site; each time has one made from it
	every uint64
	times uint8         // that a thread receives it in a row
	n     atomic.Uint64 // how often the process has come here
}

// Site makes a site of a kind at the call of that name. It returns nil if the kind is not chosen.
// All sites must be made before the first Hit.
func (in *Injector) Site(k *Kind, name string) *Site {
	every := in.cfg.rateOf(k)
	if every == 0 {
		return nil
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%s", in.program, k.Name, name)
	s := &Site{in: in, index: in.sites, kind: k, name: name, id: h.Sum64(), every: every, times: max(k.InARow, 1)}
	in.sites++
	return s
}

// Event makes the site of a kind that is injected at an event, as Site does.
func (in *Injector) Event(kind string) *Site {
	k := kindNamed(kind)
	return in.Site(k, k.Event)
}

// A Thread holds what a thread has received, by site.
type Thread struct{ received []received }

// A received says that a thread does not count again before it has come to a site
// so many times more, the last time without harm.
type received struct {
	more uint8
	x    uint64
}

// Hit counts the thread's coming to the site, and tells whether the fault
// is to happen. x is a random number that belongs to it. Only events have no thread.
func (s *Site) Hit(t *Thread) (x uint64, hit bool) {
	if t != nil {
		if t.received == nil {
			t.received = make([]received, s.in.sites)
		}
		if m := &t.received[s.index]; m.more > 0 {
			m.more--
			return m.x, m.more > 0
		}
	}
	n := s.n.Add(1)
	id := scramble(s.id + n)
	if x = scramble(id ^ scramble(s.in.cfg.seed)); x%s.every != 0 {
		return 0, false
	}
	if s.in.cfg.match.Report(id) {
		s.report(id, n)
	}
	if !s.in.cfg.match.Enable(id) {
		return 0, false
	}
	x = scramble(x)
	if t != nil {
		t.received[s.index] = received{s.times, x}
	}
	return x, true
}

// report reports a fault, in one write.
func (s *Site) report(id, n uint64) {
	var room [256]byte
	b := bisect.AppendMark(room[:0], id)
	s.in.report(fmt.Appendf(b, " %s: %s %d of %s\n", s.kind.Name, s.name, n, s.in.program))
}

// scramble is a bijection that leaves no pattern (the finalizer of splitmix64).
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
