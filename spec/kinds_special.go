package spec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The kinds that only this configuration has.
var (
	nameKind = &kind{name: "name", wants: "a text", check: checkName,
		schema: `{"type":"string","minLength":1,"pattern":"^[\\p{L}\\p{Nd}][^/:@*%\\p{Cc}]*$"}`}
	roleKind = &kind{name: "role names", wants: "a role's name", check: checkRole, schema: nameKind.schema}

	commandKind = &kind{name: "command: text or list of texts", wants: "a shell command, or a list of the program and its arguments", check: checkCommand,
		schema: `{"anyOf":[{"type":"string","minLength":1},{"type":"array","minItems":1,"items":{"type":"string"}}]}`}
	signalKind  = &kind{name: "signal", wants: `a signal's name such as "TERM"`, check: checkSignal, schema: `{"type":"string"}`}
	signalsKind = &kind{name: "signal or list of signals", wants: `a signal's name such as "TERM", or a list of them`, check: checkSignals,
		schema: `{"anyOf":[{"type":"string"},{"type":"array","minItems":1,"items":{"type":"string"}}]}`}
	umaskKind = &kind{name: "octal text", wants: `an octal text from "000" to "777"`, check: checkUmask,
		schema: `{"type":"string","pattern":"^0?[0-7]{1,3}$"}`}
	clonesKind = &kind{name: `whole number or "auto"`, wants: `0 or more, or "auto"`, check: checkClones,
		schema: `{"anyOf":[{"type":"integer","minimum":0,"maximum":10000},{"const":"auto"}]}`}
	userKind     = &kind{name: "user", wants: "a user's name", check: checkUser, schema: `{"type":"string","minLength":1}`}
	groupKind    = &kind{name: "group", wants: "a group's name", check: checkGroup, schema: `{"type":"string","minLength":1}`}
	timezoneKind = &kind{name: "time zone", wants: `a time zone such as "Europe/Berlin"`, check: checkTimezone, schema: `{"type":"string","minLength":1}`}
	exitsKind    = listOf(named("exit codes", integer(0, 255)), "a list of exit codes")

	limitCountKind = &kind{name: `number or "unlimited"`, wants: `a whole number, 0 or more, or "unlimited"`, check: checkLimitCount,
		schema: `{"anyOf":[{"type":"integer","minimum":0},{"const":"unlimited"}]}`}
	limitSizeKind = &kind{name: `size or "unlimited"`, wants: `a size such as "2GB", or "unlimited"`, check: checkLimitSize,
		schema: `{"anyOf":[` + sizeKind.schema + `,{"const":"unlimited"}]}`}
	limitTimeKind = &kind{name: `duration or "unlimited"`, wants: `a number of seconds, a duration such as "1h", or "unlimited"`, check: checkLimitTime,
		schema: `{"anyOf":[{"type":"number","minimum":0},{"type":"string","pattern":"` + durationPattern + `"},{"const":"unlimited"}]}`}
)

var (
	errNotDuration = errors.New("not a duration")
	errTooLong     = errors.New("longer than 292 years")
)

// MaxClones keeps a typing error from starting a million processes.
const MaxClones = 10000

func checkDuration(k *kind, r *report, n *node) { checkDurationFrom(k, r, n, 0) }

func checkDurationFrom(k *kind, r *report, n *node, least time.Duration) {
	if !n.is(kindNumber) && !n.is(kindString) {
		k.refuse(r, n, "")
		return
	}
	value, err := n.duration()
	switch {
	case errors.Is(err, errTooLong):
		r.errorAt(n, fmt.Sprintf("must not be %s (got %s)", errTooLong, n.got()), "")
	case err != nil && n.is(kindString):
		hint := ""
		if strings.Contains(k.name, "forever") {
			hint = `"forever" waits without end`
		}
		r.errorAt(n, err.Error(), hint)
	case err != nil:
		k.refuse(r, n, "")
	case value < 0:
		r.errorAt(n, fmt.Sprintf("must not be negative (got %s)", n.got()), "")
	case value < least:
		r.errorAt(n, fmt.Sprintf("must be at least %s (got %s)", FormatDuration(least), n.got()), "")
	}
}

