// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package xsig models the signal state of one XNU process: actions, the
// threads in creation order with their masks and pending bits, and the choice
// of the thread that gets a signal. It makes no system calls and takes no
// locks; the caller serialises.
//
// The model is XNU's, not POSIX's: there is no pending set of the process. A
// signal that is sent to the process is pinned to one thread at once
// (bsd/kern/kern_sig.c:psignal_internal), a thread has one pending bit for
// each signal, and what is pending on a thread dies with it.
//
// Citations without a release hold from xnu-1504 (10.6) to xnu-11417 (15).
package xsig

import "goxnu/misc/internal/releases"

// Signal numbers (bsd/sys/signal.h).
const (
	SIGHUP = 1 + iota
	SIGINT
	SIGQUIT
	SIGILL
	SIGTRAP
	SIGABRT
	SIGEMT
	SIGFPE
	SIGKILL
	SIGBUS
	SIGSEGV
	SIGSYS
	SIGPIPE
	SIGALRM
	SIGTERM
	SIGURG
	SIGSTOP
	SIGTSTP
	SIGCONT
	SIGCHLD
	SIGTTIN
	SIGTTOU
	SIGIO
	SIGXCPU
	SIGXFSZ
	SIGVTALRM
	SIGPROF
	SIGWINCH
	SIGINFO
	SIGUSR1
	SIGUSR2

	NSIG = 32
)

// A Set is a sigset_t: bit n-1 stands for signal n.
type Set uint32

// Bit is the set of one signal.
func Bit(sig int) Set { return 1 << (sig - 1) }

// Has reports whether sig is in the set.
func (s Set) Has(sig int) bool { return s&Bit(sig) != 0 }

func set(sigs ...int) (s Set) {
	for _, n := range sigs {
		s |= Bit(n)
	}
	return
}

// first is the lowest signal of a set, 0 if it is empty.
func (s Set) first() int {
	for n := 1; n < NSIG; n++ {
		if s.Has(n) {
			return n
		}
	}
	return 0
}

// Properties of signals whose action is the default
// (bsd/sys/signalvar.h:sigprop). What is in none of these sets kills.
var (
	coreSigs   = set(SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGEMT, SIGFPE, SIGBUS, SIGSEGV, SIGSYS)
	ignoreSigs = set(SIGURG, SIGCONT, SIGCHLD, SIGIO, SIGWINCH, SIGINFO)
	stopSigs   = set(SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU)
	ttyStops   = set(SIGTSTP, SIGTTIN, SIGTTOU)
	contSigs   = set(SIGCONT)

	// execSigs survive the thread that they are pending on, in a field that
	// only exec reads (bsd/sys/signalvar.h:execmask).
	execSigs = set(SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM, SIGSTOP, SIGTSTP, SIGCONT,
		SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2)

	// cantMask can never be in a mask (bsd/sys/signalvar.h:sigcantmask).
	cantMask = set(SIGKILL, SIGSTOP)

	// threadSigs are those whose siginfo reports the thread's last exception
	// (bsd/dev/i386/unix_signal.c:sendsig).
	threadSigs = set(SIGILL, SIGTRAP, SIGFPE, SIGBUS, SIGSEGV)
)

// Core reports whether sig, if it kills, dumps core.
func Core(sig int) bool { return coreSigs.Has(sig) }

// FromException reports whether siginfo of sig reports the thread's last
// exception rather than of the sender.
func FromException(sig int) bool { return threadSigs.Has(sig) }

// Handlers that are not addresses.
const (
	SIG_DFL = 0
	SIG_IGN = 1
)

// Flags of an action.
const (
	SA_ONSTACK    = 0x1
	SA_RESTART    = 0x2
	SA_RESETHAND  = 0x4
	SA_NOCLDSTOP  = 0x8
	SA_NODEFER    = 0x10
	SA_NOCLDWAIT  = 0x20
	SA_SIGINFO    = 0x40
	SA_USERTRAMP  = 0x100
	SA_64REGSET   = 0x200
	SA_VALIDATE   = 0x400 // SA_VALIDATE_SIGRETURN_FROM_SIGTRAMP, from 4903
	actionFlags   = 0x7f  // what the kernel keeps (xnu-11417 kern_sig.c:sigaction)
	SIG_BLOCK     = 1
	SIG_UNBLOCK   = 2
	SIG_SETMASK   = 3
	SS_ONSTACK    = 1
	SS_DISABLE    = 4
	MinStack      = 8192 // the kernel's own minimum (kern_sig.c:sigaltstack)
	UCTrad        = 1    // infostyles (bsd/dev/i386/unix_signal.c)
	UCFlavor      = 30
	UCSetStack    = 0x40000000
	UCResetStack  = 0x80000000
	onStackBit    = 1
	releaseToken  = releases.XNU4903 // sigreturn takes a token
	releaseTToken = releases.XNU8020 // the token's random number is the thread's
)
