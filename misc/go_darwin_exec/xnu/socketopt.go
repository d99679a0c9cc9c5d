// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"io"
	"math"
	"os"
	"syscall"
	"unsafe"
)

// Levels and those options that other files name (xnu-11417 bsd/sys/socket.h,
// bsd/netinet/in.h, bsd/netinet6/in6.h).
const (
	guestSolSocket    = 0xffff
	guestSolLocal     = 0 // of unix sockets; the same number as IPPROTO_IP
	guestIPProtoIP    = 0
	guestIPProtoTCP   = 6
	guestIPProtoUDP   = 17
	guestIPProtoIPv6  = 41
	guestIPProtoICMP6 = 58

	guestIPRecvdstaddr = 7
	guestIPRecvif      = 20
	guestIPRecvttl     = 24
	guestIPPktinfo     = 26
	guestIPTos         = 3
	guestIPRecvtos     = 27

	guestIPv6Pktinfo2292  = 19
	guestIPv6Hoplimit2292 = 20
	guestIPv6Tclass       = 36
	guestIPv6Pathmtu      = 44
	guestIPv6Pktinfo      = 46
	guestIPv6Hoplimit     = 47
	guestIPv6Dontfrag     = 62
)

// Linux's options that package syscall lacks.
const (
	linuxSoDomain        = 39
	linuxSoBindtoifindex = 62
)

// An optKind says how the value of an option is translated.
type optKind uint8

const (
	optInt        optKind = iota // an int, alike on both sides
	optNatural                   // the same, and not negative
	optBytes                     // any length, alike on both sides
	optFlag                      // an int that is tested for 0, and read as the option's own bit
	optLinger                    // struct linger in 1/100 s
	optLingerS                   // struct linger in seconds
	optTimeval                   // struct timeval
	optBufSize                   // an int that Linux doubles
	optError                     // SO_ERROR
	optNread                     // SO_NREAD
	optNwrite                    // SO_NWRITE
	optNosig                     // SO_NOSIGPIPE
	optSndlowat                  // SO_SNDLOWAT
	optRecvBit                   // asks for a control message that needs translation; arg: its fdBits
	optMillis                    // an int in seconds, in ms on the host
	optBoundIf                   // an interface index that the socket is bound to
	optSource                    // struct ip_mreq_source
	optGroup                     // struct group_req, group_source_req: arg: the number of addresses
	optIfindex                   // IP_MULTICAST_IFINDEX
	optDontfrag                  // IP_DONTFRAG
	optICMP6                     // ICMP6_FILTER
	optTCPInfo                   // TCP_CONNECTION_INFO
	optPeercred                  // LOCAL_PEERCRED
	optPeerpid                   // LOCAL_PEERPID, LOCAL_PEEREPID
	optMTUInfo                   // IPV6_PATHMTU
	optMem                       // an int that only the guest sees: see memOpt
	optRcvlowat                  // SO_RCVLOWAT
	optKeep                      // an int of a TCP connection's keepalive
	optMaxseg                    // TCP_MAXSEG
	optFastopen                  // TCP_FASTOPEN
	optTimestamp                 // asks for the time of arrival; arg: its fdBits
	optNumPackets                // SO_NUMRCVPKT
	optRefuse                    // fails with errno
	optMarking                   // SO_NETSVC_MARKING_LEVEL
	optNpx                       // SO_NP_EXTENSIONS
	optNoChecksum                // UDP_NOCKSUM
	optPeeruuid                  // LOCAL_PEERUUID, LOCAL_PEEREUUID
	optPeertoken                 // LOCAL_PEERTOKEN
	optReuse                     // SO_REUSEADDR, SO_REUSEPORT
)

// A sockopt is a row of the table of options.
type sockopt struct {
	level, name     int32
	hlevel, hname   int32
	kind            optKind
	arg             uint32
	since, until    Release // until: the first that lacks it again
	getOnly, noRead bool
	setErr, getErr  Errno  // instead of ENOPROTOOPT, with getOnly and noRead
	on              uint32 // how a value that is not 0 reads; 0: as it is
	begin           uint32 // of optMem and optKeep: what it is at first
	mem             memOpt // of optMem: what it takes; nil: any, as 0 or 1
}

// key identifies the option among those of all levels.
func (o *sockopt) key() int64 { return int64(o.level)<<32 | int64(o.name) }

