// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

// Threads: xnu-1504 to xnu-2050 bsd/kern/pthread_synch.c; from xnu-2422 the
// kernel's half of libpthread, which XNU reaches through
// bsd/pthread/pthread_shims.c.

import "goxnu/misc/go_darwin_exec/mem"

// A pthreadRegistration is what bsdthread_register has stored.
type pthreadRegistration struct {
	done        bool
	threadstart uint64
	wqthread    uint64
	pthsize     uint32
	tsdOffset   uint32
}

// pthreadFeatures is a bsdthread_register result of libpthread's kernel half,
// which hands feature bits out from 2422 on. The bits are not in XNU's source;
// these say that the thread functions that the runner has are there.
const pthreadFeatures = 0x1f

// sysBsdthreadRegister can be called once for each image; fork keeps it.
func sysBsdthreadRegister(t *Thread, a *args) (uint64, Errno) {
	p := t.p
	p.lock()
	defer p.unlock()
	if p.pthread.done {
		return 0, EINVAL
	}
	r := pthreadRegistration{done: true, threadstart: a[0], wqthread: a[1], pthsize: uint32(a[2])}
	if p.Release >= XNU2782 {
		r.tsdOffset = uint32(a[6])
	}
	p.pthread = r
	if p.Release >= XNU2422 {
		return pthreadFeatures, 0
	}
	return 0, 0
}

// Flags of bsdthread_create.
const (
	pthreadStartCustom     = 0x01000000
	pthreadStartTSDBaseSet = 0x10000000
)

// maxThreads is how many threads a task can have (kern.num_taskthreads).
const maxThreads = 2048

// sysBsdthreadCreate(func, arg, stack, pthread, flags).
func sysBsdthreadCreate(t *Thread, a *args) (uint64, Errno) {
	p := t.p
	reg := &p.pthread
	stack, pthread, flags := a[2], a[3], uint32(a[4])
	if !reg.done {
		return 0, EINVAL
	}
	if flags&pthreadStartCustom == 0 {
		if p.Release >= XNU2422 {
			return 0, EINVAL
		}
		var e Errno
		if stack, pthread, e = t.threadStack(stack); e != 0 {
			return 0, e
		}
	}
	p.lock()
	if len(p.threads) >= maxThreads {
		p.unlock()
		return 0, ENOMEM
	}
	n, err := p.newThread(t)
	p.unlock()
	if err != nil {
		return 0, ENOMEM
	}
	name := p.ports.threadName(n)
	if p.Release >= XNU2782 && reg.tsdOffset != 0 {
		// The kext sets the thread's TLS base and says so in the flags.
		n.setTSDBase(pthread + uint64(reg.tsdOffset))
		flags |= pthreadStartTSDBaseSet
	}
	if p.abi == abi32 {
		n.startRegs32(reg.threadstart, a[0], a[1], stack, pthread, name, flags)
		n.start()
		return pthread, 0
	}
	n.startRegs(reg.threadstart, a[0], a[1], stack, pthread, name, flags)
	n.start()
	return pthread, 0
}

// threadStack allocates what the kernel does up to 2050 if the caller brings
// no stack: a guard page, size bytes of stack, and the pthread above its top.
func (t *Thread) threadStack(size uint64) (top, pthread uint64, e Errno) {
	const hint, guard = 0xb0000000, 4096
	size = (size + guard - 1) &^ (guard - 1)
	total := guard + size + uint64(t.p.pthread.pthsize)
	base, errno := t.p.Space.Map(mem.Mapping{Addr: hint, Size: total, Prot: mem.ProtRead | mem.ProtWrite, FD: -1})
	if errno != 0 {
		return 0, 0, ENOMEM
	}
	t.p.Space.Protect(base, guard, 0)
	return base + guard + size, base + guard + size, 0
}

// sysBsdthreadTerminate(stackaddr, freesize, port, sem) ends the thread. The
// stack may be the one it runs on. Errors do not keep it from ending
// (xnu-1504 bsd/kern/pthread_synch.c:bsdthread_terminate).
func sysBsdthreadTerminate(t *Thread, a *args) (uint64, Errno) {
	p := t.p
	addr, size, name, sem := a[0], a[1], uint32(a[2]), a[3]
	if addr != 0 && size != 0 {
		if addr&(1<<12-1) != 0 {
			return 0, EINVAL
		}
		if e := p.Space.Unmap(addr, size); e != 0 {
			return 0, EINVAL
		}
	}
	t.dead = true
	// A joiner that sem wakes may look at the thread before it is gone; a
	// ulock, from 8020, is woken after that.
	ulock := p.Release >= XNU8020 && sem&3 != 3
	switch {
	case sem == 0 || ulock:
	default:
		if s, kr := p.semaphore(uint32(sem)); kr == 0 {
			s.signal()
		}
	}
	if name != 0 {
		p.ports.dropSend(name, 1)
	}
	if ulock && sem != 0 {
		t.joiner = sem
	}
	return 0, EJUSTRETURN
}

// sysBsdthreadCtl accepts the quality-of-service commands, which the host
// has nothing to match (xnu-11417 bsd/pthread/bsdthread_private.h).
func sysBsdthreadCtl(t *Thread, a *args) (uint64, Errno) {
	switch a[0] {
	case 0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x1000, 0x2000:
		return 0, 0
	}
	return 0, EINVAL
}

func sysThreadSelfid(t *Thread, a *args) (uint64, Errno) { return t.id, 0 }

// sysPthreadCanceled: nobody is ever cancelled, as nobody is marked
// (bsd/kern/kern_sig.c:__pthread_canceled).
func sysPthreadCanceled(t *Thread, a *args) (uint64, Errno) {
	if int32(a[0]) == 0 {
		return 0, EINVAL
	}
	return 0, 0
}

// sysPthreadMarkcancel marks nobody: no thread of a Go program is cancelled.
func sysPthreadMarkcancel(t *Thread, a *args) (uint64, Errno) { return 0, 0 }

func trapThreadSelf(t *Thread, a *args) int32 { return int32(t.p.ports.threadName(t)) }
