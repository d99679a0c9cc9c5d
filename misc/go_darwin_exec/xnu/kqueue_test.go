// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// gkev is struct kevent of a 64-bit guest.
type gkev struct {
	id     uint64
	filter int16  // evfilt
	flags  uint16 // ev
	fflags uint32 // note
	data   int64
	udata  uint64
}

type kqTest struct {
	*testing.T
	th *Thread
	kq uint64
}

func newKq(t *testing.T, r Release) *kqTest {
	th := guestThread(t, r)
	k := &kqTest{t, th, call(t, th, sysKqueue, 0)}
	t.Cleanup(func() { closeFD(t, th, k.kq) })
	return k
}

// change applies changes without room for events.
func (k *kqTest) change(want Errno, ev ...gkev) {
	k.Helper()
	call(k.T, k.th, sysKevent, want, k.kq, gp(&ev[0]), uint64(len(ev)), 0, 0, 0)
}

// wait collects events for at most d.
func (k *kqTest) wait(d time.Duration, max int) []gkev {
	k.Helper()
	ts := [2]int64{int64(d / time.Second), int64(d % time.Second)}
	out := make([]gkev, max+1)
	n := call(k.T, k.th, sysKevent, 0, k.kq, 0, 0, gp(&out[0]), uint64(max), gp(&ts))
	return out[:n]
}

// expect polls and wants exactly one event.
func (k *kqTest) expect(ident uint64, filter int16, flags uint16, fflags uint32, data int64) gkev {
	k.Helper()
	ev := k.wait(time.Minute, 8)
	if len(ev) != 1 || ev[0].id != ident || ev[0].filter != filter || ev[0].flags&^(evAdd|evClear|evOneshot|evDispatch|evReceipt) != flags ||
		ev[0].fflags != fflags || data >= 0 && ev[0].data != data {
		k.Fatalf("events %+v, want {%d %d flags %#x fflags %#x data %d}", ev, ident, filter, flags, fflags, data)
	}
	return ev[0]
}

// vnodes polls and wants these EVFILT_VNODE events, in any order.
func (k *kqTest) vnodes(want map[uint64]uint32) {
	k.Helper()
	have := map[uint64]uint32{}
	for range len(want) {
		for _, ev := range k.wait(time.Minute, 8) {
			have[ev.id] |= ev.fflags
		}
		if len(have) == len(want) {
			break
		}
	}
	if !maps.Equal(have, want) {
		k.Fatalf("events %#x, want %#x", have, want)
	}
}

func (k *kqTest) none() {
	k.Helper()
	if ev := k.wait(0, 8); len(ev) != 0 {
		k.Fatalf("events %+v, want none", ev)
	}
}

