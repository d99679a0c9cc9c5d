// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const top = "../.."

func TestUpToDate(t *testing.T) {
	for _, o := range outputs {
		want, err := o.gen(top)
		if err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(filepath.Join(top, o.path))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, want) {
			t.Errorf("%s is not what lib/xnu says: run go run ./mkxnu in misc", o.path)
		}
	}
}

// TestFacts compares lines of the tables with what the documents of XNU's ABI
// and every Darwin program take for granted.
func TestFacts(t *testing.T) {
	calls, err := readSyscalls(top)
	if err != nil {
		t.Fatal(err)
	}
	at := func(num, rel int) string {
		for _, c := range calls {
			if c.num == num && c.since <= rel && (c.until == 0 || rel < c.until) {
				return c.name + " " + c.args
			}
		}
		return "nosys"
	}
	for _, tt := range []struct {
		num, rel int
		want     string
	}{
		{3, 1504, "read ipz"},
		{199, 11417, "lseek ioi"},
		{8, 1504, "nosys"},
		{8, 2782, "enosys "},
		{66, 7195, "vfork "},
		{66, 8019, "nosys"},
		{274, 2422, "sem_getvalue pp"},
		{274, 2782, "sysctlbyname szpppz"},
		{394, 2782, "setlcid ii"},
		{394, 3248, "pselect ippppp"},
		{462, 1504, "nosys"},
		{462, 3248, "enosys "},
		{462, 3789, "clonefileat isisu"},
		{488, 3248, "rename_ext ssu"},
		{515, 3248, "nosys"},
		{515, 3789, "ulock_wait upou"},
	} {
		if have := at(tt.num, tt.rel); have != tt.want {
			t.Errorf("call %d in xnu-%d is %q, want %q", tt.num, tt.rel, have, tt.want)
		}
	}
	traps, err := readTraps(top)
	if err != nil {
		t.Fatal(err)
	}
	if c := findCall(traps, "semaphore_timedwait"); c == nil || c.num != 38 || c.args != "uui" {
		t.Errorf("semaphore_timedwait: %+v", c)
	}
	errnos, err := readErrnos(top)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range errnos {
		if e.name == "EAGAIN" && (e.num != 35 || len(e.linux) != 1 || e.linux[0] != 11) {
			t.Errorf("EAGAIN: %+v", e)
		}
	}
}

// TestI386 refuses lines that contradict themselves.
func TestI386(t *testing.T) {
	for _, tt := range []struct{ line, word string }{
		{"const\tTIOCGETA\tzerrors\t0123456789ab\t0x40487413\t44", "holds the size 72, not 44"},
		{"const\tTIOCGETA\tzerrors\t0123456789ab\t0x1402c7413\t44", "not a number of 32 bits"},
		{"const\tTIOCGETA\tzerrors\t?\t0x402c7413\t44", "fingerprint"},
		{"type\tIovec\tztypes\t0123456789ab\tBase *byte,Len uint32\t-", "has fields and a size"},
		{"type\t_C_long\tztypes\t0123456789ab\tint32\t4", "has fields and a size"},
		{"func\tSetKevent\tsyscall\t0123456789ab\tSetKevent(k *Kevent_t)\t-", "has a body"},
		{"call\tSeek\tzsyscall\t0123456789ab\tlseak(fd int, offset int64, whence int) (newoffset int64, err error)\t-", "does not name a call"},
		{"call\tSeek\tzsyscall\t0123456789ab\tlseek(fd int, offset int, whence int) (newoffset int64, err error)\t-", "its parameters are iii, the kernel's of lseek are ioi"},
		{"call\tSeek\tzsyscall\t0123456789ab\tlseek(fd int, offset int64, whence int) (n int, err error)\t-", "the kernel's of lseek is o"},
		{"call\tSeek\tzsyscall\t0123456789ab\tlseek(fd bool, offset int64, whence int) (newoffset int64, err error)\t-", `cannot pass "fd bool"`},
		{"var\tx\tztypes\t0123456789ab\t1\t-", "unknown kind"},
	} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "lib/xnu"), 0o777); err != nil {
			t.Fatal(err)
		}
		for name, line := range map[string]string{"i386.tsv": tt.line, "syscalls.tsv": "199\tlseek\tioi\to\t-\t-\t-\tsysLseek\tfull"} {
			if err := os.WriteFile(filepath.Join(dir, "lib/xnu", name), []byte(line+"\n"), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := readI386(dir); err == nil || !strings.Contains(err.Error(), tt.word) {
			t.Errorf("%q: error %v, want %q", tt.line, err, tt.word)
		}
	}
}

