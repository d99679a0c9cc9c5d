// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios && (amd64 || 386)

package main

import "unsafe"

// Masks, and what threads, forks and executions inherit.

// mask48: sigprocmask (48) changes the mask of every thread, and returns the caller's old one.
//
// bsd/kern/kern_sig.c:sigprocmask, block_procsigmask, set_procsigmask; all
func mask48() {
	t := spawn(0, func(t *thread) {
		mask(sigSetmask, bit(sigTERM))
		t.seen.Store(1)
		t.linger(1)
		t.val[0] = getmask()
	})
	await("the thread's mask", &t.seen, 1)
	mask(sigSetmask, bit(sigINT))
	set, old := bit(sigUSR1), uint32(0)
	call("sigprocmask", sysSigprocmask, sigBlock, ptr(&set), ptr(&old))
	eq("old mask", uintptr(old), uintptr(bit(sigINT)))
	t.step.Store(1)
	await("the thread", &t.done, 1)
	eq("the other thread's mask", uintptr(t.val[0]), uintptr(bit(sigTERM)|bit(sigUSR1)))
	eq("the caller's mask", uintptr(getmask()), uintptr(bit(sigINT)|bit(sigUSR1)))
}

// mask48late: 48 does not wake other threads. A signal that it unblocks for them waits until
// they next enter the kernel, and a thread in user mode may not do so.
//
// bsd/kern/kern_sig.c:set_procsigmask; all
func mask48late() {
	catch(sigUSR1, 0, 0, nil)
	t := spawn(0, func(t *thread) {
		mask(sigBlock, bit(sigUSR1))
		t.seen.Store(1)
		for t.step.Load() == 0 { // without a system call
		}
		t.seen.Store(2 + count[sigUSR1].Load())
		// The kernel looks when the thread sleeps. On a busy machine the time of a nap may be over
		// before it sleeps.
		for i := 0; i < 100 && count[sigUSR1].Load() == 0; i++ {
			nap(10)
		}
	})
	await("the thread's mask", &t.seen, 1)
	tkill(t, sigUSR1)
	set := bit(sigUSR1)
	call("sigprocmask", sysSigprocmask, sigUnblock, ptr(&set), 0)
	nap(20)
	t.step.Store(1)
	await("the thread", &t.done, 1)
	eq("handlers while it was in user mode", uintptr(t.seen.Load()), 2)
	eq("handlers in the end", uintptr(count[sigUSR1].Load()), 1)
}

// mask329: __pthread_sigmask (329) changes the mask of the caller only.
//
// bsd/kern/kern_sig.c:__pthread_sigmask; all
func mask329() {
	t := spawn(0, func(t *thread) {
		t.linger(1)
		t.val[0] = getmask()
	})
	mask(sigBlock, bit(sigUSR1))
	eq("the caller's mask", uintptr(getmask()), uintptr(bit(sigUSR1)))
	t.step.Store(1)
	await("the thread", &t.done, 1)
	eq("the other thread's mask", uintptr(t.val[0]), 0)
}

// maskHow: BLOCK, UNBLOCK and SETMASK are 1, 2 and 3. Other values are EINVAL, unless the set is
// NULL, which only reads the mask. SIGKILL and SIGSTOP are not in a mask.
//
// bsd/kern/kern_sig.c:sigprocmask, __pthread_sigmask; bsd/sys/signalvar.h:sigcantmask; all
func maskHow() {
	for i := range uintptr(2) {
		nr := uintptr(sysSigprocmask)
		if i == 1 {
			nr = sysPthreadMask
		}
		set := ^uint32(0)
		call("SETMASK", nr, sigSetmask, ptr(&set), 0)
		eq("the fullest mask", uintptr(getmask()), 0xffffffff&^uintptr(bit(sigKILL)|bit(sigSTOP)))
		set = bit(sigUSR1) | bit(sigUSR2)
		call("SETMASK", nr, sigSetmask, ptr(&set), 0)
		set = bit(sigUSR1) | bit(sigHUP)
		call("UNBLOCK", nr, sigUnblock, ptr(&set), 0)
		eq("after UNBLOCK", uintptr(getmask()), uintptr(bit(sigUSR2)))
		call("BLOCK", nr, sigBlock, ptr(&set), 0)
		eq("after BLOCK", uintptr(getmask()), uintptr(bit(sigUSR2)|set))
		fails("how = 0", eINVAL, nr, 0, ptr(&set), 0)
		fails("how = 4", eINVAL, nr, 4, ptr(&set), 0)
		call("how = 4 without a set", nr, 4, 0, ptr(&set))
	}
}

