// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"goxnu/misc/internal/releases"
)

// machdeps are the machine-dependent calls; 64-bit programs have the first one alone
// (xnu-1504 to xnu-11417 osfmk/i386/machdep_call.c:machdep_call_table).
var machdeps = []call{
	{num: 3, name: "thread_fast_set_cthread_self"},
	{num: 4, name: "thread_set_user_ldt"},
	{num: 5, name: "i386_set_ldt"},
	{num: 6, name: "i386_get_ldt"},
}

// byName returns the calls that have names, one for each name: its newest, in
// order of numbers.
func byName(calls []call) []call {
	var list []call
	for i, c := range calls {
		if c.name != emptySlot && findCall(calls, c.name) == &calls[i] {
			list = append(list, c)
		}
	}
	return slices.SortedStableFunc(slices.Values(list), func(a, b call) int { return cmp.Compare(a.num, b.num) })
}

// darwinName returns the name of the constant for the major number of a release's kern.osrelease.
func darwinName(r releases.Release) string { return "darwin" + strings.ReplaceAll(r.Name, ".", "_") }

// darwinNames has those names by number.
var darwinNames = func() map[int]string {
	m := map[int]string{}
	for _, r := range releases.All {
		if r.Darwin != 0 {
			m[r.Darwin] = darwinName(r)
		}
	}
	return m
}()

// genHeader returns a function that writes the numbers of the kernel entries
// and of Darwin's releases for the assembly files of darwin/arch. The assembler
// finds a header in the package's own directory, so package runtime and package
// syscall have one each. The name has the architecture, so that darwin/arm64,
// whose files are upstream's, does not have it.
func genHeader(arch string) func(top string) ([]byte, error) {
	return func(top string) ([]byte, error) { return header(top, classes[arch]) }
}

// classes are the macros that put a number and its class together.
var classes = map[string]string{
	"amd64": `// XNU_name is the number of a kernel entry, with its class, as it goes into AX
// before SYSCALL.
#define XNU_MACH(n) (0x1000000+n)
#define XNU_UNIX(n) (0x2000000+n)
#define XNU_MDEP(n) (0x3000000+n)
`,
	"386": `// XNU_name is the number of a kernel entry as it goes into AX. The interrupt is
// the class: a Mach trap (INT $0x81) has its number negated, a BSD call
// (INT $0x80) and a machdep call (INT $0x82) as it is.
#define XNU_MACH(n) (-n)
#define XNU_UNIX(n) n
#define XNU_MDEP(n) n
`,
}

func header(top, class string) ([]byte, error) {
	calls, traps, err := readEntries(top)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, goHeader, "syscalls.tsv, traps.tsv", "")
	b.Truncate(bytes.LastIndex(b.Bytes(), []byte("\npackage ")))
	b.WriteString("\n" + class + "\n")
	seen := map[string]bool{}
	for _, table := range []struct {
		class string
		calls []call
	}{{"UNIX", byName(calls)}, {"MACH", byName(traps)}, {"MDEP", machdeps}} {
		for _, c := range table.calls {
			if seen[c.name] {
				return nil, fmt.Errorf("lib/xnu: two kinds of kernel entries are called %s", c.name)
			}
			seen[c.name] = true
			fmt.Fprintf(&b, "#define XNU_%s XNU_%s(%d)\n", c.name, table.class, c.num)
		}
		b.WriteString("\n")
	}
	b.WriteString("// The major number of kern.osrelease, by the system's first release that has it.\n")
	for _, r := range releases.All {
		if r.Darwin != 0 {
			fmt.Fprintf(&b, "#define %s %d\n", darwinName(r), r.Darwin)
		}
	}
	return b.Bytes(), nil
}

// releaseConsts are the releases for a Go file.
func releaseConsts() string {
	var b strings.Builder
	b.WriteString("\n// The major number of kern.osrelease, by the system's first release that has it.\nconst (\n")
	for _, r := range releases.All {
		if r.Darwin != 0 {
			fmt.Fprintf(&b, "%s = %d\n", darwinName(r), r.Darwin)
		}
	}
	b.WriteString(")\n")
	return b.String()
}

// portHeader begins a Go file of the ports.
func portHeader(from, pkg string) string {
	return strings.Replace(fmt.Sprintf(goHeader, from, pkg), "\npackage", "\n//go:build !ios && (amd64 || 386)\n\npackage", 1)
}

// genRuntimeNumbers writes the releases for package runtime.
func genRuntimeNumbers(string) ([]byte, error) {
	header := strings.Replace(portHeader("", "runtime"), "lib/xnu/", "misc/internal/releases", 1)
	return gofmt([]byte(header + releaseConsts()))
}

// numberRE finds the kernel entries that a Go file of package syscall makes.
var numberRE = regexp.MustCompile(`\b(sys|trap)_(\w+)`)

// genSyscallNumbers writes the releases for package syscall, and the numbers of
// the kernel entries that its Go files name. Debugging information has every
// constant of a package, so it does not write them all.
func genSyscallNumbers(top string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(portHeader("syscalls.tsv, traps.tsv", "syscall") + releaseConsts())
	files, err := filepath.Glob(filepath.Join(top, "src", "syscall", "libc*_darwin.go"))
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, name := range numberRE.FindAllString(string(text), -1) {
			used[name] = true
		}
	}
	for _, table := range []struct {
		prefix, what string
		read         func(top string) ([]call, error)
	}{{"sys_", "BSD calls", readSyscalls}, {"trap_", "Mach traps", readTraps}} {
		list, err := table.read(top)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "\n// The numbers of the %s that the C functions make.\nconst (\n", table.what)
		for _, c := range byName(list) {
			if name := table.prefix + c.name; used[name] {
				fmt.Fprintf(&b, "%s = %d\n", name, c.num)
				delete(used, name)
			}
		}
		b.WriteString(")\n")
	}
	for name := range used {
		return nil, fmt.Errorf("src/syscall names %s; lib/xnu has no such call", name)
	}
	return gofmt(b.Bytes())
}
