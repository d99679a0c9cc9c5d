// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package macho

import (
	"encoding/binary"
	"math/bits"
	"time"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// A clock is what the nanotime fields of the commpage say: a linear map from
// the time stamp counter to mach_absolute_time,
//
//	ns = nsBase + ((tsc-tscBase)<<shift)*scale>>32.
//
// It follows the host's CLOCK_MONOTONIC, so that two guest processes agree
// with each other and with the host's times, and it never runs backwards.
type clock struct {
	tscBase, nsBase uint64
	scale, shift    uint32

	first pair   // when the clock was started
	vdso  uint64 // address of the kernel's mult and shift, 0 if unknown
}

// refreshInterval is how often the clock is adjusted. The time of day of
// releases from 4570 on is valid for one second (xnu-abi.md 7.3).
const refreshInterval = 300 * time.Millisecond

// A pair is one moment on the TSC and on CLOCK_MONOTONIC.
type pair struct{ tsc, ns uint64 }

// now returns the present moment: of some readings, the one that took least.
func now() (best pair) {
	least := ^uint64(0)
	for range 5 {
		t0 := vcpu.Rdtsc()
		ns := vcpu.Nanotime()
		t1 := vcpu.Rdtsc()
		if t1-t0 < least {
			least = t1 - t0
			best = pair{t0 + (t1-t0)/2, uint64(ns)}
		}
	}
	return best
}

// A rate is nanoseconds per tick, times 2^rateShift.
type rate uint64

const rateShift = 40

// rateBetween measures the rate.
func rateBetween(a, b pair) rate {
	hi, lo := bits.Mul64(b.ns-a.ns, 1<<rateShift)
	if b.tsc <= a.tsc || hi >= b.tsc-a.tsc {
		return 0
	}
	q, _ := bits.Div64(hi, lo, b.tsc-a.tsc)
	return rate(q)
}

// near reports whether two rates differ by less than one part in n.
func (r rate) near(x rate, n rate) bool { return r-x < r/n || x-r < r/n }

// start calibrates the clock.
//
// The kernel's own rate is in the vDSO's data, and can be recognized
// there by a rough measurement. If it cannot be found, a longer measurement
// has to do for the beginning.
func (c *clock) start() {
	c.first = now()
	p := c.wait(20_000)
	r := rateBetween(c.first, p)
	if c.vdso = findVdsoRate(r); c.vdso != 0 {
		r = vdsoRate(c.vdso)
	} else {
		p = c.wait(1_000_000)
		r = rateBetween(c.first, p)
	}
	c.setRate(r)
	c.tscBase, c.nsBase = p.tsc, p.ns
}

// wait spins until some nanoseconds after the start.
func (c *clock) wait(ns uint64) pair {
	for uint64(vcpu.Nanotime()) < c.first.ns+ns {
	}
	return now()
}

func (c *clock) setRate(r rate) {
	r += 1 << (rateShift - 32 - 1) // round
	for c.shift = 0; r>>(rateShift-32) > 1<<32-1; c.shift++ {
		r >>= 1
	}
	c.scale = uint32(r >> (rateShift - 32))
}

// ns computes mach_absolute_time as the guest does.
func (c *clock) ns(tsc uint64) uint64 {
	hi, lo := bits.Mul64((tsc-c.tscBase)<<c.shift, uint64(c.scale))
	return c.nsBase + (hi<<32 | lo>>32)
}

// adjust brings the clock nearer to the host's: it goes on from where it is,
// at a rate that makes up for the difference until the next time.
func (c *clock) adjust(p pair) {
	r := rateBetween(c.first, p)
	if c.vdso != 0 {
		if v := vdsoRate(c.vdso); v.near(r, 2000) {
			r = v
		} else {
			c.vdso = 0 // it was something else
		}
	}
	const (
		noise   = 40        // ns, of one reading
		step    = 1_000_000 // ns: if the clock is further behind, it jumps
		maxSlew = 500e-6
	)
	guest := c.ns(p.tsc)
	switch diff := int64(p.ns - guest); {
	case diff > step:
		guest = p.ns
	case diff > noise || diff < -noise:
		slew := min(max(float64(diff)/float64(refreshInterval), -maxSlew), maxSlew)
		r = rate(float64(r) * (1 + slew))
	}
	c.setRate(r)
	c.tscBase, c.nsBase = p.tsc, guest
}

// findVdsoRate looks in the data pages of the vDSO, which lie in front of it,
// for the factor and the shift by which the kernel converts ticks to
// nanoseconds: two words that give nearly the rate r.
func findVdsoRate(r rate) uint64 {
	end := vcpu.VDSO()
	if end == 0 || r == 0 {
		return 0
	}
	const pages = 6
	var page [pageSize]byte
	for addr := end - pages*pageSize; addr < end; addr += pageSize {
		if !vcpu.CopyInHost(page[:], addr) {
			continue
		}
		for off := uint64(0); off < pageSize-8; off += 4 {
			if vdsoRate(addr+off).near(r, 200) {
				return addr + off
			}
		}
	}
	return 0
}

// vdsoRate makes a rate of the two words at addr.
func vdsoRate(addr uint64) rate {
	var b [8]byte
	vcpu.CopyInHost(b[:], addr)
	v := binary.LittleEndian.Uint64(b[:])
	mult, shift := v&(1<<32-1), v>>32
	if shift < 8 || shift > 32 {
		return 0
	}
	return rate(mult << (rateShift - shift)) // at most 2^64: shift is 8 or more
}
