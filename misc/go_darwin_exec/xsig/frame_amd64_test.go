// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xsig

import (
	"bytes"
	"testing"

	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/internal/releases"
)

// withCPU runs f as on a CPU with or without AVX and AVX-512.
func withCPU(avx, avx512 bool, f func()) {
	a, k, z, h := hostAVX, xsK, xsZMMHi, xsZMM
	defer func() { hostAVX, xsK, xsZMMHi, xsZMM = a, k, z, h }()
	hostAVX, xsK, xsZMMHi, xsZMM = avx, 0, 0, 0
	if avx512 {
		xsK, xsZMMHi, xsZMM = 1088, 1152, 1664
	}
	f()
}

// A want is one field of a frame: where it lies and what is there.
type want struct {
	name string
	off  int
	size int
	val  uint64
}

func load(b []byte, size int) (v uint64) {
	for i := size - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return
}

// machine makes a state in which every byte can be told from every other.
func machine(avx512 bool) (*vcpu.Regs, []byte) {
	r := &vcpu.Regs{
		R8: 0x0808, R9: 0x0909, R10: 0x1010, R11: 0x1111, R12: 0x1212, R13: 0x1313, R14: 0x1414, R15: 0x1515,
		RDI: 0xd1, RSI: 0x51, RBP: 0xb9, RBX: 0xb0, RDX: 0xd0, RAX: 0xa0, RCX: 0xc0,
		RSP: 0x700000000f08, RIP: 0x100001234, RFLAGS: 0x246,
	}
	x := make([]byte, 2688)
	for i := range x {
		x[i] = byte(i*7 + i>>8)
	}
	clear(x[512:576])
	x[xsBV] = xX87 | xSSE | xAVX
	if avx512 {
		x[xsBV] |= xAVX512
	}
	return r, x
}

