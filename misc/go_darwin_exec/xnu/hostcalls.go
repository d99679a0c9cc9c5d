// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// A newCall is a call that the runner makes of the host and that a host may
// refuse although it has Syscall User Dispatch: the seccomp filter of a
// container, which answers EPERM or ENOSYS. Calls from before Linux 3.17
// are taken for granted.
type newCall struct {
	name     string
	nr       uintptr
	required bool   // nothing runs without it: CheckHost says so
	without  string // what happens if it is refused
}

// newCalls has every call that package syscall does not name.
var newCalls = [...]newCall{
	{"renameat2", sysRenameat2, false, "RENAME_SWAP and RENAME_EXCL are ENOTSUP, which is said once"},
	{"getrandom", sysGetrandom, true, ""},
	{"memfd_create", sysMemfdCreate, false, "a file without a name in /dev/shm, /tmp or the working directory"},
	{"execveat", sysExecveat, false, "execve of /proc/self/fd/N"},
	{"statx", sysStatx, true, ""},
	{"pidfd_open", sysPidfdOpen, false, "EVFILT_PROC is ENOTSUP, which is said once"},
	{"openat2", sysOpenat2, false, "O_NOFOLLOW_ANY goes from directory to directory"},
	{"faccessat2", sysFaccessat2, false, "faccessat, or the bits of the mode"},
	{"epoll_pwait2", sysEpollPwait2, false, "ppoll, then epoll_wait"},
	{"fchmodat2", sysFchmodat2, false, "fchmodat of /proc/self/fd/N"},
}

// CheckHost tells which call the host refuses that the runner cannot do without.
func CheckHost() error {
	for i := range newCalls {
		if c := &newCalls[i]; c.required && refused(c.nr) {
			return fmt.Errorf("this host refuses the call %s, which the runner needs: probably a seccomp filter (of a container); allow %[1]s in it, or run without the filter", c.name)
		}
	}
	return nil
}

// refused reports whether the host refuses a call before it looks at the
// arguments, of which none is right.
func refused(nr uintptr) bool {
	const no = ^uintptr(0)
	_, e := host(nr, no, no, no, no, no, no)
	return refusal(e)
}

// refusal reports whether e may be the answer of a filter. EPERM may be the
// call's own, too: what is tried instead then answers the same.
func refusal(e Errno) bool { return e == EPERM || e == ENOSYS }

// refusedCall returns ENOTSUP if e is a filter's, and says so, once.
func refusedCall(nr uintptr, e Errno, what string) Errno {
	if !refusal(e) || !refused(nr) {
		return e
	}
	for i := range newCalls {
		if c := &newCalls[i]; c.nr == nr && !vcpu.Forked() { // a child may not allocate
			warnOncef("%s fails: this host refuses the call %s, probably by a seccomp filter (of a container); allow %[2]s in it", what, c.name)
		}
	}
	return ENOTSUP
}

// accessOld does what faccessat2 does, without it. A forked child, which may not
// allocate, does not look at the other groups of an effective user.
func (t *Thread) accessOld(dir, p, mode, flags uintptr) Errno {
	id := func(real, effective uintptr) uint32 {
		if flags&linuxAtEaccess != 0 {
			real = effective
		}
		return uint32(hostCall(real))
	}
	uid, gid := id(syscall.SYS_GETUID, syscall.SYS_GETEUID), id(syscall.SYS_GETGID, syscall.SYS_GETEGID)
	if flags&linuxAtSymlinkNofollow == 0 && uid == uint32(hostCall(syscall.SYS_GETUID)) && gid == uint32(hostCall(syscall.SYS_GETGID)) {
		_, e := host(syscall.SYS_FACCESSAT, dir, p, mode, 0, 0, 0)
		return e
	}
	st, e := t.statx(dir, p, flags&linuxAtSymlinkNofollow)
	if e != 0 {
		return e
	}
	bits := uintptr(st.mode())
	switch {
	case uid == 0:
		const anyExec = 0o111
		have := uintptr(6)
		if bits&anyExec != 0 || st.mode()&syscall.S_IFMT == syscall.S_IFDIR {
			have = 7
		}
		bits = have
	case uid == st.uid():
		bits >>= 6
	case gid == st.gid() || !t.p.child && inGroup(st.gid()):
		bits >>= 3
	}
	if mode&7&^bits != 0 {
		return EACCES
	}
	return 0
}

