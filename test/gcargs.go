// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// What a call of the kernel reads stays alive as long as the call needs it.
//
// Bugs: golang/go cf622d758c
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
)

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func main() {
	debug.SetGCPercent(1)
	dir, err := os.MkdirTemp("", "gcargs")
	if err != nil {
		fail("%v", err)
	}
	defer os.RemoveAll(dir)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 150 {
				name := filepath.Join(dir, fmt.Sprintf("%0200d", g*1000+i))
				data := fmt.Appendf(nil, "%d of %d", i, g)
				if err := os.WriteFile(name, data, 0o600); err != nil {
					fail("%v", err)
				}
				to := name + ".link"
				if err := os.Symlink(name, to); err != nil {
					fail("%v", err)
				}
				if got, err := os.Readlink(to); err != nil || got != name {
					fail("readlink: %q, %v, want %q", got, err, name)
				}
				if got, err := os.ReadFile(to); err != nil || string(got) != string(data) {
					fail("read: %q, %v, want %q", got, err, data)
				}
				if err := os.Rename(to, name); err != nil {
					fail("%v", err)
				}
				runtime.GC()
			}
		})
	}
	// A buffer that only the call knows of, while the memory of all that is
	// garbage is used again.
	wg.Go(func() {
		for i := range 50 {
			var p [2]int
			if err := syscall.Pipe(p[:]); err != nil {
				fail("%v", err)
			}
			written := make(chan bool)
			var blocks [][]byte
			go func() {
				for range 10 {
					runtime.GC()
					for range 200 {
						blocks = append(blocks, bytes.Repeat([]byte{'x'}, size))
					}
				}
				syscall.Write(p[1], []byte("hello"))
				close(written)
			}()
			discard(p[0])
			<-written
			for _, b := range blocks {
				if b[0] != 'x' {
					fail("round %d: read wrote to memory that was free: %q", i, b[:5])
				}
			}
			syscall.Close(p[0])
			syscall.Close(p[1])
		}
	})
	wg.Wait()
}

var size = 1024 // a variable, so that the buffer is not on the stack

//go:noinline
func discard(fd int) {
	if _, err := syscall.Read(fd, make([]byte, size)); err != nil {
		fail("%v", err)
	}
}
