// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"
	"unsafe"
)

// What a socket call answers depends on the socket's state. XNU keeps it in
// so_state and in the protocol's control block; Linux keeps other states and
// answers with other errors. The functions here ask the host for a socket's state
// and say what XNU would make of it. Calls that are rare ask first; those that
// move data ask when the host's call has failed.
//
// The state is the host's, and so it is right in every process that has the
// socket. Two things have no place there and are kept with the descriptor: that a
// datagram socket cannot send any more, and an error that a send has taken
// from the host and that XNU keeps for the next receive.

// Bits of poll(2) of Linux.
const (
	linuxPollin    = 0x1
	linuxPollhup   = 0x10
	linuxPollrdhup = 0x2000
)

// A sockKind is the domain, type and protocol of a socket, as the host names
// them.
type sockKind struct{ domain, typ, proto int }

// socketKind returns the kind of socket fd: EBADF or ENOTSOCK if it is none.
func socketKind(fd int32) (k sockKind, e Errno) {
	if k.domain, e = sockoptInt(fd, syscall.SOL_SOCKET, linuxSoDomain); e != 0 {
		return k, e
	}
	k.typ, k.proto = sockInt(fd, syscall.SO_TYPE), sockInt(fd, linuxSoProtocol)
	return k, 0
}

func (k sockKind) inet() bool  { return k.domain == syscall.AF_INET || k.domain == syscall.AF_INET6 }
func (k sockKind) unix() bool  { return k.domain == syscall.AF_UNIX }
func (k sockKind) dgram() bool { return k.typ == guestSockDgram }

func (k sockKind) tcp() bool {
	return k.inet() && k.typ == guestSockStream && k.proto == syscall.IPPROTO_TCP
}

func (k sockKind) udp() bool {
	return k.inet() && k.typ == guestSockDgram && k.proto == syscall.IPPROTO_UDP
}

// hasPorts: sockets for ping, and raw ones of TCP, have none.
func (k sockKind) hasPorts() bool { return k.tcp() || k.udp() }

// pollState returns what poll(2) says of fd at once.
func pollState(fd int32) int16 {
	p := struct {
		fd              int32
		events, revents int16
	}{fd: fd, events: linuxPollrdhup | linuxPollin}
	if _, e := host(syscall.SYS_POLL, uintptr(unsafe.Pointer(&p)), 1, 0, 0, 0, 0); e != 0 {
		return 0
	}
	return p.revents
}

// bothShut reports whether socket fd can neither send nor receive any more:
// SS_CANTSENDMORE and SS_CANTRCVMORE. A reset, and a connection that failed,
// leave that behind too (xnu-11417 bsd/netinet/tcp_subr.c:tcp_close,
// bsd/kern/uipc_socket2.c:soisdisconnected).
func bothShut(fd int32) bool {
	const both = linuxPollhup | linuxPollrdhup
	return pollState(fd)&both == both
}

// tcpState returns the state of a TCP socket of the host, 0 if fd is none.
func tcpState(fd int32) byte {
	const tcpInfo = 11
	state := [1]byte{} // the first field of struct tcp_info
	n := uint32(len(state))
	if _, e := host(syscall.SYS_GETSOCKOPT, uintptr(fd), syscall.IPPROTO_TCP, tcpInfo, uintptr(unsafe.Pointer(&state)), uintptr(unsafe.Pointer(&n)), 0); e != 0 {
		return 0
	}
	return state[0]
}

// connectingTCP reports whether fd is a socket that connect has begun to connect.
func connectingTCP(fd int32) bool { return tcpState(fd) == tcpSynSent }

// A sockState is the part of XNU's so_state that decides about errors.
type sockState struct {
	listening  bool // SO_ACCEPTCONN
	connecting bool // SS_ISCONNECTING
	connected  bool // SS_ISCONNECTED
	shutRead   bool // SS_CANTRCVMORE
	shutWrite  bool // SS_CANTSENDMORE
}

func socketState(fd int32, k sockKind) (s sockState) {
	const both = linuxPollhup | linuxPollrdhup
	ev := pollState(fd)
	if ev&both == both {
		return sockState{shutRead: true, shutWrite: true}
	}
	s.shutRead = ev&linuxPollrdhup != 0
	if k.tcp() {
		switch st := tcpState(fd); st {
		case tcpListen:
			s.listening = true
		case tcpSynSent, tcpSynRecv:
			s.connecting = true
		case tcpClose:
		default:
			s.connected = true
			s.shutWrite = st != tcpEstablished && st != tcpCloseWait
		}
		return s
	}
	if k.unix() && !k.dgram() && sockInt(fd, syscall.SO_ACCEPTCONN) == 1 {
		s.listening = true
		return s
	}
	s.connected = hasPeer(fd)
	s.shutWrite = fdBitsOf(fd)&fdSentFIN != 0
	if k.unix() && !k.dgram() && s.connected {
		// To send nothing has no other effect.
		_, e := host(syscall.SYS_SENDTO, uintptr(fd), 0, 0, linuxMsgNosignal|linuxMsgDontwait, 0, 0)
		s.shutWrite = e == EPIPE
	}
	return s
}

