// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"goxnu/misc/go_darwin_exec/macho"
	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xnu"
)

// load puts the program into memory.
func load(o *options) *xnu.Config {
	vcpu.CheckAddresses(true)
	if o.resume >= 0 {
		return resume(o)
	}
	path := o.program
	fd, err := openProgram(path)
	if err != nil {
		status := exitCannot
		if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) {
			status = exitNotFound
		}
		die(status, "%s: %v", path, err)
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		die(exitCannot, "%s: %v", path, err)
	}
	f, err := macho.Parse(hostFile(fd), st.Size)
	if err == nil && f.Is32() && !o.chosen {
		o.release = default32
	}
	if err == nil {
		err = f.Validate(int(o.release))
	}
	if err != nil {
		die(exitCannot, "%s %v", path, err)
	}
	if f.Is32() {
		if err := vcpu.SelfTest32(); err != nil {
			die(exitHost, "%s is a 32-bit program: %v", path, err)
		}
	}
	if o.imports {
		printImports(f, o.release)
		os.Exit(0)
	}
	if f.CanSlide() {
		f.Slide(vcpu.Random64() % maxSlide &^ (mem.PageSize - 1))
	}
	s := f.NewSpace()
	img, err := f.Map(fd, s)
	syscall.Close(fd)
	if err == nil {
		err = img.MakeStack(s, start(o, &st))
	}
	var page *macho.Commpage
	if err == nil {
		page, err = macho.MapCommpage(s, int(o.release), img.Is32)
	}
	if err == nil && f.Dynamic() {
		err = link(o, f, s, img)
	}
	if err == macho.ErrCollision {
		err = reexec(o, err)
	}
	if err != nil {
		die(exitCannot, "%s: %v", path, err)
	}
	c := o.config(page)
	c.Path = path
	c.Space, c.Is32, c.StackTop, c.Regs = s, img.Is32, img.StackTop, img.Regs
	c.Dynamic = f.Dynamic()
	return c
}

// resume puts a forked child's memory back where it was.
func resume(o *options) *xnu.Config {
	r, err := xnu.Resume(o.resume, macho.UserEnd, macho.UserEnd32)
	if err == xnu.ErrNoRoom {
		err = reexec(o, err)
	}
	var page *macho.Commpage
	if err == nil {
		o.release = r.Release
		page, err = macho.MapCommpage(r.Space, int(o.release), r.Is32)
	}
	if err != nil {
		die(exitCannot, "%s, after a fork: %v", o.program, err)
	}
	c := o.config(page)
	c.Path, c.Resumed = o.program, r
	c.Space, c.Is32, c.StackTop, c.Regs = r.Space, r.Is32, r.StackTop, r.Regs
	c.Dynamic = r.Dynamic
	return c
}

// config is what the options say of any process, with its commpage.
func (o *options) config(page *macho.Commpage) *xnu.Config {
	return &xnu.Config{
		Release:   o.release,
		Default:   !o.chosen,
		Args:      o.args,
		Env:       o.env,
		Runner:    o.runner(),
		Exec:      o.exec,
		Keep:      page.Keep,
		Fault:     o.fault,
		FaultFD:   o.faultFD,
		Trace:     o.trace,
		TraceFD:   o.traceFD,
		TraceRing: o.traceRing,
	}
}

// start describes how the program is to be started.
func start(o *options, st *syscall.Stat_t) *macho.Start {
	s := &macho.Start{
		Release: int(o.release),
		Path:    o.program,
		Args:    o.args,
		Env:     o.env,
		Device:  st.Dev,
		Inode:   st.Ino,
	}
	for i := range s.Random {
		s.Random[i] = vcpu.Random64()
	}
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_STACK, &lim) == nil {
		s.StackSize = lim.Cur
	}
	return s
}

// openProgram opens a file that is to be executed.
func openProgram(path string) (fd int, err error) {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return -1, err
	}
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFREG:
	case syscall.S_IFDIR:
		return -1, errors.New("is a directory")
	default:
		return -1, errors.New("is not a regular file")
	}
	const xOK = 1
	if err := syscall.Access(path, xOK); err != nil {
		if errors.Is(err, syscall.EACCES) {
			return -1, errors.New("permission denied: it is not executable")
		}
		return -1, err
	}
	fd, err = syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("cannot be read: %w", err)
	}
	return fd, nil
}

// A hostFile is a descriptor as an io.ReaderAt. Package os would start the
// runtime's poller for it.
type hostFile int

func (f hostFile) ReadAt(p []byte, off int64) (int, error) {
	for n := 0; n < len(p); {
		m, err := syscall.Pread(int(f), p[n:], off+int64(n))
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return n, err
		}
		if m == 0 {
			return n, io.EOF
		}
		n += m
	}
	return len(p), nil
}

// reexec starts the runner again: its own memory is in the program's way, and
// the next time it will probably be elsewhere. It returns if that has been
// tried often enough.
func reexec(o *options, why error) error {
	const tries = 8
	if o.retry >= tries {
		return why
	}
	st := o.state()
	st.Retry++
	if o.exec == nil {
		return xnu.ReexecClean(st)
	}
	return st.Reexec()
}
