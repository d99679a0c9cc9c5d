// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"syscall"
)

// Extended attributes have no name spaces on XNU. They are kept in Linux's
// "user." space, which only regular files and directories have: to set
// another file's is ENOTSUP, as on a file system of XNU that keeps none.
// Attributes of other spaces do not show.

const (
	xattrNofollow = 1 // options (xnu-11417 bsd/sys/xattr.h)
	xattrCreate   = 2
	xattrReplace  = 4

	xattrNameMax = 127 // XATTR_MAXNAMELEN

	xattrUser = "user."
)

// xattrName copies in an attribute's name and returns the host's. It is in
// name buffer 1.
func (t *Thread) xattrName(p uint64) (uintptr, Errno) {
	b := &t.fs.name[1]
	n, e := copyinstr(b[pathPrefix:pathPrefix+xattrNameMax+1], p)
	if e != 0 {
		return 0, e
	}
	if n == 0 {
		return 0, EINVAL
	}
	at := pathPrefix - len(xattrUser)
	copy(b[at:], xattrUser)
	b[pathPrefix+n] = 0
	return hostBuf(&b[at]), 0
}

// xattrTarget is the first argument of the host call and which of the three
// variants of it (name, name without following, descriptor) to make.
func (t *Thread) xattrTarget(name, options uint64) (uintptr, int, Errno) {
	p, e := t.plainPath(0, name)
	if options&xattrNofollow != 0 {
		return p, 1, e
	}
	return p, 0, e
}

var (
	getxattrNr    = [...]uintptr{syscall.SYS_GETXATTR, syscall.SYS_LGETXATTR, syscall.SYS_FGETXATTR}
	setxattrNr    = [...]uintptr{syscall.SYS_SETXATTR, syscall.SYS_LSETXATTR, syscall.SYS_FSETXATTR}
	removexattrNr = [...]uintptr{syscall.SYS_REMOVEXATTR, syscall.SYS_LREMOVEXATTR, syscall.SYS_FREMOVEXATTR}
	listxattrNr   = [...]uintptr{syscall.SYS_LISTXATTR, syscall.SYS_LLISTXATTR, syscall.SYS_FLISTXATTR}
)

func (t *Thread) getxattr(target uintptr, variant int, a *args) (uint64, Errno) {
	if uint32(a[4]) != 0 { // position: resource forks only
		return 0, EINVAL
	}
	q, e := t.xattrName(a[1])
	if e != 0 {
		return 0, e
	}
	size := a[3]
	if a[2] == 0 {
		size = 0
	}
	to, room := dstBuf(a[2], size)
	n, e := t.block(getxattrNr[variant], target, q, to, room, 0, 0)
	if e == ERANGE && uint64(room) < size {
		e = EFAULT
	}
	return n, e
}

func sysGetxattr(t *Thread, a *args) (uint64, Errno) {
	p, v, e := t.xattrTarget(a[0], a[5])
	if e != 0 {
		return 0, e
	}
	return t.getxattr(p, v, a)
}

func sysFgetxattr(t *Thread, a *args) (uint64, Errno) {
	return t.getxattr(uintptr(int32(a[0])), 2, a)
}

// xattrSetFlags translates the options of setxattr; to create and to replace
// at once is EINVAL (xnu-11417 bsd/vfs/vfs_xattr.c).
func xattrSetFlags(options uint64) (uintptr, Errno) {
	switch options & (xattrCreate | xattrReplace) {
	case xattrCreate:
		return 1, 0 // Linux's XATTR_CREATE
	case xattrReplace:
		return 2, 0
	case 0:
		return 0, 0
	}
	return 0, EINVAL
}

func (t *Thread) setxattr(target uintptr, variant int, a *args) (uint64, Errno) {
	if uint32(a[4]) != 0 {
		return 0, EINVAL
	}
	f, e := xattrSetFlags(a[5])
	if e != 0 {
		return 0, e
	}
	q, e := t.xattrName(a[1])
	if e != 0 {
		return 0, e
	}
	_, e = t.block(setxattrNr[variant], target, q, srcBuf(a[2], a[3]), uintptr(a[3]), f, 0)
	return 0, t.xattrErrno(e, target, variant)
}

// xattrErrno tells a file that can have no attributes, which Linux says is
// EPERM, from one whose attributes may not be changed.
func (t *Thread) xattrErrno(e Errno, target uintptr, variant int) Errno {
	if e != EPERM {
		return e
	}
	var st *statxBuf
	var se Errno
	switch variant {
	case 0:
		st, se = t.statx(t.cwd(), target, 0)
	case 1:
		st, se = t.statx(t.cwd(), target, linuxAtSymlinkNofollow)
	default:
		st, se = t.fstatx(int32(target))
	}
	if se == 0 {
		if typ := st.mode() & syscall.S_IFMT; typ != syscall.S_IFREG && typ != syscall.S_IFDIR {
			return ENOTSUP
		}
	}
	return e
}

func sysSetxattr(t *Thread, a *args) (uint64, Errno) {
	p, v, e := t.xattrTarget(a[0], a[5])
	if e != 0 {
		return 0, e
	}
	return t.setxattr(p, v, a)
}

func sysFsetxattr(t *Thread, a *args) (uint64, Errno) {
	return t.setxattr(uintptr(int32(a[0])), 2, a)
}

func (t *Thread) removexattr(target uintptr, variant int, name uint64) (uint64, Errno) {
	q, e := t.xattrName(name)
	if e != 0 {
		return 0, e
	}
	return ret(t.block(removexattrNr[variant], target, q, 0, 0, 0, 0))
}

func sysRemovexattr(t *Thread, a *args) (uint64, Errno) {
	p, v, e := t.xattrTarget(a[0], a[2])
	if e != 0 {
		return 0, e
	}
	return t.removexattr(p, v, a[1])
}

func sysFremovexattr(t *Thread, a *args) (uint64, Errno) {
	return t.removexattr(uintptr(int32(a[0])), 2, a[1])
}

// listxattr returns the names in the user space, without its prefix.
func (t *Thread) listxattr(target uintptr, variant int, buf, size uint64) (uint64, Errno) {
	b := t.fs.buf[:]
	n, e := t.block(listxattrNr[variant], target, hostBuf(&b[0]), uintptr(len(b)), 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	list := guestXattrs(b[:n])
	if buf == 0 {
		return uint64(len(list)), 0
	}
	if uint64(len(list)) > size {
		return 0, ERANGE
	}
	return uint64(len(list)), copyoutBytes(buf, list)
}

// guestXattrs reduces Linux's list of names, in place, to the guest's.
func guestXattrs(list []byte) []byte {
	out := list[:0]
	for len(list) > 0 {
		i := bytes.IndexByte(list, 0)
		if i < 0 {
			break
		}
		name := list[:i+1]
		list = list[i+1:]
		if len(name) > len(xattrUser)+1 && string(name[:len(xattrUser)]) == xattrUser {
			out = append(out, name[len(xattrUser):]...)
		}
	}
	return out
}

func sysListxattr(t *Thread, a *args) (uint64, Errno) {
	p, v, e := t.xattrTarget(a[0], a[3])
	if e != 0 {
		return 0, e
	}
	return t.listxattr(p, v, a[1], a[2])
}

func sysFlistxattr(t *Thread, a *args) (uint64, Errno) {
	return t.listxattr(uintptr(int32(a[0])), 2, a[1], a[2])
}
