// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package threadtrace

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"goxnu/misc/internal/tree"
)

// Until a thread has set GS, nothing it executes may look at g, which lies
// there: neither code that asks for it nor the stack check at the head of a
// function that is not nosplit. A walker follows the machine code from where
// the kernel enters the program, or starts a thread, to the call that sets GS.
type walker struct {
	code map[string][]inst // by function
	sets func(fn string, i int) bool

	done   map[string]bool // functions walked, and whether GS is set whenever they return
	steps  int
	setAt  []string // functions that set GS
	wrong  []string
	walked []string
}

// An inst is one instruction of go tool objdump.
type inst struct {
	addr string
	text string
}

// targetRE matches a jump or call to a function or an address.
var (
	targetRE = regexp.MustCompile(`^(J\w+|CALL) (?:(0x[0-9a-f]+)|(\S+)\(SB\))$`)
	gsRE     = regexp.MustCompile(`\bGS\b`)
)

// indirect are the calls through a pointer that may stand in the code before
// GS is set, and the reason why they are not made.
var indirect = map[string]string{
	"runtime.rt0_go": "_cgo_init is nil without cgo",
	"runtime.write":  "overrideWrite is nil until package main runs",
}

// walk follows fn and returns whether GS is set on every way out of it.
func (w *walker) walk(fn string) bool {
	if set, ok := w.done[fn]; ok {
		return set
	}
	w.done[fn] = false // while it is being walked: recursion sets nothing
	code := w.code[fn]
	if code == nil {
		w.wrong = append(w.wrong, fn+": no such function")
		return true
	}
	w.walked = append(w.walked, fn)
	at := map[string]int{}
	for i, in := range code {
		at[in.addr] = i
	}
	always, returns := true, false
	seen := make([]bool, len(code))
	todo := []int{0}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if i >= len(code) || seen[i] {
			continue
		}
		seen[i] = true
		w.steps++
		text := code[i].text
		op, _, _ := strings.Cut(text, " ")
		bad := func(why string) {
			w.wrong = append(w.wrong, fmt.Sprintf("%s at %s: %s: %s", fn, code[i].addr, text, why))
		}
		if w.sets(fn, i) {
			w.setAt = append(w.setAt, fn)
			returns = true
			continue
		}
		if gsRE.MatchString(text) {
			bad("it uses GS before GS is set")
			continue
		}
		m := targetRE.FindStringSubmatch(text)
		switch {
		case op == "RET":
			always, returns = false, true
		case op == "INT" && strings.HasSuffix(text, "$0x3"): // the end
		case op == "CALL" && m == nil:
			if indirect[fn] == "" {
				bad("an indirect call")
				todo = append(todo, i+1)
			}
		case op == "CALL":
			if set := w.walk(m[3]); !set {
				todo = append(todo, i+1)
			} else {
				returns = true
			}
		case op == "JMP" && m == nil:
			bad("an indirect jump")
		case m != nil:
			if op != "JMP" {
				todo = append(todo, i+1)
			}
			target, ok := at[m[2]]
			switch {
			case ok:
				todo = append(todo, target)
			case m[3] == "":
				bad("a jump to nowhere")
			default:
				always = w.walk(m[3]) && always
				returns = true
			}
		default:
			todo = append(todo, i+1)
		}
	}
	w.done[fn] = always && returns
	return w.done[fn]
}

// machineCode returns what go tool objdump says of the program's functions.
func machineCode(t *testing.T, goroot, prog string) map[string][]inst {
	out, err := tree.Output(tree.Go(goroot, filepath.Dir(prog), nil, "tool", "objdump", "-s", `^(__rt0_|_ldt0setup|runtime\.)`, prog))
	if err != nil {
		t.Fatal(err)
	}
	code := map[string][]inst{}
	fn := ""
	for sc := bufio.NewScanner(strings.NewReader(string(out))); sc.Scan(); {
		line := sc.Text()
		if f, ok := strings.CutPrefix(line, "TEXT "); ok {
			fn, _, _ = strings.Cut(f, "(SB)")
			continue
		}
		f := strings.Fields(line)
		if len(f) >= 4 && strings.HasPrefix(f[1], "0x") {
			code[fn] = append(code[fn], inst{f[1], strings.Join(f[3:], " ")})
		}
	}
	return code
}

