// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios && (amd64 || 386)

package main

// Who gets a signal, and what is lost.

var (
	rfd, wfd uintptr
	first    thread // for the first thread's port
	during   uint32 // the mask in a handler
)

// pinOldest: a signal for the process goes to the first thread, in the order of creation, that
// does not block it.
//
// bsd/kern/kern_sig.c:psignal_internal, get_signalthread; all
func pinOldest() {
	catch(sigUSR1, saNodefer, 0, nil) // a thread that is still in its handler counts
	wait := func(t *thread) { t.linger(1) }
	mask(sigBlock, bit(sigUSR1))
	spawn(0, wait) // has the mask, as the first thread
	mask(sigUnblock, bit(sigUSR1))
	b := spawn(1, wait)
	c := spawn(2, wait)
	mask(sigBlock, bit(sigUSR1))
	for i := range uint32(3) {
		raise(sigUSR1)
		await("handlers", &count[sigUSR1], i+1)
		eq("the taker", taker[sigUSR1].Load(), b.id)
	}
	b.step.Store(1)
	b.gone()
	raise(sigUSR1)
	await("handlers", &count[sigUSR1], 4)
	eq("the taker when that has ended", taker[sigUSR1].Load(), c.id)
	mask(sigUnblock, bit(sigUSR1))
	raise(sigUSR1)
	await("handlers", &count[sigUSR1], 5)
	eq("the taker when the first is open", taker[sigUSR1].Load(), selfid())
}

// pinBlocked: if every thread blocks the signal, it stays pending on the first one. Another
// thread that unblocks it later does not get it.
//
// bsd/kern/kern_sig.c:get_signalthread; all
func pinBlocked() {
	catch(sigUSR1, 0, 0, nil)
	mask(sigBlock, bit(sigUSR1))
	t := spawn(0, func(t *thread) {
		t.linger(1)
		t.val[0] = pending()
		mask(sigUnblock, bit(sigUSR1))
		nap(20)
	})
	raise(sigUSR1)
	t.step.Store(1)
	await("the thread", &t.done, 1)
	eq("the thread's pending set", uintptr(t.val[0]), 0)
	eq("handlers in the thread", uintptr(count[sigUSR1].Load()), 0)
	eq("pending on the first", uintptr(pending()), uintptr(bit(sigUSR1)))
	mask(sigUnblock, bit(sigUSR1))
	eq("handlers", uintptr(count[sigUSR1].Load()), 1)
	eq("the taker", taker[sigUSR1].Load(), selfid())
}

// pendingBit: a thread has one pending bit for each signal. Two threads may have one each.
//
// bsd/sys/user.h:struct uthread, uu_siglist; bsd/kern/kern_sig.c:psignal_internal; all
func pendingBit() {
	catch(sigUSR1, 0, 0, nil)
	mask(sigBlock, bit(sigUSR1))
	t := spawn(0, func(t *thread) {
		t.linger(1)
		mask(sigUnblock, bit(sigUSR1))
	})
	for range 3 {
		raise(sigUSR1)
		tkill(t, sigUSR1)
	}
	mask(sigUnblock, bit(sigUSR1))
	eq("handlers", uintptr(count[sigUSR1].Load()), 1)
	t.step.Store(1)
	await("the thread", &t.done, 1)
	eq("handlers of both", uintptr(count[sigUSR1].Load()), 2)
}

// pendingDies: signals that are pending on a thread are dropped when it ends. No other thread
// gets them.
//
// bsd/kern/kern_fork.c:uthread_cleanup; all
func pendingDies() {
	catch(sigUSR1, 0, 0, nil)
	catch(sigCHLD, 0, 0, nil)
	t := spawn(0, func(t *thread) {
		mask(sigBlock, bit(sigUSR1)|bit(sigCHLD))
		t.seen.Store(1)
		t.linger(1)
	})
	await("the thread's mask", &t.seen, 1)
	tkill(t, sigUSR1)
	tkill(t, sigCHLD)
	t.step.Store(1)
	t.gone()
	nap(20) // for what must not come
	eq("handlers", uintptr(count[sigUSR1].Load()+count[sigCHLD].Load()), 0)
	eq("pending", uintptr(pending()), 0)
}