// The frame of bsd/dev/i386/unix_signal.c:sendsig, field by field.
func TestFrame(t *testing.T) {
	for _, c := range []struct {
		release     int
		avx, avx512 bool // the CPU, the thread's live state
		size        int  // of the mcontext area
		mcsize      uint64
	}{
		{1504, true, false, 1032, 1032},
		{1504, false, false, 1032, 712}, // ≤ 3789: always the area of AVX
		{3789, true, true, 1032, 1032},
		{3789, false, false, 1032, 712},
		{4570, false, false, 712, 712},
		{4570, true, false, 1032, 1032},
		{4570, true, true, 2632, 2632},
		{4903, true, false, 1032, 1032},
		{11215, true, true, 2632, 2632},
	} {
		withCPU(c.avx, c.avx512, func() {
			r, x := machine(c.avx512)
			f := Place(r.RSP, c.release, UsesAVX512(x))
			base := r.RSP
			uc := base - 128 - 56
			si := uc - 104
			mc := si - uint64(c.size)
			sp := (mc-16)&^15 - 8
			if f.UC != uc || f.SI != si || f.MC != mc || f.SP != sp || f.Size() != c.size+160 {
				t.Errorf("%+v: placed at %+v, size %d", c, f, f.Size())
				return
			}
			d := &Delivery{Sig: SIGSEGV, Handler: 0x1111, Tramp: 0x2222, Style: UCFlavor, ReturnMask: 0xabcd, WasOnStack: true, Token: 0x5555}
			m := &Machine{Regs: r, X: x, Trapno: 14, Err: 6, Vaddr: 0xdead0}
			b := bytes.Repeat([]byte{0xff}, MaxFrame)
			f.Encode(b, d, m, &Siginfo{Code: 1, Pid: 2, Uid: 3, Status: 4, Addr: 0xdead0})

			mcw := []want{
				{"trapno", 0, 2, 14}, {"cpu", 2, 2, 0}, {"err", 4, 4, 6}, {"faultvaddr", 8, 8, 0xdead0},
				{"rax", 16, 8, 0xa0}, {"rbx", 24, 8, 0xb0}, {"rcx", 32, 8, 0xc0}, {"rdx", 40, 8, 0xd0},
				{"rdi", 48, 8, 0xd1}, {"rsi", 56, 8, 0x51}, {"rbp", 64, 8, 0xb9}, {"rsp", 72, 8, base},
				{"r8", 80, 8, 0x0808}, {"r9", 88, 8, 0x0909}, {"r10", 96, 8, 0x1010}, {"r11", 104, 8, 0x1111},
				{"r12", 112, 8, 0x1212}, {"r13", 120, 8, 0x1313}, {"r14", 128, 8, 0x1414}, {"r15", 136, 8, 0x1515},
				{"rip", 144, 8, 0x100001234}, {"rflags", 152, 8, 0x246},
				{"cs", 160, 8, 0x2b}, {"fs", 168, 8, 0}, {"gs", 176, 8, 0},
				{"fpu reserved", 184, 8, 0},
				{"fcw", 192, 2, load(x[0:], 2)}, {"fsw", 194, 2, load(x[2:], 2)}, {"ftw", 196, 1, load(x[4:], 1)},
				{"fop", 198, 2, load(x[6:], 2)}, {"ip", 200, 4, load(x[8:], 4)}, {"mxcsr", 216, 4, load(x[24:], 4)},
				{"stmm0", 224, 8, load(x[32:], 8)}, {"stmm7", 336, 8, load(x[144:], 8)},
				{"xmm0", 352, 8, load(x[160:], 8)}, {"xmm15", 592, 8, load(x[400:], 8)},
				{"behind xmm15", 608, 8, 0},
			}
			if c.size >= 1032 {
				mcw = append(mcw, want{"ymmh0", 772, 8, load(x[576:], 8)}, want{"ymmh15", 1012, 8, load(x[816:], 8)})
			}
			if c.size >= 2632 {
				mcw = append(mcw, want{"k0", 1028, 8, load(x[1088:], 8)}, want{"k7", 1084, 8, load(x[1144:], 8)},
					want{"zmmh0", 1092, 8, load(x[1152:], 8)}, want{"zmmh15", 1572, 8, load(x[1632:], 8)},
					want{"zmm16", 1604, 8, load(x[1664:], 8)}, want{"zmm31", 2564, 8, load(x[2624:], 8)})
			}
			check := func(part string, b []byte, ws []want) {
				for _, w := range ws {
					if got := load(b[w.off:], w.size); got != w.val {
						t.Errorf("xnu-%d %s.%s at %d: %#x, want %#x", c.release, part, w.name, w.off, got, w.val)
					}
				}
			}
			check("mcontext", b, mcw)
			check("siginfo", b[c.size:], []want{
				{"signo", 0, 4, SIGSEGV}, {"errno", 4, 4, 0}, {"code", 8, 4, 1}, {"pid", 12, 4, 2}, {"uid", 16, 4, 3},
				{"status", 20, 4, 4}, {"addr", 24, 8, 0xdead0}, {"value", 32, 8, 0}, {"band", 40, 8, 0}, {"pad0", 48, 8, base},
				{"pad1", 56, 8, 0}, {"pad6", 96, 8, 0},
			})
			check("ucontext", b[c.size+104:], []want{
				{"onstack", 0, 4, 1}, {"sigmask", 4, 4, 0xabcd}, {"stack.sp", 8, 8, sp}, {"stack.size", 16, 8, 0},
				{"stack.flags", 24, 4, 1}, {"link", 32, 8, 0}, {"mcsize", 40, 8, c.mcsize}, {"mcontext", 48, 8, mc},
			})

			f.Enter(r, d, c.release)
			r9 := uint64(0x0909)
			if c.release >= releases.XNU4903 {
				r9 = uc ^ 0x5555
			}
			if r.RIP != 0x2222 || r.RSP != sp || r.RDI != 0x1111 || r.RSI != 30 || r.RDX != SIGSEGV || r.RCX != si ||
				r.R8 != uc || r.R9 != r9 || r.RFLAGS&^2 != 0x200 || r.RAX != 0xa0 || r.RBX != 0xb0 || r.R15 != 0x1515 {
				t.Errorf("xnu-%d: trampoline entered with %+v", c.release, *r)
			}
			if r.RSP%16 != 8 {
				t.Errorf("xnu-%d: RSP %#x", c.release, r.RSP)
			}
		})
	}
}

