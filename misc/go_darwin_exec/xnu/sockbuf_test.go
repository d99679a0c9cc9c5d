// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
)

// getOpt and setOpt read and set an integer option.
func getOpt(t *testing.T, th *Thread, fd, level, opt uint64) int32 {
	t.Helper()
	v, n := int32(-1), int32(4)
	call(t, th, sysGetsockopt, 0, fd, level, opt, gp(&v), gp(&n))
	return v
}

func setOpt(t *testing.T, th *Thread, want Errno, fd, level, opt uint64, v int32) {
	t.Helper()
	call(t, th, sysSetsockopt, want, fd, level, opt, gp(&v), 4)
}

const (
	guestSndbuf   = 0x1001
	guestRcvbuf   = 0x1002
	guestSndlowat = 0x1003
	guestRcvlowat = 0x1004
)

// TestBufSizes: what a new socket of each protocol says of its buffers.
func TestBufSizes(t *testing.T) {
	th := guestThread(t, XNU1504)
	for _, r := range allReleases {
		th.p.Release = r
		tcpSnd, tcpRcv, udpRcv := int32(128<<10), int32(128<<10), int32(196724)
		switch {
		case r < XNU2050:
			tcpSnd, tcpRcv, udpRcv = 131070, 262140, 42080
		case r >= XNU4903:
			udpRcv = 786896
		}
		for _, tt := range []struct {
			name             string
			domain, typ      uint64
			proto            uint64
			snd, rcv, sndlow int32
		}{
			{"tcp", guestAfInet, guestSockStream, 0, tcpSnd, tcpRcv, 2048},
			{"tcp6", guestAfInet6, guestSockStream, 0, tcpSnd, tcpRcv, 2048},
			{"udp", guestAfInet, guestSockDgram, 0, 9216, udpRcv, 2048},
			{"udp6", guestAfInet6, guestSockDgram, 0, 9216, udpRcv, 2048},
			{"raw", guestAfInet, guestSockRaw, syscall.IPPROTO_ICMP, 8192, 8192, 2048},
			{"unix stream", guestAfUnix, guestSockStream, 0, 8192, 8192, 2048},
			{"unix dgram", guestAfUnix, guestSockDgram, 0, 2048, 4096, 1},
		} {
			var a args
			copy(a[:], []uint64{tt.domain, tt.typ, tt.proto})
			fd, e := sysSocket(th, &a)
			if tt.typ == guestSockRaw && e == EPERM {
				continue // raw sockets are the superuser's
			}
			if e != 0 {
				t.Fatalf("%s: %v", tt.name, e)
			}
			for opt, want := range map[uint64]int32{guestSndbuf: tt.snd, guestRcvbuf: tt.rcv, guestSndlowat: tt.sndlow, guestRcvlowat: 1} {
				if v := getOpt(t, th, fd, 0xffff, opt); v != want {
					t.Errorf("%d %s: option %#x is %d, want %d", r, tt.name, opt, v, want)
				}
			}
			closeFD(t, th, fd)
		}
	}
}

// TestReserve: a size beyond the largest is refused until 14, cut from 15 on.
func TestReserve(t *testing.T) {
	for _, tt := range []struct {
		r      Release
		n, now uint32
		want   uint32
		e      Errno
	}{
		{XNU1504, 7 << 20, 9216, 7 << 20, 0},
		{XNU1504, 7456540, 9216, 7456540, 0},
		{XNU1504, 7456541, 9216, 0, ENOBUFS},
		{XNU8792, 7456541, 9216, 0, ENOBUFS},
		{XNU10002, 8 << 20, 9216, 0, ENOBUFS},
		{XNU11215, 8 << 20, 9216, 8 << 20, 0},
		{XNU11215, 8<<20 + 1, 9216, 8 << 20, 0},
		{XNU11215, 8<<20 + 1, 8 << 20, 0, ENOBUFS},
		{XNU11215, 1<<31 - 1, 9216, 8 << 20, 0},
	} {
		if n, e := reserve(tt.r, tt.n, tt.now); n != tt.want || e != tt.e {
			t.Errorf("%d: %d of %d: %d, %v; want %d, %v", tt.r, tt.n, tt.now, n, e, tt.want, tt.e)
		}
	}
}

