// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"syscall"
	"testing"
)

// The offsets of struct stat of both kinds on both ABIs
// (xnu-11417 bsd/sys/stat.h, compiled with -m64 and -m32).
func TestStatLayouts(t *testing.T) {
	var st statxBuf
	le := func(at int, v uint64, n int) {
		for i := range n {
			st[at+i] = byte(v >> (8 * i))
		}
	}
	le(0, statxBasic|statxBtime, 4)
	le(4, 0x11112222, 4)    // blksize
	le(8, linuxFlNodump, 8) // attributes
	le(16, 0x12345, 4)      // nlink: more than 16 bits hold
	le(20, 0x33334444, 4)   // uid
	le(24, 0x55556666, 4)   // gid
	le(28, syscall.S_IFREG|0o644, 2)
	le(32, 0x7777888899990000, 8) // ino
	le(40, 0x0123456789abcdef, 8) // size
	le(48, 0xfedcba9876543210, 8) // blocks
	for i, at := range []int{64, 80, 96, 112} {
		le(at, uint64(0x10101010*(i+1)), 8)
		le(at+8, uint64(i+1), 4)
	}
	le(128, 0xab, 4) // rdev
	le(132, 0x123456, 4)
	le(136, 0xcd, 4) // dev
	le(140, 0x654321, 4)
	type field struct {
		at, n int
		v     uint64
	}
	ts := func(at, long, i int) []field {
		return []field{{at, long, uint64(0x10101010 * i)}, {at + long, long, uint64(i)}}
	}
	for _, tt := range []struct {
		name   string
		l      *statLayout
		fields []field
	}{
		{"stat64 x86_64", &stat64Layouts[abi64], slices.Concat([]field{{0, 4, 0xcd654321}, {4, 2, 0o100644}, {6, 2, 0xffff},
			{8, 8, 0x7777888899990000}, {16, 4, 0x33334444}, {20, 4, 0x55556666}, {24, 4, 0xab123456}},
			ts(32, 8, 1), ts(48, 8, 4), ts(64, 8, 3), ts(80, 8, 2), []field{{96, 8, 0x0123456789abcdef},
				{104, 8, 0xfedcba9876543210}, {112, 4, 0x11112222}, {116, 4, 1}, {143, 1, 0}})},
		{"stat64 i386", &stat64Layouts[abi32], slices.Concat([]field{{0, 4, 0xcd654321}, {8, 8, 0x7777888899990000}},
			ts(28, 4, 1), ts(36, 4, 4), ts(44, 4, 3), ts(52, 4, 2), []field{{60, 8, 0x0123456789abcdef},
				{68, 8, 0xfedcba9876543210}, {76, 4, 0x11112222}, {80, 4, 1}, {107, 1, 0}})},
		{"stat x86_64", &statOldLayouts[abi64], slices.Concat([]field{{0, 4, 0xcd654321}, {4, 4, 0x99990000}, {8, 2, 0o100644},
			{10, 2, 0xffff}, {12, 4, 0x33334444}, {16, 4, 0x55556666}, {20, 4, 0xab123456}},
			ts(24, 8, 1), ts(40, 8, 4), ts(56, 8, 3), []field{{72, 8, 0x0123456789abcdef}, {80, 8, 0xfedcba9876543210},
				{88, 4, 0x11112222}, {92, 4, 1}, {119, 1, 0}})},
		{"stat i386", &statOldLayouts[abi32], slices.Concat([]field{{0, 4, 0xcd654321}, {4, 4, 0x99990000}},
			ts(24, 4, 1), ts(32, 4, 4), ts(40, 4, 3), []field{{48, 8, 0x0123456789abcdef}, {56, 8, 0xfedcba9876543210},
				{64, 4, 0x11112222}, {68, 4, 1}, {95, 1, 0}})},
	} {
		b := bytes.Repeat([]byte{0xee}, 160)
		tt.l.put(b, &st)
		for _, f := range tt.fields {
			var v uint64
			for i := range f.n {
				v |= uint64(b[f.at+i]) << (8 * i)
			}
			if v != f.v {
				t.Errorf("%s: %d bytes at %d are %#x, want %#x", tt.name, f.n, f.at, v, f.v)
			}
		}
		if b[tt.l.size] != 0xee {
			t.Errorf("%s: wrote behind its %d bytes", tt.name, tt.l.size)
		}
	}
}

