// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios && (amd64 || 386)

// Guest is a darwin program without a runtime: the linker starts it at entry,
// and nothing of the Go runtime is ever initialised or entered. Its tests are the
// kernel's, each a function that makes raw system calls and fails loudly if the
// kernel is not XNU.
//
//	usage: guest RULE RELEASE
//
// where RELEASE is the number of the kernel, 1504 to 11417. It says nothing and
// exits with status 0 if the test holds.
//
// What Go code may do here: compute, use globals, call functions. There is no
// heap (the compiler's flag -+ sees to it), no stack growth (the stack limit of
// g0 is 0), no defer, no panic. So functions for threads and handlers do not
// capture variables; they use globals, and the val of a thread.
package main

import (
	"sync/atomic"
	"unsafe"
)

// Implemented in assembly.
func entry()
func threadStartPC() uintptr
func trampPC() uintptr
func sys7(nr, a1, a2, a3, a4, a5, a6, a7 uintptr) (r1, r2, errno uintptr)
func class(nr uintptr) uintptr
func selfPort() uintptr
func killRegs(r *regs)
func killEscape(pid, sig uintptr)
func escape()
func fault(kind, addr uintptr)
func cpuid(leaf, sub uint32) (a, b, c, d uint32)
func xgetbv() uint32
func trap(nr, a1, a2, a3, a4, a5, a6, a7, a8 uintptr) uintptr

func sys(nr, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2, errno uintptr) {
	return sys7(nr, a1, a2, a3, a4, a5, a6, 0)
}

func main() { entry() } // not reached: entry is the program's entry point

var (
	g0         [1024]byte // what g points to, in all threads
	mainThread [256]byte  // thread-local storage

	interruptedSP      uintptr
	escapeSP, escapeBP uintptr

	release int
	argv0   uintptr
	name    string
)

// start is called by entry; sp points to argc.
func start(sp uintptr) {
	word := unsafe.Sizeof(sp)
	argc := load(sp)
	argv0 = load(sp + word)
	if argc < 3 {
		die("usage: guest RULE RELEASE\n")
	}
	name = cstring(load(sp + 2*word))
	for _, c := range []byte(cstring(load(sp + 3*word))) {
		release = release*10 + int(c-'0')
	}
	for i := range tests {
		if tests[i].name == name {
			tests[i].f()
			exit(0)
		}
	}
	die("there is no such test\n")
}

func load(p uintptr) uintptr  { return *(*uintptr)(unsafe.Pointer(p)) }
func load32(p uintptr) uint32 { return *(*uint32)(unsafe.Pointer(p)) }

func cstring(p uintptr) string {
	n := 0
	for *(*byte)(unsafe.Pointer(p + uintptr(n))) != 0 {
		n++
	}
	return unsafe.String((*byte)(unsafe.Pointer(p)), n)
}

// Numbers of system calls, the same in all releases.
const (
	sysExit         = 1
	sysFork         = 2
	sysRead         = 3
	sysWrite        = 4
	sysOpen         = 5
	sysClose        = 6
	sysWait4        = 7
	sysGetpid       = 20
	sysAccept       = 30
	sysKill         = 37
	sysPipe         = 42
	sysSigaction    = 46
	sysSigprocmask  = 48
	sysSigpending   = 52
	sysSigaltstack  = 53
	sysExecve       = 59
	sysMprotect     = 74
	sysSetpgid      = 82
	sysSetitimer    = 83
	sysGetitimer    = 86
	sysFcntl        = 92
	sysSelect       = 93
	sysSocketpair   = 135
	sysMkfifo       = 132
	sysSetsid       = 147
	sysWaitid       = 173
	sysSigreturn    = 184
	sysMmap         = 197
	sysSigsuspend   = 111
	sysRecvmsg      = 27
	sysSendmsg      = 28
	sysRecvfrom     = 29
	sysGetsockname  = 32
	sysSocket       = 97
	sysConnect      = 98
	sysBind         = 104
	sysListen       = 106
	sysReadv        = 120
	sysWritev       = 121
	sysFlock        = 131
	sysSendto       = 133
	sysPselect      = 394
	sysPoll         = 230
	sysPthreadKill  = 328
	sysPthreadMask  = 329
	sysSigwait      = 330
	sysDisableSig   = 331
	sysSemwait      = 334
	sysProcInfo     = 336
	sysBsdCreate    = 360
	sysBsdRegister  = 366
	sysThreadSelfid = 372
	sysKqueue       = 362
	sysKevent       = 363
	sysUlockWait    = 515
)

