#!/usr/bin/env bash
# Copyright 2026 The goxnu Authors. All rights reserved.
# Use of this source code is governed by a BSD-style
# license that can be found in the LICENSE file.

# Builds the toolchain twice, in directories of different names, and compares
# bin and pkg to the last byte. It takes the time of two builds, and 1.5 GB
# below TMPDIR.

set -e
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

for dir in one another/longer/name; do
	mkdir -p "$tmp/$dir"
	cp -R "$top"/{VERSION,go.env,lib,src,test} "$tmp/$dir"
	[[ ! -d $top/api ]] || cp -R "$top/api" "$tmp/$dir"
done
for dir in one another/longer/name; do
	# Neither build finds anything of the other's in a cache.
	GOCACHE=$tmp/cache bash "$tmp/$dir/src/make.bash" >"$tmp/log" 2>&1 || {
		cat "$tmp/log"
		exit 1
	}
	rm -rf "$tmp/cache"
	rm -f "$tmp/$dir/goroot/pkg/goxnu-built"
done

n=0 bad=0
cd "$tmp/one/goroot"
for f in $(find bin pkg -type f | sort); do
	n=$((n + 1))
	if ! cmp "$f" "$tmp/another/longer/name/goroot/$f"; then
		bad=$((bad + 1))
	fi
done
if [[ $bad -gt 0 ]]; then
	echo "$bad of $n files differ between two builds"
	exit 1
fi
echo "two builds in two directories: $n files, all the same"
