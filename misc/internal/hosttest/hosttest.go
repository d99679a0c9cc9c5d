// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package hosttest lets tests leave out what the host cannot do.
package hosttest

import (
	"sync"
	"testing"

	"goxnu/misc/internal/tree"
)

// Need skips the test if this host cannot run programs of the port darwin/arch:
// a kernel may run no 32-bit code, for example.
func Need(t testing.TB, arch string) {
	t.Helper()
	goroot, err := tree.Goroot()
	if err != nil {
		t.Fatal(err)
	}
	known.Lock()
	defer known.Unlock()
	why, ok := known.why[arch]
	if !ok {
		if why, err = tree.Runs(goroot, arch); err != nil {
			t.Fatal(err)
		}
		known.why[arch] = why
	}
	if why != "" {
		t.Skip(why)
	}
}

// known has what tree.Runs said of an architecture.
var known = struct {
	sync.Mutex
	why map[string]string
}{why: map[string]string{}}
