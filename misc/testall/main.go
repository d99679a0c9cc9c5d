// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// Testall runs the project's tests and adds them up.
//
//	usage: testall [-arch 'amd64 386'] [-xnu RELEASE] [-long] [-pkg PATTERNS] [-selfskips] [-ratio]
//	               [-seed N] [-seeds N] [-only REGEXP] [-write] [SUITE...]
//
// The suites, all of them but real unless some are named; programs, releases, rude and std
// are run for each port of -arch:
//
//	api       the exported API of every port against upstream's files, by cmd/api
//	graft     the composer's own tests
//	misc      the tests of the runner, the generators and the linker's output
//	programs  the darwin programs of test/, by upstream's testdir
//	releases  upstream's tests of the packages that depend on the release of the system, release by
//	          release: a few without flags, all with -xnu all or -xnu 'RELEASE...'
//	real      well-known programs and libraries from the module proxy; long, and only if named
//	rude      upstream's tests of a few packages, with a kernel that does what it seldom does
//	          (the runner's -rude), once for each of -seeds seeds
//	selfhost  the toolchain built for the host darwin/amd64, under the runner, makes the same bytes;
//	          a package and a program, with -long all of std, and it tests some packages
//	std       upstream's tests of the standard library, for the port, under the runner;
//	          -pkg 'std cmd/internal/testdir' tests all of it, and upstream's test/ directory.
//	          A test may skip itself only for a reason that test/selfskips.txt lists; the file
//	          also says which of these are run again, as somebody else than root, say
//
// It prints a line for each package as it ends, the output of what failed, and
// at last `N passed, N failed, N skipped`, which counts packages (a package
// that failed counts once, one whose tests all skipped themselves is skipped) and
// the lines of test/skip.txt that were in force. Tests of the project itself that
// skipped themselves, for want of the module proxy, say, are named before that.
// The exit status is 1 if anything failed, 2 for a mistake in the call, 130 if a
// signal ended it, with all that it had started; nothing is left in TMPDIR.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"goxnu/misc/internal/bounded"
	"goxnu/misc/internal/tree"
)

var (
	archs     = flag.String("arch", "amd64 386", "test the ports darwin/`ARCH` (separated by blanks)")
	xnu       = flag.String("xnu", "", "let the runner imitate this `RELEASE` of the system (10.6 ...), not the newest; suite releases takes several, or all")
	long      = flag.Bool("long", false, "without -short (some tests of net then want the Internet)")
	pkgs      = flag.String("pkg", "", "test these `PACKAGES` of the standard library (separated by blanks)")
	selfSkips = flag.Bool("selfskips", false, "print a line for each test that skips itself, and its reason")
	seed      = flag.Uint64("seed", 1, "suite rude: the first seed")
	seeds     = flag.Uint64("seeds", 0, "suite rude: test `N` seeds, and more packages than without this flag")
	only      = flag.String("only", "", "suite real: use the programs whose names match `REGEXP`")
	write     = flag.Bool("write", false, "suite real: write doc/programs.md")
	ratio     = flag.Bool("ratio", false, "suite std: run the tests for the host too, and compare the times")
)

// A tester counts results over all suites.
type tester struct {
	top, goroot string
	arch        string // of the port under test, for the suites that have one
	skips       []skip
	selfSkips   []selfSkip
	wishes      map[wish][]string // tests that skipped themselves and can run; nil if the suite does not judge
	ours        []string          // the project's own tests that skipped themselves, and why
	unlisted    map[string]string // by package, a line for each test whose reason is not in selfSkips

	passed, failed, skipped int
	reruns                  int      // of the passed ones, those that ran tests again
	tests, selfSkipped      int      // tests, without subtests, that passed, and that skipped themselves
	failures                []string // names of what failed

	done, total int                // packages of suite std that ended, and all of them
	files       int                // files of goroot/test that passed
	elapsed     map[string]float64 // seconds that the tests of a package took, if they passed
}

