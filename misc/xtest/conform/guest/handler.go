// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios && (amd64 || 386)

package main

import "unsafe"

// Handlers: actions, frames, the alternate stack, sigreturn.

// actions: sigaction takes a struct with a trampoline and returns one without. It keeps seven
// flags. KILL, STOP, 0 and 32 are EINVAL, but a program may read the action of the first two.
//
// bsd/kern/kern_sig.c:sigaction, setsigvec; bsd/sys/signal.h; all
func actions() {
	in := sigactionIn{0x1234, 0x5678, 0xffffffff, 0xfffffb50 | saOnstack | saRestart}
	var out [4]sigactionOut
	out[1].handler = 0x7777
	call("sigaction", sysSigaction, sigUSR1, ptr(&in), ptr(&out[0]))
	eq("the default's handler", out[0].handler, sigDFL)
	eq("the default's flags", uintptr(out[0].flags), saRestart) // what is not in ps_sigintr
	call("sigaction", sysSigaction, sigUSR1, 0, ptr(&out[0]))
	eq("handler", out[0].handler, 0x1234)
	eq("mask", uintptr(out[0].mask), 0xffffffff&^uintptr(bit(sigKILL)|bit(sigSTOP)))
	eq("flags", uintptr(out[0].flags), saOnstack|saRestart|saSiginfo|saNodefer)
	eq("what lies behind", out[1].handler, 0x7777)
	fails("signal 0", eINVAL, sysSigaction, 0, 0, ptr(&out))
	fails("signal 32", eINVAL, sysSigaction, 32, 0, ptr(&out))
	fails("SIGKILL", eINVAL, sysSigaction, sigKILL, ptr(&in), 0)
	fails("SIGSTOP", eINVAL, sysSigaction, sigSTOP, ptr(&in), 0)
	call("asking for SIGKILL", sysSigaction, sigKILL, 0, ptr(&out))
	eq("SIGKILL's handler", out[0].handler, sigDFL)
}

// handlerMask: a handler runs with the mask of before, sa_mask and, unless SA_NODEFER is set,
// the signal itself blocked. sigreturn restores the mask of before.
//
// bsd/kern/kern_sig.c:postsig (up to 1699), postsig_locked (from 2050);
// bsd/dev/i386/unix_signal.c:sendsig, sigreturn; all
func handlerMask() {
	inHandler := func(*frame) { during = getmask() }
	mask(sigSetmask, bit(sigTERM))
	catch(sigUSR1, 0, bit(sigHUP), inHandler)
	raise(sigUSR1)
	eq("in the handler", uintptr(during), uintptr(bit(sigTERM)|bit(sigHUP)|bit(sigUSR1)))
	catch(sigUSR1, saNodefer, bit(sigHUP), inHandler)
	raise(sigUSR1)
	eq("with SA_NODEFER", uintptr(during), uintptr(bit(sigTERM)|bit(sigHUP)))
	eq("after it", uintptr(getmask()), uintptr(bit(sigTERM)))
}

// handlerOrder: of several signals the lowest is taken first, and the frames of the others are
// put on top. So the highest handler that is not masked runs first.
//
// bsd/kern/kern_sig.c:issignal (up to 1699), issignal_locked (from 2050), bsd_ast; all
func handlerOrder() {
	catch(sigUSR1, 0, 0, nil)
	catch(sigUSR2, 0, 0, nil)
	catch(sigHUP, 0, bit(sigUSR2), nil)
	set := bit(sigUSR1) | bit(sigUSR2) | bit(sigHUP)
	mask(sigBlock, set)
	raise(sigUSR2)
	raise(sigUSR1)
	raise(sigHUP)
	mask(sigUnblock, set)
	eq("handlers", uintptr(nhandled.Load()), 3)
	eq("the first to run", uintptr(order[1]), sigUSR1)
	eq("the second", uintptr(order[2]), sigHUP)
	eq("the third", uintptr(order[3]), sigUSR2)
}