// openNoLinks opens the file at the host's path p with flags h, and no
// symbolic link on the way, without openat2: directory by directory.
func (t *Thread) openNoLinks(dir, p, h, m uintptr) (uint64, Errno) {
	b := unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&p))), pathMax)
	b = b[:bytes.IndexByte(b, 0)+1] // the NUL is the last name's end
	at, opened := dir, false
	step := func(name, flags, m uintptr) Errno {
		fd, e := t.block(syscall.SYS_OPENAT, at, name, flags|syscall.O_NOFOLLOW, m, 0, 0)
		if e == ENOTDIR {
			if st, se := t.statx(at, name, linuxAtSymlinkNofollow); se == 0 && st.mode()&syscall.S_IFMT == syscall.S_IFLNK {
				e = ELOOP
			}
		}
		if opened {
			host(syscall.SYS_CLOSE, at, 0, 0, 0, 0, 0)
		}
		at, opened = uintptr(fd), e == 0
		return e
	}
	const directory = linuxOPath | syscall.O_DIRECTORY | syscall.O_CLOEXEC
	if b[0] == '/' {
		if e := step(hostBuf(&rootName[0]), directory, 0); e != 0 {
			return 0, e
		}
	}
	for i := 0; ; {
		for b[i] == '/' {
			i++
		}
		if b[i] == 0 && i > 0 { // a slash was last
			e := step(hostBuf(&dotName[0]), h, m)
			return uint64(at), e
		}
		j := i
		for b[j] != '/' && b[j] != 0 {
			j++
		}
		if b[j] == 0 {
			e := step(hostBuf(&b[i]), h, m)
			return uint64(at), e
		}
		b[j] = 0
		e := step(hostBuf(&b[i]), directory, 0)
		b[j] = '/'
		if e != 0 {
			return 0, e
		}
		i = j
	}
}

var rootName, dotName = [2]byte{'/'}, [2]byte{'.'}

// epollWaitOld waits like epoll_pwait2, without it: ppoll has a timeout in
// nanoseconds too.
func (t *Thread) epollWaitOld(fd, ev uintptr, b *keventBuf) (uint64, Errno) {
	for {
		b.poll = [2]uint32{uint32(fd), linuxEpollIn}
		var ts uintptr
		if t.deadline != 0 {
			left := max(t.deadline-monotonic(), 0)
			b.ts = [2]int64{left / 1e9, left % 1e9}
			ts = uintptr(unsafe.Pointer(&b.ts))
		}
		ready, e := t.block(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&b.poll)), 1, ts, 0, 0, 0)
		if e != 0 || ready == 0 {
			return 0, e
		}
		// Another thread may have taken what there was.
		if n, e := host(syscall.SYS_EPOLL_WAIT, fd, ev, uintptr(b.max), 0, 0, 0); e != 0 || n > 0 {
			return n, e
		}
	}
}

// execSelf executes the runner, whose file is open, again. It returns if that
// fails. It neither allocates nor locks; the caller has execLock.
func execSelf(self int32, argv, envp uintptr) Errno {
	_, e := host(sysExecveat, uintptr(self), hostBuf(&emptyString[0]), argv, envp, linuxAtEmptyPath, 0)
	if !refusal(e) {
		return e
	}
	name := append(selfName[:0], procSelfFd...)
	name = append(strconv.AppendInt(name, int64(self), 10), 0)
	_, e = host(syscall.SYS_EXECVE, hostBuf(&name[0]), argv, envp, 0, 0, 0)
	return e
}

var selfName [32]byte

// OpenRunner opens the runner's own file, by which it runs the programs that
// its program executes.
func OpenRunner() (fd int, err error) {
	fd, err = syscall.Open("/proc/self/exe", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err == syscall.ENOENT {
		return -1, errors.New("this host has no /proc, where the runner finds its own file: mount it (mount -t proc proc /proc)")
	}
	if err != nil {
		return -1, fmt.Errorf("the runner's own file, /proc/self/exe: %w", err)
	}
	return fd, nil
}

// raiseFileLimit frees the runner's own files (the trace, what it passes on
// between runners) of the limit on their size. It is the guest's, whose writes
// see it in rlimits.
func raiseFileLimit() {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l) != nil || l.Cur == ^uint64(0) {
		return
	}
	if syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: ^uint64(0), Max: ^uint64(0)}) != nil { // the superuser can
		syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: l.Max, Max: l.Max})
	}
}

// What the runner and a program of Go need to start: descriptors, and bytes
// of address space, most of which both Go runtimes only reserve.
const (
	leastFiles = 32
	leastSpace = 5 << 29
)

// CheckLimits tells which limit is too low for the runner.
func CheckLimits() error {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) == nil && l.Cur < leastFiles {
		return fmt.Errorf("the limit on open files (ulimit -n) is %d, and the runner needs half of at least %d for itself: raise it", l.Cur, leastFiles)
	}
	if syscall.Getrlimit(syscall.RLIMIT_AS, &l) == nil && l.Cur < leastSpace {
		return fmt.Errorf("the limit on address space (ulimit -v) is %d KiB, and the runner and a program need %d: raise it", l.Cur>>10, uint64(leastSpace)>>10)
	}
	return nil
}

// NewCalls returns the numbers of the host's calls that have been decided on.
func NewCalls() (nrs []uintptr) {
	for _, c := range newCalls {
		nrs = append(nrs, c.nr)
	}
	return nrs
}
