// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package signals

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"goxnu/misc/internal/tsv"
)

// A row is a bug of lib/signals/rows.tsv, which explains itself.
type row struct {
	number string
	what   string
	tests  []*unit  // each of them is seen to fail by something in proof
	also   []*unit  // others that have to do with it
	proof  []string // names of mutants, and of tests of this module
	why    string
}

// readRows reads lib/signals/rows.tsv.
func (s *suite) readRows() ([]row, error) {
	rows, err := tsv.ReadFile(s.top, "lib/signals/rows.tsv", "row", "bug", "tests", "also", "proof", "why")
	if err != nil {
		return nil, err
	}
	for _, line := range rows {
		f := line.F
		r := row{number: f[0], what: f[1], proof: strings.Fields(f[4]), why: f[5]}
		if _, err := strconv.Atoi(r.number); err != nil {
			return nil, line.Errorf("%v", err)
		}
		// unit finds those of earlier rows, so each test is one unit.
		for i, list := range []*[]*unit{&r.tests, &r.also} {
			for _, name := range strings.Fields(f[2+i]) {
				u, err := s.unit(name)
				if err != nil {
					return nil, line.Errorf("%v", err)
				}
				*list = append(*list, u)
			}
		}
		if slices.ContainsFunc(s.rows, func(o row) bool { return o.number == r.number }) {
			return nil, line.Errorf("row %s is there twice", r.number)
		}
		s.rows = append(s.rows, r)
	}
	return s.rows, nil
}

// The table is in doc/signals.md between these lines.
var tableBegin, tableEnd = []byte("<!-- make generate writes this table from lib/signals -->\n"), []byte("<!-- end of the table -->\n")

// doc returns doc/signals.md with the table as it should be.
func (s *suite) doc() (path string, have, want []byte, err error) {
	path = filepath.Join(s.top, "doc", "signals.md")
	if have, err = os.ReadFile(path); err != nil {
		return path, nil, nil, err
	}
	before, rest, ok1 := bytes.Cut(have, tableBegin)
	_, after, ok2 := bytes.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		return path, nil, nil, fmt.Errorf("%s does not have the lines\n%s%s", path, tableBegin, tableEnd)
	}
	return path, have, slices.Concat(before, tableBegin, s.markdown(), tableEnd, after), nil
}

func (s *suite) markdown() []byte {
	var w bytes.Buffer
	w.WriteString("| | bug | test | killed by | related | |\n|---|---|---|---|---|---|\n")
	names := func(list []*unit) string {
		var s []string
		for _, u := range list {
			s = append(s, u.name)
		}
		return strings.Join(s, ", ")
	}
	for _, r := range s.rows {
		fmt.Fprintf(&w, "| %s | %s | %s | %s | %s | %s |\n", r.number, r.what, names(r.tests), strings.Join(r.proof, ", "), names(r.also), r.why)
	}
	return w.Bytes()
}

// WriteTable brings the table of doc/signals.md up to date. With check it
// only says whether it is.
func WriteTable(check bool) error {
	s, err := newSuite(new(Flags))
	if err != nil {
		return err
	}
	defer os.RemoveAll(s.tmp)
	path, have, want, err := s.doc()
	if err != nil || bytes.Equal(have, want) {
		return err
	}
	if check {
		return errors.New("doc/signals.md is not up to date: run make generate")
	}
	fmt.Println("doc/signals.md")
	return os.WriteFile(path, want, 0o666)
}
