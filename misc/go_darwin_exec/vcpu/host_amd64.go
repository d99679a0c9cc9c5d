// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package vcpu

import (
	"syscall"
	"unsafe"
)

// runtime_getAuxv returns the auxiliary vector of the host process.
//
//go:linkname runtime_getAuxv runtime.getAuxv
func runtime_getAuxv() []uintptr

// auxv returns a value of the auxiliary vector, or 0.
func auxv(tag uintptr) uintptr {
	v := runtime_getAuxv()
	for i := 0; i+1 < len(v); i += 2 {
		if v[i] == tag {
			return v[i+1]
		}
	}
	return 0
}

// VDSO returns the address of the host's vDSO, or 0. Its data pages lie in
// front of it.
func VDSO() uint64 {
	const atSysinfoEhdr = 33
	return uint64(auxv(atSysinfoEhdr))
}

// Environ returns the environment that the process was started with.
// syscall.Environ leaves out empty strings and second values.
//
//go:linkname Environ syscall.runtime_envs
func Environ() []string

// Nanotime returns the host's CLOCK_MONOTONIC.
//
//go:linkname Nanotime runtime.nanotime
func Nanotime() int64

// HasYMM reports whether the host saves the registers of AVX.
func HasYMM() bool { return rfbm&6 == 6 }

// HasZMM reports whether the host saves the registers of AVX-512.
func HasZMM() bool { return rfbm&0xe6 == 0xe6 }

// fsgsbase says that the kernel lets user code use RDGSBASE and WRGSBASE.
var fsgsbase bool

const (
	archSetGS = 0x1001
	archGetGS = 0x1004
)

func rdgsbase() uint64
func wrgsbase(base uint64)

func initGS() {
	const atHwcap2 = 26
	fsgsbase = auxv(atHwcap2)&2 != 0
}

//go:nosplit
func setGSBase(base uint64) {
	if fsgsbase {
		wrgsbase(base)
		return
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, archSetGS, uintptr(base), 0); e != 0 {
		// Beyond what Linux lets anybody map: no address is there in any case.
		syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, archSetGS, 0, 0)
	}
}

//go:nosplit
func gsBase() (base uint64) {
	if fsgsbase {
		return rdgsbase()
	}
	syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, archGetGS, uintptr(unsafe.Pointer(&base)), 0)
	return base
}
