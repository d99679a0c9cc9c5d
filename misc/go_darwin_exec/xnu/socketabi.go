// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"unsafe"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// Layouts of the socket calls that depend on the width of the guest.

// guestMsghdr is struct msghdr. On x86_64: name 0/8, namelen 8/4, iov 16/8,
// iovlen 24/4, control 32/8, controllen 40/4, flags 44/4; on i386 without gaps
// and with pointers of 4 bytes (xnu-11417 bsd/sys/socket.h: user64_msghdr,
// user32_msghdr). The _x calls add datalen, a size_t.
type guestMsghdr struct {
	name       uint64
	namelen    uint32
	iov        uint64
	iovlen     uint32
	control    uint64
	controllen uint32
	flags      uint32
	datalen    uint64
}

// Sizes by abi, and the larger ones.
var (
	msghdrSize  = [...]int{abi64: guestMsghdrSize, abi32: 28}
	msghdrXSize = [...]int{abi64: guestMsghdrXSize, abi32: 32}
)

const (
	guestMsghdrSize  = 48
	guestMsghdrXSize = 56
)

func (m *guestMsghdr) decode(b []byte, g abi) {
	if g == abi32 {
		m.name = uint64(getUint32(b))
		m.namelen = getUint32(b[4:])
		m.iov = uint64(getUint32(b[8:]))
		m.iovlen = getUint32(b[12:])
		m.control = uint64(getUint32(b[16:]))
		m.controllen = getUint32(b[20:])
		m.flags = getUint32(b[24:])
		return
	}
	m.name = getUint64(b)
	m.namelen = getUint32(b[8:])
	m.iov = getUint64(b[16:])
	m.iovlen = getUint32(b[24:])
	m.control = getUint64(b[32:])
	m.controllen = getUint32(b[40:])
	m.flags = getUint32(b[44:])
}

// copyoutResults writes the fields that recvmsg changes.
func (m *guestMsghdr) copyoutResults(p uint64, g abi) Errno {
	namelen, controllen := uint64(8), uint64(40)
	if g == abi32 {
		namelen, controllen = 4, 20
	}
	var b [8]byte
	putUint32(b[:], m.namelen)
	if e := copyoutBytes(p+namelen, b[:4]); e != 0 {
		return e
	}
	putUint32(b[:], m.controllen)
	putUint32(b[4:], m.flags)
	return copyoutBytes(p+controllen, b[:])
}

// copyoutDatalen writes the field that the _x calls add.
func (m *guestMsghdr) copyoutDatalen(p uint64, g abi) Errno {
	return g.copyoutSize(p+uint64(msghdrSize[g]), m.datalen)
}

// setIov takes over the guest's vector.
func (m *hostMsghdr) setIov(t *Thread, p uint64, n uint32) (e Errno) {
	m.iov, m.iovlen, e = t.iovec(p, uint64(n))
	return
}

// iovec copies a guest's vector of n elements into the thread's, in the
// host's form, and returns the address and the length of that. The vector
// ends where memory comes that is not the guest's: what it has of that is
// nowhere.
func (t *Thread) iovec(p, n uint64) (iov, count uintptr, e Errno) {
	if n > iovMax {
		return 0, 0, EINVAL
	}
	if n == 0 {
		return 0, 0, 0
	}
	v := t.fs.iov[:n]
	if t.abi() == abi64 {
		if e := copyin(unsafe.Pointer(&v[0]), p, uintptr(n)*unsafe.Sizeof(v[0])); e != 0 {
			return 0, 0, e
		}
	}
	for i := range v {
		x := &v[i]
		if t.abi() == abi32 {
			var b [8]byte
			if e := copyinBytes(b[:], p+8*uint64(i)); e != 0 {
				return 0, 0, e
			}
			*x = hostIovec{uint64(getUint32(b[:])), uint64(getUint32(b[4:]))}
		}
		m := vcpu.Owned(x.base, x.size)
		if m == x.size {
			continue
		}
		if m > 0 && i+1 < iovMax {
			v = t.fs.iov[:i+2]
			v[i+1] = hostIovec{nowhere, x.size - m}
			x.size = m
		} else {
			v = v[:i+1]
			x.base = nowhere
		}
		break
	}
	return uintptr(unsafe.Pointer(&v[0])), uintptr(len(v)), 0
}

