// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

#include "textflag.h"
#include "xnu_darwin_386.h"

// sigprocmask: how, new, old. Error: the program ends.
// It changes the mask of every thread.
//
//graft:replace sys_darwin_386.s f12061700df8 kernel entry 48 instead of 329
TEXT runtime·sigprocmask(SB),NOSPLIT,$0-12
	MOVL	$XNU_sigprocmask, AX
	INT	$0x80
	JCC	ok
	MOVL	$XNU_sigprocmask, CX
	JMP	runtime·entryRefused(SB)
ok:
	RET
