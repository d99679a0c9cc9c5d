// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Testsignals runs the regression programs of test/ about signals, threads and
// clocks under the kernels of several releases, and shows that they can fail.
//
//	usage: testsignals [-arch amd64] [-xnu RELEASES] [-count N] [-run REGEXP]
//	       testsignals -mutants [-run REGEXP]
//	       testsignals -table
//
// A program belongs to it if the comment of its package clause has a line
//
//	// Bugs: golang.org/issue/3101, golang/go 224f05ba
//
// that names, separated by commas, what the program guards against: an issue, a
// commit, or a fact of the kernel in a few words.
//
// It prints a table of bugs, program, release and result, then the output of
// what failed, and at last `N passed, N failed, N skipped`. With -mutants it
// makes the mistakes listed in lib/signals/mutants.tsv, one after the other,
// and fails if the programs do not notice. With -table it prints the table
// of doc/signals.md.
//
// The exit status is 1 if anything failed, 2 for a mistake in the call.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/build/constraint"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"goxnu/misc/internal/tree"
)

var (
	arch    = flag.String("arch", "amd64", "test the port darwin/`ARCH`")
	xnu     = flag.String("xnu", "10.6 10.11 10.12 10.14 15", "under these `RELEASES` (separated by blanks); all is every one")
	count   = flag.Int("count", 1, "run each program `N` times on each release")
	run     = flag.String("run", "", "only programs, or with -mutants mutants, whose name matches `REGEXP`")
	mutants = flag.Bool("mutants", false, "see the programs fail, mistake by mistake")
	table   = flag.Bool("table", false, "print the table of doc/signals.md")
)

// limit is how long a program may take.
const limit = 2 * time.Minute

// A suite has what is needed to build and run programs.
type suite struct {
	top, goroot, tmp string
	programs         []program

	passed, failed, skipped int
	report                  strings.Builder // output of what failed
}

// A program is one of test/*.go.
type program struct {
	name string // without .go
	file string
	bugs []string
	fits bool // its build constraint selects the port
	rule bool // one of misc/rules, not a program of test/
}

func main() {
	flag.Parse()
	var want *regexp.Regexp
	var err error
	if want, err = regexp.Compile(*run); err != nil || flag.NArg() > 0 || *count < 1 {
		if err == nil {
			err = errors.New("usage: testsignals [flags]; -h lists them")
		}
		fmt.Fprintln(os.Stderr, "testsignals:", err)
		os.Exit(2)
	}
	s, err := newSuite()
	if err == nil {
		switch {
		case *table:
			err = s.table(os.Stdout)
		case *mutants:
			err = s.mutate(want)
		default:
			err = s.matrix(want)
		}
		os.RemoveAll(s.tmp)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsignals:", err)
		os.Exit(2)
	}
	if *table {
		return
	}
	fmt.Print(s.report.String())
	fmt.Printf("%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	if s.failed > 0 {
		os.Exit(1)
	}
}

func newSuite() (*suite, error) {
	s := new(suite)
	var err error
	if s.top, err = tree.Top(); err != nil {
		return nil, err
	}
	if s.goroot, err = tree.Goroot(); err != nil {
		return nil, err
	}
	if s.goroot, err = filepath.EvalSymlinks(s.goroot); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(s.top, "test", "*.go"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		p, err := readProgram(f)
		if err != nil {
			return nil, err
		}
		if p.bugs != nil {
			s.programs = append(s.programs, p)
		}
	}
	s.tmp, err = os.MkdirTemp("", "testsignals")
	return s, err
}

// readProgram reads what stands above the package clause.
func readProgram(file string) (program, error) {
	p := program{name: strings.TrimSuffix(filepath.Base(file), ".go"), file: file, fits: true}
	text, err := os.ReadFile(file)
	if err != nil {
		return p, err
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "package ") {
			break
		}
		if constraint.IsGoBuild(line) {
			x, err := constraint.Parse(line)
			if err != nil {
				return p, fmt.Errorf("%s: %v", file, err)
			}
			p.fits = x.Eval(func(tag string) bool { return tag == "darwin" || tag == *arch })
		}
		if list, ok := strings.CutPrefix(line, "// Bugs: "); ok {
			p.bugs = strings.Split(list, ", ")
		}
	}
	return p, nil
}

