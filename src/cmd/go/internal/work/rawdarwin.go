// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package work

import (
	"cmd/go/internal/base"
	"cmd/go/internal/cfg"
	"fmt"
	"internal/platform"
	"strings"
)

// buildModeInit refuses cgo for a raw port before anything is built: cgo is
// off by default there, so that CGO_ENABLED=1 was somebody's wish. What else a
// raw port lacks is refused by way of internal/platform's predicates, or by
// LinkerDeps and cmd/link.
//
//graft:wrap init.go bcfed847776e a raw port has no C library
func buildModeInit() {
	if platform.RawDarwin(cfg.Goos, cfg.Goarch) && cfg.BuildContext.CgoEnabled {
		base.Fatalf("go: cgo is not supported on %s/%s: programs are static and have no C library; unset CGO_ENABLED or set it to 0", cfg.Goos, cfg.Goarch)
	}
	upstream_buildModeInit()
}

// gc compiles a package. If that fails because a module knows darwin/386 no
// longer, the compiler's output ends with a line that says what to do.
//
//graft:wrap gc.go 661aaa649d40 golang.org/x/sys and golang.org/x/net have no files for darwin/386
func (tool gcToolchain) gc(b *Builder, a *Action, archive string, importcfg, embedcfg []byte, symabis string, asmhdr bool, pgoProfile string, gofiles []string) (ofile string, output []byte, err error) {
	ofile, output, err = tool.upstream_gc(b, a, archive, importcfg, embedcfg, symabis, asmhdr, pgoProfile, gofiles)
	if err != nil && cfg.Goos == "darwin" && cfg.Goarch == "386" && a.Package != nil {
		for _, module := range []string{"golang.org/x/sys", "golang.org/x/net"} {
			if strings.HasPrefix(a.Package.ImportPath, module+"/") {
				output = fmt.Appendf(output, "%s has no files for darwin/386: goxnu's misc/xsys386 makes them (cd misc; go run ./xsys386 -C MODULE DIR; then build with GOWORK=DIR/go.work)\n", module)
			}
		}
	}
	return ofile, output, err
}
