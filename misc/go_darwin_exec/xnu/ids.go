// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"sync/atomic"
	"syscall"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// sysGetpid needs no host call: the number cannot change.
func sysGetpid(t *Thread, a *args) (uint64, Errno) { return uint64(vcpu.Pid()), 0 }

// These calls are the host's: int arguments, an int result, the same errors.

func sysGetppid(t *Thread, a *args) (uint64, Errno) {
	return host(syscall.SYS_GETPPID, 0, 0, 0, 0, 0, 0)
}
func sysGetuid(t *Thread, a *args) (uint64, Errno) { return host(syscall.SYS_GETUID, 0, 0, 0, 0, 0, 0) }
func sysGeteuid(t *Thread, a *args) (uint64, Errno) {
	return host(syscall.SYS_GETEUID, 0, 0, 0, 0, 0, 0)
}
func sysGetgid(t *Thread, a *args) (uint64, Errno) { return host(syscall.SYS_GETGID, 0, 0, 0, 0, 0, 0) }
func sysGetegid(t *Thread, a *args) (uint64, Errno) {
	return host(syscall.SYS_GETEGID, 0, 0, 0, 0, 0, 0)
}
func sysGetpgrp(t *Thread, a *args) (uint64, Errno) {
	return host(syscall.SYS_GETPGRP, 0, 0, 0, 0, 0, 0)
}
func sysGetpgid(t *Thread, a *args) (uint64, Errno) {
	return host(syscall.SYS_GETPGID, uintptr(int32(a[0])), 0, 0, 0, 0, 0)
}
func sysGetsid(t *Thread, a *args) (uint64, Errno) {
	return host(syscall.SYS_GETSID, uintptr(int32(a[0])), 0, 0, 0, 0, 0)
}
func sysSetsid(t *Thread, a *args) (uint64, Errno) { return host(syscall.SYS_SETSID, 0, 0, 0, 0, 0, 0) }
func sysSetpgid(t *Thread, a *args) (uint64, Errno) {
	return host(syscall.SYS_SETPGID, uintptr(int32(a[0])), uintptr(int32(a[1])), 0, 0, 0, 0)
}

// credentials makes a host call that changes the credentials. Linux keeps them
// with each thread, XNU with the process, so all threads have to make the call;
// the child of a fork has only one.
func (t *Thread) credentials(nr, a1, a2, a3 uintptr) (uint64, Errno) {
	if t.p.child {
		return ret(host(nr, a1, a2, a3, 0, 0, 0))
	}
	_, _, err := syscall.AllThreadsSyscall(nr, a1, a2, a3)
	// With other credentials Linux makes the process's /proc/self, on which
	// F_GETPATH and others rely, root's.
	const prSetDumpable = 4
	host(syscall.SYS_PRCTL, prSetDumpable, 1, 0, 0, 0, 0)
	return 0, fromHost(uintptr(err))
}

func id(v uint64) uintptr { return uintptr(uint32(v)) }

// keepID is the id that leaves a field of setreuid, setresuid as it is.
const keepID = uintptr(^uint32(0))

func sysSetuid(t *Thread, a *args) (uint64, Errno) {
	return t.credentials(syscall.SYS_SETUID, id(a[0]), 0, 0)
}

func sysSeteuid(t *Thread, a *args) (uint64, Errno) {
	return t.credentials(syscall.SYS_SETRESUID, keepID, id(a[0]), keepID)
}

func sysSetreuid(t *Thread, a *args) (uint64, Errno) {
	return t.credentials(syscall.SYS_SETREUID, id(a[0]), id(a[1]), 0)
}

func sysSetgid(t *Thread, a *args) (uint64, Errno) {
	return t.credentials(syscall.SYS_SETGID, id(a[0]), 0, 0)
}

func sysSetegid(t *Thread, a *args) (uint64, Errno) {
	return t.credentials(syscall.SYS_SETRESGID, keepID, id(a[0]), keepID)
}

func sysSetregid(t *Thread, a *args) (uint64, Errno) {
	return t.credentials(syscall.SYS_SETREGID, id(a[0]), id(a[1]), 0)
}

// ngroups is NGROUPS_MAX (xnu-11417 bsd/sys/syslimits.h).
const ngroups = 16

