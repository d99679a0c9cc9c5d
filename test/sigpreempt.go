// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// No thread blocks the preemption signal or one that kills, not even the one that
// os/signal keeps to have signals unblocked: a child that is being started would wait
// for the first, and the second would stay with it. And a thread that is slow to take
// a preemption signal is not sent another.
//
// Bugs: golang.org/issue/52226, golang/go e3982660a7, golang.org/issue/21433, golang.org/issue/37741
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// A record is what a handler is: the trampoline's, which takes it for one.
type record struct {
	n    atomic.Uint64 // how often it was entered
	mask atomic.Uint32 // what was blocked where it was last
}

// tramp is a trampoline: it fills *handler, a record, and returns.
var tramp = map[string][]byte{"amd64": {
	0x41, 0x8b, 0x40, 0x04, // MOVL 4(R8), AX: the mask in the ucontext
	0x89, 0x47, 0x08, // MOVL AX, 8(DI)
	0xf0, 0x48, 0xff, 0x07, // LOCK; INCQ (DI)
	0x4c, 0x89, 0xc7, // MOVQ R8, DI
	0x4c, 0x89, 0xca, // MOVQ R9, DX: the token
	0xb8, 184, 0, 0, 2, // MOVL $(0x2000000+184), AX: sigreturn
	0x0f, 0x05, // SYSCALL
	0xcc, // INT $3
}, "386": {
	0x8b, 0x44, 0x24, 0x04, // MOVL 4(SP), AX: the handler
	0x8b, 0x4c, 0x24, 0x14, // MOVL 20(SP), CX: the ucontext
	0x8b, 0x49, 0x04, // MOVL 4(CX), CX: the mask in it
	0x89, 0x48, 0x08, // MOVL CX, 8(AX)
	0xf0, 0xff, 0x00, // LOCK; INCL (AX)
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
)

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

// hang is how long nothing may happen.
const hang = 2 * time.Minute

// forks starts children while collections preempt everything: none has to wait.
func forks() {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	watchdog := time.AfterFunc(hang, func() { fail("a fork hangs") })
	defer watchdog.Stop()
	for range count(100, 100000) {
		garbage = make([]byte, 64<<10)
		// One that has nothing to execute says so through a pipe.
		if _, err := syscall.ForkExec("/nonexistent/program", []string{"program"}, new(syscall.ProcAttr)); err != syscall.ENOENT {
			fail("fork: %v", err)
		}
		watchdog.Reset(hang)
	}
}

var garbage []byte

// threads calls f with the ports of all threads: names lie 0x100 apart, and a low
// byte of 3 grows by 4 when one is used again (xnu-3789 osfmk/mach/port.h,
// osfmk/ipc/ipc_entry.h). Those that are no thread's are refused. It returns how
// many there are.
func threads(self uintptr, f func(port uintptr)) (n int) {
	for name := uintptr(3); name < self+0x4000; name += 4 {
		if _, _, e := syscall.RawSyscall(328 /* __pthread_kill */, name, 0, 0); e == 0 {
			f(name)
			n++
		}
	}
	return n
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
	self := threadSelf()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1, syscall.SIGHUP)
	for range 8 {
		started := make(chan bool)
		go func() {
			runtime.LockOSThread()
			close(started)
			select {}
		}()
		<-started
	}
	forks()

	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		fail("mmap: %v", err)
	}
	copy(page, tramp[runtime.GOARCH])
	catch := func(sig syscall.Signal, at int) *record {
		r := (*record)(unsafe.Pointer(&page[at]))
		act := struct {
			handler, tramp uintptr
			mask           uint32
			flags          int32
		}{uintptr(unsafe.Pointer(r)), uintptr(unsafe.Pointer(&page[0])), ^uint32(0), saOnStack | saRestart}
		if _, _, e := syscall.RawSyscall(46, uintptr(sig), uintptr(unsafe.Pointer(&act)), 0); e != 0 {
			fail("sigaction: %v", e)
		}
		return r
	}
	// What os/signal was asked for is blocked nowhere, and nobody else sends it.
	asked := catch(syscall.SIGUSR1, 2048)
	n := threads(self, func(port uintptr) {
		before := asked.n.Load()
		if _, _, e := syscall.RawSyscall(328 /* __pthread_kill */, port, uintptr(syscall.SIGUSR1), 0); e != 0 {
			fail("thread %#x: %v", port, e)
		}
		for start := time.Now(); asked.n.Load() == before; {
			if time.Since(start) > hang {
				fail("thread %#x does not take SIGUSR1", port)
			}
			syscall.Select(0, nil, nil, nil, &syscall.Timeval{Usec: 1000})
		}
		for _, sig := range []syscall.Signal{syscall.SIGURG, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGSEGV} {
			if asked.mask.Load()&(1<<(sig-1)) != 0 {
				fail("thread %#x does not take %v: its mask is %#x", port, sig, asked.mask.Load())
			}
		}
	})
	if n < 10 {
		fail("only %d threads were found", n)
	}

	// The runtime does not learn that its signals arrive, so each thread gets one.
	// The collection asks, ten times a millisecond, until the spinners end.
	preempted := catch(syscall.SIGURG, 3072)
	var spinning atomic.Int32
	var collecting atomic.Bool
	var spinners sync.WaitGroup
	for range 4 {
		spinners.Go(func() {
			for !collecting.Load() {
				runtime.Gosched()
			}
			spinning.Add(1)
			for begin := time.Now(); time.Since(begin) < 400*time.Millisecond; {
				for n := range 1 << 16 {
					spun.Store(int64(n))
				}
			}
		})
	}
	collecting.Store(true)
	for spinning.Load() == 0 {
		runtime.Gosched()
	}
	runtime.GC()
	spinners.Wait()
	if n, most := preempted.n.Load(), threads(self, func(uintptr) {}); n > uint64(most) {
		fail("%d threads got %d preemption signals, and none had been answered", most, n)
	}
}

var spun atomic.Int64
