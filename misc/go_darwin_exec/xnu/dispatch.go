// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"fmt"
	"os"
	"sync/atomic"
)

// System call classes, the top byte of EAX
// (xnu-11417 osfmk/mach/i386/syscall_sw.h; all releases).
const (
	classMach = 1
	classUnix = 2
	classMdep = 3
)

// syscall performs the call that the guest's registers ask for.
func (t *Thread) syscall() {
	r := &t.cpu.Regs
	if t.cpu.Trapped && !t.p.child { // it takes a lock
		t.p.patcher.Trap(t.cpu) // the next time it will be cheaper
	}
	t.entry = t.callEntry()
	if t.p.abi == abi32 {
		t.syscall32()
		return
	}
	if t.cpu.Int != 0 {
		t.rejectGate()
		return
	}
	nr := uint32(r.RAX)
	switch nr >> 24 {
	case classUnix:
		t.unixSyscall(int(nr & 0xffffff))
	case classMach:
		t.machTrap(int(nr & 0xffffff))
	case classMdep:
		t.mdepCall(int(nr & 0xffffff))
	case classLib:
		t.libCall(int(nr & 0xffffff))
	default:
		t.excSyscall(nr)
	}
}

const (
	flagCF  = 1
	callLen = 2 // length of the SYSCALL and INT instructions
)

// unixSyscall performs BSD call nr: xnu-11417
// bsd/dev/i386/systemcalls.c:unix_syscall64.
func (t *Thread) unixSyscall(nr int) {
	r := &t.cpu.Regs
	a := &t.args
	*a = args{r.RDI, r.RSI, r.RDX, r.R10, r.R8, r.R9}
	stack := 6 // arguments that came in registers
	if nr == 0 {
		// syscall(2): the number is the first argument.
		nr = int(r.RDI & 0xffffff)
		*a = args{r.RSI, r.RDX, r.R10, r.R8, r.R9}
		stack = 5
	}
	p := t.p
	var s *sysent
	if nr > 0 && nr < len(p.calls) {
		s = p.calls[nr]
	}
	if s == nil {
		t.nosys(nr)
		return
	}
	if n := len(s.args); n > stack {
		if e := t.stackArgs(a[stack:n], r.RSP+8); e != 0 {
			t.fail(e)
			return
		}
	}
	t.makeCall(s, a)
}

// makeCall performs the call s and puts what comes of it into the registers.
func (t *Thread) makeCall(s *sysent, a *args) {
	p, r := t.p, &t.cpu.Regs
	if p.child && !s.child {
		t.leaveChild(s.name)
	}
	if p.trace != nil {
		p.trace.enter(t, s, a)
	}
	t.rval1 = 0
	if p.abi == abi32 && p.Release < XNU2782 {
		t.rval1 = r.RDX // unless the call sets a second result, EDX survives it
	}
	v, e := t.call(s, a)
	switch e {
	case 0:
		r.RFLAGS &^= flagCF
		if p.abi == abi32 {
			t.setResult32(s.ret, v)
			break
		}
		switch s.ret {
		case 'i':
			r.RAX, r.RDX = uint64(int64(int32(v))), uint64(int64(int32(t.rval1)))
		case 'u':
			r.RAX, r.RDX = uint64(uint32(v)), uint64(uint32(t.rval1))
		case 'l', 'o':
			r.RAX, r.RDX = v, 0
		}
	case ERESTART:
		r.RIP -= t.repeatLen()
	case EJUSTRETURN:
	default:
		t.fail(e)
	}
	if p.trace != nil {
		p.trace.leave(t, s, v, e)
	}
}

// repeatLen is the length of the code that makes the call under way again. For
// SYSENTER the kernel takes it that EDX points behind a CALL
// (xnu-11417 osfmk/i386/pal_routines.c:pal_syscall_restart).
func (t *Thread) repeatLen() uint64 {
	const callRel32 = 5
	if t.cpu.Sysenter {
		return callRel32
	}
	return callLen
}

func (t *Thread) fail(e Errno) {
	r := &t.cpu.Regs
	r.RAX = uint64(e)
	r.RFLAGS |= flagCF
}

// call runs the handler of s until it has a result that user code may see.
// An interruption that no handler of the guest is waiting for starts it anew
// (xnu-11417 bsd/kern/kern_synch.c:_sleep turns an abort into EINTR or
// ERESTART by the action of the signal that was found).
func (t *Thread) call(s *sysent, a *args) (uint64, Errno) {
	if s.handle == nil {
		return t.unimplemented(s)
	}
	if s.tty {
		if t.sig.Mask&ttySigs != t.ttyMask {
			t.setTTYMask()
		}
		if t.p.child {
			sweepTTYs() // nobody else does
		}
	}
	for {
		v, e := s.handle(t, a)
		if e == ERESTART {
			sig, restart := t.interrupted()
			if sig == 0 {
				t.restart = true
				continue
			}
			e = ERESTART
			if s.eintr || !restart || s.tty && sig == SIGTTIN { // bsd/kern/tty.c:ttread
				e = EINTR
			}
		}
		t.restart = false
		t.deadline = 0
		return v, e
	}
}

var unimplementedOnce [1024]atomic.Bool

// unimplemented answers a call that XNU knows and this file does not.
func (t *Thread) unimplemented(s *sysent) (uint64, Errno) {
	if s.name == "enosys" {
		return 0, ENOSYS
	}
	if s.nr >= len(unimplementedOnce) || !unimplementedOnce[s.nr].Swap(true) {
		warnf("call %d (%s) is not implemented: ENOSYS", s.nr, s.name)
	}
	return 0, ENOSYS
}

// nosys answers a number that the release lacks: ENOSYS, and SIGSYS to the
// process up to 3248, to the thread from 3789 (bsd/kern/subr_xxx.c:nosys).
func (t *Thread) nosys(nr int) {
	if tr := t.tracing(); tr != nil {
		tr.printf(t, "nosys_%d() = -1 ENOSYS", nr)
	}
	if t.p.Release >= XNU3789 {
		t.psignal(SIGSYS)
	} else {
		t.p.psignal(SIGSYS)
	}
	t.fail(ENOSYS)
}

// warnf prints one line about the runner itself on the host's stderr.
func warnf(format string, a ...any) {
	fmt.Fprintf(os.Stderr, Name+": "+format+"\n", a...)
}
