// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios && (amd64 || 386)

package main

import (
	"sync/atomic"
	"unsafe"
)

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
			for finish == nil && returned.Load() != n {
				is("the call is started anew\n", running(getpid()) > 1 || returned.Load() == n)
			}
			if finish != nil {
				asleep(getpid(), 1)
				finish()
			}
		}
		t.seen.Store(n)
	}
}

var returned atomic.Uint32 // the number of the last call that has returned

var quiet bool // no handler runs, and the call goes on

// begin readies the thread that sends for the next call, end waits until it is done.
func begin(flags uint32) (n uint32) {
	if !quiet {
		catch(sigUSR1, flags, 0, handlers[sigUSR1])
	}
	count[sigUSR1].Store(0)
	t := &threads[5]
	if t.ready.Load() == 0 {
		first.port = selfPort()
		spawn(5, poke)
	}
	return t.step.Add(1)
}

func end(n uint32) {
	returned.Store(n)
	await("the thread that sends", &threads[5].seen, n)
}

// interrupt makes a call that sleeps, with a signal coming meanwhile, and returns what it
// returned.
func interrupt(flags uint32, nr, a1, a2, a3, a4, a5, a6 uintptr) (r, e uintptr) {
	n := begin(flags)
	r, _, e = sys(nr, a1, a2, a3, a4, a5, a6)
	end(n)
	return
}

// restarts makes a call that sleeps twice: with a handler without SA_RESTART, when it must fail with EINTR, and
// with one that has it, when it must go on until last lets it return want, or, if want is anyResult, something.
func restarts(what string, last func(), want, nr, a1, a2, a3, a4, a5, a6 uintptr) uintptr {
	at = what
	finish = nil
	_, e := interrupt(0, nr, a1, a2, a3, a4, a5, a6)
	eq("errno without SA_RESTART", e, eINTR)
	finish = last
	r, e := interrupt(saRestart, nr, a1, a2, a3, a4, a5, a6)
	eq("errno with SA_RESTART", e, 0)
	if want != anyResult {
		eq("result", r, want)
	}
	eq("handlers", uintptr(count[sigUSR1].Load()), 1)
	finish = nil
	at = ""
	return r
}

const anyResult = ^uintptr(0)

// restartRead: a read that sleeps is restarted if the handler has SA_RESTART, and otherwise
// fails with EINTR. The handler has run by then.
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

// restartOthers: the same holds for calls that wait for others: wait4, waitid, flock and fcntl's
// F_SETLKW.
//
// bsd/kern/kern_exit.c:wait4_nocancel, waitid_nocancel; bsd/kern/kern_descrip.c:flock, fcntl_nocancel;
// bsd/kern/kern_lockf.c:lf_setlock; all
func restartOthers() {
	var st uint32
	rfd, wfd = pipe()
	pid := waitingChild()
	restarts("wait4", finishWrite, pid, sysWait4, pid, ptr(&st), 0, 0, 0, 0)
	eq("status", uintptr(st), 42<<8)
	pid = waitingChild()
	restarts("waitid", finishWrite, 0, sysWaitid, 1, pid, ptr(&waitidInfo), wExited, 0, 0)

	const lockEX, create, setlk, setlkw = 2, 0x202, 8, 9
	name := "file\x00"
	path := uintptr(unsafe.Pointer(unsafe.StringData(name)))
	lockFD = call("open", sysOpen, path, create, 0o600)
	fd := call("open", sysOpen, path, create, 0o600)
	call("flock", sysFlock, lockFD, lockEX, 0)
	restarts("flock", finishFlock, 0, sysFlock, fd, lockEX, 0, 0, 0, 0)

	// struct flock: start, len, pid, type, whence
	lock := [6]uint32{5: 3} // F_WRLCK
	back, w := pipe()
	pid = fork()
	if pid == 0 {
		call("F_SETLK", sysFcntl, fd, setlk, ptr(&lock))
		say(w, 1)
		hear(rfd, 7)
		exit(42)
	}
	hear(back, 1)
	restarts("F_SETLKW", finishWrite, 0, sysFcntl, fd, setlkw, ptr(&lock), 0, 0, 0)
	eq("status", status(pid, 0), 42<<8)
}

