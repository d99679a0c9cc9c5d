// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"cmp"
	"slices"
	"syscall"
	"unsafe"
)

// Which TCP and UDP sockets may be bound to one port.
//
// XNU asks whether the same address is bound already, and lets SO_REUSEADDR
// allow other addresses of the port. Linux asks whether any address overlaps,
// and lets SO_REUSEADDR allow that for sockets that do not listen. No choice of
// Linux's options makes its rule XNU's, so the runner decides. It keeps no table
// of its own: entries would have to vanish with their sockets, which dup, fork,
// exec, SCM_RIGHTS and host programs keep alive. The host has that table.
//
//   - A bind is tried without options first. If it succeeds, no socket overlaps,
//     and XNU would allow it too. That is all that port 0 ever needs.
//   - Otherwise the host lists the sockets of the port (sock_diag(7)), XNU's rule
//     is applied to them, and if it allows the bind, the bind is made with options
//     that make the host agree.
//   - A socket that the guest has bound is marked (see reuseMark) and has the host's
//     SO_REUSEADDR, so that the host lets others overlap with it; a TCP socket that
//     listens, SO_REUSEPORT too. What the guest has set is kept in two
//     options that have no effect once a socket is bound, and that sock_diag shows.
//
// Sockets of host programs lack all this: they conflict as the host says.

// Linux's options that package syscall lacks.
const (
	linuxSoReuseport = 15
	linuxSoProtocol  = 38

	// reuseMark is SO_NOFCS, which only packet sockets look at. It says that the
	// next two hold what the guest has set. A unix socket, which
	// has no use for SO_REUSEPORT, keeps it there.
	reuseMark = 43

	linuxIPFreebind          = 15 // holds SO_REUSEPORT
	linuxIPBindAddressNoPort = 24 // holds SO_REUSEADDR
)

// reuse is what the guest has set of SO_REUSEADDR and SO_REUSEPORT, as it is
// in XNU's so_options.
type reuse uint32

const (
	reuseAddr reuse = 0x4
	reusePort reuse = 0x200
)

// reuseOption returns the host's option that holds the guest's option r of
// socket fd.
func reuseOption(fd int32, r reuse) (level, name int) {
	switch sockInt(fd, linuxSoDomain) {
	case syscall.AF_UNIX:
		if r == reusePort {
			return syscall.SOL_SOCKET, reuseMark
		}
	case syscall.AF_INET, syscall.AF_INET6:
		if sockInt(fd, reuseMark) == 1 {
			if r == reusePort {
				return syscall.IPPROTO_IP, linuxIPFreebind
			}
			return syscall.IPPROTO_IP, linuxIPBindAddressNoPort
		}
	}
	if r == reusePort {
		return syscall.SOL_SOCKET, linuxSoReuseport
	}
	return syscall.SOL_SOCKET, syscall.SO_REUSEADDR
}

// setReuse sets one of the two options, getReuse reads it.
func setReuse(fd int32, r reuse, on bool) Errno {
	level, name := reuseOption(fd, r)
	v := 0
	if on {
		v = 1
	}
	return setSockoptInt(fd, level, name, v)
}

func getReuse(fd int32, r reuse) (reuse, Errno) {
	level, name := reuseOption(fd, r)
	v, e := sockoptInt(fd, level, name)
	if v == 0 || e != 0 {
		return 0, e
	}
	return r, 0
}

// A binder is a TCP or UDP socket that is being bound.
type binder struct {
	t      *Thread
	fd     int32
	inet6  bool
	v6only bool
	tcp    bool
	uid    uint32
	reuse  reuse
	addr   []byte // the host's
}

