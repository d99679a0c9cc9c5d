// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"sync"
	"syscall"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// Ulocks: xnu-3789 to xnu-11417 bsd/kern/sys_ulock.c.

const (
	ulCompareAndWait         = 1
	ulUnfairLock             = 2
	ulCompareAndWaitShared   = 3
	ulUnfairLock64Shared     = 4
	ulCompareAndWait64       = 5
	ulCompareAndWait64Shared = 6
	ulOpMask                 = 0xff

	ulfWakeAll           = 0x100
	ulfWakeThread        = 0x200
	ulfWakeAllowNonOwner = 0x400
	ulfNoErrno           = 0x01000000
	ulfDeadline          = 0x02000000

	ulfWaitMask = 0x10000 | 0x20000 | 0x40000 | ulfNoErrno | ulfDeadline
	ulfWakeMask = ulfWakeAll | ulfWakeThread | ulfWakeAllowNonOwner | ulfNoErrno
)

// A ulock is the queue of an address that threads wait at.
type ulock struct {
	addr    uint64
	op      uint32
	waiters []*Thread
}

// A ulockTable holds the queues, in buckets by address.
type ulockTable [64]struct {
	mu    sync.Mutex
	locks []*ulock
	spare []*ulock
}

func (u *ulockTable) bucket(addr uint64) int { return int(addr>>2^addr>>9) % len(u) }

// ulockOp tells what an operation compares and whether release r has it.
func ulockOp(op uint32, r Release) (size int, shared, ok bool) {
	switch op {
	case ulCompareAndWait, ulUnfairLock:
		return 4, false, true
	case ulCompareAndWaitShared:
		return 4, true, r >= XNU6153
	case ulCompareAndWait64:
		return 8, false, r >= XNU6153
	case ulCompareAndWait64Shared:
		return 8, true, r >= XNU6153
	}
	return 0, false, false
}

// sysUlockWait(op, addr, value, µs); 0 µs waits indefinitely.
func sysUlockWait(t *Thread, a *args) (uint64, Errno) {
	return t.ulockWait(uint32(a[0]), a[1], a[2], uint64(uint32(a[3]))*1000)
}

// sysUlockWait2(op, addr, value, ns, value2).
func sysUlockWait2(t *Thread, a *args) (uint64, Errno) {
	return t.ulockWait(uint32(a[0]), a[1], a[2], a[3])
}

func (t *Thread) ulockWait(op uint32, addr, value, ns uint64) (uint64, Errno) {
	n, e := t.ulockSleep(op, addr, value, ns)
	return ulockResult(op, n, e)
}

// ulockResult returns an error as the flag ULF_NO_ERRNO wants it.
func ulockResult(op uint32, n uint64, e Errno) (uint64, Errno) {
	if e != 0 && op&ulfNoErrno != 0 {
		return uint64(-int64(e)), 0
	}
	return n, e
}

func (t *Thread) ulockSleep(op uint32, addr, value, ns uint64) (uint64, Errno) {
	kind := op & ulOpMask
	size, shared, ok := ulockOp(kind, t.p.Release)
	if !ok || op&^ulOpMask&^ulfWaitMask != 0 || addr == 0 || addr&uint64(size-1) != 0 {
		return 0, EINVAL
	}
	var deadline int64
	switch {
	case ns == 0:
	case op&ulfDeadline != 0 && t.p.Release >= XNU11417:
		deadline = int64(ns)
	default:
		deadline = after(ns)
	}
	if shared {
		return t.ulockShared(size, addr, value, deadline)
	}
	b := &t.p.ulocks[t.p.ulocks.bucket(addr)]
	b.mu.Lock()
	same, ok := equalAt(addr, value, size)
	if !ok {
		b.mu.Unlock()
		return 0, EFAULT
	}
	if !same {
		n := 0
		if u := find(b.locks, addr); u != nil {
			n = len(u.waiters)
		}
		b.mu.Unlock()
		return uint64(n), 0
	}
	u := find(b.locks, addr)
	switch {
	case u == nil:
		if n := len(b.spare); n > 0 {
			u = b.spare[n-1]
			b.spare = b.spare[:n-1]
		} else {
			u = new(ulock)
		}
		u.addr, u.op = addr, kind
		b.locks = append(b.locks, u)
	case u.op != kind:
		b.mu.Unlock()
		return 0, EDOM
	}
	t.prepare()
	u.waiters = append(u.waiters, t)
	b.mu.Unlock()

	w := t.sleep(deadline)

	b.mu.Lock()
	defer b.mu.Unlock()
	u = find(b.locks, addr)
	left := 0
	asleep := u != nil && removeThread(&u.waiters, t)
	if u != nil {
		if left = len(u.waiters); left == 0 {
			drop(&b.locks, u)
			b.spare = append(b.spare, u)
		}
	}
	switch {
	case !asleep:
		return uint64(left), 0
	case w == timedOut:
		return 0, ETIMEDOUT
	}
	return 0, EINTR
}

