// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import "goxnu/misc/go_darwin_exec/vcpu"

// Calls of 32-bit code: interrupt gates, the arguments on the stack behind a
// slot for a return address (xnu-11417 osfmk/i386/idt.s,
// bsd/dev/i386/systemcalls.c, osfmk/i386/bsd_i386.c; all releases).

// Gates.
const (
	gateUnix = 0x80
	gateMach = 0x81
	gateMdep = 0x82
)

// syscall32 performs the call that the guest's registers ask for.
func (t *Thread) syscall32() {
	if t.cpu.Sysenter {
		t.sysenter()
		return
	}
	switch t.cpu.Int {
	case gateUnix:
		t.unixSyscall32()
	case gateMach:
		t.machTrap32()
	case gateMdep:
		t.mdepCall32()
	}
}

// sysenter performs the call of a SYSENTER, which returns by SYSEXIT: EDX and
// ECX hold EIP and ESP afterwards.
func (t *Thread) sysenter() {
	r := &t.cpu.Regs
	ret := r.RIP
	if t.cpu.Int == gateMach {
		t.machTrap32()
	} else {
		t.unixSyscall32()
	}
	if r.RIP == ret || r.RIP == ret-t.repeatLen() { // not sigreturn
		r.RDX, r.RCX = r.RIP, r.RSP
	}
}

// args32 reads arguments from the stack at sp: one word each, two for those
// that have 64 bits on both ABIs, the low one first and without padding. A
// long is not sign-extended: fcntl's may be a pointer, and no other is negative
// (xnu-11417 bsd/kern/kern_descrip.c:sys_fcntl_nocancel).
func args32(a *args, letters string, sp uint32) Errno {
	for i := range len(letters) {
		v, ok := vcpu.Load32(uint64(sp))
		if !ok {
			return EFAULT
		}
		sp += 4
		a[i] = uint64(v)
		switch letters[i] {
		case 'i':
			a[i] = uint64(int64(int32(v)))
		case 'o':
			hi, ok := vcpu.Load32(uint64(sp))
			if !ok {
				return EFAULT
			}
			sp += 4
			a[i] |= uint64(hi) << 32
		}
	}
	return 0
}

// unixSyscall32 performs the BSD call in EAX: bsd/dev/i386/systemcalls.c:unix_syscall.
func (t *Thread) unixSyscall32() {
	p, r := t.p, &t.cpu.Regs
	a := &t.args
	*a = args{}
	nr := int(r.RAX & 0xffff)
	sp := uint32(r.RSP) + 4
	if nr == 0 {
		// syscall(2): the number is the first argument.
		v, ok := vcpu.Load32(uint64(sp))
		if !ok {
			t.fail(EFAULT)
			return
		}
		nr = int(v & 0xffff)
		sp += 4
	}
	var s *sysent
	if nr > 0 && nr < len(p.calls) {
		s = p.calls[nr]
	}
	if s == nil {
		t.nosys(nr)
		return
	}
	if e := args32(a, s.args, sp); e != 0 {
		t.fail(e)
		return
	}
	t.makeCall(s, a)
}

// setResult32 stores the result of a call that has succeeded: two words, or
// one of 64 bits, as the kernel stores all that are wider than an int.
func (t *Thread) setResult32(ret byte, v uint64) {
	r := &t.cpu.Regs
	switch ret {
	case 'i', 'u':
		r.RAX, r.RDX = uint64(uint32(v)), uint64(uint32(t.rval1))
	case 'l', 'o':
		r.RAX, r.RDX = uint64(uint32(v)), v>>32
	}
}

// machTrap32 performs the Mach trap in EAX, which is minus its index:
// osfmk/i386/bsd_i386.c:mach_call_munger.
func (t *Thread) machTrap32() {
	p, r := t.p, &t.cpu.Regs
	nr := -int(int32(uint32(r.RAX)))
	var s *machtrap
	if nr >= 0 && nr < len(p.traps) {
		s = p.traps[nr]
	}
	if s == nil {
		t.excSyscall(uint32(r.RAX))
		return
	}
	a := &t.args
	*a = args{}
	if args32(a, s.args, uint32(r.RSP)+4) != 0 {
		r.RAX = kernInvalidArgument
		return
	}
	r.RAX = uint64(uint32(t.callTrap(s, a)))
}

// mdepCall32 performs the machdep call in EAX:
// osfmk/i386/bsd_i386.c:machdep_syscall, machdep_call.c.
func (t *Thread) mdepCall32() {
	r := &t.cpu.Regs
	nr := uint32(r.RAX)
	if t.p.child && nr > 3 {
		t.leaveChild("machdep call")
	}
	nargs := [...]int{3: 1, 4: 3, 5: 3, 6: 3}
	var a [3]uint32
	r.RAX = kernInvalidArgument
	if nr < uint32(len(nargs)) {
		for i := range nargs[nr] {
			v, ok := vcpu.Load32(uint64(uint32(r.RSP) + 4 + 4*uint32(i)))
			if !ok {
				r.RAX = kernInvalidAddress
				return
			}
			a[i] = v
		}
	}
	switch nr {
	case 3: // thread_fast_set_cthread_self
		// The result is the selector, which XNU has also put into GS. There
		// it is the same for all threads; here each has its own.
		sel := t.cpu.SetTLS32(a[0])
		if sel == 0 {
			warnf("thread_fast_set_cthread_self: the host has no segment left")
			t.p.exit(HostFailure)
		}
		r.RAX = uint64(sel)
	case 4: // thread_set_user_ldt: a segment for FS
		warnOncef("thread_set_user_ldt is refused: the runner needs FS")
		r.RAX = 0xffffffff
	case 5, 6:
		call := t.i386SetLDT
		if nr == 6 {
			call = t.i386GetLDT
		}
		v, e := call(a[0], a[1], a[2])
		r.RFLAGS &^= flagCF
		r.RAX = uint64(v)
		if e != 0 {
			t.fail(e)
		}
	}
	if tr := t.tracing(); tr != nil {
		tr.printf(t, "machdep_%d(%#x, %#x, %#x) = %#x", nr, a[0], a[1], a[2], r.RAX)
	}
}

// startRegs32 is startRegs for i386
// (xnu-1504 bsd/kern/pthread_synch.c:bsdthread_create).
func (t *Thread) startRegs32(threadstart, fn, arg, stack, pthread uint64, port, flags uint32) {
	t.cpu.Regs = vcpu.Regs{
		RIP:    threadstart,
		RAX:    pthread,
		RBX:    uint64(port),
		RCX:    fn,
		RDX:    arg,
		RDI:    stack,
		RSI:    uint64(flags),
		RSP:    uint64(uint32(stack) - 16),
		RFLAGS: 0x202,
	}
}
