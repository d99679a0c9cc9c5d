// Package suite runs the tests that go test and testdir know: upstream's, for
// the ports, under the runner, and the project's own.
package suite

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
	"goxnu/misc/xtest/run"
)

// Flags are those of the suites, beside the shared ones.
type Flags struct {
	run.Options
	Pkgs      string // packages of the standard library, with blanks between
	SelfSkips bool   // print each test that skips itself
	Seed      uint64 // fault: the first seed
	Seeds     uint64 // fault: how many
	Kinds     string // fault: only these kinds, with + between
	Write     bool   // real: write doc/programs.md
	Ratio     bool   // std: compare with the host's times
}

// Register adds the flags that suite name understands to fs.
func (f *Flags) Register(fs *flag.FlagSet, name string) {
	f.Options.Flags(fs, "long", "list", "report")
	f.Seed = 1
	if _, ok := suites[name]; !ok || suites[name].perPort {
		f.Options.Flags(fs, "arch", "shard", "run")
		fs.BoolVar(&f.SelfSkips, "selfskips", false, "print a line for each test that skips itself, and its reason")
	}
	switch name {
	case "std", "releases", "fault", "real", "programs", "selfhost":
		f.Options.Flags(fs, "xnu")
	}
	switch name {
	case "std", "releases", "fault":
		fs.StringVar(&f.Pkgs, "pkg", "", "test these `PACKAGES` of the standard library (with blanks between)")
	case "real":
		f.Options.Flags(fs, "run", "shard")
		fs.BoolVar(&f.Write, "write", false, "write doc/programs.md")
	}
	switch name {
	case "std":
		fs.BoolVar(&f.Ratio, "ratio", false, "run the tests for the host too, and compare the times")
	case "fault":
		fs.Uint64Var(&f.Seed, "seed", 1, "the first seed")
		fs.Uint64Var(&f.Seeds, "seeds", 0, "test `N` seeds, and more packages than without this flag")
		fs.StringVar(&f.Kinds, "kinds", "", "inject these `KINDS` only, with + between (doc/faults.md)")
	}
}

// A tester counts results over all suites.
type tester struct {
	*Flags
	top, goroot string
	suite       string // the one that runs
	arch        string // of the port under test, for the suites that have one
	release     string // of the system, "" for the runner's default
	skips       []skip
	selfSkips   []selfSkip
	wishes      map[wish][]string // tests that skipped themselves and can run; nil if the suite does not judge
	ours        []string          // the project's own tests that skipped themselves, and why
	unlisted    map[string]string // by package, a line for each test whose reason is not in selfSkips

	reruns             int // of the units that passed, those that ran tests again
	tests, selfSkipped int // tests, without subtests, that passed, and that skipped themselves

	done, total int                // packages of suite std that ended, and all of them
	files       int                // files of goroot/test that passed
	elapsed     map[string]float64 // seconds that the tests of a package took, if they passed
}

// Names are the suites.
func Names() []string { return slices.Sorted(maps.Keys(suites)) }

// What returns a line about a suite.
func What(name string) string { return suites[name].what }

// Main runs the suites names, all but real if there are none. Interrupted, it
// ends what it has started and leaves nothing in TMPDIR.
func Main(f *Flags, names []string) error {
	closeOnExec()
	t, err := newTester(f)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "goxnu-test")
	if err == nil {
		err = errors.Join(os.Chmod(tmp, 0o777|os.ModeSticky), os.Setenv("TMPDIR", tmp))
	}
	if err != nil {
		return err
	}
	bounded.EndOnSignal(func() { removeAll(tmp) })
	defer removeAll(tmp)
	if len(names) == 0 {
		names = slices.DeleteFunc(Names(), func(s string) bool { return s == "real" })
	}
	for _, s := range names {
		archs := f.Archs
		if !suites[s].perPort {
			archs = []string{""}
		}
		for _, arch := range archs {
			list := []string{""}
			if f.XNU != "" && s != "releases" {
				if list, err = f.Releases(arch, ""); err != nil {
					return err
				}
			}
			for _, release := range list {
				t.runSuite(s, arch, release)
			}
		}
	}
	for _, s := range t.ours {
		f.Report.Note("SKIPPED ITSELF: %s", s)
	}
	if t.tests+t.selfSkipped > 0 { // some suites count none
		f.Report.Note("# %d single tests passed, %d skipped themselves", t.tests, t.selfSkipped)
	}
	return nil
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

