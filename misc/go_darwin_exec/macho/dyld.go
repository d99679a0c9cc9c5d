// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package macho

// What dyld reads of a dynamic program: the pointers that it sets to functions
// of libraries (binds), and those into the program itself that it moves when
// the program is not where it was linked for (rebases).
//
// A program says so in one of two ways here. Go's linker up to 1.21 has an
// indirect symbol table; that of 1.22 and later, and others, write opcodes.
// The formats are those of Apple's mach-o/loader.h.

import (
	"encoding/binary"
	"io"
	"strings"
)

// An Import is a pointer of the program that is to hold the address of a
// symbol of a library.
type Import struct {
	Addr    uint64
	Name    string // as in the file, with the underscore before it
	Library string // "": the file does not say
	Addend  int64
	Weak    bool // may be missing: it is 0 then
}

// linkInfo is what the load commands say of where the imports are.
type linkInfo struct {
	symoff, nsyms, stroff, strsize uint32 // LC_SYMTAB
	indirect, nindirect            uint32 // LC_DYSYMTAB

	opcodes  bool // LC_DYLD_INFO
	rebase   extent
	binds    [3]extent // ordinary, weak, lazy
	chained  bool      // LC_DYLD_CHAINED_FIXUPS
	pointers []section // sections of pointers to symbols
	foreign  string    // a section that only a C compiler makes

	rebases []byte // the opcodes
}

// An extent is a part of the file.
type extent struct{ off, size uint32 }

// A section holds pointers to symbols; first is the index of its first one in the
// indirect symbol table.
type section struct {
	name       string
	addr, size uint64
	first      uint32
}

const (
	sgReadOnly = 0x10

	sectionType           = 0xff
	sectNonLazyPointers   = 0x6
	sectLazyPointers      = 0x7
	sectInitializers      = 0x9
	sectThreadVariables   = 0x13
	sectInitializerOffset = 0x16

	indirectLocal    = 0x80000000
	indirectAbsolute = 0x40000000

	symbolSize = 16
	symbolType = 0x0e // mask in n_type; 0: undefined

	pointerSize = 8

	// maxOpcodes bounds what is read into memory; a program with 200000
	// pointers has some 1 MB of them.
	maxOpcodes = 64 << 20
	maxName    = 4096
)

// command notes a load command. It returns the least size of one that is too
// short, or 0.
func (l *linkInfo) command(cmd uint32, b []byte) (short int) {
	le := binary.LittleEndian
	ext := func(off int) extent { return extent{le.Uint32(b[off:]), le.Uint32(b[off+4:])} }
	switch cmd {
	case lcSymtab:
		if len(b) < 24 {
			return 24
		}
		l.symoff, l.nsyms, l.stroff, l.strsize = le.Uint32(b[8:]), le.Uint32(b[12:]), le.Uint32(b[16:]), le.Uint32(b[20:])
	case lcDysymtab:
		if len(b) < 80 {
			return 80
		}
		l.indirect, l.nindirect = le.Uint32(b[56:]), le.Uint32(b[60:])
	case lcDyldInfo, lcDyldInfoOnly:
		if len(b) < 48 {
			return 48
		}
		l.opcodes, l.rebase, l.binds = true, ext(8), [3]extent{ext(16), ext(24), ext(32)}
	case lcChainedFixups:
		l.chained = true
	}
	return 0
}

// section notes what the section_64 b has for dyld.
func (f *File) section(b []byte) {
	le := binary.LittleEndian
	s := section{cstring(b[16:32]) + "," + cstring(b[:16]), le.Uint64(b[32:]), le.Uint64(b[40:]), le.Uint32(b[68:])}
	switch le.Uint32(b[64:]) & sectionType {
	case sectNonLazyPointers, sectLazyPointers:
		f.link.pointers = append(f.link.pointers, s)
	case sectInitializers, sectThreadVariables, sectInitializerOffset:
		f.link.foreign = s.name
	}
}

// readImports reads what the file r of a dynamic program says that dyld is to
// do, checks it and sets f.Imports.
func (f *File) readImports(r io.ReaderAt) (err error) {
	l := &f.link
	switch {
	case l.chained:
		return errorf(EBADEXEC, "has chained fixups (LC_DYLD_CHAINED_FIXUPS): this runner binds what Go's own linker makes (build it with CGO_ENABLED=0)")
	case l.foreign != "":
		return errorf(EBADEXEC, "has a section %q, for dyld to run code or make variables of threads: this runner loads Go programs without C (build it with CGO_ENABLED=0)", l.foreign)
	case !l.opcodes:
		return f.readIndirect(r)
	}
	if l.rebases, err = f.read(r, "rebase_off and rebase_size", l.rebase); err != nil {
		return err
	}
	if err := f.rebase(func(uint64) error { return nil }); err != nil {
		return err
	}
	for i, what := range []string{"bind_off and bind_size", "weak_bind_off and weak_bind_size", "lazy_bind_off and lazy_bind_size"} {
		b, err := f.read(r, what, l.binds[i])
		if err != nil {
			return err
		}
		if err := f.bindOpcodes(b, i == 2); err != nil {
			return err
		}
	}
	return nil
}

