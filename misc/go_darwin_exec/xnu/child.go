// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"slices"
	"syscall"
)

// The child of a fork, before it executes something, runs in a copy of the
// runner that has one thread and no Go scheduler. It may make the calls of
// this table: their handlers allocate nothing, take no lock, start nothing
// and store no pointers in the heap. These are the calls that a program can
// reasonably make between fork and exec, among them all that syscall's
// forkAndExecInChild makes.
var childCalls = [...]string{
	"exit", "execve",
	"read", "write", "readv", "writev", "pread", "pwrite",
	"read_nocancel", "write_nocancel",
	"close", "close_nocancel", "dup", "dup2", "pipe", "fcntl", "fcntl_nocancel", "ioctl", "lseek",
	"open", "open_nocancel",
	"chdir", "fchdir", "chroot", "umask",
	"getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getpgrp", "getpgid", "getsid",
	"setsid", "setpgid", "setuid", "setgid", "seteuid", "setegid", "setreuid", "setregid", "setgroups", "getgroups",
	"mmap", "munmap", "mprotect", "madvise",
	"getrlimit", "setrlimit", "setpriority", "getdtablesize", "issetugid",
	"sigaction", "sigprocmask", "__pthread_sigmask", "sigaltstack", "sigpending", "sigreturn",
	"kill", "__pthread_kill", "__disable_threadsignal",
	"ptrace", "thread_selfid",
}

// childTraps are the Mach traps that it may make.
var childTraps = [...]string{"swtch_pri", "swtch", "mach_timebase_info"}

func init() {
	allowInChild(sysents[:], childCalls[:])
	allowInChild(machtraps[:], childTraps[:])
}

func allowInChild[H handler | trapHandler](rows []entry[H], names []string) {
	for i := range rows {
		if slices.Contains(names, rows[i].name) {
			rows[i].child = true
		}
	}
}

// leaveChild goes on in a new runner with a call that cannot be made here. If
// that is impossible, the child ends.
func (t *Thread) leaveChild(name string) {
	t.checkpoint()
	b := t.fs.buf[:0]
	b = append(b, "go_darwin_exec: "...)
	b = append(b, name...)
	b = append(b, " cannot be called in the child of a fork, before exec\n"...)
	host(syscall.SYS_WRITE, 2, hostBuf(&b[0]), uintptr(len(b)), 0, 0, 0)
	t.p.exit(hostFailure)
}
