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
	entryRE = regexp.MustCompile(`\bMOVL\s+\$XNU_(\w+), AX$`)
	// A number of amd64, and a gate of 386; INT $3 is no gate.
	rawRE  = regexp.MustCompile(`\$\(?0x[123]00[0-9a-f]{4}\b`)
	gateRE = regexp.MustCompile(`\bINT\s+\$\(?(?:[^3\s]|3\w)\w*|\b(?:SYSCALL|SYSENTER)\b`)
	textRE = regexp.MustCompile(`^TEXT\s+(\S+)\(SB\)`)
	saidRE = regexp.MustCompile(`^// (\w+)(?: \((trap|machdep)\))?[,:.]`) // the entry's name, and its class, begin a comment
)

// classOf is the class of an entry, by the word for it in a comment, and gateOf
// the instruction for it in a file of darwin/386.
var (
	classOf = map[string]string{"": "UNIX", "trap": "MACH", "machdep": "MDEP"}
	gateOf  = map[string]string{"UNIX": "INT $0x80", "MACH": "INT $0x81", "MDEP": "INT $0x82"}
)

// classes returns the class of each entry that the runtime's header of numbers names.
func classes(t *testing.T) map[string]string {
	top, err := tree.Top()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(top, "src", "runtime", "xnu_darwin_amd64.h"))
	if err != nil {
		t.Fatal(err)
	}
	classes := map[string]string{}
	for _, m := range defineRE.FindAllStringSubmatch(string(text), -1) {
		classes[m[1]] = m[2]
	}
	if len(classes) < 400 {
		t.Fatalf("xnu_darwin_amd64.h names only %d entries", len(classes))
	}
	return classes
}

var defineRE = regexp.MustCompile(`(?m)^#define XNU_(\w+) XNU_(UNIX|MACH|MDEP)\(\d+\)$`)

