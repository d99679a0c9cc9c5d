// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

package runtime

//graft:wrap signal_darwin_amd64.go 5ebbcce95ac1 it looks for an INT 3 before the program counter, and finds one before every function
//go:nosplit
func (c *sigctxt) fixsigcode(sig uint32) {
	if sig == _SIGTRAP {
		c.fixtrap()
		return
	}
	c.upstream_fixsigcode(sig)
}
