// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Creating a thread blocks signals in the creator only, and only meanwhile
// (golang.org/issue/4833). Under sigmask2012 every thread's mask is
// changed, and this fails.
//
// Bugs: golang.org/issue/4833, golang/go 6e2ae0a12c, golang/go 224f05ba
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

// mask returns the calling thread's mask.
func mask() uint32 {
	var old uint32
	if _, _, e := syscall.RawSyscall(329 /* __pthread_sigmask */, 3, 0, uintptr(unsafe.Pointer(&old))); e != 0 {
		panic(e)
	}
	return old
}

func main() {
	runtime.LockOSThread()
	start := mask()

	// Goroutines that end locked take their threads with them, so each round
	// creates as many threads as it has goroutines, from several threads at once.
	var creators sync.WaitGroup
	for range 4 {
		creators.Go(func() {
			for range 50 {
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(func() {
						runtime.LockOSThread()
						if m := mask(); m != start {
							fmt.Printf("new thread: mask %#x, want %#x\n", m, start)
							os.Exit(1)
						}
					})
				}
				wg.Wait()
			}
		})
	}
	finished := make(chan bool)
	go func() { creators.Wait(); close(finished) }()
	for {
		// This thread creates none while it looks.
		for range 1000 {
			if m := mask(); m != start {
				fmt.Printf("bystander: mask %#x, want %#x\n", m, start)
				os.Exit(1)
			}
		}
		select {
		case <-finished:
			return
		default:
		}
	}
}
