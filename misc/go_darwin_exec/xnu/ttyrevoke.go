// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// When the leader of a session ends, XNU revokes the session's terminal
// (xnu-1504, xnu-11417 bsd/kern/kern_exit.c:proc_exit, VNOP_REVOKE): every
// descriptor of it, in any process, belongs to a dead vnode from then on. Reads
// are at the end of the file, writes fail with EIO, other calls with EBADF
// (bsd/miscfs/deadfs/dead_vnops.c). Linux only sends SIGHUP if the terminal is
// a pseudo terminal (drivers/tty/tty_jobctrl.c:disassociate_ctty), and its
// vhangup is for privileged processes.
//
// So each runner revokes its own descriptors. It replaces them by descriptors of
// a pseudo terminal that has been hung up, which the host lets everybody make:
// the slave of a master that is closed. Reading, writing, waiting and the other
// master's end of file are then the host's business.
//
// A runner that has a terminal watches the leader of its session by a pidfd,
// which works however the leader ends, whatever program it is, and through its
// execs. It finds the leader by /proc when it gets the descriptor. If
// the terminal gets a session later, the new leader's runner sends the terminal's device number
// to all runners that have terminals: to unix sockets with abstract names that begin
// with ttySockPrefix, which it finds in /proc/net/unix. The host vouches for the
// sender's pid.

const ttySockPrefix = "goxnu.tty."

// Marks of a descriptor of a dead terminal: values of F_SETSIG, which go with the open
// file to other processes and through exec.
const (
	ttyMarkRevoked = 59
	ttyMarkCtty    = 58 // it was /dev/tty
	linuxSetSig    = 10
	linuxGetSig    = 11
)

// devTTY is the host's /dev/tty.
const devTTY = 5 << 8

// A ttyWatch is a terminal that this process has or had descriptors of.
type ttyWatch struct {
	dev    uint64   // the host's number
	leader int32    // of its session; 0: none
	pidfd  int32    // of the leader; -1: none
	file   *os.File // of pidfd, nil in the child of a fork
}

// ttys has the terminals of the process. mu comes after Proc.mu and before the locks of
// kqueues. The child of a fork takes none.
var ttys struct {
	active atomic.Bool // there is a terminal
	mu     sync.Mutex
	p      *Proc // nil: the guest has not started
	sock   int32 // where the news of leaders arrive; valid if bound
	bound  bool
	n      int
	w      [16]ttyWatch
	buf    [4096]byte
	msg    ttyMessage
}

// A ttyMessage is what sendto, sendmsg and recvmsg need.
type ttyMessage struct {
	dev  uint64
	addr [110]byte
	iov  syscall.Iovec
	ctl  [64]byte
	hdr  syscall.Msghdr
}

func lockTTYs() {
	if !vcpu.Forked() {
		ttys.mu.Lock()
	}
}

func unlockTTYs() {
	if !vcpu.Forked() {
		ttys.mu.Unlock()
	}
}

// noteTTY must be called when the process has got the descriptor fd, other than
// by duplicating, or when fd has become its controlling terminal.
func noteTTY(fd int32) {
	var st syscall.Stat_t
	if _, e := host(syscall.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(&st)), 0, 0, 0, 0); e != 0 || !revocable(&st) {
		return
	}
	switch sig, _ := host(syscall.SYS_FCNTL, uintptr(fd), linuxGetSig, 0, 0, 0, 0); sig {
	case ttyMarkRevoked:
		setFDBits(fd, fdRevoked)
		return
	case ttyMarkCtty:
		setFDBits(fd, fdNoCtty)
		return
	}
	lockTTYs()
	dev := st.Rdev
	if dev == devTTY {
		_, dev = ttyStat(0)
	}
	if w := ttyWatchOf(dev); w != nil && ttys.p != nil {
		w.find()
	}
	unlockTTYs()
}

