// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package threadtrace

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"goxnu/misc/internal/tree"
)

var (
	entryRE = regexp.MustCompile(`(UNIX|MACH|MDEP)\((\d+)\)`)
	// A number of amd64 or a gate of 386 not given by UNIX, MACH or MDEP. INT $3 is no gate.
	rawRE  = regexp.MustCompile(`\$\(?0x[123]00[0-9a-f]{4}\b|\bINT\s+\$\(?(?:[^3\s]|3\w)\w*|\bSYSENTER\b`)
	textRE = regexp.MustCompile(`^TEXT\s+(\S+)\(SB\)`)
	saidRE = regexp.MustCompile(`^// (\w+) ?\((trap |machdep )?(\d+)\)`) // "name(number)" begins a comment
)

// kindOf is the macro for an entry, by the word before its number in a comment.
var kindOf = map[string]string{"": "UNIX", "trap ": "MACH", "machdep ": "MDEP"}

// kernelNames reads the names of a table of lib/xnu, by number.
func kernelNames(t *testing.T, file string) map[string][]string {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(line, "\t"); len(f) > 1 && f[0] != "" && f[0][0] != '#' {
			names[f[0]] = append(names[f[0]], f[1])
		}
	}
	return names
}

// tablesOf returns the names of the three kinds of entries.
func tablesOf(t *testing.T) map[string]map[string][]string {
	top, err := tree.Top()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]map[string][]string{
		"UNIX": kernelNames(t, filepath.Join(top, "lib", "xnu", "syscalls.tsv")),
		"MACH": kernelNames(t, filepath.Join(top, "lib", "xnu", "traps.tsv")),
		// The names for 32-bit programs: xnu-1504 to xnu-11417 osfmk/i386/machdep_call.c:machdep_call_table.
		"MDEP": {
			"3": {"thread_fast_set_cthread_self"},
			"4": {"thread_set_user_ldt"},
			"5": {"i386_set_ldt"},
			"6": {"i386_get_ldt"},
		},
	}
}

// checkEntries returns what is wrong with the kernel entries of a file: 48,
// which changes the mask of every thread; a number that is not the entry's that
// the comment above the TEXT names, or not by that name (golang/go 1250f94f93:
// usleep called something else); an entry that is not made by the macros.
func checkEntries(text string, tables map[string]map[string][]string) (wrong []string, entries int) {
	said := map[string]string{}  // entry, as "UNIX(93)", to name, of the comment above
	names := map[string]string{} // the same of the comments since the last TEXT
	for i, line := range strings.Split(text, "\n") {
		bad := func(format string, args ...any) {
			wrong = append(wrong, fmt.Sprintf("line %d: ", i+1)+fmt.Sprintf(format, args...))
		}
		if m := saidRE.FindStringSubmatch(line); m != nil {
			names[kindOf[m[2]]+"("+m[3]+")"] = m[1]
		}
		if textRE.MatchString(line) {
			said, names = names, map[string]string{}
		}
		code, _, _ := strings.Cut(line, "//")
		if strings.HasPrefix(code, "#define") {
			continue
		}
		if raw := rawRE.FindString(code); raw != "" {
			bad("%s: entry made without UNIX, MACH or MDEP", raw)
		}
		for _, m := range entryRE.FindAllStringSubmatch(code, -1) {
			entries++
			kind, nr := m[1], m[2]
			if kind == "UNIX" && nr == "48" {
				bad("sigprocmask (48) changes the mask of every thread")
			}
			name := said[m[0]]
			if name == "" {
				bad("%s: the comment above the TEXT does not name this entry", m[0])
				continue
			}
			ok := false
			for _, known := range tables[kind][nr] {
				ok = ok || known == name || strings.TrimSuffix(known, "_trap") == name
			}
			if !ok {
				bad("%s is called %s in the comment and %v in lib/xnu", m[0], name, tables[kind][nr])
			}
		}
	}
	return wrong, entries
}

// rawSources returns the runtime's files of the raw ports in the composed tree.
func rawSources(t *testing.T, patterns ...string) []string {
	goroot, err := tree.Goroot()
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, p := range patterns {
		f, err := filepath.Glob(filepath.Join(goroot, "src", "runtime", p))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f...)
	}
	if len(files) == 0 {
		t.Fatal("no such files: ", patterns)
	}
	return files
}

func TestKernelEntries(t *testing.T) {
	tables := tablesOf(t)
	for _, file := range rawSources(t, "*_darwin_amd64.s", "*_darwin_386.s") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		wrong, entries := checkEntries(string(text), tables)
		for _, w := range wrong {
			t.Errorf("%s: %s", filepath.Base(file), w)
		}
		if strings.HasPrefix(filepath.Base(file), "sys_darwin_") && entries < 30 {
			t.Errorf("%s: only %d kernel entries were found", filepath.Base(file), entries)
		}
	}
}

