// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package mem

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// check looks at all that a table says of itself.
func (t *table) check() error {
	last := uint64(0)
	for i := range t.n {
		e := &t.dir[i]
		l := e.get()
		if l.n < 1 || l.n > leafMax {
			return fmt.Errorf("leaf %d has %d regions", i, l.n)
		}
		if e.start != l.r[0].Start || e.end != l.r[l.n-1].End {
			return fmt.Errorf("leaf %d is %#x to %#x, directory %#x to %#x", i, l.r[0].Start, l.r[l.n-1].End, e.start, e.end)
		}
		for k := range l.n {
			r := &l.r[k]
			if r.Start < last || r.Start >= r.End {
				return fmt.Errorf("leaf %d, region %d: %+v behind %#x", i, k, r, last)
			}
			if k > 0 && r.Start-last > e.hole {
				return fmt.Errorf("leaf %d, region %d: the hole before it is larger than %#x", i, k, e.hole)
			}
			last = r.End
		}
	}
	return nil
}

// TestTable compares a table that fills and empties with an array of pages.
func TestTable(t *testing.T) {
	rnd := rand.New(rand.NewPCG(seed(t), 0))
	const pages = 6000
	var model [pages]uint8 // 0 nothing, else protection + 1
	var s Space            // never asked for memory
	tab := &s.table
	most := 0
	for step := range 30000 {
		if !tab.reserve() {
			t.Fatal("no memory")
		}
		at := rnd.IntN(pages)
		n := 1 + rnd.IntN(3)
		if rnd.IntN(200) == 0 {
			n = 1 + rnd.IntN(pages/4)
		}
		n = min(n, pages-at)
		lo, hi := uint64(at+1)*PageSize, uint64(at+n+1)*PageSize
		grow := step/5000%2 == 0 // fill, then empty
		switch op := rnd.IntN(4); {
		case op == 0 || op == 1 && grow:
			if slices.ContainsFunc(model[at:at+n], func(m uint8) bool { return m != 0 }) {
				tab.remove(lo, hi)
			}
			prot := uint8(rnd.IntN(8))
			s.insert(Region{Start: lo, End: hi, Prot: prot})
			for i := range n {
				model[at+i] = prot + 1
			}
		case op == 1:
			tab.remove(lo, hi)
			clear(model[at : at+n])
		case op == 2:
			prot := uint8(rnd.IntN(8))
			s.update(lo, hi, func(r *Region) { r.Prot = prot })
			for i := range n {
				if model[at+i] != 0 {
					model[at+i] = prot + 1
				}
			}
		case op == 3:
			size := uint64(1+rnd.IntN(4)) * PageSize
			want, run := 0, uint64(0)
			for want = at; want < pages && run < size; want++ {
				run += PageSize
				if model[want] != 0 {
					run = 0
				}
			}
			if got := tab.hole(lo, size); got != uint64(want+1)*PageSize-run {
				t.Fatalf("step %d: hole of %#x from %#x is at %#x, want %#x", step, size, lo, got, uint64(want+1)*PageSize-run)
			}
		}
		if err := tab.check(); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		most = max(most, tab.n)
		if step%50 != 0 {
			continue
		}
		var have [pages]uint8
		last := Region{}
		s.All(func(r *Region) bool {
			if r.Start == last.End && r.Prot == last.Prot && last.End != 0 {
				t.Fatalf("step %d: regions not joined: %+v, %+v", step, last, *r)
			}
			for a := r.Start; a < r.End; a += PageSize {
				have[a/PageSize-1] = r.Prot + 1
			}
			last = *r
			return true
		})
		if have != model {
			t.Fatalf("step %d: the table is not the model", step)
		}
	}
	if most < 10 {
		t.Errorf("%d leaves at most: the test does not test much", most)
	}
}