// TestSetBufSize: what is set is what is read, whatever the host makes of it,
// on duplicates too and on what accept makes.
func TestSetBufSize(t *testing.T) {
	th := guestThread(t, XNU11215)
	udp := call(t, th, sysSocket, 0, guestAfInet, guestSockDgram, 0)
	dup := call(t, th, sysDup, 0, udp)
	for _, v := range []int32{9216, 65535} {
		setOpt(t, th, 0, dup, 0xffff, guestSndbuf, v)
		if n := getOpt(t, th, udp, 0xffff, guestSndbuf); n != v {
			t.Errorf("SO_SNDBUF of a duplicate set to %d reads as %d", v, n)
		}
	}
	setOpt(t, th, 0, udp, 0xffff, guestSndbuf, 1)
	closeFD(t, th, dup)
	dup = call(t, th, sysDup, 0, udp)
	for _, v := range []int32{1, 100, 9216, 65535, 7 << 20} {
		for _, opt := range []uint64{guestSndbuf, guestRcvbuf} {
			setOpt(t, th, 0, dup, 0xffff, opt, v)
			if n := getOpt(t, th, udp, 0xffff, opt); n != v {
				t.Errorf("option %#x set to %d reads as %d", opt, v, n)
			}
		}
	}
	setOpt(t, th, EINVAL, udp, 0xffff, guestSndbuf, 0)
	setOpt(t, th, EINVAL, udp, 0xffff, guestRcvbuf, -1)
	// A low-water mark is no larger than the buffer.
	setOpt(t, th, 0, udp, 0xffff, guestSndbuf, 3000)
	setOpt(t, th, 0, udp, 0xffff, guestSndlowat, 5000)
	if n := getOpt(t, th, udp, 0xffff, guestSndlowat); n != 3000 {
		t.Errorf("SO_SNDLOWAT 5000 of 3000 is %d", n)
	}
	setOpt(t, th, 0, udp, 0xffff, guestSndbuf, 500)
	if n := getOpt(t, th, udp, 0xffff, guestSndlowat); n != 500 {
		t.Errorf("SO_SNDLOWAT is %d after SO_SNDBUF 500", n)
	}
	setOpt(t, th, EINVAL, udp, 0xffff, guestSndlowat, 0)
	closeFD(t, th, udp)
	if n := getOpt(t, th, dup, 0xffff, guestSndbuf); n != 500 {
		t.Errorf("SO_SNDBUF of the duplicate is %d", n)
	}
	closeFD(t, th, dup)
	udp = call(t, th, sysSocket, 0, guestAfInet, guestSockDgram, 0)
	if n := getOpt(t, th, udp, 0xffff, guestSndbuf); n != 9216 {
		t.Errorf("SO_SNDBUF of a new socket is %d: the descriptor remembers an older one", n)
	}
	// Without a memory, as after exec, the host's value answers.
	setSockoptInt(int32(udp), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 30000)
	if n := getOpt(t, th, udp, 0xffff, guestSndbuf); n != 30000 {
		t.Errorf("SO_SNDBUF that another program has set to 30000 is %d", n)
	}
	closeFD(t, th, udp)

	l := call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
	sa := [16]byte{0, guestAfInet, 0, 0, 127, 0, 0, 1}
	call(t, th, sysBind, 0, l, gp(&sa), 16)
	setOpt(t, th, 0, l, 0xffff, guestSndbuf, 1000)
	setOpt(t, th, 0, l, 0xffff, 0x1022, 1) // SO_NOSIGPIPE
	call(t, th, sysListen, 0, l, 5)
	n := uint32(16)
	call(t, th, sysGetsockname, 0, l, gp(&sa), gp(&n))
	c := call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
	call(t, th, sysConnect, 0, c, gp(&sa), 16)
	s := call(t, th, sysAccept, 0, l, 0, 0)
	if n, sig := getOpt(t, th, s, 0xffff, guestSndbuf), getOpt(t, th, s, 0xffff, 0x1022); n != 1000 || sig != 1 {
		t.Errorf("accepted socket: SO_SNDBUF %d, SO_NOSIGPIPE %d; want the listener's 1000, 1", n, sig)
	}
	for _, fd := range []uint64{l, c, s} {
		closeFD(t, th, fd)
	}
}

// senders are the ways to send n bytes on a connected socket.
var senders = map[string]func(th *Thread, fd, p, n uint64) (uint64, Errno){
	"write": func(th *Thread, fd, p, n uint64) (uint64, Errno) {
		return sysWrite(th, &args{fd, p, n})
	},
	"writev": func(th *Thread, fd, p, n uint64) (uint64, Errno) {
		iov := [2][2]uint64{{p, n / 2}, {p, n - n/2}}
		return sysWritev(th, &args{fd, gp(&iov), 2})
	},
	"sendto": func(th *Thread, fd, p, n uint64) (uint64, Errno) {
		return sysSendto(th, &args{fd, p, n})
	},
	"sendmsg": func(th *Thread, fd, p, n uint64) (uint64, Errno) {
		iov := [2]uint64{p, n}
		var m [48]byte
		putUint64(m[16:], gp(&iov))
		putUint32(m[24:], 1)
		return sysSendmsg(th, &args{fd, gp(&m)})
	},
}

// TestDatagramTooLarge: a datagram may be as large as SO_SNDBUF, which begins
// at a number of the protocol's.
func TestDatagramTooLarge(t *testing.T) {
	th := guestThread(t, XNU11215)
	buf := make([]byte, 70000)
	sa := [16]byte{0, guestAfInet, 0, 0, 127, 0, 0, 1}
	r := call(t, th, sysSocket, 0, guestAfInet, guestSockDgram, 0)
	call(t, th, sysBind, 0, r, gp(&sa), 16)
	l := uint32(16)
	call(t, th, sysGetsockname, 0, r, gp(&sa), gp(&l))
	var pair [2]int32
	call(t, th, sysSocketpair, 0, guestAfUnix, guestSockDgram, 0, gp(&pair))

	for _, tt := range []struct {
		name string
		most uint64
		open func() (from, to uint64)
	}{
		{"udp", 9216, func() (uint64, uint64) {
			c := call(t, th, sysSocket, 0, guestAfInet, guestSockDgram, 0)
			call(t, th, sysConnect, 0, c, gp(&sa), 16)
			return c, r
		}},
		{"unix", 2048, func() (uint64, uint64) { return uint64(pair[0]), uint64(pair[1]) }},
	} {
		fd, to := tt.open()
		for how, send := range senders {
			step := func(n uint64, want Errno) {
				t.Helper()
				v, e := send(th, fd, gp(&buf[0]), n)
				if e != want || e == 0 && v != n {
					t.Errorf("%s: %s of %d: %d, %v; want %v", tt.name, how, n, v, e, want)
				}
				if e == 0 {
					call(t, th, sysRecvfrom, 0, to, gp(&buf[0]), 70000, uint64(msgDontwait))
				}
			}
			step(tt.most, 0)
			step(tt.most+1, EMSGSIZE)
			step(1, 0)
			step(0, 0)
			setOpt(t, th, 0, fd, 0xffff, guestSndbuf, 20000)
			setOpt(t, th, 0, to, 0xffff, guestRcvbuf, 100000)
			step(20000, 0)
			step(20001, EMSGSIZE)
			setOpt(t, th, 0, fd, 0xffff, guestSndbuf, 10)
			step(10, 0)
			step(11, EMSGSIZE)
			setOpt(t, th, 0, fd, 0xffff, guestSndbuf, int32(tt.most))
		}
		closeFD(t, th, fd)
		closeFD(t, th, to)
	}

	// What is wrong with the socket comes first.
	c := call(t, th, sysSocket, 0, guestAfInet, guestSockDgram, 0)
	call(t, th, sysSendto, EDESTADDRREQ, c, gp(&buf[0]), 70000)
	call(t, th, sysSendto, EMSGSIZE, c, gp(&buf[0]), 9217, 0, gp(&sa), 16)
	setOpt(t, th, 0, c, 0xffff, guestSndbuf, 1<<20)
	call(t, th, sysSendto, EMSGSIZE, c, gp(&buf[0]), 65508, 0, gp(&sa), 16) // IP's limit
	setOpt(t, th, 0, c, 0xffff, guestSndbuf, 9216)
	setOpt(t, th, 0, c, 0xffff, 0x1022, 1)
	call(t, th, sysConnect, 0, c, gp(&sa), 16)
	call(t, th, sysShutdown, 0, c, syscall.SHUT_WR)
	call(t, th, sysSendto, EPIPE, c, gp(&buf[0]), 9217)
	closeFD(t, th, c)
}

