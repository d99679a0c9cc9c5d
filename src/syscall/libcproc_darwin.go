// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

// What libproc says about processes: call proc_info with a number for each
// kind of question. Its functions return 0, not -1, for an error, but for
// proc_pid_rusage (xnu-11417 libsyscall/wrappers/libproc/libproc.c).

package syscall

import "unsafe"

const (
	procCallListpids  = 1
	procCallPidinfo   = 2
	procCallPidfdinfo = 3
	procCallPidrusage = 9 // from 10.9 on, EINVAL before

	procAllPids  = 1
	procPgrpOnly = 2
	procPpidOnly = 6
	procKindMax  = 7 // PROC_KDBG_ONLY

	procPidtbsdinfo       = 3
	procPidregionpathinfo = 8
	procPidpathinfo       = 11

	procPathMax    = 1024
	procPathMaxMax = 4 * 1024
)

// kernel8 makes BSD call or Mach trap nr, numbered as the kernel entry wants
// it, with up to eight arguments. errno is 0 for a trap.
//
//go:noescape
func kernel8(nr uintptr, args *[8]uintptr) (r, errno uintptr)

// procInfo is the call proc_info. Its fourth argument has 64 bits.
func procInfo(call, pid, flavor uintptr, arg uint64, buf, size uintptr) (r, errno uintptr) {
	if word64 == 1 {
		return kernel6(sys_proc_info, call, pid, flavor, uintptr(arg), buf, size)
	}
	return kernel8(sys_proc_info, &[8]uintptr{call, pid, flavor, uintptr(arg), uintptr(arg >> 32), buf, size})
}

// orZero turns the result of a failed call into 0.
func orZero(r, errno uintptr) (uintptr, uintptr) {
	if errno != 0 {
		return 0, errno
	}
	return r, 0
}

// proc_pidinfo(pid, flavor, arg, buf, size)
func emulProcPidinfo(a *libcArgs) (r, errno uintptr) {
	arg, rest := arg64(a, 2)
	return orZero(procInfo(procCallPidinfo, a[0], a[1], arg, a[rest], a[rest+1]))
}

// arg64 returns the 64-bit argument that begins with word i, and the index of
// the next argument.
func arg64(a *libcArgs, i int) (arg uint64, next int) {
	if word64 == 1 {
		return uint64(a[i]), i + 1
	}
	return uint64(a[i]) | uint64(a[i+1])<<32, i + 2
}

// proc_pidfdinfo(pid, fd, flavor, buf, size)
func emulProcPidfdinfo(a *libcArgs) (r, errno uintptr) {
	return orZero(procInfo(procCallPidfdinfo, a[0], a[2], uint64(int64(int32(a[1]))), a[3], a[4]))
}

// proc_listpids(kind, which, buf, size)
func emulProcListpids(a *libcArgs) (r, errno uintptr) {
	return listpids(a[0], a[1], a[2], a[3])
}

func listpids(kind, which, buf, size uintptr) (r, errno uintptr) {
	if k := uint32(kind); k < procAllPids || k > procKindMax {
		return 0, uintptr(EINVAL)
	}
	return orZero(procInfo(procCallListpids, kind, which, 0, buf, size))
}

// proc_listallpids(buf, size), proc_listpgrppids(pgrp, buf, size) and
// proc_listchildpids(ppid, buf, size) count numbers, not bytes.
func emulProcListallpids(a *libcArgs) (r, errno uintptr) {
	r, errno = listpids(procAllPids, 0, a[0], a[1])
	return r / 4, errno
}

func emulProcListpgrppids(a *libcArgs) (r, errno uintptr) {
	r, errno = listpids(procPgrpOnly, a[0], a[1], a[2])
	return r / 4, errno
}

func emulProcListchildpids(a *libcArgs) (r, errno uintptr) {
	r, errno = listpids(procPpidOnly, a[0], a[1], a[2])
	return r / 4, errno
}

// proc_pid_rusage(pid, flavor, buf)
func emulProcPidRusage(a *libcArgs) (r, errno uintptr) {
	return procInfo(procCallPidrusage, a[0], a[1], 0, a[2], 0)
}

// proc_pidpath(pid, buf, size)
func emulProcPidpath(a *libcArgs) (r, errno uintptr) {
	switch size := uint32(a[2]); {
	case size < procPathMax:
		return 0, uintptr(ENOMEM)
	case size > procPathMaxMax:
		return 0, uintptr(EOVERFLOW)
	}
	if _, errno = procInfo(procCallPidinfo, a[0], procPidpathinfo, 0, a[1], a[2]); errno != 0 {
		return 0, errno
	}
	return cstrlen(a[1]), 0
}

// proc_name(pid, buf, size): the name that is 32 bytes long in struct
// proc_bsdinfo or, if it is empty, the one of 16.
func emulProcName(a *libcArgs) (r, errno uintptr) {
	const (
		commOff, commSize = 48, 16
		nameOff, nameSize = 64, 32
	)
	if uint32(a[2]) < nameSize {
		return 0, uintptr(ENOMEM)
	}
	var info [136]byte // struct proc_bsdinfo
	_, errno = procInfo(procCallPidinfo, a[0], procPidtbsdinfo, 0, addr(unsafe.Pointer(&info)), unsafe.Sizeof(info))
	if errno == 0 {
		name := info[nameOff : nameOff+nameSize]
		if name[0] == 0 {
			name = info[commOff : commOff+commSize]
		}
		for r < uintptr(len(name)) && name[r] != 0 {
			*(*byte)(ptr(a[1] + r)) = name[r]
			r++
		}
		if r < uintptr(uint32(a[2])) {
			*(*byte)(ptr(a[1] + r)) = 0
		}
	}
	keep(unsafe.Pointer(&info))
	return r, errno
}

// proc_regionfilename(pid, address, buf, size): the file of the region that
// holds the address, or of the next one; empty if it has none.
func emulProcRegionfilename(a *libcArgs) (r, errno uintptr) {
	const pathOff = 248 // in struct proc_regionwithpathinfo
	address, rest := arg64(a, 1)
	buf, size := a[rest], uintptr(uint32(a[rest+1]))
	if size < procPathMax {
		return 0, uintptr(ENOMEM)
	}
	var info [pathOff + procPathMax]byte
	_, errno = procInfo(procCallPidinfo, a[0], procPidregionpathinfo, address, addr(unsafe.Pointer(&info)), unsafe.Sizeof(info))
	if errno == 0 {
		path := info[pathOff:]
		for r < procPathMax-1 && path[r] != 0 {
			*(*byte)(ptr(buf + r)) = path[r]
			r++
		}
		*(*byte)(ptr(buf + r)) = 0
	}
	keep(unsafe.Pointer(&info))
	return r, errno
}
