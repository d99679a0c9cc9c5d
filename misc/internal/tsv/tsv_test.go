// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package tsv

import (
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	rows, err := Read(strings.NewReader("# a comment\n\na\tb\n\tc\td\n"), "x.tsv", "first", "second", "third?")
	if err != nil || len(rows) != 2 || !slices.Equal(rows[0].F, []string{"a", "b", ""}) || !slices.Equal(rows[1].F, []string{"", "c", "d"}) {
		t.Fatal(rows, err)
	}
	if err := rows[1].Errorf("odd"); err.Error() != "x.tsv:4: odd" {
		t.Error(err)
	}
	for _, bad := range []string{"a\n", "a\tb\tc\td\n"} {
		if _, err := Read(strings.NewReader(bad), "x.tsv", "first", "second", "third?"); err == nil || !strings.Contains(err.Error(), "x.tsv:1: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := ReadFile(t.TempDir(), "none.tsv", "first"); err == nil {
		t.Error("a file that does not exist is read")
	}
}
