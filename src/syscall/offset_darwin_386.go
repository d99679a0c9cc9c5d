// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

package syscall

import (
	"internal/abi"
	"unsafe"
)

// sendfile, and what the other calls with a 64-bit argument are made of, which
// stand in zlayout_darwin_386.go. graft derives those without one from upstream's for
// amd64 (zsyscall_darwin_386.go, syscall_darwin_386.go).

// An offset is 64 bits wide for the kernel, two words, the lower one first.

func lo32(v int64) uintptr { return uintptr(uint32(v)) }
func hi32(v int64) uintptr { return uintptr(uint32(v >> 32)) }

// bufArg is the address that stands for p: an empty slice's need not be nil.
func bufArg(p []byte) unsafe.Pointer {
	if len(p) == 0 {
		return unsafe.Pointer(&_zero)
	}
	return unsafe.Pointer(unsafe.SliceData(p))
}

// errOf makes an error of an error number, which may be 0.
func errOf(e Errno) error {
	if e == 0 {
		return nil
	}
	return errnoErr(e)
}

// The count at length is 64 bits wide too: in, how much to send; out, how
// much was sent, also if the call failed.
//
//graft:replace syscall_darwin_386.go 2ac24d09c48b a 64-bit offset is two arguments
func sendfile(outfd int, infd int, offset *int64, count int) (written int, err error) {
	length := int64(count)
	_, _, e := syscall9(abi.FuncPCABI0(libc_sendfile_trampoline), uintptr(infd), uintptr(outfd),
		lo32(*offset), hi32(*offset), uintptr(unsafe.Pointer(&length)), 0, 0, 0, 0)
	if e != 0 {
		err = e // as upstream: not by errnoErr
	}
	return int(length), err
}
