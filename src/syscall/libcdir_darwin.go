// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package syscall

import "unsafe"

// A dirStream is C's DIR: an open directory and the records read from it. It
// lies in a mapping of its own, since there is no allocator here.
type dirStream struct {
	fd   uintptr
	next uint32 // of the record in buf to return next
	end  uint32 // of the records in buf
	eof  bool   // the kernel has said that there are no more
	base int64
	buf  [12*1024 - 32]byte
}

const (
	direntReclenOff = 16 // bsd/sys/dirent.h, the 64-bit inode form
	direntNameOff   = 21

	getdirentriesEOF = 1 // in the flags word
)

// fdopendir(fd). The descriptor is close-on-exec from here on, as Apple's is
// (Libc-1082 gen/FreeBSD/opendir.c:fdopendir).
func emulFdopendir(a *libcArgs) (r, errno uintptr) {
	var st Stat_t
	_, errno = kernel(sys_fstat64, a[0], addr(unsafe.Pointer(&st)), 0)
	if errno == 0 && st.Mode&S_IFMT != S_IFDIR {
		errno = uintptr(ENOTDIR)
	}
	keep(unsafe.Pointer(&st))
	if errno == 0 {
		_, errno = kernel(sys_fcntl, a[0], F_SETFD, FD_CLOEXEC)
	}
	if errno != 0 {
		return 0, errno
	}
	r, errno = kernel6(sys_mmap, 0, unsafe.Sizeof(dirStream{}), PROT_READ|PROT_WRITE, MAP_ANON|MAP_PRIVATE, ^uintptr(0), 0)
	if errno != 0 {
		return 0, errno
	}
	(*dirStream)(ptr(r)).fd = a[0]
	return r, 0
}

// opendir(path). Waiting for the other end of a FIFO is ruled out by
// O_NONBLOCK, as in Apple's.
func emulOpendir(a *libcArgs) (r, errno uintptr) {
	open := libcArgs{a[0], O_RDONLY | O_NONBLOCK | O_DIRECTORY | O_CLOEXEC}
	fd, errno := emulOpen(&open)
	if errno != 0 {
		return 0, errno
	}
	dir := libcArgs{fd}
	if r, errno = emulFdopendir(&dir); errno != 0 {
		kernel(sys_close, fd, 0, 0)
	}
	return r, errno
}

func emulClosedir(a *libcArgs) (r, errno uintptr) {
	fd := (*dirStream)(ptr(a[0])).fd
	kernel(sys_munmap, a[0], unsafe.Sizeof(dirStream{}), 0)
	return kernel(sys_close, fd, 0, 0)
}

// readdir_r(dir, entry, result): the result is the error number, *result is
// entry, or NULL at the end. Records of deleted files (inode 0) are skipped.
func emulReaddirR(a *libcArgs) (r, errno uintptr) {
	d := (*dirStream)(ptr(a[0]))
	result := (*uintptr)(ptr(a[2])) // a word: no write barrier
	*result = 0
	for {
		if d.next >= d.end {
			if d.eof {
				return 0, 0
			}
			if errno := d.fill(); errno != 0 {
				return errno, 0
			}
			continue
		}
		rec := addr(unsafe.Pointer(&d.buf)) + uintptr(d.next)
		reclen := *(*uint16)(ptr(rec + direntReclenOff))
		if reclen <= direntNameOff || uint32(reclen) > d.end-d.next {
			return uintptr(EIO), 0
		}
		d.next += uint32(reclen)
		if *(*uint64)(ptr(rec)) == 0 {
			continue
		}
		n := min(uintptr(reclen), unsafe.Sizeof(Dirent{}))
		for i := uintptr(0); i < n; i++ {
			*(*byte)(ptr(a[1] + i)) = *(*byte)(ptr(rec + i))
		}
		*result = a[1]
		return 0, 0
	}
}

// fill reads the next records. From 10.15 on the kernel keeps the last 4
// bytes of the buffer for flags, which save the call that would return
// nothing (xnu-6153 bsd/vfs/vfs_syscalls.c:getdirentries_common).
func (d *dirStream) fill() (errno uintptr) {
	flags := (*uint32)(unsafe.Pointer(&d.buf[len(d.buf)-4]))
	*flags = 0
	n, errno := kernel6(sys_getdirentries64, d.fd, addr(unsafe.Pointer(&d.buf)), unsafe.Sizeof(d.buf), addr(unsafe.Pointer(&d.base)), 0, 0)
	if errno != 0 {
		return errno
	}
	d.next, d.end = 0, uint32(n)
	d.eof = n == 0 || darwinRelease() >= darwin10_15 && *flags&getdirentriesEOF != 0
	return 0
}

// getcwd(buf, size). A path that F_GETPATH has no room for, 1024 bytes and more,
// is ERANGE: package os then goes up by itself.
func emulGetcwd(a *libcArgs) (r, errno uintptr) {
	var path pathBuf
	dot := [2]byte{'.', 0}
	p := addr(unsafe.Pointer(&path))
	fd, errno := kernel(sys_open, addr(unsafe.Pointer(&dot)), O_RDONLY|O_CLOEXEC, 0)
	keep(unsafe.Pointer(&dot))
	if errno == 0 {
		_, errno = kernel(sys_fcntl, fd, libcFGetpath, p)
		kernel(sys_close, fd, 0, 0)
	} else {
		p, errno = dotFullpath(&path)
	}
	if errno == uintptr(ENOSPC) { // longer than F_GETPATH can tell
		errno = uintptr(ERANGE)
	}
	if errno != 0 {
		return libcFailed, errno
	}
	n := cstrlen(p) + 1
	if n > a[1] {
		return libcFailed, uintptr(ERANGE)
	}
	for i := uintptr(0); i < n; i++ {
		*(*byte)(ptr(a[0] + i)) = *(*byte)(ptr(p + i))
	}
	keep(unsafe.Pointer(&path))
	return a[0], 0
}

// dotFullpath finds the path of a directory that may be searched but not
// read: as an attribute. It returns an address in buf.
func dotFullpath(buf *pathBuf) (p, errno uintptr) {
	dot := [2]byte{'.', 0}
	list := attrlist{bitmapcount: 5, common: libcAttrFullpath}
	b := addr(unsafe.Pointer(buf))
	_, errno = kernel6(sys_getattrlist, addr(unsafe.Pointer(&dot)), addr(unsafe.Pointer(&list)), b, unsafe.Sizeof(*buf), 0, 0)
	keep(unsafe.Pointer(&dot))
	keep(unsafe.Pointer(&list))
	if errno != 0 {
		return 0, errno
	}
	// u32 length of all, then a reference {i32 offset from itself, u32 length}.
	off := *(*int32)(ptr(b + 4))
	if off < 0 || uintptr(off)+4 >= unsafe.Sizeof(*buf) {
		return 0, uintptr(EIO)
	}
	buf[len(buf)-1] = 0
	return b + 4 + uintptr(off), 0
}
