// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xsig

import (
	"slices"
	"testing"

	"goxnu/misc/internal/releases"
)

var kernels = []int{1504, 1699, 2050, 2422, 2782, 3248, 3789, 4570, 4903, 6153, 7195, 8019, 8020, 8792, 10002, 11215}

// proc makes a process with n threads, the first of which created the rest.
func proc(release, n int) (*Proc, []*Thread) {
	seq := uint64(0x1000)
	p := NewProc(release, State{}, func() uint64 { seq += 0x111; return seq })
	ts := []*Thread{p.NewThread(nil)}
	for len(ts) < n {
		ts = append(ts, p.NewThread(ts[0]))
	}
	return p, ts
}

func catch(t *testing.T, p *Proc, sig int, flags uint32, mask Set) {
	t.Helper()
	if _, ok := p.Sigaction(sig, &Action{Handler: 0x1000, Tramp: 0x2000, Mask: mask, Flags: flags}); !ok {
		t.Fatalf("sigaction(%d) failed", sig)
	}
}

func index(ts []*Thread, t *Thread) int { return slices.Index(ts, t) }

// kern_sig.c:psignal_internal, get_signalthread: the oldest thread that does
// not mask the signal, and the oldest of all if all do.
func TestPostPinsInCreationOrder(t *testing.T) {
	for _, r := range kernels {
		for _, c := range []struct {
			masked []int // threads that mask SIGUSR1
			want   int
			wake   bool
		}{
			{nil, 0, true},
			{[]int{0}, 1, true},
			{[]int{0, 1}, 2, true},
			{[]int{1}, 0, true},
			{[]int{0, 1, 2}, 0, false},
		} {
			p, ts := proc(r, 3)
			catch(t, p, SIGUSR1, 0, 0)
			for _, i := range c.masked {
				ts[i].Mask = Bit(SIGUSR1)
			}
			o := p.Post(SIGUSR1)
			if index(ts, o.Thread) != c.want || o.Wake != c.wake || o.Stop {
				t.Errorf("xnu-%d, masked by %v: pinned to %d, wake %v; want %d, %v", r, c.masked, index(ts, o.Thread), o.Wake, c.want, c.wake)
			}
			for i, x := range ts {
				if got, want := x.Pending.Has(SIGUSR1), i == c.want; got != want {
					t.Errorf("xnu-%d, masked by %v: thread %d pending %v, want %v", r, c.masked, i, got, want)
				}
			}
		}
	}
}

// There is no pending set of the process: a thread that opens the signal
// later does not get what was pinned to another.
func TestPinnedSignalStaysWithItsThread(t *testing.T) {
	p, ts := proc(6153, 2)
	catch(t, p, SIGUSR1, 0, 0)
	p.Sigprocmask(SIG_BLOCK, Bit(SIGUSR1))
	if o := p.Post(SIGUSR1); o.Thread != ts[0] || o.Wake {
		t.Fatalf("outcome %+v", o)
	}
	p.ThreadSigmask(ts[1], SIG_UNBLOCK, Bit(SIGUSR1))
	if sig, _ := p.Next(ts[1]); sig != 0 {
		t.Errorf("thread 1 got signal %d", sig)
	}
	p.ThreadSigmask(ts[0], SIG_UNBLOCK, Bit(SIGUSR1))
	if sig, what := p.Next(ts[0]); sig != SIGUSR1 || what != Catch {
		t.Errorf("thread 0 got %d, %d", sig, what)
	}
}

// One bit for each thread and signal: two sends before delivery are one, and
// two threads may each hold one.
func TestPendingIsOneBit(t *testing.T) {
	p, ts := proc(6153, 2)
	catch(t, p, SIGCHLD, 0, 0)
	p.Post(SIGCHLD)
	p.Post(SIGCHLD)
	p.PostThread(ts[1], SIGCHLD)
	for i, x := range ts {
		if sig, _ := p.Next(x); sig != SIGCHLD {
			t.Errorf("thread %d: first signal %d", i, sig)
		}
		if sig, _ := p.Next(x); sig != 0 {
			t.Errorf("thread %d: second signal %d", i, sig)
		}
	}
}

