// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Image is the guest of image_test.go. Its first argument says what it does. It
// prints what is wrong and exits with status 1.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func check(err error) {
	if err != nil {
		fail("%v", err)
	}
}

var tests = map[string]func(){
	"wait":   wait,
	"exec":   execs,
	"long":   long,
	"fork":   fork,
	"argmax": argmax,
	"none":   func() {},
	"links":  links,
	"chroot": chroot,
	"proc":   proc,
	"pty":    pty,
}

func main() { tests[os.Args[1]]() }

// wait tells its number and stays until its standard input ends.
func wait() {
	fmt.Println(os.Getpid())
	io.Copy(io.Discard, os.Stdin)
}

// execs executes the rest of its arguments as this program.
func execs() {
	self, err := os.Executable()
	check(err)
	check(syscall.Exec(self, os.Args[2:], os.Environ()))
}

// long waits with an argument that the host has no room for.
func long() {
	os.Args = []string{"long", "exec", "x", "wait", strings.Repeat("a", 200<<10)}
	execs()
}

// fork waits in a child that has not executed anything.
func fork() {
	pid, child, e := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
	if e != 0 {
		fail("fork: %v", e)
	}
	if child == 1 {
		syscall.RawSyscall(syscall.SYS_SYNC, 0, 0, 0) // more than a child may do in a copy of the runner
		line := strconv.AppendInt(nil, int64(os.Getpid()), 10)
		line = append(line, '\n')
		syscall.RawSyscall(syscall.SYS_WRITE, 1, uintptr(unsafe.Pointer(&line[0])), uintptr(len(line)))
		syscall.RawSyscall(syscall.SYS_READ, 0, uintptr(unsafe.Pointer(&line[0])), 1)
		syscall.RawSyscall(syscall.SYS_EXIT, 0, 0, 0)
	}
	var ws syscall.WaitStatus
	_, err := syscall.Wait4(int(pid), &ws, 0, nil)
	check(err)
	if ws != 0 {
		fail("the child: status %#x", ws)
	}
}

// argmax MAX COUNTED executes programs with the most that the kernel takes, and
// with one byte more. COUNTED says whether pointers count.
func argmax() {
	most, err := strconv.Atoi(os.Args[2])
	check(err)
	if n, err := syscall.SysctlUint32("kern.argmax"); err != nil || int(n) != most {
		fail("kern.argmax is %d, %v; want %d", n, err, most)
	}
	self, err := os.Executable()
	check(err)
	try := func(room int, env []string, want error) {
		for _, v := range env {
			room -= len(v) + 1
		}
		args := []string{"p", "none"}
		room -= 2 + 5 // with their NULs
		if os.Args[3] == "true" {
			room -= 8 * (3 + 1 + len(env) + 1)
		} else {
			room -= 16 + (len(self)+1+7)&^7
		}
		args = append(args, strings.Repeat("x", room-1))
		c := &exec.Cmd{Path: self, Args: args, Env: env}
		if err := c.Run(); !errors.Is(err, want) {
			fail("%d arguments and %d variables, %d bytes for the last one: %v, want %v", len(args), len(env), room, err, want)
		}
	}
	for _, env := range [][]string{{"A=1234"}, {"A=1", "B=2345"}, {"A=" + strings.Repeat("e", 200<<10)}} {
		try(most, env, nil)
		try(most+1, env, syscall.E2BIG)
	}
}

