// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Starts runs the program in its arguments, which must print nothing.
package main

import (
	"fmt"
	"os"
	"os/exec"
)

func main() {
	out, err := exec.Command(os.Args[1], os.Args[2:]...).CombinedOutput()
	if err != nil || len(out) > 0 {
		fmt.Printf("%v: %s\n", err, out)
		os.Exit(1)
	}
}
