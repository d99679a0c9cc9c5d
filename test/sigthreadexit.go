// run

//go:build darwin && !ios && amd64

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A signal that the kernel has accepted for a thread is delivered even if the
// thread ends just then: XNU drops what is pending on a dying thread.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	sysPthreadKill = 328
	// RawSyscall adds 0x2000000, the class of BSD calls; a Mach trap has 0x1000000.
	trapThreadSelf = ^uintptr(0) - 0x1000000 + 1 + 27
)

var spin atomic.Int64

// threadSelf returns the port of the calling thread. RawSyscall takes the
// result for an error number: its addition sets the carry flag, and a Mach trap
// leaves that alone.
func threadSelf() uintptr {
	_, _, e := syscall.RawSyscall(trapThreadSelf, 0, 0, 0)
	return uintptr(e)
}

func main() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	sent := 0
	for i := range 3000 {
		var port atomic.Uintptr
		go func() {
			runtime.LockOSThread() // the thread ends with the goroutine
			port.Store(threadSelf())
			for n := range 200 { // vary the moment
				spin.Store(int64(n))
			}
		}()
		p := port.Load()
		for p == 0 {
			p = port.Load()
		}
		for n := range i % 1000 {
			spin.Store(int64(n))
		}
		if _, _, e := syscall.RawSyscall(sysPthreadKill, p, uintptr(syscall.SIGUSR1), 0); e != 0 {
			continue // it has ended
		}
		sent++
		select {
		case <-c:
		case <-time.After(5 * time.Second):
			fmt.Printf("round %d: signal %d to a thread about to end was lost\n", i, sent)
			os.Exit(1)
		}
	}
	if sent == 0 {
		fmt.Println("no thread was alive when its signal was sent: nothing was tested")
		os.Exit(1)
	}
}
