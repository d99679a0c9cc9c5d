// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package net

import (
	"context"
	"errors"
)

// newDNSError says of a name in .local, whatever became of the question, why it may
// not be found: such names are answered by multicast DNS (RFC 6762), which
// libSystem speaks and the resolver written in Go does not. Servers do not
// agree on what to answer, and a network of that kind may have none. Who has
// cancelled the lookup needs no reason.
//
//graft:wrap net_raw_darwin.go 7dbe5cafb09f a name that every other program on the Mac finds is not found
func newDNSError(err error, name, server string) *DNSError {
	e := upstream_newDNSError(err, name, server)
	if isLocal(name) && err != errUnknownPort && !errors.Is(err, context.Canceled) {
		e.Err += " (names in .local are answered by multicast DNS, which is not supported; /etc/hosts is)"
	}
	return e
}

// isLocal tells whether name, with or without a final dot, is one in .local.
func isLocal(name string) bool {
	return stringsHasSuffixFold(name, ".local") || stringsHasSuffixFold(name, ".local.")
}
