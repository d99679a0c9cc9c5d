// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"syscall"
	"time"
	"unsafe"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// An injector does a fault instead of, before or after the call that next
// performs. x is a random number that belongs to it. The arguments are its own to change.
type injector func(t *Thread, a *args, next handler, x uint64) (uint64, Errno)

// A callFault is what a kind of fault does to a call.
type callFault struct {
	do   injector
	when func(t *Thread, a *args) bool // the calls that count; nil: all
}

// callFaults says what each kind of inject.Kinds that names calls does to them.
var callFaults = map[string]callFault{
	"eintr-wait":      {failing(EINTR), waitsForChild},
	"eintr-kevent":    {failing(EINTR), waitsForEvents},
	"eintr-accept":    {failing(EINTR), accepts},
	"eintr-lock":      {interruptLock, locks},
	"eintr-setlkw":    {interruptSetlkw, locksPart},
	"eintr-select":    {failing(EINTR), selects},
	"eintr-poll":      {failing(EINTR), polls},
	"eintr-connect":   {interruptConnect, accepts},
	"connect-early":   {connectEarly, connects},
	"exec-signal":     {execSignal, nil},
	"eintr-sleep":     {failing(EINTR), nil},
	"eintr-read":      {interruptIO(1), nil},
	"eintr-write":     {interruptIO(4), nil},
	"eintr-busy":      {interruptBusyIO, nil},
	"eintr-fs":        {failing(EINTR), nil},
	"short-read":      {short, nil},
	"short-write":     {short, nil},
	"dir-short":       {shortDir, nil},
	"ulock-eintr":     {ulockFails(EINTR), nil},
	"ulock-efault":    {ulockFails(EFAULT), nil},
	"ulock-woken":     {ulockFails(0), nil},
	"sema-aborted":    {result(kernAborted), nil},
	"sema-timedout":   {result(kernOperationTimedOut), nil},
	"msg-interrupted": {result(machSendInterrupted), sends},
	"msg-unanswered":  {interruptReceive, receives},
	"thread-enomem":   {failing(ENOMEM), nil},
	"thread-shortage": {failing(ENOMEM), nil},
	"kevent-timedout": {failing(ETIMEDOUT), waitsWithTimeout},
	"accept-unnamed":  {acceptUnnamed, nil},
	"route-grown":     {failing(ENOMEM), readsRoutes},
	"mmap-elsewhere":  {mmapElsewhere, nil},
	"signal-extra":    {extraSignal, nil},
	"preempt":         {preempt, nil},
	"fork-slow":       {forkSlow, nil},
	"stop":            {stopContinue, nil},
	"close-eintr":     {closeInterrupted, nil},
	"emfile":          {failing(EMFILE), nil},
	"fork-eagain":     {failing(EAGAIN), nil},
	"enobufs":         {failing(ENOBUFS), nil},
	"mmap-enomem":     {failing(ENOMEM), nil},
}

func failing(e Errno) injector {
	return func(t *Thread, a *args, next handler, x uint64) (uint64, Errno) { return 0, e }
}

// result is the result of a trap.
func result(kr int32) injector {
	return func(t *Thread, a *args, next handler, x uint64) (uint64, Errno) { return uint64(kr), 0 }
}

func ulockFails(e Errno) injector {
	return func(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
		return ulockResult(uint32(a[0]), 0, e)
	}
}

func waitsForChild(t *Thread, a *args) bool {
	return uint32(a[2])&wNOHANG == 0 && uint32(a[3])&wNOHANG == 0
}

// waitsForEvents: no changes are made, and the timeout is not 0.
func waitsForEvents(t *Thread, a *args) bool {
	sec, nsec, e := t.abi().readTimespec(a[5])
	return int32(a[2]) <= 0 && (a[5] == 0 || e == 0 && sec|nsec != 0)
}

func waitsWithTimeout(t *Thread, a *args) bool { return a[5] != 0 && waitsForEvents(t, a) }

func accepts(t *Thread, a *args) bool {
	fl, e := hostStatusFlags(int32(a[0]))
	return e == 0 && fl&syscall.O_NONBLOCK == 0
}

const machSendInterrupted = 0x10000007 // xnu-11417 osfmk/mach/message.h

func sends(t *Thread, a *args) bool { return a[1]&machSendMsg != 0 }

func receives(t *Thread, a *args) bool { return a[1]&machRcvMsg != 0 }

// interruptReceive leaves the answer where it is.
func interruptReceive(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	if a[1]&machSendMsg != 0 {
		a[1] &^= machRcvMsg
		if kr, _ := next(t, a); int32(kr) != kernSuccess {
			return kr, 0
		}
	}
	return machRcvInterrupted, 0
}

