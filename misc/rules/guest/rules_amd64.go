// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios

package main

import "unsafe"

// regs are the general registers in the order of x86_THREAD_STATE64, and XMM7.
type regs struct {
	ax, bx, cx, dx, di, si, bp, sp       uintptr
	r8, r9, r10, r11, r12, r13, r14, r15 uintptr
	xmm7                                 [2]uint64
}

// A frame is what a trampoline is entered with.
type frame struct {
	handler, style, sig, info, uctx, token uintptr
	sp                                     uintptr // at the entry
	flags                                  uintptr
	mxcsr                                  uint32
	_                                      uint32
	err                                    uintptr // of sigreturn, in onFailedReturn
	ax, bx, r12                            uintptr
	_                                      uintptr
	xmm7                                   [2]uint64
}

const is32 = false

// Offsets in ucontext64, mcontext64 and siginfo (bsd/i386/_mcontext.h,
// bsd/sys/_types/_ucontext.h, bsd/sys/signal.h).
const (
	ucSize, siSize       = 56, 104
	ucOnstack, ucMask    = 0, 4
	ucSP, ucStackSize    = 8, 16
	ucFlags, ucLink      = 24, 32
	ucMcsize, ucMcontext = 40, 48

	mcTrapno, mcErr, mcVaddr = 0, 4, 8
	mcAX, mcPC, mcFlags      = 16, 16 + 16*8, 16 + 17*8
	mcSP, mcCS               = 16 + 7*8, 16 + 18*8

	siCode, siPid, siUid, siStatus, siAddr = 8, 12, 16, 20, 24
	siPad                                  = 48
)

func putPC(p, pc uintptr) { *(*uintptr)(unsafe.Pointer(p)) = pc }