func main() {
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: testall [flags] [SUITE...]\nsuites: %s\n", strings.Join(suiteNames(), " "))
		flag.PrintDefaults()
	}
	flag.Parse()
	for _, s := range flag.Args() {
		if suites[s] == nil {
			fmt.Fprintf(os.Stderr, "testall: there is no suite %q; there are %s\n", s, strings.Join(suiteNames(), ", "))
			os.Exit(2)
		}
	}
	closeOnExec()
	t, err := newTester()
	var tmp string
	if err == nil {
		tmp, err = os.MkdirTemp("", "goxnu-test")
	}
	if err == nil {
		err = errors.Join(os.Chmod(tmp, 0o777|os.ModeSticky), os.Setenv("TMPDIR", tmp))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testall:", err)
		os.Exit(2)
	}
	bounded.EndOnSignal(func() { removeAll(tmp) })
	names := flag.Args()
	if len(names) == 0 {
		names = slices.DeleteFunc(suiteNames(), func(s string) bool { return s == "real" })
	}
	for _, s := range names {
		if !slices.Contains(perPort, s) {
			t.suite(s, "")
			continue
		}
		for _, arch := range strings.Fields(*archs) {
			t.suite(s, arch)
		}
	}
	removeAll(tmp)
	for _, f := range t.failures {
		fmt.Println("FAILED:", f)
	}
	for _, s := range t.ours {
		fmt.Println("SKIPPED ITSELF:", s)
	}
	if t.tests+t.selfSkipped > 0 { // some suites count none
		fmt.Printf("# %d single tests passed, %d skipped themselves\n", t.tests, t.selfSkipped)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	if t.failed > 0 {
		os.Exit(1)
	}
}

// removeAll removes dir; files of a module cache may be read-only.
func removeAll(dir string) {
	if os.RemoveAll(dir) != nil {
		filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				os.Chmod(name, 0o777)
			}
			return nil
		})
		os.RemoveAll(dir)
	}
}

