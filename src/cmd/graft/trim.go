// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"go/build/constraint"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// The words that mean a system or an architecture in file names and build
// constraints, and the systems that count as others too.
var (
	knownOS = wordSet("aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris wasip1 windows zos")

	knownArch = wordSet("386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le" +
		" ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm")

	impliedOS = map[string]string{"android": "linux", "ios": "darwin", "illumos": "solaris"}

	notUnix = wordSet("js nacl plan9 wasip1 windows zos")
)

func wordSet(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(s) {
		set[w] = true
	}
	return set
}

// trim takes those source files out of the tree that no port of the served
// systems can select, and returns their paths. It leaves alone
//   - vendored packages, which modules.txt lists;
//   - test data;
//   - the last file of a public package: a program that imports the package on
//     another system must still get through go mod tidy.
func trim(t tree, serve []string) ([]string, error) {
	if len(serve) == 0 {
		return nil, nil
	}
	type pkg struct{ keep, drop []string } // non-test Go files
	pkgs := map[string]*pkg{}
	var gone []string
	for _, p := range t.paths() {
		if !strings.HasPrefix(p, "src/") || t[p].overlay || hasElem(p, "testdata") || hasElem(p, "vendor") {
			continue
		}
		served, err := selectable(p, t[p], serve)
		if err != nil {
			return nil, err
		}
		dir := path.Dir(p)
		if pkgs[dir] == nil {
			pkgs[dir] = new(pkg)
		}
		isGo := strings.HasSuffix(p, ".go") && !strings.HasSuffix(p, "_test.go")
		switch {
		case served && isGo:
			pkgs[dir].keep = append(pkgs[dir].keep, p)
		case !served && isGo:
			pkgs[dir].drop = append(pkgs[dir].drop, p)
			fallthrough
		case !served:
			gone = append(gone, p)
		}
	}
	gone = slices.DeleteFunc(gone, func(p string) bool {
		dir := path.Dir(p)
		public := !hasElem(p, "internal") && !strings.HasPrefix(p, "src/cmd/")
		return public && len(pkgs[dir].keep) == 0 && len(pkgs[dir].drop) > 0
	})
	for _, p := range gone {
		delete(t, p)
	}
	return gone, nil
}

func hasElem(p, elem string) bool {
	return slices.Contains(strings.Split(p, "/"), elem)
}

// selectable reports whether the file could be part of a build for one of the
// systems, for whatever architecture and with whatever other tags.
func selectable(p string, f *file, serve []string) (bool, error) {
	var expr constraint.Expr
	switch path.Ext(p) {
	case ".go", ".s", ".S", ".c", ".h":
		head, err := f.head()
		if err != nil {
			return false, err
		}
		expr = buildLine(head)
	case ".syso":
	default:
		return true, nil
	}
	for _, goos := range serve {
		if nameFits(path.Base(p), goos) && (expr == nil || eval(expr, goos) != no) {
			return true, nil
		}
	}
	return false, nil
}

// head returns the beginning of the file, where a constraint must stand.
func (f *file) head() ([]byte, error) {
	if f.data != nil {
		return f.data, nil
	}
	r, err := os.Open(f.disk)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, 8<<10))
}

// buildLine returns the file's build constraint, nil if it has none.
func buildLine(src []byte) constraint.Expr {
	for s := string(src); s != ""; {
		line, rest, _ := strings.Cut(s, "\n")
		s = rest
		line = strings.TrimSpace(line)
		if constraint.IsGoBuild(line) {
			if expr, err := constraint.Parse(line); err == nil {
				return expr
			}
			return nil
		}
		if line != "" && !strings.HasPrefix(line, "//") {
			return nil // a constraint after a block comment is left unread: the file is kept
		}
	}
	return nil
}

// nameFits reports whether a file of this name could be selected for goos.
func nameFits(base, goos string) bool {
	name, _, _ := strings.Cut(base, ".")
	_, name, ok := strings.Cut(name, "_") // what stands before the first _ is no system
	if !ok {
		return true
	}
	words := strings.Split(strings.TrimSuffix(name, "_test"), "_")
	if name == "test" {
		return true
	}
	last := words[len(words)-1]
	if knownArch[last] {
		if last == "wasm" {
			return fits(goos, "js") || fits(goos, "wasip1")
		}
		if len(words) == 1 {
			return true
		}
		last = words[len(words)-2]
	}
	return !knownOS[last] || fits(goos, last)
}

// fits reports whether goos satisfies the name of a system.
func fits(goos, word string) bool {
	return goos == word || impliedOS[goos] == word
}

// A truth is the value of a constraint of which only the system is known.
type truth int

const (
	no truth = iota
	maybe
	yes
)

func eval(expr constraint.Expr, goos string) truth {
	switch x := expr.(type) {
	case *constraint.AndExpr:
		return min(eval(x.X, goos), eval(x.Y, goos))
	case *constraint.OrExpr:
		return max(eval(x.X, goos), eval(x.Y, goos))
	case *constraint.NotExpr:
		return yes - eval(x.X, goos)
	case *constraint.TagExpr:
		known := false
		switch {
		case x.Tag == "unix":
			known = !notUnix[goos]
		case x.Tag == "wasm":
			known = goos == "js" || goos == "wasip1"
		case knownOS[x.Tag]:
			known = fits(goos, x.Tag)
		default:
			return maybe
		}
		if known {
			return yes
		}
		return no
	}
	return maybe
}
