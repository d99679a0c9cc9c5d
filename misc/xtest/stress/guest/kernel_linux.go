// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import "syscall"

// A Linux program has the outer stress alone.
const darwin = false

func blockEverywhere(sigs []syscall.Signal)       {}
func block(sigs []syscall.Signal, yes bool)       {}
func sendToThread(n int, sig syscall.Signal) bool { return false }