func pipe(t *testing.T) (r, w uint64) {
	var p [2]int
	if err := syscall.Pipe2(p[:], syscall.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	return uint64(p[0]), uint64(p[1])
}

func (k *kqTest) socketpair() (a, b uint64) {
	k.Helper()
	var p [2]int32
	call(k.T, k.th, sysSocketpair, 0, guestAfUnix, guestSockStream, 0, gp(&p))
	return uint64(p[0]), uint64(p[1])
}

func write(t *testing.T, fd uint64, s string) {
	t.Helper()
	if _, err := syscall.Write(int(fd), []byte(s)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, fd uint64, n int) {
	t.Helper()
	if m, err := syscall.Read(int(fd), make([]byte, n)); err != nil || m != n {
		t.Fatalf("read: %d, %v", m, err)
	}
}

// TestKqueueClear: edge-triggered, new data reports anew even if the old has
// not been read.
func TestKqueueClear(t *testing.T) {
	k := newKq(t, XNU11215)
	a, b := k.socketpair()
	defer closeFD(t, k.th, b)
	defer closeFD(t, k.th, a)
	k.change(0, gkev{id: a, filter: evfiltRead, flags: evAdd | evClear, udata: 42},
		gkev{id: a, filter: evfiltWrite, flags: evAdd | evClear, udata: 42})
	if ev := k.expect(a, evfiltWrite, 0, 0, -1); ev.udata != 42 {
		t.Errorf("udata %d", ev.udata)
	}
	k.none()
	write(t, b, "hello")
	k.expect(a, evfiltRead, 0, 0, 5) // and no EVFILT_WRITE with it
	k.none()
	read(t, a, 2)
	k.none()
	write(t, b, "!")
	k.expect(a, evfiltRead, 0, 0, 4)
	read(t, a, 4)
	k.none()
	syscall.Shutdown(int(b), syscall.SHUT_WR)
	// Linux wakes those who wait to write as well.
	eof := false
	for _, ev := range k.wait(time.Minute, 8) {
		eof = eof || ev.filter == evfiltRead && ev.flags&evEOF != 0
	}
	if !eof {
		t.Error("no EV_EOF")
	}
	k.none()
}

// TestKqueueLevel: without EV_CLEAR the event comes again until it is read.
func TestKqueueLevel(t *testing.T) {
	k := newKq(t, XNU11215)
	r, w := pipe(t)
	defer closeFD(t, k.th, r)
	k.change(0, gkev{id: r, filter: evfiltRead, flags: evAdd})
	k.none()
	write(t, w, "abc")
	k.expect(r, evfiltRead, 0, 0, 3)
	k.expect(r, evfiltRead, 0, 0, 3)
	read(t, r, 3)
	k.none()
	closeFD(t, k.th, w)
	k.expect(r, evfiltRead, evEOF, 0, 0)
	k.expect(r, evfiltRead, evEOF, 0, 0)
}

// TestKqueueShutdown: the program's own end of writing is an event, too.
func TestKqueueShutdown(t *testing.T) {
	k := newKq(t, XNU11215)
	a, b := k.socketpair()
	defer closeFD(t, k.th, a)
	defer closeFD(t, k.th, b)
	k.change(0, gkev{id: a, filter: evfiltWrite, flags: evAdd | evClear})
	k.expect(a, evfiltWrite, 0, 0, -1)
	k.none()
	call(t, k.th, sysShutdown, 0, a, syscall.SHUT_WR)
	k.expect(a, evfiltWrite, evEOF, 0, -1)
	k.none()
}

func TestKqueueLowat(t *testing.T) {
	k := newKq(t, XNU11215)
	a, b := k.socketpair()
	defer closeFD(t, k.th, a)
	defer closeFD(t, k.th, b)
	k.change(0, gkev{id: a, filter: evfiltRead, flags: evAdd, fflags: noteLowat, data: 4})
	write(t, b, "abc")
	k.none()
	k.none()
	write(t, b, "d")
	k.expect(a, evfiltRead, 0, 0, 4)
	k.expect(a, evfiltRead, 0, 0, 4)
	read(t, a, 1)
	k.none()
	write(t, b, "ef")
	k.expect(a, evfiltRead, 0, 0, 5)
}

func TestKqueueOneshotDispatch(t *testing.T) {
	k := newKq(t, XNU11215)
	r, w := pipe(t)
	defer closeFD(t, k.th, r)
	defer closeFD(t, k.th, w)
	write(t, w, "x")
	k.change(0, gkev{id: r, filter: evfiltRead, flags: evAdd | evOneshot})
	k.expect(r, evfiltRead, 0, 0, 1)
	k.none()
	k.change(ENOENT, gkev{id: r, filter: evfiltRead, flags: evDelete})

	k.change(0, gkev{id: r, filter: evfiltRead, flags: evAdd | evDispatch})
	k.expect(r, evfiltRead, 0, 0, 1)
	k.none()
	k.change(0, gkev{id: r, filter: evfiltRead, flags: evEnable})
	k.expect(r, evfiltRead, 0, 0, 1)
	k.change(0, gkev{id: r, filter: evfiltRead, flags: evDelete})

	k.change(0, gkev{id: r, filter: evfiltRead, flags: evAdd | evDisable})
	k.none()
	k.change(0, gkev{id: r, filter: evfiltRead, flags: evEnable})
	k.expect(r, evfiltRead, 0, 0, 1)
	k.change(0, gkev{id: r, filter: evfiltRead, flags: evDisable})
	k.none()
}

// TestKqueueErrors: a failed change is an event if there is room, and the
// result of the call if not (xnu-11417
// bsd/kern/kern_event.c:kevent_internal).
func TestKqueueErrors(t *testing.T) {
	for _, r := range []Release{XNU1504, XNU11215} {
		t.Run("xnu-"+itoa(int(r)), func(t *testing.T) {
			k := newKq(t, r)
			bad := gkev{id: 3999, filter: evfiltRead, flags: evAdd, udata: 7}
			k.change(EBADF, bad)
			k.change(EINVAL, gkev{id: 1, filter: 3, flags: evAdd})
			k.change(EINVAL, gkev{id: 1, filter: -40, flags: evAdd})
			k.change(EINVAL, gkev{id: 99, filter: evfiltSignal, flags: evAdd})
			k.change(ENOENT, gkev{id: 5, filter: evfiltUser})
			k.change(ESRCH, gkev{id: 1<<31 - 2, filter: evfiltProc, flags: evAdd, fflags: noteExit})
			var out [2]gkev
			in := []gkev{bad, {id: 9, filter: evfiltUser, flags: evAdd | evReceipt, udata: 8}, bad}
			call(t, k.th, sysKevent, EBADF, k.kq, gp(&in[0]), 3, gp(&out), 2, 0)
			n := call(t, k.th, sysKevent, 0, k.kq, gp(&in[0]), 2, gp(&out), 2, 0)
			fl := []uint16{evError | evAdd, evError | evAdd | evReceipt}
			if r == XNU1504 {
				fl = []uint16{evError, evError}
			}
			if n != 2 || out[0] != (gkev{3999, evfiltRead, fl[0], 0, int64(EBADF), 7}) || out[1] != (gkev{9, evfiltUser, fl[1], 0, 0, 8}) {
				t.Errorf("%d: %d events %+v", r, n, out)
			}
			ts := [2]int64{0, 1e9}
			call(t, k.th, sysKevent, EINVAL, k.kq, 0, 0, gp(&out), 2, gp(&ts))
			call(t, k.th, sysKevent, EFAULT, k.kq, 8, 1, gp(&out), 2, 0)
			call(t, k.th, sysKevent, EBADF, 0, 0, 0, gp(&out), 2, 0)
			var big [48]byte
			call(t, k.th, sysKevent64, EINVAL, k.kq, gp(&big), 1, 0, 0, 0, 0) // bound to kevent
		})
	}
}

func TestKqueueUser(t *testing.T) {
	k := newKq(t, XNU11215)
	const id = 0xdeadbeef
	k.change(0, gkev{id: id, filter: evfiltUser, flags: evAdd | evClear, fflags: 5})
	k.none()
	trigger := gkev{id: id, filter: evfiltUser, fflags: noteTrigger | noteFFor | 2, data: 3}
	k.change(0, trigger)
	k.expect(id, evfiltUser, 0, 7, 3)
	k.none()
	// From another thread, while this one waits.
	go func() {
		time.Sleep(20 * time.Millisecond)
		kq := kqueueOf(int32(k.kq))
		kq.mu.Lock()
		kq.change(k.th, &kevent{ident: id, filter: evfiltUser, fflags: noteTrigger})
		kq.mu.Unlock()
	}()
	k.expect(id, evfiltUser, 0, 7, 0)
	k.none()
	// Without EV_CLEAR it stays triggered.
	k.change(0, gkev{id: 1, filter: evfiltUser, flags: evAdd, fflags: noteTrigger})
	k.expect(1, evfiltUser, 0, 0, 0)
	k.expect(1, evfiltUser, 0, 0, 0)
	k.change(0, gkev{id: 1, filter: evfiltUser, flags: evDelete})
	k.none()
	// More events than room: the others come with the next call.
	for i := range 5 {
		k.change(0, gkev{id: uint64(100 + i), filter: evfiltUser, flags: evAdd | evOneshot, fflags: noteTrigger})
	}
	for i := range 5 {
		if ev := k.wait(time.Minute, 1); len(ev) != 1 || ev[0].id != uint64(100+i) {
			t.Fatalf("event %d: %+v", i, ev)
		}
	}
	k.none()
}

func TestKqueueTimer(t *testing.T) {
	k := newKq(t, XNU11215)
	start := time.Now()
	k.change(0, gkev{id: 1, filter: evfiltTimer, flags: evAdd | evOneshot, data: 5}) // ms
	k.expect(1, evfiltTimer, 0, 0, 1)
	if d := time.Since(start); d < 5*time.Millisecond {
		t.Errorf("after %v", d)
	}
	k.none()
	k.change(0, gkev{id: 2, filter: evfiltTimer, flags: evAdd, fflags: noteUseconds, data: 2000})
	time.Sleep(15 * time.Millisecond)
	if ev := k.expect(2, evfiltTimer, 0, 0, -1); ev.data < 3 {
		t.Errorf("%d expirations in 15 ms of a period of 2 ms", ev.data)
	}
	k.change(0, gkev{id: 2, filter: evfiltTimer, flags: evDelete})
	k.none()
	past := time.Now().Add(-time.Second).UnixNano()
	k.change(0, gkev{id: 3, filter: evfiltTimer, flags: evAdd, fflags: noteAbsolute | noteNseconds, data: past})
	k.expect(3, evfiltTimer, 0, 0, 1)
	k.change(ENOENT, gkev{id: 3, filter: evfiltTimer, flags: evDelete}) // absolute ones are oneshot
	k.change(EINVAL, gkev{id: 4, filter: evfiltTimer, flags: evAdd, fflags: noteSeconds | noteUseconds, data: 1})
}

func TestKqueueVnode(t *testing.T) {
	k := newKq(t, XNU11215)
	name := filepath.Join(t.TempDir(), "f")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	fd := uint64(f.Fd())
	const all = noteDelete | noteWrite | noteExtend | noteAttrib | noteLink | noteRename
	k.change(0, gkev{id: fd, filter: evfiltVnode, flags: evAdd | evClear, fflags: all})
	k.none()
	f.WriteString("x")
	k.expect(fd, evfiltVnode, 0, noteWrite|noteExtend, 0)
	f.WriteAt([]byte("y"), 0)
	k.expect(fd, evfiltVnode, 0, noteWrite, 0)
	os.Chmod(name, 0600)
	k.expect(fd, evfiltVnode, 0, noteAttrib, 0)
	os.Rename(name, name+"2")
	k.expect(fd, evfiltVnode, 0, noteRename, 0)
	f.Truncate(0)
	k.expect(fd, evfiltVnode, 0, noteAttrib, 0)
	f.WriteAt([]byte("z"), 0)
	k.expect(fd, evfiltVnode, 0, noteWrite|noteExtend, 0)
	os.Link(name+"2", name+"3")
	k.expect(fd, evfiltVnode, 0, noteLink, 0)
	os.Remove(name + "3")
	k.expect(fd, evfiltVnode, 0, noteDelete|noteLink, 0)
	os.Remove(name + "2")
	k.expect(fd, evfiltVnode, 0, noteDelete|noteLink, 0)
	k.none()

	// Reading a regular file: the bytes to its end; at the end, nothing.
	k.change(0, gkev{id: fd, filter: evfiltRead, flags: evAdd})
	k.none() // the offset is at the end
	f.Seek(0, 0)
	k.change(0, gkev{id: fd, filter: evfiltRead, flags: evAdd})
	k.expect(fd, evfiltRead, 0, 0, 1)
	fdClosed(int(fd))
	f.Close()
	k.none()
}

// TestKqueueVnodeDirectory watches a directory that is moved and removed, and the one around it.
func TestKqueueVnodeDirectory(t *testing.T) {
	k := newKq(t, XNU11215)
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	os.Mkdir(name, 0o777)
	os.Mkdir(name+"/sub", 0o777)
	os.Mkdir(dir+"/other", 0o777)
	open := func(name string) uint64 {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			fdClosed(int(f.Fd()))
			f.Close()
		})
		return uint64(f.Fd())
	}
	fd, sub, other := open(name), open(name+"/sub"), open(dir+"/other")
	const all = noteDelete | noteWrite | noteAttrib | noteRename
	for _, id := range []uint64{fd, sub, other} {
		k.change(0, gkev{id: id, filter: evfiltVnode, flags: evAdd | evClear, fflags: all})
	}
	k.none()
	os.WriteFile(name+"/f", nil, 0o666)
	k.expect(fd, evfiltVnode, 0, noteWrite, 0)
	os.WriteFile(name+"/f", []byte("x"), 0o666)
	os.Chmod(name+"/f", 0o600)
	k.none() // the file's affair
	os.Remove(name + "/f")
	k.expect(fd, evfiltVnode, 0, noteWrite, 0)
	os.Chmod(name, 0o700)
	k.expect(fd, evfiltVnode, 0, noteAttrib, 0)
	os.Rename(name+"/sub", dir+"/other/sub")
	k.vnodes(map[uint64]uint32{fd: noteWrite, other: noteWrite, sub: noteRename})
	k.none()
	os.Rename(name, dir+"/b")
	k.expect(fd, evfiltVnode, 0, noteRename, 0)
	os.Remove(dir + "/b")
	k.expect(fd, evfiltVnode, 0, noteDelete, 0)
	os.Remove(dir + "/other/sub")
	k.vnodes(map[uint64]uint32{other: noteWrite, sub: noteDelete})
	os.WriteFile(dir+"/other/f", nil, 0o666)
	os.RemoveAll(dir + "/other")
	k.expect(other, evfiltVnode, 0, noteWrite|noteDelete, 0)
	k.none()
}

