// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var allReleases = []Release{XNU1504, XNU1699, XNU2050, XNU2422, XNU2782, XNU3248, XNU3789, XNU4570, XNU4903, XNU6153,
	XNU7195, XNU8019, XNU8020, XNU8792, XNU10002, XNU11215}

// Of each release every MIB and every name means one variable, and the two
// ways to it agree.
func TestSysctlTree(t *testing.T) {
	for _, r := range allReleases {
		tr := newSysctlTree(r)
		for i, v := range tr.all {
			for _, w := range tr.all[:i] {
				n := min(len(v.mib), len(w.mib))
				if slices.Equal(v.mib[:n], w.mib[:n]) {
					t.Errorf("%d: %s %v and %s %v collide", r, v.name, v.mib, w.name, w.mib)
				}
			}
			if v.name == "" {
				continue
			}
			mib, e := tr.oid(v.name)
			if e != 0 || !slices.Equal(mib, v.mib) {
				t.Errorf("%d: %s is %v, %v; want %v", r, v.name, mib, e, v.mib)
			}
			if w, _, e := tr.find(v.mib); e != 0 || w != v {
				t.Errorf("%d: %v finds another than %s", r, v.mib, v.name)
			}
		}
	}
	tr := newSysctlTree(XNU11215)
	if _, _, e := tr.find([]int32{1, 2, 3}); e != EISDIR {
		t.Errorf("parameters to kern.osrelease: %v, want EISDIR", e)
	}
	if _, _, e := tr.find([]int32{1, 999}); e != ENOENT {
		t.Errorf("unknown MIB: %v, want ENOENT", e)
	}
	if mib, e := tr.oid("kern.proc.pid.17"); e != 0 || !slices.Equal(mib, []int32{1, 14, 1, 17}) {
		t.Errorf("kern.proc.pid.17 is %v, %v", mib, e)
	}
	for _, name := range []string{"", "kern", "kern.osreleas", "kern.ostype.1", "kern.proc.pid.x"} {
		if mib, e := tr.oid(name); e != ENOENT {
			t.Errorf("%q is %v, %v; want ENOENT", name, mib, e)
		}
	}
}

// The names that came with a release (bsd/kern/kern_mib.c, kern_sysctl.c).
func TestSysctlReleases(t *testing.T) {
	for _, tt := range []struct {
		name  string
		since Release
	}{
		{"kern.osrelease", XNU1504},
		{"hw.optional.aes", XNU1504},
		{"hw.optional.avx1_0", XNU1699},
		{"hw.optional.avx2_0", XNU2050},
		{"hw.optional.adx", XNU2782},
		{"hw.optional.avx512f", XNU4570},
		{"kern.osproductversion", XNU4570},
		{"kern.hv_vmm_present", XNU7195},
	} {
		for _, r := range allReleases {
			if _, e := newSysctlTree(r).oid(tt.name); (e == 0) != (r >= tt.since) {
				t.Errorf("%s on %d: %v, want it since %d", tt.name, r, e, tt.since)
			}
		}
	}
	for _, r := range allReleases {
		s, ok := systems[r]
		if !ok || !strings.HasPrefix(s.xnu, fmt.Sprint(int(r))+".") {
			t.Errorf("release %d: %+v", r, s)
		}
	}
}

// sysctlThread is a guest thread whose process was made for a test.
func sysctlThread(t *testing.T) *Thread {
	th := guestThread(t, XNU11215)
	exe, _ := os.Executable()
	th.p.cfg = &Config{Path: exe, Args: []string{"prog", "one", "two"}, Env: []string{"A=b"}}
	return th
}

// byName reads a variable by name into a buffer of a given size.
func byName(th *Thread, name string, size int) ([]byte, uint64, Errno) {
	b := make([]byte, max(size, 1))
	n := uint64(size)
	var a args
	copy(a[:], []uint64{gstr(name), uint64(len(name)), gp(&b[0]), gp(&n), 0, 0})
	_, e := sysSysctlbyname(th, &a)
	return b[:size], n, e
}

