// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package pprof

import (
	"bytes"
	"encoding/binary"
	"internal/goarch"
	"os"
	"syscall"
	"unsafe"
)

// Arguments of the proc_info call (xnu-1504 bsd/sys/proc_info.h).
const (
	procInfoCallPIDInfo   = 2
	procPIDRegionPathInfo = 8
)

// A procRegion is struct proc_regionwithpathinfo, the same on both
// architectures and in every release from xnu-1504 to xnu-11417
// (bsd/sys/proc_info.h).
type procRegion struct {
	protection uint32
	_          [3]uint32 // max_protection, inheritance, flags
	offset     [8]byte   // a uint64, which 386 would align to 4
	_          [14]uint32
	address    [8]byte
	size       [8]byte
	_          [152]byte // struct vnode_info
	path       [1024]byte
}

// readProcRegion fills r with the memory region that holds addr or, if none
// does, with the next one (xnu-1504 osfmk/kern/bsd_kern.c:fill_procregioninfo).
// It reports false after the last.
func readProcRegion(addr uint64, r *procRegion) bool {
	pid := uintptr(os.Getpid())
	var n uintptr
	var errno syscall.Errno
	if goarch.PtrSize == 8 {
		n, _, errno = syscall.Syscall6(syscall.SYS_PROC_INFO, procInfoCallPIDInfo, pid, procPIDRegionPathInfo,
			uintptr(addr), uintptr(unsafe.Pointer(r)), unsafe.Sizeof(*r))
	} else { // addr takes two words
		n, _, errno = syscall.Syscall9(syscall.SYS_PROC_INFO, procInfoCallPIDInfo, pid, procPIDRegionPathInfo,
			uintptr(addr), uintptr(addr>>32), uintptr(unsafe.Pointer(r)), unsafe.Sizeof(*r), 0, 0)
	}
	return errno == 0 && n == unsafe.Sizeof(*r)
}

// machVMInfo calls addMapping for every region of the process whose code can
// be run, in the order of addresses. It reports whether there was one.
//
// It takes upstream's place, which asks the task port by a Mach message; from
// macOS 13 on the kernel kills a process that sends one
// (xnu-8792 osfmk/ipc/mach_msg.c:mach_msg_legacy_allowed).
func machVMInfo(addMapping func(lo, hi, offset uint64, file, buildID string)) bool {
	const readExec = 1 | 4 // VM_PROT_READ, VM_PROT_EXECUTE
	added := false
	r := new(procRegion)
	for addr := uint64(0); readProcRegion(addr, r); {
		lo, size := binary.NativeEndian.Uint64(r.address[:]), binary.NativeEndian.Uint64(r.size[:])
		hi := lo + size
		if hi <= addr {
			break
		}
		if r.protection&readExec == readExec {
			path, _, _ := bytes.Cut(r.path[:], []byte{0})
			addMapping(lo, hi, binary.NativeEndian.Uint64(r.offset[:]), string(path), "")
			added = true
		}
		addr = hi
	}
	return added
}
