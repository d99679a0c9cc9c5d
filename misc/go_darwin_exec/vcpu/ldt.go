// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package vcpu

import (
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

// XNU has one local descriptor table for each thread, so to speak: the entry
// for GS is the thread's, the rest is the process's. Linux has one for the
// process. So each thread that asks for a GS base gets an entry of its own,
// from threadLDT on, and the guest's own descriptors keep the indices that it
// wants, unless a thread was there first.

// LDTEntries is the size of the table.
const LDTEntries = 8192

// threadLDT is high enough for programs that let the kernel choose, from the
// bottom up, and low enough for the table to fit into a page with as many
// threads: Linux copies it at each change.
const threadLDT = 256

var ldt = struct {
	sync.Mutex
	next  uint16
	free  []uint16          // entries of threads that are gone
	taken [LDTEntries]uint8 // ldtThread, ldtGuest
}{next: threadLDT}

const (
	ldtThread = 1 + iota
	ldtGuest  // data that can be read
	ldtOther  // some other segment of the guest's
)

// A userDesc is Linux's struct user_desc (arch/x86/include/uapi/asm/ldt.h).
type userDesc struct{ entry, base, limit, flags uint32 }

const (
	descSeg32Bit   = 0x01
	descContents   = 1 // shift of type bits 2 and 3: expand down or conforming, code
	descReadOnly   = 0x08
	descPages      = 0x10
	descNotPresent = 0x20
	descUseable    = 0x40
)

func (d *userDesc) write() syscall.Errno {
	const modifyLDTWrite = 0x11
	r, _, e := syscall.RawSyscall(syscall.SYS_MODIFY_LDT, modifyLDTWrite, uintptr(unsafe.Pointer(d)), unsafe.Sizeof(*d))
	runtime.KeepAlive(d)
	if e == 0 && int32(r) < 0 { // the call returns an int
		e = syscall.Errno(-int32(r))
	}
	return e
}

// allocLDT returns a free entry, 0 if there is none.
func allocLDT() uint16 {
	ldt.Lock()
	defer ldt.Unlock()
	if n := len(ldt.free); n > 0 {
		e := ldt.free[n-1]
		ldt.free = ldt.free[:n-1]
		return e
	}
	for ; ldt.next < LDTEntries; ldt.next++ {
		if e := ldt.next; ldt.taken[e] == 0 {
			ldt.taken[e] = ldtThread
			ldt.next++
			return e
		}
	}
	return 0
}

// freeLDT keeps the entry for another thread. What it says does no harm
// until then, and to change it is slow.
func freeLDT(entry uint16) {
	ldt.Lock()
	ldt.free = append(ldt.free, entry)
	ldt.Unlock()
}

// tlsLimit is the limit of a thread's own segment, two pages
// (xnu-11417 osfmk/i386/pcb_native.c:machine_thread_set_tsd_base).
const tlsLimit = 0x1fff

// SetTLS32 gives the thread of a 32-bit guest a data segment of its own with
// the given base, and loads GS with its selector, which it returns; 0 if the
// host does not allow it. c is bound to the calling thread, or to none yet.
func (c *Ctx) SetTLS32(base uint32) (sel uint16) {
	if c.ldt == 0 {
		if forked {
			return 0 // it may not lock; the runtime of a child has a segment
		}
		if c.ldt = allocLDT(); c.ldt == 0 {
			return 0
		}
	}
	d := userDesc{uint32(c.ldt), base, tlsLimit, descSeg32Bit | descUseable}
	if d.write() != 0 || !loadable(c.TLSSelector()) {
		return 0
	}
	c.tlsBase = base
	c.gs = c.TLSSelector()
	if c.tid != 0 {
		loadGS(c.gs)
	}
	return c.gs
}

// TLS32 returns what RestoreTLS32 needs to make the thread's segment anew in
// another process: its selector, 0 if there is none, and its base.
func (c *Ctx) TLS32() (sel uint16, base uint32) { return c.TLSSelector(), c.tlsBase }

// RestoreTLS32 gives c, which is not bound yet, the segment of TLS32 and the
// selector in GS. The process has no other threads of the guest's.
func (c *Ctx) RestoreTLS32(sel uint16, base uint32, gs uint16) bool {
	if sel != 0 {
		ldt.Lock()
		c.ldt = sel >> 3
		ldt.taken[c.ldt] = ldtThread
		ldt.Unlock()
		if c.SetTLS32(base) == 0 {
			return false
		}
	}
	c.gs = gs
	return true
}

// TLSSelector returns the selector of the segment that SetTLS32 has made, or 0.
func (c *Ctx) TLSSelector() uint16 {
	if c.ldt == 0 {
		return 0
	}
	return c.ldt<<3 | 7
}

// SetDescriptor puts a descriptor of the guest's, in the processor's format,
// into an entry of the table; 0 empties it. Linux makes it a segment of
// privilege 3. The errors are EBUSY if a thread has the entry, and Linux's: it
// does not know conforming code.
func SetDescriptor(entry int, desc uint64) syscall.Errno {
	ldt.Lock()
	defer ldt.Unlock()
	if ldt.taken[entry] == ldtThread {
		return syscall.EBUSY
	}
	access, size := uint32(desc>>40)&0xff, uint32(desc>>52)&0xf
	const present, code, writable = 0x80, 8, 2
	d := userDesc{entry: uint32(entry), flags: descReadOnly | descNotPresent}
	kind := uint8(0)
	if access&present != 0 {
		d.base = uint32(desc>>16)&0xffffff | uint32(desc>>56)<<24
		d.limit = uint32(desc)&0xffff | uint32(desc>>48)&0xf<<16
		d.flags = access >> 2 & 3 << descContents
		for _, f := range [...]struct {
			on  bool
			bit uint32
		}{{access&writable == 0, descReadOnly}, {size&1 != 0, descUseable}, {size&4 != 0, descSeg32Bit}, {size&8 != 0, descPages}} {
			if f.on {
				d.flags |= f.bit
			}
		}
		kind = ldtOther
		if access&code == 0 || access&writable != 0 { // of code: readable
			kind = ldtGuest
		}
	}
	if e := d.write(); e != 0 {
		return e
	}
	ldt.taken[entry] = kind
	return 0
}

// readable says whether sel can be loaded into a data segment register.
func readable(sel uint16) bool {
	const local = 4
	return sel&local != 0 && ldt.taken[sel>>3] == ldtGuest
}
