// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"
	"unsafe"
)

// poll is made of knotes (xnu-11417 bsd/kern/sys_generic.c:poll_nocancel,
// poll_callback): one of EVFILT_READ, EVFILT_WRITE and EVFILT_VNODE for the
// events that an entry asks for, each of which fires once. The host's poll
// only says which descriptors to look at.

// pollBits are events of poll (xnu-11417 bsd/sys/poll.h). POLLWRNORM is POLLOUT.
type pollBits uint16

const (
	pollIn     pollBits = 0x1
	pollPri    pollBits = 0x2
	pollOut    pollBits = 0x4
	pollErr    pollBits = 0x8
	pollHup    pollBits = 0x10
	pollNval   pollBits = 0x20
	pollRdnorm pollBits = 0x40
	pollRdband pollBits = 0x80
	pollWrband pollBits = 0x100
	pollExtend pollBits = 0x200
	pollAttrib pollBits = 0x400
	pollNlink  pollBits = 0x800
	pollWrite  pollBits = 0x1000

	pollNormal  = pollIn | pollRdnorm
	pollUrgent  = pollPri | pollRdband
	pollForRead = pollNormal | pollUrgent | pollHup
	pollForOut  = pollOut | pollWrband
	pollForFile = pollExtend | pollAttrib | pollNlink | pollWrite
)

// pollNotes pairs the events of files with the flags of EVFILT_VNODE.
var pollNotes = [...]struct {
	event pollBits
	note  uint32
}{{pollExtend, noteExtend}, {pollAttrib, noteAttrib}, {pollNlink, noteLink}, {pollWrite, noteWrite}}

// The filters of an entry.
const (
	pollFiltRead = 1 << iota
	pollFiltWrite
	pollFiltVnode
)

// guestPollfdSize is the size of struct pollfd: fd 0/4, events 4/2, revents 6/2.
const guestPollfdSize = 8

// A hostPollfd is Linux's.
type hostPollfd struct {
	fd      int32
	events  uint16
	revents uint16
}

// A pollEntry is what poll knows of a struct pollfd.
type pollEntry struct {
	fd      int32
	events  pollBits
	revents pollBits
	kind    knoteKind
	filters uint8 // those that have not fired
}

// pollInline is how many descriptors a poll may have for which nothing is allocated.
const pollInline = 64

// A pollScan is one call of poll or select.
type pollScan struct {
	release Release
	raw     []byte // the guest's array
	entries []pollEntry
	host    []hostPollfd
	nval    int  // entries with POLLNVAL
	fired   int  // knotes that have fired
	ready   int  // entries that have something to report, as poll counts them
	idle    bool // a host event of which no knote fires

	in, out [3]selectSet // of select

	kn            knote // for the filters
	inlineRaw     [pollInline * guestPollfdSize]byte
	inlineEntries [pollInline]pollEntry
	inlineHost    [pollInline]hostPollfd
}

// sysPoll never restarts, and looks for signals only when it has found nothing
// (bsd/kern/sys_generic.c:poll_nocancel).
func sysPoll(t *Thread, a *args) (uint64, Errno) {
	n, ms := uint32(a[1]), int32(a[2])
	if n > openMax || uint64(n) > nofile() && (n > fdSetsize || !suser()) {
		return 0, EINVAL
	}
	s := &t.poll
	s.begin(int(n), t.p.Release)
	if e := copyinBytes(s.raw, a[0]); e != 0 {
		return 0, e
	}
	timed := ms != -1
	if timed && !t.restart {
		if ms < 0 && t.p.Release < XNU6153 {
			return 0, EINVAL // itimerfix; later releases take it for unsigned
		}
		t.deadline = monotonic() + int64(uint32(ms))*1e6
	}
	s.attachAll(t.restart)
	if e := t.pollWait(s, timed, timed && ms == 0); e != 0 {
		return 0, e
	}
	for i := range s.entries {
		putUint16(s.raw[i*guestPollfdSize+6:], uint16(s.entries[i].revents))
	}
	if e := copyoutBytes(a[0], s.raw); e != 0 {
		return 0, e
	}
	return uint64(s.ready + s.nval), 0
}

