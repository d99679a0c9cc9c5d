// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"strconv"
	"strings"

	"goxnu/misc/internal/tsv"
)

// A row is one line of a table. A field that is "-" or missing is empty.
type row struct {
	tsv.Row
	f []string
}

// readTable reads the table lib/xnu/name below top: lines of at least min and at
// most max fields.
func readTable(top, name string, min, max int) ([]row, error) {
	columns := make([]string, max)
	for i := range columns {
		columns[i] = strconv.Itoa(i + 1)
		if i >= min {
			columns[i] += "?"
		}
	}
	table, err := tsv.ReadFile(top, "lib/xnu/"+name, columns...)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, t := range table {
		r := row{t, t.F}
		for i, s := range r.f {
			if s == "-" {
				r.f[i] = ""
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// num returns field i as a number; an empty field is 0.
func (r row) num(i int) (int, error) {
	if r.f[i] == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(r.f[i])
	if err != nil {
		return 0, r.Errorf("field %d: %q is not a number", i+1, r.f[i])
	}
	return n, nil
}

// branches are the XNU branches that the tables tell apart.
var branches = []int{1504, 1699, 2050, 2422, 2782, 3248, 3789, 4570, 4903, 6153, 7195, 8019, 8020, 8792, 8796, 10002, 10063, 11215, 11417}

// release returns field i as an XNU branch of the list above, 0 if empty.
func (r row) release(i int) (int, error) {
	n, err := r.num(i)
	if err != nil || n == 0 {
		return n, err
	}
	for _, rel := range branches {
		if rel == n {
			return n, nil
		}
	}
	return 0, r.Errorf("field %d: %d is not an XNU branch that the tables know", i+1, n)
}

// An interval is the span of releases in which a row holds: from since, up
// to but not including until; 0 leaves that side open.
type interval struct{ since, until int }

func (iv interval) overlaps(o interval) bool {
	return (iv.until == 0 || o.since < iv.until) && (o.until == 0 || iv.since < o.until)
}

func (r row) interval(since, until int) (iv interval, err error) {
	if iv.since, err = r.release(since); err != nil {
		return iv, err
	}
	if iv.until, err = r.release(until); err != nil {
		return iv, err
	}
	if iv.until != 0 && iv.until <= iv.since {
		return iv, r.Errorf("until %d is not after since %d", iv.until, iv.since)
	}
	return iv, nil
}

// checkLetters reports the first letter of s that is not in set.
func (r row) checkLetters(s, set string) error {
	for _, c := range s {
		if !strings.ContainsRune(set, c) {
			return r.Errorf("%q: letter %q is not one of %q", s, c, set)
		}
	}
	return nil
}
