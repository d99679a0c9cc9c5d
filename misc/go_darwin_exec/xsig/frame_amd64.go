// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xsig

import (
	"encoding/binary"

	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/internal/releases"
)

// The frame of a handler on x86_64 (bsd/dev/i386/unix_signal.c:sendsig). From
// the base downwards, without gaps but the first and the last: the red zone,
// the ucontext, the siginfo, the mcontext, the return slot.
const (
	redZone      = 128
	ucontextSize = 56
	siginfoSize  = 104
	frameTail    = siginfoSize + ucontextSize // what follows the mcontext

	// Sizes of the mcontext: exception state 16, thread state 168, float
	// state 524, then AVX and AVX-512 state (osfmk/mach/i386/_structs.h).
	mcPlain  = 712
	mcAVX    = 1032
	mcAVX512 = 2632

	// MaxFrame is the largest frame, from the mcontext to the end.
	MaxFrame = mcAVX512 + frameTail
)

// Offsets in the mcontext.
const (
	mcTrapno = 0
	mcErr    = 4
	mcVaddr  = 8
	mcGPR    = 16
	mcRIP    = 144
	mcRFLAGS = 152
	mcCS     = 160
	mcFS     = 168
	mcGS     = 176
	mcFX     = 192 // an FXSAVE image, behind 8 reserved bytes
	mcYMMHi  = 772
	mcK      = 1028
	mcZMMHi  = 1092
	mcZMM    = 1604

	fxSize = 512
	fxMask = 28 // mxcsr_mask, which XRSTOR does not read
)

// UserCode64 is the selector of 64-bit user code on a 64-bit kernel. A frame
// that interrupts a SYSCALL or a SYSENTER has another instead
// (osfmk/i386/seg.h; all releases).
const (
	UserCode64   = 0x2b
	SyscallCode  = 0x07
	SysenterCode = 0x0b
)

// Bits of an XSAVE image's XSTATE_BV, and where its components lie.
const (
	xX87, xSSE, xAVX = 1, 2, 4
	xAVX512          = 0xe0

	xsMXCSR = 24
	xsBV    = 512
	xsYMMHi = 576
)

// Components of AVX-512 in an XSAVE image; CPUID leaf 13 tells (0: absent).
var xsK, xsZMMHi, xsZMM int

// hostAVX says whether the CPU has AVX. XNU's layouts depend on it.
var hostAVX bool

func init() {
	if _, _, c, _ := vcpu.CPUID(1, 0); c&(1<<28) == 0 || c&(1<<27) == 0 {
		return
	}
	hostAVX = true
	if lo, _, _, _ := vcpu.CPUID(0xd, 0); lo&xAVX512 == xAVX512 {
		for i, p := range []*int{&xsK, &xsZMMHi, &xsZMM} {
			_, off, _, _ := vcpu.CPUID(0xd, uint32(5+i))
			*p = int(off)
		}
	}
}

// A Frame is where the parts of a handler's frame lie.
type Frame struct {
	SP, MC, SI, UC uint64
	size           int    // of the mcontext area, which is copied whole
	mcsize         uint64 // what the ucontext says
}

// mcontextSize returns how much mcontext a release copies out for a thread
// and in again, and what uc_mcsize says: up to 3789 always the AVX layout,
// from 4570 what the thread's live FPU state needs.
func mcontextSize(release int, avx512 bool) (size int, mcsize uint64) {
	mcsize = mcPlain
	if hostAVX {
		mcsize = mcAVX
	}
	if release < releases.XNU4570 {
		return mcAVX, mcsize
	}
	if avx512 && xsK != 0 {
		mcsize = mcAVX512
	}
	return int(mcsize), mcsize
}

// Place lays out the frame of a handler below base: the top of the alternate
// stack or the interrupted RSP. avx512 says whether the thread has used
// AVX-512.
func Place(base uint64, release int, avx512 bool) Frame {
	var f Frame
	f.size, f.mcsize = mcontextSize(release, avx512)
	f.UC = base - redZone - ucontextSize
	f.SI = f.UC - siginfoSize
	f.MC = f.SI - uint64(f.size)
	f.SP = (f.MC-16)&^15 - 8
	return f
}

// Size is the number of bytes from f.MC to the end of the frame.
func (f *Frame) Size() int { return f.size + frameTail }

