// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"math/bits"
	"runtime"
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/mem"
)

// Memory: xnu-11417 bsd/kern/kern_mman.c. Package mem keeps the guest's
// mappings apart from the runner's.

const (
	pageSize = mem.PageSize
	pageMask = pageSize - 1

	vmProtAll = 7

	mapShared = 0x1 // xnu-11417 bsd/sys/mman.h
	mapFixed  = 0x10
	mapAnon   = 0x1000
	mapUnix03 = 0x40000

	vmFlagsAnonMask = 0xff000000 | 0x7f // what fd may carry with MAP_ANON: the tag, purgeable, superpage
)

// vmProt returns a protection as the hardware gives it: write and execute
// access imply reading (kern_mman.c:mmap, mprotect).
func vmProt(prot uint64) uint8 {
	prot &= vmProtAll
	if prot&(mem.ProtWrite|mem.ProtExec) != 0 {
		prot |= mem.ProtRead
	}
	return uint8(prot)
}

// vmErrno translates a result of the Space.
func vmErrno(errno syscall.Errno) Errno { return fromHost(uintptr(errno)) }

// vmRange returns the whole pages of the size bytes at addr. It reports false if
// they go beyond the end of all addresses: what the calls say then differs.
func vmRange(addr, size uint64) (start, length uint64, ok bool) {
	start = addr &^ pageMask
	end, ok := mem.RoundUp(addr + size)
	return start, end - start, ok && addr+size >= addr
}

// mmapSize checks the range of a mapping and rounds its size up, from the page
// of pos on. Up to 4903 a sum that wraps around is not noticed, and what
// remains is mapped (xnu-4903, xnu-6153, xnu-11215
// bsd/kern/kern_mman.c:mmap, mmap_sanitize).
func (r Release) mmapSize(addr, size, pos uint64, flags uint32) (uint64, Errno) {
	sum, wraps := bits.Add64(pos, size, 0)
	if sum > 1<<64-pageSize || wraps != 0 && r >= XNU6153 {
		return 0, EINVAL
	}
	if r >= XNU6153 && (r < XNU11215 || flags&mapFixed != 0) && addr+size < addr {
		return 0, EINVAL
	}
	return (size + pos&pageMask + pageMask) &^ pageMask, 0
}

// sysMmap(addr, len, prot, flags, fd, pos)
func sysMmap(t *Thread, a *args) (uint64, Errno) {
	addr, size, flags, fd, pos := a[0], a[1], uint32(a[3]), int32(a[4]), a[5]
	if size == 0 {
		if flags&mapUnix03 != 0 {
			return 0, EINVAL
		}
		return 0, 0
	}
	pageoff := pos & pageMask
	if pageoff != 0 && flags&mapUnix03 != 0 {
		return 0, EINVAL
	}
	pos -= pageoff
	size, e := t.p.Release.mmapSize(addr, size, a[5], flags)
	if e != 0 {
		return 0, e
	}
	m := mem.Mapping{Size: size, Prot: vmProt(a[2]), Shared: flags&mapShared != 0, Fixed: flags&mapFixed != 0, FD: -1}
	if m.Fixed {
		m.Addr = addr - pageoff
		if m.Addr&pageMask != 0 {
			return 0, EINVAL
		}
	} else {
		m.Addr, _ = mem.RoundUp(addr) // 0 if that overflows
	}
	if flags&mapAnon != 0 {
		if fd != -1 && uint32(fd)&^uint32(vmFlagsAnonMask) != 0 {
			return 0, EINVAL
		}
	} else {
		if fd < 0 || fdHidden(fd) {
			return 0, EBADF
		}
		var st syscall.Stat_t
		if _, e := host(syscall.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(&st)), 0, 0, 0, 0); e != 0 {
			return 0, e
		}
		switch st.Mode & syscall.S_IFMT {
		case syscall.S_IFREG:
		case syscall.S_IFCHR:
			return 0, ENODEV
		default:
			return 0, EINVAL
		}
		m.FD, m.Offset = int(fd), int64(pos)
	}
	if size == 0 {
		return 0, 0
	}
	got, errno := t.p.Space.Map(m)
	if errno != 0 {
		return 0, vmErrno(errno)
	}
	if m.Prot&mem.ProtExec != 0 && m.FD >= 0 {
		t.p.patcher.Scan(got, size)
	}
	return got + pageoff, 0
}

// mapAnon allocates memory at the hint or above it.
func (t *Thread) mapAnon(hint, size uint64) (uint64, Errno) {
	addr, errno := t.p.Space.Map(mem.Mapping{Addr: hint, Size: size, Prot: mem.ProtRead | mem.ProtWrite, FD: -1})
	return addr, vmErrno(errno)
}

// sysMunmap(addr, len)
func sysMunmap(t *Thread, a *args) (uint64, Errno) {
	return 0, vmErrno(t.p.Space.Unmap(a[0], a[1]))
}

