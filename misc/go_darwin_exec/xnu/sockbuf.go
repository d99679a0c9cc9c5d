// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"math"
	"sync"
	"syscall"
	"unsafe"
)

// The sizes of sockets' buffers and what follows from them for datagrams.
// Streams have the host's buffers, whose sizes the guest does not see.

// Linux's options that package syscall lacks.
const (
	linuxSoBufLock = 72 // since 5.14

	linuxSndbufLock = 1
	linuxRcvbufLock = 2
)

// mbufClusterShare is how much of a buffer of n bytes may be data
// (xnu-1504 bsd/kern/uipc_socket2.c:sbreserve).
func mbufClusterShare(n uint32) uint32 {
	return uint32(uint64(n) * mbufCluster / (mbufSize + mbufCluster))
}

// bufDefaults are the sizes that a new socket begins with (xnu-11417
// bsd/kern/uipc_usrreq.c:unp_attach, bsd/netinet/tcp_usrreq.c:tcp_attach,
// udp_usrreq.c:udp_attach, raw_ip.c:rip_attach, ip_icmp.c:icmp_dgram_attach).
func bufDefaults(r Release, domain, typ, proto int) (snd, rcv uint32) {
	switch {
	case domain == syscall.AF_UNIX && typ == guestSockDgram:
		return unixDgramSendspace.get(r), unixDgramRecvspace.get(r)
	case domain == syscall.AF_UNIX:
		return unixStreamSendspace.get(r), unixStreamRecvspace.get(r)
	case typ == guestSockStream && r < XNU2050:
		// The first 64 sockets get more, a share of the largest window
		// (xnu-1504 bsd/netinet/tcp_usrreq.c:tcp_attach).
		const window = math.MaxUint16 << 3
		return max(window/4, tcpSendspace.get(r)), max(window/2, tcpRecvspace.get(r))
	case typ == guestSockStream:
		return tcpSendspace.get(r), tcpRecvspace.get(r)
	case typ == guestSockDgram && proto != syscall.IPPROTO_ICMP && proto != syscall.IPPROTO_ICMPV6:
		return udpSendspace.get(r), udpRecvspace.get(r)
	}
	return rawSendspace.get(r), rawRecvspace.get(r)
}

// sndlowatDefault is what SO_SNDLOWAT begins with (xnu-11417
// bsd/kern/uipc_socket2.c:soreserve, uipc_usrreq.c:unp_attach).
func sndlowatDefault(fd int32, snd uint32) uint32 {
	if fdBitsOf(fd)&fdUnixDgram != 0 {
		return 1
	}
	return min(mbufCluster, snd)
}

// bufSizes returns SO_SNDBUF and SO_RCVBUF of a socket as XNU would have them:
// what the guest has set, or what another program has set through the host, or
// the default.
func (t *Thread) bufSizes(fd int32) (snd, rcv uint32, e Errno) {
	domain, e := sockoptInt(fd, syscall.SOL_SOCKET, linuxSoDomain)
	if e != 0 {
		return 0, 0, e
	}
	typ, proto := sockInt(fd, syscall.SO_TYPE), sockInt(fd, linuxSoProtocol)
	snd, rcv = bufDefaults(t.p.Release, domain, typ, proto)
	hs, hr := uint32(sockInt(fd, syscall.SO_SNDBUF)), uint32(sockInt(fd, syscall.SO_RCVBUF))
	lock, e := sockoptInt(fd, syscall.SOL_SOCKET, linuxSoBufLock)
	if e != 0 {
		// An older host: one that differs from a new socket's was set.
		// What the host changes by itself is not told apart.
		lock = 0
		if typ != guestSockStream || domain == syscall.AF_UNIX {
			if n, e := host(syscall.SYS_SOCKET, uintptr(domain), uintptr(typ), uintptr(proto), 0, 0, 0); e == 0 {
				if uint32(sockInt(int32(n), syscall.SO_SNDBUF)) != hs {
					lock |= linuxSndbufLock
				}
				if uint32(sockInt(int32(n), syscall.SO_RCVBUF)) != hr {
					lock |= linuxRcvbufLock
				}
				host(syscall.SYS_CLOSE, uintptr(n), 0, 0, 0, 0, 0)
			}
		}
	}
	if lock&linuxSndbufLock != 0 {
		snd = hs / 2
	}
	if lock&linuxRcvbufLock != 0 {
		rcv = hr / 2
	}
	if m := sockMemOf(fd); m != nil {
		m.mu.Lock()
		if m.snd != 0 {
			snd = m.snd
		}
		if m.rcv != 0 {
			rcv = m.rcv
		}
		m.mu.Unlock()
	}
	return snd, rcv, 0
}

