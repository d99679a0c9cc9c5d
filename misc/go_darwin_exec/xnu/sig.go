// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"

	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// self describes this process as the sender of sig.
func self(sig int) xsig.Info {
	return xsig.Info{Pid: int32(hostCall(syscall.SYS_GETPID)), Uid: uint32(hostCall(syscall.SYS_GETUID)), Status: int32(sig)}
}

func hostCall(nr uintptr) uintptr {
	r, _ := vcpu.Raw(nr, 0, 0, 0, 0, 0, 0)
	return r
}

// psignal sends sig to the process, from the process itself
// (xnu-11417 bsd/kern/kern_sig.c:psignal).
func (p *Proc) psignal(sig int) {
	p.lock()
	if p.post(sig, self(sig), nil, true) {
		p.stop(sig, nil)
	}
}

// psignal sends sig to the thread (kern_sig.c:psignal_uthread).
func (t *Thread) psignal(sig int) {
	t.p.lock()
	if t.p.post(sig, self(sig), t, false) {
		t.p.stop(sig, nil)
	}
}

// lock is mu.Lock, but in a forked child, which has one thread and found mu
// held, it is nothing.
func (p *Proc) lock() {
	if !p.child {
		p.mu.Lock()
	}
}

func (p *Proc) unlock() {
	if !p.child {
		p.mu.Unlock()
	}
}

// post pins sig to a thread and does what follows from that. t is the thread
// it is for, or, with process set, the one to offer it to first, or nil. mu
// is held; post releases it. It reports whether sig stops the process, which the
// caller then has to do. info is what a handler will be told, or zero, if
// it is to be told what it would have been anyway
// (kern_sig.c:psignal_internal; ux_exception.c uses threadsignal).
func (p *Proc) post(sig int, info xsig.Info, t *Thread, process bool) (stops bool) {
	if process && p.sigKnote != nil && !p.child {
		p.sigKnote(p, sig)
	}
	ignored := p.sig.Ignored(sig)
	var o xsig.Outcome
	switch {
	case ignored:
	case t == nil && p.faults.holds(p):
		o = p.faults.postHeld(p, sig)
	case t == nil:
		o = p.sig.Post(sig)
	case process:
		o = p.sig.PostTry(t.sig, sig)
	default:
		o = p.sig.PostThread(t.sig, sig)
	}
	if p.trace != nil && !p.child {
		p.trace.sent(p, sig, &o)
	}
	var wake *Thread
	if info != (xsig.Info{}) && (o.Told || info.Code != 0) {
		p.sig.Info = info
	}
	if o.Wake {
		wake = p.find(o.Thread)
	}
	p.unlock()
	if wake != nil {
		wake.wake() // without mu, which is the first thing that it wants
	}
	return o.Stop
}

// interrupted looks for the signal that ends the thread's sleep: 0 if there
// is none to act on, otherwise restart says whether its action restarts calls.
func (t *Thread) interrupted() (sig int, restart bool) {
	t.takeKick()
	p := t.p
	p.lock()
	defer p.unlock()
	sig = p.sig.Peek(t.sig)
	if sig != 0 {
		t.ast.Store(1) // also if it has come by a change of the mask from elsewhere
	}
	return sig, sig != 0 && p.sig.Restarts(sig)
}

// deliver acts on the signals that the thread's mask lets through, lowest
// first, until none is left: each caught one pushes a frame, over that of the
// one before (bsd/kern/kern_sig.c:bsd_ast, issignal, postsig).
func (t *Thread) deliver() {
	p := t.p
	p.lock()
	for {
		if p.faults.holds(p) && t.sig.Waiting() {
			p.faults.settle()
		}
		sig, what := p.sig.Next(t.sig)
		switch what {
		case xsig.None:
			// A temporary mask (sigsuspend, pselect) ends here if no
			// handler took it over.
			t.sig.Resume()
			if t.sig.Waiting() {
				continue
			}
			p.hostStops()
			p.unlock()
			return
		case xsig.Stop:
			conts := p.conts.Load()
			p.unlock()
			p.stopLate(sig, conts)
			p.lock()
		case xsig.Kill:
			p.unlock()
			p.die(sig)
		case xsig.Catch:
			d := p.sig.Deliver(t.sig, sig)
			if tr := t.tracing(); tr != nil {
				tr.signal(t, &d)
			}
			if !t.sendsig(&d) {
				// unix_signal.c:sendsig, "bad": death by SIGILL.
				p.sig.Die(SIGILL)
				p.unlock()
				p.die(SIGILL)
			}
		}
	}
}

// suspendMask puts a temporary mask on the thread, for sigsuspend and pselect.
// The call that has done so ends either in EINTR, and then the mask is
// restored when the signal has been dealt with, or with resumeMask.
func (t *Thread) suspendMask(mask xsig.Set) {
	t.p.lock()
	t.sig.Suspend(mask)
	t.maskChanged()
	t.p.unlock()
}

func (t *Thread) resumeMask() {
	t.p.lock()
	t.sig.Resume()
	t.maskChanged()
	t.p.unlock()
}

// maskChanged does what follows from a change of the thread's mask. mu is held.
func (t *Thread) maskChanged() {
	t.p.hostStops()
	if t.ttyMask&^t.sig.Mask != 0 {
		t.setTTYMask()
	}
	if t.sig.Waiting() {
		t.ast.Store(1)
	}
}
