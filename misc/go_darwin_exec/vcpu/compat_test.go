// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package vcpu_test

import (
	"testing"

	"goxnu/misc/go_darwin_exec/vcpu"
)

func TestSelfTest32(t *testing.T) {
	for range 100 {
		if err := vcpu.SelfTest32(); err != nil {
			t.Fatal(err)
		}
	}
}
