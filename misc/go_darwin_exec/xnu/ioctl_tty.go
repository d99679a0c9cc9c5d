// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import "syscall"

// Terminal attributes: the bits of XNU's and Linux's struct termios.

// A ttyBit pairs a bit of XNU (xnu-11417 bsd/sys/termios.h) with one of
// Linux (include/uapi/asm-generic/termbits.h). Either may be several bits that
// mean something only together.
type ttyBit struct{ guest, host uint32 }

var ttyIflag = []ttyBit{
	{0x1, 0x1},       // IGNBRK
	{0x2, 0x2},       // BRKINT
	{0x4, 0x4},       // IGNPAR
	{0x8, 0x8},       // PARMRK
	{0x10, 0x10},     // INPCK
	{0x20, 0x20},     // ISTRIP
	{0x40, 0x40},     // INLCR
	{0x80, 0x80},     // IGNCR
	{0x100, 0x100},   // ICRNL
	{0x200, 0x400},   // IXON
	{0x400, 0x1000},  // IXOFF
	{0x800, 0x800},   // IXANY
	{0x2000, 0x2000}, // IMAXBEL
	{0x4000, 0x4000}, // IUTF8
}

var ttyOflag = []ttyBit{
	{0x1, 0x1},    // OPOST
	{0x2, 0x4},    // ONLCR
	{0x4, 0x1800}, // OXTABS: Linux's XTABS
	{0x10, 0x8},   // OCRNL
	{0x20, 0x10},  // ONOCR
	{0x40, 0x20},  // ONLRET
	{0x80, 0x40},  // OFILL
}

var ttyCflag = []ttyBit{
	{0x100, 0x10},         // CS6; CS8 is CS6 and CS7 on both sides
	{0x200, 0x20},         // CS7
	{0x400, 0x40},         // CSTOPB
	{0x800, 0x80},         // CREAD
	{0x1000, 0x100},       // PARENB
	{0x2000, 0x200},       // PARODD
	{0x4000, 0x400},       // HUPCL
	{0x8000, 0x800},       // CLOCAL
	{0x30000, 0x80000000}, // CRTSCTS
}

var ttyLflag = []ttyBit{
	{0x1, 0x800},         // ECHOKE
	{0x2, 0x10},          // ECHOE
	{0x4, 0x20},          // ECHOK
	{0x8, 0x8},           // ECHO
	{0x10, 0x40},         // ECHONL
	{0x20, 0x400},        // ECHOPRT
	{0x40, 0x200},        // ECHOCTL
	{0x80, 0x1},          // ISIG
	{0x100, 0x2},         // ICANON
	{0x400, 0x8000},      // IEXTEN
	{0x800, 0x10000},     // EXTPROC
	{0x400000, 0x100},    // TOSTOP
	{0x800000, 0x1000},   // FLUSHO
	{0x20000000, 0x4000}, // PENDIN
	{0x80000000, 0x80},   // NOFLSH
}

// hostTTYBits translates g and leaves alone, as in old, what XNU lacks.
func hostTTYBits(tab []ttyBit, g, old uint32) uint32 {
	for _, b := range tab {
		old &^= b.host
		if g&b.guest != 0 {
			old |= b.host
		}
	}
	return old
}

func guestTTYBits(tab []ttyBit, h uint32) uint32 {
	var g uint32
	for _, b := range tab {
		if h&b.host == b.host {
			g |= b.guest
		}
	}
	return g
}

// ttyChars has the index of each special character on the host, by XNU's; -1
// for what Linux lacks.
var ttyChars = [20]int8{
	0:  4,  // VEOF
	1:  11, // VEOL
	2:  16, // VEOL2
	3:  2,  // VERASE
	4:  14, // VWERASE
	5:  3,  // VKILL
	6:  12, // VREPRINT
	7:  -1,
	8:  0,  // VINTR
	9:  1,  // VQUIT
	10: 10, // VSUSP
	11: -1, // VDSUSP
	12: 8,  // VSTART
	13: 9,  // VSTOP
	14: 15, // VLNEXT
	15: 13, // VDISCARD
	16: 6,  // VMIN
	17: 5,  // VTIME
	18: -1, // VSTATUS
	19: -1,
}

