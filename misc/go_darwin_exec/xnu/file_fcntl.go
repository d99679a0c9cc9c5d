// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"syscall"
)

// fcntlCmd is a command of XNU's fcntl (xnu-11417 bsd/sys/fcntl.h).
type fcntlCmd int32

const (
	fDupfd         fcntlCmd = 0
	fGetfd         fcntlCmd = 1
	fSetfd         fcntlCmd = 2
	fGetfl         fcntlCmd = 3
	fSetfl         fcntlCmd = 4
	fGetown        fcntlCmd = 5
	fSetown        fcntlCmd = 6
	fGetlk         fcntlCmd = 7
	fSetlk         fcntlCmd = 8
	fSetlkw        fcntlCmd = 9
	fFlushData     fcntlCmd = 40
	fPreallocate   fcntlCmd = 42
	fSetsize       fcntlCmd = 43
	fRdadvise      fcntlCmd = 44
	fRdahead       fcntlCmd = 45
	fNocache       fcntlCmd = 48
	fGetpath       fcntlCmd = 50
	fFullfsync     fcntlCmd = 51
	fGlobalNocache fcntlCmd = 55
	fNodirect      fcntlCmd = 62
	fDupfdCloexec  fcntlCmd = 67 // since 1699
	fSetnosigpipe  fcntlCmd = 73 // since 1699
	fGetnosigpipe  fcntlCmd = 74 // since 1699
	fSingleWriter  fcntlCmd = 76
	fBarrierfsync  fcntlCmd = 85 // since 3248
	fOfdSetlk      fcntlCmd = 90 // since 10002
	fOfdSetlkw     fcntlCmd = 91
	fOfdGetlk      fcntlCmd = 92
	fPunchhole     fcntlCmd = 99  // since 3789
	fGetpathNofirm fcntlCmd = 102 // since 6153
)

// fcntlSince is the first release with a command; a command that is not
// listed has been there always.
var fcntlSince = map[fcntlCmd]Release{
	fDupfdCloexec:  XNU1699,
	fSetnosigpipe:  XNU1699,
	fGetnosigpipe:  XNU1699,
	fBarrierfsync:  XNU3248,
	fOfdSetlk:      XNU10002,
	fOfdSetlkw:     XNU10002,
	fOfdGetlk:      XNU10002,
	fPunchhole:     XNU3789,
	fGetpathNofirm: XNU6153,
}

// Linux's commands that differ (include/uapi/asm-generic/fcntl.h).
const (
	linuxFSetown = 8

	linuxFGetownEx  = 16
	linuxFOwnerPgrp = 2

	linuxOfdGetlk = 36
	linuxOfdSetlk = 37
	linuxOfdSetkw = 38

	linuxFallocKeepSize  = 1
	linuxFallocPunchHole = 2
	linuxFadvWillneed    = 3
)

