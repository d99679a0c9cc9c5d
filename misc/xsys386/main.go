// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Xsys386 makes golang.org/x/sys build for darwin/386, which that module gave
// up in 2021: it copies the version of it that a module uses, and adds the files
// that are missing, which it derives from those for darwin/amd64 and from the
// tables of lib/xnu. It does the same for golang.org/x/net, if the module uses it,
// whose packages ipv4, ipv6 and icmp lack one file.
//
//	usage: xsys386 [-C MODULE] DIR
//
// MODULE is the directory of the module that uses golang.org/x/sys; by default
// the current one. It is not changed. DIR, which must not exist, gets the copies,
// DIR/sys and DIR/net, and a go.work that puts them in place:
//
//	cd MODULE; GOWORK=DIR/go.work GOOS=darwin GOARCH=386 go build
//
// The copies serve every port. Who has a go.work of their own, or does not
// want one, replaces the modules by them there or in go.mod instead.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/version"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"goxnu/misc/internal/tree"
)

const (
	xsys = "golang.org/x/sys"
	xnet = "golang.org/x/net"
)

func main() {
	module := flag.String("C", ".", "the `directory` of the module that uses "+xsys)
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: xsys386 [-C MODULE] DIR")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*module, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "xsys386:", err)
		os.Exit(1)
	}
}

func run(module, out string) error {
	top, err := tree.Top()
	if err != nil {
		return err
	}
	goroot, err := tree.Goroot()
	if err != nil {
		return err
	}
	if module, err = filepath.Abs(module); err != nil {
		return err
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	if _, err := os.Lstat(out); err == nil {
		return fmt.Errorf("%s exists: name another directory, or remove it", out)
	}
	facts, err := readFacts(filepath.Join(top, "lib", "xnu"))
	if err != nil {
		return err
	}
	// What is vendored lacks the packages and files that the module does not use yet.
	var main, sys found
	if err := ask(goroot, module, &main, "list", "-mod=readonly", "-m", "-json"); err != nil {
		return err
	}
	if err := ask(goroot, module, &sys, "list", "-mod=readonly", "-m", "-json", xsys); err != nil {
		return err
	}
	if err := sys.fetch(goroot, module, xsys); err != nil {
		return err
	}
	all, err := tree.Output(tree.Go(goroot, module, nil, "list", "-mod=readonly", "-m", "-f", "{{.Path}}", "all"))
	if err != nil {
		return fmt.Errorf("go list -m all in %s: %v", module, err)
	}
	replaced := map[string]string{xsys: filepath.Join(out, "sys")}
	var net found
	if slices.Contains(strings.Fields(string(all)), xnet) {
		if err := ask(goroot, module, &net, "list", "-mod=readonly", "-m", "-json", xnet); err != nil {
			return err
		}
		if err := net.fetch(goroot, module, xnet); err != nil {
			return err
		}
		replaced[xnet] = filepath.Join(out, "net")
	}

	sysDir, work := replaced[xsys], filepath.Join(out, "go.work")
	err = copyModule(sys.Dir, sysDir)
	if err == nil {
		err = derive(facts, filepath.Join(sysDir, "unix"))
	}
	if err == nil {
		err = fixCPU(facts, filepath.Join(sysDir, "cpu"))
	}
	if err == nil && net.Dir != "" {
		if err = copyModule(net.Dir, replaced[xnet]); err == nil {
			err = mendNet(replaced[xnet])
		}
	}
	if err == nil {
		err = os.WriteFile(work, []byte(workFile(main, replaced)), 0o666)
	}
	if err != nil {
		os.RemoveAll(out)
		return fmt.Errorf("%s %s: %v", xsys, sys.Version, err)
	}
	fmt.Printf("%s %s for darwin/386 is in %s\n", xsys, sys.Version, sysDir)
	if net.Dir != "" {
		fmt.Printf("%s %s for darwin/386 is in %s\n", xnet, net.Version, replaced[xnet])
	}
	fmt.Printf("in %s: GOWORK=%s GOOS=darwin GOARCH=386 go build\n", module, work)
	return nil
}

// A found module, as go list and go mod download report it.
type found struct {
	Dir       string
	Version   string
	GoVersion string
}

// fetch gets the module m, called path, if nothing needed it so far.
func (m *found) fetch(goroot, dir, path string) error {
	if m.Dir != "" {
		return nil
	}
	return ask(goroot, dir, m, "mod", "download", "-json", path+"@"+m.Version)
}

// ask runs the go command in dir and decodes what it answers.
func ask(goroot, dir string, m *found, args ...string) error {
	text, err := tree.Output(tree.Go(goroot, dir, nil, args...))
	if err != nil {
		return fmt.Errorf("go %s in %s: %v", strings.Join(args, " "), dir, err)
	}
	return json.Unmarshal(text, m)
}

// workFile returns the go.work that puts directories in the places of modules.
func workFile(main found, replaced map[string]string) string {
	release := main.GoVersion
	if version.Compare("go"+release, "go1.18") < 0 {
		release = "1.18" // the first that knows go.work
	}
	var b strings.Builder
	fmt.Fprintf(&b, "go %s\n\nuse %s\n", release, main.Dir)
	for _, path := range slices.Sorted(maps.Keys(replaced)) {
		fmt.Fprintf(&b, "\nreplace %s => %s\n", path, replaced[path])
	}
	return b.String()
}

// copyModule copies the files of a module, which may be read-only.
func copyModule(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(dst, 0o777)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(dst, text, 0o666)
	})
}