// hasPeer reports whether the host knows a peer's address.
func hasPeer(fd int32) bool {
	var sa [hostSockaddrMax]byte
	n := uint32(len(sa))
	_, e := host(syscall.SYS_GETPEERNAME, uintptr(fd), uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&n)), 0, 0, 0)
	return e == 0
}

// An addrUse says what an address is for.
type addrUse uint8

const (
	addrBind addrUse = iota
	addrConnect
	addrSend
)

// sockaddrFor reads the guest's address at p, n bytes, for a socket of kind k,
// with the errors that the kind's protocol has for wrong ones.
func (t *Thread) sockaddrFor(b *sockBuf, fd int32, k sockKind, p uint64, n uint32, use addrUse) Errno {
	// xnu-11417 bsd/kern/uipc_syscalls.c:getsockaddr
	if n > guestSockaddrMax {
		return ENAMETOOLONG
	}
	if n < 2 {
		return EINVAL
	}
	if e := copyinBytes(b.guest[:n], p); e != 0 {
		return e
	}
	return t.addrFor(b, fd, k, n, use)
}

// addrFor is sockaddrFor for the address in b.guest.
func (t *Thread) addrFor(b *sockBuf, fd int32, k sockKind, n uint32, use addrUse) Errno {
	g := b.guest[:n]
	// AF_UNSPEC means AF_INET for an IPv4 socket, but not when a datagram socket
	// connects (getsockaddr, connect_nocancel).
	if k.domain == syscall.AF_INET && g[1] == guestAfUnspec && n == guestSockaddrIn4Len && !(use == addrConnect && k.dgram()) {
		g[1] = guestAfInet
	}
	var e Errno
	switch {
	case k.unix():
		// xnu-11417 bsd/kern/uipc_usrreq.c:unp_bind, unp_connect
		if g[1] != guestAfUnspec && g[1] != guestAfUnix {
			return EAFNOSUPPORT
		}
		g[1] = guestAfUnix
	case k.domain == syscall.AF_INET6:
		e = t.checkAddr6(g, fd, k, use)
	default:
		e = t.checkAddr4(g, k, use)
	}
	if e != 0 {
		return e
	}
	l, e := hostSockaddr(b.host[:], g)
	b.hlen = uint32(l)
	return e
}

// forbidsTCP reports whether TCP can neither be bound nor connected to the
// IPv4 address a, a multicast or the broadcast address (xnu-11417
// bsd/netinet/tcp_usrreq.c:tcp_usr_bind; the latter since 8019).
func (t *Thread) forbidsTCP(a []byte) bool {
	return a[0]&0xf0 == 0xe0 || [4]byte(a[:4]) == [4]byte{255, 255, 255, 255} && t.p.Release >= XNU8019
}

func (t *Thread) checkAddr4(g []byte, k sockKind, use addrUse) Errno {
	family := g[1]
	switch {
	case k.tcp():
		// tcp_usr_bind, tcp_usr_connect
		if family != guestAfUnspec && family != guestAfInet {
			return EAFNOSUPPORT
		}
		if family == guestAfInet && len(g) >= 8 && t.forbidsTCP(g[4:]) {
			return EAFNOSUPPORT
		}
	case use == addrBind:
		// udp_bind; in_pcbbind does not look at the family any more.
		if family != guestAfUnspec && family != guestAfInet && (!k.udp() || family != guestAfInet6) {
			return EAFNOSUPPORT
		}
	}
	if len(g) != guestSockaddrIn4Len {
		return EINVAL
	}
	if use == addrBind {
		g[1] = guestAfInet
		return 0
	}
	// xnu-11417 bsd/netinet/in_pcb.c:in_pcbladdr
	if family != guestAfInet {
		return EAFNOSUPPORT
	}
	if getUint16(g[2:]) == 0 && k.hasPorts() {
		return EADDRNOTAVAIL
	}
	return 0
}

func (t *Thread) checkAddr6(g []byte, fd int32, k sockKind, use addrUse) Errno {
	family := g[1]
	var a [16]byte
	if len(g) >= 24 {
		a = [16]byte(g[8:24])
	}
	if k.tcp() {
		// xnu-11417 bsd/netinet/tcp_usrreq.c:tcp6_usr_bind, tcp_usr_connect_common
		if family != guestAfUnspec && family != guestAfInet6 {
			return EAFNOSUPPORT
		}
		if family == guestAfInet6 && a[0] == 0xff {
			return EAFNOSUPPORT
		}
		if mapped := isV4Mapped(a); mapped {
			if use == addrConnect {
				if v, _ := sockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY); v != 0 {
					if t.p.Release < XNU8019 {
						return EINVAL
					}
					return EAFNOSUPPORT
				}
			}
			if (use == addrConnect || t.p.Release >= XNU8019) && t.forbidsTCP(a[12:]) && t.p.Release >= XNU8019 {
				return EAFNOSUPPORT
			}
		}
	}
	if len(g) != guestSockaddrIn6Len {
		return EINVAL
	}
	if family != guestAfInet6 {
		return EAFNOSUPPORT
	}
	if use != addrBind && getUint16(g[2:]) == 0 && k.hasPorts() {
		return EADDRNOTAVAIL
	}
	return 0
}

