// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.
// What programs ask the system for at start: its name, their own file, the
// user's directories, the working directory, time zones, network interfaces and
// routes, the system's log.
package main

import (
	"encoding/binary"
	"fmt"
	"log/syslog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func must[T any](v T, err error) T {
	if err != nil {
		fail("%v", err)
	}
	return v
}

func main() {
	dir := must(filepath.EvalSymlinks(must(os.MkdirTemp("", "places"))))
	defer os.RemoveAll(dir)
	switch os.Getenv("PLACES") {
	case "executable":
		fmt.Println(must(os.Executable()))
		os.RemoveAll(dir)
		return
	case "zone":
		os.RemoveAll(dir)
		if root := os.Getenv("PLACES_ROOT"); root != "" {
			must(0, syscall.Chroot(root))
		}
		for _, month := range []time.Month{time.January, time.July} {
			fmt.Print(time.Date(2012, month, 1, 12, 0, 0, 0, time.Local).Format("MST-07:00 "))
		}
		return
	}
	name()
	executable(dir)
	users(dir)
	workingDirectory(dir)
	zones()
	localZone(dir)
	interfaces()
	routes()
	systemLog(dir)
}

func name() {
	if host := must(os.Hostname()); host == "" || host != must(syscall.Sysctl("kern.hostname")) {
		fail("Hostname: %q", host)
	}
}

// executable asks by every name that a program can be started by.
func executable(dir string) {
	self := must(filepath.EvalSymlinks(must(os.Executable())))
	if !filepath.IsAbs(self) {
		fail("Executable: %q", self)
	}
	copied := filepath.Join(dir, "prog")
	if err := os.WriteFile(copied, must(os.ReadFile(self)), 0o777); err != nil {
		fail("%v", err)
	}
	if err := os.Symlink("prog", filepath.Join(dir, "link")); err != nil {
		fail("%v", err)
	}
	for _, path := range []string{copied, "./prog", "../" + filepath.Base(dir) + "/prog", filepath.Join(dir, "link")} {
		cmd := &exec.Cmd{Path: path, Args: []string{"another name"}, Dir: dir, Env: append(os.Environ(), "PLACES=executable")}
		cmd.Stderr = os.Stderr
		out := strings.TrimSpace(string(must(cmd.Output())))
		if got, err := filepath.EvalSymlinks(out); err != nil || got != copied {
			fail("started as %s, Executable is %s (%v), want %s", path, out, err, copied)
		}
	}
}

