// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package vcpu_test

import (
	"strings"
	"testing"

	"goxnu/misc/go_darwin_exec/internal/testguest"
	"goxnu/misc/go_darwin_exec/vcpu"
)

func TestSelfTest32(t *testing.T) {
	testguest.Need32(t)
	for range 100 {
		if err := vcpu.SelfTest32(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSelfTest32Refuses has code fail in the place of the test's own, as that
// fails on a host that does not run it.
func TestSelfTest32Refuses(t *testing.T) {
	testguest.Need32(t)
	noGate := "0x41a" // of vector 0x83
	if emulatedCodes(t) {
		noGate = "0x832"
	}
	for _, tt := range []struct{ old, code, want string }{
		{"\xcd\x80", "\x0f\x0b", "does not run 32-bit code: INT 0x80 ended in trap 6, error 0x0"},                                        // ud2
		{"\xcd\x80", "\xcd\x83", "does not run 32-bit code: INT 0x80 ended in trap 13, error " + noGate},                                 // a gate that is none
		{"\xcd\x82", "\x0f\x0b", "does not run 32-bit code: INT 0x82 ended in trap 6"},                                                   // ud2
		{"\xcd\x80", "\xcd\x81", "32-bit code does not work on this host: INT 0x80 ended in syscall, INT 0x81, "},                        // another gate
		{"\x65\xa1\x00", "\x65\xa1\x04", "32-bit code does not work on this host: INT 0x80 ended in syscall, INT 0x80, EAX 0x0, EIP +8"}, // no value of the segment's
	} {
		code := strings.Replace(vcpu.SelfTestCode32, tt.old, tt.code, 1)
		if err := vcpu.SelfTestWith32(code); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%x for %x: %v; want %q", tt.code, tt.old, err, tt.want)
		}
	}
}

// emulatedCodes says whether the processor is one that does not make error codes
// of missing gates as Intel's and AMD's manuals say (see MissingGate): by the code
// of a vector of which no kernel has a gate for programs.
func emulatedCodes(t *testing.T) bool {
	load(t, 0xcd, 0x8f)
	c := newCtx(t)
	defer bind(t, c)()
	if e := c.Run(); e != vcpu.EventFault || c.Trapno != 13 {
		t.Fatalf("INT 0x8f: %v, trap %d", e, c.Trapno)
	}
	const vector, idt = 0x8f, 2
	switch c.ErrCode {
	case vector<<3 | idt:
		return false
	case vector<<4 | idt:
		return true
	}
	t.Fatalf("INT 0x8f: error %#x", c.ErrCode)
	return false
}
