// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

// plainForms are struct kevent by abi
// (xnu-11417 bsd/sys/eventvar.h: struct user64_kevent, user32_kevent).
var plainForms = [...]keventForm{abi64: plain64, abi32: plain32}

// plain64: ident 0/8, filter 8/2, flags 10/2, fflags 12/4, data 16/8, udata 24/8.
var plain64 = keventForm{
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

// plain32: ident 0/4, filter 4/2, flags 6/2, fflags 8/4, data 12/4, udata 16/4.
var plain32 = keventForm{
	family: familyPlain,
	size:   20,
	decode: func(k *kevent, b []byte) {
		*k = kevent{
			ident:  uint64(getUint32(b)),
			filter: int16(getUint16(b[4:])),
			flags:  getUint16(b[6:]),
			fflags: getUint32(b[8:]),
			data:   int64(int32(getUint32(b[12:]))),
			udata:  uint64(getUint32(b[16:])),
		}
	},
	encode: func(b []byte, k *kevent) {
		putUint32(b, uint32(k.ident))
		putUint16(b[4:], uint16(k.filter))
		putUint16(b[6:], k.flags)
		putUint32(b[8:], k.fflags)
		putUint32(b[12:], uint32(k.data))
		putUint32(b[16:], uint32(k.udata))
	},
}
