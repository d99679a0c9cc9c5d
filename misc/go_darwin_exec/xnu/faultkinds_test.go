// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"goxnu/misc/go_darwin_exec/inject"
	"goxnu/misc/go_darwin_exec/xsig"
)

// faultThread is procThread under these kinds, each of which happens whenever it can.
func faultThread(t *testing.T, r Release, kinds string) *Thread {
	t.Helper()
	th := procThread(t, r)
	c, err := inject.Parse("rate=1,kinds=" + kinds)
	if err == nil {
		err = th.p.startFaults(&Config{Fault: c, Path: "/x/y"})
	}
	if err != nil {
		t.Fatal(err)
	}
	return th
}

// callNamed makes a BSD call with its faults.
func callNamed(t *testing.T, th *Thread, name string, want Errno, a ...uint64) uint64 {
	t.Helper()
	for _, s := range th.p.calls {
		if s != nil && s.name == name {
			return call(t, th, s.handle, want, a...)
		}
	}
	t.Fatalf("no call %s", name)
	return 0
}

// trapNamed is callNamed for a Mach trap.
func trapNamed(t *testing.T, th *Thread, name string, a ...uint64) int32 {
	t.Helper()
	for _, s := range th.p.traps {
		if s != nil && s.name == name {
			var ar args
			copy(ar[:], a)
			return s.handle(th, &ar)
		}
	}
	t.Fatalf("no trap %s", name)
	return 0
}

// A wait is interrupted, and the next one is not; one that need not wait never is.
func TestFaultSelectAndPoll(t *testing.T) {
	th := faultThread(t, XNU11215, "eintr-select+eintr-poll")
	zero, short := [2]int64{}, [2]int64{0, 1000}
	for range 2 {
		callNamed(t, th, "select", 0, 0, 0, 0, 0, gp(&zero))
		callNamed(t, th, "select", EINTR, 0, 0, 0, 0, gp(&short))
		callNamed(t, th, "select", 0, 0, 0, 0, 0, gp(&short))
		callNamed(t, th, "poll", 0, 0, 0, 0)
		callNamed(t, th, "poll", EINTR, 0, 0, 1)
		callNamed(t, th, "poll", 0, 0, 0, 1)
	}
}

// F_SETLKW of a part of a file that somebody else has locked is interrupted; of one
// that is free it is not, and F_SETLK fails as ever.
func TestFaultSetlkw(t *testing.T) {
	th := faultThread(t, XNU11215, "eintr-setlkw")
	name := filepath.Join(t.TempDir(), "file")
	ours, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	theirs, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	// A lock of an open file description is another's, also in this process.
	lock := syscall.Flock_t{Type: syscall.F_WRLCK}
	if err := syscall.FcntlFlock(theirs.Fd(), 37, &lock); err != nil {
		t.Fatal(err)
	}
	const wrlck = 3
	guest := struct {
		start, len int64
		pid        int32
		typ        int16
		whence     int16
	}{typ: wrlck}
	fd := uint64(ours.Fd())
	callNamed(t, th, "fcntl", EAGAIN, fd, uint64(fSetlk), gp(&guest))
	callNamed(t, th, "fcntl", EINTR, fd, uint64(fSetlkw), gp(&guest))
	theirs.Close()
	callNamed(t, th, "fcntl", 0, fd, uint64(fSetlkw), gp(&guest))
}

// No kind of fault changes the arguments of the call.
func TestFaultArguments(t *testing.T) {
	th := procThread(t, XNU11215)
	for i := range inject.Kinds {
		k := &inject.Kinds[i]
		f := callFaults[k.Name]
		switch k.Name {
		case "stop", "exec-signal", // they look at no arguments, and would stop or end the test
			"connect-early": // it needs a kqueue
			continue
		}
		if k.Event != "" {
			continue
		}
		c, err := inject.Parse("rate=1,kinds=" + k.Name)
		if err != nil {
			t.Fatal(err)
		}
		th.faults = inject.Thread{}
		var fds [2]int
		if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		f.when = nil
		s := inject.New(c, "p", nil).Site(k, "call")
		a := args{uint64(fds[0]), machSendMsg | machRcvMsg | 1<<40, 1 << 20, 0, 0, 0, 0}
		was := a
		f.wrap(s, func(*Thread, *args) (uint64, Errno) { return 0, ERESTART })(th, &a)
		if a != was {
			t.Errorf("%s: %x, was %x", k.Name, a, was)
		}
		syscall.Close(fds[0])
		syscall.Close(fds[1])
	}
}

