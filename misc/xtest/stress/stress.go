// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package stress sends a darwin program signals without pause, and counts.
//
// Four senders, outside of the program, each send it a signal and wait until the program
// has acknowledged it; in between they send signals that nobody waits for. The program (see
// guest) starts and ends threads, collects garbage, is preempted, profiles
// itself, and executes children meanwhile. Its old threads block the signals, so that the new
// ones have to take them, and it sends others to its threads one by one, from their birth on. A signal that has not
// been acknowledged within 10 seconds is lost; that, a crash, an exit and a hang are failures. The output
// then has the seed, the release and the last calls and deliveries, from the runner.
//
// The time is divided among the ports and the releases. With -native the
// program is a Linux program, which runs without the runner: for comparison.
//
// Only the program and its descendants, which have a process group of their
// own, are sent anything or ended.
package stress

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
	"unsafe"

	"goxnu/misc/internal/tree"
	"goxnu/misc/xtest/run"
)

// Flags are those of the subcommand, beside the shared ones.
type Flags struct {
	run.Options
	Time   time.Duration
	Seed   uint64
	Native bool
	Ring   bool
	Fault  string
}

// Register adds the flags to fs.
func (f *Flags) Register(fs *flag.FlagSet) {
	f.Options.Flags(fs, "arch", "xnu", "run", "shard", "list", "report")
	fs.DurationVar(&f.Time, "time", 10*time.Second, "how long, in all")
	fs.Uint64Var(&f.Seed, "seed", 0, "start the random numbers with `N`; 0: with the clock")
	fs.BoolVar(&f.Native, "native", false, "the program is a Linux program, and runs without the runner")
	fs.BoolVar(&f.Ring, "ring", true, "let the runner keep its last calls and deliveries, for a failure")
	fs.StringVar(&f.Fault, "fault", "", "the runner's flag -fault: `ITEMS` as in doc/faults.md")
}

// usual are the releases without -xnu: the first and the last, with and without what 10.11 brought.
const usual = "10.6 10.11 10.14 15"

// late is the usual stress.late.
const late = time.Minute

// dumpSignal makes the runner print the calls that it has kept, and dumpMark begins the last part of that.
const (
	dumpSignal = syscall.Signal(60)
	dumpMark   = "the last signals"
)

// acked has the host's numbers of the guest's acked.
var acked = []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP, syscall.SIGALRM}

// flood are signals that nobody waits for.
var flood = []syscall.Signal{syscall.SIGWINCH, syscall.SIGIO, syscall.SIGCHLD, syscall.SIGURG}

// Main runs the program under each release.
func Main(f *Flags) error {
	seed := f.Seed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	f.Report.Printf("seed %d\n", seed)
	type one struct {
		stress
		name string
	}
	var all []one
	for _, arch := range f.Archs {
		list, err := f.Releases(arch, usual)
		if err != nil {
			return err
		}
		if f.Native {
			list = []string{"native"}
		}
		exe := ""
		for _, release := range list {
			name := "stress/darwin-" + arch + "@" + release
			if !f.Take(name) {
				continue
			}
			if exe == "" {
				var clean func()
				if exe, clean, err = build(arch, f.Native); err != nil {
					return err
				}
				defer clean()
			}
			all = append(all, one{stress{exe: exe, arch: arch, release: release, seed: seed + uint64(len(all)), ring: f.Ring, fault: f.Fault}, name})
		}
	}
	for _, s := range all {
		start := time.Now()
		s.length = f.Time / time.Duration(len(all))
		sum, err := s.run()
		if err != nil {
			f.Report.Fail(s.name, fmt.Sprintf("FAILED: %s, release %s, seed %d: %v", s.arch, s.release, s.seed, err), "", time.Since(start))
			continue
		}
		f.Report.Pass(s.name, fmt.Sprintf("%-5s %-6s %s", s.arch, s.release, sum), time.Since(start))
	}
	return nil
}

