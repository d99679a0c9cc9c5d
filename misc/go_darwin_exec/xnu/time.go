// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"
)

const (
	linuxClockRealtime  = 0
	linuxClockMonotonic = 1
	linuxClockThreadCPU = 3
)

// hostClock reads a clock of the host's into the thread's buffer.
func (t *Thread) hostClock(clock uintptr) (sec, nsec uint64) {
	b := t.fs.buf[:16]
	host(syscall.SYS_CLOCK_GETTIME, clock, hostBuf(&b[0]), 0, 0, 0, 0)
	return getUint64(b), getUint64(b[8:])
}

// machTime is mach_absolute_time: the nanoseconds of the host's monotonic
// clock, which stops while the machine sleeps, as XNU's does.
func (t *Thread) machTime() uint64 {
	sec, nsec := t.hostClock(linuxClockMonotonic)
	return sec*1e9 + nsec
}

// sysGettimeofday changed its convention: up to 3248 the seconds and
// microseconds come in RAX and RDX and nothing is written to the timeval;
// from 3789 the timeval is written, and the time of the same moment on the
// mach clock to a third pointer (bsd/kern/kern_time.c:gettimeofday).
func sysGettimeofday(t *Thread, a *args) (uint64, Errno) {
	tp, tzp, machp := a[0], a[1], a[2]
	var sec, usec, mach uint64
	if tp != 0 || machp != 0 {
		mach = t.machTime()
		var nsec uint64
		sec, nsec = t.hostClock(linuxClockRealtime)
		usec = nsec / 1000
	}
	old := t.p.Release < XNU3789
	if tp != 0 && !old {
		if e := t.copyoutTimeval(tp, sec, usec); e != 0 {
			return 0, e
		}
	}
	if tzp != 0 {
		// struct timezone: minuteswest, dsttime; the kernel's is UTC.
		b := t.fs.buf[:8]
		clear(b)
		if e := copyoutBytes(tzp, b); e != 0 {
			return 0, e
		}
	}
	if old {
		t.rval1 = usec
		return sec, 0
	}
	if machp != 0 {
		b := t.fs.buf[:8]
		putUint64(b, mach)
		return 0, copyoutBytes(machp, b)
	}
	return 0, 0
}

// copyoutTimeval writes a guest's struct timeval: the seconds are cut to 32
// bits on i386 (xnu-11417 bsd/kern/kern_time.c:gettimeofday).
func (t *Thread) copyoutTimeval(p, sec, usec uint64) Errno {
	b := t.fs.buf[:16]
	n := putTimeval(b, t.abi(), sec, usec)
	return copyoutBytes(p, b[:n])
}

// putTimeval writes a struct timeval to b and returns its size.
func putTimeval(b []byte, abi abi, sec, usec uint64) int {
	if abi == abi32 {
		putUint32(b, uint32(sec))
		putUint32(b[4:], uint32(usec))
		return 8
	}
	putUint64(b, sec)
	putUint32(b[8:], uint32(usec))
	putUint32(b[12:], 0)
	return 16
}

// The guest never sets the host's clock.

func sysSettimeofday(t *Thread, a *args) (uint64, Errno) {
	return 0, EPERM
}

// sysAdjtime refuses a change; the adjustment under way is nothing
// (xnu-11417 bsd/kern/kern_time.c:adjtime).
func sysAdjtime(t *Thread, a *args) (uint64, Errno) {
	if a[0] != 0 {
		return 0, EPERM
	}
	if a[1] != 0 {
		return 0, t.copyoutTimeval(a[1], 0, 0)
	}
	return 0, 0
}

// ntpError is TIME_ERROR, "clock not synchronized": what ntp_adjtime and
// ntp_gettime return, as the runner does not know better
// (xnu-11417 bsd/sys/timex.h).
const ntpError = 5

// sysNtpAdjtime reads the state of the clock: of struct timex, modes 0/4, status
// STA_UNSYNC and the rest zero. Setting anything is EPERM.
func sysNtpAdjtime(t *Thread, a *args) (uint64, Errno) {
	size, status := [...]int{136, 68}[t.abi()], [...]int{40, 20}[t.abi()]
	b := t.fs.buf[:size]
	clear(b)
	if e := copyinBytes(b[:4], a[0]); e != 0 {
		return 0, e
	}
	if getUint32(b) != 0 {
		return 0, EPERM
	}
	putUint32(b[status:], 0x40) // STA_UNSYNC
	return ntpError, copyoutBytes(a[0], b)
}

// sysNtpGettime fills struct ntptimeval: a timespec, the longs maxerror, esterror
// and tai, and time_state, an int.
func sysNtpGettime(t *Thread, a *args) (uint64, Errno) {
	sec, nsec := t.hostClock(linuxClockRealtime)
	long := [...]int{8, 4}[t.abi()]
	b := t.fs.buf[:6*long]
	clear(b)
	if t.abi() == abi32 {
		putUint32(b, uint32(sec))
		putUint32(b[4:], uint32(nsec))
	} else {
		putUint64(b, sec)
		putUint64(b[8:], nsec)
	}
	putUint32(b[5*long:], ntpError)
	return ntpError, copyoutBytes(a[0], b)
}

// sysThreadSelfusage is the CPU time of the thread in mach units, which are ns
// (xnu-11215 bsd/kern/kern_resource.c:thread_selfusage).
// The runner's part of it is counted in, as the kernel's is.
func sysThreadSelfusage(t *Thread, a *args) (uint64, Errno) {
	return t.hostCPU() - t.startCPU, 0
}

// hostCPU is the CPU time of the host's thread in ns. The one that ran guest
// threads before this one has used some.
func (t *Thread) hostCPU() uint64 {
	sec, nsec := t.hostClock(linuxClockThreadCPU)
	return sec*1e9 + nsec
}
