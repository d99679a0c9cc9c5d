// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package hostsig

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os/signal"
	"syscall"
	"unsafe"
)

// Inherited returns the sets of host signals (bit n-1 for signal n) that were
// masked and ignored when this process was started, by whoever started it.
//
// The Go runtime has installed its own handlers by now. What it found is in
// its variables, which can be had by the executable's symbol table alone. If
// that has been stripped, only SIGHUP and SIGINT are told right.
func Inherited() (masked, ignored uint64) {
	const sigIgn = 1
	v := findVars("runtime.initSigmask", "runtime.fwdSig", "goxnu/misc/go_darwin_exec/hostsig.kind")
	if v[0] == 0 || v[1] == 0 || v[2] == 0 {
		for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT} {
			if signal.Ignored(s) {
				ignored |= 1 << (s - 1)
			}
		}
		syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, 0, 0, uintptr(unsafe.Pointer(&masked)), 8, 0, 0)
		return
	}
	slide := uintptr(unsafe.Pointer(&kind)) - v[2]
	masked = *(*uint64)(pointer(v[0] + slide))
	fwd := (*[65]uintptr)(pointer(v[1] + slide))
	for n := 1; n <= 64; n++ {
		if fwd[n] == sigIgn {
			ignored |= 1 << (n - 1)
		}
	}
	return
}

func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// findVars looks symbols of the running executable up. It maps the file, as
// reading it all would take longer than everything else that the runner does
// at its start.
func findVars(names ...string) []uintptr {
	vals := make([]uintptr, len(names))
	fd, err := syscall.Open("/proc/self/exe", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return vals
	}
	defer syscall.Close(fd)
	var st syscall.Stat_t
	if syscall.Fstat(fd, &st) != nil || st.Size < 64 {
		return vals
	}
	b, err := syscall.Mmap(fd, 0, int(st.Size), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		return vals
	}
	defer syscall.Munmap(b)
	le := binary.LittleEndian
	part := func(off, n uint64) []byte {
		if off > uint64(len(b)) || n > uint64(len(b))-off {
			return nil
		}
		return b[off:][:n]
	}
	const shsize, symsize = 64, 24
	sections := part(le.Uint64(b[40:]), uint64(le.Uint16(b[60:]))*shsize)
	for s := sections; len(s) >= shsize; s = s[shsize:] {
		if elf.SectionType(le.Uint32(s[4:])) != elf.SHT_SYMTAB {
			continue
		}
		link := int(le.Uint32(s[40:])) * shsize
		if link+shsize > len(sections) {
			return vals
		}
		str := part(le.Uint64(sections[link+24:]), le.Uint64(sections[link+32:]))
		for sym := part(le.Uint64(s[24:]), le.Uint64(s[32:])); len(sym) >= symsize; sym = sym[symsize:] {
			if elf.ST_TYPE(sym[4]) != elf.STT_OBJECT {
				continue
			}
			name := le.Uint32(sym)
			if uint64(name) >= uint64(len(str)) {
				continue
			}
			for i, want := range names {
				if rest := str[name:]; len(rest) > len(want) && rest[len(want)] == 0 && bytes.HasPrefix(rest, []byte(want)) {
					vals[i] = uintptr(le.Uint64(sym[8:]))
				}
			}
		}
	}
	return vals
}
