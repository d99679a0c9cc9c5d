// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

#include "textflag.h"

// The kernel starts a static program here with argc at 0(SP) and argv above it
// (xnu-1504 to xnu-4903 bsd/kern/kern_exec.c:create_unix_stack). rt0_go sets up
// TLS by setldt before anything uses it.
TEXT _rt0_386_darwin(SB),NOSPLIT|NOFRAME,$0
	JMP	_rt0_386(SB)