// TestWide386: of upstream's functions with 64-bit arguments or results none is
// left in package syscall for darwin/386, which would pass half of them.
func TestWide386(t *testing.T) {
	for _, name := range []string{"zsyscall_darwin_386.go", "syscall_darwin_386.go"} {
		for line := range strings.Lines(readAll(t, "goroot/src/syscall/"+name)) {
			if strings.HasPrefix(line, "func ") && strings.Contains(line, "int64") {
				t.Errorf("%s: %s is not in lib/xnu/i386.tsv", name, strings.TrimSpace(line))
			}
		}
	}
}

// TestRefusals gives every reader tables that it must refuse.
func TestRefusals(t *testing.T) {
	const okStubs = "open\tcall\topen\t1699\temulOpen\nopenat\tcall\topenat\t-\temulOpenat\n"
	const okCalls = "1\texit\ti\tv\t-\t-\t-\tsysExit\tfull\n2\tfork\t-\ti\t-\t-\t-\tsysFork\tfull\n" +
		"5\topen\tsii\ti\t-\t-\teintr,child\tsysOpen\tpartial: some\n463\topenat\tisii\ti\t2782\t-\teintr\t-\tnone: why\tnote\n"
	for _, tt := range []struct {
		file, text string
		read       func(top string) error
		want       string // part of the error; "" for none
	}{
		{"syscalls.tsv", okCalls, syscallsErr, ""},
		{"syscalls.tsv", "1\texit\ti\n", syscallsErr, "3 fields"},
		{"syscalls.tsv", "x\texit\ti\tv\t-\t-\t-\t-\tnone: why\n", syscallsErr, "not a number"},
		{"syscalls.tsv", "1\texit\tq\tv\t-\t-\t-\t-\tnone: why\n", syscallsErr, "letter 'q'"},
		{"syscalls.tsv", "1\texit\ti\tvv\t-\t-\t-\t-\tnone: why\n", syscallsErr, `result "vv"`},
		{"syscalls.tsv", "1\texit\tiiiiiiiii\tv\t-\t-\t-\t-\tnone: why\n", syscallsErr, "9 arguments"},
		{"syscalls.tsv", "1\texit\ti\tv\t1600\t-\t-\t-\tnone: why\n", syscallsErr, "not an XNU branch"},
		{"syscalls.tsv", "1\texit\ti\tv\t2422\t1699\t-\t-\tnone: why\n", syscallsErr, "not after"},
		{"syscalls.tsv", "1\texit\ti\tv\t-\t-\tfast\t-\tnone: why\n", syscallsErr, "unknown flag"},
		{"syscalls.tsv", "2\tfork\t-\ti\t-\t-\t-\t-\tnone: why\n1\texit\ti\tv\t-\t-\t-\t-\tnone: why\n", syscallsErr, "1 follows 2"},
		{"syscalls.tsv", "1\ta\ti\tv\t-\t2422\t-\t-\tnone: why\n1\tb\ti\tv\t2050\t-\t-\t-\tnone: why\n", syscallsErr, "share a release"},
		{"syscalls.tsv", "1\ta\ti\tv\t-\t2422\t-\t-\tnone: why\n1\tb\ti\tv\t2422\t-\t-\t-\tnone: why\n", syscallsErr, ""},
		{"syscalls.tsv", "1\texit\ti\tv\t-\t-\t-\t-\tfull\n", syscallsErr, "without a handler"},
		{"syscalls.tsv", "1\texit\ti\tv\t-\t-\t-\tsysExit\tpartial\n", syscallsErr, "what is missing"},
		{"syscalls.tsv", "1\texit\ti\tv\t-\t-\t-\t-\tnone\n", syscallsErr, "none: why"},
		{"syscalls.tsv", "1\texit\ti\tv\t-\t-\t-\tsysExit\tnone: why\n", syscallsErr, "with handler"},
		{"syscalls.tsv", "1\texit\ti\tv\t-\t-\t-\t-\t-\n", syscallsErr, "want full"},
		{"syscalls.tsv", "1\tenosys\t-\t-\t-\t-\t-\tsysExit\tfull\n", syscallsErr, "empty slot"},
		{"traps.tsv", "27\tthread_self\t-\tx\t-\t-\t-\t-\tnone: why\n", trapsErr, "letter 'x'"},
		{"errno.tsv", "1\tEPERM\t1\t-\n3\tESRCH\t3\t-\n", errnosErr, "want 2"},
		{"errno.tsv", "1\tEPERM\t1\t-\n2\tENOENT\t1\t-\n", errnosErr, "stands for"},
		{"libc.tsv", "exit\tcall\texit\t-\t-\n", libcErr, ""},
		{"libc.tsv", "exit\tcall\texits\t-\t-\n", libcErr, "no call"},
		{"libc.tsv", "exit\tjump\texit\t-\t-\n", libcErr, "unknown kind"},
		{"libc.tsv", "exit\tcall\texit\t-\temulExit\n", libcErr, "in every release"},
		{"libc.tsv", "openat\tcall\topenat\t1504\t-\n", libcErr, "came with"},
		{"libc.tsv", "exit\tcall\texit\t8796\t-\n", libcErr, "first kernel"},
		{"libc.tsv", "exit\tnone\t-\t-\t-\n", libcErr, "reason"},
		{"libc.tsv", "a\tgo\temulA\t-\t-\na\tgo\temulA\t-\t-\n", libcErr, "twice"},
		{"older.tsv", "at\topenat\topenat\tthe plain call\t-\t-\nopen\topen\t1699\tfcntl\t-\t-\n", olderErr, ""},
		{"older.tsv", "at\topenat\topenat\tthe plain call\t-\t-\n", olderErr, "open, which depends on the release, is missing"},
		{"older.tsv", "at\topenat\topenat\tnothing\tENOSYS\t-\n", olderErr, "libc.tsv says otherwise"},
		{"older.tsv", "at\topenat\t3789\tthe plain call\t-\t-\n", olderErr, "depends on Darwin 14, not 16"},
		{"older.tsv", "at\topenbt\topenat\tthe plain call\t-\t-\n", olderErr, "has no openbt"},
		{"older.tsv", "exit\t-\texit\tnothing\t-\t-\n", olderErr, "every release has it"},
	} {
		dir := t.TempDir()
		lib := filepath.Join(dir, "lib", "xnu")
		if err := os.MkdirAll(lib, 0o777); err != nil {
			t.Fatal(err)
		}
		files := map[string]string{"syscalls.tsv": okCalls, "libc.tsv": okStubs, tt.file: tt.text}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(lib, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		err := tt.read(dir)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s %q: %v", tt.file, tt.text, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s %q: error %v, want one with %q", tt.file, tt.text, err, tt.want)
		}
	}
}

