// run

//go:build darwin && !ios && (amd64 || 386)

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
)

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
	if !arrives(2 * time.Minute) {
		fmt.Println("after __pthread_sigmask in one thread, another does not get a signal sent to it")
		os.Exit(1)
	}
	// The other thread may be creating one just now, or be in its handler, and
	// restore its mask.
	deaf := false
	for try := 0; try < 5 && !deaf; try++ {
		time.Sleep(10 * time.Millisecond)
		mask(sysSigprocmask, &block)
		deaf = !arrives(100 * time.Millisecond)
	}
	if !deaf {
		fmt.Println("after sigprocmask (48) in one thread, another still gets a signal")
		os.Exit(1)
	}
	mask(sysSigprocmask, &old)
	if !arrives(2 * time.Minute) {
		fmt.Println("unblocking by sigprocmask (48) in one thread did not unblock another")
		os.Exit(1)
	}
	close(quit)
	if m := <-left; m&usr1 != 0 {
		fmt.Printf("sigprocmask (48) left mask %#x on another thread\n", m)
		os.Exit(1)
	}
}
