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
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"unsafe"
)

const (
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

// code is a program that needs no runtime: it exits with the number of the first
// signal that has flags, or 0. SA_RESTART is no flag to the kernel but the absence
// of one, which signals have whose action was never set (xnu-3789
// bsd/kern/kern_sig.c:sigaction).
var code = map[string]string{"amd64": "" +
	"\xbb\x01\x00\x00\x00" + // MOVL $1, BX
	"\x48\x83\xec\x40" + // SUBQ $64, SP
	// next:
	"\x89\xdf" + // MOVL BX, DI
	"\x31\xf6" + // XORL SI, SI
	"\x48\x89\xe2" + // MOVQ SP, DX
	"\xb8\x2e\x00\x00\x02" + // MOVL $0x200002e, AX: sigaction
	"\x0f\x05" + // SYSCALL
	"\x72\x0a" + // JCS none: SIGKILL or SIGSTOP
	"\xf7\x44\x24\x0c\xfd\xff\xff\xff" + // TESTL 12(SP), $~2: the flags
	"\x75\x09" + // JNE exit
	// none:
	"\xff\xc3" + // INCL BX
	"\x83\xfb\x20" + // CMPL BX, $32
	"\x75\xdf" + // JNE next
	"\x31\xdb" + // XORL BX, BX
	// exit:
	"\x89\xdf" + // MOVL BX, DI
	"\xb8\x01\x00\x00\x02" + // MOVL $0x2000001, AX
	"\x0f\x05", // SYSCALL
	"386": "" +
		"\xbb\x01\x00\x00\x00" + // MOVL $1, BX
		"\x83\xec\x40" + // SUBL $64, SP
		// next:
		"\x89\x5c\x24\x04" + // MOVL BX, 4(SP)
		"\xc7\x44\x24\x08\x00\x00\x00\x00" + // MOVL $0, 8(SP)
		"\x8d\x44\x24\x10" + // LEAL 16(SP), AX
		"\x89\x44\x24\x0c" + // MOVL AX, 12(SP)
		"\xb8\x2e\x00\x00\x00" + // MOVL $46, AX: sigaction
		"\xcd\x80" + // INT $0x80
		"\x72\x0a" + // JCS none
		"\xf7\x44\x24\x18\xfd\xff\xff\xff" + // TESTL 24(SP), $~2: the flags
		"\x75\x08" + // JNE exit
		// none:
		"\x43" + // INCL BX
		"\x83\xfb\x20" + // CMPL BX, $32
		"\x75\xd3" + // JNE next
		"\x31\xdb" + // XORL BX, BX
		// exit:
		"\x89\x5c\x24\x04" + // MOVL BX, 4(SP)
		"\xb8\x01\x00\x00\x00" + // MOVL $1, AX
		"\xcd\x80", // INT $0x80
}[runtime.GOARCH]

// image returns a static Mach-O file of code (xnu-3789 EXTERNAL_HEADERS/
// mach-o/loader.h, osfmk/mach/i386/_structs.h).
func image() []byte {
	const size, at = 4096, 2048 // of the file, and where the code is
	wide := runtime.GOARCH == "amd64"
	base := uint64(0x1000)
	if wide {
		base = 1 << 32
	}
	var cmds []byte
	n := uint32(0)
	command := func(cmd uint32, body []byte) {
		cmds = le.AppendUint32(cmds, cmd)
		cmds = le.AppendUint32(cmds, uint32(8+len(body)))
		cmds = append(cmds, body...)
		n++
	}
	word := func(b []byte, v uint64) []byte {
		if wide {
			return le.AppendUint64(b, v)
		}
		return le.AppendUint32(b, uint32(v))
	}
	segment := func(name string, addr, mem, file uint64, prot uint32) {
		b := append([]byte(name), make([]byte, 16-len(name))...)
		for _, v := range []uint64{addr, mem, 0, file} {
			b = word(b, v)
		}
		for _, v := range []uint32{prot, prot, 0, 0} {
			b = le.AppendUint32(b, v)
		}
		cmd := uint32(1) // LC_SEGMENT
		if wide {
			cmd = 0x19 // LC_SEGMENT_64
		}
		command(cmd, b)
	}
	segment("__PAGEZERO", 0, base, 0, 0)
	segment("__TEXT", base, size, size, 5)
	header, regs, pc, flavor := []uint32{0xfeedface, 7, 3, 2}, 16, 10, uint32(1) // x86_THREAD_STATE32
	if wide {
		header, regs, pc, flavor = []uint32{0xfeedfacf, 0x01000007, 3, 2}, 21, 16, 4 // x86_THREAD_STATE64
	}
	state := le.AppendUint32(nil, flavor)
	state = le.AppendUint32(state, uint32(len(word(nil, 0))*regs/4))
	for i := range regs {
		v := uint64(0)
		if i == pc {
			v = base + at
		}
		state = word(state, v)
	}
	command(5, state) // LC_UNIXTHREAD
	var file []byte
	for _, v := range append(header, n, uint32(len(cmds)), 1 /* MH_NOUNDEFS */) {
		file = le.AppendUint32(file, v)
	}
	if wide {
		file = le.AppendUint32(file, 0)
	}
	file = append(file, cmds...)
	file = append(file, make([]byte, at-len(file))...)
	file = append(file, code...)
	return append(file, make([]byte, size-len(file))...)
}

var le = binary.LittleEndian

// Signals that the runtime leaves alone until somebody asks for them.
var untouched = []os.Signal{syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGCONT}

func main() {
	// A child of fork sets what was caught to its default before it executes
	// a program; what is ignored goes there as it is.
	dir, err := os.MkdirTemp("", "sigactionlayout")
	if err != nil {
		fail("%v", err)
	}
	reader := filepath.Join(dir, "reader")
	if err := os.WriteFile(reader, image(), 0o777); err != nil {
		fail("%v", err)
	}
	flagless := func(state string) {
		// The process that fails does not clean up.
		if out, err := exec.Command(reader).CombinedOutput(); err != nil {
			os.RemoveAll(dir)
			fail("after exec, %s: a signal has flags, its number is the %v %s", state, err, out)
		}
	}
	flagless("as the program starts")
	c := make(chan os.Signal, 1)
	for _, sig := range untouched {
		signal.Notify(c, sig)
	}
	flagless("some are caught")
	signal.Reset(untouched...)
	flagless("they were caught before")
	signal.Notify(c)
	flagless("all are caught")
	signal.Reset()
	flagless("all were caught before")
	signal.Ignore(untouched...)
	flagless("some are ignored")
	os.RemoveAll(dir)
	for _, sig := range untouched {
		if a, want := sigaction(sig.(syscall.Signal), nil), (action{handler: 1}); a != want {
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
