// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"sync"
	"syscall"
)

func init() { sysctlTables = append(sysctlTables, kernSysctls, vmSysctls) }

// A system is the system that an XNU branch was the kernel of, in the last
// point release of the branch that was read (xnu-abi, section 0).
type system struct {
	darwin  string // kern.osrelease
	xnu     string
	product string // kern.osproductversion
	build   string // kern.osversion
}

var systems = map[Release]system{
	XNU1504:  {"10.8.0", "1504.15.3", "10.6.8", "10K549"},
	XNU1699:  {"11.4.2", "1699.32.7", "10.7.5", "11G63"},
	XNU2050:  {"12.5.0", "2050.48.11", "10.8.5", "12F45"},
	XNU2422:  {"13.4.0", "2422.115.4", "10.9.5", "13F34"},
	XNU2782:  {"14.5.0", "2782.40.9", "10.10.5", "14F27"},
	XNU3248:  {"15.6.0", "3248.60.10", "10.11.6", "15G31"},
	XNU3789:  {"16.7.0", "3789.70.16", "10.12.6", "16G29"},
	XNU4570:  {"17.7.0", "4570.71.2", "10.13.6", "17G65"},
	XNU4903:  {"18.7.0", "4903.270.47", "10.14.6", "18G84"},
	XNU6153:  {"19.6.0", "6153.141.1", "10.15.6", "19G73"},
	XNU7195:  {"20.6.0", "7195.141.2", "11.5", "20G71"},
	XNU8019:  {"21.3.0", "8019.80.24", "12.2", "21D49"},
	XNU8020:  {"21.6.0", "8020.140.41", "12.5", "21G72"},
	XNU8792:  {"22.3.0", "8792.81.2", "13.2", "22D49"},
	XNU10002: {"23.3.0", "10002.81.5", "14.3", "23D56"},
	XNU11215: {"24.3.0", "11215.81.4", "15.3", "24D60"},
}

// kernVersion is the text of kern.version. It does not claim a date.
func (s system) kernVersion() string {
	return "Darwin Kernel Version " + s.darwin + ": go_darwin_exec on Linux; root:xnu-" + s.xnu + "/RELEASE_X86_64"
}

func ofSystem(f func(system) string) func(*Thread, []int32) sysctlValue {
	return func(t *Thread, _ []int32) sysctlValue { return text(f(systems[t.p.Release])) }
}

