// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.
// Reading a directory while it changes: a file that is there all the time is
// seen once, whatever is made and removed beside it; so is every file of a large
// directory read in small pieces; and reading can start over.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const files = 3000

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func must[T any](v T, err error) T {
	if err != nil {
		fail("%v", err)
	}
	return v
}

func create(dir, name string) {
	must(0, must(os.Create(filepath.Join(dir, name))).Close())
}

func main() {
	dir := must(os.MkdirTemp("", "readdirs"))
	defer os.RemoveAll(dir)
	for i := range files {
		create(dir, fmt.Sprintf("stays%d-%s", i, strings.Repeat("x", i%200)))
	}
	for i := range files / 10 {
		create(dir, fmt.Sprintf("goes%d", i))
	}
	f := must(os.Open(dir))
	defer f.Close()

	check := func(what string, n int, between func(round int)) {
		seen := map[string]int{}
		for round := 0; ; round++ {
			entries, err := f.ReadDir(n)
			for _, e := range entries {
				seen[e.Name()]++
				if !e.Type().IsRegular() {
					fail("%s: %s has type %v", what, e.Name(), e.Type())
				}
			}
			if err == io.EOF || n <= 0 && err == nil {
				break
			}
			if err != nil || len(entries) == 0 {
				fail("%s: %d entries, %v", what, len(entries), err)
			}
			if between != nil {
				between(round)
			}
		}
		stays := 0
		for name, times := range seen {
			if strings.HasPrefix(name, "stays") {
				stays++
				if times != 1 {
					fail("%s: %s was seen %d times", what, name, times)
				}
			}
		}
		if stays != files {
			fail("%s: %d files of %d", what, stays, files)
		}
		must(f.Seek(0, io.SeekStart))
	}
	check("at once", -1, nil)
	check("in pieces", 7, nil)
	check("with changes", 50, func(round int) {
		os.Remove(filepath.Join(dir, fmt.Sprintf("goes%d", round)))
		create(dir, fmt.Sprintf("new%d", round))
		os.Rename(filepath.Join(dir, fmt.Sprintf("new%d", round)), filepath.Join(dir, fmt.Sprintf("newer%d", round)))
	})
	// Half a reading, and all of it anew.
	must(f.ReadDir(files / 2))
	must(f.Seek(0, io.SeekStart))
	check("started over", 1000, nil)

	// The way of programs that empty a directory.
	for {
		names, err := f.Readdirnames(100)
		for _, name := range names {
			must(0, os.Remove(filepath.Join(dir, name)))
		}
		if err == io.EOF {
			break
		}
		must(0, err)
	}
	if left := must(os.ReadDir(dir)); len(left) != 0 {
		fail("%d files were passed over, as %s", len(left), left[0].Name())
	}
	// One that is gone has no entries.
	must(0, os.Remove(dir))
	must(f.Seek(0, io.SeekStart))
	if entries, err := f.ReadDir(-1); len(entries) != 0 {
		fail("a directory that is gone: %v, %v", entries, err)
	}
}
