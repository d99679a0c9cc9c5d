// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package main

import (
	"os/exec"
	"syscall"
	"testing"

	tm "goxnu/misc/go_darwin_exec/internal/testmacho"
)

// Instructions of the guests below.
const (
	movEAX = "\xb8"         // mov $imm32, %eax
	movEDI = "\xbf"         // mov $imm32, %edi
	movESI = "\xbe"         // mov $imm32, %esi
	movEDX = "\xba"         // mov $imm32, %edx
	zeroR  = "\x45\x31\xd2" // xor %r10d, %r10d
	callK  = "\x0f\x05"     // syscall

	unix = uint32(2 << 24)
	mach = uint32(1 << 24)
)

// Facts about the kernel that show in how a guest ends, by release.
func TestKernelFacts(t *testing.T) {
	// fork gives the child its own pid and 1, the parent the child's and 0
	// (xnu-11417 bsd/kern/kern_fork.c:fork). The child exits with 42 if that
	// holds; the parent with the child's status.
	parent := tm.Code(
		"\x48\x83\xec\x10",       // sub $16, %rsp
		"\x44\x89\xe7",           // mov %r12d, %edi
		"\x48\x89\xe6",           // mov %rsp, %rsi
		movEDX, uint32(0), zeroR, // no options, no rusage
		movEAX, unix|7, callK, // wait4
		"\x0f\xb6\x7c\x24\x01", // movzbl 1(%rsp), %edi
		movEAX, unix|1, callK,  // exit
	)
	child := tm.Code(
		movEAX, unix|20, callK, // getpid
		"\x41\x31\xc4",         // xor %eax, %r12d
		"\x41\x8d\x7c\x24\x2a", // lea 42(%r12), %edi
		movEAX, unix|1, callK,  // exit
	)
	fork := tm.Code(
		movEAX, unix|2, callK, // fork
		"\x41\x89\xc4",                            // mov %eax, %r12d
		"\x83\xfa\x01",                            // cmp $1, %edx
		"\x74", string([]byte{byte(len(parent))}), // je child
		string(parent), string(child))
	// A child that makes a call which the restricted loop does not know goes on
	// in a runner of its own, with its memory and its stack: 77 + 3 when kqueue
	// has returned the first free descriptor.
	goesOn := tm.Code(
		movEAX, unix|362, callK, // kqueue
		"\x5f",                      // pop %rdi
		"\x01\xc7",                  // add %eax, %edi
		"\xa1", uint64(tm.DataAddr), // mov data, %eax
		"\x31\xc7",         // xor %eax, %edi
		"\x81\xf7", "data", // xor $"data", %edi
		movEAX, unix|1, callK, // exit
	)
	forkAndGoOn := tm.Code(
		"\x6a\x4d",            // push $77
		movEAX, unix|2, callK, // fork
		"\x41\x89\xc4",                            // mov %eax, %r12d
		"\x83\xfa\x01",                            // cmp $1, %edx
		"\x74", string([]byte{byte(len(parent))}), // je child
		string(parent), string(goesOn))
	for _, c := range []struct {
		name     string
		code     []byte
		releases []string
		want     result
	}{
		{"fork, kqueue", forkAndGoOn, []string{"10.6", "15"}, result{status: 80}},
		{"fork", fork, []string{"10.6", "10.12", "15"}, result{status: 42}},

		// bsd/kern/subr_xxx.c:nosys.
		{"a number beyond the table", tm.Code(movEAX, unix|999, callK, string(tm.Exit(5))), []string{"10.6", "15"}, result{status: -1, signal: syscall.SIGSYS}},
		{"getentropy", tm.Code(movEAX, unix|500, callK, string(tm.Exit(5))), []string{"10.11"}, result{status: -1, signal: syscall.SIGSYS}},
		{"getentropy", tm.Code(movEAX, unix|500, callK, string(tm.Exit(5))), []string{"10.12", "15"}, result{status: 5}},
		// An empty slot that only fails (from 2782 on).
		{"slot 8", tm.Code(movEAX, unix|8, callK, string(tm.Exit(5))), []string{"10.10", "15"}, result{status: 5}},
		{"slot 8", tm.Code(movEAX, unix|8, callK, string(tm.Exit(5))), []string{"10.6"}, result{status: -1, signal: syscall.SIGSYS}},

		// bsd/uxkern/ux_exception.c: EXC_SYSCALL has a signal from 8020 on.
		{"class 0", tm.Code(movEAX, uint32(20), callK, string(tm.Exit(5))), []string{"10.6", "12"}, result{status: 5}},
		{"class 0", tm.Code(movEAX, uint32(20), callK, string(tm.Exit(5))), []string{"12.3", "15"}, result{status: -1, signal: syscall.SIGSYS}},
		{"an invalid trap", tm.Code(movEAX, mach|99, callK, string(tm.Exit(5))), []string{"12"}, result{status: 5}},
		{"an invalid trap", tm.Code(movEAX, mach|99, callK, string(tm.Exit(5))), []string{"13"}, result{status: -1, signal: syscall.SIGSYS}},

		// osfmk/ipc/mach_msg.c:mach_msg_legacy_allowed, from 8792.
		{"mach_msg_trap, sending", tm.Code(movEDI, uint32(0), movESI, uint32(1), movEDX, uint32(24), movEAX, mach|31, callK, string(tm.Exit(5))),
			[]string{"10.6", "12.3"}, result{status: 5}},
		{"mach_msg_trap, sending", tm.Code(movEDI, uint32(0), movESI, uint32(1), movEDX, uint32(24), movEAX, mach|31, callK, string(tm.Exit(5))),
			[]string{"13", "15"}, result{status: -1, signal: syscall.SIGKILL,
				stderr: "go_darwin_exec: the program is killed by EXC_GUARD: it sent a Mach message by mach_msg_trap, which macOS 13 and later forbid\n"}},

		// osfmk/i386/trap.c:user_trap, ux_exception.c: a protection fault is
		// SIGBUS, an address with nothing SIGSEGV.
		{"a write to text", []byte("\xc6\x05\x00\x00\x00\x00\x00"), []string{"10.6", "15"}, result{status: -1, signal: syscall.SIGBUS}},
		{"a nil pointer", []byte("\x8b\x04\x25\x10\x00\x00\x00"), []string{"10.6", "15"}, result{status: -1, signal: syscall.SIGSEGV}},
		{"INT 0x80", []byte("\xcd\x80"), []string{"10.6", "15"}, result{status: -1, signal: syscall.SIGILL}},
		{"INT 0x81", []byte("\xcd\x81"), []string{"15"}, result{status: -1, signal: syscall.SIGILL}},

		// The last thread's end is the process's
		// (osfmk/kern/thread.c:thread_terminate_self).
		{"bsdthread_terminate", tm.Code(movEDI, uint32(0), movESI, uint32(0), movEDX, uint32(0), zeroR, movEAX, unix|361, callK, "\x0f\x0b"),
			[]string{"10.6", "12.3", "15"}, result{}},
	} {
		for _, r := range c.releases {
			cmd := exec.Command("/bin/sh", "-c", `ulimit -c 0; exec "$@"`, "sh", runnerPath, "-xnu", r, program(t, tm.Build(c.code)))
			if got := run(t, cmd); got != c.want {
				t.Errorf("%s on %s: %+v, want %+v", c.name, r, got, c.want)
			}
		}
	}
}
