// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"strconv"
	"strings"
	"syscall"
)

// statfs64Size is the size of struct statfs64, the same on both ABIs: bsize
// 0/4, iosize 4/4, blocks 8/8, bfree 16/8, bavail 24/8, files 32/8, ffree 40/8,
// fsid 48/8, owner 56/4, type 60/4, flags 64/4, fssubtype 68/4, fstypename
// 72/16, mntonname 88/1024, mntfromname 1112/1024 (xnu-11417 bsd/sys/mount.h).
const statfs64Size = 2168

// mountFlag is one of XNU's MNT_ flags (xnu-11417 bsd/sys/mount.h).
type mountFlag uint32

const (
	mntRdonly      mountFlag = 1
	mntSynchronous mountFlag = 2
	mntNoexec      mountFlag = 4
	mntNosuid      mountFlag = 8
	mntNodev       mountFlag = 0x10
	mntLocal       mountFlag = 0x1000
	mntRootfs      mountFlag = 0x4000
	mntNoatime     mountFlag = 0x10000000
)

// guestMountFlags translates f_flags of Linux's statfs (include/linux/statfs.h).
func guestMountFlags(h uint64) mountFlag {
	var g mountFlag
	for _, f := range [...]struct {
		host  uint64
		guest mountFlag
	}{
		{0x1, mntRdonly},
		{0x2, mntNosuid},
		{0x4, mntNodev},
		{0x8, mntNoexec},
		{0x10, mntSynchronous},
		{0x400, mntNoatime},
	} {
		if h&f.host != 0 {
			g |= f.guest
		}
	}
	return g
}

// A mount is one line of /proc/self/mountinfo.
type mount struct {
	id           uint64
	on, from, fs string
}

// remoteFs are the types of Linux file systems that are not local.
var remoteFs = map[string]bool{"nfs": true, "nfs4": true, "cifs": true, "smb3": true, "9p": true, "ceph": true, "afs": true, "fuse.sshfs": true, "virtiofs": true}

// parseMounts reads the text of /proc/self/mountinfo.
func parseMounts(text []byte) []mount {
	var ms []mount
	for line := range strings.SplitSeq(string(text), "\n") {
		// id parent major:minor root mount-point options [tags] - type source options
		head, tail, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(head), strings.Fields(tail)
		if !ok || len(f) < 6 || len(g) < 2 {
			continue
		}
		id, err := strconv.ParseUint(f[0], 10, 64)
		if err != nil {
			continue
		}
		ms = append(ms, mount{id, unescapeMount(f[4]), unescapeMount(g[1]), g[0]})
	}
	return ms
}

// unescapeMount undoes the octal escapes of blanks in mountinfo.
func unescapeMount(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// readHostFile reads a small host file, such as one of /proc, without the
// poller that package os would start.
func readHostFile(name string) []byte {
	fd, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	var b []byte
	buf := make([]byte, 16384)
	for {
		n, err := syscall.Read(fd, buf)
		if err == syscall.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			return b
		}
		b = append(b, buf[:n]...)
	}
}

func hostMounts() []mount { return parseMounts(readHostFile("/proc/self/mountinfo")) }

// putStatfs64 writes the guest's structure from Linux's struct statfs h and
// the mount, which may be unknown (nil).
func putStatfs64(b []byte, h []byte, m *mount) {
	clear(b[:statfs64Size])
	bsize, frsize := getUint64(h[8:]), getUint64(h[72:])
	if frsize == 0 {
		frsize = bsize
	}
	putUint32(b, uint32(frsize))
	putUint32(b[4:], uint32(bsize))
	for i := 0; i < 40; i += 8 { // blocks, bfree, bavail, files, ffree
		putUint64(b[8+i:], getUint64(h[16+i:]))
	}
	putUint64(b[48:], getUint64(h[56:]))
	putUint32(b[60:], uint32(getUint64(h))&0x7fffffff)
	flags := guestMountFlags(getUint64(h[80:]))
	if m != nil {
		if !remoteFs[m.fs] {
			flags |= mntLocal
		}
		if m.on == "/" {
			flags |= mntRootfs
		}
		copy(b[72:72+15], m.fs)
		copy(b[88:88+1023], m.on)
		copy(b[1112:1112+1023], m.from)
	}
	putUint32(b[64:], uint32(flags))
}

const hostStatfsSize = 120

// statfsFd answers for the file that fd is open on.
func (t *Thread) statfsFd(fd int32, buf uint64) Errno {
	h := t.fs.buf[:hostStatfsSize]
	if _, e := t.block(syscall.SYS_FSTATFS, uintptr(fd), hostBuf(&h[0]), 0, 0, 0, 0); e != 0 {
		return e
	}
	st, e := t.fstatx(fd)
	if e != 0 {
		return e
	}
	var m *mount
	ms := hostMounts()
	for i := range ms {
		if ms[i].id == st.mntID() {
			m = &ms[i]
		}
	}
	b := t.fs.buf[8192:]
	putStatfs64(b, h, m)
	return copyoutBytes(buf, b[:statfs64Size])
}

func sysStatfs64(t *Thread, a *args) (uint64, Errno) {
	p, e := t.pathAt(0, t.cwd(), a[0])
	if e != 0 {
		return 0, e
	}
	fd, e := t.block(syscall.SYS_OPENAT, t.cwd(), p, linuxOPath|syscall.O_CLOEXEC, 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	e = t.statfsFd(int32(fd), a[1])
	host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
	return 0, e
}

func sysFstatfs64(t *Thread, a *args) (uint64, Errno) {
	return 0, t.statfsFd(int32(a[0]), a[1])
}

// sysGetfsstat64 returns the number of mounts, and as many structures as fit
// (xnu-11417 bsd/vfs/vfs_syscalls.c:getfsstat64). A mount point that another
// mount hides is left out.
func sysGetfsstat64(t *Thread, a *args) (uint64, Errno) {
	buf, size := a[0], int32(a[1])
	if buf != 0 && size < 0 {
		return 0, EINVAL
	}
	room := uint64(size) / statfs64Size
	last := map[string]uint64{}
	ms := hostMounts()
	for _, m := range ms {
		last[m.on] = m.id
	}
	n := uint64(0)
	for i := range ms {
		m := &ms[i]
		if last[m.on] != m.id || len(m.on) >= pathMax || bytes.IndexByte([]byte(m.on), 0) >= 0 {
			continue
		}
		if buf == 0 {
			n++
			continue
		}
		if n == room {
			break
		}
		h := t.fs.buf[:hostStatfsSize]
		name := t.fs.name[0][:]
		name[copy(name, m.on)] = 0
		if _, e := t.block(syscall.SYS_STATFS, hostBuf(&name[0]), hostBuf(&h[0]), 0, 0, 0, 0); e == ERESTART {
			return 0, e
		} else if e != 0 {
			continue
		}
		b := t.fs.buf[8192:]
		putStatfs64(b, h, m)
		if e := copyoutBytes(buf+n*statfs64Size, b[:statfs64Size]); e != 0 {
			return 0, e
		}
		n++
	}
	return n, 0
}
