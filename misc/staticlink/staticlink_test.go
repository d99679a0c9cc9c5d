// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package staticlink tests the Mach-O files that the fork's linker makes for
// the raw ports: against the rules of XNU's loader, against the tools that
// read such files, and that what the ports lack is refused with one sentence.
package staticlink

import (
	"bytes"
	"debug/dwarf"
	"debug/macho"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"goxnu/misc/internal/tree"
)

// A port is what a static file for one architecture must look like.
type port struct {
	goarch        string
	cpu           macho.Cpu
	subCPU        uint32
	segment       uint32 // LC_SEGMENT or LC_SEGMENT_64
	pageZero      uint64 // size of __PAGEZERO; a Linux host lets an ordinary user map nothing below 64 KiB
	flavor, count uint32 // of LC_UNIXTHREAD
	sp, pc        int    // where the stack pointer and the entry point stand in it
	word          int    // their size
	name          string // of the CPU, for the tools
}

var ports = []port{
	{"amd64", macho.CpuAmd64, 3, 0x19, 1 << 32, 4, 42, 16 + 7*8, 16 + 16*8, 8, "x86_64"},
	{"386", macho.Cpu386, 3, 0x1, 64 << 10, 1, 16, 16 + 7*4, 16 + 10*4, 4, "i386"},
}

const (
	lcSymtab        = 0x2
	lcUnixThread    = 0x5
	lcDysymtab      = 0xb
	lcUUID          = 0x1b
	lcVersionMinMac = 0x24

	protRead, protExec = 1, 4
)

const helloSrc = `package main

import "fmt"

func main() {
	greet("hello")
}

//go:noinline
func greet(s string) {
	fmt.Println(s) // line 11
}
`

const serveSrc = `package main

import "net/http"

func main() {
	http.ListenAndServe("localhost:0", nil)
}
`

