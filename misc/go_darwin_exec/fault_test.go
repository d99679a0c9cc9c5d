// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goxnu/misc/internal/tree"
)

// goBuild builds a package or file with the composed toolchain.
func goBuild(t *testing.T, what, name string, settings ...string) string {
	t.Helper()
	goroot, err := tree.Goroot()
	if err != nil {
		t.Skip(err)
	}
	exe := filepath.Join(t.TempDir(), name)
	wd, _ := os.Getwd()
	if out, err := tree.Go(goroot, wd, settings, "build", "-o", exe, what).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return exe
}

// runFaults runs a program with -fault and returns what it printed on stderr.
func runFaults(t *testing.T, fault string, program ...string) (stderr string, err error) {
	t.Helper()
	cmd := exec.Command(runnerPath, append([]string{"-fault", fault}, program...)...)
	var b bytes.Buffer
	cmd.Stderr = &b
	err = cmd.Run()
	return b.String(), err
}

// TestFault: testdata/lossy.go breaks if, and only if, its seventh ftruncate is
// interrupted. A pattern enables and reports; the same seed does the same; and
// the bisect tool, which is part of the Go distribution, finds the seventh.
func TestFault(t *testing.T) {
	lossy := goBuild(t, "testdata/lossy.go", "lossy", "GOOS=darwin", "GOARCH=amd64")
	const kinds = "kinds=eintr-fs,rate=1"

	all, err := runFaults(t, kinds+",y", lossy)
	if err == nil {
		t.Fatal("lossy survives every fault")
	}
	const found = "eintr-fs: ftruncate 7 of lossy"
	line := all[:strings.Index(all+found, found)]
	id := line[max(strings.LastIndex(line, "[bisect-match 0x"), 0):]
	if len(id) != len("[bisect-match 0x0123456789abcdef] ") {
		t.Fatalf("there is no report of the seventh ftruncate:\n%s", all)
	}
	id = id[len("[bisect-match 0x"):][:16]
	for _, c := range []struct {
		pattern string
		breaks  bool
		reports int // 40 calls of ftruncate
	}{
		{"n", false, 40}, {"x" + id, true, 1}, {"!x" + id, false, 1}, {"y-x" + id, false, 39}, {"qy", true, 0},
	} {
		stderr, err := runFaults(t, kinds+","+c.pattern, lossy)
		n := strings.Count(stderr, "eintr-fs: ftruncate ")
		if c.breaks { // and does not go on
			n = min(n, c.reports)
		}
		if (err != nil) != c.breaks || n != c.reports {
			t.Errorf("pattern %s: %v, %d reports; want a failure: %v, %d reports\n%s", c.pattern, err, n, c.breaks, c.reports, stderr)
		}
	}

	some := func(seed string) string {
		stderr, _ := runFaults(t, "kinds=eintr-fs,rate=3,n,seed="+seed, lossy)
		return stderr
	}
	if a, b := some("5"), some("5"); a != b || strings.Count(a, "ftruncate") < 5 || strings.Count(a, "ftruncate") > 30 {
		t.Errorf("seed 5 does this,\n%s\nand then that:\n%s", a, b)
	} else if some("6") == a {
		t.Error("seeds 5 and 6 do the same")
	}

	if testing.Short() {
		return
	}
	tool := goBuild(t, "cmd/vendor/golang.org/x/tools/cmd/bisect", "bisect")
	cmd := exec.Command(tool, "-count=1", runnerPath, "-fault", kinds+",PATTERN", lossy)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil || strings.Count(string(out), "eintr-fs: ") != 1 || !strings.Contains(string(out), found) {
		t.Errorf("bisect: %v\n%s\n%s", err, out, log.Bytes())
	}
}

// TestFaultReports: the reports of a child go where the first process's do, not
// to its own standard error, and its calls have the same ids.
func TestFaultReports(t *testing.T) {
	lossy := goBuild(t, "testdata/lossy.go", "lossy", "GOOS=darwin", "GOARCH=amd64")
	starts := goBuild(t, "testdata/starts.go", "starts", "GOOS=darwin", "GOARCH=amd64")
	direct, _ := runFaults(t, "kinds=eintr-fs,rate=2,n", lossy)
	child, err := runFaults(t, "kinds=eintr-fs,rate=2,n", starts, lossy)
	if err != nil {
		t.Fatalf("%v\n%s", err, child)
	}
	only := func(s string) (lines string) {
		for line := range strings.Lines(s) {
			if strings.Contains(line, "ftruncate") {
				lines += line
			}
		}
		return lines
	}
	if only(direct) == "" || only(direct) != only(child) {
		t.Errorf("as a child it reports\n%s\notherwise\n%s", child, direct)
	}
}

func TestFaultFlag(t *testing.T) {
	for value, want := range map[string]string{
		"seed=x":       "a seed is a number",
		"rate=0":       "a rate is a number",
		"kinds=none":   `no kind "none"`,
		"kinds=":       `no kind ""`,
		"speed=1":      "there are seed=, rate= and kinds=",
		"y,n":          "one bisect pattern is enough",
		"012":          "bisect pattern",
		"seed=1,,y":    "bisect pattern",
		"seed=7,rate=": "a rate is a number",
	} {
		stderr, err := runFaults(t, value, "/bin/true")
		if err == nil || !strings.Contains(stderr, want) {
			t.Errorf("-fault %s: %v, %q; want %q", value, err, stderr, want)
		}
	}
	out, err := exec.Command(runnerPath, "-fault", "help").Output()
	if err != nil || !strings.Contains(string(out), "eintr-fs") {
		t.Errorf("-fault help: %v\n%s", err, out)
	}
}
