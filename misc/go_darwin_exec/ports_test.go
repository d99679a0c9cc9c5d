// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"
)

// TestPortsOfOtherProcesses: which sockets share a port does not depend on
// whose they are: of a process and its child, or of two that were started apart.
func TestPortsOfOtherProcesses(t *testing.T) {
	ports := goBuild(t, "testdata/ports.go", "ports", "GOOS=darwin", "GOARCH=amd64")
	const inUse = "address already in use"
	for _, tt := range []struct{ first, second, want string }{
		{"0.0.0.0,A", "127.0.0.1,A", ""},
		{"0.0.0.0", "127.0.0.1,A", ""},
		{"0.0.0.0", "127.0.0.1", inUse},
		{"127.0.0.1,A", "0.0.0.0,A", ""},
		{"127.0.0.1,A", "127.0.0.1,A", inUse},
		{"127.0.0.1,P", "127.0.0.1,P", ""},
		{"127.0.0.1,A", "127.0.0.1,P", inUse},
	} {
		check := func(who, port, got string) {
			want := tt.want
			if want == "" {
				want = port
			}
			if got != want {
				t.Errorf("%s, then %s %s: %q, want %q", tt.first, tt.second, who, got, want)
			}
		}
		r := run(t, exec.Command(runnerPath, ports, tt.first, "0", tt.second))
		lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
		if len(lines) != 2 {
			t.Fatalf("%s and a child: %+v", tt.first, r)
		}
		check("in a child", lines[0], lines[1])

		first := exec.Command(runnerPath, ports, tt.first, "0")
		in, err := first.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := first.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := first.Start(); err != nil {
			t.Fatal(err)
		}
		port, _ := bufio.NewReader(out).ReadString('\n')
		port = strings.TrimSpace(port)
		r = run(t, exec.Command(runnerPath, ports, tt.second, port))
		check("in another program", port, strings.TrimSpace(r.stdout))
		in.Close()
		if err := first.Wait(); err != nil {
			t.Error(err)
		}
	}
}
