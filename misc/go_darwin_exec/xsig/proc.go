// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xsig

// A Stack is an alternate signal stack.
type Stack struct {
	SP, Size uint64
}

// An Info is what the kernel remembers of the last ordinary signal's sender.
// There is one for the process, not one for each signal: delivery reads and
// zeroes it, and two signals close together overwrite each other. A signal that
// is blocked when it is sent leaves it alone, and so do those of exceptions,
// whose handlers are not told of it (kern_sig.c:psignal_internal,
// unix_signal.c:sendsig). That of a child is always kept (kern_exit.c:proc_exit).
type Info struct {
	Code   int32 // only SIGCHLD's is reported
	Pid    int32
	Uid    uint32
	Status int32
}

// An Action is what sigaction sets and reports.
type Action struct {
	Handler uint64 // SIG_DFL, SIG_IGN or an address
	Tramp   uint64 // not reported back
	Mask    Set
	Flags   uint32
}

// A Thread is the signal state of one thread.
type Thread struct {
	Mask    Set
	Pending Set

	// NoSig is UT_NO_SIGMASK: no signal is sent to the thread any more
	// (__disable_threadsignal); what is pending it still takes (only
	// get_signalthread and __pthread_kill look at the flag). Workq marks
	// threads of the work queue.
	NoSig bool
	Workq bool

	// SigWait is the set that __sigwait waits for, 0 outside of it; Waited
	// the signal that it got.
	SigWait Set
	Waited  int

	// While suspended is set, the mask is a temporary one (sigsuspend,
	// pselect) and oldMask the one to restore.
	suspended bool
	oldMask   Set

	Alt     Stack
	HasAlt  bool
	OnStack bool // a flag, not a test of the stack pointer

	token   uint64 // from 8020
	returns int    // handlers that have not yet returned
}

// A Proc is the signal state of a process.
type Proc struct {
	release int
	random  func() uint64

	handler  [NSIG]uint64
	tramp    [NSIG]uint64
	catch    [NSIG]Set // sa_mask
	ignore   Set       // p_sigignore: SIG_IGN, or SIG_DFL of a signal that this ignores
	caught   Set       // p_sigcatch
	onstack  Set
	intr     Set // no SA_RESTART
	reset    Set // SA_RESETHAND
	nodefer  Set
	siginfo  Set
	noStop   bool // SA_NOCLDSTOP of SIGCHLD
	noZombie bool // SA_NOCLDWAIT of SIGCHLD, or SIGCHLD ignored

	threads []*Thread // in creation order
	only    int       // in a forked child: 1 + the index of its one thread

	mask        Set // the process default, which sigprocmask changes too
	execPending Set // of dead threads; only exec reads it

	Info Info

	validate int // sigreturn's token: see Validate
	token    uint64
}

// States of sigreturn's validation (xnu-4903 bsd/sys/signalvar.h:
// sigreturn_validation_t). Until the first sigaction that sets something the
// check is on.
const (
	validateDefault = iota
	validateOn
	validateOff
)

// A State is what exec hands from the old image to the new one.
type State struct {
	Mask, Ignore, Pending Set
	Intr, Siginfo         Set // flags that stay on signals at their default: golang.org/issue/81009
	NoStop, NoZombie      bool
}

// NewProc returns the signal state of a new image under the given release,
// without threads. random supplies sigreturn tokens.
func NewProc(release int, s State, random func() uint64) *Proc {
	p := &Proc{
		release: release,
		random:  random,
		ignore:  (s.Ignore | ignoreSigs) &^ (contSigs | cantMask),
		intr:    s.Intr,
		siginfo: s.Siginfo,
		mask:    s.Mask &^ cantMask,
		noStop:  s.NoStop, noZombie: s.NoZombie || s.Ignore.Has(SIGCHLD),
		token: random(),
	}
	for n := 1; n < NSIG; n++ {
		if s.Ignore.Has(n) && !cantMask.Has(n) {
			p.handler[n] = SIG_IGN
		}
	}
	p.execPending = s.Pending
	return p
}

// all returns the threads, oldest first.
func (p *Proc) all() []*Thread {
	if p.only != 0 {
		return p.threads[p.only-1 : p.only]
	}
	return p.threads
}

