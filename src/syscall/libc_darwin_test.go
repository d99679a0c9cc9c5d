// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package syscall_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	. "syscall"
	"testing"
	"time"
	"unsafe"
)

// These tests call the libc stubs as x/sys/unix would, so that they can be run
// on every release of the kernel: they must give the same answers on all of
// them, by whatever calls.

const (
	atFDCWD    = -2
	atEaccess  = 0x10
	atNofollow = 0x20
	atFollow   = 0x40
	atRemove   = 0x80
)

// args makes the six arguments of a call: ints, strings, pointers.
func args(t *testing.T, p *runtime.Pinner, list []any) (a [6]uintptr) {
	t.Helper()
	for i, x := range list {
		switch x := x.(type) {
		case int:
			a[i] = uintptr(x)
		case uintptr:
			a[i] = x
		case nil:
		case string:
			b := append([]byte(x), 0)
			p.Pin(&b[0])
			a[i] = uintptr(unsafe.Pointer(&b[0]))
		case []byte:
			p.Pin(&x[0])
			a[i] = uintptr(unsafe.Pointer(&x[0]))
		case *Stat_t:
			p.Pin(x)
			a[i] = uintptr(unsafe.Pointer(x))
		case *Timespec:
			p.Pin(x)
			a[i] = uintptr(unsafe.Pointer(x))
		case *[2]Timespec:
			p.Pin(x)
			a[i] = uintptr(unsafe.Pointer(x))
		case *uintptr:
			p.Pin(x)
			a[i] = uintptr(unsafe.Pointer(x))
		case *uint32:
			p.Pin(x)
			a[i] = uintptr(unsafe.Pointer(x))
		case *Rlimit:
			p.Pin(x)
			a[i] = uintptr(unsafe.Pointer(x))
		default:
			t.Fatalf("argument of type %T", x)
		}
	}
	return a
}

// stub calls the stub of that name. Its errno must be 0 if the result is not
// -1 or, for a pointer, 0.
func stub(t *testing.T, name string, list ...any) (uintptr, Errno) {
	t.Helper()
	fn := Stubs[name]
	if fn == 0 {
		t.Fatalf("no stub %s in the list", name)
	}
	var p runtime.Pinner
	defer p.Unpin()
	a := args(t, &p, list)
	r, r2, errno := Stub(fn, a[0], a[1], a[2], a[3], a[4], a[5])
	want := uintptr(0)
	if errno != 0 && r == ^want && runtime.GOARCH == "386" {
		want = ^want // the upper half of -1
	}
	if r2 != want {
		t.Errorf("%s: second result %#x, want %#x", name, r2, want)
	}
	if errno != 0 && r != 0 && r != ^uintptr(0) && name != "pthread_sigmask" {
		t.Errorf("%s: result %#x and errno %v", name, r, Errno(errno))
	}
	return r, errno
}

// must is stub for a call that is to succeed.
func must(t *testing.T, name string, list ...any) uintptr {
	t.Helper()
	r, e := stub(t, name, list...)
	if e != 0 {
		t.Fatalf("%s: %v", name, e)
	}
	return r
}

// fails is stub for a call that is to fail with want.
func fails(t *testing.T, want Errno, name string, list ...any) {
	t.Helper()
	if r, e := stub(t, name, list...); e != want {
		t.Errorf("%s = %d, errno %v; want %v", name, r, e, want)
	}
}

