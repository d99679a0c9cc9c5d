// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// An Event is what go test -json prints (cmd/test2json), and go build -json.
type Event struct {
	Time       time.Time
	Action     string
	Package    string  `json:",omitempty"`
	ImportPath string  `json:",omitempty"` // of build events
	Test       string  `json:",omitempty"`
	Output     string  `json:",omitempty"`
	Elapsed    float64 `json:",omitempty"`
}

// A Report prints results as they come, adds them up, and writes them as
// events and for JUnit if it is asked to. What it counts are units: a package
// of upstream's tests, a test under a release, a line of test/skip.txt.
type Report struct {
	Passed, Failed, Skipped int

	mu       sync.Mutex
	text     io.Writer
	events   *json.Encoder // nil: none are written
	closers  []io.Closer
	junit    string // the file, or ""
	suites   []junitSuite
	failures []string
	notes    []string
	units    int // that Take has given out in turns
}

func newReport(jsonFile, junitFile string) (*Report, error) {
	r := &Report{text: os.Stdout, junit: junitFile}
	switch jsonFile {
	case "":
	case "-":
		r.text = io.Discard
		r.events = json.NewEncoder(os.Stdout)
	default:
		f, err := os.Create(jsonFile)
		if err != nil {
			return nil, fmt.Errorf("-json: %v", err)
		}
		r.closers = append(r.closers, f)
		r.events = json.NewEncoder(f)
	}
	return r, nil
}

// NewReport returns a report that prints to w and nothing more.
func NewReport(w io.Writer) *Report { return &Report{text: w} }

func (r *Report) turn(s Shard) bool {
	r.units++
	return (r.units-1)%s.N == s.I-1
}

// Printf prints a line that is no result.
func (r *Report) Printf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.text, format, args...)
}

// Event passes an event of a test within the unit on.
func (r *Report) Event(unit string, e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Package = unit
	r.emit(e)
	if e.Test != "" && (e.Action == "pass" || e.Action == "fail" || e.Action == "skip") {
		r.suite(unit).add(e.Test, e.Action, e.Elapsed, "")
	}
}

func (r *Report) emit(e Event) {
	if r.events != nil {
		if e.Time.IsZero() {
			e.Time = time.Now()
		}
		r.events.Encode(e)
	}
}

// Pass counts a unit that passed; line is what is printed of it.
func (r *Report) Pass(unit, line string, elapsed time.Duration) {
	r.end(unit, "pass", line, "", elapsed)
}

// Fail counts a unit that failed, and keeps its name for the end; output is
// printed at once.
func (r *Report) Fail(unit, line, output string, elapsed time.Duration) {
	r.end(unit, "fail", line, output, elapsed)
}

// Skip counts a unit that was not run, or whose tests all skipped themselves.
func (r *Report) Skip(unit, line, output string) {
	r.end(unit, "skip", line, output, 0)
}

func (r *Report) end(unit, action, line, output string, elapsed time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch action {
	case "pass":
		r.Passed++
	case "fail":
		r.Failed++
		r.failures = append(r.failures, unit)
	case "skip":
		r.Skipped++
	}
	if output != "" && !strings.HasSuffix(output, "\n") {
		output += "\n"
	}
	fmt.Fprintf(r.text, "%s\n%s", line, output)
	r.emit(Event{Action: "output", Package: unit, Output: line + "\n" + output})
	r.emit(Event{Action: action, Package: unit, Elapsed: elapsed.Seconds()})
	s := r.suite(unit)
	s.Time = elapsed.Seconds()
	// A unit without tests of its own is one; a failure shows what was printed.
	if action == "fail" || len(s.Cases) == 0 {
		s.add(unit, action, elapsed.Seconds(), output)
	}
}

// Failures returns the units that failed, in order.
func (r *Report) Failures() []string { return r.failures }

// Note keeps a line that Close prints before the sum.
func (r *Report) Note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// Close prints what failed, the notes and the sum, which is the last line, and
// writes the JUnit report.
func (r *Report) Close() error {
	for _, f := range r.failures {
		fmt.Fprintln(r.text, "FAILED:", f)
	}
	for _, n := range r.notes {
		fmt.Fprintln(r.text, n)
	}
	fmt.Fprintf(r.text, "%d passed, %d failed, %d skipped\n", r.Passed, r.Failed, r.Skipped)
	var errs []error
	for _, c := range r.closers {
		errs = append(errs, c.Close())
	}
	if r.junit != "" {
		errs = append(errs, r.writeJUnit())
	}
	return errors.Join(errs...)
}

// Merge adds up the events of a report that -json wrote.
func (r *Report) Merge(from io.Reader) error {
	output := map[string]string{} // of the units that have not ended
	dec := json.NewDecoder(from)
	for {
		var e Event
		if err := dec.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		switch {
		case e.Test != "":
			r.Event(e.Package, e)
		case e.Action == "output":
			output[e.Package] += e.Output
		case e.Action == "pass", e.Action == "fail", e.Action == "skip":
			line, rest, _ := strings.Cut(output[e.Package], "\n")
			delete(output, e.Package)
			r.end(e.Package, e.Action, line, rest, time.Duration(e.Elapsed*float64(time.Second)))
		}
	}
	for unit := range output {
		return fmt.Errorf("%s has not ended: the report is cut short", unit)
	}
	return nil
}