const (
	eINTR, eSRCH, eCHILD, eINVAL, eNOMEM, ePERM, ePIPE, eIO, eNOSYS = 4, 3, 10, 22, 12, 1, 32, 5, 78

	sigHUP, sigINT, sigILL, sigTRAP, sigFPE, sigKILL, sigBUS, sigSEGV, sigSYS = 1, 2, 4, 5, 8, 9, 10, 11, 12

	sigPIPE, sigALRM, sigTERM, sigURG, sigSTOP, sigTSTP, sigCONT, sigCHLD = 13, 14, 15, 16, 17, 18, 19, 20

	sigTTIN, sigTTOU, sigVTALRM, sigPROF, sigWINCH, sigUSR1, sigUSR2 = 21, 22, 26, 27, 28, 30, 31

	saOnstack, saRestart, saResethand, saNocldstop, saNodefer, saNocldwait, saSiginfo, saValidate = 1, 2, 4, 8, 16, 32, 64, 0x400

	sigBlock, sigUnblock, sigSetmask = 1, 2, 3
)

func bit(sig uintptr) uint32 { return 1 << (sig - 1) }

func exit(status uintptr) { sys(sysExit, status, 0, 0, 0, 0, 0) }

func puts(s string) {
	sys(sysWrite, 2, uintptr(unsafe.Pointer(unsafe.StringData(s))), uintptr(len(s)), 0, 0, 0)
}

var digits [18]byte

func putx(v uintptr) {
	i := len(digits)
	for {
		i--
		digits[i] = "0123456789abcdef"[v&15]
		if v >>= 4; v == 0 {
			break
		}
	}
	puts("0x")
	sys(sysWrite, 2, uintptr(unsafe.Pointer(&digits[i])), uintptr(len(digits)-i), 0, 0, 0)
}

// at says what is being looked at, if what is said of it is not enough.
var at string

func putName() {
	puts(name)
	puts(": ")
	if at != "" {
		puts(at)
		puts(": ")
	}
}

func die(what string) {
	putName()
	puts(what)
	exit(1)
}

// eq fails unless got is want.
func eq(what string, got, want uintptr) {
	if got != want {
		putName()
		puts(what)
		puts(": ")
		putx(got)
		puts(", want ")
		putx(want)
		puts("\n")
		exit(1)
	}
}

func is(what string, ok bool) {
	if !ok {
		die(what)
	}
}

// call makes a system call that must succeed.
func call(what string, nr, a1, a2, a3 uintptr) uintptr {
	r, _, e := sys(nr, a1, a2, a3, 0, 0, 0)
	eq(what, e, 0)
	return r
}

// fails makes a system call that must fail with errno want.
func fails(what string, want, nr, a1, a2, a3 uintptr) {
	_, _, e := sys(nr, a1, a2, a3, 0, 0, 0)
	eq(what, e, want)
}

