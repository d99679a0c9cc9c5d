// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// What each signal does to a program that does not ask for any, as the
// documentation of os/signal has it; and how a crash ends: once, by a dump, with
// the status that the parent can tell it by.
//
// Bugs: golang.org/issue/434, golang/go 08579c26dd, golang/go 55a54691f9, golang.org/issue/6988, golang.org/issue/12906, golang.org/issue/36420, golang.org/issue/21905
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const childVar = "SIGDEATH"

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

// What becomes of a program.
const (
	nothing = iota
	killed
	stopped
	dump // exit status 2 after a dump
)

var fate = [32]int{
	syscall.SIGHUP: killed, syscall.SIGINT: killed, syscall.SIGTERM: killed, syscall.SIGKILL: killed,
	syscall.SIGQUIT: dump, syscall.SIGILL: dump, syscall.SIGTRAP: dump, syscall.SIGABRT: dump, syscall.SIGEMT: dump, syscall.SIGSYS: dump,
	syscall.SIGBUS: dump, syscall.SIGFPE: dump, syscall.SIGSEGV: dump,
	syscall.SIGSTOP: stopped, syscall.SIGTSTP: stopped, syscall.SIGTTIN: stopped, syscall.SIGTTOU: stopped,
}

func init() {
	if os.Getenv(childVar) == "trap-entry" {
		runtime.LockOSThread() // main stays on the first thread
	}
}

func child(mode string) {
	switch mode {
	case "breakpoint":
		runtime.Breakpoint()
	case "breakpoint-ignored":
		signal.Ignore(syscall.SIGTRAP)
		runtime.Breakpoint()
	case "trap-ignored":
		signal.Ignore(syscall.SIGTRAP)
		for range 100 {
			syscall.Kill(syscall.Getpid(), syscall.SIGTRAP)
		}
		return
	case "trap-notified":
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTRAP)
		for range 100 {
			syscall.Kill(syscall.Getpid(), syscall.SIGTRAP)
			<-c
		}
		return
	case "trap-entry":
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTRAP)
		done := make(chan bool)
		go func() {
			for range 1000 {
				syscall.Kill(syscall.Getpid(), syscall.SIGTRAP)
				<-c
			}
			close(done)
		}()
		// The kernel gives the signals to the first thread, where main is. It is
		// often at the beginning of a function, right after the INT 3s that fill
		// the space between two.
		for {
			select {
			case <-done:
				return
			default:
			}
			for range 1000 {
				empty1()
				empty2()
				empty3()
			}
		}
	case "noncanonical":
		at := ^uintptr(0)>>1 + 1 + 4096
		*(*int)(unsafe.Add(nil, at)) = 1
	default:
		for range 3 {
			go func() {
				for {
					time.Sleep(time.Millisecond)
				}
			}()
		}
		os.Stdout.WriteString("x")
		select {}
	}
	os.Stdout.WriteString("it went on\n")
}

//go:noinline
func empty1() {}

//go:noinline
func empty2() {}

//go:noinline
func empty3() {}

// hang is how long a child may do nothing.
const hang = 2 * time.Minute

// command returns a child for a process group of its own.
func command(mode string, env ...string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	exe, err := os.Executable()
	if err != nil {
		fail("%v", err)
	}
	cmd = exec.Command(exe)
	cmd.Env = append(append(os.Environ(), childVar+"="+mode), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr = new(bytes.Buffer)
	cmd.Stderr = stderr
	return cmd, stderr
}

// start starts a child; one for signals is ready to take them.
func start(mode string, env ...string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	cmd, stderr = command(mode, env...)
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fail("%v", err)
	}
	if mode == "signal" {
		if _, err := io.ReadFull(stdout, make([]byte, 1)); err != nil {
			fail("the child did not start: %v\n%s", err, stderr)
		}
	}
	return cmd, stderr
}

// end waits for a child and returns its status.
func end(cmd *exec.Cmd) syscall.WaitStatus {
	timer := time.AfterFunc(hang, func() { cmd.Process.Kill() })
	defer timer.Stop()
	cmd.Wait()
	return cmd.ProcessState.Sys().(syscall.WaitStatus)
}

