// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

// Names of hosts and services, from the host's files.

import (
	"net/netip"
	"strconv"
	"strings"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// Errors of getaddrinfo and getnameinfo (netdb.h of Darwin).
const (
	eaiFamily   = 5
	eaiMemory   = 6
	eaiNoname   = 8
	eaiOverflow = 14
)

var eaiText = map[int32]string{
	eaiFamily:   "ai_family not supported",
	eaiMemory:   "Memory allocation failure",
	eaiNoname:   "nodename nor servname provided, or not known",
	eaiOverflow: "Argument buffer overflow",
}

// hostsFile calls fn for each address in the host's /etc/hosts with its names, until
// it returns false.
func hostsFile(fn func(ip netip.Addr, names []string) bool) {
	for line := range strings.Lines(string(readHostFile("/etc/hosts"))) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if ip, err := netip.ParseAddr(f[0]); err == nil && !fn(ip, f[1:]) {
			return
		}
	}
}

// servicePort returns the port of a service, or ok false.
func servicePort(name string, socktype uint32) (port uint16, ok bool) {
	if n, err := strconv.ParseUint(name, 10, 16); err == nil {
		return uint16(n), true
	}
	for line := range strings.Lines(string(readHostFile("/etc/services"))) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		number, proto, _ := strings.Cut(f[1], "/")
		if socktype == guestSockStream && proto != "tcp" || socktype == guestSockDgram && proto != "udp" {
			continue
		}
		for i, alias := range f {
			if i != 1 && alias == name {
				n, err := strconv.ParseUint(number, 10, 16)
				return uint16(n), err == nil
			}
		}
	}
	return 0, false
}

// libGetaddrinfo(node, service, hints, result) returns an error of EAI_. The list lies in
// one page of the guest's.
func libGetaddrinfo(t *Thread, a *args) (uint64, Errno) {
	const (
		family, socktype, addrlen, addr, next = 4, 8, 16, 32, 40 // struct addrinfo

		protocol = 12
		size     = 48
		entry    = 96 // with its address
	)
	var hints [size]byte
	if a[2] != 0 && !vcpu.CopyIn(hints[:], a[2]) {
		return eaiNoname, 0
	}
	wantFamily, wantType := getUint32(hints[family:]), getUint32(hints[socktype:])
	var port uint16
	if a[1] != 0 {
		var ok bool
		if port, ok = servicePort(cstringAt(a[1]), wantType); !ok {
			return eaiNoname, 0
		}
	}
	var ips []netip.Addr
	if a[0] == 0 {
		ips = []netip.Addr{netip.IPv6Unspecified(), netip.IPv4Unspecified()}
	} else if name := strings.TrimSuffix(cstringAt(a[0]), "."); name != "" {
		if ip, err := netip.ParseAddr(name); err == nil {
			ips = []netip.Addr{ip}
		} else {
			hostsFile(func(ip netip.Addr, names []string) bool {
				for _, n := range names {
					if strings.EqualFold(n, name) {
						ips = append(ips, ip)
						break
					}
				}
				return true
			})
		}
	}
	page, e := t.mapAnon(libHint, pageSize)
	if e != 0 {
		return eaiMemory, 0
	}
	b := make([]byte, 0, pageSize)
	for _, ip := range ips {
		fam, n := uint32(guestAfInet), 16
		if !ip.Unmap().Is4() {
			fam, n = guestAfInet6, 28
		}
		if wantFamily != 0 && wantFamily != fam {
			continue
		}
		for _, x := range [][2]uint32{{guestSockDgram, 17}, {guestSockStream, 6}} {
			if wantType != 0 && wantType != x[0] || len(b)+entry > cap(b) {
				continue
			}
			at := len(b)
			if at > 0 {
				putUint64(b[at-entry+next:], page+uint64(at))
			}
			b = b[:at+entry]
			ai, sa := b[at:], b[at+size:]
			putUint32(ai[family:], fam)
			putUint32(ai[socktype:], x[0])
			putUint32(ai[protocol:], x[1])
			putUint32(ai[addrlen:], uint32(n))
			putUint64(ai[addr:], page+uint64(at)+size)
			sa[0], sa[1], sa[2], sa[3] = byte(n), byte(fam), byte(port>>8), byte(port)
			if fam == guestAfInet {
				copy(sa[4:], ip.Unmap().AsSlice())
			} else {
				copy(sa[8:], ip.AsSlice())
			}
		}
	}
	if len(b) == 0 || !vcpu.CopyOut(page, b) || !vcpu.Store64(a[3], page) {
		t.p.Space.Unmap(page, pageSize)
		return eaiNoname, 0
	}
	return 0, 0
}

func libFreeaddrinfo(t *Thread, a *args) (uint64, Errno) {
	if a[0] != 0 {
		t.p.Space.Unmap(a[0]&^(pageSize-1), pageSize)
	}
	return 0, 0
}

// libGaiStrerror returns a text that is the thread's, until its next call of this kind.
func libGaiStrerror(t *Thread, a *args) (uint64, Errno) {
	text := eaiText[int32(a[0])]
	if text == "" {
		text = "Unknown error"
	}
	vcpu.CopyOut(t.scratch(), append([]byte(text), 0))
	return t.scratch(), 0
}

// libGetnameinfo(sa, salen, host, hostlen, service, servicelen, flags) finds the name of a
// host.
func libGetnameinfo(t *Thread, a *args) (uint64, Errno) {
	var sa [28]byte
	if !vcpu.CopyIn(sa[:min(uint64(uint32(a[1])), uint64(len(sa)))], a[0]) {
		return eaiFamily, 0
	}
	var ip netip.Addr
	switch sa[1] {
	case guestAfInet:
		ip = netip.AddrFrom4([4]byte(sa[4:8]))
	case guestAfInet6:
		ip = netip.AddrFrom16([16]byte(sa[8:24]))
	default:
		return eaiFamily, 0
	}
	result := uint64(eaiNoname)
	hostsFile(func(x netip.Addr, names []string) bool {
		if x.Unmap() != ip.Unmap() {
			return true
		}
		switch {
		case uint64(len(names[0])) >= uint64(uint32(a[3])):
			result = eaiOverflow
		case vcpu.CopyOut(a[2], append([]byte(names[0]), 0)):
			result = 0
		}
		return false
	})
	return result, 0
}
