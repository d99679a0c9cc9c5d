// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"goxnu/misc/go_darwin_exec/patch"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// procThread is guestThread with the tables that Boot makes.
func procThread(t *testing.T, r Release) *Thread {
	th := guestThread(t, r)
	th.p.ports.init()
	th.p.calls, th.p.traps = inRelease(sysents[:], r), inRelease(machtraps[:], r)
	th.p.patcher = patch.New(th.p.Space, false)
	return th
}

// another adds a thread to th's process and runs f as it, on a goroutine and
// an OS thread of its own. The result ends when f has.
func another(t *testing.T, th *Thread, f func(*Thread)) (n *Thread, done chan bool) {
	t.Helper()
	th.p.mu.Lock()
	n, err := th.p.newThread(th)
	th.p.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	done = make(chan bool)
	go func() {
		defer close(done)
		guestLoop(t, n, f)
	}()
	return n, done
}

// trap runs a Mach trap.
func trap(t *testing.T, th *Thread, name string, a ...uint64) int32 {
	t.Helper()
	for _, s := range machtraps {
		if s.name == name && s.since <= th.p.Release {
			var ar args
			copy(ar[:], a)
			return s.handle(th, &ar)
		}
	}
	t.Fatalf("no trap %s", name)
	return 0
}

// asleep waits until cond holds, as a test's way to see that another thread
// has gone to sleep.
func asleep(t *testing.T, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !cond(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatal("the other thread does not go to sleep")
		}
	}
}

// The kernel's sigaction takes a struct with the trampoline and returns one
// without (bsd/sys/signal.h; golang.org/cl/f40c05eea4).
func TestSigactionLayouts(t *testing.T) {
	th := procThread(t, XNU6153)
	in := [3]uint64{0x1122334455667788, 0x99aabbccddeeff00, xsig.SA_SIGINFO<<32 | 0x0000fff0}
	out := [3]uint64{2: ^uint64(0)}
	call(t, th, sysSigaction, 0, SIGUSR1, gp(&in), 0)
	call(t, th, sysSigaction, 0, SIGUSR1, 0, gp(&out))
	if want := [3]uint64{0x1122334455667788, xsig.SA_SIGINFO<<32 | 0x0000fff0&^0x10100, ^uint64(0)}; out != want {
		t.Errorf("read back %#x, want %#x", out, want)
	}
	call(t, th, sysSigaction, EINVAL, 0, gp(&in), 0)
	call(t, th, sysSigaction, EINVAL, 32, gp(&in), 0)
	call(t, th, sysSigaction, EINVAL, SIGKILL, gp(&in), 0)
	call(t, th, sysSigaction, 0, SIGKILL, 0, gp(&out))
	call(t, th, sysSigaction, EFAULT, SIGUSR1, 8, 0)
}

// An exception that is blocked stays pending, and nothing kills the process
// (bsd/uxkern/ux_exception.c).
func TestExceptionSignals(t *testing.T) {
	th := procThread(t, XNU6153)
	const addr = 0xdeadb000
	for _, c := range []struct {
		trapno, err, cr2 uint64
		siCode           int32 // Linux's
		sig              int
		code             int32
		addr             uint64
	}{
		{trapPF, 4, addr, 1, SIGSEGV, 1, addr},
		{trapPF, 7, addr, 2, SIGBUS, 2, addr},
		{trapGP, 0, 0x1234, 0x80, SIGSEGV, 0, 0},
		{trapGP, 0x81*8 + 2, 0, 0x80, SIGILL, 1, 0x1002}, // behind the INT
		{trapGP, 0x80*8 + 2, 0, 0x80, SIGILL, 1, 0x1002},
		{trapUD, 0, 0, 2, SIGILL, 1, 0x1000},
		{trapSS, 0, 0, 0x80, SIGILL, 0, 0x1000},
		{trapDE, 0, 0, 1, SIGFPE, 7, 0x1000},
		{trapBP, 0, 0, 0x80, SIGTRAP, 1, 0x1000},
		{trapDB, 0, 0, 1, SIGTRAP, 1, 0x1000},
	} {
		in := [3]uint64{0x5000, 0x6000, 0}
		call(t, th, sysSigaction, 0, uint64(c.sig), gp(&in), 0)
		th.sig.Mask = ^xsig.Set(0)
		th.cpu.Trapno, th.cpu.ErrCode, th.cpu.CR2, th.cpu.SiCode = c.trapno, c.err, c.cr2, c.siCode
		th.cpu.Regs.RIP = 0x1000
		th.fault()
		if th.sig.Pending != xsig.Bit(c.sig) {
			t.Errorf("trap %d error %#x: pending %#x, want signal %d", c.trapno, c.err, th.sig.Pending, c.sig)
		}
		th.sig.Mask = 0
		sig, _ := th.p.sig.Next(th.sig)
		d := th.p.sig.Deliver(th.sig, sig)
		si := th.siginfo(&d)
		if si.Code != c.code || si.Addr != c.addr {
			t.Errorf("trap %d error %#x: si_code %d si_addr %#x, want %d %#x", c.trapno, c.err, si.Code, si.Addr, c.code, c.addr)
		}
		th.sig.Mask = 0
	}
	// After an exception, kill's signals report it, too: the kernel cannot
	// tell them apart (unix_signal.c:sendsig).
	in := [3]uint64{0x5000, 0x6000, 0}
	call(t, th, sysSigaction, 0, SIGBUS, gp(&in), 0)
	th.sig.Mask = ^xsig.Set(0)
	th.exc, th.cr2 = exception{typ: excBadAccess, code: kernProtectionFailure, sub: addr}, addr
	call(t, th, sysKill, 0, uint64(syscall.Getpid()), SIGBUS, 1)
	d := th.p.sig.Deliver(th.sig, SIGBUS)
	if si := th.siginfo(&d); si.Code != 2 || si.Addr != addr || si.Pid != 0 {
		t.Errorf("SIGBUS by kill: %+v", si)
	}
}

