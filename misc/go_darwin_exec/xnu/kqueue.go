// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// A kqueue is an epoll instance of the host, whose descriptor is the guest's,
// and a table of knotes. So it can be closed, polled and watched by another
// kqueue as any descriptor.
//
// Knotes that watch a descriptor are items of that epoll (EVFILT_READ,
// EVFILT_EXCEPT) or of a second one inside it (EVFILT_WRITE), because epoll
// has one item for each descriptor and a kqueue one for each filter: were the
// two joined, the arrival of data would report EVFILT_WRITE anew. EV_CLEAR is
// EPOLLET. The other knotes (user, timer, signal, process, vnode, and regular
// files, which epoll refuses) put themselves on the kqueue's list of active
// knotes and write to an eventfd, edge-triggered inside the epoll.
//
// The second epoll, the eventfd and whatever else belongs to a kqueue are
// descriptors out of the guest's sight (hideFD).
//
// Locks: Proc.mu, then kqueues.mu, then kqueue.mu. A thread that waits holds
// none.
type kqueue struct {
	fd     atomic.Int32  // the guest's descriptor
	family atomic.Uint32 // the kevFamily that it is bound to; 0: none yet
	closed atomic.Bool

	mu  sync.Mutex
	fds []int32 // all of the guest's descriptors of it
	wfd int32   // epoll of EVFILT_WRITE, -1: not yet
	efd int32   // eventfd
	ifd int32   // inotify, -1: not yet

	knotes []knote // [0] is not used
	free   int32   // list through next
	byFD   []int32 // by descriptor: list through next
	other  map[knoteKey]int32
	head   int32 // active list
	tail   int32
	gen    uint32
	watch  map[int32][]int32 // inotify watch: its knotes

	next *kqueue // list of kqueues.head
}

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
	kindOther knoteKind = iota
	kindStream
	kindDgram
	kindPipe
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

