// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"sync/atomic"
	"syscall"
)

// What the runner remembers about a descriptor, because the host's kernel
// does not: an atomic word per number, so that close can see in one load that
// there is nothing to do.

// fdBits are the bits of that word.
type fdBits uint32

const (
	fdKqueue    fdBits = 1 << iota // a kqueue: kqueues has it
	fdKnotes                       // some kqueue watches it
	fdConnected                    // a datagram socket that has a peer
	fdSentFIN                      // a socket that has been shut down for writing
	fdShutRead                     // a socket that has been shut down for reading
	fdInet6                        // a socket of AF_INET6
	fdUnix                         // a socket of AF_UNIX
	fdRecvIf                       // IP_RECVIF is on
	fdRecvDst                      // IP_RECVDSTADDR is on
	fdPktinfo                      // IP_PKTINFO is on
	fdNosigpipe                    // no SIGPIPE with EPIPE: F_SETNOSIGPIPE, SO_NOSIGPIPE
	fdDgram                        // a socket of datagrams: see sendDatagram
	fdUnixDgram                    // of AF_UNIX
	fdSockMem                      // sockMems has it
	fdSndbuf                       // SO_SNDBUF may have been set
	fdTimeMono                     // SO_TIMESTAMP_MONOTONIC is on
	fdTimeCont                     // SO_TIMESTAMP_CONTINUOUS is on
	fdTimeReal                     // SO_TIMESTAMP is on
	fdKeepIdle                     // TCP_KEEPALIVE is set
	fdKeepIntvl                    // TCP_KEEPINTVL is set
	fdKeepCnt                      // TCP_KEEPCNT is set
	fdRevoked                      // a terminal that has been revoked: see ttyrevoke.go
	fdNoCtty                       // /dev/tty whose terminal has been revoked

	fdErrorShift = 24
	fdError      = 0xff << fdErrorShift // an error of a socket: see setSockError
)

// fdMax bounds the descriptors that the runner remembers anything about. The
// guest's own stay below hiddenFDBase.
const fdMax = 1 << 15

var fdWords [fdMax]atomic.Uint32

// fdBitsOf returns what is known about fd.
func fdBitsOf(fd int32) fdBits {
	if uint32(fd) >= fdMax {
		return 0
	}
	return fdBits(fdWords[fd].Load())
}

func setFDBits(fd int32, b fdBits) {
	if uint32(fd) < fdMax {
		fdWords[fd].Or(uint32(b))
	}
}

func clearFDBits(fd int32, b fdBits) {
	if uint32(fd) < fdMax {
		fdWords[fd].And(^uint32(b))
	}
}

// fdClosed must be called before the guest's descriptor fd is closed, by
// close, by dup2 over it, or otherwise: its knotes go, and if it is the last
// name of a kqueue, so does the kqueue (xnu-11417
// bsd/kern/kern_descrip.c:fp_close_and_unlock, knote_fdclose).
//
// The host's epoll would not do it: it forgets a file when the last duplicate
// in any process is closed, and a child that was forked may hold one.
func fdClosed(fd int) {
	if uint(fd) >= fdMax {
		return
	}
	b := fdBits(fdWords[fd].Load())
	if b == 0 {
		return
	}
	fdWords[fd].Store(0)
	if b&(fdKqueue|fdKnotes|fdSockMem) == 0 || kqueuesGone.Load() {
		return
	}
	if b&fdSockMem != 0 {
		sockMemClosed(int32(fd))
	}
	if b&fdKqueue != 0 {
		kqueueClosed(int32(fd))
	}
	if b&fdKnotes != 0 {
		knotesClosed(int32(fd))
	}
}

// fdDuped must be called when the guest's descriptor from has been duplicated
// as to. Knotes stay with the one that they were added to.
func fdDuped(from, to int) {
	if uint(from) >= fdMax || uint(to) >= fdMax {
		return
	}
	b := fdBits(fdWords[from].Load()) &^ fdKnotes
	if b == 0 {
		return
	}
	if b&fdKqueue != 0 && !kqueuesGone.Load() {
		kqueueDuped(int32(from), int32(to))
	}
	if b&fdSockMem != 0 && !kqueuesGone.Load() {
		sockMemDuped(int32(from), int32(to))
	}
	fdWords[to].Or(uint32(b))
}

// hiddenFDBase is the lowest of the runner's own descriptors. The guest must
// be told of a limit (RLIMIT_NOFILE, F_DUPFD, dup2) that does not reach it.
var hiddenFDBase = func() int32 {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 512
	}
	switch {
	case l.Cur >= 10240+1024:
		return 10240 // OPEN_MAX (xnu-11417 bsd/sys/syslimits.h)
	case l.Cur >= 1024:
		return int32(l.Cur) - 256
	}
	return int32(l.Cur) / 2
}()

// fdHidden reports whether fd is one of the runner's own, which the guest must
// find closed.
func fdHidden(fd int32) bool {
	return fd >= hiddenFDBase && fd < hiddenFDBase+1024 || fd != 0 && (fd == pollerFDs[0] || fd == pollerFDs[1])
}

// pollerFDs are the descriptors of the Go runtime's poller, which cannot be
// moved once they are open: see ReserveFDs.
var pollerFDs [2]int32

// hideFD moves a descriptor that the runner has just opened out of the
// guest's way, close-on-exec.
func hideFD(fd int32) (int32, Errno) {
	h, e := host(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, uintptr(hiddenFDBase), 0, 0, 0)
	host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
	return int32(h), e
}

func closeHidden(fd int32) {
	if fd >= 0 {
		host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
	}
}
