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
//
// There is one exception. Both kernels stop a process when the signal is sent, and a SIGCONT
// that is sent after it finds a process to continue. The runner would stop it some
// time later and could miss that SIGCONT: on Linux the stop signal that it would have to raise
// takes back one that is pending. So a signal that would stop the process at once is left to
// the host: see hostStops. No -trace and no EVFILT_SIGNAL reports it.

// Two signals of XNU's have no counterpart. Between guests they travel as
// real-time signals.
const (
	hostSIGINFO = 61
	hostSIGEMT  = 62
)

// hostDump makes the runner print what -trace=ring has kept.
const hostDump = 60

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
	linuxSigBlock   = 0
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

// ttySigs are the signals that a terminal sends to a process of the background
// that reads or writes. Both kernels look first whether the thread blocks them
// (xnu-11417 bsd/kern/tty.c:ttycheckoutq, ttyioctl), so before a call that may
// reach a terminal (the flag tty of lib/xnu/syscalls.tsv) the host's thread gets
// the guest's mask of these two.
const ttySigs = xsig.Set(1<<(SIGTTIN-1) | 1<<(SIGTTOU-1))

func (t *Thread) setTTYMask() {
	if m := t.ttyMask &^ t.sig.Mask; m != 0 {
		hostSigmask(linuxSigUnblock, hostSetOf(m))
	}
	t.ttyMask = t.sig.Mask & ttySigs
	if t.ttyMask != 0 {
		hostSigmask(linuxSigBlock, hostSetOf(t.ttyMask))
	}
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
	if err := syscall.SetNonblock(int(r), true); err != nil {
		return err
	}
	p.sigFD, p.sigWFD = r, w
	hostsig.SetPipe(int(w))
	for sig := 1; sig < NSIG; sig++ {
		if err := p.takeHost(sig); err != nil {
			return err
		}
	}
	if p.trace != nil && p.trace.ring != nil {
		if err := hostsig.Install(hostDump, false, false); err != nil {
			return err
		}
	}
	if x := p.cfg.Exec; x != nil && x.SigFD != 0 {
		p.inheritHost(x.SigFD)
	}
	go p.signalLoop()
	return nil
}

// takeHost makes the host deliver sig to the model.
func (p *Proc) takeHost(sig int) error {
	if sig == SIGKILL || sig == SIGSTOP {
		return nil
	}
	switch sig {
	case SIGTSTP, SIGTTIN, SIGTTOU:
		p.hostStop &^= xsig.Bit(sig)
		if p.sig.Stopping().Has(sig) {
			p.hostStop |= xsig.Bit(sig)
			hostsig.Default(toHost(sig))
			return nil
		}
		// The host's kernel looks at these two before it lets a background
		// process read or write a terminal.
		if sig != SIGTSTP && p.sig.Handler(sig) == xsig.SIG_IGN {
			hostsig.Ignore(toHost(sig))
			return nil
		}
	}
	return hostsig.Install(toHost(sig), p.sig.NoCldStop(), p.sig.NoCldWait())
}

// hostStops leaves to the host the signals that now stop the process, and takes back the
// others. It must be called after each change of what xsig.Proc.Stopping
// depends on: actions, masks and the list of threads. mu is held. It allocates nothing.
func (p *Proc) hostStops() {
	if diff := p.hostStop ^ p.sig.Stopping(); diff != 0 {
		for _, sig := range [...]int{SIGTSTP, SIGTTIN, SIGTTOU} {
			if diff.Has(sig) {
				p.takeHost(sig)
			}
		}
	}
}

// signalLoop posts the signals that come from outside. Its thread blocks
// none, so that there always is one that takes what all others block.
//
// A signal is always either in the pipe or, with mu held, on its way to a
// thread: so exec, which holds mu, finds them all.
func (p *Proc) signalLoop() {
	runtime.LockOSThread()
	hostSigmask(linuxSigSetmask, 0)
	pfd := []struct {
		fd      int32
		events  int16
		revents int16
	}{{fd: p.sigFD, events: 1 /* POLLIN */}}
	for {
		syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&pfd[0])), 1, 0, 0, 0, 0)
		for {
			p.mu.Lock()
			var r hostsig.Record
			if !readRecord(p.sigFD, &r) {
				p.mu.Unlock()
				break
			}
			p.postHost(&r)
		}
		if p.hostPause.Load() == hostPauseWanted {
			old := hostSigmask(linuxSigSetmask, execMask)
			p.hostPause.Store(hostPaused)
			wakeWord(&p.hostPause)
			awaitWord(&p.hostPause, hostPaused, nil)
			hostSigmask(linuxSigSetmask, old)
		}
	}
}

