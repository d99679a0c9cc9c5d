// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

package runtime

import (
	"internal/runtime/atomic"
	"unsafe"
)

// commpage is where the kernel maps the commpage into every 64-bit process
// (xnu-1504 to xnu-11417 osfmk/i386/cpu_capabilities.h).
const commpage = 0x7fffffe00000

// timevalSec is the type of timeval's tv_sec.
type timevalSec = int64

//go:nosplit
func commpage64(addr uintptr) uint64 {
	return atomic.Load64((*uint64)(unsafe.Pointer(addr)))
}
