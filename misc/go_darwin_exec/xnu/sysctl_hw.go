// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

func init() {
	sysctlTables = append(sysctlTables, hwSysctls, hwOptional(), machdepSysctls)
}

// A hostCPU is what /proc/cpuinfo and /sys tell: CPUID as the host's kernel
// has filtered it, so that a feature which the kernel has turned off is off.
type hostCPU struct {
	vendor, brand           string
	family, model, stepping int64
	flags                   map[string]bool
	khz                     int64
	threads, cores          int64
	packages                int64
	physBits, virtBits      int64
	l1i, l1d, l2, l3        int64
	microcode               int64
}

var cpuOnce = sync.OnceValue(func() *hostCPU {
	c := parseCPUInfo(string(readHostFile("/proc/cpuinfo")))
	for i := range 5 {
		dir := "/sys/devices/system/cpu/cpu0/cache/index" + strconv.Itoa(i) + "/"
		level := string(bytes.TrimSpace(readHostFile(dir + "level")))
		typ := string(bytes.TrimSpace(readHostFile(dir + "type")))
		size := parseSize(string(bytes.TrimSpace(readHostFile(dir + "size"))))
		switch {
		case level == "1" && typ == "Instruction":
			c.l1i = size
		case level == "1":
			c.l1d = size
		case level == "2":
			c.l2 = size
		case level == "3":
			c.l3 = size
		}
	}
	return c
})

// parseSize reads "32K" and "8M".
func parseSize(s string) int64 {
	mul := int64(1)
	switch {
	case strings.HasSuffix(s, "K"):
		mul = 1 << 10
	case strings.HasSuffix(s, "M"):
		mul = 1 << 20
	}
	n, _ := strconv.ParseInt(strings.TrimRight(s, "KM"), 10, 64)
	return n * mul
}

// parseCPUInfo reads /proc/cpuinfo.
func parseCPUInfo(text string) *hostCPU {
	c := &hostCPU{flags: map[string]bool{}}
	cores, packages := map[string]bool{}, map[string]bool{}
	pkg := ""
	for line := range strings.SplitSeq(text, "\n") {
		key, val, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		key, val = strings.TrimSpace(key), strings.TrimSpace(val)
		n, _ := strconv.ParseInt(val, 0, 64)
		switch key {
		case "processor":
			c.threads++
		case "vendor_id":
			c.vendor = val
		case "model name":
			c.brand = val
		case "cpu family":
			c.family = n
		case "model":
			c.model = n
		case "stepping":
			c.stepping = n
		case "microcode":
			c.microcode = n
		case "cpu MHz":
			if f, err := strconv.ParseFloat(val, 64); err == nil && c.khz == 0 {
				c.khz = int64(f * 1000)
			}
		case "physical id":
			pkg = val
			packages[val] = true
		case "core id":
			cores[pkg+"/"+val] = true
		case "flags":
			if len(c.flags) == 0 {
				for f := range strings.FieldsSeq(val) {
					c.flags[f] = true
				}
			}
		case "address sizes":
			for part := range strings.SplitSeq(val, ",") {
				f := strings.Fields(part)
				if len(f) == 3 {
					bits, _ := strconv.ParseInt(f[0], 10, 64)
					if f[2] == "physical" {
						c.physBits = bits
					} else {
						c.virtBits = bits
					}
				}
			}
		}
	}
	c.threads = max(c.threads, 1)
	c.cores = max(int64(len(cores)), 1)
	c.packages = max(int64(len(packages)), 1)
	return c
}

// ncpu is the number of CPUs that the process may use: what nproc says, so that
// a guest in a container does not start more threads than there are CPUs.
var ncpu = sync.OnceValue(func() int64 {
	var mask [1024]byte
	n, e := host(syscall.SYS_SCHED_GETAFFINITY, 0, uintptr(len(mask)), hostBuf(&mask[0]), 0, 0, 0)
	if e != 0 {
		return cpuOnce().threads
	}
	count := int64(0)
	for _, b := range mask[:n] {
		for ; b != 0; b &= b - 1 {
			count++
		}
	}
	return max(count, 1)
})

