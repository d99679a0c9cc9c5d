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
