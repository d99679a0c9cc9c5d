// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package runtime

import (
	"internal/runtime/atomic"
	"internal/runtime/math"
	"unsafe"
)

// The kernel publishes in the commpage how to make nanoseconds of the
// time-stamp counter, so reading a clock takes no system call. The fields for
// the monotonic clock have stood at the same place since 10.6; those for the
// time of day moved in 10.13, where the old place reads 0 (xnu-1504 to xnu-11417
// osfmk/i386/cpu_capabilities.h, osfmk/i386/commpage/commpage.c).
const (
	commpageTSCBase    = commpage + 0x50 // uint64
	commpageScale      = commpage + 0x58 // uint32
	commpageShift      = commpage + 0x5c // uint32
	commpageNsBase     = commpage + 0x60 // uint64
	commpageGeneration = commpage + 0x68 // uint32; 0: being changed

	// Time of day up to 10.12.
	commpageOldGeneration = commpage + 0x6c // uint32; 0: not available
	commpageOldNsBase     = commpage + 0x70 // uint64, a value of the monotonic clock
	commpageOldSecBase    = commpage + 0x78 // uint32 is what libsystem reads

	// Time of day from 10.13, all uint64.
	commpageTick        = commpage + 0xd0 // a value of the monotonic clock; 0: not available
	commpageSec         = commpage + 0xd8
	commpageFrac        = commpage + 0xe0 // of a second, in 2^-64
	commpageTickScale   = commpage + 0xe8 // 2^-64 seconds in a tick
	commpageTicksPerSec = commpage + 0xf0
)

// commpage64, the 64-bit load, is in clock_darwin_GOARCH.go: not every
// architecture can do it at once, so what it returns counts only if the
// caller's generation or tick is still the same afterwards.

//go:nosplit
func commpage32(addr uintptr) uint32 {
	return atomic.Load((*uint32)(unsafe.Pointer(addr)))
}

// rdtsc reads the time-stamp counter, not before what stands before it in the
// program and not after what stands behind it.
func rdtsc() uint64

// nanotime1 is mach_absolute_time, whose unit is the nanosecond on Intel
// (xnu-3789 osfmk/i386/rtclock.c:clock_timebase_info). It stands still while
// the machine sleeps.
//
//go:nosplit
func nanotime1() int64 {
	for {
		gen := commpage32(commpageGeneration)
		if gen == 0 {
			continue
		}
		tsc := rdtsc() - commpage64(commpageTSCBase)
		// Up to 10.7 "no shift" is 32, later 0.
		tsc <<= commpage32(commpageShift) & 31
		scale := uint64(commpage32(commpageScale))
		ns := commpage64(commpageNsBase) + tsc>>32*scale + (tsc&(1<<32-1))*scale>>32
		if commpage32(commpageGeneration) == gen {
			return int64(ns)
		}
	}
}

// walltime is read from the commpage or, while that has none (the clock is
// being stepped or slewed), by gettimeofday.
//
// exported by linkname for the same packages as upstream's.
//
//go:linkname walltime
//go:nosplit
func walltime() (sec int64, nsec int32) {
	if sec, nsec, ok := commpageWalltime(); ok {
		return sec, nsec
	}
	if sec, nsec, ok := commpageOldWalltime(); ok {
		return sec, nsec
	}
	var tv timeval
	gettimeofday(&tv)
	return tv.wall()
}

// wall returns the time that gettimeofday has filled in. The kernel cuts its
// seconds to 32 bits, which are good to 2106 if they are not taken for negative
// (xnu-4903 bsd/kern/kern_time.c:gettimeofday).
//
//go:nosplit
func (tv *timeval) wall() (sec int64, nsec int32) {
	return int64(uintptr(tv.tv_sec)), int32(tv.tv_usec) * 1000
}

//go:nosplit
func commpageWalltime() (sec int64, nsec int32, ok bool) {
	for {
		tick := commpage64(commpageTick)
		if tick == 0 {
			return 0, 0, false
		}
		elapsed := uint64(nanotime1()) - tick
		s := commpage64(commpageSec)
		frac := commpage64(commpageFrac)
		scale := commpage64(commpageTickScale)
		perSec := commpage64(commpageTicksPerSec)
		if commpage64(commpageTick) != tick {
			continue
		}
		if elapsed >= perSec {
			return 0, 0, false // stale
		}
		hi, lo := math.Mul64(scale, elapsed)
		frac, carry := math.Add64(frac, lo, 0)
		return int64(s + hi + carry), int32(frac >> 32 * 1e9 >> 32), true
	}
}

//go:nosplit
func commpageOldWalltime() (sec int64, nsec int32, ok bool) {
	for {
		gen := commpage32(commpageOldGeneration)
		if gen == 0 {
			return 0, 0, false
		}
		elapsed := uint64(nanotime1()) - commpage64(commpageOldNsBase)
		s := int64(commpage32(commpageOldSecBase))
		if commpage32(commpageOldGeneration) == gen {
			return s + int64(elapsed/1e9), int32(elapsed % 1e9), true
		}
	}
}

// gettimeofday fills tv, wherever the kernel puts the answer: in registers up to
// OS X 10.11, in memory from macOS 10.12 on (xnu-3248, xnu-3789
// bsd/kern/kern_time.c:gettimeofday).
//
//go:noescape
func gettimeofday(tv *timeval)

// sys_select only sleeps: it is called with no descriptors.
//
//go:noescape
func sys_select(timeout *timeval)

// usleep may end early if a signal arrives.
//
//go:nosplit
func usleep(usec uint32) {
	var tv timeval
	tv.tv_sec = timevalSec(usec / 1e6)
	tv.set_usec(int32(usec % 1e6))
	sys_select(&tv)
}

//go:nosplit
func usleep_no_g(usec uint32) {
	usleep(usec)
}
