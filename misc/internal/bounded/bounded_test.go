// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package bounded

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	out, err := Run(exec.Command("sh", "-c", "echo out; echo err >&2; exit 3"), time.Minute)
	var exit *exec.ExitError
	if string(out) != "out\nerr\n" || !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("%q, %v", out, err)
	}
	start := time.Now()
	if _, err := Run(exec.Command("sleep", "60"), 50*time.Millisecond); !errors.Is(err, ErrTimedOut) {
		t.Errorf("a command that takes too long: %v", err)
	}
	if time.Since(start) > 30*time.Second {
		t.Error("it was waited for")
	}
}

// started runs script, which must print the number of a process that it leaves
// behind.
func started(t *testing.T, script string) int {
	t.Helper()
	out, err := Run(exec.Command("sh", "-c", script+"; sleep 0.3"), time.Minute)
	pid, perr := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil || perr != nil {
		t.Fatalf("%q: %q, %v", script, out, err)
	}
	return pid
}

// ended reports whether a process ends soon. Of a zombie, which init may leave,
// nothing is to be read.
func ended(pid int) bool {
	for range 100 {
		if text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); len(text) == 0 {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// TestStrays: what the command leaves behind in its group and in a session of
// its own is gone.
func TestStrays(t *testing.T) {
	for _, script := range []string{
		"sleep 60 >/dev/null 2>&1 & echo $!",
		"setsid sleep 60 >/dev/null 2>&1 & echo $!",
		"GOXNU_BOUNDED= setsid env A=b GOXNU_BOUNDED=$GOXNU_BOUNDED sleep 60 >/dev/null 2>&1 & echo $!",
	} {
		if pid := started(t, script); !ended(pid) {
			t.Errorf("%q: process %d is still there", script, pid)
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// TestBystander: a process that only mentions the mark, as one does that looks
// for it, lives on.
func TestBystander(t *testing.T) {
	pid := started(t, "setsid env -i A=xGOXNU_BOUNDED=$GOXNU_BOUNDED sh -c 'sleep 60; :' GOXNU_BOUNDED=$GOXNU_BOUNDED >/dev/null 2>&1 & echo $!")
	// What was killed is a zombie at most.
	if text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); len(text) == 0 {
		t.Error("it was killed")
	}
	syscall.Kill(-pid, syscall.SIGKILL) // it leads its session
}

// TestNotPermitted: a process that must not be killed is reported.
func TestNotPermitted(t *testing.T) {
	kill = func(int, syscall.Signal) error { return syscall.EPERM }
	defer func() { kill = syscall.Kill }()
	cmd := exec.Command("sleep", "60")
	mark := own + "permitted."
	cmd.Env = append(os.Environ(), mark)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	done := make(chan error, 1)
	go func() { done <- endMarked(mark) }()
	select {
	case err := <-done:
		if !errors.Is(err, syscall.EPERM) || !strings.Contains(err.Error(), strconv.Itoa(cmd.Process.Pid)) {
			t.Errorf("%v", err)
		}
	case <-time.After(time.Minute):
		t.Error("it goes on trying")
	}
}

// TestInterrupted interrupts a copy of this test program that has started two
// commands, one without Run.
func TestInterrupted(t *testing.T) {
	if file := os.Getenv("GOXNU_TEST_INTERRUPTED"); file != "" {
		EndOnSignal(func() { os.Remove(file) })
		if err := exec.Command("setsid", "sleep", "60").Start(); err != nil {
			t.Fatal(err)
		}
		Run(exec.Command("sh", "-c", "setsid sleep 60 & wait"), time.Minute)
		return
	}
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestInterrupted$")
	cmd.Env = append(os.Environ(), "GOXNU_TEST_INTERRUPTED="+file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	mark := fmt.Sprintf("%s=%d.", variable, cmd.Process.Pid)
	for range 500 {
		if len(marked(mark)) > 2 { // sleep, sh, sleep
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if running := marked(mark); len(running) != 3 {
		t.Errorf("processes %d are known as its own, want 3", running)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Errorf("it ended with %v, want status 130", err)
	}
	if left := marked(mark); len(left) > 0 {
		t.Errorf("processes %d are still there", left)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("it did not clean up")
	}
}
