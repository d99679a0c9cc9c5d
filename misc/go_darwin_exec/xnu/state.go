// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/origlimit"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// What one runner leaves to the next one in the same process is in an
// anonymous file that nobody else can read. The next runner finds its
// descriptor in stateVariable, the only variable of its environment. Its
// command line, which every user of the machine can read, is the program's.

// stateVariable names the descriptor of the file.
const stateVariable = "GOXNU_STATE"

// An ExecState is the content of the file.
type ExecState struct {
	xsig.State
	SigFD  int32 // pipe with signals that came meanwhile, 0: none
	Resume int32 // a checkpoint, -1: none
	Self   int32 // the runner's executable
	Retry  int   // how often the runner has started itself again
	Linked bool  // see Proc.linked

	Leaders [ttyLeaders]ttyLeader // of sessions whose terminals the process has

	Runner    []string // the runner's name and flags
	Path      string
	Args, Env []string
}

// The words of a state file's head. The strings follow, each with a NUL: the
// runner's name and flags, the path, the arguments, the environment.
const (
	stateMagic = iota
	stateSize  // of the whole file
	stateRunnerc
	stateArgc
	stateEnvc
	stateMask
	stateIgnore
	statePending
	stateIntr
	stateSiginfo
	stateFlags
	stateSigFD
	stateResume
	stateSelf
	stateRetry
	stateLeaders
	stateWords = stateLeaders + 2*ttyLeaders

	stateHead = 8 * stateWords

	magicState = 0x6574617473756e78
)

// Bits of stateFlags.
const (
	stateNoStop = 1 << iota
	stateNoZombie
	stateLinked
)

// put writes the head of the file that is b. It allocates nothing; the
// numbers of strings are counts, so that a forked child need not make slices.
func (st *ExecState) put(b []byte, runnerc, argc, envc int) {
	flags := uint64(0)
	if st.NoStop {
		flags |= stateNoStop
	}
	if st.NoZombie {
		flags |= stateNoZombie
	}
	if st.Linked {
		flags |= stateLinked
	}
	for i, v := range [stateWords]uint64{
		stateMagic:   magicState,
		stateSize:    uint64(len(b)),
		stateRunnerc: uint64(runnerc),
		stateArgc:    uint64(argc),
		stateEnvc:    uint64(envc),
		stateMask:    uint64(st.Mask),
		stateIgnore:  uint64(st.Ignore),
		statePending: uint64(st.Pending),
		stateIntr:    uint64(st.Intr),
		stateSiginfo: uint64(st.Siginfo),
		stateFlags:   flags,
		stateSigFD:   uint64(st.SigFD),
		stateResume:  uint64(uint32(st.Resume)),
		stateSelf:    uint64(st.Self),
		stateRetry:   uint64(st.Retry),
	} {
		putUint64(b[8*i:], v)
	}
	for i, l := range st.Leaders {
		putUint64(b[8*(stateLeaders+2*i):], l.dev)
		putUint64(b[8*(stateLeaders+2*i+1):], uint64(l.pid))
	}
}

var errNoState = errors.New("holds no state of a runner")

