// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"math"
	"syscall"
	"unsafe"
)

// msgFlags are the MSG_ bits of XNU (xnu-11417 bsd/sys/socket.h).
type msgFlags uint32

const (
	msgOob        msgFlags = 0x1
	msgPeek       msgFlags = 0x2
	msgDontroute  msgFlags = 0x4
	msgEor        msgFlags = 0x8
	msgTrunc      msgFlags = 0x10
	msgCtrunc     msgFlags = 0x20
	msgWaitall    msgFlags = 0x40
	msgDontwait   msgFlags = 0x80
	msgEOF        msgFlags = 0x100
	msgWaitstream msgFlags = 0x200
	msgFlush      msgFlags = 0x400
	msgHold       msgFlags = 0x800
	msgSend       msgFlags = 0x1000
	msgHavemore   msgFlags = 0x2000
	msgRcvmore    msgFlags = 0x4000
	msgNeedsa     msgFlags = 0x10000
	msgNosignal   msgFlags = 0x80000 // since 7195
)

// Linux's (include/linux/socket.h).
const (
	linuxMsgOob       = 0x1
	linuxMsgPeek      = 0x2
	linuxMsgDontroute = 0x4
	linuxMsgCtrunc    = 0x8
	linuxMsgTrunc     = 0x20
	linuxMsgDontwait  = 0x40
	linuxMsgEor       = 0x80
	linuxMsgWaitall   = 0x100
	linuxMsgNosignal  = 0x4000
	linuxMsgMore      = 0x8000
)

// A flagPair is a bit of XNU and the one of Linux that means the same.
type flagPair struct {
	guest msgFlags
	host  uint32
}

var (
	// MSG_HOLD keeps the data back until MSG_SEND, which is what Linux's
	// MSG_MORE does for a stream.
	sendFlags = [...]flagPair{{msgOob, linuxMsgOob}, {msgDontroute, linuxMsgDontroute}, {msgEor, linuxMsgEor},
		{msgDontwait, linuxMsgDontwait}, {msgHold, linuxMsgMore}}

	// XNU sets MSG_TRUNC and MSG_CTRUNC and does not look at them.
	recvFlags   = [...]flagPair{{msgOob, linuxMsgOob}, {msgPeek, linuxMsgPeek}, {msgWaitall, linuxMsgWaitall}, {msgDontwait, linuxMsgDontwait}}
	resultFlags = [...]flagPair{{msgOob, linuxMsgOob}, {msgEor, linuxMsgEor}, {msgTrunc, linuxMsgTrunc}, {msgCtrunc, linuxMsgCtrunc}}
)

// hostMsgFlags translates the flags of a call, guestMsgFlags those that a
// receive returns.
func hostMsgFlags(pairs []flagPair, g msgFlags) uintptr {
	var h uintptr
	for _, p := range pairs {
		if g&p.guest != 0 {
			h |= uintptr(p.host)
		}
	}
	return h
}

func guestMsgFlags(h uint32) uint32 {
	var g msgFlags
	for _, p := range resultFlags {
		if h&p.host != 0 {
			g |= p.guest
		}
	}
	return uint32(g)
}

// hostSendFlags translates the flags of a send. SIGPIPE is always the
// runner's to raise.
func hostSendFlags(g msgFlags) uintptr { return linuxMsgNosignal | hostMsgFlags(sendFlags[:], g) }

func hostRecvFlags(g msgFlags) uintptr { return hostMsgFlags(recvFlags[:], g) }

// hostMsghdr is Linux's struct msghdr.
type hostMsghdr struct {
	name       uintptr
	namelen    uint32
	iov        uintptr
	iovlen     uintptr
	control    uintptr
	controllen uintptr
	flags      int32
}

