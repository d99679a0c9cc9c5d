// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package suite

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"goxnu/misc/internal/tree"
)

// The suite selfhost builds the toolchain's own commands for the host
// darwin/amd64, runs them under the runner, and compares what they make with
// what this host's make, byte for byte.
//
// Both go commands see one GOROOT and one working directory, by the same
// paths; each has a build cache of its own. One difference between the two
// toolchains is meant: a tool's identity holds the content half of its build
// ID (change toolid), and from there gets into every build ID. The tools for
// darwin are therefore linked with the build IDs of this host's.

// selfPrograms are built by both toolchains.
var selfPrograms = map[string]string{
	"bare":  "package main\n\nfunc main() { println(\"hello\") }\n",
	"hello": "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\") }\n",
	"serve": "package main\n\nimport \"net/http\"\n\nfunc main() { http.ListenAndServe(\"\", nil) }\n",
}

// selfTested are packages whose tests run in the full form.
var selfTested = []string{"strings", "sort", "errors", "os/exec", "encoding/json", "internal/buildcfg"}

// A selfHost is one of the two toolchains.
type selfHost struct {
	dir   string   // where it works
	argv  []string // the go command
	env   []string
	cache string
	tmp   string // TMPDIR, to be empty after every command
}

// run runs the go command and returns its standard output.
func (h *selfHost) run(settings []string, args ...string) ([]byte, error) {
	cmd := exec.Command(h.argv[0], append(h.argv[1:], args...)...)
	cmd.Dir = h.dir
	cmd.Env = append(slices.Clone(h.env), settings...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, out, stderr.Bytes())
	}
	if left, err := os.ReadDir(h.tmp); err != nil || len(left) > 0 {
		return nil, fmt.Errorf("%s: left in TMPDIR: %v %v", strings.Join(cmd.Args, " "), left, err)
	}
	return out, nil
}

// selfhost runs the small form of the suite, or with -long the full one.
func (t *tester) selfhost() error {
	dir, err := os.MkdirTemp("", "goxnu-selfhost")
	if err != nil {
		return err
	}
	defer removeAll(dir)
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	host, guest, err := t.selfHosts(dir)
	if err != nil {
		return err
	}

	darwin := []string{"GOOS=darwin", "GOARCH=amd64", "CGO_ENABLED=0"}
	programs := []string{"bare"}
	packages := "runtime"
	if t.Long {
		programs = slices.Sorted(maps.Keys(selfPrograms))
		packages = "std"
	}
	steps := []struct {
		name string
		long bool
		do   func() error
	}{
		{"build " + packages, false, func() error {
			_, err := guest.run(nil, "build", packages)
			return err
		}},
		{"objects of " + packages, false, func() error { return t.sameObjects(host, guest, darwin, packages) }},
		{"programs for darwin", false, func() error { return samePrograms(host, guest, darwin, programs) }},
		{"programs for " + runtime.GOOS, true, func() error {
			return samePrograms(host, guest, []string{"GOOS=" + runtime.GOOS, "GOARCH=" + runtime.GOARCH, "CGO_ENABLED=0"}, programs)
		}},
		{"go run", true, func() error {
			out, err := guest.run(nil, "run", "./hello")
			if err == nil && string(out) != "hello\n" {
				err = fmt.Errorf("go run ./hello printed %q", out)
			}
			return err
		}},
		{"go test, with vet and coverage", true, func() error {
			out, err := guest.run(nil, append([]string{"test", "-short", "-cover"}, selfTested...)...)
			if n := bytes.Count(out, []byte("ok  \t")); err == nil && n != len(selfTested) {
				err = fmt.Errorf("%d packages passed, want %d\n%s", n, len(selfTested), out)
			}
			return err
		}},
		{"go tool test2json", true, func() error {
			out, err := guest.run(nil, "tool", "test2json", "-p=p", os.Args[0], "-h")
			if err == nil && !bytes.Contains(out, []byte(`"Action":"pass"`)) {
				err = fmt.Errorf("no event pass\n%s", out)
			}
			return err
		}},
	}
	for _, s := range steps {
		if s.long && !t.Long {
			continue
		}
		start := time.Now()
		if err := s.do(); err != nil {
			t.fail("selfhost: "+s.name, err.Error())
		} else {
			t.pass("selfhost: "+s.name, time.Since(start).Seconds())
		}
	}
	return nil
}

