// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Who gets a signal: one for the process is given to the oldest thread that
// does not block it (xnu-1504 to xnu-11417 bsd/kern/kern_sig.c:get_signalthread),
// and so is SIGPIPE, whoever wrote; SIGPROF is first offered to the running
// thread from OS X 10.11 on (xnu-3248 kern_sig.c:psignal_try_thread), before,
// profiles showed the idle first thread.
//
// Bugs: golang.org/issue/33384, golang.org/issue/6047, golang.org/issue/13841
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// tramp is a trampoline: it writes SP to *handler, counts in handler[1], and returns.
var tramp = map[string][]byte{"amd64": {
	0x48, 0x89, 0x27, // MOVQ SP, (DI)
	0xf0, 0x48, 0xff, 0x47, 0x08, // LOCK; INCQ 8(DI)
	0x4c, 0x89, 0xc7, // MOVQ R8, DI
	0x4c, 0x89, 0xca, // MOVQ R9, DX: the token
	0xb8, 184, 0, 0, 2, // MOVL $(0x2000000+184), AX: sigreturn
	0x0f, 0x05, // SYSCALL
	0xcc, // INT $3
}, "386": {
	0x8b, 0x44, 0x24, 0x04, // MOVL 4(SP), AX: the handler
	0x89, 0x20, // MOVL SP, (AX)
	0xf0, 0xff, 0x40, 0x08, // LOCK; INCL 8(AX)
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

const (
	saOnStack = 1
	saRestart = 2
	setMask   = 3
)

var (
	handler *[2]atomic.Uint64
	first   altStack
)

type altStack struct {
	sp, size uintptr
	flags    int32
}

func (s *altStack) holds(sp uint64) bool { return uint64(s.sp) <= sp && sp < uint64(s.sp+s.size) }

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func call(nr, a, b, c uintptr) {
	if _, _, e := syscall.RawSyscall(nr, a, b, c); e != 0 {
		fail("kernel entry %d: %v", nr, e)
	}
}

func install(sig syscall.Signal, page []byte) {
	act := struct {
		handler, tramp uintptr
		mask           uint32
		flags          int32
	}{uintptr(unsafe.Pointer(handler)), uintptr(unsafe.Pointer(&page[0])), ^uint32(0), saOnStack | saRestart}
	call(46, uintptr(sig), uintptr(unsafe.Pointer(&act)), 0)
}

// takenByFirst does something that raises a signal and reports whether the
// first thread took it.
func takenByFirst(what string, raise func()) bool {
	n := handler[1].Load()
	raise()
	for start := time.Now(); handler[1].Load() == n; time.Sleep(time.Millisecond) {
		if time.Since(start) > 2*time.Minute {
			fail("%s: nobody took the signal", what)
		}
	}
	return first.holds(handler[0].Load())
}

func main() {
	runtime.LockOSThread()
	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		fail("mmap: %v", err)
	}
	copy(page, tramp[runtime.GOARCH])
	handler = (*[2]atomic.Uint64)(unsafe.Pointer(&page[2048]))
	call(53, 0, uintptr(unsafe.Pointer(&first)), 0)
	for _, sig := range []syscall.Signal{syscall.SIGUSR2, syscall.SIGPIPE, syscall.SIGPROF} {
		install(sig, page)
	}

	step := make(chan string)
	go worker(step)
	for s := range step {
		m := uint32(0)
		if s == "block" {
			m = 1 << (syscall.SIGUSR2 - 1)
		}
		call(329, setMask, uintptr(unsafe.Pointer(&m)), 0)
		step <- "done"
	}
}

func worker(step chan string) {
	defer close(step)
	runtime.LockOSThread()
	kill := func() { call(37, uintptr(syscall.Getpid()), uintptr(syscall.SIGUSR2), 1) }
	if !takenByFirst("kill", kill) {
		fail("a signal to the process was not taken by its oldest thread")
	}
	step <- "block"
	<-step
	if takenByFirst("kill", kill) {
		fail("a signal was taken by a thread that blocks it")
	}
	step <- "unblock"
	<-step

	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		fail("pipe: %v", err)
	}
	syscall.Close(p[0])
	if !takenByFirst("write", func() {
		if _, err := syscall.Write(p[1], []byte{0}); err != syscall.EPIPE {
			fail("write to a broken pipe: %v", err)
		}
	}) {
		fail("SIGPIPE was not taken by the oldest thread")
	}

	// Only this thread works.
	type timeval struct {
		sec  int
		usec int32
	}
	timer := struct{ interval, value timeval }{timeval{usec: 5000}, timeval{usec: 5000}}
	call(83, 2 /* ITIMER_PROF */, uintptr(unsafe.Pointer(&timer)), 0)
	onFirst, all := 0, 0
	last := handler[1].Load()
	for start := time.Now(); all < 40 && time.Since(start) < 2*time.Minute; {
		if n := handler[1].Load(); n != last {
			last = n
			all++
			if first.holds(handler[0].Load()) {
				onFirst++
			}
		}
	}
	timer.value.usec = 0
	call(83, 2, uintptr(unsafe.Pointer(&timer)), 0)
	if all < 40 {
		fail("only %d SIGPROFs in two minutes", all)
	}
	release, _ := syscall.Sysctl("kern.osrelease")
	major := 0
	fmt.Sscan(strings.Split(release, ".")[0], &major)
	switch { // nearly none or nearly all; a host's timer may find a thread of the runner's at work
	case major >= 15 && onFirst*2 > all:
		fail("Darwin %d: the idle first thread took %d of %d SIGPROFs", major, onFirst, all)
	case major < 15 && onFirst*2 < all:
		fail("Darwin %d: the first thread took only %d of %d SIGPROFs", major, onFirst, all)
	}
}
