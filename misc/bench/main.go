// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Bench compares a darwin program under the runner with the same program built
// for this machine, in one run: misc/bench/guest, which see for what is measured.
//
//	usage: bench [-arch amd64] [-n 3]
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"goxnu/misc/internal/tree"
)

func main() {
	arch := flag.String("arch", "amd64", "measure darwin/`ARCH`")
	n := flag.Int("n", 3, "run each program `N` times, in turn, and take the medians")
	flag.Parse()
	if flag.NArg() > 0 || *n < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := bench(*arch, *n); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(arch string, n int) error {
	top, err := tree.Top()
	if err != nil {
		return err
	}
	goroot, err := tree.Goroot()
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "goxnu-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)

	guests := []struct {
		goos string
		argv []string
	}{
		{"linux", []string{filepath.Join(tmp, "linux")}},
		{"darwin", []string{tree.Runner(goroot, arch), filepath.Join(tmp, "darwin")}},
	}
	for _, g := range guests {
		settings := []string{"GOOS=" + g.goos, "GOARCH=" + arch, "CGO_ENABLED=0"}
		build := tree.Go(goroot, filepath.Join(top, "misc"), settings, "build", "-o", filepath.Join(tmp, g.goos), "./bench/guest")
		if _, err := tree.Output(build); err != nil {
			return err
		}
	}
	var names []string
	ns := map[string][]float64{} // by system and name
	for range n {
		for _, g := range guests {
			out, err := tree.Output(exec.Command(g.argv[0], g.argv[1:]...))
			if err != nil {
				return fmt.Errorf("%s: %v", g.goos, err)
			}
			for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
				name, v, _ := strings.Cut(sc.Text(), "\t")
				f, err := strconv.ParseFloat(v, 64)
				if err != nil {
					return err
				}
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
				ns[g.goos+name] = append(ns[g.goos+name], f)
			}
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "what\tlinux/%s ns\tdarwin/%s under the runner ns\tratio\t\n", arch, arch)
	for _, name := range names {
		l, d := median(ns["linux"+name]), median(ns["darwin"+name])
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.2f\t\n", name, l, d, d/l)
	}
	return w.Flush()
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
