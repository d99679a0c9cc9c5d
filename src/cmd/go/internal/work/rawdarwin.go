// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package work

import (
	"cmd/go/internal/base"
	"cmd/go/internal/cfg"
	"internal/platform"
)

// buildModeInit refuses cgo for a raw port before anything is built: cgo is
// off by default there, so that CGO_ENABLED=1 was somebody's wish. What else a
// raw port lacks is refused by way of internal/platform's predicates, or by
// LinkerDeps and cmd/link.
//
//graft:wrap init.go bcfed847776e a raw port has no C library
func buildModeInit() {
	if platform.RawDarwin(cfg.Goos, cfg.Goarch) && cfg.BuildContext.CgoEnabled {
		base.Fatalf("go: cgo is not supported on %s/%s: programs are static and have no C library; unset CGO_ENABLED or set it to 0", cfg.Goos, cfg.Goarch)
	}
	upstream_buildModeInit()
}
