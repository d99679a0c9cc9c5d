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
	LEAQ	-1096(SP), SP
	MOVQ	DI, 16(SP)
	MOVQ	SI, 24(SP)
	MOVQ	DX, 32(SP)
	MOVQ	CX, 40(SP)
	MOVQ	R8, 48(SP)
	MOVQ	R9, 56(SP)
	MOVQ	AX, 96(SP)
	MOVQ	BX, 104(SP)
	MOVQ	BP, 112(SP)
	MOVQ	R10, 120(SP)
	MOVQ	R11, 128(SP)
	MOVQ	R12, 136(SP)
	MOVQ	R13, 144(SP)
	MOVQ	R14, 152(SP)
	MOVQ	R15, 160(SP)
	LEAQ	1096(SP), AX
	MOVQ	AX, 64(SP)
	PUSHFQ
	POPQ	AX
	MOVQ	AX, 72(SP)
	LEAQ	576(SP), AX
	BYTE	$0x0f; BYTE $0xae; BYTE $0x00		// fxsave (%rax)
	CMPB	·hasAVX(SB), $0
	JEQ	noavx
	VORPS	Y1, Y0, Y0
	VORPS	Y2, Y0, Y0
	VORPS	Y3, Y0, Y0
	VORPS	Y4, Y0, Y0
	VORPS	Y5, Y0, Y0
	VORPS	Y6, Y0, Y0
	VORPS	Y7, Y0, Y0
	VORPS	Y8, Y0, Y0
	VORPS	Y9, Y0, Y0
	VORPS	Y10, Y0, Y0
	VORPS	Y11, Y0, Y0
	VORPS	Y12, Y0, Y0
	VORPS	Y13, Y0, Y0
	VORPS	Y14, Y0, Y0
	VORPS	Y15, Y0, Y0
	VMOVUPS	Y0, 168(SP)
noavx:
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

