// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

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

// runnerMemory returns addresses of the runner's own memory: in each of the
// process's mappings, among them text, data, heap, Ctxs and what the host maps
// for itself, and of variables on the heap, on this goroutine's stack, on the
// stack of this thread's signal handlers, and in the thread. What the Space has
// is not the runner's.
func runnerMemory(t *testing.T, th *Thread) (list []uint64) {
	var old [24]byte // stack_t
	host(syscall.SYS_SIGALTSTACK, 0, uintptr(unsafe.Pointer(&old)), 0, 0, 0, 0)
	text, _ := vcpu.HostText()
	list = []uint64{text, gp(&sysents), gp(&t), gp(th), gp(th.cpu), gp(&th.fs.buf), gp(&old), getUint64(old[:]), vcpu.VDSO()}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		m, ok := parseMapsLine(line)
		if !ok || m.start >= 1<<47 {
			continue
		}
		if _, guest := th.p.Space.FindGuest(m.start); guest && th.p.Space.Own(m.start, 1) {
			continue
		}
		list = append(list, m.start, m.start+(m.end-m.start)/2+8, m.end-16)
	}
	return list
}

// A canary is memory of the runner's that nobody may change.
type canary struct {
	at uint64
	b  []byte
}

func newCanary(t *testing.T) *canary {
	const size = 4 * mem.PageSize
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(b) })
	c := &canary{gp(&b[0]), b}
	c.fill()
	return c
}

// fill leaves what calls may take for a structure, a path, a vector.
func (c *canary) fill() {
	for i := range c.b {
		c.b[i] = byte(i / 8 & 1)
	}
	copy(c.b, "name")
}

func (c *canary) check(t *testing.T, what string) {
	t.Helper()
	was := slices.Clone(c.b)
	c.fill()
	if !bytes.Equal(c.b, was) {
		t.Errorf("%s has written to the runner's memory", what)
	}
}

