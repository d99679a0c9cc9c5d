// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import "testing"

// A semaphore's name can be used again when semaphore_destroy was sent its last reference.
func TestSemaphoreDestroyTakesReference(t *testing.T) {
	th := &Thread{p: new(Proc)}
	s := &th.p.ports
	s.init()
	task := s.get(s.task)
	first := uint32(0)
	for i := range 100 {
		reply := th.mig(task, migSemaphoreCreate, make([]byte, 40))
		name := getUint32(reply[28:])
		if i == 0 {
			first = name
		} else if name != first {
			t.Fatalf("semaphore %d is called %#x, the one before, which is gone, %#x", i, name, first)
		}
		m := make([]byte, 40)
		putUint32(m[28:], name)
		m[38] = dispMoveSend
		reply = th.mig(task, migSemaphoreDestroy, m)
		if kr := getUint32(reply[32:]); kr != kernSuccess {
			t.Fatalf("semaphore_destroy: %d", kr)
		}
	}
}
