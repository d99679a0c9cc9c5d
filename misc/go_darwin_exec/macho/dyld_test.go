// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package macho

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	tm "goxnu/misc/go_darwin_exec/internal/testmacho"
	"goxnu/misc/go_darwin_exec/vcpu"
)

// Opcodes that bind _a, _b and _c to __DATA+8, +16 and +32, and that move the pointer
// at __DATA+0x100 and those at +0x110, +0x120.
const (
	bindABC   = "\x11\x51\x40_a\x00\x72\x08\x90\x40_b$INODE64\x00\xb1\x41_c\x00\x60\x7f\x90\x00"
	rebaseTwo = "\x11\x22\x80\x02\x51\x30\x08\x80\x02\x08\x00"
)

func imports(f *File) string {
	var list []string
	for _, im := range f.Imports {
		list = append(list, fmt.Sprintf("%s=%#x%+d %s %v", im.Symbol(), im.Addr-tm.DataAddr, im.Addend, im.Library, im.Weak))
	}
	return strings.Join(list, "; ")
}

func TestImports(t *testing.T) {
	const lib = "/usr/lib/libSystem.B.dylib"
	for _, tt := range []struct {
		name string
		d    tm.Dynamic
		want string
	}{
		{"indirect symbols", tm.Dynamic{Symbols: []string{"_a", "___error", "_c"}}, "a=0x0+0 " + lib + " false; __error=0x8+0 " + lib + " false; c=0x10+0 " + lib + " false"},
		{"none", tm.Dynamic{}, ""},
		{"opcodes", tm.Dynamic{PIE: true, Bind: []byte(bindABC)}, "a=0x8+0 " + lib + " false; b=0x10+0 " + lib + " false; c=0x20-1 " + lib + " true"},
		{"lazy", tm.Dynamic{PIE: true, Lazy: []byte("\x72\x18\x11\x40_a\x00\x90\x00\x72\x20\x3e\x40_b\x00\x90\x00")}, "a=0x18+0 " + lib + " false; b=0x20+0  false"},
		{"many", tm.Dynamic{PIE: true, Bind: []byte("\x51\x40_a\x00\x72\x00\xc0\x03\x08")}, "a=0x0+0  false; a=0x10+0  false; a=0x20+0  false"},
		{"to and fro", tm.Dynamic{PIE: true, Bind: []byte("\x51\x40_a\x00\x72\x40\x80\xf8\xff\xff\xff\xff\xff\xff\xff\xff\x01\x90\xa0\x10\x90")}, "a=0x38+0  false; a=0x40+0  false; a=0x58+0  false"},
		{"main", tm.Dynamic{PIE: true, Main: true}, ""},
	} {
		b, _ := tt.d.Build()
		for _, file := range [][]byte{b, tm.Fat(b)} {
			f, err := check(file, newest)
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			} else if got := imports(f); got != tt.want || f.entry() != tm.Entry || !f.Dynamic() || f.CanSlide() != tt.d.PIE {
				t.Errorf("%s: %q, want %q; entry %#x, %+v", tt.name, got, tt.want, f.entry(), f)
			}
		}
	}
}

