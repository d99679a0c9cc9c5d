// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A world is a made-up upstream and a repository laid over it.
type world struct {
	t        *testing.T
	dir      string
	upstream string
	top      string
	out      string
}

// The manifest and the files of newWorld's repository are the tests' own;
// its upstream is always this.
var upstreamFiles = map[string]string{
	"VERSION":              "go9.9.9\ntime 2030-01-01T00:00:00Z\n",
	"go.env":               "# Defaults.\nGOPROXY=direct\nGOTOOLCHAIN=auto\n",
	"README.md":            "upstream\n",
	"bin/go":               "a binary\n",
	"pkg/tool/x":           "a binary\n",
	"src/go/build/zcgo.go": "package build // made by dist\n",
	"src/runtime/proc.go": `// Copyright.

// Package runtime is made up.
package runtime

import (
	"os"
	str "strings"
	"time"
)

// newproc makes a proc.
//
//go:nosplit
func newproc(n int) string {
	// Inner comment.
	return str.Repeat(os.Args[0], n)
}

// A M is a thread.
type M[T any] struct{ id T }

func (m *M[T]) start(d time.Duration) { os.Exit(1) }

// clock tells the time.
//
//go:linkname clock time.clock
func clock() time.Time { return time.Now() }

const (
	zero = iota
	one
)

const (
	a = 1
	// b is two.
	b = 2
)

var x, y = 1, 2

var lone = map[string]int{
	"k": 1,
}

func init() {}
`,
	"src/runtime/sys.s": `// Copyright.

#include "textflag.h"

// open opens.
TEXT runtime·open(SB),NOSPLIT,$0-8
	MOVL $5, AX // TEXT no
	SYSCALL

	RET

// close closes.
/* TEXT ·never(SB),0,$0 */
TEXT ·close<ABIInternal>(SB),NOSPLIT,$0
	RET

#ifdef GOOS_x
TEXT ·half(SB),NOSPLIT,$0
#ifdef Y
	NOP
#endif
#else
TEXT ·other(SB),NOSPLIT,$0
#ifdef Y
	NOP
TEXT ·torn(SB),NOSPLIT,$0
#endif
	RET
#endif

DATA ·tab+0(SB)/8, $1
GLOBL ·tab(SB), RODATA, $8

TEXT ·last(SB),NOSPLIT,$0
	RET

// The end.
`,
	"src/runtime/tagged.go":   "// Copyright.\n\n//go:build !plan9\n// +build !plan9\n\npackage runtime\n",
	"src/runtime/untagged.go": "// Copyright.\n\n// Package doc.\npackage runtime\n",
	"src/runtime/bare.go":     "package runtime\n",
	"src/os/file.go":          "package os\n",
}

func newWorld(t *testing.T, manifest string, files map[string]string) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t, dir, filepath.Join(dir, "upstream"), filepath.Join(dir, "repo"), filepath.Join(dir, "out")}
	for p, s := range upstreamFiles {
		w.put("upstream/"+p, s)
	}
	w.put("repo/VERSION", "go9.9.9-goxnu\ntime 2030-01-01T00:00:00Z\n")
	w.put("repo/go.env", "GOTOOLCHAIN=local\n")
	w.put("repo/"+manifestPath, manifest)
	for p, s := range files {
		w.put("repo/"+p, s)
	}
	return w
}

func (w *world) put(p, s string) {
	w.t.Helper()
	p = filepath.Join(w.dir, filepath.FromSlash(p))
	if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(s), 0o666); err != nil {
		w.t.Fatal(err)
	}
}

// graft runs the command in the world.
func (w *world) graft(args ...string) (string, error) {
	var out bytes.Buffer
	err := run(append([]string{"-C", w.top, "-o", w.out, "-upstream", w.upstream}, args...), &out, io.Discard)
	if err != nil {
		err = explain(err)
	}
	return out.String(), err
}

func (w *world) must(args ...string) string {
	w.t.Helper()
	out, err := w.graft(args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// fails wants an error with all the words in it.
func (w *world) fails(args []string, words ...string) {
	w.t.Helper()
	_, err := w.graft(args...)
	if err == nil {
		w.t.Fatalf("no error; want one about %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			w.t.Errorf("error %q does not say %q", err, word)
		}
	}
}

// read returns a file of the composed tree, "" if it is not there.
func (w *world) read(p string) string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.out, filepath.FromSlash(p)))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return string(data)
}

func (w *world) contains(p, s string) {
	w.t.Helper()
	if got := w.read(p); !strings.Contains(got, s) {
		w.t.Errorf("%s lacks %q; it is:\n%s", p, s, got)
	}
}

func (w *world) lacks(p, s string) {
	w.t.Helper()
	if got := w.read(p); strings.Contains(got, s) {
		w.t.Errorf("%s has %q; it is:\n%s", p, s, got)
	}
}

func printOf(p string) string { return fingerprint([]byte(upstreamFiles[p])) }

