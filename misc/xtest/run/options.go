// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package run has what the subcommands of xtest share: the flags that say what
// to run, and the report of what came of it.
package run

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"goxnu/misc/internal/releases"
	"goxnu/misc/internal/tree"
)

// Options are the flags that every subcommand understands in the same way. A
// subcommand has those that mean something to it.
type Options struct {
	Archs  []string // of the ports darwin/ARCH
	XNU    string   // releases of the system, with blanks between; "all"; "" for the subcommand's own choice
	Run    *regexp.Regexp
	Count  int
	Long   bool
	Shard  Shard
	List   bool // print the names of what would run, and run nothing
	Report *Report

	arch, run, json, junit string
	hasArch                bool     // there is a flag -arch
	unfit                  []string // why this host does not run a port
}

// A Shard is the part of the work that one machine of several does: of every
// N units the one with number I, from 1 on.
type Shard struct{ I, N int }

func (s *Shard) String() string {
	if s == nil || s.N == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.I, s.N)
}

// Set parses i/n.
func (s *Shard) Set(text string) error {
	i, n, ok := strings.Cut(text, "/")
	var err1, err2 error
	s.I, err1 = strconv.Atoi(i)
	s.N, err2 = strconv.Atoi(n)
	if !ok || err1 != nil || err2 != nil || s.I < 1 || s.I > s.N {
		return fmt.Errorf("%q is not i/n with 1 <= i <= n", text)
	}
	return nil
}

// Flags adds the flags called names to fs.
func (o *Options) Flags(fs *flag.FlagSet, names ...string) {
	o.Count = 1
	for _, name := range names {
		switch name {
		case "arch":
			o.hasArch = true
			fs.StringVar(&o.arch, "arch", "all", "of the ports darwin/`ARCH`: amd64, 386 or all")
		case "xnu":
			fs.StringVar(&o.XNU, "xnu", "", "imitate these `RELEASES` of the system (10.6 ... 15, with blanks between), or all")
		case "run":
			fs.StringVar(&o.run, "run", "", "only what has a name that matches `REGEXP`")
		case "count":
			fs.IntVar(&o.Count, "count", 1, "run each `N` times")
		case "long":
			fs.BoolVar(&o.Long, "long", false, "take the time that it takes: without -short, with the counts of each bug's history")
		case "shard":
			fs.Var(&o.Shard, "shard", "only part `i/n` of the work, for n machines")
		case "list":
			fs.BoolVar(&o.List, "list", false, "print the names of what would run, and run nothing")
		case "report":
			fs.StringVar(&o.json, "json", "", "write events in test2json's form to `FILE` as well; - is standard output, instead of the text")
			fs.StringVar(&o.junit, "junit", "", "write a JUnit report to `FILE` as well")
		default:
			panic("no flag " + name)
		}
	}
}

// Parsed checks the flags once they are parsed, and opens the report.
func (o *Options) Parsed() (err error) {
	if o.Archs, err = ParseArch(o.arch); err != nil {
		return err
	}
	if err = o.checkHost(); err != nil {
		return err
	}
	if o.Run, err = regexp.Compile(o.run); err != nil {
		return fmt.Errorf("-run: %v", err)
	}
	if o.Count < 1 {
		return fmt.Errorf("-count=%d: it must be 1 or more", o.Count)
	}
	if o.XNU != "" {
		if _, err := releases.Select(o.XNU, "amd64"); err != nil {
			return fmt.Errorf("-xnu: %v", err)
		}
	}
	if o.Report, err = newReport(o.json, o.junit); err != nil {
		return err
	}
	for _, why := range o.unfit {
		o.Report.Skip("host", "skip  "+why, "")
	}
	return nil
}

// checkHost drops the ports that this host cannot run. It is an error if -arch
// names one.
func (o *Options) checkHost() error {
	goroot, err := tree.Goroot()
	if err != nil || !o.hasArch || o.List {
		return nil // the subcommand says so, if it needs one
	}
	var can []string
	for _, arch := range o.Archs {
		why, err := tree.Runs(goroot, arch)
		switch {
		case err != nil:
			return err
		case why == "":
			can = append(can, arch)
		case len(o.Archs) == 1:
			return errors.New(why)
		default:
			o.unfit = append(o.unfit, why)
		}
	}
	o.Archs = can
	return nil
}

// ParseArch returns the architectures that the value of -arch names.
func ParseArch(value string) ([]string, error) {
	switch value {
	case "amd64", "386":
		return []string{value}, nil
	case "all", "", "amd64 386":
		return []string{"amd64", "386"}, nil
	}
	return nil, fmt.Errorf("-arch=%s: there are amd64, 386 and all", value)
}

// Releases returns the releases that -xnu names and that run programs of
// darwin/arch; without -xnu, those of usual.
func (o *Options) Releases(arch, usual string) ([]string, error) {
	list := o.XNU
	if list == "" {
		list = usual
	}
	names, err := releases.Select(list, "amd64")
	if err != nil || arch != "386" {
		return names, err
	}
	var fit []string
	for _, name := range names {
		if r, _ := releases.Named(name); r.Kernel <= releases.Last386.Kernel {
			fit = append(fit, name)
		}
	}
	return fit, nil
}

// Take reports whether the unit called name is to be run: -run matches it, and
// it belongs to this shard. It must be called once for each unit, in an order
// that is the same on every machine. With -list it prints the name and says no.
func (o *Options) Take(name string) bool {
	if o.Run != nil && !o.Run.MatchString(name) {
		return false
	}
	if o.Shard.N > 0 && !o.Report.turn(o.Shard) {
		return false
	}
	if o.List {
		fmt.Println(name)
		return false
	}
	return true
}
