// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package platform

// served reports whether the tree holds the sources of the port. There is a
// copy of this function in cmd/dist/ports.go.
func served(goos, goarch string) bool {
	switch goos {
	case "linux", "android", "darwin":
		return true
	case "ios":
		return goarch == "arm64" // amd64 shared the files that enter XNU by libSystem
	}
	return false
}

// The go command refuses the others by name, instead of failing on files that
// are not there.
func init() {
	var list []OSArch
	for _, p := range List {
		if served(p.GOOS, p.GOARCH) {
			list = append(list, p)
		} else {
			delete(distInfo, p)
		}
	}
	List = list
}
