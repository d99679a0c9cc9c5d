// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// Mach messages: osfmk/ipc/mach_msg.c. The kernel's side of the few MIG
// routines that a runtime without libSystem needs, and plain messages between
// the threads of the process.

// Options and results (osfmk/mach/message.h).
const (
	machSendMsg     = 1
	machRcvMsg      = 2
	machRcvLarge    = 4
	machSendTimeout = 0x10
	machRcvTimeout  = 0x100

	// Of mach_msg2 alone (from 8792): a send says what kind it is.
	mach64SendKobject = 2 << 32
	mach64SendMQ      = 4 << 32
	mach64SendAny     = 8 << 32
	mach64SendDK      = 0x10 << 32

	machSendInvalidDest  = 0x10000003
	machSendMsgTooSmall  = 0x10000008
	machSendInvalidData  = 0x10000002
	machSendInvalidReply = 0x10000009
	machRcvInvalidName   = 0x10004002
	machRcvTimedOut      = 0x10004003
	machRcvTooLarge      = 0x10004004
	machRcvInterrupted   = 0x10004005
	machRcvInvalidData   = 0x10004008
	machRcvPortDied      = 0x10004009

	msgHeaderSize  = 24
	msgTrailerSize = 8
	msgMax         = 64 << 10
	msgComplex     = 0x80000000

	dispMoveSend     = 17
	dispCopySend     = 19
	dispMakeSendOnce = 21

	migBadID = -303 // osfmk/mach/mig_errors.h
)

// A message is in a port's queue with its header as the receiver sees it,
// but the local name, and without the trailer.
type message struct{ b []byte }

// trapMachMsg(msg, option, send size, receive size, receive name, timeout, notify).
func trapMachMsg(t *Thread, a *args) int32 {
	return t.machMsgLegacy(a, a[0])
}

// trapMachMsgOverwrite has a receive buffer of its own.
func trapMachMsgOverwrite(t *Thread, a *args) int32 {
	rcv := a[7]
	if rcv == 0 {
		rcv = a[0]
	}
	return t.machMsgLegacy(a, rcv)
}

func (t *Thread) machMsgLegacy(a *args, rcv uint64) int32 {
	option := a[1]
	if option&machSendMsg != 0 {
		if t.p.Release >= XNU8792 {
			// A native 64-bit process is killed for sending this way
			// (xnu-8792 osfmk/ipc/mach_msg.c:mach_msg_legacy_allowed;
			// xnu-10063 osfmk/ipc/ipc_policy.c).
			return t.guardKill("it sent a Mach message by mach_msg_trap, which macOS 13 and later forbid")
		}
		size := uint32(a[2])
		if size < msgHeaderSize {
			return machSendMsgTooSmall
		}
		if size > msgMax {
			return machSendInvalidData
		}
		b := make([]byte, size)
		if !vcpu.CopyIn(b, a[0]) {
			return machSendInvalidData
		}
		if r := t.send(b); r != kernSuccess {
			return r
		}
	}
	if option&machRcvMsg != 0 {
		return t.receive(rcv, uint32(a[3]), uint32(a[4]), option, uint32(a[5]))
	}
	return kernSuccess
}

// trapMachMsg2 (from 8792): osfmk/ipc/mach_msg.c:mach_msg2_trap. The header
// comes in the arguments.
func trapMachMsg2(t *Thread, a *args) int32 {
	option := a[1]
	if option&machSendMsg != 0 {
		kinds := 0
		for _, k := range []uint64{mach64SendKobject, mach64SendMQ, mach64SendAny, mach64SendDK} {
			if option&k != 0 {
				kinds++
			}
		}
		if kinds != 1 {
			return t.guardKill("its mach_msg2_trap send does not say what kind it is")
		}
		size := uint32(a[2] >> 32)
		if size < msgHeaderSize {
			return machSendMsgTooSmall
		}
		if size > msgMax {
			return machSendInvalidData
		}
		b := make([]byte, size)
		if !vcpu.CopyIn(b, a[0]) {
			return machSendInvalidData
		}
		putUint32(b[0:], uint32(a[2]))
		putUint32(b[4:], size)
		putUint32(b[8:], uint32(a[3]))
		putUint32(b[12:], uint32(a[3]>>32))
		putUint32(b[16:], uint32(a[4]))
		putUint32(b[20:], uint32(a[4]>>32))
		if r := t.send(b); r != kernSuccess {
			return r
		}
	}
	if option&machRcvMsg != 0 {
		return t.receive(a[0], uint32(a[6]), uint32(a[5]>>32), option, uint32(a[7]))
	}
	return kernSuccess
}