func fromCPU(f func(*hostCPU) int64) func(*Thread, []int32) sysctlValue {
	return func(*Thread, []int32) sysctlValue { return number(f(cpuOnce())) }
}

func textFromCPU(f func(*hostCPU) string) func(*Thread, []int32) sysctlValue {
	return func(*Thread, []int32) sysctlValue { return text(f(cpuOnce())) }
}

func numCPU(*Thread, []int32) sysctlValue { return number(ncpu()) }

func numCores(*Thread, []int32) sysctlValue { return number(min(cpuOnce().cores, ncpu())) }

func memsize(*Thread, []int32) sysctlValue { return number(hostMemory()) }

// hostMemory is the size of the host's memory in bytes.
func hostMemory() int64 {
	var si syscall.Sysinfo_t
	if syscall.Sysinfo(&si) != nil {
		return 0
	}
	return int64(si.Totalram) * int64(si.Unit)
}

func hz(*Thread, []int32) sysctlValue { return number(cpuOnce().khz * 1000) }

const (
	cpuTypeI386      = 7 // CPU_TYPE_I386: what a K64 kernel reports as well
	cpuSubtypeX86_64 = 4 // CPU_SUBTYPE_X86_ARCH1
	cpuSubtypeH      = 8 // CPU_SUBTYPE_X86_64_H: with AVX2 and its kin
)

func cpuSubtype(c *hostCPU) int64 {
	if c.flags["avx2"] && c.flags["bmi2"] && c.flags["fma"] {
		return cpuSubtypeH
	}
	return cpuSubtypeX86_64
}

// cpuFamily is hw.cpufamily (xnu-11215 osfmk/mach/machine.h: CPUFAMILY_INTEL_,
// osfmk/i386/cpuid.c:cpuid_set_cpufamily); 0 is CPUFAMILY_UNKNOWN. Values with
// the high bit set are negative ints.
func cpuFamily(c *hostCPU) int64 {
	if c.vendor != "GenuineIntel" || c.family != 6 {
		return 0
	}
	for _, f := range []struct {
		value  uint32
		models []int64
	}{
		{0x78ea4fbc, []int64{0x17, 0x1d}},                   // PENRYN
		{0x6b5a4cd2, []int64{0x1a, 0x1e, 0x1f, 0x2e}},       // NEHALEM
		{0x573b5eec, []int64{0x25, 0x2c, 0x2f}},             // WESTMERE
		{0x5490b78c, []int64{0x2a, 0x2d}},                   // SANDYBRIDGE
		{0x1f65e835, []int64{0x3a, 0x3e}},                   // IVYBRIDGE
		{0x10b282dc, []int64{0x3c, 0x3f, 0x45, 0x46}},       // HASWELL
		{0x582ed09c, []int64{0x3d, 0x47, 0x4f, 0x56}},       // BROADWELL
		{0x37fc219f, []int64{0x4e, 0x55, 0x5e}},             // SKYLAKE
		{0x0f817246, []int64{0x8e, 0x9e}},                   // KABYLAKE
		{0x38435547, []int64{0x6a, 0x6c, 0x7d, 0x7e, 0x8f}}, // ICELAKE, and newer servers
		{0x1cf8a03e, []int64{0xa5, 0xa6}},                   // COMETLAKE
	} {
		if slices.Contains(f.models, c.model) {
			return int64(int32(f.value))
		}
	}
	return 0
}

// clamp32 is what an int variable shows of a number that may be larger.
func clamp32(v int64) int64 { return min(v, 1<<31-1) }

