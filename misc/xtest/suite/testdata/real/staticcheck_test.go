// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// The linter honnef.co/go/tools/cmd/staticcheck, built for the port, reads a
// package with known mistakes.
package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "honnef.co/go/tools/unused" // keeps the module among the requirements
)

const bad = `package bad

import (
	"fmt"
	"regexp"
	"time"
)

func unusedFunction() {}

func Mistakes(x int) bool {
	regexp.MustCompile("(")
	for {
		time.Sleep(5)
		if x == x {
			break
		}
	}
	fmt.Sprintf("%d", "string")
	return x < 1 == true
}
`

func TestStaticcheck(t *testing.T) {
	exe, err := filepath.Abs("staticcheck")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/bad\n\ngo 1.26\n", "bad.go": bad} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (codes []string) {
		cmd := exec.Command(exe, append([]string{"-f", "json", "-checks", "all,-ST1000"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "STATICCHECK_CACHE="+filepath.Join(dir, "cache"), "GOFLAGS=")
		out, err := cmd.Output()
		if cmd.ProcessState.ExitCode() != 1 {
			t.Fatalf("%v\n%s", err, out)
		}
		dec := json.NewDecoder(strings.NewReader(string(out)))
		for dec.More() {
			var d struct {
				Code     string
				Location struct {
					File string
					Line int
				}
			}
			if err := dec.Decode(&d); err != nil {
				t.Fatal(err)
			}
			if filepath.Base(d.Location.File) != "bad.go" || d.Location.Line == 0 {
				t.Errorf("%+v", d)
			}
			codes = append(codes, d.Code)
		}
		slices.Sort(codes)
		return codes
	}
	codes := run(".")
	for _, want := range []string{"SA1000", "SA1004", "SA4000", "SA5009", "SA4017", "U1000"} {
		if !slices.Contains(codes, want) {
			t.Errorf("no %s among %q", want, codes)
		}
	}
	if again := run("."); !slices.Equal(again, codes) { // from its cache
		t.Errorf("the second run found %q, the first %q", again, codes)
	}
}