// atLeast is a duration that is not shorter than that.
func atLeast(least time.Duration) *kind {
	k := *durationKind
	k.check = func(k *kind, r *report, n *node) { checkDurationFrom(k, r, n, least) }
	return &k
}

func checkPatience(k *kind, r *report, n *node) {
	if n.is(kindString) && n.text == "forever" {
		return
	}
	checkDuration(k, r, n)
}

func checkSize(k *kind, r *report, n *node) {
	if _, ok := n.size(); ok {
		return
	}
	if n.is(kindString) {
		if _, err := ParseSize(n.text); err != nil {
			r.errorAt(n, err.Error(), "")
			return
		}
	}
	k.refuse(r, n, "")
}

// sizeBetween is a size with bounds.
func sizeBetween(low, high int64, bounds string) *kind {
	k := *sizeKind
	k.check = func(k *kind, r *report, n *node) {
		value, ok := n.size()
		if !ok {
			checkSize(k, r, n)
		} else if value < low || value > high {
			r.errorAt(n, fmt.Sprintf("must be %s (got %s)", bounds, n.got()), "")
		}
	}
	return &k
}

func checkEnvironment(k *kind, r *report, n *node) {
	if n.kind != kindObject {
		hint := ""
		if n.kind == kindList {
			hint = `write {"NAME": "value"} instead of ["NAME=value"]`
		}
		k.refuse(r, n, hint)
		return
	}
	for _, m := range n.members {
		switch {
		case m.key == "" || strings.ContainsAny(m.key, "=\x00"):
			r.error(m.at, m.value.path(), "not a name of an environment variable", "it holds no = and is not empty")
		case m.value.kind == kindNull:
		case m.value.kind == kindNumber || m.value.kind == kindBool:
			r.errorAt(m.value, "must be a text (got "+m.value.got()+")", "put it in quotes: "+strconv.Quote(m.value.text))
		case m.value.kind != kindString:
			r.errorAt(m.value, "must be a text (got "+m.value.got()+")", "")
		case strings.ContainsRune(m.value.text, 0):
			r.errorAt(m.value, "must not hold a NUL character", "")
		default:
			checkExpansionAt(r, m.value)
		}
	}
}

func checkName(k *kind, r *report, n *node) {
	if n.is(kindString) && n.text == "" {
		r.errorAt(n, "must not be empty", "commands, log files and status know the process by it")
		return
	}
	checkText(k, r, n)
	if n.is(kindString) {
		checkNameText(r, n.place, n.path(), n.text, "process")
	}
}

func checkRole(k *kind, r *report, n *node) {
	checkText(k, r, n)
	if n.kind == kindString && n.text != "" {
		checkNameText(r, n.place, n.path(), n.text, "role")
	}
}

// forbiddenInNames are what targets and file names are made of: NAME:2, @ROLE, name:*, %name%.log.
const forbiddenInNames = "/:@*%"

// maxName leaves room for ".log" and a rotated file's suffix within the 255 bytes that a file name may have.
const maxName = 200

// checkNameText tells whether a name may be one, and reports why not.
func checkNameText(r *report, at place, path, name, what string) bool {
	first, _ := utf8.DecodeRuneInString(name)
	switch {
	case strings.ContainsFunc(name, unicode.IsControl):
		r.error(at, path, "must not hold a control character", "")
	case strings.ContainsAny(name, forbiddenInNames):
		held := name[strings.IndexAny(name, forbiddenInNames)]
		r.error(at, path, fmt.Sprintf("must not hold %q (got %q)", held, name),
			fmt.Sprintf("%s are used to name clones, roles and files; write %q", strings.Join(strings.Split(forbiddenInNames, ""), " "), plainName(name)))
	case !unicode.IsLetter(first) && !unicode.IsDigit(first):
		r.error(at, path, fmt.Sprintf("must begin with a letter or a digit (got %q)", name), "")
	case strings.EqualFold(name, "all"):
		r.error(at, path, fmt.Sprintf("%q names every process, so no %s can be called that", name, what), "choose another name")
	case len(MachineName(name)) > maxName:
		r.error(at, path, fmt.Sprintf("longer than %d characters", maxName), "it becomes part of file names")
	default:
		return true
	}
	return false
}

