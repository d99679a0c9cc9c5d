// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Each thread has a signal stack of its own, as large as the kernel was told, and
// the kernel enters a handler on it, with the alignment that the ABI wants. However
// many signals come, what lies beyond it, or in its depth, is not touched.
//
// Bugs: golang/go 820dc9ff1a, golang.org/issue/17641, golang/go 2d916bec96
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

// tramp is a trampoline: it writes SP to *handler and returns.
var tramp = map[string][]byte{"amd64": {
	0x48, 0x89, 0x27, // MOVQ SP, (DI)
	0x4c, 0x89, 0xc7, // MOVQ R8, DI
	0x4c, 0x89, 0xca, // MOVQ R9, DX: the token
	0xb8, 184, 0, 0, 2, // MOVL $(0x2000000+184), AX: sigreturn
	0x0f, 0x05, // SYSCALL
	0xcc, // INT $3
}, "386": {
	0x8b, 0x44, 0x24, 0x04, // MOVL 4(SP), AX: the handler
	0x89, 0x20, // MOVL SP, (AX)
	0x8b, 0x4c, 0x24, 0x08, // MOVL 8(SP), CX: the style of the frame
	0x8b, 0x54, 0x24, 0x18, // MOVL 24(SP), DX: the token
	0x8b, 0x44, 0x24, 0x14, // MOVL 20(SP), AX: the ucontext
	0x89, 0x44, 0x24, 0x04, // MOVL AX, 4(SP)
	0x89, 0x4c, 0x24, 0x08, // MOVL CX, 8(SP)
	0x89, 0x54, 0x24, 0x0c, // MOVL DX, 12(SP)
	0xb8, 184, 0, 0, 0, // MOVL $184, AX: sigreturn
	0xcd, 0x80, // INT $0x80
	0xcc, // INT $3
}}

// machine returns machine code as a function.
func machine[F any](code string) F {
	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	copy(page, code)
	entry := &page[0]
	fn := &entry
	return *(*F)(unsafe.Pointer(&fn))
}

// threadSelf returns the port of the calling thread: Mach trap 27.
var threadSelf = machine[func() uintptr](map[string]string{
	"amd64": "\xb8\x1b\x00\x00\x01\x0f\x05\xc3",                 // MOVL $0x100001b, AX; SYSCALL; RET
	"386":   "\xb8\xe5\xff\xff\xff\xcd\x81\x89\x44\x24\x04\xc3", // MOVL $-27, AX; INT $0x81; MOVL AX, 4(SP); RET
}[runtime.GOARCH])

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func call(nr, a, b, c uintptr) {
	if _, _, e := syscall.RawSyscall(nr, a, b, c); e != 0 {
		fail("kernel entry %d: %v", nr, e)
	}
}

type altStack struct {
	sp, size uintptr
	flags    int32
}

// count returns short, or full if GOXNU_LONG is set, as make test-signals LONG=1 does.
func count(short, full int) int {
	if os.Getenv("GOXNU_LONG") != "" {
		return full
	}
	return short
}

func main() {
	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		fail("mmap: %v", err)
	}
	copy(page, tramp[runtime.GOARCH])
	sp := (*uintptr)(unsafe.Pointer(&page[2048]))
	act := struct {
		handler, tramp uintptr
		mask           uint32
		flags          int32
	}{uintptr(unsafe.Pointer(sp)), uintptr(unsafe.Pointer(&page[0])), ^uint32(0), 1 /* SA_ONSTACK */}
	call(46, uintptr(syscall.SIGUSR2), uintptr(unsafe.Pointer(&act)), 0)
	// What a function finds after a call: a return address below 16 bytes.
	align := map[string]uintptr{"amd64": 8, "386": 12}[runtime.GOARCH]

	// look tells the calling thread's signal stack. Its lowest part is not needed,
	// and gets a pattern; where another signal stack lies below it, that is what
	// the other must not write to.
	const threads, size, guard = 20, 32 << 10, 4 << 10
	look := func() (alt altStack) {
		call(53 /* sigaltstack */, 0, uintptr(unsafe.Pointer(&alt)), 0)
		*sp = 0
		call(328 /* __pthread_kill */, threadSelf(), uintptr(syscall.SIGUSR2), 0)
		if *sp <= alt.sp || *sp >= alt.sp+alt.size || *sp%16 != align {
			fail("the handler was entered with SP %#x, signal stack %#x of %#x bytes", *sp, alt.sp, alt.size)
		}
		return alt
	}
	pattern := func(a altStack) []byte { return unsafe.Slice((*byte)(unsafe.Add(nil, a.sp)), guard) }

	stacks := []altStack{look()}
	next, storm := make(chan altStack), make(chan bool)
	var done sync.WaitGroup
	signals := count(10000, 100000)
	for range threads {
		done.Add(1)
		go func() {
			runtime.LockOSThread()
			next <- look()
			<-storm
			self := threadSelf()
			for range signals / threads {
				call(328 /* __pthread_kill */, self, uintptr(syscall.SIGPIPE), 0)
			}
			done.Done()
			select {}
		}()
		stacks = append(stacks, <-next) // one by one: they share the page
	}
	neighbours := 0
	for i, a := range stacks {
		// The runtime takes it as one piece, a span of whole pages.
		if a.size != size || a.sp%8192 != 0 || a.flags != 0 {
			fail("signal stack %d: %#x of %#x bytes, flags %d", i, a.sp, a.size, a.flags)
		}
		for j, b := range stacks {
			if j < i && a.sp < b.sp+b.size && b.sp < a.sp+a.size {
				fail("the signal stacks of threads %d and %d overlap", i, j)
			}
			if a.sp+a.size == b.sp {
				neighbours++
			}
		}
		for j := range pattern(a) {
			pattern(a)[j] = byte(j * 7)
		}
	}
	if neighbours == 0 {
		fail("no signal stack has another for a neighbour: nothing to see")
	}

	// The kernel's own SIGPIPEs are for the process: the oldest thread takes them.
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		fail("pipe: %v", err)
	}
	syscall.Close(p[0])
	close(storm)
	for range signals {
		if _, _, e := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(p[1]), uintptr(unsafe.Pointer(&page[0])), 1); e != syscall.EPIPE {
			fail("write to a broken pipe: %v", e)
		}
	}
	done.Wait()
	for i, a := range stacks {
		for j, b := range pattern(a) {
			if b != byte(j*7) {
				fail("signal stack %d of %d at %#x: byte %d has changed", i, len(stacks), a.sp, j)
			}
		}
	}
}

// The main goroutine runs on the oldest thread.
func init() { runtime.LockOSThread() }