// hwSysctls is CTL_HW (xnu-11215 bsd/kern/kern_mib.c). Where a name and a number
// of the header differ in type, the numbered one (an int) has no name here.
var hwSysctls = []sysctl{
	{"hw.machine", []int32{ctlHW, 1}, sysctlString, 0, 0, constantText("x86_64")},
	{"hw.model", []int32{ctlHW, 2}, sysctlString, 0, 0, constantText("goxnu1,1")},
	{"hw.ncpu", []int32{ctlHW, 3}, sysctlInt, 0, 0, numCPU},
	{"hw.byteorder", []int32{ctlHW, 4}, sysctlInt, 0, 0, constant(1234)},
	{"hw.physmem", []int32{ctlHW, 5}, sysctlInt, 0, 0, func(*Thread, []int32) sysctlValue {
		return number(int64(int32(uint32(min(hostMemory(), 0x80000000)))))
	}},
	{"hw.usermem", []int32{ctlHW, 6}, sysctlInt, 0, 0, func(*Thread, []int32) sysctlValue {
		return number(clamp32(hostMemory() / 8 * 7))
	}},
	{"", []int32{ctlHW, 7}, sysctlInt, 0, 0, constant(4096)},
	{"hw.epoch", []int32{ctlHW, 10}, sysctlInt, 0, 0, constant(0)},
	{"hw.vectorunit", []int32{ctlHW, 13}, sysctlInt, 0, 0, constant(1)},
	{"", []int32{ctlHW, 14}, sysctlInt, 0, 0, constant(100000000)},
	{"", []int32{ctlHW, 15}, sysctlInt, 0, 0, func(t *Thread, a []int32) sysctlValue { return number(clamp32(cpuOnce().khz * 1000)) }},
	{"", []int32{ctlHW, 16}, sysctlInt, 0, 0, constant(64)},
	{"", []int32{ctlHW, 17}, sysctlInt, 0, 0, fromCPU(func(c *hostCPU) int64 { return c.l1i })},
	{"", []int32{ctlHW, 18}, sysctlInt, 0, 0, fromCPU(func(c *hostCPU) int64 { return c.l1d })},
	{"", []int32{ctlHW, 20}, sysctlInt, 0, 0, fromCPU(func(c *hostCPU) int64 { return c.l2 })},
	{"", []int32{ctlHW, 22}, sysctlInt, 0, 0, fromCPU(func(c *hostCPU) int64 { return c.l3 })},
	{"", []int32{ctlHW, 23}, sysctlInt, 0, 0, constant(1e9)},
	{"hw.memsize", []int32{ctlHW, 24}, sysctlQuad, 0, 0, memsize},
	{"hw.activecpu", []int32{ctlHW, 25}, sysctlInt, 0, 0, numCPU},
	{"hw.physicalcpu", []int32{ctlHW, oidAuto}, sysctlInt, 0, 0, numCores},
	{"hw.physicalcpu_max", []int32{ctlHW, oidAuto}, sysctlInt, 0, 0, numCores},
	{"hw.logicalcpu", []int32{ctlHW, oidAuto}, sysctlInt, 0, 0, numCPU},
	{"hw.logicalcpu_max", []int32{ctlHW, oidAuto}, sysctlInt, 0, 0, numCPU},
	{"hw.cputype", []int32{ctlHW, oidAuto}, sysctlInt, 0, 0, constant(cpuTypeI386)},
	{"hw.cpusubtype", []int32{ctlHW, oidAuto}, sysctlInt, 0, 0, fromCPU(cpuSubtype)},
	{"hw.cpu64bit_capable", []int32{ctlHW, oidAuto}, sysctlInt, 0, 0, constant(1)},
	{"hw.cpufamily", []int32{ctlHW, oidAuto}, sysctlInt, 0, 0, fromCPU(cpuFamily)},
	{"hw.cpusubfamily", []int32{ctlHW, oidAuto}, sysctlInt, XNU7195, 0, constant(0)},
	{"hw.pagesize", []int32{ctlHW, oidAuto}, sysctlQuad, 0, 0, constant(4096)},
	{"hw.pagesize32", []int32{ctlHW, oidAuto}, sysctlQuad, XNU2782, 0, constant(4096)},
	{"hw.busfrequency", []int32{ctlHW, oidAuto}, sysctlQuad, 0, 0, constant(100000000)},
	{"hw.cpufrequency", []int32{ctlHW, oidAuto}, sysctlQuad, 0, 0, hz},
	{"hw.cpufrequency_min", []int32{ctlHW, oidAuto}, sysctlQuad, 0, 0, hz},
	{"hw.cpufrequency_max", []int32{ctlHW, oidAuto}, sysctlQuad, 0, 0, hz},
	{"hw.cachelinesize", []int32{ctlHW, oidAuto}, sysctlQuad, 0, 0, constant(64)},
	{"hw.l1icachesize", []int32{ctlHW, oidAuto}, sysctlQuad, 0, 0, fromCPU(func(c *hostCPU) int64 { return c.l1i })},
	{"hw.l1dcachesize", []int32{ctlHW, oidAuto}, sysctlQuad, 0, 0, fromCPU(func(c *hostCPU) int64 { return c.l1d })},
	{"hw.l2cachesize", []int32{ctlHW, oidAuto}, sysctlQuad, 0, 0, fromCPU(func(c *hostCPU) int64 { return c.l2 })},
	{"hw.l3cachesize", []int32{ctlHW, oidAuto}, sysctlQuad, 0, 0, fromCPU(func(c *hostCPU) int64 { return c.l3 })},
	{"hw.tbfrequency", []int32{ctlHW, oidAuto}, sysctlQuad, 0, 0, constant(1e9)},
	{"hw.packages", []int32{ctlHW, oidAuto}, sysctlInt, 0, 0, fromCPU(func(c *hostCPU) int64 { return c.packages })},
}

