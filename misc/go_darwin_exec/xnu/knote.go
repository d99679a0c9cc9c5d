// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"
	"unsafe"
)

// A knote is an entry of a kqueue. It is named by its index.
type knote struct {
	kevent
	sfflags uint32 // what the filter was asked for
	sdata   int64
	gen     uint32 // tells it from former users of the index; 0: free
	kind    knoteKind
	state   knoteState
	set     uint8 // the epoll that has it
	hostFD  int32 // the descriptor that the epoll knows: the guest's, or a hidden duplicate
	next    int32 // byFD or free
	anext   int32 // active list
	aprev   int32
	timer   *knoteTimer
	wd      int32 // inotify watch
	parent  int32 // and that of the directory that a directory is in; 0: none
	isDir   bool  // EVFILT_VNODE of a directory
	gone    bool  // which has been removed
	size    int64 // of the file, when it was last looked at
	nlink   uint64
}

// knoteKey finds the knotes that do not watch a descriptor.
type knoteKey struct {
	filter int16
	ident  uint64
	udata  uint64 // with EV_UDATA_SPECIFIC
}

type knoteState uint8

const (
	knDisabled  knoteState = 1 << iota
	knActive               // on the active list
	knParked               // a level-triggered item made edge-triggered, for the host finds it ready and XNU does not
	knOwned                // hostFD is the knote's own, and hidden
	knTriggered            // EVFILT_USER
	knWatched              // wd is valid
)

// knoteKind is what a descriptor is, as far as the filters care.
type knoteKind uint8

const (
	kindOther  knoteKind = iota
	kindSocket           // kindStream or kindDgram
	kindStream
	kindDgram
	kindPipe
	kindFIFO // a pipe with a name
	kindTTY
	kindFile
	kindKqueue
)

// Values of knote.set.
const (
	setNone = iota
	setMain
	setWrite
)

// change applies one change (xnu-11417 bsd/kern/kern_event.c:kevent_register).
func (kq *kqueue) change(t *Thread, k *kevent) Errno {
	f := -int(k.filter)
	if f <= 0 || f >= len(filterSince) || filterSince[f] == 0 || t.p.Release < filterSince[f] {
		return EINVAL
	}
	if k.flags&evUdataSpecific != 0 && t.p.Release < XNU3248 {
		k.flags &^= evUdataSpecific
	}
	i := kq.find(k)
	if i == 0 {
		if isFDFilter(k.filter) {
			if fd := int64(int32(k.ident)); fd < 0 || uint64(fd) != k.ident || fdHidden(int32(fd)) {
				return EBADF
			}
			if _, e := host(syscall.SYS_FCNTL, uintptr(k.ident), syscall.F_GETFD, 0, 0, 0, 0); e != 0 {
				return e
			}
		}
		if k.flags&evAdd == 0 || k.flags&evDelete != 0 {
			return ENOENT
		}
		return kq.add(t, k)
	}
	kn := &kq.knotes[i]
	if k.flags&evDelete != 0 {
		kq.drop(i)
		return 0
	}
	if k.flags&evAdd != 0 {
		kn.udata = k.udata
		kn.qos = k.qos
		kn.ext = k.ext
	}
	if k.flags&evDisable != 0 && kn.state&knDisabled == 0 {
		kn.state |= knDisabled
		kq.disarm(i)
	}
	if e := kq.touch(t, i, k); e != 0 {
		return e
	}
	if k.flags&evEnable != 0 && kn.state&knDisabled != 0 {
		kn.state &^= knDisabled
		return kq.arm(i)
	}
	return 0
}

func isFDFilter(f int16) bool {
	switch f {
	case evfiltRead, evfiltWrite, evfiltExcept, evfiltVnode, evfiltSock:
		return true
	}
	return false
}

// find returns the index of the knote that k is about, or 0.
func (kq *kqueue) find(k *kevent) int32 {
	if !isFDFilter(k.filter) {
		return kq.other[keyOf(k)]
	}
	if k.ident >= uint64(len(kq.byFD)) {
		return 0
	}
	for i := kq.byFD[k.ident]; i != 0; i = kq.knotes[i].next {
		kn := &kq.knotes[i]
		if kn.filter == k.filter && kn.flags&evUdataSpecific == k.flags&evUdataSpecific &&
			(k.flags&evUdataSpecific == 0 || kn.udata == k.udata) {
			return i
		}
	}
	return 0
}

func keyOf(k *kevent) knoteKey {
	key := knoteKey{filter: k.filter, ident: k.ident}
	if k.flags&evUdataSpecific != 0 {
		key.udata = k.udata
	}
	return key
}

