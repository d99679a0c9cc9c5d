// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
)

// An overlay is what the repository lays over upstream.
type overlay struct {
	top     string
	changes []*change
	files   map[string]*change // overlay path -> change that lays it
	verbs   map[string]string  // overlay path -> verb
	disk    tree               // the overlay's files
	whole   bool               // keep the files of systems that are not served
}

// The manifest, relative to the top of the repository.
const manifestPath = "lib/graft/changes"

// composed lists the top-level directories whose files the manifest must name.
var composed = []string{"src", "test", "api"}

// ours reports whether a path below src belongs to the composer itself and
// is therefore not composed.
func ours(rel string) bool {
	return strings.HasPrefix(rel, "src/cmd/graft/") || path.Dir(rel) == "src" && path.Ext(rel) == ".bash"
}

// place returns where a file of the overlay goes in the composed tree: where it
// lies in the repository, except that programs of test/ get a directory of
// their own, so that none can ever bear the name of one of upstream's.
func place(p string) string {
	if rest, ok := strings.CutPrefix(p, "test/"); ok {
		return "test/goxnu/" + rest
	}
	return p
}

// readOverlay reads the manifest and lists the overlay's files. A file that no
// change names is an error: nothing may get into the fork unaccounted for.
func readOverlay(top string) (*overlay, error) {
	manifest := filepath.Join(top, filepath.FromSlash(manifestPath))
	changes, err := readManifest(manifest)
	if err != nil {
		return nil, err
	}
	o := &overlay{
		top:     top,
		changes: changes,
		files:   map[string]*change{},
		verbs:   map[string]string{},
		disk:    tree{},
	}
	for _, dir := range composed {
		root := filepath.Join(top, dir)
		if _, err := os.Stat(root); err != nil {
			continue
		}
		err := walkFiles(root, nil, func(rel string, info fs.FileInfo) error {
			base := path.Base(rel)
			if strings.HasPrefix(base, ".") || strings.HasSuffix(base, "~") {
				return nil
			}
			rel = dir + "/" + rel
			if !ours(rel) {
				f := newFile(filepath.Join(top, filepath.FromSlash(rel)), info)
				f.overlay = true
				o.disk[rel] = f
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}

	var errs problems
	type dirItem struct {
		it item
		c  *change
	}
	var dirs []dirItem
	for _, c := range changes {
		for _, it := range c.items {
			if it.verb != verbAdd && it.verb != verbShadow && it.verb != verbLocal {
				continue
			}
			if strings.HasSuffix(it.path, "/") {
				dirs = append(dirs, dirItem{it, c})
				continue
			}
			if o.disk[it.path] == nil {
				errs.addf("%s:%d: %s %s: the repository has no such file", manifest, it.line, it.verb, it.path)
				continue
			}
			o.files[it.path], o.verbs[it.path] = c, it.verb
		}
	}
	// The longest directory that holds a file decides, unless the file is
	// named outright.
	sort.SliceStable(dirs, func(i, j int) bool { return len(dirs[i].it.path) > len(dirs[j].it.path) })
	for _, d := range dirs {
		used := false
		for _, p := range o.disk.paths() {
			if strings.HasPrefix(p, d.it.path) {
				used = true
				if o.files[p] == nil {
					o.files[p], o.verbs[p] = d.c, d.it.verb
				}
			}
		}
		if !used {
			errs.addf("%s:%d: %s %s: the repository has no file there", manifest, d.it.line, d.it.verb, d.it.path)
		}
	}
	for _, p := range o.disk.paths() {
		if o.files[p] == nil {
			errs.addf("%s belongs to no change; name it in %s: \"add %s\" below the change it belongs to", p, manifestPath, p)
		}
	}
	return o, errs.err()
}

// choose returns the changes to apply: those not marked off, plus with, minus
// without.
func (o *overlay) choose(without, with []string) ([]*change, error) {
	want := map[string]bool{}
	for _, c := range o.changes {
		want[c.name] = !c.off
	}
	set := func(names []string, on bool) error {
		for _, n := range names {
			if _, ok := want[n]; !ok {
				return fmt.Errorf("there is no change %q; graft -list names them all", n)
			}
			want[n] = on
		}
		return nil
	}
	if err := set(with, true); err != nil {
		return nil, err
	}
	if err := set(without, false); err != nil {
		return nil, err
	}
	var list []*change
	for _, c := range o.changes {
		if want[c.name] {
			list = append(list, c)
		}
	}
	return list, nil
}

// compose applies the changes to t in order. each, if not nil, is called
// around every change with the tree before and after it.
func (o *overlay) compose(t tree, changes []*change, each func(c *change, before, after tree) error) error {
	var errs problems
	for _, c := range changes {
		var before tree
		if each != nil {
			before = t.clone()
		}
		o.apply(t, c, &errs)
		if each != nil && errs.err() == nil {
			if err := each(c, before, t); err != nil {
				return err
			}
		}
	}
	return errs.err()
}

// apply applies one change: first its files, then what the manifest does to
// upstream's files, then the directives in its files.
func (o *overlay) apply(t tree, c *change, errs *problems) {
	manifest := filepath.Join(o.top, filepath.FromSlash(manifestPath))
	var laid []string
	for p, by := range o.files {
		if by == c && o.verbs[p] != verbLocal {
			laid = append(laid, p)
		}
	}
	sort.Strings(laid)
	for _, p := range laid {
		to := place(p)
		if o.verbs[p] == verbAdd && t[to] != nil {
			errs.addf("%s: upstream has this file too; use \"shadow %s FINGERPRINT -- why\" to replace it", p, p)
			continue
		}
		if o.verbs[p] == verbShadow {
			continue // below, with its fingerprint
		}
		f := *o.disk[p]
		t[to] = &f
	}
	for _, it := range c.items {
		where := fmt.Sprintf("%s:%d: %s %s", manifest, it.line, it.verb, it.path)
		if it.verb == verbAdd || it.verb == verbLocal {
			continue
		}
		if it.verb == verbServe {
			if o.whole {
				continue
			}
			_, err := trim(t, strings.Fields(it.path))
			errs.add(err)
			continue
		}
		from := it.path
		if it.verb == verbDerive {
			from = it.from
			if t[it.path] != nil {
				errs.addf("%s: the tree has this file already", where)
				continue
			}
		}
		f := t[from]
		if f == nil {
			errs.addf("%s: the tree has no such file: %s", where, from)
			continue
		}
		print, err := f.fingerprint()
		if err != nil {
			errs.add(err)
			continue
		}
		if print != it.print {
			errs.addf("%s: the fingerprint of upstream's file is %s, not %s%s", where, print, it.print, hint(it.print, "the file"))
			continue
		}
		switch it.verb {
		case verbShadow:
			if src := o.disk[it.path]; src != nil {
				f := *src
				t[it.path] = &f
			}
		case verbDrop:
			delete(t, it.path)
		case verbBuild:
			data, err := f.load()
			if err != nil {
				errs.add(err)
				continue
			}
			f.set(setConstraint(data, it.expr))
		case verbDerive:
			g, err := f.derive(it.expr)
			if err != nil {
				errs.add(err)
				continue
			}
			t[it.path] = g
		}
	}
	for _, p := range laid {
		if strings.HasPrefix(p, "src/") && t[p] != nil {
			o.direct(t, p, errs)
		}
	}
}

func hint(print, what string) string {
	if print == "?" {
		return "; write it there"
	}
	return "; " + what + " has changed: compare it with ours, then write the new fingerprint"
}

// direct carries out the directives of the overlay file p.
func (o *overlay) direct(t tree, p string, errs *problems) {
	ext := path.Ext(p)
	if ext != ".go" && ext != ".s" {
		return
	}
	data, err := t[p].load()
	if err != nil {
		errs.add(err)
		return
	}
	var list []directive
	if ext == ".go" {
		list, err = goDirectives(p, data)
	} else {
		list, err = asmDirectives(p, data)
	}
	errs.add(err)
	for _, d := range list {
		where := fmt.Sprintf("%s:%d: %s %s", p, d.line, d.op, d.name)
		target := path.Join(path.Dir(p), d.file)
		f := t[target]
		switch {
		case target == p:
			errs.addf("%s: a file cannot %s a declaration of its own", where, d.op)
			continue
		case f == nil:
			errs.addf("%s: the tree has no file %s", where, target)
			continue
		case path.Ext(target) != ext:
			errs.addf("%s: %s is not a %s file", where, target, ext)
			continue
		}
		src, err := f.load()
		if err != nil {
			errs.add(err)
			continue
		}
		out, err := edit(target, src, d, path.Base(p))
		if err != nil {
			errs.addf("%s: %v", where, err)
			continue
		}
		f.set(out)
	}
}

// edit carries out one directive on the file it names.
func edit(target string, src []byte, d directive, by string) ([]byte, error) {
	// The wrapped declaration gets a name that nobody else may have.
	wrapped := upstreamPrefix + d.name
	if typ, method, ok := strings.Cut(d.name, "."); ok {
		wrapped = typ + "." + upstreamPrefix + method
	}
	taken := fmt.Errorf("%s has a %s already: one declaration cannot be wrapped twice", target, wrapped)
	if path.Ext(target) == ".s" {
		t, err := findText(target, src, d.name)
		if err != nil {
			return nil, err
		}
		if t == nil {
			return nil, fmt.Errorf("%s has no TEXT %s", target, d.name)
		}
		if err := d.check(target, src[t.start:t.end]); err != nil {
			return nil, err
		}
		if d.op == "replace" {
			return replaceText(src, t, by)
		}
		if w, err := findText(target, src, wrapped); w != nil || err != nil {
			return nil, taken
		}
		return wrapText(src, t), nil
	}
	g, err := parseGo(target, src)
	if err != nil {
		return nil, err
	}
	decl, err := g.find(d.name)
	if err != nil {
		return nil, err
	}
	if decl == nil {
		return nil, fmt.Errorf("%s does not declare %s", target, d.name)
	}
	if err := d.check(target, g.text(decl)); err != nil {
		return nil, err
	}
	if d.op == "replace" {
		return g.replace(decl, d.name, by)
	}
	if w, err := g.find(wrapped); w != nil || err != nil {
		return nil, taken
	}
	return g.wrap(decl)
}

// check compares the fingerprint of the declaration with the directive's.
func (d directive) check(target string, text []byte) error {
	if print := fingerprint(text); print != d.print {
		return fmt.Errorf("the fingerprint of %s in %s is %s, not %s%s", d.name, target, print, d.print, hint(d.print, "the declaration"))
	}
	return nil
}
