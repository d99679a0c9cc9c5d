// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import "syscall"

// Linux's requests (include/uapi/asm-generic/ioctls.h, sockios.h).
const (
	linuxTcgets2    = 0x802c542a
	linuxTcsets2    = 0x402c542b
	linuxTcsetsw2   = 0x402c542c
	linuxTcsetsf2   = 0x402c542d
	linuxTcsbrk     = 0x5409
	linuxTcxonc     = 0x540a
	linuxTcflsh     = 0x540b
	linuxTiocexcl   = 0x540c
	linuxTiocnxcl   = 0x540d
	linuxTiocsctty  = 0x540e
	linuxTiocgpgrp  = 0x540f
	linuxTiocspgrp  = 0x5410
	linuxTiocoutq   = 0x5411
	linuxTiocsti    = 0x5412
	linuxTiocgwinsz = 0x5413
	linuxTiocswinsz = 0x5414
	linuxTiocmget   = 0x5415
	linuxTiocmbis   = 0x5416
	linuxTiocmbic   = 0x5417
	linuxTiocmset   = 0x5418
	linuxFionread   = 0x541b
	linuxTiocpkt    = 0x5420
	linuxFionbio    = 0x5421
	linuxTiocnotty  = 0x5422
	linuxTiocsbrk   = 0x5427
	linuxTioccbrk   = 0x5428
	linuxTiocgsid   = 0x5429
	linuxTiocgptn   = 0x80045430
	linuxTiocsptlck = 0x40045431
	linuxFionclex   = 0x5450
	linuxFioclex    = 0x5451
	linuxFioasync   = 0x5452
	linuxFiosetown  = 0x8901
	linuxSiocspgrp  = 0x8902
	linuxFiogetown  = 0x8903
	linuxSiocgpgrp  = 0x8904
	linuxSiocatmark = 0x8905
)

// An ioctlKind says what is done with the argument of a request.
type ioctlKind uint8

const (
	ioNone ioctlKind = iota // no argument; the host's is the row's arg
	ioSame                  // size bytes, alike on both sides
	ioFunc                  // fn does it
)

// An ioctlReq is a row of the table of requests.
type ioctlReq struct {
	req  uint32
	host uintptr
	kind ioctlKind
	arg  uintptr
	fn   func(t *Thread, fd int32, req uint32, p uint64) Errno
}