// sendName reads the address that a datagram goes to.
func (t *Thread) sendName(b *sockBuf, fd int32, p uint64, n uint32) Errno {
	b.hlen = 0
	if p == 0 {
		return 0
	}
	e := b.sockaddrIn(p, n)
	if e == EFAULT || e == ENAMETOOLONG || n < 2 {
		return e
	}
	bits := fdBitsOf(fd)
	plain := e == 0 && !b.portZero()
	switch getUint16(b.host[:]) {
	case syscall.AF_INET:
		plain = plain && bits&(fdInet6|fdUnix) == 0
	case syscall.AF_INET6:
		plain = plain && bits&fdInet6 != 0
	default:
		plain = false
	}
	if !plain || bits&fdConnected != 0 {
		return t.sendNameOther(b, fd, n)
	}
	return 0
}

// sendNameOther is sendName for an address that is not a good one of UDP's, or
// a socket that may have a peer.
func (t *Thread) sendNameOther(b *sockBuf, fd int32, n uint32) Errno {
	k, e := socketKind(fd)
	if e != 0 {
		return e
	}
	if k.typ == guestSockStream {
		// A connection does not look at it (xnu-11417
		// bsd/kern/uipc_usrreq.c:uipc_send, bsd/netinet/tcp_usrreq.c:tcp_usr_send).
		b.hlen = 0
		return 0
	}
	s := socketState(fd, k)
	if s.shutWrite {
		b.hlen = 0 // EPIPE
		return 0
	}
	if s.connected {
		// xnu-11417 bsd/netinet/udp_usrreq.c:udp_output, raw_ip.c:rip_send
		return EISCONN
	}
	return t.addrFor(b, fd, k, n, addrSend)
}

// addr returns the address in b as two arguments of a host call.
func (b *sockBuf) addr() (uintptr, uintptr) {
	if b.hlen == 0 {
		return 0, 0
	}
	return hostBuf(&b.host[0]), uintptr(b.hlen)
}

func sysSendto(t *Thread, a *args) (uint64, Errno) {
	fd, flags := int32(a[0]), msgFlags(a[3])
	if flags&msgOob != 0 {
		var e Errno
		if flags, e = oob(fd, flags, true); e != 0 {
			return 0, e
		}
	}
	b := t.sockBuf()
	if e := t.sendName(b, fd, a[4], uint32(a[5])); e != 0 {
		return 0, e
	}
	p, l := b.addr()
	if fdBitsOf(fd)&fdDgram != 0 {
		if a[2] > math.MaxInt32 {
			return 0, EINVAL // xnu-11417 bsd/kern/uipc_socket.c:sosend
		}
		b.msg = hostMsghdr{name: p, namelen: uint32(l), iov: b.oneIov(a[1], a[2]), iovlen: 1}
		b.clen = 0
		n, e := t.sendDatagram(fd, &b.msg, a[2], hostSendFlags(flags))
		if e != 0 {
			return 0, t.sendError(fd, flags, e)
		}
		return n, 0
	}
	n, e := t.block(syscall.SYS_SENDTO, uintptr(fd), srcBuf(a[1], a[2]), uintptr(a[2]), hostSendFlags(flags), p, l)
	if e != 0 {
		return 0, t.sendError(fd, flags, e)
	}
	return n, 0
}

func sysRecvfrom(t *Thread, a *args) (uint64, Errno) {
	fd := int32(a[0])
	b := t.sockBuf()
	var name, namelen uintptr
	if a[4] != 0 {
		b.hlen = hostSockaddrMax
		name, namelen = hostBuf(&b.host[0]), uintptr(unsafe.Pointer(&b.hlen))
	}
	flags := msgFlags(a[3])
	if flags&msgOob != 0 {
		if _, e := oob(fd, flags, false); e != 0 {
			return 0, e
		}
	}
	buf, size := dstBuf(a[1], a[2])
	n, e := t.block(syscall.SYS_RECVFROM, uintptr(fd), buf, size, hostRecvFlags(flags), name, namelen)
	if e != 0 || n == 0 {
		if n, e = recvResult(fd, flags, n, e); e != 0 {
			return 0, e
		}
	}
	return n, b.sockaddrOut(a[4], a[5])
}

