// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"syscall"

	"goxnu/misc/go_darwin_exec/vcpu"
	"goxnu/misc/go_darwin_exec/xsig"
)

// A tracer prints calls as strace does, one line when a call has ended, each
// by one write, so that the lines of several threads and processes stay whole.
type tracer struct {
	full atomic.Bool // the file is as large as it can be
	fd   int
	ring *traceRing // the lines go here, until they are asked for
}

func newTracer(fd int, ring bool) *tracer {
	tr := &tracer{fd: fd}
	if ring {
		tr.ring = newTraceRing()
	}
	return tr
}

func (tr *tracer) write(b []byte) {
	if tr.ring != nil {
		tr.ring.calls.add(b)
		return
	}
	tr.out(b)
}

// traceFull is said once, also by a forked child.
var traceFull = []byte(Name + ": -trace: the rest is lost: the limit on the size of files (ulimit -f) is reached; raise it, or trace to stderr\n")

func (tr *tracer) out(b []byte) {
	for len(b) > 0 {
		n, err := syscall.Write(tr.fd, b)
		if err == syscall.EFBIG && !tr.full.Swap(true) {
			host(syscall.SYS_WRITE, 2, hostBuf(&traceFull[0]), uintptr(len(traceFull)), 0, 0, 0)
		}
		if err != nil || n <= 0 {
			return
		}
		b = b[n:]
	}
}

// A traceRing keeps the last lines: those of calls, and apart from them those of
// each signal, so that a frequent one does not drive out a rare one. Threads
// write to it without a lock: a line that is overwritten while it is being
// printed comes out mixed.
type traceRing struct {
	calls   ringLines
	signals [NSIG]ringLines
}

func newTraceRing() *traceRing {
	r := new(traceRing)
	r.calls.lines = make([]ringLine, 512)
	for i := range r.signals {
		r.signals[i].lines = make([]ringLine, 64)
	}
	return r
}

type ringLines struct {
	next  atomic.Uint32
	lines []ringLine
}

type ringLine struct {
	at int64 // monotonic, ns
	n  int
	b  [112]byte
}

func (r *ringLines) add(b []byte) {
	l := &r.lines[(r.next.Add(1)-1)%uint32(len(r.lines))]
	l.at = monotonic()
	l.n = copy(l.b[:], b)
	l.b[l.n-1] = '\n' // of a line that is too long, too
}

// sent notes that sig was sent, and what has become of it.
func (tr *tracer) sent(p *Proc, sig int, o *xsig.Outcome) {
	if tr.ring == nil {
		return
	}
	var line [112]byte
	b := append(line[:0], signals[sig].name...)
	if t := p.find(o.Thread); t == nil {
		b = append(b, " sent, dropped"...)
	} else {
		b = append(b, " sent, pinned to thread "...)
		b = strconv.AppendUint(b, t.id-p.firstID, 10)
	}
	if o.Wake {
		b = append(b, ", awake"...)
	}
	tr.ring.signals[sig].add(append(b, '\n'))
}

// dump prints what the ring holds, oldest first, with times in microseconds before now. It allocates
// nothing.
func (tr *tracer) dump() {
	if tr.ring == nil {
		return
	}
	now := monotonic()
	tr.out([]byte(Name + ": the last calls:\n"))
	c := &tr.ring.calls
	for i := range c.lines {
		tr.dumpLine(c.oldest(i), now)
	}
	tr.out([]byte(Name + ": the last signals:\n"))
	var done [NSIG]int // lines looked at, by signal
	for {
		first, sig := (*ringLine)(nil), 0
		for i := range tr.ring.signals {
			r := &tr.ring.signals[i]
			for done[i] < len(r.lines) && r.oldest(done[i]).n == 0 {
				done[i]++
			}
			if done[i] == len(r.lines) {
				continue
			}
			if l := r.oldest(done[i]); first == nil || l.at < first.at {
				first, sig = l, i
			}
		}
		if first == nil {
			return
		}
		done[sig]++
		tr.dumpLine(first, now)
	}
}

// oldest returns line i, counted from the oldest; its n is 0 if there is none yet.
func (r *ringLines) oldest(i int) *ringLine {
	return &r.lines[(r.next.Load()+uint32(i))%uint32(len(r.lines))]
}

func (tr *tracer) dumpLine(l *ringLine, now int64) {
	if l.n == 0 {
		return
	}
	var line [160]byte
	b := strconv.AppendInt(line[:0], (l.at-now)/1000, 10)
	b = append(b, ' ')
	tr.out(append(b, l.b[:l.n]...))
}

