// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package main

import (
	"encoding/binary"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"goxnu/misc/go_darwin_exec/internal/testguest"
	tm "goxnu/misc/go_darwin_exec/internal/testmacho"
	"goxnu/misc/go_darwin_exec/vcpu"
)

// code32 joins pieces of code.
func code32(parts ...any) (b []byte) {
	for _, p := range parts {
		if c, ok := p.([]byte); ok {
			p = string(c)
		}
		b = append(b, tm.Code(p)...)
	}
	return b
}

// Checks, which end the program with a status of their own. They keep the flags.
func wantEAX(v, status uint32) []byte { return want32("\x3d", v, status) }     // cmp $v, %eax
func wantEDX(v, status uint32) []byte { return want32("\x81\xfa", v, status) } // cmp $v, %edx
func wantNoCarry(status uint32) []byte {
	exit := tm.Exit32(status)
	return code32("\x73", string([]byte{byte(len(exit))}), exit) // jnc
}
func wantCarry(status uint32) []byte {
	exit := tm.Exit32(status)
	return code32("\x72", string([]byte{byte(len(exit))}), exit) // jc
}

func want32(cmp string, v, status uint32) []byte {
	exit := tm.Exit32(status)
	return code32(cmp, v, "\x74", string([]byte{byte(len(exit))}), exit) // je
}

func TestHello32(t *testing.T) {
	testguest.Need32(t)
	data := []byte("hello, world\n")
	prog := program(t, tm.BuildData32(code32(
		tm.Call32(0x80, 4, 1, tm.DataAddr32, uint32(len(data))),
		wantNoCarry(1), wantEAX(uint32(len(data)), 2),
		tm.Exit32(42)), data))
	for _, release := range []string{"10.6", "10.9", "10.10", "10.14"} {
		r := run(t, exec.Command(runnerPath, "-xnu", release, prog))
		if r.status != 42 || r.stdout != string(data) || r.stderr != "" {
			t.Errorf("%s: %+v", release, r)
		}
	}
	if r := run(t, exec.Command(runnerPath, prog)); r.status != 42 {
		t.Errorf("without -xnu: %+v", r)
	}
	if r := run(t, exec.Command(runnerPath, "-xnu", "10.15", prog)); r.status != exitCannot {
		t.Errorf("10.15: %+v", r)
	}
}

// TestResults32 looks at what calls leave in EAX, EDX and the carry flag.
func TestResults32(t *testing.T) {
	testguest.Need32(t)
	const path = tm.DataAddr32 + 0x100
	data := make([]byte, 0x200)
	copy(data[0x100:], "/etc/passwd")
	edx := "\xba" // mov $..., %edx
	getpid := func(want uint32) []byte {
		return tm.BuildData32(code32(
			// EDX after a call that sets no second result.
			edx, uint32(0x1234567), tm.Call32(0x80, 20), wantNoCarry(1), wantEDX(want, 2),
			// An error leaves it alone.
			edx, uint32(0x1234567), tm.Call32(0x80, 6, 1000), wantCarry(3), wantEAX(9, 4), wantEDX(0x1234567, 5),
			// open, lseek beyond 4 GiB and back, read.
			tm.Call32(0x80, 5, path, 0, 0), wantNoCarry(6), wantEAX(3, 7),
			tm.Call32(0x80, 199, 3, 0x89abcdef, 5, 0), wantNoCarry(8), wantEAX(0x89abcdef, 9), wantEDX(5, 10),
			tm.Call32(0x80, 199, 3, 0, 0, 0), wantNoCarry(11), wantEAX(0, 12), wantEDX(0, 13),
			edx, uint32(7), tm.Call32(0x80, 3, 3, tm.DataAddr32, 4), wantNoCarry(14), wantEAX(4, 15), wantEDX(0, 16),
			// A bad stack pointer is EFAULT.
			"\x89\xe6", "\xbc", uint32(0x8), "\xb8", uint32(4), "\xcd\x80", "\x89\xf4", // mov %esp,%esi; mov $8,%esp; int; mov %esi,%esp
			wantCarry(17), wantEAX(14, 18),
			// mmap gives an address in the 32-bit window.
			tm.Call32(0x80, 197, 0, 4096, 3, 0x1002, 0xffffffff, 0, 0), wantNoCarry(19), wantEDX(0, 20),
			"\xc7\x00", uint32(1), // movl $1, (%eax)
			// mach_timebase_info, task_self; the commpage's signature.
			tm.Call32(0x81, uint32(0xffffffff-89+1), tm.DataAddr32), wantEAX(0, 21),
			"\xa1", uint32(tm.DataAddr32), wantEAX(1, 22),
			"\xa1", uint32(0xffff0000), wantEAX(0x6d6d6f63, 23), // "comm"
			"\xa1", uint32(0xffff0008), wantEAX(0x2d323320, 24), // " 32-"
			// fcntl(3, F_GETPATH, a buffer on the stack), which is above 2 GiB.
			"\x81\xec", uint32(1024), "\x89\xe3", "\x53\x6a\x32\x6a\x03\x6a\x00", "\xb8", uint32(92), "\xcd\x80",
			wantNoCarry(25), "\x8b\x03", wantEAX(0x6374652f, 26), // "/etc"
			"\x89\xd8", "\xc1\xe8\x1f", wantEAX(1, 27),
			tm.Exit32(42)), data)
	}
	for _, tt := range []struct {
		release string
		edx     uint32
	}{{"10.6", 0x1234567}, {"10.9", 0x1234567}, {"10.10", 0}, {"10.14", 0}} {
		r := run(t, exec.Command(runnerPath, "-xnu", tt.release, program(t, getpid(tt.edx))))
		if r.status != 42 || r.stderr != "" {
			t.Errorf("%s: %+v", tt.release, r)
		}
	}
}