func TestKqueueProc(t *testing.T) {
	k := newKq(t, XNU11215)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", "read x; exit 7"}, &os.ProcAttr{Files: []*os.File{r}})
	if err != nil {
		t.Skip(err)
	}
	r.Close()
	pid := uint64(p.Pid)
	k.change(ENOTSUP, gkev{id: pid, filter: evfiltProc, flags: evAdd, fflags: noteTrack})
	k.change(0, gkev{id: pid, filter: evfiltProc, flags: evAdd, fflags: noteExit | noteExitStatus})
	k.none()
	w.Close()
	k.expect(pid, evfiltProc, evEOF, noteExit|noteExitStatus, 7<<8)
	k.none()
	k.change(ESRCH, gkev{id: pid, filter: evfiltProc, flags: evAdd, fflags: noteExit}) // a zombie
	p.Wait()
}

func TestKqueueSignal(t *testing.T) {
	k := newKq(t, XNU11215)
	k.change(0, gkev{id: SIGWINCH, filter: evfiltSignal, flags: evAdd})
	k.th.p.lock()
	for range 3 {
		k.th.p.sigKnote(k.th.p, SIGWINCH)
		k.th.p.sigKnote(k.th.p, SIGINFO)
	}
	k.th.p.unlock()
	k.expect(SIGWINCH, evfiltSignal, 0, 0, 3)
	k.none()
}

