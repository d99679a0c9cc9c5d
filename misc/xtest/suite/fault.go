// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package suite

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

// Suite fault runs tests under the runner with -fault. If no flag says what, these
// are the passes; if -seeds says that there is time for more, faultMost has the packages.
var (
	faultQuick = []faultPass{
		{pkgs: []string{"os/exec", "os/signal", "syscall"}},
		{pkgs: []string{"os/signal", "syscall"}, xnu: "10.6"},      // which parks threads on Mach semaphores
		{pkgs: []string{"internal/poll", "os"}, kinds: "eintr-fs"}, // golang.org/issue/38033
	}
	faultMost = []string{"internal/poll", "net", "os", "os/exec", "os/signal", "runtime", "sync", "syscall", "time"}
)

// A faultPass tests packages under a release of the system, or the newest, with
// faults of some kinds, or of all that are usual.
type faultPass struct {
	pkgs       []string
	xnu, kinds string
}

// fault makes the pass that the flags select, or those of faultQuick.
func (t *tester) fault() error {
	passes := faultQuick
	if t.Seeds > 0 || t.Pkgs != "" || t.release != "" || t.Kinds != "" {
		passes = []faultPass{{faultMost, t.release, t.Kinds}}
		if t.Pkgs != "" {
			passes[0].pkgs = strings.Fields(t.Pkgs)
		}
	}
	for _, p := range passes {
		if err := t.faultPass(p); err != nil {
			return err
		}
	}
	return nil
}

// faultPass compiles the test of each package once, and runs it with each seed.
func (t *tester) faultPass(pass faultPass) error {
	tmp, err := os.MkdirTemp("", "testfault")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	tested, err := t.tested(pass.pkgs)
	if err != nil {
		return err
	}
	conditions := []string{whenFault}
	for kind := range strings.SplitSeq(pass.kinds, "+") {
		conditions = append(conditions, whenKind+kind)
	}
	n := max(t.Seeds, 1)
	t.done, t.total = 0, len(tested)*int(n)
	defer func() { t.total = 0 }()
	for _, p := range tested {
		var take []uint64
		for s := t.Seed; s < t.Seed+n; s++ {
			if t.Take(t.unit(p.path) + fmt.Sprintf(" seed=%d", s)) {
				take = append(take, s)
			}
		}
		t.total -= int(n) - len(take)
		if len(take) == 0 {
			continue
		}
		exe, err := t.buildTest(tmp, p.path)
		if err != nil {
			t.total -= len(take) - 1
			t.fail(p.path, err.Error())
			continue
		}
		tests, wrap := t.leaveOut(p.path, pass.xnu, conditions...)
		for _, s := range take {
			t.faultTest(pass, wrap, p, exe, tests, s)
		}
	}
	return nil
}

// faultTest runs the tests of a package but those to leave out, with one seed,
// and says how to do it again.
func (t *tester) faultTest(pass faultPass, wrap wrapper, p testedPackage, exe string, leaveOut []string, seed uint64) {
	runnerFlags := fmt.Sprintf("-fault seed=%d", seed)
	if pass.kinds != "" {
		runnerFlags += ",kinds=" + pass.kinds
	}
	if pass.xnu != "" {
		runnerFlags += " -xnu " + pass.xnu
	}
	flags := t.testFlags(p.path, leaveOut)
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
		t.pass(name, time.Since(start).Seconds())
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