// maskUnblock: a pending signal that becomes unblocked is delivered before the call returns to
// user mode.
//
// bsd/kern/kern_sig.c:__pthread_sigmask, signal_setast; all
func maskUnblock() {
	catch(sigUSR1, 0, 0, nil)
	mask(sigBlock, bit(sigUSR1))
	raise(sigUSR1)
	eq("handlers while blocked", uintptr(count[sigUSR1].Load()), 0)
	mask(sigUnblock, bit(sigUSR1))
	eq("handlers after the call", uintptr(count[sigUSR1].Load()), 1)
}

// threadInherits: a new thread has its creator's mask, no pending signals and no alternate
// stack.
//
// bsd/kern/kern_fork.c:uthread_alloc (up to 7195), uthread_init (from 8019); all
func threadInherits() {
	altStack(0)
	mask(sigSetmask, bit(sigUSR1)|bit(sigTERM))
	raise(sigUSR1)
	t := spawn(0, func(t *thread) {
		var st stackT
		call("sigaltstack", sysSigaltstack, 0, ptr(&st), 0)
		t.val = [4]uint32{getmask(), pending(), uint32(st.flags)}
	})
	await("the thread", &t.done, 1)
	eq("mask", uintptr(t.val[0]), uintptr(bit(sigUSR1)|bit(sigTERM)))
	eq("pending", uintptr(t.val[1]), 0)
	eq("alternate stack's flags", uintptr(t.val[2]), 4)
	eq("the creator's pending set", uintptr(pending()), uintptr(bit(sigUSR1)))
}

// threadStarts: a new thread is entered with the pthread, its port, func, arg, stack and flags
// in registers. Up to 2050 its stack pointer is the top that the creator gave, less 128 bytes
// (i386: 16). In later releases, whose code is not XNU's, it is less by at most that.
//
// bsd/kern/pthread_synch.c:bsdthread_create; 1504 to 2050
//
// Releases: 1504 2050 2422 11215
func threadStarts() {
	t := spawn(0, func(t *thread) {})
	top := (ptr(&t.stack) + uintptr(len(t.stack))) &^ 15
	eq("pthread", t.self, ptr(t))
	eq("func", t.fn, 0x11)
	eq("arg", t.arg, 0x22)
	eq("stack", t.stackArg, top)
	eq("CUSTOM in flags", t.flags&0x01000000, 0x01000000)
	below := uintptr(128)
	if is32 {
		below = 16
	}
	if release >= 2422 {
		is("the stack pointer is not below the top\n", t.sp <= top && t.sp >= top-below)
	} else {
		eq("stack pointer", t.sp, top-below)
	}
	is("the port is not the main thread's\n", t.port != 0 && t.port != selfPort())
}

// forkInherits: a forked child has the mask and the actions of the thread that forked, no
// pending signals and no alternate stack.
//
// bsd/kern/kern_fork.c:forkproc, thread_set_child, uthread_alloc (up to 7195), uthread_init (from 8019); all
func forkInherits() {
	altStack(0)
	catch(sigUSR2, saOnstack|saRestart, bit(sigHUP), nil)
	setaction(sigTERM, sigIGN, 0, 0)
	mask(sigSetmask, bit(sigUSR1))
	raise(sigUSR1)
	pid := fork()
	if pid == 0 {
		eq("the child's mask", uintptr(getmask()), uintptr(bit(sigUSR1)))
		eq("the child's pending set", uintptr(pending()), 0)
		var st stackT
		call("sigaltstack", sysSigaltstack, 0, ptr(&st), 0)
		eq("the child's alternate stack's flags", uintptr(st.flags), 4)
		var sa sigactionOut
		call("sigaction", sysSigaction, sigUSR2, 0, ptr(&sa))
		eq("the child's handler", sa.handler, 0x1234)
		eq("its flags", uintptr(sa.flags), saOnstack|saRestart)
		eq("its mask", uintptr(sa.mask), uintptr(bit(sigHUP)))
		call("sigaction", sysSigaction, sigTERM, 0, ptr(&sa))
		eq("the ignored signal", sa.handler, sigIGN)
		raise(sigUSR2)
		eq("handlers in the child", uintptr(count[sigUSR2].Load()), 1)
		exit(42)
	}
	eq("the child's status", status(pid, 0), 42<<8)
	eq("the parent's pending set", uintptr(pending()), uintptr(bit(sigUSR1)))
}

