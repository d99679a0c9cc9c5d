// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

// EVFILT_READ, EVFILT_WRITE and EVFILT_EXCEPT.

// Filter flags of the descriptor filters (xnu-11417 bsd/sys/event.h).
const (
	noteLowat = 1
	noteOOB   = 2
)

// attachFD starts a filter that watches a descriptor.
func (kq *kqueue) attachFD(t *Thread, i int32) Errno {
	kn := &kq.knotes[i]
	if fdBitsOf(int32(kn.ident))&fdRevoked != 0 {
		return ENOENT // xnu-11417 bsd/vfs/vfs_vnops.c:vn_kqfilter
	}
	kind, mode, e := fdKind(int32(kn.ident))
	if e != 0 {
		return e
	}
	kn.kind = kind
	switch {
	case kn.filter == evfiltExcept && (kind == kindFile || kind == kindPipe || kind == kindFIFO), mode == syscall.S_IFDIR, mode == syscall.S_IFBLK:
		return EINVAL // xnu-11417 bsd/vfs/vfs_vnops.c:vn_kqfilter, bsd/kern/sys_pipe.c:pipe_kqfilter
	case kind == kindPipe && kn.filter == evfiltWrite && t.p.Release < XNU6153 && pollNow(int32(kn.ident), linuxEpollOut)&(linuxEpollErr|linuxEpollHup) != 0:
		return EPIPE // xnu-4903 bsd/kern/sys_pipe.c:pipe_kqfilter
	case kind == kindFile:
		// The host's epoll refuses files; XNU looks when the file changes.
		kn.size = kq.fileData(kn)
		kq.watchFile(i)
		return kq.arm(i)
	case kind == kindKqueue && kn.filter != evfiltRead:
		return EINVAL // xnu-11417 bsd/kern/kern_event.c:kqueue_kqfilter
	case mode == syscall.S_IFCHR && kind != kindTTY:
		// A device whose driver does not promise a count of bytes, such as
		// /dev/null and /dev/tty (xnu-11417 bsd/miscfs/specfs/spec_vnops.c:filt_specattach).
		if kn.sfflags&noteLowat == 0 || kn.sdata != 1 {
			return EINVAL
		}
	}
	kn.hostFD = int32(kn.ident)
	if kn.state&knDisabled != 0 {
		return 0
	}
	return kq.armFD(i)
}

// fdKind says what fd is: its kind and the file type of its mode.
func fdKind(fd int32) (knoteKind, uint32, Errno) {
	kind, mode, e := fdFile(fd)
	if kind == kindSocket {
		kind = socketKnoteKind(fd)
	}
	return kind, mode, e
}

func socketKnoteKind(fd int32) knoteKind {
	if typ := sockInt(fd, syscall.SO_TYPE); typ == guestSockStream || typ == 5 {
		return kindStream
	}
	return kindDgram
}

// fdFile is fdKind, but does not ask what a socket is: kindSocket.
func fdFile(fd int32) (knoteKind, uint32, Errno) {
	var st syscall.Stat_t
	if _, e := host(syscall.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(&st)), 0, 0, 0, 0); e != 0 {
		return 0, 0, e
	}
	switch mode := st.Mode & syscall.S_IFMT; mode {
	case syscall.S_IFSOCK:
		return kindSocket, mode, 0
	case syscall.S_IFIFO:
		if unnamedPipe(fd, st.Dev) {
			return kindPipe, mode, 0
		}
		return kindFIFO, mode, 0
	case syscall.S_IFREG, syscall.S_IFDIR:
		return kindFile, mode, 0
	case syscall.S_IFCHR:
		if isPty(st.Rdev) {
			return kindTTY, mode, 0
		}
		return kindOther, mode, 0
	default:
		if fdBitsOf(fd)&fdKqueue != 0 {
			return kindKqueue, mode, 0
		}
		return kindOther, mode, 0
	}
}

// pipeDev is the number of the host's file system of pipes; 0: not known yet.
var pipeDev atomic.Uint64

// unnamedPipe reports whether fd, a FIFO on the host's device dev, has no name.
func unnamedPipe(fd int32, dev uint64) bool {
	if dev == pipeDev.Load() {
		return true
	}
	const pipefsMagic = 0x50495045 // Linux include/uapi/linux/magic.h
	var st syscall.Statfs_t
	if _, e := host(syscall.SYS_FSTATFS, uintptr(fd), uintptr(unsafe.Pointer(&st)), 0, 0, 0, 0); e != 0 || st.Type != pipefsMagic {
		return false
	}
	pipeDev.Store(dev)
	return true
}

