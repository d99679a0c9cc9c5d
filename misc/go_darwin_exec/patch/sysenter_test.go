// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package patch

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
)

// stubText has stubs at offsets 16 and 48, which are called, at 64, which is
// not, and at 80 in the operands of an instruction.
func stubText() []byte {
	text := bytes.Repeat([]byte{0x90}, 128)
	copy(text[16:], "\x5a\x89\xe1\x0f\x34")
	copy(text[48:], "\x5a\x8b\xcc\x0f\x34")
	copy(text[64:], "\x5a\x89\xe1\x0f\x34")
	copy(text[80:], "\xc7\x05\x5a\x89\xe1\x0f\x34\x00\x00\x00") // movl $0x34, 0x0fe1895a
	for at, to := range map[int]int{0: 16, 100: 48, 110: 0x1000} {
		text[at] = callRel32
		binary.LittleEndian.PutUint32(text[at+1:], uint32(to-at-callRel32Size))
	}
	return text
}

func TestFindStubs(t *testing.T) {
	text := stubText()
	got := findStubs(text)
	if slices.Sort(got); !slices.Equal(got, []int{16, 48}) {
		t.Errorf("%v, want 16 and 48", got)
	}
	for n := range text { // wherever it ends
		for _, off := range findStubs(text[:n]) {
			if off+stubSize > n {
				t.Errorf("%d of %d bytes", off, n)
			}
		}
	}
	for _, s := range []string{"", "\x0f\x34", "\xe8", "\x5a\x89\xe1\x0f\x34\xe8", strings.Repeat("\x0f\x34", 10)} {
		if got := findStubs([]byte(s)); len(got) != 0 {
			t.Errorf("%x: %v", s, got)
		}
	}
}

// TestScan notes stubs, and takes the invalid opcode there for the call. It
// changes nothing else, and undoes it.
func TestScan(t *testing.T) {
	s := mem.NewSpace(base32, 1<<32)
	defer unmap(s)
	const number = 20
	s.Map(mem.Mapping{Size: 2 * mem.PageSize, Prot: mem.ProtRead | mem.ProtWrite, FD: -1})
	text := stubText()
	vcpu.CopyOut(base32, text)
	p := New(s, true)
	have := func(want []byte) {
		t.Helper()
		got := make([]byte, len(text))
		if vcpu.CopyIn(got, base32); !bytes.Equal(got, want) {
			t.Errorf("text % x, want % x", got, want)
		}
	}
	p.Scan(base32, 2*mem.PageSize)
	have(text) // it is no code yet
	s.Protect(base32, mem.PageSize, mem.ProtRead|mem.ProtExec)
	p.Scan(base32, 2*mem.PageSize)
	p.Scan(base32, 2*mem.PageSize)
	changed := bytes.Clone(text)
	changed[16+stubByte], changed[48+stubByte] = ud2, ud2
	have(changed)

	const eip, esp = base32 + 5, base32 + 2*mem.PageSize - 16
	opcode := func(at uint64) (vcpu.Event, vcpu.Regs) {
		c := &vcpu.Ctx{Regs: vcpu.Regs{RIP: base32 + at, RAX: number, RDX: eip, RCX: esp}, Code32: true, Trapno: 6}
		e := p.Fault(c)
		if e == vcpu.EventSyscall && (!c.Sysenter || c.Int != 0x80 || !c.Trapped) {
			t.Errorf("+%d: sysenter %v, INT %#x", at, c.Sysenter, c.Int)
		}
		return e, c.Regs
	}
	for _, stub := range []uint64{16, 48} {
		if e, r := opcode(stub + stubCall); e != vcpu.EventSyscall || r.RIP != eip || r.RSP != esp || r.RAX != number {
			t.Errorf("+%d: %v, %+v", stub, e, r)
		}
	}
	for _, at := range []uint64{16, 20, 64 + stubCall, 100} {
		if e, r := opcode(at); e != vcpu.EventFault || r.RIP != base32+at {
			t.Errorf("an invalid opcode of the guest's at +%d: %v, %+v", at, e, r)
		}
	}
	p.Unscan()
	have(text)
	// Other code has come, with its own invalid opcode.
	s.Protect(base32, mem.PageSize, mem.ProtRead|mem.ProtWrite)
	vcpu.CopyOut(base32+16, []byte{0x90, 0x90, 0x90, 0x0f, 0x0b})
	if e, _ := opcode(16 + stubCall); e != vcpu.EventFault {
		t.Errorf("new code: %v", e)
	}
}

// BenchmarkScan is what the start of a 32-bit program costs, for its text.
func BenchmarkScan(b *testing.B) {
	text := make([]byte, 4<<20)
	for i := range text {
		text[i] = byte(i * 7)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		findStubs(text)
	}
}
