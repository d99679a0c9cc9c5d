// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import "sync"

// A semaphore is a Mach semaphore (osfmk/kern/sync_sema.c).
type semaphore struct {
	mu      sync.Mutex
	count   int32
	waiters []*Thread // first in, first out
	dead    bool
}

func (p *Proc) semaphore(name uint32) (*semaphore, int32) {
	if name == 0 {
		return nil, kernInvalidName
	}
	switch x := p.ports.lookup(name); {
	case x == nil:
		return nil, kernInvalidName
	case x.kind != portSemaphore:
		return nil, kernInvalidCapability
	default:
		return x.sema, kernSuccess
	}
}

// wait is sync_sema.c:semaphore_wait_internal. A signal aborts it and leaves
// the count alone; it is never restarted.
func (s *semaphore) wait(t *Thread, deadline int64, poll bool) int32 {
	s.mu.Lock()
	switch {
	case s.dead:
		s.mu.Unlock()
		return kernTerminated
	case s.count > 0:
		s.count--
		s.mu.Unlock()
		return kernSuccess
	case poll:
		s.mu.Unlock()
		return kernOperationTimedOut
	}
	t.prepare()
	s.waiters = append(s.waiters, t)
	s.mu.Unlock()

	w := t.sleep(deadline)

	s.mu.Lock()
	defer s.mu.Unlock()
	if !removeThread(&s.waiters, t) {
		if s.dead {
			return kernTerminated
		}
		return kernSuccess // handed over, whatever else has happened
	}
	if w == timedOut {
		return kernOperationTimedOut
	}
	return kernAborted
}

// signal is semaphore_signal_internal for one thread.
func (s *semaphore) signal() int32 {
	s.mu.Lock()
	switch {
	case s.dead:
		s.mu.Unlock()
		return kernTerminated
	case len(s.waiters) == 0:
		s.count++
		s.mu.Unlock()
	default:
		t := s.waiters[0]
		removeThread(&s.waiters, t)
		t.unparkUnlock(&s.mu)
	}
	return kernSuccess
}

// signalAll wakes all waiters; without any, nothing is remembered.
func (s *semaphore) signalAll() int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.waiters {
		t.unpark()
	}
	s.waiters = nil
	return kernSuccess
}

func (s *semaphore) destroy() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = true
	for _, t := range s.waiters {
		t.unpark()
	}
	s.waiters = nil
}

func trapSemaphoreSignal(t *Thread, a *args) int32 {
	s, kr := t.p.semaphore(uint32(a[0]))
	if kr != 0 {
		return kr
	}
	return s.signal()
}

func trapSemaphoreSignalAll(t *Thread, a *args) int32 {
	s, kr := t.p.semaphore(uint32(a[0]))
	if kr != 0 {
		return kr
	}
	return s.signalAll()
}

func trapSemaphoreSignalThread(t *Thread, a *args) int32 {
	s, kr := t.p.semaphore(uint32(a[0]))
	if kr != 0 {
		return kr
	}
	if uint32(a[1]) == 0 { // any one thread, but nothing is remembered
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.waiters) == 0 {
			return kernNotWaiting
		}
		w := s.waiters[0]
		removeThread(&s.waiters, w)
		w.unpark()
		return kernSuccess
	}
	t.p.lock()
	w := t.p.ports.thread(uint32(a[1]))
	t.p.unlock()
	if w == nil {
		return kernInvalidArgument
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !removeThread(&s.waiters, w) {
		return kernNotWaiting
	}
	w.unpark()
	return kernSuccess
}

func trapSemaphoreWait(t *Thread, a *args) int32 {
	s, kr := t.p.semaphore(uint32(a[0]))
	if kr != 0 {
		return kr
	}
	return s.wait(t, 0, false)
}

func trapSemaphoreWaitSignal(t *Thread, a *args) int32 {
	s, kr := t.p.semaphore(uint32(a[0]))
	if kr != 0 {
		return kr
	}
	if g, kr := t.p.semaphore(uint32(a[1])); kr != 0 {
		return kr
	} else if kr := g.signal(); kr != 0 {
		return kr
	}
	return s.wait(t, 0, false)
}

