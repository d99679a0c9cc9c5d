// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package vcpu

// Ways to save FP state, for tests.
const (
	FPQuick = fpQuick
	FPXsave = fpXsave
	FPFxsr  = fpFxsr
)

// SetFPMode makes the package behave as on a lesser CPU. No guest may be
// running. It reports false if this CPU cannot do that.
func SetFPMode(mode uint32) (restore func(), ok bool) {
	if mode < fpMode {
		return nil, false
	}
	oldMode, oldRfbm := fpMode, rfbm
	fpMode = mode
	if mode == fpFxsr {
		rfbm = 3
	}
	return func() { fpMode, rfbm = oldMode, oldRfbm }, true
}

// SelfTestCode32 is the code that SelfTest32 runs, SelfTestWith32 a SelfTest32
// that runs another.
const SelfTestCode32 = selfTestCode32

var SelfTestWith32 = selfTest32