// TestUnixDatagramFull: a receiver that is full is ENOBUFS at once, also on a
// blocking socket, and it is full when 4096 bytes wait: data and addresses.
func TestUnixDatagramFull(t *testing.T) {
	th := guestThread(t, XNU11215)
	buf := make([]byte, 9000)
	// fill sends until it fails and returns how many went.
	fill := func(send func() Errno) int {
		t.Helper()
		for i := 0; ; i++ {
			switch e := send(); {
			case e == ENOBUFS:
				return i
			case e != 0 || i > 1000:
				t.Fatalf("datagram %d: %v", i, e)
			}
		}
	}
	// The host must not wait indefinitely if the runner lets it.
	bound := func(fd uint64) {
		tv := [2]int64{2, 0}
		host(syscall.SYS_SETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, uintptr(gp(&tv)), 16, 0)
	}
	for how, send := range senders {
		var pair [2]int32
		call(t, th, sysSocketpair, 0, guestAfUnix, guestSockDgram, 0, gp(&pair))
		a, b := uint64(pair[0]), uint64(pair[1])
		bound(a)
		of := func(n uint64) func() Errno {
			return func() Errno { _, e := send(th, a, gp(&buf[0]), n); return e }
		}
		recv := func() { call(t, th, sysRecvfrom, 0, b, gp(&buf[0]), 9000) }
		if n := fill(of(1000)); n != 4 {
			t.Errorf("%s: %d datagrams of 1000 bytes, want 4", how, n)
		}
		recv()
		if n := fill(of(1000)); n != 1 {
			t.Errorf("%s: %d datagrams of 1000 bytes after one was read, want 1", how, n)
		}
		for range 4 {
			recv()
		}
		if n := fill(of(2048)); n != 1 {
			t.Errorf("%s: %d datagrams of 2048 bytes, want 1", how, n)
		}
		if n := fill(of(1000)); n != 2 {
			t.Errorf("%s: %d datagrams of 1000 bytes behind one of 2048, want 2", how, n)
		}
		setOpt(t, th, 0, b, 0xffff, guestRcvbuf, 8192)
		if n := fill(of(1000)); n != 4 {
			t.Errorf("%s: %d datagrams of 1000 bytes more with SO_RCVBUF 8192, want 4", how, n)
		}
		closeFD(t, th, a)
		closeFD(t, th, b)
	}

	// By name: what a receiver of this process takes is known, too.
	path := filepath.Join(socketDir(t), "s")
	sa := append([]byte{0, guestAfUnix}, path...)
	r := call(t, th, sysSocket, 0, guestAfUnix, guestSockDgram, 0)
	call(t, th, sysBind, 0, r, gp(&sa[0]), uint64(len(sa)))
	for _, connect := range []bool{false, true} {
		c := call(t, th, sysSocket, 0, guestAfUnix, guestSockDgram, 0)
		bound(c)
		name := gp(&sa[0])
		if connect {
			call(t, th, sysConnect, 0, c, name, uint64(len(sa)))
			name = 0
		}
		n := fill(func() Errno {
			_, e := sysSendto(th, &args{c, gp(&buf[0]), 1000, 0, name, uint64(len(sa))})
			return e
		})
		if n != 4 {
			t.Errorf("connected %v: %d datagrams of 1000 bytes, want 4", connect, n)
		}
		for range n {
			call(t, th, sysRecvfrom, 0, r, gp(&buf[0]), 9000)
		}
		closeFD(t, th, c)
	}
	closeFD(t, th, r)
	if m := sockMems.names; len(m) != 0 {
		t.Errorf("names of closed sockets are kept: %v", m)
	}

	// Of a receiver that only the host knows, the host tells when it is full.
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	noteReceived(int32(fds[0]))
	bound(uint64(fds[0]))
	fill(func() Errno { _, e := sysWrite(th, &args{uint64(fds[0]), gp(&buf[0]), 100}); return e })
	closeFD(t, th, uint64(fds[0]))
	closeFD(t, th, uint64(fds[1]))
}

// TestRoomOfSockMem: the bookkeeping alone.
func TestRoomOfSockMem(t *testing.T) {
	to, other := new(sockMem), new(sockMem)
	d := func(n uint32, host uint32) unread { return unread{to: to, cc: n + 16, mbcnt: 512, host: host} }
	m := &sockMem{sent: []unread{d(1000, 2304), d(1000, 2304), {to: other, cc: 4000, host: 4352}, d(1000, 2304)}}
	room := func(n, out, mbmax uint32) bool {
		return m.roomLocked(to, d(n, 0), 4096, mbmax, func() uint32 { return out })
	}
	if !room(1000, 1<<30, 32768) {
		t.Error("no room for a fourth datagram of 1000 bytes")
	}
	if room(1040, 2304*3+4352, 32768) {
		t.Error("room for 1040 bytes behind three datagrams of 1000")
	}
	if !room(2000, 2304+4352, 32768) || len(m.sent) != 2 {
		t.Errorf("two datagrams were read, %d are left", len(m.sent))
	}
	if room(2000, 2304+4352, 2500) {
		t.Error("room beyond the bound of mbufs")
	}
	if !room(4080, 0, 32768) || len(m.sent) != 0 {
		t.Errorf("all were read, %d are left", len(m.sent))
	}
}

