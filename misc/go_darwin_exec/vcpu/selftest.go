// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux

package vcpu

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"
)

// Offsets in the runtime's g, and its stackGuard, which rawFork relies on.
const (
	gStackLo     = 0
	gStackguard0 = 16
	stackGuard   = 928
)

// gStack returns the words at those offsets of the current g, and SP.
func gStack() (lo, guard0, sp uintptr)

// tlsWords returns g, and the words at FS:-8, FS:0 and FS:8.
func tlsWords() (gp, word0, word1, word2 uintptr)

// stackLeft returns how much of the goroutine's stack is unused.
//
//go:nosplit
func stackLeft() uintptr {
	lo, _, sp := gStack()
	return sp - lo
}

// SelfTest tries what the runner depends on, and says exactly what this host
// lacks.
func SelfTest() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if getSlot() != nil {
		return nil // a guest thread: it has been tested
	}
	if err := checkRuntime(); err != nil {
		return err
	}
	if installErr != nil {
		return installErr
	}
	if err := checkFP(); err != nil {
		return err
	}
	return checkGuest()
}

// checkRuntime looks whether the Go runtime's data lies where the assembly
// thinks it does.
func checkRuntime() error {
	g, w0, w1, w2 := tlsWords()
	if g != w0 {
		return fmt.Errorf("unknown layout of the Go runtime (%s): g is not at FS:-8", runtime.Version())
	}
	if w1 != 0 || w2 != 0 {
		return fmt.Errorf("unknown layout of the Go runtime (%s): the words at FS:0 and FS:8 are in use", runtime.Version())
	}
	for try := 0; ; try++ {
		lo, guard0, sp := gStack()
		if guard0-lo == stackGuard && lo < sp && sp-lo < 1<<30 {
			return nil
		}
		if try == 100 { // a request for preemption may stand in guard0, but not indefinitely
			return fmt.Errorf("unknown layout of the Go runtime (%s): g's stack limit is not at offset %d", runtime.Version(), gStackguard0)
		}
		runtime.Gosched()
	}
}

// checkGuest runs a guest of one system call.
func checkGuest() error {
	const page = 4096
	text, _, errno := syscall.RawSyscall6(syscall.SYS_MMAP, 0, page, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0), 0)
	if errno != 0 {
		return fmt.Errorf("mmap: %w", errno)
	}
	defer syscall.RawSyscall(syscall.SYS_MUNMAP, text, page, 0)
	copy(unsafe.Slice((*byte)(hostPointer(text)), page), []byte{
		0x0f, 0x05, // syscall
		0x0f, 0x0b, // ud2
	})
	if _, _, errno := syscall.RawSyscall(syscall.SYS_MPROTECT, text, page, syscall.PROT_READ|syscall.PROT_EXEC); errno != 0 {
		return fmt.Errorf("this host does not let the runner execute memory that it has written (mprotect: %w)", errno)
	}
	c, err := New()
	if err != nil {
		return err
	}
	defer c.Free()
	if err := c.Bind(); err != nil {
		var errno syscall.Errno
		if errors.As(err, &errno) {
			return dispatchError(err, errno)
		}
		return err
	}
	defer c.Unbind()
	const number, rbx = 0x02000014, 0x0123456789abcdef
	c.RIP, c.RAX, c.RBX = uint64(text), number, rbx
	if e := c.Run(); e != EventSyscall || c.RAX != number || c.RBX != rbx || c.RIP != uint64(text)+2 {
		return fmt.Errorf("syscall user dispatch does not work: a guest's system call ended in %v, RAX %#x, RIP %+d", e, c.RAX, c.RIP-uint64(text))
	}
	if e := c.Run(); e != EventFault || c.Trapno != 6 {
		return fmt.Errorf("signals do not work as expected: a guest's invalid opcode ended in %v, trap %d", e, c.Trapno)
	}
	return nil
}

// dispatchError explains why syscall user dispatch could not be turned on.
func dispatchError(err error, errno syscall.Errno) error {
	switch errno {
	case syscall.EINVAL:
		return fmt.Errorf("this host's kernel (%s) has no syscall user dispatch: Linux 5.11 or newer is needed, for amd64, with CONFIG_GENERIC_ENTRY (%w)", kernelRelease(), err)
	case syscall.EPERM, syscall.EACCES, syscall.ENOSYS:
		return fmt.Errorf("this host forbids syscall user dispatch, perhaps by a seccomp filter of a container (%w)", err)
	}
	return err
}

func kernelRelease() string {
	var u syscall.Utsname
	if syscall.Uname(&u) != nil {
		return "unknown release"
	}
	var b []byte
	for _, c := range u.Release {
		if c == 0 {
			break
		}
		b = append(b, byte(c))
	}
	return string(b)
}
