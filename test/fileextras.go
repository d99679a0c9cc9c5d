// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.
// What files have beyond bytes: extended attributes, and a way to the disk.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"
)

const (
	xattrCreate  = 2
	xattrReplace = 4
	errNoAttr    = syscall.Errno(93) // ENOATTR
	fullFsync    = 51                // F_FULLFSYNC
)

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func must[T any](v T, err error) T {
	if err != nil {
		fail("%v", err)
	}
	return v
}

func call(trap uintptr, args ...uintptr) (int, error) {
	args = append(args, make([]uintptr, 6-len(args))...)
	n, _, e := syscall.Syscall6(trap, args[0], args[1], args[2], args[3], args[4], args[5])
	if e != 0 {
		return -1, e
	}
	return int(n), nil
}

func str(s string) uintptr { return uintptr(unsafe.Pointer(must(syscall.BytePtrFromString(s)))) }
func ptr(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

func main() {
	dir := must(os.MkdirTemp("", "fileextras"))
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "file")
	must(0, os.WriteFile(file, []byte("text"), 0o666))
	attributes(file)
	toDisk(dir, file)
}

func attributes(file string) {
	const name = "org.example.note"
	value := []byte("a value \x00 with zero")
	_, err := call(syscall.SYS_SETXATTR, str(file), str(name), ptr(value), uintptr(len(value)), 0, xattrCreate)
	if err == syscall.ENOTSUP {
		return // not on this file system
	}
	must(0, err)
	if _, err = call(syscall.SYS_SETXATTR, str(file), str(name), ptr(value), uintptr(len(value)), 0, xattrCreate); err != syscall.EEXIST {
		fail("creating an attribute again: %v", err)
	}
	if _, err = call(syscall.SYS_SETXATTR, str(file), str("none"), ptr(value), 1, 0, xattrReplace); err != errNoAttr {
		fail("replacing an attribute that is not there: %v", err)
	}
	buf := make([]byte, 100)
	if n, err := call(syscall.SYS_GETXATTR, str(file), str(name), 0, 0, 0, 0); err != nil || n != len(value) {
		fail("the value's size: %d, %v", n, err)
	}
	if n, err := call(syscall.SYS_GETXATTR, str(file), str(name), ptr(buf), uintptr(len(buf)), 0, 0); err != nil || !bytes.Equal(buf[:n], value) {
		fail("the value: %d, %v, %q", n, err, buf)
	}
	if _, err = call(syscall.SYS_GETXATTR, str(file), str(name), ptr(buf), 3, 0, 0); err != syscall.ERANGE {
		fail("a short buffer: %v", err)
	}
	if n, err := call(syscall.SYS_LISTXATTR, str(file), ptr(buf), uintptr(len(buf)), 0); err != nil || !strings.Contains("\x00"+string(buf[:n]), "\x00"+name+"\x00") {
		fail("the list: %d, %v, %q", n, err, buf[:max(n, 0)])
	}
	must(call(syscall.SYS_REMOVEXATTR, str(file), str(name), 0))
	if _, err = call(syscall.SYS_GETXATTR, str(file), str(name), ptr(buf), uintptr(len(buf)), 0, 0); err != errNoAttr {
		fail("an attribute that was removed: %v", err)
	}
}

// toDisk asks in Go's way and in the kernel's. Sync means F_FULLFSYNC on darwin,
// which says EBADF of a pipe where fsync says ENOTSUP
// (xnu-11417 bsd/kern/kern_descrip.c:fcntl, fp_getfvp).
func toDisk(dir, file string) {
	f := must(os.OpenFile(file, os.O_RDWR, 0))
	must(f.WriteString("changed"))
	must(0, f.Sync())
	must(call(syscall.SYS_FCNTL, f.Fd(), fullFsync, 0))
	must(0, syscall.Fsync(int(f.Fd())))
	must(0, f.Close())
	d := must(os.Open(dir))
	must(0, d.Sync())
	must(0, d.Close())
	if err := f.Sync(); err == nil || !strings.Contains(err.Error(), fs.ErrClosed.Error()) {
		fail("Sync of a closed file: %v", err)
	}
	_, w, err := os.Pipe()
	must(0, err)
	if err := w.Sync(); !errors.Is(err, syscall.EBADF) {
		fail("Sync of a pipe: %v; F_FULLFSYNC says EBADF", err)
	}
	if err := syscall.Fsync(int(w.Fd())); err != syscall.ENOTSUP {
		fail("fsync of a pipe: %v", err)
	}
}
