// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// Waits among the threads of the guest. The waiter clears its park word
// (prepare) before it shows itself to wakers, under the lock of whatever it
// waits for; the waker takes it off the list under the same lock and calls
// unpark. A waiter that has not been unparked takes itself off.

// A wakeup says why a sleep has ended.
type wakeup int

const (
	wokenUp     wakeup = iota // by unpark
	interrupted               // there is a signal to act on
	timedOut
)

const (
	futexWaitPrivate       = 0 | 128
	futexWaitBitsetPrivate = 9 | 128
	futexWakePrivate       = 1 | 128
)

// prepare readies the thread for sleep.
func (t *Thread) prepare() { t.park.Store(0) }

// unpark ends t's sleep. Any thread may call it.
func (t *Thread) unpark() {
	if t.park.Swap(1) == 0 {
		wakeWord(&t.park)
	}
}

// unparkUnlock is unpark, but unlocks mu, under which t was taken off the list,
// before t can run: that lock is the first thing that t wants.
func (t *Thread) unparkUnlock(mu *sync.Mutex) {
	asleep := t.park.Swap(1) == 0
	mu.Unlock()
	if asleep {
		wakeWord(&t.park)
	}
}

// wakeWord wakes the thread that sleeps on a word, if one does.
func wakeWord(w *atomic.Uint32) {
	vcpu.Raw(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(w)), futexWakePrivate, 1, 0, 0, 0)
}

// awaitWord sleeps until wakeWord finds the word changed from old, or, if
// timeout is not nil, for that long. It is for threads that run no guest code.
func awaitWord(w *atomic.Uint32, old uint32, timeout *syscall.Timespec) {
	for w.Load() == old {
		_, _, e := syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(w)), futexWaitPrivate, uintptr(old), uintptr(unsafe.Pointer(timeout)), 0, 0)
		if e == syscall.ETIMEDOUT {
			return
		}
	}
}

// sleep waits for unpark, for a signal to act on, or until deadline on the
// host's monotonic clock (0: none).
func (t *Thread) sleep(deadline int64) wakeup {
	var ts *syscall.Timespec
	if deadline != 0 {
		t.ts = syscall.NsecToTimespec(max(deadline, 0))
		ts = &t.ts // in the heap: the stack may move
	}
	for t.park.Load() == 0 {
		if t.ast.Load() != 0 || t.cpu.KickPending() {
			if sig, _ := t.interrupted(); sig != 0 {
				return interrupted
			}
		}
		_, e, _ := t.cpu.Blocking(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(&t.park)), futexWaitBitsetPrivate, 0,
			timespecPtr(ts), 0, 0xffffffff)
		if e == uintptr(syscall.ETIMEDOUT) && t.park.Load() == 0 {
			return timedOut
		}
	}
	return wokenUp
}

func timespecPtr(ts *syscall.Timespec) uintptr { return uintptr(unsafe.Pointer(ts)) }

// monotonic is the host's clock that deadlines are on: mach_absolute_time.
func monotonic() int64 { return vcpu.Nanotime() }

// after is the deadline d nanoseconds from now; a wait too long to express
// has none.
func after(d uint64) int64 {
	now := monotonic()
	if d > uint64(1<<62) || now+int64(d) < 0 {
		return 1<<63 - 1
	}
	return now + int64(d)
}

// remove takes t out of a list of waiters and reports whether it was there.
func removeThread(list *[]*Thread, t *Thread) bool {
	for i, x := range *list {
		if x == t {
			copy((*list)[i:], (*list)[i+1:])
			(*list)[len(*list)-1] = nil
			*list = (*list)[:len(*list)-1]
			return true
		}
	}
	return false
}
