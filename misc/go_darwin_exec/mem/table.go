// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package mem

import (
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// A table holds regions in order of their addresses. It consists of leaves of
// a page each, and of a directory that says of each leaf where it begins and
// ends and how large the holes in it are, so that one leaf is searched and moved
// for a change, and one for a search of a hole.
//
// A table with 65,000 regions has some 600 leaves, and Linux has as many mappings
// in one process at most, unless root allows more (vm.max_map_count).
//
// Neither is in the Go heap: the child of a fork may not allocate there, nor
// store pointers.
type table struct {
	dir  *[maxLeaves]dirEntry
	n    int     // leaves
	free uintptr // leaves for later, linked by their first words
}

const (
	maxLeaves = 1 << 16
	leafMax   = 170
)

type leaf struct {
	n int
	r [leafMax]Region
}

var _ [PageSize - unsafe.Sizeof(leaf{})]struct{}

type dirEntry struct {
	start, end uint64 // of the first and of the last region
	hole       uint64 // no hole between two regions of the leaf is larger
	leaf       uintptr
}

func (e *dirEntry) get() *leaf { return (*leaf)(hostPointer(e.leaf)) }

// hostPointer makes a pointer of the address of memory that is not in the Go heap.
func hostPointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// A pos is the place of a region in a table: a leaf and a region in it. The
// place behind the last region is leaf n.
type pos struct{ i, k int }

// hostMemory returns zero memory from outside the Go heap, or 0.
func hostMemory(size uintptr) uintptr {
	p, e := vcpu.Raw(syscall.SYS_MMAP, 0, size, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE, ^uintptr(0), 0)
	if e != 0 {
		return 0
	}
	return p
}

// reserve makes sure that a few insertions will find the leaves they need. It
// reports false if there is no memory.
func (t *table) reserve() bool {
	const (
		few   = 4
		chunk = 16
	)
	if t.dir == nil {
		p := hostMemory(unsafe.Sizeof(*t.dir))
		if p == 0 {
			return false
		}
		t.dir = (*[maxLeaves]dirEntry)(hostPointer(p))
	}
	if t.n > maxLeaves-few {
		return false
	}
	have := 0
	for p := t.free; p != 0 && have < few; p = *(*uintptr)(hostPointer(p)) {
		have++
	}
	if have == few {
		return true
	}
	p := hostMemory(chunk * PageSize)
	if p == 0 {
		return false
	}
	for i := range uintptr(chunk) {
		t.release(p + i*PageSize)
	}
	return true
}

func (t *table) release(leaf uintptr) {
	*(*uintptr)(hostPointer(leaf)) = t.free
	t.free = leaf
}

// newLeaf puts an empty leaf at place i of the directory.
func (t *table) newLeaf(i int) *leaf {
	p := t.free
	if p == 0 {
		panic("mem: no leaf was reserved")
	}
	t.free = *(*uintptr)(hostPointer(p))
	copy(t.dir[i+1:t.n+1], t.dir[i:t.n])
	t.n++
	t.dir[i] = dirEntry{leaf: p}
	l := t.dir[i].get()
	l.n = 0
	return l
}

// find returns the place of the first region that ends above addr.
func (t *table) find(addr uint64) pos {
	lo, hi := 0, t.n
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if t.dir[mid].end > addr {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	p := pos{i: lo}
	if lo == t.n {
		return p
	}
	l := t.dir[lo].get()
	lo, hi = 0, l.n
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if l.r[mid].End > addr {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	p.k = lo
	return p
}

// at returns the region at p, nil behind the last.
func (t *table) at(p pos) *Region {
	if p.i >= t.n {
		return nil
	}
	return &t.dir[p.i].get().r[p.k]
}

func (t *table) next(p pos) pos {
	if p.k++; p.k == t.dir[p.i].get().n {
		return pos{p.i + 1, 0}
	}
	return p
}

// before returns the region before p, nil if p is the first.
func (t *table) before(p pos) *Region {
	if p.k > 0 {
		return t.at(pos{p.i, p.k - 1})
	}
	if p.i == 0 {
		return nil
	}
	l := t.dir[p.i-1].get()
	return &l.r[l.n-1]
}

// insert puts r, which overlaps nothing, where it belongs. A reserve must have
// been successful before.
func (t *table) insert(r Region) {
	p := t.find(r.Start)
	if p.i == t.n {
		if t.n == 0 {
			t.newLeaf(0)
		}
		p = pos{t.n - 1, t.dir[t.n-1].get().n}
	} else if p.k == 0 && p.i > 0 && t.dir[p.i-1].get().n < leafMax {
		p = pos{p.i - 1, t.dir[p.i-1].get().n} // behind the last of the leaf before
	}
	l := t.dir[p.i].get()
	if l.n == leafMax {
		right := t.newLeaf(p.i + 1)
		cut := leafMax / 2
		if p.i+2 == t.n && p.k == leafMax {
			cut = leafMax // regions come in order: the leaf stays full
		}
		right.n = copy(right.r[:], l.r[cut:])
		l.n = cut
		t.sum(p.i)
		t.sum(p.i + 1)
		if p.k >= cut {
			p = pos{p.i + 1, p.k - cut}
			l = right
		}
	}
	copy(l.r[p.k+1:l.n+1], l.r[p.k:l.n])
	l.r[p.k] = r
	l.n++
	e := &t.dir[p.i]
	if l.n == 1 {
		t.sum(p.i)
		return
	}
	e.start, e.end = l.r[0].Start, l.r[l.n-1].End
	// In the middle holes only become smaller.
	if p.k == 0 {
		e.hole = max(e.hole, l.r[1].Start-r.End)
	} else if p.k == l.n-1 {
		e.hole = max(e.hole, r.Start-l.r[p.k-1].End)
	}
}

// sum computes what the directory says of leaf i.
func (t *table) sum(i int) {
	e := &t.dir[i]
	l := e.get()
	e.hole = 0
	if l.n == 0 {
		return
	}
	e.start, e.end = l.r[0].Start, l.r[l.n-1].End
	for k := 1; k < l.n; k++ {
		e.hole = max(e.hole, l.r[k].Start-l.r[k-1].End)
	}
}

// cut removes the regions from p on that begin below end.
func (t *table) cut(p pos, end uint64) {
	for p.i < t.n {
		e := &t.dir[p.i]
		l := e.get()
		to := p.k
		for to < l.n && l.r[to].Start < end {
			to++
		}
		if to == p.k {
			return
		}
		more := to == l.n // the next leaf may have some too
		l.n = p.k + copy(l.r[p.k:l.n], l.r[to:l.n])
		if l.n == 0 {
			t.release(e.leaf)
			copy(t.dir[p.i:t.n-1], t.dir[p.i+1:t.n])
			t.n--
		} else {
			t.shrunk(p)
			if more {
				p.i++
			}
		}
		if !more {
			return
		}
		p.k = 0
	}
}

// shrunk corrects the directory after regions before p, or its start or end,
// have gone or become smaller.
func (t *table) shrunk(p pos) {
	e := &t.dir[p.i]
	l := e.get()
	e.start, e.end = l.r[0].Start, l.r[l.n-1].End
	for k := max(p.k, 1); k <= min(p.k+1, l.n-1); k++ {
		e.hole = max(e.hole, l.r[k].Start-l.r[k-1].End)
	}
}

// split makes sure that a region border is at addr, and returns the place of
// the first region that ends above addr.
func (t *table) split(addr uint64) pos {
	p := t.find(addr)
	r := t.at(p)
	if r == nil || r.Start >= addr {
		return p
	}
	right := *r
	right.Start = addr
	r.End = addr
	t.dir[p.i].end = t.dir[p.i].get().r[t.dir[p.i].get().n-1].End
	t.insert(right)
	return t.find(addr)
}

// remove forgets [addr, end).
func (t *table) remove(addr, end uint64) {
	t.split(end)
	t.cut(t.split(addr), end)
}

// join merges equal neighbours among the regions that touch [addr, end].
func (t *table) join(addr, end uint64) {
	p := t.find(max(addr, 1) - 1)
	if t.before(p) == nil && t.at(p) != nil {
		p = t.next(p)
	}
	for {
		r := t.at(p)
		if r == nil || r.Start > end {
			return
		}
		a := t.before(p)
		if a.End != r.Start || r.File || !a.like(r) {
			p = t.next(p)
			continue
		}
		// The one before takes over; its end may be that of another leaf.
		a.End = r.End
		if p.k == 0 {
			t.dir[p.i-1].end = a.End
		}
		t.cut(p, r.Start+1)
		p = t.find(a.End)
	}
}

// like reports whether two regions have the same attributes.
func (r *Region) like(s *Region) bool {
	x := *r
	x.Start, x.End = s.Start, s.End
	return x == *s
}

// hole returns the first address from addr on where size bytes are free; it may
// be too high.
func (t *table) hole(addr, size uint64) uint64 {
	p := t.find(addr)
	if p.i == t.n {
		return addr
	}
	l := t.dir[p.i].get()
	for ; p.k < l.n; p.k++ {
		r := &l.r[p.k]
		if r.Start >= addr && r.Start-addr >= size {
			return addr
		}
		addr = r.End
	}
	for i := p.i + 1; i < t.n; i++ {
		e := &t.dir[i]
		if e.start-addr >= size {
			return addr
		}
		if e.hole >= size {
			l := e.get()
			for k := 1; k < l.n; k++ {
				if l.r[k].Start-l.r[k-1].End >= size {
					return l.r[k-1].End
				}
			}
			t.sum(i)
		}
		addr = e.end
	}
	return addr
}
