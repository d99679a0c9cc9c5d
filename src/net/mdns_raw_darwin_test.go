// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package net

import (
	"context"
	"errors"
	"strings"
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
