// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package macho loads Darwin programs: it reads a Mach-O file (parse.go),
// decides whether a release of XNU would run it (validate.go), maps it
// (map.go), and makes the rest of what a new process finds: its stack
// (stack.go) and the commpage (commpage.go).
//
// Files come from anywhere. A file that is not as it should be gives an Error
// that names the field and its value, and nothing else happens.
package macho

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// An Error says what is wrong with a file. Errno is what execve returns on
// Darwin for such a file (mach_loader.c:load_return_to_errno).
type Error struct {
	Errno int
	Msg   string
}

func (e *Error) Error() string { return e.Msg }

// Darwin's errnos for files that cannot be run.
const (
	EIO        = 5
	ENOEXEC    = 8
	ENOMEM     = 12
	EACCES     = 13
	EBADEXEC   = 85
	EBADARCH   = 86
	ESHLIBVERS = 87
	EBADMACHO  = 88
)

func errorf(errno int, format string, args ...any) error {
	return &Error{errno, fmt.Sprintf(format, args...)}
}

// Values of the Mach-O format (xnu EXTERNAL_HEADERS/mach-o/loader.h).
const (
	magic32    = 0xfeedface
	magic64    = 0xfeedfacf
	magic32Rev = 0xcefaedfe
	magic64Rev = 0xcffaedfe
	magicFat   = 0xcafebabe
	magicFat64 = 0xcafebabf

	cpuArch64 = 0x01000000
	cpuI386   = 7
	cpuAMD64  = 7 | cpuArch64

	mhExecute  = 2
	mhDyldlink = 0x4
	mhPIE      = 0x200000

	lcSegment         = 0x1
	lcSymtab          = 0x2
	lcThread          = 0x4
	lcUnixthread      = 0x5
	lcDysymtab        = 0xb
	lcLoadDylib       = 0xc
	lcLoadDylinker    = 0xe
	lcSegment64       = 0x19
	lcUUID            = 0x1b
	lcLazyLoadDylib   = 0x20
	lcDyldInfo        = 0x22
	lcDyldInfoOnly    = 0x80000022
	lcLoadWeakDylib   = 0x80000018
	lcReexportDylib   = 0x8000001f
	lcLoadUpwardDylib = 0x80000023
	lcMain            = 0x80000028
	lcChainedFixups   = 0x80000034

	headerSize32  = 28
	headerSize64  = 32
	segmentSize32 = 56
	segmentSize64 = 72
	sectionSize32 = 68
	sectionSize64 = 80

	threadState386        = 1
	threadState386Count   = 16
	threadStateAMD64      = 4
	threadStateAMD64Count = 42
)

// maxCommands bounds the load commands; real files have less than a page.
const maxCommands = 1 << 20

// A File is a parsed Mach-O file.
type File struct {
	CPU, SubCPU uint32
	Type        uint32
	Flags       uint32
	Size        int64 // of the file
	Segments    []Segment
	Thread      *Thread // LC_UNIXTHREAD, nil if there is none
	UUID        []byte
	Dylinker    string   // LC_LOAD_DYLINKER
	Main        bool     // LC_MAIN
	EntryOff    uint64   // of LC_MAIN, from the Mach-O header
	Dylibs      []string // LC_LOAD_DYLIB and the like, in order
	Imports     []Import // of a dynamic program: see dyld.go

	wide   bool  // the file has the 64-bit format
	offset int64 // of the program in a fat file
	slid   uint64
	link   linkInfo
}

// Is32 reports whether f is a program for i386.
func (f *File) Is32() bool { return f.CPU == cpuI386 }

// A Segment is an LC_SEGMENT_64, or in a 32-bit file an LC_SEGMENT.
type Segment struct {
	Index            int // of its load command
	Name             string
	Addr, MemSize    uint64
	Offset, FileSize uint64
	MaxProt, Prot    uint32
	ReadOnly         bool // SG_READ_ONLY: once it is bound
}

func (s *Segment) String() string { return fmt.Sprintf("load command %d: segment %q", s.Index, s.Name) }

// A Thread is the register state of an LC_UNIXTHREAD, as x86_THREAD_STATE64
// has it: rax rbx rcx rdx rdi rsi rbp rsp r8-r15 rip rflags cs fs gs. That of
// x86_THREAD_STATE32 is put at the same places.
type Thread struct {
	State [21]uint64
}

const (
	stateRSP = 7
	stateRIP = 16
)

// cpuNames names the machines that one meets in files.
var cpuNames = map[uint32]string{
	6: "m68k", 7: "i386", 7 | cpuArch64: "x86_64", 12: "arm", 12 | cpuArch64: "arm64", 12 | 0x02000000: "arm64_32",
	18: "ppc", 18 | cpuArch64: "ppc64",
}

