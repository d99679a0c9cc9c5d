// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package conform checks that the runner is XNU: it runs the functions of its
// guest program under the kernels of several releases.
//
// A conformance test is a function of the guest (see there) that makes raw
// system calls, without a Go runtime, and fails if the kernel behaves in
// another way than XNU's source says.
package conform

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"goxnu/misc/internal/bounded"
	"goxnu/misc/internal/releases"
	"goxnu/misc/internal/tree"
	"goxnu/misc/internal/tsv"
	"goxnu/misc/xtest/run"
)

// Flags are those of the subcommand, beside the shared ones.
type Flags struct {
	run.Options
	Runner string
}

// Register adds the flags to fs.
func (f *Flags) Register(fs *flag.FlagSet) {
	f.Options.Flags(fs, "arch", "run", "xnu", "count", "shard", "list", "report")
	fs.StringVar(&f.Runner, "runner", "", "run the guests with this `FILE` instead of the installed runner")
}

// Main runs the tests, on the releases of -xnu or on those where one changes.
func Main(f *Flags) error {
	for _, arch := range f.Archs {
		s, err := newSuite(arch)
		if err != nil {
			return err
		}
		if f.Runner != "" {
			s.runner = f.Runner
		}
		if err := s.build(); err != nil {
			return err
		}
		defer s.clean()
		bounded.EndOnSignal(s.clean)
		s.each(f)
	}
	return nil
}

// usual are those that a test is tried on if it names none.
const usual = "1504 4903 11215"

// limit is how long a test may take.
const limit = 3 * time.Minute

// A test is one function of the guest.
type test struct {
	name     string
	text     string // what holds
	source   string // where the kernel's source says so
	releases []string
	hidden   bool // the second image of a test that executes itself
}

// A suite can build and run the guest.
type suite struct {
	arch, top, goroot, runner string
	tests                     []test
	tmp, exe                  string
}

func newSuite(arch string) (*suite, error) {
	s := &suite{arch: arch}
	var err error
	if s.top, err = tree.Top(); err != nil {
		return nil, err
	}
	if s.goroot, err = tree.Goroot(); err != nil {
		return nil, err
	}
	s.runner = tree.Runner(s.goroot, arch)
	s.tests, err = readTests(filepath.Join(s.top, "misc", "xtest", "conform", "guest"))
	return s, err
}

// readTests reads the table of tests.go, and the comments of the functions in it.
func readTests(dir string) ([]test, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	docs := map[string]string{}
	var names []string
	for _, f := range files {
		file, err := parser.ParseFile(fset, f, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				docs[n.Name.Name] = n.Doc.Text()
			case *ast.CompositeLit:
				if filepath.Base(f) == "tests.go" && len(n.Elts) == 2 {
					if s, ok := n.Elts[0].(*ast.BasicLit); ok {
						name, _ := strconv.Unquote(s.Value)
						names = append(names, name)
					}
				}
			}
			return true
		})
	}
	var list []test
	for _, name := range names {
		r := test{name: name, releases: strings.Fields(usual)}
		doc := docs[name]
		if !strings.HasPrefix(doc, name+": ") {
			r.hidden = true
			list = append(list, r)
			continue
		}
		for i, para := range strings.Split(strings.TrimSpace(doc), "\n\n") {
			para = strings.Join(strings.Fields(para), " ")
			switch {
			case i == 0:
				text := strings.TrimPrefix(para, name+": ")
				r.text = strings.ToUpper(text[:1]) + text[1:]
			case strings.HasPrefix(para, "Releases: "):
				r.releases = strings.Fields(strings.TrimSuffix(para[len("Releases: "):], "."))
			default:
				r.source = para
			}
		}
		if r.source == "" {
			return nil, fmt.Errorf("the comment of %s cites no source", name)
		}
		list = append(list, r)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s has no tests", dir)
	}
	return list, nil
}

// buildFlags are the go command's for the guest: no heap, no runtime.
var buildFlags = []string{"-gcflags=goxnu/misc/xtest/conform/guest=-+", "-ldflags=-E=main.entry"}

func (s *suite) build() (err error) {
	if s.tmp, err = os.MkdirTemp("", "xtest-conform"); err != nil {
		return err
	}
	s.exe = filepath.Join(s.tmp, "guest")
	args := append(append([]string{"build"}, buildFlags...), "-o", s.exe, "./xtest/conform/guest")
	out, err := tree.Go(s.goroot, filepath.Join(s.top, "misc"), []string{"GOOS=darwin", "GOARCH=" + s.arch}, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building the guest: %v\n%s", err, out)
	}
	return nil
}

func (s *suite) clean() { os.RemoveAll(s.tmp) }

