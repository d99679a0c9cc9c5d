// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin || linux

// Guest is the program of the stress test: see package stress.
//
// It starts and ends threads, collects garbage, profiles itself, runs busy loops and
// executes children, and acknowledges every signal of acked by a byte on the
// descriptor that belongs to it, 3 and up. Its old threads block these,
// so that they reach new ones: see shut; and it sends signals of its own to every thread there is,
// from its first moment to its last. When its standard input ends it
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
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// acked are the signals that the senders wait for, one each. The stress program
// has them in the same order.
var acked = []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP, syscall.SIGALRM}

// own is what the program sends to its threads.
const own = syscall.SIGXCPU

const (
	childVar = "STRESS_CHILD" // this is a child of the program
	faultVar = "STRESS_FAULT" // what to do wrong, so that a test can see the stress test fail: blocked, exit, crash, hang
)

var (
	stop                                  atomic.Bool
	threads, execs, gcs, profiles, others atomic.Int64
	reached                               atomic.Int64 // signals of the program's own
	sink                                  [][]byte
	spun                                  int
)

// late is when a signal of the program's own counts as lost.
const late = time.Minute

func init() { runtime.LockOSThread() } // main stays on the oldest thread

func main() {
	if n, err := strconv.Atoi(os.Getenv(childVar)); err == nil {
		child(n)
	}
	seed, err := strconv.ParseUint(os.Args[1], 10, 64)
	if err != nil {
		fail("the seed: %v", err)
	}
	fault := os.Getenv(faultVar)
	debug.SetGCPercent(20)
	for i, sig := range acked {
		c := make(chan os.Signal, 1)
		signal.Notify(c, sig)
		go func() {
			for range c {
				if fault == "blocked" {
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
	work := []func(*rand.Rand){churn, churn, garbage, busy, profile, execute, execute}
	if darwin {
		c := make(chan os.Signal, 1)
		signal.Notify(c, own)
		work = append(work, func(r *rand.Rand) { reach(r, c) })
	}
	for i, f := range work {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() {
			for !stop.Load() {
				f(r)
			}
		})
	}
	for r, n := rand.New(rand.NewPCG(seed, 1000)), 0; shut(r); n++ {
		if n < 3 {
			continue
		}
		switch fault {
		case "exit":
			fail("it was told to")
		case "crash":
			panic("it was told to")
		case "hang":
			fmt.Println("wait") // and it does not go on
			for {
				time.Sleep(time.Hour)
			}
		}
	}
	stop.Store(true)
	wg.Wait()
	signal.Reset()
	fmt.Printf("%d threads, %d programs, %d collections, %d profiles, %d other signals, %d to its own threads\n",
		threads.Load(), execs.Load(), gcs.Load(), profiles.Load(), others.Load(), reached.Load())
}

func fail(format string, a ...any) {
	fmt.Fprintf(os.Stderr, "guest: "+format+"\n", a...)
	os.Exit(1)
}

// shut makes all threads that there are block the signals of acked, until it is called again.
// From then on these reach the threads that are new, first the oldest of them. Those that no
// thread takes wait on the oldest of all, which is the caller's, until it looks after them.
//
// It asks the stress test first to wait until all have been acknowledged: one that was given to a
// thread and that the thread blocks before it has taken it might stay there. It returns
// false if the stress test is over.
func shut(r *rand.Rand) bool {
	var b [1]byte
	if darwin {
		fmt.Println("wait")
	}
	if _, err := os.Stdin.Read(b[:]); err == io.EOF {
		return false
	} else if err != nil {
		fail("the standard input: %v", err)
	}
	blockEverywhere(acked)
	fmt.Println("go on")
	for range 1 + r.IntN(10) {
		time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
		block(acked, false)
		block(acked, true)
	}
	block(acked, false)
	return true
}

// reach sends a signal to some thread, at times to one that has not been there a moment
// ago, and waits until it has been handled.
func reach(r *rand.Rand, c <-chan os.Signal) {
	var there, others []int
	for n := 1; n <= 100; n++ {
		if sendToThread(n, 0) {
			there = append(there, n)
		} else {
			others = append(others, n)
		}
	}
	sent := false
	if r.IntN(2) == 0 && len(there) > 0 {
		sent = sendToThread(there[r.IntN(len(there))], own)
	} else {
		for range 20 {
			if sent = slices.ContainsFunc(others, func(n int) bool { return sendToThread(n, own) }); sent {
				break
			}
		}
	}
	if !sent {
		return
	}
	select {
	case <-c:
		reached.Add(1)
	case <-time.After(late):
		fail("%v, number %d, which a thread was sent, was not handled within %v", own, reached.Load()+1, late)
	}
}

// churn lets a few threads end with their goroutines. Some block the program's own signal
// all their life, so that it has to wait for their end.
func churn(r *rand.Rand) {
	var wg sync.WaitGroup
	for range 1 + r.IntN(8) {
		blocked := r.IntN(2) == 0
		spin := r.IntN(20000)
		rest := time.Duration(r.IntN(3)*r.IntN(1000)) * time.Microsecond
		wg.Go(func() {
			runtime.LockOSThread()
			if blocked {
				block([]syscall.Signal{own}, true)
			}
			for range spin {
			}
			time.Sleep(rest)
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
	spun = n
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
