// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

const (
	errNoSpace  = syscall.ENOSPC
	errReadOnly = syscall.EROFS
)

// TestPatches applies the series to upstream's tree and compares the result
// with the composed one.
func TestPatches(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("no git here")
	}
	w := newWorld(t, "change one  first\n\tadd src/runtime/ours.go\n\tdrop src/os/file.go "+printOf("src/os/file.go")+" -- not wanted\nchange two  second\n\tadd src/runtime/two.go\n\tadd src/os/ours/\n", map[string]string{
		"src/runtime/ours.go": over("wrap", "proc.go", declPrint(t, "src/runtime/proc.go", "newproc"), "func newproc(n int) string { return upstream_newproc(n) }"),
		"src/os/ours/b a b":   "a name with blanks\n",
		"src/runtime/two.go":  over("replace", "ours.go", fingerprint([]byte("func newproc(n int) string { return upstream_newproc(n) }")), "func newproc(n int) string { return \"\" }"),
	})
	dir := filepath.Join(w.dir, "patches")
	w.must("-patches", dir)
	w.fails([]string{"-patches", dir}, "not empty")
	w.must()
	files, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil || len(files) != 3 {
		t.Fatalf("patches are %q, %v; want three", files, err)
	}
	for i, want := range []string{"0001-identity.patch", "0002-one.patch", "0003-two.patch"} {
		if got := filepath.Base(files[i]); got != want {
			t.Errorf("patch %d is %s, want %s", i+1, got, want)
		}
		cmd := exec.Command(git, "apply", files[i])
		cmd.Dir = w.upstream
		cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+w.dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git apply %s: %v\n%s", want, err, out)
		}
	}
	patched, err := readUpstream(w.upstream)
	if err != nil {
		t.Fatal(err)
	}
	composed, err := readUpstream(w.out)
	if err != nil {
		t.Fatal(err)
	}
	delete(composed, markName)
	if len(patched) != len(composed) {
		t.Errorf("%d files patched, %d composed", len(patched), len(composed))
	}
	for p, f := range composed {
		if patched[p] == nil {
			t.Errorf("the patches do not make %s", p)
			continue
		}
		want, _ := f.load()
		got, _ := patched[p].load()
		if string(got) != string(want) {
			t.Errorf("%s differs:\n%s\nwant\n%s", p, got, want)
		}
	}
}
