// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package main

import (
	"os/exec"
	"testing"
)

// TestRevoke runs testdata/revoke.go, which checks what it finds.
func TestRevoke(t *testing.T) {
	revoke := goBuild(t, "testdata/revoke.go", "revoke", "GOOS=darwin", "GOARCH=amd64")
	for _, release := range []string{"10.6", "10.9", "10.12", "15"} {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			if r := run(t, exec.Command(runnerPath, "-xnu", release, revoke)); r != (result{stdout: "done\n"}) {
				t.Errorf("%+v", r)
			}
		})
	}
}
