// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strconv"
	"strings"
)

// A directive stands in the comment right above a declaration of an overlay
// file and says which declaration of upstream's it takes the place of:
//
//	//graft:wrap FILE FINGERPRINT why
//	//graft:replace FILE FINGERPRINT why
type directive struct {
	op    string // "wrap" or "replace"
	file  string // base name of the upstream file
	print string
	why   string
	name  string // of the declaration below: NAME, or TYPE.NAME for a method
	line  int
}

const directivePrefix = "//graft:"

// upstreamPrefix is put before the name of a wrapped declaration.
const upstreamPrefix = "upstream_"

func parseDirective(text string) (directive, error) {
	var d directive
	d.op, text = cutWord(strings.TrimPrefix(text, directivePrefix))
	if d.op != "wrap" && d.op != "replace" {
		return d, fmt.Errorf("unknown directive %s%s: want wrap or replace", directivePrefix, d.op)
	}
	d.file, text = cutWord(text)
	d.print, d.why = cutWord(text)
	if d.file == "" || d.print == "" || d.why == "" {
		return d, fmt.Errorf("want %s%s FILE FINGERPRINT why", directivePrefix, d.op)
	}
	if d.file != path.Base(d.file) {
		return d, fmt.Errorf("%s%s %s: name a file of the same directory", directivePrefix, d.op, d.file)
	}
	return d, nil
}

// goDirectives returns the directives of an overlay Go file.
func goDirectives(name string, src []byte) ([]directive, error) {
	if !bytes.Contains(src, []byte(directivePrefix)) {
		return nil, nil
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, src, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var (
		list []directive
		errs problems
		seen = map[token.Pos]bool{}
	)
	for _, decl := range f.Decls {
		doc := declDoc(decl)
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			if !strings.HasPrefix(c.Text, directivePrefix) {
				continue
			}
			seen[c.Pos()] = true
			pos := fset.Position(c.Pos())
			d, err := parseDirective(c.Text)
			if err != nil {
				errs.addf("%s: %v", pos, err)
				continue
			}
			d.line = pos.Line
			names := declNames(decl)
			if len(names) != 1 {
				errs.addf("%s: the declaration below declares %d names; a directive needs exactly one", pos, len(names))
				continue
			}
			d.name = names[0]
			list = append(list, d)
		}
	}
	for _, g := range f.Comments {
		for _, c := range g.List {
			if strings.HasPrefix(c.Text, directivePrefix) && !seen[c.Pos()] {
				errs.addf("%s: this directive does not stand right above a top-level declaration", fset.Position(c.Pos()))
			}
		}
	}
	return list, errs.err()
}

func declDoc(decl ast.Decl) *ast.CommentGroup {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		return d.Doc
	case *ast.GenDecl:
		return d.Doc
	}
	return nil
}

// declNames lists the names that a top-level declaration declares.
func declNames(decl ast.Decl) []string {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		return []string{funcName(d)}
	case *ast.GenDecl:
		var names []string
		for _, spec := range d.Specs {
			names = append(names, specNames(spec)...)
		}
		return names
	}
	return nil
}

func specNames(spec ast.Spec) []string {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		return []string{s.Name.Name}
	case *ast.ValueSpec:
		var names []string
		for _, id := range s.Names {
			names = append(names, id.Name)
		}
		return names
	}
	return nil
}

func funcName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name + "." + d.Name.Name
		default:
			return d.Name.Name
		}
	}
}

// A goDecl is a declaration found in a Go file: the whole of a lone
// declaration, or one spec of a parenthesized group.
type goDecl struct {
	fn         *ast.FuncDecl // nil unless a function or method
	doc        *ast.CommentGroup
	start, end int    // byte offsets of the declaration, without its doc comment
	refuse     string // why the declaration cannot be taken out, if so
}

type goFile struct {
	name string
	src  []byte
	fset *token.FileSet
	ast  *ast.File
}

func parseGo(name string, src []byte) (*goFile, error) {
	g := &goFile{name: name, src: src, fset: token.NewFileSet()}
	var err error
	g.ast, err = parser.ParseFile(g.fset, name, src, parser.ParseComments)
	return g, err
}

func (g *goFile) offset(p token.Pos) int { return g.fset.Position(p).Offset }

