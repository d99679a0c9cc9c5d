// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main_test

import "testing"

// TestGoEnv asks for settings of a port that the tree serves and that is no
// host of it.
//
//graft:replace go_test.go 136f945d4675 upstream's asks about freebsd/arm, which the tree does not serve
func TestGoEnv(t *testing.T) {
	tg := testgo(t)
	tg.parallel()
	defer tg.cleanup()
	tg.setenv("GOOS", "linux")
	tg.setenv("GOARCH", "arm")
	for _, q := range []struct{ set, to, ask, want string }{
		{"", "", "GOOS", "^linux$"},
		{"", "", "GOARCH", "^arm$"},
		{"", "", "GCCGO", "."},
		{"", "", "CGO_CFLAGS", "."},
		{"CGO_CFLAGS", "-foobar", "CGO_CFLAGS", "^-foobar$"},
		{"CC", "gcc -fmust -fgo -ffaster", "CC", "gcc"},
		{"", "", "GOGCCFLAGS", "-ffaster"},
		{"", "", "GOVERSION", "-goxnu$"},
	} {
		if q.set != "" {
			tg.setenv(q.set, q.to)
		}
		tg.run("env", q.ask)
		tg.grepStdout(q.want, "go env "+q.ask+" is wrong")
	}
	tg.run("version")
	tg.grepStdout("^go version go[^ ]*-goxnu ", "go version is wrong")
}