// sysMprotect(addr, len, prot)
func sysMprotect(t *Thread, a *args) (uint64, Errno) {
	if uint32(a[2])&^vmProtAll != 0 {
		return 0, EINVAL
	}
	return 0, vmErrno(t.protect(a[0], a[1], vmProt(a[2])))
}

// protect sets the protection of the guest's memory, which may be new code then.
func (t *Thread) protect(addr, size uint64, prot uint8) syscall.Errno {
	errno := t.p.Space.Protect(addr, size, prot)
	if errno == 0 && prot&mem.ProtExec != 0 {
		t.p.patcher.Scan(addr, size)
	}
	return errno
}

// Advice of madvise (xnu-11417 bsd/sys/mman.h). MADV_DONTNEED does not make
// pages zero.
const (
	madvNormal       = 0
	madvRandom       = 1
	madvSequential   = 2
	madvWillneed     = 3
	madvDontneed     = 4
	madvFree         = 5
	madvZeroWired    = 6
	madvFreeReusable = 7
	madvFreeReuse    = 8
	madvCanReuse     = 9
	madvPageout      = 10 // 3248
	madvZero         = 11 // 10063

	linuxMadvDontneed = 4
	linuxMadvFree     = 8
	linuxMadvDontfork = 10
	linuxMadvDofork   = 11
)

// sysMadvise(addr, len, behav)
func sysMadvise(t *Thread, a *args) (uint64, Errno) {
	advice := uintptr(0)
	switch behav := int32(a[2]); behav {
	case madvNormal, madvRandom, madvSequential, madvWillneed:
		advice = uintptr(behav) // the host's numbers are the same
	case madvFree, madvFreeReusable:
		advice = linuxMadvFree
	case madvDontneed, madvZeroWired, madvFreeReuse, madvCanReuse:
		return 0, 0
	case madvPageout:
		if t.p.Release < XNU3248 {
			return 0, EINVAL
		}
		return 0, 0
	case madvZero:
		if t.p.Release < XNU10063 {
			return 0, EINVAL
		}
		advice = linuxMadvDontneed
	default:
		return 0, EINVAL
	}
	addr, size, ok := vmRange(a[0], a[1])
	if !ok {
		return 0, EINVAL
	}
	t.p.Space.Each(addr, size, func(lo, hi uint64, r mem.Region) bool {
		if advice > madvWillneed && (r.File || r.Shared) {
			return true // the contents are not the guest's alone
		}
		host(syscall.SYS_MADVISE, uintptr(lo), uintptr(hi-lo), advice, 0, 0, 0)
		return true
	})
	return 0, 0
}

const (
	mincoreIncore     = 1
	mincoreReferenced = 2
)

// sysMincore(addr, len, vec) reports nothing in core for holes. Before
// 11215 the end of the range may wrap around, and before 4570 the start is not
// part of what is rounded (bsd/kern/kern_mman.c:mincore).
func sysMincore(t *Thread, a *args) (uint64, Errno) {
	addr, size, ok := vmRange(a[0], a[1])
	if r := t.p.Release; r < XNU11215 {
		end := (a[0] + a[1] + pageMask) &^ pageMask
		if r < XNU4570 {
			end = addr + (a[1]+pageMask)&^pageMask
		}
		size, ok = end-addr, end >= addr
	}
	if !ok {
		return 0, EINVAL
	}
	var buf [512]byte
	vec := a[2]
	for n := size / pageSize; n > 0; {
		part := min(n, uint64(len(buf)))
		clear(buf[:part])
		t.p.Space.Each(addr, part*pageSize, func(lo, hi uint64, r mem.Region) bool {
			b := buf[(lo-addr)/pageSize : (hi-addr)/pageSize]
			if _, e := host(syscall.SYS_MINCORE, uintptr(lo), uintptr(hi-lo), uintptr(unsafe.Pointer(&b[0])), 0, 0, 0); e != 0 {
				clear(b)
			}
			for i := range b {
				if b[i]&1 != 0 {
					b[i] = mincoreIncore | mincoreReferenced
				}
			}
			return true
		})
		if e := copyout(vec, unsafe.Pointer(&buf), uintptr(part)); e != 0 {
			return 0, e
		}
		addr += part * pageSize
		vec += part
		n -= part
	}
	runtime.KeepAlive(&buf)
	return 0, 0
}

// sysMsync(addr, len, flags)
func sysMsync(t *Thread, a *args) (uint64, Errno) {
	const (
		msAsync      = 1
		msInvalidate = 2
		msSync       = 0x10

		linuxMsSync = 4
	)
	addr, flags := a[0], uint32(a[2])
	_, size, ok := vmRange(addr, a[1])
	switch {
	case addr&pageMask != 0 || a[1] == 0, flags&(msAsync|msSync) == msAsync|msSync, !ok && t.p.Release >= XNU6153:
		return 0, EINVAL
	case !ok || !t.p.Space.Own(addr, size):
		return 0, ENOMEM // before 6153 nobody sees the overflow before the hole
	}
	how := uintptr(flags & (msAsync | msInvalidate))
	if flags&msAsync == 0 {
		how |= linuxMsSync
	}
	return t.block(syscall.SYS_MSYNC, uintptr(addr), uintptr(size), how, 0, 0, 0)
}

