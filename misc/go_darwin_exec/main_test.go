// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"goxnu/misc/go_darwin_exec/internal/testguest"
	tm "goxnu/misc/go_darwin_exec/internal/testmacho"
	"goxnu/misc/go_darwin_exec/xnu"
	"goxnu/misc/internal/hosttest"
	"goxnu/misc/internal/releases"
)

var (
	runnerPath string // the runner as it is shipped
	plainPath  string // the same, built without -buildmode=pie
)

func TestMain(m *testing.M) {
	if host := os.Getenv("GOXNU_TEST_HOST"); host != "" {
		fmt.Fprintln(os.Stderr, lesserHost(host, os.Args[1:]))
		os.Exit(99)
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "go_darwin_exec")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		runnerPath, plainPath = dir+"/go_darwin_exec", dir+"/plain"
		for _, args := range [][]string{{"-buildmode=pie", "-o", runnerPath}, {"-buildmode=exe", "-o", plainPath}} {
			if out, err := exec.Command("go", append([]string{"build"}, append(args, ".")...)...).CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
				return 1
			}
		}
		return m.Run()
	}())
}

// program writes a file to run.
func program(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(name, b, 0o777); err != nil {
		t.Fatal(err)
	}
	return name
}

// result is how a command ended.
type result struct {
	status         int
	signal         syscall.Signal
	stdout, stderr string
}

func run(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	return runWithin(t, cmd, 5*time.Minute)
}

// runWithin is run for a command that is killed if it has not ended after limit.
func runWithin(t testing.TB, cmd *exec.Cmd, limit time.Duration) (r result) {
	t.Helper()
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	e := cmd.Start()
	if e == nil {
		defer time.AfterFunc(limit, func() { cmd.Process.Kill() }).Stop()
		e = cmd.Wait()
	}
	var ee *exec.ExitError
	if e != nil && !errors.As(e, &ee) {
		t.Fatal(e)
	}
	ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
	r = result{status: ws.ExitStatus(), stdout: out.String(), stderr: err.String()}
	if ws.Signaled() {
		r.signal = ws.Signal()
	}
	return r
}

func TestExitStatus(t *testing.T) {
	for _, status := range []int{0, 1, 42, 255} {
		r := run(t, exec.Command(runnerPath, program(t, tm.Build(tm.Exit(uint32(status))))))
		if r != (result{status: status}) {
			t.Errorf("exit(%d): %+v", status, r)
		}
	}
	for _, tt := range []struct {
		code   string
		signal syscall.Signal
	}{
		{"\x0f\x0b", syscall.SIGILL},
		{"\x8b\x04\x25\x10\x00\x00\x00", syscall.SIGSEGV},
		{"\x31\xc9\xf7\xf1", syscall.SIGFPE},
		{"\xcc", syscall.SIGTRAP},
	} {
		cmd := exec.Command("/bin/sh", "-c", `ulimit -c 0; exec "$@"`, "sh", runnerPath, program(t, tm.Build([]byte(tt.code))))
		if r := run(t, cmd); r.signal != tt.signal {
			t.Errorf("code % x: %+v, want %v", tt.code, r, tt.signal)
		}
	}
}

// dumpStack writes what lies between the initial SP and the end of the page of
// the stack's end to stdout.
func dumpStack() []byte {
	return tm.Code(
		"\xbf", uint32(1), // mov $1, %edi
		"\x48\x89\xe6",                     // mov %rsp, %rsi
		"\x48\xba", uint64(0x7ff7bff00000), // movabs $top, %rdx
		"\x48\x29\xe2",                         // sub %rsp, %rdx
		"\xb8", uint32(0x02000004), "\x0f\x05", // write
		string(tm.Exit(0)))
}

// parseStack returns the lists of strings on a dumped stack.
func parseStack(t *testing.T, b []byte) (lists [3][]string) {
	t.Helper()
	le := binary.LittleEndian
	if len(b) < 32 {
		t.Fatalf("%d bytes of stack", len(b))
	}
	top := uint64(0x7ff7bff00000)
	sp := top - uint64(len(b))
	argc := le.Uint64(b)
	i := 8
	for n := range lists {
		for ; le.Uint64(b[i:]) != 0; i += 8 {
			s := b[le.Uint64(b[i:])-sp:]
			lists[n] = append(lists[n], string(s[:bytes.IndexByte(s, 0)]))
		}
		i += 8
	}
	if int(argc) != len(lists[0]) {
		t.Errorf("argc is %d, but there are %d arguments", argc, len(lists[0]))
	}
	return lists
}