// each runs the tests that f selects, two at a time, and reports them.
func (s *suite) each(f *Flags) {
	var wg sync.WaitGroup
	slots := make(chan bool, 2)
	for _, t := range s.tests {
		if t.hidden {
			continue
		}
		for _, kernel := range s.kernels(t, f.XNU) {
			for i := range f.Count {
				name := fmt.Sprintf("conform/darwin-%s/%s@%s", s.arch, t.name, kernel)
				if f.Count > 1 {
					name += fmt.Sprintf("#%d", i+1)
				}
				if !f.Take(name) {
					continue
				}
				slots <- true
				wg.Go(func() {
					defer func() { <-slots }()
					start := time.Now()
					if err := s.run(t.name, kernel); err != nil {
						f.Report.Fail(name, fmt.Sprintf("--- %s, %s, xnu-%s: %v", t.name, s.arch, kernel, strings.TrimSpace(err.Error())), "", time.Since(start))
					} else {
						f.Report.Pass(name, "ok    "+name, time.Since(start))
					}
				})
			}
		}
	}
	wg.Wait()
}

// kernels returns the kernels to run t on: those of the releases in list, or
// if it is empty those that t names.
func (s *suite) kernels(t test, list string) (on []string) {
	switch list {
	case "":
		on = t.releases
	case "all":
		for _, r := range releases.All {
			on = append(on, strconv.Itoa(r.Kernel))
		}
	default:
		for _, name := range strings.Fields(list) {
			r, _ := releases.Named(name)
			on = append(on, strconv.Itoa(r.Kernel))
		}
	}
	if s.arch != "386" {
		return on
	}
	// Those that it has, and the last of them.
	on = slices.DeleteFunc(slices.Clone(on), func(kernel string) bool {
		n, _ := strconv.Atoi(kernel)
		return n > releases.Last386.Kernel
	})
	if last := strconv.Itoa(releases.Last386.Kernel); list == "" && !slices.Contains(on, last) {
		on = append(on, last)
	}
	return on
}

// run runs one test, in a directory of its own.
func (s *suite) run(name, release string) error {
	dir, err := os.MkdirTemp(s.tmp, name)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command(s.runner, "-xnu", release, s.exe, name, release)
	cmd.Dir = dir
	cmd.Env = append(tree.Env(s.goroot), "PWD="+dir)
	out, err := bounded.Run(cmd, limit)
	if err != nil {
		return fmt.Errorf("%v: %s", err, out)
	}
	if len(out) > 0 {
		return fmt.Errorf("unexpected output %q", out)
	}
	return nil
}

// table prints, for doc/conformance.md, what the tests are, where they come from and
// which mutants of lib/signals/mutants.tsv break them.
func (s *suite) table(w io.Writer) error {
	kills, err := s.mutants()
	if err != nil {
		return err
	}
	fmt.Fprint(w, "| test | what holds | source | killed by |\n|---|---|---|---|\n")
	for _, r := range s.tests {
		if !r.hidden {
			fmt.Fprintf(w, "| %s | %s | %s | %s |\n", r.name, r.text, r.source, strings.Join(kills[r.name], ", "))
		}
	}
	return nil
}

// The table is in doc/conformance.md behind this line.
var tableBegin = []byte("<!-- make generate writes what follows -->\n")

// doc returns doc/conformance.md with the table as it should be.
func (s *suite) doc() (path string, have, want []byte, err error) {
	path = filepath.Join(s.top, "doc", "conformance.md")
	if have, err = os.ReadFile(path); err != nil {
		return path, nil, nil, err
	}
	text, _, ok := bytes.Cut(have, tableBegin)
	if !ok {
		return path, nil, nil, fmt.Errorf("%s does not have the line\n%s", path, tableBegin)
	}
	var w bytes.Buffer
	w.Write(text)
	w.Write(tableBegin)
	err = s.table(&w)
	return path, have, w.Bytes(), err
}

// WriteTable brings the table of doc/conformance.md up to date. With check it
// only says whether it is.
func WriteTable(check bool) error {
	s, err := newSuite("amd64")
	if err != nil {
		return err
	}
	path, have, want, err := s.doc()
	if err != nil || bytes.Equal(have, want) {
		return err
	}
	if check {
		return errors.New("doc/conformance.md is not up to date: run make generate")
	}
	fmt.Println("doc/conformance.md")
	return os.WriteFile(path, want, 0o666)
}

// mutants returns the names of the mutants that kill each test.
func (s *suite) mutants() (map[string][]string, error) {
	rows, err := tsv.ReadFile(s.top, "lib/signals/mutants.tsv", "name or none", "tests or file", "releases or old", "result or new", "what?")
	if err != nil {
		return nil, err
	}
	kills := map[string][]string{}
	for _, row := range rows {
		f := row.F
		if f[0] == "" || f[3] != "fail" {
			continue
		}
		for _, p := range strings.Fields(f[1]) {
			if name, ok := strings.CutPrefix(p, "conform:"); ok {
				kills[name] = append(kills[name], f[0])
			}
		}
	}
	return kills, nil
}
