// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package runtime

import (
	"internal/abi"
	"internal/runtime/atomic"
	"unsafe"
)

// Package syscall and golang.org/x/sys/unix reach the kernel through the
// libSystem functions that they import by name. In these ports each is a stub
// in syscall/libc_darwin_GOARCH.s, and this is the way to it. The runtime
// itself does not go through the stubs.

// libcCallInfo carries one call to syscallN_trampoline and back.
type libcCallInfo struct {
	fn, args, n uintptr // the stub, the address of the first argument, and how many
	r1, r2, err uintptr // r1 is -1 if the call failed; err is 0 if it did not
}

// syscallN_trampoline calls a stub by the C calling convention. A stub leaves
// its error number in CX, 0 for success.
func syscallN_trampoline()

// syscall_syscalln calls fn, which may block.
//
//go:linkname syscall_syscalln syscall.syscalln
//go:nosplit
//go:uintptrkeepalive
func syscall_syscalln(fn uintptr, args ...uintptr) (uintptr, uintptr, uintptr) {
	entersyscall()
	r1, r2, errno := syscall_rawsyscalln(fn, args...)
	exitsyscall()
	return r1, r2, errno
}

// syscall_rawsyscalln calls fn without telling the scheduler. It is all that a
// forked child may use: it needs g and m, takes no lock and allocates nothing.
// fn runs on the g0 stack, because a stub may be Go code that needs more than
// what nosplit leaves.
//
//go:linkname syscall_rawsyscalln syscall.rawsyscalln
//go:nosplit
//go:norace
//go:uintptrkeepalive
func syscall_rawsyscalln(fn uintptr, args ...uintptr) (r1, r2, err uintptr) {
	c := libcCallInfo{fn: fn, args: uintptr(noescape(unsafe.Pointer(unsafe.SliceData(args)))), n: uintptr(len(args))}
	libcCall(unsafe.Pointer(abi.FuncPCABI0(syscallN_trampoline)), unsafe.Pointer(&c))
	return c.r1, c.r2, c.err
}

// exitThread is not called: threads of these ports end by returning from mstart
// (proc.go: mStackIsSystemAllocated).
func exitThread(wait *atomic.Uint32) {
	throw("exitThread")
}