func TestSysctl(t *testing.T) {
	th := sysctlThread(t)
	b, n, e := byName(th, "kern.osrelease", 100)
	if e != 0 || string(b[:n]) != "24.3.0\x00" {
		t.Errorf("kern.osrelease: %q, %v", b[:n], e)
	}
	// Without a buffer: the size. Too short a one: ENOMEM, and nothing of it
	// (xnu-11215 bsd/kern/kern_newsysctl.c:sysctl_old_user).
	var size uint64
	call(t, th, sysSysctlbyname, 0, gstr("kern.osrelease"), 14, 0, gp(&size), 0, 0)
	if size != 7 {
		t.Errorf("size %d, want 7", size)
	}
	if b, n, e := byName(th, "kern.osrelease", 3); e != ENOMEM || n != 0 || b[0] != 0 {
		t.Errorf("short buffer: %q, %d, %v", b, n, e)
	}
	// A 64-bit number goes into 4 bytes if it fits.
	if b, n, e := byName(th, "hw.pagesize", 8); e != 0 || n != 8 || getUint64(b) != 4096 {
		t.Errorf("hw.pagesize: %v, %d, %v", b, n, e)
	}
	if b, n, e := byName(th, "hw.pagesize", 4); e != 0 || n != 4 || getUint32(b) != 4096 {
		t.Errorf("hw.pagesize in 4 bytes: %v, %d, %v", b, n, e)
	}
	if _, _, e := byName(th, "hw.memsize", 4); e != ERANGE && hostMemory() >= 1<<31 {
		t.Errorf("hw.memsize in 4 bytes: %v, want ERANGE", e)
	}
	// By number hw.pagesize is an int.
	mib := []int32{6, 7}
	b = make([]byte, 8)
	size = 8
	call(t, th, sysSysctl, 0, gp(&mib[0]), 2, gp(&b[0]), gp(&size), 0, 0)
	if size != 4 || getUint32(b) != 4096 {
		t.Errorf("{6, 7}: %d bytes, %v", size, b)
	}
	call(t, th, sysSysctl, EINVAL, gp(&mib[0]), 1, gp(&b[0]), gp(&size), 0, 0)
	call(t, th, sysSysctl, EINVAL, gp(&mib[0]), 13, gp(&b[0]), gp(&size), 0, 0)
	call(t, th, sysSysctl, EPERM, gp(&mib[0]), 2, 0, 0, gp(&b[0]), 4)
	call(t, th, sysSysctl, EFAULT, 8, 2, gp(&b[0]), gp(&size), 0, 0)
	// Name to MIB, as sysctlnametomib asks.
	name2oid, oid := []int32{0, 3}, make([]int32, 12)
	size = 48
	call(t, th, sysSysctl, 0, gp(&name2oid[0]), 2, gp(&oid[0]), gp(&size), gstr("kern.hostname"), 13)
	if size != 8 || oid[0] != 1 || oid[1] != 10 {
		t.Errorf("kern.hostname is %v, %d bytes", oid, size)
	}
	call(t, th, sysSysctl, ENOENT, gp(&name2oid[0]), 2, gp(&oid[0]), gp(&size), gstr("no.such"), 7)
	// The host name is the host's.
	want, _ := os.Hostname()
	if b, n, _ := byName(th, "kern.hostname", 256); string(b[:n]) != want+"\x00" {
		t.Errorf("kern.hostname: %q, want %q", b[:n], want)
	}
}

// Every variable can be read, whatever it is.
func TestSysctlAll(t *testing.T) {
	th := sysctlThread(t)
	for _, v := range th.p.sysctlTree().all {
		mib := v.mib
		if v.kind == sysctlNode {
			continue
		}
		buf := make([]byte, 8192)
		size := uint64(len(buf))
		var a args
		copy(a[:], []uint64{gp(&mib[0]), uint64(len(mib)), gp(&buf[0]), gp(&size), 0, 0})
		if _, e := sysSysctl(th, &a); e != 0 || size == 0 {
			t.Errorf("%s %v: %v, %d bytes", v.name, mib, e, size)
		}
	}
}

