// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

// Package libsystem makes the machine code of a libSystem for programs that
// are dynamically linked: what dyld would give them, they find here.
//
// An Image is position-independent code for one program: the functions that
// are machine code themselves (code_amd64.s: threads, mutexes, signals, errno
// and the clock, which signals can interrupt or see), and behind them a stub for
// each other function that the program imports. A stub makes one call, of the
// kernel's or of the runner's own.
package libsystem

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unsafe"
)

// code is where code_amd64.s begins.
func code() uintptr

// functions are the parts of code_amd64.s in the order of their marks, from 1. A
// part whose name begins with a dot is no function of C.
var functions = [...]string{
	1:  ".start",
	2:  ".threadstart",
	3:  "pthread_create",
	4:  "pthread_mutex_lock",
	5:  "pthread_mutex_unlock",
	6:  "pthread_cond_wait",
	7:  "pthread_cond_timedwait_relative_np",
	8:  "pthread_cond_signal",
	9:  "pthread_mutex_init",
	10: "pthread_self",
	11: "__error",
	12: "pthread_attr_init",
	13: "pthread_attr_getstacksize",
	14: "pthread_attr_setdetachstate",
	15: "pthread_attr_setstacksize",
	16: "sigaction",
	17: ".sigtramp",
	18: "pthread_sigmask",
	19: "raise",
	20: "pipe",
	21: "fork",
	22: "gettimeofday",
	23: ".cerror",
	24: "notify_is_valid_token",
	25: "mach_absolute_time",
	26: "mach_timebase_info",
	27: "usleep",
	28: "_exit",
	29: ".end",
}

// aliases are functions that are the same code as others.
var aliases = map[string]string{
	"pthread_cond_init":            "pthread_mutex_init",
	"xpc_date_create_from_current": "notify_is_valid_token",
	"exit":                         "_exit",
}

// Placeholders in code_amd64.s, that Finish replaces: the low byte of a number.
const (
	holeSigtramp = iota + 1
	holeThreadstart
	holeEntry
	holeThread
	holeMain
)

const (
	holeBase = 0x676f786e75000000
	markBase = 0x6c696200
	markSize = 7

	// threadSize is the memory of the first thread's pthread.
	threadSize = 0x2000

	// TSDOffset is from a pthread to the thread's own data, its GS base.
	TSDOffset = 0xe0
)

// Room is how many bytes an image takes at most: for a thousand functions.
const Room = 64 << 10

// An Image is the library for one program.
type Image struct {
	addr  uint64 // where it will be
	code  []byte
	funcs map[string]int // offset of each function
	data  []byte         // constants, behind the code and the first thread
}

// Calls are the kernel's numbers that the machine code uses, and what to call
// instead: a release without ulocks has the runner's.
type Calls map[uint32]uint32

func mark(n int) []byte {
	// NOPL 0x6c6962nn(AX)
	return binary.LittleEndian.AppendUint32([]byte{0x0f, 0x1f, 0x80}, markBase+uint32(n))
}

// New returns an image for address addr with what is machine code.
func New(addr uint64, replace Calls) *Image {
	p := code()
	const most = 8192
	b := unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&p))), most)
	img := &Image{addr: addr, funcs: map[string]int{}}
	for i, name := range functions {
		if i == 0 {
			continue
		}
		at := bytes.Index(b, mark(i))
		if at < 0 {
			panic("libsystem: no mark of " + name)
		}
		img.funcs[name] = at + markSize
		if name == ".end" {
			img.code = bytes.Clone(b[:at])
		}
	}
	for old, new := range replace {
		o := binary.LittleEndian.AppendUint32([]byte{0xb8}, old)
		img.code = bytes.ReplaceAll(img.code, o, binary.LittleEndian.AppendUint32([]byte{0xb8}, new))
	}
	return img
}

// Has reports whether the function is machine code.
func Has(name string) bool {
	if a := aliases[name]; a != "" {
		name = a
	}
	for _, f := range functions {
		if f == name {
			return true
		}
	}
	return false
}

// Func returns the address of a function that the image has, or 0.
func (img *Image) Func(name string) uint64 {
	if a := aliases[name]; a != "" {
		name = a
	}
	if at, ok := img.funcs[name]; ok {
		return img.addr + uint64(at)
	}
	return 0
}

// Call adds a function that makes the call with that number, class included,
// with its own arguments, and sets errno if the call fails.
func (img *Image) Call(name string, nr uint32) uint64 {
	img.begin(name)
	b := append(img.code, 0x49, 0x89, 0xca, 0xb8) // MOVQ CX, R10; MOVL $nr, AX
	b = binary.LittleEndian.AppendUint32(b, nr)
	b = append(b, 0x0f, 0x05, 0x73, 0x05, 0xe9) // SYSCALL; JCC +5; JMP cerror
	b = binary.LittleEndian.AppendUint32(b, uint32(int32(img.funcs[".cerror"]-(len(b)+4))))
	img.code = append(b, 0xc3) // RET
	return img.Func(name)
}

// Missing adds a function that the library lacks: nr is the runner's call that
// says so, with the address of text.
func (img *Image) Missing(name, text string, nr uint32) uint64 {
	at := img.Data(append([]byte(text), 0))
	img.begin(name)
	b := append(img.code, 0x48, 0xbf) // MOVQ $at, DI
	b = binary.LittleEndian.AppendUint64(b, at)
	b = append(b, 0xb8)
	b = binary.LittleEndian.AppendUint32(b, nr)
	img.code = append(b, 0x0f, 0x05, 0xcc)
	return img.Func(name)
}

func (img *Image) begin(name string) {
	for len(img.code)%16 != 0 {
		img.code = append(img.code, 0xcc)
	}
	img.funcs[name] = len(img.code)
}

// Data adds constants, aligned to 16 bytes, and returns their address.
func (img *Image) Data(b []byte) uint64 {
	for len(img.data)%16 != 0 {
		img.data = append(img.data, 0)
	}
	at := img.addr + Room + threadSize + uint64(len(img.data))
	img.data = append(img.data, b...)
	return at
}

// Finish returns the code, what lies Room behind its beginning (the first
// thread's memory and constants; all of it can be written), and where the program is to
// begin. The library's entry goes on at entry, which is a function of C if main is
// set.
func (img *Image) Finish(entry uint64, main bool) (code, data []byte, start uint64, err error) {
	if len(img.code) > Room {
		return nil, nil, 0, fmt.Errorf("libSystem for it takes %d bytes, of %d", len(img.code), Room)
	}
	isMain := uint64(0)
	if main {
		isMain = 1
	}
	for n, v := range map[uint64]uint64{
		holeSigtramp: img.Func(".sigtramp"), holeThreadstart: img.Func(".threadstart"), holeEntry: entry,
		holeThread: img.addr + Room, holeMain: isMain,
	} {
		old := binary.LittleEndian.AppendUint64(nil, holeBase+n)
		if !bytes.Contains(img.code, old) {
			panic(fmt.Sprintf("libsystem: no placeholder %d", n))
		}
		img.code = bytes.ReplaceAll(img.code, old, binary.LittleEndian.AppendUint64(nil, v))
	}
	return img.code, append(make([]byte, threadSize), img.data...), img.Func(".start"), nil
}