func TestDev(t *testing.T) {
	for _, tt := range []struct{ major, minor, guest, host uint32 }{
		{1, 3, 0x01000003, 0x103},
		{8, 17, 0x08000011, 0x811},
		{0, 0x1234, 0x00001234, 0x01200034},
	} {
		if g := guestDev(tt.major, tt.minor); g != tt.guest {
			t.Errorf("guestDev(%d, %d) = %#x, want %#x", tt.major, tt.minor, g, tt.guest)
		}
		if h := hostDev(tt.guest); h != tt.host {
			t.Errorf("hostDev(%#x) = %#x, want %#x", tt.guest, h, tt.host)
		}
	}
	var st syscall.Stat_t
	if err := syscall.Stat("/dev/null", &st); err != nil {
		t.Fatal(err)
	}
	if h := hostDev(0x01000003); uint64(h) != st.Rdev {
		t.Errorf("hostDev of 1,3 = %#x, want that of /dev/null, %#x", h, st.Rdev)
	}
}

func TestStatOfPipe(t *testing.T) {
	th := guestThread(t, XNU11215)
	r := call(t, th, sysPipe, 0)
	defer closeFD(t, th, th.rval1)
	defer closeFD(t, th, r)
	var st [144]byte
	call(t, th, sysFstat64, 0, r, gp(&st[0]))
	if m := getUint16(st[4:]); m&syscall.S_IFMT != syscall.S_IFIFO {
		t.Errorf("mode of a pipe %o", m)
	}
	call(t, th, sysFstat64, EBADF, minus1(), gp(&st[0]))
}

// Record lengths: DIRENT64_LEN and the old ones (xnu-11417 bsd/sys/dirent.h).
func TestDirentSize(t *testing.T) {
	for _, tt := range []struct {
		l      *direntLayout
		namlen int
		want   int
	}{
		{&dirent64, 1, 32}, {&dirent64, 7, 32}, {&dirent64, 8, 40}, {&dirent64, 255, 280},
		{&direntOld, 1, 12}, {&direntOld, 3, 12}, {&direntOld, 4, 16}, {&direntOld, 255, 264},
	} {
		if n := tt.l.size(tt.namlen); n != tt.want {
			t.Errorf("name of %d bytes: record of %d, want %d", tt.namlen, n, tt.want)
		}
	}
}

// readAll reads a directory by getdirentries64 through buffers of a given size.
func readAll(t *testing.T, th *Thread, fd uint64, size int) (names []string) {
	t.Helper()
	buf := make([]byte, size)
	var pos uint64
	for range 10000 {
		n := call(t, th, sysGetdirentries64, 0, fd, gp(&buf[0]), uint64(size), gp(&pos))
		if th.p.Release >= XNU6153 && size >= 1024 {
			if flag := getUint32(buf[size-4:]); (flag == 1) != (n == 0) || flag > 1 {
				t.Fatalf("flags %#x with %d bytes", flag, n)
			}
			if n > uint64(size)-4 {
				t.Fatalf("%d bytes of records in a buffer of %d", n, size)
			}
		}
		if n == 0 {
			return names
		}
		for b := buf[:n]; len(b) > 0; {
			reclen, namlen := int(getUint16(b[16:])), int(getUint16(b[18:]))
			if reclen < 21+namlen+1 || reclen%8 != 0 || reclen > len(b) {
				t.Fatalf("record of %d with a name of %d in %d bytes", reclen, namlen, len(b))
			}
			name := string(b[21 : 21+namlen])
			if b[21+namlen] != 0 || getUint64(b) == 0 {
				t.Fatalf("record of %q: no NUL or no inode", name)
			}
			if want := byte(syscall.DT_REG); name[0] == 'f' && b[20] != want {
				t.Fatalf("d_type of %q is %d", name, b[20])
			}
			names = append(names, name)
			b = b[reclen:]
		}
	}
	t.Fatal("the directory does not end")
	return nil
}

