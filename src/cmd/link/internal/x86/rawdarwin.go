// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package x86

import (
	"cmd/internal/objabi"
	"cmd/link/internal/ld"
)

// archinit gives a raw darwin program a page zero of 64 KiB, and its text right
// behind it. XNU wants one page
// (xnu-4903 bsd/kern/mach_loader.c:load_machfile); a Linux host lets an
// ordinary user map nothing below 64 KiB (vm.mmap_min_addr), and the runner
// has the program where it is linked.
//
//graft:wrap obj.go e7d2af8969fb upstream no longer links Mach-O for 386
func archinit(ctxt *ld.Link) {
	if ctxt.HeadType != objabi.Hdarwin || !ctxt.IsRaw() {
		upstream_archinit(ctxt)
		return
	}
	const (
		pageSize = 4 << 10
		pageZero = 64 << 10
	)
	ld.HEADR = ld.INITIAL_MACHO_HEADR
	if *ld.FlagRound == -1 {
		*ld.FlagRound = pageSize
	}
	if *ld.FlagTextAddr == -1 {
		*ld.FlagTextAddr = pageZero + int64(ld.HEADR)
	}
}
