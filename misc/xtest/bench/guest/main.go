// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Guest measures what a Go program asks of a kernel most often. Bench builds
// it for this machine and for the darwin ports and compares.
//
// It prints a line for each measurement whose name matches its argument: name,
// tab, nanoseconds.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func main() {
	testing.Init()
	only := regexp.MustCompile(strings.Join(os.Args[1:], " "))
	for _, m := range []struct {
		name string
		run  func(*testing.B)
	}{
		{"loop", loop},
		{"getpid", getpid},
		{"time.Now", now},
		{"read", read},
		{"pipe", pipe},
		{"signal", sig},
		{"thread", thread},
		{"exec", start},
	} {
		if !only.MatchString(m.name) {
			continue
		}
		r := testing.Benchmark(m.run)
		fmt.Printf("%s\t%.1f\n", m.name, float64(r.T.Nanoseconds())/float64(r.N))
	}
}

var sink uint64

// loop computes and makes no system call: it must cost what it costs natively.
func loop(b *testing.B) {
	x := uint64(1)
	for range b.N {
		for range 1000 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
	}
	sink = x
}

func getpid(b *testing.B) {
	for range b.N {
		syscall.Getpid()
	}
}

func now(b *testing.B) {
	for range b.N {
		time.Now()
	}
}

// read reads a byte that is always there.
func read(b *testing.B) {
	f, err := os.Open("/dev/zero")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	p := make([]byte, 1)
	for range b.N {
		if _, err := syscall.Read(int(f.Fd()), p); err != nil {
			b.Fatal(err)
		}
	}
}

// pipe sends a byte to another goroutine and back, through the poller.
func pipe(b *testing.B) {
	r1, w1, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	r2, w2, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		p := make([]byte, 1)
		for {
			if _, err := r1.Read(p); err != nil {
				w2.Close()
				return
			}
			w2.Write(p)
		}
	}()
	p := make([]byte, 1)
	for range b.N {
		w1.Write(p)
		if _, err := r2.Read(p); err != nil {
			b.Fatal(err)
		}
	}
	w1.Close()
	r2.Read(p)
}

// sig sends the process a signal and waits until a channel has it.
func sig(b *testing.B) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	defer signal.Stop(c)
	for range b.N {
		syscall.Kill(os.Getpid(), syscall.SIGUSR1)
		<-c
	}
}

// thread starts a goroutine whose thread ends with it.
func thread(b *testing.B) {
	var wg sync.WaitGroup
	for range b.N {
		wg.Go(func() { runtime.LockOSThread() })
		wg.Wait()
	}
}

// start starts a program of this machine and waits for it.
func start(b *testing.B) {
	for range b.N {
		if err := exec.Command("/bin/true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}