// hwOptional makes hw.optional: 1 for what the CPU has, by the flags of
// /proc/cpuinfo; the releases are those that have the name
// (bsd/kern/kern_mib.c of each).
func hwOptional() []sysctl {
	var tab []sysctl
	for _, o := range []struct {
		name, flag string
		since      Release
	}{
		{"floatingpoint", "fpu", 0},
		{"mmx", "mmx", 0},
		{"sse", "sse", 0},
		{"sse2", "sse2", 0},
		{"sse3", "pni", 0},
		{"supplementalsse3", "ssse3", 0},
		{"sse4_1", "sse4_1", 0},
		{"sse4_2", "sse4_2", 0},
		{"x86_64", "lm", 0},
		{"aes", "aes", 0},
		{"avx1_0", "avx", XNU1699},
		{"rdrand", "rdrand", XNU1699},
		{"f16c", "f16c", XNU1699},
		{"enfstrg", "erms", XNU1699},
		{"fma", "fma", XNU2050},
		{"avx2_0", "avx2", XNU2050},
		{"bmi1", "bmi1", XNU2050},
		{"bmi2", "bmi2", XNU2050},
		{"rtm", "rtm", XNU2050},
		{"hle", "hle", XNU2050},
		{"adx", "adx", XNU2782},
		{"mpx", "mpx", XNU3248},
		{"sgx", "sgx", XNU3248},
		{"avx512f", "avx512f", XNU4570},
		{"avx512cd", "avx512cd", XNU4570},
		{"avx512dq", "avx512dq", XNU4570},
		{"avx512bw", "avx512bw", XNU4570},
		{"avx512vl", "avx512vl", XNU4570},
		{"avx512ifma", "avx512ifma", XNU4570},
		{"avx512vbmi", "avx512vbmi", XNU4570},
	} {
		tab = append(tab, sysctl{"hw.optional." + o.name, []int32{ctlHW, hwOptionalNode, oidAuto}, sysctlInt, o.since, 0,
			fromCPU(func(c *hostCPU) int64 {
				if c.flags[o.flag] {
					return 1
				}
				return 0
			})})
	}
	return tab
}

// Nodes without a number in XNU's headers.
const (
	hwOptionalNode = 98
	machdepCPUNode = 98
)

// A cpuFeature is a bit of a CPUID register: Linux's name in /proc/cpuinfo, and
// the name in machdep.cpu.features and its kin
// (xnu-11215 osfmk/i386/cpuid.c: feature_map, leaf7_feature_map, extfeature_map).
type cpuFeature struct {
	bit         uint
	linux, name string
}

