// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"go/build/constraint"
	"os"
	"strings"
)

// derive returns a copy of the file as upstream has it, whatever the changes
// before made of it, under another constraint.
func (f *file) derive(expr string) (*file, error) {
	data, err := os.ReadFile(f.disk)
	if err != nil {
		return nil, err
	}
	g := &file{disk: f.disk, size: f.size, mtime: f.mtime, exec: f.exec}
	g.set(setConstraint(data, expr))
	return g, nil
}

// setConstraint replaces the //go:build line of a Go or assembly file, or
// adds one, and drops // +build lines.
func setConstraint(src []byte, expr string) []byte {
	line := "//go:build " + expr
	var (
		out   strings.Builder
		done  bool
		first = -1 // end of the leading comment block, unless it is a declaration's
		code  bool
		in    bool
	)
	lines := splitLines(src)
	for i, l := range lines {
		text := strings.TrimSpace(l.text)
		switch {
		case !code && constraint.IsGoBuild(text) && !done:
			out.WriteString(line + "\n")
			done = true
			continue
		case !code && constraint.IsPlusBuild(text):
			continue
		}
		// In assembly, #include may follow directly.
		if first < 0 && i > 0 && (text == "" || text[0] == '#') && strings.HasPrefix(strings.TrimSpace(lines[i-1].text), "//") && !code {
			first = out.Len()
		}
		if !code && strings.TrimSpace(stripComment(l.text, &in)) != "" {
			code = true
		}
		out.WriteString(l.text + "\n")
	}
	s := out.String()
	if done {
		return []byte(s)
	}
	if first < 0 || !leadingLineComments(s[:first]) {
		return []byte(line + "\n\n" + s)
	}
	if s[first] != '\n' {
		line += "\n"
	}
	return []byte(s[:first] + "\n" + line + "\n" + s[first:])
}

// leadingLineComments reports whether s holds nothing but // comments.
func leadingLineComments(s string) bool {
	for _, l := range strings.Split(s, "\n") {
		if l != "" && !strings.HasPrefix(l, "//") {
			return false
		}
	}
	return true
}
