// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios && (amd64 || 386)

package main

import "unsafe"

// Children and job control.

const (
	wNohang, wUntraced, wExited, wStopped, wContinued, wNowait = 1, 2, 4, 8, 0x10, 0x20
)

// jobs: wait4 reports a child that stops and a child that continues, if asked for. A continued
// child is reported as stopped by SIGCONT. SIGCHLD is sent for the stop unless SA_NOCLDSTOP is
// set, and is not sent for the continuation.
//
// bsd/kern/kern_exit.c:wait4_nocancel; bsd/kern/kern_sig.c:stop, psignal_internal; all
func jobs() {
	catch(sigCHLD, saRestart, 0, func(f *frame) {
		during = load32(f.info + siCode)
		lastSP = uintptr(load32(f.info + siStatus))
	})
	pid := fork()
	if pid == 0 {
		for {
		}
	}
	call("kill", sysKill, pid, sigSTOP, 1)
	eq("status", status(pid, wUntraced), sigSTOP<<8|0x7f)
	await("SIGCHLD", &count[sigCHLD], 1)
	eq("si_code, CLD_STOPPED", uintptr(during), 5)
	eq("si_status", lastSP, sigSTOP)
	r, _, e := sys(sysWait4, pid, 0, wUntraced|wNohang, 0, 0, 0)
	eq("once more, errno", e, 0)
	eq("once more", r, 0)
	call("kill", sysKill, pid, sigCONT, 1)
	eq("status", status(pid, wContinued), 0x137f)
	nap(20)
	n := count[sigCHLD].Load()
	eq("SIGCHLDs, also when the child goes on", uintptr(n), 1)
	catch(sigCHLD, saNocldstop, 0, nil)
	call("kill", sysKill, pid, sigSTOP, 1)
	eq("status", status(pid, wUntraced), sigSTOP<<8|0x7f)
	nap(20)
	eq("SIGCHLD with SA_NOCLDSTOP", uintptr(count[sigCHLD].Load()), uintptr(n))
	call("kill", sysKill, pid, sigKILL, 1)
	eq("status", status(pid, 0), sigKILL)
}

// stopDefault: TSTP, TTIN and TTOU stop a process that does not catch them. SIGCONT continues it
// even if the process ignores SIGCONT.
//
// bsd/kern/kern_sig.c:psignal_internal, issignal (up to 1699), issignal_locked (from 2050); all
func stopDefault() {
	for i := range 3 {
		sig := [3]uintptr{sigTSTP, sigTTIN, sigTTOU}[i]
		pid := fork()
		if pid == 0 {
			setaction(sigCONT, sigIGN, 0, 0)
			raise(sig)
			exit(42)
		}
		eq("stopped", status(pid, wUntraced), sig<<8|0x7f)
		call("kill", sysKill, pid, sigCONT, 1)
		eq("ended", status(pid, 0), 42<<8)
	}
}

// stopThenContinue: a stop happens when it is sent. A SIGCONT that is sent after it finds a
// process to continue, or cancels a stop that is pending because it is blocked.
//
// bsd/kern/kern_sig.c:psignal_internal; all
func stopThenContinue() {
	blocked := bit(sigTSTP) | bit(sigTTOU)
	r, w := pipe()
	back, answer := pipe()
	pid := fork()
	if pid == 0 {
		var b byte
		for {
			mask(sigBlock, blocked)
			if n, _, e := sys(sysRead, r, ptr(&b), 1, 0, 0, 0); e == 0 && n == 1 {
				mask(sigUnblock, blocked)
				call("write", sysWrite, answer, ptr(&b), 1)
			}
		}
	}
	for i := range 80 {
		b := byte(i)
		sig := [4]uintptr{sigTTIN, sigTSTP, sigSTOP, sigTTOU}[i%4]
		call("kill", sysKill, pid, sig, 1)
		if bit(sig)&blocked != 0 {
			nap(1) // so that it is pending there
		}
		call("kill", sysKill, pid, sigCONT, 1)
		call("write", sysWrite, w, ptr(&b), 1)
		call("read", sysRead, back, ptr(&b), 1)
		eq("the answer", uintptr(b), uintptr(i))
	}
	call("kill", sysKill, pid, sigKILL, 1)
	eq("status", status(pid, 0), sigKILL)
}

