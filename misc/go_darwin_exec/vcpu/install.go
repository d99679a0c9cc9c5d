// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package vcpu

import (
	"fmt"
	"syscall"
	"unsafe"
)

// KickSignal is the host signal that Kick sends.
const KickSignal = 63

// A Sigaction is the host kernel's struct sigaction on amd64
// (arch/x86/include/uapi/asm/signal.h).
type Sigaction struct {
	Handler  uintptr
	Flags    uint64
	Restorer uintptr
	Mask     uint64
}

// RtSigaction is the host call. A forked child may make it.
//
//go:nosplit
func RtSigaction(sig int, new, old *Sigaction) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(new)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
	return errno
}

const (
	saSiginfo  = 0x4
	saOnstack  = 0x08000000
	saNodefer  = 0x40000000
	saRestorer = 0x04000000
)

// faultSignals are the host signals that a guest's faults raise.
var faultSignals = [...]syscall.Signal{syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP}

// Facts that the assembly reads.
var (
	textStart, textEnd   uintptr     // the host's text
	winBegin, winEnd     uintptr     // enterGuest's window, in which the Ctx still holds the whole guest state
	cpBegin, cpEnd       uintptr     // cpSyscall's window: a kick there is not too late
	cpAbort              uintptr     // where it goes then
	copyBegin, copyFault uintptr     // safeCopy: where it may fault, where it goes then
	casBegin, casFault   uintptr     // safeCAS likewise
	oldHandler           [32]uintptr // by signal: who gets what is not ours
)

// addrs is implemented in assembly: the addresses of code, as the CPU sees
// them. A func value would lead to a wrapper.
func addrs(a *codeAddrs)

type codeAddrs struct {
	text, etext                                               uintptr
	enterGuest, cpSyscall, safeCopy, safeCAS                  uintptr
	fastEntry, fastEntry32                                    uintptr
	sigsysHandler, kickHandler, faultHandler, sigreturnHelper uintptr
}

var (
	code       codeAddrs
	installErr = install() // SelfTest and Bind report it
)

// install sets up the signal handlers. It runs while the package is
// initialized: from then on the copy functions are safe to call.
func install() error {
	addrs(&code)
	textStart, textEnd = code.text, code.etext
	for _, m := range []struct {
		at   *uintptr
		fn   uintptr
		mark byte
	}{
		{&winBegin, code.enterGuest, 1}, {&winEnd, code.enterGuest, 2},
		{&cpBegin, code.cpSyscall, 3}, {&cpEnd, code.cpSyscall, 4}, {&cpAbort, code.cpSyscall, 5},
		{&copyBegin, code.safeCopy, 6}, {&copyFault, code.safeCopy, 7},
		{&casBegin, code.safeCAS, 8}, {&casFault, code.safeCAS, 9},
	} {
		if *m.at = findMark(m.fn, m.mark); *m.at == 0 {
			return fmt.Errorf("vcpu: mark %d not found: the assembler laid the code out in an unknown way", m.mark)
		}
	}
	initFP()
	initGS()
	pid, _, _ := syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0)
	hostPid = pid

	const all = ^uint64(0)
	for _, sig := range faultSignals {
		old, err := sigaction(sig, code.faultHandler, 0, all)
		if err != nil {
			return err
		}
		oldHandler[sig] = old.Handler
	}
	if _, err := sigaction(KickSignal, code.kickHandler, 0, all); err != nil {
		return err
	}
	// Nothing is ever restored after a SIGSYS, so nothing may be blocked by it.
	old, err := sigaction(syscall.SIGSYS, code.sigsysHandler, saNodefer, 0)
	if err != nil {
		return err
	}
	oldHandler[syscall.SIGSYS] = old.Handler
	return nil
}

func sigaction(sig syscall.Signal, handler uintptr, flags, mask uint64) (old Sigaction, err error) {
	act := Sigaction{handler, saSiginfo | saOnstack | saRestorer | flags, code.sigreturnHelper, mask}
	if err := RtSigaction(int(sig), &act, &old); err != 0 {
		return old, fmt.Errorf("rt_sigaction(%v): %w", sig, err)
	}
	return old, nil
}

// findMark looks for mark n, a long NOP with a magic displacement, in the
// machine code of the function at fn: Go's assembler cannot export labels.
func findMark(fn uintptr, n byte) uintptr {
	text := unsafe.Slice((*byte)(hostPointer(fn)), 4096)
	for i := 0; i+7 <= len(text); i++ {
		if text[i] == 0x0f && text[i+1] == 0x1f && text[i+2] == 0x80 &&
			text[i+3] == n && text[i+4] == 0x61 && text[i+5] == 0x72 && text[i+6] == 0x6b {
			return fn + uintptr(i)
		}
	}
	return 0
}

// FastEntry is where a trampoline jumps to make a system call without a
// trap: RCX holds the address to return to, R11 the Ctx (the word at FS:0),
// everything else is the guest's.
//
// For 32-bit code the low half of R8 holds the address to return to, the high
// half the vector of the INT that the jump takes the place of.
func FastEntry(code32 bool) uint64 {
	if code32 {
		return uint64(code.fastEntry32)
	}
	return uint64(code.fastEntry)
}

// KickEntry is for a host signal handler that wants the thread which it runs
// on to leave the guest: on a thread whose word at FS:0 is a Ctx, it stores 1
// at the given offset in the Ctx and jumps to handler, with the registers and
// the full mask with which it was entered.
func KickEntry() (handler, pendingOffset uintptr) {
	return code.kickHandler, unsafe.Offsetof(Ctx{}.pending)
}

// HostText returns the bounds of the runner's own code.
func HostText() (lo, hi uint64) {
	var a codeAddrs
	addrs(&a)
	return uint64(a.text), uint64(a.etext)
}

// ownSignals are the signals that must reach a guest thread: those of faults,
// SIGSYS and the kick.
func ownSignals() (set uint64) {
	for _, sig := range faultSignals {
		set |= 1 << (sig - 1)
	}
	return set | 1<<(syscall.SIGSYS-1) | 1<<(KickSignal-1)
}

var ownSignalSet = ownSignals()

//go:nosplit
func unblockOwnSignals() {
	const sigUnblock = 1
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, sigUnblock, uintptr(unsafe.Pointer(&ownSignalSet)), 0, 8, 0, 0)
}
