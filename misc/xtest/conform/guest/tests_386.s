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
	LEAL	-844(SP), SP
	MOVL	AX, 60(SP)
	MOVL	BX, 64(SP)
	MOVL	CX, 68(SP)
	MOVL	DX, 72(SP)
	MOVL	DI, 76(SP)
	MOVL	SI, 80(SP)
	MOVL	BP, 84(SP)
	LEAL	844(SP), AX
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
	LEAL	304(SP), AX
	BYTE	$0x0f; BYTE $0xae; BYTE $0x00		// fxsave (%eax)
	CMPB	·hasAVX(SB), $0
	JEQ	noavx
	VORPS	Y1, Y0, Y0
	VORPS	Y2, Y0, Y0
	VORPS	Y3, Y0, Y0
	VORPS	Y4, Y0, Y0
	VORPS	Y5, Y0, Y0
	VORPS	Y6, Y0, Y0
	VORPS	Y7, Y0, Y0
	VMOVUPS	Y0, 88(SP)
noavx:
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

// func killRegs(r *regs) makes kill(r.sp, SIGUSR1, 1) with all registers and the
// flags as r says, and puts into r what they are afterwards.
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
	FINIT
	FLDCW	·fpuControl(SB)
	FLDPI
	FLD1
	CMPB	·useZMM(SB), $0
	JNE	loadz
	CMPB	·hasAVX(SB), $0
	JNE	loady
	MOVUPS	(48+64*0)(AX), X0
	MOVUPS	(48+64*1)(AX), X1
	MOVUPS	(48+64*2)(AX), X2
	MOVUPS	(48+64*3)(AX), X3
	MOVUPS	(48+64*4)(AX), X4
	MOVUPS	(48+64*5)(AX), X5
	MOVUPS	(48+64*6)(AX), X6
	MOVUPS	(48+64*7)(AX), X7
	JMP	loaded
loady:
	VMOVUPS	(48+64*0)(AX), Y0
	VMOVUPS	(48+64*1)(AX), Y1
	VMOVUPS	(48+64*2)(AX), Y2
	VMOVUPS	(48+64*3)(AX), Y3
	VMOVUPS	(48+64*4)(AX), Y4
	VMOVUPS	(48+64*5)(AX), Y5
	VMOVUPS	(48+64*6)(AX), Y6
	VMOVUPS	(48+64*7)(AX), Y7
	JMP	loaded
loadz:
	VMOVUPS	(48+64*0)(AX), Z0
	VMOVUPS	(48+64*1)(AX), Z1
	VMOVUPS	(48+64*2)(AX), Z2
	VMOVUPS	(48+64*3)(AX), Z3
	VMOVUPS	(48+64*4)(AX), Z4
	VMOVUPS	(48+64*5)(AX), Z5
	VMOVUPS	(48+64*6)(AX), Z6
	VMOVUPS	(48+64*7)(AX), Z7
	KMOVQ	(560+8*0)(AX), K0
	KMOVQ	(560+8*1)(AX), K1
	KMOVQ	(560+8*2)(AX), K2
	KMOVQ	(560+8*3)(AX), K3
	KMOVQ	(560+8*4)(AX), K4
	KMOVQ	(560+8*5)(AX), K5
	KMOVQ	(560+8*6)(AX), K6
	KMOVQ	(560+8*7)(AX), K7
loaded:
	LDMXCSR	·vectorControl(SB)
	PUSHL	32(AX)
	POPFL
	MOVL	4(AX), BX
	MOVL	8(AX), CX
	MOVL	12(AX), DX
	MOVL	16(AX), DI
	MOVL	20(AX), SI
	MOVL	24(AX), BP
	MOVL	$37, AX
	INT	$0x80
	PUSHFL
	CLD
	XCHGL	AX, 20(SP)
	MOVL	BX, 4(AX)
	MOVL	CX, 8(AX)
	MOVL	DX, 12(AX)
	MOVL	DI, 16(AX)
	MOVL	SI, 20(AX)
	MOVL	BP, 24(AX)
	MOVL	36(AX), CX
	BYTE	$0x0f; BYTE $0xae; BYTE $0x01		// fxsave (%ecx)
	FINIT
	LDMXCSR	·usualControl(SB)
	CMPB	·useZMM(SB), $0
	JNE	storez
	CMPB	·hasAVX(SB), $0
	JNE	storey
	MOVUPS	X0, (48+64*0)(AX)
	MOVUPS	X1, (48+64*1)(AX)
	MOVUPS	X2, (48+64*2)(AX)
	MOVUPS	X3, (48+64*3)(AX)
	MOVUPS	X4, (48+64*4)(AX)
	MOVUPS	X5, (48+64*5)(AX)
	MOVUPS	X6, (48+64*6)(AX)
	MOVUPS	X7, (48+64*7)(AX)
	JMP	stored
