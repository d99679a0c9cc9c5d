// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"math"
	"syscall"
)

// Options that the host lacks: most say something to parts of XNU that a
// program does not see, so to remember them is all there is to do. The rules
// for what they take are XNU's (bsd/kern/uipc_socket.c:sosetoptlock,
// sogetoptlock, bsd/netinet/tcp_usrreq.c:tcp_ctloutput, udp_usrreq.c:
// udp_ctloutput, ip_output.c:ip_ctloutput, bsd/netinet6/ip6_output.c).

// memOpt is how an option of optMem is set: the value that it gets from v, now
// being what it has, or an error.
type memOpt func(t *Thread, fd, v int32, now uint32) (uint32, Errno)

// memInt takes a value between lo and hi.
func memInt(lo, hi int32) memOpt {
	return func(_ *Thread, _, v int32, _ uint32) (uint32, Errno) {
		if v < lo || v > hi {
			return 0, EINVAL
		}
		return uint32(v), 0
	}
}

// memBool is 1 for any value but 0; memNatural refuses what is negative, too.
func memBool(_ *Thread, _, v int32, _ uint32) (uint32, Errno) {
	if v != 0 {
		return 1, 0
	}
	return 0, 0
}

func memNatural(_ *Thread, _, v int32, _ uint32) (uint32, Errno) {
	if v < 0 {
		return 0, EINVAL
	}
	return min(uint32(v), 1), 0
}

// memRoot lets the superuser set what f takes.
func memRoot(f memOpt) memOpt {
	return func(t *Thread, fd, v int32, now uint32) (uint32, Errno) {
		if !suser() {
			return 0, EPERM
		}
		return f(t, fd, v, now)
	}
}

// memOfDomain is EOPNOTSUPP for sockets of other domains.
func memOfDomain(f memOpt, domains ...int) memOpt {
	return func(t *Thread, fd, v int32, now uint32) (uint32, Errno) {
		d := sockInt(fd, linuxSoDomain)
		for _, want := range domains {
			if d == want {
				return f(t, fd, v, now)
			}
		}
		return 0, EOPNOTSUPP
	}
}

// memOnce can be set and not be taken back.
func memOnce(_ *Thread, _, v int32, now uint32) (uint32, Errno) {
	if v == 0 && now != 0 {
		return 0, EINVAL
	}
	return 1, 0
}

// memDefunctOK: only the superuser may forbid it.
func memDefunctOK(_ *Thread, _, v int32, _ uint32) (uint32, Errno) {
	if v == 0 && !suser() {
		return 0, EPERM
	}
	return uint32(min(max(v, -v), 1)), 0
}

// memRestrictions can only become more. In 10.6 they are the superuser's.
func memRestrictions(t *Thread, _, v int32, now uint32) (uint32, Errno) {
	if t.p.Release < XNU1699 {
		if !suser() {
			return 0, EPERM
		}
		return uint32(v) & 0x80000003, 0
	}
	return now | uint32(v)&0xf, 0
}

// Traffic classes (xnu-11417 bsd/sys/socket_private.h); 1, 2 and 3 are their
// names until 10.7.
const (
	soTCBackgroundSys = 100
	soTCBackground    = 200
	soTCVideo         = 700
	soTCVoice         = 800
	// soTCService begins the service types as traffic classes, since 3789.
	soTCService = 10000
)

// memTrafficClass is SO_TRAFFIC_CLASS (xnu-11417
// bsd/netinet/in_tclass.c:so_set_traffic_class).
func memTrafficClass(t *Thread, fd, v int32, _ uint32) (uint32, Errno) {
	if t.p.Release < XNU2050 {
		if v < 0 || v > 3 {
			return 0, EINVAL
		}
		return uint32(v), 0
	}
	if v >= soTCService && t.p.Release >= XNU3789 {
		return memServiceClass(v - soTCService)
	}
	switch v {
	case 1:
		v = soTCBackground
	case 2:
		v = soTCVideo
	case 3:
		v = soTCVoice
	}
	if v < 0 || v > 900 || v%100 != 0 {
		return 0, EINVAL
	}
	return uint32(v), 0
}

