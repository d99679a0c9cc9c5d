// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

// The part of the libc stubs that lib/xnu/libc.tsv does not generate.
//
// A stub TEXT libc_NAME(SB) stands for the C function NAME. It runs on g0 (or
// another system stack), called by the runtime in the C convention: arguments
// in DI SI DX CX R8 R9 and on the stack behind the return address; BX, BP and
// R12 to R15 survive. It returns AX = the result or -1, DX = the second result
// and, unlike C, CX = errno, 0 on success. A SYSCALL clobbers CX and R11 only.

#include "textflag.h"
#include "xnu_darwin_amd64.h"

// FAIL makes the results of a call that failed, with its error in AX.
#define FAIL \
	MOVL	AX, CX; \
	MOVQ	$-1, AX; \
	XORL	DX, DX

// CHECK leaves a stub without a frame if its call failed.
#define CHECK \
	JCC	2(PC); \
	JMP	libcerror(SB)

// libcerror returns the error in AX to the stub's caller.
TEXT libcerror(SB),NOSPLIT,$0-0
	FAIL
	RET

// libcenosys returns ENOSYS to the stub's caller.
TEXT libcenosys(SB),NOSPLIT,$0-0
	MOVL	$78, AX // ENOSYS
	JMP	libcerror(SB)

// libcgo runs the Go function whose ABI0 entry is in AX,
// func(*libcArgs) (r, errno uintptr), in place of a stub.
TEXT libcgo(SB),NOSPLIT,$112-0
	MOVQ	BX, 24(SP)
	MOVQ	R12, 32(SP)
	MOVQ	R13, 40(SP)
	MOVQ	R14, 48(SP)
	MOVQ	R15, 56(SP)
	MOVQ	DI, 64(SP)
	MOVQ	SI, 72(SP)
	MOVQ	DX, 80(SP)
	MOVQ	CX, 88(SP)
	MOVQ	R8, 96(SP)
	MOVQ	R9, 104(SP)
	LEAQ	64(SP), DI
	MOVQ	DI, 0(SP)
	CALL	AX
	MOVQ	8(SP), AX
	MOVQ	16(SP), CX
	XORL	DX, DX
	MOVQ	24(SP), BX
	MOVQ	32(SP), R12
	MOVQ	40(SP), R13
	MOVQ	48(SP), R14
	MOVQ	56(SP), R15
	RET

// func darwinRelease() int32
TEXT ·darwinRelease(SB),NOSPLIT,$0-4
	MOVL	runtime·darwinRelease(SB), AX
	MOVL	AX, ret+0(FP)
	RET

// func kernel8(nr uintptr, args *[8]uintptr) (r, errno uintptr)
//
// The kernel looks for the seventh and eighth argument behind the return
// address that a stub would have. A Mach trap leaves the carry flag alone.
TEXT ·kernel8(SB),NOSPLIT,$24-32
	MOVQ	nr+0(FP), AX
	MOVQ	args+8(FP), BX
	MOVQ	48(BX), CX
	MOVQ	CX, 8(SP)
	MOVQ	56(BX), CX
	MOVQ	CX, 16(SP)
	MOVQ	0(BX), DI
	MOVQ	8(BX), SI
	MOVQ	16(BX), DX
	MOVQ	24(BX), R10
	MOVQ	32(BX), R8
	MOVQ	40(BX), R9
	CLC
	SYSCALL
	JCS	bad
	MOVQ	AX, r+16(FP)
	MOVQ	$0, errno+24(FP)
	RET
bad:
	MOVQ	$-1, r+16(FP)
	MOVQ	AX, errno+24(FP)
	RET

// pipe: int fds[2]. The kernel returns both ends in registers.
TEXT libc_pipe(SB),NOSPLIT,$0-0
	MOVL	$XNU_pipe, AX
	SYSCALL
	CHECK
	MOVL	AX, 0(DI)
	MOVL	DX, 4(DI)
	XORL	AX, AX
	XORL	DX, DX
	XORL	CX, CX
	RET

// fork. The child is told by DX = 1; its AX holds its own pid
// (xnu-11417 osfmk/i386/bsd_i386.c:thread_set_child).
TEXT libc_fork(SB),NOSPLIT,$0-0
	MOVL	$XNU_fork, AX
	SYSCALL
	CHECK
	XORL	CX, CX
	TESTL	DX, DX
	JEQ	parent
	XORL	AX, AX
	XORL	DX, DX
