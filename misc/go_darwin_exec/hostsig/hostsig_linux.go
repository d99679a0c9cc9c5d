// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package hostsig takes the signals that the host's kernel sends to the
// runner, with their senders, which os/signal does not tell.
//
// The handler writes one Record for each signal to a pipe and does nothing
// else. A signal whose Record waits to be taken is not recorded again: XNU
// has one pending bit for each signal too, and so the pipe is never full. What
// belongs to others is passed on to the handler that was installed before:
// faults, the Go runtime's own preemption signals.
//
// In the child of a fork, which has nobody to read a pipe, the handler notes
// the Record in memory and kicks the one thread: see InChild.
//
// Install must run after package vcpu has installed its handlers.
package hostsig

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// A Record describes one signal.
type Record struct {
	Signo  int32
	Code   int32
	Pid    int32
	Uid    uint32
	Status int32 // SIGCHLD: exit code or signal
	Order  int32 // in a forked child: which came first
}

// RecordSize is what one read from the pipe yields.
const RecordSize = unsafe.Sizeof(Record{})

// How the handler treats a signal.
const (
	recordAll   = 1 // always record
	chainFaults = 2 // si_code > 0 is the CPU's: pass on; else record
	chainOwn    = 3 // sent by the runner to its own thread: pass on; else record
	dropOwn     = 4 // sent by the runner itself: drop; else record
	toThread    = 5 // if it interrupts a guest thread: for that thread, see TakeTimers; else record
)

// Facts that the assembly reads.
var (
	kind    [65]uint8
	old     [65]uintptr // handlers that were there before
	ownPid  int32
	writeFD int32

	queued uint64       // bit n: a Record of host signal n waits to be taken
	noted  [65][4]int64 // in a forked child: the Record, by signal
	order  int32        // of the last one noted
	inNote bool         // this is a forked child: note, do not write

	kickHandler   uintptr // package vcpu's
	pendingOffset uintptr // of the word in a vcpu.Ctx that says that a kick waits
)

// TakeTimers returns the set of host signals (bit n for signal n) of CPU-time
// timers that have hit the calling guest thread since it was last called, or,
// in a forked child, of all signals. Each has kicked the thread.
func TakeTimers() (set uint64)

// Queued reports whether host signal sig has come and has not been taken.
func Queued(sig int) bool { return atomic.LoadUint64(&queued)&(1<<sig) != 0 }

// Taken must be called when the Record of host signal sig has been read or
// copied, before the signal is passed on.
//
//go:nosplit
func Taken(sig int) { atomic.AndUint64(&queued, ^(uint64(1) << sig)) }

// InChild tells the package that this process is a forked child. From now on
// signals are noted for the calling thread; Noted returns what the signals of
// TakeTimers were. It allocates nothing.
//
//go:nosplit
func InChild(pid int) {
	inNote = true
	ownPid = int32(pid)
	queued = 0
	TakeTimers() // those hit the parent
	// The timers are the parent's; others may send their signals.
	kind[syscall.SIGPROF], kind[syscall.SIGVTALRM] = recordAll, recordAll
}

// Noted returns the Record of a signal that TakeTimers has reported in a
// forked child.
//
//go:nosplit
func Noted(sig int) Record { return *(*Record)(unsafe.Pointer(&noted[sig])) }

const (
	saSiginfo  = 0x4
	saOnstack  = 0x08000000
	saRestart  = 0x10000000
	saRestorer = 0x04000000
	siTkill    = -6
)

func addrs() (handler, restorer uintptr)

func rtSigaction(sig int, new, old *vcpu.Sigaction) error {
	if err := vcpu.RtSigaction(sig, new, old); err != 0 {
		return fmt.Errorf("rt_sigaction(%d): %w", sig, err)
	}
	return nil
}

// SetPipe says where the records go: the write end of a pipe, non-blocking.
func SetPipe(fd int) {
	writeFD = int32(fd)
	ownPid = int32(syscall.Getpid())
	kickHandler, pendingOffset = vcpu.KickEntry()
}

// Install takes host signal sig over. SIGCHLD's flags nocldstop and
// nocldwait are the guest's wish.
//
// On success it allocates nothing: a forked child calls it.
func Install(sig int, noCldStop, noCldWait bool) error {
	var was vcpu.Sigaction
	if err := rtSigaction(sig, nil, &was); err != nil {
		return err
	}
	h, r := addrs()
	// The mask must be full: a kick that came between this handler's entry
	// and its return to a host call that is to be restarted would be lost.
	act := vcpu.Sigaction{Handler: h, Flags: saSiginfo | saOnstack | saRestart | saRestorer, Restorer: r, Mask: ^uint64(0)}
	k := uint8(recordAll)
	switch syscall.Signal(sig) {
	case syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGSYS:
		k = chainFaults
	case syscall.SIGURG:
		k = chainOwn
	case syscall.SIGPIPE, syscall.SIGXFSZ:
		k = dropOwn
	case syscall.SIGPROF, syscall.SIGVTALRM:
		k = toThread
	case syscall.SIGCHLD:
		const saNocldstop, saNocldwait = 1, 2
		if noCldStop {
			act.Flags |= saNocldstop
		}
		if noCldWait {
			act.Flags |= saNocldwait
		}
	}
	if k == chainFaults || k == chainOwn {
		if was.Handler <= 1 {
			return fmt.Errorf("nobody handles signal %d", sig)
		}
		act.Flags, act.Mask, act.Restorer = was.Flags, was.Mask, was.Restorer
	}
	if was.Handler != h && !inNote {
		old[sig] = was.Handler
	}
	if k == toThread && inNote {
		k = recordAll
	}
	kind[sig] = k
	return rtSigaction(sig, &act, nil)
}

// Default gives host signal sig its default action.
func Default(sig int) { set(sig, 0) }

// Ignore makes the host ignore sig.
func Ignore(sig int) { set(sig, 1) }

// set allocates nothing: a forked child calls it.
//
//go:nosplit
func set(sig int, handler uintptr) {
	vcpu.RtSigaction(sig, &vcpu.Sigaction{Handler: handler}, nil)
}
