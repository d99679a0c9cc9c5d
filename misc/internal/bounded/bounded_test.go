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
	if _, err := Run(exec.Command("sleep", "60"), 50*time.Millisecond); !errors.Is(err, ErrNoEnd) {
		t.Errorf("a command that takes too long: %v", err)
	}
	if time.Since(start) > 30*time.Second {
		t.Error("it was waited for")
	}
}

// TestStrays: what the command leaves behind in its group, in a session of its
// own, and with its environment among the arguments only, is gone.
func TestStrays(t *testing.T) {
	for _, script := range []string{
		"sleep 60 >/dev/null 2>&1 & echo $!",
		"setsid sleep 60 >/dev/null 2>&1 & echo $!",
		"setsid env -i sh -c 'sleep 60; :' $GOXNU_BOUNDED GOXNU_BOUNDED=$GOXNU_BOUNDED >/dev/null 2>&1 & echo $!",
	} {
		out, err := Run(exec.Command("sh", "-c", script+"; sleep 0.3"), time.Minute)
		pid, perr := strconv.Atoi(strings.TrimSpace(string(out)))
		if err != nil || perr != nil {
			t.Fatalf("%q: %q, %v", script, out, err)
		}
		gone := false
		for range 100 {
			// Of a zombie, which init may leave, nothing is to be read.
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if gone = len(text) == 0; gone {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !gone {
			t.Errorf("%q: process %d is still there", script, pid)
			syscall.Kill(pid, syscall.SIGKILL)
		}
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
	mark := fmt.Appendf(nil, "%s=%d.", variable, cmd.Process.Pid)
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