// TestKqueueClose: closing a descriptor removes its knotes, even if a
// duplicate keeps the file open; the number can be used anew.
func TestKqueueClose(t *testing.T) {
	k := newKq(t, XNU11215)
	a, b := k.socketpair()
	d := call(t, k.th, sysDup, 0, a)
	k.change(0, gkev{id: a, filter: evfiltRead, flags: evAdd | evClear},
		gkev{id: a, filter: evfiltWrite, flags: evAdd | evClear})
	closeFD(t, k.th, a)
	write(t, b, "x")
	k.none()
	r, w := pipe(t)
	if r != a {
		t.Fatalf("the number %d was not used again: %d", a, r)
	}
	k.change(ENOENT, gkev{id: r, filter: evfiltRead, flags: evDelete})
	k.change(0, gkev{id: r, filter: evfiltRead, flags: evAdd | evClear, udata: 5})
	write(t, w, "yy")
	if ev := k.expect(r, evfiltRead, 0, 0, 2); ev.udata != 5 {
		t.Errorf("udata %d", ev.udata)
	}
	for _, fd := range []uint64{b, d, r, w} {
		closeFD(t, k.th, fd)
	}
	k.none()
	kq := kqueueOf(int32(k.kq))
	for i := 1; i < len(kq.knotes); i++ {
		if kq.knotes[i].gen != 0 {
			t.Errorf("knote %d is left: %+v", i, kq.knotes[i])
		}
	}
}

