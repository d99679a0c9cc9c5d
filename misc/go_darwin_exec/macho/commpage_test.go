// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package macho

import (
	"math/bits"
	"strconv"
	"syscall"
	"testing"
	"time"

	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
)

func load64(off uint64) uint64 {
	v, _ := vcpu.Load64(CommpageBase + off)
	return v
}

func load32(off uint64) uint32 {
	v, _ := vcpu.Load32(CommpageBase + off)
	return v
}

// nanotime reads mach_absolute_time as xnu-abi 7.2 says.
func nanotime() uint64 {
	for {
		g := load32(0x68)
		if g == 0 {
			continue
		}
		d := (vcpu.Rdtsc() - load64(0x50)) << (load32(0x5c) & 31)
		hi, lo := bits.Mul64(d, uint64(load32(0x58)))
		ns := load64(0x60) + (hi<<32 | lo>>32)
		if load32(0x68) == g {
			return ns
		}
	}
}

// wall reads the time of day in ns as xnu-abi 7.3 says; ok is false if the
// commpage does not tell.
func wall() (ns int64, ok bool) {
	for range 100 {
		if tick := load64(0xd0); tick != 0 {
			d := nanotime() - tick
			sec, frac, scale, hz := load64(0xd8), load64(0xe0), load64(0xe8), load64(0xf0)
			if load64(0xd0) != tick {
				continue
			}
			if d >= hz {
				return 0, false
			}
			hi, lo := bits.Mul64(scale, d)
			f, carry := bits.Add64(frac, lo, 0)
			sec += hi + carry
			return int64(sec)*1e9 + int64((f>>32)*1e9>>32), true
		}
		if g := load32(0x6c); g != 0 {
			n := nanotime()
			base, sec := load64(0x70), load64(0x78)
			if load32(0x6c) != g {
				continue
			}
			return int64(sec)*1e9 + int64(n-base), true
		}
	}
	return 0, false
}

func mapCommpage(t *testing.T, release int) *Commpage {
	t.Helper()
	s := mem.NewSpace(UserStart, UserEnd)
	c, err := MapCommpage(s, release, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vcpu.Raw(syscall.SYS_MUNMAP, CommpageBase, pageSize, 0, 0, 0, 0) })
	return c
}

// TestClock compares the guest's clocks with the host's while they are being
// adjusted. They must be near and must never go backwards.
func TestClock(t *testing.T) {
	for _, release := range []int{1504, 3789, newest} {
		t.Run(strconv.Itoa(release), func(t *testing.T) {
			c := mapCommpage(t, release)
			if c.clock.vdso == 0 {
				t.Log("the kernel's clock rate was not found")
			}
			var worst, worstWall int64
			last := nanotime()
			next := time.Now().Add(refreshInterval)
			for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); {
				if time.Now().After(next) {
					c.clock.adjust(now())
					c.publish(0, false)
					next = time.Now().Add(refreshInterval)
				}
				t0 := vcpu.Nanotime()
				guest := nanotime()
				t1 := vcpu.Nanotime()
				if guest < last {
					t.Fatalf("the clock went back by %d ns", last-guest)
				}
				last = guest
				if t1-t0 < 2000 { // nothing has come between
					worst = max(worst, int64(guest)-t1, t0-int64(guest))
				}
				w0 := time.Now().UnixNano()
				w, ok := wall()
				w1 := time.Now().UnixNano()
				if !ok {
					t.Fatal("no time of day")
				}
				if w1-w0 < 2000 {
					worstWall = max(worstWall, w-w1, w0-w)
				}
			}
			t.Logf("scale %d, shift %d; at most %d ns off, time of day %d ns", c.clock.scale, c.clock.shift, worst, worstWall)
			if worst > 5000 || worstWall > 10000 {
				t.Errorf("the clock is %d ns off, the time of day %d ns", worst, worstWall)
			}
		})
	}
}

