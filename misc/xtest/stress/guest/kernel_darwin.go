// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"syscall"
	"unsafe"
)

const darwin = true

const (
	sysSigprocmask    = 48
	sysPthreadKill    = 328
	sysPthreadSigmask = 329

	sigBlock, sigUnblock = 1, 2
)

func maskCall(call, how uintptr, sigs []syscall.Signal) {
	set := uint32(0)
	for _, sig := range sigs {
		set |= 1 << (sig - 1)
	}
	if _, _, e := syscall.RawSyscall(call, how, uintptr(unsafe.Pointer(&set)), 0); e != 0 {
		fail("kernel entry %d: %v", call, e)
	}
}

// blockEverywhere blocks the signals in every thread. Threads that are made later begin
// with the mask that the runtime gives them.
func blockEverywhere(sigs []syscall.Signal) { maskCall(sysSigprocmask, sigBlock, sigs) }

// block blocks or unblocks them in the calling thread. What waited for that has been handled
// when it returns.
func block(sigs []syscall.Signal, yes bool) {
	how := uintptr(sigUnblock)
	if yes {
		how = sigBlock
	}
	maskCall(sysPthreadSigmask, how, sigs)
}

// sendToThread sends sig to the thread whose port has the n-th of the process's names, and
// reports whether there is one. What a name looks like is up to the kernel: this is the
// runner's way, which gives names of threads that have ended to new ones.
func sendToThread(n int, sig syscall.Signal) bool {
	_, _, e := syscall.RawSyscall(sysPthreadKill, uintptr(n)<<8|3, uintptr(sig), 0)
	return e == 0
}