// guardKill is a fatal guard exception.
func (t *Thread) guardKill(why string) int32 {
	warnf("the program is killed by EXC_GUARD: %s", why)
	host(syscall.SYS_KILL, hostCall(syscall.SYS_GETPID), uintptr(syscall.SIGKILL), 0, 0, 0, 0)
	select {}
}

// send delivers message b: to the kernel, which answers at once, or to a
// queue of the process itself.
func (t *Thread) send(b []byte) int32 {
	s := &t.p.ports
	bits, remote, local, id := getUint32(b), getUint32(b[8:]), getUint32(b[12:]), int32(getUint32(b[20:]))
	s.mu.Lock()
	defer s.mu.Unlock()
	dst := s.get(remote)
	if dst == nil {
		return machSendInvalidDest
	}
	var reply *port
	if local != 0 {
		if reply = s.get(local); reply == nil {
			return machSendInvalidReply
		}
	}
	if bits&0xff == dispMoveSend {
		dst.sends--
	}
	switch dst.kind {
	case portReceive:
		m := append([]byte(nil), b...)
		putUint32(m[4:], uint32(len(b)))
		putUint32(m[8:], local)
		dst.enqueue(m)
	case portTask, portThread, portHost, portClock:
		if ans := t.mig(dst, id, b); reply != nil && reply.kind == portReceive {
			reply.enqueue(ans)
		}
	default:
		return machSendInvalidDest
	}
	return kernSuccess
}

// enqueue puts a message into p's queue. The port space's mu is held.
func (p *port) enqueue(b []byte) {
	p.queue = append(p.queue, &message{b})
	for _, t := range p.waiter {
		t.unpark()
	}
}

// receive takes a message from the port of the given name.
func (t *Thread) receive(addr uint64, size, name uint32, option uint64, ms uint32) int32 {
	s := &t.p.ports
	var deadline int64
	if option&machRcvTimeout != 0 {
		deadline = after(uint64(ms) * 1e6)
	}
	for {
		s.mu.Lock()
		p := s.get(name)
		if p == nil || !p.recv {
			s.mu.Unlock()
			return machRcvInvalidName
		}
		if len(p.queue) > 0 {
			m := p.queue[0]
			n := len(m.b)
			if n+msgTrailerSize > int(size) {
				if option&machRcvLarge == 0 {
					p.queue = p.queue[1:]
				}
				s.mu.Unlock()
				return machRcvTooLarge
			}
			p.queue = p.queue[1:]
			s.mu.Unlock()
			putUint32(m.b[12:], name)
			b := append(m.b, 0, 0, 0, 0, msgTrailerSize, 0, 0, 0)
			if !vcpu.CopyOut(addr, b) {
				return machRcvInvalidData
			}
			return kernSuccess
		}
		if option&machRcvTimeout != 0 && ms == 0 {
			s.mu.Unlock()
			return machRcvTimedOut
		}
		t.prepare()
		p.waiter = append(p.waiter, t)
		s.mu.Unlock()
		w := t.sleep(deadline)
		s.mu.Lock()
		removeThread(&p.waiter, t)
		s.mu.Unlock()
		switch w {
		case timedOut:
			return machRcvTimedOut
		case interrupted:
			return machRcvInterrupted
		}
	}
}

