// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A signal to the process group must not run a Go handler in a child between
// fork and exec: the child has no signal stack.
//
// Bugs: golang.org/issue/18600, golang/go df0892cbf8
package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	syscall.Setpgid(0, 0) // the storm is for us alone
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGWINCH)
	var done atomic.Bool
	storm := make(chan int)
	go func() {
		n := 0
		for ; !done.Load(); n++ {
			syscall.Kill(0, syscall.SIGWINCH)
		}
		storm <- n
	}()
	forks := 0
	for start := time.Now(); time.Since(start) < 2*time.Second && forks < 500; forks++ {
		// A child that has nothing to execute says so through a pipe. One
		// that dies before says nothing, and counts as started.
		pid, err := syscall.ForkExec("/nonexistent/program", []string{"program"}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
		if err == nil {
			var status syscall.WaitStatus
			syscall.Wait4(pid, &status, 0, nil)
			fmt.Printf("child %d died before exec: status %#x\n", forks, uint32(status))
			os.Exit(1)
		}
		if err != syscall.ENOENT {
			fmt.Println("fork:", err)
			os.Exit(1)
		}
	}
	done.Store(true)
	if n := <-storm; n < forks || forks < 20 {
		fmt.Printf("%d signals, %d children: too few to say anything\n", n, forks)
		os.Exit(1)
	}
}
