// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

// The C library functions that take more than one kernel call, for the stubs
// of libc_darwin_$GOARCH.s (lib/xnu/libc.tsv says which).
//
// Each is func(a *libcArgs) (r, errno uintptr): the C function's arguments, its
// result, and the error number with a result of -1, or of 0 for a pointer.
// They run on g0, called by the C convention, for a goroutine that has left its
// P: they must not allocate, grow the stack, write pointers into the heap (so
// addresses stay uintptrs), take a runtime lock or panic.

package syscall

import "unsafe"

// A libcArgs holds the register arguments of a C function, as words.
type libcArgs [6]uintptr

const libcFailed = ^uintptr(0) // the result -1

// darwinRelease returns the first number of kern.osrelease: 10 is Mac OS X 10.6,
// 24 is macOS 15. The runtime reads it at its start, into a variable.
func darwinRelease() int32

//go:linkname runtime_nanotime runtime.nanotime
func runtime_nanotime() int64

//go:linkname runtime_walltime runtime.walltime
func runtime_walltime() (sec int64, nsec int32)

func kernel(nr, a1, a2, a3 uintptr) (r, errno uintptr) {
	r, _, e := RawSyscall(nr, a1, a2, a3)
	return r, uintptr(e)
}

func kernel6(nr, a1, a2, a3, a4, a5, a6 uintptr) (r, errno uintptr) {
	r, _, e := RawSyscall6(nr, a1, a2, a3, a4, a5, a6)
	return r, uintptr(e)
}

// ptr returns the address p as a pointer, for memory that the caller of the
// C function keeps alive, or that is not Go's.
func ptr(p uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&p))
}

// addr returns the address of a variable on this stack, which does not move:
// it is a system stack. The variable lives until keep is called for it.
func addr(p unsafe.Pointer) uintptr { return uintptr(p) }

//go:noinline
func keep(p unsafe.Pointer) {}

// commpage is the address of the kernel's data page: 0x7fffffe00000, and
// 0xffff0000 for a 32-bit process (osfmk/i386/cpu_capabilities.h).
const (
	word64   = uint64(^uintptr(0)) >> 63
	commpage = uintptr(word64*0x7fffffe00000 + (1-word64)*0xffff0000)
)

func cstrlen(p uintptr) uintptr {
	var n uintptr
	for *(*byte)(ptr(p + n)) != 0 {
		n++
	}
	return n
}

// 10.6 accepts O_CLOEXEC and F_DUPFD_CLOEXEC's number as nonsense: the first
// is ignored, the second EINVAL (xnu-1504 bsd/sys/fcntl.h has neither).

const _F_DUPFD_CLOEXEC = 67

func emulOpen(a *libcArgs) (r, errno uintptr) {
	fd, errno := kernel(sys_open, a[0], a[1], a[2])
	if errno == 0 && a[1]&O_CLOEXEC != 0 {
		kernel(sys_fcntl, fd, F_SETFD, FD_CLOEXEC)
	}
	return fd, errno
}

func emulFcntl(a *libcArgs) (r, errno uintptr) {
	if int32(a[1]) != _F_DUPFD_CLOEXEC {
		return kernel(sys_fcntl, a[0], a[1], a[2])
	}
	fd, errno := kernel(sys_fcntl, a[0], F_DUPFD, a[2])
	if errno == 0 {
		kernel(sys_fcntl, fd, F_SETFD, FD_CLOEXEC)
	}
	return fd, errno
}