// listener returns a listener's address.
func listener(t *testing.T, th *Thread, backlog uint64) (l uint64, sa *[16]byte) {
	t.Helper()
	l = call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
	sa = &[16]byte{0, guestAfInet, 0, 0, 127, 0, 0, 1}
	call(t, th, sysBind, 0, l, gp(sa), 16)
	call(t, th, sysListen, 0, l, backlog)
	n := uint32(16)
	call(t, th, sysGetsockname, 0, l, gp(sa), gp(&n))
	return l, sa
}

// A connect that is interrupted goes on: a second one finds it so, and succeeds.
func TestFaultConnect(t *testing.T) {
	th := faultThread(t, XNU11215, "eintr-connect")
	l, sa := listener(t, th, 5)
	defer closeFD(t, th, l)
	c := call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
	defer closeFD(t, th, c)
	callNamed(t, th, "connect", EINTR, c, gp(sa), 16)
	if fl, _ := host(syscall.SYS_FCNTL, uintptr(c), syscall.F_GETFL, 0, 0, 0, 0); fl&syscall.O_NONBLOCK != 0 {
		t.Error("the socket does not block any more")
	}
	closeFD(t, th, call(t, th, sysAccept, 0, l, 0, 0))
	var peer [16]byte
	n := uint32(16)
	call(t, th, sysGetpeername, 0, c, gp(&peer), gp(&n))
}

// A socket whose connection is not made is ready for writing, now and then.
func TestFaultConnectEarly(t *testing.T) {
	th := faultThread(t, XNU11215, "connect-early")
	l, sa := listener(t, th, 1)
	defer closeFD(t, th, l)
	kq := call(t, th, sysKqueue, 0)
	defer closeFD(t, th, kq)
	ts := [2]int64{0, 1e6}
	for tries := range 20 { // until the listener's queue is full
		c := call(t, th, sysSocket, 0, guestAfInet, guestSockStream, 0)
		defer closeFD(t, th, c)
		host(syscall.SYS_FCNTL, uintptr(c), syscall.F_SETFL, syscall.O_NONBLOCK, 0, 0, 0)
		call(t, th, sysConnect, EINPROGRESS, c, gp(sa), 16)
		add := gkev{id: c, filter: evfiltWrite, flags: evAdd | evClear, udata: 42}
		callNamed(t, th, "kevent", 0, kq, gp(&add), 1, 0, 0, 0)
		var out [8]gkev
		n := callNamed(t, th, "kevent", 0, kq, 0, 0, gp(&out), 8, gp(&ts))
		var peer [16]byte
		size := uint32(16)
		if _, e := sysGetpeername(th, &args{c, gp(&peer), gp(&size)}); e == 0 {
			continue // connected
		}
		if n != 1 || out[0].id != c || out[0].filter != evfiltWrite || out[0].udata != 42 {
			t.Fatalf("%d events, %+v, after %d connections; want one for %d", n, out[0], tries, c)
		}
		// Who believes it learns better (bsd/kern/uipc_socket.c:sosendcheck).
		call(t, th, sysWrite, ENOTCONN, c, gp(&peer), 1)
		call(t, th, sysSendto, ENOTCONN, c, gp(&peer), 1, 0, 0, 0)
		if n := callNamed(t, th, "kevent", 0, kq, 0, 0, gp(&out), 8, gp(&ts)); n != 0 {
			t.Errorf("a second time: %+v", out[0])
		}
		return
	}
	t.Error("all connections were made")
}

