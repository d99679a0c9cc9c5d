// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

// Functions of libSystem that the runner performs: time, names, threads, files.

import (
	"runtime"
	"syscall"

	"goxnu/misc/go_darwin_exec/libsystem"
	"goxnu/misc/go_darwin_exec/vcpu"
)

// taskSelf is the name of the task's own port: see portSpace.init.
const taskSelf = 1<<8 | 3

func libArc4randomBuf(t *Thread, a *args) (uint64, Errno) {
	p, n := a[0], a[1]
	for n > 0 {
		b := t.fs.buf[:min(n, 256)]
		for i := 0; i < len(b); i++ {
			b[i] = byte(random64())
		}
		if !vcpu.CopyOut(p, b) {
			return 0, EFAULT
		}
		p, n = p+uint64(len(b)), n-uint64(len(b))
	}
	return 0, 0
}

// libClockGettime: the numbers are those of time.h from 10.12 on.
func libClockGettime(t *Thread, a *args) (uint64, Errno) {
	const linuxClockProcessCPU = 2
	var sec, nsec uint64
	switch int32(a[0]) {
	case 0: // CLOCK_REALTIME
		sec, nsec = t.hostClock(linuxClockRealtime)
	case 4, 5, 6, 8, 9: // CLOCK_MONOTONIC_RAW, its approximation, CLOCK_MONOTONIC, CLOCK_UPTIME_RAW, its approximation
		sec, nsec = t.hostClock(linuxClockMonotonic)
	case 12: // CLOCK_PROCESS_CPUTIME_ID
		sec, nsec = t.hostClock(linuxClockProcessCPU)
	case 16: // CLOCK_THREAD_CPUTIME_ID
		sec, nsec = t.hostClock(linuxClockThreadCPU)
	default:
		return 0, EINVAL
	}
	b := t.fs.buf[:16]
	putUint64(b, sec)
	putUint64(b[8:], nsec)
	return 0, copyoutBytes(a[1], b)
}

func libSysctlbyname(t *Thread, a *args) (uint64, Errno) {
	return sysSysctlbyname(t, &args{a[0], uint64(len(cstringAt(a[0]))), a[1], a[2], a[3], a[4]})
}

// libPthreadKill returns an error number. A thread is there as long as its pthread
// is some thread's.
func libPthreadKill(t *Thread, a *args) (uint64, Errno) {
	p, port := t.p, uint32(0)
	p.lock()
	for _, x := range p.threads {
		if x.tsd == a[0]+libsystem.TSDOffset {
			port = p.ports.threadName(x)
			break
		}
	}
	p.unlock()
	if port == 0 {
		return uint64(ESRCH), 0
	}
	_, e := sysPthreadKill(t, &args{uint64(port), a[1]})
	p.ports.dropSend(port, 1)
	return errnoResult(e)
}

// A DIR is memory of the guest's: the descriptor, the next entry's offset, the end of
// the entries, the position of the kernel's, and from dirEntries on the entries.
const (
	dirFD, dirNext, dirEnd, dirBase = 0, 8, 16, 24

	dirEntries = 0x1000
	dirRoom    = 0x2000
	dirSize    = dirEntries + dirRoom

	direntMax = 1048 // struct dirent
)

func libFdopendir(t *Thread, a *args) (uint64, Errno) {
	const statMode = 4
	if _, e := sysFstat64(t, &args{a[0], t.scratch()}); e != 0 {
		return t.null(e)
	}
	var mode [2]byte
	if e := copyinBytes(mode[:], t.scratch()+statMode); e != 0 {
		return t.null(e)
	}
	if getUint16(mode[:])&syscall.S_IFMT != syscall.S_IFDIR {
		return t.null(ENOTDIR)
	}
	d, e := t.mapAnon(libHint, dirSize)
	if e != 0 {
		return t.null(e)
	}
	vcpu.Store64(d+dirFD, a[0])
	return d, 0
}

func libClosedir(t *Thread, a *args) (uint64, Errno) {
	fd, ok := vcpu.Load64(a[0] + dirFD)
	if !ok {
		return 0, EINVAL
	}
	_, e := sysClose(t, &args{fd})
	if e != ERESTART {
		t.p.Space.Unmap(a[0], dirSize)
	}
	return 0, e
}

