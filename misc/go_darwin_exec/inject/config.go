// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

package inject

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"goxnu/misc/go_darwin_exec/inject/bisect"
)

// A Config is the value of -fault.
type Config struct {
	seed    uint64
	rate    uint64   // of all kinds; 0: each has its own
	kinds   []string // nil: those that have a rate
	pattern string
	match   *bisect.Matcher // nil: do all that the seed chooses, and report nothing
	Random  bool            // the seed was not given
}

// Parse reads the value of -fault: items separated by commas,
//
//	seed=N      a number, or random
//	rate=N      one time in N, for every kind
//	kinds=A+B   only these kinds
//
// and a bisect pattern.
func Parse(value string) (*Config, error) {
	c := &Config{seed: 1}
	for item := range strings.SplitSeq(value, ",") {
		name, v, named := strings.Cut(item, "=")
		n, err := strconv.ParseUint(v, 10, 64)
		switch {
		case name == "seed" && v == "random":
			c.seed, c.Random = rand.Uint64N(1e9), true
		case name == "seed" && named:
			if err != nil {
				return nil, fmt.Errorf("%q: a seed is a number, or random", item)
			}
			c.seed = n
		case name == "rate" && named:
			if err != nil || n == 0 {
				return nil, fmt.Errorf("%q: a rate is a number: one time in so many", item)
			}
			c.rate = n
		case name == "kinds" && named:
			c.kinds = strings.Split(v, "+")
			for _, k := range c.kinds {
				if kindNamed(k) == nil {
					return nil, fmt.Errorf("%q: there is no kind %q; -fault help lists them", item, k)
				}
			}
		case named:
			return nil, fmt.Errorf("%q: there are seed=, rate= and kinds=; -fault help says more", item)
		case c.match != nil:
			return nil, fmt.Errorf("%q and %q: one bisect pattern is enough", c.pattern, item)
		default:
			c.pattern = item
			if c.match, err = bisect.New(item); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// String returns the value that Parse reads as c, with the seed.
func (c *Config) String() string {
	s := "seed=" + strconv.FormatUint(c.seed, 10)
	if c.rate != 0 {
		s += ",rate=" + strconv.FormatUint(c.rate, 10)
	}
	if c.kinds != nil {
		s += ",kinds=" + strings.Join(c.kinds, "+")
	}
	if c.match != nil {
		s += "," + c.pattern
	}
	return s
}

// Reports tells whether lines for bisect will be printed.
func (c *Config) Reports() bool { return c.match != nil }

// askedEvery is the rate of kinds that have none of their own.
const askedEvery = 8

// rateOf returns how often a kind is to happen, 0 if it is not chosen.
func (c *Config) rateOf(k *Kind) uint64 {
	if c.kinds != nil && !slices.Contains(c.kinds, k.Name) {
		return 0
	}
	every := k.Every
	if every == 0 && c.kinds != nil {
		every = askedEvery
	}
	if every != 0 && c.rate != 0 {
		every = c.rate
	}
	return every
}
