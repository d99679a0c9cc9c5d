// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xsig

import (
	"bytes"
	"testing"
)

// What a frame of the old layout has no place for comes back with sigreturn.
func TestHidden(t *testing.T) {
	if xsK == 0 {
		t.Skip("this CPU has no AVX-512")
	}
	x := make([]byte, max(xsK+64, xsZMMHi+512, xsZMM+1024))
	save := make([]byte, HiddenSize)
	if SaveHidden(save, x) {
		t.Error("state in an empty image")
	}
	for i := range x {
		x[i] = byte(i*7 + i>>8)
	}
	le.PutUint64(x[xsBV:], xX87|xSSE|xAVX|xAVX512)
	if !SaveHidden(save, x) {
		t.Fatal("no state")
	}
	want := bytes.Clone(x)
	for _, part := range [][2]int{{xsK, 64}, {xsZMMHi, 512}, {xsZMM, 1024}} {
		clear(x[part[0]:][:part[1]])
	}
	le.PutUint64(x[xsBV:], xX87|xSSE|xAVX)
	RestoreHidden(x, save, true)
	if !bytes.Equal(x, want) {
		t.Error("another image came back")
	}
	RestoreHidden(x, save, false)
	if UsesAVX512(x) || le.Uint64(x[xsBV:]) != xX87|xSSE|xAVX {
		t.Errorf("XSTATE_BV %#x after there was none", le.Uint64(x[xsBV:]))
	}
}
