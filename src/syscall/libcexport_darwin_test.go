// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package syscall

import (
	"internal/abi"
	_ "unsafe" // for linkname
)

// The stubs under test, under the names that they have in assembly.

//go:linkname libc_arc4random_buf libc_arc4random_buf
func libc_arc4random_buf()

//go:linkname libc_chmod libc_chmod
func libc_chmod()

//go:linkname libc_clock_gettime libc_clock_gettime
func libc_clock_gettime()

//go:linkname libc_closedir libc_closedir
func libc_closedir()

//go:linkname libc_faccessat libc_faccessat
func libc_faccessat()

//go:linkname libc_fchmod libc_fchmod
func libc_fchmod()

//go:linkname libc_fchmodat libc_fchmodat
func libc_fchmodat()

//go:linkname libc_fchownat libc_fchownat
func libc_fchownat()

//go:linkname libc_fcntl libc_fcntl
func libc_fcntl()

//go:linkname libc_fdopendir libc_fdopendir
func libc_fdopendir()

//go:linkname libc_fstatat64 libc_fstatat64
func libc_fstatat64()

//go:linkname libc_futimens libc_futimens
func libc_futimens()

//go:linkname libc_getcwd libc_getcwd
func libc_getcwd()

//go:linkname libc_grantpt libc_grantpt
func libc_grantpt()

//go:linkname libc_host_page_size libc_host_page_size
func libc_host_page_size()

//go:linkname libc_host_processor_info libc_host_processor_info
func libc_host_processor_info()

//go:linkname libc_host_statistics libc_host_statistics
func libc_host_statistics()

//go:linkname libc_host_statistics64 libc_host_statistics64
func libc_host_statistics64()

//go:linkname libc_ioctl libc_ioctl
func libc_ioctl()

//go:linkname libc_linkat libc_linkat
func libc_linkat()

//go:linkname libc_lseek libc_lseek
func libc_lseek()

//go:linkname libc_mach_host_self libc_mach_host_self
func libc_mach_host_self()

//go:linkname libc_mach_task_self libc_mach_task_self
func libc_mach_task_self()

//go:linkname libc_mach_timebase_info libc_mach_timebase_info
func libc_mach_timebase_info()

//go:linkname libc_mkdirat libc_mkdirat
func libc_mkdirat()

//go:linkname libc_mmap libc_mmap
func libc_mmap()

//go:linkname libc_munmap libc_munmap
func libc_munmap()

//go:linkname libc_open libc_open
func libc_open()

//go:linkname libc_openat libc_openat
func libc_openat()

//go:linkname libc_opendir libc_opendir
func libc_opendir()

//go:linkname libc_pipe libc_pipe
func libc_pipe()

//go:linkname libc_posix_openpt libc_posix_openpt
func libc_posix_openpt()

//go:linkname libc_preadv libc_preadv
func libc_preadv()

//go:linkname libc_proc_listallpids libc_proc_listallpids
func libc_proc_listallpids()

//go:linkname libc_proc_listchildpids libc_proc_listchildpids
func libc_proc_listchildpids()

//go:linkname libc_proc_listpgrppids libc_proc_listpgrppids
func libc_proc_listpgrppids()

//go:linkname libc_proc_listpids libc_proc_listpids
func libc_proc_listpids()

//go:linkname libc_proc_name libc_proc_name
func libc_proc_name()

//go:linkname libc_proc_pid_rusage libc_proc_pid_rusage
func libc_proc_pid_rusage()

//go:linkname libc_proc_pidfdinfo libc_proc_pidfdinfo
func libc_proc_pidfdinfo()

//go:linkname libc_proc_pidinfo libc_proc_pidinfo
func libc_proc_pidinfo()

//go:linkname libc_proc_pidpath libc_proc_pidpath
func libc_proc_pidpath()

//go:linkname libc_proc_regionfilename libc_proc_regionfilename
func libc_proc_regionfilename()

//go:linkname libc_pthread_sigmask libc_pthread_sigmask
func libc_pthread_sigmask()

//go:linkname libc_ptsname_r libc_ptsname_r
func libc_ptsname_r()

//go:linkname libc_raise libc_raise
func libc_raise()

//go:linkname libc_readdir_r libc_readdir_r
func libc_readdir_r()

//go:linkname libc_readlinkat libc_readlinkat
func libc_readlinkat()

//go:linkname libc_renameat libc_renameat
func libc_renameat()

//go:linkname libc_setrlimit libc_setrlimit
func libc_setrlimit()

//go:linkname libc_sigaction libc_sigaction
func libc_sigaction()

//go:linkname libc_symlinkat libc_symlinkat
func libc_symlinkat()

//go:linkname libc_sysconf libc_sysconf
func libc_sysconf()

//go:linkname libc_sysctlbyname libc_sysctlbyname
func libc_sysctlbyname()

//go:linkname libc_unlinkat libc_unlinkat
func libc_unlinkat()

//go:linkname libc_unlockpt libc_unlockpt
func libc_unlockpt()

//go:linkname libc_usleep libc_usleep
func libc_usleep()

//go:linkname libc_utimensat libc_utimensat
func libc_utimensat()

//go:linkname libc_vm_deallocate libc_vm_deallocate
func libc_vm_deallocate()

