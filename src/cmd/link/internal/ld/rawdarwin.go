// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package ld

import (
	imacho "cmd/internal/macho"
	"cmd/internal/objabi"
	"cmd/internal/sys"
	"cmd/link/internal/loader"
	"cmd/link/internal/sym"
	"fmt"
	"internal/buildcfg"
	"internal/platform"
	"maps"
	"slices"
	"strings"
)

// A raw darwin program is a static Mach-O file: the kernel maps its segments,
// sets the registers of LC_UNIXTHREAD and jumps. What upstream writes for dyld
// (its own name, the names of libraries, imports) is left out here, and a
// program that cannot do without it is refused.

// IsRaw reports whether the target is a raw darwin port.
func (t *Target) IsRaw() bool {
	return t.IsDarwin() && platform.RawDarwin(buildcfg.GOOS, buildcfg.GOARCH)
}

// determineLinkMode refuses what only a C linker could do for a raw port.
//
//graft:wrap config.go 5aa49b82360e a raw port is linked by cmd/link alone and has no C
func determineLinkMode(ctxt *Link) {
	if !ctxt.IsRaw() {
		upstream_determineLinkMode(ctxt)
		return
	}
	port := buildcfg.GOOS + "/" + buildcfg.GOARCH
	if iscgo {
		Exitf("cgo is not supported on %s: programs are static and have no C library", port)
	}
	if ctxt.LinkMode == LinkExternal || ctxt.LinkMode == LinkAuto && buildcfg.Getgoextlinkenabled() == "1" {
		Exitf("external linking is not supported on %s: programs are static and have no C library", port)
	}
	upstream_determineLinkMode(ctxt)
	// What -d asks for is what a raw program is; with it upstream would leave
	// out load commands that a static file has too.
	*FlagD = false
}

// UsesLibc reports whether the target's programs need a C library, without
// which upstream refuses -d.
//
//graft:wrap target.go 7f2baf8635ff a raw program is static as it is
func (t *Target) UsesLibc() bool {
	return !t.IsRaw() && t.upstream_UsesLibc()
}

// A libImport is a cgo_import_dynamic directive of a raw port: package pkg
// declares that the symbol local stands for the name remote of library lib.
type libImport struct {
	local, remote, lib, pkg string
}

// libImports holds the directives in the order of the packages.
var libImports []libImport

// setCgoAttr keeps dynamic imports of a raw port from becoming dynamic
// symbols. Those that package syscall defines as text (the libc_ stubs) are
// then ordinary symbols; checkLibImports reports the rest if they are used.
//
//graft:wrap go.go 26ade61bfa83 a raw program has no dynamic imports
func setCgoAttr(ctxt *Link, file string, pkg string, directives [][]string, hostObjSyms map[loader.Sym]struct{}) {
	if ctxt.IsRaw() {
		path, err := objabi.PrefixToPath(pkg)
		if err != nil {
			path = pkg
		}
		directives = slices.DeleteFunc(slices.Clone(directives), func(f []string) bool {
			if f[0] != "cgo_import_dynamic" || len(f) < 2 || len(f) > 4 {
				return false
			}
			imp := libImport{local: f[1], remote: f[1], pkg: path}
			if len(f) > 2 {
				imp.remote, _, _ = strings.Cut(f[2], "#")
			}
			if len(f) > 3 {
				imp.lib = f[3]
			}
			if imp.local != "_" { // "_ _ lib" only asks for a library
				libImports = append(libImports, imp)
			}
			return true
		})
	}
	upstream_setCgoAttr(ctxt, file, pkg, directives, hostObjSyms)
}