// TestReceivedSocket: a socket that came by SCM_RIGHTS, or by exec, has the
// limits of its protocol.
func TestReceivedSocket(t *testing.T) {
	th := guestThread(t, XNU11215)
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 5000)
	noteInherited()
	if n, e := sysWrite(th, &args{uint64(fds[0]), gp(&buf[0]), 2049}); e != EMSGSIZE {
		t.Errorf("2049 bytes on an inherited socket: %d, %v", n, e)
	}
	var pair [2]int32
	call(t, th, sysSocketpair, 0, guestAfUnix, guestSockStream, 0, gp(&pair))
	iov := [2]uint64{gp(&buf[0]), 1}
	ctl := cmsg(true, 0xffff, 1, byte(fds[0]), byte(fds[0]>>8), 0, 0)
	var m [48]byte
	putUint64(m[16:], gp(&iov))
	putUint32(m[24:], 1)
	putUint64(m[32:], gp(&ctl[0]))
	putUint32(m[40:], uint32(len(ctl)))
	call(t, th, sysSendmsg, 0, uint64(pair[0]), gp(&m), 0)
	call(t, th, sysRecvmsg, 0, uint64(pair[1]), gp(&m), 0)
	got := uint64(getUint32(ctl[12:]))
	if n, e := sysWrite(th, &args{got, gp(&buf[0]), 2049}); e != EMSGSIZE {
		t.Errorf("2049 bytes on a received socket: %d, %v", n, e)
	}
	for _, fd := range []uint64{got, uint64(fds[0]), uint64(fds[1]), uint64(pair[0]), uint64(pair[1])} {
		closeFD(t, th, fd)
	}
}

// TestShortICMP: a raw socket sends what it is given.
func TestShortICMP(t *testing.T) {
	th := guestThread(t, XNU11215)
	a := args{guestAfInet, guestSockRaw, syscall.IPPROTO_ICMP}
	fd, e := sysSocket(th, &a)
	if e == EPERM {
		t.Skip("raw sockets are the superuser's")
	}
	if e != 0 {
		t.Fatal(e)
	}
	defer closeFD(t, th, fd)
	// Linux shows packets that are too short for ICMP to packet sockets only.
	const packet, ethIP = 17, 0x0800 // AF_PACKET, ETH_P_IP
	r, e := host(syscall.SYS_SOCKET, packet, syscall.SOCK_DGRAM, ethIP>>8|ethIP<<8&0xffff, 0, 0, 0)
	if e != 0 {
		t.Skipf("no packet sockets: %v", e)
	}
	defer host(syscall.SYS_CLOSE, uintptr(r), 0, 0, 0, 0, 0)
	setOpt(t, th, 0, fd, 0, 4, 77) // IP_TTL
	sa := [16]byte{0, guestAfInet, 0, 0, 127, 0, 0, 1}
	data := [2]byte{0xa5, 0}
	buf := make([]byte, 100)
	check := func(what string, n uint64) {
		t.Helper()
		for range 1000 { // others may send, too
			l, e := host(syscall.SYS_RECVFROM, uintptr(r), uintptr(gp(&buf[0])), 100, 0, 0, 0)
			if e != 0 {
				break
			}
			if l == 20+n && buf[8] == 77 && (n == 0 || buf[20] == 0xa5) {
				return
			}
		}
		t.Errorf("%s: a packet of %d bytes has not arrived", what, n)
	}
	tv := [2]int64{2, 0}
	host(syscall.SYS_SETSOCKOPT, uintptr(r), syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, uintptr(gp(&tv)), 16, 0)
	for n := range uint64(3) {
		if v := call(t, th, sysSendto, 0, fd, gp(&data), n, 0, gp(&sa), 16); v != n {
			t.Errorf("sendto of %d returns %d", n, v)
		}
		check("sendto", n)
	}
	call(t, th, sysSendto, EDESTADDRREQ, fd, gp(&data), 1, 0, 0, 0)
	call(t, th, sysConnect, 0, fd, gp(&sa), 16)
	for how, send := range senders {
		for n := range uint64(2) {
			if v, e := send(th, fd, gp(&data), n); e != 0 || v != n {
				t.Errorf("%s of %d: %d, %v", how, n, v, e)
			} else {
				check(how, n)
			}
		}
	}
	call(t, th, sysSendto, EFAULT, fd, 8, 1, 0, 0, 0)
}

// TestNetSysctls: the numbers about sockets can be read by name in every
// release that has them; the superuser can set some, and sockets go by them.
func TestNetSysctls(t *testing.T) {
	th := sysctlThread(t)
	for _, r := range allReleases {
		tr := newSysctlTree(r)
		for i := range netVars {
			v := &netVars[i]
			if _, e := tr.oid(v.name); (e == 0) != (r >= v.since && (v.until == 0 || r < v.until)) {
				t.Errorf("%s on %d: %v", v.name, r, e)
			}
		}
		if _, e := tr.oid("kern.uuid"); (e == 0) != (r >= XNU1699) {
			t.Errorf("kern.uuid on %d: %v", r, e)
		}
	}
	for name, want := range map[string]uint32{
		"net.inet.udp.maxdgram": 9216, "net.inet.udp.recvspace": 786896, "net.inet.tcp.sendspace": 131072,
		"net.inet.tcp.recvspace": 131072, "net.inet.raw.maxdgram": 8192, "net.local.stream.sendspace": 8192,
		"net.local.dgram.maxdgram": 2048, "net.local.dgram.recvspace": 4096, "kern.ipc.maxsockbuf": 8 << 20,
		"kern.ipc.somaxconn": 128, "net.inet.ip.portrange.first": 49152,
	} {
		b, n, e := byName(th, name, 4)
		if e != 0 || n != 4 || getUint32(b) != want {
			t.Errorf("%s: %d, %v; want %d", name, getUint32(b), e, want)
		}
	}
	if v := kernUUID(th, nil); len(v.data) != 37 {
		t.Errorf("kern.uuid: %q", v.data)
	}

	set := func(want Errno, name string, v int64, size uint64) {
		t.Helper()
		call(t, th, sysSysctlbyname, want, gstr(name), uint64(len(name)), 0, 0, gp(&v), size)
	}
	set(EPERM, "kern.osrelease", 1, 4)
	set(EPERM, "net.inet6.ip6.keepfaith", 1, 4)
	if !suser() {
		set(EPERM, "net.inet.udp.maxdgram", 1000, 4)
		return
	}
	defer udpSendspace.set.Store(0)
	set(EINVAL, "net.inet.udp.maxdgram", 1000, 3)
	set(ERANGE, "net.inet.udp.maxdgram", 0, 4)
	set(ERANGE, "net.inet.udp.maxdgram", 8<<20+1, 4)
	set(ERANGE, "net.inet.udp.maxdgram", 1<<32, 8)
	set(ERANGE, "kern.ipc.maxsockbuf", 18432, 4)
	set(0, "net.inet.udp.maxdgram", 1000, 8)
	udp := call(t, th, sysSocket, 0, guestAfInet, guestSockDgram, 0)
	defer closeFD(t, th, udp)
	if v := getOpt(t, th, udp, 0xffff, guestSndbuf); v != 1000 {
		t.Errorf("SO_SNDBUF is %d with net.inet.udp.maxdgram 1000", v)
	}
	sa := [16]byte{0, guestAfInet, 0, 9, 127, 0, 0, 1}
	buf := make([]byte, 2000)
	call(t, th, sysSendto, EMSGSIZE, udp, gp(&buf[0]), 1001, 0, gp(&sa), 16)
	call(t, th, sysSendto, 0, udp, gp(&buf[0]), 1000, 0, gp(&sa), 16)
}

