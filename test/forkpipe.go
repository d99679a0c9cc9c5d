// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// The pipe through which a child says that its exec failed must not get into
// another child: whoever started the first would wait until the other ends.
// XNU cannot make a pipe that is closed on exec in one call.
//
// Bugs: golang.org/issue/61080, golang/go 07ede7a543
package main

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

func main() {
	const starters, each, lives, limit = 8, 20, "120", time.Minute
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		pids []int
		bad  string
	)
	for range starters {
		wg.Go(func() {
			for range each {
				start := time.Now()
				pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", lives}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
				took := time.Since(start)
				mu.Lock()
				switch {
				case err != nil:
					bad = err.Error()
				case took > limit:
					bad = fmt.Sprintf("starting a child took %v", took)
					fallthrough
				default:
					pids = append(pids, pid)
				}
				stop := bad != ""
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	wg.Wait()
	for _, pid := range pids {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, pid := range pids {
		syscall.Wait4(pid, nil, 0, nil)
	}
	if bad != "" {
		fmt.Println(bad)
		os.Exit(1)
	}
}
