// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package xnu

// A Release is the number of an XNU branch; releases compare in order.
type Release int

// The kernels that differ, with the system that first shipped each.
const (
	XNU1504  Release = 1504  // 10.6
	XNU1699  Release = 1699  // 10.7
	XNU2050  Release = 2050  // 10.8
	XNU2422  Release = 2422  // 10.9
	XNU2782  Release = 2782  // 10.10
	XNU3248  Release = 3248  // 10.11
	XNU3789  Release = 3789  // 10.12
	XNU4570  Release = 4570  // 10.13
	XNU4903  Release = 4903  // 10.14
	XNU6153  Release = 6153  // 10.15
	XNU7195  Release = 7195  // 11
	XNU8019  Release = 8019  // 12
	XNU8020  Release = 8020  // 12.3
	XNU8792  Release = 8792  // 13
	XNU8796  Release = 8796  // 13.4
	XNU10002 Release = 10002 // 14
	XNU10063 Release = 10063 // 14.4
	XNU11215 Release = 11215 // 15
	XNU11417 Release = 11417 // 15.4
)