// A handler's frame, by way of the guest's memory: sendsig, then sigreturn.
func TestSendsigAndSigreturn(t *testing.T) {
	for _, r := range []Release{XNU1504, XNU3789, XNU4570, XNU4903, XNU8020, XNU11215} {
		t.Run("xnu-"+itoa(int(r)), func(t *testing.T) { testSendsig(t, r) })
	}
}

func testSendsig(t *testing.T, r Release) {
	th := procThread(t, r)
	stack := new([16384]byte)
	alt := new([32768]byte)
	st := [3]uint64{gp(alt), uint64(len(alt)), 0}
	call(t, th, sysSigaltstack, 0, gp(&st), 0)
	in := [3]uint64{0x5000, 0x6000, (xsig.SA_SIGINFO|xsig.SA_ONSTACK)<<32 | uint64(xsig.Bit(SIGHUP))}
	call(t, th, sysSigaction, 0, SIGUSR1, gp(&in), 0)
	th.sig.Mask = xsig.Bit(SIGTERM)
	regs := vcpu.Regs{R8: 8, R9: 9, R12: 12, RAX: 1, RBX: 2, RCX: 3, RDX: 4, RDI: 5, RSI: 6, RBP: 7,
		RSP: gp(stack) + 8000, RIP: 0x1000, RFLAGS: 0x247}
	th.cpu.Regs = regs
	call(t, th, sysPthreadKill, 0, uint64(th.p.ports.threadName(th)), SIGUSR1)
	if th.ast.Load() == 0 {
		t.Fatal("the thread was not told")
	}
	th.astTaken()
	got := &th.cpu.Regs
	if got.RIP != 0x6000 || got.RDI != 0x5000 || got.RSI != xsig.UCFlavor || got.RDX != SIGUSR1 {
		t.Fatalf("xnu-%d: handler entered with %+v", r, *got)
	}
	if got.RSP < gp(alt) || got.RSP >= gp(alt)+uint64(len(alt)) {
		t.Errorf("xnu-%d: RSP %#x is not on the alternate stack", r, got.RSP)
	}
	if want := xsig.Bit(SIGTERM) | xsig.Bit(SIGHUP) | xsig.Bit(SIGUSR1); th.sig.Mask != want {
		t.Errorf("xnu-%d: mask in the handler %#x, want %#x", r, th.sig.Mask, want)
	}
	old := [3]uint64{}
	call(t, th, sysSigaltstack, 0, 0, gp(&old))
	if old[2] != xsig.SS_ONSTACK {
		t.Errorf("xnu-%d: sigaltstack in the handler: flags %#x", r, old[2])
	}
	call(t, th, sysSigaltstack, EPERM, gp(&st), 0)
	uctx, token := got.R8, got.R9
	// As a raw runtime does it: no flag 0x400 at the first sigaction, so
	// any token will do.
	call(t, th, sysSigreturn, EJUSTRETURN, uctx, xsig.UCFlavor, token+1)
	if *got != regs {
		t.Errorf("xnu-%d: back with\n%+v, was\n%+v", r, *got, regs)
	}
	if th.sig.Mask != xsig.Bit(SIGTERM) || th.sig.OnStack {
		t.Errorf("xnu-%d: back with mask %#x, on the alternate stack %v", r, th.sig.Mask, th.sig.OnStack)
	}
	call(t, th, sysSigreturn, EFAULT, 8, xsig.UCFlavor, 0)
	call(t, th, sysSigreturn, 0, 8, xsig.UCSetStack, 0)
	if !th.sig.OnStack {
		t.Error("UC_SET_ALT_STACK")
	}
	call(t, th, sysSigreturn, 0, 8, xsig.UCResetStack, 0)
	if th.sig.OnStack {
		t.Error("UC_RESET_ALT_STACK")
	}
}