// A Machine is an interrupted thread's machine state.
type Machine struct {
	Regs   *vcpu.Regs
	X      []byte // XSAVE image, standard format
	Trapno uint16
	Err    uint32
	Vaddr  uint64

	// CS is SyscallCode or SysenterCode if the thread is in such a call and has
	// had no handler entered or left in it, else 0.
	CS uint16
}

// HiddenSize is the size of what SaveHidden keeps.
const HiddenSize = 64 + 512 + 1024

// SaveHidden copies the AVX-512 state of the XSAVE image x to dst and reports
// whether there was any. The kernels before 4570 know nothing of AVX-512: on
// them a program finds it turned off, and their frames have no place for it.
// Here CPUID and XGETBV tell the program the truth about the CPU, so it uses
// what the frame would lose.
func SaveHidden(dst, x []byte) bool {
	if !UsesAVX512(x) {
		return false
	}
	copy(dst[:64], x[xsK:])
	copy(dst[64:][:512], x[xsZMMHi:])
	copy(dst[64+512:][:1024], x[xsZMM:])
	return true
}

// RestoreHidden is SaveHidden's reverse; used is what that reported.
func RestoreHidden(x, src []byte, used bool) {
	if xsK == 0 {
		return
	}
	bv := le.Uint64(x[xsBV:]) &^ xAVX512
	if used {
		copy(x[xsK:][:64], src)
		copy(x[xsZMMHi:][:512], src[64:])
		copy(x[xsZMM:][:1024], src[64+512:])
		bv |= xAVX512
	}
	le.PutUint64(x[xsBV:], bv)
}

// UsesAVX512 reports whether the XSAVE image x has any AVX-512 state.
func UsesAVX512(x []byte) bool {
	return xsK != 0 && binary.LittleEndian.Uint64(x[xsBV:])&xAVX512 != 0
}

// A Siginfo is what a handler's second argument points to.
type Siginfo struct {
	Code   int32
	Pid    int32
	Uid    uint32
	Status int32
	Addr   uint64
}

var le = binary.LittleEndian

// Encode writes the frame's bytes to b, which has room for f.Size().
func (f *Frame) Encode(b []byte, d *Delivery, m *Machine, si *Siginfo) {
	b = b[:f.Size()]
	clear(b)
	f.encodeMcontext(b[:f.size], m)

	s := b[f.size:][:siginfoSize]
	le.PutUint32(s[0:], uint32(d.Sig))
	le.PutUint32(s[8:], uint32(si.Code))
	le.PutUint32(s[12:], uint32(si.Pid))
	le.PutUint32(s[16:], si.Uid)
	le.PutUint32(s[20:], uint32(si.Status))
	le.PutUint64(s[24:], si.Addr)
	le.PutUint64(s[48:], m.Regs.RSP)

	u := b[f.size+siginfoSize:]
	if d.WasOnStack {
		le.PutUint32(u[0:], onStackBit)
		le.PutUint32(u[24:], SS_ONSTACK)
	}
	le.PutUint32(u[4:], uint32(d.ReturnMask))
	le.PutUint64(u[8:], f.SP)
	if d.Switch {
		le.PutUint64(u[16:], d.Alt.Size)
	}
	le.PutUint64(u[40:], f.mcsize)
	le.PutUint64(u[48:], f.MC)
}

// gprs are the general registers in mcontext order.
func gprs(r *vcpu.Regs) [16]*uint64 {
	return [...]*uint64{&r.RAX, &r.RBX, &r.RCX, &r.RDX, &r.RDI, &r.RSI, &r.RBP, &r.RSP,
		&r.R8, &r.R9, &r.R10, &r.R11, &r.R12, &r.R13, &r.R14, &r.R15}
}

func (f *Frame) encodeMcontext(b []byte, m *Machine) {
	le.PutUint16(b[mcTrapno:], m.Trapno)
	le.PutUint32(b[mcErr:], m.Err)
	le.PutUint64(b[mcVaddr:], m.Vaddr)
	for i, p := range gprs(m.Regs) {
		le.PutUint64(b[mcGPR+8*i:], *p)
	}
	le.PutUint64(b[mcRIP:], m.Regs.RIP)
	le.PutUint64(b[mcRFLAGS:], m.Regs.RFLAGS)
	le.PutUint64(b[mcCS:], UserCode64)
	if m.CS != 0 {
		le.PutUint64(b[mcCS:], uint64(m.CS))
	}
	if m.CS == SyscallCode {
		le.PutUint64(b[mcGPR+8*2:], m.Regs.RSP) // RCX (osfmk/x86_64/idt64.s:idt64_syscall)
	}

	x, bv := m.X, le.Uint64(m.X[xsBV:])
	encodeFX(b[mcFX:][:fxSize], x, 16)
	if f.size >= mcAVX && bv&xAVX != 0 {
		copy(b[mcYMMHi:][:256], x[xsYMMHi:])
	}
	if f.size >= mcAVX512 {
		if bv&0x20 != 0 {
			copy(b[mcK:][:64], x[xsK:])
		}
		if bv&0x40 != 0 {
			copy(b[mcZMMHi:][:512], x[xsZMMHi:])
		}
		if bv&0x80 != 0 {
			copy(b[mcZMM:][:1024], x[xsZMM:])
		}
	}
}

