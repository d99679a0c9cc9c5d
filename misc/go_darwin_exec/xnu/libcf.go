// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

// Objects of CoreFoundation, as far as Go's crypto/x509 makes them when it
// starts: strings, data and arrays. An object is memory of the guest's, so that
// fork and checkpoints keep it: its kind, references, length and contents.

import (
	"bytes"

	"goxnu/misc/go_darwin_exec/vcpu"
)

const (
	cfKind, cfRefs, cfLen, cfBody = 0, 8, 16, 24

	cfBytes = 1 // a string (UTF-8) or data
	cfArray = 2 // pointers

	cfArrayMost = 4096 // elements of an array
)

// cfNew makes an object with room for n bytes of contents.
func (t *Thread) cfNew(kind, n uint64) (obj uint64) {
	obj, e := t.mapAnon(libHint, cfBody+n)
	if e != 0 || !vcpu.Store64(obj+cfKind, kind) || !vcpu.Store64(obj+cfRefs, 1) {
		return 0
	}
	return obj
}

// cfCopy makes an object with the n bytes at p.
func (t *Thread) cfCopy(p, n uint64) (uint64, Errno) {
	const most = 1 << 30
	if n > most {
		return 0, 0
	}
	b := make([]byte, n)
	obj := t.cfNew(cfBytes, n)
	if obj == 0 || !vcpu.CopyIn(b, p) || !vcpu.CopyOut(obj+cfBody, b) || !vcpu.Store64(obj+cfLen, n) {
		return 0, 0
	}
	return obj, 0
}

// cfField reads a field of an object, 0 if it is none of that kind.
func cfField(obj, kind, field uint64) uint64 {
	if k, ok := vcpu.Load64(obj + cfKind); !ok || k != kind {
		return 0
	}
	v, _ := vcpu.Load64(obj + field)
	return v
}

func cfContents(obj uint64) []byte {
	b := make([]byte, cfField(obj, cfBytes, cfLen))
	vcpu.CopyIn(b, obj+cfBody)
	return b
}

// libCFStringCreateWithBytes(allocator, bytes, length, encoding, external): Go's
// strings are UTF-8.
func libCFStringCreateWithBytes(t *Thread, a *args) (uint64, Errno) { return t.cfCopy(a[1], a[2]) }

func libCFDataCreate(t *Thread, a *args) (uint64, Errno) { return t.cfCopy(a[1], a[2]) }

func libCFStringCreateExternalRepresentation(t *Thread, a *args) (uint64, Errno) {
	return t.cfCopy(a[1]+cfBody, cfField(a[1], cfBytes, cfLen))
}

func libCFDataGetLength(t *Thread, a *args) (uint64, Errno) { return cfField(a[0], cfBytes, cfLen), 0 }

func libCFDataGetBytePtr(t *Thread, a *args) (uint64, Errno) { return a[0] + cfBody, 0 }

func libCFArrayCreateMutable(t *Thread, a *args) (uint64, Errno) {
	return t.cfNew(cfArray, 8*cfArrayMost), 0
}

// libCFArrayAppendValue retains the value.
func libCFArrayAppendValue(t *Thread, a *args) (uint64, Errno) {
	n := cfField(a[0], cfArray, cfLen)
	if n >= cfArrayMost || !vcpu.Store64(a[0]+cfBody+8*n, a[1]) || !vcpu.Store64(a[0]+cfLen, n+1) {
		return 0, 0
	}
	if refs, ok := vcpu.Load64(a[1] + cfRefs); ok {
		vcpu.Store64(a[1]+cfRefs, refs+1)
	}
	return 0, 0
}

func libCFArrayGetCount(t *Thread, a *args) (uint64, Errno) { return cfField(a[0], cfArray, cfLen), 0 }

func libCFArrayGetValueAtIndex(t *Thread, a *args) (uint64, Errno) {
	if a[1] >= cfField(a[0], cfArray, cfLen) {
		return 0, 0
	}
	return cfField(a[0], cfArray, cfBody+8*a[1]), 0
}

func libCFEqual(t *Thread, a *args) (uint64, Errno) {
	if a[0] == a[1] || cfField(a[0], cfBytes, cfRefs) > 0 && cfField(a[1], cfBytes, cfRefs) > 0 && bytes.Equal(cfContents(a[0]), cfContents(a[1])) {
		return 1, 0
	}
	return 0, 0
}

// libCFRelease drops a reference. The references of one object are counted without a
// lock: Go's programs do not share them between threads.
func libCFRelease(t *Thread, a *args) (uint64, Errno) {
	t.cfRelease(a[0])
	return 0, 0
}

func (t *Thread) cfRelease(obj uint64) {
	kind, _ := vcpu.Load64(obj + cfKind)
	if kind != cfBytes && kind != cfArray {
		return
	}
	refs, n := cfField(obj, kind, cfRefs), cfField(obj, kind, cfLen)
	if refs > 1 {
		vcpu.Store64(obj+cfRefs, refs-1)
		return
	}
	size := n
	if kind == cfArray {
		for i := range n {
			t.cfRelease(cfField(obj, cfArray, cfBody+8*i))
		}
		size = 8 * cfArrayMost
	}
	t.p.Space.Unmap(obj, (cfBody+size+pageSize-1)&^(pageSize-1))
}