func TestGetdirentries64(t *testing.T) {
	th := guestThread(t, XNU11215)
	chdirTemp(t)
	want := []string{".", ".."}
	for i := range 700 {
		name := fmt.Sprintf("f%0*d", 1+i%200, i)
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
	}
	sort.Strings(want)
	for _, r := range []Release{XNU4903, XNU11215} {
		th.p.Release = r
		for _, size := range []int{280, 284, 1000, 1023, 1024, 1300, 4096, 8192, 65536} {
			fd := mustOpen(t, th, ".", oDirectory)
			got := readAll(t, th, fd, size)
			sort.Strings(got)
			if !slices.Equal(got, want) {
				t.Errorf("release %d, buffer of %d: %d names, want %d", r, size, len(got), len(want))
			}
			// Back to the start, as rewinddir does.
			call(t, th, sysLseek, 0, fd, 0, 0)
			if n := len(readAll(t, th, fd, size)); n != len(want) {
				t.Errorf("release %d, buffer of %d: %d names after lseek, want %d", r, size, n, len(want))
			}
			closeFD(t, th, fd)
		}
	}
	fd := mustOpen(t, th, ".", oDirectory)
	var buf [16]byte
	call(t, th, sysGetdirentries64, EINVAL, fd, gp(&buf[0]), 16, gp(new(uint64)))
	closeFD(t, th, fd)
}

func TestGetattrlistbulk(t *testing.T) {
	th := guestThread(t, XNU11215)
	chdirTemp(t)
	var want []string
	for i := range 300 {
		name := fmt.Sprintf("f%d", i)
		os.WriteFile(name, make([]byte, i), 0o666)
		want = append(want, fmt.Sprint(name, " ", i))
	}
	sort.Strings(want)
	fd := mustOpen(t, th, ".", oDirectory)
	al := make([]byte, 24)
	putUint16(al, 5)
	putUint32(al[4:], 0x80000000|1|8) // RETURNED_ATTRS, NAME, OBJTYPE
	putUint32(al[16:], 0x200)         // ATTR_FILE_DATALENGTH
	buf := make([]byte, 1000)
	var got []string
	for {
		n := call(t, th, sysGetattrlistbulk, 0, fd, gp(&al[0]), gp(&buf[0]), uint64(len(buf)), 0)
		if n == 0 {
			break
		}
		b := buf
		for range n {
			// length, returned attributes, reference to the name, type, length of data
			l := int(getUint32(b))
			if cmn := getUint32(b[4:]); cmn != 0x80000009 {
				t.Fatalf("returned common attributes %#x", cmn)
			}
			name := cstring(b[24+int(getUint32(b[24:])):])
			if typ := getUint32(b[32:]); typ != 1 {
				t.Fatalf("%s: type %d, want VREG", name, typ)
			}
			got = append(got, fmt.Sprint(name, " ", getUint64(b[36:])))
			b = b[l:]
		}
	}
	closeFD(t, th, fd)
	sort.Strings(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d entries, want %d: %q", len(got), len(want), got[:min(len(got), 5)])
	}
}