func sysSendmsg(t *Thread, a *args) (uint64, Errno) {
	var raw [guestMsghdrSize]byte
	if e := copyinBytes(raw[:msghdrSize[t.abi()]], a[1]); e != 0 {
		return 0, e
	}
	var m guestMsghdr
	m.decode(raw[:], t.abi())
	return t.sendmsg(int32(a[0]), &m, msgFlags(a[2]))
}

func (t *Thread) sendmsg(fd int32, m *guestMsghdr, flags msgFlags) (uint64, Errno) {
	if m.iovlen > iovMax {
		return 0, EMSGSIZE
	}
	if flags&msgOob != 0 {
		var e Errno
		if flags, e = oob(fd, flags, true); e != 0 {
			return 0, e
		}
	}
	b := t.sockBuf()
	if e := t.sendName(b, fd, m.name, m.namelen); e != 0 {
		return 0, e
	}
	h := &b.msg
	*h = hostMsghdr{}
	var l uintptr
	h.name, l = b.addr()
	h.namelen = uint32(l)
	if e := h.setIov(t, m.iov, m.iovlen); e != 0 {
		return 0, e
	}
	b.clen = 0
	if m.control != 0 {
		b.clen = m.controllen
		if m.controllen < guestCmsghdrSize {
			return 0, EINVAL // xnu-11417 bsd/kern/uipc_syscalls.c:sendit
		}
		if m.controllen > uint32(len(b.gctl)) {
			return 0, EMSGSIZE
		}
		if e := copyinBytes(b.gctl[:m.controllen], m.control); e != 0 {
			return 0, e
		}
		n, e := hostControl(b.ctl[:], b.gctl[:m.controllen], sockInt(fd, linuxSoDomain) == syscall.AF_UNIX, t.p.Release)
		if e != 0 {
			return 0, e
		}
		if n > 0 {
			h.control, h.controllen = hostBuf(&b.ctl[0]), uintptr(n)
		}
	}
	var n uint64
	var e Errno
	if fdBitsOf(fd)&fdDgram != 0 {
		if n, e = t.iovTotal(h.iov, h.iovlen); e == 0 {
			n, e = t.sendDatagram(fd, h, n, hostSendFlags(flags))
		}
	} else {
		n, e = t.block(syscall.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(h)), hostSendFlags(flags), 0, 0, 0)
	}
	if e != 0 {
		return 0, t.sendError(fd, flags, e)
	}
	return n, 0
}

func sysRecvmsg(t *Thread, a *args) (uint64, Errno) {
	var raw [guestMsghdrSize]byte
	if e := copyinBytes(raw[:msghdrSize[t.abi()]], a[1]); e != 0 {
		return 0, e
	}
	var m guestMsghdr
	m.decode(raw[:], t.abi())
	n, e := t.recvmsg(int32(a[0]), &m, msgFlags(a[2]))
	if e != 0 {
		return 0, e
	}
	return n, m.copyoutResults(a[1], t.abi())
}