// program returns the program of that name.
// "rule:NAME" is a rule of misc/rules, whose guest is a program that is built in its own way.
func (s *suite) program(name string) (program, error) {
	if rule, ok := strings.CutPrefix(name, "rule:"); ok {
		return program{name: rule, fits: true, rule: true}, nil
	}
	i := slices.IndexFunc(s.programs, func(p program) bool { return p.name == name })
	if i < 0 {
		return program{}, fmt.Errorf("there is no program test/%s.go with a line // Bugs:", name)
	}
	return s.programs[i], nil
}

// build builds p with the go command's further flags and settings, and returns
// the executable.
func (s *suite) build(p program, settings []string, flags ...string) (string, error) {
	exe := filepath.Join(s.tmp, p.name)
	if p.rule {
		exe = filepath.Join(s.tmp, "rules")
		cmd := tree.Go(s.goroot, filepath.Join(s.top, "misc"), []string{"GOOS=linux"}, "build", "-o", exe, "./rules")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("building rules: %v\n%s", err, out)
		}
		return exe, nil
	}
	settings = append([]string{"GOOS=darwin", "GOARCH=" + *arch}, settings...)
	args := append(append([]string{"build"}, flags...), "-o", exe, p.file)
	out, err := tree.Go(s.goroot, s.top, settings, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building %s: %v\n%s", p.name, err, out)
	}
	return exe, nil
}

// runner is the installed runner.
func (s *suite) runner() string {
	return filepath.Join(s.goroot, "bin", "go_darwin_"+*arch+"_exec")
}

// exec runs an executable under a release. It returns what the program
// printed; err says how it failed.
func (s *suite) exec(runner, release, exe string) ([]byte, error) {
	cmd := exec.Command(runner, "-xnu", release, exe)
	cmd.Env = append(tree.Env(s.goroot), "TMPDIR="+s.tmp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	late := false
	timer := time.AfterFunc(limit, func() {
		late = true
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	})
	err := cmd.Wait()
	if !timer.Stop() && late {
		err = fmt.Errorf("no end after %v", limit)
	}
	return out.Bytes(), err
}

// matrix runs every program under every release.
func (s *suite) matrix(want *regexp.Regexp) error {
	list, err := tree.Releases(*xnu, *arch)
	if err != nil {
		return err
	}
	if _, err := os.Stat(s.runner()); err != nil {
		return fmt.Errorf("there is no runner for %s: %v", *arch, err)
	}
	for _, p := range s.programs {
		if !want.MatchString(p.name) {
			continue
		}
		if !p.fits {
			s.skipped++
			s.row(p, "-", "skipped: not for "+*arch)
			continue
		}
		exe, err := s.build(p, nil)
		if err != nil {
			return err
		}
		for _, release := range list {
			start := time.Now()
			ok := 0
			for range *count {
				out, err := s.exec(s.runner(), release, exe)
				if err == nil && len(out) == 0 {
					ok++
					s.passed++
					continue
				}
				s.failed++
				fmt.Fprintf(&s.report, "--- %s, %s: %v\n%s", p.name, release, err, tail(out))
			}
			result := "ok"
			if ok < *count {
				result = fmt.Sprintf("FAILED %d of %d", *count-ok, *count)
			}
			s.row(p, release, fmt.Sprintf("%s (%.1fs)", result, time.Since(start).Seconds()))
		}
	}
	return nil
}

func (s *suite) row(p program, release, result string) {
	fmt.Printf("%-16s %-6s %-16s %s\n", p.name, release, result, strings.Join(p.bugs, ", "))
}

// tail returns the end of a program's output.
func tail(out []byte) []byte {
	const most = 2000
	if len(out) > most {
		out = append([]byte("...\n"), out[len(out)-most:]...)
	}
	if len(out) > 0 && out[len(out)-1] != '\n' {
		out = append(out, '\n')
	}
	return out
}
