// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package runtime

import "unsafe"

var (
	CommpageWalltime    = commpageWalltime
	CommpageOldWalltime = commpageOldWalltime
)

func Gettimeofday() (sec, usec int64) {
	var tv timeval
	gettimeofday(&tv)
	return int64(tv.tv_sec), int64(tv.tv_usec)
}

// WallSec returns what walltime makes of the kernel's seconds.
func WallSec(sec uint32) int64 {
	tv := timeval{tv_sec: timevalSec(sec)}
	wall, _ := tv.wall()
	return wall
}

func DarwinRelease() int { return int(darwinRelease) }

const Darwin10_13 = darwin10_13

// SigprocmaskBad makes a call that the kernel must refuse, on the stack of a
// goroutine or on that of the thread.
func SigprocmaskBad(system bool) {
	if system {
		systemstack(func() { sigprocmask(99, &sigset_none, nil) })
	}
	sigprocmask(99, &sigset_none, nil)
}

const ThreadStackSize = threadStackSize

// ThreadStack returns the lowest address of the stack of the calling thread, or
// 0 for the first thread, whose stack is the kernel's.
func ThreadStack() uintptr {
	mp := getg().m
	if mp.stklo == 0 {
		return 0
	}
	return mp.g0.stack.lo
}

// Peek reads a byte, wherever that is.
func Peek(addr uintptr) byte { return *(*byte)(unsafe.Pointer(addr)) }

func Osyield() { osyield() }

// ResetSignal sets sig to its default action.
func ResetSignal(sig uint32) { setsig(sig, _SIG_DFL) }

// SignalFlags returns what the kernel has stored about sig.
func SignalFlags(sig uint32) (handler uintptr, mask uint32, flags int32) {
	var old usigactiont
	sigaction(sig, nil, &old)
	return *old.handler(), old.sa_mask, old.sa_flags
}
