// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios

package main

// fillRegs gives every register that a system call keeps a pattern of its own.
func fillRegs(r *regs) {
	*r = regs{
		bx: 0x1111111111111111, dx: 1, di: getpid(), si: sigUSR1, bp: 0x6666666666666666,
		r8: 0x0808080808080808, r9: 0x0909090909090909, r10: 0x1010101010101010,
		r12: 0x1212121212121212, r13: 0x1313131313131313, r14: 0x1414141414141414, r15: 0x1515151515151515,
		xmm7: [2]uint64{0x7777777777777777, 0x8888888888888888},
	}
}

func sameRegs(a, b *regs) bool {
	return a.bx == b.bx && a.di == b.di && a.si == b.si && a.bp == b.bp && a.r8 == b.r8 && a.r9 == b.r9 &&
		a.r10 == b.r10 && a.r12 == b.r12 && a.r13 == b.r13 && a.r14 == b.r14 && a.r15 == b.r15 &&
		a.xmm7[0] == b.xmm7[0] && a.xmm7[1] == b.xmm7[1]
}

// checkEntry: downwards from base: the red zone of 128 bytes, ucontext64, siginfo, mcontext, and a
// stack pointer as right after a call.
func checkEntry(f *frame, base, mc uintptr) {
	eq("ucontext", f.uctx, base-128-ucSize)
	eq("siginfo", f.info, f.uctx-siSize)
	size := f.info - mc
	is("the mcontext is not right below siginfo\n", mcSizeKnown(size))
	eq("RSP", f.sp, (mc-16)&^15-8)
	eq("uc_stack.ss_sp", load(f.uctx+ucSP), f.sp)
	eq("RBX in the handler", f.bx, 0x1111111111111111)
	eq("R12 in the handler", f.r12, 0x1212121212121212)
	eq("XMM7 in the handler, low", uintptr(f.xmm7[0]), 0)
	if release < 4903 {
		eq("R9 in the handler", f.token, 0x0909090909090909)
	}
}

// mcSizeKnown: plain, with AVX, with AVX-512.
func mcSizeKnown(n uintptr) bool {
	if release >= 4570 {
		return n == 712 || n == 1032 || n == 2088
	}
	return n == 712 || n == 1032
}

// checkRegs: x86_exception_state64, x86_thread_state64, x86_float_state64 (from 184 on; XMM0 at 168 in
// that).
func checkRegs(f *frame, mc uintptr, r *regs) {
	want := [21]uintptr{0, r.bx, 0, 0, r.di, r.si, r.bp, interruptedSP,
		r.r8, r.r9, r.r10, 0, r.r12, r.r13, r.r14, r.r15, load(f.info + siAddr), 0, 0, 0, 0}
	for i := range want {
		switch i {
		case 2, 3, 11, 17, 18, 19, 20: // RCX, RDX, R11, flags, selectors
			continue
		}
		eq("the mcontext's register", load(mc+16+8*uintptr(i)), want[i])
	}
	eq("RFLAGS' carry", load(mc+mcFlags)&1, 0)
	eq("XMM7 in the mcontext", load(mc+184+168+7*16), 0x7777777777777777)
	eq("its upper half", load(mc+184+168+7*16+8), 0x8888888888888888)
	eq("MXCSR in the mcontext", uintptr(load32(mc+184+32)), 0x1f80)
}
