// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// sharing lists pairs of sockets that are bound to one port, the second after
// the first. A socket is an address, then the options that it has: A for
// SO_REUSEADDR, P for SO_REUSEPORT, u1 and u2 for the user who made it.
// The addresses: *4 and *6 are the wildcards, lo4 and lo6 the loopback's, *6only
// has IPV6_V6ONLY, map4 is lo4 on an IPv6 socket, mc4 and mc6 are multicast.
//
// The rules are those of bsd/netinet/in_pcb.c:in_pcbbind and
// bsd/netinet6/in6_pcb.c:in6_pcbbind; where two results stand, the first is that of
// releases before 2050.
var sharing = []struct {
	protos, first, second, want string
}{
	{"tcp udp", "*4", "lo4", "use"},
	{"tcp udp", "*4", "lo4 A", "ok"},
	{"tcp udp", "*4", "lo4 P", "ok"},
	{"tcp udp", "*4 A", "lo4", "use"},
	{"tcp udp", "*4 A", "lo4 A", "ok"},
	{"tcp udp", "lo4", "*4 A", "ok"},
	{"tcp udp", "lo4 A", "*4 A", "ok"},
	{"tcp udp", "lo4 A P", "*4", "use"},
	{"tcp udp", "lo4", "lo4", "use"},
	{"tcp udp", "lo4", "lo4 A", "use"},
	{"tcp udp", "lo4 A", "lo4 A", "use"},
	{"tcp udp", "lo4", "lo4 P", "use"},
	{"tcp udp", "lo4 A", "lo4 P", "use"},
	{"tcp udp", "lo4 P", "lo4 A", "use"},
	{"tcp udp", "lo4 P", "lo4", "use"},
	{"tcp udp", "lo4 P", "lo4 P", "ok"},
	{"tcp udp", "lo4 A P", "lo4 P", "ok"},
	{"tcp udp", "*4 A", "*4 A", "use"},
	{"tcp udp", "*4 P", "*4 P", "ok"},

	{"tcp udp", "*6", "lo6", "use"},
	{"tcp udp", "*6", "lo6 A", "ok"},
	{"tcp udp", "lo6", "*6 A", "ok"},
	{"tcp udp", "lo6 A", "lo6 A", "use"},
	{"tcp udp", "lo6 P", "lo6 P", "ok"},
	{"tcp udp", "*6 A", "*6 A", "use"},
	{"tcp udp", "*6 P", "*6 P", "ok"},
	{"tcp udp", "*6only A", "*6 A", "use"},

	{"tcp udp", "*4", "*6", "ok"},
	{"tcp udp", "*4 A", "*6 A", "ok"},
	{"tcp udp", "*6", "*4", "ok use"},
	{"tcp udp", "*6 A", "*4 A", "ok use"},
	{"tcp udp", "*6 P", "*4 P", "ok"},
	{"tcp udp", "*6only", "*4", "ok"},
	{"tcp udp", "*4", "*6only", "ok"},
	{"tcp udp", "lo4", "*6", "use"},
	{"tcp udp", "lo4", "*6 A", "ok"},
	{"tcp udp", "*6", "lo4", "use"},
	{"tcp udp", "*6", "lo4 A", "ok"},
	{"tcp udp", "lo4", "lo6", "ok"},
	{"tcp udp", "lo4", "map4", "use"},
	{"tcp udp", "map4", "lo4", "use"},
	{"tcp udp", "lo4 A", "map4 A", "use"},
	{"tcp udp", "lo4 P", "map4 P", "ok"},
	{"tcp udp", "*6", "map4", "use"},
	{"tcp udp", "*6", "map4 A", "ok"},
	{"tcp udp", "*4", "map4 A", "ok"},

	{"udp", "mc4 A", "mc4 A", "ok"},
	{"udp", "mc4", "mc4 A", "use"},
	{"udp", "mc4 A", "mc4", "use"},
	{"udp", "mc4 P", "mc4 P", "ok"},
	{"udp", "mc4 P", "mc4 A", "ok"},
	{"udp", "mc4 A", "mc4 P", "use"},
	{"udp", "*4", "mc4 A", "ok"},
	{"udp", "*4", "mc4", "use"},
	{"udp", "mc6 A", "mc6 A", "ok"},
	{"udp", "mc6 A", "mc6 P", "use"},

	{"tcp udp", "*4 A u1", "lo4 A u2", "use"},
	{"tcp udp", "*4 A u1", "lo4 A u1", "ok"},
	{"tcp udp", "*4 A u1", "lo4 A", "ok"}, // root may
	{"tcp udp", "lo4 P u1", "lo4 P u2", "use"},
	{"tcp udp", "*4 P u1", "*4 P u2", "ok"},
	{"tcp udp", "*6 A u1", "lo6 A u2", "use"},
	{"tcp udp", "*6 P u1", "*6 P u2", "ok"},
	{"udp", "mc4 A u1", "mc4 A u2", "ok"},
}

