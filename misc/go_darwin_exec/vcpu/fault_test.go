// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package vcpu_test

import (
	"syscall"
	"testing"

	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/patch"
	"goxnu/misc/go_darwin_exec/vcpu"
)

const textBase = 0x210000000000

// load maps code at textBase, and a page of stack above it.
func load(t *testing.T, code ...byte) *mem.Space {
	t.Helper()
	s := mem.NewSpace(textBase, textBase+1<<40)
	if _, errno := s.Map(mem.Mapping{Size: 2 * mem.PageSize, Prot: mem.ProtRead | mem.ProtWrite, FD: -1}); errno != 0 {
		t.Fatal(errno)
	}
	if !vcpu.CopyOut(textBase, code) {
		t.Fatal("cannot write the code")
	}
	s.Protect(textBase, mem.PageSize, mem.ProtRead|mem.ProtExec)
	t.Cleanup(func() {
		for _, r := range s.Regions() {
			vcpu.Raw(syscall.SYS_MUNMAP, uintptr(r.Start), uintptr(r.End-r.Start), 0, 0, 0, 0)
		}
	})
	return s
}

func newCtx(t *testing.T) *vcpu.Ctx {
	t.Helper()
	c, err := vcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	c.RIP, c.RSP = textBase, textBase+2*mem.PageSize
	return c
}

func TestFaults(t *testing.T) {
	const bad = 0x8000000000000000
	for _, tt := range []struct {
		name string
		code []byte
		set  func(c *vcpu.Ctx)

		trap   uint64
		rip    uint64 // offset
		cr2    uint64
		err    uint64
		siCode int32
	}{
		{"divide", []byte{0x31, 0xc9, 0xf7, 0xf1}, nil, 0, 2, 0, 0, 1},
		{"ud2", []byte{0x90, 0x0f, 0x0b}, nil, 6, 1, 0, 0, 2},
		{"int3", []byte{0xcc}, nil, 3, 1, 0, 0, 0x80},
		{"hlt", []byte{0xf4}, nil, 13, 0, 0, 0, 0x80},
		{"int 0x81", []byte{0xcd, 0x81}, nil, 13, 0, 0, 0x81*8 + 2, 0x80},
		{"read", []byte{0x8b, 0x04, 0x25, 0x10, 0, 0, 0}, nil, 14, 0, 0x10, 4, 1},
		{"write", []byte{0x89, 0x04, 0x25, 0x10, 0, 0, 0}, nil, 14, 0, 0x10, 6, 1},
		{"write text", []byte{0x89, 0x03}, func(c *vcpu.Ctx) { c.RBX = textBase }, 14, 0, textBase, 7, 2},
		{"run data", []byte{0xff, 0xe3}, func(c *vcpu.Ctx) { c.RBX = textBase + mem.PageSize }, 14, mem.PageSize, textBase + mem.PageSize, 0x15, 2},
		{"no address", []byte{0x8b, 0x03}, func(c *vcpu.Ctx) { c.RBX = bad }, 13, 0, 0, 0, 0x80},
		{"no rip", nil, func(c *vcpu.Ctx) { c.RIP = bad }, 13, bad - textBase, 0, 0, 0x80},
		{"no rsp", []byte{0x50}, func(c *vcpu.Ctx) { c.RSP = bad }, 12, 0, 0, 0, 0x80},
		{"no rsp when stepping", []byte{0x50}, func(c *vcpu.Ctx) { c.RSP = bad; c.RFLAGS |= 0x100 }, 12, 0, 0, 0, 0x80},
		{"no rip when stepping", nil, func(c *vcpu.Ctx) { c.RIP = bad; c.RFLAGS |= 0x100 }, 13, bad - textBase, 0, 0, 0x80},
		{"step", []byte{0x90, 0x90}, func(c *vcpu.Ctx) { c.RFLAGS |= 0x100 }, 1, 1, 0, 0, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			load(t, tt.code...)
			c := newCtx(t)
			defer bind(t, c)()
			if tt.set != nil {
				tt.set(c)
			}
			want := c.Regs
			e := c.Run()
			if e != vcpu.EventFault || c.Trapno != tt.trap || c.RIP-textBase != tt.rip || c.SiCode != tt.siCode {
				t.Errorf("%v, trap %d, rip +%#x, si_code %#x; want fault, trap %d, rip +%#x, si_code %#x",
					e, c.Trapno, c.RIP-textBase, c.SiCode, tt.trap, tt.rip, tt.siCode)
			}
			if tt.trap == 14 && (c.CR2 != tt.cr2 || c.ErrCode != tt.err) {
				t.Errorf("cr2 %#x, error %#x; want %#x, %#x", c.CR2, c.ErrCode, tt.cr2, tt.err)
			}
			if c.RSP != want.RSP || c.RBX != want.RBX {
				t.Errorf("registers changed: %+v", c.Regs)
			}
		})
	}
}

