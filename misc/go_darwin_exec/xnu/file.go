// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

// Files: names, descriptors and the memory in which arguments are translated.
//
// A guest descriptor is the host descriptor of the same number, so the calls
// that take one go straight to the host, and so do the buffers of read and
// write: the host's kernel answers EFAULT for a bad one. Names are copied in,
// because XNU's are shorter (1024 bytes) and a few of them mean something else.

import (
	"bytes"
	"strconv"
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/vcpu"
)

const (
	pathMax = 1024 // PATH_MAX with the NUL (xnu-11417 bsd/sys/syslimits.h)

	pathPrefix = 96 // room in front of a name: see pathAt
)

// fileState is what a thread needs to translate file calls. It is in the
// Thread, so that neither a call nor a forked child has to allocate.
type fileState struct {
	name [2][pathPrefix + pathMax + 8]byte
	buf  [32768]byte // translated structures, directory blocks
	iov  [iovMax]hostIovec

	// cwd is the host descriptor of the thread's own working directory
	// (__pthread_chdir), or 0 if it shares the process's.
	cwd int32
}

// A hostBuf is the address of host memory that a host call reads or writes.
// It must point into memory that does not move: a Thread or a global.
func hostBuf(p *byte) uintptr { return uintptr(unsafe.Pointer(p)) }

// guestAtFDCWD is AT_FDCWD (xnu-11417 bsd/sys/fcntl.h).
const guestAtFDCWD = -2

// hostAtFDCWD is Linux's AT_FDCWD as a system call argument.
var hostAtFDCWD = ^uintptr(99)

// atFlag is one of XNU's AT_ flags (xnu-11417 bsd/sys/fcntl.h).
type atFlag uint32

const (
	atEaccess            atFlag = 0x10
	atSymlinkNofollow    atFlag = 0x20
	atSymlinkFollow      atFlag = 0x40
	atRemovedir          atFlag = 0x80
	atRealdev            atFlag = 0x200
	atFdonly             atFlag = 0x400
	atSymlinkNofollowAny atFlag = 0x800
)

// Linux's AT_ flags (include/uapi/linux/fcntl.h).
const (
	linuxAtSymlinkNofollow = 0x100
	linuxAtEaccess         = 0x200
	linuxAtRemovedir       = 0x200
	linuxAtSymlinkFollow   = 0x400
	linuxAtEmptyPath       = 0x1000
)

// Host calls that package syscall does not name.
const (
	sysRenameat2  = 316
	sysStatx      = 332
	sysOpenat2    = 437
	sysFaccessat2 = 439
	sysGetrandom  = 318
)

// dirfd translates the descriptor of an *at call.
func (t *Thread) dirfd(fd uint64) uintptr {
	n := int32(fd)
	if n == guestAtFDCWD {
		return t.cwd()
	}
	if n < 0 {
		return ^uintptr(0)
	}
	return uintptr(n)
}

// cwd is the host directory that relative names start from.
func (t *Thread) cwd() uintptr {
	if t.fs.cwd != 0 {
		return uintptr(t.fs.cwd)
	}
	return hostAtFDCWD
}

// path copies the string at guest address p into the thread's name buffer i and
// returns where the host finds it. XNU's errors: EFAULT, ENAMETOOLONG for
// 1024 bytes without a NUL (xnu-11417 bsd/vfs/vfs_lookup.c:namei); the host
// itself answers ENOENT for the empty name.
func (t *Thread) path(i int, p uint64) (uintptr, Errno) {
	b := &t.fs.name[i]
	n, e := copyinstr(b[pathPrefix:pathPrefix+pathMax], p)
	if e != 0 {
		return 0, e
	}
	b[pathPrefix+n] = 0
	return hostBuf(&b[pathPrefix]), 0
}

// pathAt is path for a name that the host looks up, from the directory dir if
// it is relative. The host's /proc is hidden: no Mac has one, and programs that
// try it would believe what they find there. Where the host's 40 symbolic links
// may be more than XNU's 32, 8 of them are in front of the name: see linked.
func (t *Thread) pathAt(i int, dir uintptr, p uint64) (uintptr, Errno) {
	a, e := t.path(i, p)
	if e != 0 {
		return 0, e
	}
	b := t.fs.name[i][pathPrefix:]
	if getUint32(b) == '/'|'p'<<8|'r'<<16|'o'<<24 && b[4] == 'c' && (b[5] == '/' || b[5] == 0) {
		return 0, ENOENT
	}
	if getUint32(b) == '/'|'d'<<8|'e'<<16|'v'<<24 {
		ptyHostName(b)
	}
	if t.p.linked.Load() && b[0] != 0 {
		a = t.deepName(i, dir)
	}
	return a, 0
}