// revocable reports whether st is that of a pseudo terminal's slave or of
// /dev/tty. The host itself hangs up other terminals.
func revocable(st *syscall.Stat_t) bool {
	major := st.Rdev >> 8 & 0xfff
	return st.Mode&syscall.S_IFMT == syscall.S_IFCHR && (major >= 136 && major <= 143 || st.Rdev == devTTY)
}

// ttyWatchOf returns the entry of terminal dev, a new one if need be, or nil if
// there is no room or no terminal.
func ttyWatchOf(dev uint64) *ttyWatch {
	if dev == 0 {
		return nil
	}
	for i := range ttys.w[:ttys.n] {
		if ttys.w[i].dev == dev {
			return &ttys.w[i]
		}
	}
	for i := range ttys.w[:ttys.n] {
		if w := &ttys.w[i]; w.leader == 0 && !hasTTY(w.dev) {
			*w = ttyWatch{dev: dev, pidfd: -1}
			return w
		}
	}
	if ttys.n == len(ttys.w) {
		return nil
	}
	w := &ttys.w[ttys.n]
	ttys.n++
	*w = ttyWatch{dev: dev, pidfd: -1}
	ttys.active.Store(true)
	return w
}

// startTTYs begins to watch the terminals that the process began with.
func startTTYs(p *Proc) {
	ttys.mu.Lock()
	defer ttys.mu.Unlock()
	ttys.p = p
	for i := range ttys.w[:ttys.n] {
		w := &ttys.w[i]
		w.find()
		if x := p.cfg.Exec; x != nil && w.leader == 0 {
			// One that has ended during the exec has no terminal any more.
			for _, l := range x.Leaders {
				if l.dev == w.dev {
					w.watch(l.pid)
					if w.ended() {
						w.revoke()
					} else {
						w.watch(0)
					}
				}
			}
		}
	}
}

// A ttyLeader is what exec hands on of a ttyWatch; of most processes, all.
type ttyLeader struct {
	dev uint64
	pid int32
}

const ttyLeaders = 4

// watchedLeaders returns what exec hands on.
func watchedLeaders() (ls [ttyLeaders]ttyLeader) {
	lockTTYs()
	n := 0
	for i := range ttys.w[:ttys.n] {
		if w := &ttys.w[i]; w.leader != 0 && w.leader != int32(vcpu.Pid()) && n < len(ls) {
			ls[n] = ttyLeader{w.dev, w.leader}
			n++
		}
	}
	unlockTTYs()
	return ls
}

// find looks for the leader of w's session. It opens the socket first, so that
// no leader is missed.
func (w *ttyWatch) find() {
	bindTTYSock()
	sid, dev := ttyStat(0)
	if dev == w.dev {
		if leads := sid == int32(vcpu.Pid()); leads && w.leader != sid {
			defer announceTTY(dev)
		}
		w.watch(sid)
		return
	}
	if vcpu.Forked() {
		w.watch(0) // a search allocates
		return
	}
	for _, pid := range numericNames("/proc") {
		if sid, dev := ttyStat(int32(pid)); dev == w.dev {
			w.watch(sid)
			return
		}
	}
	w.watch(0)
}

// watch makes pid, or nobody if it is 0, the leader of w's session.
func (w *ttyWatch) watch(pid int32) {
	if w.leader == pid {
		return
	}
	if w.file != nil && !vcpu.Forked() {
		w.file.Close()
	} else if w.pidfd >= 0 {
		closeHidden(w.pidfd)
	}
	w.leader, w.pidfd, w.file = pid, -1, nil
	if pid == 0 || pid == int32(vcpu.Pid()) {
		return
	}
	fd, e := host(sysPidfdOpen, uintptr(pid), 0, 0, 0, 0, 0)
	if e == ESRCH {
		w.revoke()
		return
	}
	if e == 0 {
		w.pidfd, e = hideFD(int32(fd))
	}
	if e != 0 {
		w.pidfd = -1 // see ended
		return
	}
	if !vcpu.Forked() {
		w.file = ttyFile(w.pidfd)
		go onReady(w.file, func(fd int32) bool {
			if pollNow(fd, linuxEpollIn) == 0 {
				return false
			}
			go sweepTTYs() // it closes the file
			return true
		})
	}
}

