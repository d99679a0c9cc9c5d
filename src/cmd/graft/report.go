// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// listChanges prints what every change does, one line each, with the reason.
func listChanges(opt options, w io.Writer) error {
	o, err := readOverlay(opt.top)
	if err != nil {
		return err
	}
	for _, c := range o.changes {
		state := ""
		if c.off {
			state = " (off)"
		}
		fmt.Fprintf(w, "%s%s: %s\n", c.name, state, c.purpose)
		for _, it := range c.items {
			line := "\t" + it.verb + " " + it.path
			if it.verb == verbServe {
				line = "\tserve " + it.path + " alone"
			}
			if it.verb == verbDerive {
				line += " from " + it.from
			}
			if it.expr != "" {
				line += ": " + it.expr
			}
			if it.why != "" {
				line += " -- " + it.why
			}
			fmt.Fprintln(w, line)
		}
		for _, p := range o.disk.paths() {
			if o.files[p] != c || o.verbs[p] == verbLocal {
				continue
			}
			data, err := o.disk[p].load()
			if err != nil {
				return err
			}
			var list []directive
			switch path.Ext(p) {
			case ".go":
				list, err = goDirectives(p, data)
			case ".s":
				list, err = asmDirectives(p, data)
			}
			if err != nil {
				return err
			}
			for _, d := range list {
				fmt.Fprintf(w, "\t%s %s in %s (%s:%d) -- %s\n", d.op, d.name, path.Join(path.Dir(p), d.file), p, d.line, d.why)
			}
		}
	}
	return nil
}

// printFingerprints serves the overlay's authors: the fingerprint of an
// upstream file, or of the declarations named, or of all with the name ".".
func printFingerprints(opt options, args []string, w io.Writer) error {
	if len(args) == 0 {
		return errors.New("-fingerprint needs a file, relative to GOROOT or absolute, and perhaps declarations")
	}
	name := args[0]
	if !filepath.IsAbs(name) {
		name = filepath.Join(opt.upstream, filepath.FromSlash(name))
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if len(args) == 1 {
		fmt.Fprintln(w, fingerprint(src))
		return nil
	}
	for _, want := range args[1:] {
		found := false
		err := declTexts(name, src, func(decl string, text []byte) {
			if want == "." || want == decl {
				found = true
				fmt.Fprintf(w, "%s %s\n", fingerprint(text), decl)
			}
		})
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("%s does not declare %s; write a method as TYPE.NAME", name, want)
		}
	}
	return nil
}

// declTexts calls fn for every declaration or TEXT symbol of a file.
func declTexts(name string, src []byte, fn func(decl string, text []byte)) error {
	if path.Ext(name) == ".s" {
		for _, t := range asmTexts(src) {
			fn(t.name, src[t.start:t.end])
		}
		return nil
	}
	g, err := parseGo(name, src)
	if err != nil {
		return err
	}
	for _, decl := range g.ast.Decls {
		for _, n := range declNames(decl) {
			if n == "init" || n == "_" {
				continue
			}
			d, err := g.find(n)
			if err != nil {
				return err
			}
			fn(n, g.text(d))
		}
	}
	return nil
}

// writePatches writes one patch per change to dir, in order. Applied in
// sequence to upstream's tree they give the composed tree before trimming.
// The comparing is done by git.
func writePatches(opt options, dir string, w io.Writer) error {
	git, err := exec.LookPath("git")
	if err != nil {
		return errors.New("-patches needs the git command to compare files: install git")
	}
	o, err := readOverlay(opt.top)
	if err != nil {
		return err
	}
	o.whole = true // their removal would drown the rest
	changes, err := o.choose(opt.without, opt.with)
	if err != nil {
		return err
	}
	t, err := readUpstream(opt.upstream)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty; name a new directory for the patches", dir)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	n := 0
	number := func(name, purpose string, before, after tree) error {
		n++
		patch, err := diffTrees(git, before, after)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, fmt.Sprintf("%04d-%s.patch", n, name))
		head := fmt.Sprintf("Subject: [PATCH %d] %s: %s\n\n", n, name, purpose)
		fmt.Fprintln(w, file)
		return os.WriteFile(file, append([]byte(head), patch...), 0o666)
	}
	before := t.clone()
	if err := identify(opt.top, t); err != nil {
		return err
	}
	if err := number("identity", "the fork's own version and defaults", before, t); err != nil {
		return err
	}
	return o.compose(t, changes, func(c *change, before, after tree) error {
		return number(c.name, c.purpose, before, after)
	})
}

// diffTrees compares two trees by git.
func diffTrees(git string, before, after tree) ([]byte, error) {
	tmp, err := os.MkdirTemp("", "graft")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	for _, side := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(tmp, side), 0o777); err != nil {
			return nil, err
		}
	}
	put := func(side, p string, f *file) error {
		data, err := f.load()
		if err != nil {
			return err
		}
		dst := filepath.Join(tmp, side, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(dst), 0o777); err != nil {
			return err
		}
		return os.WriteFile(dst, data, 0o666)
	}
	seen := map[string]bool{}
	for _, t := range []tree{before, after} {
		for p := range t {
			f, g := before[p], after[p]
			if seen[p] || f != nil && g != nil && f.disk == g.disk && !f.edited && !g.edited {
				continue
			}
			seen[p] = true
			if f != nil {
				if err := put("a", p, f); err != nil {
					return nil, err
				}
			}
			if g != nil {
				if err := put("b", p, g); err != nil {
					return nil, err
				}
			}
		}
	}
	cmd := exec.Command(git, "-c", "core.quotePath=off", "diff", "--no-index", "--no-prefix", "--no-renames", "--no-color", "--no-ext-diff", "--binary", "a", "b")
	cmd.Dir = tmp
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GIT_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.Output()
	var ee *exec.ExitError
	if errors.As(err, &ee) && ee.ExitCode() == 1 {
		err = nil // they differ
	}
	if err != nil {
		return nil, fmt.Errorf("git diff: %v", stderrOf(err))
	}
	// Without prefixes git names a new or a deleted file after its one side.
	lines := strings.SplitAfter(string(out), "\n")
	for i, line := range lines {
		// The two names are one; it may hold blanks.
		names, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "diff --git ")
		if half := len(names) / 2; ok && len(names)%2 == 1 && names[half] == ' ' {
			lines[i] = "diff --git a/" + names[2:half] + " b/" + names[half+3:] + "\n"
		}
	}
	return []byte(strings.Join(lines, "")), nil
}