// module writes a module made of name, content pairs and returns its directory.
func module(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	files = append(files, "go.mod", "module example.com/probe\n\ngo 1.26\n")
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func goroot(t *testing.T) string {
	t.Helper()
	root, err := tree.Goroot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// run runs the go command in dir and returns what it printed.
func run(t *testing.T, dir string, settings []string, args ...string) (string, error) {
	t.Helper()
	cmd := tree.Go(goroot(t), dir, settings, args...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// build builds the module in dir for p and returns the program's name.
func build(t *testing.T, p port, dir string, flags ...string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "probe")
	args := append([]string{"build", "-o", exe}, flags...)
	if out, err := run(t, dir, []string{"GOOS=darwin", "GOARCH=" + p.goarch}, args...); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return exe
}

func open(t *testing.T, exe string) *macho.File {
	t.Helper()
	f, err := macho.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestKernelRules(t *testing.T) {
	for _, p := range ports {
		for _, c := range []struct {
			name, src string
			flags     []string
		}{
			{"hello", helloSrc, nil},
			{"hello-stripped", helloSrc, []string{"-ldflags=-s -w"}},
			{"http", serveSrc, nil},
		} {
			t.Run(p.goarch+"/"+c.name, func(t *testing.T) {
				exe := build(t, p, module(t, "main.go", c.src), c.flags...)
				checkKernelRules(t, p, exe)
			})
		}
	}
}

// checkKernelRules checks what bsd/kern/mach_loader.c demands of a static
// executable, in any release from xnu-1504 to xnu-11417, and that nothing is
// left in the file that is meant for dyld.
func checkKernelRules(t *testing.T, p port, exe string) {
	f := open(t, exe)
	info, err := os.Stat(exe)
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != macho.TypeExec || f.Cpu != p.cpu || f.SubCpu != p.subCPU {
		t.Errorf("type %v, cpu %v/%d; want %v, %v/%d", f.Type, f.Cpu, f.SubCpu, macho.TypeExec, p.cpu, p.subCPU)
	}
	if f.Flags != macho.FlagNoUndefs {
		t.Errorf("header flags %#x, want MH_NOUNDEFS alone", f.Flags)
	}

	var entry uint64
	count := make(map[uint32]int)
	for _, l := range f.Loads {
		raw := l.Raw()
		cmd := f.ByteOrder.Uint32(raw)
		count[cmd]++
		switch cmd {
		case lcUnixThread:
			if fl, n := f.ByteOrder.Uint32(raw[8:]), f.ByteOrder.Uint32(raw[12:]); fl != p.flavor || n != p.count || len(raw) != 16+4*int(n) {
				t.Errorf("LC_UNIXTHREAD: flavor %d, count %d, %d bytes", fl, n, len(raw))
			}
			entry = word(f.ByteOrder, raw[p.pc:], p.word)
			if sp := word(f.ByteOrder, raw[p.sp:], p.word); sp != 0 {
				t.Errorf("LC_UNIXTHREAD: stack pointer %#x, want 0: the kernel makes the stack", sp)
			}
		case lcVersionMinMac:
			if v := f.ByteOrder.Uint32(raw[8:]); v != 10<<16|6<<8 {
				t.Errorf("LC_VERSION_MIN_MACOSX: %#x, want 10.6.0", v)
			}
		case lcUUID:
			if bytes.Equal(raw[8:], make([]byte, 16)) {
				t.Errorf("LC_UUID: all zero")
			}
		}
	}
	nseg := count[p.segment]
	delete(count, p.segment)
	for cmd, n := range count {
		switch cmd {
		case lcSymtab, lcUnixThread, lcDysymtab, lcUUID, lcVersionMinMac:
			if n != 1 {
				t.Errorf("load command %#x: %d times", cmd, n)
			}
		default:
			t.Errorf("load command %#x has no place in a static program", cmd)
		}
	}
	if len(count) != 5 {
		t.Errorf("load commands %v and %d segments: some are missing", count, nseg)
	}

	var header, entered int
	var end uint64
	for _, l := range f.Loads {
		s, ok := l.(*macho.Segment)
		if !ok {
			continue
		}
		if s.Offset+s.Filesz > uint64(info.Size()) {
			t.Errorf("%s: ends at %#x in a file of %#x bytes", s.Name, s.Offset+s.Filesz, info.Size())
		}
		if s.Name == "__DWARF" {
			if s.Memsz != 0 { // the kernel maps no segment of size 0
				t.Errorf("__DWARF is mapped")
			}
			continue
		}
		if s.Addr < end {
			t.Errorf("%s: begins at %#x, below the end %#x of the segment before", s.Name, s.Addr, end)
		}
		end = s.Addr + s.Memsz
		if s.Addr%4096 != 0 || s.Offset%4096 != 0 {
			t.Errorf("%s: address %#x or file offset %#x is not page aligned", s.Name, s.Addr, s.Offset)
		}
		if s.Name == "__PAGEZERO" {
			if s.Addr != 0 || s.Memsz != p.pageZero || s.Filesz != 0 || s.Prot != 0 || s.Maxprot != 0 {
				t.Errorf("__PAGEZERO: %+v, want %#x bytes", s.SegmentHeader, p.pageZero)
			}
			continue
		}
		if s.Offset == 0 && s.Filesz > 0 {
			header++
			if s.Prot != protRead|protExec || s.Addr != p.pageZero {
				t.Errorf("%s maps the header: protection %d, address %#x", s.Name, s.Prot, s.Addr)
			}
		}
		if s.Addr <= entry && entry < s.Addr+s.Filesz {
			entered++
			if s.Prot&protExec == 0 {
				t.Errorf("entry point %#x lies in %s, which is not executable", entry, s.Name)
			}
		}
	}
	if header != 1 {
		t.Errorf("%d segments map the header, want 1", header)
	}
	if entered != 1 {
		t.Errorf("%d segments hold the entry point %#x, want 1", entered, entry)
	}

	if libs, err := f.ImportedLibraries(); err != nil || len(libs) != 0 {
		t.Errorf("libraries %v, error %v", libs, err)
	}
	if syms, err := f.ImportedSymbols(); err != nil || len(syms) != 0 {
		t.Errorf("imported symbols %v, error %v", syms, err)
	}
}

func word(order binary.ByteOrder, b []byte, size int) uint64 {
	if size == 4 {
		return uint64(order.Uint32(b))
	}
	return order.Uint64(b)
}

// TestLineTable looks for the statement of line 11 in the DWARF tables, at an
// address that the symbol table gives to main.greet.
func TestLineTable(t *testing.T) {
	for _, p := range ports {
		f := open(t, build(t, p, module(t, "main.go", helloSrc)))
		syms := slices.Clone(f.Symtab.Syms)
		slices.SortFunc(syms, func(a, b macho.Symbol) int { return int(int64(a.Value - b.Value)) })
		i := slices.IndexFunc(syms, func(s macho.Symbol) bool { return s.Name == "main.greet" })
		if i < 0 || i+1 == len(syms) {
			t.Fatalf("%s: main.greet is not in the symbol table", p.goarch)
		}
		lo, hi := syms[i].Value, syms[i+1].Value

		data, err := f.DWARF()
		if err != nil {
			t.Fatal(err)
		}
		r := data.Reader()
		cu, err := r.SeekPC(lo)
		if err != nil {
			t.Fatal(err)
		}
		lr, err := data.LineReader(cu)
		if err != nil {
			t.Fatal(err)
		}
		var le dwarf.LineEntry
		for found := false; !found; {
			if err := lr.Next(&le); errors.Is(err, io.EOF) {
				t.Fatalf("%s: main.go:11 is not in the line table between %#x and %#x", p.goarch, lo, hi)
			} else if err != nil {
				t.Fatal(err)
			}
			found = filepath.Base(le.File.Name) == "main.go" && le.Line == 11 && lo <= le.Address && le.Address < hi
		}
	}
}

// TestTools runs the programs that read Mach-O files over one. A line of the
// output must contain all the given words.
func TestTools(t *testing.T) {
	for _, p := range ports {
		// The tools of LLVM 14 do not read compressed DWARF in a Mach-O file.
		exe := build(t, p, module(t, "main.go", helloSrc), "-ldflags=-compressdwarf=false")
		gobin := filepath.Join(goroot(t), "bin", "go")
		for _, c := range []struct {
			args  []string
			words []string
		}{
			{[]string{gobin, "version", "-m", exe}, []string{"path", "example.com/probe"}},
			{[]string{gobin, "version", "-m", exe}, []string{"build", "GOARCH=" + p.goarch}},
			{[]string{gobin, "version", "-m", exe}, []string{"build", "CGO_ENABLED=0"}},
			{[]string{gobin, "tool", "nm", exe}, []string{" T main.main"}},
			{[]string{gobin, "tool", "nm", "-sort", "address", exe}, []string{" T runtime.text"}},
			{[]string{gobin, "tool", "objdump", "-s", "^main.greet$", exe}, []string{"main.go:11", "runtime.convTstring"}},
			{[]string{gobin, "tool", "buildid", exe}, []string{"/"}},
			{[]string{"file", exe}, []string{"Mach-O", " " + p.name + " ", "executable"}},
			{[]string{"llvm-objdump", "--macho", "--all-headers", exe}, []string{"MH_MAGIC", " " + strings.ToUpper(p.name) + " ", " EXECUTE "}},
			{[]string{"llvm-objdump", "--macho", "--all-headers", exe}, []string{"sectname", "__text"}},
			{[]string{"llvm-objdump", "--macho", "--all-headers", exe}, []string{"cmd LC_VERSION_MIN_MACOSX"}},
			{[]string{"llvm-nm", exe}, []string{"main.greet"}},
			{[]string{"llvm-dwarfdump", "--name=main.greet", exe}, []string{"DW_AT_name", "main.greet"}},
		} {
			t.Run(p.goarch+"/"+strings.Join(c.words, " "), func(t *testing.T) {
				name, err := exec.LookPath(c.args[0])
				if err != nil {
					t.Skip(err)
				}
				cmd := exec.Command(name, c.args[1:]...)
				cmd.Env = tree.Env(goroot(t))
				var stdout, stderr strings.Builder
				cmd.Stdout, cmd.Stderr = &stdout, &stderr
				if err := cmd.Run(); err != nil || stderr.Len() != 0 {
					t.Fatalf("%v: %v\n%s%s", cmd.Args, err, stdout.String(), stderr.String())
				}
				for line := range strings.Lines(stdout.String()) {
					if !slices.ContainsFunc(c.words, func(w string) bool { return !strings.Contains(line, w) }) {
						return
					}
				}
				t.Errorf("%v: no line with %q in\n%.4000s", cmd.Args, c.words, stdout.String())
			})
		}
	}
}

// TestStripped: what is stripped is gone, and the rest still reads.
func TestStripped(t *testing.T) {
	for _, p := range ports {
		exe := build(t, p, module(t, "main.go", helloSrc), "-ldflags=-s -w")
		f := open(t, exe)
		if f.Segment("__DWARF") != nil {
			t.Errorf("%s: __DWARF is there", p.goarch)
		}
		out, err := run(t, ".", nil, "version", "-m", exe)
		if err != nil || !strings.Contains(out, "example.com/probe") {
			t.Errorf("%s: go version -m: %v\n%s", p.goarch, err, out)
		}
	}
}

// missingSrc declares three libSystem functions that no kernel has. Two are called.
const missingSrc = `package far

import _ "syscall"
import _ "unsafe"

//go:cgo_import_dynamic libc_arc4random_stir arc4random_stir "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic libc_arc4stir arc4stir "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic libc_unused unused "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic libc_getpid getpid "/usr/lib/libSystem.B.dylib"

func Stir()
func Getpid()
`

const missingAsm = `
TEXT ·Stir(SB), 4, $0-0
	CALL libc_arc4random_stir(SB)
	JMP libc_arc4stir(SB)
TEXT ·Getpid(SB), 4, $0-0
	JMP libc_getpid(SB)
TEXT ·unused(SB), 4, $0-0
	JMP libc_unused(SB)
`

// TestMissingStub: a program that needs a libSystem function without a stub
// is refused, by name; one that only declares such functions is not.
func TestMissingStub(t *testing.T) {
	for _, p := range ports {
		env := []string{"GOOS=darwin", "GOARCH=" + p.goarch}
		mainSrc := "package main\n\nimport \"example.com/probe/near\"\n\nfunc main() { near.%s() }\n"
		nearSrc := "package near\n\nimport \"example.com/probe/far\"\n\nfunc Stir() { far.Stir() }\n\nfunc Getpid() { far.Getpid() }\n"
		files := []string{"far/far.go", missingSrc, "far/far.s", missingAsm, "near/near.go", nearSrc, "main.go"}

		dir := module(t, append(files, strings.ReplaceAll(mainSrc, "%s", "Stir"))...)
		out, err := run(t, dir, env, "build", "-o", os.DevNull)
		if err == nil {
			t.Fatalf("%s: a program that calls arc4stir was linked", p.goarch)
		}
		var about []string
		for line := range strings.Lines(out) {
			if strings.Contains(line, "arc4stir") {
				about = append(about, line)
			}
		}
		if len(about) != 1 {
			t.Fatalf("%s: want one line about arc4stir, got\n%s", p.goarch, out)
		}
		for _, want := range []string{
			"package example.com/probe/far calls arc4random_stir, arc4stir of /usr/lib/libSystem.B.dylib",
			"main > example.com/probe/near > example.com/probe/far", // the way to it
			"doc/programs.md",
		} {
			if !strings.Contains(about[0], want) {
				t.Errorf("%s: want %q in\n%s", p.goarch, want, about[0])
			}
		}
		if strings.Contains(out, "unused") || strings.Contains(out, "getpid") {
			t.Errorf("%s: the message names functions that are not missed:\n%s", p.goarch, out)
		}

		dir = module(t, append(files, strings.ReplaceAll(mainSrc, "%s", "Getpid"))...)
		if out, err := run(t, dir, env, "build", "-o", os.DevNull); err != nil {
			t.Errorf("%s: a program that calls only getpid: %v\n%s", p.goarch, err, out)
		}
	}
}

// TestOtherName: a function whose stub has another name than the import gives
// it is refused, and the message says the stub's name.
func TestOtherName(t *testing.T) {
	for _, p := range ports {
		dir := module(t,
			"main.go", "package main\n\nimport _ \"syscall\"\nimport _ \"unsafe\"\n\n//go:cgo_import_dynamic my_getpid getpid \"/usr/lib/libSystem.B.dylib\"\n\nfunc getpid()\n\nfunc main() { getpid() }\n",
			"main.s", "TEXT ·getpid(SB), 4, $0-0\n\tJMP my_getpid(SB)\n")
		out, err := run(t, dir, []string{"GOOS=darwin", "GOARCH=" + p.goarch}, "build", "-o", os.DevNull)
		if want := "its stub is called libc_getpid"; err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v, want %q in\n%s", p.goarch, err, want, out)
		}
	}
}

// TestZeroTrampoline: a package that has its trampolines in a file for one
// architecture is refused for another, where the program would call address 0.
func TestZeroTrampoline(t *testing.T) {
	const src = `package main

import (
	"syscall"
	_ "unsafe"
)

//go:linkname syscall_syscall syscall.syscall
func syscall_syscall(fn, a1, a2, a3 uintptr) (r1, r2 uintptr, err syscall.Errno)

var libc_getpid_trampoline_addr uintptr

//go:cgo_import_dynamic libc_getpid getpid "/usr/lib/libSystem.B.dylib"

func main() { syscall_syscall(libc_getpid_trampoline_addr, 0, 0, 0) }
`
	const asm = `
TEXT libc_getpid_trampoline<>(SB), 4, $0-0
	JMP libc_getpid(SB)
GLOBL ·libc_getpid_trampoline_addr(SB), 8, $WORD
DATA ·libc_getpid_trampoline_addr(SB)/WORD, $libc_getpid_trampoline<>(SB)
`
	for i, p := range ports {
		other := ports[1-i]
		for _, has := range []port{p, other} {
			dir := module(t, "main.go", src, "t_"+has.goarch+".s", strings.ReplaceAll(asm, "WORD", strconv.Itoa(has.word)))
			out, err := run(t, dir, []string{"GOOS=darwin", "GOARCH=" + p.goarch}, "build", "-o", os.DevNull)
			if has.goarch == p.goarch {
				if err != nil {
					t.Errorf("%s: %v\n%s", p.goarch, err, out)
				}
				continue
			}
			if err == nil || strings.Count(out, "package main would call address 0 for getpid: ") != 1 || !strings.Contains(out, "no file for darwin/"+p.goarch) {
				t.Errorf("%s: %v, want one line that names package, function and port, got\n%s", p.goarch, err, out)
			}
		}
	}
}

// TestFlagD: the linker's -d, which asks for a static program, changes nothing.
func TestFlagD(t *testing.T) {
	for _, p := range ports {
		dir := module(t, "main.go", helloSrc)
		var size [2]uint64
		for i, flags := range []string{"-ldflags=", "-ldflags=-d"} {
			exe := build(t, p, dir, flags)
			checkKernelRules(t, p, exe)
			size[i] = open(t, exe).Section("__text").Size
		}
		if size[0] != size[1] {
			t.Errorf("%s: with -d __text has %d bytes, without %d", p.goarch, size[1], size[0])
		}
	}
}

// TestRefusals: each mode that a raw port lacks is refused with one line that
// names the mode and the port.
func TestRefusals(t *testing.T) {
	for _, p := range ports {
		name := "darwin/" + p.goarch
		dir := module(t, "main.go", "package main\n\nfunc main() {}\n", "cgo/main.go", "package main\n\nimport \"C\"\n\nfunc main() {}\n")
		for _, c := range []struct {
			env  string
			args []string
			want string
		}{
			{"", []string{"-buildmode=pie"}, "-buildmode=pie not supported on " + name},
			{"", []string{"-buildmode=c-archive"}, "-buildmode=c-archive not supported on " + name},
			{"", []string{"-buildmode=c-shared"}, "-buildmode=c-shared not supported on " + name},
			{"", []string{"-buildmode=plugin"}, "-buildmode=plugin not supported on " + name},
			{"", []string{"-buildmode=shared"}, "-buildmode=shared not supported on " + name},
			{"", []string{"-linkshared"}, "-linkshared not supported on " + name},
			{"", []string{"-race"}, "-race is not supported on " + name},
			{"", []string{"-msan"}, "-msan is not supported on " + name},
			{"", []string{"-asan"}, "-asan is not supported on " + name},
			{"CGO_ENABLED=1", nil, "cgo is not supported on " + name},
			{"CGO_ENABLED=1", []string{"./cgo"}, "cgo is not supported on " + name},
			{"CGO_ENABLED=1", []string{"-race"}, "-race is not supported on " + name},
			{"", []string{"-ldflags=-linkmode=external"}, "external linking is not supported on " + name},
			{"GO_EXTLINK_ENABLED=1", nil, "external linking is not supported on " + name},
		} {
			t.Run(p.goarch+"/"+strings.Join(append([]string{c.env}, c.args...), " "), func(t *testing.T) {
				env := []string{"GOOS=darwin", "GOARCH=" + p.goarch}
				if c.env != "" {
					env = append(env, c.env)
				}
				out, err := run(t, dir, env, append([]string{"build"}, c.args...)...)
				if err == nil {
					t.Fatal("not refused")
				}
				var lines []string
				for line := range strings.Lines(out) {
					if !strings.HasPrefix(line, "#") { // the package that the lines below are about
						lines = append(lines, line)
					}
				}
				if len(lines) != 1 || !strings.Contains(lines[0], c.want) {
					t.Errorf("want one line with %q, got\n%s", c.want, out)
				}
			})
		}
	}
}

// TestARM64Untouched: upstream's dynamic port still makes what upstream makes.
func TestARM64Untouched(t *testing.T) {
	dir := module(t, "main.go", helloSrc)
	exe := build(t, port{goarch: "arm64"}, dir)
	f := open(t, exe)
	if want := macho.FlagNoUndefs | macho.FlagDyldLink | macho.FlagPIE; f.Flags&want&^macho.FlagNoUndefs != want&^macho.FlagNoUndefs {
		t.Errorf("header flags %#x, want %#x", f.Flags, want)
	}
	if libs, err := f.ImportedLibraries(); err != nil || !slices.Contains(libs, "/usr/lib/libSystem.B.dylib") {
		t.Errorf("libraries %v, error %v", libs, err)
	}
}

// TestSameFilesElsewhere: for the ports that the fork does not change, the
// standard library is made of the files that upstream's go command selects.
func TestSameFilesElsewhere(t *testing.T) {
	top, err := tree.Top()
	if err != nil {
		t.Fatal(err)
	}
	upstream, err := exec.Command(filepath.Join(top, ".build", "graft"), "-C", top, "-print-upstream").Output()
	if err != nil {
		t.Fatalf("graft -print-upstream: %v", err)
	}
	roots := []string{strings.TrimSpace(string(upstream)), goroot(t)}
	// These know the ports or name the fork.
	ours := []string{"internal/buildcfg", "internal/platform"}
	const format = "{{.ImportPath}} {{.GoFiles}} {{.CgoFiles}} {{.SFiles}} {{.HFiles}} {{.SysoFiles}} {{.TestGoFiles}} {{.XTestGoFiles}}"
	for _, p := range []struct{ goos, goarch, cgo string }{
		{"linux", "amd64", "0"}, {"linux", "amd64", "1"}, {"linux", "arm64", "0"}, {"darwin", "arm64", "0"}, {"darwin", "arm64", "1"},
	} {
		var lists [2]map[string]string
		for i, root := range roots {
			cmd := tree.Go(root, ".", []string{"GOTOOLCHAIN=local", "GOOS=" + p.goos, "GOARCH=" + p.goarch, "CGO_ENABLED=" + p.cgo}, "list", "-f", format, "std")
			out, err := tree.Output(cmd)
			if err != nil {
				t.Fatal(err)
			}
			lists[i] = make(map[string]string)
			for line := range strings.Lines(string(out)) {
				pkg, files, _ := strings.Cut(strings.TrimSpace(line), " ")
				if !slices.Contains(ours, pkg) {
					lists[i][pkg] = files
				}
			}
		}
		if len(lists[0]) < 100 || len(lists[0]) != len(lists[1]) {
			t.Errorf("%v: upstream lists %d packages, the fork %d", p, len(lists[0]), len(lists[1]))
		}
		for pkg, want := range lists[0] {
			got := strings.Replace(lists[1][pkg], " ports_test.go", "", 1) // adapts a test to the ports that are trimmed
			if got != want {
				t.Errorf("%v: %s is made of\n%s, upstream's of\n%s", p, pkg, got, want)
			}
		}
	}
}