func ttyFile(fd int32) *os.File {
	syscall.SetNonblock(int(fd), true)
	return os.NewFile(uintptr(fd), "")
}

// onReady calls f whenever fd becomes readable, until it returns true or the
// file is closed.
func onReady(file *os.File, f func(fd int32) bool) {
	if c, err := file.SyscallConn(); err == nil {
		c.Read(func(fd uintptr) bool { return f(int32(fd)) })
	}
}

// sweepTTYs revokes the terminals whose sessions' leaders have ended. What
// lets the guest know of the end of a process must call it first: XNU revokes
// before the parent can learn of the end.
func sweepTTYs() {
	if !ttys.active.Load() {
		return
	}
	lockTTYs()
	if ttys.bound && !vcpu.Forked() {
		readTTYSock()
	}
	for i := range ttys.w[:ttys.n] {
		if w := &ttys.w[i]; w.ended() {
			w.revoke()
		}
	}
	unlockTTYs()
}

// ended reports whether the leader of w's session has ended. Where the host refuses
// pidfds, one that nobody has waited for yet has not.
func (w *ttyWatch) ended() bool {
	if w.pidfd >= 0 {
		return pollNow(w.pidfd, linuxEpollIn) != 0
	}
	if w.leader == 0 {
		return false
	}
	_, e := host(syscall.SYS_KILL, uintptr(w.leader), 0, 0, 0, 0, 0)
	return e == ESRCH
}

// revoke replaces the descriptors of terminal w by those of a dead one and
// forgets the leader. Descriptors that another thread closes and opens at
// the same moment are not protected from it.
func (w *ttyWatch) revoke() {
	sid, _ := host(syscall.SYS_GETSID, 0, 0, 0, 0, 0, 0)
	own := int32(sid) == w.leader
	for fd := int32(0); fd < hiddenFDBase; fd++ {
		var st syscall.Stat_t
		_, e := host(syscall.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(&st)), 0, 0, 0, 0)
		switch {
		case e != 0 || !revocable(&st):
		case st.Rdev == w.dev:
			replaceTTY(fd, fdRevoked, ttyMarkRevoked)
		case st.Rdev == devTTY && own:
			replaceTTY(fd, fdNoCtty, ttyMarkCtty)
		}
	}
	w.watch(0)
	if !vcpu.Forked() && ttys.p != nil {
		go ttys.p.retryBlocked()
	}
}

// retryBlocked has all threads that are in blocking calls make them again, with the
// descriptors as they are now.
func (p *Proc) retryBlocked() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.threads {
		if t.cpu.InBlocking() {
			t.cpu.Kick()
		}
	}
}

// replaceTTY replaces fd by a dead terminal with the mark and remembers b.
func replaceTTY(fd int32, b fdBits, mark uintptr) {
	fl, _ := hostStatusFlags(fd)
	fdfl, _ := host(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0, 0, 0, 0)
	dead, e := deadTTY(uintptr(fl))
	if e != 0 {
		if !vcpu.Forked() {
			warnOncef("the terminal of an ended session is not revoked: no pseudo terminal to replace it: %v; see /proc/sys/kernel/pty/max and /dev/ptmx", e)
		}
		return
	}
	host(syscall.SYS_FCNTL, uintptr(dead), linuxSetSig, mark, 0, 0, 0)
	cloexec := uintptr(0)
	if fdfl&syscall.FD_CLOEXEC != 0 {
		cloexec = syscall.O_CLOEXEC
	}
	setFDBits(fd, b)
	knotesMoved(fd, func() {
		host(syscall.SYS_DUP3, uintptr(dead), uintptr(fd), cloexec, 0, 0, 0)
	})
	host(syscall.SYS_CLOSE, uintptr(dead), 0, 0, 0, 0, 0)
}

