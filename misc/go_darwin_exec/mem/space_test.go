// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package mem

import (
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"goxnu/misc/go_darwin_exec/vcpu"
)

const testBase = 0x100000000000 // the host has nothing around here

// seed returns the seed of a random test, from the environment or new.
func seed(t *testing.T) uint64 {
	n := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("GOXNU_TEST_SEED"), 0, 64); err == nil {
		n = s
	}
	t.Logf("GOXNU_TEST_SEED=%d", n)
	return n
}

// TestSpaceModel compares a Space with an array of pages under random
// operations, and with what the host kernel has.
func TestSpaceModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(seed(t), 0))
	const pages = 64
	s := NewSpace(testBase, testBase+pages*PageSize)
	defer s.Unmap(testBase, pages*PageSize)
	var model [pages]int // 0 nothing, else protection + 1
	prots := []uint8{0, ProtRead, ProtRead | ProtWrite}
	for step := 0; step < 20000; step++ {
		at := rnd.IntN(pages)
		n := 1 + rnd.IntN(min(8, pages-at))
		addr, size := uint64(testBase+at*PageSize), uint64(n*PageSize)
		prot := prots[rnd.IntN(len(prots))]
		switch op := rnd.IntN(5); op {
		case 0:
			if got, errno := s.Map(Mapping{Addr: addr, Size: size, Prot: prot, Fixed: true, FD: -1}); errno != 0 || got != addr {
				t.Fatalf("step %d: fixed map at page %d: %#x, %v", step, at, got, errno)
			}
			for i := range n {
				model[at+i] = int(prot) + 1
			}
		case 1:
			// First fit from the hint, else from the start.
			want := -1
			for _, from := range []int{at, 0} {
				run := 0
				for i := from; i < pages && want < 0; i++ {
					if run++; model[i] != 0 {
						run = 0
					}
					if run == n {
						want = i - n + 1
					}
				}
				if want >= 0 {
					break
				}
			}
			got, errno := s.Map(Mapping{Addr: addr, Size: size, Prot: prot, FD: -1})
			if want < 0 {
				if errno != syscall.ENOMEM {
					t.Fatalf("step %d: map of %d pages in a full space: %v", step, n, errno)
				}
				break
			}
			if errno != 0 || got != uint64(testBase+want*PageSize) {
				t.Fatalf("step %d: map of %d pages near %d: page %d, %v; want page %d", step, n, at, (int(got)-testBase)/PageSize, errno, want)
			}
			for i := range n {
				model[want+i] = int(prot) + 1
			}
		case 2, 3:
			if errno := s.Unmap(addr, size); errno != 0 {
				t.Fatalf("step %d: unmap: %v", step, errno)
			}
			for i := range n {
				model[at+i] = 0
			}
		case 4:
			want := syscall.Errno(0)
			for i := range n {
				if model[at+i] == 0 {
					want = syscall.ENOMEM
				}
			}
			if errno := s.Protect(addr, size, prot); errno != want {
				t.Fatalf("step %d: protect: %v, want %v", step, errno, want)
			}
			if want == 0 {
				for i := range n {
					model[at+i] = int(prot) + 1
				}
			}
		}
		// The table must agree with the model, be in order and be joined up.
		var have [pages]int
		last := Region{}
		for _, r := range s.Regions() {
			if r.Start < last.End || r.Start >= r.End {
				t.Fatalf("step %d: regions out of order: %+v, %+v", step, last, r)
			}
			if r.Start == last.End && r.Prot == last.Prot {
				t.Fatalf("step %d: regions not joined: %+v, %+v", step, last, r)
			}
			for a := r.Start; a < r.End; a += PageSize {
				have[(a-testBase)/PageSize] = int(r.Prot) + 1
			}
			last = r
		}
		if have != model {
			t.Fatalf("step %d: table\n%v, model\n%v", step, have, model)
		}
		p := rnd.IntN(pages)
		_, readable := vcpu.Load32(uint64(testBase + p*PageSize))
		if want := model[p] > 1; readable != want {
			t.Fatalf("step %d: page %d readable: %v, model %d", step, p, readable, model[p])
		}
	}
}

