// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package toolchain

import (
	"fmt"
	"os"
	"strings"

	"cmd/go/internal/base"
	"cmd/go/internal/cfg"
	"cmd/go/internal/gover"
	"cmd/go/internal/modload"
)

// Another toolchain, found in PATH or fetched, would be upstream's, and build
// dynamic darwin programs. So GOTOOLCHAIN counts as local wherever it is set:
// go.env's default does not suffice, since the environment and the file of "go
// env -w" override it.

// Select runs this toolchain. It refuses a GOTOOLCHAIN that names another one,
// and warns if go.work or go.mod asks for a newer one and GOTOOLCHAIN would
// have let it.
//
//graft:wrap select.go 4bc4012eda41 another toolchain would be upstream's
func Select() {
	setting := cfg.Getenv("GOTOOLCHAIN")
	if testing() || setting == "" || setting == "local" {
		upstream_Select()
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "env" {
		return // it must be able to show the setting and to change it
	}
	name, _, choose := strings.Cut(setting, "+")
	if name == "auto" || name == "path" {
		choose = true
	} else if name != "local" && gover.FromToolchain(name) != gover.Local() {
		base.Fatalf("go: GOTOOLCHAIN=%s names another toolchain than %s, which runs no other: unset it or set it to local", setting, gover.LocalToolchain())
	}
	if choose {
		warnOther(setting)
	}
	env, set := os.LookupEnv("GOTOOLCHAIN")
	os.Setenv("GOTOOLCHAIN", "local")
	upstream_Select()
	if set {
		os.Setenv("GOTOOLCHAIN", env)
	} else {
		os.Unsetenv("GOTOOLCHAIN")
	}
}

// warnOther names the line of go.work or go.mod that is not followed.
func warnOther(setting string) {
	state := modload.NewState()
	if !state.WillBeEnabled() {
		return
	}
	file, goVers, name := modGoToolchain(state)
	line := ""
	if vers := gover.FromToolchain(name); vers != "" && gover.Compare(vers, gover.Local()) > 0 {
		line = "toolchain " + name
	} else if goVers != "" && gover.Compare(goVers, gover.Local()) > 0 {
		line = "go " + goVers
	}
	if line != "" {
		fmt.Fprintf(os.Stderr, "go: GOTOOLCHAIN=%s counts as local: %s goes on in spite of %q in %s\n",
			setting, gover.LocalToolchain(), line, base.ShortPath(file))
	}
}

// testing reports whether this is the program of upstream's tests, which
// pretends to be, and to run, several toolchains.
func testing() bool { return gover.TestVersion != "" }

// HasAuto reports whether the setting allows to fetch a toolchain.
//
//graft:wrap switch.go 5d9ccbfff718 another toolchain would be upstream's
func HasAuto() bool { return testing() && upstream_HasAuto() }

// HasPath reports whether the setting allows a toolchain of PATH.
//
//graft:wrap switch.go f63d3b3e9528 another toolchain would be upstream's
func HasPath() bool { return testing() && upstream_HasPath() }
