// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

// The *at calls on releases before 10.10 (xnu-2782), which do not have them:
// the plain call, made with the directory as the working directory of this
// thread alone. Every release has that: __pthread_fchdir, and -1 to go back to
// the process's (xnu-1504 bsd/vfs/vfs_syscalls.c:common_fchdir). A thread that
// its program had given a directory of its own (pthread_chdir_np) loses it.
//
// The flags are those of 10.10, all others EINVAL (xnu-2782
// bsd/vfs/vfs_syscalls.c). What came later, as AT_SYMLINK_NOFOLLOW_ANY, the plain
// call cannot do.

package syscall

import "unsafe"

const (
	libcAtEaccess         = 0x10
	libcAtSymlinkNofollow = 0x20
	libcAtSymlinkFollow   = 0x40
	libcAtRemovedir       = 0x80
	libcFGetpath          = 50
	libcPathMax           = 1024
)

// plainPath says whether path means the same to the call without dirfd.
func plainPath(dirfd, path uintptr) bool {
	return int32(dirfd) == _AT_FDCWD || *(*byte)(ptr(path)) == '/'
}

// enterDir makes dirfd the thread's working directory if path needs it.
// leaveDir must follow if entered.
func enterDir(dirfd, path uintptr) (entered bool, errno uintptr) {
	if plainPath(dirfd, path) {
		return false, 0
	}
	_, errno = kernel(sys___pthread_fchdir, dirfd, 0, 0)
	return errno == 0, errno
}

// badFlags says whether there are flags other than known.
func badFlags(flags, known uintptr) bool { return uint32(flags)&^uint32(known) != 0 }

func leaveDir(entered bool) {
	if entered {
		kernel(sys___pthread_fchdir, libcFailed, 0, 0)
	}
}

// inDir makes call nr, one of whose arguments is path, with path taken
// relative to dirfd.
func inDir(dirfd, path uintptr, nr, a1, a2, a3 uintptr) (r, errno uintptr) {
	entered, errno := enterDir(dirfd, path)
	if errno != 0 {
		return libcFailed, errno
	}
	r, errno = kernel(nr, a1, a2, a3)
	leaveDir(entered)
	return r, errno
}

// pathBuf holds a path that joinPath made.
type pathBuf [libcPathMax]byte

// joinPath returns the address of path, made absolute in buf if it is
// relative to dirfd: for the calls that have two directories.
func joinPath(buf *pathBuf, dirfd, path uintptr) (p, errno uintptr) {
	if plainPath(dirfd, path) {
		return path, 0
	}
	if *(*byte)(ptr(path)) == 0 {
		return 0, uintptr(ENOENT) // and not dirfd itself
	}
	p = addr(unsafe.Pointer(buf))
	if _, errno = kernel(sys_fcntl, dirfd, libcFGetpath, p); errno != 0 {
		return 0, errno
	}
	n, m := cstrlen(p), cstrlen(path)
	if n+1+m >= libcPathMax {
		return 0, uintptr(ENAMETOOLONG)
	}
	*(*byte)(ptr(p + n)) = '/'
	for i := uintptr(0); i <= m; i++ {
		*(*byte)(ptr(p + n + 1 + i)) = *(*byte)(ptr(path + i))
	}
	return p, 0
}

func emulOpenat(a *libcArgs) (r, errno uintptr) {
	entered, errno := enterDir(a[0], a[1])
	if errno != 0 {
		return libcFailed, errno
	}
	if darwinRelease() < darwin10_7 {
		r, errno = emulOpen(&libcArgs{a[1], a[2], a[3]})
	} else {
		r, errno = kernel(sys_open, a[1], a[2], a[3])
	}
	leaveDir(entered)
	return r, errno
}

func emulFstatat64(a *libcArgs) (r, errno uintptr) {
	if badFlags(a[3], libcAtSymlinkNofollow) {
		return libcFailed, uintptr(EINVAL)
	}
	nr := uintptr(sys_stat64)
	if a[3]&libcAtSymlinkNofollow != 0 {
		nr = sys_lstat64
	}
	return inDir(a[0], a[1], nr, a[1], a[2], 0)
}

func emulUnlinkat(a *libcArgs) (r, errno uintptr) {
	if badFlags(a[2], libcAtRemovedir) {
		return libcFailed, uintptr(EINVAL)
	}
	nr := uintptr(sys_unlink)
	if a[2]&libcAtRemovedir != 0 {
		nr = sys_rmdir
	}
	return inDir(a[0], a[1], nr, a[1], 0, 0)
}

func emulMkdirat(a *libcArgs) (r, errno uintptr) {
	return inDir(a[0], a[1], sys_mkdir, a[1], a[2], 0)
}

func emulReadlinkat(a *libcArgs) (r, errno uintptr) {
	return inDir(a[0], a[1], sys_readlink, a[1], a[2], a[3])
}

