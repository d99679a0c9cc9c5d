// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A signal that the kernel has accepted for a thread is delivered even if the
// thread ends just then: XNU drops what is pending on a dying thread.
//
// Bugs: pending signals die with their thread
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const sysPthreadKill = 328

var spin atomic.Int64

// machine returns machine code as a function.
func machine[F any](code string) F {
	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	copy(page, code)
	entry := &page[0]
	fn := &entry
	return *(*F)(unsafe.Pointer(&fn))
}

// threadSelf returns the port of the calling thread: Mach trap 27.
var threadSelf = machine[func() uintptr](map[string]string{
	"amd64": "\xb8\x1b\x00\x00\x01\x0f\x05\xc3",                 // MOVL $0x100001b, AX; SYSCALL; RET
	"386":   "\xb8\xe5\xff\xff\xff\xcd\x81\x89\x44\x24\x04\xc3", // MOVL $-27, AX; INT $0x81; MOVL AX, 4(SP); RET
}[runtime.GOARCH])

func main() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	// How long a thread lingers before it ends is adjusted round by round, so
	// that about half of the signals come too late to be accepted and the other
	// half come at the last moment.
	sent, linger := 0, 1000
	for i := range 3000 {
		var port atomic.Uintptr
		go func(linger int) {
			runtime.LockOSThread() // the thread ends with the goroutine
			port.Store(threadSelf())
			for n := range linger {
				spin.Store(int64(n))
			}
		}(linger)
		for port.Load() == 0 {
			runtime.Gosched()
		}
		if _, _, e := syscall.RawSyscall(sysPthreadKill, port.Load(), uintptr(syscall.SIGUSR1), 0); e != 0 {
			linger += linger/4 + 10 // it has ended
			continue
		}
		linger -= linger / 4
		sent++
		select {
		case <-c:
		case <-time.After(5 * time.Second):
			fmt.Printf("round %d: signal %d to a thread about to end was lost\n", i, sent)
			os.Exit(1)
		}
	}
	if sent < 100 {
		fmt.Printf("only %d of the threads were alive when their signal was sent\n", sent)
		os.Exit(1)
	}
}