const (
	ttyVmin     = 16
	ttyVtime    = 17
	ttyDisabled = 0xff // _POSIX_VDISABLE; Linux: 0
)

// hostTermiosSize is the size of Linux's struct termios2: iflag 0, oflag 4,
// cflag 8, lflag 12, line 16/1, cc 17/19, ispeed 36, ospeed 40.
const hostTermiosSize = 44

// A termios holds XNU's attributes without their layout.
type termios struct {
	iflag, oflag, cflag, lflag uint32
	cc                         [20]byte
	ispeed, ospeed             uint32
}

// fromHost fills g from a struct termios2.
func (g *termios) fromHost(h []byte) {
	g.iflag = guestTTYBits(ttyIflag, getUint32(h))
	g.oflag = guestTTYBits(ttyOflag, getUint32(h[4:]))
	g.cflag = guestTTYBits(ttyCflag, getUint32(h[8:]))
	g.lflag = guestTTYBits(ttyLflag, getUint32(h[12:]))
	for i, hi := range ttyChars {
		g.cc[i] = ttyDisabled
		if hi < 0 {
			continue
		}
		c := h[17+int(hi)]
		if c == 0 && i != ttyVmin && i != ttyVtime {
			c = ttyDisabled
		}
		g.cc[i] = c
	}
	g.ispeed, g.ospeed = getUint32(h[36:]), getUint32(h[40:])
	if g.ispeed == 0 {
		g.ispeed = g.ospeed
	}
}

// toHost changes the struct termios2 h to what g says.
func (g *termios) toHost(h []byte) {
	const (
		cbaud   = 0x100f
		bother  = 0x1000 // the speed stands in ospeed
		ibshift = 16
	)
	putUint32(h, hostTTYBits(ttyIflag, g.iflag, getUint32(h)))
	putUint32(h[4:], hostTTYBits(ttyOflag, g.oflag, getUint32(h[4:])))
	cf := hostTTYBits(ttyCflag, g.cflag, getUint32(h[8:]))
	cf = cf&^(cbaud|cbaud<<ibshift) | bother | bother<<ibshift
	putUint32(h[8:], cf)
	putUint32(h[12:], hostTTYBits(ttyLflag, g.lflag, getUint32(h[12:])))
	for i, hi := range ttyChars {
		if hi < 0 {
			continue
		}
		c := g.cc[i]
		if c == ttyDisabled && i != ttyVmin && i != ttyVtime {
			c = 0
		}
		h[17+int(hi)] = c
	}
	putUint32(h[36:], g.ispeed)
	putUint32(h[40:], g.ospeed)
}

// ioctlGetAttr is TIOCGETA.
func ioctlGetAttr(t *Thread, fd int32, req uint32, p uint64) Errno {
	b := t.sockBuf()
	h := b.ctl[:hostTermiosSize]
	if _, e := host(syscall.SYS_IOCTL, uintptr(fd), linuxTcgets2, hostBuf(&h[0]), 0, 0, 0); e != 0 {
		return e
	}
	var g termios
	g.fromHost(h)
	n := g.encode(b.val[:], t.abi())
	return copyoutBytes(p, b.val[:n])
}

// ioctlSetAttr is TIOCSETA, TIOCSETAW and TIOCSETAF.
func ioctlSetAttr(t *Thread, fd int32, req uint32, p uint64) Errno {
	b := t.sockBuf()
	raw := b.val[:ioctlSize(req)]
	if e := copyinBytes(raw, p); e != 0 {
		return e
	}
	var g termios
	g.decode(raw, t.abi())
	h := b.ctl[:hostTermiosSize]
	if _, e := host(syscall.SYS_IOCTL, uintptr(fd), linuxTcgets2, hostBuf(&h[0]), 0, 0, 0); e != 0 {
		return e
	}
	g.toHost(h)
	nr := uintptr(linuxTcsets2)
	switch req & 0xff {
	case 21:
		nr = linuxTcsetsw2
	case 22:
		nr = linuxTcsetsf2
	}
	_, e := t.block(syscall.SYS_IOCTL, uintptr(fd), nr, hostBuf(&h[0]), 0, 0, 0)
	return e
}
