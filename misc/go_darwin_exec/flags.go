// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"goxnu/misc/go_darwin_exec/inject"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xnu"
	"goxnu/misc/internal/releases"
)

// options are what the command line says.
type options struct {
	release   xnu.Release
	chosen    bool // the release was chosen by -xnu
	trace     bool
	traceFile string // "": stderr
	traceRing bool
	traceFD   int
	fault     *inject.Config // nil: no fault injection
	faultFD   int            // where faults are reported; -1: standard error
	program   string         // the file
	args      []string       // argv of the program
	env       []string       // its environment
	exec      *xnu.ExecState // what the image before this one left for us; nil: we are the first
	imports   bool           // only list what the program imports
	retry     int            // how often the runner has started itself again
	resume    int            // descriptor of a checkpoint, -1: none
}

// default32 is the default release for 32-bit programs: the last one that
// runs them.
var default32 = xnu.Release(releases.Last386.Kernel)

// newest is the default release.
var newest = releases.All[len(releases.All)-1]

// runnerName is the name by which the runner was started; the first word of
// its command line may be the program's.
var runnerName = os.Args[0]

func myName() string { return filepath.Base(runnerName) }

func usage() string {
	var names []string
	for _, r := range releases.All {
		names = append(names, r.Name)
	}
	return fmt.Sprintf(`usage: %[1]s [flags] program [argument ...]

%[1]s runs a darwin/amd64 or darwin/386 program on Linux: a static one, as goxnu's
go command builds them, or one of stock Go, built with CGO_ENABLED=0 for amd64. It answers the program's system calls as XNU would, the kernel
of Mac OS X and macOS. The program's exit status, its standard files, its
environment and its signals are passed through.

Put the runner on PATH as go_darwin_amd64_exec, and "GOOS=darwin go run" and
"GOOS=darwin go test" will use it.

  -xnu RELEASE   the release to imitate: %[2]s
                 (default %[3]s), or the number of its kernel (%[4]d ... %[5]d)
  -trace         print every system call on stderr
  -trace=FILE    print them to FILE
  -trace=ring    keep the last hundreds, and print them on stderr when the program dies
                 from a signal, exits with another status than 0, or gets Linux's signal 60
  -fault ITEM,...
                 inject faults, what a kernel may do and seldom does: interrupted
                 calls, late signals ...; -fault help lists them
  -imports       list what the program imports from Darwin's libraries, with what this
                 release and the runner have of it, and exit
  -host          say which programs this host can run, and exit; -host=386 asks for one port
  -version       print the version and exit
  -h             print this help

The environment variable GOXNU_RUNNER may hold flags too.

A program name without a slash is looked up in PATH. The exit status is the
program's own; if it died from a signal, so does the runner. Otherwise: %[6]d, the
program was not found; %[7]d, it cannot be run; %[8]d, this host cannot run the
runner; %[9]d, bad flags.

The runner is no sandbox: the program can do whatever you can.
`, myName(), strings.Join(names, " "), newest.Name, releases.All[0].Kernel, newest.Kernel, exitNotFound, exitCannot, exitHost, exitUsage)
}

// flagVariable may hold flags, separated by blanks, for runners that go run and
// go test start. Those of the command line come after them.
const flagVariable = "GOXNU_RUNNER"

// parseFlags parses the environment's flags and the command line, which begins
// with the runner's name. What follows the program's name is the program's.
func parseFlags(argv []string) *options {
	o := &options{release: xnu.Release(newest.Kernel), traceFD: 2, faultFD: -1, resume: -1, env: vcpu.Environ()}
	st, err := xnu.ReadState(o.env)
	if err != nil {
		die(exitUsage, "%v", err)
	}
	if st != nil {
		runnerName = st.Runner[0]
		o.parse(st.Runner[1:])
		o.exec, o.program, o.args, o.env = st, st.Path, st.Args, st.Env
		o.resume, o.retry = int(st.Resume), st.Retry
		return o
	}
	if rest := o.parse(strings.Fields(os.Getenv(flagVariable))); len(rest) > 0 {
		die(exitUsage, "%s=%q: %q is not a flag", flagVariable, os.Getenv(flagVariable), rest[0])
	}
	args := o.parse(argv[min(1, len(argv)):])
	if len(args) == 0 {
		die(exitUsage, "missing program; usage: %s [flags] program [argument ...] (-h prints help)", myName())
	}
	o.program, o.args = lookPath(args[0]), args
	return o
}

