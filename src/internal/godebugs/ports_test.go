// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package godebugs_test

import "testing"

// incNonDefaults adds the settings that only sources of ports that are not
// served count.
//
//graft:wrap godebugs_test.go 61e49eea3039 it looks for every setting in the sources, and those of windows are not there
func incNonDefaults(t *testing.T) map[string]bool {
	seen := upstream_incNonDefaults(t)
	for _, name := range []string{"winreadlinkvolume", "winsymlink"} {
		seen[name] = true
	}
	return seen
}
