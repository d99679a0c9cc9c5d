// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"
	"unsafe"
)

// Events of poll (xnu-11417 bsd/sys/poll.h). Up to POLLRDNORM they have
// Linux's values.
const (
	pollIn     = 0x1
	pollPri    = 0x2
	pollOut    = 0x4 // and POLLWRNORM
	pollErr    = 0x8
	pollHup    = 0x10
	pollNval   = 0x20
	pollRdnorm = 0x40
	pollRdband = 0x80
	pollWrband = 0x100
)

// Linux's (include/uapi/asm-generic/poll.h).
const (
	linuxPollRdband = 0x80
	linuxPollWrnorm = 0x100
	linuxPollWrband = 0x200
)

func hostPollEvents(g uint16) uint16 {
	h := g & (pollIn | pollPri | pollOut | pollRdnorm | pollRdband)
	if g&pollWrband != 0 {
		h |= linuxPollWrband
	}
	return h
}

// guestPollEvents translates what the host reports. POLLHUP and POLLOUT
// exclude each other (xnu-11417 bsd/kern/sys_generic.c:poll_callback).
func guestPollEvents(h uint16) uint16 {
	g := h & (pollIn | pollPri | pollOut | pollErr | pollHup | pollNval | pollRdnorm | pollRdband)
	if h&linuxPollWrband != 0 {
		g |= pollWrband
	}
	if g&pollHup != 0 {
		g &^= pollOut | pollWrband
	}
	return g
}

// sysPoll takes struct pollfd, which is alike on both sides. A device that
// cannot be watched by a kqueue is POLLNVAL: poll is made of kevents
// (xnu-11417 bsd/kern/sys_generic.c:poll_nocancel; filt_specattach).
func sysPoll(t *Thread, a *args) (uint64, Errno) {
	n, ms := uint32(a[1]), int32(a[2])
	if n > uint32(hiddenFDBase) {
		return 0, EINVAL
	}
	if ms >= 0 && !t.restart {
		t.deadline = monotonic() + int64(ms)*1e6
	}
	if ms < -1 {
		ms = -1
	}
	const size = 8 // fd 0/4, events 4/2, revents 6/2
	buf := t.fs.buf[:]
	if int(n)*size+16 > len(buf) {
		buf = make([]byte, int(n)*size+16)
	}
	tsb, fds := buf[:16], buf[16:16+int(n)*size]
	if e := copyinBytes(fds, a[0]); e != 0 {
		return 0, e
	}
	nval := uint64(0)
	for p := fds; len(p) > 0; p = p[size:] {
		putUint16(p[4:], hostPollEvents(getUint16(p[4:])))
		putUint16(p[6:], 0)
		fd := int32(getUint32(p))
		if fd < 0 {
			continue
		}
		kind, mode, e := fdKind(fd)
		if e != 0 || fdHidden(fd) || mode == syscall.S_IFCHR && kind != kindTTY {
			putUint32(p, ^uint32(fd)) // the host skips it
			putUint16(p[6:], pollNval)
			nval++
		}
	}
	var ready uint64
	if nval < uint64(n) || nval == 0 {
		var ts uintptr
		if ms >= 0 || nval > 0 {
			left := max(t.deadline-monotonic(), 0)
			if nval > 0 {
				left = 0
			}
			putUint64(tsb, uint64(left/1e9))
			putUint64(tsb[8:], uint64(left%1e9))
			ts = uintptr(unsafe.Pointer(&tsb[0]))
		}
		var p uintptr
		if n > 0 {
			p = uintptr(unsafe.Pointer(&fds[0]))
		}
		// The host clears revents of what it skips: keep the fds.
		var e Errno
		ready, e = t.block(syscall.SYS_PPOLL, p, uintptr(n), ts, 0, 0, 0)
		if e != 0 {
			return 0, e
		}
	}
	for i := 0; i < int(n); i++ {
		p := fds[i*size:]
		g := guestPollEvents(getUint16(p[6:]))
		if fd := int32(getUint32(p)); fd < 0 && nval > 0 {
			var old [4]byte
			if e := copyinBytes(old[:], a[0]+uint64(i*size)); e != 0 {
				return 0, e
			}
			if int32(getUint32(old[:])) >= 0 {
				g = pollNval
			}
		}
		var out [2]byte
		putUint16(out[:], g)
		if e := copyoutBytes(a[0]+uint64(i*size)+6, out[:]); e != 0 {
			return 0, e
		}
	}
	return ready + nval, 0
}
