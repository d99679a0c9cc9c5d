// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A thread takes the mask that the program was started with, whoever created it
// (golang.org/issue/4491, 13164), and never blocks a synchronous fault.
// Under sigmask2012 it takes the mask that some thread had, and this fails.
//
// Bugs: golang.org/issue/4491, golang.org/issue/13164, golang.org/issue/4833
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

const (
	sysPthreadSigmask = 329
	setMask           = 3
	startMask         = 1<<(syscall.SIGUSR1-1) | 1<<(syscall.SIGWINCH-1)
)

// mask sets the calling thread's mask if set is not nil, and returns the old one.
func mask(set *uint32) uint32 {
	var old uint32
	if _, _, e := syscall.RawSyscall(sysPthreadSigmask, setMask, uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(&old))); e != 0 {
		panic(e)
	}
	return old
}

func fault() (recovered bool) {
	defer func() { recovered = recover() != nil }()
	var p *int
	return *p == 0
}

func main() {
	runtime.LockOSThread()
	if os.Getenv("SIGMASKSTART") == "" {
		// The mask outlives an exec (xnu-3789 bsd/kern/kern_sig.c:execsigs).
		m := uint32(startMask)
		mask(&m)
		exe, err := os.Executable()
		if err == nil {
			err = syscall.Exec(exe, os.Args, append(os.Environ(), "SIGMASKSTART=1"))
		}
		fmt.Println(err)
		os.Exit(1)
	}

	const n = 32
	all := uint32(^uint32(0))
	mask(&all) // what the creators of threads happen to block must not matter
	var (
		barrier sync.WaitGroup
		done    sync.WaitGroup
		got     [n]uint32
		ok      [n]bool
	)
	barrier.Add(n)
	for i := range n {
		done.Go(func() {
			runtime.LockOSThread()
			barrier.Done()
			barrier.Wait()
			got[i] = mask(nil)
			ok[i] = got[i] == startMask && fault() // a blocked fault is retried for ever
		})
	}
	done.Wait()
	for i := range n {
		if got[i] != startMask || !ok[i] {
			fmt.Printf("thread %d: mask %#x, want %#x; fault recovered: %v\n", i, got[i], uint32(startMask), ok[i])
			os.Exit(1)
		}
	}
}
