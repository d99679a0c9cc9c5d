// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package vcpu

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// The guest's memory is part of the runner's, and the host cannot tell one
// from the other. So whoever reads or writes memory for the guest, at an
// address that the guest has given, first asks here whether the guest has
// anything there. Package mem keeps the answer up to date.
//
// The answer is a bit for each page, in bitmaps of a gigabyte each, so that it
// takes two loads and no lock. It is the truth of this moment: memory that
// another thread unmaps while a call is under way may be the runner's before
// the call is over.

const (
	pageShift = 12
	slotShift = 30 // of a bitmap
	userShift = 47 // of the host's user space

	slotPages = 1 << (slotShift - pageShift)
	slotWords = slotPages / 64
	numSlots  = 1 << (userShift - slotShift)
)

// A slot says what of its gigabyte the guest has: nothing, everything, or what
// its bitmap says. The bitmap is zero except with slotMixed. It is allocated
// when it is needed first, outside the Go heap, and stays.
type slot uintptr

const (
	slotNone  slot = 0
	slotAll   slot = 1
	slotMixed slot = 2
	slotState slot = 3 // mask; the other bits are the address of the bitmap
)

type pageBitmap [slotWords]uint64

var owned struct {
	check bool // until CheckAddresses, everything is the guest's
	slots [numSlots]slot

	mu   sync.Mutex // not taken in the child of a fork
	free uintptr    // memory for more bitmaps
	left int        // how many
}

// CheckAddresses makes Owned, and with it the copy functions, tell the guest's
// memory from the runner's. Without it, as in tests that take Go variables for
// guest memory, everything is the guest's.
func CheckAddresses(on bool) { owned.check = on }

//go:nosplit
func (s slot) bitmap() *pageBitmap {
	return (*pageBitmap)(hostPointer(uintptr(s &^ slotState)))
}

// Owned returns how many of the n bytes from addr on are the guest's, up to
// the first that is not.
//
//go:nosplit
func Owned(addr, n uint64) uint64 {
	if !owned.check || n == 0 {
		return n
	}
	page, last := addr>>pageShift, (addr+n-1)>>pageShift
	if page == last && addr < 1<<userShift {
		s := slot(atomic.LoadUintptr((*uintptr)(&owned.slots[page/slotPages%numSlots])))
		if s&slotState == slotAll || s&slotState == slotMixed && s.bitmap()[page%slotPages/64]>>(page%64)&1 != 0 {
			return n
		}
		return 0
	}
	return ownedPages(addr, n)
}

//go:nosplit
func ownedPages(addr, n uint64) uint64 {
	const end = 1 << userShift
	if addr >= end {
		return 0
	}
	stop := end
	if n < end-addr {
		stop = int(addr + n)
	}
	at := addr &^ (1<<pageShift - 1)
	for at < uint64(stop) {
		page := at >> pageShift
		s := slot(atomic.LoadUintptr((*uintptr)(&owned.slots[page/slotPages%numSlots])))
		switch s & slotState {
		case slotNone:
			stop = int(at)
		case slotAll:
			at = (at>>slotShift + 1) << slotShift
		default:
			// The ones from this bit of its word on.
			w := s.bitmap()[page%slotPages/64] >> (page % 64)
			ones := uint64(bits.TrailingZeros64(^w))
			at += ones << pageShift
			if ones < 64-page%64 {
				stop = min(stop, int(at))
			}
		}
	}
	if uint64(stop) <= addr {
		return 0
	}
	return uint64(stop) - addr
}

// SetOwned says whether the pages in [lo, hi) are the guest's. It reports false
// if there is no memory to note that; then nothing has changed.
func SetOwned(lo, hi uint64, on bool) bool {
	if hi > 1<<userShift || lo >= hi {
		return lo >= hi
	}
	if !forked {
		owned.mu.Lock()
		defer owned.mu.Unlock()
	}
	// At most the first and the last slot want a bitmap.
	first, last := lo>>slotShift, (hi-1)>>slotShift
	if lo&(1<<slotShift-1) != 0 || first == last && hi-lo < 1<<slotShift {
		if !needBitmap(first) {
			return false
		}
	}
	if hi&(1<<slotShift-1) != 0 && !needBitmap(last) {
		return false
	}
	for i := first; i <= last; i++ {
		a, b := max(lo, i<<slotShift), min(hi, (i+1)<<slotShift)
		if b-a == 1<<slotShift {
			setWhole(i, on)
		} else {
			setPart(i, a>>pageShift%slotPages, (b-1)>>pageShift%slotPages, on)
		}
	}
	return true
}

// needBitmap makes sure that slot i has a bitmap.
func needBitmap(i uint64) bool {
	s := owned.slots[i]
	if s&^slotState != 0 {
		return true
	}
	const chunk = 16
	if owned.left == 0 {
		p, _, errno := syscall.RawSyscall6(syscall.SYS_MMAP, 0, chunk*unsafe.Sizeof(pageBitmap{}),
			syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE, ^uintptr(0), 0)
		if errno != 0 {
			return false
		}
		owned.free, owned.left = p, chunk
	}
	atomic.StoreUintptr((*uintptr)(&owned.slots[i]), owned.free|uintptr(s))
	owned.free += unsafe.Sizeof(pageBitmap{})
	owned.left--
	return true
}

func setWhole(i uint64, on bool) {
	s := owned.slots[i]
	state := slotNone
	if on {
		state = slotAll
	}
	atomic.StoreUintptr((*uintptr)(&owned.slots[i]), uintptr(s&^slotState|state))
	if s&slotState == slotMixed {
		clear(s.bitmap()[:])
	}
}

// setPart sets the bits of pages first to last of slot i, which has a bitmap.
func setPart(i, first, last uint64, on bool) {
	s := owned.slots[i]
	b := s.bitmap()
	if on && s&slotState == slotAll || !on && s&slotState == slotNone {
		return
	}
	if s&slotState == slotAll {
		for w := range b {
			b[w] = ^uint64(0)
		}
	}
	if s&slotState != slotMixed {
		s = s&^slotState | slotMixed
		defer atomic.StoreUintptr((*uintptr)(&owned.slots[i]), uintptr(s))
	}
	for w := first / 64; w <= last/64; w++ {
		mask := ^uint64(0)
		if w == first/64 {
			mask <<= first % 64
		}
		if w == last/64 {
			mask &= ^uint64(0) >> (63 - last%64)
		}
		if on {
			mask |= b[w]
		} else {
			mask = b[w] &^ mask
		}
		atomic.StoreUint64(&b[w], mask)
	}
}
