// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Mkxnu writes the files that follow from the tables of kernel facts in
// lib/xnu: the runner's call, error and signal tables, the headers of numbers and
// the libc stubs of the ports, and the tables of doc/abi.md, doc/releases.md
// and doc/syscalls.md.
//
//	go run ./mkxnu [-top DIR] [-check]
//
// Run it in misc after a change to a table. With -check it writes nothing and
// fails if a file is not what the tables say.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
)

// outputs are the generated files, relative to the top.
var outputs = []struct {
	path string
	gen  func(top string) ([]byte, error)
}{
	{"misc/go_darwin_exec/xnu/zsyscalls.go", genSyscalls},
	{"misc/go_darwin_exec/xnu/zlibsystem.go", genLibsystem},
	{"misc/go_darwin_exec/xnu/zerrno.go", genErrno},
	{"misc/go_darwin_exec/xnu/zsignal.go", genSignal},
	{"src/runtime/xnu_darwin_amd64.h", genHeader("amd64")},
	{"src/runtime/xnu_darwin_386.h", genHeader("386")},
	{"src/runtime/zxnu_darwin.go", genRuntimeNumbers},
	{"src/syscall/xnu_darwin_amd64.h", genHeader("amd64")},
	{"src/syscall/xnu_darwin_386.h", genHeader("386")},
	{"src/syscall/zxnu_darwin.go", genSyscallNumbers},
	{"src/syscall/libc_darwin_amd64.s", genLibc(amd64Stubs)},
	{"src/syscall/libc_darwin_386.s", genLibc(i386Stubs)},
	{"src/syscall/zlayout_darwin_386.go", genI386},
	{"src/syscall/zolder_darwin_test.go", genOlder},
	{"doc/abi.md", genDoc("doc/abi.md")},
	{"doc/releases.md", genDoc("doc/releases.md")},
	{"doc/syscalls.md", genDoc("doc/syscalls.md")},
}

func gofmt(src []byte) ([]byte, error) {
	out, err := format.Source(src)
	if err != nil {
		return nil, fmt.Errorf("generated code does not parse: %v\n%s", err, src)
	}
	return out, nil
}

func main() {
	top := flag.String("top", "..", "top of the goxnu tree")
	check := flag.Bool("check", false, "write nothing; fail if a file is out of date")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	stale := false
	for _, o := range outputs {
		want, err := o.gen(*top)
		if err != nil {
			fatal(err)
		}
		path := filepath.Join(*top, filepath.FromSlash(o.path))
		have, err := os.ReadFile(path)
		if err == nil && bytes.Equal(have, want) {
			continue
		}
		if *check {
			fmt.Fprintf(os.Stderr, "mkxnu: %s is out of date\n", o.path)
			stale = true
			continue
		}
		if err := os.WriteFile(path, want, 0o666); err != nil {
			fatal(err)
		}
		fmt.Println(o.path)
	}
	if stale {
		os.Exit(1)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "mkxnu:", err)
	os.Exit(1)
}
