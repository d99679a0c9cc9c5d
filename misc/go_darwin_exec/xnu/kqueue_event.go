// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

// Layouts of an event in guest memory (xnu-11417 bsd/sys/event.h,
// eventvar.h). kevent64_s and kevent_qos_s are the same for 32-bit and 64-bit
// programs; struct kevent is in kqueueabi.go.

// form64 is struct kevent64_s: ident 0/8, filter 8/2, flags 10/2, fflags 12/4,
// data 16/8, udata 24/8, ext 32/16.
var form64 = keventForm{
	family: family64,
	size:   48,
	decode: func(k *kevent, b []byte) {
		*k = kevent{
			ident:  getUint64(b),
			filter: int16(getUint16(b[8:])),
			flags:  getUint16(b[10:]),
			fflags: getUint32(b[12:]),
			data:   int64(getUint64(b[16:])),
			udata:  getUint64(b[24:]),
			ext:    [4]uint64{getUint64(b[32:]), getUint64(b[40:])},
		}
	},
	encode: func(b []byte, k *kevent) {
		putUint64(b, k.ident)
		putUint16(b[8:], uint16(k.filter))
		putUint16(b[10:], k.flags)
		putUint32(b[12:], k.fflags)
		putUint64(b[16:], uint64(k.data))
		putUint64(b[24:], k.udata)
		putUint64(b[32:], k.ext[0])
		putUint64(b[40:], k.ext[1])
	},
}

// qosForm is struct kevent_qos_s: ident 0/8, filter 8/2, flags 10/2, qos 12/4,
// udata 16/8, fflags 24/4, xflags 28/4, data 32/8, ext 40/32.
var qosForm = keventForm{
	family: familyQos,
	size:   72,
	decode: func(k *kevent, b []byte) {
		*k = kevent{
			ident:  getUint64(b),
			filter: int16(getUint16(b[8:])),
			flags:  getUint16(b[10:]),
			qos:    int32(getUint32(b[12:])),
			udata:  getUint64(b[16:]),
			fflags: getUint32(b[24:]),
			xflags: getUint32(b[28:]),
			data:   int64(getUint64(b[32:])),
			ext:    [4]uint64{getUint64(b[40:]), getUint64(b[48:]), getUint64(b[56:]), getUint64(b[64:])},
		}
	},
	encode: func(b []byte, k *kevent) {
		putUint64(b, k.ident)
		putUint16(b[8:], uint16(k.filter))
		putUint16(b[10:], k.flags)
		putUint32(b[12:], uint32(k.qos))
		putUint64(b[16:], k.udata)
		putUint32(b[24:], k.fflags)
		putUint32(b[28:], k.xflags)
		putUint64(b[32:], uint64(k.data))
		for i, v := range k.ext {
			putUint64(b[40+8*i:], v)
		}
	},
}
