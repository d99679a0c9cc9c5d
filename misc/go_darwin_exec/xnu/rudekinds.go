// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"
	"time"
	"unsafe"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// An injector does an injection instead of, before or after the call that next
// performs. x is a random number that belongs to it. The arguments are its own to change.
type injector func(t *Thread, a *args, next handler, x uint64) (uint64, Errno)

// An injection is a kind of thing that the kernel may do. All that is said of
// it anywhere (which calls it goes into, the help, doc/rude.md) is said here.
type injection struct {
	kind   string
	calls  string // names of BSD calls and Mach traps, or * for every BSD call; if do is nil, the event
	every  uint64 // one time in so many; 0: only if it is asked for, as programs do not expect it or the kernel needs a reason
	what   string
	source string
	do     injector                      // nil: not at a call
	when   func(t *Thread, a *args) bool // the calls that count; nil: all
}

// What is not here, because a correct XNU does not do it: a signal for the
// process given to another thread than the first that lets it through; EAGAIN
// from a descriptor that has just been reported ready (with EV_CLEAR, no second
// report would come); accept failing because a connection was aborted (it
// returns a socket without a name); a restarted call that is EINTR in spite
// of SA_RESTART, unless the thread was aborted (see eintr-wait).
var injections = [...]injection{
	{"eintr-wait", "wait4 wait4_nocancel waitid waitid_nocancel", 8, "waiting for a child is interrupted, once",
		"xnu-11417 bsd/kern/kern_exit.c:wait4_nocancel (PCATCH), bsd/kern/kern_synch.c:_sleep (thread_should_abort)", failing(EINTR), waitsForChild},
	{"eintr-kevent", "kevent", 16, "waiting for events is interrupted, once", "xnu-11417 bsd/kern/kern_event.c:kqueue_scan", failing(EINTR), waitsForEvents},
	{"eintr-accept", "accept accept_nocancel", 8, "accept on a blocking socket is interrupted, once",
		"xnu-11417 bsd/kern/uipc_syscalls.c:accept_nocancel (PCATCH)", failing(EINTR), accepts},
	{"eintr-lock", "flock", 4, "waiting for a lock is interrupted, once",
		"xnu-11417 bsd/kern/kern_lockf.c:lf_setlock (PCATCH)", interruptLock, locks},
	{"eintr-setlkw", "fcntl fcntl_nocancel", 4, "waiting for a lock of a part of a file (F_SETLKW) is interrupted, once",
		"xnu-11417 bsd/kern/kern_lockf.c:lf_setlock (PCATCH)", interruptSetlkw, locksPart},
	{"eintr-select", "select select_nocancel pselect pselect_nocancel", 16, "waiting in select is interrupted, once",
		"xnu-11417 bsd/kern/sys_generic.c:selprocess", failing(EINTR), selects},
	{"eintr-poll", "poll poll_nocancel", 16, "waiting in poll is interrupted, once",
		"xnu-11417 bsd/kern/sys_generic.c:poll_nocancel", failing(EINTR), polls},
	{"eintr-connect", "connect connect_nocancel", 4, "connect on a blocking socket is interrupted, once, and the connection comes about all the same",
		"xnu-11417 bsd/kern/uipc_syscalls.c:connectit (PCATCH)", interruptConnect, accepts},
	{"connect-early", "kevent", 4, "a socket that is still connecting is reported ready for writing",
		"seen: golang.org/issue/14548, golang.org/issue/19289", connectEarly, connects},
	{"exec-signal", "execve", 2, "10.14, 10.15: a signal that the thread is sent within 20 ms from the beginning of execve, caught by the old program and by default ignored, kills the new one (SIGILL)",
		"xnu-4903 bsd/kern/kern_exec.c:exec_mach_imgact (execsigs is for the new thread), proc_exec_switch_task (the old one's signals are copied); seen on 10.14 and 10.15: golang.org/issue/41702", execSignal, nil},
	{"eintr-sleep", "__semwait_signal __semwait_signal_nocancel sigsuspend sigsuspend_nocancel", 8, "a sleep is interrupted",
		"xnu-11417 bsd/kern/kern_sig.c:__semwait_signal_nocancel, sigsuspend_nocancel", failing(EINTR), nil},
	{"eintr-read", readCalls + "readv readv_nocancel recvmsg recvmsg_nocancel", 4, "input that has to wait, on a blocking descriptor, is interrupted, once",
		"xnu-11417 bsd/kern/sys_pipe.c:pipe_read, bsd/kern/uipc_socket.c:soreceive (PCATCH)", interruptIO(1), nil},
	{"eintr-write", writeCalls + "writev writev_nocancel sendmsg sendmsg_nocancel", 4, "output that has to wait, on a blocking descriptor, is interrupted, once",
		"xnu-11417 bsd/kern/sys_pipe.c:pipe_write, bsd/kern/uipc_socket.c:sosend (PCATCH)", interruptIO(4), nil},
	{"eintr-busy", readCalls + writeCalls, 0, "input or output on a pipe or socket that another thread is in just then is interrupted, once",
		"xnu-11417 bsd/kern/sys_pipe.c:pipeio_lock, bsd/kern/uipc_socket2.c:sblock (PCATCH)", interruptBusyIO, nil},
	{"eintr-fs", "open open_nocancel openat openat_nocancel stat64 lstat64 fstat64 fstatat64 getdirentries64 fsync fsync_nocancel ftruncate truncate " +
		"unlink unlinkat mkdir mkdirat rmdir rename link symlink readlink chmod fchmod chown lchown fchown access",
		0, "a file system across a network or in user space is interrupted, once",
		"xnu-4903 bsd/nfs/nfs_socket.c:nfs_sigintr; golang.org/issue/38033", failing(EINTR), nil},
	{"short-read", readCalls, 8, "of what a pipe (more than 512 bytes) or TCP has, a part is read",
		"xnu-11417 bsd/kern/sys_pipe.c:pipe_read, bsd/kern/uipc_socket.c:soreceive", short, nil},
	{"short-write", writeCalls, 8, "a pipe (of more than 512 bytes) or TCP takes a part",
		"xnu-11417 bsd/kern/sys_generic.c:fp_writev, bsd/kern/uipc_socket.c:sosend", short, nil},
	{"dir-short", "getdirentries64", 2, "a directory is read in small pieces",
		"xnu-11417 bsd/vfs/vfs_syscalls.c:getdirentries_common", shortDir, nil},
	{"ulock-eintr", "ulock_wait ulock_wait2", 16, "a wait is interrupted, once",
		"xnu-11417 bsd/kern/sys_ulock.c:wait_result_to_return_code", ulockFails(EINTR), nil},
	{"ulock-efault", "ulock_wait ulock_wait2", 64, "the page of the word is not resident",
		"xnu-11417 bsd/kern/sys_ulock.c:sys_ulock_wait2, which can simulate it for tests", ulockFails(EFAULT), nil},
	{"ulock-woken", "ulock_wait ulock_wait2", 16, "a wake for the word's last user arrives",
		"xnu-11417 bsd/kern/sys_ulock.c:sys_ulock_wake (it knows words by their address)", ulockFails(0), nil},
	{"sema-aborted", "semaphore_wait semaphore_timedwait", 16, "a wait ends with KERN_ABORTED",
		"xnu-11417 osfmk/kern/sync_sema.c:semaphore_convert_wait_result", result(kernAborted), nil},
	{"sema-timedout", "semaphore_wait semaphore_timedwait", 16, "a wait, timed or not, ends early with KERN_OPERATION_TIMED_OUT",
		"seen on 10.12: golang.org/issue/17161", result(kernOperationTimedOut), nil},
	{"msg-interrupted", "mach_msg_trap", 4, "a message is not sent: MACH_SEND_INTERRUPTED",
		"xnu-11417 osfmk/ipc/ipc_mqueue.c:ipc_mqueue_send (THREAD_INTERRUPTED)", result(machSendInterrupted), sends},
	{"msg-unanswered", "mach_msg_trap", 4, "a message is sent, but the wait for the answer ends: MACH_RCV_INTERRUPTED",
		"xnu-11417 osfmk/ipc/ipc_mqueue.c:ipc_mqueue_receive_results (THREAD_INTERRUPTED)", interruptReceive, receives},
	{"thread-enomem", "bsdthread_create", 4, "there is no room for a thread, once",
		"xnu-1504 bsd/kern/pthread_synch.c:bsdthread_create, libpthread-519 kern/kern_support.c:_bsdthread_create", failing(ENOMEM), nil},
	{"thread-shortage", "bsdthread_create", 64, "the same, ten times in a row", "as above", failing(ENOMEM), nil},
	{"thread-late", "the start of a thread", 4, "a new thread waits before its first instruction, up to 5 ms",
		"osfmk/kern/sched_prim.c: a thread runs when it is its turn", nil, nil},
	{"kevent-timedout", "kevent", 16, "a wait with a timeout ends with ETIMEDOUT", "seen on macOS 13: golang.org/issue/59679", failing(ETIMEDOUT), waitsWithTimeout},
	{"accept-unnamed", "accept accept_nocancel", 8, "a stranger has connected and gone: a socket without a name",
		"xnu-11417 bsd/kern/uipc_syscalls.c:accept_nocancel (sa == NULL)", acceptUnnamed, nil},
	{"route-grown", "sysctl", 4, "the routing table has grown since it was measured: ENOMEM, once",
		"xnu-11417 bsd/net/rtsock.c:sysctl_rtsock, bsd/kern/kern_newsysctl.c:sysctl_old_user", failing(ENOMEM), readsRoutes},
	{"mmap-elsewhere", "mmap", 4, "memory is given at another place than was wished for",
		"xnu-11417 bsd/kern/kern_mman.c:mmap (the address is a hint)", mmapElsewhere, nil},
	{"signal-extra", "*", 1024, "another process sends SIGURG as the call ends",
		"xnu-11417 bsd/kern/kern_sig.c:psignal", extraSignal, nil},
	{"signal-late", "a signal for a thread that runs", 4, "the thread sees it up to 5 ms later, unless it enters the kernel",
		"xnu-11417 bsd/kern/kern_sig.c:signal_setast (an interrupt of another processor)", nil, nil},
	{"signal-held", "a signal for the process", 0, "to 10.10: its sender loses the processor, up to 5 ms, between the choice of the thread and giving it the signal; one that ends meanwhile takes it along",
		"xnu-1504, xnu-2782 bsd/kern/kern_sig.c:psignal_internal (no proc_lock from get_signalthread to uu_siglist, as there is from xnu-3248 on)", nil, nil},
	{"preempt", "*", 256, "the thread loses the processor before or after the call, up to 5 ms",
		"osfmk/kern/ast.c:ast_taken_user (AST_PREEMPT)", preempt, nil},
	{"fork-slow", "fork vfork", 2, "parent or child gets no time for a while, up to 5 ms",
		"osfmk/kern/sched_prim.c, as above", forkSlow, nil},
	{"stop", "*", 8192, "the process is stopped and 5 ms later continued",
		"xnu-11417 bsd/kern/kern_sig.c:psignal_internal (SIGSTOP, SIGCONT)", stopContinue, nil},
	{"clock-none", "the commpage, every 300 ms", 4, "the commpage has no time of day",
		"xnu-11417 osfmk/kern/clock.c:clock_set_calendar_microtime (commpage_disable_timestamp)", nil, nil},
	{"clock-step", "the commpage, every 300 ms", 0, "the time of day in the commpage steps by an hour, either way, and back",
		"xnu-11417 bsd/kern/kern_time.c:setthetime", nil, nil},
	{"close-eintr", "close close_nocancel", 0, "close is interrupted, and has closed",
		"xnu-11417 bsd/kern/uipc_socket.c:soclose_locked (SO_LINGER), bsd/kern/tty.c:ttywait", closeInterrupted, nil},
	{"emfile", "open open_nocancel openat openat_nocancel socket accept accept_nocancel pipe dup kqueue", 0, "no descriptor is left",
		"xnu-11417 bsd/kern/kern_descrip.c:fdalloc", failing(EMFILE), nil},
	{"fork-eagain", "fork vfork", 0, "there are too many processes",
		"xnu-11417 bsd/kern/kern_fork.c:fork1", failing(EAGAIN), nil},
	{"enobufs", "sendto sendto_nocancel sendmsg sendmsg_nocancel", 0, "the interface's queue is full",
		"xnu-11417 bsd/netinet/ip_output.c:ip_output_list", failing(ENOBUFS), nil},
	{"mmap-enomem", "mmap", 0, "no memory is left", "xnu-11417 bsd/kern/kern_mman.c:mmap", failing(ENOMEM), nil},
}

