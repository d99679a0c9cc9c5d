// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xsig

import (
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/internal/releases"
)

// The frame of a handler on i386 (bsd/dev/i386/unix_signal.c:sendsig). From
// the base downwards: the ucontext, the siginfo, the mcontext; then, aligned,
// the arguments of the trampoline. There is no red zone.
const (
	ucontext32Size = 32
	siginfo32Size  = 64
	frame32Tail    = siginfo32Size + ucontext32Size

	mc32Plain  = 600
	mc32AVX    = 792
	mc32AVX512 = 1112
)

// Offsets in the mcontext (osfmk/mach/i386/_structs.h).
const (
	mc32Vaddr  = 8
	mc32GPR    = 12 // eax ebx ecx edx edi esi ebp esp
	mc32SS     = 44
	mc32EFLAGS = 48
	mc32EIP    = 52
	mc32CS     = 56
	mc32DS     = 60
	mc32ES     = 64
	mc32GS     = 72
	mc32FX     = 84 // an FXSAVE image with eight XMM registers, behind 8 reserved bytes
	mc32YMMHi  = 664
	mc32K      = 792
	mc32ZMMHi  = 856
)

// Selectors of 32-bit user code and of user data on a 64-bit kernel
// (osfmk/i386/seg.h).
const (
	UserCode32 = 0x1b
	UserData   = 0x23
)

// mcontext32Size is mcontextSize for i386. uc_mcsize is of the 64-bit
// layout from 4570 on.
func mcontext32Size(release int, avx512 bool) (size int, mcsize uint32) {
	size64, mcsize64 := mcontextSize(release, avx512)
	narrow := func(n int) int {
		switch n {
		case mcAVX:
			return mc32AVX
		case mcAVX512:
			return mc32AVX512
		}
		return mc32Plain
	}
	if release >= releases.XNU4570 {
		return narrow(size64), uint32(mcsize64)
	}
	return narrow(size64), uint32(narrow(int(mcsize64)))
}

// A Frame32 is where the parts of a handler's frame lie.
type Frame32 struct {
	SP, MC, SI, UC uint32
	size           int // of the mcontext area
	mcsize         uint32
	words          int // of the arguments, with the return slot
}

// Place32 lays out the frame of a handler below base.
func Place32(base uint32, release int, avx512 bool) Frame32 {
	var f Frame32
	f.size, f.mcsize = mcontext32Size(release, avx512)
	f.words = 6
	if release >= releaseToken {
		f.words = 7
	}
	f.UC = base - ucontext32Size
	f.SI = f.UC - siginfo32Size
	f.MC = f.SI - uint32(f.size)
	f.SP = (f.MC-uint32(4*f.words)-16)&^15 - 4
	return f
}

// Size is the number of bytes from f.MC to the end of the frame.
func (f *Frame32) Size() int { return f.size + frame32Tail }

// MaxArgs32 is the largest size of the arguments.
const MaxArgs32 = 7 * 4

// EncodeArgs writes what is at f.SP and returns its size: the return slot
// and the trampoline's arguments.
func (f *Frame32) EncodeArgs(b []byte, d *Delivery) int {
	w := [...]uint32{0xffffffff, uint32(d.Handler), d.Style, uint32(d.Sig), f.SI, f.UC, f.UC ^ uint32(d.Token)}
	for i, v := range w[:f.words] {
		le.PutUint32(b[4*i:], v)
	}
	return 4 * f.words
}

// Encode writes the bytes from f.MC on to b, which has room for f.Size(). gs is
// the interrupted thread's GS.
func (f *Frame32) Encode(b []byte, d *Delivery, m *Machine, si *Siginfo, gs uint16) {
	b = b[:f.Size()]
	clear(b)
	f.encodeMcontext(b[:f.size], m, gs)

	s := b[f.size:][:siginfo32Size]
	le.PutUint32(s[0:], uint32(d.Sig))
	le.PutUint32(s[8:], uint32(si.Code))
	le.PutUint32(s[12:], uint32(si.Pid))
	le.PutUint32(s[16:], si.Uid)
	le.PutUint32(s[20:], uint32(si.Status))
	le.PutUint32(s[24:], uint32(si.Addr))
	le.PutUint32(s[36:], uint32(m.Regs.RSP))

	u := b[f.size+siginfo32Size:]
	if d.WasOnStack {
		le.PutUint32(u[0:], onStackBit)
		le.PutUint32(u[16:], SS_ONSTACK)
	}
	le.PutUint32(u[4:], uint32(d.ReturnMask))
	le.PutUint32(u[8:], f.SP)
	if d.Switch {
		le.PutUint32(u[12:], uint32(d.Alt.Size))
	}
	le.PutUint32(u[24:], f.mcsize)
	le.PutUint32(u[28:], f.MC)
}

