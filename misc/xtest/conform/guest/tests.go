// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build darwin && !ios && (amd64 || 386)

package main

type test struct {
	name string
	f    func()
}

// Each test is described by the comment of its function: `name: what holds`, a paragraph that
// cites the kernel's source and the releases, and, if it is not 1504, 4903
// and 11215, one that names the releases to try in the quick form.
var tests = [...]test{
	{"mask48", mask48},
	{"mask48late", mask48late},
	{"mask329", mask329},
	{"maskHow", maskHow},
	{"maskUnblock", maskUnblock},
	{"threadInherits", threadInherits},
	{"threadStarts", threadStarts},
	{"forkInherits", forkInherits},
	{"forkTwice", forkTwice},
	{"forkSignalled", forkSignalled},
	{"forkInterrupted", forkInterrupted},
	{"forkDies", forkDies},
	{"execKeeps", execKeeps},
	{"execKept", execKept},
	{"execOfDead", execOfDead},
	{"execOfDead2", execOfDead2},
	{"execLoses", execLoses},
	{"execHops", execHops},
	{"pinOldest", pinOldest},
	{"pinBlocked", pinBlocked},
	{"pendingBit", pendingBit},
	{"pendingDies", pendingDies},
	{"pendingOwn", pendingOwn},
	{"ignoredGone", ignoredGone},
	{"contNotIgnored", contNotIgnored},
	{"disabled", disabled},
	{"pthreadKill", pthreadKill},
	{"killErrors", killErrors},
	{"pipeProcess", pipeProcess},
	{"nosysTarget", nosysTarget},
	{"machClass", machClass},
	{"sigwait", sigwait},
	{"sigsuspend", sigsuspend},
	{"timers", timers},
	{"timersInherit", timersInherit},
	{"timersKept", timersKept},
	{"actions", actions},
	{"handlerMask", handlerMask},
	{"handlerOrder", handlerOrder},
	{"resetHand", resetHand},
	{"altErrors", altErrors},
	{"onStackFlag", onStackFlag},
	{"nestedAlt", nestedAlt},
	{"token", token},
	{"tokenOff", tokenOff},
	{"tokenSecret", tokenSecret},
	{"senders", senders},
	{"senderSlot", senderSlot},
	{"frameLayout", frameLayout},
	{"frameOrigin", frameOrigin},
	{"restartRead", restartRead},
	{"restartOthers", restartOthers},
	{"restartTransfers", restartTransfers},
	{"restartNever", restartNever},
	{"neverAsleep", neverAsleep},
	{"pollKnotes", pollKnotes},
	{"machAborted", machAborted},
	{"partialWrite", partialWrite},
	{"undisturbed", undisturbed},
	{"restartState", restartState},
	{"jobs", jobs},
	{"stopDefault", stopDefault},
	{"stopThenContinue", stopThenContinue},
	{"orphaned", orphaned},
	{"orphanedStopped", orphanedStopped},
	{"ttyMasked", ttyMasked},
	{"ttyRead", ttyRead},
	{"childSignal", childSignal},
	{"childBit", childBit},
	{"childReaped", childReaped},
	{"waitid", waitid},
	{"faults", faults},
	{"faultBlocked", faultBlocked},
}
