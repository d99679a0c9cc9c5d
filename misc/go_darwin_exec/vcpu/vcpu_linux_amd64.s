// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

#include "go_asm.h"
#include "textflag.h"

// The thread's *Ctx lies at FS:0 and a scratch word at FS:8: words 1 and 2 of
// m.tls, of which the runtime uses word 0 (FS:-8, the g) only. SelfTest and
// Bind check that.

// MARK(n) is a long NOP that install.go finds by its displacement.
#define MARK(n) \
	BYTE $0x0f; BYTE $0x1f; BYTE $0x80; LONG $(0x6b726100+n)

// RESETFLAGS clears DF, AC and TF, which would hurt Go code.
#define RESETFLAGS \
	PUSHQ	$0x202 \
	POPFQ

// The flags that user code may set: CF PF AF ZF SF TF DF OF AC ID.
#define USERFLAGS 0x240dd5
// Those of them that a system call entry must clear: TF DF AC.
#define BADFLAGS 0x40500

// struct ucontext, siginfo, fpstate (arch/x86/include/uapi/asm).
#define UC_GREGS 40
#define UC_RIP (UC_GREGS+16*8)
#define UC_EFL (UC_GREGS+17*8)
#define UC_ERR (UC_GREGS+19*8)
#define UC_TRAPNO (UC_GREGS+20*8)
#define UC_CR2 (UC_GREGS+22*8)
#define UC_FPSTATE (UC_GREGS+23*8)
#define UC_SIGMASK 296
#define SI_CODE 8
#define SI_ARCH 28
#define SYS_USER_DISPATCH 2
#define AUDIT_ARCH_I386 0x40000003
#define FP_MAGIC1 464
#define FP_XSTATE_SIZE 480

#define SYS_rt_sigprocmask 14
#define SYS_rt_sigreturn 15
#define SYS_clone 56
#define SYS_arch_prctl 158
#define SIG_SETMASK 2
#define SIGCHLD 17

// HOSTSTACK switches to the stack and the frame of enterGuest's caller.
#define HOSTSTACK \
	MOVQ	Ctx_hostBP(R11), BP \
	MOVQ	Ctx_hostSP(R11), SP

// LOADGPRS loads all registers of the Ctx in R11 but RSP and R11.
#define LOADGPRS \
	MOVQ	Regs_R8(R11), R8 \
	MOVQ	Regs_R9(R11), R9 \
	MOVQ	Regs_R10(R11), R10 \
	MOVQ	Regs_R12(R11), R12 \
	MOVQ	Regs_R13(R11), R13 \
	MOVQ	Regs_R14(R11), R14 \
	MOVQ	Regs_R15(R11), R15 \
	MOVQ	Regs_RDI(R11), DI \
	MOVQ	Regs_RSI(R11), SI \
	MOVQ	Regs_RBP(R11), BP \
	MOVQ	Regs_RBX(R11), BX \
	MOVQ	Regs_RDX(R11), DX \
	MOVQ	Regs_RAX(R11), AX \
	MOVQ	Regs_RCX(R11), CX

