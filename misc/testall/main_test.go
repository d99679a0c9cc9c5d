// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"slices"
	"strings"
	"testing"
)

func TestReadSkips(t *testing.T) {
	skips, err := readSkips(strings.NewReader("# comment\n\nnet\tTestX|TestY\tdarwin/amd64\tno such thing on darwin\nplugin\t*\t*\tneeds dyld\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []skip{
		{"net", "TestX|TestY", "darwin/amd64", "no such thing on darwin"},
		{"plugin", "*", "*", "needs dyld"},
	}
	if !slices.Equal(skips, want) {
		t.Errorf("got %q, want %q", skips, want)
	}
	for _, bad := range []string{"net\tTestX\tdarwin/amd64\n", "net TestX * reason\n"} {
		if _, err := readSkips(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// TestCount feeds count what go test -json prints for a package that passes,
// one that fails in a test, one that dies, one that does not build, and one without tests.
func TestCount(t *testing.T) {
	const events = `
{"Action":"start","Package":"a"}
{"Action":"pass","Package":"a","Test":"TestA"}
{"Action":"pass","Package":"a","Test":"TestA/sub"}
{"Action":"skip","Package":"a","Test":"TestS"}
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
`
	var c tester
	seen, err := c.count(strings.NewReader(events))
	if err != nil {
		t.Fatal(err)
	}
	if seen != 5 || c.passed != 1 || c.failed != 3 || c.tests != 1 || c.selfSkipped != 1 {
		t.Errorf("seen %d, passed %d, failed %d, tests %d, selfSkipped %d; want 5, 1, 3, 1, 1",
			seen, c.passed, c.failed, c.tests, c.selfSkipped)
	}
	if !slices.Equal(c.failures, []string{"b", "c", "d"}) {
		t.Errorf("failures: %q", c.failures)
	}
	if _, err := c.count(strings.NewReader("no JSON")); err == nil {
		t.Error("no error for output that is no event")
	}
}