// TestHostIsSafe checks that the guest can neither replace nor unmap nor
// protect what it does not own.
func TestHostIsSafe(t *testing.T) {
	host, e := vcpu.Raw(syscall.SYS_MMAP, testBase+16*PageSize, PageSize, ProtRead|ProtWrite, syscall.MAP_PRIVATE|syscall.MAP_ANON|mapFixedNoreplace, ^uintptr(0), 0)
	if e != 0 {
		t.Fatal(syscall.Errno(e))
	}
	defer vcpu.Raw(syscall.SYS_MUNMAP, host, PageSize, 0, 0, 0, 0)
	vcpu.Store32(uint64(host), 42)
	s := NewSpace(testBase, testBase+64*PageSize)
	defer s.Unmap(testBase, 64*PageSize)
	if a, errno := s.Map(Mapping{Addr: testBase, Size: 20 * PageSize, Prot: ProtRead, Fixed: true, FD: -1}); errno != syscall.ENOMEM {
		t.Errorf("fixed map over host memory: %#x, %v", a, errno)
	}
	if len(s.Regions()) != 0 {
		t.Errorf("a map that failed left %+v", s.Regions())
	}
	if errno := s.Unmap(testBase, 64*PageSize); errno != 0 {
		t.Errorf("unmap of nothing: %v", errno)
	}
	if errno := s.Protect(uint64(host), PageSize, 0); errno != syscall.ENOMEM {
		t.Errorf("protect of host memory: %v", errno)
	}
	if a, errno := s.Map(Mapping{Addr: testBase, Size: 20 * PageSize, Prot: ProtRead, FD: -1}); errno != 0 || a != testBase+17*PageSize {
		t.Errorf("map that must go around host memory: %#x, %v", a, errno)
	}
	if v, ok := vcpu.Load32(uint64(host)); v != 42 || !ok {
		t.Errorf("host memory was hurt: %d, %v", v, ok)
	}
}

// TestRunnerPages checks that the guest cannot touch what the runner put into its space.
func TestRunnerPages(t *testing.T) {
	s := NewSpace(testBase, testBase+64*PageSize)
	if _, errno := s.Map(Mapping{Addr: testBase + PageSize, Size: PageSize, Prot: ProtRead, NoReplace: true, FD: -1, Kind: KindRunner}); errno != 0 {
		t.Fatal(errno)
	}
	defer vcpu.Raw(syscall.SYS_MUNMAP, testBase+PageSize, PageSize, 0, 0, 0, 0)
	if _, errno := s.Map(Mapping{Addr: testBase, Size: 3 * PageSize, Fixed: true, FD: -1}); errno != syscall.ENOMEM {
		t.Errorf("fixed map over a page of the runner: %v", errno)
	}
	if errno := s.Unmap(testBase, 3*PageSize); errno != 0 {
		t.Error(errno)
	}
	if errno := s.Protect(testBase+PageSize, PageSize, ProtWrite); errno != syscall.ENOMEM {
		t.Errorf("protect: %v", errno)
	}
	if _, ok := vcpu.Load32(testBase + PageSize); !ok {
		t.Error("the page of the runner is gone")
	}
	if s.WriteRunner(testBase+PageSize, []byte{1}) {
		t.Error("data was written as text")
	}
	if _, errno := s.Map(Mapping{Addr: testBase + 2*PageSize, Size: PageSize, Prot: ProtRead | ProtExec, NoReplace: true, FD: -1, Kind: KindRunner}); errno != 0 {
		t.Fatal(errno)
	}
	defer vcpu.Raw(syscall.SYS_MUNMAP, testBase+2*PageSize, PageSize, 0, 0, 0, 0)
	if !s.WriteRunner(testBase+2*PageSize, []byte{1, 2, 3, 4}) {
		t.Error("text of the runner cannot be written")
	}
	if v, _ := vcpu.Load32(testBase + 2*PageSize); v != 0x04030201 || vcpu.Store32(testBase+2*PageSize, 0) {
		t.Errorf("the text is %#x, or can be written to afterwards", v)
	}
}