// kern_fork.c:uthread_cleanup: what is pending on a dying thread is lost to
// the process; exec sees HUP INT QUIT KILL TERM STOP TSTP CONT TTIN TTOU USR1
// USR2 of it.
func TestPendingDiesWithThread(t *testing.T) {
	for sig := 1; sig < NSIG; sig++ {
		if sig == SIGKILL || sig == SIGSTOP {
			continue
		}
		p, ts := proc(6153, 2)
		catch(t, p, sig, 0, 0)
		p.PostThread(ts[1], sig)
		p.Exit(ts[1])
		if n, _ := p.Next(ts[0]); n != 0 {
			t.Errorf("signal %d moved to another thread", sig)
		}
		kept := []int{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2}
		if got, want := p.Exec(ts[0]).Pending.Has(sig), slices.Contains(kept, sig); got != want {
			t.Errorf("signal %d: pending after exec %v, want %v", sig, got, want)
		}
	}
}

// kern_fork.c:uthread_alloc, uthread_init.
func TestNewThread(t *testing.T) {
	p, ts := proc(6153, 1)
	ts[0].Mask = Bit(SIGUSR1)
	ts[0].Pending = Bit(SIGUSR1)
	ts[0].SetAltStack(Stack{SP: 0x1000, Size: 1 << 16}, 0)
	n := p.NewThread(ts[0])
	if n.Mask != Bit(SIGUSR1) || n.Pending != 0 || n.HasAlt {
		t.Errorf("new thread: mask %#x pending %#x alternate stack %v", n.Mask, n.Pending, n.HasAlt)
	}
	// Inside sigsuspend the mask that will be restored is inherited.
	ts[0].Suspend(Bit(SIGTERM))
	if n = p.NewThread(ts[0]); n.Mask != Bit(SIGUSR1) {
		t.Errorf("new thread of a suspended one: mask %#x", n.Mask)
	}
	// It is in the list at once.
	catch(t, p, SIGUSR2, 0, 0)
	ts[0].Mask = ^Set(0)
	for _, x := range p.threads[:2] {
		x.Mask = ^Set(0)
	}
	if o := p.Post(SIGUSR2); o.Thread != n {
		t.Error("the new thread is no target")
	}
}

// kern_sig.c:psignal_internal: ignored means gone, even if blocked;
// setsigvec: such an action also clears what is pending.
func TestIgnoredIsGone(t *testing.T) {
	dflIgnored := []int{SIGURG, SIGCHLD, SIGIO, SIGWINCH, SIGINFO}
	for sig := 1; sig < NSIG; sig++ {
		if sig == SIGKILL || sig == SIGSTOP {
			continue
		}
		p, ts := proc(6153, 1)
		ts[0].Mask = Bit(sig)
		p.Post(sig)
		if got, want := ts[0].Pending.Has(sig), !slices.Contains(dflIgnored, sig); got != want {
			t.Errorf("signal %d at its default and blocked: pending %v, want %v", sig, got, want)
		}
		catch(t, p, sig, 0, 0)
		p.Post(sig)
		if !ts[0].Pending.Has(sig) {
			t.Errorf("signal %d caught and blocked: not pending", sig)
		}
		p.Sigaction(sig, &Action{Handler: SIG_IGN})
		if ts[0].Pending.Has(sig) {
			t.Errorf("signal %d: pending after SIG_IGN", sig)
		}
		p.Post(sig)
		if got, want := ts[0].Pending.Has(sig), sig == SIGCONT; got != want {
			t.Errorf("signal %d ignored: pending %v, want %v", sig, got, want)
		}
	}
}

