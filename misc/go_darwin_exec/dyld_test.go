// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package main

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	tm "goxnu/misc/go_darwin_exec/internal/testmacho"
	"goxnu/misc/internal/releases"
)

// call is the code of a call through pointer i of __DATA, with n bytes of code before it.
func call(i, n int) []byte {
	return tm.Code("\xff\x15", uint32(tm.DataAddr+8*i-(tm.Entry+n+6)))
}

// closeBad is a main that returns the errno of close(-1): pointer 0 is to close,
// pointer 1 to __error.
func closeBad() (code []byte) {
	code = tm.Code("\xbf\xff\xff\xff\xff")
	code = append(code, call(0, len(code))...)
	code = append(code, call(1, len(code))...)
	return append(code, "\x8b\x00\xc3"...)
}

const bindClose = "\x11\x51\x40_close\x00\x72\x00\x90\x40___error\x00\x90"

// TestDynamic runs programs that call functions of libSystem, on each release.
func TestDynamic(t *testing.T) {
	const ebadf = 9
	exit := tm.Code("\xbf\x2a\x00\x00\x00") // then exit(42) through pointer 0
	exit = append(exit, call(0, len(exit))...)
	for _, r := range releases.All {
		for _, tt := range []struct {
			name string
			d    tm.Dynamic
			want result
		}{
			{"main returns", tm.Dynamic{PIE: true, Main: true, Code: []byte("\xb8\x2a\x00\x00\x00\xc3")}, result{status: 42}},
			{"exit", tm.Dynamic{Symbols: []string{"__exit"}, Code: exit}, result{status: 42}},
			{"errno", tm.Dynamic{PIE: true, Main: true, Bind: []byte(bindClose), Code: closeBad()}, result{status: ebadf}},
		} {
			b, _ := tt.d.Build()
			if got := run(t, exec.Command(runnerPath, "-xnu", r.Name, program(t, b))); got != tt.want {
				t.Errorf("%s: %s: %+v, want %+v", r.Name, tt.name, got, tt.want)
			}
			if testing.Short() && r != releases.All[0] {
				return
			}
		}
	}
}

// TestMissing has a function that the library lacks: the program runs until it calls it.
func TestMissing(t *testing.T) {
	d := tm.Dynamic{PIE: true, Main: true, Bind: []byte("\x11\x51\x40_close\x00\x72\x00\x90\x40_flywheel\x00\x90"), Code: closeBad()}
	b, _ := d.Build()
	name := program(t, b)
	r := run(t, exec.Command(runnerPath, name))
	if want := "go_darwin_exec: " + name + " called flywheel of /usr/lib/libSystem.B.dylib, "; r.status != exitHost || !strings.HasPrefix(r.stderr, want) {
		t.Errorf("%+v; want %q", r, want)
	}
	d.Code = []byte("\x31\xc0\xc3")
	b, _ = d.Build()
	if r := run(t, exec.Command(runnerPath, program(t, b))); r != (result{}) {
		t.Errorf("it is not called: %+v", r)
	}
	r = run(t, exec.Command(runnerPath, "-imports", name))
	if want := "close     libSystem.B.dylib  full\nflywheel  libSystem.B.dylib  none: not in the runner's libraries\n"; r != (result{stdout: want}) {
		t.Errorf("%+v; want %q", r, want)
	}
}

// TestLibraryCall makes a call of the runner's own from a static program: there is no
// such class.
func TestLibraryCall(t *testing.T) {
	code := append(tm.Code("\xb8", uint32(0x4c000000), "\x0f\x05"), tm.Exit(42)...)
	cmd := exec.Command("/bin/sh", "-c", `ulimit -c 0; exec "$@"`, "sh", runnerPath, program(t, tm.Build(code)))
	if r := run(t, cmd); r.signal != syscall.SIGSYS {
		t.Errorf("%+v", r)
	}
}
