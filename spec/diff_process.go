package spec

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// processReasons is why one process must restart, and what it learns without noticing. Whatever a process was started
// with is a reason for a restart; whatever we do about it later applies live.
func processReasons(from, to *Config, old, new *Process) reasons {
	var r reasons
	compare(&r, ActionApply, "name", old.Name, new.Name, strconv.Quote)
	rolesReasons(&r, old, new)
	compare(&r, ActionRestart, "up", commandText(&old.Up), commandText(&new.Up), shortened)
	compare(&r, ActionApply, "down", commandText(old.Down), commandText(new.Down), shortened)
	compare(&r, ActionRestart, "directory", old.Directory, new.Directory, text)
	compare(&r, ActionRestart, "user", old.User, new.User, orUnset)
	compare(&r, ActionRestart, "group", old.Group, new.Group, orUnset)
	compare(&r, ActionRestart, "umask", maskText(old.Umask), maskText(new.Umask), text)
	compare(&r, ActionRestart, "nice", numberText(old.Nice), numberText(new.Nice), text)
	compare(&r, ActionRestart, "oom_score_adj", numberText(old.OOMScore), numberText(new.OOMScore), text)
	compare(&r, ActionRestart, "no_new_privs", old.NoNewPrivs, new.NoNewPrivs, text)
	limitReasons(&r, old.Limits, new.Limits)
	compare(&r, ActionRestart, "cgroup", cgroupText(old.Cgroup), cgroupText(new.Cgroup), text)
	compare(&r, ActionRestart, "daemonizes", daemonizesText(old.Daemonizes), daemonizesText(new.Daemonizes), text)
	compare(&r, ActionApply, "health", healthText(old.Health), healthText(new.Health), text)
	compare(&r, ActionApply, "runaway", runawayText(old.Runaway), runawayText(new.Runaway), text)
	environmentReasons(&r, from, to, old, new)
	compare(&r, ActionApply, "autostart", old.Autostart, new.Autostart, text)
	restartReasons(&r, &old.Restart, &new.Restart)
	compareLists(&r, ActionApply, "stop.signal", old.Stop.Signals, new.Stop.Signals)
	compare(&r, ActionApply, "stop.timeout", old.Stop.Timeout, new.Stop.Timeout, writtenDuration)
	compare(&r, ActionApply, "stop.scope", old.Stop.Scope, new.Stop.Scope, text)
	compare(&r, ActionApply, "pause_signal", old.Pause, new.Pause, text)
	logReasons(&r, from, to, &old.Log, &new.Log)
	return r
}

func cgroupText(c *Cgroup) string {
	if c == nil {
		return "none"
	}
	return fmt.Sprintf("memory_max %d, cpu_max %v", c.MemoryMax, c.CPUMax)
}

func daemonizesText(d *Daemonizes) string {
	switch {
	case d == nil:
		return "false"
	case d.Pidfile == "":
		return "true, within " + writtenDuration(d.Within)
	}
	return fmt.Sprintf("%s, within %s", d.Pidfile, writtenDuration(d.Within))
}

// rolesReasons: under another home role another strategy applies, so the process ends there and starts here.
func rolesReasons(r *reasons, old, new *Process) {
	if before, now := home(old), home(new); before != now {
		r.add(ActionRestart, fmt.Sprintf("roles: its home role changed, %s → %s", orElse(before, "none"), orElse(now, "none")))
		return
	}
	compareLists(r, ActionApply, "roles", old.Roles, new.Roles)
}

func home(p *Process) string {
	if len(p.Roles) == 0 {
		return ""
	}
	return p.Roles[0]
}

func restartReasons(r *reasons, old, new *Restart) {
	compare(r, ActionApply, "resurrect", old.Resurrect, new.Resurrect, text)
	compare(r, ActionApply, "resurrect_after", old.After, new.After, writtenDuration)
	compare(r, ActionApply, "backoff.factor", old.Backoff.Factor, new.Backoff.Factor, text)
	compare(r, ActionApply, "backoff.max", old.Backoff.Max, new.Backoff.Max, writtenDuration)
	compare(r, ActionApply, "backoff.jitter", old.Backoff.Jitter, new.Backoff.Jitter, text)
	compare(r, ActionApply, "stable_after", old.StableAfter, new.StableAfter, writtenDuration)
	compareLists(r, ActionApply, "success_exit_codes", old.SuccessExitCodes, new.SuccessExitCodes)
	giveUpReasons(r, "give_up", old.GiveUp, new.GiveUp)
}

