// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package syscall_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	. "syscall"
	"testing"
	"time"
	"unsafe"
)

// The stubs of opendir, libproc and Mach's host functions, which packages
// import that are not std's.

func TestStubOpendir(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	d := must(t, "opendir", dir)
	fd := *(*int32)(*(*unsafe.Pointer)(unsafe.Pointer(&d))) // DIR begins with it
	if r := must(t, "fcntl", int(fd), F_GETFD); r != FD_CLOEXEC {
		t.Errorf("after opendir: F_GETFD gives %d", r)
	}
	var names []string
	for {
		var ent Dirent
		var p runtime.Pinner
		p.Pin(&ent)
		var result uintptr
		if e := must(t, "readdir_r", d, uintptr(unsafe.Pointer(&ent)), &result); e != 0 {
			t.Fatalf("readdir_r: %v", Errno(e))
		}
		p.Unpin()
		if result == 0 {
			break
		}
		names = append(names, string(unsafe.Slice((*byte)(unsafe.Pointer(&ent.Name)), ent.Namlen)))
	}
	slices.Sort(names)
	if want := []string{".", "..", "file"}; !slices.Equal(names, want) {
		t.Errorf("names %q, want %q", names, want)
	}
	must(t, "closedir", d)

	fifo := filepath.Join(dir, "fifo")
	if err := Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		want Errno
	}{
		{filepath.Join(dir, "absent"), ENOENT},
		{filepath.Join(dir, "file"), ENOTDIR},
		{fifo, ENOTDIR}, // and no waiting for a writer
	} {
		if r, e := stub(t, "opendir", c.name); r != 0 || e != c.want {
			t.Errorf("opendir %s = %#x, %v; want 0, %v", c.name, r, e, c.want)
		}
	}
}

// wide makes the words of a 64-bit argument.
func wide(v uint64) []any {
	if unsafe.Sizeof(uintptr(0)) == 8 {
		return []any{uintptr(v)}
	}
	return []any{uintptr(v), uintptr(v >> 32)}
}

// pidinfo calls proc_pidinfo.
func pidinfo(t *testing.T, pid, flavor int, arg uint64, buf []byte) (uintptr, Errno) {
	t.Helper()
	list := append([]any{pid, flavor}, wide(arg)...)
	return stub(t, "proc_pidinfo", append(list, buf, len(buf))...)
}

