// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

#include "textflag.h"
#include "xnu_darwin_amd64.h"

// sigprocmask: how, new, old. Error: the program ends.
// It changes the mask of every thread.
//
//graft:replace sys_darwin_amd64.s c32861d0b1ba kernel entry 48 instead of 329
TEXT runtime·sigprocmask(SB),NOSPLIT,$8-24
	MOVL	how+0(FP), DI
	MOVQ	new+8(FP), SI
	MOVQ	old+16(FP), DX
	MOVL	$XNU_sigprocmask, AX
	SYSCALL
	JCC	ok
	MOVL	$(XNU_sigprocmask&0xffffff), 0(SP)
	MOVL	AX, 4(SP)
	CALL	runtime·kernelRefused(SB)
ok:
	RET
