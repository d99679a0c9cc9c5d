// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Children get the mask that the program was started with, whatever the thread
// that starts them inherited and whatever os/signal has asked for.
//
// Bugs: golang.org/issue/13164, golang/go 70c9a8187a
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"unsafe"
)

const childVar = "SIGMASKCHILD"

// mask sets the calling thread's mask if set is not nil, and returns the old one.
func mask(set *uint32) uint32 {
	var old uint32
	if _, _, e := syscall.RawSyscall(329 /* __pthread_sigmask */, 3, uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(&old))); e != 0 {
		panic(e)
	}
	return old
}

func main() {
	runtime.LockOSThread()
	if os.Getenv(childVar) != "" {
		fmt.Printf("%#x\n", mask(nil))
		return
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	start := mask(nil)
	want := fmt.Sprintf("%#x", start)

	// The creator of the threads blocks all it can.
	all := ^uint32(0)
	mask(&all)
	exe, err := os.Executable()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	const n = 8
	var ready, done sync.WaitGroup
	ready.Add(n)
	var got [n]string
	for i := range n {
		done.Go(func() {
			runtime.LockOSThread()
			ready.Done()
			ready.Wait() // each on a thread of its own
			cmd := exec.Command(exe)
			cmd.Env = append(os.Environ(), childVar+"=1")
			out, err := cmd.CombinedOutput()
			got[i] = strings.TrimSpace(string(out))
			if err != nil {
				got[i] += " " + err.Error()
			}
		})
	}
	done.Wait()
	for i, g := range got {
		if g != want {
			fmt.Printf("child %d: mask %s, want %s\n", i, g, want)
			os.Exit(1)
		}
	}
}
