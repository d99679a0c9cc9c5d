// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Revoke checks what becomes of descriptors of a terminal when the leader of its
// session ends. It prints a line for each fault, and "done".
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

func check(what string, got, want any) {
	if got != want {
		fmt.Printf("%s: %v, want %v\n", what, got, want)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ioctl(fd int, req, arg uintptr) error {
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), req, arg); e != 0 {
		return e
	}
	return nil
}

// open opens a pseudo terminal: the master and the slave's name.
func open() (m int, name string) {
	m = must(syscall.Open("/dev/ptmx", syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0))
	var b [128]byte
	for _, req := range []uintptr{syscall.TIOCPTYGRANT, syscall.TIOCPTYUNLK, syscall.TIOCPTYGNAME} {
		if err := ioctl(m, req, uintptr(unsafe.Pointer(&b))); err != nil {
			panic(err)
		}
	}
	return m, string(b[:bytes.IndexByte(b[:], 0)])
}

func slave(name string) int {
	return must(syscall.Open(name, syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0))
}

// A leader is a process that leads the session of a terminal, and reports on a pipe.
type leader struct {
	*exec.Cmd
	in  io.WriteCloser
	out io.Reader
}

// lead starts this program as mode; the terminal s is its descriptor 3.
func lead(s int, setctty bool, mode string) *leader {
	c := exec.Command(must(os.Executable()), mode)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: setctty, Ctty: 3}
	c.ExtraFiles = []*os.File{os.NewFile(uintptr(must(syscall.Dup(s))), "tty")}
	l := &leader{c, must(c.StdinPipe()), must(c.StdoutPipe())}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		panic(err)
	}
	c.ExtraFiles[0].Close()
	l.line()
	return l
}

// line reads a line.
func (l *leader) line() string {
	var s []byte
	for b := make([]byte, 1); ; {
		if _, err := l.out.Read(b); err != nil || b[0] == '\n' {
			return string(s)
		}
		s = append(s, b[0])
	}
}

func (l *leader) kill() {
	l.Process.Kill()
	l.Process.Wait()
}

// dead checks that s is revoked.
func dead(what string, s int) {
	b := make([]byte, 1)
	n, err := syscall.Read(s, b)
	check(what+": read", fmt.Sprint(n, err), "0 <nil>")
	_, err = syscall.Write(s, b)
	check(what+": write", err, syscall.EIO)
	var ws [4]uint16
	check(what+": TIOCGWINSZ", ioctl(s, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&ws))), error(syscall.EBADF))
	var st syscall.Stat_t
	check(what+": fstat", syscall.Fstat(s, &st), error(syscall.EBADF))
	n, events := poll(s, 0)
	check(what+": poll", fmt.Sprintf("%d %#x", n, events), "1 0x20") // POLLNVAL
	kq := must(syscall.Kqueue())
	_, err = syscall.Kevent(kq, []syscall.Kevent_t{{Ident: uint64(s), Filter: syscall.EVFILT_READ, Flags: syscall.EV_ADD}}, nil, nil)
	check(what+": kevent", err, syscall.ENOENT)
	syscall.Close(kq)
	set := syscall.FdSet{}
	set.Bits[s/32] = 1 << (s % 32)
	n, err = syscall_select(s+1, &set)
	check(what+": select", fmt.Sprint(n, err), "1 <nil>")
	d := must(syscall.Dup(s))
	_, err = syscall.Write(d, b)
	check(what+": write to a duplicate", err, syscall.EIO)
	check(what+": ioctl of a duplicate", ioctl(d, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&ws))), error(syscall.EBADF))
	check(what+": close", syscall.Close(d), nil)
}

func syscall_select(n int, r *syscall.FdSet) (int, error) {
	v, _, e := syscall.Syscall6(syscall.SYS_SELECT, uintptr(n), uintptr(unsafe.Pointer(r)), 0, 0, uintptr(unsafe.Pointer(&syscall.Timeval{})), 0)
	if e != 0 {
		return 0, e
	}
	return int(v), nil
}

