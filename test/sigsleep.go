// run

//go:build darwin && !ios && amd64

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
)

const (
	sysPthreadKill = 328
	// RawSyscall adds 0x2000000, the class of BSD calls; a Mach trap has 0x1000000.
	trapThreadSelf = ^uintptr(0) - 0x1000000 + 1 + 27
)

func main() {
	// The ports of all threads: names lie 0x100 apart (xnu-3789
	// osfmk/mach/port.h), and those that are no thread's are refused.
	_, _, self := syscall.RawSyscall(trapThreadSelf, 0, 0, 0) // the carry flag was set, so this is the result
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