// orphaned: a terminal's stop signals are dropped for a process of an orphaned group, if their
// action is the default. SIGSTOP is not dropped.
//
// bsd/kern/kern_sig.c:psignal_internal (where it asks for pg_jobc); all
func orphaned() {
	pid := fork()
	if pid == 0 {
		call("setsid", sysSetsid, 0, 0, 0)
		raise(sigTSTP)
		raise(sigTTIN)
		raise(sigTTOU)
		exit(42)
	}
	eq("status", status(pid, wUntraced), 42<<8)
	pid = fork()
	if pid == 0 {
		call("setsid", sysSetsid, 0, 0, 0)
		raise(sigSTOP)
		exit(42)
	}
	eq("status", status(pid, wUntraced), sigSTOP<<8|0x7f)
	call("kill", sysKill, pid, sigCONT, 1)
	eq("status", status(pid, 0), 42<<8)
}

// ttyMasked: a background process may change its terminal's group if it blocks or ignores
// SIGTTOU. Otherwise SIGTTOU stops it.
//
// bsd/kern/tty.c:ttioctl_locked; all
func ttyMasked() {
	const (
		ioctl, getpgrp           = 54, 81
		setControlling, setGroup = 0x20007461, 0x80047476
		openRDWR                 = 2
	)
	terminal()
	pid := fork()
	if pid == 0 {
		call("setsid", sysSetsid, 0, 0, 0)
		s := call("opening the terminal", sysOpen, ptr(&ttyName), openRDWR, 0)
		call("TIOCSCTTY", ioctl, s, setControlling, 0)
		for i := range uintptr(3) {
			front := uint32(call("getpgrp", getpgrp, 0, 0, 0))
			call("TIOCSPGRP", ioctl, s, setGroup, ptr(&front))
			pid := fork()
			if pid == 0 {
				call("setpgid", sysSetpgid, 0, 0, 0)
				switch i {
				case 0:
					mask(sigBlock, bit(sigTTOU))
				case 1:
					setaction(sigTTOU, sigIGN, 0, 0)
					mask(sigUnblock, bit(sigTTOU))
				case 2:
					mask(sigUnblock, bit(sigTTOU))
				}
				group := uint32(getpid())
				_, _, e := sys(ioctl, s, setGroup, ptr(&group), 0, 0, 0)
				exit(42 + e)
			}
			if i < 2 {
				eq("status", status(pid, wUntraced), 42<<8)
			} else {
				eq("status, with nothing done about SIGTTOU", status(pid, wUntraced), sigTTOU<<8|0x7f)
				call("kill", sysKill, pid, sigKILL, 1)
				status(pid, 0)
			}
			mask(sigBlock, bit(sigTTOU)) // for the next TIOCSPGRP
		}
		exit(42)
	}
	eq("the session's status", status(pid, 0), 42<<8)
}

