// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build linux && amd64

package main

import (
	"fmt"
	"os"
	"path"
	"text/tabwriter"

	"goxnu/misc/go_darwin_exec/macho"
	"goxnu/misc/go_darwin_exec/mem"
	"goxnu/misc/go_darwin_exec/xnu"
)

// maxSlide bounds how far a position-independent program is moved: 65536 pages
// (xnu-11417 osfmk/vm/vm_map.c:vm_map_get_max_aslr_slide_pages).
const maxSlide = 65536 * mem.PageSize

// link does for a dynamic program that is mapped what dyld does: it gives it the
// library and binds its imports.
func link(o *options, f *macho.File, s *mem.Space, img *macho.Image) error {
	lib, err := xnu.NewLibrary(s, o.release)
	if err != nil {
		return err
	}
	err = f.Bind(s, func(im *macho.Import) (uint64, error) {
		return lib.Resolve(im.Symbol(), im.Library, im.Weak), nil
	})
	if err == nil {
		img.Regs.RIP, err = lib.Finish(s, img.Regs.RIP, f.Main)
	}
	return err
}

// printImports lists the imports of f.
func printImports(f *macho.File, r xnu.Release) {
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	for i := range f.Imports {
		im := &f.Imports[i]
		library := path.Base(im.Library)
		if im.Library == "" {
			library = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", im.Symbol(), library, xnu.Support(im.Symbol(), r))
	}
	w.Flush()
}
