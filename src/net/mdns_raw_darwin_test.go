// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package net

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func TestMulticastNames(t *testing.T) {
	asked := 0
	fake := fakeDNSServer{rh: func(n, s string, q dnsmessage.Message, _ time.Time) (dnsmessage.Message, error) {
		asked++
		r := dnsmessage.Message{
			Header:    dnsmessage.Header{ID: q.ID, Response: true, RCode: dnsmessage.RCodeNameError},
			Questions: q.Questions,
		}
		if strings.HasPrefix(q.Questions[0].Name.String(), "known.") && q.Questions[0].Type == dnsmessage.TypeA {
			r.RCode = dnsmessage.RCodeSuccess
			r.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Questions[0].Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, Length: 4},
				Body:   &dnsmessage.AResource{A: TestAddr},
			}}
		}
		return r, nil
	}}
	r := Resolver{PreferGo: true, Dial: fake.DialContext}
	for name, why := range map[string]bool{
		"printer.local": true, "printer.LOCAL.": true, "a.b.local": true,
		"local": false, "printer.local.example.com": false, "printer.nolocal": false,
	} {
		_, err := r.LookupHost(context.Background(), name)
		var dns *DNSError
		if !errors.As(err, &dns) || !dns.IsNotFound || !strings.HasPrefix(dns.Err, errNoSuchHost.Error()) {
			t.Errorf("%s: error %v; want a DNSError, not found", name, err)
			continue
		}
		if strings.Contains(err.Error(), "multicast DNS") != why {
			t.Errorf("%s: error %q; want the reason in it: %v", name, err, why)
		}
	}
	if _, err := r.LookupTXT(context.Background(), "_http._tcp.local"); err == nil || !strings.Contains(err.Error(), "multicast DNS") {
		t.Errorf("TXT: error %v", err)
	}
	// Sites that have .local in ordinary DNS are served.
	if addrs, err := r.LookupHost(context.Background(), "known.local"); err != nil || len(addrs) != 1 {
		t.Errorf("known.local: %q, %v", addrs, err)
	}
	if asked == 0 {
		t.Error("the server was not asked")
	}
}

// TestMulticastReason has all the ways in which a name can fail to be found.
func TestMulticastReason(t *testing.T) {
	answer := func(code dnsmessage.RCode) *Resolver {
		fake := fakeDNSServer{rh: func(n, s string, q dnsmessage.Message, _ time.Time) (dnsmessage.Message, error) {
			return dnsmessage.Message{
				Header:    dnsmessage.Header{ID: q.ID, Response: true, RCode: code, RecursionAvailable: true},
				Questions: q.Questions,
			}, nil
		}}
		return &Resolver{PreferGo: true, Dial: fake.DialContext}
	}
	fail := func(err error) *Resolver {
		fake := fakeDNSServer{rh: func(n, s string, q dnsmessage.Message, _ time.Time) (dnsmessage.Message, error) {
			return dnsmessage.Message{}, err
		}}
		return &Resolver{PreferGo: true, Dial: fake.DialContext}
	}
	wait := &Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	refused := &Resolver{PreferGo: true, Dial: func(_ context.Context, network, _ string) (Conn, error) {
		return nil, &OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}}
	background := context.Background()
	late, cancel := context.WithTimeout(background, 10*time.Millisecond)
	defer cancel()
	cancelled, cancel := context.WithCancel(background)
	cancel()
	for _, c := range []struct {
		what  string
		ctx   context.Context
		r     *Resolver
		cause string
		why   bool
	}{
		{"name error", background, answer(dnsmessage.RCodeNameError), "no such host", true},
		{"no records", background, answer(dnsmessage.RCodeSuccess), "no such host", true},
		{"server failure", background, answer(dnsmessage.RCodeServerFailure), "server misbehaving", true},
		{"refused", background, answer(dnsmessage.RCodeRefused), "server misbehaving", true},
		{"not implemented", background, answer(dnsmessage.RCodeNotImplemented), "server misbehaving", true},
		{"format error", background, answer(dnsmessage.RCodeFormatError), "server misbehaving", true},
		{"no server", background, refused, "connection refused", true},
		{"no answer", background, fail(os.ErrDeadlineExceeded), "i/o timeout", true},
		{"reading fails", background, fail(syscall.ECONNRESET), "connection reset", true},
		{"the caller's deadline", late, wait, "i/o timeout", true},
		{"the caller's cancellation", cancelled, wait, "operation was canceled", false},
	} {
		for _, name := range []string{"printer.local", "printer.example"} {
			_, errHost := c.r.LookupHost(c.ctx, name)
			_, errTXT := c.r.LookupTXT(c.ctx, name)
			for _, err := range []error{errHost, errTXT} {
				why := c.why && name == "printer.local"
				if _, ok := errors.AsType[*DNSError](err); !ok || !strings.Contains(err.Error(), c.cause) || strings.Contains(err.Error(), "multicast DNS") != why {
					t.Errorf("%s, %s: %v; want a DNSError with %q and the reason: %v", c.what, name, err, c.cause, why)
				}
			}
		}
	}
	// A service is no name.
	if _, err := DefaultResolver.LookupPort(background, "tcp", "nothing.local"); err == nil || strings.Contains(err.Error(), "multicast DNS") {
		t.Errorf("port: %v", err)
	}
}

// TestBrokenResolvConf reads files that are no resolv.conf: there are defaults
// then, with which names are looked up. The Mac's own file is made by a daemon
// and missing without a network.
func TestBrokenResolvConf(t *testing.T) {
	dir := t.TempDir()
	garbage := make([]byte, 1<<16)
	for i := range garbage {
		garbage[i] = byte(i * i >> 3)
	}
	files := map[string]string{
		"empty":    "",
		"garbage":  string(garbage),
		"zeros":    strings.Repeat("\x00", 5000),
		"no value": "nameserver\nsearch\ndomain\noptions\nlookup\n",
		"no IP":    "nameserver 300.1.1.1\nnameserver printer.local\nnameserver ::g\n",
		"numbers":  "options ndots:99999999999999999999 timeout:-5 attempts:-1 ndots: timeout:x\n",
		"long":     "search " + strings.Repeat("a", 1<<20) + "\n" + strings.Repeat("x", 1<<20),
	}
	for name, text := range files {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(dir+"/directory", 0o777); err != nil {
		t.Fatal(err)
	}
	files["directory"], files["absent"] = "", ""
	fake := fakeDNSServer{rh: func(n, s string, q dnsmessage.Message, _ time.Time) (dnsmessage.Message, error) {
		return dnsmessage.Message{
			Header:    dnsmessage.Header{ID: q.ID, Response: true, RCode: dnsmessage.RCodeNameError},
			Questions: q.Questions,
		}, nil
	}}
	r := Resolver{PreferGo: true, Dial: fake.DialContext}
	for name := range files {
		conf := dnsReadConfig(dir + "/" + name)
		if len(conf.servers) == 0 || conf.attempts < 1 || conf.timeout <= 0 || conf.ndots < 0 || conf.ndots > 15 {
			t.Errorf("%s: %d servers, %d attempts, timeout %v, ndots %d", name, len(conf.servers), conf.attempts, conf.timeout, conf.ndots)
			continue
		}
		_, err := r.goLookupIP(context.Background(), "ip", "nobody.example.com", hostLookupFilesDNS, conf)
		if dns, ok := errors.AsType[*DNSError](err); !ok || !dns.IsNotFound {
			t.Errorf("%s: error %v; want a DNSError, not found", name, err)
		}
	}
}