// pendingOwn: sigpending reports only the caller's set.
//
// bsd/kern/kern_sig.c:sigpending; all
func pendingOwn() {
	catch(sigUSR1, 0, 0, nil)
	mask(sigBlock, bit(sigUSR1))
	t := spawn(0, func(t *thread) {
		t.linger(1)
		t.val[0] = pending()
	})
	tkill(t, sigUSR1)
	eq("the first thread's set", uintptr(pending()), 0)
	t.step.Store(1)
	await("the thread", &t.done, 1)
	eq("the other's", uintptr(t.val[0]), uintptr(bit(sigUSR1)))
}

// ignoredGone: an ignored signal is dropped when it is sent, even if it is blocked. Setting
// SIG_IGN, or a default that ignores, clears the pending signal in every thread.
//
// bsd/kern/kern_sig.c:psignal_internal, setsigvec; all
func ignoredGone() {
	mask(sigBlock, ^uint32(0))
	setaction(sigUSR1, sigIGN, 0, 0)
	raise(sigUSR1)
	raise(sigWINCH) // ignored by default
	eq("pending", uintptr(pending()), 0)
	catch(sigUSR1, 0, 0, nil)
	catch(sigWINCH, 0, 0, nil)
	t := spawn(0, func(t *thread) {
		t.linger(1)
		t.val[0] = pending()
	})
	raise(sigUSR1)
	raise(sigWINCH)
	tkill(t, sigUSR1)
	tkill(t, sigWINCH)
	eq("pending, caught", uintptr(pending()), uintptr(bit(sigUSR1)|bit(sigWINCH)))
	setaction(sigUSR1, sigIGN, 0, 0)
	setaction(sigWINCH, sigDFL, 0, 0)
	eq("pending, ignored since", uintptr(pending()), 0)
	t.step.Store(1)
	await("the thread", &t.done, 1)
	eq("pending on the other thread", uintptr(t.val[0]), 0)
}

// contNotIgnored: SIGCONT is not dropped when it is sent. If it is caught later, it arrives.
//
// bsd/kern/kern_sig.c:setsigvec ("sig != SIGCONT"); all
func contNotIgnored() {
	setaction(sigCONT, sigIGN, 0, 0)
	mask(sigBlock, bit(sigCONT)|bit(sigTSTP))
	raise(sigCONT)
	eq("pending", uintptr(pending()), uintptr(bit(sigCONT)))
	raise(sigTSTP)
	eq("a stop takes a pending SIGCONT away", uintptr(pending()), uintptr(bit(sigTSTP)))
	raise(sigCONT)
	eq("and the other way round", uintptr(pending()), uintptr(bit(sigCONT)))
}

// disabled: after __disable_threadsignal the kernel does not choose the thread for signals, and
// signals cannot be sent to it. What is pending on it stays pending on it.
//
// bsd/kern/kern_sig.c:__disable_threadsignal, __pthread_kill, get_signalthread; all
func disabled() {
	catch(sigUSR1, 0, 0, nil)
	catch(sigUSR2, 0, 0, nil)
	a := spawn(0, func(t *thread) {
		mask(sigBlock, bit(sigUSR2))
		t.seen.Store(1)
		t.linger(1)
		call("__disable_threadsignal", sysDisableSig, 1, 0, 0)
		t.seen.Store(2)
		t.linger(2)
		mask(sigUnblock, bit(sigUSR2))
		t.seen.Store(3)
		t.linger(3)
	})
	b := spawn(1, func(t *thread) { t.linger(1) })
	mask(sigBlock, bit(sigUSR1))
	await("a's mask", &a.seen, 1)
	tkill(a, sigUSR2)
	a.step.Store(1)
	await("a's call", &a.seen, 2)
	fails("__pthread_kill", eSRCH, sysPthreadKill, a.port, sigUSR1, 0)
	raise(sigUSR1)
	await("handlers", &count[sigUSR1], 1)
	eq("the taker", taker[sigUSR1].Load(), b.id)
	a.step.Store(2)
	await("a's mask", &a.seen, 3)
	eq("handlers of what was pending", uintptr(count[sigUSR2].Load()), 1)
	eq("their taker", taker[sigUSR2].Load(), a.id)
}

