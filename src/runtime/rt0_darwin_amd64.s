// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

#include "go_asm.h"
#include "textflag.h"

// The kernel starts a static program here with argc at 0(SP), argv above it, and
// GS base 0 (xnu-1504 to xnu-11417 bsd/kern/kern_exec.c:create_unix_stack).
// rt0_go expects that TLS works on darwin, so make it work first. SP need not be
// aligned yet.
TEXT _rt0_amd64_darwin(SB),NOSPLIT|NOFRAME,$0
	LEAQ	runtime·m0+m_tls(SB), DI
	CALL	runtime·settls(SB)
	JMP	_rt0_amd64(SB)
