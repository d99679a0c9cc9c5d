// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package inject

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Kind is a kind of fault. Everything that is said about it anywhere (which calls
// it is injected at, the help, doc/faults.md) is said here. What it does to a call
// is in package xnu, by its name.
type Kind struct {
	Name   string
	Calls  string // names of BSD calls and Mach traps, or * for every BSD call
	Event  string // instead of Calls: an event in the kernel
	Every  uint64 // one time in so many; 0: only on request, as programs do not expect it or the kernel needs a reason
	InARow uint8  // how often in a row a thread receives it; 0: once
	What   string
	Source string
}

const (
	readCalls  = "read read_nocancel recvfrom recvfrom_nocancel "
	writeCalls = "write write_nocancel sendto sendto_nocancel "
)

// Kinds are the kinds of faults.
//
// The following are not here, because a correct XNU does not do them: a signal for the
// process given to another thread than the first that does not block it; EAGAIN
// from a descriptor that has just been reported ready (with EV_CLEAR, no second
// report would come); accept failing because a connection was aborted (it
// returns a socket without a name); a restarted call that is EINTR in spite
// of SA_RESTART, unless the thread was aborted (see eintr-wait).
var Kinds = [...]Kind{
	{
		Name:   "eintr-wait",
		Calls:  "wait4 wait4_nocancel waitid waitid_nocancel",
		Every:  8,
		What:   "waiting for a child is interrupted, once",
		Source: "xnu-11417 bsd/kern/kern_exit.c:wait4_nocancel (PCATCH), bsd/kern/kern_synch.c:_sleep (thread_should_abort)",
	},
	{
		Name:   "eintr-kevent",
		Calls:  "kevent",
		Every:  16,
		What:   "waiting for events is interrupted, once",
		Source: "xnu-11417 bsd/kern/kern_event.c:kqueue_scan",
	},
	{
		Name:   "eintr-accept",
		Calls:  "accept accept_nocancel",
		Every:  8,
		What:   "accept on a blocking socket is interrupted, once",
		Source: "xnu-11417 bsd/kern/uipc_syscalls.c:accept_nocancel (PCATCH)",
	},
	{
		Name:   "eintr-lock",
		Calls:  "flock",
		Every:  4,
		What:   "waiting for a lock is interrupted, once",
		Source: "xnu-11417 bsd/kern/kern_lockf.c:lf_setlock (PCATCH)",
	},
	{
		Name:   "eintr-setlkw",
		Calls:  "fcntl fcntl_nocancel",
		Every:  4,
		What:   "waiting for a lock of a part of a file (F_SETLKW) is interrupted, once",
		Source: "xnu-11417 bsd/kern/kern_lockf.c:lf_setlock (PCATCH)",
	},
	{
		Name:   "eintr-select",
		Calls:  "select select_nocancel pselect pselect_nocancel",
		Every:  16,
		What:   "waiting in select is interrupted, once",
		Source: "xnu-11417 bsd/kern/sys_generic.c:selprocess",
	},
	{
		Name:   "eintr-poll",
		Calls:  "poll poll_nocancel",
		Every:  16,
		What:   "waiting in poll is interrupted, once",
		Source: "xnu-11417 bsd/kern/sys_generic.c:poll_nocancel",
	},
	{
		Name:   "eintr-connect",
		Calls:  "connect connect_nocancel",
		Every:  4,
		What:   "connect on a blocking socket is interrupted, once, and the connection comes about all the same",
		Source: "xnu-11417 bsd/kern/uipc_syscalls.c:connectit (PCATCH)",
	},
	{
		Name:   "connect-early",
		Calls:  "kevent",
		Every:  4,
		What:   "a socket that is still connecting is reported ready for writing",
		Source: "seen: golang.org/issue/14548, golang.org/issue/19289",
	},
	{
		Name:   "exec-signal",
		Calls:  "execve",
		Every:  2,
		What:   "10.14, 10.15: a signal that the thread is sent within 20 ms from the beginning of execve, caught by the old program and by default ignored, kills the new one (SIGILL)",
		Source: "xnu-4903 bsd/kern/kern_exec.c:exec_mach_imgact (execsigs is for the new thread), proc_exec_switch_task (the old one's signals are copied); seen on 10.14 and 10.15: golang.org/issue/41702",
	},
	{
		Name:   "eintr-sleep",
		Calls:  "__semwait_signal __semwait_signal_nocancel sigsuspend sigsuspend_nocancel",
		Every:  8,
		What:   "a sleep is interrupted",
		Source: "xnu-11417 bsd/kern/kern_sig.c:__semwait_signal_nocancel, sigsuspend_nocancel",
	},
	{
		Name:   "eintr-read",
		Calls:  readCalls + "readv readv_nocancel recvmsg recvmsg_nocancel",
		Every:  4,
		What:   "input that has to wait, on a blocking descriptor, is interrupted, once",
		Source: "xnu-11417 bsd/kern/sys_pipe.c:pipe_read, bsd/kern/uipc_socket.c:soreceive (PCATCH)",
	},
	{
		Name:   "eintr-write",
		Calls:  writeCalls + "writev writev_nocancel sendmsg sendmsg_nocancel",
		Every:  4,
		What:   "output that has to wait, on a blocking descriptor, is interrupted, once",
		Source: "xnu-11417 bsd/kern/sys_pipe.c:pipe_write, bsd/kern/uipc_socket.c:sosend (PCATCH)",
	},
	{
		Name:   "eintr-busy",
		Calls:  readCalls + writeCalls,
		What:   "input or output on a pipe or socket that another thread is in just then is interrupted, once",
		Source: "xnu-11417 bsd/kern/sys_pipe.c:pipeio_lock, bsd/kern/uipc_socket2.c:sblock (PCATCH)",
	},
	{
		Name: "eintr-fs",
		Calls: "open open_nocancel openat openat_nocancel stat64 lstat64 fstat64 fstatat64 getdirentries64 fsync fsync_nocancel ftruncate truncate " +
			"unlink unlinkat mkdir mkdirat rmdir rename link symlink readlink chmod fchmod chown lchown fchown access",
		What:   "a file system across a network or in user space is interrupted, once",
		Source: "xnu-4903 bsd/nfs/nfs_socket.c:nfs_sigintr; golang.org/issue/38033",
	},
	{
		Name:   "short-read",
		Calls:  readCalls,
		Every:  8,
		What:   "of what a pipe (more than 512 bytes) or TCP has, a part is read",
		Source: "xnu-11417 bsd/kern/sys_pipe.c:pipe_read, bsd/kern/uipc_socket.c:soreceive",
	},
	{
		Name:   "short-write",
		Calls:  writeCalls,
		Every:  8,
		What:   "a pipe (of more than 512 bytes) or TCP takes a part",
		Source: "xnu-11417 bsd/kern/sys_generic.c:fp_writev, bsd/kern/uipc_socket.c:sosend",
	},
	{
		Name:   "dir-short",
		Calls:  "getdirentries64",
		Every:  2,
		What:   "a directory is read in small pieces",
		Source: "xnu-11417 bsd/vfs/vfs_syscalls.c:getdirentries_common",
	},
	{
		Name:   "ulock-eintr",
		Calls:  "ulock_wait ulock_wait2",
		Every:  16,
		What:   "a wait is interrupted, once",
		Source: "xnu-11417 bsd/kern/sys_ulock.c:wait_result_to_return_code",
	},
	{
		Name:   "ulock-efault",
		Calls:  "ulock_wait ulock_wait2",
		Every:  64,
		What:   "the page of the word is not resident",
		Source: "xnu-11417 bsd/kern/sys_ulock.c:sys_ulock_wait2, which can simulate it for tests",
	},
	{
		Name:   "ulock-woken",
		Calls:  "ulock_wait ulock_wait2",
		Every:  16,
		What:   "a wake for the word's last user arrives",
		Source: "xnu-11417 bsd/kern/sys_ulock.c:sys_ulock_wake (it knows words by their address)",
	},
	{
		Name:   "sema-aborted",
		Calls:  "semaphore_wait semaphore_timedwait",
		Every:  16,
		What:   "a wait ends with KERN_ABORTED",
		Source: "xnu-11417 osfmk/kern/sync_sema.c:semaphore_convert_wait_result",
	},
	{
		Name:   "sema-timedout",
		Calls:  "semaphore_wait semaphore_timedwait",
		Every:  16,
		What:   "a wait, timed or not, ends early with KERN_OPERATION_TIMED_OUT",
		Source: "seen on 10.12: golang.org/issue/17161",
	},
	{
		Name:   "msg-interrupted",
		Calls:  "mach_msg_trap",
		Every:  4,
		What:   "a message is not sent: MACH_SEND_INTERRUPTED",
		Source: "xnu-11417 osfmk/ipc/ipc_mqueue.c:ipc_mqueue_send (THREAD_INTERRUPTED)",
	},
	{
		Name:   "msg-unanswered",
		Calls:  "mach_msg_trap",
		Every:  4,
		What:   "a message is sent, but the wait for the answer ends: MACH_RCV_INTERRUPTED",
		Source: "xnu-11417 osfmk/ipc/ipc_mqueue.c:ipc_mqueue_receive_results (THREAD_INTERRUPTED)",
	},
	{
		Name:   "thread-enomem",
		Calls:  "bsdthread_create",
		Every:  4,
		What:   "there is no room for a thread, once",
		Source: "xnu-1504 bsd/kern/pthread_synch.c:bsdthread_create, libpthread-519 kern/kern_support.c:_bsdthread_create",
	},
	{
		Name:   "thread-shortage",
		Calls:  "bsdthread_create",
		Every:  64,
		InARow: 10,
		What:   "the same, ten times in a row",
		Source: "as above",
	},
	{
		Name:   "thread-late",
		Event:  "the start of a thread",
		Every:  4,
		What:   "a new thread waits before its first instruction, up to 5 ms",
		Source: "osfmk/kern/sched_prim.c: a thread runs when it is its turn",
	},
	{
		Name:   "kevent-timedout",
		Calls:  "kevent",
		Every:  16,
		What:   "a wait with a timeout ends with ETIMEDOUT",
		Source: "seen on macOS 13: golang.org/issue/59679",
	},
	{
		Name:   "accept-unnamed",
		Calls:  "accept accept_nocancel",
		Every:  8,
		What:   "a stranger has connected and gone: a socket without a name",
		Source: "xnu-11417 bsd/kern/uipc_syscalls.c:accept_nocancel (sa == NULL)",
	},
	{
		Name:   "route-grown",
		Calls:  "sysctl",
		Every:  4,
		What:   "the routing table has grown since it was measured: ENOMEM, once",
		Source: "xnu-11417 bsd/net/rtsock.c:sysctl_rtsock, bsd/kern/kern_newsysctl.c:sysctl_old_user",
	},
	{
		Name:   "mmap-elsewhere",
		Calls:  "mmap",
		Every:  4,
		What:   "memory is given at another place than was wished for",
		Source: "xnu-11417 bsd/kern/kern_mman.c:mmap (the address is a hint)",
	},
	{
		Name:   "signal-extra",
		Calls:  "*",
		Every:  1024,
		What:   "another process sends SIGURG as the call ends",
		Source: "xnu-11417 bsd/kern/kern_sig.c:psignal",
	},
	{
		Name:   "signal-late",
		Event:  "a signal for a thread that runs",
		Every:  4,
		What:   "the thread sees it up to 5 ms later, unless it enters the kernel",
		Source: "xnu-11417 bsd/kern/kern_sig.c:signal_setast (an interrupt of another processor)",
	},
	{
		Name:   "signal-held",
		Event:  "a signal for the process",
		What:   "to 10.10: its sender loses the processor, up to 5 ms, between the choice of the thread and giving it the signal; one that ends meanwhile takes it along",
		Source: "xnu-1504, xnu-2782 bsd/kern/kern_sig.c:psignal_internal (no proc_lock from get_signalthread to uu_siglist, as there is from xnu-3248 on)",
	},
	{
		Name:   "preempt",
		Calls:  "*",
		Every:  256,
		What:   "the thread loses the processor before or after the call, up to 5 ms",
		Source: "osfmk/kern/ast.c:ast_taken_user (AST_PREEMPT)",
	},
	{
		Name:   "fork-slow",
		Calls:  "fork vfork",
		Every:  2,
		What:   "parent or child gets no time for a while, up to 5 ms",
		Source: "osfmk/kern/sched_prim.c, as above",
	},
	{
		Name:   "stop",
		Calls:  "*",
		Every:  8192,
		What:   "the process is stopped and 5 ms later continued",
		Source: "xnu-11417 bsd/kern/kern_sig.c:psignal_internal (SIGSTOP, SIGCONT)",
	},
	{
		Name:   "clock-none",
		Event:  "the commpage, every 300 ms",
		Every:  4,
		What:   "the commpage has no time of day",
		Source: "xnu-11417 osfmk/kern/clock.c:clock_set_calendar_microtime (commpage_disable_timestamp)",
	},
	{
		Name:   "clock-step",
		Event:  "the commpage, every 300 ms",
		What:   "the time of day in the commpage steps by an hour, either way, and back",
		Source: "xnu-11417 bsd/kern/kern_time.c:setthetime",
	},
	{
		Name:   "close-eintr",
		Calls:  "close close_nocancel",
		What:   "close is interrupted, and has closed",
		Source: "xnu-11417 bsd/kern/uipc_socket.c:soclose_locked (SO_LINGER), bsd/kern/tty.c:ttywait",
	},
	{
		Name:   "emfile",
		Calls:  "open open_nocancel openat openat_nocancel socket accept accept_nocancel pipe dup kqueue",
		What:   "no descriptor is left",
		Source: "xnu-11417 bsd/kern/kern_descrip.c:fdalloc",
	},
	{
		Name:   "fork-eagain",
		Calls:  "fork vfork",
		What:   "there are too many processes",
		Source: "xnu-11417 bsd/kern/kern_fork.c:fork1",
	},
	{
		Name:   "enobufs",
		Calls:  "sendto sendto_nocancel sendmsg sendmsg_nocancel",
		What:   "the interface's queue is full",
		Source: "xnu-11417 bsd/netinet/ip_output.c:ip_output_list",
	},
	{
		Name:   "mmap-enomem",
		Calls:  "mmap",
		What:   "no memory is left",
		Source: "xnu-11417 bsd/kern/kern_mman.c:mmap",
	},
}

// kindNamed returns the kind of that name, nil if there is none.
func kindNamed(name string) *Kind {
	i := slices.IndexFunc(Kinds[:], func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return nil
	}
	return &Kinds[i]
}

// Help describes -fault and the kinds.
func Help() string {
	var b strings.Builder
	b.WriteString(`-fault ITEM,...: inject faults: what XNU may do and seldom does

  seed=N      choose by this seed (default 1); random takes one and prints it
  rate=N      one time in N, for every kind
  kinds=A+B   only these kinds
  PATTERN     of what the seed chooses, do what this pattern of
              golang.org/x/tools/cmd/bisect enables, and report it on stderr

kinds, how often each happens (1 in so many; asked: only if kinds= names it),
and to which calls:

`)
	for i := range Kinds {
		k := &Kinds[i]
		fmt.Fprintf(&b, "  %-16s %5s  %s\n%26s(%s)\n", k.Name, k.often(), k.What, "", k.where())
	}
	return b.String()
}

// Table is the table of the kinds in doc/faults.md.
func Table() string {
	var b strings.Builder
	b.WriteString("| kind | 1 in | what | calls | where XNU does it |\n|---|---|---|---|---|\n")
	for i := range Kinds {
		k := &Kinds[i]
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", k.Name, k.often(), k.What, k.where(), k.Source)
	}
	return b.String()
}

func (k *Kind) often() string {
	if k.Every == 0 {
		return "asked"
	}
	return strconv.FormatUint(k.Every, 10)
}

func (k *Kind) where() string {
	switch {
	case k.Event != "":
		return k.Event
	case k.Calls == "*":
		return "every BSD call"
	}
	var names []string
	for _, n := range strings.Fields(k.Calls) {
		if !strings.HasSuffix(n, "_nocancel") {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}
