// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package threadtrace checks the protocols of doc/signals.md call by call, in the
// runner's trace of programs, and the source and machine code of the ports.
package threadtrace

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"goxnu/misc/internal/hosttest"
	"goxnu/misc/internal/tree"
)

// A line of the trace: [process] or [process.thread], then the call.
var callRE = regexp.MustCompile(`^\[(\d+(?:\.\d+)?)\] (\w+)\((.*)\)(?: = (.*))?$`)

type call struct{ name, args, result string }

func (c call) String() string { return c.name + "(" + c.args + ") = " + c.result }

// build builds a program for darwin/arch. Testsignals gives the compiler a mistake to
// make, by a file for its flag -overlay.
func build(t *testing.T, goroot, arch, src string) string {
	t.Helper()
	prog := filepath.Join(t.TempDir(), "prog")
	args := []string{"build", "-o", prog}
	if overlay := os.Getenv("GOXNU_TEST_OVERLAY"); overlay != "" {
		args = append(args, "-overlay="+overlay)
	}
	if _, err := tree.Output(tree.Go(goroot, filepath.Dir(src), []string{"GOOS=darwin", "GOARCH=" + arch}, append(args, src)...)); err != nil {
		t.Fatal(err)
	}
	return prog
}

// traceOf runs the command "runner -xnu release -trace prog" and returns the
// lines of the trace, and how it ended.
func traceOf(t *testing.T, goroot, arch, release string, prog ...string) (trace string, err error) {
	t.Helper()
	cmd := exec.Command(tree.Runner(goroot, arch), append([]string{"-xnu", release, "-trace"}, prog...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err = cmd.Wait()
	return out.String(), err
}

// parse returns the calls of each thread in a trace.
func parse(trace string) map[string][]call {
	threads := map[string][]call{}
	for line := range strings.Lines(trace) {
		if m := callRE.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			threads[m[1]] = append(threads[m[1]], call{m[2], m[3], m[4]})
		}
	}
	return threads
}

// releasesOf are those that a trace is looked at on: Mach semaphores, ulocks,
// and the last.
var releasesOf = map[string][]string{
	"amd64": {"10.6", "10.12", "15"},
	"386":   {"10.6", "10.12", "10.14"},
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
	for arch, releases := range releasesOf {
		prog := build(t, goroot, arch, filepath.Join(top, "test", "sigmaskthreads.go"))
		for _, release := range releases {
			t.Run(arch+"/"+release, func(t *testing.T) {
				hosttest.Need(t, arch)
				trace, err := traceOf(t, goroot, arch, release, prog)
				if err != nil {
					t.Errorf("%v; the trace ends with\n%s", err, trace[max(0, len(trace)-2000):])
				}
				wrong, created := check(parse(trace))
				for _, w := range wrong {
					t.Error(w)
				}
				if created < 100 {
					t.Errorf("%d threads were created, want at least 100", created)
				}
			})
		}
	}
}

// TestMaskProtocolMistakes: the check sees what it is for.
func TestMaskProtocolMistakes(t *testing.T) {
	const (
		block   = "[7] __pthread_sigmask(3, 0x100, 0x200) = 0\n"
		create  = "[7] bsdthread_create(NULL, 0x1, 0x2, NULL, 0x1000000) = 0\n"
		restore = "[7] __pthread_sigmask(3, 0x200, NULL) = 0\n"
		tls     = "[7.1] machdep_3(0x1) = 0xf\n"
		stack   = "[7.1] sigaltstack(NULL, 0x1) = 0\n[7.1] sigaltstack(0x1, NULL) = 0\n"
		mask    = "[7.1] __pthread_sigmask(3, 0x1, NULL) = 0\n"
	)
	for _, tt := range []struct{ name, trace, want string }{
		{"right", block + create + restore + tls + stack + mask, ""},
		{"others between", block + create + tls + restore + stack + mask, ""},
		{"refused", "[7] bsdthread_create(NULL, 0x1, 0x2, NULL, 0x1000000) = -1 EAGAIN\n", ""},
		{"entry 48", "[7] sigprocmask(3, 0x100, 0x200) = 0\n", "every thread"},
		{"a size", block + strings.Replace(create, "0x1000000", "0", 1) + restore, "PTHREAD_START_CUSTOM"},
		{"alone", create, "stands alone"},
		{"not blocked", tls + "[7] getpid() = 7\n" + create + restore, "restored around"},
		{"blocked with nothing", "[7] __pthread_sigmask(3, NULL, 0x200) = 0\n" + create + restore, "restored around"},
		{"not restored", block + create + "[7] getpid() = 7\n", "restored around"},
		{"restored from elsewhere", block + create + "[7] __pthread_sigmask(3, 0x300, NULL) = 0\n", "restored around"},
		{"something between", block + "[7] getpid() = 7\n" + create + restore, "restored around"},
		{"mask before stack", tls + mask + stack, "7.1 begins"},
		{"no stack", tls + mask + mask + mask, "7.1 begins"},
	} {
		wrong, _ := check(parse(tt.trace))
		if got := strings.Join(wrong, "\n"); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// check returns what is wrong with the calls of a program's threads, and how many
// threads it created.
func check(threads map[string][]call) (wrong []string, created int) {
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for id, calls := range threads {
		for i, c := range calls {
			switch c.name {
			case "sigprocmask":
				bad("thread %s: %v changes the mask of every thread", id, c)
			case "bsdthread_create":
				if strings.HasPrefix(c.result, "-1") {
					continue
				}
				created++
				if !strings.HasSuffix(c.args, ", 0x1000000") {
					bad("thread %s: %v without PTHREAD_START_CUSTOM, so the stack is a size", id, c)
				}
				if i == 0 || i+1 == len(calls) {
					bad("thread %s: %v stands alone", id, c)
				} else if !bracketed(calls[i-1], calls[i+1]) {
					bad("thread %s: want the mask set and restored around\n\t%v\n\t%v\n\t%v", id, calls[i-1], c, calls[i+1])
				}
			}
		}
		if !strings.Contains(id, ".") {
			continue // the first thread
		}
		// TLS, the signal stack, and then the mask.
		want := []string{"machdep_3", "sigaltstack", "sigaltstack", "__pthread_sigmask"}
		n := min(len(want), len(calls)) // the process may end first
		for i, name := range want[:n] {
			if calls[i].name != name {
				bad("thread %s begins with %v, want %v", id, calls[:n], want)
				break
			}
		}
	}
	return wrong, created
}

// bracketed returns whether the calls right before and after a creation block
// all signals and restore the mask.
func bracketed(before, after call) bool {
	block := strings.Split(before.args, ", ")
	restore := strings.Split(after.args, ", ")
	return before.name == "__pthread_sigmask" && len(block) == 3 && block[0] == "3" && block[1] != "NULL" && block[2] != "NULL" &&
		after.name == "__pthread_sigmask" && len(restore) == 3 && restore[0] == "3" && restore[1] == block[2] && restore[2] == "NULL"
}
