// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios && (amd64 || 386)

package main

import "unsafe"

// Sleeping calls and signals.

// finish ends a call that interrupt has made and that was started anew. If it is
// nil, the call is to fail.
var finish func()

// finishWrite is finish for who waits for a byte from wfd.
func finishWrite() { say(wfd, 7) }

// poke sends SIGUSR1 to the first thread each time that this has begun a call,
// counted by step, and sleeps in it.
func poke(t *thread) {
	mask(sigBlock, ^uint32(0))
	for n := uint32(1); ; n++ {
		t.linger(n)
		asleep(getpid(), 1)
		tkill(&first, sigUSR1)
		if quiet {
			nap(15) // for what must not come
			finish()
		} else {
			await("handlers", &count[sigUSR1], 1)
			if finish != nil {
				asleep(getpid(), 1)
				finish()
			}
		}
		t.seen.Store(n)
	}
}

var quiet bool // no handler runs, and the call goes on

// interrupt makes a call that sleeps, with a signal coming meanwhile, and returns what it
// returned.
func interrupt(flags uint32, nr, a1, a2, a3, a4, a5, a6 uintptr) (r, e uintptr) {
	if !quiet {
		catch(sigUSR1, flags, 0, handlers[sigUSR1])
	}
	count[sigUSR1].Store(0)
	t := &threads[5]
	if t.ready.Load() == 0 {
		first.port = selfPort()
		spawn(5, poke)
	}
	n := t.step.Add(1)
	r, _, e = sys(nr, a1, a2, a3, a4, a5, a6)
	await("the thread that sends", &t.seen, n)
	return
}

// restartRead: a read that sleeps is started anew if the handler has SA_RESTART, and fails
// with EINTR if not. The handler has run by then.
//
// bsd/kern/kern_synch.c:_sleep; bsd/dev/i386/systemcalls.c:unix_syscall64; all
func restartRead() {
	rfd, wfd = pipe()
	var b [8]byte
	finish = finishWrite
	n, e := interrupt(saRestart, sysRead, rfd, ptr(&b), 8, 0, 0, 0)
	eq("errno", e, 0)
	eq("bytes", n, 1)
	eq("handlers", uintptr(count[sigUSR1].Load()), 1)
	finish = nil
	_, e = interrupt(0, sysRead, rfd, ptr(&b), 8, 0, 0, 0)
	eq("errno", e, eINTR)
	eq("handlers", uintptr(count[sigUSR1].Load()), 1)
}

// restartOthers: so do wait4, recvfrom and sendto on a full socket.
//
// bsd/kern/kern_exit.c:wait4_nocancel; bsd/kern/uipc_socket.c:soreceive, sosend; all
func restartOthers() {
	var st uint32
	rfd, wfd = pipe()
	pid := fork()
	if pid == 0 {
		hear(rfd, 7)
		exit(42)
	}
	_, e := interrupt(0, sysWait4, pid, ptr(&st), 0, 0, 0, 0)
	eq("wait4, errno", e, eINTR)
	finish = finishWrite
	r, e := interrupt(saRestart, sysWait4, pid, ptr(&st), 0, 0, 0, 0)
	eq("wait4 with SA_RESTART, errno", e, 0)
	eq("wait4 with SA_RESTART", r, pid)
	finish = nil

	const recvfrom, sendto = 29, 133
	var sv [2]uint32
	_, _, e = sys(sysSocketpair, 1, 1, 0, ptr(&sv), 0, 0)
	eq("socketpair", e, 0)
	_, e = interrupt(0, recvfrom, uintptr(sv[0]), ptr(&st), 1, 0, 0, 0)
	eq("recvfrom, errno", e, eINTR)
	// Fill it.
	for e == 0 || e == eINTR {
		_, _, e = sys(sendto, uintptr(sv[0]), ptr(&altStacks), 16384, 0x80, 0, 0) // MSG_DONTWAIT
	}
	_, e = interrupt(0, sendto, uintptr(sv[0]), ptr(&altStacks), 16384, 0, 0, 0)
	eq("sendto on a full socket, errno", e, eINTR)
	wfd = uintptr(sv[1])
	finish = finishWrite
	r, e = interrupt(saRestart, recvfrom, uintptr(sv[0]), ptr(&st), 1, 0, 0, 0)
	eq("recvfrom with SA_RESTART, errno", e, 0)
	eq("recvfrom with SA_RESTART", r, 1)
}

