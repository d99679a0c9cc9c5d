// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The table of what each socket call answers in each state of a socket. A
// row names protocols, a state that makeSocket makes, and the results of calls,
// each the name of a call, or several joined by commas, and an error, "ok" or, of a
// receive, "eof". "shut" is the three forms of shutdown, "send" all calls that
// send without an address, "recv" all that receive.
var socketStates = []struct {
	protos, state, results string
	cite                   string
}{
	{"tcp4 tcp6", "new",
		`bind ok, connect ok, connectx ok, listen ok, accept EINVAL, getpeername ENOTCONN, getsockname ok,
		setsockopt ok, getsockopt ok, nodelay ok, shut ENOTCONN, send ENOTCONN, sendto ENOTCONN, recv ENOTCONN,
		recvoob EINVAL, fionread ok, siocatmark ok, disconnectx ok`,
		"uipc_syscalls.c:accept_nocancel, getpeername; uipc_socket.c:soshutdown, sosendcheck, soreceive; tcp_usrreq.c:tcp_usr_rcvoob, tcp_usr_disconnectx"},
	{"tcp4 tcp6", "bound",
		`bind EINVAL, connect ok, connectx ok, listen ok, accept EINVAL, getpeername ENOTCONN, getsockname ok,
		setsockopt ok, getsockopt ok, nodelay ok, shut ENOTCONN, send ENOTCONN, sendto ENOTCONN, recv ENOTCONN,
		recvoob EINVAL, fionread ok, siocatmark ok, disconnectx ok`,
		"in_pcb.c:in_pcbbind"},
	{"tcp4 tcp6", "listening",
		`bind EINVAL, connect EOPNOTSUPP, connectx EOPNOTSUPP, listen ok, accept EWOULDBLOCK, getpeername ENOTCONN, getsockname ok,
		setsockopt ok, getsockopt ok, nodelay ok, shut ENOTCONN, send ENOTCONN, sendto ENOTCONN, recv ENOTCONN,
		recvoob EINVAL, fionread ok, siocatmark ok, disconnectx ok`,
		"uipc_socket.c:soconnectlock, soshutdown"},
	{"tcp4 tcp6", "connecting",
		`bind EINVAL, connect EALREADY, connectx EALREADY, listen EINVAL, accept EINVAL, getpeername ENOTCONN, getsockname ok,
		setsockopt ok, getsockopt ok, nodelay ok, shut ok, send ENOTCONN, sendto ENOTCONN, recv EWOULDBLOCK,
		recvoob EINVAL, fionread ok, siocatmark ok, disconnectx ok`,
		"uipc_syscalls.c:connectit; uipc_socket.c:solisten, sosendcheck; tcp_usrreq.c:tcp_usrclosed"},
	{"tcp4 tcp6", "connecting, blocking",
		`connect EISCONN, connectx EISCONN`,
		"uipc_syscalls.c:connectit; uipc_socket.c:soconnectlock"},
	{"tcp4 tcp6", "connected",
		`bind EINVAL, connect EISCONN, connectx EISCONN, listen EINVAL, accept EINVAL, getpeername ok, getsockname ok,
		setsockopt ok, getsockopt ok, nodelay ok, shut ok, send ok, sendto ok, recv EWOULDBLOCK,
		recvoob EINVAL, fionread ok, siocatmark ok, disconnectx ok`,
		"uipc_socket.c:soconnectlock, solisten"},
	{"tcp4 tcp6", "shut for reading",
		`bind EINVAL, connect EISCONN, connectx EISCONN, listen EINVAL, accept EINVAL, getpeername ok, getsockname ok,
		setsockopt ok, getsockopt ok, nodelay ok, shutrd ENOTCONN, shutwr ok, shutrdwr ENOTCONN, send ok, sendto ok, recv eof,
		recvoob EINVAL, fionread ok, siocatmark ok, disconnectx ok`,
		"uipc_socket.c:soshutdownlock_final, sorflush"},
	{"tcp4 tcp6 udp4 udp6 unix unixgram", "shut for reading with data unread",
		`recv eof, fionread ok`,
		"uipc_socket.c:sorflush"},
	{"tcp4 tcp6", "shut for writing",
		`bind EINVAL, connect EISCONN, connectx EISCONN, listen EINVAL, accept EINVAL, getpeername ok, getsockname ok,
		setsockopt ok, getsockopt ok, nodelay ok, shutrd ok, shutwr ENOTCONN, shutrdwr ENOTCONN, send EPIPE, sendto EPIPE, recv EWOULDBLOCK,
		recvoob EINVAL, fionread ok, siocatmark ok, disconnectx ok`,
		"uipc_socket.c:soshutdownlock_final, sosendcheck"},
	{"tcp4 tcp6", "shut both ways",
		`bind EINVAL, accept EINVAL, getpeername EINVAL, getsockname ok, setsockopt EINVAL, getsockopt ok, nodelay EINVAL,
		shut ENOTCONN, send EPIPE, sendto EPIPE, recv eof, fionread ok, siocatmark ok`,
		"uipc_socket.c:sosetoptlock; uipc_syscalls.c:getpeername"},
	{"tcp4 tcp6", "closed by the peer",
		`bind EINVAL, connect EISCONN, connectx EISCONN, listen EINVAL, accept EINVAL, getpeername ok, getsockname ok,
		setsockopt ok, getsockopt ok, nodelay ok, shutrd ENOTCONN, shutwr ok, shutrdwr ENOTCONN, send ok, sendto ok, recv eof,
		recvoob EINVAL, fionread ok, siocatmark ok, disconnectx ok`,
		"tcp_input.c:tcp_input (socantrcvmore); uipc_socket.c:soshutdownlock_final"},
	{"tcp4 tcp6", "closed by both",
		`bind EINVAL, accept EINVAL, getpeername EINVAL, getsockname ok, setsockopt EINVAL, getsockopt ok, nodelay EINVAL,
		shut ENOTCONN, send EPIPE, sendto EPIPE, recv eof, fionread ok, siocatmark ok`,
		"uipc_socket.c:sosetoptlock; uipc_syscalls.c:getpeername"},
	{"tcp4 tcp6", "reset",
		`bind EINVAL, connect ECONNRESET, connectx ECONNRESET, listen EINVAL, accept EINVAL, getpeername EINVAL, getsockname ok,
		setsockopt EINVAL, getsockopt ok, nodelay EINVAL, shut ENOTCONN, send EPIPE, sendto EPIPE, recv ECONNRESET,
		fionread ok, siocatmark ok, disconnectx EINVAL`,
		"tcp_subr.c:tcp_close; tcp_usrreq.c:COMMON_START, tcp_usr_connect; uipc_socket.c:sosendcheck, soreceive"},
	{"tcp4 tcp6", "closed by the peer, then reset",
		`getpeername EINVAL, setsockopt EINVAL, shut ENOTCONN, send EPIPE, sendto EPIPE, recv ECONNRESET`,
		"tcp_input.c:tcp_input (TCPS_CLOSE_WAIT)"},
	{"tcp4 tcp6", "refused",
		`bind EINVAL, connect EINVAL, connectx EINVAL, listen EINVAL, accept EINVAL, getpeername EINVAL, getsockname ok,
		setsockopt EINVAL, getsockopt ok, nodelay EINVAL, shut ENOTCONN, send EPIPE, sendto EPIPE, recv eof,
		fionread ok, siocatmark ok, disconnectx EINVAL`,
		"tcp_subr.c:tcp_drop, tcp_close; tcp_usrreq.c:COMMON_START, tcp_usr_connect"},

	{"udp4 udp6", "new",
		`bind ok, connect ok, connectx ok, listen EOPNOTSUPP, accept EOPNOTSUPP, getpeername ENOTCONN, getsockname ok,
		setsockopt ok, getsockopt ok, shut ENOTCONN, send EDESTADDRREQ, sendto ok, sendoob EDESTADDRREQ, recv EWOULDBLOCK,
		recvoob EOPNOTSUPP, fionread ok, siocatmark ok, disconnectx ENOTCONN`,
		"uipc_socket.c:solisten, sosendcheck; udp_usrreq.c:udp_disconnect; uipc_domain.c:pru_sanitize"},
	{"udp4 udp6", "bound",
		`bind EINVAL, connect ok, connectx ok, listen EOPNOTSUPP, accept EOPNOTSUPP, getpeername ENOTCONN, getsockname ok,
		setsockopt ok, getsockopt ok, shut ENOTCONN, send EDESTADDRREQ, sendto ok, recv EWOULDBLOCK,
		recvoob EOPNOTSUPP, fionread ok, siocatmark ok, disconnectx ENOTCONN`,
		"in_pcb.c:in_pcbbind"},
	{"udp4 udp6", "connected",
		`bind EINVAL, connect ok, listen EOPNOTSUPP, accept EOPNOTSUPP, getpeername ok, getsockname ok,
		setsockopt ok, getsockopt ok, shut ok, send ok, sendto EISCONN, sendoob ok, recv EWOULDBLOCK,
		recvoob EOPNOTSUPP, fionread ok, siocatmark ok, disconnectx ok`,
		"uipc_socket.c:soconnectlock; udp_usrreq.c:udp_output"},
	{"udp4 udp6", "shut for reading",
		`bind EINVAL, getpeername ok, getsockname ok, setsockopt ok, getsockopt ok, shutrd ENOTCONN, shutwr ok, shutrdwr ENOTCONN,
		send ok, sendto EISCONN, recv eof, fionread ok`,
		"uipc_socket.c:soshutdownlock_final, soreceive"},
	{"udp4 udp6", "shut for writing",
		`bind EINVAL, getpeername ok, getsockname ok, setsockopt ok, getsockopt ok, shutrd ok, shutwr ENOTCONN, shutrdwr ENOTCONN,
		send EPIPE, sendto EPIPE, recv EWOULDBLOCK, fionread ok`,
		"udp_usrreq.c:udp_shutdown; uipc_socket.c:sosendcheck"},
	{"udp4 udp6", "shut both ways",
		`bind EINVAL, connect ok, getpeername EINVAL, getsockname ok, setsockopt EINVAL, getsockopt ok, shut ENOTCONN,
		send EPIPE, sendto EPIPE, recv eof, fionread ok`,
		"uipc_socket.c:sosetoptlock, soconnectlock; uipc_syscalls.c:getpeername"},
	{"udp4 udp6", "refused",
		`send ECONNREFUSED, recv ECONNREFUSED, getpeername ok, setsockopt ok`,
		"udp_usrreq.c:udp_notify"},

	{"unix", "new",
		`bind ok, connect ok, connectx EOPNOTSUPP, listen EINVAL, accept EINVAL, getpeername ENOTCONN, getsockname ok,
		setsockopt ok, getsockopt ok, shut ENOTCONN, send ENOTCONN, sendto ENOTCONN, sendoob ENOTCONN, recv ENOTCONN,
		recvoob EOPNOTSUPP, fionread ok, siocatmark ok, disconnectx EOPNOTSUPP`,
		"uipc_usrreq.c:uipc_listen, uipc_usrreqs; uipc_socket.c:sosendcheck, soreceive"},
	{"unix", "bound",
		`bind EINVAL, connect ok, listen ok, accept EINVAL, getpeername ENOTCONN, getsockname ok,
		setsockopt ok, getsockopt ok, shut ENOTCONN, send ENOTCONN, sendto ENOTCONN, recv ENOTCONN,
		recvoob EOPNOTSUPP, fionread ok, siocatmark ok, disconnectx EOPNOTSUPP`,
		"uipc_usrreq.c:unp_bind"},
	{"unix", "listening",
		`bind EINVAL, connect EOPNOTSUPP, listen ok, accept EWOULDBLOCK, getpeername ENOTCONN, getsockname ok,
		setsockopt ok, getsockopt ok, shut ENOTCONN, send ENOTCONN, sendto ENOTCONN, recv ENOTCONN,
		recvoob EOPNOTSUPP, fionread ok, siocatmark ok, disconnectx EOPNOTSUPP`,
		"uipc_socket.c:soconnectlock, soshutdown, soreceive; sys_socket.c:soioctl"},
	{"unix", "connected",
		`bind ok, connect EISCONN, listen EINVAL, accept EINVAL, getpeername ok, getsockname ok,
		setsockopt ok, getsockopt ok, shut ok, send ok, sendto ok, sendoob EOPNOTSUPP, recv EWOULDBLOCK,
		recvoob EOPNOTSUPP, fionread ok, siocatmark ok, disconnectx EOPNOTSUPP`,
		"uipc_usrreq.c:uipc_send; uipc_socket.c:soconnectlock, solisten"},
	{"unix", "shut for reading",
		`getpeername ok, getsockname ok, setsockopt ok, getsockopt ok, shutrd ENOTCONN, shutwr ok, shutrdwr ENOTCONN,
		send ok, sendto ok, recv eof, fionread ok`,
		"uipc_socket.c:soshutdownlock_final"},
	{"unix", "shut for writing",
		`getpeername ok, getsockname ok, setsockopt ok, getsockopt ok, shutrd ok, shutwr ENOTCONN, shutrdwr ENOTCONN,
		send EPIPE, sendto EPIPE, sendoob EPIPE, recv EWOULDBLOCK, fionread ok`,
		"uipc_usrreq.c:uipc_shutdown; uipc_socket.c:sosendcheck"},
	{"unix", "shut both ways",
		`bind EINVAL, listen EINVAL, accept EINVAL, getpeername EINVAL, getsockname ok, setsockopt EINVAL, getsockopt ok, shut ENOTCONN,
		send EPIPE, sendto EPIPE, recv eof, fionread ok`,
		"uipc_usrreq.c:unp_bind; uipc_socket.c:sosetoptlock; uipc_syscalls.c:getpeername"},
	{"unix", "closed by the peer",
		`bind EINVAL, listen EINVAL, accept EINVAL, getpeername EINVAL, getsockname ok, setsockopt EINVAL, getsockopt ok, shut ENOTCONN,
		send EPIPE, sendto EPIPE, recv eof, fionread ok`,
		"uipc_usrreq.c:unp_disconnect"},
	{"unix", "closed by the peer with data unread",
		`getpeername EINVAL, setsockopt EINVAL, send EPIPE, recv eof`,
		"uipc_usrreq.c:unp_disconnect"},

	{"unixgram", "new",
		`bind ok, connect ok, connectx EOPNOTSUPP, listen EOPNOTSUPP, accept EOPNOTSUPP, getpeername ENOTCONN, getsockname ok,
		setsockopt ok, getsockopt ok, shut ENOTCONN, send EDESTADDRREQ, sendto ok, recv EWOULDBLOCK,
		recvoob EOPNOTSUPP, fionread ok, siocatmark ok, disconnectx EOPNOTSUPP`,
		"uipc_socket.c:sosendcheck, solisten"},
	{"unixgram", "bound",
		`bind EINVAL, connect ok, listen EOPNOTSUPP, accept EOPNOTSUPP, getpeername ENOTCONN, getsockname ok,
		setsockopt ok, getsockopt ok, shut ENOTCONN, send EDESTADDRREQ, sendto ok, recv EWOULDBLOCK`,
		"uipc_usrreq.c:unp_bind"},
	{"unixgram", "connected",
		`bind ok, connect ok, listen EOPNOTSUPP, accept EOPNOTSUPP, getpeername ok, getsockname ok,
		setsockopt ok, getsockopt ok, shut ok, send ok, sendto EISCONN, recv EWOULDBLOCK,
		recvoob EOPNOTSUPP, sendoob EOPNOTSUPP, fionread ok, siocatmark ok, disconnectx EOPNOTSUPP`,
		"uipc_usrreq.c:uipc_send"},
	{"unixgram", "shut for writing",
		`getpeername ok, setsockopt ok, shutrd ok, shutwr ENOTCONN, shutrdwr ENOTCONN, send EPIPE, sendto EPIPE, recv EWOULDBLOCK`,
		"uipc_socket.c:sosendcheck"},
	{"unixgram", "shut both ways",
		`bind EINVAL, getpeername EINVAL, setsockopt EINVAL, shut ENOTCONN, send EPIPE, recv eof`,
		"uipc_usrreq.c:unp_bind; uipc_socket.c:sosetoptlock"},
	{"unixgram", "closed by the peer",
		`send ECONNRESET`,
		"uipc_usrreq.c:unp_detach, unp_drop"},

	{"raw", "new",
		`listen EOPNOTSUPP, accept EOPNOTSUPP, getpeername ENOTCONN, getsockname ok, setsockopt ok, getsockopt ok, shut ENOTCONN,
		send EDESTADDRREQ, recv EWOULDBLOCK, disconnectx EOPNOTSUPP, connectx EOPNOTSUPP`,
		"raw_ip.c:rip_usrreqs; uipc_socket.c:solisten, sosendcheck"},
}

