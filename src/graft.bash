#!/usr/bin/env bash
# Copyright 2026 The goxnu Authors. All rights reserved.
# Use of this source code is governed by a BSD-style
# license that can be found in the LICENSE file.

# Sourced by make.bash and its kin. It leaves in $TOP the top of the
# repository, in $GOXNU the composed tree, and defines graft.
#
# GOXNU_UPSTREAM: the GOROOT of the installed Go to compose from. By default
# the go commands on PATH are asked.
#
# GRAFTFLAGS: more flags for graft, for example -without=NAME.

set -e

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
GOXNU=$TOP/goroot

# What steers the user's own go command must not steer the build.
unset CDPATH GOROOT GOFLAGS GOTOOLCHAIN GOOS GOARCH GOENV GO111MODULE GOWORK \
	GOEXPERIMENT GOBIN GOTOOLDIR GO386 GOAMD64 GOARM64 GOFIPS140 \
	GOHOSTOS GOHOSTARCH GO_GCFLAGS GO_LDFLAGS GO_DISTFLAGS GO_EXTLINK_ENABLED GO_LDSO \
	CGO_ENABLED GOCOVERDIR GODEBUG GORACE
export GOENV=off GOTOOLCHAIN=local

die() {
	echo "$1" >&2
	exit 1
}

# A go command that can build graft: one of PATH's, or the installed Go's.
bootgo() {
	local go
	for go in ${GOXNU_UPSTREAM:+"$GOXNU_UPSTREAM/bin/go"} $(type -ap go) "$HOME/sdk/$release/bin/go" "$GOXNU/bin/go"; do
		if [[ -x $go ]] && "$go" version >/dev/null 2>&1; then
			echo "$go"
			return
		fi
	done
}

release=$(sed -n '1s/-goxnu$//p' "$TOP/VERSION")
bootgo=$(bootgo)
if [[ -z $bootgo ]]; then
	die "no Go found: the fork is composed from $release; install it from https://go.dev/dl/ and put its bin directory on PATH, or name its GOROOT in GOXNU_UPSTREAM"
fi

mkdir -p "$TOP/.build" 2>/dev/null || die "cannot write $TOP/.build: make the directory writable, or work in a copy of the repository"
(cd "$TOP/src/cmd/graft" && GO111MODULE=off GOFLAGS=-buildvcs=false "$bootgo" build -o "$TOP/.build/graft" .) ||
	die "cannot build graft with $bootgo: see above"

graft() {
	"$TOP/.build/graft" -C "$TOP" "$@"
}