// forkTwice: fork returns the child's pid and 0 to the parent, and to the child its own pid and
// 1.
//
// bsd/kern/kern_fork.c:fork; osfmk/i386/bsd_i386.c:thread_set_child; all
func forkTwice() {
	r1, r2, e := sys(sysFork, 0, 0, 0, 0, 0, 0)
	eq("errno", e, 0)
	if r2 == 1 {
		eq("the child's first result", r1, getpid())
		exit(42)
	}
	eq("the parent's second result", r2, 0)
	eq("the child's status", status(r1, 0), 42<<8)
}

// forkSignalled: a forked child can be sent signals from its creation, by its pid and by its
// group. It need not call execve first.
//
// bsd/kern/kern_fork.c:forkproc, pinsertchild; all
func forkSignalled() {
	catch(sigUSR1, 0, 0, nil)
	catch(sigUSR2, 0, 0, nil)
	call("setpgid", sysSetpgid, 0, 0, 0)
	for i := range uintptr(5) {
		count[sigUSR1].Store(0)
		count[sigUSR2].Store(0)
		pid := fork()
		if pid == 0 {
			for count[sigUSR1].Load() == 0 || count[sigUSR2].Load() == 0 {
				if i%2 == 0 {
					getpid()
				}
			}
			exit(42)
		}
		call("kill(child)", sysKill, pid, sigUSR1, 1)
		call("kill(0)", sysKill, 0, sigUSR2, 1)
		eq("the child's status", status(pid, 0), 42<<8)
		await("the parent's own", &count[sigUSR2], 1)
	}
}

// forkInterrupted: a call that blocks in a forked child is interrupted, or restarted, as in any
// other process.
//
// bsd/kern/kern_synch.c:_sleep; all
func forkInterrupted() {
	catch(sigUSR1, 0, 0, nil)
	catch(sigUSR2, saRestart, 0, func(*frame) { say(wfd, 2) })
	var r, back, w uintptr
	r, w = pipe()
	back, wfd = pipe()
	pid := fork()
	if pid == 0 {
		var b byte
		fails("read", eINTR, sysRead, r, ptr(&b), 1)
		eq("handlers", uintptr(count[sigUSR1].Load()), 1)
		say(wfd, 1)
		call("read", sysRead, r, ptr(&b), 1)
		eq("handlers", uintptr(count[sigUSR2].Load()), 1)
		exit(uintptr(b))
	}
	asleep(pid, 0)
	call("kill", sysKill, pid, sigUSR1, 1)
	hear(back, 1)
	asleep(pid, 0)
	call("kill", sysKill, pid, sigUSR2, 1)
	hear(back, 2)
	asleep(pid, 0)
	say(w, 42)
	eq("the child's status", status(pid, 0), 42<<8)
}

// forkDies: a signal whose default is to kill ends a forked child at once.
//
// bsd/kern/kern_sig.c:postsig (up to 1699), postsig_locked (from 2050); all
func forkDies() {
	pid := fork()
	if pid == 0 {
		for {
		}
	}
	call("kill", sysKill, pid, sigTERM, 1)
	eq("the child's status", status(pid, 0), sigTERM)
}