// NewThread adds a thread to the end of the list. It has its creator's mask,
// or, if that is inside sigsuspend, the mask that will be restored; nothing
// pending and no alternate stack (kern_fork.c:uthread_alloc). The first thread
// of an image has no creator; it has the mask that was kept over exec, and
// what was pending then (kern_exec.c, kern_sig.c:execsigs).
func (p *Proc) NewThread(creator *Thread) *Thread {
	t := &Thread{Mask: p.mask}
	if creator != nil {
		t.Mask = creator.Mask
		if creator.suspended {
			t.Mask = creator.oldMask
		}
	} else {
		t.Pending, p.execPending = p.execPending&^p.ignore, 0
	}
	p.threads = append(p.threads, t)
	return t
}

// Exit removes a thread. What was pending on it is lost to the running
// process; part of it is kept for exec (kern_fork.c:uthread_cleanup).
func (p *Proc) Exit(t *Thread) {
	p.execPending |= t.Pending & execSigs
	t.Pending = 0
	for i, x := range p.threads {
		if x == t {
			p.threads = append(p.threads[:i:i], p.threads[i+1:]...)
			return
		}
	}
}

// Fork turns p into the state of a child that thread t has forked: one
// thread, nothing pending, no alternate stack (kern_fork.c:forkproc,
// uthread_init). It allocates nothing and stores no pointers.
func (p *Proc) Fork(t *Thread) {
	for i, x := range p.threads {
		if x == t {
			p.only = i + 1
		}
	}
	t.Pending = 0
	t.HasAlt, t.OnStack = false, false
	t.returns = 0
	p.execPending = 0
	p.Info = Info{}
}

// Exec returns what the image that thread t executes will start with.
func (p *Proc) Exec(t *Thread) State {
	s := State{
		Mask: t.Mask, Pending: p.execPending,
		Intr: p.intr, Siginfo: p.siginfo &^ p.caught,
		NoStop: p.noStop, NoZombie: p.noZombie,
	}
	if t.suspended {
		s.Mask = t.oldMask
	}
	for n := 1; n < NSIG; n++ {
		if p.handler[n] == SIG_IGN {
			s.Ignore |= Bit(n)
		}
	}
	// The lists of all threads are merged (kern_exec.c). A caught signal
	// whose default is to be ignored is dropped (kern_sig.c:execsigs).
	for _, x := range p.all() {
		s.Pending |= x.Pending
	}
	s.Pending &^= ignoreSigs &^ contSigs
	return s
}

// Ignored reports whether sig is dropped when sent: its action is to ignore
// it, or the default, which does. SIGCONT never is.
func (p *Proc) Ignored(sig int) bool { return p.ignore.Has(sig) }

// Caught reports whether sig has a handler.
func (p *Proc) Caught(sig int) bool { return p.caught.Has(sig) }

// Handler returns sig's SIG_DFL, SIG_IGN or handler.
func (p *Proc) Handler(sig int) uint64 { return p.handler[sig] }

// Restarts reports whether sig's action has SA_RESTART.
func (p *Proc) Restarts(sig int) bool { return !p.intr.Has(sig) }

// NoCldStop and NoCldWait report whether SIGCHLD has the flag.
func (p *Proc) NoCldStop() bool { return p.noStop }
func (p *Proc) NoCldWait() bool { return p.noZombie }