// plainName is a name made of another by leaving out what it may not hold.
func plainName(name string) string {
	plain := strings.Map(func(r rune) rune {
		if strings.ContainsRune(forbiddenInNames, r) {
			return '-'
		}
		return r
	}, name)
	if plain = strings.TrimLeft(plain, "-._ "); plain == "" {
		return "worker"
	}
	return plain
}

func checkCommand(k *kind, r *report, n *node) {
	switch n.kind {
	case kindString:
	case kindList:
		for _, item := range n.items {
			if item.kind != kindString {
				hint := ""
				if item.kind == kindNumber || item.kind == kindBool {
					hint = "put it in quotes: " + strconv.Quote(item.text)
				}
				r.errorAt(item, "must be a text (got "+item.got()+")", hint)
				return
			}
		}
	default:
		k.refuse(r, n, "")
		return
	}
	if plainWords(n.command()) != nil {
		return
	}
	if err := n.command().Check(); err != nil {
		r.errorAt(n, err.Error(), "")
		return
	}
	for _, text := range append([]*node{n}, n.items...) {
		if text.kind == kindString {
			checkExpansionAt(r, text)
		}
	}
}

// command is the value of "up" or "down".
func (n *node) command() Command {
	if n.is(kindString) {
		return Command{Shell: n.text}
	}
	if !n.is(kindList) {
		return Command{}
	}
	argv := []string{}
	for _, item := range n.items {
		argv = append(argv, item.text)
	}
	return Command{Argv: argv}
}

func checkSignal(k *kind, r *report, n *node) {
	if n.kind != kindString {
		k.refuse(r, n, "")
		return
	}
	if _, err := ParseSignal(n.text); err != nil {
		r.errorAt(n, err.Error(), "")
	}
}

func checkSignals(k *kind, r *report, n *node) {
	switch {
	case n.kind == kindString:
		checkSignal(signalKind, r, n)
	case n.kind != kindList:
		k.refuse(r, n, "")
	case len(n.items) == 0:
		r.errorAt(n, "must name at least one signal", `write ["TERM"], or ["KILL"] to kill at once`)
	default:
		for _, item := range n.items {
			checkSignal(signalKind, r, item)
		}
	}
}

func checkUmask(k *kind, r *report, n *node) {
	if _, ok := n.umask(); ok {
		return
	}
	hint := ""
	if n.kind == kindNumber {
		hint = fmt.Sprintf("put the octal digits in quotes: %q", "022")
	}
	k.refuse(r, n, hint)
}

func (n *node) umask() (int, bool) {
	if !n.is(kindString) || len(n.text) > 4 {
		return 0, false
	}
	value, err := strconv.ParseUint(n.text, 8, 32)
	return int(value), err == nil && value <= 0o777
}

func checkClones(k *kind, r *report, n *node) {
	if n.is(kindString) && n.text == "auto" {
		return
	}
	value, ok := n.integer()
	switch {
	case ok && value > MaxClones:
		r.errorAt(n, fmt.Sprintf("must be %d at most (got %s)", MaxClones, n.got()), "")
	case !ok || value < 0:
		k.refuse(r, n, orElse(unquoted(n), "0 keeps the process in the configuration without running it"))
	}
}

func checkLimitCount(k *kind, r *report, n *node) {
	if value, ok := n.integer(); !n.unlimited() && (!ok || value < 0) {
		k.refuse(r, n, unquoted(n))
	}
}

func checkLimitSize(k *kind, r *report, n *node) {
	if _, ok := n.size(); !n.unlimited() && !ok {
		k.refuse(r, n, "")
	}
}

func checkLimitTime(k *kind, r *report, n *node) {
	if !n.unlimited() {
		checkDuration(k, r, n)
	}
}

func (n *node) unlimited() bool { return n.is(kindString) && n.text == "unlimited" }

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// presetKind is the enumeration of the preset table.
var presetKind = named("preset", oneOf(presetNames()...))

func presetNames() []string { return slices.Sorted(maps.Keys(presetTable)) }
