package spec

import (
	"math"
	"time"
)

// documentKeys is every key outside "processes", in the order in which the reference page tells them.
var documentKeys = []key{
	{path: "$schema", kind: textKind, means: "Where editors find the JSON Schema. Phorever itself ignores it.",
		example: `"./phorever.schema.json"`},
	{path: "pidfile", kind: pathKind, initial: `"./phorever.pid"`, means: "The file that holds the daemon's process id.",
		example: `"/run/my-app.pid"`},
	{path: "state_directory", kind: pathKind,
		means:   "Where saved state and statistics lie. Default: `/var/lib/phorever/KEY` for root, `$XDG_STATE_HOME/phorever/KEY` for others, `.phorever` beside the file where there is no home.",
		example: `"/var/lib/my-app"`},
	{path: "timezone", kind: timezoneKind, initial: `"UTC"`, means: "The zone of every time that people read.", example: `"Europe/Berlin"`},
	{path: "tick", kind: number(0, math.Inf(1)), means: "Accepted for old files, without effect: Phorever does not poll.", example: `2`},
	{path: "sample_every", kind: atLeast(time.Second), initial: `"30s"`,
		means: "How often CPU and memory are sampled for the statistics while nobody looks.", example: `"1m"`},

	{path: "logging", kind: objectKind, means: "Where output goes, and the daemon's own log."},
	{path: "logging.directory", kind: pathKind, initial: `"./logs/"`, means: "The directory of the log files. It is created.", example: `"/var/log/my-app"`},
	{path: "logging.rotate", kind: objectOrFalse, means: "When a log file is put aside, as `web.log.1`, which becomes `web.log.2` at the next time, and so on. false: never.",
		example: `{"size": "50MB", "keep": 10}`},
	{path: "logging.rotate.size", kind: rotateSizeKind, means: "No file grows beyond this, but by a single line that is longer. Default: 50 MB.", example: `"50MB"`},
	{path: "logging.rotate.keep", kind: integer(0, 10000), means: "How many that were put aside are kept. Default: 10.", example: `10`},
	{path: "logging.rotate.age", kind: atLeast(time.Second), means: "A file that is older is put aside before the next line.", example: `"24h"`},
	{path: "logging.rotate.compress", kind: oneOf("gzip", "zstd"), means: "How those that were put aside are compressed: `web.log.1.zst`.", example: `"zstd"`},
	{path: "logging.timestamps", kind: boolKind, initial: `false`, means: "Put the time before each line of output, in `timezone`.", example: `true`},
	{path: "logging.prefix", kind: boolKind, initial: `false`, means: "Put before each line of output whose it is: `web:2 | `.", example: `true`},
	{path: "logging.format", kind: oneOf("text", "json"), initial: `"text"`, means: "The form of the daemon's own log and of the lines of processes: `text` leaves these as they are, `json` makes an object of each, with time, process, clone, run, stream and line.", example: `"json"`},
	{path: "logging.forward", kind: forwardKind, means: "Where else the lines of processes go: `syslog`, `syslog+udp://host:514`, `syslog+tcp://host:514`, `journald`, `stdout` or `stderr` of the daemon; or several of them.", example: `"syslog+tcp://logs.example.com:514?facility=local0"`},
	{path: "logging.on_full", kind: oneOf("drop", "block"), initial: `"drop"`,
		means: "What happens to output that the disk does not take: `drop` counts it and goes on, `block` lets the process wait.", example: `"block"`},
	{path: "logging.max_line", kind: maxLineKind, initial: `"64KiB"`,
		means: "A longer line in a file that several processes share is ended here and marked, so that lines never mix.", example: `"16KiB"`},

	{path: "env", kind: environmentKind, means: "Environment variables of every process. Values may hold `%…%`; null removes one that a weaker section sets: only what the daemon was started with may be left of it.",
		example: `{"APP_ENV": "production"}`},
	{path: "env_file", kind: pathKind, means: "A file of `NAME=value` lines, read at each start of a process; `env` wins over it. It must exist.", example: `".env"`},
	{path: "include", kind: pathsKind, means: "Files whose `processes`, `roles` and `defaults` belong to this configuration. Patterns are sorted; a path without a pattern must exist.",
		example: `["conf.d/*.json"]`},
	{path: "defaults", kind: objectKind, means: "Any key of a process, as the default of all processes of this file, and in the main file of the included ones too.",
		example: `{"stop": {"timeout": "30s"}}`},

	{path: "roles", kind: objectKind, means: "How roles are supervised. A role need not stand here: naming it in a process is enough.",
		example: `{"queue": {"essential": true}}`},
	{path: "roles.*", kind: objectKind, means: "One role, by its name. Names are case-insensitive."},
	{path: "roles.*.supervision", kind: oneOf("one_for_one", "one_for_all", "rest_for_one"), initial: `"one_for_one"`,
		means: "Who is restarted when a process of the role fails: it alone, all of the role, or it and those after it.", example: `"one_for_all"`},
	{path: "roles.*.max_unavailable", kind: integer(1, math.MaxInt64), initial: `1`, means: "How many clones a rolling restart may take down at once.", example: `2`},
	{path: "roles.*.essential", kind: boolKind, initial: `false`, means: "The end of one of its processes, for good, ends the daemon.", example: `true`},
	{path: "roles.*.give_up", kind: objectOrFalse, initial: `false`, means: "Counts the failures of all processes of the role together.", example: `{"after": 20, "within": "5m"}`},
	{path: "roles.*.give_up.after", kind: afterKind, initial: `10`, means: "How many restarts are allowed within the window.", example: `20`},
	{path: "roles.*.give_up.within", kind: atLeast(time.Second), initial: `"5m"`, means: "The window.", example: `"10m"`},

	{path: "dashboard", kind: objectKind, pending: true, means: "The dashboard. Absent: nothing listens.", example: `{"listen": "127.0.0.1:9797"}`},
	{path: "dashboard.listen", kind: textKind, means: "The address to listen on.", example: `"127.0.0.1:9797"`},
	{path: "dashboard.token_file", kind: pathKind, means: "The file with the token that opens it.", example: `"./phorever.token"`},

	{path: "processes", kind: listKind, means: "The processes, in order."},
	{path: "processes[]", kind: objectKind, means: "One process."},
}

var rotateSizeKind = sizeBetween(4<<10, 1<<62, "at least 4KiB")

var maxLineKind = sizeBetween(256, 1<<20, "from 256 bytes to 1MiB")
