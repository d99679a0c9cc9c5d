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
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const countVar = "EXECPREEMPT"

// count returns short, or full if GOXNU_LONG is set, as make test-signals LONG=1 does.
func count(short, full int) int {
	if os.Getenv("GOXNU_LONG") != "" {
		return full
	}
	return short
}

func main() {
	left, err := strconv.Atoi(os.Getenv(countVar))
	if err != nil {
		// Each program of the chain prints a letter.
		n := count(20, 1000)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), countVar+"="+strconv.Itoa(n))
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != strings.Repeat("x", n+1) {
			fmt.Printf("%v after %d of %d executions\n%s\n", err, len(out), n, strings.Trim(string(out), "x"))
			os.Exit(1)
		}
		return
	}
	os.Stdout.WriteString("x")
	if left == 0 {
		return
	}
	debug.SetGCPercent(1)
	var collections atomic.Int64
	for range 4 {
		go func() {
			for {
				runtime.GC() // stops all goroutines, if need be by signals
				collections.Add(1)
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
	for collections.Load() < 8 {
		time.Sleep(time.Millisecond)
	}
	exe, err := os.Executable()
	if err == nil {
		os.Setenv(countVar, strconv.Itoa(left-1))
		err = syscall.Exec(exe, os.Args, os.Environ())
	}
	fmt.Println(err)
	os.Exit(1)
}

var spun int
