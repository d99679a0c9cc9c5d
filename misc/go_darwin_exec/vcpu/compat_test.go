// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package vcpu_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"goxnu/misc/go_darwin_exec/internal/testguest"
	"goxnu/misc/go_darwin_exec/vcpu"
)

func TestSelfTest32(t *testing.T) {
	for range 100 {
		if err := vcpu.SelfTest32(); err != nil {
			t.Fatal(err)
		}
	}
}

// A block32 is the data of a guest; ESP points to it.
type block32 struct {
	count, mode uint32
	_           [2]uint32
	gpr         [8]uint32 // eax ecx edx ebx - ebp esi edi
	_           [4]uint32
	vec         [8][16]byte
	tls         [4]uint32
}

const (
	offMode = 4
	offGPR  = 16
	offVec  = 64
	offTLS  = offVec + 8*16
)

// allRegisters32 is 32-bit code that loads its registers from the block and
// checks them for ever, GS among them. With a mode it makes a system call in
// each round, by INT 0x80 if the mode is 1 and by INT 0x81 if it is 2.
func allRegisters32() []byte {
	var b []byte
	add := func(c ...byte) { b = append(b, c...) }
	at := func(op []byte, reg int, off int) { // op reg, off(%esp)
		add(op...)
		add(0x84|byte(reg)<<3, 0x24)
		b = binary.LittleEndian.AppendUint32(b, uint32(off))
	}
	var fails []int
	jneFail := func() {
		add(0x0f, 0x85, 0, 0, 0, 0)
		fails = append(fails, len(b))
	}
	regs := []int{0, 1, 2, 3, 5, 6, 7}
	for i := range 7 {
		at([]byte{0x0f, 0x10}, i, offVec+16*i) // movups
	}
	for _, r := range regs {
		at([]byte{0x8b}, r, offGPR+4*r)
	}
	loop := len(b)
	at([]byte{0xff}, 0, 0) // incl count
	for _, r := range regs {
		at([]byte{0x3b}, r, offGPR+4*r)
		jneFail()
	}
	for i := range 7 {
		at([]byte{0x0f, 0x10}, 7, offVec+16*i)
		add(0x66, 0x0f, 0x76, 0xc0|7<<3|byte(i)) // pcmpeqd xmm_i, xmm7
		add(0x66, 0x0f, 0xd7, 0xc7)              // pmovmskb xmm7, eax
		add(0x3d, 0xff, 0xff, 0, 0)
		jneFail()
	}
	add(0x65, 0xa1, 4, 0, 0, 0) // mov gs:4, eax
	at([]byte{0x3b}, 0, offTLS+4)
	jneFail()
	at([]byte{0x83}, 7, offMode) // cmpl $1, mode
	add(1)
	call := func(cc byte, gate byte) {
		add(cc, 0) // over it
		from := len(b)
		add(0xb8, 20, 0, 0, 0, 0xcd, gate, 0x83, 0xf8, 42)
		jneFail()
		b[from-1] = byte(len(b) - from)
	}
	call(0x75, 0x80)
	at([]byte{0x83}, 7, offMode)
	add(2)
	call(0x75, 0x81)
	at([]byte{0x8b}, 0, offGPR)
	add(0xe9)
	b = binary.LittleEndian.AppendUint32(b, uint32(loop-len(b)-4))
	for _, f := range fails {
		binary.LittleEndian.PutUint32(b[f-4:], uint32(len(b)-f))
	}
	add(0x0f, 0x0b)
	return b
}

