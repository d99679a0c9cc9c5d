// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"fmt"
	"sync"
	"syscall"
	"unsafe"
)

// Socket types (xnu-11417 bsd/sys/socket.h); there are no flag bits.
const (
	guestSockStream = 1
	guestSockDgram  = 2
	guestSockRaw    = 3
)

// warnOncef is warnf for what the guest may do again and again.
func warnOncef(format string, a ...any) {
	msg := fmt.Sprintf(format, a...)
	if _, again := warned.LoadOrStore(msg, true); !again {
		warnf("%s", msg)
	}
}

var warned sync.Map

// sockBuf returns the part of the thread's buffer that socket calls use.
func (t *Thread) sockBuf() *sockBuf {
	b := unsafe.Slice(&t.fs.buf[0], len(t.fs.buf))
	at := -uintptr(unsafe.Pointer(&b[0])) & 7
	return (*sockBuf)(unsafe.Pointer(&b[at]))
}

var _ [len(fileState{}.buf) - 8 - int(unsafe.Sizeof(sockBuf{}))]struct{} // it fits

func sysSocket(t *Thread, a *args) (uint64, Errno) {
	domain, typ, proto := int32(a[0]), int32(a[1]), int32(a[2])
	f, e := checkSocket(domain, typ)
	if e != 0 {
		return 0, e
	}
	fd, e := host(syscall.SYS_SOCKET, f, uintptr(typ), uintptr(proto), 0, 0, 0)
	if e == ESOCKTNOSUPPORT {
		e = EPROTONOSUPPORT
	}
	if e == EINVAL {
		// Linux: a protocol that is out of range.
		e = EPROTONOSUPPORT
	}
	fd, e = newFd(fd, e, -1)
	if e == 0 {
		noteSocket(int32(fd), int(f), int(typ))
		switch domain {
		case guestAfInet6:
			setFDBits(int32(fd), fdInet6)
		case guestAfUnix:
			setFDBits(int32(fd), fdUnix)
		}
	}
	return fd, e
}

// checkSocket finds the host's family for a socket that XNU would make, or
// its error (xnu-11417 bsd/kern/uipc_socket.c:socreate_internal).
func checkSocket(domain, typ int32) (uintptr, Errno) {
	f, ok := hostFamily(domain)
	if !ok {
		switch domain {
		case guestAfRoute, guestAfSystem, guestAfVsock, 27 /* AF_NDRV */, 29 /* AF_KEY */ :
			warnOncef("sockets of family %d are not implemented", domain)
		}
		return 0, EAFNOSUPPORT
	}
	switch typ {
	case guestSockStream, guestSockDgram:
		return f, 0
	case guestSockRaw:
		if domain != guestAfUnix {
			return f, 0
		}
	}
	return 0, EPROTONOSUPPORT
}

func sysSocketpair(t *Thread, a *args) (uint64, Errno) {
	domain, typ := int32(a[0]), int32(a[1])
	f, e := checkSocket(domain, typ)
	if e != 0 {
		return 0, e
	}
	if domain != guestAfUnix {
		return 0, EOPNOTSUPP
	}
	var fds [2]int32
	if _, e := host(syscall.SYS_SOCKETPAIR, f, uintptr(typ), uintptr(int32(a[2])), uintptr(unsafe.Pointer(&fds)), 0, 0); e != 0 {
		return 0, e
	}
	if max(fds[0], fds[1]) >= int32(nofile()) {
		e = EMFILE
	} else {
		e = copyout(a[3], unsafe.Pointer(&fds), 8)
	}
	if e == 0 && typ == guestSockDgram {
		noteSocket(fds[0], syscall.AF_UNIX, int(typ))
		noteSocket(fds[1], syscall.AF_UNIX, int(typ))
		notePair(fds[0], fds[1])
	}
	if e != 0 {
		host(syscall.SYS_CLOSE, uintptr(fds[0]), 0, 0, 0, 0, 0)
		host(syscall.SYS_CLOSE, uintptr(fds[1]), 0, 0, 0, 0, 0)
	}
	return 0, e
}

