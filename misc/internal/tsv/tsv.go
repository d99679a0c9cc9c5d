// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Package tsv reads the project's tables: lines of fields with tabs between,
// empty lines and lines that begin with # left out.
package tsv

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A Row is one line of a table.
type Row struct {
	File string // as errors name it
	Line int
	F    []string // the fields
}

// Errorf returns an error that names the row's file and line.
func (r Row) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", r.File, r.Line, fmt.Sprintf(format, args...))
}

// ReadFile reads the table in the file name below top, whose rows have the
// columns given. A column whose name ends in ? may be missing, as may those
// behind it: its field is empty then.
func ReadFile(top, name string, columns ...string) ([]Row, error) {
	f, err := os.Open(filepath.Join(top, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f, name, columns...)
}

// Read is ReadFile for a table that is open already.
func Read(r io.Reader, name string, columns ...string) ([]Row, error) {
	least := len(columns)
	for i, c := range columns {
		if strings.HasSuffix(c, "?") {
			least = i
			break
		}
	}
	var rows []Row
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for n := 1; sc.Scan(); n++ {
		text := sc.Text()
		if text == "" || text[0] == '#' {
			continue
		}
		row := Row{name, n, strings.Split(text, "\t")}
		if len(row.F) < least || len(row.F) > len(columns) {
			return nil, row.Errorf("%d fields with tabs between, not those of %q", len(row.F), columns)
		}
		for len(row.F) < len(columns) {
			row.F = append(row.F, "")
		}
		rows = append(rows, row)
	}
	return rows, sc.Err()
}