// sockopts are the options that are known (xnu-11417 bsd/sys/socket.h,
// bsd/netinet/in.h, bsd/netinet6/in6.h, bsd/netinet/tcp.h, bsd/sys/un.h).
var sockopts = [...]sockopt{
	{level: guestSolSocket, name: 0x1, hlevel: 1, hname: 1, kind: optFlag},                              // SO_DEBUG
	{level: guestSolSocket, name: 0x4, kind: optReuse},                                                  // SO_REUSEADDR
	{level: guestSolSocket, name: 0x8, hlevel: 1, hname: 9, kind: optFlag},                              // SO_KEEPALIVE
	{level: guestSolSocket, name: 0x10, hlevel: 1, hname: 5, kind: optFlag},                             // SO_DONTROUTE
	{level: guestSolSocket, name: 0x20, hlevel: 1, hname: 6, kind: optFlag},                             // SO_BROADCAST
	{level: guestSolSocket, name: 0x40, kind: optMem, on: 0x40},                                         // SO_USELOOPBACK: of routing sockets
	{level: guestSolSocket, name: 0x80, hlevel: 1, hname: 13, kind: optLinger},                          // SO_LINGER
	{level: guestSolSocket, name: 0x100, hlevel: 1, hname: 10, kind: optFlag},                           // SO_OOBINLINE
	{level: guestSolSocket, name: 0x200, kind: optReuse},                                                // SO_REUSEPORT
	{level: guestSolSocket, name: 0x400, kind: optTimestamp, arg: uint32(fdTimeReal)},                   // SO_TIMESTAMP
	{level: guestSolSocket, name: 0x800, kind: optTimestamp, arg: uint32(fdTimeMono), since: XNU1699},   // SO_TIMESTAMP_MONOTONIC
	{level: guestSolSocket, name: 0x2000, kind: optMem, on: 0x2000},                                     // SO_DONTTRUNC
	{level: guestSolSocket, name: 0x4000, kind: optMem, on: 0x4000},                                     // SO_WANTMORE
	{level: guestSolSocket, name: 0x8000, kind: optMem, on: 0x8000},                                     // SO_WANTOOBFLAG
	{level: guestSolSocket, name: 0x10000, kind: optMem, on: 0x10000, since: XNU2782},                   // SO_NOWAKEFROMSLEEP
	{level: guestSolSocket, name: 0x20000, kind: optMem, on: 0x20000, since: XNU3789},                   // SO_NOAPNFALLBK
	{level: guestSolSocket, name: 0x40000, kind: optTimestamp, arg: uint32(fdTimeCont), since: XNU4903}, // SO_TIMESTAMP_CONTINUOUS
	{level: guestSolSocket, name: 0x1001, hlevel: 1, hname: 7, kind: optBufSize},                        // SO_SNDBUF
	{level: guestSolSocket, name: 0x1002, hlevel: 1, hname: 8, kind: optBufSize},                        // SO_RCVBUF
	{level: guestSolSocket, name: 0x1003, hlevel: 1, hname: 19, kind: optSndlowat},                      // SO_SNDLOWAT
	{level: guestSolSocket, name: 0x1004, hlevel: 1, hname: 18, kind: optRcvlowat},                      // SO_RCVLOWAT
	{level: guestSolSocket, name: 0x1005, hlevel: 1, hname: 21, kind: optTimeval},                       // SO_SNDTIMEO
	{level: guestSolSocket, name: 0x1006, hlevel: 1, hname: 20, kind: optTimeval},                       // SO_RCVTIMEO
	{level: guestSolSocket, name: 0x1007, hlevel: 1, hname: 4, kind: optError, getOnly: true},
	{level: guestSolSocket, name: 0x1008, hlevel: 1, hname: 3, kind: optInt, getOnly: true},         // SO_TYPE
	{level: guestSolSocket, name: 0x1010, kind: optRefuse, setErr: EOPNOTSUPP, getErr: EOPNOTSUPP},  // SO_LABEL
	{level: guestSolSocket, name: 0x1011, kind: optRefuse, setErr: ENOPROTOOPT, getErr: EOPNOTSUPP}, // SO_PEERLABEL
	{level: guestSolSocket, name: 0x1020, kind: optNread, getOnly: true},
	{level: guestSolSocket, name: 0x1021, kind: optRefuse, setErr: ENOENT, getErr: ENOPROTOOPT}, // SO_NKE: no such filter
	{level: guestSolSocket, name: 0x1022, kind: optNosig},
	{level: guestSolSocket, name: 0x1023, kind: optMem, on: 0x2}, // SO_NOADDRERR
	{level: guestSolSocket, name: 0x1024, kind: optNwrite, getOnly: true},
	{level: guestSolSocket, name: 0x1025, kind: optMem, on: 0x40},                         // SO_REUSESHAREUID
	{level: guestSolSocket, name: 0x1026, kind: optMem, on: 0x400, mem: memRoot(memBool)}, // SO_NOTIFYCONFLICT
	{level: guestSolSocket, name: 0x1027, kind: optMem, on: 0x800},                        // SO_UPCALLCLOSEWAIT
	{level: guestSolSocket, name: 0x1080, hlevel: 1, hname: 13, kind: optLingerS},         // SO_LINGER_SEC
	{level: guestSolSocket, name: 0x1081, kind: optMem, mem: memRestrictions},             // SO_RESTRICTIONS
	{level: guestSolSocket, name: 0x1082, kind: optMem, on: 0x1000},                       // SO_RANDOMPORT
	{level: guestSolSocket, name: 0x1083, kind: optNpx},                                   // SO_NP_EXTENSIONS
	{level: guestSolSocket, name: soTrafficClass, kind: optMem, mem: memTrafficClass, since: XNU1699},
	{level: guestSolSocket, name: 0x1087, kind: optMem, on: 0x4000, since: XNU1699},                         // SO_RECV_TRAFFIC_CLASS
	{level: guestSolSocket, name: 0x1090, kind: optMem, on: 0x10000, mem: memRoot(memBool), since: XNU2050}, // SO_PRIVILEGED_TRAFFIC_CLASS
	{level: guestSolSocket, name: 0x1100, kind: optMem, begin: 1, mem: memDefunctOK, since: XNU1699},        // SO_DEFUNCTOK
	{level: guestSolSocket, name: 0x1101, kind: optMem, getOnly: true, setErr: EINVAL, since: XNU1699},      // SO_ISDEFUNCT
	{level: guestSolSocket, name: soOpportunistic, kind: optMem, since: XNU2050},
	{level: guestSolSocket, name: 0x1103, kind: optMem, noRead: true, getErr: EINVAL, since: XNU2050},   // SO_FLUSH
	{level: guestSolSocket, name: 0x1104, kind: optMem, since: XNU2050},                                 // SO_RECV_ANYIF
	{level: guestSolSocket, name: 0x1105, kind: optMem, since: XNU2422},                                 // SO_TRAFFIC_MGT_BACKGROUND
	{level: guestSolSocket, name: 0x1107, kind: optMem, noRead: true, mem: memDelegate, since: XNU2422}, // SO_DELEGATED
	{level: guestSolSocket, name: 0x1112, kind: optNumPackets, getOnly: true, since: XNU2782},
	{level: guestSolSocket, name: 0x1113, kind: optMem, mem: memOfDomain(memRoot(memBool), syscall.AF_INET, syscall.AF_INET6), since: XNU2782}, // SO_AWDL_UNRESTRICTED
	{level: guestSolSocket, name: 0x1114, kind: optMem, on: 0x40, mem: memTCPOnly(memBool), since: XNU3248},                                    // SO_EXTENDED_BK_IDLE
	{level: guestSolSocket, name: 0x1115, kind: optMem, mem: memNatural, since: XNU3248},                                                       // SO_MARK_CELLFALLBACK
	{level: guestSolSocket, name: soNetServiceType, kind: optMem, mem: memInt(0, 8), since: XNU3789},
	{level: guestSolSocket, name: 0x1117, kind: optMem, noRead: true, mem: memRoot(memBool), since: XNU3789},                  // SO_QOSMARKING_POLICY_OVERRIDE
	{level: guestSolSocket, name: 0x1118, kind: optMem, mem: memOfDomain(memRoot(memBool), syscall.AF_INET6), since: XNU3789}, // SO_INTCOPROC_ALLOW
	{level: guestSolSocket, name: 0x1119, kind: optMarking, getOnly: true, since: XNU3789},
	{level: guestSolSocket, name: 0x1124, kind: optMem, noRead: true, since: XNU7195},            // SO_WANT_KEV_SOCKET_CLOSED
	{level: guestSolSocket, name: 0x1125, kind: optMem, mem: memNatural, since: XNU8019},         // SO_MARK_KNOWN_TRACKER
	{level: guestSolSocket, name: 0x1126, kind: optMem, mem: memNatural, since: XNU8019},         // SO_MARK_KNOWN_TRACKER_NON_APP_INITIATED
	{level: guestSolSocket, name: 0x1127, kind: optMem, on: 0x200000, since: XNU8019},            // SO_MARK_WAKE_PKT
	{level: guestSolSocket, name: 0x1128, kind: optMem, on: 0x400000, since: XNU8019},            // SO_RECV_WAKE_PKT
	{level: guestSolSocket, name: 0x1129, kind: optMem, mem: memNatural, since: XNU8019},         // SO_MARK_APPROVED_APP_DOMAIN
	{level: guestSolSocket, name: 0x1135, kind: optMem, mem: memNatural, since: XNU11215},        // SO_MARK_DOMAIN_INFO_SILENT
	{level: guestSolSocket, name: 0x1134, hlevel: 1, hname: 25, kind: optBytes, since: XNU11215}, // SO_BINDTODEVICE
	{level: guestIPProtoIP, name: 1, hname: 4, kind: optBytes},                                   // IP_OPTIONS
	{level: guestIPProtoIP, name: 2, hname: 3, kind: optInt},                                     // IP_HDRINCL
	{level: guestIPProtoIP, name: 3, hname: 1, kind: optInt},                                     // IP_TOS
	{level: guestIPProtoIP, name: 4, hname: 2, kind: optInt},                                     // IP_TTL
	{level: guestIPProtoIP, name: 5, hname: 6, kind: optInt},                                     // IP_RECVOPTS
	{level: guestIPProtoIP, name: 6, hname: 7, kind: optInt},                                     // IP_RECVRETOPTS
	{level: guestIPProtoIP, name: guestIPRecvdstaddr, hname: 20, kind: optRecvBit, arg: uint32(fdRecvDst)},
	{level: guestIPProtoIP, name: 8, hname: 4, kind: optBytes, getOnly: true},       // IP_RETOPTS
	{level: guestIPProtoIP, name: 19, kind: optMem, mem: memInt(0, 2)},              // IP_PORTRANGE
	{level: guestIPProtoIP, name: 22, kind: optMem, until: XNU2050},                 // IP_FAITH
	{level: guestIPProtoIP, name: 65, kind: optMem},                                 // IP_TRAFFIC_MGT_BACKGROUND
	{level: guestIPProtoIP, name: 6969, kind: optMem, mem: memOnce, since: XNU1699}, // IP_NO_IFT_CELLULAR
	{level: guestIPProtoIP, name: 9, hname: 32, kind: optBytes},                     // IP_MULTICAST_IF: in_addr, ip_mreqn
	{level: guestIPProtoIP, name: 10, hname: 33, kind: optBytes},                    // IP_MULTICAST_TTL: a byte or an int
	{level: guestIPProtoIP, name: 11, hname: 34, kind: optBytes},                    // IP_MULTICAST_LOOP
	{level: guestIPProtoIP, name: 12, hname: 35, kind: optBytes, noRead: true},      // IP_ADD_MEMBERSHIP: ip_mreq, ip_mreqn
	{level: guestIPProtoIP, name: 13, hname: 36, kind: optBytes, noRead: true},      // IP_DROP_MEMBERSHIP
	{level: guestIPProtoIP, name: guestIPRecvif, hname: 8, kind: optRecvBit, arg: uint32(fdRecvIf)},
	{level: guestIPProtoIP, name: guestIPRecvttl, hname: 12, kind: optInt},
	{level: guestIPProtoIP, name: 25, kind: optBoundIf}, // IP_BOUND_IF
	{level: guestIPProtoIP, name: guestIPPktinfo, hname: 8, kind: optRecvBit, arg: uint32(fdPktinfo), since: XNU1699},
	{level: guestIPProtoIP, name: guestIPRecvtos, hname: 13, kind: optInt, since: XNU3789},
	{level: guestIPProtoIP, name: 28, hname: 10, kind: optDontfrag, since: XNU7195}, // IP_DONTFRAG
	{level: guestIPProtoIP, name: 66, hname: 32, kind: optIfindex},                  // IP_MULTICAST_IFINDEX
	{level: guestIPProtoIP, name: 70, hname: 39, kind: optSource, noRead: true},     // IP_ADD_SOURCE_MEMBERSHIP
	{level: guestIPProtoIP, name: 71, hname: 40, kind: optSource, noRead: true},     // IP_DROP_SOURCE_MEMBERSHIP
	{level: guestIPProtoIP, name: 72, hname: 38, kind: optSource, noRead: true},     // IP_BLOCK_SOURCE
	{level: guestIPProtoIP, name: 73, hname: 37, kind: optSource, noRead: true},     // IP_UNBLOCK_SOURCE
	{level: guestIPProtoIP, name: 80, hname: 42, kind: optGroup, arg: 1, noRead: true},
	{level: guestIPProtoIP, name: 81, hname: 45, kind: optGroup, arg: 1, noRead: true},
	{level: guestIPProtoIP, name: 82, hname: 46, kind: optGroup, arg: 2, noRead: true},
	{level: guestIPProtoIP, name: 83, hname: 47, kind: optGroup, arg: 2, noRead: true},
	{level: guestIPProtoIP, name: 84, hname: 43, kind: optGroup, arg: 2, noRead: true},
	{level: guestIPProtoIP, name: 85, hname: 44, kind: optGroup, arg: 2, noRead: true},
	{level: guestIPProtoIPv6, name: 4, hlevel: 41, hname: 16, kind: optInt},                  // IPV6_UNICAST_HOPS
	{level: guestIPProtoIPv6, name: 9, hlevel: 41, hname: 17, kind: optInt},                  // IPV6_MULTICAST_IF
	{level: guestIPProtoIPv6, name: 10, hlevel: 41, hname: 18, kind: optInt},                 // IPV6_MULTICAST_HOPS
	{level: guestIPProtoIPv6, name: 11, hlevel: 41, hname: 19, kind: optInt},                 // IPV6_MULTICAST_LOOP
	{level: guestIPProtoIPv6, name: 12, hlevel: 41, hname: 20, kind: optBytes, noRead: true}, // IPV6_JOIN_GROUP
	{level: guestIPProtoIPv6, name: 13, hlevel: 41, hname: 21, kind: optBytes, noRead: true}, // IPV6_LEAVE_GROUP
	{level: guestIPProtoIPv6, name: 14, kind: optMem, mem: memInt(0, 2)},                     // IPV6_PORTRANGE
	{level: guestIPProtoIPv6, name: 29, kind: optMem, until: XNU2050},                        // IPV6_FAITH
	{level: guestIPProtoIPv6, name: 59, hlevel: 41, hname: 70, kind: optInt, since: XNU1699}, // IPV6_AUTOFLOWLABEL
	{level: guestIPProtoIPv6, name: 6969, kind: optMem, mem: memOnce, since: XNU1699},        // IPV6_NO_IFT_CELLULAR
	{level: guestIPProtoIPv6, name: guestIPv6Pktinfo2292, hlevel: 41, hname: 49, kind: optInt},
	{level: guestIPProtoIPv6, name: guestIPv6Hoplimit2292, hlevel: 41, hname: 51, kind: optInt},
	{level: guestIPProtoIPv6, name: 26, hlevel: 41, hname: 7, kind: optInt},  // IPV6_CHECKSUM
	{level: guestIPProtoIPv6, name: 27, hlevel: 41, hname: 26, kind: optInt}, // IPV6_V6ONLY
	{level: guestIPProtoIPv6, name: 35, hlevel: 41, hname: 66, kind: optInt}, // IPV6_RECVTCLASS
	{level: guestIPProtoIPv6, name: guestIPv6Tclass, hlevel: 41, hname: 67, kind: optInt},
	{level: guestIPProtoIPv6, name: 37, hlevel: 41, hname: 51, kind: optInt}, // IPV6_RECVHOPLIMIT
	{level: guestIPProtoIPv6, name: 43, hlevel: 41, hname: 60, kind: optInt}, // IPV6_RECVPATHMTU
	{level: guestIPProtoIPv6, name: guestIPv6Pathmtu, hlevel: 41, hname: 61, kind: optMTUInfo, getOnly: true},
	{level: guestIPProtoIPv6, name: guestIPv6Pktinfo, hlevel: 41, hname: 50, kind: optBytes},
	{level: guestIPProtoIPv6, name: guestIPv6Hoplimit, hlevel: 41, hname: 52, kind: optInt},
	{level: guestIPProtoIPv6, name: 61, hlevel: 41, hname: 49, kind: optInt}, // IPV6_RECVPKTINFO
	{level: guestIPProtoIPv6, name: guestIPv6Dontfrag, hlevel: 41, hname: 62, kind: optInt},
	{level: guestIPProtoIPv6, name: 80, hlevel: 41, hname: 42, kind: optGroup, arg: 1, noRead: true},                    // MCAST_JOIN_GROUP
	{level: guestIPProtoIPv6, name: 81, hlevel: 41, hname: 45, kind: optGroup, arg: 1, noRead: true},                    // MCAST_LEAVE_GROUP
	{level: guestIPProtoIPv6, name: 82, hlevel: 41, hname: 46, kind: optGroup, arg: 2, noRead: true},                    // MCAST_JOIN_SOURCE_GROUP
	{level: guestIPProtoIPv6, name: 83, hlevel: 41, hname: 47, kind: optGroup, arg: 2, noRead: true},                    // MCAST_LEAVE_SOURCE_GROUP
	{level: guestIPProtoIPv6, name: 84, hlevel: 41, hname: 43, kind: optGroup, arg: 2, noRead: true},                    // MCAST_BLOCK_SOURCE
	{level: guestIPProtoIPv6, name: 85, hlevel: 41, hname: 44, kind: optGroup, arg: 2, noRead: true},                    // MCAST_UNBLOCK_SOURCE
	{level: guestIPProtoIPv6, name: 125, kind: optBoundIf},                                                              // IPV6_BOUND_IF
	{level: guestIPProtoICMP6, name: 18, hlevel: 58, hname: 1, kind: optICMP6},                                          // ICMP6_FILTER
	{level: guestIPProtoUDP, name: 0x1, kind: optNoChecksum, on: 0x2000},                                                // UDP_NOCKSUM
	{level: guestIPProtoTCP, name: 0x1, hlevel: 6, hname: 1, kind: optFlag, on: 0x4},                                    // TCP_NODELAY
	{level: guestIPProtoTCP, name: 0x2, kind: optMaxseg},                                                                // TCP_MAXSEG
	{level: guestIPProtoTCP, name: 0x4, hlevel: 6, hname: 3, kind: optFlag, on: 0x1000},                                 // TCP_NOPUSH
	{level: guestIPProtoTCP, name: 0x8, kind: optMem, on: 0x8},                                                          // TCP_NOOPT
	{level: guestIPProtoTCP, name: 0x10, hname: 4, kind: optKeep, arg: uint32(fdKeepIdle), begin: 7200},                 // TCP_KEEPALIVE
	{level: guestIPProtoTCP, name: 0x20, hlevel: 6, hname: 18, kind: optMillis},                                         // TCP_CONNECTIONTIMEOUT
	{level: guestIPProtoTCP, name: 0x40, kind: optMem, mem: memInt(0, math.MaxInt32), since: XNU1699},                   // PERSIST_TIMEOUT
	{level: guestIPProtoTCP, name: 0x80, hlevel: 6, hname: 18, kind: optMillis, since: XNU1699},                         // TCP_RXT_CONNDROPTIME
	{level: guestIPProtoTCP, name: 0x100, kind: optMem, since: XNU1699},                                                 // TCP_RXT_FINDROP
	{level: guestIPProtoTCP, name: 0x101, hname: 5, kind: optKeep, arg: uint32(fdKeepIntvl), begin: 75, since: XNU2422}, // TCP_KEEPINTVL
	{level: guestIPProtoTCP, name: guestTCPKeepcnt, hname: 6, kind: optKeep, arg: uint32(fdKeepCnt), begin: 8, since: XNU2422},
	{level: guestIPProtoTCP, name: 0x103, kind: optMem, mem: memInt(0, 1), since: XNU2422},           // TCP_SENDMOREACKS
	{level: guestIPProtoTCP, name: 0x104, kind: optMem, since: XNU2782},                              // TCP_ENABLE_ECN
	{level: guestIPProtoTCP, name: 0x105, hlevel: 6, hname: 23, kind: optFastopen, since: XNU3248},   // TCP_FASTOPEN
	{level: guestIPProtoTCP, name: 0x202, kind: optMem, on: 0x8, since: XNU2050},                     // TCP_MEASURE_SND_BW
	{level: guestIPProtoTCP, name: 0x205, kind: optMem, mem: memInt(0, 10), since: XNU2422},          // TCP_ADAPTIVE_READ_TIMEOUT
	{level: guestIPProtoTCP, name: 0x207, kind: optMem, mem: memInt(0, 10), since: XNU2422},          // TCP_ADAPTIVE_WRITE_TIMEOUT
	{level: guestIPProtoTCP, name: 0x208, kind: optMem, since: XNU2782},                              // TCP_NOTIMEWAIT
	{level: guestIPProtoTCP, name: 0x209, kind: optMem, mem: memInt(0, 1), since: XNU2782},           // TCP_DISABLE_BLACKHOLE_DETECTION
	{level: guestIPProtoTCP, name: 0x210, kind: optMem, mem: memInt(0, 2), since: XNU3248},           // TCP_ECN_MODE
	{level: guestIPProtoTCP, name: 0x211, kind: optMem, mem: memKeepaliveOffload, since: XNU3789},    // TCP_KEEPALIVE_OFFLOAD
	{level: guestIPProtoTCP, name: 0x215, kind: optMem, mem: memMinimumTimeout, since: XNU4570},      // TCP_RXT_MINIMUM_TIMEOUT
	{level: guestIPProtoTCP, name: 0x218, kind: optMem, mem: ofClosed(memInt(0, 1)), since: XNU6153}, // TCP_FASTOPEN_FORCE_ENABLE
	{level: guestIPProtoTCP, name: 0x21b, kind: optMem, mem: memInt(0, 1), since: XNU10002},          // TCP_ENABLE_L4S
	{level: guestIPProtoTCP, name: 0x106, hlevel: 6, hname: 11, kind: optTCPInfo, since: XNU3248, getOnly: true},
	{level: guestIPProtoTCP, name: 0x201, hlevel: 6, hname: 25, kind: optNatural, since: XNU2050}, // TCP_NOTSENT_LOWAT
}

