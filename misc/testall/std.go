// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"goxnu/misc/internal/tree"
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

// port returns the settings that make the go command build for the port and run under the runner.
func (t *tester) port() []string {
	settings := []string{"GOOS=darwin", "GOARCH=" + t.arch}
	if *xnu != "" {
		settings = append(settings, "GOXNU_RUNNER=-xnu "+*xnu)
	}
	return settings
}

// The go command does not know what the results depend on here, the runner
// above all, and so must not take them from its cache.
const uncached = "-count=1"

// programs has testdir run what graft put from test/ into the composed tree.
func (t *tester) programs() error {
	return t.goTest(unwrapped, filepath.Join(t.goroot, "src", "cmd"), append(t.port(), "GO_TEST_SHORT=0"),
		"-vet=off", uncached, "-run=^Test/"+programDir+"/", testdir)
}

// std tests the packages in one go command, but for those that need flags of
// their own: testdir, which takes long, and those that leave tests out.
func (t *tester) std() error {
	patterns := stdPackages
	if *pkgs != "" {
		patterns = strings.Fields(*pkgs)
	}
	src := filepath.Join(t.goroot, "src")
	out, err := tree.Output(tree.Go(t.goroot, src, t.port(),
		append([]string{"list", "-f", "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}"}, patterns...)...))
	if err != nil {
		return err
	}
	list := strings.Fields(string(out))
	t.done, t.total = 0, len(list)
	clear(t.elapsed)
	defer func() { t.total = 0 }()

	var plain []string
	var later []func() error
	for _, pkg := range list {
		tests := t.skipsOf(pkg)
		wrap := unwrapped
		if hostStarts[pkg] != "" {
			if wrap, err = t.binfmt(); err != nil {
				tests = append(tests, hostStarts[pkg])
				t.skipped++
				fmt.Printf("skip  %s %s: a host program starts a darwin program there, and %v\n", pkg, hostStarts[pkg], err)
				wrap = unwrapped
			}
		}
		switch {
		case slices.Contains(tests, "*"):
			t.total--
		case tests == nil && hostStarts[pkg] == "" && pkg != testdir:
			plain = append(plain, pkg)
		default:
			args := stdFlags(pkg)
			if tests != nil {
				args = append(args, skipFlag(tests))
			}
			later = append(later, func() error { return t.goTest(wrap, src, t.port(), append(args, pkg)...) })
		}
	}
	var errs []error
	if plain != nil {
		errs = append(errs, t.goTest(unwrapped, src, t.port(), append(stdFlags(""), plain...)...))
	}
	for _, f := range later {
		errs = append(errs, f())
	}
	if *ratio {
		errs = append(errs, t.ratios(list))
	}
	return errors.Join(errs...)
}

func stdFlags(pkg string) []string {
	flags := []string{"-vet=off", uncached}
	switch {
	case pkg == testdir:
		flags = append(flags, "-timeout=6h")
	case *long:
		flags = append(flags, "-timeout=60m")
	default:
		flags = append(flags, "-timeout=15m")
	}
	if !*long {
		flags = append(flags, "-short")
	}
	return flags
}

// short is the time, in seconds, below which a package's time says nothing: it
// is that of starting a process.
const short = 0.2

// ratios runs the tests but testdir's for the host's system on the same
// architecture, without counting them, and prints how their times compare with
// those under the runner: all together, and the worst.
func (t *tester) ratios(list []string) error {
	list = slices.DeleteFunc(slices.Clone(list), func(p string) bool { return p == testdir })
	host := &tester{top: t.top, goroot: t.goroot, elapsed: map[string]float64{}, total: len(list)}
	src := filepath.Join(t.goroot, "src")
	err := host.goTest(unwrapped, src, []string{"GOOS=" + runtime.GOOS, "GOARCH=" + t.arch, "CGO_ENABLED=0"}, append(stdFlags(""), list...)...)
	if err != nil {
		return err
	}
	fmt.Print(compare(t.elapsed, host.elapsed))
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

func unwrapped(cmd *exec.Cmd) *exec.Cmd { return cmd }
