// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package runtime

// The change sigmask2012 puts back what the founding change of 23 February 2012
// did, mistakes included, so that the regression tests can be seen to catch
// them: sigprocmask is kernel entry 48, which changes the mask of every thread,
// and a new thread ends its creator's mask by blocking nothing at all, whatever
// the program was started with.

// minit as of 2012: signal stack, then the empty mask.
//
//graft:replace thread_darwin.go 9131cd1772f3 the thread's mask becomes empty, not the program's
func minit() {
	mp := getg().m
	if mp.thport == 0 {
		mp.thport = thread_self()
	}
	mp.procid = uint64(mp.thport)

	minitSignalStack()
	sigprocmask(_SIG_SETMASK, &sigset_none, nil)
}
