// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package xsys tests golang.org/x/sys/unix in the raw ports: that all of it
// links, and that it works. The release is pinned, so that a test that fails
// fails for a change of ours; go test ./xsys -newest tests the newest one that the module
// proxy has.
package xsys

import (
	"debug/macho"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"goxnu/misc/internal/hosttest"
	"goxnu/misc/internal/tree"
)

// archs are the ports. x/sys has no files for 386: misc/xsys386 makes them.
var archs = []string{"amd64", "386"}

const (
	unixPath = "golang.org/x/sys/unix"

	// pinned is the release that lib/xnu/libc.tsv was written by.
	pinned = "v0.49.0"
)

var newest = flag.Bool("newest", false, "test the newest release of golang.org/x/sys instead of "+pinned)

// A workspace is a module that requires x/sys, and the settings that build it for a port.
type workspace struct {
	goroot, dir string
	version     string
	port        []string
}

// newWorkspace makes a module in a temporary directory and adds x/sys to it. A
// test cannot go on without it, and is skipped if it cannot be had.
func newWorkspace(t *testing.T, arch string) *workspace {
	t.Helper()
	sys := fetch()
	if sys.err != nil {
		t.Skip(sys.err)
	}
	root, err := tree.Goroot()
	if err != nil {
		t.Fatal(err)
	}
	w := &workspace{goroot: root, dir: t.TempDir(), version: sys.version}
	w.port = []string{"GOOS=darwin", "GOARCH=" + arch}
	w.write(t, "go.mod", "module example.com/probe\n\ngo 1.26\n")
	if out, err := w.run(nil, "get", "golang.org/x/sys@"+w.version); err != nil {
		t.Fatalf("go get: %v\n%s", err, out)
	}
	if arch == "386" {
		work := filepath.Join(t.TempDir(), "x")
		if out, err := tree.Go(root, "..", nil, "run", "./xsys386", "-C", w.dir, work).CombinedOutput(); err != nil {
			t.Fatalf("xsys386: %v\n%s", err, out)
		}
		w.port = append(w.port, "GOWORK="+filepath.Join(work, "go.work"))
	}
	return w
}

type version struct {
	version string
	err     error
}

// fetch gets the release under test, once, from the module cache or the module
// proxy.
var fetch = sync.OnceValue(func() version {
	root, err := tree.Goroot()
	if err != nil {
		return version{err: err}
	}
	query := "golang.org/x/sys@" + pinned
	if *newest {
		query = "golang.org/x/sys@latest"
	}
	cmd := tree.Go(root, os.TempDir(), nil, "mod", "download", "-json", query)
	out, err := cmd.Output()
	var m struct{ Version, Error string }
	if jerr := json.Unmarshal(out, &m); jerr != nil {
		return version{err: fmt.Errorf("go mod download %s: %v\n%s", query, err, out)}
	}
	if err != nil {
		return version{err: fmt.Errorf("%s cannot be had from the module proxy: %s", query, m.Error)}
	}
	fmt.Println("golang.org/x/sys", m.Version)
	return version{version: m.Version}
})

func (w *workspace) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func (w *workspace) command(settings []string, args ...string) *exec.Cmd {
	return tree.Go(w.goroot, w.dir, settings, args...)
}

func (w *workspace) run(settings []string, args ...string) (string, error) {
	out, err := w.command(settings, args...).CombinedOutput()
	return string(out), err
}

// A source is what of a package is built for a port.
type source struct {
	Dir     string
	GoFiles []string
}

func (w *workspace) source(t *testing.T) source {
	t.Helper()
	out, err := tree.Output(w.command(w.port, "list", "-json=Dir,GoFiles", unixPath))
	if err != nil {
		t.Fatal(err)
	}
	var s source
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// references returns an expression for each exported function of the package
// and each exported method of its exported types, and the C library's names
// that it imports.
func (s source) references(t *testing.T) (exprs, imports []string) {
	t.Helper()
	fset := token.NewFileSet()
	for _, name := range s.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(s.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range f.Comments {
			for _, c := range g.List {
				if fields := strings.Fields(c.Text); fields[0] == "//go:cgo_import_dynamic" {
					imports = append(imports, fields[1])
				}
			}
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.IsExported() {
				if e := reference(fn); e != "" {
					exprs = append(exprs, e)
				}
			}
		}
	}
	slices.Sort(exprs)
	slices.Sort(imports)
	return exprs, slices.Compact(imports)
}

// reference returns an expression for fn, or "" for a method of a type that has no exported name.
func reference(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return "unix." + fn.Name.Name
	}
	star := ""
	typ := fn.Recv.List[0].Type
	if p, ok := typ.(*ast.StarExpr); ok {
		star, typ = "*", p.X
	}
	id, ok := typ.(*ast.Ident)
	if !ok || !id.IsExported() {
		return ""
	}
	return fmt.Sprintf("(%sunix.%s).%s", star, id.Name, fn.Name.Name)
}

