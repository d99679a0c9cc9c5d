// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package suite

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goxnu/misc/internal/tree"
)

func TestReadSelfSkips(t *testing.T) {
	list, err := parse(parseSelfSkips, selfSkipColumns, "# comment\n*\tas root$\tnobody\troot may\nnet\tshort|long\t-\tflag\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].again != asNobody || list[1].again != "" || list[1].pkg != "net" || !list[1].reason.MatchString("too long") {
		t.Errorf("got %+v", list)
	}
	for _, bad := range []string{"*\tas root$\troot may\n", "*\t(\t-\twhy\n"} {
		if _, err := parse(parseSelfSkips, selfSkipColumns, bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestSelfSkipOf(t *testing.T) {
	for pattern, want := range map[string]string{"*": "net net/http neta", "net": "net", "net/...": "net net/http"} {
		s := selfSkip{pkg: pattern}
		var got []string
		for _, pkg := range []string{"net", "net/http", "neta"} {
			if s.of(pkg) {
				got = append(got, pkg)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s is of %q, want %s", pattern, got, want)
		}
	}
}

// TestJudgeSelfSkips feeds count two packages whose tests skip themselves, their
// events mixed as go test mixes them: one for reasons that are listed, one not.
func TestJudgeSelfSkips(t *testing.T) {
	const events = `
{"Action":"output","Package":"a","Test":"TestA","Output":"    a_test.go:1: as root\n"}
{"Action":"skip","Package":"a","Test":"TestA"}
{"Action":"output","Package":"b","Test":"TestB","Output":"    b_test.go:1: new\n"}
{"Action":"output","Package":"a","Test":"TestS/sub","Output":"    a_test.go:2: short\n"}
{"Action":"skip","Package":"a","Test":"TestS/sub"}
{"Action":"skip","Package":"b","Test":"TestB"}
{"Action":"pass","Package":"a","Test":"TestS"}
{"Action":"pass","Package":"a"}
{"Action":"pass","Package":"b","Test":"TestS"}
{"Action":"pass","Package":"b"}
`
	list, err := parse(parseSelfSkips, selfSkipColumns, "*\tas root$\tnobody\troot may\na\tshort\t-\tflag\nc\tnew\t-\tanother's\n")
	if err != nil {
		t.Fatal(err)
	}
	c := testTester()
	c.arch, c.selfSkips, c.wishes, c.unlisted = "amd64", list, map[wish][]string{}, map[string]string{}
	if _, err := c.count(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	if c.Report.Passed != 1 || c.Report.Failed != 1 || !slices.Equal(c.Report.Failures(), []string{"s/darwin-amd64/b"}) || c.selfSkipped != 2 || c.ours != nil {
		t.Errorf("passed %d, failed %d: %q, selfSkipped %d, ours %q", c.Report.Passed, c.Report.Failed, c.Report.Failures(), c.selfSkipped, c.ours)
	}
	if len(c.wishes) != 1 || !slices.Equal(c.wishes[wish{"a", asNobody}], []string{"TestA"}) {
		t.Errorf("wishes %q", c.wishes)
	}
	c = testTester()
	if _, err := c.count(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a TestA: a_test.go:1: as root", "b TestB: b_test.go:1: new"}; c.Report.Failed != 0 || !slices.Equal(c.ours, want) {
		t.Errorf("failed %d, ours %q, want %q", c.Report.Failed, c.ours, want)
	}
}

// TestAgain runs tests for the host under each condition: one that wants it,
// one that fails nevertheless, one that there is not.
func TestAgain(t *testing.T) {
	goroot, err := tree.Goroot()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module m\n", "m_test.go": `package m

import (
	"os"
	"testing"
)

func TestNobody(t *testing.T) {
	if os.Getuid() == 0 {
		t.Fatal("run by root")
	}
	name := t.TempDir() + "/locked"
	if err := os.Mkdir(name, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadDir(name); !os.IsPermission(err) {
		t.Fatal(err)
	}
}

func TestTerminal(t *testing.T) {
	f, err := os.Open("/dev/tty")
	if err != nil {
		t.Skip(err)
	}
	f.Close()
}

func TestSetting(t *testing.T) {
	if os.Getenv("GOXNU_AGAIN") == "" {
		t.Skip("not set")
	}
}

func TestFail(t *testing.T) { t.Fail() }
func TestSkip(t *testing.T) { t.Skip() }
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct {
		condition, tests    string
		passed, failed, top int
	}{
		{asNobody, "TestNobody", 1, 0, 1},
		{onTerminal, "TestTerminal", 1, 0, 1},
		{"export GOXNU_AGAIN=1", "TestSetting", 1, 0, 1},
		{"export GOXNU_AGAIN=1", "TestFail", 0, 1, 0},
		{"export GOXNU_AGAIN=1", "TestSetting TestSkip", 0, 1, 0},
		{"export GOXNU_AGAIN=1", "TestSetting TestMissing.*", 0, 1, 0},
		{"false", "TestSetting", 0, 1, 0},
	} {
		c := testTester()
		c.goroot = goroot
		if err := c.again("m", x.condition, dir, []string{"GOWORK=off"}, strings.Fields(x.tests), uncached, "."); err != nil {
			t.Errorf("%+v: %v", x, err)
		}
		if c.Report.Skipped == 1 && x.condition == asNobody {
			continue // told
		}
		if c.Report.Passed != x.passed || c.Report.Failed != x.failed || c.tests != x.top {
			t.Errorf("%+v: passed %d, failed %d, tests %d", x, c.Report.Passed, c.Report.Failed, c.tests)
		}
	}
}
