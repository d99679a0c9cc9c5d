// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"strconv"
	"sync/atomic"
)

func init() {
	netSysctls := make([]sysctl, 0, len(netVars))
	for i := range netVars {
		v := &netVars[i]
		netSysctls = append(netSysctls, sysctl{v.name, v.mib, sysctlInt, v.since, v.until, func(t *Thread, _ []int32) sysctlValue {
			return number(int64(int32(v.value.get(t.p.Release))))
		}})
		if !v.readOnly {
			writableSysctls[v.name] = v.value
		}
	}
	netSysctls = append(netSysctls, sysctl{"kern.uuid", []int32{ctlKern, oidAuto}, sysctlString, XNU1699, 0, kernUUID})
	sysctlTables = append(sysctlTables, netSysctls)
}

// A tunable is a number that a sysctl shows and that the superuser may change.
// A change holds for the process and the children that it forks, not, as on
// XNU, for the system.
type tunable struct {
	begin func(Release) uint32           // what it is at boot
	check func(r Release, v uint32) bool // whether it may become v; nil: always
	set   atomic.Uint64                  // tunableSet and what it has become
}

const tunableSet = 1 << 32

func (v *tunable) get(r Release) uint32 {
	if n := v.set.Load(); n != 0 {
		return uint32(n)
	}
	return v.begin(r)
}

// change sets it, or ERANGE.
func (v *tunable) change(r Release, n uint32) Errno {
	if v.check != nil && !v.check(r, n) {
		return ERANGE
	}
	v.set.Store(tunableSet | uint64(n))
	return 0
}

// fixed and since make tunables: of one value, and of one that changed to
// another in a release.
func fixed(v uint32) *tunable { return &tunable{begin: func(Release) uint32 { return v }} }

func since(r Release, before, then uint32) *tunable {
	return &tunable{begin: func(rel Release) uint32 {
		if rel < r {
			return before
		}
		return then
	}}
}

// sockspace makes one that is a size of socket buffers
// (xnu-11417 bsd/netinet/tcp_usrreq.c:sysctl_tcp_sospace; 1504 too).
func sockspace(v *tunable) *tunable {
	v.check = func(r Release, n uint32) bool { return n > 0 && n <= maxsockbuf.get(r) }
	return v
}

// hostTunable makes one that begins with the host's value, or v.
func hostTunable(file string, v uint32) *tunable {
	return &tunable{begin: func(Release) uint32 {
		n, err := strconv.ParseUint(string(bytes.TrimSpace(readHostFile("/proc/sys/net/"+file))), 10, 32)
		if err != nil {
			return v
		}
		return uint32(n)
	}}
}

// The tunables that the runner goes by. A stock system of enough memory has
// 8 MB as the largest buffer, and TCP's are bounded by a number, 64 KB until
// 10.7 (xnu-1504, xnu-11417 bsd/dev/unix_startup.c, bsd/kern/uipc_mbuf.c:mbinit,
// bsd/netinet/udp_usrreq.c:udp_init, bsd/kern/uipc_usrreq.c).
var (
	maxsockbuf = &tunable{
		begin: func(Release) uint32 { return sbMax },
		check: func(_ Release, n uint32) bool { return n > lowSBMax && n <= sbMax },
	}
	sockbufWaste        = fixed(8) // how often its size a buffer may take in mbufs
	somaxconn           = fixed(128)
	tcpSendspace        = sockspace(since(XNU2050, 64<<10, 128<<10))
	tcpRecvspace        = sockspace(since(XNU2050, 64<<10, 128<<10))
	udpSendspace        = sockspace(fixed(9216))
	udpRecvspace        = sockspace(&tunable{begin: udpRecvspaceBegin})
	rawSendspace        = fixed(8192)
	rawRecvspace        = fixed(8192)
	unixStreamSendspace = fixed(8192)
	unixStreamRecvspace = fixed(8192)
	unixDgramSendspace  = fixed(2048)
	unixDgramRecvspace  = fixed(4096)
	maxRecvmsgX         = since(XNU10002, 100, 256)
	maxSendmsgX         = since(XNU10002, 100, 256)
)

const (
	sbMax    = 8 << 20
	lowSBMax = 2 * 9 * 1024
)

func udpRecvspaceBegin(r Release) uint32 {
	const datagram = 1024 + guestSockaddrIn6Len
	switch {
	case r < XNU2050:
		return 40 * datagram
	case r < XNU4903:
		return 187 * datagram
	}
	return 786896
}