// symlinkat(target, dirfd, link)
func emulSymlinkat(a *libcArgs) (r, errno uintptr) {
	return inDir(a[1], a[2], sys_symlink, a[0], a[2], 0)
}

// fchmodat(dirfd, path, mode, flag). The mode of a symbolic link itself is an
// attribute of setattrlist.
func emulFchmodat(a *libcArgs) (r, errno uintptr) {
	if badFlags(a[3], libcAtSymlinkNofollow) {
		return libcFailed, uintptr(EINVAL)
	}
	if a[3]&libcAtSymlinkNofollow == 0 {
		return inDir(a[0], a[1], sys_chmod, a[1], a[2], 0)
	}
	list := attrlist{bitmapcount: 5, common: libcAttrAccessmask}
	mode := uint32(a[2] & 0o7777)
	entered, errno := enterDir(a[0], a[1])
	if errno != 0 {
		return libcFailed, errno
	}
	r, errno = kernel6(sys_setattrlist, a[1], addr(unsafe.Pointer(&list)), addr(unsafe.Pointer(&mode)), unsafe.Sizeof(mode), libcFsoptNofollow, 0)
	leaveDir(entered)
	keep(unsafe.Pointer(&list))
	keep(unsafe.Pointer(&mode))
	return r, errno
}

func emulFchownat(a *libcArgs) (r, errno uintptr) {
	if badFlags(a[4], libcAtSymlinkNofollow) {
		return libcFailed, uintptr(EINVAL)
	}
	nr := uintptr(sys_chown)
	if a[4]&libcAtSymlinkNofollow != 0 {
		nr = sys_lchown
	}
	return inDir(a[0], a[1], nr, a[1], a[2], a[3])
}

// access looks at the real ids: with different effective ids AT_EACCESS has
// no plain counterpart, and the caller is told so.
func emulFaccessat(a *libcArgs) (r, errno uintptr) {
	if badFlags(a[3], libcAtEaccess) {
		return libcFailed, uintptr(EINVAL)
	}
	if a[3]&libcAtEaccess != 0 {
		uid, _ := kernel(sys_getuid, 0, 0, 0)
		euid, _ := kernel(sys_geteuid, 0, 0, 0)
		gid, _ := kernel(sys_getgid, 0, 0, 0)
		egid, _ := kernel(sys_getegid, 0, 0, 0)
		if uid != euid || gid != egid {
			return libcFailed, uintptr(ENOSYS)
		}
	}
	return inDir(a[0], a[1], sys_access, a[1], a[2], 0)
}

// twoDirs makes call nr(from, to), the one relative to fromfd, the other to
// tofd. Two different directories cannot both be the thread's: one of the paths is
// then made absolute, so that moving its directory at this very moment misleads
// the call. It is from, but to if from starts at the working directory, which
// the thread must stay in.
func twoDirs(nr, fromfd, from, tofd, to uintptr) (r, errno uintptr) {
	var buf pathBuf
	if int32(fromfd) == _AT_FDCWD && *(*byte)(ptr(from)) != '/' {
		to, errno = joinPath(&buf, tofd, to)
	} else if int32(fromfd) != int32(tofd) || plainPath(tofd, to) {
		from, errno = joinPath(&buf, fromfd, from)
	}
	if errno == 0 {
		r, errno = inDir(tofd, to, nr, from, to, 0)
	}
	keep(unsafe.Pointer(&buf))
	if errno != 0 {
		r = libcFailed
	}
	return r, errno
}

// renameat(fd1, path1, fd2, path2)
func emulRenameat(a *libcArgs) (r, errno uintptr) {
	return twoDirs(sys_rename, a[0], a[1], a[2], a[3])
}

// linkat(fd1, path1, fd2, path2, flags). link follows a symbolic link, which
// linkat must not without AT_SYMLINK_FOLLOW: a link is refused before and, should
// it have come in between, found and undone afterwards.
func emulLinkat(a *libcArgs) (r, errno uintptr) {
	if badFlags(a[4], libcAtSymlinkFollow) {
		return libcFailed, uintptr(EINVAL)
	}
	var st, got Stat_t
	follow := a[4]&libcAtSymlinkFollow != 0
	if !follow {
		_, errno = inDir(a[0], a[1], sys_lstat64, a[1], addr(unsafe.Pointer(&st)), 0)
		if errno == 0 && st.Mode&S_IFMT == S_IFLNK {
			errno = uintptr(ENOTSUP)
		}
		if errno != 0 {
			return libcFailed, errno
		}
	}
	r, errno = twoDirs(sys_link, a[0], a[1], a[2], a[3])
	if errno == 0 && !follow {
		_, errno = inDir(a[2], a[3], sys_lstat64, a[3], addr(unsafe.Pointer(&got)), 0)
		if errno == 0 && (got.Dev != st.Dev || got.Ino != st.Ino) {
			inDir(a[2], a[3], sys_unlink, a[3], 0, 0)
			errno = uintptr(ENOTSUP)
		}
	}
	keep(unsafe.Pointer(&st))
	keep(unsafe.Pointer(&got))
	if errno != 0 {
		return libcFailed, errno
	}
	return 0, 0
}

