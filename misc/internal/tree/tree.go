// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package tree finds the project's directories and runs its go command with a
// clean environment.
package tree

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Top returns the top directory of the project: the nearest one, from the
// working directory upwards, that holds lib/graft.
func Top() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "lib", "graft", "changes")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not inside a goxnu tree: no lib/graft/changes in it or above it", wd)
		}
	}
}

// Goroot returns the composed toolchain's directory, which must have been built.
func Goroot() (string, error) {
	top, err := Top()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(top, "goroot")
	if _, err := os.Stat(filepath.Join(dir, "bin", "go")); err != nil {
		return "", errors.New("goroot/bin/go is missing: the toolchain is not built; run make")
	}
	return dir, nil
}

// Runner returns the runner for programs of the port darwin/arch.
func Runner(goroot, arch string) string {
	return filepath.Join(goroot, "bin", "go_darwin_"+arch+"_exec")
}

// exitHost is the runner's exit status for a host that cannot run a program.
const exitHost = 125

// Runs returns, in a line, why this host cannot run programs of the port
// darwin/arch; an empty one if it can.
func Runs(goroot, arch string) (why string, err error) {
	cmd := exec.Command(Runner(goroot, arch), "-host="+arch)
	cmd.Env = Env(goroot)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitHost {
		return string(bytes.TrimSpace(out)), nil
	} else if err != nil {
		return "", fmt.Errorf("%v: %v\n%s", cmd.Args, err, out)
	}
	return "", nil
}

// Env returns the environment for the go command of goroot with the given
// settings ("GOOS=darwin"): its bin directory, where it finds the runner, is
// first on PATH, and nothing that the user set for another Go is left.
func Env(goroot string, settings ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		k, _, _ := strings.Cut(kv, "=")
		switch k {
		case "GOROOT", "GOFLAGS", "GOTOOLCHAIN", "GOOS", "GOARCH", "GOAMD64", "GO386", "GOEXPERIMENT",
			"GOENV", "GODEBUG", "GOWORK", "GO111MODULE", "CGO_ENABLED", "GOBIN", "PATH", "PWD":
			continue
		}
		env = append(env, kv)
	}
	bin := filepath.Join(goroot, "bin")
	env = append(env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "GOENV=off")
	return append(env, settings...)
}

// Go returns a command that runs goroot's go in dir.
func Go(goroot, dir string, settings []string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(goroot, "bin", "go"), args...)
	cmd.Dir = dir
	cmd.Env = append(Env(goroot, settings...), "PWD="+dir)
	return cmd
}

// Output runs cmd and returns what it printed to standard output; an error
// holds what it printed to standard error.
func Output(cmd *exec.Cmd) ([]byte, error) {
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return out, fmt.Errorf("%s: %v\n%s", filepath.Base(cmd.Path), err, exit.Stderr)
	}
	return out, err
}
