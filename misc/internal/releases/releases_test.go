// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package releases

import (
	"slices"
	"testing"
)

func TestSelect(t *testing.T) {
	for _, tt := range []struct {
		list, arch string
		n          int
	}{
		{"all", "amd64", 15},
		{"all", "386", 9}, // the last is 10.14
		{"10.6 15", "amd64", 2},
		{"10.6 15", "386", -1},
		{"10.5", "amd64", -1},
		{"10.6,15", "amd64", -1},
	} {
		got, err := Select(tt.list, tt.arch)
		switch {
		case err != nil && tt.n < 0:
		case err != nil || tt.n < 0 || len(got) != tt.n:
			t.Errorf("Select(%q, %s) = %q, %v; want %d of them", tt.list, tt.arch, got, err, tt.n)
		}
	}
	if all, _ := Select("all", "386"); slices.Contains(all, "10.15") {
		t.Error("10.15 runs no 32-bit programs")
	}
}
