// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bufio"
	"encoding/hex"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// The routing socket's sysctl {CTL_NET, PF_ROUTE, 0, family, what, arg}: the
// host's interfaces, addresses, groups and routes, asked for by netlink, as
// records of routing messages (xnu-11417 bsd/net/rtsock.c:sysctl_rtsock).

func init() { routeSysctl = netRoute }

// What a program asks for (xnu-11417 bsd/sys/socket.h).
const (
	netRtDump    = 1
	netRtFlags   = 2
	netRtIflist  = 3
	netRtIflist2 = 6
	netRtDump2   = 7
)

// Types of routing messages (xnu-11417 bsd/net/route.h).
const (
	rtmVersion   = 5
	rtmGet       = 4
	rtmNewaddr   = 0xc
	rtmIfinfo    = 0xe
	rtmIfinfo2   = 0x12
	rtmGet2      = 0x14
	rtmNewmaddr2 = 0x13
)

// Which addresses a message has, in this order (xnu-11417 bsd/net/route.h).
const (
	rtaDst     = 0x1
	rtaGateway = 0x2
	rtaNetmask = 0x4
	rtaIfp     = 0x10
	rtaIfa     = 0x20
	rtaBrd     = 0x80
)

// Flags of an interface (xnu-11417 bsd/net/if.h); those below IFF_MULTICAST
// that are translated have Linux's values.
const (
	iffSame           = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200
	iffBroadcast      = 0x2
	iffLoopback       = 0x8
	iffSimplex        = 0x800
	iffMulticast      = 0x8000
	linuxIffMulticast = 0x1000
)

// guestIfFlags translates the flags of an interface.
func guestIfFlags(h uint32) uint32 {
	g := h & iffSame
	if h&linuxIffMulticast != 0 {
		g |= iffMulticast
	}
	if h&iffBroadcast != 0 {
		g |= iffSimplex
	}
	if h&iffLoopback != 0 {
		g |= iffMulticast // xnu-11417 bsd/net/if_loop.c:loopattach; Linux's lacks it
	}
	return g
}

// Types of interfaces (xnu-11417 bsd/net/if_types.h).
const (
	iftOther = 0x1
	iftEther = 0x6
	iftLoop  = 0x18
)

// guestIfName names an interface as XNU would: always with a number.
func guestIfName(h string) string {
	if h == "lo" {
		return "lo0"
	}
	return h
}

func hostIfName(g string) string {
	if g == "lo0" {
		return "lo"
	}
	return g
}

// A netIf is an interface of the host.
type netIf struct {
	index  int
	name   string // XNU's
	flags  uint32 // XNU's
	mtu    uint32
	loop   bool
	hwaddr []byte
	addrs  []netAddr
	groups []netip.Addr
}

type netAddr struct {
	addr  netip.Addr
	bits  int
	brd   netip.Addr // or the other end
	ether []byte
}

// netInterfaces asks the host for its interfaces with their addresses.
func netInterfaces(index int) ([]*netIf, Errno) {
	var ifs []*netIf
	e := netlink(syscall.RTM_GETLINK, func(m *syscall.NetlinkMessage) {
		if m.Header.Type != syscall.RTM_NEWLINK || len(m.Data) < syscall.SizeofIfInfomsg {
			return
		}
		// struct ifinfomsg: family 0, type 2/2, index 4/4, flags 8/4
		ifi := &netIf{index: int(int32(getUint32(m.Data[4:]))), flags: guestIfFlags(getUint32(m.Data[8:]))}
		ifi.loop = ifi.flags&iffLoopback != 0
		forAttr(m, func(typ uint16, v []byte) {
			switch typ {
			case syscall.IFLA_IFNAME:
				ifi.name = guestIfName(strings.TrimRight(string(v), "\x00"))
			case syscall.IFLA_MTU:
				if len(v) >= 4 {
					ifi.mtu = getUint32(v)
				}
			case syscall.IFLA_ADDRESS:
				if !ifi.loop && !allZero(v) {
					ifi.hwaddr = v
				}
			}
		})
		if index == 0 || index == ifi.index {
			ifs = append(ifs, ifi)
		}
	})
	if e != 0 {
		return nil, e
	}
	e = netlink(syscall.RTM_GETADDR, func(m *syscall.NetlinkMessage) {
		if m.Header.Type != syscall.RTM_NEWADDR || len(m.Data) < syscall.SizeofIfAddrmsg {
			return
		}
		// struct ifaddrmsg: family 0, prefixlen 1, flags 2, scope 3, index 4/4
		a := netAddr{bits: int(m.Data[1])}
		idx := int(getUint32(m.Data[4:]))
		var peer netip.Addr
		forAttr(m, func(typ uint16, v []byte) {
			ip, ok := netip.AddrFromSlice(v)
			if !ok {
				return
			}
			switch typ {
			case syscall.IFA_LOCAL:
				a.addr = ip
			case syscall.IFA_ADDRESS:
				peer = ip
			case syscall.IFA_BROADCAST:
				a.brd = ip
			}
		})
		if !a.addr.IsValid() {
			a.addr = peer
		} else if peer.IsValid() && peer != a.addr {
			a.brd = peer
		}
		for _, ifi := range ifs {
			if ifi.index == idx && a.addr.IsValid() {
				ifi.addrs = append(ifi.addrs, a)
			}
		}
	})
	return ifs, e
}

