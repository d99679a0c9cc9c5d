// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file

package main

import (
	"strings"
	"testing"
	"time"
)

// A short storm, on the oldest release and on the newest of each port.
func TestStorm(t *testing.T) {
	for _, c := range []struct {
		arch     string
		releases []string
	}{{"amd64", []string{"10.6", "15"}}, {"386", []string{"10.14"}}} {
		exe, clean, err := build(c.arch, false)
		if err != nil {
			t.Fatal(err)
		}
		defer clean()
		for _, release := range c.releases {
			s := storm{exe: exe, arch: c.arch, release: release, seed: uint64(time.Now().UnixNano()), ring: true, length: 3 * time.Second}
			sum, err := s.run()
			if err != nil {
				t.Fatalf("%s, release %s, seed %d: %v", c.arch, release, s.seed, err)
			}
			t.Logf("%s %s: %s", c.arch, release, sum)
		}
	}
}

// A program that loses signals, and one that ends, are failures: the guest acknowledges
// nothing if it is told so, and does not get ready without its seed.
func TestStormFails(t *testing.T) {
	exe, clean, err := build("amd64", false)
	if err != nil {
		t.Fatal(err)
	}
	defer clean()
	t.Setenv("STORM_DEAF", "1")
	s := storm{exe: exe, arch: "amd64", release: "15", seed: 1, ring: true, length: 20 * time.Second, late: time.Second}
	_, err = s.run()
	for _, want := range []string{"was not acknowledged", "the last calls", "SIGUSR1 sent", "SIGUSR1 handler"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("of signals that nobody acknowledges: %v; no %q in it", err, want)
		}
	}
	t.Setenv("STORM_CHILD", "0") // a program that ends at once
	if _, err := s.run(); err == nil || !strings.Contains(err.Error(), "does not get ready") {
		t.Errorf("of a program that ends: %v", err)
	}
}
