// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"slices"
	"sync"
	"syscall"
	"unsafe"
)

// What the runner remembers about a socket because the host cannot: sizes
// that the host would round, options that it lacks, and what a unix datagram
// socket has sent. Few sockets have such a memory; fdSockMem says which
// descriptors do. Duplicates made later share it. It does not survive exec and
// does not travel with a descriptor that is passed on: there the host's own
// values answer, which are the guest's unless the host refuses such sizes.

// A sockMem is the memory of one socket.
type sockMem struct {
	mu       sync.Mutex
	snd, rcv uint32           // SO_SNDBUF, SO_RCVBUF as they were set; 0: the host has them
	sndlowat uint32           // SO_SNDLOWAT; 0: not set
	opts     map[int64]uint32 // options that only the guest can see, by level and name

	// Of a unix datagram socket:
	peer *sockMem // where its datagrams go, if that is known
	sent []unread // what the receivers may not have read, oldest first
	name string   // that it is bound to

	raw [4]byte // where the packets of a raw socket go, if it is connected
}

// sockMems has the memories by descriptor and the unix datagram sockets by
// the name that they are bound to. mu is taken before a sockMem's.
var sockMems struct {
	mu    sync.Mutex
	byFD  map[int32]*sockMem
	names map[string]*sockMem
}

// sockMemOf returns the memory of the socket fd, nil if it has none. The child
// of a fork, which must not lock, has none.
func sockMemOf(fd int32) *sockMem {
	if fdBitsOf(fd)&fdSockMem == 0 || kqueuesGone.Load() {
		return nil
	}
	sockMems.mu.Lock()
	defer sockMems.mu.Unlock()
	return sockMems.byFD[fd]
}

// makeSockMem is sockMemOf for those who write: it makes one where there is none.
func makeSockMem(fd int32) *sockMem {
	sockMems.mu.Lock()
	defer sockMems.mu.Unlock()
	if m := sockMems.byFD[fd]; m != nil {
		return m
	}
	m := new(sockMem)
	setSockMemLocked(fd, m)
	return m
}

func setSockMemLocked(fd int32, m *sockMem) {
	if uint32(fd) >= fdMax {
		return
	}
	if sockMems.byFD == nil {
		sockMems.byFD = map[int32]*sockMem{}
	}
	sockMems.byFD[fd] = m
	setFDBits(fd, fdSockMem)
}

// sockMemClosed and sockMemDuped follow the descriptors: see fdClosed, fdDuped.
func sockMemClosed(fd int32) {
	sockMems.mu.Lock()
	defer sockMems.mu.Unlock()
	m := sockMems.byFD[fd]
	if m == nil {
		return
	}
	delete(sockMems.byFD, fd)
	if m.name == "" || sockMems.names[m.name] != m {
		return
	}
	for _, other := range sockMems.byFD {
		if other == m {
			return
		}
	}
	delete(sockMems.names, m.name)
}

func sockMemDuped(from, to int32) {
	sockMems.mu.Lock()
	defer sockMems.mu.Unlock()
	if m := sockMems.byFD[from]; m != nil {
		setSockMemLocked(to, m)
	}
}