// stateErrnos are the names of the errors in the tables.
var stateErrnos = map[string]Errno{
	"ok": 0, "eof": 0,
	"EADDRINUSE": EADDRINUSE, "EADDRNOTAVAIL": EADDRNOTAVAIL, "EAFNOSUPPORT": EAFNOSUPPORT, "EALREADY": EALREADY,
	"ECONNREFUSED": ECONNREFUSED, "ECONNRESET": ECONNRESET, "EDESTADDRREQ": EDESTADDRREQ, "EFAULT": EFAULT,
	"EINVAL": EINVAL, "EISCONN": EISCONN, "ENAMETOOLONG": ENAMETOOLONG, "ENOENT": ENOENT, "ENOTCONN": ENOTCONN, "ENOTSOCK": ENOTSOCK,
	"EOPNOTSUPP": EOPNOTSUPP, "EPIPE": EPIPE, "EPROTOTYPE": EPROTOTYPE, "EWOULDBLOCK": EAGAIN,
}

// callGroups are the calls that a name in the table means.
var callGroups = map[string][]string{
	"shut": {"shutrd", "shutwr", "shutrdwr"},
	"send": {"sendto0", "sendmsg", "write", "writev"},
	"recv": {"recvfrom", "recvmsg", "read", "readv"},
}

