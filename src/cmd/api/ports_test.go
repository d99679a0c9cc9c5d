// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"go/build"
	"io"
	"slices"
	"strings"
)

// Only served systems have sources to load.
func init() {
	contexts = slices.DeleteFunc(contexts, func(c *build.Context) bool { return !served(contextName(c)) })
}

// served tells whether the tree has the context of that name. The raw port has
// no cgo.
func served(context string) bool {
	return strings.HasPrefix(context, "linux-") || strings.HasPrefix(context, "darwin-") && context != "darwin-amd64-cgo"
}

// portRemoved reports whether a feature is one of a port that is not served.
//
//graft:wrap main_test.go b57074738f83 nothing of the other ports is there to be found
func portRemoved(feature string) bool {
	pkg, _, _ := strings.Cut(feature, ",")
	_, context, some := strings.Cut(pkg, " (")
	return some && !served(strings.TrimSuffix(context, ")")) || upstream_portRemoved(feature)
}

// compareAPI takes a feature that all contexts have for one that is required
// of each: upstream's files list it so if another port lacks it.
//
//graft:wrap main_test.go 5e577b0a3df4 with fewer contexts, more features are common to all
func compareAPI(w io.Writer, features, required, exception []string) (ok bool) {
	have := set(required)
	for _, f := range features {
		pkg, rest, some := strings.Cut(f, ",")
		if !some || have[f] || strings.Contains(pkg, "(") {
			continue
		}
		var each []string
		for _, c := range contexts {
			each = append(each, pkg+" ("+contextName(c)+"),"+rest)
		}
		if !slices.ContainsFunc(each, func(e string) bool { return !have[e] }) {
			required = slices.DeleteFunc(required, func(r string) bool { return slices.Contains(each, r) })
			required = append(required, f)
		}
	}
	return upstream_compareAPI(w, features, required, exception)
}
