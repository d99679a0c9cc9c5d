// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Hosts makes calls that the runner answers by newer calls of the host. It
// prints a line for each that fails, and "done".
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"
)

func check(what string, err, want error) {
	if !errors.Is(err, want) || err != nil && want == nil {
		fmt.Printf("%s: %v, want %v\n", what, err, want)
	}
}

// Numbers of XNU's (xnu-11417 bsd/kern/syscalls.master).
const (
	sysOpenat      = 463
	sysFaccessat   = 466
	sysFchmodat    = 467
	sysRenameatxNp = 488
	sysGetentropy  = 500
)

func raw(nr, a1, a2, a3, a4, a5 uintptr) (uintptr, error) {
	v, _, e := syscall.RawSyscall6(nr, a1, a2, a3, a4, a5, 0)
	if e != 0 {
		return 0, e
	}
	return v, nil
}

func name(s string) uintptr {
	p, err := syscall.BytePtrFromString(s)
	if err != nil {
		panic(err)
	}
	return uintptr(unsafe.Pointer(p))
}

func main() {
	if len(os.Args) > 1 {
		fmt.Print("executed")
		return
	}
	const cwd = ^uintptr(1) // AT_FDCWD
	dir, err := os.MkdirTemp("", "hosts")
	check("MkdirTemp", err, nil)
	defer os.RemoveAll(dir)
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	check("WriteFile", os.WriteFile(file, []byte("text"), 0o644), nil)
	check("Symlink", os.Symlink(dir, link), nil)
	check("Rename", os.Rename(file, file), nil)

	// O_NOFOLLOW_ANY, AT_EACCESS, AT_SYMLINK_NOFOLLOW.
	const nofollowAny, eaccess, nofollow = 0x20000000, 0x10, 0x20
	for _, c := range []struct {
		path  string
		flags uintptr
		want  error
	}{
		{file, 0, nil}, {dir + "//./file", 0, nil}, {dir + "/", 0, nil}, {"/", 0, nil}, {file + "/", 0, syscall.ENOTDIR},
		{dir + "/new", syscall.O_CREAT, nil}, {link, 0, syscall.ELOOP}, {link + "/", 0, syscall.ELOOP}, {link + "/file", 0, syscall.ELOOP},
		{dir + "/none", 0, syscall.ENOENT}, {dir + "/none/x", 0, syscall.ENOENT}, {file + "/x", 0, syscall.ENOTDIR},
	} {
		fd, err := raw(sysOpenat, cwd, name(c.path), nofollowAny|c.flags, 0o644, 0)
		check("open "+c.path, err, c.want)
		if err == nil {
			syscall.Close(int(fd))
		}
	}
	for _, c := range []struct {
		path        string
		mode, flags uintptr
		want        error
	}{
		{file, 4, eaccess, nil}, {file, 1, eaccess, syscall.EACCES}, {dir, 7, eaccess, nil}, {dir + "/none", 0, eaccess, syscall.ENOENT},
		{link, 4, eaccess | nofollow, nil}, {file, 6, nofollow, nil}, {file, 1, nofollow, syscall.EACCES},
	} {
		_, err := raw(sysFaccessat, cwd, name(c.path), c.mode, c.flags, 0)
		check(fmt.Sprintf("faccessat %s %d %#x", c.path, c.mode, c.flags), err, c.want)
	}
	_, err = raw(sysFchmodat, cwd, name(file), 0o600, nofollow, 0)
	check("fchmodat", err, nil)
	if fi, err := os.Lstat(file); err != nil || fi.Mode() != 0o600 {
		fmt.Println("Lstat:", fi, err)
	}
	if os.Getenv("HOSTS_NO_RENAMEX") == "" {
		const excl = 4
		_, err = raw(sysRenameatxNp, cwd, name(file), cwd, name(dir+"/new"), excl)
		check("renameatx_np", err, syscall.EEXIST)
	}
	var b [16]byte
	_, err = raw(sysGetentropy, uintptr(unsafe.Pointer(&b)), 16, 0, 0, 0)
	check("getentropy", err, nil)

	// Waiting for events, with and without a timeout.
	kq, err := syscall.Kqueue()
	check("kqueue", err, nil)
	start, ts := time.Now(), syscall.Timespec{Nsec: 20e6}
	n, err := kevent(kq, nil, make([]syscall.Kevent_t, 1), &ts)
	if n != 0 || err != nil || time.Since(start) < 20*time.Millisecond {
		fmt.Println("kevent, 20 ms:", n, err, time.Since(start))
	}
	r, w, err := os.Pipe()
	check("pipe", err, nil)
	add := syscall.Kevent_t{Ident: uint64(r.Fd()), Filter: syscall.EVFILT_READ, Flags: syscall.EV_ADD}
	go func() {
		time.Sleep(5 * time.Millisecond)
		w.Write([]byte("x"))
	}()
	events := make([]syscall.Kevent_t, 2)
	if n, err := kevent(kq, []syscall.Kevent_t{add}, events, nil); n != 1 || err != nil || events[0].Data != 1 {
		fmt.Println("kevent:", n, err, events[0])
	}

	// Another image, of this kind and of the host's.
	self, err := os.Executable()
	check("Executable", err, nil)
	if out, err := exec.Command(self, "again").CombinedOutput(); err != nil || string(out) != "executed" {
		fmt.Printf("exec: %q, %v\n", out, err)
	}
	if out, err := exec.Command("/bin/echo", "host").CombinedOutput(); err != nil || !bytes.Equal(out, []byte("host\n")) {
		fmt.Printf("exec of a host program: %q, %v\n", out, err)
	}
	if _, err := os.Stat(dir + "/none"); !errors.Is(err, fs.ErrNotExist) {
		fmt.Println("Stat:", err)
	}
	fmt.Println("done")
}

// kevent is begun again when the runtime's preemption signal interrupts it.
func kevent(kq int, changes, events []syscall.Kevent_t, timeout *syscall.Timespec) (n int, err error) {
	for {
		if n, err = syscall.Kevent(kq, changes, events, timeout); err != syscall.EINTR {
			return n, err
		}
	}
}
