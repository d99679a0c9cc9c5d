// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A program that replaces itself has no preemption signals under way: macOS 10.14
// and 10.15 deliver what comes to a thread in execve to the new program, which
// cannot take it yet.
//
// Bugs: golang.org/issue/41702, golang.org/issue/42023, golang/go 64fb6ae95f
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
)

const countVar = "EXECPREEMPT"

func main() {
	n, _ := strconv.Atoi(os.Getenv(countVar))
	if n == 20 {
		return
	}
	debug.SetGCPercent(1)
	for range 4 {
		go func() {
			for {
				runtime.GC() // stops all goroutines, if need be by signals
			}
		}()
	}
	for range 4 {
		go func() {
			for {
				for n := range 1 << 20 {
					spun = n
				}
			}
		}()
	}
	time.Sleep(30 * time.Millisecond)
	exe, err := os.Executable()
	if err == nil {
		os.Setenv(countVar, strconv.Itoa(n+1))
		err = syscall.Exec(exe, os.Args, os.Environ())
	}
	fmt.Println(err)
	os.Exit(1)
}

var spun int
