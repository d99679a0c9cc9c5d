// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xsig

import "goxnu/misc/internal/releases"

// An Outcome says what the sender of a signal has to do.
type Outcome struct {
	Thread *Thread // the thread that the signal is pinned to; nil if it was dropped
	Wake   bool    // Thread must look for signals now
	Stop   bool    // the process stops now
	Waited bool    // Thread sits in __sigwait and has got the signal
	Told   bool    // the handler will be told who sent it: see Info
}

// Post sends sig to the process and pins it to a thread
// (kern_sig.c:psignal_internal, get_signalthread).
func (p *Proc) Post(sig int) Outcome {
	if p.ignore.Has(sig) {
		return Outcome{} // even if it is blocked
	}
	return p.post(p.choose(sig), sig)
}

// PostThread sends sig to thread t (psignal_uthread).
func (p *Proc) PostThread(t *Thread, sig int) Outcome {
	if p.ignore.Has(sig) {
		return Outcome{}
	}
	return p.post(t, sig)
}

// PostTry sends sig to t if t does not block it, else to the process: how
// SIGPROF and SIGVTALRM go to the running thread (psignal_try_thread, from
// 3248; before, they go to the process).
func (p *Proc) PostTry(t *Thread, sig int) Outcome {
	if t == nil || p.release < releases.XNU3248 || t.NoSig || t.Mask.Has(sig) {
		return p.Post(sig)
	}
	return p.PostThread(t, sig)
}

// Stopping returns the stop signals, but for SIGSTOP, that would stop the process if they were
// sent to it now: their action is the default, and the thread that they would be
// pinned to lets them through. It is called for each change of a mask.
func (p *Proc) Stopping() (s Set) {
	m := stopSigs &^ (p.caught | p.ignore | Bit(SIGSTOP))
	if all := p.all(); len(all) > 0 {
		if t := all[0]; !t.NoSig && !t.Workq && (t.Mask|t.SigWait)&m == 0 {
			return m // the oldest thread takes them all, as most of the time
		}
	}
	for m != 0 {
		sig := m.first()
		m &^= Bit(sig)
		if t := p.choose(sig); t != nil && !t.Mask.Has(sig) && !t.SigWait.Has(sig) {
			s |= Bit(sig)
		}
	}
	return s
}

