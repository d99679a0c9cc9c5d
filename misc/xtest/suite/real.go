// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package suite

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"goxnu/misc/internal/tree"
	"goxnu/misc/internal/tsv"
)

// A program is a line of test/real.txt: well-known Go code from the module
// proxy that is built for the port and used.
type program struct {
	name    string
	modules []string // path@version; the first is the one in question
	kind    string
	// run tells what is done: the packages whose own tests are run, or "job"
	// and the commands to build for the job, which is
	// testdata/real/NAME_test.go, run in a module that requires all modules.
	run []string
	// except are the tests left out, regular expressions; one with binfmt: before
	// it only if binfmt_misc cannot be had. One with nobody: is run by a user whom
	// permissions bind, if root runs the others.
	except []string
	reason string // why
}

var programColumns = []string{"name", "modules", "kind", "run", "except", "reason"}

// parsePrograms reads the rows of test/real.txt.
func parsePrograms(rows []tsv.Row) ([]program, error) {
	var list []program
	for _, row := range rows {
		f := row.F
		p := program{name: f[0], modules: strings.Fields(f[1]), kind: f[2], run: strings.Fields(f[3])}
		if f[4] != "-" {
			p.except, p.reason = strings.Fields(f[4]), f[5]
		}
		if (f[4] == "-") != (f[5] == "-") {
			return nil, row.Errorf("what is left out needs a reason, and nothing else does")
		}
		for _, m := range p.modules {
			if path, version, ok := strings.Cut(m, "@"); !ok || path == "" || !strings.HasPrefix(version, "v") {
				return nil, row.Errorf("%q is not module@version", m)
			}
		}
		if len(p.modules) == 0 || len(p.run) == 0 {
			return nil, row.Errorf("no module, or nothing to run")
		}
		list = append(list, p)
	}
	return list, nil
}

func (t *tester) programList() ([]program, error) {
	rows, err := tsv.ReadFile(t.top, "test/real.txt", programColumns...)
	if err != nil {
		return nil, err
	}
	return parsePrograms(rows)
}

// A result is what became of a program.
type result struct {
	program
	packages, tests, skipped, failed int
	elapsed                          time.Duration
}

