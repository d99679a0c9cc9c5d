// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"syscall"
)

// openFlag is one of XNU's O_ flags (xnu-11417 bsd/sys/fcntl.h).
type openFlag uint32

const (
	oRdonly      openFlag = 0
	oWronly      openFlag = 1
	oRdwr        openFlag = 2
	oAccmode     openFlag = 3
	oNonblock    openFlag = 0x4
	oAppend      openFlag = 0x8
	oShlock      openFlag = 0x10
	oExlock      openFlag = 0x20
	oAsync       openFlag = 0x40
	oSync        openFlag = 0x80
	oNofollow    openFlag = 0x100
	oCreat       openFlag = 0x200
	oTrunc       openFlag = 0x400
	oExcl        openFlag = 0x800
	oEvtonly     openFlag = 0x8000
	oNoctty      openFlag = 0x20000
	oDirectory   openFlag = 0x100000
	oSymlink     openFlag = 0x200000
	oDsync       openFlag = 0x400000
	oCloexec     openFlag = 0x1000000  // since 1699
	oNofollowAny openFlag = 0x20000000 // since 7195
	oExec        openFlag = 0x40000000 // since 8792
)

const linuxOPath = 0x200000

// openFlags pairs XNU's flags with Linux's. O_SHLOCK, O_EXLOCK, O_SYMLINK,
// O_EVTONLY, O_NOFOLLOW_ANY and O_EXEC have no pair; open deals with them.
var openFlags = [...]struct {
	guest openFlag
	host  uint32
	since Release
}{
	{oNonblock, syscall.O_NONBLOCK, 0},
	{oAppend, syscall.O_APPEND, 0},
	{oAsync, syscall.O_ASYNC, 0},
	{oSync, syscall.O_SYNC, 0},
	{oDsync, syscall.O_DSYNC, 0},
	{oNofollow, syscall.O_NOFOLLOW, 0},
	{oCreat, syscall.O_CREAT, 0},
	{oTrunc, syscall.O_TRUNC, 0},
	{oExcl, syscall.O_EXCL, 0},
	{oNoctty, syscall.O_NOCTTY, 0},
	{oDirectory, syscall.O_DIRECTORY, 0},
	{oCloexec, syscall.O_CLOEXEC, XNU1699},
}

// knownOpenFlags drops the flags that release r does not look at.
func knownOpenFlags(f openFlag, r Release) openFlag {
	if r < XNU1699 {
		f &^= oCloexec
	}
	if r < XNU7195 {
		f &^= oNofollowAny
	}
	if r < XNU8792 {
		f &^= oExec
	}
	return f
}

// hostOpenFlags translates the flags of open.
func hostOpenFlags(f openFlag, r Release) uintptr {
	h := uint32(f & oAccmode)
	for i := range openFlags {
		if o := &openFlags[i]; f&o.guest != 0 && r >= o.since {
			h |= o.host
		}
	}
	return uintptr(h)
}

// hostStatusFlags returns the host's F_GETFL of fd.
func hostStatusFlags(fd int32) (uint64, Errno) {
	return host(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0, 0, 0, 0)
}

// guestStatusFlags translates what Linux's F_GETFL reports to what XNU's does:
// access mode, O_NONBLOCK, O_APPEND, O_ASYNC, O_SYNC and O_DSYNC
// (xnu-11417 bsd/sys/fcntl.h: FMASK).
func guestStatusFlags(h uint64) openFlag {
	g := openFlag(h) & oAccmode
	if h&linuxOPath != 0 {
		return oRdonly
	}
	for _, o := range [...]struct {
		guest openFlag
		host  uint64
	}{
		{oNonblock, syscall.O_NONBLOCK},
		{oAppend, syscall.O_APPEND},
		{oAsync, syscall.O_ASYNC},
		{oSync, syscall.O_SYNC},
	} {
		if h&o.host == o.host {
			g |= o.guest
		}
	}
	if h&syscall.O_SYNC == syscall.O_DSYNC {
		g |= oDsync
	}
	return g
}

func sysOpen(t *Thread, a *args) (uint64, Errno) {
	return t.open(t.cwd(), a[0], openFlag(a[1]), a[2])
}

func sysOpenat(t *Thread, a *args) (uint64, Errno) {
	return t.open(t.dirfd(a[0]), a[1], openFlag(a[2]), a[3])
}