// setsGS returns whether an instruction is the one that sets GS: the machdep
// call thread_fast_set_cthread_self. On 386 the selector is loaded by the next.
var setsGS = map[string]func(code []inst, i int) bool{
	"amd64": func(code []inst, i int) bool {
		return code[i].text == "SYSCALL" && i > 0 && code[i-1].text == "MOVL $0x3000003, AX"
	},
	"386": func(code []inst, i int) bool {
		return code[i].text == "INT $0x82" && i > 0 && code[i-1].text == "MOVL $0x3, AX"
	},
}

func buildEmpty(t *testing.T, goroot, arch string) string {
	dir := t.TempDir()
	for name, text := range map[string]string{"main.go": "package main\n\nfunc main() {}\n", "go.mod": "module empty\n\ngo 1.26\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	prog := filepath.Join(dir, "prog")
	if _, err := tree.Output(tree.Go(goroot, dir, []string{"GOOS=darwin", "GOARCH=" + arch}, "build", "-o", prog, ".")); err != nil {
		t.Fatal(err)
	}
	return prog
}

func TestBeforeTLS(t *testing.T) {
	goroot, err := tree.Goroot()
	if err != nil {
		t.Fatal(err)
	}
	for arch, sets := range setsGS {
		code := machineCode(t, goroot, buildEmpty(t, goroot, arch))
		for _, start := range []string{"__rt0_" + arch + "_darwin", "runtime.bsdthread_start"} {
			w := &walker{code: code, done: map[string]bool{}, sets: func(fn string, i int) bool { return sets(code[fn], i) }}
			w.walk(start)
			for _, e := range w.wrong {
				t.Errorf("darwin/%s, from %s: %s", arch, start, e)
			}
			if len(w.setAt) == 0 {
				t.Errorf("darwin/%s: GS is not set from %s on", arch, start)
			}
			t.Logf("darwin/%s: %s: %d instructions of %v", arch, start, w.steps, w.walked)
		}
	}
}

// TestBeforeTLSMistakes: the walk sees what it is for.
func TestBeforeTLSMistakes(t *testing.T) {
	sets := func(text string) bool { return text == "INT $0x82" }
	for _, tt := range []struct {
		name string
		code map[string]string
		want string
	}{
		{"right", map[string]string{"start": "CALL set(SB);MOVL GS:0x18, CX;CALL split(SB);RET"}, ""},
		{"g first", map[string]string{"start": "MOVL GS:0x18, CX;CALL set(SB);RET"}, "uses GS"},
		{"stack check first", map[string]string{"start": "CALL split(SB);CALL set(SB);RET"}, "split at 0: "},
		{"one way only", map[string]string{"start": "JE 0x2;CALL set(SB);CALL split(SB);RET"}, "split at 0: "},
		{"by a jump", map[string]string{"start": "JMP split(SB)"}, "split at 0: "},
		{"by a pointer", map[string]string{"start": "CALL AX;CALL set(SB);RET"}, "indirect"},
		{"never", map[string]string{"start": "RET"}, "not set"},
	} {
		code := map[string][]inst{}
		tt.code["set"] = "MOVL $0x3, AX;INT $0x82;MOVW AX, GS;RET"
		tt.code["split"] = "MOVL GS:0x18, CX;CMPL 0x8(CX), SP;RET"
		for fn, text := range tt.code {
			for i, in := range strings.Split(text, ";") {
				addr := fmt.Sprintf("%#x", i)
				if i == 0 {
					addr = "0"
				}
				code[fn] = append(code[fn], inst{addr, in})
			}
		}
		w := &walker{code: code, done: map[string]bool{}, sets: func(fn string, i int) bool { return sets(code[fn][i].text) }}
		w.walk("start")
		if len(w.setAt) == 0 {
			w.wrong = append(w.wrong, "not set")
		}
		slices.Sort(w.wrong)
		if got := strings.Join(w.wrong, "\n"); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
