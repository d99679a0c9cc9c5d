// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

// Package patch makes the guest's system calls cheap: where the code loads
// the number into RAX right before a SYSCALL instruction, or before the INT of
// 32-bit code, the load is overwritten by a jump to a trampoline, which loads
// the number and jumps into the runner without a trap.
//
// The instruction that makes the call stays as it was. So a thread that stands
// between the two, or code that jumps there, only traps. A site is patched
// after it has trapped, never by looking for its bytes: those may be data.
//
// Where there is no such load, or it crosses a cache line, the instruction
// becomes a short jump to a jump that is put into the padding between two
// functions.
//
// A trampoline is
//
//	mov/add $imm, %rax      the displaced instruction, if there is one
//	mov     %fs:0, %r11     the Ctx
//	movabs  $return, %rcx
//	jmp     *cell(%rip)     vcpu.FastEntry
//
// It touches no stack, and only the two registers that SYSCALL clobbers. That of
// 32-bit code, where INT clobbers nothing, leaves for 64-bit code first:
//
//	mov     $imm, %eax      the displaced instruction, if there is one
//	xor     %edx, %edx      likewise
//	ljmp    $0x33, $1f
//	1: movabs $vector<<32|return, %r8
//	jmp     *cell(%rip)
package patch

import (
	"bytes"
	"encoding/binary"
	"sync"
	"syscall"

	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
)

const (
	callSize       = 2 // of SYSCALL and of INT n
	jmpSize        = 5
	lineSize       = 64
	trampolineSize = 32 // bytes of one
	cellSize       = 8  // at the beginning of a page of trampolines: the address to jump to
	pageSize       = mem.PageSize

	reach = 1<<31 - 1<<20 // of a jmp rel32, with some room
)

// A Patcher patches the sites of one address space.
type Patcher struct {
	space  *mem.Space
	code32 bool

	mu    sync.Mutex
	sites map[uint64]*site // by the address of the SYSCALL or INT; nil: not to be patched
	holes map[uint64]*site // by the address of the second jump, in padding
	pages []*page
	stubs []uint64 // addresses of those whose SYSENTER is an invalid opcode
	off   bool     // the host does not allow it
}

// A page holds trampolines.
type page struct {
	addr  uint64
	sites []*site
}

// A site is a patched system call.
type site struct {
	at         uint64 // address of the SYSCALL or INT
	vector     uint8  // of the INT
	load       uint64 // address of the instructions before it, which were displaced; at if there are none
	added      uint64 // what the displaced instruction adds to RAX
	trampoline uint64 // address of its trampoline
	word       uint64 // address of the eight bytes that are exchanged
	plain      uint64 // the bytes without the jump
	jump       uint64 // and with it
}

// New returns a Patcher for s.
func New(s *mem.Space, code32 bool) *Patcher {
	return &Patcher{space: s, code32: code32, sites: make(map[uint64]*site), holes: make(map[uint64]*site)}
}