// localOpts are those of a unix socket, which looks at the option and not at
// its level. None can be set.
var localOpts = [...]sockopt{
	{name: 1, kind: optPeercred, getOnly: true, setErr: EOPNOTSUPP},                  // LOCAL_PEERCRED
	{name: 2, kind: optPeerpid, since: XNU2050, getOnly: true, setErr: EOPNOTSUPP},   // LOCAL_PEERPID
	{name: 3, kind: optPeerpid, since: XNU2422, getOnly: true, setErr: EOPNOTSUPP},   // LOCAL_PEEREPID
	{name: 4, kind: optPeeruuid, since: XNU2422, getOnly: true, setErr: EOPNOTSUPP},  // LOCAL_PEERUUID
	{name: 5, kind: optPeeruuid, since: XNU2422, getOnly: true, setErr: EOPNOTSUPP},  // LOCAL_PEEREUUID
	{name: 6, kind: optPeertoken, since: XNU7195, getOnly: true, setErr: EOPNOTSUPP}, // LOCAL_PEERTOKEN
}

var sockoptIndex = func() map[int64]*sockopt {
	m := make(map[int64]*sockopt, len(sockopts))
	for i := range sockopts {
		o := &sockopts[i]
		m[o.key()] = o
	}
	return m
}()

// findSockopt looks the option up; ENOPROTOOPT if there is none.
func (t *Thread) findSockopt(fd, level, name int32) (*sockopt, Errno) {
	dom, e := sockoptInt(fd, syscall.SOL_SOCKET, linuxSoDomain)
	if e != 0 {
		return nil, e
	}
	if level != guestSolSocket {
		if dom == syscall.AF_UNIX {
			for i := range localOpts {
				if o := &localOpts[i]; o.name == name && o.since <= t.p.Release {
					return o, 0
				}
			}
			return nil, EOPNOTSUPP // xnu-11417 bsd/kern/uipc_usrreq.c:uipc_ctloutput
		}
		if e := levelError(level, dom, sockInt(fd, syscall.SO_TYPE), sockInt(fd, linuxSoProtocol)); e != 0 {
			return nil, e
		}
	}
	o := sockoptIndex[int64(level)<<32|int64(name)]
	if o == nil {
		warnOncef("socket option %#x of level %#x is not implemented: ENOPROTOOPT", name, level)
		return nil, ENOPROTOOPT
	}
	if t.p.Release < o.since || o.until != 0 && t.p.Release >= o.until {
		return nil, ENOPROTOOPT
	}
	return o, 0
}

