// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"runtime"
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/hostsig"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// Signals from and to the host. What the host's kernel sends comes in through
// package hostsig and is then routed as if XNU had sent it: the host's own
// choice of a thread does not count, and its pending sets are not used.

// Two signals of XNU's have no counterpart. Between guests they travel as
// real-time signals.
const (
	hostSIGINFO = 61
	hostSIGEMT  = 62
)

// toHost returns the host's number of signal sig.
func toHost(sig int) int {
	switch sig {
	case SIGINFO:
		return hostSIGINFO
	case SIGEMT:
		return hostSIGEMT
	}
	return int(signals[sig].linux)
}

// fromHostSignal returns XNU's number of host signal n, 0 if it has none.
func fromHostSignal(n int) int {
	switch n {
	case hostSIGINFO:
		return SIGINFO
	case hostSIGEMT:
		return SIGEMT
	}
	return hostSignal(n)
}

// A hostSet is a kernel sigset_t of Linux: bit n-1 for signal n.
type hostSet uint64

func guestSet(h uint64) (s xsig.Set) {
	for sig := 1; sig < NSIG; sig++ {
		if h&(1<<(toHost(sig)-1)) != 0 {
			s |= xsig.Bit(sig)
		}
	}
	return
}

func hostSetOf(s xsig.Set) (h hostSet) {
	for sig := 1; sig < NSIG; sig++ {
		if s.Has(sig) {
			h |= 1 << (toHost(sig) - 1)
		}
	}
	return
}

// guestThreadBlocks are the host signals that threads which run guest code
// leave to others, so that they do not disturb host calls. The rest must
// arrive there: those of faults, the profiling timers, which are for the
// thread that runs, and those that the kernel sends to the thread whose call
// caused them (a blocked SIGTTIN would even change the call's result).
var guestThreadBlocks = hostSetOf(xsig.Set(1<<31-1) &^
	(xsig.Bit(SIGKILL) | xsig.Bit(SIGSTOP) | xsig.Bit(SIGILL) | xsig.Bit(SIGTRAP) | xsig.Bit(SIGFPE) |
		xsig.Bit(SIGBUS) | xsig.Bit(SIGSEGV) | xsig.Bit(SIGSYS) | xsig.Bit(SIGPIPE) | xsig.Bit(SIGXFSZ) |
		xsig.Bit(SIGURG) | xsig.Bit(SIGPROF) | xsig.Bit(SIGVTALRM) | xsig.Bit(SIGTTIN) | xsig.Bit(SIGTTOU)))

// hostThreadMask puts guestThreadBlocks on the calling host thread and
// returns the mask it had.
func hostThreadMask() (old hostSet) { return hostSigmask(linuxSigSetmask, guestThreadBlocks) }

const (
	linuxSigUnblock = 1
	linuxSigSetmask = 2
)

// hostSigmask changes the host mask of the calling thread. It allocates
// nothing.
func hostSigmask(how uintptr, set hostSet) (old hostSet) {
	host(syscall.SYS_RT_SIGPROCMASK, how, uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	runtime.KeepAlive(&set)
	runtime.KeepAlive(&old)
	return
}

// startSignals takes the host's signals over.
func (p *Proc) startSignals() error {
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		return err
	}
	r, e := hideFD(int32(fds[0]))
	if e != 0 {
		return e
	}
	w, e := hideFD(int32(fds[1]))
	if e != 0 {
		return e
	}
	if err := syscall.SetNonblock(int(w), true); err != nil {
		return err
	}
	hostsig.SetPipe(int(w))
	for sig := 1; sig < NSIG; sig++ {
		if err := p.takeHost(sig); err != nil {
			return err
		}
	}
	go p.signalLoop(int(r))
	return nil
}

// takeHost makes the host deliver sig to the model.
func (p *Proc) takeHost(sig int) error {
	if sig == SIGKILL || sig == SIGSTOP {
		return nil
	}
	switch sig {
	case SIGTTIN, SIGTTOU:
		// The host's kernel looks at these before it lets a background
		// process read or write a terminal.
		if p.sig.Handler(sig) == xsig.SIG_IGN {
			hostsig.Ignore(toHost(sig))
			return nil
		}
	}
	return hostsig.Install(toHost(sig), p.sig.NoCldStop(), p.sig.NoCldWait())
}

// signalLoop posts the signals that come from outside. Its thread blocks
// none, so that there always is one that takes what all others block.
func (p *Proc) signalLoop(fd int) {
	runtime.LockOSThread()
	hostSigmask(linuxSigSetmask, 0)
	var recs [32]hostsig.Record
	buf := unsafe.Slice((*byte)(unsafe.Pointer(&recs)), unsafe.Sizeof(recs))
	for {
		n, err := syscall.Read(fd, buf)
		if err == syscall.EINTR {
			continue
		}
		if n <= 0 {
			complain("reading signals: %v", err)
			return
		}
		for i := range recs[:n/int(hostsig.RecordSize)] {
			p.fromHost(&recs[i])
		}
	}
}

// si_code values of Linux that name a sender.
const (
	linuxSiUser  = 0
	linuxSiQueue = -1
	linuxSiTkill = -6
	cldKilled    = 2
)

// fromHost posts one signal from outside.
func (p *Proc) fromHost(r *hostsig.Record) {
	sig := fromHostSignal(int(r.Signo))
	if sig == 0 {
		return
	}
	var info xsig.Info
	switch {
	case r.Code == linuxSiUser || r.Code == linuxSiQueue || r.Code == linuxSiTkill:
		info = xsig.Info{Pid: r.Pid, Uid: r.Uid, Status: int32(sig)}
	case sig == SIGCHLD && r.Code > 0:
		info = xsig.Info{Code: r.Code, Pid: r.Pid, Uid: r.Uid, Status: r.Status}
		if r.Code >= cldKilled {
			info.Status = int32(fromHostSignal(int(r.Status)))
		}
	}
	p.mu.Lock()
	p.post(sig, info, nil, true)
}

// raiseDefault sends host signal n to the calling host thread with its default
// action, and reports back if that has not ended the process.
func raiseDefault(n int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	hostsig.Default(n)
	set := hostSet(1) << (n - 1)
	old := hostSigmask(linuxSigUnblock, set)
	pid, _ := vcpu.Raw(syscall.SYS_GETPID, 0, 0, 0, 0, 0, 0)
	tid, _ := vcpu.Raw(syscall.SYS_GETTID, 0, 0, 0, 0, 0, 0)
	vcpu.Raw(syscall.SYS_TGKILL, pid, tid, uintptr(n), 0, 0, 0)
	hostSigmask(linuxSigSetmask, old)
}

// stop stops the process by sig, as the parent will see, and returns when it
// has been continued. The host drops a terminal's stop of an orphaned process
// group, as XNU does.
func (p *Proc) stop(sig int) {
	raiseDefault(toHost(sig))
	if !p.child {
		p.mu.Lock()
		p.takeHost(sig)
		p.mu.Unlock()
	}
}

// die ends the process by sig, as the parent will see.
func (p *Proc) die(sig int) {
	if p.trace != nil && !p.child {
		p.trace.killed(sig)
	}
	raiseDefault(toHost(sig))
	p.exit(128 + sig) // the first process of a pid namespace cannot be killed so
}

// exit ends the process with all its threads.
func (p *Proc) exit(status int) {
	for {
		vcpu.Raw(syscall.SYS_EXIT_GROUP, uintptr(status)&0xff, 0, 0, 0, 0, 0)
	}
}
