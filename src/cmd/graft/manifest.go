// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"fmt"
	"go/build/constraint"
	"os"
	"path"
	"strings"
)

// The verbs of the manifest.
const (
	verbAdd    = "add"    // lay a file that upstream does not have
	verbShadow = "shadow" // lay a file in the place of upstream's
	verbDrop   = "drop"   // leave an upstream file out
	verbBuild  = "build"  // give an upstream file another build constraint
	verbDerive = "derive" // copy an upstream file, under another name and constraint
	verbLocal  = "local"  // a file of the repository that is not composed
	verbServe  = "serve"  // leave out what only other systems need
)

// An item is one indented line of the manifest.
type item struct {
	verb  string
	path  string // slash-separated, relative to the top; ends in / for a directory; the systems, for serve
	from  string // the upstream file, for derive
	print string // fingerprint of the upstream file, for build, derive, drop and shadow
	expr  string // build constraint, for build and derive
	why   string
	line  int
}

// A change is a named part of the overlay. Changes are applied in the order
// of the manifest.
type change struct {
	name    string
	purpose string
	off     bool // composed only on request
	items   []item
	line    int
}

// readManifest parses the manifest. Every complaint names the line.
func readManifest(file string) ([]*change, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseManifest(file, string(data))
}

func parseManifest(file, text string) ([]*change, error) {
	var (
		changes []*change
		errs    problems
		byName  = map[string]*change{}
		claimed = map[string]*change{} // path -> change, for files named outright
	)
	for i, line := range strings.Split(text, "\n") {
		n := i + 1
		bad := func(format string, args ...any) {
			errs.addf("%s:%d: %s", file, n, fmt.Sprintf(format, args...))
		}
		indented := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !indented {
			c, err := parseChange(line)
			if err != nil {
				bad("%v", err)
				// Keep what follows attached to something, so that one
				// mistake gives one message.
				c = &change{name: fmt.Sprintf("line %d", n)}
			}
			if old := byName[c.name]; old != nil {
				bad("change %s is already defined in line %d", c.name, old.line)
			}
			c.line = n
			byName[c.name] = c
			changes = append(changes, c)
			continue
		}
		if len(changes) == 0 {
			bad("this line belongs to no change; begin with \"change NAME purpose\"")
			continue
		}
		c := changes[len(changes)-1]
		it, err := parseItem(line)
		if err != nil {
			bad("%v", err)
			continue
		}
		it.line = n
		if it.verb != verbBuild && it.verb != verbServe {
			if old := claimed[it.path]; old != nil {
				bad("%s is already named by change %s", it.path, old.name)
				continue
			}
			claimed[it.path] = c
		}
		c.items = append(c.items, it)
	}
	return changes, errs.err()
}

func parseChange(line string) (*change, error) {
	word, rest := cutWord(line)
	if word != "change" {
		return nil, fmt.Errorf("want \"change NAME purpose\" or an indented line, got %q", word)
	}
	c := new(change)
	c.name, c.purpose = cutWord(rest)
	if c.name == "" {
		return nil, fmt.Errorf("the change has no name")
	}
	if !isName(c.name) {
		return nil, fmt.Errorf("bad change name %q: use letters, digits, - and _", c.name)
	}
	if word, rest := cutWord(c.purpose); word == "off" {
		c.off, c.purpose = true, rest
	}
	if c.purpose == "" {
		return nil, fmt.Errorf("change %s has no purpose; say it in one line", c.name)
	}
	return c, nil
}

func parseItem(line string) (item, error) {
	var it item
	it.verb, line = cutWord(line)
	if it.verb == verbServe {
		systems, why, _ := strings.Cut(line+" ", " -- ")
		it.path, it.why = strings.Join(strings.Fields(systems), " "), strings.TrimSpace(why)
		for _, s := range strings.Fields(systems) {
			if !knownOS[s] {
				return it, fmt.Errorf("serve: there is no system %q", s)
			}
		}
		if it.path == "" || it.why == "" {
			return it, fmt.Errorf("want \"serve SYSTEM... -- why\"")
		}
		return it, nil
	}
	it.path, line = cutWord(line)
	isDir := strings.HasSuffix(it.path, "/")
	switch it.verb {
	case verbAdd, verbShadow, verbDrop, verbBuild, verbDerive, verbLocal:
	default:
		return it, fmt.Errorf("unknown verb %q: want add, shadow, drop, build, derive, serve or local", it.verb)
	}
	if err := checkPath(it.verb, it.path); err != nil {
		return it, err
	}
	if isDir && it.verb != verbAdd && it.verb != verbLocal {
		return it, fmt.Errorf("%s takes one file, not the directory %s", it.verb, it.path)
	}
	if it.verb == verbDerive {
		var word string
		word, line = cutWord(line)
		it.from, line = cutWord(line)
		if word != "from" {
			return it, fmt.Errorf("want \"derive FILE from FILE FINGERPRINT EXPR -- why\"")
		}
		if err := checkPath("from", it.from); err != nil {
			return it, err
		}
		if path.Dir(it.from) != path.Dir(it.path) || path.Ext(it.from) != path.Ext(it.path) {
			return it, fmt.Errorf("derive %s: %s is not of the same directory and kind", it.path, it.from)
		}
	}
	text, why, hasWhy := strings.Cut(" "+line, " -- ")
	it.why = strings.TrimSpace(why)
	text = strings.TrimSpace(text)
	switch it.verb {
	case verbAdd, verbLocal:
		if text != "" {
			return it, fmt.Errorf("%s takes only a path (and \"-- why\"), got %q", it.verb, text)
		}
		return it, nil
	}
	it.print, text = cutWord(text)
	if it.print == "" {
		return it, fmt.Errorf("%s %s has no fingerprint; write ? and graft will name it", it.verb, it.path)
	}
	if !hasWhy || it.why == "" {
		return it, fmt.Errorf("%s %s has no reason; end the line with \"-- why\"", it.verb, it.path)
	}
	if it.verb != verbBuild && it.verb != verbDerive {
		if text != "" {
			return it, fmt.Errorf("unexpected %q after the fingerprint", text)
		}
		return it, nil
	}
	if text == "" {
		return it, fmt.Errorf("%s %s has no constraint", it.verb, it.path)
	}
	expr, err := constraint.Parse("//go:build " + text)
	if err != nil {
		return it, fmt.Errorf("bad constraint %q: %v", text, err)
	}
	it.expr = expr.String()
	return it, nil
}

func checkPath(verb, p string) error {
	if p == "" {
		return fmt.Errorf("%s names no file", verb)
	}
	if c := path.Clean(p); c != strings.TrimSuffix(p, "/") || path.IsAbs(c) || c == ".." || strings.HasPrefix(c, "../") {
		return fmt.Errorf("bad path %q: write it clean and relative to the top of the repository", p)
	}
	return nil
}

// cutWord splits off the first blank-separated word.
func cutWord(s string) (word, rest string) {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i], strings.TrimSpace(s[i:])
	}
	return s, ""
}

func isName(s string) bool {
	for _, r := range s {
		if !(r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') {
			return false
		}
	}
	return s != ""
}
