// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package signals

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"goxnu/misc/internal/bounded"
	"goxnu/misc/internal/releases"
	"goxnu/misc/internal/tree"
	"goxnu/misc/internal/tsv"
)

// A mutant is a mutation of the runtime or the runner; see lib/signals/mutants.tsv.
type mutant struct {
	name     string
	units    []*unit
	releases []string
	harmless bool               // the tests must not fail
	port     string             // the only port that it is for, or ""
	says     map[*unit][]string // one of these must be in the message of the test that fails
	hangs    []*unit            // the tests that may fail by not coming to an end
	edits    []edit
	graft    []string // flags of graft
	runner   []string // flags of the runner
	what     string
}

// An edit replaces a text that occurs once in a file.
type edit struct{ file, old, new string }

// readMutants reads lib/signals/mutants.tsv, which explains itself.
func (s *suite) readMutants() ([]mutant, error) {
	rows, err := tsv.ReadFile(s.top, "lib/signals/mutants.tsv", "name or none", "tests or file", "releases or old", "result or new", "what?")
	if err != nil {
		return nil, err
	}
	var list []mutant
	unescape := strings.NewReplacer(`\n`, "\n", `\t`, "\t")
	for _, row := range rows {
		f := row.F
		bad := func(why string) error { return row.Errorf("%s", why) }
		switch {
		case f[0] == "" && len(list) == 0:
			return nil, bad("an edit without a mutant")
		case f[0] == "" && f[4] == "":
			if err := list[len(list)-1].add(edit{f[1], unescape.Replace(f[2]), unescape.Replace(f[3])}); err != nil {
				return nil, bad(err.Error())
			}
		case f[0] != "" && f[4] != "":
			m := mutant{name: f[0], releases: strings.Fields(f[2]), what: f[4], says: map[*unit][]string{}}
			for _, name := range strings.Fields(f[1]) {
				u, err := s.unit(name)
				if err != nil {
					return nil, bad(err.Error())
				}
				m.units = append(m.units, u)
			}
			says, isSays := strings.CutPrefix(f[3], "says ")
			switch {
			case f[3] == "fail":
			case f[3] == "pass":
				m.harmless = true
			case isSays && says != "":
				for _, u := range m.units {
					m.says[u] = []string{says}
				}
			default:
				return nil, bad(fmt.Sprintf("%q is neither fail nor pass nor says", f[3]))
			}
			list = append(list, m)
		default:
			return nil, row.Errorf("neither a mutant, with five fields, nor an edit, with four")
		}
	}
	return list, nil
}

// add adds a line below the mutant's own to it.
func (m *mutant) add(e edit) error {
	flags := strings.Fields(e.old + " " + e.new)
	switch e.file {
	case "graft":
		m.graft = flags
	case "runner":
		m.runner = flags
	case "port":
		if m.port = e.old; m.port != "amd64" && m.port != "386" || e.new != "" {
			return fmt.Errorf("there is no port %q", flags)
		}
	case "says", "hangs":
		i := slices.IndexFunc(m.units, func(u *unit) bool { return u.name == e.old })
		if i < 0 || (e.file == "says") != (e.new != "") {
			return fmt.Errorf("%s %q", e.file, flags)
		}
		if e.file == "says" {
			u := m.units[i]
			m.says[u] = append(m.says[u], e.new)
		} else {
			m.hangs = append(m.hangs, m.units[i])
		}
	default:
		m.edits = append(m.edits, e)
	}
	return nil
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

// overlay writes the -overlay file for the edits to dir.
func (s *suite) overlay(dir string, edits []edit) (string, error) {
	texts := map[string]string{}
	for _, e := range edits {
		if err := s.apply(e, texts); err != nil {
			return "", err
		}
	}
	replace := map[string]string{}
	for path, text := range texts {
		file := filepath.Join(dir, fmt.Sprintf("%d-%s", len(replace), filepath.Base(path)))
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			return "", err
		}
		replace[path] = file
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, b, 0o666)
}

