package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// commands are the words that scripts have beside testscript's own. Those that wait take "-t 5s" first; without it they
// wait for patience. They look often and never sleep for a fixed time.
//
//	exits CODE COMMAND…         runs it; its exit code must be exactly that; stdout and stderr then look at its output
//	within DURATION COMMAND…    runs it; it must succeed in that time
//	waitfor REGEXP COMMAND…     until the output of the command matches; ! until it does not
//	waitfile FILE REGEXP        until a line of the file matches; -count=N: until exactly so many lines do
//	state ID STATE…             until `phorever status` shows one of the states for the clone; ! never checks, it is now not
//	field ID FIELD VAR          puts a field of `status --json` into a variable; ID "daemon" is the daemon
//	wantfield ID FIELD REGEXP   until the field matches
//	table FIELD FILE            writes "ID VALUE" of every process into a file, by id
//	elapsed FROM TO MIN MAX     the time between two times of `status --json` or `events --json`
//	alive PID…  gone PID…       all live now · until none lives
//	sendsig SIGNAL PID…         sends a signal
//	same A B…  differ A B       compares values
//	edit FILE OLD NEW           replaces a text that stands in the file
//	pause DURATION              watches that nothing happens: only for what must not happen
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"exits":     exits,
	"within":    within,
	"waitfor":   waitfor,
	"waitfile":  waitfile,
	"samepid":   samepid,
	"state":     state,
	"field":     field,
	"wantfield": wantfield,
	"table":     table,
	"elapsed":   elapsed,
	"alive":     alive,
	"gone":      gone,
	"sendsig":   sendsig,
	"same":      same,
	"differ":    differ,
	"edit":      edit,
	"pause":     pause,
}

const patience = time.Minute

func exits(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) >= 2, "exits CODE COMMAND…")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := codeOf(ts, ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

func within(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) >= 2, "within DURATION COMMAND…")
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	began := time.Now()
	ts.Check(ts.Exec(args[1], args[2:]...))
	if took := time.Since(began); took > limit {
		ts.Fatalf("%s took %v, want at most %v", strings.Join(args[1:], " "), took.Round(time.Millisecond), limit)
	}
}

func waitfor(ts *testscript.TestScript, neg bool, args []string) {
	limit, args := deadline(ts, args)
	need(ts, false, len(args) >= 2, "waitfor [-t DURATION] REGEXP COMMAND…")
	pattern := compile(ts, args[0])
	var output string
	until(ts, limit, func() bool {
		out, err := prepare(ts, args[1], args[2:]...).CombinedOutput()
		output = string(out)
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			ts.Check(err)
		}
		return pattern.MatchString(output) != neg
	}, func() string {
		return fmt.Sprintf("%q in the output of %s, last:\n%s", args[0], strings.Join(args[1:], " "), output)
	})
}

func waitfile(ts *testscript.TestScript, neg bool, args []string) {
	limit, args := deadline(ts, args)
	count := -1
	if len(args) > 0 && strings.HasPrefix(args[0], "-count=") {
		n, err := strconv.Atoi(strings.TrimPrefix(args[0], "-count="))
		ts.Check(err)
		count, args = n, args[1:]
	}
	need(ts, neg, len(args) == 2, "waitfile [-t DURATION] [-count=N] FILE REGEXP")
	pattern := compile(ts, args[1])
	var text string
	until(ts, limit, func() bool {
		content, err := os.ReadFile(ts.MkAbs(args[0]))
		if err != nil {
			return false
		}
		text = string(content)
		found := len(pattern.FindAllString(text, -1))
		return found > 0 && count < 0 || found == count
	}, func() string { return fmt.Sprintf("%q in %s, which holds:\n%s", args[1], args[0], text) })
}

// samepid waits until the process that status shows is the one in a pid file, and lives.
func samepid(ts *testscript.TestScript, neg bool, args []string) {
	limit, args := deadline(ts, args)
	need(ts, neg, len(args) == 2, "samepid [-t DURATION] ID FILE")
	var shown, written string
	until(ts, limit, func() bool {
		content, _ := os.ReadFile(ts.MkAbs(args[1]))
		shown, written = show(status(ts), args[0], "pid"), strings.TrimSpace(string(content))
		pid, err := strconv.Atoi(shown)
		return err == nil && shown == written && syscall.Kill(pid, 0) == nil
	}, func() string { return fmt.Sprintf("status shows %s, %s holds %q", shown, args[1], written) })
}

func state(ts *testscript.TestScript, neg bool, args []string) {
	limit, args := deadline(ts, args)
	need(ts, false, len(args) >= 2, "state [-t DURATION] ID STATE…")
	if neg {
		if got := show(status(ts), args[0], "state"); slices.Contains(args[1:], got) {
			ts.Fatalf("%s is %s", args[0], got)
		}
		return
	}
	var got string
	until(ts, limit, func() bool {
		got = show(status(ts), args[0], "state")
		return slices.Contains(args[1:], got)
	}, func() string {
		return fmt.Sprintf("%s to be %s; it is %q", args[0], strings.Join(args[1:], " or "), got)
	})
}

func field(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 3, "field ID FIELD VAR")
	got := show(status(ts), args[0], args[1])
	if got == missing {
		ts.Fatalf("%s has no %s", args[0], args[1])
	}
	ts.Setenv(args[2], got)
}

func wantfield(ts *testscript.TestScript, neg bool, args []string) {
	limit, args := deadline(ts, args)
	need(ts, neg, len(args) == 3, "wantfield [-t DURATION] ID FIELD REGEXP")
	pattern := compile(ts, args[2])
	var got string
	until(ts, limit, func() bool {
		got = show(status(ts), args[0], args[1])
		return pattern.MatchString(got)
	}, func() string { return fmt.Sprintf("%s %s to match %q; it is %q", args[0], args[1], args[2], got) })
}

