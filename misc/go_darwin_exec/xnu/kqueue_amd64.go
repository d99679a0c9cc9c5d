// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

// plainForm is struct kevent of a 64-bit program: ident 0/8, filter 8/2,
// flags 10/2, fflags 12/4, data 16/8, udata 24/8
// (xnu-11417 bsd/sys/eventvar.h: struct user64_kevent).
var plainForm = keventForm{
	family: familyPlain,
	size:   32,
	decode: func(k *kevent, b []byte) {
		*k = kevent{
			ident:  getUint64(b),
			filter: int16(getUint16(b[8:])),
			flags:  getUint16(b[10:]),
			fflags: getUint32(b[12:]),
			data:   int64(getUint64(b[16:])),
			udata:  getUint64(b[24:]),
		}
	},
	encode: func(b []byte, k *kevent) {
		putUint64(b, k.ident)
		putUint16(b[8:], uint16(k.filter))
		putUint16(b[10:], k.flags)
		putUint32(b[12:], k.fflags)
		putUint64(b[16:], uint64(k.data))
		putUint64(b[24:], k.udata)
	},
}