// netlink asks the host for a table and calls f for each record.
func netlink(what int, f func(*syscall.NetlinkMessage)) Errno {
	b, err := syscall.NetlinkRIB(what, syscall.AF_UNSPEC)
	if err != nil {
		return goErrno(err)
	}
	msgs, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return EINVAL
	}
	for i := range msgs {
		f(&msgs[i])
	}
	return 0
}

// goErrno translates an error of package syscall.
func goErrno(err error) Errno {
	if n, ok := err.(syscall.Errno); ok {
		return fromHost(uintptr(n))
	}
	return EIO
}

func forAttr(m *syscall.NetlinkMessage, f func(typ uint16, v []byte)) {
	attrs, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return
	}
	for _, a := range attrs {
		f(a.Attr.Type, a.Value)
	}
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// readGroups adds the multicast groups that the interfaces have joined.
func readGroups(ifs []*netIf) {
	// Below a line "INDEX DEVICE : ..." there is an indented one for each
	// group, its address in the host's byte order.
	index := 0
	eachLine("/proc/net/igmp", func(line string, f []string) {
		if len(f) == 0 {
			return
		}
		if line[0] != ' ' && line[0] != '\t' {
			index, _ = strconv.Atoi(f[0])
			return
		}
		if len(f[0]) == 8 {
			if b, err := hex.DecodeString(f[0]); err == nil {
				addGroup(ifs, index, netip.AddrFrom4([4]byte{b[3], b[2], b[1], b[0]}))
			}
		}
	})
	// Lines "INDEX DEVICE GROUP USERS FLAGS TIMER".
	eachLine("/proc/net/igmp6", func(line string, f []string) {
		if len(f) < 3 || len(f[2]) != 32 {
			return
		}
		i, err := strconv.Atoi(f[0])
		b, err2 := hex.DecodeString(f[2])
		if err == nil && err2 == nil {
			addGroup(ifs, i, netip.AddrFrom16([16]byte(b)))
		}
	})
}

func addGroup(ifs []*netIf, index int, g netip.Addr) {
	for _, ifi := range ifs {
		if ifi.index == index {
			ifi.groups = append(ifi.groups, g)
		}
	}
}

func eachLine(name string, f func(line string, fields []string)) {
	file, err := os.Open(name)
	if err != nil {
		return
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		if line := s.Text(); line != "" {
			f(line, strings.Fields(line))
		}
	}
}

// netRoute answers the sysctl; arg is what follows {CTL_NET, PF_ROUTE}.
func netRoute(t *Thread, arg []int32) ([]byte, Errno) {
	if len(arg) != 4 {
		return nil, EINVAL
	}
	family, what, index := arg[1], arg[2], int(arg[3])
	switch what {
	case netRtIflist, netRtIflist2:
		ifs, e := netInterfaces(index)
		if e != 0 {
			return nil, e
		}
		if what == netRtIflist2 {
			readGroups(ifs)
		}
		var w routeWriter
		for _, ifi := range ifs {
			w.iface(ifi, family, what == netRtIflist2)
		}
		return w.b, 0
	case netRtDump, netRtDump2, netRtFlags:
		return netRoutes(family, what, uint32(arg[3]))
	}
	return nil, EINVAL
}

// A routeWriter appends routing messages.
type routeWriter struct {
	b     []byte
	start int
}

// begin starts a message of a type with a fixed part of size bytes; the first
// four of all are msglen 0/2, version 2/1, type 3/1.
func (w *routeWriter) begin(typ byte, size int) []byte {
	w.start = len(w.b)
	w.b = append(w.b, make([]byte, size)...)
	h := w.b[w.start:]
	h[2], h[3] = rtmVersion, typ
	return h
}

