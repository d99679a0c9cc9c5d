// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"debug/elf"
	"math"
	"syscall"
	"unsafe"
)

// The runner is a position-independent executable, which Linux starts by way
// of an interpreter, the host's ld.so. A guest in another root (chroot) has
// none. For it the runner makes a copy of itself that has been relocated
// already and names no interpreter.

// Offsets in 64-bit ELF structures and their sizes.
const (
	elfType, elfEntry, elfPhoff, elfShoff, elfPhnum, elfShnum = 16, 24, 32, 40, 56, 60

	phType, phOff, phVaddr, phPaddr, phFilesz, phSize = 0, 8, 16, 24, 32, 56

	dynValue, dynSize = 8, 16

	relaInfo, relaAddend, relaSize = 8, 16, 24
)

// Linux puts position-independent executables here and some random pages higher.
const (
	staticBase   = 0x550000000000
	staticRandom = 0xfffffff
)

var staticName = [...]byte{'r', 'u', 'n', 'n', 'e', 'r', 0}

// staticSelf replaces x.self by a relocated copy. It neither allocates nor
// locks.
func (x *execArena) staticSelf() Errno {
	var st syscall.Stat_t
	if _, e := host(syscall.SYS_FSTAT, uintptr(x.self), uintptr(unsafe.Pointer(&st)), 0, 0, 0, 0); e != 0 {
		return e
	}
	if st.Size < phSize || st.Size > math.MaxInt32 {
		return ENOEXEC
	}
	size := uintptr(st.Size)
	at, e := host(syscall.SYS_MMAP, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE, uintptr(x.self), 0)
	if e != 0 {
		return e
	}
	n := relocate(unsafe.Slice((*byte)(hostPointer(uintptr(at))), size), staticBase+random64()&staticRandom*pageSize)
	fd := int32(-1)
	if e = ENOEXEC; n > 0 {
		if fd, e = tempFile(&staticName[0]); e == 0 && !writeAll(uintptr(fd), uintptr(at), uintptr(n), 0) {
			host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
			e = ENOSPC
		}
	}
	host(syscall.SYS_MUNMAP, uintptr(at), size, 0, 0, 0, 0)
	if e == 0 {
		host(syscall.SYS_CLOSE, uintptr(x.self), 0, 0, 0, 0, 0)
		x.self = fd
	}
	return e
}

func hostPointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// relocate makes of the position-independent executable b one that runs at
// delta only. It returns how much of the file is in use, 0 if b is no such
// file or has other relocations than Go's linker makes.
func relocate(b []byte, delta uint64) (n uint64) {
	phnum := uint64(getUint16(b[elfPhnum:]))
	phoff := getUint64(b[elfPhoff:])
	if elf.Type(getUint16(b[elfType:])) != elf.ET_DYN || phoff > uint64(len(b)) || phnum*phSize > uint64(len(b))-phoff {
		return 0
	}
	phdrs := b[phoff:][:phnum*phSize]
	// file returns what is at an address, and what follows in its segment.
	file := func(vaddr uint64) []byte {
		for p := phdrs; len(p) > 0; p = p[phSize:] {
			off, v, size := getUint64(p[phOff:]), getUint64(p[phVaddr:]), getUint64(p[phFilesz:])
			if elf.ProgType(getUint32(p[phType:])) == elf.PT_LOAD && vaddr-v < size && off <= uint64(len(b)) && size <= uint64(len(b))-off {
				return b[off:][:size][vaddr-v:]
			}
		}
		return nil
	}
	var rela, relasz uint64
	for p := phdrs; len(p) > 0; p = p[phSize:] {
		switch elf.ProgType(getUint32(p[phType:])) {
		case elf.PT_LOAD:
			n = max(n, getUint64(p[phOff:])+getUint64(p[phFilesz:]))
		case elf.PT_DYNAMIC:
			for d := file(getUint64(p[phVaddr:])); len(d) >= dynSize && getUint64(d) != uint64(elf.DT_NULL); d = d[dynSize:] {
				switch elf.DynTag(getUint64(d)) {
				case elf.DT_RELA:
					rela = getUint64(d[dynValue:])
				case elf.DT_RELASZ:
					relasz = getUint64(d[dynValue:])
				}
			}
		}
	}
	list := file(rela)
	if n > uint64(len(b)) || relasz == 0 || relasz > uint64(len(list)) {
		return 0
	}
	for list = list[:relasz]; len(list) >= relaSize; list = list[relaSize:] {
		to := file(getUint64(list))
		if elf.R_X86_64(getUint32(list[relaInfo:])) != elf.R_X86_64_RELATIVE || len(to) < 8 {
			return 0
		}
		putUint64(to, getUint64(list[relaAddend:])+delta)
	}
	for p := phdrs; len(p) > 0; p = p[phSize:] {
		if typ := elf.ProgType(getUint32(p[phType:])); typ == elf.PT_INTERP || typ == elf.PT_DYNAMIC {
			putUint32(p[phType:], uint32(elf.PT_NULL))
		}
		putUint64(p[phVaddr:], getUint64(p[phVaddr:])+delta)
		putUint64(p[phPaddr:], getUint64(p[phPaddr:])+delta)
	}
	putUint16(b[elfType:], uint16(elf.ET_EXEC))
	putUint64(b[elfEntry:], getUint64(b[elfEntry:])+delta)
	putUint64(b[elfShoff:], 0) // the sections are not copied
	putUint16(b[elfShnum:], 0)
	return n
}
