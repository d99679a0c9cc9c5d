// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

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
	n := max(*seeds, 1)
	t.done, t.total = 0, len(list)*int(n)
	defer func() { t.total = 0 }()
	var errs []error
	for _, pkg := range list {
		dir := filepath.Join(t.goroot, "src", filepath.FromSlash(pkg))
		exe := filepath.Join(tmp, strings.ReplaceAll(pkg, "/", "_")+".test")
		if out, err := tree.Go(t.goroot, dir, t.port(*xnu), "test", "-c", "-vet=off", "-o", exe, pkg).CombinedOutput(); err != nil {
			errs = append(errs, fmt.Errorf("building the test of %s: %v\n%s", pkg, err, out))
			continue
		}
		skips := t.skipsOf(pkg, *xnu)
		for _, s := range rudeSkips {
			if s.pkg == pkg {
				skips = append(skips, s.test)
				t.skipped++
				fmt.Printf("skip  %s %s: %s\n", s.pkg, s.test, s.reason)
			}
		}
		wrap := unwrapped
		if hostStarts[pkg] != "" {
			if wrap, err = t.binfmt(); err != nil {
				skips, wrap = append(skips, hostStarts[pkg]), unwrapped
				t.skipped++
				fmt.Printf("skip  %s %s: a host program starts a darwin program there, and %v\n", pkg, hostStarts[pkg], err)
			}
		}
		for s := *seed; s < *seed+n; s++ {
			t.rudeTest(wrap, pkg, dir, exe, skips, s)
		}
	}
	return errors.Join(errs...)
}

// rudeTest runs one test with one seed, and says how to do it again.
func (t *tester) rudeTest(wrap func(*exec.Cmd) *exec.Cmd, pkg, dir, exe string, skips []string, seed uint64) {
	limit := 10 * time.Minute
	var flags []string
	if !*long {
		flags = append(flags, "-short")
	}
	if skips != nil {
		flags = append(flags, skipFlag(skips))
	}
	runnerFlags := fmt.Sprintf("-rude seed=%d", seed)
	if *xnu != "" {
		runnerFlags += " -xnu " + *xnu
	}
	settings := append(t.port(""), "GOROOT="+t.goroot, "GOXNU_RUNNER="+runnerFlags, "PWD="+dir)
	testFlags := []string{exe, "-test.timeout=" + limit.String()}
	for _, f := range flags {
		testFlags = append(testFlags, "-test."+f[1:])
	}
	cmd := exec.Command(filepath.Join(t.goroot, "bin", "go_darwin_"+t.arch+"_exec"), testFlags...)
	cmd.Dir, cmd.Env = dir, tree.Env(t.goroot, settings...)
	cmd = wrap(cmd)
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err := cmd.Start()
	if err == nil {
		timer := time.AfterFunc(limit+time.Minute, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		err = cmd.Wait()
		timer.Stop()
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it has left behind
	}
	name := fmt.Sprintf("%s -rude seed=%d", pkg, seed)
	if err == nil {
		t.passed++
		fmt.Printf("ok    %s%s (%.1fs)\n", t.progress(), name, time.Since(start).Seconds())
		return
	}
	var quoted strings.Builder
	for _, f := range flags {
		fmt.Fprintf(&quoted, " '%s'", f)
	}
	b := out.Bytes()
	if len(b) > keep {
		b = slices.Concat(b[:keep/4], []byte("\n...\n"), b[len(b)-keep*3/4:])
	}
	t.fail(name, fmt.Sprintf("%s%v\nagain: GOXNU_RUNNER='%s' GOOS=darwin GOARCH=%s go test %s%s %s",
		b, err, runnerFlags, t.arch, uncached, quoted.String(), pkg))
}