// bind binds fd to the address in b, which is of the socket's family.
func (t *Thread) bind(b *sockBuf, fd int32, k sockKind) Errno {
	sa := b.host[:b.hlen]
	if !k.hasPorts() {
		e := hostBind(fd, sa)
		if e == 0 && fdBitsOf(fd)&fdUnixDgram != 0 {
			noteUnixBound(fd, sa)
		}
		return e
	}
	n := &binder{t: t, fd: fd, inet6: k.domain == syscall.AF_INET6, tcp: k.tcp(), addr: sa}
	a := reuseAddr * reuse(max(0, sockInt(fd, syscall.SO_REUSEADDR)))
	p := reusePort * reuse(max(0, sockInt(fd, linuxSoReuseport)))
	n.reuse = a | p
	if n.reuse != 0 && sockInt(fd, reuseMark) == 1 {
		return EINVAL // it has a port
	}
	n.readV6only()
	if e := n.check(); e != 0 {
		return e
	}
	if n.reuse != 0 {
		n.hostReuse(0, 0)
	}
	e := n.bind()
	if e != 0 {
		n.hostReuse(a, p)
		return e
	}
	// From here on others may overlap.
	setSockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	setSockoptInt(fd, syscall.SOL_SOCKET, reuseMark, 1)
	if a != 0 {
		setReuse(fd, reuseAddr, true)
	}
	if p != 0 {
		setReuse(fd, reusePort, true)
	}
	return 0
}

func (n *binder) readV6only() {
	if n.inet6 {
		v, _ := sockoptInt(n.fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY)
		n.v6only = v != 0
	}
}

// socketOwner returns the user that made socket fd.
func socketOwner(fd int32) uint32 {
	var st syscall.Stat_t
	host(syscall.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(&st)), 0, 0, 0, 0)
	return st.Uid
}

func hostBind(fd int32, sa []byte) Errno {
	_, e := host(syscall.SYS_BIND, uintptr(fd), hostBuf(&sa[0]), uintptr(len(sa)), 0, 0, 0)
	return e
}

// hostReuse sets the host's own two options.
func (n *binder) hostReuse(addr, port reuse) {
	v := func(r reuse) int { return int(min(r, 1)) }
	setSockoptInt(n.fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, v(addr))
	setSockoptInt(n.fd, syscall.SOL_SOCKET, linuxSoReuseport, v(port))
}

func (n *binder) port() uint16 { return uint16(n.addr[2])<<8 | uint16(n.addr[3]) }

// ip returns the address, and whether it is an IPv4 address.
func (n *binder) ip() (a [16]byte, v4 bool) {
	if !n.inet6 {
		copy(a[:], n.addr[4:8])
		return a, true
	}
	copy(a[:], n.addr[8:24])
	if !n.v6only && isV4Mapped(a) {
		return [16]byte(append(slices.Clone(a[12:]), make([]byte, 12)...)), true
	}
	return a, false
}

func isV4Mapped(a [16]byte) bool {
	return bytes.Equal(a[:12], []byte{10: 0xff, 11: 0xff})
}

// check finds what XNU refuses and the host may not
// (xnu-11417 bsd/netinet/in_pcb.c:in_pcbbind, bsd/netinet6/in6_pcb.c:in6_pcbbind).
func (n *binder) check() Errno {
	a, v4 := n.ip()
	if v4 && [4]byte(a[:4]) == [4]byte{255, 255, 255, 255} {
		return EADDRNOTAVAIL // no interface has it
	}
	if !v4 && n.v6only && isV4Mapped(a) {
		return EADDRNOTAVAIL
	}
	const reserved = 1024
	if p := n.port(); p != 0 && p < reserved && syscall.Geteuid() != 0 {
		// The wildcard's are everybody's since 4903. The host decides that.
		if a != [16]byte{} || n.t.p.Release < XNU4903 {
			return EACCES
		}
	}
	return 0
}

