package event

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// meanings are what exit codes stand for, where programs agree: sysexits.h, shells, and the workers of PHP frameworks.
var meanings = map[int]string{
	12:  "Laravel's queue worker ends so when it has used more memory than its --memory allows",
	78:  "its configuration is wrong (EX_CONFIG)",
	126: "the program cannot be executed: is it a program, and executable?",
	127: "the shell found no such command",
	130: "something below it was interrupted (SIGINT)",
	134: "something below it aborted (SIGABRT)",
	137: "something below it was killed (SIGKILL), as the kernel does for want of memory",
	139: "something below it used memory that is not its own (SIGSEGV)",
	143: "something below it was told to end (SIGTERM)",
}

// signalMeanings are what it says of a program that a signal ended it.
var signalMeanings = map[string]string{
	"SIGSEGV": "it used memory that is not its own: a bug in the program, or in an extension",
	"SIGBUS":  "it used memory that is not there: a file was truncated below it, a disk is full, or a bug",
	"SIGABRT": "it aborted itself, as an assertion does",
	"SIGILL":  "it contains what this processor cannot do",
	"SIGFPE":  "it divided by zero, or the like",
	"SIGXCPU": "it used more processor time than its limit allows",
	"SIGXFSZ": "it wrote a file larger than its limit allows",
	"SIGSYS":  "it asked the kernel for what it is not allowed to",
}

var (
	phpMemory  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`Allowed memory size of (\d+) bytes exhausted`) })
	jobTimeout = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(has timed out|job timed out|exceeded the timeout|TimeoutExceededException)`)
	})
)

// Meaning is what an end that is a failure says of the program, as far as its status and its last lines tell; "" where they tell no more
// than Exit's own words. It may be asked of nil.
func (e *Exit) Meaning(tail []string) string {
	if e == nil || !e.Failure {
		return ""
	}
	if e.Cause == CauseOOM {
		return "the kernel killed it for want of memory"
	}
	for _, line := range slices.Backward(tail) {
		if found := phpMemory().FindStringSubmatch(line); found != nil {
			return "PHP's memory_limit of " + found[1] + " bytes was not enough"
		}
		if _, fatal, is := strings.Cut(line, "PHP Fatal error:"); is {
			return "PHP fatal error: " + cut(strings.TrimSpace(fatal))
		}
		if _, fatal, is := strings.Cut(line, "PHP Parse error:"); is {
			return "PHP parse error: " + cut(strings.TrimSpace(fatal))
		}
	}
	switch {
	case e.Signal != nil && *e.Signal == "SIGKILL":
		if slices.ContainsFunc(tail, jobTimeout().MatchString) {
			return "it killed itself because a job took too long, as Laravel's queue worker does"
		}
		return "nobody here has killed it: it was the kernel for want of memory, a person, or itself because a job took too long"
	case e.Signal != nil:
		return signalMeanings[*e.Signal]
	case e.Code != nil:
		return meanings[*e.Code]
	}
	return ""
}

// cut shortens what a program says.
func cut(text string) string {
	const most = 200
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
