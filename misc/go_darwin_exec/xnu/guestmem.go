// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import "goxnu/misc/go_darwin_exec/vcpu"

// Buffers that the guest names and the host fills or reads. The host cannot
// tell the guest's memory from the runner's: where the guest's ends, it is
// given an address at which it finds nothing, so that it fails when and as it
// would with any bad address.

// nowhere is in page 0, where nothing is ever mapped. It is not 0, which for
// some calls means that there is no buffer.
const nowhere = 64

// dstBuf returns the buffer of n bytes at p for a host call that may fill a
// part of it: as much as is the guest's.
func dstBuf(p, n uint64) (addr, size uintptr) {
	switch m := vcpu.Owned(p, n); m {
	case n:
		return uintptr(p), uintptr(n)
	case 0:
		return nowhere, uintptr(n)
	default:
		return uintptr(p), uintptr(m)
	}
}

// srcBuf returns the buffer of n bytes at p for a host call that reads all of
// it, or none (xnu-11417 bsd/kern/sys_generic.c:dofilewrite: what has been
// written before the bad address does not count).
func srcBuf(p, n uint64) uintptr {
	if !guestHas(p, n) {
		return nowhere
	}
	return uintptr(p)
}

// guestHas reports whether the n bytes at p are the guest's.
func guestHas(p, n uint64) bool { return vcpu.Owned(p, n) == n }