func TestKernProc(t *testing.T) {
	th := sysctlThread(t)
	pid := os.Getpid()
	b, n, e := byName(th, fmt.Sprint("kern.proc.pid.", pid), 2000)
	if e != 0 || n != 648 {
		t.Fatalf("kern.proc.pid: %d bytes, %v", n, e)
	}
	// The offsets of struct kinfo_proc (xnu-11417 bsd/sys/sysctl.h).
	for _, f := range []struct {
		name string
		at   int
		want uint32
	}{
		{"p_pid", 40, uint32(pid)},
		{"e_ppid", 560, uint32(os.Getppid())},
		{"e_pgid", 564, uint32(syscall.Getpgrp())},
		{"cr_uid", 420, uint32(os.Geteuid())},
		{"p_ruid", 392, uint32(os.Getuid())},
	} {
		if v := getUint32(b[f.at:]); v != f.want {
			t.Errorf("%s = %d, want %d", f.name, v, f.want)
		}
	}
	exe, _ := os.Executable()
	if comm := cstring(b[243:260]); comm != filepath.Base(exe)[:min(len(filepath.Base(exe)), 16)] {
		t.Errorf("p_comm = %q", comm)
	}
	// All processes: whole records as far as they fit.
	if _, n, e := byName(th, "kern.proc.all.0", 1000); e != ENOMEM || n != 648 {
		t.Errorf("kern.proc.all in 1000 bytes: %d, %v; want 648, ENOMEM", n, e)
	}
	if _, n, e := byName(th, "kern.proc.pid.2000000000", 2000); e != 0 || n != 0 {
		t.Errorf("kern.proc of no process: %d bytes, %v", n, e)
	}
}

func TestKernProcargs2(t *testing.T) {
	th := sysctlThread(t)
	b, n, e := byName(th, fmt.Sprint("kern.procargs2.", os.Getpid()), 4096)
	if e != 0 {
		t.Fatal(e)
	}
	words := splitZero(b[4:n])
	path := words[0]
	words = slices.DeleteFunc(words[1:], func(s string) bool { return s == "" })
	if getUint32(b) != 3 || path != th.p.cfg.Path || !slices.Equal(words, []string{"prog", "one", "two", "A=b"}) {
		t.Errorf("argc %d, path %q, %q", getUint32(b), path, words)
	}
	if _, _, e := byName(th, "kern.procargs2.2000000000", 4096); e != EINVAL {
		t.Errorf("of no process: %v, want EINVAL", e)
	}
}

const testCPUInfo = `processor	: 0
vendor_id	: GenuineIntel
cpu family	: 6
model		: 158
model name	: Intel(R) Core(TM) i7-8700B CPU @ 3.20GHz
stepping	: 10
microcode	: 0xea
cpu MHz		: 3192.000
physical id	: 0
core id		: 0
flags		: fpu sse sse2 pni ssse3 lm avx avx2 bmi1 bmi2 fma syscall nx
address sizes	: 39 bits physical, 48 bits virtual

processor	: 1
physical id	: 0
core id		: 0
flags		: fpu

processor	: 2
physical id	: 0
core id		: 1
`

func TestParseCPUInfo(t *testing.T) {
	c := parseCPUInfo(testCPUInfo)
	if c.vendor != "GenuineIntel" || c.threads != 3 || c.cores != 2 || c.packages != 1 || c.khz != 3192000 ||
		c.physBits != 39 || c.virtBits != 48 || c.microcode != 0xea || !c.flags["avx2"] || c.flags["avx512f"] {
		t.Errorf("%+v", c)
	}
	if s := signature(c); s != 0x906ea { // CPUID 1 EAX of that processor
		t.Errorf("signature %#x, want 0x906ea", s)
	}
	if f := uint32(cpuFamily(c)); f != 0x0f817246 {
		t.Errorf("cpufamily %#x, want Kaby Lake's", f)
	}
	if s := featureNames(cpuFeatures)(c); s != "FPU SSE SSE2 SSE3 SSSE3 FMA AVX1.0" {
		t.Errorf("features %q", s)
	}
	if b := uint64(featureBits(leaf7Features)(c)); b != 1<<3|1<<5|1<<8 {
		t.Errorf("leaf 7 bits %#x", b)
	}
	if cpuSubtype(c) != cpuSubtypeH {
		t.Error("subtype")
	}
}