// Trap looks at the system call that c has just trapped with, and patches it
// if it can.
func (p *Patcher) Trap(c *vcpu.Ctx) {
	if vcpu.Forked() {
		return // it may not lock, and will not live long
	}
	if c.Sysenter {
		return // RIP tells nothing of where that was
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	at := c.RIP - callSize
	if s, known := p.sites[at]; known {
		if s != nil {
			// Somebody jumped to the instruction. Or the code is new: then the
			// jump is no longer there, and the site is looked at afresh.
			if w, ok := vcpu.Load64(s.word); !ok || w == s.jump {
				return
			}
			delete(p.sites, at)
		} else {
			return
		}
	}
	if p.off {
		return
	}
	s := p.prepare(at, c)
	if s != nil && !p.space.Poke(s.word, s.plain, s.jump) {
		s = nil
	}
	p.sites[at] = s
}

// lookBack is the number of bytes before a call that load looks at.
const lookBack = 10

// load recognizes the instructions in front of the call that can be displaced:
// the length of all, or 0. b are the bytes before the call.
//
// Bytes can lie: what looks like a load of EAX may be the end of something
// else. So RAX must hold the number, and R8 must not if the byte before could
// be a prefix that makes it a load of R8.
func load(b []byte, r *vcpu.Regs) int {
	imm := binary.LittleEndian.Uint32(b[6:])
	if b[3] == 0x48 && b[4] == 0xc7 && b[5] == 0xc0 { // mov $imm, %rax
		if r.RAX == uint64(int64(int32(imm))) {
			return 7
		}
		return 0
	}
	if b[4] == 0x48 && b[5] == 0x05 { // add $imm, %rax
		return 6
	}
	if b[5] == 0xb8 && r.RAX == uint64(imm) { // mov $imm, %eax
		const rex, rexB, opsize = 0x40, 0x01, 0x66
		if b[4] == opsize || b[4]&0xf0 == rex && b[4]&rexB != 0 && uint32(r.R8) == imm {
			return 0
		}
		return 5
	}
	return 0
}

// load32 is load for 32-bit code. Between the two there may be a clearing of
// EDX, which then is 0.
func load32(b []byte, r *vcpu.Regs) int {
	n := 5
	if b[8] == 0x31 && b[9] == 0xd2 && uint32(r.RDX) == 0 { // xor %edx, %edx
		n += 2
	}
	const opsize = 0x66
	from := lookBack - n
	if b[from] == 0xb8 && binary.LittleEndian.Uint32(b[from+1:]) == uint32(r.RAX) && b[from-1] != opsize { // mov $imm, %eax
		return n
	}
	return 0
}

// prepare makes the trampoline for the call at address at.
func (p *Patcher) prepare(at uint64, c *vcpu.Ctx) *site {
	var b [lookBack + callSize]byte
	if !vcpu.CopyIn(b[:], at-lookBack) && !vcpu.CopyIn(b[5:], at-5) { // the mapping may begin here
		return nil
	}
	insn := [callSize]byte{0x0f, 0x05}
	recognize := load
	if p.code32 {
		insn = [callSize]byte{0xcd, c.Int}
		recognize = load32
	}
	if [callSize]byte(b[lookBack:]) != insn {
		return nil
	}
	if n := recognize(b[:lookBack], &c.Regs); n != 0 && inLine(at-uint64(n), jmpSize) {
		s := &site{at: at, vector: c.Int, load: at - uint64(n)}
		code := b[lookBack-n : lookBack]
		if code[0] == 0x48 && code[1] == 0x05 { // add $imm, %rax
			s.added = uint64(int64(int32(binary.LittleEndian.Uint32(code[2:]))))
		}
		if !p.trampoline(s, code) {
			return nil
		}
		return s.exchange(s.load, jmp(s.load, s.trampoline))
	}
	if !inLine(at, callSize) {
		return nil
	}
	hole := findHole(at)
	if hole == 0 {
		return nil
	}
	s := &site{at: at, vector: c.Int, load: at}
	if !p.trampoline(s, nil) || !p.space.WriteText(hole, padding[:jmpSize], jmp(hole, s.trampoline)) {
		return nil
	}
	p.holes[hole] = s
	return s.exchange(at, []byte{0xeb, byte(hole - (at + callSize))})
}

// inLine reports whether n bytes lie in one cache line. What is changed by one
// store within a line is seen by a thread that runs there before or after,
// but never in between.
func inLine(addr, n uint64) bool { return addr/lineSize == (addr+n-1)/lineSize }

// exchange prepares the exchange of the bytes at addr, which are in one line.
func (s *site) exchange(addr uint64, code []byte) *site {
	s.word = min(addr, addr&^(lineSize-1)+lineSize-8)
	var w [8]byte
	if !vcpu.CopyIn(w[:], s.word) {
		return nil
	}
	s.plain = binary.LittleEndian.Uint64(w[:])
	copy(w[addr-s.word:], code)
	s.jump = binary.LittleEndian.Uint64(w[:])
	return s
}

// jmp encodes a jump from an address to another.
func jmp(from, to uint64) []byte {
	return binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(to-(from+jmpSize)))
}

