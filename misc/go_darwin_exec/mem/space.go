// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

// Package mem keeps the guest's address space, which lies inside the
// runner's own.
//
// The host kernel would let the guest map over, unmap or protect the runner's
// memory. So every change of the guest's address space goes through a Space,
// which knows what belongs to the guest and touches nothing else. New regions
// are placed as XNU places them, bottom-up and first fit, but only where the
// host has nothing.
package mem

import (
	"bytes"
	"math"
	"slices"
	"sync"
	"syscall"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// PageSize is the page size of the guest and of the host.
const PageSize = 4096

// Protections; the guest's and the host's values are the same.
const (
	ProtRead  = 1
	ProtWrite = 2
	ProtExec  = 4
	protAll   = 7
)

// A Kind says what a region is for.
type Kind uint8

const (
	KindGuest  Kind = iota // the guest's, to do with as it likes
	KindRunner             // commpage, springboards: the guest can read it, not change it
)

// A Region is a run of pages with equal attributes.
type Region struct {
	Start, End    uint64
	Prot, MaxProt uint8
	Kind          Kind
	Shared        bool  // MAP_SHARED
	File          bool  // not anonymous
	Inherit       uint8 // minherit: 0 share, 1 copy, 2 none
}

// A Space is an address space. Its methods may be called by any thread, and,
// after InChild, in the child of a fork.
type Space struct {
	mu       sync.Mutex
	min, max uint64   // the guest's addresses are in [min, max)
	regions  []Region // in order, disjoint
	child    bool     // no locks, no allocation
}

// NewSpace returns an empty Space for addresses in [min, max).
func NewSpace(min, max uint64) *Space {
	return &Space{min: min, max: max}
}

// Bounds returns the limits of the guest's addresses.
func (s *Space) Bounds() (min, max uint64) { return s.min, s.max }

// SetMin raises the lowest address that can be mapped, as a __PAGEZERO does.
func (s *Space) SetMin(min uint64) {
	s.lock()
	defer s.unlock()
	s.min = min
}

// Lock and Unlock keep all other threads from changing the Space, for fork.
// Lock also makes room in the table, so that the child need not allocate.
func (s *Space) Lock() {
	s.mu.Lock()
	s.regions = slices.Grow(s.regions, childRegions)
}

func (s *Space) Unlock() { s.mu.Unlock() }

// childRegions is how many regions a child of fork can add.
const childRegions = 64

// InChild tells the Space that this is the child of a fork, whose parent
// holds the lock: there are no other threads and no more locking.
func (s *Space) InChild() { s.child = true }

func (s *Space) lock() {
	if !s.child {
		s.mu.Lock()
	}
}

func (s *Space) unlock() {
	if !s.child {
		s.mu.Unlock()
	}
}

// A Mapping is a request for memory.
type Mapping struct {
	Addr    uint64 // a hint, or with Fixed or NoReplace the address
	Size    uint64 // rounded up to pages
	Prot    uint8
	MaxProt uint8 // 0: everything
	Fixed   bool  // replace what the guest has there
	// NoReplace wants Addr exactly and fails with EEXIST if anything is there.
	NoReplace bool
	Shared    bool
	Kind      Kind
	FD        int // -1: anonymous memory
	Offset    int64
}

const (
	mapFixed          = 0x10
	mapFixedNoreplace = 0x100000
)

// RoundUp rounds n up to whole pages; ok is false if that overflows.
func RoundUp(n uint64) (r uint64, ok bool) {
	r = (n + PageSize - 1) &^ (PageSize - 1)
	return r, r >= n
}

// Map makes a mapping and returns its address. The error is the host's.
func (s *Space) Map(m Mapping) (uint64, syscall.Errno) {
	size, ok := RoundUp(m.Size)
	if !ok || size == 0 {
		return 0, syscall.ENOMEM
	}
	if m.MaxProt == 0 {
		m.MaxProt = protAll
	}
	flags := uintptr(syscall.MAP_PRIVATE)
	if m.Shared {
		flags = syscall.MAP_SHARED
	}
	if m.FD < 0 {
		flags |= syscall.MAP_ANON | syscall.MAP_NORESERVE
	}
	s.lock()
	defer s.unlock()
	if m.Fixed || m.NoReplace {
		end := m.Addr + size
		if m.Addr%PageSize != 0 {
			return 0, syscall.EINVAL
		}
		if m.Kind == KindGuest && (m.Addr < s.min || end > s.max) || end < m.Addr {
			return 0, syscall.ENOMEM
		}
		if m.NoReplace {
			if s.firstIn(m.Addr, end) != nil {
				return 0, syscall.EEXIST
			}
			return s.place(m, m.Addr, size, flags|mapFixedNoreplace)
		}
		return s.replace(m, size, flags)
	}
	start := m.Addr &^ (PageSize - 1)
	if start < s.min || start > s.max {
		start = s.min
	}
	if addr, errno := s.search(m, start, size, flags); errno != syscall.ENOMEM || start == s.min {
		return addr, errno
	}
	return s.search(m, s.min, size, flags)
}

// search places a mapping in the first hole at or above start.
func (s *Space) search(m Mapping, start, size uint64, flags uintptr) (uint64, syscall.Errno) {
	addr := start
	i := s.index(addr)
	for {
		for ; i < len(s.regions); i++ {
			r := &s.regions[i]
			if r.Start >= addr && r.Start-addr >= size {
				break
			}
			addr = max(addr, r.End)
		}
		if addr+size < addr || addr+size > s.max {
			return 0, syscall.ENOMEM
		}
		got, errno := s.place(m, addr, size, flags|mapFixedNoreplace)
		if errno != syscall.EEXIST {
			return got, errno
		}
		// Something of the host's is in the way: go on behind it.
		const skip = 16 << 20
		next := (addr + skip) &^ (skip - 1)
		if !s.child {
			if end := hostEnd(addr, addr+size); end > addr {
				next = end
			}
		}
		addr = next
		i = s.index(addr)
	}
}

// place maps at addr, where the guest has nothing.
func (s *Space) place(m Mapping, addr, size uint64, flags uintptr) (uint64, syscall.Errno) {
	got, e := vcpu.Raw(syscall.SYS_MMAP, uintptr(addr), uintptr(size), uintptr(m.Prot), flags, uintptr(m.FD), uintptr(m.Offset))
	if e != 0 {
		return 0, syscall.Errno(e)
	}
	if uint64(got) != addr {
		// A kernel before 4.17 takes MAP_FIXED_NOREPLACE for a hint.
		vcpu.Raw(syscall.SYS_MUNMAP, got, uintptr(size), 0, 0, 0, 0)
		return 0, syscall.EEXIST
	}
	s.insert(m.region(addr, size))
	return addr, 0
}

// replace maps over whatever the guest has at m.Addr. The host's holes
// in that range are filled one by one, each guarded against what the host
// itself may have there.
func (s *Space) replace(m Mapping, size uint64, flags uintptr) (uint64, syscall.Errno) {
	end := m.Addr + size
	// First claim the holes, so that nothing has changed if that fails.
	var room [8][2]uint64
	claimed := room[:0]
	fail := func(errno syscall.Errno) (uint64, syscall.Errno) {
		for _, h := range claimed {
			vcpu.Raw(syscall.SYS_MUNMAP, uintptr(h[0]), uintptr(h[1]-h[0]), 0, 0, 0, 0)
		}
		return 0, errno
	}
	addr := m.Addr
	for i := s.index(addr); addr < end; i++ {
		next := end
		if i < len(s.regions) && s.regions[i].Start < end {
			if s.regions[i].Kind != m.Kind {
				return fail(syscall.ENOMEM)
			}
			next = max(s.regions[i].Start, addr)
		}
		if next > addr {
			got, e := vcpu.Raw(syscall.SYS_MMAP, uintptr(addr), uintptr(next-addr), 0,
				syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE|mapFixedNoreplace, ^uintptr(0), 0)
			if e == 0 && uint64(got) != addr {
				vcpu.Raw(syscall.SYS_MUNMAP, got, uintptr(next-addr), 0, 0, 0, 0)
				e = uintptr(syscall.EEXIST)
			}
			if e != 0 {
				return fail(syscall.ENOMEM)
			}
			claimed = append(claimed, [2]uint64{addr, next})
		}
		if next == end {
			break
		}
		addr = s.regions[i].End
	}
	if _, e := vcpu.Raw(syscall.SYS_MMAP, uintptr(m.Addr), uintptr(size), uintptr(m.Prot), flags|mapFixed, uintptr(m.FD), uintptr(m.Offset)); e != 0 {
		return fail(syscall.Errno(e))
	}
	s.remove(m.Addr, end)
	s.insert(m.region(m.Addr, size))
	return m.Addr, 0
}

func (m *Mapping) region(addr, size uint64) Region {
	return Region{Start: addr, End: addr + size, Prot: m.Prot, MaxProt: m.MaxProt, Kind: m.Kind,
		Shared: m.Shared, File: m.FD >= 0, Inherit: 1}
}

// Unmap removes the guest's mappings in the range; holes do not matter.
// addr must be page aligned.
func (s *Space) Unmap(addr, size uint64) syscall.Errno {
	size, ok := RoundUp(size)
	end := addr + size
	if addr%PageSize != 0 || !ok || size == 0 || end < addr {
		return syscall.EINVAL
	}
	s.lock()
	defer s.unlock()
	for i := s.index(addr); i < len(s.regions) && s.regions[i].Start < end; {
		r := s.regions[i]
		if r.Kind != KindGuest {
			i++
			continue
		}
		lo, hi := max(addr, r.Start), min(end, r.End)
		if _, e := vcpu.Raw(syscall.SYS_MUNMAP, uintptr(lo), uintptr(hi-lo), 0, 0, 0, 0); e != 0 {
			return syscall.Errno(e)
		}
		s.remove(lo, hi)
		i = s.index(hi)
	}
	return 0
}

// Protect sets the protection of a range that must be mapped entirely:
// otherwise ENOMEM; EACCES beyond the maximum protection.
func (s *Space) Protect(addr, size uint64, prot uint8) syscall.Errno {
	size, ok := RoundUp(size)
	end := addr + size
	if addr%PageSize != 0 || !ok || end < addr {
		return syscall.EINVAL
	}
	s.lock()
	defer s.unlock()
	next := addr
	for i := s.index(addr); next < end; i++ {
		if i == len(s.regions) || s.regions[i].Start > next || s.regions[i].Kind != KindGuest {
			return syscall.ENOMEM
		}
		if prot&^s.regions[i].MaxProt != 0 {
			return syscall.EACCES
		}
		next = s.regions[i].End
	}
	if size == 0 {
		return 0
	}
	if _, e := vcpu.Raw(syscall.SYS_MPROTECT, uintptr(addr), uintptr(size), uintptr(prot), 0, 0, 0); e != 0 {
		return syscall.Errno(e)
	}
	s.update(addr, end, func(r *Region) { r.Prot = prot })
	return 0
}

// SetMaxProt lowers the maximum protection of a range, and with it the
// protection if need be.
func (s *Space) SetMaxProt(addr, size uint64, maxProt uint8) {
	s.lock()
	defer s.unlock()
	s.update(addr, addr+size, func(r *Region) {
		r.MaxProt = maxProt
		if r.Prot&^maxProt != 0 {
			r.Prot &= maxProt
			vcpu.Raw(syscall.SYS_MPROTECT, uintptr(r.Start), uintptr(r.End-r.Start), uintptr(r.Prot), 0, 0, 0)
		}
	})
}

// Poke exchanges the eight bytes at addr, which lie in one cache line of
// private executable memory, if they are old. It reports whether it could.
func (s *Space) Poke(addr, old, new uint64) bool {
	s.lock()
	defer s.unlock()
	i := s.index(addr)
	if i == len(s.regions) {
		return false
	}
	r := &s.regions[i]
	if r.Start > addr || r.End < addr+8 || r.Shared || r.Kind != KindGuest || r.Prot&ProtExec == 0 {
		return false
	}
	page := uintptr(addr &^ (PageSize - 1))
	if _, e := vcpu.Raw(syscall.SYS_MPROTECT, page, PageSize, protAll, 0, 0, 0); e != 0 {
		return false
	}
	ok := vcpu.CompareAndSwap64(addr, old, new)
	vcpu.Raw(syscall.SYS_MPROTECT, page, PageSize, uintptr(r.Prot), 0, 0, 0)
	return ok
}

// WriteText writes new over old in private executable memory that no thread
// runs or reads. It reports whether it could.
func (s *Space) WriteText(addr uint64, old, new []byte) bool {
	s.lock()
	defer s.unlock()
	i := s.index(addr)
	if i == len(s.regions) {
		return false
	}
	r := &s.regions[i]
	end := addr + uint64(len(new))
	if r.Start > addr || r.End < end || r.Shared || r.Kind != KindGuest || r.Prot&ProtExec == 0 {
		return false
	}
	page := uintptr(addr &^ (PageSize - 1))
	size := uintptr(end+PageSize-1)&^(PageSize-1) - page
	have := make([]byte, len(old))
	if !vcpu.CopyIn(have, addr) || !bytes.Equal(have, old) {
		return false
	}
	if _, e := vcpu.Raw(syscall.SYS_MPROTECT, page, size, protAll, 0, 0, 0); e != 0 {
		return false
	}
	ok := vcpu.CopyOut(addr, new)
	vcpu.Raw(syscall.SYS_MPROTECT, page, size, uintptr(r.Prot), 0, 0, 0)
	return ok
}

// SetInherit notes a range's inheritance (minherit).
func (s *Space) SetInherit(addr, size uint64, inherit uint8) {
	s.lock()
	defer s.unlock()
	s.update(addr, addr+size, func(r *Region) { r.Inherit = inherit })
}

// AttachShm puts the host's System V segment id, of that size, in the place of
// the guest's pages at addr. flags are shmat's.
func (s *Space) AttachShm(addr, size uint64, id int32, flags uint32) syscall.Errno {
	const shmRemap = 0o40000
	s.lock()
	defer s.unlock()
	if !s.own(addr, size) {
		return syscall.ENOMEM
	}
	_, e := vcpu.Raw(syscall.SYS_SHMAT, uintptr(id), uintptr(addr), uintptr(flags|shmRemap), 0, 0, 0)
	return syscall.Errno(e)
}

// Own reports whether all pages of the range are the guest's.
func (s *Space) Own(addr, size uint64) bool {
	s.lock()
	defer s.unlock()
	return s.own(addr, size)
}

func (s *Space) own(addr, size uint64) bool {
	size, ok := RoundUp(size)
	end := addr + size
	if !ok || end < addr {
		return false
	}
	next := addr
	for i := s.index(addr); next < end; i++ {
		if i == len(s.regions) || s.regions[i].Start > next || s.regions[i].Kind != KindGuest {
			return false
		}
		next = s.regions[i].End
	}
	return true
}

// Find returns the region that contains addr, or else the next one above it.
func (s *Space) Find(addr uint64) (Region, bool) {
	s.lock()
	defer s.unlock()
	if i := s.index(addr); i < len(s.regions) {
		return s.regions[i], true
	}
	return Region{}, false
}

// Each calls f for the parts of the guest's regions that lie in the range,
// in order, until f reports false. f must not change the Space.
func (s *Space) Each(addr, size uint64, f func(lo, hi uint64, r Region) bool) {
	end := addr + size
	if end < addr {
		end = math.MaxUint64
	}
	s.lock()
	defer s.unlock()
	for i := s.index(addr); i < len(s.regions) && s.regions[i].Start < end; i++ {
		r := s.regions[i]
		if r.Kind == KindGuest && !f(max(addr, r.Start), min(end, r.End), r) {
			return
		}
	}
}

// Regions returns a copy of the table.
func (s *Space) Regions() []Region {
	s.lock()
	defer s.unlock()
	return slices.Clone(s.regions)
}

// ChildRegions is the table itself, for the child of a fork, which cannot copy
// it.
func (s *Space) ChildRegions() []Region { return s.regions }

// index returns the number of the first region that ends above addr.
func (s *Space) index(addr uint64) int {
	lo, hi := 0, len(s.regions)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if s.regions[mid].End > addr {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// firstIn returns the first region that overlaps [addr, end).
func (s *Space) firstIn(addr, end uint64) *Region {
	if i := s.index(addr); i < len(s.regions) && s.regions[i].Start < end {
		return &s.regions[i]
	}
	return nil
}

// insert adds a region where there is none, joined to its neighbours if they
// are alike.
func (s *Space) insert(r Region) {
	i := s.index(r.Start)
	s.regions = slices.Insert(s.regions, i, r)
	s.join(i, i+1)
}

// join merges equal neighbours among regions[i-1 : j+1].
func (s *Space) join(i, j int) {
	for k := min(j, len(s.regions)-1); k >= max(i, 1); k-- {
		a, b := &s.regions[k-1], s.regions[k]
		if a.End != b.Start || b.File {
			continue
		}
		end := b.End
		if b.Start, b.End = a.Start, a.End; b == *a {
			a.End = end
			s.regions = slices.Delete(s.regions, k, k+1)
		}
	}
}

// split makes sure that a region border lies at addr.
func (s *Space) split(addr uint64) {
	i := s.index(addr)
	if i == len(s.regions) || s.regions[i].Start >= addr {
		return
	}
	r := s.regions[i]
	s.regions[i].End = addr
	r.Start = addr
	s.regions = slices.Insert(s.regions, i+1, r)
}

// remove forgets [addr, end).
func (s *Space) remove(addr, end uint64) {
	s.split(addr)
	s.split(end)
	s.regions = slices.Delete(s.regions, s.index(addr), s.index(end))
}

// update changes the attributes of all of the guest's regions in [addr, end).
func (s *Space) update(addr, end uint64, f func(*Region)) {
	if addr >= end {
		return
	}
	s.split(addr)
	s.split(end)
	i := s.index(addr)
	j := i
	for ; j < len(s.regions) && s.regions[j].Start < end; j++ {
		if s.regions[j].Kind == KindGuest {
			f(&s.regions[j])
		}
	}
	s.join(i, j)
}
