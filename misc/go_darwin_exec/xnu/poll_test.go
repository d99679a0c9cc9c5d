// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// pollReleases are those between which poll changed.
var pollReleases = []Release{XNU1504, XNU1699, XNU2422, XNU2782, XNU3248, XNU3789, XNU4903, XNU6153, XNU11417}

// A gpollfd is struct pollfd.
type gpollfd struct {
	fd              int32
	events, revents pollBits
}

// A pollTest makes descriptors for one release, and closes them all.
type pollTest struct {
	*testing.T
	th *Thread
	r  Release
}

func forPollReleases(t *testing.T, f func(p *pollTest)) {
	for _, r := range pollReleases {
		t.Run(itoa(int(r)), func(t *testing.T) { f(&pollTest{t, guestThread(t, r), r}) })
	}
}

func (p *pollTest) own(fd uint64) int {
	p.Cleanup(func() { sysClose(p.th, &args{fd}) })
	return int(fd)
}

func (p *pollTest) pipe() (r, w int) {
	a, b := pipe(p.T)
	return p.own(a), p.own(b)
}

func (p *pollTest) close(fd int) { p.Helper(); closeFD(p.T, p.th, uint64(fd)) }

func (p *pollTest) write(fd int, s string) { p.Helper(); write(p.T, uint64(fd), s) }

func (p *pollTest) shutdown(fd, how int) {
	p.Helper()
	call(p.T, p.th, sysShutdown, 0, uint64(fd), uint64(how))
}

func (p *pollTest) socket(domain, typ uint64) int {
	p.Helper()
	return p.own(call(p.T, p.th, sysSocket, 0, domain, typ, 0))
}

func (p *pollTest) socketpair(typ uint64) (a, b int) {
	p.Helper()
	var fds [2]int32
	call(p.T, p.th, sysSocketpair, 0, guestAfUnix, typ, 0, gp(&fds))
	return p.own(uint64(fds[0])), p.own(uint64(fds[1]))
}

// listener returns a listening socket and its address.
func (p *pollTest) listener() (int, *[16]byte) {
	p.Helper()
	l := p.socket(guestAfInet, guestSockStream)
	sa := &[16]byte{0, guestAfInet, 0, 0, 127, 0, 0, 1}
	n := uint32(16)
	call(p.T, p.th, sysBind, 0, uint64(l), gp(sa), 16)
	call(p.T, p.th, sysListen, 0, uint64(l), 5)
	call(p.T, p.th, sysGetsockname, 0, uint64(l), gp(sa), gp(&n))
	return l, sa
}

// tcp returns two connected sockets.
func (p *pollTest) tcp() (a, b int) {
	p.Helper()
	l, sa := p.listener()
	a = p.socket(guestAfInet, guestSockStream)
	call(p.T, p.th, sysConnect, 0, uint64(a), gp(sa), 16)
	return a, p.own(call(p.T, p.th, sysAccept, 0, uint64(l), 0, 0))
}

func (p *pollTest) open(name string, flags int) int {
	p.Helper()
	fd, err := syscall.Open(name, flags, 0o600)
	if err != nil {
		p.Fatal(err)
	}
	return p.own(uint64(fd))
}

// poll checks what poll says of fds, which has what is wanted in revents.
func (p *pollTest) poll(what string, ms int, n uint64, fds ...gpollfd) {
	p.Helper()
	in := append([]gpollfd(nil), fds...)
	for i := range in {
		in[i].revents = 0x7fff
	}
	got := call(p.T, p.th, sysPoll, 0, gp(&in[0]), uint64(len(in)), uint64(ms))
	for i := range in {
		if got != n || in[i] != fds[i] {
			p.Errorf("%s: %d %+x, want %d %+x", what, got, in, n, fds)
			return
		}
	}
}

// one is poll for one descriptor, which looks only once.
func (p *pollTest) one(what string, fd int, events, want pollBits) {
	p.Helper()
	n := uint64(0)
	if want != 0 {
		n = 1
	}
	if p.r <= XNU1699 && want&(pollNormal|pollUrgent) != 0 && want&(pollForOut|pollHup) != 0 && events&pollForOut != 0 {
		n = 2 // both of its knotes count
	}
	p.poll(what, 0, n, gpollfd{int32(fd), events, want})
}

// sinceRelease returns the one or the other.
func sinceRelease[T any](r, first Release, v, before T) T {
	if r >= first {
		return v
	}
	return before
}