// ttyRead: a background process that reads its terminal gets EIO if it blocks or ignores
// SIGTTIN, or if its group is orphaned. If it catches SIGTTIN, the read fails with EINTR,
// regardless of the handler's flags. Otherwise SIGTTIN stops it.
//
// bsd/kern/tty.c:ttread; all
func ttyRead() {
	const setControlling, ioctl, openRDWR = 0x20007461, 54, 2
	m, _ := terminal()
	pid := fork()
	if pid == 0 {
		call("setsid", sysSetsid, 0, 0, 0)
		s := call("opening the terminal", sysOpen, ptr(&ttyName), openRDWR, 0)
		call("TIOCSCTTY", ioctl, s, setControlling, 0)
		for i := range uintptr(4) {
			pid := fork()
			if pid == 0 {
				call("setpgid", sysSetpgid, 0, 0, 0)
				want := uintptr(eIO)
				switch i {
				case 0:
					mask(sigBlock, bit(sigTTIN))
				case 1:
					setaction(sigTTIN, sigIGN, 0, 0)
				case 2:
					catch(sigTTIN, saRestart, 0, func(*frame) { is("the read is started anew\n", count[sigTTIN].Load() == 0) })
					want = eINTR
				}
				var b byte
				fails("read", want, sysRead, s, ptr(&b), 1)
				eq("handlers", uintptr(count[sigTTIN].Load()), i/2)
				exit(42)
			}
			if i < 3 {
				eq("status", status(pid, wUntraced), 42<<8)
			} else {
				eq("status, with nothing done about SIGTTIN", status(pid, wUntraced), sigTTIN<<8|0x7f)
				call("kill", sysKill, pid, sigKILL, 1)
				status(pid, 0)
			}
		}
		exit(42)
	}
	eq("the session's status", status(pid, 0), 42<<8)
	call("close", sysClose, m, 0, 0)
}

// orphanedStopped: when a group is orphaned and one of its processes is stopped, all of them are
// sent SIGHUP and then SIGCONT.
//
// bsd/kern/kern_proc.c:fixjobc, orphanpg; all
func orphanedStopped() {
	rfd, wfd = pipe()
	session := fork()
	if session == 0 {
		call("setsid", sysSetsid, 0, 0, 0)
		pid := fork()
		if pid == 0 {
			call("setpgid", sysSetpgid, 0, 0, 0)
			catch(sigHUP, 0, 0, nil)
			catch(sigCONT, 0, 0, nil)
			raise(sigSTOP)
			await("SIGHUP", &count[sigHUP], 1)
			await("SIGCONT", &count[sigCONT], 1)
			say(wfd, 9)
			exit(0)
		}
		eq("the child stops", status(pid, wUntraced), sigSTOP<<8|0x7f)
		exit(42)
	}
	call("close", sysClose, wfd, 0, 0)
	eq("the session's status", status(session, 0), 42<<8)
	hear(rfd, 9)
}

var ttyName [128]byte

// childSignal: siginfo of SIGCHLD has pid, code and status.
//
// bsd/kern/kern_exit.c:proc_exit; bsd/dev/i386/unix_signal.c:sendsig; all
func childSignal() {
	catch(sigCHLD, saRestart|saSiginfo, 0, func(f *frame) {
		st4 = load32(f.info + siPid)
		during = load32(f.info + siCode)
		lastSP = uintptr(load32(f.info + siStatus))
	})
	for i := range uint32(2) {
		pid := fork()
		if pid == 0 {
			if i == 1 {
				raise(sigTERM)
			}
			exit(42)
		}
		await("SIGCHLD", &count[sigCHLD], i+1)
		eq("si_pid", uintptr(st4), pid)
		if i == 0 {
			eq("si_code, CLD_EXITED", uintptr(during), 1)
			eq("si_status", lastSP, 42)
		} else {
			eq("si_code, CLD_KILLED", uintptr(during), 2)
			eq("si_status", lastSP, sigTERM)
		}
		status(pid, 0)
	}
}

// childBit: the SIGCHLDs of several children coalesce into one. If it is blocked, it is dropped
// when the last child has been waited for.
//
// bsd/kern/kern_exit.c:wait4_nocancel, reap_child_locked; all
func childBit() {
	catch(sigCHLD, 0, 0, nil)
	mask(sigBlock, bit(sigCHLD))
	var pid [3]uintptr
	for i := range pid {
		if pid[i] = fork(); pid[i] == 0 {
			exit(uintptr(i))
		}
	}
	for pending()&bit(sigCHLD) == 0 {
		nap(1)
	}
	status(pid[0], 0)
	status(pid[1], 0)
	nap(20)
	eq("pending with a child left", uintptr(pending()), uintptr(bit(sigCHLD)))
	status(pid[2], 0)
	nap(20)
	eq("pending without", uintptr(pending()), 0)
	mask(sigUnblock, bit(sigCHLD))
	eq("handlers", uintptr(count[sigCHLD].Load()), 0)
}

