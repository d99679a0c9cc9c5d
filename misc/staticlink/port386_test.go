// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package staticlink

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goxnu/misc/internal/tree"
)

const floatSrc = `package main

func main() {
	sum := 0.0
	for i := range 101 {
		sum = add(sum, float64(i)/8)
	}
	println(int64(sum * 16))
}

//go:noinline
func add(a, b float64) float64 { return a + b }
`

// TestFloat386: programs for both values of GO386 add as they are told to, and
// run.
func TestFloat386(t *testing.T) {
	dir := module(t, "main.go", floatSrc)
	for mode, add := range map[string]string{"sse2": "ADDSD", "softfloat": "CALL runtime.fadd64"} {
		exe := filepath.Join(t.TempDir(), "probe")
		if out, err := run(t, dir, []string{"GOOS=darwin", "GOARCH=386", "GO386=" + mode}, "build", "-o", exe); err != nil {
			t.Fatalf("%s: %v\n%s", mode, err, out)
		}
		code, err := run(t, dir, nil, "tool", "objdump", "-s", `^main\.add$`, exe)
		if err != nil || !strings.Contains(code, add) {
			t.Errorf("%s: no %s in main.add: %v\n%s", mode, add, err, code)
		}
		out, err := exec.Command(filepath.Join(goroot(t), "bin", "go_darwin_386_exec"), exe).CombinedOutput()
		if err != nil || string(out) != "10100\n" {
			t.Errorf("%s: %q, %v", mode, out, err)
		}
	}
}

// TestCommands386: no command needs what is not there for darwin/386:
// golang.org/x/sys/unix.
func TestCommands386(t *testing.T) {
	port := []string{"GOOS=darwin", "GOARCH=386"}
	src := filepath.Join(goroot(t), "src", "cmd")
	list := func(args ...string) []string {
		out, err := tree.Output(tree.Go(goroot(t), src, port, append([]string{"list"}, args...)...))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(out))
	}
	commands := list("-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "cmd")
	deps := list(append([]string{"-deps"}, commands...)...)
	if len(commands) < 20 || len(deps) < 200 {
		t.Fatalf("only %d commands, with %d packages", len(commands), len(deps))
	}
	for _, p := range deps {
		if strings.HasSuffix(p, "golang.org/x/sys/unix") {
			t.Errorf("a command needs %s", p)
		}
	}
}
