// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"go/build"
	"internal/platform"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Only served systems have sources to load. The raw ports have no cgo; a raw
// port that upstream does not have is checked if the tree has it.
func init() {
	contexts = slices.DeleteFunc(contexts, func(c *build.Context) bool {
		return c.GOOS != "linux" && c.GOOS != "darwin" || contextName(c) == "darwin-amd64-cgo"
	})
	if slices.Contains(platform.List, platform.OSArch{GOOS: "darwin", GOARCH: "386"}) {
		contexts = append(contexts, &build.Context{GOOS: "darwin", GOARCH: "386"})
	}
}

// served tells whether the tree has the context of that name.
func served(context string) bool {
	return slices.ContainsFunc(contexts, func(c *build.Context) bool { return contextName(c) == context })
}

// fileFeatures adds the fork's own files to upstream's: goxnu.txt has what its
// ports export beyond those of upstream, goxnu-except.txt what upstream's files
// list and its ports do not export.
//
//graft:wrap main_test.go 655871367131 the fork's own files have other names than Check reads
func fileFeatures(filename string, needApproval bool) []string {
	features := upstream_fileFeatures(filename, needApproval)
	own := map[string]string{"go1.txt": "goxnu.txt", "except.txt": "goxnu-except.txt"}[filepath.Base(filename)]
	if own = filepath.Join(filepath.Dir(filename), own); own != filepath.Dir(filename) {
		if _, err := os.Stat(own); err == nil {
			features = append(features, upstream_fileFeatures(own, false)...)
		}
	}
	return features
}

// contextOf returns the name of the context that a feature is of, or "" for all.
func contextOf(feature string) string {
	pkg, _, _ := strings.Cut(feature, ",")
	_, context, _ := strings.Cut(pkg, " (")
	return strings.TrimSuffix(context, ")")
}

// portRemoved reports whether a feature is one of a port that is not served.
//
//graft:replace main_test.go b57074738f83 nothing of the other ports is there to be found, and darwin-386 may be
func portRemoved(feature string) bool {
	context := contextOf(feature)
	return context != "" && !served(context)
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