// deepName puts a way of 8 symbolic links in front of the name in buffer i. It
// leads to the root or, if the name is relative, to dir.
func (t *Thread) deepName(i int, dir uintptr) uintptr {
	const root, links = "/proc/self/root", "/proc/self/root/proc/self/root/proc/self/root"
	b := &t.fs.name[i]
	at := pathPrefix
	front := func(s string) {
		at -= len(s)
		copy(b[at:], s)
	}
	switch {
	case b[pathPrefix] == '/':
		front(root)
	case dir == hostAtFDCWD:
		front("/proc/self/cwd/")
	default:
		n := uint32(dir)
		if int32(n) < 0 {
			return hostBuf(&b[pathPrefix])
		}
		front("/")
		for {
			at--
			b[at] = byte('0' + n%10)
			if n /= 10; n == 0 {
				break
			}
		}
		front(procSelfFd)
	}
	front(links)
	return hostBuf(&b[at])
}

// madeLink is called when the guest has made a symbolic link. Linux counts to
// 40, XNU to 32 (bsd/sys/param.h:MAXSYMLINKS, bsd/vfs/vfs_lookup.c:namei), and
// only he who has made links meets so many of them: up to then, looking up a
// name costs nothing more.
func (t *Thread) madeLink() {
	if t.p.linked.Load() {
		return
	}
	const self = "/proc/self/root/proc/self/cwd\x00"
	b := t.fs.buf[:len(self)]
	copy(b, self)
	if _, e := t.statx(hostAtFDCWD, hostBuf(&b[0]), 0); e == 0 {
		t.p.linked.Store(true)
	}
}

// The slave of a pseudo terminal is /dev/ttysNNN (xnu-11417
// bsd/kern/tty_ptmx.c:PTSD_TEMPLATE), on the host /dev/pts/N.
const (
	ptyGuestDir = "/dev/ttys"
	ptyHostDir  = "/dev/pts/"
)

// ptyHostName replaces a guest's name of a slave, a C string, by the host's.
func ptyHostName(b []byte) {
	if string(b[:len(ptyGuestDir)]) != ptyGuestDir {
		return
	}
	digits := b[len(ptyGuestDir):]
	digits = digits[:bytes.IndexByte(digits, 0)]
	if n, ok := decimal(digits); ok && len(digits) >= 3 && (len(digits) == 3 || n >= 1000) {
		copy(b, ptyHostDir)
		putDecimal(b[len(ptyHostDir):], n)
	}
}

// ptyGuestName replaces the host's name of a slave, n bytes and a NUL, by the
// guest's, for which b has room, and returns its length.
func ptyGuestName(b []byte, n int) int {
	if n <= len(ptyHostDir) || string(b[:len(ptyHostDir)]) != ptyHostDir {
		return n
	}
	k, ok := decimal(b[len(ptyHostDir):n])
	if !ok {
		return n
	}
	at := copy(b, ptyGuestDir)
	for least := uint32(100); least > max(k, 1); least /= 10 {
		b[at] = '0'
		at++
	}
	return at + putDecimal(b[at:], k)
}

func decimal(b []byte) (n uint32, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' || n > 1<<20 {
			return 0, false
		}
		n = n*10 + uint32(c-'0')
	}
	return n, len(b) > 0
}

// putDecimal writes n and a NUL and returns the number of digits.
func putDecimal(b []byte, n uint32) int {
	k := len(strconv.AppendUint(b[:0], uint64(n), 10))
	b[k] = 0
	return k
}

// pathBytes is the name that path has copied, without the NUL.
func (t *Thread) pathBytes(i int) []byte {
	b := t.fs.name[i][pathPrefix:]
	return b[:bytes.IndexByte(b, 0)]
}

// plainPath is path for the host calls that take no directory descriptor: if
// the thread has a working directory of its own, a relative name is given as
// /proc/self/fd/N/name.
func (t *Thread) plainPath(i int, p uint64) (uintptr, Errno) {
	a, e := t.pathAt(i, t.cwd(), p)
	if e != 0 {
		return 0, e
	}
	return t.prefixed(i, int(t.fs.cwd), a), 0
}