// resetHand: SA_RESETHAND makes the action the default when the handler is entered, except for
// SIGILL and SIGTRAP. sigaction does not report the flag.
//
// bsd/kern/kern_sig.c:postsig (up to 1699), postsig_locked (from 2050), sigaction; all
func resetHand() {
	for i := range uintptr(3) {
		sig := [3]uintptr{sigUSR1, sigILL, sigTRAP}[i]
		want := [3]uintptr{sigDFL, 0x1234, 0x1234}[i]
		catch(sig, saResethand, 0, nil)
		var sa sigactionOut
		call("sigaction", sysSigaction, sig, 0, ptr(&sa))
		eq("flags", uintptr(sa.flags&saResethand), 0)
		raise(sig)
		eq("handlers", uintptr(count[sig].Load()), 1)
		call("sigaction", sysSigaction, sig, 0, ptr(&sa))
		eq("the handler afterwards", sa.handler, want)
	}
}

// altErrors: sigaltstack returns EINVAL for flags other than SS_DISABLE, ENOMEM below 8192
// bytes, and EPERM and EINVAL while the stack is in use.
//
// bsd/kern/kern_sig.c:sigaltstack; all
func altErrors() {
	st := stackT{sp: ptr(&altStacks[0]), size: 8191}
	fails("8191 bytes", eNOMEM, sysSigaltstack, ptr(&st), 0, 0)
	st.size = 8192
	call("8192 bytes", sysSigaltstack, ptr(&st), 0, 0)
	st.flags = 1
	fails("SS_ONSTACK", eINVAL, sysSigaltstack, ptr(&st), 0, 0)
	catch(sigUSR1, saOnstack, 0, func(*frame) {
		st := stackT{sp: ptr(&altStacks[1]), size: 16384}
		fails("another, in use", ePERM, sysSigaltstack, ptr(&st), 0, 0)
		st.flags = 4
		fails("disabling it, in use", eINVAL, sysSigaltstack, ptr(&st), 0, 0)
		call("asking", sysSigaltstack, 0, ptr(&st), 0)
		eq("flags", uintptr(st.flags), 1)
		eq("address", st.sp, ptr(&altStacks[0]))
	})
	raise(sigUSR1)
	eq("handlers", uintptr(count[sigUSR1].Load()), 1)
	call("asking", sysSigaltstack, 0, ptr(&st), 0)
	eq("flags after the handler", uintptr(st.flags), 0)
	st.flags = 4
	call("disabling", sysSigaltstack, ptr(&st), 0, 0)
	call("asking", sysSigaltstack, 0, ptr(&st), 0)
	eq("flags when disabled", uintptr(st.flags), 4)
}

func onAlt(sp uintptr, i int) bool {
	lo := ptr(&altStacks[i])
	return sp > lo && sp <= lo+unsafe.Sizeof(altStacks[i])
}

var lastSP uintptr

// onStackFlag: "on the alternate stack" is a flag. A handler that is left without sigreturn
// leaves it set, and the next signal arrives on the stack in use. sigreturn with 0x80000000
// clears the flag, with 0x40000000 sets it.
//
// bsd/dev/i386/unix_signal.c:sendsig, sigreturn; all
func onStackFlag() {
	altStack(0)
	catch(sigUSR1, saOnstack|saNodefer, 0, func(f *frame) {
		lastSP = f.sp
		if count[sigUSR1].Add(1) == 1 {
			escape()
		}
	})
	killEscape(getpid(), sigUSR1)
	is("the first handler is not on the alternate stack\n", onAlt(lastSP, 0))
	raise(sigUSR1)
	is("the second handler, after an escape, is on the alternate stack\n", !onAlt(lastSP, 0))
	// Its sigreturn has restored the flag as it was.
	raise(sigUSR1)
	is("the third handler is on the alternate stack\n", !onAlt(lastSP, 0))
	call("sigreturn(0, 0x80000000)", sysSigreturn, 0, 0x80000000, 0)
	raise(sigUSR1)
	is("after UC_RESET_ALT_STACK the handler is not on the alternate stack\n", onAlt(lastSP, 0))
	call("sigreturn(0, 0x40000000)", sysSigreturn, 0, 0x40000000, 0)
	raise(sigUSR1)
	is("after UC_SET_ALT_STACK the handler is on the alternate stack\n", !onAlt(lastSP, 0))
}