// traceLine is the room for one line. A line longer than that may be cut.
const traceLine = 1024

// head begins a line in the thread's buffer: process and thread. Lines of
// calls are made without allocating, as the child of a fork makes some.
func (tr *tracer) head(t *Thread) []byte {
	b := append(t.line[:0], '[')
	b = strconv.AppendInt(b, int64(hostCall(syscall.SYS_GETPID)), 10)
	if n := t.id - t.p.firstID; n != 0 {
		b = append(b, '.')
		b = strconv.AppendUint(b, n, 10)
	}
	return append(b, "] "...)
}

// tracing returns the tracer if lines may be printed with printf, which
// allocates.
func (t *Thread) tracing() *tracer {
	if t.p.child {
		return nil
	}
	return t.p.trace
}

func (tr *tracer) printf(t *Thread, format string, a ...any) {
	tr.write(append(fmt.Appendf(tr.head(t), format, a...), '\n'))
}

// appendCall prints the name and the arguments.
func appendCall(b []byte, name, letters string, a []uint64) []byte {
	b = append(b, name...)
	b = append(b, '(')
	for i := range len(letters) {
		if i > 0 {
			b = append(b, ", "...)
		}
		v := a[i]
		switch letters[i] {
		case 'i':
			b = strconv.AppendInt(b, int64(int32(v)), 10)
		case 'u':
			b = appendHexOrSmall(b, uint64(uint32(v)))
		case 'z', 'o', 'l':
			b = strconv.AppendInt(b, int64(v), 10)
		case 's':
			b = appendString(b, v)
		default:
			if v == 0 {
				b = append(b, "NULL"...)
			} else {
				b = appendHexOrSmall(b, v)
			}
		}
	}
	return append(b, ')')
}

// appendHexOrSmall prints a number that is more of a bit pattern.
func appendHexOrSmall(b []byte, v uint64) []byte {
	if v < 10 {
		return append(b, '0'+byte(v))
	}
	return appendHex(append(b, "0x"...), v)
}

// appendString prints the string at guest address p, or the address.
func appendString(b []byte, p uint64) []byte {
	if p == 0 {
		return append(b, "NULL"...)
	}
	const most = 128
	var c [1]byte
	for n := 0; ; n++ {
		if !vcpu.CopyIn(c[:], p+uint64(n)) {
			if n == 0 {
				return appendHexOrSmall(b, p)
			}
			break
		}
		if n == 0 {
			b = append(b, '"')
		}
		if c[0] == 0 {
			break
		}
		if n == most {
			return append(b, "\"..."...)
		}
		switch {
		case c[0] == '"' || c[0] == '\\':
			b = append(b, '\\', c[0])
		case c[0] == '\n':
			b = append(b, `\n`...)
		case c[0] < ' ' || c[0] == 0x7f:
			b = append(b, '\\', 'x', "0123456789abcdef"[c[0]>>4], "0123456789abcdef"[c[0]&15])
		default:
			b = append(b, c[0])
		}
	}
	return append(b, '"')
}

// enter begins the line of a call, with its arguments as they are before the
// handler changes the memory that they point to. A call that may not come
// back is printed at once.
func (tr *tracer) enter(t *Thread, s *sysent, a *args) {
	b := appendCall(tr.head(t), s.name, s.args, a[:])
	t.lineLen = len(b)
	switch s.name {
	case "exit", "execve", "bsdthread_terminate", "sigreturn":
		tr.write(append(b, '\n'))
	}
}

// leave ends the line with the result.
func (tr *tracer) leave(t *Thread, s *sysent, v uint64, e Errno) {
	b := append(t.line[:t.lineLen], " = "...)
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
	t.lineLen = len(appendCall(tr.head(t), s.name, s.args, a[:]))
}

func (tr *tracer) leaveTrap(t *Thread, s *machtrap, v int32) {
	b := append(t.line[:t.lineLen], " = "...)
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
	b := fmt.Appendf(tr.head(t), "--- %s handler %#x, mask %#x, from process %d ---\n", signals[d.Sig].name, d.Handler, uint32(d.ReturnMask), d.Info.Pid)
	if tr.ring != nil {
		tr.ring.signals[d.Sig].add(b)
	}
	tr.write(b)
}

// killed prints the end of the process by a signal.
func (tr *tracer) killed(sig int) {
	tr.write(fmt.Appendf(nil, "[%d] +++ killed by %s +++\n", hostCall(syscall.SYS_GETPID), signals[sig].name))
	tr.dump()
}