// TestSocketOptionTable: each option that the host lacks, in each release: what
// a new socket says, what it takes, and what it says then.
func TestSocketOptionTable(t *testing.T) {
	th := guestThread(t, XNU11215)
	const refused = -1 << 31
	root := func(e Errno) Errno {
		if suser() {
			return 0
		}
		return e
	}
	for _, tt := range []struct {
		name         string
		domain       uint64
		typ          uint64
		level, opt   uint64
		since, until Release
		first        int32 // refused: it cannot be read
		set          int32
		e            Errno
		get          int32
	}{
		{"SO_ACCEPTCONN", guestAfInet, 1, 0xffff, 0x2, 99999, 0, 0, 1, 0, 0}, // of no release
		{"SO_USELOOPBACK", guestAfInet, 1, 0xffff, 0x40, 0, 0, 0, 5, 0, 0x40},
		{"SO_TIMESTAMP", guestAfInet, 2, 0xffff, 0x400, 0, 0, 0, 1, 0, 0x400},
		{"SO_TIMESTAMP_MONOTONIC", guestAfInet, 2, 0xffff, 0x800, XNU1699, 0, 0, 1, 0, 0x800},
		{"SO_TIMESTAMP_CONTINUOUS", guestAfInet, 2, 0xffff, 0x40000, XNU4903, 0, 0, 1, 0, 0x40000},
		{"SO_DONTTRUNC", guestAfUnix, 2, 0xffff, 0x2000, 0, 0, 0, 1, 0, 0x2000},
		{"SO_WANTMORE", guestAfUnix, 1, 0xffff, 0x4000, 0, 0, 0, 1, 0, 0x4000},
		{"SO_WANTOOBFLAG", guestAfUnix, 1, 0xffff, 0x8000, 0, 0, 0, 1, 0, 0x8000},
		{"SO_NOWAKEFROMSLEEP", guestAfInet, 1, 0xffff, 0x10000, XNU2782, 0, 0, 1, 0, 0x10000},
		{"SO_NOAPNFALLBK", guestAfInet, 1, 0xffff, 0x20000, XNU3789, 0, 0, 1, 0, 0x20000},
		{"SO_LABEL", guestAfInet, 1, 0xffff, 0x1010, 0, 0, refused, 1, EOPNOTSUPP, 0},
		{"SO_NKE", guestAfInet, 1, 0xffff, 0x1021, 0, 0, refused, 1, EINVAL, 0}, // too short
		{"SO_NOADDRERR", guestAfInet, 1, 0xffff, 0x1023, 0, 0, 0, 1, 0, 2},
		{"SO_REUSESHAREUID", guestAfInet, 2, 0xffff, 0x1025, 0, 0, 0, 1, 0, 0x40},
		{"SO_NOTIFYCONFLICT", guestAfInet, 2, 0xffff, 0x1026, 0, 0, 0, 1, root(EPERM), 0x400},
		{"SO_UPCALLCLOSEWAIT", guestAfInet, 1, 0xffff, 0x1027, 0, 0, 0, 1, 0, 0x800},
		{"SO_RANDOMPORT", guestAfInet, 1, 0xffff, 0x1082, 0, 0, 0, 1, 0, 0x1000},
		{"SO_TRAFFIC_CLASS", guestAfInet, 1, 0xffff, 0x1086, XNU1699, XNU2050, 0, 3, 0, 3},
		{"SO_TRAFFIC_CLASS", guestAfInet, 1, 0xffff, 0x1086, XNU2050, 0, 0, 3, 0, 800},
		{"SO_TRAFFIC_CLASS", guestAfInet, 1, 0xffff, 0x1086, XNU2050, 0, 0, 250, EINVAL, 0},
		{"SO_RECV_TRAFFIC_CLASS", guestAfInet, 2, 0xffff, 0x1087, XNU1699, 0, 0, 1, 0, 0x4000},
		{"SO_PRIVILEGED_TRAFFIC_CLASS", guestAfInet, 2, 0xffff, 0x1090, XNU2050, 0, 0, 1, root(EPERM), 0x10000},
		{"SO_DEFUNCTOK", guestAfInet, 1, 0xffff, 0x1100, XNU1699, 0, 1, 0, root(EPERM), 0},
		{"SO_ISDEFUNCT", guestAfInet, 1, 0xffff, 0x1101, XNU1699, 0, 0, 1, EINVAL, 0},
		{"SO_OPPORTUNISTIC", guestAfInet, 1, 0xffff, 0x1102, XNU2050, 0, 0, 7, 0, 1},
		{"SO_FLUSH", guestAfInet, 2, 0xffff, 0x1103, XNU2050, 0, refused, 1, 0, refused},
		{"SO_RECV_ANYIF", guestAfInet, 2, 0xffff, 0x1104, XNU2050, 0, 0, 5, 0, 1},
		{"SO_DELEGATED", guestAfInet, 1, 0xffff, 0x1107, XNU2422, 0, refused, 0, EINVAL, refused},
		{"SO_NUMRCVPKT", guestAfInet, 2, 0xffff, 0x1112, XNU2782, 0, 0, 1, ENOPROTOOPT, 0},
		{"SO_NUMRCVPKT of TCP", guestAfInet, 1, 0xffff, 0x1112, XNU2782, 0, refused, 1, ENOPROTOOPT, refused},
		{"SO_EXTENDED_BK_IDLE", guestAfInet, 1, 0xffff, 0x1114, XNU3248, 0, 0, 1, 0, 0x40},
		{"SO_EXTENDED_BK_IDLE of UDP", guestAfInet, 2, 0xffff, 0x1114, XNU3248, 0, 0, 1, EOPNOTSUPP, 0},
		{"SO_NET_SERVICE_TYPE", guestAfInet, 2, 0xffff, 0x1116, XNU3789, 0, 0, 4, 0, 4},
		{"SO_NET_SERVICE_TYPE", guestAfInet, 2, 0xffff, 0x1116, XNU3789, 0, 0, 9, EINVAL, 0},
		{"SO_NETSVC_MARKING_LEVEL", guestAfInet, 2, 0xffff, 0x1119, XNU3789, 0, 0, 9, ENOPROTOOPT, 0},
		{"SO_MARK_KNOWN_TRACKER", guestAfInet, 1, 0xffff, 0x1125, XNU8019, 0, 0, 5, 0, 1},
		{"TCP_NODELAY", guestAfInet, 1, 6, 0x1, 0, 0, 0, 1, 0, 4},
		{"TCP_MAXSEG", guestAfInet, 1, 6, 0x2, 0, 0, 512, 400, 0, 400},
		{"TCP_MAXSEG", guestAfInet, 1, 6, 0x2, 0, 0, 512, 513, EINVAL, 512},
		{"TCP_MAXSEG", guestAfInet, 1, 6, 0x2, 0, 0, 512, 175, EINVAL, 512},
		{"TCP_MAXSEG", guestAfInet6, 1, 6, 0x2, 0, 0, 1024, 700, 0, 700},
		{"TCP_NOPUSH", guestAfInet, 1, 6, 0x4, 0, 0, 0, 1, 0, 0x1000},
		{"TCP_NOOPT", guestAfInet, 1, 6, 0x8, 0, 0, 0, 1, 0, 8},
		{"TCP_KEEPALIVE", guestAfInet, 1, 6, 0x10, 0, XNU3789, 0, 9, 0, 9},
		{"TCP_KEEPALIVE", guestAfInet, 1, 6, 0x10, XNU3789, 0, 7200, 0, 0, 7200},
		{"TCP_KEEPALIVE", guestAfInet, 1, 6, 0x10, XNU3789, 0, 7200, -1, EINVAL, 7200},
		{"TCP_KEEPALIVE", guestAfInet, 1, 6, 0x10, XNU3789, 0, 7200, 100000, 0, 100000},
		{"TCP_KEEPINTVL", guestAfInet, 1, 6, 0x101, XNU2422, XNU3789, 0, 9, 0, 9},
		{"TCP_KEEPCNT", guestAfInet, 1, 6, 0x102, XNU3789, 0, 8, 1000, 0, 1000},
		{"TCP_CONNECTIONTIMEOUT", guestAfInet, 1, 6, 0x20, 0, 0, 0, 30, 0, 30},
		{"PERSIST_TIMEOUT", guestAfInet, 1, 6, 0x40, XNU1699, 0, 0, 30, 0, 30},
		{"PERSIST_TIMEOUT", guestAfInet, 1, 6, 0x40, XNU1699, 0, 0, -1, EINVAL, 0},
		{"TCP_RXT_FINDROP", guestAfInet, 1, 6, 0x100, XNU1699, 0, 0, 3, 0, 1},
		{"TCP_SENDMOREACKS", guestAfInet, 1, 6, 0x103, XNU2422, 0, 0, 2, EINVAL, 0},
		{"TCP_ENABLE_ECN", guestAfInet, 1, 6, 0x104, XNU2782, 0, 0, 5, 0, 1},
		{"TCP_FASTOPEN", guestAfInet, 1, 6, 0x105, XNU3248, 0, refused, 1, EINVAL, refused},
		{"TCP_NOTSENT_LOWAT", guestAfInet, 1, 6, 0x201, XNU2050, 0, 0, -1, EINVAL, 0},
		{"TCP_ADAPTIVE_READ_TIMEOUT", guestAfInet, 1, 6, 0x205, XNU2422, 0, 0, 11, EINVAL, 0},
		{"TCP_NOTIMEWAIT", guestAfInet, 1, 6, 0x208, XNU2782, 0, 0, 1, 0, 1},
		{"TCP_ECN_MODE", guestAfInet, 1, 6, 0x210, XNU3248, 0, 0, 2, 0, 2},
		{"TCP_RXT_MINIMUM_TIMEOUT", guestAfInet, 1, 6, 0x215, XNU4570, 0, 0, 1000, 0, 300},
		{"TCP_FASTOPEN_FORCE_ENABLE", guestAfInet, 1, 6, 0x218, XNU6153, 0, 0, 1, 0, 1},
		{"TCP_ENABLE_L4S", guestAfInet, 1, 6, 0x21b, XNU10002, 0, 0, 1, 0, 1},
		{"UDP_NOCKSUM", guestAfInet, 2, 17, 1, 0, 0, 0, 1, 0, 0x2000},
		{"IP_PORTRANGE", guestAfInet, 2, 0, 19, 0, 0, 0, 2, 0, 2},
		{"IP_PORTRANGE", guestAfInet, 2, 0, 19, 0, 0, 0, 3, EINVAL, 0},
		{"IP_FAITH", guestAfInet, 2, 0, 22, 0, XNU2050, 0, 1, 0, 1},
		{"IP_NO_IFT_CELLULAR", guestAfInet, 2, 0, 6969, XNU1699, 0, 0, 1, 0, 1},
	} {
		for _, r := range allReleases {
			th.p.Release = r
			fd := call(t, th, sysSocket, 0, tt.domain, tt.typ, 0)
			have := r >= tt.since && (tt.until == 0 || r < tt.until)
			get := func() int32 {
				v, n := int32(-1), int32(4)
				if _, e := sysGetsockopt(th, &args{fd, tt.level, tt.opt, gp(&v), gp(&n)}); e != 0 {
					return refused
				}
				return v
			}
			v := tt.set
			_, se := sysSetsockopt(th, &args{fd, tt.level, tt.opt, gp(&v), 4})
			after := get()
			closeFD(t, th, fd)
			fd = call(t, th, sysSocket, 0, tt.domain, tt.typ, 0)
			first := get()
			closeFD(t, th, fd)
			switch {
			case !have && tt.until == 0 && tt.since != 0 && (se != ENOPROTOOPT || first != refused):
				// Rows with until have another that goes on.
				if !hasEarlierRow(tt.name, r) {
					t.Errorf("%d has no %s: set %v, get %d", r, tt.name, se, first)
				}
			case have && (first != tt.first || se != tt.e || after != tt.get && (tt.e == 0 || after != tt.first)):
				t.Errorf("%s on %d: first %d, want %d; set to %d: %v, want %v; then %d, want %d",
					tt.name, r, first, tt.first, tt.set, se, tt.e, after, tt.get)
			}
		}
	}
}