// padding is what linkers put between functions.
var padding = bytes.Repeat([]byte{0xcc}, 32)

// findHole returns the address of unused padding within reach of a short jump
// from the call at at, or 0. Padding ends where a function may begin, at a
// multiple of 16.
func findHole(at uint64) uint64 {
	const align = 16
	var b [jmpSize]byte
	for end := (at + 128) &^ (align - 1); end > at-100; end -= align {
		hole := end - jmpSize
		if dist := int64(hole - (at + callSize)); dist > 127 || dist < -128 {
			continue
		}
		if hole < at+callSize && at < end {
			continue
		}
		if vcpu.CopyIn(b[:], hole) && bytes.Equal(b[:], padding[:jmpSize]) {
			// Take the beginning, so that the rest still ends where it did.
			var c [1]byte
			for int64(hole-1-(at+callSize)) >= -128 && vcpu.CopyIn(c[:], hole-1) && c[0] == padding[0] {
				hole--
			}
			return hole
		}
	}
	return 0
}

// trampoline writes a trampoline for s, which displaces the given code.
func (p *Patcher) trampoline(s *site, code []byte) bool {
	pg := p.page(s.load)
	if pg == nil {
		return false
	}
	s.trampoline = pg.addr + trampolineSize*uint64(len(pg.sites)+1)
	ret := s.at + callSize
	code = append(make([]byte, 0, trampolineSize), code...)
	if p.code32 {
		wide := uint32(s.trampoline) + uint32(len(code)) + 7
		code = binary.LittleEndian.AppendUint32(append(code, 0xea), wide) // ljmp $0x33, $wide
		code = append(code, vcpu.CS64, 0)
		code = append(code, 0x49, 0xb8) // movabs $vector<<32|ret, %r8
		ret |= uint64(s.vector) << 32
	} else {
		code = append(code, 0x64, 0x4c, 0x8b, 0x1c, 0x25, 0, 0, 0, 0) // mov %fs:0, %r11
		code = append(code, 0x48, 0xb9)                               // movabs $ret, %rcx
	}
	code = binary.LittleEndian.AppendUint64(code, ret)
	code = append(code, 0xff, 0x25) // jmp *cell(%rip)
	end := s.trampoline + uint64(len(code)) + 4
	code = binary.LittleEndian.AppendUint32(code, uint32(pg.addr-end))
	if len(code) > trampolineSize || !p.space.WriteRunner(s.trampoline, code) {
		return false
	}
	pg.sites = append(pg.sites, s)
	return true
}

// dyld32 is where the dynamic linker is in 32-bit processes; static programs
// have nothing there.
const dyld32 = 0x8fe00000

// page returns a page with room for a trampoline that a jump at addr
// reaches, a new one if need be.
func (p *Patcher) page(addr uint64) *page {
	near := func(a uint64) bool { return p.code32 || a-addr < reach || addr-a < reach } // EIP has 32 bits
	for _, pg := range p.pages {
		if near(pg.addr) && len(pg.sites)+2 <= pageSize/trampolineSize {
			return pg
		}
	}
	// Somewhere above, where the guest's own mappings do not come to lie soon.
	const away = 1 << 30
	hint := (addr + away) &^ (pageSize - 1)
	if p.code32 {
		hint = dyld32
	}
	a, errno := p.space.Map(mem.Mapping{Addr: hint, Size: pageSize,
		Prot: mem.ProtRead | mem.ProtExec, Kind: mem.KindRunner, FD: -1})
	if errno != 0 {
		p.off = errno == syscall.EACCES || errno == syscall.EPERM
		return nil
	}
	if !near(a) {
		return nil
	}
	if !p.space.WriteRunner(a, binary.LittleEndian.AppendUint64(nil, vcpu.FastEntry(p.code32))) {
		p.off = true // no memory can be written and executed here
		return nil
	}
	pg := &page{addr: a}
	p.pages = append(p.pages, pg)
	return pg
}

