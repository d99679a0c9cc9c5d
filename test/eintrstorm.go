// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Ordinary work in a storm of signals: files, pipes, children, connections, locks
// and directories. Every call may be interrupted; no byte gets lost, and no error
// comes of it.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	duration = 2 * time.Second
	interval = 300 // microseconds between signals
)

func check(what string, err error) {
	if err != nil {
		fmt.Printf("%s: %v\n", what, err)
		os.Exit(1)
	}
}

var errLost = errors.New("bytes were lost or changed")

func data(n int) []byte {
	b := make([]byte, n)
	sum := sha256.Sum256([]byte{byte(n)})
	for i := range b {
		b[i] = sum[i%len(sum)] + byte(i/len(sum))
	}
	return b
}

func init() { runtime.LockOSThread() }

func main() {
	dir, err := os.MkdirTemp("", "eintrstorm")
	check("MkdirTemp", err)
	defer os.RemoveAll(dir)
	var signals atomic.Int64
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGALRM)
	go func() {
		for range c {
			signals.Add(1)
		}
	}()
	setTimer(interval)
	time.AfterFunc(60*duration, func() { check("waiting", errors.New("something hangs")) })
	works := map[string]func(dir string) error{
		"files": files, "pipes": pipes, "children": children, "connections": connections, "directories": directories, "locks": locks,
	}
	for end := time.Now().Add(duration); time.Now().Before(end) || signals.Load() < 100; {
		for name, work := range works {
			own := filepath.Join(dir, name)
			check(name, os.MkdirAll(own, 0o777))
			check(name, work(own))
		}
	}
	setTimer(0)
}

// setTimer has the kernel send SIGALRM every so many microseconds; 0 stops it.
func setTimer(every int) {
	t := [2]syscall.Timeval{syscall.NsecToTimeval(int64(every) * 1000), syscall.NsecToTimeval(int64(every) * 1000)}
	if _, _, e := syscall.RawSyscall(syscall.SYS_SETITIMER, 0, uintptr(unsafe.Pointer(&t)), 0); e != 0 {
		check("setitimer", e)
	}
}

func files(dir string) error {
	name, b := filepath.Join(dir, "file"), data(300_000)
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	for rest := b; len(rest) > 0 && err == nil; rest = rest[min(len(rest), 10_007):] {
		_, err = f.Write(rest[:min(len(rest), 10_007)])
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	got, err := os.ReadFile(name)
	if err == nil && !bytes.Equal(got, b) {
		err = errLost
	}
	return err
}

// pipes are in blocking mode, so that the calls wait in the kernel, not in the poller.
func pipes(string) error {
	var p [2]int
	syscall.ForkLock.RLock()
	err := syscall.Pipe(p[:])
	if err == nil {
		syscall.CloseOnExec(p[0])
		syscall.CloseOnExec(p[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return err
	}
	r, w := os.NewFile(uintptr(p[0]), "r"), os.NewFile(uintptr(p[1]), "w")
	b := data(200_000)
	wrote := make(chan error, 1)
	go func() {
		_, err := w.Write(b)
		wrote <- errors.Join(err, w.Close())
	}()
	got, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(got, b) {
		err = errLost
	}
	err = errors.Join(err, r.Close())
	return errors.Join(err, <-wrote)
}

func children(string) error {
	b := data(50_000)
	cmd := exec.Command("/bin/cat")
	cmd.Stdin = bytes.NewReader(b)
	got, err := cmd.Output()
	if err == nil && !bytes.Equal(got, b) {
		err = errLost
	}
	return err
}

func connections(string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	echoed := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, err = io.Copy(c, c)
			err = errors.Join(err, c.Close())
		}
		echoed <- err
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return err
	}
	b := data(500_000)
	wrote := make(chan error, 1)
	go func() {
		_, err := c.Write(b)
		wrote <- errors.Join(err, c.(*net.TCPConn).CloseWrite())
	}()
	got, err := io.ReadAll(c)
	if err == nil && !bytes.Equal(got, b) {
		err = errLost
	}
	err = errors.Join(err, c.Close())
	return errors.Join(err, <-wrote, <-echoed)
}

func directories(dir string) error {
	sub := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(sub, 0o777); err != nil {
		return err
	}
	const n = 50
	for i := range n {
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprint(i)), nil, 0o666); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(sub)
	if err == nil && len(entries) != n {
		err = fmt.Errorf("%d entries, want %d", len(entries), n)
	}
	return errors.Join(err, os.RemoveAll(filepath.Join(dir, "a")))
}

// locks waits in the kernel, by a call that is restarted only if all agree.
func locks(dir string) error {
	name := filepath.Join(dir, "lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	g, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer g.Close()
	if err := flock(f, syscall.LOCK_EX); err != nil {
		return err
	}
	released := make(chan error, 1)
	go func() {
		time.Sleep(5 * time.Millisecond)
		released <- flock(f, syscall.LOCK_UN)
	}()
	return errors.Join(flock(g, syscall.LOCK_EX), <-released)
}

// flock does as package os's calls, and the go command's file locks, do.
func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}
