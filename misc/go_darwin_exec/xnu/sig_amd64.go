// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// frameState is what a thread needs to build and to read handler frames,
// without allocating.
type frameState struct {
	buf    [xsig.MaxFrame]byte
	avx512 bool // the thread has used AVX-512; sticky, as in XNU (osfmk/i386/fpu.c)

	// hidden is the AVX-512 state under the frames of a release whose frames
	// have no place for it (xsig.SaveHidden), the innermost last.
	hidden  [8]hiddenState
	nhidden int
}

type hiddenState struct {
	uctx uint64
	used bool
	data [xsig.HiddenSize]byte
}

// hide puts aside what the frame at uctx does not hold. If handlers nest
// deeper than there is room, the outermost loses.
func (fs *frameState) hide(uctx uint64, x []byte) {
	if fs.nhidden == len(fs.hidden) {
		copy(fs.hidden[:], fs.hidden[1:])
		fs.nhidden--
	}
	h := &fs.hidden[fs.nhidden]
	fs.nhidden++
	h.uctx = uctx
	h.used = xsig.SaveHidden(h.data[:], x)
}

// unhide brings back what hide put aside for uctx, and forgets the frames
// below, which were left without sigreturn.
func (fs *frameState) unhide(uctx uint64, x []byte) {
	for i := fs.nhidden - 1; i >= 0; i-- {
		if h := &fs.hidden[i]; h.uctx == uctx {
			xsig.RestoreHidden(x, h.data[:], h.used)
			fs.nhidden = i
			return
		}
	}
}

// sendsig pushes the frame for d and enters the trampoline. It reports false
// if the frame cannot be written (bsd/dev/i386/unix_signal.c:sendsig).
func (t *Thread) sendsig(d *xsig.Delivery) bool {
	r := &t.cpu.Regs
	x := t.cpu.XState()
	fs := &t.frame
	if xsig.UsesAVX512(x) {
		fs.avx512 = true
	}
	if t.abi() == abi32 {
		return t.sendsig32(d, x)
	}
	base := r.RSP
	if d.Switch {
		base = d.Alt.SP + d.Alt.Size
	}
	rel := int(t.p.Release)
	f := xsig.Place(base, rel, fs.avx512)
	m := t.machine(x)
	si := t.siginfo(d)
	f.Encode(fs.buf[:], d, &m, &si)
	if !userRange(f.MC, f.Size()) || !vcpu.CopyOut(f.MC, fs.buf[:f.Size()]) {
		return false
	}
	if t.p.Release < XNU4570 {
		fs.hide(f.UC, x)
	}
	f.Enter(r, d, rel)
	t.entry.cs = 0
	t.cpu.ResetFP()
	return true
}

// machine is the interrupted state of t.
func (t *Thread) machine(x []byte) xsig.Machine {
	m := xsig.Machine{Regs: &t.cpu.Regs, X: x, Trapno: t.entry.trapno, Err: t.entry.err, Vaddr: t.faultAddr(), CS: t.entry.cs}
	return m
}

// faultAddr is CR2 at the last entry into the kernel: the address of the last
// page fault, from 10002 on only if that entry was one (osfmk/x86_64/idt64.s).
func (t *Thread) faultAddr() uint64 {
	if t.p.Release >= XNU10002 && t.entry.trapno != trapPF {
		return 0
	}
	return t.cr2
}

// userRange says whether n bytes at a lie in user space.
func userRange(a uint64, n int) bool {
	const top = 0x7fffffe00000
	return a < top && a+uint64(n) <= top
}

// siginfo makes the handler's siginfo (xnu-11417
// bsd/dev/i386/unix_signal.c:sendsig). For the signals of exceptions it tells
// of the code of the thread's last exception, of whatever kind that was, also if
// the signal came from kill.
func (t *Thread) siginfo(d *xsig.Delivery) xsig.Siginfo {
	si := xsig.Siginfo{
		Pid: d.Info.Pid, Uid: d.Info.Uid, Status: d.Info.Status,
		Addr: t.cpu.Regs.RIP,
	}
	e := &t.exc
	switch d.Sig {
	case SIGCHLD:
		si.Code = d.Info.Code
		si.Addr = 0
	case SIGILL:
		if e.code == excI386Invop {
			si.Code = illIllopc
		}
	case SIGFPE:
		switch e.code {
		case excI386Div:
			si.Code = fpeIntdiv
		case excI386Into:
			si.Code = fpeIntovf
		default:
			si.Code = fpeCode(e.sub)
		}
	case SIGBUS:
		si.Code = busAdrerr
		si.Addr = t.faultAddr()
	case SIGTRAP:
		si.Code = trapBrkpt
	case SIGSEGV:
		si.Addr = t.faultAddr()
		switch e.code {
		case excI386GPFault:
			si.Addr = 0
		case kernInvalidAddress:
			si.Code = segvMaperr
		case kernProtectionFailure:
			si.Code = segvAccerr
		}
	}
	return si
}

// si_code (xnu-11417 bsd/sys/signal.h).
const (
	illIllopc  = 1
	segvMaperr = 1
	segvAccerr = 2
	busAdrerr  = 2
	trapBrkpt  = 1
	fpeFltdiv  = 1
	fpeFltovf  = 2
	fpeFltund  = 3
	fpeFltres  = 4
	fpeFltinv  = 5
	fpeIntdiv  = 7
	fpeIntovf  = 8
)

// sysSigreturn: bsd/dev/i386/unix_signal.c:sigreturn.
func sysSigreturn(t *Thread, a *args) (uint64, Errno) {
	p := t.p
	uctx, style := a[0], uint32(a[1])
	switch style {
	case xsig.UCSetStack, xsig.UCResetStack:
		p.lock()
		t.sig.OnStack = style == xsig.UCSetStack
		p.unlock()
		return 0, 0
	}
	if t.abi() == abi32 {
		return sysSigreturn32(t, a)
	}
	fs := &t.frame
	if !vcpu.CopyIn(fs.buf[:xsig.UcontextSize], uctx) {
		return 0, EFAULT
	}
	onStack, mask, mctx := xsig.DecodeUcontext(fs.buf[:])
	x := t.cpu.XState()
	if xsig.UsesAVX512(x) {
		fs.avx512 = true
	}
	n := xsig.McontextSize(int(p.Release), fs.avx512)
	if !vcpu.CopyIn(fs.buf[:n], mctx) {
		return 0, EFAULT
	}
	if !t.leaveHandler(mask, onStack, uctx, a[2]) {
		return 0, EINVAL
	}
	xsig.DecodeMcontext(fs.buf[:n], &t.cpu.Regs, x)
	t.entry.cs = 0
	if p.Release < XNU4570 {
		fs.unhide(uctx, x)
	}
	return 0, EJUSTRETURN
}

// leaveHandler ends a handler as the ucontext at uctx says. It reports false
// if the token is wrong.
func (t *Thread) leaveHandler(mask xsig.Set, onStack bool, uctx, token uint64) bool {
	t.p.lock()
	defer t.p.unlock()
	ok := t.p.sig.Return(t.sig, mask, onStack, uctx, token)
	t.maskChanged()
	return ok
}