// bind binds to a port that nobody has, or that XNU lets the socket share.
func (n *binder) bind() Errno {
	if n.port() == 0 {
		return hostBind(n.fd, n.addr)
	}
	execLock.Lock() // also: no child inherits the descriptors below
	defer execLock.Unlock()
	defer closeHidden(lockPort(n.port()))
	e := hostBind(n.fd, n.addr)
	if e != EADDRINUSE {
		return e
	}
	a, p := n.reuse&reuseAddr, n.reuse&reusePort
	ts, ok := socketsOfPort(n.tcp, n.port(), allStates)
	if !ok {
		// Without the list, Linux's own rules must do.
		if a|p == 0 {
			return e
		}
	} else {
		n.uid = socketOwner(n.fd)
		if !n.mayShare(ts) {
			return e
		}
		a, p = 1, 0
		if n.tcp {
			p = 1
		}
	}
	n.hostReuse(a, p)
	e = hostBind(n.fd, n.addr)
	if p != 0 && ok {
		n.hostReuse(1, 0) // see listen
	}
	return e
}

// lockPort makes a bind atomic among all runners: it takes a name that one
// process at a time can have in the network's namespace, and that it loses when
// it dies. The result is a descriptor to close, or -1 if the lock cannot be had: two
// that bind at the very same time may then both succeed.
func lockPort(port uint16) int32 {
	fd, e := host(syscall.SYS_SOCKET, syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0, 0, 0, 0)
	if e != 0 {
		return -1
	}
	sa := append([]byte{syscall.AF_UNIX, 0, 0}, "goxnu-bind-"...)
	sa = appendHex(sa, uint64(port))
	for range 1000 {
		if e = hostBind(int32(fd), sa); e != EADDRINUSE {
			break
		}
		ts := syscall.Timespec{Nsec: 100e3}
		host(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0, 0, 0, 0)
	}
	return int32(fd)
}

// listen lets a TCP socket listen that may share its port with others that do.
func (t *Thread) listen(fd int32, k sockKind, backlog uintptr) Errno {
	_, e := host(syscall.SYS_LISTEN, uintptr(fd), backlog, 0, 0, 0, 0)
	if !k.tcp() || sockInt(fd, reuseMark) != 1 {
		return e
	}
	if e == EADDRINUSE {
		// Linux compares again. So does the runner: before Linux 6.8 the host does
		// not list those that are bound and do not listen yet.
		b := t.sockBuf()
		b.hlen = hostSockaddrMax
		host(syscall.SYS_GETSOCKNAME, uintptr(fd), hostBuf(&b.host[0]), uintptr(unsafe.Pointer(&b.hlen)), 0, 0, 0)
		n := &binder{t: t, fd: fd, inet6: k.domain == syscall.AF_INET6, tcp: true, addr: b.host[:b.hlen], uid: socketOwner(fd)}
		a, _ := getReuse(fd, reuseAddr)
		p, _ := getReuse(fd, reusePort)
		n.reuse = a | p
		n.readV6only()
		if ts, ok := socketsOfPort(true, n.port(), 1<<tcpListen); ok && n.mayShare(ts) {
			setSockoptInt(fd, syscall.SOL_SOCKET, linuxSoReuseport, 1)
			_, e = host(syscall.SYS_LISTEN, uintptr(fd), backlog, 0, 0, 0, 0)
		}
	}
	if e == 0 {
		setSockoptInt(fd, syscall.SOL_SOCKET, linuxSoReuseport, 1)
	}
	return e
}

// A boundSocket is a socket of the port in question, as XNU's in_pcb has it.
type boundSocket struct {
	inet6     bool // the socket's family
	v4, v6    bool // what it takes
	connected bool
	laddr     [16]byte // of an IPv4 socket, in the first four bytes
	scope     uint32
	uid       uint32
	owned     bool // some process has it, and uid is known
	reuse     reuse
	inode     uint32
}

