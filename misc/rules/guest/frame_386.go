// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios

package main

// fillRegs gives every register that a system call keeps a pattern of its own.
func fillRegs(r *regs) {
	*r = regs{
		bx: 0x11111111, cx: 0x22222222, di: 0x44444444, si: 0x55555555, bp: 0x66666666, sp: getpid(),
		xmm7: [2]uint64{0x7777777777777777, 0x8888888888888888},
	}
}

func sameRegs(a, b *regs) bool {
	return a.bx == b.bx && a.cx == b.cx && a.di == b.di && a.si == b.si && a.bp == b.bp &&
		a.xmm7[0] == b.xmm7[0] && a.xmm7[1] == b.xmm7[1]
}

// checkEntry: downwards from base, without a red zone: ucontext, siginfo, mcontext, and the
// arguments, 24 bytes, or 28 from 4903 on.
func checkEntry(f *frame, base, mc uintptr) {
	eq("ucontext", f.uctx, base-ucSize)
	eq("siginfo", f.info, f.uctx-siSize)
	size := f.info - mc
	is("the mcontext is not right below siginfo\n", size == 600 || size == 792 || release >= 4570 && size == 1848)
	args := uintptr(24)
	if release >= 4903 {
		args = 28
	}
	eq("ESP", f.sp, (mc-args-16)&^15-4)
	eq("the return slot", load(f.sp), 0xffffffff)
	eq("EBX in the handler", f.bx, 0x11111111)
	eq("XMM7 in the handler, low", uintptr(f.xmm7[0]), 0)
}

// mcSizeKnown: plain, with AVX, with AVX-512; from 4570 on uc_mcsize is that of 64-bit programs.
func mcSizeKnown(n uintptr) bool {
	if release >= 4570 {
		return n == 712 || n == 1032 || n == 2088
	}
	return n == 600 || n == 792
}

// checkRegs: x86_exception_state32, x86_thread_state32, x86_float_state32 (from 76 on; XMM0 at 168 in
// that).
func checkRegs(f *frame, mc uintptr, r *regs) {
	eq("EBX", load(mc+12+4), r.bx)
	eq("ECX", load(mc+12+8), r.cx)
	eq("EDI", load(mc+12+16), r.di)
	eq("ESI", load(mc+12+20), r.si)
	eq("EBP", load(mc+12+24), r.bp)
	eq("EFLAGS' carry", load(mc+mcFlags)&1, 0)
	eq("XMM7 in the mcontext", load(mc+76+168+7*16), 0x77777777)
	eq("its end", load(mc+76+168+7*16+12), 0x88888888)
	eq("MXCSR in the mcontext", uintptr(load32(mc+76+32)), 0x1f80)
}