// A socketLab makes sockets in given states.
type socketLab struct {
	t     *testing.T
	th    *Thread
	proto string
	dir   string
	n     int
	open  []uint64
}

func (l *socketLab) close() {
	for _, fd := range l.open {
		var a args
		a[0] = fd
		sysClose(l.th, &a)
	}
	l.open = nil
}

func (l *socketLab) kind() (domain, typ uint64) {
	switch l.proto {
	case "tcp4":
		return guestAfInet, guestSockStream
	case "tcp6":
		return guestAfInet6, guestSockStream
	case "udp4":
		return guestAfInet, guestSockDgram
	case "udp6":
		return guestAfInet6, guestSockDgram
	case "unix":
		return guestAfUnix, guestSockStream
	case "unixgram":
		return guestAfUnix, guestSockDgram
	}
	return guestAfInet, guestSockRaw
}

func (l *socketLab) socket() uint64 {
	domain, typ := l.kind()
	proto := uint64(0)
	if typ == guestSockRaw {
		proto = 253 // for experiments
		if l.proto == "rawtcp" {
			proto = syscall.IPPROTO_TCP
		}
	}
	fd := call(l.t, l.th, sysSocket, 0, domain, typ, proto)
	setFDBits(int32(fd), fdNosigpipe)
	l.open = append(l.open, fd)
	return fd
}

