// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// "On the signal stack" is a flag of the thread, set by delivery and cleared by
// sigreturn only. A handler that is left in another way (by longjmp, say) leaves
// it set, and the next signal arrives on the ordinary stack, until sigreturn is
// called with UC_RESET_ALT_STACK (xnu-1504 to xnu-11417
// bsd/dev/i386/unix_signal.c:sendsig, sigreturn).
//
// Bugs: golang.org/issue/44501
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"unsafe"
)

// leave is a trampoline: it writes SP to *handler and goes back to where the
// signal came, without sigreturn.
var leave = map[string][]byte{"amd64": {
	0x48, 0x89, 0x27, // MOVQ SP, (DI)
	0x49, 0x8b, 0x48, 0x30, // MOVQ 48(R8), CX: uc_mcontext64
	0x48, 0x8b, 0x41, 0x10, // MOVQ 16(CX), AX
	0x48, 0x8b, 0x59, 0x18, // BX
	0x48, 0x8b, 0x51, 0x28, // DX
	0x48, 0x8b, 0x79, 0x30, // DI
	0x48, 0x8b, 0x71, 0x38, // SI
	0x48, 0x8b, 0x69, 0x40, // BP
	0x48, 0x8b, 0x61, 0x48, // SP
	0x4c, 0x8b, 0x41, 0x50, // R8
	0x4c, 0x8b, 0x49, 0x58, // R9
	0x4c, 0x8b, 0x51, 0x60, // R10
	0x4c, 0x8b, 0x59, 0x68, // R11
	0x4c, 0x8b, 0x61, 0x70, // R12
	0x4c, 0x8b, 0x69, 0x78, // R13
	0x4c, 0x8b, 0xb1, 0x80, 0, 0, 0, // R14
	0x4c, 0x8b, 0xb9, 0x88, 0, 0, 0, // R15
	0xf8,                         // CLC: as after a call that did not fail
	0xff, 0xa1, 0x90, 0x00, 0, 0, // JMP 144(CX): the old PC
}, "386": {
	0x8b, 0x44, 0x24, 0x04, // MOVL 4(SP), AX
	0x89, 0x20, // MOVL SP, (AX)
	0x8b, 0x4c, 0x24, 0x14, // MOVL 20(SP), CX: the ucontext
	0x8b, 0x49, 0x1c, // MOVL 28(CX), CX: uc_mcontext
	0x8b, 0x41, 0x0c, // MOVL 12(CX), AX
	0x8b, 0x59, 0x10, // BX
	0x8b, 0x51, 0x18, // DX
	0x8b, 0x79, 0x1c, // DI
	0x8b, 0x71, 0x20, // SI
	0x8b, 0x69, 0x24, // BP
	0x8b, 0x61, 0x28, // SP
	0xf8,             // CLC
	0xff, 0x61, 0x34, // JMP 52(CX)
}}

const (
	sysSigreturn    = 184
	ucResetAltStack = 0x80000000

	saOnStack = 1
	saNoDefer = 0x10
)

type newAction struct {
	handler, tramp uintptr
	mask           uint32
	flags          int32
}

// machine returns machine code as a function.
func machine[F any](code string) F {
	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	copy(page, code)
	entry := &page[0]
	fn := &entry
	return *(*F)(unsafe.Pointer(&fn))
}

// threadSelf returns the port of the calling thread: Mach trap 27.
var threadSelf = machine[func() uintptr](map[string]string{
	"amd64": "\xb8\x1b\x00\x00\x01\x0f\x05\xc3",                 // MOVL $0x100001b, AX; SYSCALL; RET
	"386":   "\xb8\xe5\xff\xff\xff\xcd\x81\x89\x44\x24\x04\xc3", // MOVL $-27, AX; INT $0x81; MOVL AX, 4(SP); RET
}[runtime.GOARCH])

func call(nr, a, b, c uintptr) {
	if _, _, e := syscall.RawSyscall(nr, a, b, c); e != 0 {
		fmt.Printf("kernel entry %d: %v\n", nr, e)
		os.Exit(1)
	}
}

//go:noinline
func growStack(n int) byte {
	var room [1024]byte
	if n > 0 {
		room[n] = growStack(n - 1)
	}
	return room[n/2]
}

func main() {
	runtime.LockOSThread()
	debug.SetGCPercent(-1) // so that the stack does not shrink
	growStack(64)          // a frame of the kernel's is going to lie on it

	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		fmt.Println("mmap:", err)
		os.Exit(1)
	}
	copy(page, leave[runtime.GOARCH])
	sp := (*uintptr)(unsafe.Pointer(&page[2048]))
	act := newAction{handler: uintptr(unsafe.Pointer(sp)), tramp: uintptr(unsafe.Pointer(&page[0])), flags: saOnStack | saNoDefer}
	call(46, uintptr(syscall.SIGUSR2), uintptr(unsafe.Pointer(&act)), 0)
	var alt struct {
		sp, size uintptr
		flags    int32
	}
	call(53, 0, uintptr(unsafe.Pointer(&alt)), 0)
	self := threadSelf()

	// Other signals must not come while the flag is set.
	rest := ^uint32(1 << (syscall.SIGUSR2 - 1))
	call(329, 3 /* SIG_SETMASK */, uintptr(unsafe.Pointer(&rest)), 0)
	var onStack [4]bool
	for i := range onStack {
		*sp = 0
		call(328, uintptr(self), uintptr(syscall.SIGUSR2), 0)
		if *sp == 0 {
			fmt.Printf("signal %d was not delivered on the way out of __pthread_kill\n", i)
			os.Exit(1)
		}
		onStack[i] = alt.sp <= *sp && *sp < alt.sp+alt.size
		if i == 1 || i == 3 {
			call(sysSigreturn, 0, ucResetAltStack, 0)
		}
	}
	if want := [4]bool{true, false, true, false}; onStack != want {
		fmt.Printf("on the signal stack: %v, want %v (the flag is cleared after the second)\n", onStack, want)
		os.Exit(1)
	}
}
