// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"fmt"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"goxnu/misc/internal/hosttest"
	"goxnu/misc/internal/tree"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func lib(t *testing.T) string {
	t.Helper()
	top, err := tree.Top()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(top, "lib", "xnu")
}

// TestProgram makes the module for a program that uses it, and runs that under
// the runner: with the copy that cmd/vendor has, and with one from the network.
func TestProgram(t *testing.T) {
	goroot, err := tree.Goroot()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join("testdata", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("vendored", func(t *testing.T) {
		dir := t.TempDir()
		mod := "module example.com/prog\n\ngo 1.26\n"
		for _, m := range []string{"sys", "term"} {
			to := filepath.Join(dir, m)
			if err := copyModule(filepath.Join(goroot, "src", "cmd", "vendor", "golang.org", "x", m), to); err != nil {
				t.Fatal(err)
			}
			if m == "sys" { // std has the rest of it
				if err := copyModule(filepath.Join(goroot, "src", "vendor", "golang.org", "x", "sys", "cpu"), filepath.Join(to, "cpu")); err != nil {
					t.Fatal(err)
				}
			}
			write(t, filepath.Join(to, "go.mod"), "module golang.org/x/"+m+"\n\ngo 1.24\n")
			mod += fmt.Sprintf("\nrequire golang.org/x/%s v0.0.0\n\nreplace golang.org/x/%s => %s\n", m, m, to)
		}
		prog := filepath.Join(dir, "prog")
		write(t, filepath.Join(prog, "go.mod"), mod)
		write(t, filepath.Join(prog, "main.go"), string(source))
		testProgram(t, goroot, prog)
	})
	t.Run("v0.49.0", func(t *testing.T) {
		prog := t.TempDir()
		write(t, filepath.Join(prog, "go.mod"), "module example.com/prog\n\ngo 1.26\n\nrequire (\n\tgolang.org/x/sys v0.49.0\n\tgolang.org/x/term v0.47.0\n)\n")
		write(t, filepath.Join(prog, "main.go"), string(source))
		if out, err := tree.Go(goroot, prog, nil, "mod", "tidy").CombinedOutput(); err != nil {
			t.Skipf("the modules cannot be had from here: %v\n%s", err, out)
		}
		testProgram(t, goroot, prog)
	})
}

const netMain = `package main

import (
	"fmt"
	"net"

	"golang.org/x/net/ipv4"
)

func main() {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	p := ipv4.NewPacketConn(c)
	if err := p.SetControlMessage(ipv4.FlagDst, true); err != nil {
		fmt.Println(err)
	}
	p.WriteTo([]byte("hello"), nil, c.LocalAddr())
	b := make([]byte, 10)
	n, cm, _, err := p.ReadFrom(b)
	if string(b[:n]) != "hello" || cm == nil || !cm.Dst.IsLoopback() || err != nil {
		fmt.Println(string(b[:n]), cm, err)
		return
	}
	fmt.Println("ok")
}
`

// TestNet: a program that uses golang.org/x/net is told of xsys386 when it is
// built without, and works with it.
func TestNet(t *testing.T) {
	goroot, err := tree.Goroot()
	if err != nil {
		t.Fatal(err)
	}
	prog := t.TempDir()
	write(t, filepath.Join(prog, "go.mod"), "module example.com/prog\n\ngo 1.26\n\nrequire golang.org/x/net v0.62.0\n")
	write(t, filepath.Join(prog, "main.go"), netMain)
	if out, err := tree.Go(goroot, prog, nil, "mod", "tidy").CombinedOutput(); err != nil {
		t.Skipf("the modules cannot be had from here: %v\n%s", err, out)
	}
	port := []string{"GOOS=darwin", "GOARCH=386"}
	out, err := tree.Go(goroot, prog, port, "build", "-o", os.DevNull).CombinedOutput()
	n := 0
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "has no files for darwin/386") {
			n++
			if !strings.HasPrefix(line, "golang.org/x/") || !strings.Contains(line, "go run ./xsys386 -C MODULE DIR") {
				t.Errorf("the hint is %s", line)
			}
		}
	}
	if err == nil || n != strings.Count(string(out), "# golang.org/x/") {
		t.Errorf("without xsys386: %v, want one hint for each package that fails, got\n%s", err, out)
	}
	if out, err := tree.Go(goroot, prog, []string{"GOOS=darwin", "GOARCH=amd64"}, "build", "-o", os.DevNull).CombinedOutput(); err != nil || len(out) != 0 {
		t.Errorf("for amd64: %v\n%s", err, out)
	}

	dir := filepath.Join(t.TempDir(), "out")
	if err := run(prog, dir); err != nil {
		t.Fatal(err)
	}
	port = append(port, "GOWORK="+filepath.Join(dir, "go.work"))
	if out, err := tree.Go(goroot, prog, port, "build", "-o", os.DevNull).CombinedOutput(); err != nil {
		t.Fatalf("with xsys386: %v\n%s", err, out)
	}
	t.Run("run", func(t *testing.T) {
		hosttest.Need(t, "386")
		if got, err := tree.Go(goroot, prog, port, "run", ".").CombinedOutput(); err != nil || string(got) != "ok\n" {
			t.Errorf("the program: %v\n%s", err, got)
		}
	})
}

