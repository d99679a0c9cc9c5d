// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package runtime

import (
	"internal/abi"
	"internal/stringslite"
	"unsafe"
)

// Threads, masks and handlers of the raw darwin ports. The functions carry the
// names that every port has, in the order of os_freebsd.go; parking is in
// sema_darwin.go, the clock in clock_darwin.go, the way to the libc_ stubs in
// syscalln_darwin.go, and each kernel entry in sys_darwin_GOARCH.s.
// doc/signals.md draws the mask protocol.

type mOS struct {
	waitsema uint32  // what this M parks on; see sema_darwin.go
	thport   uint32  // Mach name of the thread: one send right, given back when the thread ends
	stklo    uintptr // the thread's stack, threadStackSize bytes, mapped by mpreinit; 0 for m0
}

// threadStackSize is the size of the g0 stack of every thread but the first,
// with the guard page at its end. Code that the libc_ stubs call runs there too.
const threadStackSize = 64 << 10

// threadGuardSize is the part of a stack without access. What goes beyond the
// stack faults, and does not change what is mapped below.
const threadGuardSize = 4 << 10

// darwinRelease is the first number of kern.osrelease: 10 for Mac OS X 10.6,
// 16 for macOS 10.12, 24 for macOS 15. A call that not every release has is
// guarded by it, because an unknown number raises SIGSYS
// (xnu-3789 bsd/kern/subr_xxx.c:nosys). Package syscall's stubs read it too.
//
//go:linkname darwinRelease
var darwinRelease int32

//go:noescape
func sigaltstack(new, old *stackt)

// sigprocmask is kernel entry 329, which changes the calling thread's mask;
// 48, which has the name, changes the mask of every thread
// (xnu-3789 bsd/kern/kern_sig.c:__pthread_sigmask, sigprocmask).
// If the kernel refuses, the program throws.
//
//go:noescape
func sigprocmask(how uint32, new, old *sigset)

//go:noescape
func sigaction(sig uint32, new *sigactiont, old *usigactiont)

//go:noescape
func setitimer(mode int32, new, old *itimerval)

//go:noescape
func sysctl(mib *uint32, miblen uint32, oldp *byte, oldlenp *uintptr, newp *byte, newlen uintptr) int32

func getpid() int32
func kill(pid int32, sig uint32, posix int32)

// thread_self returns the caller's port name. Each call adds a user reference
// to the name, so only minit (for the first thread) and raise ask for it.
func thread_self() uint32

func pthread_kill(port uint32, sig uint32) int32

// disable_threadsignal takes the caller off the list of threads that a signal
// can be sent to. It cannot be undone.
func disable_threadsignal()

func bsdthread_register() int32
func bsdthread_create(stk unsafe.Pointer, mp *m) int32

//go:noescape
func getentropy(p *byte, n uintptr) int32

func kqueue() int32

//go:noescape
func kevent(kq int32, ch *keventt, nch int32, ev *keventt, nev int32, ts *timespec) int32

// pipe returns two descriptors without close-on-exec: no release has a call
// that sets it at once.
func pipe() (r, w int32, errno int32)

// fcntl returns -1 and the error number if it fails.
func fcntl(fd, cmd, arg int32) (ret int32, errno int32)

func issetugid() int32

// read and write1 return the number of bytes or the negated error number.
//
//go:noescape
func read(fd int32, p unsafe.Pointer, n int32) int32

//go:noescape
func write1(fd uintptr, p unsafe.Pointer, n int32) int32

// open and closefd return -1 if they fail.
//
//go:noescape
func open(name *byte, mode, perm int32) int32
func closefd(fd int32) int32

// exit ends the process with every thread in it.
func exit(code int32)

func mmap(addr unsafe.Pointer, n uintptr, prot, flags, fd int32, off uint32) (p unsafe.Pointer, err int)
func munmap(addr unsafe.Pointer, n uintptr)
func madvise(addr unsafe.Pointer, n uintptr, flags int32)

//go:nosplit
func osyield_no_g() {
	osyield()
}

