package spec

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// validate checks what no single value can tell: names against each other, policies as a whole, and the machine.
func (l *loader) validate(document *node, processes []written) {
	if len(processes) == 0 && !l.report.failed {
		l.report.warn(document.opening(), "processes", "there is no process, so nothing would run", "")
	}
	l.unique(processes)
	for _, p := range processes {
		l.required(p)
		l.policy(p)
		l.vitals(p)
		l.log(p)
	}
	l.pidfiles(processes)
	if l.kept == nil {
		l.clashes(document, processes)
	}
	if !l.onDisk {
		return
	}
	if l.kept != nil { // it was accepted once, and the disk may have changed since
		l.placeFixed(document)
		return
	}
	l.envFile(document.get("env_file"), l.config.Env)
	self := effectiveUser()
	programs := newPrograms(l.options.Environ)
	for _, p := range processes {
		l.envFile(p.whole.get("env_file"), p.Env)
		l.program(programs, p)
		l.account(p)
		if self != 0 {
			l.identity(p, self)
		}
	}
	l.behindSymlinks(document)
	l.placeFixed(document)
	if !l.options.AllowUnsafe && self == 0 {
		l.permissions(processes)
	}
}

// unique reports processes whose machine names are equal.
func (l *loader) unique(processes []written) {
	first := map[string]written{}
	for _, p := range processes {
		if p.Name == "" {
			continue
		}
		other, taken := first[p.ID]
		if !taken {
			first[p.ID] = p
			continue
		}
		at := p.whole.get("name")
		name := other.whole.get("name")
		line := name.line()
		message := fmt.Sprintf("%q stands on line %d already", p.Name, line)
		if other.file != p.file {
			message = fmt.Sprintf("%q stands in %s on line %d already", p.Name, other.file.shown, line)
		}
		if other.Name != p.Name {
			message = fmt.Sprintf("%q and %q (line %d) both have the machine name %q", p.Name, other.Name, line, p.ID)
			if other.file != p.file {
				message = fmt.Sprintf("%q and %q (%s, line %d) both have the machine name %q", p.Name, other.Name, other.file.shown, line, p.ID)
			}
		}
		l.report.errorAt(at, message, fmt.Sprintf("give each a name of its own, such as %q, or one process two \"clones\"", p.Name+" 2"))
	}
}

// pidfiles refuses programs that would write their numbers into one file.
func (l *loader) pidfiles(processes []written) {
	first := map[string]written{}
	for _, p := range processes {
		d := p.Daemonizes
		if d == nil || d.Pidfile == "" {
			continue
		}
		at := l.anchor(p, "daemonizes", "pidfile")
		if (p.Clones.Auto || p.Clones.Count > 1) && !strings.Contains(d.Pidfile, "%clone%") {
			l.report.errorAt(at, "all clones would write the same file", "put %clone% into its name, and into what the program is told")
		}
		if strings.Contains(d.Pidfile, "%name%") {
			continue
		}
		if other, taken := first[d.Pidfile]; taken {
			l.report.errorAt(at, fmt.Sprintf("%q writes the same file", other.Name), "give each a file of its own, and tell the program")
			continue
		}
		first[d.Pidfile] = p
	}
}

// required reports what a process lacks.
func (l *loader) required(p written) {
	if !p.whole.get("name").given() {
		l.report.error(p.own.opening(), p.own.child("name"), "required",
			fmt.Sprintf(`write "name": %q; commands, log files and status know the process by it`, suggestedName(p.Up)))
	}
	if !p.whole.get("up").given() {
		l.report.error(p.own.opening(), p.own.child("up"), "required", `write "up": "…", the command that it runs`)
	}
}

// policy warns of a policy that cannot do what it says.
func (l *loader) policy(p written) {
	give := p.Restart.GiveUp
	if give == nil || p.Restart.Resurrect == ResurrectNever {
		return
	}
	for _, code := range give.ExitCodes {
		if slices.Contains(p.Restart.SuccessExitCodes, code) {
			l.report.warnAt(l.anchor(p, "give_up", "exit_codes"), fmt.Sprintf("%d stands in success_exit_codes as well, where it is no failure", code), "")
		}
	}
	if least := quickest(p.Restart); give.After > 0 && give.Within > 0 && least >= give.Within {
		l.report.warnAt(l.anchor(p, "give_up"), fmt.Sprintf("never reached: %d failures take at least %s with these delays, and only those of the last %s count",
			give.After+1, FormatDuration(least), FormatDuration(give.Within)), "raise give_up.within, or lower give_up.after or the delays; false says that it never gives up")
	}
}

// quickest is the least time in which a process can fail often enough to be given up: each run fails at once, and the
// delays are as short as their jitter allows.
func quickest(policy Restart) time.Duration {
	var total float64
	for n := 1; n <= min(policy.GiveUp.After, 999); n++ {
		delay := float64(policy.After)
		if n > 1 && policy.Backoff.Factor > 1 {
			longest := float64(max(policy.Backoff.Max, policy.After))
			lengthened := min(longest, delay*math.Pow(policy.Backoff.Factor, float64(n-1)))
			delay = max(delay, lengthened*(1-policy.Backoff.Jitter))
		}
		// A run that fails at once is early, and the next start waits a second; one that was stable lasted as long.
		total += max(delay, float64(min(policy.StableAfter, time.Second)))
	}
	return time.Duration(min(total, float64(math.MaxInt64/2)))
}

