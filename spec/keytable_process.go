package spec

import (
	"math"
	"time"
)

// processKeys is every key of a process, which are the keys of "defaults" as well.
var processKeys = []key{
	{path: "name", kind: nameKind, means: "Required, and unique: as the machine name, lower-cased with `_` for what is not a letter, digit, `.`, `-` or `_`.", example: `"Short Lived"`},
	{path: "roles", kind: listOf(roleKind, "a list of role names"), means: "The roles that run it; the first is its home. None: it runs by `start` without a role, or by name.", example: `["queue"]`},
	{path: "up", kind: commandKind, means: "Required. The command: a text is a shell command, a list is run directly. `%…%` is expanded.", example: `"php artisan queue:work"`},
	{path: "down", kind: commandKind, pending: true, means: "A command that asks it to stop, instead of the signal.", example: `"./stop.sh"`},
	{path: "preset", kind: presetKind, means: "A set of defaults for a known program; see below.", example: `"laravel-queue"`},

	{path: "directory", kind: expandKind, initial: `"."`, means: "The working directory; a symlink in it is followed anew at each start.", example: `"/srv/app/current"`},
	{path: "user", kind: userKind, means: "The user to run as, by name or number. Default: the daemon's. A number without an account, as in containers, needs `group`; `HOME` is `/` then.", example: `"www-data"`},
	{path: "group", kind: groupKind, means: "The group to run as, by name or number. Default: the user's own.", example: `"www-data"`},
	{path: "umask", kind: umaskKind, means: "The file mode creation mask. Default: inherited.", example: `"022"`},
	{path: "nice", kind: integer(-20, 19), means: "The scheduling priority, 19 the mildest. Default: inherited.", example: `10`},
	{path: "oom_score_adj", kind: integer(-1000, 1000), means: "How readily the kernel kills it when memory runs out. Default: inherited.", example: `500`},
	{path: "no_new_privs", kind: boolKind, initial: `false`, means: "Setuid programs give it no more rights.", example: `true`},
	{path: "limits", kind: objectKind, means: "Resource limits, soft and hard alike. What is absent is inherited.", example: `{"nofile": 1024, "as": "2GB"}`},
	{path: "limits.nofile", kind: limitCountKind, means: "Open files.", example: `1024`},
	{path: "limits.nproc", kind: limitCountKind, means: "Processes of the user.", example: `100`},
	{path: "limits.core", kind: limitSizeKind, means: "The size of a core dump.", example: `0`},
	{path: "limits.as", kind: limitSizeKind, means: "Address space.", example: `"2GB"`},
	{path: "limits.data", kind: limitSizeKind, means: "The data segment.", example: `"1GB"`},
	{path: "limits.fsize", kind: limitSizeKind, means: "The size of a file that it writes.", example: `"10GB"`},
	{path: "limits.memlock", kind: limitSizeKind, means: "Locked memory.", example: `"64MiB"`},
	{path: "limits.stack", kind: limitSizeKind, means: "The stack.", example: `"8MiB"`},
	{path: "limits.cpu", kind: limitTimeKind, means: "CPU time.", example: `"1h"`},
	{path: "cgroup", kind: objectKind, means: "A control group (version 2) of its own for each clone, with limits for its whole tree; {} is one without limits, which still ends as a whole. For root, or where a group is delegated to the daemon.", example: `{"memory_max": "512MB"}`},
	{path: "cgroup.memory_max", kind: sizeBetween(1<<20, math.MaxInt64, "at least 1MiB"), means: "The memory of the whole tree; what needs more is killed by the kernel.", example: `"512MB"`},
	{path: "cgroup.cpu_max", kind: number(0.01, math.Inf(1)), means: "The cores of the whole tree.", example: `1.5`},

	{path: "env", kind: environmentKind, means: "Its environment variables, over the file's `env` and its `env_file`; null removes one that any of these sets.", example: `{"QUEUE": "mail"}`},
	{path: "env_file", kind: pathKind, means: "A file of `NAME=value` lines, read at each start. It must exist.", example: `"worker.env"`},

	{path: "clones", kind: clonesKind, initial: `1`, means: "How many copies run. 0 parks it; `\"auto\"` is one a core.", example: `4`},
	{path: "autostart", kind: boolKind, initial: `true`, means: "false: it starts only when it is named.", example: `false`},
	{path: "resurrect", kind: oneOf("always", "on-failure", "never"), initial: `"always"`, means: "Which ends are followed by another start.", example: `"on-failure"`},
	{path: "resurrect_after", kind: durationKind, initial: `5`, means: "The delay before that start. 0 is at once, for a process that had been stable.", example: `10`},
	{path: "backoff", kind: objectKind, means: "How the delay grows while failures go on.", example: `{"factor": 2}`},
	{path: "backoff.factor", kind: number(1, 1000), initial: `1`, means: "Multiplies the delay with each failure; 2 doubles it.", example: `2`},
	{path: "backoff.max", kind: durationKind, initial: `"1m"`, means: "The longest delay; `resurrect_after` where that is longer.", example: `"5m"`},
	{path: "backoff.jitter", kind: number(0, 1), initial: `0.1`, means: "The share of a lengthened delay that is left to chance.", example: `0.2`},
	{path: "stable_after", kind: durationKind, initial: `"1s"`, means: "When STARTING becomes RUNNING. With `resurrect` `always`, an earlier end is a failure whatever its code.", example: `"5s"`},
	{path: "success_exit_codes", kind: exitsKind, initial: `[0]`, means: "The exit codes that are no failure.", example: `[0, 12]`},
	{path: "give_up", kind: objectOrFalse, means: "When to stop trying (FATAL). false: never.", example: `{"after": 3, "within": "1m"}`},
	{path: "give_up.after", kind: afterKind, initial: `10`, means: "How many restarts are allowed; the next failure within the window is FATAL.", example: `3`},
	{path: "give_up.within", kind: atLeast(time.Second), initial: `"5m"`, means: "The window.", example: `"1m"`},
	{path: "give_up.retry_every", kind: retryKind, initial: `"1m"`, means: "How often a process that was given up is tried once more. false: never.", example: `"10m"`},
	{path: "give_up.exit_codes", kind: exitsKind, initial: `[78]`, means: "Exit codes that are FATAL at once, and never tried again.", example: `[78]`},
	{path: "stop", kind: objectKind, means: "How it is asked to end.", example: `{"timeout": "1h"}`},
	{path: "stop.signal", kind: signalsKind, initial: `["TERM"]`, means: "The signals, with or without SIG, sent one after another.", example: `["INT", "TERM"]`},
	{path: "stop.timeout", kind: patienceKind, initial: `"10s"`, means: "How long each signal is given; after the last, KILL takes the whole tree. `\"forever\"` never kills.", example: `"1h"`},
	{path: "stop.scope", kind: oneOf("main", "group", "tree"), initial: `"main"`,
		means: "Who gets the signals: the main process, its process group, or everything that descends from it.", example: `"group"`},
	{path: "pause_signal", kind: signalKind, initial: `"STOP"`, means: "The signal of `phorever pause`.", example: `"USR2"`},
	{path: "reload_signal", kind: signalKind, pending: true, means: "The signal that makes it read its own configuration, instead of a restart.", example: `"HUP"`},

	{path: "depends_on", kind: listKind, pending: true, means: "What must be there before it starts.", example: `[{"process": "db", "until": "healthy"}]`},
	{path: "health", kind: objectOrFalse, means: "How its health is checked. false, as when it is absent: not at all.", example: `{"silence": "10m"}`},
	{path: "health.silence", kind: atLeast(time.Second), means: "It is unhealthy when it has written no line for so long.", example: `"10m"`},
	{path: "health.grace", kind: durationKind, means: "So long after its start it may be silent beside that. Default: 30 s.", example: `"5m"`},
	{path: "health.then", kind: oneOf("restart", "notify"), means: "What follows: it is ended and resurrected, which counts as a failure, or it is only told. Default: restart.", example: `"notify"`},
	{path: "health.http", kind: textKind, pending: true, means: "An address that must answer.", example: `"http://127.0.0.1:8080/up"`},
	{path: "health.tcp", kind: textKind, pending: true, means: "A port that must answer.", example: `"127.0.0.1:8080"`},
	{path: "health.exec", kind: commandKind, pending: true, means: "A command that must succeed.", example: `"./check.sh"`},
	{path: "health.heartbeat", kind: textKind, pending: true, means: "A file that must change.", example: `"./alive"`},
	{path: "health.interval", kind: durationKind, pending: true, means: "Between two checks.", example: `"10s"`},
	{path: "health.timeout", kind: durationKind, pending: true, means: "How long one may take.", example: `"2s"`},
	{path: "health.failures", kind: integer(1, 1000), pending: true, means: "How many in a row make it unhealthy.", example: `3`},
	{path: "ready", kind: objectKind, pending: true, means: "When it counts as started.", example: `{"log": "Listening on"}`},
	{path: "recycle", kind: objectKind, pending: true, means: "When it is replaced in good order.", example: `{"memory": "256MB"}`},
	{path: "runaway", kind: objectOrFalse, means: "When it counts as run away. false, as when it is absent: never.", example: `{"cpu": 0.95, "for": "5m"}`},
	{path: "runaway.cpu", kind: number(0.01, 10000), means: "The share of a core that its main process uses all the time; of `cgroup.cpu_max` where that is less than a core. Default: 0.95.", example: `0.8`},
	{path: "runaway.for", kind: atLeast(time.Second), means: "For how long. Default: 5 minutes.", example: `"10m"`},
	{path: "runaway.then", kind: oneOf("notify", "restart"), means: "What follows: it is only told, or it is ended and resurrected, which counts as a failure. Default: notify.", example: `"restart"`},
	{path: "daemonizes", kind: objectOrBool, means: "It puts itself into the background: what is started leaves, with exit code 0, and what is meant goes on. true: that is found by descent.", example: `{"pidfile": "./app.pid"}`},
	{path: "daemonizes.pidfile", kind: expandKind, means: "The file in which it says which process it is. With several clones its name holds `%clone%`.", example: `"./app.%clone%.pid"`},
	{path: "daemonizes.within", kind: atLeast(100 * time.Millisecond), means: "How long it may take from the start until that is known. Default: 10 s.", example: `"30s"`},
	{path: "schedule", kind: textKind, pending: true, means: "It runs to completion at these times.", example: `"*/5 * * * *"`},
	{path: "overlap", kind: oneOf("skip", "queue", "parallel"), pending: true, means: "What happens when the last run still lasts.", example: `"skip"`},

	{path: "log_forwarding", kind: boolKind, initial: `true`, means: "false: its output is discarded.", example: `false`},
	{path: "stdout_file", kind: expandKind, initial: `"%name%.log"`, means: "The file of its standard output. A name with `%clone%` gives each clone its own.", example: `"%name%-%clone%.log"`},
	{path: "stderr_file", kind: expandKind, initial: `"%name%.err"`, means: "The file of its standard error; the same as `stdout_file` merges them.", example: `"%name%.log"`},
	{path: "log", kind: objectKind, means: "As `logging`, for this process.", example: `{"on_full": "block"}`},
	{path: "log.rotate", kind: objectOrFalse, means: "As `logging.rotate`, key by key. Of processes that share a file the one that was started last decides.", example: `{"size": "50MB", "keep": 10}`},
	{path: "log.rotate.size", kind: rotateSizeKind, means: "As `logging.rotate.size`.", example: `"1MB"`},
	{path: "log.rotate.keep", kind: integer(0, 10000), means: "As `logging.rotate.keep`.", example: `3`},
	{path: "log.rotate.age", kind: atLeast(time.Second), means: "As `logging.rotate.age`.", example: `"1h"`},
	{path: "log.rotate.compress", kind: oneOf("gzip", "zstd"), means: "As `logging.rotate.compress`.", example: `"gzip"`},
	{path: "log.timestamps", kind: boolKind, means: "As `logging.timestamps`, which is its default.", example: `true`},
	{path: "log.prefix", kind: boolKind, means: "As `logging.prefix`, which is its default.", example: `true`},
	{path: "log.format", kind: oneOf("text", "json"), means: "As `logging.format`, which is its default.", example: `"json"`},
	{path: "log.forward", kind: forwardKind, means: "As `logging.forward`, in its place; false is nowhere.", example: `["syslog", "stdout"]`},
	{path: "log.on_full", kind: oneOf("drop", "block"), means: "As `logging.on_full`, which is its default.", example: `"block"`},
	{path: "log.max_line", kind: maxLineKind, means: "As `logging.max_line`, which is its default.", example: `"16KiB"`},
}

// retryKind is a duration that false switches off.
var retryKind = &kind{name: "duration or false", wants: `a duration such as "1m", or false`,
	schema: `{"anyOf":[` + durationKind.schema + `,{"const":false}]}`,
	check: func(k *kind, r *report, n *node) {
		switch {
		case n.is(kindBool) && n.text == "false":
		case n.is(kindBool):
			k.refuse(r, n, "")
		default:
			checkDurationFrom(k, r, n, 0)
		}
	}}

// afterKind ends below the number of failures that a process's history remembers.
var afterKind = integer(1, 999)
