// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

#include "textflag.h"

// sigprocmask(48): how, new, old. Error: the program ends.
// It changes the mask of every thread.
//
//graft:replace sys_darwin_386.s 6b1713c1d80b kernel entry 48 instead of 329
TEXT runtime·sigprocmask(SB),NOSPLIT,$0-12
	MOVL	$48, AX
	INT	$0x80
	JCC	ok
	MOVL	$48, CX
	JMP	runtime·entryRefused(SB)
ok:
	RET
