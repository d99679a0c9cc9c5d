// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"syscall"

	"goxnu/misc/go_darwin_exec/mem"
)

// Requests to the host port: statistics of the machine
// (osfmk/kern/host.c:host_statistics, host_statistics64, host_processor_info).
// What Linux counts otherwise or not at all is 0.

// MIG ids (osfmk/mach/mach_host.defs; all releases).
const (
	migHostProcessorInfo = 204
	migHostStatistics    = 216
	migHostStatistics64  = 219
)

// Flavors (osfmk/mach/host_info.h, processor_info.h).
const (
	hostLoadInfo    = 1
	hostVMInfo      = 2
	hostCPULoadInfo = 3
	hostVMInfo64    = 4
	hostExtmodInfo  = 5 // from 1699 on
	hostExpiredTask = 6 // from 2422 on

	processorBasicInfo   = 1
	processorCPULoadInfo = 2

	loadScale = 1000
)

// Numbers of words of the answers.
const (
	vmInfoRev0, vmInfoRev1, vmInfoRev2 = 12, 14, 15
	vmInfo64Rev0, vmInfo64Rev1         = 24, 38 // the second from 2422 on
)

// migHost answers a request to the host port; nil if it is not implemented.
func (t *Thread) migHost(id int32, b []byte) []byte {
	switch id {
	case migHostStatistics, migHostStatistics64:
		if len(b) < 40 {
			return migError(id, kernInvalidArgument)
		}
		words, kr := t.hostStatistics(getUint32(b[32:]), getUint32(b[36:]), id == migHostStatistics64)
		if kr != kernSuccess {
			return migError(id, kr)
		}
		m := binary.LittleEndian.AppendUint32(migError(id, kernSuccess), uint32(len(words)))
		for _, w := range words {
			m = binary.LittleEndian.AppendUint32(m, w)
		}
		putUint32(m[4:], uint32(len(m)))
		return m
	case migHostProcessorInfo:
		if len(b) < 36 {
			return migError(id, kernInvalidArgument)
		}
		return t.hostProcessorInfo(id, getUint32(b[32:]))
	}
	return nil
}

// hostStatistics returns the words of a flavor of which the caller has room
// for count.
func (t *Thread) hostStatistics(flavor, count uint32, wide bool) ([]uint32, int32) {
	switch {
	case flavor == hostLoadInfo:
		if count < 6 {
			return nil, kernFailure
		}
		return hostLoads(), kernSuccess
	case flavor == hostCPULoadInfo:
		if count < 4 {
			return nil, kernFailure
		}
		all, _ := cpuTicks()
		return all[:], kernSuccess
	case flavor == hostVMInfo:
		if count < vmInfoRev0 {
			return nil, kernFailure
		}
		words := readVMStats().words()
		switch {
		case count < vmInfoRev1:
			return words[:vmInfoRev0], kernSuccess
		case count < vmInfoRev2:
			return words[:vmInfoRev1], kernSuccess
		}
		return words, kernSuccess
	case flavor == hostVMInfo64 && wide:
		if count < vmInfo64Rev0 {
			return nil, kernFailure
		}
		words := readVMStats().words64()
		if count < vmInfo64Rev1 || t.p.Release < XNU2422 {
			words = words[:vmInfo64Rev0]
		}
		return words, kernSuccess
	case flavor == hostExtmodInfo && wide && t.p.Release >= XNU1699, flavor == hostExpiredTask && t.p.Release >= XNU2422:
		warnf("host_statistics with flavor %d is not implemented: KERN_INVALID_ARGUMENT", flavor)
	}
	return nil, kernInvalidArgument
}

// hostLoads is struct host_load_info: the load averages, and the mach factors
// as the scheduler would see them under these loads
// (osfmk/kern/sched_average.c:compute_averages).
func hostLoads() []uint32 {
	var si syscall.Sysinfo_t
	syscall.Sysinfo(&si)
	words := make([]uint32, 6)
	_, each := cpuTicks()
	ncpu := uint64(len(each)) * loadScale
	for i, l := range si.Loads {
		load := uint64(l) * loadScale >> 16
		words[i] = uint32(load)
		if load >= ncpu {
			words[3+i] = uint32(ncpu * loadScale / (load + loadScale))
		} else {
			words[3+i] = uint32(ncpu - load)
		}
	}
	return words
}

// A ticksOf holds ticks of 10 ms: user, system, idle and nice, which XNU does
// not tell from user.
type ticksOf [4]uint32

// cpuTicks reads /proc/stat: the sum, and each processor's.
func cpuTicks() (all ticksOf, each []ticksOf) {
	for line := range bytes.Lines(readHostFile("/proc/stat")) {
		f := bytes.Fields(line)
		if len(f) < 8 || !bytes.HasPrefix(f[0], []byte("cpu")) {
			continue
		}
		n := func(i int) uint32 { // user, nice, system, idle, iowait, irq, softirq from 1 on
			v, _ := strconv.ParseUint(string(f[i]), 10, 64)
			return uint32(v)
		}
		ticks := ticksOf{n(1) + n(2), n(3) + n(6) + n(7), n(4) + n(5), 0}
		if len(f[0]) == len("cpu") {
			all = ticks
		} else {
			each = append(each, ticks)
		}
	}
	return all, each
}

