// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package macho

import (
	"slices"

	"goxnu/misc/internal/releases"
)

const (
	// UserEnd is the end of the 64-bit user space
	// (osfmk/mach/i386/vm_param.h:MACH_VM_MAX_ADDRESS); UserStart is where
	// every Linux host allows mappings (vm.mmap_min_addr). A program may be
	// linked lower; a host that does not allow that fails to map it.
	UserStart = 0x10000
	UserEnd   = 0x7fffffe00000

	// UserEnd32 is the end of the 32-bit one (VM_MAX_ADDRESS).
	UserEnd32 = 0xffe00000

	pageSize = 4096

	protRead  = 1
	protWrite = 2
	protExec  = 4
)

// Validate decides whether XNU of the given release would run f, and
// whether this runner can.
//
// The rules by release are those of xnu bsd/kern/mach_loader.c
// (parse_machfile, load_segment, load_unixthread).
func (f *File) Validate(release int) error {
	switch {
	case f.wide && f.CPU == cpuAMD64:
	case !f.wide && f.CPU == cpuI386:
		if release >= releases.XNU6153 {
			return errorf(EBADARCH, "is a 32-bit program (cputype i386): releases from 10.15 on do not run them (choose one up to 10.14: -xnu)")
		}
	default:
		return errorf(EBADARCH, "is for another machine (cputype %s): this runner runs x86_64 and i386 programs", cpuName(f.CPU))
	}
	if f.Type != mhExecute {
		what := typeNames[f.Type]
		if what == "" {
			return errorf(EBADMACHO, "is not a program: filetype is %d, not MH_EXECUTE (2)", f.Type)
		}
		return errorf(ENOEXEC, "is %s, not a program", what)
	}
	if f.dynamic() && !f.Dynamic() {
		return errorf(EBADEXEC, "is dynamically linked (%s): only static programs, and 64-bit ones for /usr/lib/dyld, can be run", f.dynamicBy())
	}
	if f.Thread == nil && !(f.Dynamic() && f.Main) {
		return errorf(EBADMACHO, "has no entry point: there is no LC_UNIXTHREAD")
	}
	if f.Thread != nil && f.Main {
		return errorf(EBADMACHO, "has two entry points: LC_UNIXTHREAD and LC_MAIN")
	}
	var mapped []*Segment
	zero, heads := false, 0
	for i := range f.Segments {
		s := &f.Segments[i]
		if err := f.checkSegment(s); err != nil {
			return err
		}
		if s.isZero() {
			zero = true
			continue
		}
		if s.Offset == 0 && s.FileSize > 0 {
			heads++
			if release >= releases.XNU3789 && s.Prot&(protRead|protExec) != protRead|protExec {
				return errorf(EBADMACHO, "%v maps the Mach-O header, but initprot is %#x, not readable and executable", s, s.Prot)
			}
		}
		if s.MemSize != 0 {
			mapped = append(mapped, s)
		}
	}
	if len(mapped) == 0 {
		return errorf(EBADMACHO, "has no segments to map")
	}
	if release >= releases.XNU3789 && heads != 1 {
		return errorf(EBADMACHO, "%d segments map the Mach-O header (fileoff 0), not one", heads)
	}
	if release >= releases.XNU2782 && !zero && f.wide {
		return errorf(EBADMACHO, "has no __PAGEZERO: releases from 10.10 on want a segment with vmaddr 0, filesize 0 and no access")
	}
	slices.SortFunc(mapped, func(a, b *Segment) int {
		if a.Addr < b.Addr {
			return -1
		}
		return 1
	})
	for i, s := range mapped[1:] {
		if p := mapped[i]; s.Addr < p.end() {
			return errorf(ENOMEM, "%v at %#x overlaps segment %q at %#x-%#x", s, s.Addr, p.Name, p.Addr, p.end())
		}
	}
	entry, pc := f.entry(), "rip"
	if !f.wide {
		pc = "eip"
	}
	for _, s := range mapped {
		if s.Addr <= entry && entry < s.end() {
			if s.Prot&protExec == 0 && release >= releases.XNU1699 {
				return errorf(EBADMACHO, "its entry point %s %#x is in segment %q, which is not executable (initprot %#x)", pc, entry, s.Name, s.Prot)
			}
			return nil
		}
	}
	if release >= releases.XNU1699 {
		return errorf(EBADMACHO, "its entry point %s %#x is in no segment", pc, entry)
	}
	return nil
}

