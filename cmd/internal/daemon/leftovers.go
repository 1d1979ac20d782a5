package daemon

import (
	"fmt"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/keeper"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/spec"
)

// Leftovers is what a daemon does with the processes of one that was killed together with its keeper.
type Leftovers string

const (
	// LeftoversJoin takes them back, and starts what was ordered beside them.
	LeftoversJoin Leftovers = ""
	// LeftoversTake takes them back, and starts nothing else.
	LeftoversTake Leftovers = "take"
	// LeftoversEnd takes them back to end them, and then itself.
	LeftoversEnd Leftovers = "end"
)

// LeftBehind counts the processes of a configuration that run on while no daemon does. It changes nothing. config may be nil where it cannot be
// read: the state is then looked for where it is unless the file says otherwise.
func LeftBehind(path string, config *spec.Config) int {
	place := control.Locate(path)
	return actors.LeftBehind(place.Key, stateDirectories(path, config, place))
}

// Elsewhere says who else runs a configuration: a daemon of another user, which keeps its lock in a place of its own. nil is nobody.
func Elsewhere(path string) error {
	pid, uid := keeper.Elsewhere(path)
	if pid == 0 {
		return nil
	}
	name := strconv.Itoa(int(uid))
	if known, err := user.LookupId(name); err == nil {
		name = known.Username
	}
	return &control.Refusal{
		Message: fmt.Sprintf("the user %s runs %s (process %d)", name, path, pid),
		Hint:    "as that user phorever status tells of it, and phorever stop ends it",
	}
}

// stateDirectories are where an earlier daemon may have kept its state, best first.
func stateDirectories(path string, config *spec.Config, place control.Place) []string {
	if config == nil {
		config = &spec.Config{Directory: filepath.Dir(path)}
	}
	name := place.Key + ".d"
	return []string{StateDirectory(config, place), filepath.Join(ourSharedMemory(), name), filepath.Join(place.Directory, name)}
}

// configLeft is the configuration of a daemon that was killed, for one that only ends what that has left: whatever the file has become. It is
// nil for others.
func (d *Daemon) configLeft() *spec.Config {
	if d.options.Leftovers == LeftoversJoin {
		return nil
	}
	return configInForce(d.options.Config, actors.ReadState(stateDirectories(d.options.Config, nil, d.place)))
}