// What sendsig has written, sigreturn brings back.
func TestFrameRoundTrip(t *testing.T) {
	for _, c := range []struct {
		release     int
		avx, avx512 bool
	}{{1504, true, false}, {4570, true, false}, {4570, true, true}, {4570, false, false}, {11215, true, true}} {
		withCPU(c.avx, c.avx512, func() {
			r, x := machine(c.avx512)
			x[28], x[29], x[30], x[31] = 0xff, 0xff, 0, 0 // mxcsr_mask is the CPU's
			clear(x[416:512])                             // not state
			was, wasX := *r, bytes.Clone(x)
			f := Place(r.RSP, c.release, c.avx512)
			b := make([]byte, MaxFrame)
			f.Encode(b, &Delivery{Sig: SIGUSR1}, &Machine{Regs: r, X: x}, &Siginfo{})
			*r = vcpu.Regs{}
			n := McontextSize(c.release, c.avx512)
			for _, part := range [][2]int{{0, 416}, {576, 832}, {1088, 2688}} {
				if part[0] == 1088 && !c.avx512 || part[0] == 576 && n < mcAVX {
					continue
				}
				clear(x[part[0]:part[1]])
			}
			x[28], x[29] = 0xff, 0xff
			DecodeMcontext(b[:n], r, x)
			if *r != was {
				t.Errorf("%+v: registers\n%+v, were\n%+v", c, *r, was)
			}
			if !bytes.Equal(x, wasX) {
				for i := range x {
					if x[i] != wasX[i] {
						t.Errorf("%+v: XSAVE image differs at %d: %#x, was %#x", c, i, x[i], wasX[i])
						break
					}
				}
			}
		})
	}
}

// A component that is in its initial state appears so, whatever the XSAVE
// image holds for it.
func TestFrameInitialState(t *testing.T) {
	withCPU(true, false, func() {
		r, x := machine(false)
		x[xsBV] = 0
		f := Place(r.RSP, 11215, false)
		b := make([]byte, MaxFrame)
		f.Encode(b, &Delivery{Sig: SIGUSR1}, &Machine{Regs: r, X: x}, &Siginfo{})
		if fcw, mxcsr := load(b[192:], 2), load(b[216:], 4); fcw != 0x37f || mxcsr != 0x1f80 {
			t.Errorf("fcw %#x mxcsr %#x", fcw, mxcsr)
		}
		for _, part := range [][2]int{{194, 216}, {224, 708}, {772, 1028}} {
			if !bytes.Equal(b[part[0]:part[1]], make([]byte, part[1]-part[0])) {
				t.Errorf("bytes %v are not zero", part)
			}
		}
	})
}

// osfmk/i386/eflags.h: what user code may not set does not come back.
func TestSigreturnFlags(t *testing.T) {
	r, x := machine(false)
	b := make([]byte, MaxMcontext)
	for _, c := range []struct{ in, want uint64 }{
		{0, 0x202},
		{^uint64(0), 0x240fd7},
		{0x3000 | 0x4000 | 0x20000, 0x202}, // IOPL, NT, VM
		{0x400 | 1, 0x603},
	} {
		le.PutUint64(b[mcRFLAGS:], c.in)
		DecodeMcontext(b[:mcPlain], r, x)
		if r.RFLAGS != c.want {
			t.Errorf("RFLAGS %#x becomes %#x, want %#x", c.in, r.RFLAGS, c.want)
		}
	}
}
