// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"
	"unsafe"
)

// EVFILT_VNODE, and EVFILT_READ of regular files, by inotify. Each kqueue has
// one inotify instance; the files are named by /proc/self/fd.

// Filter flags of EVFILT_VNODE (xnu-11417 bsd/sys/event.h).
const (
	noteDelete = 0x1
	noteWrite  = 0x2
	noteExtend = 0x4
	noteAttrib = 0x8
	noteLink   = 0x10
	noteRename = 0x20
	noteRevoke = 0x40
	noteNone   = 0x80
)

// vnodeMask is what the watch of a file asks the host for.
const vnodeMask = syscall.IN_MODIFY | syscall.IN_ATTRIB | syscall.IN_DELETE_SELF | syscall.IN_MOVE_SELF |
	syscall.IN_CREATE | syscall.IN_DELETE | syscall.IN_MOVED_FROM | syscall.IN_MOVED_TO

// attachVnode starts an EVFILT_VNODE knote; what is no file has EINVAL
// (xnu-11417 bsd/vfs/vfs_vnops.c:vn_kqfilter).
func (kq *kqueue) attachVnode(i int32) Errno {
	kn := &kq.knotes[i]
	kind, mode, e := fdKind(int32(kn.ident))
	if e != 0 {
		return e
	}
	if kind != kindFile && mode != syscall.S_IFCHR && mode != syscall.S_IFBLK && mode != syscall.S_IFLNK {
		return EINVAL
	}
	kn.kind = kindFile
	kq.noteFile(kn)
	return kq.watchFile(i)
}

// rewatch changes what the EVFILT_VNODE knote i reports.
func (kq *kqueue) rewatch(i int32, fflags uint32) Errno {
	kn := &kq.knotes[i]
	kn.sfflags = fflags
	kn.fflags &= fflags
	return 0
}

// noteFile remembers the file's size and links, to tell what a change was.
func (kq *kqueue) noteFile(kn *knote) (size int64, nlink uint64) {
	var st syscall.Stat_t
	if _, e := host(syscall.SYS_FSTAT, uintptr(kn.ident), uintptr(unsafe.Pointer(&st)), 0, 0, 0, 0); e == 0 {
		size, nlink = kn.size, kn.nlink
		kn.size, kn.nlink = st.Size, st.Nlink
	}
	return
}

// watchFile adds knote i to the watch of its file.
func (kq *kqueue) watchFile(i int32) Errno {
	kn := &kq.knotes[i]
	if kq.ifd < 0 {
		fd, e := host(syscall.SYS_INOTIFY_INIT1, syscall.IN_CLOEXEC|syscall.IN_NONBLOCK, 0, 0, 0, 0, 0)
		if e != 0 {
			return e
		}
		h, e := hideFD(int32(fd))
		if e != 0 {
			return e
		}
		if e := epollCtl(kq.fd.Load(), syscall.EPOLL_CTL_ADD, h, linuxEpollIn, 0, tagInotify); e != 0 {
			closeHidden(h)
			return e
		}
		kq.ifd = h
		kq.watch = make(map[int32][]int32)
	}
	name := append([]byte("/proc/self/fd/"), itoa(int(kn.ident))...)
	name = append(name, 0)
	wd, e := host(syscall.SYS_INOTIFY_ADD_WATCH, uintptr(kq.ifd), uintptr(unsafe.Pointer(&name[0])), vnodeMask, 0, 0, 0)
	if e != 0 {
		return e
	}
	kn.wd = int32(wd)
	kn.state |= knWatched
	kq.watch[kn.wd] = append(kq.watch[kn.wd], i)
	return 0
}

// unwatch takes knote i from its watch.
func (kq *kqueue) unwatch(i int32) {
	kn := &kq.knotes[i]
	kn.state &^= knWatched
	l := kq.watch[kn.wd]
	for j := range l {
		if l[j] == i {
			l = append(l[:j], l[j+1:]...)
			break
		}
	}
	if len(l) > 0 {
		kq.watch[kn.wd] = l
		return
	}
	delete(kq.watch, kn.wd)
	if kq.ifd >= 0 {
		host(syscall.SYS_INOTIFY_RM_WATCH, uintptr(kq.ifd), uintptr(kn.wd), 0, 0, 0, 0)
	}
}

// readInotify takes the host's reports and activates the knotes concerned.
func (kq *kqueue) readInotify() {
	var buf [4096]byte
	for kq.ifd >= 0 {
		n, e := host(syscall.SYS_READ, uintptr(kq.ifd), uintptr(unsafe.Pointer(&buf)), uintptr(len(buf)), 0, 0, 0)
		if e != 0 || n < 16 {
			return
		}
		// struct inotify_event: wd 0, mask 4, cookie 8, len 12, name
		for b := buf[:n]; len(b) >= 16; {
			wd, mask, l := int32(getUint32(b)), getUint32(b[4:]), getUint32(b[12:])
			b = b[min(16+int(l), len(b)):]
			for _, i := range kq.watch[wd] {
				kq.vnodeEvent(i, mask)
			}
			if mask&syscall.IN_IGNORED != 0 {
				for _, i := range kq.watch[wd] {
					kq.knotes[i].state &^= knWatched
				}
				delete(kq.watch, wd)
			}
		}
	}
}

// vnodeEvent tells knote i of a change to its file.
func (kq *kqueue) vnodeEvent(i int32, mask uint32) {
	kn := &kq.knotes[i]
	if kn.filter != evfiltVnode {
		if mask&syscall.IN_MODIFY != 0 {
			kq.activate(i)
		}
		return
	}
	size, nlink := kq.noteFile(kn)
	note := vnodeNotes(mask)
	if mask&syscall.IN_MODIFY != 0 && kn.size > size {
		note |= noteExtend
	}
	if kn.nlink != nlink {
		note |= noteLink
	}
	if note&noteAttrib != 0 && kn.nlink == 0 {
		// The last name has gone; the host reports the deletion when the
		// file is closed too.
		note |= noteDelete
	}
	if note &= kn.sfflags; note != 0 {
		kn.fflags |= note
		kq.activate(i)
	}
}

// vnodeNotes translates a mask of inotify.
func vnodeNotes(mask uint32) uint32 {
	var n uint32
	if mask&(syscall.IN_MODIFY|syscall.IN_CREATE|syscall.IN_DELETE|syscall.IN_MOVED_FROM|syscall.IN_MOVED_TO) != 0 {
		n |= noteWrite
	}
	if mask&syscall.IN_ATTRIB != 0 {
		n |= noteAttrib
	}
	if mask&syscall.IN_DELETE_SELF != 0 {
		n |= noteDelete
	}
	if mask&syscall.IN_MOVE_SELF != 0 {
		n |= noteRename
	}
	if mask&syscall.IN_UNMOUNT != 0 {
		n |= noteRevoke
	}
	return n
}
