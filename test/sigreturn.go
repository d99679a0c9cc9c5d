// run

//go:build darwin && !ios && (amd64 || 386)

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
	"unsafe"
)

const sysPthreadKill = 328

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
