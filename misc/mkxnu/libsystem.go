// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// A libFunction is one line of libsystem.tsv.
type libFunction struct {
	name, library, std, kind, what, args, support, note string
}

var libraries = []string{"System", "resolv", "CoreFoundation", "Security"}

func readLibsystem(top string) ([]libFunction, error) {
	calls, err := readSyscalls(top)
	if err != nil {
		return nil, err
	}
	rows, err := readTable(top, "libsystem.tsv", 7, 8)
	if err != nil {
		return nil, err
	}
	var list []libFunction
	for _, r := range rows {
		f := libFunction{r.f[0], r.f[1], r.f[2], r.f[3], r.f[4], r.f[5], r.f[6], r.f[7]}
		if n := len(list); n > 0 && f.name <= list[n-1].name {
			return nil, r.Errorf("%s follows %s", f.name, list[n-1].name)
		}
		if !slices.Contains(libraries, f.library) {
			return nil, r.Errorf("%s: unknown library %q", f.name, f.library)
		}
		if err := r.checkLetters(f.args, argLetters); err != nil {
			return nil, err
		}
		wantWhat := f.kind == "kernel" || f.kind == "runner" || f.kind == "data"
		switch {
		case !slices.Contains([]string{"kernel", "machine", "runner", "data", "none"}, f.kind):
			return nil, r.Errorf("%s: unknown kind %q", f.name, f.kind)
		case (f.what != "") != wantWhat:
			return nil, r.Errorf("%s: kind %s with %q", f.name, f.kind, f.what)
		case f.kind == "kernel" && findCall(calls, f.what) == nil:
			return nil, r.Errorf("%s: no call is named %q", f.name, f.what)
		case f.kind == "kernel" && f.support == "full" && findCall(calls, f.what).handler == "":
			return nil, r.Errorf("%s: support full, but the runner does not answer %s", f.name, f.what)
		case f.args != "" && f.kind != "runner":
			return nil, r.Errorf("%s: arguments %q of kind %s", f.name, f.args, f.kind)
		}
		level, text, _ := strings.Cut(f.support, ": ")
		if !(level == "full" && text == "" && f.kind != "none" || level == "partial" && text != "" && f.kind != "none" ||
			level == "none" && text != "" && f.kind == "none") {
			return nil, r.Errorf("%s: kind %s with support %q", f.name, f.kind, f.support)
		}
		list = append(list, f)
	}
	return list, nil
}

// genLibsystem writes the runner's table of library functions.
func genLibsystem(top string) ([]byte, error) {
	list, err := readLibsystem(top)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, goHeader, "libsystem.tsv", "xnu")
	b.WriteString(`
// libFunctions are the functions of libSystem and its like, in order of their names.
var libFunctions = [...]libFunction{
`)
	for _, f := range list {
		kind := "lib" + strings.ToUpper(f.kind[:1]) + f.kind[1:]
		fmt.Fprintf(&b, "{name: %q, library: %q, kind: %s", f.name, f.library, kind)
		switch f.kind {
		case "kernel":
			fmt.Fprintf(&b, ", call: %q", f.what)
		case "runner":
			fmt.Fprintf(&b, ", entry: sysent{name: %q, args: %q, ret: 'l', handle: %s}", f.name, f.args, f.what)
		case "data":
			fmt.Fprintf(&b, ", data: %s", f.what)
		}
		fmt.Fprintf(&b, ", support: %q},\n", f.support)
	}
	b.WriteString("}\n")
	return gofmt(b.Bytes())
}
