// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"math"
	"syscall"
)

// An abi selects a column of the layout tables.
type abi int

const (
	abi64 abi = iota // x86_64
	abi32            // i386
)

// abi is the guest's.
func (t *Thread) abi() abi { return t.p.abi }

// A statxBuf is Linux's struct statx (include/uapi/linux/stat.h).
type statxBuf [256]byte

func (s *statxBuf) mask() uint32       { return getUint32(s[0:]) }
func (s *statxBuf) blksize() uint32    { return getUint32(s[4:]) }
func (s *statxBuf) attributes() uint64 { return getUint64(s[8:]) }
func (s *statxBuf) nlink() uint32      { return getUint32(s[16:]) }
func (s *statxBuf) uid() uint32        { return getUint32(s[20:]) }
func (s *statxBuf) gid() uint32        { return getUint32(s[24:]) }
func (s *statxBuf) mode() uint16       { return getUint16(s[28:]) }
func (s *statxBuf) ino() uint64        { return getUint64(s[32:]) }
func (s *statxBuf) size() uint64       { return getUint64(s[40:]) }
func (s *statxBuf) blocks() uint64     { return getUint64(s[48:]) }
func (s *statxBuf) atime() []byte      { return s[64:76] }
func (s *statxBuf) btime() []byte      { return s[80:92] }
func (s *statxBuf) ctime() []byte      { return s[96:108] }
func (s *statxBuf) mtime() []byte      { return s[112:124] }
func (s *statxBuf) rdev() uint32       { return guestDev(getUint32(s[128:]), getUint32(s[132:])) }
func (s *statxBuf) rdevMajor() uint32  { return getUint32(s[128:]) } // the host's
func (s *statxBuf) dev() uint32        { return guestDev(getUint32(s[136:]), getUint32(s[140:])) }
func (s *statxBuf) mntID() uint64      { return getUint64(s[144:]) }

const (
	statxBasic = 0x7ff
	statxBtime = 0x800
	statxMntID = 0x1000

	statxAt = 4096 // where in fileState.buf the struct lies
	statAt  = 4096 + 256
)

var emptyName [1]byte

// statx fetches the attributes of a file; the result stays valid until the
// thread's next call of statx.
func (t *Thread) statx(dir, p uintptr, flags uintptr) (*statxBuf, Errno) {
	st := (*statxBuf)(t.fs.buf[statxAt:])
	_, e := host(sysStatx, dir, p, flags, statxBasic|statxBtime|statxMntID, hostBuf(&st[0]), 0)
	return st, e
}

// fstatx is statx for an open file.
func (t *Thread) fstatx(fd int32) (*statxBuf, Errno) {
	if fd < 0 || fdBitsOf(fd)&fdRevoked != 0 {
		return nil, EBADF
	}
	return t.statx(uintptr(fd), hostBuf(&emptyName[0]), linuxAtEmptyPath)
}

// guestDev makes XNU's dev_t: 8 bits major, 24 bits minor
// (xnu-11417 bsd/sys/types.h).
func guestDev(major, minor uint32) uint32 { return major<<24 | minor&0xffffff }

// hostDev makes Linux's from it (include/linux/kdev_t.h:new_encode_dev).
func hostDev(g uint32) uint32 {
	major, minor := g>>24, g&0xffffff
	return minor&0xff | major<<8 | minor&^0xff<<12
}

// A statLayout says where the fields of a guest's struct stat lie
// (xnu-11417 bsd/sys/stat.h; the offsets hold in all releases).
type statLayout struct {
	size                                int
	dev, mode, nlink                    int
	ino, inoWidth                       int
	uid, gid, rdev                      int
	atime, mtime, ctime, birthtime      int // birthtime 0: none
	long                                int // width of time_t and long
	stsize, blocks, blksize, flags, gen int
}

