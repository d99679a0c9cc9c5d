// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/xsig"
)

// fdSetsize is FD_SETSIZE; a set is an array of 32-bit words, which the host,
// whose words have 64 bits, stores alike
// (xnu-11417 bsd/sys/_types/_fd_def.h).
const fdSetsize = 1024

// sysSelect does not change the timeout, and a signal ends it with EINVAL or
// EINTR but never restarts it (xnu-11417 bsd/kern/sys_generic.c:selprocess).
func sysSelect(t *Thread, a *args) (uint64, Errno) {
	if a[4] != 0 && !t.restart {
		sec, usec, e := t.abi().readTimeval(a[4])
		if e != 0 {
			return 0, e
		}
		if sec < 0 || sec > 100000000 || usec < 0 || usec >= 1e6 {
			return 0, EINVAL // xnu-11417 bsd/kern/kern_time.c:itimerfix
		}
		t.deadline = monotonic() + sec*1e9 + usec*1e3
	}
	return t.selectFDs(a, a[4] != 0)
}

// sysPselect has a mask of signals besides, which holds while it waits.
func sysPselect(t *Thread, a *args) (uint64, Errno) {
	if a[4] != 0 && !t.restart {
		sec, nsec, e := t.abi().readTimespec(a[4])
		if e != 0 {
			return 0, e
		}
		if sec < 0 || sec > 100000000 || nsec < 0 || nsec >= 1e9 {
			return 0, EINVAL
		}
		t.deadline = monotonic() + sec*1e9 + nsec
	}
	if a[5] == 0 {
		return t.selectFDs(a, a[4] != 0)
	}
	var m [4]byte
	if e := copyinBytes(m[:], a[5]); e != 0 {
		return 0, e
	}
	if !t.restart {
		t.suspendMask(xsig.Set(getUint32(m[:])))
	}
	n, e := t.selectFDs(a, a[4] != 0)
	if e != ERESTART {
		t.resumeMask() // otherwise with the delivery of the signal
	}
	return n, e
}

func (t *Thread) selectFDs(a *args, timed bool) (uint64, Errno) {
	nd := int32(a[0])
	if nd < 0 {
		return 0, EINVAL
	}
	// More than the process may have open is cut, not refused
	// (xnu-11417 bsd/kern/sys_generic.c:select_internal).
	nd = min(nd, fdSetsize)
	if nd > hiddenFDBase {
		nd = hiddenFDBase
	}
	for _, set := range a[1:4] {
		if set != 0 && !guestHas(set, uint64(nd+63)/64*8) {
			return 0, EFAULT
		}
	}
	var ts uintptr
	if timed {
		b := t.sockBuf()
		left := max(t.deadline-monotonic(), 0)
		putUint64(b.val[:], uint64(left/1e9))
		putUint64(b.val[8:], uint64(left%1e9))
		ts = uintptr(unsafe.Pointer(&b.val))
	}
	return t.block(syscall.SYS_PSELECT6, uintptr(nd), uintptr(a[1]), uintptr(a[2]), uintptr(a[3]), ts, 0)
}
