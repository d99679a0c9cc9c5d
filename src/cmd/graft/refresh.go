// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/build"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
)

// builtMark is the file, below the output directory, by which make.bash says
// that the build came to its end.
const builtMark = "pkg/goxnu-built"

// pending is the file that lists the files which were written or removed since
// the products of the build were last known to be fresh.
func (o *output) pending() string { return filepath.Join(o.work, "pending") }

// refresh looks for products of the build that this run, or an earlier one
// that could not mend it, made stale. It reinstalls them or says how.
func (o *output) refresh(t tree, opt options, stdout io.Writer) error {
	data, err := os.ReadFile(o.pending())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	built := filepath.Join(o.dir, filepath.FromSlash(builtMark))
	if _, err := os.Stat(built); err != nil || opt.rebuild {
		return os.Remove(o.pending()) // all is yet to be built
	}
	var sources []string
	for p := range strings.Lines(string(data)) { // a name may hold blanks
		p = strings.TrimSuffix(p, "\n")
		switch {
		case p == "VERSION":
			os.Remove(built)
			fmt.Fprintln(stdout, "VERSION has changed: build again with src/make.bash")
			return os.Remove(o.pending())
		case strings.HasPrefix(p, "src/runtime/") && path.Ext(p) == ".h" && t[p] != nil:
			if err := o.include(p); err != nil {
				return err
			}
		}
		if o.hostSource(p, t[p]) {
			sources = append(sources, p)
		}
	}
	var cmds []string
	if len(sources) > 0 {
		if cmds, err = o.stale(sources); err != nil {
			return err
		}
	}
	if len(cmds) > 0 && !opt.install {
		fmt.Fprintf(stdout, "stale: install again with graft -install: %s\n", strings.Join(cmds, " "))
		return nil
	}
	if len(cmds) > 0 {
		fmt.Fprintf(stdout, "installing %s\n", strings.Join(cmds, " "))
		if err := o.goInstall(cmds); err != nil {
			return err
		}
	}
	return os.Remove(o.pending())
}

// addPending notes the files for refresh.
func (o *output) addPending(r *result) error {
	f, err := os.OpenFile(o.pending(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range append(r.written, r.removed...) {
		if _, err := f.WriteString(p + "\n"); err != nil {
			return err
		}
	}
	return f.Close()
}

// include copies a header to where the assembler looks for it, if the build
// put it there.
func (o *output) include(p string) error {
	dst := filepath.Join(o.dir, "pkg", "include", path.Base(p))
	if _, err := os.Stat(dst); err != nil {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(o.dir, filepath.FromSlash(p)))
	if err != nil {
		return err
	}
	return os.WriteFile(dst, data, 0o644)
}

// hostSource reports whether the host's commands may be built from the file.
// f is nil if the file was removed.
func (o *output) hostSource(p string, f *file) bool {
	if !strings.HasPrefix(p, "src/") || strings.HasSuffix(p, "_test.go") || strings.Contains(p, "/testdata/") {
		return false
	}
	if ext := path.Ext(p); ext != ".go" && ext != ".s" && ext != ".h" {
		return true // an embedded file, perhaps
	}
	if f == nil {
		return nameFits(path.Base(p), runtime.GOOS)
	}
	ctxt := build.Default
	ctxt.GOOS, ctxt.GOARCH, ctxt.CgoEnabled = runtime.GOOS, runtime.GOARCH, false
	ctxt.OpenFile = func(string) (io.ReadCloser, error) {
		data, err := f.load()
		return io.NopCloser(bytes.NewReader(data)), err
	}
	ok, err := ctxt.MatchFile(path.Dir(p), path.Base(p))
	return ok || err != nil
}

// installed lists the commands that the build installed.
func (o *output) installed() []string {
	var cmds []string
	for _, dir := range []string{"bin", filepath.Join("pkg", "tool", runtime.GOOS+"_"+runtime.GOARCH)} {
		entries, _ := os.ReadDir(filepath.Join(o.dir, dir))
		for _, e := range entries {
			if _, err := os.Stat(filepath.Join(o.dir, "src", "cmd", e.Name())); err == nil {
				cmds = append(cmds, "cmd/"+e.Name())
			}
		}
	}
	return cmds
}

// stale returns the installed commands that depend on a package in whose
// directory one of the sources lies.
func (o *output) stale(sources []string) ([]string, error) {
	dirs := map[string]bool{}
	for _, p := range sources {
		for d := path.Dir(p); d != "."; d = path.Dir(d) { // parents: for embedded files
			dirs[d] = true
			if ext := path.Ext(p); ext == ".go" || ext == ".s" || ext == ".h" {
				break
			}
		}
	}
	// An import path may hold a blank: a package compiled for one command's
	// profile is "PATH [COMMAND]".
	args := append([]string{"list", "-f", "{{.ImportPath}}\t{{.Dir}}\t{{join .Deps \",\"}}", "-deps"}, o.installed()...)
	out, err := o.goCmd(args...).Output()
	if err != nil {
		return nil, fmt.Errorf("cannot tell which commands are stale: %v", stderrOf(err))
	}
	hit := map[string]bool{}
	deps := map[string][]string{}
	for _, line := range strings.Split(strings.TrimRight(string(out), "\n"), "\n") {
		f := strings.Split(line, "\t")
		if len(f) != 3 {
			return nil, fmt.Errorf("cannot tell which commands are stale: go list says %q", line)
		}
		rel, err := filepath.Rel(o.dir, f[1])
		if err == nil && dirs[filepath.ToSlash(rel)] {
			hit[f[0]] = true
		}
		deps[f[0]] = strings.Split(f[2], ",")
	}
	var cmds []string
	for _, c := range o.installed() {
		stale := hit[c]
		for _, d := range deps[c] {
			stale = stale || hit[d]
		}
		if stale {
			cmds = append(cmds, c)
		}
	}
	sort.Strings(cmds)
	return cmds, nil
}

// goInstall installs the commands as cmd/dist does in a release. The
// compiler, the assembler and the linker come first: the others are then
// built by the new ones.
func (o *output) goInstall(cmds []string) error {
	var tools, rest []string
	for _, c := range cmds {
		switch c {
		case "cmd/asm", "cmd/compile", "cmd/link":
			tools = append(tools, c)
		default:
			rest = append(rest, c)
		}
	}
	for _, list := range [][]string{tools, rest} {
		if len(list) == 0 {
			continue
		}
		cmd := o.goCmd(append([]string{"install"}, list...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go install %s failed:\n%s", strings.Join(list, " "), strings.TrimSpace(string(out)))
		}
	}
	return nil
}

// goCmd prepares the output's own go command, with the settings that cmd/dist
// uses for a release.
func (o *output) goCmd(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(o.dir, "bin", "go"), args...)
	cmd.Dir = filepath.Join(o.dir, "src", "cmd")
	cmd.Env = cleanEnv("GOROOT="+o.dir, "GOENV=off", "GOWORK=off", "GOTOOLCHAIN=local", "CGO_ENABLED=0",
		"GOBIN="+filepath.Join(o.dir, "bin"),
		"GOFLAGS=-trimpath -ldflags=-w -gcflags=cmd/...=-dwarf=false")
	return cmd
}

// stderrOf makes the message of a failed command readable.
func stderrOf(err error) string {
	if ee, ok := err.(*exec.ExitError); ok && len(ee.Stderr) > 0 {
		return strings.TrimSpace(string(ee.Stderr))
	}
	return err.Error()
}