// func enterGuest(c *Ctx)
// Enters the guest; returns by way of leave or leaveMasked.
TEXT ·enterGuest(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ	c+0(FP), R11
	MOVQ	SP, Ctx_hostSP(R11)
	MOVQ	BP, Ctx_hostBP(R11)
	CMPL	Ctx_xvalid(R11), $const_xvalidQuick
	JNE	area
	// The host's own code may have left AVX-512 state behind.
	MOVL	$1, CX
	XGETBV
	TESTL	$0xe0, AX
	JEQ	clean
	MOVL	$0xe0, AX
	XORL	DX, DX
	MOVQ	·zeroX(SB), R10
	XRSTOR64	(R10)
clean:
	LEAQ	Ctx_ymm(R11), R10
	VMOVDQU	0(R10), Y0
	VMOVDQU	32(R10), Y1
	VMOVDQU	64(R10), Y2
	VMOVDQU	96(R10), Y3
	VMOVDQU	128(R10), Y4
	VMOVDQU	160(R10), Y5
	VMOVDQU	192(R10), Y6
	VMOVDQU	224(R10), Y7
	VMOVDQU	256(R10), Y8
	VMOVDQU	288(R10), Y9
	VMOVDQU	320(R10), Y10
	VMOVDQU	352(R10), Y11
	VMOVDQU	384(R10), Y12
	VMOVDQU	416(R10), Y13
	VMOVDQU	448(R10), Y14
	VMOVDQU	480(R10), Y15
	LDMXCSR	Ctx_mxcsr(R11)
	JMP	enter
area:
	LEAQ	Ctx_xarea(R11), R10
	CMPL	·fpMode(SB), $const_fpFxsr
	JEQ	fx
	MOVL	·rfbm(SB), AX
	XORL	DX, DX
	XRSTOR64	(R10)
	JMP	enter
fx:
	FXRSTOR64	(R10)
enter:
	// The exchange is a fence between the store of inGuest and the load of
	// pending; Kick has one between the store of pending and the load of inGuest.
	MOVL	$1, AX
	XCHGL	AX, Ctx_inGuest(R11)
	MARK(1)
	CMPL	Ctx_pending(R11), $0
	JNE	abort
	MOVL	Regs_RFLAGS(R11), AX
	ANDL	$USERFLAGS, AX
	ORL	$0x202, AX
	TESTL	$0x100, AX
	JNE	step
	MOVQ	Regs_RIP(R11), CX
	CMPB	Ctx_Code32(R11), $0
	JNE	compat
	MOVQ	CX, 8(FS)
	PUSHQ	AX
	POPFQ
	LOADGPRS
	MOVQ	Regs_RSP(R11), SP
	MOVQ	Regs_R11(R11), R11
	BYTE	$0x64; BYTE $0xff; BYTE $0x24; BYTE $0x25; LONG $8	// JMP *8(FS)
compat:
	MOVL	CX, 8(FS)
	MOVL	$const_userCS32, 12(FS)
	PUSHQ	AX
	POPFQ
	LOADGPRS
	MOVL	Regs_RSP(R11), SP
	BYTE	$0x64; BYTE $0xff; BYTE $0x2c; BYTE $0x25; LONG $8	// LJMP *8(FS)
step:
	// With TF set the trap must come after the guest's next instruction,
	// not after one of ours.
	MOVQ	Regs_RIP(R11), CX
	MOVQ	CX, (Ctx_iret+0)(R11)
	MOVQ	$0x33, (Ctx_iret+8)(R11)
	CMPB	Ctx_Code32(R11), $0
	JEQ	wide
	MOVQ	$const_userCS32, (Ctx_iret+8)(R11)
wide:
	MOVQ	AX, (Ctx_iret+16)(R11)
	MOVQ	Regs_RSP(R11), CX
	MOVQ	CX, (Ctx_iret+24)(R11)
	MOVQ	$0x2b, (Ctx_iret+32)(R11)
	LOADGPRS
	LEAQ	Ctx_iret(R11), SP
	MOVQ	Regs_R11(R11), R11
	IRETQ
	MARK(2)
abort:
	MOVL	$0, Ctx_inGuest(R11)
	MOVL	$const_EventKick, Ctx_reason(R11)
	RET

// leave returns from enterGuest. R11 = Ctx.
TEXT ·leave(SB), NOSPLIT|NOFRAME, $0-0
	HOSTSTACK
	RET

// leaveMasked returns from enterGuest and from a signal handler that runs
// with all signals blocked. R11 = Ctx, DX = ucontext. The frame of the signal
// is abandoned; it lives until the mask is back.
TEXT ·leaveMasked(SB), NOSPLIT|NOFRAME, $0-0
	HOSTSTACK
	MOVL	$SYS_rt_sigprocmask, AX
	MOVL	$SIG_SETMASK, DI
	LEAQ	UC_SIGMASK(DX), SI
	XORL	DX, DX
	MOVL	$8, R10
	SYSCALL
	RET

// saveGuest copies the guest's state from the signal frame to the Ctx.
// R11 = Ctx, DX = ucontext. Keeps R11 and DX.
TEXT ·saveGuest(SB), NOSPLIT|NOFRAME, $0-0
	MOVUPS	(UC_GREGS+0)(DX), X0
	MOVUPS	(UC_GREGS+16)(DX), X1
	MOVUPS	(UC_GREGS+32)(DX), X2
	MOVUPS	(UC_GREGS+48)(DX), X3
	MOVUPS	(UC_GREGS+64)(DX), X4
	MOVUPS	(UC_GREGS+80)(DX), X5
	MOVUPS	(UC_GREGS+96)(DX), X6
	MOVUPS	(UC_GREGS+112)(DX), X7
	MOVUPS	(UC_GREGS+128)(DX), X8
	MOVUPS	X0, (Ctx_Regs+0)(R11)
	MOVUPS	X1, (Ctx_Regs+16)(R11)
	MOVUPS	X2, (Ctx_Regs+32)(R11)
	MOVUPS	X3, (Ctx_Regs+48)(R11)
	MOVUPS	X4, (Ctx_Regs+64)(R11)
	MOVUPS	X5, (Ctx_Regs+80)(R11)
	MOVUPS	X6, (Ctx_Regs+96)(R11)
	MOVUPS	X7, (Ctx_Regs+112)(R11)
	MOVUPS	X8, (Ctx_Regs+128)(R11)
	JMP	·saveFP(SB)

// saveFP does that for the FP state alone. The kernel has cleared the FP
// registers for the handler: a frame that is abandoned holds the only copy of
// the x87 state, also if the thread was just about to enter the guest.
TEXT ·saveFP(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ	UC_FPSTATE(DX), SI
	LEAQ	Ctx_xarea(R11), DI
	MOVL	$const_xvalidArea, Ctx_xvalid(R11)
	MOVL	$0, Ctx_xdirty(R11)
	CMPL	·fpMode(SB), $const_fpFxsr
	JEQ	fx
	MOVL	$(832/8), CX
	TESTQ	$~7, 512(SI)
	JEQ	copy
	MOVL	FP_XSTATE_SIZE(SI), CX
	SHRL	$3, CX
	CMPL	CX, $(const_xareaSize/8)
	JLS	copy
	MOVL	$(const_xareaSize/8), CX
copy:
	CLD
	REP; MOVSQ
	MOVQ	·rfbm(SB), AX
	ANDQ	AX, (Ctx_xarea+512)(R11)
	RET
fx:
	MOVL	$(512/8), CX
	CLD
	REP; MOVSQ
	MOVQ	$3, (Ctx_xarea+512)(R11)
	RET

// fastEntry is where trampolines jump to: a system call without a trap.
// R11 = Ctx, CX = where to return to; the rest is the guest's. SYSCALL
// clobbers R11 and RCX, so they are free.
TEXT ·fastEntry(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ	SP, Regs_RSP(R11)
	MOVQ	Ctx_hostSP(R11), SP
	MOVQ	CX, Regs_RIP(R11)
	MOVQ	CX, Regs_RCX(R11)
	PUSHFQ
	POPQ	CX
	MOVQ	CX, Regs_R11(R11)
	MOVB	$0, Ctx_Int(R11)
	JMP	·saveFast(SB)

// fastEntry32 is fastEntry for 32-bit code, which has no R8 to R15: the low
// half of R8 is where to return to, the high half the vector of the INT.
TEXT ·fastEntry32(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ	0(FS), R11
	MOVQ	SP, Regs_RSP(R11)
	MOVQ	Ctx_hostSP(R11), SP
	MOVQ	CX, Regs_RCX(R11)
	PUSHFQ
	POPQ	CX
	MOVL	R8, R9
	MOVQ	R9, Regs_RIP(R11)
	SHRQ	$32, R8
	MOVB	R8, Ctx_Int(R11)
	JMP	·saveFast(SB)

// saveFast leaves the guest with what fastEntry has not yet saved. R11 = Ctx,
// CX = the flags.
TEXT ·saveFast(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ	CX, Regs_RFLAGS(R11)
	MOVL	$0, Ctx_inGuest(R11)
	MOVQ	R8, Regs_R8(R11)
	MOVQ	R9, Regs_R9(R11)
	MOVQ	R10, Regs_R10(R11)
	MOVQ	R12, Regs_R12(R11)
	MOVQ	R13, Regs_R13(R11)
	MOVQ	R14, Regs_R14(R11)
	MOVQ	R15, Regs_R15(R11)
	MOVQ	DI, Regs_RDI(R11)
	MOVQ	SI, Regs_RSI(R11)
	MOVQ	BP, Regs_RBP(R11)
	MOVQ	BX, Regs_RBX(R11)
	MOVQ	DX, Regs_RDX(R11)
	MOVQ	AX, Regs_RAX(R11)
	MOVL	$const_EventSyscall, Ctx_reason(R11)
	MOVB	$0, Ctx_Trapped(R11)
	MOVL	$0, Ctx_xdirty(R11)
	MOVQ	Ctx_hostBP(R11), BP
	TESTL	$BADFLAGS, CX
	JEQ	good
	RESETFLAGS
good:
	CMPL	·fpMode(SB), $const_fpQuick
	JNE	slow
	MOVL	$1, CX
	XGETBV
	TESTL	$0xe0, AX
	JNE	xsave
	LEAQ	Ctx_ymm(R11), R10
	VMOVDQU	Y0, 0(R10)
	VMOVDQU	Y1, 32(R10)
	VMOVDQU	Y2, 64(R10)
	VMOVDQU	Y3, 96(R10)
	VMOVDQU	Y4, 128(R10)
	VMOVDQU	Y5, 160(R10)
	VMOVDQU	Y6, 192(R10)
	VMOVDQU	Y7, 224(R10)
	VMOVDQU	Y8, 256(R10)
	VMOVDQU	Y9, 288(R10)
	VMOVDQU	Y10, 320(R10)
	VMOVDQU	Y11, 352(R10)
	VMOVDQU	Y12, 384(R10)
	VMOVDQU	Y13, 416(R10)
	VMOVDQU	Y14, 448(R10)
	VMOVDQU	Y15, 480(R10)
	STMXCSR	Ctx_mxcsr(R11)
	LDMXCSR	initialMXCSR<>(SB)
	VZEROUPPER
	MOVL	$const_xvalidQuick, Ctx_xvalid(R11)
	RET
slow:
	CMPL	·fpMode(SB), $const_fpFxsr
	JEQ	fxsave
xsave:
	MOVL	$const_xvalidArea, Ctx_xvalid(R11)
	LEAQ	Ctx_xarea(R11), R10
	MOVL	·rfbm(SB), AX
	XORL	DX, DX
	XSAVE64	(R10)
	LDMXCSR	initialMXCSR<>(SB)
	TESTL	$4, ·rfbm(SB)
	JEQ	noavx
	VZEROUPPER
noavx:
	RET
fxsave:
	MOVL	$const_xvalidArea, Ctx_xvalid(R11)
	LEAQ	Ctx_xarea(R11), R10
	FXSAVE64	(R10)
	MOVQ	$3, (Ctx_xarea+512)(R11)
	LDMXCSR	initialMXCSR<>(SB)
	RET

DATA initialMXCSR<>(SB)/4, $const_initMXCSR
GLOBL initialMXCSR<>(SB), RODATA|NOPTR, $4

// Signal handlers: DI = signal, SI = siginfo, DX = ucontext. They run on the
// thread's gsignal stack.

// sigsysHandler: a system call of the guest.
TEXT ·sigsysHandler(SB), NOSPLIT|NOFRAME, $0-0
	RESETFLAGS
	MOVQ	0(FS), R11
	TESTQ	R11, R11
	JEQ	other
	CMPL	Ctx_inGuest(R11), $0
	JEQ	other
	CMPL	SI_CODE(SI), $SYS_USER_DISPATCH
	JNE	other
	MOVL	$0, Ctx_inGuest(R11)
	MOVB	$0, Ctx_Int(R11)
	CMPL	SI_ARCH(SI), $AUDIT_ARCH_I386
	JNE	wide
	MOVB	$0x80, Ctx_Int(R11)
wide:
	MOVB	$1, Ctx_Trapped(R11)
	CALL	·saveGuest(SB)
	MOVL	$const_EventSyscall, Ctx_reason(R11)
	JMP	·leave(SB)
other:
	JMP	·notOurs(SB)

// kickHandler: another thread wants this one's attention.
TEXT ·kickHandler(SB), NOSPLIT|NOFRAME, $0-0
	RESETFLAGS
	MOVQ	0(FS), R11
	TESTQ	R11, R11
	JEQ	ignore
	MOVQ	UC_RIP(DX), AX
	CMPQ	AX, ·cpBegin(SB)
	JCS	notcp
	CMPQ	AX, ·cpEnd(SB)
	JCC	notcp
	MOVQ	·cpAbort(SB), AX
	MOVQ	AX, UC_RIP(DX)
	RET
notcp:
	CMPL	Ctx_inGuest(R11), $0
	JEQ	ignore	// the loop will see pending
	CMPQ	AX, ·textStart(SB)
	JCS	guest
	CMPQ	AX, ·textEnd(SB)
	JCC	guest
	CMPQ	AX, ·winBegin(SB)
	JCS	ignore
	CMPQ	AX, ·winEnd(SB)
	JCC	ignore
	MOVL	$0, Ctx_inGuest(R11)
	CALL	·saveFP(SB)
	MOVL	$const_EventKick, Ctx_reason(R11)
	JMP	·leaveMasked(SB)
guest:
	MOVL	$0, Ctx_inGuest(R11)
	CALL	·saveGuest(SB)
	MOVL	$const_EventKick, Ctx_reason(R11)
	JMP	·leaveMasked(SB)
ignore:
	RET

// faultHandler: SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP.
TEXT ·faultHandler(SB), NOSPLIT|NOFRAME, $0-0
	RESETFLAGS
	CMPL	SI_CODE(SI), $0
	JLE	other	// somebody's kill
	MOVQ	UC_RIP(DX), AX
	CMPQ	AX, ·copyBegin(SB)
	JCS	notcopy
	CMPQ	AX, ·copyFault(SB)
	JCC	notcopy
	MOVQ	·copyFault(SB), AX
	MOVQ	AX, UC_RIP(DX)
	RET
notcopy:
	CMPQ	AX, ·casBegin(SB)
	JCS	notcas
	CMPQ	AX, ·casFault(SB)
	JCC	notcas
	MOVQ	·casFault(SB), AX
	MOVQ	AX, UC_RIP(DX)
	RET
notcas:
	MOVQ	0(FS), R11
	TESTQ	R11, R11
	JEQ	other
	CMPL	Ctx_inGuest(R11), $0
	JEQ	other
	CMPQ	AX, ·textStart(SB)
	JCS	guest
	CMPQ	AX, ·textEnd(SB)
	JCC	guest
	CMPQ	AX, ·winBegin(SB)
	JCS	host
	CMPQ	AX, ·winEnd(SB)
	JCC	host
	// The jump to a RIP, or the load of an RSP, that is no address.
	CALL	·saveFault(SB)
	CALL	·saveFP(SB)
	JMP	·leaveMasked(SB)
guest:
	CALL	·saveFault(SB)
	CALL	·saveGuest(SB)
	JMP	·leaveMasked(SB)
host:
	// A guest that single-steps through a trampoline ends up here.
	CMPQ	UC_TRAPNO(DX), $1
	JNE	other
	ANDQ	$~0x100, UC_EFL(DX)
	RET
other:
	JMP	·notOurs(SB)

// saveFault notes what happened. R11 = Ctx, SI = siginfo, DX = ucontext.
TEXT ·saveFault(SB), NOSPLIT|NOFRAME, $0-0
	MOVL	$0, Ctx_inGuest(R11)
	MOVL	$const_EventFault, Ctx_reason(R11)
	MOVQ	UC_TRAPNO(DX), AX
	MOVQ	AX, Ctx_Trapno(R11)
	MOVQ	UC_ERR(DX), AX
	MOVQ	AX, Ctx_ErrCode(R11)
	MOVQ	UC_CR2(DX), AX
	MOVQ	AX, Ctx_CR2(R11)
	MOVL	SI_CODE(SI), AX
	MOVL	AX, Ctx_SiCode(R11)
	RET

// notOurs passes a signal on to the handler of the Go runtime. The kernel has
// blocked what that handler expects to be blocked, or less.
TEXT ·notOurs(SB), NOSPLIT|NOFRAME, $0-0
	LEAQ	·oldHandler(SB), AX
	MOVQ	(AX)(DI*8), AX
	JMP	AX

TEXT ·sigreturnHelper(SB), NOSPLIT|NOFRAME, $0-0
	MOVL	$SYS_rt_sigreturn, AX
	SYSCALL
	INT	$3

// func cpSyscall(c *Ctx, nr, a1, a2, a3, a4, a5, a6 uintptr) (r, aborted uintptr)
TEXT ·cpSyscall(SB), NOSPLIT|NOFRAME, $0-80
	MOVQ	c+0(FP), R12
	MOVL	$1, AX
	XCHGL	AX, Ctx_inCp(R12)
	MARK(3)
	CMPL	Ctx_pending(R12), $0
	JNE	abort
	MOVQ	nr+8(FP), AX
	MOVQ	a1+16(FP), DI
	MOVQ	a2+24(FP), SI
	MOVQ	a3+32(FP), DX
	MOVQ	a4+40(FP), R10
	MOVQ	a5+48(FP), R8
	MOVQ	a6+56(FP), R9
	SYSCALL
	MARK(4)
	MOVL	$0, Ctx_inCp(R12)
	MOVQ	AX, r+64(FP)
	MOVQ	$0, aborted+72(FP)
	RET
abort:
	MARK(5)
	MOVL	$0, Ctx_inCp(R12)
	MOVQ	$0, r+64(FP)
	MOVQ	$1, aborted+72(FP)
	RET

// func safeCopy(dst, src, n uintptr) (left uintptr)
// A fault continues at mark 7 with CX = bytes left.
TEXT ·safeCopy(SB), NOSPLIT|NOFRAME, $0-32
	MOVQ	dst+0(FP), DI
	MOVQ	src+8(FP), SI
	MOVQ	n+16(FP), CX
	MARK(6)
	CMPQ	CX, $8
	JEQ	eight
	CMPQ	CX, $4
	JEQ	four
	REP; MOVSB
	JMP	done
eight:
	MOVQ	(SI), AX
	MOVQ	AX, (DI)
	XORL	CX, CX
	JMP	done
four:
	MOVL	(SI), AX
	MOVL	AX, (DI)
	XORL	CX, CX
done:
	MARK(7)
	MOVQ	CX, left+24(FP)
	RET

// func safeCAS(addr uintptr, old, new uint64) (r uintptr)
// A fault continues at mark 9 with CX = 2.
TEXT ·safeCAS(SB), NOSPLIT|NOFRAME, $0-32
	MOVQ	addr+0(FP), DI
	MOVQ	old+8(FP), AX
	MOVQ	new+16(FP), DX
	MOVL	$2, CX
	MARK(8)
	LOCK
	CMPXCHGQ	DX, (DI)
	SETEQ	CX
	MARK(9)
	MOVQ	CX, r+24(FP)
	RET

// func rawFork() (r uintptr)
TEXT ·rawFork(SB), NOSPLIT|NOFRAME, $0-8
	MOVL	$SYS_clone, AX
	MOVL	$SIGCHLD, DI
	XORL	SI, SI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	SYSCALL
	TESTQ	AX, AX
	JNE	parent
	MOVQ	(TLS), CX
	MOVQ	const_gStackLo(CX), DX
	ADDQ	$const_stackGuard, DX
	MOVQ	DX, const_gStackguard0(CX)
parent:
	MOVQ	AX, r+0(FP)
	RET

// func gStack() (lo, guard0, sp uintptr)
TEXT ·gStack(SB), NOSPLIT|NOFRAME, $0-24
	MOVQ	(TLS), CX
	MOVQ	const_gStackLo(CX), DX
	MOVQ	DX, lo+0(FP)
	MOVQ	const_gStackguard0(CX), DX
	MOVQ	DX, guard0+8(FP)
	MOVQ	SP, sp+16(FP)
	RET

// func tlsWords() (gp, word0, word1, word2 uintptr)
TEXT ·tlsWords(SB), NOSPLIT|NOFRAME, $0-32
	MOVQ	(TLS), CX
	MOVQ	CX, gp+0(FP)
	MOVQ	-8(FS), CX
	MOVQ	CX, word0+8(FP)
	MOVQ	0(FS), CX
	MOVQ	CX, word1+16(FP)
	MOVQ	8(FS), CX
	MOVQ	CX, word2+24(FP)
	RET

// func getSlot() *Ctx
TEXT ·getSlot(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ	0(FS), AX
	MOVQ	AX, ret+0(FP)
	RET

// func setSlot(c *Ctx)
TEXT ·setSlot(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ	c+0(FP), AX
	MOVQ	AX, 0(FS)
	MOVQ	$0, 8(FS)
	RET

// func addrs(a *codeAddrs)
TEXT ·addrs(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ	a+0(FP), AX
	LEAQ	runtime·text(SB), CX
	MOVQ	CX, codeAddrs_text(AX)
	LEAQ	runtime·etext(SB), CX
	MOVQ	CX, codeAddrs_etext(AX)
	LEAQ	·enterGuest(SB), CX
	MOVQ	CX, codeAddrs_enterGuest(AX)
	LEAQ	·fastEntry(SB), CX
	MOVQ	CX, codeAddrs_fastEntry(AX)
	LEAQ	·fastEntry32(SB), CX
	MOVQ	CX, codeAddrs_fastEntry32(AX)
	LEAQ	·cpSyscall(SB), CX
	MOVQ	CX, codeAddrs_cpSyscall(AX)
	LEAQ	·safeCopy(SB), CX
	MOVQ	CX, codeAddrs_safeCopy(AX)
	LEAQ	·safeCAS(SB), CX
	MOVQ	CX, codeAddrs_safeCAS(AX)
	LEAQ	·sigsysHandler(SB), CX
	MOVQ	CX, codeAddrs_sigsysHandler(AX)
	LEAQ	·kickHandler(SB), CX
	MOVQ	CX, codeAddrs_kickHandler(AX)
	LEAQ	·faultHandler(SB), CX
	MOVQ	CX, codeAddrs_faultHandler(AX)
	LEAQ	·sigreturnHelper(SB), CX
	MOVQ	CX, codeAddrs_sigreturnHelper(AX)
	RET

// func rdgsbase() uint64
TEXT ·rdgsbase(SB), NOSPLIT|NOFRAME, $0-8
	RDGSBASEQ	AX
	MOVQ	AX, ret+0(FP)
	RET

// func wrgsbase(base uint64)
TEXT ·wrgsbase(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ	base+0(FP), AX
	WRGSBASEQ	AX
	RET

// func loadDataSegments(sel uint16)
TEXT ·loadDataSegments(SB), NOSPLIT|NOFRAME, $0-2
	MOVW	sel+0(FP), AX
	MOVW	AX, DS
	MOVW	AX, ES
	RET

// func loadGS(sel uint16)
TEXT ·loadGS(SB), NOSPLIT|NOFRAME, $0-2
	MOVW	sel+0(FP), AX
	MOVW	AX, GS
	RET

// func readGS() uint16
TEXT ·readGS(SB), NOSPLIT|NOFRAME, $0-2
	MOVW	GS, AX
	MOVW	AX, ret+0(FP)
	RET

// func loadable(sel uint16) bool
TEXT ·loadable(SB), NOSPLIT|NOFRAME, $0-9
	MOVWLZX	sel+0(FP), CX
	BYTE $0x0f; BYTE $0x00; BYTE $0xe1	// VERR CX
	SETEQ	ret+8(FP)
	RET

// func cpuid(leaf, sub uint32) (eax, ebx, ecx, edx uint32)
TEXT ·cpuid(SB), NOSPLIT|NOFRAME, $0-24
	MOVL	leaf+0(FP), AX
	MOVL	sub+4(FP), CX
	CPUID
	MOVL	DX, edx+20(FP)
	MOVL	CX, ecx+16(FP)
	MOVL	BX, ebx+12(FP)
	MOVL	AX, eax+8(FP)
	RET

// func xgetbv0() uint64
TEXT ·xgetbv0(SB), NOSPLIT|NOFRAME, $0-8
	XORL	CX, CX
	XGETBV
	SHLQ	$32, DX
	ORQ	DX, AX
	MOVQ	AX, ret+0(FP)
	RET

// func saveX87(p *byte)
TEXT ·saveX87(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ	p+0(FP), DI
	MOVL	$1, AX
	XORL	DX, DX
	XSAVE64	(DI)
	RET

// func fxsave(p *byte)
TEXT ·fxsave(SB), NOSPLIT|NOFRAME, $0-8
	MOVQ	p+0(FP), DI
	FXSAVE64	(DI)
	RET

// func Rdtsc() uint64
TEXT ·Rdtsc(SB), NOSPLIT|NOFRAME, $0-8
	LFENCE
	RDTSC
	LFENCE
	SHLQ	$32, DX
	ORQ	DX, AX
	MOVQ	AX, ret+0(FP)
	RET
