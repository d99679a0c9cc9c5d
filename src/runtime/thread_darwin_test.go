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
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestCommpageWalltime compares the clock that needs no system call with the
// system call. Every release has one commpage layout or the other.
func TestCommpageWalltime(t *testing.T) {
	read := runtime.CommpageOldWalltime
	other := runtime.CommpageWalltime
	if runtime.DarwinRelease() >= runtime.Darwin10_13 {
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
	if where := os.Getenv(env); where != "" {
		defer func() {
			recover()
			os.Exit(0)
		}()
		runtime.SigprocmaskBad(where == "thread")
		os.Exit(0)
	}
	for where, want := range map[string][]string{
		"goroutine": {"goroutine ", "runtime.kernelRefused(", "runtime.sigprocmask(", "runtime.SigprocmaskBad(", "pc=0x"},
		"thread":    {"runtime stack:", "runtime.kernelRefused(", "runtime.sigprocmask(", "runtime.SigprocmaskBad(", "pc=0x"},
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSigprocmaskRefused$")
		cmd.Env = append(os.Environ(), env+"="+where, "GOTRACEBACK=system")
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("%s: %v, want exit status 2", where, err)
		}
		for _, want := range append(want, "runtime: sigprocmask failed: errno 22\n", "fatal error: the kernel refused a system call\n") {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: output %q lacks %q", where, out, want)
			}
		}
	}
}

// lockedThreads runs f on n threads that exist at the same time and end
// afterwards.
func lockedThreads(n int, f func()) {
	var ready, done sync.WaitGroup
	stop := make(chan bool)
	ready.Add(n)
	done.Add(n)
	for range n {
		go func() {
			defer done.Done()
			runtime.LockOSThread()
			ready.Done()
			<-stop
		}()
	}
	ready.Wait()
	f()
	close(stop)
	done.Wait()
}

// TestThreadGuard: there is a page without access at the end of each thread's
// stack. The stacks of threads that start one after the other are neighbours.
func TestThreadGuard(t *testing.T) {
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	faults := func(addr uintptr) (fault bool) {
		defer func() { fault = recover() != nil }()
		runtime.Peek(addr)
		return
	}
	const n = 8
	stacks := make(chan uintptr, n)
	var wg sync.WaitGroup
	stop := make(chan bool)
	for range n {
		wg.Go(func() {
			runtime.LockOSThread()
			stacks <- runtime.ThreadStack()
			<-stop
		})
	}
	defer wg.Wait()
	defer close(stop)
	for range n {
		lo := <-stacks
		if lo == 0 {
			continue
		}
		if faults(lo) {
			t.Errorf("the stack at %#x cannot be read", lo)
		}
		if !faults(lo-1) || !faults(lo-4096) {
			t.Errorf("the stack at %#x has no guard page", lo)
		}
	}
}

// TestThreadStackStats: the stacks of threads count as memory from the system
// for as long as the threads live.
func TestThreadStackStats(t *testing.T) {
	stacks := func() int {
		var m runtime.MemStats
		runtime.ReadMemStats(&m) // throws if its sums do not agree
		return int(m.StackSys - m.StackInuse)
	}
	if n := stacks(); n <= 0 || n%runtime.ThreadStackSize != 0 {
		t.Errorf("%d bytes, want a multiple of %d", n, runtime.ThreadStackSize)
	}
	const n = 40
	var with int
	lockedThreads(n, func() { with = stacks() })
	if with < (n-1)*runtime.ThreadStackSize { // one may be the first thread's
		t.Errorf("with %d threads: %d bytes", n, with)
	}
	// The threads end some time after their goroutines.
	for end := time.Now().Add(30 * time.Second); stacks() > with-n/2*runtime.ThreadStackSize; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("with %d threads: %d bytes, and without: %d", n, with, stacks())
		}
	}
}

func BenchmarkOsyield(b *testing.B) {
	for b.Loop() {
		runtime.Osyield()
	}
}

func BenchmarkUsleep1(b *testing.B) {
	for b.Loop() {
		runtime.Usleep(1)
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