// selects and polls: the timeout is not 0.
func selects(t *Thread, a *args) bool {
	sec, usec, e := t.abi().readTimeval(a[4])
	return a[4] == 0 || e == 0 && sec|usec != 0
}

func polls(t *Thread, a *args) bool { return int32(a[2]) != 0 }

// interruptConnect starts the connection and does not wait for it.
func interruptConnect(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	fd := uintptr(int32(a[0]))
	fl, e := host(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0, 0, 0, 0)
	if e != 0 {
		return next(t, a)
	}
	host(syscall.SYS_FCNTL, fd, syscall.F_SETFL, uintptr(fl)|syscall.O_NONBLOCK, 0, 0, 0)
	v, e := next(t, a)
	host(syscall.SYS_FCNTL, fd, syscall.F_SETFL, uintptr(fl), 0, 0, 0)
	if e == EINPROGRESS {
		e = EINTR
	}
	return v, e
}

// connects: the kqueue waits for a socket that is still connecting.
func connects(t *Thread, a *args) bool {
	kq := kqueueOf(int32(a[0]))
	if kq == nil || int32(a[4]) < 1 || !waitsForEvents(t, a) {
		return false
	}
	_, ok := kq.connecting()
	return ok
}

// connectEarly reports the first such socket.
func connectEarly(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	k, ok := kqueueOf(int32(a[0])).connecting()
	if !ok {
		return next(t, a)
	}
	form := &plainForms[t.abi()]
	var b [keventMaxSize]byte
	form.encode(b[:], &k)
	return 1, copyoutBytes(a[3], b[:form.size])
}

// connecting returns the event of a write filter whose socket is not yet connected.
func (kq *kqueue) connecting() (k kevent, ok bool) {
	kq.mu.Lock()
	defer kq.mu.Unlock()
	for i := range kq.knotes {
		kn := &kq.knotes[i]
		if kn.gen == 0 || kn.filter != evfiltWrite || kn.kind != kindStream || kn.state&knDisabled != 0 {
			continue
		}
		if connectingTCP(kn.hostFD) {
			k = kn.kevent
			k.data = 1 << 16 // room in the buffer
			return k, true
		}
	}
	return k, false
}

// execSignal waits for a signal that would be lost on the way, were all well.
func execSignal(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	p := t.p
	if p.Release < XNU4903 || p.Release >= XNU7195 {
		return next(t, a)
	}
	for range 4 {
		pause(5 * time.Millisecond)
		p.mu.Lock()
		bad := p.sig.LateToExec(t.sig)
		p.mu.Unlock()
		if bad {
			p.die(SIGILL)
		}
	}
	return next(t, a)
}

// readsRoutes: the sysctls of the routing table, when they do not ask for the
// size only.
func readsRoutes(t *Thread, a *args) bool {
	const ctlNet, pfRoute = 4, 17
	class, _ := vcpu.Load32(a[0])
	family, _ := vcpu.Load32(a[0] + 4)
	return uint32(a[1]) >= 2 && class == ctlNet && family == pfRoute && a[2] != 0
}

const lockNB = 4

func locks(t *Thread, a *args) bool { return a[1]&lockNB == 0 }

// interruptLock is for a lock that somebody else holds.
func interruptLock(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	a[1] |= lockNB
	return wouldBlock(next(t, a))
}

func locksPart(t *Thread, a *args) bool { return fcntlCmd(int32(a[1])) == fSetlkw }

func interruptSetlkw(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	a[1] = uint64(fSetlk)
	return wouldBlock(next(t, a))
}

// wouldBlock makes an interruption of what a call that does not wait returns if it should.
func wouldBlock(v uint64, e Errno) (uint64, Errno) {
	if e == EAGAIN {
		e = EINTR
	}
	return v, e
}

// What fileKind knows.
const (
	isPipe = 1 << iota
	isTCP
	isOther // a socket or terminal
)

func fileKind(fd int32) int {
	var st syscall.Stat_t
	if _, e := host(syscall.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(&st)), 0, 0, 0, 0); e != 0 || fdHidden(fd) {
		return 0
	}
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFIFO:
		return isPipe
	case syscall.S_IFCHR:
		const ttyMajor, ptsMajor = 4, 136
		if major := st.Rdev >> 8 & 0xfff; major == ttyMajor || major >= ptsMajor && major < ptsMajor+8 {
			return isOther
		}
	case syscall.S_IFSOCK:
		if d := sockInt(fd, linuxSoDomain); (d == syscall.AF_INET || d == syscall.AF_INET6) && sockInt(fd, syscall.SO_TYPE) == syscall.SOCK_STREAM {
			return isTCP
		}
		return isOther
	}
	return 0
}

