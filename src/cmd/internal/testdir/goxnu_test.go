// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package testdir_test

// The programs of the repository's test/ lie in a directory of their own.
func init() {
	dirs = append(dirs, "goxnu")
}
