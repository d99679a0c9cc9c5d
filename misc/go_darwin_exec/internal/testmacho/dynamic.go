// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package testmacho

import (
	"encoding/binary"
	"strings"
)

// Where Dynamic puts things: in __DATA, pointers from DataAddr on; in the file, what
// dyld reads from LinkOff on.
const (
	LinkOff = 0x3000

	pieFlag = 0x200000
)

// A Dynamic describes a program for dyld.
type Dynamic struct {
	Code     []byte
	Data     []byte   // of __DATA
	PIE      bool     // with a section list of opcodes, instead of the indirect symbol table
	Main     bool     // LC_MAIN instead of LC_UNIXTHREAD
	Symbols  []string // bound to the first pointers of __DATA; in a PIE by Bind
	Bind     []byte   // opcodes
	Lazy     []byte
	Rebase   []byte
	ReadOnly bool   // SG_READ_ONLY of __DATA
	Section  uint32 // type of __DATA's section; 0: pointers to symbols
}

// Offsets in a file of Dynamic.Build of fields that tests like to change.
type DynamicOffsets struct {
	DataInitProt, Section, Symtab, Dysymtab, DyldInfo, Main int
}

// Build makes the file.
func (d *Dynamic) Build() ([]byte, DynamicOffsets) {
	le := binary.LittleEndian
	b := make([]byte, LinkOff)
	var o DynamicOffsets
	at, ncmds := headerSize, 0
	cmd := func(n uint32, parts ...any) int {
		body := Code(parts...)
		for len(body)%8 != 0 {
			body = append(body, 0)
		}
		start := at
		at += copy(b[at:], Code(n, uint32(8+len(body)), string(body)))
		ncmds++
		return start
	}
	name16 := func(s string) string { return s + strings.Repeat("\x00", 16-len(s)) }
	segment := func(name string, addr, size, off, filesize uint64, prot, nsects, flags uint32, section string) int {
		return cmd(0x19, name16(name), addr, size, off, filesize, prot, prot, nsects, flags, section)
	}
	segment("__PAGEZERO", 0, Base, 0, 0, 0, 0, 0, "")
	segment("__TEXT", Base, 0x2000, 0, 0x2000, 5, 0, 0, "")
	typ, flags := d.Section, uint32(0)
	if typ == 0 {
		typ = 6
	}
	if d.ReadOnly {
		flags = 0x10
	}
	section := string(Code(name16("__pointers"), name16("__DATA"), uint64(DataAddr), uint64(8*len(d.Symbols)),
		uint32(0x2000), uint32(3), uint32(0), uint32(0), typ, uint32(0), uint32(0), uint32(0)))
	data := segment("__DATA", DataAddr, 0x1000, 0x2000, 0x1000, 3, 1, flags, section)
	o.DataInitProt, o.Section = data+60, data+72
	cmd(0xe, uint32(12), "/usr/lib/dyld\x00")
	cmd(0xc, uint32(24), uint32(0), uint32(0), uint32(0), "/usr/lib/libSystem.B.dylib\x00")
	if d.Main {
		o.Main = cmd(0x80000028, uint64(TextOff), uint64(0))
	} else {
		state := make([]byte, 168)
		le.PutUint64(state[16*8:], Entry)
		cmd(5, uint32(4), uint32(42), string(state))
	}
	link := []byte{}
	put := func(x []byte) (off, size uint32) {
		off = uint32(LinkOff + len(link))
		link = append(link, x...)
		return off, uint32(len(x))
	}
	if d.PIE {
		r0, r1 := put(d.Rebase)
		b0, b1 := put(d.Bind)
		l0, l1 := put(d.Lazy)
		o.DyldInfo = cmd(0x80000022, r0, r1, b0, b1, uint32(0), uint32(0), l0, l1, uint32(0), uint32(0))
	} else {
		strs, syms, indirect := []byte{0}, []byte{}, []byte{}
		for i, s := range d.Symbols {
			syms = append(syms, Code(uint32(len(strs)), "\x01\x00\x00\x01", uint64(0))...) // of library 1
			strs = append(append(strs, s...), 0)
			indirect = append(indirect, Code(uint32(i))...)
		}
		s0, _ := put(syms)
		t0, t1 := put(strs)
		i0, _ := put(indirect)
		o.Symtab = cmd(2, s0, uint32(len(d.Symbols)), t0, t1)
		o.Dysymtab = cmd(0xb, strings.Repeat("\x00", 48), i0, uint32(len(d.Symbols)), strings.Repeat("\x00", 16))
	}
	copy(b, Code(uint32(0xfeedfacf), uint32(0x01000007), uint32(3), uint32(2), uint32(ncmds), uint32(at-headerSize), uint32(4), uint32(0)))
	if d.PIE {
		le.PutUint32(b[Flags:], 4|pieFlag)
	}
	copy(b[TextOff:TextOff+0x1000], d.Code)
	copy(b[0x2000:LinkOff], d.Data)
	return append(b, link...), o
}

// Fat returns a fat file with a program for arm64 and one for x86_64 in it.
func Fat(program []byte) []byte {
	b := make([]byte, 0x2000, 0x2000+len(program))
	be := binary.BigEndian
	for i, v := range []uint32{0xcafebabe, 2, 0x0100000c, 0, 0x1000, 4, 12, 0x01000007, 3, 0x2000, uint32(len(program)), 12} {
		be.PutUint32(b[4*i:], v)
	}
	return append(b, program...)
}