// TestPoll is bsd/kern/sys_generic.c:poll_nocancel and poll_callback and the
// filters of each kind of file; what differs by release is said where it does.
func TestPoll(t *testing.T) {
	forPollReleases(t, func(p *pollTest) {
		before := openFDs(p.T)
		p.Run("all", func(t *testing.T) {
			q := &pollTest{t, p.th, p.r}
			q.pipes()
			q.sockets()
			q.files()
			q.arrays()
		})
		if after := openFDs(p.T); after != before {
			p.Errorf("%d descriptors are open, were %d", after, before)
		}
		if kq := kqueues.head.Load(); kq != nil {
			p.Error("a kqueue is left")
		}
	})
}

func (p *pollTest) pipes() {
	r, w := p.pipe()
	p.one("pipe, empty", r, pollIn|pollPri|pollHup, 0)
	p.one("pipe, room", w, pollOut|pollWrband, pollOut|pollWrband)
	p.one("pipe, room, nothing asked for", w, 0, 0)
	p.one("pipe, the wrong end", w, pollIn, 0)
	p.write(w, "x")
	p.one("pipe, data", r, pollIn, pollIn)
	p.one("pipe, data, RDNORM", r, pollRdnorm, pollRdnorm)
	p.one("pipe, data, PRI", r, pollPri, pollPri) // EV_OOBAND stays as it was asked for
	p.one("pipe, data, IN and PRI", r, pollIn|pollPri, sinceRelease(p.r, XNU2782, pollIn|pollPri, pollIn))
	p.one("pipe, data, nothing asked for", r, 0, 0)
	p.one("pipe, data, ERR", r, pollErr|pollNval, 0)
	p.close(w)
	p.one("pipe, data and end", r, pollIn, pollIn|pollHup)
	var b [1]byte
	syscall.Read(r, b[:])
	p.one("pipe, end", r, pollIn, pollIn|pollHup)
	p.one("pipe, end, RDNORM", r, pollRdnorm, pollRdnorm|pollHup)
	p.one("pipe, end, PRI", r, pollPri, pollPri|pollHup)
	p.one("pipe, end, HUP", r, pollHup, pollHup)
	p.one("pipe, end, nothing asked for", r, 0, 0)
	// bsd/kern/sys_pipe.c:pipe_kqfilter: EPIPE up to 4903.
	r, w = p.pipe()
	p.close(r)
	p.one("pipe, no reader", w, pollOut, sinceRelease(p.r, XNU6153, pollHup, pollNval))
	p.one("pipe, no reader, IN", w, pollIn, pollIn|pollHup)
	p.close(w)
	p.one("closed", w, pollOut, pollNval)
	p.one("closed, nothing asked for", w, 0, 0)
	p.one("hidden", int(hiddenFDBase), pollIn, pollNval)
	p.one("negative", -1, pollIn, 0)

	// A FIFO is a vnode, which has no end (bsd/vfs/vfs_vnops.c:filt_vnode_common).
	name := p.TempDir() + "/fifo"
	syscall.Mkfifo(name, 0o600)
	r = p.open(name, syscall.O_RDONLY|syscall.O_NONBLOCK)
	w = p.open(name, syscall.O_WRONLY)
	p.one("FIFO, empty", r, pollIn, 0)
	p.one("FIFO, room", w, pollOut, pollOut)
	p.write(w, "x")
	p.one("FIFO, data", r, pollIn, pollIn)
	syscall.Read(r, b[:])
	p.close(w)
	p.one("FIFO, end", r, pollIn, 0)
	p.poll("FIFO, end, wait", 10, 0, gpollfd{int32(r), pollIn, 0})
	w = p.open(name, syscall.O_WRONLY)
	p.later(func() { syscall.Write(w, []byte("y")) })
	p.poll("FIFO, data while it waits", -1, 1, gpollfd{int32(r), pollIn, pollIn})
	p.close(r)
	p.one("FIFO, no reader", w, pollOut, pollOut)
}

// later does something when poll waits, most likely.
func (p *pollTest) later(f func()) {
	go func() {
		time.Sleep(5 * time.Millisecond)
		f()
	}()
}

