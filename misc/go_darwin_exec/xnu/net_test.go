// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// guestThread makes the test's goroutine a guest thread of release r, as far
// as the handlers need one: it makes calls but runs no guest code.
func guestThread(t *testing.T, r Release) *Thread {
	t.Helper()
	runtime.LockOSThread()
	cpu, err := vcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := cpu.Bind(); err != nil {
		t.Skipf("this host cannot run guests: %v", err)
	}
	t.Cleanup(func() {
		cpu.Unbind()
		cpu.Free()
		runtime.UnlockOSThread()
	})
	p := &Proc{Release: r, sig: xsig.NewProc(int(r), xsig.State{}, func() uint64 { return 1 })}
	th := &Thread{p: p, cpu: cpu, sig: p.sig.NewThread(nil)}
	p.threads = []*Thread{th}
	return th
}

// gp is the guest address of a test's variable, which it makes escape: a
// guest's memory does not move.
func gp[T any](p *T) uint64 {
	gpSink = p
	return uint64(uintptr(unsafe.Pointer(p)))
}

var gpSink any

// call runs a handler and checks its error.
func call(t *testing.T, th *Thread, h handler, want Errno, a ...uint64) uint64 {
	t.Helper()
	var ar args
	copy(ar[:], a)
	v, e := h(th, &ar)
	th.deadline = 0
	if e != want {
		t.Fatalf("error %v, want %v", e, want)
	}
	return v
}

func minus1() uint64 { return ^uint64(0) }

func closeFD(t *testing.T, th *Thread, fd uint64) {
	t.Helper()
	call(t, th, sysClose, 0, fd)
}