// TestFlags checks that flags which would hurt the host stay with the guest.
func TestFlags(t *testing.T) {
	const df, ac, id = 0x400, 0x40000, 0x200000
	code := []byte{0xb8, 0x14, 0, 0, 2, 0x0f, 0x05, 0xeb, 0xf7} // mov, syscall, jmp back
	for _, flags := range []uint64{df, ac, id, df | ac | 0x8d5} {
		s := load(t, code...)
		p := patch.New(s, false)
		c := newCtx(t)
		func() {
			defer bind(t, c)()
			c.RFLAGS = flags | 0x202
			for i := range 6 {
				if e := c.Run(); e != vcpu.EventSyscall || c.RFLAGS != flags|0x202 || c.Trapped != (i == 0) {
					t.Errorf("round %d: %v, rflags %#x, trapped %v; want %#x", i, e, c.RFLAGS, c.Trapped, flags|0x202)
				}
				if c.Trapped {
					p.Trap(c)
				}
				// What the host does with flags in mind: copies and
				// unaligned accesses.
				b := make([]byte, 100)
				if copy(b[1:], b[:99]); !vcpu.CopyIn(b[3:70], textBase+1) || b[3] == 0 && b[4] == 0 {
					t.Error("copy failed")
				}
			}
			for _, r := range s.Regions() {
				vcpu.Raw(syscall.SYS_MUNMAP, uintptr(r.Start), uintptr(r.End-r.Start), 0, 0, 0, 0)
			}
		}()
	}
}

// TestStepTrampoline single-steps a guest through a patched system call.
func TestStepTrampoline(t *testing.T) {
	s := load(t, 0xb8, 0x14, 0, 0, 2, 0x0f, 0x05, 0xeb, 0xf7)
	p := patch.New(s, false)
	c := newCtx(t)
	defer bind(t, c)()
	if c.Run(); !c.Trapped {
		t.Fatal("no trap")
	}
	p.Trap(c)
	if _, n := p.Sites(); n != 1 {
		t.Fatal("not patched")
	}
	const rounds, events = 5, 5 * 8 // of three instructions each, and the trampoline's
	calls := 0
	for range events {
		c.RFLAGS |= 0x100
		e := c.Run()
		if e == vcpu.EventFault && c.Trapno == 1 {
			e = p.Fault(c)
			if e == vcpu.EventFault && (c.RIP < textBase || c.RIP > textBase+9) {
				t.Fatalf("stopped at %#x, which is not the guest's", c.RIP)
			}
		}
		switch e {
		case vcpu.EventSyscall:
			calls++
			if c.RIP != textBase+7 {
				t.Fatalf("system call at %#x", c.RIP)
			}
		case vcpu.EventFault, 0:
		default:
			t.Fatalf("%v, trap %d", e, c.Trapno)
		}
	}
	if calls < rounds {
		t.Errorf("%d calls in %d steps", calls, events)
	}
}