// TestEveryFunction links a program that holds every function and method of
// the package, and runs it. A C library function without a stub is a link error.
func TestEveryFunction(t *testing.T) {
	for _, arch := range archs {
		w := newWorkspace(t, arch)
		t.Run(arch, func(t *testing.T) {
			exprs, _ := w.source(t).references(t)
			for _, want := range []string{"unix.Getpid", "unix.Sendfile", "(*unix.FdSet).Set", "(unix.WaitStatus).Exited"} {
				if !slices.Contains(exprs, want) {
					t.Fatalf("%s is not among the %d functions found", want, len(exprs))
				}
			}
			var b strings.Builder
			b.WriteString("package main\n\nimport \"golang.org/x/sys/unix\"\n\nvar all = []any{\n")
			for _, e := range exprs {
				fmt.Fprintf(&b, "\t%s,\n", e)
			}
			b.WriteString("}\n\nfunc main() {\n\tn := 0\n\tfor _, f := range all {\n\t\tif f != nil {\n\t\t\tn++\n\t\t}\n\t}\n\tprintln(n)\n}\n")
			w.write(t, "main.go", b.String())
			if out, err := w.run(w.port, "build", "-o", os.DevNull, "."); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			hosttest.Need(t, arch)
			out, err := w.run(w.port, "run", ".")
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if want := fmt.Sprintln(len(exprs)); out != want {
				t.Errorf("the program printed %q, want %q", out, want)
			}
			t.Logf("%d functions and methods", len(exprs))
		})
	}
}

// TestCalls calls what does no harm, on releases old and new, and checks the results.
func TestCalls(t *testing.T) {
	for _, arch := range archs {
		w := newWorkspace(t, arch)
		src, err := os.ReadFile(filepath.Join("testdata", "calls_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		w.write(t, "calls_test.go", string(src))
		w.runTests(t, arch, ".", nil)
	}
}

// limits are the tests of x/sys/unix that the runner cannot pass, with reasons.
var limits = map[string]string{
	"TestFchmodat": "the host keeps no mode of a symbolic link",
	"TestXattr":    "the host keeps no extended attributes of a symbolic link",
}

// TestOwnTests runs the package's own tests, among them one that calls every
// import that it has.
func TestOwnTests(t *testing.T) {
	for _, arch := range archs {
		w := newWorkspace(t, arch)
		exe := w.runTests(t, arch, unixPath, limits)
		_, imports := w.source(t).references(t)
		checkDefined(t, exe, imports)
	}
}

// checkDefined checks that a program has code for each of the C library's names.
func checkDefined(t *testing.T, exe string, names []string) {
	t.Helper()
	f, err := macho.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	defined := map[string]bool{}
	for _, s := range f.Symtab.Syms {
		defined[strings.TrimPrefix(s.Name, "_")] = s.Sect != 0
	}
	for _, name := range names {
		if !defined[name] {
			t.Errorf("%s has no stub", name)
		}
	}
	if len(names) < 100 {
		t.Errorf("%d names are imported: %q", len(names), names)
	}
}

// releases are those that tests run on: the oldest, the last without openat,
// with its own clock layout, with a psynch-free runtime, and the newest.
var releases = map[string][]string{
	"amd64": {"10.6", "10.9", "10.12", "15"},
	"386":   {"10.6", "10.9", "10.12", "10.14"},
}

// runTests builds the tests of a package and runs them, on every release, but
// for those left out. It returns the program.
func (w *workspace) runTests(t *testing.T, arch, pkg string, leaveOut map[string]string) string {
	t.Helper()
	exe := filepath.Join(w.dir, "probe.test")
	if out, err := w.run(w.port, "test", "-c", "-vet=off", "-o", exe, pkg); err != nil {
		t.Fatalf("go test -c %s: %v\n%s", pkg, err, out)
	}
	args := []string{"-test.v", "-test.short"}
	if leaveOut != nil {
		names := slices.Sorted(maps.Keys(leaveOut))
		for _, name := range names {
			t.Logf("left out: %s: %s", name, leaveOut[name])
		}
		args = append(args, "-test.skip=^("+strings.Join(names, "|")+")$")
	}
	dir := w.packageDir(t, pkg)
	for _, release := range releases[arch] {
		t.Run(arch+"/"+release, func(t *testing.T) {
			hosttest.Need(t, arch)
			cmd := exec.Command(tree.Runner(w.goroot, arch), append([]string{"-xnu", release, exe}, args...)...)
			cmd.Dir = dir
			cmd.Env = tree.Env(w.goroot, w.port...)
			// A session of its own: whoever runs this may have none that the
			// program can see (its leader in another PID namespace is 0).
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			passed := strings.Count(string(out), "\n--- PASS:")
			t.Logf("%d tests passed, %d skipped themselves", passed, strings.Count(string(out), "\n--- SKIP:"))
			if passed == 0 {
				t.Errorf("no test passed:\n%s", out)
			}
		})
	}
	return exe
}

// packageDir returns where the files of a package lie.
func (w *workspace) packageDir(t *testing.T, pkg string) string {
	t.Helper()
	out, err := tree.Output(w.command(w.port, "list", "-f", "{{.Dir}}", pkg))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
