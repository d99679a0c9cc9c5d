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
	"sync/atomic"
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

// count returns short, or full if GOXNU_LONG is set, as make test-signals LONG=1 does.
func count(short, full int) int {
	if os.Getenv("GOXNU_LONG") != "" {
		return full
	}
	return short
}

func main() {
	const d = 300 * time.Millisecond
	// If timers stop altogether, so does everything below.
	var alive atomic.Int64
	go func() {
		runtime.LockOSThread()
		for {
			n := alive.Load()
			const hang = 2 * time.Minute
			nap(hang)
			if alive.Load() == n {
				fail("a sleep has not ended after %v", hang)
			}
		}
	}()

	// A second in which the runtime sleeps takes at most a twentieth of it more of
	// processor time than one in which a thread sleeps in the kernel, in one try of
	// some: what is left to do from before may fall into the others.
	more := time.Duration(1 << 62)
	for try := 0; more > time.Second/20; try++ {
		if try == 10 {
			fail("an idle second took %v of processor time", more)
		}
		before := cpu()
		nap(time.Second)
		between := cpu()
		time.Sleep(time.Second)
		more = min(more, cpu()-between-(between-before))
		alive.Add(1)
	}

	// A sleep ends no later than a second after one in the kernel that began with
	// it, in one try of three: a busy machine delays both.
	late := 0
	for n := 0; n < count(10, 1000); n++ {
		kernel := make(chan time.Time, 1)
		go func() {
			runtime.LockOSThread()
			nap(d / 10)
			kernel <- time.Now()
		}()
		begin := time.Now()
		time.Sleep(d / 10)
		end := time.Now()
		if took := end.Sub(begin); took < d/10 {
			fail("slept %v, asked for %v", took, d/10)
		}
		if end.Sub(<-kernel) < time.Second {
			late = 0
		} else if late++; late == 3 {
			fail("slept %v, asked for %v", end.Sub(begin), d/10)
		}
		alive.Add(1)
	}

	for _, long := range []time.Duration{d, 1<<32 + d, 5e8 * time.Second, 1 << 31 * time.Second, 1<<31*time.Second + 1<<32, 1<<63 - 1} {
		time.Sleep(time.Millisecond) // calls back the poller, who may still wait for the last timer
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
		if took := time.Since(begin); took < d*9/10 {
			fail("with a timer of %v: woken after %v, want %v", long, took, d)
		}
		if used = cpu() - used; used > d/10 {
			fail("waiting for %v with a timer of %v took %v of processor time", d, long, used)
		}
		alive.Add(1)
	}
}