// spared is standard error: a runtime that prints why it dies does not try
// again, and the reason would be lost.
const spared = 2

// interruptIO is for calls that wait for events (POLLIN, POLLOUT).
func interruptIO(events uint16) injector {
	return func(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
		fd := int32(a[0])
		fl, e := hostStatusFlags(fd)
		if e != 0 || fl&syscall.O_NONBLOCK != 0 || fd == spared || fileKind(fd) == 0 {
			return next(t, a)
		}
		if pollNow(fd, events) != 0 {
			return next(t, a)
		}
		return 0, EINTR
	}
}

func interruptBusyIO(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	if fd := int32(a[0]); fd != spared && fileKind(fd) != 0 {
		return 0, EINTR
	}
	return next(t, a)
}

// pipeBuf is how much a pipe takes at once or not at all.
const pipeBuf = 512

// part chooses how much of the n bytes that are asked for a call on fd gets.
func part(fd int32, n, x uint64) uint64 {
	if n > 1 && n < 1<<31 && fd != spared {
		switch k := fileKind(fd); {
		case k == isTCP:
			return 1 + x%(n-1)
		case k == isPipe && n > pipeBuf:
			return pipeBuf + x%(n-pipeBuf)
		}
	}
	return n
}

func short(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	a[2] = part(int32(a[0]), a[2], x)
	return next(t, a)
}

func shortDir(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	const twoEntries = 2048 // of the longest names
	a[2] = min(a[2], twoEntries)
	return next(t, a)
}

// acceptUnnamed makes the socket that is left of the stranger's connection.
func acceptUnnamed(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	const soAcceptconn = 30
	fd := int32(a[0])
	domain := sockInt(fd, linuxSoDomain)
	if domain != syscall.AF_INET && domain != syscall.AF_INET6 || sockInt(fd, soAcceptconn) != 1 {
		return next(t, a)
	}
	fl, _ := hostStatusFlags(fd)
	n, e := host(syscall.SYS_SOCKET, uintptr(domain), syscall.SOCK_STREAM|uintptr(fl&syscall.O_NONBLOCK), 0, 0, 0, 0)
	if n, e = newFd(n, e, -1); e != 0 {
		return next(t, a)
	}
	if a[1] != 0 {
		vcpu.Store32(a[2], 0)
	}
	return n, 0
}

func mmapElsewhere(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	if a[0] != 0 && a[3]&mapFixed == 0 && t.p.abi == abi64 {
		a[0] += (1 + x%16) << 24
	}
	return next(t, a)
}

func extraSignal(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	v, e := next(t, a)
	if !t.p.child {
		t.p.psignal(SIGURG)
	}
	return v, e
}

func preempt(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	if x&1 == 0 {
		pause(shortTime(x >> 1))
		return next(t, a)
	}
	v, e := next(t, a)
	pause(shortTime(x >> 1))
	return v, e
}

func forkSlow(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	v, e := next(t, a)
	if t.p.child == (x&1 == 0) {
		pause(shortTime(x >> 1))
	}
	return v, e
}

func closeInterrupted(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	v, e := next(t, a)
	if e == 0 {
		e = EINTR
	}
	return v, e
}

// stopContinue stops the process with all its threads. The host's own timer
// continues it.
func stopContinue(t *Thread, a *args, next handler, x uint64) (uint64, Errno) {
	const (
		timerCreate, timerSettime, timerDelete = 222, 223, 226
		period                                 = 5 * time.Millisecond
	)
	event := struct { // struct sigevent; SIGEV_SIGNAL is 0
		value         uint64
		signo, notify int32
		_             [48]byte
	}{signo: int32(toHost(SIGCONT))}
	var timer int32
	if _, e := host(timerCreate, linuxClockMonotonic, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&timer)), 0, 0, 0); e == 0 {
		// Again and again, should it come before the stop.
		every := [2]syscall.Timespec{syscall.NsecToTimespec(int64(period)), syscall.NsecToTimespec(int64(period))}
		host(timerSettime, uintptr(timer), 0, uintptr(unsafe.Pointer(&every)), 0, 0, 0)
		// To this thread, so that the timer goes only after it has stopped.
		host(syscall.SYS_TGKILL, hostCall(syscall.SYS_GETPID), hostCall(syscall.SYS_GETTID), uintptr(toHost(SIGSTOP)), 0, 0, 0)
		host(timerDelete, uintptr(timer), 0, 0, 0, 0, 0)
	}
	return next(t, a)
}