// TestDynamicRefusals is TestRefusals for what dyld reads.
func TestDynamicRefusals(t *testing.T) {
	le := binary.LittleEndian
	old, oo := (&tm.Dynamic{Symbols: []string{"_a", "_b"}}).Build()
	pie, po := (&tm.Dynamic{PIE: true, Main: true, Bind: []byte(bindABC)}).Build()
	put := func(good []byte, off int, v uint32) []byte {
		b := bytes.Clone(good)
		le.PutUint32(b[off:], v)
		return b
	}
	bind := func(ops string) []byte {
		b, _ := (&tm.Dynamic{PIE: true, Bind: []byte(ops)}).Build()
		return b
	}
	rebase := func(ops string) []byte {
		b, _ := (&tm.Dynamic{PIE: true, Rebase: []byte(ops)}).Build()
		return b
	}
	section := func(typ uint32) []byte {
		b, _ := (&tm.Dynamic{Section: typ, Symbols: []string{"_a"}}).Build()
		return b
	}
	symbols := tm.LinkOff // the table's place in old
	for _, tt := range []struct {
		b     []byte
		errno int
		want  string
	}{
		{put(old, oo.Symtab+4, 16), EBADMACHO, "cmdsize is 16, less than 24"},
		{put(old, oo.Symtab+8, 1<<31), EBADMACHO, "symoff is 0x80000000 and nsyms 2"},
		{put(old, oo.Symtab+12, 1<<31), EBADMACHO, "nsyms 2147483648"},
		{put(old, oo.Symtab+16, 1<<31), EBADMACHO, "stroff is 0x80000000"},
		{put(old, oo.Symtab+20, 1<<31), EBADMACHO, "strsize 0x80000000"},
		{put(old, oo.Dysymtab+56, 1<<31), EBADMACHO, "indirectsymoff is 0x80000000"},
		{put(old, oo.Dysymtab+60, 1), EBADMACHO, `section "__DATA,__pointers": reserved1 is 0, of 2 pointers, with 1 indirect symbols`},
		{put(old, oo.Section+68, 1), EBADMACHO, "reserved1 is 1, of 2 pointers"},
		{put(old, oo.Section+40, 1<<20), EBADMACHO, "of 131072 pointers"},
		{put(old, oo.Section+32, 0), EBADMACHO, "a pointer to be bound is at 0x100000000, but initprot is 0x5"},
		{put(old, oo.Section+36, 0x7000), EBADMACHO, "a pointer to be bound is at 0x700000002000, in no segment"},
		{put(old, oo.DataInitProt, 1), EBADMACHO, `segment "__DATA": a pointer to be bound is at 0x100002000, but initprot is 0x1`},
		{put(old, symbols, 99), EBADMACHO, "symbol 0: n_strx is 0x63, strsize 0x7"},
		{put(old, symbols+4, 0x0f), EBADMACHO, "n_type 0xf says that it is defined"},
		{section(9), EBADEXEC, `section "__DATA,__pointers", for dyld to run code`},
		{section(0x13), EBADEXEC, "CGO_ENABLED=0"},
		{put(pie, po.DyldInfo, 0x80000034), EBADEXEC, "LC_DYLD_CHAINED_FIXUPS"},
		{put(pie, po.DyldInfo+4, 40), EBADMACHO, "cmdsize is 40, less than 48"},
		{put(pie, po.DyldInfo+8, 1<<30), EBADMACHO, "rebase_off and rebase_size are 0x40000000"},
		{put(pie, po.DyldInfo+20, 1<<30), EBADMACHO, "bind_off and bind_size"},
		{put(pie, po.DyldInfo+28, 1<<30), EBADMACHO, "weak_bind_off and weak_bind_size"},
		{put(pie, po.DyldInfo+36, 1<<30), EBADMACHO, "lazy_bind_off and lazy_bind_size"},
		{put(pie, po.Main+4, 16), EBADMACHO, "cmdsize is 16, less than 24"},
		{put(pie, po.Main+8, 0x2000), EBADMACHO, `rip 0x100002000 is in segment "__DATA"`},
		{put(pie, po.Main+12, 0x7000), EBADMACHO, "is in no segment"},
		{bind("\xd0"), EBADMACHO, "bind opcodes, byte 0x1: opcode 0xd0 is unknown"},
		{bind("\x53"), EBADMACHO, "type 3"},
		{bind("\x40_a"), EBADMACHO, "a name has no end"},
		{bind("\x72"), EBADMACHO, "a number has no end"},
		{bind("\x72\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), EBADMACHO, "more than 64 bits"},
		{bind("\x40_a\x00\x79\x00\x90"), EBADMACHO, "segment 9 of 3"},
		{bind("\x40_a\x00\x90"), EBADMACHO, "no segment is set"},
		{bind("\x72\x00\x90"), EBADMACHO, "no symbol is set"},
		{bind("\x40_a\x00\x72\xf9\x1f\x90"), EBADMACHO, `offset 0xff9 is beyond segment "__DATA", of 0x1000 bytes`},
		{bind("\x40_a\x00\x71\x00\x90"), EBADMACHO, `segment "__TEXT" is not writable (initprot 0x5)`},
		{bind("\x40_a\x00\x72\x00\xc0\xff\xff\xff\xff\x0f\xf8\xff\xff\xff\xff\xff\xff\xff\xff\x01"), EBADMACHO, "more pointers than the segments have room for"},
		{rebase("\xf0"), EBADMACHO, "rebase opcodes, byte 0x1: opcode 0xf0 is unknown"},
		{rebase("\x12"), EBADMACHO, "type 2"},
		{rebase("\x51"), EBADMACHO, "no segment is set"},
		{rebase("\x22\x00\x60\x81\x04"), EBADMACHO, `offset 0x1000 is beyond segment "__DATA"`},
		{rebase("\x22\x00\x80\xff\xff\xff\xff\x0f\xf8\xff\xff\xff\xff\xff\xff\xff\xff\x01"), EBADMACHO, "more pointers than the segments have room for"},
	} {
		_, err := check(tt.b, newest)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q was not refused: %v", tt.want, err)
		} else if e.Errno != tt.errno || !strings.Contains(e.Msg, tt.want) || strings.Contains(e.Msg, "\n") {
			t.Errorf("error %d, %q; want %d, %q", e.Errno, e.Msg, tt.errno, tt.want)
		}
	}
}

// TestBind maps a program at a slide and binds it.
func TestBind(t *testing.T) {
	const slide = 0x345000
	data := make([]byte, 0x200)
	le := binary.LittleEndian
	for _, off := range []int{0x100, 0x108, 0x110, 0x120, 0x130} {
		le.PutUint64(data[off:], tm.Base+uint64(off))
	}
	d := tm.Dynamic{PIE: true, ReadOnly: true, Data: data, Bind: []byte(bindABC), Rebase: []byte(rebaseTwo)}
	b, _ := d.Build()
	for _, file := range [][]byte{b, tm.Fat(b)} {
		f, err := check(file, newest)
		if err != nil {
			t.Fatal(err)
		}
		name := t.TempDir() + "/program"
		if err := os.WriteFile(name, file, 0o777); err != nil {
			t.Fatal(err)
		}
		fd, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd)
		f.Slide(slide)
		s := f.NewSpace()
		img, err := f.Map(fd, s)
		if err != nil {
			t.Fatal(err)
		}
		const data = tm.DataAddr + slide
		err = f.Bind(s, func(im *Import) (uint64, error) {
			return uint64(slices.Index([]string{"c", "b", "a"}, im.Symbol())) << 32, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if img.Regs.RIP != tm.Entry+slide {
			t.Errorf("the entry is %#x", img.Regs.RIP)
		}
		for off, want := range map[uint64]uint64{0: 0, 8: 2 << 32, 16: 1 << 32, 24: 0, 32: 0, // c is weak and missing
			0x100: tm.Base + slide + 0x100, 0x108: tm.Base + 0x108, 0x110: tm.Base + slide + 0x110, 0x120: tm.Base + slide + 0x120, 0x130: tm.Base + 0x130} {
			if v, ok := vcpu.Load64(data + off); !ok || v != want {
				t.Errorf("data+%#x: %#x, want %#x", off, v, want)
			}
		}
		if vcpu.Store64(data, 1) {
			t.Error("a segment with SG_READ_ONLY can be written")
		}
		if min, _ := s.Bounds(); min != tm.Base+slide {
			t.Errorf("the page zero ends at %#x", min)
		}
		for _, r := range s.Regions() {
			vcpu.Raw(syscall.SYS_MUNMAP, uintptr(r.Start), uintptr(r.End-r.Start), 0, 0, 0, 0)
		}
	}
}
