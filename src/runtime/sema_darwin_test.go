// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package runtime_test

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// TestSemasleepSignals: a signal interrupts every wait in the kernel, but a
// thread sleeps neither longer nor shorter for that (golang.org/issue/27520).
func TestSemasleepSignals(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGIO)
	defer signal.Stop(c)

	const d = 300 * time.Millisecond
	number, took := make(chan uint64), make(chan time.Duration)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		number <- runtime.ThreadNumber()
		start := time.Now()
		runtime.SleepOnNote(int64(d))
		took <- time.Since(start)
	}()
	sleeper := <-number
	tick := time.NewTicker(d / 30)
	defer tick.Stop()
	for n := 0; ; {
		select {
		case <-tick.C:
			if runtime.SignalThread(sleeper, uint32(syscall.SIGIO)) {
				n++
			}
			if n > 1000 {
				t.Fatalf("a sleep of %v has not ended after %d signals", d, n)
			}
		case got := <-took:
			if got < d { // however late: a sleep that begins anew with each signal never ends
				t.Errorf("slept %v, asked for %v", got, d)
			}
			if n < 5 {
				t.Errorf("only %d signals were sent", n)
			}
			return
		}
	}
}
