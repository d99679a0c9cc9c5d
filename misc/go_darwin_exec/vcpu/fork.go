// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package vcpu

import (
	"syscall"
	_ "unsafe" // for go:linkname
)

//go:linkname runtime_BeforeFork syscall.runtime_BeforeFork
func runtime_BeforeFork()

//go:linkname runtime_AfterFork syscall.runtime_AfterFork
func runtime_AfterFork()

// rawFork is clone(SIGCHLD). In the child it also makes g's stack limit
// valid again, which runtime_BeforeFork has poisoned.
func rawFork() (r uintptr)

// Fork makes a copy of this process with one thread. The calling thread must
// be bound. In the child the Go scheduler is dead: the child may not allocate,
// block in Go, lock, use maps, channels or fmt, or store pointers in heap
// objects. It may use Raw, Blocking (which then is a plain call), Run, the
// copy functions, and code with small frames: at least 20 KB of stack are
// left. Its asynchronous signals are blocked until it sets a mask of its own.
func Fork() (pid int, child bool, errno uintptr) {
	c := getSlot()
	for {
		growStack(1)
		runtime_BeforeFork()
		if stackLeft() >= 24<<10 {
			break
		}
		runtime_AfterFork()
	}
	r := rawFork()
	if r == 0 {
		startChild(c)
		return 0, true, 0
	}
	runtime_AfterFork()
	if r > ^uintptr(4095) {
		return 0, false, -r
	}
	return int(r), false, 0
}

// growStack makes sure that the stack is large enough for a while.
//
//go:noinline
func growStack(i int) byte {
	var frame [48 << 10]byte
	frame[i] = 1
	return frame[i*2]
}

// startChild makes the new process a guest process again: clone has turned
// syscall user dispatch off and BeforeFork has blocked all signals.
//
//go:nosplit
func startChild(c *Ctx) {
	forked = true
	pid, _, _ := syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0)
	hostPid = pid
	c.tid = int32(pid)
	c.pending = 0
	c.timer = 0 // not inherited
	c.arm()
	unblockOwnSignals()
}

// Forked reports whether this process is a child made by Fork.
func Forked() bool { return forked }