// TestTLS32 gives two segments to a thread, one after the other.
func TestTLS32(t *testing.T) {
	testguest.Need32(t)
	data := make([]byte, 0x100)
	data[0x10], data[0x20] = 0x55, 0x66
	prog := program(t, tm.BuildData32(code32(
		tm.Call32(0x82, 3, tm.DataAddr32+0x10),
		"\x65\xa1", uint32(0), wantEAX(0x55, 1), // mov %gs:0, %eax
		tm.Call32(0x82, 3, tm.DataAddr32),
		"\x31\xdb\x8e\xeb", "\x8e\xe8", // xor %ebx, %ebx; mov %bx, %gs; mov %ax, %gs
		"\x65\xa1", uint32(0x20), wantEAX(0x66, 2),
		"\x65\xa1", uint32(0x2000), // beyond the limit
		tm.Exit32(42)), data))
	r := run(t, exec.Command(runnerPath, prog))
	if r.signal != syscall.SIGSEGV {
		t.Errorf("%+v", r)
	}
}

// TestHost32 runs 32-bit programs on hosts that lack what they need: a seccomp
// filter, which the test binary puts on itself before it executes the runner,
// plays the host.
func TestHost32(t *testing.T) {
	testguest.Need32(t)
	low := tm.Build32(tm.Exit32(0))
	binary.LittleEndian.PutUint32(low[tm.TextVMAddr32:], 0x1000)
	binary.LittleEndian.PutUint32(low[tm.ThreadEIP32:], tm.Entry32-tm.Base32+0x1000)
	for _, tt := range []struct {
		host   string
		prog   []byte
		status int
		want   string
	}{
		{"modify_ldt", tm.Build32(tm.Exit32(42)), exitHost, "CONFIG_MODIFY_LDT_SYSCALL"},
		{"EPERM 154", tm.Build32(tm.Exit32(42)), exitHost, "allow modify_ldt in it"},
		{"map_32bit", tm.Build32(tm.Exit32(42)), exitHost, "no memory below 2 GiB for 32-bit programs (mmap: cannot allocate memory)"},
		{"mmap_min_addr", tm.Build32(tm.Exit32(42)), 42, ""},
		{"mmap_min_addr", low, exitCannot, "vm.mmap_min_addr"},
	} {
		cmd := exec.Command("/proc/self/exe", runnerPath, program(t, tt.prog))
		cmd.Env = append(os.Environ(), "GOXNU_TEST_HOST="+tt.host)
		r := run(t, cmd)
		if r.status != tt.status || r.stdout != "" || !strings.Contains(r.stderr, tt.want) || strings.Count(r.stderr, "\n") > 1 ||
			(r.stderr == "") != (tt.want == "") {
			t.Errorf("%q: %+v; want status %d, %q", tt.host, r, tt.status, tt.want)
		}
	}
}

