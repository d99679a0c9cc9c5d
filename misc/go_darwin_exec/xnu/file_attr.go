// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"
)

func sysAccess(t *Thread, a *args) (uint64, Errno) {
	return t.access(t.cwd(), a[0], a[1], 0)
}

func sysFaccessat(t *Thread, a *args) (uint64, Errno) {
	return t.access(t.dirfd(a[0]), a[1], a[2], atFlag(a[3]))
}

// access goes by the real user and group unless AT_EACCESS is given; R_OK,
// W_OK and X_OK have Linux's values (xnu-11417 bsd/sys/unistd.h).
func (t *Thread) access(dir uintptr, name, mode uint64, f atFlag) (uint64, Errno) {
	if f&^(atEaccess|atSymlinkNofollow|atSymlinkNofollowAny) != 0 {
		return 0, EINVAL
	}
	p, e := t.pathAt(0, dir, name)
	if e != 0 {
		return 0, e
	}
	m := uintptr(uint32(mode))
	if f == 0 {
		return ret(t.block(syscall.SYS_FACCESSAT, dir, p, m, 0, 0, 0))
	}
	var h uintptr
	if f&atEaccess != 0 {
		h |= linuxAtEaccess
	}
	if f&(atSymlinkNofollow|atSymlinkNofollowAny) != 0 {
		h |= linuxAtSymlinkNofollow
	}
	_, e = t.block(sysFaccessat2, dir, p, m, h, 0, 0)
	if refusal(e) {
		e = t.accessOld(dir, p, m, h)
	}
	return 0, e
}

const (
	allPerms     = 0o7777 // ALLPERMS
	sysFchmodat2 = 452    // Linux 6.6
)

func sysChmod(t *Thread, a *args) (uint64, Errno) {
	return t.chmod(t.cwd(), a[0], a[1], 0)
}

func sysFchmodat(t *Thread, a *args) (uint64, Errno) {
	return t.chmod(t.dirfd(a[0]), a[1], a[2], atFlag(a[3]))
}

func (t *Thread) chmod(dir uintptr, name, mode uint64, f atFlag) (uint64, Errno) {
	if f&^(atSymlinkNofollow|atSymlinkNofollowAny) != 0 {
		return 0, EINVAL
	}
	p, e := t.pathAt(0, dir, name)
	if e != 0 {
		return 0, e
	}
	return 0, t.hostChmod(dir, p, uintptr(mode&allPerms), f != 0)
}

// hostChmod changes the mode of the file named p, or of the open file dir if p
// is 0. XNU can change the mode of a symbolic link itself; Linux keeps none, and
// says ENOTSUP.
func (t *Thread) hostChmod(dir, p, mode uintptr, nofollow bool) Errno {
	if mode&syscall.S_ISGID != 0 && !suser() {
		var at uintptr
		name := p
		if p == 0 {
			name, at = hostBuf(&emptyName[0]), linuxAtEmptyPath
		} else if nofollow {
			at = linuxAtSymlinkNofollow
		}
		if st, e := t.statx(dir, name, at); e == 0 && uintptr(st.mode())&allPerms != mode && !inGroup(st.gid()) {
			return EPERM
		}
	}
	if p == 0 {
		_, e := t.block(syscall.SYS_FCHMOD, dir, mode, 0, 0, 0, 0)
		return e
	}
	if !nofollow {
		_, e := t.block(syscall.SYS_FCHMODAT, dir, p, mode, 0, 0, 0)
		return e
	}
	_, e := t.block(sysFchmodat2, dir, p, mode, linuxAtSymlinkNofollow, 0, 0)
	if !refusal(e) {
		return e
	}
	fd, e := t.block(syscall.SYS_OPENAT, dir, p, linuxOPath|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0, 0, 0)
	if e != 0 {
		return e
	}
	st, e := t.fstatx(int32(fd))
	switch {
	case e != 0:
	case st.mode()&syscall.S_IFMT == syscall.S_IFLNK:
		e = ENOTSUP
	default:
		_, e = host(syscall.SYS_FCHMODAT, hostAtFDCWD, t.fdPath(0, int32(fd)), mode, 0, 0, 0)
	}
	host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
	return e
}

