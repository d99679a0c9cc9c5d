// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"go/build"
	"slices"
)

// Only served systems have sources to load.
func init() {
	contexts = slices.DeleteFunc(contexts, func(c *build.Context) bool {
		return c.GOOS != "linux" && c.GOOS != "darwin"
	})
}