// declPrint returns the fingerprint of one of upstream's declarations.
func declPrint(t *testing.T, p, decl string) string {
	t.Helper()
	print := ""
	if err := declTexts(p, []byte(upstreamFiles[p]), func(d string, text []byte) {
		if d == decl {
			print = fingerprint(text)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if print == "" {
		t.Fatalf("%s has no %s", p, decl)
	}
	return print
}

func TestAdd(t *testing.T) {
	w := newWorld(t, "change one  adds\n\tadd src/runtime/new.go\n\tadd src/lib/\n\tadd test/\n\tlocal test/skip.txt\n", map[string]string{
		"src/runtime/new.go":     "package runtime\n",
		"src/lib/a.go":           "package lib\n",
		"src/lib/deep/b.go":      "package deep\n",
		"src/cmd/graft/main.go":  "package main\n",
		"src/make.bash":          "true\n",
		"test/t.go":              "// run\npackage main\n",
		"test/skip.txt":          "skip\n",
		"src/runtime/.new.go.sw": "an editor's\n",
	})
	w.must()
	for _, p := range []string{"src/runtime/new.go", "src/lib/a.go", "src/lib/deep/b.go", "test/goxnu/t.go", "src/os/file.go", "README.md"} {
		if w.read(p) == "" {
			t.Errorf("%s is missing", p)
		}
	}
	for _, p := range []string{"src/cmd/graft/main.go", "src/make.bash", "test/t.go", "test/skip.txt", "test/goxnu/skip.txt", "bin/go", "pkg/tool/x", "src/go/build/zcgo.go", "src/runtime/.new.go.sw"} {
		if w.read(p) != "" {
			t.Errorf("%s was composed", p)
		}
	}
	w.contains("VERSION", "go9.9.9-goxnu\n")
	if got := w.read("go.env"); got != "GOTOOLCHAIN=local\nGOPROXY=direct\n" {
		t.Errorf("go.env is %q", got)
	}
}

func TestAddRefused(t *testing.T) {
	w := newWorld(t, "change one  adds\n\tadd src/os/file.go\n", map[string]string{"src/os/file.go": "package os // ours\n"})
	w.fails(nil, "src/os/file.go", "shadow")
	w = newWorld(t, "change one  adds\n\tadd src/os/none.go\n\tadd src/none/\n", nil)
	w.fails(nil, "src/os/none.go", "no such file", "src/none/", "no file there")
	w = newWorld(t, "change one  adds nothing\n", map[string]string{"src/os/stray.go": "package os\n", "test/stray.go": "\n", "api/x.txt": "\n"})
	w.fails(nil, "src/os/stray.go belongs to no change", "test/stray.go", "api/x.txt", manifestPath)
}

func TestShadowDropBuild(t *testing.T) {
	manifest := fmt.Sprintf(`change one  all three
	shadow src/os/file.go %s -- ours is better
	drop src/runtime/bare.go %s -- not wanted
	build src/runtime/tagged.go %s darwin && (amd64 || 386) -- only there
	build src/runtime/untagged.go %s !ios -- not there
`, printOf("src/os/file.go"), printOf("src/runtime/bare.go"), printOf("src/runtime/tagged.go"), printOf("src/runtime/untagged.go"))
	w := newWorld(t, manifest, map[string]string{"src/os/file.go": "package os // ours\n"})
	w.must()
	if got, want := w.read("src/os/file.go"), "package os // ours\n"; got != want {
		t.Errorf("shadowed file is %q, want %q", got, want)
	}
	if got := w.read("src/runtime/bare.go"); got != "" {
		t.Errorf("dropped file is there: %q", got)
	}
	if got, want := w.read("src/runtime/tagged.go"), "// Copyright.\n\n//go:build darwin && (amd64 || 386)\n\npackage runtime\n"; got != want {
		t.Errorf("tagged file is %q, want %q", got, want)
	}
	if got, want := w.read("src/runtime/untagged.go"), "// Copyright.\n\n//go:build !ios\n\n// Package doc.\npackage runtime\n"; got != want {
		t.Errorf("untagged file is %q, want %q", got, want)
	}

	// The wrong fingerprint stops each, and so does a missing file.
	for _, it := range []string{
		"shadow src/os/file.go 000000000000 -- why",
		"drop src/os/file.go ? -- why",
		"build src/os/file.go 000000000000 linux -- why",
	} {
		w := newWorld(t, "change one  x\n\t"+it+"\n", nil)
		if strings.HasPrefix(it, "shadow") {
			w.put("repo/src/os/file.go", "package os\n")
		}
		w.fails(nil, "src/os/file.go", printOf("src/os/file.go"), manifestPath+":2")
	}
	w = newWorld(t, "change one  x\n\tdrop src/os/none.go ? -- why\n", nil)
	w.fails(nil, "src/os/none.go", "no such file")
}

func TestDerive(t *testing.T) {
	print := printOf("src/runtime/tagged.go")
	manifest := fmt.Sprintf(`change zero  edits what is derived from
	build src/runtime/tagged.go %s linux -- to be seen that the copy is of upstream's
change one  derives
	derive src/runtime/tagged_386.go from src/runtime/tagged.go %s darwin && !ios -- one table serves both
	derive src/runtime/proc_386.go from src/runtime/proc.go %s !ios -- with one declaration less
	add src/runtime/ours_386.go
`, print, print, printOf("src/runtime/proc.go"))
	w := newWorld(t, manifest, map[string]string{
		"src/runtime/ours_386.go": over("replace", "proc_386.go", declPrint(t, "src/runtime/proc.go", "newproc"), "func newproc(n int) string { return \"ours\" }"),
	})
	w.must()
	if got, want := w.read("src/runtime/tagged_386.go"), "// Copyright.\n\n//go:build darwin && !ios\n\npackage runtime\n"; got != want {
		t.Errorf("derived file is %q, want %q", got, want)
	}
	if got, want := w.read("src/runtime/tagged.go"), "// Copyright.\n\n//go:build linux\n\npackage runtime\n"; got != want {
		t.Errorf("file derived from is %q, want %q", got, want)
	}
	if got := w.read("src/runtime/proc.go"); got != upstreamFiles["src/runtime/proc.go"] {
		t.Errorf("file derived from is edited: %q", got)
	}
	if got := w.read("src/runtime/proc_386.go"); strings.Contains(got, "func newproc(") || !strings.Contains(got, "func clock()") {
		t.Errorf("derived file has not had one declaration replaced: %q", got)
	}
	w.must() // and again, over what is there

	for _, tt := range []struct{ it, word string }{
		{"derive src/os/new.go from src/os/file.go 000000000000 linux -- why", printOf("src/os/file.go")},
		{"derive src/os/new.go from src/os/none.go ? linux -- why", "no such file: src/os/none.go"},
		{"derive src/os/file.go from src/os/file.go ? linux -- why", "has this file already"},
	} {
		w := newWorld(t, "change one  x\n\t"+tt.it+"\n", nil)
		w.fails(nil, tt.word, manifestPath+":2")
	}
}

func TestSetConstraint(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"package p\n", "//go:build X\n\npackage p\n"},
		{"// C\n\npackage p\n", "// C\n\n//go:build X\n\npackage p\n"},
		{"// C\n\n//go:build a\n\npackage p\n", "// C\n\n//go:build X\n\npackage p\n"},
		{"//go:build a\n\npackage p\n\n//go:build no\n", "//go:build X\n\npackage p\n\n//go:build no\n"},
		{"// Doc of p.\npackage p\n", "//go:build X\n\n// Doc of p.\npackage p\n"},
		{"/* C\n\n */\n\npackage p\n", "//go:build X\n\n/* C\n\n */\n\npackage p\n"},
		{"// C\n\n#include \"x\"\n", "// C\n\n//go:build X\n\n#include \"x\"\n"},
		{"// C\n#include \"x\"\n", "// C\n\n//go:build X\n\n#include \"x\"\n"},
	} {
		if got := string(setConstraint([]byte(tt.in), "X")); got != tt.want {
			t.Errorf("setConstraint(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// over returns a Go overlay file with one directive above decl.
func over(op, target, print, decl string) string {
	return fmt.Sprintf("package runtime\n\n// Doc.\n//\n//graft:%s %s %s because it must\n%s\n", op, target, print, decl)
}

func TestWrap(t *testing.T) {
	w := newWorld(t, "change one  wraps\n\tadd src/runtime/ours.go\n\tadd src/runtime/ours2.go\n", map[string]string{
		"src/runtime/ours.go":  over("wrap", "proc.go", declPrint(t, "src/runtime/proc.go", "newproc"), "func newproc(n int) string { return upstream_newproc(n) }"),
		"src/runtime/ours2.go": over("wrap", "proc.go", declPrint(t, "src/runtime/proc.go", "M.start"), "func (m *M[T]) start(d time.Duration) { m.upstream_start(d) }"),
	})
	w.must()
	want := strings.NewReplacer("func newproc(", "func upstream_newproc(", ") start(", ") upstream_start(").Replace(upstreamFiles["src/runtime/proc.go"])
	if got := w.read("src/runtime/proc.go"); got != want {
		t.Errorf("wrapped file is\n%s\nwant\n%s", got, want)
	}
	w.contains("src/runtime/ours.go", "//graft:wrap proc.go")
}

func TestReplace(t *testing.T) {
	proc := "src/runtime/proc.go"
	w := newWorld(t, "change one  replaces\n\tadd src/runtime/ours.go\n\tadd src/runtime/ours2.go\n\tadd src/runtime/ours3.go\n\tadd src/runtime/ours4.go\n", map[string]string{
		"src/runtime/ours.go":  over("replace", "proc.go", declPrint(t, proc, "newproc"), "func newproc(n int) string { return \"\" }"),
		"src/runtime/ours2.go": over("replace", "proc.go", declPrint(t, proc, "clock"), "func clock() (t struct{}) { return }"),
		"src/runtime/ours3.go": over("replace", "proc.go", declPrint(t, proc, "b"), "const b = 3"),
		"src/runtime/ours4.go": over("replace", "proc.go", declPrint(t, proc, "lone"), "var lone = 3"),
	})
	w.must()
	w.lacks(proc, "Repeat")
	w.lacks(proc, "go:nosplit")
	w.lacks(proc, "newproc makes")
	w.contains(proc, "// newproc is replaced in ours.go.")
	w.contains(proc, `_ "strings"`) // only newproc used it
	w.contains(proc, "\t\"os\"\n")
	w.contains(proc, "//go:linkname clock time.clock")
	w.lacks(proc, "time.Now")
	w.lacks(proc, "b = 2")
	w.contains(proc, "a = 1")
	w.lacks(proc, `"k"`)
	if _, err := parseGo(proc, []byte(w.read(proc))); err != nil {
		t.Error(err)
	}
}

func TestDirectiveRefused(t *testing.T) {
	fn := "func newproc(n int) string { return \"\" }"
	for _, tt := range []struct {
		name, src string
		words     []string
	}{
		{"unknown fingerprint", over("wrap", "proc.go", "?", fn), []string{"src/runtime/ours.go:5", "wrap newproc", declPrint(t, "src/runtime/proc.go", "newproc"), "write it there"}},
		{"stale fingerprint", over("replace", "proc.go", "0123456789ab", fn), []string{"replace newproc", declPrint(t, "src/runtime/proc.go", "newproc"), "changed"}},
		{"no such declaration", over("wrap", "proc.go", "?", "func gone() {}"), []string{"does not declare gone"}},
		{"no such file", over("wrap", "none.go", "?", fn), []string{"src/runtime/none.go"}},
		{"another directory", over("wrap", "../os/file.go", "?", fn), []string{"same directory"}},
		{"its own file", over("wrap", "ours.go", "?", fn), []string{"its own"}},
		{"assembly from Go", over("wrap", "sys.s", "?", fn), []string{"not a .go file"}},
		{"unknown verb", over("swap", "proc.go", "?", fn), []string{"//graft:swap"}},
		{"no reason", "package runtime\n\n//graft:wrap proc.go ?\n" + fn + "\n", []string{"FINGERPRINT why"}},
		{"not above a declaration", "package runtime\n\n//graft:wrap proc.go ? why\n\n" + fn + "\n", []string{"ours.go:3", "right above"}},
		{"inside a function", "package runtime\n\nfunc f() {\n\t//graft:wrap proc.go ? why\n}\n", []string{"ours.go:4", "right above"}},
		{"two names", over("replace", "proc.go", "?", "var x, y int"), []string{"2 names"}},
		{"joint declaration", over("replace", "proc.go", declPrint(t, "src/runtime/proc.go", "x"), "var x int"), []string{"together with 1"}},
		{"iota", over("replace", "proc.go", declPrint(t, "src/runtime/proc.go", "one"), "const one = 1"), []string{"iota"}},
		{"wrapped variable", over("wrap", "proc.go", declPrint(t, "src/runtime/proc.go", "lone"), "var lone int"), []string{"only functions"}},
		{"syntax error", "package runtime\n\n//graft:wrap proc.go ? why\nfunc {\n", []string{"ours.go:4"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, "change one  x\n\tadd src/runtime/ours.go\n", map[string]string{"src/runtime/ours.go": tt.src})
			w.fails(nil, tt.words...)
		})
	}

	// Wrapping init or the same function twice.
	w := newWorld(t, "change one  x\n\tadd src/runtime/ours.go\n\tadd src/runtime/ours2.go\n", map[string]string{
		"src/runtime/ours.go":  over("wrap", "proc.go", declPrint(t, "src/runtime/proc.go", "newproc"), fn),
		"src/runtime/ours2.go": over("wrap", "ours.go", "?", fn),
	})
	w.fails(nil, "wrap newproc", "fingerprint of newproc in src/runtime/ours.go")
}

func TestAssembly(t *testing.T) {
	sys := "src/runtime/sys.s"
	asm := func(op, name string) string {
		return fmt.Sprintf("// %s does it.\n//graft:%s sys.s %s because\n// More.\nTEXT ·%s(SB),NOSPLIT,$0\n\tRET\n", name, op, declPrint(t, sys, name), name)
	}
	w := newWorld(t, "change one  x\n\tadd src/runtime/ours.s\n\tadd src/runtime/ours2.s\n\tadd src/runtime/ours3.s\n\tadd src/runtime/ours4.s\n", map[string]string{
		"src/runtime/ours.s":  asm("wrap", "open"),
		"src/runtime/ours2.s": asm("replace", "close"),
		"src/runtime/ours3.s": asm("replace", "last"),
		"src/runtime/ours4.s": asm("replace", "half"),
	})
	w.must()
	w.contains(sys, "TEXT runtime·upstream_open(SB),NOSPLIT,$0-8\n")
	w.contains(sys, "// close is replaced in ours2.s.\n\n#ifdef GOOS_x\n")
	w.contains(sys, "// last is replaced in ours3.s.\n\n// The end.\n")
	w.contains(sys, "#ifdef GOOS_x\n// half is replaced in ours4.s.\n#else\nTEXT ·other")
	w.lacks(sys, "ABIInternal")

	want := "TEXT runtime·open(SB),NOSPLIT,$0-8\n\tMOVL $5, AX // TEXT no\n\tSYSCALL\n\n\tRET"
	if got, want := declPrint(t, sys, "open"), fingerprint([]byte(want)); got != want {
		t.Errorf("the fingerprint of open is %s, want that of its text without what follows, %s", got, want)
	}

	for _, tt := range []struct {
		src   string
		words []string
	}{
		{asm("replace", "other"), []string{"replace other", "#endif"}},
		{"//graft:wrap sys.s ? why\nTEXT ·open(SB),0,$0\n", []string{"ours.s:1", declPrint(t, sys, "open")}},
		{"//graft:wrap sys.s ? why\nTEXT ·gone(SB),0,$0\n", []string{"no TEXT gone"}},
		{"//graft:wrap sys.s ? why\n\nTEXT ·open(SB),0,$0\n", []string{"ours.s:1", "right above"}},
		{"//graft:wrap sys.s ? why\n", []string{"ours.s:1", "right above"}},
		{"//graft:wrap proc.go ? why\nTEXT ·newproc(SB),0,$0\n", []string{"not a .s file"}},
	} {
		w := newWorld(t, "change one  x\n\tadd src/runtime/ours.s\n", map[string]string{"src/runtime/ours.s": tt.src})
		w.fails(nil, tt.words...)
	}
}

func TestManifestRefused(t *testing.T) {
	for _, tt := range []struct{ text, word string }{
		{"\tadd src/x.go\n", "belongs to no change"},
		{"changes x y\n", "change NAME purpose"},
		{"change\n", "no name"},
		{"change a/b  x\n", "bad change name"},
		{"change a\n", "no purpose"},
		{"change a off\n", "no purpose"},
		{"change a  x\nchange a  y\n", "already defined in line 1"},
		{"change a  x\n\tremove src/x.go\n", "unknown verb"},
		{"change a  x\n\tadd\n", "names no file"},
		{"change a  x\n\tadd ../x.go\n", "bad path"},
		{"change a  x\n\tadd /x.go\n", "bad path"},
		{"change a  x\n\tadd src//x.go\n", "bad path"},
		{"change a  x\n\tadd src/x.go\n\tadd src/x.go\n", "already named"},
		{"change a  x\n\tadd src/x.go y\n", "only a path"},
		{"change a  x\n\tdrop src/x.go\n", "no fingerprint"},
		{"change a  x\n\tdrop src/x.go ?\n", "no reason"},
		{"change a  x\n\tdrop src/ ? -- y\n", "not the directory"},
		{"change a  x\n\tdrop src/x.go ? y -- z\n", "unexpected"},
		{"change a  x\n\tbuild src/x.go ? -- z\n", "no constraint"},
		{"change a  x\n\tbuild src/x.go ? a && -- z\n", "bad constraint"},
		{"change a  x\n\tderive src/x.go src/y.go ? a -- z\n", "derive FILE from FILE"},
		{"change a  x\n\tderive src/x.go from ../y.go ? a -- z\n", "bad path"},
		{"change a  x\n\tderive src/x.go from src/y/x.go ? a -- z\n", "not of the same directory"},
		{"change a  x\n\tderive src/x.go from src/x.s ? a -- z\n", "not of the same directory and kind"},
		{"change a  x\n\tderive src/x.go from src/y.go ? -- z\n", "no constraint"},
		{"change a  x\n\tadd src/x.go\n\tderive src/x.go from src/y.go ? a -- z\n", "already named"},
		{"change a  x\n\tserve beos -- z\n", "no system \"beos\""},
		{"change a  x\n\tserve linux\n", "SYSTEM... -- why"},
	} {
		_, err := parseManifest("m", tt.text)
		if err == nil || !strings.Contains(err.Error(), tt.word) || !strings.HasPrefix(err.Error(), "m:") {
			t.Errorf("parseManifest(%q) says %v, want a line number and %q", tt.text, err, tt.word)
		}
	}
}

func TestChoose(t *testing.T) {
	w := newWorld(t, "change one  x\n\tadd src/os/one.go\nchange two off  y\n\tadd src/os/two.go\n", map[string]string{
		"src/os/one.go": "package os\n\nfunc f() int { return 1 }\n",
		"src/os/two.go": "package os\n\n//graft:replace one.go " + fingerprint([]byte("func f() int { return 1 }")) + " why\nfunc f() int { return 2 }\n",
	})
	w.must()
	w.contains("src/os/one.go", "return 1")
	if w.read("src/os/two.go") != "" {
		t.Error("a change marked off was composed")
	}
	w.must("-with", "two") // replaces what an earlier change added
	w.lacks("src/os/one.go", "return 1")
	w.contains("src/os/two.go", "return 2")
	w.must("-without", "one,two")
	if w.read("src/os/one.go") != "" || w.read("src/os/two.go") != "" {
		t.Error("-without left files behind")
	}
	w.fails([]string{"-without", "three"}, `no change "three"`, "-list")
	w.fails([]string{"-with", "three"}, `no change "three"`)
	w.fails([]string{"stray"}, `"stray"`)
}

func TestSync(t *testing.T) {
	w := newWorld(t, "change one  x\n\tadd src/os/one.go\n\tadd src/os/two.go\n", map[string]string{
		"src/os/one.go": "package os // 1\n",
		"src/os/two.go": "package os // 2\n",
	})
	w.must()
	// What the build makes is kept.
	for _, p := range []string{"bin/gofmt", "pkg/tool/linux_amd64/x", "src/internal/buildcfg/zbootstrap.go"} {
		w.put("out/"+p, "product\n")
	}
	w.put("out/src/os/stray/junk.go", "junk\n")
	before, err := os.Stat(filepath.Join(w.out, "src/os/two.go"))
	if err != nil {
		t.Fatal(err)
	}
	w.put("repo/src/os/one.go", "package os // new\n")
	if got := w.must(); !strings.Contains(got, "1 written, 1 removed") {
		t.Errorf("sync says %q", got)
	}
	w.contains("src/os/one.go", "new")
	for _, p := range []string{"bin/gofmt", "pkg/tool/linux_amd64/x", "src/internal/buildcfg/zbootstrap.go"} {
		w.contains(p, "product")
	}
	if _, err := os.Stat(filepath.Join(w.out, "src/os/stray")); err == nil {
		t.Error("a directory that does not belong is still there")
	}
	after, err := os.Stat(filepath.Join(w.out, "src/os/two.go"))
	if err != nil {
		t.Fatal(err)
	}
	if !after.ModTime().Equal(before.ModTime()) {
		t.Error("an unchanged file was written")
	}
	if got := w.must(); !strings.Contains(got, "0 written, 0 removed") {
		t.Errorf("sync without edits says %q", got)
	}
	// cmd/dist writes some files again, as they were.
	w.put("out/src/os/file.go", upstreamFiles["src/os/file.go"])
	if got := w.must(); !strings.Contains(got, "0 written, 0 removed") {
		t.Errorf("sync after a file was written as it was says %q", got)
	}
	// A file that was edited by hand, or lost, is made good.
	w.put("out/src/os/file.go", "package os // vandal\n")
	os.Remove(filepath.Join(w.out, "src/runtime/bare.go"))
	w.must()
	if got := w.read("src/os/file.go"); got != upstreamFiles["src/os/file.go"] {
		t.Errorf("edited file is still %q", got)
	}
	if w.read("src/runtime/bare.go") == "" {
		t.Error("lost file is still lost")
	}
	// Back to upstream's after a change is taken out.
	w.put("repo/"+manifestPath, "change one  x\n\tadd src/os/one.go\n\tadd src/os/two.go\n\tbuild src/os/file.go "+printOf("src/os/file.go")+" linux -- why\n")
	w.must()
	w.contains("src/os/file.go", "//go:build linux")
	w.must("-without", "one")
	if got := w.read("src/os/file.go"); got != upstreamFiles["src/os/file.go"] {
		t.Errorf("after -without the file is %q", got)
	}
}

// TestInterrupted stops runs at every step and checks that the output is
// either the old tree or, after the next run, the new one.
func TestInterrupted(t *testing.T) {
	stopped := errors.New("stopped")
	manifest := "change one  x\n\tadd src/os/one.go\n\tadd src/os/two.go\n"
	w := newWorld(t, manifest, map[string]string{"src/os/one.go": "package os // 1\n", "src/os/two.go": "package os // 2\n"})

	// runUntil composes and stops at the nth step; it reports whether it got there.
	runUntil := func(n int) (step string, done bool) {
		t.Helper()
		o, err := readOverlay(w.top)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := readUpstream(w.upstream)
		if err != nil {
			t.Fatal(err)
		}
		if err := identify(w.top, tr); err != nil {
			t.Fatal(err)
		}
		if err := o.compose(tr, o.changes, nil); err != nil {
			t.Fatal(err)
		}
		out, err := openOutput(w.out, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		defer out.close()
		out.stop = func(s string) error {
			step = s
			if n--; n < 0 {
				return stopped
			}
			return nil
		}
		_, err = out.write(tr, "mark")
		if err != nil && err != stopped {
			t.Fatal(err)
		}
		if _, serr := os.Stat(out.stage()); serr == nil && !strings.HasPrefix(step, "commit") {
			t.Errorf("stopped at %q: what was staged still takes space", step)
		}
		return step, err == nil
	}
	// The first composition: nothing is there until all is.
	steps := 0
	for ; ; steps++ {
		step, done := runUntil(steps)
		if done {
			break
		}
		if _, err := os.Stat(w.out); err == nil {
			t.Fatalf("stopped at %q, yet the output exists", step)
		}
	}
	if steps < 10 {
		t.Errorf("only %d steps were interrupted", steps)
	}
	w.contains("src/os/one.go", "1")

	// A sync of one edit, one new and one removed file.
	commits := 0
	for n := 0; ; n++ {
		w.put("repo/"+manifestPath, manifest)
		w.put("repo/src/os/one.go", "package os // 1\n")
		w.put("repo/src/os/two.go", "package os // 2\n")
		os.Remove(filepath.Join(w.top, "src/os/three.go"))
		w.must("-q")
		w.put("repo/"+manifestPath, "change one  x\n\tadd src/os/one.go\n\tadd src/os/three.go\n")
		w.put("repo/src/os/one.go", "package os // new\n")
		w.put("repo/src/os/three.go", "package os // 3\n")
		os.Remove(filepath.Join(w.top, "src/os/two.go"))
		step, done := runUntil(n)
		if done {
			break
		}
		if strings.HasPrefix(step, "commit") {
			commits++
			// The next run finishes the journal before anything else, even
			// if it then refuses to compose.
			out, err := openOutput(w.out, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			out.close()
			w.contains("src/os/one.go", "new")
			w.contains("src/os/three.go", "3")
			if w.read("src/os/two.go") != "" {
				t.Errorf("stopped at %q: two.go is still there", step)
			}
			continue
		}
		if got := w.read("src/os/one.go") + w.read("src/os/two.go") + w.read("src/os/three.go"); got != "package os // 1\npackage os // 2\n" {
			t.Errorf("stopped at %q, yet the output changed to %q", step, got)
		}
	}
	if commits < 3 {
		t.Errorf("only %d interruptions of the last step were tried", commits)
	}
}

func TestUserMistakes(t *testing.T) {
	w := newWorld(t, "change one  x\n", nil)
	w.put("out/precious", "mine\n")
	w.fails(nil, w.out, "not composed by graft", "-o")
	w.contains("precious", "mine")
	os.RemoveAll(w.out)

	w.put("upstream/VERSION", "go9.9.8\n")
	w.fails(nil, "go9.9.8", "go9.9.9", "install")
	w.put("upstream/VERSION", "go9.9.9\n")
	os.Remove(filepath.Join(w.upstream, "src/runtime/proc.go"))
	w.fails(nil, "no sources")
	os.Remove(filepath.Join(w.upstream, "VERSION"))
	w.fails(nil, "no GOROOT", "go9.9.9")

	t.Setenv("PATH", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GOROOT_BOOTSTRAP", "")
	_, err := findUpstream("", "go9.9.9")
	if err == nil || !strings.Contains(err.Error(), "no installed Go") || !strings.Contains(err.Error(), "https://go.dev/dl/") {
		t.Errorf("without a Go: %v", err)
	}
	t.Setenv("GOROOT_BOOTSTRAP", filepath.Join(w.dir, "old"))
	w.put("old/VERSION", "go9.9.1\n")
	_, err = findUpstream("", "go9.9.9")
	if err == nil || !strings.Contains(err.Error(), "go9.9.1") || !strings.Contains(err.Error(), "go9.9.9 is needed") {
		t.Errorf("with an old Go: %v", err)
	}

	w = newWorld(t, "change one  x\n", nil)
	w.put("repo/VERSION", "go9.9.9\n")
	w.fails(nil, "VERSION", "-goxnu")
	if err := run([]string{"-C", w.upstream}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), manifestPath) {
		t.Errorf("outside a repository: %v", err)
	}
}

// A run that waits for another one says for which, once; one that need not wait
// says nothing.
func TestLock(t *testing.T) {
	patience := lockPatience
	lockPatience = 10 * time.Millisecond
	defer func() { lockPatience = patience }()
	w := newWorld(t, "change one  x\n", nil)
	held, err := openOutput(w.out, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	done := make(chan error)
	go func() {
		done <- run([]string{"-C", w.top, "-o", w.out, "-upstream", w.upstream}, io.Discard, pipe)
		pipe.Close()
	}()
	said := bufio.NewReader(r)
	line, err := said.ReadString('\n')
	want := fmt.Sprintf("graft: waiting for %s, which another run is composing: process %d, since 20", w.out, os.Getpid())
	if err != nil || !strings.HasPrefix(line, want) || !strings.HasSuffix(line, ": "+strings.Join(os.Args, " ")+"\n") {
		t.Errorf("%q, %v; want %q... and the command", line, err, want)
	}
	held.close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if rest, _ := io.ReadAll(said); len(rest) > 0 {
		t.Errorf("it also says %q", rest)
	}
	var stderr bytes.Buffer
	if err := run([]string{"-C", w.top, "-o", w.out, "-upstream", w.upstream}, io.Discard, &stderr); err != nil || stderr.Len() > 0 {
		t.Errorf("alone: %v, %q", err, &stderr)
	}
}

// A file's name may hold blanks: what looks like the name of another file must
// not be taken for it.
func TestBlanks(t *testing.T) {
	w := newWorld(t, "change one  x\n\tadd src/os/ours/\n", map[string]string{"src/os/ours/a.go": "package ours\n"})
	w.must()
	w.put("out/"+builtMark, "")
	w.put("repo/src/os/ours/testdata/new VERSION", "data\n")
	out := w.must()
	if strings.Contains(out, "VERSION has changed") {
		t.Errorf("a new file makes graft say %q", out)
	}
	if _, err := os.Stat(filepath.Join(w.out, filepath.FromSlash(builtMark))); err != nil {
		t.Error(err)
	}
	w.contains("src/os/ours/testdata/new VERSION", "data")
}

func TestReadOnly(t *testing.T) {
	if os.Getuid() == 0 { // who may write everywhere; so as nobody
		dir, err := os.MkdirTemp("", "graft")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestReadOnly$", "-test.v")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+dir, "HOME="+dir)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestReadOnly") {
			t.Errorf("as nobody: %v\n%s", err, out)
		}
		return
	}
	w := newWorld(t, "change one  x\n", nil)
	if err := os.Chmod(w.dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(w.dir, 0o777)
	w.fails(nil, "cannot write", "-o DIR")
}

// TestExplain checks the messages for failures that a test cannot provoke
// everywhere.
func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		err  error
		word string
	}{
		{&os.PathError{Op: "write", Path: "/x", Err: errNoSpace}, "no space left while writing /x"},
		{&os.PathError{Op: "open", Path: "/x", Err: errReadOnly}, "cannot write /x"},
		{&os.LinkError{Op: "rename", Old: "/a", New: "/x", Err: os.ErrPermission}, "cannot write /x"},
	} {
		if got := explain(tt.err).Error(); !strings.Contains(got, tt.word) || strings.Contains(got, "\n") {
			t.Errorf("explain(%v) = %q, want one line with %q", tt.err, got, tt.word)
		}
	}
}

func TestReports(t *testing.T) {
	w := newWorld(t, fmt.Sprintf("change one  first\n\tadd src/runtime/ours.go\n\tdrop src/os/file.go %s -- not wanted\nchange two off  second\n\tadd src/os/two.go\n", printOf("src/os/file.go")), map[string]string{
		"src/runtime/ours.go": over("wrap", "proc.go", declPrint(t, "src/runtime/proc.go", "newproc"), "func newproc(n int) string { return upstream_newproc(n) }"),
		"src/os/two.go":       "package os\n",
	})
	list := w.must("-list")
	for _, want := range []string{
		"one: first\n", "two (off): second\n", "\tadd src/runtime/ours.go\n",
		"\tdrop src/os/file.go -- not wanted\n",
		"\twrap newproc in src/runtime/proc.go (src/runtime/ours.go:5) -- because it must\n",
	} {
		if !strings.Contains(list, want) {
			t.Errorf("-list lacks %q; it is\n%s", want, list)
		}
	}
	if _, err := os.Stat(w.out); err == nil {
		t.Error("-list composed")
	}
	if got, want := w.must("-fingerprint", "src/os/file.go"), printOf("src/os/file.go")+"\n"; got != want {
		t.Errorf("-fingerprint of a file is %q, want %q", got, want)
	}
	if got, want := w.must("-fingerprint", "src/runtime/proc.go", "M.start"), declPrint(t, "src/runtime/proc.go", "M.start")+" M.start\n"; got != want {
		t.Errorf("-fingerprint of a method is %q, want %q", got, want)
	}
	w.fails([]string{"-fingerprint", "src/runtime/proc.go", "gone"}, "does not declare gone")
	if got, want := strings.TrimSpace(w.must("-print-upstream")), w.upstream; got != want {
		t.Errorf("-print-upstream is %q, want %q", got, want)
	}
}

func TestServe(t *testing.T) {
	w := newWorld(t, "change ports  x\n\tadd src/os/ours_plan9.go\n\tserve linux darwin ios -- only these\n", map[string]string{
		"src/os/ours_plan9.go": "package os\n",
	})
	const tagged = "// C\n\n//go:build %s\n\npackage os\n"
	want := map[string]bool{} // whether the file stays
	file := func(p string, stays bool, text string) {
		w.put("upstream/src/"+p, text)
		want["src/"+p] = stays
	}
	for name, stays := range map[string]bool{
		"windows.go": true, "x_windows.go": false, "x_windows_amd64.go": false, "x_windows_test.go": false,
		"x_linux.go": true, "x_linux_arm.s": true, "x_ios.go": true, "x_android.go": false, "x_darwin_test.go": true,
		"x_wasm.s": false, "x_arm64.s": true, "x_unix.go": true, "race_freebsd.syso": false, "race_linux.syso": true,
		"x_windows.txt": true, "y_plan9_data.go": true,
	} {
		file("os/"+name, stays, "package os\n")
	}
	for i, tt := range []struct {
		expr  string
		stays bool
	}{
		{"windows", false}, {"!windows", true}, {"windows || plan9", false}, {"windows || linux", true},
		{"!linux", true}, {"!linux && !darwin", false}, {"unix", true}, {"!unix", false}, {"cgo && windows", false},
		{"cgo && linux", true}, {"ignore", true}, {"js && wasm", false}, {"wasm", false}, {"!wasm", true},
		{"(amd64 || arm64) && !(linux || darwin)", false}, {"ios", true}, {"android", false}, {"darwin && !ios", true},
	} {
		file(fmt.Sprintf("os/t%d.go", i), tt.stays, fmt.Sprintf(tagged, tt.expr))
	}
	js := fmt.Sprintf(tagged, "js && wasm")
	file("syscall/js/js.go", true, js) // a public package, whose import must resolve
	file("internal/syscall/windows/w.go", false, fmt.Sprintf(tagged, "windows"))
	file("cmd/go/x_windows.go", false, "package main\n")
	file("vendor/x/x_windows.go", true, "package x\n")
	file("os/testdata/x_windows.go", true, "package x\n")
	w.must()
	for p, stays := range want {
		if got := w.read(p) != ""; got != stays {
			t.Errorf("%s stays: %v, want %v", p, got, stays)
		}
	}
	if w.read("src/os/ours_plan9.go") == "" {
		t.Error("a file of the overlay was left out")
	}
	w.must("-without", "ports")
	for p := range want {
		if w.read(p) == "" {
			t.Errorf("%s is missing without the change", p)
		}
	}
}