// TestForeign: the host's memory is met once, and forgotten if the guest has
// no room otherwise.
func TestForeign(t *testing.T) {
	at := func(page uint64) uint64 { return testBase + page*PageSize }
	for _, page := range []uint64{2, 5, 6} {
		if _, e := vcpu.Raw(syscall.SYS_MMAP, uintptr(at(page)), PageSize, 0, syscall.MAP_PRIVATE|syscall.MAP_ANON|mapFixedNoreplace, ^uintptr(0), 0); e != 0 {
			t.Fatal(syscall.Errno(e))
		}
		defer vcpu.Raw(syscall.SYS_MUNMAP, uintptr(at(page)), PageSize, 0, 0, 0, 0)
	}
	s := NewSpace(testBase, at(10))
	defer s.Unmap(testBase, 10*PageSize)
	next := func(pages, want uint64) {
		t.Helper()
		got, errno := s.Map(Mapping{Size: pages * PageSize, Prot: ProtRead, FD: -1})
		if errno == 0 {
			got = (got - testBase) / PageSize
		}
		if want == 0 && errno != syscall.ENOMEM || want != 0 && got != want {
			t.Fatalf("%d pages at page %d, %v; want %d", pages, got, errno, want)
		}
	}
	if _, errno := s.Map(Mapping{Addr: testBase, Size: PageSize, NoReplace: true, FD: -1}); errno != 0 {
		t.Fatal(errno)
	}
	next(3, 7) // around both
	next(2, 3) // between them
	next(1, 1)
	next(1, 0)
	if s.nforeign != 2 {
		t.Errorf("%d spans of the host are known, want 2", s.nforeign)
	}
	vcpu.Raw(syscall.SYS_MUNMAP, uintptr(at(5)), 2*PageSize, 0, 0, 0, 0)
	next(2, 5)
	next(1, 0)
}

// mapMany makes n mappings that do not join.
func mapMany(tb testing.TB, s *Space, n int) {
	tb.Helper()
	for i := range n {
		if _, errno := s.Map(Mapping{Size: PageSize, Prot: uint8(i % 2), FD: -1}); errno != 0 {
			tb.Fatalf("mapping %d: %v", i, errno)
		}
	}
}

// TestManyMappings: with 40,000 mappings a mapping costs about what it costs
// with ten, and about what it costs the host. A table that is moved or searched
// as a whole takes more than ten times as long.
func TestManyMappings(t *testing.T) {
	const (
		many  = 40000
		batch = 2000
		size  = 1 << 32
	)
	// The best of some turns: others are at work on this machine.
	ours := func(s *Space) (best time.Duration) {
		best = time.Hour
		for range 5 {
			start := time.Now()
			first := uint64(0)
			for i := range batch {
				a, errno := s.Map(Mapping{Size: PageSize, Prot: uint8(i % 2), FD: -1})
				if errno != 0 {
					t.Fatal(errno)
				}
				if i == 0 {
					first = a
				}
			}
			for i := range uint64(batch) {
				if errno := s.Unmap(first+i*PageSize, PageSize); errno != 0 {
					t.Fatal(errno)
				}
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	native := func(at uint64) (best time.Duration) {
		best = time.Hour
		for range 5 {
			start := time.Now()
			for i := range uint64(batch) {
				vcpu.Raw(syscall.SYS_MMAP, uintptr(at+i*PageSize), PageSize, uintptr(i%2),
					syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE|mapFixedNoreplace, ^uintptr(0), 0)
			}
			for i := range uint64(batch) {
				vcpu.Raw(syscall.SYS_MUNMAP, uintptr(at+i*PageSize), PageSize, 0, 0, 0, 0)
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	s := NewSpace(testBase, testBase+size)
	defer s.Unmap(testBase, size)
	mapMany(t, s, 10)
	few, fewNative := ours(s), native(testBase+size)
	mapMany(t, s, many)
	lots, lotsNative := ours(s), native(testBase+size)
	t.Logf("%d mappings made and unmade: with ten others %v (host %v), with %d others %v (host %v)", batch, few, fewNative, many, lots, lotsNative)
	if lots > 5*few {
		t.Errorf("with %d others: %v, with ten: %v", many, lots, few)
	}
	if lots > 5*lotsNative {
		t.Errorf("with %d others: %v, the host takes %v", many, lots, lotsNative)
	}
	// A hole far from the beginning, with all others too small.
	if errno := s.Unmap(testBase+PageSize*many/2, 2*PageSize); errno != 0 {
		t.Fatal(errno)
	}
	if a, errno := s.Map(Mapping{Size: 2 * PageSize, FD: -1}); errno != 0 || a != testBase+PageSize*many/2 {
		t.Errorf("%#x, %v", a, errno)
	}
}