// socketDir makes a directory for unix sockets, whose names have room for 103
// bytes: t.TempDir's is as long as the test's name.
func socketDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// addr returns an address that is free to be bound.
func (l *socketLab) addr() []byte {
	switch domain, _ := l.kind(); domain {
	case guestAfUnix:
		l.n++
		p := filepath.Join(l.dir, string(rune('a'+l.n/26%26))+string(rune('a'+l.n%26))+string(rune('a'+l.n/676)))
		return append([]byte{0, guestAfUnix}, p...)
	case guestAfInet6:
		return []byte{1: guestAfInet6, 23: 1, 27: 0}
	}
	return []byte{1: guestAfInet, 4: 127, 7: 1, 15: 0}
}

func (l *socketLab) bound() (uint64, []byte) {
	fd := l.socket()
	sa := l.addr()
	call(l.t, l.th, sysBind, 0, fd, gp(&sa[0]), uint64(len(sa)))
	name := make([]byte, 128)
	n := uint32(len(name))
	call(l.t, l.th, sysGetsockname, 0, fd, gp(&name[0]), gp(&n))
	return fd, name[:n]
}

// server returns a socket that takes connections or datagrams, and its address.
func (l *socketLab) server(backlog uint64) (uint64, []byte) {
	fd, name := l.bound()
	if _, typ := l.kind(); typ == guestSockStream {
		// Not sysListen, which knows no small backlog.
		if _, e := host(syscall.SYS_LISTEN, uintptr(fd), uintptr(backlog), 0, 0, 0, 0); e != 0 {
			l.t.Fatal(e)
		}
	}
	return fd, name
}

func (l *socketLab) nonblock(fd uint64, on bool) {
	fl := uintptr(0)
	if on {
		fl = syscall.O_NONBLOCK
	}
	host(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFL, fl, 0, 0, 0)
}

// pair returns two connected sockets.
func (l *socketLab) pair() (a, b uint64) {
	s, name := l.server(5)
	a = l.socket()
	call(l.t, l.th, sysConnect, 0, a, gp(&name[0]), uint64(len(name)))
	if _, typ := l.kind(); typ == guestSockDgram {
		return a, s
	}
	b = call(l.t, l.th, sysAccept, 0, s, 0, 0)
	l.open = append(l.open, b)
	return a, b
}

func (l *socketLab) closeFD(fd uint64) {
	for i, o := range l.open {
		if o == fd {
			l.open = append(l.open[:i], l.open[i+1:]...)
		}
	}
	closeFD(l.t, l.th, fd)
}

// settle waits until the host has told fd what the other end did.
func (l *socketLab) settle(fd uint64, bits int16) {
	for pollState(int32(fd))&bits != bits {
		if _, e := host(syscall.SYS_SCHED_YIELD, 0, 0, 0, 0, 0, 0); e != 0 {
			l.t.Fatal(e)
		}
	}
}

func (l *socketLab) reset(fd uint64) {
	linger := [2]int32{1, 0}
	call(l.t, l.th, sysSetsockopt, 0, fd, guestSolSocket, guestSoLinger, gp(&linger), 8)
	l.closeFD(fd)
}