// TestClockWithoutVDSO calibrates by measurement alone.
func TestClockWithoutVDSO(t *testing.T) {
	var c clock
	c.first = now()
	p := c.wait(1_000_000)
	c.setRate(rateBetween(c.first, p))
	c.tscBase, c.nsBase = p.tsc, p.ns
	for i := range 4 {
		time.Sleep(refreshInterval)
		p := now()
		diff := int64(c.ns(p.tsc) - p.ns)
		t.Logf("after interval %d: %d ns", i, diff)
		if limit := int64(100_000) >> (3 * i); diff > limit+2000 || diff < -limit-2000 {
			t.Errorf("after interval %d: %d ns off", i, diff)
		}
		c.adjust(p)
	}
}

// TestClockCatchesUp checks the reactions to a clock that is off.
func TestClockCatchesUp(t *testing.T) {
	var c clock
	c.start()
	time.Sleep(10 * time.Millisecond)
	for _, off := range []int64{-5_000_000, -20_000, 20_000, 3_000_000} {
		p := now()
		c.nsBase += uint64(int64(p.ns) + off - int64(c.ns(p.tsc)))
		before := c.ns(p.tsc)
		c.adjust(p)
		after := c.ns(p.tsc)
		if after < before {
			t.Errorf("%d ns off: the clock was set back", off)
		}
		if off < -1_000_000 && after != p.ns {
			t.Errorf("%d ns off: the clock did not jump", off)
		}
		// The rate must bring it nearer.
		later := pair{p.tsc + uint64(float64(refreshInterval)*float64(uint64(1)<<rateShift)/float64(c.rateNow())), p.ns + uint64(refreshInterval)}
		rest := int64(c.ns(later.tsc)) - int64(later.ns)
		if off > -1_000_000 && off != 0 && rest*rest >= off*off {
			t.Errorf("%d ns off: later %d", off, rest)
		}
	}
}

// rateNow returns the host's rate, measured since the start.
func (c *clock) rateNow() rate { return rateBetween(c.first, now()) }

func TestSetRate(t *testing.T) {
	for _, ghz := range []float64{0.3, 0.9999, 1, 1.0001, 2.4, 3.7, 5.5} {
		var c clock
		c.setRate(rate(float64(uint64(1)<<rateShift) / ghz))
		ticks := uint64(ghz * 1e9 * 100) // 100 s
		if got := int64(c.ns(ticks)) - 100e9; got > 200 || got < -200 {
			t.Errorf("%v GHz: scale %#x, shift %d: %d ns off after 100 s", ghz, c.scale, c.shift, got)
		}
	}
}

// TestCommpageFields checks the fields that came, went or differ
// (osfmk/i386/commpage/commpage.c, see xnu-abi 7.1).
func TestCommpageFields(t *testing.T) {
	for _, tt := range []struct {
		release                  int
		version                  uint32
		shift                    uint32
		oldTime, newTime, caps64 bool
	}{
		{1504, 11, 32, true, false, false},
		{1699, 12, 32, true, false, false},
		{2050, 13, 0, true, false, true},
		{3789, 13, 0, true, false, true},
		{4570, 13, 0, false, true, true},
		{7195, 14, 0, false, true, true},
		{newest, 14, 0, false, true, true},
	} {
		t.Run(strconv.Itoa(tt.release), func(t *testing.T) {
			c := mapCommpage(t, tt.release)
			var sig [16]byte
			vcpu.CopyIn(sig[:], CommpageBase)
			if string(sig[:15]) != "commpage 64-bit" {
				t.Errorf("signature %q", sig)
			}
			if v := load32(0x1c) >> 16; v != tt.version {
				t.Errorf("version %d", v)
			}
			if v := load32(0x5c); c.clock.shift == 0 && v != tt.shift {
				t.Errorf("shift %d", v)
			}
			if load32(0x68) == 0 {
				t.Error("the generation is 0: readers would wait for ever")
			}
			if v := load32(0x6c); (v != 0) != tt.oldTime {
				t.Errorf("time of day generation %d", v)
			}
			if v := load64(0xd0); (v != 0) != tt.newTime {
				t.Errorf("timestamp tick %d", v)
			}
			if v := load64(0x10); (v != 0) != tt.caps64 || v != 0 && uint32(v) != load32(0x20) {
				t.Errorf("capabilities %#x, %#x", v, load32(0x20))
			}
			if vcpu.CopyOut(CommpageBase, sig[:]) {
				t.Error("the page can be written")
			}
		})
	}
}
