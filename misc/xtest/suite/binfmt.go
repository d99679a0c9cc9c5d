// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package suite

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"goxnu/misc/internal/tree"
)

// magic is what Mach-O files begin with, by architecture: the magic number and the CPU.
var magic = map[string]string{
	"amd64": `\xcf\xfa\xed\xfe\x07\x00\x00\x01`,
	"386":   `\xce\xfa\xed\xfe\x07\x00\x00\x00`,
}

// register is run by sh to register the runner, $1, for Mach-O files that begin
// with $2, and to go on as the command in the other arguments.
const register = `mount -t binfmt_misc none /proc/sys/fs/binfmt_misc &&
printf '%s' ":goxnu:M::$2::$1:F" >/proc/sys/fs/binfmt_misc/register &&
shift 2 && exec "$@"`

// A wrapper changes how a command is run. The nil wrapper does not.
type wrapper func(*exec.Cmd) *exec.Cmd

func (w wrapper) of(cmd *exec.Cmd) *exec.Cmd {
	if w == nil {
		return cmd
	}
	return w(cmd)
}

// userNamespace is for a command in a user namespace where whoever runs it is
// called id.
func userNamespace(id int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: id, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: id, HostID: os.Getgid(), Size: 1}},
	}
}

// binfmt returns a function that makes a command run with the runner
// registered, in namespaces of its own, so that the machine does not change. It
// needs Linux 6.7 and leave to make user namespaces.
func (t *tester) binfmt() (wrapper, error) {
	runner := tree.Runner(t.goroot, t.arch)
	wrap := func(cmd *exec.Cmd) *exec.Cmd {
		w := exec.Command("sh", append([]string{"-c", register, "sh", runner, magic[t.arch], cmd.Path}, cmd.Args[1:]...)...)
		w.Dir, w.Env = cmd.Dir, cmd.Env
		w.SysProcAttr = userNamespace(0)
		w.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNS
		return w
	}
	if out, err := wrap(exec.Command("true")).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("binfmt_misc cannot be had in a user namespace (%v: %s)", err, strings.TrimSpace(string(out)))
	}
	return wrap, nil
}
