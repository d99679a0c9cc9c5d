// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"sync"
	"syscall"
	"unsafe"
)

// A kevent is an event or a change in the form that the kernel works with
// (xnu-11417 bsd/sys/event.h: struct kevent_qos_s).
type kevent struct {
	ident  uint64
	filter int16
	flags  uint16
	qos    int32
	udata  uint64
	fflags uint32
	xflags uint32
	data   int64
	ext    [4]uint64
}

// Flags of a kevent (xnu-11417 bsd/sys/event.h).
const (
	evAdd           = 0x1
	evDelete        = 0x2
	evEnable        = 0x4
	evDisable       = 0x8
	evOneshot       = 0x10
	evClear         = 0x20
	evReceipt       = 0x40
	evDispatch      = 0x80
	evUdataSpecific = 0x100 // since 3248
	evVanished      = 0x200 // since 3789
	evOoband        = 0x2000
	evError         = 0x4000
	evEOF           = 0x8000
)

// Filters (xnu-11417 bsd/sys/event.h).
const (
	evfiltRead         = -1
	evfiltWrite        = -2
	evfiltAIO          = -3
	evfiltVnode        = -4
	evfiltProc         = -5
	evfiltSignal       = -6
	evfiltTimer        = -7
	evfiltMachport     = -8
	evfiltFS           = -9
	evfiltUser         = -10
	evfiltVM           = -12
	evfiltSock         = -13
	evfiltMemorystatus = -14
	evfiltExcept       = -15
)

// filterSince is the first release with a filter, by -filter.
var filterSince = [...]Release{
	-evfiltRead: 1, -evfiltWrite: 1, -evfiltAIO: 1, -evfiltVnode: 1, -evfiltProc: 1,
	-evfiltSignal: 1, -evfiltTimer: 1, -evfiltMachport: 1, -evfiltFS: 1, -evfiltUser: XNU1504,
	-evfiltVM: XNU1699, -evfiltSock: XNU2050, -evfiltMemorystatus: XNU2422, -evfiltExcept: XNU3789,
}

// kevFamily is the form of the events that a kqueue has been used with.
type kevFamily uint8

const (
	familyPlain kevFamily = 1 + iota // kevent
	family64                         // kevent64
	familyQos                        // kevent_qos
)

// Flags of kevent64 and kevent_qos.
const (
	keventImmediate   = 1
	keventErrorEvents = 2
)

// A keventBuf is the memory of one call of kevent.
type keventBuf struct {
	ts   [2]int64
	poll [2]uint32 // struct pollfd
	ev   [maxEvents]epollEvent
	ev2  [maxEvents]epollEvent
	out  [maxEvents * keventMaxSize]byte // events in the guest's form
	n    int                             // how many
	max  int                             // room for
	enc  func(b []byte, k *kevent)
}

// maxEvents bounds the events that one call returns.
const maxEvents = 256

// keventMaxSize is the size of the largest form, struct kevent_qos_s.
const keventMaxSize = 72

var keventBufs = sync.Pool{New: func() any { return new(keventBuf) }}

func (b *keventBuf) put(k *kevent, size int) {
	b.enc(b.out[b.n*size:], k)
	b.n++
}

// A keventForm is one of the three layouts of an event.
type keventForm struct {
	family kevFamily
	size   int
	decode func(k *kevent, b []byte)
	encode func(b []byte, k *kevent)
}

func sysKevent(t *Thread, a *args) (uint64, Errno) {
	return t.kevent(&plainForms[t.abi()], int32(a[0]), a[1], int32(a[2]), a[3], int32(a[4]), 0, a[5])
}

func sysKevent64(t *Thread, a *args) (uint64, Errno) {
	return t.kevent(&form64, int32(a[0]), a[1], int32(a[2]), a[3], int32(a[4]), uint32(a[5]), a[6])
}

// sysKeventQos has no timeout: it waits indefinitely, or not at all with
// KEVENT_FLAG_IMMEDIATE.
func sysKeventQos(t *Thread, a *args) (uint64, Errno) {
	return t.kevent(&qosForm, int32(a[0]), a[1], int32(a[2]), a[3], int32(a[4]), uint32(a[7]), 0)
}