// Addresses of the runner are bad addresses, wherever a call has them.
func TestRunnerAddresses(t *testing.T) {
	th := procThread(t, XNU11215)
	c := newCanary(t)
	th.p.Space = mem.NewSpace(0x200000000000, 0x200010000000)
	page, errno := th.p.Space.Map(mem.Mapping{Size: 4 * mem.PageSize, Prot: mem.ProtRead | mem.ProtWrite, FD: -1})
	if errno != 0 {
		t.Fatal(errno)
	}
	defer th.p.Space.Unmap(page, 4*mem.PageSize)
	name := t.TempDir() + "/f"
	if err := os.WriteFile(name, make([]byte, 100), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", name+"l"); err != nil {
		t.Fatal(err)
	}
	vcpu.CopyOut(page+1024, append([]byte(name), 0))
	vcpu.CopyOut(page+2048, append([]byte(name+"l"), 0))
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd := uint64(file.Fd())
	xattr := syscall.Setxattr(name, xattrUser+"user.x", []byte("value"), 0)
	vcpu.CopyOut(page+3000, []byte("user.x\x00"))
	s, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	s0, s1 := uint64(s[0]), uint64(s[1])
	defer syscall.Close(s[0])
	defer syscall.Close(s[1])
	// A vector and a message header whose buffer is the runner's.
	vector := func(first, second uint64) {
		for i, v := range []uint64{first, 8, second, 8, 0, 0, page + 64, 2, 0, 0} {
			vcpu.Store64(page+64+8*uint64(i), v)
		}
	}
	try := func(what string, want Errno, h handler, a ...uint64) {
		t.Helper()
		var ar args
		copy(ar[:], a)
		syscall.Write(s[1], make([]byte, 8))
		file.Seek(0, 0)
		if _, e := h(th, &ar); e != want {
			t.Errorf("%s: %v, want %v", what, e, want)
		}
		c.check(t, what)
	}
	at := c.at
	vcpu.CheckAddresses(true)
	defer vcpu.CheckAddresses(false)
	// The last page of the Space, and what is behind it.
	edge := page + 4*mem.PageSize - 4
	try("read", EFAULT, sysRead, fd, at, 8)
	try("read of nothing", 0, sysRead, fd, at, 0)
	try("read into two memories", 0, sysRead, fd, edge, 8)
	file.Seek(100, 0)
	try("write", EFAULT, sysWrite, fd, at, 8)
	try("write from two memories", EFAULT, sysWrite, fd, edge, 8)
	try("pread", EFAULT, sysPread, fd, at, 8, 0)
	try("pread at the end", 0, sysPread, fd, at, 8, 200)
	try("pwrite", EFAULT, sysPwrite, fd, at, 8, 0)
	for _, v := range []struct {
		what          string
		first, second uint64
		read          Errno // of the second, what came before counts
	}{{"first", at, page, EFAULT}, {"second", page, at, 0}, {"edge", page, edge, 0}} {
		vector(v.first, v.second)
		try("readv, "+v.what, v.read, sysReadv, fd, page+64, 2)
		try("preadv, "+v.what, v.read, sysPreadv, fd, page+64, 2, 0)
		try("writev, "+v.what, v.read, sysWritev, fd, page+64, 2)
		try("sendmsg, "+v.what, EFAULT, sysSendmsg, s1, page+96, 0)
		if v.what == "first" {
			try("recvmsg, "+v.what, EFAULT, sysRecvmsg, s0, page+96, 0)
		}
	}
	try("readv, vector", EFAULT, sysReadv, fd, at, 2)
	try("writev, vector", EFAULT, sysWritev, fd, at, 2)
	try("sendmsg, header", EFAULT, sysSendmsg, s1, at, 0)
	try("recvmsg, header", EFAULT, sysRecvmsg, s0, at, 0)
	try("sendto", EFAULT, sysSendto, s1, at, 8, 0, 0, 0)
	try("recvfrom", EFAULT, sysRecvfrom, s0, at, 8, 0, 0, 0)
	try("readlink, path", EFAULT, sysReadlink, at, page, 100)
	try("readlink, buffer", EFAULT, sysReadlink, page+2048, at, 100)
	try("open", EFAULT, sysOpen, at, 0, 0)
	try("getentropy", EFAULT, sysGetentropy, at, 16)
	try("select", EFAULT, sysSelect, 8, at, 0, 0, 0)
	try("poll", EFAULT, sysPoll, at, 1, 0)
	try("getxattr, name", EFAULT, sysGetxattr, page+1024, at, page, 100, 0, 0)
	if xattr == nil {
		try("getxattr", EFAULT, sysGetxattr, page+1024, page+3000, at, 100, 0, 0)
		try("setxattr", EFAULT, sysSetxattr, page+1024, page+3000, at, 8, 0, 0)
	}
	try("sigaction", EFAULT, sysSigaction, SIGUSR1, 0, at)
	try("sigprocmask", EFAULT, sysSigprocmask, 1, 0, at)
	try("sigaltstack", EFAULT, sysSigaltstack, 0, at)
	try("mincore", EFAULT, sysMincore, page, 8, at)
	try("getrlimit", EFAULT, sysGetrlimit, 5, at)
	try("gettimeofday", EFAULT, sysGettimeofday, at, 0, 0)
	try("sysctl", EFAULT, sysSysctl, at, 2, 0, 0, 0, 0)
	try("wake", ENOENT, sysUlockWake, ulCompareAndWait, at, 0)
	try("wait", EFAULT, sysUlockWait, ulCompareAndWaitShared, at, 0, 1000)
	// A handler's frame on a stack that is the runner's.
	th.cpu.Regs.RSP = at + 3*mem.PageSize
	if th.sendsig(&xsig.Delivery{Sig: SIGUSR1}) {
		t.Error("a frame was written to the runner's memory")
	}
	c.check(t, "sendsig")
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
	// The runner's own addresses come as often as others.
	own := runnerMemory(t, th)
	c := newCanary(t)
	defer c.check(t, "some call")
	vcpu.CheckAddresses(true)
	defer vcpu.CheckAddresses(false)
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
		switch rnd.IntN(4) {
		case 0:
			return c.at + uint64(rnd.IntN(len(c.b)))
		case 1:
			return own[rnd.IntN(len(own))]
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
			done := time.AfterFunc(2*time.Minute, func() { panic("the call does not end: " + c.name + " " + hexArgs(saved)) })
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
			done := time.AfterFunc(2*time.Minute, func() { panic("the trap does not end: " + c.name + " " + hexArgs(saved)) })
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
