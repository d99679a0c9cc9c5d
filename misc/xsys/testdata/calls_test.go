// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// These tests call golang.org/x/sys/unix on darwin and check the results, by a
// second way to the same fact where there is one.
package probe

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eq[T comparable](t *testing.T, what string, have, want T) {
	t.Helper()
	if have != want {
		t.Errorf("%s: %v, want %v", what, have, want)
	}
}

// temp makes an empty directory the working directory.
func temp(t *testing.T) string {
	t.Helper()
	t.Chdir(t.TempDir())
	dir, err := os.Getwd()
	check(t, err)
	return dir
}

func file(t *testing.T, name, content string) int {
	t.Helper()
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_CREAT|unix.O_TRUNC|unix.O_CLOEXEC, 0o640)
	check(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	n, err := unix.Write(fd, []byte(content))
	check(t, err)
	eq(t, "bytes written", n, len(content))
	return fd
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	check(t, err)
	return string(b)
}

// darwin is the kernel's major number: 10 on Mac OS X 10.6.
func darwin(t *testing.T) (major int) {
	t.Helper()
	s, err := unix.Sysctl("kern.osrelease")
	check(t, err)
	_, err = fmt.Sscan(strings.SplitN(s, ".", 2)[0], &major)
	check(t, err)
	return major
}

func TestIDs(t *testing.T) {
	eq(t, "Getpid", unix.Getpid(), os.Getpid())
	eq(t, "Getppid", unix.Getppid(), os.Getppid())
	eq(t, "Getuid", unix.Getuid(), os.Getuid())
	eq(t, "Geteuid", unix.Geteuid(), os.Geteuid())
	eq(t, "Getgid", unix.Getgid(), os.Getgid())
	eq(t, "Getegid", unix.Getegid(), os.Getegid())
	eq(t, "Issetugid", unix.Issetugid(), false)
	g, err := unix.Getpgid(0)
	check(t, err)
	eq(t, "Getpgid", g, unix.Getpgrp())
	s, err := unix.Getsid(0)
	check(t, err)
	p, err := unix.SysctlKinfoProc("kern.proc.pid", os.Getpid())
	check(t, err)
	eq(t, "kern.proc.pid", int(p.Proc.P_pid), os.Getpid())
	eq(t, "its parent", int(p.Eproc.Ppid), os.Getppid())
	eq(t, "its group", int(p.Eproc.Pgid), g)
	eq(t, "Getsid, as a session's leader", s, os.Getpid())
	groups, err := unix.Getgroups()
	check(t, err)
	want, err := os.Getgroups()
	check(t, err)
	if !slices.Equal(groups, want) {
		t.Errorf("Getgroups: %d, want %d", groups, want)
	}
	if _, err := unix.Getpgid(1 << 30); err != unix.ESRCH {
		t.Errorf("Getpgid of nobody: %v", err)
	}
	if err := unix.Kill(os.Getpid(), 0); err != nil {
		t.Errorf("Kill 0: %v", err)
	}
	prio, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	check(t, err)
	check(t, unix.Setpriority(unix.PRIO_PROCESS, 0, prio+3))
	now, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	check(t, err)
	eq(t, "priority", now, prio+3)
}

func TestSystem(t *testing.T) {
	var u unix.Utsname
	check(t, unix.Uname(&u))
	eq(t, "Sysname", unix.ByteSliceToString(u.Sysname[:]), "Darwin")
	eq(t, "Machine", unix.ByteSliceToString(u.Machine[:]), "x86_64" /* the kernel's, whatever the process */)
	host, err := os.Hostname()
	check(t, err)
	eq(t, "Nodename", unix.ByteSliceToString(u.Nodename[:]), host)
	release, err := unix.Sysctl("kern.osrelease")
	check(t, err)
	eq(t, "Release", unix.ByteSliceToString(u.Release[:]), release)
	raw, err := unix.SysctlRaw("kern.osrelease")
	check(t, err)
	eq(t, "SysctlRaw", string(raw), release+"\x00")

	n, err := unix.SysctlUint32("hw.logicalcpu")
	check(t, err)
	eq(t, "hw.logicalcpu", int(n), runtime.NumCPU())
	size, err := unix.SysctlUint64("hw.memsize")
	check(t, err)
	if size < 64<<20 || size>>52 != 0 {
		t.Errorf("hw.memsize %#x", size)
	}
	page, err := unix.SysctlUint64("hw.pagesize")
	check(t, err)
	eq(t, "hw.pagesize", int(page), unix.Getpagesize())
	c, err := unix.SysctlClockinfo("kern.clockrate")
	check(t, err)
	if c.Hz <= 0 || c.Hz*c.Tick != 1_000_000 {
		t.Errorf("kern.clockrate: %+v", c)
	}
	boot, err := unix.SysctlTimeval("kern.boottime")
	check(t, err)
	if up := time.Since(time.Unix(boot.Unix())); up < 0 || up > 10*365*24*time.Hour {
		t.Errorf("booted %v ago", up)
	}
	if _, err := unix.Sysctl("kern.nonsense"); err != unix.ENOENT {
		t.Errorf("kern.nonsense: %v", err)
	}
	all, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	check(t, err)
	if !slices.ContainsFunc(all, func(p unix.KinfoProc) bool { return int(p.Proc.P_pid) == os.Getpid() }) {
		t.Errorf("kern.proc.all: %d processes, this one is not among them", len(all))
	}
}