// reserve is the size that a buffer of size now gets if n is asked for, or
// ENOBUFS. Until 14 too large a one was an error, from 15 on it is cut, once
// (xnu-1504, xnu-10002, xnu-11215 bsd/kern/uipc_socket2.c:sbreserve).
func reserve(r Release, n, now uint32) (uint32, Errno) {
	most := maxsockbuf.get(r)
	if r < XNU11215 {
		most = mbufClusterShare(most)
	}
	switch {
	case n <= most:
		return n, 0
	case r < XNU11215 || now == most:
		return 0, ENOBUFS
	}
	return most, 0
}

// setBufSize sets SO_SNDBUF or SO_RCVBUF.
func (t *Thread) setBufSize(fd int32, hname int, n int32) Errno {
	if n < 1 {
		return EINVAL
	}
	snd, rcv, e := t.bufSizes(fd)
	if e != 0 {
		return e
	}
	now := snd
	if hname == syscall.SO_RCVBUF {
		now = rcv
	}
	v, e := reserve(t.p.Release, uint32(n), now)
	if e != 0 {
		return e
	}
	if e := setSockoptInt(fd, syscall.SOL_SOCKET, hname, int(v)); e != 0 {
		return e
	}
	// The host keeps it if it is neither too small nor too large for it.
	if hname == syscall.SO_SNDBUF {
		setFDBits(fd, fdSndbuf)
	}
	m := sockMemOf(fd)
	if m == nil {
		if uint32(sockInt(fd, hname)) == 2*v {
			return 0
		}
		m = makeSockMem(fd)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if hname == syscall.SO_RCVBUF {
		m.rcv = v
	} else {
		m.snd = v
	}
	return 0
}

// setLowat sets SO_SNDLOWAT, which the host does not have, or SO_RCVLOWAT:
// neither becomes larger than the buffer.
func (t *Thread) setLowat(fd int32, hname int, n int32) Errno {
	if n < 1 {
		return EINVAL
	}
	snd, rcv, e := t.bufSizes(fd)
	if e != 0 {
		return e
	}
	if hname == syscall.SO_RCVLOWAT {
		return setSockoptInt(fd, syscall.SOL_SOCKET, hname, int(min(uint32(n), rcv)))
	}
	m := makeSockMem(fd)
	m.mu.Lock()
	m.sndlowat = min(uint32(n), snd)
	m.mu.Unlock()
	return 0
}

// sndlowat reads SO_SNDLOWAT.
func (t *Thread) sndlowat(fd int32) (uint32, Errno) {
	snd, _, e := t.bufSizes(fd)
	if e != 0 {
		return 0, e
	}
	v := sndlowatDefault(fd, snd)
	if m := sockMemOf(fd); m != nil {
		m.mu.Lock()
		if m.sndlowat != 0 {
			v = m.sndlowat
		}
		m.mu.Unlock()
	}
	return min(v, snd), 0
}

// checkDatagram finds XNU's error for a datagram of n bytes with control
// messages of clen bytes that is too large for the socket's buffer. What is
// wrong with the socket itself comes first
// (xnu-11417 bsd/kern/uipc_socket.c:sosendcheck).
func (t *Thread) checkDatagram(fd int32, n, clen uint64, named bool) Errno {
	b := fdBitsOf(fd)
	if m := max(n, clen); m <= t.sureToFit(b) || m <= t.sndbuf(fd) {
		return 0
	}
	if b&fdSentFIN != 0 {
		return 0 // the host has an error
	}
	if v := sockInt(fd, syscall.SO_ERROR); v > 0 {
		return fromHost(uintptr(v))
	}
	if !named && !hasPeer(fd) && sockInt(fd, syscall.SO_TYPE) != guestSockRaw {
		return EDESTADDRREQ
	}
	return EMSGSIZE
}

// sureToFit is a size that a datagram socket with bits b takes, whatever the
// host says about it.
func (t *Thread) sureToFit(b fdBits) uint64 {
	r := t.p.Release
	v := min(udpSendspace.get(r), rawSendspace.get(r))
	if b&fdUnixDgram != 0 {
		v = unixDgramSendspace.get(r)
	}
	switch {
	case b&fdSndbuf != 0 && b&fdSockMem != 0:
		v = 0
	case b&fdSndbuf != 0:
		v = min(v, hostSndbufMin) // what the host does not keep is in a sockMem
	}
	return uint64(v)
}

// hostSndbufMin is the smallest SO_SNDBUF that the host keeps as it is set
// (Linux's SOCK_MIN_SNDBUF is twice that).
const hostSndbufMin = 2304

// sndbuf is SO_SNDBUF of a datagram socket.
func (t *Thread) sndbuf(fd int32) uint64 {
	if fdBitsOf(fd)&fdSndbuf != 0 {
		if m := sockMemOf(fd); m != nil {
			m.mu.Lock()
			v := m.snd
			m.mu.Unlock()
			if v != 0 {
				return uint64(v)
			}
		}
	}
	snd, _, e := t.bufSizes(fd)
	if e != 0 {
		return math.MaxUint64 // the host has an error
	}
	return uint64(snd)
}

// sendDatagram sends what h, the msg of the thread's sockBuf, describes: n bytes.
func (t *Thread) sendDatagram(fd int32, h *hostMsghdr, n uint64, flags uintptr) (uint64, Errno) {
	if e := t.checkDatagram(fd, n, uint64(t.sockBuf().clen), h.name != 0); e != 0 {
		return 0, e
	}
	if fdBitsOf(fd)&fdUnixDgram != 0 {
		return t.sendUnixDatagram(fd, h, n, flags)
	}
	v, e := t.block(syscall.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(h)), flags, 0, 0, 0)
	if e == EFAULT && n < 2 {
		return t.sendShortICMP(fd, h, n)
	}
	return v, e
}

