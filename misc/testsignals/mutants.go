// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"goxnu/misc/internal/tree"
)

// A mutant is a mistake made on purpose; see lib/signals/mutants.tsv.
type mutant struct {
	name     string
	programs []string
	releases []string
	harmless bool // the programs must not fail
	edits    []edit
	graft    []string // flags of graft
	what     string
}

// An edit replaces a text that occurs once in a file.
type edit struct{ file, old, new string }

func mutantsFile(top string) string { return filepath.Join(top, "lib", "signals", "mutants.tsv") }

// readMutants reads lib/signals/mutants.tsv, which explains itself.
func readMutants(file string) ([]mutant, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []mutant
	unescape := strings.NewReplacer(`\n`, "\n", `\t`, "\t")
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		bad := func(why string) error { return fmt.Errorf("lib/signals/mutants.tsv:%d: %s", n, why) }
		switch {
		case f[0] == "" && len(list) == 0:
			return nil, bad("an edit without a mutant")
		case f[0] == "" && len(f) == 4:
			m := &list[len(list)-1]
			e := edit{f[1], unescape.Replace(f[2]), unescape.Replace(f[3])}
			if e.file == "graft" {
				m.graft = strings.Fields(e.old + " " + e.new)
			} else {
				m.edits = append(m.edits, e)
			}
		case f[0] != "" && len(f) == 5:
			m := mutant{name: f[0], programs: strings.Fields(f[1]), releases: strings.Fields(f[2]), what: f[4]}
			switch f[3] {
			case "fail":
			case "pass":
				m.harmless = true
			default:
				return nil, bad(fmt.Sprintf("%q is neither fail nor pass", f[3]))
			}
			list = append(list, m)
		default:
			return nil, bad(fmt.Sprintf("%d fields", len(f)))
		}
	}
	return list, nil
}

// apply makes an edit, in the composed tree's file (src/...) or the
// repository's (misc/...). It returns the path of the file and the new text.
func (s *suite) apply(e edit, texts map[string]string) error {
	path := filepath.Join(s.top, filepath.FromSlash(e.file))
	if strings.HasPrefix(e.file, "src/") {
		path = filepath.Join(s.goroot, filepath.FromSlash(e.file))
	}
	text, ok := texts[path]
	if !ok {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text = string(b)
	}
	if n := strings.Count(text, e.old); n != 1 {
		return fmt.Errorf("%s: %q occurs %d times, not once", e.file, e.old, n)
	}
	texts[path] = strings.Replace(text, e.old, e.new, 1)
	return nil
}

// overlay writes the -overlay file for the edits.
func (s *suite) overlay(edits []edit) (string, error) {
	texts := map[string]string{}
	for _, e := range edits {
		if err := s.apply(e, texts); err != nil {
			return "", err
		}
	}
	replace := map[string]string{}
	for path, text := range texts {
		file := filepath.Join(s.tmp, fmt.Sprintf("%d-%s", len(replace), filepath.Base(path)))
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			return "", err
		}
		replace[path] = file
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(s.tmp, "overlay.json")
	return file, os.WriteFile(file, b, 0o666)
}

// prepare returns the runner for a mutant, and what the go command needs to
// build programs.
func (s *suite) prepare(m mutant) (runner string, settings, flags []string, err error) {
	runner = s.runner()
	if m.graft != nil {
		dir := filepath.Join(s.tmp, "goroot")
		os.RemoveAll(dir)
		cmd := exec.Command(filepath.Join(s.top, ".build", "graft"), append(m.graft, "-C", s.top, "-q", "-o", dir)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", nil, nil, fmt.Errorf("%v: %v\n%s", cmd.Args, err, out)
		}
		for _, name := range []string{"bin", "pkg"} {
			if err := os.Symlink(filepath.Join(s.goroot, name), filepath.Join(dir, name)); err != nil {
				return "", nil, nil, err
			}
		}
		settings = []string{"GOROOT=" + dir}
	}
	if m.edits == nil {
		return runner, settings, nil, nil
	}
	overlay, err := s.overlay(m.edits)
	if err != nil {
		return "", nil, nil, err
	}
	isRunner := func(e edit) bool { return strings.HasPrefix(e.file, "misc/") }
	if slices.ContainsFunc(m.edits, isRunner) {
		runner = filepath.Join(s.tmp, filepath.Base(runner))
		cmd := tree.Go(s.goroot, filepath.Join(s.top, "misc"), nil, "build", "-overlay="+overlay, "-trimpath", "-buildmode=pie", "-o", runner, "./go_darwin_exec")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", nil, nil, fmt.Errorf("building the runner: %v\n%s", err, out)
		}
	}
	if slices.ContainsFunc(m.edits, func(e edit) bool { return !isRunner(e) }) {
		flags = []string{"-overlay=" + overlay}
	}
	return runner, settings, flags, nil
}

