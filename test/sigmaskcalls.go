// run

//go:build darwin && !ios && amd64

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Kernel entry 329 changes the mask of the thread that makes it; 48, which is
// called sigprocmask, that of every thread (golang/go 6e2ae0a12c; xnu-1504 to
// xnu-11417 bsd/kern/kern_sig.c:sigprocmask, __pthread_sigmask).
//
// Bugs: golang.org/issue/3101, golang/go 6e2ae0a12c
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

const (
	sysSigprocmask    = 48
	sysPthreadKill    = 328
	sysPthreadSigmask = 329
	setMask           = 3

	// RawSyscall adds 0x2000000, the class of BSD calls; a Mach trap has 0x1000000.
	trapThreadSelf = ^uintptr(0) - 0x1000000 + 1 + 27
)

// threadSelf returns the port of the calling thread. RawSyscall takes the
// result for an error number: its addition sets the carry flag, and a Mach trap
// leaves that alone.
func threadSelf() uintptr {
	_, _, e := syscall.RawSyscall(trapThreadSelf, 0, 0, 0)
	return uintptr(e)
}

func check(e syscall.Errno, what string) {
	if e != 0 {
		fmt.Println(what+":", e)
		os.Exit(1)
	}
}

// mask sets a mask by one of the two calls and returns the old one.
func mask(call uintptr, set *uint32) uint32 {
	var old uint32
	_, _, e := syscall.RawSyscall(call, setMask, uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(&old)))
	check(e, "setting the mask")
	return old
}

func main() {
	runtime.LockOSThread()
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)

	// Another thread, which only waits.
	port, quit, left := make(chan uintptr), make(chan bool), make(chan uint32)
	go func() {
		runtime.LockOSThread()
		port <- threadSelf()
		<-quit
		left <- mask(sysPthreadSigmask, nil)
	}()
	other := <-port
	arrives := func(d time.Duration) bool {
		_, _, e := syscall.RawSyscall(sysPthreadKill, other, uintptr(syscall.SIGUSR1), 0)
		check(e, "__pthread_kill")
		select {
		case <-c:
			return true
		case <-time.After(d):
			return false
		}
	}

	const usr1 = 1 << (syscall.SIGUSR1 - 1)
	block := uint32(usr1)
	old := mask(sysPthreadSigmask, &block)
	if !arrives(5 * time.Second) {
		fmt.Println("after __pthread_sigmask in one thread, another does not get a signal sent to it")
		os.Exit(1)
	}
	mask(sysSigprocmask, &block)
	if arrives(100 * time.Millisecond) {
		fmt.Println("after sigprocmask (48) in one thread, another still gets a signal")
		os.Exit(1)
	}
	mask(sysSigprocmask, &old)
	if !arrives(5 * time.Second) {
		fmt.Println("unblocking by sigprocmask (48) in one thread did not unblock another")
		os.Exit(1)
	}
	close(quit)
	if m := <-left; m&usr1 != 0 {
		fmt.Printf("sigprocmask (48) left mask %#x on another thread\n", m)
		os.Exit(1)
	}
}
