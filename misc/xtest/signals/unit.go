// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package signals

import (
	"bytes"
	"errors"
	"fmt"
	"go/build/constraint"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"goxnu/misc/internal/bounded"
	"goxnu/misc/internal/tree"
)

// How long a test may take; and a program or a conformance test with a mutation in it, which may
// well hang.
const (
	limit     = 5 * time.Minute
	longLimit = time.Hour       // with -long
	hangLimit = 2 * time.Minute // if a mutation is expected to make it hang
)

type kind int

const (
	program     kind = iota // sigstorm: test/sigstorm.go
	upstream                // test/nilptr2.go: the same file of the composed tree
	std                     // os/signal.TestStop: a test of the standard library, for darwin, under the runner
	module                  // misc/threadtrace.TestMaskProtocol: a test of this module
	conformance             // conform:mask48: a conformance test; conform: all of them
)

// A unit is a test.
type unit struct {
	kind   kind
	name   string   // as in lib/signals
	source string   // program, upstream: the file
	pkg    string   // std: the import path; module: the directory in misc
	test   string   // std, module: the function's name; conformance: which, a regular expression
	bugs   []string // program: what the line // Bugs: says
	ports  []string // program: the architectures that its build constraint selects; nil for all
}

var testRE = regexp.MustCompile(`^([a-z0-9/_]+)\.(Test\w+)$`)

// unit returns the test of that name, which must exist.
func (s *suite) unit(name string) (*unit, error) {
	for _, u := range s.programs {
		if u.name == name {
			return u, nil
		}
	}
	for _, r := range s.rows {
		for _, u := range slices.Concat(r.tests, r.also) {
			if u.name == name {
				return u, nil
			}
		}
	}
	if test, ok := strings.CutPrefix(name, "conform:"); ok {
		return &unit{kind: conformance, name: name, test: test}, nil
	}
	if strings.HasPrefix(name, "test/") {
		u := &unit{kind: upstream, name: name, source: filepath.Join(s.goroot, filepath.FromSlash(name))}
		_, err := os.Stat(u.source)
		return u, err
	}
	m := testRE.FindStringSubmatch(name)
	if m == nil {
		return nil, fmt.Errorf("there is no program test/%s.go with a line // Bugs:", name)
	}
	u := &unit{kind: std, name: name, pkg: m[1], test: m[2]}
	dir := filepath.Join(s.goroot, "src", u.pkg)
	if rest, ok := strings.CutPrefix(u.pkg, "misc/"); ok {
		u.kind, u.pkg = module, rest
		dir = filepath.Join(s.top, "misc", rest)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		if bytes.Contains(text, []byte("\nfunc "+u.test+"(")) {
			return u, nil
		}
	}
	return nil, fmt.Errorf("%s has no %s", dir, u.test)
}

// readHeader reads what stands above a program's package clause.
func (u *unit) readHeader() error {
	text, err := os.ReadFile(u.source)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "package ") {
			break
		}
		if constraint.IsGoBuild(line) {
			x, err := constraint.Parse(line)
			if err != nil {
				return fmt.Errorf("%s: %v", u.source, err)
			}
			u.ports = []string{}
			for _, arch := range []string{"amd64", "386"} {
				if x.Eval(func(tag string) bool { return tag == "darwin" || tag == arch }) {
					u.ports = append(u.ports, arch)
				}
			}
		}
		if list, ok := strings.CutPrefix(line, "// Bugs: "); ok {
			u.bugs = strings.Split(list, ", ")
		}
	}
	return nil
}

// unfit says why a test does not run on arch, if it does not.
func (u *unit) unfit(arch string) string {
	switch {
	case u.ports != nil && !slices.Contains(u.ports, arch):
		return "not for " + arch
	case u.kind == module && arch != "amd64":
		return "runs with amd64" // it chooses its ports itself
	}
	return ""
}

// A builder builds tests and runs them.
type builder struct {
	*suite
	arch     string
	dir      string   // where to
	runner   string   // what runs them
	rflags   []string // its flags
	settings []string // for the go command
	overlay  string   // the file of its flag -overlay, or ""; flags has it
	flags    []string // of the go command's build and test

	mu   sync.Mutex
	exes map[string]string // what was built
}

