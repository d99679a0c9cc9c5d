// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"fmt"
	"strings"
)

// An asmText is one TEXT symbol of an assembly file with its body.
type asmText struct {
	name       string // without package and middle dot
	nameAt     int    // byte offset of the bare name
	start, end int    // byte offsets: TEXT line up to the last line of the body
	line       int
}

// A source line with its place in the file.
type srcLine struct {
	text string
	at   int // byte offset
	num  int
}

func splitLines(src []byte) []srcLine {
	var lines []srcLine
	at := 0
	for i, s := range strings.SplitAfter(string(src), "\n") {
		if s == "" {
			break
		}
		lines = append(lines, srcLine{strings.TrimSuffix(s, "\n"), at, i + 1})
		at += len(s)
	}
	return lines
}

// asmTexts finds the TEXT symbols. A symbol ends before the next TEXT, GLOBL
// or DATA line, or with the #if it stands in. Blank lines, comments and
// preprocessor lines at the end are not part of it, except for the #endif of
// an #if in its body.
func asmTexts(src []byte) []*asmText {
	var (
		list []*asmText
		cur  *asmText
		in   bool // inside a /* */ comment
		ifs  int  // #if lines open since the TEXT line
	)
	for _, l := range splitLines(src) {
		code := strings.TrimSpace(stripComment(l.text, &in))
		switch word, _ := cutWord(code); word {
		case "TEXT":
			cur, ifs = parseText(l), 0
			if cur != nil {
				list = append(list, cur)
			}
		case "GLOBL", "DATA":
			cur = nil
		case "#if", "#ifdef", "#ifndef":
			ifs++
		case "#else", "#endif":
			if ifs == 0 {
				cur = nil
				continue
			}
			if word == "#endif" {
				ifs--
				if cur != nil {
					cur.end = l.at + len(l.text)
				}
			}
		default:
			if cur != nil && code != "" && code[0] != '#' {
				cur.end = l.at + len(l.text)
			}
		}
	}
	return list
}

// stripComment removes comments from a line of assembly.
func stripComment(s string, in *bool) string {
	var out strings.Builder
	for s != "" {
		if *in {
			_, rest, ok := strings.Cut(s, "*/")
			if !ok {
				return out.String()
			}
			s, *in = rest, false
			continue
		}
		i, j := strings.Index(s, "//"), strings.Index(s, "/*")
		switch {
		case i >= 0 && (j < 0 || i < j):
			return out.String() + s[:i]
		case j >= 0:
			out.WriteString(s[:j])
			s, *in = s[j+2:], true
		default:
			return out.String() + s
		}
	}
	return out.String()
}

// parseText reads "TEXT sym(SB), flags, $frame". It returns nil if the line
// is a macro's business rather than a plain symbol.
func parseText(l srcLine) *asmText {
	i := strings.Index(l.text, "TEXT") + len("TEXT")
	for i < len(l.text) && (l.text[i] == ' ' || l.text[i] == '\t') {
		i++
	}
	end := strings.IndexAny(l.text[i:], "(<,")
	if end < 0 {
		return nil
	}
	sym := l.text[i : i+end]
	if dot := strings.LastIndex(sym, "·"); dot >= 0 {
		i += dot + len("·")
		sym = sym[dot+len("·"):]
	}
	return &asmText{name: sym, nameAt: l.at + i, start: l.at, end: l.at + len(l.text), line: l.num}
}

// findText looks a symbol up by name. It returns nil if there is none.
func findText(file string, src []byte, name string) (*asmText, error) {
	var found *asmText
	for _, t := range asmTexts(src) {
		if t.name != name {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("TEXT %s stands more than once in %s", name, file)
		}
		found = t
	}
	return found, nil
}

// asmDirectives returns the directives of an overlay assembly file. Only
// comments may stand between a directive and its TEXT line.
func asmDirectives(name string, src []byte) ([]directive, error) {
	if !strings.Contains(string(src), directivePrefix) {
		return nil, nil
	}
	var (
		list    []directive
		pending []directive
		errs    problems
	)
	orphan := func() {
		for _, d := range pending {
			errs.addf("%s:%d: this directive does not stand right above a TEXT line", name, d.line)
		}
		pending = nil
	}
	for _, l := range splitLines(src) {
		text := strings.TrimSpace(l.text)
		word, _ := cutWord(text)
		switch {
		case strings.HasPrefix(text, directivePrefix):
			d, err := parseDirective(text)
			if err != nil {
				errs.addf("%s:%d: %v", name, l.num, err)
				continue
			}
			d.line = l.num
			pending = append(pending, d)
		case strings.HasPrefix(text, "//"):
		case word == "TEXT":
			t := parseText(l)
			if t == nil {
				orphan()
				continue
			}
			for _, d := range pending {
				d.name = t.name
				list = append(list, d)
			}
			pending = nil
		default:
			orphan()
		}
	}
	orphan()
	return list, errs.err()
}

// wrapText renames the symbol.
func wrapText(src []byte, t *asmText) []byte {
	return splice(src, t.nameAt, t.nameAt, upstreamPrefix)
}

// replaceText takes the symbol out.
func replaceText(src []byte, t *asmText, by string) ([]byte, error) {
	depth := 0
	for _, l := range splitLines(src[t.start:t.end]) {
		text := strings.TrimSpace(l.text)
		switch {
		case strings.HasPrefix(text, "#if"):
			depth++
		case strings.HasPrefix(text, "#endif"):
			depth--
		case strings.HasPrefix(text, "#else") && depth == 0:
			depth = -1
		}
		if depth < 0 {
			break
		}
	}
	if depth != 0 {
		return nil, fmt.Errorf("TEXT %s cannot be replaced: it is not whole between its #if and #endif", t.name)
	}
	return splice(src, t.start, t.end, "// "+t.name+" is replaced in "+by+"."), nil
}