func (w *routeWriter) end() { putUint16(w.b[w.start:], uint16(len(w.b)-w.start)) }

// sockaddr appends an address, padded to 4 bytes; none takes 4.
func (w *routeWriter) sockaddr(sa []byte) {
	if len(sa) == 0 {
		sa = make([]byte, 4)
	}
	w.b = append(w.b, sa...)
	for len(sa)%4 != 0 {
		w.b = append(w.b, 0)
		sa = append(sa[:len(sa):len(sa)], 0)
	}
}

// inetSockaddr makes a sockaddr_in or sockaddr_in6. An address of link-local scope
// carries its interface in bytes 2 and 3, as in all that leaves the kernel by
// this way (xnu-11417 bsd/netinet6/scope6.c:in6_setscope).
func inetSockaddr(a netip.Addr, index int) []byte {
	if !a.IsValid() {
		return nil
	}
	if a.Is4() {
		sa := make([]byte, guestSockaddrIn4Len)
		sa[0], sa[1] = guestSockaddrIn4Len, guestAfInet
		ip := a.As4()
		copy(sa[4:], ip[:])
		return sa
	}
	sa := make([]byte, guestSockaddrIn6Len)
	sa[0], sa[1] = guestSockaddrIn6Len, guestAfInet6
	ip := a.As16()
	copy(sa[8:], ip[:])
	if a.IsLinkLocalUnicast() || a.IsInterfaceLocalMulticast() || a.IsLinkLocalMulticast() {
		sa[8+2], sa[8+3] = byte(index>>8), byte(index)
	}
	return sa
}

// inetMask makes the netmask of an address.
func inetMask(a netip.Addr, bits int) []byte {
	m, _ := netip.AddrFromSlice(maskBytes(a.BitLen()/8, bits))
	return inetSockaddr(m, 0)
}

func maskBytes(n, bits int) []byte {
	m := make([]byte, n)
	for i := range bits {
		m[i/8] |= 0x80 >> (i % 8)
	}
	return m
}

// linkSockaddr makes a sockaddr_dl: len, family, index 2/2, type 4, nlen 5,
// alen 6, slen 7, then name and address in at least 12 bytes.
func linkSockaddr(ifi *netIf) []byte {
	n := max(8+len(ifi.name)+len(ifi.hwaddr), 20)
	sa := make([]byte, n)
	sa[0], sa[1] = byte(n), guestAfLink
	putUint16(sa[2:], uint16(ifi.index))
	sa[4] = ifi.ifType()
	sa[5], sa[6] = byte(len(ifi.name)), byte(len(ifi.hwaddr))
	copy(sa[8:], ifi.name)
	copy(sa[8+len(ifi.name):], ifi.hwaddr)
	return sa
}

func (ifi *netIf) ifType() byte {
	switch {
	case ifi.loop:
		return iftLoop
	case len(ifi.hwaddr) == 6:
		return iftEther
	}
	return iftOther
}

// iface appends the messages of an interface: itself, its addresses and, in
// the second form, its groups (xnu-11417 bsd/net/rtsock.c:sysctl_iflist,
// sysctl_iflist2).
func (w *routeWriter) iface(ifi *netIf, family int32, second bool) {
	// if_msghdr: addrs 4/4, flags 8/4, index 12/2, if_data 16/96;
	// if_msghdr2: the same to 12, then counters, if_data64 32/128.
	typ, size, data := byte(rtmIfinfo), 112, 16
	if second {
		typ, size, data = rtmIfinfo2, 160, 32
	}
	h := w.begin(typ, size)
	putUint32(h[4:], rtaIfp)
	putUint32(h[8:], ifi.flags)
	putUint16(h[12:], uint16(ifi.index))
	d := h[data:] // type 0, addrlen 3, hdrlen 4, mtu 8/4
	d[0] = ifi.ifType()
	d[3] = byte(len(ifi.hwaddr))
	if ifi.ifType() == iftEther {
		d[4] = 14
	}
	putUint32(d[8:], ifi.mtu)
	w.sockaddr(linkSockaddr(ifi))
	w.end()

	for _, a := range ifi.addrs {
		if !wanted(family, a.addr) {
			continue
		}
		// ifa_msghdr: addrs 4, flags 8, index 12/2, metric 16
		addrs := uint32(rtaNetmask | rtaIfa)
		if a.brd.IsValid() {
			addrs |= rtaBrd
		}
		h := w.begin(rtmNewaddr, 20)
		putUint32(h[4:], addrs)
		putUint16(h[12:], uint16(ifi.index))
		w.sockaddr(inetMask(a.addr, a.bits))
		w.sockaddr(inetSockaddr(a.addr, ifi.index))
		if a.brd.IsValid() {
			w.sockaddr(inetSockaddr(a.brd, ifi.index))
		}
		w.end()
	}
	for _, g := range ifi.groups {
		if !wanted(family, g) {
			continue
		}
		// ifma_msghdr2: addrs 4, flags 8, index 12/2, refcount 16
		h := w.begin(rtmNewmaddr2, 20)
		putUint32(h[4:], rtaIfp|rtaIfa)
		putUint16(h[12:], uint16(ifi.index))
		putUint32(h[16:], 1)
		w.sockaddr(linkSockaddr(ifi))
		w.sockaddr(inetSockaddr(g, ifi.index))
		w.end()
	}
}