func giveUpReasons(r *reasons, key string, old, new *GiveUp) {
	switch {
	case old == nil && new == nil:
	case old == nil || new == nil:
		r.add(ActionApply, fmt.Sprintf("%s: %s → %s", key, giveUpText(old), giveUpText(new)))
	default:
		compare(r, ActionApply, key+".after", old.After, new.After, text)
		compare(r, ActionApply, key+".within", old.Within, new.Within, writtenDuration)
		compare(r, ActionApply, key+".retry_every", old.RetryEvery, new.RetryEvery, retryText)
		compareLists(r, ActionApply, key+".exit_codes", old.ExitCodes, new.ExitCodes)
	}
}

func giveUpText(g *GiveUp) string {
	if g == nil {
		return "false"
	}
	return fmt.Sprintf("after %d within %s", g.After, writtenDuration(g.Within))
}

func retryText(d time.Duration) string {
	if d == 0 {
		return "false"
	}
	return writtenDuration(d)
}

func logReasons(r *reasons, from, to *Config, old, new *ProcessLog) {
	compare(r, ActionRestart, "log_forwarding", old.Forward, new.Forward, text)
	written := ActionRestart
	if !old.Forward && !new.Forward {
		written = ActionApply // names of files that nobody writes
	}
	compare(r, written, "stdout_file", old.Stdout, new.Stdout, text)
	compare(r, written, "stderr_file", old.Stderr, new.Stderr, text)
	if old.Forward && new.Forward && (!filepath.IsAbs(new.Stdout) || !filepath.IsAbs(new.Stderr)) {
		compare(r, ActionRestart, "logging.directory", from.Logging.Directory, to.Logging.Directory, text)
	}
	compare(r, ActionApply, "log.on_full", old.OnFull, new.OnFull, text)
	compare(r, ActionApply, "log.max_line", old.MaxLine, new.MaxLine, writtenSize)
	compare(r, ActionApply, "log.format", old.Format, new.Format, text)
	compare(r, ActionApply, "log.timestamps", old.Timestamps, new.Timestamps, text)
	compare(r, ActionApply, "log.prefix", old.Prefix, new.Prefix, text)
	compareLists(r, ActionApply, "log.forward", old.Targets, new.Targets)
	compare(r, ActionApply, "log.rotate.size", old.Rotate.Size, new.Rotate.Size, writtenSize)
	compare(r, ActionApply, "log.rotate.age", old.Rotate.Age, new.Rotate.Age, writtenDuration)
	compare(r, ActionApply, "log.rotate.keep", old.Rotate.Keep, new.Rotate.Keep, text[int])
	compare(r, ActionApply, "log.rotate.compress", string(old.Rotate.Compress), string(new.Rotate.Compress), orUnset)
}

// environmentReasons never tells a value: they are where secrets are kept, and a plan is printed and logged.
func environmentReasons(r *reasons, from, to *Config, old, new *Process) {
	compare(r, ActionRestart, "env_file", from.Env.File, to.Env.File, orUnset)
	for _, name := range changedNames(from.Env, to.Env) {
		if old.Env.decides(name) && new.Env.decides(name) && !refersTo(new.Env.Values, name) {
			continue // its own value wins, before and after
		}
		r.add(ActionRestart, "env: "+name+" "+howChanged(from.Env, to.Env, name))
	}
	compare(r, ActionRestart, "env_file", old.Env.File, new.Env.File, orUnset)
	for _, name := range changedNames(old.Env, new.Env) {
		r.add(ActionRestart, "env: "+name+" "+howChanged(old.Env, new.Env, name))
	}
}

// decides tells whether what the layers below say of a variable does not matter.
func (e Environment) decides(name string) bool {
	_, set := e.Values[name]
	return set || slices.Contains(e.Removed, name)
}