// checkEntries returns what is wrong with the kernel entries of a file: sigprocmask
// (48), which changes the mask of every thread; an entry that is not the one that
// the comment above the TEXT names (golang/go 1250f94f93: usleep called
// something else), or not of that class; a gate of 386 for another class; an
// entry that is made without the header's names.
func checkEntries(text string, classes map[string]string) (wrong []string, entries int) {
	said := map[string]bool{}  // entry with its class, as "UNIX select", of the comment above
	names := map[string]bool{} // the same of the comments since the last TEXT
	gate := ""                 // what must make the entry whose number is in AX, "" if none is
	for i, line := range strings.Split(text, "\n") {
		bad := func(format string, args ...any) {
			wrong = append(wrong, fmt.Sprintf("line %d: ", i+1)+fmt.Sprintf(format, args...))
		}
		if m := saidRE.FindStringSubmatch(line); m != nil {
			names[classOf[m[2]]+" "+m[1]] = true
		}
		if textRE.MatchString(line) {
			said, names, gate = names, map[string]bool{}, ""
		}
		code, _, _ := strings.Cut(line, "//")
		if strings.HasPrefix(code, "#define") {
			continue
		}
		code = strings.Join(strings.Fields(code), " ")
		if raw := rawRE.FindString(code); raw != "" {
			bad("%s: entry made without a name of the header", raw)
		}
		if m := entryRE.FindStringSubmatch(code); m != nil {
			entries++
			name, class := m[1], classes[m[1]]
			if name == "sigprocmask" {
				bad("sigprocmask (48) changes the mask of every thread")
			}
			if !said[class+" "+name] && !said[class+" "+strings.TrimSuffix(name, "_trap")] {
				bad("%s: the comment above the TEXT does not name this entry with its class", name)
			}
			gate = gateOf[class]
			continue
		}
		if g := gateRE.FindString(code); g != "" {
			if gate == "" {
				bad("%s: entry made without a name of the header", g)
			} else if g != gate && g != "SYSCALL" {
				bad("%s: the entry is made by %s", g, gate)
			}
		}
		if code != "" && !strings.HasPrefix(code, "XOR") {
			gate = ""
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
	classes := classes(t)
	for _, file := range rawSources(t, "*_darwin_amd64.s", "*_darwin_386.s") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		wrong, entries := checkEntries(string(text), classes)
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
	classes := classes(t)
	for _, tt := range []struct{ name, text, want string }{
		{"right", "// select: n.\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_select, AX\n\tSYSCALL\n", ""},
		{"usleep of 2012", "// select: n.\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_fcntl, AX\n\tSYSCALL\n", "does not name this entry"},
		{"no comment", "TEXT x(SB),0,$0\n\tMOVL\t$XNU_fcntl, AX\n\tSYSCALL\n", "does not name this entry"},
		{"trap for call", "// swtch: n.\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_swtch, AX\n\tSYSCALL\n", "does not name this entry"},
		{"48", "// sigprocmask: how.\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_sigprocmask, AX\n\tSYSCALL\n", "every thread"},
		{"48 by hand", "// sigprocmask: how.\nTEXT x(SB),0,$0\n\tMOVL\t$(0x2000000+48), AX\n\tSYSCALL\n", "without a name"},
		{"48 in one", "TEXT x(SB),0,$0\n\tMOVL\t$0x2000030, AX\n", "without a name"},
		{"48 from memory", "// read: n.\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_read, AX\n\tMOVL\tnr+0(FP), AX\n\tSYSCALL\n", "without a name"},
		{"machdep", "// i386_get_ldt (machdep): n.\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_i386_set_ldt, AX\n\tSYSCALL\n", "does not name this entry"},
		{"no machdep", "// i386_set_ldt: n.\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_i386_set_ldt, AX\n\tSYSCALL\n", "does not name this entry"},
		{"no such entry", "// usleep: n.\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_usleep, AX\n\tSYSCALL\n", "does not name this entry"},
		{"386 right", "// select: n.\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_select, AX\n\tINT\t$0x80\n\tINT\t$3\n", ""},
		{"386 other entry", "// select: n.\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_fcntl, AX\n\tINT\t$0x80\n", "does not name this entry"},
		{"386 trap", "// task_self (trap).\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_thread_self, AX\n\tINT\t$0x81\n", "does not name this entry"},
		{"386 trap right", "// mach_msg (trap): message.\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_mach_msg_trap, AX\n\tINT\t$0x81\n", ""},
		{"386 gate of a call", "// task_self (trap).\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_task_self, AX\n\tINT\t$0x80\n", "made by INT $0x81"},
		{"386 machdep right", "// thread_fast_set_cthread_self (machdep): base.\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_thread_fast_set_cthread_self, AX\n\tINT\t$0x82\n", ""},
		{"386 machdep", "// thread_fast_set_cthread_self (machdep): base.\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_thread_set_user_ldt, AX\n\tINT\t$0x82\n", "does not name this entry"},
		{"386 48", "// sigprocmask: how.\nTEXT x(SB),0,$0\n\tMOVL\t$XNU_sigprocmask, AX\n\tINT\t$0x80\n", "every thread"},
		{"386 48 by hand", "// sigprocmask: how.\nTEXT x(SB),0,$0\n\tMOVL\t$48, AX\n\tINT\t$0x80\n", "without a name"},
		{"386 on one line", "// sigprocmask: how.\nTEXT x(SB),0,$0\n\tMOVL $48, AX; INT $128\n", "without a name"},
		{"386 trap by hand", "// task_self (trap).\nTEXT x(SB),0,$0\n\tMOVL\t$-28, AX\n\tINT\t$0x81\n", "without a name"},
		{"386 machdep by hand", "// i386_set_ldt (machdep): n.\nTEXT x(SB),0,$0\n\tMOVL\t$5, AX\n\tINT\t$(0x82)\n", "without a name"},
		{"386 sysenter", "// exit: n.\nTEXT x(SB),0,$0\n\tMOVL\t$1, AX\n\tSYSENTER\n", "without a name"},
	} {
		wrong, _ := checkEntries(tt.text, classes)
		if got := strings.Join(wrong, "\n"); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	// The change sigmask2012 makes 48 on both ports.
	top, err := tree.Top()
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"amd64", "386"} {
		text, err := os.ReadFile(filepath.Join(top, "src", "runtime", "sigmask2012_darwin_"+arch+".s"))
		if err != nil {
			t.Fatal(err)
		}
		if wrong, _ := checkEntries(string(text), classes); !strings.Contains(strings.Join(wrong, "\n"), "every thread") {
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
