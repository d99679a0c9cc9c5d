// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package platform

// This file comes before rawdarwin.go, which enters rawPorts into the tables.
func init() {
	rawPorts[OSArch{"darwin", "386"}] = osArchInfo{}
}
