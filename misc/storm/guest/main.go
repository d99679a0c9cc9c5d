// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build unix

// Guest is the program that stands in the storm: see package storm.
//
// It starts and ends threads, collects garbage, profiles itself, runs busy loops and
// executes children, and acknowledges every signal of acked by a byte on the
// descriptor that belongs to it, 3 and up. When its standard input ends it
// says what it has done and exits.
package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// acked are the signals that the senders wait for, one each. The storm program
// has them in the same order.
var acked = []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP, syscall.SIGALRM}

const (
	childVar = "STORM_CHILD" // this is a child of the program
	deafVar  = "STORM_DEAF"  // acknowledge nothing, so that a test can see the storm fail
)

var (
	stop                                  atomic.Bool
	threads, execs, gcs, profiles, others atomic.Int64
	sink                                  [][]byte
)

func main() {
	if n, err := strconv.Atoi(os.Getenv(childVar)); err == nil {
		child(n)
	}
	seed, err := strconv.ParseUint(os.Args[1], 10, 64)
	if err != nil {
		fail("the seed: %v", err)
	}
	debug.SetGCPercent(20)
	for i, sig := range acked {
		c := make(chan os.Signal, 1)
		signal.Notify(c, sig)
		go func() {
			for range c {
				if os.Getenv(deafVar) != "" {
					continue
				}
				if _, err := syscall.Write(3+i, []byte{1}); err != nil && err != syscall.EPIPE {
					fail("acknowledging %v: %v", sig, err)
				}
			}
		}()
	}
	flood := make(chan os.Signal, 1)
	signal.Notify(flood, syscall.SIGWINCH, syscall.SIGIO, syscall.SIGCHLD, syscall.SIGURG)
	go func() {
		for range flood {
			others.Add(1)
		}
	}()
	fmt.Println("ready")

	var wg sync.WaitGroup
	for i, f := range []func(*rand.Rand){churn, churn, garbage, busy, profile, execute, execute} {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() {
			for !stop.Load() {
				f(r)
			}
		})
	}
	io.Copy(io.Discard, os.Stdin)
	stop.Store(true)
	wg.Wait()
	signal.Reset()
	fmt.Printf("%d threads, %d programs, %d collections, %d profiles, %d other signals\n",
		threads.Load(), execs.Load(), gcs.Load(), profiles.Load(), others.Load())
}

func fail(format string, a ...any) {
	fmt.Fprintf(os.Stderr, "guest: "+format+"\n", a...)
	os.Exit(1)
}

// churn lets a few threads end with their goroutines.
func churn(r *rand.Rand) {
	var wg sync.WaitGroup
	for range 1 + r.IntN(8) {
		spin := r.IntN(20000)
		wg.Go(func() {
			runtime.LockOSThread()
			for range spin {
			}
			threads.Add(1)
		})
	}
	wg.Wait()
	time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
}

func garbage(r *rand.Rand) {
	var keep [][]byte
	for range 200 {
		keep = append(keep, make([]byte, r.IntN(8192)))
	}
	sink = keep
	if r.IntN(8) == 0 {
		runtime.GC()
		gcs.Add(1)
		time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond)
	}
}

// busy makes work for preemption: a loop without calls.
func busy(r *rand.Rand) {
	n := 0
	for i := range r.IntN(3_000_000) {
		n += i ^ n
	}
	if n == 1 {
		fmt.Println()
	}
	time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
}

func profile(r *rand.Rand) {
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		fail("profile: %v", err)
	}
	time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
	pprof.StopCPUProfile()
	profiles.Add(1)
}

// execute starts a child that executes itself a few times more.
func execute(r *rand.Rand) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVar+"="+strconv.Itoa(r.IntN(3)))
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "done" {
		fail("a child: %v: %q", err, out)
	}
	execs.Add(1)
	// And one that cannot execute what it should.
	if err := exec.Command("/nonexistent/program").Run(); err == nil {
		fail("/nonexistent/program was executed")
	}
}

func child(n int) {
	if n == 0 {
		os.Stdout.WriteString("done")
		os.Exit(0)
	}
	os.Setenv(childVar, strconv.Itoa(n-1))
	fail("exec: %v", syscall.Exec(os.Args[0], os.Args[:1], os.Environ()))
}
