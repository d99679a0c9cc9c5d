// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && !osusergo && (amd64 || 386)

package user

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// On a Mac /etc/passwd and /etc/group hold the system's own users and groups.
// People are in Open Directory, which libSystem asks by Mach messages. The
// functions below ask it by the tools that macOS has for this, when the files
// do not have the answer. Without the tools there remains the files' answer.
var (
	dscacheutil = "/usr/bin/dscacheutil" // since 10.5
	id          = "/usr/bin/id"
)

// maxAnswer bounds what is read of a tool's answer, in bytes.
const maxAnswer = 1 << 20

// ask runs a tool and returns what it printed. It is "" if anything went wrong.
func ask(tool string, args ...string) string {
	if _, err := os.Stat(tool); err != nil {
		return ""
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return ""
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return ""
	}
	defer r.Close()
	p, err := os.StartProcess(tool, append([]string{tool}, args...), &os.ProcAttr{
		Env:   []string{"PATH=/usr/bin:/bin", "LC_ALL=C"},
		Files: []*os.File{null, w, null},
	})
	w.Close()
	if err != nil {
		return ""
	}
	out, err := io.ReadAll(io.LimitReader(r, maxAnswer))
	r.Close()
	if state, werr := p.Wait(); werr != nil || !state.Success() || err != nil {
		return ""
	}
	return string(out)
}

// query asks for the users or groups (category) whose key has the value, and
// returns the first that is sound: lines "key: value", up to an empty one.
func query(category, key, value string) map[string]string {
	if value == "" || strings.ContainsAny(value, "\x00\n") {
		return nil
	}
	out := ask(dscacheutil, "-q", category, "-a", key, value)
	for entry := range strings.SplitSeq(out, "\n\n") {
		m := map[string]string{}
		for line := range strings.Lines(entry) {
			if k, v, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":"); ok {
				m[k] = strings.TrimSpace(v)
			}
		}
		sound := m["name"] != "" && isID(m["gid"]) && (category == "group" || isID(m["uid"]))
		if sound && (key == "name" || m[key] == value) {
			return m
		}
	}
	return nil
}

// isID tells whether s is the number of a user or group.
func isID(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}

// unknown tells whether err says that the files know nothing.
func unknown[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok || errors.Is(err, fs.ErrNotExist)
}

func queryUser(key, value string) *User {
	m := query("user", key, value)
	if m == nil {
		return nil
	}
	name, _, _ := strings.Cut(m["gecos"], ",")
	return &User{Uid: m["uid"], Gid: m["gid"], Username: m["name"], Name: name, HomeDir: m["dir"]}
}

func queryGroup(key, value string) *Group {
	m := query("group", key, value)
	if m == nil {
		return nil
	}
	return &Group{Gid: m["gid"], Name: m["name"]}
}

//graft:wrap lookup_raw_darwin.go 567b9de13a8e the file holds the system's own users only
func lookupUser(username string) (*User, error) {
	u, err := upstream_lookupUser(username)
	if unknown[UnknownUserError](err) {
		if found := queryUser("name", username); found != nil {
			return found, nil
		}
	}
	return u, err
}

//graft:wrap lookup_raw_darwin.go 292cc35e5f70 the file holds the system's own users only
func lookupUserId(uid string) (*User, error) {
	u, err := upstream_lookupUserId(uid)
	if unknown[UnknownUserIdError](err) {
		if found := queryUser("uid", uid); found != nil {
			return found, nil
		}
	}
	return u, err
}

//graft:wrap lookup_raw_darwin.go afbb1fd1701a the file holds the system's own groups only
func lookupGroup(name string) (*Group, error) {
	g, err := upstream_lookupGroup(name)
	if unknown[UnknownGroupError](err) {
		if found := queryGroup("name", name); found != nil {
			return found, nil
		}
	}
	return g, err
}

//graft:wrap lookup_raw_darwin.go 37a3a0836c85 the file holds the system's own groups only
func lookupGroupId(gid string) (*Group, error) {
	g, err := upstream_lookupGroupId(gid)
	if unknown[UnknownGroupIdError](err) {
		if found := queryGroup("gid", gid); found != nil {
			return found, nil
		}
	}
	return g, err
}

// listGroups asks the directory first: what the file has is a part of it.
//
//graft:wrap listgroups_raw_darwin.go 611ebbd517e7 the file knows the system's own groups only
func listGroups(u *User) ([]string, error) {
	if u.Username != "" && !strings.ContainsRune(u.Username, 0) {
		if gids := strings.Fields(ask(id, "-G", "--", u.Username)); len(gids) > 0 {
			for _, gid := range gids {
				if !isID(gid) {
					return upstream_listGroups(u)
				}
			}
			return gids, nil
		}
	}
	return upstream_listGroups(u)
}