// kern_sig.c:sigprocmask (48) changes every thread, __pthread_sigmask (329)
// the caller alone; in no release is it otherwise.
func TestMaskScope(t *testing.T) {
	for _, r := range kernels {
		p, ts := proc(r, 3)
		if !p.ThreadSigmask(ts[1], SIG_SETMASK, ^Set(0)) {
			t.Fatal("329 failed")
		}
		if ts[0].Mask != 0 || ts[1].Mask != ^(Bit(SIGKILL)|Bit(SIGSTOP)) || ts[2].Mask != 0 {
			t.Errorf("xnu-%d: after 329: masks %#x %#x %#x", r, ts[0].Mask, ts[1].Mask, ts[2].Mask)
		}
		if !p.Sigprocmask(SIG_SETMASK, Bit(SIGHUP)) {
			t.Fatal("48 failed")
		}
		for i, x := range ts {
			if x.Mask != Bit(SIGHUP) {
				t.Errorf("xnu-%d: after 48: mask of thread %d %#x", r, i, x.Mask)
			}
		}
		for _, how := range []int{0, 4, -1} {
			if p.ThreadSigmask(ts[0], how, 0) || p.Sigprocmask(how, 0) {
				t.Errorf("how %d accepted", how)
			}
		}
	}
}

// kern_sig.c:sigaction.
func TestSigaction(t *testing.T) {
	p, _ := proc(6153, 1)
	for _, sig := range []int{-1, 0, 32, 33} {
		if _, ok := p.Sigaction(sig, nil); ok {
			t.Errorf("signal %d accepted", sig)
		}
	}
	for _, sig := range []int{SIGKILL, SIGSTOP} {
		if _, ok := p.Sigaction(sig, nil); !ok {
			t.Errorf("signal %d cannot be read", sig)
		}
		if _, ok := p.Sigaction(sig, &Action{Handler: 0x1000}); ok {
			t.Errorf("signal %d can be caught", sig)
		}
	}
	for _, c := range []struct {
		sig       int
		set, want uint32
	}{
		{SIGUSR1, SA_SIGINFO | SA_ONSTACK | SA_RESTART, SA_SIGINFO | SA_ONSTACK | SA_RESTART},
		{SIGUSR1, SA_NODEFER, SA_NODEFER},
		{SIGUSR1, SA_RESETHAND, 0}, // never reported
		{SIGUSR1, SA_NOCLDSTOP | SA_NOCLDWAIT, 0},
		{SIGCHLD, SA_NOCLDSTOP | SA_NOCLDWAIT, SA_NOCLDSTOP | SA_NOCLDWAIT},
		{SIGUSR1, SA_VALIDATE | SA_USERTRAMP | 0x80000000, 0}, // unknown ones are not kept
	} {
		p.Sigaction(c.sig, &Action{Handler: 0x1234, Mask: ^Set(0), Flags: c.set})
		old, _ := p.Sigaction(c.sig, nil)
		if old.Handler != 0x1234 || old.Mask != ^(Bit(SIGKILL)|Bit(SIGSTOP)) || old.Flags != c.want {
			t.Errorf("signal %d flags %#x: read back %+v, want flags %#x", c.sig, c.set, old, c.want)
		}
	}
	p.Sigaction(SIGCHLD, &Action{Handler: SIG_IGN})
	if !p.NoCldWait() {
		t.Error("SIGCHLD ignored: children become zombies")
	}
}

// kern_sig.c:sigaltstack.
func TestAltStack(t *testing.T) {
	for _, c := range []struct {
		onStack bool
		size    uint64
		flags   int32
		want    AltStackError
	}{
		{false, 8192, 0, AltStackOK},
		{false, 8191, 0, AltStackSmall},
		{false, 0, SS_DISABLE, AltStackOK},
		{false, 65536, SS_ONSTACK, AltStackFlags},
		{false, 65536, 8, AltStackFlags},
		{true, 65536, 0, AltStackInUse},
		{true, 0, SS_DISABLE, AltStackFlags},
	} {
		th := &Thread{OnStack: c.onStack, HasAlt: c.onStack}
		if got := th.SetAltStack(Stack{0x1000, c.size}, c.flags); got != c.want {
			t.Errorf("on it %v, size %d, flags %#x: %d, want %d", c.onStack, c.size, c.flags, got, c.want)
		}
	}
}

