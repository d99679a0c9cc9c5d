// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package main

import (
	"os/exec"
	"testing"

	tm "goxnu/misc/go_darwin_exec/internal/testmacho"
)

// code32 joins pieces of code.
func code32(parts ...any) (b []byte) {
	for _, p := range parts {
		if c, ok := p.([]byte); ok {
			p = string(c)
		}
		b = append(b, tm.Code(p)...)
	}
	return b
}

// Checks, which end the program with a status of their own. They keep the flags.
func wantEAX(v, status uint32) []byte { return want32("\x3d", v, status) }     // cmp $v, %eax
func wantEDX(v, status uint32) []byte { return want32("\x81\xfa", v, status) } // cmp $v, %edx
func wantNoCarry(status uint32) []byte {
	exit := tm.Exit32(status)
	return code32("\x73", string([]byte{byte(len(exit))}), exit) // jnc
}
func wantCarry(status uint32) []byte {
	exit := tm.Exit32(status)
	return code32("\x72", string([]byte{byte(len(exit))}), exit) // jc
}

func want32(cmp string, v, status uint32) []byte {
	exit := tm.Exit32(status)
	return code32(cmp, v, "\x74", string([]byte{byte(len(exit))}), exit) // je
}

func TestHello32(t *testing.T) {
	data := []byte("hello, world\n")
	prog := program(t, tm.BuildData32(code32(
		tm.Call32(0x80, 4, 1, tm.DataAddr32, uint32(len(data))),
		wantNoCarry(1), wantEAX(uint32(len(data)), 2),
		tm.Exit32(42)), data))
	for _, release := range []string{"10.6", "10.9", "10.10", "10.14"} {
		r := run(t, exec.Command(runnerPath, "-xnu", release, prog))
		if r.status != 42 || r.stdout != string(data) || r.stderr != "" {
			t.Errorf("%s: %+v", release, r)
		}
	}
	if r := run(t, exec.Command(runnerPath, prog)); r.status != 42 {
		t.Errorf("without -xnu: %+v", r)
	}
	if r := run(t, exec.Command(runnerPath, "-xnu", "10.15", prog)); r.status != exitCannot {
		t.Errorf("10.15: %+v", r)
	}
}
