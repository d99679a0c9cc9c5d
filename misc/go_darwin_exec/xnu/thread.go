// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"goxnu/misc/go_darwin_exec/inject"
	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/patch"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// A Proc is the one guest process that this host process runs.
//
// Lock order: p.mu before p.ports.mu. The thread that forks holds both, so
// that the child finds the tables in order; the child itself takes no locks.
type Proc struct {
	Release Release

	abi    abi // of the guest's code
	cfg    *Config
	calls  []*sysent   // the rows of sysents that hold in Release, by number
	traps  []*machtrap // likewise
	trace  *tracer     // nil: no tracing
	faults *faults     // nil: no fault injection

	patcher *patch.Patcher

	mu      sync.Mutex
	sig     *xsig.Proc // the signal state of the process
	threads []*Thread  // in creation order
	idle    []*hostThread
	buffers []*buffers // of threads that are gone
	nextID  uint64     // thread_selfid of the next thread
	firstID uint64     // of the first

	Space *mem.Space

	pthread pthreadRegistration
	ports   portSpace
	ulocks  ulockTable
	exec    execArena
	shm     shmState
	ldt     userLDT // of a 32-bit guest

	stopped       atomic.Uint64 // the last stop that a wait told of: see stopSignal
	conts         atomic.Uint32 // SIGCONTs from outside; changed with mu held; see stopLate
	hostStop      xsig.Set      // what the host stops the process by; guarded by mu
	sigFD, sigWFD int32         // the pipe that package hostsig writes to
	hostPause     atomic.Uint32 // see pauseHostSignals

	// sigKnote tells EVFILT_SIGNAL of a signal sent to the process, whether
	// it is ignored or not (xnu-11417 bsd/kern/kern_sig.c:psignal_internal).
	// Set by kqueue.go; called with mu held.
	sigKnote func(p *Proc, sig int)

	endless atomic.Bool // a thread's endless fault has been reported

	// linked: a guest of this process, or of one before it, has made a
	// symbolic link: see madeLink.
	linked atomic.Bool

	child bool // this is the child of a fork and has not yet exec'ed
}

// A Thread is one guest thread: a locked goroutine with a vcpu.
type Thread struct {
	p   *Proc
	cpu *vcpu.Ctx
	sig *xsig.Thread // guarded by p.mu
	id  uint64       // thread_selfid

	port uint32 // name of the thread's port

	// ast is set, and the vcpu kicked, when the thread has to look for
	// signals or for its end before it runs guest code again.
	ast  atomic.Uint32
	late atomic.Uint32 // another thread has unblocked what was pending here: see sysSigprocmask
	park atomic.Uint32 // the word that sleep waits on
	dead bool          // the loop ends (bsdthread_terminate)

	// joiner is the ulock address to wake when the thread is really gone
	// (bsdthread_terminate, from 8020).
	joiner uint64

	tsd uint64 // the GS base of a 64-bit program: its thread's own data

	args  args   // of the current call; handlers get a pointer, so on the stack it would be allocated
	rval1 uint64 // second result of the current call (RDX)

	// restart is set while the current call is run again after an
	// interruption that no handler saw; deadline is what the first run
	// computed, so that a timeout does not start over.
	restart  bool
	deadline int64 // host CLOCK_MONOTONIC, ns; 0: none

	startCPU uint64 // hostCPU when the thread began

	ttyMask xsig.Set // what of ttySigs the host's thread blocks

	exc   exception // the last one; siginfo reports it
	entry trapEntry // the last entry into the kernel; the mcontext reports it
	cr2   uint64    // the address of the last page fault

	endless endlessFault

	ts syscall.Timespec // for host calls

	line    [traceLine]byte // for -trace: the call that is under way
	lineLen int

	faults inject.Thread // see callFault.wrap

	*buffers
}

// buffers are what calls of a thread need and is too large to be made and
// collected with each thread.
type buffers struct {
	frame frameState
	fs    fileState
	poll  pollScan
}

// newThread adds a thread, with the creator's signal mask, to the end of the
// process's list. From here on signals can be pinned to it. p.mu is held.
func (p *Proc) newThread(creator *Thread) (*Thread, error) {
	cpu, err := vcpu.New()
	if err != nil {
		return nil, err
	}
	var from *xsig.Thread
	if creator != nil {
		from = creator.sig
	}
	t := &Thread{p: p, cpu: cpu, sig: p.sig.NewThread(from), id: p.nextID}
	if n := len(p.buffers); n > 0 {
		t.buffers, p.buffers = p.buffers[n-1], p.buffers[:n-1]
		t.frame.avx512, t.frame.nhidden = false, 0
	} else {
		t.buffers = new(buffers)
	}
	p.nextID++
	if p.abi == abi32 {
		cpu.Code32 = true
	}
	p.threads = append(p.threads, t)
	p.hostStops()
	return t, nil
}

