// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"syscall"
)

// attrCmn, attrDir and attrFile are attributes of objects
// (xnu-11417 bsd/sys/attr.h).
type attrCmn uint32
type attrDir uint32
type attrFile uint32

const (
	attrCmnName          attrCmn = 0x1
	attrCmnDevid         attrCmn = 0x2
	attrCmnFsid          attrCmn = 0x4
	attrCmnObjtype       attrCmn = 0x8
	attrCmnObjtag        attrCmn = 0x10
	attrCmnObjid         attrCmn = 0x20
	attrCmnObjpermanent  attrCmn = 0x40
	attrCmnCrtime        attrCmn = 0x200
	attrCmnModtime       attrCmn = 0x400
	attrCmnChgtime       attrCmn = 0x800
	attrCmnAcctime       attrCmn = 0x1000
	attrCmnOwnerid       attrCmn = 0x8000
	attrCmnGrpid         attrCmn = 0x10000
	attrCmnAccessmask    attrCmn = 0x20000
	attrCmnFlags         attrCmn = 0x40000
	attrCmnFileid        attrCmn = 0x2000000
	attrCmnFullpath      attrCmn = 0x8000000
	attrCmnError         attrCmn = 0x20000000
	attrCmnReturnedAttrs attrCmn = 0x80000000

	attrDirLinkcount   attrDir = 0x1
	attrDirAllocsize   attrDir = 0x8
	attrDirIoblocksize attrDir = 0x10
	attrDirDatalength  attrDir = 0x20

	attrFileLinkcount     attrFile = 0x1
	attrFileTotalsize     attrFile = 0x2
	attrFileAllocsize     attrFile = 0x4
	attrFileIoblocksize   attrFile = 0x8
	attrFileDevtype       attrFile = 0x20
	attrFileDatalength    attrFile = 0x200
	attrFileDataallocsize attrFile = 0x400
	attrFileRsrclength    attrFile = 0x1000
	attrFileRsrcallocsize attrFile = 0x2000
)

// What the runner can report about an object. Others are left out where the caller
// asks which it got (ATTR_CMN_RETURNED_ATTRS), and EINVAL where it does not
// (xnu-11215 bsd/vfs/vfs_attrlist.c:getattrlist_internal).
const (
	attrCmnKnown = attrCmnName | attrCmnDevid | attrCmnFsid | attrCmnObjtype | attrCmnObjtag |
		attrCmnObjid | attrCmnObjpermanent | attrCmnCrtime | attrCmnModtime | attrCmnChgtime |
		attrCmnAcctime | attrCmnOwnerid | attrCmnGrpid | attrCmnAccessmask | attrCmnFlags |
		attrCmnFileid | attrCmnFullpath | attrCmnError | attrCmnReturnedAttrs
	attrDirKnown  = attrDirLinkcount | attrDirAllocsize | attrDirIoblocksize | attrDirDatalength
	attrFileKnown = attrFileLinkcount | attrFileTotalsize | attrFileAllocsize | attrFileIoblocksize |
		attrFileDevtype | attrFileDatalength | attrFileDataallocsize | attrFileRsrclength | attrFileRsrcallocsize
)

// Options (xnu-11417 bsd/sys/attr.h).
const (
	fsoptNofollow       = 0x1
	fsoptReportFullsize = 0x4
	fsoptNofollowAny    = 0x800
)

// attrMaxBuffer bounds what getattrlist returns (ATTR_MAX_BUFFER).
const attrMaxBuffer = 8192

// An attrlist is the guest's request: bitmapcount 0/2, reserved 2/2, and the
// bits of common, volume, directory, file and fork attributes, 4 bytes each.
type attrlist struct {
	cmn  attrCmn
	vol  uint32
	dir  attrDir
	file attrFile
	fork uint32
}

func (t *Thread) copyinAttrlist(p uint64) (attrlist, Errno) {
	b := t.fs.buf[:24]
	if e := copyinBytes(b, p); e != 0 {
		return attrlist{}, e
	}
	if getUint16(b) != 5 { // ATTR_BIT_MAP_COUNT
		return attrlist{}, EINVAL
	}
	return attrlist{
		cmn:  attrCmn(getUint32(b[4:])),
		vol:  getUint32(b[8:]),
		dir:  attrDir(getUint32(b[12:])),
		file: attrFile(getUint32(b[16:])),
		fork: getUint32(b[20:]),
	}, 0
}

