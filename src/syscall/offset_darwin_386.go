// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

package syscall

import (
	"internal/abi"
	"unsafe"
)

// What a word of 32 bits changes in the calls. graft derives the other
// wrappers from upstream's for amd64 (zsyscall_darwin_386.go,
// syscall_darwin_386.go).

//graft:replace syscall_darwin_386.go dbe914614363 32-bit seconds
func setTimeval(sec, usec int64) Timeval {
	return Timeval{Sec: int32(sec), Usec: int32(usec)}
}

//graft:replace syscall_darwin_386.go ff2d296df083 32-bit seconds
func setTimespec(sec, nsec int64) Timespec {
	return Timespec{Sec: int32(sec), Nsec: int32(nsec)}
}

//graft:replace syscall_darwin_386.go bddadd400965 a 32-bit identifier
func SetKevent(k *Kevent_t, fd, mode, flags int) {
	k.Ident, k.Filter, k.Flags = uint32(fd), int16(mode), uint16(flags)
}

//graft:replace syscall_darwin_386.go 5b29dd3fe540 a 32-bit length
func (iov *Iovec) SetLen(length int) { iov.Len = uint32(length) }

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

//graft:replace zsyscall_darwin_386.go 1bf667edb01d a 64-bit length is two arguments
func Ftruncate(fd int, length int64) (err error) {
	_, _, e := syscall(abi.FuncPCABI0(libc_ftruncate_trampoline), uintptr(fd), lo32(length), hi32(length))
	return errOf(e)
}

//graft:replace zsyscall_darwin_386.go eeec9976e260 a 64-bit length is two arguments
func Truncate(path string, length int64) (err error) {
	p, err := BytePtrFromString(path)
	if err != nil {
		return err
	}
	_, _, e := syscall(abi.FuncPCABI0(libc_truncate_trampoline), uintptr(unsafe.Pointer(p)), lo32(length), hi32(length))
	return errOf(e)
}

//graft:replace zsyscall_darwin_386.go c120ecb181d5 a 64-bit offset is two arguments
func pread(fd int, p []byte, offset int64) (n int, err error) {
	r, _, e := syscall6(abi.FuncPCABI0(libc_pread_trampoline), uintptr(fd), uintptr(bufArg(p)), uintptr(len(p)), lo32(offset), hi32(offset), 0)
	return int(r), errOf(e)
}

//graft:replace zsyscall_darwin_386.go 8ee43006543a a 64-bit offset is two arguments
func pwrite(fd int, p []byte, offset int64) (n int, err error) {
	r, _, e := syscall6(abi.FuncPCABI0(libc_pwrite_trampoline), uintptr(fd), uintptr(bufArg(p)), uintptr(len(p)), lo32(offset), hi32(offset), 0)
	return int(r), errOf(e)
}

//graft:replace zsyscall_darwin_386.go b7386b6ec111 a 64-bit offset is two arguments, and two results
func Seek(fd int, offset int64, whence int) (newoffset int64, err error) {
	lo, hi, e := syscall6(abi.FuncPCABI0(libc_lseek_trampoline), uintptr(fd), lo32(offset), hi32(offset), uintptr(whence), 0, 0)
	if e != 0 {
		return -1, errnoErr(e)
	}
	return int64(hi)<<32 | int64(lo), nil
}

//graft:replace zsyscall_darwin_386.go 5cdb27326619 a 64-bit offset is two arguments
func mmap(addr uintptr, length uintptr, prot int, flag int, fd int, pos int64) (ret uintptr, err error) {
	r, _, e := syscall9(abi.FuncPCABI0(libc_mmap_trampoline), addr, length, uintptr(prot), uintptr(flag), uintptr(fd), lo32(pos), hi32(pos), 0, 0)
	return r, errOf(e)
}