func TestHostSockaddr(t *testing.T) {
	for _, tt := range []struct {
		name  string
		guest []byte
		host  []byte
		err   Errno
	}{
		{"inet", []byte{16, 2, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, []byte{2, 0, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, 0},
		{"inet, length byte ignored", append([]byte{0, 2}, make([]byte, 14)...), append([]byte{2, 0}, make([]byte, 14)...), 0},
		{"inet, short", make2(2, 15), nil, EINVAL},
		{"inet, long", make2(2, 17), nil, EINVAL},
		{"inet6", make2(30, 28), append([]byte{10, 0}, make([]byte, 26)...), 0},
		{"inet6, short", make2(30, 24), nil, EINVAL},
		{"unix", append([]byte{9, 1}, "/tmp/x\x00"...), append([]byte{1, 0}, "/tmp/x\x00"...), 0},
		{"unix without NUL", append([]byte{8, 1}, "/tmp/x"...), append([]byte{1, 0}, "/tmp/x\x00"...), 0},
		{"unix, no path", []byte{2, 1}, nil, EINVAL},
		{"unix, abstract", append([]byte{8, 1, 0}, "name"...), nil, ENOENT},
		{"unspec", make2(0, 16), make([]byte, 16), 0},
		{"Linux's AF_INET6", make2(10, 28), nil, EAFNOSUPPORT},
		{"one byte", []byte{1}, nil, EINVAL},
		{"too long", make2(1, 256), nil, ENAMETOOLONG},
	} {
		h := make([]byte, hostSockaddrMax)
		n, e := hostSockaddr(h, tt.guest)
		if e != tt.err || e == 0 && !bytes.Equal(h[:n], tt.host) {
			t.Errorf("%s: %v, %v; want %v, %v", tt.name, h[:n], e, tt.host, tt.err)
		}
	}
}

func make2(family byte, n int) []byte {
	b := make([]byte, n)
	b[1] = family
	return b
}

func TestGuestSockaddr(t *testing.T) {
	for _, tt := range []struct {
		name        string
		host, guest []byte
	}{
		{"inet", []byte{2, 0, 0, 80, 1, 2, 3, 4, 9, 9, 9, 9, 9, 9, 9, 9}, []byte{16, 2, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0}},
		{"inet6", append([]byte{10, 0}, make([]byte, 26)...), append([]byte{28, 30}, make([]byte, 26)...)},
		{"unix", append([]byte{1, 0}, "/a\x00"...), append([]byte{5, 1}, "/a\x00"...)},
		{"unix, nameless", []byte{1, 0}, append([]byte{16, 1}, make([]byte, 14)...)},
		{"unix, abstract", []byte{1, 0, 0, 'x'}, append([]byte{16, 1}, make([]byte, 14)...)},
		{"none", nil, nil},
	} {
		g := make([]byte, 256)
		n := guestSockaddr(g, tt.host)
		if !bytes.Equal(g[:n], tt.guest) {
			t.Errorf("%s: %v, want %v", tt.name, g[:n], tt.guest)
		}
	}
}

// cmsg makes a control message with a header of hdr bytes.
func cmsg(guest bool, level, typ int, data ...byte) []byte {
	hdr, align := hostCmsghdrSize, 8
	if guest {
		hdr, align = guestCmsghdrSize, 4
	}
	b := make([]byte, hdr)
	if guest {
		putUint32(b, uint32(hdr+len(data)))
	} else {
		putUint64(b, uint64(hdr+len(data)))
	}
	putUint32(b[hdr-8:], uint32(level))
	putUint32(b[hdr-4:], uint32(typ))
	b = append(b, data...)
	for len(b)%align != 0 {
		b = append(b, 0)
	}
	return b
}

func TestHostControl(t *testing.T) {
	fd := []byte{1, 0, 0, 0}
	two := append(cmsg(true, 0xffff, 1, fd...), cmsg(true, 0xffff, 1, fd...)...)
	pkt := make([]byte, 12)
	pkt6 := make([]byte, 20)
	for _, tt := range []struct {
		name  string
		unix  bool
		guest []byte
		host  []byte
		err   Errno
	}{
		{"rights", true, cmsg(true, 0xffff, 1, fd...), cmsg(false, 1, 1, fd...), 0},
		{"rights, two messages", true, two, nil, EINVAL},
		{"rights, odd length", true, cmsg(true, 0xffff, 1, 1, 0, 0), nil, EINVAL},
		{"Linux's SOL_SOCKET", true, cmsg(true, 1, 1, fd...), nil, EINVAL},
		{"pktinfo", false, cmsg(true, 0, 26, pkt...), cmsg(false, 0, 8, pkt...), 0},
		{"pktinfo6", false, cmsg(true, 41, 46, pkt6...), cmsg(false, 41, 50, pkt6...), 0},
		{"pktinfo6 of RFC 2292", false, cmsg(true, 41, 19, pkt6...), cmsg(false, 41, 50, pkt6...), 0},
		{"hoplimit and tclass", false,
			append(cmsg(true, 41, 47, fd...), cmsg(true, 41, 36, fd...)...),
			append(cmsg(false, 41, 52, fd...), cmsg(false, 41, 67, fd...)...), 0},
		{"length below the header's", false, []byte{11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, nil, EINVAL},
		{"length beyond the end", false, []byte{200, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, nil, EINVAL},
	} {
		h := make([]byte, 512)
		n, e := hostControl(h, tt.guest, tt.unix)
		if e != tt.err || e == 0 && !bytes.Equal(h[:n], tt.host) {
			t.Errorf("%s: %v, %v; want %v, %v", tt.name, h[:n], e, tt.host, tt.err)
		}
	}
}

func TestGuestControl(t *testing.T) {
	orig := []byte{2, 0, 0, 0, 10, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0}
	pkt := []byte{3, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2}
	dl := []byte{20, 18, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	for _, tt := range []struct {
		name  string
		bits  fdBits
		room  int
		host  []byte
		guest []byte
		cut   bool
	}{
		{"destination", 0, 64, cmsg(false, 0, 20, orig...), cmsg(true, 0, 7, 10, 1, 2, 3), false},
		{"ttl", 0, 64, cmsg(false, 0, 2, 64, 0, 0, 0), cmsg(true, 0, 24, 64), false},
		{"pktinfo", fdPktinfo, 64, cmsg(false, 0, 8, pkt...), cmsg(true, 0, 26, pkt...), false},
		{"interface", fdRecvIf, 64, cmsg(false, 0, 8, pkt...), cmsg(true, 0, 20, dl...), false},
		{"hoplimit", 0, 64, cmsg(false, 41, 52, 9, 0, 0, 0), cmsg(true, 41, 47, 9, 0, 0, 0), false},
		{"no room", 0, 8, cmsg(false, 41, 52, 9, 0, 0, 0), nil, true},
		{"little room", 0, 14, cmsg(false, 41, 52, 9, 0, 0, 0), append([]byte{14, 0, 0, 0, 41, 0, 0, 0, 47, 0, 0, 0}, 9, 0), true},
	} {
		g := make([]byte, tt.room)
		n, cut := guestControl(g, tt.host, tt.bits)
		if cut != tt.cut || !bytes.Equal(g[:n], tt.guest) {
			t.Errorf("%s: %v, %v; want %v, %v", tt.name, g[:n], cut, tt.guest, tt.cut)
		}
	}
}

func TestMsgFlags(t *testing.T) {
	for _, tt := range []struct {
		guest msgFlags
		host  uintptr
	}{
		{0, 0x4000},
		{msgOob | msgDontroute, 0x4000 | 1 | 4},
		{msgEor, 0x4000 | 0x80},
		{msgDontwait, 0x4000 | 0x40},
		{msgPeek | msgTrunc | msgWaitall, 0x4000},
	} {
		if h := hostSendFlags(tt.guest); h != tt.host {
			t.Errorf("hostSendFlags(%#x) = %#x, want %#x", tt.guest, h, tt.host)
		}
	}
	if h := hostRecvFlags(msgPeek | msgWaitall | msgDontwait | msgTrunc); h != 2|0x100|0x40 {
		t.Errorf("hostRecvFlags: %#x", h)
	}
	if g := guestMsgFlags(0x20 | 0x8 | 0x80 | 0x40000000); g != 0x10|0x20|0x8 {
		t.Errorf("guestMsgFlags: %#x", g)
	}
}

// TestSocketOptions sets options with XNU's numbers and reads them back.
func TestSocketOptions(t *testing.T) {
	th := guestThread(t, XNU11215)
	tcp := call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
	defer closeFD(t, th, tcp)
	tcp6 := call(t, th, sysSocket, 0, guestAfInet6, guestSockStream, 0)
	defer closeFD(t, th, tcp6)
	udp := call(t, th, sysSocket, 0, guestAfInet, guestSockDgram, 0)
	defer closeFD(t, th, udp)

	for _, tt := range []struct {
		name        string
		fd          uint64
		level, opt  uint64
		set, get    int32
		serr, gerr  Errno
		linuxL, lin int // Linux's option and what it must have become; 0: not checked
		lv          int
	}{
		{"SO_REUSEADDR", tcp, 0xffff, 0x4, 1, 0x4, 0, 0, 1, 2, 1},
		{"SO_REUSEPORT", tcp, 0xffff, 0x200, 7, 0x200, 0, 0, 1, 15, 1},
		{"SO_KEEPALIVE", tcp, 0xffff, 0x8, 1, 0x8, 0, 0, 1, 9, 1},
		{"SO_BROADCAST off", udp, 0xffff, 0x20, 0, 0, 0, 0, 1, 6, 0},
		{"SO_RCVBUF", tcp, 0xffff, 0x1002, 8192, 8192, 0, 0, 1, 8, 16384},
		{"SO_RCVBUF 0", tcp, 0xffff, 0x1002, 0, 8192, EINVAL, 0, 0, 0, 0},
		{"SO_ERROR", tcp, 0xffff, 0x1007, 1, 0, ENOPROTOOPT, 0, 0, 0, 0},
		{"SO_TYPE", udp, 0xffff, 0x1008, 1, 2, ENOPROTOOPT, 0, 0, 0, 0},
		{"SO_NOSIGPIPE", tcp, 0xffff, 0x1022, 1, 1, 0, 0, 0, 0, 0},
		{"TCP_NODELAY", tcp, 6, 1, 1, 1, 0, 0, 6, 1, 1},
		{"TCP_KEEPALIVE", tcp, 6, 0x10, 77, 77, 0, 0, 6, 4, 77},
		{"TCP_KEEPINTVL", tcp, 6, 0x101, 5, 5, 0, 0, 6, 5, 5},
		{"TCP_KEEPCNT", tcp, 6, 0x102, 3, 3, 0, 0, 6, 6, 3},
		{"TCP_NODELAY of UDP", udp, 6, 1, 1, 0, ENOPROTOOPT, ENOPROTOOPT, 0, 0, 0},
		{"IP_TTL", udp, 0, 4, 33, 33, 0, 0, 0, 2, 33},
		{"IP_MULTICAST_TTL", udp, 0, 10, 9, 9, 0, 0, 0, 33, 9},
		{"IP_RECVDSTADDR", udp, 0, 7, 1, 1, 0, 0, 0, 20, 1},
		{"IP_RECVIF", udp, 0, 20, 1, 1, 0, 0, 0, 8, 1},
		{"IP_PKTINFO off, IP_RECVIF on", udp, 0, 26, 0, 0, 0, 0, 0, 8, 1},
		{"IPV6_V6ONLY", tcp6, 41, 27, 1, 1, 0, 0, 41, 26, 1},
		{"IPV6_UNICAST_HOPS", tcp6, 41, 4, 12, 12, 0, 0, 41, 16, 12},
		{"unknown level", tcp, 4711, 1, 1, 0, ENOPROTOOPT, ENOPROTOOPT, 0, 0, 0},
		{"no socket", 0xfff, 0xffff, 4, 1, 0, EBADF, EBADF, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, n := tt.set, int32(4)
			call(t, th, sysSetsockopt, tt.serr, tt.fd, tt.level, tt.opt, gp(&v), 4)
			v = -1
			call(t, th, sysGetsockopt, tt.gerr, tt.fd, tt.level, tt.opt, gp(&v), gp(&n))
			if tt.gerr == 0 && (v != tt.get || n != 4) {
				t.Errorf("reads as %d (%d bytes), want %d", v, n, tt.get)
			}
			if tt.lin != 0 {
				if h, e := sockoptInt(int32(tt.fd), tt.linuxL, tt.lin); e != 0 || h != tt.lv {
					t.Errorf("the host has %d (%v), want %d", h, e, tt.lv)
				}
			}
		})
	}

	// SO_LINGER counts 1/100 s, SO_LINGER_SEC seconds.
	l := [2]int32{1, 250}
	call(t, th, sysSetsockopt, 0, tcp, 0xffff, 0x80, gp(&l), 8)
	n := int32(8)
	call(t, th, sysGetsockopt, 0, tcp, 0xffff, 0x1080, gp(&l), gp(&n))
	if l != [2]int32{0x80, 3} {
		t.Errorf("SO_LINGER of 250 is %v in seconds, want {128 3}", l)
	}
	// A short value is refused, a long one taken.
	v := [2]int32{1, 1}
	call(t, th, sysSetsockopt, EINVAL, tcp, 0xffff, 0x4, gp(&v), 3)
	call(t, th, sysSetsockopt, 0, tcp, 0xffff, 0x4, gp(&v), 8)
	call(t, th, sysSetsockopt, EFAULT, tcp, 0xffff, 0x4, 0, 4)

	th.p.Release = XNU1504
	v[0] = 1
	call(t, th, sysSetsockopt, ENOPROTOOPT, tcp, 6, 0x101, gp(&v), 4) // since 2422
}

func TestSocketErrors(t *testing.T) {
	th := guestThread(t, XNU11215)
	call(t, th, sysSocket, EAFNOSUPPORT, 10, guestSockStream, 0) // Linux's AF_INET6
	call(t, th, sysSocket, EPROTONOSUPPORT, guestAfInet, guestSockStream|syscall.SOCK_CLOEXEC, 0)
	call(t, th, sysSocket, EPROTONOSUPPORT, guestAfUnix, 5, 0)
	var pair [2]int32
	call(t, th, sysSocketpair, EOPNOTSUPP, guestAfInet, guestSockStream, 0, gp(&pair))

	tcp := call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
	defer closeFD(t, th, tcp)
	b := []byte{1}
	call(t, th, sysSendto, ENOTCONN, tcp, gp(&b[0]), 1, 0, 0, 0)
	call(t, th, sysShutdown, ENOTCONN, tcp, 1)
	sa := [16]byte{16, guestAfInet, 0, 0, 127, 0, 0, 1}
	call(t, th, sysConnect, EADDRNOTAVAIL, tcp, gp(&sa), 16)

	udp := call(t, th, sysSocket, 0, guestAfInet, guestSockDgram, 0)
	defer closeFD(t, th, udp)
	call(t, th, sysSendto, EDESTADDRREQ, udp, gp(&b[0]), 1, 0, 0, 0)
	call(t, th, sysListen, EOPNOTSUPP, udp, 1)
	sa[3] = 9
	call(t, th, sysConnect, 0, udp, gp(&sa), 16)
	call(t, th, sysSendto, EISCONN, udp, gp(&b[0]), 1, 0, gp(&sa), 16)

	// EPIPE comes with SIGPIPE to the process unless SO_NOSIGPIPE is set.
	call(t, th, sysSocketpair, 0, guestAfUnix, guestSockStream, 0, gp(&pair))
	closeFD(t, th, uint64(pair[1]))
	on := int32(1)
	call(t, th, sysSetsockopt, 0, uint64(pair[0]), 0xffff, 0x1022, gp(&on), 4)
	call(t, th, sysSendto, EPIPE, uint64(pair[0]), gp(&b[0]), 1, 0, 0, 0)
	closeFD(t, th, uint64(pair[0]))
}

// TestAcceptInheritsNonblock: xnu-11417
// bsd/kern/uipc_syscalls.c:accept_nocancel.
func TestAcceptInheritsNonblock(t *testing.T) {
	th := guestThread(t, XNU11215)
	for _, nonblock := range []uintptr{0, syscall.O_NONBLOCK} {
		l := call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
		sa := [16]byte{0, guestAfInet, 0, 0, 127, 0, 0, 1}
		call(t, th, sysBind, 0, l, gp(&sa), 16)
		call(t, th, sysListen, 0, l, 5)
		n := uint32(16)
		call(t, th, sysGetsockname, 0, l, gp(&sa), gp(&n))
		if n != 16 || sa[0] != 16 || sa[1] != guestAfInet {
			t.Fatalf("getsockname: %v, length %d", sa, n)
		}
		host(syscall.SYS_FCNTL, uintptr(l), syscall.F_SETFL, nonblock, 0, 0, 0)
		c := call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
		call(t, th, sysConnect, 0, c, gp(&sa), 16)
		var peer [28]byte
		n = 4 // too small: cut, and the whole length returned
		s := call(t, th, sysAccept, 0, l, gp(&peer), gp(&n))
		if n != 16 || peer[1] != guestAfInet || peer[4] != 0 {
			t.Errorf("accept: address %v, length %d", peer, n)
		}
		fl, _ := host(syscall.SYS_FCNTL, uintptr(s), syscall.F_GETFL, 0, 0, 0, 0)
		if uintptr(fl)&syscall.O_NONBLOCK != nonblock {
			t.Errorf("listener %#x, accepted socket %#x", nonblock, fl&syscall.O_NONBLOCK)
		}
		for _, fd := range []uint64{l, c, s} {
			closeFD(t, th, fd)
		}
	}
}

// TestRightsThatDoNotFit are closed, and MSG_CTRUNC says so.
func TestRightsThatDoNotFit(t *testing.T) {
	th := guestThread(t, XNU11215)
	var pair [2]int32
	call(t, th, sysSocketpair, 0, guestAfUnix, guestSockStream, 0, gp(&pair))
	defer closeFD(t, th, uint64(pair[0]))
	defer closeFD(t, th, uint64(pair[1]))

	data := []byte{'x'}
	iov := [2]uint64{gp(&data[0]), 1}
	ctl := cmsg(true, 0xffff, 1, byte(pair[0]), 0, 0, 0, byte(pair[1]), 0, 0, 0)
	var m [48]byte
	putUint64(m[16:], gp(&iov))
	putUint32(m[24:], 1)
	putUint64(m[32:], gp(&ctl[0]))
	putUint32(m[40:], uint32(len(ctl)))
	call(t, th, sysSendmsg, 0, uint64(pair[0]), gp(&m), 0)

	before := openFDs(t)
	clear(ctl)
	putUint32(m[40:], 16) // room for one
	if n := call(t, th, sysRecvmsg, 0, uint64(pair[1]), gp(&m), 0); n != 1 {
		t.Fatalf("%d bytes", n)
	}
	if l, fl := getUint32(m[40:]), getUint32(m[44:]); l != 16 || fl != uint32(msgCtrunc) {
		t.Errorf("controllen %d, flags %#x; want 16, MSG_CTRUNC", l, fl)
	}
	got := getUint32(ctl[12:])
	if n := openFDs(t) - before; n != 1 {
		t.Errorf("%d descriptors received, want 1", n)
	}
	closeFD(t, th, uint64(got))
}

func TestTermios(t *testing.T) {
	var h, back [hostTermiosSize]byte
	putUint32(h[0:], 0x500)       // ICRNL IXON
	putUint32(h[4:], 0x5)         // OPOST ONLCR
	putUint32(h[8:], 0xbf|0x1000) // CS8 CREAD
	putUint32(h[12:], 0x8a3b)     // ISIG ICANON ECHO ECHOE ECHOK ECHOCTL ECHOKE IEXTEN
	copy(h[17:], []byte{3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0})
	putUint32(h[36:], 9600)
	putUint32(h[40:], 38400)
	var g termios
	g.fromHost(h[:])
	if g.iflag != 0x300 || g.oflag != 0x3 || g.cflag != 0xb00 || g.lflag != 0x1|0x2|0x4|0x8|0x40|0x80|0x100|0x400 {
		t.Errorf("flags %#x %#x %#x %#x", g.iflag, g.oflag, g.cflag, g.lflag)
	}
	want := [20]byte{4, 0xff, 0xff, 127, 23, 21, 18, 0xff, 3, 28, 26, 0xff, 17, 19, 22, 15, 1, 0, 0xff, 0xff}
	if g.cc != want {
		t.Errorf("cc %v, want %v", g.cc, want)
	}
	if g.ispeed != 9600 || g.ospeed != 38400 {
		t.Errorf("speeds %d %d", g.ispeed, g.ospeed)
	}
	// There and back through the guest's layout changes nothing.
	var raw [72]byte
	g.encode(raw[:])
	var g2 termios
	g2.decode(raw[:])
	if g2 != g {
		t.Errorf("decode(encode) = %+v, want %+v", g2, g)
	}
	g2.toHost(back[:])
	var g3 termios
	g3.fromHost(back[:])
	if g3 != g {
		t.Errorf("fromHost(toHost) = %+v, want %+v", g3, g)
	}
}

func TestPollEvents(t *testing.T) {
	if h := hostPollEvents(pollIn | pollOut | pollWrband | pollRdnorm); h != 0x1|0x4|0x200|0x40 {
		t.Errorf("hostPollEvents: %#x", h)
	}
	if g := guestPollEvents(pollHup | pollOut | pollIn); g != pollHup|pollIn {
		t.Errorf("guestPollEvents: %#x", g)
	}
}

func TestPollDevices(t *testing.T) {
	th := guestThread(t, XNU11215)
	null, err := syscall.Open("/dev/null", syscall.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(null)
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(p[0])
	defer syscall.Close(p[1])
	type pollfd struct {
		fd              int32
		events, revents uint16
	}
	fds := []pollfd{{int32(null), pollIn, 9}, {-1, pollIn, 9}, {int32(p[0]), pollIn, 9}, {int32(p[1]), pollOut, 9}, {4000, pollIn, 9}}
	if n := call(t, th, sysPoll, 0, gp(&fds[0]), uint64(len(fds)), minus1()); n != 3 {
		t.Errorf("%d ready, want 3", n)
	}
	want := []uint16{pollNval, 0, 0, pollOut, pollNval}
	for i, w := range want {
		if fds[i].revents != w {
			t.Errorf("fds[%d]: %#x, want %#x", i, fds[i].revents, w)
		}
	}
	if fds[0].fd != int32(null) {
		t.Error("poll changed a descriptor")
	}
	if n := call(t, th, sysPoll, 0, 0, 0, 1); n != 0 {
		t.Errorf("poll of nothing: %d", n)
	}
}

func TestIfFlags(t *testing.T) {
	if g := guestIfFlags(0x1043); g != 0x1|0x2|0x40|0x800|0x8000 {
		t.Errorf("eth: %#x", g)
	}
	if g := guestIfFlags(0x49); g != 0x49 {
		t.Errorf("lo: %#x", g)
	}
}

// TestNetRoute looks at the records of NET_RT_IFLIST: they fill the buffer,
// and the loopback interface and its address are there.
func TestNetRoute(t *testing.T) {
	for _, what := range []int32{netRtIflist, netRtIflist2} {
		b, e := netRoute(nil, []int32{0, 0, what, 0})
		if e != 0 {
			t.Fatal(e)
		}
		loop, addr := false, false
		for len(b) > 0 {
			n := int(getUint16(b))
			if n < 20 || n > len(b) || n%4 != 0 || b[2] != rtmVersion {
				t.Fatalf("bad record: %v", b[:min(len(b), 20)])
			}
			switch b[3] {
			case rtmIfinfo:
				loop = loop || string(b[112+8:112+11]) == "lo0" && getUint32(b[8:])&iffLoopback != 0
			case rtmIfinfo2:
				loop = loop || string(b[160+8:160+11]) == "lo0" && getUint32(b[8:])&iffLoopback != 0
			case rtmNewaddr:
				addr = addr || bytes.Contains(b[20:n], []byte{16, guestAfInet, 0, 0, 127, 0, 0, 1})
			}
			b = b[n:]
		}
		if !loop || !addr {
			t.Errorf("what %d: loopback %v, 127.0.0.1 %v", what, loop, addr)
		}
	}
	if _, e := netRoute(nil, []int32{0, 0, 99, 0}); e != EINVAL {
		t.Errorf("unknown request: %v", e)
	}
}
