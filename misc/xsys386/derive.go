// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A fact is a line of i386.tsv or xsys386.tsv, but for kind call.
type fact struct {
	kind, value string
	size        int // 0 if there is none
}

// readFacts returns what differs, or does not, by the name of the declaration.
// xsys386.tsv goes before i386.tsv, which is about package syscall.
func readFacts(dir string) (map[string]fact, error) {
	facts := map[string]fact{}
	for _, t := range []struct {
		file         string
		columns, val int
	}{
		{"i386.tsv", 6, 4},
		{"xsys386.tsv", 4, 2},
	} {
		text, err := os.ReadFile(filepath.Join(dir, t.file))
		if err != nil {
			return nil, err
		}
		for i, line := range strings.Split(string(text), "\n") {
			if line == "" || line[0] == '#' {
				continue
			}
			f := strings.Split(line, "\t")
			if len(f) != t.columns {
				return nil, fmt.Errorf("%s:%d: %d columns, not %d", t.file, i+1, len(f), t.columns)
			}
			if f[0] == "call" {
				continue // package unix's are derived from the module's
			}
			size := 0
			if s := f[t.val+1]; s != "-" {
				if size, err = strconv.Atoi(s); err != nil {
					return nil, fmt.Errorf("%s:%d: %v", t.file, i+1, err)
				}
			}
			if f[0] == "func" && !strings.Contains(f[t.val], "{") {
				return nil, fmt.Errorf("%s:%d: %s has no body", t.file, i+1, f[1])
			}
			facts[f[1]] = fact{f[0], f[t.val], size}
		}
	}
	return facts, nil
}

// derive adds to dir, a copy of package golang.org/x/sys/unix, the files for
// darwin/386.
func derive(facts map[string]fact, dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*darwin_amd64*.[gs]*"))
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return errors.New("package unix has no files for darwin/amd64 to start from")
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if filepath.Ext(name) == ".s" {
			// The trampolines' addresses have 4 bytes.
			text = bytes.ReplaceAll(text, []byte("RODATA, $8\n"), []byte("RODATA, $4\n"))
			text = bytes.ReplaceAll(text, []byte("_trampoline_addr(SB)/8,"), []byte("_trampoline_addr(SB)/4,"))
		} else if text, err = deriveGo(facts, filepath.Base(name), text); err != nil {
			return err
		}
		if err := os.WriteFile(strings.Replace(name, "darwin_amd64", "darwin_386", 1), text, 0o666); err != nil {
			return err
		}
	}
	// The jumps into package syscall are those of the other BSDs.
	text, err := os.ReadFile(filepath.Join(dir, "asm_bsd_386.s"))
	if err != nil {
		return err
	}
	if text, err = constrain(text, "darwin && gc"); err != nil {
		return fmt.Errorf("asm_bsd_386.s: %v", err)
	}
	return os.WriteFile(filepath.Join(dir, "asm_darwin_386.s"), text, 0o666)
}

// fixCPU fixes dir, a copy of package golang.org/x/sys/cpu. It has files for
// 386, but on darwin the program ends there when it starts, by a panic of
// darwinSupportsAVX512.
func fixCPU(facts map[string]fact, dir string) error {
	name := filepath.Join(dir, "cpu_other_x86.go")
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // older releases have no such function
	}
	if err == nil {
		text, err = rewrite(facts, filepath.Base(name), text)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o666)
}

// socket386 is what package golang.org/x/net/internal/socket lacks: the
// structures of sendmsg and recvmsg with words of 32 bits
// (xnu-4903 bsd/sys/socket.h, bsd/sys/uio.h).
const socket386 = `package socket

const (
	sizeofIovec  = 8
	sizeofMsghdr = 28
)

type (
	iovec struct {
		Base *byte
		Len  uint32
	}

	msghdr struct {
		Name       *byte
		Namelen    uint32
		Iov        *iovec
		Iovlen     int32
		Control    *byte
		Controllen uint32
		Flags      int32
	}

	cmsghdr struct {
		Len   uint32
		Level int32
		Type  int32
	}
)
`

