// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"

	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// Options (xnu-11417 bsd/sys/wait.h) and Linux's.
const (
	wNOHANG    = 1
	wUNTRACED  = 2
	wEXITED    = 4
	wSTOPPED   = 8
	wCONTINUED = 0x10
	wNOWAIT    = 0x20

	linuxWNOHANG    = 1
	linuxWUNTRACED  = 2
	linuxWEXITED    = 4
	linuxWCONTINUED = 8
	linuxWNOWAIT    = 0x01000000
)

// Both use the same encoding of a status but for the numbers of signals and
// for a continued child, which XNU reports as stopped by SIGCONT
// (bsd/kern/kern_exit.c:wait4_nocancel).
const (
	statusStopped        = 0x7f
	statusCore           = 0x80
	linuxStatusContinued = 0xffff
)

// waitStatus translates the host's status.
func waitStatus(s uint32) uint32 {
	switch {
	case s == linuxStatusContinued:
		return SIGCONT<<8 | statusStopped
	case s&0xff == statusStopped:
		return uint32(fromHostSignal(int(s>>8&0xff)))<<8 | statusStopped
	case s&0x7f != 0:
		return uint32(fromHostSignal(int(s&0x7f))) | s&statusCore
	}
	return s & 0xff00
}

// sysWait4(pid, status, options, rusage): bsd/kern/kern_exit.c:wait4_nocancel.
func sysWait4(t *Thread, a *args) (uint64, Errno) {
	pid, opts := int32(a[0]), uint32(a[2])
	if opts&^(wNOHANG|wUNTRACED|wEXITED|wSTOPPED|wCONTINUED|wNOWAIT) != 0 {
		return 0, EINVAL
	}
	h := opts & (wNOHANG | wUNTRACED)
	if opts&wCONTINUED != 0 {
		h |= linuxWCONTINUED
	}
	b := t.fs.buf[:512]
	v, e := t.block(syscall.SYS_WAIT4, uintptr(pid), hostBuf(&b[0]), uintptr(h), hostBuf(&b[8]), 0, 0)
	if e != 0 || v == 0 {
		return v, e
	}
	sweepTTYs()
	if s := getUint32(b); s&0xff == statusStopped {
		t.p.sawStop(uint32(v), s>>8)
	}
	if a[1] != 0 && !vcpu.Store32(a[1], waitStatus(getUint32(b))) {
		return 0, EFAULT
	}
	if a[3] != 0 {
		putRusage(b[256:], t.abi(), b[8:])
		if e := copyoutBytes(a[3], b[256:256+rusageSize[t.abi()]]); e != 0 {
			return 0, e
		}
	}
	t.reaped()
	return v, 0
}

// sawStop keeps that a wait has told of a child's stop by a signal of the host.
//
//go:nosplit
func (p *Proc) sawStop(pid, sig uint32) { p.stopped.Store(uint64(pid)<<32 | uint64(sig)) }

// stopSignal is the host's signal by which child pid stopped, for a SIGCHLD that does not
// know it: Linux sends that after the child's state has changed, and a wait in between
// takes the number away (kernel/signal.c:do_signal_stop, kernel/exit.c:wait_task_stopped).
// That of another wait than the last one is lost.
func (p *Proc) stopSignal(pid int32) int32 {
	if s := p.stopped.Load(); int32(s>>32) == pid {
		return int32(uint32(s))
	}
	return int32(syscall.SIGSTOP)
}

// reaped clears the caller's pending SIGCHLD if it is blocked and no child is
// left (kern_exit.c:wait4_nocancel, reap_child_locked).
func (t *Thread) reaped() {
	p := t.p
	p.lock()
	defer p.unlock()
	if !t.sig.Mask.Has(SIGCHLD) || !t.sig.Pending.Has(SIGCHLD) {
		return
	}
	const pAll = 0
	_, e := host(syscall.SYS_WAITID, pAll, 0, 0, linuxWNOHANG|linuxWNOWAIT|linuxWEXITED, 0, 0)
	if e == ECHILD {
		t.sig.Pending &^= xsig.Bit(SIGCHLD)
	}
}

