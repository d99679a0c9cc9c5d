#!/usr/bin/env bash
# Copyright 2026 The goxnu Authors. All rights reserved.
# Use of this source code is governed by a BSD-style
# license that can be found in the LICENSE file.

# Builds the toolchain and tests it. Arguments go to make.bash.

set -e
cd "$(dirname "${BASH_SOURCE[0]}")"
bash ./make.bash --no-banner "$@"
bash ./run.bash --no-rebuild
../goroot/bin/go tool dist banner
