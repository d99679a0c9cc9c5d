// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Sockets survive what XNU's network does at times: an accepted connection that
// has no address any more, a poller that says that a socket can be written to
// while it is not connected yet, a wait that ends with ETIMEDOUT.
//
// Bugs: golang.org/issue/3849, golang/go 5197fa8040, golang.org/issue/14548, golang.org/issue/19289, golang.org/issue/59679
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

// exchange makes a connection that the server answers; one that it had to give
// up has no answer.
func exchange(addr string) (answered bool) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		fail("%v", err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * time.Minute))
	b := make([]byte, 5)
	_, err = io.ReadFull(c, b)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		fail("%v", err)
	}
	return err == nil && string(b) == "hello"
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail("%v", err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				fail("%v", err)
			}
			c.Write([]byte("hello"))
			c.Close()
		}
	}()
	answered := 0
	for range 40 {
		if exchange(l.Addr().String()) {
			answered++
		}
		time.Sleep(2 * time.Millisecond) // in the poller
	}
	if answered < 20 {
		fail("only %d of 40 connections were answered", answered)
	}

	// A listener whose queue is full: connections to it stay half open.
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		err = syscall.Bind(s, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err == nil {
		err = syscall.Listen(s, 1) // 0 would be as many as can be
	}
	if err != nil {
		fail("%v", err)
	}
	sa, err := syscall.Getsockname(s)
	if err != nil {
		fail("%v", err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", sa.(*syscall.SockaddrInet4).Port)
	var conns []net.Conn
	late := 0
	for range 10 {
		c, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			late++
			continue
		}
		if err != nil {
			fail("%v", err)
		}
		if _, err := c.Write([]byte("x")); err != nil {
			fail("Dial returned before it was connected: %v", err)
		}
		conns = append(conns, c)
	}
	if late < 3 {
		fail("only %d connections did not come about", late)
	}
	for _, c := range conns {
		c.Close()
	}
}
