package spec

import (
	"fmt"
	"slices"
	"strings"
)

// structure checks one file's tree against the table: known keys, supported ones, values of the right kind. What
// follows may rely on it: where it found nothing, every value can be converted.
func (r *report) structure(n *node, s *shape) {
	if n.kind == kindNull {
		return // as if the key were absent
	}
	if s.kind.secret {
		r.hide(n)
	}
	if s.pending && !n.quiet() {
		r.errorAt(n, "not supported yet", "remove it: this version knows the key, but would not do what it says")
		return
	}
	switch k := s.kind; {
	case k == objectKind || k.orFalse:
		if n.is(kindBool) && (k.orFalse && n.text == "false" || k.orTrue && n.text == "true") {
			return
		}
		if n.kind != kindObject {
			k.refuse(r, n, example(s))
			return
		}
		for _, m := range n.members {
			if below := s.of(m.key); below != nil {
				r.structure(m.value, below)
			} else {
				r.unknown(m, s)
			}
		}
	case k == listKind:
		if n.kind != kindList {
			k.refuse(r, n, example(s))
			return
		}
		for _, item := range n.items {
			if s.each == nil {
				continue
			}
			if item.kind == kindNull {
				s.each.kind.refuse(r, item, "")
				continue
			}
			r.structure(item, s.each)
		}
	default:
		if n.is(kindString) && slices.Contains(s.pendingValues, n.text) {
			r.errorAt(n, fmt.Sprintf("%q is not supported yet", n.text), "this version knows the value, but would not do what it says")
			return
		}
		k.check(k, r, n)
	}
}

func example(s *shape) string {
	if s.key == nil || s.example == "" {
		return ""
	}
	return "for example " + s.example
}

// unknown reports a key that the table does not have, with the best guess at what was meant.
func (r *report) unknown(m member, s *shape) {
	hint := ""
	switch other, foreign := foreignKeys[strings.ToLower(m.key)]; {
	case didYouMean(m.key, s.names()) != "":
		hint = didYouMean(m.key, s.names())
	case s.inProcess() && len(s.elsewhere(m.key)) > 0:
		hint = "write it as " + strings.Join(s.elsewhere(m.key), " or ")
	case s.inProcess() && foreign:
		hint = "here it is called " + other
	case s.name == "defaults" && m.key == "name":
		hint = "each process has a name of its own"
	case s.inProcess() && shapes().child(m.key) != nil:
		hint = "it stands beside \"processes\", not in a process"
	case s.parent == nil && shapes().child("processes").each.child(m.key) != nil:
		hint = "it is a key of a process: write it into an element of \"processes\"; for all of them, into \"defaults\""
	}
	r.error(m.at, m.value.path(), "unknown key", hint)
}

// inProcess tells the shape of a process, or of defaults.
func (s *shape) inProcess() bool { return s.child("up") != nil }

// foreignKeys are the words of other supervisors for what a process's keys mean.
var foreignKeys = map[string]string{
	"command": "up", "cmd": "up", "exec": "up", "execstart": "up", "script": "up", "start": "up",
	"process_name": "name", "program": "name", "role": "roles", "group_name": "roles",
	"numprocs": "clones", "replicas": "clones", "instances": "clones", "processes": "clones",
	"cwd": "directory", "working_dir": "directory", "workingdirectory": "directory", "workdir": "directory",
	"environment": "env", "environmentfile": "env_file",
	"autorestart": "resurrect", "restart": "resurrect", "restart_policy": "resurrect",
	"restartsec": "resurrect_after", "restart_delay": "resurrect_after", "backoff_seconds": "resurrect_after",
	"startretries": "give_up.after", "max_restarts": "give_up.after", "startlimitburst": "give_up.after",
	"startlimitintervalsec": "give_up.within",
	"startsecs":             "stable_after", "min_uptime": "stable_after",
	"exitcodes": "success_exit_codes", "successexitstatus": "success_exit_codes",
	"stopsignal": "stop.signal", "killsignal": "stop.signal", "kill_signal": "stop.signal", "stop_signal": "stop.signal",
	"stopwaitsecs": "stop.timeout", "timeoutstopsec": "stop.timeout", "kill_timeout": "stop.timeout", "stop_grace_period": "stop.timeout",
	"stopasgroup": `stop.scope "group"`, "killasgroup": `stop.scope "group"`, "killmode": "stop.scope",
	"stdout_logfile": "stdout_file", "out_file": "stdout_file", "standardoutput": "stdout_file", "log_file": "stdout_file",
	"stderr_logfile": "stderr_file", "error_file": "stderr_file", "standarderror": "stderr_file",
	"redirect_stderr": "stderr_file, the same as stdout_file",
	"priority":        "depends_on", "after": "depends_on", "requires": "depends_on",
	"max_memory_restart": "recycle.memory", "memory_limit": "cgroup.memory_max", "healthcheck": "health", "cron": "schedule",
}
