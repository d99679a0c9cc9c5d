// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A pipe that cannot be made closes nothing: with no descriptor left, pipes,
// files and children fail, and standard input stays open.
//
// Bugs: golang.org/issue/50057, golang/go a76511f3a4
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func main() {
	time.Sleep(1) // the runtime needs descriptors of its own, from the first timer on
	exe, err := os.Executable()
	if err != nil {
		fail("%v", err)
	}
	var was [3]syscall.Stat_t
	check := func(what string, err error) {
		if !errors.Is(err, syscall.EMFILE) {
			fail("%s with no descriptor left: %v", what, err)
		}
		for fd, want := range was {
			var st syscall.Stat_t
			if err := syscall.Fstat(fd, &st); err != nil || st.Ino != want.Ino || st.Dev != want.Dev {
				fail("%s closed descriptor %d: %v", what, fd, err)
			}
		}
	}
	for fd := range was {
		if err := syscall.Fstat(fd, &was[fd]); err != nil {
			fail("descriptor %d: %v", fd, err)
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		fail("setrlimit: %v", err)
	}
	var files []*os.File
	for {
		f, err := os.Open(exe)
		if err != nil {
			check("open", err)
			break
		}
		files = append(files, f)
	}
	for spare := range 4 {
		p := []int{-1, -1}
		if spare < 2 {
			err := syscall.Pipe(p)
			if p[0] != -1 || p[1] != -1 {
				fail("a pipe that failed has descriptors %v", p)
			}
			check("syscall.Pipe", err)
			_, _, err = os.Pipe()
			check("os.Pipe", err)
			_, err = os.StartProcess(exe, []string{exe}, &os.ProcAttr{Files: []*os.File{os.Stdin}})
			check("os.StartProcess", err)
		}
		if spare < 3 {
			_, err = exec.Command(exe).CombinedOutput() // /dev/null and two pipes
			check("exec.Command", err)
		}
		files[spare].Close()
	}
}