// links: a name may lead through 32 symbolic links.
func links() {
	dir, err := os.MkdirTemp("", "links")
	check(err)
	defer os.RemoveAll(dir)
	check(os.Chdir(dir))
	check(os.WriteFile("0", nil, 0o600))
	for i := 1; i <= 40; i++ {
		check(os.Symlink(strconv.Itoa(i-1), strconv.Itoa(i)))
	}
	check(os.Symlink(".", "here"))
	d, err := os.Open(dir)
	check(err)
	for _, tt := range []struct {
		name string
		want error
	}{
		{"32", nil},
		{"33", syscall.ELOOP},
		{strings.Repeat("here/", 32) + "0", nil},
		{strings.Repeat("here/", 33) + "0", syscall.ELOOP},
		{strings.Repeat("here/", 32) + "1", syscall.ELOOP},
		{"", syscall.ENOENT},
	} {
		errs := make(map[string]error)
		_, errs["stat"] = os.Stat(tt.name)
		if tt.name != "" {
			_, errs["absolute stat"] = os.Stat(dir + "/" + tt.name)
			_, err = os.OpenFile(tt.name, os.O_RDWR|os.O_CREATE, 0o600)
			errs["open"] = err
			errs["chmod"] = os.Chmod(tt.name, 0o600)
			errs["execve"] = tt.want
			if err := syscall.Exec(dir+"/"+tt.name, []string{"x"}, nil); err != syscall.EACCES {
				errs["execve"] = err
			}
		}
		if len(os.Args) > 2 {
			const openat = 463 // since 10.10
			path, err := syscall.BytePtrFromString(tt.name)
			check(err)
			fd, _, e := syscall.Syscall6(openat, d.Fd(), uintptr(unsafe.Pointer(path)), 0, 0, 0, 0)
			if errs["openat"] = nil; e != 0 {
				errs["openat"] = e
			} else {
				syscall.Close(int(fd))
			}
		}
		for call, err := range errs {
			if !errors.Is(err, tt.want) {
				fail("%s(%.40q): %v, want %v", call, tt.name, err, tt.want)
			}
		}
	}
	if _, err := os.Lstat("40"); err != nil {
		fail("lstat does not follow: %v", err)
	}
	if to, err := os.Readlink(strings.Repeat("here/", 32) + "40"); to != "39" {
		fail("readlink: %q, %v", to, err)
	}
	if err := os.Rename("40", "here/41"); err != nil {
		fail("rename: %v", err)
	}
	if err := os.Remove("41"); err != nil {
		fail("unlink: %v", err)
	}
	if err := os.Mkdir("here/sub", 0o700); err != nil {
		fail("mkdir: %v", err)
	}
}

// chroot executes a copy of this program in a root that has nothing else.
func chroot() {
	dir, err := os.MkdirTemp("", "root")
	check(err)
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	check(err)
	b, err := os.ReadFile(self)
	check(err)
	check(os.WriteFile(filepath.Join(dir, "p"), b, 0o755))
	// The program in the new root executes another one, in its turn.
	c := &exec.Cmd{Path: "/p", Args: []string{"/p", "exec", "/p", "none"}, Dir: "/", SysProcAttr: &syscall.SysProcAttr{Chroot: dir}}
	if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
		fail("%v\n%s", err, out)
	}
}

// proc: no Mac has a /proc.
func proc() {
	for _, name := range []string{"/proc", "/proc/", "/proc/self/maps"} {
		if _, err := os.Stat(name); !errors.Is(err, syscall.ENOENT) {
			fail("%s: %v", name, err)
		}
	}
	if _, err := exec.Command("/proc/self/exe", "none").Output(); !errors.Is(err, syscall.ENOENT) {
		fail("execve: %v", err)
	}
	if err := os.Symlink("/proc/x", os.TempDir()+"/image-proc-link"); err != nil {
		fail("%v", err)
	}
	os.Remove(os.TempDir() + "/image-proc-link")
}

// pty: the slave of a terminal has one name.
func pty() {
	m, err := syscall.Open("/dev/ptmx", syscall.O_RDWR|syscall.O_NOCTTY, 0)
	check(err)
	var buf [1024]byte
	for _, req := range []uintptr{syscall.TIOCPTYGRANT, syscall.TIOCPTYUNLK, syscall.TIOCPTYGNAME} {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(m), req, uintptr(unsafe.Pointer(&buf))); e != 0 {
			fail("ioctl %#x: %v", req, e)
		}
	}
	name := string(buf[:bytes.IndexByte(buf[:], 0)])
	if !regexp.MustCompile(`^/dev/ttys[0-9]{3,}$`).MatchString(name) {
		fail("TIOCPTYGNAME: %q", name)
	}
	s, err := syscall.Open(name, syscall.O_RDWR|syscall.O_NOCTTY, 0)
	check(err)
	clear(buf[:])
	if _, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(s), syscall.F_GETPATH, uintptr(unsafe.Pointer(&buf))); e != 0 {
		fail("F_GETPATH: %v", e)
	}
	if got := string(buf[:bytes.IndexByte(buf[:], 0)]); got != name {
		fail("F_GETPATH: %q, want %q", got, name)
	}
	var byName, byFD syscall.Stat_t
	check(syscall.Stat(name, &byName))
	check(syscall.Fstat(s, &byFD))
	if byName.Rdev != byFD.Rdev || byName.Ino != byFD.Ino {
		fail("stat: %+v, fstat: %+v", byName, byFD)
	}
}