func TestStubProc(t *testing.T) {
	if os.Getenv("GO_STUB_PROC_CHILD") != "" {
		os.Stdout.WriteString(".")
		os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}
	const pidtaskallinfo, pidtbsdinfo = 2, 3
	pid, ppid := os.Getpid(), os.Getppid()
	u32 := func(b []byte, off int) int { return int(binary.NativeEndian.Uint32(b[off:])) }

	// A child that waits at its input.
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(exe, "-test.run=^TestStubProc$")
	child.Env = append(os.Environ(), "GO_STUB_PROC_CHILD=1")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer in.Close()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}

	info := make([]byte, 136+96)
	if n, e := pidinfo(t, pid, pidtaskallinfo, 0, info); n != uintptr(len(info)) || e != 0 {
		t.Fatalf("proc_pidinfo = %d, %v", n, e)
	}
	if u32(info, 12) != pid || u32(info, 16) != ppid || u32(info, 20) != os.Geteuid() {
		t.Errorf("proc_pidinfo says pid %d, ppid %d, uid %d; want %d, %d, %d", u32(info, 12), u32(info, 16), u32(info, 20), pid, ppid, os.Geteuid())
	}
	if n, e := pidinfo(t, pid, pidtbsdinfo, 0, info[:100]); n != 0 || e != ENOMEM {
		t.Errorf("proc_pidinfo with little room = %d, %v; want 0, ENOMEM", n, e)
	}
	if n, e := pidinfo(t, 1<<30, pidtbsdinfo, 0, info); n != 0 || e != ESRCH {
		t.Errorf("proc_pidinfo of no process = %d, %v; want 0, ESRCH", n, e)
	}

	pids := make([]byte, 4*100000)
	has := func(n uintptr, pid int) bool {
		for i := range int(n) {
			if u32(pids, 4*i) == pid {
				return true
			}
		}
		return false
	}
	if n := must(t, "proc_listallpids", pids, len(pids)); !has(n, pid) || !has(n, child.Process.Pid) {
		t.Errorf("proc_listallpids finds %d processes, but not this one or its child", n)
	}
	if n := must(t, "proc_listpids", 1, 0, pids, len(pids)); n%4 != 0 || !has(n/4, pid) {
		t.Errorf("proc_listpids wrote %d bytes, without this process", n)
	}
	if n := must(t, "proc_listchildpids", pid, pids, len(pids)); n != 1 || u32(pids, 0) != child.Process.Pid {
		t.Errorf("proc_listchildpids finds %d children, the first %d; want %d", n, u32(pids, 0), child.Process.Pid)
	}
	if n := must(t, "proc_listpgrppids", Getpgrp(), pids, len(pids)); !has(n, pid) {
		t.Errorf("proc_listpgrppids does not find this process")
	}
	for _, kind := range []int{0, 8} {
		if n, e := stub(t, "proc_listpids", kind, 0, pids, len(pids)); n != 0 || e != EINVAL {
			t.Errorf("proc_listpids of kind %d = %d, %v; want 0, EINVAL", kind, n, e)
		}
	}

	path := make([]byte, 4096)
	wantPath, err := filepath.EvalSymlinks(exe)
	if err != nil {
		t.Fatal(err)
	}
	n := must(t, "proc_pidpath", pid, path, len(path))
	if got := string(path[:n]); got != wantPath {
		t.Errorf("proc_pidpath says %q, want %q", got, wantPath)
	}
	if n, e := stub(t, "proc_pidpath", pid, path, 1023); n != 0 || e != ENOMEM {
		t.Errorf("proc_pidpath with little room = %d, %v; want 0, ENOMEM", n, e)
	}
	if n, e := stub(t, "proc_pidpath", pid, path, 4097); n != 0 || e != EOVERFLOW {
		t.Errorf("proc_pidpath with much room = %d, %v; want 0, EOVERFLOW", n, e)
	}
	n = must(t, "proc_name", pid, path, 32)
	if base := filepath.Base(wantPath); n == 0 || !bytes.HasPrefix([]byte(base), path[:n]) {
		t.Errorf("proc_name says %q, want the beginning of %q", path[:n], base)
	}
	if n, e := stub(t, "proc_name", pid, path, 31); n != 0 || e != ENOMEM {
		t.Errorf("proc_name with little room = %d, %v; want 0, ENOMEM", n, e)
	}

	pc, _, _, _ := runtime.Caller(0)
	list := append([]any{pid}, wide(uint64(pc))...)
	n = must(t, "proc_regionfilename", append(list, path, len(path))...)
	if got := string(path[:n]); got != wantPath {
		t.Errorf("proc_regionfilename says %q, want %q", got, wantPath)
	}

	f, err := os.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(1234, 0); err != nil {
		t.Fatal(err)
	}
	const pidfdvnodepathinfo = 2
	fdinfo := make([]byte, 24+1176)
	n = must(t, "proc_pidfdinfo", pid, int(f.Fd()), pidfdvnodepathinfo, fdinfo, len(fdinfo))
	name, _, _ := bytes.Cut(fdinfo[24+152:], []byte{0})
	if n != uintptr(len(fdinfo)) || string(name) != wantPath || u32(fdinfo, 0) != 1 || u32(fdinfo, 8) != 1234 {
		t.Errorf("proc_pidfdinfo = %d, file %q, flags %#x, offset %d; want %d, %q, 1, 1234", n, name, u32(fdinfo, 0), u32(fdinfo, 8), len(fdinfo), wantPath)
	}
	if n, e := stub(t, "proc_pidfdinfo", pid, 999, pidfdvnodepathinfo, fdinfo, len(fdinfo)); n != 0 || e != EBADF {
		t.Errorf("proc_pidfdinfo of no file = %d, %v; want 0, EBADF", n, e)
	}

	usage := make([]byte, 96) // struct rusage_info_v0
	if DarwinRelease() < Darwin10_9 {
		fails(t, EINVAL, "proc_pid_rusage", pid, 0, usage)
		return
	}
	time.Sleep(time.Millisecond)
	must(t, "proc_pid_rusage", pid, 0, usage)
	if resident := binary.NativeEndian.Uint64(usage[16+6*8:]); resident < 1<<20 || resident > 1<<40 {
		t.Errorf("proc_pid_rusage: %d bytes are resident", resident)
	}
	fails(t, EINVAL, "proc_pid_rusage", pid, 99, usage)
	fails(t, ESRCH, "proc_pid_rusage", 1<<30, 0, usage)
}