// memServiceClass is the traffic class of a service type
// (bsd/netinet/in_tclass.c:sotc_by_netservicetype).
func memServiceClass(v int32) (uint32, Errno) {
	classes := [...]uint32{0, soTCBackgroundSys, soTCVideo, soTCVideo, soTCVoice, 600, 500, 400, 300}
	if v < 0 || int(v) >= len(classes) {
		return 0, EINVAL
	}
	return classes[v], 0
}

// memTCPOnly is EOPNOTSUPP for other sockets (xnu-11417
// bsd/kern/uipc_socket.c:so_set_extended_bk_idle).
func memTCPOnly(f memOpt) memOpt {
	return memOfDomain(func(t *Thread, fd, v int32, now uint32) (uint32, Errno) {
		if sockInt(fd, syscall.SO_TYPE) != guestSockStream {
			return 0, EOPNOTSUPP
		}
		return f(t, fd, v, now)
	}, syscall.AF_INET, syscall.AF_INET6)
}

// memDelegate is SO_DELEGATED: a process may name itself, which changes
// nothing; another is for those with an entitlement (xnu-11417
// bsd/kern/uipc_socket.c:so_set_effective_pid).
func memDelegate(_ *Thread, _, v int32, _ uint32) (uint32, Errno) {
	switch {
	case v == 0:
		return 0, EINVAL
	case int(v) != syscall.Getpid():
		return 0, EACCES
	}
	return 0, 0
}

// ofListener applies to a listening TCP socket only, ofClosed to one that has
// not begun to connect; else they are EINVAL.
func ofListener(f memOpt) memOpt { return ofTCPState(f, tcpListen) }
func ofClosed(f memOpt) memOpt   { return ofTCPState(f, tcpClose) }

func ofTCPState(f memOpt, state byte) memOpt {
	return func(t *Thread, fd, v int32, now uint32) (uint32, Errno) {
		n, e := f(t, fd, v, now)
		if e == 0 && tcpState(fd) != state {
			e = EINVAL
		}
		return n, e
	}
}

// setMem sets an option of optMem.
func (o *sockopt) setMem(t *Thread, fd int32, v int32) Errno {
	now := o.begin
	if n, ok := sockMemOf(fd).option(o); ok {
		now = n
	}
	f := o.mem
	if f == nil {
		f = memBool
	}
	n, e := f(t, fd, v, now)
	if e != 0 {
		return e
	}
	makeSockMem(fd).setOption(o, n)
	switch o.name {
	case soNetServiceType, soOpportunistic:
		// They are other names of the traffic class.
		if o.level == guestSolSocket {
			c := uint32(0)
			if o.name == soNetServiceType {
				c, _ = memServiceClass(v)
			} else if v != 0 {
				c = soTCBackgroundSys
			}
			makeSockMem(fd).setOption(sockoptIndex[int64(guestSolSocket)<<32|soTrafficClass], c)
		}
	}
	return 0
}

// getMem reads it.
func (o *sockopt) getMem(fd int32) uint32 {
	v, ok := sockMemOf(fd).option(o)
	if !ok {
		return o.begin
	}
	if o.on != 0 && v != 0 {
		return o.on
	}
	return v
}

const (
	soTrafficClass   = 0x1086
	soOpportunistic  = 0x1102
	soNetServiceType = 0x1116
)

// levelError is EINVAL for a level that the socket's protocol does not have.
// A unix socket looks at the option only (xnu-11417 bsd/netinet/tcp_usrreq.c:
// tcp_ctloutput, ip_output.c:ip_ctloutput, bsd/netinet6/ip6_output.c:
// ip6_ctloutput, raw_ip6.c:rip6_ctloutput).
func levelError(level int32, domain, typ, proto int) Errno {
	ok := level == guestSolSocket || domain == syscall.AF_UNIX
	switch level {
	case guestIPProtoIP:
		ok = ok || domain == syscall.AF_INET
	case guestIPProtoIPv6:
		ok = ok || domain == syscall.AF_INET6
	case guestIPProtoTCP:
		ok = ok || typ == guestSockStream
	case guestIPProtoUDP:
		ok = ok || typ == guestSockDgram && proto != syscall.IPPROTO_ICMP && proto != syscall.IPPROTO_ICMPV6
	case guestIPProtoICMP6:
		ok = ok || domain == syscall.AF_INET6 && proto == syscall.IPPROTO_ICMPV6
	}
	if !ok {
		return EINVAL
	}
	return 0
}

