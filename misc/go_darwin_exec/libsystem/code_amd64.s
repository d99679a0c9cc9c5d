// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

#include "textflag.h"

// The machine code of libSystem: it is copied into the guest and runs there, in
// the convention of C. It must be position independent: no symbols, jumps within
// this text only. libsystem.go finds each part by its mark, which is an
// instruction without effect, and replaces the placeholders.

#define MARK(n) BYTE $0x0f; BYTE $0x1f; BYTE $0x80; LONG $(0x6c696200+n)

#define SIGTRAMP    $0x676f786e75000001
#define THREADSTART $0x676f786e75000002
#define ENTRY       $0x676f786e75000003
#define THREAD      $0x676f786e75000004
#define MAIN        $0x676f786e75000005

// Calls of the kernel, by class. They destroy CX and R11; CF is set with an error
// number in AX.
#define UNIX(n) MOVL $(0x2000000+n), AX; SYSCALL
#define MACH(n) MOVL $(0x1000000+n), AX; SYSCALL
#define MDEP(n) MOVL $(0x3000000+n), AX; SYSCALL

#define SYS_exit                   1
#define SYS_fork                   2
#define SYS_pipe                   42
#define SYS_sigaction              46
#define SYS_munmap                 73
#define SYS_mprotect               74
#define SYS_select                 93
#define SYS_gettimeofday           116
#define SYS_sigreturn              184
#define SYS_mmap                   197
#define SYS_pthread_kill           328
#define SYS_pthread_sigmask        329
#define SYS_disable_threadsignal   331
#define SYS_bsdthread_create       360
#define SYS_bsdthread_terminate    361
#define SYS_bsdthread_register     366
#define SYS_ulock_wait             515
#define SYS_ulock_wake             516
#define TRAP_thread_self           27
#define TRAP_mach_timebase_info    89
#define MDEP_set_cthread_self      3

// A pthread, and the thread's own data (TSD) in it, which GS points to: slot 0 is the
// pthread, slot 1 the address of errno, slot 3 the name of the thread's port. Slot 6
// is a Go program's g.
#define pthread_freeaddr 0x48
#define pthread_freesize 0x50
#define pthread_errno    0x60
#define pthread_tsd      0xe0
#define pthread_tsd1     0xe8
#define pthread_port     0xf8

#define TSD_SELF(reg)  BYTE $0x65; BYTE $0x48; BYTE $0x8b; BYTE $(0x04+8*reg); BYTE $0x25; LONG $0
#define TSD_ERRNO(reg) BYTE $0x65; BYTE $0x48; BYTE $0x8b; BYTE $(0x04+8*reg); BYTE $0x25; LONG $8
#define rAX 0
#define rCX 1
#define rBX 3

#define GUARD       0x1000
#define PTHREAD     0x2000   // memory of a pthread, above its stack
#define STACKSIZE   0x80000  // default

#define EAGAIN      35
#define ETIMEDOUT   60

#define UL_COMPARE_AND_WAIT 1

// Of a mutex, word 16 is 0 unlocked, 1 locked, 2 locked with waiters; of a condition
// variable it counts the signals.
#define WORD 16

