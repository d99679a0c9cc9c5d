// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package vcpu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"
)

// 32-bit guests run in compatibility mode, in the same process: enterGuest
// loads the 32-bit code segment together with EIP. Whatever brings the thread
// back to 64-bit code is a trap, and the kernel's signal frame is the same as
// for 64-bit code. The segment registers are the thread's own: DS, ES and GS
// are loaded once and stay while the host's code, which does not use them,
// runs. A guest that loads FS breaks the host.

// Selectors of Linux's GDT (arch/x86/include/asm/segment.h).
const (
	userCS32 = 0x23
	userDS   = 0x2b
)

// CS64 is the selector of 64-bit user code.
const CS64 = 0x33

const (
	gateLen = 2 // length of an INT n instruction

	trapUD = 6
	trapGP = 13
	trapPF = 14
)

// decode32 makes a system call of what 32-bit code has done to make one, and
// the host takes for something else:
//
//   - A gate that the host lacks faults at the instruction with an error code
//     that holds the vector and the IDT bit (Intel SDM volume 3, 6.13). These are
//     INT 0x81 and 0x82, and 0x80 if the kernel has no IA32 emulation.
//   - SYSENTER is invalid on AMD processors. On others Linux forgets where it
//     was, and that does not matter: code for XNU passes EIP in EDX and ESP in
//     ECX. Linux has loaded EBP from where it pointed to, and the old value
//     is in RSP (arch/x86/entry/entry_64_compat.S).
//   - SYSCALL is invalid for XNU, and in 32-bit code works on AMD processors
//     only. It looks like SYSENTER on others.
//
//go:nosplit
func (c *Ctx) decode32() {
	switch Event(c.reason) {
	case EventSyscall:
		c.Sysenter = false
		if c.Trapped && c.RIP>>32 != 0 { // a place in the host's vDSO
			if amd {
				c.reason, c.Trapno, c.ErrCode = uint32(EventFault), trapUD, 0
				c.RIP = 0
				return
			}
			c.RBP = c.RSP
			c.sysenter()
		}
	case EventFault:
		switch c.Trapno {
		case trapGP:
			if vector, ok := MissingGate(c.ErrCode); ok && vector >= 0x80 && vector <= 0x82 {
				c.reason, c.Int, c.Trapped, c.Sysenter = uint32(EventSyscall), vector, true, false
				c.RIP += gateLen
			}
		case trapUD:
			var insn [2]byte
			if CopyIn(insn[:], c.RIP) && insn == [2]byte{0x0f, 0x34} {
				c.reason, c.Trapped = uint32(EventSyscall), true
				c.sysenter()
			}
		}
	}
}

// SysenterFaults says whether SYSENTER is an invalid opcode on this processor.
func SysenterFaults() bool { return amd }

// BySysenter makes of the last EventFault, at a place that stands for a
// SYSENTER, the event of one, which it returns.
func (c *Ctx) BySysenter() Event {
	c.reason, c.Trapped = uint32(EventSyscall), true
	c.sysenter()
	return EventSyscall
}

// SysenterLost says that the last EventFault is what Linux makes of a SYSENTER
// with an EBP that it cannot read: the number in EAX is lost, ESP is what EBP
// was, EIP the lower half of an address in the host's vDSO (an emulated processor
// may show all of it). EDX and ECX are those that XNU looks at.
func (c *Ctx) SysenterLost() bool {
	const (
		failure = -int32(syscall.EFAULT)
		size    = 4 << 12 // of a vDSO, at most
	)
	return c.Code32 && Event(c.reason) == EventFault && c.Trapno == trapPF && uint32(c.RIP) == uint32(c.CR2) &&
		int32(c.RAX) == failure && uint32(c.RIP)-uint32(VDSO()) < size
}

//go:nosplit
func (c *Ctx) sysenter() {
	c.Sysenter, c.Int = true, 0x80
	if int32(c.RAX) < 0 {
		c.Int = 0x81
	}
	c.RIP, c.RSP = uint64(uint32(c.RDX)), uint64(uint32(c.RCX))
}

// amd says whether the processor has AMD's ideas of SYSENTER and SYSCALL.
var amd = vendor() == "AuthenticAMD" || vendor() == "HygonGenuine"

func vendor() string {
	_, b, c, d := cpuid(0, 0)
	var v []byte
	for _, w := range [...]uint32{b, d, c} {
		v = binary.LittleEndian.AppendUint32(v, w)
	}
	return string(v)
}

// MissingGate returns the vector of an INT whose gate the host lacks, by the
// error code of its fault. QEMU's emulation (up to 7.2 at least) takes a gate to
// have sixteen bytes there; no processor has such a code, as vectors end at 0xff.
//
//go:nosplit
func MissingGate(code uint64) (vector uint8, ok bool) {
	const idt, emulated = 2, 0x800
	if code&7 != idt {
		return 0, false
	}
	if code >= emulated {
		code >>= 1
	}
	return uint8(code >> 3), code>>3 <= 0xff
}

