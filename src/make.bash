#!/usr/bin/env bash
# Copyright 2026 The goxnu Authors. All rights reserved.
# Use of this source code is governed by a BSD-style
# license that can be found in the LICENSE file.

# Composes goroot/ and builds it by its own make.bash, with the installed Go
# as bootstrap toolchain. Arguments go to that make.bash.
#
# make.bash --sync only brings edits of the overlay into a built goroot/, and
# reinstalls the commands that they concern.
#
# make.bash --list lists what the overlay changes.
#
# src/graft.bash lists the variables that are heeded.

. "$(dirname "${BASH_SOURCE[0]}")/graft.bash"

built=$GOXNU/pkg/goxnu-built

if [[ $1 == --list ]]; then
	graft -list
	exit
fi
if [[ $1 == --sync ]]; then
	graft -o "$GOXNU" -install $GRAFTFLAGS
	exit
fi
graft -o "$GOXNU" -rebuild $GRAFTFLAGS
GOROOT_BOOTSTRAP=$(graft -print-upstream)
export GOROOT_BOOTSTRAP
rm -f "$built"
(cd "$GOXNU/src" && bash ./make.bash "$@")
touch "$built"