// begin readies s for n descriptors.
func (s *pollScan) begin(n int, r Release) {
	s.release, s.nval, s.fired, s.ready, s.idle = r, 0, 0, 0, false
	if n <= pollInline {
		s.raw, s.entries, s.host = s.inlineRaw[:n*guestPollfdSize], s.inlineEntries[:n], s.inlineHost[:n]
		return
	}
	s.raw, s.entries, s.host = make([]byte, n*guestPollfdSize), make([]pollEntry, n), make([]hostPollfd, n)
}

// attachAll makes the knotes. An entry whose knote cannot be made is POLLNVAL;
// one that asks for nothing has no knote, whatever its descriptor is. A terminal
// that has been revoked cannot have one (bsd/vfs/vfs_vnops.c:vn_kqfilter), but keeps what it
// had when a poll that is made again began.
func (s *pollScan) attachAll(again bool) {
	for i := range s.entries {
		p := &s.entries[i]
		raw := s.raw[i*guestPollfdSize:]
		*p = pollEntry{fd: int32(getUint32(raw)), events: pollBits(getUint16(raw[4:]))}
		if p.fd < 0 {
			continue
		}
		if p.events&pollForRead != 0 {
			p.filters |= pollFiltRead
		}
		if p.events&pollForOut != 0 {
			p.filters |= pollFiltWrite
		}
		if p.events&pollForFile != 0 {
			p.filters |= pollFiltVnode
		}
		dead := !again && p.filters != 0 && fdBitsOf(p.fd)&fdRevoked != 0
		if p.filters != 0 && (dead || !p.attach()) {
			s.refuse(p)
		}
	}
	s.dropDoubles()
	for i := range s.entries {
		s.watch(i)
	}
}

// attach reports whether the descriptor can have the knotes
// (bsd/vfs/vfs_vnops.c:vn_kqfilter, bsd/miscfs/specfs/spec_vnops.c:spec_kqfilter).
func (p *pollEntry) attach() bool {
	kind, mode, e := fdFile(p.fd)
	if e != 0 || fdHidden(p.fd) {
		return false
	}
	p.kind = kind
	switch mode {
	case syscall.S_IFREG, syscall.S_IFIFO, syscall.S_IFSOCK:
	case syscall.S_IFDIR, syscall.S_IFBLK:
		if p.filters&^pollFiltVnode != 0 {
			return false
		}
	case syscall.S_IFCHR:
		if kind != kindTTY && p.filters&^pollFiltVnode != 0 {
			return false // only devices that count their bytes
		}
	default:
		if kind == kindKqueue && p.filters&pollFiltWrite != 0 {
			return false
		}
	}
	return p.filters&pollFiltVnode == 0 || kind != kindPipe && kind != kindSocket && kind != kindKqueue
}

func (p *pollEntry) isSocket() bool {
	return p.kind == kindSocket || p.kind == kindStream || p.kind == kindDgram
}

// resolve returns the kind, with that of the socket.
func (p *pollEntry) resolve() knoteKind {
	if p.kind == kindSocket {
		p.kind = socketKnoteKind(p.fd)
	}
	return p.kind
}

// refuse makes p an entry without knotes.
func (s *pollScan) refuse(p *pollEntry) {
	p.filters, p.revents = 0, pollNval
	s.nval++
}

// dropDoubles takes the filters of an entry that a later one of the same
// descriptor asks for too: there is one knote, which then is the later one's
// (bsd/kern/kern_event.c:kevent_register).
func (s *pollScan) dropDoubles() {
	if len(s.entries) <= pollInline {
		for i := range s.entries {
			p := &s.entries[i]
			for j := i + 1; j < len(s.entries) && p.filters != 0; j++ {
				if q := &s.entries[j]; q.fd == p.fd {
					p.filters &^= q.filters
				}
			}
		}
		return
	}
	seen := make(map[int32]uint8, len(s.entries))
	for i := len(s.entries) - 1; i >= 0; i-- {
		p := &s.entries[i]
		have := seen[p.fd]
		seen[p.fd] = have | p.filters
		p.filters &^= have
	}
}