// open is xnu-11417 bsd/vfs/vfs_syscalls.c:open1 and
// bsd/vfs/vfs_vnops.c:vn_open_auth. The differences from Linux: O_CREAT on a
// directory that exists opens it for reading; O_CREAT with O_DIRECTORY is
// EINVAL; a socket is EOPNOTSUPP; the mode's sticky bit is not used; a lock
// asked for is taken before the file is truncated.
func (t *Thread) open(dir uintptr, name uint64, f openFlag, mode uint64) (uint64, Errno) {
	f = knownOpenFlags(f, t.p.Release)
	if acc := f & oAccmode; acc == oAccmode || acc != 0 && f&oExec != 0 {
		return 0, EINVAL
	}
	if f&oCreat != 0 && f&oDirectory != 0 || f&oNofollow != 0 && f&oNofollowAny != 0 {
		return 0, EINVAL
	}
	p, e := t.pathAt(0, dir, name)
	if e != 0 {
		return 0, e
	}
	if fd, ok := devFd(t.pathBytes(0)); ok {
		return t.dupfdopen(fd, f)
	}
	if f&oNofollowAny != 0 {
		p = hostBuf(&t.fs.name[0][pathPrefix]) // pathAt's links are not the guest's
	}
	h := hostOpenFlags(f, t.p.Release)
	locked := f&(oShlock|oExlock) != 0
	if locked {
		h &^= syscall.O_TRUNC
	}
	if f&oExec != 0 {
		// Open for execution or search only: neither read nor write.
		h = h&(syscall.O_DIRECTORY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC) | linuxOPath
	}
	if f&oSymlink != 0 {
		h |= syscall.O_NOFOLLOW
	}
	m := uintptr(mode) & 0o6777
	if h&syscall.O_CREAT == 0 {
		m = 0
	}
	fd, e := t.hostOpen(dir, p, h, m, f)
	switch {
	case e == 0:
	case e == EISDIR && f&oCreat != 0:
		fd, e = t.openExisting(dir, p, h&^syscall.O_CREAT, f)
	case e == ELOOP && f&oSymlink != 0 && f&oNofollow == 0:
		h = h&(syscall.O_CLOEXEC) | syscall.O_NOFOLLOW | linuxOPath
		fd, e = t.hostOpen(dir, p, h, 0, f)
	case e == ENXIO && t.isSocket(dir, p):
		e = EOPNOTSUPP
	}
	if fd, e = newFd(fd, e, -1); e != 0 {
		return 0, e
	}
	if locked {
		if e := t.openLock(fd, f); e != 0 {
			host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
			return 0, e
		}
	}
	if b := t.pathBytes(0); bytes.HasPrefix(b, []byte(ptyHostDir)) || string(b) == "/dev/tty" {
		noteTTY(int32(fd))
	}
	return fd, 0
}

// openExisting is what O_CREAT means for a directory and for a name with a
// slash behind, which Linux refuses at once: XNU opens what is there, and
// creates nothing of that name (xnu-11215 bsd/vfs/vfs_lookup.c:
// lookup_validate_creation_path).
func (t *Thread) openExisting(dir, p, h uintptr, f openFlag) (uint64, Errno) {
	if f&oExcl != 0 {
		if _, e := t.statx(dir, p, 0); e != 0 {
			return 0, e
		}
		return 0, EEXIST
	}
	return t.hostOpen(dir, p, h, 0, f)
}

// hostOpen opens the file.
func (t *Thread) hostOpen(dir, p, h, m uintptr, f openFlag) (uint64, Errno) {
	if f&oNofollowAny == 0 {
		return t.block(syscall.SYS_OPENAT, dir, p, h, m, 0, 0)
	}
	const resolveNoSymlinks = 4 // Linux include/uapi/linux/openat2.h
	how := t.fs.buf[:24]
	putUint64(how, uint64(h))
	putUint64(how[8:], uint64(m))
	putUint64(how[16:], resolveNoSymlinks)
	fd, e := t.block(sysOpenat2, dir, p, hostBuf(&how[0]), 24, 0, 0)
	if refusal(e) {
		return t.openNoLinks(dir, p, h, m)
	}
	return fd, e
}

// openLock takes the lock that O_SHLOCK or O_EXLOCK asks for and does what
// O_TRUNC has left to do.
func (t *Thread) openLock(fd uint64, f openFlag) Errno {
	op := uintptr(syscall.LOCK_SH)
	if f&oExlock != 0 {
		op = syscall.LOCK_EX
	}
	if f&oNonblock != 0 {
		op |= syscall.LOCK_NB
	}
	if _, e := t.block(syscall.SYS_FLOCK, uintptr(fd), op, 0, 0, 0, 0); e != 0 {
		return e
	}
	if f&oTrunc != 0 {
		_, e := host(syscall.SYS_FTRUNCATE, uintptr(fd), 0, 0, 0, 0, 0)
		return e
	}
	return 0
}

