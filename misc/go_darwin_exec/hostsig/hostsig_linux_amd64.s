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
	CMPL	AX, $4			// dropOwn
	JNE	record
	MOVL	16(SI), R8
	CMPL	R8, ·ownPid(SB)
	JEQ	done
record:
	SUBQ	$40, SP
	MOVL	DI, 0(SP)
	MOVL	CX, 4(SP)
	MOVQ	16(SI), AX		// si_pid, si_uid
	MOVQ	AX, 8(SP)
	MOVL	24(SI), AX		// si_status
	MOVL	AX, 16(SP)
	MOVL	$0, 20(SP)
	MOVQ	0(FS), AX		// the thread's *vcpu.Ctx
	MOVQ	AX, 24(SP)
	MOVL	·writeFD(SB), DI
	MOVQ	SP, SI
	MOVL	$32, DX
	MOVL	$SYS_write, AX
	SYSCALL
	ADDQ	$40, SP
done:
	RET

chain:
	LEAQ	·old(SB), AX
	MOVQ	(AX)(DI*8), AX
	JMP	AX

TEXT ·restorer(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVL	$SYS_rt_sigreturn, AX
	SYSCALL
	INT	$3
