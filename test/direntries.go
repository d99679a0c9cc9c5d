// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Directories come out whole, and the kernel writes the position in them as wide
// as it is.
//
// Bugs: golang/go 451667a67f, golang.org/issue/31269
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"
)

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func main() {
	dir, err := os.MkdirTemp("", "direntries")
	if err != nil {
		fail("%v", err)
	}
	defer os.RemoveAll(dir)
	const files = 700
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("a-name-of-some-length-%d", i)), nil, 0o600); err != nil {
			fail("%v", err)
		}
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != files {
		os.RemoveAll(dir)
		fail("ReadDir: %d names, %v, want %d", len(list), err, files)
	}

	// The kernel writes a position of 64 bits, with 32-bit programs too
	// (xnu-1504 to xnu-11417 bsd/vfs/vfs_syscalls.c:getdirentries64).
	d, err := syscall.Open(dir, syscall.O_RDONLY, 0)
	if err != nil {
		fail("%v", err)
	}
	for total := 0; ; {
		buf := make([]byte, 4096)
		base := [3]uint32{0x5a5a5a5a, 0x5a5a5a5a, 0x5a5a5a5a}
		n, _, e := syscall.Syscall6(344 /* getdirentries64 */, uintptr(d), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), uintptr(unsafe.Pointer(&base)), 0, 0)
		if e != 0 || base[2] != 0x5a5a5a5a || base[1] == 0x5a5a5a5a {
			os.RemoveAll(dir)
			fail("getdirentries64: %v, position %#x", e, base)
		}
		if n == 0 {
			if total < files {
				fail("getdirentries64: %d records", total)
			}
			break
		}
		for at := uintptr(0); at < n; at += uintptr(buf[at+16]) | uintptr(buf[at+17])<<8 {
			total++
		}
	}
}