// lesserHost executes a program under a filter, for TestHost32.
func lesserHost(host string, argv []string) error {
	const (
		nr, arg0, arg3 = 0, 16, 40 // struct seccomp_data (include/uapi/linux/seccomp.h)
		deny           = 0x00050000
		allow          = 0x7fff0000

		load   = syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS
		equal  = syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K
		atMost = syscall.BPF_JMP | syscall.BPF_JGE | syscall.BPF_K // jumps if not less
		anyBit = syscall.BPF_JMP | syscall.BPF_JSET | syscall.BPF_K
		ret    = syscall.BPF_RET | syscall.BPF_K

		setNoNewPrivs, setSeccomp, modeFilter = 38, 22, 2
	)
	filters := map[string][]syscall.SockFilter{
		"modify_ldt": {
			{Code: load, K: nr},
			{Code: equal, K: syscall.SYS_MODIFY_LDT, Jf: 1},
			{Code: ret, K: deny | uint32(syscall.ENOSYS)},
			{Code: ret, K: allow},
		},
		"map_32bit": {
			{Code: load, K: nr},
			{Code: equal, K: syscall.SYS_MMAP, Jf: 3},
			{Code: load, K: arg3},
			{Code: anyBit, K: syscall.MAP_32BIT, Jf: 1},
			{Code: ret, K: deny | uint32(syscall.ENOMEM)},
			{Code: ret, K: allow},
		},
		"mmap_min_addr": {
			{Code: load, K: nr},
			{Code: equal, K: syscall.SYS_MMAP, Jf: 6},
			{Code: load, K: arg0 + 4},
			{Code: equal, K: 0, Jf: 4},
			{Code: load, K: arg0},
			{Code: equal, K: 0, Jt: 2}, // anywhere
			{Code: atMost, K: 0x10000, Jt: 1},
			{Code: ret, K: deny | uint32(syscall.EPERM)},
			{Code: ret, K: allow},
		},
	}
	f := filters[host]
	if f == nil {
		f = refusing(host)
	}
	prog := syscall.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	runtime.LockOSThread()
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0); e != 0 {
		return e
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_PRCTL, setSeccomp, modeFilter, uintptr(unsafe.Pointer(&prog))); e != 0 {
		return e
	}
	return syscall.Exec(argv[0], argv, os.Environ())
}

// TestLDT32 makes segments of its own, and what i386_set_ldt refuses.
func TestLDT32(t *testing.T) {
	testguest.Need32(t)
	const desc = tm.DataAddr32 + 0x80
	data := make([]byte, 0x1000)
	data[0x10] = 0x55
	descriptor := func(base uint32, limit uint16, access, size byte) uint64 {
		return uint64(limit) | uint64(base&0xffffff)<<16 | uint64(access)<<40 | uint64(size)<<52 | uint64(base>>24)<<56
	}
	for i, d := range []uint64{
		descriptor(tm.DataAddr32+0x10, 15, 0xf2, 4), // data, written
		descriptor(0, 0xffff, 0x92, 4),              // of privilege 0
		descriptor(0, 0xffff, 0xfa, 6),              // 64-bit code
		descriptor(0, 0xffff, 0xe2, 4),              // a system descriptor
	} {
		copy(data[0x80+8*i:], tm.Code(d))
	}
	const set, get, auto = 5, 6, 0xffffffff
	loadGS := func(sel uint32) []byte { return code32("\xbb", sel, "\x8e\xeb", "\x65\xa1", uint32(0)) } // mov %gs:0, %eax
	fails := func(status, nr, start, p, n, errno uint32) []byte {
		return code32(tm.Call32(0x82, nr, start, p, n), wantCarry(status), wantEAX(errno, status))
	}
	prog := program(t, tm.BuildData32(code32(
		tm.Call32(0x82, 3, tm.DataAddr32), "\x89\xc7", // the thread's own; mov %eax, %edi
		tm.Call32(0x82, get, 0, tm.DataAddr32+0x200, 1), wantNoCarry(1), wantEAX(3, 2),
		tm.Call32(0x82, set, auto, desc, 1), wantNoCarry(3), wantEAX(3, 4),
		loadGS(3<<3|7), wantEAX(0x55, 5),
		tm.Call32(0x80, 20), loadGS(3<<3|7), wantEAX(0x55, 6), // it stays
		tm.Call32(0x82, set, 100, desc, 1), wantNoCarry(7), wantEAX(100, 8),
		tm.Call32(0x82, set, auto, desc, 2), wantCarry(9), // the second is bad: none is set
		tm.Call32(0x82, set, auto, desc, 1), wantNoCarry(10), wantEAX(4, 11),
		tm.Call32(0x82, get, 100, tm.DataAddr32+0x200, 5), wantNoCarry(12), wantEAX(101, 13),
		"\xa1", uint32(tm.DataAddr32+0x200), wantEAX((tm.DataAddr32+0x10)&0xffff<<16|15, 14),
		fails(15, set, 2, desc, 1, 22), fails(16, set, 8191, desc, 2, 22), fails(17, set, auto, desc+8, 1, 13),
		fails(18, set, auto, desc+16, 1, 13), fails(19, set, auto, desc+24, 1, 13), fails(20, set, auto, 8, 1, 14),
		fails(21, get, 0, 0, 1, 22), fails(22, get, 8192, desc, 0, 22),
		tm.Call32(0x82, set, 3, 0, 1), wantNoCarry(23), // emptied
		tm.Call32(0x82, set, 0, 0, 0), wantNoCarry(24), wantEAX(0, 25),
		tm.Call32(0x82, get, 0, tm.DataAddr32+0x200, 1), wantEAX(3, 26),
		"\x8e\xef", "\x65\xa1", uint32(0x10), wantEAX(0x55, 27), // mov %edi, %gs: still there
		tm.Exit32(42)), data))
	if r := run(t, exec.Command(runnerPath, prog)); r.status != 42 || r.stderr != "" {
		t.Errorf("%+v", r)
	}
	// A selector of nothing.
	prog = program(t, tm.Build32(loadGS(9<<3|7)))
	if r := run(t, exec.Command(runnerPath, prog)); r.signal != syscall.SIGSEGV {
		t.Errorf("%+v", r)
	}
}

