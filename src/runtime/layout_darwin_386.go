// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

package runtime

import "unsafe"

// What i386 lays out otherwise than x86_64. defs_darwin_386.go, which graft
// derives from upstream's defs_darwin_amd64.go, has the rest: constants, the
// registers and the floating-point state are the same facts there. 64-bit
// fields are aligned to 4 in Go's 386 and in the kernel's i386
// (xnu-1504 to xnu-11417 bsd/sys/signal.h, bsd/sys/ucontext.h, bsd/sys/event.h).

//graft:replace defs_darwin_386.go 22c4d5350125 12 bytes
type stackt struct {
	ss_sp    *byte
	ss_size  uintptr
	ss_flags int32
}

// sigactiont is what the kernel takes, usigactiont what it returns.

//graft:replace defs_darwin_386.go 162b25ebdc7f 16 bytes
type sigactiont struct {
	__sigaction_u [4]byte
	sa_tramp      unsafe.Pointer
	sa_mask       uint32
	sa_flags      int32
}

//graft:replace defs_darwin_386.go 6e34ee122525 12 bytes
type usigactiont struct {
	__sigaction_u [4]byte
	sa_mask       uint32
	sa_flags      int32
}

//graft:replace defs_darwin_386.go f7f80f81a7cf 64 bytes
type siginfo struct {
	si_signo, si_errno, si_code, si_pid int32

	si_uid    uint32
	si_status int32
	si_addr   uint32
	si_value  [4]byte
	si_band   int32
	__pad     [7]uint32
}

//graft:replace defs_darwin_386.go 2f5a3b68cf02 8 bytes
type timeval struct {
	tv_sec, tv_usec int32
}

//graft:replace defs_darwin_386.go 3b1488bedc7c 8 bytes
type timespec struct {
	tv_sec, tv_nsec int32
}

// setNsec makes the longest time there is, 68 years, of a longer one.
//
//graft:replace defs_darwin_386.go c4c75b830466 its seconds have 32 bits
//go:nosplit
func (ts *timespec) setNsec(ns int64) {
	const maxSec = 1<<31 - 1
	if ns >= (maxSec+1)*1e9 {
		ns = maxSec * 1e9
	}
	ts.tv_sec, ts.tv_nsec = int32(ns/1e9), int32(ns%1e9)
}

// The kernel may put a larger mcontext behind uc_mcontext (AVX, AVX-512); it
// begins like this one. uc_mcsize is not to be relied on: from macOS 10.13 on
// it is that of the 64-bit one (xnu-4570 bsd/dev/i386/unix_signal.c:sendsig).
//
//graft:replace defs_darwin_386.go fac39b32ca49 32 bytes
type ucontext struct {
	uc_onstack  int32
	uc_sigmask  uint32
	uc_stack    stackt
	uc_link     *ucontext
	uc_mcsize   uint32
	uc_mcontext *mcontext32
}

//graft:replace defs_darwin_386.go 04455676bf9c 20 bytes
type keventt struct {
	ident  uint32
	filter int16
	flags  uint16
	fflags uint32
	data   int32
	udata  *byte
}