// ioctls are the requests that are known and do not depend on the width of
// the program (xnu-11417 bsd/sys/ttycom.h, filio.h, sockio.h); those that do
// are in ioctl_amd64.go. The size of an argument is in the request.
var ioctls = []ioctlReq{
	{req: 0x20006601, host: linuxFioclex},                  // FIOCLEX
	{req: 0x20006602, host: linuxFionclex},                 // FIONCLEX
	{req: 0x4004667f, kind: ioFunc, fn: ioctlFionread},     // FIONREAD
	{req: 0x8004667e, host: linuxFionbio, kind: ioSame},    // FIONBIO
	{req: 0x8004667d, host: linuxFioasync, kind: ioSame},   // FIOASYNC
	{req: 0x8004667c, host: linuxFiosetown, kind: ioSame},  // FIOSETOWN
	{req: 0x4004667b, host: linuxFiogetown, kind: ioSame},  // FIOGETOWN
	{req: 0x4004667a, kind: ioFunc, fn: ioctlFiodtype},     // FIODTYPE
	{req: 0x80047308, host: linuxSiocspgrp, kind: ioSame},  // SIOCSPGRP
	{req: 0x40047309, host: linuxSiocgpgrp, kind: ioSame},  // SIOCGPGRP
	{req: 0x40047307, kind: ioFunc, fn: ioctlAtmark},       // SIOCATMARK
	{req: 0x40087468, host: linuxTiocgwinsz, kind: ioSame}, // TIOCGWINSZ
	{req: 0x80087467, host: linuxTiocswinsz, kind: ioSame}, // TIOCSWINSZ
	{req: 0x40047477, host: linuxTiocgpgrp, kind: ioSame},  // TIOCGPGRP
	{req: 0x80047476, host: linuxTiocspgrp, kind: ioSame},  // TIOCSPGRP
	{req: 0x40047463, host: linuxTiocgsid, kind: ioSame},   // TIOCGSID
	{req: 0x20007461, host: linuxTiocsctty},                // TIOCSCTTY
	{req: 0x20007471, host: linuxTiocnotty},                // TIOCNOTTY
	{req: 0x80017472, host: linuxTiocsti, kind: ioSame},    // TIOCSTI
	{req: 0x40047473, host: linuxTiocoutq, kind: ioSame},   // TIOCOUTQ
	{req: 0x2000740d, host: linuxTiocexcl},                 // TIOCEXCL
	{req: 0x2000740e, host: linuxTiocnxcl},                 // TIOCNXCL
	{req: 0x80047410, kind: ioFunc, fn: ioctlFlush},        // TIOCFLUSH
	{req: 0x2000745e, host: linuxTcsbrk, arg: 1},           // TIOCDRAIN
	{req: 0x2000746f, host: linuxTcxonc, arg: 0},           // TIOCSTOP
	{req: 0x2000746e, host: linuxTcxonc, arg: 1},           // TIOCSTART
	{req: 0x20007481, host: linuxTcxonc, arg: 3},           // TIOCIXON
	{req: 0x20007480, host: linuxTcxonc, arg: 2},           // TIOCIXOFF
	{req: 0x2000747b, host: linuxTiocsbrk},                 // TIOCSBRK
	{req: 0x2000747a, host: linuxTioccbrk},                 // TIOCCBRK
	{req: 0x20007479, kind: ioFunc, fn: ioctlDTR},          // TIOCSDTR
	{req: 0x20007478, kind: ioFunc, fn: ioctlDTR},          // TIOCCDTR
	{req: 0x4004746a, host: linuxTiocmget, kind: ioSame},   // TIOCMGET
	{req: 0x8004746d, host: linuxTiocmset, kind: ioSame},   // TIOCMSET
	{req: 0x8004746c, host: linuxTiocmbis, kind: ioSame},   // TIOCMBIS
	{req: 0x8004746b, host: linuxTiocmbic, kind: ioSame},   // TIOCMBIC
	{req: 0x80047470, host: linuxTiocpkt, kind: ioSame},    // TIOCPKT
	{req: 0x4004741a, kind: ioFunc, fn: ioctlDiscipline},   // TIOCGETD
	{req: 0x20007454, kind: ioFunc, fn: ioctlPtyGrant},     // TIOCPTYGRANT
	{req: 0x20007452, kind: ioFunc, fn: ioctlPtyUnlock},    // TIOCPTYUNLK
	{req: 0x40807453, kind: ioFunc, fn: ioctlPtyName},      // TIOCPTYGNAME
	{req: 0xc0206911, kind: ioFunc, fn: ioctlIfreq},        // SIOCGIFFLAGS
	{req: 0xc0206917, kind: ioFunc, fn: ioctlIfreq},        // SIOCGIFMETRIC
	{req: 0xc0206921, kind: ioFunc, fn: ioctlIfreq},        // SIOCGIFADDR
	{req: 0xc0206922, kind: ioFunc, fn: ioctlIfreq},        // SIOCGIFDSTADDR
	{req: 0xc0206923, kind: ioFunc, fn: ioctlIfreq},        // SIOCGIFBRDADDR
	{req: 0xc0206925, kind: ioFunc, fn: ioctlIfreq},        // SIOCGIFNETMASK
	{req: 0xc0206933, kind: ioFunc, fn: ioctlIfreq},        // SIOCGIFMTU
}

