// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// problems collects complaints, so that one run reports all of them.
type problems struct{ list []string }

func (p *problems) addf(format string, args ...any) {
	p.list = append(p.list, fmt.Sprintf(format, args...))
}

func (p *problems) add(err error) {
	if err != nil {
		p.list = append(p.list, err.Error())
	}
}

// err returns nil if there was no complaint.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return errors.New(strings.Join(p.list, "\n"))
}

// explain turns the failures of the file system that a user can mend into
// one line that says how.
func explain(err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	name := ""
	switch {
	case errors.As(err, &pe):
		name = pe.Path
	case errors.As(err, &le):
		name = le.New
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("no space left while writing %s: the composed tree needs about 250 MB and its build 600 MB more; free some, or compose elsewhere with -o DIR", name)
	case errors.Is(err, syscall.EROFS), name != "" && errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("cannot write %s: %v; make the directory writable, or compose elsewhere with -o DIR", name, errors.Unwrap(err))
	}
	return err
}