// TestSysenter32 makes calls by SYSENTER, which AMD processors and others
// understand differently: with an EBP that points to memory, and with the null
// pointer.
func TestSysenter32(t *testing.T) {
	testguest.Need32(t)
	t.Run("ESP", func(t *testing.T) { sysenter32(t, "\x89\xe5", "\x39\xec\x74\x02\x0f\x0b") }) // mov %esp, %ebp; cmp %ebp, %esp
	t.Run("0", func(t *testing.T) { sysenter32(t, "\x31\xed", "\x85\xed\x74\x02\x0f\x0b") })   // xor %ebp, %ebp; test %ebp, %ebp
}

func sysenter32(t *testing.T, setEBP, checkEBP string) {
	const stub = "\x5a\x89\xe1\x0f\x34" // pop %edx; mov %esp, %ecx; sysenter
	const act, count, timer, fds = tm.DataAddr32, tm.DataAddr32 + 0x40, tm.DataAddr32 + 0x60, tm.DataAddr32 + 0x80
	const alrm = 14
	data := make([]byte, 0x1000)
	copy(data[0x60:], tm.Code(uint32(0), uint32(0), uint32(0), uint32(50_000))) // in 50 ms
	// All code is behind a jump and the stub.
	code := code32("\xeb\x05", stub, setEBP)
	add := func(parts ...any) { code = append(code, code32(parts...)...) }
	call := func(nr uint32, args ...uint32) {
		for i := len(args) - 1; i >= 0; i-- {
			add("\x68", args[i])
		}
		add("\x6a\x00", "\xb8", nr)
		add("\xe8", uint32(2-len(code)-5))
		ret := tm.Entry32 + uint32(len(code))
		add("\x72\x11", // jc: the values come back after an error too, but checks change CF
			"\x39\xe1\x74\x02\x0f\x0b",                  // cmp %esp, %ecx; je; ud2
			"\x81\xfa", ret, "\x74\x02\x0f\x0b", "\xf8") // cmp $ret, %edx; je; ud2; clc
		add("\x8d\xa4\x24", uint32(4*(len(args)+1)))
	}
	call(20)
	add(wantNoCarry(1), "\x89\xc3", tm.Call32(0x80, 20), "\x39\xc3\x74\x02\x0f\x0b") // the same as by INT
	call(6, 1000)
	add(wantCarry(2), wantEAX(9, 3))
	call(uint32(0xffffffff-89+1), tm.DataAddr32+0x100) // mach_timebase_info
	add(wantEAX(0, 4), "\xa1", uint32(tm.DataAddr32+0x100), wantEAX(1, 5))
	call(42) // pipe; the write end would come in EDX
	add(wantNoCarry(6), wantEAX(3, 7))
	// A read that is interrupted by a handler that writes, and made again.
	handler := code32("\xff\x05", uint32(count), tm.Call32(0x80, 4, 4, count, 1), wantNoCarry(8),
		"\x8b\x44\x24\x14\x8b\x5c\x24\x18\x53\x6a\x1e\x50\x6a\x00\xb8\xb8\x00\x00\x00\xcd\x80\x0f\x0b")
	add("\xe9", uint32(len(handler)))
	copy(data, tm.Code(uint32(0x5678), tm.Entry32+uint32(len(code)), uint32(0), uint32(0x42))) // SA_SIGINFO|SA_RESTART
	add(handler)
	call(46, alrm, act, 0)
	add(wantNoCarry(9))
	call(83, 0, timer, 0)
	add(wantNoCarry(10))
	call(3, 3, fds, 1)
	add(wantNoCarry(11), wantEAX(1, 12), "\xa1", uint32(fds), wantEAX(1, 13), checkEBP)
	add(tm.Exit32(42))
	for _, release := range []string{"10.6", "10.14"} {
		r := run(t, exec.Command(runnerPath, "-xnu", release, program(t, tm.BuildData32(code, data))))
		if r.status != 42 || r.stderr != "" {
			t.Errorf("%s: %+v", release, r)
		}
	}
}

