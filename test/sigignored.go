// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A signal that the parent ignored stays ignored (nohup), and a mask that the
// parent set stays set, while faults still become panics.
//
// Bugs: golang.org/issue/4491, golang/go 84cfba17c2, golang/go f3407f445d
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

const childVar = "SIGIGNORED"

func mask(set *uint32) uint32 {
	var old uint32
	if _, _, e := syscall.RawSyscall(329 /* __pthread_sigmask */, 3, uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(&old))); e != 0 {
		panic(e)
	}
	return old
}

func fault() (recovered bool) {
	defer func() { recovered = recover() != nil }()
	var p *int
	return *p == 0
}

const usr1 = uint32(1) << (syscall.SIGUSR1 - 1)

func child() string {
	if !signal.Ignored(syscall.SIGHUP) {
		return "SIGHUP was ignored by the parent, but is not here"
	}
	seen := make(chan uint32)
	go func() {
		runtime.LockOSThread()
		if !fault() {
			seen <- ^uint32(0)
		}
		seen <- mask(nil)
	}()
	for who, m := range map[string]uint32{"first": mask(nil), "new": <-seen} {
		if m != usr1 {
			return fmt.Sprintf("the %s thread's mask is %#x, want %#x", who, m, usr1)
		}
	}
	syscall.Kill(syscall.Getpid(), syscall.SIGHUP)
	syscall.Kill(syscall.Getpid(), syscall.SIGUSR1) // kills, if anyone lets it through
	time.Sleep(50 * time.Millisecond)
	return ""
}

func main() {
	runtime.LockOSThread()
	if os.Getenv(childVar) != "" {
		if msg := child(); msg != "" {
			fmt.Println(msg)
			os.Exit(1)
		}
		return
	}
	signal.Ignore(syscall.SIGHUP)
	m := usr1
	mask(&m)
	exe, err := os.Executable()
	if err == nil {
		err = syscall.Exec(exe, os.Args, append(os.Environ(), childVar+"=1"))
	}
	fmt.Println(err)
	os.Exit(1)
}