// isPty reports whether the host's device rdev is a pseudo terminal or a
// serial line (majors 5:2, 136..143, 4).
func isPty(rdev uint64) bool {
	major := rdev >> 8 & 0xfff
	return major >= 136 && major <= 143 || major == 4 || major == 5 && rdev&0xff == 2
}

// epollBits returns what to ask the host for.
func (kq *kqueue) epollBits(kn *knote) uint32 {
	var ev uint32
	switch kn.filter {
	case evfiltRead:
		ev = linuxEpollIn | linuxRdhup
		if kn.flags&evOoband != 0 {
			ev |= linuxEpollPri
		}
	case evfiltWrite:
		ev = linuxEpollOut
	case evfiltExcept:
		ev = linuxEpollPri
	case evfiltProc:
		return linuxEpollIn | linuxEpollET
	}
	if kn.flags&evClear != 0 || kn.state&knParked != 0 {
		ev |= linuxEpollET
	}
	return ev
}

// epollOf returns the epoll that knote kn belongs to.
func (kq *kqueue) epollOf(kn *knote) (int32, Errno) {
	if kn.filter != evfiltWrite {
		return kq.fd.Load(), 0
	}
	if kq.wfd < 0 {
		fd, e := host(syscall.SYS_EPOLL_CREATE1, syscall.EPOLL_CLOEXEC, 0, 0, 0, 0, 0)
		if e != 0 {
			return -1, e
		}
		w, e := hideFD(int32(fd))
		if e != 0 {
			return -1, e
		}
		if e := epollCtl(kq.fd.Load(), syscall.EPOLL_CTL_ADD, w, linuxEpollIn, 0, tagWrite); e != 0 {
			closeHidden(w)
			return -1, e
		}
		kq.wfd = w
	}
	return kq.wfd, 0
}

// armFD makes knote i an item of its epoll. The host looks at once, so what
// is ready already is reported.
func (kq *kqueue) armFD(i int32) Errno {
	kn := &kq.knotes[i]
	if kn.set != setNone {
		return 0
	}
	ep, e := kq.epollOf(kn)
	if e != 0 {
		return e
	}
	bits := kq.epollBits(kn)
	e = epollCtl(ep, syscall.EPOLL_CTL_ADD, kn.hostFD, bits, i, kn.gen)
	if e == EEXIST && kn.state&knOwned == 0 {
		// Another filter, or another udata, has the descriptor's one item.
		fd, de := host(syscall.SYS_FCNTL, uintptr(kn.hostFD), syscall.F_DUPFD_CLOEXEC, uintptr(hiddenFDBase), 0, 0, 0)
		if de != 0 {
			return de
		}
		kn.hostFD = int32(fd)
		kn.state |= knOwned
		e = epollCtl(ep, syscall.EPOLL_CTL_ADD, kn.hostFD, bits, i, kn.gen)
	}
	switch e {
	case 0:
		kn.set = setMain
		if kn.filter == evfiltWrite {
			kn.set = setWrite
		}
	case EPERM, ELOOP:
		// No way to wait for it; kqueues in a ring.
		e = EINVAL
	}
	return e
}

func (kq *kqueue) disarmFD(i int32) {
	kn := &kq.knotes[i]
	ep := kq.fd.Load()
	if kn.set == setWrite {
		ep = kq.wfd
	}
	kn.set = setNone
	epollCtl(ep, syscall.EPOLL_CTL_DEL, kn.hostFD, 0, 0, 0)
}

// rearm has the host look at the enabled knote i anew: one that is ready is
// reported even if it has been already.
func (kq *kqueue) rearm(i int32) Errno {
	kn := &kq.knotes[i]
	if kn.set == setNone {
		return kq.arm(i)
	}
	kn.state &^= knParked
	kq.epollMod(i, kq.epollBits(kn))
	return 0
}

func (kq *kqueue) epollMod(i int32, bits uint32) {
	kn := &kq.knotes[i]
	ep := kq.fd.Load()
	if kn.set == setWrite {
		ep = kq.wfd
	}
	epollCtl(ep, syscall.EPOLL_CTL_MOD, kn.hostFD, bits, i, kn.gen)
}

func epollCtl(ep int32, op uintptr, fd int32, bits uint32, index int32, gen uint32) Errno {
	ev := epollEvent{events: bits, gen: gen, index: index}
	_, e := host(syscall.SYS_EPOLL_CTL, uintptr(ep), op, uintptr(fd), uintptr(unsafe.Pointer(&ev)), 0, 0)
	return e
}

