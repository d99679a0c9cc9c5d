#!/usr/bin/env bash
# Copyright 2026 The goxnu Authors. All rights reserved.
# Use of this source code is governed by a BSD-style
# license that can be found in the LICENSE file.

# Tests the built toolchain on this machine by upstream's own run.bash: the
# host's port, not the darwin ones; make test has those. Arguments go to it.

. "$(dirname "${BASH_SOURCE[0]}")/graft.bash"

[[ -x $GOXNU/bin/go ]] || die "$GOXNU/bin/go does not exist: build it first with src/make.bash"
cd "$GOXNU/src"
exec bash ./run.bash "$@"
