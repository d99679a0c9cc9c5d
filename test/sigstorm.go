// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Threads start and end in a storm of signals (golang.org/issue/3101, the bug
// that the fork began with): no thread may meet one before it can take it.
//
// Another process sends to this one as fast as it can. XNU gives such a signal to
// the oldest thread that lets it through, so mostly old threads get those. New
// ones are sent signals one by one, by the port names that they are going to
// have, as soon as they exist.
//
// Bugs: golang.org/issue/3101, golang/go 224f05ba
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	pidVar   = "SIGSTORM_PID"
	duration = 2 * time.Second
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

// newest is the highest port name that a thread has had.
var newest atomic.Uintptr

// atBirth sends SIGUSR1 to whatever thread has one of the next names. The low 8
// bits of a name count how often it was used (xnu-3789 osfmk/mach/port.h).
func atBirth(done *atomic.Bool) (sent int) {
	for !done.Load() {
		for i := range uintptr(16) {
			if _, _, e := syscall.RawSyscall(sysPthreadKill, newest.Load()+i<<8, uintptr(syscall.SIGUSR1), 0); e == 0 {
				sent++
			}
		}
	}
	return sent
}

var storm = []syscall.Signal{syscall.SIGWINCH, syscall.SIGCHLD, syscall.SIGIO, syscall.SIGUSR1}

func main() {
	if pid, err := strconv.Atoi(os.Getenv(pidVar)); err == nil {
		for start := time.Now(); time.Since(start) < 10*duration; {
			for _, sig := range storm {
				if syscall.Kill(pid, sig) != nil {
					return // the parent has ended
				}
			}
		}
		// A thread that takes a signal before it has TLS faults in its handler,
		// for ever, and the parent with it.
		fmt.Println("hung")
		syscall.Kill(pid, syscall.SIGKILL)
		return
	}

	// SIGUSR1 kills unless it is caught; the rest are ignored by default, but
	// the runtime handles them all.
	c := make(chan os.Signal, 100)
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGWINCH)
	var got atomic.Int64
	go func() {
		for range c {
			got.Add(1)
		}
	}()

	exe, err := os.Executable()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), pidVar+"="+strconv.Itoa(os.Getpid()))
	cmd.Stdout = os.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a group of its own: the storm is for us alone
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var done atomic.Bool
	sent := make(chan int)
	go func() { sent <- atBirth(&done) }()
	threads := 0
	for start := time.Now(); time.Since(start) < duration; {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				runtime.LockOSThread() // the thread ends with the goroutine
				newest.Store(max(newest.Load(), threadSelf()))
			})
		}
		wg.Wait()
		threads += 8
	}
	cmd.Process.Kill()
	cmd.Wait()
	done.Store(true)
	if births := <-sent; threads < 100 || got.Load() == 0 || births < 100 {
		fmt.Printf("%d threads, %d signals received, %d sent to new threads: too few to say anything\n", threads, got.Load(), births)
		os.Exit(1)
	}
}