// watch sets what the host is to look for at entry i.
func (s *pollScan) watch(i int) {
	p, h := &s.entries[i], &s.host[i]
	h.fd, h.events, h.revents = -1, 0, 0
	if p.filters&pollFiltRead != 0 {
		h.fd, h.events = p.fd, linuxEpollIn|linuxEpollPri|linuxRdhup
	}
	if p.filters&pollFiltWrite != 0 {
		h.fd, h.events = p.fd, h.events|linuxEpollOut
	}
}

// pollWait looks at the descriptors until there is something to report.
func (t *Thread) pollWait(s *pollScan, timed, poll bool) Errno {
	if len(s.entries) > 0 && s.nval == len(s.entries) {
		return 0
	}
	files := false
	for i := range s.entries {
		files = files || s.entries[i].filters&pollFiltVnode != 0
	}
	if s.nval > 0 && s.release < XNU3789 {
		s.ready = 0
		return 0
	}
	if e := s.look(true); e != 0 {
		return e
	}
	if s.release < XNU3789 && s.nval > 0 {
		// A knote that could not be made showed only now.
		s.ready = 0
		for i := range s.entries {
			s.entries[i].revents &= pollNval
		}
		return 0
	}
	if s.done() || s.nval > 0 || poll {
		return 0
	}
	if s.idle || files {
		return t.pollIdle(s, timed, files)
	}
	for {
		n, e := t.block(syscall.SYS_PPOLL, s.hostFDs(), uintptr(len(s.host)), t.pollTimeout(timed), 0, 0, 0)
		if e != 0 || n == 0 {
			return e
		}
		s.evaluate(false)
		if s.done() {
			return 0
		}
		if s.idle {
			return t.pollIdle(s, timed, false)
		}
	}
}

// done reports whether poll returns: up to 4903 because any knote has fired,
// even if the entry does not ask for what it tells; later, because an entry
// has something to report (bsd/kern/kern_event.c:kqueue_scan).
func (s *pollScan) done() bool {
	return s.ready > 0 || s.fired > 0 && s.release < XNU6153
}

func (s *pollScan) hostFDs() uintptr {
	if len(s.host) == 0 {
		return 0
	}
	return uintptr(unsafe.Pointer(&s.host[0]))
}

// pollTimeout returns the address of the time that is left, for the host.
func (t *Thread) pollTimeout(timed bool) uintptr {
	if !timed {
		return 0
	}
	t.ts = syscall.NsecToTimespec(max(t.deadline-monotonic(), 0))
	return timespecPtr(&t.ts)
}

// look scans the descriptors once.
func (s *pollScan) look(first bool) Errno {
	e := s.hostPoll()
	if e == 0 {
		s.evaluate(first)
	}
	return e
}

// hostPoll has the host look at the descriptors without waiting.
func (s *pollScan) hostPoll() Errno {
	for len(s.host) > 0 {
		// Linux says EINTR if nothing is ready and a signal is there.
		if _, e := host(syscall.SYS_POLL, s.hostFDs(), uintptr(len(s.host)), 0, 0, 0, 0); e != EINTR {
			return e
		}
	}
	return 0
}

// evaluate runs the filters of the descriptors that the host has something to
// say about. In the first scan a knote may prove impossible.
func (s *pollScan) evaluate(first bool) {
	s.idle = false
	for i := range s.host {
		h := &s.host[i]
		if h.revents == 0 {
			continue
		}
		p, ev := &s.entries[i], uint32(h.revents)
		if first && s.release < XNU6153 && p.kind == kindPipe && p.filters&pollFiltWrite != 0 && ev&(linuxEpollErr|linuxEpollHup) != 0 {
			s.refuse(p) // EPIPE: see attachFD
			s.watch(i)
			continue
		}
		if ev&linuxPollNval != 0 {
			p.filters = 0 // another thread has closed it (bsd/kern/kern_event.c:knote_fdclose)
			s.watch(i)
			continue
		}
		fired := s.fired
		if p.filters&pollFiltRead != 0 && ev&^linuxEpollOut != 0 {
			s.read(p, ev)
		}
		if p.filters&pollFiltWrite != 0 && ev&(linuxEpollOut|linuxEpollErr|linuxEpollHup) != 0 {
			s.write(p, ev)
		}
		if s.fired == fired {
			s.idle = true
			continue
		}
		s.watch(i)
	}
}

