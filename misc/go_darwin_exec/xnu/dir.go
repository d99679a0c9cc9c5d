// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"syscall"
)

// A direntLayout is the record of a directory entry: fixed fields, the name,
// a NUL, and padding (xnu-11417 bsd/sys/dirent.h; all releases).
type direntLayout struct {
	ino, inoWidth           int
	seekoff                 int // -1: none
	reclen, namlen, namlen1 int // namlen of 2 bytes, or of 1 byte; -1: not so
	typ, name               int
	slack, align            int // record length: name + slack + length of the name, rounded up
}

var (
	// DIRENT64_LEN counts 25 + the length of the name
	// (xnu-11417 bsd/sys/dirent.h via bsd/vfs/vfs_syscalls.c:vnode_readdir64).
	dirent64  = direntLayout{0, 8, 8, 16, 18, -1, 20, 21, 4, 8}
	direntOld = direntLayout{0, 4, -1, 4, -1, 7, 6, 8, 1, 4}
)

func (l *direntLayout) size(namlen int) int {
	return (l.name + l.slack + namlen + l.align - 1) &^ (l.align - 1)
}

// put writes one record; b has room for it.
func (l *direntLayout) put(b []byte, ino, off uint64, typ byte, name []byte) int {
	n := l.size(len(name))
	clear(b[:n])
	if l.inoWidth == 8 {
		putUint64(b[l.ino:], ino)
	} else {
		putUint32(b[l.ino:], uint32(ino))
	}
	if l.seekoff >= 0 {
		putUint64(b[l.seekoff:], off)
	}
	putUint16(b[l.reclen:], uint16(n))
	if l.namlen >= 0 {
		putUint16(b[l.namlen:], uint16(len(name)))
	} else {
		b[l.namlen1] = byte(len(name))
	}
	b[l.typ] = typ // d_type has Linux's values
	copy(b[l.name:], name)
	return n
}

// A hostDirent is Linux's struct linux_dirent64 at the front of b: ino 0/8,
// off 8/8, reclen 16/2, type 18/1, name 19.
type hostDirent []byte

func (d hostDirent) ino() uint64 { return getUint64(d) }
func (d hostDirent) off() uint64 { return getUint64(d[8:]) }
func (d hostDirent) reclen() int { return int(getUint16(d[16:])) }
func (d hostDirent) typ() byte   { return d[18] }
func (d hostDirent) name() []byte {
	s := d[19:d.reclen()]
	return s[:bytes.IndexByte(s, 0)]
}

// convert turns the host's records in h into the guest's in g. It returns how
// many bytes of each are done, and the position behind the last one.
func (l *direntLayout) convert(g, h []byte) (gn, hn int, off uint64) {
	for hn < len(h) {
		d := hostDirent(h[hn:])
		name := d.name()
		if gn+l.size(len(name)) > len(g) {
			break
		}
		off = d.off()
		gn += l.put(g[gn:], d.ino(), off, d.typ(), name)
		hn += d.reclen()
	}
	return
}

const (
	direntHostMax = 12 << 10 // bytes asked of the host at once
	direntHostMin = 280      // the longest record of the host's
)

// readdir fills the guest's buffer with records and returns their size and the
// position before.
func (t *Thread) readdir(l *direntLayout, fd int32, buf, size uint64) (n, pos uint64, e Errno) {
	pos, e = host(syscall.SYS_LSEEK, uintptr(fd), 0, 1, 0, 0, 0)
	if e == ESPIPE {
		return 0, 0, EINVAL
	}
	if e != 0 {
		return 0, 0, e
	}
	// A guest's record is at most a third longer than the host's.
	h, g := t.fs.buf[:direntHostMax], t.fs.buf[direntHostMax:]
	g = g[:min(size, uint64(len(g)))]
	h = h[:max(direntHostMin, min(len(g)/4*3, len(h)))]
	k, e := t.block(syscall.SYS_GETDENTS64, uintptr(fd), hostBuf(&h[0]), uintptr(len(h)), 0, 0, 0)
	if e == ENOTDIR {
		e = EINVAL
	}
	if e != 0 || k == 0 {
		return 0, pos, e
	}
	gn, hn, off := l.convert(g, h[:k])
	if hn < int(k) {
		if hn == 0 {
			off, e = pos, EINVAL
		}
		host(syscall.SYS_LSEEK, uintptr(fd), uintptr(off), 0, 0, 0, 0)
		if e != 0 {
			return 0, pos, e
		}
	}
	return uint64(gn), pos, copyoutBytes(buf, g[:gn])
}

// direntExtended is the buffer size from which on 6153 and later keep the last
// four bytes for flags; bit 0: the end was reached
// (xnu-11215 bsd/vfs/vfs_syscalls.c:getdirentries64).
const direntExtended = 1024

func sysGetdirentries64(t *Thread, a *args) (uint64, Errno) {
	buf, size := a[1], a[2]
	extended := t.p.Release >= XNU6153 && size >= direntExtended
	if extended {
		size -= 4
	}
	n, pos, e := t.readdir(&dirent64, int32(a[0]), buf, size)
	if e != 0 {
		return 0, e
	}
	b := t.fs.buf[:8]
	putUint64(b, pos)
	if e := copyoutBytes(a[3], b); e != 0 {
		return 0, e
	}
	if extended {
		putUint32(b, 0)
		if n == 0 {
			b[0] = 1
		}
		if e := copyoutBytes(buf+size, b[:4]); e != 0 {
			return 0, e
		}
	}
	return n, 0
}

func sysGetdirentries(t *Thread, a *args) (uint64, Errno) {
	n, pos, e := t.readdir(&direntOld, int32(a[0]), a[1], uint64(uint32(a[2])))
	if e != 0 {
		return 0, e
	}
	if a[3] != 0 {
		b := t.fs.buf[:8]
		putUint64(b, pos)
		if t.abi() == abi32 {
			b = b[:4]
		}
		if e := copyoutBytes(a[3], b); e != 0 {
			return 0, e
		}
	}
	return n, 0
}