// unix_signal.c:sendsig, sigreturn: "on the alternate stack" is a flag that
// only sigreturn clears.
func TestOnStackIsAFlag(t *testing.T) {
	p, ts := proc(6153, 1)
	x := ts[0]
	x.SetAltStack(Stack{0x10000, 65536}, 0)
	catch(t, p, SIGUSR1, SA_ONSTACK, 0)
	catch(t, p, SIGUSR2, 0, 0)

	d := p.Deliver(x, SIGUSR2)
	if d.Switch || x.OnStack {
		t.Error("a handler without SA_ONSTACK got the alternate stack")
	}
	d = p.Deliver(x, SIGUSR1)
	if !d.Switch || d.WasOnStack || !x.OnStack {
		t.Errorf("first delivery: %+v", d)
	}
	// The handler is left by a jump. The flag stays: the next signal comes on
	// the ordinary stack.
	if d = p.Deliver(x, SIGUSR1); d.Switch || !d.WasOnStack {
		t.Errorf("second delivery: %+v", d)
	}
	p.Return(x, 0, d.WasOnStack, 0, 0)
	if !x.OnStack {
		t.Error("sigreturn of the inner frame cleared the flag")
	}
	p.Return(x, 0, false, 0, 0)
	if d = p.Deliver(x, SIGUSR1); !d.Switch {
		t.Error("after sigreturn the alternate stack is not used")
	}
}

// kern_sig.c:postsig_locked.
func TestMaskInHandler(t *testing.T) {
	for _, c := range []struct {
		flags uint32
		want  Set
	}{
		{0, Bit(SIGHUP) | Bit(SIGTERM) | Bit(SIGUSR1)},
		{SA_NODEFER, Bit(SIGHUP) | Bit(SIGTERM)},
	} {
		p, ts := proc(6153, 1)
		ts[0].Mask = Bit(SIGHUP)
		catch(t, p, SIGUSR1, c.flags, Bit(SIGTERM)|Bit(SIGKILL))
		d := p.Deliver(ts[0], SIGUSR1)
		if ts[0].Mask != c.want || d.ReturnMask != Bit(SIGHUP) {
			t.Errorf("flags %#x: mask %#x, to restore %#x; want %#x", c.flags, ts[0].Mask, d.ReturnMask, c.want)
		}
	}
	// sigsuspend: the mask before it is restored.
	p, ts := proc(6153, 1)
	catch(t, p, SIGUSR1, 0, 0)
	ts[0].Mask = Bit(SIGUSR1)
	ts[0].Suspend(0)
	if d := p.Deliver(ts[0], SIGUSR1); d.ReturnMask != Bit(SIGUSR1) {
		t.Errorf("in sigsuspend: to restore %#x", d.ReturnMask)
	}
	ts[0].Resume()
	if ts[0].Mask != Bit(SIGUSR1) {
		t.Errorf("mask in the handler %#x", ts[0].Mask)
	}
}

func TestResetHand(t *testing.T) {
	for _, sig := range []int{SIGUSR1, SIGCHLD, SIGILL, SIGTRAP} {
		p, ts := proc(6153, 1)
		catch(t, p, sig, SA_RESETHAND, 0)
		p.Deliver(ts[0], sig)
		if got, want := p.Caught(sig), sig == SIGILL || sig == SIGTRAP; got != want {
			t.Errorf("signal %d: still caught %v, want %v", sig, got, want)
		}
		if got, want := p.Ignored(sig), sig == SIGCHLD; got != want {
			t.Errorf("signal %d: ignored %v, want %v", sig, got, want)
		}
	}
}

// kern_sig.c:issignal_locked: the lowest number first; what to do by action.
func TestNext(t *testing.T) {
	p, ts := proc(6153, 1)
	catch(t, p, SIGUSR1, 0, 0)
	ts[0].Mask = Bit(SIGHUP)
	for _, sig := range []int{SIGUSR1, SIGHUP, SIGTERM, SIGTTIN} {
		ts[0].Pending |= Bit(sig)
	}
	for _, want := range []struct{ sig, what int }{{SIGTERM, Kill}, {SIGTTIN, Stop}, {SIGUSR1, Catch}, {0, None}} {
		if sig, what := p.Next(ts[0]); sig != want.sig || what != want.what {
			t.Errorf("got %d, %d; want %v", sig, what, want)
		}
	}
	if ts[0].Pending != Bit(SIGHUP) {
		t.Errorf("left: %#x", ts[0].Pending)
	}
}

