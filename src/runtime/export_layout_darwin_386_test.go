// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package runtime

import "unsafe"

// What the kernel writes and reads, in bytes from the beginning: a mistake in
// layout_darwin_386.go is a test that does not build (xnu-1504 to xnu-4903 bsd/sys/signal.h, bsd/sys/ucontext.h,
// bsd/sys/event.h, bsd/sys/time.h, osfmk/mach/i386/_structs.h).
var (
	_ [12]byte = [unsafe.Sizeof(stackt{})]byte{}
	_ [16]byte = [unsafe.Sizeof(sigactiont{})]byte{}
	_ [12]byte = [unsafe.Sizeof(usigactiont{})]byte{}
	_ [64]byte = [unsafe.Sizeof(siginfo{})]byte{}
	_ [8]byte  = [unsafe.Sizeof(timeval{})]byte{}
	_ [8]byte  = [unsafe.Sizeof(timespec{})]byte{}
	_ [16]byte = [unsafe.Sizeof(itimerval{})]byte{}
	_ [20]byte = [unsafe.Sizeof(keventt{})]byte{}

	_ [32]byte  = [unsafe.Sizeof(ucontext{})]byte{}
	_ [12]byte  = [unsafe.Sizeof(exceptionstate32{})]byte{}
	_ [64]byte  = [unsafe.Sizeof(regs32{})]byte{}
	_ [524]byte = [unsafe.Sizeof(floatstate32{})]byte{}
	_ [600]byte = [unsafe.Sizeof(mcontext32{})]byte{}

	_ [4]byte  = [unsafe.Offsetof(sigactiont{}.sa_tramp)]byte{}
	_ [8]byte  = [unsafe.Offsetof(sigactiont{}.sa_mask)]byte{}
	_ [4]byte  = [unsafe.Offsetof(usigactiont{}.sa_mask)]byte{}
	_ [8]byte  = [unsafe.Offsetof(siginfo{}.si_code)]byte{}
	_ [24]byte = [unsafe.Offsetof(siginfo{}.si_addr)]byte{}
	_ [4]byte  = [unsafe.Offsetof(ucontext{}.uc_sigmask)]byte{}
	_ [28]byte = [unsafe.Offsetof(ucontext{}.uc_mcontext)]byte{}
	_ [12]byte = [unsafe.Offsetof(mcontext32{}.ss)]byte{}
	_ [40]byte = [unsafe.Offsetof(regs32{}.eip)]byte{}
	_ [4]byte  = [unsafe.Offsetof(keventt{}.filter)]byte{}
	_ [12]byte = [unsafe.Offsetof(keventt{}.data)]byte{}
	_ [16]byte = [unsafe.Offsetof(keventt{}.udata)]byte{}
)
