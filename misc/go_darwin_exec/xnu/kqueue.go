// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"sync"
	"sync/atomic"
	"syscall"
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
	// parents has the knotes of the directories in it.
	parents map[int32][]int32

	next *kqueue // list of kqueues.head
}

// Values of epollEvent.gen with index 0, for what is not a knote.
const (
	tagEvent   = 1
	tagWrite   = 2
	tagInotify = 3
)

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
	kq, e := startKqueue(int32(fd), []int32{int32(fd)})
	if e != 0 {
		host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
		return 0, e
	}
	kqueues.byFD[fd].Store(kq)
	fdWords[fd].Store(uint32(fdKqueue))
	t.p.lock()
	t.p.sigKnote = sigKnote
	t.p.unlock()
	return fd, 0
}

// newKqueue makes a kqueue that the guest does not see: see dispose.
func newKqueue() (*kqueue, Errno) {
	fd, e := host(syscall.SYS_EPOLL_CREATE1, syscall.EPOLL_CLOEXEC, 0, 0, 0, 0, 0)
	if e != 0 {
		return nil, e
	}
	h, e := hideFD(int32(fd))
	if e != 0 {
		return nil, e
	}
	kq, e := startKqueue(h, nil)
	if e != 0 {
		closeHidden(h)
	}
	return kq, e
}

// startKqueue makes a kqueue of the epoll fd. names are the guest's descriptors of it.
func startKqueue(fd int32, names []int32) (*kqueue, Errno) {
	kq := &kqueue{fds: names, wfd: -1, efd: -1, ifd: -1, knotes: make([]knote, 1, 16)}
	kq.fd.Store(fd)
	efd, e := host(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0, 0, 0, 0)
	if e == 0 {
		kq.efd, e = hideFD(int32(efd))
	}
	if e == 0 {
		e = epollCtl(fd, syscall.EPOLL_CTL_ADD, kq.efd, linuxEpollIn|linuxEpollET, 0, tagEvent)
	}
	if e != 0 {
		closeHidden(kq.efd)
		return nil, e
	}
	kqueues.mu.Lock()
	kq.next = kqueues.head.Load()
	kqueues.head.Store(kq)
	kqueues.mu.Unlock()
	return kq, 0
}

// dispose ends a kqueue of newKqueue.
func (kq *kqueue) dispose() {
	kqueues.mu.Lock()
	defer kqueues.mu.Unlock()
	kq.mu.Lock()
	defer kq.mu.Unlock()
	kq.end()
	closeHidden(kq.fd.Load())
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
	kq.end()
}

// end takes the knotes away. kqueues.mu and kq.mu are held.
func (kq *kqueue) end() {
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
