// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package macho

import (
	"encoding/binary"
	"math"
	"math/bits"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/internal/releases"
)

// CommpageBase is the address of the commpage of 64-bit processes
// (osfmk/i386/cpu_capabilities.h:_COMM_PAGE64_BASE_ADDRESS).
const CommpageBase = 0x7fffffe00000

// CommpageBase32 is that of 32-bit processes (_COMM_PAGE32_BASE_ADDRESS).
const CommpageBase32 = 0xffff0000

// Fields of the commpage (osfmk/i386/cpu_capabilities.h).
const (
	cpSignature    = 0x00
	cpCaps64       = 0x10
	cpVersion      = 0x1e
	cpCaps         = 0x20
	cpCacheLine    = 0x26
	cpSpinCount    = 0x30
	cpActiveCPUs   = 0x34
	cpPhysicalCPUs = 0x35
	cpLogicalCPUs  = 0x36
	cpCPUClusters  = 0x37
	cpMemorySize   = 0x38
	cpCPUFamily    = 0x40
	cpUserShift    = 0x4d
	cpKernelShift  = 0x4e
	cpNtTscBase    = 0x50
	cpNtScale      = 0x58
	cpNtShift      = 0x5c
	cpNtNsBase     = 0x60
	cpNtGeneration = 0x68
	cpGtGeneration = 0x6c
	cpGtNsBase     = 0x70
	cpGtSecBase    = 0x78
	cpContTimebase = 0xc0
	cpBootTime     = 0xc8
	cpTimestamp    = 0xd0 // tick, sec, frac, ticks_scale, ticks_per_sec, 8 each
)

// A Commpage is the page of data that the kernel shares with all programs.
type Commpage struct {
	page    *[pageSize]byte // the runner's writable view
	release int
	is32    bool
	clock   clock
	gen     uint32
}

// MapCommpage maps and fills the commpage of a 64-bit or a 32-bit process.
func MapCommpage(s *mem.Space, release int, is32 bool) (*Commpage, error) {
	base := uint64(CommpageBase)
	if is32 {
		base = CommpageBase32
	}
	// Shared, so that a forked child sees the clock being kept.
	_, errno := s.Map(mem.Mapping{Addr: base, Size: pageSize, Prot: mem.ProtRead, NoReplace: true,
		Shared: true, Kind: mem.KindRunner, FD: -1})
	if errno == syscall.EEXIST {
		return nil, ErrCollision
	}
	if errno != 0 {
		return nil, errorf(ENOMEM, "the commpage cannot be mapped at %#x: %v", base, errno)
	}
	// The same page a second time, for the runner (mremap(2), an old size of 0).
	// No file is needed, which a limit on the size of files would bound.
	const mayMove = 1
	p, e := vcpu.Raw(syscall.SYS_MREMAP, uintptr(base), 0, pageSize, mayMove, 0, 0)
	if e == 0 {
		_, e = vcpu.Raw(syscall.SYS_MPROTECT, p, pageSize, syscall.PROT_READ|syscall.PROT_WRITE, 0, 0, 0)
	}
	if e != 0 {
		return nil, errorf(ENOMEM, "the commpage cannot be mapped twice: %v", syscall.Errno(e))
	}
	c := &Commpage{page: (*[pageSize]byte)(*(*unsafe.Pointer)(unsafe.Pointer(&p))), release: release, is32: is32}
	c.fill()
	c.clock.start()
	c.publish(0, false)
	return c, nil
}

// fill writes what never changes.
func (c *Commpage) fill() {
	le := binary.LittleEndian
	p := c.page[:]
	if c.is32 {
		copy(p[cpSignature:], "commpage 32-bit")
	} else {
		copy(p[cpSignature:], "commpage 64-bit")
	}
	version := uint16(13)
	switch {
	case c.release < releases.XNU1699:
		version = 11
	case c.release < releases.XNU2050:
		version = 12
	case c.release >= releases.XNU7195:
		version = 14
	}
	le.PutUint16(p[cpVersion:], version)
	caps := Capabilities()
	le.PutUint32(p[cpCaps:], uint32(caps))
	le.PutUint16(p[cpCacheLine:], 64)
	le.PutUint32(p[cpSpinCount:], 1) // with more than one CPU: spin before blocking
	ncpu := byte(min(runtime.NumCPU(), 255))
	if c.release >= releases.XNU1699 {
		p[cpActiveCPUs], p[cpPhysicalCPUs], p[cpLogicalCPUs] = ncpu, ncpu, ncpu
		var si syscall.Sysinfo_t
		if syscall.Sysinfo(&si) == nil {
			le.PutUint64(p[cpMemorySize:], uint64(si.Totalram)*uint64(si.Unit))
		}
		le.PutUint32(p[cpCPUFamily:], CPUFamily())
	}
	if c.release >= releases.XNU2050 {
		le.PutUint64(p[cpCaps64:], caps)
	}
	if c.release >= releases.XNU7195 {
		p[cpUserShift], p[cpKernelShift] = 12, 12
	}
	if c.release >= releases.XNU10063 {
		p[cpCPUClusters] = 1
	}
	if c.release >= releases.XNU3789 {
		var ts syscall.Timespec
		const clockBoottime = 7
		if _, e := vcpu.Raw(syscall.SYS_CLOCK_GETTIME, clockBoottime, uintptr(unsafe.Pointer(&ts)), 0, 0, 0, 0); e == 0 {
			boot := ts.Nano()
			le.PutUint64(p[cpContTimebase:], uint64(max(boot-vcpu.Nanotime(), 0)))
			le.PutUint64(p[cpBootTime:], uint64((time.Now().UnixNano()-boot)/1000))
		}
	}
}