// overlayVar has the go command's -overlay to build the guest with: xtest mutants sets it
// for a mutation of the runtime.
const overlayVar = "GOXNU_TEST_OVERLAY"

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
	tmp, err := os.MkdirTemp("", "xtest-stress")
	if err != nil {
		return "", nil, err
	}
	exe = filepath.Join(tmp, "guest")
	settings := []string{"GOOS=darwin", "GOARCH=" + arch}
	if native {
		settings = []string{"GOOS=linux", "GOARCH=" + arch, "CGO_ENABLED=0"}
	}
	args := []string{"build", "-o", exe, "./xtest/stress/guest"}
	if overlay := os.Getenv(overlayVar); overlay != "" {
		args = slices.Insert(args, 1, "-overlay="+overlay)
	}
	out, err := tree.Go(goroot, filepath.Join(top, "misc"), settings, args...).CombinedOutput()
	if err != nil {
		return "", nil, fmt.Errorf("building the guest: %v\n%s", err, out)
	}
	return exe, func() { os.RemoveAll(tmp) }, nil
}

// A stress is one run of the guest.
type stress struct {
	exe, arch, release string
	seed               uint64
	ring               bool
	fault              string // the runner's -fault, if not empty
	length             time.Duration
	late               time.Duration // when a signal counts as lost, and a program that does not end as hung
}

// run returns what happened in a line.
func (s *stress) run() (string, error) {
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
		if s.fault != "" {
			runner = append(runner, "-fault", s.fault)
		}
		args = append(runner, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	stderr := new(output)
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	stdout, w, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer stdout.Close()
	cmd.Stdout = w
	ours := []*os.File{w} // the ends that only the program must have, so that its end is theirs
	acks := make([]*os.File, len(acked))
	for i := range acks {
		r, w, err := os.Pipe()
		if err != nil {
			return "", err
		}
		defer r.Close()
		acks[i] = r
		ours = append(ours, w)
		cmd.ExtraFiles = append(cmd.ExtraFiles, w)
	}
	err = cmd.Start()
	for _, w := range ours {
		w.Close()
	}
	if err != nil {
		return "", err
	}
	pid := cmd.Process.Pid

	// Until finish nobody has waited for the program, and its number is its own.
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		waitEnd(pid)
	}()
	finish := func() error {
		syscall.Kill(-pid, syscall.SIGKILL) // and its descendants
		return cmd.Wait()
	}
	// give is for a program that has not ended but should have: the runner's trace, then the end.
	give := func(what error) error {
		if s.ring && s.release != "native" {
			syscall.Kill(pid, dumpSignal)
			stderr.settle(dumpMark, ended, late)
		}
		finish()
		return fmt.Errorf("%w\n%s", what, stderr.tail())
	}
	// died is for one that has ended but should not have, or not so.
	died := func(when string) error {
		err := finish()
		if err == nil {
			err = errors.New("exit status 0")
		}
		return fmt.Errorf("the program ended %s: %v\n%s", when, err, stderr.tail())
	}

	lines := make(chan string, 2)
	go func() {
		defer close(lines)
		for sc := bufio.NewScanner(stdout); sc.Scan(); {
			lines <- sc.Text()
		}
	}()
	select {
	case line := <-lines:
		if line != "ready" {
			return "", died("before it was ready")
		}
	case <-ended:
		return "", died("before it was ready")
	case <-time.After(late):
		return "", give(fmt.Errorf("the program is not ready within %v", late))
	}

	start := time.Now()
	var done atomic.Bool
	var sent atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, len(acked)+1)
	// The program asks now and then to be sent nothing for a moment, when all has been acknowledged.
	var pause sync.RWMutex
	sum := make(chan string, 1) // the last thing that it says
	go func() {
		defer close(sum)
		var asked *time.Timer
		resume := func() {
			if asked != nil {
				asked.Stop()
				pause.Unlock()
			}
			asked = nil
		}
		for line := range lines {
			switch line {
			case "wait":
				pause.Lock()
				asked = time.AfterFunc(late, func() { errs <- fmt.Errorf("the program, which asked to wait, does not go on within %v", late) })
				stdin.Write([]byte{1})
			case "go on":
				resume()
			default:
				sum <- line
			}
		}
		resume()
	}()
	total := make([]int64, len(acked))
	worst := make([]time.Duration, len(acked))
	for i, sig := range acked {
		r := rand.New(rand.NewPCG(s.seed, 100+uint64(i)))
		wg.Go(func() {
			for !done.Load() {
				pause.RLock()
				for range r.IntN(4) {
					syscall.Kill(pid, flood[r.IntN(len(flood))])
					sent.Add(1)
				}
				at := time.Now()
				syscall.Kill(pid, sig)
				var b [1]byte
				acks[i].SetReadDeadline(at.Add(late))
				_, err := acks[i].Read(b[:])
				pause.RUnlock()
				if err == io.EOF {
					return // the program has ended, or is about to
				} else if err != nil {
					errs <- fmt.Errorf("%v, number %d, was not acknowledged within %v", sig, total[i]+1, late)
					return
				}
				worst[i] = max(worst[i], time.Since(at))
				total[i]++
			}
		})
	}
	// Until the time is over, and then until the senders have what they wait for.
	all := make(chan struct{})
	time.AfterFunc(s.length, func() {
		done.Store(true)
		wg.Wait()
		close(all)
	})
	select {
	case failure := <-errs:
		done.Store(true)
		return "", give(failure)
	case <-ended:
		done.Store(true)
		return "", died("under stress")
	case <-all:
	}
	select {
	case failure := <-errs:
		return "", give(failure)
	default:
	}
	elapsed := time.Since(start)
	stdin.Close()
	select {
	case <-ended:
	case <-time.After(late):
		return "", give(fmt.Errorf("the program does not end within %v", late))
	}
	if err := finish(); err != nil {
		return "", fmt.Errorf("the program exited abnormally: %v\n%s", err, stderr.tail())
	}
	n := int64(0)
	for _, t := range total {
		n += t
	}
	if n == 0 {
		return "", errors.New("no signal was acknowledged")
	}
	did := <-sum
	if did == "" {
		return "", errors.New("the program ended without saying what it did")
	}
	return fmt.Sprintf("%.0fs: %d signals acknowledged, %.0f/s, the slowest after %v; %d others sent; %s",
		elapsed.Seconds(), n, float64(n)/elapsed.Seconds(), slices.Max(worst).Round(time.Millisecond), sent.Load(), did), nil
}

