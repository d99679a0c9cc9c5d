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
	"syscall"
	"time"
)

const (
	childVar = "THREADLIMIT"
	tooMany  = 9000 // package runtime's own limit is 10000
)

// start makes n threads that live until quit can be received from, and returns
// a channel that tells when they have all run.
func start(n int, quit <-chan bool) <-chan bool {
	var wg sync.WaitGroup
	for range n {
		wg.Add(1)
		go func() {
			runtime.LockOSThread() // the thread ends with the goroutine
			wg.Done()
			<-quit
		}()
	}
	all := make(chan bool)
	go func() { wg.Wait(); close(all) }()
	return all
}

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
	cmd.Env = append(os.Environ(), childVar+"="+arg)
	timer := time.AfterFunc(40*time.Second, func() { cmd.Process.Kill() })
	defer timer.Stop()
	return cmd.CombinedOutput()
}

func main() {
	switch n, _ := strconv.Atoi(os.Getenv(childVar)); {
	case n < 0:
		<-start(tooMany, nil)
		fmt.Println("there is room for", tooMany, "threads")
		return
	case n > 0:
		// Almost all that there is room for, then more than that, while some end.
		quit := make(chan bool)
		<-start(n-40, quit)
		runtime.GOMAXPROCS(8)
		full := make(chan bool)
		go func() {
			// It does not block: nobody could make a thread for it to go on with.
			<-full
			for start := time.Now(); time.Since(start) < 20*time.Millisecond; {
			}
			for n := 0; n < 60; runtime.Gosched() {
				select {
				case quit <- true:
					n++
				default:
				}
			}
		}()
		full <- true
		for range 60 {
			<-start(1, nil)
		}
		return
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
	if out, err := child(strconv.Itoa(have)); err != nil {
		fail("at the limit of %d threads: %v\n%s", have, err, out[:min(len(out), 500)])
	}
}
