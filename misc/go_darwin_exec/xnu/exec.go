// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/hostsig"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// An ExecState is what one image leaves to the next one in the same process.
// It travels on the runner's command line, behind the flag -exec-state:
// numbers, the path, the arguments, the environment. The runner's own
// environment stays empty, so that variables that are meant for the guest's
// Go runtime do not reach the runner's.
type ExecState struct {
	xsig.State
	SigFD     int32 // pipe with signals that came meanwhile, 0: none
	Path      string
	Args, Env []string
}

// ParseExecState parses the flag's value and the rest of the command line.
func ParseExecState(value string, rest []string) (*ExecState, error) {
	var n [9]uint64
	f := strings.Split(value, ",")
	if len(f) != len(n) {
		return nil, errors.New("-exec-state: not 9 numbers")
	}
	for i := range f {
		v, err := strconv.ParseUint(f[i], 16, 64)
		if err != nil {
			return nil, fmt.Errorf("-exec-state: %w", err)
		}
		n[i] = v
	}
	argc, envc := n[0], n[1]
	if total := uint64(len(rest)); argc > total || envc > total || 1+argc+envc != total {
		return nil, fmt.Errorf("-exec-state: %d arguments and %d variables, but %d words", argc, envc, total)
	}
	return &ExecState{
		State: xsig.State{
			Mask: xsig.Set(n[2]), Ignore: xsig.Set(n[3]), Pending: xsig.Set(n[4]),
			Intr: xsig.Set(n[5]), Siginfo: xsig.Set(n[6]),
			NoStop: n[7]&1 != 0, NoZombie: n[7]&2 != 0,
		},
		SigFD: int32(n[8]),
		Path:  rest[0], Args: rest[1:][:argc], Env: rest[1+argc:],
	}, nil
}

// runtimeVariables configure the Go runtime of whoever finds them in the
// environment: the guest's and, if nothing is done about it, the runner's.
var runtimeVariables = []string{"GODEBUG", "GOGC", "GOMEMLIMIT", "GOTRACEBACK", "GOMAXPROCS", "GORACE", "GOCOVERDIR"}

// NeedsCleanStart reports whether the runner should start again with an empty
// environment: see CleanStart.
func NeedsCleanStart(env []string) bool {
	for _, kv := range env {
		for _, name := range runtimeVariables {
			if rest, ok := strings.CutPrefix(kv, name); ok && strings.HasPrefix(rest, "=") {
				return true
			}
		}
	}
	return false
}

// CleanStart runs the runner again, for the same program with the same
// environment, but with an empty environment of its own. It returns only if
// that fails.
func CleanStart(runner []string, path string, args, env []string) error {
	masked, ignored := hostsig.Inherited()
	st := xsig.State{Mask: guestSet(masked), Ignore: guestSet(ignored)}
	argv := append([]string(nil), runner...)
	argv = append(argv, "-exec-state", string(appendExecState(nil, len(args), len(env), 0, &st)), path)
	argv = append(argv, args...)
	argv = append(argv, env...)
	hostSigmask(linuxSigSetmask, execMask)
	return syscall.Exec("/proc/self/exe", argv, nil)
}