// find looks a declaration up by name. It returns nil if there is none.
func (g *goFile) find(name string) (*goDecl, error) {
	var found *goDecl
	take := func(d *goDecl) error {
		if found != nil {
			return fmt.Errorf("%s is declared more than once in %s", name, g.name)
		}
		found = d
		return nil
	}
	for _, decl := range g.ast.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if funcName(d) == name {
				if err := take(&goDecl{fn: d, doc: d.Doc, start: g.offset(d.Pos()), end: g.offset(d.End())}); err != nil {
					return nil, err
				}
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				for _, n := range specNames(spec) {
					if n != name {
						continue
					}
					if err := take(g.spec(d, spec)); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	return found, nil
}

func (g *goFile) spec(d *ast.GenDecl, spec ast.Spec) *goDecl {
	var gd *goDecl
	if d.Lparen.IsValid() {
		gd = &goDecl{start: g.offset(spec.Pos()), end: g.offset(spec.End())}
		switch s := spec.(type) {
		case *ast.TypeSpec:
			gd.doc = s.Doc
		case *ast.ValueSpec:
			gd.doc = s.Doc
		}
		if d.Tok == token.CONST && usesIota(d) {
			gd.refuse = "it is part of a const group that counts with iota or repeats a value"
		}
	} else {
		gd = &goDecl{doc: d.Doc, start: g.offset(d.Pos()), end: g.offset(d.End())}
	}
	if n := len(specNames(spec)); n > 1 {
		gd.refuse = fmt.Sprintf("it is declared together with %d others", n-1)
	}
	return gd
}

// usesIota reports whether taking one constant out of the group could change
// the value of another.
func usesIota(d *ast.GenDecl) bool {
	uses := false
	for _, spec := range d.Specs {
		s := spec.(*ast.ValueSpec)
		if len(s.Values) == 0 {
			return true
		}
		for _, v := range s.Values {
			ast.Inspect(v, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && id.Name == "iota" {
					uses = true
				}
				return !uses
			})
		}
	}
	return uses
}

// text returns the source text that the fingerprint is computed from.
func (g *goFile) text(d *goDecl) []byte { return g.src[d.start:d.end] }

// wrap renames the function or method and returns the new source.
func (g *goFile) wrap(d *goDecl) ([]byte, error) {
	if d.fn == nil {
		return nil, fmt.Errorf("only functions, methods and TEXT symbols can be wrapped; use replace")
	}
	if d.fn.Name.Name == "init" || d.fn.Name.Name == "_" {
		return nil, fmt.Errorf("%s cannot be called, so it cannot be wrapped; use replace", d.fn.Name.Name)
	}
	at := g.offset(d.fn.Name.Pos())
	return splice(g.src, at, at, upstreamPrefix), nil
}

// replace takes the declaration out and returns the new source. What the
// overlay declares in its place lies in the file by.
func (g *goFile) replace(d *goDecl, name, by string) ([]byte, error) {
	if d.refuse != "" {
		return nil, fmt.Errorf("%s cannot be replaced: %s", name, d.refuse)
	}
	// A go:linkname line is no part of the declaration: it names the symbol
	// for others, and serves the new declaration as it served the old.
	note := "// " + name + " is replaced in " + by + "."
	start := d.start
	if d.doc != nil {
		for _, c := range d.doc.List {
			if strings.HasPrefix(c.Text, "//go:linkname ") {
				note += "\n//\n" + c.Text
			}
		}
		start = g.offset(d.doc.Pos())
	}
	before := usedNames(g.ast)
	out := splice(g.src, start, d.end, note)
	return g.blankImports(out, before)
}

// blankImports turns the imports that only the removed declaration used into
// blank ones: the package still is initialized as before, and the file compiles.
func (g *goFile) blankImports(src []byte, before map[string]bool) ([]byte, error) {
	n, err := parseGo(g.name, src)
	if err != nil {
		return nil, err
	}
	after := usedNames(n.ast)
	for i := len(n.ast.Imports) - 1; i >= 0; i-- {
		imp := n.ast.Imports[i]
		name := importName(imp)
		if name == "_" || name == "." || !before[name] || after[name] {
			continue
		}
		at := n.offset(imp.Path.Pos())
		if imp.Name != nil {
			src = splice(src, n.offset(imp.Name.Pos()), at, "_ ")
		} else {
			src = splice(src, at, at, "_ ")
		}
	}
	return src, nil
}

// usedNames lists the identifiers that stand before a dot.
func usedNames(f *ast.File) map[string]bool {
	used := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := s.X.(*ast.Ident); ok {
				used[id.Name] = true
			}
		}
		return true
	})
	return used
}

func importName(imp *ast.ImportSpec) string {
	if imp.Name != nil {
		return imp.Name.Name
	}
	p, err := strconv.Unquote(imp.Path.Value)
	if err != nil {
		return ""
	}
	base := path.Base(p)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		base = path.Base(path.Dir(p))
	}
	return base
}

func splice(src []byte, from, to int, s string) []byte {
	out := make([]byte, 0, len(src)+len(s))
	out = append(out, src[:from]...)
	out = append(out, s...)
	return append(out, src[to:]...)
}