// closeOnExec keeps from the tests what descriptors xtest itself has
// inherited: os/exec's leave something out if they find strays.
func closeOnExec() {
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, e := range fds {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// A suiteInfo is what a suite is. One that is perPort tests one port at a time;
// one that is whole is a single unit for -run, -shard and -list.
type suiteInfo struct {
	run            func(*tester) error
	perPort, whole bool
	what           string
}

var suites map[string]suiteInfo

func init() {
	suites = map[string]suiteInfo{
		"api":      {(*tester).api, false, true, "the exported API of every port against upstream's files, by cmd/api"},
		"graft":    {(*tester).graft, false, true, "the composer's own tests"},
		"misc":     {(*tester).misc, false, true, "the tests of the runner, the generators and the linker's output"},
		"programs": {(*tester).programs, true, true, "the darwin programs of test/, by upstream's testdir"},
		"real":     {(*tester).real, false, false, "well-known programs and libraries from the module proxy; takes long"},
		"releases": {(*tester).releases, true, false, "upstream's tests of what depends on the release, release by release: a few, or with -xnu all"},
		"fault":    {(*tester).fault, true, false, "upstream's tests of a few packages under fault injection, once for each seed"},
		"selfhost": {(*tester).selfhost, false, true, "the toolchain built for the host darwin/amd64 makes the same bytes under the runner"},
		"std":      {(*tester).std, true, false, "upstream's tests of the standard library; -pkg 'std cmd/internal/testdir' for all of it"},
	}
}

// runSuite runs the suite s, for darwin/arch unless arch is empty, and tells how long it took.
func (t *tester) runSuite(s, arch, release string) {
	start := time.Now()
	t.suite, t.arch, t.release = s, arch, release
	if suites[s].whole && !t.Take(strings.TrimSuffix(t.unit(""), "/")) {
		return
	}
	if err := suites[s].run(t); err != nil {
		t.fail(s, err.Error())
	}
	if !t.List {
		t.Report.Printf("# suite %s: %.0fs\n", t.onPort(s), time.Since(start).Seconds())
	}
}

// onPort adds the port under test to a name.
func (t *tester) onPort(name string) string {
	if t.arch != "" {
		name += " on darwin/" + t.arch
	}
	if t.release != "" {
		name += ", " + t.release
	}
	return name
}

// unit is the name under which something is selected and reported.
func (t *tester) unit(name string) string {
	port := ""
	if t.arch != "" {
		port = "/darwin-" + t.arch
	}
	if t.release != "" {
		port += "@" + t.release
	}
	return t.suite + port + "/" + name
}

func newTester(f *Flags) (*tester, error) {
	top, err := tree.Top()
	if err != nil {
		return nil, err
	}
	goroot, err := tree.Goroot()
	if err != nil {
		return nil, err
	}
	skips, err := readSkips(top)
	if err != nil {
		return nil, err
	}
	selfSkips, err := readSelfSkips(top)
	if err != nil {
		return nil, err
	}
	return &tester{Flags: f, top: top, goroot: goroot, skips: skips, selfSkips: selfSkips, elapsed: map[string]float64{}}, nil
}

func (t *tester) fail(name, why string) {
	t.Report.Fail(t.unit(name), fmt.Sprintf("FAIL  %s%s", t.progress(), t.onPort(name)), strings.TrimRight(why, "\n"), 0)
}

// pass counts a unit that passed in the given number of seconds.
func (t *tester) pass(name string, seconds float64) {
	t.Report.Pass(t.unit(name), fmt.Sprintf("ok    %s%s (%.1fs)", t.progress(), name, seconds), time.Duration(seconds*float64(time.Second)))
}

// skipped counts a unit that did not run; why may have several lines.
func (t *tester) skipUnit(name, why string) {
	first, rest, _ := strings.Cut(why, "\n")
	t.Report.Skip(t.unit(name), fmt.Sprintf("skip  %s: %s", name, first), rest)
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
	before := t.Report.Failed
	seen, rerr := t.count(out)
	err = cmd.Wait()
	var exit *exec.ExitError
	switch {
	case rerr != nil:
		return rerr
	case errors.As(err, &exit) && t.Report.Failed > before:
		return nil // told already
	case err == nil && seen == 0:
		return errors.New("no package was tested")
	}
	return err
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
		var e run.Event
		if err := dec.Decode(&e); err == io.EOF {
			return seen, nil
		} else if err != nil {
			return seen, fmt.Errorf("reading go test's events: %v", err)
		}
		key := e.Package + " " + e.Test
		if e.Test != "" {
			t.Report.Event(t.unit(e.Package), e)
		}
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
						t.Report.Printf("      %s: %d files\n", testdir, t.files)
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
				t.skipUnit(t.progress()+e.Package, "all its tests skipped themselves\n"+string(output[e.Package+" skipped"]))
			} else if e.Action == "pass" {
				t.elapsed[e.Package] = e.Elapsed
				t.pass(e.Package, e.Elapsed)
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