// writableSysctls are those that can be set.
var writableSysctls = map[string]*tunable{}

// sysctlSet gives a variable the value at newp, for the superuser
// (xnu-11417 bsd/kern/kern_newsysctl.c:sysctl_root, sysctl_io_number).
func (t *Thread) sysctlSet(v *sysctl, newp, newlen uint64) Errno {
	w := writableSysctls[v.name]
	var b [8]byte
	n := b[:4]
	if newlen == 8 {
		n = b[:]
	}
	if newlen < 4 {
		return EINVAL
	}
	if e := copyinBytes(n, newp); e != 0 {
		return e
	}
	if x := int64(getUint64(b[:])); newlen == 8 && (x < math.MinInt32 || x > math.MaxInt32) {
		return ERANGE
	}
	return w.change(t.p.Release, getUint32(b[:]))
}

// A netVar is a variable about sockets or the network.
type netVar struct {
	name         string
	mib          []int32
	since, until Release
	readOnly     bool
	value        *tunable
}

// Nodes (xnu-11417 bsd/sys/sysctl.h, bsd/netinet, bsd/netinet6).
func kernIPC(n int32) []int32    { return []int32{ctlKern, 32, n} }
func netIP(n int32) []int32      { return []int32{ctlNet, guestAfInet, 0, n} }
func netPorts() []int32          { return []int32{ctlNet, guestAfInet, 0, 0, oidAuto} }
func netICMP(n int32) []int32    { return []int32{ctlNet, guestAfInet, 1, n} }
func netTCP(n int32) []int32     { return []int32{ctlNet, guestAfInet, guestIPProtoTCP, n} }
func netUDP(n int32) []int32     { return []int32{ctlNet, guestAfInet, guestIPProtoUDP, n} }
func netRaw() []int32            { return []int32{ctlNet, guestAfInet, 255, oidAuto} }
func netIP6(n int32) []int32     { return []int32{ctlNet, guestAfInet6, guestIPProtoIPv6, n} }
func netICMP6(n int32) []int32   { return []int32{ctlNet, guestAfInet6, guestIPProtoICMP6, n} }
func netLocal(typ int32) []int32 { return []int32{ctlNet, guestAfUnix, typ, oidAuto} }

