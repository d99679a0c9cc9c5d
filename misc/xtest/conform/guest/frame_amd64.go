// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios

package main

// Sizes of mcontext_avx64 and, without and with more, mcontext64 and
// mcontext_avx512_64: 16 and 168 bytes, and a float state of 524, 844 or 2444.
const mcSmall, mcLarge, mcHuge = 712, 1032, 2632

// Where the parts of the float state lie in the mcontext.
const (
	mcFX   = 184 + 8 // an FXSAVE image
	mcYMMH = 772
	mcK    = 1028
	mcZMMH = 1092
	mcZMM  = 1604

	nvec = 16 // vector registers
)

// fillRegs gives every register that a system call keeps a pattern of its own.
func fillRegs(r *regs) {
	fill(r)
	r.bx, r.bp = 0x1111111111111111, 0x6666666666666666
	r.di, r.si, r.dx = getpid(), sigUSR1, 1
	r.r8, r.r9, r.r10 = 0x0808080808080808, 0x0909090909090909, 0x1010101010101010
	r.r12, r.r13, r.r14, r.r15 = 0x1212121212121212, 0x1313131313131313, 0x1414141414141414, 0x1515151515151515
}

// checkRestored compares the registers after sigreturn.
func checkRestored(got, r *regs) {
	eq("RAX", got.ax, 0)
	eq("RBX", got.bx, r.bx)
	eq("RCX", got.cx, interruptedSP)
	eq("RDX", got.dx, 0)
	eq("RDI", got.di, r.di)
	eq("RSI", got.si, r.si)
	eq("RBP", got.bp, r.bp)
	eq("R8", got.r8, r.r8)
	eq("R9", got.r9, r.r9)
	eq("R10", got.r10, r.r10)
	eq("R12", got.r12, r.r12)
	eq("R13", got.r13, r.r13)
	eq("R14", got.r14, r.r14)
	eq("R15", got.r15, r.r15)
}

// checkEntry: downwards from base: the red zone of 128 bytes, ucontext64, siginfo, mcontext, and a
// stack pointer as right after a call. What is not an argument keeps its value.
func checkEntry(f *frame, base, mc uintptr, r *regs) {
	eq("ucontext", f.uctx, base-128-ucSize)
	eq("siginfo", f.info, f.uctx-siSize)
	eq("mcontext", mc, f.info-mcontextSize())
	eq("RSP", f.sp, (mc-16)&^15-8)
	eq("RAX in the handler", f.ax, 0)
	eq("RBX in the handler", f.bx, r.bx)
	eq("RBP in the handler", f.bp, r.bp)
	eq("R10 in the handler", f.r10, r.r10)
	eq("R12 in the handler", f.r12, r.r12)
	eq("R13 in the handler", f.r13, r.r13)
	eq("R14 in the handler", f.r14, r.r14)
	eq("R15 in the handler", f.r15, r.r15)
	if release < 4903 {
		eq("R9 in the handler", f.token, r.r9)
	}
	for i := uintptr(1); i <= 16; i++ {
		eq("the red zone", load(interruptedSP-8*i), 0x7a6f6e657a6f6e65)
	}
}

// mcontextSize is how much is there, up to 3789 whatever is in it; ucMcontextSize what uc_mcsize says.
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
	if release < 4570 && hasAVX == 0 {
		return mcSmall
	}
	return mcontextSize()
}

// checkRegs: x86_exception_state64, x86_thread_state64. RCX is what SYSCALL and the kernel's entry
// leave, and so, from 2422 on, is R11. GS is not checked: it depends on how the kernel sets the base.
func checkRegs(f *frame, mc uintptr, r *regs) {
	eq("the trap number", uintptr(load32(mc+mcTrapno)&0xffff), 0x85)
	eq("the error code", uintptr(load32(mc+mcErr)), 0x2000000+sysKill)
	if release >= 10002 {
		eq("the fault address", load(mc+mcVaddr), 0)
	}
	flags := r.flags&^1 | 0x202
	r11 := r.flags | 0x202
	if release < 2422 {
		r11 = load(mc + mcAX + 11*8)
	}
	want := [20]uintptr{0, r.bx, interruptedSP, 0, r.di, r.si, r.bp, interruptedSP,
		r.r8, r.r9, r.r10, r11, r.r12, r.r13, r.r14, r.r15, load(f.info + siAddr), flags, 7, 0}
	for i := range want {
		at = registers[i]
		eq("in the mcontext", load(mc+mcAX+8*uintptr(i)), want[i])
	}
	at = ""
}

var registers = [20]string{"RAX", "RBX", "RCX", "RDX", "RDI", "RSI", "RBP", "RSP",
	"R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "RIP", "RFLAGS", "CS", "FS"}

// checkZMM: what x86_avx512_state64 has more than x86_avx_state64.
func checkZMM(mc uintptr, r *regs) {
	for i := range uintptr(8) {
		same("an opmask register", mc+mcK+8*i, ptr(&r.k[i]), 8)
	}
	for i := range uintptr(16) {
		same("the upper half of a ZMM register", mc+mcZMMH+32*i, ptr(&r.vec[i])+32, 32)
		same("a ZMM register from 16 on", mc+mcZMM+64*i, ptr(&r.vec[16+i]), 64)
	}
	zeros("the mcontext's end", mc+mcZMM+16*64, mc+mcHuge)
}
