// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package patch

import (
	"bytes"
	"runtime"
	"syscall"
	"testing"

	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
)

const base = 0x220000000000

// TestSites runs system calls of all shapes at all places in a cache line.
// Where a patch is allowed, the second round must not trap, and the call must
// look the same; where it is not, it must go on trapping.
func TestSites(t *testing.T) {
	const number = 0x02000014
	num := []byte{0x14, 0, 0, 2}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, tt := range []struct {
		name string
		code []byte // up to the SYSCALL
		rax  uint64
		r8   uint64
		load bool // it can be displaced
	}{
		{"mov eax", append([]byte{0x90, 0xb8}, num...), 1, 0, true},
		{"mov rax", append([]byte{0x48, 0xc7, 0xc0}, num...), 1, 0, true},
		{"add rax", append([]byte{0x48, 0x05}, num...), 0, 0, true},
		{"mov r8d", append([]byte{0x41, 0xb8}, num...), number, 7, false},
		{"mov eax behind 0x41", append([]byte{0xb0, 0x41, 0xb8}, num...), 1, 7, true}, // mov $0x41, %al
		{"mov ax", []byte{0x66, 0xb8, 0x14, 0}, 0x02000000, 0, false},
		{"nothing", []byte{0x90, 0x90}, number, 0, false},
		{"far away", append(append([]byte{0xb8}, num...), 0x90), 1, 0, false},
	} {
		for _, hole := range []int{0, 5, 12} {
			for off := range 64 {
				s := mem.NewSpace(base, base+1<<40)
				s.Map(mem.Mapping{Size: 2 * mem.PageSize, Prot: mem.ProtRead | mem.ProtWrite, FD: -1})
				start := uint64(base + 1024 + off)
				code := append(bytes.Clone(tt.code), 0x0f, 0x05, 0x0f, 0x0b) // syscall; ud2
				at := start + uint64(len(tt.code))
				vcpu.CopyOut(start, code)
				end := (start + uint64(len(code)) + uint64(hole) + 15) &^ 15
				vcpu.CopyOut(end-uint64(hole), padding[:hole])
				vcpu.CopyOut(end, []byte{0xc3})
				s.Protect(base, 2*mem.PageSize, mem.ProtRead|mem.ProtExec)
				p := New(s)
				c, err := vcpu.New()
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Bind(); err != nil {
					t.Fatal(err)
				}
				load := at - 5
				switch tt.name {
				case "mov rax":
					load = at - 7
				case "add rax":
					load = at - 6
				}
				want := tt.load && inLine(load, jmpSize) || hole >= 5 && inLine(at, 2)
				for round := range 3 {
					c.Regs = vcpu.Regs{RIP: start, RAX: tt.rax, R8: tt.r8, RBX: 3, RSP: base + 2*mem.PageSize, RFLAGS: 0x202}
					if tt.name == "add rax" {
						c.RAX = uint64(0)
					}
					if e := c.Run(); e != vcpu.EventSyscall || c.RAX != number || c.RIP != at+2 || c.RBX != 3 {
						t.Fatalf("%s at +%d, hole %d, round %d: %v, rax %#x, rip %+d", tt.name, off, hole, round, e, c.RAX, c.RIP-at)
					}
					if round > 0 && c.Trapped == want {
						t.Fatalf("%s at +%d, hole %d, round %d: trapped %v", tt.name, off, hole, round, c.Trapped)
					}
					if c.Trapped {
						p.Trap(&c.Regs)
					}
				}
				// A restarted call, whose RIP is the SYSCALL's, must work too.
				c.RIP = at
				c.RAX = number
				if e := c.Run(); e != vcpu.EventSyscall || c.RAX != number || c.RIP != at+2 {
					t.Fatalf("%s at +%d, restarted: %v, rax %#x, rip %+d", tt.name, off, e, c.RAX, c.RIP-at)
				}
				c.Unbind()
				c.Free()
				for _, r := range s.Regions() {
					vcpu.Raw(syscall.SYS_MUNMAP, uintptr(r.Start), uintptr(r.End-r.Start), 0, 0, 0, 0)
				}
			}
		}
	}
}

// TestNewCode puts other code where a patched site was.
func TestNewCode(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := mem.NewSpace(base, base+1<<40)
	p := New(s)
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
				p.Trap(&c.Regs)
			}
		}
	}
	for _, r := range s.Regions() {
		vcpu.Raw(syscall.SYS_MUNMAP, uintptr(r.Start), uintptr(r.End-r.Start), 0, 0, 0, 0)
	}
}

// TestNormalize stops in a springboard at each of its instructions.
func TestNormalize(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := mem.NewSpace(base, base+1<<40)
	p := New(s)
	s.Map(mem.Mapping{Size: mem.PageSize, Prot: mem.ProtRead | mem.ProtWrite, FD: -1})
	vcpu.CopyOut(base, []byte{0xb8, 1, 0, 0, 2, 0x0f, 0x05})
	s.Protect(base, mem.PageSize, mem.ProtRead|mem.ProtExec)
	p.Trap(&vcpu.Regs{RIP: base + 7, RAX: 0x02000001})
	if len(p.pages) != 1 {
		t.Fatal("not patched")
	}
	board := p.pages[0].sites[0].board
	for _, tt := range []struct{ rip, want uint64 }{
		{board, base}, {board + 5, base + 5}, {board + 14, base + 5}, {board + 24, base + 5},
		{board - 1, board - 1}, {board + boardSize, board + boardSize}, {base, base}, {base + 7, base + 7},
	} {
		r := vcpu.Regs{RIP: tt.rip}
		if p.Normalize(&r); r.RIP != tt.want {
			t.Errorf("%#x became %#x, want %#x", tt.rip, r.RIP, tt.want)
		}
	}
	for _, r := range s.Regions() {
		vcpu.Raw(syscall.SYS_MUNMAP, uintptr(r.Start), uintptr(r.End-r.Start), 0, 0, 0, 0)
	}
}
