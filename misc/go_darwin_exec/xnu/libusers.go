// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

// Users and groups, from the host's files. The functions return error numbers;
// no entry is 0 and a null result.

import (
	"strconv"
	"strings"

	"goxnu/misc/go_darwin_exec/vcpu"
)

// fileEntry returns the first line of a file of users or groups with a field that is
// want.
func fileEntry(file string, fields, field int, want string) []string {
	for line := range strings.Lines(string(readHostFile(file))) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(f) >= fields && f[field] == want && !strings.HasPrefix(line, "#") {
			return f
		}
	}
	return nil
}

// An entryWriter lays out a struct whose strings are in a buffer behind it.
type entryWriter struct {
	b   []byte // the struct
	s   []byte // the strings
	buf uint64 // where they will be
}

func (w *entryWriter) str(off int, v string) {
	putUint64(w.b[off:], w.buf+uint64(len(w.s)))
	w.s = append(append(w.s, v...), 0)
}

func (w *entryWriter) id(off int, v string) {
	n, _ := strconv.ParseUint(v, 10, 32)
	putUint32(w.b[off:], uint32(n))
}

// put writes the entry to a struct and a buffer of the guest's, and the struct's address
// to result.
func (w *entryWriter) put(entry, size, result uint64) (uint64, Errno) {
	if uint64(len(w.s)) > size {
		return uint64(ERANGE), 0
	}
	if !vcpu.CopyOut(entry, w.b) || !vcpu.CopyOut(w.buf, w.s) || !vcpu.Store64(result, entry) {
		return uint64(EFAULT), 0
	}
	return 0, 0
}

// passwd finds a user for getpwnam_r or getpwuid_r (entry, buffer, size, result).
func passwd(field int, want string, a []uint64) (uint64, Errno) {
	vcpu.Store64(a[3], 0)
	f := fileEntry("/etc/passwd", 7, field, want)
	if f == nil {
		return 0, 0
	}
	w := entryWriter{b: make([]byte, 72), buf: a[1]}
	w.str(0, f[0])  // pw_name
	w.str(8, "*")   // pw_passwd
	w.id(16, f[2])  // pw_uid
	w.id(20, f[3])  // pw_gid
	w.str(32, "")   // pw_class
	w.str(40, f[4]) // pw_gecos
	w.str(48, f[5]) // pw_dir
	w.str(56, f[6]) // pw_shell
	return w.put(a[0], a[2], a[3])
}

// group finds a group for getgrnam_r or getgrgid_r.
func group(field int, want string, a []uint64) (uint64, Errno) {
	vcpu.Store64(a[3], 0)
	f := fileEntry("/etc/group", 4, field, want)
	if f == nil {
		return 0, 0
	}
	w := entryWriter{b: make([]byte, 32), buf: a[1], s: make([]byte, 8)} // gr_mem, empty, is first in the buffer
	w.str(0, f[0])                                                       // gr_name
	w.str(8, "*")                                                        // gr_passwd
	w.id(16, f[2])                                                       // gr_gid
	putUint64(w.b[24:], w.buf)
	return w.put(a[0], a[2], a[3])
}

func idText(id uint64) string { return strconv.FormatUint(uint64(uint32(id)), 10) }

func libGetpwnamR(t *Thread, a *args) (uint64, Errno) { return passwd(0, cstringAt(a[0]), a[1:5]) }
func libGetpwuidR(t *Thread, a *args) (uint64, Errno) { return passwd(2, idText(a[0]), a[1:5]) }
func libGetgrnamR(t *Thread, a *args) (uint64, Errno) { return group(0, cstringAt(a[0]), a[1:5]) }
func libGetgrgidR(t *Thread, a *args) (uint64, Errno) { return group(2, idText(a[0]), a[1:5]) }

// libGetgrouplist(name, basegid, groups, ngroups) returns -1 if there are more
// groups than room.
func libGetgrouplist(t *Thread, a *args) (uint64, Errno) {
	name, list := cstringAt(a[0]), []uint32{uint32(a[1])}
	for line := range strings.Lines(string(readHostFile("/etc/group"))) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(f) < 4 {
			continue
		}
		gid, err := strconv.ParseUint(f[2], 10, 32)
		for _, m := range strings.Split(f[3], ",") {
			if m == name && err == nil && uint32(gid) != list[0] {
				list = append(list, uint32(gid))
			}
		}
	}
	room, ok := vcpu.Load32(a[3])
	n := min(uint32(len(list)), room)
	for i, g := range list[:n] {
		ok = ok && vcpu.Store32(a[2]+uint64(4*i), g)
	}
	if !ok || !vcpu.Store32(a[3], n) {
		return 0, EFAULT
	}
	if int(n) < len(list) {
		return ^uint64(0), 0
	}
	return 0, 0
}
