// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"goxnu/misc/internal/bounded"
	"goxnu/misc/internal/tree"
)

// Suite rude runs tests under the runner with -rude. These are the packages if
// neither -pkg nor -seeds say that there is time for more, and if -seeds does.
var (
	rudeQuick = []string{"os/exec", "os/signal", "syscall"}
	rudeMost  = []string{"internal/poll", "net", "os", "os/exec", "os/signal", "runtime", "sync", "syscall", "time"}
)

// rudeSkips names tests that do not allow for what the kernel may do, by
// package, and why.
var rudeSkips = []skip{
	{pkg: "net", test: "TestRawConnReadWrite|TestTCPServer", reason: "they take what one read from a TCP connection returns for all that was sent"},
	{pkg: "runtime", test: "TestReadMetricsSched", reason: "it counts on a hundred raw reads that nothing interrupts"},
}

// rude compiles the test of each package once, and runs it with each seed.
func (t *tester) rude() error {
	list := rudeQuick
	if *seeds > 0 {
		list = rudeMost
	}
	if *pkgs != "" {
		list = strings.Fields(*pkgs)
	}
	tmp, err := os.MkdirTemp("", "testrude")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	tested, err := t.tested(list)
	if err != nil {
		return err
	}
	n := max(*seeds, 1)
	t.done, t.total = 0, len(tested)*int(n)
	defer func() { t.total = 0 }()
	for _, p := range tested {
		exe, err := t.buildTest(tmp, p.path)
		if err != nil {
			t.total -= int(n) - 1
			t.fail(p.path, err.Error())
			continue
		}
		tests, wrap := t.leaveOut(p.path, *xnu)
		for _, s := range rudeSkips {
			if s.pkg == p.path {
				tests = append(tests, s.test)
				t.skipped++
				fmt.Printf("skip  %s %s: %s\n", s.pkg, s.test, s.reason)
			}
		}
		for s := *seed; s < *seed+n; s++ {
			t.rudeTest(wrap, p, exe, tests, s)
		}
	}
	return nil
}

// rudeTest runs the tests of a package but those to leave out, with one seed,
// and says how to do it again.
func (t *tester) rudeTest(wrap func(*exec.Cmd) *exec.Cmd, p testedPackage, exe string, leaveOut []string, seed uint64) {
	runnerFlags := fmt.Sprintf("-rude seed=%d", seed)
	if *xnu != "" {
		runnerFlags += " -xnu " + *xnu
	}
	flags := testFlags(p.path, leaveOut)
	args := []string{exe, "-test.paniconexit0"}
	for _, f := range flags {
		args = append(args, "-test."+f[1:])
	}
	cmd := exec.Command(tree.Runner(t.goroot, t.arch), args...)
	cmd.Dir = p.dir
	cmd.Env = tree.Env(t.goroot, append(t.port(""), "GOROOT="+t.goroot, "GOXNU_RUNNER="+runnerFlags, "PWD="+p.dir)...)
	start := time.Now()
	out, err := bounded.Run(wrap(cmd), time.Hour) // the flag -timeout comes first
	name := fmt.Sprintf("%s -rude seed=%d", p.path, seed)
	if err == nil {
		t.passed++
		fmt.Printf("ok    %s%s (%.1fs)\n", t.progress(), name, time.Since(start).Seconds())
		return
	}
	var quoted strings.Builder
	for _, f := range flags {
		fmt.Fprintf(&quoted, " '%s'", f)
	}
	if len(out) > keep {
		out = slices.Concat(out[:keep/4], []byte("\n...\n"), out[len(out)-keep*3/4:])
	}
	t.fail(name, fmt.Sprintf("%s%v\nagain: GOXNU_RUNNER='%s' GOOS=darwin GOARCH=%s go test %s%s %s",
		out, err, runnerFlags, t.arch, uncached, quoted.String(), p.path))
}
