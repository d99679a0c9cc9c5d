// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package suite

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"goxnu/misc/internal/tree"
	"goxnu/misc/xtest/run"
)

// stdPackages are the packages of suite std when -pkg does not name others.
var stdPackages = []string{
	"bufio", "context", "internal/poll", "io", "net", "net/http", "os", "os/exec", "os/signal",
	"reflect", "runtime", "sync", "sync/atomic", "syscall", "testing", "time",
}

const (
	testdir    = "cmd/internal/testdir" // the package whose tests are the files of goroot/test
	programDir = "goxnu"                // the directory there that holds the project's own
)

// port returns the settings that make the go command build for the port and
// run under the runner, as release if one is named, with a substitute for
// tools of macOS at the end of PATH.
func (t *tester) port(release string) []string {
	settings := []string{"GOOS=darwin", "GOARCH=" + t.arch,
		"PATH=" + filepath.Join(t.goroot, "bin") + ":" + os.Getenv("PATH") + ":" + filepath.Join(t.top, "misc", "xtest", "suite", "testdata", "bin")}
	if release != "" {
		settings = append(settings, "GOXNU_RUNNER=-xnu "+release)
	}
	return settings
}

// The go command does not know what the results depend on here, the runner
// above all, and so must not take them from its cache.
const uncached = "-count=1"

// programs has testdir run what graft put from test/ into the composed tree.
func (t *tester) programs() error {
	return t.goTest(nil, filepath.Join(t.goroot, "src", "cmd"), append(t.port(t.release), "GO_TEST_SHORT=0"),
		"-vet=off", uncached, "-run=^Test/"+programDir+"/", testdir)
}

// std tests the packages in one go command, but for those that need flags of
// their own: testdir, which takes long, and those that leave tests out.
func (t *tester) std() error {
	patterns := stdPackages
	if t.Pkgs != "" {
		patterns = strings.Fields(t.Pkgs)
	}
	list, err := t.tested(patterns)
	if err != nil {
		return err
	}
	t.done, t.total = 0, len(list)
	clear(t.elapsed)
	t.wishes, t.unlisted = map[wish][]string{}, map[string]string{}
	defer func() { t.total, t.wishes = 0, nil }()

	src := filepath.Join(t.goroot, "src")
	leftOut := map[string][]string{}
	var plain []string
	var later []func() error
	for _, p := range list {
		pkg := p.path
		if !t.Take(t.unit(pkg)) {
			t.total--
			continue
		}
		tests, wrap := t.leaveOut(pkg, t.release)
		leftOut[pkg] = tests
		switch {
		case slices.Contains(tests, "*"):
			t.total--
		case tests == nil && wrap == nil && pkg != testdir:
			plain = append(plain, pkg)
		default:
			args := slices.Concat(goFlags, t.testFlags(pkg, tests))
			later = append(later, func() error { return t.goTest(wrap, src, t.port(t.release), append(args, pkg)...) })
		}
	}
	var errs []error
	if plain != nil {
		errs = append(errs, t.goTest(nil, src, t.port(t.release), slices.Concat(goFlags, t.testFlags("", nil), plain)...))
	}
	for _, f := range later {
		errs = append(errs, f())
	}
	errs = append(errs, t.grant(leftOut))
	if t.Ratio {
		errs = append(errs, t.ratios(list))
	}
	return errors.Join(errs...)
}

// A testedPackage is a package that has tests.
type testedPackage struct{ path, dir string }

// tested returns the packages that the patterns name for the port and that have tests.
func (t *tester) tested(patterns []string) ([]testedPackage, error) {
	const format = "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}\t{{.Dir}}{{end}}"
	out, err := tree.Output(tree.Go(t.goroot, filepath.Join(t.goroot, "src"), t.port(""),
		append([]string{"list", "-f", format}, patterns...)...))
	var list []testedPackage
	for line := range strings.Lines(string(out)) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		list = append(list, testedPackage{path, dir})
	}
	return list, err
}

// goFlags are for go test itself.
var goFlags = []string{"-vet=off", uncached}

// testFlags are for the test binary of pkg; tests are those to leave out.
func (t *tester) testFlags(pkg string, tests []string) []string {
	var flags []string
	switch {
	case pkg == testdir:
		flags = append(flags, "-timeout=6h")
	case t.Long:
		flags = append(flags, "-timeout=60m")
	default:
		flags = append(flags, "-timeout=15m")
	}
	if !t.Long {
		flags = append(flags, "-short")
	}
	if tests != nil {
		flags = append(flags, skipFlag(tests))
	}
	return flags
}

// short is the time, in seconds, below which a package's time says nothing: it
// is that of starting a process.
const short = 0.2

// ratios runs the tests but testdir's for the host's system on the same
// architecture, without counting them, and prints how their times compare with
// those under the runner: all together, and the worst.
func (t *tester) ratios(list []testedPackage) error {
	var pkgs []string
	for _, p := range list {
		if p.path != testdir {
			pkgs = append(pkgs, p.path)
		}
	}
	src := filepath.Join(t.goroot, "src")
	settings := []string{"GOOS=" + runtime.GOOS, "GOARCH=" + t.arch, "CGO_ENABLED=0"}
	// Packages of darwin alone have no files there.
	out, err := tree.Output(tree.Go(t.goroot, src, settings, slices.Concat([]string{"list", "-e", "-f", "{{if not .Error}}{{.ImportPath}}{{end}}"}, pkgs)...))
	if err != nil {
		return err
	}
	pkgs = strings.Fields(string(out))
	host := &tester{Flags: &Flags{Options: run.Options{Report: run.NewReport(os.Stdout)}}, suite: "host", top: t.top, goroot: t.goroot, elapsed: map[string]float64{}, total: len(pkgs)}
	if err := host.goTest(nil, src, settings, slices.Concat(goFlags, t.testFlags("", nil), pkgs)...); err != nil {
		return err
	}
	t.Report.Printf("%s", compare(t.elapsed, host.elapsed))
	return nil
}

// compare returns a table of the times of the packages that passed in both.
func compare(port, host map[string]float64) string {
	both := slices.DeleteFunc(slices.Sorted(maps.Keys(port)), func(p string) bool { return host[p] == 0 })
	var sumPort, sumHost float64
	for _, p := range both {
		sumPort += port[p]
		sumHost += host[p]
	}
	var b strings.Builder
	if sumHost > 0 {
		fmt.Fprintf(&b, "# %d packages: %.0fs under the runner, %.0fs natively, ratio %.2f\n", len(both), sumPort, sumHost, sumPort/sumHost)
	}
	rate := func(p string) float64 { return port[p] / max(host[p], short) }
	both = slices.DeleteFunc(both, func(p string) bool { return port[p] < short })
	slices.SortStableFunc(both, func(p, q string) int { return cmp.Compare(rate(q), rate(p)) })
	for _, p := range both[:min(10, len(both))] {
		fmt.Fprintf(&b, "# %6.1f  %s (%.2fs, %.2fs)\n", rate(p), p, port[p], host[p])
	}
	return b.String()
}