// A sleep ends by a signal that is caught and not blocked, and by no other
// (bsd/kern/kern_synch.c:_sleep); SA_RESTART decides about the call.
func TestInterruptedCalls(t *testing.T) {
	for _, c := range []struct {
		name     string
		handler  uint64
		flags    uint64
		mask     xsig.Set
		rest     []string // calls
		want     Errno
		stillThe bool // the call goes on
	}{
		{"caught", 0x5000, 0, 0, []string{"read"}, EINTR, false},
		{"caught, SA_RESTART", 0x5000, xsig.SA_RESTART, 0, []string{"read"}, ERESTART, false},
		{"caught, SA_RESTART", 0x5000, xsig.SA_RESTART, 0, []string{"sigsuspend", "poll", "select"}, EINTR, false},
		{"blocked", 0x5000, 0, xsig.Bit(SIGWINCH), []string{"read", "poll"}, 0, true},
		{"ignored", xsig.SIG_IGN, 0, 0, []string{"read", "poll"}, 0, true},
		{"ignored by default", xsig.SIG_DFL, 0, 0, []string{"read", "poll"}, 0, true},
	} {
		for _, name := range c.rest {
			t.Run(name+", "+c.name, func(t *testing.T) {
				th := procThread(t, XNU6153)
				in := [3]uint64{c.handler, 0x6000, c.flags << 32}
				call(t, th, sysSigaction, 0, SIGWINCH, gp(&in), 0)
				r, w := pipe(t)
				buf := new([8]byte)
				pfd := [1]uint64{r | 1<<32}
				var s *sysent
				for _, x := range th.p.calls {
					if x != nil && x.name == name {
						s = x
					}
				}
				// The pipe must block.
				syscall.SetNonblock(int(r), false)
				var e Errno
				var tid atomic.Int32
				n, done := another(t, th, func(n *Thread) {
					a := args{r, gp(buf), 8}
					switch name {
					case "poll":
						a = args{gp(&pfd), 1, ^uint64(0)}
					case "sigsuspend":
						a = args{uint64(c.mask)}
					case "select":
						a = args{}
					}
					n.sig.Mask = c.mask
					tid.Store(int32(syscall.Gettid()))
					_, e = n.call(s, &a)
				})
				asleep(t, func() bool {
					stat, _ := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/stat", tid.Load()))
					_, state, _ := bytes.Cut(stat, []byte(") "))
					return bytes.HasPrefix(state, []byte("S"))
				})
				th.p.mu.Lock()
				th.p.post(SIGWINCH, self(SIGWINCH), n, false)
				patience := time.Minute
				if c.stillThe {
					patience = 20 * time.Millisecond // or as long as a mistake needs to show
				}
				select {
				case <-done:
					if c.stillThe {
						t.Error("interrupted")
					}
				case <-time.After(patience):
					if !c.stillThe {
						t.Error("not interrupted")
					}
					syscall.Write(int(w), []byte{1})
					<-done
				}
				if e != c.want {
					t.Errorf("%v, want %v", e, c.want)
				}
				closeFD(t, th, r)
				closeFD(t, th, w)
			})
		}
	}
}