func changedNames(old, new Environment) []string {
	names := map[string]bool{}
	for name, value := range old.Values {
		if now, kept := new.Values[name]; !kept || now != value {
			names[name] = true
		}
	}
	for name := range new.Values {
		if _, known := old.Values[name]; !known {
			names[name] = true
		}
	}
	for _, name := range slices.Concat(old.Removed, new.Removed) {
		if slices.Contains(old.Removed, name) != slices.Contains(new.Removed, name) {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// refersTo tells whether a value is made of a variable of the same name from the layers below.
func refersTo(values map[string]string, name string) bool {
	for _, value := range values {
		if strings.Contains(value, "%env."+name+"%") {
			return true
		}
	}
	return false
}

func howChanged(old, new Environment, name string) string {
	_, before := old.Values[name]
	_, now := new.Values[name]
	switch {
	case before && now:
		return "changed"
	case now:
		return "added"
	case before || slices.Contains(new.Removed, name):
		return "removed"
	}
	return "not removed any more"
}

func limitReasons(r *reasons, old, new []Limit) {
	before, now := limitTexts(old), limitTexts(new)
	names := maps.Clone(before)
	maps.Copy(names, now)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		compare(r, ActionRestart, "limits."+name, before[name], now[name], func(value string) string { return orElse(value, "inherited") })
	}
}

func limitTexts(limits []Limit) map[string]string {
	texts := map[string]string{}
	for _, l := range limits {
		switch {
		case l.Value == ^uint64(0):
			texts[l.Resource] = "unlimited"
		case slices.Contains([]string{"as", "core", "data", "fsize", "memlock", "stack"}, l.Resource) && l.Value < 1<<63:
			texts[l.Resource] = writtenSize(int64(l.Value))
		case l.Resource == "cpu" && l.Value < uint64(Forever/time.Second):
			texts[l.Resource] = writtenDuration(time.Duration(l.Value) * time.Second)
		default:
			texts[l.Resource] = strconv.FormatUint(l.Value, 10)
		}
	}
	return texts
}

// compare adds a reason where two values differ.
func compare[T comparable](r *reasons, action Action, key string, old, new T, show func(T) string) {
	if old == new {
		return
	}
	before, now := show(old), show(new)
	if before == now {
		r.add(action, key+": changed")
		return
	}
	r.add(action, fmt.Sprintf("%s: %s → %s", key, before, now))
}

func compareLists[T comparable](r *reasons, action Action, key string, old, new []T) {
	if slices.Equal(old, new) {
		return
	}
	r.add(action, fmt.Sprintf("%s: %s → %s", key, listText(old), listText(new)))
}

// listText is a list as it stands in the configuration.
func listText[T any](values []T) string {
	var items []string
	for _, value := range values {
		item := fmt.Sprint(value)
		if reflect.TypeFor[T]().Kind() == reflect.String {
			item = strconv.Quote(item)
		}
		items = append(items, item)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func text[T any](value T) string { return fmt.Sprint(value) }

func orUnset(value string) string { return orElse(value, "unset") }

func maskText(mask *int) string {
	if mask == nil {
		return "inherited"
	}
	return fmt.Sprintf("%03o", *mask)
}

func numberText(number *int) string {
	if number == nil {
		return "inherited"
	}
	return strconv.Itoa(*number)
}

// commandText tells a list from a shell command of the same words.
func commandText(c *Command) string {
	switch {
	case c == nil || c.IsZero():
		return "unset"
	case len(c.Argv) > 0:
		return listText(c.Argv)
	case c.Shell[0] == '[':
		return strconv.Quote(c.Shell)
	}
	return c.Shell
}

// maxShown is how much of a command a sentence holds.
const maxShown = 60

// shortened is a command on one line that is not too long for a sentence.
func shortened(command string) string {
	command = strings.Join(strings.Fields(command), " ")
	if utf8.RuneCountInString(command) <= maxShown {
		return command
	}
	return string([]rune(command)[:maxShown-1]) + "…"
}

// writtenDuration is the length exactly, as one would write it into the configuration.
func writtenDuration(d time.Duration) string {
	short := FormatDuration(d)
	if exact, err := ParseDuration(short); err == nil && exact == d || d == Forever {
		return short
	}
	return d.String()
}

// writtenSize is the size exactly, as one would write it into the configuration.
func writtenSize(bytes int64) string {
	for _, u := range []struct {
		name string
		unit int64
	}{{"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"KB", 1e3}} {
		if bytes >= u.unit && bytes%u.unit == 0 {
			return strconv.FormatInt(bytes/u.unit, 10) + u.name
		}
	}
	return strconv.FormatInt(bytes, 10)
}