// osyield lets another thread have the processor if one waits for it; otherwise
// it returns at once. It is the Mach trap swtch. swtch_pri, which is
// libSystem's sched_yield, also takes the caller's priority away until it runs
// again: on a busy machine that can last a quantum
// (xnu-1504, xnu-11417 osfmk/kern/syscall_subr.c:swtch, swtch_pri).
func osyield()

// sysctl names (xnu-3789 bsd/sys/sysctl.h).
const (
	_CTL_KERN       = 1
	_CTL_HW         = 6
	_KERN_OSRELEASE = 2
	_HW_NCPU        = 3
	_HW_PAGESIZE    = 7
	_CTL_MAXNAME    = 12
)

// The mib that translates a name into a mib, in every release
// (xnu-1504 bsd/kern/kern_newsysctl.c:sysctl_sysctl_name2oid).
const (
	_CTL_QUERY     = 0
	_CTL_QUERY_MIB = 3
)

const (
	_NSIG    = 32
	_SI_USER = 0 // what a handler finds in si_code after kill (xnu-3789 bsd/dev/i386/unix_signal.c:sendsig)

	_SIG_BLOCK, _SIG_UNBLOCK, _SIG_SETMASK = 1, 2, 3

	_SS_DISABLE = 4
)

// A sigset holds signal n in bit n-1.
type sigset uint32

var (
	sigset_all  = ^sigset(0)
	sigset_none = sigset(0)
)

// sysctlInt returns the 32-bit value of a two-word mib, or 0.
func sysctlInt(top, second uint32) int32 {
	mib := [2]uint32{top, second}
	var value int32
	size := unsafe.Sizeof(value)
	if sysctl(&mib[0], 2, (*byte)(unsafe.Pointer(&value)), &size, nil, 0) < 0 {
		return 0
	}
	return value
}

// sysctlbyname reads or writes the variable of a NUL-terminated name. It works
// without kernel entry 274, which Mac OS X 10.10 brought.
func sysctlbyname(name *byte, oldp *byte, oldlenp *uintptr, newp *byte, newlen uintptr) int32 {
	query := [2]uint32{_CTL_QUERY, _CTL_QUERY_MIB}
	var mib [_CTL_MAXNAME]uint32
	size := unsafe.Sizeof(mib)
	if r := sysctl(&query[0], 2, (*byte)(unsafe.Pointer(&mib)), &size, name, uintptr(findnull(name))); r < 0 {
		return r
	}
	return sysctl(&mib[0], uint32(size/unsafe.Sizeof(mib[0])), oldp, oldlenp, newp, newlen)
}

//go:linkname internal_cpu_sysctlbynameInt32 internal/cpu.sysctlbynameInt32
func internal_cpu_sysctlbynameInt32(name []byte) (int32, int32) {
	var value int32
	size := unsafe.Sizeof(value)
	err := sysctlbyname(&name[0], (*byte)(unsafe.Pointer(&value)), &size, nil, 0)
	return err, value
}

//go:linkname internal_cpu_sysctlbynameBytes internal/cpu.sysctlbynameBytes
func internal_cpu_sysctlbynameBytes(name, out []byte) int32 {
	size := uintptr(len(out))
	return sysctlbyname(&name[0], &out[0], &size, nil, 0)
}

// getDarwinRelease returns the major number of kern.osrelease.
func getDarwinRelease() int32 {
	mib := [2]uint32{_CTL_KERN, _KERN_OSRELEASE}
	var buf [32]byte
	n := uintptr(len(buf))
	if r := sysctl(&mib[0], 2, &buf[0], &n, nil, 0); r < 0 {
		println("runtime: cannot read kern.osrelease: errno", -r)
		exit(2)
	}
	major := int32(0)
	for _, c := range buf {
		if c < '0' || c > '9' {
			break
		}
		major = major*10 + int32(c-'0')
	}
	return major
}

func getCPUCount() int32 {
	return max(sysctlInt(_CTL_HW, _HW_NCPU), 1)
}

func getPageSize() uintptr {
	return uintptr(sysctlInt(_CTL_HW, _HW_PAGESIZE))
}

