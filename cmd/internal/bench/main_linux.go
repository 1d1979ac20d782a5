package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// options are what one run was asked for.
type options struct {
	n       int
	rounds  int
	only    *regexp.Regexp
	strict  bool
	json    bool
	settle  time.Duration
	idle    time.Duration
	binary  string
	logSize byteCount
}

func main() {
	if code, ok := asChild(os.Args[1:]); ok {
		os.Exit(code)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	cancel()
	os.Exit(code)
}

// asChild is this program re-executed as a part of a measurement.
func asChild(arguments []string) (int, bool) {
	if len(arguments) < 2 {
		return 0, false
	}
	switch arguments[0] {
	case "bench-loop":
		return loop(arguments[1:]), true
	case "bench-child":
		return tell(arguments[1]), true
	case "bench-writer":
		return write(arguments[1:]), true
	}
	return 0, false
}

func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	o, err := parse(arguments, stderr)
	if err == flag.ErrHelp {
		return 0
	}
	if err != nil {
		return 2
	}
	b, err := prepare(ctx, o, stderr)
	if err == nil {
		err = b.measure()
		b.close()
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench: error: %v\n", err)
		return 1
	}
	rows := b.rows()
	if o.json {
		err = printJSON(stdout, b.facts(), rows)
	} else {
		err = printTable(stdout, b.facts(), rows)
	}
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "bench: error: %v\n", err)
		return 1
	case o.strict && missed(rows):
		return 1
	}
	return 0
}

func parse(arguments []string, stderr io.Writer) (options, error) {
	var o options
	var only string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.n, "n", 1000, "how many processes")
	flags.IntVar(&o.rounds, "rounds", 5, "how often each contestant has its turn")
	flags.StringVar(&only, "only", "", "measure only what this regular expression finds by name, such as start or restart-100")
	flags.BoolVar(&o.strict, "strict", false, "exit 1 when a target is missed")
	flags.BoolVar(&o.json, "json", false, "print JSON instead of the table")
	flags.DurationVar(&o.settle, "settle", 15*time.Second, "how long nothing happens before the daemon counts as idle")
	flags.DurationVar(&o.idle, "idle", 20*time.Second, "how long its processor time is watched then")
	o.logSize = 1 << 30
	flags.Var(&o.logSize, "log-size", "how much is written to the log of one process, with room on the disk for three times that")
	flags.StringVar(&o.binary, "binary", "", "measure this phorever instead of building one")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	var err error
	if o.only, err = regexp.Compile(only); err != nil {
		fmt.Fprintf(stderr, "bench: error: -only: %v\n", err)
		return o, err
	}
	if o.n < 1 || o.rounds < 1 || flags.NArg() > 0 {
		err := fmt.Errorf("-n and -rounds are at least 1, and there are no arguments")
		fmt.Fprintf(stderr, "bench: error: %v\n", err)
		return o, err
	}
	return o, nil
}

// adopt makes this program the parent of every orphan below it, so that whatever it started can be found and ended, and
// allows itself as many descriptors as it may have.
func adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the parent of orphans: %w", err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of descriptors: %w", err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of descriptors: %w", err)
	}
	return nil
}