// sendUnixDatagram never waits: the receiver has room or the datagram is lost
// (xnu-11417 bsd/kern/uipc_usrreq.c:uipc_send; 1504 too). How much a receiver
// in this process takes is counted as XNU counts; of another only the host
// knows when it is full.
func (t *Thread) sendUnixDatagram(fd int32, h *hostMsghdr, n uint64, flags uintptr) (uint64, Errno) {
	send := func() (uint64, Errno) {
		v, e := host(syscall.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(h)), flags|linuxMsgDontwait, 0, 0, 0)
		if e == EAGAIN {
			e = ENOBUFS
		}
		return v, e
	}
	if kqueuesGone.Load() {
		return send()
	}
	m := sockMemOf(fd)
	var to *sockMem
	if h.name != 0 {
		if to = unixNamed(t.sockBuf().host[:h.namelen]); to != nil && m == nil {
			m = makeSockMem(fd)
		}
	} else if m != nil {
		m.mu.Lock()
		to = m.peer
		m.mu.Unlock()
	}
	if to == nil {
		return send()
	}
	to.mu.Lock()
	space := to.rcv
	to.mu.Unlock()
	if space == 0 {
		space = unixDgramRecvspace.get(t.p.Release)
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	d := unread{to: to, cc: uint32(n) + unixNameLen(m.name), mbcnt: 2 * mbufSize, host: hostCharge(n)}
	if n > mbufData {
		d.mbcnt += mbufCluster
	}
	if !m.roomLocked(to, d, space, space*sockbufWaste.get(t.p.Release), func() uint32 { return outq(fd) }) {
		return 0, ENOBUFS
	}
	v, e := send()
	if e == 0 {
		m.sent = append(m.sent, d)
	}
	return v, e
}

// hostCharge is what the host counts in the sender's buffer for a datagram of
// n bytes, which depends on how it allocates them: it is asked, once for 64
// bytes and 64 bytes.
func hostCharge(n uint64) uint32 {
	class := int(n+63) / 64
	if v, ok := hostCharges.Load(class); ok {
		return v.(uint32)
	}
	charge := uint32(n) + 512 // at least
	var fds [2]int32
	if _, e := host(syscall.SYS_SOCKETPAIR, syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0, uintptr(unsafe.Pointer(&fds)), 0, 0); e != 0 {
		return charge
	}
	b := make([]byte, class*64+1)
	if v, e := host(syscall.SYS_SENDTO, uintptr(fds[0]), hostBuf(&b[0]), uintptr(n), linuxMsgNosignal, 0, 0); e == 0 && v == n {
		charge = outq(fds[0])
		hostCharges.Store(class, charge)
	}
	host(syscall.SYS_CLOSE, uintptr(fds[0]), 0, 0, 0, 0, 0)
	host(syscall.SYS_CLOSE, uintptr(fds[1]), 0, 0, 0, 0, 0)
	return charge
}

var hostCharges sync.Map // of uint32 by the number of 64 bytes

// outq is what the host counts as sent and not read.
func outq(fd int32) uint32 {
	v, _ := ioctlInt(fd, linuxTiocoutq)
	return uint32(v)
}

// unixNameLen is the length of the sender's address that a datagram carries.
func unixNameLen(name string) uint32 {
	if name == "" {
		return 16 // sun_noname
	}
	return uint32(min(2+len(name)+1, guestSockaddrUnLen))
}

