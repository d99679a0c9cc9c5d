// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A program on a terminal: ^Z stops it and SIGCONT lets it go on, in the middle of
// a read that does not notice; one that is started in the foreground has its
// signals unblocked.
//
// Bugs: golang.org/issue/37217, golang/go 7d22c2181b, golang.org/issue/8953, golang.org/issue/22838
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

const childVar = "SIGTERMINAL"

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func ioctl(fd uintptr, req uintptr, arg unsafe.Pointer) {
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, fd, req, uintptr(arg)); e != 0 {
		fail("ioctl %#x: %v", req, e)
	}
}

// openpty returns both ends of a new terminal.
func openpty() (master, slave *os.File) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	must(err)
	var name [128]byte
	ioctl(master.Fd(), syscall.TIOCPTYGRANT, nil)
	ioctl(master.Fd(), syscall.TIOCPTYUNLK, nil)
	ioctl(master.Fd(), syscall.TIOCPTYGNAME, unsafe.Pointer(&name))
	slave, err = os.OpenFile(string(name[:bytes.IndexByte(name[:], 0)]), os.O_RDWR|syscall.O_NOCTTY, 0)
	must(err)
	return master, slave
}

// leader is the first process of the terminal's session, a shell in small.
func leader() {
	exe, err := os.Executable()
	must(err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childVar+"=reader")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: 0}
	must(cmd.Start())
	for {
		var ws syscall.WaitStatus
		_, err := syscall.Wait4(cmd.Process.Pid, &ws, syscall.WUNTRACED, nil)
		if err == syscall.EINTR {
			continue
		}
		must(err)
		if ws&0xff == 0x7f {
			fmt.Println("stopped", int(ws>>8))
			cmd.Process.Signal(syscall.SIGCONT)
			continue
		}
		fmt.Println("ended", ws.ExitStatus())
		return
	}
}

// reader is what the shell runs.
func reader() {
	var mask uint32
	if _, _, e := syscall.RawSyscall(329 /* __pthread_sigmask */, 3, 0, uintptr(unsafe.Pointer(&mask))); e != 0 {
		fail("__pthread_sigmask: %v", e)
	}
	fmt.Printf("mask %#x\n", mask)
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Printf("read %q %v\n", line, err)
}

func main() {
	switch os.Getenv(childVar) {
	case "leader":
		leader()
		return
	case "reader":
		reader()
		return
	}
	master, slave := openpty()
	exe, err := os.Executable()
	must(err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childVar+"=leader")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	must(cmd.Start())
	slave.Close()
	time.AfterFunc(2*time.Minute, func() { fail("hung") })
	lines := bufio.NewReader(master)
	expect := func(want string) {
		for {
			line, err := lines.ReadString('\n')
			line = strings.TrimSpace(line)
			if strings.HasSuffix(line, want) { // ^Z and what is typed are echoed
				return
			}
			if err != nil || strings.Contains(line, " ") {
				fail("%q, %v, want %q", line, err, want)
			}
		}
	}
	expect("mask 0x0")
	for range 3 {
		time.Sleep(20 * time.Millisecond) // the reader reads
		master.Write([]byte{'Z' - '@'})
		expect(fmt.Sprint("stopped ", int(syscall.SIGTSTP)))
	}
	time.Sleep(20 * time.Millisecond)
	master.Write([]byte("hello\n"))
	expect(`read "hello\n" <nil>`)
	expect("ended 0")
	cmd.Wait()
}