// setSockError keeps an error that the host has told already for the next
// call that looks at so_error.
func setSockError(fd int32, e Errno) {
	clearFDBits(fd, fdError)
	setFDBits(fd, fdBits(e)<<fdErrorShift)
}

// takeSockError returns that error and forgets it.
func takeSockError(fd int32) Errno {
	b := fdBitsOf(fd)
	if b>>fdErrorShift == 0 {
		return 0
	}
	clearFDBits(fd, fdError)
	return Errno(b >> fdErrorShift)
}

// hostSockError reads and clears the host's SO_ERROR, or takes the error that
// the runner keeps.
func hostSockError(fd int32) Errno {
	if e := takeSockError(fd); e != 0 {
		return e
	}
	v, e := sockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	if e != 0 {
		return 0
	}
	e = fromHost(uintptr(v))
	if e == EPIPE {
		// So Linux calls a reset that comes behind the end of the peer's data
		// (net/ipv4/tcp_input.c:tcp_reset).
		e = ECONNRESET
	}
	return e
}

// sendError finds XNU's error for a send or write that the host refused with
// e, and raises the SIGPIPE that goes with EPIPE (xnu-11417
// bsd/kern/uipc_syscalls.c:sendit, bsd/kern/uipc_socket.c:sosendcheck,
// bsd/kern/sys_generic.c:dofilewrite).
func (t *Thread) sendError(fd int32, flags msgFlags, e Errno) Errno {
	switch e {
	case EAGAIN:
		if connectingTCP(fd) {
			return ENOTCONN
		}
		return e
	case EPIPE, ENOTCONN, ECONNRESET, ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH:
	default:
		return e
	}
	k, ke := socketKind(fd)
	switch {
	case ke != 0: // a pipe, for example
	case k.tcp():
		switch {
		case bothShut(fd):
			// SS_CANTSENDMORE comes before so_error, which stays.
			if e != EPIPE {
				setSockError(fd, e)
			}
			e = EPIPE
		case e == EPIPE:
			if s := tcpState(fd); s == tcpClose || s == tcpListen {
				return ENOTCONN // Linux says EPIPE to the unconnected too
			}
		}
	case k.dgram() && e == ENOTCONN:
		return EDESTADDRREQ
	case k.unix() && k.dgram() && e == ECONNREFUSED:
		// The peer has gone: its unp_drop (xnu-11417 bsd/kern/uipc_usrreq.c)
		// has left this.
		if fdBitsOf(fd)&fdConnected != 0 {
			clearFDBits(fd, fdConnected)
			return ECONNRESET
		}
		if !t.sockBuf().isSocketFile() {
			return ENOTSOCK // unp_connect
		}
	}
	if e == EPIPE && (flags&msgNosignal == 0 || t.p.Release < XNU7195) {
		t.sigpipe(fd)
	}
	return e
}

// recvResult finds XNU's result for a receive or read of fd that gave n and
// e. It must be called if n is 0 or e is not.
func recvResult(fd int32, flags msgFlags, n uint64, e Errno) (uint64, Errno) {
	switch e {
	case 0:
		// The end of the data, for TCP: is there an error that XNU has kept?
		if tcpState(fd) == tcpClose {
			return 0, hostSockError(fd)
		}
	case EAGAIN:
		if fdBitsOf(fd)&fdShutRead != 0 {
			return 0, 0 // Linux goes on waiting for datagrams
		}
	case EINVAL, ECONNRESET, ENOTCONN:
		k, ke := socketKind(fd)
		switch {
		case ke != 0:
		case k.unix() && k.typ == guestSockStream:
			if e == EINVAL && flags&msgOob == 0 {
				return 0, ENOTCONN // xnu-11417 bsd/kern/uipc_socket.c:soreceive
			}
			if e == ECONNRESET {
				// The peer has closed with data unread, which XNU does not tell
				// (xnu-11417 bsd/kern/uipc_usrreq.c:unp_disconnect).
				return 0, 0
			}
		case k.tcp() && e == ENOTCONN && flags&msgOob != 0:
			return 0, EINVAL // xnu-11417 bsd/netinet/tcp_usrreq.c:tcp_usr_rcvoob
		}
	}
	return n, e
}

// oob finds what MSG_OOB does to a send or receive on fd. Only TCP has such
// data: others refuse to receive it, unix sockets refuse to send it too, UDP
// sends without (xnu-11417 bsd/kern/uipc_usrreq.c:uipc_send,
// bsd/kern/uipc_domain.c:pru_sanitize).
func oob(fd int32, flags msgFlags, send bool) (msgFlags, Errno) {
	k, e := socketKind(fd)
	if e != 0 || k.tcp() {
		return flags, 0
	}
	if !send {
		return flags, EOPNOTSUPP
	}
	if k.unix() {
		s := socketState(fd, k)
		switch {
		case s.shutWrite:
			return flags &^ msgOob, 0
		case s.connected:
			return flags, EOPNOTSUPP
		}
	}
	return flags &^ msgOob, 0
}