func sysBind(t *Thread, a *args) (uint64, Errno) {
	fd := int32(a[0])
	k, e := socketKind(fd)
	if e != 0 {
		return 0, e
	}
	if a[1] == 0 {
		return 0, EDESTADDRREQ
	}
	b := t.sockBuf()
	if e := t.sockaddrFor(b, fd, k, a[1], uint32(a[2]), addrBind); e != 0 {
		return 0, e
	}
	return 0, t.bindShut(b, fd, k)
}

// bindShut binds fd, unless it can neither send nor receive any more
// (xnu-11417 bsd/netinet/tcp_usrreq.c:tcp_usr_bind, bsd/kern/uipc_usrreq.c:unp_bind).
func (t *Thread) bindShut(b *sockBuf, fd int32, k sockKind) Errno {
	if (k.tcp() || k.unix()) && bothShut(fd) {
		return EINVAL
	}
	return t.bind(b, fd, k)
}

// sysConnect: a signal ends it with EINTR and the connection goes on being
// made (xnu-11417 bsd/kern/uipc_syscalls.c:connect_nocancel). Run again after
// a signal that no handler saw, Linux goes on waiting for it.
func sysConnect(t *Thread, a *args) (uint64, Errno) {
	fd := int32(a[0])
	k, e := socketKind(fd)
	if e != 0 {
		return 0, e
	}
	return 0, t.connect(t.sockBuf(), fd, k, a[1], uint32(a[2]))
}

// connect connects fd to the guest's address at p, n bytes.
func (t *Thread) connect(b *sockBuf, fd int32, k sockKind, p uint64, n uint32) Errno {
	e := t.sockaddrFor(b, fd, k, p, n, addrConnect)
	if e == ENAMETOOLONG || e == EFAULT || n < 2 {
		return e
	}
	if !t.restart {
		if e := connectable(fd, k); e != 0 {
			return e
		}
	}
	if k.dgram() && fdBitsOf(fd)&fdConnected != 0 {
		// It is disconnected first, whatever becomes of the rest
		// (xnu-11417 bsd/kern/uipc_socket.c:soconnectlock).
		clearFDBits(fd, fdConnected)
		disconnect(fd)
	}
	if e != 0 {
		return e
	}
	if k.tcp() && sockInt(fd, reuseMark) == 1 && b.isOwn(fd) {
		return EINVAL // xnu-11417 bsd/netinet/tcp_usrreq.c:tcp_connect
	}
	e = t.hostConnect(b, fd, k)
	switch {
	case k.unix() && e == ECONNREFUSED:
		if !b.isSocketFile() {
			e = ENOTSOCK // xnu-11417 bsd/kern/uipc_usrreq.c:unp_connect
		}
	case k.unix() && e == EAGAIN:
		// The listener's queue is full (the same, sonewconn).
		e = ECONNREFUSED
	case k.inet() && e == EADDRNOTAVAIL && sockInt(fd, reuseMark) == 1:
		// There is such a connection (xnu-11417 bsd/netinet/in_pcb.c:in_pcbconnect).
		e = EADDRINUSE
	case k.tcp() && (e == ECONNREFUSED || e == ECONNRESET || e == ETIMEDOUT):
		// The socket is of no use any more, where Linux lets it try again
		// (xnu-11417 bsd/netinet/tcp_subr.c:tcp_drop, tcp_close).
		host(syscall.SYS_SHUTDOWN, uintptr(fd), syscall.SHUT_RDWR, 0, 0, 0, 0)
	case k.dgram() && e == 0:
		setFDBits(fd, fdConnected)
	}
	if e == 0 && fdBitsOf(fd)&fdDgram != 0 {
		noteConnected(fd, b.host[:b.hlen])
	}
	return e
}

// connectable finds the errors of connect that follow from the socket's state
// (xnu-11417 bsd/kern/uipc_syscalls.c:connectit, bsd/kern/uipc_socket.c:soconnectlock,
// bsd/netinet/tcp_usrreq.c:tcp_usr_connect).
func connectable(fd int32, k sockKind) Errno {
	if k.dgram() || k.typ == guestSockRaw {
		return 0
	}
	s := socketState(fd, k)
	switch {
	case s.listening:
		return EOPNOTSUPP
	case s.connected:
		return EISCONN
	case s.connecting:
		fl, e := hostStatusFlags(fd)
		if e == 0 && fl&syscall.O_NONBLOCK != 0 {
			return EALREADY
		}
		return EISCONN
	case s.shutWrite && k.tcp():
		if e := hostSockError(fd); e != 0 {
			return e
		}
		return EINVAL
	}
	return 0
}