// TestKernelEntriesMistakes: the check sees what it is for.
func TestKernelEntriesMistakes(t *testing.T) {
	tables := tablesOf(t)
	for _, tt := range []struct{ name, text, want string }{
		{"right", "// select(93): n.\nTEXT x(SB),0,$0\n\tMOVL\tUNIX(93), AX\n", ""},
		{"usleep of 2012", "// select(93): n.\nTEXT x(SB),0,$0\n\tMOVL\tUNIX(92), AX\n", "does not name this entry"},
		{"wrong name", "// select(92): n.\nTEXT x(SB),0,$0\n\tMOVL\tUNIX(92), AX\n", "is called select"},
		{"trap for call", "// select(93): n.\nTEXT x(SB),0,$0\n\tMOVL\tMACH(93), AX\n", "does not name this entry"},
		{"48", "// sigprocmask(48): how.\nTEXT x(SB),0,$0\n\tMOVL\tUNIX(48), AX\n", "every thread"},
		{"48 by hand", "// sigprocmask(48): how.\nTEXT x(SB),0,$0\n\tMOVL\t$(0x2000000+48), AX\n", "without UNIX"},
		{"48 in one", "TEXT x(SB),0,$0\n\tMOVL\t$0x2000030, AX\n", "without UNIX"},
		{"machdep", "// i386_get_ldt (machdep 5): n.\nTEXT x(SB),0,$0\n\tMOVL\tMDEP(5), AX\n", "is called i386_get_ldt"},
		{"no machdep", "// i386_set_ldt(5): n.\nTEXT x(SB),0,$0\n\tMOVL\tMDEP(5), AX\n", "does not name this entry"},
		{"386 right", "#define UNIX(n)\tMOVL $n, AX; INT $0x80\n// select(93): n.\nTEXT x(SB),0,$0\n\tUNIX(93)\n\tINT\t$3\n", ""},
		{"386 other number", "// select(93): n.\nTEXT x(SB),0,$0\n\tUNIX(92)\n", "does not name this entry"},
		{"386 trap", "// task_self (trap 27).\nTEXT x(SB),0,$0\n\tMACH(27)\n", "is called task_self"},
		{"386 machdep right", "// thread_fast_set_cthread_self (machdep 3): base.\nTEXT x(SB),0,$0\n\tMDEP(3)\n", ""},
		{"386 machdep", "// thread_fast_set_cthread_self (machdep 3): base.\nTEXT x(SB),0,$0\n\tMDEP(4)\n", "does not name this entry"},
		{"386 48", "// sigprocmask(48): how.\nTEXT x(SB),0,$0\n\tUNIX(48)\n", "every thread"},
		{"386 48 by hand", "// sigprocmask(48): how.\nTEXT x(SB),0,$0\n\tMOVL\t$48, AX\n\tINT\t$0x80\n", "without UNIX"},
		{"386 on one line", "// sigprocmask(48): how.\nTEXT x(SB),0,$0\n\tMOVL $48, AX; INT $128\n", "without UNIX"},
		{"386 trap by hand", "// task_self (trap 28).\nTEXT x(SB),0,$0\n\tMOVL\t$-28, AX\n\tINT\t$0x81\n", "without UNIX"},
		{"386 machdep by hand", "// i386_set_ldt (machdep 5): n.\nTEXT x(SB),0,$0\n\tMOVL\t$5, AX\n\tINT\t$(0x82)\n", "without UNIX"},
		{"386 sysenter", "// exit(1): n.\nTEXT x(SB),0,$0\n\tMOVL\t$1, AX\n\tSYSENTER\n", "without UNIX"},
	} {
		wrong, _ := checkEntries(tt.text, tables)
		if got := strings.Join(wrong, "\n"); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	// The change sigmask2012 makes 48 on both ports, without the macros.
	top, err := tree.Top()
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"amd64", "386"} {
		text, err := os.ReadFile(filepath.Join(top, "src", "runtime", "sigmask2012_darwin_"+arch+".s"))
		if err != nil {
			t.Fatal(err)
		}
		if wrong, _ := checkEntries(string(text), tables); !strings.Contains(strings.Join(wrong, "\n"), "without UNIX") {
			t.Errorf("sigmask2012 on %s: %q", arch, wrong)
		}
	}
}

