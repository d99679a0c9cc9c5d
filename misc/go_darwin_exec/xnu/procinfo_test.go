// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestProcPidfdinfo(t *testing.T) {
	th := sysctlThread(t)
	pid := uint64(syscall.Getpid())
	name := filepath.Join(t.TempDir(), "file")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	b := make([]byte, 1200)
	for _, release := range []Release{XNU1504, XNU6153, XNU7195, XNU11417} {
		th.p.Release = release
		if n := call(t, th, sysProcInfo, 0, 3, pid, procPidfdvnodepathinfo, uint64(f.Fd()), gp(&b[0]), 1200); n != 1200 {
			t.Errorf("%d: %d bytes, want 1200", release, n)
		}
		const freadFwriteAppend = 1 | 2 | 8
		got, _, _ := bytes.Cut(b[24+152:], []byte{0})
		if flags, status := getUint32(b), getUint32(b[4:]); flags != freadFwriteAppend || status != 2 || string(got) != name {
			t.Errorf("%d: flags %#x, status %d, name %q; want %#x, 2, %q", release, flags, status, got, freadFwriteAppend, name)
		}
		if n := call(t, th, sysProcInfo, 0, 3, pid, procPidfdvnodeinfo, uint64(f.Fd()), gp(&b[0]), 1200); n != 176 {
			t.Errorf("%d: %d bytes, want 176", release, n)
		}
		call(t, th, sysProcInfo, ENOMEM, 3, pid, procPidfdvnodepathinfo, uint64(f.Fd()), gp(&b[0]), 1199)
		call(t, th, sysProcInfo, EINVAL, 3, pid, 99, uint64(f.Fd()), gp(&b[0]), 1200)
		call(t, th, sysProcInfo, EBADF, 3, pid, procPidfdvnodeinfo, 9999, gp(&b[0]), 1200)
		pipe := ENOTSUP
		if release >= XNU7195 {
			pipe = EBADF
		}
		call(t, th, sysProcInfo, pipe, 3, pid, procPidfdvnodeinfo, uint64(r.Fd()), gp(&b[0]), 1200)
	}
}

// TestProcPidRusage: each flavor is as long as its structure, and comes with its release.
func TestProcPidRusage(t *testing.T) {
	th := sysctlThread(t)
	pid := uint64(syscall.Getpid())
	for flavor, since := range rusageInfoSince {
		for _, release := range []Release{XNU2050, XNU2422, XNU2782, XNU4570, XNU4903, XNU7195, XNU8792, XNU11417} {
			th.p.Release = release
			b := bytes.Repeat([]byte{0xee}, 512)
			want := EINVAL
			if release >= since {
				want = 0
			}
			call(t, th, sysProcInfo, want, 9, pid, uint64(flavor), 0, gp(&b[0]), 0)
			n := len(bytes.TrimRight(b, "\xee"))
			if release < since && n != 0 || release >= since && n != rusageInfoSizes[flavor] {
				t.Errorf("flavor %d, %d: %d bytes written", flavor, release, n)
			}
		}
	}
	th.p.Release = XNU11417
	call(t, th, sysProcInfo, EINVAL, 9, pid, 7, 0, 0, 0)
	call(t, th, sysProcInfo, EFAULT, 9, pid, 0, 0, 8, 0)
	call(t, th, sysProcInfo, ESRCH, 9, 2000000000, 0, 0, 0, 0)
}