// lookupLocal finds the socket that in_pcblookup_local and in6_pcblookup_local
// do: without wild, one that has just the address a and no peer; otherwise the one
// that fits best (xnu-11417 bsd/netinet/in_pcb.c, bsd/netinet6/in6_pcb.c).
func lookupLocal(ts []boundSocket, a [16]byte, v4 bool, scope uint32, wild bool) *boundSocket {
	unspecified := [16]byte{}
	var match *boundSocket
	least := 3
	for i := range ts {
		t := &ts[i]
		if v4 && !t.v4 || !v4 && !t.v6 {
			continue
		}
		same := t.laddr == a && (t.scope == scope || t.scope == 0 || scope == 0)
		if !wild {
			if same && !t.connected {
				return t
			}
			continue
		}
		n := 0
		if t.connected {
			n++
		}
		switch {
		case t.laddr == unspecified && a == unspecified, same:
		case t.laddr == unspecified, a == unspecified:
			n++
		default:
			continue
		}
		if n < least {
			match, least = t, n
		}
	}
	return match
}

// mayShare applies XNU's rule to the sockets of the port (xnu-1504, xnu-11417
// bsd/netinet/in_pcb.c:in_pcbbind, bsd/netinet6/in6_pcb.c:in6_pcbbind).
func (n *binder) mayShare(ts []boundSocket) bool {
	a, v4 := n.ip()
	wild := n.reuse == 0
	scope := uint32(0)
	if n.inet6 {
		scope = getUint32(n.addr[24:])
	}
	share := n.reuse & reusePort
	multicast := a[0] == 0xff
	if v4 {
		multicast = a[0]&0xf0 == 0xe0
	}
	if multicast && n.reuse&reuseAddr != 0 {
		share = reuseAddr | reusePort
	}
	unspecified := a == [16]byte{}
	bothWild := func(t *boundSocket) bool { return unspecified && t.laddr == [16]byte{} }
	otherUser := func(t *boundSocket) bool {
		return n.uid != 0 && !multicast && t.owned && t.uid != n.uid
	}
	if v4 {
		if t := lookupLocal(ts, a, true, 0, true); t != nil && otherUser(t) {
			switch {
			case !bothWild(t):
				return false
			case n.t.p.Release < XNU2050 && t.reuse&reusePort == 0 && t.inet6 == n.inet6:
				return false
			}
		}
		t := lookupLocal(ts, a, true, 0, wild)
		if t == nil || t.reuse&share != 0 {
			return true
		}
		if n.t.p.Release < XNU2050 {
			return bothWild(t) && t.inet6 != n.inet6
		}
		return bothWild(t) && t.inet6 && n.inet6
	}
	dual := !n.v6only && unspecified
	if t := lookupLocal(ts, a, false, scope, true); t != nil && otherUser(t) && !(bothWild(t) && t.reuse&reusePort != 0) {
		return false
	}
	if dual {
		t := lookupLocal(ts, a, true, 0, true)
		if t != nil && t.reuse&reusePort == 0 && otherUser(t) && (!bothWild(t) || t.inet6) {
			return false
		}
	}
	if t := lookupLocal(ts, a, false, scope, wild); t != nil && t.reuse&share == 0 {
		return false
	}
	if dual {
		t := lookupLocal(ts, a, true, 0, wild)
		return t == nil || t.reuse&share != 0 || bothWild(t) && !t.inet6
	}
	return true
}

// States of the host's sockets (include/net/tcp_states.h).
const (
	tcpEstablished = 1
	tcpSynSent     = 2
	tcpSynRecv     = 3
	tcpClose       = 7
	tcpCloseWait   = 8
	tcpListen      = 10

	allStates = 1<<32 - 1
)

// netlinkSockDiag is NETLINK_SOCK_DIAG. A test makes it what no host has.
var netlinkSockDiag uintptr = 4

const messageLen = 72 // of a struct inet_diag_msg