func TestStubAt(t *testing.T) {
	dir := t.TempDir()
	os.MkdirAll(filepath.Join(dir, "one"), 0o777)
	os.MkdirAll(filepath.Join(dir, "two"), 0o777)
	open := func(name string) int {
		fd, err := Open(filepath.Join(dir, name), O_RDONLY|O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { Close(fd) })
		return fd
	}
	one, two := open("one"), open("two")
	t.Chdir(dir)
	path := func(name string) string { return filepath.Join(dir, name) }
	exists := func(name string, want bool) {
		t.Helper()
		if _, err := os.Lstat(path(name)); (err == nil) != want {
			t.Errorf("%s: Lstat says %v", name, err)
		}
	}

	fd := must(t, "openat", one, "file", O_CREAT|O_RDWR|O_CLOEXEC, 0o640)
	if r := must(t, "fcntl", fd, F_GETFD); r != FD_CLOEXEC {
		t.Errorf("openat with O_CLOEXEC: F_GETFD gives %d", r)
	}
	Write(int(fd), []byte("hello"))
	Close(int(fd))
	exists("one/file", true)
	fails(t, ENOENT, "openat", two, "file", O_RDONLY, 0)
	fails(t, EBADF, "openat", 9999, "file", O_RDONLY, 0)
	Close(int(must(t, "openat", 9999, path("one/file"), O_RDONLY, 0)))
	Close(int(must(t, "openat", atFDCWD, path("one/file"), O_RDONLY, 0)))

	var st Stat_t
	must(t, "fstatat64", one, "file", &st, 0)
	if st.Size != 5 || st.Mode != S_IFREG|0o640 {
		t.Errorf("fstatat64: size %d, mode %o", st.Size, st.Mode)
	}
	must(t, "fchmodat", one, "file", 0o600, 0)
	must(t, "fstatat64", one, "file", &st, 0)
	if st.Mode&0o777 != 0o600 {
		t.Errorf("after fchmodat: mode %o", st.Mode)
	}
	must(t, "fchmodat", one, "file", 0o640, atNofollow)
	must(t, "fstatat64", one, "file", &st, 0)
	if st.Mode&0o777 != 0o640 {
		t.Errorf("after fchmodat with AT_SYMLINK_NOFOLLOW: mode %o", st.Mode)
	}
	must(t, "fchownat", one, "file", int(st.Uid), int(st.Gid), 0)
	must(t, "faccessat", one, "file", 4, 0)
	must(t, "faccessat", one, "file", 4, atEaccess)
	fails(t, ENOENT, "faccessat", one, "nothing", 4, 0)

	must(t, "mkdirat", two, "sub", 0o755)
	exists("two/sub", true)
	must(t, "symlinkat", "../one/file", two, "link")
	buf := make([]byte, 100)
	n := must(t, "readlinkat", two, "link", buf, len(buf))
	if s := string(buf[:n]); s != "../one/file" {
		t.Errorf("readlinkat: %q", s)
	}
	must(t, "fstatat64", two, "link", &st, atNofollow)
	if st.Mode&S_IFMT != S_IFLNK {
		t.Errorf("fstatat64 of a link with AT_SYMLINK_NOFOLLOW: mode %o", st.Mode)
	}
	must(t, "fstatat64", two, "link", &st, 0)
	if st.Mode&S_IFMT != S_IFREG {
		t.Errorf("fstatat64 of a link: mode %o", st.Mode)
	}

	must(t, "linkat", one, "file", two, "hard", 0)
	exists("two/hard", true)
	// A link to a symbolic link, or none; never a link to what it points to.
	if _, e := stub(t, "linkat", two, "link", one, "hard", 0); e == 0 {
		must(t, "fstatat64", one, "hard", &st, atNofollow)
		if st.Mode&S_IFMT != S_IFLNK {
			t.Errorf("linkat without AT_SYMLINK_FOLLOW followed a link: mode %o", st.Mode)
		}
		must(t, "unlinkat", one, "hard", 0)
	} else if e != ENOTSUP || DarwinRelease() >= Darwin10_10 {
		t.Errorf("linkat of a symbolic link: %v", e)
	}
	must(t, "renameat", one, "file", one, "again")
	exists("one/again", true)
	must(t, "renameat", one, "again", one, "file")
	must(t, "renameat", one, "file", two, "moved")
	exists("one/file", false)
	exists("two/moved", true)
	must(t, "renameat", two, "moved", one, "back")
	exists("one/back", true)
	must(t, "renameat", atFDCWD, path("one/back"), two, "moved")
	exists("two/moved", true)

	// Any other flag is EINVAL. Releases know different ones, but before 10.10 it is
	// those of 10.10 (xnu-2782, xnu-11417 bsd/vfs/vfs_syscalls.c).
	for _, c := range []struct {
		name         string
		known, later int
		args         []any
	}{
		{"fstatat64", atNofollow, 0xe00, []any{two, "moved", &st}},
		{"unlinkat", atRemove, 0x1900, []any{two, "moved"}},
		{"fchmodat", atNofollow, 0x800, []any{two, "moved", 0o640}},
		{"fchownat", atNofollow, 0, []any{two, "moved", int(st.Uid), int(st.Gid)}},
		{"faccessat", atEaccess, 0x820, []any{two, "moved", 4}},
		{"linkat", atFollow, 0, []any{two, "moved", one, "none"}},
	} {
		for bit := range 32 {
			flag := 1 << bit
			if c.known&flag == 0 && (c.later&flag == 0 || DarwinRelease() < Darwin10_10) {
				fails(t, EINVAL, c.name, append(c.args, flag)...)
				fails(t, EINVAL, c.name, append(c.args, flag|c.known)...)
			}
		}
	}
	exists("two/moved", true)
	exists("one/none", false)

	// Each of the two names by itself: relative to one, to two or to the working
	// directory, or absolute. The three have a file of that name each.
	dirs := []struct {
		name string
		fd   int
		abs  bool
	}{{".", atFDCWD, false}, {"one", one, false}, {"two", two, false}, {"one", atFDCWD, true}, {"two", one, true}, {"one", one, true}}
	for _, call := range []string{"renameat", "linkat"} {
		for _, from := range dirs {
			for _, to := range dirs {
				what := fmt.Sprintf("%s from %+v to %+v", call, from, to)
				for _, d := range dirs[:3] {
					if err := os.WriteFile(filepath.Join(d.name, "same"), []byte(d.name), 0o666); err != nil {
						t.Fatal(err)
					}
					os.Remove(filepath.Join(d.name, "new"))
				}
				old, name := "same", "new"
				if from.abs {
					old = path(from.name + "/same")
				}
				if to.abs {
					name = path(to.name + "/new")
				}
				if _, e := stub(t, call, from.fd, old, to.fd, name, 0); e != 0 {
					t.Errorf("%s: %v", what, e)
				}
				for _, d := range dirs[:3] {
					want := ""
					if d.name == to.name {
						want = from.name
					}
					if got, _ := os.ReadFile(filepath.Join(d.name, "new")); string(got) != want {
						t.Errorf("%s: %s/new is the file of %q, want %q", what, d.name, got, want)
					}
					_, err := os.Stat(filepath.Join(d.name, "same"))
					if gone := call == "renameat" && d.name == from.name; (err != nil) != gone {
						t.Errorf("%s: %s/same: %v", what, d.name, err)
					}
				}
				for _, empty := range [][2]string{{"", name}, {old, ""}} {
					if _, e := stub(t, call, from.fd, empty[0], to.fd, empty[1], 0); e != ENOENT {
						t.Errorf("%s, but the names are %q: %v; want ENOENT", what, empty, e)
					}
				}
			}
		}
	}

	fails(t, EPERM, "unlinkat", two, "sub", 0)
	must(t, "unlinkat", two, "sub", atRemove)
	exists("two/sub", false)
	must(t, "unlinkat", two, "hard", 0)
	exists("two/hard", false)

	if now, err := os.Getwd(); err != nil || now != dir {
		t.Errorf("the working directory was %s, is %s (%v)", dir, now, err)
	}
}

