// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

// rawDarwin is the copy of internal/platform.RawDarwin for the bootstrap,
// where dist cannot import it.
func rawDarwin(goos, goarch string) bool {
	return goos == "darwin" && (goarch == "amd64" || goarch == "386")
}

// The tables of build.go decide which ports exist and what they can do;
// internal/platform/rawdarwin.go must say the same of the raw ones.
func init() {
	cgoEnabled["darwin/amd64"] = false
}

// raceDetectorSupported is the copy of internal/platform's.
//
//graft:wrap test.go f19905d0f3c1 the race detector's runtime needs libSystem
func raceDetectorSupported(goos, goarch string) bool {
	return !rawDarwin(goos, goarch) && upstream_raceDetectorSupported(goos, goarch)
}

// buildModeSupported is the copy of internal/platform's.
//
//graft:wrap test.go 6c2de3f71263 a raw port makes static executables only
func buildModeSupported(compiler, buildmode, goos, goarch string) bool {
	if rawDarwin(goos, goarch) {
		switch buildmode {
		case "default", "exe", "archive":
		default:
			return false
		}
	}
	return upstream_buildModeSupported(compiler, buildmode, goos, goarch)
}

// internalLinkPIE reports whether the tests of position-independent programs
// made by cmd/link alone apply.
//
//graft:wrap test.go 6d301841b68a a raw port is linked at a fixed address
func (t *tester) internalLinkPIE() bool {
	return !rawDarwin(goos, goarch) && t.upstream_internalLinkPIE()
}
