// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"goxnu/misc/go_darwin_exec/mem"
)

// A procInfo is what the host's /proc reports about a process.
type procInfo struct {
	pid, ppid, pgid, sid int32
	tty                  uint32 // guest's dev_t; ^0: none
	tpgid                int32
	state                byte
	comm                 string
	nice                 int32
	uid, ruid, svuid     uint32
	gid, rgid, svgid     uint32
	start                uint64 // µs since the epoch
	utime, stime         uint64 // ns
	cutime, cstime       uint64 // of children that were waited for
	vsize, rss           uint64
	minflt, majflt, csw  uint64
	cmajflt              uint64
	groups               []uint32
	nfiles               int
}

// maxcomlen is MAXCOMLEN (xnu-11417 bsd/sys/param.h).
const maxcomlen = 16

// hostTick is the length of the host's USER_HZ clock tick in ns.
const hostTick = 1e7

// procInfo reads /proc/PID/stat and status.
func (t *Thread) procInfo(pid int) (pi procInfo, ok bool) {
	dir := "/proc/" + strconv.Itoa(pid) + "/"
	stat := string(readHostFile(dir + "stat"))
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return pi, false
	}
	pi.comm = stat[open+1 : end]
	f := strings.Fields(stat[end+1:]) // from field 3 on
	if len(f) < 22 || len(f[0]) != 1 {
		return pi, false
	}
	field := func(n int) int64 { // as proc(5) counts
		v, _ := strconv.ParseInt(f[n-3], 10, 64)
		return v
	}
	pi.pid = int32(pid)
	pi.state = f[0][0]
	pi.ppid, pi.pgid, pi.sid = int32(field(4)), int32(field(5)), int32(field(6))
	pi.tty, pi.tpgid = ^uint32(0), int32(field(8))
	if dev := uint32(field(7)); dev != 0 {
		pi.tty = guestDev(dev>>8&0xfff, dev&0xff|dev>>12&0xfff00)
	}
	pi.minflt, pi.majflt = uint64(field(10)), uint64(field(12))
	pi.utime, pi.stime = uint64(field(14))*hostTick, uint64(field(15))*hostTick
	pi.cutime, pi.cstime, pi.cmajflt = uint64(field(16))*hostTick, uint64(field(17))*hostTick, uint64(field(13))
	pi.nice = int32(field(19))
	pi.start = t.bootTime() + uint64(field(22))*hostTick/1000
	pi.vsize, pi.rss = uint64(field(23)), uint64(field(24))*mem.PageSize
	for line := range bytes.Lines(readHostFile(dir + "status")) {
		key, val, _ := strings.Cut(string(line), ":")
		var n []uint32
		for s := range strings.FieldsSeq(val) {
			v, _ := strconv.ParseUint(s, 10, 32)
			n = append(n, uint32(v))
		}
		switch {
		case key == "Uid" && len(n) >= 3:
			pi.ruid, pi.uid, pi.svuid = n[0], n[1], n[2]
		case key == "Gid" && len(n) >= 3:
			pi.rgid, pi.gid, pi.svgid = n[0], n[1], n[2]
		case key == "Groups":
			pi.groups = n[:min(len(n), ngroups)]
		case key == "FDSize" && len(n) == 1:
			pi.nfiles = int(n[0])
		case key == "voluntary_ctxt_switches" && len(n) == 1, key == "nonvoluntary_ctxt_switches" && len(n) == 1:
			pi.csw += uint64(n[0])
		}
	}
	if pid == syscall.Getpid() {
		pi.comm = filepath.Base(t.p.cfg.Path)
	}
	if len(pi.comm) > maxcomlen {
		pi.comm = pi.comm[:maxcomlen]
	}
	return pi, true
}

// status is p_stat (xnu-11417 bsd/sys/proc.h): SRUN 2, SSTOP 4, SZOMB 5. XNU
// shows a process that sleeps as running, too.
func (pi *procInfo) status() byte {
	switch pi.state {
	case 'T', 't':
		return 4
	case 'Z', 'X':
		return 5
	}
	return 2
}

