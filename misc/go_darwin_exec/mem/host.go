// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package mem

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
)

// hostMappings calls f for those of this process's mappings that overlap
// [lo, hi), in order.
func hostMappings(lo, hi uint64, f func(span)) {
	file, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer file.Close()
	for sc := bufio.NewScanner(file); sc.Scan(); {
		from, rest, _ := bytes.Cut(sc.Bytes(), []byte("-"))
		to, _, _ := bytes.Cut(rest, []byte(" "))
		a, err1 := strconv.ParseUint(string(from), 16, 64)
		b, err2 := strconv.ParseUint(string(to), 16, 64)
		if err1 != nil || err2 != nil || b <= lo {
			continue
		}
		if a >= hi {
			return
		}
		f(span{a, b})
	}
}
