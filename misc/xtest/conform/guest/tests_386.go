// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios

package main

import "unsafe"

// regs are the general registers in the order of x86_THREAD_STATE32, and what
// else killRegs loads.
type regs struct {
	ax, bx, cx, dx, di, si, bp, sp uintptr
	flags, fx                      uintptr // fx: where FXSAVE stores afterwards
	_                              [2]uintptr
	vec                            [8][64]byte
	k                              [8]uint64
}

// A frame is what a trampoline is entered with, and in fx of x87 and the vectors.
type frame struct {
	handler, style, sig, info, uctx, token uintptr
	sp                                     uintptr // at the entry
	flags                                  uintptr
	_                                      [2]uintptr
	err                                    uintptr // of sigreturn, in onFailedReturn
	ax, bx, cx, dx, di, si, bp             uintptr
	vectors                                [32]byte // all YMM registers, ored
}

func (f *frame) fx() uintptr { return ptr(f) + 304 - 16 }

const is32 = true

// Offsets in ucontext, mcontext32 and siginfo (bsd/i386/_mcontext.h,
// bsd/sys/_types/_ucontext.h, bsd/sys/signal.h).
const (
	ucSize, siSize       = 32, 64
	ucOnstack, ucMask    = 0, 4
	ucSP, ucStackSize    = 8, 12
	ucFlags, ucLink      = 16, 20
	ucMcsize, ucMcontext = 24, 28

	mcTrapno, mcErr, mcVaddr = 0, 4, 8
	mcAX, mcPC, mcFlags      = 12, 12 + 10*4, 12 + 9*4
	mcSP, mcCS               = 12 + 7*4, 12 + 11*4

	siCode, siPid, siUid, siStatus, siAddr = 8, 12, 16, 20, 24
	siValue, siPad                         = 28, 36
)

func putPC(p, pc uintptr) { *(*uintptr)(unsafe.Pointer(p)) = pc }