// sockoptInt and setSockoptInt read and write an integer option of the host.
func sockoptInt(fd int32, level, name int) (int, Errno) {
	var v int32
	n := uint32(4)
	_, e := host(syscall.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name), uintptr(unsafe.Pointer(&v)), uintptr(unsafe.Pointer(&n)), 0)
	return int(v), e
}

func setSockoptInt(fd int32, level, name, val int) Errno {
	v := int32(val)
	_, e := host(syscall.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name), uintptr(unsafe.Pointer(&v)), 4, 0)
	return e
}

func sysSetsockopt(t *Thread, a *args) (uint64, Errno) {
	fd, level, name, val, n := int32(a[0]), int32(a[1]), int32(a[2]), a[3], uint32(a[4])
	b := t.sockBuf()
	if bothShut(fd) {
		return 0, EINVAL // xnu-11417 bsd/kern/uipc_socket.c:sosetoptlock
	}
	o, e := t.findSockopt(fd, level, name)
	if e != 0 {
		return 0, e
	}
	if o.getOnly {
		return 0, orNoprotoopt(o.setErr)
	}
	g := b.val[:min(n, uint32(len(b.val)))]
	if val == 0 && n > 0 {
		return 0, EFAULT
	}
	if e := copyinBytes(g, val); e != 0 {
		return 0, e
	}
	if need := o.size(t.abi()); len(g) < need {
		return 0, EINVAL // xnu-11417 bsd/kern/uipc_socket.c:sooptcopyin
	}
	if o.kind == optReuse {
		return 0, setReuse(fd, reuse(o.name), getUint32(g) != 0)
	}
	h := b.ctl[:]
	hn, e := o.toHost(t, h, g, fd)
	if e != 0 || hn < 0 {
		return 0, e
	}
	_, e = host(syscall.SYS_SETSOCKOPT, uintptr(fd), uintptr(o.hostLevel()), uintptr(o.hostName()), hostBuf(&h[0]), uintptr(hn), 0)
	if e == 0 && o.kind == optRecvBit {
		if getUint32(g) != 0 {
			setFDBits(fd, fdBits(o.arg))
		} else {
			clearFDBits(fd, fdBits(o.arg))
		}
	}
	if e == ENODEV {
		// No interface has the group's address (xnu-11417
		// bsd/netinet/in_mcast.c:inp_join_group).
		e = EADDRNOTAVAIL
	}
	return 0, e
}

