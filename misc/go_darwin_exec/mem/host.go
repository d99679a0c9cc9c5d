// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package mem

import (
	"bufio"
	"fmt"
	"os"
)

// hostEnd returns the end of the last mapping of this process that overlaps
// [lo, hi), or 0.
func hostEnd(lo, hi uint64) (end uint64) {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return 0
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var a, b uint64
		if _, err := fmt.Sscanf(sc.Text(), "%x-%x", &a, &b); err == nil && a < hi && b > lo {
			end = b
		}
	}
	return end
}
