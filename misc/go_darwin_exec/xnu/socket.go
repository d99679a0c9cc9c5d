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

// somaxconn bounds the backlog of listen (kern.ipc.somaxconn;
// xnu-11417 bsd/kern/uipc_socket.c).
const somaxconn = 128

// complainOnce is complain for what the guest may do again and again.
func complainOnce(format string, a ...any) {
	msg := fmt.Sprintf(format, a...)
	if _, again := complained.LoadOrStore(msg, true); !again {
		complain("%s", msg)
	}
}

var complained sync.Map

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
	if e == 0 && typ == guestSockStream {
		setFDBits(int32(fd), fdFresh)
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
			complainOnce("sockets of family %d are not implemented", domain)
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
	if e != 0 {
		host(syscall.SYS_CLOSE, uintptr(fds[0]), 0, 0, 0, 0, 0)
		host(syscall.SYS_CLOSE, uintptr(fds[1]), 0, 0, 0, 0, 0)
	}
	return 0, e
}

func sysBind(t *Thread, a *args) (uint64, Errno) {
	b := t.sockBuf()
	if e := b.sockaddrIn(a[1], uint32(a[2])); e != 0 {
		return 0, e
	}
	_, e := host(syscall.SYS_BIND, uintptr(int32(a[0])), hostBuf(&b.host[0]), uintptr(b.hlen), 0, 0, 0)
	return 0, e
}

// sysConnect: a signal ends it with EINTR and the connection goes on being
// made (xnu-11417 bsd/kern/uipc_syscalls.c:connect_nocancel). Run again after
// a signal that no handler saw, Linux goes on waiting for it.
func sysConnect(t *Thread, a *args) (uint64, Errno) {
	b := t.sockBuf()
	if e := b.sockaddrIn(a[1], uint32(a[2])); e != 0 {
		return 0, e
	}
	return 0, t.connect(b, int32(a[0]))
}

// connect connects fd to the address in b.
func (t *Thread) connect(b *sockBuf, fd int32) Errno {
	typ := -1
	if b.portZero() {
		// Nobody has port 0 (xnu-11417 bsd/netinet/in_pcb.c:in_pcbladdr);
		// Linux tries.
		if typ = sockInt(fd, syscall.SO_TYPE); typ == guestSockStream || typ == guestSockDgram {
			return EADDRNOTAVAIL
		}
	}
	e := t.hostConnect(b, fd)
	if getUint16(b.host[:]) == syscall.AF_UNIX {
		switch e {
		case ECONNREFUSED:
			if !b.isSocketFile() {
				e = ENOTSOCK // xnu-11417 bsd/kern/uipc_usrreq.c:unp_connect
			}
		case EAGAIN:
			// The listener's queue is full (the same, sonewconn).
			e = ECONNREFUSED
		}
	}
	switch e {
	case 0, EINPROGRESS, ERESTART, ECONNREFUSED, ECONNRESET, ETIMEDOUT:
		clearFDBits(fd, fdFresh)
		if e == 0 && sockInt(fd, syscall.SO_TYPE) == guestSockDgram {
			if getUint16(b.host[:]) == syscall.AF_UNSPEC {
				clearFDBits(fd, fdConnected)
			} else {
				setFDBits(fd, fdConnected)
			}
		}
	}
	return e
}

// hostConnect makes the host's connect. It never lets a kick keep the
// connection from being begun: a program that gets EINTR waits for it, and so
// does one that is told EINPROGRESS.
func (t *Thread) hostConnect(b *sockBuf, fd int32) Errno {
	fl, e := hostStatusFlags(fd)
	if e != 0 {
		return e
	}
	sa, n := hostBuf(&b.host[0]), uintptr(b.hlen)
	if fl&syscall.O_NONBLOCK != 0 {
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

func sysListen(t *Thread, a *args) (uint64, Errno) {
	n := int32(a[1])
	if n < 0 || n > somaxconn {
		n = somaxconn
	}
	_, e := host(syscall.SYS_LISTEN, uintptr(int32(a[0])), uintptr(n), 0, 0, 0, 0)
	if e == ENOTSUP {
		e = EOPNOTSUPP // xnu-11417 bsd/kern/uipc_socket.c:solisten
	}
	return 0, e
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
	if fl&syscall.O_ASYNC != 0 {
		host(syscall.SYS_FCNTL, uintptr(n), syscall.F_SETFL, uintptr(fl&(syscall.O_NONBLOCK|syscall.O_ASYNC)), 0, 0, 0)
	}
	if e := b.sockaddrOut(a[1], a[2]); e != 0 {
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
	b := t.sockBuf()
	b.hlen = hostSockaddrMax
	if _, e := host(nr, uintptr(int32(a[0])), hostBuf(&b.host[0]), uintptr(unsafe.Pointer(&b.hlen)), 0, 0, 0); e != 0 {
		return 0, e
	}
	return 0, b.sockaddrOut(a[1], a[2])
}

func sysShutdown(t *Thread, a *args) (uint64, Errno) {
	fd, how := int32(a[0]), int32(a[1])
	_, e := host(syscall.SYS_SHUTDOWN, uintptr(fd), uintptr(how), 0, 0, 0, 0)
	if e == 0 && how != syscall.SHUT_RD {
		setFDBits(fd, fdSentFIN)
		if fdBitsOf(fd)&fdKnotes != 0 {
			sentFIN(fd)
		}
	}
	return 0, e
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
		complainOnce("connectx before xnu-3248 is not implemented")
		return 0, ENOSYS
	}
	fd := int32(a[0])
	if a[1] == 0 {
		return 0, EINVAL
	}
	b := t.sockBuf()
	ep, e := t.abi().readEndpoints(a[1])
	if e != 0 {
		return 0, e
	}
	if ep.srcif != 0 {
		if e := setSockoptInt(fd, syscall.SOL_SOCKET, linuxSoBindtoifindex, int(ep.srcif)); e != 0 {
			return 0, e
		}
	}
	if ep.src != 0 && !t.restart {
		if e := b.sockaddrIn(ep.src, ep.srclen); e != 0 {
			return 0, e
		}
		if _, e := host(syscall.SYS_BIND, uintptr(fd), hostBuf(&b.host[0]), uintptr(b.hlen), 0, 0, 0); e != 0 {
			return 0, e
		}
	}
	if ep.dst == 0 {
		return 0, EDESTADDRREQ
	}
	if e := b.sockaddrIn(ep.dst, ep.dstlen); e != 0 {
		return 0, e
	}
	e = t.connect(b, fd)
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
// (xnu-11417 bsd/netinet/tcp_usrreq.c:tcp_usr_disconnectx).
func sysDisconnectx(t *Thread, a *args) (uint64, Errno) {
	const anyID, allIDs = 0, 1<<32 - 1
	if id := uint32(a[1]); id != anyID && id != allIDs {
		return 0, EINVAL
	}
	fd := int32(a[0])
	_, e := host(syscall.SYS_SHUTDOWN, uintptr(fd), syscall.SHUT_RDWR, 0, 0, 0, 0)
	if e == 0 {
		setFDBits(fd, fdSentFIN)
	}
	return 0, e
}
