// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package syscall

import "unsafe"

// sysctlbyname(name, old, oldlenp, new, newlen): a call from 10.10 on. Before,
// sysctl {0, 3} turns the name into a MIB
// (bsd/kern/kern_newsysctl.c:sysctl_sysctl_name2oid).
func emulSysctlbyname(a *libcArgs) (r, errno uintptr) {
	n := cstrlen(a[0])
	if darwinRelease() >= darwin10_10 {
		return kernel6(sys_sysctlbyname, a[0], n, a[1], a[2], a[3], a[4])
	}
	name2oid := [2]int32{0, 3}
	var mib [CTL_MAXNAME + 2]int32
	size := unsafe.Sizeof(mib)
	r, errno = kernel6(sys_sysctl, addr(unsafe.Pointer(&name2oid)), 2, addr(unsafe.Pointer(&mib)), addr(unsafe.Pointer(&size)), a[0], n)
	if errno == 0 {
		r, errno = kernel6(sys_sysctl, addr(unsafe.Pointer(&mib)), size/4, a[1], a[2], a[3], a[4])
	}
	keep(unsafe.Pointer(&name2oid))
	keep(unsafe.Pointer(&mib))
	keep(unsafe.Pointer(&size))
	return r, errno
}

// sysctlWord reads the integer with that two-part MIB.
func sysctlWord(m1, m2 int32) (v uint64, errno uintptr) {
	mib := [2]int32{m1, m2}
	size := unsafe.Sizeof(v)
	_, errno = kernel6(sys_sysctl, addr(unsafe.Pointer(&mib)), 2, addr(unsafe.Pointer(&v)), addr(unsafe.Pointer(&size)), 0, 0)
	keep(unsafe.Pointer(&mib))
	keep(unsafe.Pointer(&size))
	keep(unsafe.Pointer(&v))
	return v, errno
}

// arc4random_buf(buf, n) cannot fail in C, and its callers use what is in buf:
// without a source of random bytes the program stops.
func emulArc4randomBuf(a *libcArgs) (r, errno uintptr) {
	const piece = 256 // getentropy refuses more
	p, n := a[0], a[1]
	if darwinRelease() >= darwin10_12 {
		for n > 0 {
			m := min(n, piece)
			if _, errno = kernel(sys_getentropy, p, m, 0); errno != 0 {
				break
			}
			p += m
			n -= m
		}
		if n == 0 {
			return 0, 0
		}
	}
	name := [...]byte{'/', 'd', 'e', 'v', '/', 'u', 'r', 'a', 'n', 'd', 'o', 'm', 0}
	fd, errno := kernel(sys_open, addr(unsafe.Pointer(&name)), O_RDONLY|O_CLOEXEC, 0)
	for errno == uintptr(EINTR) {
		fd, errno = kernel(sys_open, addr(unsafe.Pointer(&name)), O_RDONLY|O_CLOEXEC, 0)
	}
	keep(unsafe.Pointer(&name))
	if errno == 0 {
		for n > 0 {
			m, errno := kernel(sys_read, fd, p, n)
			if errno == uintptr(EINTR) {
				continue
			}
			if errno != 0 || m == 0 {
				break
			}
			p += m
			n -= m
		}
		kernel(sys_close, fd, 0, 0)
	}
	if n > 0 {
		libcAbort("arc4random_buf: neither getentropy nor /dev/urandom gives random bytes\n")
	}
	return 0, 0
}

func libcAbort(msg string) {
	kernel(sys_write, 2, addr(unsafe.Pointer(unsafe.StringData(msg))), uintptr(len(msg)))
	pid, _ := kernel(sys_getpid, 0, 0, 0)
	kernel(sys_kill, pid, uintptr(SIGABRT), 1)
	for {
		kernel(sys_exit, 2, 0, 0)
	}
}

func emulPreadv(a *libcArgs) (r, errno uintptr)  { return eachIovec(sys_pread, a) }
func emulPwritev(a *libcArgs) (r, errno uintptr) { return eachIovec(sys_pwrite, a) }