// Values of Proc.hostPause.
const (
	hostRunning = iota
	hostPauseWanted
	hostPaused
)

// pauseHostSignals makes the thread of signalLoop leave signals to the host, and waits until it
// does; resumeHostSignals is the reverse. A thread that the host gives a signal to and that ends before its handler has
// run, because another one executes something, would take the signal with it. Other threads of the
// Go runtime take signals too, but only in the first image of a process: those of later ones begin with execMask.
func (p *Proc) pauseHostSignals() {
	p.hostPause.Store(hostPauseWanted)
	var nothing hostsig.Record
	syscall.Write(int(p.sigWFD), unsafe.Slice((*byte)(unsafe.Pointer(&nothing)), hostsig.RecordSize))
	awaitWord(&p.hostPause, hostPauseWanted, &syscall.Timespec{Sec: 1})
}

func (p *Proc) resumeHostSignals() {
	p.hostPause.Store(hostRunning)
	wakeWord(&p.hostPause)
}

// readRecord takes a signal out of the pipe fd, which does not block.
func readRecord(fd int32, r *hostsig.Record) bool {
	n, _ := syscall.Read(int(fd), unsafe.Slice((*byte)(unsafe.Pointer(r)), hostsig.RecordSize))
	if n != int(hostsig.RecordSize) {
		return false
	}
	hostsig.Taken(int(r.Signo))
	return true
}

// drainHost pins the signals that are on their way to threads, whom it does
// not wake. mu is held.
func (p *Proc) drainHost() {
	var r hostsig.Record
	for readRecord(p.sigFD, &r) {
		if sig, info := p.hostInfo(&r); sig != 0 && p.sig.Post(sig).Thread != nil {
			p.sig.Info = info
		}
	}
}

// inheritHost posts the signals that the image before this one has left in
// its pipe, fd.
func (p *Proc) inheritHost(fd int32) {
	syscall.SetNonblock(int(fd), true)
	p.mu.Lock()
	own := p.sigFD
	p.sigFD = fd
	p.drainHost()
	p.sigFD = own
	p.mu.Unlock()
	syscall.Close(int(fd))
}

// si_code values of Linux that name a sender.
const (
	linuxSiUser  = 0
	linuxSiQueue = -1
	linuxSiTkill = -6
)

// fromHost posts one signal from outside.
func (p *Proc) fromHost(r *hostsig.Record) {
	p.lock()
	p.postHost(r)
}

// postHost is fromHost with mu held; it releases mu.
func (p *Proc) postHost(r *hostsig.Record) {
	if r.Signo == int32(syscall.SIGCHLD) {
		sweepTTYs()
	}
	sig, info := p.hostInfo(r)
	if sig == 0 {
		if r.Signo == hostDump && p.trace != nil {
			p.trace.dump()
		}
		p.unlock()
		return
	}
	conts := p.conts.Load()
	if p.post(sig, info, nil, true) {
		p.stopLate(sig, conts)
	}
}

// endedChild puts into r the news of a child that has ended or stopped, if there is
// one: the host may have sent one signal for that and for one that goes on.
func endedChild(r *hostsig.Record) bool {
	const pAll = 0
	var si [128]byte // siginfo_t: signo 0, code 8, pid 16, uid 20, status 24
	host(syscall.SYS_WAITID, pAll, 0, uintptr(unsafe.Pointer(&si)), linuxWEXITED|linuxWUNTRACED|linuxWNOHANG|linuxWNOWAIT, 0, 0)
	if getUint32(si[:]) == 0 {
		return false
	}
	*r = hostsig.Record{Signo: r.Signo, Code: int32(getUint32(si[8:])), Pid: int32(getUint32(si[16:])), Uid: getUint32(si[20:]), Status: int32(getUint32(si[24:]))}
	return true
}

