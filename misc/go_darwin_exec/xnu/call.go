// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"unsafe"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// args holds the arguments of one call as 64-bit words. A handler converts
// each to the width that the kernel uses: int32(a[0]) for an int.
type args [9]uint64

// A handler performs one BSD call for thread t. It returns the first result
// (RAX) and an errno; a second result (RDX) goes to t.rval1, which dispatch
// has zeroed. A handler that was interrupted with nothing done returns
// ERESTART: dispatch then runs it again if no caught signal is waiting, and
// otherwise restarts the instruction or turns it into EINTR as XNU would
// (see sysent.eintr). EJUSTRETURN says that the handler has set the whole
// register state itself.
type handler func(t *Thread, a *args) (uint64, Errno)

// A trapHandler performs one Mach trap. The result is a kern_return_t, a port
// name or a boolean, and goes into RAX sign-extended.
type trapHandler func(t *Thread, a *args) int32

// An entry describes one BSD call or Mach trap: a line of lib/xnu/syscalls.tsv
// or traps.tsv (zsyscalls.go).
type entry[H handler | trapHandler] struct {
	nr     int
	name   string  // the kernel's, without sys_; "enosys": an empty slot that only fails
	args   string  // one letter per argument: i int, u unsigned, l long, p pointer, s path, z size, o 64-bit offset
	ret    byte    // i int, u unsigned, l long/pointer/size/off_t, v none; of a trap: k kern_return_t, n port name, b boolean
	since  Release // first release that has it; 0: all
	until  Release // first release that lacks it again; 0: none
	eintr  bool    // never restarted: ERESTART becomes EINTR (open, select, poll, kevent, connect, ulock_wait ...)
	handle H       // nil: not implemented
	child  bool    // can be made in the child of a fork: see child.go
	tty    bool    // the host may answer it with SIGTTIN or SIGTTOU: see ttyMask
}

type (
	sysent   = entry[handler]
	machtrap = entry[trapHandler]
)

// inRelease picks the rows that hold in release r, indexed by number.
func inRelease[H handler | trapHandler](rows []entry[H], r Release) []*entry[H] {
	most := 0
	for i := range rows {
		most = max(most, rows[i].nr)
	}
	tab := make([]*entry[H], most+1)
	for i := range rows {
		if s := &rows[i]; s.since <= r && (s.until == 0 || r < s.until) {
			tab[s.nr] = s
		}
	}
	return tab
}

// host makes a host system call that cannot block and translates its error.
// It is nosplit because its arguments may be addresses of local variables: the
// stack must not move before the call is over.
//
//go:nosplit
func host(nr, a1, a2, a3, a4, a5, a6 uintptr) (uint64, Errno) {
	r, e := vcpu.Raw(nr, a1, a2, a3, a4, a5, a6)
	return uint64(r), fromHost(e)
}

// block makes a host system call that may block. A kick (a signal for this
// thread, the end of the process) ends its sleep, and then it returns
// ERESTART; so does an EINTR that a signal of the host's own business caused.
// A call that need not sleep is made whatever kicks have come, as XNU looks
// for signals where it sleeps (xnu-11417 bsd/kern/kern_synch.c:_sleep).
// It is nosplit for the same reason as host.
//
//go:nosplit
func (t *Thread) block(nr, a1, a2, a3, a4, a5, a6 uintptr) (uint64, Errno) {
	if t.late.Load() != 0 {
		t.cpu.Kick()
	}
	r, e, kicked := t.cpu.Sleeping(nr, a1, a2, a3, a4, a5, a6)
	if kicked {
		t.late.Store(0)
		return 0, ERESTART
	}
	return uint64(r), fromHost(e)
}

// finish makes a host call that may take long and that XNU does not let a
// signal interrupt, although some hosts may (fallocate on tmpfs, sendfile).
//
//go:nosplit
func (t *Thread) finish(nr, a1, a2, a3, a4, a5, a6 uintptr) (uint64, Errno) {
	r, e := t.cpu.Uninterrupted(nr, a1, a2, a3, a4, a5, a6)
	return uint64(r), fromHost(e)
}

// copyin reads the n bytes at guest address p into dst, a Go object of that size.
func copyin(dst unsafe.Pointer, p uint64, n uintptr) Errno {
	if !vcpu.CopyIn(unsafe.Slice((*byte)(dst), n), p) {
		return EFAULT
	}
	return 0
}

// copyout is copyin's reverse.
func copyout(p uint64, src unsafe.Pointer, n uintptr) Errno {
	if !vcpu.CopyOut(p, unsafe.Slice((*byte)(src), n)) {
		return EFAULT
	}
	return 0
}