// pthreadKill: __pthread_kill returns ESRCH for a port that is not a thread's and EINVAL for 32
// and more. Signal 0 only checks. SIGSTOP stops the process.
//
// bsd/kern/kern_sig.c:__pthread_kill; all
func pthreadKill() {
	p := selfPort()
	call("signal 0", sysPthreadKill, p, 0, 0)
	fails("signal 32", eINVAL, sysPthreadKill, p, 32, 0)
	fails("signal -1", eINVAL, sysPthreadKill, p, ^uintptr(0), 0)
	fails("a bad port", eSRCH, sysPthreadKill, 0x7fff03, sigUSR1, 0)
	fails("port 0", eSRCH, sysPthreadKill, 0, sigUSR1, 0)
	catch(sigUSR1, 0, 0, nil)
	call("signal 30", sysPthreadKill, p, sigUSR1, 0)
	eq("handlers", uintptr(count[sigUSR1].Load()), 1)
	pid := fork()
	if pid == 0 {
		call("SIGSTOP", sysPthreadKill, selfPort(), sigSTOP, 0)
		exit(42)
	}
	eq("stopped", status(pid, wUntraced), sigSTOP<<8|0x7f)
	call("kill", sysKill, pid, sigCONT, 1)
	eq("ended", status(pid, 0), 42<<8)
}

// killErrors: kill returns EINVAL for an invalid signal and ESRCH for a process that does not
// exist. Signal 0 only checks.
//
// bsd/kern/kern_sig.c:kill; all
func killErrors() {
	fails("signal 32", eINVAL, sysKill, getpid(), 32, 1)
	fails("signal -1", eINVAL, sysKill, getpid(), ^uintptr(0), 1)
	fails("no process", eSRCH, sysKill, 0x7ffffff0, sigUSR1, 1)
	call("signal 0", sysKill, getpid(), 0, 1)
	pid := fork()
	if pid == 0 {
		exit(0)
	}
	_, _, e := sys(sysWaitid, 1, pid, ptr(&waitidInfo), wExited|wNowait, 0, 0)
	eq("waitid", e, 0)
	call("a zombie", sysKill, pid, sigUSR1, 1)
	status(pid, 0)
	fails("a child that is gone", eSRCH, sysKill, pid, 0, 1)
}

// pipeProcess: SIGPIPE is sent to the process, not to the thread that wrote.
//
// bsd/kern/sys_generic.c:dofilewrite (psignal); all
func pipeProcess() {
	catch(sigPIPE, 0, 0, nil)
	rfd, wfd = pipe()
	call("close", sysClose, rfd, 0, 0)
	t := spawn(0, func(t *thread) {
		b := byte(1)
		fails("write", ePIPE, sysWrite, wfd, ptr(&b), 1)
	})
	await("the thread", &t.done, 1)
	await("handlers", &count[sigPIPE], 1)
	eq("the taker", taker[sigPIPE].Load(), selfid())
}

