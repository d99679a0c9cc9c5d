// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package pprof

import (
	"internal/abi"
	"os"
	"testing"
	"unsafe"
)

// TestProcRegionSize: the kernel refuses a smaller buffer
// (xnu-1504 bsd/kern/proc_info.c:proc_pidinfo).
func TestProcRegionSize(t *testing.T) {
	if size := unsafe.Sizeof(procRegion{}); size != 1272 {
		t.Errorf("struct proc_regionwithpathinfo has %d bytes, want 1272", size)
	}
}

// TestRegions: the program's own code lies in exactly one of the executable
// regions, the first, which maps its file from the beginning.
func TestRegions(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(exe)
	if err != nil {
		t.Fatal(err)
	}
	pc := uint64(abi.FuncPCABIInternal(TestRegions))
	var n, found int
	var end uint64
	ok := machVMInfo(func(lo, hi, offset uint64, file, buildID string) {
		if lo < end || hi <= lo {
			t.Errorf("region %#x-%#x after one that ends at %#x", lo, hi, end)
		}
		end = hi
		if lo <= pc && pc < hi {
			found++
			if n != 0 {
				t.Errorf("the program is executable region %d, want the first", n)
			}
			if offset != 0 {
				t.Errorf("the program's region has offset %#x in the file, want 0", offset)
			}
			if got, err := os.Stat(file); err != nil || !os.SameFile(got, want) {
				t.Errorf("the program's region maps %q (%v), want %q", file, err, exe)
			}
		}
		n++
	})
	if !ok || found != 1 {
		t.Errorf("machVMInfo: %v; %d of %d executable regions hold the program", ok, found, n)
	}
}
