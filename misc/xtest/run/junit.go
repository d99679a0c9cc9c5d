// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package run

import (
	"encoding/xml"
	"fmt"
	"os"
)

// The elements of a JUnit report, as Jenkins, GitLab and others read it.
type (
	junitReport struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     float64     `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    float64       `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
		Skipped *struct{}     `xml:"skipped"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// suite returns the unit's, made if need be. The newest is tried first: events
// come unit by unit, mostly.
func (r *Report) suite(unit string) *junitSuite {
	for i := len(r.suites) - 1; i >= 0; i-- {
		if r.suites[i].Name == unit {
			return &r.suites[i]
		}
	}
	r.suites = append(r.suites, junitSuite{Name: unit})
	return &r.suites[len(r.suites)-1]
}

func (s *junitSuite) add(test, action string, elapsed float64, output string) {
	c := junitCase{Class: s.Name, Name: test, Time: elapsed}
	s.Tests++
	switch action {
	case "fail":
		s.Failures++
		c.Failure = &junitFailure{"failed", output}
	case "skip":
		s.Skipped++
		c.Skipped = new(struct{})
	}
	s.Cases = append(s.Cases, c)
}

func (r *Report) writeJUnit() error {
	b, err := xml.MarshalIndent(junitReport{Suites: r.suites}, "", "\t")
	if err == nil {
		err = os.WriteFile(r.junit, append([]byte(xml.Header), append(b, '\n')...), 0o666)
	}
	if err != nil {
		return fmt.Errorf("-junit: %v", err)
	}
	return nil
}
