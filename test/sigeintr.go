// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Calls of package os that sleep in the kernel survive handlers without
// SA_RESTART, which end them with EINTR.
//
// Bugs: golang.org/issue/38033, golang.org/issue/20400, golang.org/issue/36644, golang/go 8c1db77a92
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// tramp is a trampoline: it counts in *handler and returns.
var tramp = map[string][]byte{"amd64": {
	0xf0, 0x48, 0xff, 0x07, // LOCK; INCQ (DI)
	0x4c, 0x89, 0xc7, // MOVQ R8, DI
	0x4c, 0x89, 0xca, // MOVQ R9, DX: the token
	0xb8, 184, 0, 0, 2, // MOVL $(0x2000000+184), AX: sigreturn
	0x0f, 0x05, // SYSCALL
	0xcc, // INT $3
}, "386": {
	0x8b, 0x44, 0x24, 0x04, // MOVL 4(SP), AX: the handler
	0xf0, 0xff, 0x00, // LOCK; INCL (AX)
	0x8b, 0x4c, 0x24, 0x08, // MOVL 8(SP), CX: the style of the frame
	0x8b, 0x54, 0x24, 0x18, // MOVL 24(SP), DX: the token
	0x8b, 0x44, 0x24, 0x14, // MOVL 20(SP), AX: the ucontext
	0x89, 0x44, 0x24, 0x04, // MOVL AX, 4(SP)
	0x89, 0x4c, 0x24, 0x08, // MOVL CX, 8(SP)
	0x89, 0x54, 0x24, 0x0c, // MOVL DX, 12(SP)
	0xb8, 184, 0, 0, 0, // MOVL $184, AX: sigreturn
	0xcd, 0x80, // INT $0x80
	0xcc, // INT $3
}}

const (
	childVar  = "SIGEINTR"
	saOnStack = 1
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

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func main() {
	if os.Getenv(childVar) != "" {
		os.Stdin.Read(make([]byte, 1)) // until there is no more
		return
	}
	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	must(err)
	copy(page, tramp[runtime.GOARCH])
	handled := (*atomic.Uint64)(unsafe.Pointer(&page[2048]))
	act := struct {
		handler, tramp uintptr
		mask           uint32
		flags          int32
	}{uintptr(unsafe.Pointer(handled)), uintptr(unsafe.Pointer(&page[0])), ^uint32(0), saOnStack}
	if _, _, e := syscall.RawSyscall(46, uintptr(syscall.SIGUSR2), uintptr(unsafe.Pointer(&act)), 0); e != 0 {
		fail("sigaction: %v", e)
	}

	runtime.LockOSThread()
	self := threadSelf()
	go func() {
		for {
			time.Sleep(5 * time.Millisecond)
			syscall.RawSyscall(328 /* __pthread_kill */, uintptr(self), uintptr(syscall.SIGUSR2), 0)
		}
	}()
	// try makes a call that waits until end is called, which comes after some signals.
	try := func(what string, end func(), f func() error) {
		enough := handled.Load() + 40
		go func() {
			for handled.Load() < enough {
				time.Sleep(time.Millisecond)
			}
			end()
		}()
		if err := f(); err != nil {
			fail("%s: %v", what, err)
		}
	}

	var p [2]int
	must(syscall.Pipe(p[:]))
	r := os.NewFile(uintptr(p[0]), "pipe") // blocking, so not for the poller
	try("read", func() { syscall.Write(p[1], []byte{1}) }, func() error {
		_, err := r.Read(make([]byte, 1))
		return err
	})

	dir, err := os.MkdirTemp("", "sigeintr")
	must(err)
	defer os.RemoveAll(dir)
	fifo := filepath.Join(dir, "fifo")
	must(syscall.Mkfifo(fifo, 0o600))
	opened := make(chan bool)
	try("open", func() {
		if f, err := os.OpenFile(fifo, os.O_WRONLY, 0); err == nil {
			<-opened
			f.Close()
		}
	}, func() error {
		defer close(opened)
		f, err := os.Open(fifo)
		if err == nil {
			f.Close()
		}
		return err
	})

	exe, err := os.Executable()
	must(err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childVar+"=1")
	stdin, err := cmd.StdinPipe()
	must(err)
	must(cmd.Start())
	try("wait", func() { stdin.Close() }, cmd.Wait)
}
