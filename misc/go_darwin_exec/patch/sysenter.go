// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package patch

import (
	"bytes"
	"encoding/binary"
	"slices"

	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
)

// SYSENTER, the third way of 32-bit code to make a call. XNU looks at EDX and
// ECX, which hold EIP and ESP, and at the number in EAX
// (xnu-2782 osfmk/x86_64/idt64.s:hi64_sysenter). Linux takes EBP for the stack
// pointer and reads there before syscall user dispatch has its turn. Where it
// cannot read, it puts -EFAULT in the place of the number, and goes on in its
// own library, whose address is too long for 32-bit code
// (arch/x86/entry/common.c:do_fast_syscall_32).
//
// So that the instruction does not run, it is made an invalid opcode, as which
// AMD's processors take it in any case: 0f 34 becomes 0f 0b, in the stub
//
//	pop	%edx
//	mov	%esp, %ecx
//	sysenter
//
// These bytes may be data, or lie across instructions. They are taken for code
// only if there is a CALL of them in the same memory; a stub without one is
// found when it is executed, by its return address, and that call is made good
// if the CALL follows the load of a number. Nothing else of the code changes: a
// fault at a noted place is the call, another invalid opcode is the guest's.

// stubs are the stub in the two ways that assemblers write it.
var stubs = [...][stubSize]byte{
	{0x5a, 0x89, 0xe1, 0x0f, 0x34},
	{0x5a, 0x8b, 0xcc, 0x0f, 0x34},
}

const (
	stubSize  = 5
	stubCall  = 3    // offset of the SYSENTER
	stubByte  = 4    // and of the byte that is changed
	sysenter2 = 0x34 // from
	ud2       = 0x0b // to

	callRel32     = 0xe8
	callRel32Size = 5
	movEAX        = 0xb8
	movEAXSize    = 5
)

// isStub reports whether b is a stub, which has last as its last byte.
func isStub(b []byte, last byte) bool {
	for i := range stubs {
		if bytes.Equal(b[:stubByte], stubs[i][:stubByte]) && b[stubByte] == last {
			return true
		}
	}
	return false
}

// scanMax is more than a program's text, and less than what programs reserve.
const scanMax = 64 << 20

// Scan looks for SYSENTERs in code that is new in [addr, addr+size).
func (p *Patcher) Scan(addr, size uint64) {
	if !p.code32 || vcpu.Forked() {
		return
	}
	var parts []mem.Region
	p.space.Each(addr, size, func(lo, hi uint64, r mem.Region) bool {
		const code = mem.ProtRead | mem.ProtExec
		if r.Prot&code == code && !r.Shared && hi-lo <= scanMax {
			r.Start, r.End = lo, hi
			parts = append(parts, r)
		}
		return true
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range parts {
		text := make([]byte, r.End-r.Start)
		if !vcpu.CopyIn(text, r.Start) {
			continue
		}
		for _, off := range findStubs(text) {
			p.note(r.Start + uint64(off))
		}
	}
}

// findStubs returns the offsets of the stubs in text that text calls.
func findStubs(text []byte) (offs []int) {
	var found []int
	for at := 0; ; at++ {
		i := bytes.Index(text[at:], stubs[0][stubCall:])
		if i < 0 {
			break
		}
		at += i
		if at >= stubCall && isStub(text[at-stubCall:], sysenter2) {
			found = append(found, at-stubCall)
		}
	}
	for at := 0; len(found) > 0; at++ {
		i := bytes.IndexByte(text[at:], callRel32)
		if i < 0 || at+i+callRel32Size > len(text) {
			break
		}
		at += i
		to := at + callRel32Size + int(int32(binary.LittleEndian.Uint32(text[at+1:])))
		if j := slices.Index(found, to); j >= 0 {
			offs = append(offs, to)
			found = slices.Delete(found, j, j+1)
		}
	}
	return offs
}

// note makes the SYSENTER of a stub an invalid opcode. p.mu is held.
func (p *Patcher) note(stub uint64) {
	if p.setByte(stub+stubByte, sysenter2, ud2) && !slices.Contains(p.stubs, stub) {
		p.stubs = append(p.stubs, stub)
	}
}

// Unscan puts all SYSENTERs back, for the child of a fork that gives its memory
// to another process.
func (p *Patcher) Unscan() {
	for _, stub := range p.stubs {
		p.setByte(stub+stubByte, ud2, sysenter2)
	}
}

// setByte exchanges a byte of code.
func (p *Patcher) setByte(at uint64, old, new byte) bool {
	word := min(at, at&^(lineSize-1)+lineSize-8)
	shift := 8 * (at - word)
	w, ok := vcpu.Load64(word)
	return ok && byte(w>>shift) == old && p.space.Poke(word, w, w&^(0xff<<shift)|uint64(new)<<shift)
}

// sysenter makes of the invalid opcode at a noted place the call that it is.
func (p *Patcher) sysenter(c *vcpu.Ctx) vcpu.Event {
	if !vcpu.Forked() {
		p.mu.Lock()
		defer p.mu.Unlock()
	}
	var b [stubSize]byte
	stub := c.RIP - stubCall
	if slices.Contains(p.stubs, stub) && vcpu.CopyIn(b[:], stub) && isStub(b[:], ud2) { // else the code is new
		return c.BySysenter()
	}
	return vcpu.EventFault
}

// lost makes good a SYSENTER that Linux has spoilt, if the number is in the
// code, and sees to it that the next does not get there.
func (p *Patcher) lost(c *vcpu.Ctx) vcpu.Event {
	ret := c.RDX
	var b [movEAXSize + callRel32Size]byte
	if !vcpu.CopyIn(b[:], ret-uint64(len(b))) || b[movEAXSize] != callRel32 {
		return vcpu.EventFault
	}
	stub := uint64(uint32(ret) + binary.LittleEndian.Uint32(b[movEAXSize+1:]))
	var code [stubSize]byte
	if !vcpu.CopyIn(code[:], stub) || !isStub(code[:], sysenter2) && !isStub(code[:], ud2) {
		return vcpu.EventFault
	}
	if !vcpu.Forked() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.note(stub)
	}
	if b[0] != movEAX {
		return vcpu.EventFault
	}
	c.RAX = uint64(binary.LittleEndian.Uint32(b[1:]))
	return c.BySysenter()
}
