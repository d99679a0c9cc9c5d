// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"os"
	"testing"

	"goxnu/misc/go_darwin_exec/mem"
)

func TestShm(t *testing.T) {
	th := guestThread(t, XNU11215)
	const min, size = 0x200100000000, 0x10000000
	th.p.Space = mem.NewSpace(min, min+size)
	defer th.p.Space.Unmap(min, size)

	const create, excl = 0o1000, 0o2000
	call(t, th, sysShmget, EINVAL, 0, shmMax+1, create|0o600)
	call(t, th, sysShmget, EINVAL, 0, 0, create|0o600)
	id := call(t, th, sysShmget, 0, 0, 5000, create|excl|0o600)
	at := func(want Errno, addr, flag uint64) uint64 {
		t.Helper()
		return call(t, th, sysShmat, want, id, addr, flag)
	}
	at(EINVAL, min+1, 0)
	a := at(0, 0, 0)
	b := at(0, min+0x100123, shmRnd|shmRdonly)
	if a < min || a >= min+size || b != min+0x100000 {
		t.Fatalf("attached at %#x and %#x", a, b)
	}
	v := []byte{42}
	if e := copyoutBytes(a+4999, v); e != 0 {
		t.Error(e)
	}
	v[0] = 0
	if e := copyinBytes(v, b+4999); e != 0 || v[0] != 42 {
		t.Errorf("the other view has %d, %v", v, e)
	}
	if e := copyoutBytes(b, v); e != EFAULT {
		t.Errorf("writing to what is read-only: %v", e)
	}
	at(ENOMEM, a, 0)
	for range shmSegs - 2 {
		at(0, 0, 0)
	}
	at(EMFILE, 0, 0)

	var buf [76]byte
	call(t, th, sysShmctl, 0, id, ipcStat, gp(&buf[0]))
	if n, size, mode := getUint16(buf[40:]), getUint64(buf[24:]), getUint16(buf[16:]); n != shmSegs || size != 5000 || mode != shmsegAllocated|0o600 {
		t.Errorf("%d attached, size %d, mode %#o", n, size, mode)
	}
	if uid, cpid := getUint32(buf[:]), getUint32(buf[36:]); int(uid) != os.Getuid() || int(cpid) != os.Getpid() {
		t.Errorf("owner %d, creator %d", uid, cpid)
	}
	putUint16(buf[16:], 0o640)
	call(t, th, sysShmctl, 0, id, ipcSet, gp(&buf[0]))
	call(t, th, sysShmctl, 0, id, ipcStat, gp(&buf[0]))
	if mode := getUint16(buf[16:]); mode != shmsegAllocated|0o640 {
		t.Errorf("mode %#o, want 640", mode)
	}
	call(t, th, sysShmctl, EINVAL, id, 77, gp(&buf[0]))
	call(t, th, sysShmctl, EFAULT, id, ipcStat, 8)

	call(t, th, sysShmdt, EINVAL, a+mem.PageSize)
	call(t, th, sysShmdt, 0, a)
	call(t, th, sysShmdt, EINVAL, a)
	call(t, th, sysShmctl, 0, id, ipcRmid, 0)
	at(EINVAL, 0, 0)
	for i := range th.p.shm.attached {
		if m := th.p.shm.attached[i]; m.size != 0 {
			call(t, th, sysShmdt, 0, m.addr)
		}
	}
}
