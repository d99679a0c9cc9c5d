// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bytes"
	"cmp"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// A toolchain is the repository's own, built, or a copy of it.
type toolchain struct {
	t        *testing.T
	top      string // a repository
	goroot   string
	upstream string
}

// builtToolchain returns the repository's toolchain.
func builtToolchain(t *testing.T) *toolchain {
	t.Helper()
	top, err := findTop("")
	if err != nil {
		t.Skip("not inside the repository")
	}
	tc := &toolchain{t: t, top: top, goroot: filepath.Join(top, "goroot")}
	if _, err := os.Stat(filepath.Join(tc.goroot, "pkg", "goxnu-built")); err != nil {
		t.Skip("the toolchain is not built; run src/make.bash")
	}
	release, err := wantedRelease(top)
	if err != nil {
		t.Fatal(err)
	}
	if tc.upstream, err = findUpstream(os.Getenv("GOXNU_UPSTREAM"), release); err != nil {
		t.Fatal(err)
	}
	return tc
}

// clone copies the repository and the built toolchain, so that the test can
// edit the one and sync the other.
func (tc *toolchain) clone() *toolchain {
	tc.t.Helper()
	dir := tc.t.TempDir()
	c := &toolchain{tc.t, filepath.Join(dir, "repo"), filepath.Join(dir, "goroot"), tc.upstream}
	for _, name := range []string{"VERSION", "go.env", "lib/graft", "src", "test", "api"} {
		copyTree(tc.t, filepath.Join(tc.top, name), filepath.Join(c.top, name))
	}
	c.graft()
	for _, name := range []string{"bin", "pkg", "src/internal/buildcfg/zbootstrap.go", "src/go/build/zcgo.go",
		"src/internal/runtime/sys/zversion.go", "src/cmd/go/internal/cfg/zdefaultcc.go", "src/cmd/cgo/zdefaultcc.go"} {
		copyTree(tc.t, filepath.Join(tc.goroot, name), filepath.Join(c.goroot, name))
	}
	return c
}

// copyTree copies a file or a directory, if it exists.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil
			}
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(dst, 0o777)
		}
		if err := os.MkdirAll(filepath.Dir(dst), 0o777); err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		return os.WriteFile(dst, data, info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (tc *toolchain) graft(args ...string) string {
	tc.t.Helper()
	var out bytes.Buffer
	err := run(append([]string{"-C", tc.top, "-o", tc.goroot, "-upstream", tc.upstream}, args...), &out, io.Discard)
	if err != nil {
		tc.t.Fatal(err)
	}
	return out.String()
}

// write puts a file into the repository.
func (tc *toolchain) write(p, s string) {
	tc.t.Helper()
	p = filepath.Join(tc.top, filepath.FromSlash(p))
	if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
		tc.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(s), 0o666); err != nil {
		tc.t.Fatal(err)
	}
}

// goCmd runs the toolchain's go command; settings are KEY=VALUE.
func (tc *toolchain) goCmd(settings []string, args ...string) string {
	tc.t.Helper()
	return goIn(tc.t, tc.goroot, settings, args...)
}

