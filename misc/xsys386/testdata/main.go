// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// This program asks by golang.org/x/sys and golang.org/x/term what it knows
// otherwise, and exits 1 at the first answer that differs.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

func check(err error, what string, ok bool) {
	if err != nil {
		fmt.Printf("%s: %v\n", what, err)
	} else if !ok {
		fmt.Printf("%s: wrong\n", what)
	} else {
		return
	}
	os.Exit(1)
}

func main() {
	time.AfterFunc(time.Minute, func() { check(nil, "a minute", false) }) // waits indefinitely
	check(nil, "package cpu", cpu.Initialized && cpu.X86.HasSSE2 && !cpu.X86.HasAVX512)
	files()
	vectors()
	times()
	terminal()
	fmt.Println("ok")
}

// files: offsets that need both words, and stat.
func files() {
	dir, err := os.MkdirTemp("", "xsys386")
	check(err, "MkdirTemp", true)
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "sparse")
	fd, err := unix.Open(name, unix.O_CREAT|unix.O_RDWR, 0o600)
	check(err, "open", true)
	const far = 5<<32 + 7
	n, err := unix.Pwrite(fd, []byte("far"), far)
	check(err, "pwrite", n == 3)
	at, err := unix.Seek(fd, -2, 2)
	check(err, "seek", at == far+1)
	b := make([]byte, 3)
	n, err = unix.Pread(fd, b, far)
	check(err, "pread", n == 3 && string(b) == "far")
	n, err = unix.Read(fd, b)
	check(err, "read", n == 2 && string(b[:2]) == "ar")
	var st unix.Stat_t
	check(unix.Fstat(fd, &st), "fstat", true)
	fi, err := os.Stat(name)
	check(err, "stat", st.Size == far+3 && st.Size == fi.Size() && st.Nlink == 1 &&
		unix.TimespecToNsec(st.Mtim) == fi.ModTime().UnixNano())
	check(unix.Ftruncate(fd, far-100), "ftruncate", true)
	check(unix.Stat(name, &st), "stat", st.Size == far-100)
	check(unix.Truncate(name, 1<<32+1), "truncate", true)
	check(unix.Stat(name, &st), "stat", st.Size == 1<<32+1)
	n, err = unix.Pwrite(fd, []byte("page"), 1<<32)
	check(err, "pwrite", n == 4)
	m, err := unix.Mmap(fd, 1<<32, 4, unix.PROT_READ, unix.MAP_SHARED)
	check(err, "mmap", string(m) == "page")
	check(unix.Munmap(m), "munmap", true)
	var fs unix.Statfs_t
	check(unix.Statfs(dir, &fs), "statfs", fs.Bsize != 0 && fs.Blocks != 0)
	check(unix.Close(fd), "close", true)
}

// vectors: iovec, msghdr, kevent.
func vectors() {
	p := make([]int, 2)
	check(unix.Pipe(p), "pipe", true)
	kq, err := unix.Kqueue()
	check(err, "kqueue", true)
	var ev unix.Kevent_t
	unix.SetKevent(&ev, p[0], unix.EVFILT_READ, unix.EV_ADD)
	_, err = unix.Kevent(kq, []unix.Kevent_t{ev}, nil, nil)
	check(err, "kevent", true)
	_, err = unix.Write(p[1], []byte("12345"))
	check(err, "write", true)
	events := make([]unix.Kevent_t, 2)
	n, err := unix.Kevent(kq, nil, events, &unix.Timespec{Sec: 5})
	check(err, "kevent", n == 1 && int(events[0].Ident) == p[0] && events[0].Data == 5)

	s, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	check(err, "socketpair", true)
	check(unix.Sendmsg(s[0], []byte("fd"), unix.UnixRights(p[0]), nil, 0), "sendmsg", true)
	b, oob := make([]byte, 8), make([]byte, 64)
	n, oobn, _, _, err := unix.Recvmsg(s[1], b, oob, 0)
	check(err, "recvmsg", string(b[:n]) == "fd")
	msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
	check(err, "control message", len(msgs) == 1)
	fds, err := unix.ParseUnixRights(&msgs[0])
	check(err, "rights", len(fds) == 1)
	n, err = unix.Read(fds[0], b)
	check(err, "read", string(b[:n]) == "12345")
}

// times: timespec, timeval, rusage, kinfo_proc.
func times() {
	var ts unix.Timespec
	var tv unix.Timeval
	check(unix.ClockGettime(unix.CLOCK_REALTIME, &ts), "clock_gettime", true)
	check(unix.Gettimeofday(&tv), "gettimeofday", true)
	d := unix.TimevalToNsec(tv) - unix.TimespecToNsec(ts)
	check(nil, "clocks", -1e9 < d && d < 1e10)
	var ru unix.Rusage
	check(unix.Getrusage(unix.RUSAGE_SELF, &ru), "getrusage", ru.Maxrss > 0 && ru.Utime.Usec < 1e6)
	kp, err := unix.SysctlKinfoProc("kern.proc.pid", os.Getpid())
	check(err, "kinfo_proc", int(kp.Proc.P_pid) == os.Getpid() && int(kp.Eproc.Ppid) == os.Getppid())
}

// terminal: termios, by a pseudoterminal.
func terminal() {
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	check(err, "ptmx", true)
	fd := int(m.Fd())
	check(unix.IoctlSetInt(fd, unix.TIOCPTYGRANT, 0), "TIOCPTYGRANT", true)
	check(unix.IoctlSetInt(fd, unix.TIOCPTYUNLK, 0), "TIOCPTYUNLK", true)
	var name [128]byte
	if _, _, e := syscall.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCPTYGNAME, uintptr(unsafe.Pointer(&name))); e != 0 {
		check(e, "TIOCPTYGNAME", false)
	}
	s, err := os.OpenFile(unix.ByteSliceToString(name[:]), os.O_RDWR|unix.O_NOCTTY, 0)
	check(err, "pty", true)
	tty := int(s.Fd())
	check(nil, "IsTerminal", term.IsTerminal(tty) && !term.IsTerminal(fd+100))
	check(unix.IoctlSetWinsize(tty, unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 77}), "TIOCSWINSZ", true)
	w, h, err := term.GetSize(tty)
	check(err, "GetSize", w == 77 && h == 33)
	old, err := term.MakeRaw(tty)
	check(err, "MakeRaw", true)
	raw, err := unix.IoctlGetTermios(tty, unix.TIOCGETA)
	check(err, "TIOCGETA", raw.Lflag&(unix.ECHO|unix.ICANON|unix.ISIG) == 0 && raw.Cc[unix.VMIN] == 1)
	_, err = m.Write([]byte("x")) // without a newline: raw
	check(err, "write", true)
	b := make([]byte, 4)
	n, err := s.Read(b)
	check(err, "read", n == 1 && b[0] == 'x')
	check(term.Restore(tty, old), "Restore", true)
	cooked, err := unix.IoctlGetTermios(tty, unix.TIOCGETA)
	check(err, "TIOCGETA", cooked.Lflag&(unix.ECHO|unix.ICANON) == unix.ECHO|unix.ICANON)
}
