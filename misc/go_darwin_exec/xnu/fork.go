// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"

	"goxnu/misc/go_darwin_exec/hostsig"
	"goxnu/misc/go_darwin_exec/vcpu"
)

// sysFork: bsd/kern/kern_fork.c:fork. The parent gets the child's pid and 0,
// the child its own pid and 1.
//
// The child is a copy of this process with this one thread. There the Go
// runtime is no more than a library of functions that must not allocate, lock
// or block: see child.go. It is in the process group, and can be sent signals,
// from its birth (kern_fork.c:forkproc, pinsertchild).
func sysFork(t *Thread, a *args) (uint64, Errno) {
	p := t.p
	if p.child {
		return 0, EAGAIN
	}
	execLock.Lock()
	p.mu.Lock()
	p.ports.mu.Lock()
	ttys.mu.Lock()
	p.patcher.Lock() // before Space: see patch.Trap
	p.Space.Lock()
	pid, child, errno := vcpu.Fork()
	if !child {
		p.Space.Unlock()
		p.patcher.Unlock()
		ttys.mu.Unlock()
		p.ports.mu.Unlock()
		p.mu.Unlock()
		execLock.Unlock()
		t.rval1 = 0
		return uint64(pid), fromHost(errno)
	}
	p.child = true
	t.forkedCwd()
	p.Space.InChild()
	p.sig.Fork(t.sig)
	p.ports.gone = true
	t.ast.Store(0)
	kqueueForked()
	// What was sent to the child since it is there waits on the host.
	own := hostCall(syscall.SYS_GETPID)
	hostsig.InChild(int(own))
	p.hostStops()
	hostSigmask(linuxSigSetmask, 0)
	t.ttyMask = 0
	t.rval1 = 1
	return uint64(own), 0
}

// sysExit: bsd/kern/kern_exit.c:exit.
func sysExit(t *Thread, a *args) (uint64, Errno) {
	if tr := t.tracing(); tr != nil && int32(a[0]) != 0 {
		tr.dump()
	}
	t.p.exit(int(int32(a[0])))
	return 0, 0
}
