// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/hostsig"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// runtimeVariables configure the Go runtime of whoever finds them in the
// environment: the guest's and, if nothing is done about it, the runner's.
var runtimeVariables = []string{"GODEBUG", "GOGC", "GOMEMLIMIT", "GOTRACEBACK", "GOMAXPROCS", "GORACE", "GOCOVERDIR"}

// NeedsReexec reports whether the runner should start again with an empty
// environment: see ReexecClean.
func NeedsReexec(env []string) bool {
	for _, kv := range env {
		for _, name := range runtimeVariables {
			if rest, ok := strings.CutPrefix(kv, name); ok && strings.HasPrefix(rest, "=") {
				return true
			}
		}
	}
	return false
}

// ReexecClean runs the runner again, for the same program with the same
// environment, but with an empty environment of its own. It returns only if
// that fails.
func ReexecClean(st *ExecState) error {
	masked, ignored := hostsig.Inherited()
	st.Mask, st.Ignore = guestSet(masked), guestSet(ignored)
	return st.Reexec()
}

func appendHex(b []byte, v uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		if d := v >> shift; d != 0 || shift == 0 {
			b = append(b, "0123456789abcdef"[d&15])
		}
	}
	return b
}

// execMask is the host mask under which the runner starts anew: the signals
// that come meanwhile wait for it. The Go runtime's own stay open.
var execMask = hostSetOf(xsig.Set(1<<31-1) &^ (xsig.Bit(SIGKILL) | xsig.Bit(SIGSTOP) | xsig.Bit(SIGURG) |
	xsig.Bit(SIGILL) | xsig.Bit(SIGTRAP) | xsig.Bit(SIGFPE) | xsig.Bit(SIGBUS) | xsig.Bit(SIGSEGV) | xsig.Bit(SIGSYS)))

// An execArena is memory outside of the Go heap for what an execve, which a
// forked child may have to make, leaves to the next image.
type execArena struct {
	self  int32  // the runner's executable
	block []byte // a state file: see ExecState.put
	n     int    // bytes of block in use
	ptrs  []uint64
	nptr  int
	head  [512]byte // of the file

	runnerc, prefix int // number of the runner's words, and where they end in block

	space   int // how many bytes XNU would still have for strings and pointers
	pointer int // what a pointer takes of it

	variable [32]byte // stateVariable
}

// execLock guards the process's execArena.
var execLock sync.Mutex

// Linux starts no program with more.
const (
	execBytes    = 8 << 20
	execPointers = 1 << 20
)

// openSelf readies the process for execve.
func (p *Proc) openSelf() error {
	x := &p.exec
	if st := p.cfg.Exec; st != nil {
		x.self = st.Self
	} else {
		fd, err := OpenRunner()
		if err != nil {
			return err
		}
		x.self = int32(fd)
	}
	var e Errno
	if x.self, e = hideFD(x.self); e != 0 {
		return e
	}
	mem, err := syscall.Mmap(-1, 0, execBytes+8*execPointers, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		return err
	}
	x.block = mem[:execBytes]
	x.ptrs = unsafe.Slice((*uint64)(unsafe.Pointer(&mem[execBytes])), execPointers)
	x.n = stateHead
	x.space = execBytes
	for _, s := range p.cfg.Runner {
		if e := addWord(x, s); e != 0 {
			return errors.New("the runner's own command line is too long")
		}
	}
	x.runnerc, x.prefix = len(p.cfg.Runner), x.n
	return nil
}

// reset begins a new list of strings.
func (x *execArena) reset() {
	x.n, x.nptr = x.prefix, 0
	x.space, x.pointer = execBytes, 0
}

// limit counts from here on what XNU counts (bsd/kern/kern_exec.c:
// exec_extract_strings): the strings of arguments and environment and, since
// 1699, their pointers, both lists with their end. Before, it is the strings
// and the path, which has been added (exec_save_path; SIZE_IMG_STRSPACE).
func (x *execArena) limit(r Release, oldPointer, newPointer int) {
	x.space = int(argMax(r))
	if r >= XNU1699 {
		x.pointer = newPointer
		return
	}
	path := x.n - x.prefix
	x.space -= 2*8 + (path+oldPointer-1)/oldPointer*oldPointer
}

// push adds a pointer, that of the string at at, to the vector.
func (x *execArena) push(at int) Errno {
	if x.nptr == len(x.ptrs) {
		return E2BIG
	}
	x.ptrs[x.nptr] = uint64(uintptr(unsafe.Pointer(&x.block[at])))
	x.nptr++
	return x.count(x.pointer)
}

// end ends a vector.
func (x *execArena) end() Errno {
	if x.nptr == len(x.ptrs) {
		return E2BIG
	}
	x.ptrs[x.nptr] = 0
	x.nptr++
	return x.count(x.pointer)
}

