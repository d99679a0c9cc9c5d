// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// Signals of 32-bit code (bsd/dev/i386/unix_signal.c:sendsig, sigreturn).

func (t *Thread) sendsig32(d *xsig.Delivery, x []byte) bool {
	r, fs := &t.cpu.Regs, &t.frame
	base := r.RSP
	if d.Switch {
		base = d.Alt.SP + d.Alt.Size
	}
	rel := int(t.p.Release)
	f := xsig.Place32(uint32(base), rel, fs.avx512)
	m := t.machine(x)
	si := t.siginfo(d)
	f.Encode(fs.buf[:], d, &m, &si, t.cpu.GS())
	if !vcpu.CopyOut(uint64(f.MC), fs.buf[:f.Size()]) {
		return false
	}
	n := f.EncodeArgs(fs.buf[:], d)
	if !vcpu.CopyOut(uint64(f.SP), fs.buf[:n]) {
		return false
	}
	if t.p.Release < XNU4570 {
		fs.hide(uint64(f.UC), x)
	}
	f.Enter(r, d)
	t.entry.cs = 0
	t.cpu.ResetFP()
	t.forceGS()
	return true
}

// hostUserData is the selector of user data on the host
// (arch/x86/include/asm/segment.h:__USER_DS).
const hostUserData = 0x2b

// forceGS gives a handler its GS: the thread's own segment. A thread that
// never asked for one has, up to 2422, user data there, later nothing
// (bsd/dev/i386/unix_signal.c:sendsig).
func (t *Thread) forceGS() {
	sel := t.cpu.TLSSelector()
	if sel == 0 && t.p.Release < XNU2782 {
		sel = hostUserData
	}
	t.cpu.SetGS(sel)
}

// setGS loads the GS of an mcontext. Programs may have written XNU's
// selectors there.
func (t *Thread) setGS(sel uint16) bool {
	switch sel {
	case userCthread:
		t.forceGS()
		return true
	case xsig.UserData:
		sel = hostUserData
	}
	return t.cpu.SetGS(sel)
}

func sysSigreturn32(t *Thread, a *args) (uint64, Errno) {
	p, fs := t.p, &t.frame
	uctx := a[0]
	if !vcpu.CopyIn(fs.buf[:xsig.Ucontext32Size], uctx) {
		return 0, EFAULT
	}
	onStack, mask, mctx := xsig.DecodeUcontext32(fs.buf[:])
	x := t.cpu.XState()
	if xsig.UsesAVX512(x) {
		fs.avx512 = true
	}
	n := xsig.Mcontext32Size(int(p.Release), fs.avx512)
	if !vcpu.CopyIn(fs.buf[:n], mctx) {
		return 0, EFAULT
	}
	if !t.leaveHandler(mask, onStack, uctx, a[2]) {
		return 0, EINVAL
	}
	gs := xsig.DecodeMcontext32(fs.buf[:n], &t.cpu.Regs, x)
	if p.Release < XNU4570 {
		fs.unhide(uctx, x)
	}
	t.entry.cs = 0
	if !t.setGS(gs) {
		t.setGS(0)
	}
	return 0, EJUSTRETURN
}