func sysFchmod(t *Thread, a *args) (uint64, Errno) {
	return 0, t.hostChmod(uintptr(int32(a[0])), 0, uintptr(a[1]&allPerms), false)
}

// inGroup reports whether the process is a member of a group. Who is not, and
// not root, may not make a file of that group setgid
// (bsd/vfs/vfs_subr.c:vnode_authattr, all releases); Linux would leave out the
// bit, and not say so.
func inGroup(gid uint32) bool {
	if g, _ := host(syscall.SYS_GETEGID, 0, 0, 0, 0, 0, 0); uint32(g) == gid {
		return true
	}
	n, _ := host(syscall.SYS_GETGROUPS, 0, 0, 0, 0, 0, 0)
	if n == 0 {
		return false
	}
	b := make([]byte, 4*n)
	if n, e := host(syscall.SYS_GETGROUPS, uintptr(n), hostBuf(&b[0]), 0, 0, 0, 0); e == 0 {
		for i := range n {
			if getUint32(b[4*i:]) == gid {
				return true
			}
		}
	}
	return false
}

func sysChown(t *Thread, a *args) (uint64, Errno) {
	return t.chown(t.cwd(), a[0], a[1], a[2], 0)
}

func sysLchown(t *Thread, a *args) (uint64, Errno) {
	return t.chown(t.cwd(), a[0], a[1], a[2], atSymlinkNofollow)
}

func sysFchownat(t *Thread, a *args) (uint64, Errno) {
	return t.chown(t.dirfd(a[0]), a[1], a[2], a[3], atFlag(a[4]))
}

// chown knows one flag on all releases (xnu-11417 bsd/vfs/vfs_syscalls.c:fchownat).
func (t *Thread) chown(dir uintptr, name, uid, gid uint64, f atFlag) (uint64, Errno) {
	if f&^atSymlinkNofollow != 0 {
		return 0, EINVAL
	}
	p, e := t.pathAt(0, dir, name)
	if e != 0 {
		return 0, e
	}
	var h uintptr
	if f != 0 {
		h = linuxAtSymlinkNofollow
	}
	return ret(t.block(syscall.SYS_FCHOWNAT, dir, p, uintptr(uint32(uid)), uintptr(uint32(gid)), h, 0))
}

func sysFchown(t *Thread, a *args) (uint64, Errno) {
	return ret(t.block(syscall.SYS_FCHOWN, uintptr(int32(a[0])), uintptr(uint32(a[1])), uintptr(uint32(a[2])), 0, 0, 0))
}

// fileFlag is one of XNU's st_flags (xnu-11417 bsd/sys/stat.h).
type fileFlag uint32

const (
	ufNodump     fileFlag = 1
	ufImmutable  fileFlag = 2
	ufAppend     fileFlag = 4
	ufCompressed fileFlag = 0x20
)

// Linux's counterparts: what statx reports and what FS_IOC_SETFLAGS takes have
// the same values (include/uapi/linux/fs.h, stat.h).
const (
	linuxFlCompressed = 0x4
	linuxFlImmutable  = 0x10
	linuxFlAppend     = 0x20
	linuxFlNodump     = 0x40

	linuxGetflags = 0x80086601
	linuxSetflags = 0x40086602
)

var fileFlags = [...]struct {
	guest fileFlag
	host  uint64
}{
	{ufNodump, linuxFlNodump},
	{ufImmutable, linuxFlImmutable},
	{ufAppend, linuxFlAppend},
}

