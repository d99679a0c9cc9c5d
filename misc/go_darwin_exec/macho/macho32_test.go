// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package macho

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	tm "goxnu/misc/go_darwin_exec/internal/testmacho"
)

func TestParse32(t *testing.T) {
	b := tm.Build32([]byte("\x90"))
	f, err := Parse(bytes.NewReader(b), int64(len(b)))
	if err == nil {
		err = f.Validate(4903)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !f.Is32() || len(f.Segments) != 3 || f.Thread.State[stateRIP] != tm.Entry32 {
		t.Errorf("%+v %+v", f, f.Thread)
	}
	if err := f.Validate(6153); err == nil || !strings.Contains(err.Error(), "10.15") {
		t.Errorf("xnu-6153: %v", err)
	}
}

// TestRefusals32 is TestRefusals for what only 32-bit files have.
func TestRefusals32(t *testing.T) {
	for _, tt := range []struct {
		off   int
		value uint32
		errno int
		want  string
	}{
		{tm.TextCmd32, 0x19, EBADMACHO, "LC_SEGMENT_64, in a 32-bit file"},
		{tm.TextVMAddr32, 0xffe00000, EBADMACHO, "user space's end 0xffe00000"},
		{tm.TextVMAddr32, 0, ENOMEM, "below 0x1000"},
		{tm.TextVMSize32, 0xfffff000, EBADMACHO, "user space's end"},
		{tm.TextFileOff32, 0xfffff000, EBADMACHO, "go beyond the file"},
		{tm.TextNSects32, 0xffffffff, EBADMACHO, "nsects is 4294967295"},
		{tm.ThreadFlavor32, 4, EBADMACHO, "no x86_THREAD_STATE32"},
		{tm.ThreadCount32, 15, EBADMACHO, "count 15, not 16"},
		{tm.ThreadEIP32, 0x10, EBADMACHO, "eip 0x10 is in no segment"},
		{tm.CPUType, 0x01000007, EBADARCH, "another machine"},
	} {
		b := tm.Build32([]byte("\x90"))
		binary.LittleEndian.PutUint32(b[tt.off:], tt.value)
		f, err := Parse(bytes.NewReader(b), int64(len(b)))
		if err == nil {
			err = f.Validate(4903)
		}
		var e *Error
		if !errors.As(err, &e) || e.Errno != tt.errno || !strings.Contains(e.Msg, tt.want) {
			t.Errorf("%#x at %#x: %v; want %d, %q", tt.value, tt.off, err, tt.errno, tt.want)
		}
	}
}