// func killRegs(r *regs) makes kill(r.di, r.si, r.dx) with all registers, the
// flags and the red zone as r says, and puts into r what they are afterwards.
TEXT ·killRegs(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ	8(SP), AX
	PUSHQ	BP
	PUSHQ	AX
	MOVQ	SP, ·interruptedSP(SB)
	FINIT
	FLDCW	·fpuControl(SB)
	FLDPI
	FLD1
	CMPB	·useZMM(SB), $0
	JNE	loadz
	CMPB	·hasAVX(SB), $0
	JNE	loady
	MOVUPS	(144+64*0)(AX), X0
	MOVUPS	(144+64*1)(AX), X1
	MOVUPS	(144+64*2)(AX), X2
	MOVUPS	(144+64*3)(AX), X3
	MOVUPS	(144+64*4)(AX), X4
	MOVUPS	(144+64*5)(AX), X5
	MOVUPS	(144+64*6)(AX), X6
	MOVUPS	(144+64*7)(AX), X7
	MOVUPS	(144+64*8)(AX), X8
	MOVUPS	(144+64*9)(AX), X9
	MOVUPS	(144+64*10)(AX), X10
	MOVUPS	(144+64*11)(AX), X11
	MOVUPS	(144+64*12)(AX), X12
	MOVUPS	(144+64*13)(AX), X13
	MOVUPS	(144+64*14)(AX), X14
	MOVUPS	(144+64*15)(AX), X15
	JMP	loaded
loady:
	VMOVUPS	(144+64*0)(AX), Y0
	VMOVUPS	(144+64*1)(AX), Y1
	VMOVUPS	(144+64*2)(AX), Y2
	VMOVUPS	(144+64*3)(AX), Y3
	VMOVUPS	(144+64*4)(AX), Y4
	VMOVUPS	(144+64*5)(AX), Y5
	VMOVUPS	(144+64*6)(AX), Y6
	VMOVUPS	(144+64*7)(AX), Y7
	VMOVUPS	(144+64*8)(AX), Y8
	VMOVUPS	(144+64*9)(AX), Y9
	VMOVUPS	(144+64*10)(AX), Y10
	VMOVUPS	(144+64*11)(AX), Y11
	VMOVUPS	(144+64*12)(AX), Y12
	VMOVUPS	(144+64*13)(AX), Y13
	VMOVUPS	(144+64*14)(AX), Y14
	VMOVUPS	(144+64*15)(AX), Y15
	JMP	loaded
loadz:
	VMOVUPS	(144+64*0)(AX), Z0
	VMOVUPS	(144+64*1)(AX), Z1
	VMOVUPS	(144+64*2)(AX), Z2
	VMOVUPS	(144+64*3)(AX), Z3
	VMOVUPS	(144+64*4)(AX), Z4
	VMOVUPS	(144+64*5)(AX), Z5
	VMOVUPS	(144+64*6)(AX), Z6
	VMOVUPS	(144+64*7)(AX), Z7
	VMOVUPS	(144+64*8)(AX), Z8
	VMOVUPS	(144+64*9)(AX), Z9
	VMOVUPS	(144+64*10)(AX), Z10
	VMOVUPS	(144+64*11)(AX), Z11
	VMOVUPS	(144+64*12)(AX), Z12
	VMOVUPS	(144+64*13)(AX), Z13
	VMOVUPS	(144+64*14)(AX), Z14
	VMOVUPS	(144+64*15)(AX), Z15
	VMOVUPS	(144+64*16)(AX), Z16
	VMOVUPS	(144+64*17)(AX), Z17
	VMOVUPS	(144+64*18)(AX), Z18
	VMOVUPS	(144+64*19)(AX), Z19
	VMOVUPS	(144+64*20)(AX), Z20
	VMOVUPS	(144+64*21)(AX), Z21
	VMOVUPS	(144+64*22)(AX), Z22
	VMOVUPS	(144+64*23)(AX), Z23
	VMOVUPS	(144+64*24)(AX), Z24
	VMOVUPS	(144+64*25)(AX), Z25
	VMOVUPS	(144+64*26)(AX), Z26
	VMOVUPS	(144+64*27)(AX), Z27
	VMOVUPS	(144+64*28)(AX), Z28
	VMOVUPS	(144+64*29)(AX), Z29
	VMOVUPS	(144+64*30)(AX), Z30
	VMOVUPS	(144+64*31)(AX), Z31
	KMOVQ	(2192+8*0)(AX), K0
	KMOVQ	(2192+8*1)(AX), K1
	KMOVQ	(2192+8*2)(AX), K2
	KMOVQ	(2192+8*3)(AX), K3
	KMOVQ	(2192+8*4)(AX), K4
	KMOVQ	(2192+8*5)(AX), K5
	KMOVQ	(2192+8*6)(AX), K6
	KMOVQ	(2192+8*7)(AX), K7
loaded:
	LDMXCSR	·vectorControl(SB)
	MOVQ	$0x7a6f6e657a6f6e65, CX
	PUSHQ	128(AX)
	POPFQ
	MOVQ	CX, -8(SP)
	MOVQ	CX, -16(SP)
	MOVQ	CX, -24(SP)
	MOVQ	CX, -32(SP)
	MOVQ	CX, -40(SP)
	MOVQ	CX, -48(SP)
	MOVQ	CX, -56(SP)
	MOVQ	CX, -64(SP)
	MOVQ	CX, -72(SP)
	MOVQ	CX, -80(SP)
	MOVQ	CX, -88(SP)
	MOVQ	CX, -96(SP)
	MOVQ	CX, -104(SP)
	MOVQ	CX, -112(SP)
	MOVQ	CX, -120(SP)
	MOVQ	CX, -128(SP)
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
	MOVL	$(UNIX+37), AX
	SYSCALL
	PUSHFQ
	CLD
	XCHGQ	AX, 8(SP)
	MOVQ	BX, 8(AX)
	MOVQ	CX, 16(AX)
	MOVQ	DX, 24(AX)
	MOVQ	DI, 32(AX)
	MOVQ	SI, 40(AX)
	MOVQ	BP, 48(AX)
	MOVQ	R8, 64(AX)
	MOVQ	R9, 72(AX)
	MOVQ	R10, 80(AX)
	MOVQ	R11, 88(AX)
	MOVQ	R12, 96(AX)
	MOVQ	R13, 104(AX)
	MOVQ	R14, 112(AX)
	MOVQ	R15, 120(AX)
	MOVQ	136(AX), CX
	BYTE	$0x0f; BYTE $0xae; BYTE $0x01		// fxsave (%rcx)
	FINIT
	LDMXCSR	·usualControl(SB)
	CMPB	·useZMM(SB), $0
	JNE	storez
	CMPB	·hasAVX(SB), $0
	JNE	storey
	MOVUPS	X0, (144+64*0)(AX)
	MOVUPS	X1, (144+64*1)(AX)
	MOVUPS	X2, (144+64*2)(AX)
	MOVUPS	X3, (144+64*3)(AX)
	MOVUPS	X4, (144+64*4)(AX)
	MOVUPS	X5, (144+64*5)(AX)
	MOVUPS	X6, (144+64*6)(AX)
	MOVUPS	X7, (144+64*7)(AX)
	MOVUPS	X8, (144+64*8)(AX)
	MOVUPS	X9, (144+64*9)(AX)
	MOVUPS	X10, (144+64*10)(AX)
	MOVUPS	X11, (144+64*11)(AX)
	MOVUPS	X12, (144+64*12)(AX)
	MOVUPS	X13, (144+64*13)(AX)
	MOVUPS	X14, (144+64*14)(AX)
	MOVUPS	X15, (144+64*15)(AX)
	JMP	stored
storey:
	VMOVUPS	Y0, (144+64*0)(AX)
	VMOVUPS	Y1, (144+64*1)(AX)
	VMOVUPS	Y2, (144+64*2)(AX)
	VMOVUPS	Y3, (144+64*3)(AX)
	VMOVUPS	Y4, (144+64*4)(AX)
	VMOVUPS	Y5, (144+64*5)(AX)
	VMOVUPS	Y6, (144+64*6)(AX)
	VMOVUPS	Y7, (144+64*7)(AX)
	VMOVUPS	Y8, (144+64*8)(AX)
	VMOVUPS	Y9, (144+64*9)(AX)
	VMOVUPS	Y10, (144+64*10)(AX)
	VMOVUPS	Y11, (144+64*11)(AX)
	VMOVUPS	Y12, (144+64*12)(AX)
	VMOVUPS	Y13, (144+64*13)(AX)
	VMOVUPS	Y14, (144+64*14)(AX)
	VMOVUPS	Y15, (144+64*15)(AX)
	JMP	stored
storez:
	VMOVUPS	Z0, (144+64*0)(AX)
	VMOVUPS	Z1, (144+64*1)(AX)
	VMOVUPS	Z2, (144+64*2)(AX)
	VMOVUPS	Z3, (144+64*3)(AX)
	VMOVUPS	Z4, (144+64*4)(AX)
	VMOVUPS	Z5, (144+64*5)(AX)
	VMOVUPS	Z6, (144+64*6)(AX)
	VMOVUPS	Z7, (144+64*7)(AX)
	VMOVUPS	Z8, (144+64*8)(AX)
	VMOVUPS	Z9, (144+64*9)(AX)
	VMOVUPS	Z10, (144+64*10)(AX)
	VMOVUPS	Z11, (144+64*11)(AX)
	VMOVUPS	Z12, (144+64*12)(AX)
	VMOVUPS	Z13, (144+64*13)(AX)
	VMOVUPS	Z14, (144+64*14)(AX)
	VMOVUPS	Z15, (144+64*15)(AX)
	VMOVUPS	Z16, (144+64*16)(AX)
	VMOVUPS	Z17, (144+64*17)(AX)
	VMOVUPS	Z18, (144+64*18)(AX)
	VMOVUPS	Z19, (144+64*19)(AX)
	VMOVUPS	Z20, (144+64*20)(AX)
	VMOVUPS	Z21, (144+64*21)(AX)
	VMOVUPS	Z22, (144+64*22)(AX)
	VMOVUPS	Z23, (144+64*23)(AX)
	VMOVUPS	Z24, (144+64*24)(AX)
	VMOVUPS	Z25, (144+64*25)(AX)
	VMOVUPS	Z26, (144+64*26)(AX)
	VMOVUPS	Z27, (144+64*27)(AX)
	VMOVUPS	Z28, (144+64*28)(AX)
	VMOVUPS	Z29, (144+64*29)(AX)
	VMOVUPS	Z30, (144+64*30)(AX)
	VMOVUPS	Z31, (144+64*31)(AX)
	KMOVQ	K0, (2192+8*0)(AX)
	KMOVQ	K1, (2192+8*1)(AX)
	KMOVQ	K2, (2192+8*2)(AX)
	KMOVQ	K3, (2192+8*3)(AX)
	KMOVQ	K4, (2192+8*4)(AX)
	KMOVQ	K5, (2192+8*5)(AX)
	KMOVQ	K6, (2192+8*6)(AX)
	KMOVQ	K7, (2192+8*7)(AX)
stored:
	POPQ	CX
	MOVQ	CX, 128(AX)
	POPQ	BX
	MOVQ	BX, 0(AX)
	POPQ	BP
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
TEXT ·trap(SB), NOSPLIT, $32-80
	MOVQ	a7+56(FP), AX
	MOVQ	AX, 8(SP)
	MOVQ	a8+64(FP), AX
	MOVQ	AX, 16(SP)
	MOVQ	nr+0(FP), AX
	MOVQ	a1+8(FP), DI
	MOVQ	a2+16(FP), SI
	MOVQ	a3+24(FP), DX
	MOVQ	a4+32(FP), R10
	MOVQ	a5+40(FP), R8
	MOVQ	a6+48(FP), R9
	ADDQ	$MACH, AX
	SYSCALL
	MOVQ	AX, ret+72(FP)
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
	PUSHFQ
	ORQ	$0x100, 0(SP)
	POPFQ
	BYTE	$0x90					// nop
	RET
k9:
	CMPL	AX, $9
	JNE	k10
	JMP	CX
k10:
	MOVL	$0x1234567, AX
	BYTE	$0xcd; BYTE $0x80			// int $0x80
	RET