func TestTime(t *testing.T) {
	var tv unix.Timeval
	before := time.Now()
	check(t, unix.Gettimeofday(&tv))
	after := time.Now()
	if now := time.Unix(tv.Unix()); now.Before(before.Add(-time.Second)) || now.After(after.Add(time.Second)) {
		t.Errorf("Gettimeofday says %v between %v and %v", now, before, after)
	}
	var a, b unix.Timespec
	check(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &a))
	time.Sleep(5 * time.Millisecond)
	check(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &b))
	if d := time.Duration(b.Nano() - a.Nano()); d < 5*time.Millisecond || d > time.Minute {
		t.Errorf("5ms took %v", d)
	}
	var r unix.Rusage
	check(t, unix.Getrusage(unix.RUSAGE_SELF, &r))
	if r.Maxrss < 1<<20 || r.Utime.Nano()+r.Stime.Nano() == 0 {
		t.Errorf("Getrusage: %+v", r)
	}
	if err := unix.Getrusage(77, &r); err != unix.EINVAL {
		t.Errorf("Getrusage(77): %v", err)
	}
}

// TestBigOffsets checks 64-bit arguments and results.
func TestBigOffsets(t *testing.T) {
	temp(t)
	fd := file(t, "big", "")
	const big = 5<<30 + 7
	n, err := unix.Seek(fd, big, unix.SEEK_SET)
	check(t, err)
	eq(t, "Seek", n, int64(big))
	_, err = unix.Write(fd, []byte("x"))
	check(t, err)
	n, err = unix.Seek(fd, -1, unix.SEEK_END)
	check(t, err)
	eq(t, "Seek from the end", n, int64(big))
	b := make([]byte, 3)
	m, err := unix.Pread(fd, b, big)
	check(t, err)
	eq(t, "Pread", string(b[:m]), "x")
	_, err = unix.Pwrite(fd, []byte("yz"), big+1)
	check(t, err)
	var st unix.Stat_t
	check(t, unix.Fstat(fd, &st))
	eq(t, "size", st.Size, int64(big+3))
	m, err = unix.Preadv(fd, [][]byte{b[:1], b[1:]}, big)
	if darwin(t) < 20 && err == unix.ENOSYS { // preadv came with 11
		t.Log("no preadv")
	} else if check(t, err); string(b[:m]) != "xyz" {
		t.Errorf("Preadv: %q", b[:m])
	}
	mem, err := unix.Mmap(fd, big&^0xfff, 4096, unix.PROT_READ, unix.MAP_SHARED)
	check(t, err)
	eq(t, "Mmap", string(mem[7:10]), "xyz")
	check(t, unix.Munmap(mem))
	check(t, unix.Ftruncate(fd, big))
	check(t, unix.Stat("big", &st))
	eq(t, "size", st.Size, int64(big))
	check(t, unix.Truncate("big", 1<<40))
	check(t, unix.Lstat("big", &st))
	eq(t, "size", st.Size, int64(1<<40))
	if _, err := unix.Seek(fd, -5, unix.SEEK_SET); err != unix.EINVAL {
		t.Errorf("Seek to -5: %v", err)
	}
}

func TestVectors(t *testing.T) {
	var p [2]int
	check(t, unix.Pipe(p[:]))
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	if p[0] == p[1] || p[0] <= 2 || p[1] <= 2 {
		t.Fatalf("Pipe: %d", p)
	}
	n, err := unix.Writev(p[1], [][]byte{[]byte("ab"), nil, []byte("cde")})
	if err == unix.ENOSYS {
		t.Skip("x/sys: writev is not there")
	}
	check(t, err)
	eq(t, "Writev", n, 5)
	a, b := make([]byte, 3), make([]byte, 3)
	n, err = unix.Readv(p[0], [][]byte{a, b})
	check(t, err)
	eq(t, "Readv", string(append(a, b...)[:n]), "abcde")
}