// mendNet adds the file to dir, a copy of golang.org/x/net.
func mendNet(dir string) error {
	dir = filepath.Join(dir, "internal", "socket")
	if _, err := os.Stat(filepath.Join(dir, "zsys_darwin_amd64.go")); err != nil {
		return fmt.Errorf("package socket of %s is not as it was: %v", xnet, err)
	}
	name := filepath.Join(dir, "zsys_darwin_386.go")
	if _, err := os.Stat(name); err == nil {
		return nil // as it was before 2021
	}
	return os.WriteFile(name, []byte(socket386), 0o666)
}

var constraintRE = regexp.MustCompile(`(?m)^//go:build .*$`)

// constrain gives a file another build constraint.
func constrain(text []byte, expr string) ([]byte, error) {
	line := constraintRE.FindIndex(text)
	if line == nil {
		return nil, errors.New("it has no build constraint")
	}
	return slices.Concat(text[:line[0]], []byte("//go:build "+expr), text[line[1]:]), nil
}

// An editor replaces parts of a Go file.
type editor struct {
	name string
	fset *token.FileSet
	text []byte
	todo []edit
}

type edit struct {
	pos, end int
	text     string
}

func (e *editor) offset(p token.Pos) int { return e.fset.Position(p).Offset }

func (e *editor) source(n ast.Node) string {
	return string(e.text[e.offset(n.Pos()):e.offset(n.End())])
}

func (e *editor) replace(n ast.Node, text string) {
	e.todo = append(e.todo, edit{e.offset(n.Pos()), e.offset(n.End()), text})
}

func (e *editor) errorf(n ast.Node, form string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", e.name, e.fset.Position(n.Pos()).Line, fmt.Sprintf(form, args...))
}

// deriveGo makes of a Go file for darwin/amd64 the one for darwin/386.
func deriveGo(facts map[string]fact, name string, text []byte) ([]byte, error) {
	text, err := constrain(text, "darwin && 386")
	if err != nil {
		return nil, fmt.Errorf("%s: %v", name, err)
	}
	return rewrite(facts, name, text)
}

// rewrite makes the declarations of a Go file those of darwin/386.
func rewrite(facts map[string]fact, name string, text []byte) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	e := &editor{name: name, fset: fset, text: text}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					err = e.typeSpec(facts, s)
				case *ast.ValueSpec:
					e.values(facts, s)
				}
				if err != nil {
					return nil, err
				}
			}
		case *ast.FuncDecl:
			if err := e.function(facts, d); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(e.todo, func(a, b edit) int { return a.pos - b.pos })
	var out []byte
	at := 0
	for _, t := range e.todo {
		out = append(append(out, text[at:t.pos]...), t.text...)
		at = t.end
	}
	return format.Source(append(out, text[at:]...))
}

// values gives constants their number for i386.
func (e *editor) values(facts map[string]fact, s *ast.ValueSpec) {
	for i, n := range s.Names {
		if f := facts[n.Name]; f.kind == "const" && i < len(s.Values) {
			e.replace(s.Values[i], f.value)
		}
	}
}

// typeSpec gives a type its layout for i386. One that might have another there
// must be known.
func (e *editor) typeSpec(facts map[string]fact, s *ast.TypeSpec) error {
	f := facts[s.Name.Name]
	st, isStruct := s.Type.(*ast.StructType)
	switch {
	case f.kind == "same":
		return nil
	case f.kind == "type" && f.size == 0:
		e.replace(s.Type, f.value)
		return nil
	case f.kind == "type" && !isStruct:
		return e.errorf(s, "%s is no struct, in lib/xnu it is one: bring the line into agreement", s.Name.Name)
	case f.kind == "":
		var wide ast.Node
		ast.Inspect(s.Type, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.StarExpr:
				wide = n
			case *ast.Ident:
				switch n.Name {
				case "int64", "uint64", "uintptr":
					wide = n
				}
			}
			return wide == nil
		})
		if wide != nil && isStruct {
			return e.errorf(wide, "%s holds %s, and lib/xnu/xsys386.tsv does not say how it is laid out for i386: add a line",
				s.Name.Name, e.source(wide))
		}
		return nil
	}
	// The names must be upstream's: others are made of what is written here.
	var have []string
	for _, field := range st.Fields.List {
		for _, n := range field.Names {
			if n.Name != "_" {
				have = append(have, n.Name)
			}
		}
	}
	var want []string
	for _, field := range strings.Split(f.value, ",") {
		if n, _, _ := strings.Cut(field, " "); n != "_" {
			want = append(want, n)
		}
	}
	if !slices.Equal(have, want) {
		return e.errorf(s, "%s has the fields %v, in lib/xnu %v: bring the line into agreement", s.Name.Name, have, want)
	}
	e.replace(s.Type, "struct {\n"+strings.ReplaceAll(f.value, ",", "\n")+"\n}")
	return nil
}

