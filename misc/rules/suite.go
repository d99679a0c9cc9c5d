// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"goxnu/misc/internal/bounded"
	"goxnu/misc/internal/releases"
	"goxnu/misc/internal/tree"
)

// usual are those that a rule is tried on if it names none.
const usual = "1504 4903 11215"

// limit is how long a rule may take.
const limit = 30 * time.Second

// A rule is one function of the guest.
type rule struct {
	name     string
	text     string // what holds
	source   string // where the kernel's source says so
	releases []string
	hidden   bool // the second image of a rule that executes itself
}

// A Suite can build and run the guest.
type Suite struct {
	arch, top, goroot string
	rules             []rule
	tmp, exe          string
}

func newSuite(arch string) (*Suite, error) {
	s := &Suite{arch: arch}
	var err error
	if s.top, err = tree.Top(); err != nil {
		return nil, err
	}
	if s.goroot, err = tree.Goroot(); err != nil {
		return nil, err
	}
	s.rules, err = readRules(filepath.Join(s.top, "misc", "rules", "guest"))
	return s, err
}

// readRules reads the table of rules.go, and the comments of the functions in it.
func readRules(dir string) ([]rule, error) {
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
				if filepath.Base(f) == "rules.go" && len(n.Elts) == 2 {
					if s, ok := n.Elts[0].(*ast.BasicLit); ok {
						name, _ := strconv.Unquote(s.Value)
						names = append(names, name)
					}
				}
			}
			return true
		})
	}
	var list []rule
	for _, name := range names {
		r := rule{name: name, releases: strings.Fields(usual)}
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
		return nil, fmt.Errorf("%s has no rules", dir)
	}
	return list, nil
}

// BuildFlags are the go command's for the guest: no heap, no runtime.
var BuildFlags = []string{"-gcflags=goxnu/misc/rules/guest=-+", "-ldflags=-E=main.entry"}

func (s *Suite) build() (err error) {
	if s.tmp, err = os.MkdirTemp("", "rules"); err != nil {
		return err
	}
	s.exe = filepath.Join(s.tmp, "guest")
	args := append(append([]string{"build"}, BuildFlags...), "-o", s.exe, "./rules/guest")
	out, err := tree.Go(s.goroot, filepath.Join(s.top, "misc"), []string{"GOOS=darwin", "GOARCH=" + s.arch}, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building the guest: %v\n%s", err, out)
	}
	return nil
}

func (s *Suite) clean() { os.RemoveAll(s.tmp) }

// each runs the rules whose name matches re, two at a time, on the given
// releases, or on those that they name.
func (s *Suite) each(re *regexp.Regexp, list string, report func(r rule, release string, err error)) {
	var wg sync.WaitGroup
	slots := make(chan bool, 2)
	for _, r := range s.rules {
		if r.hidden || !re.MatchString(r.name) {
			continue
		}
		on := r.releases
		switch list {
		case "":
		case "all":
			on = nil
			for _, r := range releases.All {
				on = append(on, strconv.Itoa(r.Kernel))
			}
		default:
			on = strings.Fields(list)
			for i, name := range on {
				if r, ok := releases.Named(name); ok {
					on[i] = strconv.Itoa(r.Kernel)
				}
			}
		}
		if s.arch == "386" {
			// Those that it has, and the last of them.
			var fit []string
			for _, release := range on {
				if n, _ := strconv.Atoi(release); n <= releases.Last386.Kernel {
					fit = append(fit, release)
				}
			}
			if last := strconv.Itoa(releases.Last386.Kernel); list == "" && !slices.Contains(fit, last) {
				fit = append(fit, last)
			}
			on = fit
		}
		for _, release := range on {
			slots <- true
			wg.Go(func() {
				defer func() { <-slots }()
				report(r, release, s.run(r.name, release))
			})
		}
	}
	wg.Wait()
}

// run runs one rule, in a directory of its own.
func (s *Suite) run(name, release string) error {
	dir, err := os.MkdirTemp(s.tmp, name)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	runner := *with
	if runner == "" {
		runner = tree.Runner(s.goroot, s.arch)
	}
	cmd := exec.Command(runner, "-xnu", release, s.exe, name, release)
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

// table prints, for doc/rules.md, what the rules are, where they come from and
// which mutants of lib/signals/mutants.tsv break them.
func (s *Suite) table(w io.Writer) error {
	kills, err := s.mutants()
	if err != nil {
		return err
	}
	fmt.Fprint(w, "| rule | what holds | source | fails with |\n|---|---|---|---|\n")
	for _, r := range s.rules {
		if !r.hidden {
			fmt.Fprintf(w, "| %s | %s | %s | %s |\n", r.name, r.text, r.source, strings.Join(kills[r.name], ", "))
		}
	}
	return nil
}

// The table stands in doc/rules.md behind this line.
var tableBegin = []byte("<!-- make generate writes what follows -->\n")

// doc returns doc/rules.md with the table as it should be.
func (s *Suite) doc() (path string, have, want []byte, err error) {
	path = filepath.Join(s.top, "doc", "rules.md")
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

// writeTable brings the table of doc/rules.md up to date.
func (s *Suite) writeTable() error {
	path, have, want, err := s.doc()
	if err != nil || bytes.Equal(have, want) {
		return err
	}
	fmt.Println("doc/rules.md")
	return os.WriteFile(path, want, 0o666)
}

// mutants returns the names of the mutants that each rule must notice.
func (s *Suite) mutants() (map[string][]string, error) {
	text, err := os.ReadFile(filepath.Join(s.top, "lib", "signals", "mutants.tsv"))
	if err != nil {
		return nil, err
	}
	kills := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(line, "\t")
		if len(f) != 5 || f[0] == "" || f[0][0] == '#' || f[3] != "fail" {
			continue
		}
		for _, p := range strings.Fields(f[1]) {
			if name, ok := strings.CutPrefix(p, "rule:"); ok {
				kills[name] = append(kills[name], f[0])
			}
		}
	}
	return kills, nil
}
