// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package runtime

// Vectors of the traps of which the kernel makes SIGTRAP (xnu-11417
// osfmk/i386/trap.c: user_trap; the same from xnu-1504 on).
const (
	trapDebug = 1 // a single step, a watchpoint
	trapINT3  = 3
)

// fixtrap makes of a SIGTRAP that somebody sent what it is. The kernel reports
// every one as a breakpoint (xnu-3789 bsd/dev/i386/unix_signal.c: sendsig), but
// the frame has the vector by which the thread last entered the kernel (pcb.c:
// get_exception_state64), which for a signal from outside is a call's or an
// interrupt's. The instruction before the program counter would not tell:
// where a function begins, it is the INT 3 that fills the space before it.
//
//go:nosplit
func (c *sigctxt) fixtrap() {
	trapno := (*ucontext)(c.ctxt).uc_mcontext.es.trapno
	if trapno != trapDebug && trapno != trapINT3 {
		c.set_sigcode(_SI_USER)
	}
}
