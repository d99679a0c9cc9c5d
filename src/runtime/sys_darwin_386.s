// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

// Kernel entries of darwin/386. Each TEXT makes one. Above it stand the
// kernel's name and arguments, and what an error becomes.
//
// The number goes in AX, arguments on the stack from 4(SP) up: the word at
// 0(SP) is taken for a return address. So a TEXT without a frame whose Go
// arguments are the kernel's passes them as they lie; one with a frame lays
// them out there. Arguments of 64 bits take two words, the lower first. BSD
// calls are INT 0x80, Mach traps INT 0x81 with the number negated, machdep calls
// INT 0x82. The kernel changes AX and DX. A BSD call that fails sets the carry
// flag and leaves the error number in AX; a Mach trap returns its code in AX
// (xnu-1504 to xnu-4903 osfmk/x86_64/idt64.s, bsd/dev/i386/systemcalls.c,
// osfmk/i386/bsd_i386.c).

#include "go_asm.h"
#include "go_tls.h"
#include "textflag.h"
#include "xnu_darwin_386.h"

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
	JCC	3(PC); \
	MOVL	$nr, CX; \
	JMP	runtime·entryRefused(SB)

// exit: status. Does not return.
TEXT runtime·exit(SB),NOSPLIT,$0-4
	MOVL	$XNU_exit, AX
	INT	$0x80
	INT	$3

// read: fd, buf, n. Error: -errno.
TEXT runtime·read(SB),NOSPLIT,$0-16
	MOVL	$XNU_read, AX
	INT	$0x80
	NEGERRNO
	MOVL	AX, ret+12(FP)
	RET

// write: fd, buf, n. Error: -errno.
TEXT runtime·write1(SB),NOSPLIT,$0-16
	MOVL	$XNU_write, AX
	INT	$0x80
	NEGERRNO
	MOVL	AX, ret+12(FP)
	RET

// open: path, flags, mode. Error: -1.
TEXT runtime·open(SB),NOSPLIT,$0-16
	MOVL	$XNU_open, AX
	INT	$0x80
	MINUS1
	MOVL	AX, ret+12(FP)
	RET

// close: fd. Error: -1.
TEXT runtime·closefd(SB),NOSPLIT,$0-8
	MOVL	$XNU_close, AX
	INT	$0x80
	MINUS1
	MOVL	AX, ret+4(FP)
	RET

// getpid. No error.
TEXT runtime·getpid(SB),NOSPLIT,$0-4
	MOVL	$XNU_getpid, AX
	INT	$0x80
	MOVL	AX, ret+0(FP)
	RET

// kill: pid, signal, posix. Error: ignored.
TEXT runtime·kill(SB),NOSPLIT,$0-12
	MOVL	$XNU_kill, AX
	INT	$0x80
	RET

// pipe: no arguments; the read end comes in AX, the write end in DX. Error: errno.
TEXT runtime·pipe(SB),NOSPLIT,$0-12
	MOVL	$XNU_pipe, AX
	INT	$0x80
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
TEXT runtime·sigaction(SB),NOSPLIT,$0-12
	MOVL	$XNU_sigaction, AX
	INT	$0x80
	MUST(XNU_sigaction)
	RET

// sigaltstack: new, old. Error: kernelRefused throws.
TEXT runtime·sigaltstack(SB),NOSPLIT,$0-8
	MOVL	$XNU_sigaltstack, AX
	INT	$0x80
	MUST(XNU_sigaltstack)
	RET

// munmap: address, length. Error: kernelRefused throws.
TEXT runtime·munmap(SB),NOSPLIT,$0-8
	MOVL	$XNU_munmap, AX
	INT	$0x80
	MUST(XNU_munmap)
	RET

// madvise: address, length, advice. Error: ignored, it is only advice.
TEXT runtime·madvise(SB),NOSPLIT,$0-12
	MOVL	$XNU_madvise, AX
	INT	$0x80
	RET