// make makes a socket in the given state, non-blocking.
func (l *socketLab) make(state string) (fd uint64) {
	t, th := l.t, l.th
	const both = linuxPollhup | linuxPollrdhup
	switch state {
	case "new":
		fd = l.socket()
	case "bound":
		fd, _ = l.bound()
	case "listening":
		fd, _ = l.bound()
		call(t, th, sysListen, 0, fd, 5)
	case "connecting", "connecting, blocking":
		// A listener whose queue is full answers nobody.
		_, name := l.server(0)
		for range 8 {
			fd = l.socket()
			l.nonblock(fd, true)
			a := args{fd, gp(&name[0]), uint64(len(name))}
			if _, e := sysConnect(th, &a); e != 0 && e != EINPROGRESS {
				t.Fatal(e)
			}
			if connectingTCP(int32(fd)) {
				break
			}
		}
		if !connectingTCP(int32(fd)) {
			t.Fatal("no connection is being made")
		}
		l.nonblock(fd, state == "connecting")
		return fd
	case "connected":
		fd, _ = l.pair()
	case "shut for reading":
		fd, _ = l.pair()
		call(t, th, sysShutdown, 0, fd, syscall.SHUT_RD)
	case "shut for reading with data unread":
		var b uint64
		fd, b = l.pair()
		if _, typ := l.kind(); typ == guestSockDgram {
			// The server's socket has no peer yet.
			name := make([]byte, 128)
			if l.proto == "unixgram" {
				sa := l.addr()
				call(t, th, sysBind, 0, fd, gp(&sa[0]), uint64(len(sa)))
			}
			n := uint32(len(name))
			call(t, th, sysGetsockname, 0, fd, gp(&name[0]), gp(&n))
			call(t, th, sysConnect, 0, b, gp(&name[0]), uint64(n))
		}
		for range 3 {
			call(t, th, sysWrite, 0, b, gp(&make([]byte, 500)[0]), 500)
		}
		l.settle(fd, 1) // POLLIN
		call(t, th, sysShutdown, 0, fd, syscall.SHUT_RD)
	case "shut for writing":
		fd, _ = l.pair()
		call(t, th, sysShutdown, 0, fd, syscall.SHUT_WR)
	case "shut both ways":
		fd, _ = l.pair()
		call(t, th, sysShutdown, 0, fd, syscall.SHUT_RDWR)
	case "closed by the peer":
		var b uint64
		fd, b = l.pair()
		l.closeFD(b)
		if _, typ := l.kind(); typ == guestSockStream {
			l.settle(fd, linuxPollrdhup)
		}
	case "closed by the peer with data unread":
		var b uint64
		fd, b = l.pair()
		x := []byte{1}
		call(t, th, sysWrite, 0, fd, gp(&x[0]), 1)
		l.closeFD(b)
	case "closed by both":
		var b uint64
		fd, b = l.pair()
		call(t, th, sysShutdown, 0, fd, syscall.SHUT_WR)
		call(t, th, sysShutdown, 0, b, syscall.SHUT_WR)
		l.settle(fd, both)
	case "reset":
		var b uint64
		fd, b = l.pair()
		l.reset(b)
		l.settle(fd, both)
	case "closed by the peer, then reset":
		var b uint64
		fd, b = l.pair()
		l.closeFD(b)
		l.settle(fd, linuxPollrdhup)
		x := []byte{1}
		call(t, th, sysWrite, 0, fd, gp(&x[0]), 1)
		l.settle(fd, both)
	case "refused":
		var e Errno
		for range 20 { // another program may have taken the port
			s, name := l.bound()
			l.closeFD(s)
			fd = l.socket()
			a := args{fd, gp(&name[0]), uint64(len(name))}
			if _, e = sysConnect(th, &a); e != 0 || l.proto[0] != 't' {
				break
			}
			l.closeFD(fd)
		}
		if _, typ := l.kind(); typ == guestSockDgram {
			x := []byte{1}
			call(t, th, sysWrite, 0, fd, gp(&x[0]), 1)
			l.settle(fd, 8) // POLLERR
		} else if e != ECONNREFUSED {
			t.Fatal(e)
		}
	default:
		t.Fatalf("no state %q", state)
	}
	l.nonblock(fd, true)
	return fd
}

// do makes a call and returns its result.
func (l *socketLab) do(name string, fd uint64) (uint64, Errno) {
	th := l.th
	data := []byte{0}
	iov := [2]uint64{gp(&data[0]), 1}
	var m [guestMsghdrSize]byte
	putUint64(m[16:], gp(&iov))
	putUint32(m[24:], 1)
	v := int32(1)
	n := uint32(4)
	sa := make([]byte, 128)
	var h handler
	var a args
	switch name {
	case "bind":
		b := l.addr()
		h, a = sysBind, args{fd, gp(&b[0]), uint64(len(b))}
	case "connect", "connectx", "sendto":
		_, b := l.server(5)
		if name == "connect" {
			h, a = sysConnect, args{fd, gp(&b[0]), uint64(len(b))}
			break
		}
		if name == "sendto" {
			h, a = sysSendto, args{fd, gp(&data[0]), 1, 0, gp(&b[0]), uint64(len(b))}
			break
		}
		var ep [40]byte
		putUint64(ep[24:], gp(&b[0]))
		putUint32(ep[32:], uint32(len(b)))
		h, a = sysConnectx, args{fd, gp(&ep)}
	case "listen":
		h, a = sysListen, args{fd, 5}
	case "accept":
		h, a = sysAccept, args{fd}
	case "getpeername":
		n = 128
		h, a = sysGetpeername, args{fd, gp(&sa[0]), gp(&n)}
	case "getsockname":
		n = 128
		h, a = sysGetsockname, args{fd, gp(&sa[0]), gp(&n)}
	case "setsockopt":
		h, a = sysSetsockopt, args{fd, guestSolSocket, 0x8, gp(&v), 4}
	case "nodelay":
		h, a = sysSetsockopt, args{fd, guestIPProtoTCP, 1, gp(&v), 4}
	case "getsockopt":
		h, a = sysGetsockopt, args{fd, guestSolSocket, 0x8, gp(&v), gp(&n)}
	case "shutrd", "shutwr", "shutrdwr":
		h, a = sysShutdown, args{fd, map[string]uint64{"shutrd": 0, "shutwr": 1, "shutrdwr": 2}[name]}
	case "sendto0":
		h, a = sysSendto, args{fd, gp(&data[0]), 1}
	case "sendoob":
		h, a = sysSendto, args{fd, gp(&data[0]), 1, uint64(msgOob)}
	case "sendmsg":
		h, a = sysSendmsg, args{fd, gp(&m)}
	case "write":
		h, a = sysWrite, args{fd, gp(&data[0]), 1}
	case "writev":
		h, a = sysWritev, args{fd, gp(&iov), 1}
	case "recvfrom":
		h, a = sysRecvfrom, args{fd, gp(&data[0]), 1}
	case "recvoob":
		h, a = sysRecvfrom, args{fd, gp(&data[0]), 1, uint64(msgOob)}
	case "recvmsg":
		h, a = sysRecvmsg, args{fd, gp(&m)}
	case "read":
		h, a = sysRead, args{fd, gp(&data[0]), 1}
	case "readv":
		h, a = sysReadv, args{fd, gp(&iov), 1}
	case "fionread":
		h, a = sysIoctl, args{fd, 0x4004667f, gp(&v)}
	case "siocatmark":
		h, a = sysIoctl, args{fd, 0x40047307, gp(&v)}
	case "disconnectx":
		h, a = sysDisconnectx, args{fd, 0, 0}
	default:
		l.t.Fatalf("no call %q", name)
	}
	r, e := h(th, &a)
	th.deadline = 0
	if e == EINPROGRESS {
		e = 0
	}
	return r, e
}

// eachResult parses the results of a row.
func eachResult(t *testing.T, results string, check func(call, want string)) {
	for _, f := range strings.Split(results, ",") {
		w := strings.Fields(f)
		if len(w) != 2 {
			t.Fatalf("%q is not a call and its result", f)
		}
		if _, ok := stateErrnos[w[1]]; !ok {
			t.Fatalf("no error %q", w[1])
		}
		calls := callGroups[w[0]]
		if calls == nil {
			calls = []string{w[0]}
		}
		for _, c := range calls {
			check(c, w[1])
		}
	}
}