// waitingChild forks a child that ends when it hears from wfd.
func waitingChild() uintptr {
	pid := fork()
	if pid == 0 {
		hear(rfd, 7)
		exit(42)
	}
	return pid
}

var lockFD uintptr

func finishFlock() { call("flock", sysFlock, lockFD, 8, 0) } // LOCK_UN

// restartTransfers: the same holds for readv, write and writev to a full pipe, recvfrom,
// recvmsg, sendto and sendmsg to a full socket, accept, and a read of a terminal.
//
// bsd/kern/sys_pipe.c:pipe_read, pipe_write; bsd/kern/uipc_socket.c:soreceive, sosend;
// bsd/kern/uipc_syscalls.c:accept_nocancel; bsd/kern/tty.c:ttysleep; all
func restartTransfers() {
	var b [8]byte
	iov := [2]uintptr{ptr(&b), 1}
	rfd, wfd = pipe()
	restarts("readv", finishWrite, 1, sysReadv, rfd, ptr(&iov), 1, 0, 0, 0)

	const setfl, nonblock, dontwait = 4, 4, 0x80
	fullR, fullW = pipe()
	for i := range 2 {
		call("F_SETFL", sysFcntl, fullW, setfl, nonblock)
		for e := uintptr(0); e == 0; {
			_, _, e = sys(sysWrite, fullW, ptr(&altStacks), 4096, 0, 0, 0)
		}
		call("F_SETFL", sysFcntl, fullW, setfl, 0)
		if i == 0 {
			restarts("write", finishDrain, 1, sysWrite, fullW, ptr(&b), 1, 0, 0, 0)
		} else {
			restarts("writev", finishDrain, 1, sysWritev, fullW, ptr(&iov), 1, 0, 0, 0)
		}
	}

	var sv [2]uint32
	_, _, e := sys(sysSocketpair, 1, 1, 0, ptr(&sv), 0, 0)
	eq("socketpair", e, 0)
	one, other := uintptr(sv[0]), uintptr(sv[1])
	msg := [7]uintptr{2: ptr(&iov), 3: 1}
	wfd = other
	restarts("recvfrom", finishWrite, 1, sysRecvfrom, one, ptr(&b), 1, 0, 0, 0)
	restarts("recvmsg", finishWrite, 1, sysRecvmsg, one, ptr(&msg), 0, 0, 0, 0)
	fullR = other
	for i := range 2 {
		for e := uintptr(0); e == 0; {
			_, _, e = sys(sysSendto, one, ptr(&altStacks), 16384, dontwait, 0, 0)
		}
		if i == 0 {
			restarts("sendto", finishDrain, 1, sysSendto, one, ptr(&b), 1, 0, 0, 0)
		} else {
			restarts("sendmsg", finishDrain, 1, sysSendmsg, one, ptr(&msg), 0, 0, 0, 0)
		}
	}

	l := socket(1)
	call("bind", sysBind, l, ptr(&unixAddr), unsafe.Sizeof(unixAddr))
	call("listen", sysListen, l, 5, 0)
	fd := restarts("accept", finishConnect, anyResult, sysAccept, l, 0, 0, 0, 0, 0)
	call("close", sysClose, fd, 0, 0)

	m, s := terminal()
	wfd = m
	restarts("read of a terminal", finishLine, 1, sysRead, s, ptr(&b), 8, 0, 0, 0)
}

var fullR, fullW uintptr

// finishDrain reads from what is full until it no longer is.
func finishDrain() {
	const sysIoctl, fionread = 54, 0x4004667f
	for {
		var n uint32
		call("FIONREAD", sysIoctl, fullR, fionread, ptr(&n))
		if n < 4096 {
			return
		}
		call("read", sysRead, fullR, ptr(&drained), uintptr(min(n, 4096)))
	}
}

var drained [4096]byte

func socket(domain uintptr) uintptr { return call("socket", sysSocket, domain, 1, 0) }

