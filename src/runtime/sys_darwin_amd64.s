// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

// Kernel entries of darwin/amd64. Each TEXT makes one. Above it stand the
// kernel's name and arguments, and what an error becomes.
//
// The number and its class go in AX, arguments in DI SI DX R10 R8 R9, more of
// them at 8(SP) and up: the word at 0(SP) is taken for a return address. The
// kernel changes CX and R11. A BSD call that fails sets the carry flag and
// leaves the error number in AX; a Mach trap returns its code in AX
// (xnu-1504 to xnu-11417 osfmk/x86_64/idt64.s, bsd/dev/i386/systemcalls.c).

#include "go_asm.h"
#include "go_tls.h"
#include "textflag.h"
#include "xnu_darwin_amd64.h"

// What becomes of AX after a call. One that failed has set the carry flag.

// NEGERRNO leaves -errno there.
#define NEGERRNO \
	JCC	2(PC); \
	NEGL	AX

// MINUS1 leaves -1 there.
#define MINUS1 \
	JCC	2(PC); \
	MOVL	$-1, AX

// ERRNO leaves errno there, and 0 after one that did not fail.
#define ERRNO \
	JCS	2(PC); \
	MOVL	$0, AX

// MUST throws if call nr failed.
#define MUST(nr) \
	JCC	4(PC); \
	MOVL	$(nr&0xffffff), 0(SP); \
	MOVL	AX, 4(SP); \
	CALL	runtime·kernelRefused(SB)

// exit: status. Does not return.
TEXT runtime·exit(SB),NOSPLIT,$0-4
	MOVL	code+0(FP), DI
	MOVL	$XNU_exit, AX
	SYSCALL
	INT	$3

// read: fd, buf, n. Error: -errno.
TEXT runtime·read(SB),NOSPLIT,$0-28
	MOVL	fd+0(FP), DI
	MOVQ	p+8(FP), SI
	MOVL	n+16(FP), DX
	MOVL	$XNU_read, AX
	SYSCALL
	NEGERRNO
	MOVL	AX, ret+24(FP)
	RET

// write: fd, buf, n. Error: -errno.
TEXT runtime·write1(SB),NOSPLIT,$0-28
	MOVQ	fd+0(FP), DI
	MOVQ	p+8(FP), SI
	MOVL	n+16(FP), DX
	MOVL	$XNU_write, AX
	SYSCALL
	NEGERRNO
	MOVL	AX, ret+24(FP)
	RET

// open: path, flags, mode. Error: -1.
TEXT runtime·open(SB),NOSPLIT,$0-20
	MOVQ	name+0(FP), DI
	MOVL	mode+8(FP), SI
	MOVL	perm+12(FP), DX
	MOVL	$XNU_open, AX
	SYSCALL
	MINUS1
	MOVL	AX, ret+16(FP)
	RET

// close: fd. Error: -1.
TEXT runtime·closefd(SB),NOSPLIT,$0-12
	MOVL	fd+0(FP), DI
	MOVL	$XNU_close, AX
	SYSCALL
	MINUS1
	MOVL	AX, ret+8(FP)
	RET

// getpid. No error.
TEXT runtime·getpid(SB),NOSPLIT,$0-4
	MOVL	$XNU_getpid, AX
	SYSCALL
	MOVL	AX, ret+0(FP)
	RET

// kill: pid, signal, posix. Error: ignored.
TEXT runtime·kill(SB),NOSPLIT,$0-12
	MOVL	pid+0(FP), DI
	MOVL	sig+4(FP), SI
	MOVL	posix+8(FP), DX
	MOVL	$XNU_kill, AX
	SYSCALL
	RET

// pipe: no arguments; the read end comes in AX, the write end in DX. Error: errno.
TEXT runtime·pipe(SB),NOSPLIT,$0-12
	MOVL	$XNU_pipe, AX
	SYSCALL
	JCS	failed
	MOVL	AX, r+0(FP)
	MOVL	DX, w+4(FP)
	MOVL	$0, errno+8(FP)
	RET
failed:
	MOVL	$-1, r+0(FP)
	MOVL	$-1, w+4(FP)
	MOVL	AX, errno+8(FP)
	RET

// sigaction: signal, new (with trampoline), old (without). Error: kernelRefused throws.
TEXT runtime·sigaction(SB),NOSPLIT,$8-24
	MOVL	sig+0(FP), DI
	MOVQ	new+8(FP), SI
	MOVQ	old+16(FP), DX
	MOVL	$XNU_sigaction, AX
	SYSCALL
	MUST(XNU_sigaction)
	RET

