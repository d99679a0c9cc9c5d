// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"goxnu/misc/internal/tree"
	"goxnu/misc/internal/tsv"
	"goxnu/misc/xtest/run"
)

// A selfSkip is a line of test/selfskips.txt: tab-separated package, reason, again and why.
type selfSkip struct {
	pkg    string         // import path, of the packages below it too with /...; * for every package
	reason *regexp.Regexp // what a test that skips itself prints
	again  string         // the condition under which the test is run again; empty if it is not
	why    string         // why the skip hides nothing
}

// The conditions under which tests are run again. Any other is what sh is to do before.
const (
	asNobody   = "nobody"   // as a user whom permissions bind
	onTerminal = "terminal" // with a controlling terminal
)

var selfSkipColumns = []string{"package", "reason", "again", "why"}

// readSelfSkips reads test/selfskips.txt.
func readSelfSkips(top string) ([]selfSkip, error) {
	rows, err := tsv.ReadFile(top, "test/selfskips.txt", selfSkipColumns...)
	if err != nil {
		return nil, err
	}
	return parseSelfSkips(rows)
}

func parseSelfSkips(rows []tsv.Row) (list []selfSkip, err error) {
	for _, row := range rows {
		s := selfSkip{pkg: row.F[0], again: row.F[2], why: row.F[3]}
		if s.again == "-" {
			s.again = ""
		}
		if s.reason, err = regexp.Compile(row.F[1]); err != nil {
			return nil, row.Errorf("%v", err)
		}
		list = append(list, s)
	}
	return list, nil
}

// of tells whether s is about the package.
func (s *selfSkip) of(pkg string) bool {
	below, many := strings.CutSuffix(s.pkg, "/...")
	return s.pkg == "*" || below == pkg || many && strings.HasPrefix(pkg, below+"/")
}

// A wish is for running tests of a package again.
type wish struct{ pkg, again string }

// skippedItself counts a test of pkg that skipped itself, and judges its
// reason if this suite does.
func (t *tester) skippedItself(pkg, test, reason string) {
	top := !strings.Contains(test, "/")
	if top {
		t.selfSkipped++
	}
	if t.SelfSkips {
		t.Report.Printf("self  %s %s: %s\n", pkg, test, reason)
	}
	if t.arch == "" && top { // the project's own
		t.ours = append(t.ours, fmt.Sprintf("%s %s: %s", pkg, test, reason))
	}
	if t.wishes == nil {
		return
	}
	i := slices.IndexFunc(t.selfSkips, func(s selfSkip) bool {
		return s.of(pkg) && s.reason.MatchString(reason)
	})
	if i < 0 {
		t.unlisted[pkg] += fmt.Sprintf("%s skipped itself, and test/selfskips.txt does not list the reason: %s\n", test, reason)
	} else if again := t.selfSkips[i].again; again != "" {
		w := wish{pkg, again}
		t.wishes[w] = append(t.wishes[w], regexp.QuoteMeta(test))
	}
}

// grant runs again the tests that are wished, but for those of each package to leave out.
func (t *tester) grant(leaveOut map[string][]string) error {
	wishes := slices.SortedFunc(maps.Keys(t.wishes), func(v, w wish) int {
		return strings.Compare(v.pkg+" "+v.again, w.pkg+" "+w.again)
	})
	t.total += len(wishes)
	var errs []error
	for _, w := range wishes {
		tests := t.wishes[w]
		args := append(slices.Clone(goFlags), "-timeout=15m")
		if l := leaveOut[w.pkg]; l != nil {
			args = append(args, skipFlag(l))
		}
		before := t.tests
		errs = append(errs, t.again(w.pkg, w.again, filepath.Join(t.goroot, "src"), t.port(t.release), tests, append(args, w.pkg)...))
		t.selfSkipped -= t.tests - before
	}
	return errors.Join(errs...)
}

// again runs tests, and no others, by go test with settings and args in dir,
// under a condition. It counts as one package, and passes if for each element
// of tests one passes that matches.
func (t *tester) again(name, condition, dir string, settings, tests []string, args ...string) error {
	args = append([]string{"test", "-json", "-run=" + testPattern(tests)}, args...)
	name += " again, " + condition
	cmd := tree.Go(t.goroot, dir, settings, args...)
	switch condition {
	case asNobody:
		trial := exec.Command("true")
		trial.SysProcAttr = userNamespace(nobody)
		if err := trial.Run(); err != nil {
			t.skipUnit(t.progress()+name, fmt.Sprintf("there are no user namespaces: %v", err))
			return nil
		}
		cmd.SysProcAttr = userNamespace(nobody)
	case onTerminal:
		master, slave, err := openTerminal()
		if err != nil {
			return err
		}
		defer master.Close()
		defer slave.Close()
		cmd.Stdin = slave
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	default:
		sh := exec.Command("sh", append([]string{"-c", condition + ` && exec "$@"`, "sh", cmd.Path}, cmd.Args[1:]...)...)
		sh.Dir, sh.Env = cmd.Dir, cmd.Env
		cmd = sh
	}
	start := time.Now()
	events, err := tree.Output(cmd)
	passed := passedTests(events)
	top := 0
	for _, test := range tests {
		re, rerr := regexp.Compile("^(" + test + ")$")
		if rerr != nil {
			return rerr
		}
		if err == nil && !slices.ContainsFunc(passed, re.MatchString) {
			err = fmt.Errorf("%s did not run", test)
		}
		if !strings.Contains(test, "/") {
			top++
		}
	}
	if err != nil {
		t.fail(name, fmt.Sprintf("%s%v", output(events), err))
		return nil
	}
	t.reruns++
	t.tests += top
	t.pass(name+": "+strings.Join(tests, " "), time.Since(start).Seconds())
	return nil
}

// nobody is the ID of a user without rights. In a user namespace of that one ID
// the files are still those of whoever runs xtest, but root's capabilities are gone.
const nobody = 65534

// passedTests returns the names of the tests that passed.
func passedTests(events []byte) []string {
	var names []string
	dec := json.NewDecoder(bytes.NewReader(events))
	for e := (run.Event{}); dec.Decode(&e) == nil; e = (run.Event{}) {
		if e.Action == "pass" && e.Test != "" {
			names = append(names, e.Test)
		}
	}
	return names
}

// openTerminal makes a pseudo terminal.
func openTerminal() (master, slave *os.File, err error) {
	if master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	var lock, n int32
	for request, arg := range map[uintptr]*int32{syscall.TIOCSPTLCK: &lock, syscall.TIOCGPTN: &n} {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(arg))); e != 0 {
			return nil, nil, errors.Join(os.NewSyscallError("ioctl", e), master.Close())
		}
	}
	if slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		return nil, nil, errors.Join(err, master.Close())
	}
	return master, slave, nil
}
