// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package patch

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
)

const (
	base   = 0x220000000000
	base32 = 0x20000000
)

// A width is what differs between 64-bit and 32-bit code.
type width struct {
	name   string
	code32 bool
	base   uint64 // where the host has nothing
	insn   []byte
	vector uint8
	number uint64 // of the calls
}

var widths = []width{
	{"syscall", false, base, []byte{0x0f, 0x05}, 0, 0x02000014},
	{"int 0x80", true, base32, []byte{0xcd, 0x80}, 0x80, 20},
	{"int 0x81", true, base32, []byte{0xcd, 0x81}, 0x81, 0xffffffe5},
}

func (w *width) space() *mem.Space {
	if w.code32 {
		return mem.NewSpace(w.base, 1<<32)
	}
	return mem.NewSpace(w.base, w.base+1<<40)
}

// TestSites runs system calls of all shapes at all places in a cache line.
// Where a patch is allowed, the second round must not trap, and the call must
// look the same; where it is not, it must go on trapping.
func TestSites(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, w := range widths {
		num := binary.LittleEndian.AppendUint32(nil, uint32(w.number))
		shapes := []shape{
			{"mov eax", append([]byte{0x90, 0xb8}, num...), 1, 0, 5},
			{"mov ax", []byte{0x66, 0xb8, num[0], num[1]}, w.number &^ 0xffff, 0, 0},
			{"nothing", []byte{0x90, 0x90}, w.number, 0, 0},
			{"far away", append(append([]byte{0xb8}, num...), 0x90), 1, 0, 0},
		}
		if w.code32 {
			shapes = append(shapes,
				shape{"xor edx", append(append([]byte{0x90, 0xb8}, num...), 0x31, 0xd2), 1, 0, 7},
				shape{"nop nop", append(append([]byte{0x90, 0xb8}, num...), 0x90, 0x90), 1, 0, 0},
				shape{"mov ax, xor edx", append([]byte{0x66, 0xb8, num[0], num[1]}, 0x31, 0xd2), w.number &^ 0xffff, 0, 0})
		} else {
			shapes = append(shapes,
				shape{"mov rax", append([]byte{0x48, 0xc7, 0xc0}, num...), 1, 0, 7},
				shape{"add rax", append([]byte{0x48, 0x05}, num...), 0, 0, 6},
				shape{"mov r8d", append([]byte{0x41, 0xb8}, num...), w.number, 7, 0},
				shape{"mov eax behind 0x41", append([]byte{0xb0, 0x41, 0xb8}, num...), 1, 7, 5}) // mov $0x41, %al
		}
		for _, tt := range shapes {
			for _, hole := range []int{0, 5, 12} {
				for off := range 64 {
					testSite(t, w, tt, hole, off)
				}
			}
		}
	}
}

// A shape is code in front of a call.
type shape struct {
	name string
	code []byte
	rax  uint64
	r8   uint64
	load uint64 // length of what can be displaced
}

func testSite(t *testing.T, w width, tt shape, hole, off int) {
	s := w.space()
	defer unmap(s)
	s.Map(mem.Mapping{Size: 2 * mem.PageSize, Prot: mem.ProtRead | mem.ProtWrite, FD: -1})
	start := w.base + 1024 + uint64(off)
	code := slices.Concat(tt.code, w.insn, []byte{0x0f, 0x0b}) // ud2
	at := start + uint64(len(tt.code))
	vcpu.CopyOut(start, code)
	end := (start + uint64(len(code)) + uint64(hole) + 15) &^ 15
	vcpu.CopyOut(end-uint64(hole), padding[:hole])
	vcpu.CopyOut(end, []byte{0xc3})
	s.Protect(w.base, 2*mem.PageSize, mem.ProtRead|mem.ProtExec)
	p := New(s, w.code32)
	c, err := vcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	c.Code32 = w.code32
	if err := c.Bind(); err != nil {
		t.Fatal(err)
	}
	defer c.Free()
	defer c.Unbind()
	want := tt.load != 0 && inLine(at-tt.load, jmpSize) || hole >= 5 && inLine(at, 2)
	for round := range 3 {
		c.Regs = vcpu.Regs{RIP: start, RAX: tt.rax, R8: tt.r8, RBX: 3, RCX: 4, RDX: 0, RSP: w.base + 2*mem.PageSize, RFLAGS: 0x203}
		if e := c.Run(); e != vcpu.EventSyscall || c.Int != w.vector || c.RAX != w.number || c.RIP != at+2 || c.RBX != 3 ||
			w.code32 && c.RCX != 4 || !bytes.Contains(tt.code, []byte{0x31}) && tt.name != "add rax" && c.RFLAGS&1 == 0 {
			t.Fatalf("%s, %s at +%d, hole %d, round %d: %v, rax %#x, rip %+d, rcx %#x, flags %#x", w.name, tt.name, off, hole, round, e, c.RAX, c.RIP-at, c.RCX, c.RFLAGS)
		}
		if round > 0 && c.Trapped == want {
			t.Fatalf("%s, %s at +%d, hole %d, round %d: trapped %v", w.name, tt.name, off, hole, round, c.Trapped)
		}
		if c.Trapped {
			p.Trap(c)
		}
	}
	// A restarted call, whose RIP is the instruction's, must work too.
	c.RIP = at
	c.RAX = w.number
	if e := c.Run(); e != vcpu.EventSyscall || c.RAX != w.number || c.RIP != at+2 {
		t.Fatalf("%s, %s at +%d, restarted: %v, rax %#x, rip %+d", w.name, tt.name, off, e, c.RAX, c.RIP-at)
	}
}

