// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	tm "goxnu/misc/go_darwin_exec/internal/testmacho"
	"goxnu/misc/go_darwin_exec/xnu"
)

// refusing makes a seccomp filter that refuses calls: "EPERM 332 437".
func refusing(host string) []syscall.SockFilter {
	const (
		nr    = 0
		deny  = 0x00050000
		allow = 0x7fff0000
		load  = syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS
		equal = syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K
		ret   = syscall.BPF_RET | syscall.BPF_K
	)
	words := strings.Fields(host)
	errno := map[string]syscall.Errno{"EPERM": syscall.EPERM, "ENOSYS": syscall.ENOSYS}[words[0]]
	f := []syscall.SockFilter{{Code: load, K: nr}}
	for _, w := range words[1:] {
		n, err := strconv.Atoi(w)
		if err != nil {
			panic(err)
		}
		f = append(f, syscall.SockFilter{Code: equal, K: uint32(n), Jf: 1}, syscall.SockFilter{Code: ret, K: deny | uint32(errno)})
	}
	return append(f, syscall.SockFilter{Code: ret, K: allow})
}

// asUsers runs f as root, if the test is run by root, and as an ordinary user.
func asUsers(t *testing.T, f func(t *testing.T, user func(*exec.Cmd) *exec.Cmd)) {
	if os.Getuid() == 0 {
		t.Run("root", func(t *testing.T) { f(t, func(cmd *exec.Cmd) *exec.Cmd { return cmd }) })
	}
	t.Run("user", func(t *testing.T) {
		f(t, func(cmd *exec.Cmd) *exec.Cmd {
			if os.Getuid() == 0 {
				if cmd.SysProcAttr == nil {
					cmd.SysProcAttr = new(syscall.SysProcAttr)
				}
				cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
			}
			return cmd
		})
	})
}

// forAll copies the runner, a program and this test to where every user can
// execute them.
func forAll(t *testing.T, files ...string) (copies []string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hosts")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(name, b, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
		copies = append(copies, name)
	}
	return copies
}

// TestHostRefuses runs a program where a filter refuses calls that the runner
// likes to use: it runs as ever, or one line says what must be allowed.
func TestHostRefuses(t *testing.T) {
	files := forAll(t, runnerPath, goBuild(t, "testdata/hosts.go", "hosts", "GOOS=darwin", "GOARCH=amd64"), "/proc/self/exe")
	runner, hosts, self := files[0], files[1], files[2]
	for _, tt := range []struct {
		calls  string
		status int
		want   string // on stderr
		env    string
	}{
		{calls: ""},
		{calls: "437 439 441 452"}, // openat2 faccessat2 epoll_pwait2 fchmodat2
		{calls: "322"},             // execveat
		{calls: "316"},             // renameat2
		{calls: "434"},             // pidfd_open
		{calls: "435 436 424 425"}, // clone3 close_range pidfd_send_signal io_uring_setup: not used
		{calls: "319"},             // memfd_create
		{calls: "332", status: exitHost, want: "go_darwin_exec: this host refuses the call statx, which the runner needs: probably a seccomp filter (of a container); allow statx in it, or run without the filter\n"},
		{calls: "318", status: exitHost, want: "go_darwin_exec: this host refuses the call getrandom, which the runner needs: probably a seccomp filter (of a container); allow getrandom in it, or run without the filter\n"},
	} {
		for _, errno := range []string{"EPERM", "ENOSYS"} {
			asUsers(t, func(t *testing.T, user func(*exec.Cmd) *exec.Cmd) {
				cmd := user(exec.Command(self, runner, hosts))
				cmd.Env = append(os.Environ(), "GOXNU_TEST_HOST="+errno+" "+tt.calls, "TMPDIR=/tmp")
				stdout := "done\n"
				if tt.calls == "316" {
					cmd.Env = append(cmd.Env, "HOSTS_NO_RENAMEX=1")
				}
				if tt.status != 0 {
					stdout = ""
				}
				if r := run(t, cmd); r != (result{status: tt.status, stdout: stdout, stderr: tt.want}) {
					t.Errorf("%s for %s: %+v", errno, tt.calls, r)
				}
			})
		}
	}
	// A call that has no other way says once what is missing.
	cmd := exec.Command(self, runner, hosts)
	cmd.Env = append(os.Environ(), "GOXNU_TEST_HOST=EPERM 316")
	r := run(t, cmd)
	if want := "go_darwin_exec: rename with RENAME_SWAP or RENAME_EXCL fails: this host refuses the call renameat2, probably by a seccomp filter (of a container); allow renameat2 in it\n"; r.stderr != want || r.status != 0 {
		t.Errorf("RENAME_EXCL: %+v, want %q", r, want)
	}
}

