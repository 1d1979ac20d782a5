package event_test

import (
	"strings"
	"testing"

	"github.com/dcousineau/phorever/actors/event"
)

func TestWhatAnEndMeans(t *testing.T) {
	code := func(n int) *event.Exit { return &event.Exit{Code: &n, Cause: event.CauseExited, Failure: true} }
	signal := func(name string) *event.Exit {
		return &event.Exit{Signal: &name, Cause: event.CauseSignaled, Failure: true}
	}
	oom := signal("SIGKILL")
	oom.Cause = event.CauseOOM
	fine := code(0)
	fine.Failure = false
	for _, c := range []struct {
		name string
		exit *event.Exit
		tail []string
		want string
	}{
		{"none", nil, nil, ""},
		{"no failure", fine, []string{"PHP Fatal error: x"}, ""},
		{"nothing is known of 1", code(1), []string{"bye"}, ""},
		{"Laravel's memory", code(12), nil, "--memory"},
		{"configuration", code(78), nil, "EX_CONFIG"},
		{"the shell", code(127), nil, "no such command"},
		{"PHP's memory", code(255), []string{"PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes) in /a.php on line 3", "", "bye"}, "memory_limit of 134217728 bytes"},
		{"a fatal error", code(255), []string{"PHP Fatal error:  Uncaught Error: Call to undefined function foo() in /a.php:3"}, "PHP fatal error: Uncaught Error: Call to undefined function foo() in /a.php:3"},
		{"a parse error", code(255), []string{"PHP Parse error:  syntax error, unexpected end of file"}, "PHP parse error: syntax error"},
		{"the kernel", oom, nil, "for want of memory"},
		{"a job's timeout", signal("SIGKILL"), []string{"App\\Jobs\\Import has been attempted too many times", "Illuminate\\Queue\\TimeoutExceededException: App\\Jobs\\Import has timed out."}, "killed itself"},
		{"nobody knows who", signal("SIGKILL"), nil, "nobody here"},
		{"a segfault", signal("SIGSEGV"), nil, "memory that is not its own"},
	} {
		got := c.exit.Meaning(c.tail)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
