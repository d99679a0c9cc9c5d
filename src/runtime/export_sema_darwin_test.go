// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package runtime

// SleepOnNote sleeps on a note that nobody wakes, for at most ns nanoseconds.
func SleepOnNote(ns int64) { notetsleepg(new(note), ns) }

// SignalThread sends sig to the thread with the number that ThreadNumber returned there.
func SignalThread(port uint64, sig uint32) bool { return pthread_kill(uint32(port), sig) == 0 }

// ThreadNumber returns the calling thread's number.
func ThreadNumber() uint64 { return getg().m.procid }