// appendExecState allocates nothing if b has room.
func appendExecState(b []byte, argc, envc int, sigFD int32, s *xsig.State) []byte {
	flags := uint64(0)
	if s.NoStop {
		flags |= 1
	}
	if s.NoZombie {
		flags |= 2
	}
	for i, v := range [...]uint64{uint64(argc), uint64(envc), uint64(s.Mask), uint64(s.Ignore), uint64(s.Pending),
		uint64(s.Intr), uint64(s.Siginfo), flags, uint64(sigFD)} {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendHex(b, v)
	}
	return b
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

// An execArena is memory outside of the Go heap for the vectors of an execve,
// which a forked child may have to make.
type execArena struct {
	self  int32 // the runner's executable
	ptrs  []uint64
	n     int
	state [192]byte // the value of -exec-state
	words [4096]byte
	nword int
	head  [512]byte // of the file

	prefix, prefixWords int // n and nword of the runner's name and flags

	resumeFlag [32]byte
	strings    [][]byte // keeps what argWords points to
}

// execLock guards the process's execArena.
var execLock sync.Mutex

// execPointers bounds the number of arguments and variables together.
const execPointers = 1 << 18

// openSelf readies the process for execve.
func (p *Proc) openSelf() error {
	fd, err := syscall.Open("/proc/self/exe", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	h, e := hideFD(int32(fd))
	if e != 0 {
		return e
	}
	mem, err := syscall.Mmap(-1, 0, execPointers*8, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		return err
	}
	x := &p.exec
	x.self = h
	x.ptrs = unsafe.Slice((*uint64)(unsafe.Pointer(&mem[0])), execPointers)
	for _, s := range append(append([]string(nil), p.cfg.Runner...), "-exec-state") {
		if !x.word(s) {
			return errors.New("the runner's own command line is too long")
		}
	}
	x.prefix, x.prefixWords = x.n, x.nword
	return nil
}

// push adds a pointer to the vector.
func (x *execArena) push(p uint64) bool {
	if x.n == len(x.ptrs) {
		return false
	}
	x.ptrs[x.n] = p
	x.n++
	return true
}

// word adds a copy of a string.
func (x *execArena) word(s string) bool {
	if x.nword+len(s)+1 > len(x.words) {
		return false
	}
	at := x.nword
	copy(x.words[at:], s)
	x.words[at+len(s)] = 0
	x.nword += len(s) + 1
	return x.push(uint64(uintptr(unsafe.Pointer(&x.words[at]))))
}

// loadPointer reads a pointer of the guest's memory.
func (g abi) loadPointer(p uint64) (v uint64, ok bool) {
	if g == abi32 {
		w, ok := vcpu.Load32(p)
		return uint64(w), ok
	}
	return vcpu.Load64(p)
}

// vector adds the pointers of a guest's argv or envp and reports how many.
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
		if !x.push(v) {
			return 0, E2BIG
		}
		n++
		p += size
	}
	return n, 0
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

// look opens the file at the host's path, checks that it can be executed and
// reads its head (bsd/kern/kern_exec.c:exec_check_permissions, execsw).
func (t *Thread) look(dir, path uintptr) (kind int, head []byte, e Errno) {
	x := &t.p.exec
	const xOK = 1
	if _, e := host(sysFaccessat2, dir, path, xOK, linuxAtEaccess, 0, 0); e != 0 {
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
	if !t.p.child {
		execLock.Lock()
		defer execLock.Unlock()
	}
	x := &t.p.exec
	path, e := t.plainPath(0, a[0])
	if e != 0 {
		return 0, e
	}
	kind, head, e := t.look(hostAtFDCWD, path)
	if e != 0 {
		return 0, e
	}
	x.n, x.nword = x.prefix, x.prefixWords
	shown := path // what the new image is told that it is called
	var interp [8]uint64
	words := 0
	if kind == fileScript {
		// One level: the interpreter, the words after it, the script
		// (kern_exec.c:exec_shell_imgact).
		if words, e = scriptWords(head, &interp); e != 0 {
			return 0, e
		}
		if kind, _, e = t.lookInterpreter(&interp, words); e != 0 {
			return 0, e
		}
		shown = uintptr(interp[0])
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

	macho := kind == fileMachO
	first := x.n
	if macho {
		x.push(0) // the state, when its numbers are known
		x.push(uint64(shown))
	}
	argv := x.n
	if words > 0 {
		for _, w := range interp[:words] {
			x.push(w)
		}
		x.push(uint64(path))
		if v, ok := t.abi().loadPointer(a[1]); a[1] != 0 && (!ok || v != 0) {
			a[1] += uint64(t.longSize()) // the script's own argv[0] is dropped
		}
	}
	if _, e := x.vector(a[1], t.abi()); e != 0 {
		return 0, e
	}
	argc := x.n - argv
	if !macho {
		x.push(0)
	}
	envv := x.n
	envc, e := x.vector(a[2], t.abi())
	if e != 0 {
		return 0, e
	}
	if !x.push(0) {
		return 0, E2BIG
	}

	// Signals that come from here on wait on the host for the new image, or
	// in the pipe, which it inherits: none is lost.
	p := t.p
	saved := hostSigmask(linuxSigSetmask, execMask)
	t.takeKick()
	if !p.child {
		p.quiet()
	}
	p.lock()
	execLimits()
	if macho {
		if !p.child {
			p.drainHost()
			closeOnExec(p.sigFD, false)
		}
		s := p.sig.Exec(t.sig)
		state := appendExecState(x.state[:0], argc, envc, p.sigFDForExec(), &s)
		x.state[len(state)] = 0
		x.ptrs[first] = uint64(uintptr(unsafe.Pointer(&x.state[0])))
		none := x.n - 1 // an empty environment
		p.rude.inherit(true)
		_, e = host(sysExecveat, uintptr(x.self), hostBuf(&emptyString[0]), ptrAt(x, 0), ptrAt(x, none), linuxAtEmptyPath, 0)
		p.rude.inherit(false)
	} else {
		t.hostSignalsForExec()
		_, e = host(syscall.SYS_EXECVE, shown, ptrAt(x, argv), ptrAt(x, envv), 0, 0, 0)
		hostSigmask(linuxSigSetmask, execMask)
		for sig := 1; sig < NSIG; sig++ {
			p.takeHost(sig)
		}
	}
	if !p.child {
		closeOnExec(p.sigFD, true)
		p.loud()
	}
	p.unlock()
	execLimitsUndo()
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

// scriptWords splits the first line of a script, in place, and returns the
// addresses of its words.
func scriptWords(head []byte, w *[8]uint64) (n int, e Errno) {
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
		w[n] = uint64(uintptr(unsafe.Pointer(&head[i])))
		n++
		for i < end && !blank(head[i]) {
			i++
		}
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
func (t *Thread) lookInterpreter(w *[8]uint64, n int) (kind int, head []byte, e Errno) {
	x := &t.p.exec
	line := t.fs.buf[1024:][:512]
	copy(line, x.head[:])
	base := uint64(uintptr(unsafe.Pointer(&x.head[0])))
	for i := range w[:n] {
		w[i] = w[i] - base + uint64(uintptr(unsafe.Pointer(&line[0])))
	}
	return t.look(hostAtFDCWD, uintptr(w[0]))
}
