// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// gstr is the guest address of a string.
func gstr(s string) uint64 {
	b := append([]byte(s), 0)
	return gp(&b[0])
}

// chdirTemp moves the test into an empty directory.
func chdirTemp(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	return dir
}

func TestOpenFlags(t *testing.T) {
	for _, tt := range []struct {
		guest openFlag
		r     Release
		host  uintptr
	}{
		{oRdonly, XNU11215, 0},
		{oRdwr | oCreat | oExcl, XNU11215, syscall.O_RDWR | syscall.O_CREAT | syscall.O_EXCL},
		{oWronly | oTrunc | oAppend, XNU1504, syscall.O_WRONLY | syscall.O_TRUNC | syscall.O_APPEND},
		{oNonblock | oNofollow | oNoctty, XNU11215, syscall.O_NONBLOCK | syscall.O_NOFOLLOW | syscall.O_NOCTTY},
		{oDirectory, XNU11215, syscall.O_DIRECTORY},
		{oSync, XNU11215, syscall.O_SYNC},
		{oDsync, XNU11215, syscall.O_DSYNC},
		{oCloexec, XNU1699, syscall.O_CLOEXEC},
		{oCloexec, XNU1504, 0}, // 10.6 does not know it
	} {
		if h := hostOpenFlags(knownOpenFlags(tt.guest, tt.r), tt.r); h != tt.host {
			t.Errorf("open flags %#x on %d: host %#x, want %#x", tt.guest, tt.r, h, tt.host)
		}
	}
	// Numbers of xnu-11417 bsd/sys/fcntl.h, so that a slip in the constants
	// does not pass for a translation.
	if g := guestStatusFlags(syscall.O_RDWR | syscall.O_NONBLOCK | syscall.O_APPEND | syscall.O_SYNC | 0x8000); g != 0x8e {
		t.Errorf("F_GETFL gives %#x, want 0x8e", g)
	}
	if g := guestStatusFlags(syscall.O_WRONLY | syscall.O_DSYNC); g != 0x400001 {
		t.Errorf("F_GETFL of O_DSYNC gives %#x, want 0x400001", g)
	}
}