// childReaped: with SA_NOCLDWAIT, or if SIGCHLD is ignored, children are reaped at once.
//
// bsd/kern/kern_sig.c:setsigvec; bsd/kern/kern_exit.c:proc_exit; all
func childReaped() {
	for i := range 2 {
		if i == 0 {
			catch(sigCHLD, saNocldwait, 0, nil)
		} else {
			setaction(sigCHLD, sigIGN, 0, 0)
		}
		pid := fork()
		if pid == 0 {
			exit(42)
		}
		_, _, e := sys(sysWait4, pid, 0, 0, 0, 0, 0)
		for e == eINTR {
			_, _, e = sys(sysWait4, pid, 0, 0, 0, 0, 0)
		}
		eq("wait4", e, eCHILD)
	}
}

// waitid: WEXITED selects children that have ended, and no others. WNOWAIT leaves them. Up to
// 1699 waitid reports neither code nor pid, up to 6153 no signal. Without a child WNOHANG leaves
// the struct unchanged.
//
// bsd/kern/kern_exit.c:waitid_nocancel; 1504 1699 2050 6153 7195 11417
//
// Releases: 1504 1699 2050 6153 7195 11215
func waitid() {
	const pAll, pPid = 0, 1
	ask := func(idtype, id, options uintptr) uintptr {
		_, _, e := sys(sysWaitid, idtype, id, ptr(&waitidInfo), options, 0, 0)
		return e
	}
	waitidInfo[0] = 0x1234
	eq("no child", ask(pAll, 0, wExited|wNohang), eCHILD)
	eq("no option", ask(pAll, 0, 0), eINVAL)
	eq("an unknown option", ask(pAll, 0, wExited|0x100), eINVAL)
	want := uintptr(eINVAL)
	if release <= 1699 {
		want = eCHILD
	}
	eq("WUNTRACED", ask(pAll, 0, wExited|wUntraced), want)
	eq("a negative pid", ask(pPid, ^uintptr(0), wExited), eINVAL)
	pid := fork()
	if pid == 0 {
		for {
		}
	}
	call("kill", sysKill, pid, sigSTOP, 1)
	eq("WSTOPPED", ask(pPid, pid, wStopped), 0)
	eq("si_signo", uintptr(waitidInfo[0]), sigCHLD)
	code, id := uintptr(5), pid
	if release <= 1699 {
		code, id = 0, 0
	}
	eq("si_code of a stop", uintptr(waitidInfo[2]), code)
	eq("si_pid of a stop", uintptr(waitidInfo[3]), id)
	eq("si_status of a stop", uintptr(waitidInfo[5]), sigSTOP)
	waitidInfo[0] = 0x1234
	eq("WEXITED, of a stopped child", ask(pPid, pid, wExited|wNohang), 0)
	eq("the struct", uintptr(waitidInfo[0]), 0x1234)
	eq("only WNOHANG", ask(pPid, pid, wNohang), 0)
	call("kill", sysKill, pid, sigKILL, 1)
	for i := range 2 {
		options := uintptr(wExited)
		if i == 0 {
			options |= wNowait
		}
		eq("WEXITED", ask(pPid, pid, options), 0)
		if code != 0 {
			code = 2
		}
		eq("si_code", uintptr(waitidInfo[2]), code)
		eq("si_pid", uintptr(waitidInfo[3]), id)
		eq("si_uid", uintptr(waitidInfo[4]), 0)
		want = sigKILL
		if release <= 6153 {
			want = 0
		}
		eq("si_status", uintptr(waitidInfo[5]), want)
	}
	eq("the second time", ask(pPid, pid, wExited), eCHILD)
}

