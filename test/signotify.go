// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A signal that comes right after Notify, to whatever thread, is not dropped;
// nor is one that comes before Stop.
//
// Bugs: golang.org/issue/33174, golang/go c33ced6d8a, golang.org/issue/14571
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
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

// The main goroutine runs on the oldest thread. That gets what is sent to the
// process, so our own signals have been delivered when kill returns.
func init() { runtime.LockOSThread() }

func main() {
	// A thread that kills as soon as it is told, without asking the scheduler.
	kill := make(chan bool)
	go func() {
		runtime.LockOSThread()
		pid := syscall.Getpid()
		for range kill {
			syscall.Kill(pid, syscall.SIGWINCH)
		}
	}()
	for i := range count(2000, 100000) {
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGWINCH)
		kill <- true
		select {
		case <-c:
		case <-time.After(2 * time.Minute):
			fmt.Printf("round %d: the first signal after Notify was lost\n", i)
			os.Exit(1)
		}
		signal.Stop(c)
		signal.Reset(syscall.SIGWINCH)
	}
	// Our own, just before Stop: Stop waits for what has been sent.
	for i := range count(2000, 100000) {
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGWINCH)
		syscall.Kill(syscall.Getpid(), syscall.SIGWINCH)
		signal.Stop(c)
		select {
		case <-c:
		case <-time.After(2 * time.Minute):
			fmt.Printf("round %d: a signal sent before Stop was lost\n", i)
			os.Exit(1)
		}
	}
}