// Values of epollEvent.gen with index 0, for what is not a knote.
const (
	tagEvent   = 1
	tagWrite   = 2
	tagInotify = 3
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

func init() {
	register(map[string]handler{
		"kqueue":     sysKqueue,
		"kevent":     sysKevent,
		"kevent64":   sysKevent64,
		"kevent_qos": sysKeventQos,
	})
}

// kqueues has the kqueues of the process: by descriptor, and in a list.
var kqueues struct {
	byFD [fdMax]atomic.Pointer[kqueue]
	mu   sync.Mutex
	head atomic.Pointer[kqueue]
}

// kqueuesGone is set in the child of a fork, which has no kqueues: their
// memory is there, but the epolls are the parent's.
var kqueuesGone atomic.Bool

// kqueueForked is called in the child of a fork and closes the kqueues, which
// it does not inherit (xnu-11417 bsd/kern/kern_descrip.c:fdt_fork). It
// allocates nothing and takes no lock.
func kqueueForked() {
	kqueuesGone.Store(true)
	for kq := kqueues.head.Load(); kq != nil; kq = kq.next {
		for _, fd := range kq.fds {
			host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
			fdWords[fd].Store(0)
		}
	}
}

func kqueueOf(fd int32) *kqueue {
	if uint32(fd) >= fdMax || kqueuesGone.Load() {
		return nil
	}
	return kqueues.byFD[fd].Load()
}

// Host calls and constants that package syscall lacks.
const (
	sysEpollPwait2 = 441
	sysPidfdOpen   = 434
	linuxEpollET   = 1 << 31
	linuxEpollIn   = 0x1
	linuxEpollPri  = 0x2
	linuxEpollOut  = 0x4
	linuxEpollErr  = 0x8
	linuxEpollHup  = 0x10
	linuxRdhup     = 0x2000
)

// epollEvent is Linux's struct epoll_event, which is packed on x86-64; the
// two halves of its data name a knote.
type epollEvent struct {
	events uint32
	gen    uint32
	index  int32
}

// sysKqueue: close-on-exec since 2422 (bsd/kern/kern_event.c:kqueue_body).
// The flag is always set on the host, where an exec would leave an epoll
// without its knotes; fcntl shows it.
func sysKqueue(t *Thread, a *args) (uint64, Errno) {
	if kqueuesGone.Load() {
		return 0, ENOMEM
	}
	fd, e := host(syscall.SYS_EPOLL_CREATE1, syscall.EPOLL_CLOEXEC, 0, 0, 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	if fd, e = newFd(fd, 0, -1); e != 0 {
		return 0, e
	}
	kq := &kqueue{fds: []int32{int32(fd)}, wfd: -1, efd: -1, ifd: -1, knotes: make([]knote, 1, 16)}
	kq.fd.Store(int32(fd))
	efd, e := host(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0, 0, 0, 0)
	if e == 0 {
		kq.efd, e = hideFD(int32(efd))
	}
	if e == 0 {
		e = epollCtl(int32(fd), syscall.EPOLL_CTL_ADD, kq.efd, linuxEpollIn|linuxEpollET, 0, tagEvent)
	}
	if e != 0 {
		closeHidden(kq.efd)
		host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
		return 0, e
	}
	kqueues.mu.Lock()
	kq.next = kqueues.head.Load()
	kqueues.head.Store(kq)
	kqueues.mu.Unlock()
	kqueues.byFD[fd].Store(kq)
	fdWords[fd].Store(uint32(fdKqueue))
	t.p.lock()
	t.p.sigKnote = sigKnote
	t.p.unlock()
	return fd, 0
}

// kqueueDuped gives the kqueue from a second name.
func kqueueDuped(from, to int32) {
	kq := kqueueOf(from)
	if kq == nil {
		return
	}
	kq.mu.Lock()
	kq.fds = append(kq.fds, to)
	kq.mu.Unlock()
	kqueues.byFD[to].Store(kq)
}

// kqueueClosed takes the name fd from its kqueue. The last one takes the
// knotes with it, and threads that wait get EBADF.
func kqueueClosed(fd int32) {
	kq := kqueues.byFD[fd].Swap(nil)
	if kq == nil {
		return
	}
	kqueues.mu.Lock()
	defer kqueues.mu.Unlock()
	kq.mu.Lock()
	defer kq.mu.Unlock()
	for i, f := range kq.fds {
		if f == fd && len(kq.fds) > 1 {
			kq.fds = append(kq.fds[:i:i], kq.fds[i+1:]...)
			kq.fd.Store(kq.fds[0])
			return
		}
	}
	kq.closed.Store(true)
	if kqueues.head.Load() == kq {
		kqueues.head.Store(kq.next)
	} else {
		for p := kqueues.head.Load(); p != nil; p = p.next {
			if p.next == kq {
				p.next = kq.next
				break
			}
		}
	}
	for i := range kq.knotes {
		if kq.knotes[i].gen != 0 {
			kq.drop(int32(i))
		}
	}
	kq.wake()
	closeHidden(kq.wfd)
	closeHidden(kq.ifd)
	closeHidden(kq.efd)
	kq.wfd, kq.ifd, kq.efd = -1, -1, -1
}

// knotesClosed removes the knotes that watch fd.
func knotesClosed(fd int32) {
	kqueues.mu.Lock()
	defer kqueues.mu.Unlock()
	for kq := kqueues.head.Load(); kq != nil; kq = kq.next {
		kq.mu.Lock()
		if int(fd) < len(kq.byFD) {
			for kq.byFD[fd] != 0 {
				kq.drop(kq.byFD[fd])
			}
		}
		kq.mu.Unlock()
	}
}

// A keventBuf is the memory of one call of kevent.
type keventBuf struct {
	ts  [2]int64
	ev  [maxEvents]epollEvent
	ev2 [maxEvents]epollEvent
	out [maxEvents * keventMaxSize]byte // events in the guest's form
	n   int                             // how many
	max int                             // room for
	enc func(b []byte, k *kevent)
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
	return t.kevent(&plainForm, int32(a[0]), a[1], int32(a[2]), a[3], int32(a[4]), 0, a[5])
}

func sysKevent64(t *Thread, a *args) (uint64, Errno) {
	return t.kevent(&form64, int32(a[0]), a[1], int32(a[2]), a[3], int32(a[4]), uint32(a[5]), a[6])
}

// sysKeventQos has no timeout: it waits for ever, or not at all with
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
		sec, nsec, e := readTimespec(timeout)
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
	return t.block(sysEpollPwait2, fd, ev, uintptr(b.max), ts, 0, 0)
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
		return kq.attachFD(i)
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
	complainOnce("kqueue filter %d is not implemented: ENOTSUP", kq.knotes[i].filter)
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