// TestKqueueConflict: two filters that the host's epoll would join.
func TestKqueueConflict(t *testing.T) {
	k := newKq(t, XNU11215)
	a, b := k.socketpair()
	defer closeFD(t, k.th, b)
	k.change(0, gkev{id: a, filter: evfiltRead, flags: evAdd | evClear},
		gkev{id: a, filter: evfiltExcept, flags: evAdd | evClear, fflags: noteOOB},
		gkev{id: a, filter: evfiltRead, flags: evAdd | evUdataSpecific, udata: 1},
		gkev{id: a, filter: evfiltRead, flags: evAdd | evUdataSpecific, udata: 2})
	k.none()
	write(t, b, "x")
	seen := map[uint64]bool{}
	for _, ev := range k.wait(time.Minute, 8) {
		seen[ev.udata] = true
	}
	if len(seen) != 3 {
		t.Errorf("events for udata %v, want 0, 1, 2", seen)
	}
	before := openFDs(t)
	closeFD(t, k.th, a)
	if n := before - openFDs(t); n != 4 {
		t.Errorf("close freed %d descriptors, want the one and three hidden duplicates", n)
	}
	k.none()
}

func openFDs(t *testing.T) int {
	l, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(l)
}

// TestKqueueNested: a kqueue can be watched by another, and closing one frees
// all that belongs to it.
func TestKqueueNested(t *testing.T) {
	k := newKq(t, XNU11215)
	before := openFDs(t)
	in := call(t, k.th, sysKqueue, 0)
	k.change(0, gkev{id: in, filter: evfiltRead, flags: evAdd})
	k.change(EINVAL, gkev{id: in, filter: evfiltWrite, flags: evAdd})
	k.none()
	ev := gkev{id: 1, filter: evfiltUser, flags: evAdd | evClear, fflags: noteTrigger}
	call(t, k.th, sysKevent, 0, in, gp(&ev), 1, 0, 0, 0)
	k.expect(in, evfiltRead, 0, 0, 1)
	var out gkev
	if n := call(t, k.th, sysKevent, 0, in, 0, 0, gp(&out), 1, 0); n != 1 {
		t.Fatalf("%d events", n)
	}
	k.none()
	d := call(t, k.th, sysDup, 0, in)
	closeFD(t, k.th, in)
	call(t, k.th, sysKevent, 0, d, gp(&ev), 1, 0, 0, 0) // still there under the other name
	closeFD(t, k.th, d)
	call(t, k.th, sysKevent, EBADF, d, gp(&ev), 1, 0, 0, 0)
	if n := openFDs(t); n != before {
		t.Errorf("%d descriptors open, were %d", n, before)
	}
}

