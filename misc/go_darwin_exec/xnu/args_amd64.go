// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import "unsafe"

// stackArgs reads the arguments that did not fit into registers from the
// guest's stack, beginning at sp, behind the return address.
func (t *Thread) stackArgs(a []uint64, sp uint64) Errno {
	return copyin(unsafe.Pointer(&a[0]), sp, uintptr(len(a))*8)
}
