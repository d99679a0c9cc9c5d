// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A program that writes to a broken standard output dies of SIGPIPE and of
// nothing else, however many threads it has that could take the signal, and
// however slow they are to take it.
//
// Bugs: golang.org/issue/15613, golang.org/issue/14063, golang/go c1b32acefb
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"
)

const childVar = "SIGRAISE"

// count returns short, or full if GOXNU_LONG is set, as make test-signals LONG=1 does.
func count(short, full int) int {
	if os.Getenv("GOXNU_LONG") != "" {
		return full
	}
	return short
}

// child has 64 threads that are busy, the oldest of all among them, and another
// that writes. They want a processor for each, or the scheduler would let some wait.
func child() {
	const busy = 64
	runtime.GOMAXPROCS(busy + 8)
	debug.SetGCPercent(-1)
	var running atomic.Int32
	spin := func() {
		runtime.LockOSThread()
		running.Add(1)
		for {
		}
	}
	for range busy - 1 {
		go spin()
	}
	go func() {
		for running.Load() < busy {
			time.Sleep(time.Millisecond)
		}
		for {
			os.Stdout.WriteString("into the void\n")
		}
	}()
	spin()
}

// The main goroutine runs on the oldest thread, which gets what is sent to the process.
func init() { runtime.LockOSThread() }

func main() {
	if os.Getenv(childVar) != "" {
		child()
	}
	exe, err := os.Executable()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for i := range count(3, 1000) {
		r, w, err := os.Pipe()
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		r.Close()
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), childVar+"=1")
		cmd.Stdout = w
		err = cmd.Run()
		w.Close()
		ws, ok := syscall.WaitStatus(0), false
		if cmd.ProcessState != nil {
			ws, ok = cmd.ProcessState.Sys().(syscall.WaitStatus)
		}
		if !ok || !ws.Signaled() || ws.Signal() != syscall.SIGPIPE {
			fmt.Printf("child %d ended with %v, want death by SIGPIPE\n", i, err)
			os.Exit(1)
		}
	}
}
