// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.
// When things go wrong: a full disk, a limit, closed descriptors, directories
// that must not be read. There are errors, the ones that upstream gives; nothing
// that was reported as written is lost.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
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

func want(what string, err, target error) {
	if !errors.Is(err, target) {
		fail("%s: error %v, want %v", what, err, target)
	}
}

func main() {
	if len(os.Args) > 1 { // misc/xtest/suite TestFullDisk: a small file system
		filling(os.Args[1])
		return
	}
	dir := must(os.MkdirTemp("", "faults"))
	defer os.RemoveAll(dir)
	full()
	closed(dir)
	notDirectories(dir)
	unreadable(dir)
	limited(dir)
}

// filling fills the file system that dir is on, with room for a megabyte or so:
// each file is as long as what was reported as written to it, and holds that.
func filling(dir string) {
	kept := bytes.Repeat([]byte("kept "), 20000)
	must(0, os.WriteFile(filepath.Join(dir, "kept"), kept, 0o666))
	data := make([]byte, 300001)
	for i := range data {
		data[i] = byte(i * 7)
	}
	ways := map[string]func(f *os.File, at int64) (int64, error){
		"Write": func(f *os.File, at int64) (int64, error) { n, err := f.Write(data); return int64(n), err },
		// Not WriteAt, which forgets what it wrote before an error.
		"Pwrite": func(f *os.File, at int64) (int64, error) {
			n, err := syscall.Pwrite(int(f.Fd()), data, at)
			return int64(max(n, 0)), err
		},
		"Copy": func(f *os.File, at int64) (int64, error) { return io.Copy(f, bytes.NewReader(data)) },
	}
	for way, write := range ways {
		name := filepath.Join(dir, way)
		f := must(os.Create(name))
		var total int64
		var err error
		for err == nil {
			if total > 64<<20 {
				fail("%s: the file system holds %d bytes and is not full", way, total)
			}
			var n int64
			n, err = write(f, total)
			total += n
		}
		want(way+" to a file system that fills", err, syscall.ENOSPC)
		want("os.WriteFile to a full file system", os.WriteFile(filepath.Join(dir, "more"), data, 0o666), syscall.ENOSPC)
		must(0, os.Remove(filepath.Join(dir, "more")))
		must(0, f.Sync())
		must(0, f.Close())
		got := must(os.ReadFile(name))
		if total == 0 || int64(len(got)) != total {
			fail("%s: %d bytes are in the file, not the %d that were written", way, len(got), total)
		}
		for i := range got {
			if got[i] != data[i%len(data)] {
				fail("%s: byte %d of %d is wrong", way, i, total)
			}
		}
		must(0, os.Rename(filepath.Join(dir, "kept"), filepath.Join(dir, "renamed")))
		must(0, os.Rename(filepath.Join(dir, "renamed"), filepath.Join(dir, "kept")))
		must(0, os.Remove(name))
		if !bytes.Equal(must(os.ReadFile(filepath.Join(dir, "kept"))), kept) {
			fail("%s: another file has changed", way)
		}
	}
}

// full writes to a device that is full, where the system has one.
func full() {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer f.Close()
	n, err := f.Write(make([]byte, 10000))
	want("write to a full disk", err, syscall.ENOSPC)
	if n != 0 {
		fail("write to a full disk: %d bytes", n)
	}
	w := bufio.NewWriter(f)
	w.WriteString("text")
	want("flush to a full disk", w.Flush(), syscall.ENOSPC)
	_, err = io.Copy(f, bytes.NewReader(make([]byte, 1<<20)))
	want("copy to a full disk", err, syscall.ENOSPC)
}

// limited writes more than RLIMIT_FSIZE: what fits is written and counted.
func limited(dir string) {
	const limit = 100000
	signal.Ignore(syscall.SIGXFSZ)
	var old syscall.Rlimit
	must(0, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old))
	must(0, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: old.Max}))
	defer syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old)
	name := filepath.Join(dir, "limited")
	f := must(os.Create(name))
	data := make([]byte, limit+5000)
	for i := range data {
		data[i] = byte(i * 7)
	}
	n, err := f.Write(data)
	want("write beyond the limit", err, syscall.EFBIG)
	if n != limit {
		fail("write beyond the limit: %d bytes, want %d", n, limit)
	}
	must(0, f.Sync())
	must(0, f.Close())
	if got := must(os.ReadFile(name)); !bytes.Equal(got, data[:limit]) {
		fail("%d bytes are in the file, not the %d that were written", len(got), limit)
	}
	want("os.WriteFile beyond the limit", os.WriteFile(name, data, 0o666), syscall.EFBIG)
	if major, _, _ := strings.Cut(must(syscall.Sysctl("kern.osrelease")), "."); must(strconv.Atoi(major)) >= 20 {
		want("truncate beyond the limit", os.Truncate(name, 2*limit), syscall.EFBIG)
	}
}