// eachIovec is preadv or pwritev(fd, iov, count, offset) before macOS 11: one
// pread or pwrite for each part, so not atomic.
func eachIovec(nr uintptr, a *libcArgs) (r, errno uintptr) {
	p, count := a[1], int32(a[2])
	off := uint64(a[3])
	if unsafe.Sizeof(p) == 4 {
		off |= uint64(a[4]) << 32
	}
	if count <= 0 || count > 1024 {
		return libcFailed, uintptr(EINVAL)
	}
	var total uintptr
	for ; count > 0; count-- {
		iov := (*Iovec)(ptr(p))
		p += unsafe.Sizeof(*iov)
		n, errno := kernel6(nr, a[0], uintptr(unsafe.Pointer(iov.Base)), uintptr(iov.Len), uintptr(off), uintptr(off>>32), 0)
		if errno != 0 {
			if total > 0 {
				break
			}
			return libcFailed, errno
		}
		total += n
		off += uint64(n)
		if n < uintptr(iov.Len) {
			break
		}
	}
	return total, 0
}

// The clocks of <time.h>.
const (
	clockRealtime           = 0
	clockMonotonicRaw       = 4
	clockMonotonicRawApprox = 5
	clockMonotonic          = 6
	clockUptimeRaw          = 8
	clockUptimeRawApprox    = 9
	clockProcessCputime     = 12
	clockThreadCputime      = 16
)

// clock_gettime(clock, ts). The raw monotonic clocks go on while the machine
// sleeps, from 10.12 on; before, there is no such clock and they are the
// uptime. A thread's CPU time is known from 10.10 on.
func emulClockGettime(a *libcArgs) (r, errno uintptr) {
	const second = 1e9
	var ns int64
	switch a[0] {
	case clockRealtime:
		sec, nsec := runtime_walltime()
		*(*Timespec)(ptr(a[1])) = setTimespec(sec, int64(nsec))
		return 0, 0
	case clockMonotonic:
		sec, nsec := runtime_walltime()
		boot, errno := bootTime()
		if errno != 0 {
			return libcFailed, errno
		}
		ns = sec*second + int64(nsec) - boot
	case clockMonotonicRaw, clockMonotonicRawApprox:
		ns = runtime_nanotime() + asleep()
	case clockUptimeRaw, clockUptimeRawApprox:
		ns = runtime_nanotime()
	case clockProcessCputime:
		var ru Rusage
		_, errno = kernel(sys_getrusage, RUSAGE_SELF, addr(unsafe.Pointer(&ru)), 0)
		keep(unsafe.Pointer(&ru))
		if errno != 0 {
			return libcFailed, errno
		}
		ns = ru.Utime.Nano() + ru.Stime.Nano()
	case clockThreadCputime:
		if darwinRelease() < darwin10_10 {
			return libcFailed, uintptr(EINVAL)
		}
		lo, hi, e := RawSyscall(sys_thread_selfusage, 0, 0, 0)
		if e != 0 {
			return libcFailed, uintptr(e)
		}
		ns = int64(lo)
		if unsafe.Sizeof(lo) == 4 {
			ns |= int64(hi) << 32
		}
	default:
		return libcFailed, uintptr(EINVAL)
	}
	*(*Timespec)(ptr(a[1])) = setTimespec(ns/second, ns%second)
	return 0, 0
}

// bootTime returns kern.boottime in ns.
func bootTime() (ns int64, errno uintptr) {
	const ctlKern, kernBoottime = 1, 21
	mib := [2]int32{ctlKern, kernBoottime}
	var tv Timeval
	size := unsafe.Sizeof(tv)
	_, errno = kernel6(sys_sysctl, addr(unsafe.Pointer(&mib)), 2, addr(unsafe.Pointer(&tv)), addr(unsafe.Pointer(&size)), 0, 0)
	keep(unsafe.Pointer(&mib))
	keep(unsafe.Pointer(&tv))
	keep(unsafe.Pointer(&size))
	return tv.Nano(), errno
}

// asleep returns how long the machine has slept since it was started, in ns:
// continuous less absolute time (xnu-3789 osfmk/i386/cpu_capabilities.h,
// _COMM_PAGE_CONT_TIMEBASE; Mach time is ns on Intel).
func asleep() int64 {
	if darwinRelease() < darwin10_12 {
		return 0
	}
	const contTimebase = 0xc0
	return *(*int64)(ptr(commpage + contTimebase))
}

// chmod(path, mode)
func emulChmod(a *libcArgs) (r, errno uintptr) {
	return chmodAny(sys_chmod, a)
}

// fchmod(fd, mode)
func emulFchmod(a *libcArgs) (r, errno uintptr) {
	return chmodAny(sys_fchmod, a)
}

