// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Graft composes the goxnu toolchain: it lays the overlay of this repository
// over the sources of an installed Go and writes the result to goroot/.
//
// Usage:
//
//	graft [flags]                        compose
//	graft -list                          what the overlay changes, and why
//	graft -patches DIR                   the same as a numbered patch series
//	graft -fingerprint FILE [DECL...]    fingerprints for the overlay's author
//	graft -print-upstream                the GOROOT that would be composed from
//
// The flags are:
//
//	-C DIR           the top of the repository (default: found from here upwards)
//	-o DIR           the output directory (default: goroot at the top)
//	-upstream DIR    the GOROOT to compose from (default: $GOXNU_UPSTREAM, else
//	                 the go command on PATH)
//	-without LIST    leave these changes out (names, separated by commas)
//	-with LIST       put these changes in that are marked off
//	-install         reinstall the commands in the output that the run made stale
//	-rebuild         do not look for stale commands: all are to be built next
//	-q               say nothing when all is well
//
// doc/graft.md describes the manifest and the directives.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// options are the command line, parsed.
type options struct {
	top, out, upstream string
	without, with      []string
	install            bool
	rebuild            bool
	quiet              bool
}

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		for _, line := range strings.Split(explain(err).Error(), "\n") {
			fmt.Fprintf(os.Stderr, "graft: %s\n", line)
		}
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	var (
		opt           options
		list          bool
		prints        bool
		printUpstream bool
		patches       string
		without, with string
	)
	fs := flag.NewFlagSet("graft", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&opt.top, "C", "", "top of the repository is `DIR`")
	fs.StringVar(&opt.out, "o", "", "compose to `DIR`")
	fs.StringVar(&opt.upstream, "upstream", os.Getenv("GOXNU_UPSTREAM"), "compose from the Go in `GOROOT`")
	fs.StringVar(&without, "without", "", "leave out the changes in `LIST`")
	fs.StringVar(&with, "with", "", "put in the changes in `LIST` that are off by default")
	fs.BoolVar(&opt.install, "install", false, "reinstall commands that the run made stale")
	fs.BoolVar(&opt.rebuild, "rebuild", false, "do not look for stale commands")
	fs.BoolVar(&opt.quiet, "q", false, "say nothing when all is well")
	fs.BoolVar(&list, "list", false, "list what the overlay changes")
	fs.StringVar(&patches, "patches", "", "write the overlay as a patch series to `DIR`")
	fs.BoolVar(&prints, "fingerprint", false, "print fingerprints of FILE [DECL...]")
	fs.BoolVar(&printUpstream, "print-upstream", false, "print the GOROOT to compose from")
	if err := fs.Parse(args); err != nil {
		return flag.ErrHelp
	}
	opt.without, opt.with = splitList(without), splitList(with)

	var err error
	if opt.top, err = findTop(opt.top); err != nil {
		return err
	}
	if opt.out == "" {
		opt.out = filepath.Join(opt.top, "goroot")
	}
	if !prints && fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; graft -h lists the flags", fs.Arg(0))
	}
	if list {
		return listChanges(opt, stdout)
	}
	release, err := wantedRelease(opt.top)
	if err != nil {
		return err
	}
	if opt.upstream, err = findUpstream(opt.upstream, release); err != nil {
		return err
	}
	switch {
	case printUpstream:
		fmt.Fprintln(stdout, opt.upstream)
		return nil
	case prints:
		return printFingerprints(opt, fs.Args(), stdout)
	case patches != "":
		return writePatches(opt, patches, stdout)
	}
	return composeTo(opt, stdout, stderr)
}

// findTop returns the top of the repository: given, or the nearest directory
// upwards that has a manifest.
func findTop(given string) (string, error) {
	dir, err := filepath.Abs(given)
	if err != nil {
		return "", err
	}
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, filepath.FromSlash(manifestPath))); err == nil {
			return d, nil
		}
		if given != "" || d == filepath.Dir(d) {
			return "", fmt.Errorf("%s is not in a goxnu repository: there is no %s; run graft inside one, or name its top with -C", dir, manifestPath)
		}
	}
}

func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// composeTo composes the output directory and says what it did, and on stderr
// what it waits for.
func composeTo(opt options, stdout, stderr io.Writer) error {
	start := time.Now()
	o, err := readOverlay(opt.top)
	if err != nil {
		return err
	}
	changes, err := o.choose(opt.without, opt.with)
	if err != nil {
		return err
	}
	out, err := openOutput(opt.out, stderr)
	if err != nil {
		return err
	}
	defer out.close()
	t, err := readUpstream(opt.upstream)
	if err != nil {
		return err
	}
	if err := identify(opt.top, t); err != nil {
		return err
	}
	if err := o.compose(t, changes, nil); err != nil {
		return err
	}
	r, err := out.write(t, mark(opt, changes))
	if err != nil {
		return err
	}
	if !opt.quiet {
		what := "composed"
		if !r.fresh {
			what = "synced"
		}
		fmt.Fprintf(stdout, "%s %s: %d files, %d written, %d removed, %.1fs\n",
			what, opt.out, len(t), len(r.written), len(r.removed), time.Since(start).Seconds())
	}
	return out.refresh(t, opt, stdout)
}

// identify gives the tree the fork's own name and defaults.
func identify(top string, t tree) error {
	for _, name := range []string{"VERSION", "go.env"} {
		disk := filepath.Join(top, name)
		info, err := os.Stat(disk)
		if err != nil {
			return err
		}
		f := newFile(disk, info)
		f.overlay, f.exec = true, false
		if upstream := t[name]; upstream != nil && name == "go.env" {
			if err := f.inherit(upstream); err != nil {
				return err
			}
		}
		t[name] = f
	}
	return nil
}

// inherit appends the settings of upstream's file that f does not make: the
// go command takes the first of a name.
func (f *file) inherit(upstream *file) error {
	ours, err := f.load()
	if err != nil {
		return err
	}
	theirs, err := upstream.load()
	if err != nil {
		return err
	}
	set := map[string]bool{}
	for line := range strings.Lines(string(ours)) {
		set[setting(line)] = true
	}
	all := bytes.Clone(ours)
	for line := range strings.Lines(string(theirs)) {
		if s := setting(line); s != "" && !set[s] {
			all = append(all, line...)
		}
	}
	f.set(all)
	return nil
}

// setting returns the name of what a line of go.env sets, "" if it sets nothing.
func setting(line string) string {
	name, _, ok := strings.Cut(line, "=")
	if !ok || strings.HasPrefix(strings.TrimSpace(line), "#") {
		return ""
	}
	return strings.TrimSpace(name)
}

// mark is the text of the file that identifies a composed tree.
func mark(opt options, changes []*change) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Composed by graft for %s; do not edit: the next run overwrites it.\n", runtime.GOOS)
	fmt.Fprintf(&b, "upstream %s\n", opt.upstream)
	for _, c := range changes {
		fmt.Fprintf(&b, "change %s\n", c.name)
	}
	return b.String()
}
