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
	KindRunner             // commpage, trampolines: the guest can read it, not change it
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
	min, max uint64 // the guest's addresses are in [min, max)
	table    table
	child    bool // no locks, no allocation

	// foreign is where a search for a hole met the host's memory. It may be
	// out of date, and then hides a hole, until there is no other.
	foreign  [maxForeign]span
	nforeign int
}

const maxForeign = 32

type span struct{ start, end uint64 }

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
func (s *Space) Lock()   { s.mu.Lock() }
func (s *Space) Unlock() { s.mu.Unlock() }

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
	if !s.table.reserve() {
		return 0, syscall.ENOMEM
	}
	if m.Fixed || m.NoReplace {
		end := m.Addr + size
		if m.Addr%PageSize != 0 {
			return 0, syscall.EINVAL
		}
		if m.Kind == KindGuest && (m.Addr < s.min || end > s.max) || end < m.Addr {
			return 0, syscall.ENOMEM
		}
		if m.NoReplace {
			if s.any(m.Addr, end) {
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
	addr, errno := s.searchFrom(m, start, size, flags)
	if errno == syscall.ENOMEM && s.nforeign > 0 {
		s.nforeign = 0 // perhaps the host has given some of it up
		addr, errno = s.searchFrom(m, start, size, flags)
	}
	return addr, errno
}

// searchFrom places a mapping in the first hole at or above start, or else in
// the first of all.
func (s *Space) searchFrom(m Mapping, start, size uint64, flags uintptr) (uint64, syscall.Errno) {
	if addr, errno := s.search(m, start, size, flags); errno != syscall.ENOMEM || start == s.min {
		return addr, errno
	}
	return s.search(m, s.min, size, flags)
}

// search places a mapping in the first hole at or above addr.
func (s *Space) search(m Mapping, addr, size uint64, flags uintptr) (uint64, syscall.Errno) {
	for {
		addr = s.table.hole(addr, size)
		if addr+size < addr || addr+size > s.max {
			return 0, syscall.ENOMEM
		}
		if end := s.foreignEnd(addr, addr+size); end != 0 {
			addr = end
			continue
		}
		got, errno := s.place(m, addr, size, flags|mapFixedNoreplace)
		if errno != syscall.EEXIST {
			return got, errno
		}
		addr = s.meet(addr, size)
	}
}

// foreignEnd returns the end of what the host is known to have in [lo, hi), or
// 0.
func (s *Space) foreignEnd(lo, hi uint64) (end uint64) {
	for _, f := range s.foreign[:s.nforeign] {
		if f.start < hi && f.end > lo {
			end = max(end, f.end)
		}
	}
	return end
}

// meet notes that the host has something in the size bytes from addr on, and
// returns where to go on.
func (s *Space) meet(addr, size uint64) uint64 {
	end := uint64(0)
	if !s.child {
		hostMappings(addr, addr+size, func(m span) {
			if n := s.nforeign; n > 0 && s.foreign[n-1].end == m.start {
				s.foreign[n-1].end = m.end
			} else {
				if n == maxForeign {
					s.nforeign = 0
				}
				s.foreign[s.nforeign] = m
				s.nforeign++
			}
			end = m.end
		})
	}
	if end == 0 { // it has gone, or cannot be seen
		const skip = 16 << 20
		end = (addr + skip) &^ (skip - 1)
	}
	return end
}

// place maps at addr, where the guest has nothing.
func (s *Space) place(m Mapping, addr, size uint64, flags uintptr) (uint64, syscall.Errno) {
	got, e := vcpu.Raw(syscall.SYS_MMAP, uintptr(addr), uintptr(size), uintptr(m.Prot), flags, uintptr(m.FD), uintptr(m.Offset))
	if e != 0 {
		return 0, syscall.Errno(e)
	}
	errno := syscall.EEXIST // a kernel before 4.17 takes MAP_FIXED_NOREPLACE for a hint
	if uint64(got) == addr {
		if vcpu.SetOwned(addr, addr+size, true) {
			s.insert(m.region(addr, size))
			return addr, 0
		}
		errno = syscall.ENOMEM
	}
	vcpu.Raw(syscall.SYS_MUNMAP, got, uintptr(size), 0, 0, 0, 0)
	return 0, errno
}

// insert adds a region where there is none, joined to its neighbours if they
// are alike.
func (s *Space) insert(r Region) {
	s.table.insert(r)
	s.table.join(r.Start, r.End)
}

// replace maps over whatever the guest has at m.Addr. The host's holes
// in that range are filled one by one, each guarded against what the host
// itself may have there.
func (s *Space) replace(m Mapping, size uint64, flags uintptr) (uint64, syscall.Errno) {
	end := m.Addr + size
	for p := s.table.find(m.Addr); ; p = s.table.next(p) {
		r := s.table.at(p)
		if r == nil || r.Start >= end {
			break
		}
		if r.Kind != m.Kind {
			return 0, syscall.ENOMEM
		}
	}
	// First claim the holes, so that nothing has changed if that fails.
	fail := func(upTo uint64, errno syscall.Errno) (uint64, syscall.Errno) {
		s.holes(m.Addr, upTo, func(lo, hi uint64) bool {
			vcpu.SetOwned(lo, hi, false)
			vcpu.Raw(syscall.SYS_MUNMAP, uintptr(lo), uintptr(hi-lo), 0, 0, 0, 0)
			return true
		})
		return 0, errno
	}
	claimed := s.holes(m.Addr, end, func(lo, hi uint64) bool {
		got, e := vcpu.Raw(syscall.SYS_MMAP, uintptr(lo), uintptr(hi-lo), 0,
			syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE|mapFixedNoreplace, ^uintptr(0), 0)
		if e != 0 {
			return false
		}
		if uint64(got) != lo || !vcpu.SetOwned(lo, hi, true) {
			vcpu.Raw(syscall.SYS_MUNMAP, got, uintptr(hi-lo), 0, 0, 0, 0)
			return false
		}
		return true
	})
	if claimed < end {
		return fail(claimed, syscall.ENOMEM)
	}
	if _, e := vcpu.Raw(syscall.SYS_MMAP, uintptr(m.Addr), uintptr(size), uintptr(m.Prot), flags|mapFixed, uintptr(m.FD), uintptr(m.Offset)); e != 0 {
		return fail(end, syscall.Errno(e))
	}
	s.table.remove(m.Addr, end)
	s.insert(m.region(m.Addr, size))
	return m.Addr, 0
}

// holes calls f for the parts of [addr, end) that belong to no region. It
// returns the beginning of the one of which f reported false, or else end.
func (s *Space) holes(addr, end uint64, f func(lo, hi uint64) bool) uint64 {
	for p := s.table.find(addr); addr < end; p = s.table.next(p) {
		r := s.table.at(p)
		next := end
		if r != nil {
			next = min(end, max(r.Start, addr))
		}
		if next > addr && !f(addr, next) {
			return addr
		}
		if r == nil {
			break
		}
		addr = r.End
	}
	return end
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
	for {
		p := s.table.find(addr)
		r := s.table.at(p)
		for r != nil && r.Start < end && r.Kind != KindGuest {
			p = s.table.next(p)
			r = s.table.at(p)
		}
		if r == nil || r.Start >= end {
			return 0
		}
		// A run of regions without a hole goes at once.
		lo, hi := max(addr, r.Start), min(end, r.End)
		for p = s.table.next(p); hi < end; p = s.table.next(p) {
			if r = s.table.at(p); r == nil || r.Start != hi || r.Kind != KindGuest {
				break
			}
			hi = min(end, r.End)
		}
		if errno := s.unmapRun(lo, hi); errno != 0 {
			return errno
		}
		addr = hi
	}
}

// unmapRun unmaps [lo, hi), all of which is the guest's.
func (s *Space) unmapRun(lo, hi uint64) syscall.Errno {
	if !s.table.reserve() || !vcpu.SetOwned(lo, hi, false) {
		return syscall.ENOMEM
	}
	if _, e := vcpu.Raw(syscall.SYS_MUNMAP, uintptr(lo), uintptr(hi-lo), 0, 0, 0, 0); e != 0 {
		vcpu.SetOwned(lo, hi, true)
		return syscall.Errno(e)
	}
	s.table.remove(lo, hi)
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
	for p := s.table.find(addr); next < end; p = s.table.next(p) {
		r := s.table.at(p)
		if r == nil || r.Start > next || r.Kind != KindGuest {
			return syscall.ENOMEM
		}
		if prot&^r.MaxProt != 0 {
			return syscall.EACCES
		}
		next = r.End
	}
	if size == 0 {
		return 0
	}
	if !s.table.reserve() {
		return syscall.ENOMEM
	}
	if _, e := vcpu.Raw(syscall.SYS_MPROTECT, uintptr(addr), uintptr(size), uintptr(prot), 0, 0, 0); e != 0 {
		return syscall.Errno(e)
	}
	s.update(addr, end, func(r *Region) { r.Prot = prot })
	return 0
}

// SetMaxProt lowers the maximum protection of a range, and with it the
// protection if need be.
func (s *Space) SetMaxProt(addr, size uint64, maxProt uint8) syscall.Errno {
	s.lock()
	defer s.unlock()
	if !s.table.reserve() {
		return syscall.ENOMEM
	}
	s.update(addr, addr+size, func(r *Region) {
		r.MaxProt = maxProt
		if r.Prot&^maxProt != 0 {
			r.Prot &= maxProt
			vcpu.Raw(syscall.SYS_MPROTECT, uintptr(r.Start), uintptr(r.End-r.Start), uintptr(r.Prot), 0, 0, 0)
		}
	})
	return 0
}

// text returns the protection of the pages of one region of the given kind that
// hold [addr, end) and that can be written to as text: private and executable.
func (s *Space) text(addr, end uint64, kind Kind) (prot uint8, ok bool) {
	r := s.table.at(s.table.find(addr))
	if r == nil || r.Start > addr || r.End < end || r.Shared || r.Kind != kind || r.Prot&ProtExec == 0 {
		return 0, false
	}
	return r.Prot, true
}

// Poke exchanges the eight bytes at addr, which lie in one cache line of
// private executable memory, if they are old. It reports whether it could.
func (s *Space) Poke(addr, old, new uint64) bool {
	s.lock()
	defer s.unlock()
	prot, ok := s.text(addr, addr+8, KindGuest)
	if !ok {
		return false
	}
	page := uintptr(addr &^ (PageSize - 1))
	if _, e := vcpu.Raw(syscall.SYS_MPROTECT, page, PageSize, protAll, 0, 0, 0); e != 0 {
		return false
	}
	ok = vcpu.CompareAndSwap64(addr, old, new)
	vcpu.Raw(syscall.SYS_MPROTECT, page, PageSize, uintptr(prot), 0, 0, 0)
	return ok
}

// WriteText writes new over old in private executable memory that no thread
// runs or reads. It reports whether it could.
func (s *Space) WriteText(addr uint64, old, new []byte) bool {
	s.lock()
	defer s.unlock()
	have := make([]byte, len(old))
	return vcpu.CopyIn(have, addr) && bytes.Equal(have, old) && s.writeText(addr, new, KindGuest)
}

// WriteRunner is WriteText for the runner's own memory in the Space, whatever
// is there. The guest can write there neither before nor afterwards.
func (s *Space) WriteRunner(addr uint64, new []byte) bool {
	s.lock()
	defer s.unlock()
	return s.writeText(addr, new, KindRunner)
}

func (s *Space) writeText(addr uint64, new []byte, kind Kind) bool {
	end := addr + uint64(len(new))
	prot, ok := s.text(addr, end, kind)
	if !ok {
		return false
	}
	page := uintptr(addr &^ (PageSize - 1))
	size := uintptr(end+PageSize-1)&^(PageSize-1) - page
	if _, e := vcpu.Raw(syscall.SYS_MPROTECT, page, size, protAll, 0, 0, 0); e != 0 {
		return false
	}
	ok = vcpu.CopyOut(addr, new)
	vcpu.Raw(syscall.SYS_MPROTECT, page, size, uintptr(prot), 0, 0, 0)
	return ok
}

// SetInherit notes a range's inheritance (minherit).
func (s *Space) SetInherit(addr, size uint64, inherit uint8) syscall.Errno {
	s.lock()
	defer s.unlock()
	if !s.table.reserve() {
		return syscall.ENOMEM
	}
	s.update(addr, addr+size, func(r *Region) { r.Inherit = inherit })
	return 0
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
	for p := s.table.find(addr); next < end; p = s.table.next(p) {
		r := s.table.at(p)
		if r == nil || r.Start > next || r.Kind != KindGuest {
			return false
		}
		next = r.End
	}
	return true
}

// Find returns the region that contains addr, or else the next one above it.
func (s *Space) Find(addr uint64) (Region, bool) {
	s.lock()
	defer s.unlock()
	if r := s.table.at(s.table.find(addr)); r != nil {
		return *r, true
	}
	return Region{}, false
}

// FindGuest is Find for the guest's regions only.
func (s *Space) FindGuest(addr uint64) (found Region, ok bool) {
	s.Each(addr, math.MaxUint64-addr, func(lo, hi uint64, r Region) bool {
		found, ok = r, true
		return false
	})
	return found, ok
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
	for p := s.table.find(addr); ; p = s.table.next(p) {
		r := s.table.at(p)
		if r == nil || r.Start >= end {
			return
		}
		if r.Kind == KindGuest && !f(max(addr, r.Start), min(end, r.End), *r) {
			return
		}
	}
}

// All calls f for all regions, in order, until f reports false. f must not
// change the Space.
func (s *Space) All(f func(r *Region) bool) {
	s.lock()
	defer s.unlock()
	for p := (pos{}); p.i < s.table.n; p = s.table.next(p) {
		if !f(s.table.at(p)) {
			return
		}
	}
}

// Regions returns a copy of the table.
func (s *Space) Regions() (list []Region) {
	s.All(func(r *Region) bool {
		list = append(list, *r)
		return true
	})
	return list
}

// any reports whether a region overlaps [addr, end).
func (s *Space) any(addr, end uint64) bool {
	r := s.table.at(s.table.find(addr))
	return r != nil && r.Start < end
}

// update changes the attributes of all of the guest's regions in [addr, end).
func (s *Space) update(addr, end uint64, f func(*Region)) {
	if addr >= end {
		return
	}
	s.table.split(end)
	for p := s.table.split(addr); ; p = s.table.next(p) {
		r := s.table.at(p)
		if r == nil || r.Start >= end {
			break
		}
		if r.Kind == KindGuest {
			f(r)
		}
	}
	s.table.join(addr, end)
}