// Stubs has the addresses by C name.
var Stubs = map[string]uintptr{
	"arc4random_buf":      abi.FuncPCABI0(libc_arc4random_buf),
	"chmod":               abi.FuncPCABI0(libc_chmod),
	"clock_gettime":       abi.FuncPCABI0(libc_clock_gettime),
	"closedir":            abi.FuncPCABI0(libc_closedir),
	"faccessat":           abi.FuncPCABI0(libc_faccessat),
	"fchmod":              abi.FuncPCABI0(libc_fchmod),
	"fchmodat":            abi.FuncPCABI0(libc_fchmodat),
	"fchownat":            abi.FuncPCABI0(libc_fchownat),
	"fcntl":               abi.FuncPCABI0(libc_fcntl),
	"fdopendir":           abi.FuncPCABI0(libc_fdopendir),
	"fstatat64":           abi.FuncPCABI0(libc_fstatat64),
	"futimens":            abi.FuncPCABI0(libc_futimens),
	"getcwd":              abi.FuncPCABI0(libc_getcwd),
	"grantpt":             abi.FuncPCABI0(libc_grantpt),
	"host_page_size":      abi.FuncPCABI0(libc_host_page_size),
	"host_processor_info": abi.FuncPCABI0(libc_host_processor_info),
	"host_statistics":     abi.FuncPCABI0(libc_host_statistics),
	"host_statistics64":   abi.FuncPCABI0(libc_host_statistics64),
	"ioctl":               abi.FuncPCABI0(libc_ioctl),
	"linkat":              abi.FuncPCABI0(libc_linkat),
	"lseek":               abi.FuncPCABI0(libc_lseek),
	"mach_host_self":      abi.FuncPCABI0(libc_mach_host_self),
	"mach_task_self":      abi.FuncPCABI0(libc_mach_task_self),
	"mach_timebase_info":  abi.FuncPCABI0(libc_mach_timebase_info),
	"mkdirat":             abi.FuncPCABI0(libc_mkdirat),
	"mmap":                abi.FuncPCABI0(libc_mmap),
	"munmap":              abi.FuncPCABI0(libc_munmap),
	"open":                abi.FuncPCABI0(libc_open),
	"openat":              abi.FuncPCABI0(libc_openat),
	"opendir":             abi.FuncPCABI0(libc_opendir),
	"pipe":                abi.FuncPCABI0(libc_pipe),
	"posix_openpt":        abi.FuncPCABI0(libc_posix_openpt),
	"preadv":              abi.FuncPCABI0(libc_preadv),
	"proc_listallpids":    abi.FuncPCABI0(libc_proc_listallpids),
	"proc_listchildpids":  abi.FuncPCABI0(libc_proc_listchildpids),
	"proc_listpgrppids":   abi.FuncPCABI0(libc_proc_listpgrppids),
	"proc_listpids":       abi.FuncPCABI0(libc_proc_listpids),
	"proc_name":           abi.FuncPCABI0(libc_proc_name),
	"proc_pid_rusage":     abi.FuncPCABI0(libc_proc_pid_rusage),
	"proc_pidfdinfo":      abi.FuncPCABI0(libc_proc_pidfdinfo),
	"proc_pidinfo":        abi.FuncPCABI0(libc_proc_pidinfo),
	"proc_pidpath":        abi.FuncPCABI0(libc_proc_pidpath),
	"proc_regionfilename": abi.FuncPCABI0(libc_proc_regionfilename),
	"pthread_sigmask":     abi.FuncPCABI0(libc_pthread_sigmask),
	"ptsname_r":           abi.FuncPCABI0(libc_ptsname_r),
	"raise":               abi.FuncPCABI0(libc_raise),
	"readdir_r":           abi.FuncPCABI0(libc_readdir_r),
	"readlinkat":          abi.FuncPCABI0(libc_readlinkat),
	"renameat":            abi.FuncPCABI0(libc_renameat),
	"setrlimit":           abi.FuncPCABI0(libc_setrlimit),
	"sigaction":           abi.FuncPCABI0(libc_sigaction),
	"symlinkat":           abi.FuncPCABI0(libc_symlinkat),
	"sysconf":             abi.FuncPCABI0(libc_sysconf),
	"sysctlbyname":        abi.FuncPCABI0(libc_sysctlbyname),
	"unlinkat":            abi.FuncPCABI0(libc_unlinkat),
	"unlockpt":            abi.FuncPCABI0(libc_unlockpt),
	"usleep":              abi.FuncPCABI0(libc_usleep),
	"utimensat":           abi.FuncPCABI0(libc_utimensat),
	"vm_deallocate":       abi.FuncPCABI0(libc_vm_deallocate),
}

// Stub calls the stub at fn.
//
//go:uintptrkeepalive
//go:nosplit
func Stub(fn, a1, a2, a3, a4, a5, a6 uintptr) (r, r2 uintptr, errno Errno) {
	return syscalln(fn, a1, a2, a3, a4, a5, a6)
}

func DarwinRelease() int { return int(darwinRelease()) }

const (
	Darwin10_9  = darwin10_9
	Darwin10_10 = darwin10_10
	Darwin11    = darwin11
	Darwin12    = darwin12
)

func MachReplyPort() uint32 { return machTrap0(trap_mach_reply_port) }