// selfHosts makes in dir what the two toolchains need.
func (t *tester) selfHosts(dir string) (host, guest *selfHost, err error) {
	root := filepath.Join(dir, "goroot")
	tools := filepath.Join(root, "pkg", "tool")
	hostTools := filepath.Join("pkg", "tool", runtime.GOOS+"_"+runtime.GOARCH)
	bin := filepath.Join(root, "bin")
	work := filepath.Join(dir, "work")
	for _, d := range []string{tools, bin, work} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			return nil, nil, err
		}
	}
	entries, err := os.ReadDir(t.goroot)
	if err != nil {
		return nil, nil, err
	}
	links := []string{hostTools, filepath.Join("pkg", "include")}
	for _, e := range entries {
		if e.Name() != "pkg" && e.Name() != "bin" {
			links = append(links, e.Name())
		}
	}
	for _, l := range links {
		if err := os.Symlink(filepath.Join(t.goroot, l), filepath.Join(root, l)); err != nil {
			return nil, nil, err
		}
	}
	files := map[string]string{"go.mod": "module self\n\ngo 1.26\n"}
	for name, text := range selfPrograms {
		files[filepath.Join(name, "main.go")] = text
	}
	for name, text := range files {
		name = filepath.Join(work, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return nil, nil, err
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			return nil, nil, err
		}
	}

	newHost := func(name string, settings []string, argv ...string) (*selfHost, error) {
		h := &selfHost{dir: work, argv: argv}
		home := filepath.Join(dir, name)
		h.cache, h.tmp = filepath.Join(home, "cache"), filepath.Join(home, "tmp")
		h.env = append(tree.Env(t.goroot, settings...), "PWD="+work, "HOME="+home, "GOPATH="+filepath.Join(home, "go"),
			"XDG_CONFIG_HOME="+home, "GOCACHE="+h.cache, "TMPDIR="+h.tmp, "GOPROXY=off")
		return h, os.MkdirAll(h.tmp, 0o777)
	}
	if host, err = newHost("host", []string{"GOROOT=" + root}, filepath.Join(t.goroot, "bin", "go")); err != nil {
		return nil, nil, err
	}
	// The guest's go command has to find its GOROOT by itself.
	settings := []string{"GOXNU_RUNNER="}
	if t.release != "" {
		settings = []string{"GOXNU_RUNNER=-xnu " + t.release}
	}
	guest, err = newHost("guest", settings, tree.Runner(t.goroot, "amd64"), filepath.Join(bin, "go"))
	if err != nil {
		return nil, nil, err
	}

	// The tools for darwin come from the user's build cache, if they are there.
	builder := &selfHost{dir: filepath.Join(t.goroot, "src"), argv: host.argv, tmp: host.tmp}
	builder.env = append(tree.Env(t.goroot, "GOOS=darwin", "GOARCH=amd64", "CGO_ENABLED=0"), "TMPDIR="+host.tmp, "PWD="+builder.dir)
	build := func(pkg, to string, flags ...string) error {
		_, err := builder.run(nil, append([]string{"build", "-trimpath", "-o", to}, append(flags, pkg)...)...)
		return err
	}
	for _, name := range []string{"go", "gofmt"} {
		if err := build("cmd/"+name, filepath.Join(bin, name)); err != nil {
			return nil, nil, err
		}
	}
	list, err := os.ReadDir(filepath.Join(t.goroot, hostTools))
	if err != nil {
		return nil, nil, err
	}
	for _, e := range list {
		if e.Name() == "cgo" { // the port has none
			continue
		}
		out, err := exec.Command(filepath.Join(t.goroot, hostTools, e.Name()), "-V=full").Output()
		if err != nil {
			return nil, nil, err
		}
		_, content, ok := strings.Cut(strings.TrimSpace(string(out)), " content=")
		if !ok {
			return nil, nil, fmt.Errorf("%s -V=full says nothing of its content: %s", e.Name(), out)
		}
		to := filepath.Join(tools, "darwin_amd64", e.Name())
		if err := build("cmd/"+e.Name(), to, "-ldflags=-X=cmd/internal/objabi.buildID=selfhost/"+content); err != nil {
			return nil, nil, err
		}
	}
	return host, guest, nil
}

// sameObjects compares the compiled packages of both toolchains.
func (t *tester) sameObjects(host, guest *selfHost, settings []string, packages string) error {
	files := func(h *selfHost, settings []string) (map[string]string, error) {
		out, err := h.run(settings, "list", "-export", "-deps", "-f", "{{if .Export}}{{.ImportPath}} {{.Export}}{{end}}", packages)
		m := map[string]string{}
		for line := range strings.Lines(string(out)) {
			pkg, file, _ := strings.Cut(strings.TrimSpace(line), " ")
			m[pkg] = file
			if !strings.HasPrefix(file, h.cache+"/") {
				return nil, fmt.Errorf("%s comes from %s, outside of the cache %s", pkg, file, h.cache)
			}
		}
		return m, err
	}
	want, err := files(host, settings)
	if err != nil {
		return err
	}
	got, err := files(guest, nil)
	if err != nil {
		return err
	}
	if len(want) == 0 || len(got) != len(want) {
		return fmt.Errorf("%d packages, want %d", len(got), len(want))
	}
	var errs []error
	for pkg := range want {
		errs = append(errs, sameFile(want[pkg], got[pkg], pkg))
	}
	t.Report.Printf("      %d packages compared\n", len(want))
	return errors.Join(errs...)
}

// samePrograms compares the executables of both toolchains.
func samePrograms(host, guest *selfHost, settings, programs []string) error {
	for _, p := range programs {
		var files []string
		for _, h := range []*selfHost{host, guest} {
			file := filepath.Join(filepath.Dir(h.cache), p)
			files = append(files, file)
			if _, err := h.run(settings, "build", "-o", file, "./"+p); err != nil {
				return err
			}
		}
		if err := sameFile(files[0], files[1], p); err != nil {
			return err
		}
	}
	return nil
}

// sameFile says where the files differ that should both hold what.
func sameFile(want, got, what string) error {
	w, err := os.ReadFile(want)
	if err != nil {
		return err
	}
	g, err := os.ReadFile(got)
	if err != nil {
		return err
	}
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			from := max(0, i-20)
			return fmt.Errorf("%s differs at byte %d of %d: %q, want %q", what, i, len(w), g[from:min(len(g), i+40)], w[from:min(len(w), i+40)])
		}
	}
	if len(w) != len(g) || len(w) == 0 {
		return fmt.Errorf("%s has %d bytes, want %d", what, len(g), len(w))
	}
	return nil
}