// newosproc starts a thread for mp. It makes three kernel entries: block every
// signal, create, restore. The new thread starts with its creator's mask
// (xnu-3789 bsd/kern/kern_fork.c:uthread_alloc) and can be sent a signal before
// its first instruction, so it must not take any until minit has given it a
// signal stack. Should the kernel be short of something, the calling thread
// sleeps between the attempts with its own mask.
//
// It may run without a P.
//
//go:nowritebarrierrec
func newosproc(mp *m) {
	mp.g0.stack.lo = mp.stklo + threadGuardSize
	mp.g0.stack.hi = mp.stklo + threadStackSize
	stk := unsafe.Pointer(mp.g0.stack.hi)

	// A shortage, which passes, is ENOMEM here. libpthread makes EAGAIN of it
	// (libpthread-105 to 519 kern/kern_support.c:_bsdthread_create,
	// src/pthread.c:pthread_create).
	var errno int32
	retryOnEAGAIN(func() int32 {
		var oset sigset
		sigprocmask(_SIG_SETMASK, &sigset_all, &oset)
		errno = bsdthread_create(stk, mp)
		sigprocmask(_SIG_SETMASK, &oset, nil)
		if errno == _ENOMEM {
			return _EAGAIN
		}
		return errno
	})
	if errno != 0 {
		print("runtime: failed to create new OS thread (have ", mcount(), " already; errno=", errno, ")\n")
		throw("newosproc")
	}
}

// newosproc0 would start the runtime inside a C program. The linker refuses
// c-archive and c-shared for these ports.
//
//go:nosplit
func newosproc0(stacksize uintptr, fn uintptr) {
	writeErrStr("runtime: this port cannot run as a library\n")
	exit(2)
}

// libpreinit would be the first step of the same.
//
//go:nosplit
//go:nowritebarrierrec
func libpreinit() {
	newosproc0(0, 0)
}

// osinit runs on the first thread, with nothing of the runtime set up.
func osinit() {
	darwinRelease = getDarwinRelease()
	useUlock = darwinRelease >= ulockRelease
	numCPUStartup = getCPUCount()
	physPageSize = getPageSize()

	// Once in the life of a process image: the kernel refuses a second time
	// (xnu-2050 bsd/kern/pthread_synch.c:bsdthread_register), which happens if
	// something was loaded into the process that uses libpthread.
	if errno := bsdthread_register(); errno != 0 {
		println("runtime: bsdthread_register failed: errno", errno)
		exit(2)
	}
}

var urandomPath = []byte("/dev/urandom\x00")

// readRandom fills r and returns how much it could. It uses getentropy where
// there is one (macOS 10.12), which gives at most 256 bytes at a time
// (xnu-3789 bsd/dev/random/randomdev.c:getentropy).
//
//go:nosplit
func readRandom(r []byte) int {
	if darwinRelease < darwin10_12 {
		fd := open(&urandomPath[0], 0, 0) // O_RDONLY
		n := read(fd, unsafe.Pointer(&r[0]), int32(len(r)))
		closefd(fd)
		return int(n)
	}
	done := 0
	for done < len(r) {
		n := min(len(r)-done, 256)
		if getentropy(&r[done], uintptr(n)) != 0 {
			break
		}
		done += n
	}
	return done
}

func goenvs() {
	goenvs_unix()
}

// mpreinit prepares a new m, on the thread that creates it. It can allocate
// memory. What a thread needs from the kernel besides itself is got here, so
// that newosproc has nothing else to do.
func mpreinit(mp *m) {
	gsignal := malg(32 << 10) // the kernel refuses less than 8 KiB
	gsignal.m = mp
	mp.gsignal = gsignal
	mpreinitSema(mp)
	if mp == &m0 {
		return
	}
	stk, err := mmap(nil, threadStackSize, _PROT_READ|_PROT_WRITE, _MAP_ANON|_MAP_PRIVATE, -1, 0)
	if err == 0 {
		_, err = mmap(stk, threadGuardSize, _PROT_NONE, _MAP_ANON|_MAP_PRIVATE|_MAP_FIXED, -1, 0)
	}
	if err != 0 {
		print("runtime: failed to allocate a thread stack (have ", mcount(), " threads; errno=", err, ")\n")
		throw("mpreinit")
	}
	mp.stklo = uintptr(stk)
	countThreadStack(threadStackSize)
}

