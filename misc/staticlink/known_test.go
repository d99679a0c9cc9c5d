// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package staticlink

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestKnownPrograms: what doc/programs.md says of modules that import functions
// of libraries, with the releases that it was written by.
func TestKnownPrograms(t *testing.T) {
	for _, c := range []struct {
		module, goarch string
		pkg            string
		want           []string // in the linker's message; nil if it links
	}{
		{"github.com/ebitengine/purego@v0.11.3", "amd64", "github.com/ebitengine/purego",
			[]string{"package github.com/ebitengine/purego calls dlopen, dlsym,", "(imported by way of main > github.com/ebitengine/purego)"}},
		{"github.com/shirou/gopsutil/v4@v4.26.10", "amd64", "github.com/shirou/gopsutil/v4/mem",
			[]string{"package github.com/ebitengine/purego calls dlopen, dlsym,", "main > github.com/shirou/gopsutil/v4/mem > "}},
		{"github.com/shirou/gopsutil/v3@v3.24.5", "amd64", "github.com/shirou/gopsutil/v3/mem", nil},
		{"github.com/charlievieth/fastwalk@v1.0.14", "amd64", "github.com/charlievieth/fastwalk", nil},
		{"github.com/charlievieth/fastwalk@v1.0.14", "386", "github.com/charlievieth/fastwalk",
			[]string{"package github.com/charlievieth/fastwalk would call address 0 for ", "no file for darwin/386"}},
	} {
		t.Run(c.goarch+"/"+c.pkg, func(t *testing.T) {
			// A reference to each of the package's functions would do;
			// these have one that reaches what is imported.
			use := map[string]string{
				"github.com/charlievieth/fastwalk":  "var _ = p.Walk(nil, \"\", nil)",
				"github.com/shirou/gopsutil/v4/mem": "var _, _ = p.VirtualMemory()",
				"github.com/shirou/gopsutil/v3/mem": "var _, _ = p.VirtualMemory()",
				"github.com/ebitengine/purego":      "var _, _ = p.Dlopen(\"\", 0)",
			}[c.pkg]
			dir := module(t, "main.go", "package main\n\nimport p \""+c.pkg+"\"\n\n"+use+"\n\nfunc main() {}\n")
			out, err := run(t, dir, nil, "get", c.module)
			if err != nil {
				t.Skipf("%s cannot be had from the module proxy: %v\n%s", c.module, err, out)
			}
			if out, err := run(t, dir, nil, "mod", "tidy"); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			out, err = run(t, dir, []string{"GOOS=darwin", "GOARCH=" + c.goarch}, "build", "-o", filepath.Join(t.TempDir(), "probe"))
			if (err == nil) != (c.want == nil) {
				t.Errorf("%v\n%s", err, out)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
		})
	}
}
