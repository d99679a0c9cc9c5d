// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package signals runs the regression tests about signals, threads and clocks
// under the kernels of several releases, and shows that they can fail.
//
// The tests are the programs of test/ with a line
//
//	// Bugs: golang.org/issue/3101, golang/go 224f05ba
//
// in the comment of the package clause, what else lib/signals/rows.tsv names
// (upstream's tests and tests of this module), and the conformance tests. A
// test that skips itself under each of several releases fails.
//
// Each line printed is a bug, by its row in rows.tsv, test, port, release and
// result. Mutate makes the mutations of lib/signals/mutants.tsv, one after the
// other, and fails if the tests do not notice.
package signals

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"goxnu/misc/internal/bounded"
	"goxnu/misc/internal/releases"
	"goxnu/misc/internal/tree"
	"goxnu/misc/xtest/run"
)

// Flags are those of the subcommands signals and mutants, beside the shared ones.
type Flags struct {
	run.Options
	Fault    string // signals: let the runner inject faults, from this seed
	Parallel int
}

// usual are the releases without -xnu: those between which signals changed.
const usual = "10.6 10.11 10.12 10.14 15"

// Register adds the flags that the subcommand understands to fs.
func (f *Flags) Register(fs *flag.FlagSet, name string) {
	f.Options.Flags(fs, "arch", "run", "shard", "list", "report")
	fs.IntVar(&f.Parallel, "p", 1, "run `N` at once")
	if name == "signals" {
		f.Options.Flags(fs, "xnu", "count", "long")
		fs.StringVar(&f.Fault, "fault", "", "let the runner inject faults, from this `SEED`")
	}
}

// A suite has what is needed to build and run tests.
type suite struct {
	*Flags
	top, goroot, tmp string
	programs         []*unit // test/*.go
	rows             []row
	report           strings.Builder // output of what failed
}

// Main runs the tests under the releases.
func Main(f *Flags) error { return f.each((*suite).matrix) }

// Mutate runs the tests against every mutant.
func Mutate(f *Flags) error { return f.each((*suite).mutate) }

// each calls do for each port.
func (f *Flags) each(do func(*suite, string) error) error {
	if f.Parallel < 1 {
		return fmt.Errorf("-p=%d: it must be 1 or more", f.Parallel)
	}
	s, err := newSuite(f)
	if err != nil {
		return err
	}
	defer os.RemoveAll(s.tmp)
	bounded.EndOnSignal(func() { os.RemoveAll(s.tmp) })
	for _, arch := range f.Archs {
		if err := do(s, arch); err != nil {
			return err
		}
	}
	f.Report.Printf("%s", s.report.String())
	return nil
}

func newSuite(f *Flags) (*suite, error) {
	s := &suite{Flags: f}
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
	s.tmp, err = os.MkdirTemp("", "xtest-signals")
	return s, err
}

// units returns the programs, then the other tests of the rows, each once, and
// the conformance tests.
func (s *suite) units() []*unit {
	list := slices.Clone(s.programs)
	for _, r := range s.rows {
		for _, u := range slices.Concat(r.tests, r.also) {
			if !slices.Contains(list, u) {
				list = append(list, u)
			}
		}
	}
	return append(list, &unit{kind: conformance, name: "conform", test: ".*"})
}

// A job is a unit to run, or what is to be said of one that is not run.
type job struct {
	name string // as it is reported
	do   func() []result
}

// A result is what came of a job: how it is printed at once, and at the end.
type result struct {
	name, line, report string
	outcome            outcome
	elapsed            time.Duration
	unit               *unit // nil if it was not even begun
}

type outcome int

const (
	passed outcome = iota
	failed
	skipped
)

