// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"goxnu/misc/internal/bounded"
	"goxnu/misc/internal/tree"
)

// kinds names the injections to make, in all suites that make some.
var kinds = flag.String("kinds", "", "suite rude: inject these `KINDS` only, with + between (doc/rude.md)")

// Suite rude runs tests under the runner with -rude. If no flag says what, these
// are the passes; if -seeds says that there is time for more, rudeMost has the packages.
var (
	rudeQuick = []rudePass{
		{pkgs: []string{"os/exec", "os/signal", "syscall"}},
		{pkgs: []string{"os/signal", "syscall"}, xnu: "10.6"},      // which parks threads on Mach semaphores
		{pkgs: []string{"internal/poll", "os"}, kinds: "eintr-fs"}, // golang.org/issue/38033
	}
	rudeMost = []string{"internal/poll", "net", "os", "os/exec", "os/signal", "runtime", "sync", "syscall", "time"}
)

// A rudePass tests packages under a release of the system, or the newest, with
// injections of some kinds, or of all that are usual.
type rudePass struct {
	pkgs       []string
	xnu, kinds string
}

// rude makes the pass that the flags tell of, or those of rudeQuick.
func (t *tester) rude() error {
	passes := rudeQuick
	if *seeds > 0 || *pkgs != "" || *xnu != "" || *kinds != "" {
		passes = []rudePass{{rudeMost, *xnu, *kinds}}
		if *pkgs != "" {
			passes[0].pkgs = strings.Fields(*pkgs)
		}
	}
	for _, p := range passes {
		if err := t.rudePass(p); err != nil {
			return err
		}
	}
	return nil
}

// rudePass compiles the test of each package once, and runs it with each seed.
func (t *tester) rudePass(pass rudePass) error {
	tmp, err := os.MkdirTemp("", "testrude")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	tested, err := t.tested(pass.pkgs)
	if err != nil {
		return err
	}
	conditions := []string{whenRude}
	for kind := range strings.SplitSeq(pass.kinds, "+") {
		conditions = append(conditions, whenKind+kind)
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
		tests, wrap := t.leaveOut(p.path, pass.xnu, conditions...)
		for s := *seed; s < *seed+n; s++ {
			t.rudeTest(pass, wrap, p, exe, tests, s)
		}
	}
	return nil
}

// rudeTest runs the tests of a package but those to leave out, with one seed,
// and says how to do it again.
func (t *tester) rudeTest(pass rudePass, wrap wrapper, p testedPackage, exe string, leaveOut []string, seed uint64) {
	runnerFlags := fmt.Sprintf("-rude seed=%d", seed)
	if pass.kinds != "" {
		runnerFlags += ",kinds=" + pass.kinds
	}
	if pass.xnu != "" {
		runnerFlags += " -xnu " + pass.xnu
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
	out, err := bounded.Run(wrap.of(cmd), time.Hour) // the flag -timeout comes first
	name := p.path + " " + runnerFlags
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
