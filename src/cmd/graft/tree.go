// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// A file is one file of the tree being composed. As long as nothing has
// touched it, its content stays on disk.
type file struct {
	disk  string // where the original content lies
	size  int64  // of disk
	mtime time.Time
	exec  bool

	data    []byte // content, once loaded or edited
	edited  bool   // data differs from disk
	overlay bool   // laid by the overlay
	print   string // fingerprint of the original content, once asked for
}

// load returns the present content.
func (f *file) load() ([]byte, error) {
	if f.data == nil {
		data, err := os.ReadFile(f.disk)
		if err != nil {
			return nil, err
		}
		f.data = data
	}
	return f.data, nil
}

// set gives the file a new content. The fingerprint stays that of the
// original: it tells what the overlay was written against.
func (f *file) set(data []byte) {
	f.data, f.edited = data, true
}

// fingerprint returns the fingerprint of the original content.
func (f *file) fingerprint() (string, error) {
	if f.print == "" {
		data, err := os.ReadFile(f.disk)
		if err != nil {
			return "", err
		}
		f.print = fingerprint(data)
	}
	return f.print, nil
}

// fingerprint is the first 12 hexadecimal digits of the SHA-256 of data.
func fingerprint(data []byte) string {
	return fmt.Sprintf("%x", sha256.Sum256(data))[:12]
}

// A tree maps slash-separated paths, relative to GOROOT, to files.
type tree map[string]*file

// paths returns the paths in order.
func (t tree) paths() []string {
	list := make([]string, 0, len(t))
	for p := range t {
		list = append(list, p)
	}
	sort.Strings(list)
	return list
}

// clone copies the tree; files are copied too, contents are shared.
func (t tree) clone() tree {
	c := make(tree, len(t))
	for p, f := range t {
		g := *f
		c[p] = &g
	}
	return c
}

// walkFiles calls fn for every regular file below root, following symbolic
// links: some distributions assemble GOROOT from links. skip, if not nil,
// prunes by relative path.
func walkFiles(root string, skip func(rel string, dir bool) bool, fn func(rel string, info fs.FileInfo) error) error {
	var walk func(rel string, depth int) error
	walk = func(rel string, depth int) error {
		entries, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(rel)))
		if err != nil {
			return err
		}
		for _, e := range entries {
			p := path.Join(rel, e.Name())
			mode := e.Type()
			if mode&fs.ModeSymlink != 0 {
				info, err := os.Stat(filepath.Join(root, filepath.FromSlash(p)))
				if err != nil || depth > 40 {
					continue // dangling, or a loop
				}
				mode = info.Mode().Type()
			}
			if skip != nil && skip(p, mode.IsDir()) {
				continue
			}
			switch {
			case mode.IsDir():
				if err := walk(p, depth+1); err != nil {
					return err
				}
			case mode.IsRegular():
				info, err := os.Stat(filepath.Join(root, filepath.FromSlash(p)))
				if err != nil {
					return err
				}
				if err := fn(p, info); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk("", 0)
}

// generated reports whether cmd/dist writes the file while it builds. Such a
// file of upstream's describes upstream's build, so it is not taken over, and
// one in the composed tree is left alone.
func generated(rel string) bool {
	switch rel {
	case "src/cmd/cgo/zdefaultcc.go",
		"src/cmd/dist/dist",
		"src/cmd/go/internal/cfg/zdefaultcc.go",
		"src/go/build/zcgo.go",
		"src/internal/buildcfg/zbootstrap.go",
		"src/internal/runtime/sys/zversion.go",
		"VERSION.cache":
		return true
	}
	return false
}

// built reports whether the top-level directory holds the products of a build.
func built(rel string) bool {
	top, _, _ := strings.Cut(rel, "/")
	return top == "bin" || top == "pkg"
}

// readUpstream lists the files of an installed Go that the composed tree is
// made from.
func readUpstream(goroot string) (tree, error) {
	t := make(tree)
	err := walkFiles(goroot, func(rel string, dir bool) bool {
		return built(rel) || generated(rel) || rel == ".git"
	}, func(rel string, info fs.FileInfo) error {
		t[rel] = newFile(filepath.Join(goroot, filepath.FromSlash(rel)), info)
		return nil
	})
	return t, err
}

func newFile(disk string, info fs.FileInfo) *file {
	return &file{
		disk:  disk,
		size:  info.Size(),
		mtime: info.ModTime(),
		exec:  info.Mode()&0o111 != 0,
	}
}
