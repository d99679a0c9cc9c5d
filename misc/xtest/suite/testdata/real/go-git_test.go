// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A repository made, changed and cloned by github.com/go-git/go-git;
// the host's git, if there is one, must find it sound and read the same in it.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

func TestRepository(t *testing.T) {
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	repo, err := git.PlainInit(dir, false)
	check(err)
	wt, err := repo.Worktree()
	check(err)
	var last plumbing.Hash
	for i := range 10 {
		for j := range 20 {
			name := filepath.Join(dir, fmt.Sprintf("d%d", j%4), fmt.Sprintf("f%d", j))
			check(os.MkdirAll(filepath.Dir(name), 0o777))
			check(os.WriteFile(name, []byte(strings.Repeat(fmt.Sprintln("line", i*j), 200)), 0o666))
		}
		if i == 0 {
			check(os.Symlink("d0/f0", filepath.Join(dir, "link")))
			check(os.WriteFile(filepath.Join(dir, "run"), []byte("#!/bin/sh\n"), 0o777))
		}
		check(wt.AddGlob("."))
		last, err = wt.Commit(fmt.Sprintf("commit %d", i), &git.CommitOptions{
			Author: &object.Signature{Name: "A", Email: "a@example.com", When: time.Unix(1e9+int64(i), 0).UTC()},
		})
		check(err)
	}
	status, err := wt.Status()
	check(err)
	if !status.IsClean() {
		t.Errorf("not clean:\n%s", status)
	}

	clone := t.TempDir()
	copied, err := git.PlainClone(clone, false, &git.CloneOptions{URL: dir})
	check(err)
	head, err := copied.Head()
	check(err)
	if head.Hash() != last {
		t.Errorf("the clone's head is %v, want %v", head.Hash(), last)
	}
	commits, err := copied.Log(&git.LogOptions{})
	check(err)
	n := 0
	check(commits.ForEach(func(*object.Commit) error { n++; return nil }))
	if n != 10 {
		t.Errorf("%d commits, want 10", n)
	}
	b, err := os.ReadFile(filepath.Join(clone, "link"))
	if want := strings.Repeat("line 0\n", 200); err != nil || string(b) != want {
		t.Errorf("through the link: %d bytes, %v", len(b), err)
	}

	host, err := exec.LookPath("git")
	if err != nil {
		t.Log("no host git:", err)
		return
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"fsck", "--strict", "--no-progress"}, ""},
		{[]string{"status", "--porcelain"}, ""},
		{[]string{"rev-list", "--count", "HEAD"}, "10\n"},
		{[]string{"rev-parse", "HEAD"}, last.String() + "\n"},
		{[]string{"log", "-1", "--format=%an %ae %at %s"}, "A a@example.com 1000000009 commit 9\n"},
		{[]string{"ls-tree", "HEAD", "run", "link", "--format=%(objectmode)"}, "120000\n100755\n"},
	} {
		for _, d := range []string{dir, clone} {
			cmd := exec.Command(host, append([]string{"-c", "safe.directory=*", "-C", d}, c.args...)...)
			out, err := cmd.Output()
			if err != nil || string(out) != c.want {
				t.Errorf("git %s: %v, %q, want %q", c.args, err, out, c.want)
			}
		}
	}
}
