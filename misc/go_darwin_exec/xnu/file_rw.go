// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"math"
	"syscall"
)

// sysRead and its kin refuse more than INT_MAX bytes
// (xnu-11417 bsd/kern/sys_generic.c:dofileread, dofilewrite; 1504 too).
func sysRead(t *Thread, a *args) (uint64, Errno) {
	if a[2] > math.MaxInt32 {
		return 0, EINVAL
	}
	buf, size := dstBuf(a[1], a[2])
	n, e := t.block(syscall.SYS_READ, uintptr(int32(a[0])), buf, size, 0, 0, 0)
	if e != 0 || n == 0 {
		return readResult(a[0], n, e)
	}
	return n, 0
}

// readResult is what reading fd gives where the host's result is n, 0, or e.
func readResult(fd, n uint64, e Errno) (uint64, Errno) {
	if fdBitsOf(int32(fd))&fdNoCtty != 0 && e == 0 {
		return 0, EIO // xnu-11417 bsd/kern/tty_tty.c:cttyread
	}
	n, e = recvResult(int32(fd), 0, n, e)
	return ptyEOF(fd, n, e)
}

// ptyEOF is what reading fd gives, for the result n and e of the host. The host
// has EIO for a terminal's master when nobody has the other side open any
// more; XNU, the end of the file (xnu-11417 bsd/kern/tty_dev.c:ptcread; 1504 too).
func ptyEOF(fd, n uint64, e Errno) (uint64, Errno) {
	if e == EIO {
		if _, err := ioctlInt(int32(fd), linuxTiocgptn); err == 0 {
			return 0, 0
		}
	}
	return n, e
}

func sysWrite(t *Thread, a *args) (uint64, Errno) {
	if a[2] > math.MaxInt32 {
		return 0, EINVAL
	}
	fd := int32(a[0])
	if fdBitsOf(fd)&fdDgram != 0 {
		return t.writeDatagram(fd, t.sockBuf().oneIov(a[1], a[2]), 1)
	}
	n, e := t.fileLimit(fd, -1, a[2])
	if e != 0 {
		return 0, e
	}
	n, e = t.block(syscall.SYS_WRITE, uintptr(fd), srcBuf(a[1], n), uintptr(n), 0, 0, 0)
	if e != 0 {
		e = t.sendError(fd, 0, e)
	}
	return n, e
}

func sysPread(t *Thread, a *args) (uint64, Errno) {
	if a[2] > math.MaxInt32 || int64(a[3]) < 0 {
		return 0, EINVAL
	}
	buf, size := dstBuf(a[1], a[2])
	return t.block(syscall.SYS_PREAD64, uintptr(int32(a[0])), buf, size, uintptr(a[3]), 0, 0)
}

func sysPwrite(t *Thread, a *args) (uint64, Errno) {
	if a[2] > math.MaxInt32 || int64(a[3]) < 0 {
		return 0, EINVAL
	}
	n, e := t.fileLimit(int32(a[0]), int64(a[3]), a[2])
	if e != 0 {
		return 0, e
	}
	return t.block(syscall.SYS_PWRITE64, uintptr(int32(a[0])), srcBuf(a[1], n), uintptr(n), uintptr(a[3]), 0, 0)
}

// iovMax is UIO_MAXIOV: the count of a vector must be 1..1024
// (xnu-11417 bsd/kern/sys_generic.c:readv_internal).
const iovMax = 1024

func iovCount(n uint64) bool { return uint32(n) >= 1 && uint32(n) <= iovMax }

func sysReadv(t *Thread, a *args) (uint64, Errno) {
	if !iovCount(a[2]) {
		return 0, EINVAL
	}
	iov, cnt, e := t.iovec(a[1], uint64(uint32(a[2])))
	if e != 0 {
		return 0, e
	}
	n, e := t.block(syscall.SYS_READV, uintptr(int32(a[0])), iov, cnt, 0, 0, 0)
	if e != 0 || n == 0 {
		return readResult(a[0], n, e)
	}
	return n, 0
}

func sysWritev(t *Thread, a *args) (uint64, Errno) {
	if !iovCount(a[2]) {
		return 0, EINVAL
	}
	fd := int32(a[0])
	iov, cnt, e := t.iovec(a[1], uint64(uint32(a[2])))
	if e != 0 {
		return 0, e
	}
	if fdBitsOf(fd)&fdDgram != 0 {
		return t.writeDatagram(fd, iov, cnt)
	}
	if e := t.limitVector(fd, -1, cnt); e != 0 {
		return 0, e
	}
	n, e := t.block(syscall.SYS_WRITEV, uintptr(fd), iov, cnt, 0, 0, 0)
	if e != 0 {
		e = t.sendError(fd, 0, e)
	}
	return n, e
}