// parkFD stops the host from reporting the level-triggered knote i again and
// again while XNU has nothing to report: it becomes edge-triggered.
func (kq *kqueue) parkFD(i int32) {
	kn := &kq.knotes[i]
	if kn.flags&evClear != 0 || kn.state&knParked != 0 || kn.set == setNone {
		return
	}
	kn.state |= knParked
	kq.epollMod(i, kq.epollBits(kn))
}

// unparkFD undoes parkFD.
func (kq *kqueue) unparkFD(i int32) {
	kn := &kq.knotes[i]
	kn.state &^= knParked
	if kn.flags&(evOneshot|evDispatch) == 0 {
		kq.epollMod(i, kq.epollBits(kn))
	}
}

// evalFD decides whether XNU would report knote i now that the host has seen
// ev, and sets data, fflags and EV_EOF. The socket's error, which XNU puts
// into fflags, cannot be had without taking it away from the program: fflags
// is 0.
func (kq *kqueue) evalFD(i int32, ev uint32) bool {
	kn := &kq.knotes[i]
	kn.flags &^= evEOF
	kn.fflags = 0
	fd := kn.hostFD
	switch kn.filter {
	case evfiltRead:
		return kn.evalRead(fd, ev)
	case evfiltWrite:
		return kn.evalWrite(fd, ev)
	case evfiltExcept:
		kn.data, kn.fflags = 0, noteOOB
		return ev&linuxEpollPri != 0
	}
	return false
}

// evalRead is xnu-11417 bsd/kern/uipc_socket.c:filt_sorecv_common,
// bsd/kern/sys_pipe.c:filt_piperead_common, bsd/kern/tty.c:filt_ttread.
func (kn *knote) evalRead(fd int32, ev uint32) bool {
	eof := ev&(linuxRdhup|linuxEpollHup) != 0 || kn.kind == kindPipe && ev&linuxEpollErr != 0
	if kn.kind == kindStream && ev&linuxEpollHup != 0 && ev&(linuxRdhup|linuxEpollIn) == 0 {
		return false // not connected yet
	}
	if kn.kind == kindKqueue {
		kn.data = 1
		return ev&linuxEpollIn != 0
	}
	n, e := ioctlInt(fd, linuxFionread)
	if kn.kind == kindFIFO {
		// A FIFO does not report its end (xnu-11417 bsd/vfs/vfs_vnops.c:vnode_readable_data_count).
		kn.data = int64(n)
		return n != 0
	}
	if e == EINVAL && kn.kind == kindStream {
		kn.data = int64(acceptQueue(fd))
		return true
	}
	kn.data = int64(n)
	if eof {
		kn.flags |= evEOF
		return true
	}
	if kn.kind == kindDgram {
		// A datagram counts with its sender's address, so that an empty
		// one is seen.
		kn.data += guestSockaddrIn4Len
	}
	low := int64(1)
	if kn.sfflags&noteLowat != 0 {
		low = kn.sdata
	}
	if ev&(linuxEpollErr|linuxEpollPri) != 0 || e != 0 {
		return true
	}
	return kn.data >= low
}

// acceptQueue returns the length of a listener's queue: exact for TCP, where
// Linux tells it as tcpi_unacked.
func acceptQueue(fd int32) int {
	var info [104]byte
	l := uint32(len(info))
	_, e := host(syscall.SYS_GETSOCKOPT, uintptr(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&l)), 0)
	if n := getUint32(info[24:]); e == 0 && n > 0 {
		return int(n)
	}
	return 1
}

// evalWrite is xnu-11417 bsd/kern/uipc_socket.c:filt_sowrite_common,
// bsd/kern/sys_pipe.c:filt_pipewrite_common.
func (kn *knote) evalWrite(fd int32, ev uint32) bool {
	switch kn.kind {
	case kindStream:
		if ev&linuxEpollHup != 0 {
			if pollNow(fd, linuxEpollIn|linuxRdhup)&linuxRdhup == 0 {
				return false // not connected yet
			}
			kn.flags |= evEOF
		}
		fallthrough
	case kindDgram:
		if fdBitsOf(int32(kn.ident))&fdSentFIN != 0 {
			kn.flags |= evEOF
		}
		q, _ := ioctlInt(fd, linuxTiocoutq)
		kn.data = max(int64(sockInt(fd, syscall.SO_SNDBUF))/2-int64(q), 1)
	case kindPipe:
		size, _ := host(syscall.SYS_FCNTL, uintptr(fd), linuxGetpipeSz, 0, 0, 0, 0)
		n, _ := ioctlInt(fd, linuxFionread)
		kn.data = max(int64(size)-int64(n), 0)
		if ev&(linuxEpollErr|linuxEpollHup) != 0 {
			kn.flags |= evEOF
		}
	case kindFIFO:
		kn.data = 1 // vnode_writable_space_count: no end here either
	default:
		kn.data = 1
		if ev&linuxEpollHup != 0 {
			kn.flags |= evEOF
		}
	}
	if kn.flags&evEOF != 0 || ev&linuxEpollErr != 0 || kn.sfflags&noteLowat == 0 {
		return true
	}
	return kn.data >= kn.sdata
}

