// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios

package main

import "unsafe"

// regs are the general registers in the order of x86_THREAD_STATE64, and what
// else killRegs loads.
type regs struct {
	ax, bx, cx, dx, di, si, bp, sp       uintptr
	r8, r9, r10, r11, r12, r13, r14, r15 uintptr
	flags, fx                            uintptr // fx: where FXSAVE stores afterwards
	vec                                  [32][64]byte
	k                                    [8]uint64
}

// A frame is what a trampoline is entered with, and in fx of x87 and the vectors.
type frame struct {
	handler, style, sig, info, uctx, token uintptr
	sp                                     uintptr // at the entry
	flags                                  uintptr
	_                                      uintptr
	err                                    uintptr // of sigreturn, in onFailedReturn
	ax, bx, bp, r10, r11                   uintptr
	r12, r13, r14, r15                     uintptr
	vectors                                [32]byte // all YMM registers, ored
}

func (f *frame) fx() uintptr { return ptr(f) + 576 - 16 }

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
	siValue, siPad                         = 32, 48
)

func putPC(p, pc uintptr) { *(*uintptr)(unsafe.Pointer(p)) = pc }
