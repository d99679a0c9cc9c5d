// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

// What the Mach part of libSystem says about the machine: traps, and requests
// to the host port, which are messages (osfmk/mach/mach_host.defs). Up to macOS
// 12 they are sent by mach_msg_trap; from 13 on that kills a 64-bit process
// (xnu-8792 osfmk/ipc/mach_msg.c:mach_msg_legacy_allowed), and mach_msg2_trap
// takes its place. These functions return a kern_return_t.

package syscall

import "unsafe"

const (
	machKernSuccess        = 0
	machKernInvalidAddress = 1
	machKernInvalidArg     = 4

	machSendMsg         = 1
	machRcvMsg          = 2
	machSendKobject     = 2 << 32 // mach_msg2's: the request is to the kernel
	machSendInterrupted = 0x10000007
	machRcvInterrupted  = 0x10004005

	machMsgTypeCopySend = 19
	machMsgTypeMakeOnce = 21
	machMsgComplex      = 0x80000000

	migReplyMismatch = -301
	migTypeError     = -300

	migHostProcessorInfo = 204
	migHostStatistics    = 216
	migHostStatistics64  = 219
	migPortDestroy       = 3205 // to the task port
)

// A machMsg is a request or its reply, with what the kernel adds to it.
type machMsg struct {
	bits, size, remote, local, voucher uint32
	id                                 int32
	body                               [machBodyWords]uint32
}

const (
	machHeaderSize = 24
	machBodyWords  = 288 // an NDR record, two words, 256 of data, a trailer
)

// machTrap makes Mach trap n: class 1 of SYSCALL, and a negative number for
// INT 0x81.
func machTrap(n uintptr, args *[8]uintptr) uintptr {
	if word64 == 1 {
		n += 0x1000000
	} else {
		n = -n
	}
	r, _ := kernel8(n, args)
	return r
}

func machTrap0(n uintptr) uint32 { return uint32(machTrap(n, &[8]uintptr{})) }

// machSend sends the first size bytes of msg, and receives into msg if it
// names a port for the reply.
func machSend(msg *machMsg, size uintptr) uint32 {
	p := addr(unsafe.Pointer(msg))
	local := uintptr(msg.local)
	option := uintptr(machSendMsg)
	rcvSize := uintptr(0)
	if local != 0 {
		option |= machRcvMsg
		rcvSize = unsafe.Sizeof(*msg)
	}
	for {
		var kr uint32
		if word64 == 1 && darwinRelease() >= darwin13 {
			kind := uintptr(0)
			if option&machSendMsg != 0 {
				kind = uintptr(machSendKobject & uint64(^uintptr(0)))
			}
			const half = 32 * word64
			kr = uint32(machTrap(trap_mach_msg2_trap, &[8]uintptr{p, option | kind, uintptr(msg.bits) | size<<half,
				uintptr(msg.remote) | uintptr(msg.local)<<half, uintptr(uint32(msg.id)) << half, local << half, rcvSize, 0}))
		} else {
			kr = uint32(machTrap(trap_mach_msg_trap, &[8]uintptr{p, option, size, rcvSize, local}))
		}
		switch kr {
		case machSendInterrupted:
		case machRcvInterrupted: // it has been sent
			option = machRcvMsg
		default:
			return kr
		}
	}
}

// machCall sends a request of size bytes to a port, and receives the reply. The
// port for it is made for this call, since there is no place for one that
// belongs to the thread.
func machCall(msg *machMsg, port uintptr, id int32, size uintptr) uint32 {
	reply := machTrap0(trap_mach_reply_port)
	msg.bits = machMsgTypeCopySend | machMsgTypeMakeOnce<<8
	msg.size = uint32(size)
	msg.remote, msg.local, msg.id = uint32(port), reply, id
	msg.body[0], msg.body[1] = 0, 1 // the NDR record: little endian
	kr := machSend(msg, size)
	if kr == machKernSuccess && msg.id != id+100 {
		kr = uint32(migReplyMismatch & 0xffffffff)
	}

	// The kernel answers this one to nobody.
	var destroy machMsg
	destroy.bits, destroy.size = machMsgTypeCopySend, machHeaderSize+12
	destroy.remote, destroy.id = machTrap0(trap_task_self), migPortDestroy
	destroy.body[1], destroy.body[2] = 1, reply
	machSend(&destroy, machHeaderSize+12)
	keep(unsafe.Pointer(&destroy))
	return kr
}