// unixAddr is a struct sockaddr_un, inetAddr a struct sockaddr_in of 127.0.0.1.
var (
	unixAddr = [16]byte{16, 1, 's', 'o', 'c', 'k'}
	inetAddr = [16]byte{16, 2, 4: 127, 7: 1}
)

func finishConnect() { call("connect", sysConnect, socket(1), ptr(&unixAddr), unsafe.Sizeof(unixAddr)) }

func finishLine() { say(wfd, '\n') }

// terminal returns the two sides of one.
func terminal() (m, s uintptr) {
	const (
		ioctl                        = 54
		ptyGrant, ptyUnlock, ptyName = 0x20007454, 0x20007452, 0x40807453
		openRDWR, noCTTY             = 2, 0x20000
	)
	path := "/dev/ptmx\x00"
	m = call("open(/dev/ptmx)", sysOpen, uintptr(unsafe.Pointer(unsafe.StringData(path))), openRDWR|noCTTY, 0)
	call("TIOCPTYGRANT", ioctl, m, ptyGrant, 0)
	call("TIOCPTYUNLK", ioctl, m, ptyUnlock, 0)
	call("TIOCPTYGNAME", ioctl, m, ptyName, ptr(&ttyName))
	return m, call("opening the terminal", sysOpen, ptr(&ttyName), openRDWR|noCTTY, 0)
}