// kernSysctls is CTL_KERN. Numbers without a name in XNU's headers are dynamic
// (OID_AUTO). Sizes and limits are those of a stock system
// (xnu-11417 bsd/conf/param.c, bsd/sys/param.h).
var kernSysctls = []sysctl{
	{"kern.ostype", []int32{ctlKern, 1}, sysctlString, 0, 0, constantText("Darwin")},
	{"kern.osrelease", []int32{ctlKern, 2}, sysctlString, 0, 0, ofSystem(func(s system) string { return s.darwin })},
	{"kern.osrevision", []int32{ctlKern, 3}, sysctlInt, 0, 0, constant(199506)},
	{"kern.version", []int32{ctlKern, 4}, sysctlString, 0, 0, ofSystem(system.kernVersion)},
	{"kern.maxvnodes", []int32{ctlKern, 5}, sysctlInt, 0, 0, constant(263168)},
	{"kern.maxproc", []int32{ctlKern, 6}, sysctlInt, 0, 0, constant(maxproc)},
	{"kern.maxfiles", []int32{ctlKern, 7}, sysctlInt, 0, 0, constant(maxfiles)},
	{"kern.argmax", []int32{ctlKern, 8}, sysctlInt, 0, 0, func(t *Thread, _ []int32) sysctlValue {
		return number(argMax(t.p.Release))
	}},
	{"kern.securelevel", []int32{ctlKern, 9}, sysctlInt, 0, 0, constant(0)},
	{"kern.hostname", []int32{ctlKern, 10}, sysctlString, 0, 0, kernHostname},
	{"kern.hostid", []int32{ctlKern, 11}, sysctlInt, 0, 0, constant(0)},
	{"kern.clockrate", []int32{ctlKern, 12}, sysctlStruct, 0, 0, func(*Thread, []int32) sysctlValue {
		return opaque(le32(100, 10000, 0, 100, 100)) // hz, tick, tickadj, stathz, profhz
	}},
	{"kern.posix1version", []int32{ctlKern, 17}, sysctlInt, 0, 0, constant(200112)},
	{"kern.ngroups", []int32{ctlKern, 18}, sysctlInt, 0, 0, constant(ngroups)},
	{"kern.job_control", []int32{ctlKern, 19}, sysctlInt, 0, 0, constant(1)},
	{"kern.saved_ids", []int32{ctlKern, 20}, sysctlInt, 0, 0, constant(1)},
	{"kern.boottime", []int32{ctlKern, 21}, sysctlStruct, 0, 0, kernBoottime},
	{"kern.nisdomainname", []int32{ctlKern, 22}, sysctlString, 0, 0, constantText("")},
	{"kern.maxfilesperproc", []int32{ctlKern, 29}, sysctlInt, 0, 0, func(*Thread, []int32) sysctlValue {
		return number(int64(maxfilesperproc()))
	}},
	{"kern.maxprocperuid", []int32{ctlKern, 30}, sysctlInt, 0, 0, constant(maxprocperuid)},
	{"kern.usrstack", []int32{ctlKern, 35}, sysctlInt, 0, 0, func(t *Thread, _ []int32) sysctlValue {
		return number(int64(int32(t.p.stackTop())))
	}},
	{"kern.netboot", []int32{ctlKern, 40}, sysctlInt, 0, 0, constant(0)},
	{"kern.aiomax", []int32{ctlKern, 46}, sysctlInt, 0, 0, constant(90)},
	{"kern.aioprocmax", []int32{ctlKern, 47}, sysctlInt, 0, 0, constant(16)},
	{"kern.aiothreads", []int32{ctlKern, 48}, sysctlInt, 0, 0, constant(4)},
	{"kern.corefile", []int32{ctlKern, 50}, sysctlString, 0, 0, constantText("/cores/core.%P")},
	{"kern.coredump", []int32{ctlKern, 51}, sysctlInt, 0, 0, constant(1)},
	{"kern.sugid_coredump", []int32{ctlKern, 52}, sysctlInt, 0, 0, constant(0)},
	{"kern.usrstack64", []int32{ctlKern, 59}, sysctlQuad, 0, 0, func(t *Thread, _ []int32) sysctlValue {
		return number(int64(t.p.stackTop()))
	}},
	{"kern.nx", []int32{ctlKern, 60}, sysctlInt, 0, 0, constant(1)},
	{"kern.osversion", []int32{ctlKern, 65}, sysctlString, 0, 0, ofSystem(func(s system) string { return s.build })},
	{"kern.safeboot", []int32{ctlKern, 66}, sysctlInt, 0, 0, constant(0)},
	{"kern.osproductversion", []int32{ctlKern, oidAuto}, sysctlString, XNU4570, 0, ofSystem(func(s system) string { return s.product })},
	{"kern.iossupportversion", []int32{ctlKern, oidAuto}, sysctlString, XNU6153, 0, constantText("")},
	{"kern.osreleasetype", []int32{ctlKern, oidAuto}, sysctlString, XNU7195, 0, constantText("User")},
	{"kern.hv_vmm_present", []int32{ctlKern, oidAuto}, sysctlInt, XNU7195, 0, constant(0)},
	{"kern.bootsessionuuid", []int32{ctlKern, oidAuto}, sysctlString, XNU2422, 0, func(*Thread, []int32) sysctlValue {
		id := bytes.TrimSpace(readHostFile("/proc/sys/kernel/random/boot_id"))
		return text(string(bytes.ToUpper(id)))
	}},
	{"kern.singleuser", []int32{ctlKern, oidAuto}, sysctlInt, XNU3248, 0, constant(0)},

	{"kern.proc.all", []int32{ctlKern, 14, 0}, sysctlNode, 0, 0, kernProc(kernProcAll)},
	{"kern.proc.pid", []int32{ctlKern, 14, 1}, sysctlNode, 0, 0, kernProc(kernProcPid)},
	{"kern.proc.pgrp", []int32{ctlKern, 14, 2}, sysctlNode, 0, 0, kernProc(kernProcPgrp)},
	{"kern.proc.tty", []int32{ctlKern, 14, 4}, sysctlNode, 0, 0, kernProc(kernProcTty)},
	{"kern.proc.uid", []int32{ctlKern, 14, 5}, sysctlNode, 0, 0, kernProc(kernProcUid)},
	{"kern.proc.ruid", []int32{ctlKern, 14, 6}, sysctlNode, 0, 0, kernProc(kernProcRuid)},
	{"kern.procargs2", []int32{ctlKern, 49}, sysctlNode, 0, 0, kernProcargs2},

	{"net.routetable", []int32{ctlNet, 17}, sysctlNode, 0, 0, func(t *Thread, arg []int32) sysctlValue {
		if routeSysctl == nil {
			return sysctlErr(ENOENT)
		}
		b, e := routeSysctl(t, arg)
		return sysctlValue{data: b, err: e}
	}},
}

