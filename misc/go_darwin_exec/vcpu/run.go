// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package vcpu

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// hostPid is the process that tgkill addresses; forked says that this process
// is a child made by Fork, in which the Go scheduler must be left alone.
var (
	hostPid uintptr
	forked  bool
)

// Pid returns the id of this process, also in a child made by Fork.
func Pid() int { return int(hostPid) }

//go:linkname entersyscall runtime.entersyscall
func entersyscall()

//go:linkname exitsyscall runtime.exitsyscall
func exitsyscall()

// Implemented in assembly.
func enterGuest(c *Ctx)

//go:noescape
func cpSyscall(c *Ctx, nr, a1, a2, a3, a4, a5, a6 uintptr) (r, aborted uintptr)

// getSlot and setSlot access the thread's word that holds its *Ctx.
func getSlot() *Ctx
func setSlot(c *Ctx)

// Bind makes the calling goroutine's OS thread, which must be locked, run c.
func (c *Ctx) Bind() error {
	if installErr != nil {
		return installErr
	}
	if c.tid != 0 || getSlot() != nil {
		return errors.New("vcpu: already bound")
	}
	tid, _, _ := syscall.RawSyscall(syscall.SYS_GETTID, 0, 0, 0)
	c.inGuest, c.inCp = 0, 0
	setSlot(c)
	if errno := c.arm(); errno != 0 {
		setSlot(nil)
		return fmt.Errorf("prctl(PR_SET_SYSCALL_USER_DISPATCH): %w", errno)
	}
	atomic.StoreInt32(&c.tid, int32(tid))
	if c.Code32 {
		c.bind32()
	} else {
		setGSBase(c.gsBase)
	}
	unblockOwnSignals()
	return nil
}

// Unbind undoes Bind, on the same thread, which can then be used for
// something else. A kick that is still under way is harmless.
func (c *Ctx) Unbind() {
	c.deleteTimer()
	if c.Code32 {
		c.unbind32()
	} else {
		c.gsBase = gsBase()
		setGSBase(0)
	}
	disarm()
	atomic.StoreInt32(&c.tid, 0)
	setSlot(nil)
}

const (
	prSetSyscallUserDispatch = 59
	prSysDispatchOff         = 0
	prSysDispatchOn          = 1
)

// arm turns syscall user dispatch on for this thread: while c.inGuest is 1
// every system call outside the host's text raises SIGSYS.
//
//go:nosplit
func (c *Ctx) arm() syscall.Errno {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetSyscallUserDispatch, prSysDispatchOn,
		textStart, textEnd-textStart, uintptr(unsafe.Pointer(&c.inGuest)), 0)
	return errno
}

func disarm() {
	syscall.RawSyscall6(syscall.SYS_PRCTL, prSetSyscallUserDispatch, prSysDispatchOff, 0, 0, 0, 0)
}

// Run lets the guest run from the state in c until something happens. If a
// kick is pending, it returns EventKick at once and the guest does not move.
func (c *Ctx) Run() Event {
	if c.xdirty != 0 {
		c.sanitize()
	}
	if forked {
		enterGuest(c)
	} else {
		runGuest(c)
	}
	if c.Code32 {
		c.decode32()
	}
	return Event(c.reason)
}

// runGuest lets the Go scheduler know that the thread is away for a time of
// its own. Its frame must live from entersyscall to exitsyscall and nothing
// in between may split the stack.
//
//go:nosplit
func runGuest(c *Ctx) {
	entersyscall()
	enterGuest(c)
	exitsyscall()
}

// RunChild is Run for the child of Fork, where nothing may be allocated and
// the scheduler must not be entered.
//
//go:nosplit
func (c *Ctx) RunChild() Event {
	if c.xdirty != 0 {
		c.sanitize()
	}
	enterGuest(c)
	if c.Code32 {
		c.decode32()
	}
	return Event(c.reason)
}

