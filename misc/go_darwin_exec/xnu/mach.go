// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// Mach traps that are not about semaphores, messages or memory.

func (s *portSpace) addRef(name uint32) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.get(name).sends++
	return name
}

func trapTaskSelf(t *Thread, a *args) int32 { return int32(t.p.ports.addRef(t.p.ports.task)) }
func trapHostSelf(t *Thread, a *args) int32 { return int32(t.p.ports.addRef(t.p.ports.host)) }

func (s *portSpace) newReceive() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(&port{kind: portReceive, recv: true})
}

func trapMachReplyPort(t *Thread, a *args) int32 { return int32(t.p.ports.newReceive()) }

// isSelf says whether a task argument names this task, the only one there is.
func (t *Thread) isSelf(name uint64) bool { return uint32(name) == t.p.ports.task }

// Rights (osfmk/mach/port.h).
const (
	rightSend     = 0
	rightReceive  = 1
	rightSendOnce = 2
	rightPortSet  = 3
	rightDeadName = 4
)

func trapMachPortAllocate(t *Thread, a *args) int32 {
	if !t.isSelf(a[0]) {
		return kernInvalidTask
	}
	switch uint32(a[1]) {
	case rightReceive, rightPortSet, rightDeadName:
	default:
		return kernInvalidValue
	}
	name := t.p.ports.newReceive()
	if !vcpu.Store32(a[2], name) {
		t.p.ports.destroy(name)
		return kernInvalidAddress
	}
	return kernSuccess
}

func trapMachPortDestroy(t *Thread, a *args) int32 {
	if !t.isSelf(a[0]) {
		return kernInvalidTask
	}
	return t.p.ports.destroy(uint32(a[1]))
}

func trapMachPortDeallocate(t *Thread, a *args) int32 {
	if !t.isSelf(a[0]) {
		return kernInvalidTask
	}
	return t.p.ports.dropSend(uint32(a[1]), 1)
}

func trapMachPortModRefs(t *Thread, a *args) int32 {
	if !t.isSelf(a[0]) {
		return kernInvalidTask
	}
	return t.p.ports.modRefs(uint32(a[1]), uint32(a[2]), int32(a[3]))
}

// modRefs: osfmk/ipc/mach_port.c:mach_port_mod_refs, ipc_right.c:ipc_right_delta.
func (s *portSpace) modRefs(name, right uint32, delta int32) int32 {
	switch right {
	case rightSend, rightSendOnce, rightDeadName:
		if delta < 0 {
			return s.dropSend(name, int(-delta))
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		p := s.get(name)
		if p == nil {
			return kernInvalidName
		}
		p.sends += int(delta)
		return kernSuccess
	case rightReceive, rightPortSet:
		switch {
		case delta == 0:
			return kernSuccess
		case delta != -1:
			return kernInvalidValue
		}
		if p := s.lookup(name); p == nil {
			return kernInvalidName
		} else if !p.recv {
			return kernInvalidRight
		}
		return s.destroy(name)
	}
	return kernInvalidValue
}

// trapMachPortConstruct(task, options, context, name): the options do not
// matter to a port that only this process knows.
func trapMachPortConstruct(t *Thread, a *args) int32 {
	if !t.isSelf(a[0]) {
		return kernInvalidTask
	}
	name := t.p.ports.newReceive()
	if !vcpu.Store32(a[3], name) {
		t.p.ports.destroy(name)
		return kernInvalidAddress
	}
	return kernSuccess
}

// trapSwtch: osfmk/kern/syscall_subr.c:swtch, swtch_pri. The result says
// whether another thread could have run.
func trapSwtch(t *Thread, a *args) int32 {
	t.cpu.Blocking(syscall.SYS_SCHED_YIELD, 0, 0, 0, 0, 0, 0)
	return 1
}

func trapPfzExit(t *Thread, a *args) int32 { return kernSuccess }

// Options of thread_switch (osfmk/mach/thread_switch.h).
const (
	switchNone    = 0
	switchDepress = 1
	switchWait    = 2
)

// trapThreadSwitch: syscall_subr.c:thread_switch. A signal ends the wait
// without an error.
func trapThreadSwitch(t *Thread, a *args) int32 {
	switch uint32(a[1]) {
	case switchNone, switchDepress:
		return trapSwtch(t, a) &^ 1
	case switchWait:
		t.prepare()
		t.sleep(after(uint64(uint32(a[2])) * 1e6))
		return kernSuccess
	}
	return kernInvalidArgument
}

// trapMachTimebaseInfo: 1/1 on Intel (osfmk/i386/rtclock.c).
func trapMachTimebaseInfo(t *Thread, a *args) int32 {
	if !vcpu.Store64(a[0], 1<<32|1) {
		return kernInvalidAddress
	}
	return kernSuccess
}

// trapMachWaitUntil: osfmk/kern/clock.c:mach_wait_until_trap.
func trapMachWaitUntil(t *Thread, a *args) int32 {
	if a[0] == 0 || a[0] <= t.machTime() {
		return kernSuccess
	}
	t.prepare()
	if t.sleep(int64(min(a[0], 1<<63-1))) == interrupted {
		return kernAborted
	}
	return kernSuccess
}

func trapPidForTask(t *Thread, a *args) int32 {
	if !t.isSelf(a[0]) {
		return kernFailure
	}
	if !vcpu.Store32(a[1], uint32(hostCall(syscall.SYS_GETPID))) {
		return kernInvalidAddress
	}
	return kernSuccess
}

// trapTaskForPid gives the caller's own task; others' are refused, as XNU
// refuses them to unprivileged programs (bsd/vm/vm_unix.c:task_for_pid).
func trapTaskForPid(t *Thread, a *args) int32 {
	if uint32(a[1]) != uint32(hostCall(syscall.SYS_GETPID)) {
		vcpu.Store32(a[2], 0)
		return kernFailure
	}
	if !vcpu.Store32(a[2], t.p.ports.addRef(t.p.ports.task)) {
		return kernInvalidAddress
	}
	return kernSuccess
}
