// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package vcpu

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

// TestOwned compares Owned with a list of pages, around the borders of the
// slots.
func TestOwned(t *testing.T) {
	CheckAddresses(true)
	defer CheckAddresses(false)
	const (
		base = 0x3000_0000_0000
		slot = 1 << slotShift
		page = 1 << pageShift
	)
	// The pages that the test sets lie around the borders of three slots; those
	// in between follow by ranges of a whole slot.
	var borders []uint64
	for i := range uint64(4) {
		for d := range int64(260) {
			borders = append(borders, base+i*slot+uint64(d-130)*page)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	model := map[uint64]bool{}
	defer SetOwned(base-slot, base+4*slot, false)
	for step := range 3000 {
		lo, hi := borders[rnd.IntN(len(borders))], borders[rnd.IntN(len(borders))]
		if rnd.IntN(3) != 0 {
			hi = lo + uint64(1+rnd.IntN(100))*page
		}
		if lo > hi {
			lo, hi = hi, lo
		}
		on := rnd.IntN(2) == 0
		if !SetOwned(lo, hi, on) {
			t.Fatal("no memory")
		}
		for _, b := range borders {
			if b >= lo && b < hi {
				model[b] = on
			}
		}
		for range 20 {
			at := borders[rnd.IntN(4)*260+rnd.IntN(254)] + uint64(rnd.IntN(page))
			n := uint64(1 + rnd.IntN(5*page))
			want := uint64(0)
			for p := at &^ (page - 1); p < at+n && model[p]; p += page {
				want = min(p+page, at+n) - at
			}
			if got := Owned(at, n); got != want {
				t.Fatalf("step %d: Owned(%#x, %#x) = %#x, want %#x", step, at, n, got, want)
			}
		}
	}
	SetOwned(base-slot, base+4*slot, false)
	for _, c := range []struct{ addr, n, want uint64 }{
		{1 << 47, 1, 0}, {1<<47 - 1, 2, 0}, {1<<64 - 1, 1, 0}, {1<<64 - 1, 2, 0}, {1 << 63, 1 << 63, 0}, {0, 0, 0}, {0, 1, 0},
		{uint64(uintptr(unsafe.Pointer(&model))), 1, 0},
	} {
		if got := Owned(c.addr, c.n); got != c.want {
			t.Errorf("Owned(%#x, %#x) = %#x, want %#x", c.addr, c.n, got, c.want)
		}
	}
	// A whole slot and its neighbours, across which a range goes.
	SetOwned(base, base+3*slot, true)
	if got := Owned(base+5, 3*slot); got != 3*slot-5 {
		t.Errorf("three slots: %#x", got)
	}
	SetOwned(base+slot+page, base+slot+2*page, false)
	if got := Owned(base+5, 3*slot); got != slot+page-5 {
		t.Errorf("three slots with a hole: %#x", got)
	}
	if got := Owned(base+slot+2*page, ^uint64(0)); got != 2*slot-2*page {
		t.Errorf("behind the hole: %#x", got)
	}
}

// TestCopyChecks: the copy functions refuse what is not the guest's.
func TestCopyChecks(t *testing.T) {
	var v uint64
	at := uint64(uintptr(unsafe.Pointer(&v)))
	b := unsafe.Slice((*byte)(unsafe.Pointer(new(uint64))), 8)
	try := func(want bool) {
		t.Helper()
		_, load32 := Load32(at)
		_, load64 := Load64(at)
		for i, got := range []bool{CopyIn(b, at), CopyOut(at, b), load32, load64, Store32(at, 0), Store64(at, 0),
			CompareAndSwap64(at, 0, 0), CopyInStr(b, at) == 0} {
			if got != want {
				t.Errorf("function %d: %v, want %v", i, got, want)
			}
		}
	}
	try(true)
	CheckAddresses(true)
	defer CheckAddresses(false)
	try(false)
	if !CopyInHost(b, at) {
		t.Error("CopyInHost")
	}
}

func BenchmarkOwned(b *testing.B) {
	CheckAddresses(true)
	defer CheckAddresses(false)
	const base = 0x3000_0000_0000
	SetOwned(base, base+1<<20, true)
	defer SetOwned(base, base+1<<20, false)
	for _, c := range []struct {
		name    string
		addr, n uint64
	}{{"1", base + 100, 1}, {"64K", base + 100, 64 << 10}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if Owned(c.addr, c.n) != c.n {
					b.Fatal()
				}
			}
		})
	}
}