// TestSysenterCode32 has SYSENTERs, with the null pointer in EBP, that are not
// easily found, and bytes that look like one.
func TestSysenterCode32(t *testing.T) {
	testguest.Need32(t)
	const (
		stub   = "\x5a\x89\xe1\x0f\x34"
		bytes  = tm.Entry32 + 7 // of the table
		table  = "\x5a\x89\xe1\x0f\x34\x5a\x8b\xcc\x0f\x34"
		getpid = 20
	)
	intact := func(status uint32) []byte { // cmpl, cmpb, with the table in ESI
		exit := tm.Exit32(status)
		n := string([]byte{byte(len(exit))})
		return code32("\xbe", uint32(bytes), "\x81\x3e", uint32(0x0fe1895a), "\x74", n, exit, "\x80\x7e\x04\x34", "\x74", n, exit,
			"\x80\x7e\x09\x34", "\x74", n, exit)
	}
	samePID := "\x39\xf8\x74\x02\x0f\x0b" // cmp %edi, %eax; je; ud2
	code := code32("\xeb", string([]byte{byte(5 + len(table))}), stub, table, "\x31\xed", tm.Call32(0x80, getpid), "\x89\xc7")
	add := func(parts ...any) { code = append(code, code32(parts...)...) }
	// call adds a call of code at an offset in the program.
	call := func(to int) { add("\xe8", uint32(to-len(code)-5)) }

	// The number does not come from where it usually does.
	add("\xbb", uint32(getpid), "\x89\xd8", "\x90") // mov $20, %ebx; mov %ebx, %eax
	call(2)
	add(samePID, intact(1))

	// New code: in memory that was writable before and is executable then, and in
	// memory that is both.
	newCode := code32("\xe8", uint32(1), "\xc3", stub)                      // call stub; ret
	late := code32("\xb8", uint32(getpid), "\xe8", uint32(1), "\xc3", stub) // mov $20, %eax; call stub; ret
	for i, tt := range []struct {
		code []byte
		prot uint32
	}{{newCode, 3}, {late, 7}} {
		status := uint32(10 + 10*i)
		add(tm.Call32(0x80, 197, 0, 4096, tt.prot, 0x1002, 0xffffffff, 0, 0), wantNoCarry(status), "\x89\xc3") // mmap; mov %eax, %ebx
		for j, c := range tt.code {
			add("\xc6\x83", uint32(j), string([]byte{c})) // movb $c, j(%ebx)
		}
		if tt.prot == 3 {
			add("\x6a\x05", "\x68", uint32(4096), "\x53", "\x6a\x00", "\xb8", uint32(74), "\xcd\x80", "\x83\xc4\x10", wantNoCarry(status+1)) // mprotect
		}
		for range 3 {
			add("\xb8", uint32(getpid), "\xff\xd3", samePID) // mov $20, %eax; call *%ebx
		}
	}

	// A child that goes on in another runner: kqueue, and the stub again.
	child := code32(tm.Call32(0x80, 362), wantNoCarry(40), tm.Call32(0x80, getpid), "\x89\xc7", intact(41))
	add(tm.Call32(0x80, 2), wantNoCarry(42), "\x83\xfa\x01", "\x0f\x85") // fork; cmp $1, %edx; jne
	child = append(child, 0xb8, getpid, 0, 0, 0)
	stubAt := 2 - (len(code) + 4 + len(child) + 5)
	child = append(child, code32("\xe8", uint32(stubAt), samePID, intact(43), tm.Exit32(44))...)
	add(uint32(len(child)), child)
	add(tm.Call32(0x80, 7, 0xffffffff, tm.DataAddr32, 0, 0), wantNoCarry(45),
		"\x0f\xb7\x05", uint32(tm.DataAddr32), wantEAX(44<<8, 46))
	// The program's own invalid opcode.
	add(intact(47), "\x5a\x89\xe1\x0f\x0b")

	for _, release := range []string{"10.6", "10.14"} {
		r := run(t, exec.Command(runnerPath, "-xnu", release, program(t, tm.BuildData32(code, make([]byte, 16)))))
		if r.signal != syscall.SIGILL || r.stderr != "" {
			t.Errorf("%s: %+v", release, r)
		}
	}
}

