// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

// The library of dynamically linked programs. Package libsystem makes its machine
// code; what each function is, lib/xnu/libsystem.tsv says (zlibsystem.go). Some are
// performed by the runner: they are calls of a class that XNU has not, with
// handlers as system calls have. A handler that makes several kernel calls passes
// ERESTART on before it has changed anything: it will be run again.

import (
	"fmt"
	"syscall"

	"goxnu/misc/go_darwin_exec/libsystem"
	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
)

// A libKind says how a function is done.
type libKind uint8

const (
	libNone    libKind = iota
	libKernel          // one system call
	libMachine         // machine code
	libRunner          // a function of the runner
	libData            // a variable
)

// A libFunction is a line of lib/xnu/libsystem.tsv.
type libFunction struct {
	name    string
	library string
	kind    libKind
	call    string // of a libKernel
	entry   sysent // of a libRunner
	data    uint32 // of a libData
	support string
}

// classLib is the class of the runner's own calls. From libPrivateCalls on, the
// number is an index into libPrivate, below it one into libFunctions.
const (
	classLib        = 0x4c
	libPrivateCalls = 0x8000
)

const (
	callMissing = classLib<<24 | libPrivateCalls + iota
	callUlockWait
	callUlockWake
)

var libPrivate = [...]sysent{
	{name: "libsystem_missing", args: "p", ret: 'l', handle: libMissing},
	{name: "libsystem_wait", args: "upou", ret: 'i', eintr: true, handle: sysUlockWait},
	{name: "libsystem_wake", args: "upo", ret: 'i', handle: sysUlockWake},
}

// libCall performs call nr of classLib.
func (t *Thread) libCall(nr int) {
	var s *sysent
	switch {
	case !t.p.cfg.Dynamic:
	case nr < len(libFunctions):
		s = &libFunctions[nr].entry
	case nr >= libPrivateCalls && nr-libPrivateCalls < len(libPrivate):
		s = &libPrivate[nr-libPrivateCalls]
	}
	r := &t.cpu.Regs
	if s == nil || s.handle == nil {
		t.excSyscall(uint32(r.RAX))
		return
	}
	a := &t.args
	*a = args{r.RDI, r.RSI, r.RDX, r.R10, r.R8, r.R9}
	if n := len(s.args); n > 6 {
		if e := t.stackArgs(a[6:n], r.RSP+8); e != 0 {
			t.fail(e)
			return
		}
	}
	t.makeCall(s, a)
}

// libMissing ends a program that calls a function that the library lacks.
func libMissing(t *Thread, a *args) (uint64, Errno) {
	warnf("%s called %s", t.p.cfg.Path, cstringAt(a[0]))
	t.p.exit(HostFailure)
	return 0, EJUSTRETURN
}

// A Library is the libSystem for a program of a release.
type Library struct {
	release Release
	image   *libsystem.Image
	addr    uint64
	calls   map[string]uint32 // numbers of the release's calls
	index   map[string]int    // into libFunctions
}

// libHint is where the library goes if there is room: in what Darwin's processes
// have for shared libraries.
const libHint = 0x7fff20000000

// libSize is what it takes: code, the first thread's memory, constants.
const libSize = libsystem.Room + 64<<10

// NewLibrary makes room in s for a library.
func NewLibrary(s *mem.Space, r Release) (*Library, error) {
	addr, errno := s.Map(mem.Mapping{Addr: libHint, Size: libSize, Prot: mem.ProtRead | mem.ProtWrite, FD: -1})
	if errno != 0 {
		return nil, fmt.Errorf("libSystem cannot be mapped: %w", errno)
	}
	l := &Library{release: r, addr: addr, calls: map[string]uint32{}, index: libIndex()}
	var replace libsystem.Calls
	if r < XNU3789 {
		replace = libsystem.Calls{
			classUnix<<24 | ulockWaitNumber: callUlockWait,
			classUnix<<24 | ulockWakeNumber: callUlockWake,
		}
	}
	l.image = libsystem.New(addr, replace)
	for _, s := range inRelease(sysents[:], r) {
		if s != nil {
			l.calls[s.name] = classUnix<<24 | uint32(s.nr)
		}
	}
	return l, nil
}

