// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package upstream keeps the notes true that the documents have about upstream.
package upstream

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goxnu/misc/internal/tree"
)

// What upstream gets wrong it still gets wrong. If a case fails, upstream has fixed it (or the
// runner has a fault): then the note in the document named here must be deleted, and the case with it.
func TestWrong(t *testing.T) {
	goroot, err := tree.Goroot()
	if err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(t.TempDir(), "wrong")
	if out, err := tree.Go(goroot, "testdata", []string{"GOOS=darwin", "GOARCH=amd64"}, "build", "-o", exe, "wrong.go").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct{ name, fault, want, doc string }{
		{"stopped", "", "stopped false, continued true\n", "signals.md"},
		{"kqueue", "", "runtime: kqueue failed with 24\nfatal error: runtime: netpollinit failed\n", "signals.md"},
		{"print", "", "printed false\n", "faults.md"},
		{"close", "kinds=close-eintr,rate=1", "close /dev/null: interrupted system call; closed true\n", "faults.md"},
		{"root", "kinds=eintr-fs,rate=1", "<nil>; statat dev: interrupted system call\n", "faults.md"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{exe, c.name}
			if c.fault != "" {
				args = append([]string{"-fault", c.fault}, args...)
			}
			cmd := exec.Command(tree.Runner(goroot, "amd64"), args...)
			cmd.Env = tree.Env(goroot)
			out, _ := cmd.CombinedOutput()
			if !strings.HasPrefix(string(out), c.want) {
				t.Errorf("it says %q, no longer %q", out, c.want)
			}
			note, err := os.ReadFile(filepath.Join("..", "..", "..", "doc", c.doc))
			if err != nil || !strings.Contains(string(note), "`wrong.go "+c.name+"`") {
				t.Errorf("doc/%s does not name `wrong.go %s` (%v)", c.doc, c.name, err)
			}
		})
	}
}