func TestMemory(t *testing.T) {
	m, err := unix.Mmap(-1, 0, 3*4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	check(t, err)
	m[4096] = 7
	check(t, unix.Mlock(m[:4096]))
	check(t, unix.Munlock(m[:4096]))
	check(t, unix.Madvise(m, unix.MADV_WILLNEED))
	check(t, unix.Mprotect(m, unix.PROT_READ))
	eq(t, "kept", m[4096], 7)
	check(t, unix.Munmap(m))
	p, err := unix.MmapPtr(-1, 0, nil, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	check(t, err)
	*(*int)(p) = 1
	check(t, unix.MunmapPtr(p, 4096))
	temp(t)
	fd := file(t, "f", strings.Repeat("-", 4096))
	m, err = unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	check(t, err)
	copy(m, "hello")
	check(t, unix.Msync(m, unix.MS_SYNC))
	eq(t, "the file", read(t, "f")[:6], "hello-")
	check(t, unix.Munmap(m))
	if err := unix.Munmap(m); err != unix.EINVAL {
		t.Errorf("Munmap twice: %v", err)
	}
}

func TestSysvShm(t *testing.T) {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 5000, unix.IPC_CREAT|0o600)
	check(t, err)
	defer unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	a, err := unix.SysvShmAttach(id, 0, 0)
	check(t, err)
	b, err := unix.SysvShmAttach(id, 0, unix.SHM_RDONLY)
	check(t, err)
	eq(t, "size", len(a), 5000)
	a[4999] = 42
	eq(t, "the other view", b[4999], 42)
	var d unix.SysvShmDesc
	_, err = unix.SysvShmCtl(id, unix.IPC_STAT, &d)
	check(t, err)
	eq(t, "attached", d.Nattch, 2)
	eq(t, "segment's size", d.Segsz, 5000)
	eq(t, "creator", int(d.Cpid), os.Getpid())
	eq(t, "mode", d.Perm.Mode&0o777, 0o600)
	check(t, unix.SysvShmDetach(b))
	check(t, unix.SysvShmDetach(a))
	if err := unix.SysvShmDetach(a); err != unix.EINVAL {
		t.Errorf("detached twice: %v", err)
	}
}

func TestFcntl(t *testing.T) {
	dir := temp(t)
	fd := file(t, "f", "0123456789")
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	check(t, err)
	eq(t, "F_GETFD", flags, unix.FD_CLOEXEC)
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 40)
	check(t, err)
	defer unix.Close(dup)
	if dup < 40 {
		t.Errorf("F_DUPFD_CLOEXEC: %d", dup)
	}
	check(t, unix.SetNonblock(fd, true))
	flags, err = unix.FcntlInt(uintptr(dup), unix.F_GETFL, 0)
	check(t, err)
	eq(t, "F_GETFL", flags&(unix.O_NONBLOCK|unix.O_ACCMODE), unix.O_NONBLOCK|unix.O_RDWR)

	lk := unix.Flock_t{Type: unix.F_WRLCK, Start: 2, Len: 3}
	check(t, unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &lk))
	lk = unix.Flock_t{Type: unix.F_WRLCK}
	check(t, unix.FcntlFlock(uintptr(fd), unix.F_GETLK, &lk))
	eq(t, "F_GETLK of one's own", lk.Type, unix.F_UNLCK)
	check(t, unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB))
	other, err := unix.Open("f", unix.O_RDONLY, 0)
	check(t, err)
	defer unix.Close(other)
	if err := unix.Flock(other, unix.LOCK_SH|unix.LOCK_NB); err != unix.EWOULDBLOCK {
		t.Errorf("Flock: %v", err)
	}
	check(t, unix.Flock(fd, unix.LOCK_UN))
	check(t, unix.Flock(other, unix.LOCK_SH|unix.LOCK_NB))

	var path [1024]byte
	_, err = unix.FcntlInt(uintptr(fd), unix.F_GETPATH, int(uintptr(unsafe.Pointer(&path))))
	check(t, err)
	runtime.KeepAlive(&path)
	real, err := filepath.EvalSymlinks(dir)
	check(t, err)
	eq(t, "F_GETPATH", unix.ByteSliceToString(path[:]), filepath.Join(real, "f"))

	store := unix.Fstore_t{Flags: unix.F_ALLOCATEALL, Posmode: unix.F_PEOFPOSMODE, Length: 1 << 16}
	check(t, unix.FcntlFstore(uintptr(fd), unix.F_PREALLOCATE, &store))
	if store.Bytesalloc < 1<<16 {
		t.Errorf("F_PREALLOCATE: %d bytes", store.Bytesalloc)
	}
	eq(t, "the file", read(t, "f"), "0123456789")
	_, err = unix.FcntlInt(uintptr(fd), unix.F_FULLFSYNC, 0)
	check(t, err)
	check(t, unix.Fsync(fd))
	if _, err := unix.FcntlInt(9999, unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("fcntl of 9999: %v", err)
	}
}

