// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package objabi

import (
	"internal/buildcfg"
	"strings"
)

// Set prints the tool's version. Asked for the full version by the go command,
// which makes it part of every cache key, it adds the content half of the
// tool's build ID: two builds of this toolchain with one version line and
// different compilers must not share cached packages.
//
//graft:wrap flag.go 2f0832094f93 a release's full version lacks the content of the tool, so that caches go stale when the overlay changes
func (v versionFlag) Set(s string) error {
	// The bootstrap tools have no build ID.
	if s == "full" && buildID != "" {
		buildcfg.Version += " content=" + buildID[strings.LastIndexByte(buildID, '/')+1:]
	}
	return v.upstream_Set(s)
}
