// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package tree

import (
	"fmt"
	"slices"
	"strings"
)

var releases = strings.Fields("10.6 10.7 10.8 10.9 10.10 10.11 10.12 10.13 10.14 10.15 11 12 13 14 15")

// Releases returns the releases of the system that list names, with blanks
// between; "all" is every one that runs programs of the port darwin/arch.
func Releases(list, arch string) ([]string, error) {
	known := releases
	if arch == "386" {
		known = known[:slices.Index(known, "10.15")]
	}
	if list == "all" {
		return known, nil
	}
	names := strings.Fields(list)
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("darwin/%s has no release %q; there are %s", arch, name, strings.Join(known, " "))
		}
	}
	return names, nil
}