func TestGetattrlist(t *testing.T) {
	th := guestThread(t, XNU11215)
	dir := chdirTemp(t)
	os.WriteFile("file", []byte("12345"), 0o640)
	os.Symlink("file", "link")
	// FULLPATH, as Go 1.9's os.Getwd asks for it.
	al := make([]byte, 24)
	putUint16(al, 5)
	putUint32(al[4:], 0x08000000)
	buf := make([]byte, 2000)
	call(t, th, sysGetattrlist, 0, gstr("."), gp(&al[0]), gp(&buf[0]), 2000, 0)
	if p := cstring(buf[4+getUint32(buf[4:]):]); p != dir || getUint32(buf) > 2000 {
		t.Errorf("full path %q, want %q", p, dir)
	}
	// In the order of the bits: name, type, mode; then those of the file.
	putUint32(al[4:], 1|8|0x20000)
	putUint32(al[16:], 1|2)
	call(t, th, sysGetattrlist, 0, gstr("link"), gp(&al[0]), gp(&buf[0]), 2000, fsoptNofollow)
	if name, typ := cstring(buf[4+getUint32(buf[4:]):]), getUint32(buf[12:]); name != "link" || typ != 5 {
		t.Errorf("without following: %q of type %d, want link, 5", name, typ)
	}
	call(t, th, sysGetattrlist, 0, gstr("link"), gp(&al[0]), gp(&buf[0]), 2000, 0)
	if name, typ, mode, links, size := cstring(buf[4+getUint32(buf[4:]):]), getUint32(buf[12:]), getUint32(buf[16:]), getUint32(buf[20:]), getUint64(buf[24:]); name != "file" || typ != 1 || mode&0o7777 != 0o640 || links != 1 || size != 5 {
		t.Errorf("%q type %d mode %o links %d size %d", name, typ, mode, links, size)
	}
	// A short buffer gets what fits, and the length of that.
	call(t, th, sysGetattrlist, 0, gstr("file"), gp(&al[0]), gp(&buf[0]), 16, 0)
	if n := getUint32(buf); n != 16 {
		t.Errorf("length %d in a buffer of 16", n)
	}
	call(t, th, sysGetattrlist, 0, gstr("file"), gp(&al[0]), gp(&buf[0]), 16, fsoptReportFullsize)
	if n := getUint32(buf); n <= 16 {
		t.Errorf("full length %d", n)
	}
	putUint16(al, 4)
	call(t, th, sysGetattrlist, EINVAL, gstr("file"), gp(&al[0]), gp(&buf[0]), 2000, 0)
}

