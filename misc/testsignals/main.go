// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Testsignals runs the regression tests about signals, threads and clocks under
// the kernels of several releases, and shows that they can fail.
//
//	usage: testsignals [-arch amd64] [-xnu RELEASES] [-rude SEED] [-count N] [-long] [-p N] [-run REGEXP]
//	       testsignals -mutants [-arch amd64] [-p N] [-run REGEXP]
//	       testsignals -table
//
// The tests are the programs of test/ with a line
//
//	// Bugs: golang.org/issue/3101, golang/go 224f05ba
//
// in the comment of the package clause, what lib/signals/rows.tsv names
// besides (upstream's tests and tests of this module), and the rules of
// misc/rules. A test that skips itself under each of several releases fails.
//
// It prints a table of bugs, by their row in rows.tsv, test, port, release and
// result, then the output of what failed, and at last `N passed, N failed, N
// skipped`. With -mutants it makes the mistakes listed in
// lib/signals/mutants.tsv, one after the other, and fails if the tests do not
// notice. With -table it writes the table of doc/signals.md.
//
// The exit status is 1 if anything failed, 2 for a mistake in the call.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"goxnu/misc/internal/bounded"
	"goxnu/misc/internal/releases"
	"goxnu/misc/internal/tree"
)

var (
	arch     = flag.String("arch", "amd64", "test the port darwin/`ARCH`; all is both")
	xnu      = flag.String("xnu", "10.6 10.11 10.12 10.14 15", "under these `RELEASES` (separated by blanks); all is every one")
	long     = flag.Bool("long", false, "as often as what each bug took to show, not for a few seconds")
	rude     = flag.String("rude", "", "let the runner inject, from this `SEED`, what a kernel may do and seldom does")
	count    = flag.Int("count", 1, "run each test `N` times on each release")
	parallel = flag.Int("p", 1, "run `N` at once")
	run      = flag.String("run", "", "only tests, or with -mutants mutants, whose name matches `REGEXP`")
	mutants  = flag.Bool("mutants", false, "see the tests fail, mistake by mistake")
	table    = flag.Bool("table", false, "write the table of doc/signals.md")
)

// A suite has what is needed to build and run tests.
type suite struct {
	top, goroot, tmp string
	programs         []*unit // test/*.go
	rows             []row

	passed, failed, skipped int
	report                  strings.Builder // output of what failed
}