// hasIPv6 reports whether the host has ::1.
func hasIPv6() bool {
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	return syscall.Bind(fd, &syscall.SockaddrInet6{Addr: [16]byte{15: 1}}) == nil
}

// A portLab makes the sockets of a row.
type portLab struct {
	t   *testing.T
	th  *Thread
	tcp bool
}

// bind makes a socket as spec says and binds it to port.
func (l *portLab) bind(spec string, port uint16) (uint64, Errno) {
	f := strings.Fields(spec)
	domain := uint64(guestAfInet6)
	sa := []byte{1: guestAfInet6, 27: 0}
	switch f[0] {
	case "*4", "lo4", "mc4":
		domain = guestAfInet
		sa = []byte{1: guestAfInet, 15: 0}
		switch f[0] {
		case "lo4":
			copy(sa[4:], []byte{127, 0, 0, 1})
		case "mc4":
			copy(sa[4:], []byte{224, 0, 0, 251})
		}
	case "lo6":
		sa[23] = 1
	case "map4":
		copy(sa[8:], []byte{10: 0xff, 11: 0xff, 12: 127, 15: 1})
	case "mc6":
		copy(sa[8:], []byte{0xff, 0x0e, 15: 0xfb})
	}
	sa[2], sa[3] = byte(port>>8), byte(port)
	typ := uint64(guestSockDgram)
	if l.tcp {
		typ = guestSockStream
	}
	options := []uint64{}
	on := int32(1)
	uid := uintptr(0)
	for _, o := range f[1:] {
		switch o {
		case "A":
			options = append(options, uint64(reuseAddr))
		case "P":
			options = append(options, uint64(reusePort))
		case "u1":
			uid = 1001
		case "u2":
			uid = 1002
		}
	}
	if uid != 0 {
		host(syscall.SYS_SETFSUID, uid, 0, 0, 0, 0, 0)
	}
	fd := call(l.t, l.th, sysSocket, 0, domain, typ, 0)
	if uid != 0 {
		host(syscall.SYS_SETFSUID, 0, 0, 0, 0, 0, 0)
	}
	for _, o := range options {
		call(l.t, l.th, sysSetsockopt, 0, fd, guestSolSocket, o, gp(&on), 4)
	}
	if f[0] == "*6only" {
		call(l.t, l.th, sysSetsockopt, 0, fd, guestIPProtoIPv6, 27, gp(&on), 4)
	}
	_, e := sysBind(l.th, &args{fd, gp(&sa[0]), uint64(len(sa))})
	if e != 0 {
		closeFD(l.t, l.th, fd)
	}
	return fd, e
}

func (l *portLab) port(fd uint64) uint16 {
	var sa [28]byte
	n := uint32(len(sa))
	call(l.t, l.th, sysGetsockname, 0, fd, gp(&sa), gp(&n))
	return uint16(sa[2])<<8 | uint16(sa[3])
}

func (l *portLab) option(fd uint64, r reuse) int32 {
	v, n := int32(-1), uint32(4)
	call(l.t, l.th, sysGetsockopt, 0, fd, guestSolSocket, uint64(r), gp(&v), gp(&n))
	return v
}