storey:
	VMOVUPS	Y0, (48+64*0)(AX)
	VMOVUPS	Y1, (48+64*1)(AX)
	VMOVUPS	Y2, (48+64*2)(AX)
	VMOVUPS	Y3, (48+64*3)(AX)
	VMOVUPS	Y4, (48+64*4)(AX)
	VMOVUPS	Y5, (48+64*5)(AX)
	VMOVUPS	Y6, (48+64*6)(AX)
	VMOVUPS	Y7, (48+64*7)(AX)
	JMP	stored
storez:
	VMOVUPS	Z0, (48+64*0)(AX)
	VMOVUPS	Z1, (48+64*1)(AX)
	VMOVUPS	Z2, (48+64*2)(AX)
	VMOVUPS	Z3, (48+64*3)(AX)
	VMOVUPS	Z4, (48+64*4)(AX)
	VMOVUPS	Z5, (48+64*5)(AX)
	VMOVUPS	Z6, (48+64*6)(AX)
	VMOVUPS	Z7, (48+64*7)(AX)
	KMOVQ	K0, (560+8*0)(AX)
	KMOVQ	K1, (560+8*1)(AX)
	KMOVQ	K2, (560+8*2)(AX)
	KMOVQ	K3, (560+8*3)(AX)
	KMOVQ	K4, (560+8*4)(AX)
	KMOVQ	K5, (560+8*5)(AX)
	KMOVQ	K6, (560+8*6)(AX)
	KMOVQ	K7, (560+8*7)(AX)
stored:
	POPL	CX
	MOVL	CX, 32(AX)
	POPL	DX
	POPL	DX
	POPL	DX
	POPL	DX
	POPL	BX
	MOVL	BX, 0(AX)
	POPL	BP
	RET

// func cpuid(leaf, sub uint32) (a, b, c, d uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-24
	MOVL	leaf+0(FP), AX
	MOVL	sub+4(FP), CX
	CPUID
	MOVL	AX, a+8(FP)
	MOVL	BX, b+12(FP)
	MOVL	CX, c+16(FP)
	MOVL	DX, d+20(FP)
	RET

// func xgetbv() uint32
TEXT ·xgetbv(SB), NOSPLIT, $0-4
	XORL	CX, CX
	XGETBV
	MOVL	AX, ret+0(FP)
	RET

// func trap(nr, a1, a2, a3, a4, a5, a6, a7, a8 uintptr) uintptr makes a Mach trap.
TEXT ·trap(SB), NOSPLIT, $36-40
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
	MOVL	a8+32(FP), AX
	MOVL	AX, 32(SP)
	MOVL	nr+0(FP), AX
	NEGL	AX
	INT	$0x81
	MOVL	AX, ret+36(FP)
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
	CMPL	AX, $5
	JNE	k6
	XORL	DX, DX
	XORL	CX, CX
	BYTE	$0xf7; BYTE $0xf1			// div %ecx
	RET
k6:
	CMPL	AX, $6
	JNE	k7
	LDMXCSR	·divideControl(SB)
	MOVL	$0x3f800000, AX
	MOVL	AX, X1
	XORPS	X2, X2
	BYTE	$0xf3; BYTE $0x0f; BYTE $0x5e; BYTE $0xca	// divss %xmm2, %xmm1
	LDMXCSR	·usualControl(SB)
	RET
k7:
	CMPL	AX, $7
	JNE	k8
	FINIT
	FLDCW	·fpuDivide(SB)
	FLDZ
	FLD1
	BYTE	$0xd8; BYTE $0xf1			// fdiv %st(1), %st
	BYTE	$0x9b					// fwait
	FINIT
	RET
k8:
	CMPL	AX, $8
	JNE	k9
	PUSHFL
	ORL	$0x100, 0(SP)
	POPFL
	BYTE	$0x90					// nop
	RET
k9:
	CMPL	AX, $9
	JNE	k11
	JMP	CX
k11:
	CMPL	AX, $11
	JNE	k12
	MOVL	$0x7fffffff, AX
	ADDL	$1, AX
	BYTE	$0xce					// into
	RET
k12:
	MOVL	$5, AX
	LEAL	·boundPair(SB), CX
	BYTE	$0x62; BYTE $0x01			// bound %eax, (%ecx)
	RET