// sysFcntl is xnu-11417 bsd/kern/kern_descrip.c:sys_fcntl_nocancel. Commands
// that tune a cache which the host manages in its own way succeed without
// effect; those that belong to code signing or to a file system of Apple's
// fail with ENOTTY, as on a file system that does not know them.
func sysFcntl(t *Thread, a *args) (uint64, Errno) {
	fd, cmd, arg := uintptr(int32(a[0])), fcntlCmd(a[1]), a[2]
	switch cmd { // the hot and the forked child's ones first; no map
	case fDupfd:
		return fcntlDup(int32(fd), syscall.F_DUPFD, arg)
	case fDupfdCloexec:
		if t.p.Release < XNU1699 {
			return 0, EINVAL
		}
		return fcntlDup(int32(fd), syscall.F_DUPFD_CLOEXEC, arg)
	case fGetfd:
		return host(syscall.SYS_FCNTL, fd, syscall.F_GETFD, 0, 0, 0, 0)
	case fSetfd:
		return ret(host(syscall.SYS_FCNTL, fd, syscall.F_SETFD, uintptr(arg&1), 0, 0, 0))
	case fGetfl:
		fl, e := hostStatusFlags(int32(fd))
		return uint64(guestStatusFlags(fl)), e
	case fSetfl:
		const settable = oNonblock | oAppend | oAsync | oSync | oDsync
		return ret(host(syscall.SYS_FCNTL, fd, syscall.F_SETFL, hostOpenFlags(openFlag(arg)&settable, t.p.Release), 0, 0, 0))
	case fGetown:
		// Linux's F_GETOWN could not tell a group from an error.
		b := t.fs.buf[:8] // struct f_owner_ex: type, pid
		_, e := host(syscall.SYS_FCNTL, fd, linuxFGetownEx, hostBuf(&b[0]), 0, 0, 0)
		n := int32(getUint32(b[4:]))
		if getUint32(b) == linuxFOwnerPgrp {
			n = -n
		}
		return uint64(int64(n)), e
	case fSetown:
		return ret(host(syscall.SYS_FCNTL, fd, linuxFSetown, uintptr(int32(arg)), 0, 0, 0))
	case fGetlk:
		return t.getlk(fd, syscall.F_GETLK, arg)
	case fSetlk:
		return t.setlk(fd, syscall.F_SETLK, arg)
	case fSetlkw:
		return t.setlk(fd, syscall.F_SETLKW, arg)
	}
	if t.p.Release < fcntlSince[cmd] {
		return 0, EINVAL
	}
	if _, e := host(syscall.SYS_FCNTL, fd, syscall.F_GETFD, 0, 0, 0, 0); e != 0 {
		return 0, e
	}
	switch cmd {
	case fOfdGetlk:
		return t.getlk(fd, linuxOfdGetlk, arg)
	case fOfdSetlk:
		return t.setlk(fd, linuxOfdSetlk, arg)
	case fOfdSetlkw:
		return t.setlk(fd, linuxOfdSetkw, arg)
	case fGetpath, fGetpathNofirm:
		b, e := t.fdName(int32(fd))
		if e != 0 {
			return 0, e
		}
		return 0, copyoutBytes(arg, b)
	case fFullfsync, fFlushData:
		return t.fcntlSync(syscall.SYS_FSYNC, int32(fd))
	case fBarrierfsync:
		return t.fcntlSync(syscall.SYS_FDATASYNC, int32(fd))
	case fPreallocate:
		return t.preallocate(fd, arg)
	case fPunchhole:
		return t.punchhole(fd, arg)
	case fSetsize:
		b := t.fs.buf[:8]
		if e := copyinBytes(b, arg); e != 0 {
			return 0, e
		}
		return ret(host(syscall.SYS_FTRUNCATE, fd, uintptr(getUint64(b)), 0, 0, 0, 0))
	case fRdadvise:
		b := t.fs.buf[:16] // struct radvisory: off_t offset; int count
		if e := copyinBytes(b[:12], arg); e != 0 {
			return 0, e
		}
		if int64(getUint64(b)) < 0 || int32(getUint32(b[8:])) < 0 {
			return 0, EINVAL
		}
		host(syscall.SYS_FADVISE64, fd, uintptr(getUint64(b)), uintptr(getUint32(b[8:])), linuxFadvWillneed, 0, 0)
		return 0, 0
	case fRdahead, fNocache, fGlobalNocache, fNodirect, fSingleWriter:
		return 0, 0
	case fSetnosigpipe:
		if int32(arg) != 0 {
			setFDBits(int32(fd), fdNosigpipe)
		} else {
			clearFDBits(int32(fd), fdNosigpipe)
		}
		return 0, 0
	case fGetnosigpipe:
		if fdBitsOf(int32(fd))&fdNosigpipe != 0 {
			return 1, 0
		}
		return 0, 0
	}
	return 0, ENOTTY
}

// fcntlDup: a least number beyond the limit is EINVAL
// (xnu-11417 bsd/kern/kern_descrip.c:sys_fcntl_nocancel).
func fcntlDup(fd int32, cmd uintptr, least uint64) (uint64, Errno) {
	if int32(least) < 0 || uint64(least) >= nofile() {
		return 0, EINVAL
	}
	return dupfd(fd, cmd, uintptr(least))
}

// fdName is the name of the open file fd with its NUL: F_GETPATH. What has no
// name (a socket, a pipe) gets EBADF, what was unlinked ENOENT
// (xnu-11417 bsd/vfs/vfs_subr.c:vn_getpath).
func (t *Thread) fdName(fd int32) ([]byte, Errno) {
	b := t.fs.buf[:pathMax+16]
	n, e := host(syscall.SYS_READLINK, t.fdPath(0, fd), hostBuf(&b[0]), uintptr(len(b)-1), 0, 0, 0)
	if e == ENOENT {
		return nil, EBADF
	}
	if e != 0 {
		return nil, e
	}
	b[n] = 0
	if b[0] != '/' {
		return nil, EBADF
	}
	if bytes.HasSuffix(b[:n], deletedSuffix) {
		// Linux marks unlinked files so; a file may also be called so.
		if _, e := host(syscall.SYS_ACCESS, hostBuf(&b[0]), 0, 0, 0, 0, 0); e != 0 {
			return nil, ENOENT
		}
	}
	n = uint64(ptyGuestName(b, int(n)))
	if n+1 > pathMax {
		return nil, ENOSPC
	}
	return b[:n+1], 0
}

var deletedSuffix = []byte(" (deleted)")

// guestFlockSize is the size of XNU's struct flock: start 0/8, len 8/8,
// pid 16/4, type 20/2, whence 22/2 (xnu-11417 bsd/sys/fcntl.h).
const guestFlockSize = 24

// hostFlockSize is the size of Linux's: type 0/2, whence 2/2, start 8/8,
// len 16/8, pid 24/4.
const hostFlockSize = 32

