// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package suite

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"goxnu/misc/internal/tree"
	"goxnu/misc/internal/tsv"
	"goxnu/misc/xtest/run"
)

func testFlags() *Flags { return &Flags{Options: run.Options{Report: run.NewReport(io.Discard)}} }

func testTester() *tester {
	return &tester{Flags: testFlags(), suite: "s", elapsed: map[string]float64{}}
}

// parse parses a table's text.
func parse[T any](f func([]tsv.Row) ([]T, error), columns []string, text string) ([]T, error) {
	rows, err := tsv.Read(strings.NewReader(text), "table", columns...)
	if err != nil {
		return nil, err
	}
	return f(rows)
}

func TestCompare(t *testing.T) {
	got := compare(map[string]float64{"a": 1, "b": 6, "c": 0.1, "d": 9}, map[string]float64{"a": 2, "b": 3, "c": 0.01})
	want := "# 3 packages: 7s under the runner, 5s natively, ratio 1.42\n#    2.0  b (6.00s, 3.00s)\n#    0.5  a (1.00s, 2.00s)\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestCount feeds count what go test -json prints for a package that passes,
// one that fails in a test, one that dies, one that does not build, one without tests, and one whose tests skip themselves.
func TestCount(t *testing.T) {
	const events = `
{"Action":"start","Package":"a"}
{"Action":"pass","Package":"a","Test":"TestA"}
{"Action":"pass","Package":"a","Test":"TestA/sub"}
{"Action":"skip","Package":"a","Test":"TestS"}
{"Action":"skip","Package":"a","Test":"TestA/other"}
{"Action":"pass","Package":"a","Elapsed":1}
{"Action":"output","Package":"b","Test":"TestB","Output":"broken\n"}
{"Action":"fail","Package":"b","Test":"TestB"}
{"Action":"fail","Package":"b"}
{"Action":"output","Package":"c","Test":"TestC","Output":"dying\n"}
{"Action":"fail","Package":"c"}
{"ImportPath":"d","Action":"build-output","Output":"syntax error\n"}
{"ImportPath":"d","Action":"build-fail"}
{"Action":"fail","Package":"d","FailedBuild":"d"}
{"Action":"skip","Package":"e"}
{"Action":"skip","Package":"f","Test":"TestF"}
{"Action":"pass","Package":"f"}
`
	c := testTester()
	seen, err := c.count(strings.NewReader(events))
	if err != nil {
		t.Fatal(err)
	}
	if seen != 6 || c.Report.Passed != 1 || c.Report.Failed != 3 || c.Report.Skipped != 1 || c.tests != 1 || c.selfSkipped != 2 {
		t.Errorf("seen %d, passed %d, failed %d, skipped %d, tests %d, selfSkipped %d; want 6, 1, 3, 1, 1, 2",
			seen, c.Report.Passed, c.Report.Failed, c.Report.Skipped, c.tests, c.selfSkipped)
	}
	if !slices.Equal(c.Report.Failures(), []string{"s/b", "s/c", "s/d"}) {
		t.Errorf("failures: %q", c.Report.Failures())
	}
	if _, err := c.count(strings.NewReader("no JSON")); err == nil {
		t.Error("no error for output that is no event")
	}
}

// TestCountAll makes runs of which one passes, one fails, one dies within a
// test, and one says nothing at all.
func TestCountAll(t *testing.T) {
	var runs []testRun
	for name, script := range map[string]string{
		"a@10.6":  `echo '{"Action":"pass","Package":"a@10.6","Elapsed":1}'`,
		"a@10.7":  `echo '{"Action":"fail","Package":"a@10.7"}'; exit 1`,
		"a@10.8":  `echo '{"Action":"fail","Package":"a@10.8","Test":"TestA"}'; exit 1`,
		"a@10.9":  `echo why >&2; exit 3`,
		"a@10.10": `exit 0`,
	} {
		runs = append(runs, testRun{name, exec.Command("sh", "-c", script)})
	}
	c := testTester()
	if err := c.countAll(runs); err != nil {
		t.Fatal(err)
	}
	failures := c.Report.Failures()
	slices.Sort(failures)
	if c.Report.Passed != 1 || c.Report.Failed != 4 || !slices.Equal(failures, []string{"s/a@10.10", "s/a@10.7", "s/a@10.8", "s/a@10.9"}) {
		t.Errorf("passed %d, failed %d: %q", c.Report.Passed, c.Report.Failed, c.Report.Failures())
	}
}

func TestSkipReason(t *testing.T) {
	got := skipReason([]byte("=== RUN   TestX\n    x_test.go:1: no tool\n--- SKIP: TestX (0.00s)\n"))
	if want := "x_test.go:1: no tool"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadPrograms(t *testing.T) {
	list, err := parse(parsePrograms, programColumns, "# comment\n\na\tx.org/a@v1.2.3 x.org/b@v0.1.0\tkind\tjob x.org/a/cmd\tnobody:TestX TestY\twhy\n")
	if err != nil {
		t.Fatal(err)
	}
	p := list[0]
	if len(list) != 1 || p.name != "a" || p.version() != "v1.2.3" || len(p.modules) != 2 || len(p.run) != 2 || len(p.except) != 2 || p.reason != "why" {
		t.Errorf("got %+v", list)
	}
	for _, bad := range []string{
		"a\tx.org/a@v1\tkind\t.\t-\n",
		"a\tx.org/a\tkind\t.\t-\t-\n",
		"a\tx.org/a@v1\tkind\t\t-\t-\n",
		"a\tx.org/a@v1\tkind\t.\tTestX\t-\n",
		"a\tx.org/a@v1\tkind\t.\t-\twhy\n",
	} {
		if _, err := parse(parsePrograms, programColumns, bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// sumForm is what result.sum returns, at the end of a line.
var sumForm = regexp.MustCompile(`^\d+ tests( of \d+ packages)? passed in \d+s(, \d+ skipped themselves)?(, \*\*\d+ failed\*\*)? \|$`)

func TestSum(t *testing.T) {
	for _, r := range []result{
		{packages: 1, tests: 2, elapsed: time.Second},
		{packages: 3, tests: 2, skipped: 1, elapsed: 90 * time.Second},
		{packages: 3, tests: 2, skipped: 1, failed: 4},
	} {
		if sum := r.sum() + " |"; !sumForm.MatchString(sum) {
			t.Errorf("%q is not of the form that TestProgramsPage wants", sum)
		}
	}
}

// TestProgramsPage compares doc/programs.md with the list of programs.
func TestProgramsPage(t *testing.T) {
	top, err := tree.Top()
	if err != nil {
		t.Fatal(err)
	}
	all, err := (&tester{top: top}).programList()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(top, "doc", "programs.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := pageLines(string(page))
	for _, p := range all {
		if want := fmt.Sprintf("| %s | %s | %s | %s | ", p.name, p.version(), p.kind, p.what()); !strings.HasPrefix(lines[p.name], want) {
			t.Errorf("%s: the page has %q, want %q and a result; run make test-real ARGS=-write T=%s", p.name, lines[p.name], want, p.name)
		} else if sum := lines[p.name][len(want):]; !sumForm.MatchString(sum) {
			t.Errorf("%s: the result is %q, which make test-real ARGS=-write would not write", p.name, sum)
		}
	}
	if programsPage(all, lines) != string(page) {
		t.Error("doc/programs.md is not as make test-real ARGS=-write leaves it")
	}
}