// add makes a knote of k.
func (kq *kqueue) add(t *Thread, k *kevent) Errno {
	i := kq.free
	if i != 0 {
		kq.free = kq.knotes[i].next
	} else {
		i = int32(len(kq.knotes))
		kq.knotes = append(kq.knotes, knote{})
	}
	kq.gen++
	if kq.gen == 0 {
		kq.gen = 1
	}
	kn := &kq.knotes[i]
	*kn = knote{kevent: *k, sfflags: k.fflags, sdata: k.data, gen: kq.gen, hostFD: -1}
	kn.flags &^= evEnable | evDisable | evDelete
	kn.fflags, kn.data = 0, 0
	if k.flags&evDisable != 0 {
		kn.state = knDisabled
	}
	if isFDFilter(k.filter) {
		fd := int(k.ident)
		if fd >= len(kq.byFD) {
			kq.byFD = append(kq.byFD, make([]int32, max(fd+1, 2*len(kq.byFD))-len(kq.byFD))...)
		}
		kn.next = kq.byFD[fd]
		kq.byFD[fd] = i
		setFDBits(int32(fd), fdKnotes)
	} else {
		if kq.other == nil {
			kq.other = make(map[knoteKey]int32)
		}
		kq.other[keyOf(k)] = i
	}
	e := kq.attach(t, i)
	if e != 0 {
		kq.drop(i)
	}
	return e
}

// drop removes knote i.
func (kq *kqueue) drop(i int32) {
	kq.disarm(i)
	kn := &kq.knotes[i]
	if kn.timer != nil {
		kn.timer.t.Stop()
	}
	if kn.state&knWatched != 0 {
		kq.unwatch(i)
	}
	if kn.state&knOwned != 0 {
		closeHidden(kn.hostFD)
	}
	if kn.filter == evfiltSignal {
		signalKnotes.Add(-1)
	}
	if isFDFilter(kn.filter) {
		p := &kq.byFD[kn.ident]
		for *p != i {
			p = &kq.knotes[*p].next
		}
		*p = kn.next
	} else {
		delete(kq.other, keyOf(&kn.kevent))
	}
	*kn = knote{next: kq.free}
	kq.free = i
}

// attach starts the filter of the new knote i.
func (kq *kqueue) attach(t *Thread, i int32) Errno {
	switch kq.knotes[i].filter {
	case evfiltRead, evfiltWrite, evfiltExcept:
		return kq.attachFD(t, i)
	case evfiltVnode:
		return kq.attachVnode(i)
	case evfiltProc:
		return kq.attachProc(t, i)
	case evfiltSignal:
		return kq.attachSignal(t, i)
	case evfiltTimer:
		return kq.attachTimer(i)
	case evfiltUser:
		return kq.attachUser(i)
	}
	warnOncef("kqueue filter %d is not implemented: ENOTSUP", kq.knotes[i].filter)
	return ENOTSUP
}

// touch applies a change to the existing knote i.
func (kq *kqueue) touch(t *Thread, i int32, k *kevent) Errno {
	kn := &kq.knotes[i]
	switch kn.filter {
	case evfiltUser:
		kq.touchUser(i, k)
	case evfiltTimer:
		if k.flags&evAdd != 0 {
			kn.sfflags, kn.sdata = k.fflags, k.data
			kn.data = 0
			kq.deactivate(i)
			return kq.attachTimer(i)
		}
	case evfiltRead, evfiltWrite, evfiltExcept:
		if k.flags&evAdd != 0 {
			kn.sfflags, kn.sdata = k.fflags, k.data
			if kn.state&knDisabled == 0 {
				return kq.rearm(i)
			}
		}
	case evfiltVnode:
		if k.flags&evAdd != 0 {
			return kq.rewatch(i, k.fflags)
		}
	default:
		if k.flags&evAdd != 0 {
			kn.sfflags, kn.sdata = k.fflags, k.data
		}
	}
	return 0
}

// arm lets the enabled knote i report.
func (kq *kqueue) arm(i int32) Errno {
	kn := &kq.knotes[i]
	if kn.hostFD >= 0 {
		return kq.armFD(i)
	}
	if kq.pending(kn) {
		kq.activate(i)
	}
	return 0
}

// disarm keeps knote i from reporting.
func (kq *kqueue) disarm(i int32) {
	kq.deactivate(i)
	if kq.knotes[i].set != setNone {
		kq.disarmFD(i)
	}
}

// pending reports whether a knote that is not an item of an epoll has
// something to report.
func (kq *kqueue) pending(kn *knote) bool {
	if kn.kind == kindFile && (kn.filter == evfiltRead || kn.filter == evfiltWrite) {
		return kq.fileReady(kn)
	}
	if kn.filter == evfiltUser {
		return kn.state&knTriggered != 0
	}
	return kn.data != 0 || kn.fflags != 0
}