// TestStart checks that arguments and environment arrive as they are, also the
// variables that would change the runner's own runtime.
func TestStart(t *testing.T) {
	name := program(t, tm.Build(dumpStack()))
	args := []string{name, "", "-trace", "a b", "\xff\xfe", "--", "-h"}
	for _, env := range [][]string{
		{},
		{"A=1", "B=", "C", "=D", "A=2", "", "E=\xff"},
		{"GODEBUG=gctrace=1", "GOMAXPROCS=1", "GOTRACEBACK=crash", "GOGC=off", "PATH=/nowhere", "PATH=/else", ""},
	} {
		// Package exec would tidy the environment up.
		var files [2]*os.File
		for i := range files {
			f, err := os.CreateTemp(t.TempDir(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			files[i] = f
		}
		p, err := os.StartProcess(runnerPath, append([]string{runnerPath}, args...), &os.ProcAttr{Env: env, Files: []*os.File{nil, files[0], files[1]}})
		if err != nil {
			t.Fatal(err)
		}
		ps, err := p.Wait()
		if err != nil || !ps.Success() {
			t.Fatalf("%v, %v", ps, err)
		}
		stdout, _ := os.ReadFile(files[0].Name())
		stderr, _ := os.ReadFile(files[1].Name())
		if len(stderr) != 0 {
			t.Errorf("stderr: %q", stderr)
		}
		lists := parseStack(t, stdout)
		if !slices.Equal(lists[0], args) {
			t.Errorf("arguments %q, want %q", lists[0], args)
		}
		if !slices.Equal(lists[1], env) {
			t.Errorf("environment %q, want %q", lists[1], env)
		}
		if lists[2][0] != "executable_path="+name {
			t.Errorf("apple[0] is %q", lists[2][0])
		}
	}
}

// TestRefusals checks the message and the status for what cannot be run. There
// must be one line, and it must say what is wrong.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, b []byte, mode os.FileMode) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	good := tm.Build(tm.Exit(0))
	big := bytes.Clone(good)
	binary.LittleEndian.PutUint64(big[tm.DataVMAddr:], 0x500000000000)
	binary.LittleEndian.PutUint64(big[tm.DataVMSize:], 0x100000000000)
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{dir + "/missing"}, exitNotFound, "no such file"},
		{[]string{dir + "/missing/deeper"}, exitNotFound, "no such file"},
		{[]string{file("plain", good, 0o666) + "/x"}, exitNotFound, "not a directory"},
		{[]string{"surely-no-such-program"}, exitNotFound, "not found in PATH"},
		{[]string{dir}, exitCannot, "is a directory"},
		{[]string{fifo}, exitCannot, "is not a regular file"},
		{[]string{"/dev/null"}, exitCannot, "is not a regular file"},
		{[]string{file("mode", good, 0o666)}, exitCannot, "not executable"},
		{[]string{file("empty", nil, 0o777)}, exitCannot, "is empty"},
		{[]string{file("script", []byte("#!/bin/sh\n"), 0o777)}, exitCannot, "is a script"},
		{[]string{runnerPath}, exitCannot, "is an ELF file"},
		{[]string{file("truncated", good[:0x1800], 0o777)}, exitCannot, "truncated"},
		{[]string{file("text", []byte("hello"), 0o777)}, exitCannot, "not a Mach-O"},
		{[]string{file("big", big, 0o777)}, exitCannot, "the runner's own memory lies where"},
		{[]string{}, exitUsage, "missing program"},
		{[]string{"-bogus", "x"}, exitUsage, "unknown flag -bogus"},
		{[]string{"-xnu"}, exitUsage, "-xnu needs a value"},
		{[]string{"-xnu", "10.5", "x"}, exitUsage, `unknown release "10.5"`},
	} {
		r := run(t, exec.Command(runnerPath, tt.args...))
		if r.status != tt.status || r.stdout != "" || !strings.HasPrefix(r.stderr, "go_darwin_exec: ") ||
			!strings.Contains(r.stderr, tt.want) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%q: %+v; want status %d, %q", tt.args, r, tt.status, tt.want)
		}
	}
	for _, value := range []string{"junk", "-1", "0", "99"} {
		cmd := exec.Command(runnerPath, "x")
		cmd.Env = []string{"GOXNU_STATE=" + value}
		if r := run(t, cmd); r.status != exitUsage || !strings.HasPrefix(r.stderr, "go_darwin_exec: GOXNU_STATE="+value+": ") || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%q: %+v", cmd.Env, r)
		}
	}
	if os.Geteuid() != 0 {
		r := run(t, exec.Command(runnerPath, file("secret", good, 0o111)))
		if r.status != exitCannot || !strings.Contains(r.stderr, "cannot be read") {
			t.Errorf("unreadable file: %+v", r)
		}
	}
}

