// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package inject

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goxnu/misc/internal/tree"
)

// TestKinds: every kind is there once, with its source.
func TestKinds(t *testing.T) {
	kinds := map[string]bool{}
	for _, k := range Kinds {
		if kinds[k.Name] || k.What == "" || k.Source == "" || (k.Calls == "") == (k.Event == "") || strings.ContainsAny(k.Name, ",+= ") {
			t.Errorf("%s: twice, incomplete, or not a word", k.Name)
		}
		kinds[k.Name] = true
	}
}

// TestHit: about one time in so many, never twice in a row for a thread
// at any rate, and the skipped time is not counted.
func TestHit(t *testing.T) {
	site := func(value, name string) *Site {
		c, err := Parse(value)
		if err != nil {
			t.Fatal(err)
		}
		return New(c, "p", nil).Site(&Kinds[0], name)
	}
	th := new(Thread)
	s := site("rate=1", "read")
	for i := range 100 {
		if _, hit := s.Hit(th); hit != (i%2 == 0) {
			t.Fatalf("rate 1, time %d: %v", i, hit)
		}
	}
	if n := s.n.Load(); n != 50 {
		t.Errorf("%d times counted, not 50", n)
	}
	s = site("rate=16", "write")
	hits := 0
	for range 16000 {
		if _, hit := s.Hit(nil); hit {
			hits++
		}
	}
	if hits < 800 || hits > 1200 {
		t.Errorf("%d of 16000 at rate 16", hits)
	}
}

// TestDoc: doc/faults.md has the table of the kinds.
func TestDoc(t *testing.T) {
	top, err := tree.Top()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join(top, "doc", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	if table := Table(); !strings.Contains(string(doc), table) {
		t.Errorf("doc/faults.md does not have this table:\n%s", table)
	}
}