func TestProcInfo(t *testing.T) {
	th := sysctlThread(t)
	pid := uint64(os.Getpid())
	b := make([]byte, 4096)
	if n := call(t, th, sysProcInfo, 0, 2, pid, procPidtbsdinfo, 0, gp(&b[0]), uint64(len(b))); n != procBsdinfoSize {
		t.Errorf("PROC_PIDTBSDINFO: %d bytes, want %d", n, procBsdinfoSize)
	}
	if got := [...]uint32{getUint32(b[12:]), getUint32(b[16:]), getUint32(b[20:])}; got != [...]uint32{uint32(pid), uint32(os.Getppid()), uint32(os.Geteuid())} {
		t.Errorf("pid, ppid, uid %v", got)
	}
	call(t, th, sysProcInfo, 0, 2, pid, procPidpathinfo, 0, gp(&b[0]), uint64(len(b)))
	if exe, _ := filepath.EvalSymlinks(th.p.cfg.Path); cstring(b) != exe {
		t.Errorf("PROC_PIDPATHINFO: %q, want %q", cstring(b), exe)
	}
	call(t, th, sysProcInfo, 0, 2, pid, procPidtaskinfo, 0, gp(&b[0]), uint64(len(b)))
	if all, running := getUint32(b[84:]), getUint32(b[88:]); all != uint32(len(th.p.threads)) || running != all {
		t.Errorf("PROC_PIDTASKINFO: %d of %d threads run, want all of %d", running, all, len(th.p.threads))
	}
	call(t, th, sysProcInfo, ENOMEM, 2, pid, procPidtbsdinfo, 0, gp(&b[0]), 10)
	call(t, th, sysProcInfo, ESRCH, 2, 2000000000, procPidtbsdinfo, 0, gp(&b[0]), uint64(len(b)))
	n := call(t, th, sysProcInfo, 0, 1, 1, 0, 0, gp(&b[0]), uint64(len(b)))
	found := false
	for i := uint64(0); i < n; i += 4 {
		found = found || uint64(getUint32(b[i:])) == pid
	}
	if !found && n < uint64(len(b)) {
		t.Error("PROC_ALL_PIDS does not list the process")
	}
}

func TestParseMapsLine(t *testing.T) {
	m, ok := parseMapsLine("7f00-8f00 r-xp 00001000 fe:00 123    /a b/c\n")
	if !ok || m != (hostMapping{0x7f00, 0x8f00, 0x1000, "/a b/c"}) {
		t.Errorf("%+v, %v", m, ok)
	}
	if m, ok := parseMapsLine("7f00-8f00 rw-p 00000000 00:00 0 [heap]\n"); !ok || m.file != "" {
		t.Errorf("%+v, %v", m, ok)
	}
	if _, ok := parseMapsLine("nonsense"); ok {
		t.Error("nonsense is accepted")
	}
}

// gettimeofday changed its convention with 3789
// (bsd/kern/kern_time.c:gettimeofday).
func TestGettimeofday(t *testing.T) {
	for _, r := range allReleases {
		th := &Thread{p: &Proc{Release: r}, buffers: new(buffers)}
		var tv, mach [2]uint64
		tz := [2]uint32{1, 1}
		var a args
		copy(a[:], []uint64{gp(&tv[0]), gp(&tz[0]), gp(&mach[0])})
		sec, e := sysGettimeofday(th, &a)
		if e != 0 || tz != [2]uint32{} {
			t.Errorf("%d: %v, zone %v", r, e, tz)
		}
		if r < XNU3789 {
			if sec < 1e9 || th.rval1 >= 1e6 || tv != [2]uint64{} || mach != [2]uint64{} {
				t.Errorf("%d: registers %d %d, memory %v %v", r, sec, th.rval1, tv, mach)
			}
		} else if sec != 0 || th.rval1 != 0 || tv[0] < 1e9 || tv[1] >= 1e6 || mach[0] == 0 {
			t.Errorf("%d: registers %d %d, memory %v %v", r, sec, th.rval1, tv, mach)
		}
	}
}