// restartNever: select, pselect, poll, kevent, sigsuspend, __sigwait, __semwait_signal,
// ulock_wait, connect and opening a FIFO end with EINTR, regardless of the handler's flags.
//
// bsd/kern/sys_generic.c:select, pselect_nocancel (from 3248), poll_nocancel; bsd/kern/kern_event.c:kevent_internal;
// bsd/kern/kern_sig.c:sigsuspend_nocancel, __sigwait_nocancel, __semwait_signal_nocancel;
// bsd/kern/sys_ulock.c:ulock_wait (3789 to 8019), sys_ulock_wait (from 8020);
// bsd/kern/uipc_syscalls.c:connect_nocancel; bsd/vfs/vfs_syscalls.c:open1; all
func restartNever() {
	const setfl, nonblock, eINPROGRESS = 4, 4, 36
	l := socket(2)
	size := uint32(unsafe.Sizeof(inetAddr))
	call("bind", sysBind, l, ptr(&inetAddr), uintptr(size))
	call("getsockname", sysGetsockname, l, ptr(&inetAddr), ptr(&size))
	call("listen", sysListen, l, 1, 0)
	for range 16 { // until its queue is full
		fd := socket(2)
		call("F_SETFL", sysFcntl, fd, setfl, nonblock)
		if _, _, e := sys(sysConnect, fd, ptr(&inetAddr), uintptr(size), 0, 0, 0); e != 0 {
			eq("connect", e, eINPROGRESS)
		}
	}
	sem := uintptr(0)
	if release < 8792 { // later it takes another trap to make one
		sem = semaphore()
	}
	rfd, wfd = pipe()
	for i := range uintptr(2) {
		flags := uint32(i * saRestart)
		_, e := interrupt(flags, sysSelect, 0, 0, 0, 0, 0, 0)
		eq("select", e, eINTR)
		if release >= 3248 {
			_, e = interrupt(flags, sysPselect, 0, 0, 0, 0, 0, 0)
			eq("pselect", e, eINTR)
		}
		if sem != 0 {
			_, e = interrupt(flags, sysSemwait, sem, 0, 0, 0, 0, 0)
			eq("__semwait_signal", e, eINTR)
		}
		fd := socket(2)
		_, e = interrupt(flags, sysConnect, fd, ptr(&inetAddr), uintptr(size), 0, 0, 0)
		eq("connect", e, eINTR)
		call("close", sysClose, fd, 0, 0)
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

// neverAsleep: calls that find at once what they ask for do not sleep, and do not fail with
// EINTR, regardless of the number of signals: poll, select, pselect, kevent, read, recvfrom,
// accept, connect, flock, opening a FIFO or a terminal. The handlers run when the calls return.
//
// bsd/kern/kern_synch.c:_sleep; osfmk/kern/sched_prim.c:thread_mark_wait_locked; bsd/kern/sys_generic.c:selprocess,
// poll_nocancel; all
func neverAsleep() {
	const (
		lockEX, lockUN       = 2, 8
		openRDWR, noCTTY     = 2, 0x20000
		evfiltRead, evAdd    = 0xffff, 1
		forever              = ^uintptr(0)
		perCall              = 100 // signals
		fifoName, masterName = "fifo\x00", "/dev/ptmx\x00"
	)
	r, w := pipe()
	say(w, 1)
	empty, _ := pipe()
	ready, idle := [2]uint32{uint32(r), 1}, [2]uint32{uint32(empty), 1}
	kq := call("kqueue", sysKqueue, 0, 0, 0)
	ev := [8]uintptr{r, evAdd<<16 | evfiltRead} // struct kevent: ident, filter and flags
	call("kevent", sysKevent, kq, ptr(&ev), 1)
	fifo := uintptr(unsafe.Pointer(unsafe.StringData(fifoName)))
	master := uintptr(unsafe.Pointer(unsafe.StringData(masterName)))
	sys(sysUnlink, fifo, 0, 0, 0, 0, 0)
	call("mkfifo", sysMkfifo, fifo, 0o600, 0)
	call("open", sysOpen, fifo, openRDWR, 0)
	locked := call("open", sysOpen, fifo, openRDWR, 0)
	l := socket(1)
	sys(sysUnlink, ptr(&unixAddr[2]), 0, 0, 0, 0, 0)
	call("bind", sysBind, l, ptr(&unixAddr), unsafe.Sizeof(unixAddr))
	call("listen", sysListen, l, 5, 0)
	var pair [2]uint32
	_, _, e := sys(sysSocketpair, 1, 1, 0, ptr(&pair), 0, 0)
	eq("socketpair", e, 0)
	var none [2]uintptr // timeval
	var got [8]uintptr
	var b [8]byte

	catch(sigALRM, 0, 0, nil)
	setTimer(0, 300)
	for i := 0; i < 11; i++ {
		if i == 3 && release < 3248 {
			continue // pselect
		}
		for n := count[sigALRM].Load(); count[sigALRM].Load()-n < perCall; {
			var e, fd uintptr
			set := [4]uint32{1 << r}
			switch i {
			case 0:
				at = "poll"
				_, _, e = sys(sysPoll, ptr(&ready), 1, forever, 0, 0, 0)
			case 1:
				at = "poll, timeout 0"
				_, _, e = sys(sysPoll, ptr(&idle), 1, 0, 0, 0, 0)
			case 2:
				at = "select"
				_, _, e = sys(sysSelect, r+1, ptr(&set), 0, 0, 0, 0)
			case 3:
				at = "pselect"
				_, _, e = sys(sysPselect, r+1, ptr(&set), 0, 0, 0, 0)
			case 4:
				at = "select, timeout 0"
				set[0] = 1 << empty
				_, _, e = sys(sysSelect, empty+1, ptr(&set), 0, 0, ptr(&none), 0)
			case 5:
				at = "kevent"
				_, _, e = sys(sysKevent, kq, 0, 0, ptr(&got), 1, 0)
			case 6:
				at = "write and read"
				if _, _, e = sys(sysWrite, w, ptr(&b), 1, 0, 0, 0); e == 0 {
					_, _, e = sys(sysRead, r, ptr(&b), 1, 0, 0, 0)
				}
			case 7:
				at = "sendto and recvfrom"
				if _, _, e = sys(sysSendto, uintptr(pair[0]), ptr(&b), 1, 0, 0, 0); e == 0 {
					_, _, e = sys(sysRecvfrom, uintptr(pair[1]), ptr(&b), 1, 0, 0, 0)
				}
			case 8:
				at = "connect and accept"
				c := socket(1)
				if _, _, e = sys(sysConnect, c, ptr(&unixAddr), unsafe.Sizeof(unixAddr), 0, 0, 0); e == 0 {
					fd, _, e = sys(sysAccept, l, 0, 0, 0, 0, 0)
				}
				call("close", sysClose, c, 0, 0)
			case 9:
				at = "opening a FIFO and flock"
				if fd, _, e = sys(sysOpen, fifo, 0, 0, 0, 0, 0); e == 0 {
					_, _, e = sys(sysFlock, locked, lockEX, 0, 0, 0, 0)
					call("flock", sysFlock, locked, lockUN, 0)
				}
			case 10:
				at = "opening a terminal"
				fd, _, e = sys(sysOpen, master, openRDWR|noCTTY, 0, 0, 0, 0)
			}
			eq("errno", e, 0)
			if fd != 0 {
				call("close", sysClose, fd, 0, 0)
			}
		}
	}
	at = ""
	setTimer(0, 0)
	sys(sysUnlink, fifo, 0, 0, 0, 0, 0)
}

// pollKnotes: poll is made of knotes. POLLHUP is their EV_EOF, is reported with the POLLIN that
// is asked for, and excludes POLLOUT. An entry that asks for nothing reports nothing, even if
// its descriptor is closed. A FIFO does not report its end, a directory cannot be watched, and a
// socket that was never connected is ready for nothing.
//
// bsd/kern/sys_generic.c:poll_nocancel, poll_callback; bsd/kern/sys_pipe.c:pipe_kqfilter, filt_piperead (to 3248),
// filt_piperead_common (from 3789); bsd/kern/uipc_socket.c:filt_soread (to 3248), filt_soread_common (from 3789);
// bsd/vfs/vfs_vnops.c:vn_kqfilt_add (to 3789), vn_kqfilter (from 4570); all
func pollKnotes() {
	const (
		in, out, hup, nval = 1, 4, 0x10, 0x20
		shutWR, sysShut    = 1, 134
		nonblock           = 4
		fifoName, dirName  = "fifo\x00", ".\x00"
	)
	r, w := pipe()
	polled("empty pipe", r, in, 0)
	polled("room in a pipe", w, out, out)
	say(w, 1)
	polled("data in a pipe", r, in, in)
	call("close", sysClose, w, 0, 0)
	polled("data and the end", r, in, in|hup)
	hear(r, 1)
	polled("the end", r, in, in|hup)
	polled("the end, nothing asked for", r, 0, 0)
	call("close", sysClose, r, 0, 0)
	polled("a closed descriptor", r, in, nval)
	polled("a closed descriptor, nothing asked for", r, 0, 0)
	r, w = pipe()
	call("close", sysClose, r, 0, 0)
	if release >= 6153 {
		polled("no reader", w, out, hup)
	} else {
		polled("no reader", w, out, nval)
	}

	var pair [2]uint32
	_, _, e := sys(sysSocketpair, 1, 1, 0, ptr(&pair), 0, 0)
	eq("socketpair", e, 0)
	a, b := uintptr(pair[0]), uintptr(pair[1])
	polled("a socket", a, in|out, out)
	call("shutdown", sysShut, b, shutWR, 0)
	polled("the peer has shut", a, in, in|hup)
	polled("the peer has shut, OUT", a, out, out)
	polled("own shutdown", b, out, hup)
	polled("no connection", socket(2), in|out, 0)

	path := fifoName
	fifo := uintptr(unsafe.Pointer(unsafe.StringData(path)))
	sys(sysUnlink, fifo, 0, 0, 0, 0, 0)
	call("mkfifo", sysMkfifo, fifo, 0o600, 0)
	r = call("open", sysOpen, fifo, nonblock, 0)
	w = call("open", sysOpen, fifo, 1, 0)
	polled("an empty FIFO", r, in, 0)
	say(w, 1)
	polled("data in a FIFO", r, in, in)
	hear(r, 1)
	call("close", sysClose, w, 0, 0)
	polled("a FIFO without a writer", r, in, 0)
	sys(sysUnlink, fifo, 0, 0, 0, 0, 0)
	path = dirName
	polled("a directory", call("open", sysOpen, uintptr(unsafe.Pointer(unsafe.StringData(path))), 0, 0), in, nval)
}

// polled checks what poll says at once of fd.
func polled(what string, fd uintptr, events, want uint32) {
	at = what
	pfd := [2]uint32{uint32(fd), events}
	n := call("poll", sysPoll, ptr(&pfd), 1, 0)
	eq("revents", uintptr(pfd[1]>>16), uintptr(want))
	is("the count is not that of the entries with revents\n", (n != 0) == (want != 0))
	at = ""
}

// semaphore makes a Mach semaphore with the count 0: a request to the task, and its answer.
func semaphore() uintptr {
	const (
		machReplyPort, taskSelf, machMsg = 26, 28, 31
		send, receive                    = 1, 2
		semaphoreCreate                  = 3418
	)
	reply := trap(machReplyPort, 0, 0, 0, 0, 0, 0, 0, 0)
	// Header: bits (COPY_SEND, MAKE_SEND_ONCE), size, to, reply to, voucher, id; then NDR, policy, value.
	msg := [16]uint32{0x1513, 40, uint32(trap(taskSelf, 0, 0, 0, 0, 0, 0, 0, 0)), uint32(reply), 0, semaphoreCreate, 0, 1}
	eq("semaphore_create", trap(machMsg, ptr(&msg), send|receive, 40, unsafe.Sizeof(msg), reply, 0, 0, 0), 0)
	is("semaphore_create answers with an error\n", msg[0]>>31 == 1 && msg[5] == semaphoreCreate+100)
	return uintptr(msg[7])
}

// machAborted: an interrupted Mach trap is not restarted, regardless of the handler's flags. A
// wait for a semaphore and mach_wait_until return KERN_ABORTED, 14, a receive returns
// MACH_RCV_INTERRUPTED. A semaphore's count is unchanged.
//
// osfmk/kern/sync_sema.c:semaphore_convert_wait_result; osfmk/kern/clock.c:mach_wait_until_trap;
// osfmk/ipc/ipc_mqueue.c:ipc_mqueue_receive_results; all (a semaphore up to 8020, where
// mach_msg_trap makes one)
func machAborted() {
	const (
		machReplyPort, machMsg, receive           = 26, 31, 2
		semSignal, semWait, semWaitSignal         = 33, 36, 37
		semTimedwait, waitUntil                   = 38, 90
		kernAborted, rcvInterrupted       uintptr = 14, 0x10004005
	)
	sem, other := uintptr(0), uintptr(0)
	if release < 8792 {
		sem, other = semaphore(), semaphore()
	}
	reply := trap(machReplyPort, 0, 0, 0, 0, 0, 0, 0, 0)
	var msg [16]uint32
	for i := range uint32(2) {
		flags := i * saRestart
		abort := func(what string, want, nr, a1, a2, a3, a4, a5 uintptr) {
			n := begin(flags)
			r := trap(nr, a1, a2, a3, a4, a5, 0, 0, 0)
			end(n)
			eq(what, uintptr(uint32(r)), want)
		}
		if is32 {
			abort("mach_wait_until", kernAborted, waitUntil, 0, 1<<30, 0, 0, 0)
		} else {
			abort("mach_wait_until", kernAborted, waitUntil, ^uintptr(0)>>2, 0, 0, 0, 0)
		}
		if release < 8792 {
			abort("a receive", rcvInterrupted, machMsg, ptr(&msg), receive, 0, unsafe.Sizeof(msg), reply)
		}
		if sem == 0 {
			continue
		}
		abort("semaphore_wait", kernAborted, semWait, sem, 0, 0, 0, 0)
		abort("semaphore_timedwait", kernAborted, semTimedwait, sem, 1000000, 0, 0, 0)
		abort("semaphore_wait_signal", kernAborted, semWaitSignal, sem, other, 0, 0, 0)
		eq("what it signalled", trap(semWait, other, 0, 0, 0, 0, 0, 0, 0), 0)
		eq("semaphore_signal", trap(semSignal, sem, 0, 0, 0, 0, 0, 0, 0), 0)
		eq("semaphore_wait, signalled", trap(semWait, sem, 0, 0, 0, 0, 0, 0, 0), 0)
	}
}

var st4 uint32

// partialWrite: a write that has transferred something when the signal arrives returns that
// count.
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

// restartState: while a call is restarted, the handler sees the program counter at the system
// call, not after it.
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
