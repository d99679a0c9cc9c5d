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
	"slices"
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
	if key != "name" {
		value = unsigned(value) // the tool takes -2 for an option, but prints it
	}
	out := ask(dscacheutil, "-q", category, "-a", key, value)
	for entry := range strings.SplitSeq(out, "\n\n") {
		m := map[string]string{}
		for line := range strings.Lines(entry) {
			if k, v, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":"); ok {
				m[k] = strings.TrimSpace(v)
			}
		}
		m["uid"], m["gid"] = unsigned(m["uid"]), unsigned(m["gid"])
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

// The files. Tests have others.
var (
	passwd = userFile
	groups = groupFile
)

// inFile looks a key up in one of the files.
func inFile[T any](file string, find func(string, io.Reader) (*T, error), key string) (*T, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return find(key, f)
}

// byID is inFile by an ID, whichever way the file writes it. E is what find
// returns if there is none.
func byID[E error, T any](file string, find func(string, io.Reader) (*T, error), id string) (*T, error) {
	var err error
	for _, form := range slices.Compact([]string{id, unsigned(id), signed(id)}) {
		v, e := inFile(file, find, form)
		if e == nil {
			return v, nil
		}
		if !unknown[E](err) { // else it is the first form's
			err = e
		}
	}
	return nil, err
}

// An ID has 32 bits. Users of this package see it without a sign, as upstream's
// port shows it. The system's own files, dscacheutil and os.Getuid have it with
// one: nobody is -2.

// unsigned returns id without sign, or as it is if it is no ID.
func unsigned(id string) string {
	if n, err := strconv.ParseInt(id, 10, 64); err == nil && n == int64(int32(n)) {
		return strconv.FormatUint(uint64(uint32(n)), 10)
	}
	return id
}

// signed returns id with a sign from 2^31 on, or as it is if it is no ID. A
// 32-bit int holds all of these.
func signed(id string) string {
	if n, err := strconv.ParseInt(id, 10, 64); err == nil && n == int64(uint32(n)) {
		return strconv.Itoa(int(int32(n)))
	}
	return id
}

func shownUser(u *User) *User {
	u.Uid, u.Gid = unsigned(u.Uid), unsigned(u.Gid)
	return u
}

func shownGroup(g *Group) *Group {
	g.Gid = unsigned(g.Gid)
	return g
}

//graft:replace lookup_raw_darwin.go 567b9de13a8e the file holds the system's own users only, some with negative IDs
func lookupUser(username string) (*User, error) {
	u, err := inFile(passwd, findUsername, username)
	if unknown[UnknownUserError](err) {
		if found := queryUser("name", username); found != nil {
			return found, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return shownUser(u), nil
}

//graft:replace lookup_raw_darwin.go 292cc35e5f70 the file holds the system's own users only, some with negative IDs
func lookupUserId(uid string) (*User, error) {
	u, err := byID[UnknownUserIdError](passwd, findUserId, uid)
	if unknown[UnknownUserIdError](err) {
		if found := queryUser("uid", uid); found != nil {
			return found, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return shownUser(u), nil
}

//graft:replace lookup_raw_darwin.go afbb1fd1701a the file holds the system's own groups only, some with negative IDs
func lookupGroup(name string) (*Group, error) {
	g, err := inFile(groups, findGroupName, name)
	if unknown[UnknownGroupError](err) {
		if found := queryGroup("name", name); found != nil {
			return found, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return shownGroup(g), nil
}

//graft:replace lookup_raw_darwin.go 37a3a0836c85 the file holds the system's own groups only, some with negative IDs
func lookupGroupId(gid string) (*Group, error) {
	g, err := byID[UnknownGroupIdError](groups, findGroupId, gid)
	if unknown[UnknownGroupIdError](err) {
		if found := queryGroup("gid", gid); found != nil {
			return found, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return shownGroup(g), nil
}

// The kernel's getuid returns an int (xnu-11417 bsd/kern/syscalls.master).

//graft:replace current_raw_darwin.go f1c432bc010d os.Getuid is negative for nobody, which upstream's takes for a failure
func currentUID() string { return unsigned(strconv.Itoa(os.Getuid())) }

//graft:replace current_raw_darwin.go e4d1c4568002 os.Getgid is negative for nobody, which upstream's takes for a failure
func currentGID() string { return unsigned(strconv.Itoa(os.Getgid())) }

// listGroups asks the directory first: what the file has is a part of it.
//
//graft:replace listgroups_raw_darwin.go 611ebbd517e7 the file knows the system's own groups only, some with negative IDs
func listGroups(u *User) ([]string, error) {
	gids := directoryGroups(u.Username)
	if len(gids) == 0 {
		f, err := os.Open(groups)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		as := *u
		as.Gid = signed(u.Gid)
		if gids, err = listGroupsFromReader(&as, f); err != nil {
			return nil, err
		}
	}
	for i := range gids {
		gids[i] = unsigned(gids[i])
	}
	return gids, nil
}

// directoryGroups returns none if the directory does not answer.
func directoryGroups(username string) []string {
	if username == "" || strings.ContainsRune(username, 0) {
		return nil
	}
	gids := strings.Fields(ask(id, "-G", "--", username))
	for _, gid := range gids {
		if !isID(gid) {
			return nil
		}
	}
	return gids
}