// vmSysctls is CTL_VM.
var vmSysctls = []sysctl{
	{"vm.loadavg", []int32{ctlVM, 2}, sysctlStruct, 0, 0, vmLoadavg},
	{"vm.swapusage", []int32{ctlVM, 5}, sysctlStruct, 0, 0, vmSwapusage},
}

// maxproc is NPROC, before the boot scales it by memory; maxprocperuid is a
// user's part.
const (
	maxproc       = 1000
	maxprocperuid = maxproc * 2 / 3
)

// argMax is ARG_MAX (xnu bsd/sys/syslimits.h).
func argMax(r Release) int64 {
	if r >= XNU7195 {
		return 1 << 20
	}
	return 256 << 10
}

func le32(v ...uint32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return b
}

func cstring(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

func kernHostname(t *Thread, _ []int32) sysctlValue {
	return text(string(bytes.TrimSpace(readHostFile("/proc/sys/kernel/hostname"))))
}

// bootTime is the time of the host's boot in microseconds.
func (t *Thread) bootTime() uint64 {
	s, ns := t.hostClock(linuxClockRealtime)
	bs, bns := t.hostClock(linuxClockBoottime)
	return (s*1e9 + ns - bs*1e9 - bns) / 1000
}

// boot is bootTime as it was first computed: kern.boottime must not jitter.
var boot struct {
	once sync.Once
	us   uint64
}

func kernBoottime(t *Thread, _ []int32) sysctlValue {
	boot.once.Do(func() { boot.us = t.bootTime() })
	us := boot.us
	b := make([]byte, 16)
	return opaque(b[:putTimeval(b, t.abi(), us/1e6, us%1e6)])
}

// stackTop is the address above the first thread's stack
// (xnu-11417 bsd/i386/vmparam.h).
func (p *Proc) stackTop() uint64 {
	switch {
	case p.abi == abi32:
		return 0xc0000000
	case p.Release >= XNU8019:
		return 0x7ff7bff00000
	case p.Release >= XNU4570:
		return 0x7ffeefc00000
	}
	return 0x7fff5fc00000
}

// vmLoadavg is struct loadavg: three 32-bit numbers in units of fscale, a long
// (xnu-11417 bsd/sys/resource.h).
func vmLoadavg(t *Thread, _ []int32) sysctlValue {
	const fscale = 2048
	var si syscall.Sysinfo_t
	if syscall.Sysinfo(&si) != nil {
		return sysctlErr(EIO)
	}
	var b []byte
	for _, l := range si.Loads {
		b = binary.LittleEndian.AppendUint32(b, uint32(l*fscale>>16))
	}
	if t.abi() == abi64 {
		b = append(b, 0, 0, 0, 0)
		return opaque(binary.LittleEndian.AppendUint64(b, fscale))
	}
	return opaque(binary.LittleEndian.AppendUint32(b, fscale))
}

// vmSwapusage is struct xsw_usage: total, avail, used, 8 bytes each, page size
// and a flag for encryption (xnu-11417 bsd/sys/sysctl.h).
func vmSwapusage(t *Thread, _ []int32) sysctlValue {
	var si syscall.Sysinfo_t
	if syscall.Sysinfo(&si) != nil {
		return sysctlErr(EIO)
	}
	unit := uint64(si.Unit)
	var b []byte
	for _, v := range [...]uint64{si.Totalswap, si.Freeswap, si.Totalswap - si.Freeswap} {
		b = binary.LittleEndian.AppendUint64(b, v*unit)
	}
	return opaque(append(b, le32(4096, 0)...))
}

// The kinds of kern.proc.
const (
	kernProcAll  = 0
	kernProcPid  = 1
	kernProcPgrp = 2
	kernProcTty  = 4
	kernProcUid  = 5
	kernProcRuid = 6
)

// kernProc lists processes of the host: an array of struct kinfo_proc
// (xnu-11215 bsd/kern/kern_sysctl.c:sysctl_prochandle).
func kernProc(kind int) func(*Thread, []int32) sysctlValue {
	return func(t *Thread, arg []int32) sysctlValue {
		if kind == kernProcAll && len(arg) > 1 || kind != kernProcAll && len(arg) != 1 {
			return sysctlErr(EINVAL)
		}
		pids := []int{}
		if kind == kernProcPid {
			pids = append(pids, int(arg[0]))
		} else {
			pids = hostPids()
		}
		val := sysctlValue{record: kinfoProcSize[t.abi()]}
		for _, pid := range pids {
			pi, ok := t.procInfo(pid)
			if !ok {
				continue
			}
			var show bool
			switch kind {
			case kernProcAll, kernProcPid:
				show = true
			case kernProcPgrp:
				show = pi.pgid == arg[0]
			case kernProcTty:
				show = pi.tty == uint32(arg[0])
			case kernProcUid:
				show = pi.uid == uint32(arg[0])
			case kernProcRuid:
				show = pi.ruid == uint32(arg[0])
			}
			if show {
				val.data = append(val.data, pi.kinfo(t.abi())...)
			}
		}
		return val
	}
}

// kernProcargs2 is the argument area of a process: argc, the path of the
// executable, zeros up to a word, the arguments and the environment. The
// environment of others is left out where the host does not show it
// (xnu-11215 bsd/kern/kern_sysctl.c:sysctl_procargsx).
func kernProcargs2(t *Thread, arg []int32) sysctlValue {
	if len(arg) != 1 {
		return sysctlErr(EINVAL)
	}
	pid := int(arg[0])
	var path string
	var argv, env []string
	if pid == syscall.Getpid() {
		path, argv, env = t.p.cfg.Path, t.p.cfg.Args, t.p.cfg.Env
	} else {
		dir := "/proc/" + strconv.Itoa(pid) + "/"
		cmdline := readHostFile(dir + "cmdline")
		if len(cmdline) == 0 {
			return sysctlErr(EINVAL)
		}
		path = hostLink(dir + "exe")
		argv = splitZero(cmdline)
		env = splitZero(readHostFile(dir + "environ"))
	}
	b := le32(uint32(len(argv)))
	b = append(append(b, path...), 0)
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	for _, list := range [][]string{argv, env} {
		for _, s := range list {
			b = append(append(b, s...), 0)
		}
	}
	return sysctlValue{data: b, cut: true}
}

func splitZero(b []byte) []string {
	var out []string
	for len(b) > 0 {
		s := cstring(b)
		out = append(out, s)
		b = b[min(len(s)+1, len(b)):]
	}
	return out
}

// hostLink reads a symbolic link of the host's.
func hostLink(name string) string {
	b := make([]byte, 4096)
	n, err := syscall.Readlink(name, b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}
