// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package vcpu

import (
	"encoding/binary"
	"fmt"
	"sync"
	"unsafe"
)

// How FP state is saved and restored.
const (
	fpQuick = 0 // AVX and XGETBV with ECX = 1: the quick area on system calls from trampolines
	fpXsave = 1 // XSAVE always
	fpFxsr  = 2 // FXSAVE: a CPU or a kernel without XSAVE
)

var (
	fpMode uint32
	rfbm   uint64  // components that are ours to save: x87, SSE, AVX, AVX-512; not PKRU, not AMX
	zeroX  uintptr // an XSAVE image with everything initial
)

var zeroImage [xsHeaderEnd + 63]byte

// Offsets in an XSAVE image of the standard format (Intel SDM volume 1, 13.4).
const (
	xsFCW       = 0
	xsMXCSR     = 24
	xsMXCSRMask = 28
	xsXMM       = 160
	xsXstateBV  = 512
	xsXcompBV   = 520
	xsYMMHi     = 576
	xsHeaderEnd = 576

	initFCW   = 0x37f
	initMXCSR = 0x1f80
)

func cpuid(leaf, sub uint32) (eax, ebx, ecx, edx uint32)

// cpuidMemo remembers answers of CPUID: in a virtual machine each costs tens
// of microseconds.
var cpuidMemo struct {
	sync.Mutex
	list []cpuidAnswer
}

type cpuidAnswer struct{ leaf, sub, eax, ebx, ecx, edx uint32 }

// CPUID executes CPUID, once for each question.
func CPUID(leaf, sub uint32) (eax, ebx, ecx, edx uint32) {
	m := &cpuidMemo
	m.Lock()
	defer m.Unlock()
	for _, a := range m.list {
		if a.leaf == leaf && a.sub == sub {
			return a.eax, a.ebx, a.ecx, a.edx
		}
	}
	eax, ebx, ecx, edx = cpuid(leaf, sub)
	m.list = append(m.list, cpuidAnswer{leaf, sub, eax, ebx, ecx, edx})
	return
}

// xgetbv0 executes XGETBV with ECX = 0.
func xgetbv0() uint64

// saveX87 stores the CPU's x87 state in the legacy part of the XSAVE image p.
func saveX87(p *byte)

// Rdtsc reads the time stamp counter, between fences.
func Rdtsc() uint64

var mxcsrMask uint32 = 0xffbf

func initFP() {
	fpMode, rfbm = fpFxsr, 3
	zeroX = (uintptr(unsafe.Pointer(&zeroImage)) + 63) &^ 63
	if _, _, c, _ := CPUID(1, 0); c&(1<<27) != 0 {
		fpMode = fpXsave
		rfbm = xgetbv0() & 0xe7
		if a, _, _, _ := CPUID(0xd, 1); c&(1<<28) != 0 && rfbm&4 != 0 && a&4 != 0 {
			fpMode = fpQuick
		}
	}
	if m := hostMXCSRMask(); m != 0 {
		mxcsrMask = m
	}
}

// checkFP reports what in the CPU's FP state does not fit a Ctx.
func checkFP() error {
	if fpMode == fpFxsr {
		return nil
	}
	if _, size, _, _ := CPUID(0xd, 0); size > xareaSize {
		return fmt.Errorf("the CPU's extended state takes %d bytes, more than the %d that the runner provides for", size, xareaSize)
	}
	return nil
}

func hostMXCSRMask() uint32 {
	var buf [512 + 64]byte
	p := (*byte)(unsafe.Pointer((uintptr(unsafe.Pointer(&buf)) + 63) &^ 63))
	fxsave(p)
	return *(*uint32)(unsafe.Add(unsafe.Pointer(p), xsMXCSRMask))
}

//go:noescape
func fxsave(p *byte)

// ResetFP gives the guest the FP state of a new thread.
func (c *Ctx) ResetFP() {
	clear(c.xarea[:xsHeaderEnd])
	binary.LittleEndian.PutUint16(c.xarea[xsFCW:], initFCW)
	binary.LittleEndian.PutUint32(c.xarea[xsMXCSR:], initMXCSR)
	c.xvalid = xvalidArea
	c.xdirty = 0
}

// XState returns the guest's FP state as an XSAVE image in standard format:
// the bits of XSTATE_BV (at 512) say which components are there; the others
// are initial, whatever the image holds for them. The image may be written
// until the next Run; what the CPU would refuse is masked then. It must be
// called on the thread that c is bound to, or while c is not bound.
func (c *Ctx) XState() []byte {
	if c.xvalid == xvalidQuick {
		clear(c.xarea[xsXstateBV:xsHeaderEnd])
		saveX87(&c.xarea[0])
		for i := range c.ymm {
			copy(c.xarea[xsXMM+16*i:][:16], c.ymm[i][:16])
			copy(c.xarea[xsYMMHi+16*i:][:16], c.ymm[i][16:])
		}
		binary.LittleEndian.PutUint32(c.xarea[xsMXCSR:], c.mxcsr)
		c.xarea[xsXstateBV] |= 6
		c.xvalid = xvalidArea
	}
	c.xdirty = 1
	return c.xarea[:]
}

// sanitize makes the image acceptable to XRSTOR, which faults on reserved bits.
func (c *Ctx) sanitize() {
	le := binary.LittleEndian
	bv := le.Uint64(c.xarea[xsXstateBV:])
	clear(c.xarea[xsXstateBV:xsHeaderEnd])
	le.PutUint64(c.xarea[xsXstateBV:], bv&rfbm)
	le.PutUint32(c.xarea[xsMXCSR:], le.Uint32(c.xarea[xsMXCSR:])&mxcsrMask)
	c.xdirty = 0
}