// disconnect makes a datagram socket forget its peer.
func disconnect(fd int32) Errno {
	sa := [16]byte{} // AF_UNSPEC
	_, e := host(syscall.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&sa)), uintptr(len(sa)), 0, 0, 0)
	return e
}

// hostConnect makes the host's connect. It never lets a kick keep the
// connection from being begun: a program that gets EINTR waits for it, and so
// does one that is told EINPROGRESS.
//
// Only TCP waits. A unix socket connects or is refused: Linux would wait
// for room in the listener's queue.
func (t *Thread) hostConnect(b *sockBuf, fd int32, k sockKind) Errno {
	fl, e := hostStatusFlags(fd)
	if e != 0 {
		return e
	}
	sa, n := hostBuf(&b.host[0]), uintptr(b.hlen)
	if k.unix() && !k.dgram() && fl&syscall.O_NONBLOCK == 0 {
		host(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFL, uintptr(fl|syscall.O_NONBLOCK), 0, 0, 0)
		_, e = host(syscall.SYS_CONNECT, uintptr(fd), sa, n, 0, 0, 0)
		host(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFL, uintptr(fl), 0, 0, 0)
		return e
	}
	if fl&syscall.O_NONBLOCK != 0 || !k.tcp() {
		_, e = host(syscall.SYS_CONNECT, uintptr(fd), sa, n, 0, 0, 0)
		return e
	}
	if _, e = t.block(syscall.SYS_CONNECT, uintptr(fd), sa, n, 0, 0, 0); e != ERESTART {
		return e
	}
	host(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFL, uintptr(fl|syscall.O_NONBLOCK), 0, 0, 0)
	_, e = host(syscall.SYS_CONNECT, uintptr(fd), sa, n, 0, 0, 0)
	host(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFL, uintptr(fl), 0, 0, 0)
	switch e {
	case EINPROGRESS, EALREADY, EAGAIN:
		e = ERESTART
	}
	return e
}

// isOwn reports whether the internet address in b is the one that fd is bound
// to.
func (b *sockBuf) isOwn(fd int32) bool {
	var own [28]byte
	n := uint32(len(own))
	if _, e := host(syscall.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&own)), uintptr(unsafe.Pointer(&n)), 0, 0, 0); e != 0 || n != b.hlen {
		return false
	}
	at, end := 4, 8
	if n == guestSockaddrIn6Len {
		at, end = 8, 24
	}
	return getUint16(own[2:]) == getUint16(b.host[2:]) && string(own[at:end]) == string(b.host[at:end])
}

// portZero reports whether the internet address in b has port 0.
func (b *sockBuf) portZero() bool {
	f := getUint16(b.host[:])
	return (f == syscall.AF_INET || f == syscall.AF_INET6) && getUint16(b.host[2:]) == 0
}

// isSocketFile reports whether the path in b, a unix address, is a socket.
func (b *sockBuf) isSocketFile() bool {
	st := (*syscall.Stat_t)(unsafe.Pointer(&b.val))
	_, e := host(syscall.SYS_STAT, hostBuf(&b.host[2]), uintptr(unsafe.Pointer(st)), 0, 0, 0, 0)
	return e != 0 || st.Mode&syscall.S_IFMT == syscall.S_IFSOCK
}

// sockInt reads an integer option of the host's SOL_SOCKET; -1 on error.
func sockInt(fd int32, opt int) int {
	v, e := sockoptInt(fd, syscall.SOL_SOCKET, opt)
	if e != 0 {
		return -1
	}
	return v
}

// sysListen: xnu-11417 bsd/kern/uipc_socket.c:solisten.
func sysListen(t *Thread, a *args) (uint64, Errno) {
	fd, n := int32(a[0]), int32(a[1])
	k, e := socketKind(fd)
	if e != 0 {
		return 0, e
	}
	if k.typ != guestSockStream {
		return 0, EOPNOTSUPP
	}
	if bothShut(fd) {
		return 0, EINVAL
	}
	if most := int32(somaxconn.get(t.p.Release)); n <= 0 || n > most {
		n = most
	}
	return 0, t.listen(fd, k, uintptr(n))
}

