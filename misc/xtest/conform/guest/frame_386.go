// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios

package main

// Sizes of mcontext_avx32 and, without and with more, mcontext32 and
// mcontext_avx512_32: 12 and 64 bytes, and a float state of 524, 716 or 1036.
// 64-bit programs have 712, 1032 and 2632.
const mcSmall, mcLarge, mcHuge = 600, 792, 1112

// Where the parts of the float state lie in the mcontext.
const (
	mcFX   = 76 + 8 // an FXSAVE image
	mcYMMH = 664
	mcK    = 792
	mcZMMH = 856

	nvec = 8 // vector registers
)

// fillRegs gives every register that a system call keeps a pattern of its own.
func fillRegs(r *regs) {
	fill(r)
	r.bx, r.cx, r.dx = 0x11111111, 0x22222222, 0x33333333
	r.di, r.si, r.bp, r.sp = 0x44444444, 0x55555555, 0x66666666, getpid()
}

// edx is what the call leaves in EDX.
func edx(r *regs) uintptr {
	if release < 2782 {
		return r.dx
	}
	return 0
}

// checkRestored compares the registers after sigreturn.
func checkRestored(got, r *regs) {
	eq("EAX", got.ax, 0)
	eq("EBX", got.bx, r.bx)
	eq("ECX", got.cx, r.cx)
	eq("EDX", got.dx, edx(r))
	eq("EDI", got.di, r.di)
	eq("ESI", got.si, r.si)
	eq("EBP", got.bp, r.bp)
}

// checkEntry: downwards from base, without a red zone: ucontext, siginfo, mcontext, and the
// arguments, 24 bytes, or 28 from 4903 on. Registers keep their values.
func checkEntry(f *frame, base, mc uintptr, r *regs) {
	eq("ucontext", f.uctx, base-ucSize)
	eq("siginfo", f.info, f.uctx-siSize)
	eq("mcontext", mc, f.info-mcontextSize())
	args := uintptr(24)
	if release >= 4903 {
		args = 28
	}
	eq("ESP", f.sp, (mc-args-16)&^15-4)
	eq("the return slot", load(f.sp), 0xffffffff)
	eq("EAX in the handler", f.ax, 0)
	eq("EBX in the handler", f.bx, r.bx)
	eq("ECX in the handler", f.cx, r.cx)
	eq("EDX in the handler", f.dx, edx(r))
	eq("EDI in the handler", f.di, r.di)
	eq("ESI in the handler", f.si, r.si)
	eq("EBP in the handler", f.bp, r.bp)
}

// mcontextSize is how much is there, up to 3789 whatever is in it; ucMcontextSize what uc_mcsize says:
// from 4570 on the size that it has in 64-bit programs.
func mcontextSize() uintptr {
	switch {
	case release < 4570:
		return mcLarge
	case useZMM != 0:
		return mcHuge
	case hasAVX != 0:
		return mcLarge
	}
	return mcSmall
}

func ucMcontextSize() uintptr {
	switch n := mcontextSize(); {
	case release < 4570 && hasAVX == 0:
		return mcSmall
	case release < 4570:
		return mcLarge
	case n == mcHuge:
		return 2632
	case n == mcLarge:
		return 1032
	}
	return 712
}

// checkRegs: x86_exception_state32, x86_thread_state32. GS, the selector of the thread's data, is not checked:
// the runner has other ones (doc/runner.md).
func checkRegs(f *frame, mc uintptr, r *regs) {
	eq("the trap number", uintptr(load32(mc+mcTrapno)&0xffff), 0x80)
	eq("the error code", uintptr(load32(mc+mcErr)), sysKill)
	want := [15]uintptr{0, r.bx, r.cx, edx(r), r.di, r.si, r.bp, interruptedSP,
		0x23, r.flags&^1 | 0x202, load(f.info + siAddr), 0x1b, 0x23, 0x23, 0}
	for i := range want {
		at = registers[i]
		eq("in the mcontext", load(mc+mcAX+4*uintptr(i)), want[i])
	}
	at = ""
}

var registers = [15]string{"EAX", "EBX", "ECX", "EDX", "EDI", "ESI", "EBP", "ESP",
	"SS", "EFLAGS", "EIP", "CS", "DS", "ES", "FS"}

// checkZMM: what x86_avx512_state32 has more than x86_avx_state32.
func checkZMM(mc uintptr, r *regs) {
	for i := range uintptr(8) {
		same("an opmask register", mc+mcK+8*i, ptr(&r.k[i]), 8)
		same("the upper half of a ZMM register", mc+mcZMMH+32*i, ptr(&r.vec[i])+32, 32)
	}
}