// sentFIN has the EVFILT_WRITE knotes of fd looked at anew: the guest has shut
// it down for writing, which the host's epoll does not report.
func sentFIN(fd int32) {
	if kqueuesGone.Load() {
		return
	}
	kqueues.mu.Lock()
	defer kqueues.mu.Unlock()
	for kq := kqueues.head.Load(); kq != nil; kq = kq.next {
		kq.mu.Lock()
		if int(fd) < len(kq.byFD) {
			for i := kq.byFD[fd]; i != 0; i = kq.knotes[i].next {
				if kq.knotes[i].set == setWrite {
					kq.rearm(i)
				}
			}
		}
		kq.mu.Unlock()
	}
}

// knotesMoved calls move, which replaces the host's file of fd, and has the
// knotes of fd watch the new one.
func knotesMoved(fd int32, move func()) {
	if fdBitsOf(fd)&fdKnotes == 0 || kqueuesGone.Load() {
		move()
		return
	}
	kqueues.mu.Lock()
	defer kqueues.mu.Unlock()
	each := func(f func(kq *kqueue, i int32)) {
		for kq := kqueues.head.Load(); kq != nil; kq = kq.next {
			kq.mu.Lock()
			if int(fd) < len(kq.byFD) {
				for i := kq.byFD[fd]; i != 0; i = kq.knotes[i].next {
					if kq.knotes[i].hostFD >= 0 {
						f(kq, i)
					}
				}
			}
			kq.mu.Unlock()
		}
	}
	each(func(kq *kqueue, i int32) {
		if kq.knotes[i].set != setNone {
			kq.disarmFD(i)
		}
	})
	move()
	each(func(kq *kqueue, i int32) {
		kn := &kq.knotes[i]
		if kn.state&knOwned != 0 {
			host(syscall.SYS_DUP3, uintptr(fd), uintptr(kn.hostFD), syscall.O_CLOEXEC, 0, 0, 0)
		}
		kn.state &^= knParked
		if kn.state&knDisabled == 0 {
			kq.armFD(i)
		}
	})
}

const linuxGetpipeSz = 1032

// pollNow asks the host which of the events fd has.
func pollNow(fd int32, events uint16) uint32 {
	p := struct {
		fd              int32
		events, revents uint16
	}{fd: fd, events: events}
	host(syscall.SYS_POLL, uintptr(unsafe.Pointer(&p)), 1, 0, 0, 0, 0)
	return uint32(p.revents)
}

// ioctlInt makes an ioctl of the host that writes an int.
func ioctlInt(fd int32, req uintptr) (int32, Errno) {
	var v int32
	_, e := host(syscall.SYS_IOCTL, uintptr(fd), req, uintptr(unsafe.Pointer(&v)), 0, 0, 0)
	return v, e
}

// fileReady reports whether a knote of a regular file or directory has
// something to report: writing always, reading unless the offset is at the
// end (xnu-11417 bsd/vfs/vfs_vnops.c:filt_vnode_common).
func (kq *kqueue) fileReady(kn *knote) bool {
	return kn.filter == evfiltWrite || kq.fileData(kn) != 0
}

// fileData is the number of bytes from the offset to the end, perhaps below 0.
func (kq *kqueue) fileData(kn *knote) int64 {
	if kn.filter == evfiltWrite {
		return 0
	}
	var st syscall.Stat_t
	if _, e := host(syscall.SYS_FSTAT, uintptr(kn.ident), uintptr(unsafe.Pointer(&st)), 0, 0, 0, 0); e != 0 {
		return 0
	}
	off, e := host(syscall.SYS_LSEEK, uintptr(kn.ident), 0, 1, 0, 0, 0)
	if e != 0 {
		return 0
	}
	return st.Size - int64(off)
}
