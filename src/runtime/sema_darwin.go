// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package runtime

import (
	"internal/runtime/atomic"
	"unsafe"
)

// An M parks on a counting semaphore. From macOS 10.12 on m.waitsema is the
// count itself and a thread that finds it 0 waits by ulock_wait; before, it is
// the name of a Mach semaphore. The choice is made once, in osinit: ulock does
// not exist on old releases, and a Mach semaphore is made by a message, which
// from macOS 13 on kills the process
// (xnu-8792 osfmk/ipc/mach_msg.c:mach_msg_legacy_allowed).
//
// Waking is an atomic add and a kernel entry, or only a kernel entry, so it can
// be done in a signal handler. Sleeping in one is a mistake, but for a thread
// that ends the program by a dump and waits for another that does so already
// (startpanic_m): SIGQUITs in a row come to several threads.

// ulockRelease is the first Darwin with ulock_wait and ulock_wake (xnu-3789
// bsd/kern/sys_ulock.c).
const ulockRelease = darwin10_12

var useUlock bool

//go:noescape
func ulock_wait(op uint32, addr *uint32, value uint64, timeoutMicros uint32) int32

//go:noescape
func ulock_wake(op uint32, addr *uint32, wakeValue uint64) int32

func semaphore_wait(sem uint32) int32
func semaphore_timedwait(sem, sec, nsec uint32) int32
func semaphore_signal(sem uint32) int32
func mach_reply_port() uint32
func task_self() uint32

//go:noescape
func mach_msg(msg *machSemaMsg, option, sndSize, rcvSize, rcvName uint32) uint32

const _UL_COMPARE_AND_WAIT = 1

// kern_return_t (xnu-1504 osfmk/mach/kern_return.h).
const (
	_KERN_SUCCESS             = 0
	_KERN_ABORTED             = 14
	_KERN_OPERATION_TIMED_OUT = 49
)

// mach_msg's options and results (xnu-1504 osfmk/mach/message.h).
const (
	_MACH_SEND_MSG         = 1
	_MACH_RCV_MSG          = 2
	_MACH_SEND_INTERRUPTED = 0x10000007
	_MACH_RCV_INTERRUPTED  = 0x10004005
)

// A machSemaMsg is a message to the task port about a semaphore, or the reply
// (MIG ids 3418, 3419; xnu-1504 osfmk/mach/task.defs). All fields are 32 bits on
// both architectures.
type machSemaMsg struct {
	bits, size, remote, local, voucher uint32
	id                                 int32
	body                               [6]uint32
}

const (
	_MACH_MSGH_BITS_COMPLEX = 0x80000000

	semaphoreCreateID  = 3418
	semaphoreDestroyID = 3419
)

//go:nosplit
func semacreate(mp *m) {
	// mpreinit has made it.
}

// mpreinitSema makes what mp will park on. The caller holds sched.lock, or is
// alone, so one reply port serves all.
func mpreinitSema(mp *m) {
	if !useUlock {
		mp.waitsema = machSemaCreate()
	}
}

// mdestroySema undoes mpreinitSema. Runs without a P.
//
//go:nowritebarrierrec
func mdestroySema(mp *m) {
	if !useUlock {
		machSemaDestroy(mp.waitsema)
	}
}

// semasleep takes the calling M's semaphore. It gives up and returns -1 after
// ns nanoseconds if ns >= 0. Every wait is relative, and any of them may end
// early (a signal, a timeout out of turn), so each round waits for what is left.
//
//go:nosplit
func semasleep(ns int64) int32 {
	gp := getg()
	mp := gp.m
	if gp == mp.gsignal && mp.dying == 0 {
		throw("semasleep on Darwin signal stack")
	}
	start := int64(0)
	if ns >= 0 {
		start = nanotime()
	}
	for left := ns; ; {
		var ok bool
		if useUlock {
			ok = ulockTake(mp, left)
		} else {
			ok = machSemaTake(mp.waitsema, left)
		}
		if ok {
			return 0
		}
		if ns >= 0 {
			if left = ns - (nanotime() - start); left <= 0 {
				return -1
			}
		}
	}
}

// semawakeup gives mp's semaphore. It may be called from a signal handler.
//
//go:nosplit
func semawakeup(mp *m) {
	if useUlock {
		atomic.Xadd(&mp.waitsema, 1)
		// mp may have gone on, and even ended, by now; the kernel looks at
		// the address only as a key.
		errno := ulock_wake(_UL_COMPARE_AND_WAIT, &mp.waitsema, 0)
		if errno != 0 && errno != _ENOENT && errno != _EINTR {
			semaFailed("ulock_wake", errno)
		}
		return
	}
	if kr := semaphore_signal(mp.waitsema); kr != _KERN_SUCCESS {
		semaFailed("semaphore_signal", kr)
	}
}

