// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"slices"
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

// dirMask is what of it changes the directory that the event's name is in.
const dirMask = syscall.IN_CREATE | syscall.IN_DELETE | syscall.IN_MOVED_FROM | syscall.IN_MOVED_TO | syscall.IN_ISDIR

// attachVnode starts an EVFILT_VNODE knote; what is no file has EINVAL
// (xnu-11417 bsd/vfs/vfs_vnops.c:vn_kqfilter).
func (kq *kqueue) attachVnode(i int32) Errno {
	kn := &kq.knotes[i]
	kind, mode, e := fdKind(int32(kn.ident))
	if e != 0 {
		return e
	}
	if kind != kindFile && kind != kindFIFO && mode != syscall.S_IFCHR && mode != syscall.S_IFBLK && mode != syscall.S_IFLNK {
		return EINVAL
	}
	kn.kind = kindFile
	kn.isDir = mode == syscall.S_IFDIR
	kn.size, kn.nlink = kn.fileState()
	if e := kq.watchFile(i); e != 0 || !kn.isDir {
		return e
	}
	kq.watchParent(i)
	return 0
}

// rewatch changes what the EVFILT_VNODE knote i reports.
func (kq *kqueue) rewatch(i int32, fflags uint32) Errno {
	kn := &kq.knotes[i]
	kn.sfflags = fflags
	kn.fflags &= fflags
	return 0
}

// fileState returns the size and the number of links of knote kn's file, or
// what was known of it.
func (kn *knote) fileState() (size int64, nlink uint64) {
	var st syscall.Stat_t
	if _, e := host(syscall.SYS_FSTAT, uintptr(kn.ident), uintptr(unsafe.Pointer(&st)), 0, 0, 0, 0); e != 0 {
		return kn.size, kn.nlink
	}
	return st.Size, st.Nlink
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
		kq.parents = make(map[int32][]int32)
	}
	wd, e := kq.addWatch(int(kn.ident), "", vnodeMask)
	if e != 0 {
		return e
	}
	kn.wd = wd
	kn.state |= knWatched
	kq.watch[wd] = append(kq.watch[wd], i)
	return 0
}

// addWatch adds a watch of the descriptor's file, or of what suffix leads to from there.
func (kq *kqueue) addWatch(fd int, suffix string, mask uintptr) (int32, Errno) {
	name := append([]byte("/proc/self/fd/"), itoa(fd)...)
	name = append(append(name, suffix...), 0)
	wd, e := host(syscall.SYS_INOTIFY_ADD_WATCH, uintptr(kq.ifd), uintptr(unsafe.Pointer(&name[0])), mask, 0, 0, 0)
	return int32(wd), e
}

// watchParent watches the directory that knote i's directory is in, for the
// host reports the removal of a directory itself only when it is closed.
func (kq *kqueue) watchParent(i int32) {
	kn := &kq.knotes[i]
	wd, e := kq.addWatch(int(kn.ident), "/..", syscall.IN_DELETE|syscall.IN_MASK_ADD)
	if e != 0 {
		return // it has been removed already
	}
	kn.parent = wd
	kq.parents[wd] = append(kq.parents[wd], i)
}

// unwatch takes knote i from its watches.
func (kq *kqueue) unwatch(i int32) {
	kn := &kq.knotes[i]
	kn.state &^= knWatched
	kq.leave(kq.watch, kn.wd, i)
	kq.leaveParent(i)
}

func (kq *kqueue) leaveParent(i int32) {
	kn := &kq.knotes[i]
	if kn.parent != 0 {
		kq.leave(kq.parents, kn.parent, i)
		kn.parent = 0
	}
}

// leave takes knote i from one of the watch's two lists, and ends a watch that
// nobody needs.
func (kq *kqueue) leave(lists map[int32][]int32, wd, i int32) {
	l := lists[wd]
	if j := slices.Index(l, i); j >= 0 {
		l = slices.Delete(l, j, j+1)
	}
	if lists[wd] = l; len(l) == 0 {
		delete(lists, wd)
	}
	if len(kq.watch[wd]) == 0 && len(kq.parents[wd]) == 0 && kq.ifd >= 0 {
		host(syscall.SYS_INOTIFY_RM_WATCH, uintptr(kq.ifd), uintptr(wd), 0, 0, 0, 0)
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
			if l > 0 {
				mask &= dirMask // what befalls a file does not concern its directory
			}
			for _, i := range kq.watch[wd] {
				kq.vnodeEvent(i, mask)
			}
			if mask&(syscall.IN_DELETE|syscall.IN_ISDIR) == syscall.IN_DELETE|syscall.IN_ISDIR {
				for _, i := range kq.parents[wd] {
					kq.parentEvent(i)
				}
			}
			if mask&syscall.IN_IGNORED != 0 {
				for _, i := range kq.watch[wd] {
					kq.knotes[i].state &^= knWatched
				}
				delete(kq.watch, wd)
				for _, i := range kq.parents[wd] {
					kq.knotes[i].parent = 0
				}
				delete(kq.parents, wd)
			}
		}
	}
}

// vnodeEvent tells knote i of a change to its file, in XNU's words
// (xnu-11417 bsd/vfs/kpi_vfs.c): to truncate a file changes an attribute; to
// remove a name of it is NOTE_DELETE and NOTE_LINK, even if it has others; to
// add one, NOTE_LINK. The host says "modified" and "attribute" to these, so the
// size and the number of links tell them apart. Of several changes that the
// guest lets come together, some may not show.
func (kq *kqueue) vnodeEvent(i int32, mask uint32) {
	kn := &kq.knotes[i]
	if mask&^syscall.IN_ISDIR == 0 {
		return
	}
	if kn.filter != evfiltVnode {
		if mask&syscall.IN_MODIFY != 0 {
			kq.activate(i)
		}
		return
	}
	note := vnodeNotes(mask)
	// An event that is read late finds the file as later changes have left
	// it. So each kind of event compares only with what the last of its kind found.
	size, nlink := kn.fileState()
	switch {
	case kn.isDir:
		if nlink != kn.nlink || mask&syscall.IN_DELETE_SELF != 0 {
			note |= noteLink
		}
		kn.nlink = nlink
		if mask&syscall.IN_MOVE_SELF != 0 {
			kq.leaveParent(i)
			kq.watchParent(i)
		}
	case mask&syscall.IN_MODIFY != 0:
		switch {
		case size > kn.size:
			note |= noteExtend
		case size == 0:
			note = note&^noteWrite | noteAttrib // only truncation does that
		case size < kn.size:
			note |= noteAttrib // truncated, and perhaps written to since
		}
		kn.size = size
	case mask&syscall.IN_ATTRIB != 0:
		switch {
		case nlink < kn.nlink:
			note = note&^noteAttrib | noteDelete | noteLink
		case nlink > kn.nlink:
			note = note&^noteAttrib | noteLink
		}
		kn.nlink = nlink
	}
	if note &= kn.sfflags; note != 0 {
		kn.fflags |= note
		kq.activate(i)
	}
}

// parentEvent tells knote i, of a directory, that a directory has been removed
// from the one around it.
func (kq *kqueue) parentEvent(i int32) {
	kn := &kq.knotes[i]
	if _, nlink := kn.fileState(); nlink == 0 && !kn.gone {
		kn.gone = true
		kq.vnodeEvent(i, syscall.IN_DELETE_SELF)
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