func poll(fd int, ms int) (int, uint16) {
	p := struct {
		fd              int32
		events, revents uint16
	}{int32(fd), 1, 0}
	n, _, _ := syscall.Syscall(syscall.SYS_POLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(ms))
	return int(n), p.revents
}

// within fails if f does not return.
func within(what string, f func()) {
	done := make(chan bool)
	go func() { f(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		fmt.Println(what + ": does not return")
		os.Exit(1)
	}
}

// blocked calls f, which is to block on the terminal, and ends the leader meanwhile.
func blocked(what string, f func(s int)) {
	_, name := open()
	s := slave(name)
	l := lead(s, true, "wait")
	go func() {
		time.Sleep(100 * time.Millisecond)
		l.kill()
	}()
	within(what, func() { f(s) })
	l.Process.Wait()
	syscall.Close(s)
}

func main() {
	mode := ""
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch mode {
	case "wait": // until its input ends
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
		return
	case "ctty": // likewise, but it makes the terminal its own itself
		if err := ioctl(3, syscall.TIOCSCTTY, 0); err != nil {
			fmt.Fprintln(os.Stderr, "TIOCSCTTY:", err)
		}
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
		return
	case "parent": // of a process of the session that stays
		c := exec.Command(must(os.Executable()), "member")
		c.ExtraFiles = []*os.File{os.NewFile(3, "tty")}
		c.Stdout = os.Stdout
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			panic(err)
		}
		io.Copy(io.Discard, os.Stdin)
		return
	case "member":
		signal.Ignore(syscall.SIGHUP)
		tty := must(syscall.Open("/dev/tty", syscall.O_RDWR, 0))
		fmt.Println("ready")
		within("read in the session", func() {
			n, err := syscall.Read(3, make([]byte, 1))
			for err == syscall.EIO || err == syscall.EINTR { // in the background
				n, err = syscall.Read(3, make([]byte, 1))
			}
			check("read in the session", fmt.Sprint(n, err), "0 <nil>")
		})
		dead("in the session", 3)
		_, err := syscall.Read(tty, make([]byte, 1))
		check("read of /dev/tty", err, syscall.EIO)
		_, err = syscall.Write(tty, make([]byte, 1))
		check("write to /dev/tty", err, syscall.EIO)
		check("TIOCGPGRP of /dev/tty", ioctl(tty, syscall.TIOCGPGRP, uintptr(unsafe.Pointer(new(int32)))), error(syscall.EIO))
		_, err = syscall.Open("/dev/tty", syscall.O_RDWR, 0)
		check("open of /dev/tty", err, syscall.ENXIO)
		fmt.Println("done")
		return
	case "revoked": // after an exec
		dead("after exec", must(strconv.Atoi(os.Args[2])))
		fmt.Println("done")
		return
	case "during": // the leader ends by this exec, which closes its input
		s := must(strconv.Atoi(os.Args[2]))
		within("leader that ends during exec", func() { syscall.Wait4(must(strconv.Atoi(os.Args[3])), nil, 0, nil) })
		dead("leader that ends during exec", s)
		m, name := open()
		s = slave(name)
		l := lead(s, true, "wait")
		for _, fd := range []int{m, s, int(l.in.(*os.File).Fd())} {
			keep(fd)
		}
		syscall.Exec(must(os.Executable()), []string{os.Args[0], "holder", strconv.Itoa(s), strconv.Itoa(l.Process.Pid)}, os.Environ())
		return
	case "holder": // execs itself, with the leader living
		s := must(strconv.Atoi(os.Args[2]))
		pid := must(strconv.Atoi(os.Args[3]))
		p := must(os.FindProcess(pid))
		p.Kill()
		p.Wait()
		dead("leader killed after exec", s)
		keep(s)
		err := syscall.Exec(must(os.Executable()), []string{os.Args[0], "revoked", os.Args[2]}, os.Environ())
		panic(err)
	}

	// However the leader ends and got its terminal.
	for _, mode := range []string{"wait", "ctty"} {
		for _, end := range []string{"killed", "exits"} {
			what := mode + ", " + end
			m, name := open()
			s, ro := slave(name), must(syscall.Open(name, syscall.O_RDONLY|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0))
			l := lead(s, mode == "wait", mode)
			syscall.Write(s, []byte("x"))
			if end == "killed" {
				l.kill()
			} else {
				l.in.Close()
				l.Process.Wait()
			}
			dead(what, s)
			_, err := syscall.Write(ro, []byte("x"))
			check(what+": write to a descriptor for reading", err, syscall.EBADF)
			within(what+": read of the master", func() {
				b := make([]byte, 10)
				n, err := syscall.Read(m, b)
				check(what+": read of the master", fmt.Sprintf("%q %v", b[:max(n, 0)], err), `"x" <nil>`)
				n, err = syscall.Read(m, b)
				check(what+": second read of the master", fmt.Sprint(n, err), "0 <nil>")
			})
			// The terminal can be opened anew.
			again := slave(name)
			n, err := syscall.Write(again, []byte("y"))
			check(what+": write to the terminal opened anew", fmt.Sprint(n, err), "1 <nil>")
			for _, fd := range []int{s, ro, again, m} {
				syscall.Close(fd)
			}
		}
	}

	// A terminal of another session, or without one, is left alone.
	m, name := open()
	s := slave(name)
	m2, name2 := open()
	s2 := slave(name2)
	l := lead(s2, true, "wait")
	l.kill()
	n, err := syscall.Write(s, []byte("x"))
	check("write to another terminal", fmt.Sprint(n, err), "1 <nil>")
	for _, fd := range []int{m, s, m2, s2} {
		syscall.Close(fd)
	}

	blocked("read", func(s int) {
		n, err := syscall.Read(s, make([]byte, 1))
		check("blocked read", fmt.Sprint(n, err), "0 <nil>")
	})
	blocked("poll", func(s int) {
		n, events := poll(s, -1)
		check("blocked poll", fmt.Sprintf("%d %#x", n, events&0x10), "1 0x10") // POLLHUP
	})
	blocked("select", func(s int) {
		set := syscall.FdSet{}
		set.Bits[s/32] = 1 << (s % 32)
		err := syscall.Select(s+1, &set, nil, nil, nil)
		check("blocked select", fmt.Sprint(err, set.Bits[s/32]&(1<<(s%32)) != 0), "<nil> true")
	})
	blocked("kevent", func(s int) {
		kq := must(syscall.Kqueue())
		ev := []syscall.Kevent_t{{Ident: uint64(s), Filter: syscall.EVFILT_READ, Flags: syscall.EV_ADD}}
		n, err := syscall.Kevent(kq, ev, ev, nil)
		check("blocked kevent", fmt.Sprint(n, err, ev[0].Flags&syscall.EV_EOF != 0), "1 <nil> true")
		syscall.Close(kq)
	})
	blocked("os.File", func(s int) {
		syscall.SetNonblock(s, true)
		n, err := os.NewFile(uintptr(must(syscall.Dup(s))), "tty").Read(make([]byte, 1))
		check("blocked os.File", fmt.Sprint(n, err), "0 EOF")
	})

	// A process that learns of the end by kevent.
	_, name = open()
	s = slave(name)
	l = lead(s, true, "wait")
	kq := must(syscall.Kqueue())
	ev := []syscall.Kevent_t{{Ident: uint64(l.Process.Pid), Filter: syscall.EVFILT_PROC, Flags: syscall.EV_ADD, Fflags: syscall.NOTE_EXIT}}
	l.Process.Kill()
	syscall.Kevent(kq, ev, ev, nil)
	dead("NOTE_EXIT", s)
	l.Process.Wait()

	// Another process of the session.
	_, name = open()
	s = slave(name)
	l = lead(s, true, "parent")
	syscall.Close(s)
	l.Process.Kill()
	for {
		line := l.line()
		if line == "done" || line == "" {
			check("member's last line", line, "done")
			break
		}
		fmt.Println(line)
	}
	l.Process.Wait()

	// Before and after an exec.
	m, name = open()
	s = slave(name)
	l = lead(s, true, "wait")
	keep(m)
	keep(s)
	syscall.Exec(must(os.Executable()), []string{os.Args[0], "during", strconv.Itoa(s), strconv.Itoa(l.Process.Pid)}, os.Environ())
}

func keep(fd int) {
	syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFD, 0)
}