// inOrder does the jobs, s.Parallel at once, reports their results in order,
// and returns them.
func (s *suite) inOrder(jobs []job) (all []result) {
	todo := make(chan int)
	done := make([]chan []result, len(jobs))
	for i := range done {
		done[i] = make(chan []result, 1)
	}
	var wg sync.WaitGroup
	for range s.Parallel {
		wg.Go(func() {
			for i := range todo {
				done[i] <- jobs[i].do()
			}
		})
	}
	go func() {
		for i := range jobs {
			todo <- i
		}
		close(todo)
	}()
	for i, c := range done {
		for _, r := range <-c {
			name := cmp.Or(r.name, jobs[i].name)
			switch r.outcome {
			case passed:
				s.Report.Pass(name, r.line, r.elapsed)
			case failed:
				s.Report.Fail(name, r.line, "", r.elapsed)
			case skipped:
				s.Report.Skip(name, r.line, "")
			}
			s.report.WriteString(r.report)
			all = append(all, r)
		}
	}
	wg.Wait()
	return all
}

// matrix runs every test under every release. Each is built once.
func (s *suite) matrix(arch string) error {
	list, err := s.Releases(arch, usual)
	if err != nil {
		return err
	}
	runner := tree.Runner(s.goroot, arch)
	if _, err := os.Stat(runner); err != nil {
		return fmt.Errorf("there is no runner for %s: %v", arch, err)
	}
	b := &builder{suite: s, arch: arch, dir: s.tmp, runner: runner, exes: map[string]string{}}
	var jobs []job
	for _, u := range s.units() {
		on := s.releasesOf(u, arch, list)
		why := u.unfit(arch)
		if u.kind == module || why != "" { // it chooses its releases itself
			on = []string{"-"}
		}
		for _, release := range on {
			for i := range s.Count {
				name := fmt.Sprintf("signals/darwin-%s/%s@%s", arch, u.name, release)
				if s.Count > 1 {
					name += fmt.Sprintf("#%d", i+1)
				}
				if !s.Take(name) {
					continue
				}
				jobs = append(jobs, job{name, func() []result {
					if why != "" {
						return []result{{line: s.line(u, arch, "-", "skipped: "+why), outcome: skipped}}
					}
					return []result{s.runOne(b, u, release)}
				}})
			}
		}
	}
	results := s.inOrder(jobs)
	if len(list) < 2 || s.Shard.N > 1 {
		return nil
	}
	for _, u := range neverRan(results) {
		s.Report.Fail("signals/darwin-"+arch+"/"+u.name, fmt.Sprintf("--- %s, %s: it skips itself on every release", u.name, arch), "", 0)
	}
	return nil
}

// neverRan returns the tests that were begun and always skipped themselves, which
// shows nothing.
func neverRan(results []result) (list []*unit) {
	for _, r := range results {
		ran := func(o result) bool { return o.unit == r.unit && o.outcome != skipped }
		if r.unit != nil && !slices.Contains(list, r.unit) && !slices.ContainsFunc(results, ran) {
			list = append(list, r.unit)
		}
	}
	return list
}

// releasesOf returns those of list that the test is run on. The conformance
// tests are also for kernels that no other test needs.
func (s *suite) releasesOf(u *unit, arch string, list []string) []string {
	if u.kind != conformance || s.XNU != "all" {
		return list
	}
	list = nil
	for _, r := range releases.All {
		if arch != "386" || r.Kernel <= releases.Last386.Kernel {
			list = append(list, r.Name)
		}
	}
	return list
}

// runOne runs a test once under a release.
func (s *suite) runOne(b *builder, u *unit, release string) (r result) {
	start := time.Now()
	r.unit = u
	most := limit
	if s.Long {
		most = longLimit
	}
	out, err := b.run(u, release, most)
	what := "ok"
	switch {
	case err == errSkipped:
		r.outcome, what = skipped, "skips itself"
	case err != nil:
		r.outcome, what = failed, "FAILED"
		r.report = fmt.Sprintf("--- %s, %s, %s: %v\n%s", u.name, b.arch, release, err, tail(out))
	}
	r.elapsed = time.Since(start)
	r.line = s.line(u, b.arch, release, fmt.Sprintf("%s (%.1fs)", what, r.elapsed.Seconds()))
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
