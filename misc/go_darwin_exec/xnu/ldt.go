// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// The local descriptor table of a 32-bit process: xnu-4570
// osfmk/i386/user_ldt.c. The process's own descriptors begin behind those of
// the kernel, which are not shown here. An index that a thread's segment has
// taken (package vcpu) cannot be set.
const (
	ldtFirst = 3 // USER_SETTABLE >> 3, on a 64-bit kernel
	ldtAuto  = 0xffffffff
)

// Descriptors (osfmk/i386/seg.h): the access byte without its accessed bit, and
// the bit that makes code 64-bit.
const (
	descAccess  = 0xfe << 40
	descPresent = 0x80 << 40
	descKind    = 0xf0 << 40 // present, privilege, segment or system
	descUser    = 0xf0 << 40 // present, of privilege 3, a segment
	desc64      = 1 << 53
)

// A userLDT holds the process's descriptors, from index start on.
type userLDT struct {
	start int
	desc  []uint64
}

func (l *userLDT) end() int {
	if l.desc == nil {
		return ldtFirst
	}
	return l.start + len(l.desc)
}

// i386SetLDT sets n descriptors from index start on.
func (t *Thread) i386SetLDT(start, descs, n uint32) (uint32, Errno) {
	if start != ldtAuto && (start != 0 || n != 0) && (start < ldtFirst || start >= vcpu.LDTEntries) ||
		start != ldtAuto && uint64(start)+uint64(n) > vcpu.LDTEntries {
		return 0, EINVAL
	}
	p := t.p
	p.lock()
	defer p.unlock()
	l := &p.ldt
	if start == 0 { // n is 0 too: the table is dropped
		for i := range l.desc {
			vcpu.SetDescriptor(l.start+i, 0)
		}
		*l = userLDT{}
		return 0, 0
	}
	if start == ldtAuto {
		start = l.choose(n)
	}
	if uint64(start)+uint64(n) > vcpu.LDTEntries {
		return 0, ENOMEM
	}
	fresh := make([]uint64, n)
	for i := range fresh {
		if descs == 0 {
			continue
		}
		v, ok := vcpu.Load64(uint64(descs) + 8*uint64(i))
		if !ok {
			return 0, EFAULT
		}
		switch access := v & descAccess; {
		case access == 0, access == descPresent:
			v &^= descPresent
		case v&descKind != descUser:
			return 0, EACCES
		}
		if v&desc64 != 0 {
			return 0, EACCES
		}
		fresh[i] = v
	}
	for i, v := range fresh {
		if e := vcpu.SetDescriptor(int(start)+i, v); e != 0 {
			for j := range i { // as it was
				vcpu.SetDescriptor(int(start)+j, l.get(int(start)+j))
			}
			if e == syscall.EINVAL {
				warnOncef("i386_set_ldt: the host has no such segments: conforming code, or 16 bits")
				return 0, EACCES
			}
			return 0, ENOMEM
		}
	}
	l.put(int(start), fresh)
	return start, 0
}

// choose finds n free indices in a row.
func (l *userLDT) choose(n uint32) uint32 {
	if l.desc == nil {
		return ldtFirst
	}
	free := uint32(0)
	for i, v := range l.desc {
		if v != 0 {
			free = 0
		} else if free++; free == n {
			return uint32(l.start+i+1) - n
		}
	}
	return uint32(l.end()) - free
}

func (l *userLDT) get(i int) uint64 {
	if i < l.start || i >= l.end() || l.desc == nil {
		return 0
	}
	return l.desc[i-l.start]
}

func (l *userLDT) put(start int, fresh []uint64) {
	from, to := start, start+len(fresh)
	if l.desc != nil {
		from, to = min(from, l.start), max(to, l.end())
	}
	desc := make([]uint64, to-from)
	copy(desc[max(l.start-from, 0):], l.desc)
	copy(desc[start-from:], fresh)
	l.start, l.desc = from, desc
}

// i386GetLDT copies n descriptors from index start on to descs. The result is
// the size of the table.
func (t *Thread) i386GetLDT(start, descs, n uint32) (uint32, Errno) {
	if start >= vcpu.LDTEntries || uint64(start)+uint64(n) > vcpu.LDTEntries || descs == 0 {
		return 0, EINVAL
	}
	t.p.lock()
	defer t.p.unlock()
	l := &t.p.ldt
	for i := int(start); i < min(int(start+n), l.end()); i++ {
		if !vcpu.Store64(uint64(descs)+8*uint64(i-int(start)), l.get(i)) {
			return 0, EFAULT
		}
	}
	return uint32(l.end()), 0
}