// sendShortICMP sends a datagram of n bytes, less than 2, on a raw ICMP
// socket. XNU does not look into it (xnu-11417 bsd/netinet/raw_ip.c:rip_output);
// Linux says EFAULT because it wants to read type and code. It does not if the
// header comes from the sender, so another socket sends it with one. ICMPv6 of
// less than a header is ENOBUFS on XNU (bsd/netinet6/raw_ip6.c:rip6_output).
func (t *Thread) sendShortICMP(fd int32, h *hostMsghdr, n uint64) (uint64, Errno) {
	if sockInt(fd, syscall.SO_TYPE) != guestSockRaw {
		return 0, EFAULT
	}
	switch sockInt(fd, linuxSoProtocol) {
	case syscall.IPPROTO_ICMPV6:
		return 0, ENOBUFS
	case syscall.IPPROTO_ICMP:
	default:
		return 0, EFAULT
	}
	b := t.sockBuf()
	pkt := b.gctl[:20+n]
	clear(pkt)
	if n > 0 {
		// The byte is in the first part of the vector that is not empty.
		for i := range h.iovlen {
			if p, l := t.iovPart(h.iov, i); l > 0 {
				if e := copyinBytes(pkt[20:], p); e != 0 {
					return 0, e
				}
				break
			}
		}
	}
	if h.name == 0 {
		m := sockMemOf(fd)
		if m == nil {
			return 0, EDESTADDRREQ
		}
		m.mu.Lock()
		clear(b.host[:guestSockaddrIn4Len])
		putUint16(b.host[:], syscall.AF_INET)
		copy(b.host[4:8], m.raw[:])
		m.mu.Unlock()
	}
	dst := b.host[:guestSockaddrIn4Len]
	l := uint32(hostSockaddrMax)
	host(syscall.SYS_GETSOCKNAME, uintptr(fd), hostBuf(&b.guest[0]), uintptr(unsafe.Pointer(&l)), 0, 0, 0)
	ttl, _ := sockoptInt(fd, syscall.IPPROTO_IP, syscall.IP_TTL)
	tos, _ := sockoptInt(fd, syscall.IPPROTO_IP, syscall.IP_TOS)
	// struct ip: version and length 0, tos 1, len 2/2, id 4/2, off 6/2,
	// ttl 8, protocol 9, sum 10/2, src 12/4, dst 16/4; Linux fills in what is 0.
	pkt[0], pkt[1], pkt[8], pkt[9] = 0x45, byte(tos), byte(ttl), syscall.IPPROTO_ICMP
	pkt[3] = byte(len(pkt))
	copy(pkt[12:16], b.guest[4:8])
	copy(pkt[16:20], dst[4:8])
	raw, e := host(syscall.SYS_SOCKET, syscall.AF_INET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.IPPROTO_RAW, 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	defer host(syscall.SYS_CLOSE, uintptr(raw), 0, 0, 0, 0, 0)
	if i, e := sockoptInt(fd, syscall.SOL_SOCKET, linuxSoBindtoifindex); e == 0 && i != 0 {
		setSockoptInt(int32(raw), syscall.SOL_SOCKET, linuxSoBindtoifindex, i)
	}
	if _, e := t.block(syscall.SYS_SENDTO, uintptr(raw), hostBuf(&pkt[0]), uintptr(len(pkt)), linuxMsgNosignal, hostBuf(&dst[0]), uintptr(len(dst))); e != 0 {
		return 0, e
	}
	return n, 0
}

// oneIov makes the vector of a single buffer.
func (b *sockBuf) oneIov(p, n uint64) uintptr {
	b.one = [2]uint64{uint64(srcBuf(p, n)), n}
	return uintptr(unsafe.Pointer(&b.one))
}

// writeDatagram is write and writev on a datagram socket: a vector of count
// parts at the host's address iov.
func (t *Thread) writeDatagram(fd int32, iov, count uintptr) (uint64, Errno) {
	n, e := t.iovTotal(iov, count)
	if e != 0 {
		return 0, e
	}
	b := t.sockBuf()
	b.msg = hostMsghdr{iov: iov, iovlen: count}
	b.clen = 0
	n, e = t.sendDatagram(fd, &b.msg, n, linuxMsgNosignal)
	if e != 0 {
		return 0, t.sendError(fd, 0, e)
	}
	return n, 0
}

// iovTotal adds up a vector that iovec has returned, or sockBuf.one.
func (t *Thread) iovTotal(iov, count uintptr) (uint64, Errno) {
	n := uint64(0)
	for i := range count {
		_, l := t.iovPart(iov, i)
		if n += l; l > math.MaxInt32 || n > math.MaxInt32 {
			return 0, EINVAL // xnu-11417 bsd/kern/uipc_socket.c:sosend
		}
	}
	return n, 0
}

// iovPart returns the address and the length of a part of such a vector.
func (t *Thread) iovPart(iov, i uintptr) (p, n uint64) {
	if one := &t.sockBuf().one; iov == uintptr(unsafe.Pointer(one)) {
		return one[0], one[1]
	}
	return t.fs.iov[i].base, t.fs.iov[i].size
}
