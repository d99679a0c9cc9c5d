// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file

package stress

import (
	"strings"
	"testing"
	"time"

	"goxnu/misc/internal/hosttest"
)

// A short run, on the oldest release and on the newest of each port.
func TestStress(t *testing.T) {
	for _, c := range []struct {
		arch     string
		releases []string
	}{{"amd64", []string{"10.6", "15"}}, {"386", []string{"10.14"}}} {
		t.Run(c.arch, func(t *testing.T) {
			hosttest.Need(t, c.arch)
			exe, clean, err := build(c.arch, false)
			if err != nil {
				t.Fatal(err)
			}
			defer clean()
			for _, release := range c.releases {
				s := stress{exe: exe, arch: c.arch, release: release, seed: uint64(time.Now().UnixNano()), ring: true, length: 3 * time.Second}
				sum, err := s.run()
				if err != nil {
					t.Fatalf("release %s, seed %d: %v", release, s.seed, err)
				}
				t.Logf("%s: %s", release, sum)
				if strings.Contains(sum, ", 0 to its own threads") {
					t.Errorf("%s: the program reached no thread of its own", release)
				}
			}
		})
	}
}

// A program that loses signals, and one that ends or hangs, are failures, and
// each is called what it is. Only a signal that is lost and a hang take a while, which is short here.
func TestStressFails(t *testing.T) {
	exe, clean, err := build("amd64", false)
	if err != nil {
		t.Fatal(err)
	}
	defer clean()
	for _, c := range []struct {
		fault string
		late  time.Duration
		want  []string
	}{
		{"blocked", time.Second, []string{"was not acknowledged within 1s", "the last calls", " sent, pinned to thread ", " handler 0x"}},
		{"hang", time.Second, []string{"does not go on within 1s", "the last calls"}},
		{"exit", time.Hour, []string{"ended under stress: exit status 1", "guest: it was told to", "the last calls", " handler 0x"}},
		{"crash", time.Hour, []string{"ended under stress: exit status 2", "panic: it was told to", "the last calls", " handler 0x"}},
	} {
		t.Setenv("STRESS_FAULT", c.fault)
		s := stress{exe: exe, arch: "amd64", release: "15", seed: 1, ring: true, length: time.Hour, late: c.late}
		_, err = s.run()
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; no %q in it", c.fault, err, want)
			}
		}
	}
	t.Setenv("STRESS_FAULT", "")
	t.Setenv("STRESS_CHILD", "0") // a program that ends at once
	s := stress{exe: exe, arch: "amd64", release: "15", seed: 1, length: time.Hour, late: time.Hour}
	if _, err := s.run(); err == nil || !strings.Contains(err.Error(), "ended before it was ready") {
		t.Errorf("of a program that ends: %v", err)
	}
}