// nosysTarget: a call number that the release does not have raises SIGSYS, in the process up to
// 3248, in the calling thread from 3789 on, and fails with ENOSYS. So does a number beyond the
// table's end. A number whose call was removed fails, but raises no signal.
//
// bsd/kern/subr_xxx.c:nosys, enosys; bsd/kern/syscalls.master; 1504 3248 3789 11417
//
// Releases: 1504 3248 3789 11215
func nosysTarget() {
	catch(sigSYS, 0, 0, nil)
	t := spawn(0, func(t *thread) {
		fails("call 999", eNOSYS, 999, 0, 0, 0)
		t.linger(1)
		fails("call 0xffff", eNOSYS, 0xffff, 0, 0, 0)
		t.linger(2)
		if release < 3789 {
			fails("ulock_wait", eNOSYS, sysUlockWait, 0, 0, 0)
			t.linger(3)
		}
		if release >= 2782 {
			fails("the old creat", eNOSYS, 8, 0, 0, 0)
		}
	})
	want := selfid()
	if release >= 3789 {
		want = t.id
	}
	n := uint32(2)
	if release < 3789 {
		n = 3
	}
	for i := range n {
		await("handlers", &count[sigSYS], i+1)
		eq("the taker", taker[sigSYS].Load(), want)
		t.step.Store(i + 1)
	}
	t.gone()
	eq("handlers", uintptr(count[sigSYS].Load()), uintptr(n))
}

// machClass: a Mach trap beyond the table's end and, in 64-bit programs, a number of no class
// are an exception without a signal up to 8019, and SIGSYS from 8020 on. EAX is unchanged.
//
// osfmk/i386/bsd_i386.c:mach_call_munger64, mach_call_munger;
// bsd/uxkern/ux_exception.c:ux_exception; 1504 8019 8020 11417
//
// Releases: 1504 8019 8020 11215
func machClass() {
	catch(sigSYS, 0, 0, nil)
	n, eax := uintptr(1), uintptr(0x1000000+1000)
	if is32 {
		eax = ^uintptr(1000) + 1
	} else {
		eq("RAX", class(0x7000001), 0x7000001)
		n = 2
	}
	eq("EAX after a Mach trap", trap(1000, 0, 0, 0, 0, 0, 0, 0, 0), eax)
	if release < 8020 {
		n = 0
	}
	eq("handlers", uintptr(count[sigSYS].Load()), n)
}

var sigwaitSet, sigwaitGot uint32

// sigwait: __sigwait takes a signal that is pending on any thread, or waits. A process signal is
// given to a thread that waits for it although the thread blocks it. An empty set is EINVAL.
//
// bsd/kern/kern_sig.c:__sigwait_nocancel, get_signalthread; all
func sigwait() {
	catch(sigUSR1, 0, 0, nil)
	mask(sigBlock, bit(sigUSR1)|bit(sigUSR2))
	set, got := &sigwaitSet, &sigwaitGot
	fails("an empty set", eINVAL, sysSigwait, ptr(set), ptr(got), 0)
	*set = bit(sigUSR1)
	raise(sigUSR1)
	call("__sigwait", sysSigwait, ptr(set), ptr(got), 0)
	eq("the signal", uintptr(*got), sigUSR1)
	eq("pending", uintptr(pending()), 0)
	raise(sigUSR1) // pending on the first thread
	t := spawn(0, func(t *thread) {
		call("__sigwait", sysSigwait, ptr(&sigwaitSet), ptr(&sigwaitGot), 0)
		t.seen.Store(sigwaitGot)
		call("__sigwait", sysSigwait, ptr(&sigwaitSet), ptr(&sigwaitGot), 0)
	})
	await("the thread took another's", &t.seen, sigUSR1)
	eq("pending on the first", uintptr(pending()), 0)
	*got = 0
	asleep(getpid(), 1)
	raise(sigUSR1)
	await("the thread waited", &t.done, 1)
	eq("the signal", uintptr(*got), sigUSR1)
	eq("handlers", uintptr(count[sigUSR1].Load()), 0)
}