var (
	// CPUID 1: EDX in the low, ECX in the high 32 bits.
	cpuFeatures = []cpuFeature{
		{0, "fpu", "FPU"}, {1, "vme", "VME"}, {2, "de", "DE"}, {3, "pse", "PSE"}, {4, "tsc", "TSC"},
		{5, "msr", "MSR"}, {6, "pae", "PAE"}, {7, "mce", "MCE"}, {8, "cx8", "CX8"}, {9, "apic", "APIC"},
		{11, "sep", "SEP"}, {12, "mtrr", "MTRR"}, {13, "pge", "PGE"}, {14, "mca", "MCA"}, {15, "cmov", "CMOV"},
		{16, "pat", "PAT"}, {17, "pse36", "PSE36"}, {19, "clflush", "CLFSH"}, {21, "dts", "DS"}, {22, "acpi", "ACPI"},
		{23, "mmx", "MMX"}, {24, "fxsr", "FXSR"}, {25, "sse", "SSE"}, {26, "sse2", "SSE2"}, {27, "ss", "SS"},
		{28, "ht", "HTT"}, {29, "tm", "TM"}, {31, "pbe", "PBE"},
		{32, "pni", "SSE3"}, {33, "pclmulqdq", "PCLMULQDQ"}, {34, "dtes64", "DTES64"}, {35, "monitor", "MON"},
		{36, "ds_cpl", "DSCPL"}, {37, "vmx", "VMX"}, {38, "smx", "SMX"}, {39, "est", "EST"}, {40, "tm2", "TM2"},
		{41, "ssse3", "SSSE3"}, {44, "fma", "FMA"}, {45, "cx16", "CX16"}, {47, "pdcm", "PDCM"},
		{51, "sse4_1", "SSE4.1"}, {52, "sse4_2", "SSE4.2"}, {53, "x2apic", "x2APIC"}, {54, "movbe", "MOVBE"},
		{55, "popcnt", "POPCNT"}, {57, "aes", "AES"}, {49, "pcid", "PCID"}, {58, "xsave", "XSAVE"},
		{59, "xsave", "OSXSAVE"}, {60, "avx", "AVX1.0"}, {62, "rdrand", "RDRAND"}, {61, "f16c", "F16C"},
		{63, "hypervisor", "VMM"}, {56, "tsc_deadline_timer", "TSCTMR"},
	}
	// CPUID 7: EBX in the low, ECX in the high 32 bits.
	leaf7Features = []cpuFeature{
		{0, "fsgsbase", "RDWRFSGS"}, {1, "tsc_adjust", "TSC_THREAD_OFFSET"}, {2, "sgx", "SGX"}, {3, "bmi1", "BMI1"},
		{4, "hle", "HLE"}, {5, "avx2", "AVX2"}, {7, "smep", "SMEP"}, {8, "bmi2", "BMI2"}, {9, "erms", "ERMS"},
		{10, "invpcid", "INVPCID"}, {11, "rtm", "RTM"}, {14, "mpx", "MPX"}, {16, "avx512f", "AVX512F"},
		{17, "avx512dq", "AVX512DQ"}, {18, "rdseed", "RDSEED"}, {19, "adx", "ADX"}, {20, "smap", "SMAP"},
		{21, "avx512ifma", "AVX512IFMA"}, {23, "clflushopt", "CLFSOPT"}, {24, "clwb", "CLWB"},
		{28, "avx512cd", "AVX512CD"}, {29, "sha_ni", "SHA"}, {30, "avx512bw", "AVX512BW"}, {31, "avx512vl", "AVX512VL"},
		{33, "avx512vbmi", "AVX512VBMI"}, {34, "umip", "UMIP"}, {35, "pku", "PKU"}, {36, "ospke", "OSPKE"},
		{40, "gfni", "GFNI"}, {41, "vaes", "VAES"}, {42, "vpclmulqdq", "VPCLMULQDQ"}, {43, "avx512_vnni", "AVX512VNNI"},
		{44, "avx512_bitalg", "AVX512BITALG"}, {46, "avx512_vpopcntdq", "AVX512VPOPCNTDQ"}, {54, "rdpid", "RDPID"},
	}
	// CPUID 0x80000001: EDX in the low, ECX in the high 32 bits.
	extFeatures = []cpuFeature{
		{11, "syscall", "SYSCALL"}, {20, "nx", "XD"}, {26, "pdpe1gb", "1GBPAGE"}, {29, "lm", "EM64T"},
		{32, "lahf_lm", "LAHF"}, {37, "abm", "LZCNT"}, {40, "3dnowprefetch", "PREFETCHW"}, {27, "rdtscp", "RDTSCP"},
	}
)