func TestPortSharing(t *testing.T) {
	th := guestThread(t, XNU1504)
	rows := 0
	for _, r := range []Release{XNU1504, XNU11417} {
		th.p.Release = r
		for _, row := range sharing {
			if strings.Contains(row.first, " u") && os.Geteuid() != 0 {
				continue // only root can make sockets of others
			}
			if strings.Contains(row.first+row.second, "6") && !hasIPv6() {
				continue
			}
			for _, proto := range strings.Fields(row.protos) {
				for _, listening := range []bool{false, true} {
					l := &portLab{t, th, proto == "tcp"}
					want := strings.Fields(row.want)
					w := want[0]
					if r >= XNU2050 {
						w = want[len(want)-1]
					}
					if listening && (!l.tcp || strings.Contains(row.first, " u") && w == "ok") {
						continue // the host lets no two users' sockets listen
					}
					rows++
					a, b, e := l.bindTwo(row.first, row.second, listening)
					for tries := 0; e == EADDRINUSE && w == "ok" && tries < 20; tries++ {
						// Another program may have the port, at another address.
						closeFD(t, th, a)
						a, b, e = l.bindTwo(row.first, row.second, listening)
					}
					got := "ok"
					if e == EADDRINUSE {
						got = "use"
					} else if e != 0 {
						got = e.String()
					}
					if got != w {
						t.Errorf("%v: %s: %s, then %s (listening %v): %s, want %s", r, proto, row.first, row.second, listening, got, w)
					}
					if e == 0 && listening {
						if _, e := sysListen(th, &args{b, 5}); e != 0 {
							t.Errorf("%v: %s, then %s: listen: %v", r, row.first, row.second, e)
						}
					}
					for i, fd := range []uint64{a, b} {
						if i == 1 && e != 0 {
							continue
						}
						spec := []string{row.first, row.second}[i]
						var wa, wp int32
						if strings.Contains(spec, " A") {
							wa = int32(reuseAddr)
						}
						if strings.Contains(spec, " P") {
							wp = int32(reusePort)
						}
						if ga, gp := l.option(fd, reuseAddr), l.option(fd, reusePort); ga != wa || gp != wp {
							t.Errorf("%s: options read as %#x, %#x; want %#x, %#x", spec, ga, gp, wa, wp)
						}
						closeFD(t, th, fd)
					}
				}
			}
		}
	}
	t.Logf("%d rows", rows)
}

// bindTwo binds a socket to a port that nobody has at its address, and another
// to the same port.
func (l *portLab) bindTwo(first, second string, listening bool) (a, b uint64, e Errno) {
	a, e = l.bind(first, 0)
	if e != 0 {
		l.t.Fatalf("%s: %v", first, e)
	}
	if listening {
		call(l.t, l.th, sysListen, 0, a, 5)
	}
	b, e = l.bind(second, l.port(a))
	return a, b, e
}

// TestPortSharingLifetime: a socket counts as long as anybody has it, and what
// its options are at the time of the next bind.
func TestPortSharingLifetime(t *testing.T) {
	th := guestThread(t, XNU11417)
	for _, tcp := range []bool{true, false} {
		l := &portLab{t, th, tcp}
		a, _ := l.bind("lo4 A", 0)
		port := l.port(a)
		other, err := syscall.Dup(int(a)) // as another process would have it
		if err != nil {
			t.Fatal(err)
		}
		closeFD(t, th, a)
		if _, e := l.bind("lo4 A", port); e != EADDRINUSE {
			t.Errorf("tcp %v: a duplicate is open: %v, want EADDRINUSE", tcp, e)
		}
		on := int32(1)
		call(t, th, sysSetsockopt, 0, uint64(other), guestSolSocket, uint64(reusePort), gp(&on), 4)
		b, e := l.bind("lo4 P", port)
		if e != 0 {
			t.Fatalf("tcp %v: SO_REUSEPORT was set behind bind: %v", tcp, e)
		}
		closeFD(t, th, b)
		on = 0
		call(t, th, sysSetsockopt, 0, uint64(other), guestSolSocket, uint64(reusePort), gp(&on), 4)
		if _, e := l.bind("lo4 P", port); e != EADDRINUSE {
			t.Errorf("tcp %v: SO_REUSEPORT was cleared behind bind: %v, want EADDRINUSE", tcp, e)
		}
		closeFD(t, th, uint64(other))
		b, e = l.bind("lo4", port)
		if e != 0 {
			t.Fatalf("tcp %v: all are closed: %v", tcp, e)
		}
		closeFD(t, th, b)
	}
}