// parseState parses the content of a state file.
func parseState(b []byte) (*ExecState, error) {
	if len(b) < stateHead {
		return nil, errNoState
	}
	n := func(i int) uint64 { return getUint64(b[8*i:]) }
	text := string(b[stateHead:])
	max := uint64(len(text))
	if n(stateMagic) != magicState || n(stateSize) != uint64(len(b)) ||
		n(stateRunnerc) == 0 || n(stateRunnerc) > max || n(stateArgc) > max || n(stateEnvc) > max {
		return nil, errNoState
	}
	st := &ExecState{
		State: xsig.State{
			Mask: xsig.Set(n(stateMask)), Ignore: xsig.Set(n(stateIgnore)), Pending: xsig.Set(n(statePending)),
			Intr: xsig.Set(n(stateIntr)), Siginfo: xsig.Set(n(stateSiginfo)),
			NoStop: n(stateFlags)&stateNoStop != 0, NoZombie: n(stateFlags)&stateNoZombie != 0,
		},
		SigFD: int32(n(stateSigFD)), Resume: int32(n(stateResume)), Self: int32(n(stateSelf)),
		Retry: int(n(stateRetry)), Linked: n(stateFlags)&stateLinked != 0,
	}
	for i := range st.Leaders {
		st.Leaders[i] = ttyLeader{n(stateLeaders + 2*i), int32(n(stateLeaders + 2*i + 1))}
	}
	words := func(n uint64) []string {
		list := make([]string, 0, n)
		for ; n > 0; n-- {
			s, rest, ok := strings.Cut(text, "\x00")
			if !ok {
				return nil
			}
			list, text = append(list, s), rest
		}
		return list
	}
	st.Runner = words(n(stateRunnerc))
	if p := words(1); p != nil {
		st.Path = p[0]
	}
	st.Args, st.Env = words(n(stateArgc)), words(n(stateEnvc))
	if st.Runner == nil || st.Path == "" || st.Args == nil || st.Env == nil || text != "" {
		return nil, errNoState
	}
	return st, nil
}

// ReadState reads what the image before this one has left for it, if the
// environment says so.
func ReadState(env []string) (*ExecState, error) {
	if len(env) != 1 {
		return nil, nil
	}
	value, ok := strings.CutPrefix(env[0], stateVariable+"=")
	if !ok {
		return nil, nil
	}
	fd, err := strconv.Atoi(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", env[0], err)
	}
	b, err := readState(fd)
	if err != nil {
		return nil, fmt.Errorf("%s: the descriptor cannot be read: %w", env[0], err)
	}
	st, err := parseState(b)
	if err != nil {
		return nil, fmt.Errorf("%s: the descriptor %w", env[0], err)
	}
	syscall.Close(fd)
	return st, nil
}

// readState reads a state file. What it holds is in memory: no signal comes
// between.
func readState(fd int) ([]byte, error) {
	var fi syscall.Stat_t
	if err := syscall.Fstat(fd, &fi); err != nil {
		return nil, err
	}
	if fi.Mode&syscall.S_IFMT != syscall.S_IFREG || fi.Size < stateHead {
		return nil, errNoState
	}
	b := make([]byte, fi.Size)
	for n := 0; n < len(b); {
		m, err := syscall.Pread(fd, b[n:], int64(n))
		if err != nil {
			return nil, err
		}
		if m == 0 {
			return nil, errNoState
		}
		n += m
	}
	return b, nil
}

// tempDirs are where an anonymous file lies if memfd_create is refused.
var tempDirs = [...][9]byte{{'/', 'd', 'e', 'v', '/', 's', 'h', 'm'}, {'/', 't', 'm', 'p'}, {'.'}}

// tempFile makes an anonymous file, close-on-exec, out of the guest's way. It
// allocates nothing.
func tempFile(name *byte) (fd int32, e Errno) {
	const memfdCloexec = 1
	n, e := host(sysMemfdCreate, hostBuf(name), memfdCloexec, 0, 0, 0, 0)
	for i := 0; e != 0 && i < len(tempDirs); i++ {
		const tmpfile = 0x410000 // O_TMPFILE
		n, e = host(syscall.SYS_OPENAT, hostAtFDCWD, hostBuf(&tempDirs[i][0]), tmpfile|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600, 0, 0)
	}
	if e != 0 {
		return 0, e
	}
	return hideFD(int32(n))
}

var stateName = [...]byte{'s', 't', 'a', 't', 'e', 0}

// writeState writes a state file for the next image. It allocates nothing.
func writeState(b []byte) (fd int32, e Errno) {
	fd, e = tempFile(&stateName[0])
	if e != 0 {
		return 0, e
	}
	if !writeAll(uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0) {
		host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
		return 0, ENOSPC
	}
	return fd, 0
}

