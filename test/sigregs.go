// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// All registers come back from a signal as they were: the handler, which is Go
// code, keeps none of them; the kernel does.
//
// Bugs: golang.org/issue/31827, golang/go cbdf9ade56, golang.org/issue/32744
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Offsets in the page: code, then what is in registers.
const (
	stopAt   = 2048 // not 0: leave the loop
	patterns = 2048 + 64
	outGP    = 2048 + 512
	outFP    = 2048 + 1024
)

// assemble returns code that loads the general registers regs and the first
// fps vector registers from the patterns, waits until *stop is not 0, stores
// them at outGP and outFP and returns.
func assemble(page []byte, wide bool, regs []byte, fps int) []byte {
	base := uintptr(unsafe.Pointer(&page[0]))
	var c []byte
	le := binary.LittleEndian
	// mem encodes an instruction with a register and a memory operand; more
	// is the length of what follows the address.
	mem := func(prefix, op string, w bool, reg byte, at uintptr, more int) {
		c = append(c, prefix...)
		if rex := byte(0x40) | reg>>3<<2; wide && (w || reg > 7) {
			if w {
				rex |= 8
			}
			c = append(c, rex)
		}
		c = append(c, op...)
		c = append(c, 5|reg&7<<3)
		if wide {
			c = le.AppendUint32(c, uint32(int(at)-len(c)-4-more))
		} else {
			c = le.AppendUint32(c, uint32(base+at))
		}
	}
	if wide {
		c = append(c, 0x55, 0x41, 0x56) // PUSHQ BP, R14
	} else {
		c = append(c, 0x55)
	}
	for i := range fps {
		mem("", "\x0f\x10", false, byte(i), patterns+uintptr(i), 0) // MOVUPS m, Xi
	}
	for i, r := range regs {
		mem("", "\x8b", true, r, patterns+uintptr(8*i), 0) // MOV m, r
	}
	loop := len(c)
	mem("", "\x83", false, 7, stopAt, 1) // CMPL m, $0
	c = append(c, 0)
	c = append(c, 0x74, byte(loop-len(c)-2)) // JE loop
	for i, r := range regs {
		mem("", "\x89", true, r, outGP+uintptr(8*i), 0)
	}
	for i := range fps {
		mem("", "\x0f\x11", false, byte(i), outFP+uintptr(16*i), 0)
	}
	if wide {
		c = append(c, 0x41, 0x5e, 0x5d)       // POPQ R14, BP
		c = append(c, 0x45, 0x0f, 0x57, 0xff) // XORPS X15, X15
	} else {
		c = append(c, 0x5d)
	}
	return append(c, 0xc3)
}

// machine returns machine code as a function.
func machine[F any](page []byte, code string) F {
	copy(page, code)
	entry := &page[0]
	fn := &entry
	return *(*F)(unsafe.Pointer(&fn))
}

func mmap() []byte {
	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	return page
}

// threadSelf returns the port of the calling thread: Mach trap 27.
var threadSelf = machine[func() uintptr](mmap(), map[string]string{
	"amd64": "\xb8\x1b\x00\x00\x01\x0f\x05\xc3",                 // MOVL $0x100001b, AX; SYSCALL; RET
	"386":   "\xb8\xe5\xff\xff\xff\xcd\x81\x89\x44\x24\x04\xc3", // MOVL $-27, AX; INT $0x81; MOVL AX, 4(SP); RET
}[runtime.GOARCH])

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

// count returns short, or full if GOXNU_LONG is set, as make test-signals LONG=1 does.
func count(short, full int) int {
	if os.Getenv("GOXNU_LONG") != "" {
		return full
	}
	return short
}

func main() {
	runtime.LockOSThread()
	debug.SetGCPercent(-1) // it would wait for the loop
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	wide := runtime.GOARCH == "amd64"
	regs := []byte{0, 1, 2, 3, 5, 6, 7} // all but SP
	size, fps := 4, 8
	if wide {
		regs = append(regs, 8, 9, 10, 11, 12, 13, 14, 15)
		size, fps = 8, 16
	}
	page := mmap()
	for i := range 400 {
		page[patterns+i] = byte(i*7 + 1)
	}
	hold := machine[func()](page, string(assemble(page, wide, regs, fps)))
	stop := (*atomic.Uint32)(unsafe.Pointer(&page[stopAt]))

	self := threadSelf()
	go func() {
		runtime.LockOSThread()
		for n := range count(1000, 100000) {
			if _, _, e := syscall.RawSyscall(328 /* __pthread_kill */, self, uintptr(syscall.SIGUSR1), 0); e != 0 {
				fail("__pthread_kill: %v", e)
			}
			select {
			case <-c:
			case <-time.After(2 * time.Minute):
				fail("signal %d was not delivered", n)
			}
		}
		stop.Store(1)
	}()
	hold()
	for i, r := range regs {
		for j := range size {
			if got, want := page[outGP+8*i+j], page[patterns+8*i+j]; got != want {
				fail("byte %d of register %d: %#x, want %#x", j, r, got, want)
			}
		}
	}
	for i := range fps {
		for j := range 16 {
			if got, want := page[outFP+16*i+j], page[patterns+i+j]; got != want {
				fail("byte %d of X%d: %#x, want %#x", j, i, got, want)
			}
		}
	}
}