// createRE is the bracket that every creation of a thread is in.
var createRE = regexp.MustCompile(`sigprocmask\(_SIG_SETMASK, &sigset_all, &(\w+)\)\s*(?:\w+ :?= )?bsdthread_create\([^()]*\)\s*sigprocmask\(_SIG_SETMASK, &(\w+), nil\)`)

// checkBrackets returns how many calls of bsdthread_create a Go file has, and how
// many of them stand between a mask of everything and its restoration.
func checkBrackets(text string) (calls, brackets int) {
	for line := range strings.Lines(text) {
		code, _, _ := strings.Cut(line, "//")
		if !strings.HasPrefix(code, "func ") {
			calls += strings.Count(code, "bsdthread_create(")
		}
	}
	for _, m := range createRE.FindAllStringSubmatch(text, -1) {
		if m[1] == m[2] {
			brackets++
		}
	}
	return calls, brackets
}

// TestCreateBracketed: whoever calls bsdthread_create blocks all signals before
// and restores its mask after (golang/go 1fc9a17c7e and 699dbb60b7 each found a
// place that had been forgotten). No assembly calls it.
func TestCreateBracketed(t *testing.T) {
	calls, brackets := 0, 0
	for _, file := range rawSources(t, "*_darwin*.go") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, b := checkBrackets(string(text))
		calls, brackets = calls+c, brackets+b
	}
	if calls == 0 || calls != brackets {
		t.Errorf("%d calls of bsdthread_create, %d of them between a mask of everything and its restoration", calls, brackets)
	}
	for _, file := range rawSources(t, "*_darwin_amd64.s", "*_darwin_386.s") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if jumpRE.Match(text) {
			t.Errorf("%s calls bsdthread_create", filepath.Base(file))
		}
	}
}

var jumpRE = regexp.MustCompile(`\b(CALL|JMP)\s+(runtime)?·bsdthread_create\(`)

// TestCreateBracketedMistakes: the check sees what it is for.
func TestCreateBracketedMistakes(t *testing.T) {
	const (
		block   = "\tsigprocmask(_SIG_SETMASK, &sigset_all, &oset)\n"
		create  = "\terrno = bsdthread_create(stk, mp)\n"
		restore = "\tsigprocmask(_SIG_SETMASK, &oset, nil)\n"
	)
	for _, tt := range []struct {
		name, text      string
		calls, brackets int
	}{
		{"right", "func bsdthread_create(stk, mp)\n" + block + create + restore, 1, 1},
		{"twice", block + create + restore + block + create + restore, 2, 2},
		{"forgotten", block + create + restore + create, 2, 1},
		{"not blocked", "\tsigprocmask(_SIG_SETMASK, nil, &oset)\n" + create + restore, 1, 0},
		{"not restored", block + create + "\tif errno == 0 {\n", 1, 0},
		{"restored from elsewhere", block + create + "\tsigprocmask(_SIG_SETMASK, &other, nil)\n", 1, 0},
		{"something between", block + "\tf()\n" + create + restore, 1, 0},
	} {
		if c, b := checkBrackets(tt.text); c != tt.calls || b != tt.brackets {
			t.Errorf("%s: %d calls, %d bracketed; want %d, %d", tt.name, c, b, tt.calls, tt.brackets)
		}
	}
	for text, want := range map[string]bool{
		"\tCALL\truntime·bsdthread_create(SB)\n": true,
		"\tJMP\t·bsdthread_create(SB)\n":         true,
		"TEXT runtime·bsdthread_create(SB)\n":    false,
	} {
		if jumpRE.MatchString(text) != want {
			t.Errorf("%q: %v, want %v", text, !want, want)
		}
	}
}

var headRE = regexp.MustCompile(`(?m)^TEXT\s+(?:runtime)?·(\w+)\(SB\),\s*([^,\n]+)`)

// checkTexts returns what is wrong with the flags and ends of a file's
// functions. All of them run without a stack check: on g0 stacks, in handlers, and
// before the thread has TLS (golang.org/issue/27183, 39079). The ones that the kernel
// enters end a traceback, and the processor if it gets past them
// (golang.org/issue/16453).
func checkTexts(text string) (wrong []string, texts int) {
	all := headRE.FindAllStringSubmatchIndex(text, -1)
	for i, m := range all {
		texts++
		name, flags := text[m[2]:m[3]], text[m[4]:m[5]]
		end := len(text)
		if i+1 < len(all) {
			end = all[i+1][0]
		}
		if !strings.Contains(flags, "NOSPLIT") {
			wrong = append(wrong, name+" is not NOSPLIT")
		}
		if name != "sigtramp" && name != "bsdthread_start" {
			continue
		}
		if !strings.Contains(flags, "TOPFRAME") {
			wrong = append(wrong, name+" is not TOPFRAME")
		}
		var last string
		for line := range strings.Lines(text[m[0]:end]) {
			code, _, _ := strings.Cut(line, "//")
			if code = strings.TrimSpace(code); code != "" {
				last = code
			}
		}
		if strings.Join(strings.Fields(last), " ") != "INT $3" {
			wrong = append(wrong, name+" ends with "+last)
		}
	}
	return wrong, texts
}