func (x *execArena) count(n int) Errno {
	if x.space < n {
		return E2BIG
	}
	x.space -= n
	return 0
}

// pad counts what XNU adds to align what follows the strings from first on.
func (x *execArena) pad(first int) Errno {
	if x.pointer == 0 {
		return 0
	}
	return x.count(-(x.n - first) & (x.pointer - 1))
}

// addWord adds a string of the runner's.
func addWord[T string | []byte](x *execArena, s T) Errno {
	size := len(s) + 1
	if size > len(x.block)-x.n {
		return E2BIG
	}
	if e := x.count(size); e != 0 {
		return e
	}
	at := x.n
	copy(x.block[at:], s)
	x.block[at+len(s)] = 0
	x.n += size
	return x.push(at)
}

// addString adds a string of the guest's.
func (x *execArena) addString(p uint64) Errno {
	room := min(x.space, len(x.block)-x.n)
	if room <= 0 {
		return E2BIG
	}
	at := x.n
	n := vcpu.CopyInStr(x.block[at:at+room], p)
	if n < 0 {
		return EFAULT
	}
	if n == room {
		return E2BIG
	}
	x.n += n + 1
	x.space -= n + 1
	return x.push(at)
}

// exec executes the runner for the block's program. It returns if that fails.
func (x *execArena) exec(st *ExecState, argv, argc, envc int) Errno {
	e := x.execNext(st, argv, argc, envc)
	if e == ENOENT && x.staticSelf() == 0 { // its interpreter is not in this root
		e = x.execNext(st, argv, argc, envc)
	}
	return e
}

func (x *execArena) execNext(st *ExecState, argv, argc, envc int) Errno {
	st.Self = x.self
	st.put(x.block[:x.n], x.runnerc, argc, envc)
	fd, e := writeState(x.block[:x.n])
	if e != 0 {
		return e
	}
	appendStateVariable(x.variable[:0], fd)
	env := x.nptr // the runner's own environment
	if env+2 > len(x.ptrs) {
		env = len(x.ptrs) - 2
	}
	x.ptrs[env], x.ptrs[env+1] = uint64(uintptr(unsafe.Pointer(&x.variable[0]))), 0
	closeOnExec(fd, false)
	closeOnExec(x.self, false)
	none := uint64(uintptr(unsafe.Pointer(&emptyString[0])))
	if x.ptrs[argv] == 0 {
		x.ptrs[argv], x.ptrs[argv+1] = none, 0
	}
	execLimits() // the file is written: it may have more than they allow
	for {
		e = execSelf(x.self, ptrAt(x, argv), ptrAt(x, env))
		if e != E2BIG || x.ptrs[argv] == none {
			break
		}
		x.ptrs[argv], x.ptrs[argv+1] = none, 0 // too long; ShowProgram puts it right
	}
	execLimitsUndo()
	closeOnExec(x.self, true)
	host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
	return e
}

// loadPointer reads a pointer of the guest's memory.
func (g abi) loadPointer(p uint64) (v uint64, ok bool) {
	if g == abi32 {
		w, ok := vcpu.Load32(p)
		return uint64(w), ok
	}
	return vcpu.Load64(p)
}

// vector adds the strings of a guest's argv or envp and reports how many.
func (x *execArena) vector(p uint64, g abi) (n int, e Errno) {
	size := uint64(8)
	if g == abi32 {
		size = 4
	}
	for p != 0 {
		v, ok := g.loadPointer(p)
		if !ok {
			return 0, EFAULT
		}
		if v == 0 {
			break
		}
		if e := x.addString(v); e != 0 {
			return 0, e
		}
		n++
		p += size
	}
	return n, x.end()
}

// What a file is, by its first bytes.
const (
	fileUnknown = iota
	fileMachO
	fileELF
	fileScript
	fileBadArch
)

// Mach-O magic numbers and processors (osfmk/mach/machine.h, mach-o/loader.h).
const (
	magicMachO32 = 0xfeedface
	magicMachO64 = 0xfeedfacf
	magicFat     = 0xbebafeca // as a little-endian word
	cpuX8664     = 0x01000007
	cpuI386      = 7
	magicELF     = 0x464c457f
)

// runs32 says whether 32-bit programs can be executed: up to 4903, or if the
// next image is free to choose its release.
func (p *Proc) runs32() bool { return p.Release < XNU6153 || p.cfg != nil && p.cfg.Default }

