// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"
)

// sysLink follows a symbolic link in its first name, unlike Linux's
// (xnu-11417 bsd/vfs/vfs_syscalls.c:link).
func sysLink(t *Thread, a *args) (uint64, Errno) {
	return t.link(t.cwd(), a[0], t.cwd(), a[1], atSymlinkFollow)
}

func sysLinkat(t *Thread, a *args) (uint64, Errno) {
	return t.link(t.dirfd(a[0]), a[1], t.dirfd(a[2]), a[3], atFlag(a[4]))
}

func (t *Thread) link(odir uintptr, old uint64, ndir uintptr, name uint64, f atFlag) (uint64, Errno) {
	if f&^atSymlinkFollow != 0 {
		return 0, EINVAL
	}
	var h uintptr
	if f&atSymlinkFollow != 0 {
		h = linuxAtSymlinkFollow
	}
	return t.twoNames(syscall.SYS_LINKAT, odir, old, ndir, name, h)
}

// twoNames makes a host call of the form f(dir, name, dir, name, flags).
func (t *Thread) twoNames(nr, odir uintptr, old uint64, ndir uintptr, name uint64, flags uintptr) (uint64, Errno) {
	p, e := t.pathAt(0, odir, old)
	if e != 0 {
		return 0, e
	}
	q, e := t.pathAt(1, ndir, name)
	if e != 0 {
		return 0, e
	}
	_, e = t.block(nr, odir, p, ndir, q, flags, 0)
	if e == ENOTDIR && (t.followSlash(0, odir, p) || t.followSlash(1, ndir, q)) {
		_, e = t.block(nr, odir, p, ndir, q, flags, 0)
	}
	return 0, e
}

func sysUnlink(t *Thread, a *args) (uint64, Errno) {
	return t.unlink(t.cwd(), a[0], 0)
}

func sysUnlinkat(t *Thread, a *args) (uint64, Errno) {
	f := atFlag(a[2])
	if f&^(atRemovedir|atSymlinkNofollowAny) != 0 {
		return 0, EINVAL
	}
	var h uintptr
	if f&atRemovedir != 0 {
		h = linuxAtRemovedir
	}
	return t.unlink(t.dirfd(a[0]), a[1], h)
}

func sysRmdir(t *Thread, a *args) (uint64, Errno) {
	return t.unlink(t.cwd(), a[0], linuxAtRemovedir)
}

// unlink of a directory is EPERM, EISDIR on Linux
// (xnu-11417 bsd/vfs/vfs_subr.c:vn_authorize_unlink).
func (t *Thread) unlink(dir uintptr, name uint64, flags uintptr) (uint64, Errno) {
	p, e := t.pathAt(0, dir, name)
	if e != 0 {
		return 0, e
	}
	_, e = t.block(syscall.SYS_UNLINKAT, dir, p, flags, 0, 0, 0)
	if e == ENOTDIR && t.followSlash(0, dir, p) {
		_, e = t.block(syscall.SYS_UNLINKAT, dir, p, flags, 0, 0, 0)
	}
	if e == EISDIR && flags == 0 {
		e = EPERM
	}
	return 0, e
}

func sysSymlink(t *Thread, a *args) (uint64, Errno) {
	return t.symlink(a[0], t.cwd(), a[1])
}

func sysSymlinkat(t *Thread, a *args) (uint64, Errno) {
	return t.symlink(a[0], t.dirfd(a[1]), a[2])
}

func (t *Thread) symlink(target uint64, dir uintptr, name uint64) (uint64, Errno) {
	p, e := t.path(0, target)
	if e != 0 {
		return 0, e
	}
	q, e := t.pathAt(1, dir, name)
	if e != 0 {
		return 0, e
	}
	_, e = t.block(syscall.SYS_SYMLINKAT, p, dir, q, 0, 0, 0)
	if e == 0 {
		t.madeLink()
	}
	return 0, e
}

func sysReadlink(t *Thread, a *args) (uint64, Errno) {
	return t.readlink(t.cwd(), a[0], a[1], a[2])
}

func sysReadlinkat(t *Thread, a *args) (uint64, Errno) {
	return t.readlink(t.dirfd(a[0]), a[1], a[2], a[3])
}

