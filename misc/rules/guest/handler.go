// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios && (amd64 || 386)

package main

import "unsafe"

// Handlers: actions, frames, the alternate stack, sigreturn.

// actions: sigaction takes a struct with a trampoline and returns one without. It keeps
// seven flags; KILL, STOP, 0 and 32 are EINVAL, but the first two may be asked for.
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

// handlerMask: in the handler are blocked what was, what sa_mask says, and the signal
// itself unless SA_NODEFER; sigreturn restores the mask of before.
//
// bsd/kern/kern_sig.c:postsig_locked; bsd/dev/i386/unix_signal.c:sendsig, sigreturn; all
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

// handlerOrder: of several signals the lowest is taken first, and the frames of the
// others are put on top: the highest handler that nobody masks runs first.
//
// bsd/kern/kern_sig.c:issignal_locked, bsd_ast; all
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

// resetHand: SA_RESETHAND makes the action the default when the handler is entered, but for
// SIGILL and SIGTRAP; it is never reported.
//
// bsd/kern/kern_sig.c:postsig_locked, sigaction; all
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

// altErrors: sigaltstack: EINVAL for flags other than SS_DISABLE, ENOMEM below 8192 bytes,
// EPERM and EINVAL while it is in use.
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

// onStackFlag: "on the alternate stack" is a flag. A handler that is left without sigreturn leaves it
// set, and the next signal comes on the stack in use; sigreturn with 0x80000000 clears it, with
// 0x40000000 sets it.
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

// nestedAlt: a second signal on the alternate stack goes on where the first one is, not
// to its top again.
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

// token: from 4903 on sigreturn checks its third argument, if the first sigaction that
// sets something has the flag 0x400: EINVAL, when the mask has already been changed.
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

// tokenOff: without that flag no token is ever looked at.
//
// bsd/kern/kern_sig.c:setsigvec (ps_sigreturn_validation); 4903 to 11417
func tokenOff() {
	catch(sigUSR2, 0, 0, nil)
	catch(sigUSR1, saValidate, 0, func(f *frame) { f.token ^= 0x5555 })
	raise(sigUSR1)
	eq("handlers", uintptr(count[sigUSR1].Load()), 1)
}

// tokenSecret: the token is the address of the ucontext XOR a number of the process, and from 8020 on
// of the thread.
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

// senders: siginfo of kill has code 0, the sender's pid and uid, the signal as status, and the interrupted
// PC as address, without SA_SIGINFO too.
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

// senderSlot: who sent is kept once for each process, not for each signal: the second of two
// handlers sees zeros.
//
// bsd/dev/i386/unix_signal.c:sendsig; bsd/kern/kern_sig.c:psignal_internal; all
func senderSlot() {
	catch(sigUSR1, 0, 0, func(f *frame) { during = load32(f.info + siPid) })
	catch(sigUSR2, 0, 0, func(f *frame) { lastSP = uintptr(load32(f.info + siPid)) })
	set := bit(sigUSR1) | bit(sigUSR2)
	mask(sigBlock, set)
	raise(sigUSR2)
	raise(sigUSR1)
	mask(sigUnblock, set)
	eq("si_pid of what was delivered first", uintptr(during), getpid())
	eq("si_pid of the second", lastSP, 0)
}

var r0, r1 regs

// frameLayout: where the frame lies and what is in it, to the byte, and what sigreturn restores.
//
// bsd/dev/i386/unix_signal.c:sendsig, sigreturn; bsd/i386/_mcontext.h; all
//
// Releases: 1504 2422 3789 4570 4903 11215
func frameLayout() {
	frameAt(0)
	lo, hi := altStack(0)
	_ = lo
	frameAt(hi)
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
	eq("kill", r1.ax, 0)
	is("registers are not restored\n", sameRegs(&r0, &r1))
	mask(sigSetmask, 0)
}

func checkFrame(f *frame) {
	sp := interruptedSP
	base := frameBase
	if base == 0 {
		base = sp
	}
	mc := load(f.uctx + ucMcontext)
	size := uintptr(load32(f.uctx + ucMcsize))
	checkEntry(f, base, mc)
	eq("handler", f.handler, 0x1234)
	eq("style", f.style, 30)
	eq("signal", f.sig, sigUSR1)
	eq("MXCSR", uintptr(f.mxcsr), 0x1f80)
	eq("flags", f.flags&^2, 0x200)
	// ucontext
	eq("uc_onstack", uintptr(load32(f.uctx+ucOnstack)), 0)
	eq("uc_sigmask", uintptr(load32(f.uctx+ucMask)), uintptr(bit(sigTERM)))
	eq("uc_link", load(f.uctx+ucLink), 0)
	if frameBase == 0 {
		eq("uc_stack.ss_size", load(f.uctx+ucStackSize), 0)
	} else {
		eq("uc_stack.ss_size", load(f.uctx+ucStackSize), unsafe.Sizeof(altStacks[0]))
	}
	is("uc_mcsize is none of those known\n", mcSizeKnown(size))
	// siginfo
	eq("si_signo", uintptr(load32(f.info)), sigUSR1)
	eq("si_errno", uintptr(load32(f.info+4)), 0)
	eq("si_code", uintptr(load32(f.info+siCode)), 0)
	eq("si_pid", uintptr(load32(f.info+siPid)), getpid())
	eq("si_status", uintptr(load32(f.info+siStatus)), sigUSR1)
	eq("si_addr", load(f.info+siAddr), load(mc+mcPC))
	eq("si_value", load(f.info+siAddr+unsafe.Sizeof(sp)), 0)
	eq("si_band", load(f.info+siAddr+2*unsafe.Sizeof(sp)), 0)
	// mcontext
	eq("interrupted SP", load(mc+mcSP), sp)
	checkRegs(f, mc, &r0)
}
