// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

// Package testguest holds guests for tests: position-independent code that is
// copied to memory of its own, with a block of data that SP points to.
package testguest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
)

// A Code is a guest.
type Code int

const (
	allRegisters512 Code = iota
	allRegisters
	// AllRegistersSSE is AllRegisters without AVX.
	AllRegistersSSE
	// GetPID makes Block.Mode system calls with NumberPID, then one with NumberExit.
	GetPID
	// Spin counts indefinitely.
	Spin

	numCodes = iota
)

// The same as 32-bit code.
const (
	AllRegisters32     Code = numCodes + iota
	AllRegistersMach32      // calls by INT 0x81
	AllRegistersSSE32
	GetPID32
	Spin32
)

// Numbers of the guests' system calls.
const (
	NumberPID  = 0x02000014
	NumberExit = 0x02000001
)

// AllRegisters is the guest that loads every register that it can from its
// block, and then checks them indefinitely, in each round making a system call if
// Block.Mode is not 0. The call must return 42 and keep all flags. A wrong
// register ends in an invalid opcode.
func AllRegisters() Code {
	if vcpu.HasZMM() {
		return allRegisters512
	}
	return allRegisters
}

// A Block is a guest's data.
type Block struct {
	Count uint64
	Mode  uint64
	_     [2]uint64
	MXCSR uint64
	FCW   uint64
	X87   uint64
	_     uint64
	GPR   [15]uint64 // AX CX DX BX BP SI DI R8-R15
	_     [9]uint64
	Vec   [32][64]byte
	K     [8]uint64
	TLS   [2]uint32 // what GS points to
}

// TLS must lie where 32-bit code looks for it.
var _ [unsafe.Offsetof(Block{}.TLS) - offTLS]struct{}
var _ [offTLS - unsafe.Offsetof(Block{}.TLS)]struct{}

func addrs(a *[numCodes]uintptr)

const (
	codeSize  = 8192
	blockSize = 4096
	base      = 0x200000000000 // the host has nothing there
	base32    = 0x10000000     // nor there
)

// A Guest is a copy of the code and some blocks.
type Guest struct {
	Space  *mem.Space
	Entry  uint64
	Code32 bool
	block  uint64
	n      int
}

// Load puts code into memory, with n blocks.
func Load(t testing.TB, code Code, n int) *Guest {
	t.Helper()
	is32 := code >= AllRegisters32
	if is32 {
		Need32(t)
	}
	s := mem.NewSpace(base, base+1<<40)
	if is32 {
		s = mem.NewSpace(base32, 1<<32)
	}
	size := uint64(codeSize + n*blockSize)
	at, errno := s.Map(mem.Mapping{Size: size, Prot: mem.ProtRead | mem.ProtWrite, FD: -1})
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(func() {
		for _, r := range s.Regions() {
			vcpu.Raw(syscall.SYS_MUNMAP, uintptr(r.Start), uintptr(r.End-r.Start), 0, 0, 0, 0)
		}
	})
	var b []byte
	if is32 {
		b = code32(code)
	} else {
		var a [numCodes]uintptr
		addrs(&a)
		// The code is followed by other code of the test's, which does no harm.
		_, etext := vcpu.HostText()
		src := uint64(a[code])
		b = make([]byte, min(codeSize, etext-src))
		if !vcpu.CopyIn(b, src) {
			t.Fatal("cannot read the guest's code")
		}
	}
	if !vcpu.CopyOut(at, b) {
		t.Fatal("cannot copy the guest's code")
	}
	if errno := s.Protect(at, codeSize, mem.ProtRead|mem.ProtExec); errno != 0 {
		t.Fatal(errno)
	}
	return &Guest{Space: s, Entry: at, Code32: is32, block: at + codeSize, n: n}
}

// need32 is the result of SelfTest32, once.
var need32 = sync.OnceValue(vcpu.SelfTest32)

// Need32 skips a test of 32-bit code on a host that has none.
func Need32(t testing.TB) {
	t.Helper()
	if err := need32(); err != nil {
		t.Skip(err)
	}
}

// Block returns block i.
func (g *Guest) Block(i int) *Block {
	p := uintptr(g.block) + uintptr(i)*blockSize
	return *(**Block)(unsafe.Pointer(&p))
}

// Start returns a Ctx that will run the guest with block i. The block is
// filled with random values.
func (g *Guest) Start(t testing.TB, i int, rnd *rand.Rand) *vcpu.Ctx {
	t.Helper()
	c, err := vcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	b := g.Block(i)
	*b = Block{
		MXCSR: 0x1f80 | uint64(rnd.IntN(4))<<13 | uint64(rnd.IntN(2))<<15, // rounding, flush to zero
		FCW:   0x37f | uint64(rnd.IntN(4))<<10,                            // rounding
		X87:   math.Float64bits(rnd.Float64()),
	}
	for i := range b.GPR {
		b.GPR[i] = rnd.Uint64()
	}
	for i := range b.Vec {
		for j := 0; j < 64; j += 8 {
			binary.LittleEndian.PutUint64(b.Vec[i][j:], rnd.Uint64())
		}
	}
	for i := range b.K {
		b.K[i] = rnd.Uint64()
	}
	c.RIP = g.Entry
	c.RSP = uint64(uintptr(unsafe.Pointer(b)))
	if g.Code32 {
		c.Code32 = true
		b.TLS = [2]uint32{rnd.Uint32(), rnd.Uint32()}
		if c.SetTLS32(uint32(c.RSP)+offTLS) == 0 {
			t.Fatal("no segment for GS")
		}
	}
	return c
}

// Diff describes in which registers c differs from block i; a guest that
// found a wrong one ends with an invalid opcode.
func (g *Guest) Diff(c *vcpu.Ctx, i int) string {
	b := g.Block(i)
	s := fmt.Sprintf("at +%#x, trap %d, error %#x, cr2 %#x:", c.RIP-g.Entry, c.Trapno, c.ErrCode, c.CR2)
	gprs := []uint64{c.RAX, c.RCX, c.RDX, c.RBX, c.RBP, c.RSI, c.RDI, c.R8, c.R9, c.R10, c.R11, c.R12, c.R13, c.R14, c.R15}
	vecs, width := 15, ^uint64(0)
	if g.Code32 {
		gprs, vecs, width = gprs[:7], 7, 1<<32-1
	}
	for i, v := range gprs {
		if (v^b.GPR[i])&width != 0 {
			s += fmt.Sprintf(" %s is %#x, not %#x;", [...]string{"rax", "rcx", "rdx", "rbx", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}[i], v, b.GPR[i])
		}
	}
	x := c.XState()
	for i := range vecs {
		if lo, hi := string(x[160+16*i:][:16]), string(x[576+16*i:][:16]); lo+hi != string(b.Vec[i][:32]) {
			s += fmt.Sprintf(" ymm%d is %x, not %x;", i, lo+hi, b.Vec[i][:32])
		}
	}
	return fmt.Sprintf("%s mxcsr %#x, not %#x; rflags %#x", s, binary.LittleEndian.Uint32(x[24:]), b.MXCSR, c.RFLAGS)
}

// Rand returns a source of random numbers whose seed is printed, and can be
// given by the environment.
func Rand(t testing.TB) *rand.Rand {
	n := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("GOXNU_TEST_SEED"), 0, 64); err == nil {
		n = s
	}
	t.Logf("GOXNU_TEST_SEED=%d", n)
	return rand.New(rand.NewPCG(n, 0))
}
