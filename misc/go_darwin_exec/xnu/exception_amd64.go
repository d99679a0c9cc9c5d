// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"encoding/binary"
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// Mach exceptions and their codes
// (xnu-11417 osfmk/mach/exception_types.h, osfmk/mach/i386/exception.h).
const (
	excBadAccess      = 1
	excBadInstruction = 2
	excArithmetic     = 3
	excSoftware       = 5
	excBreakpoint     = 6
	excSyscall        = 7

	excI386Invop     = 1
	excI386Div       = 1
	excI386Into      = 2
	excI386Exterr    = 5
	excI386Bound     = 7
	excI386SSEExterr = 8
	excI386GPFault   = 13
)

// An exception is what a thread's instruction has caused. siginfo and the
// mcontext report the last one (ux_exception.c keeps it in the thread).
type exception struct {
	typ  int
	code uint64
	sub  uint64 // of EXC_BAD_ACCESS the address
}

// A trapEntry is how a thread has come into the kernel, which keeps it in the
// thread's saved state (xnu-11417 osfmk/x86_64/idt64.s;
// osfmk/i386/pcb.c:get_exception_state64, get_exception_state32). It stays until
// the next entry. That of an interrupt, which may be any, is zero here.
type trapEntry struct {
	trapno uint16
	err    uint32 // of a call: EAX
	cs     uint16 // see xsig.Machine
}

// callEntry is the trapEntry of the call that is being made.
func (t *Thread) callEntry() trapEntry {
	e := trapEntry{err: uint32(t.cpu.Regs.RAX)}
	switch {
	case t.cpu.Sysenter:
		e.trapno, e.cs = trapSysenter, xsig.SysenterCode
	case t.cpu.Int != 0:
		e.trapno = uint16(t.cpu.Int)
	default:
		e.trapno, e.cs = trapSyscall, xsig.SyscallCode
	}
	return e
}

// Vectors (osfmk/i386/trap.h).
const (
	trapDE = 0
	trapDB = 1
	trapBP = 3
	trapOF = 4
	trapBR = 5
	trapUD = 6
	trapTS = 10
	trapNP = 11
	trapSS = 12
	trapGP = 13
	trapPF = 14
	trapMF = 16
	trapAC = 17
	trapXM = 19

	trapSysenter = 0x84
	trapSyscall  = 0x85
)

// Linux's si_code of a page fault (include/uapi/asm-generic/siginfo.h).
const linuxSegvMaperr = 1

// fault makes a signal of the guest's fault
// (xnu-11417 osfmk/i386/trap.c:user_trap, bsd/uxkern/ux_exception.c).
func (t *Thread) fault() {
	c := t.cpu
	t.entry = trapEntry{trapno: uint16(c.Trapno), err: uint32(c.ErrCode)}
	if c.SysenterLost() && !t.p.child {
		warnOncef("a SYSENTER with EBP %#x is lost: on this processor Linux reads memory there, and cannot; the code before the CALL, which returns to %#x, does not tell the number (INT 0x80, or an EBP that is an address, would work)",
			uint32(c.Regs.RSP), uint32(c.Regs.RDX))
	}
	var e exception
	switch c.Trapno {
	case trapPF:
		e.typ, e.code, e.sub = excBadAccess, kernProtectionFailure, c.CR2
		t.cr2 = c.CR2
		if c.SiCode == linuxSegvMaperr {
			e.code = kernInvalidAddress
		}
	case trapGP:
		e.typ, e.code, e.sub = excBadAccess, excI386GPFault, c.ErrCode
		if gate, ok := vcpu.MissingGate(c.ErrCode); ok && gate >= gateUnix && gate <= gateMdep {
			c.Regs.RIP += callLen // the host's #GP is a fault; it may lack any of them
			t.rejectGate()
			return
		}
	case trapUD:
		e.typ, e.code = excBadInstruction, excI386Invop
	case trapSS, trapNP, trapTS:
		e.typ, e.code, e.sub = excBadInstruction, c.Trapno, c.ErrCode
	case trapDE:
		e.typ, e.code = excArithmetic, excI386Div
	case trapOF:
		e.typ, e.code = excArithmetic, excI386Into
	case trapMF:
		e.typ, e.code, e.sub = excArithmetic, excI386Exterr, uint64(binary.LittleEndian.Uint16(c.XState()[2:]))
	case trapXM:
		e.typ, e.code, e.sub = excArithmetic, excI386SSEExterr, uint64(binary.LittleEndian.Uint32(c.XState()[24:]))
	case trapBR:
		e.typ, e.code = excSoftware, excI386Bound
	case trapDB:
		e.typ, e.code = excBreakpoint, 1
	case trapBP:
		e.typ, e.code = excBreakpoint, 2
	default: // trapAC among them
		e.typ, e.code, e.sub = excBadAccess, c.Trapno, c.CR2
	}
	t.exception(e)
}