func (p *pollTest) sockets() {
	var b [8]byte
	for _, typ := range []uint64{guestSockStream, guestSockDgram} {
		s, o := p.socketpair(typ)
		p.one("socket, empty", s, pollIn, 0)
		p.one("socket, room", s, pollIn|pollOut, pollOut)
		p.write(o, "x")
		p.one("socket, data", s, pollIn|pollRdnorm|pollOut, pollIn|pollRdnorm|pollOut)
		p.shutdown(s, syscall.SHUT_WR)
		p.one("socket, own SHUT_WR", s, pollOut, pollHup)
		p.one("socket, own SHUT_WR, data", s, pollIn|pollOut, pollIn|pollHup)
		_, o = p.socketpair(typ)
		p.shutdown(o, syscall.SHUT_RD)
		p.one("socket, own SHUT_RD", o, pollIn, pollIn|pollHup)
	}
	for _, pair := range []func() (a, b int){func() (a, b int) { return p.socketpair(guestSockStream) }, p.tcp} {
		s, o := pair()
		p.shutdown(o, syscall.SHUT_WR)
		p.one("stream, peer shut", s, pollIn, pollIn|pollHup)
		p.one("stream, peer shut, OUT", s, pollOut, pollOut)
		p.one("stream, peer shut, nothing asked for", s, 0, 0)
	}
	s, o := p.socketpair(guestSockStream)
	p.close(o)
	p.one("stream, peer closed", s, pollIn, pollIn|pollHup)
	p.one("stream, peer closed, OUT", s, pollOut, pollHup)

	// Never connected: ready for nothing, though Linux reports a hang-up.
	l, sa := p.listener()
	for _, domain := range []uint64{guestAfInet, guestAfUnix} {
		c := p.socket(domain, guestSockStream)
		p.one("unconnected", c, pollIn|pollOut|pollHup, 0)
		p.poll("unconnected, wait", 10, 0, gpollfd{int32(c), pollIn | pollOut, 0})
	}
	gone := p.socket(guestAfInet, guestSockStream)
	r, w := p.pipe()
	p.later(func() { syscall.Close(gone); syscall.Write(w, b[:1]) }) // its knotes go
	p.poll("unconnected, closed while it waits", -1, 1, gpollfd{int32(gone), pollIn | pollOut, 0}, gpollfd{int32(r), pollIn, pollIn})
	p.one("listener", l, pollIn|pollOut, 0)
	c := p.socket(guestAfInet, guestSockStream)
	p.later(func() {
		h := syscall.RawSockaddrInet4{Family: syscall.AF_INET, Port: uint16(sa[2]) | uint16(sa[3])<<8, Addr: [4]byte{127, 0, 0, 1}}
		syscall.RawSyscall(syscall.SYS_CONNECT, uintptr(c), uintptr(unsafe.Pointer(&h)), 16)
	})
	p.poll("unconnected, connects", -1, 1, gpollfd{int32(c), pollIn | pollOut, pollOut})
	p.poll("listener, connection", -1, 1, gpollfd{int32(l), pollIn | pollOut, pollIn})
	u := p.socket(guestAfInet, guestSockDgram)
	p.one("UDP", u, pollIn|pollOut, pollOut)

	// Urgent data: bsd/kern/uipc_socket.c:filt_soread, filt_sorattach.
	s, o = p.tcp()
	p.write(o, "x")
	p.poll("TCP, data", -1, 1, gpollfd{int32(s), pollIn, pollIn})
	p.one("TCP, data, PRI", s, pollPri, 0)
	switch {
	case p.r <= XNU2422 || p.r >= XNU6153: // it is not looked at, or not for long
		p.poll("TCP, data, PRI, wait", 10, 0, gpollfd{int32(s), pollPri, 0})
	default: // the knote has fired, and poll returns with nothing
		p.poll("TCP, data, PRI, wait", -1, 0, gpollfd{int32(s), pollPri, 0})
	}
	call(p.T, p.th, sysRecvfrom, 0, uint64(s), gp(&b), 1, 0, 0, 0)
	call(p.T, p.th, sysSendto, 0, uint64(o), gp(&b), 1, uint64(msgOob), 0, 0)
	if p.r <= XNU3248 {
		p.poll("TCP, urgent data", -1, 1, gpollfd{int32(s), pollPri | pollRdband, pollPri | pollRdband})
	}
	p.close(o)
	want := pollPri | pollHup
	if p.r == XNU2782 || p.r == XNU3248 {
		want = pollPri // what is asked for comes first
	}
	for pollNow(int32(s), linuxRdhup)&linuxRdhup == 0 {
		time.Sleep(time.Millisecond)
	}
	p.one("TCP, urgent data and end, PRI", s, pollPri, want)
}