// osfmk/kern/sync_sema.c.
func TestSemaphores(t *testing.T) {
	th := procThread(t, XNU4570)
	create := func(value uint32) uint64 {
		msg := new([12]uint32)
		reply := uint32(trap(t, th, "mach_reply_port"))
		*msg = [12]uint32{0x1513, 40, uint32(trap(t, th, "task_self")), reply, 0, 3418, 0, 1, 0, value}
		if r := trap(t, th, "mach_msg_trap", gp(msg), 3, 40, 48, uint64(reply), 0, 0); r != 0 {
			t.Fatalf("mach_msg %#x", r)
		}
		if msg[5] != 3518 || msg[0]&0x80000000 == 0 || msg[6] != 1 || msg[11] != 8 {
			t.Fatalf("reply %#x", *msg)
		}
		return uint64(msg[7])
	}
	s := create(1)
	for _, c := range []struct {
		trap string
		a    []uint64
		want int32
	}{
		{"semaphore_wait", []uint64{s}, kernSuccess},
		{"semaphore_timedwait", []uint64{s, 0, 0}, kernOperationTimedOut}, // polls
		{"semaphore_timedwait", []uint64{s, 0, 1e6}, kernOperationTimedOut},
		{"semaphore_timedwait", []uint64{s, 0, 1e9}, kernInvalidValue},
		{"semaphore_signal", []uint64{s}, kernSuccess},
		{"semaphore_timedwait", []uint64{s, 0, 0}, kernSuccess},
		{"semaphore_signal_all", []uint64{s}, kernSuccess}, // remembers nothing
		{"semaphore_timedwait", []uint64{s, 0, 0}, kernOperationTimedOut},
		{"semaphore_signal_thread", []uint64{s, 0}, kernNotWaiting},
		{"semaphore_wait", []uint64{0x7fff03}, kernInvalidName},
		{"semaphore_signal", []uint64{0}, kernInvalidName},
		{"semaphore_wait", []uint64{uint64(th.p.ports.task)}, kernInvalidCapability},
	} {
		if got := trap(t, th, c.trap, c.a...); got != c.want {
			t.Errorf("%s%v = %d, want %d", c.trap, c.a, got, c.want)
		}
	}

	// A signal aborts the wait and leaves the count alone; nothing restarts it.
	in := [3]uint64{0x5000, 0x6000, xsig.SA_RESTART << 32}
	call(t, th, sysSigaction, 0, SIGUSR1, gp(&in), 0)
	x, _ := th.p.semaphore(uint32(s))
	waiting := func() bool { x.mu.Lock(); defer x.mu.Unlock(); return len(x.waiters) == 1 }
	var kr int32
	n, done := another(t, th, func(n *Thread) { kr = trap(t, n, "semaphore_wait", s) })
	asleep(t, waiting)
	th.p.mu.Lock()
	th.p.post(SIGUSR1, self(SIGUSR1), n, false)
	<-done
	if kr != kernAborted || waiting() || x.count != 0 {
		t.Errorf("a signal: %d, count %d", kr, x.count)
	}
	// Handed over.
	_, done = another(t, th, func(n *Thread) { kr = trap(t, n, "semaphore_wait", s) })
	asleep(t, waiting)
	trap(t, th, "semaphore_signal", s)
	<-done
	if kr != kernSuccess || x.count != 0 {
		t.Errorf("signalled: %d, count %d", kr, x.count)
	}
	// Destroyed.
	_, done = another(t, th, func(n *Thread) { kr = trap(t, n, "semaphore_wait", s) })
	asleep(t, waiting)
	x.destroy()
	<-done
	if kr != kernTerminated {
		t.Errorf("destroyed: %d", kr)
	}
}

// Every signal of a semaphore is taken exactly once, whatever else happens to
// the waiters.
func TestSemaphoreHandoff(t *testing.T) {
	th := procThread(t, XNU4570)
	s := &semaphore{}
	const total = 3000
	var got, aborted atomic.Int64
	var dones []chan bool
	var ns []*Thread
	in := [3]uint64{0x5000, 0x6000, 0}
	call(t, th, sysSigaction, 0, SIGUSR1, gp(&in), 0)
	for range 4 {
		n, done := another(t, th, func(n *Thread) {
			for got.Load() < total {
				switch s.wait(n, after(1e6), false) {
				case kernSuccess:
					got.Add(1)
				case kernAborted:
					aborted.Add(1)
					n.p.mu.Lock()
					n.sig.Pending = 0
					n.p.mu.Unlock()
				}
			}
		})
		ns, dones = append(ns, n), append(dones, done)
	}
	for i := range total {
		s.signal()
		if i%4 == 0 {
			th.p.mu.Lock()
			th.p.post(SIGUSR1, self(SIGUSR1), ns[i/4%4], false)
		}
	}
	for _, d := range dones {
		<-d
	}
	if got.Load() != total || s.count != 0 {
		t.Errorf("%d signals taken, count %d; want %d, 0", got.Load(), s.count, total)
	}
	t.Logf("%d waits aborted", aborted.Load())
}

