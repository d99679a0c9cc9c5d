// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package macho

import (
	"syscall"

	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
)

// ErrCollision is the error of Map when the runner's own memory lies where the
// program must go. Another start of the runner may have more luck.
var ErrCollision error = &Error{ENOMEM, "the runner's own memory lies where the program must be mapped"}

// An Image is a mapped program.
type Image struct {
	Is32 bool      // a program for i386
	Regs vcpu.Regs // at the start
	Text uint64    // where the Mach-O header was mapped
	Low  uint64    // of all segments
	High uint64

	StackTop  uint64
	StackSize uint64 // the accessible part
	StackLow  uint64 // the end of the reserved part
	Strings   uint64 // where the strings on the stack begin
}

// NewSpace returns the address space for a process that runs f.
func (f *File) NewSpace() *mem.Space {
	if f.Is32() {
		return mem.NewSpace(pageSize, UserEnd32)
	}
	return mem.NewSpace(pageSize, UserEnd)
}

// Map maps the segments of a valid f, the file that fd is open on, into s.
func (f *File) Map(fd int, s *mem.Space) (*Image, error) {
	img := &Image{Low: ^uint64(0), Is32: f.Is32()}
	// The program itself may be lower than what it will be given.
	defer func() {
		low, _ := s.Bounds()
		s.SetMin(max(low, UserStart))
	}()
	for i := range f.Segments {
		seg := &f.Segments[i]
		if seg.MemSize == 0 {
			continue
		}
		if seg.isZero() {
			end, _ := mem.RoundUp(seg.MemSize)
			s.SetMin(max(end, pageSize))
			continue
		}
		if err := f.mapSegment(fd, s, seg); err != nil {
			return nil, err
		}
		if seg.Offset == 0 && seg.FileSize > 0 {
			img.Text = seg.Addr
		}
		img.Low, img.High = min(img.Low, seg.Addr), max(img.High, seg.end())
	}
	if f.Thread == nil {
		img.Regs = vcpu.Regs{RIP: f.entry(), RFLAGS: 0x202}
		return img, nil
	}
	st := &f.Thread.State
	img.Regs = vcpu.Regs{
		RAX: st[0], RBX: st[1], RCX: st[2], RDX: st[3], RDI: st[4], RSI: st[5], RBP: st[6], RSP: st[stateRSP],
		R8: st[8], R9: st[9], R10: st[10], R11: st[11], R12: st[12], R13: st[13], R14: st[14], R15: st[15],
		RIP: st[stateRIP], RFLAGS: 0x202,
	}
	return img, nil
}

func (f *File) mapSegment(fd int, s *mem.Space, seg *Segment) error {
	prot := hostProt(seg.Prot)
	filePart, _ := mem.RoundUp(seg.FileSize)
	memPart := seg.end() - seg.Addr
	// Bytes of the file behind the segment's end share its last page.
	tail := filePart - seg.FileSize
	if filePart > 0 {
		p := prot
		if tail > 0 {
			p = mem.ProtRead | mem.ProtWrite
		}
		if err := mapAt(s, seg, mem.Mapping{Addr: seg.Addr, Size: filePart, Prot: p, FD: fd, Offset: f.offset + int64(seg.Offset)}); err != nil {
			return err
		}
		if tail > 0 {
			// A file that shrinks meanwhile makes this fail, not crash.
			if !vcpu.CopyOut(seg.Addr+seg.FileSize, make([]byte, tail)) {
				return errorf(EIO, "%v: cannot be read", seg)
			}
			if errno := s.Protect(seg.Addr, filePart, prot); errno != 0 {
				return errorf(ENOMEM, "%v: cannot be protected: %v", seg, errno)
			}
		}
	}
	if memPart > filePart {
		if err := mapAt(s, seg, mem.Mapping{Addr: seg.Addr + filePart, Size: memPart - filePart, Prot: prot, FD: -1}); err != nil {
			return err
		}
	}
	if errno := s.SetMaxProt(seg.Addr, memPart, hostProt(seg.MaxProt)); errno != 0 {
		return errorf(ENOMEM, "%v: cannot be protected: %v", seg, errno)
	}
	return nil
}

func mapAt(s *mem.Space, seg *Segment, m mem.Mapping) error {
	m.NoReplace = true
	_, errno := s.Map(m)
	switch errno {
	case 0:
		return nil
	case syscall.EEXIST:
		return ErrCollision
	case syscall.EPERM:
		return errorf(EACCES, "%v cannot be mapped at %#x: this host lets only privileged processes map memory so low "+
			"(sysctl -w vm.mmap_min_addr=4096 lets all)", seg, m.Addr)
	case syscall.EACCES:
		return errorf(EACCES, "%v cannot be mapped at %#x: %v (is its file system mounted noexec?)", seg, m.Addr, errno)
	}
	return errorf(ENOMEM, "%v cannot be mapped at %#x: %v", seg, m.Addr, errno)
}

// hostProt is a Mach protection as the host's: write and execute access
// imply reading on x86.
func hostProt(p uint32) uint8 {
	if p&(protWrite|protExec) != 0 {
		p |= protRead
	}
	return uint8(p)
}