// vmStats are numbers of pages.
type vmStats struct {
	free, active, inactive, wired          uint64
	reactivations, pageins, pageouts, flts uint64
	swapins, swapouts, external, internal  uint64
}

func readVMStats() *vmStats {
	m := hostNumbers("/proc/meminfo")
	v := hostNumbers("/proc/vmstat")
	pages := func(keys ...string) (n uint64) {
		for _, key := range keys {
			n += m[key] * 1024 / mem.PageSize
		}
		return n
	}
	return &vmStats{
		free: pages("MemFree"), active: pages("Active"), inactive: pages("Inactive"),
		wired:         pages("Slab", "KernelStack", "PageTables", "Unevictable"),
		reactivations: v["pgactivate"], pageins: v["pgpgin"] * 1024 / mem.PageSize, pageouts: v["pgpgout"] * 1024 / mem.PageSize,
		flts: v["pgfault"], swapins: v["pswpin"], swapouts: v["pswpout"],
		external: pages("Active(file)", "Inactive(file)"), internal: pages("Active(anon)", "Inactive(anon)"),
	}
}

// hostNumbers reads a file of lines "key number" or "key: number unit".
func hostNumbers(name string) map[string]uint64 {
	m := map[string]uint64{}
	for line := range bytes.Lines(readHostFile(name)) {
		if f := bytes.Fields(line); len(f) >= 2 {
			v, _ := strconv.ParseUint(string(f[1]), 10, 64)
			m[string(bytes.TrimSuffix(f[0], []byte(":")))] = v
		}
	}
	return m
}

// words is struct vm_statistics (osfmk/mach/vm_statistics.h).
func (v *vmStats) words() []uint32 {
	words := make([]uint32, 0, vmInfoRev2)
	for _, n := range [vmInfoRev2]uint64{v.free, v.active, v.inactive, v.wired, 0, v.reactivations, v.pageins, v.pageouts, v.flts} {
		words = append(words, uint32(min(n, math.MaxUint32)))
	}
	return words
}

// words64 is struct vm_statistics64 as it is from 2422 on.
func (v *vmStats) words64() []uint32 {
	var words []uint32
	put32 := func(list ...uint64) {
		for _, n := range list {
			words = append(words, uint32(n))
		}
	}
	put64 := func(list ...uint64) {
		for _, n := range list {
			words = append(words, uint32(n), uint32(n>>32))
		}
	}
	put32(v.free, v.active, v.inactive, v.wired)
	put64(0, v.reactivations, v.pageins, v.pageouts, v.flts, 0, 0, 0, 0)
	put32(0, 0) // purgeable, speculative
	put64(0, 0, v.swapins, v.swapouts)
	put32(0, 0, v.external, v.internal)
	put64(0)
	return words
}

// hostProcessorInfo answers with memory: an array for all processors. The
// descriptor of it is that of the guest's word size (osfmk/mach/message.h).
func (t *Thread) hostProcessorInfo(id int32, flavor uint32) []byte {
	_, each := cpuTicks()
	var data []byte
	for i, ticks := range each {
		switch flavor {
		case processorCPULoadInfo:
			for _, n := range ticks {
				data = binary.LittleEndian.AppendUint32(data, n)
			}
		case processorBasicInfo:
			const running = 1
			main := uint32(0)
			if i == 0 {
				main = 1
			}
			data = append(data, le32(cpuTypeI386, uint32(cpuSubtype(cpuOnce())), running, uint32(i), main)...)
		}
	}
	if len(data) == 0 {
		return migError(id, kernInvalidArgument)
	}
	addr, errno := t.p.Space.Map(mem.Mapping{Size: uint64(len(data)), Prot: mem.ProtRead | mem.ProtWrite, FD: -1})
	if errno != 0 {
		return migError(id, kernResourceShortage)
	}
	copyoutBytes(addr, data)

	const virtualCopy, oolDescriptor = 1, 1
	var desc []byte
	if t.abi() == abi64 {
		desc = make([]byte, 16)
		putUint64(desc, addr)
		desc[9], desc[11] = virtualCopy, oolDescriptor
		putUint32(desc[12:], uint32(len(data)))
	} else {
		desc = make([]byte, 12)
		putUint32(desc, uint32(addr))
		putUint32(desc[4:], uint32(len(data)))
		desc[9], desc[11] = virtualCopy, oolDescriptor
	}
	m := migHeader(id, msgComplex, 28)
	putUint32(m[24:], 1)
	m = append(m, desc...)
	m = append(m, 0, 0, 0, 0, 1, 0, 0, 0) // the NDR record
	m = append(m, le32(uint32(len(each)), uint32(len(data)/4))...)
	putUint32(m[4:], uint32(len(m)))
	return m
}