// nestedAlt: the frame of a second signal on the alternate stack is put below the first one, not
// at the top of the stack.
//
// bsd/dev/i386/unix_signal.c:sendsig; all
func nestedAlt() {
	altStack(0)
	catch(sigUSR1, saOnstack, 0, func(f *frame) {
		lastSP = f.sp
		raise(sigUSR2)
	})
	catch(sigUSR2, saOnstack, 0, func(f *frame) {
		is("the nested handler is not on the alternate stack, below\n", onAlt(f.sp, 0) && f.sp < lastSP)
		eq("uc_onstack", uintptr(load32(f.uctx+ucOnstack)), 1)
	})
	raise(sigUSR1)
	eq("handlers", uintptr(count[sigUSR2].Load()), 1)
}

var badToken uintptr

// token: from 4903 on sigreturn checks its third argument, if the first sigaction that sets
// something has the flag 0x400. A wrong token is EINVAL, after the mask has been changed.
//
// bsd/dev/i386/unix_signal.c:sigreturn; bsd/kern/kern_sig.c:setsigvec; 4903 to 11417
//
// Releases: 1504 4570 4903 8020 11215
func token() {
	catch(sigUSR1, saValidate, bit(sigHUP), func(f *frame) {
		badToken = f.token
		f.token++
	})
	failedReturn = func(f *frame) {
		eq("errno", f.err, eINVAL)
		eq("the mask", uintptr(getmask()), uintptr(bit(sigTERM)))
		nhandled.Add(100)
		f.token = badToken
	}
	mask(sigSetmask, bit(sigTERM))
	raise(sigUSR1)
	want := uintptr(1)
	if release >= 4903 {
		want = 101
	}
	eq("handlers, and 100 for a refusal", uintptr(nhandled.Load()), want)
}

// tokenOff: without that flag the kernel does not check the token.
//
// bsd/kern/kern_sig.c:setsigvec (ps_sigreturn_validation); 4903 to 11417
func tokenOff() {
	catch(sigUSR2, 0, 0, nil)
	catch(sigUSR1, saValidate, 0, func(f *frame) { f.token ^= 0x5555 })
	raise(sigUSR1)
	eq("handlers", uintptr(count[sigUSR1].Load()), 1)
}

// tokenSecret: the token is the address of the ucontext XOR a number of the process, and from
// 8020 on of the thread.
//
// bsd/dev/i386/unix_signal.c:sendsig; 4903 8019 8020
//
// Releases: 4903 8019 8020 11215
func tokenSecret() {
	catch(sigUSR1, saValidate, 0, func(f *frame) { lastSP = f.token ^ f.uctx })
	raise(sigUSR1)
	mine := lastSP
	if release < 4903 {
		return
	}
	raise(sigUSR1)
	if release < 8020 {
		eq("the second time", lastSP, mine)
	}
	t := spawn(0, func(t *thread) { call("__pthread_kill", sysPthreadKill, t.port, sigUSR1, 0) })
	await("the thread", &t.done, 1)
	is("the number is not the process's\n", release >= 8020 || lastSP == mine)
	is("the number is not the thread's\n", release < 8020 || lastSP != mine)
}

// senders: siginfo of kill has code 0, the sender's pid and uid, the signal as status, and the
// interrupted PC as address, also without SA_SIGINFO.
//
// bsd/dev/i386/unix_signal.c:sendsig; bsd/kern/kern_sig.c:psignal_internal; all
func senders() {
	catch(sigUSR1, 0, 0, func(f *frame) {
		eq("style", f.style, 1)
		eq("si_signo", uintptr(load32(f.info)), sigUSR1)
		eq("si_errno", uintptr(load32(f.info+4)), 0)
		eq("si_code", uintptr(load32(f.info+siCode)), 0)
		eq("si_pid", uintptr(load32(f.info+siPid)), getpid())
		eq("si_uid", uintptr(load32(f.info+siUid)), call("getuid", 24, 0, 0, 0))
		eq("si_status", uintptr(load32(f.info+siStatus)), sigUSR1)
		eq("si_addr", load(f.info+siAddr), load(load(f.uctx+ucMcontext)+mcPC))
	})
	raise(sigUSR1)
	eq("handlers", uintptr(count[sigUSR1].Load()), 1)
}

