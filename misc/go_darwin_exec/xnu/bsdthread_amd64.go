// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import "goxnu/misc/go_darwin_exec/vcpu"

// startRegs sets the registers that a new thread starts with. Up to 4570 the
// stack pointer is a red zone below what the caller gave
// (xnu-1504 bsd/kern/pthread_synch.c:bsdthread_create and libpthread after
// it), from 4903 it is that itself; Go's own runtimes relied on func, arg and
// stack being in RDX, RCX and R8, and libpthread's kernel half keeps them
// there for it.
func (t *Thread) startRegs(threadstart, fn, arg, stack, pthread uint64, port, flags uint32) {
	sp := stack
	if t.p.Release < XNU4903 {
		sp -= 128
	}
	t.cpu.Regs = vcpu.Regs{
		RIP:    threadstart,
		RDI:    pthread,
		RSI:    uint64(port),
		RDX:    fn,
		RCX:    arg,
		R8:     stack,
		R9:     uint64(flags),
		RSP:    sp,
		RFLAGS: 0x202,
	}
}
