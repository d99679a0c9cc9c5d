// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package origlimit_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"goxnu/misc/go_darwin_exec/origlimit"
)

// The test must be in a package of its own: what it imports would else be
// initialized before origlimit.

// TestNofile runs this test again with a limit set by a shell.
func TestNofile(t *testing.T) {
	if os.Getenv("ORIGLIMIT_TEST") != "" {
		if l, ok := origlimit.Nofile(); !ok || l.Cur != 77 {
			t.Fatalf("limit is %d, %v, want 77", l.Cur, ok)
		}
		return
	}
	cmd := exec.Command("/bin/sh", "-c", `ulimit -S -n 77; exec "$0" -test.run=TestNofile -test.v`, os.Args[0])
	cmd.Env = append(os.Environ(), "ORIGLIMIT_TEST=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
		t.Fatalf("%v\n%s", err, out)
	}
}
