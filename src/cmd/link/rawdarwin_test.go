// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	imacho "cmd/internal/macho"
	"debug/macho"
	"internal/testenv"
	"os"
	"path/filepath"
	"testing"
)

// TestMachOBuildVersion checks what a program says of the macOS that it is
// made for: 10.6 in the raw port, the recent version that Apple's tools want
// in the dynamic one.
//
//graft:replace link_test.go d1d38d2685b1 a raw port says 10.6 by LC_VERSION_MIN_MACOSX
func TestMachOBuildVersion(t *testing.T) {
	testenv.MustHaveGoBuild(t)
	t.Parallel()
	dir := t.TempDir()
	src := filepath.Join(dir, "main.go")
	if err := os.WriteFile(src, []byte(trivialSrc), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		goarch   string
		cmd      uint32 // the load command; the other must be absent
		at       int    // offset of two versions, the system's and the SDK's
		min, max uint32
	}{
		{"amd64", imacho.LC_VERSION_MIN_MACOSX, 8, 10<<16 | 6<<8, 10<<16 | 6<<8},
		{"arm64", imacho.LC_BUILD_VERSION, 12, 12 << 16, 1<<32 - 1},
	} {
		exe := filepath.Join(dir, c.goarch)
		cmd := goCmd(t, "build", "-ldflags=-linkmode=internal", "-o", exe, src)
		cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOOS=darwin", "GOARCH="+c.goarch)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v:\n%s", cmd.Args, err, out)
		}
		f, err := macho.Open(exe)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		found := 0
		for _, l := range f.Loads {
			raw := l.Raw()
			switch lc := f.ByteOrder.Uint32(raw); lc {
			case imacho.LC_VERSION_MIN_MACOSX, imacho.LC_BUILD_VERSION:
				found++
				if lc != c.cmd {
					t.Errorf("%s: load command %#x, want %#x", c.goarch, lc, c.cmd)
					continue
				}
				for i := range 2 {
					if v := f.ByteOrder.Uint32(raw[c.at+4*i:]); v < c.min || v > c.max {
						t.Errorf("%s: load command %#x says version %#x, want %#x to %#x", c.goarch, lc, v, c.min, c.max)
					}
				}
			}
		}
		if found != 1 {
			t.Errorf("%s: %d version commands, want 1", c.goarch, found)
		}
	}
}
