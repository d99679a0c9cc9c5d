// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Threads start and end in a storm of signals (golang.org/issue/3101, the bug
// that the fork began with): no thread may meet one before it can take it.
//
// Another process sends to this one as fast as it can, and one signal more, of which
// none may be lost. XNU gives such a signal to
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
	pidVar         = "SIGSTORM_PID"
	sysPthreadKill = 328
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

// newest is the highest port name that a thread has had.
var newest atomic.Uintptr

// atBirth sends SIGUSR1 to whatever thread has one of the next names. The low 8
// bits of a name count how often it was used (xnu-3789 osfmk/mach/port.h).
func atBirth(done *atomic.Bool, sent *atomic.Int64) {
	for !done.Load() {
		for i := range uintptr(16) {
			if _, _, e := syscall.RawSyscall(sysPthreadKill, newest.Load()+i<<8, uintptr(syscall.SIGUSR1), 0); e == 0 {
				sent.Add(1)
			}
		}
	}
}

var storm = []syscall.Signal{syscall.SIGWINCH, syscall.SIGCHLD, syscall.SIGIO, syscall.SIGUSR1}

// hang is how long nothing may happen.
const hang = 2 * time.Minute

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

// sender sends the storm, and SIGUSR2s one by one, each when the last has been
// acknowledged by a byte on standard input. It ends, and its target with it, if no
// acknowledgement comes: a thread that takes a signal before it has TLS, say,
// faults in its handler for ever.
func sender(pid int) {
	lost := time.AfterFunc(hang, func() {
		fmt.Println("a signal was not acknowledged")
		syscall.Kill(pid, syscall.SIGKILL)
		os.Exit(1)
	})
	go func() {
		var b [1]byte
		for {
			syscall.Kill(pid, syscall.SIGUSR2)
			if n, err := os.Stdin.Read(b[:]); n == 0 || err != nil {
				os.Exit(0) // the parent has ended
			}
			lost.Reset(hang)
		}
	}()
	for {
		for _, sig := range storm {
			syscall.Kill(pid, sig)
		}
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
	if pid, err := strconv.Atoi(os.Getenv(pidVar)); err == nil {
		sender(pid)
	}

	// SIGUSR1 and 2 kill unless they are caught; the rest are ignored by default,
	// but the runtime handles them all.
	c := make(chan os.Signal, 100)
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGWINCH)
	go func() {
		for range c {
		}
	}()

	exe, err := os.Executable()
	if err != nil {
		fail("%v", err)
	}
	acked := make(chan os.Signal, 1)
	signal.Notify(acked, syscall.SIGUSR2)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), pidVar+"="+strconv.Itoa(os.Getpid()))
	cmd.Stdout = os.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a group of its own: the storm is for us alone
	acks, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fail("%v", err)
	}
	var got atomic.Int64
	go func() {
		for range acked {
			got.Add(1)
			acks.Write([]byte("."))
		}
	}()
	var done atomic.Bool
	var births atomic.Int64
	go atBirth(&done, &births)
	least := int64(count(1000, 20000))
	for threads := int64(0); threads < least || births.Load() < least || got.Load() < least/10; threads += 8 {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				runtime.LockOSThread() // the thread ends with the goroutine
				newest.Store(max(newest.Load(), threadSelf()))
			})
		}
		wg.Wait()
	}
	done.Store(true)
	cmd.Process.Kill()
	cmd.Wait()
}