func TestTexts(t *testing.T) {
	for _, file := range rawSources(t, "sys_darwin_amd64.s", "sys_darwin_386.s", "rt0_darwin_amd64.s", "rt0_darwin_386.s") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		wrong, texts := checkTexts(string(text))
		for _, w := range wrong {
			t.Errorf("%s: %s", filepath.Base(file), w)
		}
		if strings.HasPrefix(filepath.Base(file), "sys_") && texts < 30 {
			t.Errorf("%s: only %d functions were found", filepath.Base(file), texts)
		}
	}
}

// TestTextsMistakes: the check sees what it is for.
func TestTextsMistakes(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"TEXT runtime·sigtramp(SB),NOSPLIT|TOPFRAME,$0\n\tSYSCALL\n\tINT\t$3 // never\n\n// next\n", ""},
		{"TEXT runtime·sigtramp(SB),NOSPLIT,$0\n\tSYSCALL\n\tINT\t$3\n", "not TOPFRAME"},
		{"TEXT runtime·sigtramp(SB),NOSPLIT|TOPFRAME,$0\n\tSYSCALL\nTEXT ·x(SB),NOSPLIT,$0\n\tINT\t$3\n", "sigtramp ends with SYSCALL"},
		{"TEXT runtime·sigaltstack(SB),0,$0\n\tRET\n", "sigaltstack is not NOSPLIT"},
	} {
		wrong, _ := checkTexts(tt.text)
		if got := strings.Join(wrong, "\n"); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

// withoutAVX follows a function's text as a processor without AVX does: no jump
// to what is for others is taken. It returns the first instruction that this
// processor does not know, or that the walk does not, and how far it came.
func withoutAVX(text string) (op string, steps int) {
	var list [][]string
	label := map[string]int{}
	for line := range strings.Lines(text) {
		code, _, _ := strings.Cut(line, "//")
		f := strings.Fields(code)
		switch {
		case len(f) == 0 || f[0] == "TEXT" || f[0][0] == '#':
		case strings.HasSuffix(f[0], ":"):
			label[strings.TrimSuffix(f[0], ":")] = len(list)
		default:
			list = append(list, append(f, ""))
		}
	}
	for pc := 0; pc < len(list) && steps < len(list); steps++ {
		f := list[pc]
		pc++
		switch {
		case f[0][0] == 'V':
			return f[0], steps
		case f[0] == "RET":
			return "", steps
		case f[0] == "JMP":
			to, ok := label[f[1]]
			if !ok {
				return strings.Join(f, " "), steps
			}
			pc = to
		case f[0] == "JE" && pc > 1 && strings.HasPrefix(list[pc-2][1], "internal∕cpu·X86+const_offsetX86HasAVX"):
		case f[0][0] == 'J':
			return strings.Join(f, " "), steps
		}
	}
	return "no end", steps
}

// TestPreemptWithoutAVX: a goroutine can be preempted on the Macs of 2006 to
// 2010 (golang.org/issue/37459).
func TestPreemptWithoutAVX(t *testing.T) {
	for _, file := range rawSources(t, "preempt_amd64.s", "preempt_386.s") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		op, steps := withoutAVX(string(text))
		if op != "" || steps < 30 {
			t.Errorf("%s: after %d instructions: %q, want the end", filepath.Base(file), steps, op)
		}
	}
}

// TestPreemptWithoutAVXMistakes: the check sees what it is for.
func TestPreemptWithoutAVXMistakes(t *testing.T) {
	const cmpb = "\tCMPB internal∕cpu·X86+const_offsetX86HasAVX(SB), $1\n\tJE avx\n"
	for _, tt := range []struct{ text, want string }{
		{cmpb + "\tJMP done\navx:\n\tVZEROUPPER\ndone:\n\tRET\n", ""},
		{cmpb + "avx:\n\tVZEROUPPER\n\tRET\n", "VZEROUPPER"},
		{"\tJMP avx\n\tRET\navx:\n\tVZEROUPPER\n\tRET\n", "VZEROUPPER"},
		{"\tCMPB AX, $1\n\tJE avx\n\tRET\navx:\n\tVZEROUPPER\n", "JE avx "},
	} {
		if op, _ := withoutAVX(tt.text); op != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, op, tt.want)
		}
	}
}
