// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"goxnu/misc/go_darwin_exec/internal/testguest"
	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// harmful are the calls that do to the test, or to the host, what they are
// for, if they are called with numbers at random.
var harmful = map[string]bool{
	"exit": true, "fork": true, "vfork": true, "execve": true, "bsdthread_create": true, "bsdthread_terminate": true,
	"kill": true, "__pthread_kill": true, "reboot": true, "setitimer": true,
	"setuid": true, "setgid": true, "seteuid": true, "setegid": true, "setreuid": true, "setregid": true,
	"setgroups": true, "initgroups": true, "setrlimit": true, "setpriority": true, "setsid": true, "setpgid": true,
	"umask": true, "chroot": true, "chdir": true, "fchdir": true, "__pthread_chdir": true, "__pthread_fchdir": true, "mount": true, "unmount": true, "settimeofday": true, "adjtime": true,
	"ntp_adjtime": true, "close": true, "close_nocancel": true, "dup2": true, "sync": true,
	"sigprocmask": true, "__pthread_sigmask": true, "sigaction": true, "__disable_threadsignal": true, "ioctl": true,
	"mlock": true, "minherit": true, "truncate": true, "ftruncate": true, "fcntl": true, "fcntl_nocancel": true,
	"chflags": true, "fchflags": true, "setattrlist": true, "fsetattrlist": true, "setattrlistat": true, // an immutable file stays
	"sigsuspend": true, "sigsuspend_nocancel": true, "pselect": true, "pselect_nocancel": true, // may mask what ends them
	"open": true, "open_nocancel": true, "openat": true, "openat_nocancel": true, // a FIFO
}

// The runtime's poller must lie above the descriptors that calls are made
// with, and be there before package testing starts its first timer.
func init() { ReserveFDs() }

// TestTSDBase: the processor faults if it is given a base that cannot be one.
// The highest base of a user's is Linux's, which refuses the last page where
// the processor has no WRGSBASE (arch/x86/kernel/process_64.c:do_arch_prctl_64).
func TestTSDBase(t *testing.T) {
	th := guestThread(t, XNU11215)
	for _, c := range []struct{ base, want uint64 }{{0x7fff_ffff_e000, 0x7fff_ffff_e000}, {0x8000_bfcf_f973, 0}, {0x1234, 0x1234}, {1 << 63, 0}} {
		th.setTSDBase(c.base)
		if base := th.cpu.GSBase(); base != c.want {
			t.Errorf("after %#x the base is %#x, want %#x", c.base, base, c.want)
		}
	}
	th.setTSDBase(0)
}

// Whatever the arguments, a handler returns; it does not panic, and it leaves
// the runner's own memory alone.
func TestHostileArguments(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Log("as root: the host's own limits are no protection")
	}
	rnd := testguest.Rand(t)
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chdir(t.TempDir()); err != nil { // t.Chdir keeps a descriptor of the old directory, and calls would find it
		t.Fatal(err)
	}
	defer os.Chdir(wd)
	for _, r := range []Release{XNU1504, XNU3789, XNU6153, XNU11215} {
		t.Run("xnu-"+itoa(int(r)), func(t *testing.T) { hostile(t, r, abi64, rnd) })
	}
	for _, r := range []Release{XNU1504, XNU3789, XNU4903} {
		t.Run("i386/xnu-"+itoa(int(r)), func(t *testing.T) { hostile(t, r, abi32, rnd) })
	}
}

