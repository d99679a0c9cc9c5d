// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

#include "funcdata.h"
#include "textflag.h"

// Kernel entries for package syscall and its users: INT 0x80 with the number in
// AX and the arguments from 4(SP) up. A failed call sets the carry flag.

// ENTER copies the n arguments at args to where the kernel looks for them and
// makes the call. DX, the second result, is 0 unless the kernel sets it:
// up to 10.8 it keeps what it was.
#define ENTER(trap, args, n) \
	LEAL	args, SI; \
	LEAL	4(SP), DI; \
	MOVL	$n, CX; \
	CLD; \
	REP; \
	MOVSL; \
	MOVL	trap, AX; \
	XORL	DX, DX; \
	INT	$0x80

// LEAVE turns the registers into (r1, r2 uintptr, err Errno).
#define LEAVE(r1, r2, errno) \
	SBBL	CX, CX; \
	MOVL	AX, BX; \
	ANDL	CX, BX; \
	ORL	CX, AX; \
	NOTL	CX; \
	ANDL	CX, DX; \
	MOVL	AX, r1; \
	MOVL	DX, r2; \
	MOVL	BX, errno

// func Syscall(trap, a1, a2, a3 uintptr) (r1, r2 uintptr, err Errno)
TEXT ·Syscall(SB),NOSPLIT,$16-28
	NO_LOCAL_POINTERS	// the collector may look while the call blocks
	CALL	runtime·entersyscall(SB)
	ENTER(trap+0(FP), a1+4(FP), 3)
	LEAVE(r1+16(FP), r2+20(FP), err+24(FP))
	CALL	runtime·exitsyscall(SB)
	RET

// func Syscall6(trap, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, err Errno)
TEXT ·Syscall6(SB),NOSPLIT,$28-40
	NO_LOCAL_POINTERS
	CALL	runtime·entersyscall(SB)
	ENTER(trap+0(FP), a1+4(FP), 6)
	LEAVE(r1+28(FP), r2+32(FP), err+36(FP))
	CALL	runtime·exitsyscall(SB)
	RET

// func Syscall9(trap, a1, a2, a3, a4, a5, a6, a7, a8, a9 uintptr) (r1, r2 uintptr, err Errno)
TEXT ·Syscall9(SB),NOSPLIT,$40-52
	NO_LOCAL_POINTERS
	CALL	runtime·entersyscall(SB)
	ENTER(trap+0(FP), a1+4(FP), 9)
	LEAVE(r1+40(FP), r2+44(FP), err+48(FP))
	CALL	runtime·exitsyscall(SB)
	RET

// func RawSyscall(trap, a1, a2, a3 uintptr) (r1, r2 uintptr, err Errno)
TEXT ·RawSyscall(SB),NOSPLIT,$16-28
	ENTER(trap+0(FP), a1+4(FP), 3)
	LEAVE(r1+16(FP), r2+20(FP), err+24(FP))
	RET

// func RawSyscall6(trap, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, err Errno)
TEXT ·RawSyscall6(SB),NOSPLIT,$28-40
	ENTER(trap+0(FP), a1+4(FP), 6)
	LEAVE(r1+28(FP), r2+32(FP), err+36(FP))
	RET