// sysWaitid(idtype, id, siginfo, options): kern_exit.c:waitid_nocancel. P_ALL,
// P_PID and P_PGID are Linux's numbers; any other type is P_ALL. What is told
// of the child differs:
//
//	up to 1699   si_code and si_pid are 0, and WUNTRACED is an option that asks for nothing
//	up to 6153   si_status of a child that a signal has killed is 0
//
// si_uid is 0 in all of them, and WNOHANG without a child leaves the struct alone.
func sysWaitid(t *Thread, a *args) (uint64, Errno) {
	typ, id, opts := int32(a[0]), int32(a[1]), uint32(a[3])
	known := uint32(wNOHANG | wEXITED | wSTOPPED | wCONTINUED | wNOWAIT)
	if t.p.Release <= XNU1699 {
		known |= wUNTRACED
	}
	if opts == 0 || opts&^known != 0 {
		return 0, EINVAL
	}
	if typ != 1 && typ != 2 {
		typ = 0
	} else if id < 0 {
		return 0, EINVAL
	}
	h := opts & (wNOHANG | wEXITED)
	if opts&wSTOPPED != 0 {
		h |= linuxWUNTRACED
	}
	if opts&wCONTINUED != 0 {
		h |= linuxWCONTINUED
	}
	if opts&wNOWAIT != 0 {
		h |= linuxWNOWAIT
	}
	nothing := opts&(wEXITED|wSTOPPED|wCONTINUED) == 0
	if nothing {
		h = linuxWEXITED | linuxWNOWAIT | linuxWNOHANG // is there a child at all?
	}
	b := t.fs.buf[:512]
	clear(b)
	if _, e := t.block(syscall.SYS_WAITID, uintptr(typ), uintptr(id), hostBuf(&b[0]), uintptr(h), 0, 0); e != 0 {
		return 0, e
	}
	if nothing && opts&wNOHANG == 0 {
		t.pause()
		return 0, ERESTART
	}
	if nothing || getUint32(b) == 0 {
		return 0, 0
	}
	sweepTTYs()
	si := childInfo{code: int32(getUint32(b[8:])), pid: getUint32(b[16:]), status: getUint32(b[24:])}
	if si.code == cldStopped {
		t.p.sawStop(si.pid, si.status)
	}
	switch {
	case si.code == cldKilled || si.code == cldDumped:
		si.status = uint32(fromHostSignal(int(si.status)))
		if t.p.Release <= XNU6153 {
			si.status = 0
		}
	case si.code > cldDumped:
		si.status = uint32(fromHostSignal(int(si.status)))
	}
	if t.p.Release <= XNU1699 && si.code != cldContinued {
		si.code, si.pid = 0, 0
	}
	if opts&wNOWAIT == 0 {
		t.reaped()
	}
	return 0, t.copyoutChildInfo(a[2], &si)
}

// si_code values of SIGCHLD, the same in both systems (bsd/sys/signal.h).
const (
	cldKilled    = 2
	cldDumped    = 3
	cldStopped   = 5
	cldContinued = 6
)

// A childInfo is what waitid tells.
type childInfo struct {
	code        int32
	pid, status uint32
}

// copyoutChildInfo writes a siginfo, 104 or 64 bytes.
func (t *Thread) copyoutChildInfo(p uint64, si *childInfo) Errno {
	b := t.fs.buf[512:][:104]
	if t.abi() == abi32 {
		b = b[:64]
	}
	clear(b)
	putUint32(b, SIGCHLD)
	putUint32(b[8:], uint32(si.code))
	putUint32(b[12:], si.pid)
	putUint32(b[20:], si.status)
	return copyoutBytes(p, b)
}
