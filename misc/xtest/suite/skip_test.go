// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package suite

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"goxnu/misc/internal/tree"
)

func TestReadSkips(t *testing.T) {
	skips, err := parse(parseSkips, skipColumns, "# comment\n\nnet\tTestX|TestY\tdarwin/amd64\tno such thing on darwin\nplugin\t*\t*\tneeds dyld\n"+
		"os\tTestL\t*@10.6-10.9\told\nnet\tTestR\t*@fault\tshort reads\nos\tTestF\t*@fault=eintr-fs\tno loop\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []skip{
		{pkg: "net", test: "TestX|TestY", port: "darwin/amd64", reason: "no such thing on darwin"},
		{pkg: "plugin", test: "*", port: "*", reason: "needs dyld"},
		{pkg: "os", test: "TestL", port: "*", first: "10.6", last: "10.9", reason: "old"},
		{pkg: "net", test: "TestR", port: "*", when: whenFault, reason: "short reads"},
		{pkg: "os", test: "TestF", port: "*", when: whenKind + "eintr-fs", reason: "no loop"},
	}
	if !slices.Equal(skips, want) {
		t.Errorf("got %q, want %q", skips, want)
	}
	for _, bad := range []string{
		"net\tTestX\tdarwin/amd64\n", "net TestX * reason\n", "os\tTestL\t*@10.9-10.6\told\n", "os\tTestL\t*@lion\told\n", "os\tTestL\t*@\told\n",
	} {
		if _, err := parse(parseSkips, skipColumns, bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestSkipInForce(t *testing.T) {
	old := skip{port: "*", first: "10.6", last: "10.9"}
	for release, want := range map[string]bool{"10.6": true, "10.9": true, "10.10": false, "11": false, "": false} {
		if old.inForce("darwin/amd64", release) != want {
			t.Errorf("10.6-10.9 on %q: got %v", release, !want)
		}
	}
	other := skip{port: "darwin/386"}
	if other.inForce("darwin/amd64", "") || !other.inForce("darwin/386", "10.6") {
		t.Error("the port is not heeded")
	}
	fault := skip{port: "*", when: whenFault}
	if fault.inForce("darwin/386", "") || fault.inForce("darwin/386", "", noBinfmt) || !fault.inForce("darwin/386", "", noBinfmt, whenFault) {
		t.Error("the condition is not heeded")
	}
}

func TestSkipFlag(t *testing.T) {
	got := skipFlag([]string{"TestX|TestY", "Test/fixedbugs/issue1.go"})
	if want := "-skip=^TestX$|^TestY$|^Test$/^fixedbugs$/^issue1.go$"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestSkipsExist checks that what test/skip.txt leaves out is there, for each
// port that a line is about: the package, the test, and for each element of a
// subtest's name a string in the test's package, or a file of goroot/test,
// that it matches. A package that selfskips.txt names must have tests as well.
func TestSkipsExist(t *testing.T) {
	tester, err := newTester(testFlags())
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"amd64", "386"} {
		tester.arch = arch
		names := map[string]testNames{}
		load := func(pkg string) testNames {
			if _, ok := names[pkg]; !ok {
				names[pkg] = tester.testNames(t, pkg)
			}
			return names[pkg]
		}
		for _, s := range tester.skips {
			if s.port != "*" && s.port != "darwin/"+arch {
				continue
			}
			n := load(s.pkg)
			if n.tests == nil {
				t.Errorf("%s on %s has no tests", s.pkg, arch)
			} else if s.test != "*" {
				for _, test := range strings.Split(s.test, "|") {
					if what := n.missing(test); what != "" {
						t.Errorf("%s %s on %s: nothing is called %s", s.pkg, test, arch, what)
					}
				}
			}
		}
		for _, s := range tester.selfSkips {
			if s.pkg != "*" && !strings.HasSuffix(s.pkg, "/...") && load(s.pkg).tests == nil {
				t.Errorf("selfskips.txt: %s on %s has no tests", s.pkg, arch)
			}
		}
		if what := (testNames{tests: []string{"TestA"}, strings: []string{"a_b"}}).missing("TestA/a_[bc]/d"); what != "d" {
			t.Errorf("missing finds %q, not d", what)
		}
	}
}

// testNames are what tests of a package may be called.
type testNames struct {
	tests   []string // the functions
	strings []string // and, for subtests, the strings in their files, as package testing spells them
}

// missing returns the first element of a test's name that matches nothing.
func (n testNames) missing(test string) string {
	in := n.tests
	for elem := range strings.SplitSeq(test, "/") {
		if !slices.ContainsFunc(in, regexp.MustCompile("^("+elem+")$").MatchString) {
			return elem
		}
		in = n.strings
	}
	return ""
}

// testNames reads the test files of a package that are built for the port.
func (t *tester) testNames(tt *testing.T, pkg string) (n testNames) {
	tt.Helper()
	out, err := tree.Output(tree.Go(t.goroot, filepath.Join(t.goroot, "src"), t.port(""), "list", "-e", "-json=Dir,TestGoFiles,XTestGoFiles", pkg))
	if err != nil {
		tt.Fatal(err)
	}
	var p struct {
		Dir                       string
		TestGoFiles, XTestGoFiles []string
	}
	if err := json.Unmarshal(out, &p); err != nil {
		tt.Fatal(err)
	}
	for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			tt.Fatal(err)
		}
		ast.Inspect(f, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.FuncDecl:
				if strings.HasPrefix(node.Name.Name, "Test") && node.Recv == nil {
					n.tests = append(n.tests, node.Name.Name)
				}
			case *ast.BasicLit:
				if s, err := strconv.Unquote(node.Value); err == nil && node.Kind == token.STRING {
					n.strings = append(n.strings, strings.ReplaceAll(s, " ", "_"))
				}
			}
			return true
		})
	}
	if pkg == testdir {
		err := filepath.WalkDir(filepath.Join(t.goroot, "test"), func(path string, d fs.DirEntry, err error) error {
			n.strings = append(n.strings, d.Name())
			return err
		})
		if err != nil {
			tt.Fatal(err)
		}
	}
	return n
}