func TestNames(t *testing.T) {
	dir := temp(t)
	check(t, unix.Mkdir("d", 0o755))
	d, err := unix.Open("d", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	check(t, err)
	defer unix.Close(d)
	f, err := unix.Openat(d, "f", unix.O_CREAT|unix.O_WRONLY, 0o644)
	check(t, err)
	check(t, unix.Close(f))
	check(t, unix.Mkdirat(d, "sub", 0o700))
	check(t, unix.Linkat(d, "f", unix.AT_FDCWD, "g", 0))
	check(t, unix.Link("g", "h"))
	check(t, unix.Symlinkat("f", d, "s"))
	buf := make([]byte, 100)
	n, err := unix.Readlinkat(d, "s", buf)
	check(t, err)
	eq(t, "Readlinkat", string(buf[:n]), "f")
	var st, st2 unix.Stat_t
	check(t, unix.Fstatat(d, "s", &st, 0))
	check(t, unix.Lstat("h", &st2))
	eq(t, "inode", st.Ino, st2.Ino)
	eq(t, "links", st.Nlink, 3)
	check(t, unix.Fstatat(d, "s", &st, unix.AT_SYMLINK_NOFOLLOW))
	eq(t, "type", st.Mode&unix.S_IFMT, unix.S_IFLNK)
	check(t, unix.Renameat(d, "f", unix.AT_FDCWD, "i"))
	check(t, unix.Rename("i", "j"))
	check(t, unix.Unlinkat(d, "sub", unix.AT_REMOVEDIR))
	check(t, unix.Unlinkat(d, "s", 0))
	check(t, unix.Rmdir("d"))
	check(t, unix.Unlink("j"))
	check(t, unix.Mkfifo("p", 0o600))
	check(t, unix.Stat("p", &st))
	eq(t, "Mkfifo", st.Mode, unix.S_IFIFO|0o600)
	check(t, unix.Access("h", unix.R_OK))
	check(t, unix.Faccessat(unix.AT_FDCWD, "h", unix.W_OK, unix.AT_EACCESS))
	if err := unix.Access("none", unix.F_OK); err != unix.ENOENT {
		t.Errorf("Access: %v", err)
	}
	if err := unix.Rmdir("h"); err != unix.ENOTDIR {
		t.Errorf("Rmdir of a file: %v", err)
	}
	old := unix.Umask(0o77)
	check(t, unix.Mkdir("e", 0o777))
	eq(t, "Umask", unix.Umask(old), 0o77)
	check(t, unix.Stat("e", &st))
	eq(t, "mode", st.Mode, unix.S_IFDIR|0o700)
	check(t, unix.Chmod("e", 0o750))
	check(t, unix.Fchmodat(unix.AT_FDCWD, "e", 0o751, 0))
	check(t, unix.Stat("e", &st))
	eq(t, "mode", st.Mode, unix.S_IFDIR|0o751)
	check(t, unix.Chown("e", -1, unix.Getegid()))
	check(t, unix.Lchown("e", -1, unix.Getegid()))
	check(t, unix.Fchownat(unix.AT_FDCWD, "e", -1, unix.Getegid(), 0))

	switch err := unix.RenamexNp("g", "h", unix.RENAME_EXCL); {
	case darwin(t) < 16 && err == unix.ENOSYS:
	case err != unix.EEXIST:
		t.Errorf("RenamexNp onto what exists: %v", err)
	default:
		check(t, unix.RenameatxNp(unix.AT_FDCWD, "g", unix.AT_FDCWD, "p", unix.RENAME_SWAP))
		check(t, unix.Lstat("g", &st))
		eq(t, "swapped", st.Mode&unix.S_IFMT, unix.S_IFIFO)
	}
	check(t, unix.Chdir("e"))
	wd, err := unix.Getwd()
	check(t, err)
	eq(t, "Getwd", wd, filepath.Join(dir, "e"))
	n, err = unix.Getcwd(buf[:0:0])
	if err == nil {
		t.Errorf("Getcwd into nothing: %d", n)
	}
	check(t, unix.Chflags("../e", 0))
	if n, err := unix.Pathconf(".", 4); err != nil || n != 255 { // _PC_NAME_MAX
		t.Errorf("Pathconf: %d, %v", n, err)
	}
}

func TestTimes(t *testing.T) {
	temp(t)
	fd := file(t, "f", "x")
	check(t, unix.Symlink("f", "s"))
	times := func(what, name string, atime, mtime int64) {
		t.Helper()
		var st unix.Stat_t
		check(t, unix.Lstat(name, &st))
		eq(t, what+": access", st.Atim.Nano(), atime)
		eq(t, what+": modification", st.Mtim.Nano(), mtime)
	}
	check(t, unix.Utimes("f", []unix.Timeval{{Sec: 1, Usec: 2}, {Sec: 3, Usec: 4}}))
	times("Utimes", "f", 1_000_002_000, 3_000_004_000)
	check(t, unix.Futimes(fd, []unix.Timeval{{Sec: 5}, {Sec: 6}}))
	times("Futimes", "f", 5e9, 6e9)
	check(t, unix.UtimesNano("s", []unix.Timespec{{Sec: 7}, {Sec: 8}}))
	times("UtimesNano", "f", 7e9, 8e9)
	check(t, unix.Lutimes("s", []unix.Timeval{{Sec: 9}, {Sec: 10}}))
	times("Lutimes", "s", 9e9, 10e9)
	times("Lutimes", "f", 7e9, 8e9)
	check(t, unix.UtimesNanoAt(unix.AT_FDCWD, "s", []unix.Timespec{{Sec: 11}, {Sec: 12}}, unix.AT_SYMLINK_NOFOLLOW))
	times("UtimesNanoAt", "s", 11e9, 12e9)
}

func TestDirectory(t *testing.T) {
	temp(t)
	var want []string
	for i := range 300 {
		name := fmt.Sprintf("name%0*d", i%50+3, i)
		want = append(want, name)
		check(t, os.WriteFile(name, nil, 0o600))
	}
	slices.Sort(want)
	fd, err := unix.Open(".", unix.O_RDONLY, 0)
	check(t, err)
	defer unix.Close(fd)
	for name, next := range map[string]func(b []byte) (int, error){
		"ReadDirent":    func(b []byte) (int, error) { return unix.ReadDirent(fd, b) },
		"Getdirentries": func(b []byte) (int, error) { var base uintptr; return unix.Getdirentries(fd, b, &base) },
	} {
		_, err = unix.Seek(fd, 0, unix.SEEK_SET)
		check(t, err)
		var have []string
		buf := make([]byte, 2000)
		for {
			n, err := next(buf)
			check(t, err)
			if n == 0 {
				break
			}
			_, _, have = unix.ParseDirent(buf[:n], -1, have)
		}
		slices.Sort(have)
		if !slices.Equal(have, want) {
			t.Errorf("%s: %d names, want %d", name, len(have), len(want))
		}
	}
}

func TestFileSystems(t *testing.T) {
	temp(t)
	fd := file(t, "f", "x")
	var a, b unix.Statfs_t
	check(t, unix.Statfs(".", &a))
	check(t, unix.Fstatfs(fd, &b))
	eq(t, "type", a.Fstypename, b.Fstypename)
	if a.Bsize == 0 || a.Blocks == 0 || a.Bfree > a.Blocks || unix.ByteSliceToString(a.Mntonname[:])[0] != '/' {
		t.Errorf("Statfs: %+v", a)
	}
	n, err := unix.Getfsstat(nil, unix.MNT_NOWAIT)
	check(t, err)
	list := make([]unix.Statfs_t, n)
	n, err = unix.Getfsstat(list, unix.MNT_NOWAIT)
	check(t, err)
	if !slices.ContainsFunc(list[:n], func(s unix.Statfs_t) bool { return unix.ByteSliceToString(s.Mntonname[:]) == "/" }) {
		t.Errorf("Getfsstat: %d file systems, none on /", n)
	}
	if err := unix.Statfs("none", &a); err != unix.ENOENT {
		t.Errorf("Statfs: %v", err)
	}

	check(t, unix.Chmod("f", 0o666))
	mask := unix.Umask(0o77)
	err = unix.Clonefile("f", "g", 0)
	unix.Umask(mask)
	switch {
	case err == unix.ENOTSUP, darwin(t) < 16 && err == unix.ENOSYS:
		t.Log("Clonefile:", err)
	default:
		check(t, err)
		eq(t, "the clone", read(t, "g"), "x")
		var st unix.Stat_t
		check(t, unix.Stat("g", &st))
		eq(t, "the clone's mode", st.Mode, unix.S_IFREG|0o666)
	}
}

func TestXattr(t *testing.T) {
	temp(t)
	fd := file(t, "f", "x")
	err := unix.Setxattr("f", "a", []byte("one"), 0)
	if err == unix.ENOTSUP {
		t.Skip("the file system has none")
	}
	check(t, err)
	check(t, unix.Fsetxattr(fd, "bb", []byte("two"), 0))
	buf := make([]byte, 100)
	n, err := unix.Getxattr("f", "a", buf)
	check(t, err)
	eq(t, "Getxattr", string(buf[:n]), "one")
	n, err = unix.Fgetxattr(fd, "bb", nil)
	check(t, err)
	eq(t, "size", n, 3)
	if _, err := unix.Getxattr("f", "a", buf[:1]); err != unix.ERANGE {
		t.Errorf("Getxattr into 1 byte: %v", err)
	}
	n, err = unix.Listxattr("f", buf)
	check(t, err)
	names := strings.Split(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00")
	slices.Sort(names)
	eq(t, "Listxattr", strings.Join(names, " "), "a bb")
	check(t, unix.Removexattr("f", "a"))
	if _, err := unix.Getxattr("f", "a", buf); err != unix.ENOATTR {
		t.Errorf("Getxattr of none: %v", err)
	}
	check(t, unix.Fremovexattr(fd, "bb"))
	n, err = unix.Flistxattr(fd, buf)
	check(t, err)
	eq(t, "Flistxattr", n, 0)
}

// again makes a call that is not restarted after a signal, the runtime's own
// among them, until it is not interrupted.
func again(call func() error) {
	for call() == unix.EINTR {
	}
}

func TestSelectPollKqueue(t *testing.T) {
	var p [2]int
	check(t, unix.Pipe(p[:]))
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	kq, err := unix.Kqueue()
	check(t, err)
	defer unix.Close(kq)
	var ev unix.Kevent_t
	unix.SetKevent(&ev, p[0], unix.EVFILT_READ, unix.EV_ADD)
	_, err = unix.Kevent(kq, []unix.Kevent_t{ev}, nil, nil)
	check(t, err)
	ready := func() (sel, poll, kev int) {
		t.Helper()
		var r unix.FdSet
		r.Set(p[0])
		var err error
		again(func() error {
			sel, err = unix.Select(p[0]+1, &r, nil, nil, &unix.Timeval{Usec: 1000})
			return err
		})
		check(t, err)
		if r.IsSet(p[0]) != (sel == 1) {
			t.Errorf("Select: %d, but the set says %v", sel, r.IsSet(p[0]))
		}
		fds := []unix.PollFd{{Fd: int32(p[0]), Events: unix.POLLIN}}
		again(func() error { poll, err = unix.Poll(fds, 1); return err })
		check(t, err)
		if (fds[0].Revents == unix.POLLIN) != (poll == 1) {
			t.Errorf("Poll: %d, but events %#x", poll, fds[0].Revents)
		}
		events := make([]unix.Kevent_t, 4)
		again(func() error {
			kev, err = unix.Kevent(kq, nil, events, &unix.Timespec{Nsec: 1_000_000})
			return err
		})
		check(t, err)
		if kev == 1 && (int(events[0].Ident) != p[0] || events[0].Data != 5) {
			t.Errorf("Kevent: %+v", events[0])
		}
		return sel, poll, kev
	}
	if s, p, k := ready(); s != 0 || p != 0 || k != 0 {
		t.Errorf("empty: %d, %d, %d", s, p, k)
	}
	unix.Write(p[1], []byte("hello"))
	if s, p, k := ready(); s != 1 || p != 1 || k != 1 {
		t.Errorf("5 bytes: %d, %d, %d", s, p, k)
	}
}

func TestTerminal(t *testing.T) {
	m, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	check(t, err)
	defer unix.Close(m)
	check(t, unix.IoctlSetInt(m, unix.TIOCPTYGRANT, 0))
	check(t, unix.IoctlSetInt(m, unix.TIOCPTYUNLK, 0))
	var name [128]byte
	_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(m), unix.TIOCPTYGNAME, uintptr(unsafe.Pointer(&name)))
	if e != 0 {
		t.Fatal(e)
	}
	s, err := unix.Open(unix.ByteSliceToString(name[:]), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	check(t, err)
	defer unix.Close(s)
	check(t, unix.IoctlSetWinsize(m, unix.TIOCSWINSZ, &unix.Winsize{Row: 12, Col: 34, Xpixel: 5, Ypixel: 6}))
	w, err := unix.IoctlGetWinsize(s, unix.TIOCGWINSZ)
	check(t, err)
	eq(t, "TIOCGWINSZ", *w, unix.Winsize{Row: 12, Col: 34, Xpixel: 5, Ypixel: 6})
	tio, err := unix.IoctlGetTermios(s, unix.TIOCGETA)
	check(t, err)
	if tio.Lflag&unix.ECHO == 0 || tio.Lflag&unix.ICANON == 0 {
		t.Errorf("a new terminal: %+v", tio)
	}
	tio.Lflag &^= unix.ECHO | unix.ICANON
	tio.Oflag &^= unix.OPOST
	tio.Iflag &^= unix.ICRNL
	tio.Cc[unix.VMIN], tio.Cc[unix.VTIME] = 1, 0
	check(t, unix.IoctlSetTermios(s, unix.TIOCSETA, tio))
	again, err := unix.IoctlGetTermios(m, unix.TIOCGETA)
	check(t, err)
	eq(t, "TIOCGETA", *again, *tio)
	unix.Write(m, []byte("a\rb"))
	buf := make([]byte, 10)
	n, err := unix.Read(s, buf)
	check(t, err)
	eq(t, "raw input", string(buf[:n]), "a\rb")
	if _, err := unix.IoctlGetWinsize(int(devNull(t).Fd()), unix.TIOCGWINSZ); err != unix.ENOTTY && err != unix.ENODEV {
		t.Errorf("TIOCGWINSZ of /dev/null: %v", err)
	}
}

func devNull(t *testing.T) *os.File {
	f, err := os.Open(os.DevNull)
	check(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// TestPassDescriptor passes a file over a socket pair, with credentials checked.
func TestPassDescriptor(t *testing.T) {
	temp(t)
	fd := file(t, "f", "through a socket")
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	check(t, err)
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	check(t, unix.Sendmsg(p[0], []byte("m"), unix.UnixRights(fd), nil, 0))
	buf, oob := make([]byte, 10), make([]byte, unix.CmsgSpace(4))
	n, on, _, _, err := unix.Recvmsg(p[1], buf, oob, 0)
	check(t, err)
	eq(t, "message", string(buf[:n]), "m")
	msgs, err := unix.ParseSocketControlMessage(oob[:on])
	check(t, err)
	eq(t, "control messages", len(msgs), 1)
	fds, err := unix.ParseUnixRights(&msgs[0])
	check(t, err)
	eq(t, "descriptors", len(fds), 1)
	defer unix.Close(fds[0])
	b := make([]byte, 100)
	n, err = unix.Pread(fds[0], b, 0)
	check(t, err)
	eq(t, "the file", string(b[:n]), "through a socket")

	cred, err := unix.GetsockoptXucred(p[0], unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	check(t, err)
	eq(t, "LOCAL_PEERCRED", int(cred.Uid), os.Geteuid())
	pid, err := unix.GetsockoptInt(p[0], unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	if darwin(t) >= 12 { // it came with 10.8
		check(t, err)
		eq(t, "LOCAL_PEERPID", pid, os.Getpid())
	}
}

func TestSockets(t *testing.T) {
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	check(t, err)
	defer unix.Close(l)
	check(t, unix.SetsockoptInt(l, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	on, err := unix.GetsockoptInt(l, unix.SOL_SOCKET, unix.SO_REUSEADDR)
	check(t, err)
	if on == 0 {
		t.Error("SO_REUSEADDR is not set")
	}
	check(t, unix.SetsockoptLinger(l, unix.SOL_SOCKET, unix.SO_LINGER_SEC, &unix.Linger{Onoff: 1, Linger: 3}))
	linger, err := unix.GetsockoptLinger(l, unix.SOL_SOCKET, unix.SO_LINGER_SEC)
	check(t, err)
	if linger.Onoff == 0 || linger.Linger != 3 {
		t.Errorf("SO_LINGER_SEC: %+v", linger)
	}
	check(t, unix.SetsockoptTimeval(l, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 9, Usec: 500_000}))
	tv, err := unix.GetsockoptTimeval(l, unix.SOL_SOCKET, unix.SO_RCVTIMEO)
	check(t, err)
	eq(t, "SO_RCVTIMEO", tv.Nano(), 9_500_000_000)

	check(t, unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	check(t, unix.Listen(l, 5))
	sa, err := unix.Getsockname(l)
	check(t, err)
	addr := sa.(*unix.SockaddrInet4)
	c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	check(t, err)
	defer unix.Close(c)
	check(t, unix.Connect(c, addr))
	s, from, err := unix.Accept(l)
	check(t, err)
	defer unix.Close(s)
	mine, err := unix.Getsockname(c)
	check(t, err)
	eq(t, "peer", *from.(*unix.SockaddrInet4), *mine.(*unix.SockaddrInet4))
	peer, err := unix.Getpeername(c)
	check(t, err)
	eq(t, "Getpeername", fmt.Sprint(peer.(*unix.SockaddrInet4).Addr, peer.(*unix.SockaddrInet4).Port), fmt.Sprint(addr.Addr, addr.Port))
	check(t, unix.SetsockoptInt(c, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))

	temp(t)
	f := file(t, "f", "0123456789")
	var offset int64 = 3
	n, err := unix.Sendfile(c, f, &offset, 4)
	check(t, err)
	eq(t, "Sendfile", n, 4)
	buf := make([]byte, 10)
	n, _, err = unix.Recvfrom(s, buf, 0)
	check(t, err)
	eq(t, "Recvfrom", string(buf[:n]), "3456")
	check(t, unix.Send(c, []byte("ab"), 0))
	_, err = unix.SendmsgBuffers(c, [][]byte{[]byte("cd"), []byte("ef")}, nil, nil, 0)
	check(t, err)
	check(t, unix.Shutdown(c, unix.SHUT_WR))
	var all []byte
	for {
		n, err := unix.Read(s, buf)
		check(t, err)
		if n == 0 {
			break
		}
		all = append(all, buf[:n]...)
	}
	eq(t, "stream", string(all), "abcdef")

	u, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)
	check(t, err)
	defer unix.Close(u)
	if err := unix.Bind(u, &unix.SockaddrInet6{Addr: [16]byte{15: 1}}); err != unix.EADDRNOTAVAIL {
		check(t, err)
		sa, err := unix.Getsockname(u)
		check(t, err)
		check(t, unix.Sendto(u, []byte("to myself"), 0, sa))
		n, from, err := unix.Recvfrom(u, buf, unix.MSG_PEEK)
		check(t, err)
		eq(t, "datagram", string(buf[:n]), "to myself")
		eq(t, "from", from.(*unix.SockaddrInet6).Port, sa.(*unix.SockaddrInet6).Port)
	}

	x, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	check(t, err)
	defer unix.Close(x)
	check(t, unix.Bind(x, &unix.SockaddrUnix{Name: "sock"}))
	check(t, unix.Listen(x, 1))
	sa, err = unix.Getsockname(x)
	check(t, err)
	eq(t, "unix socket", sa.(*unix.SockaddrUnix).Name, "sock")
	conn, err := net.Dial("unix", "sock")
	check(t, err)
	conn.Close()
	if _, err := unix.Socket(77, unix.SOCK_STREAM, 0); err != unix.EAFNOSUPPORT {
		t.Errorf("Socket(77): %v", err)
	}
	// connectx came with 10.11, after disconnectx and its kin.
	y, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	check(t, err)
	defer unix.Close(y)
	_, err = unix.Connectx(y, 0, nil, addr, unix.SAE_ASSOCID_ANY, 0, nil, nil)
	if darwin(t) < 15 && err == unix.ENOSYS {
		t.Log("no connectx")
	} else {
		check(t, err)
	}
}

func TestLimits(t *testing.T) {
	var r, r2 unix.Rlimit
	check(t, unix.Getrlimit(unix.RLIMIT_CORE, &r))
	check(t, unix.Setrlimit(unix.RLIMIT_CORE, &r))
	check(t, unix.Getrlimit(unix.RLIMIT_CORE, &r2))
	eq(t, "RLIMIT_CORE", r2, r)
	if err := unix.Getrlimit(99, &r); err != unix.EINVAL {
		t.Errorf("Getrlimit(99): %v", err)
	}
	if n := unix.Getdtablesize(); n < 64 {
		t.Errorf("Getdtablesize: %d", n)
	}
}

func TestWait(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "exit 7")
	check(t, cmd.Start())
	var ws unix.WaitStatus
	var r unix.Rusage
	pid, err := unix.Wait4(cmd.Process.Pid, &ws, 0, &r)
	check(t, err)
	eq(t, "Wait4", pid, cmd.Process.Pid)
	if !ws.Exited() || ws.ExitStatus() != 7 {
		t.Errorf("status %#x", ws)
	}
	if _, err := unix.Wait4(cmd.Process.Pid, &ws, 0, nil); err != unix.ECHILD {
		t.Errorf("Wait4 again: %v", err)
	}
	cmd = exec.Command("/bin/sh", "-c", "kill -TERM $$")
	check(t, cmd.Start())
	_, err = unix.Wait4(cmd.Process.Pid, &ws, 0, nil)
	check(t, err)
	eq(t, "signal", ws.Signal(), syscall.SIGTERM)
}

func TestWorkingDirectoryOfThread(t *testing.T) {
	dir := temp(t)
	check(t, unix.Mkdir("sub", 0o755))
	file(t, "sub/only-here", "")
	runtime.LockOSThread() // and the thread ends with the test
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := unix.PthreadChdir("sub"); err != nil {
			done <- err
			return
		}
		done <- unix.Access("only-here", unix.F_OK)
	}()
	check(t, <-done)
	if err := unix.Access("only-here", unix.F_OK); err != unix.ENOENT {
		t.Errorf("another thread's directory changed: %v", err)
	}
	runtime.UnlockOSThread()
	wd, err := unix.Getwd()
	check(t, err)
	eq(t, "Getwd", wd, dir)
}

func TestControlAndErrors(t *testing.T) {
	if _, err := unix.Open("/none/such", unix.O_RDONLY, 0); err != unix.ENOENT {
		t.Errorf("Open: %v", err)
	}
	if err := unix.Close(-1); err != unix.EBADF {
		t.Errorf("Close: %v", err)
	}
	if _, err := unix.Read(9999, make([]byte, 1)); err != unix.EBADF {
		t.Errorf("Read: %v", err)
	}
	if _, err := unix.Write(devNullWriter(t), nil); err != nil {
		t.Errorf("Write of nothing: %v", err)
	}
	eq(t, "ErrnoName", unix.ErrnoName(unix.EAGAIN), "EAGAIN")
	eq(t, "SignalName", unix.SignalName(unix.SIGINFO), "SIGINFO")
	m, err := unix.IoctlGetIfreqMTU(socket(t), "lo0")
	if err == nil && (m.MTU <= 0 || !bytes.HasPrefix(m.Name[:], []byte("lo0"))) {
		t.Errorf("SIOCGIFMTU: %+v", m)
	}
	check(t, err)
	auxv, err := unix.Auxv()
	if err == nil && len(auxv) > 0 {
		t.Errorf("Auxv: %v on darwin", auxv)
	}
}

func devNullWriter(t *testing.T) int {
	fd, err := unix.Open(os.DevNull, unix.O_WRONLY, 0)
	check(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func socket(t *testing.T) int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	check(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}
