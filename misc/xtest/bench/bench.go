// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package bench compares a darwin program under the runner with the same
// program built for this machine, in one run: see guest for what is measured.
package bench

import (
	"bufio"
	"bytes"
	"errors"
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
	"goxnu/misc/xtest/run"
)

// Flags are those of the subcommand, beside the shared ones.
type Flags struct {
	run.Options
	Out string
}

// Register adds the flags to fs.
func (f *Flags) Register(fs *flag.FlagSet) {
	f.Options.Flags(fs, "arch", "run", "count")
	fs.StringVar(&f.Out, "o", "", "write every measurement to `FILE` in the form that benchstat reads; - is standard output, instead of the table")
}

// A guest is the program as one system runs it.
type guest struct {
	goos string
	argv []string
}

// Main measures Count times, in turn, and prints the medians.
func Main(f *Flags) error {
	var text bytes.Buffer
	for _, arch := range f.Archs {
		b, err := measure(f, arch)
		if err != nil {
			return err
		}
		b.benchfmt(&text)
		if f.Out != "-" {
			if err := b.table(os.Stdout); err != nil {
				return err
			}
		}
	}
	switch f.Out {
	case "":
		return nil
	case "-":
		_, err := os.Stdout.Write(text.Bytes())
		return err
	}
	return os.WriteFile(f.Out, text.Bytes(), 0o666)
}

// measurements are nanoseconds by system and name.
type measurements struct {
	arch  string
	names []string // in order
	ns    map[string][]float64
}

func measure(f *Flags, arch string) (*measurements, error) {
	top, err := tree.Top()
	if err != nil {
		return nil, err
	}
	goroot, err := tree.Goroot()
	if err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "xtest-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	guests := []guest{
		{"linux", []string{filepath.Join(tmp, "linux")}},
		{"darwin", []string{tree.Runner(goroot, arch), filepath.Join(tmp, "darwin")}},
	}
	for _, g := range guests {
		settings := []string{"GOOS=" + g.goos, "GOARCH=" + arch, "CGO_ENABLED=0"}
		build := tree.Go(goroot, filepath.Join(top, "misc"), settings, "build", "-o", filepath.Join(tmp, g.goos), "./xtest/bench/guest")
		if _, err := tree.Output(build); err != nil {
			return nil, err
		}
	}
	m := &measurements{arch: arch, ns: map[string][]float64{}}
	for range f.Count {
		for _, g := range guests {
			out, err := tree.Output(exec.Command(g.argv[0], append(g.argv[1:], f.Run.String())...))
			if err != nil {
				return nil, fmt.Errorf("%s: %v", g.goos, err)
			}
			for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
				name, v, _ := strings.Cut(sc.Text(), "\t")
				ns, err := strconv.ParseFloat(v, 64)
				if err != nil {
					return nil, err
				}
				if !slices.Contains(m.names, name) {
					m.names = append(m.names, name)
				}
				m.ns[g.goos+name] = append(m.ns[g.goos+name], ns)
			}
		}
	}
	if len(m.names) == 0 {
		return nil, errors.New("-run matches no measurement")
	}
	return m, nil
}

// table prints the medians and, behind ±, how far a value was from them at most.
func (m *measurements) table(f *os.File) error {
	w := tabwriter.NewWriter(f, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\tlinux/%s ns\t\tdarwin/%s under the runner ns\t\tratio\t\n", processor(), m.arch, m.arch)
	for _, name := range m.names {
		l, ls := median(m.ns["linux"+name])
		d, ds := median(m.ns["darwin"+name])
		fmt.Fprintf(w, "%s\t%.1f\t±%.0f%%\t%.1f\t±%.0f%%\t%.2f\t\n", name, l, ls*100, d, ds*100, d/l)
	}
	return w.Flush()
}

// benchfmt writes what benchstat reads (golang.org/x/perf/benchfmt): one line a
// measurement, the system as a configuration key.
func (m *measurements) benchfmt(w *bytes.Buffer) {
	fmt.Fprintf(w, "cpu: %s\ngoarch: %s\n", processor(), m.arch)
	for _, goos := range []string{"linux", "darwin"} {
		fmt.Fprintf(w, "goos: %s\n", goos)
		for _, name := range m.names {
			for _, ns := range m.ns[goos+name] {
				fmt.Fprintf(w, "Benchmark%s%s 1 %.1f ns/op\n", strings.ToUpper(name[:1]), name[1:], ns)
			}
		}
	}
}

// processor names the machine's processor, as lscpu does.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	var model, family, number string
	for line := range strings.Lines(string(info)) {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(name) {
		case "model name":
			model = value
		case "cpu family":
			family = value
		case "model":
			number = value
		case "":
			return fmt.Sprintf("%s (family %s, model %s)", model, family, number)
		}
	}
	return "unknown processor"
}

// median returns the median of v and the greatest distance from it, as a share.
func median(v []float64) (mid, spread float64) {
	slices.Sort(v)
	mid = v[len(v)/2]
	return mid, max(mid-v[0], v[len(v)-1]-mid) / mid
}
