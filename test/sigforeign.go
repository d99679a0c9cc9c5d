// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A signal on a thread that is not the runtime's, one without g: the program
// ends at once, with a message. Only the preemption signal, of which there may be
// many, is dropped.
//
// Bugs: golang.org/issue/34391, golang/go 03c58c9dcc, golang.org/issue/36996, golang.org/issue/10139
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const childVar = "SIGFOREIGN"

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

// foreign makes tls the thread's TLS, by machdep call 3, and then writes 1 to
// *running for ever.
var foreign = machine[func(tls, running *byte)](map[string]string{
	"amd64": "\x48\x89\xc7" + // MOVQ AX, DI
		"\xb8\x03\x00\x00\x03" + // MOVL $0x3000003, AX
		"\x0f\x05" + // SYSCALL
		"\xc6\x03\x01" + // MOVB $1, (BX)
		"\xf3\x90" + // PAUSE
		"\xeb\xf9", // JMP -2 instructions
	"386": "\x8b\x5c\x24\x08" + // MOVL 8(SP), BX
		"\xb8\x03\x00\x00\x00" + // MOVL $3, AX
		"\xcd\x82" + // INT $0x82
		"\x8e\xe8" + // MOVW AX, GS
		"\xc6\x03\x01" + // MOVB $1, (BX)
		"\xf3\x90" + // PAUSE
		"\xeb\xf9", // JMP -2 instructions
}[runtime.GOARCH])

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func child(mode string) {
	runtime.LockOSThread()
	debug.SetGCPercent(-1) // it would wait for the foreign thread
	if mode == "notified" {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1)
	}
	page, err := syscall.Mmap(-1, 0, 8192, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		fail("mmap: %v", err)
	}
	running := (*atomic.Uint32)(unsafe.Pointer(&page[4096]))
	port := make(chan uintptr)
	go func() {
		runtime.LockOSThread()
		port <- threadSelf()
		foreign(&page[0], &page[4096])
	}()
	other := <-port
	runs := func() {
		running.Store(0)
		for start := time.Now(); running.Load() == 0; {
			if time.Since(start) > 5*time.Second {
				fail("%s: the foreign thread does not run", mode)
			}
		}
	}
	runs()
	sig, n := syscall.SIGUSR1, 1
	switch mode {
	case "preempt":
		sig, n = syscall.SIGURG, 10000
	case "fault":
		sig = syscall.SIGSEGV
	}
	for range n {
		if _, _, e := syscall.RawSyscall(328 /* __pthread_kill */, other, uintptr(sig), 0); e != 0 {
			fail("%s: __pthread_kill: %v", mode, e)
		}
	}
	runs()
}

func main() {
	if mode := os.Getenv(childVar); mode != "" {
		child(mode)
		return
	}
	exe, err := os.Executable()
	if err != nil {
		fail("%v", err)
	}
	for _, mode := range []string{"preempt", "plain", "notified", "fault"} {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), childVar+"="+mode)
		timer := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		out, err := cmd.CombinedOutput()
		timer.Stop()
		code, want := cmd.ProcessState.ExitCode(), 2
		if mode == "preempt" {
			want = 0
		}
		if code != want || want == 2 && !strings.HasPrefix(string(out), "fatal: bad g in signal handler\n") {
			fail("%s: %v, want exit status %d\n%s", mode, err, want, out[:min(len(out), 500)])
		}
	}
}
