// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package buildcfg

// The build tag goxnu tells source files that this toolchain compiles them.
func init() {
	ToolTags = append(ToolTags, "goxnu")
}