// socketsOfPort lists the sockets that have the port, the newest first
// (sock_diag(7), include/uapi/linux/inet_diag.h).
func socketsOfPort(tcp bool, port uint16, states uint32) (ts []boundSocket, ok bool) {
	fd, e := host(syscall.SYS_SOCKET, syscall.AF_NETLINK, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, netlinkSockDiag, 0, 0, 0)
	if e != 0 {
		warnOncef("the host does not list its sockets (NETLINK_SOCK_DIAG: %v); SO_REUSEADDR and SO_REUSEPORT mean what they do on Linux", e)
		return nil, false
	}
	defer closeHidden(int32(fd))
	const (
		requestLen = 72
		byFamily   = 20    // SOCK_DIAG_BY_FAMILY
		dump       = 0x301 // NLM_F_REQUEST | NLM_F_DUMP
	)
	for _, family := range []byte{syscall.AF_INET, syscall.AF_INET6} {
		var m [requestLen]byte
		putUint32(m[:], requestLen)
		putUint16(m[4:], byFamily)
		putUint16(m[6:], dump)
		m[16] = family
		m[17] = syscall.IPPROTO_UDP
		if tcp {
			m[17] = syscall.IPPROTO_TCP
		}
		putUint32(m[20:], states)
		m[24], m[25] = byte(port>>8), byte(port)
		if _, e := host(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&m)), requestLen, 0, 0, 0); e != 0 {
			return nil, false
		}
		buf := make([]byte, 32<<10)
		for done := false; !done; {
			n, e := host(syscall.SYS_RECVFROM, uintptr(fd), hostBuf(&buf[0]), uintptr(len(buf)), 0, 0, 0)
			if e == EINTR {
				continue
			}
			if e != 0 {
				return nil, false
			}
			for b := buf[:n]; len(b) >= 16; {
				l := int(getUint32(b))
				typ := getUint16(b[4:])
				if l < 16 || l > len(b) {
					return nil, false
				}
				switch {
				case typ == syscall.NLMSG_DONE:
					done = true
				case typ == syscall.NLMSG_ERROR:
					warnOncef("the host does not list its sockets (sock_diag without the modules tcp_diag and udp_diag); SO_REUSEADDR and SO_REUSEPORT mean what they do on Linux")
					return nil, false
				case typ == byFamily && l >= 16+messageLen:
					d := b[16:l]
					if int(d[4])<<8|int(d[5]) == int(port) {
						ts = append(ts, parseBound(d, family == syscall.AF_INET6))
					}
				}
				b = b[min((l+3)&^3, len(b)):]
			}
		}
	}
	slices.SortFunc(ts, func(a, b boundSocket) int { return cmp.Compare(b.inode, a.inode) })
	return ts, true
}

// parseBound reads a struct inet_diag_msg and the attributes behind it.
func parseBound(d []byte, inet6 bool) boundSocket {
	const (
		v6onlyAttr   = 11 // INET_DIAG_SKV6ONLY
		sockoptsAttr = 22 // INET_DIAG_SOCKOPT, since Linux 5.10
	)
	t := boundSocket{inet6: inet6, v4: !inet6, v6: inet6}
	copy(t.laddr[:], d[8:24])
	t.connected = [16]byte(d[24:40]) != [16]byte{}
	t.scope = getUint32(d[40:])
	t.uid, t.inode = getUint32(d[64:]), getUint32(d[68:])
	t.owned = t.inode != 0
	v6only := false
	for a := d[messageLen:]; len(a) >= 4; {
		l := int(getUint16(a))
		if l < 4 || l > len(a) {
			break
		}
		switch v := a[4:l]; getUint16(a[2:]) {
		case v6onlyAttr:
			v6only = v[0] != 0
		case sockoptsAttr:
			if v[0]&0x4 != 0 { // freebind
				t.reuse |= reusePort
			}
			if len(v) > 1 && v[1]&0x1 != 0 { // bind_address_no_port
				t.reuse |= reuseAddr
			}
		}
		a = a[min((l+3)&^3, len(a)):]
	}
	switch {
	case !inet6:
	case isV4Mapped(t.laddr):
		copy(t.laddr[:], t.laddr[12:])
		clear(t.laddr[4:])
		t.v4, t.v6 = true, false
	case t.laddr == [16]byte{}:
		t.v4 = !v6only
	}
	return t
}
