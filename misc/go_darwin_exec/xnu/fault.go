// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"goxnu/misc/go_darwin_exec/inject"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// The hooks of fault injection. Package inject says what faults there are and
// chooses when they happen; callFaults says what those at calls do.
//
// Without -fault there is none of this: handlers that inject wrap the handlers
// in the process's own table of calls, where Boot puts them.

// faults is the fault injection of a process.
type faults struct {
	*inject.Injector
	reportFD int32

	// Events; nil if their kind is not chosen.
	lateSignal, lateThread, heldSignal, clockStep, clockNone *inject.Site

	// A sender that holds a signal: see postHeld. Guarded by Proc.mu.
	holding bool
	held    *sync.Cond // it does not any more
}

// startFaults puts the hooks in place.
func (p *Proc) startFaults(cfg *Config) error {
	if cfg.Fault == nil {
		return nil
	}
	report := func(line []byte) { syscall.Write(cfg.FaultFD, line) }
	in := inject.New(cfg.Fault, filepath.Base(cfg.Path), report)
	p.faults = &faults{
		Injector:   in,
		reportFD:   int32(cfg.FaultFD),
		lateSignal: in.Event("signal-late"),
		lateThread: in.Event("thread-late"),
		heldSignal: in.Event("signal-held"),
		clockStep:  in.Event("clock-step"),
		clockNone:  in.Event("clock-none"),
		held:       sync.NewCond(&p.mu),
	}
	p.faults.inherit(false)
	own(p.calls)
	own(p.traps)
	for i := range inject.Kinds {
		k := &inject.Kinds[i]
		if k.Event != "" {
			continue
		}
		f, ok := callFaults[k.Name]
		if !ok {
			return fmt.Errorf("-fault: nothing does %s", k.Name)
		}
		names := strings.Fields(k.Calls)
		for _, s := range p.calls {
			if s != nil && s.handle != nil && (k.Calls == "*" || slices.Contains(names, s.name)) {
				s.handle = f.wrap(in.Site(k, s.name), s.handle)
			}
		}
		for _, s := range p.traps {
			if s != nil && s.handle != nil && slices.Contains(names, s.name) {
				s.handle = f.wrapTrap(in.Site(k, s.name), s.handle)
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

// wrap puts the fault before next. There may be no site.
func (f callFault) wrap(s *inject.Site, next handler) handler {
	if s == nil {
		return next
	}
	return func(t *Thread, a *args) (uint64, Errno) {
		// A call that goes on after an interruption is still the same, and
		// in a forked child nothing may be done that allocates.
		if !t.restart && !t.p.child && (f.when == nil || f.when(t, a)) {
			if x, hit := s.Hit(&t.faults); hit {
				// A copy: a handler that is entered again, without the
				// fault, must find what the guest asked for.
				b := *a
				return f.do(t, &b, next, x)
			}
		}
		return next(t, a)
	}
}

// wrapTrap is wrap for a Mach trap.
func (f callFault) wrapTrap(s *inject.Site, next trapHandler) trapHandler {
	if s == nil {
		return next
	}
	h := f.wrap(s, func(t *Thread, a *args) (uint64, Errno) { return uint64(next(t, a)), 0 })
	return func(t *Thread, a *args) int32 {
		v, _ := h(t, a)
		return int32(v)
	}
}

// inherit says whether the next image of the process, which must be a runner,
// inherits the descriptor of the reports. It allocates nothing.
func (f *faults) inherit(yes bool) {
	if f == nil || !f.Reports() {
		return
	}
	closeOnExec(f.reportFD, !yes)
}

// HideFaultFD duplicates the runner's standard error for the reports of this
// process and of those that it will start: theirs may be something that the
// program reads.
func HideFaultFD() int {
	fd, e := host(syscall.SYS_FCNTL, 2, syscall.F_DUPFD, uintptr(hiddenFDBase), 0, 0, 0)
	if e != 0 {
		return 2
	}
	return int(fd)
}

// late wakes t, which a signal was sent to, some time later. A thread that
// is inside the kernel, or comes there, finds the signal at once. p.mu is held.
func (f *faults) late(t *Thread) bool {
	if f.lateSignal == nil || t.p.child {
		return false
	}
	x, hit := f.lateSignal.Hit(nil)
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
func (f *faults) postHeld(p *Proc, sig int) xsig.Outcome {
	f.settle()
	x, hit := f.heldSignal.Hit(nil)
	t := p.sig.Choose(sig)
	if hit && t != nil {
		f.holding = true
		p.mu.Unlock()
		pause(shortTime(x))
		p.mu.Lock()
		f.holding = false
		f.held.Broadcast()
		if p.find(t) == nil {
			return xsig.Outcome{}
		}
	}
	return p.sig.PostThread(t, sig)
}

// holds tells whether signals for the process are sent with postHeld. From 3248 on the
// sender has proc_lock meanwhile, which each thread takes that looks for signals after a
// change of its mask (bsd/kern/kern_sig.c:bsd_ast): nobody can tell that it was held up.
func (f *faults) holds(p *Proc) bool {
	return f != nil && f.heldSignal != nil && p.Release < XNU3248 && !p.child
}

// settle waits until no sender holds a signal. p.mu is held, but not all the time.
func (f *faults) settle() {
	for f.holding {
		f.held.Wait()
	}
}

// startLate lets a new thread wait before its first instruction.
func (f *faults) startLate(t *Thread) {
	if f.lateThread == nil {
		return
	}
	if x, hit := f.lateThread.Hit(nil); hit {
		pause(shortTime(x))
	}
}

// clockFault tells the keeper of the commpage's clocks what is wrong with the
// time of day until it asks again: it is off by step, or is not there.
func (p *Proc) clockFault() (step time.Duration, none bool) {
	f := p.faults
	if f == nil {
		return 0, false
	}
	if f.clockNone != nil {
		_, none = f.clockNone.Hit(nil)
	}
	if f.clockStep != nil {
		if x, hit := f.clockStep.Hit(nil); hit {
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