// TestGate64 makes a call by INT 0x80, for which a host may have no gate.
func TestGate64(t *testing.T) {
	load(t, 0xcd, 0x80)
	c := newCtx(t)
	defer bind(t, c)()
	c.RAX = 20
	e := c.Run()
	gate, missing := vcpu.MissingGate(c.ErrCode)
	if e == vcpu.EventFault && c.Trapno == 13 && missing && gate == 0x80 && c.RIP == textBase {
		return
	}
	if e != vcpu.EventSyscall || c.Int != 0x80 || c.RIP != textBase+2 || c.RAX != 20 {
		t.Errorf("%v, INT %#x, rip %#x, rax %d, trap %d, error %#x", e, c.Int, c.RIP, c.RAX, c.Trapno, c.ErrCode)
	}
}

// TestHostFault checks that the runner's own faults are still the Go
// runtime's, on a guest thread too.
func TestHostFault(t *testing.T) {
	c := newCtx(t)
	defer bind(t, c)()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	var p *vcpu.Ctx
	p.RAX = 1
}

// TestGSBase checks that the guest's GS base survives.
func TestGSBase(t *testing.T) {
	load(t, 0x65, 0x48, 0x8b, 0x04, 0x25, 8, 0, 0, 0, 0x0f, 0x05) // mov %gs:8, %rax; syscall
	c := newCtx(t)
	vcpu.Store64(textBase+mem.PageSize+8, 0x1234)
	c.SetGSBase(textBase + mem.PageSize)
	defer bind(t, c)()
	for range 3 {
		c.RIP = textBase
		if e := c.Run(); e != vcpu.EventSyscall || c.RAX != 0x1234 || c.GSBase() != textBase+mem.PageSize {
			t.Errorf("%v, rax %#x, gs base %#x", e, c.RAX, c.GSBase())
		}
	}
	vcpu.Store64(textBase+mem.PageSize+0x18, 0x5678)
	c.SetGSBase(textBase + mem.PageSize + 0x10)
	c.RIP = textBase
	if c.Run(); c.RAX != 0x5678 {
		t.Errorf("rax %#x", c.RAX)
	}
}

// TestCopy checks the copies from and to memory that is not all there.
func TestCopy(t *testing.T) {
	load(t)
	const data, end = textBase + mem.PageSize, textBase + 2*mem.PageSize
	b := make([]byte, 64)
	for n := 0; n <= len(b); n++ {
		for miss := range 2 {
			if ok := vcpu.CopyIn(b[:n], end-uint64(n)+uint64(miss)); ok != (miss == 0 || n == 0) {
				t.Errorf("CopyIn of %d bytes, %d beyond the end: %v", n, miss, ok)
			}
			if ok := vcpu.CopyOut(end-uint64(n)+uint64(miss), b[:n]); ok != (miss == 0 || n == 0) {
				t.Errorf("CopyOut of %d bytes, %d beyond the end: %v", n, miss, ok)
			}
		}
	}
	if vcpu.CopyOut(textBase, b) {
		t.Error("CopyOut to text")
	}
	for _, addr := range []uint64{0, 1 << 63, ^uint64(0), 1<<47 - 1} {
		if vcpu.CopyIn(b, addr) || vcpu.CopyOut(addr, b) || vcpu.CompareAndSwap64(addr, 0, 0) {
			t.Errorf("copy at %#x", addr)
		}
		if n := vcpu.CopyInStr(b, addr); n != -1 {
			t.Errorf("string at %#x: %d", addr, n)
		}
	}
	vcpu.CopyOut(end-4, []byte("abc\x00"))
	if n := vcpu.CopyInStr(b, end-4); n != 3 || string(b[:3]) != "abc" {
		t.Errorf("string: %d, %q", n, b[:4])
	}
	vcpu.CopyOut(end-4, []byte("abcd"))
	if n := vcpu.CopyInStr(b, end-4); n != -1 {
		t.Errorf("string that runs out of memory: %d", n)
	}
	if n := vcpu.CopyInStr(b[:4], end-4); n != 4 {
		t.Errorf("string that is too long: %d", n)
	}
	vcpu.Store64(data, 5)
	if vcpu.CompareAndSwap64(data, 6, 7) || !vcpu.CompareAndSwap64(data, 5, 7) {
		t.Error("CompareAndSwap64")
	}
}
