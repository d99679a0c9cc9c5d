// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/xsig"
)

// fdSetsize is FD_SETSIZE; a set is an array of 32-bit words, which the host,
// whose words have 64 bits, stores alike
// (xnu-11417 bsd/sys/_types/_fd_def.h).
const fdSetsize = 1024

// sysSelect does not change the timeout, and a signal ends it with EINVAL or
// EINTR but never restarts it (xnu-11417 bsd/kern/sys_generic.c:selprocess).
func sysSelect(t *Thread, a *args) (uint64, Errno) {
	if a[4] != 0 && !t.restart {
		sec, usec, e := t.abi().readTimeval(a[4])
		if e != 0 {
			return 0, e
		}
		if sec < 0 || sec > 100000000 || usec < 0 || usec >= 1e6 {
			return 0, EINVAL // xnu-11417 bsd/kern/kern_time.c:itimerfix
		}
		t.deadline = monotonic() + sec*1e9 + usec*1e3
	}
	return t.selectFDs(a, a[4] != 0)
}

// sysPselect also has a mask of signals, which holds while it waits.
func sysPselect(t *Thread, a *args) (uint64, Errno) {
	if a[4] != 0 && !t.restart {
		sec, nsec, e := t.abi().readTimespec(a[4])
		if e != 0 {
			return 0, e
		}
		if sec < 0 || sec > 100000000 || nsec < 0 || nsec >= 1e9 {
			return 0, EINVAL
		}
		t.deadline = monotonic() + sec*1e9 + nsec
	}
	if a[5] == 0 {
		return t.selectFDs(a, a[4] != 0)
	}
	var m [4]byte
	if e := copyinBytes(m[:], a[5]); e != 0 {
		return 0, e
	}
	if !t.restart {
		t.suspendMask(xsig.Set(getUint32(m[:])))
	}
	n, e := t.selectFDs(a, a[4] != 0)
	if e != ERESTART {
		t.resumeMask() // otherwise with the delivery of the signal
	}
	return n, e
}

// A selectSet is one of the three sets of descriptors.
type selectSet [fdSetsize / 32]uint32

func (s *selectSet) has(fd int) bool { return s[fd/32]&(1<<(fd%32)) != 0 }

// selectFDs waits for the sets' descriptors by the host's poll, which tells
// more of a socket than its select (bsd/kern/sys_generic.c:select_internal, selscan).
func (t *Thread) selectFDs(a *args, timed bool) (uint64, Errno) {
	nd := int32(a[0])
	if nd < 0 {
		return 0, EINVAL
	}
	// More than the process may have open is cut, not refused
	// (xnu-11417 bsd/kern/sys_generic.c:select_internal).
	nd = min(nd, fdSetsize, hiddenFDBase)
	s := &t.poll
	words := (nd + 31) / 32
	for k := range s.in {
		clear(s.in[k][:])
		if a[1+k] != 0 {
			if e := copyinBytes(s.in[k].bytes(words), a[1+k]); e != 0 {
				return 0, e
			}
		}
	}
	if e := s.selectBegin(int(nd)); e != 0 {
		return 0, e
	}
	n, e := t.selectWait(s, timed)
	if e != 0 {
		return 0, e
	}
	for k := range s.out {
		if a[1+k] != 0 {
			if e := copyoutBytes(a[1+k], s.out[k].bytes(words)); e != 0 {
				return 0, e
			}
		}
	}
	return n, 0
}

// bytes returns the set's first words as the guest stores them.
func (s *selectSet) bytes(words int32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(s)), len(s)*4)[:words*4]
}

// selectBegin makes the host's array of the sets' first nd descriptors.
func (s *pollScan) selectBegin(nd int) Errno {
	s.host = s.inlineHost[:0]
	for fd := 0; fd < nd; fd++ {
		any := s.in[0][fd/32] | s.in[1][fd/32] | s.in[2][fd/32]
		if any == 0 {
			fd |= 31
			continue
		}
		if any&(1<<(fd%32)) == 0 {
			continue
		}
		if fdHidden(int32(fd)) {
			return EBADF
		}
		h := hostPollfd{fd: int32(fd)}
		if s.in[0].has(fd) {
			h.events |= linuxEpollIn | linuxRdhup
		}
		if s.in[1].has(fd) {
			h.events |= linuxEpollOut
		}
		if s.in[2].has(fd) {
			h.events |= linuxEpollPri
		}
		s.host = append(s.host, h)
	}
	return 0
}

// selectWait looks at the descriptors until one is ready, and counts the bits of the results.
func (t *Thread) selectWait(s *pollScan, timed bool) (uint64, Errno) {
	n, e := s.selectLook()
	if n > 0 || e != 0 || timed && t.deadline <= monotonic() {
		return n, e
	}
	for !s.idle {
		k, e := t.block(syscall.SYS_PPOLL, s.hostFDs(), uintptr(len(s.host)), t.pollTimeout(timed), 0, 0, 0)
		if e != 0 || k == 0 {
			return 0, e
		}
		if n, e := s.selectReady(); n > 0 || e != 0 {
			return n, e
		}
	}
	w, e := newPollWaiter()
	if e != 0 {
		return 0, e
	}
	defer w.close()
	for i := range s.host {
		w.add(s.host[i].fd)
	}
	for {
		w.drain()
		if n, e := s.selectLook(); n > 0 || e != 0 {
			return n, e
		}
		if k, e := w.wait(t, timed); e != 0 || k == 0 {
			return 0, e
		}
	}
}

// selectLook scans the descriptors once.
func (s *pollScan) selectLook() (uint64, Errno) {
	if e := s.hostPoll(); e != 0 {
		return 0, e
	}
	return s.selectReady()
}

// selectReady sets the results from what the host has seen. A stream socket
// that has never been connected is ready for nothing, although Linux reports a
// hang-up (bsd/kern/uipc_socket2.c:soreadable, sowriteable).
func (s *pollScan) selectReady() (n uint64, e Errno) {
	s.idle = false
	for k := range s.out {
		clear(s.out[k][:])
	}
	for i := range s.host {
		h := &s.host[i]
		ev := uint32(h.revents)
		if ev == 0 {
			continue
		}
		if ev&linuxPollNval != 0 {
			return 0, EBADF
		}
		if ev&linuxEpollHup != 0 && ev&(linuxRdhup|linuxEpollIn|linuxEpollErr) == 0 && unconnected(h.fd) {
			s.idle = true
			ev &= linuxEpollPri
		}
		for k, ready := range [...]uint32{linuxEpollIn | linuxRdhup | linuxEpollHup | linuxEpollErr, linuxEpollOut | linuxEpollErr, linuxEpollPri} {
			if ev&ready != 0 && s.in[k].has(int(h.fd)) {
				s.out[k][h.fd/32] |= 1 << (h.fd % 32)
				n++
			}
		}
	}
	return n, 0
}

// unconnected reports whether fd, of which the host reports a hang-up, is a
// stream socket that has no connection and has not had one.
func unconnected(fd int32) bool {
	kind, _, e := fdKind(fd)
	return e == 0 && kind == kindStream && pollNow(fd, linuxEpollIn|linuxRdhup)&linuxRdhup == 0
}

const linuxPollNval = 0x20
