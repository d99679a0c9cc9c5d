// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"goxnu/misc/internal/tree"
	"goxnu/misc/xtest/run"
)

// releasePackages have a part that depends on the release of the system.
var releasePackages = []string{
	"crypto/rand", "io/fs", "net", "os", "os/exec", "os/signal", "path/filepath", "runtime", "syscall", "time",
}

// Without -xnu and -pkg only a few are tested: each way of making a call that
// the releases differ in, with packages that take seconds.
const fewReleases = "10.6 10.10 10.12"

var fewPackages = []string{"crypto/rand", "io/fs", "os/exec", "path/filepath", "syscall"}

// releases runs the tests of each package under each release; a test binary
// is built once.
func (t *tester) releases() error {
	packages := releasePackages
	if t.XNU == "" {
		packages = fewPackages
	}
	if t.Pkgs != "" {
		packages = strings.Fields(t.Pkgs)
	}
	names, err := t.Releases(t.arch, fewReleases)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "goxnu-releases")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	src := filepath.Join(t.goroot, "src")
	test2json := filepath.Join(tmp, "test2json")
	if _, err := tree.Output(tree.Go(t.goroot, src, nil, "build", "-o", test2json, "cmd/test2json")); err != nil {
		return err
	}
	tested, err := t.tested(packages)
	if err != nil {
		return err
	}
	t.done, t.total = 0, len(tested)*len(names)
	defer func() { t.total = 0 }()
	var runs []testRun
	for _, p := range tested {
		var take []string
		for _, release := range names {
			if t.Take(t.unit(p.path + "@" + release)) {
				take = append(take, release)
			}
		}
		t.total -= len(names) - len(take)
		if len(take) == 0 {
			continue
		}
		exe, err := t.buildTest(tmp, p.path)
		if err != nil {
			t.total -= len(take) - 1
			t.fail(p.path, err.Error())
			continue
		}
		for _, release := range take {
			tests, wrap := t.leaveOut(p.path, release)
			if slices.Contains(tests, "*") {
				t.total--
				continue
			}
			// What go test does: in the package's directory, with its flags as the binary spells them.
			args := []string{"-t", "-p", p.path + "@" + release, tree.Runner(t.goroot, t.arch), exe, "-test.v=test2json", "-test.paniconexit0"}
			for _, flag := range t.testFlags(p.path, tests) {
				args = append(args, "-test."+flag[1:])
			}
			cmd := exec.Command(test2json, args...)
			cmd.Dir = p.dir
			cmd.Env = append(tree.Env(t.goroot, t.port(release)...), "PWD="+p.dir)
			runs = append(runs, testRun{p.path + "@" + release, wrap.of(cmd)})
		}
	}
	return t.countAll(runs)
}

// buildTest builds the test binary of a package, in dir.
func (t *tester) buildTest(dir, pkg string) (exe string, err error) {
	exe = filepath.Join(dir, strings.ReplaceAll(pkg, "/", "_")+".test")
	cmd := tree.Go(t.goroot, filepath.Join(t.goroot, "src"), t.port(""), "test", "-c", "-vet=off", "-o", exe, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s%v", out, err)
	}
	return exe, nil
}

// A testRun runs a test binary by test2json.
type testRun struct {
	name string
	cmd  *exec.Cmd
}

// countAll makes the runs, as many at a time as there are processors, and
// counts the events that each prints.
func (t *tester) countAll(runs []testRun) error {
	type result struct {
		testRun
		events []byte
		err    error
	}
	results := make(chan result)
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	go func() {
		for _, r := range runs {
			turn <- struct{}{}
			go func() {
				events, err := tree.Output(r.cmd)
				results <- result{r, events, err}
				<-turn
			}()
		}
	}()
	var errs []error
	for range runs {
		r := <-results
		before := t.Report.Passed + t.Report.Failed
		if _, err := t.count(bytes.NewReader(r.events)); err != nil {
			errs = append(errs, fmt.Errorf("%s: %v", r.name, err))
		} else if t.Report.Passed+t.Report.Failed == before {
			// It died within a test: test2json's last event is about that one.
			t.fail(r.name, fmt.Sprintf("%s%v", output(r.events), r.err))
		}
	}
	return errors.Join(errs...)
}

// output returns the end of the output that the events report.
func output(events []byte) []byte {
	var b []byte
	dec := json.NewDecoder(bytes.NewReader(events))
	for e := (run.Event{}); dec.Decode(&e) == nil; e = (run.Event{}) {
		b = append(b, e.Output...)
	}
	return b[max(0, len(b)-keep):]
}
