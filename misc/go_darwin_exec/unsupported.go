// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !(linux && amd64)

package main

import (
	"fmt"
	"os"
	"runtime"
)

func main() {
	fmt.Fprintf(os.Stderr, "go_darwin_exec: the runner needs a linux/amd64 host, not %s/%s\n", runtime.GOOS, runtime.GOARCH)
	os.Exit(125)
}