// option and setOption read and write an option that only the guest can see.
func (m *sockMem) option(o *sockopt) (uint32, bool) {
	if m == nil {
		return 0, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.opts[o.key()]
	return v, ok
}

func (m *sockMem) setOption(o *sockopt, v uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.opts == nil {
		m.opts = map[int64]uint32{}
	}
	m.opts[o.key()] = v
}

// dropOption forgets it: the host has the value.
func (m *sockMem) dropOption(o *sockopt) {
	if m != nil {
		m.mu.Lock()
		delete(m.opts, o.key())
		m.mu.Unlock()
	}
}

// accepted gives a socket that accept has made what XNU lets it inherit from
// the listener: sizes and options (xnu-11417
// bsd/kern/uipc_socket2.c:sonewconn_internal; 1504 too).
func accepted(listener, fd int32) {
	b := fdBitsOf(listener)
	setFDBits(fd, b&(fdNosigpipe|fdKeepIdle|fdKeepIntvl|fdKeepCnt))
	l := sockMemOf(listener)
	if l == nil {
		return
	}
	m := makeSockMem(fd)
	l.mu.Lock()
	snd, rcv, low := l.snd, l.rcv, l.sndlowat
	opts := make(map[int64]uint32, len(l.opts))
	for k, v := range l.opts {
		opts[k] = v
	}
	l.mu.Unlock()
	m.mu.Lock()
	m.snd, m.rcv, m.sndlowat, m.opts = snd, rcv, low, opts
	m.mu.Unlock()
}

// noteSocket must be called when the guest has got a socket as descriptor fd.
func noteSocket(fd int32, domain, typ int) {
	if domain != syscall.AF_UNIX && typ != guestSockRaw {
		// Ports that the kernel chooses are XNU's, as far as they are
		// among the host's; since Linux 6.3.
		const linuxIPLocalPortRange = 51
		setSockoptInt(fd, syscall.IPPROTO_IP, linuxIPLocalPortRange, firstPort|lastPort<<16)
	}
	if typ == guestSockStream {
		return
	}
	b := fdDgram
	if domain == syscall.AF_UNIX {
		b |= fdUnixDgram
	}
	setFDBits(fd, b)
}

// noteReceived is noteSocket for a descriptor that may be anything.
func noteReceived(fd int32) {
	if typ := sockInt(fd, syscall.SO_TYPE); typ > 0 {
		noteSocket(fd, sockInt(fd, linuxSoDomain), typ)
		setFDBits(fd, fdSndbuf)
		return
	}
	noteTTY(fd)
}

// noteInherited is noteReceived for all descriptors that the process began
// with. It ends at the first thousand that has none.
func noteInherited() {
	var fds [1024]struct {
		fd              int32
		events, revents int16
	}
	const nval = 0x20
	for base := int32(0); base < hiddenFDBase; base += int32(len(fds)) {
		for i := range fds {
			fds[i].fd, fds[i].revents = base+int32(i), 0
		}
		if _, e := host(syscall.SYS_POLL, uintptr(unsafe.Pointer(&fds)), uintptr(len(fds)), 0, 0, 0, 0); e != 0 {
			// More than the limit of open files: one by one.
			for i := range fds {
				noteReceived(base + int32(i))
			}
			return
		}
		any := false
		for i := range fds {
			if fds[i].revents&nval == 0 && fds[i].fd < hiddenFDBase {
				any = true
				noteReceived(fds[i].fd)
			}
		}
		if !any {
			return
		}
	}
}

// notePair links the two ends of a pair of unix datagram sockets.
func notePair(a, b int32) {
	m, n := makeSockMem(a), makeSockMem(b)
	m.peer, n.peer = n, m
}

// noteUnixBound must be called when the unix datagram socket fd has been bound
// to the host's address sa, noteConnected when a datagram socket has been
// connected to it.
func noteUnixBound(fd int32, sa []byte) {
	m := makeSockMem(fd)
	sockMems.mu.Lock()
	defer sockMems.mu.Unlock()
	m.name = unixName(sa)
	if sockMems.names == nil {
		sockMems.names = map[string]*sockMem{}
	}
	sockMems.names[m.name] = m
}

func noteConnected(fd int32, sa []byte) {
	if fdBitsOf(fd)&fdUnixDgram == 0 {
		if getUint16(sa) == syscall.AF_INET && len(sa) >= guestSockaddrIn4Len && sockInt(fd, syscall.SO_TYPE) == guestSockRaw {
			// The host has forgotten it: a raw socket's has no port.
			m := makeSockMem(fd)
			m.mu.Lock()
			m.raw = [4]byte(sa[4:8])
			m.mu.Unlock()
		}
		return
	}
	to := unixNamed(sa)
	m := sockMemOf(fd)
	if m == nil {
		if to == nil {
			return
		}
		m = makeSockMem(fd)
	}
	m.mu.Lock()
	m.peer = to
	m.mu.Unlock()
}

// unixNamed returns the memory of the socket of this process that has the
// address sa, nil if there is none.
func unixNamed(sa []byte) *sockMem {
	sockMems.mu.Lock()
	defer sockMems.mu.Unlock()
	return sockMems.names[unixName(sa)]
}

// unixName is the path in a unix address of the host's.
func unixName(sa []byte) string {
	if len(sa) < 2 || getUint16(sa) != syscall.AF_UNIX {
		return ""
	}
	return cstring(sa[2:])
}

// An unread is a datagram that a unix socket has sent.
type unread struct {
	to    *sockMem
	cc    uint32 // what it counts in the receiver's buffer: data and address
	mbcnt uint32 // and in mbufs
	host  uint32 // and in the sender's buffer of the host's
}

// What a datagram takes in mbufs: one for the address, and for the data one
// that holds it, or one with a cluster. That holds up to mbufData bytes where
// a packet's header takes part of it; the header's size differs a little
// between releases (xnu-1504 bsd/sys/mbuf.h: MSIZE, MCLBYTES, MHLEN).
const (
	mbufSize    = 256
	mbufCluster = 2048
	mbufData    = 100
)

// roomLocked reports whether the receiver to, whose buffer holds space bytes
// and mbmax bytes of mbufs, has room for a datagram d
// (xnu-11417 bsd/kern/uipc_socket2.c:sbappendaddr, sbspace). If what m.sent has
// leaves none, it asks the host with out how much of that has not been read:
// receivers read in order.
func (m *sockMem) roomLocked(to *sockMem, d unread, space, mbmax uint32, out func() uint32) bool {
	fits := func() bool {
		var cc, mbcnt uint32
		for _, u := range m.sent {
			if u.to == to {
				cc += u.cc
				mbcnt += u.mbcnt
			}
		}
		return cc+d.cc <= space && mbcnt+d.cc <= mbmax
	}
	if fits() && len(m.sent) < maxUnread {
		return true
	}
	total := uint32(0)
	for _, u := range m.sent {
		total += u.host
	}
	left := out()
	gone := 0
	for ; gone < len(m.sent) && (left == 0 || total > left); gone++ {
		total -= m.sent[gone].host
	}
	m.sent = slices.Delete(m.sent, 0, gone)
	return fits()
}

// maxUnread bounds the list of a sender with many receivers.
const maxUnread = 100
