#!/usr/bin/env bash
# Copyright 2026 The goxnu Authors. All rights reserved.
# Use of this source code is governed by a BSD-style
# license that can be found in the LICENSE file.

# Removes what make.bash made: the composed tree and the composer.

set -e
if [[ $# -gt 0 ]]; then
	echo "usage: clean.bash (removes goroot/, .graft-goroot/ and .build/ of the repository)" >&2
	exit 2
fi
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [[ -d $TOP/goroot && ! -f $TOP/goroot/.graft ]]; then
	echo "$TOP/goroot was not composed by graft; remove it yourself" >&2
	exit 1
fi
rm -rf "$TOP/goroot" "$TOP/.graft-goroot" "$TOP/.build"