// bsd/kern/sys_ulock.c.
func TestUlock(t *testing.T) {
	th := procThread(t, XNU6153)
	word := new(uint64)
	*word = 5
	p := gp(word)
	const cw, cw64, noErrno, all = 1, 5, 0x01000000, 0x100
	call(t, th, sysUlockWait, 0, cw, p, 6, 0)            // differs: at once
	call(t, th, sysUlockWait, ETIMEDOUT, cw, p, 5, 1000) // µs
	call(t, th, sysUlockWait, EINVAL, cw, p+1, 5, 1000)
	call(t, th, sysUlockWait, EINVAL, 99, p, 5, 1000)
	call(t, th, sysUlockWait, EINVAL, cw|0x80000000, p, 5, 1000)
	call(t, th, sysUlockWait, EFAULT, cw, 8, 5, 1000)
	call(t, th, sysUlockWake, ENOENT, cw, p, 0)
	if v := call(t, th, sysUlockWait, 0, cw|noErrno, p, 5, 1000); int64(v) != -60 {
		t.Errorf("ULF_NO_ERRNO: %d, want -60 (ETIMEDOUT)", int64(v))
	}
	if v := call(t, th, sysUlockWake, 0, cw|noErrno, p, 0); int64(v) != -2 {
		t.Errorf("ULF_NO_ERRNO: %d, want -2 (ENOENT)", int64(v))
	}
	*word = 1<<32 | 5
	call(t, th, sysUlockWait, ETIMEDOUT, cw, p, 5, 1000) // 32 bits
	call(t, th, sysUlockWait, 0, cw64, p, 5, 1000)
	call(t, th, sysUlockWait, ETIMEDOUT, cw64, p, 1<<32|5, 1000)

	b := &th.p.ulocks[th.p.ulocks.bucket(p)]
	waiters := func() int {
		b.mu.Lock()
		defer b.mu.Unlock()
		if u := find(b.locks, p); u != nil {
			return len(u.waiters)
		}
		return 0
	}
	var dones []chan bool
	for range 3 {
		_, done := another(t, th, func(n *Thread) { call(t, n, sysUlockWait, 0, cw, p, 5, 0) })
		dones = append(dones, done)
	}
	asleep(t, func() bool { return waiters() == 3 })
	call(t, th, sysUlockWait, EDOM, cw64, p, 1<<32|5, 1000)
	call(t, th, sysUlockWake, 0, cw, p, 0)
	asleep(t, func() bool { return waiters() == 2 })
	call(t, th, sysUlockWake, 0, cw|all, p, 0)
	for _, d := range dones {
		<-d
	}
	call(t, th, sysUlockWake, ENOENT, cw, p, 0)

	// A signal: EINTR, whatever SA_RESTART says.
	in := [3]uint64{0x5000, 0x6000, xsig.SA_RESTART << 32}
	call(t, th, sysSigaction, 0, SIGUSR1, gp(&in), 0)
	n, done := another(t, th, func(n *Thread) { call(t, n, sysUlockWait, EINTR, cw, p, 5, 0) })
	asleep(t, func() bool { return waiters() == 1 })
	th.p.mu.Lock()
	th.p.post(SIGUSR1, self(SIGUSR1), n, false)
	<-done
}

// bsd/kern/kern_sig.c:__sigwait_nocancel.
func TestSigwait(t *testing.T) {
	th := procThread(t, XNU6153)
	set, sig := uint32(xsig.Bit(SIGUSR1)|xsig.Bit(SIGTERM)), uint32(0)
	zero := uint32(0)
	th.sig.Mask = xsig.Set(set)
	call(t, th, sysSigwait, EINVAL, gp(&zero), gp(&sig))
	call(t, th, sysSigwait, EFAULT, 8, gp(&sig))
	th.p.psignal(SIGTERM)
	call(t, th, sysSigwait, 0, gp(&set), gp(&sig))
	if sig != SIGTERM || th.sig.Pending != 0 {
		t.Errorf("got %d, pending %#x", sig, th.sig.Pending)
	}
	n, done := another(t, th, func(n *Thread) { call(t, n, sysSigwait, 0, gp(&set), gp(&sig)) })
	asleep(t, func() bool { th.p.mu.Lock(); defer th.p.mu.Unlock(); return n.sig.SigWait != 0 })
	th.p.psignal(SIGUSR1) // masked everywhere; who waits for it gets it
	<-done
	if sig != SIGUSR1 {
		t.Errorf("got %d", sig)
	}
}