func main() {
	flag.Parse()
	var want *regexp.Regexp
	var err error
	if want, err = regexp.Compile(*run); err == nil && (flag.NArg() > 0 || *count < 1 || *parallel < 1) {
		err = errors.New("usage: testsignals [flags]; -h lists them")
	}
	archs := []string{*arch}
	switch *arch {
	case "amd64", "386":
	case "all":
		archs = []string{"amd64", "386"}
	default:
		err = fmt.Errorf("-arch=%s: there are amd64, 386 and all", *arch)
	}
	var s *suite
	if err == nil {
		s, err = newSuite()
	}
	if err == nil {
		defer os.RemoveAll(s.tmp)
		bounded.EndOnSignal(func() { os.RemoveAll(s.tmp) })
		switch {
		case *table:
			err = s.writeTable()
		case *mutants:
			for _, a := range archs {
				err = errors.Join(err, s.mutate(a, want))
			}
		default:
			for _, a := range archs {
				err = errors.Join(err, s.matrix(a, want))
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsignals:", err)
		if s != nil {
			os.RemoveAll(s.tmp)
		}
		os.Exit(2)
	}
	if *table {
		return
	}
	fmt.Print(s.report.String())
	fmt.Printf("%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	if s.failed > 0 {
		os.RemoveAll(s.tmp)
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
		u := &unit{kind: program, name: strings.TrimSuffix(filepath.Base(f), ".go"), source: f}
		if err := u.readHeader(); err != nil {
			return nil, err
		}
		if u.bugs != nil {
			s.programs = append(s.programs, u)
		}
	}
	if s.rows, err = s.readRows(); err != nil {
		return nil, err
	}
	s.tmp, err = os.MkdirTemp("", "testsignals")
	return s, err
}

// units returns the programs, then the other tests of the rows, each once, and
// the kernel's rules.
func (s *suite) units() []*unit {
	list := slices.Clone(s.programs)
	for _, r := range s.rows {
		for _, u := range slices.Concat(r.tests, r.also) {
			if !slices.Contains(list, u) {
				list = append(list, u)
			}
		}
	}
	return append(list, &unit{kind: rule, name: "rules", test: ".*"})
}

// A result is what came of a job: lines to print at once, and for the end.
type result struct {
	line, report            string
	passed, failed, skipped int
	unit                    *unit // nil if it was not even begun
}

// inOrder does the jobs, *parallel at once, prints their results in order, and
// returns them.
func (s *suite) inOrder(w io.Writer, jobs []func() []result) (all []result) {
	todo := make(chan int)
	done := make([]chan []result, len(jobs))
	for i := range done {
		done[i] = make(chan []result, 1)
	}
	var wg sync.WaitGroup
	for range *parallel {
		wg.Go(func() {
			for i := range todo {
				done[i] <- jobs[i]()
			}
		})
	}
	go func() {
		for i := range jobs {
			todo <- i
		}
		close(todo)
	}()
	for _, c := range done {
		for _, r := range <-c {
			fmt.Fprintln(w, r.line)
			s.report.WriteString(r.report)
			s.passed += r.passed
			s.failed += r.failed
			s.skipped += r.skipped
			all = append(all, r)
		}
	}
	wg.Wait()
	return all
}

// matrix runs every test under every release. Each is built once.
func (s *suite) matrix(arch string, want *regexp.Regexp) error {
	list, err := releases.Select(*xnu, "amd64")
	if err != nil {
		return err
	}
	runner := tree.Runner(s.goroot, arch)
	if _, err := os.Stat(runner); err != nil {
		return fmt.Errorf("there is no runner for %s: %v", arch, err)
	}
	b := &builder{suite: s, arch: arch, dir: s.tmp, runner: runner, exes: map[string]string{}}
	var jobs []func() []result
	for _, u := range s.units() {
		if !want.MatchString(u.name) {
			continue
		}
		if why := u.unfit(arch); why != "" {
			jobs = append(jobs, func() []result {
				return []result{{line: s.line(u, arch, "-", "skipped: "+why), skipped: 1}}
			})
			continue
		}
		fits := 0
		for _, release := range s.releasesOf(u, arch, list) {
			if fits++; u.kind == module && fits > 1 {
				break // it chooses its releases itself
			}
			jobs = append(jobs, func() []result { return []result{s.runOne(b, u, release)} })
		}
	}
	results := s.inOrder(os.Stdout, jobs)
	if len(list) < 2 {
		return nil
	}
	for _, u := range neverRan(results) {
		s.failed++
		fmt.Fprintf(&s.report, "--- %s, %s: it skips itself on every release\n", u.name, arch)
	}
	return nil
}

// neverRan returns the tests that were begun and always skipped themselves, which
// shows nothing.
func neverRan(results []result) (list []*unit) {
	for _, r := range results {
		ran := func(o result) bool { return o.unit == r.unit && o.passed+o.failed > 0 }
		if r.unit != nil && !slices.Contains(list, r.unit) && !slices.ContainsFunc(results, ran) {
			list = append(list, r.unit)
		}
	}
	return list
}

// releasesOf returns those of list that run programs of darwin/arch. The rules
// are also for kernels that no other test needs.
func (s *suite) releasesOf(u *unit, arch string, list []string) (fit []string) {
	if u.kind == rule && *xnu == "all" {
		list = nil
		for _, r := range releases.All {
			list = append(list, r.Name)
		}
	}
	for _, name := range list {
		if r, _ := releases.Named(name); arch != "386" || r.Kernel <= releases.Last386.Kernel {
			fit = append(fit, name)
		}
	}
	return fit
}

// runOne runs a test *count times under a release.
func (s *suite) runOne(b *builder, u *unit, release string) (r result) {
	start := time.Now()
	r.unit = u
	if u.kind == module {
		release = "-"
	}
	outcome := "ok"
	most := limit
	if *long {
		most = longLimit
	}
	for range *count {
		out, err := b.run(u, release, most)
		switch {
		case err == errSkipped:
			r.skipped++
			outcome = "skips itself"
		case err != nil:
			r.failed++
			r.report += fmt.Sprintf("--- %s, %s, %s: %v\n%s", u.name, b.arch, release, err, tail(out))
		default:
			r.passed++
		}
	}
	if r.failed > 0 {
		outcome = fmt.Sprintf("FAILED %d of %d", r.failed, *count)
	}
	r.line = s.line(u, b.arch, release, fmt.Sprintf("%s (%.1fs)", outcome, time.Since(start).Seconds()))
	return r
}

// line is a line of the matrix.
func (s *suite) line(u *unit, arch, release, outcome string) string {
	var rows []string
	for _, r := range s.rows {
		if slices.Contains(r.tests, u) || slices.Contains(r.also, u) {
			rows = append(rows, r.number)
		}
	}
	return fmt.Sprintf("%-10s %-28s %-5s %-6s %-16s %s", strings.Join(rows, ","), u.name, arch, release, outcome, strings.Join(u.bugs, ", "))
}

// tail returns a test's output, without the middle of a long one.
func tail(out []byte) []byte {
	const most = 1000
	if len(out) > 2*most {
		out = slices.Concat(out[:most], []byte("\n...\n"), out[len(out)-most:])
	}
	if len(out) > 0 && out[len(out)-1] != '\n' {
		out = append(out, '\n')
	}
	return out
}
