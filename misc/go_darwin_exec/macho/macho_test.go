// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package macho

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	tm "goxnu/misc/go_darwin_exec/internal/testmacho"
	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
)

const newest = 11215

func check(b []byte, release int) (*File, error) {
	f, err := Parse(bytes.NewReader(b), int64(len(b)))
	if err == nil {
		err = f.Validate(release)
	}
	return f, err
}

// TestRefusals changes one field at a time. The error must name it, or the
// value, in one line.
func TestRefusals(t *testing.T) {
	good := tm.Build(tm.Exit(0))
	if _, err := check(good, newest); err != nil {
		t.Fatal(err)
	}
	u32 := func(off int, v uint32) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint32(b[off:], v); return b }
	}
	u64 := func(off int, v uint64) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint64(b[off:], v); return b }
	}
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:n] } }
	whole := func(s string) func([]byte) []byte { return func([]byte) []byte { return []byte(s) } }
	for _, tt := range []struct {
		change  func([]byte) []byte
		errno   int
		want    string
		release int // 0: newest
	}{
		{whole(""), ENOEXEC, "is empty", 0},
		{whole("x"), ENOEXEC, "1 bytes", 0},
		{whole("#!/bin/sh -e\necho\n"), ENOEXEC, `is a script (#!"/bin/sh -e")`, 0},
		{whole("#!"), ENOEXEC, "is a script", 0},
		{whole("\x7fELF\x02\x01\x01"), ENOEXEC, "is an ELF file", 0},
		{whole("MZ\x90"), ENOEXEC, "Windows", 0},
		{whole("hello, world"), ENOEXEC, "magic is 0x6c6c6568", 0},
		{whole("\xca\xfe\xba\xbe\x00\x00\x00\x02\x01\x00\x00\x07\x00\x00\x00\x03" + strings.Repeat("\x00", 12) + "\x01\x00\x00\x0c" + strings.Repeat("\x00", 16)),
			EBADMACHO, "is a damaged fat file: its x86_64 program has offset 0x0 and size 0x0", 0},
		{whole("\xca\xfe\xba\xbe\x00\x00\x00\x34"), ENOEXEC, "nfat_arch 52", 0},
		{whole("\xca\xfe\xba\xbe"), ENOEXEC, "nfat_arch 0", 0},
		{whole("\xfe\xed\xfa\xce\x00\x00\x00\x12"), EBADARCH, "big-endian Mach-O file (cputype ppc)", 0},
		{whole("\xfe\xed\xfa\xcf\x01\x00\x00\x12"), EBADARCH, "cputype ppc64", 0},
		{whole("\xce\xfa\xed\xfe\x07\x00\x00\x00"), EBADMACHO, "takes 28 bytes, the file has 8", 0},
		{whole("\xce\xfa\xed\xfe\x0c\x00\x00\x00"), EBADARCH, "32-bit program for another machine (cputype arm)", 0},
		{whole("\xce\xfa\xed\xfe\x0c\x00\x00\x00"), EBADARCH, "cputype arm", 0},
		{whole("\xce\xfa\xed\xfe"), EBADMACHO, "is truncated", 0},
		{cut(31), EBADMACHO, "header takes 32 bytes, the file has 31", 0},
		{cut(100), EBADMACHO, "sizeofcmds is 400, but the file has 100 bytes", 0},
		{cut(0x1800), EBADMACHO, `segment "__TEXT": fileoff 0x0 and filesize 0x2000 go beyond the file's 0x1800`, 0},
		{u32(tm.CPUType, 0x0100000c), EBADARCH, "cputype arm64", 0},
		{u32(tm.CPUType, 99), EBADARCH, "cputype 0x63", 0},
		{u32(tm.FileType, 1), ENOEXEC, "MH_OBJECT", 0},
		{u32(tm.FileType, 6), ENOEXEC, "MH_DYLIB", 0},
		{u32(tm.FileType, 4), ENOEXEC, "MH_CORE", 0},
		{u32(tm.FileType, 77), EBADMACHO, "filetype is 77", 0},
		{u32(tm.NCmds, 5), EBADMACHO, "ncmds is 5, but sizeofcmds 400 has room for 4", 0},
		{u32(tm.NCmds, 1<<31), EBADMACHO, "ncmds is 2147483648", 0},
		{u32(tm.SizeOfCmds, 1<<31), EBADMACHO, "sizeofcmds is 2147483648", 0},
		{u32(tm.Flags, 4), EBADEXEC, "dynamically linked (MH_DYLDLINK)", 0},
		{u32(tm.ZeroCmd, 0x80000028), EBADEXEC, "LC_MAIN", 0},
		{u32(tm.ZeroCmd, 1), EBADMACHO, "load command 0 is an LC_SEGMENT, in a 64-bit file", 0},
		{u32(tm.ZeroCmd, 0x99), EBADMACHO, "has no __PAGEZERO", 0},
		{u32(tm.ZeroMaxProt, 7), ENOMEM, `segment "__PAGEZERO": vmaddr 0x0 is below 0x1000: the runner maps nothing at the null pointer`, 0},
		{u32(tm.TextCmdSize, 7), EBADMACHO, "cmdsize is 7", 0},
		{u32(tm.TextCmdSize, 0), EBADMACHO, "cmdsize is 0", 0},
		{u32(tm.TextCmdSize, 1<<30), EBADMACHO, "cmdsize is 1073741824", 0},
		{u32(tm.TextCmdSize, 40), EBADMACHO, "load command 1 (0x19): cmdsize is 40", 0},
		{u64(tm.TextVMAddr, tm.Base+1), EBADMACHO, "vmaddr 0x100000001 is not page aligned", 0},
		{u64(tm.TextVMAddr, 0), ENOMEM, "vmaddr 0x0 is below 0x1000", 0},
		{u64(tm.TextVMAddr, 1<<63), EBADMACHO, "vmaddr 0x8000000000000000", 0},
		{u64(tm.TextVMSize, 1<<63), EBADMACHO, "vmsize 0x8000000000000000", 0},
		{u64(tm.TextVMSize, 0x1000), EBADMACHO, "vmsize 0x1000 is less than filesize 0x2000", 0},
		{u64(tm.TextFileOff, 1<<40), EBADMACHO, "fileoff 0x10000000000", 0},
		{u64(tm.TextFileSize, ^uint64(0)), EBADMACHO, "filesize 0xffffffffffffffff", 0},
		{u32(tm.TextInitProt, 1), EBADMACHO, "initprot is 0x1", 0},
		{u32(tm.TextInitProt, 3), EACCES, "initprot 0x3 is not within maxprot 0x5", 0},
		{u32(tm.TextInitProt, 1), EBADMACHO, "not executable (initprot 0x1)", 1699},
		{u32(tm.TextMaxProt, 0x105), EBADMACHO, "maxprot is 0x105", 0},
		{u32(tm.TextNSects, 1), EBADMACHO, "nsects is 1", 0},
		{u32(tm.TextNSects, 1<<31), EBADMACHO, "nsects is 2147483648", 0},
		{u32(tm.TextCmd, 0x99), EBADMACHO, "0 segments map the Mach-O header", 0},
		{u64(tm.DataVMAddr, tm.Base), ENOMEM, `overlaps segment "`, 0},
		{u64(tm.DataFileOff, 0), EBADMACHO, "maps the Mach-O header, but initprot is 0x3", 0},
		{u64(tm.DataFileOff, 8), EBADMACHO, "fileoff 0x8 is not page aligned", 0},
		{u32(tm.ThreadCmd, 0x99), EBADMACHO, "no LC_UNIXTHREAD", 0},
		{u32(tm.ThreadFlavor, 6), EBADMACHO, "no x86_THREAD_STATE64", 0},
		{u32(tm.ThreadCount, 16), EBADMACHO, "count 16, not 42", 0},
		{u32(tm.ThreadCount, 1<<31), EBADMACHO, "count 2147483648", 0},
		{u64(tm.ThreadRIP, 0x10), EBADMACHO, "rip 0x10 is in no segment", 0},
		{u64(tm.ThreadRIP, tm.DataAddr), EBADMACHO, `rip 0x100002000 is in segment "__DATA", which is not executable`, 0},
	} {
		release := tt.release
		if release == 0 {
			release = newest
		}
		_, err := check(tt.change(bytes.Clone(good)), release)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q was not refused: %v", tt.want, err)
			continue
		}
		if e.Errno != tt.errno || !strings.Contains(e.Msg, tt.want) || strings.Contains(e.Msg, "\n") {
			t.Errorf("error %d, %q; want %d, %q", e.Errno, e.Msg, tt.errno, tt.want)
		}
	}
}

