// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"encoding/binary"
	"syscall"
	"unsafe"

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

	excI386Invop   = 1
	excI386GPFault = 13
)

// An exception is what a thread's instruction has caused. siginfo and the
// mcontext tell of the last one (ux_exception.c keeps it in the thread).
type exception struct {
	typ  int
	code uint64
	sub  uint64 // EXC_BAD_ACCESS: the address
	fpe  int32  // EXC_ARITHMETIC: si_code

	trapno uint16
	err    uint32
	vaddr  uint64
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
)

// Linux's si_code of a page fault (include/uapi/asm-generic/siginfo.h).
const linuxSegvMaperr = 1

// fault makes a signal of the guest's fault
// (xnu-11417 osfmk/i386/trap.c:user_trap, bsd/uxkern/ux_exception.c).
func (t *Thread) fault() {
	c := t.cpu
	e := exception{trapno: uint16(c.Trapno), err: uint32(c.ErrCode)}
	switch c.Trapno {
	case trapPF:
		e.typ, e.code, e.sub, e.vaddr = excBadAccess, kernProtectionFailure, c.CR2, c.CR2
		if c.SiCode == linuxSegvMaperr {
			e.code = kernInvalidAddress
		}
	case trapGP:
		e.typ, e.code = excBadAccess, excI386GPFault
		if gate := c.ErrCode; gate == 0x81<<3|2 || gate == 0x82<<3|2 {
			// The Mach and machdep gates of 32-bit code
			// (osfmk/x86_64/idt64.s:L_64bit_entry_reject).
			e.typ, e.code = excBadInstruction, excI386Invop
		}
	case trapUD:
		e.typ, e.code = excBadInstruction, excI386Invop
	case trapSS, trapNP, trapTS:
		e.typ, e.code = excBadInstruction, c.Trapno+1
	case trapDE:
		e.typ, e.fpe = excArithmetic, fpeIntdiv
	case trapOF:
		e.typ, e.fpe = excArithmetic, fpeIntovf
	case trapMF, trapXM:
		e.typ, e.fpe = excArithmetic, t.fpeCode(c.Trapno == trapXM)
	case trapBR:
		e.typ = excSoftware
	case trapBP, trapDB:
		e.typ = excBreakpoint
	default: // trapAC among them
		e.typ, e.code, e.sub = excBadAccess, c.Trapno, c.CR2
	}
	t.exception(e)
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
// blocked or ignored the instruction is tried again, for ever.
func (t *Thread) exception(e exception) {
	p := t.p
	t.exc = e
	sig := e.signal()
	if tr := t.tracing(); tr != nil {
		tr.printf(t, "--- %s trap %d error %#x address %#x pc %#x ---", signals[sig].name, e.trapno, e.err, e.sub, t.cpu.Regs.RIP)
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
	p.post(sig, xsig.Info{Status: int32(sig)}, t, false)
	if t.ast.Load() == 0 && !p.child {
		// Nothing will happen before another thread acts: give the
		// processor up for a while.
		ts := syscall.Timespec{Nsec: 5e6}
		t.cpu.Blocking(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0, 0, 0, 0)
	}
}

// inStackGuard says whether a lies in the part of the main stack's 64 MiB
// that the stack limit keeps off bounds.
func (p *Proc) inStackGuard(a uint64) bool {
	return p.cfg != nil && a < p.cfg.StackTop && a >= p.cfg.StackTop-64<<20
}

// fpeCode is the si_code of a floating-point exception, from the unmasked
// flags of MXCSR or of the x87 unit.
func (t *Thread) fpeCode(sse bool) int32 {
	x := t.cpu.XState()
	le := binary.LittleEndian
	flags := le.Uint16(x[2:]) &^ le.Uint16(x[0:])
	if sse {
		m := le.Uint32(x[24:])
		flags = uint16(m) &^ uint16(m>>7)
	}
	switch {
	case flags&1 != 0:
		return fpeFltinv
	case flags&4 != 0:
		return fpeFltdiv
	case flags&8 != 0:
		return fpeFltovf
	case flags&16 != 0:
		return fpeFltund
	case flags&32 != 0:
		return fpeFltres
	}
	return 0
}