// timeout turns a relative {sec, nsec} into a deadline
// (sync_sema.c:semaphore_timedwait_trap_internal; nanoseconds out of range
// are KERN_INVALID_VALUE, {0, 0} polls).
func timeout(sec uint32, nsec int32) (deadline int64, poll bool, kr int32) {
	if nsec < 0 || nsec >= 1e9 {
		return 0, false, kernInvalidValue
	}
	if sec == 0 && nsec == 0 {
		return 0, true, kernSuccess
	}
	return after(uint64(sec)*1e9 + uint64(nsec)), false, kernSuccess
}

func trapSemaphoreTimedwait(t *Thread, a *args) int32 {
	d, poll, kr := timeout(uint32(a[1]), int32(a[2]))
	if kr != 0 {
		return kr
	}
	s, kr := t.p.semaphore(uint32(a[0]))
	if kr != 0 {
		return kr
	}
	return s.wait(t, d, poll)
}

func trapSemaphoreTimedwaitSignal(t *Thread, a *args) int32 {
	d, poll, kr := timeout(uint32(a[2]), int32(a[3]))
	if kr != 0 {
		return kr
	}
	s, kr := t.p.semaphore(uint32(a[0]))
	if kr != 0 {
		return kr
	}
	if g, kr := t.p.semaphore(uint32(a[1])); kr != 0 {
		return kr
	} else if kr := g.signal(); kr != 0 {
		return kr
	}
	return s.wait(t, d, poll)
}

// sysSemwaitSignal(cond, mutex, timeout, relative, sec, nsec) waits on cond
// after it has signalled mutex (bsd/kern/kern_sig.c:
// __semwait_signal_nocancel).
func sysSemwaitSignal(t *Thread, a *args) (uint64, Errno) {
	return t.semwait(uint32(a[0]), uint32(a[1]), int32(a[2]) != 0, int32(a[3]) != 0, int64(a[4]), int32(a[5]))
}

// sysOldSemwaitSignal takes a timespec.
func sysOldSemwaitSignal(t *Thread, a *args) (uint64, Errno) {
	var sec int64
	var nsec int32
	if int32(a[2]) != 0 {
		v, w, e := t.abi().readTimespec(a[4])
		if e != 0 {
			return 0, e
		}
		sec, nsec = v, int32(w)
	}
	return t.semwait(uint32(a[0]), uint32(a[1]), int32(a[2]) != 0, int32(a[3]) != 0, sec, nsec)
}

func (t *Thread) semwait(cond, mutex uint32, timed, relative bool, sec int64, nsec int32) (uint64, Errno) {
	var deadline int64
	poll := false
	if timed {
		switch {
		case nsec < 0 || nsec >= 1e9:
			return 0, EINVAL
		case relative:
			if sec < 0 {
				sec, nsec = 0, 0
			}
			poll = sec == 0 && nsec == 0
			deadline = after(uint64(min(sec, 1<<32))*1e9 + uint64(nsec))
		default:
			s, n := t.hostClock(linuxClockRealtime)
			d := (sec-int64(s))*1e9 + int64(nsec) - int64(n)
			poll = d <= 0
			deadline = after(uint64(max(d, 0)))
		}
	}
	s, kr := t.p.semaphore(cond)
	if kr == 0 && mutex != 0 {
		var g *semaphore
		if g, kr = t.p.semaphore(mutex); kr == 0 {
			kr = g.signal()
		}
	}
	if kr == 0 {
		kr = s.wait(t, deadline, poll)
	}
	switch kr {
	case kernSuccess:
		return 0, 0
	case kernAborted:
		return 0, EINTR
	case kernOperationTimedOut:
		return 0, ETIMEDOUT
	case kernInvalidAddress, kernProtectionFailure:
		return 0, EFAULT
	}
	return 0, EINVAL
}