// countThreadStack adds n bytes to what MemStats.StackSys and the metric
// /memory/classes/os-stacks have. The world cannot stop between the two steps,
// because the caller has a P: the mapping is counted by allocm, which borrows
// one, and its end by unminit, before mexit gives the P away.
//
//go:nosplit
func countThreadStack(n int64) {
	memstats.stacks_sys.add(n)
	gcController.mappedReady.Add(n)
}

// minit runs on every thread, first of all, and cannot allocate memory.
//
// The signal stack comes first and the mask last: from then on the thread
// takes signals. minitSignalMask installs the mask that the program was
// started with, less the signals that must not be blocked.
func minit() {
	mp := getg().m
	if mp.thport == 0 {
		mp.thport = thread_self() // the first thread; bsdthread_start has recorded all others'
	}
	mp.procid = uint64(mp.thport)

	minitSignalStack()
	minitSignalMask()
}

// unminit undoes minit. mexit calls it with every signal blocked.
//
// A signal for the process that the kernel has already given to this thread
// would be lost with it (xnu-3789 bsd/kern/kern_sig.c:psignal_internal,
// bsd/kern/kern_exit.c:proc_exit), so the thread first stops being a candidate
// for signals and then takes those that it has, while its handler, signal
// stack and P are still there.
//
//go:nosplit
func unminit() {
	mp := getg().m
	if !mp.isextra {
		disable_threadsignal()
		minitSignalMask()
		sigblock(true)
	}
	if mp.stklo != 0 {
		countThreadStack(-threadStackSize)
	}
	unminitSignals()
	mp.procid = 0
}

// mdestroy gives back what mpreinit got. From here on the thread may not take
// a lock; it has no P. Its stack and its port go when bsdthread_start, to which
// mexit returns, ends it.
//
//go:nowritebarrierrec
func mdestroy(mp *m) {
	mdestroySema(mp)
}

func sigtramp()

// The handler is the first word of both of the kernel's structs.

//go:nosplit
func (sa *sigactiont) handler() *uintptr { return (*uintptr)(unsafe.Pointer(sa)) }

//go:nosplit
func (sa *usigactiont) handler() *uintptr { return (*uintptr)(unsafe.Pointer(sa)) }

// setTramp makes the kernel enter the program at sigtramp. There is no default
// (xnu-3789 bsd/kern/kern_sig.c:sigaction).
//
//go:nosplit
func (sa *sigactiont) setTramp() {
	*(*uintptr)(unsafe.Pointer(&sa.sa_tramp)) = abi.FuncPCABI0(sigtramp)
}

// setsig installs fn. The default action and ignoring are set without flags:
// exec keeps the flags of a signal at its default, and the next program might
// read them (xnu-3789 bsd/kern/kern_sig.c:execsigs).
//
//go:nosplit
//go:nowritebarrierrec
func setsig(sig uint32, fn uintptr) {
	var sa sigactiont
	if fn != _SIG_DFL && fn != _SIG_IGN {
		if fn == abi.FuncPCABIInternal(sighandler) { // how signal_unix.go calls it
			fn = abi.FuncPCABI0(sigtramp)
		}
		sa.setTramp()
		sa.sa_mask = uint32(sigset_all)
		sa.sa_flags = _SA_RESTART | _SA_ONSTACK | _SA_SIGINFO
	}
	*sa.handler() = fn
	sigaction(sig, &sa, nil)
}

// setsigstack adds SA_ONSTACK to a handler. What the kernel returns cannot be
// passed back: the trampoline is missing.
//
//go:nosplit
//go:nowritebarrierrec
func setsigstack(sig uint32) {
	var old usigactiont
	sigaction(sig, nil, &old)
	if old.sa_flags&_SA_ONSTACK != 0 {
		return
	}
	sa := sigactiont{sa_mask: old.sa_mask, sa_flags: old.sa_flags | _SA_ONSTACK}
	*sa.handler() = *old.handler()
	sa.setTramp()
	sigaction(sig, &sa, nil)
}

