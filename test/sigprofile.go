// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Profiling is started and stopped while SIGPROFs come from all sides: late
// ones do not kill, none meets a lock that its thread holds, and the handler
// goes back to the g that it came from.
//
// Bugs: golang.org/issue/15994, golang.org/issue/19320, golang.org/issue/43828, golang.org/issue/41014, golang/go 53a529ab2b
package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

// count returns short, or full if GOXNU_LONG is set, as make test-signals LONG=1 does.
func count(short, full int) int {
	if os.Getenv("GOXNU_LONG") != "" {
		return full
	}
	return short
}

func main() {
	// The first SIGPROF from outside: nothing has been started yet, so it is
	// the documentation's "no action".
	pid := syscall.Getpid()
	var done, started atomic.Bool
	var wg sync.WaitGroup
	var sent atomic.Int64
	wg.Go(func() {
		runtime.LockOSThread()
		for !done.Load() {
			if started.Load() {
				syscall.Kill(pid, syscall.SIGPROF)
				sent.Add(1)
			}
		}
	})
	for range 2 {
		wg.Go(func() {
			// Work on g0 stacks: collections, stacks that grow, new threads.
			for !done.Load() {
				runtime.GC()
				deep(1000)
				new := make(chan bool)
				go func() {
					runtime.LockOSThread() // the thread ends with the goroutine
					close(new)
				}()
				<-new
			}
		})
	}
	const hang = 2 * time.Minute
	watchdog := time.AfterFunc(hang, func() { fail("hung") })
	least := count(10, 2000)
	for round := 0; round < least || sent.Load() < 1000; round++ {
		watchdog.Reset(hang)
		var profile bytes.Buffer
		if err := pprof.StartCPUProfile(&profile); err != nil {
			fail("%v", err)
		}
		started.Store(true)
		deep(100)
		pprof.StopCPUProfile()
		if profile.Len() == 0 {
			fail("the profile is empty")
		}
		syscall.Kill(pid, syscall.SIGPROF) // a late one
	}
	done.Store(true)
	wg.Wait()
}

//go:noinline
func deep(n int) int {
	var room [64]byte
	if n > 0 {
		room[n%64] = byte(deep(n - 1))
	}
	return int(room[n%64])
}