func find(locks []*ulock, addr uint64) *ulock {
	for _, u := range locks {
		if u.addr == addr {
			return u
		}
	}
	return nil
}

func drop(locks *[]*ulock, u *ulock) {
	for i, x := range *locks {
		if x == u {
			last := len(*locks) - 1
			(*locks)[i] = (*locks)[last]
			(*locks)[last] = nil
			*locks = (*locks)[:last]
			return
		}
	}
}

// equalAt compares the guest's word at addr with value; ok is false if there
// is none.
func equalAt(addr, value uint64, size int) (same, ok bool) {
	if size == 8 {
		v, ok := vcpu.Load64(addr)
		return v == value, ok
	}
	v, ok := vcpu.Load32(addr)
	return v == uint32(value), ok
}

// ulockShared waits at memory that other processes may share, by the host's
// own means, which know 32-bit words only.
func (t *Thread) ulockShared(size int, addr, value uint64, deadline int64) (uint64, Errno) {
	if same, ok := equalAt(addr, value, size); !ok {
		return 0, EFAULT
	} else if !same {
		return 0, 0
	}
	const futexWaitBitset = 9
	var ts *syscall.Timespec
	if deadline != 0 {
		t.ts = syscall.NsecToTimespec(deadline)
		ts = &t.ts
	}
	for {
		if t.ast.Load() != 0 || t.cpu.KickPending() {
			if sig, _ := t.interrupted(); sig != 0 {
				return 0, EINTR
			}
		}
		_, e, kicked := t.cpu.Blocking(syscall.SYS_FUTEX, uintptr(addr), futexWaitBitset, uintptr(uint32(value)),
			timespecPtr(ts), 0, 0xffffffff)
		if kicked {
			continue
		}
		if errno := fromHost(e); errno != 0 && errno != EAGAIN {
			return 0, errno
		}
		return 0, 0
	}
}

// sysUlockWake(op, addr, value): value is a thread's port name with
// ULF_WAKE_THREAD.
func sysUlockWake(t *Thread, a *args) (uint64, Errno) {
	op := uint32(a[0])
	n, e := t.ulockWake(op, a[1], a[2])
	return ulockResult(op, n, e)
}

func (t *Thread) ulockWake(op uint32, addr, value uint64) (uint64, Errno) {
	kind := op & ulOpMask
	size, shared, ok := ulockOp(kind, t.p.Release)
	if !ok || op&^ulOpMask&^ulfWakeMask != 0 || addr == 0 || addr&uint64(size-1) != 0 {
		return 0, EINVAL
	}
	if op&ulfWakeThread != 0 && (op&ulfWakeAll != 0 || kind == ulUnfairLock) {
		return 0, EINVAL
	}
	if shared {
		const futexWake = 1
		n := uintptr(1)
		if op&ulfWakeAll != 0 {
			n = 1<<31 - 1
		}
		woken, e := host(syscall.SYS_FUTEX, uintptr(addr), futexWake, n, 0, 0, 0)
		if e == 0 && woken == 0 {
			e = ENOENT
		}
		return 0, e
	}
	var only *Thread
	if op&ulfWakeThread != 0 {
		t.p.lock()
		only = t.p.ports.thread(uint32(value))
		t.p.unlock()
		if only == nil {
			return 0, ESRCH
		}
	}
	b := &t.p.ulocks[t.p.ulocks.bucket(addr)]
	b.mu.Lock()
	u := find(b.locks, addr)
	if u != nil && len(u.waiters) > 0 && u.op == kind && op&ulfWakeAll == 0 && only == nil {
		w := u.waiters[0]
		removeThread(&u.waiters, w)
		w.unparkUnlock(&b.mu)
		return 0, 0
	}
	defer b.mu.Unlock()
	switch {
	case u == nil || len(u.waiters) == 0:
		return 0, ENOENT
	case u.op != kind:
		return 0, EDOM
	case only != nil:
		if !removeThread(&u.waiters, only) {
			return 0, EALREADY
		}
		only.unpark()
	default: // ULF_WAKE_ALL
		for i, w := range u.waiters {
			w.unpark()
			u.waiters[i] = nil
		}
		u.waiters = u.waiters[:0]
	}
	return 0, 0
}
