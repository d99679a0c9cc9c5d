// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"
	"time"
	"unsafe"
)

// Control messages. XNU's header is 12 bytes (length, level, type) and all is
// aligned to 4, for 32-bit and 64-bit programs alike; Linux's is 16 bytes and
// all is aligned to 8 (xnu-11417 bsd/sys/socket.h: CMSG_DATA, __DARWIN_ALIGN32).

const (
	guestCmsghdrSize = 12
	hostCmsghdrSize  = 16
)

func guestCmsgAlign(n int) int { return (n + 3) &^ 3 }
func hostCmsgAlign(n int) int  { return (n + 7) &^ 7 }

// Types of control messages at XNU's SOL_SOCKET.
const (
	guestScmRights    = 1
	guestScmTimestamp = 2

	guestScmTimestampMonotonic  = 4 // since 1699
	guestScmTimestampContinuous = 7 // since 4903
)

// Linux's types and options that package syscall lacks, or names otherwise
// (include/uapi/linux/in.h, in6.h, include/uapi/asm-generic/socket.h).
const (
	linuxSoTimestamp  = 29
	linuxIPOrigdst    = 20
	linuxIPPktinfo    = 8
	linuxIPTTL        = 2
	linuxIPTOS        = 1
	linuxIPv6Pktinfo  = 50
	linuxIPv6Hoplimit = 52
	linuxIPv6Tclass   = 67
	linuxIPv6Dontfrag = 62
	linuxIPv6Pathmtu  = 61
)

// hostControl translates the control messages g that a program sends and
// returns how many bytes of h they take. A unix socket takes one message, of
// descriptors (xnu-11417 bsd/kern/uipc_usrreq.c:unp_internalize).
func hostControl(h, g []byte, unix bool, r Release) (int, Errno) {
	n := 0
	for len(g) >= guestCmsghdrSize {
		l := int(getUint32(g))
		if l < guestCmsghdrSize || l > len(g) {
			return 0, EINVAL
		}
		level, typ, data := int32(getUint32(g[4:])), int32(getUint32(g[8:])), g[guestCmsghdrSize:l]
		g = g[min(guestCmsgAlign(l), len(g)):]

		var hl, ht int32
		var e Errno
		switch {
		case unix:
			if level != guestSolSocket || typ != guestScmRights || len(g) != 0 {
				return 0, EINVAL
			}
			hl, ht, e = syscall.SOL_SOCKET, syscall.SCM_RIGHTS, checkRights(data)
		case level == guestIPProtoIP && typ == guestIPTos && r < XNU6153:
			continue // nobody looks for it
		default:
			hl, ht, e = hostCmsgType(level, typ, len(data))
		}
		if e != 0 {
			return 0, e
		}
		if n+hostCmsghdrSize+hostCmsgAlign(len(data)) > len(h) {
			return 0, EMSGSIZE
		}
		putUint64(h[n:], uint64(hostCmsghdrSize+len(data)))
		putUint32(h[n+8:], uint32(hl))
		putUint32(h[n+12:], uint32(ht))
		m := copy(h[n+hostCmsghdrSize:], data)
		n += hostCmsghdrSize
		clear(h[n+m : n+hostCmsgAlign(m)])
		n += hostCmsgAlign(m)
	}
	return n, 0
}

// checkRights looks at descriptors that are to be passed on. A kqueue cannot
// be (xnu-11417 bsd/kern/kern_descrip.c:fg_sendable).
func checkRights(data []byte) Errno {
	if len(data)%4 != 0 {
		return EINVAL
	}
	for ; len(data) > 0; data = data[4:] {
		fd := int32(getUint32(data))
		if fdHidden(fd) {
			return EBADF
		}
		if fdBitsOf(fd)&fdKqueue != 0 {
			return EINVAL
		}
	}
	return 0
}