func TestParseMounts(t *testing.T) {
	const text = `22 27 0:20 / /sys rw,nosuid - sysfs sysfs rw
27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw
30 27 0:30 / /mnt/a\040b\134c rw - nfs4 host:/x\011y rw
broken
31 27 0:31 / /x rw
`
	want := []mount{
		{22, "/sys", "sysfs", "sysfs"},
		{27, "/", "/dev/vda", "ext4"},
		{30, `/mnt/a b\c`, "host:/x\ty", "nfs4"},
	}
	if got := parseMounts([]byte(text)); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestStatfs64(t *testing.T) {
	th := guestThread(t, XNU11215)
	b := make([]byte, statfs64Size)
	call(t, th, sysStatfs64, 0, gstr("/sys/kernel"), gp(&b[0]))
	if fs, on := cstring(b[72:88]), cstring(b[88:]); fs != "sysfs" || on != "/sys" {
		t.Errorf("statfs64(/sys/kernel): %q on %q", fs, on)
	}
	var h syscall.Statfs_t
	if err := syscall.Statfs("/", &h); err != nil {
		t.Fatal(err)
	}
	call(t, th, sysStatfs64, 0, gstr("/"), gp(&b[0]))
	if bsize, blocks := getUint32(b), getUint64(b[8:]); bsize != uint32(h.Frsize) || blocks != h.Blocks {
		t.Errorf("statfs64(/): %d blocks of %d, want %d of %d", blocks, bsize, h.Blocks, h.Frsize)
	}
	if f := mountFlag(getUint32(b[64:])); f&mntRootfs == 0 || cstring(b[88:]) != "/" {
		t.Errorf("statfs64(/): flags %#x on %q", f, cstring(b[88:]))
	}
	call(t, th, sysStatfs64, ENOENT, gstr("/no/such"), gp(&b[0]))
	n := call(t, th, sysGetfsstat64, 0, 0, 0, 2)
	all := make([]byte, (n+5)*statfs64Size)
	if m := call(t, th, sysGetfsstat64, 0, gp(&all[0]), uint64(len(all)), 2); m == 0 || m > n {
		t.Errorf("getfsstat64: %d mounts, said there were %d", m, n)
	}
	if !bytes.Contains(all, []byte("/proc\x00")) {
		t.Error("getfsstat64 does not list /proc")
	}
	if m := call(t, th, sysGetfsstat64, 0, gp(&all[0]), statfs64Size+7, 2); m != 1 {
		t.Errorf("getfsstat64 with room for one: %d", m)
	}
	m := call(t, th, sysGetfsstat64, 0, gp(&all[0]), uint64(len(all)), 2)
	th.cpu.Kick() // a signal has come: no mount may be left out for that
	if k := call(t, th, sysGetfsstat64, 0, gp(&all[0]), uint64(len(all)), 2); k != m {
		t.Errorf("getfsstat64 with a signal pending: %d mounts, without one %d", k, m)
	}
	th.cpu.TakeKick()
}

func TestGuestMountFlags(t *testing.T) {
	// ST_RDONLY 1, ST_NOSUID 2, ST_NODEV 4, ST_NOEXEC 8 against MNT_RDONLY 1,
	// MNT_NOEXEC 4, MNT_NOSUID 8, MNT_NODEV 0x10 (xnu-11417 bsd/sys/mount.h).
	for h, g := range map[uint64]mountFlag{1: 1, 2: 8, 4: 0x10, 8: 4, 0x10: 2, 0x400: 0x10000000, 15: 0x1d} {
		if v := guestMountFlags(h); v != g {
			t.Errorf("guestMountFlags(%#x) = %#x, want %#x", h, v, g)
		}
	}
}

func TestPathconf(t *testing.T) {
	th := guestThread(t, XNU11215)
	if v := call(t, th, sysPathconf, 0, gstr("/"), 4); v != 255 {
		t.Errorf("_PC_NAME_MAX = %d", v)
	}
	if v := call(t, th, sysFpathconf, 0, 0, 6); v != 512 {
		t.Errorf("_PC_PIPE_BUF = %d", v)
	}
	call(t, th, sysPathconf, EINVAL, gstr("/"), 99)
	call(t, th, sysPathconf, ENOENT, gstr("/no/such"), 4)
}

func TestChflags(t *testing.T) {
	th := guestThread(t, XNU11215)
	chdirTemp(t)
	os.WriteFile("f", nil, 0o666)
	call(t, th, sysChflags, 0, gstr("f"), 0) // nothing to do
	call(t, th, sysChflags, ENOTSUP, gstr("f"), 0x8000)
	var a args
	a[0], a[1] = gstr("f"), uint64(ufNodump)
	if _, e := sysChflags(th, &a); e == ENOTSUP {
		t.Skip("this file system keeps no flags")
	} else if e != 0 {
		t.Fatal(e)
	}
	var st [144]byte
	call(t, th, sysStat64, 0, gstr("f"), gp(&st[0]))
	if f := getUint32(st[116:]); f != uint32(ufNodump) {
		t.Errorf("st_flags = %#x, want UF_NODUMP", f)
	}
}

func TestStrings(t *testing.T) {
	th := &Thread{p: &Proc{Release: XNU11215}, buffers: new(buffers)}
	for _, n := range []int{0, 1, 1000, 1023, 1024, 2000} {
		_, e := th.path(0, gstr(strings.Repeat("a", n)))
		want := Errno(0)
		if n >= pathMax {
			want = ENAMETOOLONG
		}
		if e != want || e == 0 && len(th.pathBytes(0)) != n {
			t.Errorf("a name of %d bytes: error %v, length %d", n, e, len(th.pathBytes(0)))
		}
	}
}