var waitidInfo [26]uint32

// faults: the test compares signal, si_code, si_addr, trap number, error code and address of
// faulting instructions. The si_code of a fault signal that a process sends is that of the last
// exception of any kind; si_pid has no meaning.
//
// osfmk/i386/trap.c:user_trap; osfmk/i386/fpu.c:fpexterrflt, fpSSEexterrflt; osfmk/x86_64/idt64.s;
// bsd/uxkern/ux_exception.c:ux_exception; bsd/dev/i386/unix_signal.c:sendsig, machine_exception; all
//
// Releases: 1504 4903 10002 11215
func faults() {
	const page = 4096
	r, _, e := sys(sysMmap, 0, 3*page, 3, 0x1002, ^uintptr(0), 0)
	eq("mmap", e, 0)
	_, _, e = sys(73, r+2*page, page, 0, 0, 0, 0) // munmap
	eq("munmap", e, 0)
	call("mprotect, read only", sysMprotect, r, page, 1)
	call("mprotect, nothing", sysMprotect, r+page, page, 0)
	for sig := range uintptr(16) {
		switch sig {
		case sigILL, sigTRAP, sigFPE, sigBUS, sigSEGV:
			catch(sig, saSiginfo, 0, faulted)
		}
	}
	for i := range faultCases {
		c := &faultCases[i]
		faultCase = c
		faultAddr = c.addr
		if c.addr != 0 && c.addr < 3*page && c.addr != 16 {
			faultAddr += r
		}
		if c.only == 64 && is32 || c.only == 32 && !is32 {
			continue
		}
		nhandled.Store(0)
		fault(c.kind, faultAddr)
		eq(c.what, uintptr(nhandled.Load()), 1)
	}
	// Of a signal that is sent the fields report the thread's last exception, too, whatever that was, and
	// nothing of the sender.
	handlers[sigBUS] = func(f *frame) {
		at = ""
		eq("kill(SIGBUS), si_code", uintptr(load32(f.info+siCode)), 2)
		eq("kill(SIGBUS), si_pid", uintptr(load32(f.info+siPid)), 0)
		want := faultAddr
		if release >= 10002 {
			want = 0
		}
		eq("kill(SIGBUS), si_addr", load(f.info+siAddr), want)
	}
	faultAddr = r + page
	handlers[sigSEGV] = func(f *frame) { putPC(load(f.uctx+ucMcontext)+mcPC, load(load(f.uctx+ucMcontext)+mcPC)+2) }
	fault(0, 16) // EXC_BAD_ACCESS, code 1
	faultAddr = 16
	raise(sigBUS)
	code := func(f *frame) { lastSP = uintptr(load32(f.info + siCode)) }
	handlers[sigILL], handlers[sigFPE] = code, code
	raise(sigILL)
	eq("kill(SIGILL) after an exception of code 1, si_code", lastSP, 1)
	raise(sigFPE)
	eq("kill(SIGFPE) after an exception of code 1, si_code", lastSP, 7)
}

type faultRow struct {
	what        string
	kind        uintptr // see fault
	addr        uintptr
	sig, code   uintptr
	skip        uintptr // length of the instruction, less what PC has moved
	pcAddr      bool    // si_addr is the PC
	trapno, err uintptr
	only        int // 32 or 64: bits of the programs that can do it
}

var (
	faultCase *faultRow
	faultAddr uintptr
)