// Kick makes the current or the next Run return EventKick, or the current or
// the next Blocking return early. Any thread may call it, at any time.
func (c *Ctx) Kick() {
	if atomic.SwapUint32(&c.pending, 1) == 0 && (atomic.LoadUint32(&c.inGuest) != 0 || atomic.LoadUint32(&c.inCp) != 0) {
		if tid := atomic.LoadInt32(&c.tid); tid != 0 {
			syscall.RawSyscall(syscall.SYS_TGKILL, hostPid, uintptr(tid), KickSignal)
		}
	}
}

// TakeKick clears a pending kick and reports whether there was one. The
// owner calls it before it looks at its work: a kick that comes later will
// be seen by the next Run or Blocking.
func (c *Ctx) TakeKick() bool {
	return atomic.LoadUint32(&c.pending) != 0 && atomic.SwapUint32(&c.pending, 0) != 0
}

// KickPending reports whether a kick waits to be taken.
func (c *Ctx) KickPending() bool { return atomic.LoadUint32(&c.pending) != 0 }

// Blocking makes a host system call that may block. A kick ends it: then
// kicked is true, and the call has done nothing. A call that had done
// something when the kick came returns that. Host calls that end with EINTR
// for a reason of the host's own also report kicked, without a kick pending.
//
// c must be bound to the calling thread. Like Raw it does not let the stack
// move before the call is over: arguments may be addresses of local variables.
//
//go:nosplit
func (c *Ctx) Blocking(nr, a1, a2, a3, a4, a5, a6 uintptr) (r, errno uintptr, kicked bool) {
	var aborted uintptr
	if forked {
		r, aborted = cpSyscall(c, nr, a1, a2, a3, a4, a5, a6)
	} else {
		r, aborted = runBlocking(c, nr, a1, a2, a3, a4, a5, a6)
	}
	if aborted != 0 {
		return 0, uintptr(syscall.EINTR), true
	}
	return blockingResult(r)
}

// Sleeping is Blocking, but a kick only ends the call's sleep, as a signal does
// in XNU (xnu-11417 bsd/kern/kern_synch.c:_sleep): a call that finds at once
// what it asks for succeeds, whatever kicks have come before. Only when it
// would have to wait is kicked true.
//
//go:nosplit
func (c *Ctx) Sleeping(nr, a1, a2, a3, a4, a5, a6 uintptr) (r, errno uintptr, kicked bool) {
	var aborted uintptr
	if forked {
		if r, aborted = cpSyscall(c, nr, a1, a2, a3, a4, a5, a6); aborted != 0 {
			r = c.attempt(nr, a1, a2, a3, a4, a5, a6)
		}
	} else if r, aborted = runBlocking(c, nr, a1, a2, a3, a4, a5, a6); aborted != 0 {
		r = c.runAttempt(nr, a1, a2, a3, a4, a5, a6)
	}
	return blockingResult(r)
}

// Uninterrupted makes a host call that may take long and that no kick ends.
//
//go:nosplit
func (c *Ctx) Uninterrupted(nr, a1, a2, a3, a4, a5, a6 uintptr) (r, errno uintptr) {
	for {
		if forked {
			r, errno = Raw(nr, a1, a2, a3, a4, a5, a6)
		} else {
			r, errno = runRaw(nr, a1, a2, a3, a4, a5, a6)
		}
		if errno != uintptr(syscall.EINTR) {
			return r, errno
		}
	}
}

//go:nosplit
func runRaw(nr, a1, a2, a3, a4, a5, a6 uintptr) (r, errno uintptr) {
	entersyscall()
	r, errno = Raw(nr, a1, a2, a3, a4, a5, a6)
	exitsyscall()
	return
}

//go:nosplit
func blockingResult(r uintptr) (v, errno uintptr, kicked bool) {
	if r > ^uintptr(4095) {
		errno = -r
		return ^uintptr(0), errno, errno == uintptr(syscall.EINTR)
	}
	return r, 0, false
}

