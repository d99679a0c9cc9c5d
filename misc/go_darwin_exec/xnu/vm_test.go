// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"strconv"
	"testing"

	"goxnu/misc/go_darwin_exec/mem"
)

// TestRangeOverflow: ranges that go beyond the end of all addresses.
func TestRangeOverflow(t *testing.T) {
	const (
		start  = 0x200000000000
		all    = ^uint64(0)
		rw     = mem.ProtRead | mem.ProtWrite
		anon   = 0x1002 // MAP_ANON, MAP_PRIVATE
		noHint = 0
	)
	for _, r := range []Release{XNU1504, XNU3248, XNU4570, XNU4903, XNU6153, XNU10063, XNU11215, XNU11417} {
		t.Run(strconv.Itoa(int(r)), func(t *testing.T) {
			th := procThread(t, r)
			s := mem.NewSpace(start, start+1<<28)
			th.p.Space = s
			page, errno := s.Map(mem.Mapping{Size: 4 * pageSize, Prot: rw, FD: -1})
			if errno != 0 {
				t.Fatal(errno)
			}
			defer s.Unmap(start, 1<<28)
			from := func(first Release, before, after Errno) Errno {
				if r < first {
					return before
				}
				return after
			}
			mapped := func() (n uint64) {
				for _, r := range s.Regions() {
					n += (r.End - r.Start) / pageSize
				}
				return n
			}
			for _, c := range []struct {
				name string
				h    handler
				a    args
				want Errno
				more uint64 // pages
			}{
				{"mmap of everything", sysMmap, args{noHint, all, rw, anon, all, 0}, EINVAL, 0},
				{"mmap, rounds to 0", sysMmap, args{noHint, all - pageSize + 2, rw, anon, all, 0}, EINVAL, 0},
				{"mmap, the most", sysMmap, args{noHint, all - pageSize + 1, rw, anon, all, 0}, ENOMEM, 0},
				{"mmap, half of everything", sysMmap, args{noHint, 1 << 63, rw, anon, all, 0}, ENOMEM, 0},
				{"mmap, position", sysMmap, args{noHint, all, rw, anon, all, 100}, from(XNU6153, 0, EINVAL), uint64(from(XNU6153, 1, 0))},
				{"mmap, hint", sysMmap, args{start, all - start + 1 - pageSize, rw, anon, all, 0}, ENOMEM, 0},
				{"mmap, hint beyond", sysMmap, args{all &^ pageMask, 2 * pageSize, rw, anon, all, 0}, mmapHintBeyond(r), mmapHintPages(r)},
				{"mmap, fixed beyond", sysMmap, args{all &^ pageMask, 2 * pageSize, rw, anon | mapFixed, all, 0}, from(XNU6153, ENOMEM, EINVAL), 0},
				{"munmap", sysMunmap, args{page, all}, EINVAL, 0},
				{"munmap, the page", sysMunmap, args{page, all &^ pageMask}, EINVAL, 0},
				{"mprotect", sysMprotect, args{page, all, 0}, EINVAL, 0},
				{"madvise", sysMadvise, args{page + 1, all, madvFree}, EINVAL, 0},
				{"minherit", sysMinherit, args{page + 1, all, 1}, EINVAL, 0},
				{"msync", sysMsync, args{page, all, 0x10}, from(XNU6153, ENOMEM, EINVAL), 0},
				{"msync of nothing", sysMsync, args{page, 0, 0x10}, EINVAL, 0},
				{"mlock", sysMlock, args{page + 1, all}, EINVAL, 0},
				{"munlock", sysMunlock, args{page + 1, all}, from(XNU6153, ENOMEM, EINVAL), 0},
				{"munlock of nothing", sysMunlock, args{page + 1, 0}, 0, 0},
				{"mincore, wraps around", sysMincore, args{page + pageSize + 5, all - 2*pageSize, page}, EINVAL, 0},
				{"mincore, wraps into the page", sysMincore, args{page + 5, all, page}, from(XNU11215, 0, EINVAL), 0},
			} {
				had := mapped()
				a := c.a
				_, e := c.h(th, &a)
				if e != c.want {
					t.Errorf("%s: %v, want %v", c.name, e, c.want)
				}
				if n := mapped(); n != had+c.more {
					t.Errorf("%s: %d pages more, want %d", c.name, n-had, c.more)
				}
			}
			had := mapped()
			th.p.ports.init()
			for name, got := range map[string]int32{
				"mach_vm_deallocate": trapVMDeallocate(th, &args{0, page + 100, all}),
				"mach_vm_protect":    trapVMProtect(th, &args{0, page + 100, all, 0, 0}),
				"mach_vm_protect 1":  trapVMProtect(th, &args{0, page + 100, all, 1, 0}),
			} {
				if got != vmInvalidArgument {
					t.Errorf("%s: %d, want KERN_INVALID_ARGUMENT", name, got)
				}
			}
			if trapVMDeallocate(th, &args{0, page, 0}) != 0 || trapVMProtect(th, &args{0, page, 0, 0, 0}) != 0 {
				t.Error("an empty range is an error")
			}
			if n := mapped(); n != had {
				t.Errorf("traps have unmapped %d pages", had-n)
			}
			if r, _ := s.Find(page); r.Prot != rw || r.MaxProt != vmProtAll || r.Inherit != 1 {
				t.Errorf("the page is now %+v", r)
			}
		})
	}
}

// mmapHintBeyond: a hint that the size leads beyond the end is an error from
// 6153 until 11215; else it is no hint.
func mmapHintBeyond(r Release) Errno {
	if r >= XNU6153 && r < XNU11215 {
		return EINVAL
	}
	return 0
}

func mmapHintPages(r Release) uint64 {
	if mmapHintBeyond(r) != 0 {
		return 0
	}
	return 2
}