// function gives a function the body that the tables have for it. In others it
// makes each 64-bit argument of a call of libSystem two words, the lower first,
// and a 64-bit result of two.
func (e *editor) function(facts map[string]fact, d *ast.FuncDecl) error {
	name := d.Name.Name
	if d.Recv != nil {
		if star, ok := d.Recv.List[0].Type.(*ast.StarExpr); ok {
			name = e.source(star.X) + "." + name
		}
	}
	if f := facts[name]; f.kind == "func" && d.Body != nil {
		e.replace(d.Body, f.value[strings.Index(f.value, "{"):])
		return nil
	}
	wide := map[string]bool{}
	for _, p := range d.Type.Params.List {
		if id, ok := p.Type.(*ast.Ident); ok && (id.Name == "int64" || id.Name == "uint64") {
			for _, n := range p.Names {
				wide[n.Name] = true
			}
		}
	}
	if len(wide) == 0 || d.Body == nil {
		return nil
	}
	wideResult := false
	if d.Type.Results != nil {
		id, ok := d.Type.Results.List[0].Type.(*ast.Ident)
		wideResult = ok && (id.Name == "int64" || id.Name == "uint64")
	}
	var err error
	calls := 0
	ast.Inspect(d.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if call, ok := n.Rhs[0].(*ast.CallExpr); ok && isCall(call) {
				calls++
				err = errors.Join(err, e.widen(call, wide))
				if wideResult && len(n.Lhs) == 3 {
					e.replace(n.Lhs[1], "r1")
				}
			}
			if call, ok := n.Rhs[0].(*ast.CallExpr); ok && wideResult && e.source(call) == "int64(r0)" {
				e.replace(call, "int64(r1)<<32 | int64(r0)")
			}
		}
		return true
	})
	if calls != 1 && err == nil {
		err = e.errorf(d, "%s has a 64-bit argument and %d calls of libSystem, not one", name, calls)
	}
	return err
}

// isCall reports whether a call is one of libSystem.
func isCall(c *ast.CallExpr) bool {
	id, ok := c.Fun.(*ast.Ident)
	return ok && strings.HasPrefix(id.Name, "syscall_")
}

// widen splits the 64-bit arguments of a call, which may then need a function
// that takes more.
func (e *editor) widen(c *ast.CallExpr, wide map[string]bool) error {
	args := c.Args
	for len(args) > 1 && e.source(args[len(args)-1]) == "0" {
		args = args[:len(args)-1] // fills up
	}
	var out []string
	for _, a := range args {
		text := e.source(a)
		out = append(out, text)
		if x, ok := strings.CutPrefix(text, "uintptr("); ok && wide[strings.TrimSuffix(x, ")")] {
			out = append(out, "uintptr("+strings.TrimSuffix(x, ")")+">>32)")
		}
	}
	fn, room := "syscall_syscall", 1+3
	if len(out) > room {
		fn, room = "syscall_syscall6", 1+6
	}
	if len(out) > room {
		fn, room = "syscall_syscall9", 1+9
	}
	if old := c.Fun.(*ast.Ident).Name; len(out) > room || old != "syscall_syscall" && old != "syscall_syscall6" {
		return e.errorf(c, "cannot pass %d words in place of %s", len(out)-1, old)
	}
	for len(out) < room {
		out = append(out, "0")
	}
	e.replace(c, fn+"("+strings.Join(out, ", ")+")")
	return nil
}
