// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package hostsig

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// The test binary is also the program that reports what it has inherited.
func TestMain(m *testing.M) {
	if os.Getenv("HOSTSIG_INHERITED") != "" {
		masked, ignored := Inherited()
		fmt.Printf("%x %x %v\n", masked, ignored, findVars("runtime.fwdSig")[0] != 0)
		return
	}
	os.Exit(m.Run())
}

// records makes a pipe, as xnu does, and returns a function that reads the
// next record.
func records(t *testing.T, sigs ...syscall.Signal) (next func() (Record, bool)) {
	t.Helper()
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	SetPipe(fds[1])
	for _, sig := range sigs {
		var was vcpu.Sigaction
		if err := rtSigaction(int(sig), nil, &was); err != nil {
			t.Fatal(err)
		}
		if err := Install(int(sig), false, false); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { rtSigaction(int(sig), &was, nil) })
	}
	t.Cleanup(func() { syscall.Close(fds[0]); syscall.Close(fds[1]) })
	return func() (r Record, ok bool) {
		buf := unsafe.Slice((*byte)(unsafe.Pointer(&r)), RecordSize)
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if n, err := syscall.Read(fds[0], buf); n == int(RecordSize) && err == nil {
				Taken(int(r.Signo))
				return r, true
			}
		}
		return r, false
	}
}

// pending is the set of signals that wait for any thread of the process
// (proc(5), ShdPnd).
func pending(t *testing.T) (set uint64) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(status), "\nShdPnd:")
	if _, err := fmt.Sscanf(line, "%x", &set); err != nil {
		t.Fatal(err)
	}
	return set
}

func shell(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestSender(t *testing.T) {
	next := records(t, syscall.SIGUSR1, syscall.SIGWINCH)
	for _, name := range []string{"USR1", "WINCH"} {
		cmd := shell(t, "kill -"+name+" "+strconv.Itoa(os.Getpid()))
		r, ok := next()
		want := map[string]syscall.Signal{"USR1": syscall.SIGUSR1, "WINCH": syscall.SIGWINCH}[name]
		if !ok || r.Signo != int32(want) || r.Code != 0 || r.Pid != int32(cmd.Process.Pid) || r.Uid != uint32(os.Getuid()) {
			t.Errorf("SIG%s: %+v, %v; want it from process %d", name, r, ok, cmd.Process.Pid)
		}
		cmd.Wait()
	}
}

func TestChild(t *testing.T) {
	// An earlier test's child was waited for, but the thread chosen for its
	// SIGCHLD may be slower than that, and one that waits swallows the next.
	for pending(t)&(1<<(syscall.SIGCHLD-1)) != 0 {
		time.Sleep(time.Millisecond)
	}
	next := records(t, syscall.SIGCHLD)
	for _, c := range []struct {
		script       string
		code, status int32
	}{{"exit 7", 1, 7}, {"kill -TERM $$", 2, int32(syscall.SIGTERM)}} {
		cmd := shell(t, c.script)
		r, ok := next()
		if !ok || r.Signo != int32(syscall.SIGCHLD) || r.Code != c.code || r.Status != c.status || r.Pid != int32(cmd.Process.Pid) {
			t.Errorf("%s: %+v, %v", c.script, r, ok)
		}
		cmd.Wait()
	}
}

// A write to a closed pipe raises SIGPIPE here, which the guest's kernel
// sends itself; another process's SIGPIPE is a signal like others.
func TestPipe(t *testing.T) {
	next := records(t, syscall.SIGPIPE)
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	syscall.Close(fds[0])
	if _, err := syscall.Write(fds[1], []byte("x")); err != syscall.EPIPE {
		t.Errorf("write: %v", err)
	}
	syscall.Close(fds[1])
	cmd := shell(t, "kill -PIPE "+strconv.Itoa(os.Getpid()))
	if r, ok := next(); !ok || r.Pid != int32(cmd.Process.Pid) {
		t.Errorf("first record %+v, %v; want it from process %d", r, ok, cmd.Process.Pid)
	}
	cmd.Wait()
}

// The Go runtime preempts its own goroutines by SIGURG and goes on doing so;
// what others send comes to us.
func TestUrgent(t *testing.T) {
	next := records(t, syscall.SIGURG)
	cmd := shell(t, "kill -URG "+strconv.Itoa(os.Getpid()))
	if r, ok := next(); !ok || r.Signo != int32(syscall.SIGURG) || r.Pid != int32(cmd.Process.Pid) {
		t.Errorf("%+v, %v; want it from process %d", r, ok, cmd.Process.Pid)
	}
	cmd.Wait()

	// On one P, a loop without calls gives it up only if it is preempted.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var stop atomic.Bool
	done := make(chan bool)
	watch := shell(t, "sleep 20; kill -KILL "+strconv.Itoa(os.Getpid()))
	go func() {
		for !stop.Load() {
		}
		close(done)
	}()
	for range 10 {
		runtime.Gosched()
	}
	stop.Store(true)
	<-done
	syscall.Kill(-watch.Process.Pid, syscall.SIGKILL) // and its sleep
	watch.Wait()
}

// Kills with the numbers of faults are signals, too; real faults still are the
// Go runtime's.
func TestFaultSignals(t *testing.T) {
	next := records(t, syscall.SIGSEGV)
	cmd := shell(t, "kill -SEGV "+strconv.Itoa(os.Getpid()))
	if r, ok := next(); !ok || r.Signo != int32(syscall.SIGSEGV) || r.Pid != int32(cmd.Process.Pid) {
		t.Errorf("%+v, %v; want it from process %d", r, ok, cmd.Process.Pid)
	}
	cmd.Wait()
	defer func() {
		if recover() == nil {
			t.Error("a nil pointer did not panic")
		}
	}()
	var p *int
	*p = 1
}

// What whoever started this process had masked or ignored, although the Go
// runtime has changed both since.
func TestInherited(t *testing.T) {
	// The runner has symbols; what go test runs has none.
	exe := filepath.Join(t.TempDir(), "hostsig.test")
	if out, err := exec.Command("go", "test", "-c", "-o", exe, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command("/bin/sh", "-c", `trap "" HUP QUIT USR1; exec "$0"`, exe)
	cmd.Env = append(os.Environ(), "HOSTSIG_INHERITED=1")
	// The child inherits the mask of the thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set := uint64(1<<(syscall.SIGUSR2-1) | 1<<(syscall.SIGCHLD-1))
	var old uint64
	mask := func(set, old *uint64) {
		syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
	}
	mask(&set, &old)
	out, err := cmd.Output()
	mask(&old, nil)
	if err != nil {
		t.Fatal(err)
	}
	var masked, ignored uint64
	var symbols bool
	if _, err := fmt.Sscanf(string(out), "%x %x %v", &masked, &ignored, &symbols); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	if ignored&1 == 0 || masked&(1<<(syscall.SIGUSR2-1)) == 0 {
		t.Errorf("masked %#x, ignored %#x: SIGUSR2 or SIGHUP is missing", masked, ignored)
	}
	if !symbols {
		t.Error("the child did not find the Go runtime's table of signals")
	}
	if want := uint64(1<<(syscall.SIGHUP-1) | 1<<(syscall.SIGQUIT-1) | 1<<(syscall.SIGUSR1-1)); ignored&want != want || ignored&(1<<(syscall.SIGTERM-1)) != 0 {
		t.Errorf("ignored %#x, want %#x in it", ignored, want)
	}
	t.Logf("masked %#x ignored %#x", masked, ignored)
}