// chmodAny drops S_ISGID, S_ISUID or both if the kernel permits the mode only
// so (libsyscall/wrappers/unix03/chmod.c).
func chmodAny(nr uintptr, a *libcArgs) (r, errno uintptr) {
	file, mode := a[0], a[1]
	r, errno = kernel(nr, file, mode, 0)
	for _, without := range [...]uintptr{S_ISGID, S_ISUID, S_ISGID | S_ISUID} {
		if errno != uintptr(EPERM) {
			break
		}
		if mode&without == without {
			r, errno = kernel(nr, file, mode&^without, 0)
		}
	}
	return r, errno
}

// usleep(us)
func emulUsleep(a *libcArgs) (r, errno uintptr) {
	us := int64(uint32(a[0]))
	tv := setTimeval(us/1e6, us%1e6)
	r, errno = kernel6(sys_select, 0, 0, 0, 0, addr(unsafe.Pointer(&tv)), 0)
	keep(unsafe.Pointer(&tv))
	return r, errno
}

// The names of <unistd.h> that sysconf knows here.
const (
	scArgMax          = 1
	scChildMax        = 2
	scClkTck          = 3
	scNgroupsMax      = 4
	scOpenMax         = 5
	scPagesize        = 29
	scNprocessorsConf = 57
	scNprocessorsOnln = 58
	scGetgrRSizeMax   = 70
	scGetpwRSizeMax   = 71
)

// sysconf(name); EINVAL for a name that is not in the list above.
func emulSysconf(a *libcArgs) (r, errno uintptr) {
	const (
		ctlKern, ctlHW          = 1, 6
		kernArgmax, kernMaxproc = 8, 30 // maxproc per user
		hwNcpu, hwAvailcpu      = 3, 25
	)
	var v uint64
	switch a[0] {
	case scArgMax:
		v, errno = sysctlWord(ctlKern, kernArgmax)
	case scChildMax:
		v, errno = sysctlWord(ctlKern, kernMaxproc)
	case scClkTck:
		v = 100
	case scNgroupsMax:
		v = 16
	case scOpenMax:
		var lim Rlimit
		_, errno = kernel(sys_getrlimit, RLIMIT_NOFILE, addr(unsafe.Pointer(&lim)), 0)
		keep(unsafe.Pointer(&lim))
		v = lim.Cur
	case scPagesize:
		v = 4096
	case scNprocessorsConf:
		v, errno = sysctlWord(ctlHW, hwNcpu)
	case scNprocessorsOnln:
		v, errno = sysctlWord(ctlHW, hwAvailcpu)
	case scGetgrRSizeMax, scGetpwRSizeMax:
		v = 4096
	default:
		errno = uintptr(EINVAL)
	}
	if errno != 0 {
		return libcFailed, errno
	}
	return uintptr(v), 0
}

// Pseudo terminals: ioctls on the master side, /dev/ptmx
// (bsd/kern/tty_ptmx.c, bsd/sys/ttycom.h).
const (
	tiocptyunlk  = 0x20007452
	tiocptygname = 0x40807453
	tiocptygrant = 0x20007454
)

func emulPosixOpenpt(a *libcArgs) (r, errno uintptr) {
	name := [...]byte{'/', 'd', 'e', 'v', '/', 'p', 't', 'm', 'x', 0}
	r, errno = kernel(sys_open, addr(unsafe.Pointer(&name)), a[0], 0)
	keep(unsafe.Pointer(&name))
	return r, errno
}

func emulGrantpt(a *libcArgs) (r, errno uintptr) {
	return kernel(sys_ioctl, a[0], tiocptygrant, 0)
}

func emulUnlockpt(a *libcArgs) (r, errno uintptr) {
	return kernel(sys_ioctl, a[0], tiocptyunlk, 0)
}

// ptsname_r(fd, buf, size)
func emulPtsnameR(a *libcArgs) (r, errno uintptr) {
	var name [128]byte // what the ioctl writes
	p := addr(unsafe.Pointer(&name))
	if _, errno = kernel(sys_ioctl, a[0], tiocptygname, p); errno != 0 {
		return libcFailed, errno
	}
	name[len(name)-1] = 0
	n := cstrlen(p) + 1
	if n > a[2] {
		return libcFailed, uintptr(ERANGE)
	}
	for i := uintptr(0); i < n; i++ {
		*(*byte)(ptr(a[1] + i)) = *(*byte)(ptr(p + i))
	}
	keep(unsafe.Pointer(&name))
	return 0, 0
}
