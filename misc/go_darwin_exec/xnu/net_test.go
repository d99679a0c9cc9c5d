// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"math/rand"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
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
	if err := vcpu.SelfTest(); err != nil {
		t.Skipf("this host cannot run guests: %v", err)
	}
	if err := cpu.Bind(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cpu.Unbind()
		cpu.Free()
		runtime.UnlockOSThread()
	})
	p := &Proc{Release: r, sig: xsig.NewProc(int(r), xsig.State{}, func() uint64 { return 1 })}
	th := &Thread{p: p, cpu: cpu, sig: p.sig.NewThread(nil), buffers: new(buffers)}
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
		{"tos", false, cmsg(true, 0, 3, fd...), cmsg(false, 0, 1, fd...), 0},
		{"length below the header's", false, []byte{11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, nil, EINVAL},
		{"length beyond the end", false, []byte{200, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, nil, EINVAL},
	} {
		h := make([]byte, 512)
		n, e := hostControl(h, tt.guest, tt.unix, XNU6153)
		if e != tt.err || e == 0 && !bytes.Equal(h[:n], tt.host) {
			t.Errorf("%s: %v, %v; want %v, %v", tt.name, h[:n], e, tt.host, tt.err)
		}
	}
	if n, e := hostControl(make([]byte, 512), cmsg(true, 0, 3, fd...), false, XNU6153-1); n != 0 || e != 0 {
		t.Errorf("tos on an old release: %d, %v", n, e)
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
		n, cut := guestControl(g, tt.host, tt.bits, abi64)
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
		{"TCP_NODELAY", tcp, 6, 1, 1, 4, 0, 0, 6, 1, 1},
		{"TCP_KEEPALIVE", tcp, 6, 0x10, 77, 77, 0, 0, 6, 4, 77},
		{"TCP_KEEPINTVL", tcp, 6, 0x101, 5, 5, 0, 0, 6, 5, 5},
		{"TCP_KEEPCNT", tcp, 6, 0x102, 3, 3, 0, 0, 6, 6, 3},
		{"TCP_NODELAY of UDP", udp, 6, 1, 1, 0, EINVAL, EINVAL, 0, 0, 0},
		{"IP_TTL of an IPv6 socket", tcp6, 0, 4, 1, 0, EINVAL, EINVAL, 0, 0, 0},
		{"IPV6_UNICAST_HOPS of an IPv4 socket", tcp, 41, 4, 1, 0, EINVAL, EINVAL, 0, 0, 0},
		{"IP_TTL", udp, 0, 4, 33, 33, 0, 0, 0, 2, 33},
		{"IP_MULTICAST_TTL", udp, 0, 10, 9, 9, 0, 0, 0, 33, 9},
		{"IP_RECVDSTADDR", udp, 0, 7, 1, 1, 0, 0, 0, 20, 1},
		{"IP_RECVIF", udp, 0, 20, 1, 1, 0, 0, 0, 8, 1},
		{"IP_PKTINFO off, IP_RECVIF on", udp, 0, 26, 0, 0, 0, 0, 0, 8, 1},
		{"IPV6_V6ONLY", tcp6, 41, 27, 1, 1, 0, 0, 41, 26, 1},
		{"IPV6_UNICAST_HOPS", tcp6, 41, 4, 12, 12, 0, 0, 41, 16, 12},
		{"unknown level", tcp, 4711, 1, 1, 0, EINVAL, EINVAL, 0, 0, 0},
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
	if l != [2]int32{1, 3} {
		t.Errorf("SO_LINGER of 250 is %v in seconds, want {1 3}", l)
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
	on := int32(1)
	call(t, th, sysSetsockopt, 0, uint64(pair[0]), 0xffff, 0x1022, gp(&on), 4)
	closeFD(t, th, uint64(pair[1]))
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
	g.encode(raw[:], abi64)
	var g2 termios
	g2.decode(raw[:], abi64)
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
		events, revents pollBits
	}
	fds := []pollfd{{int32(null), pollIn, 9}, {-1, pollIn, 9}, {int32(p[0]), pollIn, 9}, {int32(p[1]), pollOut, 9}, {4000, pollIn, 9}}
	if n := call(t, th, sysPoll, 0, gp(&fds[0]), uint64(len(fds)), minus1()); n != 3 {
		t.Errorf("%d ready, want 3", n)
	}
	want := []pollBits{pollNval, 0, 0, pollOut, pollNval}
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
	if g := guestIfFlags(0x49); g != 0x8049 { // a loopback interface of XNU's has MULTICAST
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

// TestSendfile: the bytes sent are counted also when the call fails with
// EAGAIN (xnu-11417 bsd/kern/uipc_syscalls.c:sendfile).
func TestSendfile(t *testing.T) {
	th := guestThread(t, XNU11215)
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	const size = 4 << 20
	f.Truncate(size)
	fd := uint64(f.Fd())
	defer f.Close()
	var pair [2]int32
	call(t, th, sysSocketpair, 0, guestAfUnix, guestSockStream, 0, gp(&pair))
	s, r := uint64(pair[0]), uint64(pair[1])
	defer closeFD(t, th, s)
	defer closeFD(t, th, r)

	n := int64(100)
	call(t, th, sysSendfile, 0, fd, s, 0, gp(&n), 0, 0)
	if n != 100 {
		t.Errorf("sent %d of 100", n)
	}
	n = 0 // to the end of the file
	call(t, th, sysSendfile, 0, fd, s, size-10, gp(&n), 0, 0)
	if n != 10 {
		t.Errorf("sent %d, want the last 10", n)
	}
	head := []byte("head")
	iov := [2]uint64{gp(&head[0]), 4}
	hd := [4]uint64{gp(&iov), 1, gp(&iov), 1}
	n = 6
	call(t, th, sysSendfile, 0, fd, s, 0, gp(&n), gp(&hd), 0)
	if n != 14 {
		t.Errorf("sent %d with header and trailer, want 14", n)
	}
	host(syscall.SYS_FCNTL, uintptr(s), syscall.F_SETFL, syscall.O_NONBLOCK, 0, 0, 0)
	n = size
	call(t, th, sysSendfile, EAGAIN, fd, s, 0, gp(&n), 0, 0)
	if n <= 0 || n >= size {
		t.Errorf("EAGAIN after %d bytes", n)
	}

	call(t, th, sysSendfile, EINVAL, fd, s, 0, 0, 0, 0)
	call(t, th, sysSendfile, EINVAL, fd, s, minus1(), gp(&n), 0, 0)
	call(t, th, sysSendfile, EINVAL, fd, s, 0, gp(&n), 0, 1)
	call(t, th, sysSendfile, ENOTSOCK, fd, fd, 0, gp(&n), 0, 0)
	call(t, th, sysSendfile, ENOTSUP, s, s, 0, gp(&n), 0, 0)
	tcp := call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
	call(t, th, sysSendfile, ENOTCONN, fd, tcp, 0, gp(&n), 0, 0)
	closeFD(t, th, tcp)
	udp := call(t, th, sysSocket, 0, guestAfInet, guestSockDgram, 0)
	call(t, th, sysSendfile, EINVAL, fd, udp, 0, gp(&n), 0, 0)
	closeFD(t, th, udp)
}

func TestSelect(t *testing.T) {
	th := guestThread(t, XNU11215)
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(p[0])
	defer syscall.Close(p[1])
	type set [32]uint32
	rd, wr := new(set), new(set)
	bit := func(s *set, fd int) bool { return s[fd/32]>>(fd%32)&1 != 0 }
	fill := func() {
		*rd, *wr = set{}, set{}
		rd[p[0]/32] |= 1 << (p[0] % 32)
		wr[p[1]/32] |= 1 << (p[1] % 32)
	}
	nd := uint64(max(p[0], p[1]) + 1)
	fill()
	if n := call(t, th, sysSelect, 0, nd, gp(rd), gp(wr), 0, 0); n != 1 || bit(rd, p[0]) || !bit(wr, p[1]) {
		t.Errorf("empty pipe: %d, %v, %v", n, bit(rd, p[0]), bit(wr, p[1]))
	}
	syscall.Write(p[1], []byte("x"))
	fill()
	if n := call(t, th, sysSelect, 0, nd, gp(rd), gp(wr), 0, 0); n != 2 || !bit(rd, p[0]) {
		t.Errorf("pipe with a byte: %d", n)
	}
	tv := [2]int64{0, 2000}
	fill()
	if n := call(t, th, sysSelect, 0, 0, gp(rd), 0, 0, gp(&tv)); n != 0 || tv != [2]int64{0, 2000} {
		t.Errorf("timeout: %d, timeval %v", n, tv)
	}
	tv = [2]int64{0, 1e6}
	call(t, th, sysSelect, EINVAL, 0, 0, 0, 0, gp(&tv))
	tv = [2]int64{-1, 0}
	call(t, th, sysSelect, EINVAL, 0, 0, 0, 0, gp(&tv))
	call(t, th, sysSelect, EINVAL, minus1(), 0, 0, 0, 0)
	*rd = set{}
	rd[500/32] |= 1 << (500 % 32)
	tv = [2]int64{0, 0}
	call(t, th, sysSelect, EBADF, 501, gp(rd), 0, 0, gp(&tv))
	mask := uint32(1 << (SIGUSR1 - 1))
	call(t, th, sysPselect, 0, 0, 0, 0, 0, gp(&tv), gp(&mask))
	if th.sig.Mask != 0 {
		t.Errorf("pselect left the mask %#x", th.sig.Mask)
	}
}

func TestConnectx(t *testing.T) {
	th := guestThread(t, XNU11215)
	l := call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
	defer closeFD(t, th, l)
	sa := [16]byte{0, guestAfInet, 0, 0, 127, 0, 0, 1}
	call(t, th, sysBind, 0, l, gp(&sa), 16)
	call(t, th, sysListen, 0, l, 5)
	n := uint32(16)
	call(t, th, sysGetsockname, 0, l, gp(&sa), gp(&n))
	c := call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
	defer closeFD(t, th, c)
	ep := [5]uint64{0, 0, 0, gp(&sa), 16}
	data := []byte("data")
	iov := [2]uint64{gp(&data[0]), 4}
	var sent uint64
	call(t, th, sysConnectx, 0, c, gp(&ep), 0, 0, gp(&iov), 1, gp(&sent), 0)
	if sent != 4 {
		t.Errorf("sent %d", sent)
	}
	s := call(t, th, sysAccept, 0, l, 0, 0)
	defer closeFD(t, th, s)
	var m [2 * guestMsghdrXSize]byte // recvmsg_x of two: one is there
	buf := make([]byte, 8)
	riov := [2]uint64{gp(&buf[0]), 8}
	for i := range 2 {
		putUint64(m[i*guestMsghdrXSize+16:], gp(&riov))
		putUint32(m[i*guestMsghdrXSize+24:], 1)
	}
	if k := call(t, th, sysRecvmsgX, 0, s, gp(&m), 2, 0); k != 1 || getUint64(m[48:]) != 4 || string(buf[:4]) != "data" {
		t.Errorf("recvmsg_x: %d messages, %d bytes %q", k, getUint64(m[48:]), buf)
	}
	call(t, th, sysDisconnectx, 0, c, 0, 0)
	if k := call(t, th, sysRecvfrom, 0, s, gp(&buf[0]), 8, 0, 0, 0); k != 0 {
		t.Errorf("%d bytes after disconnectx", k)
	}
}

// TestUnixErrors: xnu-11417 bsd/kern/uipc_usrreq.c:unp_connect.
func TestUnixErrors(t *testing.T) {
	th := guestThread(t, XNU11215)
	dir := t.TempDir()
	un := func(name string) (p uint64, n uint64) {
		b := append([]byte{0, guestAfUnix}, name...)
		b = append(b, 0)
		return gp(&b[0]), uint64(len(b))
	}
	c := call(t, th, sysSocket, 0, guestAfUnix, guestSockStream, 0)
	defer closeFD(t, th, c)
	os.WriteFile(dir+"/file", nil, 0600)
	p, n := un(dir + "/file")
	call(t, th, sysConnect, ENOTSOCK, c, p, n)
	p, n = un(dir + "/none")
	call(t, th, sysConnect, ENOENT, c, p, n)
	l := call(t, th, sysSocket, 0, guestAfUnix, guestSockStream, 0)
	p, n = un(dir + "/s")
	call(t, th, sysBind, 0, l, p, n)
	call(t, th, sysConnect, ECONNREFUSED, c, p, n)
	call(t, th, sysBind, EADDRINUSE, c, p, n)
	var sa [106]byte
	sn := uint32(len(sa))
	call(t, th, sysGetsockname, 0, l, gp(&sa), gp(&sn))
	if want := len(dir) + 2 + 3; int(sn) != want || int(sa[0]) != want || string(sa[2:sn-1]) != dir+"/s" {
		t.Errorf("getsockname: %d %q", sn, sa[:sn])
	}
	closeFD(t, th, l)

	var pair [2]int32
	call(t, th, sysSocketpair, 0, guestAfUnix, guestSockStream, 0, gp(&pair))
	var cred [76]byte
	cn := uint32(len(cred))
	call(t, th, sysGetsockopt, 0, uint64(pair[0]), 0, 1, gp(&cred), gp(&cn)) // LOCAL_PEERCRED
	if cn != 76 || getUint32(cred[4:]) != uint32(os.Geteuid()) || getUint16(cred[8:]) == 0 {
		t.Errorf("LOCAL_PEERCRED: %d %v", cn, cred)
	}
	pid := uint32(0)
	cn = 4
	call(t, th, sysGetsockopt, 0, uint64(pair[0]), 0, 2, gp(&pid), gp(&cn)) // LOCAL_PEERPID
	if int(pid) != os.Getpid() {
		t.Errorf("LOCAL_PEERPID: %d", pid)
	}
	closeFD(t, th, uint64(pair[0]))
	closeFD(t, th, uint64(pair[1]))
}

func TestHiddenDescriptors(t *testing.T) {
	th := guestThread(t, XNU11215)
	kq := call(t, th, sysKqueue, 0)
	q := kqueueOf(int32(kq))
	for _, fd := range []int32{q.efd, hiddenFDBase} {
		if !fdHidden(fd) {
			t.Errorf("descriptor %d is in the guest's sight", fd)
		}
		call(t, th, sysClose, EBADF, uint64(fd))
		call(t, th, sysIoctl, EBADF, uint64(fd), 0x20006601, 0)
		ev := gkev{id: uint64(fd), filter: evfiltRead, flags: evAdd}
		call(t, th, sysKevent, EBADF, kq, gp(&ev), 1, 0, 0, 0)
	}
	closeFD(t, th, kq)
}

// TestGarbage calls the handlers with all sorts of wrong arguments. What they
// answer does not matter; they must neither panic nor touch what they should not.
func TestGarbage(t *testing.T) {
	th := guestThread(t, XNU11215)
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewSource(seed))
	var pair [2]int32
	call(t, th, sysSocketpair, 0, guestAfUnix, guestSockStream, 0, gp(&pair))
	udp := call(t, th, sysSocket, 0, guestAfInet, guestSockDgram, 0)
	kq := call(t, th, sysKqueue, 0)
	null, err := syscall.Open("/dev/null", syscall.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	fds := []uint64{uint64(pair[0]), uint64(pair[1]), udp, kq, uint64(null), minus1(), 1 << 40, uint64(hiddenFDBase)}
	buf := make([]byte, 4096)
	zero := new([16]byte)
	other := []uint64{0, 1, 2, 3, 16, 28, 48, 255, 256, 1024, 65535, 1 << 31, 1<<31 - 1, 1<<32 - 1, 1 << 63, minus1(), 0xffff, 41, 0x8000000000000000}
	ptr := func() uint64 {
		switch r.Intn(8) {
		case 0:
			return 0
		case 1:
			return 8
		case 2:
			return minus1() - 7
		case 3:
			return 0x800000000000
		}
		r.Read(buf[:64])
		if r.Intn(2) == 0 {
			clear(buf[8:64])
		}
		return gp(&buf[r.Intn(64)])
	}
	any := func() uint64 {
		if r.Intn(2) == 0 {
			return ptr()
		}
		return other[r.Intn(len(other))]
	}
	handlers := []struct {
		h     handler
		fixed map[int]uint64 // arguments that keep it from waiting
	}{
		{sysBind, nil}, {sysConnect, nil}, {sysGetpeername, nil}, {sysGetsockname, nil}, {sysListen, nil},
		{sysSetsockopt, nil}, {sysGetsockopt, nil}, {sysSendto, nil}, {sysRecvfrom, nil}, {sysSendmsg, nil}, {sysRecvmsg, nil},
		{sysSendmsgX, nil}, {sysRecvmsgX, nil}, {sysSendfile, nil}, {sysIoctl, nil}, {sysConnectx, nil}, {sysDisconnectx, nil},
		{sysKevent, map[int]uint64{2: 3, 5: gp(zero)}}, {sysKevent64, map[int]uint64{2: 3, 6: gp(zero)}}, {sysKeventQos, map[int]uint64{2: 3, 7: 1}},
		{sysKevent, map[int]uint64{5: gp(zero)}},
		{sysSelect, map[int]uint64{4: gp(zero)}}, {sysPselect, map[int]uint64{4: gp(zero), 5: 0}}, {sysPoll, map[int]uint64{2: 0}},
		{sysSocketpair, map[int]uint64{0: 99}}, {sysSocket, map[int]uint64{0: 99}},
	}
	for range 20000 {
		h := handlers[r.Intn(len(handlers))]
		a := args{fds[r.Intn(len(fds))]}
		for i := 1; i < len(a); i++ {
			a[i] = any()
		}
		if n := r.Intn(2 * len(ioctls)); n < len(ioctls) {
			a[1] = uint64(ioctls[n].req)
		} else if n -= len(ioctls); n < len(sockopts) {
			a[1], a[2] = uint64(sockopts[n].level), uint64(sockopts[n].name)
		}
		for i, v := range h.fixed {
			a[i] = v
		}
		*zero = [16]byte{}
		for _, fd := range fds[:3] {
			// Again and again: FIONBIO may have cleared it.
			host(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFL, syscall.O_NONBLOCK, 0, 0, 0)
		}
		h.h(th, &a)
		th.deadline = 0
	}
	for _, fd := range fds[:5] {
		closeFD(t, th, fd)
	}
}

// TestConnectKicked: a thread that is kicked on its way into connect has begun
// the connection all the same. If it had not, a Go program that got EINTR would
// wait indefinitely.
func TestConnectKicked(t *testing.T) {
	th := guestThread(t, XNU11215)
	l := call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
	defer closeFD(t, th, l)
	sa := [16]byte{0, guestAfInet, 0, 0, 127, 0, 0, 1}
	call(t, th, sysBind, 0, l, gp(&sa), 16)
	call(t, th, sysListen, 0, l, 5)
	n := uint32(16)
	call(t, th, sysGetsockname, 0, l, gp(&sa), gp(&n))
	for _, nonblock := range []uintptr{0, syscall.O_NONBLOCK} {
		c := call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
		host(syscall.SYS_FCNTL, uintptr(c), syscall.F_SETFL, nonblock, 0, 0, 0)
		th.cpu.Kick()
		sysConnect(th, &args{c, gp(&sa), 16})
		th.cpu.TakeKick()
		ready := struct {
			fd              int32
			events, revents pollBits
		}{fd: int32(l), events: pollIn}
		if k := call(t, th, sysPoll, 0, gp(&ready), 1, 5000); k != 1 {
			t.Errorf("flags %#x: nobody has come to the listener", nonblock)
		} else {
			closeFD(t, th, call(t, th, sysAccept, 0, l, 0, 0))
		}
		if fl, _ := host(syscall.SYS_FCNTL, uintptr(c), syscall.F_GETFL, 0, 0, 0, 0); uintptr(fl)&syscall.O_NONBLOCK != nonblock {
			t.Errorf("flags %#x became %#x", nonblock, fl)
		}
		closeFD(t, th, c)
	}
}
