// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// A forked child that goes on, instead of executing something soon, cannot do
// so in a copy of a Go program that has lost its scheduler. At the first call
// that is not in childCalls it writes its memory and its state to an
// anonymous file and executes the runner, which maps the file where the
// memory was and makes the call again. Process id, descriptors and parentage
// stay as they are.
//
// What is not carried over: memory shared with others becomes the child's
// own, and the runner forgets what it knew about sockets.

const (
	checkpointMagic = 0x676f786e75636b31
	maxSavedRegions = 1 << 16 // Linux's default for vm.max_map_count is less
)

// A checkpoint is the first part of the file. The memory follows, region by
// region, each beginning at Off.
type checkpoint struct {
	magic    uint64
	size     uint64 // of this struct, so that another runner does not read it
	release  uint64
	stackTop uint64
	code32   bool
	dynamic  bool
	regs     vcpu.Regs
	gsBase   uint64
	tls32    segment32
	ldtStart int
	ldtSize  int
	ldt      [vcpu.LDTEntries]uint64
	pthread  pthreadRegistration
	sig      xsig.Saved
	exc      exception
	cr2      uint64
	avx512   bool
	min      uint64 // lowest address of the space
	xstate   [12288]byte
	nregions uint64
	regions  [maxSavedRegions]savedRegion
}

// checkpointHead is the size of what comes before the regions.
const checkpointHead = unsafe.Offsetof(checkpoint{}.regions)

// A segment32 is what GS is for a thread of a 32-bit process.
type segment32 struct {
	sel, gs uint16 // of the thread's own segment, 0 if it has none; and what is loaded
	base    uint32
}

type savedRegion struct {
	start, end, off uint64
	prot, maxProt   uint8
	kind            uint8
	inherit         uint8
}

// theCheckpoint is the child's; it is too large for a stack.
var theCheckpoint checkpoint

const (
	sysMemfdCreate  = 319
	pagemapResident = 1<<63 | 1<<62 // present, swapped (Documentation/admin-guide/mm/pagemap.rst)
)

var checkpointName = [...]byte{'c', 'h', 'e', 'c', 'k', 'p', 'o', 'i', 'n', 't', 0}
var pagemapName = [...]byte{'/', 'p', 'r', 'o', 'c', '/', 's', 'e', 'l', 'f', '/', 'p', 'a', 'g', 'e', 'm', 'a', 'p', 0}

// checkpoint leaves the call under way undone and goes on in a new runner. It
// returns only if that is impossible. It runs in a forked child: no
// allocation, no locks.
func (t *Thread) checkpoint() {
	p := t.p
	hostSigmask(linuxSigSetmask, execMask) // what comes from here on waits for the new runner
	t.takeKick()
	c := &theCheckpoint
	c.magic, c.size = checkpointMagic, uint64(unsafe.Sizeof(*c))
	c.release = uint64(p.Release)
	c.stackTop = p.cfg.StackTop
	c.code32 = t.abi() == abi32
	c.dynamic = p.cfg.Dynamic
	c.regs = t.cpu.Regs
	c.regs.RIP -= t.repeatLen() // the number is still in RAX
	min, end := p.Space.Bounds()
	c.min = min
	if c.code32 {
		s := &c.tls32
		s.sel, s.base = t.cpu.TLS32()
		s.gs = t.cpu.GS()
		c.ldtStart, c.ldtSize = p.ldt.start, copy(c.ldt[:], p.ldt.desc)
	} else {
		c.gsBase = t.cpu.GSBase()
	}
	c.pthread = p.pthread
	c.exc, c.cr2 = t.exc, t.cr2
	c.avx512 = t.frame.avx512
	p.sig.Save(&c.sig, t.sig)
	copy(c.xstate[:], t.cpu.XState())

	fd, e := tempFile(&checkpointName[0])
	if e != 0 {
		return
	}
	closeOnExec(fd, false)
	pagemap, e := host(syscall.SYS_OPENAT, hostAtFDCWD, hostBuf(&pagemapName[0]), syscall.O_RDONLY|syscall.O_CLOEXEC, 0, 0, 0)
	if e != 0 {
		return
	}
	p.patcher.Unscan()
	off := (c.size + pageSize - 1) &^ (pageSize - 1)
	done := true
	p.Space.All(func(r *mem.Region) bool {
		if r.Start >= end {
			return true // the commpage is made anew
		}
		if c.nregions == maxSavedRegions {
			done = false
			return false
		}
		c.regions[c.nregions] = savedRegion{r.Start, r.End, off, r.Prot, r.MaxProt, uint8(r.Kind), r.Inherit}
		c.nregions++
		if r.Prot&mem.ProtRead == 0 {
			host(syscall.SYS_MPROTECT, uintptr(r.Start), uintptr(r.End-r.Start), syscall.PROT_READ, 0, 0, 0)
		}
		done = t.saveRegion(uintptr(fd), uintptr(pagemap), r, off)
		off += r.End - r.Start
		return done
	})
	if !done {
		return
	}
	if _, e := host(syscall.SYS_FTRUNCATE, uintptr(fd), uintptr(off), 0, 0, 0, 0); e != 0 {
		return
	}
	head := checkpointHead + uintptr(c.nregions)*unsafe.Sizeof(c.regions[0])
	if !writeAll(uintptr(fd), uintptr(unsafe.Pointer(c)), head, 0) {
		return
	}
	t.execResume(fd)
}