func hostile(t *testing.T, r Release, width abi, rnd *rand.Rand) {
	th := procThread(t, r)
	th.p.abi = width
	start, size, mask := uint64(0x200000000000), uint64(0x10000000), ^uint64(0)
	if width == abi32 {
		start, mask = 0xe0000000, 1<<32-1
		th.iov = new([iovMax][2]uint64)
	}
	before := descriptors(t)
	defer func() { // close what the calls have opened
		for name := range descriptors(t) {
			if n, err := strconv.Atoi(name); err == nil && !before[name] {
				sysClose(th, &args{uint64(n)})
			}
		}
	}()
	th.p.Space = mem.NewSpace(start, start+size)
	page, errno := th.p.Space.Map(mem.Mapping{Size: 4 * mem.PageSize, Prot: mem.ProtRead | mem.ProtWrite, FD: -1})
	if errno != 0 {
		t.Fatal(errno)
	}
	defer func() {
		th.p.Space.Unmap(start, size)
	}()
	// Every sleep ends: a caught signal waits, and the thread is kicked.
	th.p.abi = abi64
	in := [3]uint64{0x5000, 0x6000, 0}
	call(t, th, sysSigaction, 0, SIGUSR1, gp(&in), 0)
	th.p.abi = width
	stop := make(chan bool)
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Microsecond):
				th.wake()
			}
		}
	}()
	p, w := pipe(t)
	f, err := syscall.Open("f", syscall.O_RDWR|syscall.O_CREAT, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, fd := range []uint64{p, w, uint64(f), uint64(s)} {
			closeFD(t, th, fd)
		}
	}()
	ends := []uint64{0, 1, 8, 0xfff, page, page + 4*mem.PageSize - 3, page + 4*mem.PageSize, 0x7fffffdffff8, 0x7fffffe00000,
		1 << 47, 1<<63 - 1, 1 << 63, ^uint64(0), ^uint64(6)}
	pick := func(letter byte) uint64 {
		switch letter {
		case 'i', 'u':
			switch rnd.IntN(4) {
			case 0:
				return []uint64{p, w, uint64(f), uint64(s), 1000, 1 << 20}[rnd.IntN(6)]
			case 1:
				return uint64(rnd.IntN(40)) | 3
			case 2:
				return uint64(uint32(rnd.Uint64()))
			}
			return uint64(int64(-1 - rnd.IntN(5))) // not 0: that is /dev/null, and some calls change a file's owner
		case 's':
			if rnd.IntN(2) == 0 {
				return page
			}
		case 'z', 'l', 'o':
			if rnd.IntN(2) == 0 {
				return uint64(rnd.IntN(5000))
			}
		}
		return ends[rnd.IntN(len(ends))]
	}
	fill := func() {
		// The page may be gone, protected, or another file's by now.
		if _, errno := th.p.Space.Map(mem.Mapping{Addr: page, Size: 4 * mem.PageSize, Prot: mem.ProtRead | mem.ProtWrite, Fixed: true, FD: -1}); errno != 0 {
			t.Fatal(errno)
		}
		// Names and structures, now and then with a wild number inside.
		b := make([]byte, 2*mem.PageSize)
		copy(b, "name")
		for range rnd.IntN(4) {
			putUint64(b[8+8*rnd.IntN(20):], pick(' '))
		}
		vcpu.CopyOut(page, b)
	}
	const rounds = 60
	for i := range sysents {
		c := &sysents[i]
		if c.handle == nil || harmful[c.name] || c.since > r || c.until != 0 && c.until <= r {
			continue
		}
		for range rounds {
			fill()
			var a args
			for j := range len(c.args) {
				a[j] = pick(c.args[j])
				if c.args[j] != 'o' && c.args[j] != 'i' {
					a[j] &= mask
				}
			}
			th.sig.Mask, th.sig.Pending = 0, xsig.Bit(SIGUSR1)
			th.cpu.Regs.RIP, th.cpu.Regs.RSP = 0x1000, page+64
			saved := a
			done := time.AfterFunc(10*time.Second, func() { panic("the call does not end: " + c.name + " " + hexArgs(saved)) })
			th.call(c, &a)
			done.Stop()
			th.dead = false
		}
	}
	for i := range machtraps {
		c := &machtraps[i]
		if c.handle == nil || c.since > r || c.until != 0 && c.until <= r {
			continue
		}
		if r >= XNU8792 && (c.name == "mach_msg_trap" || c.name == "mach_msg_overwrite_trap" || c.name == "mach_msg2_trap") {
			continue // they kill
		}
		for range rounds {
			fill()
			var a args
			for j := range len(c.args) {
				a[j] = pick(c.args[j])
				if c.args[j] != 'o' && c.args[j] != 'i' {
					a[j] &= mask
				}
			}
			if rnd.IntN(2) == 0 {
				a[0] = uint64(th.p.ports.task)
			}
			th.sig.Pending = xsig.Bit(SIGUSR1)
			saved := a
			done := time.AfterFunc(10*time.Second, func() { panic("the trap does not end: " + c.name + " " + hexArgs(saved)) })
			c.handle(th, &a)
			done.Stop()
		}
	}
}

func hexArgs(a args) string {
	b := []byte{}
	for _, v := range a {
		b = append(appendHex(b, v), ' ')
	}
	return string(b)
}

// descriptors lists what is open.
func descriptors(t *testing.T) map[string]bool {
	m := map[string]bool{}
	des, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, de := range des {
		m[de.Name()] = true
	}
	return m
}
