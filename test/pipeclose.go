// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Readers of a pipe wake when its far end is closed, in another process and all
// at once; a writer fails when the reader has gone.
//
// Bugs: golang.org/issue/63937, golang.org/issue/61779
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const childVar = "PIPECLOSE"

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func main() {
	if os.Getenv(childVar) != "" {
		os.Stdin.Read(make([]byte, 1)) // until the parent closes it
		return
	}
	exe, err := os.Executable()
	if err != nil {
		fail("%v", err)
	}
	const readers, writers = 50, 10
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childVar+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		fail("%v", err)
	}
	woken := make(chan error)
	for i := range readers + writers {
		r, w, err := os.Pipe()
		if err != nil {
			fail("%v", err)
		}
		if i < readers {
			cmd.ExtraFiles = append(cmd.ExtraFiles, w)
			go func() {
				n, err := r.Read(make([]byte, 1))
				if n != 0 || err != io.EOF {
					err = fmt.Errorf("read: %d, %v, want EOF", n, err)
				} else {
					err = nil
				}
				woken <- err
			}()
			continue
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, r)
		go func() {
			_, err := w.Write(make([]byte, 1<<20)) // more than a pipe holds
			if pe, ok := err.(*os.PathError); !ok || pe.Err != syscall.EPIPE {
				err = fmt.Errorf("write: %v, want EPIPE", err)
			} else {
				err = nil
			}
			woken <- err
		}()
	}
	if err := cmd.Start(); err != nil {
		fail("%v", err)
	}
	for _, f := range cmd.ExtraFiles {
		f.Close()
	}
	select {
	case err := <-woken:
		fail("woken too early: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	stdin.Close()
	cmd.Wait()
	for i := range readers + writers {
		select {
		case err := <-woken:
			if err != nil {
				fail("%v", err)
			}
		case <-time.After(2 * time.Minute):
			fail("only %d of %d woke", i, readers+writers)
		}
	}
}