func syscallsErr(top string) error { _, err := readSyscalls(top); return err }
func trapsErr(top string) error    { _, err := readTraps(top); return err }
func errnosErr(top string) error   { _, err := readErrnos(top); return err }
func libcErr(top string) error     { _, err := readLibc(top); return err }

func olderErr(top string) error { _, err := readOlder(top); return err }

var (
	textRE = regexp.MustCompile(`(?m)^TEXT\s+(\w+)\(SB\)`)
	emulRE = regexp.MustCompile(`(?m)^func (emul\w+)\(a \*libcArgs\) \(r, errno uintptr\)\s+{`)
	trapRE = regexp.MustCompile(`\$XNU_(\w+), AX\b`)
	askRE  = regexp.MustCompile(`(?i:darwinRelease(?:\(\))? (?:<|>=) |ulockRelease *= |SINCE\(|SINCE_ELSE\()(\d+|(?i:darwin)[\d_]+)`)
	cgoRE  = regexp.MustCompile(`(?m)^//go:cgo_import_dynamic (\w+) \w+ "`)
)

// readAll returns the contents of the files that match, one after the other.
func readAll(t *testing.T, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(top, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: no such files (%v)", pattern, err)
	}
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// TestStubs compares libc.tsv with the assembly and Go files of package
// syscall: every name that is to be defined is, once for each port, by code that
// exists.
func TestStubs(t *testing.T) {
	stubs, err := readLibc(top)
	if err != nil {
		t.Fatal(err)
	}
	emuls := map[string]bool{}
	for _, m := range emulRE.FindAllStringSubmatch(readAll(t, "src/syscall/libc*_darwin.go"), -1) {
		emuls[m[1]] = false
	}
	for _, s := range stubs {
		for _, fn := range []string{s.what, s.older} {
			if !strings.HasPrefix(fn, "emul") {
				continue
			}
			if _, ok := emuls[fn]; !ok {
				t.Errorf("%s: there is no func %s(a *libcArgs) (r, errno uintptr)", s.name, fn)
			}
			emuls[fn] = true
		}
	}
	for fn, used := range emuls {
		if !used {
			t.Errorf("%s is not in libc.tsv", fn)
		}
	}
	for _, arch := range []string{"amd64", "386"} {
		asm := readAll(t, "src/syscall/libc*_darwin_"+arch+".s")
		texts := map[string]int{}
		for _, m := range textRE.FindAllStringSubmatch(asm, -1) {
			texts[m[1]]++
		}
		for _, s := range stubs {
			want := 1
			if s.how == "none" {
				want = 0
			}
			if texts[s.Symbol()] != want {
				t.Errorf("%s: %s has %d TEXTs, want %d", arch, s.Symbol(), texts[s.Symbol()], want)
			}
			delete(texts, s.Symbol())
			if s.how != "asm" {
				continue
			}
			_, body, _ := strings.Cut(asm, "\nTEXT "+s.Symbol()+"(SB)")
			body, _, _ = strings.Cut(body, "\nTEXT ")
			found := false
			for _, m := range trapRE.FindAllStringSubmatch(body, -1) {
				found = found || m[1] == s.what
			}
			if !found {
				t.Errorf("%s: %s does not make call %s", arch, s.Symbol(), s.what)
			}
		}
		for name := range texts {
			if strings.HasPrefix(name, "libc_") {
				t.Errorf("%s: %s is not in libc.tsv", arch, name)
			}
		}
	}
}

// TestOlder compares older.tsv with the port's source: the releases that it
// asks about are in the table, and the tests that the table names exist.
func TestOlder(t *testing.T) {
	lacks, err := readOlder(top)
	if err != nil {
		t.Fatal(err)
	}
	tests := readAll(t, "src/*/*_test.go")
	names := map[string]bool{}
	for _, l := range lacks {
		names[darwinNames[darwinMajors[l.since]]] = true
		for _, name := range l.tests {
			_, err := os.Stat(filepath.Join(top, "test", name+".go"))
			if err != nil && !strings.Contains(tests, "\nfunc "+name+"(t *testing.T)") {
				t.Errorf("%s: there is no test %s", l.what, name)
			}
		}
	}
	n := 0
	for _, m := range askRE.FindAllStringSubmatch(readAll(t, "src/*/*_darwin*.go")+readAll(t, "src/*/*_darwin*.s"), -1) {
		n++
		if !names[strings.ToLower(m[1])] { // exported for tests, it has a capital
			t.Errorf("%q: %s is not the name of a release that older.tsv has something of", m[0], m[1])
		}
	}
	if n < 30 {
		t.Errorf("the port's source asks only %d times", n)
	}
}

// TestImports finds every C name that std imports on darwin/amd64: each must
// have a line in libc.tsv.
func TestImports(t *testing.T) {
	stubs, err := readLibc(top)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, s := range stubs {
		known[s.Symbol()] = true
	}
	cmd := exec.Command("go", "list", "-f", "{{range .GoFiles}}{{$.Dir}}/{{.}}\n{{end}}", "std")
	cmd.Env = append(os.Environ(), "GOOS=darwin", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range strings.Fields(string(out)) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range cgoRE.FindAllStringSubmatch(string(text), -1) {
			n++
			if !known[m[1]] {
				t.Errorf("%s: %s is not in lib/xnu/libc.tsv", filepath.Base(file), m[1])
			}
		}
	}
	if n < 150 {
		t.Errorf("found only %d imports in std", n)
	}
	t.Logf("%d imports in std", n)
}