// inARow is how often in a row a thread meets an injection, if not once.
var inARow = map[string]uint8{"thread-shortage": 10}

func failing(e Errno) injector {
	return func(t *Thread, a *args, next handler, x uint64) (uint64, Errno) { return 0, e }
}

// result is the result of a trap.
func result(kr int32) injector {
	return func(t *Thread, a *args, next handler, x uint64) (uint64, Errno) { return uint64(kr), 0 }
}

func ulockFails(e Errno) injector {
	return func(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
		return ulockResult(uint32(a[0]), 0, e)
	}
}

func waitsForChild(t *Thread, a *args) bool {
	return uint32(a[2])&wNOHANG == 0 && uint32(a[3])&wNOHANG == 0
}

// waitsForEvents: no changes are made, and the timeout is not 0.
func waitsForEvents(t *Thread, a *args) bool {
	sec, nsec, e := t.abi().readTimespec(a[5])
	return int32(a[2]) <= 0 && (a[5] == 0 || e == 0 && sec|nsec != 0)
}

func waitsWithTimeout(t *Thread, a *args) bool { return a[5] != 0 && waitsForEvents(t, a) }

func accepts(t *Thread, a *args) bool {
	fl, e := hostStatusFlags(int32(a[0]))
	return e == 0 && fl&syscall.O_NONBLOCK == 0
}