func (t *Thread) readlink(dir uintptr, name, buf, size uint64) (uint64, Errno) {
	p, e := t.pathAt(0, dir, name)
	if e != 0 {
		return 0, e
	}
	if len(t.pathBytes(0)) == 0 {
		return 0, ENOENT // Linux: the link that dir itself is open on
	}
	to, n := dstBuf(buf, min(size, 1<<31-1))
	return t.block(syscall.SYS_READLINKAT, dir, p, to, n, 0, 0)
}

// sysFreadlink reads the link that the descriptor was opened on (O_SYMLINK).
func sysFreadlink(t *Thread, a *args) (uint64, Errno) {
	t.fs.name[0][pathPrefix] = 0
	to, size := dstBuf(a[1], min(a[2], 1<<31-1))
	n, e := host(syscall.SYS_READLINKAT, uintptr(int32(a[0])), hostBuf(&t.fs.name[0][pathPrefix]), to, size, 0, 0)
	if e == ENOENT {
		e = EINVAL
	}
	return n, e
}

// Flags of renameatx_np (xnu-11417 bsd/sys/stdio.h) and of Linux's renameat2.
const (
	renameSwap = 2
	renameExcl = 4

	linuxRenameNoreplace = 1
	linuxRenameExchange  = 2
)

func sysRename(t *Thread, a *args) (uint64, Errno) {
	return t.rename(t.cwd(), a[0], t.cwd(), a[1], 0)
}

func sysRenameat(t *Thread, a *args) (uint64, Errno) {
	return t.rename(t.dirfd(a[0]), a[1], t.dirfd(a[2]), a[3], 0)
}

// sysRenameExt is the meaning of 488 in 2782 and 3248.
func sysRenameExt(t *Thread, a *args) (uint64, Errno) {
	return t.rename(t.cwd(), a[0], t.cwd(), a[1], uint32(a[2]))
}

func sysRenameatxNp(t *Thread, a *args) (uint64, Errno) {
	return t.rename(t.dirfd(a[0]), a[1], t.dirfd(a[2]), a[3], uint32(a[4]))
}

func (t *Thread) rename(odir uintptr, old uint64, ndir uintptr, name uint64, flags uint32) (uint64, Errno) {
	var h uintptr
	switch flags {
	case 0:
		return t.twoNames(syscall.SYS_RENAMEAT, odir, old, ndir, name, 0)
	case renameSwap:
		h = linuxRenameExchange
	case renameExcl:
		h = linuxRenameNoreplace
	default:
		return 0, EINVAL
	}
	v, e := t.twoNames(sysRenameat2, odir, old, ndir, name, h)
	return v, refusedCall(sysRenameat2, e, "rename with RENAME_SWAP or RENAME_EXCL")
}

func sysMkdir(t *Thread, a *args) (uint64, Errno) {
	return t.mkdir(t.cwd(), a[0], a[1])
}

func sysMkdirat(t *Thread, a *args) (uint64, Errno) {
	return t.mkdir(t.dirfd(a[0]), a[1], a[2])
}

// mkdir uses the permission bits of the mode only
// (xnu-11417 bsd/vfs/vfs_syscalls.c:mkdirat, ACCESSPERMS).
func (t *Thread) mkdir(dir uintptr, name, mode uint64) (uint64, Errno) {
	p, e := t.pathAt(0, dir, name)
	if e != 0 {
		return 0, e
	}
	return ret(t.block(syscall.SYS_MKDIRAT, dir, p, uintptr(mode&0o777), 0, 0, 0))
}

func sysMkfifo(t *Thread, a *args) (uint64, Errno) {
	return t.mknod(t.cwd(), a[0], a[1]&0o7777|syscall.S_IFIFO, 0)
}

func sysMkfifoat(t *Thread, a *args) (uint64, Errno) {
	return t.mknod(t.dirfd(a[0]), a[1], a[2]&0o7777|syscall.S_IFIFO, 0)
}

func sysMknod(t *Thread, a *args) (uint64, Errno) {
	return t.mknod(t.cwd(), a[0], a[1], uint32(a[2]))
}

func sysMknodat(t *Thread, a *args) (uint64, Errno) {
	return t.mknod(t.dirfd(a[0]), a[1], a[2], uint32(a[3]))
}