// TestSysenterLost32 makes a call by a SYSENTER with the null pointer in EBP
// whose number nobody can tell.
func TestSysenterLost32(t *testing.T) {
	testguest.Need32(t)
	if vcpu.SysenterFaults() {
		t.Skip("SYSENTER is an invalid opcode on this processor, and no call is lost")
	}
	code := code32("\xeb\x05", "\x5a\x89\xe1\x0f\x34", "\x31\xed", "\xb8", uint32(20),
		"\xb9", uint32(tm.Entry32+2), "\xff\xd1", tm.Exit32(42)) // mov $stub, %ecx; call *%ecx
	r := run(t, exec.Command(runnerPath, program(t, tm.Build32(code))))
	if r.signal != syscall.SIGSEGV || !strings.Contains(r.stderr, "a SYSENTER with EBP 0x0 is lost") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("%+v", r)
	}
}

// TestResume32 has a forked child make a call for which it must go on in a new
// runner: everything is there as before.
func TestResume32(t *testing.T) {
	testguest.Need32(t)
	data := make([]byte, 0x100)
	copy(data[0x10:], tm.Code(uint32(0x55), uint32(0), uint32(1), uint32(2), uint32(3), uint32(4)))
	const desc = tm.DataAddr32 + 0x80
	copy(data[0x80:], tm.Code(uint64(0xff)|uint64(tm.DataAddr32&0xffffff)<<16|0xf2<<40|4<<52))
	getpid := code32("\xb8", uint32(20), "\xcd\x80\xc3")
	again := code32("\xb8", uint32(tm.Entry32+2), "\xff\xd0") // call it: mov $..., %eax; call *%eax
	child := code32(
		"\xf9", tm.Call32(0x80, 362), wantNoCarry(50), "\x83\xf8\x00", "\x7f\x02\x0f\x0b", // kqueue: a number above 0
		"\x65\xa1", uint32(0), wantEAX(0x55, 51),
		"\x89\xe8", wantEAX(0x12345, 52), // mov %ebp, %eax
		"\x66\x0f\x7e\xc0", wantEAX(1, 53), // movd %xmm0, %eax
		"\xbb", uint32(3<<3|7), "\x8e\xeb", "\x65\xa1", uint32(0x10), wantEAX(0x55, 55), // the segment of its own
		"\xa1", uint32(0xffff0000), wantEAX(0x6d6d6f63, 54), // the commpage
		again, "\x83\xf8\x00", "\x7f\x02\x0f\x0b", // the trampoline
		tm.Exit32(43))
	prog := program(t, tm.BuildData32(code32(
		"\xeb", string([]byte{byte(len(getpid))}), getpid,
		again, again, // the second time by a trampoline
		tm.Call32(0x82, 5, 0xffffffff, desc, 1), wantEAX(3, 1),
		tm.Call32(0x82, 3, tm.DataAddr32+0x10),
		"\x0f\x10\x05", uint32(tm.DataAddr32+0x18), "\xbd", uint32(0x12345),
		tm.Call32(0x80, 2), wantNoCarry(2),
		"\x83\xfa\x01", "\x0f\x85", uint32(len(child)), child, // cmp $1, %edx; jne
		tm.Call32(0x80, 7, 0xffffffff, tm.DataAddr32, 0, 0), wantNoCarry(3),
		"\x0f\xb7\x05", uint32(tm.DataAddr32), wantEAX(43<<8, 4),
		tm.Exit32(42)), data))
	r := run(t, exec.Command(runnerPath, prog))
	if r.status != 42 || r.stderr != "" {
		t.Errorf("%+v", r)
	}
}

