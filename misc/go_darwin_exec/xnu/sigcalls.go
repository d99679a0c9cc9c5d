// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"

	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// sysSigaction: bsd/kern/kern_sig.c:sigaction. The struct that comes in has
// the trampoline, the one that goes out has not.
func sysSigaction(t *Thread, a *args) (uint64, Errno) {
	p := t.p
	sig := int(int32(a[0]))
	var new *xsig.Action
	var act xsig.Action
	if a[1] != 0 {
		if e := t.abi().copyinSigaction(&act, a[1]); e != 0 {
			return 0, e
		}
		new = &act
	}
	if sig <= 0 || sig >= NSIG {
		return 0, EINVAL
	}
	p.lock()
	if a[2] != 0 {
		old, _ := p.sig.Sigaction(sig, nil)
		if e := t.abi().copyoutSigaction(a[2], &old); e != 0 {
			p.unlock()
			return 0, e
		}
	}
	_, ok := p.sig.Sigaction(sig, new)
	if ok && new != nil {
		// The host has to know of a few.
		switch sig {
		case SIGCHLD:
			p.takeHost(sig)
		case SIGTSTP, SIGTTIN, SIGTTOU:
			p.takeHost(sig)
		}
	}
	p.unlock()
	if !ok {
		return 0, EINVAL
	}
	return 0, 0
}

// sigmaskCall is the common part of calls 48 and 329
// (kern_sig.c:sigprocmask, __pthread_sigmask).
func sigmaskCall(t *Thread, a *args, apply func(p *xsig.Proc, t *xsig.Thread, how int, set xsig.Set) bool) (uint64, Errno) {
	p := t.p
	old := t.sig.Mask // only this thread, or 48 with mu held, changes it
	if a[1] != 0 {
		set, ok := vcpu.Load32(a[1])
		if !ok {
			return 0, EFAULT
		}
		p.lock()
		ok = apply(p.sig, t.sig, int(int32(a[0])), xsig.Set(set))
		t.maskChanged()
		p.unlock()
		if !ok {
			return 0, EINVAL
		}
	}
	if a[2] != 0 && !vcpu.Store32(a[2], uint32(old)) {
		return 0, EFAULT
	}
	return 0, 0
}

// sysSigprocmask changes the mask of every thread. It does not wake the
// others: what is pending on them waits until they are sent something else or
// begin to sleep in a call (kern_sig.c:sigprocmask, kern_synch.c:_sleep).
func sysSigprocmask(t *Thread, a *args) (uint64, Errno) {
	return sigmaskCall(t, a, func(p *xsig.Proc, _ *xsig.Thread, how int, set xsig.Set) bool {
		ok := p.Sigprocmask(how, set)
		if !t.p.child {
			for _, x := range t.p.threads {
				if x != t && x.sig.Waiting() {
					x.late.Store(1)
				}
			}
		}
		return ok
	})
}

func sysPthreadSigmask(t *Thread, a *args) (uint64, Errno) {
	return sigmaskCall(t, a, (*xsig.Proc).ThreadSigmask)
}

// sysSigpending: the caller's own set (kern_sig.c:sigpending).
func sysSigpending(t *Thread, a *args) (uint64, Errno) {
	t.p.lock()
	set := t.sig.Pending
	t.p.unlock()
	if a[0] != 0 && !vcpu.Store32(a[0], uint32(set)) {
		return 0, EFAULT
	}
	return 0, 0
}

// sysSigaltstack: kern_sig.c:sigaltstack.
func sysSigaltstack(t *Thread, a *args) (uint64, Errno) {
	p := t.p
	p.lock()
	old := t.sig.Alt
	flags := int32(0)
	if !t.sig.HasAlt {
		flags = xsig.SS_DISABLE
	}
	if t.sig.OnStack {
		flags |= xsig.SS_ONSTACK
	}
	p.unlock()
	if a[1] != 0 {
		if e := t.abi().copyoutStack(a[1], old, flags); e != 0 {
			return 0, e
		}
	}
	if a[0] == 0 {
		return 0, 0
	}
	s, f, e := t.abi().copyinStack(a[0])
	if e != 0 {
		return 0, e
	}
	p.lock()
	refused := t.sig.SetAltStack(s, f)
	p.unlock()
	return 0, altStackErrnos[refused]
}

var altStackErrnos = [...]Errno{
	xsig.AltStackFlags: EINVAL,
	xsig.AltStackInUse: EPERM,
	xsig.AltStackSmall: ENOMEM,
}

