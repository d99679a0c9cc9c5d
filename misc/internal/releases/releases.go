// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package releases lists the releases of the system that the runner can be.
package releases

import (
	"fmt"
	"slices"
	"strings"
)

// A Release is a release of the system.
type Release struct {
	Name   string // 10.6 to 10.15, then 11 ...
	Kernel int    // the XNU branch of its kernel
	// Darwin is the major number of its kern.osrelease, or 0 if an earlier
	// release has the same: then it is none of those that tests are run on.
	Darwin int
}

// The branches of the kernel that differ, with the release that first shipped each.
const (
	XNU1504  = 1504  // 10.6
	XNU1699  = 1699  // 10.7
	XNU2050  = 2050  // 10.8
	XNU2422  = 2422  // 10.9
	XNU2782  = 2782  // 10.10
	XNU3248  = 3248  // 10.11
	XNU3789  = 3789  // 10.12
	XNU4570  = 4570  // 10.13
	XNU4903  = 4903  // 10.14
	XNU6153  = 6153  // 10.15
	XNU7195  = 7195  // 11
	XNU8019  = 8019  // 12
	XNU8020  = 8020  // 12.3
	XNU8792  = 8792  // 13
	XNU8796  = 8796  // 13.4
	XNU10002 = 10002 // 14
	XNU10063 = 10063 // 14.4
	XNU11215 = 11215 // 15
	XNU11417 = 11417 // 15.4
)

// All are the releases, in order.
var All = []Release{
	{"10.6", XNU1504, 10}, {"10.7", XNU1699, 11}, {"10.8", XNU2050, 12}, {"10.9", XNU2422, 13}, {"10.10", XNU2782, 14},
	{"10.11", XNU3248, 15}, {"10.12", XNU3789, 16}, {"10.13", XNU4570, 17}, {"10.14", XNU4903, 18}, {"10.15", XNU6153, 19},
	{"11", XNU7195, 20}, {"12", XNU8019, 21}, {"12.3", XNU8020, 0}, {"13", XNU8792, 22}, {"14", XNU10002, 23}, {"15", XNU11215, 24},
}

// Last386 is the last that runs 32-bit programs.
var Last386, _ = Named("10.14")

// Named returns the release of that name.
func Named(name string) (r Release, ok bool) {
	i := slices.IndexFunc(All, func(r Release) bool { return r.Name == name })
	if i < 0 {
		return r, false
	}
	return All[i], true
}

// Select returns the names of the releases that list names, with blanks
// between; "all" is every one that runs programs of the port darwin/arch.
func Select(list, arch string) ([]string, error) {
	var known []string
	for _, r := range All {
		if r.Darwin != 0 && (arch != "386" || r.Kernel <= Last386.Kernel) {
			known = append(known, r.Name)
		}
	}
	if list == "all" {
		return known, nil
	}
	names := strings.Fields(list)
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("darwin/%s has no release %q; there are %s", arch, name, strings.Join(known, " "))
		}
	}
	return names, nil
}