// The errors in which XNU and Linux differ, and some in which they do not.
func TestFileErrors(t *testing.T) {
	th := guestThread(t, XNU11215)
	chdirTemp(t)
	for _, err := range []error{
		os.Mkdir("dir", 0o777), os.Mkdir("full", 0o777), os.WriteFile("full/x", nil, 0o666),
		os.WriteFile("file", []byte("data"), 0o644), os.Symlink("file", "link"), os.Symlink("dir", "dirlink"),
		os.Symlink("loop", "loop"), syscall.Mknod("sock", syscall.S_IFSOCK|0o666, 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const fdcwd = ^uint64(1) // AT_FDCWD
	long := strings.Repeat("x/", 512)
	buf := make([]byte, 4096)
	for _, tt := range []struct {
		name string
		h    handler
		a    []uint64
		want Errno
	}{
		{"unlink of a directory", sysUnlink, []uint64{gstr("dir")}, EPERM},
		{"unlinkat of a directory", sysUnlinkat, []uint64{fdcwd, gstr("dir"), 0}, EPERM},
		{"unlinkat with Linux's AT_REMOVEDIR", sysUnlinkat, []uint64{fdcwd, gstr("dir"), 0x200}, EINVAL},
		{"rmdir of a file", sysRmdir, []uint64{gstr("file")}, ENOTDIR},
		{"rmdir of a full directory", sysRmdir, []uint64{gstr("full")}, ENOTEMPTY},
		{"rename onto a full directory", sysRename, []uint64{gstr("dir"), gstr("full")}, ENOTEMPTY},
		{"rename of a file onto a directory", sysRename, []uint64{gstr("file"), gstr("dir")}, EISDIR},
		{"rename of a directory onto a file", sysRename, []uint64{gstr("dir"), gstr("file")}, ENOTDIR},
		{"renameatx_np with RENAME_EXCL", sysRenameatxNp, []uint64{fdcwd, gstr("file"), fdcwd, gstr("link"), 4}, EEXIST},
		{"renameatx_np with both flags", sysRenameatxNp, []uint64{fdcwd, gstr("file"), fdcwd, gstr("link"), 6}, EINVAL},
		{"link of a directory", sysLink, []uint64{gstr("dir"), gstr("new")}, EPERM},
		{"mkdir of what is there", sysMkdir, []uint64{gstr("file"), 0o777}, EEXIST},
		{"readlink of a file", sysReadlink, []uint64{gstr("file"), gp(&buf[0]), 100}, EINVAL},
		{"readlink of the empty name", sysReadlink, []uint64{gstr(""), gp(&buf[0]), 100}, ENOENT},
		{"stat of the empty name", sysStat64, []uint64{gstr(""), gp(&buf[0])}, ENOENT},
		{"a name of 1024 bytes", sysStat64, []uint64{gstr(long), gp(&buf[0])}, ENAMETOOLONG},
		{"a component of 256 bytes", sysStat64, []uint64{gstr(strings.Repeat("y", 256)), gp(&buf[0])}, ENAMETOOLONG},
		{"a bad address as name", sysStat64, []uint64{8, gp(&buf[0])}, EFAULT},
		{"a bad address as buffer", sysStat64, []uint64{gstr("file"), 8}, EFAULT},
		{"a loop of links", sysStat64, []uint64{gstr("loop"), gp(&buf[0])}, ELOOP},
		{"AT_FDCWD of Linux", sysFstatat64, []uint64{^uint64(99), gstr("file"), gp(&buf[0]), 0}, EBADF},
		{"open for writing of a directory", sysOpen, []uint64{gstr("dir"), uint64(oWronly), 0}, EISDIR},
		{"open with O_NOFOLLOW of a link", sysOpen, []uint64{gstr("link"), uint64(oNofollow), 0}, ELOOP},
		{"open with O_NOFOLLOW|O_DIRECTORY of a link", sysOpen, []uint64{gstr("dirlink"), uint64(oNofollow | oDirectory), 0}, ENOTDIR},
		{"open with O_DIRECTORY of a file", sysOpen, []uint64{gstr("file"), uint64(oDirectory), 0}, ENOTDIR},
		{"open with O_CREAT|O_DIRECTORY", sysOpen, []uint64{gstr("file"), uint64(oCreat | oDirectory), 0}, EINVAL},
		{"open with O_CREAT|O_EXCL of a directory", sysOpen, []uint64{gstr("dir"), uint64(oCreat | oExcl), 0}, EEXIST},
		{"open with O_CREAT of a new name with a slash", sysOpen, []uint64{gstr("new/"), uint64(oCreat | oWronly), 0o666}, ENOENT},
		{"open with both access modes", sysOpen, []uint64{gstr("file"), 3, 0}, EINVAL},
		{"open of a socket", sysOpen, []uint64{gstr("sock"), uint64(oRdonly), 0}, EOPNOTSUPP},
		{"open with O_NOFOLLOW_ANY through a link", sysOpen, []uint64{gstr("dirlink/../file"), uint64(oNofollowAny), 0}, ELOOP},
		{"read of more than INT_MAX", sysRead, []uint64{0, gp(&buf[0]), 1 << 31}, EINVAL},
		{"readv of no vectors", sysReadv, []uint64{minus1(), 0, 0}, EINVAL},
		{"mknod of a regular file", sysMknod, []uint64{gstr("new"), syscall.S_IFREG | 0o666, 0}, EINVAL},
		{"exchangedata", sysExchangedata, []uint64{gstr("file"), gstr("link"), 0}, ENOTSUP},
		{"fgetattrlist of volume attributes", sysGetattrlist, []uint64{gstr("file"), gp(&[]uint16{5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}[0]), gp(&buf[0]), 100, 0}, EINVAL},
		{"getxattr of what is not there", sysGetxattr, []uint64{gstr("file"), gstr("none"), gp(&buf[0]), 10, 0, 0}, ENOATTR},
		{"getdirentries64 of a file", sysGetdirentries64, []uint64{mustOpen(t, th, "file", oRdonly), gp(&buf[0]), 4096, gp(new(uint64))}, EINVAL},
	} {
		t.Run(tt.name, func(t *testing.T) { call(t, th, tt.h, tt.want, tt.a...) })
	}
}

func mustOpen(t *testing.T, th *Thread, name string, f openFlag) uint64 {
	t.Helper()
	return call(t, th, sysOpen, 0, gstr(name), uint64(f), 0o666)
}

func TestOpen(t *testing.T) {
	th := guestThread(t, XNU11215)
	chdirTemp(t)
	old := syscall.Umask(0o022)
	defer syscall.Umask(old)
	fd := call(t, th, sysOpen, 0, gstr("new"), uint64(oRdwr|oCreat|oExcl|oCloexec), 0o1777)
	fi, err := os.Stat("new")
	if err != nil {
		t.Fatal(err)
	}
	if fi.Mode() != 0o755 { // the sticky bit of the mode is not used
		t.Errorf("mode %v, want -rwxr-xr-x", fi.Mode())
	}
	if v := call(t, th, sysFcntl, 0, fd, uint64(fGetfd)); v != 1 {
		t.Errorf("F_GETFD = %d, want FD_CLOEXEC", v)
	}
	if v := call(t, th, sysFcntl, 0, fd, uint64(fGetfl)); v != uint64(oRdwr) {
		t.Errorf("F_GETFL = %#x, want %#x", v, oRdwr)
	}
	if n := call(t, th, sysWrite, 0, fd, gstr("hello"), 5); n != 5 {
		t.Errorf("write = %d", n)
	}
	var b [8]byte
	if n := call(t, th, sysPread, 0, fd, gp(&b[0]), 8, 1); n != 4 || string(b[:n]) != "ello" {
		t.Errorf("pread = %d, %q", n, b)
	}
	// F_GETPATH, also when the file has gone.
	path := make([]byte, 1024)
	call(t, th, sysFcntl, 0, fd, uint64(fGetpath), gp(&path[0]))
	if dir, _ := os.Getwd(); cstring(path) != dir+"/new" {
		t.Errorf("F_GETPATH gives %q, want %q", cstring(path), dir+"/new")
	}
	os.Remove("new")
	call(t, th, sysFcntl, ENOENT, fd, uint64(fGetpath), gp(&path[0]))
	closeFD(t, th, fd)
	call(t, th, sysClose, EBADF, fd)

	// O_CREAT of a directory that exists opens it.
	os.Mkdir("dir", 0o777)
	closeFD(t, th, call(t, th, sysOpen, 0, gstr("dir"), uint64(oCreat), 0o666))
	// O_SYMLINK opens the link, and freadlink reads it.
	os.Symlink("target", "link")
	fd = mustOpen(t, th, "link", oSymlink)
	clear(path)
	if n := call(t, th, sysFreadlink, 0, fd, gp(&path[0]), 100); string(path[:n]) != "target" {
		t.Errorf("freadlink gives %q", path[:n])
	}
	closeFD(t, th, fd)
	// On 10.6 O_CLOEXEC does nothing.
	th.p.Release = XNU1504
	fd = mustOpen(t, th, "dir", oCloexec)
	if v := call(t, th, sysFcntl, 0, fd, uint64(fGetfd)); v != 0 {
		t.Errorf("1504: F_GETFD = %d, want 0", v)
	}
	call(t, th, sysFcntl, EINVAL, fd, uint64(fDupfdCloexec), 0)
	closeFD(t, th, fd)
}

// TestOpenInterrupted: a signal that has come before interrupts an open that
// has to wait, and no other. A FIFO waits for its other end (xnu-1504
// bsd/miscfs/fifofs/fifo_vnops.c:fifo_open).
func TestOpenInterrupted(t *testing.T) {
	th := guestThread(t, XNU11215)
	chdirTemp(t)
	for _, name := range []string{"fifo", "open"} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ends, err := syscall.Open("open", syscall.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(ends)
	for _, tt := range []struct {
		name  string
		flags openFlag
		want  Errno
	}{
		{"new", oRdwr | oCreat, 0},
		{"new", oRdwr, 0},
		{"new", oRdwr | oNofollowAny, 0},
		{".", 0, 0},
		{"nothing", 0, ENOENT},
		{"/dev/null", oRdwr, 0},
		{"/dev/urandom", 0, 0},
		{"/dev/ptmx", oRdwr | oNoctty, 0},
		{"fifo", 0, ERESTART},
		{"fifo", oWronly, ERESTART},
		{"open", 0, 0},
		{"open", oWronly, 0},
	} {
		th.cpu.Kick()
		fd, e := sysOpen(th, &args{gstr(tt.name), uint64(tt.flags), 0o600})
		th.cpu.TakeKick()
		if e != tt.want {
			t.Errorf("open %s, flags %#x: error %v, want %v", tt.name, tt.flags, e, tt.want)
		}
		if e == 0 {
			closeFD(t, th, fd)
		}
	}
}

// /dev/fd/N duplicates the descriptor: the offset is shared, and rights cannot
// be added.
func TestDevFd(t *testing.T) {
	for name, want := range map[string]int32{"/dev/fd/0": 0, "/dev/fd/17": 17, "/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2} {
		if fd, ok := devFd([]byte(name)); !ok || fd != want {
			t.Errorf("devFd(%q) = %d, %v", name, fd, ok)
		}
	}
	for _, name := range []string{"/dev/fd/", "/dev/fd/1x", "/dev/fd/99999999999", "dev/fd/1", "/dev/stdin/", "/dev"} {
		if fd, ok := devFd([]byte(name)); ok {
			t.Errorf("devFd(%q) = %d", name, fd)
		}
	}
	th := guestThread(t, XNU11215)
	chdirTemp(t)
	os.WriteFile("f", []byte("abcdef"), 0o666)
	fd := mustOpen(t, th, "f", oRdonly)
	var b [2]byte
	call(t, th, sysRead, 0, fd, gp(&b[0]), 2)
	name := fmt.Sprintf("/dev/fd/%d", fd)
	dup := mustOpen(t, th, name, oRdonly)
	call(t, th, sysRead, 0, dup, gp(&b[0]), 2)
	if string(b[:]) != "cd" {
		t.Errorf("read %q through %s, want the shared offset's \"cd\"", b, name)
	}
	call(t, th, sysOpen, EACCES, gstr(name), uint64(oRdwr), 0)
	closeFD(t, th, dup)
	closeFD(t, th, fd)
	call(t, th, sysOpen, EBADF, gstr(name), uint64(oRdonly), 0)
}

func TestDescriptorLimit(t *testing.T) {
	th := guestThread(t, XNU11215)
	cur, max := rlimits[rlimitNofile].cur.Load(), rlimits[rlimitNofile].max.Load()
	defer setRlimit(rlimitNofile, cur, max)
	setRlimit(rlimitNofile, 64, max)
	if n := call(t, th, sysGetdtablesize, 0); n != 64 {
		t.Errorf("getdtablesize = %d, want 64", n)
	}
	call(t, th, sysFcntl, EINVAL, 0, uint64(fDupfd), 64)
	call(t, th, sysDup2, EBADF, 0, 64)
	var fds []uint64
	for {
		var a args
		fd, e := sysDup(th, &a)
		if e != 0 {
			if e != EMFILE {
				t.Errorf("dup: error %v, want EMFILE", e)
			}
			break
		}
		if fds = append(fds, fd); len(fds) > 64 {
			t.Fatal("no limit")
		}
	}
	call(t, th, sysPipe, EMFILE)
	for _, fd := range fds {
		closeFD(t, th, fd)
	}
	r := call(t, th, sysPipe, 0)
	w := th.rval1
	if n := call(t, th, sysWrite, 0, w, gstr("x"), 1); n != 1 {
		t.Errorf("write to the pipe = %d", n)
	}
	closeFD(t, th, r)
	closeFD(t, th, w)
	// The runner's own descriptors do not exist for the guest.
	call(t, th, sysClose, EBADF, uint64(hiddenFDBase))
	call(t, th, sysDup, EBADF, uint64(hiddenFDBase))
}

func TestLockTypes(t *testing.T) {
	// F_RDLCK 1, F_UNLCK 2, F_WRLCK 3 (xnu-11417 bsd/sys/fcntl.h).
	for g, h := range map[uint16]uint16{1: syscall.F_RDLCK, 2: syscall.F_UNLCK, 3: syscall.F_WRLCK} {
		if v, ok := hostLockType(g); !ok || v != h {
			t.Errorf("hostLockType(%d) = %d, %v", g, v, ok)
		}
		if v := guestLockType(h); v != g {
			t.Errorf("guestLockType(%d) = %d, want %d", h, v, g)
		}
	}
	if _, ok := hostLockType(0); ok {
		t.Error("lock type 0 (Linux's F_RDLCK) is accepted")
	}
}

func TestRecordLock(t *testing.T) {
	th := guestThread(t, XNU11215)
	chdirTemp(t)
	os.WriteFile("f", make([]byte, 100), 0o666)
	a := mustOpen(t, th, "f", oRdwr)
	b := mustOpen(t, th, "f", oRdwr)
	flock := func(typ uint16, start, n uint64) []byte {
		l := make([]byte, guestFlockSize)
		putUint64(l, start)
		putUint64(l[8:], n)
		putUint16(l[20:], typ)
		return l
	}
	// Locks of open files: two descriptors of one process exclude each other.
	l := flock(3, 10, 20)
	call(t, th, sysFcntl, 0, a, uint64(fOfdSetlk), gp(&l[0]))
	call(t, th, sysFcntl, EAGAIN, b, uint64(fOfdSetlk), gp(&l[0]))
	q := flock(1, 0, 100)
	call(t, th, sysFcntl, 0, b, uint64(fOfdGetlk), gp(&q[0]))
	if typ, start, n := getUint16(q[20:]), getUint64(q), getUint64(q[8:]); typ != 3 || start != 10 || n != 20 {
		t.Errorf("F_OFD_GETLK: type %d start %d len %d, want 3 10 20", typ, start, n)
	}
	// Locks of the process do not conflict with themselves.
	call(t, th, sysFcntl, 0, a, uint64(fSetlk), gp(&flock(3, 50, 1)[0]))
	call(t, th, sysFcntl, 0, b, uint64(fSetlk), gp(&flock(3, 50, 1)[0]))
	call(t, th, sysFcntl, EINVAL, b, uint64(fSetlk), gp(&flock(0, 50, 1)[0]))
	th.p.Release = XNU8792
	call(t, th, sysFcntl, EINVAL, b, uint64(fOfdSetlk), gp(&l[0]))
	closeFD(t, th, a)
	closeFD(t, th, b)
}

func TestWhence(t *testing.T) {
	for _, tt := range []struct {
		w    int32
		r    Release
		host uintptr
		ok   bool
	}{
		{0, XNU1504, 0, true},
		{2, XNU1504, 2, true},
		{3, XNU11215, 4, true}, // SEEK_HOLE
		{4, XNU11215, 3, true}, // SEEK_DATA
		{3, XNU3248, 0, false},
		{5, XNU11215, 0, false},
		{-1, XNU11215, 0, false},
	} {
		if h, ok := hostWhence(tt.w, tt.r); h != tt.host || ok != tt.ok {
			t.Errorf("hostWhence(%d, %d) = %d, %v; want %d, %v", tt.w, tt.r, h, ok, tt.host, tt.ok)
		}
	}
}

// A slash behind makes XNU follow a link in calls that act on the name.
func TestTrailingSlash(t *testing.T) {
	th := guestThread(t, XNU11215)
	chdirTemp(t)
	os.Mkdir("dir", 0o777)
	os.Symlink("dir", "link")
	call(t, th, sysRename, 0, gstr("link/"), gstr("moved"))
	if fi, err := os.Lstat("moved"); err != nil || !fi.IsDir() {
		t.Errorf("rename(link/, moved) did not move the directory: %v", err)
	}
	if _, err := os.Lstat("link"); err != nil {
		t.Errorf("the link itself: %v", err)
	}
	os.Remove("link")
	os.Symlink("moved", "link")
	call(t, th, sysRmdir, 0, gstr("link///"))
	if _, err := os.Lstat("moved"); err == nil {
		t.Error("rmdir(link///) left the directory")
	}
	os.WriteFile("file", nil, 0o666)
	call(t, th, sysUnlink, ENOTDIR, gstr("file/"))
}

func TestLinkFollows(t *testing.T) {
	th := guestThread(t, XNU11215)
	chdirTemp(t)
	os.WriteFile("file", []byte("x"), 0o666)
	os.Symlink("file", "sym")
	call(t, th, sysLink, 0, gstr("sym"), gstr("hard"))
	if fi, err := os.Lstat("hard"); err != nil || !fi.Mode().IsRegular() {
		t.Errorf("link(sym, hard) made %v, %v; want the file that sym leads to", fi, err)
	}
	const fdcwd = ^uint64(1)
	call(t, th, sysLinkat, 0, fdcwd, gstr("sym"), fdcwd, gstr("hardsym"), 0)
	if fi, err := os.Lstat("hardsym"); err != nil || fi.Mode()&os.ModeSymlink == 0 {
		t.Errorf("linkat without AT_SYMLINK_FOLLOW made %v, %v; want a link", fi, err)
	}
}

// A thread's own directory is for its names only.
func TestPthreadChdir(t *testing.T) {
	th := guestThread(t, XNU11215)
	dir := chdirTemp(t)
	os.MkdirAll("a/b", 0o777)
	os.WriteFile("a/b/here", []byte("x"), 0o666)
	call(t, th, sysPthreadFchdir, EBADF, minus1())
	call(t, th, sysPthreadChdir, 0, gstr("a"))
	call(t, th, sysPthreadChdir, 0, gstr("b"))
	defer th.dropCwd()
	var st [144]byte
	call(t, th, sysStat64, 0, gstr("here"), gp(&st[0]))
	call(t, th, sysTruncate, 0, gstr("here"), 0) // a host call without a directory
	if fi, err := os.Stat(dir + "/a/b/here"); err != nil || fi.Size() != 0 {
		t.Errorf("truncate of a relative name: %v, %v", fi, err)
	}
	if wd, _ := os.Getwd(); wd != dir {
		t.Errorf("the process is in %s, want %s", wd, dir)
	}
	call(t, th, sysPthreadFchdir, 0, minus1())
	call(t, th, sysStat64, ENOENT, gstr("here"), gp(&st[0]))
}

func TestPrefixed(t *testing.T) {
	th := &Thread{p: &Proc{Release: XNU11215}, buffers: new(buffers)}
	for _, tt := range []struct {
		fd         int
		name, want string
	}{
		{7, "x", "/proc/self/fd/7/x"},
		{1234567890, "x/y", "/proc/self/fd/1234567890/x/y"},
		{7, "/abs", "/abs"},
		{7, "", ""},
		{0, "x", "x"},
	} {
		b := &th.fs.name[0]
		copy(b[pathPrefix:], tt.name+"\x00")
		a := th.prefixed(0, tt.fd, hostBuf(&b[pathPrefix]))
		at := a - hostBuf(&b[0])
		if got := cstring(b[at:]); got != tt.want {
			t.Errorf("prefixed(%d, %q) = %q, want %q", tt.fd, tt.name, got, tt.want)
		}
	}
}

func TestTimes(t *testing.T) {
	th := guestThread(t, XNU11215)
	chdirTemp(t)
	os.WriteFile("f", nil, 0o666)
	tv := make([]byte, 32)
	putUint64(tv, 1000)
	putUint32(tv[8:], 5)
	putUint64(tv[16:], 2000)
	putUint32(tv[24:], 6)
	check := func(what string, atime, mtime time.Time) {
		t.Helper()
		var st [144]byte
		call(t, th, sysStat64, 0, gstr("f"), gp(&st[0]))
		if a := time.Unix(int64(getUint64(st[32:])), int64(getUint64(st[40:]))); !a.Equal(atime) {
			t.Errorf("%s: atime %v, want %v", what, a, atime)
		}
		if m := time.Unix(int64(getUint64(st[48:])), int64(getUint64(st[56:]))); !m.Equal(mtime) {
			t.Errorf("%s: mtime %v, want %v", what, m, mtime)
		}
	}
	call(t, th, sysUtimes, 0, gstr("f"), gp(&tv[0]))
	check("utimes", time.Unix(1000, 5000), time.Unix(2000, 6000))
	// setattrlist: in the order of the bits, modification before access.
	al := []uint16{5, 0, 0x1400, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	ts := []uint64{3000, 7, 4000, 8}
	call(t, th, sysSetattrlist, 0, gstr("f"), gp(&al[0]), gp(&ts[0]), 32, 0)
	check("setattrlist", time.Unix(4000, 8), time.Unix(3000, 7))
	call(t, th, sysSetattrlist, EINVAL, gstr("f"), gp(&al[0]), gp(&ts[0]), 24, 0)
	fd := mustOpen(t, th, "f", oRdwr)
	call(t, th, sysFutimes, 0, fd, gp(&tv[0]))
	check("futimes", time.Unix(1000, 5000), time.Unix(2000, 6000))
	al[2] = 0x400
	call(t, th, sysFsetattrlist, 0, fd, gp(&al[0]), gp(&ts[0]), 16, 0)
	check("fsetattrlist of one", time.Unix(1000, 5000), time.Unix(3000, 7))
	closeFD(t, th, fd)
	tv32 := []int32{5000, 9, 6000, 10}
	th.p.abi = abi32
	call(t, th, sysUtimes, 0, gstr("f"), gp(&tv32[0]))
	th.p.abi = abi64
	check("utimes of i386", time.Unix(5000, 9000), time.Unix(6000, 10000))
}

func TestPreallocate(t *testing.T) {
	th := guestThread(t, XNU11215)
	chdirTemp(t)
	fd := call(t, th, sysOpen, 0, gstr("f"), uint64(oRdwr|oCreat), 0o666)
	b := make([]byte, 32)
	putUint32(b[4:], 3) // F_PEOFPOSMODE
	putUint64(b[16:], 1<<20)
	call(t, th, sysFcntl, 0, fd, uint64(fPreallocate), gp(&b[0]))
	if n := getUint64(b[24:]); n != 1<<20 {
		t.Errorf("fst_bytesalloc = %d, want 1 MiB", n)
	}
	if fi, _ := os.Stat("f"); fi.Size() != 0 || fi.Sys().(*syscall.Stat_t).Blocks == 0 {
		t.Errorf("size %d, %d blocks; want room behind the end", fi.Size(), fi.Sys().(*syscall.Stat_t).Blocks)
	}
	putUint32(b[4:], 9)
	call(t, th, sysFcntl, EINVAL, fd, uint64(fPreallocate), gp(&b[0]))
	closeFD(t, th, fd)
}

func TestXattr(t *testing.T) {
	th := guestThread(t, XNU11215)
	dir := chdirTemp(t)
	os.WriteFile("f", nil, 0o666)
	os.Symlink("f", "l")
	if err := syscall.Setxattr(dir+"/f", "user.probe", nil, 0); err != nil {
		t.Skipf("no extended attributes here: %v", err)
	}
	f, name := gstr("f"), gstr("com.apple.test")
	call(t, th, sysSetxattr, 0, f, name, gstr("value"), 5, 0, xattrCreate)
	call(t, th, sysSetxattr, EEXIST, f, name, gstr("value"), 5, 0, xattrCreate)
	call(t, th, sysSetxattr, EINVAL, f, name, gstr("value"), 5, 0, xattrCreate|xattrReplace)
	call(t, th, sysSetxattr, EINVAL, f, name, gstr("value"), 5, 1, 0)
	call(t, th, sysSetxattr, ENOTSUP, gstr(dir+"/l"), name, gstr("value"), 5, 0, xattrNofollow)
	call(t, th, sysSetxattr, ENAMETOOLONG, f, gstr(strings.Repeat("n", 128)), gstr("value"), 5, 0, 0)
	buf := make([]byte, 100)
	if n := call(t, th, sysGetxattr, 0, f, name, 0, 0, 0, 0); n != 5 {
		t.Errorf("size %d, want 5", n)
	}
	if n := call(t, th, sysGetxattr, 0, f, name, gp(&buf[0]), 100, 0, 0); string(buf[:n]) != "value" {
		t.Errorf("value %q", buf[:n])
	}
	call(t, th, sysGetxattr, ERANGE, f, name, gp(&buf[0]), 2, 0, 0)
	n := call(t, th, sysListxattr, 0, f, gp(&buf[0]), 100, 0)
	if got := splitZero(buf[:n]); len(got) != 2 || got[0] != "probe" && got[1] != "probe" {
		t.Errorf("names %q", got)
	}
	call(t, th, sysRemovexattr, 0, f, name, 0)
	call(t, th, sysRemovexattr, ENOATTR, f, name, 0)
}

func TestGuestXattrs(t *testing.T) {
	got := guestXattrs([]byte("security.selinux\x00user.a\x00user.\x00trusted.b\x00user.com.apple.x\x00"))
	if want := "a\x00com.apple.x\x00"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestShmName(t *testing.T) {
	th := guestThread(t, XNU11215)
	name := fmt.Sprintf("/goxnu-test-%d", os.Getpid())
	fd := call(t, th, sysShmOpen, 0, gstr(name), uint64(oRdwr|oCreat|oExcl), 0o600)
	defer call(t, th, sysShmUnlink, 0, gstr(name))
	call(t, th, sysFtruncate, 0, fd, 4096)
	call(t, th, sysShmOpen, EEXIST, gstr(name), uint64(oRdwr|oCreat|oExcl), 0o600)
	closeFD(t, th, fd)
	call(t, th, sysShmOpen, ENAMETOOLONG, gstr(strings.Repeat("n", 32)), uint64(oRdwr|oCreat), 0o600)
	call(t, th, sysShmOpen, EINVAL, gstr("/a/b"), uint64(oRdwr|oCreat), 0o600)
}

// The handlers that run at every read, write and stat allocate nothing.
func TestFileCallsDoNotAllocate(t *testing.T) {
	th := guestThread(t, XNU11215)
	chdirTemp(t)
	os.WriteFile("f", bytes.Repeat([]byte("x"), 100), 0o666)
	fd := mustOpen(t, th, "f", oRdwr)
	name, buf, dir := gstr("f"), gp(&make([]byte, 4096)[0]), mustOpen(t, th, ".", oRdonly)
	pos := gp(new(uint64))
	var a args
	for what, f := range map[string]func(){
		"pread":   func() { a = args{fd, buf, 10, 0}; sysPread(th, &a) },
		"pwrite":  func() { a = args{fd, buf, 10, 0}; sysPwrite(th, &a) },
		"lseek":   func() { a = args{fd, 0, 0}; sysLseek(th, &a) },
		"stat64":  func() { a = args{name, buf}; sysStat64(th, &a) },
		"fstat64": func() { a = args{fd, buf}; sysFstat64(th, &a) },
		"F_GETFL": func() { a = args{fd, uint64(fGetfl)}; sysFcntl(th, &a) },
		"open":    func() { a = args{name, 0}; n, _ := sysOpen(th, &a); a = args{n}; sysClose(th, &a) },
		"getdirentries64": func() {
			a = args{dir, 0, 0}
			sysLseek(th, &a)
			a = args{dir, buf, 4096, pos}
			sysGetdirentries64(th, &a)
		},
		"gettimeofday": func() { a = args{buf, 0, 0}; sysGettimeofday(th, &a) },
		"getrlimit":    func() { a = args{rlimitNofile, buf}; sysGetrlimit(th, &a) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
	closeFD(t, th, fd)
	closeFD(t, th, dir)
}

// TestPtyEOF: a master whose other side has been closed is at its end.
func TestPtyEOF(t *testing.T) {
	th := guestThread(t, XNU11215)
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer m.Close()
	fd := int32(m.Fd())
	n, e := ioctlInt(fd, linuxTiocgptn)
	if e != 0 {
		t.Fatal(e)
	}
	var unlocked int32
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TIOCSPTLCK, uintptr(unsafe.Pointer(&unlocked))); e != 0 {
		t.Fatal(e)
	}
	s, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.WriteString("x")
	s.Close()
	b := make([]byte, 10)
	if n := call(t, th, sysRead, 0, uint64(fd), gp(&b[0]), 10); n != 1 {
		t.Errorf("read %d bytes, want 1", n)
	}
	if n := call(t, th, sysRead, 0, uint64(fd), gp(&b[0]), 10); n != 0 {
		t.Errorf("read %d bytes, want none", n)
	}
}
