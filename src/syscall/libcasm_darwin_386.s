// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

// The part of the libc stubs that lib/xnu/libc.tsv does not generate.
//
// A stub TEXT libc_NAME(SB) stands for the C function NAME. It runs on g0 (or
// another system stack), called by the runtime in the C convention: arguments
// on the stack behind the return address, one of 64 bits in two words; BX, BP,
// SI and DI survive. It returns AX = the result, DX = the second result or the
// upper half of a 64-bit one, or -1 in both, and, unlike C, CX = errno, 0 on success.
//
// The kernel looks for arguments where C puts them: INT 0x80 in the stub finds
// its caller's.

#include "textflag.h"
#include "xnu_darwin_386.h"

// FAIL makes the results of a call that failed, with its error in AX. They are
// right for a result of 64 bits too.
#define FAIL \
	MOVL	AX, CX; \
	MOVL	$-1, AX; \
	MOVL	$-1, DX

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
// func(*libcArgs) (r, errno uintptr), in place of a stub. The C arguments lie
// as a libcArgs has them.
TEXT libcgo(SB),NOSPLIT,$28-0
	MOVL	BX, 12(SP)
	MOVL	BP, 16(SP)
	MOVL	SI, 20(SP)
	MOVL	DI, 24(SP)
	LEAL	32(SP), CX
	MOVL	CX, 0(SP)
	CALL	AX
	MOVL	4(SP), AX
	MOVL	8(SP), CX
	XORL	DX, DX
	TESTL	CX, CX
	JEQ	2(PC)
	MOVL	AX, DX
	MOVL	12(SP), BX
	MOVL	16(SP), BP
	MOVL	20(SP), SI
	MOVL	24(SP), DI
	RET

// func darwinRelease() int32
TEXT ·darwinRelease(SB),NOSPLIT,$0-4
	MOVL	runtime·darwinRelease(SB), AX
	MOVL	AX, ret+0(FP)
	RET

// func kernel8(nr uintptr, args *[8]uintptr) (r, errno uintptr)
//
// The number of a Mach trap is negative. A trap leaves the carry flag alone.
TEXT ·kernel8(SB),NOSPLIT,$36-16
	MOVL	args+4(FP), SI
	LEAL	4(SP), DI
	MOVL	$8, CX
	CLD
	REP
	MOVSL
	MOVL	nr+0(FP), AX
	TESTL	AX, AX // clears the carry flag
	JLT	mach
	INT	$0x80
	JCS	bad
	JMP	ok
mach:
	INT	$0x81
ok:
	MOVL	AX, r+8(FP)
	MOVL	$0, errno+12(FP)
	RET
bad:
	MOVL	$-1, r+8(FP)
	MOVL	AX, errno+12(FP)
	RET

// pipe: int fds[2]. The kernel returns both ends in registers.
TEXT libc_pipe(SB),NOSPLIT,$0-0
	MOVL	$XNU_pipe, AX
	XORL	DX, DX
	INT	$0x80
	CHECK
	MOVL	4(SP), CX
	MOVL	AX, 0(CX)
	MOVL	DX, 4(CX)
	XORL	AX, AX
	XORL	DX, DX
	XORL	CX, CX
	RET

// fork. The child is told by DX = 1; its AX holds its own pid
// (xnu-4903 osfmk/i386/bsd_i386.c:thread_set_child).
TEXT libc_fork(SB),NOSPLIT,$0-0
	MOVL	$XNU_fork, AX
	XORL	DX, DX
	INT	$0x80
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
TEXT libc_gettimeofday(SB),NOSPLIT,$16-0
	MOVL	20(SP), AX
	MOVL	24(SP), CX
	MOVL	AX, 4(SP)
	MOVL	CX, 8(SP)
	MOVL	$0, 12(SP)
	MOVL	$XNU_gettimeofday, AX
	XORL	DX, DX
	INT	$0x80
	JCS	bad
	TESTL	AX, AX
	JEQ	stored
	MOVL	4(SP), CX
	MOVL	AX, 0(CX)
	MOVL	DX, 4(CX)
	XORL	AX, AX
stored:
	XORL	CX, CX
	XORL	DX, DX
	RET