// findIoctl returns the row of a request, or nil. It uses no map: the child
// of a fork comes here for its terminal.
func findIoctl(req uint32, abi abi) *ioctlReq {
	for i := range ioctls {
		if ioctls[i].req == req {
			return &ioctls[i]
		}
	}
	sized := ioctlsWide
	if abi == abi32 {
		sized = ioctlsNarrow
	}
	for i := range sized {
		if sized[i].req == req {
			return &sized[i]
		}
	}
	return nil
}

// ioctlSize is the length of a request's argument (IOCPARM_LEN).
func ioctlSize(req uint32) int { return int(req >> 16 & 0x1fff) }

const (
	ioctlOut = 0x40000000 // the kernel writes the argument
	ioctlIn  = 0x80000000 // the kernel reads it
)

// sysIoctl: the request is compared as 64 bits, and a sign-extended one is
// taken for the same (xnu-11417 bsd/kern/sys_generic.c:ioctl).
func sysIoctl(t *Thread, a *args) (uint64, Errno) {
	fd, req, p := int32(a[0]), uint32(a[1]), a[2]
	if fdHidden(fd) {
		return 0, EBADF
	}
	r := findIoctl(req, t.abi())
	if r == nil {
		return 0, t.unknownIoctl(fd, req)
	}
	if b := fdBitsOf(fd) & (fdRevoked | fdNoCtty); b != 0 && r.host != linuxFioclex && r.host != linuxFionclex {
		if b&fdNoCtty != 0 {
			return 0, EIO // xnu-11417 bsd/kern/tty_tty.c:cttyioctl
		}
		return 0, EBADF
	}
	switch r.kind {
	case ioNone:
		_, e := t.block(syscall.SYS_IOCTL, uintptr(fd), r.host, r.arg, 0, 0, 0)
		if r.host == linuxTiocsctty && e == 0 {
			noteTTY(fd)
		}
		return 0, ioctlError(e)
	case ioSame:
		b := t.sockBuf().val[:ioctlSize(req)]
		if req&ioctlIn != 0 {
			if e := copyinBytes(b, p); e != 0 {
				return 0, e
			}
		}
		if _, e := t.block(syscall.SYS_IOCTL, uintptr(fd), r.host, hostBuf(&b[0]), 0, 0, 0); e != 0 {
			return 0, ioctlError(e)
		}
		if req&ioctlOut != 0 {
			return 0, copyoutBytes(p, b)
		}
		return 0, 0
	}
	return 0, ioctlError(r.fn(t, fd, req, p))
}

// ioctlError: what Linux answers to a request that the file does not know is
// ENOTTY, seldom EINVAL or ENOTSUP.
func ioctlError(e Errno) Errno {
	if e == ENOTSUP {
		return EOPNOTSUPP
	}
	return e
}

// unknownIoctl answers a request that is not in the table. Sockets say
// EOPNOTSUPP, other files ENOTTY.
func (t *Thread) unknownIoctl(fd int32, req uint32) Errno {
	kind, _, e := fdKind(fd)
	if e != 0 {
		return e
	}
	if !t.p.child {
		warnOncef("ioctl %#x is not implemented", req)
	}
	if kind == kindStream || kind == kindDgram {
		return EOPNOTSUPP
	}
	return ENOTTY
}

// putInt writes an int of the guest.
func putInt(p uint64, v int32) Errno {
	var b [4]byte
	putUint32(b[:], uint32(v))
	return copyoutBytes(p, b[:])
}

func getInt(p uint64) (int32, Errno) {
	var b [4]byte
	e := copyinBytes(b[:], p)
	return int32(getUint32(b[:])), e
}

// ioctlFionread: a listening socket has no data, where Linux says EINVAL.
func ioctlFionread(t *Thread, fd int32, req uint32, p uint64) Errno {
	n, e := ioctlInt(fd, linuxFionread)
	if e == EINVAL {
		if kind, _, _ := fdKind(fd); kind == kindStream {
			n, e = 0, 0
		}
	}
	if e != 0 {
		return e
	}
	return putInt(p, n)
}