// hostLockType translates F_RDLCK, F_UNLCK and F_WRLCK.
func hostLockType(g uint16) (uint16, bool) {
	switch g {
	case 1:
		return syscall.F_RDLCK, true
	case 2:
		return syscall.F_UNLCK, true
	case 3:
		return syscall.F_WRLCK, true
	}
	return 0, false
}

func guestLockType(h uint16) uint16 {
	switch h {
	case syscall.F_RDLCK:
		return 1
	case syscall.F_WRLCK:
		return 3
	}
	return 2
}

// hostFlock reads a guest's struct flock and writes Linux's to h.
func (t *Thread) hostFlock(h []byte, p uint64) Errno {
	g := t.fs.buf[64 : 64+guestFlockSize]
	if e := copyinBytes(g, p); e != 0 {
		return e
	}
	typ, ok := hostLockType(getUint16(g[20:]))
	if !ok {
		return EINVAL
	}
	clear(h)
	putUint16(h, typ)
	putUint16(h[2:], getUint16(g[22:]))
	putUint64(h[8:], getUint64(g))
	putUint64(h[16:], getUint64(g[8:]))
	return 0
}

func (t *Thread) setlk(fd, cmd uintptr, p uint64) (uint64, Errno) {
	h := t.fs.buf[:hostFlockSize]
	if e := t.hostFlock(h, p); e != 0 {
		return 0, e
	}
	_, e := t.block(syscall.SYS_FCNTL, fd, cmd, hostBuf(&h[0]), 0, 0, 0)
	if e == EACCES {
		e = EAGAIN
	}
	return 0, e
}

func (t *Thread) getlk(fd, cmd uintptr, p uint64) (uint64, Errno) {
	h := t.fs.buf[:hostFlockSize]
	if e := t.hostFlock(h, p); e != 0 {
		return 0, e
	}
	if _, e := host(syscall.SYS_FCNTL, fd, cmd, hostBuf(&h[0]), 0, 0, 0); e != 0 {
		return 0, e
	}
	g := t.fs.buf[64 : 64+guestFlockSize]
	putUint64(g, getUint64(h[8:]))
	putUint64(g[8:], getUint64(h[16:]))
	putUint32(g[16:], getUint32(h[24:]))
	putUint16(g[20:], guestLockType(getUint16(h)))
	putUint16(g[22:], getUint16(h[2:]))
	return 0, copyoutBytes(p, g)
}

// preallocate is F_PREALLOCATE with a struct fstore: flags 0/4, posmode 4/4,
// offset 8/8, length 16/8, bytesalloc 24/8. The room is made behind the end of
// the file and the size stays.
func (t *Thread) preallocate(fd uintptr, p uint64) (uint64, Errno) {
	b := t.fs.buf[1024 : 1024+32]
	if e := copyinBytes(b, p); e != 0 {
		return 0, e
	}
	putUint64(b[24:], 0)
	off, n := int64(getUint64(b[8:])), int64(getUint64(b[16:]))
	switch getUint32(b[4:]) {
	case 3: // F_PEOFPOSMODE
		if off != 0 {
			return 0, EINVAL
		}
	case 4: // F_VOLPOSMODE
		if off <= 0 {
			return 0, EINVAL
		}
	default:
		return 0, EINVAL
	}
	if n < 0 {
		return 0, EINVAL
	}
	var e Errno
	if n > 0 {
		st, se := t.fstatx(int32(fd))
		if se != 0 {
			return 0, se
		}
		_, e = t.finish(syscall.SYS_FALLOCATE, fd, linuxFallocKeepSize, uintptr(st.size()), uintptr(n), 0, 0)
		if e == 0 {
			putUint64(b[24:], uint64(n))
		}
	}
	if ce := copyoutBytes(p, b); e == 0 {
		e = ce
	}
	return 0, e
}

// punchhole is F_PUNCHHOLE with a struct fpunchhole: flags 0/4, reserved 4/4,
// offset 8/8, length 16/8.
func (t *Thread) punchhole(fd uintptr, p uint64) (uint64, Errno) {
	b := t.fs.buf[:24]
	if e := copyinBytes(b, p); e != 0 {
		return 0, e
	}
	if getUint32(b) != 0 || getUint32(b[4:]) != 0 || int64(getUint64(b[8:])) < 0 || int64(getUint64(b[16:])) < 0 {
		return 0, EINVAL
	}
	return ret(t.finish(syscall.SYS_FALLOCATE, fd, linuxFallocKeepSize|linuxFallocPunchHole, uintptr(getUint64(b[8:])), uintptr(getUint64(b[16:])), 0, 0))
}

// sysFlock: LOCK_SH, LOCK_EX, LOCK_NB and LOCK_UN have Linux's values
// (xnu-11417 bsd/sys/fcntl.h).
func sysFlock(t *Thread, a *args) (uint64, Errno) {
	return ret(t.block(syscall.SYS_FLOCK, uintptr(int32(a[0])), uintptr(uint32(a[1])), 0, 0, 0, 0))
}