// prepare returns a builder of tests with the mutation in them, or in
// the runner.
func (s *suite) prepare(m mutant, arch string) (*builder, error) {
	dir, err := os.MkdirTemp(s.tmp, m.name)
	if err != nil {
		return nil, err
	}
	b := &builder{suite: s, arch: arch, dir: dir, runner: tree.Runner(s.goroot, arch), rflags: m.runner, exes: map[string]string{}}
	if m.graft != nil {
		goroot := filepath.Join(dir, "goroot")
		cmd := exec.Command(filepath.Join(s.top, ".build", "graft"), append(m.graft, "-C", s.top, "-q", "-o", goroot)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%v: %v\n%s", cmd.Args, err, out)
		}
		for _, name := range []string{"bin", "pkg"} {
			if err := os.Symlink(filepath.Join(s.goroot, name), filepath.Join(goroot, name)); err != nil {
				return nil, err
			}
		}
		b.settings = []string{"GOROOT=" + goroot}
	}
	if m.edits == nil {
		return b, nil
	}
	// The runner is built with its own edits only: the host has a runtime too.
	if forRunner := slices.DeleteFunc(slices.Clone(m.edits), func(e edit) bool { return !strings.HasPrefix(e.file, "misc/") }); len(forRunner) > 0 {
		sub := filepath.Join(dir, "runner")
		if err := os.Mkdir(sub, 0o777); err != nil {
			return nil, err
		}
		overlay, err := s.overlay(sub, forRunner)
		if err != nil {
			return nil, err
		}
		b.runner = filepath.Join(sub, filepath.Base(b.runner))
		cmd := tree.Go(s.goroot, filepath.Join(s.top, "misc"), nil, "build", "-overlay="+overlay, "-trimpath", "-buildmode=pie", "-o", b.runner, "./go_darwin_exec")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building the runner: %v\n%s", err, out)
		}
	}
	overlay, err := s.overlay(dir, m.edits)
	if err != nil {
		return nil, err
	}
	b.overlay, b.flags = overlay, []string{"-overlay=" + overlay}
	return b, nil
}

// tries is how often a test may miss a mutation that shows only at times.
const tries = 3

// mutate runs the tests against every mutant.
func (s *suite) mutate(arch string) error {
	list, err := s.readMutants()
	if err != nil {
		return err
	}
	var jobs []job
	for _, m := range list {
		name := "mutants/darwin-" + arch + "/" + m.name
		if m.port != "" && m.port != arch || !s.Take(name) {
			continue
		}
		jobs = append(jobs, job{name, func() []result { return s.mutateOne(m, arch) }})
	}
	s.inOrder(jobs)
	return nil
}

func (s *suite) mutateOne(m mutant, arch string) []result {
	b, err := s.prepare(m, arch)
	if err != nil {
		return []result{{line: m.name + ": FAILED", report: fmt.Sprintf("--- mutant %s: %v\n", m.name, err), outcome: failed}}
	}
	defer os.RemoveAll(b.dir)
	var list []result
	for _, u := range m.units {
		if u.unfit(arch) != "" {
			continue
		}
		if u.kind == module { // it chooses its releases itself
			list = append(list, s.try(m, b, u, "-"))
			continue
		}
		last := ""
		for _, release := range m.releases {
			if _, err := releases.Select(release, arch); err != nil {
				release = releases.Last386.Name
			}
			if release != last {
				list = append(list, s.try(m, b, u, release))
			}
			last = release
		}
	}
	return list
}

func (s *suite) try(m mutant, b *builder, u *unit, release string) (r result) {
	start := time.Now()
	var out []byte
	var err error
	most := limit
	if slices.Contains(m.hangs, u) {
		most = hangLimit
	}
	for range tries {
		if out, err = b.run(u, release, most); err != nil {
			break
		}
	}
	if err == errSkipped {
		err = nil
	}
	verdict, wrong := m.judge(u, out, err)
	if wrong != "" {
		r.outcome = failed
		r.report = fmt.Sprintf("--- %s: %s, %s on %s: %s\n", m.name, u.name, b.arch, release, wrong)
		if err != nil {
			r.report += fmt.Sprintf("%v\n%s", err, tail(out))
		}
	}
	why := ""
	if err != nil {
		why = firstLine(out)
		if why == "" {
			why = err.Error()
		}
	}
	r.name = fmt.Sprintf("mutants/darwin-%s/%s/%s@%s", b.arch, m.name, u.name, release)
	r.elapsed = time.Since(start)
	r.line = fmt.Sprintf("%-18s %-24s %-5s %-6s %-8s %5.1fs  %s", m.name, u.name, b.arch, release, verdict, r.elapsed.Seconds(), why)
	return r
}

// judge says, in a word, what came of a test that was run with the
// mutation: what it printed and, if it failed, how. If that is not as it should be,
// wrong says why.
func (m *mutant) judge(u *unit, out []byte, err error) (verdict, wrong string) {
	says := func(text string) bool { return strings.Contains(fmt.Sprintf("%s\n%v", out, err), text) }
	switch hung := errors.Is(err, bounded.ErrTimedOut); {
	case errors.As(err, new(buildError)):
		return "FAILED", "it cannot be built"
	case m.harmless && err != nil:
		return "FAILED", "it fails, and must not"
	case m.harmless:
		return "passed", ""
	case err == nil:
		return "SURVIVED", "it does not notice: " + m.what
	case hung && !slices.Contains(m.hangs, u):
		return "HUNG", "it does not end, and no line says that it hangs"
	case !hung && m.says[u] != nil && !slices.ContainsFunc(m.says[u], says):
		return "SILENT", fmt.Sprintf("it does not say %q", m.says[u])
	}
	return "killed", ""
}

// firstLine returns the first line of a test's output that says something.
func firstLine(out []byte) string {
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "=== RUN") && !strings.HasPrefix(line, "--- FAIL") {
			return line
		}
	}
	return ""
}
