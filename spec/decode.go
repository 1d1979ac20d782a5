package spec

import (
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The conversions below are asked only for values that structure has passed; for anything else they answer zero, so
// that one bad value does not hide the problems after it.

func (n *node) string() string {
	if !n.is(kindString) {
		return ""
	}
	return n.text
}

func (n *node) bool() bool { return n.is(kindBool) && n.text == "true" }

func (n *node) int() int { value, _ := n.integer(); return int(value) }

func (n *node) intPointer() *int {
	if !n.is(kindNumber) {
		return nil
	}
	value := n.int()
	return &value
}

func (n *node) ints() []int {
	values := []int{}
	if n.is(kindList) {
		for _, item := range n.items {
			values = append(values, item.int())
		}
	}
	return values
}

func (n *node) seconds() time.Duration {
	if n.string() == "forever" {
		return Forever
	}
	value, _ := n.duration()
	return value
}

func (n *node) bytes() int64 { value, _ := n.size(); return value }

func (n *node) signal() Signal {
	signal, _ := ParseSignal(n.string())
	return signal
}

func (n *node) signals() []Signal {
	if n.is(kindString) {
		return []Signal{n.signal()}
	}
	var signals []Signal
	if n.is(kindList) {
		for _, item := range n.items {
			signals = append(signals, item.signal())
		}
	}
	return signals
}

// roleNames are lower case, once each.
func (n *node) roleNames() []string {
	var names []string
	if n.is(kindList) {
		for _, item := range n.items {
			if name := strings.ToLower(item.string()); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// absolute is a path relative to the directory; "" stays "".
func absolute(directory, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(directory, path)
}

// workingDirectory is a process's directory. A leading variable may hold an absolute path; joining would bury that.
func workingDirectory(base, path string) string {
	if strings.HasPrefix(path, "%env.") {
		return path
	}
	return absolute(base, path)
}

// environment is an env_file and an env.
func (n *node) environment(directory string) Environment {
	env := Environment{File: absolute(directory, n.get("env_file").string()), Values: map[string]string{}}
	if values := n.get("env"); values.is(kindObject) {
		for _, m := range values.members {
			switch {
			case m.value.is(kindString):
				env.Values[m.key] = m.value.text
			case m.value.is(kindNull):
				env.Removed = append(env.Removed, m.key)
			}
		}
		slices.Sort(env.Removed)
	}
	return env
}

// config converts the whole document but for its roles and processes.
func (n *node) config(c *Config) {
	c.Pidfile = absolute(c.Directory, n.get("pidfile").string())
	c.StateDirectory = absolute(c.Directory, n.get("state_directory").string())
	c.Timezone = location(n.get("timezone").string())
	c.SampleEvery = n.get("sample_every").seconds()
	logging := n.get("logging")
	c.Logging = Logging{
		Directory: absolute(c.Directory, logging.get("directory").string()),
		Format:    LogFormat(logging.get("format").string()),
		OnFull:    OnFull(logging.get("on_full").string()),
		MaxLine:   logging.get("max_line").bytes(),
		Rotate:    logging.get("rotate").rotate(usualRotate),

		Timestamps: logging.get("timestamps").bool(),
		Prefix:     logging.get("prefix").bool(),
		Forward:    logging.get("forward").logTargets(),
	}
	c.Env = n.environment(c.Directory)
}

// role converts one role with its defaults filled in.
func (n *node) role(name string) Role {
	return Role{
		Name:           name,
		Supervision:    Supervision(n.get("supervision").string()),
		MaxUnavailable: n.get("max_unavailable").int(),
		Essential:      n.get("essential").bool(),
		GiveUp:         n.get("give_up").giveUp(),
	}
}

func (n *node) giveUp() *GiveUp {
	if !n.is(kindObject) {
		return nil
	}
	return &GiveUp{
		After:      n.get("after").int(),
		Within:     n.get("within").seconds(),
		RetryEvery: n.get("retry_every").seconds(),
		ExitCodes:  n.get("exit_codes").ints(),
	}
}

// process converts one process with its defaults filled in.
func (n *node) process(c *Config) Process {
	p := Process{
		Name:       n.get("name").string(),
		ID:         MachineName(n.get("name").string()),
		Roles:      n.get("roles").roleNames(),
		Up:         n.get("up").command(),
		Directory:  workingDirectory(c.Directory, n.get("directory").string()),
		User:       n.get("user").string(),
		Group:      n.get("group").string(),
		Nice:       n.get("nice").intPointer(),
		OOMScore:   n.get("oom_score_adj").intPointer(),
		NoNewPrivs: n.get("no_new_privs").bool(),
		Limits:     n.get("limits").limits(),
		Env:        n.environment(c.Directory),
		Clones:     Clones{Count: n.get("clones").int(), Auto: n.get("clones").string() == "auto"},
		Autostart:  n.get("autostart").bool(),
		Restart: Restart{
			Resurrect: Resurrect(n.get("resurrect").string()),
			After:     n.get("resurrect_after").seconds(),
			Backoff: Backoff{
				Factor: n.at("backoff", "factor").float(),
				Max:    n.at("backoff", "max").seconds(),
				Jitter: n.at("backoff", "jitter").float(),
			},
			StableAfter:      n.get("stable_after").seconds(),
			SuccessExitCodes: n.get("success_exit_codes").ints(),
			GiveUp:           n.get("give_up").giveUp(),
		},
		Stop: Stop{
			Signals: n.at("stop", "signal").signals(),
			Timeout: n.at("stop", "timeout").seconds(),
			Scope:   StopScope(n.at("stop", "scope").string()),
		},
		Pause: n.get("pause_signal").signal(),
		Log:   n.processLog(c.Logging),

		Daemonizes: n.get("daemonizes").daemonizes(c.Directory),
		Cgroup:     n.get("cgroup").cgroup(),
		Health:     n.get("health").health(),
	}
	p.Runaway = n.get("runaway").runaway(p.Cgroup)
	if mask, ok := n.get("umask").umask(); ok {
		p.Umask = &mask
	}
	return p
}

// daemonizedWithin is how long a program may take to put itself into the background when the file does not say.
const daemonizedWithin = 10 * time.Second

func (n *node) daemonizes(directory string) *Daemonizes {
	if !n.is(kindObject) && !n.bool() {
		return nil
	}
	d := &Daemonizes{Within: daemonizedWithin}
	if n.is(kindObject) {
		d.Pidfile = absolute(directory, n.get("pidfile").string())
		if within := n.get("within"); within.given() {
			d.Within = within.seconds()
		}
	}
	return d
}

// cgroup is wanted where there is an object, also an empty one: a group without limits ends as a whole.
func (n *node) cgroup() *Cgroup {
	if !n.is(kindObject) {
		return nil
	}
	return &Cgroup{MemoryMax: n.get("memory_max").bytes(), CPUMax: n.get("cpu_max").float()}
}

func (n *node) float() float64 { value, _ := n.number(); return value }

func (n *node) processLog(logging Logging) ProcessLog {
	log := ProcessLog{
		Forward: n.get("log_forwarding").bool(),
		Stdout:  n.get("stdout_file").string(),
		Stderr:  n.get("stderr_file").string(),
		OnFull:  logging.OnFull,
		MaxLine: logging.MaxLine,
		Rotate:  n.at("log", "rotate").rotate(logging.Rotate),

		Format: logging.Format, Timestamps: logging.Timestamps, Prefix: logging.Prefix, Targets: logging.Forward,
	}
	if own := n.at("log", "format"); own.is(kindString) {
		log.Format = LogFormat(own.text)
	}
	if own := n.at("log", "timestamps"); own.is(kindBool) {
		log.Timestamps = own.bool()
	}
	if own := n.at("log", "prefix"); own.is(kindBool) {
		log.Prefix = own.bool()
	}
	if own := n.at("log", "forward"); own.given() {
		log.Targets = own.logTargets()
	}
	if own := n.at("log", "on_full"); own.is(kindString) {
		log.OnFull = OnFull(own.text)
	}
	if own := n.at("log", "max_line"); own.given() {
		log.MaxLine = own.bytes()
	}
	return log
}

// usualRotate is what holds where nothing is said.
var usualRotate = Rotate{Size: 50_000_000, Keep: 10}

// rotate is what an object says above what would hold without it.
func (n *node) rotate(base Rotate) Rotate {
	switch {
	case n.is(kindBool):
		return Rotate{}
	case !n.is(kindObject):
		return base
	case base == Rotate{}:
		base = usualRotate
	}
	if size := n.get("size"); size.given() {
		base.Size = size.bytes()
	}
	if age := n.get("age"); age.given() {
		base.Age = age.seconds()
	}
	if keep := n.get("keep"); keep.given() {
		base.Keep = keep.int()
	}
	if compress := n.get("compress"); compress.is(kindString) {
		base.Compress = Compression(compress.text)
	}
	return base
}

// limits are in the order of the table, so that equal configurations are equal values.
func (n *node) limits() []Limit {
	var limits []Limit
	for _, known := range shapes().child("defaults").child("limits").children {
		value := n.get(known.name)
		if !value.given() {
			continue
		}
		limit := Limit{Resource: known.name}
		switch {
		case value.unlimited():
			limit.Value = ^uint64(0)
		case known.kind == limitTimeKind:
			// The kernel counts whole seconds; less than one would kill at once.
			limit.Value = uint64((value.seconds() + time.Second - 1) / time.Second)
		default:
			limit.Value = uint64(value.bytes())
		}
		limits = append(limits, limit)
	}
	return limits
}
