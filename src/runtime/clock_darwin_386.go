// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

package runtime

import (
	"internal/runtime/atomic"
	"unsafe"
)

// commpage is where the kernel maps the commpage into every 32-bit process
// (xnu-1504 to xnu-11417 osfmk/i386/cpu_capabilities.h).
const commpage = 0xffff0000

// timevalSec is the type of timeval's tv_sec.
type timevalSec = int32

// commpage64 is one load of 8 bytes, by MMX. A 32-bit kernel may be between
// the halves of its store: see clock_darwin.go.
//
//go:nosplit
func commpage64(addr uintptr) uint64 {
	return atomic.Load64((*uint64)(unsafe.Pointer(addr)))
}
