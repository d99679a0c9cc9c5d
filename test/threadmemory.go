// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A thread that ends gives back its stack: the kernel unmaps what
// bsdthread_terminate names, the stack that the thread stands on.
//
// Bugs: golang/go 91121ff704, golang.org/issue/22248
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
)

// threads makes n threads, one after the other mostly, that end.
func threads(n int) {
	for range n / 4 {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				runtime.LockOSThread() // the thread ends with the goroutine
			})
		}
		wg.Wait()
	}
}

// maxRSS is the most memory that the program has had, in bytes.
func maxRSS() int64 {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		fmt.Println("getrusage:", err)
		os.Exit(1)
	}
	return int64(ru.Maxrss)
}

func main() {
	threads(2000)
	before := maxRSS()
	threads(6000)
	if grown := maxRSS() - before; grown > 24<<20 {
		fmt.Printf("6000 threads that ended left %d KiB behind\n", grown>>10)
		os.Exit(1)
	}
}