// restartNever: select, poll, kevent, sigsuspend, __sigwait, ulock_wait and
// opening a FIFO end with EINTR, whatever the handler's flags are.
//
// bsd/kern/sys_generic.c:select, poll; bsd/kern/kern_event.c:kevent_internal; bsd/kern/kern_sig.c;
// bsd/kern/sys_ulock.c:ulock_wait; bsd/vfs/vfs_syscalls.c:open; all (ulock from 3789)
func restartNever() {
	rfd, wfd = pipe()
	for i := range uintptr(2) {
		flags := uint32(i * saRestart)
		_, e := interrupt(flags, sysSelect, 0, 0, 0, 0, 0, 0)
		eq("select", e, eINTR)
		pfd := [2]uint32{uint32(rfd), 1}
		_, e = interrupt(flags, sysPoll, ptr(&pfd), 1, ^uintptr(0), 0, 0, 0)
		eq("poll", e, eINTR)
		kq := call("kqueue", sysKqueue, 0, 0, 0)
		var ev [8]uintptr
		_, e = interrupt(flags, sysKevent, kq, 0, 0, ptr(&ev), 1, 0)
		eq("kevent", e, eINTR)
		_, e = interrupt(flags, sysSigsuspend, 0, 0, 0, 0, 0, 0)
		eq("sigsuspend", e, eINTR)
		set := bit(sigUSR2)
		_, e = interrupt(flags, sysSigwait, ptr(&set), ptr(&st4), 0, 0, 0, 0)
		eq("__sigwait", e, eINTR)
		if release >= 3789 {
			_, e = interrupt(flags, sysUlockWait, 1, ptr(&st4), uintptr(st4), 0, 0, 0)
			eq("ulock_wait", e, eINTR)
		}
		path := "fifo\x00"
		fifo := uintptr(unsafe.Pointer(unsafe.StringData(path)))
		sys(sysUnlink, fifo, 0, 0, 0, 0, 0)
		call("mkfifo", sysMkfifo, fifo, 0o600, 0)
		_, e = interrupt(flags, sysOpen, fifo, 0, 0, 0, 0, 0)
		sys(sysUnlink, fifo, 0, 0, 0, 0, 0)
		eq("open of a FIFO", e, eINTR)
		eq("handlers", uintptr(count[sigUSR1].Load()), 1)
	}
}

const sysUnlink = 10

var st4 uint32

// partialWrite: a write that has transferred something when the signal comes returns that.
//
// bsd/kern/sys_generic.c:dofilewrite; all
func partialWrite() {
	_, w := pipe()
	n, e := interrupt(0, sysWrite, w, ptr(&threads), 1<<17, 0, 0, 0)
	eq("errno", e, 0)
	is("not a part\n", n > 0 && n < 1<<17)
	_, e = interrupt(0, sysWrite, w, ptr(&threads), 1<<17, 0, 0, 0)
	eq("errno, with nothing transferred", e, eINTR)
}

// undisturbed: a signal that is blocked or ignored does not end a sleep.
//
// bsd/kern/kern_synch.c:_sleep; bsd/kern/kern_sig.c:psignal_internal; all
func undisturbed() {
	rfd, wfd = pipe()
	var b [8]byte
	quiet, finish = true, finishWrite
	catch(sigUSR1, 0, 0, nil)
	for i := range 2 {
		if i == 0 {
			mask(sigBlock, bit(sigUSR1))
		} else {
			setaction(sigUSR1, sigIGN, 0, 0)
			mask(sigUnblock, bit(sigUSR1))
		}
		_, e := interrupt(0, sysRead, rfd, ptr(&b), 8, 0, 0, 0)
		eq("read, errno", e, 0)
	}
	eq("handlers", uintptr(count[sigUSR1].Load()), 0)
}

// restartState: while a call is restarted, the handler sees the program at the system call, not
// behind it.
//
// bsd/dev/i386/systemcalls.c:unix_syscall_return; bsd/dev/i386/unix_signal.c:sendsig; all
func restartState() {
	rfd, wfd = pipe()
	var b [8]byte
	handlers[sigUSR1] = func(f *frame) { lastSP = load(load(f.uctx+ucMcontext) + mcPC) }
	finish = finishWrite
	_, e := interrupt(saRestart, sysRead, rfd, ptr(&b), 8, 0, 0, 0)
	eq("read with SA_RESTART, errno", e, 0)
	at := lastSP
	finish = nil
	_, e = interrupt(0, sysRead, rfd, ptr(&b), 8, 0, 0, 0)
	eq("read, errno", e, eINTR)
	eq("the difference of the two PCs", lastSP-at, 2)
}