// tries is how often a program may miss a mistake that shows only at times.
const tries = 3

// mutate runs the programs against every mutant.
func (s *suite) mutate(want *regexp.Regexp) error {
	list, err := readMutants(mutantsFile(s.top))
	if err != nil {
		return err
	}
	for _, m := range list {
		if !want.MatchString(m.name) {
			continue
		}
		runner, settings, flags, err := s.prepare(m)
		if err != nil {
			return fmt.Errorf("mutant %s: %v", m.name, err)
		}
		for _, name := range m.programs {
			p, err := s.program(name)
			if err != nil {
				return fmt.Errorf("mutant %s: %v", m.name, err)
			}
			exe, err := s.build(p, settings, flags...)
			if err != nil {
				return fmt.Errorf("mutant %s: %v", m.name, err)
			}
			for _, release := range m.releases {
				s.try(m, p, runner, release, exe)
			}
		}
	}
	return nil
}

// rule runs a rule of misc/rules with another runner.
func (s *suite) rule(runner, release, exe, name string) ([]byte, error) {
	cmd := exec.Command(exe, "-arch", *arch, "-runner", runner, "-xnu", release, "-run", "^"+name+"$")
	cmd.Env = tree.Env(s.goroot)
	cmd.Dir = filepath.Join(s.top, "misc")
	return cmd.CombinedOutput()
}

func (s *suite) try(m mutant, p program, runner, release, exe string) {
	start := time.Now()
	var out []byte
	var err error
	for range tries {
		if p.rule {
			out, err = s.rule(runner, release, exe, p.name)
		} else {
			out, err = s.exec(runner, release, exe)
		}
		if err != nil {
			break
		}
	}
	result := "killed"
	switch {
	case m.harmless && err != nil:
		result = "FAILED"
		fmt.Fprintf(&s.report, "--- %s: %s fails on %s: %v\n%s", m.name, p.name, release, err, tail(out))
	case m.harmless:
		result = "passed"
	case err == nil:
		result = "SURVIVED"
		fmt.Fprintf(&s.report, "--- %s: %s does not notice on %s: %s\n", m.name, p.name, release, m.what)
	}
	if result == "killed" || result == "passed" {
		s.passed++
	} else {
		s.failed++
	}
	why := ""
	if err != nil {
		why, _, _ = strings.Cut(string(out), "\n")
		if why == "" {
			why = err.Error()
		}
	}
	fmt.Printf("%-18s %-16s %-6s %-8s %5.1fs  %s\n", m.name, p.name, release, result, time.Since(start).Seconds(), why)
}

// table prints, for doc/signals.md, what each program guards against and which
// mutants show that it can fail.
func (s *suite) table(w io.Writer) error {
	list, err := readMutants(mutantsFile(s.top))
	if err != nil {
		return err
	}
	fmt.Fprint(w, "| bug | program | mutants that it kills |\n|---|---|---|\n")
	for _, p := range s.programs {
		var kills []string
		for _, m := range list {
			if !m.harmless && slices.Contains(m.programs, p.name) {
				kills = append(kills, m.name)
			}
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", strings.Join(p.bugs, ", "), p.name, strings.Join(kills, ", "))
	}
	return nil
}