// netVars are the variables that programs ask for, with the values that a
// stock system has (the sources of each release, xnu-1504 to xnu-11417:
// bsd/kern/uipc_socket.c, uipc_socket2.c, uipc_usrreq.c, bsd/netinet,
// bsd/netinet6).
var netVars = []netVar{
	{name: "kern.ipc.maxsockbuf", mib: kernIPC(1), value: maxsockbuf},
	{name: "kern.ipc.sockbuf_waste_factor", mib: kernIPC(2), value: sockbufWaste},
	{name: "kern.ipc.somaxconn", mib: kernIPC(3), value: somaxconn},
	{name: "kern.ipc.soqlimitcompat", mib: kernIPC(10), value: fixed(1)},
	{name: "kern.ipc.soqlencomp", mib: kernIPC(oidAuto), value: fixed(0)},
	{name: "kern.ipc.sorecvmincopy", mib: kernIPC(oidAuto), value: fixed(16384)},
	{name: "kern.ipc.sosendminchain", mib: kernIPC(oidAuto), value: fixed(16384)},
	{name: "kern.ipc.sosendjcl", mib: kernIPC(oidAuto), value: fixed(1)},
	{name: "kern.ipc.maxrecvmsgx", mib: kernIPC(oidAuto), since: XNU3248, value: maxRecvmsgX},
	{name: "kern.ipc.maxsendmsgx", mib: kernIPC(oidAuto), since: XNU3248, value: maxSendmsgX},

	{name: "net.local.stream.sendspace", mib: netLocal(guestSockStream), value: unixStreamSendspace},
	{name: "net.local.stream.recvspace", mib: netLocal(guestSockStream), value: unixStreamRecvspace},
	{name: "net.local.stream.tracemdns", mib: netLocal(guestSockStream), since: XNU1699, value: fixed(0)},
	{name: "net.local.dgram.maxdgram", mib: netLocal(guestSockDgram), value: unixDgramSendspace},
	{name: "net.local.dgram.recvspace", mib: netLocal(guestSockDgram), value: unixDgramRecvspace},

	{name: "net.inet.ip.forwarding", mib: netIP(1), value: hostTunable("ipv4/ip_forward", 0)},
	{name: "net.inet.ip.redirect", mib: netIP(2), value: fixed(1)},
	{name: "net.inet.ip.ttl", mib: netIP(3), value: hostTunable("ipv4/ip_default_ttl", 64)},
	{name: "net.inet.ip.rtexpire", mib: netIP(5), value: fixed(3600)},
	{name: "net.inet.ip.rtminexpire", mib: netIP(6), value: fixed(10)},
	{name: "net.inet.ip.rtmaxcache", mib: netIP(7), value: fixed(128)},
	{name: "net.inet.ip.sourceroute", mib: netIP(8), value: fixed(0)},
	{name: "net.inet.ip.accept_sourceroute", mib: netIP(13), value: fixed(0)},
	{name: "net.inet.ip.gifttl", mib: netIP(16), value: fixed(30)},
	{name: "net.inet.ip.random_id", mib: netIP(oidAuto), until: XNU8019, value: fixed(1)},
	{name: "net.inet.ip.check_interface", mib: netIP(oidAuto), value: fixed(0)},
	{name: "net.inet.ip.maxfragsperpacket", mib: netIP(oidAuto), value: fixed(128)},
	{name: "net.inet.ip.stealth", mib: netIP(oidAuto), value: fixed(0)},
	{name: "net.inet.ip.subnets_are_local", mib: netIP(oidAuto), value: fixed(0)},
	{name: "net.inet.ip.portrange.lowfirst", mib: netPorts(), value: fixed(1023)},
	{name: "net.inet.ip.portrange.lowlast", mib: netPorts(), value: fixed(600)},
	{name: "net.inet.ip.portrange.first", mib: netPorts(), value: fixed(firstPort)},
	{name: "net.inet.ip.portrange.last", mib: netPorts(), value: fixed(lastPort)},
	{name: "net.inet.ip.portrange.hifirst", mib: netPorts(), value: fixed(firstPort)},
	{name: "net.inet.ip.portrange.hilast", mib: netPorts(), value: fixed(lastPort)},

	{name: "net.inet.icmp.maskrepl", mib: netICMP(1), value: fixed(0)},
	{name: "net.inet.icmp.icmplim", mib: netICMP(3), until: XNU8792, readOnly: true, value: fixed(250)},
	{name: "net.inet.icmp.timestamp", mib: netICMP(4), value: fixed(0)},
	{name: "net.inet.icmp.drop_redirect", mib: netICMP(oidAuto), value: since(XNU2782, 0, 1)},
	{name: "net.inet.icmp.log_redirect", mib: netICMP(oidAuto), value: fixed(0)},
	{name: "net.inet.icmp.bmcastecho", mib: netICMP(oidAuto), value: fixed(1)},

	{name: "net.inet.tcp.rfc1323", mib: netTCP(1), until: XNU7195, value: fixed(1)},
	{name: "net.inet.tcp.rfc1644", mib: netTCP(2), until: XNU7195, value: fixed(0)},
	{name: "net.inet.tcp.mssdflt", mib: netTCP(3), value: fixed(512)},
	{name: "net.inet.tcp.keepidle", mib: netTCP(6), value: fixed(7200_000)},
	{name: "net.inet.tcp.keepintvl", mib: netTCP(7), value: fixed(75_000)},
	{name: "net.inet.tcp.sendspace", mib: netTCP(8), value: tcpSendspace},
	{name: "net.inet.tcp.recvspace", mib: netTCP(9), value: tcpRecvspace},
	{name: "net.inet.tcp.keepinit", mib: netTCP(10), value: fixed(75_000)},
	{name: "net.inet.tcp.v6mssdflt", mib: netTCP(13), value: fixed(1024)},
	{name: "net.inet.tcp.keepcnt", mib: netTCP(oidAuto), since: XNU2422, value: fixed(8)},
	{name: "net.inet.tcp.msl", mib: netTCP(oidAuto), value: fixed(15_000)},
	{name: "net.inet.tcp.always_keepalive", mib: netTCP(oidAuto), value: fixed(0)},
	{name: "net.inet.tcp.blackhole", mib: netTCP(oidAuto), value: fixed(0)},
	{name: "net.inet.tcp.log_in_vain", mib: netTCP(oidAuto), value: fixed(0)},
	{name: "net.inet.tcp.delayed_ack", mib: netTCP(oidAuto), value: fixed(3)},
	{name: "net.inet.tcp.sack", mib: netTCP(oidAuto), value: fixed(1)},
	{name: "net.inet.tcp.icmp_may_rst", mib: netTCP(oidAuto), value: fixed(1)},
	{name: "net.inet.tcp.minmss", mib: netTCP(oidAuto), value: fixed(216)},
	{name: "net.inet.tcp.path_mtu_discovery", mib: netTCP(oidAuto), value: fixed(1)},
	{name: "net.inet.tcp.randomize_ports", mib: netTCP(oidAuto), value: fixed(0)},
	{name: "net.inet.tcp.win_scale_factor", mib: netTCP(oidAuto), value: fixed(3)},
	{name: "net.inet.tcp.doautorcvbuf", mib: netTCP(oidAuto), since: XNU2050, value: fixed(1)},
	{name: "net.inet.tcp.doautosndbuf", mib: netTCP(oidAuto), since: XNU2050, value: fixed(1)},
	{name: "net.inet.tcp.fastopen", mib: netTCP(oidAuto), since: XNU3248, value: fixed(3)},

	{name: "net.inet.udp.checksum", mib: netUDP(1), value: fixed(1)},
	{name: "net.inet.udp.maxdgram", mib: netUDP(3), value: udpSendspace},
	{name: "net.inet.udp.recvspace", mib: netUDP(4), value: udpRecvspace},
	{name: "net.inet.udp.blackhole", mib: netUDP(oidAuto), value: fixed(0)},
	{name: "net.inet.udp.log_in_vain", mib: netUDP(oidAuto), value: fixed(0)},
	{name: "net.inet.udp.randomize_ports", mib: netUDP(oidAuto), value: fixed(1)},

	{name: "net.inet.raw.maxdgram", mib: netRaw(), value: rawSendspace},
	{name: "net.inet.raw.recvspace", mib: netRaw(), value: rawRecvspace},

	{name: "net.inet6.ip6.forwarding", mib: netIP6(1), value: hostTunable("ipv6/conf/all/forwarding", 0)},
	{name: "net.inet6.ip6.redirect", mib: netIP6(2), value: fixed(1)},
	{name: "net.inet6.ip6.hlim", mib: netIP6(3), value: hostTunable("ipv6/conf/default/hop_limit", 64)},
	{name: "net.inet6.ip6.keepfaith", mib: netIP6(13), readOnly: true, value: fixed(0)},
	{name: "net.inet6.ip6.log_interval", mib: netIP6(14), value: fixed(5)},
	{name: "net.inet6.ip6.hdrnestlimit", mib: netIP6(15), value: since(XNU1699, 50, 15)},
	{name: "net.inet6.ip6.dad_count", mib: netIP6(16), value: fixed(1)},
	{name: "net.inet6.ip6.auto_flowlabel", mib: netIP6(17), value: fixed(1)},
	{name: "net.inet6.ip6.defmcasthlim", mib: netIP6(18), value: fixed(1)},
	{name: "net.inet6.ip6.gifhlim", mib: netIP6(19), value: fixed(0)},
	{name: "net.inet6.ip6.use_deprecated", mib: netIP6(21), value: fixed(1)},
	{name: "net.inet6.ip6.rr_prune", mib: netIP6(22), value: fixed(5)},
	{name: "net.inet6.ip6.v6only", mib: netIP6(24), value: fixed(0)},

	{name: "net.inet6.icmp6.redirtimeout", mib: netICMP6(3), value: fixed(600)},
	{name: "net.inet6.icmp6.nodeinfo", mib: netICMP6(13), value: since(XNU7195, 3, 0)},
	{name: "net.inet6.icmp6.errppslimit", mib: netICMP6(14), value: fixed(500)},
}

// The ports that the kernel chooses for a socket (xnu-11417
// bsd/netinet/in_pcb.c; 1504 too): see noteSocket.
const (
	firstPort = 49152
	lastPort  = 65535
)

// kernUUID names the build of the kernel. The runner is none of Apple's, so
// the text is one that only follows from the release.
func kernUUID(t *Thread, _ []int32) sysctlValue {
	h := sha256.Sum256([]byte("go_darwin_exec xnu-" + systems[t.p.Release].xnu))
	h[6] = h[6]&0x0f | 0x50 // version 5: made from a name
	h[8] = h[8]&0x3f | 0x80
	return text(fmt.Sprintf("%X-%X-%X-%X-%X", h[:4], h[4:6], h[6:8], h[8:10], h[10:16]))
}