// hostCmsgType translates the level and type of an internet control message.
// The data of those that are listed are alike on both sides.
func hostCmsgType(level, typ int32, n int) (int32, int32, Errno) {
	switch level {
	case guestIPProtoIP:
		if typ == guestIPPktinfo && n == 12 {
			return syscall.IPPROTO_IP, linuxIPPktinfo, 0
		}
		if typ == guestIPTos && n == 4 { // xnu-6153 bsd/netinet/in_tclass.c:so_tos_from_control
			return syscall.IPPROTO_IP, linuxIPTOS, 0
		}
	case guestIPProtoIPv6:
		switch {
		case (typ == guestIPv6Pktinfo || typ == guestIPv6Pktinfo2292) && n == 20:
			return syscall.IPPROTO_IPV6, linuxIPv6Pktinfo, 0
		case (typ == guestIPv6Hoplimit || typ == guestIPv6Hoplimit2292) && n == 4:
			return syscall.IPPROTO_IPV6, linuxIPv6Hoplimit, 0
		case typ == guestIPv6Tclass && n == 4:
			return syscall.IPPROTO_IPV6, linuxIPv6Tclass, 0
		case typ == guestIPv6Dontfrag && n == 4:
			return syscall.IPPROTO_IPV6, linuxIPv6Dontfrag, 0
		}
	}
	warnOncef("control message of level %d, type %d is not implemented", level, typ)
	return 0, 0, EINVAL
}

// controlWriter appends control messages in XNU's form.
type controlWriter struct {
	b   []byte
	n   int
	cut bool // something did not fit
}

// add appends a message. One that does not fit is cut, as XNU cuts it
// (xnu-11417 bsd/kern/uipc_syscalls.c:copyout_control).
func (w *controlWriter) add(level, typ int32, data []byte) {
	room := len(w.b) - w.n
	if room < guestCmsghdrSize {
		w.cut = true
		return
	}
	data, whole := data[:min(len(data), room-guestCmsghdrSize)], len(data)
	if len(data) < whole {
		w.cut = true
	}
	putUint32(w.b[w.n:], uint32(guestCmsghdrSize+len(data)))
	putUint32(w.b[w.n+4:], uint32(level))
	putUint32(w.b[w.n+8:], uint32(typ))
	copy(w.b[w.n+guestCmsghdrSize:], data)
	end := w.n + guestCmsghdrSize + len(data)
	w.n = min(w.n+guestCmsgAlign(guestCmsghdrSize+len(data)), len(w.b))
	clear(w.b[end:w.n])
}

// guestControl translates the control messages h that the host has received
// for a descriptor with bits fb. It returns how many bytes of g they take, and
// whether something had to be left out.
func guestControl(g, h []byte, fb fdBits, abi abi) (int, bool) {
	w := controlWriter{b: g}
	for len(h) >= hostCmsghdrSize {
		l := int(getUint64(h))
		if l < hostCmsghdrSize || l > len(h) {
			break
		}
		level, typ, data := int32(getUint32(h[8:])), int32(getUint32(h[12:])), h[hostCmsghdrSize:l]
		h = h[min(hostCmsgAlign(l), len(h)):]
		switch level {
		case syscall.SOL_SOCKET:
			switch typ {
			case syscall.SCM_RIGHTS:
				w.rights(data)
			case linuxSoTimestamp:
				if len(data) >= 16 {
					w.timestamp(int64(getUint64(data)), int64(getUint64(data[8:])), fb, abi)
				}
			}
		case syscall.IPPROTO_IP:
			w.inet4(typ, data, fb)
		case syscall.IPPROTO_IPV6:
			w.inet6(typ, data)
		}
	}
	return w.n, w.cut
}

