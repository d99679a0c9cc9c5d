// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package threadtrace

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"goxnu/misc/internal/hosttest"
	"goxnu/misc/internal/tree"
)

// raiser writes to a broken standard output from its first thread, or from
// another, with more threads about that could take a signal. The kernel sends none:
// it is a socket with SO_NOSIGPIPE (xnu-1504, xnu-11215
// bsd/kern/sys_socket.c:soo_write).
const raiser = `package main

import (
	"os"
	"runtime"
	"syscall"
)

func init() { runtime.LockOSThread() }

func main() {
	running := make(chan bool)
	for range 4 {
		go func() {
			runtime.LockOSThread()
			running <- true
			select {}
		}()
		<-running
	}
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		err = syscall.SetsockoptInt(fds[0], syscall.SOL_SOCKET, syscall.SO_NOSIGPIPE, 1)
	}
	if err == nil {
		err = syscall.Dup2(fds[0], 1)
	}
	if err == nil {
		err = syscall.Close(fds[1])
	}
	if err != nil {
		panic(err)
	}
	if len(os.Args) > 1 {
		go func() {
			runtime.LockOSThread()
			os.Stdout.WriteString("x")
		}()
		select {}
	}
	os.Stdout.WriteString("x")
}
`

// TestRaise: a program that dies of a broken standard output sends the signal to
// the thread that wrote, by the port that the thread was started with, and to
// nobody else (golang/go c1b32acefb, c2fdb42b16).
func TestRaise(t *testing.T) {
	goroot, err := tree.Goroot()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	src := filepath.Join(dir, "main.go")
	if err := os.WriteFile(src, []byte(raiser), 0o666); err != nil {
		t.Fatal(err)
	}
	for arch, releases := range releasesOf {
		prog := build(t, goroot, arch, src)
		for _, release := range releases {
			for _, from := range []string{"", "other"} {
				t.Run(arch+"/"+release+"/"+from, func(t *testing.T) {
					hosttest.Need(t, arch)
					args := []string{prog}
					if from != "" {
						args = append(args, from)
					}
					trace, err := traceOf(t, goroot, arch, release, args...)
					var exit *exec.ExitError
					if ws := (syscall.WaitStatus)(0); !errors.As(err, &exit) {
						t.Errorf("it ended with %v", err)
					} else if ws = exit.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGPIPE {
						t.Errorf("it ended with %v, want death by SIGPIPE", err)
					}
					if wrong := checkRaise(trace, from != ""); wrong != "" {
						t.Errorf("%s; the trace ends with\n%s", wrong, trace[max(0, len(trace)-2000):])
					}
				})
			}
		}
	}
}

// checkRaise returns what is wrong with the way in which the program of a trace
// died of SIGPIPE: after the write that failed its thread, one that is not the
// first if other, sends SIGPIPE by __pthread_kill to itself, which is seen by the
// handler that it enters. It asks for no port, and sends nothing to the process.
func checkRaise(trace string, other bool) (wrong string) {
	writer, port, raised, entered := "", "", false, false
	for line := range strings.Lines(trace) {
		line = strings.TrimSuffix(line, "\n")
		id, rest, _ := strings.Cut(strings.TrimPrefix(line, "["), "] ")
		m := callRE.FindStringSubmatch(line)
		switch {
		case m != nil && m[2] == "thread_self" && !strings.Contains(id, ".") && writer == "":
			port = strings.TrimPrefix(m[4], "0x") // the first thread's
		case m != nil && m[2] == "thread_self":
			return id + " asks for its port"
		case m != nil && m[2] == "kill":
			return id + " signals the process"
		case m != nil && m[2] == "write" && m[4] == "-1 EPIPE":
			if writer = id; other != strings.Contains(id, ".") {
				return id + " writes"
			}
		case strings.HasPrefix(rest, "--- SIGPIPE handler "):
			if !raised || id != writer {
				return id + " is signalled"
			}
			entered = true
		case writer == "" || id != writer:
		case m != nil && m[2] == "__pthread_kill":
			var to, sig, first uint64
			result, _, _ := strings.Cut(m[4], ",") // i386 has a second
			if _, err := fmt.Sscanf(m[3], "%d, %d", &to, &sig); err != nil || sig != 13 || result != "0" {
				return rest
			}
			if _, err := fmt.Sscanf(port, "%x", &first); err != nil || (to == first) == other {
				return fmt.Sprintf("%s; the first thread's port is %#x", line, first)
			}
			raised = true
		}
	}
	switch {
	case writer == "":
		return "no write failed"
	case !raised:
		return writer + " does not signal itself"
	case !entered:
		return "nobody is signalled"
	}
	return ""
}

// TestRaiseMistakes: the check sees what it is for.
func TestRaiseMistakes(t *testing.T) {
	const (
		self  = "[7] thread_self() = 0x503\n"
		write = "[7] write(1, 0x1, 1) = -1 EPIPE\n"
		kill  = "[7] __pthread_kill(1283, 13) = 0\n"
		enter = "[7] --- SIGPIPE handler 0x1, mask 0x0, from process 7 ---\n"
	)
	for _, tt := range []struct {
		name, trace string
		other       bool
		want        string
	}{
		{"right", self + write + kill + enter + kill, false, ""},
		{"right, other", self + "[7.2] write(1, 0x1, 1) = -1 EPIPE\n[7.2] __pthread_kill(2307, 13) = 0\n[7.2] --- SIGPIPE handler 0x1, mask 0x0, from process 7 ---\n", true, ""},
		{"the process", self + write + "[7] kill(7, 13, 1) = 0\n" + enter, false, "signals the process"},
		{"asked", self + write + self + kill + enter, false, "asks for its port"},
		{"asked, other", self + "[7.2] thread_self() = 0x903\n", true, "asks for its port"},
		{"another thread", self + write + "[7] __pthread_kill(2307, 13) = 0\n" + enter, false, "port is 0x503"},
		{"the first thread", self + "[7.2] write(1, 0x1, 1) = -1 EPIPE\n[7.2] __pthread_kill(1283, 13) = 0\n" + enter, true, "port is 0x503"},
		{"a third", self + "[7.2] write(1, 0x1, 1) = -1 EPIPE\n[7.2] __pthread_kill(2307, 13) = 0\n[7.3] --- SIGPIPE handler 0x1, mask 0x0, from process 7 ---\n", true, "7.3 is signalled"},
		{"before", self + write + enter + kill, false, "7 is signalled"},
		{"lost", self + "[7.2] write(1, 0x1, 1) = -1 EPIPE\n[7.2] __pthread_kill(2307, 13) = 0\n", true, "nobody"},
		{"another signal", self + write + "[7] __pthread_kill(1283, 15) = 0\n", false, "1283, 15"},
		{"nothing", self + write, false, "does not signal itself"},
		{"no write", self, false, "no write failed"},
	} {
		if got := checkRaise(tt.trace, tt.other); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