// guestFileFlags translates the attributes of statx.
func guestFileFlags(attr uint64) fileFlag {
	var g fileFlag
	for _, f := range fileFlags {
		if attr&f.host != 0 {
			g |= f.guest
		}
	}
	if attr&linuxFlCompressed != 0 {
		g |= ufCompressed
	}
	return g
}

func sysChflags(t *Thread, a *args) (uint64, Errno) {
	p, e := t.pathAt(0, t.cwd(), a[0])
	if e != 0 {
		return 0, e
	}
	st, e := t.statx(t.cwd(), p, 0)
	if e != 0 {
		return 0, e
	}
	want := fileFlag(a[1])
	if guestFileFlags(st.attributes()) == want {
		return 0, 0
	}
	fd, e := t.block(syscall.SYS_OPENAT, t.cwd(), p, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	e = t.chflags(int32(fd), want)
	host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
	return 0, e
}

func sysFchflags(t *Thread, a *args) (uint64, Errno) {
	st, e := t.fstatx(int32(a[0]))
	if e != 0 {
		return 0, e
	}
	want := fileFlag(a[1])
	if guestFileFlags(st.attributes()) == want {
		return 0, 0
	}
	return 0, t.chflags(int32(a[0]), want)
}

// chflags sets the flags that the host has too: UF_NODUMP, and with privilege
// UF_IMMUTABLE and UF_APPEND. Any other, or a file system that keeps none,
// gets ENOTSUP.
func (t *Thread) chflags(fd int32, want fileFlag) Errno {
	b := t.fs.buf[:8]
	putUint64(b, 0)
	if _, e := host(syscall.SYS_IOCTL, uintptr(fd), linuxGetflags, hostBuf(&b[0]), 0, 0, 0); e != 0 {
		return ENOTSUP
	}
	h := getUint64(b)
	for _, f := range fileFlags {
		h &^= f.host
		if want&f.guest != 0 {
			h |= f.host
			want &^= f.guest
		}
	}
	if want != 0 {
		return ENOTSUP
	}
	putUint64(b, h)
	_, e := host(syscall.SYS_IOCTL, uintptr(fd), linuxSetflags, hostBuf(&b[0]), 0, 0, 0)
	if e == ENOTTY {
		e = ENOTSUP
	}
	return e
}

// hostTimes reads the guest's two timevals at p and writes the host's two
// timespecs, access before modification. A null p means now.
func (t *Thread) hostTimes(p uint64) (uintptr, Errno) {
	if p == 0 {
		return 0, 0
	}
	g, h := t.abi(), t.fs.buf[:32]
	for i := 0; i < 32; i += 16 {
		sec, usec, e := g.readTimeval(p)
		if e != 0 {
			return 0, e
		}
		putUint64(h[i:], uint64(sec))
		putUint64(h[i+8:], uint64(usec*1000))
		p += uint64(timevalSize[g])
	}
	return hostBuf(&h[0]), 0
}

func sysUtimes(t *Thread, a *args) (uint64, Errno) {
	p, e := t.pathAt(0, t.cwd(), a[0])
	if e != 0 {
		return 0, e
	}
	ts, e := t.hostTimes(a[1])
	if e != 0 {
		return 0, e
	}
	return ret(t.block(syscall.SYS_UTIMENSAT, t.cwd(), p, ts, 0, 0, 0))
}

func sysFutimes(t *Thread, a *args) (uint64, Errno) {
	if int32(a[0]) < 0 {
		return 0, EBADF
	}
	ts, e := t.hostTimes(a[1])
	if e != 0 {
		return 0, e
	}
	// A null name makes it the file that the descriptor is open on.
	return ret(t.block(syscall.SYS_UTIMENSAT, uintptr(int32(a[0])), 0, ts, 0, 0, 0))
}

func sysUmask(t *Thread, a *args) (uint64, Errno) {
	return host(syscall.SYS_UMASK, uintptr(a[0]&allPerms), 0, 0, 0, 0, 0)
}