// TestHostLimits runs a program under limits, and with less than a program
// usually has.
func TestHostLimits(t *testing.T) {
	files := forAll(t, runnerPath, goBuild(t, "testdata/hosts.go", "hosts", "GOOS=darwin", "GOARCH=amd64"))
	for _, tt := range []struct {
		before string // in the shell
		status int
		want   string // on stderr
		stdout string
	}{
		{before: "ulimit -n 8", status: exitHost, want: "go_darwin_exec: the limit on open files (ulimit -n) is 8, and the runner needs half of at least 32 for itself: raise it\n"},
		{before: "ulimit -n 32", stdout: "done\n"},
		{before: "ulimit -v 1048576", status: exitHost, want: "go_darwin_exec: the limit on address space (ulimit -v) is 1048576 KiB, and the runner and a program need 2621440: raise it\n"},
		{before: "ulimit -v 3145728", stdout: "done\n"},
		{before: "ulimit -s unlimited", stdout: "done\n"},
		{before: "ulimit -s 64", stdout: "done\n"},
		{before: "cd /proc", stdout: "done\n"},
		{before: "unset HOME", stdout: "done\n"},
		{before: "exec 0<&-", stdout: "done\n"},
		{before: "exec 2>&-", stdout: "done\n"},
		{before: "exec 0<&- 1>&- 2>&-"},
	} {
		asUsers(t, func(t *testing.T, user func(*exec.Cmd) *exec.Cmd) {
			cmd := user(exec.Command("/bin/sh", append([]string{"-c", tt.before + ` && exec "$@"`, "sh"}, files...)...))
			cmd.Env = append(os.Environ(), "TMPDIR=/tmp")
			if r := run(t, cmd); r != (result{status: tt.status, stdout: tt.stdout, stderr: tt.want}) {
				t.Errorf("%s: %+v", tt.before, r)
			}
		})
	}
}

