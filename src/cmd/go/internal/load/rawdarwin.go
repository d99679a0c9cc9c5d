// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package load

import (
	"cmd/go/internal/cfg"
	"cmd/go/internal/modload"
	"fmt"
	"internal/platform"
)

// LinkerDeps refuses external linking for a raw port. Upstream's message
// would send the user to cgo, which the port does not have either.
//
//graft:wrap pkg.go 2e8d6ab6bdc0 a raw port is linked by cmd/link alone
func LinkerDeps(s *modload.State, p *Package) ([]string, error) {
	if platform.RawDarwin(cfg.Goos, cfg.Goarch) {
		if what := externalLinkingReason(s, p); what != "" {
			return nil, fmt.Errorf("%s: external linking is not supported on %s/%s: programs are static and have no C library", what, cfg.Goos, cfg.Goarch)
		}
	}
	return upstream_LinkerDeps(s, p)
}