// read runs EVFILT_READ for p. EV_OOBAND asks for urgent data, and reports it:
//
//	up to 2422   if an entry asks for that alone, other data does not count
//	up to 3248   a socket reports what it has
//	from 3789    a socket does not report it
//
// What is no socket keeps the flag as it was asked for
// (bsd/kern/uipc_socket.c:filt_soread, filt_sorattach).
func (s *pollScan) read(p *pollEntry, ev uint32) {
	kn := &s.kn
	*kn = knote{kevent: kevent{ident: uint64(p.fd), filter: evfiltRead}, kind: p.kind, hostFD: p.fd}
	asked := p.events&pollUrgent != 0
	if s.release <= XNU2422 {
		asked = p.events&pollNormal == 0
	}
	told, fires := asked, false
	socket := p.isSocket()
	if socket {
		told = ev&linuxEpollPri != 0 && s.release <= XNU3248
		if !told {
			ev &^= linuxEpollPri
		}
	}
	switch {
	case p.kind == kindFile:
		kn.data, fires = 1, true // EV_POLL: bsd/vfs/vfs_vnops.c:vnode_readable_data_count
	case p.kind != kindFIFO && ev&linuxEpollIn != 0 && ev&linuxEpollErr == 0:
		kn.data, fires = 1, true // what evalRead would find, for fewer calls
		if ev&(linuxRdhup|linuxEpollHup) != 0 {
			kn.flags |= evEOF
		}
	default:
		kn.kind = p.resolve()
		fires = kn.evalRead(p.fd, ev)
	}
	if socket && asked {
		switch {
		case s.release <= XNU2422:
			fires = fires && (told || kn.flags&evEOF != 0)
		case told:
			kn.flags &^= evEOF // it does not look any further
			fires = true
		}
	}
	if !fires {
		return
	}
	p.filters &^= pollFiltRead
	var mask pollBits
	switch {
	case kn.flags&evEOF != 0:
		mask = pollNormal | pollUrgent
	case kn.data != 0 || s.release >= XNU3248:
		mask = pollNormal
	}
	if told {
		mask |= pollUrgent
	}
	s.report(p, kn, p.events&mask)
}

// write runs EVFILT_WRITE for p. POLLHUP and POLLOUT exclude each other.
func (s *pollScan) write(p *pollEntry, ev uint32) {
	kn := &s.kn
	*kn = knote{kevent: kevent{ident: uint64(p.fd), filter: evfiltWrite}, kind: p.kind, hostFD: p.fd}
	switch {
	case p.kind == kindFile:
	case ev&(linuxEpollErr|linuxEpollHup) == 0:
		if p.isSocket() && fdBitsOf(p.fd)&fdSentFIN != 0 {
			kn.flags |= evEOF
		}
	default:
		kn.kind = p.resolve()
		if !kn.evalWrite(p.fd, ev) {
			return
		}
	}
	p.filters &^= pollFiltWrite
	var mask pollBits
	if kn.flags&evEOF == 0 && p.revents&pollHup == 0 {
		mask = pollForOut
	}
	s.report(p, kn, p.events&mask)
}

// report is poll_callback: 1504 and 1699 count an entry once for each knote.
func (s *pollScan) report(p *pollEntry, kn *knote, bits pollBits) {
	s.fired++
	before := p.revents
	p.revents |= bits
	if kn.flags&evEOF != 0 {
		p.revents |= pollHup
	}
	if p.revents != 0 && (before == 0 || s.release <= XNU1699) {
		s.ready++
	}
}