const machSendInterrupted = 0x10000007 // xnu-11417 osfmk/mach/message.h

func sends(t *Thread, a *args) bool { return a[1]&machSendMsg != 0 }

func receives(t *Thread, a *args) bool { return a[1]&machRcvMsg != 0 }

// interruptReceive leaves the answer where it is.
func interruptReceive(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	if a[1]&machSendMsg != 0 {
		a[1] &^= machRcvMsg
		if kr, _ := next(t, a); int32(kr) != kernSuccess {
			return kr, 0
		}
	}
	return machRcvInterrupted, 0
}

// selects and polls: the timeout is not 0.
func selects(t *Thread, a *args) bool {
	sec, usec, e := t.abi().readTimeval(a[4])
	return a[4] == 0 || e == 0 && sec|usec != 0
}

func polls(t *Thread, a *args) bool { return int32(a[2]) != 0 }

// interruptConnect starts the connection and does not wait for it.
func interruptConnect(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	fd := uintptr(int32(a[0]))
	fl, e := host(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0, 0, 0, 0)
	if e != 0 {
		return next(t, a)
	}
	host(syscall.SYS_FCNTL, fd, syscall.F_SETFL, uintptr(fl)|syscall.O_NONBLOCK, 0, 0, 0)
	v, e := next(t, a)
	host(syscall.SYS_FCNTL, fd, syscall.F_SETFL, uintptr(fl), 0, 0, 0)
	if e == EINPROGRESS {
		e = EINTR
	}
	return v, e
}

