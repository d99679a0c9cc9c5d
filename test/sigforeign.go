// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A signal on a thread that is not the runtime's, one without g and without signal
// stack, or a fault there: the program ends at once, with a message, whoever has
// asked for the signal. Only the preemption signal, of which there may be many,
// is dropped, and goes on to be caught.
//
// A thread that never was the runtime's cannot be made: all enter the program where
// bsdthread_register has said. So one of the runtime's forgets what it has.
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

// An area is what a foreign thread uses.
type area struct {
	running byte // set to 1 all the time
	fault   byte // if not 0: reads address 0
	_       [62]byte
	noStack struct { // disables the signal stack
		sp, size uintptr
		flags    int32
	}
	_ [0xe000]byte // the stack, of which the lowest bytes are the fields above
}

// foreign makes tls the thread's TLS, by machdep call 3, disables its signal stack,
// goes to the stack of the area a, and does what a says, for ever.
var foreign = machine[func(tls, a *byte)](map[string]string{
	"amd64": "\x48\x89\xc7" + // MOVQ AX, DI
		"\xb8\x03\x00\x00\x03" + // MOVL $0x3000003, AX
		"\x0f\x05" + // SYSCALL
		"\x48\x8d\x7b\x40" + // LEAQ 64(BX), DI
		"\x31\xf6" + // XORL SI, SI
		"\xb8\x35\x00\x00\x02" + // MOVL $0x2000035, AX: sigaltstack
		"\x0f\x05" + // SYSCALL
		"\x48\x8d\xa3\x00\xe0\x00\x00" + // LEAQ 0xe000(BX), SP
		loop,
	"386": "\x8b\x5c\x24\x08" + // MOVL 8(SP), BX
		"\xb8\x03\x00\x00\x00" + // MOVL $3, AX
		"\xcd\x82" + // INT $0x82
		"\x8e\xe8" + // MOVW AX, GS
		"\x8d\x43\x40" + // LEAL 64(BX), AX
		"\x89\x44\x24\x04" + // MOVL AX, 4(SP)
		"\xc7\x44\x24\x08\x00\x00\x00\x00" + // MOVL $0, 8(SP)
		"\xb8\x35\x00\x00\x00" + // MOVL $53, AX: sigaltstack
		"\xcd\x80" + // INT $0x80
		"\x8d\xa3\x00\xe0\x00\x00" + // LEAL 0xe000(BX), SP
		loop,
}[runtime.GOARCH])

// The same code on both.
const loop = "\xc6\x03\x01" + // MOVB $1, (BX)
	"\x80\x7b\x01\x00" + // CMPB 1(BX), $0
	"\x75\x04" + // JNE over the next two instructions
	"\xf3\x90" + // PAUSE
	"\xeb\xf3" + // JMP to the first
	"\x31\xc0" + // XORL AX, AX
	"\x8a\x00" // MOVB (AX), AL

// handler returns what the kernel has for SIGURG.
func handler() uintptr {
	var old struct {
		handler     uintptr
		mask, flags int32
	}
	if _, _, e := syscall.RawSyscall(46 /* sigaction */, uintptr(syscall.SIGURG), 0, uintptr(unsafe.Pointer(&old))); e != 0 {
		fail("sigaction: %v", e)
	}
	return old.handler
}

// hang is how long nothing may happen.
const hang = 2 * time.Minute

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
	page, err := syscall.Mmap(-1, 0, 4096+int(unsafe.Sizeof(area{})), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		fail("mmap: %v", err)
	}
	a := (*area)(unsafe.Pointer(&page[4096]))
	a.noStack.flags = 4 // SS_DISABLE
	state := (*atomic.Uint32)(unsafe.Pointer(a))
	port := make(chan uintptr)
	go func() {
		runtime.LockOSThread()
		port <- threadSelf()
		foreign(&page[0], &a.running)
	}()
	other := <-port
	runs := func() {
		state.Store(0)
		for start := time.Now(); state.Load() == 0; {
			if time.Since(start) > hang {
				fail("%s: the foreign thread does not run", mode)
			}
		}
	}
	runs()
	sig, n := syscall.SIGUSR1, 1
	caught := handler()
	switch mode {
	case "preempt":
		sig, n = syscall.SIGURG, count(10000, 100000)
	case "sent fault":
		sig = syscall.SIGSEGV
	case "fault":
		state.Store(1 << 8)
		n = 0
	}
	for range n {
		if _, _, e := syscall.RawSyscall(328 /* __pthread_kill */, other, uintptr(sig), 0); e != 0 {
			fail("%s: __pthread_kill: %v", mode, e)
		}
	}
	if mode != "preempt" {
		time.Sleep(hang)
		fail("%s: it went on", mode)
	}
	runs()
	if now := handler(); now != caught || now < 2 {
		fail("%s: the handler was %#x and is %#x", mode, caught, now)
	}
}

// count returns short, or full if GOXNU_LONG is set, as make test-signals LONG=1 does.
func count(short, full int) int {
	if os.Getenv("GOXNU_LONG") != "" {
		return full
	}
	return short
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
	for _, mode := range []string{"preempt", "plain", "notified", "fault", "sent fault"} {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), childVar+"="+mode)
		timer := time.AfterFunc(2*hang, func() { cmd.Process.Kill() })
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
