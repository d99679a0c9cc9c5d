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

// count returns short, or full if GOXNU_LONG is set, as make test-signals LONG=1 does.
func count(short, full int) int {
	if os.Getenv("GOXNU_LONG") != "" {
		return full
	}
	return short
}

func main() {
	syscall.Setpgid(0, 0) // the storm is for us alone
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGWINCH)
	var sent atomic.Int64
	go func() {
		for {
			syscall.Kill(0, syscall.SIGWINCH)
			sent.Add(1)
		}
	}()
	// A fork that hangs, in the child or here, ends the program.
	const hang = 2 * time.Minute
	watchdog := time.AfterFunc(hang, func() {
		fmt.Println("hung")
		os.Exit(1)
	})
	least := count(200, 10000)
	for forks := 0; forks < least || sent.Load() < int64(least); forks++ {
		watchdog.Reset(hang)
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
}