// orNoprotoopt is the error of an option that can only be read or only be set.
func orNoprotoopt(e Errno) Errno {
	if e == 0 {
		return ENOPROTOOPT
	}
	return e
}

func (o *sockopt) hostLevel() int32 {
	if o.kind == optBoundIf {
		return syscall.SOL_SOCKET
	}
	return o.hlevel
}

func (o *sockopt) hostName() int32 {
	if o.kind == optBoundIf {
		return linuxSoBindtoifindex
	}
	return o.hname
}

// size is the least number of bytes that setsockopt must be given.
func (o *sockopt) size(g abi) int {
	switch o.kind {
	case optBytes:
		return 0 // the host checks
	case optLinger, optLingerS, optNpx:
		return 8
	case optRefuse:
		if o.name == soNKE {
			return soNKESize[g]
		}
		return 0
	case optTimeval:
		return timevalSize[g]
	case optSource:
		return 12
	case optGroup:
		return 4 + 128*int(o.arg)
	case optICMP6:
		return 32
	}
	return 4
}

// toHost translates a value to the host's form in h and returns its length,
// or -1 if the host need not be told.
func (o *sockopt) toHost(t *Thread, h, g []byte, fd int32) (int, Errno) {
	abi := t.abi()
	switch o.kind {
	case optMem:
		return -1, o.setMem(t, fd, int32(getUint32(g)))
	case optRefuse:
		return -1, o.setErr
	case optBufSize:
		return -1, t.setBufSize(fd, int(o.hname), int32(getUint32(g)))
	case optSndlowat, optRcvlowat:
		return -1, t.setLowat(fd, int(o.hname), int32(getUint32(g)))
	case optKeep:
		return -1, o.setKeep(fd, int32(getUint32(g)))
	case optMaxseg:
		return -1, t.setMaxseg(fd, int32(getUint32(g)))
	case optTimestamp:
		return -1, setTimestamp(fd, fdBits(o.arg), getUint32(g) != 0)
	case optNpx:
		// struct so_np_extensions: flags 0/4, mask 4/4
		if getUint32(g[4:])&^1 != 0 {
			return 0, EINVAL
		}
		if getUint32(g[4:]) != 0 {
			makeSockMem(fd).setOption(o, getUint32(g)&1)
		}
		return -1, 0
	case optNoChecksum:
		v := min(getUint32(g), 1)
		return -1, setSockoptInt(fd, syscall.SOL_SOCKET, linuxSoNoCheck, int(v))
	case optFastopen:
		v := int32(getUint32(g))
		if v < 0 || v > 1 || tcpState(fd) != tcpListen {
			return 0, EINVAL
		}
		putUint32(h, uint32(v)*tfoBacklog)
		return 4, 0
	case optNatural:
		if int32(getUint32(g)) < 0 {
			return 0, EINVAL
		}
		putUint32(h, getUint32(g))
		return 4, 0
	case optBytes:
		return copy(h, g), 0
	case optFlag:
		v := uint32(0)
		if getUint32(g) != 0 {
			v = 1
		}
		putUint32(h, v)
		return 4, 0
	case optInt, optBoundIf:
		putUint32(h, getUint32(g))
		return 4, 0
	case optRecvBit:
		v := getUint32(g)
		if v == 0 && o.hname == linuxIPPktinfo {
			// Linux's one option serves two of XNU's.
			if other := (fdRecvIf | fdPktinfo) &^ fdBits(o.arg); fdBitsOf(fd)&other != 0 {
				v = 1
			}
		}
		putUint32(h, v)
		return 4, 0
	case optLinger, optLingerS:
		l := int32(getUint32(g[4:]))
		if o.kind == optLinger {
			l = lingerSeconds(l)
		}
		putUint32(h, getUint32(g))
		putUint32(h[4:], uint32(l))
		return 8, 0
	case optTimeval:
		sec, usec := abi.timevalOption(g)
		if usec < 0 || usec >= 1e6 {
			return 0, EDOM // xnu-11417 bsd/kern/uipc_socket.c:sosetoptlock
		}
		putUint64(h, uint64(sec))
		putUint64(h[8:], uint64(usec))
		return 16, 0
	case optNosig:
		if getUint32(g) != 0 {
			setFDBits(fd, fdNosigpipe)
		} else {
			clearFDBits(fd, fdNosigpipe)
		}
		return -1, 0
	case optMillis:
		v := int32(getUint32(g))
		if v < 0 || v > 1<<31/1000-1 {
			return 0, EINVAL
		}
		makeSockMem(fd).setOption(o, uint32(v))
		putUint32(h, uint32(v)*1000)
		return 4, 0
	case optSource:
		// XNU: group, source, interface; Linux: group, interface, source.
		copy(h, g[:4])
		copy(h[4:], g[8:12])
		copy(h[8:], g[4:8])
		return 12, 0
	case optGroup:
		// XNU packs to 4: the addresses follow the index at once; Linux
		// leaves 4 bytes between.
		putUint32(h, getUint32(g))
		putUint32(h[4:], 0)
		for i := range int(o.arg) {
			sa := g[4+128*i:][:128]
			n := guestSockaddrIn4Len
			if sa[1] == guestAfInet6 {
				n = guestSockaddrIn6Len
			}
			to := h[8+128*i:][:128]
			clear(to)
			if _, e := hostSockaddr(to, sa[:n]); e != 0 {
				return 0, e
			}
		}
		return 8 + 128*int(o.arg), 0
	case optIfindex:
		clear(h[:12]) // struct ip_mreqn: group, address, index
		copy(h[8:], g[:4])
		return 12, 0
	case optDontfrag:
		v := uint32(0) // IP_PMTUDISC_DONT
		if getUint32(g) != 0 {
			v = 2 // IP_PMTUDISC_DO
		}
		putUint32(h, v)
		return 4, 0
	case optICMP6:
		for i := range 32 {
			h[i] = ^g[i] // a set bit lets pass on XNU and stops on Linux
		}
		return 32, 0
	}
	warnOncef("setting socket option %#x of level %#x is not implemented: ENOPROTOOPT", o.name, o.level)
	return 0, ENOPROTOOPT
}

