// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The suffix by which the fork's version differs from upstream's.
const versionSuffix = "-goxnu"

// readVersion returns the first line of a VERSION file.
func readVersion(goroot string) (string, error) {
	data, err := os.ReadFile(filepath.Join(goroot, "VERSION"))
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(line), nil
}

// wantedRelease returns the upstream release that the overlay in top is
// written for.
func wantedRelease(top string) (string, error) {
	v, err := readVersion(top)
	if err != nil {
		return "", err
	}
	release, ok := strings.CutSuffix(v, versionSuffix)
	if !ok {
		return "", fmt.Errorf("%s: the first line is %q; it must be an upstream release followed by %s", filepath.Join(top, "VERSION"), v, versionSuffix)
	}
	return release, nil
}

// findUpstream returns the GOROOT of an installed Go of the wanted release.
// A directory given by the user is taken or refused; else the go commands on
// PATH, GOROOT_BOOTSTRAP and the places where Go's own installers put a
// release are tried in this order.
func findUpstream(given, release string) (string, error) {
	if given != "" {
		v, err := readVersion(given)
		switch {
		case err != nil:
			return "", fmt.Errorf("%s is no GOROOT: %v; name the root of an installed %s", given, err, release)
		case v != release:
			return "", fmt.Errorf("%s is %s, but the overlay is written for %s; install that release and name its GOROOT", given, v, release)
		}
		return complete(given)
	}
	var dirs, seen []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		bin := filepath.Join(dir, "go")
		if info, err := os.Stat(bin); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			continue
		}
		if root := gorootOf(bin); root != "" {
			dirs = append(dirs, root)
		}
	}
	if dir := os.Getenv("GOROOT_BOOTSTRAP"); dir != "" {
		dirs = append(dirs, dir)
	}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, "sdk", release), filepath.Join(home, release))
	}
	for _, dir := range dirs {
		v, err := readVersion(dir)
		if err != nil {
			continue
		}
		if v == release {
			return complete(dir)
		}
		if !strings.HasSuffix(v, versionSuffix) {
			seen = append(seen, v+" in "+dir)
		}
	}
	if len(seen) == 0 {
		return "", fmt.Errorf("no installed Go found: the fork is composed from %s; install it from https://go.dev/dl/ and put its bin directory on PATH, or name its GOROOT in GOXNU_UPSTREAM", release)
	}
	return "", fmt.Errorf("%s is needed, found only %s; install %s (go install golang.org/dl/%s@latest && %s download), or name its GOROOT in GOXNU_UPSTREAM",
		release, strings.Join(seen, ", "), release, release, release)
}

// gorootOf asks a go command for its GOROOT, whatever the environment says.
func gorootOf(bin string) string {
	cmd := exec.Command(bin, "env", "GOROOT")
	cmd.Env = cleanEnv("GOTOOLCHAIN=local", "GOENV=off", "GO111MODULE=off")
	cmd.Dir = os.TempDir()
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// cleanEnv returns the environment without the variables that steer a go
// command, followed by set.
func cleanEnv(set ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case "GOROOT", "GOFLAGS", "GOTOOLCHAIN", "GOOS", "GOARCH", "GOENV", "GO111MODULE", "GOWORK",
			"GOEXPERIMENT", "GOBIN", "GOTOOLDIR", "GO386", "GOAMD64", "GOARM64", "GOFIPS140",
			"GOHOSTOS", "GOHOSTARCH", "GO_GCFLAGS", "GO_LDFLAGS", "GO_EXTLINK_ENABLED", "CGO_ENABLED":
			continue
		}
		env = append(env, kv)
	}
	return append(env, set...)
}

// complete checks that dir has the sources; some packages of Go do not.
func complete(dir string) (string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "src", "runtime", "proc.go")); err != nil {
		return "", fmt.Errorf("%s has no sources in src: install the whole of Go, for example from https://go.dev/dl/", dir)
	}
	return dir, nil
}