// mknod makes FIFOs and devices, nothing else
// (xnu-11417 bsd/vfs/vfs_syscalls.c:mknodat_internal).
func (t *Thread) mknod(dir uintptr, name, mode uint64, dev uint32) (uint64, Errno) {
	switch mode & syscall.S_IFMT {
	case syscall.S_IFIFO, syscall.S_IFCHR, syscall.S_IFBLK:
	default:
		return 0, EINVAL
	}
	p, e := t.pathAt(0, dir, name)
	if e != 0 {
		return 0, e
	}
	return ret(t.block(syscall.SYS_MKNODAT, dir, p, uintptr(mode&0o177777), uintptr(hostDev(dev)), 0, 0))
}

func sysChdir(t *Thread, a *args) (uint64, Errno) {
	p, e := t.plainPath(0, a[0])
	if e != 0 {
		return 0, e
	}
	return ret(host(syscall.SYS_CHDIR, p, 0, 0, 0, 0, 0))
}

func sysFchdir(t *Thread, a *args) (uint64, Errno) {
	return ret(host(syscall.SYS_FCHDIR, uintptr(int32(a[0])), 0, 0, 0, 0, 0))
}

func sysChroot(t *Thread, a *args) (uint64, Errno) {
	p, e := t.plainPath(0, a[0])
	if e != 0 {
		return 0, e
	}
	_, e = host(syscall.SYS_CHROOT, p, 0, 0, 0, 0, 0)
	if e == 0 {
		t.p.linked.Store(false) // there is no /proc
	}
	return 0, e
}

// A thread's own working directory (xnu-11417 bsd/vfs/vfs_syscalls.c:
// __pthread_chdir) is a hidden host descriptor that relative names of the
// thread start from; Linux could give it a cwd of its own, but never again
// take it back.

