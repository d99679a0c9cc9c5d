// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"runtime"
	"testing"
)

// guestLoop runs f as thread n, on the calling goroutine.
func guestLoop(t *testing.T, n *Thread, f func(*Thread)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := n.cpu.Bind(); err != nil {
		t.Error(err)
		return
	}
	defer n.cpu.Unbind()
	f(n)
}
