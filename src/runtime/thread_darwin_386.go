// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios

package runtime

// entryRefused calls kernelRefused with what an entry without a frame leaves in
// registers. It is called from assembly only.
func entryRefused()