// read reads a part of the file; what names the fields that say where it is.
func (f *File) read(r io.ReaderAt, what string, e extent) ([]byte, error) {
	if int64(e.off)+int64(e.size) > f.Size || e.size > maxOpcodes {
		return nil, errorf(EBADMACHO, "is damaged: LC_DYLD_INFO: %s are %#x and %#x, in a file of %#x bytes", what, e.off, e.size, f.Size)
	}
	b := make([]byte, e.size)
	if n, err := r.ReadAt(b, int64(e.off)); n < len(b) {
		return nil, errorf(EIO, "cannot be read: %v", err)
	}
	return b, nil
}

// readIndirect reads the imports of the indirect symbol table.
func (f *File) readIndirect(r io.ReaderAt) error {
	l, le := &f.link, binary.LittleEndian
	const damaged = "is damaged: "
	if int64(l.indirect)+4*int64(l.nindirect) > f.Size {
		return errorf(EBADMACHO, damaged+"LC_DYSYMTAB: indirectsymoff is %#x and nindirectsyms %d, in a file of %#x bytes", l.indirect, l.nindirect, f.Size)
	}
	if int64(l.symoff)+symbolSize*int64(l.nsyms) > f.Size {
		return errorf(EBADMACHO, damaged+"LC_SYMTAB: symoff is %#x and nsyms %d, in a file of %#x bytes", l.symoff, l.nsyms, f.Size)
	}
	if int64(l.stroff)+int64(l.strsize) > f.Size {
		return errorf(EBADMACHO, damaged+"LC_SYMTAB: stroff is %#x and strsize %#x, in a file of %#x bytes", l.stroff, l.strsize, f.Size)
	}
	for _, s := range l.pointers {
		n := s.size / pointerSize
		if n > uint64(l.nindirect) || uint64(s.first) > uint64(l.nindirect)-n {
			return errorf(EBADMACHO, damaged+"section %q: reserved1 is %d, of %d pointers, with %d indirect symbols", s.name, s.first, n, l.nindirect)
		}
		for i := range n {
			var index [4]byte
			if _, err := r.ReadAt(index[:], int64(l.indirect)+4*(int64(s.first)+int64(i))); err != nil {
				return errorf(EIO, "cannot be read: %v", err)
			}
			k := le.Uint32(index[:])
			if k&(indirectLocal|indirectAbsolute) != 0 {
				continue // set already
			}
			if k >= l.nsyms {
				return errorf(EBADMACHO, damaged+"section %q: indirect symbol %d is %d, of %d symbols", s.name, uint64(s.first)+i, k, l.nsyms)
			}
			im, err := f.symbol(r, k)
			if err != nil {
				return err
			}
			im.Addr = s.addr + pointerSize*i
			if _, err := f.pointer(im.Addr); err != nil {
				return err
			}
			f.Imports = append(f.Imports, im)
		}
	}
	return nil
}

// symbol reads symbol k, which is undefined.
func (f *File) symbol(r io.ReaderAt, k uint32) (im Import, err error) {
	l, le := &f.link, binary.LittleEndian
	var sym [symbolSize]byte
	if _, err := r.ReadAt(sym[:], int64(l.symoff)+symbolSize*int64(k)); err != nil {
		return im, errorf(EIO, "cannot be read: %v", err)
	}
	strx, typ := le.Uint32(sym[:]), sym[4]
	if typ&symbolType != 0 {
		return im, errorf(EBADMACHO, "symbol %d is to be bound, but n_type %#x says that it is defined", k, typ)
	}
	if strx >= l.strsize {
		return im, errorf(EBADMACHO, "is damaged: symbol %d: n_strx is %#x, strsize %#x", k, strx, l.strsize)
	}
	name := make([]byte, min(l.strsize-strx, maxName))
	if n, err := r.ReadAt(name, int64(l.stroff)+int64(strx)); n < len(name) {
		return im, errorf(EIO, "cannot be read: %v", err)
	}
	im.Name = cstring(name)
	im.Library = f.library(int(le.Uint16(sym[6:]) >> 8))
	return im, nil
}