// recvmsg receives into what m describes and leaves the results in m.
func (t *Thread) recvmsg(fd int32, m *guestMsghdr, flags msgFlags) (uint64, Errno) {
	if m.iovlen > iovMax {
		return 0, EMSGSIZE
	}
	b := t.sockBuf()
	h := &b.msg
	*h = hostMsghdr{}
	if m.name != 0 {
		h.name, h.namelen = hostBuf(&b.host[0]), hostSockaddrMax
	}
	if e := h.setIov(t, m.iov, m.iovlen); e != 0 {
		return 0, e
	}
	if m.control != 0 && m.controllen > 0 {
		h.control, h.controllen = hostBuf(&b.ctl[0]), uintptr(len(b.ctl))
	}
	if flags&msgOob != 0 {
		if _, e := oob(fd, flags, false); e != 0 {
			return 0, e
		}
	}
	n, e := t.block(syscall.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(h)), hostRecvFlags(flags), 0, 0, 0)
	if e != 0 || n == 0 {
		if e != 0 {
			h.namelen, h.controllen, h.flags = 0, 0, 0
		}
		if n, e = recvResult(fd, flags, n, e); e != 0 {
			return 0, e
		}
	}
	m.flags = guestMsgFlags(uint32(h.flags))
	if m.name != 0 {
		l := uint32(guestSockaddr(b.guest[:], b.host[:min(h.namelen, hostSockaddrMax)]))
		if e := copyoutBytes(m.name, b.guest[:min(l, m.namelen)]); e != 0 {
			return 0, e
		}
		m.namelen = l
	} else {
		m.namelen = 0
	}
	room := m.controllen
	m.controllen = 0
	if h.controllen > 0 && m.control != 0 {
		l, cut := guestControl(b.gctl[:min(room, uint32(len(b.gctl)))], b.ctl[:h.controllen], fdBitsOf(fd), t.abi())
		if cut {
			m.flags |= uint32(msgCtrunc)
		}
		if e := copyoutBytes(m.control, b.gctl[:l]); e != 0 {
			return 0, e
		}
		m.controllen = uint32(l)
	}
	return n, 0
}

// sysSendmsgX and sysRecvmsgX return how many messages they have moved; an
// error after the first is kept for the next call (xnu-11417
// bsd/kern/uipc_syscalls.c:sendmsg_x, recvmsg_x).
func sysSendmsgX(t *Thread, a *args) (uint64, Errno) {
	return t.msgX(a, func(m *guestMsghdr, fl msgFlags) (uint64, Errno) {
		if m.name != 0 || m.control != 0 {
			return 0, EINVAL // internalize_user_msghdr_array: neither is taken
		}
		return t.sendmsg(int32(a[0]), m, fl)
	}, false)
}

func sysRecvmsgX(t *Thread, a *args) (uint64, Errno) {
	return t.msgX(a, func(m *guestMsghdr, fl msgFlags) (uint64, Errno) {
		return t.recvmsg(int32(a[0]), m, fl)
	}, true)
}

func (t *Thread) msgX(a *args, move func(*guestMsghdr, msgFlags) (uint64, Errno), recv bool) (uint64, Errno) {
	count := uint32(a[2])
	flags := msgFlags(a[3])
	if flags&^msgDontwait != 0 {
		return 0, EOPNOTSUPP
	}
	most := maxSendmsgX
	if recv {
		most = maxRecvmsgX
	}
	if n := most.get(t.p.Release); n > 0 {
		count = min(count, n)
	}
	var done uint64
	for done < uint64(count) {
		size := msghdrXSize[t.abi()]
		at := a[1] + done*uint64(size)
		var raw [guestMsghdrXSize]byte
		if e := copyinBytes(raw[:size], at); e != 0 {
			return 0, e
		}
		var m guestMsghdr
		m.decode(raw[:], t.abi())
		n, e := move(&m, flags)
		if e != 0 {
			if done > 0 {
				break
			}
			return 0, e
		}
		m.datalen = n
		if recv {
			if e := m.copyoutResults(at, t.abi()); e != 0 {
				return 0, e
			}
		}
		if e := m.copyoutDatalen(at, t.abi()); e != 0 {
			return 0, e
		}
		done++
		flags |= msgDontwait // what there is, once something has been moved
	}
	return done, 0
}