// closed uses files and connections that are closed, by os and net or behind their backs.
func closed(dir string) {
	f := must(os.Create(filepath.Join(dir, "closed")))
	must(0, f.Close())
	buf := make([]byte, 10)
	_, err := f.Read(buf)
	want("read of a closed file", err, fs.ErrClosed)
	_, err = f.Stat()
	want("stat of a closed file", err, fs.ErrClosed)
	_, err = f.ReadDir(-1)
	if err == nil {
		fail("reading a closed directory: no error")
	}
	want("sync of a closed file", f.Sync(), fs.ErrClosed)
	want("closing a closed file", f.Close(), fs.ErrClosed)

	f = must(os.Create(filepath.Join(dir, "behind")))
	must(0, syscall.Close(int(f.Fd())))
	_, err = f.Write(buf)
	want("write", err, syscall.EBADF)
	_, err = f.Seek(0, io.SeekStart)
	want("seek", err, syscall.EBADF)
	want("sync", f.Sync(), syscall.EBADF)
	want("truncate", f.Truncate(0), syscall.EBADF)
	want("chdir", f.Chdir(), syscall.EBADF)
	want("close", f.Close(), syscall.EBADF)

	l := must(net.Listen("tcp", "127.0.0.1:0"))
	done := make(chan error)
	go func() {
		_, err := l.Accept()
		done <- err
	}()
	time.Sleep(20 * time.Millisecond)
	l.Close()
	want("accept of a closed listener", <-done, net.ErrClosed)

	r, w, err := os.Pipe()
	must(0, err)
	go func() {
		_, err := r.Read(buf)
		done <- err
	}()
	time.Sleep(20 * time.Millisecond)
	r.Close()
	want("read of a pipe that another goroutine closes", <-done, fs.ErrClosed)
	_, err = w.Write(buf)
	want("write to a pipe without a reader", err, syscall.EPIPE)
	w.Close()
}

func notDirectories(dir string) {
	name := filepath.Join(dir, "file")
	must(0, os.WriteFile(name, []byte("text"), 0o666))
	_, err := os.ReadDir(name)
	want("reading a file as a directory", err, syscall.ENOTDIR)
	_, err = os.Open(name + "/x")
	want("a file below a file", err, syscall.ENOTDIR)
	_, err = os.ReadFile(dir)
	want("reading a directory as a file", err, syscall.EISDIR)
	_, err = os.OpenFile(dir, os.O_RDWR, 0)
	want("opening a directory for writing", err, syscall.EISDIR)
	must(0, os.Symlink("loop", filepath.Join(dir, "loop")))
	_, err = os.ReadDir(filepath.Join(dir, "loop"))
	want("a loop of links", err, syscall.ELOOP)
	want("removing what is not empty", os.Remove(dir), syscall.ENOTEMPTY)
}

// unreadable is done as somebody whom permissions bind, and in dir: root's own
// TMPDIR is not to be passed then.
func unreadable(dir string) {
	must(0, os.Chmod(dir, 0o777))
	wd := must(os.Getwd())
	must(0, os.Chdir(dir))
	defer os.Chdir(wd)
	if os.Geteuid() == 0 {
		must(0, syscall.Seteuid(4242))
		defer syscall.Seteuid(0)
	}
	const locked = "locked"
	must(0, os.Mkdir(locked, 0o777))
	must(0, os.WriteFile(filepath.Join(locked, "file"), nil, 0o666))
	must(0, os.Chmod(locked, 0))
	_, err := os.ReadDir(locked)
	want("reading a locked directory", err, fs.ErrPermission)
	_, err = os.Stat(filepath.Join(locked, "file"))
	want("a file in a locked directory", err, fs.ErrPermission)
	want("removing all of a locked directory", os.RemoveAll(locked), fs.ErrPermission)
	visited, reported := 0, 0
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		visited++
		if errors.Is(err, fs.ErrPermission) && path == locked {
			reported++
			return nil
		}
		return err
	})
	if err != nil || reported != 1 || visited < 3 {
		fail("WalkDir: %v; %d visited, %d of them refused", err, visited, reported)
	}
	must(0, os.Chmod(locked, 0o777))
	must(0, os.RemoveAll(locked))
}
