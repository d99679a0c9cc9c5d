// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package testmacho

import "encoding/binary"

// Where Build32 puts things. Base32 is above what a Linux host forbids to map.
const (
	Base32     = 0x20000
	DataAddr32 = Base32 + 0x2000
	Entry32    = Base32 + TextOff

	headerSize32 = 28
	zeroOff32    = headerSize32
	textOff32    = zeroOff32 + 56
	dataOff32    = textOff32 + 56
	threadOff32  = dataOff32 + 56
	End32        = threadOff32 + 80
)

// Offsets in the file of fields that tests like to change.
const (
	TextCmd32      = textOff32
	TextVMAddr32   = textOff32 + 24
	TextVMSize32   = textOff32 + 28
	TextFileOff32  = textOff32 + 32
	TextFileSize32 = textOff32 + 36
	TextNSects32   = textOff32 + 48
	ThreadFlavor32 = threadOff32 + 8
	ThreadCount32  = threadOff32 + 12
	ThreadESP32    = threadOff32 + 16 + 7*4
	ThreadEIP32    = threadOff32 + 16 + 10*4
)

// Build32 is Build for i386. __PAGEZERO is one page.
func Build32(code []byte) []byte { return BuildData32(code, []byte("data of the file")) }

// BuildData32 is BuildData for i386.
func BuildData32(code, data []byte) []byte {
	b := make([]byte, 0x2000+len(data))
	le := binary.LittleEndian
	put := func(off int, v ...uint32) {
		for i, x := range v {
			le.PutUint32(b[off+4*i:], x)
		}
	}
	put(0, 0xfeedface, 7, 3, 2, 4, End32-headerSize32, 1)
	segment := func(off int, name string, addr, size, fileoff, filesize, prot uint32) {
		put(off, 1, 56)
		copy(b[off+8:], name)
		put(off+24, addr, size, fileoff, filesize, prot, prot, 0, 0)
	}
	segment(zeroOff32, "__PAGEZERO", 0, 0x1000, 0, 0, 0)
	segment(textOff32, "__TEXT", Base32, 0x2000, 0, 0x2000, 5)
	segment(dataOff32, "__DATA", DataAddr32, max(0x2000, uint32(len(data)+0xfff)&^0xfff), 0x2000, uint32(len(data)), 3)
	put(threadOff32, 5, 80, 1, 16)
	put(ThreadEIP32, Entry32)
	if len(code) > 0x1000 {
		panic("testmacho: too much code")
	}
	copy(b[TextOff:], code)
	copy(b[0x2000:], data)
	return b
}

// Call32 returns the code of a system call through a gate (0x80, 0x81, 0x82)
// with constant arguments.
func Call32(gate byte, nr uint32, args ...uint32) (b []byte) {
	for i := len(args) - 1; i >= 0; i-- {
		b = append(b, Code("\x68", args[i])...) // push
	}
	b = append(b, Code("\x6a\x00", "\xb8", nr)...) // push $0; mov $nr, %eax
	b = append(b, 0xcd, gate)
	return append(b, Code("\x8d\xa4\x24", uint32(4*(len(args)+1)))...) // lea n(%esp), %esp
}

// Exit32 returns the code of exit(status).
func Exit32(status uint32) []byte { return Call32(0x80, 1, status) }
