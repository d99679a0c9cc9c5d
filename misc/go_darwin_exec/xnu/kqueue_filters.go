// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// EVFILT_USER, EVFILT_TIMER, EVFILT_SIGNAL and EVFILT_PROC.

// Filter flags of EVFILT_USER (xnu-11417 bsd/sys/event.h).
const (
	noteTrigger  = 0x01000000
	noteFFand    = 0x40000000
	noteFFor     = 0x80000000
	noteFFcopy   = 0xc0000000
	noteFFctrl   = 0xc0000000
	noteFFlags   = 0x00ffffff
	userDataMask = noteFFlags
)

// attachUser starts an EVFILT_USER knote
// (xnu-11417 bsd/kern/kern_event.c:filt_userattach).
func (kq *kqueue) attachUser(i int32) Errno {
	kn := &kq.knotes[i]
	kn.fflags = kn.sfflags & userDataMask
	kn.data = kn.sdata
	if kn.sfflags&noteTrigger != 0 {
		kn.state |= knTriggered
		kq.activate(i)
	}
	return 0
}

// touchUser is xnu-11417 bsd/kern/kern_event.c:filt_usertouch: any change
// that names the knote may trigger it.
func (kq *kqueue) touchUser(i int32, k *kevent) {
	kn := &kq.knotes[i]
	f := k.fflags & noteFFlags
	switch k.fflags & noteFFctrl {
	case noteFFand:
		kn.sfflags &= f
	case noteFFor:
		kn.sfflags |= f
	case noteFFcopy:
		kn.sfflags = f
	}
	kn.sdata = k.data
	kn.fflags, kn.data = kn.sfflags&userDataMask, kn.sdata
	if k.fflags&noteTrigger != 0 {
		kn.state |= knTriggered
		kq.activate(i)
	}
}

// Filter flags of EVFILT_TIMER (xnu-11417 bsd/sys/event.h).
const (
	noteSeconds        = 0x1
	noteUseconds       = 0x2
	noteNseconds       = 0x4
	noteAbsolute       = 0x8
	noteLeeway         = 0x10
	noteCritical       = 0x20
	noteBackground     = 0x40
	noteMachContinuous = 0x80
	noteMachtime       = 0x100
)

// A knoteTimer runs an EVFILT_TIMER knote on a timer of the host's Go runtime.
type knoteTimer struct {
	t      *time.Timer
	next   time.Time
	period time.Duration // 0: fires once
}

// timerInterval translates the data of an EVFILT_TIMER change. Mach time is
// counted in ns (xnu-11417 bsd/kern/kern_event.c:filt_timervalidate).
func timerInterval(fflags uint32, data int64) (time.Duration, Errno) {
	var unit int64
	switch fflags & (noteSeconds | noteUseconds | noteNseconds | noteMachtime) {
	case 0:
		unit = 1e6
	case noteSeconds:
		unit = 1e9
	case noteUseconds:
		unit = 1e3
	case noteNseconds, noteMachtime:
		unit = 1
	default:
		return 0, EINVAL
	}
	if fflags&noteAbsolute == 0 && data < 0 {
		data = 0
	}
	if data > (1<<62)/unit {
		return 1 << 62, 0
	}
	return time.Duration(data * unit), 0
}

// attachTimer starts, or starts anew, the timer of knote i.
func (kq *kqueue) attachTimer(i int32) Errno {
	kn := &kq.knotes[i]
	d, e := timerInterval(kn.sfflags, kn.sdata)
	if e != 0 {
		return e
	}
	if kn.timer != nil {
		kn.timer.t.Stop()
		kq.gen++
		kn.gen = kq.gen
	}
	kn.flags |= evClear
	tm := &knoteTimer{}
	now := time.Now()
	switch {
	case kn.sfflags&noteAbsolute != 0 && kn.sfflags&noteMachtime != 0:
		d -= time.Duration(monotonic())
		kn.flags |= evOneshot
	case kn.sfflags&noteAbsolute != 0:
		d -= time.Duration(now.UnixNano())
		kn.flags |= evOneshot
	case kn.flags&evOneshot == 0:
		tm.period = max(d, time.Microsecond)
	}
	d = min(max(d, 0), 1<<62)
	tm.next = now.Add(d)
	kn.timer = tm
	gen := kn.gen
	tm.t = time.AfterFunc(d, func() { kq.timerFired(i, gen, tm) })
	return 0
}

// timerFired counts the expirations of knote i.
func (kq *kqueue) timerFired(i int32, gen uint32, tm *knoteTimer) {
	kq.mu.Lock()
	defer kq.mu.Unlock()
	kn := &kq.knotes[i]
	if kn.gen != gen || kn.timer != tm {
		return
	}
	kn.data++
	if tm.period > 0 {
		now := time.Now()
		tm.next = tm.next.Add(tm.period)
		if late := now.Sub(tm.next); late > 0 {
			n := late / tm.period
			kn.data += int64(n)
			tm.next = tm.next.Add(n * tm.period)
		}
		tm.t.Reset(max(tm.next.Sub(now), 0))
	}
	kq.activate(i)
}

