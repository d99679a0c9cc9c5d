// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package x86

import (
	"cmd/internal/objabi"
	"cmd/link/internal/ld"
)

// archinit gives a raw darwin program a page zero of one page, the least that
// makes a nil pointer fault, and its text right behind it.
//
//graft:wrap obj.go e7d2af8969fb upstream no longer links Mach-O for 386
func archinit(ctxt *ld.Link) {
	if ctxt.HeadType != objabi.Hdarwin || !ctxt.IsRaw() {
		upstream_archinit(ctxt)
		return
	}
	const pageSize = 4096
	ld.HEADR = ld.INITIAL_MACHO_HEADR
	if *ld.FlagRound == -1 {
		*ld.FlagRound = pageSize
	}
	if *ld.FlagTextAddr == -1 {
		*ld.FlagTextAddr = pageSize + int64(ld.HEADR)
	}
}