var faultCases = [...]faultRow{
	{"reading near nil", 0, 16, sigSEGV, 1, 2, false, 14, 4, 0},
	{"writing near nil", 1, 16, sigSEGV, 1, 2, false, 14, 6, 0},
	{"writing a read-only page", 1, 5, sigBUS, 2, 2, false, 14, 7, 0},
	{"reading a page without access", 0, 4096 + 6, sigBUS, 2, 2, false, 14, 4, 0},
	{"reading what was unmapped", 0, 2*4096 + 7, sigSEGV, 1, 2, false, 14, 4, 0},
	{"ud2", 2, 0, sigILL, 1, 2, true, 6, 0, 0},
	{"int3", 3, 0, sigTRAP, 1, 0, true, 3, 0, 0},
	{"hlt", 4, 0, sigSEGV, 0, 1, false, 13, 0, 0},
	{"div by zero", 5, 0, sigFPE, 7, 2, true, 0, 0, 0},
	{"divss by zero", 6, 0, sigFPE, 1, 4, true, 19, 0, 0},
	{"fdiv by zero", 7, 0, sigFPE, 1, 1, true, 16, 0, 0},
	{"a single step", 8, 0, sigTRAP, 1, 0, true, 1, 0, 0},
	{"executing a page without the right", 9, 1, sigBUS, 2, 0, false, 14, 0x15, 64},
	{"an address that is not canonical", 0, nonCanonical, sigSEGV, 0, 2, false, 13, 0, 64},
	{"int $0x80", 10, 0, sigILL, 1, 0, true, 6, 0x1234567, 64},
	{"into", 11, 0, sigFPE, 8, 0, true, 4, 0, 32},
	{"bound", 12, 0, sigTRAP, 1, 2, true, 5, 0, 32},
}

// nonCanonical does not fit into 32 bits, where nobody uses it.
const nonCanonical = (1 - uintptr(^uintptr(0)>>63^1)) << 47

var (
	divideControl uint32   = 0x1d80 // of SSE: division by zero is not masked
	fpuDivide     uint16   = 0x37b  // of x87
	boundPair     [2]int32 = [2]int32{1, 2}
)

func faulted(f *frame) {
	c := faultCase
	at = c.what
	is("it faults again\n", nhandled.Load() == 1)
	mc := load(f.uctx + ucMcontext)
	pc := load(mc + mcPC)
	eq("the signal", f.sig, c.sig)
	eq("si_code", uintptr(load32(f.info+siCode)), c.code)
	want := faultAddr
	switch {
	case c.pcAddr:
		want = pc
	case c.trapno == 13:
		want = 0
	}
	eq("si_addr", load(f.info+siAddr), want)
	eq("the trap number", uintptr(load32(mc+mcTrapno)&0xffff), c.trapno)
	eq("CS", load(mc+mcCS), userCS())
	// Whether a page is there, the first bit, depends on what was done with it.
	eq("the error code", uintptr(load32(mc+mcErr))&^1, c.err&^1)
	if c.trapno == 14 {
		eq("the fault address", load(mc+mcVaddr), faultAddr)
	}
	switch c.kind {
	case 8: // the flag that makes it
		putPC(mc+mcFlags, load(mc+mcFlags)&^0x100)
	case 9: // to where fault returns
		pc = load(load(mc + mcSP))
		putPC(mc+mcSP, load(mc+mcSP)+unsafe.Sizeof(pc))
	}
	putPC(mc+mcPC, pc+c.skip)
}

// faultBlocked: the signal of a fault is not forced: if it is blocked or ignored, the
// instruction is retried indefinitely.
//
// bsd/uxkern/ux_exception.c:ux_exception (threadsignal); all
func faultBlocked() {
	for i := range 2 {
		pid := fork()
		if pid == 0 {
			if i == 0 {
				mask(sigBlock, bit(sigSEGV))
			} else {
				setaction(sigSEGV, sigIGN, 0, 0)
			}
			fault(0, 16)
			exit(1)
		}
		nap(40)
		r, _, e := sys(sysWait4, pid, 0, wNohang, 0, 0, 0)
		eq("wait4", e, 0)
		eq("the child that ended", r, 0)
		call("kill", sysKill, pid, sigTERM, 1)
		eq("status", status(pid, 0), sigTERM)
	}
}