// sysSigsuspend sleeps until a signal is to be acted on. The mask comes by
// value (kern_sig.c:sigsuspend_nocancel).
func sysSigsuspend(t *Thread, a *args) (uint64, Errno) {
	t.suspendMask(xsig.Set(a[0]))
	t.pause()
	return 0, EINTR
}

// pause sleeps until there is a signal to act on.
func (t *Thread) pause() {
	for {
		if sig, _ := t.interrupted(); sig != 0 {
			return
		}
		t.cpu.Blocking(syscall.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
}

// sysSigwait: kern_sig.c:__sigwait_nocancel. It takes a signal that is pending
// on any thread, or waits for one; the signals should be blocked.
func sysSigwait(t *Thread, a *args) (uint64, Errno) {
	p := t.p
	set, ok := vcpu.Load32(a[0])
	if !ok {
		return 0, EFAULT
	}
	if set == 0 {
		return 0, EINVAL
	}
	p.lock()
	sig := p.sig.TakeWait(xsig.Set(set))
	if sig == 0 {
		t.sig.Waited = 0
		t.sig.SigWait = xsig.Set(set)
		p.hostStops()
	}
	p.unlock()
	for sig == 0 {
		t.takeKick()
		p.lock()
		sig = t.sig.Waited
		other := sig == 0 && p.sig.Peek(t.sig) != 0
		if other {
			t.sig.SigWait = 0
			t.ast.Store(1)
		}
		p.hostStops()
		p.unlock()
		if other {
			return 0, EINTR
		}
		if sig == 0 {
			t.cpu.Blocking(syscall.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
		}
	}
	if a[1] != 0 && !vcpu.Store32(a[1], uint32(sig)) {
		return 0, EFAULT
	}
	return 0, 0
}

// sysPthreadKill: kern_sig.c:__pthread_kill.
func sysPthreadKill(t *Thread, a *args) (uint64, Errno) {
	p := t.p
	sig := uint32(a[1])
	p.lock()
	target := p.ports.thread(uint32(a[0]))
	if target == nil || target.sig.NoSig {
		p.unlock()
		return 0, ESRCH
	}
	if sig >= NSIG {
		p.unlock()
		return 0, EINVAL
	}
	if p.Release >= XNU6153 && target.sig.Workq {
		p.unlock()
		return 0, ENOTSUP
	}
	if sig == 0 {
		p.unlock()
		return 0, 0
	}
	if sig == SIGKILL || sig == SIGSTOP {
		p.unlock()
		return killSelf(int(sig))
	}
	if p.post(int(sig), self(int(sig)), target, false) {
		p.stop(int(sig), nil)
	}
	return 0, 0
}

// sysDisableThreadsignal marks the caller as taking no more signals
// (kern_sig.c:__disable_threadsignal).
func sysDisableThreadsignal(t *Thread, a *args) (uint64, Errno) {
	t.p.lock()
	t.sig.NoSig = true
	t.p.hostStops()
	t.p.unlock()
	return 0, 0
}

// sysKill: kern_sig.c:kill.
func sysKill(t *Thread, a *args) (uint64, Errno) {
	p := t.p
	pid, sig, posix := int(int32(a[0])), int(int32(a[1])), a[2] != 0
	if sig < 0 || sig >= NSIG {
		return 0, EINVAL
	}
	own := int(hostCall(syscall.SYS_GETPID))
	if pid == own && (sig == SIGKILL || sig == SIGSTOP) {
		return killSelf(sig)
	}
	if pid == own {
		if sig != 0 {
			p.psignal(sig)
		}
		return 0, 0
	}
	v, e := t.killHost(pid, sig)
	if e != 0 || sig == 0 {
		return v, e
	}
	switch {
	case pid == -1 && posix:
		p.psignal(sig) // Linux leaves the sender out, XNU only without posix
	case pid <= 0 && pid != -1 && sig == SIGPIPE:
		p.psignal(sig) // package hostsig drops our own
	}
	return v, e
}

// killSelf sends SIGKILL or SIGSTOP to this process: by way of the calling thread, which
// then does not go on before it has acted.
func killSelf(sig int) (uint64, Errno) {
	return host(syscall.SYS_TGKILL, hostCall(syscall.SYS_GETPID), hostCall(syscall.SYS_GETTID), uintptr(toHost(sig)), 0, 0, 0)
}

// killHost sends sig by the host's kill.
func (t *Thread) killHost(pid, sig int) (uint64, Errno) {
	n := 0
	if sig != 0 {
		n = toHost(sig)
	}
	return host(syscall.SYS_KILL, uintptr(pid), uintptr(n), 0, 0, 0, 0)
}
