// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A program that waits does no work and wakes in time: for a short while, for a
// very long one, and while the time of day is set back.
//
// Bugs: golang.org/issue/26019, golang.org/issue/5063, golang/go b143feb143, golang.org/issue/16382, golang.org/issue/17610
package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

// nap sleeps in the kernel, not in the runtime; a signal ends select early.
func nap(d time.Duration) {
	for begin := time.Now(); time.Since(begin) < d; {
		tv := syscall.NsecToTimeval(int64(d - time.Since(begin)))
		syscall.Select(0, nil, nil, nil, &tv)
	}
}

// cpu is the processor time that the program has used.
func cpu() time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		fail("getrusage: %v", err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

func main() {
	const d = 300 * time.Millisecond
	// If timers stop altogether, so does everything below.
	alive := make(chan bool, 1)
	go func() {
		runtime.LockOSThread()
		for {
			for range 100 {
				nap(100 * time.Millisecond)
				if len(alive) > 0 {
					break
				}
			}
			select {
			case <-alive:
			default:
				fail("a sleep has not ended after 10s")
			}
		}
	}()

	for range 10 {
		begin := time.Now()
		time.Sleep(d / 10)
		if took := time.Since(begin); took < d/10 || took > 20*d {
			fail("slept %v, asked for %v", took, d/10)
		}
		alive <- true
	}

	for _, long := range []time.Duration{d, 1<<32 + d, 1 << 31 * time.Second, 1<<31*time.Second + 1<<32, 1<<63 - 1} {
		used := cpu()
		begin := time.Now()
		wake := make(chan bool)
		go func() {
			nap(d)
			close(wake)
		}()
		timer := time.NewTimer(long)
		select {
		case <-timer.C:
			if long != d {
				fail("a timer of %v rang after %v", long, time.Since(begin))
			}
		case <-wake:
		}
		timer.Stop()
		if took := time.Since(begin); took < d*9/10 || took > 20*d {
			fail("with a timer of %v: woken after %v, want %v", long, took, d)
		}
		if used = cpu() - used; used > d/10 {
			fail("waiting for %v with a timer of %v took %v of processor time", d, long, used)
		}
		alive <- true
	}
}