func (t *Thread) isSocket(dir, p uintptr) bool {
	st, e := t.statx(dir, p, 0)
	return e == 0 && st.mode()&syscall.S_IFMT == syscall.S_IFSOCK
}

// devFd recognizes the names of the descriptor file system:
// opening one of them duplicates the descriptor
// (xnu-11417 bsd/miscfs/devfs/devfs_fdesc_support.c:fdesc_open).
func devFd(name []byte) (fd int32, ok bool) {
	const dir, dirFd = "/dev/", "/dev/fd/"
	if len(name) < len(dir) || string(name[:len(dir)]) != dir {
		return 0, false
	}
	switch string(name[len(dir):]) {
	case "stdin":
		return 0, true
	case "stdout":
		return 1, true
	case "stderr":
		return 2, true
	}
	if len(name) <= len(dirFd) || string(name[:len(dirFd)]) != dirFd {
		return 0, false
	}
	for _, c := range name[len(dirFd):] {
		if c < '0' || c > '9' || fd > 1<<20 {
			return 0, false
		}
		fd = fd*10 + int32(c-'0')
	}
	return fd, true
}

// dupfdopen is xnu-11417 bsd/kern/kern_descrip.c:dupfdopen: the new descriptor
// may not have rights that the old one lacks.
func (t *Thread) dupfdopen(fd int32, f openFlag) (uint64, Errno) {
	fl, e := hostStatusFlags(fd)
	if e != 0 {
		return 0, e
	}
	have := openFlag(fl) & oAccmode
	if want := f & oAccmode; have != oRdwr && have != want {
		return 0, EACCES
	}
	cmd := uintptr(syscall.F_DUPFD)
	if f&oCloexec != 0 {
		cmd = syscall.F_DUPFD_CLOEXEC
	}
	return dupfd(fd, cmd, 0)
}

// newFd takes a descriptor that the host has just made for the guest, as the
// duplicate of another (from >= 0) or afresh. The host's limit is higher than
// the guest's, because the runner needs descriptors of its own.
func newFd(fd uint64, e Errno, from int32) (uint64, Errno) {
	if e != 0 {
		return 0, e
	}
	if fd >= nofile() {
		host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
		return 0, EMFILE
	}
	if from >= 0 {
		fdDuped(int(from), int(fd))
	}
	return fd, 0
}

func sysClose(t *Thread, a *args) (uint64, Errno) {
	fd := int32(a[0])
	if fdHidden(fd) {
		return 0, EBADF
	}
	fdClosed(int(fd))
	_, e := host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
	if e == EINTR {
		e = 0 // Linux has closed it all the same
	}
	return 0, e
}

func sysDup(t *Thread, a *args) (uint64, Errno) {
	return dupfd(int32(a[0]), syscall.F_DUPFD, 0)
}

func dupfd(fd int32, cmd, least uintptr) (uint64, Errno) {
	if fdHidden(fd) {
		return 0, EBADF
	}
	n, e := host(syscall.SYS_FCNTL, uintptr(fd), cmd, least, 0, 0, 0)
	return newFd(n, e, fd)
}

// sysDup2: xnu-11417 bsd/kern/kern_descrip.c:dup2; the same number twice is
// only a test of the descriptor, as on Linux.
func sysDup2(t *Thread, a *args) (uint64, Errno) {
	from, to := int32(a[0]), int32(a[1])
	if fdHidden(from) || to < 0 || uint64(to) >= nofile() {
		return 0, EBADF
	}
	if from != to {
		if _, e := host(syscall.SYS_FCNTL, uintptr(from), syscall.F_GETFD, 0, 0, 0, 0); e != 0 {
			return 0, e
		}
		fdClosed(int(to))
	}
	n, e := host(syscall.SYS_DUP2, uintptr(from), uintptr(to), 0, 0, 0, 0)
	if e == 0 && from != to {
		fdDuped(int(from), int(to))
	}
	return n, e
}

// sysPipe returns the read end in RAX and the write end in RDX
// (xnu-11417 bsd/kern/sys_pipe.c:pipe).
func sysPipe(t *Thread, a *args) (uint64, Errno) {
	b := t.fs.buf[:8]
	if _, e := host(syscall.SYS_PIPE2, hostBuf(&b[0]), 0, 0, 0, 0, 0); e != 0 {
		return 0, e
	}
	r, w := uint64(getUint32(b)), uint64(getUint32(b[4:]))
	if max(r, w) >= nofile() {
		host(syscall.SYS_CLOSE, uintptr(r), 0, 0, 0, 0, 0)
		host(syscall.SYS_CLOSE, uintptr(w), 0, 0, 0, 0, 0)
		return 0, EMFILE
	}
	t.rval1 = w
	return r, 0
}