func (p *pollTest) files() {
	dir := p.TempDir()
	f := p.open(dir+"/f", syscall.O_RDWR|syscall.O_CREAT)
	p.one("file, at its end", f, pollIn, pollIn)
	p.one("file, PRI", f, pollPri, pollPri)
	p.poll("file, IN and OUT", -1, sinceRelease[uint64](p.r, XNU2050, 1, 2), gpollfd{int32(f), pollIn | pollOut, pollIn | pollOut})
	p.one("directory", p.open(dir, 0), pollIn, pollNval)
	p.one("directory, OUT", p.open(dir, 0), pollOut, pollNval)
	p.one("directory, nothing asked for", p.open(dir, 0), 0, 0)
	for _, dev := range []string{"/dev/null", "/dev/random"} {
		p.one(dev, p.open(dev, 0), pollIn, pollNval)
	}
	// Changes of files, by EVFILT_VNODE.
	p.one("file, WRITE", f, pollWrite|pollExtend, 0)
	p.one("pipe, WRITE", func() int { r, _ := p.pipe(); return r }(), pollWrite, pollNval)
	p.later(func() { syscall.Write(f, []byte("x")) })
	p.poll("file, WRITE and EXTEND", -1, 1, gpollfd{int32(f), pollWrite | pollExtend | pollNlink, pollWrite | pollExtend})
	p.later(func() { os.Link(dir+"/f", dir+"/g") })
	p.poll("directory, WRITE", -1, 1, gpollfd{int32(p.open(dir, 0)), pollWrite, pollWrite})

	kq := call(p.T, p.th, sysKqueue, 0)
	p.one("kqueue, empty", int(kq), pollIn, 0)
	p.one("kqueue, OUT", int(kq), pollOut, pollNval)
	ev := gkev{id: 1, filter: evfiltUser, flags: evAdd, fflags: noteTrigger}
	call(p.T, p.th, sysKevent, 0, kq, gp(&ev), 1, 0, 0, 0)
	p.one("kqueue", int(kq), pollIn, pollIn)
	p.close(int(kq))

	m := p.open("/dev/ptmx", syscall.O_RDWR|syscall.O_NOCTTY)
	call(p.T, p.th, sysIoctl, 0, uint64(m), 0x20007452)
	n, _ := ioctlInt(int32(m), linuxTiocgptn)
	s := p.open("/dev/pts/"+itoa(int(n)), syscall.O_RDWR|syscall.O_NOCTTY)
	p.one("terminal", s, pollIn|pollOut, pollOut)
	p.write(m, "x\n")
	p.poll("terminal, line", -1, 1, gpollfd{int32(s), pollIn, pollIn})
	p.close(s)
	p.poll("master without slave", -1, 1, gpollfd{int32(m), pollIn, pollIn | pollHup})
}

// arrays: what entries do to each other.
func (p *pollTest) arrays() {
	r, w := p.pipe()
	r2, w2 := p.pipe()
	p.close(r2)
	p.close(w2)
	p.write(w, "x")
	fd, gone := int32(r), int32(r2)
	p.poll("ready and closed", -1, sinceRelease[uint64](p.r, XNU3789, 2, 1),
		gpollfd{fd, pollIn, sinceRelease(p.r, XNU3789, pollIn, 0)}, gpollfd{gone, pollIn, pollNval})
	p.poll("not ready and closed", -1, 1, gpollfd{int32(w), pollIn, 0}, gpollfd{gone, pollIn, pollNval})
	p.poll("closed, twice", -1, 2, gpollfd{gone, pollIn, pollNval}, gpollfd{gone, pollOut, pollNval})
	p.poll("twice the same", -1, 1, gpollfd{fd, pollIn, 0}, gpollfd{fd, pollRdnorm, pollRdnorm}) // one knote
	a, b := p.socketpair(guestSockStream)
	p.write(b, "x")
	p.poll("two filters", -1, 2, gpollfd{int32(a), pollIn, pollIn}, gpollfd{int32(a), pollOut, pollOut})
	many := make([]gpollfd, pollInline+30)
	for i := range many {
		many[i] = gpollfd{fd, pollIn, 0}
	}
	many[len(many)-1].revents = pollIn
	p.poll("many", -1, 1, many...)
	call(p.T, p.th, sysPoll, EINVAL, gp(&many[0]), openMax+1, 0)
	call(p.T, p.th, sysPoll, EFAULT, 0, 1, 0)
	if p.r < XNU6153 {
		call(p.T, p.th, sysPoll, EINVAL, gp(&many[0]), 1, uint64(1<<32-2))
	}
	if n := call(p.T, p.th, sysPoll, 0, 0, 0, 1); n != 0 {
		p.Errorf("poll of nothing: %d", n)
	}
}