// sigaltstack: new, old. Error: kernelRefused throws.
TEXT runtime·sigaltstack(SB),NOSPLIT,$8-16
	MOVQ	new+0(FP), DI
	MOVQ	old+8(FP), SI
	MOVL	$XNU_sigaltstack, AX
	SYSCALL
	MUST(XNU_sigaltstack)
	RET

// munmap: address, length. Error: kernelRefused throws.
TEXT runtime·munmap(SB),NOSPLIT,$8-16
	MOVQ	addr+0(FP), DI
	MOVQ	n+8(FP), SI
	MOVL	$XNU_munmap, AX
	SYSCALL
	MUST(XNU_munmap)
	RET

// madvise: address, length, advice. Error: ignored, it is only advice.
TEXT runtime·madvise(SB),NOSPLIT,$0-20
	MOVQ	addr+0(FP), DI
	MOVQ	n+8(FP), SI
	MOVL	flags+16(FP), DX
	MOVL	$XNU_madvise, AX
	SYSCALL
	RET

// setitimer: which, new, old. Error: ignored, no caller can fail.
TEXT runtime·setitimer(SB),NOSPLIT,$0-24
	MOVQ	old+16(FP), DX
	MOVQ	new+8(FP), SI
	MOVL	mode+0(FP), DI
	MOVL	$XNU_setitimer, AX
	SYSCALL
	RET

// fcntl: fd, command, argument. Error: -1 and errno.
TEXT runtime·fcntl(SB),NOSPLIT,$0-24
	MOVL	fd+0(FP), DI
	MOVL	cmd+4(FP), SI
	MOVL	arg+8(FP), DX
	MOVL	$XNU_fcntl, AX
	SYSCALL
	JCS	failed
	MOVL	AX, ret+16(FP)
	MOVL	$0, errno+20(FP)
	RET
failed:
	MOVL	$-1, ret+16(FP)
	MOVL	AX, errno+20(FP)
	RET

// select: n, in, out, except, timeout. Error (a signal): ignored.
TEXT runtime·sys_select(SB),NOSPLIT,$0-8
	MOVL	$0, DI
	MOVL	$0, SI
	MOVL	$0, DX
	MOVL	$0, R10
	MOVQ	timeout+0(FP), R8
	MOVL	$XNU_select, AX
	SYSCALL
	RET

// gettimeofday: tv, tz, mach time (which 10.12 and later write to if it is
// not 0). Result 0: the time is in *tv; else it is in AX and DX. No error.
TEXT runtime·gettimeofday(SB),NOSPLIT,$0-8
	MOVQ	tv+0(FP), DI
	MOVL	$0, SI
	MOVL	$0, DX
	MOVL	$XNU_gettimeofday, AX
	SYSCALL
	TESTQ	AX, AX
	JEQ	done
	MOVQ	tv+0(FP), DI
	MOVQ	AX, timeval_tv_sec(DI)
	MOVL	DX, timeval_tv_usec(DI)
done:
	RET

// mmap: address, length, protection, flags, fd, offset. Error: nil and errno.
TEXT runtime·mmap(SB),NOSPLIT,$0-48
	MOVQ	addr+0(FP), DI
	MOVQ	n+8(FP), SI
	MOVL	prot+16(FP), DX
	MOVL	flags+20(FP), R10
	MOVLQSX	fd+24(FP), R8
	MOVL	off+28(FP), R9
	MOVL	$XNU_mmap, AX
	SYSCALL
	JCS	failed
	MOVQ	AX, p+32(FP)
	MOVQ	$0, err+40(FP)
	RET
failed:
	MOVQ	$0, p+32(FP)
	MOVQ	AX, err+40(FP)
	RET

// sysctl: mib, length of mib, old, length of old, new, length of new. Error: -errno.
TEXT runtime·sysctl(SB),NOSPLIT,$0-52
	MOVQ	mib+0(FP), DI
	MOVL	miblen+8(FP), SI
	MOVQ	oldp+16(FP), DX
	MOVQ	oldlenp+24(FP), R10
	MOVQ	newp+32(FP), R8
	MOVQ	newlen+40(FP), R9
	MOVL	$XNU_sysctl, AX
	SYSCALL
	NEGERRNO
	MOVL	AX, ret+48(FP)
	RET

// issetugid. No error.
TEXT runtime·issetugid(SB),NOSPLIT,$0-4
	MOVL	$XNU_issetugid, AX
	SYSCALL
	MOVL	AX, ret+0(FP)
	RET

