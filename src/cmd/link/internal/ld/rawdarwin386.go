// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package ld

import (
	imacho "cmd/internal/macho"
	"cmd/internal/sys"
)

// What upstream's Mach-O writer no longer knows of 386.

// isRaw386 reports whether the target is darwin/386.
func (t *Target) isRaw386() bool { return t.IsRaw() && t.Is386() }

// computeTLSOffset puts g at 0x18(GS), the slot that Apple once reserved for
// Go. The runtime points GS that far below m.tls
// (runtime/sys_darwin_386.s:setldt).
//
//graft:wrap sym.go 00910e8b6764 upstream knows no thread-local storage of darwin/386
func (ctxt *Link) computeTLSOffset() {
	if ctxt.isRaw386() {
		ctxt.Tlsoffset = 0x18
		return
	}
	ctxt.upstream_computeTLSOffset()
}

// asmbMacho pretends that a 386 target is an amd64 one with pointers of 4 bytes:
// upstream looks at the family only to choose the CPU and the thread state,
// which machoI386 then corrects, and at the pointer size for all else.
//
//graft:wrap macho.go d4741194dcad upstream writes no Mach-O for 386
func asmbMacho(ctxt *Link) {
	if ctxt.isRaw386() {
		i386 := ctxt.Arch
		lent := *i386
		lent.Family = sys.AMD64
		ctxt.Arch = &lent
		defer func() { ctxt.Arch = i386 }()
	}
	upstream_asmbMacho(ctxt)
}

// The thread state of an i386 program, x86_THREAD_STATE32
// (xnu-1504 osfmk/mach/i386/thread_status.h).
const (
	i386ThreadState      = 1
	i386ThreadStateCount = 16
	i386ThreadStateEIP   = 10 // index of the word
)

// machoI386 turns the header and LC_UNIXTHREAD of an amd64 program into those
// of an i386 one.
func machoI386(ctxt *Link) {
	hdr := getMachoHdr()
	hdr.cpu, hdr.subcpu = MACHO_CPU_386, MACHO_SUBCPU_X86
	for i := range load {
		if load[i].type_ == imacho.LC_UNIXTHREAD {
			state := make([]uint32, 2+i386ThreadStateCount)
			state[0], state[1] = i386ThreadState, i386ThreadStateCount
			state[2+i386ThreadStateEIP] = uint32(Entryvalue(ctxt))
			load[i].data = state
		}
	}
}
