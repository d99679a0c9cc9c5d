// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"goxnu/misc/go_darwin_exec/internal/testguest"
)

// held is gp for what a table of calls refers to by number only, which the
// garbage collector does not see.
func held[T any](p *T) uint64 {
	heldObjects = append(heldObjects, p)
	return gp(p)
}

var heldObjects []any

func heldPath(name string) uint64 {
	b := append([]byte(name), 0)
	return held(&b[0])
}

// A signalCall is a call that is made when a signal has come already.
type signalCall struct {
	name string
	h    handler
	args func() *args
}

// readyCalls find at once what they ask for; waitingCalls would sleep.
func (p *pollTest) readyCalls() (ready, waiting []signalCall) {
	t := p.T
	buf := new([4096]byte)
	iov := &[1][2]uint64{{held(buf), 1}}
	msg := new([48]byte)
	putUint64(msg[16:], held(iov))
	putUint32(msg[24:], 1)
	add := func(list *[]signalCall, name string, h handler, f func() *args) {
		*list = append(*list, signalCall{name, h, f})
	}
	just := func(a ...uint64) func() *args {
		return func() *args {
			var ar args
			copy(ar[:], a)
			return &ar
		}
	}
	readyDo := func(name string, h handler, do func(), a ...uint64) {
		add(&ready, name, h, func() *args { do(); return just(a...)() })
	}
	now := func(name string, h handler, a ...uint64) { add(&ready, name, h, just(a...)) }
	wait := func(name string, h handler, a ...uint64) { add(&waiting, name, h, just(a...)) }
	block := func(fd int) int { syscall.SetNonblock(fd, false); return fd }

	// Pipes, sockets, terminals: data and room.
	r, w := p.pipe()
	block(r)
	block(w)
	fill := func() { syscall.Write(w, []byte("x")) }
	R, W := uint64(r), uint64(w)
	readyDo("read", sysRead, fill, R, held(buf), 1)
	readyDo("readv", sysReadv, fill, R, held(iov), 1)
	now("write", sysWrite, W, held(buf), 1)
	now("writev", sysWritev, W, held(iov), 1)
	empty, full := p.pipe()
	for {
		if _, err := syscall.Write(full, buf[:]); err != nil {
			break
		}
	}
	none, _ := p.pipe()
	N := uint64(block(none))
	wait("read, nothing", sysRead, N, held(buf), 1)
	wait("readv, nothing", sysReadv, N, held(iov), 1)
	wait("write, no room", sysWrite, uint64(block(full)), held(buf), 4096)
	_ = empty

	a, b := p.socketpair(guestSockStream)
	A := uint64(a)
	send := func() { syscall.Write(b, []byte("x")) }
	readyDo("recvfrom", sysRecvfrom, send, A, held(buf), 1)
	readyDo("recvmsg", sysRecvmsg, send, A, held(msg))
	drain := func() { syscall.Recvfrom(b, make([]byte, 100), syscall.MSG_DONTWAIT) }
	readyDo("sendto", sysSendto, drain, A, held(buf), 1)
	readyDo("sendmsg", sysSendmsg, drain, A, held(msg))
	quiet, _ := p.socketpair(guestSockStream)
	wait("recvfrom, nothing", sysRecvfrom, uint64(quiet), held(buf), 1)
	wait("recvmsg, nothing", sysRecvmsg, uint64(quiet), held(msg))

	// Connections.
	l, sa := p.listener()
	L := uint64(l)
	connect := func() {
		c := call(t, p.th, sysSocket, 0, guestAfInet, guestSockStream, 0)
		call(t, p.th, sysConnect, 0, c, held(sa), 16)
		closeFD(t, p.th, c)
	}
	readyDo("accept", sysAccept, connect, L)
	alone, _ := p.listener()
	wait("accept, nobody", sysAccept, uint64(alone))
	ul := p.socket(guestAfUnix, guestSockStream)
	un := append([]byte{0, guestAfUnix}, "sock\x00"...)
	os.Remove("sock")
	call(t, p.th, sysBind, 0, uint64(ul), held(&un[0]), uint64(len(un)))
	call(t, p.th, sysListen, 0, uint64(ul), 100)
	client := -1
	add(&ready, "connect, unix", sysConnect, func() *args {
		if client >= 0 {
			closeFD(t, p.th, call(t, p.th, sysAccept, 0, uint64(ul)))
			p.close(client)
		}
		client = int(call(t, p.th, sysSocket, 0, guestAfUnix, guestSockStream, 0))
		return just(uint64(client), held(&un[0]), uint64(len(un)))()
	})
	p.Cleanup(func() { syscall.Close(client) })
	udp := p.socket(guestAfInet, guestSockDgram)
	now("connect, UDP", sysConnect, uint64(udp), held(sa), 16)

	// Events.
	fill()
	fds := &[1]gpollfd{{int32(r), pollIn, 0}}
	no := &[1]gpollfd{{int32(none), pollIn, 0}}
	now("poll", sysPoll, held(fds), 1, minus1())
	now("poll, timeout 0", sysPoll, held(no), 1, 0)
	wait("poll, nothing", sysPoll, held(no), 1, minus1())
	set, zero := new(selectSet), new([2]int64)
	bit := func(fd int) func() { return func() { *set = selectSet{}; set[fd/32] |= 1 << (fd % 32) } }
	mask := new(uint32)
	readyDo("select", sysSelect, bit(r), R+1, held(set), 0, 0, 0)
	readyDo("select, timeout 0", sysSelect, bit(none), N+1, held(set), 0, 0, held(zero))
	readyDo("pselect", sysPselect, bit(r), R+1, held(set), 0, 0, 0, held(mask))
	add(&waiting, "select, nothing", sysSelect, func() *args { bit(none)(); return just(N+1, held(set), 0, 0, 0)() })
	for _, k := range []struct {
		name string
		h    handler
		form *keventForm
	}{{"kevent", sysKevent, &plain64}, {"kevent64", sysKevent64, &form64}, {"kevent_qos", sysKeventQos, &qosForm}} {
		in, out := new([keventMaxSize]byte), new([keventMaxSize]byte)
		kq := call(t, p.th, sysKqueue, 0)
		p.own(kq)
		k.form.encode(in[:], &kevent{ident: R, filter: evfiltRead, flags: evAdd})
		call(t, p.th, k.h, 0, kq, held(in), 1, 0, 0)
		now(k.name+", change", k.h, kq, held(in), 1, 0, 0)
		now(k.name, k.h, kq, 0, 0, held(out), 1)
		kq2 := call(t, p.th, sysKqueue, 0)
		p.own(kq2)
		wait(k.name+", nothing", k.h, kq2, 0, 0, held(out), 1)
		if k.name == "kevent" {
			now("kevent, timeout 0", k.h, kq2, 0, 0, held(out), 1, held(zero))
		}
	}

	// Processes.
	child := func() {
		pid, err := syscall.ForkExec("/bin/true", []string{"true"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		// Until it is a zombie.
		var si [128]byte
		if _, _, e := syscall.Syscall6(syscall.SYS_WAITID, 1, uintptr(pid), uintptr(held(&si)), linuxWEXITED|linuxWNOWAIT, 0, 0); e != 0 {
			t.Fatal(e)
		}
	}
	readyDo("wait4", sysWait4, child, minus1(), 0, 0, 0)
	readyDo("waitid", sysWaitid, child, 0, 0, held(buf), wEXITED)
	sleeper, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	p.Cleanup(func() { sleeper.Kill(); sleeper.Wait() })
	wait("wait4, none has ended", sysWait4, uint64(sleeper.Pid), 0, 0, 0)

	// Files.
	os.WriteFile("f", make([]byte, 100), 0o600)
	f := p.open("f", syscall.O_RDWR)
	g := p.open("f", syscall.O_RDWR)
	F := uint64(f)
	const lockEX, lockUN = 2, 8
	now("flock", sysFlock, F, lockEX)
	wait("flock, held", sysFlock, uint64(g), lockEX)
	lock := new([guestFlockSize]byte)
	putUint16(lock[20:], 3)
	now("F_SETLKW", sysFcntl, F, uint64(fSetlkw), held(lock))
	now("pread", sysPread, F, held(buf), 1, 0)
	now("pwrite", sysPwrite, F, held(buf), 1, 0)
	now("fsync", sysFsync, F)
	now("ftruncate", sysFtruncate, F, 100)
	shm := p.open("/dev/shm", syscall.O_RDWR|syscall.O_DIRECTORY|0x410000) // O_TMPFILE: tmpfs looks for signals
	store := &[4]uint64{3 << 32, 0, 64 << 20, 0}                           // F_PEOFPOSMODE, 64 MB
	readyDo("F_PREALLOCATE", sysFcntl, func() { syscall.Ftruncate(shm, 1); syscall.Ftruncate(shm, 0) }, uint64(shm), uint64(fPreallocate), held(store))
	sent := new(int64)
	sink := make([]byte, 1<<16)
	from := p.open("f", syscall.O_RDONLY)
	tcp, peer := p.tcp()
	readyDo("sendfile", sysSendfile, func() { *sent = 100; syscall.Recvfrom(peer, sink, syscall.MSG_DONTWAIT) }, uint64(from), uint64(tcp), 0, held(sent), 0, 0)
	now("read, file", sysRead, F, held(buf), 4096)
	now("access", sysAccess, heldPath("f"), 0)
	readyDo("unlink", sysUnlink, func() { os.WriteFile("u", nil, 0o600) }, heldPath("u"))
	readyDo("mkdir", sysMkdir, func() { os.Remove("d") }, heldPath("d"), 0o700)
	now("getentropy", sysGetentropy, held(buf), 256)
	return ready, waiting
}

// TestReadyCalls: XNU looks for signals where it sleeps (xnu-11417
// bsd/kern/kern_synch.c:_sleep, osfmk/kern/sched_prim.c:thread_mark_wait_locked),
// so one that has come before does not keep a call from what it finds at once,
// and ends one that would have to wait. The signal stays for the return to user mode.
func TestReadyCalls(t *testing.T) {
	chdirTemp(t)
	p := &pollTest{t, guestThread(t, XNU11215), XNU11215}
	ready, waiting := p.readyCalls()
	for _, c := range ready {
		a := c.args()
		p.th.cpu.Kick()
		v, e := c.h(p.th, a)
		p.th.deadline = 0
		if e == 0 && c.name == "accept" {
			p.own(v)
		}
		if e != 0 {
			t.Errorf("%s: %v", c.name, e)
		}
		if !p.th.cpu.TakeKick() {
			t.Errorf("%s: took the kick", c.name)
		}
	}
	for _, c := range waiting {
		a := c.args()
		p.th.cpu.Kick()
		v, e := c.h(p.th, a)
		p.th.deadline = 0
		p.th.cpu.TakeKick()
		if e != ERESTART {
			t.Errorf("%s: %d, %v, want ERESTART", c.name, v, e)
		}
	}
}

// TestReadyCallsStress makes the calls of TestReadyCalls while kicks come at random moments.
func TestReadyCallsStress(t *testing.T) {
	rnd := testguest.Rand(t)
	chdirTemp(t)
	p := &pollTest{t, guestThread(t, XNU11215), XNU11215}
	ready, _ := p.readyCalls()
	var (
		mu   sync.Mutex
		hot  bool // a call is under way
		quit bool
		wg   sync.WaitGroup
	)
	kicks := 0
	wg.Go(func() {
		for i := 0; ; i++ {
			mu.Lock()
			if quit {
				mu.Unlock()
				return
			}
			if hot {
				p.th.cpu.Kick()
			}
			mu.Unlock()
			for range i % 61 * 50 {
				runtime.KeepAlive(i)
			}
		}
	})
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	for range rounds {
		for _, i := range rnd.Perm(len(ready)) {
			c := &ready[i]
			if (c.name == "wait4" || c.name == "waitid" || c.name == "fsync" || c.name == "F_PREALLOCATE") && rnd.IntN(20) != 0 {
				continue // they take long
			}
			a := c.args()
			mu.Lock()
			hot = true
			if rnd.IntN(4) == 0 {
				p.th.cpu.Kick()
			}
			mu.Unlock()
			v, e := c.h(p.th, a)
			p.th.deadline = 0
			mu.Lock()
			hot = false
			if p.th.cpu.TakeKick() {
				kicks++
			}
			mu.Unlock()
			if e != 0 {
				t.Fatalf("%s: %v", c.name, e)
			}
			if c.name == "accept" {
				closeFD(t, p.th, v)
			}
		}
	}
	mu.Lock()
	quit = true
	mu.Unlock()
	wg.Wait()
	if kicks == 0 {
		t.Error("no call met a kick")
	}
	t.Logf("%d kicks", kicks)
}