parent:
	RET

// gettimeofday: struct timeval *tp, struct timezone *tzp. Kernels up to
// 3248 return seconds and microseconds in registers and store nothing; from
// 3789 on they return 0, store through tp, and store the Mach time through
// the third argument, which C does not have
// (xnu-3248 and xnu-3789 bsd/kern/kern_time.c:gettimeofday).
TEXT libc_gettimeofday(SB),NOSPLIT,$0-0
	XORL	DX, DX
	MOVL	$XNU_gettimeofday, AX
	SYSCALL
	CHECK
	XORL	CX, CX
	TESTQ	AX, AX
	JEQ	stored
	MOVQ	AX, 0(DI)
	MOVQ	DX, 8(DI)
	XORL	AX, AX
	XORL	DX, DX
stored:
	RET

// setrlimit: int resource, struct rlimit *new. C asks for POSIX's rules by
// a flag, 0x1000, with which kernels refuse limits that they else cut down
// (libsyscall/wrappers/unix03/setrlimit.c). A forked child calls this.
TEXT libc_setrlimit(SB),NOSPLIT,$0-0
	ORL	$0x1000, DI
	MOVL	$XNU_setrlimit, AX
	SYSCALL
	CHECK
	XORL	CX, CX
	RET

// mmap: void *addr, size_t len, int prot, int flags, int fd, off_t off. What
// kernels would take, or round, and POSIX forbids is EINVAL
// (libsyscall/wrappers/unix03/mmap.c).
TEXT libc_mmap(SB),NOSPLIT,$0-0
	TESTQ	SI, SI
	JEQ	bad
	TESTL	$3, CX // MAP_SHARED, MAP_PRIVATE
	JEQ	bad
	TESTL	$4095, R9
	JNE	bad
	MOVQ	CX, R10
	MOVL	$XNU_mmap, AX
	SYSCALL
	CHECK
	XORL	CX, CX
	RET
bad:
	MOVL	$22, AX // EINVAL
	JMP	libcerror(SB)

// __pthread_sigmask: int how, sigset_t *set, sigset_t *old.
// Returns the error number.
TEXT libc_pthread_sigmask(SB),NOSPLIT,$0-0
	MOVL	$XNU___pthread_sigmask, AX
	SYSCALL
	JCS	bad
	XORL	AX, AX
bad:
	XORL	DX, DX
	MOVL	AX, CX
	RET

// Mach trap thread_self, and __pthread_kill: int sig. Each use adds
// one user reference to the thread's port name, which the kernel counts.
TEXT libc_raise(SB),NOSPLIT,$0-0
	MOVL	DI, SI
	MOVL	$XNU_thread_self, AX
	SYSCALL
	MOVL	AX, DI
	MOVL	$XNU___pthread_kill, AX
	SYSCALL
	CHECK
	XORL	CX, CX
	RET

// sigaction: int sig, struct sigaction *new, struct sigaction *old. The
// kernel's new action {handler, trampoline, mask, flags} is one pointer longer
// than C's; its old action is not.
TEXT libc_sigaction(SB),NOSPLIT,$24-0
	TESTQ	SI, SI
	JEQ	get
	MOVQ	0(SI), AX
	MOVQ	AX, 0(SP)
	LEAQ	libcsigtramp(SB), AX
	MOVQ	AX, 8(SP)
	MOVQ	8(SI), AX
	MOVQ	AX, 16(SP)
	MOVQ	SP, SI
get:
	MOVL	$XNU_sigaction, AX
	SYSCALL
	JCC	ok
	FAIL
	RET
ok:
	XORL	CX, CX
	RET

// libcsigtramp is where the kernel delivers a signal that libc_sigaction set
// up: DI = handler, SI = style, DX = signal, CX = siginfo, R8 = ucontext, R9 =
// token (from 4903 on). There is no return address. It ends with sigreturn:
// ucontext, style, token.
TEXT libcsigtramp(SB),NOSPLIT|NOFRAME|TOPFRAME,$0-0
	SUBQ	$24, SP // 16-byte alignment for the handler
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
	MOVL	$XNU_sigreturn, AX
	SYSCALL
	INT	$3 // sigreturn failed
