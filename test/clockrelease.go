// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// The clocks agree with the kernel's on every release: the time of day is made
// from the commpage, whose layout changed in 10.13, or asked of gettimeofday,
// which returns it in registers up to 10.11 and in memory from 10.12 on, where
// it also takes a third pointer.
//
// Bugs: golang.org/issue/16272, golang.org/issue/16570, golang.org/issue/22037, golang.org/issue/23419
package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

func main() {
	for i := range 200 {
		// syscall.Gettimeofday goes another way than time.Now.
		var before, after syscall.Timeval
		err := syscall.Gettimeofday(&before)
		now := time.Now()
		if err == nil {
			err = syscall.Gettimeofday(&after)
		}
		if err != nil {
			fmt.Println("gettimeofday:", err)
			os.Exit(1)
		}
		lo, hi := before.Nano()-1e6, after.Nano()+1e6
		if t := now.UnixNano(); t < lo || t > hi {
			fmt.Printf("reading %d: time.Now says %d, gettimeofday %d before and %d after\n", i, t, before.Nano(), after.Nano())
			os.Exit(1)
		}
	}
	// The monotonic clock runs as fast as the other.
	start, wall := time.Now(), time.Now().Round(0)
	time.Sleep(300 * time.Millisecond)
	mono, wallSpan := time.Since(start), time.Now().Round(0).Sub(wall)
	if d := mono - wallSpan; d < -20*time.Millisecond || d > 20*time.Millisecond {
		fmt.Printf("in %v of the wall clock the monotonic one advanced by %v\n", wallSpan, mono)
		os.Exit(1)
	}
}