// hasEarlierRow: these options have other values in older releases.
func hasEarlierRow(name string, r Release) bool {
	switch name {
	case "SO_TRAFFIC_CLASS":
		return r >= XNU1699
	case "TCP_KEEPALIVE":
		return true
	case "TCP_KEEPINTVL", "TCP_KEEPCNT":
		return r >= XNU2422
	}
	return false
}

// TestPeerOptions: what a unix socket knows of the other end.
func TestPeerOptions(t *testing.T) {
	th := sysctlThread(t)
	var pair [2]int32
	call(t, th, sysSocketpair, 0, guestAfUnix, guestSockStream, 0, gp(&pair))
	a, b := uint64(pair[0]), uint64(pair[1])
	pid := int32(syscall.Getpid())
	for opt := uint64(2); opt <= 3; opt++ {
		if v := getOpt(t, th, a, 0, opt); v != pid {
			t.Errorf("option %d is %d, want our process %d", opt, v, pid)
		}
	}
	buf := make([]byte, 100)
	for _, tt := range []struct {
		opt  uint64
		size int32
	}{{1, 76}, {4, 16}, {5, 16}, {6, 32}} {
		n := int32(100)
		call(t, th, sysGetsockopt, 0, a, 0, tt.opt, gp(&buf[0]), gp(&n))
		if n != tt.size {
			t.Errorf("option %d has %d bytes, want %d", tt.opt, n, tt.size)
		}
		setOpt(t, th, EOPNOTSUPP, a, 0, tt.opt, 1)
	}
	if p := int32(getUint32(buf[20:])); p != pid {
		t.Errorf("the token's process is %d, want %d", p, pid)
	}
	v, n := int32(0), int32(4)
	call(t, th, sysGetsockopt, EOPNOTSUPP, a, 0, 7, gp(&v), gp(&n))
	closeFD(t, th, b)
	call(t, th, sysGetsockopt, ENOTCONN, a, 0, 2, gp(&v), gp(&n))
	closeFD(t, th, a)
	s := call(t, th, sysSocket, 0, guestAfUnix, guestSockStream, 0)
	for opt := uint64(1); opt <= 6; opt++ {
		call(t, th, sysGetsockopt, ENOTCONN, s, 0, opt, gp(&v), gp(&n))
	}
	closeFD(t, th, s)
	d := call(t, th, sysSocket, 0, guestAfUnix, guestSockDgram, 0)
	call(t, th, sysGetsockopt, EINVAL, d, 0, 1, gp(&v), gp(&n))
	closeFD(t, th, d)
	th.p.Release = XNU2050
	call(t, th, sysSocketpair, 0, guestAfUnix, guestSockStream, 0, gp(&pair))
	call(t, th, sysGetsockopt, EOPNOTSUPP, uint64(pair[0]), 0, 4, gp(&v), gp(&n)) // since 2422
	closeFD(t, th, uint64(pair[0]))
	closeFD(t, th, uint64(pair[1]))
}

