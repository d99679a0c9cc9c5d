// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Signals neither prolong a sleep nor end it early, in whatever call the
// sleeping thread waits. (A semasleep that begins anew is no matter for timers, which
// sysmon, the poller and any thread that looks for work all watch: package runtime's
// TestSemasleepSignals is for that.)
//
// Bugs: golang.org/issue/17161, golang.org/issue/46466, golang.org/issue/16382
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
	var sent atomic.Int64
	go func() {
		runtime.LockOSThread()
		for {
			syscall.Select(0, nil, nil, nil, &syscall.Timeval{Usec: 10000})
			low := uintptr(self) &^ 0xffff
			for name := low; name < low+0x8000; name += 0x100 {
				if _, _, e := syscall.RawSyscall(sysPthreadKill, name|uintptr(self)&0xff, uintptr(syscall.SIGIO), 0); e == 0 {
					sent.Add(1)
				}
			}
		}
	}()

	// If timers stop altogether, so does the wait below.
	const d, hang = 500 * time.Millisecond, 2 * time.Minute
	awake := make(chan bool, 1)
	go func() {
		runtime.LockOSThread()
		for start := time.Now(); time.Since(start) < hang; {
			syscall.Select(0, nil, nil, nil, &syscall.Timeval{Usec: 100000})
			select {
			case <-awake:
				start = time.Now()
			default:
			}
		}
		fmt.Printf("a sleep of %v has not ended after %v\n", d, hang)
		os.Exit(1)
	}()
	for round := 0; round < 2 || sent.Load() < 50; round++ {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				start := time.Now()
				select {
				case <-time.After(d):
				case <-time.After(100 * d):
				}
				if took := time.Since(start); took < d {
					fmt.Printf("slept %v, asked for %v\n", took, d)
					os.Exit(1)
				}
			})
		}
		wg.Wait()
		awake <- true
	}
}