func (f *Frame32) encodeMcontext(b []byte, m *Machine, gs uint16) {
	le.PutUint16(b[mcTrapno:], m.Trapno)
	le.PutUint32(b[mcErr:], m.Err)
	le.PutUint32(b[mc32Vaddr:], uint32(m.Vaddr))
	r := gprs(m.Regs)
	for i, p := range r[:8] {
		le.PutUint32(b[mc32GPR+4*i:], uint32(*p))
	}
	le.PutUint32(b[mc32EIP:], uint32(m.Regs.RIP))
	le.PutUint32(b[mc32EFLAGS:], uint32(m.Regs.RFLAGS))
	le.PutUint32(b[mc32CS:], UserCode32)
	if m.CS != 0 {
		le.PutUint32(b[mc32CS:], uint32(m.CS))
	}
	for _, off := range [...]int{mc32SS, mc32DS, mc32ES} {
		le.PutUint32(b[off:], UserData)
	}
	le.PutUint32(b[mc32GS:], uint32(gs))

	x, bv := m.X, le.Uint64(m.X[xsBV:])
	encodeFX(b[mc32FX:][:fxSize], x, 8)
	if f.size >= mc32AVX && bv&xAVX != 0 {
		copy(b[mc32YMMHi:][:128], x[xsYMMHi:])
	}
	if f.size >= mc32AVX512 {
		if bv&0x20 != 0 {
			copy(b[mc32K:][:64], x[xsK:])
		}
		if bv&0x40 != 0 {
			copy(b[mc32ZMMHi:][:256], x[xsZMMHi:])
		}
	}
}

// Enter puts the registers into the state in which the trampoline starts; the
// others keep the interrupted values.
func (f *Frame32) Enter(r *vcpu.Regs, d *Delivery) {
	r.RIP = d.Tramp
	r.RSP = uint64(f.SP)
	r.RFLAGS = 0x202
}

// Ucontext32Size is how much sigreturn reads at the address it is given.
const Ucontext32Size = ucontext32Size

// DecodeUcontext32 returns the parts of a ucontext that sigreturn uses.
func DecodeUcontext32(b []byte) (onStack bool, mask Set, mcontext uint64) {
	return le.Uint32(b[0:])&onStackBit != 0, Set(le.Uint32(b[4:])), uint64(le.Uint32(b[28:]))
}

// Mcontext32Size is how much sigreturn reads at the mcontext pointer.
func Mcontext32Size(release int, avx512 bool) int {
	n, _ := mcontext32Size(release, avx512)
	return n
}

// DecodeMcontext32 installs an mcontext of Mcontext32Size bytes in the
// registers and the XSAVE image x, and returns its GS. What 32-bit code cannot
// reach stays as it is in the image.
func DecodeMcontext32(b []byte, r *vcpu.Regs, x []byte) (gs uint16) {
	g := gprs(r)
	for i, p := range g[:8] {
		*p = uint64(le.Uint32(b[mc32GPR+4*i:]))
	}
	r.RIP = uint64(le.Uint32(b[mc32EIP:]))
	r.RFLAGS = uint64(le.Uint32(b[mc32EFLAGS:]))&userFlags | 0x202

	bv := le.Uint64(x[xsBV:])
	if bv&xSSE == 0 {
		clear(x[160:416])
	}
	fx := b[mc32FX:][:fxSize]
	copy(x[:fxMask], fx)
	copy(x[32:160+8*16], fx[32:])
	if hostAVX && len(b) >= mc32AVX {
		if bv&xAVX == 0 {
			clear(x[xsYMMHi:][:256])
		}
		copy(x[xsYMMHi:][:128], b[mc32YMMHi:])
		bv |= xAVX
	}
	if len(b) >= mc32AVX512 && xsK != 0 {
		if bv&0x40 == 0 {
			clear(x[xsZMMHi:][:512])
		}
		copy(x[xsK:][:64], b[mc32K:])
		copy(x[xsZMMHi:][:256], b[mc32ZMMHi:])
		bv |= 0x60
	}
	le.PutUint64(x[xsBV:], bv|xX87|xSSE)
	return uint16(le.Uint32(b[mc32GS:]))
}
