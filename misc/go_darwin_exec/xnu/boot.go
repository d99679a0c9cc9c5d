// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"encoding/binary"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"goxnu/misc/go_darwin_exec/hostsig"
	"goxnu/misc/go_darwin_exec/inject"
	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/patch"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// A Config is what the loader knows when the guest's image is in memory.
type Config struct {
	Release Release
	Default bool   // Release was not chosen: another image may get another one
	Path    string // of the executable, as exec was given it
	Args    []string
	Env     []string

	Space    *mem.Space
	Is32     bool      // the guest is an i386 program
	Dynamic  bool      // it has a Library
	StackTop uint64    // of the first thread's stack
	Regs     vcpu.Regs // as the first thread starts

	// Keep keeps the clocks of the commpage; it does not return. Its argument tells what
	// is to be wrong with the time of day: see clockFault.
	Keep func(fault func() (step time.Duration, none bool))

	// Runner is the command line, without arguments, with which the runner
	// runs another image in the same manner: its name and its flags.
	Runner []string

	// Exec is what the image before this one handed over, nil if this is
	// the first.
	Exec *ExecState

	// Resumed is set instead of a new image if a forked child goes on here.
	Resumed *Resumed

	Fault   *inject.Config // nil: no fault injection
	FaultFD int            // where faults are reported, a hidden descriptor

	Trace     bool
	TraceFD   int  // where the trace goes; it is moved away from there
	TraceRing bool // only the last lines, when they are wanted: see hostDump
}

// Name is the runner's in all messages, whatever the name of its file.
const Name = "go_darwin_exec"

// HostFailure is the exit status when the host, not the guest, has failed.
const HostFailure = 125

// Boot makes the process. It must be called before anything else opens
// descriptors or starts timers.
func Boot(cfg *Config) (*Proc, error) {
	p := &Proc{
		Release: cfg.Release,
		cfg:     cfg,
		Space:   cfg.Space,
		calls:   inRelease(sysents[:], cfg.Release),
		traps:   inRelease(machtraps[:], cfg.Release),
		patcher: patch.New(cfg.Space, cfg.Is32),
	}
	if cfg.Is32 {
		p.abi = abi32
		low, high := cfg.Space.Bounds()
		p.patcher.Scan(low, high-low)
	}
	noteInherited()
	p.firstID = firstThreadID()
	p.nextID = p.firstID
	runtime.GOMAXPROCS(max(8, 4*runtime.NumCPU()))
	raiseFileLimit()
	if cfg.Trace {
		fd, e := hideFD(int32(dup(cfg.TraceFD)))
		if e != 0 {
			return nil, e
		}
		p.trace = newTracer(int(fd), cfg.TraceRing)
	}
	if err := p.startFaults(cfg); err != nil {
		return nil, err
	}
	if err := p.openSelf(); err != nil {
		return nil, err
	}
	var st xsig.State
	if x := cfg.Exec; x != nil {
		st = x.State
		p.linked.Store(x.Linked)
	} else {
		masked, ignored := hostsig.Inherited()
		st.Mask, st.Ignore = guestSet(masked), guestSet(ignored)
		st.Siginfo, st.Intr = 0, 0
	}
	random := random64
	if cfg.Is32 {
		random = func() uint64 { return random64() & 0xffffffff }
	}
	p.sig = xsig.NewProc(int(cfg.Release), st, random)
	p.ports.init()
	return p, nil
}

// Run starts the guest's first thread. It does not return: the process ends
// with the guest.
func (p *Proc) Run() {
	p.mu.Lock()
	t, err := p.newThread(nil)
	p.mu.Unlock()
	if err == nil && p.cfg.Resumed != nil {
		err = p.resume(p.cfg.Resumed, t)
	}
	if err == nil {
		err = p.startSignals()
	}
	if err != nil {
		warnf("%v", err)
		p.exit(HostFailure)
	}
	startTTYs(p)
	t.cpu.Regs = p.cfg.Regs
	go p.cfg.Keep(p.clockFault)
	t.ast.Store(1) // pending signals may have come through exec
	t.start()
	select {}
}

// pollerFDBase is where ReserveFDs puts the poller: as high as can be reached
// quickly.
const pollerFDBase = 250

// ReserveFDs makes the Go runtime open the descriptors of its poller, which it
// would otherwise do at some later moment, and puts them out of the guest's
// way: the lower numbers are all taken for a moment.
func ReserveFDs() {
	first, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	taken := make([]int, 1, pollerFDBase)
	taken[0] = first
	for base := min(pollerFDBase, hiddenFDBase); int32(taken[len(taken)-1]) < base-1; {
		n, e := host(syscall.SYS_FCNTL, uintptr(first), syscall.F_DUPFD_CLOEXEC, 0, 0, 0, 0)
		if e != 0 {
			break
		}
		taken = append(taken, int(n))
	}
	// What is open afterwards and was not before is the poller's. /proc could
	// tell too, but a host may have none.
	open := func(fd int) bool {
		_, e := host(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0, 0, 0, 0)
		return e == 0
	}
	start := taken[len(taken)-1] + 1
	var before [64]bool
	for i := range before {
		before[i] = open(start + i)
	}
	time.AfterFunc(time.Hour, func() {}).Stop() // a timer needs the poller
	found := 0
	for i := range before {
		if !before[i] && found < len(pollerFDs) && open(start+i) {
			pollerFDs[found] = int32(start + i)
			found++
		}
	}
	for _, fd := range taken {
		syscall.Close(fd)
	}
}

// random64 returns a random number of the host's kernel.
func random64() uint64 {
	var b [8]byte
	host(sysGetrandom, uintptr(unsafe.Pointer(&b)), 8, 0, 0, 0, 0)
	return binary.LittleEndian.Uint64(b[:])
}

// firstThreadID makes thread ids unique among the guests of this machine, as
// XNU's are since boot: they begin with the host's process id.
func firstThreadID() uint64 { return uint64(syscall.Getpid())<<16 | 1 }

// dup duplicates a host descriptor; hideFD closes what it is given.
func dup(fd int) int {
	n, e := host(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0, 0, 0, 0)
	if e != 0 {
		return fd
	}
	return int(n)
}