func TestNotPIE(t *testing.T) {
	r := run(t, exec.Command(plainPath, program(t, tm.Build(tm.Exit(0)))))
	if r.status != exitHost || !strings.Contains(r.stderr, "-buildmode=pie") {
		t.Errorf("%+v", r)
	}
}

func TestFlags(t *testing.T) {
	if r := run(t, exec.Command(runnerPath, "-h")); r.status != 0 || r.stderr != "" || !strings.HasPrefix(r.stdout, "usage: go_darwin_exec") {
		t.Errorf("-h: %+v", r)
	}
	if r := run(t, exec.Command(runnerPath, "-version")); r.status != 0 || r.stderr != "" || !strings.Contains(r.stdout, "goxnu") {
		t.Errorf("-version: %+v", r)
	}
	prog := program(t, tm.Build(tm.Exit(3)))
	for _, s := range releases.All {
		for _, name := range []string{s.Name, fmt.Sprint(s.Kernel)} {
			if r := run(t, exec.Command(runnerPath, "-xnu", name, prog)); r != (result{status: 3}) {
				t.Errorf("-xnu %s: %+v", name, r)
			}
		}
	}
	if r := run(t, exec.Command(runnerPath, "-trace", prog)); r.status != 3 || !strings.Contains(r.stderr, "exit(") {
		t.Errorf("-trace: %+v", r)
	}
	cmd := exec.Command(runnerPath, prog)
	cmd.Env = append(os.Environ(), "GOXNU_RUNNER= -xnu 10.9  -trace ")
	if r := run(t, cmd); r.status != 3 || !strings.Contains(r.stderr, "exit(") {
		t.Errorf("GOXNU_RUNNER: %+v", r)
	}
	cmd = exec.Command(runnerPath, prog)
	cmd.Env = append(os.Environ(), "GOXNU_RUNNER=-trace word")
	if r := run(t, cmd); r.status != exitUsage || !strings.Contains(r.stderr, `"word" is not a flag`) {
		t.Errorf("GOXNU_RUNNER: %+v", r)
	}
	trace := filepath.Join(t.TempDir(), "trace")
	if r := run(t, exec.Command(runnerPath, "-trace="+trace, "--", prog)); r != (result{status: 3}) {
		t.Errorf("-trace=FILE: %+v", r)
	}
	if b, err := os.ReadFile(trace); err != nil || !strings.Contains(string(b), "exit(") {
		t.Errorf("trace: %v, %q", err, b)
	}
}

// TestName runs the runner as go run finds it, and a program that is on PATH.
func TestName(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "go_darwin_amd64_exec")
	if err := os.Symlink(runnerPath, link); err != nil {
		t.Fatal(err)
	}
	if r := run(t, exec.Command(link, "/missing")); r.status != exitNotFound || !strings.HasPrefix(r.stderr, "go_darwin_exec: /missing: ") {
		t.Errorf("%+v", r)
	}
	if err := os.WriteFile(dir+"/prog", tm.Build(tm.Exit(7)), 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(link, "prog")
	cmd.Env = append(os.Environ(), "PATH="+dir)
	if r := run(t, cmd); r != (result{status: 7}) {
		t.Errorf("program on PATH: %+v", r)
	}
}

// TestDescriptors checks that a new program has the descriptors 0, 1 and 2,
// and that the next one is 3.
func TestDescriptors(t *testing.T) {
	// exit(dup(0))
	code := tm.Code("\x31\xff\xb8", uint32(0x02000029), "\x0f\x05", "\x89\xc7\xb8", uint32(0x02000001), "\x0f\x05")
	prog := program(t, tm.Build(code))
	for _, args := range [][]string{{prog}, {"-trace=" + t.TempDir() + "/trace", prog}} {
		// Whoever runs this test may have left descriptors open.
		cmd := exec.Command("/bin/sh", "-c", `exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; exec "$@"`, "sh", runnerPath)
		cmd.Args = append(cmd.Args, args...)
		if r := run(t, cmd); r != (result{status: 3}) {
			t.Errorf("%q: %+v", args, r)
		}
	}
}