var (
	stat64Layouts = [...]statLayout{
		abi64: {144, 0, 4, 6, 8, 8, 16, 20, 24, 32, 48, 64, 80, 8, 96, 104, 112, 116, 120},
		abi32: {108, 0, 4, 6, 8, 8, 16, 20, 24, 28, 36, 44, 52, 4, 60, 68, 76, 80, 84},
	}
	statOldLayouts = [...]statLayout{
		abi64: {120, 0, 8, 10, 4, 4, 12, 16, 20, 24, 40, 56, 0, 8, 72, 80, 88, 92, 96},
		abi32: {96, 0, 8, 10, 4, 4, 12, 16, 20, 24, 32, 40, 0, 4, 48, 56, 64, 68, 72},
	}
)

// put writes the guest's struct stat of st to b. What has no type on Linux
// (epoll, eventfd) is a FIFO, as kqueues are
// (xnu-11417 bsd/kern/kern_event.c:kqueue_stat).
func (l *statLayout) put(b []byte, st *statxBuf) {
	clear(b[:l.size])
	mode := st.mode()
	if mode&syscall.S_IFMT == 0 {
		mode |= syscall.S_IFIFO
	}
	putUint32(b[l.dev:], st.dev())
	putUint16(b[l.mode:], mode)
	putUint16(b[l.nlink:], uint16(min(st.nlink(), math.MaxUint16)))
	if l.inoWidth == 8 {
		putUint64(b[l.ino:], st.ino())
	} else {
		putUint32(b[l.ino:], uint32(st.ino()))
	}
	putUint32(b[l.uid:], st.uid())
	putUint32(b[l.gid:], st.gid())
	putUint32(b[l.rdev:], st.rdev())
	putTimespec(b[l.atime:], l.long, st.atime())
	putTimespec(b[l.mtime:], l.long, st.mtime())
	putTimespec(b[l.ctime:], l.long, st.ctime())
	if l.birthtime != 0 && st.mask()&statxBtime != 0 {
		putTimespec(b[l.birthtime:], l.long, st.btime())
	}
	putUint64(b[l.stsize:], st.size())
	putUint64(b[l.blocks:], st.blocks())
	putUint32(b[l.blksize:], st.blksize())
	putUint32(b[l.flags:], uint32(guestFileFlags(st.attributes())))
}

// putTimespec writes a guest timespec from a struct statx_timestamp.
func putTimespec(b []byte, long int, ts []byte) {
	if long == 8 {
		putUint64(b, getUint64(ts))
		putUint64(b[8:], uint64(getUint32(ts[8:])))
	} else {
		putUint32(b, uint32(getUint64(ts)))
		putUint32(b[4:], getUint32(ts[8:]))
	}
}

func (t *Thread) statName(ls *[2]statLayout, dir uintptr, name, buf uint64, flags uintptr) (uint64, Errno) {
	p, e := t.pathAt(0, dir, name)
	if e != 0 {
		return 0, e
	}
	st, e := t.statx(dir, p, flags)
	if e != 0 {
		return 0, e
	}
	return 0, t.copyoutStat(ls, buf, st)
}

func (t *Thread) statFd(ls *[2]statLayout, fd int32, buf uint64) (uint64, Errno) {
	st, e := t.fstatx(fd)
	if e != 0 {
		return 0, e
	}
	return 0, t.copyoutStat(ls, buf, st)
}

func (t *Thread) copyoutStat(ls *[2]statLayout, buf uint64, st *statxBuf) Errno {
	l := &ls[t.abi()]
	b := t.fs.buf[statAt:]
	l.put(b, st)
	return copyoutBytes(buf, b[:l.size])
}

func (t *Thread) statAtFlags(ls *[2]statLayout, a *args) (uint64, Errno) {
	f := atFlag(a[3])
	if f&^(atSymlinkNofollow|atRealdev|atFdonly|atSymlinkNofollowAny) != 0 {
		return 0, EINVAL
	}
	var h uintptr
	if f&(atSymlinkNofollow|atSymlinkNofollowAny) != 0 {
		h = linuxAtSymlinkNofollow
	}
	return t.statName(ls, t.dirfd(a[0]), a[1], a[2], h)
}

