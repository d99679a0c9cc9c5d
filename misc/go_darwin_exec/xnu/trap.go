// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"math"
	"sync/atomic"
)

// machTrap performs Mach trap nr: xnu-11417
// osfmk/i386/bsd_i386.c:mach_call_munger64. Traps are never restarted: an
// interrupted one returns KERN_ABORTED or its like.
func (t *Thread) machTrap(nr int) {
	r := &t.cpu.Regs
	var s *machtrap
	if nr < len(t.p.traps) {
		s = t.p.traps[nr]
	}
	if s == nil {
		t.excSyscall(uint32(r.RAX))
		return
	}
	a := &t.args
	*a = args{r.RDI, r.RSI, r.RDX, r.R10, r.R8, r.R9}
	if n := len(s.args); n > 6 {
		if t.stackArgs(a[6:n], r.RSP+8) != 0 {
			r.RAX = kernInvalidArgument
			return
		}
	}
	r.RAX = uint64(int64(t.callTrap(s, a)))
}

// callTrap runs the handler of s.
func (t *Thread) callTrap(s *machtrap, a *args) int32 {
	if t.p.child && !s.child {
		t.leaveChild(s.name)
	}
	if t.p.trace != nil {
		t.p.trace.enterTrap(t, s, a)
	}
	v := int32(kernNotSupported)
	if s.handle != nil {
		v = s.handle(t, a)
	} else if !unimplementedTrap[s.nr&0xff].Swap(true) {
		warnf("Mach trap %d (%s) is not implemented: KERN_NOT_SUPPORTED", s.nr, s.name)
	}
	t.deadline = 0
	if t.p.trace != nil {
		t.p.trace.leaveTrap(t, s, v)
	}
	return v
}

var unimplementedTrap [256]atomic.Bool

// mdepCall performs machdep call nr: xnu-11417
// osfmk/i386/bsd_i386.c:machdep_syscall64, machdep_call.c.
func (t *Thread) mdepCall(nr int) {
	r := &t.cpu.Regs
	switch nr {
	case 3: // thread_fast_set_cthread_self64
		t.setTSDBase(r.RDI)
		// The result is the selector, not a kern_return_t
		// (machdep_call.c:thread_fast_set_cthread_self64).
		r.RAX = userCthread
	default:
		r.RAX = kernInvalidArgument
	}
	if tr := t.tracing(); tr != nil {
		tr.printf(t, "machdep_%d(%#x) = %#x", nr, r.RDI, r.RAX)
	}
}

// setTSDBase sets the base of the thread's own data; one that user code cannot
// have becomes 0 (xnu-2782, xnu-11417 osfmk/i386/pcb_native.c:machine_thread_set_tsd_base).
func (t *Thread) setTSDBase(base uint64) {
	if t.p.abi == abi32 {
		if base > math.MaxUint32 {
			base = 0
		}
		t.cpu.SetTLS32(uint32(base))
		return
	}
	if !canonical(base) {
		base = 0
	}
	t.tsd = base
	t.cpu.SetGSBase(base)
}

// userCthread is the selector of the thread's own data segment on a 64-bit
// kernel (osfmk/i386/seg.h).
const userCthread = 0x0f

// canonical says whether a is an address that user code may have.
func canonical(a uint64) bool { return a>>47 == 0 }

// excSyscall answers a number of an unknown class or an invalid trap: up to
// 8019 the exception belongs to no signal and the thread goes on with its
// registers unchanged; from 8020 it is SIGSYS
// (bsd/uxkern/ux_exception.c:ux_exception).
func (t *Thread) excSyscall(nr uint32) {
	if tr := t.tracing(); tr != nil {
		tr.printf(t, "syscall_%#x()", nr)
	}
	if t.p.Release >= XNU8020 {
		t.exception(exception{typ: excSyscall, code: uint64(nr), sub: 1})
	}
}

// kern_return_t (xnu-11417 osfmk/mach/kern_return.h).
const (
	kernSuccess           = 0
	kernInvalidAddress    = 1
	kernProtectionFailure = 2
	kernNoSpace           = 3
	kernInvalidArgument   = 4
	kernFailure           = 5
	kernResourceShortage  = 6
	kernAborted           = 14
	kernInvalidName       = 15
	kernInvalidTask       = 16
	kernInvalidRight      = 17
	kernInvalidValue      = 18
	kernInvalidCapability = 20
	kernTerminated        = 37
	kernNotSupported      = 46
	kernNotWaiting        = 48
	kernOperationTimedOut = 49
)
