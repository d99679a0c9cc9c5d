// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios

#include "textflag.h"

#define UNIX 0x2000000
#define MACH 0x1000000
#define MDEP 0x3000000

// Give this thread thread-local storage at DI, so that it has a g.
#define SETG \
	MOVL	$(MDEP+3), AX \
	SYSCALL \
	LEAQ	·g0(SB), AX \
	MOVQ	AX, (TLS)

// The kernel starts the program here: argc at 0(SP), argv above.
TEXT ·entry(SB), NOSPLIT|NOFRAME, $0
	MOVQ	SP, BX
	ANDQ	$~15, SP
	SUBQ	$64, SP
	LEAQ	·mainThread(SB), DI
	SETG
	MOVQ	BX, 0(SP)
	CALL	·start(SB)
	INT	$3

// A new thread starts here (bsdthread_register): DI = pthread, SI = port,
// DX = func, CX = arg, R8 = stack, R9 = flags. pthread is a *thread.
TEXT ·threadStart(SB), NOSPLIT|NOFRAME, $0
	MOVQ	DI, R12
	MOVQ	SP, (256+0)(R12)
	MOVQ	SI, (256+8)(R12)
	MOVQ	DX, (256+16)(R12)
	MOVQ	CX, (256+24)(R12)
	MOVQ	R8, (256+32)(R12)
	MOVQ	R9, (256+40)(R12)
	MOVQ	DI, (256+48)(R12)
	SETG
	ANDQ	$~15, SP
	SUBQ	$64, SP
	MOVQ	R12, 0(SP)
	CALL	·threadMain(SB)
	XORL	DI, DI
	XORL	SI, SI
	XORL	DX, DX
	XORL	R10, R10
	MOVL	$(UNIX+361), AX
	SYSCALL
	INT	$3

// func threadStartPC() uintptr
TEXT ·threadStartPC(SB), NOSPLIT, $0-8
	LEAQ	·threadStart(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

// func trampPC() uintptr
TEXT ·trampPC(SB), NOSPLIT, $0-8
	LEAQ	·tramp(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

// The trampoline of all signals. It keeps what the kernel has handed over in
// a frame, calls onSignal, and returns to where the frame then says.
TEXT ·tramp(SB), NOSPLIT|NOFRAME, $0
	LEAQ	-520(SP), SP
	MOVQ	DI, 16(SP)
	MOVQ	SI, 24(SP)
	MOVQ	DX, 32(SP)
	MOVQ	CX, 40(SP)
	MOVQ	R8, 48(SP)
	MOVQ	R9, 56(SP)
	MOVQ	AX, 96(SP)
	MOVQ	BX, 104(SP)
	MOVQ	R12, 112(SP)
	LEAQ	520(SP), AX
	MOVQ	AX, 64(SP)
	PUSHFQ
	POPQ	AX
	MOVQ	AX, 72(SP)
	STMXCSR	80(SP)
	MOVUPS	X7, 128(SP)
	CLD
	LEAQ	16(SP), AX
	MOVQ	AX, 0(SP)
	CALL	·onSignal(SB)
again:
	MOVQ	48(SP), DI
	MOVQ	24(SP), SI
	MOVQ	56(SP), DX
	MOVL	$(UNIX+184), AX
	SYSCALL
	MOVQ	AX, 88(SP)
	LEAQ	16(SP), AX
	MOVQ	AX, 0(SP)
	CALL	·onFailedReturn(SB)
	JMP	again

// func sys7(nr, a1, a2, a3, a4, a5, a6, a7 uintptr) (r1, r2, errno uintptr); a7 is
// not used.
TEXT ·sys7(SB), NOSPLIT, $0-88
	MOVQ	nr+0(FP), AX
	MOVQ	a1+8(FP), DI
	MOVQ	a2+16(FP), SI
	MOVQ	a3+24(FP), DX
	MOVQ	a4+32(FP), R10
	MOVQ	a5+40(FP), R8
	MOVQ	a6+48(FP), R9
	ADDQ	$UNIX, AX
	SYSCALL
	JCS	bad
	MOVQ	AX, r1+64(FP)
	MOVQ	DX, r2+72(FP)
	MOVQ	$0, errno+80(FP)
	RET
bad:
	MOVQ	$-1, r1+64(FP)
	MOVQ	$0, r2+72(FP)
	MOVQ	AX, errno+80(FP)
	RET

// func class(nr uintptr) uintptr makes a system call without arguments, with a
// number that has its class in it.
TEXT ·class(SB), NOSPLIT, $0-16
	MOVQ	nr+0(FP), AX
	SYSCALL
	MOVQ	AX, ret+8(FP)
	RET

// func selfPort() uintptr: Mach trap thread_self
TEXT ·selfPort(SB), NOSPLIT, $0-8
	MOVL	$(MACH+27), AX
	SYSCALL
	MOVQ	AX, ret+0(FP)
	RET

// func killRegs(r *regs) makes kill(r.di, r.si, r.dx) with all registers as r says,
// and puts into r what they are afterwards.
TEXT ·killRegs(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ	8(SP), AX
	PUSHQ	BP
	PUSHQ	AX
	MOVQ	SP, ·interruptedSP(SB)
	MOVQ	8(AX), BX
	MOVQ	24(AX), DX
	MOVQ	32(AX), DI
	MOVQ	40(AX), SI
	MOVQ	48(AX), BP
	MOVQ	64(AX), R8
	MOVQ	72(AX), R9
	MOVQ	80(AX), R10
	MOVQ	96(AX), R12
	MOVQ	104(AX), R13
	MOVQ	112(AX), R14
	MOVQ	120(AX), R15
	MOVUPS	128(AX), X7
	MOVL	$(UNIX+37), AX
	SYSCALL
	XCHGQ	AX, 0(SP)
	MOVQ	BX, 8(AX)
	MOVQ	DX, 24(AX)
	MOVQ	DI, 32(AX)
	MOVQ	SI, 40(AX)
	MOVQ	BP, 48(AX)
	MOVQ	R8, 64(AX)
	MOVQ	R9, 72(AX)
	MOVQ	R10, 80(AX)
	MOVQ	R12, 96(AX)
	MOVQ	R13, 104(AX)
	MOVQ	R14, 112(AX)
	MOVQ	R15, 120(AX)
	MOVUPS	X7, 128(AX)
	POPQ	BX
	MOVQ	BX, 0(AX)
	POPQ	BP
	RET

// func killEscape(pid, sig uintptr) makes kill(pid, sig, 1) and returns when a
// handler calls escape, or when kill does.
TEXT ·killEscape(SB), NOSPLIT|NOFRAME, $0-16
	MOVQ	8(SP), DI
	MOVQ	16(SP), SI
	MOVQ	SP, ·escapeSP(SB)
	MOVQ	BP, ·escapeBP(SB)
	MOVL	$1, DX
	MOVL	$(UNIX+37), AX
	SYSCALL
	JMP	·escape(SB)

TEXT ·escape(SB), NOSPLIT|NOFRAME, $0
	MOVQ	·escapeSP(SB), SP
	MOVQ	·escapeBP(SB), BP
	RET

// func fault(kind, addr uintptr) executes an instruction that faults; onSignal
// continues behind it.
TEXT ·fault(SB), NOSPLIT, $0-16
	MOVQ	kind+0(FP), AX
	MOVQ	addr+8(FP), CX
	CMPL	AX, $0
	JNE	k1
	BYTE	$0x8b; BYTE $0x01			// mov (%rcx), %eax
	RET
k1:
	CMPL	AX, $1
	JNE	k2
	BYTE	$0x88; BYTE $0x01			// mov %al, (%rcx)
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
