// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package syscall raises the limit of open files for the program, to what the
// system has if there is no other bound, and not for its children.
//
// Bugs: golang.org/issue/46279, golang/go f5eef58e43
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

const childVar = "RLIMITCHILD"

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func main() {
	const soft = 200
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		fail("getrlimit: %v", err)
	}
	if os.Getenv(childVar) == "" {
		// A new start of this program, with a limit that can be raised.
		exe, err := os.Executable()
		if err == nil {
			lim.Cur = soft
			err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim)
		}
		if err == nil {
			err = syscall.Exec(exe, os.Args, append(os.Environ(), childVar+"=1"))
		}
		fail("%v", err)
	}
	most, err := syscall.SysctlUint32("kern.maxfilesperproc")
	if err != nil {
		fail("kern.maxfilesperproc: %v", err)
	}
	if want := min(lim.Max, uint64(most)); lim.Cur < want-1 || lim.Cur > want {
		fail("the limit is %d of %d, want %d: the system has %d", lim.Cur, lim.Max, want, most)
	}
	out, err := exec.Command("/bin/sh", "-c", "ulimit -Sn").CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != fmt.Sprint(soft) {
		fail("a child has the limit %s (%v), want %d", got, err, soft)
	}
}