// TestHostFileSize: with a limit of 0 on the size of files nothing of the
// runner's own fails. The program's write does, as on XNU: SIGXFSZ, which by
// default kills, or EFBIG.
func TestHostFileSize(t *testing.T) {
	guest := func(nr, n uint32, rsi ...any) []byte {
		return tm.Build(tm.Code(string(tm.Code(rsi...)), movEDI, uint32(3), movEDX, n, movEAX, unix|nr, callK,
			"\x89\xc7", movEAX, unix|1, callK)) // the error is the status
	}
	write := guest(4, 8, "\x48\xbe", uint64(tm.DataAddr))                                    // movabs $data, %rsi
	writev := guest(121, 1, "\x6a\x08\x48\xb8", uint64(tm.DataAddr), "\x50", "\x48\x89\xe6") // push $8; push $data; mov %rsp, %rsi
	files := forAll(t, runnerPath, program(t, write), program(t, writev))
	asUsers(t, func(t *testing.T, user func(*exec.Cmd) *exec.Cmd) {
		for i, name := range []string{"write", "writev"} {
			for _, flags := range []string{"", "-trace=/dev/null"} {
				out := filepath.Join(t.TempDir(), "out")
				if err := os.WriteFile(out, nil, 0o666); err != nil {
					t.Fatal(err)
				}
				f, err := os.OpenFile(out, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				for _, ignored := range []bool{false, true} {
					script, want := `ulimit -c 0; ulimit -f 0; exec "$@"`, result{status: -1, signal: syscall.SIGXFSZ}
					if ignored {
						script, want = `trap "" XFSZ; `+script, result{status: int(syscall.EFBIG)}
					}
					args := []string{"-c", script, "sh", files[0]}
					if flags != "" {
						args = append(args, flags)
					}
					cmd := user(exec.Command("/bin/sh", append(args, files[1+i])...))
					cmd.ExtraFiles = []*os.File{f}
					if r := run(t, cmd); r != want {
						t.Errorf("%s %s, ignored %v: %+v, want %+v", flags, name, ignored, r, want)
					}
				}
				if fi, err := f.Stat(); err != nil || fi.Size() != 0 {
					t.Errorf("%s: the file has %d bytes", name, fi.Size())
				}
				f.Close()
			}
		}
	})
}

// TestTraceFileSize: a trace that has reached the limit ends with one line, and
// the program goes on. Who may raise limits has none.
func TestTraceFileSize(t *testing.T) {
	files := forAll(t, runnerPath, program(t, tm.Build(tm.Exit(3))))
	asUsers(t, func(t *testing.T, user func(*exec.Cmd) *exec.Cmd) {
		trace := filepath.Join(filepath.Dir(files[0]), t.Name()[strings.LastIndex(t.Name(), "/")+1:])
		if err := os.WriteFile(trace, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		os.Chmod(trace, 0o666)
		r := run(t, user(exec.Command("/bin/sh", "-c", `ulimit -f 0; exec "$@"`, "sh", files[0], "-trace="+trace, files[1])))
		want := result{status: 3}
		raise := user(exec.Command("/bin/sh", "-c", "ulimit -f 100; ulimit -f unlimited 2>/dev/null"))
		if raise.Run() != nil {
			want.stderr = "go_darwin_exec: -trace: the rest is lost: the limit on the size of files (ulimit -f) is reached; raise it, or trace to stderr\n"
		}
		if r != want {
			t.Errorf("%+v, want %+v", r, want)
		}
	})
}

// TestHostProc runs a program where /proc is not mounted.
func TestHostProc(t *testing.T) {
	files := forAll(t, runnerPath, program(t, tm.Build(tm.Exit(3))))
	want := result{status: exitHost, stderr: "go_darwin_exec: this host has no /proc, where the runner finds its own file: mount it (mount -t proc proc /proc)\n"}
	asUsers(t, func(t *testing.T, user func(*exec.Cmd) *exec.Cmd) {
		cmd := user(exec.Command("/bin/sh", append([]string{"-c", `mount -t tmpfs none /proc && exec "$@"`, "sh"}, files...)...))
		if cmd.SysProcAttr == nil {
			cmd.SysProcAttr = new(syscall.SysProcAttr)
		}
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS
		cmd.SysProcAttr.Unshareflags = 0
		if strings.HasSuffix(t.Name(), "user") {
			cmd.SysProcAttr.Credential = nil
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		r := run(t, cmd)
		if strings.HasPrefix(r.stderr, "mount: ") {
			t.Skipf("this host lets nobody mount: %s", r.stderr)
		}
		if r != want {
			t.Errorf("%+v, want %+v", r, want)
		}
	})
}

// TestHostCalls: the table of the host's newer calls has each that the sources
// name, so that each is decided on.
func TestHostCalls(t *testing.T) {
	known := xnu.NewCalls()
	re := regexp.MustCompile(`(?m)^\s*(?:const )?(sys[A-Z]\w*)\s*=\s*(\d+)\b`)
	seen := 0
	for _, pattern := range []string{"*.go", "*/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "testdata/") {
				continue
			}
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range re.FindAllStringSubmatch(string(b), -1) {
				n, _ := strconv.Atoi(m[2])
				seen++
				if !slices.Contains(known, uintptr(n)) {
					t.Errorf("%s: %s (%d) is not in the table of xnu/hostcalls.go", name, m[1], n)
				}
			}
		}
	}
	if seen < len(known) {
		t.Errorf("%d calls found, %d in the table", seen, len(known))
	}
}