func wanted(family int32, a netip.Addr) bool {
	switch family {
	case guestAfUnspec:
		return true
	case guestAfInet:
		return a.Is4()
	case guestAfInet6:
		return a.Is6()
	}
	return false
}

// Flags of a route (xnu-11417 bsd/net/route.h).
const (
	rtfUp      = 0x1
	rtfGateway = 0x2
	rtfHost    = 0x4
	rtfStatic  = 0x800
	rtfLocal   = 0x200000
)

// netRoutes answers NET_RT_DUMP and NET_RT_DUMP2, and NET_RT_FLAGS for the
// routes with a flag: the host's main and local tables, each route an
// rt_msghdr, index 4/2, flags 8, addrs 12, pid 16, seq 20, errno 24, use 28,
// inits 32, metrics 36/56, or an rt_msghdr2, which differs in 16..27.
func netRoutes(family, what int32, flags uint32) ([]byte, Errno) {
	ifs, e := netInterfaces(0)
	if e != 0 {
		return nil, e
	}
	var w routeWriter
	e = netlink(syscall.RTM_GETROUTE, func(m *syscall.NetlinkMessage) {
		if m.Header.Type != syscall.RTM_NEWROUTE || len(m.Data) < syscall.SizeofRtMsg {
			return
		}
		// struct rtmsg: family 0, dst_len 1, src_len 2, tos 3, table 4,
		// protocol 5, scope 6, type 7
		bits := int(m.Data[1])
		local := m.Data[7] == syscall.RTN_LOCAL
		if !local && (m.Data[4] != syscall.RT_TABLE_MAIN || m.Data[7] != syscall.RTN_UNICAST) {
			return
		}
		var dst, gw netip.Addr
		oif := 0
		forAttr(m, func(typ uint16, v []byte) {
			switch typ {
			case syscall.RTA_DST:
				dst, _ = netip.AddrFromSlice(v)
			case syscall.RTA_GATEWAY:
				gw, _ = netip.AddrFromSlice(v)
			case syscall.RTA_OIF:
				if len(v) >= 4 {
					oif = int(getUint32(v))
				}
			}
		})
		if !dst.IsValid() {
			switch m.Data[0] {
			case syscall.AF_INET:
				dst = netip.IPv4Unspecified()
			case syscall.AF_INET6:
				dst = netip.IPv6Unspecified()
			default:
				return
			}
		}
		fl := uint32(rtfUp | rtfStatic)
		if gw.IsValid() {
			fl |= rtfGateway
		}
		if bits == dst.BitLen() {
			fl |= rtfHost
		}
		if local {
			fl |= rtfLocal
		}
		if !wanted(family, dst) || what == netRtFlags && fl&flags == 0 {
			return
		}
		addrs := uint32(rtaDst | rtaGateway)
		if fl&rtfHost == 0 {
			addrs |= rtaNetmask
		}
		typ := byte(rtmGet)
		if what == netRtDump2 {
			typ = rtmGet2
		}
		h := w.begin(typ, 92)
		putUint16(h[4:], uint16(oif))
		putUint32(h[8:], fl)
		putUint32(h[12:], addrs)
		w.sockaddr(inetSockaddr(dst, oif))
		if gw.IsValid() {
			w.sockaddr(inetSockaddr(gw, oif))
		} else {
			link := &netIf{index: oif}
			for _, ifi := range ifs {
				if ifi.index == oif {
					link = ifi
				}
			}
			w.sockaddr(linkSockaddr(link))
		}
		if fl&rtfHost == 0 {
			w.sockaddr(inetMask(dst, bits))
		}
		w.end()
	})
	return w.b, e
}