// rejectGate makes an invalid opcode of 64-bit code's INT with a gate of 32-bit
// code. The PC is behind it, as always with INT
// (osfmk/x86_64/idt64.s:L_64bit_entry_reject; all releases).
func (t *Thread) rejectGate() {
	t.entry = trapEntry{trapno: trapUD, err: uint32(t.cpu.Regs.RAX)}
	t.exception(exception{typ: excBadInstruction, code: excI386Invop})
}

// signal is the signal of an exception
// (ux_exception.c:ux_exception, bsd/dev/i386/unix_signal.c:machine_exception).
func (e *exception) signal() int {
	switch e.typ {
	case excBadAccess:
		if e.code == kernInvalidAddress || e.code == excI386GPFault {
			return SIGSEGV
		}
		return SIGBUS
	case excBadInstruction:
		return SIGILL
	case excArithmetic:
		return SIGFPE
	case excSoftware, excBreakpoint:
		return SIGTRAP
	case excSyscall:
		return SIGSYS
	}
	return 0
}

// exception sends the signal of e to the thread. It is not forced: if it is
// blocked or ignored the instruction is tried again, indefinitely.
func (t *Thread) exception(e exception) {
	p := t.p
	t.exc = e
	sig := e.signal()
	if t.endless.again && !p.child {
		t.endless.report(t, sig)
	}
	if tr := t.tracing(); tr != nil {
		tr.printf(t, "--- %s trap %d error %#x address %#x pc %#x ---", signals[sig].name, t.entry.trapno, t.entry.err, e.sub, t.cpu.Regs.RIP)
	}
	p.lock()
	if e.typ == excBadAccess && e.code == kernProtectionFailure && p.inStackGuard(e.sub) {
		// A stack overflow is SIGSEGV, and the default action unless the
		// handler has another stack to run on (ux_exception.c:ux_exception,
		// handle_ux_exception from 4570).
		sig = SIGSEGV
		if !p.sig.OnAltStack(t.sig, sig) {
			p.sig.Die(sig)
			t.sig.Mask &^= xsig.Bit(sig)
		}
	}
	p.post(sig, xsig.Info{}, t, false)
	if t.ast.Load() == 0 && !p.child {
		// Nothing will happen before another thread acts: give the
		// processor up for a while.
		ts := syscall.Timespec{Nsec: 5e6}
		t.cpu.Blocking(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0, 0, 0, 0)
	}
}

// An endlessFault is a fault that a thread has again and again, because the
// signal is blocked, ignored, or caught by a handler that changes nothing.
type endlessFault struct {
	again bool   // the last fault came at the place at which the thread was resumed
	pc    uint64 // that place
	since int64  // host CLOCK_MONOTONIC, ns; 0: never
}

// note notes a fault at pc of a thread that was resumed at start.
func (f *endlessFault) note(pc, start uint64) {
	f.again = pc == start
	if !f.again || pc != f.pc {
		f.pc, f.since = pc, 0
	}
}

// report tells once of a thread that is not going to get any further.
func (f *endlessFault) report(t *Thread, sig int) {
	const long = 1e9
	now := vcpu.Nanotime()
	if f.since == 0 {
		f.since = now
	}
	if now-f.since < long || t.p.endless.Swap(true) {
		return
	}
	why := "it is ignored, or its handler returns there"
	if t.sig.Mask.Has(sig) { // this thread's own to change
		why = "it is blocked"
	}
	warnf("thread %#x has got %s at pc %#x (trap %d, address %#x) again and again for a second: %s, as would go on without end on XNU",
		t.id, signals[sig].name, f.pc, t.entry.trapno, t.exc.sub, why)
}

// inStackGuard says whether a is in the part of the main stack's 64 MiB
// that the stack limit keeps off bounds.
func (p *Proc) inStackGuard(a uint64) bool {
	return p.cfg != nil && a < p.cfg.StackTop && a >= p.cfg.StackTop-64<<20
}

// fpeCode is the si_code of a floating-point exception by the status word or
// MXCSR, whose flags of earlier, masked exceptions count too
// (osfmk/i386/fpu.c:fpexterrflt, fpSSEexterrflt; bsd/dev/i386/unix_signal.c:sendsig).
func fpeCode(status uint64) int32 {
	for _, f := range [...]struct {
		flag uint64
		code int32
	}{{4, fpeFltdiv}, {8, fpeFltovf}, {16, fpeFltund}, {32, fpeFltres}, {1, fpeFltinv}} {
		if status&f.flag != 0 {
			return f.code
		}
	}
	return 0
}
