// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"syscall"
)

// Socket addresses: XNU's begin with a length byte and a family byte, Linux's
// with a family of two bytes; behind that AF_INET and AF_INET6 are alike.

// Address families (xnu-11417 bsd/sys/socket.h).
const (
	guestAfUnspec = 0
	guestAfUnix   = 1
	guestAfInet   = 2
	guestAfRoute  = 17
	guestAfLink   = 18
	guestAfInet6  = 30
	guestAfSystem = 32
	guestAfVsock  = 40 // since 7195
)

const (
	guestSockaddrIn4Len = 16
	guestSockaddrIn6Len = 28
	guestSockaddrUnLen  = 106 // with a path of 104
	guestSockaddrMax    = 255 // SOCK_MAXADDRLEN
	hostSockaddrMax     = 128 // sizeof(struct sockaddr_storage)
	hostUnixPathMax     = 108
)

// hostFamily translates an address family, as socket(2) takes it.
func hostFamily(f int32) (uintptr, bool) {
	switch f {
	case guestAfUnix:
		return syscall.AF_UNIX, true
	case guestAfInet:
		return syscall.AF_INET, true
	case guestAfInet6:
		return syscall.AF_INET6, true
	}
	return 0, false
}

// hostSockaddr writes Linux's form of the guest's address g to h, which has
// room for hostSockaddrMax bytes, and returns its length. The length byte of
// g is ignored, as XNU does (xnu-11417 bsd/kern/uipc_syscalls.c:getsockaddr).
func hostSockaddr(h, g []byte) (int, Errno) {
	if len(g) > guestSockaddrMax {
		return 0, ENAMETOOLONG
	}
	if len(g) < 2 {
		return 0, EINVAL
	}
	switch g[1] {
	case guestAfUnspec:
		putUint16(h, syscall.AF_UNSPEC)
		return 2 + copy(h[2:hostSockaddrMax], g[2:]), 0
	case guestAfInet:
		// A length that is too short or too long is refused
		// (xnu-11417 bsd/netinet/in_pcb.c:in_pcbbind, in_pcbladdr).
		if len(g) != guestSockaddrIn4Len {
			return 0, EINVAL
		}
		copy(h, g)
		putUint16(h, syscall.AF_INET)
		return guestSockaddrIn4Len, 0
	case guestAfInet6:
		if len(g) != guestSockaddrIn6Len {
			return 0, EINVAL
		}
		copy(h, g)
		putUint16(h, syscall.AF_INET6)
		return guestSockaddrIn6Len, 0
	case guestAfUnix:
		// The path ends at a NUL or at the end of the address; there are
		// no abstract names (xnu-11417 bsd/kern/uipc_usrreq.c:unp_bind).
		path := g[2:]
		if len(path) == 0 {
			return 0, EINVAL
		}
		if i := bytes.IndexByte(path, 0); i >= 0 {
			path = path[:i]
		}
		if len(path) == 0 {
			return 0, ENOENT
		}
		if len(path) >= hostUnixPathMax {
			return 0, ENAMETOOLONG
		}
		putUint16(h, syscall.AF_UNIX)
		n := 2 + copy(h[2:], path)
		h[n] = 0
		return n + 1, 0
	}
	return 0, EAFNOSUPPORT
}

// guestSockaddr writes XNU's form of the host's address h to g, which has
// room for hostSockaddrMax bytes, and returns its length: 0 for none.
func guestSockaddr(g, h []byte) int {
	if len(h) < 2 {
		return 0
	}
	switch getUint16(h) {
	case syscall.AF_INET:
		if len(h) < guestSockaddrIn4Len {
			return 0
		}
		copy(g, h[:guestSockaddrIn4Len])
		clear(g[8:guestSockaddrIn4Len])
		g[0], g[1] = guestSockaddrIn4Len, guestAfInet
		return guestSockaddrIn4Len
	case syscall.AF_INET6:
		if len(h) < guestSockaddrIn6Len {
			return 0
		}
		copy(g, h[:guestSockaddrIn6Len])
		g[0], g[1] = guestSockaddrIn6Len, guestAfInet6
		return guestSockaddrIn6Len
	case syscall.AF_UNIX:
		path := h[2:]
		if i := bytes.IndexByte(path, 0); i >= 0 {
			path = path[:i]
		}
		if len(path) == 0 {
			// The nameless get sun_noname, 16 bytes (xnu-11417
			// bsd/kern/uipc_usrreq.c:uipc_accept, uipc_sockaddr).
			clear(g[:16])
			g[0], g[1] = 16, guestAfUnix
			return 16
		}
		n := copy(g[2:guestSockaddrUnLen], path) + 2
		if n < guestSockaddrUnLen {
			g[n] = 0
			n++
		}
		g[0], g[1] = byte(n), guestAfUnix
		return n
	}
	// A family that XNU lacks: its number would mean something else.
	clear(g[:16])
	g[0] = 16
	return 16
}

// sockBuf divides a thread's buffer for the socket calls.
type sockBuf struct {
	guest [256]byte // an address in XNU's form
	host  [hostSockaddrMax + 8]byte
	hlen  uint32 // its length
	val   [512]byte
	vlen  uint32
	msg   hostMsghdr
	one   [2]uint64  // msg's vector, of a call that has none
	clen  uint32     // how long the guest's control messages for msg are
	ctl   [8192]byte // the host's control messages
	gctl  [8192]byte // the guest's
}

// sockaddrIn reads the guest's address at p, n bytes, into b.host and b.hlen.
func (b *sockBuf) sockaddrIn(p uint64, n uint32) Errno {
	if n > guestSockaddrMax {
		return ENAMETOOLONG
	}
	if e := copyinBytes(b.guest[:n], p); e != 0 {
		return e
	}
	l, e := hostSockaddr(b.host[:], b.guest[:n])
	b.hlen = uint32(l)
	return e
}

// sockaddrOut gives the guest the address in b.host and b.hlen: at most as
// much as *lenp says, and the full length in *lenp
// (xnu-11417 bsd/kern/uipc_syscalls.c:getsockname).
func (b *sockBuf) sockaddrOut(p, lenp uint64) Errno {
	if p == 0 {
		return 0
	}
	var l [4]byte
	if e := copyinBytes(l[:], lenp); e != 0 {
		return e
	}
	n := guestSockaddr(b.guest[:], b.host[:min(b.hlen, hostSockaddrMax)])
	room := getUint32(l[:])
	if e := copyoutBytes(p, b.guest[:min(uint32(n), room)]); e != 0 {
		return e
	}
	putUint32(l[:], uint32(n))
	return copyoutBytes(lenp, l[:])
}
