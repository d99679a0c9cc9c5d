// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"goxnu/misc/go_darwin_exec/bisect"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// Rude mode: the kernel does what XNU may do and seldom does. What that can be
// is the table in rudekinds.go.
//
// A place where a kind of injection can happen (a call, or an event of the
// kernel's own) is a site. The n-th time that the process comes to a site is
// an injection's identity: a hash of program, kind, site and n. The seed
// chooses some of these, by a hash again, and of the chosen ones a bisect
// pattern, if there is one, enables and reports some. So the same seed does
// the same as far as the program makes the same calls in the same order, and
// bisect's search works whatever the order is.
//
// A thread that has met an injection, as often in a row as the kind says, passes the
// same site unharmed once: a call that is retried succeeds, at any rate, and its retry is not counted.
//
// Without -rude there is none of this: the injections sit in the table of
// calls, as handlers that wrap the handlers, and are put there by Boot.

// A Rude is the value of -rude.
type Rude struct {
	seed    uint64
	rate    uint64   // of all kinds; 0: each has its own
	kinds   []string // nil: those that have a rate
	pattern string
	match   *bisect.Matcher // nil: do all that the seed chooses, in silence
	Random  bool            // nobody has chosen the seed
}

// ParseRude reads the value of -rude: items with commas between,
//
//	seed=N      a number, or random
//	rate=N      one time in N, for every kind
//	kinds=A+B   only these kinds
//
// and a bisect pattern.
func ParseRude(value string) (*Rude, error) {
	r := &Rude{seed: 1}
	for item := range strings.SplitSeq(value, ",") {
		name, v, named := strings.Cut(item, "=")
		n, err := strconv.ParseUint(v, 10, 64)
		switch {
		case name == "seed" && v == "random":
			r.seed, r.Random = rand.Uint64N(1e9), true
		case name == "seed" && named:
			if err != nil {
				return nil, fmt.Errorf("%q: a seed is a number, or random", item)
			}
			r.seed = n
		case name == "rate" && named:
			if err != nil || n == 0 {
				return nil, fmt.Errorf("%q: a rate is a number: one time in so many", item)
			}
			r.rate = n
		case name == "kinds" && named:
			r.kinds = strings.Split(v, "+")
			for _, k := range r.kinds {
				if !slices.ContainsFunc(injections[:], func(in injection) bool { return in.kind == k }) {
					return nil, fmt.Errorf("%q: there is no kind %q; -rude help lists them", item, k)
				}
			}
		case named:
			return nil, fmt.Errorf("%q: there are seed=, rate= and kinds=; -rude help says more", item)
		case r.match != nil:
			return nil, fmt.Errorf("%q and %q: one bisect pattern is enough", r.pattern, item)
		default:
			r.pattern = item
			if r.match, err = bisect.New(item); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// String returns the value that says the same, with the seed.
func (r *Rude) String() string {
	s := "seed=" + strconv.FormatUint(r.seed, 10)
	if r.rate != 0 {
		s += ",rate=" + strconv.FormatUint(r.rate, 10)
	}
	if r.kinds != nil {
		s += ",kinds=" + strings.Join(r.kinds, "+")
	}
	if r.match != nil {
		s += "," + r.pattern
	}
	return s
}

// Reports tells whether lines for bisect will be printed.
func (r *Rude) Reports() bool { return r.match != nil }

// RudeHelp describes -rude and its kinds.
func RudeHelp() string {
	var b strings.Builder
	b.WriteString(`-rude ITEM,...: do what XNU may do and seldom does

  seed=N      choose by this seed (default 1); random takes one and prints it
  rate=N      one time in N, for every kind
  kinds=A+B   only these kinds
  PATTERN     of what the seed chooses, do what this pattern of
              golang.org/x/tools/cmd/bisect enables, and report it on stderr

kinds, how often each happens (1 in so many; asked: only if kinds= names it),
and to which calls:

`)
	for _, in := range injections {
		fmt.Fprintf(&b, "  %-16s %5s  %s\n%26s(%s)\n", in.kind, in.often(), in.what, "", in.where())
	}
	return b.String()
}

// RudeTable is the table of the kinds for the documentation.
func RudeTable() string {
	var b strings.Builder
	b.WriteString("| kind | 1 in | what | calls | where XNU does it |\n|---|---|---|---|---|\n")
	for _, in := range injections {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", in.kind, in.often(), in.what, in.where(), in.source)
	}
	return b.String()
}

func (in *injection) often() string {
	if in.every == 0 {
		return "asked"
	}
	return strconv.FormatUint(in.every, 10)
}

func (in *injection) where() string {
	switch {
	case in.do == nil:
		return in.calls
	case in.calls == "*":
		return "every BSD call"
	}
	var names []string
	for _, n := range strings.Fields(in.calls) {
		if !strings.HasSuffix(n, "_nocancel") {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}

// A site is a place where one kind of injection can happen.
type site struct {
	r     *rude
	index int // in Thread.met
	kind  *injection
	name  string
	id    uint64 // of the site; each time has one made from it
	every uint64
	times uint8         // that a thread meets it in a row
	n     atomic.Uint64 // how often the process has come here
}

// A rude is the rude mode of a process.
type rude struct {
	*Rude
	report  uintptr // descriptor of the reports
	program string
	sites   []*site

	// The kernel's own events; nil if their kind is not chosen.
	lateSignal, lateThread, heldSignal, clockStep, clockNone *site

	// A sender that holds a signal: see postHeld. Guarded by Proc.mu.
	holding bool
	held    *sync.Cond // it does not any more
}

// wants tells whether a kind is chosen, and how often it is to happen.
func (r *Rude) wants(in *injection) (every uint64, ok bool) {
	if r.kinds != nil && !slices.Contains(r.kinds, in.kind) {
		return 0, false
	}
	every = in.every
	if every == 0 && r.kinds != nil {
		every = askedEvery
	}
	if every != 0 && r.rate != 0 {
		every = r.rate
	}
	return every, every != 0
}

// askedEvery is the rate of kinds that have none of their own.
const askedEvery = 8

// startRude puts the injections in place.
func (p *Proc) startRude(cfg *Config) error {
	if cfg.Rude == nil {
		return nil
	}
	r := &rude{Rude: cfg.Rude, report: uintptr(cfg.RudeFD), program: filepath.Base(cfg.Path)}
	p.rude = r
	if r.Reports() {
		r.inherit(false)
	}
	own(p.calls)
	own(p.traps)
	for i := range injections {
		in := &injections[i]
		every, ok := r.wants(in)
		if !ok {
			continue
		}
		if in.do == nil {
			s := r.site(in, in.calls, every)
			switch in.kind {
			case "signal-late":
				r.lateSignal = s
			case "thread-late":
				r.lateThread = s
			case "signal-held":
				r.heldSignal = s
				r.held = sync.NewCond(&p.mu)
			case "clock-step":
				r.clockStep = s
			case "clock-none":
				r.clockNone = s
			default:
				return errors.New("-rude: nothing does " + in.kind)
			}
			continue
		}
		names := strings.Fields(in.calls)
		for _, s := range p.calls {
			if s != nil && s.handle != nil && (in.calls == "*" || slices.Contains(names, s.name)) {
				s.handle = r.site(in, s.name, every).wrap(s.handle)
			}
		}
		for _, s := range p.traps {
			if s != nil && s.handle != nil && slices.Contains(names, s.name) {
				next := s.handle
				h := r.site(in, s.name, every).wrap(func(t *Thread, a *args) (uint64, Errno) {
					return uint64(next(t, a)), 0
				})
				s.handle = func(t *Thread, a *args) int32 {
					v, _ := h(t, a)
					return int32(v)
				}
			}
		}
	}
	return nil
}

// own replaces the rows of a table, which all processes share, by copies.
func own[H handler | trapHandler](tab []*entry[H]) {
	for i, s := range tab {
		if s != nil {
			c := *s
			tab[i] = &c
		}
	}
}

func (r *rude) site(in *injection, name string, every uint64) *site {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%s", r.program, in.kind, name)
	s := &site{r: r, index: len(r.sites), kind: in, name: name, id: h.Sum64(), every: every, times: max(inARow[in.kind], 1)}
	r.sites = append(r.sites, s)
	return s
}

// wrap puts the injection before next.
func (s *site) wrap(next handler) handler {
	return func(t *Thread, a *args) (uint64, Errno) {
		// A call that goes on after an interruption is still the same, and
		// in a forked child nothing may be done that allocates.
		if !t.restart && !t.p.child && (s.kind.when == nil || s.kind.when(t, a)) {
			if x, hit := s.hit(t); hit {
				// A copy: a handler that is entered again, without the
				// injection, must find what the guest asked for.
				b := *a
				return s.kind.do(t, &b, next, x)
			}
		}
		return next(t, a)
	}
}

// hit counts the thread's coming to the site, and tells whether the injection
// is to happen. x is a random number that belongs to it. Only the kernel's own
// events have no thread.
func (s *site) hit(t *Thread) (x uint64, hit bool) {
	if t != nil {
		if t.met == nil {
			t.met = make([]met, len(s.r.sites))
		}
		if m := &t.met[s.index]; m.more > 0 {
			m.more--
			return m.x, m.more > 0
		}
	}
	n := s.n.Add(1)
	id := scramble(s.id + n)
	if x = scramble(id ^ scramble(s.r.seed)); x%s.every != 0 {
		return 0, false
	}
	if s.r.match.Report(id) {
		s.print(id, n)
	}
	if !s.r.match.Enable(id) {
		return 0, false
	}
	x = scramble(x)
	if t != nil {
		t.met[s.index] = met{s.times, x}
	}
	return x, true
}

// A met is what a thread has met at a site: after so many times more, the last of which
// is without harm, it counts again.
type met struct {
	more uint8
	x    uint64
}

// scramble is a bijection that leaves no pattern (the finalizer of splitmix64).
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// print reports an injection, in one write.
func (s *site) print(id, n uint64) {
	var room [256]byte
	b := bisect.AppendMark(room[:0], id)
	b = fmt.Appendf(b, " %s: %s %d of %s\n", s.kind.kind, s.name, n, s.r.program)
	syscall.Write(int(s.r.report), b)
}

// inherit says whether the next image of the process, which must be a runner,
// inherits the descriptor of the reports. It allocates nothing.
func (r *rude) inherit(yes bool) {
	if r == nil || r.match == nil {
		return
	}
	closeOnExec(int32(r.report), !yes)
}

// HideRude duplicates the runner's standard error for the reports of this
// process and of those that it will start: theirs may be something that the
// program reads.
func HideRude() int {
	fd, e := host(syscall.SYS_FCNTL, 2, syscall.F_DUPFD, uintptr(hiddenFDBase), 0, 0, 0)
	if e != 0 {
		return 2
	}
	return int(fd)
}

// late wakes t, which a signal was sent to, some time later. A thread that
// is inside the kernel, or comes there, finds the signal at once. p.mu is held.
func (r *rude) late(t *Thread) bool {
	if r.lateSignal == nil || t.p.child {
		return false
	}
	x, hit := r.lateSignal.hit(nil)
	if !hit {
		return false
	}
	t.ast.Store(1)
	time.AfterFunc(shortTime(x), func() {
		p := t.p
		p.mu.Lock()
		defer p.mu.Unlock()
		if slices.Contains(p.threads, t) {
			t.cpu.Kick()
		}
	})
	return true
}

// postHeld is what xsig.Proc.Post does, but the sender may lose the processor after it has
// chosen the thread. Others wait meanwhile, and so does who looks for signals and has one
// (xnu-11417 bsd/kern/kern_sig.c:proc_signalstart). p.mu is held, but not all the time.
func (r *rude) postHeld(p *Proc, sig int) xsig.Outcome {
	r.settle()
	x, hit := r.heldSignal.hit(nil)
	t := p.sig.Choose(sig)
	if hit && t != nil {
		r.holding = true
		p.mu.Unlock()
		pause(shortTime(x))
		p.mu.Lock()
		r.holding = false
		r.held.Broadcast()
		if p.find(t) == nil {
			return xsig.Outcome{}
		}
	}
	return p.sig.PostThread(t, sig)
}

// holds tells whether signals for the process are sent with postHeld. From 3248 on the
// sender has proc_lock meanwhile, which each thread takes that looks for signals after a
// change of its mask (bsd/kern/kern_sig.c:bsd_ast): nobody can tell that it was held up.
func (r *rude) holds(p *Proc) bool {
	return r != nil && r.heldSignal != nil && p.Release < XNU3248 && !p.child
}

// settle waits until no sender holds a signal. p.mu is held, but not all the time.
func (r *rude) settle() {
	for r.holding {
		r.held.Wait()
	}
}

// startLate lets a new thread wait before its first instruction.
func (r *rude) startLate(t *Thread) {
	if r.lateThread == nil {
		return
	}
	if x, hit := r.lateThread.hit(nil); hit {
		pause(shortTime(x))
	}
}

// clockFault tells the keeper of the commpage's clocks what is wrong with the
// time of day until it asks again: it is off by step, or is not there.
func (p *Proc) clockFault() (step time.Duration, none bool) {
	r := p.rude
	if r == nil {
		return 0, false
	}
	if r.clockNone != nil {
		_, none = r.clockNone.hit(nil)
	}
	if r.clockStep != nil {
		if x, hit := r.clockStep.hit(nil); hit {
			step = time.Hour * (time.Duration(x&2) - 1)
		}
	}
	return step, none
}

// shortTime makes a time of up to 5 ms, mostly much less.
func shortTime(x uint64) time.Duration {
	return 5 * time.Millisecond >> (x & 7) * time.Duration(x>>8&1023) / 1023
}

// pause sleeps, also in a forked child.
func pause(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	vcpu.Raw(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0, 0, 0, 0)
}
