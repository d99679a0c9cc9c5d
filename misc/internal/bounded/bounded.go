// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package bounded runs commands that may hang, with everything that they
// start, for a limited time.
package bounded

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// variable marks the environment of a command and of what it starts.
const variable = "GOXNU_BOUNDED"

var (
	runs   atomic.Int64
	ending atomic.Bool // EndOnSignal is at work
)

// ErrTimedOut is in the error of a command that took too long.
var ErrTimedOut = errors.New("timed out")

// own is what a mark of this process begins with. Process ids alone come again,
// and in other namespaces.
var own = fmt.Sprintf("%s=%d.%08x.", variable, os.Getpid(), rand.Uint32())

// Run runs cmd, in a process group of its own, for at most limit, and returns
// what it printed. What the command has started ends with it. What has left the
// group, for a session of its own, is known by its environment: on Linux that
// of a darwin program is the program's. Run reports what cannot be ended.
func Run(cmd *exec.Cmd, limit time.Duration) ([]byte, error) {
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	mark := fmt.Sprintf("%s%d.", own, runs.Add(1))
	cmd.Env = append(cmd.Env, mark)
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	group := -cmd.Process.Pid
	late := make(chan bool, 1)
	timer := time.AfterFunc(limit, func() {
		late <- true
		syscall.Kill(group, syscall.SIGKILL)
	})
	err := cmd.Wait()
	if ending.Load() {
		select {}
	}
	if !timer.Stop() && <-late {
		err = fmt.Errorf("%w after %v", ErrTimedOut, limit)
	}
	syscall.Kill(group, syscall.SIGKILL)
	return out.Bytes(), errors.Join(err, endMarked(mark))
}

// EndOnSignal lets SIGINT and SIGTERM end what this process starts from now on,
// by Run or otherwise, call cleanup, and end this process with status 130. From
// the signal on Run does not return.
func EndOnSignal(cleanup func()) {
	os.Setenv(variable, strings.TrimPrefix(own, variable+"=")+"0.")
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-c
		ending.Store(true)
		err := endMarked(own)
		cleanup()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(130)
	}()
}

// kill is syscall.Kill but in tests.
var kill = syscall.Kill

// endMarked ends the processes with the mark, as often as new ones appear. It
// returns an error if only such are left as this process must not end, or that
// do not end within the time that an overloaded machine may need.
func endMarked(mark string) error {
	const tries = 10_000
	for try := 0; ; try++ {
		pids := marked(mark)
		var err error
		ended := 0
		for _, pid := range pids {
			if e := kill(pid, syscall.SIGKILL); e == nil || e == syscall.ESRCH {
				ended++
			} else {
				err = e
			}
		}
		switch {
		case len(pids) == 0:
			return nil
		case ended == 0:
			return fmt.Errorf("processes %d cannot be ended: %w", pids, err)
		case try == tries:
			return fmt.Errorf("processes %d do not end", pids)
		}
		time.Sleep(time.Millisecond)
	}
}

// marked returns the processes in whose environment a variable begins with
// mark. Of one that has ended, and of another user's, nothing is to be read.
func marked(mark string) (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !bytes.HasPrefix(env, []byte(mark)) && !bytes.Contains(env, []byte("\x00"+mark)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