// senderSlot: the kernel keeps one sender for each process, not one for each signal, and a
// handler clears it. The sender is stored for a signal that is caught and not blocked when it is
// sent, and always for a child that ends. So the handler of a signal that was blocked gets the
// sender that is stored at that time.
//
// bsd/kern/kern_sig.c:psignal_internal; bsd/kern/kern_exit.c:proc_exit; bsd/dev/i386/unix_signal.c:sendsig; all
func senderSlot() {
	told := func(f *frame) {
		during = load32(f.info + siPid)
		lastSP = uintptr(load32(f.info + siStatus))
	}
	catch(sigUSR1, 0, 0, told)
	catch(sigUSR2, 0, 0, told)
	catch(sigCHLD, 0, 0, told)
	mask(sigBlock, bit(sigUSR1))
	raise(sigUSR1)
	mask(sigUnblock, bit(sigUSR1))
	eq("si_pid of what was blocked", uintptr(during), 0)
	eq("si_status of what was blocked", lastSP, 0)
	raise(sigUSR1)
	eq("si_pid of what was not", uintptr(during), getpid())

	mask(sigBlock, bit(sigUSR2)|bit(sigCHLD))
	raise(sigUSR2)
	pid := fork()
	if pid == 0 {
		exit(42)
	}
	for pending()&bit(sigCHLD) == 0 {
		nap(1)
	}
	mask(sigUnblock, bit(sigUSR2))
	eq("si_pid of the first handler since a child ended", uintptr(during), pid)
	eq("its si_status", lastSP, 42)
	mask(sigUnblock, bit(sigCHLD))
	eq("si_pid of the second", uintptr(during), 0)
	eq("si_status of the second", lastSP, 0)
	status(pid, 0)
}

var (
	r0, r1 regs
	fxArea [512 + 16]byte

	// What killRegs loads; hasAVX and useZMM say which vector registers.
	hasAVX, useZMM uint8
	fpuControl     uint16 = 0x27f // double precision
	vectorControl  uint32 = 0x5f80
	usualControl   uint32 = 0x1f80
)

// lookAtCPU sets hasAVX, and returns whether there are AVX-512's F and BW.
func lookAtCPU() bool {
	_, _, c, _ := cpuid(1, 0)
	if c>>27&3 != 3 {
		return false
	}
	state := xgetbv()
	if state&6 == 6 {
		hasAVX = 1
	}
	_, b, _, _ := cpuid(7, 0)
	return state&0xe6 == 0xe6 && b>>16&1 == 1 && b>>30&1 == 1
}

// fill gives the vector registers and the flags patterns.
func fill(r *regs) {
	for i := range r.vec {
		for j := range r.vec[i] {
			r.vec[i][j] = byte(0x11*i + 3*j + 1)
		}
	}
	for i := range r.k {
		r.k[i] = 0x0123456789abcdef * uint64(i+1)
	}
	r.flags = 0xcd5 // CF PF AF ZF SF DF OF
	r.fx = (ptr(&fxArea) + 15) &^ 15
}

func same(what string, a, b, n uintptr) {
	for i := range n {
		eq(what, uintptr(*(*byte)(unsafe.Pointer(a + i))), uintptr(*(*byte)(unsafe.Pointer(b + i))))
	}
}

func zeros(what string, from, to uintptr) {
	for ; from < to; from++ {
		eq(what, uintptr(*(*byte)(unsafe.Pointer(from))), 0)
	}
}

// checkFX compares what FXSAVE stores of x87, MXCSR and the XMM registers. What x87 keeps of its last
// instruction is left out: it depends on how the kernel saves it.
func checkFX(fx uintptr, r *regs) {
	eq("FCW", uintptr(load32(fx)&0xffff), uintptr(fpuControl))
	eq("FSW", uintptr(load32(fx)>>16), 6<<11)
	eq("FTW", uintptr(load32(fx+4)&0xff), 0xc0)
	eq("MXCSR", uintptr(load32(fx+24)), uintptr(vectorControl))
	eq("ST(0)", uintptr(load32(fx+32+4)), 0x80000000)
	eq("ST(0)'s exponent", uintptr(load32(fx+32+8)&0xffff), 0x3fff)
	eq("ST(1)", uintptr(load32(fx+48+4)), 0xc90fdaa2)
	for i := range uintptr(nvec) {
		same("an XMM register", fx+160+16*i, ptr(&r.vec[i]), 16)
	}
}