// TestPortSharingHost: sockets of host programs conflict by the host's rules,
// whatever options they have.
func TestPortSharingHost(t *testing.T) {
	th := guestThread(t, XNU11417)
	for _, tcp := range []bool{true, false} {
		l := &portLab{t, th, tcp}
		typ := syscall.SOCK_DGRAM
		if tcp {
			typ = syscall.SOCK_STREAM
		}
		h, err := syscall.Socket(syscall.AF_INET, typ, 0)
		if err != nil {
			t.Fatal(err)
		}
		syscall.SetsockoptInt(h, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
		syscall.SetsockoptInt(h, syscall.SOL_SOCKET, linuxSoReuseport, 1)
		if err := syscall.Bind(h, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		if tcp {
			syscall.Listen(h, 5)
		}
		port := l.port(uint64(h))
		for _, spec := range []string{"lo4", "lo4 A", "lo4 P", "lo4 A P"} {
			if fd, e := l.bind(spec, port); e != EADDRINUSE {
				t.Errorf("tcp %v: %s beside a host program's: %v, want EADDRINUSE", tcp, spec, e)
				closeFD(t, th, fd)
			}
		}
		syscall.Close(h)
	}
}

// TestPortSharingTraffic: the more specific socket gets what is sent to its
// address; of two with the same address, a datagram goes to the last
// (xnu-11417 bsd/netinet/in_pcb.c:in_pcblookup_hash, in_pcbinshash).
func TestPortSharingTraffic(t *testing.T) {
	th := guestThread(t, XNU11417)
	for _, specs := range [][2]string{{"*4 A", "lo4 A"}, {"lo4 A", "*4 A"}, {"lo4 P", "lo4 P"}} {
		l := &portLab{t, th, false}
		a, _ := l.bind(specs[0], 0)
		port := l.port(a)
		b, e := l.bind(specs[1], port)
		if e != 0 {
			t.Fatal(e)
		}
		want := b
		if specs[1] == "*4 A" {
			want = a
		}
		c, _ := l.bind("lo4", 0)
		sa := []byte{1: guestAfInet, 2: byte(port >> 8), 3: byte(port), 4: 127, 7: 1, 15: 0}
		x := []byte{1}
		for range 8 {
			call(t, th, sysSendto, 0, c, gp(&x[0]), 1, 0, gp(&sa[0]), 16)
			call(t, th, sysRecvfrom, 0, want, gp(&x[0]), 1, uint64(msgDontwait), 0, 0)
		}
		for _, fd := range []uint64{a, b, c} {
			closeFD(t, th, fd)
		}
	}
	l := &portLab{t, th, true}
	a, _ := l.bind("*4 A", 0)
	call(t, th, sysListen, 0, a, 5)
	port := l.port(a)
	b, e := l.bind("lo4 A", port)
	if e != 0 {
		t.Fatal(e)
	}
	call(t, th, sysListen, 0, b, 5)
	c := call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
	sa := []byte{1: guestAfInet, 2: byte(port >> 8), 3: byte(port), 4: 127, 7: 1, 15: 0}
	call(t, th, sysConnect, 0, c, gp(&sa[0]), 16)
	host(syscall.SYS_FCNTL, uintptr(a), syscall.F_SETFL, syscall.O_NONBLOCK, 0, 0, 0)
	call(t, th, sysAccept, EAGAIN, a, 0, 0)
	s := call(t, th, sysAccept, 0, b, 0, 0)
	if v := l.option(s, reuseAddr); v != int32(reuseAddr) {
		t.Errorf("the accepted socket's SO_REUSEADDR is %#x, want the listener's", v)
	}
	// The server ends first and starts again: its old connections do not matter
	// with SO_REUSEADDR, and do without.
	for _, fd := range []uint64{s, c, b, a} {
		closeFD(t, th, fd)
	}
	if _, e := l.bind("lo4", port); e != EADDRINUSE {
		t.Errorf("a connection waits for the end of its time, no options: %v, want EADDRINUSE", e)
	}
	d, e := l.bind("lo4 A", port)
	if e != 0 {
		t.Fatalf("a connection waits for the end of its time, SO_REUSEADDR: %v", e)
	}
	call(t, th, sysListen, 0, d, 5)
	closeFD(t, th, d)
}

// TestPortSharingUnlisted: if the host does not list its sockets, its own
// rules hold.
func TestPortSharingUnlisted(t *testing.T) {
	defer func(p uintptr) { netlinkSockDiag = p }(netlinkSockDiag)
	netlinkSockDiag = 31
	th := guestThread(t, XNU11417)
	for _, tt := range []struct {
		first, second string
		want          Errno
	}{
		{"lo4", "lo4", EADDRINUSE},
		{"lo4 A", "lo4 A", EADDRINUSE},
		{"lo4 P", "lo4 P", 0},
		{"*4 A", "lo4 A", EADDRINUSE},
	} {
		l := &portLab{t, th, true}
		a, _ := l.bind(tt.first, 0)
		call(t, th, sysListen, 0, a, 5)
		b, e := l.bind(tt.second, l.port(a))
		if e != tt.want {
			t.Errorf("%s, then %s: %v, want %v", tt.first, tt.second, e, tt.want)
		}
		if e == 0 {
			call(t, th, sysListen, 0, b, 5)
			closeFD(t, th, b)
		}
		closeFD(t, th, a)
	}
}

// TestReservedPorts: below 1024 only root may bind; since 4903 everybody may
// bind the wildcard, as far as the host lets him.
func TestReservedPorts(t *testing.T) {
	th := guestThread(t, XNU11417)
	if os.Geteuid() == 0 {
		// This thread alone becomes another user.
		const keep, user = ^uintptr(0), 1001
		host(syscall.SYS_SETRESUID, keep, user, keep, 0, 0, 0)
		defer host(syscall.SYS_SETRESUID, keep, 0, keep, 0, 0, 0)
	}
	l := &portLab{t, th, true}
	for _, tt := range []struct {
		spec string
		r    Release
	}{{"lo4", XNU4570}, {"lo4", XNU4903}, {"*4", XNU4570}, {"lo6", XNU11417}} {
		th.p.Release = tt.r
		if _, e := l.bind(tt.spec, 1023); e != EACCES {
			t.Errorf("%v: %s: %v, want EACCES", tt.r, tt.spec, e)
		}
	}
}

// BenchmarkBindPort0 compares with what the host's call takes.
func BenchmarkBindPort0(b *testing.B) {
	t := &Thread{p: &Proc{Release: XNU11417}, buffers: new(buffers)}
	bf := t.sockBuf()
	copy(bf.host[:], []byte{syscall.AF_INET, 4: 127, 7: 1, 15: 0})
	bf.hlen = 16
	bench := func(bind func(fd int32) Errno) func(b *testing.B) {
		return func(b *testing.B) {
			for range b.N {
				fd, _ := host(syscall.SYS_SOCKET, syscall.AF_INET, syscall.SOCK_STREAM, 0, 0, 0, 0)
				if e := bind(int32(fd)); e != 0 {
					b.Fatal(e)
				}
				host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
			}
		}
	}
	b.Run("runner", bench(func(fd int32) Errno {
		k, _ := socketKind(fd)
		return t.bindShut(bf, fd, k)
	}))
	b.Run("host", bench(func(fd int32) Errno { return hostBind(fd, bf.host[:16]) }))
}