// sigsuspend: sigsuspend takes a mask by value and ends with EINTR. Then the mask of before is
// restored.
//
// bsd/kern/kern_sig.c:sigsuspend_nocancel; all
func sigsuspend() {
	catch(sigUSR1, 0, 0, func(*frame) { during = getmask() })
	mask(sigSetmask, bit(sigUSR1)|bit(sigTERM))
	raise(sigUSR1)
	fails("sigsuspend", eINTR, sysSigsuspend, uintptr(bit(sigUSR2)), 0, 0)
	eq("handlers", uintptr(count[sigUSR1].Load()), 1)
	eq("mask in the handler", uintptr(during), uintptr(bit(sigUSR1)|bit(sigUSR2)))
	eq("mask after", uintptr(getmask()), uintptr(bit(sigUSR1)|bit(sigTERM)))
	first.port = selfPort()
	t := spawn(0, func(t *thread) {
		t.linger(1)
		asleep(getpid(), 1)
		tkill(&first, sigUSR1)
	})
	t.step.Store(1)
	fails("sigsuspend, asleep", eINTR, sysSigsuspend, 0, 0, 0)
	await("the thread", &t.done, 1)
	eq("handlers", uintptr(count[sigUSR1].Load()), 2)
}

// timers: SIGALRM goes to the process. SIGVTALRM and SIGPROF do so up to 2782. From 3248 on they
// are offered to the thread that ran.
//
// bsd/kern/kern_sig.c:bsd_ast, psignal_try_thread (from 3248); bsd/kern/kern_time.c:realitexpire; all
//
// Releases: 1504 2782 3248 11215
func timers() {
	const real, virtual, prof = 0, 1, 2
	catch(sigALRM, 0, 0, nil)
	catch(sigVTALRM, 0, 0, nil)
	catch(sigPROF, 0, 0, nil)
	t := spawn(0, func(t *thread) {
		for t.step.Load() == 0 {
		}
	})
	setTimer(real, 2000)
	await("SIGALRM", &count[sigALRM], 3)
	eq("its taker", taker[sigALRM].Load(), selfid())
	setTimer(real, 0)
	want := selfid()
	if release >= 3248 {
		want = t.id
	}
	for i := range uintptr(2) {
		which := virtual + i
		sig := [2]uintptr{sigVTALRM, sigPROF}[i]
		at = [2]string{"SIGVTALRM", "SIGPROF"}[i]
		setTimer(which, 5000)
		for n := uint32(0); n < 5; {
			k := count[sig].Load()
			await("signals", &count[sig], k+1)
			// The other one may get some: from 3248 this thread, if it is seen running; before, the thread
			// that runs, when the handler here, which blocks the signal, has not yet returned.
			if taker[sig].Load() == want {
				n++
			} else {
				is("it goes to the wrong thread\n", k < 200)
			}
		}
		setTimer(which, 0)
	}
	at = ""
	t.step.Store(1)
	it := [4]uintptr{0, 1000000, 0, 0}
	fails("microseconds", eINVAL, sysSetitimer, real, ptr(&it), 0)
	fails("which", eINVAL, sysSetitimer, 3, ptr(&it), 0)
	it = [4]uintptr{0, 0, 100000001, 0}
	fails("seconds", eINVAL, sysSetitimer, real, ptr(&it), 0)
}

// setTimer makes an interval timer signal every us microseconds.
func setTimer(which, us uintptr) {
	// struct itimerval: interval, value; its microseconds are 32 bits wide.
	it := [4]uintptr{0, us, 0, us}
	call("setitimer", sysSetitimer, which, ptr(&it), 0)
}

// timersInherit: a forked child has no interval timers. execve keeps the real-time timer.
//
// bsd/kern/kern_fork.c:forkproc; bsd/kern/kern_time.c:setitimer; all
func timersInherit() {
	it := [4]uintptr{2: 1000}
	call("setitimer", sysSetitimer, 0, ptr(&it), 0)
	is("the timer has no value\n", timerSeconds() > 900)
	pid := fork()
	if pid == 0 {
		eq("the child's timer", timerSeconds(), 0)
		exit(42)
	}
	eq("the child's status", status(pid, 0), 42<<8)
	reexec("timersKept\x00")
}

func timersKept() { is("the timer has no value after an execution\n", timerSeconds() > 900) }

func timerSeconds() uintptr {
	var it [4]uintptr
	call("getitimer", sysGetitimer, 0, ptr(&it), 0)
	return it[2]
}
