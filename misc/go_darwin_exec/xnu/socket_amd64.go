// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

// Layouts of the socket calls that depend on the width of the guest.

// guestMsghdr is struct msghdr: name 0/8, namelen 8/4, iov 16/8, iovlen 24/4,
// control 32/8, controllen 40/4, flags 44/4 (xnu-11417 bsd/sys/socket.h:
// user64_msghdr). The _x calls add datalen 48/8.
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

const (
	guestMsghdrSize  = 48
	guestMsghdrXSize = 56
)

func (m *guestMsghdr) decode(b []byte) {
	m.name = getUint64(b)
	m.namelen = getUint32(b[8:])
	m.iov = getUint64(b[16:])
	m.iovlen = getUint32(b[24:])
	m.control = getUint64(b[32:])
	m.controllen = getUint32(b[40:])
	m.flags = getUint32(b[44:])
}

// copyoutResults writes the fields that recvmsg changes.
func (m *guestMsghdr) copyoutResults(p uint64) Errno {
	var b [8]byte
	putUint32(b[:], m.namelen)
	if e := copyoutBytes(p+8, b[:4]); e != 0 {
		return e
	}
	putUint32(b[:], m.controllen)
	putUint32(b[4:], m.flags)
	return copyoutBytes(p+40, b[:])
}

// copyoutDatalen writes the field that the _x calls add.
func (m *guestMsghdr) copyoutDatalen(p uint64) Errno {
	var b [8]byte
	putUint64(b[:], m.datalen)
	return copyoutBytes(p+48, b[:])
}

// setIov takes over the guest's vector, which is as Linux's: base, length.
func (m *hostMsghdr) setIov(t *Thread, p uint64, n uint32) Errno {
	m.iov, m.iovlen = uintptr(p), uintptr(n)
	return 0
}

// endpoints is sa_endpoints_t: srcif 0/4, srcaddr 8/8, srcaddrlen 16/4,
// dstaddr 24/8, dstaddrlen 32/4.
type endpoints struct {
	srcif  uint32
	src    uint64
	srclen uint32
	dst    uint64
	dstlen uint32
}

func readEndpoints(p uint64) (ep endpoints, e Errno) {
	var b [40]byte
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
func copyoutSize(p uint64, v uint64) Errno {
	var b [8]byte
	putUint64(b[:], v)
	return copyoutBytes(p, b[:])
}

// readTimeval reads struct timeval: sec 0/8, usec 8/4.
func readTimeval(p uint64) (sec, usec int64, e Errno) {
	var b [16]byte
	if e = copyinBytes(b[:], p); e != 0 {
		return
	}
	return int64(getUint64(b[:])), int64(int32(getUint32(b[8:]))), 0
}

// readTimespec reads struct timespec: sec 0/8, nsec 8/8.
func readTimespec(p uint64) (sec, nsec int64, e Errno) {
	var b [16]byte
	if e = copyinBytes(b[:], p); e != 0 {
		return
	}
	return int64(getUint64(b[:])), int64(getUint64(b[8:])), 0
}

// guestTimevalSize and the two functions below serve the options whose value
// is a struct timeval.
const guestTimevalSize = 16

func timevalOption(b []byte) (sec, usec int64) {
	return int64(getUint64(b)), int64(int32(getUint32(b[8:])))
}

func putTimevalOption(b []byte, sec, usec int64) int {
	putUint64(b, uint64(sec))
	putUint32(b[8:], uint32(usec))
	putUint32(b[12:], 0)
	return guestTimevalSize
}

// hdtr is struct sf_hdtr: headers 0/8, hdr_cnt 8/4, trailers 16/8, trl_cnt 24/4.
type hdtr struct {
	headers  uint64
	nheader  uint32
	trailers uint64
	ntrailer uint32
}

func readHdtr(p uint64) (h hdtr, e Errno) {
	var b [32]byte
	if e = copyinBytes(b[:], p); e != 0 {
		return
	}
	h.headers = getUint64(b[:])
	h.nheader = getUint32(b[8:])
	h.trailers = getUint64(b[16:])
	h.ntrailer = getUint32(b[24:])
	return
}