// A hostIovec is struct iovec, of the host and of a 64-bit guest.
type hostIovec struct{ base, size uint64 }

// endpoints is sa_endpoints_t, on x86_64: srcif 0/4, srcaddr 8/8, srcaddrlen
// 16/4, dstaddr 24/8, dstaddrlen 32/4; on i386 five words.
type endpoints struct {
	srcif  uint32
	src    uint64
	srclen uint32
	dst    uint64
	dstlen uint32
}

func (g abi) readEndpoints(p uint64) (ep endpoints, e Errno) {
	var b [40]byte
	if g == abi32 {
		if e = copyinBytes(b[:20], p); e != 0 {
			return
		}
		w := func(i int) uint32 { return getUint32(b[4*i:]) }
		return endpoints{w(0), uint64(w(1)), w(2), uint64(w(3)), w(4)}, 0
	}
	if e = copyinBytes(b[:], p); e != 0 {
		return
	}
	ep.srcif = getUint32(b[:])
	ep.src = getUint64(b[8:])
	ep.srclen = getUint32(b[16:])
	ep.dst = getUint64(b[24:])
	ep.dstlen = getUint32(b[32:])
	return
}

// copyoutSize writes a size_t.
func (g abi) copyoutSize(p uint64, v uint64) Errno {
	var b [8]byte
	putUint64(b[:], v)
	if g == abi32 {
		return copyoutBytes(p, b[:4])
	}
	return copyoutBytes(p, b[:])
}

// readTimeval reads struct timeval: sec 0/8, usec 8/4, or sec 0/4, usec 4/4.
func (g abi) readTimeval(p uint64) (sec, usec int64, e Errno) {
	if g == abi32 {
		return readPair32(p)
	}
	var b [16]byte
	if e = copyinBytes(b[:], p); e != 0 {
		return
	}
	return int64(getUint64(b[:])), int64(int32(getUint32(b[8:]))), 0
}

// readPair32 reads two 32-bit numbers.
func readPair32(p uint64) (v, w int64, e Errno) {
	var b [8]byte
	if e = copyinBytes(b[:], p); e != 0 {
		return
	}
	return int64(int32(getUint32(b[:]))), int64(int32(getUint32(b[4:]))), 0
}

// readTimespec reads struct timespec: sec 0/8, nsec 8/8, or sec 0/4, nsec 4/4.
func (g abi) readTimespec(p uint64) (sec, nsec int64, e Errno) {
	if g == abi32 {
		return readPair32(p)
	}
	var b [16]byte
	if e = copyinBytes(b[:], p); e != 0 {
		return
	}
	return int64(getUint64(b[:])), int64(getUint64(b[8:])), 0
}

// The two functions below serve the options whose value is a struct timeval.

func (g abi) timevalOption(b []byte) (sec, usec int64) {
	if g == abi32 {
		return int64(int32(getUint32(b))), int64(int32(getUint32(b[4:])))
	}
	return int64(getUint64(b)), int64(int32(getUint32(b[8:])))
}

func (g abi) putTimevalOption(b []byte, sec, usec int64) int {
	return putTimeval(b, g, uint64(sec), uint64(usec))
}

// hdtr is struct sf_hdtr: headers 0/8, hdr_cnt 8/4, trailers 16/8, trl_cnt 24/4,
// or four words.
type hdtr struct {
	headers  uint64
	nheader  uint32
	trailers uint64
	ntrailer uint32
}

func (g abi) readHdtr(p uint64) (h hdtr, e Errno) {
	var b [32]byte
	if g == abi32 {
		if e = copyinBytes(b[:16], p); e != 0 {
			return
		}
		w := func(i int) uint32 { return getUint32(b[4*i:]) }
		return hdtr{uint64(w(0)), w(1), uint64(w(2)), w(3)}, 0
	}
	if e = copyinBytes(b[:], p); e != 0 {
		return
	}
	h.headers = getUint64(b[:])
	h.nheader = getUint32(b[8:])
	h.trailers = getUint64(b[16:])
	h.ntrailer = getUint32(b[24:])
	return
}