func try(sig syscall.Signal) {
	cmd, stderr := start("signal")
	pid := cmd.Process.Pid
	syscall.Kill(pid, sig)
	want := fate[sig]
	if want == stopped {
		var ws syscall.WaitStatus
		for begin := time.Now(); ; time.Sleep(time.Millisecond) {
			if got, err := syscall.Wait4(pid, &ws, syscall.WUNTRACED|syscall.WNOHANG, nil); got == pid && err == nil {
				break
			}
			if time.Since(begin) > hang {
				fail("%v: the child did not stop", sig)
			}
		}
		if ws != syscall.WaitStatus(sig)<<8|0x7f { // Stopped and StopSignal are wrong about SIGSTOP
			fail("%v: status %#x, want stopped", sig, uint32(ws))
		}
		syscall.Kill(pid, syscall.SIGCONT)
	}
	if want == nothing || want == stopped {
		sig, want = syscall.SIGTERM, killed
		time.Sleep(10 * time.Millisecond) // what comes later must not hide that the first kills
		syscall.Kill(pid, sig)
	}
	switch ws := end(cmd); {
	case want == killed && !(ws.Signaled() && ws.Signal() == sig):
		fail("%v: status %#x, want death by it\n%s", sig, uint32(ws), stderr)
	case want == dump && (ws.ExitStatus() != 2 || !bytes.Contains(stderr.Bytes(), []byte("\ngoroutine "))):
		fail("%v: status %#x, want exit status 2 and a dump\n%s", sig, uint32(ws), stderr)
	}
}

// count returns short, or full if GOXNU_LONG is set, as make test-signals LONG=1 does.
func count(short, full int) int {
	if os.Getenv("GOXNU_LONG") != "" {
		return full
	}
	return short
}

// storm sends sig without a pause to a program that waits, and to its group, until
// the program has ended. It does not begin while the program is executed: Linux,
// under the runner, may then let it die of SIGSEGV.
func storm(sig syscall.Signal) (syscall.WaitStatus, *bytes.Buffer) {
	cmd, stderr := command("storm")
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		_, err = io.ReadFull(stdout, make([]byte, 1))
	}
	if err != nil {
		fail("%v\n%s", err, stderr)
	}
	var dead atomic.Bool
	var sender sync.WaitGroup
	sender.Go(func() {
		for !dead.Load() {
			syscall.Kill(-cmd.Process.Pid, sig)
		}
	})
	timer := time.AfterFunc(hang, func() { cmd.Process.Kill() })
	io.Copy(io.Discard, stdout) // to its end, which is the program's
	timer.Stop()
	dead.Store(true)
	sender.Wait() // from here on the number may be another's
	return end(cmd), stderr
}

func main() {
	if mode := os.Getenv(childVar); mode != "" {
		child(mode)
		return
	}
	// What is caught here is at its default in a child, even if it is ignored
	// where this program was started, as ^C is in a shell's background.
	signal.Notify(make(chan os.Signal, 1))
	for sig := syscall.Signal(1); sig < 32; sig++ {
		try(sig)
	}
	for range count(20, 1000) {
		if ws, stderr := storm(syscall.SIGINT); !ws.Signaled() || ws.Signal() != syscall.SIGINT {
			fail("a storm of SIGINT: status %#x, want death by it\n%s", uint32(ws), stderr)
		}
	}

	// ^\ goes to the group, and a user hits it more than once: one dump.
	for range count(20, 1000) {
		ws, stderr := storm(syscall.SIGQUIT)
		if ws.ExitStatus() != 2 {
			fail("SIGQUIT to the group: status %#x\n%s", uint32(ws), stderr)
		}
		if n := bytes.Count(stderr.Bytes(), []byte("SIGQUIT: quit")); n != 1 {
			fail("SIGQUIT to the group: %d dumps\n%s", n, stderr)
		}
	}

	cmd, stderr := start("signal", "GOTRACEBACK=crash")
	syscall.Kill(cmd.Process.Pid, syscall.SIGQUIT)
	if ws := end(cmd); !ws.Signaled() || ws.Signal() != syscall.SIGABRT {
		fail("GOTRACEBACK=crash: status %#x, want death by SIGABRT\n%s", uint32(ws), stderr)
	}

	for _, mode := range []string{"trap-ignored", "trap-notified", "trap-entry"} {
		cmd, stderr = start(mode)
		if ws := end(cmd); ws.ExitStatus() != 0 {
			fail("%s: status %#x\n%s", mode, uint32(ws), stderr)
		}
	}
	for _, mode := range []string{"breakpoint", "breakpoint-ignored"} {
		cmd, stderr = start(mode)
		if ws := end(cmd); ws.ExitStatus() != 2 || !bytes.Contains(stderr.Bytes(), []byte("SIGTRAP")) {
			fail("%s: status %#x\n%s", mode, uint32(ws), stderr)
		}
	}
	// XNU reports such a fault like a signal from outside; the runtime says where
	// it cannot have been. With 32 bits every address has a form to be one.
	cmd, stderr = start("noncanonical")
	fault := "unexpected fault address 0xb01dfacedebac1e"
	if runtime.GOARCH == "386" {
		fault = "unexpected fault address 0x80001000"
	}
	if ws := end(cmd); ws.ExitStatus() != 2 || !bytes.Contains(stderr.Bytes(), []byte(fault)) {
		fail("noncanonical address: status %#x, want %q\n%s", uint32(ws), fault, stderr)
	}
}
