// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && !osusergo && (amd64 || 386)

package user

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// fakeTool replaces a tool of the directory's by a shell script.
func fakeTool(t *testing.T, tool *string, script string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o777); err != nil {
		t.Fatal(err)
	}
	was := *tool
	*tool = file
	t.Cleanup(func() { *tool = was })
}

// fakeDirectory has a person and a group, and prints them as dscacheutil does.
const fakeDirectory = `
[ "$#" = 5 ] && [ "$1" = -q ] && [ "$3" = -a ] || exit 64
case "$2 $4 $5" in
"user name zaphod 1"|"user uid 4242501") cat <<END
name: zaphod 1
password: ********
uid: 4242501
gid: 4242020
dir: /Users/zaphod: 1
shell: /bin/zsh
gecos: Zaphod B.,room 1

END
;;
"group name hosts") echo "name: hosts"; echo "gid: 4242020" ;;
"group gid 4242020") cat <<END
name: other
password: *
gid: 77

name: hosts
password: *
gid: 4242020
users: zaphod root

END
;;
"user uid 4242502") echo "name: broken"; echo "uid: many"; echo "gid: 1" ;;
"user uid 4242503") echo "name: other"; echo "uid: 1"; echo "gid: 1" ;;
"user uid 4242504") echo "name: zaphod"; echo "uid: 4242504"; echo "gid: 1"; exit 1 ;;
"user uid 4242505") exec cat /dev/zero ;;
esac
`

func TestDirectory(t *testing.T) {
	fakeTool(t, &dscacheutil, fakeDirectory)
	want := User{Uid: "4242501", Gid: "4242020", Username: "zaphod 1", Name: "Zaphod B.", HomeDir: "/Users/zaphod: 1"}
	if u, err := Lookup("zaphod 1"); err != nil || *u != want {
		t.Errorf("Lookup: %+v, %v", u, err)
	}
	if u, err := LookupId("4242501"); err != nil || *u != want {
		t.Errorf("LookupId: %+v, %v", u, err)
	}
	// The entry of another group, which the tool printed too, must not be taken for it.
	if g, err := LookupGroupId("4242020"); err != nil || g.Name != "hosts" {
		t.Errorf("LookupGroupId: %+v, %v", g, err)
	}
	if g, err := LookupGroup("hosts"); err != nil || g.Gid != "4242020" {
		t.Errorf("LookupGroup: %+v, %v", g, err)
	}
	for _, uid := range []string{"4242502", "4242503", "4242504", "4242505", "4242506"} {
		var unknown UnknownUserIdError
		if u, err := LookupId(uid); !errors.As(err, &unknown) {
			t.Errorf("LookupId(%s): %+v, %v; want UnknownUserIdError", uid, u, err)
		}
	}
	for _, name := range []string{"", "-x", "nobody\nhere", "$(id)", "a\x00b"} {
		var unknown UnknownUserError
		if u, err := Lookup(name); !errors.As(err, &unknown) {
			t.Errorf("Lookup(%q): %+v, %v; want UnknownUserError", name, u, err)
		}
	}
}

// TestDirectoryFilesFirst shows that the tool is not asked for what /etc/passwd has.
func TestDirectoryFilesFirst(t *testing.T) {
	fakeTool(t, &dscacheutil, `echo "name: root"; echo "uid: 0"; echo "gid: 0"; echo "gecos: from the tool"`)
	if u, err := lookupUserId("0"); err != nil || u.Name == "from the tool" {
		t.Errorf("%+v, %v", u, err)
	}
}

// TestDirectoryAbsent has no tool, or one that cannot be executed.
func TestDirectoryAbsent(t *testing.T) {
	defer func(d, i string) { dscacheutil, id = d, i }(dscacheutil, id)
	dir := t.TempDir()
	for _, tool := range []string{filepath.Join(dir, "absent"), dir} {
		dscacheutil, id = tool, tool
		if u, err := Lookup("zaphod"); err != UnknownUserError("zaphod") {
			t.Errorf("Lookup: %+v, %v", u, err)
		}
		if g, err := LookupGroupId("4242020"); err != UnknownGroupIdError("4242020") {
			t.Errorf("LookupGroupId: %+v, %v", g, err)
		}
		if gids, err := (&User{Username: "zaphod", Gid: "4242020"}).GroupIds(); err != nil || !slices.Equal(gids, []string{"4242020"}) {
			t.Errorf("GroupIds: %q, %v", gids, err)
		}
	}
}