// find returns the Thread of s. p.mu is held.
func (p *Proc) find(s *xsig.Thread) *Thread {
	for _, t := range p.threads {
		if t.sig == s {
			return t
		}
	}
	return nil
}

// A hostThread is a goroutine that is locked to its OS thread, and runs guest
// threads one after the other. To park a locked goroutine and to start another
// takes the Go scheduler several switches of threads; to wait for a word takes one.
type hostThread struct {
	next *Thread       // to run
	wake atomic.Uint32 // the word it waits at
}

// maxIdle is how many hostThreads wait for work.
const maxIdle = 16

// start runs the thread on a hostThread of its own.
func (t *Thread) start() {
	p := t.p
	p.mu.Lock()
	n := len(p.idle)
	if n == 0 {
		p.mu.Unlock()
		go new(hostThread).run(t)
		return
	}
	h := p.idle[n-1]
	p.idle = p.idle[:n-1]
	p.mu.Unlock()
	h.next = t
	h.wake.Store(1)
	wakeWord(&h.wake)
}

func (h *hostThread) run(t *Thread) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for p := t.p; ; t = h.next {
		t.run()
		h.wake.Store(0)
		p.mu.Lock()
		if len(p.idle) == maxIdle {
			p.mu.Unlock()
			return
		}
		p.idle = append(p.idle, h)
		p.mu.Unlock()
		awaitWord(&h.wake, 0, nil)
	}
}

// run is the life of a thread, on a locked goroutine.
func (t *Thread) run() {
	t.startCPU = t.hostCPU()
	if err := t.cpu.Bind(); err != nil {
		warnf("%v", err)
		t.p.exit(HostFailure)
	}
	mask := hostThreadMask()
	if f := t.p.faults; f != nil {
		f.startLate(t)
	}
	t.loop()
	t.exit()
	hostSigmask(linuxSigSetmask, mask)
	t.cpu.Unbind()
	t.cpu.Free()
}

// loop runs guest code and serves what it asks for until the thread is dead.
func (t *Thread) loop() {
	c := t.cpu
	for !t.dead {
		if t.ast.Load() != 0 {
			t.astTaken()
			continue
		}
		start := c.Regs.RIP
		switch ev := c.Run(); ev {
		case vcpu.EventSyscall:
			t.syscall()
		case vcpu.EventFault:
			switch t.p.patcher.Fault(c) {
			case vcpu.EventFault:
				t.endless.note(c.Regs.RIP, start)
				t.fault()
			case vcpu.EventSyscall:
				t.syscall()
			}
		case vcpu.EventKick:
			t.entry = trapEntry{}
			t.takeKick()
			t.p.patcher.Normalize(&c.Regs)
		default:
			panic(fmt.Sprintf("xnu: vcpu event %d", ev))
		}
	}
}

// astTaken does what other threads have asked this one to do: it delivers
// signals until none is left that the mask lets through.
func (t *Thread) astTaken() {
	t.takeKick() // before the look: a later kick is for a later look
	t.ast.Store(0)
	t.deliver()
}

// wake makes t look at its work (see ast), wherever it is.
func (t *Thread) wake() {
	if f := t.p.faults; f != nil && f.late(t) {
		return
	}
	t.ast.Store(1)
	t.cpu.Kick()
}

// exit takes a dead thread out of the process. The last one ends the process
// (xnu-11417 osfmk/kern/thread.c:thread_terminate_self).
func (t *Thread) exit() {
	p := t.p
	p.mu.Lock()
	p.sig.Exit(t.sig)
	p.hostStops()
	for i, x := range p.threads {
		if x == t {
			p.threads = append(p.threads[:i:i], p.threads[i+1:]...)
			break
		}
	}
	last := len(p.threads) == 0
	p.mu.Unlock()
	p.ports.threadGone(t)
	t.dropCwd()
	if t.joiner != 0 {
		vcpu.Store32(t.joiner, 0)
		t.ulockWake(ulCompareAndWait|ulfWakeAll, t.joiner, 0)
	}
	if last {
		p.exit(0)
	}
	p.mu.Lock()
	p.buffers = append(p.buffers, t.buffers)
	t.buffers = nil
	p.mu.Unlock()
}