// sysAccept: the new descriptor has the listener's O_NONBLOCK and O_ASYNC
// (xnu-11417 bsd/kern/uipc_syscalls.c:accept_nocancel).
func sysAccept(t *Thread, a *args) (uint64, Errno) {
	fd := int32(a[0])
	b := t.sockBuf()
	fl, e := hostStatusFlags(fd)
	if e != 0 {
		return 0, e
	}
	b.hlen = hostSockaddrMax
	n, e := t.block(syscall.SYS_ACCEPT4, uintptr(fd), hostBuf(&b.host[0]), uintptr(unsafe.Pointer(&b.hlen)), uintptr(fl&syscall.O_NONBLOCK), 0, 0)
	if e == ENOTSUP {
		e = EOPNOTSUPP
	}
	if n, e = newFd(n, e, -1); e != 0 {
		return 0, e
	}
	accepted(fd, int32(n))
	if fl&syscall.O_ASYNC != 0 {
		host(syscall.SYS_FCNTL, uintptr(n), syscall.F_SETFL, uintptr(fl&(syscall.O_NONBLOCK|syscall.O_ASYNC)), 0, 0, 0)
	}
	if e := b.sockaddrOut(a[1], a[2]); e != 0 {
		fdClosed(int(n))
		host(syscall.SYS_CLOSE, uintptr(n), 0, 0, 0, 0, 0)
		return 0, e
	}
	return n, 0
}

func sysGetpeername(t *Thread, a *args) (uint64, Errno) {
	return t.sockname(syscall.SYS_GETPEERNAME, a)
}

func sysGetsockname(t *Thread, a *args) (uint64, Errno) {
	return t.sockname(syscall.SYS_GETSOCKNAME, a)
}

func (t *Thread) sockname(nr uintptr, a *args) (uint64, Errno) {
	fd := int32(a[0])
	b := t.sockBuf()
	b.hlen = hostSockaddrMax
	_, e := host(nr, uintptr(fd), hostBuf(&b.host[0]), uintptr(unsafe.Pointer(&b.hlen)), 0, 0, 0)
	if nr == syscall.SYS_GETPEERNAME && (e == 0 || e == ENOTCONN) && bothShut(fd) {
		e = EINVAL // xnu-11417 bsd/kern/uipc_syscalls.c:getpeername
	}
	if e != 0 {
		return 0, e
	}
	if a[1] == 0 {
		return 0, EFAULT
	}
	return 0, b.sockaddrOut(a[1], a[2])
}

// sysShutdown: what is shut already cannot be shut again, and SHUT_RDWR does
// nothing then (xnu-11417 bsd/kern/uipc_socket.c:soshutdown, soshutdownlock_final).
func sysShutdown(t *Thread, a *args) (uint64, Errno) {
	fd, how := int32(a[0]), int32(a[1])
	k, e := socketKind(fd)
	if e != 0 {
		return 0, e
	}
	if how < syscall.SHUT_RD || how > syscall.SHUT_RDWR {
		return 0, EINVAL
	}
	s := socketState(fd, k)
	switch {
	case !s.connected && !s.connecting,
		how != syscall.SHUT_WR && s.shutRead,
		how == syscall.SHUT_WR && s.shutWrite:
		return 0, ENOTCONN
	case s.connecting && how == syscall.SHUT_RD:
		setFDBits(fd, fdShutRead) // Linux would stop connecting
		return 0, 0
	case how == syscall.SHUT_RDWR && s.shutWrite:
		shutdownHost(fd, syscall.SHUT_RD)
		return 0, ENOTCONN
	}
	return 0, shutdownHost(fd, how)
}

// shutdownHost shuts fd down and notes it.
func shutdownHost(fd, how int32) Errno {
	_, e := host(syscall.SYS_SHUTDOWN, uintptr(fd), uintptr(how), 0, 0, 0, 0)
	if e != 0 {
		return e
	}
	if how != syscall.SHUT_WR {
		setFDBits(fd, fdShutRead)
		discard(fd)
	}
	if how != syscall.SHUT_RD {
		setFDBits(fd, fdSentFIN)
		if fdBitsOf(fd)&fdKnotes != 0 {
			sentFIN(fd)
		}
	}
	return 0
}

