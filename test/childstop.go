// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Wait returns when a child has ended, once, with its status, however often it
// stopped before.
//
// Bugs: golang.org/issue/18540, golang.org/issue/19314
package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

const childVar = "CHILDSTOP"

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func main() {
	if os.Getenv(childVar) != "" {
		os.Stdin.Read(make([]byte, 1)) // until the parent closes it
		os.Exit(3)
	}
	exe, err := os.Executable()
	if err != nil {
		fail("%v", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		fail("%v", err)
	}
	child, err := os.StartProcess(exe, []string{exe}, &os.ProcAttr{
		Env:   append(os.Environ(), childVar+"=1"),
		Files: []*os.File{r, os.Stdout, os.Stderr},
	})
	if err != nil {
		fail("%v", err)
	}
	r.Close()
	ended := make(chan *os.ProcessState, 1)
	go func() {
		state, err := child.Wait()
		if err != nil {
			fail("wait: %v", err)
		}
		ended <- state
	}()
	for i := range 6 {
		for _, sig := range []os.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
			child.Signal(sig)
			select {
			case state := <-ended:
				fail("round %d: after %v Wait returned: %v", i, sig, state)
			case <-time.After(30 * time.Millisecond):
			}
		}
	}
	w.Close()
	select {
	case state := <-ended:
		if state.ExitCode() != 3 {
			fail("Wait: %v, want exit status 3", state)
		}
	case <-time.After(2 * time.Minute):
		fail("the child has ended, but Wait has not")
	}
	if _, err := child.Wait(); err == nil {
		fail("a second Wait succeeded")
	}
}