// TestSignal32 sends itself a signal with a handler on an alternate stack,
// which changes all registers, and looks at what the handler gets and at what
// sigreturn restores.
func TestSignal32(t *testing.T) {
	testguest.Need32(t)
	const (
		act     = tm.DataAddr32
		stack   = tm.DataAddr32 + 0x20
		altBase = tm.DataAddr32 + 0x10000
		altSize = 0x10000
		seen    = tm.DataAddr32 + 0x40
		usr1    = 30
	)
	// The trampoline. The frame: slot, handler, style, signal, siginfo, ucontext, token.
	tramp := code32(
		"\xff\x05", uint32(seen), // incl seen
		"\x8b\x44\x24\x04", wantEAX(0x5678, 20),
		"\x8b\x44\x24\x08", wantEAX(30, 21), // UC_FLAVOR
		"\x8b\x44\x24\x0c", wantEAX(usr1, 22),
		"\x8b\x44\x24\x10", "\x8b\x00", wantEAX(usr1, 23), // siginfo->si_signo
		"\x8b\x44\x24\x14", "\x8b\x40\x1c", "\x8b\x40\x10", wantEAX(0xbbbb, 24), // ucontext->mcontext->ebx
		"\x89\xe0", "\x25", uint32(15), wantEAX(12, 25), // ESP mod 16
		"\x89\xe0", "\x2d", uint32(altBase), "\xc1\xe8\x10", wantEAX(0, 26), // on the alternate stack
		"\x8b\x44\x24\x14", "\x8b\x5c\x24\x18", // ucontext, token
		"\x0f\x57\xc0", "\xbe", uint32(0), "\xbf", uint32(0), "\xbd", uint32(0), // wipe xmm0, esi, edi, ebp
		"\x53", "\x6a\x1e", "\x50", "\x6a\x00", // push token, style, ucontext, slot
		"\xb8", uint32(184), "\xcd\x80", "\x0f\x0b")
	data := make([]byte, 0x21000)
	le := func(off int, v ...uint32) {
		for i, x := range v {
			copy(data[off+4*i:], tm.Code(x))
		}
	}
	le(0x20, altBase, altSize, 0)
	le(0x60, 0x11111111, 0x22222222, 0x33333333, 0x44444444)
	build := func() []byte {
		main := func(trampAddr uint32) []byte {
			le(0, 0x5678, trampAddr, 0, 0x41) // SA_SIGINFO|SA_ONSTACK
			return code32(
				tm.Call32(0x80, 53, stack, 0), wantNoCarry(1),
				tm.Call32(0x80, 46, usr1, act, 0), wantNoCarry(2),
				tm.Call32(0x80, 20), "\x89\xc1", // getpid; mov %eax, %ecx
				"\x0f\x10\x05", uint32(tm.DataAddr32+0x60), // movups ..., %xmm0
				"\xbb", uint32(0xbbbb), "\xbe", uint32(0x5151), "\xbf", uint32(0xd1d1), "\xbd", uint32(0xb9b9),
				"\x6a\x01", "\x6a\x1e", "\x51", "\x6a\x00", // kill(pid, 30, 1)
				"\xb8", uint32(37), "\xf9", "\xcd\x80", // stc: the carry must be cleared
				wantNoCarry(3), wantEAX(0, 4),
				"\x89\xd8", wantEAX(0xbbbb, 5), "\x89\xf0", wantEAX(0x5151, 6),
				"\x89\xf8", wantEAX(0xd1d1, 7), "\x89\xe8", wantEAX(0xb9b9, 8),
				"\x66\x0f\x7e\xc0", wantEAX(0x11111111, 9), // movd %xmm0, %eax
				"\xa1", uint32(seen), wantEAX(1, 10),
				tm.Exit32(42))
		}
		n := uint32(len(main(0)))
		return tm.BuildData32(code32(main(tm.Entry32+n), tramp), data)
	}
	for _, release := range []string{"10.6", "10.8", "10.9", "10.12", "10.13", "10.14"} {
		r := run(t, exec.Command(runnerPath, "-xnu", release, program(t, build())))
		if r.status != 42 || r.stderr != "" {
			t.Errorf("%s: %+v", release, r)
		}
	}
}

// TestFault32 has programs die of their faults.
func TestFault32(t *testing.T) {
	testguest.Need32(t)
	for _, tt := range []struct {
		name string
		code string
		sig  syscall.Signal
	}{
		{"ud2", "\x0f\x0b", syscall.SIGILL},
		{"hlt", "\xf4", syscall.SIGSEGV},
		{"divide", "\x31\xc9\xf7\xf1", syscall.SIGFPE},
		{"load", "\xa1\x08\x00\x00\x00", syscall.SIGSEGV},
		{"jump", "\x31\xc0\xff\xe0", syscall.SIGSEGV},
		{"int3", "\xcc", syscall.SIGTRAP},
		{"text", "\xc7\x05\x00\x00\x02\x00\x00\x00\x00\x00", syscall.SIGBUS},
		{"nosys", "\xb8\x00\x0f\x00\x00\xcd\x80", syscall.SIGSYS},
	} {
		r := run(t, exec.Command(runnerPath, program(t, tm.Build32([]byte(tt.code)))))
		if r.signal != tt.sig {
			t.Errorf("%s: %+v, want %v", tt.name, r, tt.sig)
		}
	}
}