func cpuName(cpu uint32) string {
	if n := cpuNames[cpu]; n != "" {
		return n
	}
	return fmt.Sprintf("cputype %#x", cpu)
}

var typeNames = map[uint32]string{
	1: "an object file (MH_OBJECT)", 3: "a fixed VM library (MH_FVMLIB)", 4: "a core file (MH_CORE)", 5: "a preloaded image (MH_PRELOAD)",
	6: "a dynamic library (MH_DYLIB)", 7: "a dynamic linker (MH_DYLINKER)", 8: "a bundle (MH_BUNDLE)", 9: "a library stub (MH_DYLIB_STUB)",
	10: "a file of debugging information (MH_DSYM)", 11: "a kernel extension (MH_KEXT_BUNDLE)", 12: "a file set (MH_FILESET)",
}

// Parse reads the Mach-O file r of the given size. It accepts what is well
// formed; whether it can be run is for Validate to say.
func Parse(r io.ReaderAt, size int64) (*File, error) {
	head, err := readHead(r, size)
	if err != nil {
		return nil, err
	}
	var offset int64
	if slice, n, ok := fatSlice(head, size); ok {
		offset, size = slice, n
		r = io.NewSectionReader(r, offset, size)
		if head, err = readHead(r, size); err != nil {
			return nil, err
		}
	}
	if err := identify(head); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	f := &File{
		CPU:    le.Uint32(head[4:]),
		SubCPU: le.Uint32(head[8:]),
		Type:   le.Uint32(head[12:]),
		Flags:  le.Uint32(head[24:]),
		Size:   size,
		offset: offset,
	}
	header := int64(headerSize64)
	if f.wide = le.Uint32(head) == magic64; !f.wide {
		header = headerSize32
	}
	ncmds, cmdsize := le.Uint32(head[16:]), int64(le.Uint32(head[20:]))
	if cmdsize > maxCommands || header+cmdsize > size {
		return nil, errorf(EBADMACHO, "is truncated or damaged: sizeofcmds is %d, but the file has %d bytes", cmdsize, size)
	}
	cmds := make([]byte, cmdsize)
	if copied := copy(cmds, head[header:]); copied < len(cmds) {
		if n, err := r.ReadAt(cmds[copied:], header+int64(copied)); n < len(cmds)-copied {
			return nil, errorf(EIO, "cannot be read: %v", err)
		}
	}
	for i := 0; i < int(ncmds); i++ {
		if len(cmds) < 8 {
			return nil, errorf(EBADMACHO, "is damaged: ncmds is %d, but sizeofcmds %d has room for %d only", ncmds, cmdsize, i)
		}
		cmd, n := le.Uint32(cmds), le.Uint32(cmds[4:])
		if n < 8 || n%4 != 0 || int64(n) > int64(len(cmds)) {
			return nil, errorf(EBADMACHO, "is damaged: load command %d (%#x): cmdsize is %d, with %d bytes left", i, cmd, n, len(cmds))
		}
		if err := f.command(i, cmd, cmds[:n]); err != nil {
			return nil, err
		}
		cmds = cmds[n:]
	}
	if f.Dynamic() {
		if err := f.readImports(r); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func readHead(r io.ReaderAt, size int64) ([]byte, error) {
	head := make([]byte, min(max(size, 0), 4096))
	if n, err := r.ReadAt(head, 0); err != nil && !(errors.Is(err, io.EOF) && n == len(head)) {
		return nil, errorf(EIO, "cannot be read: %v", err)
	}
	return head, nil
}

// fatSlice finds the x86_64 program in a fat file of the given size, as XNU
// prefers it (bsd/kern/mach_fat.c:fatfile_getbestarch). A file without one, or
// whose slice is not within it or not page aligned, is for fatError to describe.
func fatSlice(head []byte, size int64) (offset, n int64, ok bool) {
	be := binary.BigEndian
	if len(head) < 8 || be.Uint32(head) != magicFat {
		return 0, 0, false
	}
	const entry = 20
	for i := range int(min(be.Uint32(head[4:]), maxArch)) {
		if 8+(i+1)*entry > len(head) {
			break
		}
		arch := head[8+i*entry:]
		offset, n = int64(be.Uint32(arch[8:])), int64(be.Uint32(arch[12:]))
		if be.Uint32(arch) == cpuAMD64 && offset%pageSize == 0 && offset > 0 && offset <= size && n <= size-offset {
			return offset, n, true
		}
	}
	return 0, 0, false
}

// maxArch is the most programs that a fat file has. More than that is a Java class
// file, which has the same magic.
const maxArch = 16

// identify says what a file is that is not a little-endian Mach-O.
func identify(head []byte) error {
	if len(head) == 0 {
		return errorf(ENOEXEC, "is empty")
	}
	if bytes.HasPrefix(head, []byte("#!")) {
		line, _, _ := bytes.Cut(head[2:min(len(head), 256)], []byte("\n"))
		return errorf(ENOEXEC, "is a script (#!%q), not a Mach-O program", strings.TrimSpace(string(line)))
	}
	if bytes.HasPrefix(head, []byte("\x7fELF")) {
		return errorf(ENOEXEC, "is an ELF file, a program for Linux or the like, not a Mach-O program (was it built with GOOS=darwin?)")
	}
	if bytes.HasPrefix(head, []byte("MZ")) {
		return errorf(ENOEXEC, "is a program for Windows or DOS, not a Mach-O program")
	}
	if len(head) < 4 {
		return errorf(ENOEXEC, "is not a Mach-O file: it has %d bytes", len(head))
	}
	le, be := binary.LittleEndian, binary.BigEndian
	switch magic := le.Uint32(head); magic {
	case magic64:
	case magic32:
		if len(head) >= 8 && le.Uint32(head[4:]) != cpuI386 {
			return errorf(EBADARCH, "is a 32-bit program for another machine (cputype %s): this runner runs x86_64 and i386 programs", cpuName(le.Uint32(head[4:])))
		}
		if len(head) < headerSize32 {
			return errorf(EBADMACHO, "is truncated: a Mach-O header takes %d bytes, the file has %d", headerSize32, len(head))
		}
		return nil
	case magic32Rev, magic64Rev:
		cpu := "unknown"
		if len(head) >= 8 {
			cpu = cpuName(be.Uint32(head[4:]))
		}
		return errorf(EBADARCH, "is a big-endian Mach-O file (cputype %s): this runner runs x86_64 and i386 programs", cpu)
	default:
		if m := be.Uint32(head); m == magicFat || m == magicFat64 {
			return fatError(head, m)
		}
		return errorf(ENOEXEC, "is not a Mach-O file: magic is %#08x, not %#08x or %#08x", magic, uint32(magic64), uint32(magic32))
	}
	if len(head) < headerSize64 {
		return errorf(EBADMACHO, "is truncated: a Mach-O header takes %d bytes, the file has %d", headerSize64, len(head))
	}
	return nil
}

// fatError describes a fat file: it holds programs for several machines.
func fatError(head []byte, magic uint32) error {
	be := binary.BigEndian
	n, entry := uint32(0), 20
	if magic == magicFat64 {
		entry = 32
	}
	if len(head) >= 8 {
		n = be.Uint32(head[4:])
	}
	if n == 0 || n > maxArch {
		return errorf(ENOEXEC, "is not a Mach-O program: a fat file, or a Java class, with nfat_arch %d", n)
	}
	var names []string
	for i := 0; i < int(n) && 8+(i+1)*entry <= len(head); i++ {
		names = append(names, cpuName(be.Uint32(head[8+i*entry:])))
		if arch := head[8+i*entry:]; magic == magicFat && be.Uint32(arch) == cpuAMD64 {
			return errorf(EBADMACHO, "is a damaged fat file: its x86_64 program has offset %#x and size %#x, which is not page aligned or goes beyond the file", be.Uint32(arch[8:]), be.Uint32(arch[12:]))
		}
	}
	return errorf(EBADARCH, "is a fat file (%s) without a program that this runner finds: extract the x86_64 program first (lipo -thin x86_64)", strings.Join(names, ", "))
}

// command parses load command i.
func (f *File) command(i int, cmd uint32, b []byte) error {
	le := binary.LittleEndian
	short := func(need int) error {
		return errorf(EBADMACHO, "is damaged: load command %d (%#x): cmdsize is %d, less than %d", i, cmd, len(b), need)
	}
	switch cmd {
	case lcSegment:
		if f.wide {
			return errorf(EBADMACHO, "is damaged: load command %d is an LC_SEGMENT, in a 64-bit file", i)
		}
		if len(b) < segmentSize32 {
			return short(segmentSize32)
		}
		s := Segment{
			Index:    i,
			Name:     cstring(b[8:24]),
			Addr:     uint64(le.Uint32(b[24:])),
			MemSize:  uint64(le.Uint32(b[28:])),
			Offset:   uint64(le.Uint32(b[32:])),
			FileSize: uint64(le.Uint32(b[36:])),
			MaxProt:  le.Uint32(b[40:]),
			Prot:     le.Uint32(b[44:]),
		}
		if nsects := le.Uint32(b[48:]); uint64(nsects)*sectionSize32 > uint64(len(b)-segmentSize32) {
			return errorf(EBADMACHO, "is damaged: %v: nsects is %d, which does not fit in cmdsize %d", &s, nsects, len(b))
		}
		f.Segments = append(f.Segments, s)
	case lcSegment64:
		if !f.wide {
			return errorf(EBADMACHO, "is damaged: load command %d is an LC_SEGMENT_64, in a 32-bit file", i)
		}
		if len(b) < segmentSize64 {
			return short(segmentSize64)
		}
		s := Segment{
			Index:    i,
			Name:     cstring(b[8:24]),
			Addr:     le.Uint64(b[24:]),
			MemSize:  le.Uint64(b[32:]),
			Offset:   le.Uint64(b[40:]),
			FileSize: le.Uint64(b[48:]),
			MaxProt:  le.Uint32(b[56:]),
			Prot:     le.Uint32(b[60:]),
		}
		nsects := le.Uint32(b[64:])
		if uint64(nsects)*sectionSize64 > uint64(len(b)-segmentSize64) {
			return errorf(EBADMACHO, "is damaged: %v: nsects is %d, which does not fit in cmdsize %d", &s, nsects, len(b))
		}
		s.ReadOnly = le.Uint32(b[68:])&sgReadOnly != 0
		for j := range nsects {
			f.section(b[segmentSize64+j*sectionSize64:])
		}
		f.Segments = append(f.Segments, s)
	case lcUnixthread, lcThread:
		if f.Thread != nil {
			return errorf(EBADMACHO, "is damaged: load command %d is a second LC_UNIXTHREAD", i)
		}
		return f.thread(i, b)
	case lcUUID:
		if len(b) < 24 {
			return short(24)
		}
		f.UUID = bytes.Clone(b[8:24])
	case lcLoadDylinker:
		if len(b) < 12 {
			return short(12)
		}
		if off := le.Uint32(b[8:]); int64(off) < int64(len(b)) {
			f.Dylinker = cstring(b[off:])
		} else {
			return errorf(EBADMACHO, "is damaged: load command %d (LC_LOAD_DYLINKER): name.offset is %d, cmdsize %d", i, off, len(b))
		}
	case lcLoadDylib, lcLazyLoadDylib, lcLoadWeakDylib, lcReexportDylib, lcLoadUpwardDylib:
		if len(b) < 24 {
			return short(24)
		}
		off := le.Uint32(b[8:])
		if int64(off) >= int64(len(b)) {
			return errorf(EBADMACHO, "is damaged: load command %d (LC_LOAD_DYLIB): name.offset is %d, cmdsize %d", i, off, len(b))
		}
		f.Dylibs = append(f.Dylibs, cstring(b[off:]))
	case lcMain:
		if len(b) < 24 {
			return short(24)
		}
		f.Main, f.EntryOff = true, le.Uint64(b[8:])
	default:
		if size := f.link.command(cmd, b); size > 0 {
			return short(size)
		}
	}
	return nil
}

// thread parses the flavours of an LC_UNIXTHREAD.
func (f *File) thread(i int, b []byte) error {
	le := binary.LittleEndian
	want, wantCount, name := uint32(threadStateAMD64), uint32(threadStateAMD64Count), "x86_THREAD_STATE64"
	if !f.wide {
		want, wantCount, name = threadState386, threadState386Count, "x86_THREAD_STATE32"
	}
	for b = b[8:]; len(b) > 0; {
		if len(b) < 8 {
			return errorf(EBADMACHO, "is damaged: load command %d (LC_UNIXTHREAD): %d bytes left over", i, len(b))
		}
		flavor, count := le.Uint32(b), le.Uint32(b[4:])
		b = b[8:]
		if uint64(count)*4 > uint64(len(b)) {
			return errorf(EBADMACHO, "is damaged: load command %d (LC_UNIXTHREAD): flavor %d has count %d, with %d bytes left", i, flavor, count, len(b))
		}
		if flavor == want {
			if count != wantCount {
				return errorf(EBADMACHO, "is damaged: load command %d (LC_UNIXTHREAD): %s has count %d, not %d", i, name, count, wantCount)
			}
			f.Thread = new(Thread)
			if f.wide {
				for j := range f.Thread.State {
					f.Thread.State[j] = le.Uint64(b[8*j:])
				}
			} else {
				// eax ebx ecx edx edi esi ebp esp ss eflags eip cs ds es fs gs
				for j := range stateRSP + 1 {
					f.Thread.State[j] = uint64(le.Uint32(b[4*j:]))
				}
				f.Thread.State[stateRIP] = uint64(le.Uint32(b[4*10:]))
			}
		}
		b = b[count*4:]
	}
	if f.Thread == nil {
		return errorf(EBADMACHO, "is damaged: load command %d (LC_UNIXTHREAD) has no %s", i, name)
	}
	return nil
}

func cstring(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