// lingerSeconds rounds 1/100 s up, so that a short time does not become none.
func lingerSeconds(ticks int32) int32 {
	if ticks <= 0 {
		return ticks
	}
	return (ticks-1)/100 + 1
}

func sysGetsockopt(t *Thread, a *args) (uint64, Errno) {
	fd, level, name, val, lenp := int32(a[0]), int32(a[1]), int32(a[2]), a[3], a[4]
	b := t.sockBuf()
	o, e := t.findSockopt(fd, level, name)
	if e != 0 {
		return 0, e
	}
	if o.noRead || o.kind == optRefuse {
		return 0, orNoprotoopt(o.getErr)
	}
	var l [4]byte
	room := uint32(0)
	if val != 0 {
		if e := copyinBytes(l[:], lenp); e != 0 {
			return 0, e
		}
		room = getUint32(l[:])
	}
	h, g := b.ctl[:512], b.val[:]
	b.vlen = o.hostSize(room)
	if hname := o.hostName(); hname != 0 {
		if _, e := host(syscall.SYS_GETSOCKOPT, uintptr(fd), uintptr(o.hostLevel()), uintptr(hname), hostBuf(&h[0]), uintptr(unsafe.Pointer(&b.vlen)), 0); e != 0 {
			return 0, e
		}
	}
	n, e := o.toGuest(t, g, h[:b.vlen], fd)
	if e != 0 {
		return 0, e
	}
	if val == 0 {
		return 0, 0
	}
	n = min(n, int(room))
	if e := copyoutBytes(val, g[:n]); e != 0 {
		return 0, e
	}
	putUint32(l[:], uint32(n))
	return 0, copyoutBytes(lenp, l[:])
}