// activate puts knote i on the active list and wakes a waiter.
func (kq *kqueue) activate(i int32) {
	kn := &kq.knotes[i]
	if kn.state&(knActive|knDisabled) != 0 {
		return
	}
	kn.state |= knActive
	kn.anext, kn.aprev = 0, kq.tail
	if kq.tail != 0 {
		kq.knotes[kq.tail].anext = i
	} else {
		kq.head = i
	}
	kq.tail = i
	kq.wake()
}

// wake makes the epoll ready.
func (kq *kqueue) wake() {
	if kq.efd >= 0 {
		host(syscall.SYS_WRITE, uintptr(kq.efd), uintptr(unsafe.Pointer(&eventfdOne)), 8, 0, 0, 0)
	}
}

var eventfdOne uint64 = 1

func (kq *kqueue) deactivate(i int32) {
	kn := &kq.knotes[i]
	if kn.state&knActive == 0 {
		return
	}
	kn.state &^= knActive
	if kn.aprev != 0 {
		kq.knotes[kn.aprev].anext = kn.anext
	} else {
		kq.head = kn.anext
	}
	if kn.anext != 0 {
		kq.knotes[kn.anext].aprev = kn.aprev
	} else {
		kq.tail = kn.aprev
	}
}

// collect turns the n host events in b into events for the guest.
func (kq *kqueue) collect(b *keventBuf, size, n int) {
	kq.mu.Lock()
	defer kq.mu.Unlock()
	if ttys.active.Load() && kq.processEnded(b.ev[:n]) {
		kq.mu.Unlock()
		sweepTTYs()
		kq.mu.Lock()
	}
	active, write := false, false
	for _, ev := range b.ev[:n] {
		switch {
		case ev.index != 0:
			kq.report(b, size, ev)
		case ev.gen == tagEvent:
			active = true
		case ev.gen == tagWrite:
			write = true
		case ev.gen == tagInotify:
			kq.readInotify()
			active = true
		}
	}
	if write && b.n < b.max && kq.wfd >= 0 {
		n, e := host(syscall.SYS_EPOLL_WAIT, uintptr(kq.wfd), uintptr(unsafe.Pointer(&b.ev2)), uintptr(b.max-b.n), 0, 0, 0)
		if e == 0 {
			for _, ev := range b.ev2[:n] {
				kq.report(b, size, ev)
			}
		}
	}
	if active {
		kq.collectActive(b, size)
	}
}

// collectActive reports the knotes on the active list, as far as there is room.
func (kq *kqueue) collectActive(b *keventBuf, size int) {
	last := kq.tail
	for i := kq.head; i != 0 && b.n < b.max; i = kq.head {
		kn := &kq.knotes[i]
		kq.deactivate(i)
		if kq.pending(kn) {
			k := kn.kevent
			if kn.kind == kindFile && kn.filter != evfiltVnode {
				k.data = kq.fileData(kn)
			}
			b.put(&k, size)
			kq.delivered(i)
		}
		if i == last {
			break
		}
	}
	if kq.head != 0 {
		kq.wake()
	}
}

// report looks at a host event of a knote and reports it if XNU would.
func (kq *kqueue) report(b *keventBuf, size int, ev epollEvent) {
	i := ev.index
	if int(i) >= len(kq.knotes) || kq.knotes[i].gen != ev.gen {
		return // of a knote that is gone
	}
	kn := &kq.knotes[i]
	if kn.state&knDisabled != 0 {
		return
	}
	if kn.filter == evfiltProc {
		kq.procEvent(i)
	} else if !kq.evalFD(i, ev.events) {
		kq.parkFD(i)
		return
	} else if kn.state&knParked != 0 {
		kq.unparkFD(i)
	}
	b.put(&kn.kevent, size)
	kq.delivered(i)
}

// delivered does to knote i what its flags ask for once it has been reported
// (xnu-11417 bsd/kern/kern_event.c:knote_process, knote_reset).
func (kq *kqueue) delivered(i int32) {
	kn := &kq.knotes[i]
	if kn.flags&evOneshot != 0 {
		kq.drop(i)
		return
	}
	if kn.flags&evDispatch != 0 {
		kn.state |= knDisabled
		kq.disarm(i)
	}
	if kn.flags&(evClear|evDispatch) != 0 {
		kn.fflags, kn.data = 0, 0
		kn.flags &^= evEOF
		kn.state &^= knTriggered
		return
	}
	if kn.set == setNone && kq.pending(kn) {
		kq.activate(i) // level-triggered: again at the next call
	}
}
