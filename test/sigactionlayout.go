// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Sigaction takes a struct with a trampoline and returns one without: what was
// set must be what is read back, signal by signal. And a signal that goes back
// to its default carries no flag into the next program.
//
// Bugs: golang/go f40c05eea4, golang.org/issue/81009
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"unsafe"
)

const (
	childVar   = "SIGACTIONLAYOUT"
	saOnStack  = 1
	saRestart  = 2
	saNoDefer  = 0x10
	saSiginfo  = 0x40
	cannotMask = 1<<(syscall.SIGKILL-1) | 1<<(syscall.SIGSTOP-1)
)

// What kernel entry 46 takes, and what it returns (xnu-1504 to xnu-11417
// bsd/sys/signal.h:__user64_sigaction, user64_sigaction and the same with 32).
type (
	newAction struct {
		handler, tramp uintptr
		mask           uint32
		flags          int32
	}
	action struct {
		handler uintptr
		mask    uint32
		flags   int32
	}
)

func sigaction(sig syscall.Signal, new *newAction) (old action) {
	var guarded struct {
		action
		guard uint32
	}
	guarded.guard = 0x5a5a5a5a
	if _, _, e := syscall.RawSyscall(46, uintptr(sig), uintptr(unsafe.Pointer(new)), uintptr(unsafe.Pointer(&guarded))); e != 0 {
		fail("sigaction(%d): %v", sig, e)
	}
	if guarded.guard != 0x5a5a5a5a {
		fail("sigaction(%d) wrote past the old action", sig)
	}
	return guarded.action
}

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

// Signals that the runtime leaves alone until somebody asks for them.
var untouched = []syscall.Signal{syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGCONT}

func main() {
	if os.Getenv(childVar) != "" {
		for _, sig := range untouched {
			if a := sigaction(sig, nil); a.handler != 0 || a.flags&^saRestart != 0 {
				fail("child, signal %d at its default: handler %#x, flags %#x", sig, a.handler, a.flags)
			}
		}
		return
	}

	// A child of fork sets what was caught to its default before it executes
	// a program; what is ignored goes there as it is.
	c := make(chan os.Signal, 1)
	for _, sig := range untouched {
		signal.Notify(c, sig)
	}
	exe, err := os.Executable()
	if err != nil {
		fail("%v", err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childVar+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		fail("%s%v", out, err)
	}
	for _, sig := range untouched {
		signal.Ignore(sig)
		if a, want := sigaction(sig, nil), (action{handler: 1}); a != want {
			fail("signal %d, ignored: %+v, want %+v", sig, a, want)
		}
	}

	for sig := syscall.Signal(1); sig < 32; sig++ {
		if sig == syscall.SIGKILL || sig == syscall.SIGSTOP {
			continue
		}
		signal.Notify(c, sig)
		runtimes := sigaction(sig, nil)
		if want := (action{runtimes.handler, ^uint32(cannotMask), saOnStack | saRestart | saSiginfo}); runtimes != want || runtimes.handler < 2 {
			fail("signal %d, notified: %+v, want %+v", sig, runtimes, want)
		}
		if sig == syscall.SIGSEGV || sig == syscall.SIGBUS || sig == syscall.SIGURG || sig == syscall.SIGFPE {
			continue // must work all the time
		}
		// An action of our own, never used: blocked meanwhile is not needed,
		// nobody sends any.
		odd := newAction{handler: ^uintptr(0)/5 + uintptr(sig), tramp: ^uintptr(0) / 7, mask: 0x55aa55aa &^ cannotMask, flags: saOnStack | saNoDefer}
		if old := sigaction(sig, &odd); old != runtimes {
			fail("signal %d: old action %+v, want %+v", sig, old, runtimes)
		}
		dfl := newAction{}
		if old, want := sigaction(sig, &dfl), (action{odd.handler, odd.mask, odd.flags}); old != want {
			fail("signal %d: read back %+v, set %+v", sig, old, want)
		}
	}
}
