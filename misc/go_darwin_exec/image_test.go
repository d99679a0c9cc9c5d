// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestImage runs testdata/image.go, which checks what it finds.
func TestImage(t *testing.T) {
	image := goBuild(t, "testdata/image.go", "image", "GOOS=darwin", "GOARCH=amd64")
	for _, tt := range []struct{ release, args string }{
		// bsd/sys/syslimits.h:ARG_MAX, bsd/kern/kern_exec.c:exec_extract_strings
		{"10.6", "argmax 262144 false"},
		{"10.7", "argmax 262144 true"},
		{"10.15", "argmax 262144 true"},
		{"11", "argmax 1048576 true"},
		{"15", "argmax 1048576 true"},
		{"10.6", "links"},
		{"15", "links openat"},
		{"10.6", "proc"},
		{"15", "proc"},
		{"15", "pty"},
		{"10.6", "chroot"},
		{"15", "chroot"},
	} {
		t.Run(strings.ReplaceAll(tt.args, " ", "_")+"_"+tt.release, func(t *testing.T) {
			if tt.args == "chroot" && os.Geteuid() != 0 {
				t.Skip("only root may call chroot")
			}
			cmd := exec.Command(runnerPath, append([]string{"-xnu", tt.release, image}, strings.Fields(tt.args)...)...)
			if r := run(t, cmd); r != (result{}) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestCommandLine reads, as others may, what the host reports of darwin programs:
// it is what it reports of any program.
func TestCommandLine(t *testing.T) {
	image := goBuild(t, "testdata/image.go", "image", "GOOS=darwin", "GOARCH=amd64")
	for _, tt := range []struct {
		name  string
		flags []string
		args  []string
		env   []string
		want  []string // nil: args
	}{
		{"first", nil, []string{image, "wait", "", "x y"}, []string{"SECRET=1"}, nil},
		{"flags", []string{"-xnu", "10.9", "--"}, []string{image, "wait", "-xnu", ""}, []string{"SECRET=1", "B="}, nil},
		{"clean start", nil, []string{image, "wait", "a"}, []string{"SECRET=1", "GODEBUG=madvdontneed=1"}, nil},
		{"no environment", nil, []string{image, "wait"}, []string{}, nil},
		{"exec", []string{"-xnu", "10.12"}, []string{image, "exec", "", "wait", "x y"}, []string{"SECRET=1"}, []string{"", "wait", "x y"}},
		{"exec twice", nil, []string{image, "exec", "2", "exec", "3", "wait", ""}, []string{"SECRET=1"}, []string{"3", "wait", ""}},
		{"long", nil, []string{image, "long"}, []string{"SECRET=" + strings.Repeat("e", 100<<10)}, []string{"x", "wait", strings.Repeat("a", 200<<10)}},
		{"fork", nil, []string{image, "fork", "x y"}, []string{"SECRET=1"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			flags := append([]string{runnerPath}, tt.flags...)
			cmd := exec.Command(flags[0], append(flags[1:], tt.args...)...)
			cmd.Env = tt.env
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer in.Close()
			var pid int
			if _, err := fmt.Fscanln(bufio.NewReader(out), &pid); err != nil {
				t.Fatal(err)
			}
			// another is a process of another user, if this one can make one.
			another := func(file string) (string, error) {
				cat := exec.Command("/bin/cat", fmt.Sprintf("/proc/%d/%s", pid, file))
				if os.Geteuid() == 0 {
					cat.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
				}
				b, err := cat.Output()
				return string(b), err
			}
			words := func(list []string) string {
				if len(list) == 0 {
					return ""
				}
				return strings.Join(list, "\x00") + "\x00"
			}
			want := tt.want
			if want == nil {
				want = tt.args
			}
			if got, err := another("cmdline"); err != nil || got != words(want) {
				t.Errorf("cmdline is %.200q, %v; want %.200q", got, err, words(want))
			}
			if got, err := another("comm"); err != nil || got != "image\n" {
				t.Errorf("comm is %q, %v", got, err)
			}
			if got, err := another("environ"); os.Geteuid() == 0 && (err == nil || got != "") {
				t.Errorf("others see the environment: %q", got)
			}
			if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)); err != nil || string(b) != words(tt.env) {
				t.Errorf("environ is %.200q, %v; want %.200q", b, err, words(tt.env))
			}
		})
	}
}