// Only the choice of a thread looks at UT_NO_SIGMASK (get_signalthread): what
// a thread has pending when it calls __disable_threadsignal it still takes.
func TestDisableThreadsignal(t *testing.T) {
	p, ts := proc(6153, 2)
	catch(t, p, SIGUSR1, 0, 0)
	ts[0].Mask = ^Set(0)
	p.PostThread(ts[0], SIGUSR1)
	ts[0].NoSig = true
	ts[0].Mask = 0
	if o := p.Post(SIGUSR1); o.Thread != ts[1] {
		t.Errorf("a signal went to thread %d", index(ts, o.Thread))
	}
	if sig, what := p.Next(ts[0]); sig != SIGUSR1 || what != Catch {
		t.Errorf("the pending signal: %d, %d", sig, what)
	}
}

// Stops act when they are sent and cancel a pending SIGCONT, and the reverse
// (kern_sig.c:psignal_internal).
func TestStopAndContinue(t *testing.T) {
	p, ts := proc(6153, 1)
	if o := p.Post(SIGTSTP); !o.Stop || ts[0].Pending != 0 {
		t.Errorf("SIGTSTP: %+v, pending %#x", o, ts[0].Pending)
	}
	if o := p.Post(SIGCONT); o.Wake || ts[0].Pending != 0 {
		t.Errorf("SIGCONT at its default: %+v, pending %#x", o, ts[0].Pending)
	}
	ts[0].Mask = ^Set(0)
	p.Post(SIGTSTP)
	if !ts[0].Pending.Has(SIGTSTP) {
		t.Error("blocked SIGTSTP is not pending")
	}
	catch(t, p, SIGCONT, 0, 0)
	p.Post(SIGCONT)
	if ts[0].Pending != Bit(SIGCONT) {
		t.Errorf("after SIGCONT: pending %#x", ts[0].Pending)
	}
	p.Post(SIGTTIN)
	if ts[0].Pending != Bit(SIGTTIN) {
		t.Errorf("after SIGTTIN: pending %#x", ts[0].Pending)
	}
	catch(t, p, SIGTSTP, 0, 0)
	ts[0].Mask = 0
	if o := p.Post(SIGTSTP); o.Stop || !o.Wake {
		t.Errorf("caught SIGTSTP: %+v", o)
	}
}

// Stopping foretells what Post does.
func TestStopping(t *testing.T) {
	states := map[string]func(x *Thread, sig int){
		"open":    func(x *Thread, sig int) {},
		"masked":  func(x *Thread, sig int) { x.Mask = Bit(sig) },
		"waiting": func(x *Thread, sig int) { x.SigWait = Bit(sig) },
		"off":     func(x *Thread, sig int) { x.NoSig = true },
	}
	for _, sig := range []int{SIGTSTP, SIGTTIN, SIGTTOU} {
		for _, handler := range []uint64{SIG_DFL, SIG_IGN, 0x1000} {
			for first, set := range states {
				for second, set2 := range states {
					p, ts := proc(11215, 2)
					p.Sigaction(sig, &Action{Handler: handler})
					set(ts[0], sig)
					set2(ts[1], sig)
					s := p.Stopping()
					if got, want := s.Has(sig), p.Post(sig).Stop; got != want {
						t.Errorf("signal %d, handler %#x, threads %s and %s: Stopping %v, Post %v", sig, handler, first, second, got, want)
					}
					if others := stopSigs &^ (Bit(sig) | Bit(SIGSTOP)); s&others != others {
						t.Errorf("signal %d: it changes what others do: %#x", sig, s)
					}
				}
			}
		}
	}
}

// Work queue threads come last from 6153 on.
func TestWorkqLast(t *testing.T) {
	for _, r := range kernels {
		p, ts := proc(r, 3)
		catch(t, p, SIGUSR1, 0, 0)
		ts[0].Mask = Bit(SIGUSR1)
		ts[1].Workq = true
		want := 2
		if r < releases.XNU6153 {
			want = 1
		}
		if o := p.Post(SIGUSR1); index(ts, o.Thread) != want {
			t.Errorf("xnu-%d: thread %d, want %d", r, index(ts, o.Thread), want)
		}
	}
}