func sysPthreadChdir(t *Thread, a *args) (uint64, Errno) {
	p, e := t.pathAt(0, t.cwd(), a[0])
	if e != 0 {
		return 0, e
	}
	fd, e := host(syscall.SYS_OPENAT, t.cwd(), p, linuxOPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	return 0, t.setCwd(int32(fd), true)
}

func sysPthreadFchdir(t *Thread, a *args) (uint64, Errno) {
	fd := int32(a[0])
	if fd == -1 {
		if t.fs.cwd == 0 {
			return 0, EBADF
		}
		t.dropCwd()
		return 0, 0
	}
	st, e := t.fstatx(fd)
	if e != 0 {
		return 0, e
	}
	if st.mode()&syscall.S_IFMT != syscall.S_IFDIR {
		return 0, ENOTDIR
	}
	return 0, t.setCwd(fd, false)
}

// setCwd makes a hidden duplicate of fd the thread's directory.
func (t *Thread) setCwd(fd int32, consume bool) Errno {
	high, e := host(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, uintptr(hiddenFDBase), 0, 0, 0)
	if consume {
		host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
	}
	if e != 0 {
		return e
	}
	t.dropCwd()
	t.fs.cwd = int32(high)
	return 0
}

// dropCwd returns the thread to the process's directory; a thread that ends
// calls it too.
func (t *Thread) dropCwd() {
	if t.fs.cwd != 0 {
		host(syscall.SYS_CLOSE, uintptr(t.fs.cwd), 0, 0, 0, 0, 0)
		t.fs.cwd = 0
	}
}

// forkedCwd makes the directory of the thread that forked the child's
// (xnu-11215 bsd/kern/kern_descrip.c:fdt_fork).
func (t *Thread) forkedCwd() {
	if t.fs.cwd != 0 {
		host(syscall.SYS_FCHDIR, uintptr(t.fs.cwd), 0, 0, 0, 0, 0)
		t.fs.cwd = 0 // the descriptor is close-on-exec
	}
}

const (
	cloneNofollow    = 1
	cloneNoownercopy = 2 // since 4570

	linuxFiclone = 0x40049409
)

func sysClonefileat(t *Thread, a *args) (uint64, Errno) {
	if a[4]&^(cloneNofollow|cloneNoownercopy) != 0 {
		return 0, EINVAL
	}
	p, e := t.pathAt(0, t.dirfd(a[0]), a[1])
	if e != 0 {
		return 0, e
	}
	var h uintptr = syscall.O_RDONLY | syscall.O_CLOEXEC | syscall.O_NONBLOCK
	if a[4]&cloneNofollow != 0 {
		h |= syscall.O_NOFOLLOW
	}
	fd, e := t.block(syscall.SYS_OPENAT, t.dirfd(a[0]), p, h, 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	_, e = t.clone(int32(fd), t.dirfd(a[2]), a[3])
	host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
	return 0, e
}

func sysFclonefileat(t *Thread, a *args) (uint64, Errno) {
	if a[3]&^(cloneNofollow|cloneNoownercopy) != 0 {
		return 0, EINVAL
	}
	return t.clone(int32(a[0]), t.dirfd(a[1]), a[2])
}

// clone makes a file that shares its blocks with fd, where the host's file
// system can (FICLONE), with the same mode, whatever the umask; elsewhere, and for
// directories, ENOTSUP, as on a file system of Apple's that cannot
// (xnu-11417 bsd/vfs/vfs_syscalls.c:clonefile_internal).
func (t *Thread) clone(fd int32, dir uintptr, name uint64) (uint64, Errno) {
	st, e := t.fstatx(fd)
	if e != 0 {
		return 0, e
	}
	mode := uintptr(st.mode())
	if mode&syscall.S_IFMT != syscall.S_IFREG {
		return 0, ENOTSUP
	}
	q, e := t.pathAt(1, dir, name)
	if e != 0 {
		return 0, e
	}
	dst, e := t.block(syscall.SYS_OPENAT, dir, q, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL|syscall.O_CLOEXEC, 0o600, 0, 0)
	if e != 0 {
		return 0, e
	}
	_, e = host(syscall.SYS_IOCTL, uintptr(dst), linuxFiclone, uintptr(fd), 0, 0, 0)
	if e == 0 {
		_, e = host(syscall.SYS_FCHMOD, uintptr(dst), mode&allPerms, 0, 0, 0, 0)
	}
	if e != 0 {
		host(syscall.SYS_UNLINKAT, dir, q, 0, 0, 0, 0)
		if e != EXDEV && e != ENOSPC && e != EIO {
			e = ENOTSUP
		}
	}
	host(syscall.SYS_CLOSE, uintptr(dst), 0, 0, 0, 0, 0)
	return 0, e
}

// sysExchangedata answers as APFS does: not supported.
func sysExchangedata(t *Thread, a *args) (uint64, Errno) {
	return 0, ENOTSUP
}

// POSIX shared memory is a file in /dev/shm, where host programs find it under
// the same name. Names have at most 31 bytes
// (xnu-11417 bsd/kern/posix_shm.c:PSHMNAMLEN).

const pshmNameMax = 31

func (t *Thread) shmName(p uint64) (uintptr, Errno) {
	if _, e := t.path(0, p); e != 0 {
		return 0, e
	}
	name := t.pathBytes(0)
	if len(name) > pshmNameMax {
		return 0, ENAMETOOLONG
	}
	if len(name) > 0 && name[0] == '/' {
		name = name[1:]
	}
	if len(name) == 0 {
		return 0, EINVAL
	}
	for _, c := range name {
		if c == '/' {
			return 0, EINVAL
		}
	}
	b := &t.fs.name[1]
	n := copy(b[:], "/dev/shm/")
	n += copy(b[n:], name)
	b[n] = 0
	return hostBuf(&b[0]), 0
}

func sysShmOpen(t *Thread, a *args) (uint64, Errno) {
	p, e := t.shmName(a[0])
	if e != 0 {
		return 0, e
	}
	const allowed = oAccmode | oCreat | oExcl | oTrunc
	h := hostOpenFlags(openFlag(a[1])&allowed, t.p.Release) | syscall.O_CLOEXEC | syscall.O_NOFOLLOW
	fd, e := host(syscall.SYS_OPENAT, hostAtFDCWD, p, h, uintptr(a[2]&0o777), 0, 0)
	return newFd(fd, e, -1)
}

func sysShmUnlink(t *Thread, a *args) (uint64, Errno) {
	p, e := t.shmName(a[0])
	if e != 0 {
		return 0, e
	}
	return ret(host(syscall.SYS_UNLINKAT, hostAtFDCWD, p, 0, 0, 0, 0))
}
