// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

import "goxnu/misc/internal/releases"

// A Release is the number of an XNU branch; releases compare in order.
type Release int

// The kernels that differ. Package releases names the systems that shipped them.
const (
	XNU1504  Release = releases.XNU1504
	XNU1699  Release = releases.XNU1699
	XNU2050  Release = releases.XNU2050
	XNU2422  Release = releases.XNU2422
	XNU2782  Release = releases.XNU2782
	XNU3248  Release = releases.XNU3248
	XNU3789  Release = releases.XNU3789
	XNU4570  Release = releases.XNU4570
	XNU4903  Release = releases.XNU4903
	XNU6153  Release = releases.XNU6153
	XNU7195  Release = releases.XNU7195
	XNU8019  Release = releases.XNU8019
	XNU8020  Release = releases.XNU8020
	XNU8792  Release = releases.XNU8792
	XNU8796  Release = releases.XNU8796
	XNU10002 Release = releases.XNU10002
	XNU10063 Release = releases.XNU10063
	XNU11215 Release = releases.XNU11215
	XNU11417 Release = releases.XNU11417
)