func TestStubHost(t *testing.T) {
	const (
		kernSuccess, kernInvalidArgument, kernFailure = 0, 4, 5

		loadInfo, vmInfo, cpuLoadInfo, vmInfo64 = 1, 2, 3, 4
	)
	host := must(t, "mach_host_self")
	var info [256]uint32
	buf := unsafe.Slice((*byte)(unsafe.Pointer(&info)), unsafe.Sizeof(info))
	var timebase [2]uint32
	if kr := must(t, "mach_timebase_info", (*[8]byte)(unsafe.Pointer(&timebase))[:]); kr != kernSuccess || timebase != [2]uint32{1, 1} {
		t.Errorf("mach_timebase_info = %d, %d", kr, timebase)
	}
	var size uintptr
	if kr := must(t, "host_page_size", host, &size); kr != kernSuccess || int(size) != os.Getpagesize() {
		t.Errorf("host_page_size = %d, %d", kr, size)
	}

	full64 := uint32(38)
	if DarwinRelease() < Darwin10_9 {
		full64 = 24
	}
	for _, c := range []struct {
		name               string
		flavor, room, want uint32
		kr                 uintptr
	}{
		{"host_statistics", loadInfo, 6, 6, kernSuccess},
		{"host_statistics", loadInfo, 5, 5, kernFailure},
		{"host_statistics", vmInfo, 15, 15, kernSuccess},
		{"host_statistics", vmInfo, 14, 14, kernSuccess},
		{"host_statistics", vmInfo, 12, 12, kernSuccess},
		{"host_statistics", vmInfo, 11, 11, kernFailure},
		{"host_statistics", cpuLoadInfo, 4, 4, kernSuccess},
		{"host_statistics", vmInfo64, 38, 38, kernInvalidArgument},
		{"host_statistics", 99, 38, 38, kernInvalidArgument},
		{"host_statistics64", vmInfo64, 200, full64, kernSuccess},
		{"host_statistics64", vmInfo64, 24, 24, kernSuccess},
		{"host_statistics64", vmInfo64, 23, 23, kernFailure},
		{"host_statistics64", cpuLoadInfo, 4, 4, kernSuccess},
	} {
		for i := range info {
			info[i] = 0xdeadbeef
		}
		count := c.room
		kr := must(t, c.name, host, int(c.flavor), buf, &count)
		if kr != c.kr || count != c.want {
			t.Errorf("%s(%d) with room for %d = %d, with %d words; want %d, %d", c.name, c.flavor, c.room, kr, count, c.kr, c.want)
			continue
		}
		written := 0
		for written < len(info) && info[written] != 0xdeadbeef {
			written++
		}
		if kr == kernSuccess && written != int(count) {
			t.Errorf("%s(%d) with room for %d wrote %d words, want %d", c.name, c.flavor, c.room, written, count)
		}
		if kr == kernSuccess && c.flavor != loadInfo {
			sum := uint64(0)
			for _, w := range info[:4] { // pages or ticks
				sum += uint64(w)
			}
			if sum < 1000 {
				t.Errorf("%s(%d) = %d", c.name, c.flavor, info[:count])
			}
		}
	}

	// The ports for the replies are given back: the upper 24 bits of a name are
	// the lowest free index.
	first := MachReplyPort()
	for range 1000 {
		count := uint32(4)
		if kr := must(t, "host_statistics", host, cpuLoadInfo, buf, &count); kr != kernSuccess {
			t.Fatalf("host_statistics = %d", kr)
		}
	}

	if last := MachReplyPort(); last>>8-first>>8 > 100 {
		t.Errorf("port %#x before 1000 requests, %#x after", first, last)
	}

	const processorCPULoad = 2
	var processors, words uint32
	var data uintptr
	if kr := must(t, "host_processor_info", host, processorCPULoad, &processors, &data, &words); kr != kernSuccess || data == 0 {
		t.Fatalf("host_processor_info = %d, data %#x", kr, data)
	}
	if processors == 0 || words != 4*processors {
		t.Fatalf("host_processor_info: %d words about %d processors", words, processors)
	}
	for i, w := range unsafe.Slice((*[4]uint32)(*(*unsafe.Pointer)(unsafe.Pointer(&data))), processors) {
		if w[0]+w[1]+w[2] == 0 {
			t.Errorf("processor %d never ran nor idled", i)
		}
	}
	self := must(t, "mach_task_self")
	if kr := must(t, "vm_deallocate", self, data, int(4*words)); kr != kernSuccess {
		t.Errorf("vm_deallocate = %d", kr)
	}
	if kr := must(t, "host_processor_info", host, 99, &processors, &data, &words); kr != kernInvalidArgument {
		t.Errorf("host_processor_info(99) = %d, want %d", kr, kernInvalidArgument)
	}
	if kr := must(t, "vm_deallocate", 0, data, int(4*words)); kr != kernInvalidArgument {
		t.Errorf("vm_deallocate of no task = %d, want %d", kr, kernInvalidArgument)
	}
}
