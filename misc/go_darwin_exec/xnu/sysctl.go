// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"encoding/binary"
	"slices"
	"strings"
	"sync"
)

// Top-level identifiers (xnu-11417 bsd/sys/sysctl.h).
const (
	ctlSysctl  = 0
	ctlKern    = 1
	ctlVM      = 2
	ctlNet     = 4
	ctlHW      = 6
	ctlMachdep = 7

	ctlMaxname = 12  // longest MIB
	oidAuto    = -1  // numbered at start, from 100 on
	oidFirst   = 100 // OID_AUTO_START
)

// A sysctlKind is the type of a value, in the letters of its format
// (xnu-11417 bsd/sys/sysctl.h: CTLTYPE_, SYSCTL_INT and the like).
type sysctlKind byte

const (
	sysctlInt    sysctlKind = 'I' // 32 bits
	sysctlQuad   sysctlKind = 'Q' // 64 bits; into a buffer of 4 bytes as an int, if it fits
	sysctlString sysctlKind = 'A'
	sysctlStruct sysctlKind = 'S'
	sysctlNode   sysctlKind = 'N' // takes what is left of the MIB as parameters
)

// A sysctl is one variable. An attempt to write is EPERM but for the
// superuser, and for those that writableSysctls does not have.
type sysctl struct {
	name  string
	mib   []int32
	kind  sysctlKind
	since Release // first release that has it; 0: all
	until Release // first that lacks it again; 0: none
	get   func(t *Thread, arg []int32) sysctlValue
}

// A sysctlValue is the answer: a number or bytes, which are records of a
// certain size if more than one may fit.
type sysctlValue struct {
	num    int64
	data   []byte
	record int
	cut    bool // a short buffer gets what fits, without an error
	err    Errno
}

func number(v int64) sysctlValue    { return sysctlValue{num: v} }
func text(s string) sysctlValue     { return sysctlValue{data: append([]byte(s), 0)} }
func opaque(b []byte) sysctlValue   { return sysctlValue{data: b} }
func sysctlErr(e Errno) sysctlValue { return sysctlValue{err: e} }

// constant and constantText make the get of a value that never changes.
func constant(v int64) func(*Thread, []int32) sysctlValue {
	return func(*Thread, []int32) sysctlValue { return number(v) }
}

func constantText(s string) func(*Thread, []int32) sysctlValue {
	return func(*Thread, []int32) sysctlValue { return text(s) }
}

// routeSysctl answers {CTL_NET, PF_ROUTE, ...}; route.go sets it.
var routeSysctl func(t *Thread, arg []int32) ([]byte, Errno)

// A sysctlTree holds the variables of one release.
type sysctlTree struct {
	all    []*sysctl
	byName map[string]*sysctl
}

// sysctlTables are the parts that the topic files declare.
var sysctlTables [][]sysctl

func newSysctlTree(r Release) *sysctlTree {
	tr := &sysctlTree{byName: map[string]*sysctl{}}
	next := int32(oidFirst)
	for _, table := range sysctlTables {
		for i := range table {
			v := table[i]
			if v.since > r || v.until != 0 && v.until <= r {
				continue
			}
			v.mib = slices.Clone(v.mib)
			if last := len(v.mib) - 1; v.mib[last] == oidAuto {
				v.mib[last] = next
				next++
			}
			tr.all = append(tr.all, &v)
			if v.name != "" {
				tr.byName[v.name] = &v
			}
		}
	}
	return tr
}

var (
	sysctlOnce sync.Once
	sysctls    *sysctlTree
)

func (p *Proc) sysctlTree() *sysctlTree {
	sysctlOnce.Do(func() { sysctls = newSysctlTree(p.Release) })
	return sysctls
}

// find returns the variable that mib names, and its parameters. An unknown one
// is ENOENT, parameters to a variable that has none EISDIR
// (xnu-11215 bsd/kern/kern_newsysctl.c:sysctl_root).
func (tr *sysctlTree) find(mib []int32) (*sysctl, []int32, Errno) {
	for _, v := range tr.all {
		n := len(v.mib)
		if len(mib) < n || !slices.Equal(v.mib, mib[:n]) {
			continue
		}
		if v.kind != sysctlNode && len(mib) > n {
			return nil, nil, EISDIR
		}
		return v, mib[n:], 0
	}
	return nil, nil, ENOENT
}

// oid returns the MIB of a name: one of the variables' own, or one with parameters, as
// "kern.proc.pid.17".
func (tr *sysctlTree) oid(name string) ([]int32, Errno) {
	if v := tr.byName[name]; v != nil {
		return v.mib, 0
	}
	for i := len(name) - 1; i > 0; i-- {
		if name[i] != '.' {
			continue
		}
		v := tr.byName[name[:i]]
		if v == nil || v.kind != sysctlNode {
			continue
		}
		mib := slices.Clone(v.mib)
		for s := range strings.SplitSeq(name[i+1:], ".") {
			n := int32(0)
			for _, c := range []byte(s) {
				if c < '0' || c > '9' {
					return nil, ENOENT
				}
				n = n*10 + int32(c-'0')
			}
			mib = append(mib, n)
		}
		return mib, 0
	}
	return nil, ENOENT
}

// The magic MIBs under CTL_SYSCTL (xnu-11417 bsd/kern/kern_newsysctl.c:
// sysctl_sysctl_name, _name2oid, _oidfmt).
const (
	sysctlNameOf  = 1
	sysctlName2   = 3
	sysctlOidfmt  = 4
	sysctlPathMax = 1024
)