bad:
	FAIL
	RET

// setrlimit: int resource, struct rlimit *new. C asks for POSIX's rules by
// a flag, 0x1000, with which kernels refuse limits that they else cut down
// (libsyscall/wrappers/unix03/setrlimit.c). A forked child calls this.
TEXT libc_setrlimit(SB),NOSPLIT,$0-0
	ORL	$0x1000, 4(SP)
	MOVL	$XNU_setrlimit, AX
	XORL	DX, DX
	INT	$0x80
	CHECK
	XORL	CX, CX
	RET

// mmap: void *addr, size_t len, int prot, int flags, int fd, off_t off. What
// kernels would take, or round, and POSIX forbids is EINVAL
// (libsyscall/wrappers/unix03/mmap.c).
TEXT libc_mmap(SB),NOSPLIT,$0-0
	CMPL	8(SP), $0
	JEQ	bad
	TESTL	$3, 16(SP) // MAP_SHARED, MAP_PRIVATE
	JEQ	bad
	TESTL	$4095, 24(SP)
	JNE	bad
	MOVL	$XNU_mmap, AX
	XORL	DX, DX
	INT	$0x80
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
	XORL	DX, DX
	INT	$0x80
	JCS	bad
	XORL	AX, AX
bad:
	XORL	DX, DX
	MOVL	AX, CX
	RET

// Mach trap thread_self, and __pthread_kill: int sig. Each use adds
// one user reference to the thread's port name, which the kernel counts.
TEXT libc_raise(SB),NOSPLIT,$12-0
	MOVL	$XNU_thread_self, AX
	INT	$0x81
	MOVL	16(SP), CX
	MOVL	AX, 4(SP)
	MOVL	CX, 8(SP)
	MOVL	$XNU___pthread_kill, AX
	XORL	DX, DX
	INT	$0x80
	JCS	bad
	XORL	AX, AX
	XORL	CX, CX
	RET
bad:
	FAIL
	RET

// sigaction: int sig, struct sigaction *new, struct sigaction *old. The
// kernel's new action {handler, trampoline, mask, flags} is one pointer longer
// than C's; its old action is not.
TEXT libc_sigaction(SB),NOSPLIT,$32-0
	MOVL	36(SP), AX
	MOVL	AX, 4(SP)
	MOVL	44(SP), AX
	MOVL	AX, 12(SP)
	MOVL	40(SP), CX
	TESTL	CX, CX
	JEQ	get
	MOVL	0(CX), AX
	MOVL	AX, 16(SP)
	MOVL	$libcsigtramp(SB), AX
	MOVL	AX, 20(SP)
	MOVL	4(CX), AX
	MOVL	AX, 24(SP)
	MOVL	8(CX), AX
	MOVL	AX, 28(SP)
	LEAL	16(SP), CX
get:
	MOVL	CX, 8(SP)
	MOVL	$XNU_sigaction, AX
	XORL	DX, DX
	INT	$0x80
	JCS	bad
	XORL	CX, CX
	RET
bad:
	FAIL
	RET

// libcsigtramp is where the kernel delivers a signal that libc_sigaction set
// up: from 4(SP) up lie the handler, the style, the signal, the siginfo, the
// ucontext and the token (from 4903 on). There is no return address, and SP is 12
// modulo 16. It ends with sigreturn: ucontext, style, token.
TEXT libcsigtramp(SB),NOSPLIT|NOFRAME|TOPFRAME,$0-0
	ADJSP	$28
	MOVL	40(SP), AX
	MOVL	44(SP), CX
	MOVL	48(SP), DX
	MOVL	AX, 0(SP)
	MOVL	CX, 4(SP)
	MOVL	DX, 8(SP)
	MOVL	32(SP), AX
	CALL	AX
	MOVL	48(SP), AX
	MOVL	36(SP), CX
	MOVL	52(SP), DX
	MOVL	AX, 4(SP)
	MOVL	CX, 8(SP)
	MOVL	DX, 12(SP)
	MOVL	$XNU_sigreturn, AX
	XORL	DX, DX
	INT	$0x80
	INT	$3 // sigreturn failed