// __pthread_kill: port of the thread, signal. Error: errno.
TEXT runtime·pthread_kill(SB),NOSPLIT,$0-12
	MOVL	port+0(FP), DI
	MOVL	sig+4(FP), SI
	MOVL	$XNU___pthread_kill, AX
	SYSCALL
	ERRNO
	MOVL	AX, ret+8(FP)
	RET

// __pthread_sigmask: how, new, old. Error: kernelRefused throws.
TEXT runtime·sigprocmask(SB),NOSPLIT,$8-24
	MOVL	how+0(FP), DI
	MOVQ	new+8(FP), SI
	MOVQ	old+16(FP), DX
	MOVL	$XNU___pthread_sigmask, AX
	SYSCALL
	MUST(XNU___pthread_sigmask)
	RET

// __disable_threadsignal: ignored. No error.
TEXT runtime·disable_threadsignal(SB),NOSPLIT,$0-0
	MOVL	$1, DI
	MOVL	$XNU___disable_threadsignal, AX
	SYSCALL
	RET

// bsdthread_create: func, arg, stack, pthread, flags. Error: errno.
// The flag is PTHREAD_START_CUSTOM: stack is the address of one, not a size
// (xnu-1504 bsd/kern/pthread_synch.c:bsdthread_create). func and pthread are
// only handed to bsdthread_start, which wants neither.
TEXT runtime·bsdthread_create(SB),NOSPLIT,$0-20
	MOVL	$0, DI
	MOVQ	mp+8(FP), SI
	MOVQ	stk+0(FP), DX
	MOVL	$0, R10
	MOVL	$0x01000000, R8
	MOVL	$XNU_bsdthread_create, AX
	SYSCALL
	ERRNO
	MOVL	AX, ret+16(FP)
	RET