// kevent applies the changes, and if they gave no event, waits for events
// (xnu-11417 bsd/kern/kern_event.c:kevent_internal, kqueue_scan).
func (t *Thread) kevent(form *keventForm, fd int32, changes uint64, nchanges int32, events uint64, nevents int32, flags uint32, timeout uint64) (uint64, Errno) {
	kq := kqueueOf(fd)
	if kq == nil {
		return 0, EBADF
	}
	poll := flags&keventImmediate != 0
	if timeout != 0 && !poll && !t.restart {
		sec, nsec, e := t.abi().readTimespec(timeout)
		if e != 0 {
			return 0, e
		}
		d, e := keventTimeout(sec, nsec)
		if e != 0 {
			return 0, e
		}
		if poll = d == 0; !poll {
			t.deadline = monotonic() + d
		}
	}
	b := keventBufs.Get().(*keventBuf)
	defer keventBufs.Put(b)
	b.n, b.max, b.enc = 0, int(max(min(nevents, maxEvents), 0)), form.encode

	if nchanges > 0 && !t.restart {
		if e := t.keventChanges(kq, b, form, changes, nchanges); e != 0 {
			return 0, e
		}
		if b.n > 0 {
			return b.finish(form, events)
		}
	} else if !kq.bind(form.family) {
		return 0, EINVAL
	}
	if b.max == 0 || flags&keventErrorEvents != 0 {
		return 0, 0
	}
	for {
		n, e := t.epollWait(kq, b, poll)
		if e != 0 {
			return 0, e
		}
		if kq.closed.Load() {
			return 0, EBADF
		}
		if n > 0 {
			kq.collect(b, form.size, int(n))
		}
		if b.n > 0 || n == 0 {
			return b.finish(form, events)
		}
	}
}

// finish copies the events out.
func (b *keventBuf) finish(form *keventForm, events uint64) (uint64, Errno) {
	if e := copyoutBytes(events, b.out[:b.n*form.size]); e != 0 {
		return 0, e
	}
	return uint64(b.n), 0
}

// keventTimeout checks a timeout as itimerfix does and returns it in ns
// (xnu-11417 bsd/kern/kern_event.c:kevent_get_timeout, kern_time.c:itimerfix).
func keventTimeout(sec, nsec int64) (int64, Errno) {
	if sec < 0 || sec > 100000000 || nsec < 0 || nsec >= 1e9 {
		return 0, EINVAL
	}
	return sec*1e9 + nsec, 0
}

// epollWait waits for the host to have events. It returns 0 at the deadline.
func (t *Thread) epollWait(kq *kqueue, b *keventBuf, poll bool) (uint64, Errno) {
	fd, ev := uintptr(kq.fd.Load()), uintptr(unsafe.Pointer(&b.ev))
	if poll {
		return host(syscall.SYS_EPOLL_WAIT, fd, ev, uintptr(b.max), 0, 0, 0)
	}
	var ts uintptr
	if t.deadline != 0 {
		left := max(t.deadline-monotonic(), 0)
		b.ts = [2]int64{left / 1e9, left % 1e9}
		ts = uintptr(unsafe.Pointer(&b.ts))
	}
	n, e := t.block(sysEpollPwait2, fd, ev, uintptr(b.max), ts, 0, 0)
	if refusal(e) {
		return t.epollWaitOld(fd, ev, b)
	}
	return n, e
}

// bind binds the kqueue to a family of calls and reports whether it is.
func (kq *kqueue) bind(f kevFamily) bool {
	return kq.family.Load() == uint32(f) || kq.family.CompareAndSwap(0, uint32(f))
}

// keventChanges applies n changes. Each one that fails, or asks for it by
// EV_RECEIPT, leaves an event; without room for it the call ends there.
func (t *Thread) keventChanges(kq *kqueue, b *keventBuf, form *keventForm, p uint64, n int32) Errno {
	if !kq.bind(form.family) {
		return EINVAL
	}
	raw := b.out[len(b.out)-keventMaxSize:] // the last slot, free unless all others are used
	var k kevent
	kq.mu.Lock()
	defer kq.mu.Unlock()
	if kq.closed.Load() {
		return EBADF
	}
	for i := int32(0); i < n; i++ {
		if e := copyinBytes(raw[:form.size], p+uint64(i)*uint64(form.size)); e != 0 {
			return e
		}
		form.decode(&k, raw)
		k.flags &^= evSysflags
		e := kq.change(t, &k)
		if e == 0 && k.flags&evReceipt == 0 {
			continue
		}
		if b.n >= b.max {
			if e != 0 {
				return e
			}
			continue
		}
		// 1504 replaces the flags, later releases keep them.
		if t.p.Release < XNU1699 {
			k.flags = evError
		} else {
			k.flags |= evError
		}
		k.data = int64(e)
		b.put(&k, form.size)
		if b.n*form.size > len(b.out)-keventMaxSize {
			b.max = b.n // the slot is needed for changes
		}
	}
	return 0
}

const evSysflags = 0xf000 &^ evOoband
