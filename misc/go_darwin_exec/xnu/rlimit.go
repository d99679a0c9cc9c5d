// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"math"
	"sync/atomic"
	"syscall"

	"goxnu/misc/go_darwin_exec/origlimit"
)

func init() {
	for i := range rlimits {
		var lim syscall.Rlimit
		if h := hostRlimit[i]; h >= 0 && syscall.Getrlimit(int(h), &lim) == nil {
			setRlimit(i, lim.Cur, lim.Max)
		} else {
			setRlimit(i, rlimInfinity, rlimInfinity)
		}
	}
	// Package syscall has raised this one since.
	if lim, ok := origlimit.Nofile(); ok {
		setRlimit(rlimitNofile, lim.Cur, lim.Max)
	}
}

// Resources (xnu-11417 bsd/sys/resource.h).
const (
	rlimitCPU = iota
	rlimitFsize
	rlimitData
	rlimitStack
	rlimitCore
	rlimitAS // also RSS
	rlimitMemlock
	rlimitNproc
	rlimitNofile
	rlimNlimits

	rlimitPosixFlag = 0x1000
	rlimInfinity    = 1<<63 - 1
)

// hostRlimit is Linux's number of a resource that means the same there, and
// -1 for those that bound something else: DATA and AS would bound the runner's
// own memory, and NPROC counts threads.
var hostRlimit = [rlimNlimits]int8{
	rlimitCPU:     syscall.RLIMIT_CPU,
	rlimitFsize:   syscall.RLIMIT_FSIZE,
	rlimitData:    -1,
	rlimitStack:   syscall.RLIMIT_STACK,
	rlimitCore:    syscall.RLIMIT_CORE,
	rlimitAS:      -1,
	rlimitMemlock: 8,
	rlimitNproc:   -1,
	rlimitNofile:  syscall.RLIMIT_NOFILE,
}

// rlimits are the guest's limits. Only NOFILE and FSIZE are enforced on the guest
// itself (FSIZE not on mapped files); all that Linux has too are handed to the programs it executes (execLimits).
// The runner must not be bound by them (raiseFileLimit): it would be the one that SIGXCPU or
// SIGXFSZ kills. The host's own SIGXFSZ is dropped (package hostsig), as SIGPIPE is.
var rlimits [rlimNlimits]struct{ cur, max atomic.Uint64 }

// setRlimit stores a limit of the host's or the guest's: anything above
// infinity is infinity.
func setRlimit(which int, cur, max uint64) {
	rlimits[which].cur.Store(min(cur, rlimInfinity))
	rlimits[which].max.Store(min(max, rlimInfinity))
}

// openMax is kern.maxfilesperproc on a stock system, maxfiles kern.maxfiles
// (xnu-11417 bsd/sys/syslimits.h: OPEN_MAX, bsd/conf/param.c).
const (
	openMax  = 10240
	maxfiles = openMax + 2048
)

// maxfilesperproc is the bound of what RLIMIT_NOFILE can mean here.
func maxfilesperproc() uint64 { return min(openMax, uint64(hiddenFDBase)) }

// mostFiles is the largest soft limit NOFILE that a process could set up to 6153
// (bsd/kern/kern_resource.c:dosetrlimit). Of root's, too, maxfilesperproc counted.
func mostFiles() uint64 { return bySuser(maxfiles, maxfilesperproc()) }

// mostProcs is that of NPROC, in all releases.
func mostProcs() uint64 { return bySuser(maxproc, maxprocperuid) }

// bySuser returns the bound for the superuser or that for others.
func bySuser(root, other uint64) uint64 {
	if suser() {
		return root
	}
	return other
}

// nofile is the number of descriptors that the guest may have
// (xnu-11417 bsd/kern/kern_descrip.c:proc_limitgetcur_nofile).
func nofile() uint64 { return min(rlimits[rlimitNofile].cur.Load(), maxfilesperproc()) }

// rlimit returns a limit as the release could have given it: the host may have
// begun with more. What the guest does not change its programs get as it was.
func (p *Proc) rlimit(which uint32) (cur, max uint64) {
	cur, max = rlimits[which].cur.Load(), rlimits[which].max.Load()
	switch {
	case which == rlimitNofile && p.Release < XNU7195:
		cur = min(cur, mostFiles())
	case which == rlimitStack && p.Release < XNU8019:
		cur, max = min(cur, maxsmap), min(max, maxsmap)
	}
	return cur, max
}

func sysGetdtablesize(t *Thread, a *args) (uint64, Errno) {
	return nofile(), 0
}

// sysGetrlimit: struct rlimit is two 64-bit words on both ABIs.
func sysGetrlimit(t *Thread, a *args) (uint64, Errno) {
	which := uint32(a[0]) &^ rlimitPosixFlag
	if which >= rlimNlimits {
		return 0, EINVAL
	}
	cur, max := t.p.rlimit(which)
	b := t.fs.buf[:16]
	putUint64(b, cur)
	putUint64(b[8:], max)
	return 0, copyoutBytes(a[1], b)
}

// maxsmap is the largest stack (xnu-11417 bsd/kern/kern_resource.c: MAXSSIZ less
// a page; all releases).
const maxsmap = 64<<20 - 4096