// library returns the name of the library with an ordinal; 0 and less are the
// program itself and any.
func (f *File) library(ordinal int) string {
	if ordinal < 1 || ordinal > len(f.Dylibs) {
		return ""
	}
	return f.Dylibs[ordinal-1]
}

// pointer checks that a pointer at addr can be set, and returns its segment.
func (f *File) pointer(addr uint64) (*Segment, error) {
	for i := range f.Segments {
		s := &f.Segments[i]
		if addr >= s.Addr && addr-s.Addr < s.MemSize {
			if s.MemSize-(addr-s.Addr) < pointerSize {
				break
			}
			if s.Prot&protWrite == 0 {
				return nil, errorf(EBADMACHO, "%v: a pointer to be bound is at %#x, but initprot is %#x, not writable", s, addr, s.Prot)
			}
			return s, nil
		}
	}
	return nil, errorf(EBADMACHO, "is damaged: a pointer to be bound is at %#x, in no segment", addr)
}

// An opcodeReader reads the opcodes of LC_DYLD_INFO. The first fault stays in err.
type opcodeReader struct {
	what string
	b    []byte
	at   int
	err  error
}

func (r *opcodeReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = errorf(EBADMACHO, "is damaged: "+r.what+" opcodes, byte %#x: "+format, append([]any{r.at}, args...)...)
	}
	r.at = len(r.b)
}

// next returns the next opcode and its immediate operand.
func (r *opcodeReader) next() (op, imm byte, ok bool) {
	if r.err != nil || r.at >= len(r.b) {
		return 0, 0, false
	}
	c := r.b[r.at]
	r.at++
	return c & 0xf0, c & 0x0f, true
}

