// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package vcpu

// Regs are the general registers, in the order of Linux's gregs
// (arch/x86/include/uapi/asm/sigcontext.h), so that a signal frame is copied
// without shuffling.
type Regs struct {
	R8, R9, R10, R11, R12, R13, R14, R15 uint64
	RDI, RSI, RBP, RBX, RDX, RAX, RCX    uint64
	RSP, RIP, RFLAGS                     uint64
}