func TestGetentropy(t *testing.T) {
	th := guestThread(t, XNU11215)
	b := make([]byte, 256)
	call(t, th, sysGetentropy, 0, gp(&b[0]), 256)
	zeros := 0
	for _, c := range b {
		if c == 0 {
			zeros++
		}
	}
	if zeros > 32 {
		t.Errorf("%d of 256 bytes are zero", zeros)
	}
	call(t, th, sysGetentropy, EINVAL, gp(&b[0]), 257)
	call(t, th, sysGetentropy, EFAULT, 8, 16)
}

// The structures of ntp_adjtime and ntp_gettime
// (xnu-4903 bsd/sys/_types/_user32_timex.h, _user32_ntptimeval.h and their 64-bit kin).
func TestNtp(t *testing.T) {
	th := guestThread(t, XNU4903)
	for w, tt := range []struct{ timex, status, timeval, state int }{abi64: {136, 40, 48, 40}, abi32: {68, 20, 24, 20}} {
		th.p.abi = abi(w)
		for _, c := range []struct {
			h         handler
			size, off int
			want      uint32
		}{{sysNtpAdjtime, tt.timex, tt.status, 0x40}, {sysNtpGettime, tt.timeval, tt.state, ntpError}} {
			b := bytes.Repeat([]byte{0xff}, 144)
			putUint32(b, 0) // modes
			if v := call(t, th, c.h, 0, gp(&b[0])); v != ntpError {
				t.Errorf("abi %d: result %d", w, v)
			}
			if v := getUint32(b[c.off:]); v != c.want {
				t.Errorf("abi %d: the word at %d is %#x, want %#x", w, c.off, v, c.want)
			}
			if bytes.Count(b[c.off:], []byte{0xff}) != len(b)-c.size || b[c.size] != 0xff {
				t.Errorf("abi %d: %x is not %d bytes", w, b, c.size)
			}
		}
		b := make([]byte, 48)
		call(t, th, sysNtpGettime, 0, gp(&b[0]))
		if sec := uint64(getUint32(b)); sec+5 < uint64(time.Now().Unix()) || sec > uint64(time.Now().Unix()) {
			t.Errorf("abi %d: the time is %d", w, sec)
		}
		putUint32(b, 1)
		call(t, th, sysNtpAdjtime, EPERM, gp(&b[0]))
	}
}

func TestRusage(t *testing.T) {
	th := guestThread(t, XNU11215)
	var g [144]byte
	call(t, th, sysGetrusage, 0, 0, gp(&g[0]))
	var h syscall.Rusage
	syscall.Getrusage(0, &h)
	if rss := getUint64(g[32:]); rss < uint64(h.Maxrss)*1024/2 || rss > uint64(h.Maxrss)*1024 {
		t.Errorf("ru_maxrss = %d, want about %d bytes", rss, h.Maxrss*1024)
	}
	call(t, th, sysGetrusage, EINVAL, 7, gp(&g[0]))
	// The layout of i386.
	host := make([]byte, 144)
	for i := 0; i < 144; i += 8 {
		putUint64(host[i:], uint64(i/8+1))
	}
	b := make([]byte, 72)
	putRusage(b, abi32, host)
	for i := range 18 {
		want := uint32(i + 1)
		if i == 4 {
			want *= 1024
		}
		if v := getUint32(b[4*i:]); v != want {
			t.Errorf("word %d of i386's rusage = %d, want %d", i, v, want)
		}
	}
}

