// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package staticlink

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"goxnu/misc/internal/hosttest"
	"goxnu/misc/internal/tree"
)

// floatSrc prints a sum, and a hash of what each kind of arithmetic makes of
// many numbers: of any bits for one half, of a moderate size for the other.
const floatSrc = `package main

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"strconv"
)

var kinds = []struct {
	name string
	fn   func(x, y, z float64) []any
}{
	{"add", func(x, y, z float64) []any {
		return []any{x + y, x - z, -x, float32(x) + float32(y), float32(x) - float32(z)}
	}},
	{"multiply", func(x, y, z float64) []any {
		return []any{x * y, x / y, float32(x) * float32(y), float32(x) / float32(z)}
	}},
	{"compare", func(x, y, z float64) []any {
		return []any{x < y, x <= y, x == y, x != y, x > z, x >= z, x == x, float32(x) < float32(y), min(x, y, z), max(x, y, z)}
	}},
	{"convert", func(x, y, z float64) []any {
		list := []any{float32(x), float64(float32(y)), float64(int64(math.Float64bits(x))), float64(math.Float64bits(y)),
			float64(int32(math.Float64bits(x))), float32(math.Float64bits(y)), float32(int64(math.Float64bits(z)))}
		if a := math.Abs(x); a < 1<<31 {
			list = append(list, int(x), int8(int(x)), uint32(a))
		}
		if a := math.Abs(x); a < 1<<63 {
			list = append(list, int64(x), uint64(a))
		}
		return list
	}},
	{"fma", func(x, y, z float64) []any {
		return []any{math.FMA(x, y, z), math.FMA(x, y, -x*y), math.FMA(x, 1/x, -1)}
	}},
	{"round", func(x, y, z float64) []any {
		return []any{math.Floor(x), math.Ceil(y), math.Trunc(z), math.Round(x), math.RoundToEven(y / 2)}
	}},
	{"remainder", func(x, y, z float64) []any { return []any{math.Mod(x, y), math.Remainder(x, z)} }},
	{"parts", func(x, y, z float64) []any {
		frac, exp := math.Frexp(x)
		whole, rest := math.Modf(y)
		return []any{frac, exp, whole, rest, math.Ldexp(frac, exp-7), math.Nextafter(x, y), math.Copysign(z, x)}
	}},
	{"functions", func(x, y, z float64) []any {
		return []any{math.Sqrt(x), math.Cbrt(x), math.Exp(x), math.Log(x), math.Log1p(y), math.Sin(x), math.Cos(y), math.Tan(z),
			math.Atan2(x, y), math.Sinh(x), math.Tanh(z), math.Pow(x, y), math.Gamma(x), math.Erf(y), math.J0(x)}
	}},
	{"complex", func(x, y, z float64) []any {
		c := complex(x, y) * complex(z, x) / complex(y, z)
		s := cmplx.Sqrt(complex(x, z))
		return []any{real(c), imag(c), real(s), imag(s)}
	}},
	{"format", func(x, y, z float64) []any {
		return []any{fmt.Sprintf("%v %.3e %8.2f %x %G", x, y, math.Mod(z, 1e6), x, float32(y)), strconv.FormatFloat(z, 'g', 17, 64)}
	}},
	{"parse", func(x, y, z float64) []any {
		a, aerr := strconv.ParseFloat(strconv.FormatFloat(x, 'g', -1, 64), 64)
		b, berr := strconv.ParseFloat(fmt.Sprintf("%.25e", y), 64)
		c, cerr := strconv.ParseFloat(fmt.Sprint(z), 32)
		same := a == x && b == y || x != x || y != y
		return []any{a, aerr, b, berr, c, cerr, same}
	}},
}

// canon makes all NaNs one: their bits may differ.
func canon(v any) any {
	switch v := v.(type) {
	case float64:
		if v != v {
			return "NaN"
		}
		return math.Float64bits(v)
	case float32:
		if v != v {
			return "NaN"
		}
		return math.Float32bits(v)
	}
	return v
}

func main() {
	sum := 0.0
	for i := range 101 {
		sum = add(sum, float64(i)/8)
	}
	fmt.Println("sum", int64(sum*16))
	const n = 20000
	for _, k := range kinds {
		r := rand.New(rand.NewPCG(1, 2))
		h := fnv.New64a()
		number := func(i int) float64 {
			bits := r.Uint64()
			if i%2 == 0 {
				return math.Float64frombits(bits)
			}
			return math.Float64frombits(bits&^(0x7ff<<52) | (1023-20+bits>>52&63)<<52)
		}
		for i := range n {
			for _, v := range k.fn(number(i), number(i), number(i)) {
				fmt.Fprintln(h, canon(v))
			}
		}
		fmt.Printf("%s %x\n", k.name, h.Sum64())
	}
}

//go:noinline
func add(a, b float64) float64 { return a + b }
`