// TestNested32 has a handler send its own signal again and again, so that
// frames stack up, while a timer interrupts at any place; each level must find
// its registers as they were.
func TestNested32(t *testing.T) {
	testguest.Need32(t)
	const (
		act   = tm.DataAddr32
		count = tm.DataAddr32 + 0x40
		timer = tm.DataAddr32 + 0x60
		ticks = tm.DataAddr32 + 0x44
		usr1  = 30
		alrm  = 14
		depth = 20
	)
	data := make([]byte, 0x1000)
	copy(data[0x60:], tm.Code(uint32(0), uint32(500), uint32(0), uint32(500))) // every 500 µs
	sigreturn := "\x8b\x44\x24\x14\x8b\x5c\x24\x18\x53\x6a\x1e\x50\x6a\x00\xb8\xb8\x00\x00\x00\xcd\x80\x0f\x0b"
	kill := code32("\x6a\x01", "\x6a\x1e", "\x51", "\x6a\x00", "\xb8", uint32(37), "\xcd\x80", "\x83\xc4\x10")
	build := func() []byte {
		tick := code32("\xff\x05", uint32(ticks), "\x31\xdb\x31\xc9\x31\xd2\x31\xf6\x31\xff\x31\xed\x0f\x57\xc0", sigreturn)
		// Every level has the count in EBX, and the pid in ECX as all have.
		usr := code32(
			"\xff\x05", uint32(count), "\x8b\x1d", uint32(count), // incl count; mov count, %ebx
			"\x81\xfb", uint32(depth), "\x73", string([]byte{byte(len(kill))}), kill, // jae over the kill
			"\xff\x0d", uint32(count), // decl count
			"\x8d\x43\xff", "\x3b\x05", uint32(count), // lea -1(%ebx), %eax; cmp count, %eax
			"\x74", string([]byte{byte(len(tm.Exit32(20)))}), tm.Exit32(20),
			sigreturn)
		main := func(usrAddr, tickAddr uint32) []byte {
			setup := func(sig, tramp uint32) []byte {
				return code32("\xc7\x05", uint32(act+4), tramp, "\xc7\x05", uint32(act+12), uint32(0x50), // SA_SIGINFO|SA_NODEFER
					"\xc7\x05", uint32(act), uint32(0x1000), tm.Call32(0x80, 46, sig, act, 0), wantNoCarry(1))
			}
			round := code32(kill, wantNoCarry(3),
				"\xa1", uint32(count), wantEAX(0, 4),
				"\x89\xe8", wantEAX(0x12345, 5), // mov %ebp, %eax
				"\x4e", "\x81\x3d", uint32(ticks), uint32(20)) // dec %esi; cmpl $20, ticks
			round = append(round, tm.Code("\x0f\x82", uint32(-int32(len(round)+6)))...) // jb
			return code32(setup(usr1, usrAddr), setup(alrm, tickAddr),
				tm.Call32(0x80, 83, 0, timer, 0), wantNoCarry(2),
				tm.Call32(0x80, 20), "\x89\xc1", "\xbd", uint32(0x12345),
				round, tm.Exit32(42))
		}
		n := uint32(len(main(0, 0)))
		usrAddr := tm.Entry32 + n
		return tm.BuildData32(code32(main(usrAddr, usrAddr+uint32(len(usr))), usr, tick), data)
	}
	for _, release := range []string{"10.6", "10.14"} {
		r := run(t, exec.Command(runnerPath, "-xnu", release, program(t, build())))
		if r.status != 42 || r.stderr != "" {
			t.Errorf("%s: %+v", release, r)
		}
	}
}

// BenchmarkGetpid32 has a 32-bit guest make many system calls.
func BenchmarkGetpid32(b *testing.B) {
	const n = 2_000_000
	prog := program(b, tm.Build32(code32(
		"\xbb", uint32(n), // mov $n, %ebx
		"\xb8", uint32(20), "\xcd\x80", // getpid
		"\x4b\x75\xf6", // dec %ebx; jnz
		tm.Exit32(0))))
	var cpu time.Duration
	loops := 0
	for b.Loop() {
		cmd := exec.Command(runnerPath, prog)
		if r := run(b, cmd); r.status != 0 {
			b.Fatalf("%+v", r)
		}
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		loops++
	}
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(loops)/n, "cpu-ns/call")
}