// kern_sig.c:psignal_try_thread, from 3248: SIGPROF is offered to the thread
// that ran.
func TestProfSignalRouting(t *testing.T) {
	for _, r := range kernels {
		p, ts := proc(r, 3)
		catch(t, p, SIGPROF, 0, 0)
		want := 2
		if r < releases.XNU3248 {
			want = 0
		}
		if o := p.PostTry(ts[2], SIGPROF); index(ts, o.Thread) != want {
			t.Errorf("xnu-%d: thread %d, want %d", r, index(ts, o.Thread), want)
		}
		ts[2].Mask = Bit(SIGPROF)
		if o := p.PostTry(ts[2], SIGPROF); index(ts, o.Thread) != 0 {
			t.Errorf("xnu-%d: blocked there: thread %d, want 0", r, index(ts, o.Thread))
		}
	}
}

// kern_sig.c:__sigwait_nocancel looks at every thread's set, and a thread in
// it is a target although it blocks the signal.
func TestSigwait(t *testing.T) {
	p, ts := proc(6153, 3)
	catch(t, p, SIGUSR1, 0, 0)
	for _, x := range ts {
		x.Mask = Bit(SIGUSR1)
	}
	p.Post(SIGUSR1)
	if sig := p.TakeWait(Bit(SIGUSR1) | Bit(SIGUSR2)); sig != SIGUSR1 || ts[0].Pending != 0 {
		t.Errorf("took %d", sig)
	}
	ts[1].SigWait = Bit(SIGUSR1)
	if o := p.Post(SIGUSR1); o.Thread != ts[1] || !o.Waited || ts[1].Waited != SIGUSR1 || ts[1].Pending != 0 || ts[1].SigWait != 0 {
		t.Errorf("outcome %+v", o)
	}
}

// kern_fork.c:forkproc: the forking thread's mask, the actions; no alternate
// stack, nothing pending, one thread.
func TestFork(t *testing.T) {
	p, ts := proc(6153, 3)
	catch(t, p, SIGUSR1, 0, 0)
	for _, x := range ts {
		x.Pending = Bit(SIGUSR1)
	}
	ts[1].Mask = Bit(SIGHUP)
	ts[1].SetAltStack(Stack{0x1000, 65536}, 0)
	ts[1].OnStack = true
	p.Fork(ts[1])
	if ts[1].Pending != 0 || ts[1].HasAlt || ts[1].OnStack || ts[1].Mask != Bit(SIGHUP) || !p.Caught(SIGUSR1) {
		t.Errorf("child: %+v", ts[1])
	}
	if o := p.Post(SIGUSR1); o.Thread != ts[1] {
		t.Errorf("in the child a signal went to thread %d", index(ts, o.Thread))
	}
}

// kern_exec.c, kern_sig.c:execsigs: the mask, ignored signals and pending ones
// stay; caught ones become default; SA_SIGINFO and the like stay on those
// that were at their default (golang.org/issue/81009).
func TestExec(t *testing.T) {
	p, ts := proc(6153, 2)
	catch(t, p, SIGUSR1, SA_SIGINFO, 0)
	p.Sigaction(SIGUSR2, &Action{Handler: SIG_DFL, Flags: SA_SIGINFO | SA_RESTART})
	p.Sigaction(SIGHUP, &Action{Handler: SIG_IGN})
	p.Sigaction(SIGTERM, &Action{Handler: SIG_DFL})
	p.ThreadSigmask(ts[1], SIG_SETMASK, Bit(SIGUSR1)|Bit(SIGTERM))
	ts[0].Mask = Bit(SIGINT)
	p.PostThread(ts[1], SIGUSR1)
	p.PostThread(ts[0], SIGINT)

	q := NewProc(6153, p.Exec(ts[1]), func() uint64 { return 1 })
	x := q.NewThread(nil)
	if x.Mask != Bit(SIGUSR1)|Bit(SIGTERM) || x.Pending != Bit(SIGUSR1)|Bit(SIGINT) {
		t.Errorf("new image: mask %#x pending %#x", x.Mask, x.Pending)
	}
	for _, c := range []struct {
		sig   int
		h     uint64
		flags uint32
	}{
		{SIGUSR1, SIG_DFL, 0},
		{SIGUSR2, SIG_DFL, SA_SIGINFO | SA_RESTART},
		{SIGHUP, SIG_IGN, 0},
		{SIGTERM, SIG_DFL, 0},
	} {
		a, _ := q.Sigaction(c.sig, nil)
		if a.Handler != c.h || a.Flags != c.flags {
			t.Errorf("signal %d in the new image: handler %#x flags %#x, want %#x %#x", c.sig, a.Handler, a.Flags, c.h, c.flags)
		}
	}
}

