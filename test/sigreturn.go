// run

//go:build darwin && !ios && amd64

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Ten thousand signals, each of which has to come back by sigreturn. From macOS
// 10.14 on sigreturn has a token; whether it is checked depends on the first
// sigaction of the process (xnu-4903 bsd/dev/i386/unix_signal.c:sigreturn), so
// it must be passed on in any case.
//
// Bugs: sigreturn token of macOS 10.14
package main

import (
	"fmt"
	"math"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

const (
	sysPthreadKill = 328
	// RawSyscall adds 0x2000000, the class of BSD calls; a Mach trap has 0x1000000.
	trapThreadSelf = ^uintptr(0) - 0x1000000 + 1 + 27
)

func main() {
	runtime.LockOSThread()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1)
	_, _, self := syscall.RawSyscall(trapThreadSelf, 0, 0, 0) // the carry flag was set, so this is the result
	x, y := 1.0, 1
	for i := range 10000 {
		if _, _, e := syscall.RawSyscall(sysPthreadKill, uintptr(self), uintptr(syscall.SIGUSR1), 0); e != 0 {
			fmt.Println("__pthread_kill:", e)
			os.Exit(1)
		}
		x += math.Sqrt(float64(i))
		y += i
	}
	want := 1.0
	for i := range 10000 {
		want += math.Sqrt(float64(i))
	}
	if x != want || y != 1+10000*9999/2 {
		fmt.Printf("sums %v and %d, want %v and %d: registers were changed\n", x, y, want, 1+10000*9999/2)
		os.Exit(1)
	}
}
