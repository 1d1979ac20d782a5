package daemon

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/spec"
)

// LogIndex is where in a state directory the indexes of logs are.
func LogIndex(state string) string { return filepath.Join(state, "logs") }

// StateDirectory is where what outlives the daemon is kept.
func StateDirectory(config *spec.Config, place control.Place) string {
	if config.StateDirectory != "" {
		return config.StateDirectory
	}
	if os.Getuid() == 0 {
		return filepath.Join("/var/lib/phorever", place.Key)
	}
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "phorever", place.Key)
	}
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) {
		if info, err := os.Stat(home); err == nil && info.IsDir() {
			return filepath.Join(home, ".local", "state", "phorever", place.Key)
		}
	}
	return filepath.Join(config.Directory, ".phorever")
}

// past is what an earlier daemon has left, as far as it concerns this one.
type past struct {
	config   *spec.Config // that was in force
	values   map[string][]byte
	again    bool   // an earlier daemon did not end in order
	stopping string // why it was stopping, "" if it was not
}

// savedConfig is the configuration that is in force, as it was read.
type savedConfig struct {
	Sources          map[string][]byte `json:"sources"`
	WorkingDirectory string            `json:"working_directory"`
	AllowUnsafe      bool              `json:"allow_unsafe"`
}

// The keys of the daemon's own part of the state.
const (
	keyConfig   = "config"
	keyStopping = "daemon/stopping"
	keyEnviron  = "daemon/environ"
)

// openState opens the saved state. A daemon without one supervises all the same, and is taken back by what its processes say.
func (d *Daemon) openState(config *spec.Config) {
	if d.state != nil {
		return
	}
	d.openStateIn(StateDirectory(config, d.place))
}

func (d *Daemon) openStateIn(directory string) {
	directories := []string{directory}
	if shelter, err := d.shelter(); err == nil {
		directories = append(directories, shelter)
	}
	state, err := actors.OpenState(directories)
	said := func(sentence string) {
		d.log.Warn(sentence)
		d.stateSays = append(d.stateSays, sentence)
	}
	if err != nil {
		said(fmt.Sprintf("the state cannot be saved: %v", err))
	}
	for _, sentence := range state.Found.Ignored {
		said("saved state: " + sentence)
	}
	d.state, d.stateIn = state, directory
	if d.kept != nil {
		d.kept.link.Remember(heldState, directory)
	}
}

// reopenState opens the state of the daemon before us, and reads the configuration that was in force, nil if it cannot.
func (d *Daemon) reopenState() *spec.Config {
	directory := d.kept.inheritance.Texts[heldState]
	if directory == "" {
		return nil
	}
	d.openStateIn(directory)
	return configInForce(d.options.Config, d.state.Found.Values)
}

// configInForce is the configuration that an earlier daemon ran, nil if that cannot be read.
func configInForce(path string, values map[string][]byte) *spec.Config {
	var saved savedConfig
	if json.Unmarshal(values[keyConfig], &saved) != nil || len(saved.Sources) == 0 {
		return nil
	}
	options := spec.LoadOptions{AllowUnsafe: true, WorkingDirectory: saved.WorkingDirectory, Sources: saved.Sources}
	config, problems := spec.Load(path, options)
	if config == nil || problems.HasErrors() {
		return nil
	}
	return config
}

// before is what an earlier daemon has left.
func (d *Daemon) before(config *spec.Config) past {
	found := d.state.Found
	was := past{config: config, values: found.Values, again: !d.kept.first() || !found.Clean && len(found.Values) > 0}
	was.stopping = string(found.Values[keyStopping])
	switch {
	case !d.kept.first():
	case d.options.Leftovers == LeftoversEnd:
		was.stopping = "stopped by an order"
	case was.stopping != "": // the one before was killed while it stopped, with its keeper, and now somebody wants it to start
		was.stopping = ""
		d.state.Delete(keyStopping)
	}
	if d.kept.first() {
		if earlier := configInForce(d.options.Config, found.Values); earlier != nil && was.again {
			was.config = earlier
		}
	}
	return was
}

// treeOptions are how the tree is started.
func (d *Daemon) treeOptions(was past, memory *memory) actors.Options {
	options := actors.Options{Log: d.log, Self: self(), Saving: d.state, Saved: was.values, Environ: d.environ(was), Stopping: was.stopping}
	if d.kept == nil {
		return options
	}
	shelter, err := d.shelter()
	if err != nil {
		d.log.Warnf("output is not kept if the daemon is killed: %v", err)
	}
	options.Kept = &actors.Kept{
		Link: d.kept.link, Inheritance: d.kept.inheritance, Life: d.kept, Key: d.place.Key, Directory: shelter, Index: LogIndex(d.stateIn), Clean: d.state.Found.Clean,
		Container: d.kept.pid() == 1, Owner: ownerOf(d.options.Config), Words: d.words, Starting: memory.starting,
	}
	return options
}

// ownerOf is the uid of a file's owner; root where it cannot be seen.
func ownerOf(path string) int {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

// environ is that of the children: the daemon's as it was when it first started.
func (d *Daemon) environ(was past) []string {
	var saved []string
	if was.again && json.Unmarshal(was.values[keyEnviron], &saved) == nil && len(saved) > 0 {
		return saved
	}
	environ := spec.BaseEnvironment(os.Environ())
	if text, err := json.Marshal(environ); err == nil {
		d.state.Put(keyEnviron, text)
	}
	return environ
}

// introduce tells everybody that we are there.
func (d *Daemon) introduce(was past) {
	d.saveConfig(was.config)
	if d.kept != nil {
		d.kept.store(d.server, d.journal)
		d.server.Moved(func() { d.kept.store(d.server, d.journal) })
		d.kept.link.Hello(d.options.Version)
	}
	switch taken, lost := d.system.Taken(); {
	case d.upgrade != nil:
		d.upgraded()
	case was.again:
		why := "it was not ended in order"
		if d.kept != nil && d.kept.inheritance.Why != "" {
			why = "it " + d.kept.inheritance.Why
		}
		d.system.Announce(event.DaemonRecovered{Processes: taken, Lost: lost, Why: why, Pid: os.Getpid()})
	default:
		d.system.Announce(event.DaemonStarted{Version: d.options.Version, Config: was.config.Path, Pid: os.Getpid()})
	}
	if was.stopping != "" { // which the tree does already
		d.manager.stopping()
		d.saveStopping(was.stopping)
	}
}

// saveConfig writes down which configuration is in force.
func (d *Daemon) saveConfig(config *spec.Config) {
	saved := savedConfig{config.Sources(), d.options.WorkingDirectory, d.options.AllowUnsafe}
	if text, err := json.Marshal(saved); err == nil {
		d.state.Put(keyConfig, text)
	}
}

func (d *Daemon) saveStopping(reason string) {
	d.state.Put(keyStopping, []byte(reason))
}

// keepCrashes has the runtime write what it says at a crash of ours into a file, beside the terminal.
func (d *Daemon) keepCrashes(config *spec.Config) error {
	directory := StateDirectory(config, d.place)
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(directory, "crash.log"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	d.words = file // the runtime keeps a descriptor of its own, for the threads that have our files
	return debug.SetCrashOutput(file, debug.CrashOptions{})
}

// self is the path by which we can be executed, also when the file was replaced or removed since.
func self() string {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe"
	}
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
