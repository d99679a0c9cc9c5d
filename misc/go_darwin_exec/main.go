// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

// The Go runtime must not keep descriptors of the cgroup file system open, at
// numbers that are the program's.
//
//go:debug containermaxprocs=0

// Go_darwin_exec runs a darwin/amd64 or darwin/386 program of Go on Linux, as XNU of a
// chosen release would:
//
//	go_darwin_exec [-xnu RELEASE] [-trace[=FILE]] [-fault ITEM,...] program [argument ...]
//
// Under the names go_darwin_amd64_exec and go_darwin_386_exec it is found by go
// run and go test when they cross to darwin; the program's processor decides. It must be built with -buildmode=pie.
package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"

	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xnu"
)

// Exit statuses for what is not the program's doing. A shell uses the last
// two in the same sense.
const (
	exitUsage    = 2
	exitHost     = xnu.HostFailure // this host cannot run the runner
	exitCannot   = 126             // the program was found, but cannot be run
	exitNotFound = 127
)

// die ends the runner with one line on stderr.
func die(status int, format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", xnu.Name, fmt.Sprintf(format, args...))
	os.Exit(status)
}

func init() {
	runtime.LockOSThread() // main begins on the first thread, for ShowProgram
}

func main() {
	o := parseFlags(os.Args)
	if o.fault != nil && o.fault.Random && o.exec == nil {
		fmt.Fprintf(os.Stderr, "%s: -fault %s\n", xnu.Name, o.fault)
	}
	if o.exec == nil && xnu.NeedsReexec(o.env) {
		// The environment is the program's, not the runner's.
		err := xnu.ReexecClean(o.state())
		die(exitHost, "cannot start again: %v", err)
	}
	xnu.ShowProgram(o.program, o.args, o.env)
	runtime.UnlockOSThread()
	if lo, _ := vcpu.HostText(); lo < 1<<32 {
		die(exitHost, "the runner was not built with -buildmode=pie: its text is at %#x, where guests must go", lo)
	}
	if err := vcpu.SelfTest(); err != nil {
		die(exitHost, "%v", err)
	}
	if err := xnu.CheckHost(); err != nil {
		die(exitHost, "%v", err)
	}
	if err := xnu.CheckLimits(); err != nil {
		die(exitHost, "%v", err)
	}
	xnu.ReserveFDs()
	if o.fault != nil && o.fault.Reports() && o.faultFD < 0 {
		o.faultFD = xnu.HideFaultFD()
	}
	debug.SetMaxThreads(math.MaxInt32) // as many as the guest likes
	debug.SetGCPercent(400)            // the runner's own heap is small
	if o.traceFile != "" {
		fd, err := syscall.Open(o.traceFile, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_APPEND|syscall.O_CLOEXEC, 0o666)
		if err != nil {
			die(exitUsage, "-trace: %s: %v", o.traceFile, err)
		}
		o.traceFD = fd
	}
	p, err := xnu.Boot(load(o))
	if err != nil {
		die(exitHost, "%v", err)
	}
	if o.traceFile != "" {
		syscall.Close(o.traceFD) // package xnu has moved it
	}
	p.Run()
}
