// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"fmt"
	"strconv"
	"syscall"

	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// A tracer prints calls as strace does, one line when a call has ended, each
// by one write, so that the lines of several threads and processes stay whole.
type tracer struct {
	fd int
}

func newTracer(fd int) *tracer { return &tracer{fd} }

func (tr *tracer) write(b []byte) {
	for len(b) > 0 {
		n, err := syscall.Write(tr.fd, b)
		if err != nil || n <= 0 {
			return
		}
		b = b[n:]
	}
}

// head begins a line: process and thread.
func (tr *tracer) head(t *Thread) []byte {
	b := append(make([]byte, 0, 256), '[')
	b = strconv.AppendInt(b, int64(hostCall(syscall.SYS_GETPID)), 10)
	if n := t.id - t.p.firstID; n != 0 {
		b = append(b, '.')
		b = strconv.AppendUint(b, n, 10)
	}
	return append(b, "] "...)
}

func (tr *tracer) printf(t *Thread, format string, a ...any) {
	if t.p.child {
		return // nothing can be allocated there
	}
	tr.write(append(fmt.Appendf(tr.head(t), format, a...), '\n'))
}

// call prints the name and the arguments.
func appendCall(b []byte, name, letters string, a []uint64) []byte {
	b = append(b, name...)
	b = append(b, '(')
	for i := range letters {
		if i >= len(a) {
			break
		}
		if i > 0 {
			b = append(b, ", "...)
		}
		v := a[i]
		switch letters[i] {
		case 'i':
			b = strconv.AppendInt(b, int64(int32(v)), 10)
		case 'u':
			if v = uint64(uint32(v)); v > 9 {
				b = append(b, "0x"...)
				b = strconv.AppendUint(b, v, 16)
			} else {
				b = strconv.AppendUint(b, v, 10)
			}
		case 'z', 'o', 'l':
			b = strconv.AppendInt(b, int64(v), 10)
		case 's':
			b = appendString(b, v)
		default:
			if v == 0 {
				b = append(b, "NULL"...)
				break
			}
			b = append(b, "0x"...)
			b = strconv.AppendUint(b, v, 16)
		}
	}
	return append(b, ')')
}

// appendString prints the string at guest address p, or the address.
func appendString(b []byte, p uint64) []byte {
	if p == 0 {
		return append(b, "NULL"...)
	}
	var s [80]byte
	n := 0
	for n < len(s) && vcpu.CopyIn(s[n:n+1], p+uint64(n)) && s[n] != 0 {
		n++
	}
	if n == 0 && !vcpu.CopyIn(s[:1], p) {
		b = append(b, "0x"...)
		return strconv.AppendUint(b, p, 16)
	}
	b = strconv.AppendQuote(b, string(s[:n]))
	if n == len(s) {
		b = append(b, "..."...)
	}
	return b
}

// enter prints a call that does not come back, or may not for long.
func (tr *tracer) enter(t *Thread, s *sysent, a *args) {
	if t.p.child {
		return
	}
	// The handler may change memory that the arguments point to.
	t.traced = appendCall(tr.head(t), s.name, s.args, a[:])
	switch s.name {
	case "exit", "execve", "bsdthread_terminate", "sigreturn", "fork":
		tr.write(append(t.traced, '\n'))
	}
}

func (tr *tracer) leave(t *Thread, s *sysent, a *args, v uint64, e Errno) {
	if t.p.child {
		return
	}
	b := append(t.traced, " = "...)
	switch {
	case e == EJUSTRETURN:
		return
	case e != 0:
		b = append(b, "-1 "...)
		b = append(b, e.String()...)
	case s.ret == 'i':
		b = strconv.AppendInt(b, int64(int32(v)), 10)
		if t.rval1 != 0 {
			b = append(b, ", "...)
			b = strconv.AppendInt(b, int64(int32(t.rval1)), 10)
		}
	case s.ret == 'v':
		b = append(b, '?')
	case v < 1<<20:
		b = strconv.AppendUint(b, v, 10)
	default:
		b = append(b, "0x"...)
		b = strconv.AppendUint(b, v, 16)
	}
	tr.write(append(b, '\n'))
}

func (tr *tracer) enterTrap(t *Thread, s *machtrap, a *args) {
	if t.p.child {
		return
	}
	t.traced = appendCall(tr.head(t), s.name, s.args, a[:])
}

func (tr *tracer) leaveTrap(t *Thread, s *machtrap, v int32) {
	if t.p.child {
		return
	}
	b := append(t.traced, " = "...)
	if s.ret == 'n' {
		b = append(b, "0x"...)
		b = strconv.AppendUint(b, uint64(uint32(v)), 16)
	} else if name, ok := kernNames[v]; ok && s.ret == 'k' {
		b = append(b, name...)
	} else {
		b = strconv.AppendInt(b, int64(v), 10)
	}
	tr.write(append(b, '\n'))
}

var kernNames = map[int32]string{
	kernSuccess: "KERN_SUCCESS", kernInvalidAddress: "KERN_INVALID_ADDRESS",
	kernProtectionFailure: "KERN_PROTECTION_FAILURE", kernNoSpace: "KERN_NO_SPACE",
	kernInvalidArgument: "KERN_INVALID_ARGUMENT", kernFailure: "KERN_FAILURE",
	kernAborted: "KERN_ABORTED", kernInvalidName: "KERN_INVALID_NAME",
	kernInvalidTask: "KERN_INVALID_TASK", kernInvalidRight: "KERN_INVALID_RIGHT",
	kernInvalidValue: "KERN_INVALID_VALUE", kernInvalidCapability: "KERN_INVALID_CAPABILITY",
	kernTerminated: "KERN_TERMINATED", kernNotSupported: "KERN_NOT_SUPPORTED",
	kernNotWaiting: "KERN_NOT_WAITING", kernOperationTimedOut: "KERN_OPERATION_TIMED_OUT",
}

// signal prints the delivery of a signal.
func (tr *tracer) signal(t *Thread, d *xsig.Delivery) {
	tr.printf(t, "--- %s handler %#x, mask %#x, from process %d ---", signals[d.Sig].name, d.Handler, uint32(d.ReturnMask), d.Info.Pid)
}

// killed prints the end of the process by a signal.
func (tr *tracer) killed(sig int) {
	tr.write(fmt.Appendf(nil, "[%d] +++ killed by %s +++\n", hostCall(syscall.SYS_GETPID), signals[sig].name))
}