func sysPreadv(t *Thread, a *args) (uint64, Errno) {
	if !iovCount(a[2]) || int64(a[3]) < 0 {
		return 0, EINVAL
	}
	iov, cnt, e := t.iovec(a[1], uint64(uint32(a[2])))
	if e != 0 {
		return 0, e
	}
	return t.block(syscall.SYS_PREADV, uintptr(int32(a[0])), iov, cnt, uintptr(a[3]), 0, 0)
}

func sysPwritev(t *Thread, a *args) (uint64, Errno) {
	if !iovCount(a[2]) || int64(a[3]) < 0 {
		return 0, EINVAL
	}
	iov, cnt, e := t.iovec(a[1], uint64(uint32(a[2])))
	if e != 0 {
		return 0, e
	}
	if e := t.limitVector(int32(a[0]), int64(a[3]), cnt); e != 0 {
		return 0, e
	}
	return t.block(syscall.SYS_PWRITEV, uintptr(int32(a[0])), iov, cnt, uintptr(a[3]), 0, 0)
}

// sigpipe posts the signal that goes with EPIPE to the process
// (xnu-11417 bsd/kern/sys_generic.c:dofilewrite, bsd/kern/sys_socket.c:soo_write).
func (t *Thread) sigpipe(fd int32) {
	if fdBitsOf(fd)&fdNosigpipe == 0 {
		t.p.psignal(SIGPIPE)
	}
}

// hostWhence is Linux's number of XNU's SEEK_ constant: HOLE and DATA are
// the other way round (xnu-11417 bsd/sys/unistd.h; since 3789).
func hostWhence(w int32, r Release) (uintptr, bool) {
	switch {
	case w >= 0 && w <= 2:
		return uintptr(w), true
	case w == 3 && r >= XNU3789: // SEEK_HOLE
		return 4, true
	case w == 4 && r >= XNU3789: // SEEK_DATA
		return 3, true
	}
	return 0, false
}

func sysLseek(t *Thread, a *args) (uint64, Errno) {
	w, ok := hostWhence(int32(a[2]), t.p.Release)
	if !ok {
		return 0, EINVAL
	}
	return host(syscall.SYS_LSEEK, uintptr(int32(a[0])), uintptr(a[1]), w, 0, 0, 0)
}

// sysFsync: a descriptor that is no file gets ENOTSUP
// (xnu-11417 bsd/vfs/vfs_syscalls.c:fsync_common, bsd/kern/kern_descrip.c:fp_getfvp);
// a device that has nothing to write gets 0, where Linux says EINVAL.
func sysFsync(t *Thread, a *args) (uint64, Errno) {
	return t.fsync(syscall.SYS_FSYNC, int32(a[0]))
}

func sysFdatasync(t *Thread, a *args) (uint64, Errno) {
	return t.fsync(syscall.SYS_FDATASYNC, int32(a[0]))
}

func (t *Thread) fsync(nr uintptr, fd int32) (uint64, Errno) {
	_, e := t.block(nr, uintptr(fd), 0, 0, 0, 0, 0)
	if e == EINVAL {
		e = ENOTSUP
		if st, se := t.fstatx(fd); se == 0 && st.mode()&syscall.S_IFMT == syscall.S_IFCHR {
			e = 0
		}
	}
	return 0, e
}

// fcntlSync is fsync by fcntl, which says EBADF of a descriptor that is no file
// (xnu-1504, xnu-11417 bsd/kern/kern_descrip.c:fcntl).
func (t *Thread) fcntlSync(nr uintptr, fd int32) (uint64, Errno) {
	_, e := t.fsync(nr, fd)
	if e == ENOTSUP {
		e = EBADF
	}
	return 0, e
}

func sysSync(t *Thread, a *args) (uint64, Errno) {
	return ret(t.block(syscall.SYS_SYNC, 0, 0, 0, 0, 0, 0))
}

func sysTruncate(t *Thread, a *args) (uint64, Errno) {
	if e := t.sizeLimit(int64(a[1])); e != 0 {
		return 0, e
	}
	p, e := t.plainPath(0, a[0])
	if e != 0 {
		return 0, e
	}
	return ret(t.block(syscall.SYS_TRUNCATE, p, uintptr(a[1]), 0, 0, 0, 0))
}

func sysFtruncate(t *Thread, a *args) (uint64, Errno) {
	if e := t.sizeLimit(int64(a[1])); e != 0 {
		return 0, e
	}
	return ret(t.block(syscall.SYS_FTRUNCATE, uintptr(int32(a[0])), uintptr(a[1]), 0, 0, 0, 0))
}