// TestKqueueUnconnected: a socket that is not connected is neither readable
// nor writable, though Linux reports a hang-up; and it does not spin.
func TestKqueueUnconnected(t *testing.T) {
	k := newKq(t, XNU11215)
	l := call(t, k.th, sysSocket, 0, guestAfInet, guestSockStream, 0)
	sa := [16]byte{0, guestAfInet, 0, 0, 127, 0, 0, 1}
	call(t, k.th, sysBind, 0, l, gp(&sa), 16)
	call(t, k.th, sysListen, 0, l, 5)
	n := uint32(16)
	call(t, k.th, sysGetsockname, 0, l, gp(&sa), gp(&n))
	c := call(t, k.th, sysSocket, 0, guestAfInet, guestSockStream, 0)
	for _, fl := range []uint16{evAdd, evAdd | evClear} {
		k.change(0, gkev{id: c, filter: evfiltRead, flags: fl}, gkev{id: c, filter: evfiltWrite, flags: fl})
		k.none()
		if ev := k.wait(10*time.Millisecond, 4); len(ev) != 0 {
			t.Fatalf("%+v", ev)
		}
		if fl == evAdd {
			k.change(0, gkev{id: c, filter: evfiltRead, flags: evDelete}, gkev{id: c, filter: evfiltWrite, flags: evDelete})
		}
	}
	k.change(0, gkev{id: l, filter: evfiltRead, flags: evAdd})
	call(t, k.th, sysConnect, 0, c, gp(&sa), 16)
	seen := map[int16]int64{}
	for range 2 { // the two need not come at once
		if len(seen) < 2 {
			for _, ev := range k.wait(time.Minute, 4) {
				seen[ev.filter] = ev.data
			}
		}
	}
	if len(seen) != 2 || seen[evfiltRead] != 1 { // the listener's queue has one
		t.Errorf("after connect: %v", seen)
	}
	closeFD(t, k.th, c)
	closeFD(t, k.th, l)
}

func BenchmarkKeventPoll(b *testing.B) {
	var t testing.T
	th := guestThread(&t, XNU11215)
	kq, _ := sysKqueue(th, &args{})
	ev := make([]gkev, 64)
	ts := new([2]int64)
	a := &args{kq, 0, 0, gp(&ev[0]), 64, gp(ts)}
	b.ReportAllocs()
	for b.Loop() {
		sysKevent(th, a)
	}
	sysClose(th, &args{kq})
}