func TestSocketStates(t *testing.T) {
	rows := 0
	th := guestThread(t, XNU1504)
	for _, r := range []Release{XNU1504, XNU3789, XNU11417} {
		th.p.Release = r
		for _, row := range socketStates {
			for _, proto := range strings.Fields(row.protos) {
				if proto == "raw" && os.Geteuid() != 0 || strings.HasSuffix(proto, "6") && !hasIPv6() {
					t.Logf("%s: this user or host has no such sockets", proto)
					continue
				}
				t.Run(strings.ReplaceAll(fmt.Sprint(int(r))+"/"+proto+"/"+row.state, " ", "-"), func(t *testing.T) {
					eachResult(t, row.results, func(name, want string) {
						if name == "connectx" && r < XNU3248 || name == "disconnectx" && r < XNU2422 {
							return
						}
						rows++
						l := &socketLab{t: t, th: th, proto: proto, dir: socketDir(t)}
						defer l.close()
						fd := l.make(row.state)
						n, e := l.do(name, fd)
						if e != stateErrnos[want] || want == "eof" && n != 0 {
							t.Errorf("%s: %d, %v; want %s (%s)", name, n, e, want, row.cite)
						}
						if name == "accept" && e == 0 {
							l.open = append(l.open, n)
						}
					})
				})
			}
		}
	}
	t.Logf("%d rows", rows)
}

// socketAddrs are addresses that a protocol refuses, or takes. Those in v4
// and v6 have a port that is in use by a socket that takes what is sent to it.
var socketAddrs = []struct {
	protos, call, addr, want string
	since, until             Release
}{
	// bsd/kern/uipc_syscalls.c:bind, getsockaddr
	{protos: "tcp4 tcp6 udp4 udp6 unix unixgram", call: "bind", addr: "none", want: "EDESTADDRREQ"},
	{protos: "tcp4 tcp6 udp4 udp6 unix unixgram", call: "connect", addr: "none", want: "EFAULT"},
	{protos: "tcp4 tcp6 udp4 udp6 unix unixgram", call: "bind connect sendto", addr: "1 byte", want: "EINVAL"},
	{protos: "tcp4 tcp6 udp4 udp6 unix unixgram", call: "bind connect sendto", addr: "256 bytes", want: "ENAMETOOLONG"},
	{protos: "tcp4 tcp6 udp4 udp6 unix unixgram", call: "bind connect sendto", addr: "bad pointer", want: "EFAULT"},

	// bsd/netinet/tcp_usrreq.c:tcp_usr_bind, tcp_usr_connect; in_pcb.c:in_pcbbind, in_pcbladdr
	{protos: "tcp4", call: "bind connect", addr: "v6", want: "EAFNOSUPPORT"},
	{protos: "tcp4", call: "bind connect", addr: "unix", want: "EAFNOSUPPORT"},
	{protos: "tcp4", call: "bind connect", addr: "family 99", want: "EAFNOSUPPORT"},
	{protos: "tcp4", call: "bind connect", addr: "v4 short", want: "EINVAL"},
	{protos: "tcp4", call: "bind connect", addr: "v4 long", want: "EINVAL"},
	{protos: "tcp4", call: "bind connect", addr: "v4 unspec short", want: "EINVAL"},
	{protos: "tcp4", call: "connect", addr: "v4 unspec", want: "ok"},
	{protos: "tcp4", call: "bind connect", addr: "v4 multicast", want: "EAFNOSUPPORT"},
	{protos: "tcp4", call: "bind connect", addr: "v4 broadcast", want: "EAFNOSUPPORT", since: XNU8019},
	{protos: "tcp4", call: "bind", addr: "v4 broadcast", want: "EADDRNOTAVAIL", until: XNU8019},
	{protos: "tcp4 udp4", call: "bind", addr: "v4 not here", want: "EADDRNOTAVAIL"},
	{protos: "tcp4 udp4", call: "connect", addr: "v4 port 0", want: "EADDRNOTAVAIL"},
	{protos: "udp4", call: "sendto", addr: "v4 port 0", want: "EADDRNOTAVAIL"},
	{protos: "tcp4", call: "sendto", addr: "v6", want: "ENOTCONN"},
	{protos: "tcp4", call: "sendto", addr: "v4 port 0", want: "ENOTCONN"},

	// bsd/netinet/udp_usrreq.c:udp_bind, udp_connect, udp_output
	{protos: "udp4", call: "bind connect sendto", addr: "v6", want: "EINVAL"},
	{protos: "udp4", call: "bind", addr: "v4 of family v6", want: "ok"},
	{protos: "udp4", call: "connect sendto", addr: "v4 of family v6", want: "EAFNOSUPPORT"},
	{protos: "udp4", call: "bind connect sendto", addr: "v4 of family 99", want: "EAFNOSUPPORT"},
	{protos: "udp4", call: "bind connect sendto", addr: "v4 short", want: "EINVAL"},
	{protos: "udp4", call: "bind connect sendto", addr: "v4 long", want: "EINVAL"},
	{protos: "udp4", call: "connect", addr: "v4 unspec", want: "EAFNOSUPPORT"},
	{protos: "udp4", call: "sendto", addr: "v4 unspec", want: "ok"},
	{protos: "udp4", call: "bind connect", addr: "v4 multicast", want: "ok"},
	{protos: "udp4", call: "bind", addr: "v4 broadcast", want: "EADDRNOTAVAIL"},

	// tcp6_usr_bind, tcp_usr_connect_common; bsd/netinet6/in6_pcb.c:in6_pcbbind, in6_pcbladdr
	{protos: "tcp6", call: "bind connect", addr: "v4", want: "EAFNOSUPPORT"},
	{protos: "tcp6", call: "bind connect", addr: "unix", want: "EAFNOSUPPORT"},
	{protos: "tcp6", call: "bind connect", addr: "v6 short", want: "EINVAL"},
	{protos: "tcp6", call: "bind connect", addr: "v6 unspec", want: "EAFNOSUPPORT"},
	{protos: "tcp6", call: "bind connect", addr: "v6 multicast", want: "EAFNOSUPPORT"},
	{protos: "tcp6", call: "bind connect", addr: "v6 mapped multicast", want: "EAFNOSUPPORT", since: XNU8019},
	{protos: "tcp6", call: "connect", addr: "v6 mapped", want: "ok"},
	{protos: "tcp6 udp6", call: "bind", addr: "v6 not here", want: "EADDRNOTAVAIL"},
	{protos: "tcp6 udp6", call: "connect", addr: "v6 port 0", want: "EADDRNOTAVAIL"},
	{protos: "udp6", call: "sendto", addr: "v6 port 0", want: "EADDRNOTAVAIL"},

	// bsd/netinet6/udp6_usrreq.c:udp6_bind, udp6_connect, udp6_send
	{protos: "udp6", call: "bind connect sendto", addr: "v4", want: "EINVAL"},
	{protos: "udp6", call: "bind connect sendto", addr: "v6 short", want: "EINVAL"},
	{protos: "udp6", call: "bind connect sendto", addr: "v6 long", want: "EINVAL"},
	{protos: "udp6", call: "bind connect sendto", addr: "v6 unspec", want: "EAFNOSUPPORT"},
	{protos: "udp6", call: "bind connect sendto", addr: "v6 of family 99", want: "EAFNOSUPPORT"},
	{protos: "udp6", call: "bind", addr: "v6 multicast", want: "ok"},
	{protos: "udp6", call: "connect sendto", addr: "v6 mapped", want: "ok"},

	// bsd/netinet/raw_ip.c:rip_connect, rip_send
	{protos: "raw rawtcp", call: "bind connect sendto", addr: "v4 port 0", want: "ok"},

	// bsd/kern/uipc_usrreq.c:unp_bind, unp_connect
	{protos: "unix unixgram", call: "bind connect", addr: "v4", want: "EAFNOSUPPORT"},
	{protos: "unixgram", call: "sendto", addr: "v4", want: "EAFNOSUPPORT"},
	{protos: "unix", call: "sendto", addr: "v4", want: "ENOTCONN"},
	{protos: "unix unixgram", call: "bind connect", addr: "2 bytes", want: "EINVAL"},
	{protos: "unix unixgram", call: "bind connect", addr: "no path", want: "ENOENT"},
	{protos: "unix unixgram", call: "bind", addr: "server", want: "EADDRINUSE"},
	{protos: "unix unixgram", call: "connect", addr: "server", want: "ok"},
	{protos: "unix unixgram", call: "connect", addr: "server of family unspec", want: "ok"},
	{protos: "unix unixgram", call: "connect", addr: "no file", want: "ENOENT"},
	{protos: "unix unixgram", call: "connect", addr: "file", want: "ENOTSOCK"},
	{protos: "unix unixgram", call: "connect", addr: "dead", want: "ECONNREFUSED"},
	{protos: "unix unixgram", call: "connect", addr: "other type", want: "EPROTOTYPE"},
	{protos: "unixgram", call: "sendto", addr: "file", want: "ENOTSOCK"},
	{protos: "unixgram", call: "sendto", addr: "dead", want: "ECONNREFUSED"},
	{protos: "unixgram", call: "sendto", addr: "other type", want: "EPROTOTYPE"},
}