// closeOnExec keeps from the tests what descriptors testall itself has
// inherited: os/exec's leave something out if they find strays.
func closeOnExec() {
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, e := range fds {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

var suites = map[string]func(*tester) error{
	"api":      (*tester).api,
	"graft":    (*tester).graft,
	"misc":     (*tester).misc,
	"programs": (*tester).programs,
	"real":     (*tester).real,
	"releases": (*tester).releases,
	"rude":     (*tester).rude,
	"selfhost": (*tester).selfhost,
	"std":      (*tester).std,
}

func suiteNames() []string { return slices.Sorted(maps.Keys(suites)) }

// perPort are the suites that test one port.
var perPort = []string{"programs", "releases", "rude", "std"}

// suite runs the suite s, for darwin/arch unless arch is empty, and tells how long it took.
func (t *tester) suite(s, arch string) {
	start := time.Now()
	t.arch = arch
	if err := suites[s](t); err != nil {
		t.fail(s, err.Error())
	}
	fmt.Printf("# suite %s: %.0fs\n", t.onPort(s), time.Since(start).Seconds())
}

// onPort adds the port under test to a name.
func (t *tester) onPort(name string) string {
	if t.arch == "" {
		return name
	}
	return name + " on darwin/" + t.arch
}

func newTester() (*tester, error) {
	top, err := tree.Top()
	if err != nil {
		return nil, err
	}
	goroot, err := tree.Goroot()
	if err != nil {
		return nil, err
	}
	skips, err := readTable(top, "test/skip.txt", readSkips)
	if err != nil {
		return nil, err
	}
	selfSkips, err := readTable(top, "test/selfskips.txt", readSelfSkips)
	if err != nil {
		return nil, err
	}
	return &tester{top: top, goroot: goroot, skips: skips, selfSkips: selfSkips, elapsed: map[string]float64{}}, nil
}

// readTable reads a file of the project by read, which names no file in its errors.
func readTable[T any](top, name string, read func(io.Reader) ([]T, error)) ([]T, error) {
	f, err := os.Open(filepath.Join(top, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	list, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %v", name, err)
	}
	return list, nil
}

func (t *tester) fail(name, why string) {
	t.failed++
	name = t.onPort(name)
	t.failures = append(t.failures, name)
	fmt.Printf("FAIL  %s%s\n%s\n", t.progress(), name, strings.TrimRight(why, "\n"))
}

// progress counts a package of suite std that ended, and tells how many have.
func (t *tester) progress() string {
	if t.total == 0 {
		return ""
	}
	t.done++
	return fmt.Sprintf("[%d/%d] ", t.done, t.total)
}

func (t *tester) api() error {
	return t.goTest(nil, filepath.Join(t.goroot, "src"), nil, "-vet=off", "cmd/api", "-check")
}

func (t *tester) graft() error {
	return t.goTest(nil, filepath.Join(t.top, "src", "cmd", "graft"), []string{"GO111MODULE=off"}, ".")
}

func (t *tester) misc() error {
	return t.goTest(nil, filepath.Join(t.top, "misc"), nil, "-timeout=20m", "./...")
}

// goTest runs go test -json in dir and counts the packages it reports.
func (t *tester) goTest(wrap wrapper, dir string, settings []string, args ...string) error {
	cmd := wrap.of(tree.Go(t.goroot, dir, settings, append([]string{"test", "-json"}, args...)...))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	before := t.failed
	seen, rerr := t.count(out)
	err = cmd.Wait()
	var exit *exec.ExitError
	switch {
	case rerr != nil:
		return rerr
	case errors.As(err, &exit) && t.failed > before:
		return nil // told already
	case err == nil && seen == 0:
		return errors.New("no package was tested")
	}
	return err
}

// An event is what go test -json prints (cmd/test2json), and what go build -json does.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build events
	Test       string
	Output     string
	Elapsed    float64
}

// skipReason is what a test that skipped itself printed, in one line.
func skipReason(output []byte) string {
	var reason []string
	for line := range strings.Lines(string(output)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			reason = append(reason, line)
		}
	}
	return strings.Join(reason, " ")
}

// keep is how much output of one package is kept for the case that it fails, in bytes.
const keep = 64 << 10

// count adds up the events of one go test and returns the number of packages seen.
func (t *tester) count(r io.Reader) (seen int, err error) {
	output := map[string][]byte{}
	add := func(key, s string) {
		b := append(output[key], s...)
		if len(b) > 2*keep {
			b = slices.Clone(b[len(b)-keep:])
		}
		output[key] = b
	}
	var builds []byte
	ran := map[string][2]int{} // tests that passed, and that skipped themselves
	dec := json.NewDecoder(r)
	for {
		var e event
		if err := dec.Decode(&e); err == io.EOF {
			return seen, nil
		} else if err != nil {
			return seen, fmt.Errorf("reading go test's events: %v", err)
		}
		key := e.Package + " " + e.Test
		switch {
		case e.Action == "build-output":
			builds = append(builds, e.Output...)
		case e.Action == "output":
			add(key, e.Output)
		case e.Test != "":
			n := ran[e.Package]
			switch e.Action {
			case "pass":
				n[0]++
				if !strings.Contains(e.Test, "/") {
					t.tests++
				} else if e.Package == testdir {
					if t.files++; t.files%100 == 0 {
						fmt.Printf("      %s: %d files\n", testdir, t.files)
					}
				}
				delete(output, key)
			case "skip":
				n[1]++
				t.skippedItself(e.Package, e.Test, skipReason(output[key]))
				add(e.Package+" skipped", string(output[key]))
				delete(output, key)
			case "fail":
				add(e.Package+" ", string(output[key]))
				delete(output, key)
			}
			ran[e.Package] = n
		case e.Action == "pass" || e.Action == "skip": // skip: no test files
			seen++
			if lines := t.unlisted[e.Package]; lines != "" {
				t.fail(e.Package, lines)
			} else if n := ran[e.Package]; e.Action == "pass" && n[0] == 0 && n[1] > 0 {
				t.skipped++
				fmt.Printf("skip  %s%s: all its tests skipped themselves\n%s", t.progress(), e.Package, output[e.Package+" skipped"])
			} else if e.Action == "pass" {
				t.passed++
				t.elapsed[e.Package] = e.Elapsed
				fmt.Printf("ok    %s%s (%.1fs)\n", t.progress(), e.Package, e.Elapsed)
			}
			delete(output, key)
			delete(output, e.Package+" skipped")
		case e.Action == "fail":
			seen++
			delete(output, e.Package+" skipped")
			for k, b := range output { // what was running when the package died
				if k != key && strings.HasPrefix(k, key) {
					add(key, string(b))
				}
			}
			t.fail(e.Package, string(builds)+string(output[key]))
			builds = nil
			delete(output, key)
		}
	}
}