// Numbers of the calls of waiting and waking (bsd/kern/syscalls.master).
const (
	ulockWaitNumber = 515
	ulockWakeNumber = 516
)

func libIndex() map[string]int {
	m := make(map[string]int, len(libFunctions))
	for i := range libFunctions {
		m[libFunctions[i].name] = i
	}
	return m
}

// Resolve returns the address of a symbol, with its name in C, for a program
// that says it is in a library. One that is missing is a function that says so
// when it is called, or 0 if it is weak.
func (l *Library) Resolve(name, library string, weak bool) uint64 {
	if at := l.image.Func(name); at != 0 {
		return at
	}
	if i, ok := l.index[name]; ok {
		switch f := &libFunctions[i]; f.kind {
		case libKernel:
			if nr, ok := l.calls[f.call]; ok {
				return l.image.Call(name, nr)
			}
		case libRunner:
			return l.image.Call(name, classLib<<24|uint32(i))
		case libData:
			var b [8]byte
			putUint32(b[:], f.data)
			return l.image.Data(b[:])
		}
	}
	if weak {
		return 0
	}
	if library == "" {
		library = "a library"
	}
	text := fmt.Sprintf("%s of %s, which the runner lacks (%s); -imports lists all that it imports", name, library, Support(name, l.release))
	return l.image.Missing(name, text, callMissing)
}

// Finish puts the library into memory. It returns where the program begins, whose own entry
// is at entry: LC_MAIN's if main is set.
func (l *Library) Finish(s *mem.Space, entry uint64, main bool) (start uint64, err error) {
	code, data, start, err := l.image.Finish(entry, main)
	if err != nil {
		return 0, err
	}
	if libsystem.Room+len(data) > libSize {
		return 0, fmt.Errorf("its imports take %d bytes of the %d that libSystem has", len(data), libSize-libsystem.Room)
	}
	if !vcpu.CopyOut(l.addr, code) || !vcpu.CopyOut(l.addr+libsystem.Room, data) {
		return 0, syscall.EFAULT
	}
	if errno := s.Protect(l.addr, libsystem.Room, mem.ProtRead|mem.ProtExec); errno != 0 {
		return 0, errno
	}
	return start, nil
}

// Support says how far the runner has a symbol in release r.
func Support(name string, r Release) string {
	for i := range libFunctions {
		f := &libFunctions[i]
		if f.name != name {
			continue
		}
		if f.kind == libKernel {
			since := Release(0)
			for _, s := range sysents {
				if s.name == f.call {
					if s.since <= r && (s.until == 0 || r < s.until) {
						return f.support
					}
					since = s.since
				}
			}
			return fmt.Sprintf("none: this release has no %s (from xnu-%d on)", f.call, since)
		}
		return f.support
	}
	return "none: not in the runner's libraries"
}

// setErrno sets the errno of C.
func (t *Thread) setErrno(e Errno) {
	if p, ok := vcpu.Load64(t.tsd + 8); ok {
		vcpu.Store32(p, uint32(e))
	}
}

// null is the result of a function that returns a null pointer if it fails.
func (t *Thread) null(e Errno) (uint64, Errno) {
	if e == ERESTART {
		return 0, e
	}
	t.setErrno(e)
	return 0, 0
}

// errnoResult is the result of a function that returns an error number.
func errnoResult(e Errno) (uint64, Errno) {
	if e == ERESTART {
		return 0, e
	}
	return uint64(e), 0
}

// cstringAt reads a string of the guest's, at most a page.
func cstringAt(p uint64) string {
	b := make([]byte, pageSize)
	n := vcpu.CopyInStr(b, p)
	if n < 0 {
		return ""
	}
	return string(b[:n])
}

// scratch is memory of the thread's own, above its TSD, for what a kernel call
// reads or writes on behalf of a function.
func (t *Thread) scratch() uint64 { return t.tsd - libsystem.TSDOffset + 0x1000 }

const scratchSize = 0x1000