// badAddr makes the address of a row: a pointer and a length.
func (l *socketLab) badAddr(name string) (uint64, uint64) {
	as := func(proto string) []byte {
		o := *l
		o.proto, o.open = proto, nil
		_, sa := o.server(5)
		l.open = append(l.open, o.open...)
		l.n = o.n
		return sa
	}
	proto4, proto6 := "udp4", "udp6"
	if _, typ := l.kind(); typ == guestSockStream {
		proto4, proto6 = "tcp4", "tcp6"
	}
	unix := func(path string) []byte { return append([]byte{0, guestAfUnix}, path...) }
	sa := []byte{0, 0}
	switch name {
	case "none":
		return 0, 16
	case "bad pointer":
		return 8, 16
	case "1 byte":
		return gp(&sa[0]), 1
	case "256 bytes":
		sa = make([]byte, 256)
	case "2 bytes":
		sa = unix("")
	case "no path":
		sa = unix("\x00")
	case "no file":
		sa = unix(filepath.Join(l.dir, "none"))
	case "file":
		p := filepath.Join(l.dir, "file")
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			l.t.Fatal(err)
		}
		sa = unix(p)
	case "server":
		_, sa = l.server(5)
	case "server of family unspec":
		_, sa = l.server(5)
		sa[1] = 0
	case "dead":
		var fd uint64
		fd, sa = l.server(5)
		l.closeFD(fd)
	case "other type":
		sa = as(map[string]string{"unix": "unixgram", "unixgram": "unix"}[l.proto])
	case "unix":
		sa = as("unix")
	case "family 99":
		sa = make([]byte, 20)
		sa[1] = 99
	default:
		f := strings.SplitN(name, " ", 2)
		if f[0] == "v4" {
			sa = as(proto4)
		} else {
			sa = as(proto6)
		}
		end := len(sa) - 1
		what := ""
		if len(f) > 1 {
			what = f[1]
		}
		switch what {
		case "":
		case "short":
			sa = sa[:end]
		case "long":
			sa = append(sa, 0)
		case "unspec":
			sa[1] = 0
		case "unspec short":
			sa[1] = 0
			sa = sa[:end]
		case "port 0":
			sa[2], sa[3] = 0, 0
		case "of family v6":
			sa[1] = guestAfInet6
			sa[2] ^= 1 // another port
		case "of family 99":
			sa[1] = 99
		case "multicast":
			if f[0] == "v4" {
				copy(sa[4:], []byte{224, 0, 0, 251})
			} else {
				copy(sa[8:24], []byte{0xff, 0x0e, 15: 0xfb})
			}
		case "broadcast":
			copy(sa[4:], []byte{255, 255, 255, 255})
		case "not here":
			if f[0] == "v4" {
				copy(sa[4:], []byte{192, 0, 2, 1})
			} else {
				copy(sa[8:24], []byte{0x20, 0x01, 0x0d, 0xb8, 15: 1})
			}
		case "mapped", "mapped multicast":
			v4 := as(proto4)
			copy(sa[2:4], v4[2:4])
			copy(sa[8:24], []byte{10: 0xff, 11: 0xff, 12: 127, 15: 1})
			if what == "mapped multicast" {
				sa[20] = 224
			}
		default:
			l.t.Fatalf("no address %q", name)
		}
	}
	return gp(&sa[0]), uint64(len(sa))
}

