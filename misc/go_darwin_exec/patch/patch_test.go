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
	"strconv"
	"syscall"
	"testing"

	"goxnu/misc/go_darwin_exec/internal/testguest"
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

// need skips a test that the host cannot run.
func (w *width) need(t *testing.T) {
	if w.code32 {
		testguest.Need32(t)
	}
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
	for _, w := range widths {
		t.Run(w.name, func(t *testing.T) {
			w.need(t)
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			testSites(t, w)
		})
	}
}

func testSites(t *testing.T, w width) {
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

// trampolines are calls of all kinds that get a trampoline, each with the
// boundaries of the guest's instructions.
var trampolines = []struct {
	w     width
	code  []byte // in front of the call
	rax   uint64 // before
	steps []uint64
}{
	{widths[0], []byte{0xb8, 5, 0, 0, 2}, 1, []uint64{5}},
	{widths[0], []byte{0x48, 0xc7, 0xc0, 1, 0, 0, 2}, 1, []uint64{7}},
	{widths[0], []byte{0x48, 0x05, 0, 0, 0, 2}, 5, []uint64{6}},
	{widths[0], nil, 0x02000001, nil},
	{widths[1], []byte{0xb8, 20, 0, 0, 0}, 1, []uint64{5}},
	{widths[2], []byte{0xb8, 0xe5, 0xff, 0xff, 0xff, 0x31, 0xd2}, 1, []uint64{5, 7}},
	{widths[1], nil, 20, nil},
}

// onTrampoline runs f with a guest of trampolines[i] whose call is patched. It begins at
// start and ends at end.
func onTrampoline(t *testing.T, i int, f func(p *Patcher, c *vcpu.Ctx, start, end, number uint64)) {
	tt := trampolines[i]
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := tt.w.space()
	defer unmap(s)
	s.Map(mem.Mapping{Size: 2 * mem.PageSize, Prot: mem.ProtRead | mem.ProtWrite, FD: -1})
	start := tt.w.base + 64
	vcpu.CopyOut(start, slices.Concat(tt.code, tt.w.insn, []byte{0x90, 0xc3}, padding[:13]))
	s.Protect(tt.w.base, mem.PageSize, mem.ProtRead|mem.ProtExec)
	end := start + uint64(len(tt.code)) + callSize
	p := New(s, tt.w.code32)
	c, err := vcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Free()
	c.Code32 = tt.w.code32
	if err := c.Bind(); err != nil {
		t.Fatal(err)
	}
	defer c.Unbind()
	c.Regs = vcpu.Regs{RIP: start, RAX: tt.rax, RSP: tt.w.base + 2*mem.PageSize, RFLAGS: 0x202}
	if e := c.Run(); e != vcpu.EventSyscall || c.RIP != end {
		t.Fatalf("trampoline %d: %v, rip %+d", i, e, c.RIP-start)
	}
	number := c.RAX
	p.Trap(c)
	if _, n := p.Sites(); n != 1 {
		t.Fatalf("trampoline %d: not patched", i)
	}
	if vcpu.Store32(p.pages[0].sites[0].trampoline, 0) || vcpu.Store64(p.pages[0].addr, 0) {
		t.Errorf("trampoline %d: the guest can write to its trampolines", i)
	}
	c.Regs = vcpu.Regs{RIP: start, RAX: tt.rax, RSP: tt.w.base + 2*mem.PageSize, RFLAGS: 0x202}
	f(p, c, start, end, number)
}

const (
	flagTF     = 0x100
	farJmpSize = 7
)

// TestNormalize stops in a trampoline after each of its instructions, as a
// kick may. Then the call is made without a trap, and once.
func TestNormalize(t *testing.T) {
	for i, tt := range trampolines {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			tt.w.need(t)
			for stops, last := 1, false; !last; stops++ {
				onTrampoline(t, i, func(p *Patcher, c *vcpu.Ctx, start, end, number uint64) {
					for range stops {
						c.RFLAGS |= flagTF
						switch e := c.Run(); {
						case e == vcpu.EventSyscall: // the host's code, behind the trampoline
							last = true
							return
						case e != vcpu.EventFault || c.Trapno != 1:
							t.Fatalf("trampoline %d, stop %d: %v, trap %d", i, stops, e, c.Trapno)
						}
					}
					rip := c.RIP
					c.RFLAGS &^= flagTF
					if site := p.pages[0].sites[0]; c.Code32 && rip == site.trampoline+site.at-site.load+farJmpSize {
						last = true // Run would take the 64-bit code behind it for 32-bit code
					}
					if p.Normalize(&c.Regs); c.RIP != start || c.RAX != tt.rax && c.RAX != number {
						t.Errorf("trampoline %d, stop %d: %#x became %+d, rax %#x", i, stops, rip, c.RIP-start, c.RAX)
					}
					if e := c.Run(); e != vcpu.EventSyscall || c.Trapped || c.RAX != number || c.RIP != end || c.Int != tt.w.vector {
						t.Errorf("trampoline %d, stop %d: %v, trapped %v, rax %#x, rip %+d", i, stops, e, c.Trapped, c.RAX, c.RIP-start)
					}
				})
			}
			onTrampoline(t, i, func(p *Patcher, c *vcpu.Ctx, start, end, number uint64) {
				trampoline := p.pages[0].sites[0].trampoline
				r := vcpu.Regs{RIP: trampoline + trampolineSize - 6, RAX: number} // its last jump
				if p.Normalize(&r); r.RIP != start {
					t.Errorf("trampoline %d: the last jump became %+d", i, r.RIP-start)
				}
				for _, rip := range []uint64{trampoline - 1, trampoline + trampolineSize, start, end} {
					r := vcpu.Regs{RIP: rip}
					if p.Normalize(&r); r.RIP != rip {
						t.Errorf("trampoline %d: %#x became %#x", i, rip, r.RIP)
					}
				}
			})
		})
	}
}

// TestStep has a guest that single-steps itself: it sees the instructions that
// are in its code, and goes on.
func TestStep(t *testing.T) {
	for i, tt := range trampolines {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			tt.w.need(t)
			onTrampoline(t, i, func(p *Patcher, c *vcpu.Ctx, start, end, number uint64) {
				var steps []uint64
				calls := 0
				c.RFLAGS |= flagTF
				for events := 0; c.RIP != end+1; events++ { // the NOP
					if events == 10 {
						t.Fatalf("trampoline %d: it does not go on from %+d", i, c.RIP-start)
					}
					e := c.Run()
					if e == vcpu.EventFault {
						e = p.Fault(c)
					}
					switch e {
					case vcpu.EventFault:
						if c.RIP < end {
							steps = append(steps, c.RIP-start)
						}
					case vcpu.EventSyscall:
						if calls++; c.RAX != number || c.RIP != end || c.Int != tt.w.vector {
							t.Errorf("trampoline %d: call %#x, rip %+d, INT %#x", i, c.RAX, c.RIP-start, c.Int)
						}
					}
					if c.RFLAGS&flagTF == 0 {
						t.Fatalf("trampoline %d: TF is lost at %+d", i, c.RIP-start)
					}
				}
				if !slices.Equal(steps, tt.steps) || calls != 1 {
					t.Errorf("trampoline %d: steps %v, %d calls; want %v", i, steps, calls, tt.steps)
				}
			})
		})
	}
}

// TestNormalizeHole stops a thread at the second jump, which is in padding: there
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