// hostSize is how much of the option to ask the host for.
func (o *sockopt) hostSize(room uint32) uint32 {
	switch o.kind {
	case optBytes:
		return min(room, 256)
	case optLinger, optLingerS:
		return 8
	case optTimeval:
		return 16
	case optTCPInfo:
		return 512
	case optICMP6, optMTUInfo:
		return 32
	}
	return 4
}

// toGuest translates the host's value h and returns the length of g.
func (o *sockopt) toGuest(t *Thread, g, h []byte, fd int32) (int, Errno) {
	abi := t.abi()
	switch o.kind {
	case optBytes:
		return copy(g, h), 0
	case optInt, optNatural, optBoundIf, optRcvlowat:
		putUint32(g, getUint32(h))
	case optMem:
		putUint32(g, o.getMem(fd))
	case optKeep:
		putUint32(g, o.getKeep(t, fd))
	case optMaxseg:
		putUint32(g, t.maxseg(fd))
	case optNpx:
		v, _ := sockMemOf(fd).option(o)
		putUint32(g, v)
		putUint32(g[4:], 1)
		return 8, 0
	case optTimestamp:
		v := uint32(0)
		if fdBitsOf(fd)&fdBits(o.arg) != 0 {
			v = uint32(o.name)
		}
		putUint32(g, v)
	case optNumPackets:
		if sockInt(fd, syscall.SO_TYPE) == guestSockStream {
			return 0, ENOPROTOOPT
		}
		putUint32(g, numPackets(fd))
	case optNoChecksum:
		v := uint32(0)
		if sockInt(fd, linuxSoNoCheck) > 0 {
			v = o.on
		}
		putUint32(g, v)
	case optFastopen:
		if tcpState(fd) != tcpListen {
			return 0, ENOTSUP
		}
		putUint32(g, min(getUint32(h), 1))
	case optMarking:
		// 1 says that the interface marks by link layer: none does more.
		v := uint32(0)
		if d := sockInt(fd, linuxSoDomain); d != syscall.AF_UNIX && hasPeer(fd) {
			v = 1
		}
		putUint32(g, v)
	case optSndlowat:
		v, e := t.sndlowat(fd)
		if e != 0 {
			return 0, e
		}
		putUint32(g, v)
	case optFlag:
		// The value is the bit in so_options (xnu-11417
		// bsd/kern/uipc_socket.c:sogetoptlock).
		v := getUint32(h)
		if v != 0 {
			v = uint32(o.name)
			if o.on != 0 {
				v = o.on // of TCP its own (bsd/netinet/tcp_var.h: TF_NODELAY)
			}
		}
		putUint32(g, v)
	case optRecvBit:
		v := uint32(0)
		if fdBitsOf(fd)&fdBits(o.arg) != 0 {
			v = 1
		}
		putUint32(g, v)
	case optLinger, optLingerS:
		v := getUint32(h)
		if v != 0 {
			v = 1
			if t.p.Release < XNU2422 {
				v = guestSoLinger // the bit in so_options
			}
		}
		l := int32(getUint32(h[4:]))
		if o.kind == optLinger {
			l = min(l, 1<<31/100-1) * 100
		}
		putUint32(g, v)
		putUint32(g[4:], uint32(l))
		return 8, 0
	case optTimeval:
		return abi.putTimevalOption(g, int64(getUint64(h)), int64(getUint64(h[8:]))), 0
	case optBufSize:
		snd, rcv, e := t.bufSizes(fd)
		if e != 0 {
			return 0, e
		}
		if o.hname == syscall.SO_SNDBUF {
			putUint32(g, snd)
		} else {
			putUint32(g, rcv)
		}
	case optError:
		e := fromHost(uintptr(getUint32(h)))
		if k := takeSockError(fd); k != 0 {
			e = k
		}
		putUint32(g, uint32(e))
	case optReuse:
		v, e := getReuse(fd, reuse(o.name))
		if e != 0 {
			return 0, e
		}
		putUint32(g, uint32(v))
	case optNread, optNwrite:
		req := uintptr(linuxFionread)
		if o.kind == optNwrite {
			req = linuxTiocoutq
		}
		v, _ := ioctlInt(fd, req)
		putUint32(g, uint32(v))
	case optNosig:
		v := uint32(0)
		if fdBitsOf(fd)&fdNosigpipe != 0 {
			v = 1
		}
		putUint32(g, v)
	case optMillis:
		v, _ := sockMemOf(fd).option(o)
		putUint32(g, v)
	case optIfindex:
		// Linux tells the address only.
		return 0, ENOPROTOOPT
	case optDontfrag:
		v := uint32(0)
		if getUint32(h) == 2 {
			v = 1
		}
		putUint32(g, v)
	case optICMP6:
		for i := range 32 {
			g[i] = ^h[i]
		}
		return 32, 0
	case optMTUInfo:
		copy(g, h[:32])
		g[0], g[1] = guestSockaddrIn6Len, guestAfInet6
		return 32, 0
	case optTCPInfo:
		return tcpConnectionInfo(g, h), 0
	case optPeercred, optPeerpid, optPeeruuid, optPeertoken:
		return t.peercred(g, o.kind, fd)
	default:
		return 0, ENOPROTOOPT
	}
	return 4, 0
}

const (
	guestSoLinger  = 0x80
	soNKE          = 0x1021
	linuxSoNoCheck = 11
	tfoBacklog     = 10 // net.inet.tcp.fastopen_backlog
)

// soNKESize is the size of struct so_nke: three ints and four longs.
var soNKESize = [...]int{abi64: 48, abi32: 28}