// libReaddirR returns an error number.
func libReaddirR(t *Thread, a *args) (uint64, Errno) {
	d, entry, result := a[0], a[1], a[2]
	for {
		next, _ := vcpu.Load64(d + dirNext)
		end, ok := vcpu.Load64(d + dirEnd)
		if !ok {
			return uint64(EINVAL), 0
		}
		if next >= end {
			fd, _ := vcpu.Load64(d + dirFD)
			n, e := sysGetdirentries64(t, &args{fd, d + dirEntries, dirRoom, d + dirBase})
			if e != 0 {
				return errnoResult(e)
			}
			if n == 0 {
				vcpu.Store64(result, 0)
				return 0, 0
			}
			vcpu.Store64(d+dirNext, 0)
			vcpu.Store64(d+dirEnd, n)
			continue
		}
		b := t.fs.buf[:direntMax]
		rec := d + dirEntries + next
		if !vcpu.CopyIn(b[:24], rec) {
			return uint64(EFAULT), 0
		}
		n := uint64(getUint16(b[16:]))
		vcpu.Store64(d+dirNext, next+max(n, 8))
		if getUint64(b) == 0 { // no file
			continue
		}
		b = b[:min(n, direntMax)]
		if !vcpu.CopyIn(b, rec) || !vcpu.CopyOut(entry, b) || !vcpu.Store64(result, entry) {
			return uint64(EFAULT), 0
		}
		return 0, 0
	}
}

func libGetcwd(t *Thread, a *args) (uint64, Errno) {
	if a[1] == 0 {
		return t.null(EINVAL)
	}
	b := make([]byte, pageSize)
	n, e := host(syscall.SYS_GETCWD, hostBuf(&b[0]), uintptr(len(b)), 0, 0, 0, 0)
	switch {
	case e != 0:
		return t.null(e)
	case b[0] != '/': // unreachable
		return t.null(ENOENT)
	case n > a[1]:
		return t.null(ERANGE)
	case !vcpu.CopyOut(a[0], b[:n]):
		return t.null(EFAULT)
	}
	return a[0], 0
}

func libSysconf(t *Thread, a *args) (uint64, Errno) {
	switch int32(a[0]) {
	case 29: // _SC_PAGESIZE
		return pageSize, 0
	case 57, 58: // _SC_NPROCESSORS_CONF, _SC_NPROCESSORS_ONLN
		return uint64(runtime.NumCPU()), 0
	case 70, 71: // _SC_GETGR_R_SIZE_MAX, _SC_GETPW_R_SIZE_MAX
		return 4096, 0
	}
	return 0, EINVAL
}

// Special values of utimensat's nanoseconds, attributes, flags
// (sys/stat.h, sys/attr.h, sys/fcntl.h of Darwin).
const (
	utimeNow  = -1
	utimeOmit = -2

	attrBitmapCount = 5

	atFDCWD = ^uint64(1)
)

// libTimes puts an attribute list and the values for the times at p into scratch memory.
// n is their size, 0 if no time changes; now says that both become the present.
func (t *Thread) libTimes(p uint64) (list, buf, n uint64, now bool, e Errno) {
	b := t.fs.buf[:32]
	if p == 0 {
		now = true
	} else if e := copyinBytes(b, p); e != 0 {
		return 0, 0, 0, false, e
	}
	var ts [4]uint64
	for i := range ts {
		ts[i] = getUint64(b[8*i:])
	}
	if p == 0 {
		ts[1], ts[3] = ^uint64(0), ^uint64(0)
	}
	now = int64(ts[1]) == utimeNow && int64(ts[3]) == utimeNow
	for i := 0; i < len(ts); i += 2 {
		switch ns := int64(ts[i+1]); {
		case ns == utimeNow:
			ts[i], ts[i+1] = t.hostClock(linuxClockRealtime)
		case ns != utimeOmit && (ns < 0 || ns >= 1e9):
			return 0, 0, 0, false, EINVAL
		}
	}
	var attrs attrCmn
	out := t.fs.buf[:24+32]
	clear(out)
	at := out[24:]
	for _, x := range []struct {
		attr attrCmn
		i    int
	}{{attrCmnModtime, 2}, {attrCmnAcctime, 0}} {
		if int64(ts[x.i+1]) != utimeOmit {
			attrs |= x.attr
			putUint64(at[n:], ts[x.i])
			putUint64(at[n+8:], ts[x.i+1])
			n += 16
		}
	}
	putUint16(out, attrBitmapCount)
	putUint32(out[4:], uint32(attrs))
	return t.scratch(), t.scratch() + 24, n, now, copyoutBytes(t.scratch(), out)
}

