// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package runtime_test

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestCommpageWalltime compares the clock that needs no system call with the
// system call. Every release has one commpage layout or the other.
func TestCommpageWalltime(t *testing.T) {
	read := runtime.CommpageOldWalltime
	other := runtime.CommpageWalltime
	if runtime.DarwinRelease() >= 17 {
		read, other = other, read
	}
	if _, _, ok := other(); ok {
		t.Errorf("Darwin %d has the other release's time of day in the commpage", runtime.DarwinRelease())
	}
	micros := func() int64 { sec, usec := runtime.Gettimeofday(); return sec*1e6 + usec }
	for range 1000 {
		before := micros()
		sec, nsec, ok := read()
		after := micros()
		if !ok {
			time.Sleep(time.Millisecond) // the kernel may take it away for a moment
			continue
		}
		// The two are computed separately, so allow for rounding.
		const slack = 1000
		if got := sec*1e6 + int64(nsec)/1000; got < before-slack || got > after+slack {
			t.Fatalf("commpage says %d µs, gettimeofday %d before and %d after", got, before, after)
		}
		return
	}
	t.Error("the commpage never had the time of day")
}

// TestWallSec: the time of day goes on after 2038, also where a word has 32 bits.
func TestWallSec(t *testing.T) {
	for _, sec := range []uint32{0, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
		if got := runtime.WallSec(sec); got != int64(sec) {
			t.Errorf("%d seconds became %d", sec, got)
		}
	}
}

// TestSigprocmaskRefused: a mask that could not be set is no state to go on in.
func TestSigprocmaskRefused(t *testing.T) {
	const env = "GOXNU_SIGPROCMASK_REFUSED"
	if os.Getenv(env) != "" {
		runtime.SigprocmaskBad()
		os.Exit(0)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestSigprocmaskRefused$")
	cmd.Env = append(os.Environ(), env+"=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("%v, want exit status 2", err)
	}
	if want := "runtime: sigprocmask failed: errno 22\n"; !strings.Contains(string(out), want) {
		t.Errorf("output %q, want %q", out, want)
	}
}

// TestSigactionLayouts reads back what setsig installed: the kernel takes one
// struct and returns another (golang/go f40c05eea4 is about mixing them up). Default
// actions must carry no flags into the next program (golang.org/issue/81009).
func TestSigactionLayouts(t *testing.T) {
	const sig = syscall.SIGINFO
	c := make(chan os.Signal, 1)
	signal.Notify(c, sig)
	handler, mask, flags := runtime.SignalFlags(uint32(sig))
	const saOnStackRestartSiginfo = 1 | 2 | 0x40
	if handler < 2 || flags != saOnStackRestartSiginfo {
		t.Errorf("notified: handler %#x, flags %#x, want a handler and %#x", handler, flags, saOnStackRestartSiginfo)
	}
	// The kernel never holds SIGKILL and SIGSTOP in a mask.
	if want := ^uint32(1<<(syscall.SIGKILL-1) | 1<<(syscall.SIGSTOP-1)); mask&want != want {
		t.Errorf("notified: mask %#x, want %#x", mask, want)
	}
	syscall.Kill(syscall.Getpid(), sig)
	select {
	case <-c:
	case <-time.After(2 * time.Minute):
		t.Error("the signal did not arrive")
	}
	signal.Reset(sig)
	runtime.ResetSignal(uint32(sig))
	if handler, mask, flags := runtime.SignalFlags(uint32(sig)); handler != 0 || mask != 0 || flags != 0 {
		t.Errorf("default: handler %#x, mask %#x, flags %#x, want zeros", handler, mask, flags)
	}
}