func sysMlock(t *Thread, a *args) (uint64, Errno)   { return t.wire(syscall.SYS_MLOCK, a) }
func sysMunlock(t *Thread, a *args) (uint64, Errno) { return t.wire(syscall.SYS_MUNLOCK, a) }

func (t *Thread) wire(nr uintptr, a *args) (uint64, Errno) {
	addr, size, ok := vmRange(a[0], a[1])
	switch {
	case a[1] == 0:
		return 0, 0
	case !ok && (nr == syscall.SYS_MLOCK || t.p.Release >= XNU6153):
		return 0, EINVAL
	case !ok || !t.p.Space.Own(addr, size):
		return 0, ENOMEM
	}
	return host(nr, uintptr(addr), uintptr(size), 0, 0, 0, 0)
}

// sysMlockall: the kernel has the entry, and that is all.
func sysMlockall(t *Thread, a *args) (uint64, Errno) { return 0, ENOSYS }

// sysMinherit(addr, len, inherit). The host can leave memory out of a child,
// but cannot make private memory shared afterwards.
func sysMinherit(t *Thread, a *args) (uint64, Errno) {
	const share, copyIt, none = 0, 1, 2
	inherit := int32(a[2])
	addr, size, ok := vmRange(a[0], a[1])
	if !ok || inherit < share || inherit > none {
		return 0, EINVAL
	}
	if !t.p.Space.Own(addr, size) {
		return 0, EINVAL
	}
	advice := uintptr(linuxMadvDofork)
	if inherit == none {
		advice = linuxMadvDontfork
	}
	var e Errno
	t.p.Space.Each(addr, size, func(lo, hi uint64, r mem.Region) bool {
		if inherit == share && !r.Shared {
			warnf("minherit: memory that is private cannot be shared with a child")
			e = ENOTSUP
			return false
		}
		host(syscall.SYS_MADVISE, uintptr(lo), uintptr(hi-lo), advice, 0, 0, 0)
		return true
	})
	if e == 0 {
		e = vmErrno(t.p.Space.SetInherit(addr, size, uint8(inherit)))
	}
	return 0, e
}

// Results of Mach traps (xnu-11417 osfmk/mach/kern_return.h).
const (
	vmInvalidAddress    = 1
	vmProtectionFailure = 2
	vmNoSpace           = 3
	vmInvalidArgument   = 4
	vmResourceShortage  = 6
)

// trapVMAllocate(target, *addr, size, flags)
func trapVMAllocate(t *Thread, a *args) int32 {
	const anywhere, overwrite = 1, 0x4000
	var addr uint64
	if copyin(unsafe.Pointer(&addr), a[1], 8) != 0 {
		return vmInvalidArgument
	}
	size, ok := mem.RoundUp(a[2])
	if !ok {
		return vmInvalidArgument
	}
	if size == 0 {
		addr = 0
	} else {
		m := mem.Mapping{Addr: addr &^ pageMask, Size: size, Prot: mem.ProtRead | mem.ProtWrite, FD: -1}
		switch {
		case a[3]&anywhere != 0:
			m.Addr = 0
		case a[3]&overwrite != 0:
			m.Fixed = true
		default:
			m.NoReplace = true
		}
		got, errno := t.p.Space.Map(m)
		if errno != 0 {
			return vmNoSpace
		}
		addr = got
	}
	if copyout(a[1], unsafe.Pointer(&addr), 8) != 0 {
		return vmInvalidAddress
	}
	return 0
}

// trapVMDeallocate(target, addr, size)
func trapVMDeallocate(t *Thread, a *args) int32 {
	addr, size, ok := vmRange(a[1], a[2])
	if a[2] == 0 {
		return 0
	}
	if !ok || t.p.Space.Unmap(addr, size) != 0 {
		return vmInvalidArgument
	}
	return 0
}

// trapVMProtect(target, addr, size, set_maximum, new_protection)
func trapVMProtect(t *Thread, a *args) int32 {
	addr, size, ok := vmRange(a[1], a[2])
	prot := uint32(a[4])
	if !ok || prot&^vmProtAll != 0 {
		return vmInvalidArgument
	}
	if a[2] == 0 {
		return 0
	}
	if int32(a[3]) != 0 {
		if !t.p.Space.Own(addr, size) {
			return vmInvalidAddress
		}
		if t.p.Space.SetMaxProt(addr, size, uint8(prot)) != 0 {
			return vmResourceShortage
		}
		return 0
	}
	switch t.protect(addr, size, vmProt(uint64(prot))) {
	case 0:
		return 0
	case syscall.EACCES:
		return vmProtectionFailure
	}
	return vmInvalidAddress
}
