// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import "sync"

// A portKind says what a port name stands for.
type portKind uint8

const (
	portReceive portKind = iota + 1 // a queue of messages, with its receive right here
	portTask
	portHost
	portThread
	portSemaphore
	portClock
)

// A port is one entry of the process's port name space.
type port struct {
	kind   portKind
	sends  int  // user references of the send right
	recv   bool // the receive right is here
	thread *Thread
	sema   *semaphore
	queue  []*message // of kind portReceive
	waiter []*Thread  // receivers asleep
}

// A portSpace maps names to ports. Its mutex guards the ports too.
type portSpace struct {
	mu    sync.Mutex
	ports []*port // by index: see portName
	free  []uint32
	task  uint32
	host  uint32
	gone  bool // this is a forked child: no names were inherited
}

// Port names are an index and a generation, the lower eight bits; those of a
// young process end in 03 (osfmk/mach/port.h:MACH_PORT_MAKE, ipc_entry.c).
func portName(index uint32) uint32   { return index<<8 | 3 }
func portIndex(name uint32) uint32   { return name >> 8 }
func validPortName(name uint32) bool { return name&0xff == 3 }

func (s *portSpace) init() {
	s.ports = append(s.ports, nil) // name 0 is MACH_PORT_NULL
	s.task = s.add(&port{kind: portTask})
	s.host = s.add(&port{kind: portHost})
}

// add gives a port a name. mu is held, or nobody else knows s yet.
func (s *portSpace) add(p *port) uint32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		s.ports[i] = p
		return portName(i)
	}
	s.ports = append(s.ports, p)
	return portName(uint32(len(s.ports) - 1))
}

// get returns the port of a name, nil if there is none. mu is held.
func (s *portSpace) get(name uint32) *port {
	if i := portIndex(name); validPortName(name) && i < uint32(len(s.ports)) {
		return s.ports[i]
	}
	return nil
}

// lookup is get for callers without mu.
func (s *portSpace) lookup(name uint32) *port {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get(name)
}

// remove frees a name. mu is held.
func (s *portSpace) remove(name uint32) {
	i := portIndex(name)
	s.ports[i] = nil
	s.free = append(s.free, i)
}

// thread returns the thread of a name. p.mu is held.
func (s *portSpace) thread(name uint32) *Thread {
	if s.gone {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.get(name); p != nil && p.kind == portThread {
		return p.thread
	}
	return nil
}

// threadName returns t's name, with a reference more: thread_self, and each
// new thread's argument.
func (s *portSpace) threadName(t *Thread) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.port == 0 {
		t.port = s.add(&port{kind: portThread, thread: t})
	}
	s.get(t.port).sends++
	return t.port
}

// threadGone makes the name of an ended thread a dead one, and frees it if
// nobody holds a reference.
func (s *portSpace) threadGone(t *Thread) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.get(t.port); t.port != 0 && p != nil && p.thread == t {
		p.thread = nil
		if p.sends <= 0 {
			s.remove(t.port)
		}
	}
}

// dropSend takes n user references away (osfmk/ipc/mach_port.c:
// mach_port_deallocate, mach_port_mod_refs).
func (s *portSpace) dropSend(name uint32, n int) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.get(name)
	switch {
	case p == nil:
		return kernInvalidName
	case p.sends < n:
		if p.kind == portTask || p.kind == portHost || p.kind == portThread && p.thread != nil {
			p.sends = 0
			return kernSuccess
		}
		return kernInvalidRight
	}
	p.sends -= n
	if p.sends > 0 || p.recv {
		return kernSuccess
	}
	switch p.kind {
	case portTask, portHost:
		// The kernel keeps them.
	case portThread:
		if p.thread == nil {
			s.remove(name)
		}
	case portSemaphore:
		s.remove(name)
	default:
		s.remove(name)
	}
	return kernSuccess
}

// destroy takes a name with all its rights away (mach_port_destroy).
func (s *portSpace) destroy(name uint32) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.get(name)
	if p == nil {
		return kernInvalidName
	}
	switch p.kind {
	case portTask, portHost, portThread:
		p.sends = 0
		return kernSuccess
	}
	s.remove(name)
	for _, t := range p.waiter {
		t.unpark()
	}
	return kernSuccess
}
