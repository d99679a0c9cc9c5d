// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Xtest runs the project's tests and measurements, and adds them up.
//
//	usage: xtest SUBCOMMAND [flags]
//
// Xtest help lists the subcommands, and xtest SUBCOMMAND -h the flags of one.
// It prints a line for each unit as it ends, the output of what failed, and at
// last `N passed, N failed, N skipped`. A unit is a package of upstream's tests
// (a package that failed counts once, one whose tests all skipped themselves is
// skipped), a test under a release, or a line of test/skip.txt that was in
// force. With -shard i/n it runs one part of n; xtest merge adds up the reports
// that -json wrote of the parts.
//
// The exit status is 1 if anything failed, 2 for an error in the command line
// or if the tests could not be started, and 130 if a signal ended it, with all
// that it had started.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"goxnu/misc/xtest/bench"
	"goxnu/misc/xtest/conform"
	"goxnu/misc/xtest/run"
	"goxnu/misc/xtest/signals"
	"goxnu/misc/xtest/smoke"
	"goxnu/misc/xtest/stress"
	"goxnu/misc/xtest/suite"
)

// A subcommand adds its flags to fs and returns its shared ones, and what runs it
// with the arguments behind the flags.
type subcommand struct {
	name, what string
	begin      func(fs *flag.FlagSet) (*run.Options, func(args []string) error)
}

// none wraps what takes no arguments.
func none(f func() error) func([]string) error {
	return func(args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unexpected argument %q", args[0])
		}
		return f()
	}
}

// ofSuite returns the subcommand for one suite, or for all.
func ofSuite(name string) subcommand {
	s := subcommand{name: name}
	if name == "all" {
		s.what = "every suite but real, or those named as arguments: " + strings.Join(suite.Names(), ", ")
	} else {
		s.what = suite.What(name)
	}
	s.begin = func(fs *flag.FlagSet) (*run.Options, func([]string) error) {
		f := new(suite.Flags)
		f.Register(fs, name)
		if name != "all" {
			return &f.Options, none(func() error { return suite.Main(f, []string{name}) })
		}
		return &f.Options, func(args []string) error {
			for _, a := range args {
				if suite.What(a) == "" {
					return fmt.Errorf("no suite is called %q; there are %s", a, strings.Join(suite.Names(), ", "))
				}
			}
			return suite.Main(f, args)
		}
	}
	return s
}

func subcommands() []subcommand {
	list := []subcommand{ofSuite("all")}
	for _, name := range suite.Names() {
		list = append(list, ofSuite(name))
	}
	ofSignals := func(name string, main func(*signals.Flags) error) func(*flag.FlagSet) (*run.Options, func([]string) error) {
		return func(fs *flag.FlagSet) (*run.Options, func([]string) error) {
			f := new(signals.Flags)
			f.Register(fs, name)
			return &f.Options, none(func() error { return main(f) })
		}
	}
	return append(list,
		subcommand{"signals", "the tests about signals, threads and clocks, release by release", ofSignals("signals", signals.Main)},
		subcommand{"mutants", "see them fail: each mutation of lib/signals/mutants.tsv", ofSignals("mutants", signals.Mutate)},
		subcommand{"conform", "the conformance tests of the kernel that the runner is (doc/conformance.md)", func(fs *flag.FlagSet) (*run.Options, func([]string) error) {
			f := new(conform.Flags)
			f.Register(fs)
			return &f.Options, none(func() error { return conform.Main(f) })
		}},
		subcommand{"stress", "threads, collections, profiles, executions and senders of signals at once", func(fs *flag.FlagSet) (*run.Options, func([]string) error) {
			f := new(stress.Flags)
			f.Register(fs)
			return &f.Options, none(func() error { return stress.Main(f) })
		}},
		subcommand{"bench", "measure darwin programs under the runner against native ones", func(fs *flag.FlagSet) (*run.Options, func([]string) error) {
			f := new(bench.Flags)
			f.Register(fs)
			return &f.Options, none(func() error { return bench.Main(f) })
		}},
		subcommand{"smoke", "build real programs and compare what they do with this machine's", func(fs *flag.FlagSet) (*run.Options, func([]string) error) {
			f := new(smoke.Flags)
			f.Register(fs)
			return &f.Options, none(func() error { return smoke.Main(f) })
		}},
		subcommand{"merge", "add up reports that -json wrote: xtest merge [flags] FILE...", func(fs *flag.FlagSet) (*run.Options, func([]string) error) {
			o := new(run.Options)
			o.Flags(fs, "report")
			return o, func(args []string) error { return merge(o, args) }
		}},
		subcommand{"tables", "write the tables of doc/ that follow from lib/signals and the conformance tests", func(fs *flag.FlagSet) (*run.Options, func([]string) error) {
			check := fs.Bool("check", false, "write nothing; fail if a document is out of date")
			return nil, none(func() error { return errors.Join(signals.WriteTable(*check), conform.WriteTable(*check)) })
		}},
	)
}

func merge(o *run.Options, files []string) error {
	if len(files) == 0 {
		return errors.New("no file; usage: xtest merge [flags] FILE...")
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		err = o.Report.Merge(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %v", name, err)
		}
	}
	return nil
}

func usage(w *os.File, list []subcommand) {
	fmt.Fprintln(w, "usage: xtest SUBCOMMAND [flags]; xtest SUBCOMMAND -h lists the flags\n\nsubcommands:")
	for _, s := range list {
		fmt.Fprintf(w, "  %-9s %s\n", s.name, s.what)
	}
}

func main() {
	list := subcommands()
	if len(os.Args) < 2 {
		usage(os.Stderr, list)
		os.Exit(2)
	}
	name := os.Args[1]
	if name == "help" || name == "-h" || name == "-help" || name == "--help" {
		usage(os.Stdout, list)
		return
	}
	for _, s := range list {
		if s.name == name {
			os.Exit(s.main(os.Args[2:]))
		}
	}
	fmt.Fprintf(os.Stderr, "xtest: no subcommand is called %q; xtest help lists them\n", name)
	os.Exit(2)
}

// main returns the exit status.
func (s subcommand) main(args []string) int {
	fs := flag.NewFlagSet("xtest "+s.name, flag.ExitOnError)
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "usage: xtest %s [flags]\n\n%s\n\nflags:\n", s.name, s.what)
		fs.PrintDefaults()
	}
	o, do := s.begin(fs)
	fs.Parse(args)
	var err error
	if o != nil {
		err = o.Parsed()
	}
	if err == nil {
		err = do(fs.Args())
	}
	failed := false
	if o != nil && o.Report != nil && !o.List && err == nil && s.name != "bench" {
		err = o.Report.Close()
		failed = o.Report.Failed > 0
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "xtest %s: %v\n", s.name, err)
		return 2
	}
	if failed {
		return 1
	}
	return 0
}