// Lock keeps the tables as they are while the process forks; Unlock is for the
// parent, the child needs no lock.
func (p *Patcher) Lock()   { p.mu.Lock() }
func (p *Patcher) Unlock() { p.mu.Unlock() }

// Normalize hides trampolines from the guest: a thread that was stopped in
// one, or at the jump in padding that leads to it, is put back to where the jump
// is, and makes the call anew, without a trap. It must be called before a
// guest's registers are shown to it.
//
// The displaced instructions can be executed again: they load constants, and an
// addition is undone. What was in the registers before is lost, and no code
// can tell.
func (p *Patcher) Normalize(r *vcpu.Regs) {
	if !vcpu.Forked() { // else this is the only thread
		p.mu.Lock()
		defer p.mu.Unlock()
	}
	s, done := p.find(r.RIP)
	if s == nil {
		return
	}
	r.RIP = s.load
	if done != 0 && done >= s.at-s.load {
		r.RAX -= s.added
	}
}

// Fault makes of a fault what it would be if the code had not been changed. The
// result is EventFault if it is the guest's; EventSyscall if the instruction is
// a call, which c is made to have executed; or 0 if the guest must run on.
func (p *Patcher) Fault(c *vcpu.Ctx) vcpu.Event {
	const debug, invalidOpcode = 1, 6
	switch {
	case c.Trapno == debug:
		return p.step(c)
	case c.Trapno == invalidOpcode && p.code32:
		return p.sysenter(c)
	case c.SysenterLost():
		return p.lost(c)
	}
	p.Normalize(&c.Regs)
	return vcpu.EventFault
}

// step is Fault for a single-step trap, which comes after each instruction of a
// trampoline too. The jump to it is none of the guest's. Then come those that
// it displaced, and the call.
func (p *Patcher) step(c *vcpu.Ctx) vcpu.Event {
	if !vcpu.Forked() {
		p.mu.Lock()
		defer p.mu.Unlock()
	}
	s, done := p.find(c.RIP)
	if s == nil {
		return vcpu.EventFault
	}
	switch size := s.at - s.load; {
	case size == 0:
		c.RIP = s.at + callSize
		c.Int, c.Sysenter, c.Trapped = s.vector, false, true
		if !p.code32 {
			c.RCX, c.R11 = c.RIP, c.RFLAGS
		}
		return vcpu.EventSyscall
	case done == 0:
		return 0
	default:
		c.RIP = s.load + min(done, size)
		return vcpu.EventFault
	}
}

// find returns the site whose trampoline a thread at rip is in, and how many
// bytes of the trampoline it has behind it; nil if it is in none. p.mu is held.
func (p *Patcher) find(rip uint64) (s *site, done uint64) {
	if s := p.holes[rip]; s != nil {
		if w, ok := vcpu.Load64(s.word); ok && w == s.jump { // else the code is new
			return s, 0
		}
	}
	for _, pg := range p.pages {
		off := rip - pg.addr
		if off >= pageSize || off < trampolineSize {
			continue
		}
		if n := off/trampolineSize - 1; n < uint64(len(pg.sites)) {
			return pg.sites[n], off % trampolineSize
		}
		return nil, 0
	}
	return nil, 0
}

// Toggle takes the jump of the site of a call away, or puts it back. It
// is for tests.
func (p *Patcher) Toggle(at uint64, on bool) bool {
	p.mu.Lock()
	s := p.sites[at]
	p.mu.Unlock()
	if s == nil {
		return false
	}
	if on {
		return p.space.Poke(s.word, s.plain, s.jump)
	}
	return p.space.Poke(s.word, s.jump, s.plain)
}

// Sites returns how many sites have trapped and how many were patched.
func (p *Patcher) Sites() (trapped, patched int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.sites {
		if s != nil {
			patched++
		}
	}
	return len(p.sites), patched
}
