// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

// sysGetentropy fills at most 256 bytes (xnu-11215
// bsd/dev/random/randomdev.c:getentropy; since 3789). The host's getrandom
// does not block once the machine has started.
func sysGetentropy(t *Thread, a *args) (uint64, Errno) {
	buf, n := a[0], a[1]
	if n > 256 {
		return 0, EINVAL
	}
	for n > 0 {
		p, size := dstBuf(buf, n)
		k, e := t.block(sysGetrandom, p, size, 0, 0, 0, 0)
		if e != 0 {
			return 0, e
		}
		buf += k
		n -= k
	}
	return 0, 0
}