// execKeeps: execve keeps the mask, ignored signals and pending signals, sets caught signals to
// their default, and ends the alternate stack.
//
// bsd/kern/kern_sig.c:execsigs; bsd/kern/kern_exec.c:exec_mach_imgact; all
func execKeeps() {
	altStack(0)
	catch(sigUSR1, 0, 0, nil)
	catch(sigINT, saOnstack|saSiginfo, bit(sigHUP), nil)
	setaction(sigTERM, sigIGN, 0, 0)
	mask(sigSetmask, bit(sigUSR1)|bit(sigUSR2))
	raise(sigUSR1)
	reexec("execKept\x00")
}

func reexec(test string) {
	var n [8]byte
	i := len(n) - 1
	for v := release; v > 0; v /= 10 {
		i--
		n[i] = byte('0' + v%10)
	}
	argv := [4]uintptr{argv0, uintptr(unsafe.Pointer(unsafe.StringData(test))), ptr(&n[i]), 0}
	var envp uintptr
	_, _, e := sys(sysExecve, argv0, ptr(&argv), ptr(&envp), 0, 0, 0)
	eq("execve", e, 0)
}

func execKept() {
	eq("mask", uintptr(getmask()), uintptr(bit(sigUSR1)|bit(sigUSR2)))
	eq("pending", uintptr(pending()), uintptr(bit(sigUSR1)))
	var sa sigactionOut
	call("sigaction", sysSigaction, sigTERM, 0, ptr(&sa))
	eq("the ignored signal", sa.handler, sigIGN)
	call("sigaction", sysSigaction, sigINT, 0, ptr(&sa))
	eq("the caught signal", sa.handler, sigDFL)
	eq("the caught signal's mask", uintptr(sa.mask), 0)
	eq("the caught signal's flag ONSTACK", uintptr(sa.flags&saOnstack), 0)
	var st stackT
	call("sigaltstack", sysSigaltstack, 0, ptr(&st), 0)
	eq("alternate stack's flags", uintptr(st.flags), 4)
}

// execOfDead: signals that were pending on a thread that has ended are lost to the process. But
// the next image finds HUP, INT, QUIT, TERM, TSTP, CONT, TTIN, TTOU, USR1 and USR2 among them.
//
// bsd/kern/kern_fork.c:uthread_cleanup; bsd/sys/signal.h:execmask; all
func execOfDead() {
	catch(sigUSR1, 0, 0, nil)
	catch(sigALRM, 0, 0, nil)
	const both = 1<<(sigUSR1-1) | 1<<(sigALRM-1)
	t := spawn(0, func(t *thread) {
		mask(sigBlock, both)
		t.seen.Store(1)
		t.linger(1)
		eq("pending", uintptr(pending()), both)
	})
	await("the thread's mask", &t.seen, 1)
	tkill(t, sigUSR1)
	tkill(t, sigALRM)
	t.step.Store(1)
	t.gone()
	eq("handlers", uintptr(count[sigUSR1].Load()+count[sigALRM].Load()), 0)
	eq("pending", uintptr(pending()), 0)
	mask(sigBlock, both)
	reexec("execOfDead2\x00")
}

func execOfDead2() { eq("pending", uintptr(pending()), uintptr(bit(sigUSR1))) }

// execLoses: a signal that is sent during execve is not lost: it is pending in the new image.
//
// bsd/kern/kern_exec.c:exec_mach_imgact; bsd/kern/kern_sig.c:execsigs; all
func execLoses() {
	mask(sigBlock, bit(sigUSR1))
	for i := range uintptr(12) {
		pid := fork()
		if pid == 0 {
			reexec("execHops\x00")
		}
		nap(3 * i)
		call("kill", sysKill, pid, sigUSR1, 1)
		eq("the child's status", status(pid, 0), 42<<8)
	}
}

// execHops executes itself four times, counting in its mask, and then looks for the signal.
func execHops() {
	hops := getmask() >> (sigALRM - 1) & 7
	if hops < 4 {
		mask(sigUnblock, 7<<(sigALRM-1))
		mask(sigBlock, (hops+1)<<(sigALRM-1))
		reexec("execHops\x00")
	}
	for range 5000 {
		if pending()&bit(sigUSR1) != 0 {
			exit(42)
		}
		nap(1)
	}
	die("the signal is lost\n")
}