//go:nosplit
//go:nowritebarrierrec
func getsig(sig uint32) uintptr {
	var old usigactiont
	sigaction(sig, nil, &old)
	return *old.handler()
}

// setSignalstackSP sets s.ss_sp, without the write barrier that its type asks for.
//
//go:nosplit
func setSignalstackSP(st *stackt, sp uintptr) {
	*(*uintptr)(unsafe.Pointer(&st.ss_sp)) = sp
}

//go:nosplit
//go:nowritebarrierrec
func sigaddset(set *sigset, sig int) {
	*set |= 1 << (uint32(sig) - 1)
}

func sigdelset(set *sigset, sig int) {
	*set &^= 1 << (uint32(sig) - 1)
}

// One timer serves the process: setitimer knows no threads.

func setProcessCPUProfiler(rate int32) {
	setProcessCPUProfilerTimer(rate)
}

func setThreadCPUProfiler(rate int32) {
	setThreadCPUProfilerHz(rate)
}

//go:nosplit
func validSIGPROF(mp *m, c *sigctxt) bool {
	return true
}

//go:linkname executablePath os.executablePath
var executablePath string

// sysargs finds the path given to execve, the first string behind the
// environment: bare up to OS X 10.10, with a prefix from 10.11 on
// (xnu-2782, xnu-3248 bsd/kern/kern_exec.c:exec_add_apple_strings).
func sysargs(argc int32, argv **byte) {
	n := argc + 1
	for argv_index(argv, n) != nil {
		n++
	}
	executablePath = stringslite.TrimPrefix(gostringnocopy(argv_index(argv, n+1)), "executable_path=")
}

// raise sends sig to the calling thread. If the thread takes no signals any
// more (unminit), or has none of the runtime's data, the process gets it.
//
// It is nosplit because it is used on the way out of a handler that found no g.
//
//go:nosplit
func raise(sig uint32) {
	port := uint32(0)
	if gp := getg(); gp != nil && gp.m != nil {
		port = uint32(gp.m.procid)
	}
	if port == 0 {
		port = thread_self()
	}
	if pthread_kill(port, sig) != 0 {
		raiseproc(sig)
	}
}

//go:nosplit
func raiseproc(sig uint32) {
	kill(getpid(), sig, 1)
}

func signalM(mp *m, sig int) {
	pthread_kill(uint32(mp.procid), uint32(sig))
}

//go:nosplit
func setNonblock(fd int32) {
	if status, errno := fcntl(fd, _F_GETFL, 0); errno == 0 {
		fcntl(fd, _F_SETFL, status|_O_NONBLOCK)
	}
}

// sigPerThreadSyscall is linux's; here it is no signal at all.
const sigPerThreadSyscall = 1 << 31

//go:nosplit
func runPerThreadSyscall() {
	throw("runPerThreadSyscall: only linux has it")
}

// kernelRefused throws because kernel entry nr, one that has no reason to
// fail, did. It is called from assembly, also without a g: then there is nobody
// to print a traceback of, and the program faults.
//
//go:nosplit
//go:nowritebarrierrec
func kernelRefused(nr, errno int32) {
	name := "system call"
	switch nr {
	case 46:
		name = "sigaction"
	case 48, 329:
		name = "sigprocmask"
	case 53:
		name = "sigaltstack"
	case 73:
		name = "munmap"
	}
	var digits [4]byte
	i := len(digits) - 1
	digits[i] = '\n'
	for n := uint32(errno); n != 0 && i > 0; n /= 10 {
		i--
		digits[i] = byte('0' + n%10)
	}
	writeErrStr("runtime: ")
	writeErrStr(name)
	writeErrStr(" failed: errno ")
	writeErrData(&digits[i], int32(len(digits)-i))
	if gp := getg(); gp == nil || gp.m == nil {
		*(*uintptr)(unsafe.Pointer(uintptr(0xf1))) = 0xf1
	}
	throw("the kernel refused a system call")
}
