// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/mem"
)

// Shared memory of System V (xnu-11417 bsd/kern/sysv_shm.c). The segments are
// the host's; keys and the values of flags and commands are the same.

const (
	shmMax  = 4 << 20 // DEFAULT_SHMMAX
	shmSegs = 8       // DEFAULT_SHMSEG

	shmRdonly = 0o10000
	shmRnd    = 0o20000

	ipcRmid = 0
	ipcSet  = 1
	ipcStat = 2

	hostShmDest = 0o1000 // in the host's mode: to be removed

	shmsegAllocated = 0x800 // in the mode that IPC_STAT tells
)

// shmState is what a process has attached.
type shmState struct {
	mu       sync.Mutex
	attached [shmSegs]struct{ addr, size uint64 } // size 0: free
}

// hostShmid is the host's struct shmid64_ds.
type hostShmid struct {
	key                  int32
	uid, gid, cuid, cgid uint32
	mode                 uint32
	seq                  uint16
	_                    [2]uint64
	size                 uint64
	atime, dtime, ctime  int64
	cpid, lpid           int32
	nattch               uint64
	_                    [2]uint64
}

func shmErrno(e Errno) Errno {
	if e == EIDRM { // removed
		return EINVAL
	}
	return e
}

// sysShmget(key, size, flag)
func sysShmget(t *Thread, a *args) (uint64, Errno) {
	if a[1] > shmMax {
		return 0, EINVAL
	}
	return host(syscall.SYS_SHMGET, uintptr(int32(a[0])), uintptr(a[1]), uintptr(uint32(a[2])&0o3777), 0, 0, 0)
}

// shmStat finds a segment. One that is removed but still attached somewhere
// is not found any more, unlike on the host.
func (t *Thread) shmStat(id int32, st *hostShmid) Errno {
	_, e := host(syscall.SYS_SHMCTL, uintptr(id), ipcStat, uintptr(unsafe.Pointer(st)), 0, 0, 0)
	if e == 0 && st.mode&hostShmDest != 0 {
		return EINVAL
	}
	return shmErrno(e)
}

// sysShmat(id, addr, flag)
func sysShmat(t *Thread, a *args) (uint64, Errno) {
	id, addr, flag := int32(a[0]), a[1], uint32(a[2])
	s := &t.p.shm
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := -1
	for i := range s.attached {
		if s.attached[i].size == 0 {
			slot = i
			break
		}
	}
	st := new(hostShmid)
	if e := t.shmStat(id, st); e != 0 {
		return 0, e
	}
	if slot < 0 {
		return 0, EMFILE
	}
	if flag&shmRnd != 0 {
		addr &^= pageMask
	}
	if addr&pageMask != 0 {
		return 0, EINVAL
	}
	m := mem.Mapping{Addr: addr, Size: st.size, Prot: mem.ProtRead, FD: -1, Shared: true, NoReplace: addr != 0}
	if flag&shmRdonly == 0 {
		m.Prot |= mem.ProtWrite
	}
	addr, errno := t.p.Space.Map(m)
	if errno == syscall.EEXIST {
		return 0, ENOMEM // KERN_NO_SPACE
	}
	if errno != 0 {
		return 0, vmErrno(errno)
	}
	if errno := t.p.Space.AttachShm(addr, st.size, id, flag&shmRdonly); errno != 0 {
		t.p.Space.Unmap(addr, st.size)
		return 0, shmErrno(vmErrno(errno))
	}
	s.attached[slot].addr, s.attached[slot].size = addr, st.size
	return addr, 0
}

// sysShmdt(addr)
func sysShmdt(t *Thread, a *args) (uint64, Errno) {
	s := &t.p.shm
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.attached {
		if at := &s.attached[i]; at.size != 0 && at.addr == a[0] {
			if t.p.Space.Unmap(at.addr, at.size) != 0 {
				return 0, EINVAL
			}
			at.size = 0
			return 0, 0
		}
	}
	return 0, EINVAL
}

// shmidSize is the size of a guest's struct shmid_ds, by abi: 4-byte aligned,
// a 24-byte ipc_perm first (xnu-11417 bsd/sys/shm_internal.h).
var shmidSize = [...]int{abi64: 76, abi32: 56}

// sysShmctl(id, cmd, buf)
func sysShmctl(t *Thread, a *args) (uint64, Errno) {
	id, cmd, abi := int32(a[0]), int32(a[1]), t.abi()
	if cmd != ipcRmid && cmd != ipcSet && cmd != ipcStat {
		return 0, EINVAL
	}
	st := new(hostShmid)
	if e := t.shmStat(id, st); e != 0 {
		return 0, e
	}
	if cmd == ipcRmid {
		_, e := host(syscall.SYS_SHMCTL, uintptr(id), ipcRmid, 0, 0, 0, 0)
		return 0, shmErrno(e)
	}
	b := t.fs.buf[:shmidSize[abi]]
	if cmd == ipcSet {
		if e := copyinBytes(b, a[2]); e != 0 {
			return 0, e
		}
		st.uid, st.gid = getUint32(b), getUint32(b[4:])
		st.mode = uint32(getUint16(b[16:])) & 0o777
		_, e := host(syscall.SYS_SHMCTL, uintptr(id), ipcSet, uintptr(unsafe.Pointer(st)), 0, 0, 0)
		runtime.KeepAlive(st)
		return 0, shmErrno(e)
	}
	clear(b)
	putUint32(b, st.uid)
	putUint32(b[4:], st.gid)
	putUint32(b[8:], st.cuid)
	putUint32(b[12:], st.cgid)
	putUint16(b[16:], uint16(st.mode&0o777)|shmsegAllocated)
	putUint16(b[18:], st.seq)
	putUint32(b[20:], uint32(st.key))
	if abi == abi32 {
		putUint32(b[24:], uint32(st.size))
		putUint32(b[28:], uint32(st.lpid))
		putUint32(b[32:], uint32(st.cpid))
		putUint16(b[36:], uint16(st.nattch))
		putUint32(b[40:], uint32(st.atime))
		putUint32(b[44:], uint32(st.dtime))
		putUint32(b[48:], uint32(st.ctime))
	} else {
		putUint64(b[24:], st.size)
		putUint32(b[32:], uint32(st.lpid))
		putUint32(b[36:], uint32(st.cpid))
		putUint16(b[40:], uint16(st.nattch))
		putUint64(b[44:], uint64(st.atime))
		putUint64(b[52:], uint64(st.dtime))
		putUint64(b[60:], uint64(st.ctime))
	}
	return 0, copyoutBytes(a[2], b)
}