// setitimer: which, new, old. Error: ignored, no caller can fail.
TEXT runtime·setitimer(SB),NOSPLIT,$0-12
	MOVL	$XNU_setitimer, AX
	INT	$0x80
	RET

// fcntl: fd, command, argument. Error: -1 and errno.
TEXT runtime·fcntl(SB),NOSPLIT,$0-20
	MOVL	$XNU_fcntl, AX
	INT	$0x80
	JCS	failed
	MOVL	AX, ret+12(FP)
	MOVL	$0, errno+16(FP)
	RET
failed:
	MOVL	$-1, ret+12(FP)
	MOVL	AX, errno+16(FP)
	RET

// select: n, in, out, except, timeout. Error (a signal): ignored.
TEXT runtime·sys_select(SB),NOSPLIT,$24-4
	MOVL	timeout+0(FP), AX
	MOVL	$0, 4(SP)
	MOVL	$0, 8(SP)
	MOVL	$0, 12(SP)
	MOVL	$0, 16(SP)
	MOVL	AX, 20(SP)
	MOVL	$XNU_select, AX
	INT	$0x80
	RET

// gettimeofday: tv, tz, mach time (which 10.12 and later write to if it is
// not 0). Result 0: the time is in *tv; else it is in AX and DX. No error.
TEXT runtime·gettimeofday(SB),NOSPLIT,$16-4
	MOVL	tv+0(FP), CX
	MOVL	CX, 4(SP)
	MOVL	$0, 8(SP)
	MOVL	$0, 12(SP)
	MOVL	$XNU_gettimeofday, AX
	INT	$0x80
	TESTL	AX, AX
	JEQ	done
	MOVL	AX, timeval_tv_sec(CX)
	MOVL	DX, timeval_tv_usec(CX)
done:
	RET

// mmap: address, length, protection, flags, fd, 64-bit offset. Error: nil and errno.
TEXT runtime·mmap(SB),NOSPLIT,$32-32
	LEAL	addr+0(FP), SI
	LEAL	4(SP), DI
	MOVL	$6, CX
	CLD
	REP;	MOVSL
	MOVL	$0, 28(SP)	// upper half of the offset
	MOVL	$XNU_mmap, AX
	INT	$0x80
	JCS	failed
	MOVL	AX, p+24(FP)
	MOVL	$0, err+28(FP)
	RET
failed:
	MOVL	$0, p+24(FP)
	MOVL	AX, err+28(FP)
	RET

// sysctl: mib, length of mib, old, length of old, new, length of new. Error: -errno.
TEXT runtime·sysctl(SB),NOSPLIT,$0-28
	MOVL	$XNU_sysctl, AX
	INT	$0x80
	NEGERRNO
	MOVL	AX, ret+24(FP)
	RET

// issetugid. No error.
TEXT runtime·issetugid(SB),NOSPLIT,$0-4
	MOVL	$XNU_issetugid, AX
	INT	$0x80
	MOVL	AX, ret+0(FP)
	RET

// __pthread_kill: port of the thread, signal. Error: errno.
TEXT runtime·pthread_kill(SB),NOSPLIT,$0-12
	MOVL	$XNU___pthread_kill, AX
	INT	$0x80
	ERRNO
	MOVL	AX, ret+8(FP)
	RET

// __pthread_sigmask: how, new, old. Error: kernelRefused throws.
TEXT runtime·sigprocmask(SB),NOSPLIT,$0-12
	MOVL	$XNU___pthread_sigmask, AX
	INT	$0x80
	MUST(XNU___pthread_sigmask)
	RET

// __disable_threadsignal: ignored. No error.
TEXT runtime·disable_threadsignal(SB),NOSPLIT,$8-0
	MOVL	$1, 4(SP)
	MOVL	$XNU___disable_threadsignal, AX
	INT	$0x80
	RET