// TestNegativeIDs has the lines of the Mac's files, and what dscacheutil prints
// of such an ID and takes for an option (DSTools dscacheutil.m:print_passwd, main).
func TestNegativeIDs(t *testing.T) {
	defer func(p, g, i string) { passwd, groups, id = p, g, i }(passwd, groups, id)
	dir := t.TempDir()
	passwd, groups, id = filepath.Join(dir, "passwd"), filepath.Join(dir, "group"), filepath.Join(dir, "absent")
	for file, text := range map[string]string{
		passwd: `##
# User Database
##
nobody:*:-2:-2:Unprivileged User:/var/empty:/usr/bin/false
root:*:0:0:System Administrator:/var/root:/bin/sh
daemon:*:1:1:System Services:/var/root:/usr/bin/false
`,
		groups: `nobody:*:-2:
nogroup:*:-1:root,nobody
wheel:*:0:root
daemon:*:1:root
`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	fakeTool(t, &dscacheutil, `
[ "$#" = 5 ] && [ "$1" = -q ] && [ "$3" = -a ] && [ "${5#-}" = "$5" ] || exit 64
case "$2 $4 $5" in
"user name marvin"|"user uid 4294967292") echo "name: marvin"; echo "uid: -4"; echo "gid: -5"; echo "dir: /Users/marvin" ;;
"group name robots"|"group gid 4294967291") echo "name: robots"; echo "gid: -5" ;;
esac`)

	nobody := User{Uid: "4294967294", Gid: "4294967294", Username: "nobody", Name: "Unprivileged User", HomeDir: "/var/empty"}
	marvin := User{Uid: "4294967292", Gid: "4294967291", Username: "marvin", HomeDir: "/Users/marvin"}
	for _, c := range []struct {
		lookup func(string) (*User, error)
		key    string
		want   User
	}{
		{lookupUser, "nobody", nobody},
		{lookupUserId, "4294967294", nobody},
		{lookupUserId, "-2", nobody},
		{lookupUser, "marvin", marvin},
		{lookupUserId, "4294967292", marvin},
		{lookupUserId, "-4", marvin},
	} {
		if u, err := c.lookup(c.key); err != nil || *u != c.want {
			t.Errorf("user %s: %+v, %v; want %+v", c.key, u, err, c.want)
		}
	}
	for _, c := range []struct {
		lookup func(string) (*Group, error)
		key    string
		want   Group
	}{
		{lookupGroup, "nobody", Group{Gid: "4294967294", Name: "nobody"}},
		{lookupGroupId, "4294967294", Group{Gid: "4294967294", Name: "nobody"}},
		{lookupGroupId, "4294967295", Group{Gid: "4294967295", Name: "nogroup"}},
		{lookupGroupId, "-1", Group{Gid: "4294967295", Name: "nogroup"}},
		{lookupGroup, "robots", Group{Gid: "4294967291", Name: "robots"}},
		{lookupGroupId, "4294967291", Group{Gid: "4294967291", Name: "robots"}},
		{lookupGroupId, "-5", Group{Gid: "4294967291", Name: "robots"}},
	} {
		if g, err := c.lookup(c.key); err != nil || *g != c.want {
			t.Errorf("group %s: %+v, %v; want %+v", c.key, g, err, c.want)
		}
	}
	if gids, err := nobody.GroupIds(); err != nil || strings.Join(gids, " ") != "4294967294 4294967295" {
		t.Errorf("groups of nobody: %q, %v", gids, err)
	}
	fakeTool(t, &id, "echo -2 20 4294967295")
	if gids, err := nobody.GroupIds(); err != nil || strings.Join(gids, " ") != "4294967294 20 4294967295" {
		t.Errorf("groups of nobody, by id: %q, %v", gids, err)
	}

	for _, uid := range []string{"4294967293", "-3", "2147483648", "-4294967294", "8589934590", "77"} {
		if u, err := lookupUserId(uid); !unknown[UnknownUserIdError](err) && strconv.IntSize == 64 || err == nil {
			t.Errorf("user %s: %+v, %v", uid, u, err)
		}
	}
	for _, gid := range []string{"4294967293", "-3", "x", "", "-4294967294", "8589934590"} {
		if g, err := lookupGroupId(gid); err != UnknownGroupIdError(gid) {
			t.Errorf("group %s: %+v, %v", gid, g, err)
		}
	}
	if uid, err := byID[UnknownUserIdError](passwd, findUserId, "2147483648"); !unknown[UnknownUserIdError](err) {
		t.Errorf("user 2147483648: %+v, %v; the directory would not be asked", uid, err)
	}
}

// TestCurrentID is about a process of nobody's.
func TestCurrentID(t *testing.T) {
	if os.Getenv("GO_WANT_HELPER_PROCESS") == "1" {
		nobody := ^1 // -2
		if err := errors.Join(syscall.Setregid(nobody, 0), syscall.Setreuid(nobody, 0)); err != nil {
			t.Fatal(err)
		}
		if uid, gid := currentUID(), currentGID(); uid != "4294967294" || gid != "4294967294" {
			t.Errorf("the user is %q, the group %q", uid, gid)
		}
		return
	}
	if os.Getuid() != 0 {
		t.Skip("only root can have another user id")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestCurrentID$")
	cmd.Env = append(os.Environ(), "GO_WANT_HELPER_PROCESS=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDirectoryGroups(t *testing.T) {
	fakeTool(t, &id, `[ "$1 $2" = "-G --" ] || exit 64
case "$3" in
zaphod) echo 20 12 61 4294967294 ;;
odd) echo 20 staff ;;
*) echo "id: $3: no such user" >&2; exit 1 ;;
esac`)
	for name, want := range map[string]string{"zaphod": "20 12 61 4294967294", "odd": "7", "nobody-of-this-name": "7"} {
		gids, err := (&User{Username: name, Gid: "7"}).GroupIds()
		if err != nil || strings.Join(gids, " ") != want {
			t.Errorf("%s: %q, %v; want %s", name, gids, err, want)
		}
	}
	if gids, err := (&User{Gid: "7"}).GroupIds(); err == nil {
		t.Errorf("no name: %q", gids)
	}
}