func emulMachHostSelf(a *libcArgs) (r, errno uintptr) {
	return uintptr(machTrap0(trap_host_self)), 0
}

func emulMachTimebaseInfo(a *libcArgs) (r, errno uintptr) {
	return uintptr(uint32(machTrap(trap_mach_timebase_info, &[8]uintptr{a[0]}))), 0
}

// host_statistics(host, flavor, info, count) and host_statistics64: info has
// room for *count words, and *count is then how many there are.
func emulHostStatistics(a *libcArgs) (r, errno uintptr) {
	const most = 68 // host_info_t
	return hostStatistics(a, migHostStatistics, most), 0
}

func emulHostStatistics64(a *libcArgs) (r, errno uintptr) {
	const most = 256 // host_info64_t
	return hostStatistics(a, migHostStatistics64, most), 0
}

func hostStatistics(a *libcArgs, id int32, most uint32) uintptr {
	var msg machMsg
	count := (*uint32)(ptr(a[3]))
	msg.body[2], msg.body[3] = uint32(a[1]), min(*count, most)
	kr := machCall(&msg, a[0], id, machHeaderSize+16)
	if kr == machKernSuccess {
		kr = msg.body[2]
	}
	if n := msg.body[3]; kr == machKernSuccess && n > *count {
		kr = uint32(migTypeError & 0xffffffff)
	} else if kr == machKernSuccess {
		for i := uint32(0); i < n && i < most; i++ {
			*(*uint32)(ptr(a[2] + 4*uintptr(i))) = msg.body[4+i]
		}
		*count = n
	}
	keep(unsafe.Pointer(&msg))
	return uintptr(kr)
}

// host_processor_info(host, flavor, processors, info, count): the kernel maps
// the data, which the caller gives back by vm_deallocate.
func emulHostProcessorInfo(a *libcArgs) (r, errno uintptr) {
	var msg machMsg
	msg.body[2] = uint32(a[1])
	kr := machCall(&msg, a[0], migHostProcessorInfo, machHeaderSize+12)
	if kr == machKernSuccess && msg.bits&machMsgComplex == 0 {
		if kr = msg.body[2]; kr == machKernSuccess {
			kr = uint32(migTypeError & 0xffffffff)
		}
	} else if kr == machKernSuccess {
		// The number of descriptors, a descriptor of the data, which is
		// longer by a word where an address is, and the NDR record.
		const data, rest = 1, 4 + word64 + 2
		*(*uintptr)(ptr(a[3])) = *(*uintptr)(unsafe.Pointer(&msg.body[data]))
		*(*uint32)(ptr(a[2])) = msg.body[rest]
		*(*uint32)(ptr(a[4])) = msg.body[rest+1]
	}
	keep(unsafe.Pointer(&msg))
	return uintptr(kr), 0
}

// vm_deallocate(task, address, size) of this task: munmap of whole pages.
func emulVMDeallocate(a *libcArgs) (r, errno uintptr) {
	const pageMask = 4<<10 - 1
	if uint32(a[0]) != machTrap0(trap_task_self) {
		return machKernInvalidArg, 0
	}
	start, end := a[1]&^pageMask, (a[1]+a[2]+pageMask)&^pageMask
	if end < start {
		return machKernInvalidArg, 0
	}
	if end > start {
		if _, errno := kernel(sys_munmap, start, end-start, 0); errno != 0 {
			return machKernInvalidAddress, 0
		}
	}
	return machKernSuccess, 0
}

func emulMachTaskSelf(a *libcArgs) (r, errno uintptr) {
	return uintptr(machTrap0(trap_task_self)), 0
}

// host_page_size(host, size)
func emulHostPageSize(a *libcArgs) (r, errno uintptr) {
	*(*uintptr)(ptr(a[1])) = 4 << 10
	return machKernSuccess, 0
}