func featureNames(tab []cpuFeature) func(*hostCPU) string {
	return func(c *hostCPU) string {
		var names []string
		for _, f := range tab {
			if c.flags[f.linux] {
				names = append(names, f.name)
			}
		}
		return strings.Join(names, " ")
	}
}

func featureBits(tab []cpuFeature) func(*hostCPU) int64 {
	return func(c *hostCPU) int64 {
		var bits uint64
		for _, f := range tab {
			if c.flags[f.linux] {
				bits |= 1 << f.bit
			}
		}
		return int64(bits)
	}
}

// signature is EAX of CPUID 1.
func signature(c *hostCPU) int64 {
	family, ext := c.family, int64(0)
	if family > 15 {
		family, ext = 15, c.family-15
	}
	return ext<<20 | c.model>>4<<16 | family<<8 | c.model&15<<4 | c.stepping
}

// machdepSysctls is CTL_MACHDEP as far as it describes the CPU
// (xnu-11215 bsd/dev/i386/sysctl.c: machdep.cpu).
var machdepSysctls = func() []sysctl {
	var tab []sysctl
	str := func(name string, since Release, f func(*hostCPU) string) {
		tab = append(tab, sysctl{"machdep.cpu." + name, []int32{ctlMachdep, machdepCPUNode, oidAuto}, sysctlString, since, 0, textFromCPU(f)})
	}
	num := func(name string, kind sysctlKind, since Release, f func(*hostCPU) int64) {
		tab = append(tab, sysctl{"machdep.cpu." + name, []int32{ctlMachdep, machdepCPUNode, oidAuto}, kind, since, 0, fromCPU(f)})
	}
	str("vendor", 0, func(c *hostCPU) string { return c.vendor })
	str("brand_string", 0, func(c *hostCPU) string { return c.brand })
	num("family", sysctlInt, 0, func(c *hostCPU) int64 { return c.family })
	num("model", sysctlInt, 0, func(c *hostCPU) int64 { return c.model })
	num("extmodel", sysctlInt, 0, func(c *hostCPU) int64 { return c.model >> 4 })
	num("extfamily", sysctlInt, 0, func(c *hostCPU) int64 { return max(c.family-15, 0) })
	num("stepping", sysctlInt, 0, func(c *hostCPU) int64 { return c.stepping })
	num("signature", sysctlInt, 0, signature)
	num("feature_bits", sysctlQuad, 0, featureBits(cpuFeatures))
	num("extfeature_bits", sysctlQuad, 0, featureBits(extFeatures))
	num("leaf7_feature_bits", sysctlQuad, XNU2050, featureBits(leaf7Features))
	str("features", 0, featureNames(cpuFeatures))
	str("extfeatures", 0, featureNames(extFeatures))
	str("leaf7_features", XNU2050, featureNames(leaf7Features))
	num("logical_per_package", sysctlInt, 0, func(c *hostCPU) int64 { return c.threads / c.packages })
	num("cores_per_package", sysctlInt, 0, func(c *hostCPU) int64 { return c.cores / c.packages })
	num("microcode_version", sysctlInt, 0, func(c *hostCPU) int64 { return c.microcode })
	num("core_count", sysctlInt, 0, func(c *hostCPU) int64 { return c.cores })
	num("thread_count", sysctlInt, 0, func(c *hostCPU) int64 { return c.threads })
	num("cache.linesize", sysctlInt, 0, func(c *hostCPU) int64 { return 64 })
	num("cache.size", sysctlInt, 0, func(c *hostCPU) int64 { return c.l2 >> 10 })
	num("address_bits.physical", sysctlInt, 0, func(c *hostCPU) int64 { return c.physBits })
	num("address_bits.virtual", sysctlInt, 0, func(c *hostCPU) int64 { return c.virtBits })
	return tab
}()