// TestAllRegisters32 is TestAllRegisters for 32-bit code.
func TestAllRegisters32(t *testing.T) {
	const (
		threads   = 4
		page      = 4096
		map32     = 0x40 // MAP_32BIT
		minRounds = 1000
	)
	text, _, errno := syscall.RawSyscall6(syscall.SYS_MMAP, 0, (threads+1)*page, 7, syscall.MAP_PRIVATE|syscall.MAP_ANON|map32, ^uintptr(0), 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer syscall.RawSyscall(syscall.SYS_MUNMAP, text, (threads+1)*page, 0)
	if !vcpu.CopyOut(uint64(text), allRegisters32()) {
		t.Fatal("cannot write the guest")
	}
	for mode, name := range []string{"Spin", "Gate", "Fault"} {
		t.Run(name, func(t *testing.T) {
			rnd := testguest.Rand(t)
			collectGarbage(t)
			end := time.Now().Add(duration())
			var wg, running sync.WaitGroup
			var ctxs [threads]*vcpu.Ctx
			var kicks, events, posted, seen [threads]atomic.Int64
			var quit atomic.Bool
			for i := range threads {
				c, err := vcpu.New()
				if err != nil {
					t.Fatal(err)
				}
				c.Code32 = true
				ctxs[i] = c
				at := text + uintptr(i+1)*page
				blk := *(**block32)(unsafe.Pointer(&at))
				*blk = block32{mode: uint32(mode)}
				for j := range blk.gpr {
					blk.gpr[j] = rnd.Uint32()
				}
				for j := range blk.vec {
					binary.LittleEndian.PutUint64(blk.vec[j][:], rnd.Uint64())
					binary.LittleEndian.PutUint64(blk.vec[j][8:], rnd.Uint64())
				}
				blk.tls[1] = rnd.Uint32()
				c.RIP, c.RSP = uint64(text), uint64(at)
				r := rand.New(rand.NewPCG(rnd.Uint64(), 0))
				running.Add(1)
				wg.Go(func() {
					defer bind(t, c)()
					if c.SetTLS32(uint32(at)+offTLS) == 0 {
						t.Error("no segment")
					}
					running.Done()
					for !quit.Load() || atomic.LoadUint32(&blk.count) < minRounds {
						events[i].Add(1)
						e := c.Run()
						if gate, ok := c.Gate(); e == vcpu.EventFault && ok && gate == 0x80+mode-1 {
							c.RIP += 2 // 0x80 too: a host without IA32 emulation
							e = vcpu.EventSyscall
						} else if e == vcpu.EventSyscall && (mode != 1 || !c.Arch32) {
							t.Errorf("thread %d: system call %#x, arch32 %v", i, c.RAX, c.Arch32)
							return
						}
						switch e {
						case vcpu.EventSyscall:
							if c.RAX != 20 {
								t.Errorf("thread %d: system call %#x", i, c.RAX)
								return
							}
							c.RAX = 42
						case vcpu.EventFault:
							t.Errorf("thread %d: at %+d, trap %d, error %#x, cr2 %#x: %s", i, c.RIP-uint64(text), c.Trapno, c.ErrCode, c.CR2, diff32(c, blk))
							return
						}
						if c.TakeKick() {
							seen[i].Store(posted[i].Load())
						}
						if r.IntN(16) == 0 {
							c.XState()
						}
					}
				})
			}
			running.Wait()
			for time.Now().Before(end) {
				i := rnd.IntN(threads)
				posted[i].Add(1)
				ctxs[i].Kick()
				kicks[i].Add(1)
				if rnd.IntN(4) == 0 {
					time.Sleep(time.Duration(rnd.IntN(100)) * time.Microsecond)
				}
			}
			// The last kick of each must have been seen, without another one's help.
			for i := range threads {
				for try := 0; seen[i].Load() != posted[i].Load() && !t.Failed(); try++ {
					if time.Sleep(time.Millisecond); try > 10_000 {
						t.Errorf("thread %d: a kick was lost", i)
						break
					}
				}
			}
			quit.Store(true)
			for i := range threads {
				posted[i].Add(1)
				ctxs[i].Kick()
			}
			over := make(chan bool)
			go func() { wg.Wait(); close(over) }()
			for {
				select {
				case <-over:
				case <-time.After(time.Millisecond): // a spinning guest may have to make up its rounds
					for _, c := range ctxs {
						c.Kick()
					}
					continue
				}
				break
			}
			for i := range threads {
				t.Logf("thread %d: %d events, %d kicks", i, events[i].Load(), kicks[i].Load())
			}
		})
	}
}

func diff32(c *vcpu.Ctx, b *block32) (s string) {
	for i, v := range []uint64{c.RAX, c.RCX, c.RDX, c.RBX, c.RSP, c.RBP, c.RSI, c.RDI} {
		if i != 4 && uint32(v) != b.gpr[i] {
			s += fmt.Sprintf(" register %d is %#x, not %#x;", i, v, b.gpr[i])
		}
	}
	return s
}