// choose finds the thread for a signal to the process: the oldest that lets it
// through, from 6153 on those of the work queue last; if none does, the
// oldest.
func (p *Proc) choose(sig int) *Thread {
	open := func(t *Thread) bool {
		return !t.NoSig && (!t.Mask.Has(sig) || t.SigWait.Has(sig))
	}
	all := p.all()
	for _, t := range all {
		if open(t) && !(t.Workq && p.release >= releases.XNU6153) {
			return t
		}
	}
	for _, t := range all {
		if open(t) {
			return t
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

func (p *Proc) post(t *Thread, sig int) Outcome {
	if t == nil {
		return Outcome{}
	}
	bit := Bit(sig)
	if contSigs&bit != 0 {
		t.Pending &^= stopSigs
	}
	if stopSigs&bit != 0 {
		t.Pending &^= contSigs
	}
	if t.SigWait&bit != 0 {
		t.SigWait = 0
		t.Waited = sig
		return Outcome{Thread: t, Wake: true, Waited: true}
	}
	if t.Mask&bit == 0 && p.caught&bit == 0 {
		switch {
		case stopSigs&bit != 0:
			return Outcome{Thread: t, Stop: true}
		case contSigs&bit != 0:
			return Outcome{Thread: t} // it has done its work
		}
	}
	t.Pending |= bit
	open := t.Mask&bit == 0
	return Outcome{Thread: t, Wake: open, Told: open && p.caught&bit != 0 && sig != SIGCHLD}
}

// What to do about a signal that Next has found.
const (
	None  = iota
	Stop  // stop the process, then look again
	Kill  // the signal kills the process
	Catch // enter the handler: Deliver
)

// Next takes the next signal that t has to act on off its list
// (kern_sig.c:issignal_locked): the lowest that is pending and not masked.
func (p *Proc) Next(t *Thread) (sig, what int) {
	for {
		sig := (t.Pending &^ t.Mask).first()
		if sig == 0 {
			return 0, None
		}
		bit := Bit(sig)
		t.Pending &^= bit
		switch {
		case p.caught&bit != 0:
			return sig, Catch
		case p.handler[sig] == SIG_IGN, ignoreSigs&bit != 0:
			continue
		case stopSigs&bit != 0:
			return sig, Stop
		default:
			return sig, Kill
		}
	}
}

// Peek returns the signal that would end a sleep of t: the lowest that is
// pending, not masked and not ignored, without taking it
// (sys/signalvar.h:CURSIG).
func (p *Proc) Peek(t *Thread) int {
	for s := t.Pending &^ t.Mask; s != 0; {
		sig := s.first()
		bit := Bit(sig)
		if p.caught&bit != 0 || p.handler[sig] != SIG_IGN && ignoreSigs&bit == 0 {
			return sig
		}
		s &^= bit
	}
	return 0
}

// A Delivery says how a handler is entered.
type Delivery struct {
	Sig            int
	Handler, Tramp uint64
	Style          uint32 // UCTrad or UCFlavor
	ReturnMask     Set    // what sigreturn will restore
	WasOnStack     bool   // the flag before this signal
	Switch         bool   // the frame goes on the alternate stack
	Alt            Stack
	Token          uint64 // to be XORed with the address of the ucontext; 0 before 4903
	Info           Info
}

// Deliver enters the handler of a signal that Next returned with Catch: it
// changes the mask and the flags (kern_sig.c:postsig_locked,
// unix_signal.c:sendsig).
func (p *Proc) Deliver(t *Thread, sig int) Delivery {
	bit := Bit(sig)
	d := Delivery{
		Sig: sig, Handler: p.handler[sig], Tramp: p.tramp[sig], Style: UCTrad,
		ReturnMask: t.Mask, WasOnStack: t.OnStack,
	}
	if threadSigs&bit == 0 {
		d.Info, p.Info = p.Info, Info{}
	}
	if t.suspended {
		d.ReturnMask = t.oldMask
		t.suspended = false
	}
	t.Mask |= p.catch[sig]
	if p.nodefer&bit == 0 {
		t.Mask |= bit
	}
	if p.siginfo&bit != 0 {
		d.Style = UCFlavor
	}
	if t.HasAlt && !t.OnStack && p.onstack&bit != 0 {
		d.Switch = true
		d.Alt = t.Alt
		t.OnStack = true
	}
	if p.reset&bit != 0 && sig != SIGILL && sig != SIGTRAP {
		p.handler[sig] = SIG_DFL
		p.caught &^= bit
		p.siginfo &^= bit
		p.nodefer &^= bit
		if ignoreSigs&bit != 0 && sig != SIGCONT {
			p.ignore |= bit
		}
	}
	if p.release >= releaseToken {
		if p.release >= releaseTToken {
			if t.returns == 0 {
				t.token = p.random()
			}
			t.returns++
		}
		d.Token = p.secret(t)
	}
	return d
}

// secret is the random number that tokens are made with.
func (p *Proc) secret(t *Thread) uint64 {
	if p.release >= releaseTToken {
		return t.token
	}
	return p.token
}

// Return is sigreturn of the context at address uctx: it sets the mask and
// the flag, then checks the token, which is wrong if it reports false (the
// mask stays changed: unix_signal.c:sigreturn, from 4903).
func (p *Proc) Return(t *Thread, mask Set, onStack bool, uctx, token uint64) bool {
	t.Mask = mask &^ cantMask
	t.OnStack = onStack
	if p.release >= releaseToken && p.validate != validateOff && token != uctx^p.secret(t) {
		return false
	}
	if t.returns > 0 {
		t.returns--
	}
	return true
}

// Die makes sig kill the process however it was handled: what becomes of a
// signal whose frame cannot be written (unix_signal.c:sendsig).
func (p *Proc) Die(sig int) {
	bit := Bit(sig)
	p.handler[sig] = SIG_DFL
	p.caught &^= bit
	p.ignore &^= bit
}

// TakeWait is the first half of __sigwait: it takes a signal of set that is
// pending on any thread (kern_sig.c:__sigwait_nocancel).
func (p *Proc) TakeWait(set Set) int {
	for _, t := range p.all() {
		if sig := (t.Pending & set).first(); sig != 0 {
			t.Pending &^= Bit(sig)
			return sig
		}
	}
	return 0
}
