// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package amd64

import (
	"cmd/link/internal/ld"
)

// archinit gives a raw darwin program a page zero of 4 GiB, as Apple's own
// linker does: a pointer cut to 32 bits then always faults. (XNU itself wants
// only the first page unmapped: xnu-2782 bsd/kern/mach_loader.c:parse_machfile.)
//
//graft:wrap obj.go 03a6a3b0f998 a raw port's text starts above 4 GiB
func archinit(ctxt *ld.Link) {
	if ctxt.IsRaw() && *ld.FlagTextAddr == -1 {
		*ld.FlagTextAddr = 1<<32 + ld.INITIAL_MACHO_HEADR
	}
	upstream_archinit(ctxt)
}
