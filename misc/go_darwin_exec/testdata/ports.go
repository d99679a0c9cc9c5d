// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Ports listens on a port of an address. It prints the port, or the error.
//
//	usage: ports ADDRESS,OPTIONS PORT [ADDRESS,OPTIONS]
//
// The options are A for SO_REUSEADDR and P for SO_REUSEPORT. With a third
// argument it starts itself with that and the port, and otherwise it listens
// until its standard input ends.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

func listen(spec string, port int) (int, error) {
	f := strings.Split(spec, ",")
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return 0, err
	}
	syscall.CloseOnExec(fd)
	for _, o := range f[1:] {
		opt := map[string]int{"A": syscall.SO_REUSEADDR, "P": syscall.SO_REUSEPORT}[o]
		if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, opt, 1); err != nil {
			return 0, err
		}
	}
	sa := &syscall.SockaddrInet4{Port: port}
	copy(sa.Addr[:], net.ParseIP(f[0]).To4())
	if err := syscall.Bind(fd, sa); err != nil {
		return 0, err
	}
	if err := syscall.Listen(fd, 5); err != nil {
		return 0, err
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	return name.(*syscall.SockaddrInet4).Port, nil
}

func main() {
	port, err := strconv.Atoi(os.Args[2])
	if err == nil {
		port, err = listen(os.Args[1], port)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(port)
	if len(os.Args) > 3 {
		c := exec.Command(os.Args[0], os.Args[3], strconv.Itoa(port))
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if err := c.Run(); err != nil {
			fmt.Println(err)
		}
		return
	}
	io.Copy(io.Discard, os.Stdin)
}