func TestRlimit(t *testing.T) {
	th := guestThread(t, XNU11215)
	save := [2]uint64{rlimits[rlimitNofile].cur.Load(), rlimits[rlimitNofile].max.Load()}
	defer setRlimit(rlimitNofile, save[0], save[1])
	var lim [2]uint64
	call(t, th, sysGetrlimit, EINVAL, rlimNlimits, gp(&lim[0]))
	call(t, th, sysGetrlimit, 0, rlimitAS, gp(&lim[0]))
	if lim[0] != 1<<63-1 {
		t.Errorf("RLIMIT_AS = %#x, want infinity", lim[0])
	}
	set := func(cur, max uint64) *[2]uint64 { return &[2]uint64{cur, max} }
	call(t, th, sysSetrlimit, EINVAL, rlimitNofile, gp(set(11, 10)))
	// From 7195 on the value stays and the kernel's own limit counts; before, it
	// was cut if it was another (bsd/kern/kern_resource.c:dosetrlimit).
	big, most := maxfilesperproc()+10000, mostFiles()
	check := func(release Release, which int, arg uint64, v *[2]uint64, e Errno, cur, max uint64) {
		t.Helper()
		th.p.Release = release
		call(t, th, sysSetrlimit, e, uint64(which)|arg, gp(v))
		call(t, th, sysGetrlimit, 0, uint64(which)|arg, gp(&lim[0]))
		if lim[0] != cur || lim[1] != max {
			t.Errorf("%d: limit %d is %d and %d, want %d and %d", release, which, lim[0], lim[1], cur, max)
		}
	}
	setRlimit(rlimitNofile, 100, rlimInfinity)
	check(XNU6153, rlimitNofile, rlimitPosixFlag, set(big, rlimInfinity), EINVAL, 100, rlimInfinity)
	check(XNU6153, rlimitNofile, 0, set(big, rlimInfinity), 0, most, rlimInfinity)
	check(XNU6153, rlimitNofile, rlimitPosixFlag, set(200, most+1), 0, 200, most)
	setRlimit(rlimitNofile, big, big) // the host's
	check(XNU6153, rlimitNofile, rlimitPosixFlag, set(11, 10), EINVAL, most, big)
	check(XNU6153, rlimitNofile, rlimitPosixFlag, set(most, big), 0, most, big)
	setRlimit(rlimitNofile, 100, rlimInfinity)
	check(XNU7195, rlimitNofile, rlimitPosixFlag, set(big, rlimInfinity), 0, big, rlimInfinity)
	if nofile() != maxfilesperproc() {
		t.Errorf("7195: %d descriptors, want %d", nofile(), maxfilesperproc())
	}

	defer setRlimit(rlimitStack, rlimits[rlimitStack].cur.Load(), rlimits[rlimitStack].max.Load())
	const mb = 1 << 20
	setRlimit(rlimitStack, 8*mb, rlimInfinity)
	check(XNU7195, rlimitStack, rlimitPosixFlag, set(8*mb, 64*mb), EINVAL, 8*mb, maxsmap)
	check(XNU7195, rlimitStack, rlimitPosixFlag, set(8*mb, maxsmap), 0, 8*mb, maxsmap)
	setRlimit(rlimitStack, 8*mb, rlimInfinity)
	check(XNU7195, rlimitStack, 0, set(8*mb, 64*mb), 0, 8*mb, maxsmap)
	setRlimit(rlimitStack, 8*mb, rlimInfinity)
	check(XNU8019, rlimitStack, rlimitPosixFlag, set(8*mb, 64*mb), 0, 8*mb, 64*mb)
	sp := &th.cpu.Regs.RSP
	defer func(old uint64) { *sp = old }(*sp)
	for _, c := range []struct {
		used uint64
		want Errno
	}{{8 * mb, EINVAL}, {1<<64 - 4096, EINVAL}, {7 * mb, EINVAL}, {7*mb - 8, 0}} {
		*sp = th.p.stackTop() - c.used
		cur := uint64(8 * mb)
		if c.want == 0 {
			cur = 7*mb - 100 // up to a page
		}
		check(XNU8019, rlimitStack, 0, set(7*mb-100, 64*mb), c.want, cur, 64*mb)
	}

	defer setRlimit(rlimitNproc, rlimits[rlimitNproc].cur.Load(), rlimits[rlimitNproc].max.Load())
	setRlimit(rlimitNproc, rlimInfinity, rlimInfinity)
	check(XNU11215, rlimitNproc, 0, set(10, 100000), 0, 10, mostProcs())
}

func TestPriority(t *testing.T) {
	th := guestThread(t, XNU11215)
	want, _ := syscall.Getpriority(0, 0) // 20 - nice
	if v := int64(call(t, th, sysGetpriority, 0, prioProcess, 0)); v != int64(20-want) {
		t.Errorf("getpriority = %d, want %d", v, 20-want)
	}
	call(t, th, sysGetpriority, EINVAL, 9, 0)
	call(t, th, sysGetpriority, EINVAL, 0, 1<<31)
}