// pollIdle waits when the host's poll cannot: it would go on reporting what
// XNU does not, the hang-up of a socket that is not connected or of a FIFO, or
// there are files to watch. An epoll, which the host wakes when something
// changes, tells when to look anew.
func (t *Thread) pollIdle(s *pollScan, timed, files bool) Errno {
	w, e := newPollWaiter()
	if e != 0 {
		return e
	}
	defer w.close()
	for i := range s.host {
		w.add(s.host[i].fd)
	}
	if files {
		if e := w.addFiles(t, s); e != 0 {
			return e
		}
		if s.release < XNU3789 && s.nval > 0 {
			s.ready = 0
			return 0
		}
		if s.nval > 0 {
			return 0
		}
	}
	for {
		w.drain()
		if w.kq != nil {
			w.collectFiles(s)
		}
		if e := s.look(false); e != 0 {
			return e
		}
		if s.done() {
			return 0
		}
		n, e := w.wait(t, timed)
		if e != 0 || n == 0 {
			return e
		}
	}
}

// A pollWaiter is an epoll, hidden from the guest, whose items are
// edge-triggered, with a kqueue in it if files are watched.
type pollWaiter struct {
	fd int32
	kq *kqueue
}

func newPollWaiter() (w pollWaiter, e Errno) {
	fd, e := host(syscall.SYS_EPOLL_CREATE1, syscall.EPOLL_CLOEXEC, 0, 0, 0, 0, 0)
	if e != 0 {
		return w, e
	}
	w.fd, e = hideFD(int32(fd))
	return w, e
}

func (w *pollWaiter) close() {
	if w.kq != nil {
		w.kq.dispose()
	}
	closeHidden(w.fd)
}

// add has the host report every change of fd. What the epoll has already, or
// refuses, needs no second item.
func (w *pollWaiter) add(fd int32) {
	if fd >= 0 {
		epollCtl(w.fd, syscall.EPOLL_CTL_ADD, fd, linuxEpollIn|linuxEpollOut|linuxEpollPri|linuxRdhup|linuxEpollET, 0, 0)
	}
}

// drain forgets what has been reported.
func (w *pollWaiter) drain() {
	var ev [16]epollEvent
	for {
		n, e := host(syscall.SYS_EPOLL_WAIT, uintptr(w.fd), uintptr(unsafe.Pointer(&ev)), uintptr(len(ev)), 0, 0, 0)
		if e != 0 || n < uint64(len(ev)) {
			return
		}
	}
}

// wait waits for a change, and returns 0 at the deadline.
func (w *pollWaiter) wait(t *Thread, timed bool) (uint64, Errno) {
	b := t.sockBuf()
	return t.block(sysEpollPwait2, uintptr(w.fd), hostBuf(&b.val[0]), 1, t.pollTimeout(timed), 0, 0)
}

// addFiles makes the EVFILT_VNODE knotes of s.
func (w *pollWaiter) addFiles(t *Thread, s *pollScan) Errno {
	kq, e := newKqueue()
	if e != 0 {
		return e
	}
	w.kq = kq
	kq.mu.Lock()
	for i := range s.entries {
		p := &s.entries[i]
		if p.filters&pollFiltVnode == 0 {
			continue
		}
		k := kevent{ident: uint64(p.fd), filter: evfiltVnode, flags: evAdd | evOneshot, udata: uint64(i)}
		for _, n := range pollNotes {
			if p.events&n.event != 0 {
				k.fflags |= n.note
			}
		}
		if kq.change(t, &k) != 0 {
			s.refuse(p)
			s.watch(i)
		}
	}
	kq.mu.Unlock()
	w.add(kq.fd.Load())
	return 0
}

// collectFiles reports the EVFILT_VNODE knotes that have fired.
func (w *pollWaiter) collectFiles(s *pollScan) {
	b := keventBufs.Get().(*keventBuf)
	defer keventBufs.Put(b)
	b.n, b.max = 0, maxEvents
	b.enc = func(_ []byte, k *kevent) {
		p := &s.entries[k.udata]
		var bits pollBits
		for _, n := range pollNotes {
			if k.fflags&n.note != 0 {
				bits |= n.event
			}
		}
		p.filters &^= pollFiltVnode
		s.kn = knote{kevent: *k}
		s.report(p, &s.kn, p.events&bits)
	}
	defer func() { b.enc = nil }()
	n, e := host(syscall.SYS_EPOLL_WAIT, uintptr(w.kq.fd.Load()), uintptr(unsafe.Pointer(&b.ev)), maxEvents, 0, 0, 0)
	if e == 0 && n > 0 {
		w.kq.collect(b, 0, int(n))
	}
}
