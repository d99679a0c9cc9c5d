// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

// ioctlsWide are the requests whose number has the size of an argument that
// depends on the width of the program (xnu-11417 bsd/sys/ttycom.h,
// bsd/sys/termios.h: struct user_termios; bsd/sys/sockio.h).
var ioctlsWide = []ioctlReq{
	{req: 0x40487413, kind: ioFunc, fn: ioctlGetAttr}, // TIOCGETA
	{req: 0x80487414, kind: ioFunc, fn: ioctlSetAttr}, // TIOCSETA
	{req: 0x80487415, kind: ioFunc, fn: ioctlSetAttr}, // TIOCSETAW
	{req: 0x80487416, kind: ioFunc, fn: ioctlSetAttr}, // TIOCSETAF
	{req: 0xc00c6924, kind: ioFunc, fn: ioctlIfconf},  // SIOCGIFCONF
}

// encode writes struct termios of a 64-bit program: four flags of 8 bytes,
// cc 32/20, ispeed 56/8, ospeed 64/8.
func (g *termios) encode(b []byte) int {
	const size = 72
	clear(b[:size])
	putUint64(b, uint64(g.iflag))
	putUint64(b[8:], uint64(g.oflag))
	putUint64(b[16:], uint64(g.cflag))
	putUint64(b[24:], uint64(g.lflag))
	copy(b[32:], g.cc[:])
	putUint64(b[56:], uint64(g.ispeed))
	putUint64(b[64:], uint64(g.ospeed))
	return size
}

func (g *termios) decode(b []byte) {
	g.iflag = uint32(getUint64(b))
	g.oflag = uint32(getUint64(b[8:]))
	g.cflag = uint32(getUint64(b[16:]))
	g.lflag = uint32(getUint64(b[24:]))
	copy(g.cc[:], b[32:])
	g.ispeed = uint32(getUint64(b[56:]))
	g.ospeed = uint32(getUint64(b[64:]))
}

// readIfconf reads struct ifconf, packed: len 0/4, buf 4/8.
func readIfconf(p uint64) (n int32, buf uint64, e Errno) {
	var b [12]byte
	if e = copyinBytes(b[:], p); e != 0 {
		return
	}
	return int32(getUint32(b[:])), getUint64(b[4:]), 0
}