// Sigaction returns sig's action and, if new is not nil, sets it. It reports
// false for EINVAL (kern_sig.c:sigaction, setsigvec).
func (p *Proc) Sigaction(sig int, new *Action) (old Action, ok bool) {
	if sig <= 0 || sig >= NSIG {
		return old, false
	}
	bit := Bit(sig)
	if new != nil && cantMask&bit != 0 {
		return old, false
	}
	old = Action{Handler: p.handler[sig], Mask: p.catch[sig]}
	if p.onstack&bit != 0 {
		old.Flags |= SA_ONSTACK
	}
	if p.intr&bit == 0 {
		old.Flags |= SA_RESTART
	}
	if p.nodefer&bit != 0 {
		old.Flags |= SA_NODEFER
	}
	if p.siginfo&bit != 0 {
		old.Flags |= SA_SIGINFO
	}
	if sig == SIGCHLD {
		if p.noStop {
			old.Flags |= SA_NOCLDSTOP
		}
		if p.noZombie {
			old.Flags |= SA_NOCLDWAIT
		}
	}
	if new == nil {
		return old, true
	}

	if p.release >= releaseToken && p.validate == validateDefault {
		p.validate = validateOff
		if new.Flags&SA_VALIDATE != 0 {
			p.validate = validateOn
		}
	}
	f := new.Flags & actionFlags
	p.handler[sig] = new.Handler
	p.tramp[sig] = new.Tramp
	p.catch[sig] = new.Mask &^ cantMask
	put := func(s *Set, on bool) {
		*s &^= bit
		if on {
			*s |= bit
		}
	}
	put(&p.siginfo, f&SA_SIGINFO != 0)
	put(&p.intr, f&SA_RESTART == 0)
	put(&p.onstack, f&SA_ONSTACK != 0)
	put(&p.reset, f&SA_RESETHAND != 0)
	put(&p.nodefer, f&SA_NODEFER != 0)
	if sig == SIGCHLD {
		p.noStop = f&SA_NOCLDSTOP != 0
		p.noZombie = f&SA_NOCLDWAIT != 0 || new.Handler == SIG_IGN
	}
	if new.Handler == SIG_IGN || new.Handler == SIG_DFL && ignoreSigs&bit != 0 {
		for _, t := range p.all() {
			t.Pending &^= bit
		}
		put(&p.ignore, sig != SIGCONT)
		put(&p.caught, false)
	} else {
		put(&p.ignore, false)
		put(&p.caught, new.Handler != SIG_DFL)
	}
	return old, true
}

// change applies how to a mask; false is EINVAL.
func change(m Set, how int, set Set) (Set, bool) {
	switch how {
	case SIG_BLOCK:
		m |= set
	case SIG_UNBLOCK:
		m &^= set
	case SIG_SETMASK:
		m = set
	default:
		return m, false
	}
	return m &^ cantMask, true
}

// ThreadSigmask is __pthread_sigmask (329): it changes the mask of t alone.
func (p *Proc) ThreadSigmask(t *Thread, how int, set Set) bool {
	m, ok := change(t.Mask, how, set)
	t.Mask = m
	return ok
}

// Sigprocmask is sigprocmask (48): it changes the mask of every thread and
// the process default (kern_sig.c:sigprocmask, block_procsigmask,
// unblock_procsigmask, set_procsigmask).
func (p *Proc) Sigprocmask(how int, set Set) bool {
	if _, ok := change(0, how, set); !ok {
		return false
	}
	p.mask, _ = change(p.mask, how, set)
	for _, t := range p.all() {
		t.Mask, _ = change(t.Mask, how, set)
	}
	return true
}

// Suspend puts a temporary mask on t, for sigsuspend and pselect.
func (t *Thread) Suspend(mask Set) {
	if !t.suspended {
		t.oldMask = t.Mask
		t.suspended = true
	}
	t.Mask = mask &^ cantMask
}

// Resume ends Suspend if no handler was entered meanwhile; one that was
// restores the mask when it returns.
func (t *Thread) Resume() {
	if t.suspended {
		t.suspended = false
		t.Mask = t.oldMask
	}
}

// Waiting reports whether t has a signal to act on: one that is pending and
// not masked (sys/signalvar.h:SHOULDissignal).
func (t *Thread) Waiting() bool { return t.Pending&^t.Mask != 0 }

// An AltStackError says why SetAltStack refuses a stack.
type AltStackError int

const (
	AltStackOK    AltStackError = iota
	AltStackFlags               // unknown flags, or SS_DISABLE while in use: EINVAL
	AltStackInUse               // EPERM
	AltStackSmall               // ENOMEM
)

// SetAltStack is sigaltstack (kern_sig.c:sigaltstack).
func (t *Thread) SetAltStack(s Stack, flags int32) AltStackError {
	if flags&^SS_DISABLE != 0 {
		return AltStackFlags
	}
	if flags&SS_DISABLE != 0 {
		if t.OnStack {
			return AltStackFlags
		}
		t.HasAlt = false
		t.Alt = Stack{}
		return AltStackOK
	}
	if t.OnStack {
		return AltStackInUse
	}
	if s.Size < MinStack {
		return AltStackSmall
	}
	t.HasAlt = true
	t.Alt = s
	return AltStackOK
}

// OnAltStack reports whether a handler of sig would run on t's alternate
// stack, or already does.
func (p *Proc) OnAltStack(t *Thread, sig int) bool {
	return t.HasAlt && p.onstack.Has(sig) && p.caught.Has(sig)
}
