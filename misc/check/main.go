// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Check finds what a commit must not have: files that gofmt would change,
// generated files that are not what their tables say, and documents with links
// that lead nowhere, lines that are too long, or words that doc/words.txt
// replaces by others. It is part of make check.
//
// It prints a line for each finding and exits 1 if there is one.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"goxnu/misc/internal/tree"
	"goxnu/misc/internal/tsv"
)

func main() {
	top, err := tree.Top()
	if err == nil {
		err = check(top)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(2)
	}
	if found > 0 {
		os.Exit(1)
	}
}

var found int

func report(file string, line int, format string, args ...any) {
	found++
	fmt.Printf("%s:%d: %s\n", file, line, fmt.Sprintf(format, args...))
}

func check(top string) error {
	out, err := tree.Output(exec.Command("git", "-C", top, "ls-files", "--cached", "--others", "--exclude-standard"))
	if err != nil {
		return err
	}
	words, err := readWords(top)
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(out)) {
		text, err := os.ReadFile(filepath.Join(top, name))
		if os.IsNotExist(err) {
			continue // deleted, and not yet committed
		} else if err != nil {
			return err
		}
		switch {
		case strings.HasSuffix(name, ".go") && !strings.Contains(name, "/testdata/"):
			if want, err := format.Source(text); err != nil {
				report(name, 1, "%v", err)
			} else if !bytes.Equal(text, want) {
				report(name, 1, "gofmt would change it")
			}
		case strings.HasSuffix(name, ".md"):
			checkDocument(top, name, string(text), words)
		}
	}
	return checkGenerated(top)
}

// checkGenerated runs the generators in the form that only compares.
func checkGenerated(top string) error {
	for _, args := range [][]string{{"run", "./mkxnu", "-check"}, {"run", "./xtest", "tables", "-check"}} {
		goroot, err := tree.Goroot()
		if err != nil {
			return err
		}
		if out, err := tree.Go(goroot, filepath.Join(top, "misc"), nil, args...).CombinedOutput(); err != nil {
			found++
			fmt.Printf("%s", out)
		}
	}
	return nil
}

// A word is one that documents do not use.
type word struct {
	re      *regexp.Regexp
	instead string
}

// readWords reads doc/words.txt: words, and what to write instead.
func readWords(top string) ([]word, error) {
	rows, err := tsv.ReadFile(top, "doc/words.txt", "word", "instead")
	if err != nil {
		return nil, err
	}
	var list []word
	for _, r := range rows {
		re, err := regexp.Compile(`(?i)\b(?:` + r.F[0] + `)\b`)
		if err != nil {
			return nil, r.Errorf("%v", err)
		}
		list = append(list, word{re, r.F[1]})
	}
	return list, nil
}

var (
	linkRE = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	codeRE = regexp.MustCompile("`[^`]*`")
)

// longest is the length that a line of prose may have, in characters.
const longest = 100

func checkDocument(top, name, text string, words []word) {
	for i, line := range strings.Split(text, "\n") {
		for _, m := range linkRE.FindAllStringSubmatch(line, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(top, filepath.Dir(name), m[1])); err != nil {
				report(name, i+1, "the link to %s leads nowhere", m[1])
			}
		}
		if strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "|") {
			continue // code, tables
		}
		if n := len([]rune(line)); n > longest && !strings.Contains(line, "](") {
			report(name, i+1, "%d characters, more than %d", n, longest)
		}
		prose := codeRE.ReplaceAllString(line, "")
		for _, w := range words {
			if m := w.re.FindString(prose); m != "" {
				report(name, i+1, "%q: write %s", m, w.instead)
			}
		}
	}
}
