// Command bench measures this library side by side with its peers, and says how far ahead or behind it is.
//
//	go run .                          all rows; writes RESULTS.md and its charts
//	go run . -quick                   the same in small, to see that it works
//	go run . -list                    names of rows
//	go run . -rows file/put -reps 10  some rows
//
// README.md says what the rows measure and how to read the figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	plan     plan
	dir, out string
	rows     *regexp.Regexp
	engines  *regexp.Regexp
	reps     int
	list     bool
	command  []string
}

// parse reads the flags. Those that are given go before what quick says.
func parse(args []string, stderr io.Writer) (s settings, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	keys := flags.String("keys", "200000", "`numbers` of keys, with commas; the first is the one for rows that are not repeated for each")
	flags.IntVar(&s.plan.openKeys, "openkeys", 1_000_000, "`number` of keys for opening")
	flags.IntVar(&s.plan.listKeys, "listkeys", 100_000, "`number` of keys for listings, watches, and the row that compares the heap")
	growth := flags.String("growth", "1000,10000,100000,1000000", "`numbers` of keys, with commas, for what a key costs among so many")
	flags.IntVar(&s.plan.value, "value", 128, "`bytes` of a value")
	flags.IntVar(&s.plan.large, "large", 4096, "`bytes` of a large value, for the row that compares the heap")
	rows := flags.String("rows", "", "measure only rows whose name matches `regexp`")
	engines := flags.String("engines", "", "measure only engines whose name matches `regexp`")
	flags.IntVar(&s.reps, "reps", 3, "repetitions of each measure")
	quick := flags.Bool("quick", false, "far fewer keys, a fiftieth of the operations, one repetition")
	flags.StringVar(&s.dir, "dir", os.TempDir(), "`folder` for the files of the engines, on a real disk")
	flags.StringVar(&s.out, "out", "", "`file` for the report (default RESULTS.md beside the source, if everything is measured, else none)")
	flags.BoolVar(&s.list, "list", false, "list the names of the rows, and end")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	s.plan.shrink = 1
	if *quick {
		s.quicken(keys, growth, given)
	}
	if s.plan.keys, err = numbers(*keys); err != nil {
		return s, fmt.Errorf("-keys: %w", err)
	}
	if s.plan.growth, err = numbers(*growth); err != nil {
		return s, fmt.Errorf("-growth: %w", err)
	}
	if s.rows, err = regexp.Compile(*rows); err != nil {
		return s, fmt.Errorf("-rows: %w", err)
	}
	if s.engines, err = regexp.Compile(*engines); err != nil {
		return s, fmt.Errorf("-engines: %w", err)
	}
	if s.out == "" && !*quick && *rows == "" && *engines == "" {
		s.out = resultsFile()
	}
	flags.Visit(func(f *flag.Flag) {
		if f.Name != "dir" && f.Name != "out" { // nobody else has these folders
			s.command = append(s.command, fmt.Sprintf("-%s=%s", f.Name, f.Value))
		}
	})
	return s, s.check()
}

// numbers reads numbers with commas between them.
func numbers(list string) (all []int, err error) {
	for _, text := range strings.Split(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// quicken makes everything smaller that was not given.
func (s *settings) quicken(keys, growth *string, given map[string]bool) {
	s.plan.shrink = 50
	quick := func(name string, set func()) {
		if !given[name] {
			set()
		}
	}
	quick("keys", func() { *keys = "5000" })
	quick("growth", func() { *growth = "1000,10000" })
	quick("openkeys", func() { s.plan.openKeys = 20_000 })
	quick("listkeys", func() { s.plan.listKeys = 5_000 })
	quick("reps", func() { s.reps = 1 })
}

// leastKeys is the least number of keys: each of the goroutines of a row has some of its own.
const leastKeys = 64

func (s *settings) check() error {
	for _, n := range slices.Concat([]int{s.plan.openKeys, s.plan.listKeys}, s.plan.keys, s.plan.growth) {
		if n < leastKeys {
			return fmt.Errorf("%d keys are too few, the least is %d", n, leastKeys)
		}
	}
	switch {
	case s.plan.value < 1:
		return fmt.Errorf("-value: %d bytes are too few, the least is 1", s.plan.value)
	case s.plan.large <= s.plan.value:
		return fmt.Errorf("-large: %d bytes are not more than -value, %d", s.plan.large, s.plan.value)
	case s.reps < 1:
		return fmt.Errorf("-reps: %d repetitions are too few, the least is 1", s.reps)
	}
	return nil
}

// resultsFile returns the path of RESULTS.md beside this source file.
func resultsFile() string {
	_, source, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(source), "RESULTS.md")
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	var chosen []row
	for _, r := range s.plan.rows() {
		if s.rows.MatchString(r.name) {
			chosen = append(chosen, r)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no row has a name that matches %q", s.rows)
	}
	if s.list {
		for _, r := range chosen {
			_, _ = fmt.Fprintln(stdout, r.name)
		}
		return nil
	}
	if _, err := os.Stat(filepath.Dir(s.out)); err != nil { // better now than in the end
		return fmt.Errorf("-out: %w", err)
	}
	rep, err := s.measure(ctx, chosen, stderr)
	if err != nil {
		return err
	}
	if s.out == "" {
		rep.write(stdout)
		return nil
	}
	rep.charts = chartsFor(rep.results, s.out)
	var page strings.Builder
	rep.write(io.MultiWriter(&page, stdout))
	return errors.Join(os.WriteFile(s.out, []byte(page.String()), 0o666), writeCharts(filepath.Dir(s.out), rep.charts))
}

// measure runs rows and returns the report.
func (s *settings) measure(ctx context.Context, rows []row, progress io.Writer) (*report, error) {
	if fileSystem(s.dir) == inMemoryFS {
		return nil, fmt.Errorf("%s is on %s, where a sync costs nothing: choose another folder with -dir", s.dir, inMemoryFS)
	}
	dir, err := os.MkdirTemp(s.dir, "kvbench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d := driver{dir: dir, reps: s.reps, chosen: s.engines.MatchString, progress: progress}
	rep := &report{versions: versions(), command: s.command, reps: s.reps, date: time.Now()}
	if rep.machine, err = describe(dir); err != nil {
		return nil, err
	}
	for _, r := range rows {
		res, err := d.run(ctx, r)
		if err != nil {
			return nil, err
		}
		rep.results = append(rep.results, res)
	}
	return rep, nil
}