// parse parses flags and returns what follows them.
func (o *options) parse(args []string) (rest []string) {
	for len(args) > 0 {
		arg := args[0]
		if len(arg) < 2 || arg[0] != '-' {
			break
		}
		args = args[1:]
		if arg == "--" {
			break
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		need := func() string {
			if !hasValue {
				if len(args) == 0 {
					die(exitUsage, "%s needs a value (%s -h prints help)", arg, myName())
				}
				value, args = args[0], args[1:]
			}
			return value
		}
		number := func() int {
			n, err := strconv.Atoi(need())
			if err != nil {
				die(exitUsage, "%s: %v", arg, err)
			}
			return n
		}
		switch name {
		case "h", "help":
			fmt.Print(usage())
			os.Exit(0)
		case "host":
			checkHost(value)
			os.Exit(0)
		case "version":
			fmt.Printf("go_darwin_exec goxnu: XNU %d to %d on linux/amd64, built with %s\n", releases.All[0].Kernel, newest.Kernel, runtime.Version())
			os.Exit(0)
		case "xnu":
			o.release, o.chosen = parseRelease(need()), true
		case "trace":
			o.trace, o.traceFile = true, value
			if o.traceRing = value == "ring"; o.traceRing {
				o.traceFile = ""
			} else if value != "" { // the program may change the directory before it executes another one
				if abs, err := filepath.Abs(value); err == nil {
					o.traceFile = abs
				}
			}
		case "fault":
			if need() == "help" {
				fmt.Print(inject.Help())
				os.Exit(0)
			}
			c, err := inject.Parse(value)
			if err != nil {
				die(exitUsage, "-fault: %v", err)
			}
			o.fault = c
		case "imports":
			o.imports = true
		case "fault-fd": // set by the runner that reports first
			o.faultFD = number()
		default:
			die(exitUsage, "unknown flag %s (%s -h prints help)", arg, myName())
		}
	}
	return args
}

// checkHost says which of the ports this host can run, or only whether it can
// run one. It ends the runner if there is one that it cannot.
func checkHost(only string) {
	ports := []struct {
		arch string
		test func() error
	}{{"amd64", vcpu.SelfTest}, {"386", vcpu.SelfTest32}}
	status, known := 0, only == ""
	for _, p := range ports {
		if only != "" && p.arch != only {
			continue
		}
		known = true
		if err := p.test(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: darwin/%s: %v\n", myName(), p.arch, err)
			status = exitHost
		} else if only == "" {
			fmt.Printf("darwin/%s: this host runs it\n", p.arch)
		}
	}
	if !known {
		die(exitUsage, "-host=%s: the ports are amd64 and 386", only)
	}
	if status != 0 {
		os.Exit(status)
	}
}

func parseRelease(s string) xnu.Release {
	var names []string
	for _, r := range releases.All {
		if s == r.Name || s == strconv.Itoa(r.Kernel) {
			return xnu.Release(r.Kernel)
		}
		names = append(names, r.Name)
	}
	die(exitUsage, "-xnu: unknown release %q; known are %s", s, strings.Join(names, " "))
	return 0
}

// lookPath finds a program as a shell does: a name without a slash in PATH.
func lookPath(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if dir == "" {
			dir = "."
		}
		path := filepath.Join(dir, name)
		if !strings.Contains(path, "/") {
			path = "./" + path
		}
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return path
		}
	}
	die(exitNotFound, "%s: not found in PATH", name)
	return ""
}

// runner returns the command that runs another program in the same manner.
func (o *options) runner() []string {
	cmd := []string{runnerName}
	if o.chosen {
		cmd = append(cmd, "-xnu", strconv.Itoa(int(o.release)))
	}
	switch {
	case o.traceRing:
		cmd = append(cmd, "-trace=ring")
	case o.trace:
		cmd = append(cmd, "-trace="+o.traceFile)
	}
	if o.fault != nil {
		cmd = append(cmd, "-fault="+o.fault.String())
		if o.faultFD >= 0 {
			cmd = append(cmd, "-fault-fd="+strconv.Itoa(o.faultFD))
		}
	}
	return cmd
}

// state is what another runner for the same program has to know.
func (o *options) state() *xnu.ExecState {
	st := new(xnu.ExecState)
	if o.exec != nil {
		*st = *o.exec
	}
	st.Resume, st.Retry = int32(o.resume), o.retry
	st.Runner, st.Path, st.Args, st.Env = o.runner(), o.program, o.args, o.env
	return st
}