// loadable says whether sel is a segment that can be read with privilege 3.
func loadable(sel uint16) bool

// loadDataSegments loads DS and ES; loadGS loads GS. A selector that is not
// valid faults in the host's own code. readGS reads GS.
func loadDataSegments(sel uint16)
func loadGS(sel uint16)
func readGS() uint16

// GS returns the GS selector of a 32-bit guest, which is bound to the calling
// thread.
func (c *Ctx) GS() uint16 { return readGS() }

// SetGS loads GS. It reports false, and does nothing, unless sel is null, the
// data segment, the thread's own segment or one that SetDescriptor has made and
// that can be read.
func (c *Ctx) SetGS(sel uint16) bool {
	if sel > 3 && sel != userDS && (sel != c.TLSSelector() || sel == 0) && !readable(sel) {
		return false
	}
	loadGS(sel)
	return true
}

// bind32 and unbind32 load the segment registers of the calling thread for a
// 32-bit guest, and for the host again.
func (c *Ctx) bind32() {
	loadDataSegments(userDS)
	loadGS(c.gs)
}

func (c *Ctx) unbind32() {
	loadGS(0)
	loadDataSegments(0)
	if c.ldt != 0 {
		freeLDT(c.ldt)
	}
	c.ldt, c.gs, c.tlsBase = 0, 0, 0
}

// SelfTest32 tries what 32-bit guests need besides, and says exactly what
// this host lacks.
func SelfTest32() error { return selfTest32(selfTestCode32) }

const selfTestCode32 = "\x65\xa1\x00\x00\x00\x00" + // mov %gs:0, %eax
	"\xcd\x80" + // int $0x80
	"\xcd\x82" // int $0x82

func selfTest32(text32 string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if getSlot() != nil {
		return nil
	}
	if !loadable(userCS32) {
		return errors.New("this host runs 64-bit code only: 32-bit emulation is off in its kernel (boot it with ia32_emulation=on), or its virtual machine has no segment for 32-bit code (use another)")
	}
	const page = 4096
	const map32 = 0x40 // MAP_32BIT
	text, _, errno := syscall.RawSyscall6(syscall.SYS_MMAP, 0, page, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|map32, ^uintptr(0), 0)
	if errno != 0 {
		return fmt.Errorf("this host gives the runner no memory below 2 GiB for 32-bit programs (mmap: %w)", errno)
	}
	defer syscall.RawSyscall(syscall.SYS_MUNMAP, text, page, 0)
	code := unsafe.Slice((*byte)(hostPointer(text)), page)
	copy(code, text32)
	const data = 2048
	*(*uint32)(unsafe.Pointer(&code[data])) = 20
	c, err := New()
	if err != nil {
		return err
	}
	defer c.Free()
	c.Code32 = true
	if err := c.Bind(); err != nil {
		return err
	}
	defer c.Unbind()
	if c.SetTLS32(uint32(text)+data) == 0 {
		d := userDesc{uint32(c.ldt), 0, tlsLimit, descSeg32Bit | descUseable}
		e := d.write()
		if e == syscall.EPERM || e == syscall.EACCES {
			return fmt.Errorf("this host refuses the call modify_ldt (%w), by which 32-bit programs get segments: probably a seccomp filter (of a container); allow modify_ldt in it", e)
		}
		if e == 0 && c.ldt != 0 {
			return errors.New("this host does not give 32-bit programs segments of their own: modify_ldt succeeds, but the processor does not know the segment; use another host")
		}
		return fmt.Errorf("this host's kernel (%s) cannot give 32-bit programs segments of their own: modify_ldt fails (no CONFIG_MODIFY_LDT_SYSCALL, or a seccomp filter)", kernelRelease())
	}
	const rbx = 0x89abcdef
	c.RIP, c.RBX, c.RSP = uint64(text), rbx, uint64(text)+page
	for _, tt := range []struct {
		vector uint8
		end    uint64
	}{{0x80, 8}, {0x82, 10}} {
		e := c.Run()
		if e == EventFault {
			return fmt.Errorf("this host's kernel (%s) does not run 32-bit code: INT %#x ended in trap %d, error %#x",
				kernelRelease(), tt.vector, c.Trapno, c.ErrCode)
		}
		if e != EventSyscall || c.Int != tt.vector || c.RAX != 20 || c.RBX != rbx || c.RIP != uint64(text)+tt.end {
			return fmt.Errorf("32-bit code does not work on this host: INT %#x ended in %v, INT %#x, EAX %#x, EIP %+d",
				tt.vector, e, c.Int, c.RAX, c.RIP-uint64(text))
		}
	}
	return nil
}
