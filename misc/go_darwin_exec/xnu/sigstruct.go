// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"unsafe"

	"goxnu/misc/go_darwin_exec/xsig"
)

// The signal structs of a 64-bit process and of a 32-bit one (xnu-11417
// bsd/sys/signal.h: __user64_sigaction, user64_sigaction, user64_sigaltstack
// and the like with 32; all releases).
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

	sigactionIn32  struct{ handler, tramp, mask, flags uint32 }
	sigactionOut32 struct{ handler, mask, flags uint32 }
	stackT32       struct {
		sp, size uint32
		flags    int32
	}
)

func (g abi) copyinSigaction(a *xsig.Action, p uint64) Errno {
	if g == abi32 {
		var s sigactionIn32
		if e := copyin(unsafe.Pointer(&s), p, unsafe.Sizeof(s)); e != 0 {
			return e
		}
		*a = xsig.Action{Handler: uint64(s.handler), Tramp: uint64(s.tramp), Mask: xsig.Set(s.mask), Flags: s.flags}
		return 0
	}
	var s sigactionIn
	if e := copyin(unsafe.Pointer(&s), p, unsafe.Sizeof(s)); e != 0 {
		return e
	}
	*a = xsig.Action{Handler: s.handler, Tramp: s.tramp, Mask: xsig.Set(s.mask), Flags: s.flags}
	return 0
}

func (g abi) copyoutSigaction(p uint64, a *xsig.Action) Errno {
	if g == abi32 {
		s := sigactionOut32{uint32(a.Handler), uint32(a.Mask), a.Flags}
		return copyout(p, unsafe.Pointer(&s), unsafe.Sizeof(s))
	}
	s := sigactionOut{a.Handler, uint32(a.Mask), a.Flags}
	return copyout(p, unsafe.Pointer(&s), unsafe.Sizeof(s))
}

func (g abi) copyinStack(p uint64) (xsig.Stack, int32, Errno) {
	if g == abi32 {
		var s stackT32
		e := copyin(unsafe.Pointer(&s), p, unsafe.Sizeof(s))
		return xsig.Stack{SP: uint64(s.sp), Size: uint64(s.size)}, s.flags, e
	}
	var s stackT
	e := copyin(unsafe.Pointer(&s), p, unsafe.Sizeof(s))
	return xsig.Stack{SP: s.sp, Size: s.size}, s.flags, e
}

func (g abi) copyoutStack(p uint64, st xsig.Stack, flags int32) Errno {
	if g == abi32 {
		s := stackT32{uint32(st.SP), uint32(st.Size), flags}
		return copyout(p, unsafe.Pointer(&s), unsafe.Sizeof(s))
	}
	s := stackT{sp: st.SP, size: st.Size, flags: flags}
	return copyout(p, unsafe.Pointer(&s), unsafe.Sizeof(s))
}