// waitEnd returns when the child has ended; it stays a zombie.
func waitEnd(pid int) {
	const (
		pPid   = 1
		exited = 4          // WEXITED
		nowait = 0x01000000 // WNOWAIT
	)
	var info [128]byte
	for {
		_, _, e := syscall.Syscall6(syscall.SYS_WAITID, pPid, uintptr(pid), uintptr(unsafe.Pointer(&info)), exited|nowait, 0, 0)
		if e != syscall.EINTR {
			return
		}
	}
}

// An output keeps what the program prints.
type output struct {
	mu sync.Mutex
	b  []byte
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b = append(o.b, b...)
	return len(b), nil
}

func (o *output) len(mark string) (n int, marked bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.b), bytes.Contains(o.b, []byte(mark))
}

// settle waits until mark has been printed and no more comes after it, until the program ends,
// or for at most limit.
func (o *output) settle(mark string, ended <-chan struct{}, limit time.Duration) {
	const quiet = 300 * time.Millisecond
	last := -1
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		n, marked := o.len(mark)
		if marked && n == last {
			return
		}
		last = n
		select {
		case <-ended:
			return
		case <-time.After(quiet):
		}
	}
}

// tail returns the end of what was printed.
func (o *output) tail() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	const most = 128 << 10
	if len(o.b) > most {
		return append([]byte("...\n"), o.b[len(o.b)-most:]...)
	}
	return o.b
}