func (r *opcodeReader) uleb() (v uint64) {
	for shift := 0; ; shift += 7 {
		if r.at >= len(r.b) {
			r.fail("a number has no end")
			return 0
		}
		c := r.b[r.at]
		r.at++
		if shift > 63 || shift == 63 && c > 1 {
			r.fail("a number has more than 64 bits")
			return 0
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
}

func (r *opcodeReader) sleb() (v int64) {
	for shift := 0; ; shift += 7 {
		if r.at >= len(r.b) || shift > 63 {
			r.fail("a number has no end")
			return 0
		}
		c := r.b[r.at]
		r.at++
		v |= int64(c&0x7f) << shift
		if c < 0x80 {
			if c&0x40 != 0 && shift < 57 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
}

func (r *opcodeReader) string() string {
	s := cstring(r.b[r.at:])
	if len(s) >= maxName || r.at+len(s) >= len(r.b) {
		r.fail("a name has no end within %d bytes", maxName)
		return ""
	}
	r.at += len(s) + 1
	return s
}

// A cursor is a position in a segment, as the opcodes move it. It counts the
// pointers, of which there can be no more than fit.
type cursor struct {
	f    *File
	r    *opcodeReader
	seg  *Segment
	off  uint64
	left uint64
}

func (f *File) cursor(r *opcodeReader) cursor {
	c := cursor{f: f, r: r}
	for i := range f.Segments {
		c.left += f.Segments[i].FileSize / pointerSize
	}
	return c
}

func (c *cursor) set(index byte, off uint64) {
	if int(index) >= len(c.f.Segments) {
		c.r.fail("segment %d of %d", index, len(c.f.Segments))
		return
	}
	c.seg, c.off = &c.f.Segments[index], off
}

// addr checks that there is a pointer that can be set, and returns where.
func (c *cursor) addr() uint64 {
	switch {
	case c.r.err != nil:
	case c.seg == nil:
		c.r.fail("no segment is set")
	case c.seg.MemSize < pointerSize || c.off > c.seg.MemSize-pointerSize:
		c.r.fail("offset %#x is beyond segment %q, of %#x bytes", c.off, c.seg.Name, c.seg.MemSize)
	case c.seg.Prot&protWrite == 0:
		c.r.fail("segment %q is not writable (initprot %#x)", c.seg.Name, c.seg.Prot)
	case c.left == 0:
		c.r.fail("more pointers than the segments have room for")
	default:
		c.left--
		return c.seg.Addr + c.off
	}
	return 0
}

// bindOpcodes appends the imports of opcodes (BIND_OPCODE_*). Of lazy ones, each
// import ends with a DONE, and more follow.
func (f *File) bindOpcodes(b []byte, lazy bool) error {
	r := &opcodeReader{what: "bind", b: b}
	c := f.cursor(r)
	var cur Import
	put := func(skip uint64) {
		cur.Addr = c.addr()
		if cur.Name == "" {
			r.fail("no symbol is set")
		}
		if r.err == nil {
			f.Imports = append(f.Imports, cur)
		}
		c.off += pointerSize + skip
	}
	for {
		op, imm, ok := r.next()
		if !ok {
			return r.err
		}
		switch op {
		case 0x00: // DONE
			if !lazy {
				return nil
			}
		case 0x10: // SET_DYLIB_ORDINAL_IMM
			cur.Library = f.library(int(imm))
		case 0x20: // SET_DYLIB_ORDINAL_ULEB
			cur.Library = f.library(int(min(r.uleb(), 1<<16)))
		case 0x30: // SET_DYLIB_SPECIAL_IMM
			cur.Library = ""
		case 0x40: // SET_SYMBOL_TRAILING_FLAGS_IMM
			cur.Name, cur.Weak = r.string(), imm&1 != 0
		case 0x50: // SET_TYPE_IMM
			if imm != 1 {
				r.fail("type %d is not BIND_TYPE_POINTER (1)", imm)
			}
		case 0x60: // SET_ADDEND_SLEB
			cur.Addend = r.sleb()
		case 0x70: // SET_SEGMENT_AND_OFFSET_ULEB
			c.set(imm, r.uleb())
		case 0x80: // ADD_ADDR_ULEB
			c.off += r.uleb()
		case 0x90: // DO_BIND
			put(0)
		case 0xa0: // DO_BIND_ADD_ADDR_ULEB
			put(r.uleb())
		case 0xb0: // DO_BIND_ADD_ADDR_IMM_SCALED
			put(pointerSize * uint64(imm))
		case 0xc0: // DO_BIND_ULEB_TIMES_SKIPPING_ULEB
			n, skip := r.uleb(), r.uleb()
			for ; n > 0 && r.err == nil; n-- {
				put(skip)
			}
		default:
			r.fail("opcode %#x is unknown", op)
		}
	}
}

// rebase calls fn for each pointer that moves with the program
// (REBASE_OPCODE_*).
func (f *File) rebase(fn func(addr uint64) error) error {
	r := &opcodeReader{what: "rebase", b: f.link.rebases}
	c := f.cursor(r)
	put := func(n, skip uint64) {
		for ; n > 0 && r.err == nil; n-- {
			if addr := c.addr(); r.err == nil {
				r.err = fn(addr)
			}
			c.off += pointerSize + skip
		}
	}
	for {
		op, imm, ok := r.next()
		if !ok {
			return r.err
		}
		switch op {
		case 0x00: // DONE
			return nil
		case 0x10: // SET_TYPE_IMM
			if imm != 1 {
				r.fail("type %d is not REBASE_TYPE_POINTER (1)", imm)
			}
		case 0x20: // SET_SEGMENT_AND_OFFSET_ULEB
			c.set(imm, r.uleb())
		case 0x30: // ADD_ADDR_ULEB
			c.off += r.uleb()
		case 0x40: // ADD_ADDR_IMM_SCALED
			c.off += pointerSize * uint64(imm)
		case 0x50: // DO_REBASE_IMM_TIMES
			put(uint64(imm), 0)
		case 0x60: // DO_REBASE_ULEB_TIMES
			put(r.uleb(), 0)
		case 0x70: // DO_REBASE_ADD_ADDR_ULEB
			put(1, r.uleb())
		case 0x80: // DO_REBASE_ULEB_TIMES_SKIPPING_ULEB
			n, skip := r.uleb(), r.uleb()
			put(n, skip)
		default:
			r.fail("opcode %#x is unknown", op)
		}
	}
}

// CanSlide reports whether a valid f can be mapped elsewhere than where it was
// linked for, and says where its pointers are.
func (f *File) CanSlide() bool {
	return f.Dynamic() && f.Flags&mhPIE != 0 && f.link.opcodes
}

// Slide moves a valid f that CanSlide by n bytes, whole pages, before it is
// mapped. Its page zero grows (xnu-11417 bsd/kern/mach_loader.c:load_segment).
func (f *File) Slide(n uint64) {
	for i := range f.Segments {
		if s := &f.Segments[i]; s.isZero() {
			s.MemSize += n
		} else {
			s.Addr += n
		}
	}
	if f.Thread != nil {
		f.Thread.State[stateRIP] += n
	}
	for i := range f.Imports {
		f.Imports[i].Addr += n
	}
	f.slid += n
}

// Symbol is the name of im in C: without the underscore, and without the
// variant of an interface that a suffix asks for ($INODE64, $UNIX2003).
func (im *Import) Symbol() string {
	name, _, _ := strings.Cut(im.Name, "$")
	return strings.TrimPrefix(name, "_")
}