// TestTimestamps: the time of arrival in the forms that were asked for.
func TestTimestamps(t *testing.T) {
	th := guestThread(t, XNU11215)
	sa := [16]byte{0, guestAfInet, 0, 0, 127, 0, 0, 1}
	r := call(t, th, sysSocket, 0, guestAfInet, guestSockDgram, 0)
	defer closeFD(t, th, r)
	call(t, th, sysBind, 0, r, gp(&sa), 16)
	l := uint32(16)
	call(t, th, sysGetsockname, 0, r, gp(&sa), gp(&l))
	c := call(t, th, sysSocket, 0, guestAfInet, guestSockDgram, 0)
	defer closeFD(t, th, c)
	for bits := range uint64(8) {
		setOpt(t, th, 0, r, 0xffff, 0x400, int32(bits&1))
		setOpt(t, th, 0, r, 0xffff, 0x800, int32(bits&2))
		setOpt(t, th, 0, r, 0xffff, 0x40000, int32(bits&4))
		before := hostNanos(linuxClockMonotonic)
		data := []byte{1}
		call(t, th, sysSendto, 0, c, gp(&data[0]), 1, 0, gp(&sa), 16)
		iov := [2]uint64{gp(&data[0]), 1}
		ctl := make([]byte, 200)
		var m [48]byte
		putUint64(m[16:], gp(&iov))
		putUint32(m[24:], 1)
		putUint64(m[32:], gp(&ctl[0]))
		putUint32(m[40:], uint32(len(ctl)))
		call(t, th, sysRecvmsg, 0, r, gp(&m), 0)
		after := hostNanos(linuxClockMonotonic)
		var got uint64
		for b := ctl[:getUint32(m[40:])]; len(b) >= 12; b = b[guestCmsgAlign(int(getUint32(b))):] {
			switch getUint32(b[8:]) {
			case 2:
				got |= 1
			case 4:
				got |= 2
				// The two clocks of the host differ by microseconds.
				if v := getUint64(b[12:]); v+1e6 < before || v > after+1e6 {
					t.Errorf("monotonic time %d, sent and received between %d and %d", v, before, after)
				}
			case 7:
				got |= 4
			}
		}
		if got != bits {
			t.Errorf("asked for %03b, got %03b", bits, got)
		}
	}
}

