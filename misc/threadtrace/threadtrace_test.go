// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package threadtrace checks the mask protocol (doc/signals.md) call by call, in
// the runner's trace of a program that creates threads from several threads.
package threadtrace

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"goxnu/misc/internal/tree"
)

// A line of the trace: [process] or [process.thread], then the call.
var callRE = regexp.MustCompile(`^\[(\d+(?:\.\d+)?)\] (\w+)\((.*)\)(?: = (.*))?$`)

type call struct{ name, args, result string }

func (c call) String() string { return c.name + "(" + c.args + ") = " + c.result }

// trace runs prog on a release and returns the calls of each thread.
func trace(t *testing.T, goroot, arch, release, prog string) map[string][]call {
	cmd := exec.Command(tree.Runner(goroot, arch), "-xnu", release, "-trace", prog)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v; the trace ends with\n%s", err, out.Bytes()[max(0, out.Len()-2000):])
	}
	threads := map[string][]call{}
	for line := range strings.Lines(out.String()) {
		if m := callRE.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			threads[m[1]] = append(threads[m[1]], call{m[2], m[3], m[4]})
		}
	}
	return threads
}

func TestMaskProtocol(t *testing.T) {
	goroot, err := tree.Goroot()
	if err != nil {
		t.Fatal(err)
	}
	top, err := tree.Top()
	if err != nil {
		t.Fatal(err)
	}
	for arch, releases := range map[string][]string{
		"amd64": {"10.6", "10.12", "15"},
		"386":   {"10.6", "10.12", "10.14"},
	} {
		prog := filepath.Join(t.TempDir(), "threads")
		src := filepath.Join(top, "test", "sigmaskthreads.go")
		if out, err := tree.Go(goroot, top, []string{"GOOS=darwin", "GOARCH=" + arch}, "build", "-o", prog, src).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, release := range releases {
			t.Run(arch+"/"+release, func(t *testing.T) { check(t, trace(t, goroot, arch, release, prog)) })
		}
	}
}

func check(t *testing.T, threads map[string][]call) {
	created := 0
	for id, calls := range threads {
		for i, c := range calls {
			switch c.name {
			case "sigprocmask":
				t.Errorf("thread %s: %v changes the mask of every thread", id, c)
			case "bsdthread_create":
				if strings.HasPrefix(c.result, "-1") {
					continue
				}
				created++
				if i == 0 || i+1 == len(calls) {
					t.Errorf("thread %s: %v stands alone", id, c)
					continue
				}
				checkCreate(t, id, calls[i-1], c, calls[i+1])
			}
		}
		if strings.Contains(id, ".") {
			checkStart(t, id, calls)
		}
	}
	if created < 100 {
		t.Errorf("%d threads were created, want at least 100", created)
	}
}

// checkCreate wants block, create, restore, with nothing between.
func checkCreate(t *testing.T, id string, before, create, after call) {
	block := strings.Split(before.args, ", ")
	restore := strings.Split(after.args, ", ")
	ok := before.name == "__pthread_sigmask" && len(block) == 3 && block[0] == "3" && block[1] != "NULL" && block[2] != "NULL" &&
		after.name == "__pthread_sigmask" && len(restore) == 3 && restore[0] == "3" && restore[1] == block[2] && restore[2] == "NULL"
	if !ok {
		t.Errorf("thread %s: want the mask set and restored around\n\t%v\n\t%v\n\t%v", id, before, create, after)
	}
}

// checkStart wants of a new thread: TLS, the signal stack, and then the mask.
func checkStart(t *testing.T, id string, calls []call) {
	want := []string{"machdep_3", "sigaltstack", "sigaltstack", "__pthread_sigmask"}
	for i, name := range want[:min(len(want), len(calls))] { // the process may end first
		if calls[i].name != name {
			t.Errorf("thread %s begins with %v, want %v", id, calls[:min(len(want), len(calls))], want)
			return
		}
	}
}