// func code() uintptr
TEXT ·code(SB), NOSPLIT, $0-8
	LEAQ	·guest(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

TEXT ·guest(SB), NOSPLIT|NOFRAME, $0-0
	MARK(1) // .start: what dyld and libpthread do before the program begins
	MOVQ	SP, R12
	SUBQ	$32, SP
	ANDQ	$~15, SP
	MOVQ	$pthread_tsd, 8(SP)	// the seventh argument
	MOVQ	THREADSTART, DI
	XORL	SI, SI
	MOVL	$0x1000, DX
	XORL	R10, R10
	XORL	R8, R8
	XORL	R9, R9
	UNIX(SYS_bsdthread_register)
	MOVQ	THREAD, BX
	MACH(TRAP_thread_self)
	MOVL	AX, pthread_port(BX)
	MOVQ	BX, pthread_tsd(BX)
	LEAQ	pthread_errno(BX), AX
	MOVQ	AX, pthread_tsd1(BX)
	LEAQ	pthread_tsd(BX), DI
	MDEP(MDEP_set_cthread_self)
	MOVQ	R12, SP
	MOVQ	ENTRY, AX
	MOVQ	MAIN, CX
	XORL	DI, DI
	XORL	SI, SI
	XORL	DX, DX
	XORL	BX, BX
	XORL	R12, R12
	TESTQ	CX, CX
	JNE	callmain
	JMP	AX
callmain:
	// main(argc, argv, envp, apple), then exit
	MOVL	0(SP), DI
	LEAQ	8(SP), SI
	LEAQ	8(SI)(DI*8), DX
	MOVQ	DX, CX
apple:
	ADDQ	$8, CX
	CMPQ	-8(CX), $0
	JNE	apple
	ANDQ	$~15, SP
	CALL	AX
	MOVL	AX, DI
	UNIX(SYS_exit)
	INT	$3

	MARK(2) // .threadstart(pthread, port, fn, arg, stack, flags)
	MOVQ	DI, BX
	MOVQ	DX, R12
	MOVQ	CX, R13
	MOVL	SI, pthread_port(BX)
	TESTL	$0x10000000, R9		// the kernel has set GS
	JNE	tsdset
	LEAQ	pthread_tsd(BX), DI
	MDEP(MDEP_set_cthread_self)
tsdset:
	MOVQ	R8, SP
	ANDQ	$~15, SP
	XORL	BP, BP
	MOVQ	R13, DI
	CALL	R12
	// The end of the thread. No signal comes from here on.
	MOVL	$1, DI
	UNIX(SYS_disable_threadsignal)
	TSD_SELF(rBX)
	MOVQ	pthread_freeaddr(BX), DI
	MOVQ	pthread_freesize(BX), SI
	MOVL	pthread_port(BX), DX
	XORL	R10, R10
	UNIX(SYS_bsdthread_terminate)
	INT	$3

	MARK(3) // pthread_create(thread, attr, fn, arg)
	PUSHQ	BX
	PUSHQ	BP
	PUSHQ	R12
	PUSHQ	R13
	PUSHQ	R14
	PUSHQ	R15
	MOVQ	DI, R12
	MOVQ	DX, R13
	MOVQ	CX, R14
	MOVL	$STACKSIZE, R15
	TESTQ	SI, SI
	JEQ	noattr
	MOVQ	8(SI), R15
noattr:
	XORL	DI, DI
	LEAQ	(GUARD+PTHREAD)(R15), SI
	MOVL	$3, DX			// PROT_READ|PROT_WRITE
	MOVL	$0x1002, R10		// MAP_ANON|MAP_PRIVATE
	MOVQ	$-1, R8
	XORL	R9, R9
	UNIX(SYS_mmap)
	JCS	createfail
	MOVQ	AX, BP
	MOVQ	AX, DI
	MOVL	$GUARD, SI
	XORL	DX, DX
	UNIX(SYS_mprotect)
	LEAQ	GUARD(BP)(R15*1), BX
	MOVQ	BP, pthread_freeaddr(BX)
	LEAQ	(GUARD+PTHREAD)(R15), AX
	MOVQ	AX, pthread_freesize(BX)
	MOVQ	BX, pthread_tsd(BX)
	LEAQ	pthread_errno(BX), AX
	MOVQ	AX, pthread_tsd1(BX)
	MOVQ	BX, 0(R12)		// before the thread can end
	MOVQ	R13, DI
	MOVQ	R14, SI
	MOVQ	BX, DX			// stack
	MOVQ	BX, R10			// pthread
	MOVL	$0x01000000, R8		// PTHREAD_START_CUSTOM
	UNIX(SYS_bsdthread_create)
	JCS	createunmap
	XORL	AX, AX
created:
	POPQ	R15
	POPQ	R14
	POPQ	R13
	POPQ	R12
	POPQ	BP
	POPQ	BX
	RET
createunmap:
	MOVQ	BP, DI
	LEAQ	(GUARD+PTHREAD)(R15), SI
	UNIX(SYS_munmap)
createfail:
	MOVL	$EAGAIN, AX
	JMP	created

	MARK(4) // pthread_mutex_lock
	XORL	AX, AX
	MOVL	$1, CX
	LOCK
	CMPXCHGL	CX, WORD(DI)
	JEQ	zero
	MOVQ	DI, R9
lockslow:
	MOVL	$2, AX
	XCHGL	AX, WORD(R9)
	TESTL	AX, AX
	JEQ	zero
	MOVL	$UL_COMPARE_AND_WAIT, DI
	LEAQ	WORD(R9), SI
	MOVL	$2, DX
	XORL	R10, R10
	UNIX(SYS_ulock_wait)		// also after EINTR the lock is tried again
	JMP	lockslow
zero:
	XORL	AX, AX
	RET

	MARK(5) // pthread_mutex_unlock
	XORL	AX, AX
	XCHGL	AX, WORD(DI)
	CMPL	AX, $2
	JNE	zero
	LEAQ	WORD(DI), SI
	MOVL	$UL_COMPARE_AND_WAIT, DI
	XORL	DX, DX
	UNIX(SYS_ulock_wake)
	JMP	zero

	MARK(6) // pthread_cond_wait(c, m)
	XORL	DX, DX
	MARK(7) // pthread_cond_timedwait_relative_np(c, m, timeout)
	PUSHQ	BX
	PUSHQ	R12
	PUSHQ	R13
	PUSHQ	R14
	MOVQ	DI, R12
	MOVQ	SI, R13
	MOVL	$ETIMEDOUT, BX		// what a timeout comes out as
	XORL	R10, R10		// microseconds; 0 is forever
	TESTQ	DX, DX
	JEQ	condforever
	MOVQ	8(DX), AX
	MOVQ	0(DX), R8
	ADDQ	$999, AX
	XORL	DX, DX
	MOVL	$1000, CX
	DIVQ	CX
	MOVQ	AX, R10
	CMPQ	R8, $4000		// the argument has 32 bits
	JLS	condfits
	MOVL	$4000, R8
	XORL	BX, BX			// woken without a reason
condfits:
	IMULQ	$1000000, R8
	ADDQ	R8, R10
	JNE	condforever
	INCQ	R10
condforever:
	MOVL	WORD(R12), R14		// signals so far: one after the unlock changes it
	XORL	AX, AX
	XCHGL	AX, WORD(R13)
	CMPL	AX, $2
	JNE	condunlocked
	MOVQ	R10, R8
	LEAQ	WORD(R13), SI
	MOVL	$UL_COMPARE_AND_WAIT, DI
	XORL	DX, DX
	XORL	R10, R10
	UNIX(SYS_ulock_wake)
	MOVQ	R8, R10
condunlocked:
	MOVL	$UL_COMPARE_AND_WAIT, DI
	LEAQ	WORD(R12), SI
	MOVL	R14, DX
	UNIX(SYS_ulock_wait)
	MOVL	$0, R14			// MOVL leaves CF
	JCC	condrelock
	CMPL	AX, $ETIMEDOUT		// EINTR is a wakeup without a reason
	JNE	condrelock
	MOVL	BX, R14
condrelock:
	XORL	AX, AX
	MOVL	$1, CX
	LOCK
	CMPXCHGL	CX, WORD(R13)
	JEQ	condlocked
condslow:
	MOVL	$2, AX
	XCHGL	AX, WORD(R13)
	TESTL	AX, AX
	JEQ	condlocked
	MOVL	$UL_COMPARE_AND_WAIT, DI
	LEAQ	WORD(R13), SI
	MOVL	$2, DX
	XORL	R10, R10
	UNIX(SYS_ulock_wait)
	JMP	condslow
condlocked:
	MOVL	R14, AX
	POPQ	R14
	POPQ	R13
	POPQ	R12
	POPQ	BX
	RET

	MARK(8) // pthread_cond_signal
	LOCK
	INCL	WORD(DI)
	LEAQ	WORD(DI), SI
	MOVL	$UL_COMPARE_AND_WAIT, DI
	XORL	DX, DX
	UNIX(SYS_ulock_wake)
	XORL	AX, AX
	RET

	MARK(9) // pthread_mutex_init, pthread_cond_init
	MOVQ	$0, 8(DI)
	MOVQ	$0, WORD(DI)
	XORL	AX, AX
	RET

	MARK(10) // pthread_self
	TSD_SELF(rAX)
	RET

	MARK(11) // __error
	TSD_ERRNO(rAX)
	RET

	MARK(12) // pthread_attr_init
	MOVQ	$0x54485244, 0(DI)	// _PTHREAD_ATTR_SIG
	MOVQ	$STACKSIZE, 8(DI)
	MOVQ	$0, 16(DI)
	XORL	AX, AX
	RET

	MARK(13) // pthread_attr_getstacksize
	MOVQ	8(DI), AX
	MOVQ	AX, 0(SI)
	XORL	AX, AX
	RET

	MARK(14) // pthread_attr_setdetachstate
	MOVQ	SI, 16(DI)
	XORL	AX, AX
	RET

	MARK(15) // pthread_attr_setstacksize
	MOVQ	SI, 8(DI)
	XORL	AX, AX
	RET

	MARK(16) // sigaction(sig, new, old): the kernel's struct has a trampoline more
	SUBQ	$24, SP
	TESTQ	SI, SI
	JEQ	sigget
	MOVQ	0(SI), AX
	MOVQ	AX, 0(SP)
	MOVQ	SIGTRAMP, AX
	MOVQ	AX, 8(SP)
	MOVQ	8(SI), AX
	MOVQ	AX, 16(SP)
	MOVQ	SP, SI
sigget:
	UNIX(SYS_sigaction)
	JCS	fail24
	ADDQ	$24, SP
	XORL	AX, AX
	RET
fail24:
	ADDQ	$24, SP
	JMP	cerror

	MARK(17) // .sigtramp(handler, style, sig, info, uctx, token)
	SUBQ	$24, SP
	ANDQ	$~15, SP
	SUBQ	$32, SP
	MOVQ	R8, 0(SP)
	MOVQ	SI, 8(SP)
	MOVQ	R9, 16(SP)
	MOVQ	DI, AX
	MOVL	DX, DI
	MOVQ	CX, SI
	MOVQ	R8, DX
	CALL	AX
	MOVQ	0(SP), DI
	MOVQ	8(SP), SI
	MOVQ	16(SP), DX
	UNIX(SYS_sigreturn)
	INT	$3

	MARK(18) // pthread_sigmask: returns the error
	UNIX(SYS_pthread_sigmask)
	JCS	sigmaskfail
	XORL	AX, AX
sigmaskfail:
	RET

	MARK(19) // raise: by the name that the thread has in this process, also after a fork
	MOVL	DI, SI
	MACH(TRAP_thread_self)
	MOVL	AX, DI
	UNIX(SYS_pthread_kill)
	JCS	cerror
	RET

	MARK(20) // pipe(fds)
	MOVQ	DI, R9
	UNIX(SYS_pipe)
	JCS	cerror
	MOVL	AX, 0(R9)
	MOVL	DX, 4(R9)
	XORL	AX, AX
	RET

	MARK(21) // fork
	UNIX(SYS_fork)
	JCS	cerror
	TESTL	DX, DX
	JEQ	forked
	XORL	AX, AX
forked:
	RET

	MARK(22) // gettimeofday(tv, tz): kernels to 10.11 return it, later ones store it
	XORL	DX, DX
	UNIX(SYS_gettimeofday)
	JCS	cerror
	TESTQ	AX, AX
	JEQ	gotday
	TESTQ	DI, DI
	JEQ	gotday
	MOVQ	AX, 0(DI)
	MOVQ	DX, 8(DI)
	XORL	AX, AX
gotday:
	RET

	MARK(23) // .cerror
cerror:
	TSD_ERRNO(rCX)
	MOVL	AX, 0(CX)
	MOVQ	$-1, AX
	MOVQ	$-1, DX
	RET

	MARK(24) // notify_is_valid_token, xpc_date_create_from_current: 0
	XORL	AX, AX
	RET

	MARK(25) // mach_absolute_time: the commpage's recipe
	MOVQ	$0x7fffffe00000, SI
timeretry:
	MOVL	0x68(SI), R8		// generation; 0 while it is written
	TESTL	R8, R8
	JEQ	timeretry
	LFENCE
	RDTSC
	LFENCE
	SHLQ	$32, DX
	ORQ	DX, AX
	SUBQ	0x50(SI), AX
	MOVL	0x5c(SI), CX
	ANDL	$31, CX			// 10.6 and 10.7 have 32 for none
	SHLQ	CX, AX
	MOVL	0x58(SI), CX
	MULQ	CX
	SHRQ	$32, AX
	SHLQ	$32, DX
	ORQ	DX, AX
	ADDQ	0x60(SI), AX
	CMPL	0x68(SI), R8
	JNE	timeretry
	RET

	MARK(26) // mach_timebase_info
	MACH(TRAP_mach_timebase_info)
	RET

	MARK(27) // usleep
	SUBQ	$24, SP
	MOVL	DI, AX
	XORL	DX, DX
	MOVL	$1000000, CX
	DIVL	CX
	MOVQ	AX, 0(SP)
	MOVQ	DX, 8(SP)
	XORL	DI, DI
	XORL	SI, SI
	XORL	DX, DX
	XORL	R10, R10
	MOVQ	SP, R8
	UNIX(SYS_select)
	JCS	fail24
	ADDQ	$24, SP
	XORL	AX, AX
	RET

	MARK(28) // _exit, exit
	UNIX(SYS_exit)
	INT	$3

	MARK(29) // .end
	RET
