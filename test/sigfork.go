// run

//go:build darwin && !ios && amd64

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

	// RawSyscall adds 0x2000000, the class of BSD calls; a Mach trap has 0x1000000.
	trapThreadSelf = ^uintptr(0) - 0x1000000 + 1 + 27
)

type stack struct {
	sp, size uintptr
	flags    int32
}

func main() {
	runtime.LockOSThread()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1)
	_, _, self := syscall.RawSyscall(trapThreadSelf, 0, 0, 0) // the carry flag was set, so this is the result
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
