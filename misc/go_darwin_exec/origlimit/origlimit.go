// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

// Package origlimit knows the limit on open files that the process was
// started with, which package syscall raises while it is initialized.
//
// Go initializes packages in the order of their import paths as far as
// their dependencies allow. This one depends on nothing, and its path sorts
// before "syscall".
package origlimit

// A Limit is the kernel's struct rlimit64.
type Limit struct{ Cur, Max uint64 }

const rlimitNofile = 7

// getrlimit returns a limit; ok is false if the kernel refuses.
func getrlimit(resource uintptr, l *Limit) (ok bool)

var nofile, nofileOK = capture()

func capture() (l Limit, ok bool) {
	ok = getrlimit(rlimitNofile, &l)
	return
}

// Nofile returns RLIMIT_NOFILE as it was at the start.
func Nofile() (l Limit, ok bool) { return nofile, nofileOK }