func (t *Thread) sysctlSelf(mib []int32, newp, newlen uint64) sysctlValue {
	tr := t.p.sysctlTree()
	switch mib[1] {
	case sysctlName2:
		if newlen == 0 {
			return sysctlErr(ENOENT)
		}
		if newlen >= sysctlPathMax {
			return sysctlErr(ENAMETOOLONG)
		}
		b := make([]byte, newlen)
		if e := copyinBytes(b, newp); e != 0 {
			return sysctlErr(e)
		}
		name, _, _ := strings.Cut(string(b), "\x00")
		oid, e := tr.oid(name)
		if e != 0 {
			return sysctlErr(e)
		}
		var out []byte
		for _, n := range oid {
			out = binary.LittleEndian.AppendUint32(out, uint32(n))
		}
		return opaque(out)
	case sysctlNameOf, sysctlOidfmt:
		v, _, e := tr.find(mib[2:])
		if e != 0 {
			return sysctlErr(ENOENT)
		}
		if mib[1] == sysctlNameOf {
			return text(v.name)
		}
		const readable = 0x80000000 // CTLFLAG_RD
		types := map[sysctlKind]uint32{sysctlNode: 1, sysctlInt: 2, sysctlString: 3, sysctlQuad: 4, sysctlStruct: 5}
		b := binary.LittleEndian.AppendUint32(nil, types[v.kind]|readable)
		return opaque(append(b, byte(v.kind), 0))
	}
	return sysctlErr(ENOENT)
}

// sysctl answers for a complete MIB.
func (t *Thread) sysctl(mib []int32, old, oldlenp, newp, newlen uint64) (uint64, Errno) {
	kind := sysctlStruct
	var val sysctlValue
	var variable *sysctl
	set := false
	if mib[0] == ctlSysctl {
		val = t.sysctlSelf(mib, newp, newlen)
	} else {
		v, arg, e := t.p.sysctlTree().find(mib)
		if e != 0 {
			return 0, e
		}
		set = newp != 0 && newlen != 0
		if set && (writableSysctls[v.name] == nil || !suser()) {
			return 0, EPERM
		}
		variable, kind = v, v.kind
		val = v.get(t, arg)
	}
	if val.err != 0 {
		return 0, val.err
	}
	if e := t.sysctlOut(kind, val, old, oldlenp); e != 0 || !set {
		return 0, e
	}
	return 0, t.sysctlSet(variable, newp, newlen)
}

// sysctlOut hands out a value: how long it is if there is no buffer; ENOMEM if
// the buffer is too small, with as many whole records as fit and their size in
// *oldlenp (xnu-11215 bsd/kern/kern_newsysctl.c:sysctl_old_user,
// sysctl_io_number, userland_sysctl).
func (t *Thread) sysctlOut(kind sysctlKind, val sysctlValue, old, oldlenp uint64) Errno {
	long := t.longSize()
	w := t.fs.buf[:8]
	room := uint64(0)
	if oldlenp != 0 {
		if e := copyinBytes(w[:long], oldlenp); e != 0 {
			return e
		}
		room = getUint64(w)
		if long == 4 {
			room = uint64(getUint32(w))
		}
	}
	b := val.data
	switch kind {
	case sysctlInt:
		b = binary.LittleEndian.AppendUint32(nil, uint32(val.num))
	case sysctlQuad:
		b = binary.LittleEndian.AppendUint64(nil, uint64(val.num))
		if old != 0 && room == 4 {
			if int64(int32(val.num)) != val.num {
				return ERANGE
			}
			b = b[:4]
		}
	}
	n, e := uint64(len(b)), Errno(0)
	if old != 0 {
		if n > room && val.cut {
			n = room
		} else if n > room {
			e = ENOMEM
			n = 0
			if val.record > 0 {
				n = room / uint64(val.record) * uint64(val.record)
			}
		}
		if ce := copyoutBytes(old, b[:n]); ce != 0 {
			return ce
		}
	}
	if oldlenp != 0 {
		putUint64(w, n)
		if ce := copyoutBytes(oldlenp, w[:long]); ce != 0 {
			return ce
		}
	}
	return e
}

func sysSysctl(t *Thread, a *args) (uint64, Errno) {
	n := uint32(a[1])
	if n < 2 || n > ctlMaxname {
		return 0, EINVAL
	}
	var mib [ctlMaxname]int32
	b := t.fs.buf[:4*ctlMaxname]
	if e := copyinBytes(b[:4*n], a[0]); e != 0 {
		return 0, e
	}
	for i := range mib[:n] {
		mib[i] = int32(getUint32(b[4*i:]))
	}
	return t.sysctl(mib[:n], a[2], a[3], a[4], a[5])
}

func sysSysctlbyname(t *Thread, a *args) (uint64, Errno) {
	if a[1] >= sysctlPathMax {
		return 0, ENAMETOOLONG
	}
	b := make([]byte, a[1])
	if e := copyinBytes(b, a[0]); e != 0 {
		return 0, e
	}
	name, _, _ := strings.Cut(string(b), "\x00")
	mib, e := t.p.sysctlTree().oid(name)
	if e != 0 {
		return 0, e
	}
	return t.sysctl(mib, a[2], a[3], a[4], a[5])
}
