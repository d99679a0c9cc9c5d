// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package platform_test

import (
	"encoding/json"
	. "internal/platform"
	"internal/testenv"
	"slices"
	"testing"
)

// TestListAgreesWithDist takes the place of upstream's TestGenerated, which
// compares the bytes of zosarch.go: port by port, the tables must say what
// cmd/dist says, whatever rawPorts changed in them.
func TestListAgreesWithDist(t *testing.T) {
	testenv.MustHaveGoRun(t)
	list := testenv.Command(t, "go", "run", "cmd/dist", "list", "-json", "-broken")
	list.Env = append(list.Environ(), "GOROOT="+testenv.GOROOT(t)) // dist insists
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("cmd/dist list: %v\n%s", err, out)
	}
	var dist []struct {
		OSArch
		CgoSupported, FirstClass, Broken bool
	}
	if err := json.Unmarshal(out, &dist); err != nil {
		t.Fatal(err)
	}
	if len(dist) != len(List) {
		t.Fatalf("cmd/dist lists %d ports, List has %d", len(dist), len(List))
	}
	for i, d := range dist {
		if List[i] != d.OSArch {
			t.Errorf("List[%d] = %v, cmd/dist says %v", i, List[i], d.OSArch)
		}
		if got := CgoSupported(d.GOOS, d.GOARCH); got != d.CgoSupported {
			t.Errorf("CgoSupported(%v) = %v, cmd/dist says %v", d.OSArch, got, d.CgoSupported)
		}
		if got := FirstClass(d.GOOS, d.GOARCH); got != d.FirstClass {
			t.Errorf("FirstClass(%v) = %v, cmd/dist says %v", d.OSArch, got, d.FirstClass)
		}
		if got := Broken(d.GOOS, d.GOARCH); got != d.Broken {
			t.Errorf("Broken(%v) = %v, cmd/dist says %v", d.OSArch, got, d.Broken)
		}
	}
}

// TestRawRefusals lists what raw and dynamic ports may differ in. Both raw ports
// are there.
func TestRawRefusals(t *testing.T) {
	rawPorts := []OSArch{{"darwin", "amd64"}, {"darwin", "386"}}
	for _, p := range rawPorts {
		if !slices.Contains(List, p) {
			t.Errorf("List lacks %v", p)
		}
	}
	for _, p := range List {
		raw := slices.Contains(rawPorts, p)
		if RawDarwin(p.GOOS, p.GOARCH) != raw {
			t.Errorf("RawDarwin(%v) = %v", p, !raw)
		}
		if p.GOOS != "darwin" {
			continue
		}
		for _, c := range []struct {
			what string
			has  bool
		}{
			{"DefaultPIE", DefaultPIE(p.GOOS, p.GOARCH, false)},
			{"InternalLinkPIE", InternalLinkPIESupported(p.GOOS, p.GOARCH)},
			{"race", RaceDetectorSupported(p.GOOS, p.GOARCH)},
			{"cgo", CgoSupported(p.GOOS, p.GOARCH)},
			{"pie", BuildModeSupported("gc", "pie", p.GOOS, p.GOARCH)},
			{"c-archive", BuildModeSupported("gc", "c-archive", p.GOOS, p.GOARCH)},
			{"c-shared", BuildModeSupported("gc", "c-shared", p.GOOS, p.GOARCH)},
			{"plugin", BuildModeSupported("gc", "plugin", p.GOOS, p.GOARCH)},
		} {
			if c.has == raw {
				t.Errorf("%v: %s supported: %v", p, c.what, c.has)
			}
		}
		for _, mode := range []string{"default", "exe", "archive"} {
			if !BuildModeSupported("gc", mode, p.GOOS, p.GOARCH) {
				t.Errorf("%v: buildmode %s not supported", p, mode)
			}
		}
	}
}