// deadTTY opens a terminal that has been hung up: Linux does that when the
// master is closed (drivers/tty/pty.c:pty_close).
func deadTTY(flags uintptr) (int32, Errno) {
	const linuxTiocgptpeer = 0x5441
	m, e := host(syscall.SYS_OPENAT, hostAtFDCWD, uintptr(unsafe.Pointer(&ptmxName[0])), syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0, 0, 0)
	if e != 0 {
		return -1, e
	}
	var unlocked int32
	host(syscall.SYS_IOCTL, uintptr(m), linuxTiocsptlck, uintptr(unsafe.Pointer(&unlocked)), 0, 0, 0)
	flags &= syscall.O_ACCMODE | syscall.O_NONBLOCK | syscall.O_APPEND
	s, e := host(syscall.SYS_IOCTL, uintptr(m), linuxTiocgptpeer, flags|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0, 0, 0)
	host(syscall.SYS_CLOSE, uintptr(m), 0, 0, 0, 0, 0)
	return int32(s), e
}

var ptmxName = []byte("/dev/ptmx\x00")

// hasTTY reports whether the process has a descriptor of terminal dev.
func hasTTY(dev uint64) bool {
	for fd := int32(0); fd < hiddenFDBase; fd++ {
		var st syscall.Stat_t
		if _, e := host(syscall.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(&st)), 0, 0, 0, 0); e == 0 && st.Mode&syscall.S_IFMT == syscall.S_IFCHR && st.Rdev == dev {
			return true
		}
	}
	return false
}

// ttyStat returns the session and the controlling terminal, 0 if it has none, of
// process pid, of the caller if it is 0. ttys is locked.
func ttyStat(pid int32) (sid int32, dev uint64) {
	b := append(ttys.buf[:0], "/proc/"...)
	if pid == 0 {
		b = append(b, "self"...)
	} else {
		b = strconv.AppendInt(b, int64(pid), 10)
	}
	b = append(b, "/stat\x00"...)
	fd, e := host(syscall.SYS_OPENAT, hostAtFDCWD, hostBuf(&b[0]), syscall.O_RDONLY|syscall.O_CLOEXEC, 0, 0, 0)
	if e != 0 {
		return 0, 0
	}
	b = ttys.buf[:]
	n, e := host(syscall.SYS_READ, uintptr(fd), hostBuf(&b[0]), uintptr(len(b)), 0, 0, 0)
	host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
	if e != 0 {
		return 0, 0
	}
	b = b[:n]
	b = b[bytes.LastIndexByte(b, ')')+1:]
	var v [5]uint64 // state, ppid, pgrp, session, tty_nr
	for i := range v {
		b = bytes.TrimLeft(b, " ")
		end := max(bytes.IndexByte(b, ' '), 0)
		for _, c := range b[:end] {
			v[i] = v[i]*10 + uint64(c-'0')
		}
		b = b[end:]
	}
	return int32(v[3]), v[4]
}

// bindTTYSock opens the socket where the news of leaders arrive. The child of
// a fork has none: it could not read it.
func bindTTYSock() {
	if ttys.bound || vcpu.Forked() {
		return
	}
	fd, e := ttySocket()
	if e != 0 {
		return
	}
	one := int32(1)
	host(syscall.SYS_SETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, syscall.SO_PASSCRED, uintptr(unsafe.Pointer(&one)), 4, 0)
	m := &ttys.msg
	name := append(m.addr[:3], ttySockPrefix...)
	name = strconv.AppendInt(name, int64(vcpu.Pid()), 10)
	name = append(name, '.')
	name = appendHex(name, hostNanos(linuxClockMonotonic)) // a forked child may keep the last image's
	putUint16(m.addr[:], syscall.AF_UNIX)
	m.addr[2] = 0
	if _, e := host(syscall.SYS_BIND, uintptr(fd), hostBuf(&m.addr[0]), uintptr(len(name)), 0, 0, 0); e != 0 {
		closeHidden(fd)
		return
	}
	ttys.sock, ttys.bound = fd, true
	go onReady(ttyFile(fd), func(int32) bool {
		sweepTTYs()
		return false
	})
}