func testProgram(t *testing.T, goroot, prog string) {
	facts, err := readFacts(lib(t))
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(prog, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := run(prog, out); err != nil {
		t.Fatal(err)
	}
	if err := run(prog, out); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("over what is there: %v", err)
	}
	after, err := os.ReadFile(filepath.Join(prog, "go.mod"))
	if err != nil || string(after) != string(before) {
		t.Errorf("go.mod became %s, %v", after, err)
	}
	port := []string{"GOWORK=" + filepath.Join(out, "go.work"), "GOOS=darwin", "GOARCH=386"}
	t.Run("run", func(t *testing.T) {
		hosttest.Need(t, "386")
		if got, err := tree.Go(goroot, prog, port, "run", ".").CombinedOutput(); err != nil || string(got) != "ok\n" {
			t.Errorf("the program: %v\n%s", err, got)
		}
	})
	if got, err := tree.Go(goroot, prog, port, "vet", "-asmdecl", xsys+"/unix").CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, got)
	}
	// Each struct of the tables has the size that the kernel's has.
	var sizes strings.Builder
	sizes.WriteString("package unix\n\nimport \"unsafe\"\n")
	n := 0
	for name, f := range facts {
		if f.size > 0 && f.kind != "const" && token.IsExported(name) {
			fmt.Fprintf(&sizes, "\nvar _ [%d]byte = [unsafe.Sizeof(%s{})]byte{}\n", f.size, name)
			n++
		}
	}
	if n < 25 {
		t.Errorf("only %d sizes are known", n)
	}
	write(t, filepath.Join(out, "sys", "unix", "sizes_darwin_386.go"), sizes.String())
	if got, err := tree.Go(goroot, prog, port, "build", xsys+"/unix").CombinedOutput(); err != nil {
		t.Errorf("sizes: %v\n%s", err, got)
	}
}

