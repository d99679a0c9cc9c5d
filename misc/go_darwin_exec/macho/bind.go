// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package macho

import (
	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
)

// Bind does for f, which is mapped in s, what dyld does: it moves the program's own
// pointers if f was slid, sets each import to the address that resolve gives, and
// protects the segments that ask for it.
func (f *File) Bind(s *mem.Space, resolve func(*Import) (uint64, error)) error {
	if f.slid != 0 {
		err := f.rebase(func(addr uint64) error {
			v, ok := vcpu.Load64(addr)
			if !ok || !vcpu.Store64(addr, v+f.slid) {
				return errorf(EIO, "its pointer at %#x cannot be moved", addr)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for i := range f.Imports {
		im := &f.Imports[i]
		addr, err := resolve(im)
		if err != nil {
			return err
		}
		if addr != 0 {
			addr += uint64(im.Addend)
		}
		if !vcpu.Store64(im.Addr, addr) {
			return errorf(EIO, "its pointer to %s at %#x cannot be set", im.Symbol(), im.Addr)
		}
	}
	for i := range f.Segments {
		if seg := &f.Segments[i]; seg.ReadOnly && seg.MemSize != 0 {
			if errno := s.Protect(seg.Addr, seg.end()-seg.Addr, mem.ProtRead); errno != 0 {
				return errorf(ENOMEM, "%v: cannot be protected: %v", seg, errno)
			}
		}
	}
	return nil
}
