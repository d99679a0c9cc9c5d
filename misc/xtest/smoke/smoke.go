// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package smoke builds real programs for the darwin ports with the toolchain
// in goroot/, runs them here, and checks what they do against the same programs
// built for this machine. It is the last step of make.
package smoke

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"goxnu/misc/internal/tree"
	"goxnu/misc/xtest/run"
)

// Flags are the shared ones.
type Flags struct{ run.Options }

// Register adds the flags to fs.
func (f *Flags) Register(fs *flag.FlagSet) { f.Options.Flags(fs, "arch", "run", "list", "report") }

// A test has what the steps share.
type test struct {
	goroot string
	runner string
	tmp    string
	port   []string // settings that select the port
}

// Main makes the steps for each port.
func Main(f *Flags) error {
	for _, arch := range f.Archs {
		if err := f.port(arch); err != nil {
			return err
		}
	}
	return nil
}

func (f *Flags) port(arch string) error {
	goroot, err := tree.Goroot()
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "goxnu-smoke")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	s := &test{
		goroot: goroot,
		runner: tree.Runner(goroot, arch),
		tmp:    tmp,
		port:   []string{"GOOS=darwin", "GOARCH=" + arch},
	}
	for _, step := range []struct {
		what string
		run  func() (string, error)
	}{
		{"demo", s.demo},
		{"gofmt", s.gofmt},
		{"compile", s.compile},
	} {
		name := "smoke/darwin-" + arch + "/" + step.what
		if !f.Take(name) {
			continue
		}
		start := time.Now()
		said, err := step.run()
		if err != nil {
			f.Report.Fail(name, fmt.Sprintf("darwin/%s: %s: %v", arch, step.what, err), "", time.Since(start))
			return nil
		}
		f.Report.Pass(name, fmt.Sprintf("darwin/%s: %s: %s (%.1fs)", arch, step.what, said, time.Since(start).Seconds()), time.Since(start))
	}
	if !f.List {
		f.Report.Printf("darwin/%s works: threads, signals, files, HTTP, child processes, gofmt, the compiler. To use it: export PATH=%s:$PATH\n",
			arch, filepath.Join(goroot, "bin"))
	}
	return nil
}

// build builds a package or file for the port and returns the program's path.
func (s *test) build(dir, what string) (string, error) {
	prog := filepath.Join(s.tmp, strings.TrimSuffix(filepath.Base(what), ".go"))
	_, err := tree.Output(tree.Go(s.goroot, dir, s.port, "build", "-o", prog, what))
	return prog, err
}

// demo runs test/demo.go, which checks its own results.
func (s *test) demo() (string, error) {
	top, err := tree.Top()
	if err != nil {
		return "", err
	}
	prog, err := s.build(filepath.Join(top, "test"), "demo.go")
	if err != nil {
		return "", err
	}
	out, err := tree.Output(exec.Command(s.runner, prog))
	if err != nil {
		return "", fmt.Errorf("%v%s", err, out)
	}
	return strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", ", "), nil
}

// gofmt runs the port's gofmt over the whole of src/ and compares each
// proposed change with those of this machine's own gofmt.
func (s *test) gofmt() (string, error) {
	src := filepath.Join(s.goroot, "src")
	prog, err := s.build(filepath.Join(src, "cmd"), "cmd/gofmt")
	if err != nil {
		return "", err
	}
	want, wantErr, err := output(src, filepath.Join(s.goroot, "bin", "gofmt"), "-s", "-d", ".")
	if err != nil {
		return "", err
	}
	got, gotErr, err := output(src, s.runner, prog, "-s", "-d", ".")
	if err != nil {
		return "", err
	}
	if !bytes.Equal(got, want) || !bytes.Equal(gotErr, wantErr) {
		return "", fmt.Errorf("its answer over src/ (%d bytes, %d of errors) is not this machine's gofmt's (%d, %d)",
			len(got), len(gotErr), len(want), len(wantErr))
	}
	return fmt.Sprintf("over src/: as this machine's own, %d bytes of diff", len(got)), nil
}

// output returns what a command printed. gofmt exits 1 or 2 when it has
// something to say, so an exit status is no error here; death by a signal is.
func output(dir string, argv ...string) (stdout, stderr []byte, err error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() && exit.ExitCode() <= 2 {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%s: %v\n%s", filepath.Base(argv[0]), err, errs.Bytes())
	}
	return out.Bytes(), errs.Bytes(), err
}

// compile compiles package fmt for the port twice, with the compiler that runs
// on the port and with this machine's, and compares the object files.
func (s *test) compile() (string, error) {
	prog, err := s.build(filepath.Join(s.goroot, "src", "cmd"), "cmd/compile")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(s.goroot, "src", "fmt")
	list := func(args ...string) ([]byte, error) {
		return tree.Output(tree.Go(s.goroot, dir, s.port, append([]string{"list"}, args...)...))
	}
	files, err := list("-f", `{{range .GoFiles}}{{.}} {{end}}`, ".")
	if err != nil {
		return "", err
	}
	cfg, err := list("-export", "-deps", "-f", `{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}`, ".")
	if err != nil {
		return "", err
	}
	cfgFile := filepath.Join(s.tmp, "importcfg")
	if err := os.WriteFile(cfgFile, cfg, 0o666); err != nil {
		return "", err
	}
	tool, err := tree.Output(tree.Go(s.goroot, dir, nil, "tool", "-n", "compile"))
	if err != nil {
		return "", err
	}
	var objects [2][]byte
	for i, compiler := range [][]string{{s.runner, prog}, {strings.TrimSpace(string(tool))}} {
		o := filepath.Join(s.tmp, fmt.Sprintf("fmt%d.o", i))
		args := append(compiler[1:], "-o", o, "-p", "fmt", "-std", "-complete", "-trimpath", s.goroot, "-importcfg", cfgFile)
		cmd := exec.Command(compiler[0], append(args, strings.Fields(string(files))...)...)
		cmd.Dir = dir
		cmd.Env = tree.Env(s.goroot, s.port...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %v\n%s", filepath.Base(compiler[0]), err, out)
		}
		if objects[i], err = os.ReadFile(o); err != nil {
			return "", err
		}
	}
	if !bytes.Equal(objects[0], objects[1]) {
		return "", fmt.Errorf("its object file of package fmt (%d bytes) is not that of this machine's compiler (%d bytes)",
			len(objects[0]), len(objects[1]))
	}
	return fmt.Sprintf("package fmt: identical object file, %d bytes", len(objects[0])), nil
}