// known reduces the request to what the runner can tell about an object.
// Attributes of volumes and forks are not among it.
func (al attrlist) known() (attrlist, Errno) {
	if al.cmn&attrCmnReturnedAttrs == 0 {
		if al.cmn&^attrCmnKnown != 0 || al.dir&^attrDirKnown != 0 || al.file&^attrFileKnown != 0 || al.vol != 0 || al.fork != 0 {
			return al, EINVAL
		}
	}
	return attrlist{al.cmn & attrCmnKnown, 0, al.dir & attrDirKnown, al.file & attrFileKnown, 0}, 0
}

// An attrObject is what attributes are told about.
type attrObject struct {
	st   *statxBuf
	name []byte
	path []byte
}

// An attrPacker builds the answer: a length word, the fixed parts in the order
// of the bits, then what they refer to.
type attrPacker struct {
	b    []byte
	refs []attrRef
	long int
}

type attrRef struct {
	at   int // where the attrreference lies
	data []byte
}

func (k *attrPacker) u32(v uint32) {
	k.b = append(k.b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

func (k *attrPacker) u64(v uint64) {
	k.u32(uint32(v))
	k.u32(uint32(v >> 32))
}

func (k *attrPacker) time(ts []byte) {
	at := len(k.b)
	k.b = append(k.b, make([]byte, 2*k.long)...)
	putTimespec(k.b[at:], k.long, ts)
}

func (k *attrPacker) str(s []byte) {
	k.refs = append(k.refs, attrRef{len(k.b), append(bytes.Clone(s), 0)})
	k.u64(0)
}

// finish appends the strings and fills in the length.
func (k *attrPacker) finish() []byte {
	for _, r := range k.refs {
		putUint32(k.b[r.at:], uint32(len(k.b)-r.at))
		putUint32(k.b[r.at+4:], uint32(len(r.data)))
		k.b = append(k.b, r.data...)
		for len(k.b)%4 != 0 {
			k.b = append(k.b, 0)
		}
	}
	putUint32(k.b, uint32(len(k.b)))
	return k.b
}

// vtype is XNU's enum vtype of a mode (xnu-11417 bsd/sys/vnode.h).
func vtype(mode uint16) uint32 {
	switch mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		return 1
	case syscall.S_IFDIR:
		return 2
	case syscall.S_IFBLK:
		return 3
	case syscall.S_IFCHR:
		return 4
	case syscall.S_IFLNK:
		return 5
	case syscall.S_IFSOCK:
		return 6
	case syscall.S_IFIFO:
		return 7
	}
	return 0
}

// pack answers al about o. RETURNED_ATTRS and ERROR stand in front of the
// other common attributes, which follow in the order of their bits, those of
// directories or files behind them.
func (al attrlist) pack(o *attrObject, long int) []byte {
	st := o.st
	isDir := st.mode()&syscall.S_IFMT == syscall.S_IFDIR
	if isDir {
		al.file = 0
	} else {
		al.dir = 0
	}
	if st.mask()&statxBtime == 0 && al.cmn&attrCmnReturnedAttrs != 0 {
		al.cmn &^= attrCmnCrtime
	}
	k := &attrPacker{long: long}
	k.u32(0)
	if al.cmn&attrCmnReturnedAttrs != 0 {
		for _, v := range [...]uint32{uint32(al.cmn), 0, uint32(al.dir), uint32(al.file), 0} {
			k.u32(v)
		}
	}
	if al.cmn&attrCmnError != 0 {
		k.u32(0)
	}
	for bit := attrCmn(1); bit != 0; bit <<= 1 {
		switch al.cmn & bit {
		case attrCmnName:
			k.str(o.name)
		case attrCmnDevid:
			k.u32(st.dev())
		case attrCmnFsid:
			k.u32(st.dev())
			k.u32(0)
		case attrCmnObjtype:
			k.u32(vtype(st.mode()))
		case attrCmnObjtag:
			k.u32(0) // VT_NON
		case attrCmnObjid, attrCmnObjpermanent:
			k.u32(uint32(st.ino()))
			k.u32(0)
		case attrCmnCrtime:
			k.time(st.btime())
		case attrCmnModtime:
			k.time(st.mtime())
		case attrCmnChgtime:
			k.time(st.ctime())
		case attrCmnAcctime:
			k.time(st.atime())
		case attrCmnOwnerid:
			k.u32(st.uid())
		case attrCmnGrpid:
			k.u32(st.gid())
		case attrCmnAccessmask:
			k.u32(uint32(st.mode()))
		case attrCmnFlags:
			k.u32(uint32(guestFileFlags(st.attributes())))
		case attrCmnFileid:
			k.u64(st.ino())
		case attrCmnFullpath:
			k.str(o.path)
		}
	}
	for bit := attrDir(1); bit != 0; bit <<= 1 {
		switch al.dir & bit {
		case attrDirLinkcount:
			k.u32(st.nlink())
		case attrDirAllocsize:
			k.u64(st.blocks() * 512)
		case attrDirIoblocksize:
			k.u32(st.blksize())
		case attrDirDatalength:
			k.u64(st.size())
		}
	}
	for bit := attrFile(1); bit != 0; bit <<= 1 {
		switch al.file & bit {
		case attrFileLinkcount:
			k.u32(st.nlink())
		case attrFileTotalsize, attrFileDatalength:
			k.u64(st.size())
		case attrFileAllocsize, attrFileDataallocsize:
			k.u64(st.blocks() * 512)
		case attrFileIoblocksize:
			k.u32(st.blksize())
		case attrFileDevtype:
			k.u32(st.rdev())
		case attrFileRsrclength, attrFileRsrcallocsize:
			k.u64(0)
		}
	}
	return k.finish()
}

func (t *Thread) longSize() int {
	if t.abi() == abi32 {
		return 4
	}
	return 8
}

// getattrlist answers about the file that fd (perhaps O_PATH) is open on.
func (t *Thread) getattrlist(fd int32, alp, buf, size, options uint64) (uint64, Errno) {
	al, e := t.copyinAttrlist(alp)
	if e != 0 {
		return 0, e
	}
	if al, e = al.known(); e != 0 {
		return 0, e
	}
	if al.cmn&attrCmnError != 0 {
		return 0, EINVAL // bulk only
	}
	var o attrObject
	if al.cmn&(attrCmnName|attrCmnFullpath) != 0 {
		p, e := t.fdName(fd)
		if e != 0 {
			return 0, e
		}
		o.path = bytes.Clone(p[:len(p)-1])
		o.name = o.path[bytes.LastIndexByte(o.path, '/')+1:]
		if len(o.name) == 0 {
			o.name = o.path
		}
	}
	if o.st, e = t.fstatx(fd); e != 0 {
		return 0, e
	}
	b := al.pack(&o, t.longSize())
	// The length word is what was returned, or with FSOPT_REPORT_FULLSIZE
	// what would have been.
	n := min(uint64(len(b)), size)
	if n < 4 {
		return 0, ERANGE
	}
	if options&fsoptReportFullsize == 0 {
		putUint32(b, uint32(n))
	}
	return 0, copyoutBytes(buf, b[:n])
}

func (t *Thread) getattrlistName(dir uintptr, name, alp, buf, size, options uint64) (uint64, Errno) {
	p, e := t.pathAt(0, dir, name)
	if e != 0 {
		return 0, e
	}
	var h uintptr = linuxOPath | syscall.O_CLOEXEC
	if options&(fsoptNofollow|fsoptNofollowAny) != 0 {
		h |= syscall.O_NOFOLLOW
	}
	fd, e := t.block(syscall.SYS_OPENAT, dir, p, h, 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	v, e := t.getattrlist(int32(fd), alp, buf, size, options)
	host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
	return v, e
}

func sysGetattrlist(t *Thread, a *args) (uint64, Errno) {
	return t.getattrlistName(t.cwd(), a[0], a[1], a[2], a[3], a[4])
}

func sysGetattrlistat(t *Thread, a *args) (uint64, Errno) {
	return t.getattrlistName(t.dirfd(a[0]), a[1], a[2], a[3], a[4], a[5])
}

func sysFgetattrlist(t *Thread, a *args) (uint64, Errno) {
	return t.getattrlist(int32(a[0]), a[1], a[2], a[3], a[4])
}

// sysGetattrlistbulk returns the number of entries that it has told about, 0 at
// the end of the directory; "." and ".." are not entries
// (xnu-11215 bsd/vfs/vfs_attrlist.c:getattrlistbulk).
func sysGetattrlistbulk(t *Thread, a *args) (uint64, Errno) {
	fd, buf, size := int32(a[0]), a[2], a[3]
	al, e := t.copyinAttrlist(a[1])
	if e != 0 {
		return 0, e
	}
	const required = attrCmnName | attrCmnReturnedAttrs // ATTR_BULK_REQUIRED
	if al.cmn&required != required || al.vol != 0 {
		return 0, EINVAL
	}
	if al, e = al.known(); e != 0 {
		return 0, e
	}
	var dir []byte
	if al.cmn&attrCmnFullpath != 0 {
		p, e := t.fdName(fd)
		if e != 0 {
			return 0, e
		}
		dir = append(bytes.Clone(bytes.TrimSuffix(p[:len(p)-1], []byte("/"))), '/')
	}
	h := make([]byte, direntHostMax)
	work := t.fs.buf[direntHostMax:]
	count, done := uint64(0), uint64(0)
	for {
		k, e := t.block(syscall.SYS_GETDENTS64, uintptr(fd), hostBuf(&work[0]), direntHostMax, 0, 0, 0)
		if e == ENOTDIR {
			e = EINVAL
		}
		if e != 0 || k == 0 {
			return count, e
		}
		copy(h, work[:k])
		for at := 0; at < int(k); {
			d := hostDirent(h[at:])
			at += d.reclen()
			if name := string(d.name()); name != "." && name != ".." {
				b, e := t.bulkEntry(fd, al, d.name(), dir)
				if e == ENOENT {
					continue // it has gone in between
				}
				if e == 0 && done+uint64(len(b)) > size {
					// Come back for this one.
					if count == 0 {
						e = ERANGE
					}
					host(syscall.SYS_LSEEK, uintptr(fd), uintptr(t.beforeEntry(h[:k], at-d.reclen())), 0, 0, 0, 0)
					return count, e
				}
				if e == 0 {
					e = copyoutBytes(buf+done, b)
				}
				if e != 0 {
					return count, e
				}
				done += uint64(len(b))
				count++
			}
		}
		if count > 0 {
			return count, 0
		}
	}
}

// beforeEntry is the directory position in front of the record at offset at.
// The first record of a block never lacks room unless nothing has any.
func (t *Thread) beforeEntry(h []byte, at int) uint64 {
	off := uint64(0)
	for i := 0; i < at; {
		d := hostDirent(h[i:])
		off = d.off()
		i += d.reclen()
	}
	return off
}

func (t *Thread) bulkEntry(fd int32, al attrlist, name, dir []byte) ([]byte, Errno) {
	z := t.fs.name[0][:]
	z[copy(z, name)] = 0
	st, e := t.statx(uintptr(fd), hostBuf(&z[0]), linuxAtSymlinkNofollow)
	if e != 0 {
		return nil, e
	}
	o := attrObject{st: st, name: name}
	if dir != nil {
		o.path = append(bytes.Clone(dir), name...)
	}
	b := al.pack(&o, t.longSize())
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	putUint32(b, uint32(len(b)))
	return b, 0
}

// setattrlist sets the times, the owner, the mode and the flags of a file. The
// creation time cannot be set on Linux: EINVAL, as on a file system that does
// not support an attribute (xnu-11215 bsd/vfs/vfs_attrlist.c:setattrlist_internal).
// p is the name, or 0 for dir itself, an open file.
func (t *Thread) setattrlist(dir, p uintptr, alp, buf, size, options uint64) (uint64, Errno) {
	al, e := t.copyinAttrlist(alp)
	if e != 0 {
		return 0, e
	}
	const settable = attrCmnModtime | attrCmnChgtime | attrCmnAcctime | attrCmnOwnerid | attrCmnGrpid | attrCmnAccessmask | attrCmnFlags
	if al.cmn&^settable != 0 || al.vol != 0 || al.dir != 0 || al.file != 0 || al.fork != 0 {
		return 0, EINVAL
	}
	if size > attrMaxBuffer {
		return 0, ENOMEM
	}
	b := t.fs.buf[16384 : 16384+size]
	if e := copyinBytes(b, buf); e != 0 {
		return 0, e
	}
	long := t.longSize()
	take := func(n int) []byte {
		if len(b) < n {
			e = EINVAL
			return t.fs.buf[1024:1040]
		}
		v := b[:n]
		b = b[n:]
		return v
	}
	ts := t.fs.buf[:32] // Linux's order: access, modification
	const utimeOmit = 1<<30 - 2
	putUint64(ts[8:], utimeOmit)
	putUint64(ts[24:], utimeOmit)
	timespec := func(dst []byte) {
		v := take(2 * long)
		if long == 8 {
			copy(dst[:16], v)
		} else {
			putUint64(dst, uint64(int64(int32(getUint32(v)))))
			putUint64(dst[8:], uint64(getUint32(v[4:])))
		}
	}
	uid, gid := keepID, keepID
	var mode uintptr
	var flags fileFlag
	if al.cmn&attrCmnModtime != 0 {
		timespec(ts[16:])
	}
	if al.cmn&attrCmnChgtime != 0 {
		take(2 * long) // taken and ignored
	}
	if al.cmn&attrCmnAcctime != 0 {
		timespec(ts)
	}
	if al.cmn&attrCmnOwnerid != 0 {
		uid = uintptr(getUint32(take(4)))
	}
	if al.cmn&attrCmnGrpid != 0 {
		gid = uintptr(getUint32(take(4)))
	}
	if al.cmn&attrCmnAccessmask != 0 {
		mode = uintptr(getUint32(take(4)) & allPerms)
	}
	if al.cmn&attrCmnFlags != 0 {
		flags = fileFlag(getUint32(take(4)))
	}
	if e != 0 {
		return 0, e
	}
	var at uintptr
	if options&(fsoptNofollow|fsoptNofollowAny) != 0 && p != 0 {
		at = linuxAtSymlinkNofollow
	}
	if al.cmn&(attrCmnModtime|attrCmnAcctime) != 0 {
		if _, e := t.block(syscall.SYS_UTIMENSAT, dir, p, hostBuf(&ts[0]), at, 0, 0); e != 0 {
			return 0, e
		}
	}
	if al.cmn&(attrCmnOwnerid|attrCmnGrpid) != 0 {
		if p == 0 {
			_, e = t.block(syscall.SYS_FCHOWN, dir, uid, gid, 0, 0, 0)
		} else {
			_, e = t.block(syscall.SYS_FCHOWNAT, dir, p, uid, gid, at, 0)
		}
		if e != 0 {
			return 0, e
		}
	}
	if al.cmn&attrCmnAccessmask != 0 {
		if e = t.hostChmod(dir, p, mode, at != 0); e != 0 {
			return 0, e
		}
	}
	if al.cmn&attrCmnFlags != 0 {
		fd := uint64(dir)
		if p != 0 {
			h := uintptr(syscall.O_RDONLY | syscall.O_NONBLOCK | syscall.O_CLOEXEC)
			if at != 0 {
				h |= syscall.O_NOFOLLOW
			}
			fd, e = t.block(syscall.SYS_OPENAT, dir, p, h, 0, 0, 0)
			if e != 0 {
				return 0, e
			}
		}
		e = t.chflags(int32(fd), flags)
		if p != 0 {
			host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
		}
	}
	return 0, e
}

func (t *Thread) setattrlistName(dir uintptr, name, alp, buf, size, options uint64) (uint64, Errno) {
	p, e := t.pathAt(0, dir, name)
	if e != 0 {
		return 0, e
	}
	return t.setattrlist(dir, p, alp, buf, size, options)
}

func sysSetattrlist(t *Thread, a *args) (uint64, Errno) {
	return t.setattrlistName(t.cwd(), a[0], a[1], a[2], a[3], a[4])
}

func sysSetattrlistat(t *Thread, a *args) (uint64, Errno) {
	return t.setattrlistName(t.dirfd(a[0]), a[1], a[2], a[3], a[4], a[5])
}

func sysFsetattrlist(t *Thread, a *args) (uint64, Errno) {
	if int32(a[0]) < 0 {
		return 0, EBADF
	}
	return t.setattrlist(uintptr(int32(a[0])), 0, a[1], a[2], a[3], a[4])
}
