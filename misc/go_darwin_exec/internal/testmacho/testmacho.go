// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package testmacho makes small static Mach-O files for tests.
package testmacho

import "encoding/binary"

// Where Build puts things.
const (
	Base     = 0x100000000
	TextOff  = 0x1000 // of the code, in the file and from Base
	DataAddr = Base + 0x2000
	Entry    = Base + TextOff

	headerSize = 32
	zeroOff    = headerSize // load commands, in order
	textOff    = zeroOff + 72
	dataOff    = textOff + 72
	threadOff  = dataOff + 72
	End        = threadOff + 184
)

// Offsets in the file of fields that tests like to change.
const (
	Magic      = 0
	CPUType    = 4
	FileType   = 12
	NCmds      = 16
	SizeOfCmds = 20
	Flags      = 24

	ZeroCmd     = zeroOff
	ZeroMaxProt = zeroOff + 56

	TextCmd      = textOff
	TextCmdSize  = textOff + 4
	TextVMAddr   = textOff + 24
	TextVMSize   = textOff + 32
	TextFileOff  = textOff + 40
	TextFileSize = textOff + 48
	TextMaxProt  = textOff + 56
	TextInitProt = textOff + 60
	TextNSects   = textOff + 64

	DataCmd      = dataOff
	DataVMAddr   = dataOff + 24
	DataVMSize   = dataOff + 32
	DataFileOff  = dataOff + 40
	DataFileSize = dataOff + 48

	ThreadCmd    = threadOff
	ThreadFlavor = threadOff + 8
	ThreadCount  = threadOff + 12
	ThreadRSP    = threadOff + 16 + 7*8
	ThreadRIP    = threadOff + 16 + 16*8
)

// Build returns a program: __PAGEZERO, __TEXT with the header and, from TextOff
// on, code; __DATA with a few bytes of the file at the beginning of its two
// pages; and a thread that starts with the code.
func Build(code []byte) []byte { return BuildData(code, []byte("data of the file")) }

// BuildData is Build with other data, for which __DATA is made large enough.
func BuildData(code, data []byte) []byte {
	b := make([]byte, 0x2000+len(data))
	le := binary.LittleEndian
	put32 := func(off int, v ...uint32) {
		for i, x := range v {
			le.PutUint32(b[off+4*i:], x)
		}
	}
	put32(0, 0xfeedfacf, 0x01000007, 3, 2, 4, End-headerSize, 1, 0)
	segment := func(off int, name string, addr, size, fileoff, filesize uint64, prot uint32) {
		put32(off, 0x19, 72)
		copy(b[off+8:], name)
		for i, v := range []uint64{addr, size, fileoff, filesize} {
			le.PutUint64(b[off+24+8*i:], v)
		}
		put32(off+56, prot, prot, 0, 0)
	}
	segment(zeroOff, "__PAGEZERO", 0, Base, 0, 0, 0)
	segment(textOff, "__TEXT", Base, 0x2000, 0, 0x2000, 5)
	segment(dataOff, "__DATA", DataAddr, max(0x2000, uint64(len(data)+0xfff)&^0xfff), 0x2000, uint64(len(data)), 3)
	put32(threadOff, 5, 184, 4, 42)
	le.PutUint64(b[ThreadRIP:], Entry)
	if len(code) > 0x1000 {
		panic("testmacho: too much code")
	}
	copy(b[TextOff:], code)
	copy(b[0x2000:], data)
	return b
}

// AddCommand appends a load command to a file of Build or Build32.
func AddCommand(b []byte, cmd uint32, data string) {
	le := binary.LittleEndian
	header := uint32(headerSize)
	if le.Uint32(b[Magic:]) == 0xfeedface {
		header = headerSize32
	}
	all := le.Uint32(b[SizeOfCmds:])
	size := (8 + uint32(len(data)) + 7) &^ 7
	if header+all+size > TextOff {
		panic("testmacho: too many load commands")
	}
	at := b[header+all:]
	le.PutUint32(at, cmd)
	le.PutUint32(at[4:], size)
	copy(at[8:], data)
	le.PutUint32(b[NCmds:], le.Uint32(b[NCmds:])+1)
	le.PutUint32(b[SizeOfCmds:], all+size)
}

// Code assembles a sequence of byte strings and 4- or 8-byte numbers.
func Code(parts ...any) (b []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case uint32:
			b = binary.LittleEndian.AppendUint32(b, p)
		case uint64:
			b = binary.LittleEndian.AppendUint64(b, p)
		default:
			panic("testmacho: unknown part")
		}
	}
	return b
}

// Exit returns the code of exit(status).
func Exit(status uint32) []byte {
	return Code("\xbf", status, "\xb8", uint32(0x02000001), "\x0f\x05")
}