func libUtimensat(t *Thread, a *args) (uint64, Errno) {
	list, buf, n, now, e := t.libTimes(a[2])
	if e != 0 {
		return 0, e
	}
	var opt uint64
	if uint32(a[3])&uint32(atSymlinkNofollow) != 0 {
		opt = fsoptNofollow
	}
	here := int32(a[0]) == guestAtFDCWD
	switch {
	case n == 0:
		return sysFstatat64(t, &args{a[0], a[1], t.scratch(), a[3]})
	case now && opt == 0 && here:
		return sysUtimes(t, &args{a[1]})
	}
	return sysSetattrlistat(t, &args{a[0], a[1], list, buf, n, opt})
}

func libFutimens(t *Thread, a *args) (uint64, Errno) {
	list, buf, n, now, e := t.libTimes(a[1])
	switch {
	case e != 0:
		return 0, e
	case now:
		return sysFutimes(t, &args{a[0]})
	}
	return sysFsetattrlist(t, &args{a[0], list, buf, n})
}

func libRenamexNp(t *Thread, a *args) (uint64, Errno) {
	return sysRenameatxNp(t, &args{atFDCWD, a[0], atFDCWD, a[1], a[2]})
}

func libClonefile(t *Thread, a *args) (uint64, Errno) {
	return sysClonefileat(t, &args{atFDCWD, a[0], atFDCWD, a[1], a[2]})
}

// The master side of pseudoterminals.
const (
	tiocptygrant = 0x20007454
	tiocptyunlk  = 0x20007452
	tiocptygname = 0x40807453
)

func libPosixOpenpt(t *Thread, a *args) (uint64, Errno) {
	if e := copyoutBytes(t.scratch(), []byte("/dev/ptmx\x00")); e != 0 {
		return 0, e
	}
	return sysOpen(t, &args{t.scratch(), a[0]})
}

func libGrantpt(t *Thread, a *args) (uint64, Errno)  { return sysIoctl(t, &args{a[0], tiocptygrant}) }
func libUnlockpt(t *Thread, a *args) (uint64, Errno) { return sysIoctl(t, &args{a[0], tiocptyunlk}) }

// libPtsnameR returns an error number.
func libPtsnameR(t *Thread, a *args) (uint64, Errno) {
	if _, e := sysIoctl(t, &args{a[0], tiocptygname, t.scratch()}); e != 0 {
		return errnoResult(e)
	}
	name := cstringAt(t.scratch())
	if uint64(len(name)) >= a[2] {
		return uint64(ERANGE), 0
	}
	return errnoResult(copyoutBytes(a[1], append([]byte(name), 0)))
}

// libMachVMRegion(task, address, size, flavor, info, count, object) returns a
// kern_return_t.
func libMachVMRegion(t *Thread, a *args) (uint64, Errno) {
	const basicInfo64 = 9
	addr, ok := vcpu.Load64(a[1])
	if !ok || uint32(a[0]) != taskSelf || uint32(a[3]) != basicInfo64 {
		return kernInvalidArgument, 0
	}
	for _, r := range t.p.Space.Regions() {
		if r.End <= addr {
			continue
		}
		b := t.fs.buf[:36]
		clear(b)
		putUint32(b, uint32(r.Prot))
		putUint32(b[4:], uint32(r.MaxProt))
		putUint32(b[8:], uint32(r.Inherit))
		putUint64(b[20:], hostMappingAt(r.Start).offset)
		if !vcpu.Store64(a[1], r.Start) || !vcpu.Store64(a[2], r.End-r.Start) || !vcpu.CopyOut(a[4], b) {
			return kernInvalidAddress, 0
		}
		return kernSuccess, 0
	}
	return kernInvalidAddress, 0
}

// libProcRegionfilename(pid, address, buffer, size) returns the length.
func libProcRegionfilename(t *Thread, a *args) (uint64, Errno) {
	name := hostMappingAt(a[1]).file
	if int(int32(a[0])) != syscall.Getpid() || name == "" || uint64(len(name)) >= uint64(uint32(a[3])) {
		t.setErrno(EINVAL)
		return 0, 0
	}
	if e := copyoutBytes(a[2], append([]byte(name), 0)); e != 0 {
		t.setErrno(e)
		return 0, 0
	}
	return uint64(len(name)), 0
}