// frameLayout: the test compares the place of the frame, all of its contents that the
// interrupted program determines, and what sigreturn restores.
//
// bsd/dev/i386/unix_signal.c:sendsig, sigreturn, siginfo_user_to_user64 (up to 1699), siginfo_user_to_user64_x86 (from
// 2050); osfmk/mach/i386/_structs.h; osfmk/x86_64/idt64.s;
// osfmk/i386/pcb.c:get_thread_state64, get_exception_state64; all
//
// Releases: 1504 2422 3789 4570 4903 10002 11215
func frameLayout() {
	zmm := lookAtCPU()
	frameAt(0)
	_, hi := altStack(0)
	frameAt(hi)
	if zmm && release >= 4570 {
		useZMM = 1
		frameAt(0)
		frameAt(hi)
	}
}

var frameBase uintptr

func frameAt(base uintptr) {
	frameBase = base
	flags := uint32(saSiginfo)
	if base != 0 {
		flags |= saOnstack
	}
	mask(sigSetmask, bit(sigTERM))
	catch(sigUSR1, flags, bit(sigHUP), checkFrame)
	count[sigUSR1].Store(0)
	fillRegs(&r0)
	r1 = r0
	killRegs(&r1)
	eq("handlers", uintptr(count[sigUSR1].Load()), 1)
	at = "after sigreturn"
	checkRestored(&r1, &r0)
	eq("flags", r1.flags, r0.flags&^1|0x202)
	checkFX(r1.fx, &r0)
	width := uintptr(16)
	switch {
	case useZMM != 0:
		width = 64
	case hasAVX != 0:
		width = 32
	}
	for i := range r0.vec {
		if i < nvec || useZMM != 0 {
			same("a vector register", ptr(&r1.vec[i]), ptr(&r0.vec[i]), width)
		}
	}
	same("the opmask registers", ptr(&r1.k), ptr(&r0.k), unsafe.Sizeof(r0.k))
	at = ""
	mask(sigSetmask, 0)
}

func checkFrame(f *frame) {
	sp := interruptedSP
	base := frameBase
	if base == 0 {
		base = sp
	}
	mc := load(f.uctx + ucMcontext)
	checkEntry(f, base, mc, &r0)
	eq("handler", f.handler, 0x1234)
	eq("style", f.style, 30)
	eq("signal", f.sig, sigUSR1)
	eq("flags", f.flags&^2, 0x200)
	// x87 and the vectors are as in a new thread.
	fx := f.fx()
	eq("FCW in the handler", uintptr(load32(fx)), 0x37f)
	eq("FTW in the handler", uintptr(load32(fx+4)&0xff), 0)
	eq("MXCSR in the handler", uintptr(load32(fx+24)), 0x1f80)
	zeros("x87 in the handler", fx+32, fx+160)
	zeros("XMM registers in the handler", fx+160, fx+160+16*nvec)
	if hasAVX != 0 {
		zeros("YMM registers in the handler", ptr(&f.vectors), ptr(&f.vectors)+32)
	}
	// ucontext
	eq("uc_onstack", uintptr(load32(f.uctx+ucOnstack)), 0)
	eq("uc_sigmask", uintptr(load32(f.uctx+ucMask)), uintptr(bit(sigTERM)))
	eq("uc_stack.ss_sp", load(f.uctx+ucSP), f.sp)
	if frameBase == 0 {
		eq("uc_stack.ss_size", load(f.uctx+ucStackSize), 0)
	} else {
		eq("uc_stack.ss_size", load(f.uctx+ucStackSize), unsafe.Sizeof(altStacks[0]))
	}
	eq("uc_stack.ss_flags", load(f.uctx+ucFlags), 0)
	eq("uc_link", load(f.uctx+ucLink), 0)
	eq("uc_mcsize", load(f.uctx+ucMcsize), ucMcontextSize())
	// siginfo
	eq("si_signo", uintptr(load32(f.info)), sigUSR1)
	eq("si_errno", uintptr(load32(f.info+4)), 0)
	eq("si_code", uintptr(load32(f.info+siCode)), 0)
	eq("si_pid", uintptr(load32(f.info+siPid)), getpid())
	eq("si_uid", uintptr(load32(f.info+siUid)), call("getuid", 24, 0, 0, 0))
	eq("si_status", uintptr(load32(f.info+siStatus)), sigUSR1)
	eq("si_addr", load(f.info+siAddr), load(mc+mcPC))
	zeros("si_value and si_band", f.info+siValue, f.info+siPad)
	eq("what follows them", load(f.info+siPad), sp)
	zeros("the end of siginfo", f.info+siPad+unsafe.Sizeof(sp), f.info+siSize)
	// mcontext
	checkRegs(f, mc, &r0)
	zeros("the float state's first words", mc+mcFX-8, mc+mcFX)
	checkFX(mc+mcFX, &r0)
	eq("MXCSR's mask", uintptr(load32(mc+mcFX+28)), 0xffff)
	zeros("ST(2) to ST(7)", mc+mcFX+64, mc+mcFX+160)
	zeros("what lies behind the XMM registers", mc+mcFX+160+16*nvec, min(mc+mcYMMH, f.info))
	if mcontextSize() >= mcLarge {
		for i := range uintptr(nvec) {
			if hasAVX != 0 {
				same("the upper half of a YMM register", mc+mcYMMH+16*i, ptr(&r0.vec[i])+16, 16)
			} else {
				zeros("what YMM registers would be in", mc+mcYMMH+16*i, mc+mcYMMH+16*i+16)
			}
		}
		if useZMM == 0 {
			zeros("the mcontext's end", mc+mcYMMH+16*nvec, f.info)
		}
	}
	if useZMM != 0 {
		checkZMM(mc, &r0)
	}
}

