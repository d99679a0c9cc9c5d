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
	start, mono := time.Now(), lag()
	time.Sleep(300 * time.Millisecond)
	if d := lag() - mono; d < -20*time.Millisecond || d > 20*time.Millisecond {
		fmt.Printf("in %v the clocks have moved apart by %v\n", time.Since(start), d)
		os.Exit(1)
	}
}

var begin = time.Now()

// lag returns by how much the monotonic clock has advanced less than the wall
// clock, since begin. One reading takes the wall clock first, and whatever
// happens in between makes the lag smaller; the largest of many is right.
func lag() time.Duration {
	most := time.Duration(-1 << 63)
	for range 1000 {
		now := time.Now()
		most = max(most, now.Round(0).Sub(begin.Round(0))-now.Sub(begin))
	}
	return most
}
