// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// What a child of fork starts with: no signal stack, its forking thread's mask,
// nothing pending (xnu-1504 to xnu-11417 bsd/kern/kern_fork.c:forkproc,
// uthread_alloc). Both processes come out of the same call, told apart by its
// second result.
//
// Bugs: golang.org/issue/16468, golang.org/issue/18600
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"unsafe"
)

// Kernel entries.
const (
	sysExit        = 1
	sysFork        = 2
	sysSigpending  = 52
	sysSigaltstack = 53
	sysSigmask     = 329
	setMask        = 3
	ssDisable      = 4
	wantMask       = 1<<(syscall.SIGUSR1-1) | 1<<(syscall.SIGWINCH-1)
)

type stack struct {
	sp, size uintptr
	flags    int32
}

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
	runtime.LockOSThread()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1)
	self := threadSelf()
	set := uint32(wantMask)
	all := ^uint32(0)
	seen := new(struct {
		pending, mask uint32
		ss            stack
	})
	var old uint32

	syscall.ForkLock.Lock()
	syscall.RawSyscall(sysSigmask, setMask, uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&old)))
	syscall.RawSyscall(328 /* __pthread_kill */, uintptr(self), uintptr(syscall.SIGUSR1), 0)
	syscall.RawSyscall(sysSigpending, uintptr(unsafe.Pointer(&seen.pending)), 0, 0)
	if seen.pending != 1<<(syscall.SIGUSR1-1) {
		fmt.Printf("parent: pending %#x, want SIGUSR1\n", seen.pending)
		os.Exit(1)
	}
	pid, second, e := syscall.RawSyscall(sysFork, 0, 0, 0)
	if second == 1 && e == 0 {
		// The child. It has no other thread, so it makes calls and no more.
		syscall.RawSyscall(sysSigpending, uintptr(unsafe.Pointer(&seen.pending)), 0, 0)
		syscall.RawSyscall(sysSigaltstack, 0, uintptr(unsafe.Pointer(&seen.ss)), 0)
		syscall.RawSyscall(sysSigmask, setMask, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&seen.mask)))
		wrong := uintptr(0)
		if seen.pending != 0 {
			wrong |= 1
		}
		if seen.ss.flags != ssDisable {
			wrong |= 2
		}
		if seen.mask != wantMask {
			wrong |= 4
		}
		for {
			syscall.RawSyscall(sysExit, wrong, 0, 0)
		}
	}
	syscall.RawSyscall(sysSigmask, setMask, uintptr(unsafe.Pointer(&old)), 0)
	syscall.ForkLock.Unlock()
	if e != 0 {
		fmt.Println("fork:", e)
		os.Exit(1)
	}
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(int(pid), &status, 0, nil)
		if err == nil {
			break
		}
		if err != syscall.EINTR {
			fmt.Println("wait4:", err)
			os.Exit(1)
		}
	}
	if !status.Exited() || status.ExitStatus() != 0 {
		fmt.Printf("child: %#x; exit status 1: a signal was pending, 2: it had a signal stack, 4: it had another mask\n", uint32(status))
		os.Exit(1)
	}
}