// connects: the kqueue waits for a socket that is still connecting.
func connects(t *Thread, a *args) bool {
	kq := kqueueOf(int32(a[0]))
	if kq == nil || int32(a[4]) < 1 || !waitsForEvents(t, a) {
		return false
	}
	_, ok := kq.connecting()
	return ok
}

// connectEarly reports the first such socket.
func connectEarly(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	k, ok := kqueueOf(int32(a[0])).connecting()
	if !ok {
		return next(t, a)
	}
	form := &plainForms[t.abi()]
	var b [keventMaxSize]byte
	form.encode(b[:], &k)
	return 1, copyoutBytes(a[3], b[:form.size])
}

// connecting returns the event of a write filter whose socket is not yet connected.
func (kq *kqueue) connecting() (k kevent, ok bool) {
	kq.mu.Lock()
	defer kq.mu.Unlock()
	for i := range kq.knotes {
		kn := &kq.knotes[i]
		if kn.gen == 0 || kn.filter != evfiltWrite || kn.kind != kindStream || kn.state&knDisabled != 0 {
			continue
		}
		if connectingTCP(kn.hostFD) {
			k = kn.kevent
			k.data = 1 << 16 // room in the buffer
			return k, true
		}
	}
	return k, false
}

// execSignal waits for a signal that would be lost on the way, were all well.
func execSignal(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	p := t.p
	if p.Release < XNU4903 || p.Release >= XNU7195 {
		return next(t, a)
	}
	for range 4 {
		pause(5 * time.Millisecond)
		p.mu.Lock()
		bad := p.sig.LateToExec(t.sig)
		p.mu.Unlock()
		if bad {
			p.die(SIGILL)
		}
	}
	return next(t, a)
}