// signalKnotes counts the EVFILT_SIGNAL knotes of the process, so that
// sending a signal need not look for them.
var signalKnotes atomic.Int32

// attachSignal starts an EVFILT_SIGNAL knote, which counts how often the
// signal is sent to the process
// (xnu-11417 bsd/kern/kern_sig.c:filt_sigattach).
func (kq *kqueue) attachSignal(t *Thread, i int32) Errno {
	kn := &kq.knotes[i]
	signalKnotes.Add(1) // drop takes it back
	if kn.ident == 0 || kn.ident >= NSIG {
		return EINVAL
	}
	kn.flags |= evClear
	return 0
}

// sigKnote tells the EVFILT_SIGNAL knotes that sig was sent to the process.
// It is called with p.mu held, also in the child of a fork.
func sigKnote(p *Proc, sig int) {
	if signalKnotes.Load() == 0 || kqueuesGone.Load() {
		return
	}
	kqueues.mu.Lock()
	defer kqueues.mu.Unlock()
	for kq := kqueues.head.Load(); kq != nil; kq = kq.next {
		kq.mu.Lock()
		if i := kq.other[knoteKey{filter: evfiltSignal, ident: uint64(sig)}]; i != 0 {
			kq.knotes[i].data++
			kq.activate(i)
		}
		kq.mu.Unlock()
	}
}

// Filter flags of EVFILT_PROC (xnu-11417 bsd/sys/event.h).
const (
	noteExit       = 0x80000000
	noteFork       = 0x40000000
	noteExec       = 0x20000000
	noteReap       = 0x10000000
	noteSignal     = 0x08000000
	noteExitStatus = 0x04000000 // since 1699
	noteExitDetail = 0x02000000 // since 2422
	noteTrack      = 0x00000001
	noteTrackErr   = 0x00000002
	noteChild      = 0x00000004
)

// attachProc starts an EVFILT_PROC knote on a pidfd of the host. Only the end
// of a process is reported (xnu-11417 bsd/kern/kern_event.c:filt_procattach).
func (kq *kqueue) attachProc(t *Thread, i int32) Errno {
	kn := &kq.knotes[i]
	if kn.sfflags&(noteTrack|noteTrackErr|noteChild) != 0 {
		return ENOTSUP
	}
	if kn.sfflags&(noteFork|noteExec|noteSignal) != 0 {
		warnOncef("EVFILT_PROC reports the end of a process only: NOTE_FORK, NOTE_EXEC, NOTE_SIGNAL have no effect")
	}
	if kn.ident > 1<<31-1 {
		return ESRCH
	}
	fd, e := host(sysPidfdOpen, uintptr(kn.ident), 0, 0, 0, 0, 0)
	if e != 0 {
		if e == EINVAL {
			e = ESRCH
		}
		return refusedCall(sysPidfdOpen, e, "EVFILT_PROC")
	}
	if pollNow(int32(fd), linuxEpollIn) != 0 {
		host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
		return ESRCH // a zombie is not found
	}
	if kn.hostFD, e = hideFD(int32(fd)); e != 0 {
		return e
	}
	kn.state |= knOwned
	kn.flags |= evClear
	if kn.state&knDisabled != 0 {
		return 0
	}
	return kq.armFD(i)
}

// processEnded reports whether evs, which come from the host, may have the end of a process.
func (kq *kqueue) processEnded(evs []epollEvent) bool {
	for _, ev := range evs {
		if i := ev.index; i > 0 && int(i) < len(kq.knotes) && kq.knotes[i].filter == evfiltProc {
			return true
		}
	}
	return false
}

// procEvent sets what is reported when the process of knote i has ended: the
// knote goes with it (xnu-11417 bsd/kern/kern_event.c:filt_procevent).
func (kq *kqueue) procEvent(i int32) {
	kn := &kq.knotes[i]
	kn.flags |= evEOF | evOneshot
	kn.fflags = kn.sfflags & (noteExit | noteExitStatus | noteExitDetail)
	kn.fflags &^= noteExitDetail // no detail is known
	if kn.sfflags&noteExitStatus != 0 {
		kn.data = int64(pidfdStatus(kn.hostFD))
	}
}

// pidfdStatus returns the wait status of a child that has ended and has not
// been waited for, in XNU's form; 0 for a process that is no child.
func pidfdStatus(fd int32) uint32 {
	const (
		pPidfd  = 3
		wNowait = 0x01000000
	)
	const (
		cldExited = 1
		cldDumped = 3
	)
	var si [128]byte // siginfo_t: signo 0, errno 4, code 8, pid 16, uid 20, status 24
	_, e := host(syscall.SYS_WAITID, pPidfd, uintptr(fd), uintptr(unsafe.Pointer(&si)), syscall.WEXITED|syscall.WNOHANG|wNowait, 0, 0)
	if e != 0 || getUint32(si[16:]) == 0 {
		return 0
	}
	status := getUint32(si[24:])
	switch getUint32(si[8:]) {
	case cldExited:
		return status & 0xff << 8
	case cldDumped:
		return uint32(hostSignal(int(status))) | 0x80
	}
	return uint32(hostSignal(int(status)))
}
