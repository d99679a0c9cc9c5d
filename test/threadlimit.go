// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// The kernel limits the threads of a process. A program that needs more ends
// with a message that tells their number and the errno; but there may be room
// later, so it has tried again for a while.
//
// Bugs: golang.org/issue/549, golang.org/issue/49438, golang.org/issue/18146, golang/go 59a8926829
package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	childVar = "THREADLIMIT"
	tooMany  = 9000 // package runtime's own limit is 10000
)

// start makes n threads that call life and end when it returns. The channel
// tells when they have all begun to.
func start(n int, life func()) <-chan bool {
	var wg sync.WaitGroup
	for range n {
		wg.Add(1)
		go func() {
			runtime.LockOSThread() // the thread ends with the goroutine
			wg.Done()
			life()
		}()
	}
	all := make(chan bool)
	go func() { wg.Wait(); close(all) }()
	return all
}

func forever() { select {} }

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func child(arg string) ([]byte, error) {
	exe, err := os.Executable()
	if err != nil {
		fail("%v", err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childVar+"="+arg, "GODEBUG=asyncpreemptoff=1", "GOGC=off")
	timer := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	return cmd.CombinedOutput()
}

// taskInfo returns the size of this process's memory, and how many threads it has
// (xnu-1504 to xnu-11417 bsd/kern/proc_info.c:proc_pidinfo, bsd/sys/proc_info.h:
// proc_taskinfo).
func taskInfo() (size uint64, threads int) {
	var info [24]uint32
	const pidInfo, taskInfo = 2, 4
	pid, p, n := uintptr(os.Getpid()), uintptr(unsafe.Pointer(&info)), unsafe.Sizeof(info)
	var e syscall.Errno
	if runtime.GOARCH == "386" { // the fourth argument has 64 bits
		_, _, e = syscall.Syscall9(syscall.SYS_PROC_INFO, pidInfo, pid, taskInfo, 0, 0, p, n, 0, 0)
	} else {
		_, _, e = syscall.Syscall6(syscall.SYS_PROC_INFO, pidInfo, pid, taskInfo, 0, p, n)
	}
	if e != 0 {
		fail("proc_info: %v", e)
	}
	return uint64(info[1])<<32 | uint64(info[0]), int(info[21])
}

// thousand makes as many threads, and looks what they take.
func thousand() {
	const n, each = 1000, 1 << 20
	before, had := taskInfo()
	<-start(n, forever)
	size, has := taskInfo()
	if size-before > n*each || has < had+n/2 {
		fail("%d threads more took %d KiB of memory: there were %d threads and are %d", n, (size-before)>>10, had, has)
	}
}

func main() {
	if os.Getenv(childVar) == "thousand" {
		thousand()
		return
	}
	switch n, _ := strconv.Atoi(os.Getenv(childVar)); {
	case n < 0:
		<-start(tooMany, forever)
		fmt.Println("there is room for", tooMany, "threads")
		return
	case n > 0:
		// Almost all that there is room for, then more than that, while some
		// end: those that wait in the kernel, and come back without anybody's help.
		const some = 60
		var p [2]int
		if err := syscall.Pipe(p[:]); err != nil {
			fail("%v", err)
		}
		<-start(n-40-some, forever)
		<-start(some, func() {
			var b [1]byte
			for {
				if _, err := syscall.Read(p[0], b[:]); err != syscall.EINTR {
					return
				}
			}
		})
		runtime.GOMAXPROCS(8)
		var running, full atomic.Bool
		go func() {
			// It neither blocks nor can be preempted (child asks for that, and it
			// calls nothing that looks): nobody could make a thread to go on with it.
			// One after the other, since a thread that ends may need another to go
			// on with what is left.
			var b byte
			running.Store(true)
			for !full.Load() {
			}
			for range some {
				for range 1_000_000 { // some 0.3 ms
				}
				syscall.RawSyscall(syscall.SYS_WRITE, uintptr(p[1]), uintptr(unsafe.Pointer(&b)), 1)
			}
		}()
		for !running.Load() {
			runtime.Gosched()
		}
		full.Store(true)
		for range 60 {
			<-start(1, forever)
		}
		return
	}

	if out, err := child("thousand"); err != nil || len(out) > 0 {
		fail("%v\n%s", err, out[:min(len(out), 500)])
	}

	// The kernel's answer in every release (xnu-2050
	// bsd/kern/pthread_synch.c:bsdthread_create, libpthread-105 to 519
	// kern/kern_support.c:_bsdthread_create).
	const errno = syscall.ENOMEM
	out, err := child("-1")
	if err == nil {
		return // nothing to be seen on this system
	}
	m := regexp.MustCompile(`runtime: failed to create new OS thread \(have (\d+) already; errno=(\d+)\)`).FindSubmatch(out)
	if m == nil {
		fail("%v\n%s", err, out[:min(len(out), 500)])
	}
	have, _ := strconv.Atoi(string(m[1]))
	if string(m[2]) != strconv.Itoa(int(errno)) || have < 1000 {
		fail("%s, want errno %d and at least 1000 threads", m[0], errno)
	}
	// Package runtime waits 0.2 s in all for room. Seldom that is too short, because another
	// thread that it also needs to go on cannot be made; without waiting it is always.
	for range 3 {
		if out, err = child(strconv.Itoa(have)); err == nil {
			break
		}
	}
	if err != nil {
		fail("at the limit of %d threads: %v\n%s", have, err, out[:min(len(out), 500)])
	}
}