// sysSendfile: from a regular file to a connected stream socket; the number
// of bytes sent is returned also with EAGAIN and EINTR. No SIGPIPE
// (xnu-11417 bsd/kern/uipc_syscalls.c:sendfile; all releases alike).
func sysSendfile(t *Thread, a *args) (uint64, Errno) {
	fd, s := int32(a[0]), int32(a[1])
	off, lenp, hdtrp, flags := int64(a[2]), a[3], a[4], int32(a[5])
	if lenp == 0 || flags != 0 || off < 0 {
		return 0, EINVAL
	}
	var buf [8]byte
	if e := copyinBytes(buf[:], lenp); e != 0 {
		return 0, e
	}
	want := int64(getUint64(buf[:]))
	fl, e := hostStatusFlags(fd)
	if e != 0 {
		return 0, e
	}
	if fl&syscall.O_ACCMODE == syscall.O_WRONLY {
		return 0, EBADF
	}
	b := t.sockBuf()
	st := (*syscall.Stat_t)(unsafe.Pointer(&b.val))
	if _, e := host(syscall.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(st)), 0, 0, 0, 0); e != 0 {
		return 0, e
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return 0, ENOTSUP
	}
	typ, e := sockoptInt(s, syscall.SOL_SOCKET, syscall.SO_TYPE)
	if e != 0 {
		return 0, e
	}
	if typ != guestSockStream {
		return 0, EINVAL
	}
	b.hlen = hostSockaddrMax
	if _, e := host(syscall.SYS_GETPEERNAME, uintptr(s), hostBuf(&b.host[0]), uintptr(unsafe.Pointer(&b.hlen)), 0, 0, 0); e != 0 {
		if e != EINVAL { // not connected any more: EPIPE below
			return 0, e
		}
	}
	var h hdtr
	if hdtrp != 0 {
		if h, e = t.abi().readHdtr(hdtrp); e != 0 {
			return 0, e
		}
	}

	var sent int64
	done := false // the file's part has been sent whole
	e = 0
	if h.headers != 0 && h.nheader > 0 {
		var n uint64
		if n, e = t.sendVector(b, s, h.headers, h.nheader); e == 0 {
			sent += int64(n)
		}
	}
	left := want
	if want == 0 {
		left = 1<<63 - 1 // to the end of the file
	}
	offp := (*int64)(unsafe.Pointer(&b.ctl[0]))
	*offp = off
	for e == 0 && !done {
		var n uint64
		n, e = t.block(syscall.SYS_SENDFILE, uintptr(s), uintptr(fd), uintptr(unsafe.Pointer(offp)), uintptr(min(left, 0x7ffff000)), 0, 0)
		if e == ERESTART && pollNow(s, linuxEpollOut)&linuxEpollOut != 0 {
			// The host has looked for signals, and there is room for more.
			const some = 4096
			n, e = t.finish(syscall.SYS_SENDFILE, uintptr(s), uintptr(fd), uintptr(unsafe.Pointer(offp)), uintptr(min(left, some)), 0, 0)
		}
		if e == 0 {
			sent += int64(n)
			left -= int64(n)
			done = n == 0 || left == 0
		}
	}
	if done && h.trailers != 0 && h.ntrailer > 0 {
		var n uint64
		if n, e = t.sendVector(b, s, h.trailers, h.ntrailer); e == 0 {
			sent += int64(n)
		}
	}
	if e == ERESTART {
		if sent == 0 {
			return 0, ERESTART
		}
		e = EINTR
	}
	putUint64(buf[:], uint64(sent))
	if ce := copyoutBytes(lenp, buf[:]); ce != 0 {
		return 0, ce
	}
	return 0, e
}

// sendVector sends a header or trailer of sendfile.
func (t *Thread) sendVector(b *sockBuf, s int32, iov uint64, n uint32) (uint64, Errno) {
	if n > iovMax {
		return 0, EINVAL
	}
	b.msg = hostMsghdr{}
	if e := b.msg.setIov(t, iov, n); e != 0 {
		return 0, e
	}
	return t.block(syscall.SYS_SENDMSG, uintptr(s), uintptr(unsafe.Pointer(&b.msg)), linuxMsgNosignal, 0, 0, 0)
}