// prefixed puts /proc/self/fd/N/ in front of the relative name in buffer i.
func (t *Thread) prefixed(i, fd int, a uintptr) uintptr {
	b := &t.fs.name[i]
	if c := b[pathPrefix]; fd <= 0 || c == '/' || c == 0 || a != hostBuf(&b[pathPrefix]) {
		return a
	}
	at := pathPrefix - 1
	b[at] = '/'
	for {
		at--
		b[at] = byte('0' + fd%10)
		if fd /= 10; fd == 0 {
			break
		}
	}
	at -= len(procSelfFd)
	copy(b[at:], procSelfFd)
	return hostBuf(&b[at])
}

const procSelfFd = "/proc/self/fd/"

// trailingSlash reports whether the name in buffer i ends in a slash that is
// not the root.
func (t *Thread) trailingSlash(i int) bool {
	b := t.pathBytes(i)
	return len(b) > 1 && b[len(b)-1] == '/'
}

// followSlash replaces the name in buffer i, if it is that of a symbolic link
// with a slash behind, by the name of the directory that the link leads to. A
// slash makes XNU follow a link in every call
// (xnu-11215 bsd/vfs/vfs_lookup.c:lookup_handle_found_vnode); Linux answers
// ENOTDIR where a call acts on the name itself. It reports whether it did.
func (t *Thread) followSlash(i int, dir, p uintptr) bool {
	if !t.trailingSlash(i) {
		return false
	}
	b := t.pathBytes(i)
	n := len(bytes.TrimRight(b, "/"))
	b[n] = 0
	st, e := t.statx(dir, p, linuxAtSymlinkNofollow)
	b[n] = '/'
	if e != 0 || st.mode()&syscall.S_IFMT != syscall.S_IFLNK {
		return false
	}
	fd, e := t.block(syscall.SYS_OPENAT, dir, p, linuxOPath|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0, 0, 0)
	if e != 0 {
		return false
	}
	// The prefix of the buffer has room for the link of the descriptor.
	d := t.fs.name[i][pathPrefix:]
	k, e := host(syscall.SYS_READLINK, t.fdPath(i, int32(fd)), hostBuf(&d[0]), uintptr(len(d)-1), 0, 0, 0)
	host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
	if e != 0 {
		return false
	}
	d[k] = 0
	for at := pathPrefix - int(hostBuf(&d[0])-p); at < pathPrefix; at++ {
		t.fs.name[i][at] = '/' // for deepName's way to dir
	}
	return true
}

// fdPath writes /proc/self/fd/N into name buffer i: the name of an open file.
func (t *Thread) fdPath(i int, fd int32) uintptr {
	b := &t.fs.name[i]
	at := pathPrefix - 1
	b[at] = 0
	for n := uint32(fd); ; {
		at--
		b[at] = byte('0' + n%10)
		if n /= 10; n == 0 {
			break
		}
	}
	at -= len(procSelfFd)
	copy(b[at:], procSelfFd)
	return hostBuf(&b[at])
}

// copyinstr reads the string at guest address p into dst, which must have room
// for its NUL. It returns the length without it.
func copyinstr(dst []byte, p uint64) (int, Errno) {
	n := vcpu.CopyInStr(dst, p)
	switch {
	case n < 0:
		return 0, EFAULT
	case n == len(dst):
		return 0, ENAMETOOLONG
	}
	return n, 0
}

// ret drops the result of a host call of which only the error counts.
func ret(_ uint64, e Errno) (uint64, Errno) { return 0, e }

// putUint16, putUint32 and putUint64 write the fields of guest structures.
func putUint16(b []byte, v uint16) { *(*uint16)(unsafe.Pointer(&b[:2][0])) = v }
func putUint32(b []byte, v uint32) { *(*uint32)(unsafe.Pointer(&b[:4][0])) = v }
func putUint64(b []byte, v uint64) { *(*uint64)(unsafe.Pointer(&b[:8][0])) = v }

func getUint16(b []byte) uint16 { return *(*uint16)(unsafe.Pointer(&b[:2][0])) }
func getUint32(b []byte) uint32 { return *(*uint32)(unsafe.Pointer(&b[:4][0])) }
func getUint64(b []byte) uint64 { return *(*uint64)(unsafe.Pointer(&b[:8][0])) }

// copyoutBytes writes b to guest address p.
func copyoutBytes(p uint64, b []byte) Errno {
	if len(b) > 0 && !vcpu.CopyOut(p, b) {
		return EFAULT
	}
	return 0
}

// copyinBytes fills b from guest address p.
func copyinBytes(b []byte, p uint64) Errno {
	if len(b) > 0 && !vcpu.CopyIn(b, p) {
		return EFAULT
	}
	return 0
}