// harmless reports whether a call may be made with random arguments: it cannot
// hurt the host that the test runs on, nor end the test.
func harmless(name string) bool {
	for _, word := range strings.Fields("exit fork exec spawn kill reboot ptrace chroot mount setuid setgid seteuid setegid setreuid " +
		"setregid setgroups setsid setpgid setpriority settimeofday adjtime sysctl quotactl sethost swapon acct initgroups " +
		"terminate setlogin csops settid kdebug audit nfs shm sem_unlink proc_info ioctl setrlimit iopolicy sigsuspend pid_") {
		if strings.Contains(name, word) {
			return false
		}
	}
	return true
}

// removable undoes what keeps the files in dir from being removed: modes, and
// the flags that chflags(2) sets for root (append only, immutable).
func removable(t *testing.T, dir string) {
	const ( // include/uapi/linux/fs.h
		getflags, setflags = 0x80086601, 0x40086602
		keeps              = 0x10 | 0x20 // immutable, append only
	)
	fix := func(path string) error {
		f, err := os.OpenFile(path, syscall.O_NOFOLLOW, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		var flags uintptr
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), getflags, uintptr(unsafe.Pointer(&flags))); e == 0 && flags&keeps != 0 {
			flags &^= keeps
			if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), setflags, uintptr(unsafe.Pointer(&flags))); e != 0 {
				return &fs.PathError{Op: "FS_IOC_SETFLAGS", Path: path, Err: e}
			}
		}
		return f.Chmod(0o700)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() && !d.Type().IsRegular() {
			return err
		}
		if err = fix(path); errors.Is(err, fs.ErrPermission) { // not as root: by the mode
			if err = os.Chmod(path, 0o700); err == nil {
				err = fix(path)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A monkey is a program that makes the system calls of a table, and what it needs.
type monkey struct {
	data   uint64 // address of the data
	word   int    // size of a word of the table and of its pointers
	unix   uint64 // class of a BSD call's number
	ends   []uint64
	build  func(code, data []byte) []byte
	code   func(table uint64) []byte // ends at a row that is 0
	latest int                       // number of the last release that runs it
}

const monkeyRow = 7 // words: the number, six arguments

var monkeys = map[string]monkey{
	"amd64": {tm.DataAddr, 8, 0x02000000, []uint64{0x7fffffe00000, 0x7ff7bfeff000, tm.Base, 1 << 63, 1<<47 - 1, 0x10}, tm.BuildData, func(table uint64) []byte {
		return tm.Code(
			"\x49\xbf", table, // movabs $table, %r15
			"\x49\x8b\x07", "\x48\x85\xc0", "\x74\x20", // mov (%r15), %rax; test; jz end
			"\x49\x8b\x7f\x08", "\x49\x8b\x77\x10", "\x49\x8b\x57\x18", // rdi, rsi, rdx
			"\x4d\x8b\x57\x20", "\x4d\x8b\x47\x28", "\x4d\x8b\x4f\x30", // r10, r8, r9
			"\x0f\x05", "\x49\x83\xc7\x38", "\xeb\xd8", // syscall; add $56, %r15; jmp
			string(tm.Exit(0)))
	}, int(xnu.XNU11215)},
	"386": {tm.DataAddr32, 4, 0, []uint64{0xffff0000, 0xbffff000, tm.Base32, 1 << 31, 0xffe00000, 0x10}, tm.BuildData32, func(table uint64) []byte {
		return tm.Code(
			"\xbe", uint32(table), // mov $table, %esi
			"\x8b\x06", "\x85\xc0", "\x74\x0f", // mov (%esi), %eax; test; jz end
			"\x89\xf4", "\x78\x04", // mov %esi, %esp; js: a Mach trap
			"\xcd\x80", "\xeb\x02", "\xcd\x81", "\x83\xc6\x1c", "\xeb\xeb", // int; add $28, %esi; jmp
			string(tm.Exit32(0)))
	}, int(xnu.XNU4903)},
}

// TestMonkey makes system calls with random numbers and arguments. Whatever
// becomes of the guest, the runner itself must not crash.
func TestMonkey(t *testing.T) {
	for name, m := range monkeys {
		t.Run(name, func(t *testing.T) {
			hosttest.Need(t, name)
			m.test(t)
		})
	}
}

func (m *monkey) test(t *testing.T) {
	rnd := testguest.Rand(t)
	table, err := os.ReadFile("../../lib/xnu/syscalls.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var numbers []uint64
	for line := range strings.Lines(string(table)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if n, err := strconv.Atoi(f[0]); err == nil && len(f) > 1 && n > 0 && harmless(f[1]) {
			numbers = append(numbers, m.unix|uint64(n))
		}
	}
	if len(numbers) < 200 {
		t.Fatalf("%d calls only", len(numbers))
	}
	const calls = 400
	var (
		row     = monkeyRow * m.word
		rows    = m.data + 8192
		timer   = m.data       // an itimerval
		sigign  = m.data + 32  // a struct __sigaction
		names   = m.data + 64  // some strings
		scratch = m.data + 512 // random bytes
	)
	code := m.code(rows)
	var known []string
	for _, s := range releases.All {
		if s.Kernel <= m.latest {
			known = append(known, s.Name)
		}
	}
	ends := map[string]int{}
	for end, n := time.Now().Add(4*time.Second), 0; n < 3 || time.Now().Before(end); n++ {
		data := make([]byte, 8192+(calls+1)*row)
		le := binary.LittleEndian
		le.PutUint32(data[3*m.word:], 200_000) // it_value: 0.2 s
		for i, s := range []string{"a", "b/c", ".", "a/..", "\xff\xfe", ""} {
			copy(data[64+16*i:], s)
		}
		for i := 512; i < 8192; i++ {
			if data[i] = byte(rnd.Uint32()); data[i] == '/' {
				data[i]-- // no path leads out of the temporary directory
			}
		}
		put := func(i int, v ...uint64) {
			for j, x := range v {
				if p := data[8192+row*i+m.word*j:]; m.word == 8 {
					le.PutUint64(p, x)
				} else {
					le.PutUint32(p, uint32(x))
				}
			}
		}
		le.PutUint32(data[sigign-m.data:], 1) // SIG_IGN
		put(0, m.unix|0x53, 0, timer, 0)      // setitimer: most things do not block indefinitely
		put(1, m.unix|0x2e, 12, sigign, 0)    // sigaction: SIGSYS
		put(2, m.unix|0x2e, 13, sigign, 0)    // and SIGPIPE
		for i := 3; i < calls; i++ {
			v := []uint64{numbers[rnd.IntN(len(numbers))]}
			if rnd.IntN(20) == 0 {
				v[0] = rnd.Uint64() >> rnd.IntN(64)
				if c := v[0] >> 24 & 0xff; c == 2 || c == 1 {
					v[0] |= 0x800000 // out of range: not one of the harmful ones
				}
				if m.word == 4 {
					v[0] |= 0x8000
				}
			}
			for range 6 {
				var x uint64
				switch rnd.IntN(9) {
				case 0:
					x = uint64(rnd.IntN(8))
				case 1:
					x = uint64(rnd.IntN(5000))
				case 2:
					x = names + 16*uint64(rnd.IntN(6))
				case 3, 4:
					x = scratch + uint64(rnd.IntN(4096))
				case 5:
					x = rnd.Uint64() >> rnd.IntN(64)
				case 6:
					x = ^uint64(0) - uint64(rnd.IntN(3))
				case 7:
					x = m.ends[rnd.IntN(len(m.ends))]
				}
				v = append(v, x)
			}
			put(i, v...)
		}
		cmd := exec.Command("/bin/sh", "-c", `ulimit -c 0; exec "$@"`, "sh", runnerPath, "-xnu", known[rnd.IntN(len(known))], program(t, m.build(code, data)))
		cmd.Dir = t.TempDir()
		t.Cleanup(func() { removable(t, cmd.Dir) })
		cmd.Stdin = strings.NewReader("") // a pipe: /dev/null would take fchmod and fchown
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		r := runWithin(t, cmd, 1500*time.Millisecond) // it may have blocked SIGALRM, and wait
		ends[fmt.Sprintf("status %d %v", r.status, r.signal)]++
		for _, bad := range []string{"goroutine ", "fatal error:", "panic:"} {
			if strings.Contains(r.stderr, bad) {
				t.Fatalf("run %d: the runner crashed:\n%s", n, r.stderr)
			}
		}
	}
	t.Log(ends)
}

// BenchmarkStart runs a program that exits at once.
func BenchmarkStart(b *testing.B) {
	prog := program(b, tm.Build(tm.Exit(0)))
	for b.Loop() {
		if r := run(b, exec.Command(runnerPath, prog)); r.status != 0 {
			b.Fatalf("%+v", r)
		}
	}
}

// BenchmarkGetpid has a guest make many system calls.
func BenchmarkGetpid(b *testing.B) {
	const n = 2_000_000
	prog := program(b, tm.Build(tm.Code(
		"\xbb", uint32(n), // mov $n, %ebx
		"\xb8", uint32(0x02000014), "\x0f\x05", // getpid
		"\xff\xcb\x75\xf5", // dec %ebx; jnz
		string(tm.Exit(0)))))
	var cpu time.Duration // of the whole process: other programs do not disturb it
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

// TestLikeOldGo runs programs that look like those of Go up to 1.10, which name
// dyld, and one that is linked as low as XNU allows.
func TestLikeOldGo(t *testing.T) {
	dyld := tm.Build(tm.Exit(42))
	tm.AddCommand(dyld, 0xe, "\x0c\x00\x00\x00/usr/lib/dyld\x00")
	const base = 0x1000
	low := tm.Build(tm.Exit(42))
	for off, v := range map[int]uint64{tm.ZeroCmd + 32: base, tm.TextVMAddr: base, tm.DataVMAddr: base + tm.DataAddr - tm.Base, tm.ThreadRIP: base + tm.TextOff} {
		binary.LittleEndian.PutUint64(low[off:], v)
	}
	for _, release := range []string{"10.6", "10.10", "15"} {
		if r := run(t, exec.Command(runnerPath, "-xnu", release, program(t, dyld))); r.status != 42 || r.stderr != "" {
			t.Errorf("%s, with LC_LOAD_DYLINKER: %+v", release, r)
		}
		r := run(t, exec.Command(runnerPath, "-xnu", release, program(t, low)))
		if forbidden := r.status == exitCannot && strings.Contains(r.stderr, "vm.mmap_min_addr"); !forbidden && (r.status != 42 || r.stderr != "") {
			t.Errorf("%s, at %#x: %+v", release, base, r)
		}
	}
}

// TestEndlessFault has programs that fault again and again: they go on, and
// one line reports it.
func TestEndlessFault(t *testing.T) {
	const segv = 11
	fault := "\x31\xc0\x8b\x00" // xor %eax, %eax; mov (%rax), %eax
	for _, tt := range []struct {
		name string
		code []byte
		want string
	}{
		{"blocked", tm.Code("\xbf", uint32(1), "\xbe", uint32(0), "\x48\xb8", uint64(1<<(segv-1)), "\x50\x48\x89\xe6\x31\xd2", // sigprocmask(SIG_BLOCK, %rsp, 0)
			"\xb8", uint32(0x02000030), "\x0f\x05", fault), "it is blocked"},
		{"ignored", tm.Code("\xbf", uint32(segv), "\xbe", uint32(0), "\x31\xc0\x50\x50\xb8", uint32(1), "\x50\x48\x89\xe6\x31\xd2", // sigaction(SIGSEGV, {SIG_IGN}, 0)
			"\xb8", uint32(0x0200002e), "\x0f\x05", fault), "it is ignored, or its handler returns there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(runnerPath, program(t, tm.Build(tt.code)))
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			hang := time.AfterFunc(3*time.Minute, func() { cmd.Process.Kill() })
			line, err := bufio.NewReader(stderr).ReadString('\n')
			if !strings.Contains(line, "has got SIGSEGV at pc 0x1000010") || !strings.Contains(line, tt.want) {
				t.Errorf("%q, %v; want %q", line, err, tt.want)
			}
			if !hang.Stop() {
				t.Error("nothing was said")
			}
			if pid, err := syscall.Wait4(cmd.Process.Pid, nil, syscall.WNOHANG, nil); pid != 0 {
				t.Errorf("the program has ended: %v", err)
			}
			cmd.Process.Kill()
			cmd.Wait()
		})
	}
}