// sysSetrlimit is bsd/kern/kern_resource.c:dosetrlimit. What is out of reach
// was cut down, or EINVAL with the POSIX flag, which libSystem's setrlimit sets
// (libsyscall/wrappers/unix03/setrlimit.c). From 7195 on NOFILE, and from 8019 on
// STACK, are stored, and the kernel's own bounds count.
func sysSetrlimit(t *Thread, a *args) (uint64, Errno) {
	which, posix := uint32(a[0])&^rlimitPosixFlag, uint32(a[0])&rlimitPosixFlag != 0
	b := t.fs.buf[:16]
	if e := copyinBytes(b, a[1]); e != 0 {
		return 0, e
	}
	if which >= rlimNlimits {
		return 0, EINVAL
	}
	cur, max := getUint64(b), getUint64(b[8:])
	if cur > max {
		return 0, EINVAL
	}
	oldCur, oldMax := t.p.rlimit(which)
	if (cur > oldMax || max > oldMax) && !suser() {
		return 0, EPERM
	}
	switch which {
	case rlimitStack:
		if max > maxsmap && t.p.Release < XNU8019 {
			if posix {
				return 0, EINVAL
			}
			cur, max = min(cur, maxsmap), maxsmap
		}
		// It can be made smaller only from the stack itself, and not below what is in use.
		if size := min(cur, maxsmap); size < min(oldCur, maxsmap) {
			used := t.p.stackTop() - t.cpu.Regs.RSP // huge on another stack
			if used >= (size+pageSize-1)&^(pageSize-1) {
				return 0, EINVAL
			}
		}
	case rlimitNofile:
		if t.p.Release >= XNU7195 {
			break
		}
		most := mostFiles()
		if cur > most && cur != oldCur {
			if posix {
				return 0, EINVAL
			}
			cur = most
		}
		if max > most && max != oldMax {
			max = most
		}
	case rlimitNproc:
		most := mostProcs()
		cur, max = min(cur, most), min(max, most)
	}
	setRlimit(int(which), cur, max)
	return 0, 0
}

// fileLimit returns how many of n bytes to be written to fd at off (at its own
// offset, if off is negative) RLIMIT_FSIZE lets through; none is EFBIG and a
// signal (xnu-11417 bsd/vfs/vfs_vnops.c:vn_write; 1504 too).
func (t *Thread) fileLimit(fd int32, off int64, n uint64) (uint64, Errno) {
	limit := rlimits[rlimitFsize].cur.Load()
	if limit >= rlimInfinity {
		return n, 0
	}
	if st, e := t.fstatx(fd); e != 0 || st.mode()&syscall.S_IFMT != syscall.S_IFREG {
		return n, 0
	}
	if off < 0 {
		at, e := host(syscall.SYS_LSEEK, uintptr(fd), 0, 1, 0, 0, 0)
		if e != 0 {
			return n, 0
		}
		off = int64(at)
	}
	over := uint64(off) + n - limit
	switch {
	case uint64(off)+n <= limit:
		return n, 0
	case over >= n:
		t.p.psignal(SIGXFSZ)
		return 0, EFBIG
	}
	return n - over, 0
}

// limitVector is fileLimit for the vector that iovec has returned: it cuts what
// is not let through.
func (t *Thread) limitVector(fd int32, off int64, count uintptr) Errno {
	if rlimits[rlimitFsize].cur.Load() >= rlimInfinity || count == 0 {
		return 0
	}
	v := t.fs.iov[:count]
	total := uint64(0)
	for i := range v {
		if total += v[i].size; v[i].size > math.MaxInt32 || total > math.MaxInt32 {
			return 0 // the host says EINVAL
		}
	}
	rest, e := t.fileLimit(fd, off, total)
	if e != 0 {
		return e
	}
	for i := range v {
		v[i].size = min(v[i].size, rest)
		rest -= v[i].size
	}
	return 0
}

// sizeLimit is fileLimit for a new size. Up to 6153 truncate and ftruncate did
// not look (xnu-7195 bsd/vfs/vfs_syscalls.c:truncate).
func (t *Thread) sizeLimit(size int64) Errno {
	if size >= 0 && uint64(size) > rlimits[rlimitFsize].cur.Load() && t.p.Release >= XNU7195 {
		t.p.psignal(SIGXFSZ)
		return EFBIG
	}
	return 0
}

// suser reports whether the process has the superuser's rights.
func suser() bool {
	euid, _ := host(syscall.SYS_GETEUID, 0, 0, 0, 0, 0, 0)
	return euid == 0
}

var execRlimits, hostRlimitsSaved [rlimNlimits][16]byte

// execLimits gives the host process the guest's limits, for the program that
// it is about to become. It neither allocates nor locks.
func execLimits() {
	for i := range rlimits {
		h := hostRlimit[i]
		if h < 0 {
			continue
		}
		b := execRlimits[i][:]
		putUint64(b, hostRlim(rlimits[i].cur.Load()))
		putUint64(b[8:], hostRlim(rlimits[i].max.Load()))
		host(syscall.SYS_PRLIMIT64, 0, uintptr(h), hostBuf(&b[0]), hostBuf(&hostRlimitsSaved[i][0]), 0, 0)
	}
}

// execLimitsUndo takes execLimits back when the execve has failed.
func execLimitsUndo() {
	for i := range rlimits {
		if h := hostRlimit[i]; h >= 0 {
			host(syscall.SYS_PRLIMIT64, 0, uintptr(h), hostBuf(&hostRlimitsSaved[i][0]), 0, 0, 0)
		}
	}
}

func hostRlim(v uint64) uint64 {
	if v >= rlimInfinity {
		return ^uint64(0)
	}
	return v
}