// The first code of a new thread. DI is pthread, SI the thread's port, DX func,
// CX arg (the m), R8 the stack, R9 the flags. SP is the stack's top in some
// releases and 128 bytes below it in others (xnu-2050 bsd/kern/
// pthread_synch.c:bsdthread_create), so it is set from the m. Every signal is
// blocked until minit.
//
// What ends the thread is kept above mstart's frames, because the m may be
// collected once mexit has let go of it.
//
// bsdthread_terminate: stack, its length, port, semaphore. The kernel unmaps
// the stack and gives the port's name back. Does not return; if it cannot
// unmap, it does, and the thread ends with its stack left behind.
TEXT runtime·bsdthread_start(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	CX, R12
	MOVL	SI, (m_mOS+mOS_thport)(R12)
	MOVQ	m_g0(R12), R13
	MOVQ	(g_stack+stack_hi)(R13), SP
	SUBQ	$32, SP
	MOVQ	$0, BP
	MOVQ	(m_mOS+mOS_stklo)(R12), AX
	MOVQ	AX, 0(SP)
	MOVQ	SI, 8(SP)

	LEAQ	m_tls(R12), DI
	CALL	runtime·settls(SB)
	get_tls(CX)
	MOVQ	R12, g_m(R13)
	MOVQ	R13, g(CX)
	CLD
	CALL	runtime·stackcheck(SB)
	CALL	runtime·mstart(SB)

	MOVQ	0(SP), DI
	MOVQ	$const_threadStackSize, SI
	MOVL	8(SP), DX
	MOVL	$0, R10
	MOVL	$XNU_bsdthread_terminate, AX
	SYSCALL
	MOVL	$0, DI
	MOVL	$0, SI
	MOVL	$0, DX
	MOVL	$0, R10
	MOVL	$XNU_bsdthread_terminate, AX
	SYSCALL
	INT	$3

// kqueue. Error: -errno.
TEXT runtime·kqueue(SB),NOSPLIT,$0-4
	MOVL	$XNU_kqueue, AX
	SYSCALL
	NEGERRNO
	MOVL	AX, ret+0(FP)
	RET

// kevent: kq, changes, n, events, n, timeout. Error: -errno.
TEXT runtime·kevent(SB),NOSPLIT,$0-52
	MOVL	kq+0(FP), DI
	MOVQ	ch+8(FP), SI
	MOVL	nch+16(FP), DX
	MOVQ	ev+24(FP), R10
	MOVL	nev+32(FP), R8
	MOVQ	ts+40(FP), R9
	MOVL	$XNU_kevent, AX
	SYSCALL
	NEGERRNO
	MOVL	AX, ret+48(FP)
	RET

// bsdthread_register: threadstart, wqthread, flags, stack hint,
// targetconc, dispatchqueue offset, tsd offset. Error: errno.
// The last argument is on the stack and exists from 10.10 on.
TEXT runtime·bsdthread_register(SB),NOSPLIT,$16-4
	LEAQ	runtime·bsdthread_start(SB), DI
	MOVL	$0, SI
	MOVL	$0, DX
	MOVL	$0, R10
	MOVL	$0, R8
	MOVL	$0, R9
	MOVQ	$0, 8(SP)
	MOVL	$XNU_bsdthread_register, AX
	SYSCALL
	ERRNO
	MOVL	AX, ret+0(FP)
	RET

// getentropy, from 10.12: buf, n. Error: errno.
TEXT runtime·getentropy(SB),NOSPLIT,$0-20
	MOVQ	p+0(FP), DI
	MOVQ	n+8(FP), SI
	MOVL	$XNU_getentropy, AX
	SYSCALL
	ERRNO
	MOVL	AX, ret+16(FP)
	RET

// ulock_wait, from 10.12: operation, address, value, timeout in µs. Error: errno.
TEXT runtime·ulock_wait(SB),NOSPLIT,$0-36
	MOVL	op+0(FP), DI
	MOVQ	addr+8(FP), SI
	MOVQ	value+16(FP), DX
	MOVL	timeoutMicros+24(FP), R10
	MOVL	$XNU_ulock_wait, AX
	SYSCALL
	ERRNO
	MOVL	AX, ret+32(FP)
	RET

// ulock_wake, from 10.12: operation, address, value. Error: errno.
TEXT runtime·ulock_wake(SB),NOSPLIT,$0-28
	MOVL	op+0(FP), DI
	MOVQ	addr+8(FP), SI
	MOVQ	wakeValue+16(FP), DX
	MOVL	$XNU_ulock_wake, AX
	SYSCALL
	ERRNO
	MOVL	AX, ret+24(FP)
	RET

// swtch (trap): no arguments. The result, whether another thread could still
// run, is ignored.
TEXT runtime·osyield(SB),NOSPLIT,$0-0
	MOVL	$XNU_swtch, AX
	SYSCALL
	RET

// mach_reply_port (trap). No error.
TEXT runtime·mach_reply_port(SB),NOSPLIT,$0-4
	MOVL	$XNU_mach_reply_port, AX
	SYSCALL
	MOVL	AX, ret+0(FP)
	RET

// thread_self (trap). No error.
TEXT runtime·thread_self(SB),NOSPLIT,$0-4
	MOVL	$XNU_thread_self, AX
	SYSCALL
	MOVL	AX, ret+0(FP)
	RET

// task_self (trap). No error.
TEXT runtime·task_self(SB),NOSPLIT,$0-4
	MOVL	$XNU_task_self, AX
	SYSCALL
	MOVL	AX, ret+0(FP)
	RET

// mach_msg (trap), not from 13 on: message, option, size to send, size to
// receive, name to receive on, timeout, notify. Error: mach_msg_return_t.
TEXT runtime·mach_msg(SB),NOSPLIT,$16-28
	MOVQ	msg+0(FP), DI
	MOVL	option+8(FP), SI
	MOVL	sndSize+12(FP), DX
	MOVL	rcvSize+16(FP), R10
	MOVL	rcvName+20(FP), R8
	MOVL	$0, R9
	MOVQ	$0, 8(SP)
	MOVL	$XNU_mach_msg_trap, AX
	SYSCALL
	MOVL	AX, ret+24(FP)
	RET

// semaphore_signal (trap): semaphore. Error: kern_return_t.
TEXT runtime·semaphore_signal(SB),NOSPLIT,$0-12
	MOVL	sem+0(FP), DI
	MOVL	$XNU_semaphore_signal, AX
	SYSCALL
	MOVL	AX, ret+8(FP)
	RET

// semaphore_wait (trap): semaphore. Error: kern_return_t.
TEXT runtime·semaphore_wait(SB),NOSPLIT,$0-12
	MOVL	sem+0(FP), DI
	MOVL	$XNU_semaphore_wait, AX
	SYSCALL
	MOVL	AX, ret+8(FP)
	RET

// semaphore_timedwait (trap): semaphore, seconds, nanoseconds. Error: kern_return_t.
TEXT runtime·semaphore_timedwait(SB),NOSPLIT,$0-20
	MOVL	sem+0(FP), DI
	MOVL	sec+4(FP), SI
	MOVL	nsec+8(FP), DX
	MOVL	$XNU_semaphore_timedwait, AX
	SYSCALL
	MOVL	AX, ret+16(FP)
	RET

// thread_fast_set_cthread_self (machdep): GS base. No error; the result is a
// selector. In: DI = &m.tls. The linker puts g at 0x30(GS)
// (cmd/link/internal/ld/sym.go:computeTLSOffset).
TEXT runtime·settls(SB),NOSPLIT|NOFRAME,$0
	SUBQ	$0x30, DI
	MOVL	$XNU_thread_fast_set_cthread_self, AX
	SYSCALL
	RET

// Where the kernel enters the program with a signal: DI is the handler that
// sigaction was given, SI the style of the frame, DX the signal, CX the
// siginfo, R8 the ucontext, R9 a token (from 10.14). Signals are blocked. The
// word at 0(SP) is not a return address, nor anything else
// (xnu-1504 to xnu-11417 bsd/dev/i386/unix_signal.c:sendsig). All registers come
// back from the ucontext, so none need be kept.
//
// sigreturn: ucontext, style, token. Does not return; it fails only if the
// context is bad.
TEXT runtime·sigtramp(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	NOP	SP		// disable vet stack checking
	ADJSP	$56
	MOVQ	R8, 32(SP)
	MOVQ	SI, 40(SP)
	MOVQ	R9, 48(SP)

	// sigtrampgo is ABIInternal: g in R14, X15 zero, room to spill three words.
	get_tls(R12)
	MOVQ	g(R12), R14
	PXOR	X15, X15
	CLD
	MOVL	DX, AX
	MOVQ	CX, BX
	MOVQ	R8, CX
	CALL	·sigtrampgo<ABIInternal>(SB)

	MOVQ	32(SP), DI
	MOVQ	40(SP), SI
	MOVQ	48(SP), DX
	MOVL	$XNU_sigreturn, AX
	SYSCALL
	INT	$3

// sigfwd calls a handler that is not Go's by the C calling convention.
TEXT runtime·sigfwd(SB),NOSPLIT,$0-32
	MOVL	sig+8(FP), DI
	MOVQ	info+16(FP), SI
	MOVQ	ctx+24(FP), DX
	MOVQ	fn+0(FP), AX
	MOVQ	SP, R12		// kept by the callee
	ANDQ	$~15, SP
	CALL	AX
	MOVQ	R12, SP
	RET

// func rdtsc() uint64
TEXT runtime·rdtsc(SB),NOSPLIT,$0-8
	LFENCE
	RDTSC
	LFENCE
	SHLQ	$32, DX
	ORQ	DX, AX
	MOVQ	AX, ret+0(FP)
	RET

// syscallN_trampoline calls the stub of a libcCallInfo (in DI), itself called by
// asmcgocall on the g0 stack, aligned to 16 bytes. A stub finds its seventh
// argument and further ones above its return address.
TEXT runtime·syscallN_trampoline(SB),NOSPLIT,$0
	MOVQ	DI, R13
	MOVQ	SP, R12
	MOVQ	libcCallInfo_args(R13), R11
	MOVQ	libcCallInfo_n(R13), AX

	// Load up to six from the last backwards, each only if it is there.
	CMPQ	AX, $6
	JLS	registers
	LEAQ	-5(AX), CX	// number of stack words, and one if odd
	ANDQ	$~1, CX
	SHLQ	$3, CX
	SUBQ	CX, SP
	LEAQ	-6(AX), CX
	LEAQ	48(R11), SI
	MOVQ	SP, DI
	CLD
	REP;	MOVSQ
	MOVQ	$6, AX
registers:
	CMPQ	AX, $3
	JLS	three
	CMPQ	AX, $5
	JLT	four
	JEQ	five
	MOVQ	40(R11), R9
five:
	MOVQ	32(R11), R8
four:
	MOVQ	24(R11), CX
three:
	CMPQ	AX, $2
	JLT	one
	JEQ	two
	MOVQ	16(R11), DX
two:
	MOVQ	8(R11), SI
one:
	CMPQ	AX, $1
	JLT	none
	MOVQ	0(R11), DI
none:
	MOVQ	libcCallInfo_fn(R13), R11
	CALL	R11
	MOVQ	R12, SP
	MOVQ	AX, libcCallInfo_r1(R13)
	MOVQ	DX, libcCallInfo_r2(R13)
	MOVQ	CX, libcCallInfo_err(R13)
	RET