// setTimestamp turns on or off that fd tells the time of arrival in the form
// that bit stands for. The host has one form.
func setTimestamp(fd int32, bit fdBits, on bool) Errno {
	const all = fdTimeReal | fdTimeMono | fdTimeCont
	if on {
		setFDBits(fd, bit)
	} else {
		clearFDBits(fd, bit)
	}
	v := 0
	if fdBitsOf(fd)&all != 0 {
		v = 1
	}
	return setSockoptInt(fd, syscall.SOL_SOCKET, linuxSoTimestamp, v)
}

// peercred answers the options about the peer of a unix socket. LOCAL_PEERCRED
// is a struct xucred: version 0/4, uid 4/4, ngroups 8/2, groups 12/64, and
// stays when the peer has gone (xnu-11417 bsd/sys/ucred.h,
// bsd/kern/uipc_usrreq.c:uipc_ctloutput). The process is the one that has made
// the socket or connected it, as the host tells; XNU has the last that used it.
func (t *Thread) peercred(g []byte, kind optKind, fd int32) (int, Errno) {
	stream := sockInt(fd, syscall.SO_TYPE) == guestSockStream
	if kind == optPeercred && !stream {
		return 0, EINVAL
	}
	if kind != optPeercred && (!hasPeer(fd) || stream && hungUp(fd)) {
		return 0, ENOTCONN
	}
	var c syscall.Ucred
	n := uint32(unsafe.Sizeof(c))
	if _, e := host(syscall.SYS_GETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED, uintptr(unsafe.Pointer(&c)), uintptr(unsafe.Pointer(&n)), 0); e != 0 {
		return 0, e
	}
	if c.Pid == 0 {
		if stream {
			return 0, ENOTCONN
		}
		// The host does not know the peer of a datagram socket, which for a
		// connected one is most often in this process.
		c.Pid, c.Uid, c.Gid = int32(syscall.Getpid()), uint32(syscall.Geteuid()), uint32(syscall.Getegid())
	}
	switch kind {
	case optPeerpid:
		putUint32(g, uint32(c.Pid))
		return 4, 0
	case optPeeruuid:
		id := t.executableUUID(int(c.Pid))
		return copy(g, id[:]), 0
	case optPeertoken:
		// audit_token_t: auid, euid, egid, ruid, rgid, pid, asid, pidversion
		// (xnu-11417 bsd/kern/kern_prot.c:set_security_token_task_internal).
		clear(g[:32])
		for i, v := range [...]uint32{c.Uid, c.Uid, c.Gid, c.Uid, c.Gid, uint32(c.Pid), 0, 1} {
			putUint32(g[4*i:], v)
		}
		return 32, 0
	}
	clear(g[:76])
	putUint32(g[4:], c.Uid)
	putUint16(g[8:], 1)
	putUint32(g[12:], c.Gid)
	return 76, 0
}

// hungUp reports whether the other end of a stream has gone.
func hungUp(fd int32) bool { return pollState(fd)&linuxPollhup != 0 }

// executableUUID is the LC_UUID of the program that process pid runs; zeros if
// it has none or is not a darwin program.
func (t *Thread) executableUUID(pid int) (id [16]byte) {
	path := t.p.cfg.Path
	if pid != syscall.Getpid() {
		if v := kernProcargs2(t, []int32{int32(pid)}); v.err == 0 && len(v.data) > 4 {
			path = cstring(v.data[4:])
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	b := make([]byte, 64<<10)
	n, _ := io.ReadFull(f, b)
	// mach_header: magic 0/4, ncmds 16/4, sizeofcmds 20/4, then the commands,
	// each cmd 0/4, cmdsize 4/4; the header of 64 bits is 4 bytes longer.
	if n < 32 {
		return
	}
	at := 28
	switch getUint32(b) {
	case 0xfeedface:
	case 0xfeedfacf:
		at = 32
	default:
		return
	}
	for b = b[at:n]; len(b) >= 24; {
		const loadUUID = 0x1b // LC_UUID: uuid 8/16
		size := getUint32(b[4:])
		if getUint32(b) == loadUUID {
			copy(id[:], b[8:24])
			return
		}
		if size < 8 || uint64(size) > uint64(len(b)) {
			return
		}
		b = b[size:]
	}
	return
}

// tcpConnectionInfo fills a struct tcp_connection_info, 112 bytes
// (xnu-11417 bsd/netinet/tcp.h), from Linux's struct tcp_info.
func tcpConnectionInfo(g, h []byte) int {
	const size = 112
	clear(g[:size])
	if len(h) < 104 {
		return size
	}
	g[0] = guestTCPState(h[0])
	g[1] = h[6] & 15 // snd_wscale
	g[2] = h[6] >> 4 // rcv_wscale
	var opts uint32
	if h[5]&1 != 0 { // TCPI_OPT_TIMESTAMPS
		opts |= 1
	}
	if h[5]&2 != 0 { // SACK
		opts |= 2
	}
	if h[5]&4 != 0 { // WSCALE
		opts |= 4
	}
	putUint32(g[4:], opts)
	mss := getUint32(h[16:])
	putUint32(g[12:], getUint32(h[8:])/1000)  // rto, ms
	putUint32(g[16:], mss)                    // maxseg
	putUint32(g[20:], getUint32(h[76:])*mss)  // snd_ssthresh
	putUint32(g[24:], getUint32(h[80:])*mss)  // snd_cwnd
	putUint32(g[40:], getUint32(h[68:])/1000) // rttcur
	putUint32(g[44:], getUint32(h[68:])/1000) // srtt
	putUint32(g[48:], getUint32(h[72:])/1000) // rttvar
	if len(h) >= 144 {
		putUint64(g[64:], getUint64(h[120:])) // txbytes: bytes acked
		putUint64(g[88:], getUint64(h[128:])) // rxbytes
		putUint64(g[56:], uint64(getUint32(h[136:])))
		putUint64(g[80:], uint64(getUint32(h[140:])))
	}
	putUint64(g[104:], uint64(getUint32(h[100:]))) // txretransmitpackets
	return size
}

// guestTCPState translates TCP_ESTABLISHED (1) and so on of Linux to TCPS_
// numbers (xnu-11417 bsd/netinet/tcp_fsm.h).
func guestTCPState(h byte) byte {
	states := [...]byte{1: 4, 2: 2, 3: 3, 4: 6, 5: 9, 6: 10, 7: 0, 8: 5, 9: 8, 10: 1, 11: 7, 12: 3}
	if int(h) < len(states) {
		return states[h]
	}
	return 0
}
