// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Lossy calls ftruncate forty times and tries again if it is interrupted, but
// the seventh time it forgets to.
package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	f, err := os.CreateTemp("", "lossy")
	if err != nil {
		panic(err)
	}
	defer os.Remove(f.Name())
	for i := 1; i <= 40; i++ {
		err := syscall.Ftruncate(int(f.Fd()), int64(i))
		for err == syscall.EINTR && i != 7 {
			err = syscall.Ftruncate(int(f.Fd()), int64(i))
		}
		if err != nil {
			os.Remove(f.Name())
			fmt.Println(err)
			os.Exit(1)
		}
	}
}