// timestamp adds the time of arrival in the forms that were asked for
// (xnu-11417 bsd/netinet/ip_input.c:ip_savecontrol).
func (w *controlWriter) timestamp(sec, usec int64, fb fdBits, abi abi) {
	var b [32]byte
	if fb&(fdTimeMono|fdTimeCont) == 0 || fb&fdTimeReal != 0 {
		n := abi.putTimevalOption(b[:], sec, usec)
		w.add(guestSolSocket, guestScmTimestamp, b[:n])
	}
	// The other clocks are as long ago as the time of day.
	ago := time.Since(time.Unix(sec, usec*1000))
	if fb&fdTimeMono != 0 {
		putUint64(b[:], hostNanos(linuxClockMonotonic)-uint64(max(ago, 0)))
		w.add(guestSolSocket, guestScmTimestampMonotonic, b[:8])
	}
	if fb&fdTimeCont != 0 {
		putUint64(b[:], hostNanos(linuxClockBoottime)-uint64(max(ago, 0)))
		w.add(guestSolSocket, guestScmTimestampContinuous, b[:8])
	}
}

// hostNanos reads a clock of the host's.
func hostNanos(clock uintptr) uint64 {
	var ts syscall.Timespec
	host(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&ts)), 0, 0, 0, 0)
	return uint64(ts.Nano())
}

const linuxClockBoottime = 7

// rights passes on the descriptors that fit and closes the others.
func (w *controlWriter) rights(data []byte) {
	fit := max(len(w.b)-w.n-guestCmsghdrSize, 0) &^ 3
	if fit < len(data) {
		for rest := data[fit:]; len(rest) >= 4; rest = rest[4:] {
			host(syscall.SYS_CLOSE, uintptr(int32(getUint32(rest))), 0, 0, 0, 0, 0)
		}
		data = data[:fit]
		w.cut = true
		if fit == 0 {
			return
		}
	}
	for fds := data; len(fds) >= 4; fds = fds[4:] {
		noteReceived(int32(getUint32(fds)))
	}
	w.add(guestSolSocket, guestScmRights, data)
}

// inet4 translates a message of IPPROTO_IP. The type of a received TTL or TOS
// is that of the option that asks for it, and the datum is a byte
// (xnu-11417 bsd/netinet/ip_input.c:ip_savecontrol).
func (w *controlWriter) inet4(typ int32, data []byte, fb fdBits) {
	switch {
	case typ == linuxIPPktinfo && len(data) >= 12:
		if fb&fdPktinfo != 0 {
			w.add(guestIPProtoIP, guestIPPktinfo, data[:12])
		}
		if fb&fdRecvIf != 0 {
			// A sockaddr_dl that names the interface by its index.
			var dl [20]byte
			dl[0], dl[1] = byte(len(dl)), guestAfLink
			putUint16(dl[2:], uint16(getUint32(data)))
			w.add(guestIPProtoIP, guestIPRecvif, dl[:])
		}
	case typ == linuxIPOrigdst && len(data) >= 8:
		w.add(guestIPProtoIP, guestIPRecvdstaddr, data[4:8])
	case typ == linuxIPTTL && len(data) >= 1:
		w.add(guestIPProtoIP, guestIPRecvttl, data[:1])
	case typ == linuxIPTOS && len(data) >= 1:
		w.add(guestIPProtoIP, guestIPRecvtos, data[:1])
	}
}

func (w *controlWriter) inet6(typ int32, data []byte) {
	switch {
	case typ == linuxIPv6Pktinfo && len(data) >= 20:
		w.add(guestIPProtoIPv6, guestIPv6Pktinfo, data[:20])
	case typ == linuxIPv6Hoplimit && len(data) >= 4:
		w.add(guestIPProtoIPv6, guestIPv6Hoplimit, data[:4])
	case typ == linuxIPv6Tclass && len(data) >= 4:
		w.add(guestIPProtoIPv6, guestIPv6Tclass, data[:4])
	case typ == linuxIPv6Pathmtu && len(data) >= 32:
		var m [32]byte // struct ip6_mtuinfo: sockaddr_in6, mtu
		copy(m[:], data[:32])
		m[0], m[1] = guestSockaddrIn6Len, guestAfInet6
		w.add(guestIPProtoIPv6, guestIPv6Pathmtu, m[:])
	}
}