func ptr[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// nap sleeps for some milliseconds, less if a signal comes.
func nap(ms uintptr) {
	tv := [2]uintptr{ms / 1000, ms % 1000 * 1000}
	sys(sysSelect, 0, 0, 0, 0, ptr(&tv), 0)
}

// await waits until v is at least n, and fails if that takes longer than a minute.
func await(what string, v *atomic.Uint32, n uint32) {
	for range 60000 {
		if v.Load() >= n {
			return
		}
		nap(1)
	}
	eq(what, uintptr(v.Load()), uintptr(n))
}

// Signals.

type sigactionIn struct {
	handler, tramp uintptr
	mask, flags    uint32
}

type sigactionOut struct {
	handler     uintptr
	mask, flags uint32
}

type stackT struct {
	sp, size uintptr
	flags    int32
	_        int32
}

var (
	handlers [32]func(*frame)
	count    [32]atomic.Uint32  // handlers entered
	taker    [32]atomic.Uintptr // thread_selfid of the last one
	order    [16]uint32         // signals in the order of their handlers
	nhandled atomic.Uint32
)

func onSignal(f *frame) {
	s := f.sig & 31
	order[nhandled.Add(1)&15] = uint32(s)
	taker[s].Store(selfid())
	if h := handlers[s]; h != nil {
		h(f)
	}
	count[s].Add(1)
}

var failedReturn func(f *frame)

// onFailedReturn is called when sigreturn comes back.
func onFailedReturn(f *frame) {
	if failedReturn == nil {
		eq("sigreturn failed", f.err, 0)
		die("sigreturn came back\n")
	}
	failedReturn(f)
}

func selfid() uintptr {
	r, _, _ := sys(sysThreadSelfid, 0, 0, 0, 0, 0, 0)
	return r
}

// catch installs a handler, which may be nil.
func catch(sig uintptr, flags, mask uint32, h func(*frame)) {
	handlers[sig] = h
	setaction(sig, 0x1234, flags, mask)
}

const sigDFL, sigIGN = 0, 1

func setaction(sig, handler uintptr, flags, mask uint32) {
	sa := sigactionIn{handler, trampPC(), mask, flags}
	call("sigaction", sysSigaction, sig, ptr(&sa), 0)
}

func mask(how uintptr, set uint32) (old uint32) {
	call("__pthread_sigmask", sysPthreadMask, how, ptr(&set), ptr(&old))
	return
}

func getmask() (old uint32) {
	call("__pthread_sigmask", sysPthreadMask, 0, 0, ptr(&old))
	return
}

func pending() (set uint32) {
	call("sigpending", sysSigpending, ptr(&set), 0, 0)
	return
}

func getpid() uintptr { return call("getpid", sysGetpid, 0, 0, 0) }

// raise sends sig to the process.
func raise(sig uintptr) { call("kill", sysKill, getpid(), sig, 1) }

func tkill(t *thread, sig uintptr) { call("__pthread_kill", sysPthreadKill, t.port, sig, 0) }

var altStacks [2][16384]byte

func altStack(i int) (lo, hi uintptr) {
	st := stackT{sp: ptr(&altStacks[i]), size: unsafe.Sizeof(altStacks[i])}
	call("sigaltstack", sysSigaltstack, ptr(&st), 0, 0)
	return st.sp, st.sp + st.size
}

// Threads.

// A thread is what bsdthread_create takes for its pthread.
type thread struct {
	tls [256]byte

	// Registers at the start.
	sp, port, fn, arg, stackArg, flags, self uintptr

	f     func(*thread)
	id    uintptr
	ready atomic.Uint32
	step  atomic.Uint32 // for the tests
	seen  atomic.Uint32
	done  atomic.Uint32
	val   [4]uint32 // what it has seen, for the tests
	stack [32768]byte
}

var threads [6]thread
var registered bool

// spawn starts threads[i] on f and waits until it runs.
func spawn(i int, f func(*thread)) *thread {
	t := start1(i, f)
	await("a new thread", &t.ready, 1)
	return t
}

func start1(i int, f func(*thread)) *thread {
	if !registered {
		registered = true
		_, _, e := sys(sysBsdRegister, threadStartPC(), 0, 0, 0, 0, 0)
		eq("bsdthread_register", e, 0)
	}
	t := &threads[i]
	t.f = f
	top := (ptr(&t.stack) + unsafe.Sizeof(t.stack)) &^ 15
	r, _, e := sys(sysBsdCreate, 0x11, 0x22, top, ptr(t), 0x01000000, 0)
	eq("bsdthread_create", e, 0)
	eq("bsdthread_create's result", r, ptr(t))
	return t
}

func threadMain(t *thread) {
	t.id = selfid()
	t.ready.Store(1)
	t.f(t)
	t.done.Store(1)
}

// gone waits until the thread has ended.
func (t *thread) gone() {
	await("the thread", &t.done, 1)
	for range 10000 {
		if _, _, e := sys(sysPthreadKill, t.port, 0, 0, 0, 0, 0); e == eSRCH {
			return
		}
		nap(1)
	}
	die("a thread does not end\n")
}

// linger waits in system calls until step reaches n.
func (t *thread) linger(n uint32) {
	for t.step.Load() < n {
		nap(1)
	}
}

// Processes.

// fork returns 0 in the child.
func fork() uintptr {
	pid, child, e := sys(sysFork, 0, 0, 0, 0, 0, 0)
	eq("fork", e, 0)
	if child&1 != 0 {
		return 0
	}
	return pid
}

// status waits for a child and returns its wait status.
func status(pid, options uintptr) uintptr {
	var st uint32
	for {
		r, _, e := sys(sysWait4, pid, ptr(&st), options, 0, 0, 0)
		if e == eINTR {
			continue
		}
		eq("wait4", e, 0)
		eq("wait4's pid", r, pid)
		return uintptr(st)
	}
}

// running returns how many threads of a process run, or want to.
func running(pid uintptr) uint32 {
	const pidInfo, taskInfo = 2, 4
	var info [24]uint32 // struct proc_taskinfo
	var r, e uintptr
	if is32 {
		r, _, e = sys7(sysProcInfo, pidInfo, pid, taskInfo, 0, 0, ptr(&info), unsafe.Sizeof(info))
	} else {
		r, _, e = sys(sysProcInfo, pidInfo, pid, taskInfo, 0, ptr(&info), unsafe.Sizeof(info))
	}
	eq("proc_info", e, 0)
	eq("proc_info", r, unsafe.Sizeof(info))
	return info[22] // pti_numrunning
}

// asleep waits until no more than n threads of a process run, or want to.
func asleep(pid uintptr, n uint32) {
	for range 10000 {
		if running(pid) <= n {
			return
		}
		nap(1)
	}
	eq("the threads that run", uintptr(running(pid)), uintptr(n))
}

// say and hear send a byte through a pipe and receive it.
func say(w uintptr, b byte) { call("write", sysWrite, w, ptr(&b), 1) }

func hear(r uintptr, b byte) {
	var got byte
	for {
		n, _, e := sys(sysRead, r, ptr(&got), 1, 0, 0, 0)
		if e == eINTR {
			continue
		}
		eq("read, errno", e, 0)
		eq("read", n, 1)
		eq("what the other process says", uintptr(got), uintptr(b))
		return
	}
}

// pipe returns descriptors for reading and writing.
func pipe() (r, w uintptr) {
	r, w, e := sys(sysPipe, 0, 0, 0, 0, 0, 0)
	eq("pipe", e, 0)
	return r, w
}