// dynamic reports whether f needs dyld. A program that names it, but has nothing
// to load and begins with an LC_UNIXTHREAD, is entered there by dyld with the
// stack that the kernel has made: it can do without.
func (f *File) dynamic() bool {
	return f.Main || f.Flags&mhDyldlink != 0 || f.Dylinker != "" && (f.Dylinker != "/usr/lib/dyld" || len(f.Dylibs) > 0)
}

// Dynamic reports whether f is a program that dyld loads and that this runner
// loads in its place: a 64-bit one.
func (f *File) Dynamic() bool {
	return f.dynamic() && f.wide && f.CPU == cpuAMD64 && f.Type == mhExecute && f.Dylinker == "/usr/lib/dyld"
}

// entry returns where the program begins: what LC_UNIXTHREAD says, or LC_MAIN.
func (f *File) entry() uint64 {
	if f.Thread != nil {
		return f.Thread.State[stateRIP]
	}
	for i := range f.Segments {
		if s := &f.Segments[i]; s.Offset == 0 && s.FileSize > 0 {
			return s.Addr + f.EntryOff
		}
	}
	return 0
}

func (f *File) dynamicBy() string {
	switch {
	case f.Dylinker != "":
		return "LC_LOAD_DYLINKER " + f.Dylinker
	case f.Main:
		return "LC_MAIN"
	}
	return "MH_DYLDLINK"
}

// isZero reports whether s is a page zero: address space where nothing may be mapped.
func (s *Segment) isZero() bool {
	return s.Addr == 0 && s.FileSize == 0 && s.MemSize != 0 && s.Prot == 0 && s.MaxProt == 0
}

func (s *Segment) end() uint64 { return s.Addr + (s.MemSize+pageSize-1)&^(pageSize-1) }

func (f *File) checkSegment(s *Segment) error {
	const damaged = "is damaged: "
	size, end := uint64(f.Size), uint64(UserEnd)
	if !f.wide {
		end = UserEnd32
	}
	switch {
	case s.FileSize > size || s.Offset > size-s.FileSize:
		return errorf(EBADMACHO, "is truncated or damaged: %v: fileoff %#x and filesize %#x go beyond the file's %#x bytes", s, s.Offset, s.FileSize, size)
	case s.MemSize != 0 && s.MemSize < s.FileSize: // an empty one is not mapped at all (__DWARF)
		return errorf(EBADMACHO, damaged+"%v: vmsize %#x is less than filesize %#x", s, s.MemSize, s.FileSize)
	case s.Addr > end || s.MemSize > end-s.Addr:
		return errorf(EBADMACHO, damaged+"%v: vmaddr %#x and vmsize %#x go beyond the user space's end %#x", s, s.Addr, s.MemSize, end)
	case s.Addr%pageSize != 0:
		return errorf(EBADMACHO, damaged+"%v: vmaddr %#x is not page aligned", s, s.Addr)
	case s.FileSize != 0 && s.Offset%pageSize != 0:
		return errorf(EBADMACHO, damaged+"%v: fileoff %#x is not page aligned", s, s.Offset)
	case s.MaxProt&^7 != 0:
		return errorf(EBADMACHO, damaged+"%v: maxprot is %#x", s, s.MaxProt)
	case s.Prot&^s.MaxProt != 0:
		return errorf(EACCES, damaged+"%v: initprot %#x is not within maxprot %#x", s, s.Prot, s.MaxProt)
	case !s.isZero() && s.MemSize != 0 && s.Addr < pageSize:
		// XNU has refused it since 2782 (mach_loader.c:load_machfile,
		// vm_map_has_hard_pagezero), in 64-bit programs.
		return errorf(ENOMEM, "%v: vmaddr %#x is below %#x: the runner maps nothing at the null pointer", s, s.Addr, pageSize)
	}
	return nil
}