// sysGetgroups: the host may have more groups than XNU can count; the guest
// sees the first 16. gid_t has 32 bits on both.
func sysGetgroups(t *Thread, a *args) (uint64, Errno) {
	n, e := host(syscall.SYS_GETGROUPS, 0, 0, 0, 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	show := min(n, ngroups)
	if uint32(a[0]) == 0 {
		return show, 0
	}
	if uint64(uint32(a[0])) < show || n*4 > uint64(len(t.fs.buf)) {
		return 0, EINVAL
	}
	if n == 0 {
		return 0, 0
	}
	b := t.fs.buf[:n*4]
	if _, e := host(syscall.SYS_GETGROUPS, uintptr(n), hostBuf(&b[0]), 0, 0, 0, 0); e != 0 {
		return 0, e
	}
	return show, copyoutBytes(a[1], b[:show*4])
}

func sysSetgroups(t *Thread, a *args) (uint64, Errno) {
	return t.setgroups(uint32(a[0]), a[1])
}

// sysInitgroups: the third argument, the user by which the kernel would ask
// the directory service later, has no meaning here.
func sysInitgroups(t *Thread, a *args) (uint64, Errno) {
	return t.setgroups(uint32(a[0]), a[1])
}

func (t *Thread) setgroups(n uint32, p uint64) (uint64, Errno) {
	if n > ngroups {
		return 0, EINVAL
	}
	b := t.fs.buf[:ngroups*4]
	if e := copyinBytes(b[:n*4], p); e != 0 {
		return 0, e
	}
	return t.credentials(syscall.SYS_SETGROUPS, uintptr(n), hostBuf(&b[0]), 0)
}

func sysIssetugid(t *Thread, a *args) (uint64, Errno) {
	return 0, 0 // the runner has no set-user-ID programs
}

// maxLogname is MAXLOGNAME (xnu-11417 bsd/sys/param.h).
const maxLogname = 255

// sysGetlogin: the host keeps the uid of the login session, the user data base
// knows its name; without a session the answer is the empty string. As many
// bytes are written as asked for (xnu-11215 bsd/kern/kern_prot.c:getlogin).
func sysGetlogin(t *Thread, a *args) (uint64, Errno) {
	b := t.fs.buf[:min(uint32(a[1]), maxLogname)]
	clear(b)
	copy(b, loginName())
	return 0, copyoutBytes(a[0], b)
}

func loginName() []byte {
	uid := bytes.TrimSpace(readHostFile("/proc/self/loginuid"))
	if len(uid) == 0 || string(uid) == "4294967295" {
		return nil
	}
	for line := range bytes.Lines(readHostFile("/etc/passwd")) {
		f := bytes.SplitN(line, []byte{':'}, 4)
		if len(f) == 4 && bytes.Equal(f[2], uid) {
			return f[0]
		}
	}
	return nil
}

func sysSetlogin(t *Thread, a *args) (uint64, Errno) {
	return 0, EPERM
}

// The "which" of getpriority (xnu-11417 bsd/sys/resource.h). Those above
// PRIO_USER are Darwin's own: background state, which the runner does not have.
const (
	prioProcess       = 0
	prioUser          = 2
	prioDarwinThread  = 3
	prioDarwinProcess = 4
)

// sysGetpriority: Linux's system call returns 20 minus the nice value.
func sysGetpriority(t *Thread, a *args) (uint64, Errno) {
	which, who := int32(a[0]), uint32(a[1])
	if who > 1<<31-1 {
		return 0, EINVAL
	}
	switch {
	case which == prioDarwinThread || which == prioDarwinProcess:
		return 0, 0
	case which < 0 || which > prioUser:
		return 0, EINVAL
	}
	n, e := host(syscall.SYS_GETPRIORITY, uintptr(which), uintptr(who), 0, 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	return 20 - n, 0
}

// sysSetpriority: the nice value is the process's on XNU, a thread's on Linux.
func sysSetpriority(t *Thread, a *args) (uint64, Errno) {
	which, who, prio := int32(a[0]), uint32(a[1]), uintptr(int32(a[2]))
	if who > 1<<31-1 {
		return 0, EINVAL
	}
	switch {
	case which == prioDarwinThread || which == prioDarwinProcess:
		return 0, 0
	case which < 0 || which > prioUser:
		return 0, EINVAL
	}
	self, _ := host(syscall.SYS_GETPID, 0, 0, 0, 0, 0, 0)
	if which != prioProcess || who != 0 && uint64(who) != self || t.p.child {
		return ret(host(syscall.SYS_SETPRIORITY, uintptr(which), uintptr(who), prio, 0, 0, 0))
	}
	var err Errno
	for _, tid := range hostTasks() {
		if _, e := host(syscall.SYS_SETPRIORITY, prioProcess, uintptr(tid), prio, 0, 0, 0); e != 0 && e != ESRCH {
			err = e
		}
	}
	return 0, err
}

// hostTasks lists the threads of the host process.
func hostTasks() []int { return numericNames("/proc/self/task") }

// numericNames lists the names in the host's directory dir that are numbers.
func numericNames(dir string) []int {
	fd, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	var list []int
	buf := make([]byte, 8192)
	for {
		n, err := syscall.ReadDirent(fd, buf)
		if n <= 0 || err != nil {
			return list
		}
		var names []string
		_, _, names = syscall.ParseDirent(buf[:n], -1, nil)
		for _, s := range names {
			if n, err := strconv.Atoi(s); err == nil {
				list = append(list, n)
			}
		}
	}
}

// rusageSize is the size of a guest's struct rusage by abi: two timevals and
// 14 longs (xnu-11417 bsd/sys/resource.h).
var rusageSize = [...]int{abi64: 144, abi32: 72}

// putRusage writes the guest's structure from Linux's: the same fields, but
// ru_maxrss in bytes instead of kilobytes.
func putRusage(b []byte, abi abi, h []byte) {
	n := putTimeval(b, abi, getUint64(h), getUint64(h[8:]))
	n += putTimeval(b[n:], abi, getUint64(h[16:]), getUint64(h[24:]))
	for i := 32; i < 144; i += 8 {
		v := getUint64(h[i:])
		if i == 32 {
			v *= 1024
		}
		if abi == abi32 {
			putUint32(b[n:], uint32(v))
			n += 4
		} else {
			putUint64(b[n:], v)
			n += 8
		}
	}
}

// sysGetrusage: RUSAGE_SELF 0 and RUSAGE_CHILDREN -1 are Linux's numbers.
func sysGetrusage(t *Thread, a *args) (uint64, Errno) {
	who := int32(a[0])
	if who != 0 && who != -1 {
		return 0, EINVAL
	}
	h, g := t.fs.buf[:144], t.fs.buf[256:]
	if _, e := host(syscall.SYS_GETRUSAGE, uintptr(who), hostBuf(&h[0]), 0, 0, 0, 0); e != 0 {
		return 0, e
	}
	putRusage(g, t.abi(), h)
	return 0, copyoutBytes(a[1], g[:rusageSize[t.abi()]])
}

// sysCsops answers for an unsigned program: no status bits, no signature to
// show (EINVAL), nothing to set (xnu-11417 bsd/kern/kern_proc.c:csops_internal).
func sysCsops(t *Thread, a *args) (uint64, Errno) {
	const opsStatus = 0 // CS_OPS_STATUS
	if pid := uint32(a[0]); pid != 0 {
		if _, e := host(syscall.SYS_KILL, uintptr(pid), 0, 0, 0, 0, 0); e == ESRCH {
			return 0, ESRCH
		}
	}
	if uint32(a[1]) != opsStatus {
		return 0, EINVAL
	}
	if a[2] == 0 {
		return 0, 0
	}
	b := t.fs.buf[:4]
	putUint32(b, 0)
	return 0, copyoutBytes(a[2], b)
}

// privexec is what setprivexec sets, whether the process may be debugged, and
// has no effect here.
var privexec atomic.Int32

// sysSetprivexec returns the old value
// (xnu-11215 bsd/kern/kern_prot.c:setprivexec).
func sysSetprivexec(t *Thread, a *args) (uint64, Errno) {
	return uint64(privexec.Swap(int32(a[0]))), 0
}

// sysGethostuuid is the host's machine-id.
func sysGethostuuid(t *Thread, a *args) (uint64, Errno) {
	id := bytes.TrimSpace(readHostFile("/etc/machine-id"))
	b := make([]byte, hex.DecodedLen(len(id)))
	if _, err := hex.Decode(b, id); err != nil || len(b) != 16 {
		return 0, EIO
	}
	return 0, copyoutBytes(a[0], b)
}