// users has the rules of macOS, not those of other Unix systems.
func users(dir string) {
	os.Setenv("HOME", dir)
	os.Setenv("XDG_CONFIG_HOME", "/nowhere")
	os.Setenv("XDG_CACHE_HOME", "/nowhere")
	os.Setenv("TMPDIR", dir+"/")
	for _, c := range []struct{ what, got, want string }{
		{"UserHomeDir", must(os.UserHomeDir()), dir},
		{"UserConfigDir", must(os.UserConfigDir()), dir + "/Library/Application Support"},
		{"UserCacheDir", must(os.UserCacheDir()), dir + "/Library/Caches"},
		{"TempDir", os.TempDir(), dir + "/"},
	} {
		if c.got != c.want {
			fail("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
	os.Unsetenv("TMPDIR")
	if os.TempDir() != "/tmp" {
		fail("TempDir without TMPDIR: %q", os.TempDir())
	}
	os.Unsetenv("HOME")
	if home, err := os.UserHomeDir(); err == nil {
		fail("UserHomeDir without HOME: %q", home)
	}
}

// workingDirectory does without PWD, in a directory that was renamed, in one
// whose path is long, and in one that is gone.
func workingDirectory(dir string) {
	defer os.Chdir("/")
	at := func(want string) {
		os.Unsetenv("PWD")
		if wd, err := os.Getwd(); err != nil || wd != want {
			fail("Getwd: %q, %v, want %q", wd, err, want)
		}
	}
	chdir := func(to string) {
		if err := os.Chdir(to); err != nil {
			fail("%v", err)
		}
	}
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	must(0, os.MkdirAll(filepath.Join(a, "sub"), 0o777))
	chdir(filepath.Join(a, "sub"))
	at(filepath.Join(a, "sub"))
	must(0, os.Rename(a, b))
	at(filepath.Join(b, "sub"))

	deep := dir
	chdir(dir)
	for len(deep) < 900 { // PATH_MAX is 1024
		part := strings.Repeat("d", 100)
		must(0, os.Mkdir(part, 0o777))
		chdir(part)
		deep = filepath.Join(deep, part)
	}
	at(deep)

	gone := filepath.Join(dir, "gone")
	must(0, os.Mkdir(gone, 0o777))
	chdir(gone)
	must(0, os.Remove(gone))
	os.Unsetenv("PWD")
	if wd, err := os.Getwd(); err == nil {
		fail("Getwd in a directory that is gone: %q", wd)
	}
}

func zones() {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		fail("%v", err)
	}
	summer := time.Date(2012, 7, 1, 12, 0, 0, 0, time.UTC).In(paris)
	if zone, off := summer.Zone(); zone != "CEST" || off != 7200 {
		fail("Paris in summer: %s, %d", zone, off)
	}
	for _, bad := range []string{"Nowhere/Land", "../../etc/passwd", "/etc/localtime"} {
		if loc, err := time.LoadLocation(bad); err == nil {
			fail("zone %s: %v", bad, loc)
		}
	}
}

// localZone is the one of TZ, else of /etc/localtime, which root can put elsewhere;
// each in a program by itself, which looks once.
func localZone(dir string) {
	const offset = 5*3600 + 43*60
	zone := append([]byte("TZif"), make([]byte, 44-4)...) // tzfile(5): no transitions, one type
	zone[39], zone[43] = 1, 4                             // types, bytes of names
	zone = binary.BigEndian.AppendUint32(zone, offset)
	zone = append(zone, 0, 0, 'X', 'Y', 'Z', 0)
	root := filepath.Join(dir, "zone")
	must(0, os.MkdirAll(filepath.Join(root, "etc"), 0o777))
	must(0, os.WriteFile(filepath.Join(root, "etc/localtime"), zone, 0o666))
	for _, c := range []struct{ tz, root, want string }{
		{"TZ=Europe/Paris", "", "CET+01:00 CEST+02:00 "},
		{"TZ=:Australia/Adelaide", "", "ACDT+10:30 ACST+09:30 "},
		{"TZ=Nowhere/Land", "", "UTC+00:00 UTC+00:00 "},
		{"TZ=", root, "UTC+00:00 UTC+00:00 "},
		{"TZ=:/etc/localtime", root, "XYZ+05:43 XYZ+05:43 "},
		{"", root, "XYZ+05:43 XYZ+05:43 "},
		{"", filepath.Join(root, "etc"), "UTC+00:00 UTC+00:00 "},
	} {
		if c.root != "" && os.Getuid() != 0 {
			continue
		}
		cmd := exec.Command(must(os.Executable()))
		cmd.Env = []string{"PLACES=zone", "PLACES_ROOT=" + c.root}
		for _, e := range os.Environ() {
			if !strings.HasPrefix(e, "TZ=") {
				cmd.Env = append(cmd.Env, e)
			}
		}
		if c.tz != "" {
			cmd.Env = append(cmd.Env, c.tz)
		}
		cmd.Stderr = os.Stderr
		if out := string(must(cmd.Output())); out != c.want {
			fail("local time with %q in %q: %q, want %q", c.tz, c.root, out, c.want)
		}
	}
}

// interfaces must be the same by list, by index and by name.
func interfaces() {
	loopback := false
	for _, i := range must(net.Interfaces()) {
		byIndex, err1 := net.InterfaceByIndex(i.Index)
		byName, err2 := net.InterfaceByName(i.Name)
		if err1 != nil || err2 != nil || byIndex.Name != i.Name || byName.Index != i.Index {
			fail("interface %s (%d): %v %v %v %v", i.Name, i.Index, byIndex, err1, byName, err2)
		}
		for _, a := range must(i.Addrs()) {
			ip, _, err := net.ParseCIDR(a.String())
			if err != nil {
				fail("%s: %v", i.Name, err)
			}
			if i.Flags&net.FlagLoopback != 0 && ip.Equal(net.IPv4(127, 0, 0, 1)) {
				loopback = true
			}
		}
	}
	if !loopback {
		fail("no interface has 127.0.0.1")
	}
	if i, err := net.InterfaceByName("no such interface"); err == nil {
		fail("%v", i)
	}
}

// routes must lead over interfaces that are there, and one to this machine itself.
func routes() {
	names := map[int]string{}
	for _, i := range must(net.Interfaces()) {
		names[i.Index] = i.Name
	}
	self := false
	for _, m := range must(syscall.ParseRoutingMessage(must(syscall.RouteRIB(syscall.NET_RT_DUMP, 0)))) {
		r, ok := m.(*syscall.RouteMessage)
		if !ok {
			fail("NET_RT_DUMP has a %T", m)
		}
		if names[int(r.Header.Index)] == "" || r.Header.Flags&syscall.RTF_UP == 0 {
			fail("route %+v: no such interface, or the route is down", r.Header)
		}
		addrs := must(syscall.ParseRoutingSockaddr(r))
		if to, ok := addrs[syscall.RTAX_DST].(*syscall.SockaddrInet4); ok && to.Addr[0] == 127 {
			self = self || strings.HasPrefix(names[int(r.Header.Index)], "lo")
		}
	}
	if !self {
		fail("no route to 127.0.0.1 over the loopback interface")
	}
}

// systemLog wants an error where nobody listens, and that the text arrives where
// somebody does. As root it makes a place for both; else it looks which of the
// two it is in.
func systemLog(dir string) {
	root := os.Getuid() == 0
	if root {
		must(0, os.MkdirAll(filepath.Join(dir, "root/var/run"), 0o777))
		back := must(os.Open("/"))
		must(0, syscall.Chroot(filepath.Join(dir, "root")))
		must(0, os.Chdir("/"))
		defer func() {
			must(0, back.Chdir())
			must(0, syscall.Chroot("."))
		}()
	}
	listening := false
	for _, path := range []string{"/dev/log", "/var/run/syslog", "/var/run/log"} {
		for _, network := range []string{"unixgram", "unix"} {
			if c, err := net.Dial(network, path); err == nil {
				c.Close()
				listening = true
			}
		}
	}
	w, err := syslog.New(syslog.LOG_INFO, "places")
	if listening != (err == nil) || err != nil && !strings.Contains(err.Error(), "syslog") {
		fail("syslog: %v, %v; somebody listens: %v", w, err, listening)
	}
	if !root {
		return
	}
	if err == nil {
		fail("syslog: somebody listens where nothing is")
	}
	s := must(net.ListenPacket("unixgram", "/var/run/syslog"))
	defer s.Close()
	w = must(syslog.New(syslog.LOG_INFO, "places"))
	must(0, w.Notice("hello"))
	buf := make([]byte, 1000)
	must(0, s.SetReadDeadline(time.Now().Add(time.Minute)))
	n, _, err := s.ReadFrom(buf)
	if text := string(buf[:n]); err != nil || !strings.HasPrefix(text, "<5>") || !strings.Contains(text, " places[") || !strings.HasSuffix(text, ": hello\n") {
		fail("the system's log reads %q, %v", text, err)
	}
}