// classify tells what the file is that begins with b; runs32 says whether
// i386 programs are programs.
func classify(b []byte, runs32 bool) int {
	if len(b) >= 2 && b[0] == '#' && b[1] == '!' {
		return fileScript
	}
	if len(b) < 12 {
		return fileUnknown
	}
	switch getUint32(b) {
	case magicELF:
		return fileELF
	case magicMachO64:
		if getUint32(b[4:]) != cpuX8664 {
			return fileBadArch
		}
		return fileMachO
	case magicMachO32:
		if getUint32(b[4:]) != cpuI386 || !runs32 {
			return fileBadArch
		}
		return fileMachO
	case magicFat:
		be := func(i int) uint32 {
			return uint32(b[i])<<24 | uint32(b[i+1])<<16 | uint32(b[i+2])<<8 | uint32(b[i+3])
		}
		n := be(4)
		if n >= 20 { // a Java class file
			return fileUnknown
		}
		for i := 0; i < int(n) && 8+20*i+4 <= len(b); i++ {
			if be(8+20*i) == cpuX8664 {
				return fileMachO
			}
		}
		return fileBadArch
	}
	return fileUnknown
}

// checkExecutable opens the file at the host's path, checks that it can be executed and
// reads its head (bsd/kern/kern_exec.c:exec_check_permissions, execsw).
func (t *Thread) checkExecutable(dir, path uintptr) (kind int, head []byte, e Errno) {
	x := &t.p.exec
	const xOK = 1
	_, e = host(sysFaccessat2, dir, path, xOK, linuxAtEaccess, 0, 0)
	if refusal(e) {
		e = t.accessOld(dir, path, xOK, linuxAtEaccess)
	}
	if e != 0 {
		return 0, nil, e
	}
	st := t.fs.buf[:256]
	if _, e := host(syscall.SYS_NEWFSTATAT, dir, path, hostBuf(&st[0]), 0, 0, 0); e != 0 {
		return 0, nil, e
	}
	if getUint32(st[24:])&syscall.S_IFMT != syscall.S_IFREG {
		return 0, nil, EACCES
	}
	fd, e := host(syscall.SYS_OPENAT, dir, path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0, 0, 0)
	if e == EACCES {
		return fileELF, nil, 0 // executable but not readable: only the host can tell
	}
	if e != 0 {
		return 0, nil, e
	}
	n, e := host(syscall.SYS_READ, uintptr(fd), hostBuf(&x.head[0]), uintptr(len(x.head)), 0, 0, 0)
	host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
	if e != 0 {
		return 0, nil, e
	}
	return classify(x.head[:n], t.p.runs32()), x.head[:n], 0
}

// sysExecve(path, argv, envp): bsd/kern/kern_exec.c:__mac_execve. A Mach-O
// file is run by another runner in the same process, anything else that the
// host can run by the host. It neither allocates nor locks in a forked child.
func sysExecve(t *Thread, a *args) (uint64, Errno) {
	sweepTTYs() // the next image could not know the leader any more
	if !t.p.child {
		execLock.Lock()
		defer execLock.Unlock()
	}
	x := &t.p.exec
	path, e := t.plainPath(0, a[0])
	if e != 0 {
		return 0, e
	}
	kind, head, e := t.checkExecutable(hostAtFDCWD, path)
	if e != 0 {
		return 0, e
	}
	shown := t.pathBytes(0) // what the new image is told that it is called
	if t.fs.cwd != 0 {
		shown = t.fs.name[0][pathPrefix-int(hostBuf(&t.fs.name[0][pathPrefix])-path):][:pathPrefix+len(shown)]
		shown = shown[:bytes.IndexByte(shown, 0)]
	}
	var interp [8][]byte
	words := 0
	if kind == fileScript {
		// One level: the interpreter, the words after it, the script
		// (kern_exec.c:exec_shell_imgact).
		if words, e = scriptWords(head, &interp); e != 0 {
			return 0, e
		}
		if kind, head, e = t.lookInterpreter(&interp, words); e != 0 {
			return 0, e
		}
		shown = interp[0]
		if kind == fileScript {
			return 0, ENOEXEC
		}
	}
	switch kind {
	case fileMachO, fileELF:
	case fileBadArch:
		return 0, EBADARCH
	default:
		return 0, ENOEXEC
	}

	newPointer := 8
	if kind == fileMachO && getUint32(head) == magicMachO32 {
		newPointer = 4
	}
	x.reset()
	if e := addWord(x, shown); e != 0 {
		return 0, e
	}
	x.limit(t.p.Release, t.longSize(), newPointer)
	argv, first := x.nptr, x.n
	if words > 0 {
		for _, w := range interp[:words] {
			if e := addWord(x, w); e != 0 {
				return 0, e
			}
		}
		if e := addWord(x, t.pathBytes(0)); e != 0 {
			return 0, e
		}
		if v, ok := t.abi().loadPointer(a[1]); a[1] != 0 && (!ok || v != 0) {
			a[1] += uint64(t.longSize()) // the script's own argv[0] is dropped
		}
	}
	argc, e := x.vector(a[1], t.abi())
	if e != 0 {
		return 0, e
	}
	if words > 0 {
		argc += words + 1
	}
	envv := x.nptr
	envc, e := x.vector(a[2], t.abi())
	if e != 0 {
		return 0, e
	}
	if e := x.pad(first); e != 0 {
		return 0, e
	}

	// Signals that come from here on wait on the host for the new image, or
	// in the pipe, which it inherits: none is lost.
	p := t.p
	saved := hostSigmask(linuxSigSetmask, execMask)
	t.takeKick()
	if !p.child {
		p.pauseHostSignals()
	}
	p.lock()
	if kind == fileMachO {
		if !p.child {
			p.drainHost()
			closeOnExec(p.sigFD, false)
		}
		st := ExecState{State: p.sig.Exec(t.sig), SigFD: p.sigFDForExec(), Resume: -1, Linked: p.linked.Load(), Leaders: watchedLeaders()}
		p.faults.inherit(true)
		e = x.exec(&st, argv, argc, envc)
		p.faults.inherit(false)
	} else {
		t.hostSignalsForExec()
		execLimits()
		_, e = host(syscall.SYS_EXECVE, uintptr(x.ptrs[0]), ptrAt(x, argv), ptrAt(x, envv), 0, 0, 0)
		execLimitsUndo()
		hostSigmask(linuxSigSetmask, execMask)
		for sig := 1; sig < NSIG; sig++ {
			p.takeHost(sig)
		}
	}
	if !p.child {
		closeOnExec(p.sigFD, true)
		p.resumeHostSignals()
	}
	p.unlock()
	hostSigmask(linuxSigSetmask, saved)
	return 0, e
}

