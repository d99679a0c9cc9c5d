// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package platform

// RawDarwin reports whether programs for goos/goarch are static and enter the
// XNU kernel themselves, with neither libSystem nor dyld. Everything that such
// a port refuses (cgo, external linking, position independence, the race
// detector) follows from it. There is a copy of this function in
// cmd/dist/rawdarwin.go.
func RawDarwin(goos, goarch string) bool {
	return goos == "darwin" && (goarch == "amd64" || goarch == "386")
}

// rawPorts says about the raw ports what cmd/dist/rawdarwin.go says about them.
var rawPorts = map[OSArch]osArchInfo{
	{"darwin", "amd64"}: {FirstClass: true},
}

// init enters the raw ports into the generated tables. (A list of our own in
// zosarch.go's place would be a copy of every other port.)
func init() {
	for port, info := range rawPorts {
		if _, ok := distInfo[port]; !ok {
			i := 0
			for i < len(List) && List[i].String() < port.String() {
				i++
			}
			List = append(List[:i], append([]OSArch{port}, List[i:]...)...)
		}
		distInfo[port] = info
	}
}

// DefaultPIE reports whether "go build" makes a position-independent program
// when no -buildmode is given. The kernel would slide a static one and nobody
// would rebase it, so a raw port must stay where it was linked.
//
//graft:wrap supported.go 715c44a29498 a raw port is linked at a fixed address
func DefaultPIE(goos, goarch string, isRace bool) bool {
	return !RawDarwin(goos, goarch) && upstream_DefaultPIE(goos, goarch, isRace)
}

// InternalLinkPIESupported reports whether cmd/link alone can make a
// position-independent program.
//
//graft:wrap supported.go 0b7899b77344 a raw port is linked at a fixed address
func InternalLinkPIESupported(goos, goarch string) bool {
	return !RawDarwin(goos, goarch) && upstream_InternalLinkPIESupported(goos, goarch)
}

// BuildModeSupported reports whether goos/goarch has the build mode. The modes
// that a raw port refuses make code for dyld or for a C linker.
//
//graft:wrap supported.go 4b1f0f844e81 a raw port makes static executables only
func BuildModeSupported(compiler, buildmode, goos, goarch string) bool {
	if RawDarwin(goos, goarch) {
		switch buildmode {
		case "default", "exe", "archive":
		default:
			return false
		}
	}
	return upstream_BuildModeSupported(compiler, buildmode, goos, goarch)
}

// RaceDetectorSupported reports whether goos/goarch has the race detector. Its
// runtime is a C object file that calls libSystem, which a raw port lacks.
//
//graft:wrap supported.go 13d774d91798 the race detector's runtime needs libSystem
func RaceDetectorSupported(goos, goarch string) bool {
	return !RawDarwin(goos, goarch) && upstream_RaceDetectorSupported(goos, goarch)
}