// saveRegion writes the pages of r that have anything in them.
func (t *Thread) saveRegion(fd, pagemap uintptr, r *mem.Region, off uint64) bool {
	if r.File || r.Shared {
		return writeAll(fd, uintptr(r.Start), uintptr(r.End-r.Start), off)
	}
	b := t.fs.buf[:]
	for a := r.Start; a < r.End; {
		n := min((r.End-a)/pageSize, uint64(len(b)/8))
		if v, e := host(syscall.SYS_PREAD64, pagemap, hostBuf(&b[0]), uintptr(n*8), uintptr(a/pageSize*8), 0, 0); e != 0 || v != n*8 {
			return false
		}
		for i := uint64(0); i < n; {
			if getUint64(b[i*8:])&pagemapResident == 0 {
				i++
				continue
			}
			j := i + 1
			for j < n && getUint64(b[j*8:])&pagemapResident != 0 {
				j++
			}
			if !writeAll(fd, uintptr(a+i*pageSize), uintptr((j-i)*pageSize), off+(a+i*pageSize-r.Start)) {
				return false
			}
			i = j
		}
		a += n * pageSize
	}
	return true
}

func writeAll(fd, p, n uintptr, off uint64) bool {
	for n > 0 {
		v, e := host(syscall.SYS_PWRITE64, fd, p, n, uintptr(off), 0, 0)
		if e == EFAULT {
			// Beyond the end of a mapped file: that page is lost in any case.
			v, e = min(uint64(n), pageSize), 0
		}
		if e != 0 || v == 0 {
			return false
		}
		p += uintptr(v)
		n -= uintptr(v)
		off += v
	}
	return true
}

// execResume executes the runner with the checkpoint on descriptor fd.
func (t *Thread) execResume(fd int32) {
	p, x := t.p, &t.p.exec
	x.reset()
	if addWord(x, p.cfg.Path) != 0 {
		return
	}
	argv := x.nptr
	for _, s := range p.cfg.Args {
		if addWord(x, s) != 0 {
			return
		}
	}
	if x.end() != 0 {
		return
	}
	for _, s := range p.cfg.Env {
		if addWord(x, s) != 0 {
			return
		}
	}
	p.faults.inherit(true)
	st := ExecState{State: p.sig.Exec(t.sig), Resume: fd, Linked: p.linked.Load(), Leaders: watchedLeaders()}
	x.exec(&st, argv, len(p.cfg.Args), len(p.cfg.Env))
}
