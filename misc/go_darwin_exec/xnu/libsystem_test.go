// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"strings"
	"testing"

	"goxnu/misc/go_darwin_exec/libsystem"
)

// TestLibraryTable compares lib/xnu/libsystem.tsv with the machine code and the calls.
func TestLibraryTable(t *testing.T) {
	for i := range libFunctions {
		f := &libFunctions[i]
		if f.kind == libMachine != libsystem.Has(f.name) {
			t.Errorf("%s: the table and the machine code differ", f.name)
		}
		if f.kind == libRunner && (f.entry.handle == nil || f.entry.name != f.name) {
			t.Errorf("%s: no handler", f.name)
		}
	}
}

// TestLibraryResolve binds every function on every release: the image must have room, and
// what a release lacks must name itself.
func TestLibraryResolve(t *testing.T) {
	for _, r := range []Release{XNU1504, XNU3248, XNU3789, XNU11417} {
		l := &Library{release: r, index: libIndex(), image: libsystem.New(libHint, nil), calls: map[string]uint32{"close": 6}}
		seen := map[uint64]string{}
		for i := range libFunctions {
			name := libFunctions[i].name
			at := l.Resolve(name, "/usr/lib/libSystem.B.dylib", false)
			if other := seen[at]; at < libHint || at >= libHint+libSize || other != "" && !libsystem.Has(name) {
				t.Errorf("%s: at %#x, as %q", name, at, other)
			}
			seen[at] = name
			if again := l.Resolve(name, "", false); again != at && libFunctions[i].kind != libData {
				t.Errorf("%s: at %#x and at %#x", name, at, again)
			}
		}
		if at := l.Resolve("flywheel2", "", true); at != 0 {
			t.Errorf("a weak symbol is at %#x", at)
		}
		l.Resolve("flywheel", "/usr/lib/libfly.dylib", false)
		code, data, start, err := l.image.Finish(0x1000, false)
		if err != nil || len(code) > libsystem.Room || start < libHint || start >= libHint+uint64(len(code)) {
			t.Fatalf("%d bytes of code, begins at %#x: %v", len(code), start, err)
		}
		if !strings.Contains(string(data), "flywheel of /usr/lib/libfly.dylib") {
			t.Error("a missing function does not name itself")
		}
	}
}
