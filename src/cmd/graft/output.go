// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The mark that graft leaves in every tree it composes. It never touches a
// directory that lacks it.
const markName = ".graft"

// An output is the composed tree on disk. Beside it lies a working directory
// with the lock, the files being staged and the journal.
type output struct {
	dir  string
	work string
	lock *os.File

	// stop, if not nil, is called between steps; tests use it to play an
	// interruption.
	stop func(step string) error
}

// A result tells what a run did to the output.
type result struct {
	fresh   bool
	written []string
	removed []string
}

func (o *output) stage() string   { return filepath.Join(o.work, "stage") }
func (o *output) journal() string { return filepath.Join(o.work, "journal") }

// openOutput takes the lock of the output directory and finishes what an
// interrupted run may have left. If another run has the lock, stderr says so.
func openOutput(dir string, stderr io.Writer) (*output, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	o := &output{
		dir:  dir,
		work: filepath.Join(filepath.Dir(dir), ".graft-"+filepath.Base(dir)),
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, markName)); err != nil {
			return nil, fmt.Errorf("%s was not composed by graft and is not empty; name another directory with -o, or remove it", dir)
		}
	}
	if err := os.MkdirAll(o.work, 0o755); err != nil {
		return nil, err
	}
	o.lock, err = os.OpenFile(filepath.Join(o.work, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := o.takeLock(stderr); err != nil {
		return nil, fmt.Errorf("lock %s: %v", o.lock.Name(), err)
	}
	if err := o.finish(); err != nil {
		return nil, err
	}
	return o, nil
}

// lockPatience is how long a run waits for the lock before it says so.
var lockPatience = time.Second

// takeLock waits for the lock. Its file says who holds it.
func (o *output) takeLock(stderr io.Writer) error {
	said := time.AfterFunc(lockPatience, func() {
		fmt.Fprintf(stderr, "graft: waiting for %s, which another run is composing: %s\n", o.dir, o.holder())
	})
	var err error
	for {
		if err = syscall.Flock(int(o.lock.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			break
		}
	}
	said.Stop()
	if err != nil {
		return err
	}
	if err := o.lock.Truncate(0); err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.lock, "process %d, since %s: %s\n", os.Getpid(), time.Now().Format(time.DateTime), strings.Join(os.Args, " "))
	return err
}

// holder tells which process has the lock, since when, and its command.
func (o *output) holder() string {
	data, err := os.ReadFile(o.lock.Name())
	line, _, _ := strings.Cut(string(data), "\n")
	if err != nil || line == "" {
		return "it has not said which"
	}
	return line
}

// close releases the lock.
func (o *output) close() {
	o.lock.Truncate(0)
	o.lock.Close()
}

func (o *output) at(step string) error {
	if o.stop != nil {
		return o.stop(step)
	}
	return nil
}

// write brings the output directory to the state of t. An interruption leaves
// the old tree; one in the short last step, when the staged files are renamed
// into place, is made good by the next run.
func (o *output) write(t tree, mark string) (*result, error) {
	if err := os.RemoveAll(o.stage()); err != nil {
		return nil, err
	}
	do := o.update
	if _, err := os.Stat(filepath.Join(o.dir, markName)); err != nil {
		do = o.create
	}
	r, err := do(t, mark)
	if _, jerr := os.Stat(o.journal()); err != nil && jerr != nil {
		os.RemoveAll(o.stage()) // give back what space it took
	}
	return r, err
}

// create composes a whole tree and renames it into place.
func (o *output) create(t tree, mark string) (*result, error) {
	r := &result{fresh: true}
	dirs := map[string]bool{}
	for _, p := range t.paths() {
		if err := o.put(p, t[p], dirs); err != nil {
			return nil, err
		}
		r.written = append(r.written, p)
	}
	if err := os.WriteFile(filepath.Join(o.stage(), markName), []byte(mark), 0o644); err != nil {
		return nil, err
	}
	if err := o.at("staged"); err != nil {
		return nil, err
	}
	// An empty directory may stand there.
	if err := os.Remove(o.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return r, os.Rename(o.stage(), o.dir)
}

// put stages one file.
func (o *output) put(p string, f *file, dirs map[string]bool) error {
	if err := o.at("put " + p); err != nil {
		return err
	}
	dst := filepath.Join(o.stage(), filepath.FromSlash(p))
	if dir := filepath.Dir(dst); !dirs[dir] {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		dirs[dir] = true
	}
	perm := fs.FileMode(0o644)
	if f.exec {
		perm = 0o755
	}
	w, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	defer w.Close()
	if f.edited || f.disk == "" {
		_, err = w.Write(f.data)
	} else {
		var r *os.File
		if r, err = os.Open(f.disk); err != nil {
			return err
		}
		_, err = io.Copy(w, r)
		r.Close()
	}
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if f.untouched() {
		// The time tells the next run that the copy still is good.
		return os.Chtimes(dst, time.Time{}, f.mtime)
	}
	return nil
}

// untouched reports whether the file is upstream's, as it is.
func (f *file) untouched() bool { return !f.edited && !f.overlay && f.disk != "" }

// same reports whether the file on disk, described by info, is f.
func (f *file) same(dst string, info fs.FileInfo) (bool, error) {
	if (info.Mode()&0o111 != 0) != f.exec {
		return false, nil
	}
	if f.untouched() {
		if info.Size() != f.size || info.ModTime().Equal(f.mtime) {
			return info.Size() == f.size, nil
		}
		// cmd/dist writes some of upstream's files again, as they were.
	}
	want, err := f.load()
	if err != nil || int64(len(want)) != info.Size() {
		return false, err
	}
	have, err := os.ReadFile(dst)
	return bytes.Equal(have, want), err
}

// update writes only what differs. Products of the build are kept.
func (o *output) update(t tree, mark string) (*result, error) {
	r := new(result)
	have := map[string]fs.FileInfo{}
	err := walkFiles(o.dir, func(rel string, dir bool) bool {
		return built(rel) || generated(rel) || rel == markName
	}, func(rel string, info fs.FileInfo) error {
		have[rel] = info
		if t[rel] == nil {
			r.removed = append(r.removed, rel)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	dirs := map[string]bool{}
	for _, p := range t.paths() {
		f := t[p]
		if info := have[p]; info != nil {
			ok, err := f.same(filepath.Join(o.dir, filepath.FromSlash(p)), info)
			if err != nil {
				return nil, err
			}
			if ok {
				continue
			}
		}
		if err := o.put(p, f, dirs); err != nil {
			return nil, err
		}
		r.written = append(r.written, p)
	}
	old, err := os.ReadFile(filepath.Join(o.dir, markName))
	if err != nil {
		return nil, err
	}
	if len(r.written) == 0 && len(r.removed) == 0 && string(old) == mark {
		return r, nil
	}
	if err := os.MkdirAll(o.stage(), 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(o.stage(), markName), []byte(mark), 0o644); err != nil {
		return nil, err
	}
	if err := o.at("staged"); err != nil {
		return nil, err
	}
	return r, o.commit(r)
}

// commit writes the journal and carries it out.
func (o *output) commit(r *result) error {
	var b strings.Builder
	for _, p := range r.written {
		b.WriteString("mv " + p + "\n")
	}
	for _, p := range r.removed {
		b.WriteString("rm " + p + "\n")
	}
	b.WriteString("mv " + markName + "\n")
	// From here on the run takes milliseconds: let it end.
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Reset(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := o.addPending(r); err != nil {
		return err
	}
	tmp := o.journal() + ".new"
	if err := os.WriteFile(tmp, []byte(b.String()), 0o644); err != nil {
		return err
	}
	if err := os.Rename(tmp, o.journal()); err != nil {
		return err
	}
	return o.finish()
}

// finish carries out the journal, if there is one. It may be called again
// after an interruption: what is done already is passed over.
func (o *output) finish() error {
	data, err := os.ReadFile(o.journal())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	dirs := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		op, p, _ := strings.Cut(line, " ")
		if err := o.at("commit " + p); err != nil {
			return err
		}
		dst := filepath.Join(o.dir, filepath.FromSlash(p))
		switch op {
		case "mv":
			if dir := filepath.Dir(dst); !dirs[dir] {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					return err
				}
				dirs[dir] = true
			}
			err = os.Rename(filepath.Join(o.stage(), filepath.FromSlash(p)), dst)
		case "rm":
			err = os.Remove(dst)
			for dir := path.Dir(p); err == nil && dir != "."; dir = path.Dir(dir) {
				if os.Remove(filepath.Join(o.dir, filepath.FromSlash(dir))) != nil {
					break // not empty
				}
			}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.RemoveAll(o.stage()); err != nil {
		return err
	}
	return os.Remove(o.journal())
}