// build builds u and returns the executable.
func (b *builder) build(u *unit) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := u.name
	switch u.kind {
	case std:
		key = u.pkg // all tests of a package are one executable
	case conformance:
		key = "conform"
	}
	if exe := b.exes[key]; exe != "" {
		return exe, nil
	}
	exe := filepath.Join(b.dir, b.arch+"-"+strings.ReplaceAll(key, "/", "-"))
	settings := append([]string{"GOOS=darwin", "GOARCH=" + b.arch}, b.settings...)
	args := append([]string{"build"}, b.flags...)
	what := u.source
	dir := b.top
	switch u.kind {
	case std:
		args = append([]string{"test", "-c", "-vet=off"}, b.flags...)
		what = u.pkg
		dir = filepath.Join(b.goroot, "src")
	case conformance:
		settings = []string{"GOOS=linux"}
		what = "./xtest"
		dir = filepath.Join(b.top, "misc")
	}
	out, err := tree.Go(b.goroot, dir, settings, append(args, "-o", exe, what)...).CombinedOutput()
	if err != nil {
		return "", buildError{fmt.Errorf("building %s: %v\n%s", u.name, err, out)}
	}
	b.exes[key] = exe
	return exe, nil
}

// A buildError is a test that could not be built.
type buildError struct{ error }

var errSkipped = errors.New("skipped itself")

// run runs a test under a release, for at most most. It returns what the test
// printed; err says how it failed, or is errSkipped.
func (b *builder) run(u *unit, release string, most time.Duration) ([]byte, error) {
	var cmd *exec.Cmd
	runner := append([]string{b.runner, "-xnu", release}, b.rflags...)
	if b.Fault != "" {
		runner = append(runner, "-fault", "seed="+b.Fault)
	}
	switch u.kind {
	case module:
		cmd = tree.Go(b.goroot, filepath.Join(b.top, "misc"), nil, append(append([]string{"test", "-v", "-count=1"}, b.flags...), "-run", "^"+u.test+"$", "./"+u.pkg)...)
		cmd.Env = append(cmd.Env, "GOXNU_TEST_OVERLAY="+b.overlay)
	case conformance:
		exe, err := b.build(u)
		if err != nil {
			return nil, err
		}
		cmd = exec.Command(exe, "conform", "-arch", b.arch, "-runner", b.runner, "-xnu", release, "-run", "/"+u.test+"@")
		cmd.Env = tree.Env(b.goroot)
		cmd.Dir = filepath.Join(b.top, "misc")
	default:
		exe, err := b.build(u)
		if err != nil {
			return nil, err
		}
		args := append(runner, exe)
		if u.kind == std {
			args = append(args, "-test.v", "-test.short", "-test.run=^"+u.test+"$")
		}
		cmd = exec.Command(args[0], args[1:]...)
		tmp, err := os.MkdirTemp(b.dir, "")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(tmp)
		cmd.Env = append(tree.Env(b.goroot), "TMPDIR="+tmp)
		if b.Long {
			cmd.Env = append(cmd.Env, "GOXNU_LONG=1") // the programs read it
		}
		if u.kind == std {
			cmd.Dir = filepath.Join(b.goroot, "src", u.pkg)
			// It may build and run programs in turn.
			cmd.Env = append(cmd.Env, "PWD="+cmd.Dir, "GOOS=darwin", "GOARCH="+b.arch, "GOFLAGS="+strings.Join(b.flags, " "), "GOXNU_RUNNER="+strings.Join(runner[1:], " "))
		}
	}
	out, err := bounded.Run(cmd, most)
	switch {
	case u.kind == module && bytes.Contains(out, []byte(" failed]\n")): // [build failed], [setup failed]
		err = buildError{err}
	case u.kind == conformance && cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 2: // it could not begin
		err = buildError{err}
	case u.kind == conformance && bytes.Contains(out, []byte(bounded.ErrTimedOut.Error()+" after ")): // which it says of a guest
		err = bounded.ErrTimedOut
	case err != nil:
	case u.kind == program && len(out) > 0:
		err = errors.New("it should be quiet")
	case (u.kind == std || u.kind == module) && bytes.Contains(out, []byte("--- SKIP: "+u.test+" ")):
		err = errSkipped
	case (u.kind == std || u.kind == module) && !bytes.Contains(out, []byte("--- PASS: "+u.test+" ")):
		err = errors.New("there is no such test for " + path.Join("darwin", b.arch))
	}
	return out, err
}