func TestSocketAddrs(t *testing.T) {
	rows := 0
	th := guestThread(t, XNU1504)
	for _, r := range []Release{XNU1504, XNU3789, XNU11417} {
		th.p.Release = r
		for _, row := range socketAddrs {
			if r < row.since || row.until != 0 && r >= row.until {
				continue
			}
			for _, proto := range strings.Fields(row.protos) {
				if strings.HasPrefix(proto, "raw") && os.Geteuid() != 0 || strings.HasSuffix(proto, "6") && !hasIPv6() || strings.HasPrefix(row.addr, "v6") && !hasIPv6() {
					continue
				}
				for _, c := range strings.Fields(row.call) {
					rows++
					l := &socketLab{t: t, th: th, proto: proto, dir: socketDir(t)}
					fd := l.socket()
					p, n := l.badAddr(row.addr)
					data := []byte{0}
					var e Errno
					switch c {
					case "bind":
						_, e = sysBind(th, &args{fd, p, n})
					case "connect":
						_, e = sysConnect(th, &args{fd, p, n})
					case "sendto":
						_, e = sysSendto(th, &args{fd, gp(&data[0]), 1, 0, p, n})
					}
					if e != stateErrnos[row.want] {
						t.Errorf("%v: %s: %s with %s: %v, want %s", r, proto, c, row.addr, e, row.want)
					}
					l.close()
				}
			}
		}
	}
	t.Logf("%d rows", rows)
}

// TestErrorAfterReset: a send finds SS_CANTSENDMORE before so_error, which a
// receive, or SO_ERROR, then takes (xnu-11417 bsd/kern/uipc_socket.c:sosendcheck,
// soreceive).
func TestErrorAfterReset(t *testing.T) {
	th := guestThread(t, XNU11417)
	for _, soError := range []bool{false, true} {
		l := &socketLab{t: t, th: th, proto: "tcp4"}
		fd := l.make("reset")
		for range 2 {
			if _, e := l.do("write", fd); e != EPIPE {
				t.Errorf("write: %v, want EPIPE", e)
			}
		}
		if soError {
			v, n := int32(0), uint32(4)
			call(t, th, sysGetsockopt, 0, fd, guestSolSocket, 0x1007, gp(&v), gp(&n))
			if Errno(v) != ECONNRESET {
				t.Errorf("SO_ERROR %v, want ECONNRESET", Errno(v))
			}
		} else if _, e := l.do("read", fd); e != ECONNRESET {
			t.Errorf("read: %v, want ECONNRESET", e)
		}
		if n, e := l.do("read", fd); n != 0 || e != 0 {
			t.Errorf("read again: %d, %v; want the end", n, e)
		}
		l.close()
	}
}

// TestConnectDisconnectsFirst: a connected datagram socket has no peer any
// more when connect fails (xnu-11417 bsd/kern/uipc_socket.c:soconnectlock).
func TestConnectDisconnectsFirst(t *testing.T) {
	th := guestThread(t, XNU11417)
	for _, proto := range []string{"udp4", "unixgram"} {
		l := &socketLab{t: t, th: th, proto: proto, dir: socketDir(t)}
		fd := l.make("connected")
		bad := []byte{0, 99, 0, 0}
		a := args{fd, gp(&bad[0]), uint64(len(bad))}
		if _, e := sysConnect(th, &a); e == 0 {
			t.Errorf("%s: connect to family 99 succeeds", proto)
		}
		if _, e := l.do("getpeername", fd); e != ENOTCONN {
			t.Errorf("%s: getpeername: %v, want ENOTCONN", proto, e)
		}
		l.close()
	}
}

// TestConnectOwnAddress: a TCP socket does not connect to itself
// (xnu-11417 bsd/netinet/tcp_usrreq.c:tcp_connect).
func TestConnectOwnAddress(t *testing.T) {
	th := guestThread(t, XNU11417)
	for _, proto := range []string{"tcp4", "tcp6"} {
		if proto == "tcp6" && !hasIPv6() {
			continue
		}
		l := &socketLab{t: t, th: th, proto: proto}
		fd, name := l.bound()
		call(t, th, sysConnect, EINVAL, fd, gp(&name[0]), uint64(len(name)))
		l.close()
	}
}

// TestConnectFullQueue: where the listener's queue is full, a blocking connect
// of a unix socket is refused, too (xnu-11417 bsd/kern/uipc_usrreq.c:unp_connect).
func TestConnectFullQueue(t *testing.T) {
	th := guestThread(t, XNU11417)
	l := &socketLab{t: t, th: th, proto: "unix", dir: socketDir(t)}
	defer l.close()
	_, name := l.server(1)
	for range 5 {
		a := args{l.socket(), gp(&name[0]), uint64(len(name))}
		if _, e := sysConnect(th, &a); e == ECONNREFUSED {
			return
		} else if e != 0 {
			t.Fatal(e)
		}
	}
	t.Error("the queue takes them all")
}

// TestReuseportOfUnix: every socket has the option.
func TestReuseportOfUnix(t *testing.T) {
	th := guestThread(t, XNU11417)
	l := &socketLab{t: t, th: th, proto: "unix", dir: socketDir(t)}
	defer l.close()
	fd := l.socket()
	p := &portLab{t: t, th: th}
	for _, r := range []reuse{reuseAddr, reusePort} {
		if v := p.option(fd, r); v != 0 {
			t.Errorf("option %#x of a new socket: %#x", r, v)
		}
		on := int32(1)
		call(t, th, sysSetsockopt, 0, fd, guestSolSocket, uint64(r), gp(&on), 4)
		if v := p.option(fd, r); v != int32(r) {
			t.Errorf("option %#x reads as %#x", r, v)
		}
	}
}