// TestFacts: an ioctl's number holds the size that its line names.
func TestFacts(t *testing.T) {
	facts, err := readFacts(lib(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range facts {
		if f.kind != "const" || f.size == 0 {
			continue
		}
		if n, err := strconv.ParseUint(f.value, 0, 32); err != nil || int(n>>16&0x1fff) != f.size {
			t.Errorf("%s: %s does not hold the size %d (%v)", name, f.value, f.size, err)
		}
	}
}

func TestDeriveGo(t *testing.T) {
	facts := map[string]fact{
		"T":   {"type", "A int32,B *byte", 8},
		"W":   {"type", "int32", 0},
		"S":   {"same", "-", 8},
		"C1":  {"const", "0x4", 0},
		"F":   {"func", "F(a int64) { g(int32(a)) }", 0},
		"P.F": {"func", "(p *P) F(n int) { p.N = uint32(n) }", 0},
	}
	const head = "//go:build darwin && amd64\n\npackage unix\n\n"
	for _, tt := range []struct{ name, in, want string }{
		{"struct", "type T struct {\n\tA int64\n\tB *byte\n\t_ [4]byte\n}\n", "type T struct {\n\tA int32\n\tB *byte\n}\n"},
		{"word", "type W int64\n", "type W int32\n"},
		{"same", "type S struct{ a uint64 }\n", "type S struct{ a uint64 }\n"},
		{"narrow", "type N struct{ a uint32 }\n", "type N struct{ a uint32 }\n"},
		{"unknown", "type U struct{ a [2]uint64 }\n", "!x.go:5: U holds uint64"},
		{"pointer", "type U struct{ a *byte }\n", "!x.go:5: U holds *byte"},
		{"other fields", "type T struct{ A, C int64 }\n", "!x.go:5: T has the fields [A C]"},
		{"no struct", "type T int64\n", "!x.go:5: T is no struct"},
		{"constant", "const (\n\tC1 = 0x8\n\tC2 = 0x8\n)\n", "const (\n\tC1 = 0x4\n\tC2 = 0x8\n)\n"},
		{"argument", "func f(fd int, o int64) (err error) {\n\t_, _, e1 := syscall_syscall(tr, uintptr(fd), uintptr(o), 0)\n\treturn\n}\n",
			"func f(fd int, o int64) (err error) {\n\t_, _, e1 := syscall_syscall(tr, uintptr(fd), uintptr(o), uintptr(o>>32))\n\treturn\n}\n"},
		{"more words", "func f(a, b int, o int64) (err error) {\n\t_, _, e1 := syscall_syscall(tr, uintptr(a), uintptr(b), uintptr(o))\n\treturn\n}\n",
			"func f(a, b int, o int64) (err error) {\n\t_, _, e1 := syscall_syscall6(tr, uintptr(a), uintptr(b), uintptr(o), uintptr(o>>32), 0, 0)\n\treturn\n}\n"},
		{"result", "func f(o int64) (r int64, err error) {\n\tr0, _, e1 := syscall_syscall(tr, uintptr(o), 0, 0)\n\tr = int64(r0)\n\treturn\n}\n",
			"func f(o int64) (r int64, err error) {\n\tr0, r1, e1 := syscall_syscall(tr, uintptr(o), uintptr(o>>32), 0)\n\tr = int64(r1)<<32 | int64(r0)\n\treturn\n}\n"},
		{"no call", "func f(o int64) int { return int(o) }\n", "!x.go:5: f has a 64-bit argument and 0 calls"},
		{"raw call", "func f(o int64) {\n\t_, _, e1 := syscall_rawSyscall(tr, uintptr(o), 0, 0)\n}\n", "!x.go:6: cannot pass 2 words in place of syscall_rawSyscall"},
		{"function", "func F(b int64) {\n\tg(b)\n}\n", "func F(b int64) { g(int32(a)) }\n"},
		{"method", "func (p *P) F(n int) {\n\tp.N = uint64(n)\n}\n", "func (p *P) F(n int) { p.N = uint32(n) }\n"},
	} {
		out, err := deriveGo(facts, "x.go", []byte(head+tt.in))
		if want, ok := strings.CutPrefix(tt.want, "!"); ok {
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: error %v, want %s", tt.name, err, want)
			}
			continue
		}
		if want := strings.Replace(head, "amd64", "386", 1) + tt.want; err != nil || string(out) != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", tt.name, err, out, want)
		}
	}
	if _, err := deriveGo(facts, "x.go", []byte("package unix\n")); err == nil {
		t.Error("a file without a constraint is accepted")
	}
}
