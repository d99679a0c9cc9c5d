// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

#include "textflag.h"

#define SYS_write 1
#define SYS_rt_sigreturn 15
#define SI_TKILL -6

// func addrs() (handler, restorer uintptr)
TEXT ·addrs(SB), NOSPLIT, $0-16
	LEAQ	·handler(SB), AX
	MOVQ	AX, handler+0(FP)
	LEAQ	·restorer(SB), AX
	MOVQ	AX, restorer+8(FP)
	RET

// The kernel enters here: DI = signal, SI = siginfo, DX = ucontext; the stack
// is the thread's signal stack. Nothing but the syscall-clobbered registers
// is used, and those the kernel restores.
TEXT ·handler(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	PUSHQ	$0x202			// AC would hurt Go code
	POPFQ
	LEAQ	·kind(SB), AX
	MOVBLZX	(AX)(DI*1), AX
	MOVL	8(SI), CX		// si_code
	CMPL	AX, $2			// chainFaults
	JNE	own
	CMPL	CX, $0
	JGT	chain
	JMP	record
own:
	CMPL	AX, $3			// chainOwn
	JNE	pipe
	CMPL	CX, $SI_TKILL
	JNE	record
	MOVL	16(SI), R8		// si_pid
	CMPL	R8, ·ownPid(SB)
	JEQ	chain
	JMP	record
pipe:
	CMPL	AX, $5			// toThread
	JEQ	timer
	CMPL	AX, $4			// dropOwn
	JNE	record
	MOVL	16(SI), R8
	CMPL	R8, ·ownPid(SB)
	JEQ	done
record:
	LEAQ	·queued(SB), AX
	LOCK
	BTSQ	DI, (AX)
	JCS	done
	CMPB	·inNote(SB), $0
	JNE	note
	SUBQ	$40, SP
	MOVL	DI, 0(SP)
	MOVL	CX, 4(SP)
	MOVQ	16(SI), AX		// si_pid, si_uid
	MOVQ	AX, 8(SP)
	MOVL	24(SI), AX		// si_status
	MOVL	AX, 16(SP)
	MOVL	$0, 20(SP)
	MOVL	·writeFD(SB), DI
	MOVQ	SP, SI
	MOVL	$24, DX
	MOVL	$SYS_write, AX
	SYSCALL
	ADDQ	$40, SP
done:
	RET

timer:
	// Note the signal in the thread's third word and kick the thread: it
	// leaves the guest here and now.
	MOVQ	0(FS), R11
	TESTQ	R11, R11
	JEQ	record
kick:
	MOVQ	$1, AX
	MOVQ	DI, CX
	SHLQ	CX, AX
	ORQ	16(FS), AX
	MOVQ	AX, 16(FS)
	MOVQ	·pendingOffset(SB), AX
	MOVL	$1, (R11)(AX*1)
	MOVQ	·kickHandler(SB), AX
	JMP	AX

note:
	// The only thread of this process is bound.
	MOVQ	0(FS), R11
	LEAQ	·noted(SB), R8
	MOVQ	DI, R9
	SHLQ	$5, R9
	ADDQ	R9, R8
	MOVL	DI, 0(R8)
	MOVL	CX, 4(R8)
	MOVQ	16(SI), AX
	MOVQ	AX, 8(R8)
	MOVL	24(SI), AX
	MOVL	AX, 16(R8)
	MOVL	·order(SB), AX
	INCL	AX
	MOVL	AX, ·order(SB)
	MOVL	AX, 20(R8)
	JMP	kick

chain:
	LEAQ	·old(SB), AX
	MOVQ	(AX)(DI*8), AX
	JMP	AX

// func TakeTimers() (set uint64)
TEXT ·TakeTimers(SB), NOSPLIT|NOFRAME, $0-8
	XORL	AX, AX
	XCHGQ	AX, 16(FS)
	MOVQ	AX, set+0(FP)
	RET

TEXT ·restorer(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVL	$SYS_rt_sigreturn, AX
	SYSCALL
	INT	$3
