// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import "strings"

// served is the copy of internal/platform's.
func served(goos, goarch string) bool {
	switch goos {
	case "linux", "android", "darwin":
		return true
	case "ios":
		return goarch == "arm64"
	}
	return false
}

func init() {
	for port := range cgoEnabled {
		if goos, goarch, _ := strings.Cut(port, "/"); !served(goos, goarch) {
			delete(cgoEnabled, port)
		}
	}
}

// registerTest leaves out the check of the exported API.
//
//graft:wrap test.go fd37fa72307b the check compares all of upstream's ports, of which the tree holds two
func (t *tester) registerTest(heading string, test *goTest, opts ...registerTestOpt) {
	if test.pkg != "cmd/api" {
		t.upstream_registerTest(heading, test, opts...)
	}
}