// TestNumPackets: SO_NUMRCVPKT counts what waits.
func TestNumPackets(t *testing.T) {
	th := guestThread(t, XNU11215)
	for _, domain := range []uint64{guestAfInet, guestAfUnix} {
		var a, b uint64
		if domain == guestAfUnix {
			var pair [2]int32
			call(t, th, sysSocketpair, 0, guestAfUnix, guestSockDgram, 0, gp(&pair))
			a, b = uint64(pair[0]), uint64(pair[1])
		} else {
			sa := [16]byte{0, guestAfInet, 0, 0, 127, 0, 0, 1}
			l := uint32(16)
			b = call(t, th, sysSocket, 0, guestAfInet, guestSockDgram, 0)
			call(t, th, sysBind, 0, b, gp(&sa), 16)
			call(t, th, sysGetsockname, 0, b, gp(&sa), gp(&l))
			a = call(t, th, sysSocket, 0, guestAfInet, guestSockDgram, 0)
			call(t, th, sysConnect, 0, a, gp(&sa), 16)
		}
		buf := make([]byte, 100)
		for n := range int32(5) {
			if v := getOpt(t, th, b, 0xffff, 0x1112); v != n {
				t.Errorf("family %d: %d packets wait, SO_NUMRCVPKT says %d", domain, n, v)
			}
			call(t, th, sysSendto, 0, a, gp(&buf[0]), uint64(10+n))
		}
		if n := call(t, th, sysRecvfrom, 0, b, gp(&buf[0]), 100, uint64(msgPeek)); n != 10 {
			t.Errorf("family %d: a peek sees %d bytes, want the first packet's 10", domain, n)
		}
		closeFD(t, th, a)
		closeFD(t, th, b)
	}
}

// TestChosenPorts: a port that the kernel chooses is in the range that
// net.inet.ip.portrange tells, as far as the host's own range allows.
func TestChosenPorts(t *testing.T) {
	th := guestThread(t, XNU11215)
	var lo, hi int
	if _, err := fmt.Sscan(string(readHostFile("/proc/sys/net/ipv4/ip_local_port_range")), &lo, &hi); err != nil || hi < firstPort+100 {
		t.Skipf("the host's own ports, %d to %d, are not among XNU's", lo, hi)
	}
	for _, typ := range []uint64{guestSockStream, guestSockDgram} {
		for _, domain := range []uint64{guestAfInet, guestAfInet6} {
			for range 20 {
				fd := call(t, th, sysSocket, 0, domain, typ, 0)
				if _, e := sockoptInt(int32(fd), syscall.IPPROTO_IP, 51); e != 0 {
					t.Skip("the host has no IP_LOCAL_PORT_RANGE")
				}
				var sa [28]byte
				sa[1] = byte(domain)
				n := uint32(16)
				if domain == guestAfInet6 {
					n = 28
				}
				call(t, th, sysBind, 0, fd, gp(&sa), uint64(n))
				call(t, th, sysGetsockname, 0, fd, gp(&sa), gp(&n))
				if p := int(sa[2])<<8 | int(sa[3]); p < firstPort {
					t.Errorf("family %d, type %d: port %d, want one from %d on", domain, typ, p, firstPort)
				}
				closeFD(t, th, fd)
			}
		}
	}
}

// TestDatagram32: the same limits for the vectors of a 32-bit program.
func TestDatagram32(t *testing.T) {
	th := guestThread(t, XNU4903)
	const map32bit = 0x40
	page, err := syscall.Mmap(-1, 0, 1<<16, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON|map32bit)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(page)
	var pair [2]int32
	call(t, th, sysSocketpair, 0, guestAfUnix, guestSockDgram, 0, gp(&pair))
	a, b := uint64(pair[0]), uint64(pair[1])
	defer closeFD(t, th, a)
	defer closeFD(t, th, b)
	th.p.abi = abi32
	defer func() { th.p.abi = abi64 }()
	at := gp(&page[0])
	iov, msg, data := at, at+64, at+4096
	step := func(n uint32, want Errno) {
		t.Helper()
		putUint32(page, uint32(data))
		putUint32(page[4:], n-1)
		putUint32(page[8:], uint32(data))
		putUint32(page[12:], 1)
		m := page[64:]
		clear(m[:28])
		putUint32(m[8:], uint32(iov))
		putUint32(m[12:], 2)
		for how, send := range map[string]func() (uint64, Errno){
			"writev":  func() (uint64, Errno) { return sysWritev(th, &args{a, iov, 2}) },
			"sendmsg": func() (uint64, Errno) { return sysSendmsg(th, &args{a, msg}) },
			"write":   func() (uint64, Errno) { return sysWrite(th, &args{a, data, uint64(n)}) },
		} {
			v, e := send()
			if e != want || e == 0 && v != uint64(n) {
				t.Errorf("%s of %d: %d, %v; want %v", how, n, v, e, want)
			}
			if e == 0 {
				if v := call(t, th, sysRecvfrom, 0, b, data, 5000); v != uint64(n) {
					t.Errorf("%s of %d: %d bytes arrive", how, n, v)
				}
			}
		}
	}
	step(2048, 0)
	step(2049, EMSGSIZE)
	step(1, 0)
}