// real uses the programs, one after the other, on darwin/amd64: most need
// golang.org/x/sys, which gave darwin/386 up.
func (t *tester) real() error {
	t.arch = "amd64"
	list, err := t.programList()
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(p program) bool { return !t.Take(t.unit(p.name)) })
	if why := t.noProxy(); why != "" {
		for _, p := range list {
			t.skipUnit(p.name, "the module proxy cannot be reached: "+why)
		}
		return nil
	}
	for _, p := range list {
		t.Report.Printf("# %s: %s\n", p.name, strings.Join(p.modules, " "))
		start, before, passed, failed := time.Now(), *t, t.Report.Passed, t.Report.Failed
		if err := t.use(p); err != nil {
			t.fail(p.name, err.Error())
		}
		r := result{p, (t.Report.Passed - t.reruns) - (passed - before.reruns), t.tests - before.tests,
			t.selfSkipped - before.selfSkipped, t.Report.Failed - failed, time.Since(start)}
		t.Report.Printf("# %s: %s\n", p.name, r.sum())
		if t.Write {
			if err := t.writePage(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// writePage brings the program's line in doc/programs.md up to date; the others stay.
func (t *tester) writePage(r result) error {
	all, err := t.programList()
	if err != nil {
		return err
	}
	name := filepath.Join(t.top, "doc", "programs.md")
	old, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	lines := pageLines(string(old))
	lines[r.name] = r.line()
	return os.WriteFile(name, []byte(programsPage(all, lines)), 0o666)
}

// noProxy asks the module proxy for something that it has, and returns the error.
func (t *tester) noProxy() string {
	_, err := tree.Output(tree.Go(t.goroot, os.TempDir(), nil, "list", "-m", "golang.org/x/sys@latest"))
	if err != nil {
		return err.Error()
	}
	return ""
}

func (t *tester) use(p program) error {
	dir, err := os.MkdirTemp("", "goxnu-real-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	args := []string{"-mod=mod", "-vet=off", uncached, "-timeout=30m"}
	if !t.Long {
		args = append(args, "-short")
	}
	wrap, binfmtErr := t.binfmt()
	if binfmtErr != nil {
		wrap = nil
	}
	var except, later []string
	for _, e := range p.except {
		if rest, ok := strings.CutPrefix(e, "nobody:"); ok {
			if os.Geteuid() == 0 {
				later = append(later, rest)
			}
			continue
		} else if rest, ok := strings.CutPrefix(e, "binfmt:"); ok {
			if e = rest; binfmtErr == nil {
				continue
			}
		}
		except = append(except, e)
	}
	if except != nil {
		t.skipUnit(p.name+" "+strings.Join(except, " "), p.reason)
	}
	plain := args
	if left := slices.Concat(except, later); left != nil {
		args = append(slices.Clip(args), skipFlag(left))
	}
	port := append(t.port(t.release), "GOWORK=off")
	if p.run[0] != "job" {
		if err := t.fetch(p.modules[0], dir); err != nil {
			return err
		}
		err := t.goTest(wrap, dir, port, append(args, p.run...)...)
		if later != nil {
			err = errors.Join(err, t.again(p.name, asNobody, dir, port, later, append(plain, p.run...)...))
		}
		return err
	}
	src, err := os.ReadFile(filepath.Join(t.top, "misc", "xtest", "suite", "testdata", "real", p.name+"_test.go"))
	if err != nil {
		return err
	}
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/"+p.name+"\n\ngo 1.26\n"), 0o666),
		os.WriteFile(filepath.Join(dir, "job_test.go"), src, 0o666),
	); err != nil {
		return err
	}
	if _, err := tree.Output(tree.Go(t.goroot, dir, nil, append([]string{"get"}, p.modules...)...)); err != nil {
		return err
	}
	for _, pkg := range p.run[1:] {
		if _, err := tree.Output(tree.Go(t.goroot, dir, port, "build", "-mod=mod", "-o", dir+"/", pkg)); err != nil {
			return err
		}
	}
	return t.goTest(wrap, dir, port, append(args, ".")...)
}

// fetch copies a module to dir. Tests may write to their directory, and the
// module cache is not theirs.
func (t *tester) fetch(module, dir string) error {
	out, err := tree.Go(t.goroot, dir, nil, "mod", "download", "-json", module).Output()
	var m struct{ Dir, Error string }
	if jerr := json.Unmarshal(out, &m); jerr != nil {
		return fmt.Errorf("go mod download %s: %v, %v", module, err, jerr)
	}
	if m.Error != "" {
		return errors.New(m.Error)
	}
	if err := os.CopyFS(dir, os.DirFS(m.Dir)); err != nil {
		return err
	}
	return filepath.Walk(dir, func(name string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(name, info.Mode()|0o200)
	})
}

func (r *result) sum() string {
	s := fmt.Sprintf("%d tests passed in %.0fs", r.tests, r.elapsed.Seconds())
	if r.packages > 1 {
		s = fmt.Sprintf("%d tests of %d packages passed in %.0fs", r.tests, r.packages, r.elapsed.Seconds())
	}
	if r.skipped > 0 {
		s += fmt.Sprintf(", %d skipped themselves", r.skipped)
	}
	if r.failed > 0 {
		s += fmt.Sprintf(", **%d failed**", r.failed)
	}
	return s
}

// line returns the program's line in doc/programs.md.
func (r *result) line() string {
	return fmt.Sprintf("| %s | %s | %s | %s | %s |", r.name, r.version(), r.kind, r.what(), r.sum())
}

// pageLines returns the lines of the page's table, by program.
func pageLines(page string) map[string]string {
	lines := map[string]string{}
	for line := range strings.Lines(page) {
		f := strings.Split(line, " | ")
		if name, ok := strings.CutPrefix(f[0], "| "); ok && len(f) == 5 && name != "" {
			lines[name] = strings.TrimRight(line, "\n")
		}
	}
	return lines
}

// programsPage returns doc/programs.md for the programs and their lines.
func programsPage(all []program, lines map[string]string) string {
	var b strings.Builder
	b.WriteString(`# Programs

This document lists well-known Go programs and libraries that build and run, and some that do not
link. ` + "`make test-real`" + ` fetches them from the module proxy, builds them for darwin/amd64 unchanged,
and uses them under the runner. ` + "`make test-real T=name`" + ` does that with one of them. test/real.txt
lists them. ` + "`make test-real ARGS=-write`" + ` writes this document. The times include the build, on two
busy processors.

| | version | kind | what is run | result |
|---|---|---|---|---|
`)
	for _, p := range all {
		if l := lines[p.name]; l != "" {
			fmt.Fprintln(&b, l)
		}
	}
	b.WriteString("\nThese tests are left out. Those with `binfmt:` run where binfmt_misc is available. Those with\n" +
		"`nobody:` run as a user without rights if root runs the others. All tests run with `-short`.\n\n" +
		"| | left out | why |\n|---|---|---|\n")
	for _, p := range all {
		if p.except != nil {
			fmt.Fprintf(&b, "| %s | `%s` | %s |\n", p.name, strings.Join(p.except, "`, `"), p.reason)
		}
	}
	b.WriteString(doNotLink)
	return b.String()
}

// doNotLink is the end of doc/programs.md. TestKnownPrograms of misc/staticlink
// links its modules.
const doNotLink = `
## What does not link

A program of the ports is static. The linker refuses a program that calls a library function without
a stub ([abi.md](abi.md) lists the stubs). It names the package that calls the function, and the
imports that lead to the package. A program that has such a package only among its dependencies, and
does not reach the call, links. You have three options:

- use a version or a build tag of the package without the call;
- build a dynamic program with upstream Go;
- add a stub, if the function is the kernel's work (a line of lib/xnu/libc.tsv).

| module | what it needs | who uses it |
|---|---|---|
| github.com/ebitengine/purego | dyld: dlopen, dlsym, and threads by libpthread. A static program has no replacement for them | github.com/shirou/gopsutil/v4, github.com/ebitengine/oto/v3 and other packages for sound, graphics and notifications, github.com/jupiterrider/ffi |
| github.com/microsoft/typescript-go | CoreFoundation, CoreServices (FSEvents) and libdispatch, to watch files | its command tsgo |

These modules link, although some of them are reported not to:

| module | why |
|---|---|
| github.com/shirou/gopsutil/v3 | without cgo it imports no library: it runs commands of the system, or returns an error "not implemented yet" |
| github.com/charlievieth/fastwalk, github.com/junegunn/fzf | there are stubs for what it imports. For darwin/386 fastwalk has no trampolines, and the linker says so |
| github.com/zalando/go-keyring | it runs the command security |
| github.com/99designs/keyring | without cgo it has no keychain, but files and the command pass |
| github.com/fsnotify/fsnotify, github.com/rjeczalik/notify | kqueue, if there is no cgo |
| github.com/tetratelabs/wazero, modernc.org/libc | there are stubs for what they import |

github.com/fsnotify/fsevents needs cgo. It does not compile without it, with upstream Go neither.
`

func (p *program) version() string {
	_, version, _ := strings.Cut(p.modules[0], "@")
	return version
}

func (p *program) what() string {
	if p.run[0] == "job" {
		return "[a job](../misc/xtest/suite/testdata/real/" + p.name + "_test.go)"
	}
	return "its own tests: " + strings.Join(p.run, " ")
}