func ttySocket() (int32, Errno) {
	fd, e := host(syscall.SYS_SOCKET, syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0, 0, 0, 0)
	if e != 0 {
		return -1, e
	}
	return hideFD(int32(fd))
}

// announceTTY tells the other runners that this process leads the session of
// terminal dev. It allocates nothing. ttys is locked.
func announceTTY(dev uint64) {
	sock, e := ttySocket()
	if e != 0 {
		return
	}
	defer closeHidden(sock)
	const list = "/proc/net/unix\x00"
	b := ttys.buf[:]
	copy(b, list)
	fd, e := host(syscall.SYS_OPENAT, hostAtFDCWD, hostBuf(&b[0]), syscall.O_RDONLY|syscall.O_CLOEXEC, 0, 0, 0)
	if e != 0 {
		return
	}
	have := 0
	for {
		n, e := host(syscall.SYS_READ, uintptr(fd), hostBuf(&b[have]), uintptr(len(b)-have), 0, 0, 0)
		if e != 0 || n == 0 {
			break
		}
		rest := b[:have+int(n)]
		for {
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				break
			}
			if at := bytes.LastIndexByte(rest[:end], '@'); at >= 0 {
				sendTTY(sock, dev, rest[at+1:end])
			}
			rest = rest[end+1:]
		}
		if have = copy(b, rest); have == len(b) {
			have = 0
		}
	}
	host(syscall.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
}

// sendTTY sends dev to the abstract name, if it is a runner's.
func sendTTY(sock int32, dev uint64, name []byte) {
	m := &ttys.msg
	if !bytes.HasPrefix(name, []byte(ttySockPrefix)) || len(name) > len(m.addr)-3 {
		return
	}
	putUint16(m.addr[:], syscall.AF_UNIX)
	m.addr[2] = 0
	n := 3 + copy(m.addr[3:], name)
	m.dev = dev
	host(syscall.SYS_SENDTO, uintptr(sock), uintptr(unsafe.Pointer(&m.dev)), 8, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL, hostBuf(&m.addr[0]), uintptr(n))
}

// readTTYSock takes the news of leaders. ttys is locked.
func readTTYSock() {
	m := &ttys.msg
	uid, _ := host(syscall.SYS_GETEUID, 0, 0, 0, 0, 0, 0)
	for {
		m.iov = syscall.Iovec{Base: (*byte)(unsafe.Pointer(&m.dev)), Len: 8}
		m.hdr = syscall.Msghdr{Iov: &m.iov, Iovlen: 1, Control: &m.ctl[0], Controllen: uint64(len(m.ctl))}
		clear(m.ctl[:])
		n, e := host(syscall.SYS_RECVMSG, uintptr(ttys.sock), uintptr(unsafe.Pointer(&m.hdr)), syscall.MSG_DONTWAIT|syscall.MSG_CMSG_CLOEXEC, 0, 0, 0)
		if e != 0 {
			return
		}
		const scmCredentials = 2
		c := m.ctl[:] // len 0/8, level 8, type 12, pid 16, uid 20
		if n != 8 || getUint32(c[8:]) != syscall.SOL_SOCKET || getUint32(c[12:]) != scmCredentials {
			continue
		}
		pid, from := int32(getUint32(c[16:])), getUint32(c[20:])
		if pid <= 0 || from != 0 && uint64(from) != uid {
			continue
		}
		for i := range ttys.w[:ttys.n] {
			w := &ttys.w[i]
			if w.dev != m.dev {
				continue
			}
			// One that lives must be what it says.
			if sid, dev := ttyStat(pid); sid == 0 || sid == pid && (dev == w.dev || dev == 0) {
				w.watch(pid)
			}
		}
	}
}
