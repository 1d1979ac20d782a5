package spec

import (
	"time"
)

// Config is one configuration file with everything it includes, defaults filled in.
type Config struct {
	Path           string   // absolute, as the user named it: symlinks are not resolved
	Directory      string   // the directory of Path, as named
	Files          []string // every file that was read, absolute: Path, then the included ones
	Pidfile        string   // absolute
	StateDirectory string   // absolute; "" lets the daemon choose the default of the user it runs as
	Timezone       *time.Location
	SampleEvery    time.Duration
	Logging        Logging
	Env            Environment // env_file, then env
	Roles          []Role      // declared ones first, then those that processes merely mention, in order
	Processes      []Process   // in the order of the files
	Notify         []Sink      // in the order of the main file
	Hooks          []Hook
	Listeners      []Listener

	sources map[string][]byte  // the text of each of Files, by path
	places  map[string]Problem // of the keys that a reload cannot change
}

// Daemonizes describes a program that puts itself into the background.
type Daemonizes struct {
	Pidfile string        // absolute; may hold %…%. "" when it is found by descent
	Within  time.Duration // from the start until its main process is known
}

// Cgroup is the limits of a control group of its own. Zero is none.
type Cgroup struct {
	MemoryMax int64   // bytes
	CPUMax    float64 // cores
}

// Sources is the text of each file that the configuration was made of, by its path: LoadOptions take it for another Load.
func (c *Config) Sources() map[string][]byte { return c.sources }

// Role is a named set of processes that is started and stopped together.
type Role struct {
	Name           string // lower case
	Supervision    Supervision
	MaxUnavailable int  // clones that a rolling restart may take down at once
	Essential      bool // its loss ends the daemon
	GiveUp         *GiveUp
}

// Supervision says who else is restarted when a process of a role fails. The names are Erlang/OTP's.
type Supervision string

// The supervision strategies of a role.
const (
	OneForOne  Supervision = "one_for_one"
	OneForAll  Supervision = "one_for_all"
	RestForOne Supervision = "rest_for_one"
)

// Process is one entry of "processes": a command, run as Clones operating system processes.
type Process struct {
	Name       string   // as written
	ID         string   // the machine name, unique: MachineName(Name)
	Roles      []string // lower case, without repeats, in the order written; the first is the home role
	Up         Command
	Down       *Command // asks it to stop, instead of the signal
	Directory  string   // absolute, symlinks kept; may hold %…%. One that begins with %env.…% is relative to Config.Directory unless what it expands to is absolute
	User       string   // a name or a number; "" keeps the daemon's user
	Group      string   // a name or a number; "" is the user's primary group
	Umask      *int
	Nice       *int
	OOMScore   *int // oom_score_adj
	NoNewPrivs bool
	Limits     []Limit
	Env        Environment // of the process alone: its env_file, then its env
	Clones     Clones
	Autostart  bool
	Restart    Restart
	Stop       Stop
	Pause      Signal // SIGSTOP unless configured
	Daemonizes *Daemonizes
	Cgroup     *Cgroup
	Health     *Health  // nil: it is not checked
	Runaway    *Runaway // nil: never
	Log        ProcessLog
}

// Command is what "up" and "down" hold: one shell command line, or an argument vector. Exactly one is set.
type Command struct {
	Shell string
	Argv  []string
}

// Environment is an env_file, and the literal values and removals that win over it. The file is read at each start of a process.
type Environment struct {
	File    string            // absolute, or ""
	Values  map[string]string // may hold %…%
	Removed []string          // what File and the environments below set of these is not seen; sorted
}

// Clones is how many copies run. Auto is one for each CPU that the daemon may use.
type Clones struct {
	Count int
	Auto  bool
}

// Limit is one resource limit, soft and hard alike. Unlimited is ^uint64(0).
type Limit struct {
	Resource string // nofile, nproc, core, as, cpu, data, fsize, memlock, stack
	Value    uint64
}
