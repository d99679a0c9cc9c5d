// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Rules checks that the runner is XNU: it runs the rules of its guest program
// under the kernels of several releases.
//
//	usage: rules [-arch amd64] [-xnu RELEASES] [-run REGEXP]
//	       rules -table
//
// A rule is a function of the guest (see there) that makes raw system calls,
// without a Go runtime, and fails if the kernel behaves in another way than
// XNU's source says. -table writes the table of doc/rules.md.
//
// It prints what failed and `N passed, N failed`. The exit status is 1 if
// anything failed, 2 for a mistake in the call.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"

	"goxnu/misc/internal/bounded"
)

var (
	arch  = flag.String("arch", "amd64", "run guests of the port darwin/`ARCH`")
	xnu   = flag.String("xnu", "", "under these `RELEASES` (10.6 or 1504, separated by blanks); all is every one; by default, those where a rule changes")
	want  = flag.String("run", "", "only rules whose name matches `REGEXP`")
	with  = flag.String("runner", "", "run the guests with this `FILE` instead of the installed runner")
	table = flag.Bool("table", false, "write the table of doc/rules.md")
)

func main() {
	flag.Parse()
	re, err := regexp.Compile(*want)
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q; -h lists the flags", flag.Arg(0))
	}
	var s *Suite
	if err == nil {
		s, err = newSuite(*arch)
	}
	if err == nil && *table {
		err = s.writeTable()
	} else if err == nil {
		err = s.build()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rules:", err)
		os.Exit(2)
	}
	defer s.clean()
	bounded.EndOnSignal(s.clean)
	if *table {
		return
	}
	var mu sync.Mutex
	passed, failed := 0, 0
	s.each(re, *xnu, func(r rule, release string, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			passed++
			return
		}
		failed++
		fmt.Printf("--- %s, xnu-%s: %v\n", r.name, release, strings.TrimSpace(err.Error()))
	})
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		s.clean()
		os.Exit(1)
	}
}