// setKeep sets an option about keeping a connection alive: the guest's 0 is
// the default (xnu-11417 bsd/netinet/tcp_usrreq.c:tcp_ctloutput).
func (o *sockopt) setKeep(fd int32, v int32) Errno {
	most := 32767 // MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL of Linux
	if o.name == guestTCPKeepcnt {
		most = 127
	} else if int64(v) > math.MaxUint32/1000 {
		return EINVAL
	}
	if v < 0 {
		return EINVAL
	}
	h := int(v)
	if h == 0 {
		h = int(o.begin)
	}
	if e := setSockoptInt(fd, syscall.IPPROTO_TCP, int(o.hname), min(h, most)); e != 0 {
		return e
	}
	if v == 0 {
		clearFDBits(fd, fdBits(o.arg))
	} else {
		setFDBits(fd, fdBits(o.arg))
	}
	if h > most {
		makeSockMem(fd).setOption(o, uint32(v))
	} else {
		sockMemOf(fd).dropOption(o)
	}
	return 0
}

// getKeep reads them: the default shows since 3789, before it is 0.
func (o *sockopt) getKeep(t *Thread, fd int32) uint32 {
	switch v, ok := sockMemOf(fd).option(o); {
	case ok:
		return v
	case fdBitsOf(fd)&fdBits(o.arg) != 0:
		h, _ := sockoptInt(fd, syscall.IPPROTO_TCP, int(o.hname))
		return uint32(h)
	case t.p.Release >= XNU3789:
		return o.begin
	}
	return 0
}

const guestTCPKeepcnt = 0x102

// maxseg reads TCP_MAXSEG, which before a connection is the default.
func (t *Thread) maxseg(fd int32) uint32 {
	switch tcpState(fd) {
	case tcpClose, tcpListen:
		if v, ok := sockMemOf(fd).option(tcpMaxseg); ok {
			return v
		}
		if sockInt(fd, linuxSoDomain) == syscall.AF_INET6 {
			return 1024
		}
		return 512
	}
	v, _ := sockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_MAXSEG)
	return uint32(v)
}

// setMaxseg can only make it smaller.
func (t *Thread) setMaxseg(fd int32, v int32) Errno {
	const minmss = 216
	if v <= 0 || uint32(v) > t.maxseg(fd) || v+40 < minmss {
		return EINVAL
	}
	if e := setSockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, int(v)); e != 0 {
		return e
	}
	makeSockMem(fd).setOption(tcpMaxseg, uint32(v))
	return 0
}

var tcpMaxseg = &sockopt{level: guestIPProtoTCP, name: 2}

// numPackets is SO_NUMRCVPKT: how many datagrams wait. The host shows them
// one after the other to a peek that moves on (xnu-11417
// bsd/kern/uipc_socket.c:sogetoptlock).
func numPackets(fd int32) uint32 {
	const linuxSoPeekOff = 42
	if setSockoptInt(fd, syscall.SOL_SOCKET, linuxSoPeekOff, 0) != 0 {
		return 0
	}
	defer setSockoptInt(fd, syscall.SOL_SOCKET, linuxSoPeekOff, -1)
	buf := make([]byte, 64<<10)
	n := uint32(0)
	for {
		l, e := host(syscall.SYS_RECVFROM, uintptr(fd), hostBuf(&buf[0]), uintptr(len(buf)), linuxMsgPeek|linuxMsgDontwait, 0, 0)
		if e != 0 {
			return n
		}
		n++
		if l == 0 {
			return n // an empty one does not move the peek on
		}
	}
}

// memKeepaliveOffload wants an entitlement since 10.15, which the superuser has
// (xnu-6153 bsd/netinet/tcp_usrreq.c:tcp_ctloutput).
func memKeepaliveOffload(t *Thread, fd, v int32, now uint32) (uint32, Errno) {
	if t.p.Release >= XNU6153 && !suser() {
		return 0, EPERM
	}
	return memNatural(t, fd, v, now)
}

// memMinimumTimeout is TCP_RXT_MINIMUM_TIMEOUT, in seconds, of which there are
// at most 5 minutes.
func memMinimumTimeout(_ *Thread, _, v int32, _ uint32) (uint32, Errno) {
	if v < 0 {
		return 0, EINVAL
	}
	return uint32(min(v, 5*60)), 0
}
