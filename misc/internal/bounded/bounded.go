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
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
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

// ErrNoEnd is in the error of a command that took too long.
var ErrNoEnd = errors.New("no end")

// Run runs cmd, in a process group of its own, for at most limit, and returns
// what it printed. Whatever the command has started ends with it. What has
// left the group, for a session of its own, is known by its environment, which
// the runner hands on as arguments when it executes itself.
func Run(cmd *exec.Cmd, limit time.Duration) ([]byte, error) {
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	mark := fmt.Sprintf("%s=%d.%d.", variable, os.Getpid(), runs.Add(1))
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
		err = fmt.Errorf("%w after %v", ErrNoEnd, limit)
	}
	syscall.Kill(group, syscall.SIGKILL)
	endMarked([]byte(mark))
	return out.Bytes(), err
}

// EndOnSignal lets SIGINT and SIGTERM end what this process starts from now on,
// by Run or otherwise, call cleanup, and end this process with status 130. From
// the signal on Run does not return.
func EndOnSignal(cleanup func()) {
	os.Setenv(variable, fmt.Sprintf("%d.0.", os.Getpid()))
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-c
		ending.Store(true)
		endMarked(fmt.Appendf(nil, "%s=%d.", variable, os.Getpid()))
		cleanup()
		os.Exit(130)
	}()
}

func endMarked(mark []byte) {
	for {
		pids := marked(mark)
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(time.Millisecond)
	}
}

// marked returns the processes with the mark.
func marked(mark []byte) (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		for _, name := range []string{"environ", "cmdline"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || !bytes.Contains(text, mark) {
				continue
			}
			if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
				pids = append(pids, pid)
			}
			break
		}
	}
	return pids
}