// readsRoutes: the sysctls of the routing table, when they do not ask for the
// size only.
func readsRoutes(t *Thread, a *args) bool {
	const ctlNet, pfRoute = 4, 17
	class, _ := vcpu.Load32(a[0])
	family, _ := vcpu.Load32(a[0] + 4)
	return uint32(a[1]) >= 2 && class == ctlNet && family == pfRoute && a[2] != 0
}

const lockNB = 4

func locks(t *Thread, a *args) bool { return a[1]&lockNB == 0 }

// interruptLock is for a lock that somebody else holds.
func interruptLock(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	a[1] |= lockNB
	return wouldBlock(next(t, a))
}

func locksPart(t *Thread, a *args) bool { return fcntlCmd(int32(a[1])) == fSetlkw }

func interruptSetlkw(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	a[1] = uint64(fSetlk)
	return wouldBlock(next(t, a))
}

// wouldBlock makes an interruption of what a call that does not wait returns if it should.
func wouldBlock(v uint64, e Errno) (uint64, Errno) {
	if e == EAGAIN {
		e = EINTR
	}
	return v, e
}

// What fileKind knows.
const (
	isPipe = 1 << iota
	isTCP
	isOther // a socket or terminal
)

func fileKind(fd int32) int {
	var st syscall.Stat_t
	if _, e := host(syscall.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(&st)), 0, 0, 0, 0); e != 0 || fdHidden(fd) {
		return 0
	}
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFIFO:
		return isPipe
	case syscall.S_IFCHR:
		const ttyMajor, ptsMajor = 4, 136
		if major := st.Rdev >> 8 & 0xfff; major == ttyMajor || major >= ptsMajor && major < ptsMajor+8 {
			return isOther
		}
	case syscall.S_IFSOCK:
		if d := sockInt(fd, linuxSoDomain); (d == syscall.AF_INET || d == syscall.AF_INET6) && sockInt(fd, syscall.SO_TYPE) == syscall.SOCK_STREAM {
			return isTCP
		}
		return isOther
	}
	return 0
}

const (
	readCalls  = "read read_nocancel recvfrom recvfrom_nocancel "
	writeCalls = "write write_nocancel sendto sendto_nocancel "
)

// spared is standard error: a runtime that prints why it dies does not try
// again, and the reason would be lost.
const spared = 2

// interruptIO is for calls that wait for events (POLLIN, POLLOUT).
func interruptIO(events uint16) injector {
	return func(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
		fd := int32(a[0])
		fl, e := hostStatusFlags(fd)
		if e != 0 || fl&syscall.O_NONBLOCK != 0 || fd == spared || fileKind(fd) == 0 {
			return next(t, a)
		}
		if pollNow(fd, events) != 0 {
			return next(t, a)
		}
		return 0, EINTR
	}
}