// hostInfo translates a signal from outside, which is then posted; sig is 0 if
// XNU has none such. mu is held.
func (p *Proc) hostInfo(r *hostsig.Record) (sig int, info xsig.Info) {
	sig = fromHostSignal(int(r.Signo))
	if sig == SIGCONT {
		p.conts.Add(1)
	}
	if sig == SIGCHLD && r.Code == cldContinued && !endedChild(r) {
		// XNU's SIGCHLD does not report a child that goes on
		// (bsd/kern/kern_sig.c:psignal_internal).
		return 0, info
	}
	switch {
	case r.Code == linuxSiUser || r.Code == linuxSiQueue || r.Code == linuxSiTkill:
		info = xsig.Info{Pid: r.Pid, Uid: r.Uid, Status: int32(sig)}
	case sig == SIGCHLD && r.Code > 0:
		info = xsig.Info{Code: r.Code, Pid: r.Pid, Uid: r.Uid, Status: r.Status}
		if r.Code == cldStopped && r.Status == 0 {
			info.Status = int32(fromHostSignal(int(p.stopSignal(r.Pid))))
		} else if r.Code >= cldKilled {
			info.Status = int32(fromHostSignal(int(r.Status)))
		}
	case sig != SIGCHLD:
		info = xsig.Info{Status: int32(sig)} // from the kernel
	}
	return sig, info
}

// raiseDefault sends host signal n to the calling host thread with its default
// action, and reports back if that has not ended the process. unless, if it is not nil, is asked
// when the signal is pending and has not yet acted; if it holds, the signal is dropped.
// The action stays the default, or to ignore the signal.
func raiseDefault(n int, unless func() bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set := hostSet(1) << (n - 1)
	old := hostSigmask(linuxSigBlock, set)
	hostsig.Default(n)
	pid, _ := vcpu.Raw(syscall.SYS_GETPID, 0, 0, 0, 0, 0, 0)
	tid, _ := vcpu.Raw(syscall.SYS_GETTID, 0, 0, 0, 0, 0, 0)
	vcpu.Raw(syscall.SYS_TGKILL, pid, tid, uintptr(n), 0, 0, 0)
	if unless != nil && unless() {
		hostsig.Ignore(n)
	}
	hostSigmask(linuxSigUnblock, set)
	hostSigmask(linuxSigSetmask, old)
}

// stop stops the process by sig, as the parent will see, and returns when it
// has been continued. The host drops a terminal's stop of an orphaned process
// group, as XNU does. unless is raiseDefault's.
func (p *Proc) stop(sig int, unless func() bool) {
	raiseDefault(toHost(sig), unless)
	p.lock()
	p.takeHost(sig)
	p.unlock()
}

// stopLate is stop for a signal that came from outside while it was blocked. A SIGCONT that is
// sent meanwhile must not come too early: one that the runner knows of undoes
// the stop, and one that comes when the stop is pending the host lets undo it. Between the two a moment
// remains in which it is lost: when the host has it, its handler has not run, and the stop is raised.
// conts is p.conts as it was when mu was released with the stop in hand: a SIGCONT
// that the handler has recorded since, or that was posted since, came after the stop.
func (p *Proc) stopLate(sig int, conts uint32) {
	continued := func() bool { return hostsig.Queued(toHost(SIGCONT)) || p.conts.Load() != conts }
	if continued() {
		return
	}
	p.stop(sig, continued)
}

// die ends the process by sig, as the parent will see.
func (p *Proc) die(sig int) {
	if p.trace != nil && !p.child {
		p.trace.killed(sig)
	}
	raiseDefault(toHost(sig), nil)
	p.exit(128 + sig) // the first process of a pid namespace cannot be killed so
}

// exit ends the process with all its threads.
func (p *Proc) exit(status int) {
	for {
		vcpu.Raw(syscall.SYS_EXIT_GROUP, uintptr(status)&0xff, 0, 0, 0, 0, 0)
	}
}
