// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
)

// ErrNoRoom says that something of the runner's lies where a checkpoint's
// memory was.
var ErrNoRoom = errors.New("the runner is in the program's way")

// A Resumed is a checkpoint whose memory is in place.
type Resumed struct {
	Space    *mem.Space
	Is32     bool
	Dynamic  bool
	Release  Release
	Regs     vcpu.Regs
	StackTop uint64
	c        *checkpoint
	patched  []uint64 // pages of trampolines
}

// Resume maps the memory of the checkpoint on descriptor fd, which it closes
// unless the result is ErrNoRoom. end and end32 are the ends of 64-bit and 32-bit
// processes' address spaces.
func Resume(fd int, end, end32 uint64) (*Resumed, error) {
	c := new(checkpoint)
	read := func(p unsafe.Pointer, size, off uintptr) bool {
		n, e := host(syscall.SYS_PREAD64, uintptr(fd), uintptr(p), size, off, 0, 0)
		return e == 0 && n == uint64(size)
	}
	if !read(unsafe.Pointer(c), checkpointHead, 0) || c.magic != checkpointMagic || c.size != uint64(unsafe.Sizeof(*c)) ||
		c.nregions > maxSavedRegions || !read(unsafe.Pointer(&c.regions), uintptr(c.nregions)*unsafe.Sizeof(c.regions[0]), checkpointHead) {
		return nil, fmt.Errorf("descriptor %d holds no checkpoint of this runner", fd)
	}
	if c.code32 {
		end = end32
	}
	r := &Resumed{Space: mem.NewSpace(pageSize, end), Is32: c.code32, Dynamic: c.dynamic, Release: Release(c.release), Regs: c.regs, StackTop: c.stackTop, c: c}
	for _, s := range c.regions[:c.nregions] {
		_, errno := r.Space.Map(mem.Mapping{Addr: s.start, Size: s.end - s.start, Prot: s.prot, MaxProt: s.maxProt,
			NoReplace: true, Kind: mem.Kind(s.kind), FD: fd, Offset: int64(s.off)})
		if errno == syscall.EEXIST {
			return nil, ErrNoRoom
		}
		if errno != 0 {
			return nil, fmt.Errorf("the memory at %#x cannot be mapped: %w", s.start, errno)
		}
		if s.inherit != 0 {
			if errno := r.Space.SetInherit(s.start, s.end-s.start, s.inherit); errno != 0 {
				return nil, fmt.Errorf("the memory at %#x cannot be mapped: %w", s.start, errno)
			}
		}
		if mem.Kind(s.kind) == mem.KindRunner {
			// Trampolines: the jump goes through the first word of each
			// page (package patch).
			for a := s.start; a < s.end; a += pageSize {
				if !r.Space.WriteRunner(a, binary.LittleEndian.AppendUint64(nil, vcpu.FastEntry(c.code32))) {
					return nil, fmt.Errorf("the trampolines at %#x cannot be written", a)
				}
			}
		}
	}
	r.Space.SetMin(c.min)
	syscall.Close(fd)
	return r, nil
}

// resume makes t, the process's first thread, what it was at the checkpoint.
func (p *Proc) resume(r *Resumed, t *Thread) error {
	c := r.c
	p.pthread = c.pthread
	p.sig.Restore(&c.sig, t.sig)
	t.exc, t.cr2 = c.exc, c.cr2
	t.frame.avx512 = c.avx512
	copy(t.cpu.XState(), c.xstate[:])
	if !c.code32 {
		t.setTSDBase(c.gsBase)
		return nil
	}
	for i, v := range c.ldt[:c.ldtSize] {
		vcpu.SetDescriptor(c.ldtStart+i, v)
	}
	p.ldt = userLDT{c.ldtStart, slices.Clone(c.ldt[:c.ldtSize])}
	if s := c.tls32; !t.cpu.RestoreTLS32(s.sel, s.base, s.gs) {
		return errors.New("the host has no segment left for GS")
	}
	return nil
}