func table(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "table FIELD FILE")
	reply := status(ts)
	processes, _ := reply["processes"].([]any)
	var rows []string
	for _, p := range processes {
		process, _ := p.(map[string]any)
		id, _ := process["id"].(string)
		rows = append(rows, id+" "+show(reply, id, args[0])+"\n")
	}
	slices.Sort(rows)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(rows, "")), 0o644))
}

func elapsed(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 4, "elapsed FROM TO MIN MAX")
	from, err := time.Parse(time.RFC3339Nano, args[0])
	ts.Check(err)
	to, err := time.Parse(time.RFC3339Nano, args[1])
	ts.Check(err)
	least, err := time.ParseDuration(args[2])
	ts.Check(err)
	most, err := time.ParseDuration(args[3])
	ts.Check(err)
	if took := to.Sub(from); took < least || took > most {
		ts.Fatalf("%v between %s and %s, want %v to %v", took, args[0], args[1], least, most)
	}
}

func alive(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) > 0, "alive PID…")
	for _, arg := range args {
		if !lives(pidOf(ts, arg)) {
			ts.Fatalf("process %s is gone", arg)
		}
	}
}

func gone(ts *testscript.TestScript, neg bool, args []string) {
	limit, args := deadline(ts, args)
	need(ts, neg, len(args) > 0, "gone [-t DURATION] PID…")
	for _, arg := range args {
		pid := pidOf(ts, arg)
		until(ts, limit, func() bool { return !lives(pid) }, func() string { return "the end of process " + arg })
	}
}

func sendsig(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) >= 2, "sendsig SIGNAL PID…")
	signals := map[string]syscall.Signal{
		"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL,
		"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT, "SEGV": syscall.SIGSEGV,
	}
	signal, known := signals[args[0]]
	need(ts, false, known, "sendsig: unknown signal "+args[0])
	for _, arg := range args[1:] {
		ts.Check(syscall.Kill(pidOf(ts, arg), signal))
	}
}

func same(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) >= 2, "same A B…")
	for _, arg := range args[1:] {
		if arg != args[0] {
			ts.Fatalf("%q and %q differ", args[0], arg)
		}
	}
}

func differ(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "differ A B")
	if args[0] == args[1] {
		ts.Fatalf("both are %q", args[0])
	}
}

func edit(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 3, "edit FILE OLD NEW")
	name := ts.MkAbs(args[0])
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(name+".new", []byte(strings.ReplaceAll(text, args[1], args[2])), 0o644))
	ts.Check(os.Rename(name+".new", name))
}

func pause(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 1, "pause DURATION")
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	time.Sleep(d)
}

// missing is what a field shows that is not there.
const missing = "<missing>"

// status is `phorever status --all --json`, or nil where no daemon answers.
func status(ts *testscript.TestScript) map[string]any {
	out, err := prepare(ts, "phorever", "status", "--all", "--json").Output()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 4) {
		return nil
	}
	var reply map[string]any
	ts.Check(json.Unmarshal(out, &reply))
	return reply
}

// show is a field of one clone, or of the daemon, as text; "exit.code" looks deeper.
func show(reply map[string]any, id, field string) string {
	var value any = missing
	if id == "daemon" {
		value = reply["daemon"]
	}
	processes, _ := reply["processes"].([]any)
	for _, p := range processes {
		if process, ok := p.(map[string]any); ok && process["id"] == id {
			value = process
		}
	}
	for key := range strings.SplitSeq(field, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return missing
		}
		if value, ok = object[key]; !ok {
			return missing
		}
	}
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	text, _ := json.Marshal(value)
	return string(text)
}

// prepare is a command as the script itself would run it, in its directory and environment.
func prepare(ts *testscript.TestScript, name string, args ...string) *exec.Cmd {
	env := os.Environ()
	for _, key := range []string{"WORK", "HOME", "XDG_RUNTIME_DIR", "EXAMPLE", "PATH", "TMPDIR", "PHOREVER_CONFIG", "TERM", "GORACE"} {
		if value := ts.Getenv(key); value != "" {
			env = append(env, key+"="+value)
		}
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = ts.MkAbs(".")
	env = append(env, "PWD="+cmd.Dir)
	cmd.Env = env
	return cmd
}

// until looks until it is so, every 20 ms at most.
func until(ts *testscript.TestScript, limit time.Duration, is func() bool, what func() string) {
	for end := time.Now().Add(limit); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("waited %v for %s", limit, what())
		}
	}
}

func deadline(ts *testscript.TestScript, args []string) (time.Duration, []string) {
	if len(args) < 2 || args[0] != "-t" {
		return patience, args
	}
	limit, err := time.ParseDuration(args[1])
	ts.Check(err)
	return limit, args[2:]
}

func need(ts *testscript.TestScript, neg, ok bool, usage string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

func compile(ts *testscript.TestScript, pattern string) *regexp.Regexp {
	re, err := regexp.Compile(`(?m)` + pattern)
	ts.Check(err)
	return re
}

func codeOf(ts *testscript.TestScript, err error) int {
	exit := (*exec.ExitError)(nil)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	ts.Check(err)
	return -1
}

func pidOf(ts *testscript.TestScript, arg string) int {
	pid, err := strconv.Atoi(arg)
	ts.Check(err)
	if pid < 2 {
		ts.Fatalf("%d is no process of ours", pid)
	}
	return pid
}

func containsLine(text, line string) bool { return slices.Contains(strings.Split(text, "\n"), line) }