// hostPids lists the processes of the host.
func hostPids() []int {
	fd, err := syscall.Open("/proc", syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	var pids []int
	buf := make([]byte, 16384)
	for {
		n, err := syscall.ReadDirent(fd, buf)
		if n <= 0 || err != nil {
			return pids
		}
		_, _, names := syscall.ParseDirent(buf[:n], -1, nil)
		for _, s := range names {
			if pid, err := strconv.Atoi(s); err == nil {
				pids = append(pids, pid)
			}
		}
	}
}

// kinfoProcSize is the size of struct kinfo_proc: struct extern_proc and struct
// eproc (xnu-11417 bsd/sys/sysctl.h, bsd/sys/proc.h).
var kinfoProcSize = [...]int{abi64: 648, abi32: 492}

// A kinfoLayout says where the fields of struct kinfo_proc lie that are filled.
type kinfoLayout struct {
	flag, stat, pid, nice, comm                    int
	ruid, svuid, rgid, svgid, uid, ngroups, groups int
	ppid, pgid, tdev, tpgid, eflag, login          int
}

var kinfoLayouts = [...]kinfoLayout{
	abi64: {32, 36, 40, 242, 243, 392, 396, 400, 404, 420, 424, 428, 560, 564, 572, 576, 612, 616},
	abi32: {16, 20, 24, 162, 163, 280, 284, 288, 292, 304, 308, 312, 416, 420, 428, 432, 460, 464},
}

// kinfo is the process as kern.proc shows it.
func (pi *procInfo) kinfo(abi abi) []byte {
	b, l := make([]byte, kinfoProcSize[abi]), &kinfoLayouts[abi]
	putTimeval(b, abi, pi.start/1e6, pi.start%1e6)
	flag := uint32(0x4000) // P_EXEC
	if abi == abi64 {
		flag |= 4 // P_LP64
	}
	if pi.tty != ^uint32(0) {
		flag |= 2 // P_CONTROLT
	}
	putUint32(b[l.flag:], flag)
	b[l.stat] = pi.status()
	putUint32(b[l.pid:], uint32(pi.pid))
	b[l.nice] = byte(pi.nice)
	copy(b[l.comm:l.comm+maxcomlen], pi.comm)
	for _, f := range [...]struct {
		at int
		v  uint32
	}{
		{l.ruid, pi.ruid}, {l.svuid, pi.svuid}, {l.rgid, pi.rgid}, {l.svgid, pi.svgid}, {l.uid, pi.uid},
		{l.ppid, uint32(pi.ppid)}, {l.pgid, uint32(pi.pgid)}, {l.tdev, pi.tty}, {l.tpgid, uint32(pi.tpgid)},
	} {
		putUint32(b[f.at:], f.v)
	}
	groups := append([]uint32{pi.gid}, pi.groups...)
	groups = groups[:min(len(groups), ngroups)]
	putUint16(b[l.ngroups:], uint16(len(groups)))
	for i, g := range groups {
		putUint32(b[l.groups+4*i:], g)
	}
	if pi.sid == pi.pid {
		putUint32(b[l.eflag:], 2) // EPROC_SLEADER
	}
	return b
}

// Calls of proc_info and flavors of PIDINFO
// (xnu-11215 bsd/sys/proc_info.h, proc_info_private.h).
const (
	procInfoListpids   = 1
	procInfoPidinfo    = 2
	procInfoPidfdinfo  = 3
	procInfoSetcontrol = 5
	procInfoPidrusage  = 9 // from 2422 on

	procPidlistfds        = 1
	procPidtaskallinfo    = 2
	procPidtbsdinfo       = 3
	procPidtaskinfo       = 4
	procPidregioninfo     = 7
	procPidregionpathinfo = 8
	procPidvnodepathinfo  = 9
	procPidpathinfo       = 11
	procPidtShortbsdinfo  = 13

	procBsdinfoSize            = 136
	procTaskinfoSize           = 96
	procBsdshortinfoSize       = 64
	procRegioninfoSize         = 96
	vnodeInfoPathSize          = 1176
	procRegionwithpathinfoSize = procRegioninfoSize + vnodeInfoPathSize
	procVnodepathinfoSize      = 2 * vnodeInfoPathSize

	procPidfdvnodeinfo     = 1
	procPidfdvnodepathinfo = 2
	procFileinfoSize       = 24
	vnodeInfoSize          = 152
)

// sysProcInfo is xnu-11215 bsd/kern/proc_info.c:proc_info_internal. The result
// is the number of bytes written. What is not listed is EINVAL, and named on
// stderr.
func sysProcInfo(t *Thread, a *args) (uint64, Errno) {
	call, pid, flavor, arg, buf, size := int32(a[0]), int(int32(a[1])), uint32(a[2]), a[3], a[4], uint32(a[5])
	switch call {
	case procInfoListpids:
		return t.procListpids(uint32(pid), flavor, buf, size)
	case procInfoPidinfo:
		return t.procPidinfo(pid, flavor, arg, buf, size)
	case procInfoPidfdinfo:
		return t.procPidfdinfo(pid, flavor, int32(arg), buf, size)
	case procInfoPidrusage:
		if t.p.Release >= XNU2422 {
			return t.procPidRusage(pid, flavor, buf)
		}
		return 0, EINVAL
	case procInfoSetcontrol:
		if flavor == 2 { // PROC_SELFSET_THREADNAME
			b := make([]byte, min(size, 64))
			if e := copyinBytes(b, buf); e != 0 {
				return 0, e
			}
			b = append(b, 0)
			host(syscall.SYS_PRCTL, syscall.PR_SET_NAME, hostBuf(&b[0]), 0, 0, 0, 0)
			return 0, 0
		}
	}
	if call >= 1 && call <= procInfoCallMax {
		procInfoLacks(call, flavor)
	}
	return 0, EINVAL
}

// The highest numbers that XNU knows.
const (
	procInfoCallMax   = 0xf
	procPidFlavorMax  = 34
	procInfoWordsSize = (procInfoCallMax + 1) * (procPidFlavorMax + 1)
)

var procInfoOnce [procInfoWordsSize]atomic.Bool

// procInfoLacks names what XNU would have answered and the runner does not,
// once each.
func procInfoLacks(call int32, flavor uint32) {
	f := min(flavor, procPidFlavorMax)
	if !procInfoOnce[uint32(call)*(procPidFlavorMax+1)+f].Swap(true) {
		warnf("proc_info call %d, flavor %d is not implemented: EINVAL", call, flavor)
	}
}

// procListpids: PROC_ALL_PIDS 1, PGRP 2, TTY 3, UID 4, RUID 5, PPID 6.
func (t *Thread) procListpids(kind, arg uint32, buf uint64, size uint32) (uint64, Errno) {
	pids := hostPids()
	if buf == 0 {
		return uint64(len(pids)+20) * 4, 0
	}
	if size < 4 {
		return 0, ENOMEM
	}
	var b []byte
	for _, pid := range pids {
		show := kind == 1
		if !show {
			pi, ok := t.procInfo(pid)
			if !ok {
				continue
			}
			switch kind {
			case 2:
				show = uint32(pi.pgid) == arg
			case 3:
				show = pi.tty == arg
			case 4:
				show = pi.uid == arg
			case 5:
				show = pi.ruid == arg
			case 6:
				show = uint32(pi.ppid) == arg
			default:
				return 0, EINVAL
			}
		}
		if show && uint32(len(b))+4 <= size {
			b = binary.LittleEndian.AppendUint32(b, uint32(pid))
		}
	}
	return uint64(len(b)), copyoutBytes(buf, b)
}

func (t *Thread) procPidinfo(pid int, flavor uint32, arg, buf uint64, size uint32) (uint64, Errno) {
	least := map[uint32]uint32{
		procPidlistfds:        8,
		procPidtaskallinfo:    procBsdinfoSize + procTaskinfoSize,
		procPidtbsdinfo:       procBsdinfoSize,
		procPidtaskinfo:       procTaskinfoSize,
		procPidregioninfo:     procRegioninfoSize,
		procPidregionpathinfo: procRegionwithpathinfoSize,
		procPidvnodepathinfo:  procVnodepathinfoSize,
		procPidpathinfo:       pathMax,
		procPidtShortbsdinfo:  procBsdshortinfoSize,
	}
	n, known := least[flavor]
	if !known {
		if flavor >= 1 && flavor <= procPidFlavorMax {
			procInfoLacks(procInfoPidinfo, flavor)
		}
		return 0, EINVAL
	}
	if flavor == procPidlistfds && buf == 0 {
		n = 0
	}
	if size < n {
		return 0, ENOMEM
	}
	pi, ok := t.procInfo(pid)
	if !ok {
		return 0, ESRCH
	}
	self := pid == syscall.Getpid()
	var b []byte
	var e Errno
	switch flavor {
	case procPidlistfds:
		if !self {
			return 0, EPERM
		}
		return t.procFds(buf, size)
	case procPidtaskallinfo:
		b = append(pi.bsdinfo(), t.taskinfo(&pi)...)
	case procPidtbsdinfo:
		b = pi.bsdinfo()
	case procPidtaskinfo:
		b = t.taskinfo(&pi)
	case procPidtShortbsdinfo:
		b = pi.bsdshortinfo()
	case procPidpathinfo:
		path := hostLink("/proc/" + strconv.Itoa(pid) + "/exe")
		if self {
			path = t.p.execPath()
		}
		if path == "" || len(path) >= pathMax {
			return 0, ESRCH
		}
		return 0, copyoutBytes(buf, append([]byte(path), 0))
	case procPidregioninfo, procPidregionpathinfo:
		if !self {
			return 0, EPERM
		}
		b, e = t.regionInfo(arg)
		if e == 0 && flavor == procPidregioninfo {
			b = b[:procRegioninfoSize]
		}
	case procPidvnodepathinfo:
		b = append(t.vnodeInfoPath(hostLink("/proc/"+strconv.Itoa(pid)+"/cwd")), make([]byte, vnodeInfoPathSize)...)
	}
	if e != 0 {
		return 0, e
	}
	return uint64(len(b)), copyoutBytes(buf, b)
}

// execPath is the absolute name of the guest's executable.
func (p *Proc) execPath() string {
	path, err := filepath.EvalSymlinks(p.cfg.Path)
	if err != nil {
		path = p.cfg.Path
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return path
}

// bsdinfo is struct proc_bsdinfo.
func (pi *procInfo) bsdinfo() []byte {
	b := make([]byte, procBsdinfoSize)
	const lp64 = 0x10
	for i, v := range [...]uint32{
		lp64 | 0x4000, uint32(pi.status()), 0, uint32(pi.pid), uint32(pi.ppid), // flags: PROC_FLAG_EXEC
		pi.uid, pi.gid, pi.ruid, pi.rgid, pi.svuid, pi.svgid,
	} {
		putUint32(b[4*i:], v)
	}
	copy(b[48:48+maxcomlen-1], pi.comm)
	copy(b[64:64+2*maxcomlen-1], pi.comm)
	for i, v := range [...]uint32{uint32(pi.nfiles), uint32(pi.pgid), 0, pi.tty, uint32(pi.tpgid), uint32(pi.nice)} {
		putUint32(b[96+4*i:], v)
	}
	putUint64(b[120:], pi.start/1e6)
	putUint64(b[128:], pi.start%1e6)
	return b
}

// bsdshortinfo is struct proc_bsdshortinfo.
func (pi *procInfo) bsdshortinfo() []byte {
	b := make([]byte, procBsdshortinfoSize)
	for i, v := range [...]uint32{uint32(pi.pid), uint32(pi.ppid), uint32(pi.pgid), uint32(pi.status())} {
		putUint32(b[4*i:], v)
	}
	copy(b[16:16+maxcomlen-1], pi.comm)
	for i, v := range [...]uint32{0x10 | 0x4000, pi.uid, pi.gid, pi.ruid, pi.rgid, pi.svuid, pi.svgid} {
		putUint32(b[32+4*i:], v)
	}
	return b
}

// countThreads returns the numbers of a process's threads and of those that
// run or want to. Of another runner's process they are the host's: exact for the
// child of a fork, which has one thread.
func (t *Thread) countThreads(pi *procInfo) (all, running uint32) {
	p := t.p
	if int(pi.pid) == syscall.Getpid() {
		p.lock()
		defer p.unlock()
		for _, x := range p.threads {
			all++
			if !x.cpu.InBlocking() {
				running++
			}
		}
		return
	}
	dir := "/proc/" + strconv.Itoa(int(pi.pid)) + "/task/"
	tasks, _ := os.ReadDir(dir)
	for _, task := range tasks {
		_, stat, _ := bytes.Cut(readHostFile(dir+task.Name()+"/stat"), []byte(") "))
		all++
		if len(stat) > 0 && (stat[0] == 'R' || stat[0] == 'D') {
			running++
		}
	}
	return
}

// taskinfo is struct proc_taskinfo; times in ns, as the timebase is 1/1
// (xnu-11417 osfmk/kern/bsd_kern.c:fill_taskprocinfo).
func (t *Thread) taskinfo(pi *procInfo) []byte {
	b := make([]byte, procTaskinfoSize)
	threads, running := t.countThreads(pi)
	for i, v := range [...]uint64{pi.vsize, pi.rss, pi.utime, pi.stime, pi.utime, pi.stime} {
		putUint64(b[8*i:], v)
	}
	const policyTimeshare = 1
	clamp := func(v uint64) uint32 { return uint32(min(v, math.MaxInt32)) }
	for i, v := range [...]uint32{
		policyTimeshare, clamp(pi.minflt + pi.majflt), clamp(pi.majflt), 0, 0, 0, 0, 0,
		clamp(pi.csw), threads, running, 31,
	} {
		putUint32(b[48+4*i:], v)
	}
	return b
}

// procFds lists the descriptors: struct proc_fdinfo is the number and a type,
// VNODE 1, SOCKET 2, KQUEUE 5, PIPE 6 (xnu-11417 bsd/sys/proc_info.h).
func (t *Thread) procFds(buf uint64, size uint32) (uint64, Errno) {
	var b []byte
	for fd := int32(0); fd < hiddenFDBase && uint64(fd) < nofile(); fd++ {
		if uint32(len(b))+8 > size && buf != 0 {
			break
		}
		st, e := t.fstatx(fd)
		if e != 0 {
			continue
		}
		typ := uint32(1)
		switch {
		case fdBitsOf(fd)&fdKqueue != 0:
			typ = 5
		case st.mode()&syscall.S_IFMT == syscall.S_IFSOCK:
			typ = 2
		case st.mode()&syscall.S_IFMT == syscall.S_IFIFO:
			typ = 6
		}
		b = append(b, le32(uint32(fd), typ)...)
	}
	if buf == 0 {
		return uint64(len(b) + 20*8), 0
	}
	return uint64(len(b)), copyoutBytes(buf, b)
}

// procPidfdinfo describes an open file: struct vnode_fdinfo or
// vnode_fdinfowithpath. What is no vnode is EBADF, ENOTSUP up to 10.15
// (xnu-6153 bsd/kern/kern_descrip.c:fp_getfvpandvid, xnu-7195
// bsd/kern/proc_info.c:proc_pidfdinfo).
func (t *Thread) procPidfdinfo(pid int, flavor uint32, fd int32, buf uint64, size uint32) (uint64, Errno) {
	n := uint32(procFileinfoSize + vnodeInfoSize)
	switch flavor {
	case procPidfdvnodeinfo:
	case procPidfdvnodepathinfo:
		n = procFileinfoSize + vnodeInfoPathSize
	default:
		if flavor >= 1 && flavor <= procPidFlavorMax {
			procInfoLacks(procInfoPidfdinfo, flavor)
		}
		return 0, EINVAL
	}
	if size < n {
		return 0, ENOMEM
	}
	if _, ok := t.procInfo(pid); !ok {
		return 0, ESRCH
	}
	if pid != syscall.Getpid() {
		return 0, EPERM
	}
	if fd < 0 || fd >= hiddenFDBase {
		return 0, EBADF
	}
	st, e := t.fstatx(fd)
	if e != 0 {
		return 0, e
	}
	switch st.mode() & syscall.S_IFMT {
	case syscall.S_IFREG, syscall.S_IFDIR, syscall.S_IFCHR, syscall.S_IFBLK, syscall.S_IFLNK:
	default:
		if t.p.Release < XNU7195 {
			return 0, ENOTSUP
		}
		return 0, EBADF
	}
	b := make([]byte, procFileinfoSize, procFileinfoSize+vnodeInfoPathSize)
	if h, e := hostStatusFlags(fd); e == 0 {
		const fread, fwrite = 1, 2 // the access mode plus one
		g := guestStatusFlags(h)
		putUint32(b, uint32(g&^oAccmode|(g&oAccmode+1)&(fread|fwrite)))
	}
	if h, e := host(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0, 0, 0, 0); e == 0 && h&syscall.FD_CLOEXEC != 0 {
		putUint32(b[4:], 2) // PROC_FP_CLEXEC
	}
	if off, e := host(syscall.SYS_LSEEK, uintptr(fd), 0, 1, 0, 0, 0); e == 0 { // SEEK_CUR
		putUint64(b[8:], off)
	}
	putUint32(b[16:], 1) // PROX_FDTYPE_VNODE
	v := make([]byte, vnodeInfoPathSize)
	vnodeStat.put(v, st)
	putUint32(v[136:], vtype(st.mode()))
	putUint32(v[144:], st.dev())
	if name, e := t.fdName(fd); e == 0 {
		copy(v[vnodeInfoSize:], name)
	}
	b = append(b, v...)[:n]
	return uint64(n), copyoutBytes(buf, b)
}

// rusageInfoSizes are the sizes of struct rusage_info_v0 and its successors;
// rusageInfoSince is the first release that has each (bsd/sys/resource.h).
var (
	rusageInfoSizes = [...]int{96, 144, 160, 232, 296, 304, 464}
	rusageInfoSince = [...]Release{XNU2422, XNU2422, XNU2422, XNU2782, XNU4903, XNU7195, XNU8792}
)

// procPidRusage is xnu-11417 bsd/kern/kern_resource.c:gather_rusage_info. What
// the host does not count (wakeups, energy, quality of service) is 0.
func (t *Thread) procPidRusage(pid int, flavor uint32, buf uint64) (uint64, Errno) {
	pi, ok := t.procInfo(pid)
	if !ok {
		return 0, ESRCH
	}
	if me := uint32(syscall.Getuid()); me != 0 && me != pi.ruid {
		return 0, EPERM
	}
	if flavor >= uint32(len(rusageInfoSizes)) || t.p.Release < rusageInfoSince[flavor] {
		return 0, EINVAL
	}
	var b [464]byte
	dir := "/proc/" + strconv.Itoa(pid) + "/"
	for i, v := range [...]uint64{
		pi.utime, pi.stime, 0, 0, pi.majflt, 0, pi.rss, hostKBytes(dir+"status", "RssAnon"),
		(pi.start - t.bootTime()) * 1000, 0,
		pi.cutime, pi.cstime, 0, 0, pi.cmajflt, 0,
		hostNumber(dir+"io", "read_bytes"), hostNumber(dir+"io", "write_bytes"),
	} {
		putUint64(b[16+8*i:], v)
	}
	return 0, copyoutBytes(buf, b[:rusageInfoSizes[flavor]])
}

// hostNumber returns the number of a line "key: number" of a file of /proc, 0 if
// there is none. hostKBytes is for lines in units of 1024 bytes.
func hostNumber(file, key string) uint64 {
	for line := range bytes.Lines(readHostFile(file)) {
		if k, val, _ := strings.Cut(string(line), ":"); k == key {
			f := strings.Fields(val)
			if len(f) > 0 {
				v, _ := strconv.ParseUint(f[0], 10, 64)
				return v
			}
		}
	}
	return 0
}

func hostKBytes(file, key string) uint64 { return 1024 * hostNumber(file, key) }

// vnodeInfoPath is struct vnode_info_path: the attributes of a file and its
// name; all zero if there is no such file.
func (t *Thread) vnodeInfoPath(name string) []byte {
	b := make([]byte, vnodeInfoPathSize)
	z := t.fs.name[0][:]
	if name == "" || len(name) >= pathMax {
		return b
	}
	z[copy(z, name)] = 0
	st, e := t.statx(hostAtFDCWD, hostBuf(&z[0]), 0)
	if e != 0 {
		return b
	}
	vnodeStat.put(b, st)
	putUint32(b[136:], vtype(st.mode()))
	putUint32(b[144:], st.dev())
	copy(b[152:152+pathMax-1], name)
	return b
}

// vnodeStat is the layout of struct vinfo_stat: like stat64 of x86_64, but with
// rdev moved behind gen and nothing between the owner and the times.
var vnodeStat = statLayout{136, 0, 4, 6, 8, 8, 16, 20, 116, 24, 40, 56, 72, 8, 88, 96, 104, 108, 112}

// regionInfo describes the guest's mapping at addr, or the next one above it:
// struct proc_regionwithpathinfo. None: EINVAL
// (xnu-11215 bsd/kern/proc_info.c:proc_pidregionpathinfo). The host's table
// only names the file: it splits a region where the runner patched a page.
func (t *Thread) regionInfo(addr uint64) ([]byte, Errno) {
	r, ok := t.p.Space.FindGuest(addr)
	if !ok {
		return nil, EINVAL
	}
	var m hostMapping
	if r.File {
		m = hostMappingAt(r.Start)
	}
	b := make([]byte, procRegioninfoSize, procRegionwithpathinfoSize)
	putUint32(b, uint32(r.Prot))
	putUint32(b[4:], uint32(r.MaxProt))
	putUint32(b[8:], uint32(r.Inherit))
	putUint64(b[16:], m.offset)
	putUint32(b[52:], 1)   // ref_count
	shareMode := uint32(2) // SM_PRIVATE
	if r.Shared {
		shareMode = 4 // SM_TRUESHARED
	}
	putUint32(b[60:], shareMode)
	putUint64(b[80:], r.Start)
	putUint64(b[88:], r.End-r.Start)
	return append(b, t.vnodeInfoPath(m.file)...), 0
}

// hostMappingAt returns the file that the host has mapped at addr, and the
// offset of addr in it.
func hostMappingAt(addr uint64) hostMapping {
	for line := range bytes.Lines(readHostFile("/proc/self/maps")) {
		if m, ok := parseMapsLine(string(line)); ok && m.start <= addr && addr < m.end {
			m.offset += addr - m.start
			return m
		}
	}
	return hostMapping{}
}

// A hostMapping is a line of /proc/self/maps.
type hostMapping struct {
	start, end, offset uint64
	file               string
}

func parseMapsLine(line string) (m hostMapping, ok bool) {
	// start-end perms offset dev inode  path
	f := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 6)
	if len(f) < 5 {
		return m, false
	}
	lo, hi, _ := strings.Cut(f[0], "-")
	var e1, e2, e3 error
	m.start, e1 = strconv.ParseUint(lo, 16, 64)
	m.end, e2 = strconv.ParseUint(hi, 16, 64)
	m.offset, e3 = strconv.ParseUint(f[2], 16, 64)
	if len(f) == 6 {
		if name := strings.TrimLeft(f[5], " "); strings.HasPrefix(name, "/") {
			m.file = name
		}
	}
	return m, e1 == nil && e2 == nil && e3 == nil
}
