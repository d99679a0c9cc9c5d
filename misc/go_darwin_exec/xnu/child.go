// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import "syscall"

// The child of a fork, before it executes something, runs in a copy of the
// runner that has one thread and no Go scheduler. It may make the calls that
// have the flag child in lib/xnu/syscalls.tsv and traps.tsv: their handlers
// allocate nothing, take no lock, start nothing and store no pointers in the
// heap. These are the calls that a program can reasonably make between fork
// and exec, among them all that syscall's forkAndExecInChild makes.

// leaveChild goes on in a new runner with a call that cannot be made here. If
// that is impossible, the child ends.
func (t *Thread) leaveChild(name string) {
	t.checkpoint()
	b := t.fs.buf[:0]
	b = append(b, Name+": "...)
	b = append(b, name...)
	b = append(b, " cannot be called in the child of a fork, before exec\n"...)
	host(syscall.SYS_WRITE, 2, hostBuf(&b[0]), uintptr(len(b)), 0, 0, 0)
	t.p.exit(HostFailure)
}
