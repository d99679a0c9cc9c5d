// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Storm puts a darwin program into a storm of signals, and counts.
//
//	usage: storm [-time 10s] [-seed N] [-xnu '10.6 15'|all] [-arch amd64] [-native] [-ring=false]
//
// Four senders, outside of the program, each send it a signal and wait until the program
// has acknowledged it; in between they send signals that nobody waits for. The program (see
// guest) starts and ends threads, collects garbage, is preempted, profiles
// itself, and executes children meanwhile. A signal without an
// acknowledgement for 10 seconds is lost; that, a crash and a hang are failures. The output
// then has the seed, the release and the last calls and deliveries, from the runner.
//
// The time is divided among the releases. With -native the program is a
// Linux program, which runs without the runner: for comparison.
//
// Only the program and its descendants, which have a process group of their
// own, are sent anything or ended. The exit status is 1 if anything failed, 2 for a mistake in the call.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"goxnu/misc/internal/releases"
	"goxnu/misc/internal/tree"
)

var (
	length = flag.Duration("time", 10*time.Second, "how long, in all")
	seed   = flag.Uint64("seed", 0, "start the random numbers with `N`; 0: with the clock")
	xnu    = flag.String("xnu", "", "under these `RELEASES` (separated by blanks), or all; the default is a few of those that differ")
	arch   = flag.String("arch", "amd64", "the program is of the port darwin/`ARCH`")
	native = flag.Bool("native", false, "the program is a Linux program, and runs without the runner")
	ring   = flag.Bool("ring", true, "let the runner keep its last calls and deliveries, for a failure")
)

// usual are the releases without -xnu: the first and the last, with and without what 10.11 brought.
var usual = map[string]string{"amd64": "10.6 10.11 10.14 15", "386": "10.6 10.11 10.14"}

// late is the usual storm.late.
const late = 10 * time.Second

// dumpSignal makes the runner print the calls that it has kept.
const dumpSignal = syscall.Signal(60)

// acked has the host's numbers of the guest's acked.
var acked = []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP, syscall.SIGALRM}

// flood are signals that nobody waits for.
var flood = []syscall.Signal{syscall.SIGWINCH, syscall.SIGIO, syscall.SIGCHLD, syscall.SIGURG}

func main() {
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "storm: usage: storm [flags]; -h lists them")
		os.Exit(2)
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	fmt.Printf("seed %d\n", *seed)
	list, err := releases.Select(cmp.Or(*xnu, usual[*arch]), *arch)
	if *native {
		list, err = []string{"native"}, nil
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "storm:", err)
		os.Exit(2)
	}
	exe, clean, err := build(*arch, *native)
	if err != nil {
		fmt.Fprintln(os.Stderr, "storm:", err)
		os.Exit(2)
	}
	failed := 0
	for i, release := range list {
		s := storm{exe: exe, arch: *arch, release: release, seed: *seed + uint64(i), ring: *ring, length: *length / time.Duration(len(list))}
		sum, err := s.run()
		if err != nil {
			failed++
			fmt.Printf("FAILED: %s, release %s, seed %d: %v\n", *arch, release, s.seed, err)
			continue
		}
		fmt.Printf("%-6s %s\n", release, sum)
	}
	clean()
	if failed > 0 {
		os.Exit(1)
	}
}

// build builds the guest.
func build(arch string, native bool) (exe string, clean func(), err error) {
	top, err := tree.Top()
	if err != nil {
		return "", nil, err
	}
	goroot, err := tree.Goroot()
	if err != nil {
		return "", nil, err
	}
	tmp, err := os.MkdirTemp("", "storm")
	if err != nil {
		return "", nil, err
	}
	exe = filepath.Join(tmp, "guest")
	settings := []string{"GOOS=darwin", "GOARCH=" + arch}
	if native {
		settings = []string{"GOOS=linux", "GOARCH=" + arch, "CGO_ENABLED=0"}
	}
	out, err := tree.Go(goroot, filepath.Join(top, "misc"), settings, "build", "-o", exe, "./storm/guest").CombinedOutput()
	if err != nil {
		return "", nil, fmt.Errorf("building the guest: %v\n%s", err, out)
	}
	return exe, func() { os.RemoveAll(tmp) }, nil
}

