// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// An i386Decl is one line of i386.tsv.
type i386Decl struct {
	kind, name, file, sum, value string

	size int
	text string // of a func or a call
}

// ioctlSize returns the size of the argument that an ioctl's number holds
// (xnu-1504 bsd/sys/ioccom.h).
func ioctlSize(n uint64) int { return int(n >> 16 & 0x1fff) }

func readI386(top string) ([]i386Decl, error) {
	rows, err := readTable(top, "i386.tsv", 6, 6)
	if err != nil {
		return nil, err
	}
	calls, err := readSyscalls(top)
	if err != nil {
		return nil, err
	}
	var list []i386Decl
	seen := map[string]bool{}
	for _, r := range rows {
		d := i386Decl{r.f[0], r.f[1], r.f[2], r.f[3], r.f[4], 0, ""}
		if seen[d.name] {
			return nil, r.Errorf("%s twice", d.name)
		}
		seen[d.name] = true
		if d.size, err = r.num(5); err != nil {
			return nil, err
		}
		if len(d.sum) != 12 || d.file == "" || d.value == "" {
			return nil, r.Errorf("%s lacks its file, its fingerprint or its value", d.name)
		}
		switch d.kind {
		case "const":
			n, err := strconv.ParseUint(d.value, 0, 32)
			if err != nil {
				return nil, r.Errorf("%q is not a number of 32 bits", d.value)
			}
			if d.size != 0 && ioctlSize(n) != d.size {
				return nil, r.Errorf("%s holds the size %d, not %d", d.name, ioctlSize(n), d.size)
			}
		case "type":
			if strings.Contains(d.value, " ") != (d.size != 0) {
				return nil, r.Errorf("%s: a struct, and only a struct, has fields and a size", d.name)
			}
		case "func":
			if d.text = "func " + d.value; !strings.Contains(d.value, "{") || d.size != 0 {
				return nil, r.Errorf("%s: a function has a body, and no size", d.name)
			}
		case "call":
			if d.text, err = callText(calls, d.name, d.value); err != nil {
				return nil, r.Errorf("%s: %v", d.name, err)
			}
		default:
			return nil, r.Errorf("unknown kind %q", d.kind)
		}
		list = append(list, d)
	}
	return list, nil
}

// callText returns the Go function name that makes the kernel's call. call is
// that one's name, then the parameters and results, in Go.
func callText(calls []call, name, call string) (string, error) {
	kernel, params, _ := strings.Cut(call, "(")
	params, results, ok := strings.Cut(params, ") (")
	c := findCall(calls, kernel)
	if c == nil || !ok {
		return "", fmt.Errorf("%q does not name a call, parameters and results", call)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "func %s(%s) (%s {\n", name, params, results)
	letters, words, fn := "", []string{"abi.FuncPCABI0(libc_" + kernel + "_trampoline)"}, "syscall"
	for _, p := range strings.Split(params, ", ") {
		n, typ, _ := strings.Cut(p, " ")
		switch typ {
		case "int":
			letters, words = letters+"i", append(words, "uintptr("+n+")")
		case "uintptr": // an address, or the length of something
			letters, words = letters+"w", append(words, n)
		case "int64":
			letters, words = letters+"o", append(words, "lo32("+n+")", "hi32("+n+")")
		case "string":
			fmt.Fprintf(&b, "p, err := BytePtrFromString(%s)\nif err != nil {\nreturn err\n}\n", n)
			letters, words = letters+"s", append(words, "uintptr(unsafe.Pointer(p))")
		case "[]byte":
			letters, words = letters+"ww", append(words, "uintptr(bufArg("+n+"))", "uintptr(len("+n+"))")
		default:
			return "", fmt.Errorf("cannot pass %q", p)
		}
	}
	if want := strings.NewReplacer("p", "w", "z", "w").Replace(c.args); letters != want {
		return "", fmt.Errorf("its parameters are %s, the kernel's of %s are %s", letters, kernel, want)
	}
	room := 1 + 3
	if len(words) > room {
		fn, room = "syscall6", 1+6
	}
	if len(words) > room {
		fn, room = "syscall9", 1+9
	}
	for len(words) < room {
		words = append(words, "0")
	}
	set, ret := "", ""
	switch c.ret + " " + results {
	case "i err error)":
		set, ret = "_, _, e", "return errOf(e)"
	case "l n int, err error)":
		set, ret = "r, _, e", "return int(r), errOf(e)"
	case "l ret uintptr, err error)":
		set, ret = "r, _, e", "return r, errOf(e)"
	case "o newoffset int64, err error)":
		set, ret = "lo, hi, e", "if e != 0 {\nreturn -1, errnoErr(e)\n}\nreturn int64(hi)<<32 | int64(lo), nil"
	default:
		return "", fmt.Errorf("its results are (%s, the kernel's of %s is %s", results, kernel, c.ret)
	}
	fmt.Fprintf(&b, "%s := %s(%s)\n%s\n}", set, fn, strings.Join(words, ", "), ret)
	return b.String(), nil
}

// fieldLines returns the fields of a struct, those of one type that follow
// each other on one line.
func fieldLines(value string) string {
	var b strings.Builder
	last := ""
	for _, field := range strings.Split(value, ",") {
		name, typ, _ := strings.Cut(field, " ")
		switch {
		case last == "":
		case typ == last:
			b.WriteString(", ")
		default:
			b.WriteString(" " + last + "\n")
		}
		b.WriteString(name)
		last = typ
	}
	return b.String() + " " + last
}

// genI386 writes what package syscall declares otherwise on 386. Each struct is
// followed by a declaration that compiles only if it has the size of the table.
func genI386(top string) ([]byte, error) {
	list, err := readI386(top)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, goHeader, "i386.tsv", "syscall")
	text := strings.Replace(b.String(), "package syscall\n", "//go:build !ios\n\npackage syscall\n\nimport (\n\"internal/abi\"\n\"unsafe\"\n)\n", 1)
	b.Reset()
	b.WriteString(text)
	for _, d := range list {
		why := "another number"
		switch {
		case d.size != 0:
			why = fmt.Sprintf("%d bytes", d.size)
		case d.kind == "type":
			why = "a word"
		case d.kind == "func":
			why = "a word of 32 bits"
		case d.kind == "call":
			why = "64 bits are two words"
		}
		fmt.Fprintf(&b, "\n//graft:replace %s_darwin_386.go %s %s\n", d.file, d.sum, why)
		switch {
		case d.text != "":
			fmt.Fprintf(&b, "%s\n", d.text)
		case d.kind == "const":
			fmt.Fprintf(&b, "const %s = %s\n", d.name, d.value)
		case d.size == 0:
			fmt.Fprintf(&b, "type %s %s\n", d.name, d.value)
		default:
			fmt.Fprintf(&b, "type %s struct {\n%s\n}\n\nvar _ [%d]byte = [unsafe.Sizeof(%s{})]byte{}\n",
				d.name, fieldLines(d.value), d.size, d.name)
		}
	}
	return gofmt(b.Bytes())
}
