// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

#include "textflag.h"

#define SYS_prlimit64 302

// func getrlimit(resource uintptr, l *Limit) (ok bool)
TEXT ·getrlimit(SB), NOSPLIT, $0-17
	MOVL	$SYS_prlimit64, AX
	XORL	DI, DI
	MOVQ	resource+0(FP), SI
	XORL	DX, DX
	MOVQ	l+8(FP), R10
	SYSCALL
	TESTQ	AX, AX
	SETEQ	ok+16(FP)
	RET
