// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"math/bits"
	"syscall"

	"goxnu/misc/go_darwin_exec/hostsig"
)

// The interval timers are the host's, with the same numbers; their signals
// come back through package hostsig. Like XNU's they survive exec and are not
// inherited by fork.

// sysSetitimer: bsd/kern/kern_time.c:setitimer, itimerfix.
func sysSetitimer(t *Thread, a *args) (uint64, Errno) {
	which := uint32(a[0])
	if which > 2 {
		return 0, EINVAL
	}
	if a[1] == 0 {
		// Only the old value is wanted.
		if a[2] == 0 {
			return 0, 0
		}
		return sysGetitimer(t, &args{a[0], a[2]})
	}
	h, n := t.fs.buf[:64], timevalSize[t.abi()]
	g := t.fs.buf[64:128]
	if e := copyinBytes(g[:2*n], a[1]); e != 0 {
		return 0, e
	}
	for i := range 2 {
		sec, usec, ok := getTimeval(g[i*n:], t.abi())
		if !ok {
			return 0, EINVAL
		}
		putUint64(h[16*i:], sec)
		putUint64(h[16*i+8:], usec)
	}
	if _, e := host(syscall.SYS_SETITIMER, uintptr(which), hostBuf(&h[0]), hostBuf(&h[32]), 0, 0, 0); e != 0 {
		return 0, e
	}
	if a[2] == 0 {
		return 0, 0
	}
	return 0, t.copyoutItimer(a[2], h[32:])
}

func sysGetitimer(t *Thread, a *args) (uint64, Errno) {
	which := uint32(a[0])
	if which > 2 {
		return 0, EINVAL
	}
	h := t.fs.buf[:32]
	if _, e := host(syscall.SYS_GETITIMER, uintptr(which), hostBuf(&h[0]), 0, 0, 0, 0); e != 0 {
		return 0, e
	}
	return 0, t.copyoutItimer(a[1], h)
}

// timevalSize is the size of a struct timeval by abi.
var timevalSize = [...]int{abi64: 16, abi32: 8}

// getTimeval reads a timer value: seconds up to 10⁸, microseconds below 10⁶
// (kern_time.c:itimerfix).
func getTimeval(b []byte, abi abi) (sec, usec uint64, ok bool) {
	var s int64
	var u int32
	if abi == abi32 {
		s, u = int64(int32(getUint32(b))), int32(getUint32(b[4:]))
	} else {
		s, u = int64(getUint64(b)), int32(getUint32(b[8:]))
	}
	return uint64(s), uint64(u), s >= 0 && s <= 1e8 && u >= 0 && u < 1e6
}

// copyoutItimer writes the host's struct itimerval h as the guest's.
func (t *Thread) copyoutItimer(p uint64, h []byte) Errno {
	g := t.fs.buf[128:]
	n := putTimeval(g, t.abi(), getUint64(h), getUint64(h[8:]))
	n += putTimeval(g[n:], t.abi(), getUint64(h[16:]), getUint64(h[24:]))
	return copyoutBytes(p, g[:n])
}

// takeKick clears a kick, before the look at what it was for, and posts the
// signals of the CPU-time timers that have hit this thread: from 3248 they
// are offered to the thread that ran, before they were the process's
// (bsd/kern/kern_sig.c:bsd_ast). In a forked child it posts whatever was sent
// to it.
func (t *Thread) takeKick() {
	t.cpu.TakeKick()
	if t.p.child {
		for set := hostsig.TakeTimers(); set != 0; {
			n, r := 0, hostsig.Record{}
			for s := set; s != 0; s &= s - 1 {
				i := bits.TrailingZeros64(s)
				if x := hostsig.Noted(i); n == 0 || x.Order-r.Order < 0 {
					n, r = i, x
				}
			}
			set &^= 1 << n
			hostsig.Taken(n)
			t.p.fromHost(&r)
		}
		return
	}
	for set := hostsig.TakeTimers(); set != 0; set &= set - 1 {
		if sig := fromHostSignal(bits.TrailingZeros64(set)); sig != 0 {
			t.p.mu.Lock()
			t.p.post(sig, self(sig), t, true)
		}
	}
}