// A storm is one run of the guest.
type storm struct {
	exe, arch, release string
	seed               uint64
	ring               bool
	length             time.Duration
	late               time.Duration // when a signal counts as lost, and a program that does not end as hung
}

// run returns what happened in a line.
func (s *storm) run() (string, error) {
	late := cmp.Or(s.late, late)
	args := []string{s.exe, strconv.FormatUint(s.seed, 10)}
	if s.release != "native" {
		goroot, err := tree.Goroot()
		if err != nil {
			return "", err
		}
		runner := []string{tree.Runner(goroot, s.arch), "-xnu", s.release}
		if s.ring {
			runner = append(runner, "-trace=ring")
		}
		args = append(runner, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	acks := make([]*os.File, len(acked))
	for i := range acks {
		r, w, err := os.Pipe()
		if err != nil {
			return "", err
		}
		defer r.Close()
		defer w.Close()
		acks[i] = r
		cmd.ExtraFiles = append(cmd.ExtraFiles, w)
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	pid := cmd.Process.Pid
	defer syscall.Kill(-pid, syscall.SIGKILL) // descendants of one that has failed

	lines := make(chan string, 2)
	go func() {
		defer close(lines)
		for sc := bufio.NewScanner(stdout); sc.Scan(); {
			lines <- sc.Text()
		}
	}()
	ended := make(chan error, 1)
	give := func(what error) error {
		// The runner's trace, then the end.
		syscall.Kill(pid, dumpSignal)
		time.Sleep(500 * time.Millisecond)
		syscall.Kill(-pid, syscall.SIGKILL)
		<-ended
		return fmt.Errorf("%w\n%s", what, tail(stderr.Bytes()))
	}
	var line string
	select {
	case line = <-lines:
	case <-time.After(late):
	}
	if line != "ready" {
		go func() { ended <- cmd.Wait() }()
		return "", give(errors.New("the program does not get ready"))
	}

	start := time.Now()
	var done atomic.Bool
	var sent atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, len(acked))
	total := make([]int64, len(acked))
	worst := make([]time.Duration, len(acked))
	for i, sig := range acked {
		r := rand.New(rand.NewPCG(s.seed, 100+uint64(i)))
		wg.Go(func() {
			var b [1]byte
			for !done.Load() {
				for range r.IntN(4) {
					syscall.Kill(pid, flood[r.IntN(len(flood))])
					sent.Add(1)
				}
				at := time.Now()
				if err := syscall.Kill(pid, sig); err != nil {
					errs <- fmt.Errorf("the program has ended: %v", err)
					return
				}
				acks[i].SetReadDeadline(at.Add(late))
				if _, err := io.ReadFull(acks[i], b[:]); err != nil {
					errs <- fmt.Errorf("%v, number %d, was not acknowledged within %v: %v", sig, total[i]+1, late, err)
					return
				}
				worst[i] = max(worst[i], time.Since(at))
				total[i]++
			}
		})
	}
	var failure error
	select {
	case failure = <-errs:
	case <-time.After(s.length):
	}
	done.Store(true)
	wg.Wait()
	elapsed := time.Since(start)
	go func() { ended <- cmd.Wait() }()
	if failure != nil {
		return "", give(failure)
	}
	stdin.Close()
	select {
	case line = <-lines:
	case <-time.After(late):
		return "", give(fmt.Errorf("the program does not end within %v", late))
	}
	select {
	case err := <-ended:
		if err != nil {
			return "", fmt.Errorf("%v\n%s", err, tail(stderr.Bytes()))
		}
	case <-time.After(late):
		return "", give(fmt.Errorf("the program does not end within %v", late))
	}
	n := int64(0)
	for _, t := range total {
		n += t
	}
	if n == 0 {
		return "", errors.New("no signal was acknowledged")
	}
	return fmt.Sprintf("%.0fs: %d signals acknowledged, %.0f/s, the slowest after %v; %d others sent; %s",
		elapsed.Seconds(), n, float64(n)/elapsed.Seconds(), slices.Max(worst).Round(time.Millisecond), sent.Load(), line), nil
}

// tail returns the end of the program's output.
func tail(b []byte) []byte {
	const most = 128 << 10
	if len(b) > most {
		b = append([]byte("...\n"), b[len(b)-most:]...)
	}
	return b
}
