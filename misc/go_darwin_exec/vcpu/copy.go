// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package vcpu

import (
	"bytes"
	"unsafe"
)

// safeCopy copies n bytes and returns how many it could not, because an
// address was bad. It is implemented in assembly. Four and eight bytes are
// moved by one load and one store.
//
//go:noescape
func safeCopy(dst, src, n uintptr) (left uintptr)

// CopyIn fills dst from guest memory. It reports false if an address was bad:
// not mapped, or not the guest's (see Owned). So do the functions below.
//
//go:nosplit
func CopyIn(dst []byte, src uint64) bool {
	return Owned(src, uint64(len(dst))) == uint64(len(dst)) && CopyInHost(dst, src)
}

// CopyInHost is CopyIn for memory that is the host's.
//
//go:nosplit
func CopyInHost(dst []byte, src uint64) bool {
	return safeCopy(uintptr(unsafe.Pointer(unsafe.SliceData(dst))), uintptr(src), uintptr(len(dst))) == 0
}

// CopyOut writes src to guest memory. It reports false if an address was
// bad; then a part may have been written.
//
//go:nosplit
func CopyOut(dst uint64, src []byte) bool {
	return Owned(dst, uint64(len(src))) == uint64(len(src)) &&
		safeCopy(uintptr(dst), uintptr(unsafe.Pointer(unsafe.SliceData(src))), uintptr(len(src))) == 0
}

// CopyInStr copies a NUL-terminated string from guest memory to dst and
// returns its length without the NUL. It returns len(dst) if no NUL came
// within dst, and -1 if an address was bad.
func CopyInStr(dst []byte, src uint64) int {
	const page = 4096
	for n := 0; n < len(dst); {
		m := min(len(dst)-n, int(page-(src+uint64(n))%page))
		chunk := dst[n : n+m]
		if Owned(src+uint64(n), uint64(m)) == 0 { // all of it or nothing: it is in one page
			return -1
		}
		left := int(safeCopy(uintptr(unsafe.Pointer(&chunk[0])), uintptr(src)+uintptr(n), uintptr(m)))
		if i := bytes.IndexByte(chunk[:m-left], 0); i >= 0 {
			return n + i
		}
		if left != 0 {
			return -1
		}
		n += m
	}
	return len(dst)
}

// Load32 reads a word of guest memory.
//
//go:nosplit
func Load32(src uint64) (v uint32, ok bool) {
	ok = Owned(src, 4) == 4 && safeCopy(uintptr(unsafe.Pointer(&v)), uintptr(src), 4) == 0
	return
}

// Load64 reads a word of guest memory.
//
//go:nosplit
func Load64(src uint64) (v uint64, ok bool) {
	ok = Owned(src, 8) == 8 && safeCopy(uintptr(unsafe.Pointer(&v)), uintptr(src), 8) == 0
	return
}

// Store32 writes a word of guest memory.
//
//go:nosplit
func Store32(dst uint64, v uint32) bool {
	return Owned(dst, 4) == 4 && safeCopy(uintptr(dst), uintptr(unsafe.Pointer(&v)), 4) == 0
}

// Store64 writes a word of guest memory.
//
//go:nosplit
func Store64(dst uint64, v uint64) bool {
	return Owned(dst, 8) == 8 && safeCopy(uintptr(dst), uintptr(unsafe.Pointer(&v)), 8) == 0
}

// CompareAndSwap64 exchanges a word of guest memory, if it is old. It reports
// false if it is not, or if the address is bad. The word may be unaligned but
// must lie in one cache line.
//
//go:nosplit
func CompareAndSwap64(addr, old, new uint64) bool {
	return Owned(addr, 8) == 8 && safeCAS(uintptr(addr), old, new) == 1
}

// safeCAS returns 1 if it has exchanged the word, 0 if it was different, and
// 2 if addr was bad.
func safeCAS(addr uintptr, old, new uint64) (r uintptr)

// Random64 returns a random number of the host's kernel.
func Random64() (v uint64) {
	const sysGetrandom = 318
	Raw(sysGetrandom, uintptr(unsafe.Pointer(&v)), 8, 0, 0, 0, 0)
	return v
}