// Facts about numbers that a release lacks (bsd/kern/subr_xxx.c:nosys).
func TestNosys(t *testing.T) {
	for _, r := range []Release{XNU1504, XNU3248, XNU3789, XNU11215} {
		t.Run("xnu-"+itoa(int(r)), func(t *testing.T) {
			th := procThread(t, r)
			n, _ := another(t, th, func(*Thread) {})
			in := [3]uint64{0x5000, 0x6000, 0}
			call(t, th, sysSigaction, 0, SIGSYS, gp(&in), 0)
			th.sig.Mask = 0
			n.cpu.Regs.RDX = 77
			n.unixSyscall(999)
			if n.cpu.Regs.RAX != uint64(ENOSYS) || n.cpu.Regs.RFLAGS&1 == 0 || n.cpu.Regs.RDX != 77 {
				t.Errorf("xnu-%d: RAX %#x RFLAGS %#x RDX %d", r, n.cpu.Regs.RAX, n.cpu.Regs.RFLAGS, n.cpu.Regs.RDX)
			}
			toThread := r >= XNU3789
			if th.sig.Pending.Has(SIGSYS) == toThread || n.sig.Pending.Has(SIGSYS) != toThread {
				t.Errorf("xnu-%d: SIGSYS pending on the first thread %v, on the caller %v", r, th.sig.Pending.Has(SIGSYS), n.sig.Pending.Has(SIGSYS))
			}
		})
	}
}

// bsd/sys/wait.h, bsd/kern/kern_exit.c:wait4_nocancel.
func TestWaitStatus(t *testing.T) {
	for _, c := range []struct{ host, want uint32 }{
		{0x0700, 0x0700},
		{uint32(syscall.SIGTERM), SIGTERM},
		{uint32(syscall.SIGUSR1), SIGUSR1},
		{uint32(syscall.SIGBUS) | 0x80, SIGBUS | 0x80},
		{uint32(syscall.SIGSTOP)<<8 | 0x7f, SIGSTOP<<8 | 0x7f},
		{uint32(syscall.SIGTSTP)<<8 | 0x7f, SIGTSTP<<8 | 0x7f},
		{0xffff, 0x137f},
		{hostSIGEMT, SIGEMT},
	} {
		if got := waitStatus(c.host); got != c.want {
			t.Errorf("status %#x becomes %#x, want %#x", c.host, got, c.want)
		}
	}
}

func TestSignalNumbers(t *testing.T) {
	seen := map[int]bool{}
	for sig := 1; sig < NSIG; sig++ {
		h := toHost(sig)
		if h <= 0 || h > 64 || seen[h] || fromHostSignal(h) != sig {
			t.Errorf("%s: host's %d, and back %d", signals[sig].name, h, fromHostSignal(h))
		}
		seen[h] = true
	}
	for _, h := range []int{0, int(syscall.SIGPWR), int(syscall.SIGSTKFLT), 34, 64} {
		if sig := fromHostSignal(h); sig != 0 {
			t.Errorf("host signal %d is %d", h, sig)
		}
	}
}