//go:nosplit
func (c *Ctx) runAttempt(nr, a1, a2, a3, a4, a5, a6 uintptr) (r uintptr) {
	entersyscall()
	r = c.attempt(nr, a1, a2, a3, a4, a5, a6)
	exitsyscall()
	return
}

// attempt makes a call that may do what it can do without sleeping. The host
// has no call that says so of any other. But a sleep ends with EINTR when a
// signal comes, and a timer sends one again and again until the call is over:
// one signal could come before the call has begun. Without a timer nothing is
// attempted.
//
//go:nosplit
func (c *Ctx) attempt(nr, a1, a2, a3, a4, a5, a6 uintptr) uintptr {
	if c.timer == 0 && !c.newTimer() {
		return ^uintptr(syscall.EINTR - 1)
	}
	id := uintptr(c.timer - 1)
	syscall.RawSyscall6(syscall.SYS_TIMER_SETTIME, id, 0, uintptr(unsafe.Pointer(&attemptTime)), 0, 0, 0)
	r, _, errno := syscall.RawSyscall6(nr, a1, a2, a3, a4, a5, a6)
	syscall.RawSyscall6(syscall.SYS_TIMER_SETTIME, id, 0, uintptr(unsafe.Pointer(&noTime)), 0, 0, 0)
	if errno != 0 {
		return -uintptr(errno)
	}
	return r
}

// Values of struct itimerspec: the period, then the first expiration. An
// attempt that sleeps lasts at least the second, but is seldom.
var (
	attemptTime = [2]syscall.Timespec{{Nsec: 100e3}, {Nsec: 50e3}}
	noTime      [2]syscall.Timespec
)

// newTimer makes the timer of attempt.
//
//go:nosplit
func (c *Ctx) newTimer() bool {
	const clockMonotonic, sigevThreadID = 1, 4
	c.sigev.signo, c.sigev.notify, c.sigev.tid = KickSignal, sigevThreadID, c.tid
	_, _, errno := syscall.RawSyscall(syscall.SYS_TIMER_CREATE, clockMonotonic, uintptr(unsafe.Pointer(&c.sigev)), uintptr(unsafe.Pointer(&c.sigev.id)))
	if errno != 0 {
		return false
	}
	c.timer = c.sigev.id + 1
	return true
}

func (c *Ctx) deleteTimer() {
	if c.timer != 0 {
		syscall.RawSyscall(syscall.SYS_TIMER_DELETE, uintptr(c.timer-1), 0, 0)
		c.timer = 0
	}
}

// InBlocking reports whether the owner is in Blocking. A Kick from now on ends
// that call. Any thread may ask.
func (c *Ctx) InBlocking() bool { return atomic.LoadUint32(&c.inCp) != 0 }

//go:nosplit
func runBlocking(c *Ctx, nr, a1, a2, a3, a4, a5, a6 uintptr) (r, aborted uintptr) {
	entersyscall()
	r, aborted = cpSyscall(c, nr, a1, a2, a3, a4, a5, a6)
	exitsyscall()
	return
}

// Raw makes a host system call that cannot block. Functions that pass it
// addresses of variables on their caller's stack must be nosplit, as it is.
//
//go:nosplit
func Raw(nr, a1, a2, a3, a4, a5, a6 uintptr) (r, errno uintptr) {
	r1, _, e := syscall.RawSyscall6(nr, a1, a2, a3, a4, a5, a6)
	return r1, uintptr(e)
}

// SetGSBase sets the guest's GS base. c is bound to the calling thread, or
// to none yet.
func (c *Ctx) SetGSBase(base uint64) {
	if c.tid != 0 {
		setGSBase(base)
	} else {
		c.gsBase = base
	}
}

// GSBase returns the guest's GS base.
func (c *Ctx) GSBase() uint64 {
	if c.tid != 0 {
		return gsBase()
	}
	return c.gsBase
}