// selectOne asks select about one descriptor; ms < 0 waits forever.
func (p *pollTest) selectOne(fd, ms int) string {
	p.Helper()
	var sets [3]selectSet
	for k := range sets {
		sets[k][fd/32] |= 1 << (fd % 32)
	}
	var tv *[2]int64
	if ms >= 0 {
		tv = &[2]int64{0, int64(ms) * 1000}
	}
	n := call(p.T, p.th, sysSelect, 0, uint64(fd+1), gp(&sets[0]), gp(&sets[1]), gp(&sets[2]), gp(tv))
	var s strings.Builder
	for k, c := range "rwx" {
		if sets[k].has(fd) {
			s.WriteRune(c)
			n--
		}
	}
	if n != 0 {
		p.Errorf("descriptor %d: the result is %d off the bits %q", fd, int64(n), s.String())
	}
	return s.String()
}

func (p *pollTest) sel(what string, fd, ms int, want string) {
	p.Helper()
	if s := p.selectOne(fd, ms); s != want {
		p.Errorf("%s: %q, want %q", what, s, want)
	}
}

// TestSelectStates is bsd/kern/sys_generic.c:selscan and the select functions of
// each kind of file (soo_select, pipe_select, fifo_select).
func TestSelectStates(t *testing.T) {
	p := &pollTest{t, guestThread(t, XNU11417), XNU11417}
	r, w := p.pipe()
	p.sel("pipe, empty", r, 0, "")
	p.sel("pipe, room", w, -1, "w")
	p.write(w, "x")
	p.sel("pipe, data", r, -1, "r")
	p.close(w)
	p.sel("pipe, data and end", r, -1, "r")
	r, w = p.pipe()
	p.close(r)
	if s := p.selectOne(w, -1); !strings.Contains(s, "w") {
		p.Errorf("pipe, no reader: %q, want w", s)
	}
	p.sel("file", p.open(t.TempDir()+"/f", syscall.O_RDWR|syscall.O_CREAT), -1, "rw")
	s, o := p.socketpair(guestSockStream)
	p.sel("socket", s, -1, "w")
	p.shutdown(o, syscall.SHUT_WR)
	p.sel("socket, peer shut", s, -1, "rw")
	c := p.socket(guestAfInet, guestSockStream)
	p.sel("unconnected", c, 0, "")
	p.sel("unconnected, wait", c, 10, "")
	l, sa := p.listener()
	p.sel("listener", l, 0, "")
	p.later(func() {
		h := syscall.RawSockaddrInet4{Family: syscall.AF_INET, Port: uint16(sa[2]) | uint16(sa[3])<<8, Addr: [4]byte{127, 0, 0, 1}}
		syscall.RawSyscall(syscall.SYS_CONNECT, uintptr(c), uintptr(unsafe.Pointer(&h)), 16)
	})
	p.sel("unconnected, connects", c, -1, "w")
	p.sel("listener, connection", l, -1, "r")

	// The sets have 32-bit words, and no more of them than there are descriptors.
	set := [2]uint32{1 << 3, 0x12345678}
	tv := [2]int64{}
	p.close(w)
	set[0] = 1 << w
	if w < 32 {
		call(t, p.th, sysSelect, EBADF, uint64(w+1), gp(&set), 0, 0, gp(&tv))
		set[0] = 1 << c
		if n := call(t, p.th, sysSelect, 0, 32, 0, gp(&set), 0, gp(&tv)); n != 1 || set != [2]uint32{1 << c, 0x12345678} {
			t.Errorf("select: %d %#x", n, set)
		}
	}
	call(t, p.th, sysSelect, EFAULT, 32, 1, 0, 0, gp(&tv))
	call(t, p.th, sysSelect, EINVAL, minus1(), 0, 0, 0, gp(&tv))
	if n := call(t, p.th, sysSelect, 0, 0, 0, 0, 0, gp(&tv)); n != 0 {
		t.Errorf("select of nothing: %d", n)
	}
}
