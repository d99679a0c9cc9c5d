// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xsig

// Choose returns the thread that Post would give sig to now, nil if none.
func (p *Proc) Choose(sig int) *Thread {
	if p.ignore.Has(sig) {
		return nil
	}
	return p.choose(sig)
}

// LateToExec reports whether t, which is in execve, has a signal that exec should
// drop: caught, and ignored by default.
func (p *Proc) LateToExec(t *Thread) bool {
	return t.Pending&p.caught&ignoreSigs&^contSigs != 0
}