func goIn(t *testing.T, goroot string, settings []string, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(goroot, "bin", "go"), args...)
	cmd.Dir = filepath.Join(goroot, "src")
	cmd.Env = cleanEnv(append([]string{"GOENV=off", "GOWORK=off", "GOTOOLCHAIN=local"}, settings...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// TestIdentity checks how the toolchain introduces itself.
func TestIdentity(t *testing.T) {
	tc := builtToolchain(t)
	version, err := readVersion(tc.top)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tc.goCmd(nil, "version"), "go version "+version+" "+runtime.GOOS+"/"+runtime.GOARCH; got != want {
		t.Errorf("go version says %q, want %q", got, want)
	}
	// As a user has it: no GOTOOLCHAIN in the environment.
	cmd := exec.Command(filepath.Join(tc.goroot, "bin", "go"), "env", "GOTOOLCHAIN")
	cmd.Env = cleanEnv("GOENV=off")
	if out, err := cmd.Output(); err != nil || strings.TrimSpace(string(out)) != "local" {
		t.Errorf("GOTOOLCHAIN is %q, %v; want local", out, err)
	}
	tags := tc.goCmd(nil, "list", "-f", `{{join context.ToolTags " "}}`, "unsafe")
	if !slices.Contains(strings.Fields(tags), "goxnu") {
		t.Errorf("the tool tags are %q; they lack goxnu", tags)
	}

	// A go.mod's go and toolchain lines never make it look for another Go.
	release, err := wantedRelease(tc.top)
	if err != nil {
		t.Fatal(err)
	}
	language := strings.TrimPrefix(release[:strings.LastIndexByte(release, '.')], "go")
	for _, mod := range []string{
		"module m\n\ngo " + language + "\n",
		"module m\n\ngo " + language + ".0\n\ntoolchain " + release + "\n",
		"module m\n\ngo " + language + "\n\ntoolchain " + version + "\n",
		"module m\n\ngo " + strings.TrimPrefix(release, "go") + "\n",
		"module m\n\ngo " + language + "\n\ntoolchain " + release[:strings.LastIndexByte(release, '.')] + ".99\n",
	} {
		dir := t.TempDir()
		for name, s := range map[string]string{
			"go.mod": mod,
			"tag.go": "//go:build goxnu\n\npackage main\n\nconst tag = \"goxnu\"\n",
			"m.go":   "package main\n\nimport \"runtime\"\n\nfunc main() { println(tag, runtime.Version()) }\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(s), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(filepath.Join(tc.goroot, "bin", "go"), "run", ".")
		cmd.Dir = dir
		cmd.Env = cleanEnv("GOENV=off", "GOWORK=off", "GOFLAGS=-mod=mod")
		out, err := cmd.CombinedOutput()
		if want := "goxnu " + version; err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("with go.mod %q a program says %q, %v; want %q", mod, out, err, want)
		}
	}
}

// TestToolVersions checks that every tool's content is part of its cache key.
func TestToolVersions(t *testing.T) {
	tc := builtToolchain(t)
	seen := map[string]string{}
	for _, tool := range []string{"asm", "cgo", "compile", "cover", "fix", "link", "vet"} {
		line := tc.goCmd(nil, "tool", tool, "-V=full")
		_, content, ok := strings.Cut(line, " content=")
		if !ok || len(content) < 10 {
			t.Errorf("%s -V=full says %q, without the tool's content", tool, line)
		}
		if other := seen[content]; other != "" {
			t.Errorf("%s and %s say the same content %s", tool, other, content)
		}
		seen[content] = tool
	}
}

// TestStale checks which installed commands a change of a package concerns.
func TestStale(t *testing.T) {
	o := &output{dir: builtToolchain(t).goroot}
	for _, tt := range []struct {
		source    string
		has, lack string
	}{
		{"src/runtime/proc.go", "cmd/asm cmd/cgo cmd/compile cmd/cover cmd/fix cmd/go cmd/gofmt cmd/link cmd/vet", ""},
		{"src/internal/platform/supported.go", "cmd/compile cmd/go cmd/link", ""},
		{"src/cmd/compile/internal/ssa/op.go", "cmd/compile", "cmd/go cmd/link cmd/asm cmd/gofmt"},
		{"src/cmd/link/internal/ld/macho.go", "cmd/link", "cmd/go cmd/compile cmd/asm"},
		{"src/cmd/internal/objabi/flag.go", "cmd/asm cmd/compile cmd/link cmd/vet", "cmd/gofmt"},
		{"src/net/http/server.go", "cmd/go", "cmd/compile"},
		{"src/cmd/api/api.go", "", "cmd/go cmd/compile"},
	} {
		cmds, err := o.stale([]string{tt.source})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range strings.Fields(tt.has) {
			if !slices.Contains(cmds, c) {
				t.Errorf("a change of %s makes %s stale; want %s too", tt.source, cmds, c)
			}
		}
		for _, c := range strings.Fields(tt.lack) {
			if slices.Contains(cmds, c) {
				t.Errorf("a change of %s makes %s stale; want it without %s", tt.source, cmds, c)
			}
		}
	}
}

// TestStaleCache edits the overlay and checks that nothing built before the
// edit is used after it, though the version is the same and so is the cache.
func TestStaleCache(t *testing.T) {
	if testing.Short() {
		t.Skip("builds packages")
	}
	tc := builtToolchain(t).clone()
	prog := filepath.Join(t.TempDir(), "prog.go")
	if err := os.WriteFile(prog, []byte("package main\n\nimport \"runtime\"\n\nfunc main() { print(runtime.Version()) }\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join(tc.top, filepath.FromSlash(manifestPath)))
	if err != nil {
		t.Fatal(err)
	}
	// A change of the compiler makes what it compiled stale.
	buildID := func() string {
		t.Helper()
		return tc.goCmd(nil, "list", "-export", "-f", "{{.BuildID}}", "internal/goos")
	}
	before := buildID()
	tc.write(manifestPath, string(manifest)+"\nchange probe  made up by a test\n\tadd src/cmd/compile/probe.go\n")
	tc.write("src/cmd/compile/probe.go", "package main\n\nimport \"os\"\n\nfunc init() {\n\tif len(os.Args) > 1 && os.Args[1] == \"-probe\" {\n\t\tprintln(\"probe\")\n\t\tos.Exit(0)\n\t}\n}\n")
	if out := tc.graft(); !strings.Contains(out, "stale: ") {
		t.Errorf("sync without -install says %q; want it to name stale commands", out)
	}
	if out := tc.graft("-install"); !strings.Contains(out, "installing cmd/compile\n") {
		t.Errorf("sync says %q; want it to install cmd/compile and nothing else", out)
	}
	cmd := exec.Command(filepath.Join(tc.goroot, "bin", "go"), "tool", "compile", "-probe")
	cmd.Env = cleanEnv("GOENV=off")
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "probe\n" {
		t.Errorf("compile -probe says %q, %v: the new compiler was not installed", out, err)
	}
	if after := buildID(); after == before {
		t.Errorf("the build ID of a package is %s before and after a change of the compiler", after)
	}
	if err := os.Remove(filepath.Join(tc.top, "src", "cmd", "compile", "probe.go")); err != nil {
		t.Fatal(err)
	}

	// So does a change of a package make what imports it.
	tc.write(manifestPath, string(manifest)+"\nchange probe  made up by a test\n\tadd src/runtime/probe.go\n")
	print, _, _ := strings.Cut(tc.graft("-fingerprint", "src/runtime/extern.go", "Version"), " ")
	said := func() string {
		t.Helper()
		cmd := exec.Command(filepath.Join(tc.goroot, "bin", "go"), "run", prog)
		cmd.Env = cleanEnv("GOENV=off")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, out)
		}
		return string(out)
	}
	version, err := readVersion(tc.top)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"one", "two", "one"} {
		tc.write("src/runtime/probe.go", "package runtime\n\n//graft:wrap extern.go "+print+" a test looks for the change\nfunc Version() string { return upstream_Version() + \" "+word+"\" }\n")
		tc.graft()
		if got, want := said(), version+" "+word; got != want {
			t.Errorf("after the edit the program says %q, want %q", got, want)
		}
	}
	tc.graft("-without", "probe")
	if got := said(); got != version {
		t.Errorf("without the change the program says %q, want %q", got, version)
	}
}

// TestSelection checks that the ports which the fork takes over as they are
// select exactly upstream's files of the standard library.
func TestSelection(t *testing.T) {
	tc := builtToolchain(t)
	// Files of the fork that every port has.
	ours := []string{
		"internal/buildcfg/goxnu.go",
		"internal/platform/darwin386.go", "internal/platform/ports.go", "internal/platform/rawdarwin.go",
	}
	format := `{{$p := .ImportPath}}{{range .GoFiles}}{{$p}}/{{.}}{{"\n"}}{{end}}{{range .SFiles}}{{$p}}/{{.}}{{"\n"}}{{end}}` +
		`{{range .CgoFiles}}{{$p}}/{{.}}{{"\n"}}{{end}}{{range .CFiles}}{{$p}}/{{.}}{{"\n"}}{{end}}{{range .HFiles}}{{$p}}/{{.}}{{"\n"}}{{end}}{{range .SysoFiles}}{{$p}}/{{.}}{{"\n"}}{{end}}`
	for _, port := range []string{"linux/amd64", "linux/arm64", "linux/386", "darwin/arm64", "ios/arm64"} {
		for _, cgo := range []string{"0", "1"} {
			goos, goarch, _ := strings.Cut(port, "/")
			settings := []string{"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=" + cgo}
			list := func(goroot string) []string {
				return strings.Fields(goIn(t, goroot, settings, "list", "-f", format, "std"))
			}
			theirs, got := list(tc.upstream), list(tc.goroot)
			if len(theirs) < 1000 {
				t.Fatalf("%s: upstream selects %d files only", port, len(theirs))
			}
			for _, f := range got {
				if !slices.Contains(theirs, f) && !slices.Contains(ours, f) {
					t.Errorf("%s, CGO_ENABLED=%s: the fork selects %s, upstream does not", port, cgo, f)
				}
			}
			for _, f := range theirs {
				if !slices.Contains(got, f) {
					t.Errorf("%s, CGO_ENABLED=%s: upstream selects %s, the fork does not", port, cgo, f)
				}
			}
		}
	}
}

// TestNoOtherToolchain: no setting makes the go command run another toolchain.
// One that would have let a line of go.mod do so is warned about, and one that
// names another toolchain is refused.
func TestNoOtherToolchain(t *testing.T) {
	tc := builtToolchain(t)
	dir := t.TempDir()
	// What a go command that looks for another toolchain finds in PATH.
	for _, name := range []string{"go1.99.0", "go1.25.1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho another toolchain\n"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	const (
		warned  = "counts as local"
		refused = "runs no other"
		tooNew  = "requires go >= 1.99"
	)
	envFile := filepath.Join(dir, "env")
	for _, c := range []struct {
		setting, mod string
		stdout       string
		stderr       string // a part of it; "" if it must be empty
	}{
		{"", "go 1.26\ntoolchain go1.99.0", "pkg\n", ""},
		{"local", "go 1.26\ntoolchain go1.99.0", "pkg\n", ""},
		{"auto", "go 1.26\ntoolchain go1.99.0", "pkg\n", warned},
		{"path", "go 1.26\ntoolchain go1.99.0", "pkg\n", warned},
		{"local+auto", "go 1.26\ntoolchain go1.99.0", "pkg\n", warned},
		{"go1.26.8-goxnu+path", "go 1.26\ntoolchain go1.99.0", "pkg\n", warned},
		{"auto", "go 1.26\ntoolchain go1.25.1", "pkg\n", ""},
		{"auto", "go 1.99", "", tooNew},
		{"path", "go 1.99", "", warned},
		{"go1.25.1", "go 1.26", "", refused},
		{"go1.99.0+auto", "go 1.26", "", refused},
	} {
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module pkg\n\n"+c.mod+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "pkg.go"), []byte("package pkg\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		file := ""
		if c.setting != "" {
			file = "GOTOOLCHAIN=" + c.setting + "\n"
		}
		if err := os.WriteFile(envFile, []byte(file), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{"GOENV=" + envFile, "GOTOOLCHAIN=" + c.setting} {
			cmd := exec.Command(filepath.Join(tc.goroot, "bin", "go"), "list")
			cmd.Dir = dir
			cmd.Env = cleanEnv("GOENV=off", "GOWORK=off", "GOPROXY=off", "PATH="+dir+":"+os.Getenv("PATH"), from)
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			if (err == nil) != (c.stdout != "") || stdout.String() != c.stdout ||
				!strings.Contains(stderr.String(), c.stderr) || c.stderr == "" && stderr.Len() != 0 {
				t.Errorf("%q and %s: %v\n%s%s", c.mod, from, err, stdout.String(), stderr.String())
			}
		}
		cmd := exec.Command(filepath.Join(tc.goroot, "bin", "go"), "env", "GOTOOLCHAIN")
		cmd.Dir, cmd.Env = dir, cleanEnv("GOENV="+envFile, "GOPROXY=off")
		want := cmp.Or(c.setting, "local")
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%q: go env GOTOOLCHAIN: %v\n%s", c.setting, err, out)
		}
	}
}
