// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios

#include "textflag.h"

#define get_tls(r)	MOVL TLS, r
#define g(r)	0(r)(TLS*1)

// Give this thread thread-local storage at DI, so that it has a g. Wipes AX, CX, DX.
#define SETG \
	PUSHL	DI \
	PUSHL	$0 \
	MOVL	$3, AX \
	INT	$0x82 \
	ADDL	$8, SP \
	LEAL	·g0(SB), AX \
	get_tls(CX) \
	MOVL	AX, g(CX)

// The kernel starts the program here: argc at 0(SP), argv above.
TEXT ·entry(SB), NOSPLIT|NOFRAME, $0
	MOVL	SP, BX
	ANDL	$~15, SP
	SUBL	$64, SP
	LEAL	·mainThread(SB), DI
	SETG
	MOVL	BX, 0(SP)
	CALL	·start(SB)
	INT	$3

// A new thread starts here (bsdthread_register): AX = pthread, BX = port,
// CX = func, DX = arg, DI = stack, SI = flags. pthread is a *thread.
TEXT ·threadStart(SB), NOSPLIT|NOFRAME, $0
	MOVL	SP, (256+0)(AX)
	MOVL	BX, (256+4)(AX)
	MOVL	CX, (256+8)(AX)
	MOVL	DX, (256+12)(AX)
	MOVL	DI, (256+16)(AX)
	MOVL	SI, (256+20)(AX)
	MOVL	AX, (256+24)(AX)
	MOVL	AX, BX
	MOVL	AX, DI
	ANDL	$~15, SP
	SUBL	$64, SP
	SETG
	MOVL	BX, 0(SP)
	CALL	·threadMain(SB)
	MOVL	$0, 4(SP)
	MOVL	$0, 8(SP)
	MOVL	$0, 12(SP)
	MOVL	$0, 16(SP)
	MOVL	$361, AX
	INT	$0x80
	INT	$3

// func threadStartPC() uintptr
TEXT ·threadStartPC(SB), NOSPLIT, $0-4
	LEAL	·threadStart(SB), AX
	MOVL	AX, ret+0(FP)
	RET

// func trampPC() uintptr
TEXT ·trampPC(SB), NOSPLIT, $0-4
	LEAL	·tramp(SB), AX
	MOVL	AX, ret+0(FP)
	RET

// The trampoline of all signals, see that of amd64.
TEXT ·tramp(SB), NOSPLIT|NOFRAME, $0
	LEAL	-264(SP), SP
	MOVL	AX, 60(SP)
	MOVL	BX, 64(SP)
	LEAL	264(SP), AX
	MOVL	AX, 40(SP)
	MOVL	4(AX), BX
	MOVL	BX, 16(SP)
	MOVL	8(AX), BX
	MOVL	BX, 20(SP)
	MOVL	12(AX), BX
	MOVL	BX, 24(SP)
	MOVL	16(AX), BX
	MOVL	BX, 28(SP)
	MOVL	20(AX), BX
	MOVL	BX, 32(SP)
	MOVL	24(AX), BX
	MOVL	BX, 36(SP)
	PUSHFL
	POPL	AX
	MOVL	AX, 44(SP)
	STMXCSR	48(SP)
	MOVUPS	X7, 76(SP)
	CLD
	LEAL	16(SP), AX
	MOVL	AX, 0(SP)
	CALL	·onSignal(SB)
again:
	MOVL	32(SP), AX
	MOVL	AX, 4(SP)
	MOVL	20(SP), AX
	MOVL	AX, 8(SP)
	MOVL	36(SP), AX
	MOVL	AX, 12(SP)
	MOVL	$184, AX
	INT	$0x80
	MOVL	AX, 56(SP)
	LEAL	16(SP), AX
	MOVL	AX, 0(SP)
	CALL	·onFailedReturn(SB)
	JMP	again

