// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"unsafe"

	"goxnu/misc/go_darwin_exec/xsig"
)

// The signal structs of a 64-bit process (xnu-11417 bsd/sys/signal.h:
// __user64_sigaction, user64_sigaction, user64_sigaltstack; all releases).
type (
	sigactionIn struct {
		handler, tramp uint64
		mask, flags    uint32
	}
	sigactionOut struct {
		handler     uint64
		mask, flags uint32
	}
	stackT struct {
		sp, size uint64
		flags    int32
		_        int32
	}
)

func copyinSigaction(a *xsig.Action, p uint64) Errno {
	var s sigactionIn
	if e := copyin(unsafe.Pointer(&s), p, unsafe.Sizeof(s)); e != 0 {
		return e
	}
	*a = xsig.Action{Handler: s.handler, Tramp: s.tramp, Mask: xsig.Set(s.mask), Flags: s.flags}
	return 0
}

func copyoutSigaction(p uint64, a *xsig.Action) Errno {
	s := sigactionOut{a.Handler, uint32(a.Mask), a.Flags}
	return copyout(p, unsafe.Pointer(&s), unsafe.Sizeof(s))
}

func copyinStack(p uint64) (xsig.Stack, int32, Errno) {
	var s stackT
	e := copyin(unsafe.Pointer(&s), p, unsafe.Sizeof(s))
	return xsig.Stack{SP: s.sp, Size: s.size}, s.flags, e
}

func copyoutStack(p uint64, st xsig.Stack, flags int32) Errno {
	s := stackT{sp: st.SP, size: st.Size, flags: flags}
	return copyout(p, unsafe.Pointer(&s), unsafe.Sizeof(s))
}