// anchor is where a value of the process is written, or the nearest thing that is: a default has no place.
func (l *loader) anchor(p written, keys ...string) *node {
	for i := len(keys); i > 0; i-- {
		if n := p.whole.at(keys[:i]...); n != nil && n.src.path != "" {
			return n
		}
	}
	if name := p.own.get("name"); name.given() {
		return name
	}
	return p.own
}

// log warns of a process that writes into the daemon's own log.
func (l *loader) log(p written) {
	for _, key := range []string{"stdout_file", "stderr_file"} {
		name := strings.ReplaceAll(p.whole.get(key).string(), "%name%", p.ID)
		if p.Log.Forward && absolute(l.config.Logging.Directory, name) == l.config.Logging.Own() {
			l.report.warnAt(l.anchor(p, key), "its output goes into the daemon's own log, "+name, "choose another name, or another "+key)
		}
	}
}

// envFile reports an env_file that is missing or cannot be parsed. It is read again at each start of a process, but a
// start is a bad time to learn that it was never there.
func (l *loader) envFile(at *node, env Environment) {
	if env.File == "" || !at.is(kindString) {
		return
	}
	problem, known := l.envFiles[env.File]
	if !known {
		_, problem = readEnvFile(env.File)
		l.envFiles[env.File] = problem
	}
	if problem.message != "" {
		l.report.errorAt(at, shownName(env.File, l.options.WorkingDirectory)+": "+problem.message, problem.hint)
	}
}

// program warns when the program of a command is not there. It may be there when the process starts.
func (l *loader) program(programs *programs, p written) {
	up := p.whole.get("up")
	if !up.given() {
		return
	}
	name := programOf(p.Up)
	if name == "" || strings.Contains(name, "%") || strings.Contains(p.Directory, "%") {
		return
	}
	if message := programs.missing(name, p.Process, l.config.Env); message != "" {
		l.report.warnAt(up, message, "")
	}
}

// account refuses a user without an account, who has no group, where none is given.
func (l *loader) account(p written) {
	if at := p.whole.get("user"); p.User != "" && p.Group == "" && at.is(kindString) {
		if found, err := LookupUser(p.User); err == nil && found.Gid == "" {
			l.report.errorAt(at, fmt.Sprintf("user %s has no account on this machine, and so no group", p.User), fmt.Sprintf(`give the group too, such as "group": %q`, p.User))
		}
	}
}

// identity warns when only root could do what the process asks for, and we are not.
func (l *loader) identity(p written, self int) {
	if at := p.whole.get("user"); p.User != "" && at.is(kindString) {
		if found, err := LookupUser(p.User); err == nil && found.Uid != strconv.Itoa(self) {
			l.report.warnAt(at, fmt.Sprintf("only root can run it as %q", p.User), "start Phorever as root, or leave the key out")
		}
	}
}

// placeFixed remembers where the keys stand that a reload cannot change.
func (l *loader) placeFixed(document *node) {
	l.config.places = map[string]Problem{}
	for _, key := range []string{"pidfile", "state_directory"} {
		at := document.get(key)
		if at == nil || at.src.path == "" { // it does not stand in a file
			at = &node{place: l.files[0].tree.opening(), step: key}
		}
		var one report
		one.errorAt(at, "", "")
		l.config.places[key] = one.problems()[0]
	}
}

// behindSymlinks warns when the pid file or the state lies behind a symlink: after a deploy that moves the link, the
// next daemon looks for them elsewhere.
func (l *loader) behindSymlinks(document *node) {
	for key, path := range map[string]string{"pidfile": l.config.Pidfile, "state_directory": l.config.StateDirectory} {
		if path == "" {
			continue
		}
		link := symlinkIn(filepath.Dir(path))
		if link == "" {
			continue
		}
		at := document.get(key)
		if at == nil || at.src.path == "" {
			at = &node{place: l.files[0].tree.opening(), step: key}
		}
		l.report.warnAt(at, fmt.Sprintf("%s lies behind the symlink %s", path, link), "when the link moves, it is looked for elsewhere; name a path that stays")
	}
}

// symlinkIn is the first symlink on the way to a directory; "" where there is none. Links that the system itself keeps
// at the top, such as /var/run, do not count: nobody moves them.
func symlinkIn(directory string) string {
	parts := strings.Split(strings.Trim(directory, "/"), "/")
	path := ""
	for i, part := range parts {
		path += "/" + part
		info, err := os.Lstat(path)
		if err != nil {
			return ""
		}
		if info.Mode()&os.ModeSymlink == 0 {
			continue
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if system := i == 0 || i == 1 && parts[0] == "var"; system && ok && stat.Uid == 0 {
			continue
		}
		return path
	}
	return ""
}