const _ENOENT = 2

// ulockTake takes one from mp.waitsema. If there is none, it waits at most ns
// nanoseconds, for ever if ns < 0, and reports whether it got one. It may return
// false early.
//
//go:nosplit
func ulockTake(mp *m, ns int64) bool {
	for {
		v := atomic.Load(&mp.waitsema)
		if v == 0 {
			break
		}
		if atomic.Cas(&mp.waitsema, v, v-1) {
			return true
		}
	}
	micros := uint32(0) // for ever
	if ns >= 0 {
		// Round up: 0 must not become for ever, nor 1ns a busy loop.
		micros = uint32(min(uint64(ns)/1000+1, 1<<31))
	}
	switch errno := ulock_wait(_UL_COMPARE_AND_WAIT, &mp.waitsema, 0, micros); errno {
	case 0, _EINTR, _ETIMEDOUT:
	case _EFAULT:
		// The page is not resident. The next round's load brings it in.
	default:
		semaFailed("ulock_wait", errno)
	}
	v := atomic.Load(&mp.waitsema)
	return v != 0 && atomic.Cas(&mp.waitsema, v, v-1)
}

// machSemaTake is ulockTake for a Mach semaphore.
//
//go:nosplit
func machSemaTake(sem uint32, ns int64) bool {
	var kr int32
	if ns < 0 {
		kr = semaphore_wait(sem)
	} else {
		sec := min(uint64(ns)/1e9, 1<<30)
		kr = semaphore_timedwait(sem, uint32(sec), uint32(uint64(ns)%1e9))
	}
	switch kr {
	case _KERN_SUCCESS:
		return true
	case _KERN_ABORTED, _KERN_OPERATION_TIMED_OUT:
		// 10.12 was seen to answer an untimed wait with the latter
		// (golang.org/issue/17161).
		return false
	}
	semaFailed("semaphore_wait", kr)
	return false
}

//go:nosplit
func semaFailed(call string, code int32) {
	systemstack(func() {
		print("runtime: ", call, " failed: ", code, "\n")
		throw("semaphore")
	})
}

var (
	machTask  uint32 // this task's port
	machReply uint32 // a receive right for answers
)

// machSemaCreate makes a Mach semaphore with count 0.
func machSemaCreate() uint32 {
	if machTask == 0 {
		machTask = task_self()
		machReply = mach_reply_port()
	}
	msg := machSemaMsg{
		bits:   19 | 21<<8, // MACH_MSG_TYPE_COPY_SEND, MAKE_SEND_ONCE
		size:   40,
		remote: machTask,
		local:  machReply,
		id:     semaphoreCreateID,
		body:   [6]uint32{0, 1}, // NDR record, SYNC_POLICY_FIFO, value 0
	}
	option := uint32(_MACH_SEND_MSG | _MACH_RCV_MSG)
	for {
		kr := mach_msg(&msg, option, 40, uint32(unsafe.Sizeof(msg)), machReply)
		if kr == 0 {
			break
		}
		switch kr {
		case _MACH_SEND_INTERRUPTED:
		case _MACH_RCV_INTERRUPTED:
			option = _MACH_RCV_MSG
		default:
			println("runtime: semaphore_create failed:", hex(kr))
			throw("semaphore")
		}
	}
	if msg.id != semaphoreCreateID+100 || msg.bits&_MACH_MSGH_BITS_COMPLEX == 0 {
		println("runtime: semaphore_create failed:", msg.body[2])
		throw("semaphore")
	}
	return msg.body[1] // the port descriptor's name
}

// machSemaDestroy destroys a semaphore and gives back its name. Nobody waits
// for an answer, and none is sent: the message has no reply port.
func machSemaDestroy(sem uint32) {
	msg := machSemaMsg{
		bits:   19 | _MACH_MSGH_BITS_COMPLEX, // MACH_MSG_TYPE_COPY_SEND
		size:   40,
		remote: machTask,
		id:     semaphoreDestroyID,
		body:   [6]uint32{1, sem, 0, 17 << 16}, // one port, MACH_MSG_TYPE_MOVE_SEND
	}
	for mach_msg(&msg, _MACH_SEND_MSG, 40, 0, 0) == _MACH_SEND_INTERRUPTED {
	}
}

// The note that wakes os/signal's reader from a handler is an ordinary one:
// semawakeup may be called there. (Upstream's port uses a pipe, because there
// it is a mutex and a condition variable of libpthread.)

func sigNoteSetup(n *note) {
	noteclear(n)
}

func sigNoteWakeup(n *note) {
	notewakeup(n)
}

func sigNoteSleep(n *note) {
	notetsleepg(n, -1)
	noteclear(n)
}