// TestReleases checks rules that came with a release
// (bsd/kern/mach_loader.c, see xnu-abi 6.2).
func TestReleases(t *testing.T) {
	good := tm.Build(tm.Exit(0))
	le := binary.LittleEndian
	for _, tt := range []struct {
		name   string
		since  int // the first release that refuses it
		change func([]byte)
	}{
		{"no __PAGEZERO", 2782, func(b []byte) { le.PutUint32(b[tm.ZeroCmd:], 0x99) }},
		{"entry in data", 1699, func(b []byte) { le.PutUint64(b[tm.ThreadRIP:], tm.DataAddr) }},
		{"entry nowhere", 1699, func(b []byte) { le.PutUint64(b[tm.ThreadRIP:], 0x10) }},
		{"header twice", 3789, func(b []byte) { le.PutUint64(b[tm.DataFileOff:], 0) }},
	} {
		for _, release := range []int{1504, 1699, 2050, 2422, 2782, 3248, 3789, 4570, newest} {
			b := bytes.Clone(good)
			tt.change(b)
			if _, err := check(b, release); (err != nil) != (release >= tt.since) {
				t.Errorf("%s, release %d: %v", tt.name, release, err)
			}
		}
	}
}

// TestDylinker has programs that name a dynamic linker. What has nothing to load
// is static. The others run if they are 64-bit programs for /usr/lib/dyld.
func TestDylinker(t *testing.T) {
	const dylinker, dylib, weak, lazy, upward, reexport = 0xe, 0xc, 0x80000018, 0x20, 0x80000023, 0x8000001f
	type command struct {
		cmd  uint32
		data string
	}
	dyld := command{dylinker, "\x0c\x00\x00\x00/usr/lib/dyld\x00"}
	library := "\x18\x00\x00\x00" + strings.Repeat("\x00", 12) + "/usr/lib/libSystem.B.dylib\x00"
	for _, tt := range []struct {
		name     string
		commands []command
		static   bool
	}{
		{"dyld", []command{dyld}, true},
		{"another", []command{{dylinker, "\x0c\x00\x00\x00/usr/lib/other\x00"}}, false},
		{"no name", []command{{dylinker, "\x0c\x00\x00\x00\x00"}}, true}, // as none
		{"dylib", []command{dyld, {dylib, library}}, false},
		{"dylib first", []command{{dylib, library}, dyld}, false},
		{"weak", []command{dyld, {weak, library}}, false},
		{"lazy", []command{dyld, {lazy, library}}, false},
		{"upward", []command{dyld, {upward, library}}, false},
		{"reexport", []command{dyld, {reexport, library}}, false},
		{"main", []command{dyld, {0x80000028, strings.Repeat("\x00", 16)}}, false},
	} {
		for _, build := range []func([]byte) []byte{tm.Build, tm.Build32} {
			b := build(nil)
			for _, c := range tt.commands {
				tm.AddCommand(b, c.cmd, c.data)
			}
			f, err := check(b, 4903)
			switch {
			case err == nil && f.Dynamic() != tt.static && (tt.static || !f.Is32()):
			case err != nil && !tt.static && tt.name == "main" && strings.Contains(err.Error(), "two entry points"):
			case err != nil && !tt.static && strings.Contains(err.Error(), "is dynamically linked (LC_LOAD_DYLINKER /usr/lib/") &&
				(tt.name == "another" || binary.LittleEndian.Uint32(b) == 0xfeedface):
			default:
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	}
}

// TestLow maps a program that is linked as low as XNU lets it be.
func TestLow(t *testing.T) {
	const low = 0x1000
	b := tm.Build(nil)
	le := binary.LittleEndian
	le.PutUint64(b[tm.ZeroCmd+32:], low)
	le.PutUint64(b[tm.TextVMAddr:], low)
	le.PutUint64(b[tm.DataVMAddr:], low+0x2000)
	le.PutUint64(b[tm.ThreadRIP:], low+tm.TextOff)
	s, img, err := load(t, b, &Start{Release: newest, Path: "p", Args: []string{"p"}})
	var e *Error
	if errors.As(err, &e) && e.Errno == EACCES && strings.Contains(e.Msg, "vm.mmap_min_addr") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if img.Low != low {
		t.Errorf("%+v", img)
	}
	if min, _ := s.Bounds(); min != UserStart {
		t.Errorf("memory is allocated from %#x", min)
	}
}

// FuzzParse must not crash, nor take much memory.
func FuzzParse(f *testing.F) {
	dyld := tm.Build(nil)
	tm.AddCommand(dyld, 0xe, "\x0c\x00\x00\x00/usr/lib/dyld\x00")
	for _, good := range [][]byte{tm.Build(tm.Exit(0))[:tm.End], tm.Build32(tm.Exit32(0))[:tm.End32], dyld[:tm.End+32]} {
		f.Add(good)
		for off := 0; off < len(good); off += 4 {
			b := bytes.Clone(good)
			b[off] ^= 0xff
			f.Add(b)
			b = bytes.Clone(good)
			copy(b[off:], "\xff\xff\xff\xff")
			f.Add(b)
		}
	}
	old, _ := (&tm.Dynamic{Symbols: []string{"_a", "_b"}}).Build()
	pie, _ := (&tm.Dynamic{PIE: true, Main: true, Bind: []byte(bindABC), Lazy: []byte(bindABC), Rebase: []byte(rebaseTwo)}).Build()
	for _, x := range []struct {
		good       []byte
		start, end int // of what is changed
	}{{old, tm.LinkOff, len(old)}, {pie, tm.LinkOff, len(pie)}, {tm.Fat(pie), 0, 64}} {
		f.Add(x.good)
		for off := x.start; off < x.end; off++ {
			b := bytes.Clone(x.good)
			b[off] ^= 0xff
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, release := range []int{1504, 4903, newest} {
			if file, err := check(b, release); err == nil {
				for _, s := range file.Segments {
					if !s.isZero() && s.MemSize != 0 && (s.Addr < pageSize || s.end() > UserEnd) {
						t.Errorf("%v was let through: %+v", &s, s)
					}
				}
				for i := range file.Imports {
					if _, err := file.pointer(file.Imports[i].Addr); err != nil {
						t.Errorf("%+v was let through: %v", file.Imports[i], err)
					}
				}
			} else if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %q", err)
			}
		}
	})
}

// load maps a program as the runner does.
func load(t *testing.T, b []byte, start *Start) (*mem.Space, *Image, error) {
	t.Helper()
	name := t.TempDir() + "/program"
	if err := os.WriteFile(name, b, 0o777); err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	f, err := check(b, start.Release)
	if err != nil {
		return nil, nil, err
	}
	s := f.NewSpace()
	t.Cleanup(func() {
		for _, r := range s.Regions() {
			vcpu.Raw(syscall.SYS_MUNMAP, uintptr(r.Start), uintptr(r.End-r.Start), 0, 0, 0, 0)
		}
	})
	img, err := f.Map(fd, s)
	if err == nil {
		err = img.MakeStack(s, start)
	}
	return s, img, err
}

func TestMap(t *testing.T) {
	b := tm.Build([]byte{0x90})
	copy(b[0x2010:], "more") // nothing: the file ends
	b = append(b, "what follows the segment in the file"...)
	s, img, err := load(t, b, &Start{Release: newest})
	if err != nil {
		t.Fatal(err)
	}
	if img.Regs.RIP != tm.Entry || img.Text != tm.Base || img.Low != tm.Base || img.High != tm.DataAddr+0x2000 {
		t.Errorf("image: %+v", img)
	}
	if min, _ := s.Bounds(); min != tm.Base {
		t.Errorf("the page zero ends at %#x", min)
	}
	var data [0x2000]byte
	if !vcpu.CopyIn(data[:], tm.DataAddr) || string(data[:16]) != "data of the file" {
		t.Errorf("data: %q", data[:16])
	}
	if i := bytes.IndexFunc(data[16:], func(r rune) bool { return r != 0 }); i >= 0 {
		t.Errorf("data behind the segment's end: byte %d is %#x", 16+i, data[16+i])
	}
	if !vcpu.CopyOut(tm.DataAddr+0x1000, data[:16]) || vcpu.CopyOut(tm.Base, data[:16]) {
		t.Error("protections are wrong")
	}
	if errno := s.Protect(tm.Base, mem.PageSize, 3); errno != syscall.EACCES {
		t.Errorf("beyond maxprot: %v", errno)
	}
}

// TestStack reads the initial stack as a program does.
func TestStack(t *testing.T) {
	for _, tt := range []struct {
		release int
		top     uint64
		apple   []string // beginnings
	}{
		{1504, 0x7fff5fc00000, []string{"/x/prog"}},
		{2782, 0x7fff5fc00000, []string{"/x/prog", "stack_guard=0x", "malloc_entropy=0x"}},
		{3248, 0x7fff5fc00000, []string{"executable_path=/x/prog", "stack_guard=0x", "malloc_entropy=0x"}},
		{4570, 0x7ffeefc00000, []string{"executable_path=/x/prog", "stack_guard=", "malloc_entropy=", "main_stack=", "executable_file=0x5,0x6"}},
		{newest, 0x7ff7bff00000, []string{"executable_path=/x/prog", "stack_guard=", "malloc_entropy=", "main_stack=", "executable_file=", "ptr_munge="}},
	} {
		t.Run(strconv.Itoa(tt.release), func(t *testing.T) {
			args, env := []string{"prog", "", "a b", "ä"}, []string{"A=1", "B", ""}
			_, img, err := load(t, tm.Build(nil), &Start{Release: tt.release, Path: "/x/prog", Args: args, Env: env, Device: 5, Inode: 6})
			if err != nil {
				t.Fatal(err)
			}
			if img.StackTop > tt.top || img.StackTop < tt.top-1<<30 {
				t.Errorf("stack at %#x", img.StackTop)
			}
			p := img.Regs.RSP
			word := func() uint64 {
				v, ok := vcpu.Load64(p)
				if !ok {
					t.Fatalf("nothing at %#x", p)
				}
				p += 8
				return v
			}
			if n := word(); n != uint64(len(args)) {
				t.Errorf("argc %d", n)
			}
			for _, list := range [][]string{args, env} {
				for _, want := range append(list, "\x00") {
					if got := str(word()); got != want {
						t.Errorf("%q, want %q", got, want)
					}
				}
			}
			for _, want := range tt.apple {
				if got := str(word()); !strings.HasPrefix(got, want) {
					t.Errorf("apple %q, want %q", got, want)
				}
			}
			if p := word(); p != 0 {
				t.Errorf("another apple string %q", str(p))
			}
		})
	}
}

// str reads a string; a null pointer is "\x00".
func str(p uint64) string {
	if p == 0 {
		return "\x00"
	}
	var b [200]byte
	n := vcpu.CopyInStr(b[:], p)
	if n < 0 {
		return "bad address"
	}
	return string(b[:n])
}

// TestCustomStack starts a program that brings its own stack pointer.
func TestCustomStack(t *testing.T) {
	b := tm.Build(nil)
	binary.LittleEndian.PutUint64(b[tm.ThreadRSP:], tm.DataAddr+0x2000)
	_, img, err := load(t, b, &Start{Release: newest, Path: "p", Args: []string{"p"}})
	if err != nil || img.Regs.RSP < tm.DataAddr || img.Regs.RSP >= tm.DataAddr+0x2000 {
		t.Fatalf("%v, %+v", err, img)
	}
	binary.LittleEndian.PutUint64(b[tm.ThreadRSP:], 0x20000)
	if _, _, err := load(t, b, &Start{Release: newest, Path: "p", Args: []string{"p"}}); err == nil {
		t.Error("a stack pointer to nothing was accepted")
	}
}

// TestRunnersStack starts a program whose stack pointer leads into the
// runner's own memory.
func TestRunnersStack(t *testing.T) {
	vcpu.CheckAddresses(true)
	defer vcpu.CheckAddresses(false)
	heap := make([]byte, 64<<10)
	top := uint64(uintptr(unsafe.Pointer(&heap[0]))) + uint64(len(heap))
	var local [8]byte
	text, _ := vcpu.HostText()
	b := tm.Build(nil)
	for _, tt := range []struct {
		what string
		sp   uint64
		ok   bool
	}{
		{"heap", top, false}, {"heap, unaligned", top - 1, false}, {"stack", uint64(uintptr(unsafe.Pointer(&local))), false},
		{"data", uint64(uintptr(unsafe.Pointer(&ErrCollision))), false}, {"text", text + 4096, false},
		{"behind the program's data", tm.DataAddr + 0x2008, false}, {"the program's data", tm.DataAddr + 0x2000, true},
	} {
		t.Run(tt.what, func(t *testing.T) {
			binary.LittleEndian.PutUint64(b[tm.ThreadRSP:], tt.sp)
			if _, _, err := load(t, b, &Start{Release: newest, Path: "p", Args: []string{"p"}}); (err == nil) != tt.ok || err == ErrCollision {
				t.Error(err)
			}
		})
	}
	if n := bytes.IndexFunc(heap, func(r rune) bool { return r != 0 }); n >= 0 {
		t.Errorf("byte %d of the runner's memory was changed", n)
	}
}

// TestCollision has something of the host's in the way.
func TestCollision(t *testing.T) {
	vcpu.Raw(syscall.SYS_MMAP, tm.DataAddr, 4096, 0, syscall.MAP_PRIVATE|syscall.MAP_ANON|0x100000, ^uintptr(0), 0)
	defer vcpu.Raw(syscall.SYS_MUNMAP, tm.DataAddr, 4096, 0, 0, 0, 0)
	if _, _, err := load(t, tm.Build(nil), &Start{Release: newest}); err != ErrCollision {
		t.Errorf("%v", err)
	}
}