// discard drops what has come and has not been read, as shutdown for reading
// does (xnu-11417 bsd/kern/uipc_socket.c:sorflush).
func discard(fd int32) {
	var buf [1024]byte
	for left, _ := ioctlInt(fd, linuxFionread); left > 0; {
		n, e := host(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&buf)), uintptr(min(len(buf), int(left))), linuxMsgDontwait, 0, 0)
		if e != 0 || n == 0 {
			return
		}
		if left -= int32(n); left <= 0 && fdBitsOf(fd)&fdConnected != 0 {
			left, _ = ioctlInt(fd, linuxFionread) // the next datagram
		}
	}
}

// sysConnectx connects, from a given interface or address if asked to, and
// sends the first data. Data that cannot go at once because the connection is
// still being made is not taken: *len is 0 (XNU keeps it for later).
//
// The arguments are those of 3248 and later: socket, sa_endpoints_t *, associd,
// flags, iovec *, count, size_t *len, connid *. Before, the call took seven
// others and few used it: ENOSYS
// (xnu-3248 bsd/kern/uipc_syscalls.c:connectx_nocancel).
func sysConnectx(t *Thread, a *args) (uint64, Errno) {
	if t.p.Release < XNU3248 {
		warnOncef("connectx before xnu-3248 is not implemented")
		return 0, ENOSYS
	}
	fd := int32(a[0])
	k, e := socketKind(fd)
	if e != 0 {
		return 0, e
	}
	if a[1] == 0 {
		return 0, EINVAL
	}
	b := t.sockBuf()
	ep, e := t.abi().readEndpoints(a[1])
	if e != 0 {
		return 0, e
	}
	if k.unix() || k.typ == guestSockRaw {
		return 0, EOPNOTSUPP // no pru_connectx (xnu-11417 bsd/kern/uipc_usrreq.c)
	}
	if ep.srcif != 0 {
		if e := setSockoptInt(fd, syscall.SOL_SOCKET, linuxSoBindtoifindex, int(ep.srcif)); e != 0 {
			return 0, e
		}
	}
	if ep.src != 0 && !t.restart {
		if e := t.sockaddrFor(b, fd, k, ep.src, ep.srclen, addrBind); e != 0 {
			return 0, e
		}
		if e := t.bindShut(b, fd, k); e != 0 {
			return 0, e
		}
	}
	if ep.dst == 0 {
		return 0, EDESTADDRREQ
	}
	e = t.connect(b, fd, k, ep.dst, ep.dstlen)
	var sent uint64
	if e == 0 && a[4] != 0 && uint32(a[5]) > 0 {
		b.msg = hostMsghdr{}
		if e := b.msg.setIov(t, a[4], uint32(a[5])); e != 0 {
			return 0, e
		}
		sent, e = t.block(syscall.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.msg)), linuxMsgNosignal, 0, 0, 0)
		if e == ERESTART {
			e = EINTR // the connection stands
		}
	}
	if a[6] != 0 && (e == 0 || e == EINPROGRESS) {
		if ce := t.abi().copyoutSize(a[6], sent); ce != 0 {
			return 0, ce
		}
	}
	if a[7] != 0 {
		var id [4]byte
		if ce := copyoutBytes(a[7], id[:]); ce != 0 {
			return 0, ce
		}
	}
	return 0, e
}

// sysDisconnectx ends all connections of a socket, of which there is one
// (xnu-11417 bsd/netinet/tcp_usrreq.c:tcp_usr_disconnectx,
// bsd/netinet/udp_usrreq.c:udp_disconnectx).
func sysDisconnectx(t *Thread, a *args) (uint64, Errno) {
	fd := int32(a[0])
	k, e := socketKind(fd)
	if e != 0 {
		return 0, e
	}
	if k.unix() || k.typ == guestSockRaw {
		return 0, EOPNOTSUPP
	}
	const anyID, allIDs = 0, 1<<32 - 1
	if id := uint32(a[1]); id != anyID && id != allIDs {
		return 0, EINVAL
	}
	if k.dgram() {
		if !hasPeer(fd) {
			return 0, ENOTCONN
		}
		clearFDBits(fd, fdConnected)
		return 0, disconnect(fd)
	}
	if bothShut(fd) {
		return 0, EINVAL
	}
	if e := shutdownHost(fd, syscall.SHUT_RDWR); e != ENOTCONN {
		return 0, e
	}
	return 0, 0 // it has no connection, and can have none any more
}