// checkLibImports ends the link if the program reaches a library function that
// the port does not provide, or a trampoline to one that no file for the
// architecture defines. It must run after deadcode.
func checkLibImports(ctxt *Link) {
	ldr := ctxt.loader
	missing := make(map[loader.Sym]libImport) // functions without a stub
	zero := make(map[loader.Sym]libImport)    // variables that hold no trampoline's address
	for _, imp := range libImports {
		if s := ldr.Lookup(imp.local, 0); s != 0 && ldr.AttrReachable(s) {
			if t := ldr.SymType(s); t == sym.Sxxx || t == sym.SXREF {
				if _, ok := missing[s]; !ok {
					missing[s] = imp
				}
			}
		}
		// Only assembly gives the variable a value.
		if s := ldr.Lookup(objabi.PathToPrefix(imp.pkg)+"."+imp.local+"_trampoline_addr", 0); s != 0 && ldr.AttrReachable(s) {
			if t := ldr.SymType(s); t == sym.SNOPTRBSS || t == sym.SBSS {
				zero[s] = imp
			}
		}
	}
	if len(missing)+len(zero) == 0 {
		return
	}

	// Name the packages that use the symbol: the one that declares it is
	// not always the only one.
	users := make(map[loader.Sym][]string)
	for s := loader.Sym(1); s < loader.Sym(ldr.NSym()); s++ {
		if !ldr.AttrReachable(s) {
			continue
		}
		relocs := ldr.Relocs(s)
		for i := range relocs.Count() {
			target := relocs.At(i).Sym()
			if pkg := ldr.SymPkg(s); pkg != "" && !slices.Contains(users[target], pkg) {
				if _, ok := missing[target]; !ok {
					if _, ok := zero[target]; !ok {
						continue
					}
				}
				users[target] = append(users[target], pkg)
			}
		}
	}

	// One line for the functions of a library that the same packages use.
	type group struct{ before, after, first string }
	var order []group
	names := make(map[group][]string)
	port := buildcfg.GOOS + "/" + buildcfg.GOARCH
	add := func(s loader.Sym, imp libImport, before, after string) {
		pkgs := users[s]
		if len(pkgs) == 0 {
			pkgs = []string{imp.pkg}
		}
		g := group{"package " + strings.Join(pkgs, ", ") + before, after, pkgs[0]}
		if names[g] == nil {
			order = append(order, g)
		}
		names[g] = append(names[g], imp.remote)
	}
	for _, s := range slices.Sorted(maps.Keys(missing)) {
		imp := missing[s]
		add(s, imp, " calls ", fmt.Sprintf(" of %s, and a %s program is static: %s", imp.library(), port, imp.remedy(ctxt)))
	}
	for _, s := range slices.Sorted(maps.Keys(zero)) {
		imp := zero[s]
		add(s, imp, " would call address 0 for ", fmt.Sprintf(": package %s defines the trampolines in no file for %s; add an assembly file for %s that does", imp.pkg, port, buildcfg.GOARCH))
	}
	for _, g := range order {
		msg := g.before + strings.Join(names[g], ", ") + g.after
		if chain := importChain(ctxt, g.first); len(chain) > 1 {
			msg += " (imported by way of " + strings.Join(chain, " > ") + ")"
		}
		Errorf("%s", msg)
	}
	errorexit()
}

// library returns the name of the import's library.
func (imp libImport) library() string {
	if imp.lib == "" {
		return "a dynamic library"
	}
	return imp.lib
}

// remedy says why the import has no stub, and what to do.
func (imp libImport) remedy(ctxt *Link) string {
	if ctxt.LibraryByPkg["syscall"] == nil {
		return `package syscall, which has the stubs, is not imported; import it`
	}
	if stub := "libc_" + imp.remote; imp.local != stub {
		if s := ctxt.loader.Lookup(stub, 0); s != 0 && ctxt.loader.SymType(s).IsText() {
			return "its stub is called " + stub + "; import it by that name"
		}
	}
	return "there is no stub; build without the package, or see goxnu's doc/programs.md"
}

// importChain returns a shortest chain of imports from package main to pkg,
// nil if there is none.
func importChain(ctxt *Link, pkg string) []string {
	start, end := ctxt.LibraryByPkg["main"], ctxt.LibraryByPkg[pkg]
	if start == nil || end == nil {
		return nil
	}
	by := map[*sym.Library]*sym.Library{start: nil}
	for queue := []*sym.Library{start}; len(queue) > 0; queue = queue[1:] {
		lib := queue[0]
		if lib == end {
			var chain []string
			for ; lib != nil; lib = by[lib] {
				chain = append(chain, lib.Pkg)
			}
			slices.Reverse(chain)
			return chain
		}
		for _, imp := range lib.Imports {
			if _, ok := by[imp]; !ok {
				by[imp] = lib
				queue = append(queue, imp)
			}
		}
	}
	return nil
}

// macOS106 is what a raw program says of itself in LC_VERSION_MIN_MACOSX, for
// the system as well as for the SDK: 10.6.0. Kernels record it and, by the
// SDK, stay lenient to mmap flags that they do not know
// (xnu-7195 bsd/kern/kern_mman.c:mmap).
const macOS106 = 10<<16 | 6<<8

// domacho ends the link of a raw program that needs a library, and replaces
// LC_BUILD_VERSION, which says macOS 12, by the command that 10.6 knows.
//
//graft:wrap macho.go e71a991b983b raw programs run from Mac OS X 10.6 on
func (ctxt *Link) domacho() {
	if ctxt.IsRaw() {
		checkLibImports(ctxt)
	}
	ctxt.upstream_domacho()
	if !ctxt.IsRaw() {
		return
	}
	for i := range load {
		if load[i].type_ == imacho.LC_BUILD_VERSION {
			load[i] = MachoLoad{
				type_: imacho.LC_VERSION_MIN_MACOSX,
				data:  []uint32{macOS106, macOS106},
			}
		}
	}
}

// machowrite writes the header and the load commands of a raw program without
// those that are meant for dyld. With MH_DYLDLINK clear the kernel would not
// start dyld (xnu-1504 bsd/kern/mach_loader.c:parse_machfile), but tools would
// take the program for a dynamic one.
//
//graft:wrap macho.go 97f14101e3ab a raw program is static
func machowrite(ctxt *Link, arch *sys.Arch, out *OutBuf, linkmode LinkMode) int {
	if ctxt.IsRaw() {
		load = slices.DeleteFunc(load, func(l MachoLoad) bool {
			return l.type_ == imacho.LC_LOAD_DYLINKER || l.type_ == imacho.LC_LOAD_DYLIB
		})
		if arch.PtrSize == 4 {
			machoI386(ctxt)
		}
	}
	return upstream_machowrite(ctxt, arch, out, linkmode)
}