func sysStat64(t *Thread, a *args) (uint64, Errno) {
	return t.statName(&stat64Layouts, t.cwd(), a[0], a[1], 0)
}

func sysLstat64(t *Thread, a *args) (uint64, Errno) {
	return t.statName(&stat64Layouts, t.cwd(), a[0], a[1], linuxAtSymlinkNofollow)
}

func sysFstat64(t *Thread, a *args) (uint64, Errno) {
	return t.statFd(&stat64Layouts, int32(a[0]), a[1])
}

func sysFstatat64(t *Thread, a *args) (uint64, Errno) {
	return t.statAtFlags(&stat64Layouts, a)
}

func sysStatOld(t *Thread, a *args) (uint64, Errno) {
	return t.statName(&statOldLayouts, t.cwd(), a[0], a[1], 0)
}

func sysLstatOld(t *Thread, a *args) (uint64, Errno) {
	return t.statName(&statOldLayouts, t.cwd(), a[0], a[1], linuxAtSymlinkNofollow)
}

func sysFstatOld(t *Thread, a *args) (uint64, Errno) {
	return t.statFd(&statOldLayouts, int32(a[0]), a[1])
}

func sysFstatatOld(t *Thread, a *args) (uint64, Errno) {
	return t.statAtFlags(&statOldLayouts, a)
}

// pathconf has the answers to pathconf(2) by _PC_ number
// (xnu-11417 bsd/sys/unistd.h, bsd/sys/syslimits.h, bsd/vfs/vfs_support.c);
// case sensitivity is a Linux file system's.
var pathconf = map[int32]uint64{
	1:  32767,  // _PC_LINK_MAX
	2:  1024,   // _PC_MAX_CANON
	3:  1024,   // _PC_MAX_INPUT
	4:  255,    // _PC_NAME_MAX
	5:  1024,   // _PC_PATH_MAX
	6:  512,    // _PC_PIPE_BUF
	7:  200112, // _PC_CHOWN_RESTRICTED
	8:  200112, // _PC_NO_TRUNC
	9:  255,    // _PC_VDISABLE
	10: 255,    // _PC_NAME_CHARS_MAX
	11: 1,      // _PC_CASE_SENSITIVE
	12: 1,      // _PC_CASE_PRESERVING
	13: 0,      // _PC_EXTENDED_SECURITY_NP
	14: 0,      // _PC_AUTH_OPAQUE_NP
	15: 1,      // _PC_2_SYMLINKS
	16: 4096,   // _PC_ALLOC_SIZE_MIN
	18: 64,     // _PC_FILESIZEBITS
	20: 4096,   // _PC_REC_INCR_XFER_SIZE
	21: 65536,  // _PC_REC_MAX_XFER_SIZE
	22: 4096,   // _PC_REC_MIN_XFER_SIZE
	23: 4096,   // _PC_REC_XFER_ALIGN
	24: 255,    // _PC_SYMLINK_MAX
	25: 200112, // _PC_SYNC_IO
	26: 16,     // _PC_XATTR_SIZE_BITS: Linux keeps at most 64 KiB
	27: 4096,   // _PC_MIN_HOLE_SIZE
}

func sysPathconf(t *Thread, a *args) (uint64, Errno) {
	p, e := t.pathAt(0, t.cwd(), a[0])
	if e != 0 {
		return 0, e
	}
	if _, e := t.statx(t.cwd(), p, 0); e != 0 {
		return 0, e
	}
	return pathconfValue(int32(a[1]))
}

func sysFpathconf(t *Thread, a *args) (uint64, Errno) {
	if _, e := t.fstatx(int32(a[0])); e != 0 {
		return 0, e
	}
	return pathconfValue(int32(a[1]))
}

func pathconfValue(name int32) (uint64, Errno) {
	v, ok := pathconf[name]
	if !ok {
		return 0, EINVAL
	}
	return v, 0
}
