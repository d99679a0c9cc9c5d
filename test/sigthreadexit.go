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
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const childVar = "SIGTHREADEXIT"

// Kernel entries, and what two of them do with the mask.
const (
	sysSigprocmask    = 48 // of every thread
	sysPthreadKill    = 328
	sysPthreadSigmask = 329 // of the caller
	sigBlock          = 1
	sigUnblock        = 2
)

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

// count returns short, or full if GOXNU_LONG is set, as make test-signals LONG=1 does.
func count(short, full int) int {
	if os.Getenv("GOXNU_LONG") != "" {
		return full
	}
	return short
}

// hang is how long a signal may be on its way.
const hang = 2 * time.Minute

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

// Of what is pending on a thread that ends, XNU keeps some signals for execve, as
// SIGUSR1, and drops others at once, as SIGCHLD (xnu-3789 bsd/sys/signalvar.h:
// execmask).
var signals = []os.Signal{syscall.SIGUSR1, syscall.SIGCHLD}

// The main goroutine runs on the oldest thread, which is given what all block.
func init() { runtime.LockOSThread() }

func main() {
	if os.Getenv(childVar) != "" {
		child()
		return
	}
	fromItself()
	fromParent()
}

// fromItself sends each signal to the thread by its port.
func fromItself() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, signals...)
	// How long a thread lingers before it ends is adjusted round by round, so
	// that about half of the signals come too late to be accepted and the other
	// half come at the last moment.
	sent, linger := 0, 1000
	rounds := count(1500, 100000)
	for i := range rounds {
		sig := signals[sent%2].(syscall.Signal)
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
		if _, _, e := syscall.RawSyscall(sysPthreadKill, port.Load(), uintptr(sig), 0); e != 0 {
			linger += linger/4 + 10 // it has ended
			continue
		}
		linger -= linger / 4
		sent++
		select {
		case got := <-c:
			if got != sig {
				fail("round %d: %v, want %v", i, got, sig)
			}
		case <-time.After(hang):
			fail("round %d: %v, the %dth to a thread about to end, was lost", i, sig, sent)
		}
	}
	if sent < rounds/30 {
		fail("only %d of the threads were alive when their signal was sent", sent)
	}
	signal.Reset(signals...)
}

// fromParent sends the signals to the process. All threads that stay block
// them, so that the kernel can choose only the one that is about to end; and once
// that has ended nobody, until its creator asks.
func fromParent() {
	exe, err := os.Executable()
	if err != nil {
		fail("%v", err)
	}
	cmd := exec.Command(exe)
	rounds := count(200, 100000)
	cmd.Env = append(os.Environ(), childVar+"="+strconv.Itoa(rounds))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fail("%v", err)
	}
	timer := time.AfterFunc(hang, func() {
		cmd.Process.Kill()
		fail("a signal from the parent was lost")
	})
	r := bufio.NewReader(out)
	for i := range rounds {
		// A thread is about to end; its signal has been handled.
		for _, want := range "<>" {
			if b, err := r.ReadByte(); err != nil || b != byte(want) {
				rest, _ := io.ReadAll(r)
				fail("round %d: the child says %q, want %q\n%s", i, b, want, rest)
			}
			if want == '<' {
				syscall.Kill(cmd.Process.Pid, signals[i%2].(syscall.Signal))
			}
		}
		timer.Reset(hang)
	}
	if err := cmd.Wait(); err != nil {
		fail("child: %v", err)
	}
	timer.Stop()
}

// child is the process that fromParent sends to.
func child() {
	rounds, _ := strconv.Atoi(os.Getenv(childVar))
	c := make(chan os.Signal, 1)
	signal.Notify(c, signals...)
	set := uint32(1<<(syscall.SIGUSR1-1) | 1<<(syscall.SIGCHLD-1))
	mask := func(entry, how uintptr) {
		if _, _, e := syscall.RawSyscall(entry, how, uintptr(unsafe.Pointer(&set)), 0); e != 0 {
			fail("kernel entry %d: %v", entry, e)
		}
	}
	linger := 1000
	for i := range rounds {
		mask(sysSigprocmask, sigBlock) // in every thread
		ended := make(chan bool)
		go func(linger int) {
			runtime.LockOSThread() // the thread ends with the goroutine
			mask(sysPthreadSigmask, sigUnblock)
			syscall.RawSyscall(syscall.SYS_WRITE, 1, uintptr(unsafe.Pointer(&begin)), 1)
			for n := range linger {
				spin.Store(int64(n))
			}
			close(ended)
		}(linger)
		<-ended
		// Who got it? What comes now came too late for the thread.
		var got os.Signal
		select {
		case got = <-c:
			linger -= linger / 4
		case <-time.After(time.Millisecond):
			linger += linger/4 + 10
			mask(sysSigprocmask, sigUnblock)
			got = <-c
		}
		if got != signals[i%2] {
			fail("round %d: %v, want %v", i, got, signals[i%2])
		}
		os.Stdout.WriteString(">")
	}
}

var begin byte = '<'
