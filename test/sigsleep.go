// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Signals neither prolong a sleep nor end it early, in whatever call the
// sleeping thread waits.
//
// Bugs: golang.org/issue/27520, golang.org/issue/17161, golang/go 42257a262c
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const sysPthreadKill = 328

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

func main() {
	// The ports of all threads: names lie 0x100 apart (xnu-3789
	// osfmk/mach/port.h), and those that are no thread's are refused.
	self := threadSelf()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGIO)
	var done atomic.Bool
	sent := make(chan int)
	go func() {
		runtime.LockOSThread()
		n := 0
		for !done.Load() {
			time.Sleep(10 * time.Millisecond)
			low := uintptr(self) &^ 0xffff
			for name := low; name < low+0x8000; name += 0x100 {
				if _, _, e := syscall.RawSyscall(sysPthreadKill, name|uintptr(self)&0xff, uintptr(syscall.SIGIO), 0); e == 0 {
					n++
				}
			}
		}
		sent <- n
	}()

	const d = time.Second
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			start := time.Now()
			select {
			case <-time.After(d):
			case <-time.After(5 * d):
			}
			if took := time.Since(start); took < d || took > 2*d {
				fmt.Printf("slept %v, asked for %v\n", took, d)
				os.Exit(1)
			}
		})
	}
	// If timers stop altogether, so does the wait above.
	watchdog := make(chan bool)
	go func() {
		runtime.LockOSThread()
		for start := time.Now(); time.Since(start) < 8*d; {
			syscall.Select(0, nil, nil, nil, &syscall.Timeval{Usec: 100000})
			select {
			case <-watchdog:
				return
			default:
			}
		}
		fmt.Printf("a sleep of %v has not ended after %v\n", d, 8*d)
		os.Exit(1)
	}()
	wg.Wait()
	close(watchdog)
	done.Store(true)
	if n := <-sent; n < 50 {
		fmt.Printf("only %d signals were sent\n", n)
		os.Exit(1)
	}
}