// Keep keeps the clocks of the commpage; it does not return. Until it asks fault again,
// the time of day is off by step, or there is none.
func (c *Commpage) Keep(fault func() (step time.Duration, none bool)) {
	for range time.Tick(refreshInterval) {
		c.clock.adjust(now())
		c.publish(fault())
	}
}

// MachTime returns what the guest's mach_absolute_time would.
func (c *Commpage) MachTime() uint64 { return uint64(vcpu.Nanotime()) }

// publish writes the nanotime and the time of day fields, in the kernel's order
// (osfmk/i386/commpage/commpage.c:commpage_set_nanotime,
// commpage_set_timestamp): first they are marked invalid, at the end valid; the
// time of day stays invalid if there is to be none, as while the clock is
// being set (osfmk/kern/clock.c:clock_set_calendar_microtime), and is off by step.
func (c *Commpage) publish(step time.Duration, none bool) {
	c.gen++
	if c.gen == 0 {
		c.gen = 1
	}
	k := &c.clock
	c.put32(cpNtGeneration, 0)
	c.put64(cpNtTscBase, k.tscBase)
	shift := k.shift
	if c.release <= releases.XNU1699 && shift == 0 {
		shift = 32
	}
	c.put32(cpNtScale, k.scale)
	c.put32(cpNtShift, shift)
	c.put64(cpNtNsBase, k.nsBase)
	c.put32(cpNtGeneration, c.gen)

	tick := k.nsBase
	wall := tick + uint64(wallOffset()+int64(step))
	sec, nsec := wall/1e9, wall%1e9
	if c.release < releases.XNU4570 {
		c.put32(cpGtGeneration, 0)
		c.put64(cpGtNsBase, tick-nsec)
		c.put64(cpGtSecBase, sec)
		if !none {
			c.put32(cpGtGeneration, c.gen)
		}
		return
	}
	const ticksPerSec = 1_000_000_000
	const scale = math.MaxUint64 / ticksPerSec
	c.put64(cpTimestamp, 0)
	c.put64(cpTimestamp+8, sec)
	frac, _ := bits.Div64(nsec, 0, ticksPerSec)
	c.put64(cpTimestamp+16, frac)
	c.put64(cpTimestamp+24, scale)
	c.put64(cpTimestamp+32, ticksPerSec)
	if !none {
		c.put64(cpTimestamp, tick)
	}
}

// wallOffset returns the difference between the time of day and CLOCK_MONOTONIC.
func wallOffset() (offset int64) {
	least := int64(math.MaxInt64)
	for range 3 {
		t0 := vcpu.Nanotime()
		wall := time.Now().UnixNano()
		t1 := vcpu.Nanotime()
		if t1-t0 < least {
			least = t1 - t0
			offset = wall - (t0 + (t1-t0)/2)
		}
	}
	return offset
}

func (c *Commpage) put32(off int, v uint32) {
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&c.page[off])), v)
}

func (c *Commpage) put64(off int, v uint64) {
	atomic.StoreUint64((*uint64)(unsafe.Pointer(&c.page[off])), v)
}

// Capabilities returns the commpage's capability bits for this CPU
// (osfmk/i386/cpu_capabilities.h: kHasMMX and the rest).
func Capabilities() uint64 {
	_, _, c1, d1 := vcpu.CPUID(1, 0)
	_, b7, _, _ := vcpu.CPUID(7, 0)
	ymm, zmm := vcpu.HasYMM(), vcpu.HasZMM()
	const (
		cache64   = 0x20
		fastTLS   = 0x80
		is64Bit   = 0x200
		up        = 0x8000
		cpusShift = 16
	)
	caps := uint64(cache64 | fastTLS | is64Bit)
	ncpu := min(runtime.NumCPU(), 255)
	caps |= uint64(ncpu) << cpusShift
	if ncpu == 1 {
		caps |= up
	}
	for _, f := range []struct {
		reg uint32
		bit uint
		ok  bool
		cap uint64
	}{
		{d1, 23, true, 1},         // MMX
		{d1, 25, true, 2},         // SSE
		{d1, 26, true, 4},         // SSE2
		{c1, 0, true, 8},          // SSE3
		{c1, 9, true, 0x100},      // SSSE3
		{c1, 19, true, 0x400},     // SSE4.1
		{c1, 20, true, 0x800},     // SSE4.2
		{c1, 25, true, 0x1000},    // AES
		{c1, 28, ymm, 0x1000000},  // AVX1
		{c1, 30, true, 0x2000000}, // RDRAND
		{c1, 29, ymm, 0x4000000},  // F16C
		{b7, 9, true, 0x8000000},  // ENFSTRG
		{c1, 12, ymm, 0x10000000}, // FMA
		{b7, 5, ymm, 0x20000000},  // AVX2
		{b7, 3, true, 0x40000000}, // BMI1
		{b7, 8, true, 0x80000000}, // BMI2
		{b7, 11, true, 1 << 32},   // RTM
		{b7, 4, true, 1 << 33},    // HLE
		{b7, 19, true, 1 << 34},   // ADX
		{b7, 18, true, 1 << 35},   // RDSEED
		{b7, 16, zmm, 1 << 38},    // AVX512F
	} {
		if f.ok && f.reg>>f.bit&1 != 0 {
			caps |= f.cap
		}
	}
	return caps
}

// CPUFamily returns a value of hw.cpufamily that fits this CPU
// (osfmk/mach/machine.h).
func CPUFamily() uint32 {
	const (
		penryn  = 0x78ea4fbc
		skylake = 0x37fc219f
	)
	if Capabilities()&0x20000000 != 0 {
		return skylake
	}
	return penryn
}
