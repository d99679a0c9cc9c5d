// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xsig

// A Saved is the whole signal state of a process with one thread, without
// pointers, so that another runner can go on with it.
type Saved struct {
	handler, tramp            [NSIG]uint64
	catch                     [NSIG]Set
	ignore, caught, onstack   Set
	intr, reset, nodefer      Set
	siginfo, mask             Set
	tMask, tPending, tOldMask Set
	validate                  int64
	token, tToken             uint64
	returns                   int64
	alt                       Stack
	noStop, noZombie          bool
	suspended, noSig          bool
	hasAlt, tOnStack          bool
}

// Save fills s. It allocates nothing.
func (p *Proc) Save(s *Saved, t *Thread) {
	*s = Saved{
		handler: p.handler, tramp: p.tramp, catch: p.catch,
		ignore: p.ignore, caught: p.caught, onstack: p.onstack,
		intr: p.intr, reset: p.reset, nodefer: p.nodefer,
		siginfo: p.siginfo, mask: p.mask,
		tMask: t.Mask, tPending: t.Pending, tOldMask: t.oldMask,
		validate: int64(p.validate), token: p.token, tToken: t.token,
		returns: int64(t.returns), alt: t.Alt,
		noStop: p.noStop, noZombie: p.noZombie,
		suspended: t.suspended, noSig: t.NoSig,
		hasAlt: t.HasAlt, tOnStack: t.OnStack,
	}
}

// Restore makes p and its only thread t what they were when s was saved.
func (p *Proc) Restore(s *Saved, t *Thread) {
	p.handler, p.tramp, p.catch = s.handler, s.tramp, s.catch
	p.ignore, p.caught, p.onstack = s.ignore, s.caught, s.onstack
	p.intr, p.reset, p.nodefer = s.intr, s.reset, s.nodefer
	p.siginfo, p.mask = s.siginfo, s.mask
	p.validate, p.token = int(s.validate), s.token
	p.noStop, p.noZombie = s.noStop, s.noZombie
	t.Mask, t.Pending, t.oldMask = s.tMask, s.tPending, s.tOldMask
	t.suspended, t.NoSig = s.suspended, s.noSig
	t.token, t.returns = s.tToken, int(s.returns)
	t.Alt, t.HasAlt, t.OnStack = s.alt, s.hasAlt, s.tOnStack
}
