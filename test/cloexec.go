// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Files and pipes do not get into children, whether the kernel knows O_CLOEXEC
// (Mac OS X 10.7) or not.
//
// Bugs: golang.org/issue/7187, golang/go be8aa4b073
package main

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func check(what string, fd uintptr) {
	flags, _, e := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFD, 0)
	if e != 0 || flags != syscall.FD_CLOEXEC {
		fail("%s: descriptor %d has flags %d (%v), want FD_CLOEXEC", what, fd, flags, e)
	}
}

func main() {
	exe, err := os.Executable()
	if err != nil {
		fail("%v", err)
	}
	f, err := os.Open(exe)
	if err != nil {
		fail("%v", err)
	}
	check("os.Open", f.Fd())
	dir, err := os.OpenRoot("/")
	if err == nil {
		f, err = dir.Open(".")
	}
	if err != nil {
		fail("%v", err)
	}
	check("Root.Open", f.Fd())
	r, w, err := os.Pipe()
	if err != nil {
		fail("%v", err)
	}
	check("os.Pipe", r.Fd())
	check("os.Pipe", w.Fd())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		f, err = l.(*net.TCPListener).File()
	}
	if err != nil {
		fail("%v", err)
	}
	check("File of a net.Listener", f.Fd())
}
