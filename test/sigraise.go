// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A program that writes to a broken standard output dies of SIGPIPE and of
// nothing else, however many threads it has that could take the signal.
//
// Bugs: golang.org/issue/15613, golang.org/issue/14063, golang/go c1b32acefb
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

const childVar = "SIGRAISE"

func main() {
	if os.Getenv(childVar) != "" {
		for range 8 {
			go func() {
				runtime.LockOSThread()
				for {
				}
			}()
		}
		for {
			os.Stdout.WriteString("into the void\n")
		}
	}
	exe, err := os.Executable()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for i := range 10 {
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