// bsd/kern/kern_exec.c:execsw, exec_shell_imgact; mach_loader.c.
func TestClassify(t *testing.T) {
	le := func(w ...uint32) []byte {
		var b []byte
		for _, v := range w {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		return append(b, make([]byte, 64)...)
	}
	be := func(w ...uint32) []byte {
		var b []byte
		for _, v := range w {
			b = binary.BigEndian.AppendUint32(b, v)
		}
		return append(b, make([]byte, 64)...)
	}
	for _, c := range []struct {
		name string
		b    []byte
		want int
	}{
		{"amd64", le(0xfeedfacf, 0x01000007, 3), fileMachO},
		{"arm64", le(0xfeedfacf, 0x0100000c, 0), fileBadArch},
		{"386", le(0xfeedface, 7, 3), fileBadArch},
		{"fat with amd64", be(0xcafebabe, 2, 0x0100000c, 0, 0, 0, 0, 0x01000007), fileMachO},
		{"fat without", be(0xcafebabe, 1, 0x0100000c), fileBadArch},
		{"Java", be(0xcafebabe, 0x00000034), fileUnknown},
		{"ELF", []byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00"), fileELF},
		{"script", []byte("#!/bin/sh\n"), fileScript},
		{"text", []byte("echo hello, world\n"), fileUnknown},
		{"empty", nil, fileUnknown},
		{"short", []byte{0xcf, 0xfa}, fileUnknown},
	} {
		if got := classify(c.b, false); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestScriptWords(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
		err  Errno
	}{
		{"#!/bin/sh\nrest", []string{"/bin/sh"}, 0},
		{"#! \t/bin/sh  -e\t-x \n", []string{"/bin/sh", "-e", "-x"}, 0},
		{"#!/bin/sh # comment\n", []string{"/bin/sh"}, 0},
		{"#!\n", nil, ENOEXEC},
		{"#!/bin/sh", nil, ENOEXEC},
	} {
		b := append([]byte(c.line), 0)
		b = b[:len(c.line)]
		gpSink = b
		var w [8][]byte
		n, e := scriptWords(b, &w)
		if e != c.err || n != len(c.want) {
			t.Errorf("%q: %d words, %v; want %q, %v", c.line, n, e, c.want, c.err)
			continue
		}
		for i, want := range c.want {
			if string(w[i]) != want || w[i][:len(want)+1][len(want)] != 0 {
				t.Errorf("%q: word %d is %q, want %q and a NUL", c.line, i, w[i], want)
			}
		}
	}
}

func TestExecStateRoundTrip(t *testing.T) {
	want := ExecState{
		State: xsig.State{Mask: 0x12345, Ignore: 1, Pending: 0x40000000, Intr: 7, Siginfo: 9, NoStop: true, NoZombie: true},
		SigFD: 7, Resume: -1, Self: 9, Retry: 2, Linked: true, Leaders: [ttyLeaders]ttyLeader{{dev: 0x8801, pid: 77}, {}, {}, {dev: 1, pid: 1<<22 - 1}},
		Runner: []string{"runner", "-trace"}, Path: "path", Args: []string{"a0", "", "a2"}, Env: []string{"A=B"},
	}
	b := make([]byte, stateHead)
	b = append(b, "runner\x00-trace\x00path\x00a0\x00\x00a2\x00A=B\x00"...)
	want.put(b, 2, 3, 1)
	got, err := parseState(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("%+v, want %+v", *got, want)
	}
	for _, bad := range []struct{ runnerc, argc, envc int }{{2, 3, 2}, {2, 3, 0}, {0, 5, 1}, {-1, 3, 1}, {2, -1, 1}, {2, 3, -1}, {7, 0, 0}} {
		want.put(b, bad.runnerc, bad.argc, bad.envc)
		if got, err := parseState(b); err == nil {
			t.Errorf("%v: %+v", bad, *got)
		}
	}
	for n := range b {
		if _, err := parseState(b[:n]); err == nil {
			t.Errorf("%d of %d bytes are enough", n, len(b))
		}
	}
}

// TestStopLate runs itself as a process that has stops in hand: a SIGCONT that was posted
// meanwhile undoes the first, one that comes when it is pending the second; the third stops it.
func TestStopLate(t *testing.T) {
	const env = "GOXNU_TEST_STOP"
	if os.Getenv(env) != "" {
		th := procThread(t, XNU11215)
		th.p.stopLate(SIGTSTP, th.p.conts.Load()-1)
		raiseDefault(toHost(SIGTSTP), func() bool { return true })
		os.Stdout.WriteString("third")
		th.p.stopLate(SIGTSTP, th.p.conts.Load())
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(exe, "-test.run=^TestStopLate$")
	cmd.Env = append(os.Environ(), env+"=1")
	cmd.Stdout = out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // nobody else's stop, and no orphan
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	var st syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(cmd.Process.Pid, &st, syscall.WUNTRACED, nil); err != syscall.EINTR {
			break
		}
	}
	if err != nil || !st.Stopped() || st.StopSignal() != syscall.SIGTSTP {
		t.Fatalf("status %#x, %v; want a stop", st, err)
	}
	if text, _ := os.ReadFile(out.Name()); string(text) != "third" {
		t.Errorf("it stopped with %q printed", text)
	}
}
