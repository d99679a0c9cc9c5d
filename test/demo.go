// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Demo does a little of everything that a Go program asks of a kernel, and
// checks every answer: threads, signals, timers, an HTTP server that it talks
// to, child processes. It prints one line a part, and exits 1 at the first
// answer that is wrong.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// childVar tells a copy of this program that it is a child, and which.
const childVar = "GOXNU_DEMO_CHILD"

var parts = []struct {
	name string
	run  func() error
}{
	{"threads", threads},
	{"timers", timers},
	{"signals", signals},
	{"files", files},
	{"http", serve},
	{"children", children},
}

func main() {
	if c := os.Getenv(childVar); c != "" {
		os.Exit(child(c))
	}
	for _, p := range parts {
		if err := p.run(); err != nil {
			fmt.Printf("%s: %v\n", p.name, err)
			os.Exit(1)
		}
		fmt.Printf("%s: ok\n", p.name)
	}
}

// threads makes many goroutines own a thread each at the same time, has all
// of them allocate under a busy collector, and lets their threads end with them.
func threads() error {
	const n, rounds = 32, 50
	var (
		all  sync.WaitGroup
		meet sync.WaitGroup
		sum  atomic.Int64
	)
	meet.Add(n)
	for i := range n {
		all.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends here
			meet.Done()
			meet.Wait()
			keep := make([][]byte, 0, rounds)
			for j := range rounds {
				keep = append(keep, bytes.Repeat([]byte{byte(i)}, 1<<10+j))
			}
			for j, b := range keep {
				if len(b) != 1<<10+j || b[0] != byte(i) || b[len(b)-1] != byte(i) {
					return
				}
			}
			sum.Add(int64(i))
		})
	}
	stop := make(chan bool)
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	all.Wait()
	close(stop)
	if got, want := sum.Load(), int64(n*(n-1)/2); got != want {
		return fmt.Errorf("the threads add up to %d, want %d", got, want)
	}
	return nil
}

// timers checks that time passes, forwards and about as fast for a sleeper as for the wall clock.
func timers() error {
	const nap = 50 * time.Millisecond
	start := time.Now()
	time.Sleep(nap)
	mono, wall := time.Since(start), time.Now().Round(0).Sub(start.Round(0))
	if mono < nap {
		return fmt.Errorf("a sleep of %v took %v", nap, mono)
	}
	if d := (mono - wall).Abs(); d > mono/2 {
		return fmt.Errorf("a sleep took %v by the monotonic clock and %v by the wall clock", mono, wall)
	}
	early := make(chan error)
	for _, i := range []time.Duration{3, 1, 2} {
		start := time.Now()
		time.AfterFunc(i*nap, func() {
			if took := time.Since(start); took < i*nap {
				early <- fmt.Errorf("a timer of %v fired after %v", i*nap, took)
			}
			early <- nil
		})
	}
	for range 3 {
		if err := <-early; err != nil {
			return err
		}
	}
	return nil
}

// signals sends the process one signal after another, each after the last was
// seen; then faults on purpose and expects a panic; then writes to a pipe that
// nobody reads, which raises SIGPIPE, and expects the error alone.
func signals() error {
	const rounds = 200
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGINFO)
	defer signal.Stop(c)
	for i := range rounds {
		s := []syscall.Signal{syscall.SIGUSR1, syscall.SIGINFO}[i%2]
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			return err
		}
		select {
		case got := <-c:
			if got != s {
				return fmt.Errorf("sent %v, got %v", s, got)
			}
		case <-time.After(2 * time.Minute):
			return fmt.Errorf("signal %d of %d, %v, never came", i+1, rounds, s)
		}
	}
	if err := fault(); err == nil {
		return errors.New("reading through a nil pointer went well")
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	r.Close()
	defer w.Close()
	if _, err := w.WriteString("x"); !errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("writing to a pipe that nobody reads: %v, want %v", err, syscall.EPIPE)
	}
	return nil
}

func fault() (err any) {
	defer func() { err = recover() }()
	var p *[4]int
	p[2]++
	return nil
}

// files writes a tree, lists it, and reads it back through gzip and JSON.
func files() error {
	dir, err := os.MkdirTemp("", "goxnu-demo")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var want []string
	for i := range 100 {
		name := fmt.Sprintf("%03d.json.gz", i)
		want = append(want, name)
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		z := gzip.NewWriter(f)
		if err := errors.Join(json.NewEncoder(z).Encode(map[string]int{"n": i}), z.Close(), f.Close()); err != nil {
			return err
		}
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for i, e := range list {
		if i >= len(want) || e.Name() != want[i] {
			return fmt.Errorf("directory entry %d is %q", i, e.Name())
		}
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		z, err := gzip.NewReader(bufio.NewReader(f))
		if err != nil {
			return err
		}
		var v struct{ N int }
		if err := errors.Join(json.NewDecoder(z).Decode(&v), f.Close()); err != nil {
			return err
		}
		if v.N != i {
			return fmt.Errorf("%s says %d", e.Name(), v.N)
		}
	}
	if len(list) != len(want) {
		return fmt.Errorf("%d directory entries, want %d", len(list), len(want))
	}
	return nil
}

// serve answers HTTP on a local port and sends itself requests from many clients at once.
func serve() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		slices.Reverse(body)
		w.Write(body)
	})}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()

	const clients, requests = 8, 20
	errs := make(chan error, clients)
	for i := range clients {
		go func() { errs <- talk("http://"+l.Addr().String(), i, requests) }()
	}
	for range clients {
		if err := <-errs; err != nil {
			return err
		}
	}
	if err := srv.Close(); err != nil {
		return err
	}
	if err := <-done; err != http.ErrServerClosed {
		return err
	}
	return nil
}

func talk(url string, id, requests int) error {
	for i := range requests {
		say := strings.Repeat(fmt.Sprintf("client %d, request %d. ", id, i), 1+100*i)
		resp, err := http.Post(url, "text/plain", strings.NewReader(say))
		if err != nil {
			return err
		}
		got, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return err
		}
		slices.Reverse(got)
		if string(got) != say {
			return fmt.Errorf("request of %d bytes came back wrong (%d bytes, %s)", len(say), len(got), resp.Status)
		}
	}
	return nil
}

// children starts this program again, some copies at the same time: one
// that echoes, one that exits with a status, one that is killed.
func children() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	start := func(what string) *exec.Cmd {
		c := exec.Command(self)
		c.Env = append(os.Environ(), childVar+"="+what)
		return c
	}
	errs := make(chan error)
	for i := range 4 {
		go func() {
			c := start("echo")
			text := fmt.Sprintf("child %d", i)
			c.Stdin = strings.NewReader(text)
			out, err := c.Output()
			if err == nil && string(out) != strings.ToUpper(text) {
				err = fmt.Errorf("the child answered %q to %q", out, text)
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			return err
		}
	}

	var exit *exec.ExitError
	if err := start("exit").Run(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		return fmt.Errorf("the child that exits with status 7: %v", err)
	}

	c := start("wait")
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // it is ready
		return err
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := c.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		return fmt.Errorf("the child that was sent SIGTERM: %v", err)
	}
	return nil
}

func child(what string) int {
	switch what {
	case "echo":
		b, err := io.ReadAll(os.Stdin)
		if err != nil {
			return 1
		}
		os.Stdout.Write(bytes.ToUpper(b))
		return 0
	case "exit":
		return 7
	case "wait":
		os.Stdout.WriteString(".")
		time.Sleep(time.Minute)
	}
	return 1
}