// appendStateVariable appends the variable, as a C string.
func appendStateVariable(b []byte, fd int32) []byte {
	b = append(b, stateVariable...)
	b = append(b, '=')
	b = strconv.AppendInt(b, int64(fd), 10)
	return append(b, 0)
}

var reexecVectors [][]*byte

// Reexec runs the runner again, as st says. It returns only if that fails.
func (st *ExecState) Reexec() error {
	self := int(st.Self)
	if self == 0 {
		var err error
		if self, err = OpenRunner(); err != nil {
			return err
		}
	}
	next := *st
	next.Self = int32(self)
	b := make([]byte, stateHead)
	for _, list := range [][]string{st.Runner, {st.Path}, st.Args, st.Env} {
		for _, s := range list {
			b = append(append(b, s...), 0)
		}
	}
	next.put(b, len(st.Runner), len(st.Args), len(st.Env))
	var limit syscall.Rlimit // for the next image
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	raiseFileLimit()
	fd, e := writeState(b)
	syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
	if e != 0 {
		return e
	}
	closeOnExec(fd, false)
	closeOnExec(int32(self), false)
	argv, err := syscall.SlicePtrFromStrings(st.Args)
	if err != nil {
		return err
	}
	none := []*byte{&emptyString[0], nil} // for too long ones; ShowProgram puts them right
	if len(st.Args) == 0 {
		argv = none
	}
	variable := appendStateVariable(nil, fd)
	envp := []*byte{&variable[0], nil}
	if l, ok := origlimit.Nofile(); ok {
		syscall.RawSyscall6(syscall.SYS_PRLIMIT64, 0, syscall.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&l)), 0, 0, 0)
	}
	hostSigmask(linuxSigSetmask, execMask)
	reexecVectors = [][]*byte{argv, none, envp} // not on a stack, which may move
	for {
		e := execSelf(int32(self), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envp[0])))
		if e != E2BIG || argv[0] == none[0] {
			return e
		}
		argv = none
	}
}

// ShowProgram makes the process look like the program on the host: by its name,
// and by what /proc/PID/cmdline and environ tell. It must be called on the
// process's first thread. The environment must follow the arguments in memory,
// as it does in a state file and where the host puts it. Where Linux was built
// without CONFIG_CHECKPOINT_RESTORE, the command line stays as it is.
func ShowProgram(name string, args, env []string) {
	var comm [16]byte
	copy(comm[:len(comm)-1], path.Base(name))
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_NAME, uintptr(unsafe.Pointer(&comm)), 0)
	first := slices.IndexFunc(args, func(s string) bool { return s != "" }) // an empty one has no address
	if first < 0 {
		return
	}
	at := func(s string) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.StringData(s)))) }
	size := func(list []string) (n uint64) {
		for _, s := range list {
			n += uint64(len(s)) + 1
		}
		return n
	}
	// Linux's struct prctl_mm_map. What belongs to the code, the data and the
	// heap is for the eyes of debuggers alone.
	var m struct {
		startCode, endCode, startData, endData, startBrk, brk, startStack uint64
		argStart, argEnd, envStart, envEnd                                uint64
		auxv                                                              uint64
		auxvSize                                                          uint32
		exeFD                                                             int32
	}
	m.startCode, m.endCode = vcpu.HostText()
	m.startData, m.endData = m.startCode, m.startCode
	brk, _, _ := syscall.RawSyscall(syscall.SYS_BRK, 0, 0, 0)
	m.startBrk, m.brk = uint64(brk), uint64(brk)
	m.startStack = at(os.Args[0])
	m.argStart = at(args[first]) - uint64(first)
	m.argEnd = m.argStart + size(args)
	m.envStart, m.envEnd = m.argEnd, m.argEnd+size(env)
	m.exeFD = -1
	const setMM, setMMMap = 35, 14 // PR_SET_MM, PR_SET_MM_MAP
	syscall.RawSyscall6(syscall.SYS_PRCTL, setMM, setMMMap, uintptr(unsafe.Pointer(&m)), unsafe.Sizeof(m), 0, 0)
}
