// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

const ptDenyAttach = 31 // bsd/sys/ptrace.h

// sysPtrace refuses to trace, as XNU does where its policy forbids it
// (bsd/kern/mach_process.c:ptrace).
func sysPtrace(t *Thread, a *args) (uint64, Errno) {
	if int32(a[0]) == ptDenyAttach {
		return 0, 0
	}
	return 0, EPERM
}