// unix_signal.c:sigreturn, from 4903: the token is checked unless the first
// sigaction that set something lacked flag 0x400; the mask is changed first.
func TestSigreturnToken(t *testing.T) {
	for _, r := range kernels {
		for _, c := range []struct {
			name  string
			first []uint32 // flags of the sigactions, in order
			check bool
		}{
			{"none", nil, true},
			{"raw first", []uint32{0, SA_VALIDATE}, false},
			{"libSystem first", []uint32{SA_VALIDATE, 0}, true},
		} {
			p, ts := proc(r, 1)
			for _, f := range c.first {
				catch(t, p, SIGUSR1, f, 0)
			}
			p.handler[SIGUSR1], p.caught = 0x1000, Bit(SIGUSR1)
			d := p.Deliver(ts[0], SIGUSR1)
			const uctx = 0x7000
			right := uctx ^ d.Token
			wrongOK := !c.check || r < releases.XNU4903
			if got := p.Return(ts[0], Bit(SIGHUP), false, uctx, right+1); got != wrongOK {
				t.Errorf("xnu-%d, %s: wrong token accepted %v, want %v", r, c.name, got, wrongOK)
			}
			if ts[0].Mask != Bit(SIGHUP) {
				t.Errorf("xnu-%d, %s: mask %#x", r, c.name, ts[0].Mask)
			}
			if !p.Return(ts[0], 0, false, uctx, right) {
				t.Errorf("xnu-%d, %s: right token refused", r, c.name)
			}
		}
	}
}

// Up to 8019 the random number is the process's, from 8020 the thread's, drawn
// when no handler is outstanding.
func TestTokenScope(t *testing.T) {
	for _, r := range kernels {
		p, ts := proc(r, 2)
		catch(t, p, SIGUSR1, SA_NODEFER, 0)
		a, b := p.Deliver(ts[0], SIGUSR1).Token, p.Deliver(ts[1], SIGUSR1).Token
		nested := p.Deliver(ts[0], SIGUSR1).Token
		p.Return(ts[0], 0, false, 0, a)
		p.Return(ts[0], 0, false, 0, a)
		again := p.Deliver(ts[0], SIGUSR1).Token
		if nested != a {
			t.Errorf("xnu-%d: the nested handler has another token", r)
		}
		if (a == b) != (r < releases.XNU8020) || (a == again) != (r < releases.XNU8020) || (a == 0) != (r < releases.XNU4903) {
			t.Errorf("xnu-%d: tokens %#x, other thread %#x, later %#x", r, a, b, again)
		}
	}
}

// One slot for the process: delivery reads and zeroes it.
func TestSenderSlot(t *testing.T) {
	p, ts := proc(6153, 1)
	catch(t, p, SIGUSR1, 0, 0)
	catch(t, p, SIGUSR2, 0, 0)
	p.Info = Info{Pid: 7, Uid: 8, Status: SIGUSR1}
	if d := p.Deliver(ts[0], SIGUSR1); d.Info.Pid != 7 {
		t.Errorf("first: %+v", d.Info)
	}
	if d := p.Deliver(ts[0], SIGUSR2); d.Info != (Info{}) {
		t.Errorf("second: %+v", d.Info)
	}
}
