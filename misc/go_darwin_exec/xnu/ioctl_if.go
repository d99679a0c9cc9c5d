// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"syscall"
)

// Requests about network interfaces. XNU's struct ifreq is name 0/16 and a
// union 16/16; Linux's union is longer.

const (
	guestIfreqSize = 32
	hostIfreqSize  = 40
	ifNameSize     = 16
)

// ifreqHost has Linux's request for one of XNU's.
func ifreqHost(req uint32) uintptr {
	switch req {
	case 0xc0206911:
		return syscall.SIOCGIFFLAGS
	case 0xc0206917:
		return syscall.SIOCGIFMETRIC
	case 0xc0206921:
		return syscall.SIOCGIFADDR
	case 0xc0206922:
		return syscall.SIOCGIFDSTADDR
	case 0xc0206923:
		return syscall.SIOCGIFBRDADDR
	case 0xc0206925:
		return syscall.SIOCGIFNETMASK
	}
	return syscall.SIOCGIFMTU
}

// ioctlIfreq asks for one property of an interface
// (xnu-11417 bsd/net/if.c:ifioctl; an unknown name is ENXIO).
func ioctlIfreq(t *Thread, fd int32, req uint32, p uint64) Errno {
	b := t.sockBuf()
	g, h := b.val[:guestIfreqSize], b.ctl[:hostIfreqSize]
	if e := copyinBytes(g, p); e != 0 {
		return e
	}
	name := g[:ifNameSize]
	if i := bytes.IndexByte(name, 0); i >= 0 {
		name = name[:i]
	}
	clear(h)
	copy(h[:ifNameSize-1], hostIfName(string(name)))
	if _, e := host(syscall.SYS_IOCTL, uintptr(fd), ifreqHost(req), hostBuf(&h[0]), 0, 0, 0); e != 0 {
		if e == ENODEV {
			e = ENXIO
		}
		return e
	}
	u := g[ifNameSize:]
	clear(u)
	switch ifreqHost(req) {
	case syscall.SIOCGIFFLAGS:
		putUint16(u, uint16(guestIfFlags(uint32(getUint16(h[ifNameSize:])))))
	case syscall.SIOCGIFMETRIC, syscall.SIOCGIFMTU:
		putUint32(u, getUint32(h[ifNameSize:]))
	default:
		n := guestSockaddr(b.guest[:], h[ifNameSize:ifNameSize+16])
		copy(u, b.guest[:n])
	}
	return copyoutBytes(p, g)
}

// ioctlIfconf lists the addresses of all interfaces: first each one's link
// address. An entry is as long as its address needs, at least 32 bytes
// (xnu-11417 bsd/net/if.c:ifconf).
func ioctlIfconf(t *Thread, fd int32, req uint32, p uint64) Errno {
	n, buf, e := t.abi().readIfconf(p)
	if e != 0 {
		return e
	}
	if n < 0 {
		return EINVAL
	}
	ifs, e := netInterfaces(0)
	if e != 0 {
		return e
	}
	var out []byte
	add := func(name string, sa []byte) {
		r := make([]byte, max(guestIfreqSize, ifNameSize+len(sa)))
		copy(r[:ifNameSize-1], name)
		copy(r[ifNameSize:], sa)
		if len(out)+len(r) <= int(n) {
			out = append(out, r...)
		} else {
			n = int32(len(out)) // what does not fit ends the list
		}
	}
	for _, ifi := range ifs {
		add(ifi.name, linkSockaddr(ifi))
		for _, a := range ifi.addrs {
			add(ifi.name, inetSockaddr(a.addr, ifi.index))
		}
	}
	if e := copyoutBytes(buf, out); e != 0 {
		return e
	}
	return putInt(p, int32(len(out)))
}