// bsdthread_create: func, arg, stack, pthread, flags. Error: errno.
// The flag is PTHREAD_START_CUSTOM: stack is the address of one, not a size
// (xnu-1504 bsd/kern/pthread_synch.c:bsdthread_create). func and pthread are
// only handed to bsdthread_start, which wants neither.
TEXT runtime·bsdthread_create(SB),NOSPLIT,$24-12
	MOVL	mp+4(FP), AX
	MOVL	stk+0(FP), CX
	MOVL	$0, 4(SP)
	MOVL	AX, 8(SP)
	MOVL	CX, 12(SP)
	MOVL	$0, 16(SP)
	MOVL	$0x01000000, 20(SP)
	MOVL	$XNU_bsdthread_create, AX
	INT	$0x80
	ERRNO
	MOVL	AX, ret+8(FP)
	RET

// The first code of a new thread. AX is pthread, BX the thread's port, CX func,
// DX arg (the m), DI the stack, SI the flags. SP is 16 bytes below the stack's
// top, or not, by release (xnu-2050 bsd/kern/pthread_synch.c:bsdthread_create),
// so it is set from the m. Every signal is blocked until minit. GS is good for
// nothing until setldt, so what is called before it must not look at g.
//
// What ends the thread is kept above mstart's frames, because the m may be
// collected once mexit has let go of it.
//
// bsdthread_terminate: stack, its length, port, semaphore. The kernel unmaps
// the stack and gives the port's name back. Does not return; if it cannot
// unmap, it does, and the thread ends with its stack left behind.
TEXT runtime·bsdthread_start(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVL	DX, SI
	MOVL	BX, (m_mOS+mOS_thport)(SI)
	MOVL	m_g0(SI), DI
	MOVL	(g_stack+stack_hi)(DI), SP
	SUBL	$32, SP
	MOVL	(m_mOS+mOS_stklo)(SI), AX
	MOVL	AX, 20(SP)
	MOVL	BX, 24(SP)

	LEAL	m_tls(SI), AX
	MOVL	AX, 4(SP)
	CALL	runtime·setldt(SB)	// keeps SI and DI
	get_tls(CX)
	MOVL	SI, g_m(DI)
	MOVL	DI, g(CX)
	CLD
	CALL	runtime·stackcheck(SB)
	CALL	runtime·mstart(SB)

	MOVL	20(SP), AX
	MOVL	24(SP), CX
	MOVL	AX, 4(SP)
	MOVL	$const_threadStackSize, 8(SP)
	MOVL	CX, 12(SP)
	MOVL	$0, 16(SP)
	MOVL	$XNU_bsdthread_terminate, AX
	INT	$0x80
	MOVL	$0, 4(SP)
	MOVL	$0, 8(SP)
	MOVL	$0, 12(SP)
	MOVL	$XNU_bsdthread_terminate, AX
	INT	$0x80
	INT	$3

// kqueue. Error: -errno.
TEXT runtime·kqueue(SB),NOSPLIT,$0-4
	MOVL	$XNU_kqueue, AX
	INT	$0x80
	NEGERRNO
	MOVL	AX, ret+0(FP)
	RET

// kevent: kq, changes, n, events, n, timeout. Error: -errno.
TEXT runtime·kevent(SB),NOSPLIT,$0-28
	MOVL	$XNU_kevent, AX
	INT	$0x80
	NEGERRNO
	MOVL	AX, ret+24(FP)
	RET

// bsdthread_register: threadstart, wqthread, flags, stack hint,
// targetconc, dispatchqueue offset, tsd offset. Error: errno.
// Up to 10.9 the last two are one of 64 bits.
TEXT runtime·bsdthread_register(SB),NOSPLIT,$32-4
	MOVL	$runtime·bsdthread_start(SB), AX
	MOVL	AX, 4(SP)
	MOVL	$0, 8(SP)
	MOVL	$0, 12(SP)
	MOVL	$0, 16(SP)
	MOVL	$0, 20(SP)
	MOVL	$0, 24(SP)
	MOVL	$0, 28(SP)
	MOVL	$XNU_bsdthread_register, AX
	INT	$0x80
	ERRNO
	MOVL	AX, ret+0(FP)
	RET

// getentropy, from 10.12: buf, n. Error: errno.
TEXT runtime·getentropy(SB),NOSPLIT,$0-12
	MOVL	$XNU_getentropy, AX
	INT	$0x80
	ERRNO
	MOVL	AX, ret+8(FP)
	RET

// ulock_wait, from 10.12: operation, address, 64-bit value, timeout in µs. Error: errno.
TEXT runtime·ulock_wait(SB),NOSPLIT,$0-24
	MOVL	$XNU_ulock_wait, AX
	INT	$0x80
	ERRNO
	MOVL	AX, ret+20(FP)
	RET

// ulock_wake, from 10.12: operation, address, 64-bit value. Error: errno.
TEXT runtime·ulock_wake(SB),NOSPLIT,$0-20
	MOVL	$XNU_ulock_wake, AX
	INT	$0x80
	ERRNO
	MOVL	AX, ret+16(FP)
	RET

// swtch (trap): no arguments. The result, whether another thread could still
// run, is ignored.
TEXT runtime·osyield(SB),NOSPLIT,$0-0
	MOVL	$XNU_swtch, AX
	INT	$0x81
	RET

// mach_reply_port (trap). No error.
TEXT runtime·mach_reply_port(SB),NOSPLIT,$0-4
	MOVL	$XNU_mach_reply_port, AX
	INT	$0x81
	MOVL	AX, ret+0(FP)
	RET

// thread_self (trap). No error.
TEXT runtime·thread_self(SB),NOSPLIT,$0-4
	MOVL	$XNU_thread_self, AX
	INT	$0x81
	MOVL	AX, ret+0(FP)
	RET

// task_self (trap). No error.
TEXT runtime·task_self(SB),NOSPLIT,$0-4
	MOVL	$XNU_task_self, AX
	INT	$0x81
	MOVL	AX, ret+0(FP)
	RET

// mach_msg (trap): message, option, size to send, size to receive, name to
// receive on, timeout, notify. Error: mach_msg_return_t.
TEXT runtime·mach_msg(SB),NOSPLIT,$32-24
	LEAL	msg+0(FP), SI
	LEAL	4(SP), DI
	MOVL	$5, CX
	CLD
	REP;	MOVSL
	MOVL	$0, 24(SP)
	MOVL	$0, 28(SP)
	MOVL	$XNU_mach_msg_trap, AX
	INT	$0x81
	MOVL	AX, ret+20(FP)
	RET

// semaphore_signal (trap): semaphore. Error: kern_return_t.
TEXT runtime·semaphore_signal(SB),NOSPLIT,$0-8
	MOVL	$XNU_semaphore_signal, AX
	INT	$0x81
	MOVL	AX, ret+4(FP)
	RET

// semaphore_wait (trap): semaphore. Error: kern_return_t.
TEXT runtime·semaphore_wait(SB),NOSPLIT,$0-8
	MOVL	$XNU_semaphore_wait, AX
	INT	$0x81
	MOVL	AX, ret+4(FP)
	RET

// semaphore_timedwait (trap): semaphore, seconds, nanoseconds. Error: kern_return_t.
TEXT runtime·semaphore_timedwait(SB),NOSPLIT,$0-16
	MOVL	$XNU_semaphore_timedwait, AX
	INT	$0x81
	MOVL	AX, ret+12(FP)
	RET

// thread_fast_set_cthread_self (machdep): base. No error; the result is the
// selector of a descriptor with that base (0x0f, 0x37 in a 32-bit kernel),
// which the kernel also puts into GS, now and whenever it delivers a signal to
// this thread (xnu-1504 osfmk/i386/pcb.c, bsd/dev/i386/unix_signal.c:sendsig): no
// other selector would do for TLS. The linker puts g at 0x18(GS)
// (cmd/link/internal/ld/rawdarwin386.go:computeTLSOffset).
//
// setldt(slot uintptr, base unsafe.Pointer, size uintptr) is how rt0_go calls
// it, with the address of m.tls; slot and size do not matter.
TEXT runtime·setldt(SB),NOSPLIT,$8-12
	MOVL	base+4(FP), AX
	SUBL	$0x18, AX
	MOVL	AX, 4(SP)
	MOVL	$XNU_thread_fast_set_cthread_self, AX
	INT	$0x82
	MOVW	AX, GS
	RET

// Where the kernel enters the program with a signal. From 4(SP) up lie the
// handler that sigaction was given, the style of the frame, the signal, the
// siginfo, the ucontext and a token (from 10.14); the word at 0(SP) is no
// return address. SP is 12 modulo 16. Signals are blocked, GS is the selector
// that setldt got (xnu-1504 to xnu-4903 bsd/dev/i386/unix_signal.c:sendsig). All
// registers come back from the ucontext, so none need be kept.
//
// sigreturn: ucontext, style, token. Does not return; it fails only if the
// context is bad.
TEXT runtime·sigtramp(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	NOP	SP		// disable vet stack checking
	ADJSP	$28
	CLD
	MOVL	40(SP), AX
	MOVL	44(SP), CX
	MOVL	48(SP), DX
	MOVL	AX, 0(SP)
	MOVL	CX, 4(SP)
	MOVL	DX, 8(SP)
	CALL	runtime·sigtrampgo(SB)

	MOVL	48(SP), AX
	MOVL	36(SP), CX
	MOVL	52(SP), DX
	MOVL	AX, 4(SP)
	MOVL	CX, 8(SP)
	MOVL	DX, 12(SP)
	MOVL	$XNU_sigreturn, AX
	INT	$0x80
	INT	$3

// sigfwd calls a handler that is not Go's by the C calling convention.
TEXT runtime·sigfwd(SB),NOSPLIT,$0-16
	MOVL	fn+0(FP), AX
	MOVL	sig+4(FP), CX
	MOVL	info+8(FP), DX
	MOVL	ctx+12(FP), BX
	MOVL	SP, SI		// kept by the callee
	SUBL	$16, SP
	ANDL	$~15, SP
	MOVL	CX, 0(SP)
	MOVL	DX, 4(SP)
	MOVL	BX, 8(SP)
	CALL	AX
	MOVL	SI, SP
	RET

// entryRefused throws: kernel entry CX failed with the error in AX.
// A TEXT without a frame jumps here.
TEXT runtime·entryRefused(SB),NOSPLIT,$8-0
	MOVL	CX, 0(SP)
	MOVL	AX, 4(SP)
	CALL	runtime·kernelRefused(SB)
	INT	$3

// func rdtsc() uint64
TEXT runtime·rdtsc(SB),NOSPLIT,$0-8
	LFENCE
	RDTSC
	LFENCE
	MOVL	AX, ret_lo+0(FP)
	MOVL	DX, ret_hi+4(FP)
	RET

// syscallN_trampoline calls the stub of a libcCallInfo (at 4(SP)), itself called
// by asmcgocall on the g0 stack.
TEXT runtime·syscallN_trampoline(SB),NOSPLIT,$0
	NOP	SP		// disable vet stack checking
	MOVL	4(SP), BX
	MOVL	SP, BP		// both are kept by the stub
	MOVL	libcCallInfo_args(BX), SI
	MOVL	libcCallInfo_n(BX), CX
	LEAL	(CX*4), DX
	SUBL	DX, SP
	ANDL	$~15, SP
	MOVL	SP, DI
	CLD
	REP;	MOVSL
	MOVL	libcCallInfo_fn(BX), AX
	CALL	AX
	MOVL	BP, SP
	MOVL	AX, libcCallInfo_r1(BX)
	MOVL	DX, libcCallInfo_r2(BX)
	MOVL	CX, libcCallInfo_err(BX)
	RET