func unmap(s *mem.Space) {
	for _, r := range s.Regions() {
		vcpu.Raw(syscall.SYS_MUNMAP, uintptr(r.Start), uintptr(r.End-r.Start), 0, 0, 0, 0)
	}
}

// TestNewCode puts other code where a patched site was.
func TestNewCode(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := mem.NewSpace(base, base+1<<40)
	p := New(s, false)
	c, err := vcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Bind(); err != nil {
		t.Fatal(err)
	}
	defer c.Unbind()
	for round := range 4 {
		s.Map(mem.Mapping{Addr: base, Size: mem.PageSize, Prot: mem.ProtRead | mem.ProtWrite, FD: -1, Fixed: true})
		vcpu.CopyOut(base, []byte{0xb8, byte(round), 0, 0, 2, 0x0f, 0x05})
		s.Protect(base, mem.PageSize, mem.ProtRead|mem.ProtExec)
		for i := range 3 {
			c.RIP = base
			if e := c.Run(); e != vcpu.EventSyscall || c.RAX != uint64(0x02000000+round) || c.Trapped != (i == 0) {
				t.Fatalf("round %d: %v, rax %#x, trapped %v", round, e, c.RAX, c.Trapped)
			}
			if c.Trapped {
				p.Trap(c)
			}
		}
	}
	unmap(s)
}

// TestNormalize stops in a springboard at each of its instructions.
func TestNormalize(t *testing.T) {
	for _, tt := range []struct {
		w    width
		code []byte
		rax  uint64
		rips []uint64 // offsets in the springboard, and in the code
	}{
		{widths[0], []byte{0xb8, 1, 0, 0, 2}, 0x02000001, []uint64{0, 0, 5, 5, 14, 5, 24, 5}},
		{widths[1], []byte{0xb8, 20, 0, 0, 0}, 20, []uint64{0, 0, 5, 5, 12, 5, 22, 5}},
		{widths[2], []byte{0xb8, 20, 0, 0, 0, 0x31, 0xd2}, 20, []uint64{0, 0, 5, 5, 7, 7, 14, 7, 24, 7}},
	} {
		s := tt.w.space()
		p := New(s, tt.w.code32)
		s.Map(mem.Mapping{Size: mem.PageSize, Prot: mem.ProtRead | mem.ProtWrite, FD: -1})
		start := tt.w.base + 64
		vcpu.CopyOut(start, append(tt.code, tt.w.insn...))
		s.Protect(tt.w.base, mem.PageSize, mem.ProtRead|mem.ProtExec)
		end := start + uint64(len(tt.code)) + 2
		p.Trap(&vcpu.Ctx{Regs: vcpu.Regs{RIP: end, RAX: tt.rax}, Int: tt.w.vector})
		if len(p.pages) != 1 {
			t.Fatalf("%s: not patched", tt.w.name)
		}
		board := p.pages[0].sites[0].board
		for i := 0; i < len(tt.rips); i += 2 {
			r := vcpu.Regs{RIP: board + tt.rips[i]}
			if p.Normalize(&r); r.RIP != start+tt.rips[i+1] {
				t.Errorf("%s: +%d became %#x, want %#x", tt.w.name, tt.rips[i], r.RIP, start+tt.rips[i+1])
			}
		}
		for _, rip := range []uint64{board - 1, board + boardSize, start, end} {
			r := vcpu.Regs{RIP: rip}
			if p.Normalize(&r); r.RIP != rip {
				t.Errorf("%s: %#x became %#x", tt.w.name, rip, r.RIP)
			}
		}
		unmap(s)
	}
}

// TestNormalizeHole stops a thread at the second jump, which lies in padding: there
// the guest's tables of functions have no code.
func TestNormalizeHole(t *testing.T) {
	for _, w := range widths {
		s := w.space()
		p := New(s, w.code32)
		s.Map(mem.Mapping{Size: mem.PageSize, Prot: mem.ProtRead | mem.ProtWrite, FD: -1})
		at := w.base + 64
		vcpu.CopyOut(at, slices.Concat(w.insn, []byte{0xc3}, padding[:13]))
		s.Protect(w.base, mem.PageSize, mem.ProtRead|mem.ProtExec)
		p.Trap(&vcpu.Ctx{Regs: vcpu.Regs{RIP: at + callSize, RAX: w.number}, Int: w.vector})
		hole := at + callSize + 1
		var code [callSize + 1]byte
		if vcpu.CopyIn(code[:], at); code != [...]byte{0xeb, 1, 0xc3} {
			t.Fatalf("%s: patched to % x", w.name, code)
		}
		for rip, want := range map[uint64]uint64{hole: at, at: at, at + callSize: at + callSize, hole + 1: hole + 1} {
			r := vcpu.Regs{RIP: rip}
			if p.Normalize(&r); r.RIP != want {
				t.Errorf("%s: %+d became %+d, want %+d", w.name, rip-at, r.RIP-at, want-at)
			}
		}
		// Other code takes its place, and may run where the jump was.
		s.Protect(w.base, mem.PageSize, mem.ProtRead|mem.ProtWrite)
		vcpu.CopyOut(at, bytes.Repeat([]byte{0x90}, 16))
		r := vcpu.Regs{RIP: hole}
		if p.Normalize(&r); r.RIP != hole {
			t.Errorf("%s: in new code %+d became %+d", w.name, hole-at, r.RIP-at)
		}
		unmap(s)
	}
}
