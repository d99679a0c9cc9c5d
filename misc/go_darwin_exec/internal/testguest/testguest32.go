// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package testguest

import "encoding/binary"

// The 32-bit guests, which Go's assembler cannot make for this architecture.
// They do what those in testguest_linux_amd64.s do, with the same blocks, of
// whose words they use the lower halves.

// Offsets in a Block.
const (
	offCount   = 0
	offMode    = 8
	offScratch = 24
	offMXCSR   = 32
	offFCW     = 40
	offX87     = 48
	offGPR     = 64
	offVec     = 256
	offTLS     = 2368
)

// code32 returns the machine code of a guest.
func code32(code Code) []byte {
	var b builder
	switch code {
	case AllRegisters32:
		b.allRegisters(true, 0x80)
	case AllRegistersMach32:
		b.allRegisters(true, 0x81)
	case AllRegistersSSE32:
		b.allRegisters(false, 0x80)
	case GetPID32:
		b.add(0xb8).long(NumberPID).add(0xcd, 0x80)  // mov $n, %eax; int $0x80
		b.at(offCount, 0, 0xff)                      // incl
		b.at(offMode, 1, 0xff)                       // decl
		b.add(0x75, byte(-len(b.code)-2))            // jne
		b.add(0xb8).long(NumberExit).add(0xcd, 0x80) // mov $n, %eax; int $0x80
		b.add(0x0f, 0x0b)                            // ud2
	case Spin32:
		b.at(offCount, 0, 0xff)
		b.add(0xeb, byte(-len(b.code)-2)) // jmp
	}
	return b.code
}

// A builder puts code together.
type builder struct {
	code  []byte
	fails []int // ends of jumps to the invalid opcode at the end
}

func (b *builder) add(c ...byte) *builder {
	b.code = append(b.code, c...)
	return b
}

func (b *builder) long(v uint32) *builder {
	b.code = binary.LittleEndian.AppendUint32(b.code, v)
	return b
}

// at adds an instruction with the operands reg, which may be an extension of
// the opcode, and off(%esp).
func (b *builder) at(off uint32, reg int, opcode ...byte) {
	b.add(opcode...).add(0x84|byte(reg)<<3, 0x24).long(off)
}

// jump adds a jump to the offset to.
func (b *builder) jump(to int, opcode ...byte) {
	b.add(opcode...)
	b.long(uint32(to - len(b.code) - 4))
}

// fail adds a conditional jump to the invalid opcode: 0x85 is jne, 0x83 jae.
func (b *builder) fail(jcc byte) {
	b.add(0x0f, jcc).long(0)
	b.fails = append(b.fails, len(b.code))
}

// allRegisters makes the guest that AllRegisters returns for 64-bit code, with
// the interrupt that it calls with. It has seven vector registers and needs the
// eighth, and also checks a word of the segment in GS.
func (b *builder) allRegisters(avx bool, vector byte) {
	const eax = 0
	regs := []int{eax, 1, 2, 3, 5, 6, 7} // not esp; the order of Block.GPR
	const vecs = 7
	gpr := func(i int) uint32 { return offGPR + 8*uint32(i) }
	vec := func(i int) uint32 { return offVec + 64*uint32(i) }

	b.at(offMXCSR, 2, 0x0f, 0xae) // ldmxcsr
	b.at(offFCW, 5, 0xd9)         // fldcw
	b.at(offX87, 0, 0xdd)         // fldl
	for i := range vecs {
		if avx {
			b.at(vec(i), i, 0xc5, 0xfe, 0x6f) // vmovdqu off(%esp), %ymm
		} else {
			b.at(vec(i), i, 0xf3, 0x0f, 0x6f) // movdqu off(%esp), %xmm
		}
	}
	for i, r := range regs {
		b.at(gpr(i), r, 0x8b) // mov
	}
	loop := len(b.code)
	for i, r := range regs {
		b.at(gpr(i), r, 0x3b) // cmp
		b.fail(0x85)
	}
	b.at(offScratch, 3, 0x0f, 0xae) // stmxcsr
	b.at(offScratch, eax, 0x8b)
	b.at(offMXCSR, eax, 0x3b)
	b.fail(0x85)
	b.at(offScratch, 7, 0xd9)         // fnstcw
	b.at(offScratch, eax, 0x66, 0x8b) // mov (word)
	b.at(offFCW, eax, 0x66, 0x3b)
	b.fail(0x85)
	b.at(offScratch, 2, 0xdd) // fstl
	for half := uint32(0); half < 8; half += 4 {
		b.at(offScratch+half, eax, 0x8b)
		b.at(offX87+half, eax, 0x3b)
		b.fail(0x85)
	}
	for i := range vecs {
		if avx {
			b.at(vec(i), 7, 0xc4, 0xe2, 0x7d-8*byte(i), 0x29) // vpcmpeqq off(%esp), %ymm, %ymm7
			b.add(0xc5, 0xfd, 0x50, 0xc7)                     // vmovmskpd %ymm7, %eax
			b.add(0x83, 0xf8, 15)                             // cmp $15, %eax
		} else {
			b.at(vec(i), 7, 0xf3, 0x0f, 0x6f)     // movdqu off(%esp), %xmm7
			b.add(0x66, 0x0f, 0x76, 0xf8|byte(i)) // pcmpeqd %xmm, %xmm7
			b.add(0x66, 0x0f, 0xd7, 0xc7)         // pmovmskb %xmm7, %eax
			b.add(0x3d).long(0xffff)              // cmp $0xffff, %eax
		}
		b.fail(0x85)
	}
	b.add(0x65, 0xa1).long(4) // mov %gs:4, %eax
	b.at(offTLS+4, eax, 0x3b)
	b.fail(0x85)
	b.at(gpr(0), eax, 0x8b)
	b.at(offCount, 0, 0xff) // incl
	b.at(offMode, 7, 0x83)  // cmpl $0
	b.add(0)
	b.jump(loop, 0x0f, 0x84) // je
	b.add(0xf9)              // stc
	b.fail(0x83)
	b.add(0xb8).long(NumberPID).add(0xcd, vector) // mov $n, %eax; int
	b.fail(0x83)                                  // the host leaves CF as it was
	b.add(0x3d).long(42)
	b.fail(0x85)
	b.at(gpr(0), eax, 0x8b)
	b.jump(loop, 0xe9) // jmp
	for _, f := range b.fails {
		binary.LittleEndian.PutUint32(b.code[f-4:], uint32(len(b.code)-f))
	}
	b.add(0x0f, 0x0b) // ud2
}