// ioctlAtmark: every socket answers; the mark is TCP's
// (xnu-11417 bsd/kern/sys_socket.c:soioctl).
func ioctlAtmark(t *Thread, fd int32, req uint32, p uint64) Errno {
	k, e := socketKind(fd)
	if e == ENOTSOCK {
		return ENOTTY
	}
	if e != 0 {
		return e
	}
	n := int32(0)
	if k.tcp() {
		if v, e := ioctlInt(fd, linuxSiocatmark); e == 0 && tcpState(fd) != tcpClose {
			n = v
		}
	}
	return putInt(p, n)
}

// ioctlFiodtype tells the type of a device: D_TTY 3 or D_DISK 2
// (xnu-11417 bsd/sys/conf.h).
func ioctlFiodtype(t *Thread, fd int32, req uint32, p uint64) Errno {
	kind, mode, e := fdKind(fd)
	switch {
	case e != 0:
		return e
	case kind == kindTTY:
		return putInt(p, 3)
	case mode == syscall.S_IFBLK:
		return putInt(p, 2)
	case mode == syscall.S_IFCHR:
		return putInt(p, 0)
	}
	return ENOTTY
}

// ioctlFlush: the argument has FREAD 1 and FWRITE 2, 0 is both
// (xnu-11417 bsd/kern/tty.c:ttioctl_locked).
func ioctlFlush(t *Thread, fd int32, req uint32, p uint64) Errno {
	v, e := getInt(p)
	if e != 0 {
		return e
	}
	arg := uintptr(2) // TCIOFLUSH
	switch v & 3 {
	case 1:
		arg = 0
	case 2:
		arg = 1
	}
	_, e = t.block(syscall.SYS_IOCTL, uintptr(fd), linuxTcflsh, arg, 0, 0, 0)
	return e
}

func ioctlDTR(t *Thread, fd int32, req uint32, p uint64) Errno {
	nr := uintptr(linuxTiocmbis)
	if req == 0x20007478 {
		nr = linuxTiocmbic
	}
	b := t.sockBuf().val[:4]
	putUint32(b, 2) // TIOCM_DTR
	_, e := host(syscall.SYS_IOCTL, uintptr(fd), nr, hostBuf(&b[0]), 0, 0, 0)
	return e
}

// ioctlDiscipline: terminals have TTYDISC, 0.
func ioctlDiscipline(t *Thread, fd int32, req uint32, p uint64) Errno {
	if _, e := ioctlInt(fd, linuxTiocgpgrp); e != 0 && e != ENOTTY {
		return e
	}
	kind, _, e := fdKind(fd)
	if e != 0 {
		return e
	}
	if kind != kindTTY {
		return ENOTTY
	}
	return putInt(p, 0)
}

// The pseudo terminals: the guest opens the host's /dev/ptmx.

// ioctlPtyGrant: the host's devpts has given the slave to its user already.
func ioctlPtyGrant(t *Thread, fd int32, req uint32, p uint64) Errno {
	_, e := ioctlInt(fd, linuxTiocgptn)
	return e
}

func ioctlPtyUnlock(t *Thread, fd int32, req uint32, p uint64) Errno {
	b := t.sockBuf().val[:4]
	putUint32(b, 0)
	_, e := host(syscall.SYS_IOCTL, uintptr(fd), linuxTiocsptlck, hostBuf(&b[0]), 0, 0, 0)
	return e
}

// ioctlPtyName writes the slave's name, /dev/ttysNNN, into the 128 bytes of the
// argument.
func ioctlPtyName(t *Thread, fd int32, req uint32, p uint64) Errno {
	n, e := ioctlInt(fd, linuxTiocgptn)
	if e != 0 {
		return e
	}
	b := t.sockBuf().val[:128]
	clear(b)
	copy(b, ptyHostDir)
	ptyGuestName(b, len(ptyHostDir)+putDecimal(b[len(ptyHostDir):], uint32(n)))
	return copyoutBytes(p, b)
}