// MIG ids (osfmk/mach/{task,mach_port,thread_act}.defs; all releases).
const (
	migPortAllocate     = 3204
	migPortDestroy      = 3205
	migPortDeallocate   = 3206
	migPortModRefs      = 3208
	migSemaphoreCreate  = 3418
	migSemaphoreDestroy = 3419
	migReply            = 100 // request + 100
)

// mig answers a request to the kernel. mu of the port space is held.
func (t *Thread) mig(dst *port, id int32, b []byte) []byte {
	s := &t.p.ports
	if dst.kind == portTask {
		switch id {
		case migSemaphoreCreate:
			if len(b) < 40 {
				return migError(id, kernInvalidArgument)
			}
			policy, value := getUint32(b[32:]), int32(getUint32(b[36:]))
			if value < 0 || policy&^7 != 0 {
				return migError(id, kernInvalidArgument)
			}
			name := s.add(&port{kind: portSemaphore, sends: 1, sema: &semaphore{count: value}})
			return migPort(id, name)
		case migSemaphoreDestroy:
			if len(b) < 40 {
				return migError(id, kernInvalidArgument)
			}
			p := s.get(getUint32(b[28:]))
			if p == nil || p.kind != portSemaphore {
				return migError(id, kernInvalidArgument)
			}
			p.sema.destroy()
			if b[38] == dispMoveSend { // the caller's reference is in the message
				if p.sends--; p.sends <= 0 {
					s.remove(getUint32(b[28:]))
				}
			}
			return migError(id, kernSuccess)
		case migPortDeallocate:
			if len(b) < 36 {
				return migError(id, kernInvalidArgument)
			}
			name := getUint32(b[32:])
			s.mu.Unlock()
			kr := s.dropSend(name, 1)
			s.mu.Lock()
			return migError(id, kr)
		case migPortDestroy:
			if len(b) < 36 {
				return migError(id, kernInvalidArgument)
			}
			name := getUint32(b[32:])
			s.mu.Unlock()
			kr := s.destroy(name)
			s.mu.Lock()
			return migError(id, kr)
		case migPortAllocate:
			name := s.add(&port{kind: portReceive, recv: true})
			m := migError(id, kernSuccess)
			m = append(m, 0, 0, 0, 0)
			putUint32(m[4:], uint32(len(m)))
			putUint32(m[36:], name)
			return m
		case migPortModRefs:
			if len(b) < 44 {
				return migError(id, kernInvalidArgument)
			}
			name, right, delta := getUint32(b[32:]), getUint32(b[36:]), int32(getUint32(b[40:]))
			s.mu.Unlock()
			kr := s.modRefs(name, right, delta)
			s.mu.Lock()
			return migError(id, kr)
		}
	}
	if dst.kind == portHost {
		s.mu.Unlock()
		m := t.migHost(id, b)
		s.mu.Lock()
		if m != nil {
			return m
		}
	}
	warnf("the Mach message %d to the kernel is not implemented: MIG_BAD_ID", id)
	return migError(id, migBadID)
}

// migHeader starts a reply of n bytes.
func migHeader(id int32, bits uint32, n int) []byte {
	b := make([]byte, n, n+msgTrailerSize)
	const moveSendOnceLocal = 18 << 8
	putUint32(b[0:], bits|moveSendOnceLocal)
	putUint32(b[4:], uint32(n))
	putUint32(b[20:], uint32(id+migReply))
	return b
}

// migError is a reply with nothing but a kern_return_t.
func migError(id, kr int32) []byte {
	b := migHeader(id, 0, 36)
	b[28] = 1 // NDR: little endian
	putUint32(b[32:], uint32(kr))
	return b
}

// migPort is a reply that carries one send right.
func migPort(id int32, name uint32) []byte {
	b := migHeader(id, msgComplex, 40)
	putUint32(b[24:], 1)
	putUint32(b[28:], name)
	b[38] = dispMoveSend
	return b
}