const sysExecveat = 322

var emptyString [1]byte

func ptrAt(x *execArena, i int) uintptr { return uintptr(unsafe.Pointer(&x.ptrs[i])) }

func closeOnExec(fd int32, on bool) {
	flags := uintptr(0)
	if on {
		flags = syscall.FD_CLOEXEC
	}
	host(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFD, flags, 0, 0, 0)
}

// sigFDForExec is what ExecState.SigFD will be.
func (p *Proc) sigFDForExec() int32 {
	if p.child {
		return 0
	}
	return p.sigFD
}

// hostSignalsForExec leaves a host program what XNU would leave it: ignored
// signals, the mask, and what is pending under it. mu is held.
func (t *Thread) hostSignalsForExec() {
	p := t.p
	s := p.sig.Exec(t.sig)
	for sig := 1; sig < NSIG; sig++ {
		switch {
		case sig == SIGKILL || sig == SIGSTOP:
		case s.Ignore.Has(sig):
			hostsig.Ignore(toHost(sig))
		default:
			hostsig.Default(toHost(sig))
		}
	}
	if !p.child {
		p.drainHost() // nothing new comes in
		s = p.sig.Exec(t.sig)
	}
	pid, tid := hostCall(syscall.SYS_GETPID), hostCall(syscall.SYS_GETTID)
	for sig := 1; sig < NSIG; sig++ {
		if s.Pending.Has(sig) {
			host(syscall.SYS_TGKILL, pid, tid, uintptr(toHost(sig)), 0, 0, 0)
		}
	}
	hostSigmask(linuxSigSetmask, hostSetOf(s.Mask))
}

// scriptWords splits the first line of a script, in place, into words. Each
// has a NUL behind it.
func scriptWords(head []byte, w *[8][]byte) (n int, e Errno) {
	end := 2
	for end < len(head) && head[end] != '\n' {
		end++
	}
	if end == len(head) {
		return 0, ENOEXEC // the line does not end within 512 bytes
	}
	blank := func(c byte) bool { return c == ' ' || c == '\t' || c == '#' }
	for i := 2; i < end; {
		if head[i] == '#' {
			break // a comment ends the line (kern_exec.c:exec_shell_imgact)
		}
		if blank(head[i]) {
			i++
			continue
		}
		if n == len(w) {
			return 0, ENOEXEC
		}
		first := i
		for i < end && !blank(head[i]) {
			i++
		}
		w[n] = head[first:i]
		n++
		if i < end && head[i] == '#' {
			end = i
		}
		head[i] = 0
		i++
	}
	if n == 0 {
		return 0, ENOEXEC
	}
	return n, 0
}

// lookInterpreter is look for a script's interpreter, whose words lie in the
// buffer that look reads into: they are moved away first.
func (t *Thread) lookInterpreter(w *[8][]byte, n int) (kind int, head []byte, e Errno) {
	x := &t.p.exec
	line := t.fs.buf[1024:][:512]
	copy(line, x.head[:])
	for i := range w[:n] {
		off := int(uintptr(unsafe.Pointer(&w[i][0])) - uintptr(unsafe.Pointer(&x.head[0])))
		w[i] = line[off:][:len(w[i])]
	}
	return t.checkExecutable(hostAtFDCWD, hostBuf(&w[0][0]))
}