// The answer can be received after an interruption.
func TestFaultUnanswered(t *testing.T) {
	th := faultThread(t, XNU1504, "msg-unanswered")
	reply := uint32(trap(t, th, "mach_reply_port"))
	msg := &[12]uint32{0x1513, 40, uint32(trap(t, th, "task_self")), reply, 0, migSemaphoreCreate, 0, 1, 0, 0}
	if kr := trapNamed(t, th, "mach_msg_trap", gp(msg), machSendMsg|machRcvMsg, 40, 48, uint64(reply), 0, 0); kr != machRcvInterrupted {
		t.Fatalf("%#x, want MACH_RCV_INTERRUPTED", kr)
	}
	if msg[5] != migSemaphoreCreate {
		t.Fatalf("the message has become %#x", *msg)
	}
	if kr := trapNamed(t, th, "mach_msg_trap", gp(msg), machRcvMsg, 0, 48, uint64(reply), 0, 0); kr != kernSuccess || msg[5] != migSemaphoreCreate+migReply {
		t.Fatalf("%#x, %#x, want an answer", kr, *msg)
	}
}

// Ten refusals, and then the call is made.
func TestFaultThreadShortage(t *testing.T) {
	th := faultThread(t, XNU11215, "thread-shortage")
	for range 2 {
		for range 10 {
			callNamed(t, th, "bsdthread_create", ENOMEM)
		}
		callNamed(t, th, "bsdthread_create", EINVAL) // nothing was registered
	}
}

// What exec-signal looks for: a caught signal that would be ignored by default.
func TestLateToExec(t *testing.T) {
	th := procThread(t, XNU4903)
	in := [3]uint64{0x5000, 0x6000, 0}
	call(t, th, sysSigaction, 0, SIGURG, gp(&in), 0)
	call(t, th, sysSigaction, 0, SIGUSR1, gp(&in), 0)
	th.sig.Mask = ^xsig.Set(0)
	for _, c := range []struct {
		sig  int
		want bool
	}{{SIGUSR1, false}, {SIGWINCH, false}, {SIGURG, true}} {
		th.psignal(c.sig)
		if got := th.p.sig.LateToExec(th.sig); got != c.want {
			t.Errorf("after %s: %v", signals[c.sig].name, got)
		}
	}
}

// A signal is given to the thread that was chosen when it was sent, though the thread has
// left the list of candidates meanwhile and has looked for the last time.
func TestFaultSignalHeld(t *testing.T) {
	t.Run("3248", func(t *testing.T) {
		if th := faultThread(t, XNU3248, "signal-held"); th.p.faults.holds(th.p) {
			t.Error("it makes no difference there")
		}
	})
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8)) // as in the runner: who holds a signal sleeps in the host
	th := faultThread(t, XNU2782, "signal-held")
	p := th.p
	in := [3]uint64{0x5000, 0x6000, 0}
	call(t, th, sysSigaction, 0, SIGUSR1, gp(&in), 0)
	th.sig.Mask = ^xsig.Set(0)
	seen := false
	for lost := time.Now().Add(2 * time.Minute); !seen && time.Now().Before(lost); {
		p.mu.Lock()
		n, err := p.newThread(th)
		if err != nil {
			t.Fatal(err)
		}
		n.sig.Mask = 0
		p.mu.Unlock()
		done := make(chan bool)
		go func() {
			defer close(done)
			p.psignal(SIGUSR1)
		}()
		p.mu.Lock()
		for !p.faults.holding && n.sig.Pending == 0 && time.Now().Before(lost) {
			p.mu.Unlock()
			runtime.Gosched() // a sleep may be longer than it is held
			p.mu.Lock()
		}
		if p.faults.holding {
			// As the thread's last calls do.
			n.sig.Mask, n.sig.NoSig = ^xsig.Set(0), true
			seen = true
		}
		p.mu.Unlock()
		<-done
		p.mu.Lock()
		if seen {
			if !n.sig.Pending.Has(SIGUSR1) || th.sig.Pending.Has(SIGUSR1) {
				t.Errorf("pending on the thread that was chosen: %#x; on the other: %#x", n.sig.Pending, th.sig.Pending)
			}
		}
		p.sig.Exit(n.sig)
		p.threads = p.threads[:1]
		p.mu.Unlock()
		n.cpu.Free()
	}
	if !seen {
		t.Error("no signal was held")
	}
}
