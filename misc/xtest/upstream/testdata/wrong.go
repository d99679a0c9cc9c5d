// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Wrong shows what upstream gets wrong on darwin: it is reported in doc/signals.md and doc/faults.md.
//
//	GOOS=darwin GOARCH=amd64 go run wrong.go stopped
//	GOXNU_RUNNER='-fault kinds=close-eintr,rate=1' GOOS=darwin GOARCH=amd64 go run wrong.go close
package main

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

var cases = map[string]func(){
	// What Wait4 says of a child that SIGSTOP has stopped.
	"stopped": func() {
		p, err := os.StartProcess("/bin/sleep", []string{"sleep", "60"}, new(os.ProcAttr))
		check(err)
		defer p.Wait()
		defer p.Kill()
		check(syscall.Kill(p.Pid, syscall.SIGSTOP))
		var ws syscall.WaitStatus
		_, err = syscall.Wait4(p.Pid, &ws, syscall.WUNTRACED, nil)
		check(err)
		fmt.Printf("stopped %v, continued %v\n", ws.Stopped(), ws.Continued())
	},
	// The first timer of a program that has no descriptor left.
	"kqueue": func() {
		check(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}))
		for {
			if _, err := syscall.Open("/dev/null", syscall.O_RDONLY, 0); err != nil {
				break
			}
		}
		time.Sleep(time.Millisecond)
		syscall.Write(1, []byte("slept\n"))
	},
	// A print to a standard error that takes nothing at the moment.
	"print": func() {
		var fds [2]int
		check(syscall.Pipe(fds[:]))
		check(syscall.Dup2(fds[1], 2))
		check(syscall.SetNonblock(2, true))
		for err := error(nil); err == nil; {
			_, err = syscall.Write(2, make([]byte, 512))
		}
		println("this")
		check(syscall.SetNonblock(fds[0], true))
		printed := false
		for b := make([]byte, 4096); ; {
			n, err := syscall.Read(fds[0], b)
			if n <= 0 || err != nil {
				break
			}
			printed = printed || bytes.Contains(b[:n], []byte("this"))
		}
		fmt.Printf("printed %v\n", printed)
	},
	// A close that is interrupted.
	"close": func() {
		for range 2 { // a thread meets the interruption every other time
			f, err := os.Open("/dev/null")
			check(err)
			fd := int(f.Fd())
			if err := f.Close(); err != nil {
				var st syscall.Stat_t
				fmt.Printf("%v; closed %v\n", err, syscall.Fstat(fd, &st) == syscall.EBADF)
				return
			}
		}
		fmt.Println("no error")
	},
	// A file system that is interrupted: os.Stat tries again, Root.Stat does not.
	"root": func() {
		r, err := os.OpenRoot("/")
		check(err)
		_, err1 := os.Stat("/dev")
		_, err2 := r.Stat("dev")
		fmt.Printf("%v; %v\n", err1, err2)
	},
}

func main() {
	if len(os.Args) != 2 || cases[os.Args[1]] == nil {
		fmt.Println("usage: wrong stopped|kqueue|print|close|root")
		os.Exit(2)
	}
	cases[os.Args[1]]()
}