// encodeFX writes the FXSAVE image of an mcontext, with n XMM registers, from
// the XSAVE image x. A component that XSTATE_BV does not name is in its initial
// state, whatever the image holds.
func encodeFX(fx, x []byte, n int) {
	bv := le.Uint64(x[xsBV:])
	if bv&xX87 != 0 {
		copy(fx[:24], x[:24])
		copy(fx[32:160], x[32:160])
	} else {
		le.PutUint16(fx[0:], 0x37f)
	}
	if bv&(xSSE|xAVX) != 0 {
		le.PutUint32(fx[xsMXCSR:], le.Uint32(x[xsMXCSR:]))
	} else {
		le.PutUint32(fx[xsMXCSR:], 0x1f80)
	}
	le.PutUint32(fx[fxMask:], 0xffff)
	if bv&xSSE != 0 {
		copy(fx[160:160+16*n], x[160:])
	}
}

// Enter puts the registers into the state in which the trampoline starts. uc
// and the token as the thread's Delivery has them; the others keep the
// interrupted values.
func (f *Frame) Enter(r *vcpu.Regs, d *Delivery, release int) {
	r.RIP = d.Tramp
	r.RSP = f.SP
	r.RDI = d.Handler
	r.RSI = uint64(d.Style)
	r.RDX = uint64(d.Sig)
	r.RCX = f.SI
	r.R8 = f.UC
	if release >= releaseToken {
		r.R9 = f.UC ^ d.Token
	}
	r.RFLAGS = 0x202
}

// UcontextSize is how much sigreturn reads at the address it is given.
const UcontextSize = ucontextSize

// DecodeUcontext returns the parts of a ucontext that sigreturn uses.
func DecodeUcontext(b []byte) (onStack bool, mask Set, mcontext uint64) {
	return le.Uint32(b[0:])&onStackBit != 0, Set(le.Uint32(b[4:])), le.Uint64(b[48:])
}

// McontextSize is how much sigreturn reads at the mcontext pointer. It does
// not look at uc_mcsize.
func McontextSize(release int, avx512 bool) int {
	n, _ := mcontextSize(release, avx512)
	return n
}

// MaxMcontext is the largest McontextSize.
const MaxMcontext = mcAVX512

// userFlags are the bits of RFLAGS that user code may set
// (osfmk/i386/eflags.h:EFL_USER_SET, EFL_USER_CLEAR): CF PF AF ZF SF TF DF OF AC ID.
const userFlags = 0x240dd5

// DecodeMcontext installs an mcontext of McontextSize bytes in the registers
// and the XSAVE image x. The image's AVX-512 part is kept if b has none.
func DecodeMcontext(b []byte, r *vcpu.Regs, x []byte) {
	for i, p := range gprs(r) {
		*p = le.Uint64(b[mcGPR+8*i:])
	}
	r.RIP = le.Uint64(b[mcRIP:])
	r.RFLAGS = le.Uint64(b[mcRFLAGS:])&userFlags | 0x202

	bv := le.Uint64(x[xsBV:]) | xX87 | xSSE
	fx := b[mcFX:][:fxSize]
	copy(x[:fxMask], fx)
	copy(x[32:416], fx[32:])
	if hostAVX && len(b) >= mcAVX {
		copy(x[xsYMMHi:][:256], b[mcYMMHi:])
		bv |= xAVX
	}
	if len(b) >= mcAVX512 {
		copy(x[xsK:][:64], b[mcK:])
		copy(x[xsZMMHi:][:512], b[mcZMMHi:])
		copy(x[xsZMM:][:1024], b[mcZMM:])
		bv |= xAVX512
	}
	le.PutUint64(x[xsBV:], bv)
}