// func sys7(nr, a1, a2, a3, a4, a5, a6, a7 uintptr) (r1, r2, errno uintptr)
TEXT ·sys7(SB), NOSPLIT, $36-44
	MOVL	a1+4(FP), AX
	MOVL	AX, 4(SP)
	MOVL	a2+8(FP), AX
	MOVL	AX, 8(SP)
	MOVL	a3+12(FP), AX
	MOVL	AX, 12(SP)
	MOVL	a4+16(FP), AX
	MOVL	AX, 16(SP)
	MOVL	a5+20(FP), AX
	MOVL	AX, 20(SP)
	MOVL	a6+24(FP), AX
	MOVL	AX, 24(SP)
	MOVL	a7+28(FP), AX
	MOVL	AX, 28(SP)
	MOVL	$0, 32(SP)
	MOVL	nr+0(FP), AX
	MOVL	$0, DX
	INT	$0x80
	JCS	bad
	MOVL	AX, r1+32(FP)
	MOVL	DX, r2+36(FP)
	MOVL	$0, errno+40(FP)
	RET
bad:
	MOVL	$-1, r1+32(FP)
	MOVL	$0, r2+36(FP)
	MOVL	AX, errno+40(FP)
	RET

// func class(nr uintptr) uintptr; not on this processor
TEXT ·class(SB), NOSPLIT, $0-8
	INT	$3

// func selfPort() uintptr: Mach trap thread_self
TEXT ·selfPort(SB), NOSPLIT, $0-4
	MOVL	$-27, AX
	INT	$0x81
	MOVL	AX, ret+0(FP)
	RET

// func killRegs(r *regs) makes kill(r.sp, SIGUSR1, 1) with all registers as r says,
// and puts into r what they are afterwards.
TEXT ·killRegs(SB), NOSPLIT|NOFRAME, $0-4
	MOVL	4(SP), AX
	PUSHL	BP
	PUSHL	AX
	MOVL	28(AX), CX
	PUSHL	$1
	PUSHL	$30
	PUSHL	CX
	PUSHL	$0
	MOVL	SP, ·interruptedSP(SB)
	MOVL	4(AX), BX
	MOVL	8(AX), CX
	MOVL	16(AX), DI
	MOVL	20(AX), SI
	MOVL	24(AX), BP
	MOVUPS	32(AX), X7
	MOVL	$37, AX
	INT	$0x80
	POPL	DX
	POPL	DX
	POPL	DX
	POPL	DX
	XCHGL	AX, 0(SP)
	MOVL	BX, 4(AX)
	MOVL	CX, 8(AX)
	MOVL	DI, 16(AX)
	MOVL	SI, 20(AX)
	MOVL	BP, 24(AX)
	MOVUPS	X7, 32(AX)
	POPL	BX
	MOVL	BX, 0(AX)
	POPL	BP
	RET

// func killEscape(pid, sig uintptr) makes kill(pid, sig, 1) and returns when a
// handler calls escape, or when kill does.
TEXT ·killEscape(SB), NOSPLIT|NOFRAME, $0-8
	MOVL	4(SP), CX
	MOVL	8(SP), DX
	MOVL	SP, ·escapeSP(SB)
	MOVL	BP, ·escapeBP(SB)
	LEAL	-16(SP), SP
	MOVL	CX, 4(SP)
	MOVL	DX, 8(SP)
	MOVL	$1, 12(SP)
	MOVL	$37, AX
	INT	$0x80
	JMP	·escape(SB)

TEXT ·escape(SB), NOSPLIT|NOFRAME, $0
	MOVL	·escapeSP(SB), SP
	MOVL	·escapeBP(SB), BP
	RET

// func fault(kind, addr uintptr) executes an instruction that faults; onSignal
// continues behind it.
TEXT ·fault(SB), NOSPLIT, $0-8
	MOVL	kind+0(FP), AX
	MOVL	addr+4(FP), CX
	CMPL	AX, $0
	JNE	k1
	BYTE	$0x8b; BYTE $0x01			// mov (%ecx), %eax
	RET
k1:
	CMPL	AX, $1
	JNE	k2
	BYTE	$0x88; BYTE $0x01			// mov %al, (%ecx)
	RET
k2:
	CMPL	AX, $2
	JNE	k3
	BYTE	$0x0f; BYTE $0x0b			// ud2
	RET
k3:
	CMPL	AX, $3
	JNE	k4
	BYTE	$0xcc					// int3
	RET
k4:
	CMPL	AX, $4
	JNE	k5
	BYTE	$0xf4					// hlt
	RET
k5:
	XORL	DX, DX
	XORL	CX, CX
	BYTE	$0xf7; BYTE $0xf1			// div %ecx
	RET
