// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package suite

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"goxnu/misc/internal/hosttest"
	"goxnu/misc/internal/tree"
)

// TestFullDisk has test/faults.go fill a file system of a megabyte, which is
// mounted in namespaces of its own.
func TestFullDisk(t *testing.T) {
	tester, err := newTester(testFlags())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mount := func(args ...string) *exec.Cmd {
		const script = `mount -t tmpfs -o size=1m none "$0" && exec "$@"`
		cmd := exec.Command("sh", append([]string{"-c", script, dir}, args...)...)
		cmd.SysProcAttr = userNamespace(0)
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNS
		return cmd
	}
	if out, err := mount("true").CombinedOutput(); err != nil {
		t.Skipf("no file system can be mounted in a user namespace: %v: %s", err, out)
	}
	for _, arch := range []string{"amd64", "386"} {
		t.Run(arch, func(t *testing.T) {
			hosttest.Need(t, arch)
			tester := *tester
			tester.arch = arch
			exe := filepath.Join(t.TempDir(), "faults")
			src := filepath.Join(tester.top, "test")
			if _, err := tree.Output(tree.Go(tester.goroot, src, append(tester.port(""), "GO111MODULE=off"), "build", "-o", exe, "faults.go")); err != nil {
				t.Fatal(err)
			}
			for _, release := range []string{"10.6", ""} {
				args := []string{tree.Runner(tester.goroot, arch)}
				if release != "" {
					args = append(args, "-xnu", release)
				}
				if out, err := mount(append(args, exe, dir)...).CombinedOutput(); err != nil {
					t.Errorf("release %q: %v\n%s", release, err, out)
				}
			}
		})
	}
}
