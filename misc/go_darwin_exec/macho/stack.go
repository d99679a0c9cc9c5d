// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package macho

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/internal/releases"
)

const (
	stackReserve  = 64 << 20 // bsd/kern/kern_exec.c:create_unix_stack: MAXSSIZ
	stackDefault  = 8 << 20  // DFLSSIZ
	stackMaxTries = 64
)

// stackTop returns the end of the main stack before ASLR
// (osfmk/mach/i386/vm_param.h:VM_USRSTACK32, VM_USRSTACK64).
func (img *Image) stackTop(release int) uint64 {
	switch {
	case img.Is32:
		return 0xc0000000
	case release >= releases.XNU8019:
		return 0x7ff7bff00000
	case release >= releases.XNU4570:
		return 0x7ffeefc00000
	}
	return 0x7fff5fc00000
}

// A Start says how a program is started.
type Start struct {
	Release   int
	Path      string // as given to exec
	Args, Env []string
	StackSize uint64 // soft limit; 0: the default
	Device    uint64 // of the file, for executable_file=
	Inode     uint64
	Random    [4]uint64 // for stack_guard=, malloc_entropy=, ptr_munge=
}

// MakeStack maps the main stack and fills it as
// bsd/kern/kern_exec.c:exec_copyout_strings does. It sets img.Regs.RSP.
func (img *Image) MakeStack(s *mem.Space, st *Start) error {
	if img.Regs.RSP != 0 {
		// A "custom stack": the program brings its own.
		img.StackTop = img.Regs.RSP
	} else if err := img.mapStack(s, st); err != nil {
		return err
	}
	apple := img.appleStrings(st)

	// The strings lie at the top, in this order; the pointers below.
	total := len(apple[0]) + 1
	for _, list := range [][]string{st.Args, st.Env, apple[1:]} {
		for _, str := range list {
			total += len(str) + 1
		}
	}
	long := 8 // size of a pointer
	if img.Is32 {
		long = 4
	}
	words := 1 + len(st.Args) + 1 + len(st.Env) + 1 + len(apple) + 1
	img.Strings = (img.StackTop - uint64(total)) &^ 7
	img.Regs.RSP = img.Strings - uint64(long*words)
	if uint64(total+long*words) > img.StackSize/2 && img.StackSize != 0 || img.Regs.RSP > img.StackTop {
		return errorf(7 /* E2BIG */, "its arguments and environment take %d bytes", total+long*words)
	}

	strs := make([]byte, 0, total)
	ptrs := make([]byte, 0, long*words)
	word := func(v uint64) {
		if img.Is32 {
			ptrs = binary.LittleEndian.AppendUint32(ptrs, uint32(v))
		} else {
			ptrs = binary.LittleEndian.AppendUint64(ptrs, v)
		}
	}
	add := func(str string) {
		word(img.Strings + uint64(len(strs)))
		strs = append(append(strs, str...), 0)
	}
	strs = append(append(strs, apple[0]...), 0)
	word(uint64(len(st.Args)))
	for _, list := range [][]string{st.Args, st.Env} {
		for _, str := range list {
			add(str)
		}
		word(0)
	}
	word(img.Strings)
	for _, str := range apple[1:] {
		add(str)
	}
	word(0)
	if !vcpu.CopyOut(img.Strings, strs) || !vcpu.CopyOut(img.Regs.RSP, ptrs) {
		return errorf(ENOMEM, "its stack at %#x cannot be written", img.Regs.RSP)
	}
	return nil
}

// mapStack reserves the stack, as low as it must be to stay clear of the
// host's memory: XNU lowers it by a random number of pages.
func (img *Image) mapStack(s *mem.Space, st *Start) error {
	size := st.StackSize
	if size == 0 {
		size = stackDefault
	}
	size = min(max(size, 64<<10), stackReserve) &^ (pageSize - 1)
	top := img.stackTop(st.Release)
	for try := 0; ; try++ {
		low := top - stackReserve
		if _, errno := s.Map(mem.Mapping{Addr: low, Size: stackReserve, FD: -1, NoReplace: true}); errno == 0 {
			break
		} else if errno != syscall.EEXIST {
			return errorf(ENOMEM, "its stack cannot be mapped: %v", errno)
		} else if try == stackMaxTries {
			return ErrCollision
		}
		top -= stackReserve
	}
	if errno := s.Protect(top-size, size, mem.ProtRead|mem.ProtWrite); errno != 0 {
		return errorf(ENOMEM, "its stack cannot be mapped: %v", errno)
	}
	img.StackTop, img.StackSize, img.StackLow = top, size, top-stackReserve
	return nil
}

// appleStrings returns what the kernel passes behind the environment
// (bsd/kern/kern_exec.c:exec_add_apple_strings). Strings that only dyld
// reads are left out: pfz=, dyld_file=, th_port= and the like.
func (img *Image) appleStrings(st *Start) []string {
	path := st.Path
	if st.Release >= releases.XNU3248 {
		path = "executable_path=" + path
	}
	list := []string{path}
	if st.Release >= releases.XNU1699 {
		list = append(list,
			fmt.Sprintf("stack_guard=%#016x", st.Random[0]&^0xff),
			fmt.Sprintf("malloc_entropy=%#016x,%#016x", st.Random[1], st.Random[2]))
	}
	if st.Release >= releases.XNU3789 {
		list = append(list, fmt.Sprintf("main_stack=%#x,%#x,%#x,%#x", img.StackTop, img.StackSize, img.StackLow, img.StackTop-img.StackLow))
	}
	if st.Release >= releases.XNU4570 {
		list = append(list, fmt.Sprintf("executable_file=%#x,%#x", st.Device, st.Inode))
	}
	if st.Release >= releases.XNU6153 {
		list = append(list, fmt.Sprintf("ptr_munge=%#016x", st.Random[3]))
	}
	return list
}
