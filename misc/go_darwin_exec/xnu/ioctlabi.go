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

// ioctlsNarrow are those of a 32-bit program.
var ioctlsNarrow = []ioctlReq{
	{req: 0x402c7413, kind: ioFunc, fn: ioctlGetAttr}, // TIOCGETA
	{req: 0x802c7414, kind: ioFunc, fn: ioctlSetAttr}, // TIOCSETA
	{req: 0x802c7415, kind: ioFunc, fn: ioctlSetAttr}, // TIOCSETAW
	{req: 0x802c7416, kind: ioFunc, fn: ioctlSetAttr}, // TIOCSETAF
	{req: 0xc0086924, kind: ioFunc, fn: ioctlIfconf},  // SIOCGIFCONF
}

// encode writes struct termios and returns its size. A 64-bit program's: four
// flags of 8 bytes, cc 32/20, ispeed 56/8, ospeed 64/8; a 32-bit program's: four
// flags of 4 bytes, cc 16/20, ispeed 36/4, ospeed 40/4.
func (g *termios) encode(b []byte, abi abi) int {
	if abi == abi32 {
		for i, v := range [...]uint32{g.iflag, g.oflag, g.cflag, g.lflag} {
			putUint32(b[4*i:], v)
		}
		copy(b[16:], g.cc[:])
		putUint32(b[36:], g.ispeed)
		putUint32(b[40:], g.ospeed)
		return 44
	}
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

func (g *termios) decode(b []byte, abi abi) {
	if abi == abi32 {
		for i, p := range [...]*uint32{&g.iflag, &g.oflag, &g.cflag, &g.lflag} {
			*p = getUint32(b[4*i:])
		}
		copy(g.cc[:], b[16:])
		g.ispeed = getUint32(b[36:])
		g.ospeed = getUint32(b[40:])
		return
	}
	g.iflag = uint32(getUint64(b))
	g.oflag = uint32(getUint64(b[8:]))
	g.cflag = uint32(getUint64(b[16:]))
	g.lflag = uint32(getUint64(b[24:]))
	copy(g.cc[:], b[32:])
	g.ispeed = uint32(getUint64(b[56:]))
	g.ospeed = uint32(getUint64(b[64:]))
}

// readIfconf reads struct ifconf, packed: len 0/4, buf 4/8 or 4/4.
func (g abi) readIfconf(p uint64) (n int32, buf uint64, e Errno) {
	var b [12]byte
	if g == abi32 {
		if e = copyinBytes(b[:8], p); e != 0 {
			return
		}
		return int32(getUint32(b[:])), uint64(getUint32(b[4:])), 0
	}
	if e = copyinBytes(b[:], p); e != 0 {
		return
	}
	return int32(getUint32(b[:])), getUint64(b[4:]), 0
}