// An attrlist names the attributes that getattrlist and setattrlist deal in
// (bsd/sys/attr.h).
type attrlist struct {
	bitmapcount uint16
	_           uint16
	common      uint32
	_           [4]uint32
}

const (
	libcAttrModtime    = 0x400
	libcAttrAcctime    = 0x1000
	libcAttrAccessmask = 0x20000
	libcAttrFullpath   = 0x8000000
	libcFsoptNofollow  = 1
	libcUtimeNow       = -1
	libcUtimeOmit      = -2
)

// utimensat(dirfd, path, times, flag): setattrlistat from 10.13 on, before
// that setattrlist. Both times now, on a file that is not a link, is what
// utimes does for anybody who may write the file, not only for its owner.
func emulUtimensat(a *libcArgs) (r, errno uintptr) {
	dirfd, path, flag := a[0], a[1], a[3]
	at := darwinRelease() >= darwin10_13 // setattrlistat is there
	ts := timesAt(a[2])
	if ts[0].Nsec == libcUtimeNow && ts[1].Nsec == libcUtimeNow &&
		flag&libcAtSymlinkNofollow == 0 && (!at || plainPath(dirfd, path)) {
		return inDir(dirfd, path, sys_utimes, path, 0, 0)
	}

	list, buf, n := timeAttrs(ts)
	if n == 0 { // nothing to set, but the file must be there
		var st Stat_t
		r, errno = statAt(dirfd, path, flag, addr(unsafe.Pointer(&st)))
		keep(unsafe.Pointer(&st))
		return r, errno
	}
	l, b, size := addr(unsafe.Pointer(&list)), addr(unsafe.Pointer(&buf)), uintptr(n)*unsafe.Sizeof(buf[0])
	opt := uintptr(0)
	if flag&libcAtSymlinkNofollow != 0 {
		opt = libcFsoptNofollow
	}
	if at {
		r, errno = kernel6(sys_setattrlistat, dirfd, path, l, b, size, opt)
	} else {
		var entered bool
		if entered, errno = enterDir(dirfd, path); errno != 0 {
			return libcFailed, errno
		}
		r, errno = kernel6(sys_setattrlist, path, l, b, size, opt, 0)
		leaveDir(entered)
	}
	keep(unsafe.Pointer(&list))
	keep(unsafe.Pointer(&buf))
	return r, errno
}

// futimens(fd, times) is to fsetattrlist what utimensat is to setattrlistat.
func emulFutimens(a *libcArgs) (r, errno uintptr) {
	ts := timesAt(a[1])
	if ts[0].Nsec == libcUtimeNow && ts[1].Nsec == libcUtimeNow {
		return kernel6(sys_futimes, a[0], 0, 0, 0, 0, 0)
	}
	list, buf, n := timeAttrs(ts)
	if n == 0 { // nothing to set, but the file must be open
		var st Stat_t
		r, errno = kernel6(sys_fstat64, a[0], addr(unsafe.Pointer(&st)), 0, 0, 0, 0)
		keep(unsafe.Pointer(&st))
		return r, errno
	}
	r, errno = kernel6(sys_fsetattrlist, a[0], addr(unsafe.Pointer(&list)), addr(unsafe.Pointer(&buf)), uintptr(n)*unsafe.Sizeof(buf[0]), 0, 0)
	keep(unsafe.Pointer(&list))
	keep(unsafe.Pointer(&buf))
	return r, errno
}

// timesAt returns the access and the modification time at p; NULL means both now.
func timesAt(p uintptr) [2]Timespec {
	if p == 0 {
		return [2]Timespec{{Nsec: libcUtimeNow}, {Nsec: libcUtimeNow}}
	}
	return *(*[2]Timespec)(ptr(p))
}

// timeAttrs returns what setattrlist wants for the access and the modification
// time in ts: which attributes, and the first n elements of buf.
func timeAttrs(ts [2]Timespec) (list attrlist, buf [2]Timespec, n int) {
	list.bitmapcount = 5
	for i, t := range &ts {
		if t.Nsec == libcUtimeNow {
			sec, nsec := runtime_walltime()
			ts[i] = setTimespec(sec, int64(nsec))
		}
	}
	// In the order of the attribute bits.
	if ts[1].Nsec != libcUtimeOmit {
		list.common |= libcAttrModtime
		buf[0] = ts[1]
		n++
	}
	if ts[0].Nsec != libcUtimeOmit {
		list.common |= libcAttrAcctime
		buf[n&1] = ts[0]
		n++
	}
	return list, buf, n
}

func statAt(dirfd, path, flag, st uintptr) (r, errno uintptr) {
	if darwinRelease() < darwin10_10 {
		return emulFstatat64(&libcArgs{dirfd, path, st, flag})
	}
	return kernel6(sys_fstatat64, dirfd, path, st, flag, 0, 0)
}
