// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios && (amd64 || 386)

package main

import "unsafe"

// Sleeping calls and signals.

// poke sends SIGUSR1 to the first thread, a while after it has been started, and
// then writes a byte to wfd.
func poke(t *thread) {
	mask(sigBlock, ^uint32(0))
	for {
		n := t.val[0]
		for t.step.Load() == n {
			nap(1)
			if t.step.Load() == 1000 {
				return
			}
		}
		t.val[0] = t.step.Load()
		nap(15)
		tkill(&first, sigUSR1)
		if wfd != 0 {
			nap(15)
			b := byte(7)
			call("write", sysWrite, wfd, ptr(&b), 1)
		}
	}
}

// interrupt makes a call that sleeps, with a signal coming meanwhile, and returns what it
// returned.
func interrupt(flags uint32, nr, a1, a2, a3, a4, a5, a6 uintptr) (r, e uintptr) {
	if threads[5].ready.Load() == 0 {
		first.port = selfPort()
		spawn(5, poke)
	}
	catch(sigUSR1, flags, 0, nil)
	count[sigUSR1].Store(0)
	threads[5].step.Add(1)
	r, _, e = sys(nr, a1, a2, a3, a4, a5, a6)
	return
}

// restartRead: a read that sleeps is started anew if the handler has SA_RESTART, and fails
// with EINTR if not. The handler has run by then.
//
// bsd/kern/kern_synch.c:_sleep; bsd/dev/i386/systemcalls.c:unix_syscall64; all
func restartRead() {
	rfd, wfd = pipe()
	var b [8]byte
	n, e := interrupt(saRestart, sysRead, rfd, ptr(&b), 8, 0, 0, 0)
	eq("errno", e, 0)
	eq("bytes", n, 1)
	eq("handlers", uintptr(count[sigUSR1].Load()), 1)
	_, e = interrupt(0, sysRead, rfd, ptr(&b), 8, 0, 0, 0)
	eq("errno", e, eINTR)
	eq("handlers", uintptr(count[sigUSR1].Load()), 1)
}

// restartOthers: so do wait4, recvfrom and sendto on a full socket.
//
// bsd/kern/kern_exit.c:wait4_nocancel; bsd/kern/uipc_socket.c:soreceive, sosend; all
func restartOthers() {
	var st uint32
	pid := fork()
	if pid == 0 {
		nap(1200)
		exit(42)
	}
	_, e := interrupt(0, sysWait4, pid, ptr(&st), 0, 0, 0, 0)
	eq("wait4, errno", e, eINTR)
	r, e := interrupt(saRestart, sysWait4, pid, ptr(&st), 0, 0, 0, 0)
	eq("wait4 with SA_RESTART, errno", e, 0)
	eq("wait4 with SA_RESTART", r, pid)

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
		wfd = 0
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
	wfd = 0
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
	for i := range 3 {
		first.port = selfPort()
		if i == 0 {
			mask(sigBlock, bit(sigUSR1))
		}
		if threads[5].ready.Load() == 0 {
			spawn(5, poke)
		}
		switch i {
		case 0:
			catch(sigUSR1, 0, 0, nil)
		case 1:
			setaction(sigUSR1, sigIGN, 0, 0)
			mask(sigUnblock, bit(sigUSR1))
		case 2:
			wfd = 0
		}
		if i < 2 {
			threads[5].step.Add(1)
			call("read", sysRead, rfd, ptr(&b), 8)
		}
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
	interrupt(saRestart, sysRead, rfd, ptr(&b), 8, 0, 0, 0)
	handlers[sigUSR1] = func(f *frame) { lastSP = load(load(f.uctx+ucMcontext) + mcPC) }
	setaction(sigUSR1, 0x1234, saRestart, 0)
	threads[5].step.Add(1)
	call("read", sysRead, rfd, ptr(&b), 8)
	at := lastSP
	setaction(sigUSR1, 0x1234, 0, 0)
	threads[5].step.Add(1)
	fails("read", eINTR, sysRead, rfd, ptr(&b), 8)
	eq("the difference of the two PCs", lastSP-at, 2)
}
