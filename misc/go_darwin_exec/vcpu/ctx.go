// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

// Package vcpu runs guest instructions natively on the calling OS thread and
// hands control back to Go when the guest makes a system call, faults, or is
// kicked by another thread.
//
// It holds everything that depends on machine code, on the layout of the Go
// runtime's data, or on Linux's signal frames. The rest of the runner is
// ordinary Go.
//
// A guest thread is a goroutine that is locked to its OS thread and owns a
// Ctx:
//
//	runtime.LockOSThread()
//	err := c.Bind()
//	...
//	for !done {
//		switch c.Run() {
//		case EventSyscall: // serve it, set the result registers
//		case EventFault:   // make it a signal
//		}
//		if c.TakeKick() {
//			// look for whatever other threads want
//		}
//	}
//	c.Unbind()
//
// A kick never gets lost: Kick stores the request first and sends a host
// signal second, and the owner takes the request before it looks for the work
// that the kick announced.
//
// The package owns the host's SIGSYS, SIGSEGV, SIGBUS, SIGFPE, SIGILL,
// SIGTRAP and the kick signal. Nobody else may give them to os/signal. What
// does not come from a guest is passed on to the Go runtime's handler.
package vcpu

import (
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// A Ctx is the machine state of one guest thread. It lives outside the Go
// heap, never moves, holds no Go pointers and is never unmapped: signal
// handlers and other threads may look at it at any time.
//
// The registers may be read and written between two calls of Run, by the
// owning thread.
type Ctx struct {
	Regs

	// Set by a Run that returned EventFault.
	Trapno  uint64 // vector
	ErrCode uint64
	CR2     uint64
	SiCode  int32 // Linux si_code

	// Int is the vector by which the last EventSyscall came, if that was by
	// INT: 0x80 to 0x82 of 32-bit code, 0x80 of 64-bit code, which can use
	// that gate too. 0 is SYSCALL.
	Int uint8

	// Sysenter says that the last EventSyscall came by 32-bit code's
	// SYSENTER. RIP and RSP are already what it passed in EDX and ECX, and
	// Int is the gate that would have done the same.
	Sysenter bool

	// Trapped says that the last EventSyscall came by a trap, not from a
	// trampoline (see FastEntry).
	Trapped bool

	// Code32 says that the guest is 32-bit code: only the low halves of
	// the first eight registers, RIP and RSP count. It is set once, before
	// Bind.
	Code32 bool

	hostSP  uint64 // while the guest runs: the stack to come back to
	hostBP  uint64
	inGuest uint32    // its low byte is the dispatch selector: 1 = the guest runs
	pending uint32    // a kick that the loop has not taken yet
	inCp    uint32    // a cancellable host call is under way
	reason  uint32    // Event of the last exit
	xvalid  uint32    // where the guest's FP state is: xvalidArea or xvalidQuick
	mxcsr   uint32    // with xvalidQuick
	xdirty  uint32    // XState was handed out: sanitize before entry
	tid     int32     // host thread, 0 = not bound
	gsBase  uint64    // while not bound
	iret    [5]uint64 // frame for IRETQ, to enter with TF set
	ldt     uint16    // entry of the local descriptor table, 0 = none (Code32)
	gs      uint16    // GS selector (Code32)
	tlsBase uint32    // base of the segment in ldt

	_     [ymmOffset - 280]byte
	ymm   [16][32]byte // with xvalidQuick
	xarea [xareaSize]byte

	timer int32 // the host's timer of attempt, plus 1; 0 = none yet
	sigev hostSigevent
}

// hostSigevent is the host's struct sigevent
// (include/uapi/asm-generic/siginfo.h), with room for the id of the timer.
type hostSigevent struct {
	value  uint64
	signo  int32
	notify int32
	tid    int32
	_      [44]byte
	id     int32
}

const (
	ymmOffset   = 512
	xareaOffset = ymmOffset + 16*32
	xareaSize   = 11264 // holds any standard-format image without dynamic components above AMX
	ctxSize     = unsafe.Sizeof(Ctx{})
)

// XSAVE wants its area 64-byte aligned; Ctxs are page aligned.
var (
	_ [unsafe.Offsetof(Ctx{}.xarea) - xareaOffset]struct{}
	_ [xareaOffset - unsafe.Offsetof(Ctx{}.xarea)]struct{}
	_ [-(xareaOffset % 64)]struct{}
)

// Values of xvalid. With xvalidQuick the vector registers are in ymm, MXCSR in
// mxcsr, the x87 state still in the CPU, and everything else is initial.
const (
	xvalidArea  = 1
	xvalidQuick = 2
)

// An Event says why Run returned.
type Event int

const (
	EventSyscall Event = 1 + iota // the guest made a system call; RIP is behind the instruction
	EventKick                     // another thread called Kick
	EventFault                    // the guest faulted: see Trapno, ErrCode, CR2 and SiCode
)

func (e Event) String() string {
	switch e {
	case EventSyscall:
		return "syscall"
	case EventKick:
		return "kick"
	case EventFault:
		return "fault"
	}
	return "Event(" + strconv.Itoa(int(e)) + ")"
}

// free holds Ctxs for reuse. They are never unmapped: a late Kick may still
// look at one.
var free struct {
	sync.Mutex
	list []*Ctx
}

// New returns a Ctx with zero registers and initial FP state.
func New() (*Ctx, error) {
	free.Lock()
	defer free.Unlock()
	if len(free.list) == 0 {
		const n = 8
		const stride = (ctxSize + 4095) &^ 4095
		p, _, errno := syscall.RawSyscall6(syscall.SYS_MMAP, 0, n*stride, syscall.PROT_READ|syscall.PROT_WRITE,
			syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0), 0)
		if errno != 0 {
			return nil, errno
		}
		for i := uintptr(0); i < n; i++ {
			free.list = append(free.list, (*Ctx)(hostPointer(p+i*stride)))
		}
	}
	c := free.list[len(free.list)-1]
	free.list = free.list[:len(free.list)-1]
	c.Regs = Regs{RFLAGS: 0x202}
	atomic.StoreUint32(&c.pending, 0)
	c.gsBase = 0
	c.Code32, c.Sysenter = false, false
	c.ResetFP()
	return c, nil
}

// Free gives an unbound Ctx back.
func (c *Ctx) Free() {
	free.Lock()
	free.list = append(free.list, c)
	free.Unlock()
}

// hostPointer makes a pointer of the address of memory that is not in the Go heap.
func hostPointer(p uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&p))
}
