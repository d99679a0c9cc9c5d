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

// All are the releases, in order.
var All = []Release{
	{"10.6", 1504, 10}, {"10.7", 1699, 11}, {"10.8", 2050, 12}, {"10.9", 2422, 13}, {"10.10", 2782, 14},
	{"10.11", 3248, 15}, {"10.12", 3789, 16}, {"10.13", 4570, 17}, {"10.14", 4903, 18}, {"10.15", 6153, 19},
	{"11", 7195, 20}, {"12", 8019, 21}, {"12.3", 8020, 0}, {"13", 8792, 22}, {"14", 10002, 23}, {"15", 11215, 24},
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
