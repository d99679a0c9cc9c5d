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

// The calls made below. TestSysNumbers of misc/mkxnu compares these with
// lib/xnu/syscalls.tsv.
const (
	sys_exit             = 1
	sys_read             = 3
	sys_write            = 4
	sys_open             = 5
	sys_close            = 6
	sys_link             = 9
	sys_unlink           = 10
	sys_chmod            = 15
	sys_chown            = 16
	sys_getpid           = 20
	sys_getuid           = 24
	sys_geteuid          = 25
	sys_access           = 33
	sys_kill             = 37
	sys_getegid          = 43
	sys_getgid           = 47
	sys_ioctl            = 54
	sys_symlink          = 57
	sys_readlink         = 58
	sys_munmap           = 73
	sys_fcntl            = 92
	sys_select           = 93
	sys_getrusage        = 117
	sys_fchmod           = 124
	sys_rename           = 128
	sys_mkdir            = 136
	sys_rmdir            = 137
	sys_utimes           = 138
	sys_futimes          = 139
	sys_pread            = 153
	sys_pwrite           = 154
	sys_getrlimit        = 194
	sys_mmap             = 197
	sys_sysctl           = 202
	sys_getattrlist      = 220
	sys_setattrlist      = 221
	sys_fsetattrlist     = 229
	sys_sysctlbyname     = 274
	sys_proc_info        = 336
	sys_stat64           = 338
	sys_fstat64          = 339
	sys_lstat64          = 340
	sys_getdirentries64  = 344
	sys___pthread_fchdir = 349
	sys_lchown           = 364
	sys_fstatat64        = 470
	sys_thread_selfusage = 482
	sys_getentropy       = 500
	sys_setattrlistat    = 524
)

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