// TestFloat386: programs for both values of GO386 add as they are told to, and
// calculate, convert, format and parse without SSE2 as on linux/386, and as with it.
func TestFloat386(t *testing.T) {
	dir := module(t, "main.go", floatSrc)
	printed := map[string]string{}
	for _, c := range []struct{ goos, mode, add string }{
		{"linux", "softfloat", "CALL runtime.fadd64"},
		{"darwin", "softfloat", "CALL runtime.fadd64"},
		{"darwin", "sse2", "ADDSD"},
	} {
		name := c.goos + " " + c.mode
		exe := filepath.Join(t.TempDir(), "probe")
		if out, err := run(t, dir, []string{"GOOS=" + c.goos, "GOARCH=386", "GO386=" + c.mode, "CGO_ENABLED=0"}, "build", "-o", exe); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		code, err := run(t, dir, nil, "tool", "objdump", "-s", `^main\.add$`, exe)
		if err != nil || !strings.Contains(code, c.add) {
			t.Errorf("%s: no %s in main.add: %v\n%s", name, c.add, err, code)
		}
		cmd := exec.Command(exe)
		if c.goos == "darwin" {
			hosttest.Need(t, "386")
			cmd = exec.Command(tree.Runner(goroot(t), "386"), exe)
		}
		out, err := cmd.CombinedOutput()
		if c.goos == "linux" && errors.Is(err, syscall.ENOEXEC) {
			t.Log("this host runs no programs for linux/386 to compare with")
			continue
		}
		if err != nil || !strings.HasPrefix(string(out), "sum 10100\n") || strings.Count(string(out), "\n") != 13 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		printed[name] = string(out)
	}
	soft := printed["darwin softfloat"]
	if want, ok := printed["linux softfloat"]; ok && soft != want {
		t.Errorf("without SSE2: %s\non linux/386: %s", soft, want)
	}
	// Upstream's fpack64 (runtime/softfloat64.go) misplaces the bits of a
	// difference of normal numbers that is not one itself; only math.Mod and
	// math.Remainder get there, near their end.
	rest := func(s string) string { return regexp.MustCompile("(?m)^remainder .*\n").ReplaceAllString(s, "") }
	if want := printed["darwin sse2"]; rest(soft) != rest(want) {
		t.Errorf("without SSE2: %s\nwith it: %s", soft, want)
	}
}

// TestListed: the raw ports are listed. That cmd/dist and internal/platform say
// the same is tested there.
func TestListed(t *testing.T) {
	out, err := run(t, ".", nil, "tool", "dist", "list")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, p := range ports {
		if !slices.Contains(strings.Fields(out), "darwin/"+p.goarch) {
			t.Errorf("darwin/%s is not in\n%s", p.goarch, out)
		}
	}
}

// TestBuild386: all of std builds.
func TestBuild386(t *testing.T) {
	if out, err := run(t, filepath.Join(goroot(t), "src"), []string{"GOOS=darwin", "GOARCH=386"}, "build", "std"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestAsmdecl: the ports' own assembly takes arguments and leaves results where
// the Go declarations have them.
func TestAsmdecl(t *testing.T) {
	for _, p := range ports {
		out, err := run(t, filepath.Join(goroot(t), "src"), []string{"GOOS=darwin", "GOARCH=" + p.goarch}, "vet", "-asmdecl", "runtime", "syscall")
		if err != nil {
			t.Errorf("%s: %v\n%s", p.goarch, err, out)
		}
	}
}

// A listed package, as go list reports it.
type listed struct {
	ImportPath, Dir, Name string
	GoFiles               []string
	ImportMap             map[string]string
}

// TestCommands386: no command needs what is not there for darwin/386,
// golang.org/x/sys/unix, and all are right Go for a port with words of 32 bits.
// They are checked as the compiler does before it makes code: the whole of that
// would take minutes.
func TestCommands386(t *testing.T) {
	src := filepath.Join(goroot(t), "src", "cmd")
	list := func(args ...string) (pkgs []listed) {
		out, err := tree.Output(tree.Go(goroot(t), src, []string{"GOOS=darwin", "GOARCH=386", "CGO_ENABLED=0"},
			append([]string{"list", "-pgo=off", "-json=ImportPath,Dir,Name,GoFiles,ImportMap"}, args...)...))
		if err != nil {
			t.Fatal(err)
		}
		for dec := json.NewDecoder(bytes.NewReader(out)); ; {
			var p listed
			if err := dec.Decode(&p); err == io.EOF {
				return pkgs
			} else if err != nil {
				t.Fatal(err)
			}
			pkgs = append(pkgs, p)
		}
	}
	var commands []string
	for _, p := range list("cmd") {
		if p.Name == "main" {
			commands = append(commands, p.ImportPath)
		}
	}
	deps := list(append([]string{"-deps"}, commands...)...)
	if len(commands) < 20 || len(deps) < 200 {
		t.Fatalf("only %d commands, with %d packages", len(commands), len(deps))
	}
	checked := map[string]*types.Package{"unsafe": types.Unsafe}
	fset := token.NewFileSet()
	for _, p := range deps { // what a package imports comes before it
		if strings.HasSuffix(p.ImportPath, "golang.org/x/sys/unix") {
			t.Errorf("a command needs %s", p.ImportPath)
		}
		if p.ImportPath == "unsafe" {
			continue
		}
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		conf := types.Config{
			Importer: importer(func(path string) (*types.Package, error) {
				if q, ok := p.ImportMap[path]; ok {
					path = q // vendored
				}
				if pkg := checked[path]; pkg != nil {
					return pkg, nil
				}
				return nil, errors.New("it is not in the list")
			}),
			Sizes: types.SizesFor("gc", "386"),
			Error: func(err error) { t.Error(err) },
		}
		checked[p.ImportPath], _ = conf.Check(p.ImportPath, fset, files, nil)
	}
}

type importer func(path string) (*types.Package, error)

func (f importer) Import(path string) (*types.Package, error) { return f(path) }