func interruptBusyIO(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	if fd := int32(a[0]); fd != spared && fileKind(fd) != 0 {
		return 0, EINTR
	}
	return next(t, a)
}

// pipeBuf is how much a pipe takes at once or not at all.
const pipeBuf = 512

// part chooses how much of the n bytes that are asked for a call on fd gets.
func part(fd int32, n, x uint64) uint64 {
	if n > 1 && n < 1<<31 && fd != spared {
		switch k := fileKind(fd); {
		case k == isTCP:
			return 1 + x%(n-1)
		case k == isPipe && n > pipeBuf:
			return pipeBuf + x%(n-pipeBuf)
		}
	}
	return n
}

func short(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	a[2] = part(int32(a[0]), a[2], x)
	return next(t, a)
}

func shortDir(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	const twoEntries = 2048 // of the longest names
	a[2] = min(a[2], twoEntries)
	return next(t, a)
}

// acceptUnnamed makes the socket that is left of the stranger's connection.
func acceptUnnamed(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	const soAcceptconn = 30
	fd := int32(a[0])
	domain := sockInt(fd, linuxSoDomain)
	if domain != syscall.AF_INET && domain != syscall.AF_INET6 || sockInt(fd, soAcceptconn) != 1 {
		return next(t, a)
	}
	fl, _ := hostStatusFlags(fd)
	n, e := host(syscall.SYS_SOCKET, uintptr(domain), syscall.SOCK_STREAM|uintptr(fl&syscall.O_NONBLOCK), 0, 0, 0, 0)
	if n, e = newFd(n, e, -1); e != 0 {
		return next(t, a)
	}
	if a[1] != 0 {
		vcpu.Store32(a[2], 0)
	}
	return n, 0
}

func mmapElsewhere(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	if a[0] != 0 && a[3]&mapFixed == 0 && t.p.abi == abi64 {
		a[0] += (1 + x%16) << 24
	}
	return next(t, a)
}

func extraSignal(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	v, e := next(t, a)
	if !t.p.child {
		t.p.psignal(SIGURG)
	}
	return v, e
}

func preempt(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	if x&1 == 0 {
		pause(shortTime(x >> 1))
		return next(t, a)
	}
	v, e := next(t, a)
	pause(shortTime(x >> 1))
	return v, e
}

func forkSlow(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	v, e := next(t, a)
	if t.p.child == (x&1 == 0) {
		pause(shortTime(x >> 1))
	}
	return v, e
}

func closeInterrupted(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	v, e := next(t, a)
	if e == 0 {
		e = EINTR
	}
	return v, e
}

// stopContinue stops the process with all its threads. The host's own timer
// continues it.
func stopContinue(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	const (
		timerCreate, timerSettime, timerDelete = 222, 223, 226
		period                                 = 5 * time.Millisecond
	)
	event := struct { // struct sigevent; SIGEV_SIGNAL is 0
		value         uint64
		signo, notify int32
		_             [48]byte
	}{signo: int32(toHost(SIGCONT))}
	var timer int32
	if _, e := host(timerCreate, linuxClockMonotonic, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&timer)), 0, 0, 0); e == 0 {
		// Again and again, should it come before the stop.
		every := [2]syscall.Timespec{syscall.NsecToTimespec(int64(period)), syscall.NsecToTimespec(int64(period))}
		host(timerSettime, uintptr(timer), 0, uintptr(unsafe.Pointer(&every)), 0, 0, 0)
		// To this thread, so that the timer goes only after it has stopped.
		host(syscall.SYS_TGKILL, hostCall(syscall.SYS_GETPID), hostCall(syscall.SYS_GETTID), uintptr(toHost(SIGSTOP)), 0, 0, 0)
		host(timerDelete, uintptr(timer), 0, 0, 0, 0, 0)
	}
	return next(t, a)
}