// frameOrigin: the mcontext describes the last entry into the kernel. For a call it has the
// vector, 0x85 or i386's 0x80, the call's number and, with SYSCALL, the invalid code segment 7,
// but the segment only until a handler has been entered. In user mode it describes the
// interrupt. An earlier exception has no effect.
//
// osfmk/x86_64/idt64.s; osfmk/i386/pcb.c:get_exception_state64, get_thread_state64, set_thread_state64;
// osfmk/i386/seg.h:SYSCALL_CS; osfmk/i386/trap.h:T_SYSCALL; all
func frameOrigin() {
	catch(sigILL, 0, 0, func(f *frame) {
		mc := load(f.uctx + ucMcontext)
		eq("the trap number of an exception", uintptr(load32(mc)&0xffff), 6)
		eq("its CS", load(mc+mcCS), userCS())
		putPC(mc+mcPC, load(mc+mcPC)+2)
	})
	fault(2, 0)
	// The frame of the lower signal is made first.
	catch(sigUSR1, 0, 0, func(f *frame) { checkOrigin(f, callCS()) })
	catch(sigUSR2, 0, 0, func(f *frame) { checkOrigin(f, userCS()) })
	mask(sigBlock, bit(sigUSR1)|bit(sigUSR2))
	raise(sigUSR1)
	raise(sigUSR2)
	mask(sigUnblock, bit(sigUSR1)|bit(sigUSR2))
	eq("handlers", uintptr(nhandled.Load()), 3)
	// Of a thread in user mode.
	catch(sigUSR1, 0, 0, func(f *frame) {
		mc := load(f.uctx + ucMcontext)
		trapno := load32(mc) & 0xffff
		is("an interrupt has the trap number of a call\n", trapno != 0x85 && trapno != 0x80)
		eq("the CS of who is in user mode", load(mc+mcCS), userCS())
	})
	t := spawn(0, func(t *thread) {
		t.seen.Store(1)
		for count[sigUSR1].Load() == 1 {
		}
	})
	await("the thread", &t.seen, 1)
	tkill(t, sigUSR1)
	await("the thread's end", &t.done, 1)
}

func checkOrigin(f *frame, cs uintptr) {
	mc := load(f.uctx + ucMcontext)
	trapno, nr := uintptr(0x85), uintptr(0x2000000+sysPthreadMask)
	if is32 {
		trapno, nr = 0x80, sysPthreadMask
	}
	eq("the trap number of a call", uintptr(load32(mc)&0xffff), trapno)
	eq("its error code", uintptr(load32(mc+mcErr)), nr)
	eq("its CS", load(mc+mcCS), cs)
}

func userCS() uintptr {
	if is32 {
		return 0x1b
	}
	return 0x2b
}

func callCS() uintptr {
	if is32 {
		return 0x1b
	}
	return 7
}