func TestStubUtimensat(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	d, err := Open(dir, O_RDONLY|O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer Close(d)
	times := func(name string, flag int) (atime, mtime int64) {
		t.Helper()
		var st Stat_t
		must(t, "fstatat64", d, name, &st, flag)
		return int64(st.Atimespec.Sec), int64(st.Mtimespec.Sec)
	}
	check := func(what, name string, flag int, atime, mtime int64) {
		t.Helper()
		if a, m := times(name, flag); a != atime || m != mtime {
			t.Errorf("%s: times of %s are %d and %d, want %d and %d", what, name, a, m, atime, mtime)
		}
	}
	now := time.Now().Unix()
	recent := func(what string, sec int64) {
		t.Helper()
		if sec < now-2 || sec > now+60 {
			t.Errorf("%s: %d is not now (%d)", what, sec, now)
		}
	}
	const utimeNow, utimeOmit = -1, -2

	must(t, "utimensat", d, "file", &[2]Timespec{{Sec: 1000}, {Sec: 2000}}, 0)
	check("both", "file", 0, 1000, 2000)
	must(t, "utimensat", atFDCWD, file, &[2]Timespec{{Nsec: utimeOmit}, {Sec: 3000}}, 0)
	check("no access time", "file", 0, 1000, 3000)
	must(t, "utimensat", d, "file", &[2]Timespec{{Sec: 1500}, {Nsec: utimeOmit}}, 0)
	check("no modification time", "file", 0, 1500, 3000)
	must(t, "utimensat", d, "file", &[2]Timespec{{Nsec: utimeOmit}, {Nsec: utimeOmit}}, 0)
	check("nothing", "file", 0, 1500, 3000)
	fails(t, ENOENT, "utimensat", d, "none", &[2]Timespec{{Nsec: utimeOmit}, {Nsec: utimeOmit}}, 0)
	must(t, "utimensat", d, "link", &[2]Timespec{{Sec: 100}, {Sec: 200}}, atNofollow)
	check("a link", "link", atNofollow, 100, 200)
	check("a link", "file", 0, 1500, 3000)
	must(t, "utimensat", d, "link", &[2]Timespec{{Sec: 300}, {Sec: 400}}, 0)
	check("through a link", "file", 0, 300, 400)
	must(t, "utimensat", d, "file", &[2]Timespec{{Sec: 5000}, {Nsec: utimeNow}}, 0)
	a, m := times("file", 0)
	if a != 5000 {
		t.Errorf("access time %d, want 5000", a)
	}
	recent("modification now", m)
	must(t, "utimensat", d, "file", &[2]Timespec{{Sec: 1}, {Sec: 2}}, 0)
	must(t, "utimensat", d, "file", nil, 0)
	a, m = times("file", 0)
	recent("NULL", a)
	recent("NULL", m)

	fd, err := Open(file, O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	must(t, "futimens", fd, &[2]Timespec{{Sec: 1000}, {Sec: 2000}})
	check("both, by descriptor", "file", 0, 1000, 2000)
	must(t, "futimens", fd, &[2]Timespec{{Nsec: utimeOmit}, {Sec: 3000}})
	check("no access time, by descriptor", "file", 0, 1000, 3000)
	must(t, "futimens", fd, &[2]Timespec{{Nsec: utimeOmit}, {Nsec: utimeOmit}})
	check("nothing, by descriptor", "file", 0, 1000, 3000)
	must(t, "futimens", fd, nil)
	a, m = times("file", 0)
	recent("NULL, by descriptor", a)
	recent("NULL, by descriptor", m)
	Close(fd)
	fails(t, EBADF, "futimens", fd, &[2]Timespec{{Nsec: utimeOmit}, {Nsec: utimeOmit}})
	fails(t, EBADF, "futimens", fd, &[2]Timespec{{Sec: 1}, {Sec: 2}})
	fails(t, EBADF, "futimens", fd, nil)
}

func TestStubReaddir(t *testing.T) {
	dir := t.TempDir()
	want := []string{".", ".."}
	for i := range 1000 {
		name := fmt.Sprintf("%0*d", 1+i%200, i)
		want = append(want, name)
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	want = slices.Compact(want)
	fd, err := Open(dir, O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	d := must(t, "fdopendir", fd)
	if r := must(t, "fcntl", fd, F_GETFD); r != FD_CLOEXEC {
		t.Errorf("after fdopendir: F_GETFD gives %d", r)
	}
	var have []string
	for {
		var ent Dirent
		var p runtime.Pinner
		p.Pin(&ent)
		var result uintptr
		if e := must(t, "readdir_r", d, uintptr(unsafe.Pointer(&ent)), &result); e != 0 {
			t.Fatalf("readdir_r: %v", Errno(e))
		}
		p.Unpin()
		if result == 0 {
			break
		}
		if result != uintptr(unsafe.Pointer(&ent)) {
			t.Fatal("readdir_r: the result is not the entry")
		}
		name := unsafe.Slice((*byte)(unsafe.Pointer(&ent.Name)), len(ent.Name))
		if name[ent.Namlen] != 0 || ent.Ino == 0 || ent.Type != DT_REG && ent.Type != DT_DIR {
			t.Errorf("entry %+v", ent)
		}
		have = append(have, string(name[:ent.Namlen]))
	}
	slices.Sort(have)
	if !slices.Equal(have, want) {
		t.Errorf("read %d names, want %d", len(have), len(want))
	}
	must(t, "closedir", d)
	fails(t, EBADF, "fcntl", fd, F_GETFD)

	null, err := Open("/dev/null", O_RDONLY|O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer Close(null)
	if r, e := stub(t, "fdopendir", null); r != 0 || e != ENOTDIR {
		t.Errorf("fdopendir of /dev/null = %#x, %v", r, e)
	}
}

func TestStubGetcwd(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	buf := make([]byte, 1024)
	must(t, "getcwd", buf, len(buf))
	if have := string(buf[:bytes.IndexByte(buf, 0)]); have != dir {
		t.Errorf("getcwd: %q, want %q", have, dir)
	}
	fails(t, ERANGE, "getcwd", buf, len(dir))
	must(t, "getcwd", buf, len(dir)+1)
}

// TestStubGetcwdHidden is in a directory that may be entered but not read, below
// another.
func TestStubGetcwdHidden(t *testing.T) {
	if os.Getenv("GO_WANT_HELPER_PROCESS") == "1" {
		want, err := os.Getwd() // by PWD
		if err != nil {
			t.Fatal(err)
		}
		if Getuid() == 0 {
			if err := Seteuid(1); err != nil {
				t.Fatal(err)
			}
		}
		fails(t, EACCES, "open", ".", O_RDONLY, 0)
		buf := make([]byte, 1024)
		must(t, "getcwd", buf, len(buf))
		if have := string(buf[:bytes.IndexByte(buf, 0)]); have != want {
			t.Errorf("getcwd: %q, want %q", have, want)
		}
		fails(t, ERANGE, "getcwd", buf, len(want))
		must(t, "getcwd", buf, len(want)+1)
		return
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestStubGetcwdHidden$")
	upper := filepath.Join(dir, "upper")
	cmd.Dir = filepath.Join(upper, "lower")
	if err := os.MkdirAll(cmd.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{cmd.Dir, upper} {
		if err := os.Chmod(d, 0o111); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(d, 0o777)
	}
	cmd.Env = append(os.Environ(), "GO_WANT_HELPER_PROCESS=1", "PWD="+cmd.Dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestStubClocks(t *testing.T) {
	// One of the clocks is the thread's.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	now := func(clock int) time.Duration {
		t.Helper()
		var ts Timespec
		must(t, "clock_gettime", clock, &ts)
		return time.Duration(ts.Nano())
	}
	first, real, last := time.Duration(time.Now().UnixNano()), now(0), time.Duration(time.Now().UnixNano())
	if real < first-time.Second || real > last+time.Second {
		t.Errorf("CLOCK_REALTIME is %v, time.Now %v before and %v after", real, first, last)
	}
	clocks := []int{0, 4, 5, 6, 8, 9, 12}
	if DarwinRelease() >= Darwin10_10 {
		clocks = append(clocks, 16)
	} else {
		fails(t, EINVAL, "clock_gettime", 16, new(Timespec))
	}
	before := map[int]time.Duration{}
	for _, c := range clocks {
		before[c] = now(c)
		if before[c] <= 0 {
			t.Errorf("clock %d is %v", c, before[c])
		}
	}
	start := time.Now()
	for interrupted := true; interrupted; { // by a signal, say the runtime's own
		_, e := stub(t, "usleep", 30_000)
		if interrupted = e == EINTR; !interrupted && e != 0 {
			t.Fatalf("usleep: %v", e)
		}
	}
	if d := time.Since(start); d < 30*time.Millisecond {
		t.Errorf("usleep(30000) took %v", d)
	}
	for _, c := range clocks {
		d := now(c) - before[c]
		if d < 0 || c < 12 && d < 29*time.Millisecond {
			t.Errorf("clock %d went from %v on by %v", c, before[c], d)
		}
	}
	var ts Timespec
	fails(t, EINVAL, "clock_gettime", 77, &ts)
}

func TestStubSysctl(t *testing.T) {
	buf := make([]byte, 100)
	n := uintptr(len(buf))
	must(t, "sysctlbyname", "kern.osrelease", buf, &n, nil, 0)
	want, err := Sysctl("kern.osrelease")
	if have := strings.TrimRight(string(buf[:n]), "\x00"); err != nil || have != want {
		t.Errorf("sysctlbyname: %q; Sysctl: %q, %v", have, want, err)
	}
	if !strings.HasPrefix(want, fmt.Sprint(DarwinRelease(), ".")) {
		t.Errorf("the runtime found Darwin %d, kern.osrelease is %q", DarwinRelease(), want)
	}
	n = uintptr(len(buf))
	fails(t, ENOENT, "sysctlbyname", "kern.nonsense", buf, &n, nil, 0)

	if r := must(t, "sysconf", 29); r != 4096 {
		t.Errorf("sysconf(_SC_PAGESIZE) = %d", r)
	}
	if r := must(t, "sysconf", 58); r < 1 || r > 4096 {
		t.Errorf("sysconf(_SC_NPROCESSORS_ONLN) = %d", r)
	}
	fails(t, EINVAL, "sysconf", 9999)
}

func TestStubRandom(t *testing.T) {
	a, b := make([]byte, 1002), make([]byte, 1002)
	must(t, "arc4random_buf", a[1:], 1000)
	must(t, "arc4random_buf", b[1:], 1000)
	if a[0] != 0 || a[1001] != 0 {
		t.Error("arc4random_buf wrote beyond the buffer")
	}
	if bytes.Equal(a, b) || bytes.Count(a, []byte{0}) > 100 {
		t.Error("arc4random_buf: not random")
	}
}

func TestStubDescriptors(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const dupfdCloexec = 67
	fd := must(t, "fcntl", int(f.Fd()), dupfdCloexec, 50)
	if fd < 50 {
		t.Errorf("F_DUPFD_CLOEXEC(50) = %d", fd)
	}
	if r := must(t, "fcntl", fd, F_GETFD); r != FD_CLOEXEC {
		t.Errorf("F_DUPFD_CLOEXEC: F_GETFD gives %d", r)
	}
	Close(int(fd))

	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("0123456789"), 0o666); err != nil {
		t.Fatal(err)
	}
	g, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	one, two := make([]byte, 4), make([]byte, 8)
	var p runtime.Pinner
	defer p.Unpin()
	p.Pin(&one[0])
	p.Pin(&two[0])
	iov := &[2]Iovec{{Base: &one[0]}, {Base: &two[0]}}
	iov[0].SetLen(len(one))
	iov[1].SetLen(len(two))
	p.Pin(iov)
	n := must(t, "preadv", int(g.Fd()), uintptr(unsafe.Pointer(iov)), 2, 1)
	if have := string(one) + string(two); n != 9 || have != "123456789\x00\x00\x00" {
		t.Errorf("preadv = %d, %q", n, have)
	}
	fails(t, EBADF, "preadv", -1, uintptr(unsafe.Pointer(iov)), 2, 0)
	fails(t, EINVAL, "preadv", int(g.Fd()), uintptr(unsafe.Pointer(iov)), 0, 0)
}

// TestStubOlder: what a release lacks and the port cannot make up for is
// ENOSYS, and no SIGSYS. Later ones have an opinion about the arguments.
func TestStubOlder(t *testing.T) {
	if len(OlderENOSYS) < 5 {
		t.Errorf("only %d stubs", len(OlderENOSYS))
	}
	for _, s := range OlderENOSYS {
		bad := ^uintptr(0)
		r, _, errno := Stub(s.Fn, bad, bad, bad, bad, bad, bad)
		if r != bad || (errno == ENOSYS) != (DarwinRelease() < s.Since) || errno == 0 {
			t.Errorf("%s = %#x, errno %v on Darwin %d; the kernel has it from Darwin %d on", s.Name, r, errno, DarwinRelease(), s.Since)
		}
	}
}

func TestStubKeepAlive(t *testing.T) {
	fd, err := Socket(AF_INET, SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer Close(fd)
	const keepIntvl, keepCnt = 0x101, 0x102
	for _, opt := range []int{TCP_KEEPALIVE, keepIntvl, keepCnt} {
		want := error(nil)
		if opt != TCP_KEEPALIVE && DarwinRelease() < Darwin10_9 {
			want = ENOPROTOOPT
		}
		if err := SetsockoptInt(fd, IPPROTO_TCP, opt, 7); err != want {
			t.Errorf("option %#x: %v, want %v", opt, err, want)
		}
	}
}

// TestStubEaccess: whether a program may use a file with the ids that it
// works with, not those that it was started with.
func TestStubEaccess(t *testing.T) {
	const accessX = 1
	if os.Getenv("GO_WANT_HELPER_PROCESS") == "1" {
		if err := Setreuid(1, 0); err != nil {
			t.Fatal(err)
		}
		want := Errno(0)
		if DarwinRelease() < Darwin10_10 {
			want = ENOSYS
		}
		fails(t, want, "faccessat", atFDCWD, "private", accessX, atEaccess)
		fails(t, EACCES, "faccessat", atFDCWD, "private", accessX, 0)
		return
	}
	if Getuid() != 0 {
		t.Skip("only root can have two user ids")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestStubEaccess$")
	cmd.Dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(cmd.Dir, "private"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "GO_WANT_HELPER_PROCESS=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestStubChmod: a bit that the kernel does not permit is left out.
func TestStubChmod(t *testing.T) {
	if os.Getenv("GO_WANT_HELPER_PROCESS") == "1" {
		if err := Setgroups([]int{1}); err != nil {
			t.Fatal(err)
		}
		if err := Setegid(1); err != nil {
			t.Fatal(err)
		}
		if err := Seteuid(1); err != nil {
			t.Fatal(err)
		}
		fd, err := Open("file", O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ mode, want uint16 }{{0o2755, 0o755}, {0o6755, 0o4755}, {0o4700, 0o4700}, {0o700, 0o700}} {
			check := func(name string) {
				var st Stat_t
				if err := Stat("file", &st); err != nil {
					t.Fatal(err)
				}
				if st.Mode&0o7777 != c.want {
					t.Errorf("after %s to %o: mode %o, want %o", name, c.mode, st.Mode&0o7777, c.want)
				}
				Chmod("file", 0o600)
			}
			must(t, "chmod", "file", int(c.mode))
			check("chmod")
			must(t, "fchmod", fd, int(c.mode))
			check("fchmod")
			if c.mode != c.want {
				fails(t, EPERM, "fchmodat", atFDCWD, "file", int(c.mode), 0)
			} else {
				must(t, "fchmodat", atFDCWD, "file", int(c.mode), 0)
				check("fchmodat")
			}
		}
		fails(t, EPERM, "chmod", "/", 0o6755)
		fails(t, ENOENT, "chmod", "none", 0o2755)
		fails(t, EBADF, "fchmod", -1, 0o2755)
		return
	}
	if Getuid() != 0 {
		t.Skip("only root can leave its groups")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestStubChmod$")
	cmd.Dir = t.TempDir()
	file := filepath.Join(cmd.Dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(file, 1, 0); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "GO_WANT_HELPER_PROCESS=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestStubRlimit: a limit out of reach is refused on releases that would, asked
// otherwise, cut it down (bsd/kern/kern_resource.c:dosetrlimit).
func TestStubRlimit(t *testing.T) {
	files, err := SysctlUint32("kern.maxfiles")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		which, since int // the first Darwin that takes it
		lim          func(was Rlimit) Rlimit
	}{
		{RLIMIT_NOFILE, Darwin11, func(was Rlimit) Rlimit {
			n := max(was.Cur, uint64(files)) + 1
			return Rlimit{n, max(was.Max, n)}
		}},
		{RLIMIT_STACK, Darwin12, func(was Rlimit) Rlimit { return Rlimit{was.Cur, max(was.Max, 64<<20)} }},
	} {
		var was, is Rlimit
		if err := Getrlimit(c.which, &was); err != nil {
			t.Fatal(err)
		}
		lim := c.lim(was)
		if lim.Max > was.Max && Getuid() != 0 {
			t.Logf("limit %d: only root can raise the maximum from %d", c.which, was.Max)
			continue
		}
		if DarwinRelease() >= c.since {
			must(t, "setrlimit", c.which, &lim)
			Getrlimit(c.which, &is)
			if is != lim {
				t.Errorf("limit %d: set to %d, is %d", c.which, lim, is)
			}
			must(t, "setrlimit", c.which, &was)
			continue
		}
		fails(t, EINVAL, "setrlimit", c.which, &lim)
		Getrlimit(c.which, &is)
		if is != was {
			t.Errorf("limit %d: was %d, is %d after a refusal", c.which, was, is)
		}
	}
	fails(t, EINVAL, "setrlimit", 99, &Rlimit{})
	fails(t, EINVAL, "setrlimit", RLIMIT_NOFILE, &Rlimit{Cur: 2, Max: 1})
}

func TestStubSignals(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, SIGUSR1)
	defer signal.Stop(c)
	must(t, "raise", int(SIGUSR1))
	select {
	case <-c:
	case <-time.After(2 * time.Minute):
		t.Error("raise(SIGUSR1): no signal")
	}

	var mask uint32 = 0xdeadbeef
	must(t, "pthread_sigmask", 1, nil, &mask)
	if mask == 0xdeadbeef {
		t.Error("pthread_sigmask stored nothing")
	}
	if r, e := stub(t, "pthread_sigmask", 99, &mask, nil); r != uintptr(EINVAL) || e != EINVAL {
		t.Errorf("pthread_sigmask(99) = %d, %v; want EINVAL", r, e)
	}

	// SIGINFO is ignored by default and not among those that a test meets.
	const sigIgn = 1
	ign := make([]byte, unsafe.Sizeof(uintptr(0))+8)
	ign[0] = sigIgn
	was, is := make([]byte, len(ign)), make([]byte, len(ign))
	must(t, "sigaction", int(SIGINFO), ign, was)
	must(t, "sigaction", int(SIGINFO), nil, is)
	if is[0] != sigIgn || !bytes.Equal(is[1:8], make([]byte, 7)) {
		t.Errorf("sigaction: handler % x, want SIG_IGN", is[:8])
	}
	must(t, "sigaction", int(SIGINFO), was, nil)
	fails(t, EINVAL, "sigaction", int(SIGKILL), ign, nil)
}

func TestStubPty(t *testing.T) {
	m := must(t, "posix_openpt", O_RDWR|O_NOCTTY)
	defer Close(int(m))
	must(t, "grantpt", m)
	must(t, "unlockpt", m)
	buf := make([]byte, 256)
	must(t, "ptsname_r", m, buf, len(buf))
	name := string(buf[:bytes.IndexByte(buf, 0)])
	s, err := Open(name, O_RDWR|O_NOCTTY|O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("%q: %v", name, err)
	}
	defer Close(s)
	if _, err := Write(int(m), []byte("hello\n")); err != nil {
		t.Fatal(err)
	}
	n, err := Read(s, buf)
	if err != nil || string(buf[:n]) != "hello\n" {
		t.Errorf("the terminal reads %q, %v", buf[:n], err)
	}
	fails(t, ERANGE, "ptsname_r", m, buf, 3)
}

func TestStubTime(t *testing.T) {
	var tv Timeval
	first := time.Now().UnixNano()
	if err := Gettimeofday(&tv); err != nil {
		t.Fatal(err)
	}
	if last := time.Now().UnixNano(); tv.Nano() < first-1e9 || tv.Nano() > last+1e9 {
		t.Errorf("gettimeofday says %d, time.Now %d before and %d after", tv.Nano(), first, last)
	}
	if tv.Usec < 0 || tv.Usec > 999_999 {
		t.Errorf("%d microseconds", tv.Usec)
	}
}

// TestStubThreadClock: the clock of a thread begins with the thread.
func TestStubThreadClock(t *testing.T) {
	if DarwinRelease() < Darwin10_10 {
		t.Skip("no clock of threads before 10.10")
	}
	const work = 20 * time.Millisecond
	onThread := func(f func(now func() time.Duration)) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // and the thread ends with the goroutine
			f(func() time.Duration {
				var ts Timespec
				must(t, "clock_gettime", 16, &ts)
				return time.Duration(ts.Nano())
			})
		}()
		<-done
	}
	least := work
	for i := range 5 {
		onThread(func(now func() time.Duration) {
			begin := now()
			if i > 0 { // the goroutine may be on a thread that is not new, but not each time
				least = min(least, begin)
			}
			for now() < begin+work {
			}
		})
	}
	if least > work/2 {
		t.Errorf("all new threads have used %v at least", least)
	}
}

// TestSyscallStack: the garbage collector can scan the stack of a goroutine that
// is blocked in a call made by number.
func TestSyscallStack(t *testing.T) {
	for name, read := range map[string]func(fd, p, n uintptr) (uintptr, uintptr, Errno){
		"Syscall":  func(fd, p, n uintptr) (uintptr, uintptr, Errno) { return Syscall(SYS_READ, fd, p, n) },
		"Syscall6": func(fd, p, n uintptr) (uintptr, uintptr, Errno) { return Syscall6(SYS_READ, fd, p, n, 0, 0, 0) },
		"Syscall9": func(fd, p, n uintptr) (uintptr, uintptr, Errno) {
			return Syscall9(SYS_READ, fd, p, n, 0, 0, 0, 0, 0, 0)
		},
	} {
		var p [2]int
		if err := Pipe(p[:]); err != nil {
			t.Fatal(err)
		}
		done := make(chan Errno)
		go func() {
			b := new([1]byte)
			n, _, e := read(uintptr(p[0]), uintptr(unsafe.Pointer(b)), 1)
			for e == EINTR {
				n, _, e = read(uintptr(p[0]), uintptr(unsafe.Pointer(b)), 1)
			}
			if e == 0 && (n != 1 || b[0] != 'x') {
				e = EIO
			}
			done <- e
		}()
		for range 5 {
			time.Sleep(2 * time.Millisecond)
			runtime.GC()
		}
		if _, err := Write(p[1], []byte{'x'}); err != nil {
			t.Fatal(err)
		}
		if e := <-done; e != 0 {
			t.Errorf("%s: read: %v", name, e)
		}
		Close(p[0])
		Close(p[1])
	}
}

// TestStubResults: results wider than an int, two results, pointers, and
// arguments of functions that C declares with an ellipsis.
func TestStubResults(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	fd := must(t, "open", name, O_CREAT|O_RDWR|O_CLOEXEC|O_EXCL, 0o640)
	defer Close(int(fd))
	var st Stat_t
	if err := Fstat(int(fd), &st); err != nil || st.Mode != S_IFREG|0o640 {
		t.Errorf("open with mode 640: mode %o, %v", st.Mode, err)
	}
	fails(t, EEXIST, "open", name, O_CREAT|O_RDWR|O_EXCL, 0o640)

	const big = 5<<32 + 6
	seek := func(offset uint64, whence uintptr) (uint64, Errno) {
		if unsafe.Sizeof(fd) == 4 {
			lo, hi, e := Stub(Stubs["lseek"], fd, uintptr(uint32(offset)), uintptr(offset>>32), whence, 0, 0)
			return uint64(hi)<<32 | uint64(lo), e
		}
		r, r2, e := Stub(Stubs["lseek"], fd, uintptr(offset), whence, 0, 0, 0)
		if r2 != 0 {
			t.Errorf("lseek: second result %#x", r2)
		}
		return uint64(r), e
	}
	if n, e := seek(big, 0); n != big || e != 0 {
		t.Errorf("lseek = %#x, %v; want %#x", n, e, uint64(big))
	}
	back := int64(-7)
	if n, e := seek(uint64(back), 1); n != big-7 || e != 0 {
		t.Errorf("lseek back = %#x, %v; want %#x", n, e, uint64(big-7))
	}
	if n, e := seek(uint64(back), 0); int64(n) != -1 || e != EINVAL {
		t.Errorf("lseek to -7 = %#x, %v; want EINVAL", n, e)
	}

	var p runtime.Pinner
	defer p.Unpin()
	ends := new([3]int32)
	p.Pin(ends)
	ends[2] = 77
	if r := must(t, "pipe", uintptr(unsafe.Pointer(ends))); r != 0 {
		t.Errorf("pipe = %d", r)
	}
	defer Close(int(ends[0]))
	defer Close(int(ends[1]))
	if ends[0] == ends[1] || ends[2] != 77 {
		t.Fatalf("pipe stored %d", *ends)
	}
	if _, err := Write(int(ends[1]), []byte("abc")); err != nil {
		t.Fatal(err)
	}
	const fionread = 0x4004667f
	n := new(uint32)
	must(t, "ioctl", int(ends[0]), fionread, n)
	if *n != 3 {
		t.Errorf("FIONREAD: %d, want 3", *n)
	}
	fails(t, EBADF, "ioctl", -1, fionread, n)

	if unsafe.Sizeof(fd) == 8 { // elsewhere the offset takes two words
		mem := must(t, "mmap", 0, 8192, PROT_READ|PROT_WRITE, MAP_ANON|MAP_PRIVATE, -1, 0)
		if mem%4096 != 0 || uint64(mem)>>32 == 0 {
			t.Errorf("mmap = %#x", mem)
		}
		must(t, "munmap", mem, 8192)
		fails(t, EBADF, "mmap", 0, 4096, PROT_READ, MAP_PRIVATE, -1, 0)
	}
	fails(t, EINVAL, "mmap", 0, 0, PROT_READ, MAP_ANON|MAP_PRIVATE, -1, 0)
	fails(t, EINVAL, "mmap", 0, 4096, PROT_READ, MAP_ANON, -1, 0)
	fails(t, EINVAL, "mmap", 0, 4096, PROT_READ, MAP_PRIVATE, fd, 512)
}
